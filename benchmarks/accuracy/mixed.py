"""What templates of our own extraction do among those that weights and calibration are learned from: what was asked of
the shipped ones, measured again with them. The report says it, so that the choice can be looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy import measure
from benchmarks.accuracy.targets import EXTRACTORS, FVC, LARGE

from cccd_core.evaluation.calibrating import RawPairs, fit
from cccd_core.evaluation.left_out import leave_one_set_out
from cccd_core.evaluation.rates import error_rates, rates_as_dict
from cccd_core.evaluation.samples import read_folder
from cccd_core.evaluation.scoring import score_pairs
from cccd_core.matching import Matcher
from cccd_core.progress import Progress

Pairs = dict[tuple[str, str], RawPairs]


def learned(roots: Sequence[Path], shipped: Pairs, kept: Path, threads: int, progress: Progress) -> dict[str, Any]:
    """Rates of the FVC sets by weights from the large sets, and of the large sets by weights from the FVC sets, our
    templates among each; and what scores state of a set left out, our templates among the others or not.

    `shipped` are the raw scores of every set by the shipped parameters, `kept` is where our templates are.
    """
    sets = (*FVC, *LARGE)
    from_large, from_small = (measure.trained(of, EXTRACTORS, kept.resolve()) for of in (LARGE, FVC))
    here = measure.raw(roots, from_large, sets, threads, progress)
    fitted, _ = fit([found.of_set(*name) for name, found in here.items()], from_large.digest)
    matcher = Matcher(from_large, fitted)
    rows: list[dict[str, Any]] = []
    for folder in measure.folders(roots, FVC, EXTRACTORS):
        scores, _ = score_pairs(read_folder(folder, expect=measure.EXPECTED), matcher, threads=threads)
        rates = error_rates(scores.genuine(), scores.impostor())
        rows.append({"set": folder.parent.name, "extractor": folder.name, **rates_as_dict(rates)})
    turned = measure.raw(roots, from_small, sets, threads, progress)
    fitted, _ = fit([found.of_set(*name) for name, found in turned.items() if name[0] in FVC], from_small.digest)
    rows += measure.large(turned, fitted)
    parts = [found.of_set(*name) for name, found in shipped.items()]
    return {
        "sets": rows,
        "left_out": [measure.checked(row) for row in leave_one_set_out(parts, Matcher().parameters.digest)],
    }
