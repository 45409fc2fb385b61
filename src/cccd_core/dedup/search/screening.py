"""The first stage of a cascade: who is left by the codes of fingers.

A pair is left as its positions are stated, or with hands or the slaps of four exchanged, where a cascade compares
across positions; and where a finger of unknown position is like one of the other's. What is said of two people depends
on them and on the cohort alone, which is one for a whole search or join.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.blocks import Probe, Searchable
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.codes.positions import LAYINGS, relaid, scan_unplaced
from cccd_core.dedup.codes.screen import COHORT_MOST, FINGERS, Measured, People, Screen
from cccd_core.dedup.codes.sift import Crowd, Known, sift
from cccd_core.dedup.index import Index, LiveShard
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.coded import Coded, coded_rows
from cccd_core.dedup.search.enrolled import Sought
from cccd_core.dedup.search.screened import Kept
from cccd_core.errors import ParameterError
from cccd_core.matching import PreparedGallery, PreparedTemplate

PROBES_MOST: Final = 1024  # scanned at a time: 30 kB each
KNOWN_PARTS: Final = 2  # 0.7 kB a person
UNPLACED: Final = 1 << len(LAYINGS)  # beside the layings and `sift.CLEARLY`

Places = NDArray[np.int64]
Ways = NDArray[np.uint8]


class CodedPart(Protocol):
    """People who can be screened; their `key` says who they are, among all that one screen meets."""

    @property
    def key(self) -> str:
        """Digits and letters."""

    @property
    def sequences(self) -> NDArray[np.int64]:
        """Their numbers, ascending."""

    def coded(self) -> Coded:
        """Their codes."""


@dataclass(frozen=True, slots=True)
class CodeScreen:
    """Leaves about a share `keep` of strangers for each laying; the exchanged ones and fingers of unknown position are
    looked for where `any_position`."""

    screen: Screen
    keep: float
    any_position: bool
    # what the cohort gives to the parts that were probes last: tiles of one part follow each other
    _known: dict[str, dict[int, Known]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def survivors(self, probes: CodedPart, candidates: CodedPart, *, in_order: bool) -> tuple[Places, Places, Ways]:
        """Pairs that are left, as places in both, int64[n] each, in order of probe, then of candidate; and by what,
        uint8[n]: bit l for `LAYINGS[l]`, the bit `UNPLACED` for a finger of unknown position, and `CLEARLY`.
        `in_order`: of those candidates alone who come before the probe."""
        mine, theirs = probes.coded(), candidates.coded()
        before = np.searchsorted(candidates.sequences, probes.sequences) if in_order else None
        placed = self._sifted(mine.people, theirs.people, probes.key, before)
        found = [placed[:, :2], *self.loose(mine, theirs, 1)]
        pairs, place = np.unique(np.concatenate(found), axis=0, return_inverse=True)
        left = np.zeros(len(pairs), np.uint8)
        left[place[: len(placed)]] = placed[:, 2]
        left[place[len(placed) :]] |= UNPLACED
        kept = slice(None) if before is None else pairs[:, 1] < before[pairs[:, 0]]
        return pairs[kept, 0], pairs[kept, 1], left[kept]

    def _sifted(self, mine: People, theirs: People, key: str, before: Places | None) -> Places:
        """(probe, candidate, by which layings) of fingers of known position, int64[n, 3]."""
        crowd = Crowd.of(theirs)
        known = self._known.pop(key, None) or {}
        self._known[key] = known
        for old in list(self._known)[:-KNOWN_PARTS]:  # threads may be here at the same time
            self._known.pop(old, None)
        found = [np.zeros((0, 3), np.int64)]
        for start in range(0, len(mine), PROBES_MOST):
            stop = len(theirs) if before is None else int(before[min(start + PROBES_MOST, len(mine)) - 1])
            if not stop:
                continue
            some = mine.take(np.arange(start, min(start + PROBES_MOST, len(mine))))
            if start not in known:
                known[start] = Known.of(self.screen, some, exchanged=self.any_position)
            for rows, columns, ways in sift(
                self.screen, some, crowd, known[start], keep=self.keep, exchanged=self.any_position, stop=stop
            ):
                found.append(np.stack([rows + start, columns, ways.astype(np.int64)], axis=1))
        return np.concatenate(found)

    def loose(self, probes: Coded, candidates: Coded, threads: int) -> list[Places]:
        """Pairs (probe, candidate) that are left by a finger of unknown position, int64[n, 2] each."""
        if not self.any_position:
            return []
        mine = self._unplaced(probes, candidates.people, threads)
        theirs = self._unplaced(candidates, probes.people, threads)
        both = self._unplaced(probes, candidates.loose_alone(), threads)
        return [mine, theirs[:, ::-1], np.stack([both[:, 0], candidates.whose[both[:, 1]]], axis=1)]

    def _unplaced(self, loose: Coded, people: People, threads: int) -> Places:
        """(whose, row) of fingers of unknown position that are like a finger of these people."""
        if not len(loose.whose) or not len(people):
            return np.zeros((0, 2), np.int64)
        found = []
        for start in range(0, len(loose.whose), PROBES_MOST):
            part = {name: codes[start : start + PROBES_MOST] for name, codes in loose.loose.items()}
            finger, row, _, _ = scan_unplaced(self.screen, part, people, keep=self.keep, threads=threads)
            found.append(np.stack([loose.whose[start + finger], row], axis=1))
        return np.concatenate(found)


def miss_rate(measured: Measured, keep: float, fingers: int) -> float | None:
    """Which share of true matches by so many fingers was measured to be lost, for the extractor of which most were. Of
    more than four fingers synthetic people were measured, no real ones are to be had. None where no such share was
    measured."""
    losses = measured.losses_of(keep)
    counts = sorted({loss.fingers for loss in losses})
    if not counts or not fingers:
        return None
    count = max((one for one in counts if one <= fingers), default=counts[0])
    of_count = [loss for loss in losses if loss.fingers == count]
    rates = []
    for extractor in {loss.extractor for loss in of_count}:
        those = [loss for loss in of_count if loss.extractor == extractor]
        rates.append(sum(loss.lost for loss in those) / max(1, sum(loss.mates for loss in those)))
    return max(rates)


class CodesFirst:
    """The first stage of a search over an index."""

    def __init__(self, coder: FingerCoder, index: Index, cascade: Cascade, *, threads: int = 1) -> None:
        """ParameterError for a cascade without one. The cohort are the first people of the index."""
        if cascade.keep is None:
            raise ParameterError("a cascade without codes has no first stage", cascade=str(cascade))
        self.cascade = cascade
        self._coder, self._keep, self._threads = coder, cascade.keep, threads
        self._measured, self._preparation = Measured.shipped(), index.manifest.preparation
        self._shards: tuple[LiveShard, ...] = ()
        self._crowd: Crowd | None = None  # of all rows of the shards, laid out when first asked; 250 bytes a person
        self._take(index.shards)

    def followed(self, index: Index) -> CodesFirst:
        """The same over the index as it is since some of its people were withdrawn: what was laid out of its shards
        stays."""
        found = copy(self)
        found._take(index.shards)
        return found

    def _take(self, shards: tuple[LiveShard, ...]) -> None:
        """Goes over these from now on."""
        if [live.shard for live in shards] != [live.shard for live in self._shards]:
            self._crowd = None
        if not shards or not self._shards or not _begin_alike(shards[0], self._shards[0]):
            cohort = cohort_of([coded_rows(live.shard, live.rows[:COHORT_MOST]).people for live in shards[:1]])
            self._screen = None if cohort is None else Screen(cohort, self._measured)
        self._shards = shards
        self._firsts = [0, *accumulate(len(live.rows) for live in shards)]  # and the end

    def miss_rate(self, fingers: int) -> float | None:
        """Which share of true matches by so many fingers it was measured to lose."""
        return miss_rate(self._measured, self._keep, fingers)

    def ready(self, sought: Sequence[Sought[PreparedTemplate]]) -> Batch:
        """These people, coded, for the first pass."""
        screen, people = self._known_screen(), [one.person for one in sought]
        coded = self.coded(people, [one.probe for one in sought])
        return Batch(self, screen, people, coded, Lots.of(screen, [coded.people]))

    def sifted(self, lots: Lots) -> list[tuple[Places, Places]]:
        """Pairs of each lot that are left, as places in the lot and among the live rows of all shards, in that
        order."""
        crowd = self._crowd
        if crowd is None:  # of all rows of a shard, so that no search copies those that count
            parts = [coded_rows(live.shard, np.arange(live.shard.people)).people for live in self._shards]
            crowd = self._crowd = Crowd.of(*parts)
        behind = np.cumsum([live.shard.people for live in self._shards])
        found = [np.zeros((0, 2), np.int64)]
        for probe, row, _ in sift(
            self._known_screen(), lots.people, crowd, lots.known, keep=self._keep, exchanged=False,
            stop=int(behind[-1]), threads=self._threads,
        ):  # fmt: skip
            number = int(np.searchsorted(behind, row[0], side="right"))
            rows, here = self._shards[number].rows, row - (behind[number] - self._shards[number].shard.people)
            place = np.minimum(np.searchsorted(rows, here), len(rows) - 1)
            counts = rows[place] == here
            found.append(np.stack([probe[counts], place[counts] + self._firsts[number]], axis=1))
        pairs = np.concatenate(found)
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        ends = np.searchsorted(pairs[:, 0], np.arange(0, len(lots.people) + 1, max(1, lots.each))).tolist()
        return [
            (pairs[start:stop, 0] - number * lots.each, pairs[start:stop, 1])
            for number, (start, stop) in enumerate(pairwise(ends))
        ]

    def loose(self, probes: Coded) -> list[Places]:
        """Pairs that are left by a finger of unknown position, int64[n, 2] each."""
        screen = CodeScreen(self._known_screen(), self._keep, True)
        found = []
        for live, first in zip(self._shards, self._firsts, strict=False):
            if len(probes.whose) or len(live.shard.unplaced):
                pairs = screen.loose(probes, coded_rows(live.shard, live.rows), self._threads)
                found += [some + np.array([0, first]) for some in pairs]
        return found

    def _known_screen(self) -> Screen:
        if self._screen is None:
            raise ParameterError("nobody can be screened in an index of nobody")
        return self._screen

    def coded(self, people: Sequence[Searchable], probes: Sequence[Probe[PreparedTemplate] | None] = ()) -> Coded:
        """The codes of their fingers. `probes`: these people as the matcher of the index made them ready, where all
        are; then the scale of the coder which that is needs not be made again."""
        placed = [(row, position, t) for row, one in enumerate(people) for position, t in one.fingers if position]
        loose = [(row, t) for row, one in enumerate(people) for position, t in one.fingers if not position]
        ready = [probe for probe in probes if probe is not None]
        done = {}
        if len(ready) == len(people):
            made = [[f for one in ready for position, f in one.fingers if bool(position) == p] for p in (True, False)]
            done[self._preparation] = PreparedGallery.pack(made[0] + made[1])
        templates = [t for _, _, t in placed] + [t for _, t in loose]
        codes = self._coder.encode(templates, prepared=done, threads=self._threads)
        present = np.zeros(len(people), np.uint16)
        rows = np.array([row for row, _, _ in placed], np.int64)
        columns = np.array([position - 1 for _, position, _ in placed], np.int64)
        np.bitwise_or.at(present, rows, (1 << columns).astype(np.uint16))
        laid = {}
        for name, each in codes.items():
            laid[name] = np.zeros((len(people), FINGERS, each.shape[1]), np.uint8)
            laid[name][rows, columns] = each[: len(placed)]
        others = {name: np.ascontiguousarray(each[len(placed) :]) for name, each in codes.items()}
        return Coded(People(laid, present), others, np.array([row for row, _ in loose], np.int64))


def _begin_alike(one: LiveShard, other: LiveShard) -> bool:
    """Whether the first people of both, who are the cohort, are the same."""
    return one.shard is other.shard and np.array_equal(one.rows[:COHORT_MOST], other.rows[:COHORT_MOST])


@dataclass(frozen=True, slots=True, eq=False)
class Lots:
    """People to sift by, in lots of `each`, and what the cohort gives them."""

    people: People
    known: Known
    each: int

    @classmethod
    def of(cls, screen: Screen, lots: Sequence[People]) -> Lots:
        """All of one size."""
        columns = {name: np.concatenate([lot.columns[name] for lot in lots]) for name in lots[0].columns}
        people = People(columns, np.concatenate([lot.present for lot in lots]))
        return cls(people, Known.of(screen, people, exchanged=False), len(lots[0]))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Batch:
    """People of a batch, coded, for the first pass."""

    owner: CodesFirst
    screen: Screen
    people: Sequence[Searchable]
    coded: Coded
    _lots: Lots
    _stated: list[tuple[Places, Places]] = field(default_factory=list)

    def left(self) -> list[dict[bool, Kept]]:
        """For each of these whom it leaves, by fingers as their positions are stated."""
        return [{False: kept} for kept in _each(len(self.people), *self.stated())]

    def stated(self) -> tuple[Places, Places]:
        """The same as pairs; looked for once."""
        if not self._stated:
            self._stated.extend(self.owner.sifted(self._lots))
        return self._stated[0]

    def again(self, places: Sequence[int], images: Sequence[Probe[PreparedTemplate] | None] = ()) -> Again:
        """Some of these for the second pass: also with hands exchanged, and as mirror images."""
        some = np.array(places, np.int64)
        captured = self.coded.take(some)
        mirrored = self.owner.coded([self.people[place].mirrored() for place in places], images)
        lots = [*(relaid(captured.people, laying) for laying in LAYINGS[1:]), mirrored.people]
        return Again(self, some, captured, Lots.of(self.screen, lots))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Again:
    """People of a batch for the second pass: which of the first they are, their fingers as captured, and in other
    layings and as mirror images."""

    first: Batch
    places: Places
    captured: Coded
    _lots: Lots

    def left(self) -> list[dict[bool, Kept]]:
        """For each of these whom it leaves, as captured (False) and as a mirror image (True)."""
        rows, columns = self.first.stated()
        at = np.minimum(np.searchsorted(self.places, rows), len(self.places) - 1)
        here = self.places[at] == rows
        *exchanged, mirrored = self.first.owner.sifted(self._lots)
        found = [(at[here], columns[here], np.ones(int(here.sum()), np.uint8))]
        for number, (row, column) in enumerate(exchanged, start=1):
            found.append((row, column, np.full(len(row), 1 << number, np.uint8)))
        for loose in self.first.owner.loose(self.captured):
            found.append((loose[:, 0], loose[:, 1], np.full(len(loose), UNPLACED, np.uint8)))
        captured, images = (_each(len(self.places), *one) for one in (_united(found), mirrored))
        return [{False: one, True: image} for one, image in zip(captured, images, strict=True)]


def _united(found: Sequence[tuple[Places, Places, Ways]]) -> tuple[Places, Places, Ways]:
    """Pairs in order, each once, with all ways by which it was found."""
    rows, columns, ways = (np.concatenate(parts) for parts in zip(*found, strict=True))
    pairs, place = np.unique(np.stack([rows, columns], axis=1), axis=0, return_inverse=True)
    united = np.zeros(len(pairs), np.uint8)
    np.bitwise_or.at(united, place.ravel(), ways)
    return pairs[:, 0], pairs[:, 1], united


def _each(count: int, rows: Places, columns: Places, ways: Ways | None = None) -> list[Kept]:
    """The columns of each of so many rows, and by what; as stated, where that is not told."""
    by = np.ones(len(rows), np.uint8) if ways is None else ways
    ends = np.searchsorted(rows, np.arange(count + 1)).tolist()
    return [Kept(columns[start:stop], by[start:stop]) for start, stop in pairwise(ends)]


def cohort_of(parts: Sequence[People]) -> People | None:
    """The first people of these, as many as a screen takes; None for nobody."""
    some = next((part for part in parts if len(part)), None)
    return None if some is None else some.take(np.arange(min(len(some), COHORT_MOST)))
