"""What a case is: a question about one dossier that a search or a check could not answer, and that people do.

A case belongs to a dossier as it was handed in (`digest`): whoever hands in another one asks anew. It holds ids, scores
and words, and nothing of a person; what shows people is kept apart (`review.kept`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cccd_core.issuance.dossiers.reasons import ReviewReason
from cccd_core.issuance.review.settle import ENDING, Answer, CaseKind, Stage, Standing, Vote
from cccd_core.issuance.runs.evidence import Evidence
from cccd_core.plain import decode

_SEVERAL_PEOPLE = "several_people"


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody whom a dossier may be: by the gallery's identifier, and the dossier by which they came in, where that is
    known."""

    person_id: str
    dossier_id: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A case as it is opened. `person_id`: the person whose card the dossier's would be, as the gallery calls them;
    `others`: whom it may be as well, likeliest first; `operator`: who entered the dossier, where that is known."""

    kind: CaseKind
    dossier_id: str
    digest: str
    person_id: str
    others: tuple[Other, ...] = ()
    operator: str | None = None
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def case_id(self) -> str:
        """The same for the same question, so that nobody is asked twice by a run that was interrupted. What people are
        asked by order, though a search had decided, is another one."""
        about = sorted(other.person_id for other in self.others)
        kind = self.kind if self.evidence.ordered is None else f"{self.kind} by order"
        said = "\0".join((self.dossier_id, self.digest, kind, *about))
        return "C" + hashlib.sha256(said.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Reopening:
    """A settled case was opened again, by order."""

    by: str
    order: str
    reason: str = field(repr=False)
    answer: Answer  # which had settled it
    time: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it stands. `votes` are those of its present round that may be seen: none before two are in; `votes_in`
    says how many there are. `reopenings`: how often it was settled and opened again.
    `dossier_ended`: whether its dossier was withdrawn or cancelled, so that there is nothing to settle any more."""

    case_id: str
    question: Question
    opened: datetime
    standing: Standing
    votes_in: int = 0
    votes: tuple[Vote, ...] = ()
    reopenings: tuple[Reopening, ...] = ()
    dossier_ended: bool = False

    @property
    def waits(self) -> bool:
        """Whether people are to settle it."""
        return not self.settled and not self.dossier_ended

    @property
    def settled(self) -> bool:
        """Whether a run may obey it."""
        return self.standing.stage is Stage.SETTLED


def kind_of(reason: ReviewReason, evidence: Evidence) -> CaseKind:
    """The kind of case that a dossier in review is for this reason."""
    if reason is ReviewReason.POSSIBLE_DUPLICATE and evidence.search and _SEVERAL_PEOPLE in evidence.search.reasons:
        return CaseKind.SEVERAL_PEOPLE
    return decode(CaseKind, str(reason))


@dataclass(frozen=True, slots=True)
class Ruling:
    """What people have settled about one dossier as it was handed in: the case that ends it; the doubts in spite of
    which it stands; whom it is not (each by the case that says so). `ordered`: the cases about it that were opened by
    order, settled or not: no search calls it a duplicate any more."""

    ended: Case | None = None
    accepted: Mapping[ReviewReason, str] = field(default_factory=dict)
    apart: Mapping[str, str] = field(default_factory=dict)
    ordered: tuple[Case, ...] = ()


def ruling(cases: Iterable[Case]) -> Ruling:
    """What the settled ones of a dossier's cases say together. Whatever ends it ends it, the first by its id."""
    accepted: dict[ReviewReason, str] = {}
    apart: dict[str, str] = {}
    ended: Case | None = None
    found = sorted(cases, key=lambda one: one.case_id)
    ordered = tuple(one for one in found if one.question.evidence.ordered is not None)
    for case in found:
        answer = case.standing.answer
        if answer in ENDING:
            ended = ended or case
        elif answer is Answer.ACCEPT:
            accepted[decode(ReviewReason, str(case.question.kind))] = case.case_id
        elif answer is Answer.DIFFERENT_PEOPLE:
            apart.update((other.person_id, case.case_id) for other in case.question.others)
    return Ruling(ended, accepted, apart, ordered)
