"""A first look at pairs of people whom the codes leave: few of their fingers, as the codes say that they lie.

Nearly all whom the codes leave are strangers, and a few fingers tell. The index fingers and thumbs are compared in the
laying by which the codes left the pair, and the pair is dropped where they speak for no more than chance; then all the
fingers of that laying. Who remains is compared as if there had been no look. A pair that is left by a finger of unknown
position, or shares fewer than `LEAST_SHARED` of those four, is not looked at so, and remains. Of a pair that the codes
barely left the first finger must speak for it, and the first two: strangers are left barely, and of who is the same one
in a thousand.

What a pair comes to depends on nothing but the two and the layings. The levels are fused scores, so that of strangers
one in 10^(level / 10) goes on. They were set on 1,988 synthetic people of ten fingers who came again and 3,951 pairs of
strangers whom the codes took for alike (decisions 90 and 97 have the figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.blocks import Probe
from cccd_core.dedup.codes.positions import LAYINGS
from cccd_core.dedup.codes.sift import CLEARLY
from cccd_core.dedup.index import ShardBlock
from cccd_core.dedup.judge.fusion import fuse_same_position
from cccd_core.dedup.person import MAX_FINGERS
from cccd_core.dedup.search.pairs import Hands, PairJudge
from cccd_core.matching import PreparedGallery, PreparedTemplate
from cccd_core.plain import Json

FEW: Final = (2, 7, 1, 6)  # index fingers and thumbs, in the order in which they are compared
LEAST_SHARED: Final = 2
FEW_LEVELS: Final = ((3, 5.0), (4, 16.0))  # of so many fingers, at most: what goes on reaches so much
BARE_LEVELS: Final = ((1, 3.0), (2, 5.0), *FEW_LEVELS)  # of whom the codes barely left
SPEAKING: Final = 30.0  # who comes to so much by all fingers is compared across positions
ALL_LEVELS: Final = ((6, 20.0), (10, SPEAKING))
GOING_ON: Final = 0.001  # of strangers whom the codes take for alike, at most, as was measured (decision 99)
LAID_LEVELS: Final = ((10, SPEAKING),)
_REST: Final = (3, 8, 4, 9, 5, 10)

Places = NDArray[np.int64]
Ways = NDArray[np.uint8]


def together(probes: Sequence[Probe[PreparedTemplate]]) -> ShardBlock:
    """People to search by as a block, numbered by their places here."""
    entries = sorted(
        (position, person, slot)
        for person, probe in enumerate(probes)
        for slot, (position, _) in enumerate(probe.fingers)
    )
    positions, persons, slots = np.array(entries, np.int64).reshape(-1, 3).T
    packed = PreparedGallery.pack([probes[person].fingers[slot][1] for _, person, slot in entries])
    labels = tuple(tuple(position for position, _ in probe.fingers) for probe in probes)
    bounds = np.searchsorted(positions, np.arange(MAX_FINGERS + 2))
    return ShardBlock(np.arange(len(probes), dtype=np.uint64), packed, persons, slots, labels, bounds)


@dataclass(frozen=True, slots=True)
class Glance:
    """Looks at pairs (rows[i] of the probes, columns[i] of the candidates); `ways[i]`: bit l for `LAYINGS[l]`, the next
    one for what is not looked at so, and `CLEARLY`."""

    judge: PairJudge

    def few(
        self, probes: ShardBlock, candidates: ShardBlock, rows: Places, columns: Places, ways: Ways
    ) -> tuple[NDArray[np.bool_], Places]:
        """Which pairs go on by their index fingers and thumbs, bool[n], and how many fingers of each were compared,
        int64[n]. The blocks need no others."""
        clearly = ways & CLEARLY > 0
        goes_on, compared = np.zeros(len(ways), np.bool_), np.zeros(len(ways), np.int64)
        for some, levels in ((clearly, FEW_LEVELS), (~clearly, BARE_LEVELS)):
            goes_on[some], compared[some] = self._look(
                probes, candidates, rows[some], columns[some], ways[some], FEW, levels
            )
        return goes_on, compared

    def whole(
        self, probes: ShardBlock, candidates: ShardBlock, rows: Places, columns: Places, ways: Ways
    ) -> tuple[NDArray[np.bool_], Places]:
        """The same by all fingers of known position."""
        return self._look(probes, candidates, rows, columns, ways, (*FEW, *_REST), ALL_LEVELS)

    def laid(
        self, probes: ShardBlock, candidates: ShardBlock, rows: Places, columns: Places, ways: Ways
    ) -> tuple[NDArray[np.bool_], Places]:
        """By all fingers of known position at once: who has but one finger that tells goes on."""
        return self._look(probes, candidates, rows, columns, ways, (*FEW, *_REST), LAID_LEVELS)

    def _look(
        self,
        probes: ShardBlock,
        candidates: ShardBlock,
        rows: Places,
        columns: Places,
        ways: Ways,
        order: tuple[int, ...],
        levels: tuple[tuple[int, float], ...],
    ) -> tuple[NDArray[np.bool_], Places]:
        mine, theirs = Hands.of(probes).placed, Hands.of(candidates).placed
        goes_on = (ways >> len(LAYINGS) & 1).astype(np.bool_)
        compared = np.zeros(len(ways), np.int64)
        for number, laying in enumerate(LAYINGS):
            some = np.flatnonzero(~goes_on & (ways >> number & 1).astype(np.bool_))
            places = np.array(order) - 1
            first = mine[rows[some]][:, (np.array(laying) - 1)[places]]
            second = theirs[columns[some]][:, places]
            passed, those = self._by_levels(probes, candidates, first, second, levels)
            goes_on[some] |= passed
            compared[some] += those
        return goes_on, compared

    def _by_levels(
        self,
        probes: ShardBlock,
        candidates: ShardBlock,
        first: Places,
        second: Places,
        levels: tuple[tuple[int, float], ...],
    ) -> tuple[NDArray[np.bool_], Places]:
        """Which rows of `first` and `second`, int64[n, fingers] each and -1 where there is none, reach each level, and
        how many fingers of each were compared."""
        there = (first >= 0) & (second >= 0)
        rank = np.cumsum(there, axis=1)
        scores = np.full(first.shape, np.nan)
        looked_at = rank[:, -1] >= LEAST_SHARED
        alive, compared, done = np.flatnonzero(looked_at), np.zeros(len(first), np.int64), 0
        for count, level in levels:
            now = there[alive] & (rank[alive] > done) & (rank[alive] <= count)
            pair, finger = np.nonzero(now)
            pair = alive[pair]
            scores[pair, finger] = self.judge.scores(probes, candidates, first[pair, finger], second[pair, finger])
            compared[alive] += np.count_nonzero(now, axis=1)
            fused, _ = fuse_same_position(scores[alive])
            alive = alive[fused >= level]
            done = count
        goes_on = ~looked_at
        goes_on[alive] = True
        return goes_on, compared


def glanced_fingers(fingers: int) -> float:
    """How many fingers of two strangers who share so many are compared, as was measured of ten."""
    return min(float(fingers), 2.0)


def join_levels() -> dict[str, Json]:
    """What a first look of a join goes by, as results tell it: for each part of it, fused scores by numbers of
    fingers; `barely` is for whom the codes barely left."""
    return {
        "fingers": list(FEW),
        "barely": _told(BARE_LEVELS),
        "few": _told(FEW_LEVELS),
        "all": _told(ALL_LEVELS),
    }


def search_levels() -> dict[str, Json]:
    """The same of a search, which looks at all fingers before it compares across positions."""
    return {"all": _told(LAID_LEVELS)}


def _told(levels: tuple[tuple[int, float], ...]) -> dict[str, Json]:
    return {f"{fingers}": score for fingers, score in levels}
