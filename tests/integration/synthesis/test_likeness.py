"""Synthetic prints beside real ones of people that the setting never saw (docs/explanation/synthesis.md)."""

from __future__ import annotations

import numpy as np
import pytest

from cccd_core.evaluation.likeness import compare, counterpart
from cccd_core.evaluation.samples import SampleSet, read_folder
from cccd_core.evaluation.scoring import score_pairs
from cccd_core.matching import Matcher
from cccd_core.synthesis import setting

pytestmark = [pytest.mark.data, pytest.mark.jit]


@pytest.fixture(scope="module")
def likeness(fingerprints):
    found = read_folder(fingerprints / "fcj2020" / "fjfx")
    unseen = tuple(sample for sample in found.samples if int(sample.finger.split("-")[0]) % 2 == 0)
    real = SampleSet(found.path, unseen)
    assert len(real.fingers) == 100
    matcher = Matcher()
    drawn = [counterpart(real, setting("fjfx"), 2026 + k) for k in range(4)]
    return compare(real, drawn, {"cccd": lambda s: score_pairs(s, matcher)[0]})


def test_quantiles_lie_within_the_tolerance(likeness):
    gaps = {measure.name: float(np.abs(measure.gaps()).max()) for measure in likeness.measures}
    assert len(gaps) == 11
    scores = {name: gap for name, gap in gaps.items() if "cccd" in name}
    assert len(scores) == 2
    assert max(scores.values()) <= 0.15, scores
    assert max(gaps.values()) <= 0.25, gaps


def test_impostor_scores_have_no_thinner_tail(likeness):
    (impostor,) = [measure for measure in likeness.measures if measure.tail]
    assert [share for share, _, _ in impostor.tails()] == [1e-3, 1e-4, 1e-5]
    for _, real, synthetic in impostor.tails():
        assert synthetic >= 0.95 * real  # a twentieth is less than what other people of as many move it


def test_several_fingers_help_as_much(likeness):
    real, synthetic = likeness.separations
    assert (real.side, real.fingers) == ("real", 4)
    assert synthetic.together / synthetic.one == pytest.approx(real.together / real.one, abs=0.15)
