"""The first stage of a cascade: who is left by the codes of fingers.

A pair is left as its positions are stated, or with hands or the slaps of four exchanged, where a cascade compares
across positions; and where a finger of unknown position is like one of the other's. What is said of two people depends
on them and on the cohort alone, which is one for a whole search or join.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.blocks import Searchable
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.codes.positions import AS_STATED, LAYINGS, scan_layings, scan_unplaced
from cccd_core.dedup.codes.screen import COHORT_MOST, FINGERS, Measured, People, Screen
from cccd_core.dedup.index import Index, LiveShard
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.coded import Coded, coded_rows
from cccd_core.dedup.search.enrolled import Sought
from cccd_core.errors import ParameterError

PROBES_MOST: Final = 1024  # scanned at a time: 20 kB of floors each
UNPLACED: Final = 1 << len(LAYINGS)

Places = NDArray[np.int64]
Ways = NDArray[np.uint8]


class CodedPart(Protocol):
    """People who can be screened."""

    def coded(self) -> Coded:
        """Their codes."""


@dataclass(frozen=True, slots=True)
class CodeScreen:
    """Leaves about a share `keep` of strangers for each laying; the exchanged ones and fingers of unknown position are
    looked for where `any_position`."""

    screen: Screen
    keep: float
    any_position: bool

    def survivors(self, probes: CodedPart, candidates: CodedPart) -> tuple[Places, Places, Ways]:
        """Pairs that are left, as places in both, int64[n] each, in order of probe, then of candidate; and by what,
        uint8[n]: bit l for `LAYINGS[l]`, the bit `UNPLACED` for a finger of unknown position."""
        mine, theirs = probes.coded(), candidates.coded()
        rows, columns, ways = self._placed(mine, theirs, 1)
        found = [np.stack([rows, columns], axis=1), *self._loose(mine, theirs, 1)]
        pairs, place = np.unique(np.concatenate(found), axis=0, return_inverse=True)
        left = np.zeros(len(pairs), np.uint8)
        left[place[: len(rows)]] = ways
        left[place[len(rows) :]] |= UNPLACED
        return pairs[:, 0], pairs[:, 1], left

    def left(self, probes: Coded, candidates: Coded, *, threads: int = 1) -> tuple[Places, Places]:
        """The pairs alone, of codes."""
        rows, columns, _ = self._placed(probes, candidates, threads)
        found = [np.stack([rows, columns], axis=1), *self._loose(probes, candidates, threads)]
        pairs = np.unique(np.concatenate(found), axis=0)
        return pairs[:, 0], pairs[:, 1]

    def _placed(self, probes: Coded, candidates: Coded, threads: int) -> tuple[Places, Places, Ways]:
        """Pairs that are left by fingers of known position, in order, and by which layings."""
        layings = LAYINGS if self.any_position else (AS_STATED,)
        found: list[tuple[Places, Places, Ways]] = [
            (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8))
        ]
        for start in range(0, len(probes.people), PROBES_MOST):
            some = probes.people.take(np.arange(start, min(start + PROBES_MOST, len(probes.people))))
            rows, columns, ways, _ = scan_layings(
                self.screen, some, candidates.people, keep=self.keep, layings=layings, threads=threads
            )
            found.append((rows + start, columns, ways))
        rows, columns, ways = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return rows, columns, ways

    def _loose(self, probes: Coded, candidates: Coded, threads: int) -> list[Places]:
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
    """Which share of true matches by so many fingers was measured to be lost, for the extractor of which most were; of
    more fingers than were measured that of the most. None where no such share was measured."""
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
        self._measured = Measured.shipped()
        cohort = cohort_of([coded_rows(live.shard, live.rows[:COHORT_MOST]).people for live in index.shards[:1]])
        self._screen = None if cohort is None else Screen(cohort, self._measured)

    def miss_rate(self, fingers: int) -> float | None:
        """Which share of true matches by so many fingers it was measured to lose."""
        return miss_rate(self._measured, self._keep, fingers)

    def ready(self, sought: Sequence[Sought], second: bool) -> _Ready:
        """These people, coded: for the first pass as they are, for the second also as mirror images."""
        if self._screen is None:
            raise ParameterError("nobody can be screened in an index of nobody")
        ways = [False, True] if second else [False]
        coded = {way: self._coded([one.person.mirrored() if way else one.person for one in sought]) for way in ways}
        return _Ready(CodeScreen(self._screen, self._keep, second and self.cascade.any_position), coded, self._threads)

    def _coded(self, people: Sequence[Searchable]) -> Coded:
        placed = [(row, position, t) for row, one in enumerate(people) for position, t in one.fingers if position]
        loose = [(row, t) for row, one in enumerate(people) for position, t in one.fingers if not position]
        codes = self._coder.encode([t for _, _, t in placed] + [t for _, t in loose], threads=self._threads)
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


@dataclass(frozen=True, slots=True)
class _Ready:
    """People of a batch, coded."""

    screen: CodeScreen
    coded: Mapping[bool, Coded]
    threads: int

    def left(self, live: LiveShard) -> list[dict[bool, Places]]:
        """For each of these whom it leaves, as captured (False) and as a mirror image (True): places in the shard's
        live rows, ascending."""
        theirs = coded_rows(live.shard, live.rows)
        count = len(self.coded[False].people)
        found: list[dict[bool, Places]] = [{} for _ in range(count)]
        for way, mine in self.coded.items():
            stage = CodeScreen(self.screen.screen, self.screen.keep, self.screen.any_position and not way)
            rows, columns = stage.left(mine, theirs, threads=self.threads)
            ends = np.searchsorted(rows, np.arange(count + 1))
            for place in range(count):
                found[place][way] = columns[ends[place] : ends[place + 1]]
        return found


def cohort_of(parts: Sequence[People]) -> People | None:
    """The first people of these, as many as a screen takes; None for nobody."""
    some = next((part for part in parts if len(part)), None)
    return None if some is None else some.take(np.arange(min(len(some), COHORT_MOST)))
