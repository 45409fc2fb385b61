"""Bounds by drawing fingers, against scores written out as often as their fingers were drawn."""

from __future__ import annotations

import numpy as np
import pytest

from cccd_core.errors import ParameterError
from cccd_core.evaluation.bootstrap import DET_GRID, _Draws, bootstrap
from cccd_core.evaluation.rates import error_rates
from cccd_core.evaluation.samples import of_templates
from cccd_core.evaluation.scoring import PairScores, score_pairs
from reference import evaluation_naive as naive
from support.toy_matcher import ToyMatcher, fingers


@pytest.fixture(scope="module")
def scores() -> PairScores:
    return score_pairs(of_templates("toy", fingers(9, 9, 4)), ToyMatcher(), threads=1)[0]


def of(scores: PairScores) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:  # type: ignore[type-arg]
    return scores.genuine(), scores.genuine_fingers(), scores.impostor(), scores.impostor_fingers()


def test_every_finger_once_gives_the_rates_themselves(scores: PairScores) -> None:
    figures = _Draws(*of(scores)).figures(np.ones(9), np.array([0.01, 0.001, 0.0]))
    rates = error_rates(scores.genuine(), scores.impostor())
    assert figures == pytest.approx([rates.eer, rates.fnmr_at_fmr[0.01], rates.fnmr_at_fmr[0.001], rates.zero_fmr])


@pytest.mark.parametrize("seed", range(12))
def test_a_draw_equals_the_pairs_written_out(scores: PairScores, seed: int) -> None:
    drawn = np.bincount(np.random.default_rng(seed).integers(0, 9, 9), minlength=9)
    genuine, owner, impostor, (first, second) = of(scores)
    many_genuine = np.repeat(genuine, drawn[owner]).tolist()
    many_impostor = np.repeat(impostor, drawn[first] * drawn[second]).tolist()
    figures = _Draws(*of(scores)).figures(drawn.astype(float), np.array([0.05, 0.01, 0.0]))
    assert figures[0] == pytest.approx(naive.eer(many_genuine, many_impostor))
    for figure, fmr in zip(figures[1:], (0.05, 0.01, 0.0), strict=True):
        assert figure == pytest.approx(naive.fnmr_at_fmr(many_genuine, many_impostor, fmr))


def test_bounds_hold_the_rates_and_repeat(scores: PairScores) -> None:
    bounds = bootstrap(*of(scores), replicates=200)
    again = bootstrap(*of(scores), replicates=200)
    other = bootstrap(*of(scores), replicates=200, seed=1)
    rates = error_rates(scores.genuine(), scores.impostor())
    assert bounds.eer is not None
    assert rates.eer is not None
    assert bounds.eer[0] <= rates.eer <= bounds.eer[1]
    assert bounds.eer[0] < bounds.eer[1]
    assert bounds.eer == again.eer
    assert bounds.det is not None
    assert again.det is not None
    assert np.array_equal(bounds.det, again.det)
    assert bounds.eer != other.eer
    assert bounds.det.shape == (2, len(DET_GRID))
    assert (bounds.det[0] <= bounds.det[1]).all()


def test_nothing_to_draw_from() -> None:
    none = np.zeros(0, np.float32)
    who = np.zeros(0, np.int32)
    assert bootstrap(none, who, none, (who, who)).eer is None
    one = np.zeros(1, np.float32)
    bounds = bootstrap(one, np.zeros(1, np.int32), one, (np.zeros(1, np.int32), np.ones(1, np.int32)), replicates=20)
    assert bounds.eer is None or bounds.eer == (0.5, 0.5)
    with pytest.raises(ParameterError):
        bootstrap(one, who, one, (who, who), replicates=0)
