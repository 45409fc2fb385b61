"""Chosen pairs of people compared: the same scores and the same fusion as a search's, for all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.decision import FingerComparison
from cccd_core.dedup.index import ShardBlock
from cccd_core.dedup.judge.candidate import Candidate
from cccd_core.dedup.judge.fusion import bound_any_position, fuse_any_position, fuse_same_position
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.person import MAX_FINGERS
from cccd_core.dedup.search.task import PairFound
from cccd_core.matching import Matcher

PAIRS_MOST = 4096  # of people in memory at a time: a hundred scores each

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Hands:
    """Where each person's fingers lie in a block: `placed` int64[people, 10] by position - 1, `slots` int64[people, 10]
    in their own order; -1 where there is none. `count` int64[people]."""

    placed: Places
    slots: Places
    count: Places

    @classmethod
    def of(cls, block: ShardBlock) -> Hands:
        """The fingers of a block."""
        people, fingers = len(block.labels), np.arange(len(block.person))
        placed = np.full((people, MAX_FINGERS), -1, np.int64)
        slots = np.full((people, MAX_FINGERS), -1, np.int64)
        slots[block.person, block.slot] = fingers
        known = fingers >= block.bounds[1]  # unknown positions come first
        position = np.searchsorted(block.bounds, fingers, side="right") - 1
        placed[block.person[known], position[known] - 1] = fingers[known]
        return cls(placed, slots, np.count_nonzero(slots >= 0, axis=1))


@dataclass(frozen=True, slots=True)
class PairJudge:
    """Compares pairs of people and says who of them may be one.

    First by position; a pair that is no duplicate so may be compared across positions too. Each has its share of the
    allowance, as in `Deduplicator`. What a pair comes to depends on nothing but the two.
    """

    matcher: Matcher
    thresholds: Thresholds

    def same(
        self, probes: ShardBlock, candidates: ShardBlock, rows: Places, columns: Places
    ) -> tuple[list[PairFound], Places, int]:
        """Pairs (rows[i] of the probes, columns[i] of the candidates) by position: those who may be one, which pairs
        are no duplicates, and how many fingers were compared."""
        scores, both = self.by_position(probes, candidates, rows, columns)
        fused, chosen = fuse_same_position(scores)
        fused = fused - self.thresholds.by_position_cost
        found, duplicate = [], np.zeros(len(rows), np.bool_)
        for pair in np.flatnonzero(fused >= self.thresholds.review_score).tolist():
            best = sorted(np.argsort(-scores[pair], kind="stable")[: chosen[pair]].tolist())
            fingers = tuple(FingerComparison(p + 1, p + 1, float(scores[pair, p])) for p in best)
            place, score = (int(rows[pair]), int(columns[pair])), float(fused[pair])
            one = self._found(probes, candidates, place, score, fingers, across=False)
            if one is not None:
                found.append(one)
                duplicate[pair] = one.outcome == "duplicate"
        return found, np.flatnonzero(~duplicate), int(np.count_nonzero(both))

    def by_position(
        self, probes: ShardBlock, candidates: ShardBlock, rows: Places, columns: Places
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Scores of the fingers of these pairs by position, float64[n, 10], NaN where a finger is missing, and which
        both have, bool[n, 10]."""
        mine, theirs = Hands.of(probes).placed[rows], Hands.of(candidates).placed[columns]
        both = (mine >= 0) & (theirs >= 0)
        scores = np.full(both.shape, np.nan)
        scores[both] = self.scores(probes, candidates, mine[both], theirs[both])
        return scores, both

    def across(
        self, probes: ShardBlock, candidates: ShardBlock, rows: Places, columns: Places
    ) -> tuple[list[PairFound], int]:
        """The same across positions: every finger with every finger, the best one-to-one pairing of each two people.

        A pair is given up once the probe's other fingers could not make it one, whatever they gave: nobody is lost.
        """
        mine, theirs = Hands.of(probes), Hands.of(candidates)
        found: list[PairFound] = []
        compared = 0
        cost, wanted = self.thresholds.across_positions_cost, self.thresholds.review_score
        for count in np.unique(mine.count[rows]).tolist():
            of_count = np.flatnonzero(mine.count[rows] == count)
            if not count:
                continue
            first = mine.slots[rows[of_count], :count, None]
            second = theirs.slots[columns[of_count], None, :]
            fingers = theirs.count[columns[of_count]]
            scores, those = self._row_by_row(probes, candidates, first, second, fingers)
            compared += those
            bound = bound_any_position(scores, fingers) - cost + 1e-9  # sums in another order round otherwise
            for place in np.flatnonzero(bound >= wanted).tolist():
                row, column = int(rows[of_count[place]]), int(columns[of_count[place]])
                matrix = scores[place, :, : int(fingers[place])]
                fused, chosen = fuse_any_position(matrix)
                if fused - cost < wanted:
                    continue
                labels = probes.labels[row], candidates.labels[column]
                speaking = tuple(FingerComparison(labels[0][i], labels[1][j], float(matrix[i, j])) for i, j in chosen)
                one = self._found(probes, candidates, (row, column), fused - cost, speaking, across=True)
                if one is not None:
                    found.append(one)
        return found, compared

    def _row_by_row(
        self, probes: ShardBlock, candidates: ShardBlock, first: Places, second: Places, fingers: Places
    ) -> tuple[NDArray[np.float64], int]:
        """Scores float64[pairs, fingers of the probe, 10] of `first` int64[pairs, fingers, 1] with `second`
        int64[pairs, 1, 10], and how many fingers were compared. From where a pair is given up it has 0."""
        pairs, count = first.shape[:2]
        scores = np.where(second >= 0, np.zeros((pairs, count, MAX_FINGERS)), np.nan)
        alive, compared = np.arange(pairs), 0
        for row in range(count):
            others = second[alive, 0]
            there = others >= 0
            mine = np.broadcast_to(first[alive, row], others.shape)
            values = np.full(others.shape, np.nan)
            values[there] = self.scores(probes, candidates, mine[there], others[there])
            scores[alive, row] = values
            compared += int(np.count_nonzero(there))
            if row + 1 < count:
                alive = alive[may_reach(self.thresholds, scores[alive], fingers[alive], row + 1)]
        return scores, compared

    def scores(self, probes: ShardBlock, candidates: ShardBlock, mine: Places, theirs: Places) -> NDArray[np.float32]:
        """Scores of pairs of fingers, limited; those of one finger are scored one after the other."""
        order = np.argsort(mine, kind="stable")
        found = np.empty(len(mine), np.float32)
        pairs = np.stack([mine[order], theirs[order]], axis=1)
        found[order] = self.matcher.pair_scores(probes.packed, candidates.packed, pairs)
        return np.minimum(found, self.thresholds.parameters.finger_score_limit)

    def _found(
        self,
        probes: ShardBlock,
        candidates: ShardBlock,
        place: tuple[int, int],
        score: float,
        fingers: tuple[FingerComparison, ...],
        *,
        across: bool,
    ) -> PairFound | None:
        match = self.thresholds.match(Candidate("", None, score, across, fingers))
        if match.outcome == "unique":
            return None
        a, b = int(candidates.sequences[place[1]]), int(probes.sequences[place[0]])
        return PairFound(a, b, match.outcome, score, across, fingers)


