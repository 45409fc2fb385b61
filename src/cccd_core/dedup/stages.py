"""The two stages of a search: one probe against one block, by position and across positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.blocks import Block, Probe
from cccd_core.dedup.decision import FingerComparison
from cccd_core.dedup.judge.candidate import Candidate
from cccd_core.dedup.judge.fusion import bound_any_position, fuse_any_position, fuse_same_position
from cccd_core.dedup.judge.thresholds import MOST_MATCHES, OTHERS, Thresholds
from cccd_core.dedup.person import MAX_FINGERS
from cccd_core.dedup.scorer import G, P, Scorer

_NOBODY: frozenset[str] = frozenset()


class Compared(NamedTuple):
    """Who scored above chance, and how many finger pairs were compared to find out."""

    candidates: list[Candidate]
    finger_pairs: int


class Met(NamedTuple):
    """What came of somebody and a part: candidates, pairs of fingers compared, and people met after the first stage."""

    candidates: list[Candidate]
    finger_pairs: int
    people: int


@dataclass(frozen=True, slots=True)
class SamePosition(Generic[P, G]):
    """First pass: each placed finger against the same position.

    The best 64 of those who reach the score of a review are among the candidates, and the best 8 of the others.
    `excluded`: with whom a person is not compared; `cost`: score to pay for the pass's share of the allowance.
    `mirrored`: the probes are mirror images; the others, who resemble nobody, are then left out.
    """

    scorer: Scorer[P, G]
    thresholds: Thresholds
    excluded: Mapping[str, frozenset[str]]
    cost: float
    mirrored: bool = False
    name: str = "by position"

    def compare(self, probe: Probe[P], block: Block[G]) -> Compared:
        """Placed fingers of unequal position meet nowhere, and unplaced ones not at all."""
        people = block.people_before(probe)
        placed = [(position, finger) for position, finger in probe.fingers if position]
        scores = np.full((people, len(placed)), np.nan)
        limit = self.thresholds.parameters.finger_score_limit
        pairs = 0
        for column, (position, finger) in enumerate(placed):
            start, stop = block.rows(position, people)
            if start < stop:
                found = self.scorer.scores(finger, block.packed[start:stop], threads=1)
                scores[block.person[start:stop], column] = np.minimum(found, limit)
                pairs += stop - start
        fused, chosen = fuse_same_position(scores)
        names, positions = block.person_ids[:people], [position for position, _ in placed]
        return Compared(
            self.candidates(probe.person_id, names, _batch_places(block), positions, scores, fused, chosen), pairs
        )

    def candidates(
        self,
        probe_id: str,
        names: Sequence[str],
        places: NDArray[np.int64] | None,
        positions: Sequence[int],
        scores: NDArray[np.float64],
        fused: NDArray[np.float64],
        chosen: NDArray[np.int64],
    ) -> list[Candidate]:
        """Of people of these names, and places in the batch where they are of it, by `scores` float64[people,
        positions] and what these fuse to, as `fuse_same_position` says."""
        fused = fused - self.cost
        excluded = self.excluded.get(probe_id, _NOBODY)
        for row, person_id in enumerate(names if excluded else ()):
            if person_id in excluded:
                fused[row] = 0.0
        candidates = []
        wanted = fused >= self.thresholds.review_score
        others = [] if self.mirrored else _best(fused, ~wanted & (fused > 0), OTHERS)
        told = [*_best(fused, wanted, MOST_MATCHES), *others]
        best_first = np.argsort(-scores[told], axis=1, kind="stable").tolist()
        for row, values, order in zip(told, scores[told].tolist(), best_first, strict=True):
            fingers = tuple(
                FingerComparison(positions[column], positions[column], values[column])
                for column in sorted(order[: chosen[row]])
            )
            index = None if places is None else int(places[row])
            candidates.append(Candidate(names[row], index, float(fused[row]), False, fingers, self.mirrored))
        return candidates


@dataclass(frozen=True, slots=True)
class AnyPosition(Generic[P, G]):
    """Second pass: every finger against every finger, the best one-to-one pairing of each two people.

    Everyone who reaches the score of a review is among the candidates, and so is the best of the others. `excluded` as
    in the first pass; `matched`: whom each probe found in the first pass, who are not the others.
    """

    scorer: Scorer[P, G]
    thresholds: Thresholds
    excluded: Mapping[str, frozenset[str]]
    matched: Mapping[str, frozenset[str]]
    mirrored: bool = False
    name: str = "across positions"

    def compare(self, probe: Probe[P], block: Block[G]) -> Compared:
        """Exact: a pairing is left out only where its upper bound says that it does not matter."""
        people = block.people_before(probe)
        scores = np.full((people, len(probe.fingers), MAX_FINGERS), np.nan)
        limit = self.thresholds.parameters.finger_score_limit
        pairs = 0
        for position in range(MAX_FINGERS + 1):
            start, stop = block.rows(position, people)
            if start == stop:
                continue
            part = block.packed[start:stop]
            for row, (_, finger) in enumerate(probe.fingers):
                found = self.scorer.scores(finger, part, threads=1)
                scores[block.person[start:stop], row, block.slot[start:stop]] = np.minimum(found, limit)
                pairs += stop - start
        return Compared(self._candidates(probe, block, scores), pairs)

    def _candidates(self, probe: Probe[P], block: Block[G], scores: NDArray[np.float64]) -> list[Candidate]:
        """From the scores float64[people, fingers, slots] of all finger pairs."""
        cost, wanted = self.thresholds.across_positions_cost, self.thresholds.review_score
        excluded = self.excluded.get(probe.person_id, _NOBODY)
        matched = self.matched.get(probe.person_id, _NOBODY)
        theirs = np.array([len(labels) for labels in block.labels[: len(scores)]], dtype=np.int64)
        bound = bound_any_position(scores, theirs) - cost + 1e-9  # sums in another order round otherwise
        candidates: list[Candidate] = []
        places = _batch_places(block)
        best_other = 0.0
        for row in np.argsort(-bound, kind="stable").tolist():
            if bound[row] <= 0 or (bound[row] < wanted and bound[row] < best_other):
                break
            if block.person_ids[row] in excluded:
                continue
            labels = block.labels[row]
            matrix = scores[row, :, : len(labels)]
            fused, chosen = fuse_any_position(matrix)
            fused -= cost
            if fused <= 0:
                continue
            if fused < wanted and block.person_ids[row] not in matched:
                best_other = max(best_other, fused)
            fingers = tuple(FingerComparison(probe.fingers[i][0], labels[j], float(matrix[i, j])) for i, j in chosen)
            index = None if places is None else int(places[row])
            candidates.append(Candidate(block.person_ids[row], index, fused, True, fingers))
        return candidates


Stage: TypeAlias = SamePosition[P, G] | AnyPosition[P, G]
Way: TypeAlias = tuple[Stage[P, G], Sequence[Probe[P]]]


def _best(scores: NDArray[np.float64], among: NDArray[np.bool_], most: int) -> list[int]:
    """The rows of the `most` best scores, and of all that equal the last of them."""
    rows = np.flatnonzero(among)
    if len(rows) > most:
        rows = rows[scores[rows] >= np.partition(scores[rows], -most)[-most]]
    return [int(row) for row in rows]


def _batch_places(block: Block[G]) -> NDArray[np.int64] | None:
    """Where in the batch each is, where they are of it."""
    return block.places if block.source == "batch" else None
