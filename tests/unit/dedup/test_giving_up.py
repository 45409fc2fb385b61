"""A pair is given up across positions only where nothing could make it a review, and then much is not compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.dedup import DedupParameters, MemoryGallery
from cccd_core.dedup.judge.fusion import fuse_any_position
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.search import pairs
from cccd_core.dedup.search.pairs import PairJudge, fingers_until_given_up, may_reach
from support.joining import MATCHER, PARAMETERS, joinable, population

NATION = Thresholds(PARAMETERS, 1_000_000 - 1)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 7),
    st.integers(1, 7),
    st.sampled_from([1, 219, 10**6, 10**8]),
    st.floats(0.0, 1.0),
)
def test_whoever_reaches_a_review_is_never_given_up(seed, mine, theirs, people, strong):
    random = np.random.default_rng(seed)
    matrix = np.minimum(random.exponential(4.34, (mine, theirs)), 70.0)
    matrix[random.random((mine, theirs)) < strong * 0.6] = random.uniform(20.0, 70.0)
    thresholds = Thresholds(DedupParameters(), people)
    reached = fuse_any_position(matrix)[0] - thresholds.across_positions_cost >= thresholds.review_score
    scores = np.full((1, mine, 10), np.nan)
    for compared in range(1, mine + 1):
        scores[0, :, :theirs] = 0.0
        scores[0, :compared, :theirs] = matrix[:compared]
        if reached:
            assert may_reach(thresholds, scores, np.array([theirs]), compared)[0]


@pytest.mark.jit
def test_the_same_is_found_with_much_less_compared(tmp_path, monkeypatch):
    gallery = joinable(tmp_path, MemoryGallery(population()))
    (live,) = gallery.index.shards
    block = live.shard.block(live.rows, least_minutiae=PARAMETERS.least_minutiae)
    rows, columns = np.tril_indices(len(block.sequences), -1)
    judge = PairJudge(MATCHER, NATION)
    found, compared = judge.across(block, block, rows, columns)
    monkeypatch.setattr(pairs, "may_reach", lambda _, scores, *others: np.ones(len(scores), np.bool_))
    expected, everything = judge.across(block, block, rows, columns)
    assert found == expected
    assert {"duplicate"} <= {one.outcome for one in found}
    counts = pairs.Hands.of(block).count
    assert everything == int((counts[rows] * counts[columns]).sum())
    assert compared < 0.6 * everything, f"{compared} of {everything}"


def test_how_soon_a_stranger_is_given_up():
    assert [fingers_until_given_up(NATION, fingers) for fingers in (1, 2, 4, 10)] == [1, 1, 2, 8]
    few = Thresholds(PARAMETERS, 100)
    assert [fingers_until_given_up(few, fingers) for fingers in (2, 4, 10)] == [2, 3, 9]
