"""Error rates against the plain reference, on the cases where definitions differ: ties, all equal, nothing there."""

from __future__ import annotations

import numpy as np
import pytest

from cccd_core.errors import ParameterError
from cccd_core.evaluation import error_rates
from cccd_core.evaluation.rates import accepted_at_most, det, rates_as_dict, sorted_scores
from reference import evaluation_naive as naive

CASES = {
    "apart": ([10.0, 11.0, 12.0], [1.0, 2.0, 3.0, 4.0]),
    "crossed over": ([1.0, 2.0], [10.0, 11.0, 12.0]),
    "overlapping": ([1.0, 5.0, 6.0, 9.0, 9.5], [0.0, 1.0, 2.0, 3.0, 5.5, 7.0]),
    "tied across": ([2.0, 2.0, 3.0, 5.0], [0.0, 2.0, 2.0, 2.0, 3.0]),
    "all zero": ([0.0] * 7, [0.0] * 50),
    "failed templates score 0": ([0.0, 0.0, 8.0, 9.0], [0.0] * 40 + [1.0, 2.0, 8.5]),
    "one of each": ([1.0], [0.0]),
    "one of each, equal": ([1.0], [1.0]),
}


@pytest.mark.parametrize("name", CASES)
def test_rates_equal_the_reference(name: str) -> None:
    genuine, impostor = CASES[name]
    rates = error_rates(genuine, impostor, fmr_points=(0.5, 0.2, 0.01, 0.001))
    assert rates.eer == pytest.approx(naive.eer(genuine, impostor), abs=1e-12)
    for fmr, fnmr in rates.fnmr_at_fmr.items():
        assert fnmr == naive.fnmr_at_fmr(genuine, impostor, fmr)
    assert rates.zero_fmr == naive.zero_fmr(genuine, impostor)
    assert (rates.genuine_pairs, rates.impostor_pairs) == (len(genuine), len(impostor))


def test_figures_worked_by_hand() -> None:
    # thresholds 1..4: FMR 3/4, 2/4, 1/4, 0; FNMR 0, 0, 1/2, 1/2 (genuine 2.5 and 9)
    rates = error_rates([2.5, 9.0], [0.5, 1.5, 2.0, 3.0], fmr_points=(0.25, 0.24))
    assert rates.eer == 0.25  # at the genuine score 2.5, FMR stays 1/4 while FNMR jumps from 0 to 1/2
    assert rates.fnmr_at_fmr == {0.25: 0.0, 0.24: 0.5}
    assert rates.zero_fmr == 0.5
    assert rates.thresholds == {0.25: 2.0, 0.24: 3.0}


def test_all_scores_equal_is_a_coin_toss() -> None:
    rates = error_rates([0.0] * 5, [0.0] * 9)
    assert rates.eer == 0.5
    assert rates.zero_fmr == 1.0
    assert set(rates.fnmr_at_fmr.values()) == {1.0}


@pytest.mark.parametrize(("genuine", "impostor"), [([], [1.0, 2.0]), ([1.0], []), ([], [])])
def test_an_empty_set_has_no_rates(genuine: list[float], impostor: list[float]) -> None:
    rates = error_rates(genuine, impostor)
    assert rates.eer is None
    assert rates.zero_fmr is None
    assert set(rates.fnmr_at_fmr.values()) == {None}
    assert rates_as_dict(rates) == {
        "eer": None,
        "fnmr_at_fmr": {"0.01": None, "0.001": None, "0.0001": None},
        "zero_fmr": None,
    }


@pytest.mark.parametrize("pairs", [1, 3, 10, 100, 1000, 2880, 695_046])
@pytest.mark.parametrize("fmr", [0.0, 1e-4, 1e-3, 0.01, 0.1, 0.3, 1.0])
def test_allowed_impostors_are_counted_exactly(fmr: float, pairs: int) -> None:
    count = accepted_at_most(fmr, pairs)
    assert count / pairs <= fmr
    assert count == pairs or (count + 1) / pairs > fmr


def test_fmr_of_one_percent_of_a_hundred_pairs_allows_one() -> None:
    impostor = [float(score) for score in range(100)]
    assert error_rates([98.5], impostor).fnmr_at_fmr[0.01] == 0.0
    assert error_rates([98.0], impostor).fnmr_at_fmr[0.01] == 1.0  # a threshold above 98 refuses a score of 98
    assert error_rates([98.5], impostor).zero_fmr == 1.0


def test_det_falls_with_fmr_and_ends_at_zero() -> None:
    random = np.random.default_rng(3)
    genuine, impostor = np.sort(random.normal(2, 1, 300)), np.sort(random.normal(0, 1, 900))
    grid = np.logspace(-3, 0, 31)
    curve = det(genuine, impostor, grid)
    assert (np.diff(curve) <= 0).all()
    assert curve[-1] == 0.0
    assert curve[0] == naive.fnmr_at_fmr(genuine.tolist(), impostor.tolist(), 1e-3)


def test_what_is_no_score_is_refused() -> None:
    for score in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(ParameterError):
            error_rates([1.0, score], [0.0])
    with pytest.raises(ParameterError):
        error_rates([1.0], [0.0], fmr_points=(1.5,))
    with pytest.raises(ParameterError):
        sorted_scores(np.zeros((2, 2)), "genuine")
