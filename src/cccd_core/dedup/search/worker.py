"""What is done with a tile of a join, wherever that is: open both sides, screen, compare who is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.search.glance import FEW, Glance, Ways
from cccd_core.dedup.search.pairs import PAIRS_MOST, PairJudge, better_of_both
from cccd_core.dedup.search.sides import Opener, Part, Places
from cccd_core.dedup.search.task import PairFound, StageWork, Tile, TileResult
from cccd_core.matching import Matcher

LOADED_PEOPLE = 2048  # of each side whose fingers are in memory at a time
GLANCED_PEOPLE = 1 << 14  # of each side whose index fingers and thumbs are
GLANCED_PAIRS = 1 << 16  # of people looked at in one go, some hundred bytes each


class Screen(Protocol):
    """A first stage: it says who is left to be compared. What it says of two people depends on these two alone, so that
    no cut of a plan matters. It can be pickled."""

    def survivors(self, probes: Part, candidates: Part, *, in_order: bool) -> tuple[Places, Places, Ways]:
        """Pairs that are left, as places in both: int64[n] each; and by what, uint8[n], see `Glance`. `in_order`: only
        those whose candidate comes before the probe."""


@dataclass(frozen=True, slots=True)
class Compare:
    """The work of a join: the result of a tile depends on nothing but this and the tile.

    Two people of one gallery are compared once, the later one (by number) as the probe; of two galleries each of the
    second with each of the first. Memory: the fingers of twice `LOADED_PEOPLE` people, 120 MB at most; where codes
    come first, four fingers of twice `GLANCED_PEOPLE`, 400 MB at most, 17 bytes for each pair that is left, and what
    the screen takes.
    """

    matcher: Matcher
    thresholds: Thresholds
    opener: Opener
    screen: Screen | None
    any_position: bool

    def __call__(self, tile: Tile) -> TileResult:
        """The tile's people met, and who of them may be one. DamagedError, FileError of a shard."""
        comparing = _Comparing(self)
        first = self.opener.open(tile.first)
        if tile.first == tile.second:
            comparing.meet(first, first, in_order=True)
        else:
            second = self.opener.open(tile.second)
            in_order = tile.first.side == tile.second.side
            comparing.meet(first, second, in_order=in_order)
            if in_order:
                comparing.meet(second, first, in_order=True)
        return TileResult(tuple(better_of_both(comparing.found)), **comparing.work)


