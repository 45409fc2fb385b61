"""Why a dossier is where it is: what the stages found out, as data that is kept with its row and shown in the report.

Holds ids, scores, words and card serials, and nothing of a person. These are records (`cccd_core.plain`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cccd_core.errors import CccdError
from cccd_core.issuance.dossiers.reasons import Holder, ProblemReason, RegisterReason, ToDo
from cccd_core.plain import Json, JsonObject, encode_record


@dataclass(frozen=True, slots=True)
class ProblemEvidence:
    """One error or doubt that a check found."""

    field: str
    reason: ProblemReason
    facts: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class QualityEvidence:
    """How good the image of a finger is, 0 to 100, and in words why to capture it again; none where it is good."""

    position: int
    figure: int
    capture_again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FingerEvidence:
    """Two fingers that were compared: their positions and the score."""

    position: int
    other: int
    score: float


@dataclass(frozen=True, slots=True)
class MatchEvidence:
    """One person whom the search found like: by the dossier that enrolled them. `arrangement` says in words where
    fingers are at other positions than theirs."""

    dossier: str
    source: str
    outcome: str
    score: float
    expected_false_matches: float
    agreeing: int
    fingers: tuple[FingerEvidence, ...]
    arrangement: str | None = None


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


@dataclass(frozen=True, slots=True)
class ErrorEvidence:
    """What went wrong with one card: an error of the library, or how its job ended."""

    kind: str
    message: str
    facts: Mapping[str, Json]

    @classmethod
    def of(cls, error: CccdError) -> ErrorEvidence:
        return cls(error.kind, error.message, dict(error.facts))


@dataclass(frozen=True, slots=True)
class Revocation:
    """A card to be revoked: one that was locked for `dossier` and then proved no good, or the valid one of `dossier`
    that the card of the dossier `replaced_by` has replaced, for `reason` (its grounds)."""

    card_serial: str
    dossier: str | None
    reason: str | None
    replaced_by: str | None = None
    to_do: ToDo = ToDo.DESTROY


@dataclass(frozen=True, slots=True)
class OrderEvidence:
    """By whose order people look at what a search had decided."""

    order: str
    by: str
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one dossier. What a stage did not get to is None or empty.

    `doubts`: what a person must look at though it is no error. `quality`: of each finger of which there is an image.
    `number`: what would hold of its number if the search had not found the same person. `holder`, `own_record`: of an
    exchange or reissue whether its fingers are those of the record of its number, and how they compare. `card`: what
    the station says of the card and of those spoiled on the way. `run`, `card_serial`: which run has it, which card was
    issued earlier. `replaced`: the cards that its card has replaced. `case`: the case that people are to settle, or by
    which they ended the dossier.
    """

    problems: tuple[ProblemEvidence, ...] = ()
    doubts: tuple[ProblemEvidence, ...] = ()
    quality: tuple[QualityEvidence, ...] = ()
    search: SearchEvidence | None = None
    number: RegisterReason | None = None
    holder: Holder | None = None
    own_record: SearchEvidence | None = None
    card: Mapping[str, Json] | None = None
    error: ErrorEvidence | None = None
    run: str | None = None
    card_serial: str | None = None
    case: str | None = None
    replaced: tuple[Revocation, ...] = ()
    ordered: OrderEvidence | None = None

    def as_dict(self) -> JsonObject:
        """What is there, JSON-ready."""
        return {name: value for name, value in encode_record(self).items() if value not in (None, [])}
