"""Many people, laid out for it: who is left by the codes, by which laying of the fingers.

What decides is what `Screen.scan` decides by in the end, the four-bit numbers. Before them stands a look at the first
48 of each finger's, along the directions that tell most: the sketch, laid out so that sixteen people are compared at
once, and the fingers that two layings have in common once. Nothing is kept but who is left in the end. What is said of
two people depends on these and the cohort alone.

The sketch leaves so many that it loses little beside the numbers, the more the fewer fingers two people share.
Hands and slaps are exchanged in one record of some thousands, so that a hundredth of the share is kept of strangers who
are alike so, by a join; a search asks for each laying alone. How it was chosen is in decisions 97, 93, 90 and 88.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.codes import scan
from cccd_core.dedup.codes.coder import COARSE
from cccd_core.dedup.codes.positions import AS_STATED, HANDS_SWAPPED, LAYINGS, relaid
from cccd_core.dedup.codes.screen import (
    FINGERS,
    SKETCH,
    SKETCH_BYTES,
    Bytes,
    Floats,
    People,
    Screen,
    floors,
    sketched,
)

SEGMENT_PEOPLE: Final = 1 << 14  # of whom those of one class are laid side by side
CLEARLY: Final = 1 << (len(LAYINGS) + 1)  # who reaches CLEAR_BY deviations more than is to be reached; see `Glance`
CLEAR_BY: Final = 1.0
BEFORE_SHARE: Final = 8.0  # of ten fingers, so many times as many strangers are left by the sketch as by the numbers
EXCHANGED_SHARE: Final = 0.01  # of what is kept as stated
COLUMNS: Final = (SKETCH, COARSE)
GROUP_PEOPLE: Final = 16
_STEP: Final = 4
_PLUS_EIGHT: Final = np.uint8(0x88)
_THUMBS: Final = [0, 5]

Strangers = Mapping[str, tuple[Floats, Floats]]  # by column: mean and variance, float64[people, 10] each


def share_before(keep: float, fingers: int) -> float:
    """Which share of strangers who share so many fingers the sketch leaves, where the numbers leave `keep`."""
    return math.pow(min(1.0, BEFORE_SHARE * keep), (fingers / FINGERS) ** 1.5)


def sketch_score(keep: float, fingers: int) -> float:
    """The score that is to be reached by the sketch."""
    share = share_before(keep, fingers)
    # sums of hundreds of numbers: the normal law is near enough for what others decide in the end
    return -math.inf if share >= 1.0 else NormalDist().inv_cdf(1.0 - share)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Segment:
    """Some people of a part: the place of the part's first person, and of the first of these; `numbers` and `kinds` of
    all of the part, uint8[people, 10 x bytes] and their classes, uint16[people], by whose rows the groups name them."""

    part: int
    begin: int
    groups: scan.Groups
    numbers: Bytes
    kinds: NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Crowd:
    """People laid out to be sifted, those of several parts one after the other: `presences` are the words that occur,
    which are their classes."""

    presences: NDArray[np.uint16]
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, *parts: People) -> Crowd:
        """Costs a read of the sketches, and 250 bytes a person or little more."""
        words = [np.zeros(0, np.uint16), *(people.present for people in parts)]
        presences = np.unique(np.concatenate([np.unique(some) for some in words]))
        segments, first = [], 0
        for people in parts:
            kind = np.searchsorted(presences, people.present).astype(np.uint16)
            for start in range(0, len(people), SEGMENT_PEOPLE):
                stop = min(start + SEGMENT_PEOPLE, len(people))
                groups = _groups(people.columns[COARSE], kind, start, stop)
                segments.append(Segment(first, first + start, groups, people.rows(COARSE), kind))
            first += len(people)
        return cls(presences, tuple(segments))


def _groups(codes: Bytes, kind: NDArray[np.uint16], start: int, stop: int) -> scan.Groups:
    """The people from `start` to `stop` by sixteen of one class; where a class has no multiple of sixteen, nobody."""
    order = start + np.argsort(kind[start:stop], kind="stable")
    ordered = kind[order]
    first = np.searchsorted(ordered, ordered)  # of each one's class
    counts = np.unique(ordered, return_counts=True)
    groups = -(-counts[1] // GROUP_PEOPLE)
    behind = np.repeat(np.cumsum(groups) - groups, counts[1]) * GROUP_PEOPLE
    slots = np.full(int(groups.sum()) * GROUP_PEOPLE, -1, np.int32)
    slots[behind + np.arange(len(order)) - first] = order
    sketches = sketched(codes, SKETCH)[np.maximum(slots, 0)] ^ _PLUS_EIGHT
    by_step = sketches.reshape(-1, GROUP_PEOPLE, FINGERS * SKETCH_BYTES // _STEP, _STEP).transpose(0, 2, 1, 3)
    return scan.Groups(
        np.ascontiguousarray(by_step).reshape(len(by_step), -1),
        slots.reshape(-1, GROUP_PEOPLE),
        np.repeat(counts[0], groups).astype(np.uint16),
    )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Known:
    """What the cohort gives some people, as their fingers lie and with the hands exchanged."""

    stated: Strangers
    exchanged: Strangers

    @classmethod
    def of(cls, screen: Screen, people: People, *, exchanged: bool) -> Known:
        """Costs 512 comparisons of codes a finger, and as many where they are exchanged."""
        return cls(
            screen.strangers(COLUMNS, people),
            screen.strangers(COLUMNS, relaid(people, HANDS_SWAPPED)) if exchanged else {},
        )

    def laid(self, number: int, column: str) -> tuple[Floats, Floats]:
        """The same in `LAYINGS[number]`."""
        if number < 2:
            return (self.exchanged if number else self.stated)[column]
        both = []
        for stated, moved in zip(self.stated[column], self.exchanged[column], strict=True):
            found = moved.copy()
            found[:, _THUMBS] = stated[:, _THUMBS]
            both.append(found)
        return both[0], both[1]


def sift(
    screen: Screen,
    probes: People,
    crowd: Crowd,
    known: Known,
    *,
    keep: float,
    exchanged: bool,
    stop: int,
    threads: int = 1,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]]:
    """Who is left: (probe, row, by which layings, bit l for `LAYINGS[l]`, and `CLEARLY`), segment by segment, in order
    of probe and row in each; of the segments that have anybody before place `stop`.

    About a share `keep` of strangers is left as stated, `EXCHANGED_SHARE` of it by each other laying. What is left does
    not depend on `threads`, which share the segments.
    """
    sieves, clear = _sieves(screen, probes, crowd, known, keep, exchanged)
    some = [segment for segment in crowd.segments if segment.begin < stop]

    def sifted(segment: Segment) -> NDArray[np.int64]:
        hits = scan.sift(sieves, segment.groups, segment.numbers)
        probe, row, laying, value = hits.T
        clearly = value >= clear[laying, probe, segment.kinds[row]]
        return np.stack([probe, row + segment.part, 1 << laying | CLEARLY * clearly], axis=1)

    if threads > 1 and len(some) > 1:
        with ThreadPoolExecutor(min(threads, len(some))) as pool:
            yield from filter(_anybody, map(_united, pool.map(sifted, some)))
    else:
        yield from filter(_anybody, map(_united, map(sifted, some)))


_Hits = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]


def _anybody(found: _Hits) -> bool:
    return len(found[0]) > 0


def _united(hits: NDArray[np.int64]) -> _Hits:
    """Each pair once, by all its layings: (probe, row, by what), where that is of one laying."""
    new = np.ones(len(hits), np.bool_)
    new[1:] = np.any(hits[1:, :2] != hits[:-1, :2], axis=1)
    first = np.flatnonzero(new)
    if not len(first):
        return hits[:, 0], hits[:, 1], np.zeros(0, np.uint8)
    ways = np.bitwise_or.reduceat(hits[:, 2], first)
    return hits[first, 0], hits[first, 1], ways.astype(np.uint8)


def _sieves(
    screen: Screen, probes: People, crowd: Crowd, known: Known, keep: float, exchanged: bool
) -> tuple[scan.Sieves, NDArray[np.int64]]:
    """What they are sifted by, and from which value of the numbers on clearly: int64[layings, probes, classes]."""
    made: dict[str, list[NDArray[np.int32]]] = {column: [] for column in COLUMNS}
    steps, clear = [], []
    layings = LAYINGS if exchanged else (AS_STATED,)
    for number, laying in enumerate(layings):
        laid = relaid(probes, laying) if number else probes
        share = keep * EXCHANGED_SHARE if number else keep
        steps.append(screen.laid(COARSE, laid))
        for column in COLUMNS:
            limits = np.array([math.inf, *(_score(screen, column, share, count) for count in range(1, FINGERS + 1))])
            floor, _, deviation = floors(known.laid(number, column), laid.present, limits, crowd.presences, None)
            made[column].append(floor)
        clear.append(floor + np.ceil(CLEAR_BY * deviation).astype(np.int64))  # of the numbers, which come last
    asked = (_sketch(screen.laid(SKETCH, probes)), np.stack(steps))
    return scan.Sieves(*asked, *(np.stack(made[column]) for column in COLUMNS)), np.stack(clear)


def _sketch(laid: Bytes) -> NDArray[np.int8]:
    """Sketches of probes as they are sifted by: int8[probes, 10 fingers x 6 x 2 halves x 4]."""
    halves = laid.view(np.int8).reshape(len(laid), 2, FINGERS, SKETCH_BYTES // _STEP, _STEP)
    by_step = halves.transpose(0, 2, 3, 1, 4)
    return np.ascontiguousarray(by_step).reshape(len(laid), 2 * FINGERS * SKETCH_BYTES)


def _score(screen: Screen, column: str, keep: float, fingers: int) -> float:
    """The score that is to be reached in this column by people who share so many fingers."""
    if column == COARSE:
        return screen.measured.score(COARSE, fingers, keep)
    return sketch_score(keep, fingers)
