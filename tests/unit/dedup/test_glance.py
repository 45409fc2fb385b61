"""A first look drops strangers after a few fingers, keeps who is the same in the laying that kept them, and decides
nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from cccd_core.dedup import MemoryGallery
from cccd_core.dedup.codes.positions import AS_STATED, FOURS_SWAPPED, HANDS_SWAPPED, LAYINGS
from cccd_core.dedup.codes.sift import CLEARLY
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.search.glance import FEW, Glance
from cccd_core.dedup.search.pairs import PairJudge
from cccd_core.dedup.search.screening import UNPLACED
from cccd_core.synthesis import tenprint
from cccd_core.templates import Tenprint
from support.joining import GOOD, MATCHER, PARAMETERS, joinable

pytestmark = pytest.mark.jit
ALL = tuple(range(1, 11))
STRANGERS = 12
AGAIN = (AS_STATED, HANDS_SWAPPED, FOURS_SWAPPED)


def laid(who: int, laying: tuple[int, ...], positions: tuple[int, ...] = ALL) -> EnrolledPerson:
    """Someone who comes again with the fingers laid so."""
    found = tenprint(7, who, impression=5, positions=positions, parameters=GOOD)
    moved = {laying.index(position) + 1: finger for position, finger in found.items()}
    return EnrolledPerson(f"again {who}", Tenprint(dict(sorted(moved.items()))))


@pytest.fixture(scope="module")
def people():
    strangers = [
        EnrolledPerson(f"p{who}", tenprint(7, who, positions=ALL, parameters=GOOD)) for who in range(STRANGERS)
    ]
    return [*strangers, *(laid(who, laying) for who, laying in enumerate(AGAIN)), laid(3, AS_STATED, (2,))]


@pytest.fixture(scope="module")
def shard(people, tmp_path_factory):
    (live,) = joinable(tmp_path_factory.mktemp("glance"), MemoryGallery(people)).index.shards
    return live.shard


@pytest.fixture
def glance():
    return Glance(PairJudge(MATCHER, Thresholds(PARAMETERS, 1_000_000)))


def pairs(laying: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of strangers, as the codes had left them by that laying."""
    rows, columns = np.tril_indices(STRANGERS, -1)
    return rows, columns, np.full(len(rows), 1 << laying, np.uint8)


def test_strangers_are_dropped_after_a_few_fingers(shard, glance):
    few, whole = (shard.block(np.arange(shard.people), positions=some) for some in (FEW, None))
    for laying in range(len(LAYINGS)):
        rows, columns, ways = pairs(laying)
        on, fingers = glance.few(few, few, rows, columns, ways)
        assert on.mean() < 0.1
        assert len(rows) <= fingers.sum() < 2 * len(rows)
        clearly, more = glance.few(few, few, rows, columns, ways | CLEARLY)
        assert not (on & ~clearly).any()
        assert 3 * len(rows) <= more.sum() < 3.5 * len(rows)
        on, fingers = glance.whole(whole, whole, rows, columns, ways)
        assert on.mean() < 0.05
        assert 6 * len(rows) <= fingers.sum() < 6.5 * len(rows)


def test_who_is_the_same_goes_on_in_that_laying(shard, glance):
    few, whole = (shard.block(np.arange(shard.people), positions=some) for some in (FEW, None))
    rows = np.arange(STRANGERS, STRANGERS + len(AGAIN))
    columns = np.arange(len(AGAIN))
    for look, block in ((glance.few, few), (glance.whole, whole)):
        for number in range(len(LAYINGS)):
            on, _ = look(block, block, rows, columns, np.full(len(rows), 1 << number, np.uint8))
            right = columns == number
            assert on[right].all()
            assert AGAIN[number] != HANDS_SWAPPED or not on[0]  # slaps exchanged leave the thumbs
        every = np.full(len(rows), (1 << len(LAYINGS)) - 1, np.uint8)
        assert look(block, block, rows, columns, every)[0].all()


def test_what_cannot_be_looked_at_goes_on(shard, glance):
    block = shard.block(np.arange(shard.people))
    rows, columns, _ = pairs(0)
    for look in (glance.few, glance.whole):
        on, fingers = look(block, block, rows, columns, np.full(len(rows), UNPLACED | 1, np.uint8))
        assert on.all()
        assert not fingers.any()
        alone = np.full(STRANGERS, shard.people - 1)  # of whom there is one finger
        on, fingers = look(block, block, alone, np.arange(STRANGERS), np.ones(STRANGERS, np.uint8))
        assert on.all()
        assert not fingers.any()


def test_a_block_of_some_positions_has_no_others(shard):
    block, whole = (shard.block(np.arange(shard.people), positions=some) for some in (FEW, None))
    assert block.labels == tuple(tuple(sorted(set(labels) & set(FEW))) for labels in whole.labels)
    assert len(block.packed) == sum(map(len, block.labels)) < len(whole.packed)


def test_nobody_is_looked_at(shard, glance):
    block = shard.block(np.arange(shard.people))
    none = np.zeros(0, np.int64)
    on, fingers = glance.few(block, block, none, none, np.zeros(0, np.uint8))
    assert (len(on), len(fingers)) == (0, 0)
