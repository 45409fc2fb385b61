"""Error rates on generated scores: equal to the reference, and indifferent to what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.evaluation import error_rates
from reference import evaluation_naive as naive

# Few distinct values: ties are the rule.
SCORES = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=40)


@given(SCORES, SCORES)
def test_rates_equal_the_reference(genuine: list[float], impostor: list[float]) -> None:
    rates = error_rates(genuine, impostor, fmr_points=(0.5, 0.1, 0.03))
    assert rates.eer == pytest.approx(naive.eer(genuine, impostor), abs=1e-12)
    assert rates.zero_fmr == naive.zero_fmr(genuine, impostor)
    for fmr, fnmr in rates.fnmr_at_fmr.items():
        assert fnmr == naive.fnmr_at_fmr(genuine, impostor, fmr)


@given(SCORES, SCORES, st.randoms(use_true_random=False))
def test_order_and_rising_maps_change_nothing(genuine: list[float], impostor: list[float], random: object) -> None:
    rates = error_rates(genuine, impostor)
    shuffled = sorted(genuine, reverse=True), sorted(impostor)
    assert error_rates(*shuffled) == rates
    mapped = error_rates(np.exp(np.array(genuine)), np.exp(np.array(impostor)))
    assert (mapped.eer, mapped.fnmr_at_fmr, mapped.zero_fmr) == (rates.eer, rates.fnmr_at_fmr, rates.zero_fmr)


@given(SCORES, SCORES)
def test_fnmr_rises_as_fmr_falls(genuine: list[float], impostor: list[float]) -> None:
    rates = error_rates(genuine, impostor, fmr_points=(1.0, 0.3, 0.1, 0.01))
    fnmr = [value for value in rates.fnmr_at_fmr.values() if value is not None]
    assert fnmr == sorted(fnmr)
    assert fnmr[0] == 0.0
    assert rates.zero_fmr is not None
    assert rates.zero_fmr >= fnmr[-1]