class _Comparing:
    """One tile, while it is compared."""

    def __init__(self, work: Compare) -> None:
        self.screen = work.screen
        self.any_position = work.any_position
        self.least_minutiae = work.thresholds.parameters.least_minutiae
        self.judge = PairJudge(work.matcher, work.thresholds)
        self.glance = Glance(self.judge)
        self.work = {name: StageWork() for name in ("codes", "glance", "same", "any", "loading")}
        self.found: list[PairFound] = []

    def meet(self, candidates: Part, probes: Part, *, in_order: bool) -> None:
        """Each of the probes with those of the candidates whom it meets: the earlier ones, or everyone."""
        mine, theirs = probes.sequences, candidates.sequences
        if not len(mine) or not len(theirs) or (in_order and mine[-1] <= theirs[0]):
            return
        if self.screen is None:
            for rows, columns in _rectangles(mine, theirs, in_order):
                self._compare(probes, candidates, rows, columns, None)
            return
        began = time.perf_counter()
        rows, columns, ways = self.screen.survivors(probes, candidates, in_order=in_order)
        met = int(np.searchsorted(theirs, mine).sum()) if in_order else len(mine) * len(theirs)
        self._count("codes", began, met)
        left = self._first_look(probes, candidates, rows, columns, ways)
        rows, columns, ways = rows[left], columns[left], ways[left]
        for some in _windows(rows, columns):
            self._compare(probes, candidates, rows[some], columns[some], ways[some])

    def _first_look(self, probes: Part, candidates: Part, rows: Places, columns: Places, ways: Ways) -> Places:
        """Which of these pairs go on by their index fingers and thumbs: places in the three, ascending."""
        kept = [np.zeros(0, np.int64)]
        for of_rows in _blocks(rows, GLANCED_PEOPLE):
            began = time.perf_counter()
            mine, row = np.unique(rows[of_rows], return_inverse=True)
            searching = probes.block(mine, self.least_minutiae, FEW)
            self._count("loading", began, 0)
            for of_both in _blocks(columns[of_rows], GLANCED_PEOPLE):
                began = time.perf_counter()
                theirs, column = np.unique(columns[of_rows[of_both]], return_inverse=True)
                among = candidates.block(theirs, self.least_minutiae, FEW)
                self._count("loading", began, 0)
                for start in range(0, len(of_both), GLANCED_PAIRS):
                    some, others = of_both[start : start + GLANCED_PAIRS], column[start : start + GLANCED_PAIRS]
                    began = time.perf_counter()
                    on, fingers = self.glance.few(searching, among, row[some], others, ways[of_rows[some]])
                    kept.append(of_rows[some[on]])
                    self._count("glance", began, len(some), int(fingers.sum()))
        return np.sort(np.concatenate(kept))

    def _compare(self, probes: Part, candidates: Part, rows: Places, columns: Places, ways: Ways | None) -> None:
        """These pairs, at most `LOADED_PEOPLE` people of each side; `ways` where a screen has left them."""
        began = time.perf_counter()
        mine, row = np.unique(rows, return_inverse=True)
        theirs, column = np.unique(columns, return_inverse=True)
        searching = probes.block(mine, self.least_minutiae)
        among = candidates.block(theirs, self.least_minutiae)
        self._count("loading", began, 0)
        for start in range(0, len(row), PAIRS_MOST):
            some, others = row[start : start + PAIRS_MOST], column[start : start + PAIRS_MOST]
            began = time.perf_counter()
            if ways is not None:
                on, looked_at = self.glance.whole(searching, among, some, others, ways[start : start + PAIRS_MOST])
                some, others = some[on], others[on]
                self._count("glance", began, 0, int(looked_at.sum()))
                began = time.perf_counter()
            found, left, fingers = self.judge.same(searching, among, some, others)
            self.found += found
            self._count("same", began, len(some), fingers)
            if self.any_position:
                began = time.perf_counter()
                found, fingers = self.judge.across(searching, among, some[left], others[left])
                self.found += found
                self._count("any", began, len(left), fingers)

    def _count(self, stage: str, began: float, people: int, fingers: int = 0) -> None:
        self.work[stage] += StageWork(people, fingers, time.perf_counter() - began)


def _rectangles(mine: Places, theirs: Places, in_order: bool) -> Iterator[tuple[Places, Places]]:
    """All pairs who meet, in pieces; `mine` and `theirs` are numbers, the pairs are places."""
    side = min(LOADED_PEOPLE, 256)
    for first in range(0, len(theirs), LOADED_PEOPLE):
        those = np.arange(first, min(first + LOADED_PEOPLE, len(theirs)))
        for start in range(0, len(mine), side):
            these = np.arange(start, min(start + side, len(mine)))
            met = theirs[None, those] < mine[these, None] if in_order else np.ones((len(these), len(those)), np.bool_)
            rows, columns = np.nonzero(met)
            if len(rows):
                yield these[rows], those[columns]


def _blocks(places: Places, people: int) -> Iterator[Places]:
    """Which of these are of one block of so many people, block by block: places in `places`, ascending."""
    order = np.argsort(places // people, kind="stable")
    ends = np.flatnonzero(np.diff(places[order] // people)) + 1
    yield from (part for part in np.split(order, ends) if len(part))


def _windows(rows: Places, columns: Places) -> Iterator[Places]:
    """Pairs in pieces of few people, so that a finger is made ready as seldom as may be: a block of `LOADED_PEOPLE`
    people by as many where it holds many pairs, several blocks together where they hold few. Places in both."""
    key = rows // LOADED_PEOPLE * (1 << 32) + columns // LOADED_PEOPLE
    order = np.lexsort((columns, rows, key))
    ends = [*(np.flatnonzero(np.diff(key[order])) + 1).tolist(), len(rows)]
    start = stop = 0
    for end in ends:
        if stop > start and end - start > LOADED_PEOPLE:
            yield order[start:stop]
            start = stop
        stop = end
    if stop > start:
        yield order[start:stop]
