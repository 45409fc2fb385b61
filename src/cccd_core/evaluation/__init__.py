"""Error rates and their reports.

`error_rates` works on scores; `evaluate_folder` runs a matcher over a folder of templates first.
"""

from cccd_core.evaluation.folder import SetResult, evaluate_folder, evaluate_samples
from cccd_core.evaluation.rates import Rates, error_rates
from cccd_core.evaluation.samples import Expectation, Sample, SampleSet, read_folder

__all__ = [
    "Expectation",
    "Rates",
    "Sample",
    "SampleSet",
    "SetResult",
    "error_rates",
    "evaluate_folder",
    "evaluate_samples",
    "read_folder",
]
