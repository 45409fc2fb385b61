"""Why a dossier is where it is: what the stages found out, as data that is kept with its row and shown in the report.

Holds ids, scores, words and card serials, and nothing of a person. Every type has `as_dict`, JSON-ready, and
`from_json`, which takes it back and raises DamagedError for anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cccd_core.errors import CccdError, DamagedError, Fact
from cccd_core.issuance.dossiers.reasons import Problem, RegisterReason
from cccd_core.plain import Json, JsonObject

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ProblemEvidence:
    """One error that a check found."""

    field: str
    reason: str
    facts: Mapping[str, Json]

    @classmethod
    def of_problem(cls, problem: Problem) -> ProblemEvidence:
        return cls(problem.field, problem.reason, problem.facts)

    @classmethod
    def from_json(cls, data: Json) -> ProblemEvidence:
        read = _Reader(data)
        return cls(read.text("field"), read.text("reason"), read.object("facts"))

    def as_dict(self) -> JsonObject:
        return {"field": self.field, "reason": self.reason, "facts": self.facts}


@dataclass(frozen=True, slots=True)
class FingerEvidence:
    """Two fingers that were compared: their positions and the score."""

    position: int
    other: int
    score: float

    @classmethod
    def from_json(cls, data: Json) -> FingerEvidence:
        read = _Reader(data)
        return cls(read.whole("position"), read.whole("other"), read.number("score"))

    def as_dict(self) -> JsonObject:
        return {"position": self.position, "other": self.other, "score": self.score}


@dataclass(frozen=True, slots=True)
class MatchEvidence:
    """One person whom the search found like: by the dossier that enrolled them."""

    dossier: str
    source: str
    outcome: str
    score: float
    expected_false_matches: float
    agreeing: int
    fingers: tuple[FingerEvidence, ...]

    @classmethod
    def from_json(cls, data: Json) -> MatchEvidence:
        read = _Reader(data)
        return cls(
            read.text("dossier"), read.text("source"), read.text("outcome"),
            read.number("score"), read.number("expected_false_matches"), read.whole("agreeing"),
            read.each("fingers", FingerEvidence.from_json),
        )  # fmt: skip

    def as_dict(self) -> JsonObject:
        return {
            "dossier": self.dossier,
            "source": self.source,
            "outcome": self.outcome,
            "score": self.score,
            "expected_false_matches": self.expected_false_matches,
            "agreeing": self.agreeing,
            "fingers": [finger.as_dict() for finger in self.fingers],
        }


@dataclass(frozen=True, slots=True)
class SearchEvidence:
    """What one search said of a dossier; `of` and `linked` are dossiers, the scores rounded to what is shown."""

    outcome: str
    of: str | None
    fingers: tuple[int, ...]
    score: float
    duplicate_score: float
    review_score: float
    comparisons: int
    finger_pairs: int
    reasons: tuple[str, ...]
    matches: tuple[MatchEvidence, ...]
    best_competitor: MatchEvidence | None
    linked: tuple[str, ...]

    @classmethod
    def from_json(cls, data: Json) -> SearchEvidence:
        read = _Reader(data)
        return cls(
            outcome=read.text("outcome"),
            of=read.maybe("of", _text),
            fingers=read.each("fingers", _whole),
            score=read.number("score"),
            duplicate_score=read.number("duplicate_score"),
            review_score=read.number("review_score"),
            comparisons=read.whole("comparisons"),
            finger_pairs=read.whole("finger_pairs"),
            reasons=read.each("reasons", _text),
            matches=read.each("matches", MatchEvidence.from_json),
            best_competitor=read.maybe("best_competitor", MatchEvidence.from_json),
            linked=read.each("linked", _text),
        )

    def as_dict(self) -> JsonObject:
        return {
            "outcome": self.outcome,
            "of": self.of,
            "fingers": list(self.fingers),
            "score": self.score,
            "duplicate_score": self.duplicate_score,
            "review_score": self.review_score,
            "comparisons": self.comparisons,
            "finger_pairs": self.finger_pairs,
            "reasons": list(self.reasons),
            "matches": [match.as_dict() for match in self.matches],
            "best_competitor": None if self.best_competitor is None else self.best_competitor.as_dict(),
            "linked": list(self.linked),
        }


@dataclass(frozen=True, slots=True)
class ErrorEvidence:
    """What went wrong with one card: an error of the library, or how its job ended."""

    kind: str
    message: str
    facts: Mapping[str, Json]

    @classmethod
    def of_error(cls, error: CccdError) -> ErrorEvidence:
        facts: dict[str, Fact] = error.facts
        return cls(error.kind, error.message, facts)

    @classmethod
    def from_json(cls, data: Json) -> ErrorEvidence:
        read = _Reader(data)
        return cls(read.text("kind"), read.text("message"), read.object("facts"))

    def as_dict(self) -> JsonObject:
        return {"kind": self.kind, "message": self.message, "facts": self.facts}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one dossier. What a stage did not get to is None or empty, and left out of the report.

    `number`: what would hold of its number if the search had not found the same person. `own_record`: its fingers
    against the record of its number. `card`: what the station says of the card and of those spoiled on the way.
    `run`, `card_serial`: which run has it, which card was issued earlier.
    """

    problems: tuple[ProblemEvidence, ...] = ()
    search: SearchEvidence | None = None
    number: RegisterReason | None = None
    own_record: SearchEvidence | None = None
    card: JsonObject | None = None
    error: ErrorEvidence | None = None
    run: str | None = None
    card_serial: str | None = None

    @classmethod
    def from_json(cls, data: Json) -> Evidence:
        read = _Reader(data)
        number = read.maybe("number", _text)
        try:
            reason = None if number is None else RegisterReason[number.upper()]
        except KeyError:
            raise DamagedError("a dossier's evidence has an unknown form", field="number") from None
        return cls(
            problems=read.each("problems", ProblemEvidence.from_json),
            search=read.maybe("search", SearchEvidence.from_json),
            number=reason,
            own_record=read.maybe("own_record", SearchEvidence.from_json),
            card=read.maybe("card", _object),
            error=read.maybe("error", ErrorEvidence.from_json),
            run=read.maybe("run", _text),
            card_serial=read.maybe("card_serial", _text),
        )

    def as_dict(self) -> JsonObject:
        found: dict[str, Json] = {
            "problems": [problem.as_dict() for problem in self.problems] or None,
            "search": None if self.search is None else self.search.as_dict(),
            "number": self.number,
            "own_record": None if self.own_record is None else self.own_record.as_dict(),
            "card": self.card,
            "error": None if self.error is None else self.error.as_dict(),
            "run": self.run,
            "card_serial": self.card_serial,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Revocation:
    """A card that was locked for somebody and then proved no good: to be destroyed and revoked."""

    card_serial: str
    dossier: str | None
    reason: str | None

    @classmethod
    def from_json(cls, data: Json) -> Revocation:
        read = _Reader(data)
        return cls(read.text("card_serial"), read.maybe("dossier", _text), read.maybe("reason", _text))

    def as_dict(self) -> JsonObject:
        return {"card_serial": self.card_serial, "dossier": self.dossier, "reason": self.reason}


class _Reader:
    """Takes the fields of one object, each of the type that it must have."""

    def __init__(self, data: Json) -> None:
        self._data = _object(data)

    def text(self, name: str) -> str:
        return self._take(name, _text)

    def whole(self, name: str) -> int:
        return self._take(name, _whole)

    def number(self, name: str) -> float:
        return self._take(name, _number)

    def object(self, name: str) -> JsonObject:
        return self._take(name, _object)

    def maybe(self, name: str, take: Callable[[Json], _T]) -> _T | None:
        return None if self._data.get(name) is None else self._take(name, take)

    def each(self, name: str, take: Callable[[Json], _T]) -> tuple[_T, ...]:
        """The items of a list; none where there is no list."""
        items = self._data.get(name, ())
        if isinstance(items, str) or not isinstance(items, Sequence):
            raise DamagedError("a dossier's evidence has an unknown form", field=name)
        return tuple(take(item) for item in items)

    def _take(self, name: str, take: Callable[[Json], _T]) -> _T:
        try:
            return take(self._data.get(name))
        except DamagedError as error:
            error.with_facts(field=name)
            raise


def _demand(value: Json, kind: type[_T]) -> _T:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DamagedError("a dossier's evidence has an unknown form")
    return value


def _text(value: Json) -> str:
    return _demand(value, str)


def _whole(value: Json) -> int:
    return _demand(value, int)


def _number(value: Json) -> float:
    return float(_demand(value, int) if isinstance(value, int) else _demand(value, float))


def _object(value: Json) -> JsonObject:
    if not isinstance(value, Mapping):
        raise DamagedError("a dossier's evidence has an unknown form")
    return value
