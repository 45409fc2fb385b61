"""The shipped calibration and fusion belong to the shipped matcher: `make calibrate` after a change of its scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cccd_core.errors import ParameterError
from cccd_core.evaluation.calibrating import raw_check
from cccd_core.evaluation.finger_fusion import Fusion
from cccd_core.evaluation.samples import SampleSet, read_folder
from cccd_core.evaluation.scoring import score_pairs
from cccd_core.matching import Matcher, MatcherParameters
from cccd_core.matching.calibration import Calibration


def test_it_names_the_shipped_parameters() -> None:
    assert Calibration.shipped().parameters_digest == MatcherParameters().digest
    assert Fusion.shipped().parameters_digest == MatcherParameters().digest


def test_a_calibration_of_other_parameters_is_refused() -> None:
    other = replace(MatcherParameters(), candidates=31)
    with pytest.raises(ParameterError):
        Matcher(other)
    assert Matcher(other, Calibration.identity()).parameters == other
    assert Matcher(other, replace(Calibration.shipped(), parameters_digest=other.digest)).parameters == other


@pytest.mark.jit
def test_raw_scores_are_still_those_calibrated() -> None:
    now = raw_check(Matcher(calibration=Calibration.identity()))
    assert len(now) == 16
    assert now == pytest.approx(Calibration.shipped().raw_check, abs=1e-5)


def test_it_says_what_it_stands_on() -> None:
    shipped = Calibration.shipped()
    assert shipped.impostor_pairs >= 1_000_000
    assert {"crossmatch/fjfx", "fcj2020/fjfx"} <= set(shipped.sets)
    assert 40.0 <= shipped.extrapolated_from <= 70.0
    assert dict(shipped.tail)["excesses"] >= 10_000


@pytest.mark.data
@pytest.mark.jit
def test_scores_say_the_fmr_on_real_prints(fingerprints: Path) -> None:
    # Every fourth finger of the largest set: about 300 samples.
    samples = read_folder(fingerprints / "fcj2020" / "fjfx")
    chosen = set(samples.fingers[::4])
    part = SampleSet(samples.path, tuple(sample for sample in samples.samples if sample.finger in chosen))
    impostor = score_pairs(part, Matcher(), threads=2)[0].impostor()
    assert len(impostor) > 40_000
    for score, most in ((10, 2.0), (20, 3.0), (30, 4.0)):
        ratio = float(np.mean(impostor >= score)) * 10.0 ** (score / 10.0)
        assert 1.0 / most <= ratio <= most, f"FMR at score {score} is {ratio:.2f} times what it says"