def may_reach(
    thresholds: Thresholds, scores: NDArray[np.float64], candidate_fingers: Places, compared: int
) -> NDArray[np.bool_]:
    """Which pairs could still come to a review across positions, were each of the fingers not compared yet worth the
    most that one may be. `scores` float64[pairs, fingers, slots], of which the first `compared` fingers are known."""
    best = np.fmax.reduce(scores, axis=2, keepdims=True, initial=0.0)
    best[:, compared:] = thresholds.parameters.finger_score_limit
    bound = bound_any_position(best, candidate_fingers) - thresholds.across_positions_cost + 1e-9
    return np.asarray(bound >= thresholds.review_score)


def fingers_until_given_up(thresholds: Thresholds, fingers: int) -> int:
    """How many of a stranger's fingers are compared across positions, where each finds a best partner worth the mean
    of the best of so many impostor scores; both people have so many fingers."""
    best = 10.0 / np.log(10.0) * np.sum(1.0 / np.arange(1, fingers + 1))
    scores = np.full((1, fingers, 1), best)
    those = np.array([fingers])
    return next((n for n in range(1, fingers) if not may_reach(thresholds, scores, those, n)[0]), fingers)


def better_of_both(found: list[PairFound]) -> list[PairFound]:
    """One finding a pair, the better of its two; in order of numbers."""
    best: dict[tuple[int, int], PairFound] = {}
    for one in found:
        known = best.get((one.a, one.b))
        if known is None or (-one.score, one.across_positions) < (-known.score, known.across_positions):
            best[one.a, one.b] = one
    return [best[pair] for pair in sorted(best)]
