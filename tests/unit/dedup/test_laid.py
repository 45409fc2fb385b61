"""What is said of the fingers of somebody who was found: exchanged neighbours, another finger, a mirrored image."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cccd_core.dedup import Deduplicator, EnrolledPerson, Match, MemoryGallery
from cccd_core.matching import Matcher
from cccd_core.synthesis import tenprint
from cccd_core.templates import FingerTemplate, Tenprint, mirrored

SEED = 5
MATCHER = Matcher()
ENROLLED = EnrolledPerson("enrolled", tenprint(SEED, 1))


def again() -> dict[int, FingerTemplate]:
    """Another impression of the person enrolled."""
    return dict(tenprint(SEED, 1, impression=1))


def match_of(fingers: dict[int, FingerTemplate]) -> Match:
    """How these fingers match the person enrolled."""
    stated = {position: replace(one, position=position) for position, one in fingers.items()}
    gallery = MemoryGallery([ENROLLED, EnrolledPerson("stranger", tenprint(SEED, 2))])
    decision = Deduplicator(MATCHER).search([EnrolledPerson("given", Tenprint(stated))], gallery)[0]
    assert (decision.outcome, decision.of) == ("duplicate", "enrolled")
    assert decision.evidence.best_competitor is None or decision.evidence.best_competitor.laid
    return decision.evidence.matches[0]


def moved(match: Match) -> dict[int, tuple[int, bool]]:
    """Fingers that do not lie at their own position as they are."""
    odd = [one for one in match.laid if one.mirrored or one.position != one.candidate_position]
    return {one.position: (one.candidate_position, one.mirrored) for one in odd}


def test_fingers_at_their_own_positions_say_nothing() -> None:
    match = match_of(again())
    assert not moved(match)
    assert {one.position for one in match.fingers} <= {one.position for one in match.laid}


def test_exchanged_neighbours_are_found_though_the_match_does_not_need_them() -> None:
    fingers = again()
    match = match_of({**fingers, 2: fingers[3], 3: fingers[2]})
    assert moved(match) == {2: (3, False), 3: (2, False)}
    assert not {2, 3} & {one.position for one in match.fingers if one.score >= 20}


@pytest.mark.parametrize("position", [2, 7])
def test_one_mirrored_finger(position: int) -> None:
    fingers = again()
    assert moved(match_of({**fingers, position: mirrored(fingers[position])})) == {position: (position, True)}


def test_two_mirrored_fingers_that_changed_places() -> None:
    fingers = again()
    odd = {4: mirrored(fingers[9]), 9: mirrored(fingers[4])}
    assert moved(match_of({**fingers, **odd})) == {4: (9, True), 9: (4, True)}


def test_a_finger_of_a_stranger_is_no_finger_of_the_record() -> None:
    match = match_of({**again(), 2: tenprint(SEED, 3)[2]})
    assert not moved(match)
    assert 2 not in {one.position for one in match.laid if one.score >= 20}


def test_all_mirrored_are_said_to_be() -> None:
    match = match_of({position: mirrored(one) for position, one in again().items()})
    assert match.mirrored
    assert all(one.mirrored for one in match.laid)
