"""Fused scores against brute force and against the law they promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cccd_core.dedup.judge import fusion

DB = 10 / math.log(10)


def tail(count: int, total: float) -> float:
    """Q(count, x) by its series, in high precision enough for small sums."""
    x = total / DB
    return -10 * math.log10(math.fsum(math.exp(-x + j * math.log(x) - math.lgamma(j + 1)) for j in range(count)))


@pytest.mark.parametrize("count", range(1, 11))
@pytest.mark.parametrize("total", [0.5, 10.0, 80.0, 400.0])
def test_tail_is_the_gamma_tail(count, total):
    assert fusion.tail_score(count, np.array([total]))[0] == pytest.approx(tail(count, total), rel=1e-9, abs=1e-9)


def test_one_finger_pays_for_nothing_but_its_share_of_the_choice():
    fused, chosen = fusion.fuse_same_position(np.array([[37.5]]))
    assert fused[0] == pytest.approx(37.5 - 10 * math.log10(2))
    assert chosen[0] == 1


def brute_same(scores: list[float]) -> float:
    best = 0.0
    n = len(scores)
    for k in range(1, n + 1):
        for subset in itertools.combinations(scores, k):
            best = max(best, tail(k, max(sum(subset), 1e-9)) - 10 * math.log10(k * (k + 1) * math.comb(n, k)))
    return best


@given(st.lists(st.one_of(st.just(math.nan), st.floats(0, 80)), min_size=1, max_size=6))
def test_same_position_is_the_best_subset(scores):
    present = [score for score in scores if not math.isnan(score)]
    fused, chosen = fusion.fuse_same_position(np.array([scores]))
    assert fused[0] == pytest.approx(brute_same(present) if present else 0.0, abs=1e-6)
    assert 0 <= chosen[0] <= len(present)


def brute_any(scores: np.ndarray) -> float:
    rows, columns = scores.shape
    best = 0.0
    for k in range(1, min(rows, columns) + 1):
        pairings = math.comb(rows, k) * math.comb(columns, k) * math.factorial(k)
        cost = 10 * math.log10(k * (k + 1) * pairings)
        for chosen_rows in itertools.combinations(range(rows), k):
            for chosen_columns in itertools.permutations(range(columns), k):
                total = sum(scores[r, c] for r, c in zip(chosen_rows, chosen_columns, strict=True))
                best = max(best, tail(k, max(total, 1e-9)) - cost)
    return best


@given(st.integers(1, 4).flatmap(lambda r: arrays.arrays(np.float64, st.tuples(st.just(r), st.integers(1, 4)),
                                                         elements=st.floats(0, 80))))  # fmt: skip
def test_any_position_is_the_best_pairing_and_the_bound_holds(scores):
    fused, pairs = fusion.fuse_any_position(scores)
    assert fused == pytest.approx(brute_any(scores), abs=1e-6)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    if pairs:
        total = sum(scores[row, column] for row, column in pairs)
        assert fused == pytest.approx(
            tail(len(pairs), max(total, 1e-9)) - fusion.any_position_cost(*scores.shape, len(pairs)), abs=1e-6
        )
    padded = np.full((1, scores.shape[0], 10), np.nan)
    padded[0, :, : scores.shape[1]] = scores
    assert fusion.bound_any_position(padded, np.array([scores.shape[1]]))[0] >= fused - 1e-9


@pytest.mark.parametrize("fingers", [1, 2, 4, 10])
def test_impostors_reach_a_fused_score_no_more_often_than_it_says(fingers):
    random = np.random.default_rng(7)
    scores = -10 * np.log10(random.random((400_000 // fingers, fingers)))
    fused, _ = fusion.fuse_same_position(scores)
    for level in (5.0, 10.0, 20.0, 30.0):
        expected = len(fused) * 10 ** (-level / 10)
        assert np.count_nonzero(fused >= level) <= expected + 4 * math.sqrt(expected)


def test_two_good_fingers_outweigh_eight_strange_ones():
    two = np.array([[60.0, 60.0]])
    ten = np.array([[60.0, 60.0] + [1.0] * 8])
    assert fusion.fuse_same_position(two)[0][0] > 95
    assert fusion.fuse_same_position(ten)[0][0] > 75
    assert fusion.fuse_same_position(ten)[1][0] == 2


def test_nobody_to_compare():
    fused, chosen = fusion.fuse_same_position(np.zeros((0, 3)))
    assert len(fused) == len(chosen) == 0
    fused, chosen = fusion.fuse_same_position(np.full((2, 3), np.nan))
    assert fused.tolist() == [0, 0]
    fused, chosen = fusion.fuse_same_position(np.zeros((2, 0)))
    assert fused.tolist() == [0, 0]
    assert len(fusion.bound_any_position(np.zeros((0, 2, 10)), np.zeros(0, np.int64))) == 0
