"""Blocks of candidates, packed for scoring, and one probe against one block. Imports dedup, templates and numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.decision import FingerComparison
from cccd_core.dedup.fusion import bound_any_position, fuse_any_position, fuse_same_position
from cccd_core.dedup.person import MAX_FINGERS, EnrolledPerson
from cccd_core.templates import FingerTemplate


class BatchMatcher(Protocol):
    """What a search asks of `matching.Matcher`; how a score is made stays the matcher's business.

    `gallery` packs templates so that a slice of the result scores as those templates alone; `scores` gives calibrated
    scores, float32[len(gallery)], may be called from several threads, and depends on nothing but the two fingers.
    """

    def prepare(self, template: FingerTemplate) -> Any: ...

    def gallery(self, templates: Sequence[FingerTemplate]) -> Any: ...

    def scores(self, probe: Any, gallery: Any, *, threads: int | None = None) -> NDArray[np.float32]: ...

    def manifest(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Probe:
    """A person of the batch, prepared: `fingers` are (position, prepared template), 0 an unknown position."""

    index: int
    person_id: str
    fingers: tuple[tuple[int, Any], ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person that scored above chance against a probe. `batch_index` is None in the gallery."""

    person_id: str
    batch_index: int | None
    score: float
    across_positions: bool
    fingers: tuple[FingerComparison, ...]

    @property
    def order(self) -> tuple[float, str]:
        """Best first; equal scores in the order of identifiers, so that no order of the gallery matters."""
        return (-self.score, self.person_id)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Candidates packed: fingers lie in order of position, within a position in order of person.

    `packed` is the matcher's gallery; `person` int64[fingers] and `slot` int64[fingers] say whose finger and which of
    the person's fingers each is; `labels[person][slot]` is its position; `bounds[position]` is where a position begins.
    """

    source: Literal["gallery", "batch"]
    person_ids: tuple[str, ...]
    first_index: int  # of the first person, in the batch
    packed: Any
    person: NDArray[np.int64]
    slot: NDArray[np.int64]
    labels: tuple[tuple[int, ...], ...]
    bounds: NDArray[np.int64]

    @classmethod
    def pack(
        cls,
        matcher: BatchMatcher,
        source: Literal["gallery", "batch"],
        people: Sequence[EnrolledPerson],
        least_minutiae: int,
        first_index: int = 0,
    ) -> Block:
        """Packs the fingers of these people that have minutiae enough; `first_index` is the place of the first of the
        people in the batch."""
        labels = tuple(tuple(position for position, _ in person.fingers(least_minutiae)) for person in people)
        entries = [
            (position, row, slot, template)
            for row, person in enumerate(people)
            for slot, (position, template) in enumerate(person.fingers(least_minutiae))
        ]
        entries.sort(key=lambda entry: entry[:3])
        positions = np.array([entry[0] for entry in entries], dtype=np.int64)
        return cls(
            source,
            tuple(person.person_id for person in people),
            first_index,
            matcher.gallery([entry[3] for entry in entries]),
            np.array([entry[1] for entry in entries], dtype=np.int64),
            np.array([entry[2] for entry in entries], dtype=np.int64),
            labels,
            np.searchsorted(positions, np.arange(MAX_FINGERS + 2)),
        )

    def people_before(self, probe: Probe) -> int:
        """How many people of the block the probe meets: in the batch, those earlier than itself."""
        if self.source == "gallery":
            return len(self.person_ids)
        return max(0, min(len(self.person_ids), probe.index - self.first_index))

    def rows(self, position: int, people: int) -> tuple[int, int]:
        """First and past-the-last finger of that position that belongs to the first `people` people."""
        start, stop = int(self.bounds[position]), int(self.bounds[position + 1])
        return start, start + int(np.searchsorted(self.person[start:stop], people))


@dataclass(frozen=True, slots=True)
class Rules:
    """What a pass goes by: the score its share of the allowance costs, the most that one finger contributes, the score
    from which a candidate matters for the decision, and how many of those and of the others are kept."""

    share_cost: float
    finger_limit: float
    wanted_score: float
    most: int
    others: int


def same_positions(
    matcher: BatchMatcher, probe: Probe, block: Block, excluded: frozenset[str], matched: frozenset[str], rules: Rules
) -> tuple[list[Candidate], int]:
    """First pass: each placed finger against the same position. Returns candidates and the number of finger pairs.

    The best `rules.most` of those who reach the wanted score are among the candidates, and the best `rules.others` of
    the others.
    """
    del matched  # of the second pass alone
    people = block.people_before(probe)
    placed = [(position, finger) for position, finger in probe.fingers if position]
    scores = np.full((people, len(placed)), np.nan)
    pairs = 0
    for column, (position, finger) in enumerate(placed):
        start, stop = block.rows(position, people)
        if start < stop:
            found = matcher.scores(finger, block.packed[start:stop], threads=1)
            scores[block.person[start:stop], column] = np.minimum(found, rules.finger_limit)
            pairs += stop - start
    fused, chosen = fuse_same_position(scores)
    fused = fused - rules.share_cost
    for row, person_id in enumerate(block.person_ids[:people] if excluded else ()):
        if person_id in excluded:
            fused[row] = 0.0
    candidates = []
    wanted = fused >= rules.wanted_score
    for row in (*_best(fused, wanted, rules.most), *_best(fused, ~wanted & (fused > 0), rules.others)):
        values = scores[row].tolist()
        best = np.argsort(-scores[row], kind="stable")[: chosen[row]].tolist()
        fingers = tuple(
            FingerComparison(placed[column][0], placed[column][0], values[column]) for column in sorted(best)
        )
        candidates.append(_candidate(block, int(row), float(fused[row]), False, fingers))
    return candidates, pairs


def any_positions(
    matcher: BatchMatcher,
    probe: Probe,
    block: Block,
    excluded: frozenset[str],
    matched: frozenset[str],
    rules: Rules,
) -> tuple[list[Candidate], int]:
    """Second pass: every finger against every finger, the best one-to-one pairing of each two people.

    Everyone who reaches the wanted score is among the candidates, and so is the best of the others, people in `matched`
    (by the first pass) aside.
    """
    people = block.people_before(probe)
    scores = np.full((people, len(probe.fingers), MAX_FINGERS), np.nan)
    pairs = 0
    for position in range(MAX_FINGERS + 1):
        start, stop = block.rows(position, people)
        if start == stop:
            continue
        part = block.packed[start:stop]
        for row, (_, finger) in enumerate(probe.fingers):
            found = matcher.scores(finger, part, threads=1)
            scores[block.person[start:stop], row, block.slot[start:stop]] = np.minimum(found, rules.finger_limit)
            pairs += stop - start
    theirs = np.array([len(labels) for labels in block.labels[:people]], dtype=np.int64)
    bound = bound_any_position(scores, theirs) - rules.share_cost + 1e-9  # sums in another order round otherwise
    candidates: list[Candidate] = []
    best_other = 0.0
    for row in np.argsort(-bound, kind="stable"):
        if bound[row] <= 0 or (bound[row] < rules.wanted_score and bound[row] < best_other):
            break
        if block.person_ids[row] in excluded:
            continue
        labels = block.labels[row]
        matrix = scores[row, :, : len(labels)]
        fused, chosen = fuse_any_position(matrix)
        fused -= rules.share_cost
        if fused <= 0:
            continue
        if fused < rules.wanted_score and block.person_ids[row] not in matched:
            best_other = max(best_other, fused)
        fingers = tuple(FingerComparison(probe.fingers[i][0], labels[j], float(matrix[i, j])) for i, j in chosen)
        candidates.append(_candidate(block, int(row), fused, True, fingers))
    return candidates, pairs


def _best(scores: NDArray[np.float64], among: NDArray[np.bool_], most: int) -> list[int]:
    """The rows of the `most` best scores, and of all that equal the last of them."""
    rows = np.flatnonzero(among)
    if len(rows) > most:
        rows = rows[scores[rows] >= np.partition(scores[rows], -most)[-most]]
    return [int(row) for row in rows]


def _candidate(block: Block, row: int, score: float, across: bool, fingers: tuple[FingerComparison, ...]) -> Candidate:
    index = block.first_index + row if block.source == "batch" else None
    return Candidate(block.person_ids[row], index, score, across, fingers)
