"""How people settle a case: votes in, its standing out. Pure; the tables have the same rules as constraints.

Two people answer, neither seeing the other's answer. Equal answers settle the case; others go up to a third, who has
the role of a senior, sees both and decides. Nobody answers twice, and whoever entered the dossier does not answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from cccd_core.errors import ConflictError, ParameterError
from cccd_core.issuance.access.accounts import name as name
from cccd_core.words import Word

REASON_CHARACTERS_MOST: Final = 500
_NUMBER: Final = re.compile(r"(?<!\w)(?:\d{9}|\d{3}(?:[ .]?\d{3}){3})(?!\w)", re.ASCII)
"""A personal number of 12 digits, in groups or not, or a former one of 9."""


class CaseKind(Word):
    """What a case is about."""

    POSSIBLE_DUPLICATE = "possible_duplicate", "the search found somebody alike, not surely enough"
    SEVERAL_PEOPLE = "several_people", "different fingers of the dossier are like different people's"
    SAME_FINGER = "same_finger", "one finger was given for two positions"
    FINGER_IN_DOUBT = "finger_in_doubt", "fingers that are hardly fingers, or that nobody knows the positions of"
    OWN_RECORD_MISMATCH = "own_record_mismatch", "the fingers do not match the record of the dossier's own number"
    TWO_RECORDS = "two_records", "the fingers are those of two records: of its number's, and of another's"
    OWN_RECORD_REMOVED = "own_record_removed", "the record of its number was taken out of the gallery by an order"
    NOT_SEARCHABLE = "not_searchable", "there is no finger that could be searched by"


class Answer(Word):
    """What people say of a case."""

    SAME_PERSON = "same_person", "it is the same person: no second card"
    DIFFERENT_PEOPLE = "different_people", "they are different people: the search goes on without this pair"
    ACCEPT = "accept", "the dossier stands in spite of the doubt"
    CAPTURE_AGAIN = "capture_again", "the person is to come again, this dossier ends"
    REFUSE = "refuse", "no card for this dossier"


ENDING: Final = frozenset({Answer.SAME_PERSON, Answer.CAPTURE_AGAIN, Answer.REFUSE})
"""The answers after which a dossier gets no card."""

_OF_A_PAIR: Final = (Answer.SAME_PERSON, Answer.DIFFERENT_PEOPLE, Answer.CAPTURE_AGAIN, Answer.REFUSE)
_OF_A_DOUBT: Final = (Answer.ACCEPT, Answer.CAPTURE_AGAIN, Answer.REFUSE)
ANSWERS: Final[Mapping[CaseKind, tuple[Answer, ...]]] = {
    kind: _OF_A_PAIR
    if kind in (CaseKind.POSSIBLE_DUPLICATE, CaseKind.SEVERAL_PEOPLE, CaseKind.TWO_RECORDS)
    else _OF_A_DOUBT
    for kind in CaseKind
}
"""What may be said of each kind."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's answer. `adjudicator` as `name` has it; `time` is aware of its zone."""

    adjudicator: str
    senior: bool
    answer: Answer
    reason: str = field(repr=False)
    time: datetime


class Stage(StrEnum):
    """How far a case is."""

    OPEN = "open"  # fewer than two answers
    CONFLICT = "conflict"  # two that differ: a senior is to decide
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the votes leave a case; `answer` once it is settled."""

    stage: Stage
    answer: Answer | None = None


def standing(votes: Sequence[Vote]) -> Standing:
    """Where these votes, in their order, leave a case."""
    if len(votes) > 2:
        return Standing(Stage.SETTLED, votes[2].answer)
    if len(votes) < 2:
        return Standing(Stage.OPEN)
    first, second = votes
    return Standing(Stage.SETTLED, first.answer) if first.answer is second.answer else Standing(Stage.CONFLICT)


def seen(votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """What anybody may see of the votes: none before two are in."""
    return tuple(votes) if len(votes) > 1 else ()


def demand_vote(kind: CaseKind, operator: str | None, votes: Sequence[Vote], vote: Vote) -> None:
    """ParameterError for an answer that this kind does not have, or a reason that says nothing; ConflictError where
    this person may not vote now."""
    if vote.answer not in ANSWERS[kind]:
        raise ParameterError(
            "a case of this kind has no such answer", answer=str(vote.answer), known=" ".join(ANSWERS[kind])
        )
    where = standing(votes).stage
    if where is Stage.SETTLED:
        raise ConflictError("the case is settled", adjudicator=vote.adjudicator)
    if any(one.adjudicator == vote.adjudicator for one in votes):
        raise ConflictError("nobody votes twice on a case", adjudicator=vote.adjudicator)
    if operator is not None and operator == vote.adjudicator:
        raise ConflictError("whoever entered the dossier does not vote on it", adjudicator=vote.adjudicator)
    if where is Stage.CONFLICT and not vote.senior:
        raise ConflictError("two have said different things: a senior decides", adjudicator=vote.adjudicator)


def why(text: str) -> str:
    """A reason as it is kept. ParameterError for one that says nothing, is too long, holds control characters, or what
    may be the number of a person: it is read by many, and kept for ever."""
    found = " ".join(unicodedata.normalize("NFC", text).split())
    if not any(sign.isalnum() for sign in found):
        raise ParameterError("a reason says something")
    if len(found) > REASON_CHARACTERS_MOST or any(unicodedata.category(sign)[0] == "C" for sign in found):
        raise ParameterError("a reason is one line of text", length=len(found), most=REASON_CHARACTERS_MOST)
    if _NUMBER.search(found):
        raise ParameterError("a reason says no number of a person", needs="the dossier's id, where one is meant")
    return found
