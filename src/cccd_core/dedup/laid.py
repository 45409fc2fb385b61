"""How the fingers of two records of one person lie: what a match did not need, and what clerks got wrong shows by.

A match rests on the fingers that speak best. The others are met here once it is found: a neighbour that was exchanged,
a finger whose image was mirrored. They say how the two records differ and change neither score nor outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.blocks import Searchable
from cccd_core.dedup.decision import Decision, LaidFinger, Match
from cccd_core.dedup.executors.protocol import Executor
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.scorer import G, P, Scorer
from cccd_core.errors import ConflictError
from cccd_core.templates import FingerTemplate, mirrored

SAYING: Final = 40.0
"""From this score on a finger is said to be another one, or its mirror image. Of a person who was found a few fingers
are left that do not agree at their own position; two of them meet in six ways, so that something is said wrongly of
about one match in a thousand."""
_Met: TypeAlias = tuple[int, int, EnrolledPerson]  # the places of a decision and a match, and whose match it is
TOLD_MOST: Final = 5  # matches of one person whose fingers are laid side by side


def told(
    decisions: Sequence[Decision],
    batch: Sequence[EnrolledPerson],
    gallery: Gallery,
    scorer: Scorer[P, G],
    parameters: DedupParameters,
    executor: Executor,
) -> list[Decision]:
    """The decisions of a batch with `Match.laid` for the first matches of each. Somebody who was withdrawn since is
    left as the search found them. Cost: mostly a few comparisons a match, a hundred at most; the workers of the
    executor, which are threads, share the matches."""
    of_batch = {person.person_id: person for person in batch}
    found = [list(decision.evidence.matches) for decision in decisions]

    def met() -> Iterator[_Met]:
        for number, matches in enumerate(found):
            for place, match in enumerate(matches[:TOLD_MOST]):
                try:
                    yield (
                        number,
                        place,
                        of_batch[match.person_id] if match.source == "batch" else gallery.get(match.person_id),
                    )
                except ConflictError:
                    continue

    def laid(task: _Met) -> tuple[LaidFinger, ...]:
        number, place, other = task
        first, second = (Searchable.of(one, parameters.least_minutiae) for one in (batch[number], other))
        return lie(found[number][place], first, second, scorer, parameters.agreeing_score)

    for (number, place, _), fingers in executor.run(laid, met()):
        found[number][place] = replace(found[number][place], laid=fingers)
    return [
        replace(decision, evidence=replace(decision.evidence, matches=tuple(matches))) if matches else decision
        for decision, matches in zip(decisions, found, strict=True)
    ]


def lie(
    match: Match, person: Searchable, other: Searchable, scorer: Scorer[P, G], agreeing_score: float
) -> tuple[LaidFinger, ...]:
    """The fingers that made the score, and each other one of stated position that agrees with its own or is, at
    `SAYING`, another finger of the record or a mirror image; by position."""
    agreeing = [one for one in match.fingers if one.score >= agreeing_score]
    mine = _others(person, {one.position for one in agreeing})
    theirs = _others(other, {one.candidate_position for one in agreeing})
    if match.mirrored or not mine or not theirs:
        return match.laid
    packed = scorer.pack([scorer.prepare(template) for _, template in theirs])
    places = [position for position, _ in theirs]
    met = [_scores(scorer, mine, packed), _scores(scorer, [(p, mirrored(one)) for p, one in mine], packed)]
    said: list[LaidFinger] = []
    for row, (position, _) in enumerate(mine):
        if position in places and met[0][row, column := places.index(position)] >= agreeing_score:
            said.append(LaidFinger(position, position, float(met[0][row, column]), False))
            for scores in met:
                scores[row], scores[:, column] = 0.0, 0.0
    while met[0].size:
        image = int(met[1].max() > met[0].max())
        row, column = divmod(int(met[image].argmax()), met[image].shape[1])
        if met[image][row, column] < SAYING:
            break
        said.append(LaidFinger(mine[row][0], places[column], float(met[image][row, column]), bool(image)))
        for scores in met:
            scores[row], scores[:, column] = 0.0, 0.0
    told_of = {one.position for one in said}
    return _in_order([one for one in match.laid if one.position not in told_of] + said)


def _others(person: Searchable, explained: Set[int]) -> list[tuple[int, FingerTemplate]]:
    return [(position, one) for position, one in person.fingers if position and position not in explained]


def _scores(scorer: Scorer[P, G], fingers: Sequence[tuple[int, FingerTemplate]], packed: G) -> NDArray[np.float32]:
    """float32[fingers, len(packed)]."""
    return np.stack([scorer.scores(scorer.prepare(one), packed, threads=1) for _, one in fingers])


def _in_order(fingers: Sequence[LaidFinger]) -> tuple[LaidFinger, ...]:
    return tuple(sorted(fingers, key=lambda one: (one.position, one.candidate_position)))
