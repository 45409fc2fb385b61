"""Between a run and the people who settle what it could not: the cases that it opens, and what they settled, which it
obeys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cccd_core.dedup import Decision
from cccd_core.issuance.decisions.claims import Claim
from cccd_core.issuance.dossiers.reasons import ReviewReason, SettledReason
from cccd_core.issuance.review.cases import Case, Other, Question, Ruling, kind_of, ruling
from cccd_core.issuance.review.kept import KeptDossiers
from cccd_core.issuance.review.settle import Answer
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.runs.content import ContentStore
from cccd_core.issuance.runs.state import DossierState, Entry, RunState

_OTHERS_MOST = 8  # people whom one case is about; whoever else is alike is the next case's
_ENDS = {
    Answer.SAME_PERSON: (DossierState.DUPLICATE, SettledReason.SETTLED_SAME_PERSON),
    Answer.CAPTURE_AGAIN: (DossierState.REJECTED, SettledReason.SETTLED_CAPTURE_AGAIN),
    Answer.REFUSE: (DossierState.REJECTED, SettledReason.SETTLED_REFUSED),
}


def ended(entry: Entry, case: Case) -> Entry:
    """The entry of a dossier that people ended by a case."""
    answer = case.standing.answer
    if answer is None or answer not in _ENDS:
        raise RuntimeError("the case ends no dossier")
    state, reason = _ENDS[answer]
    asked = case.question.evidence
    evidence = replace(entry.evidence, search=entry.evidence.search or asked.search, case=case.case_id)
    return replace(entry, state=state, reason=reason, evidence=evidence)


@dataclass(frozen=True, slots=True)
class Reviews:
    """The cases of one register, and what is kept of them; `now` is the clock."""

    cases: Cases
    kept: KeptDossiers
    now: Callable[[], datetime]

    def rulings(self, entries: Iterable[Entry]) -> dict[str, Ruling]:
        """What people settled about these dossiers as they were handed in; those without a case are left out."""
        found = self.cases.of_dossiers({one.dossier_id: one.digest for one in entries if one.digest is not None})
        return {dossier_id: ruling(cases) for dossier_id, cases in found.items()}

    def changed(self, state: RunState) -> list[Entry]:
        """The entries of dossiers about which people settled something since, or opened a case, anew or again. A
        dossier that is in review without a case, by an earlier version's run, is asked about anew."""
        entries = [
            one
            for one in state.entries(DossierState.REVIEW, DossierState.DUPLICATE, DossierState.REJECTED)
            if one.state is not DossierState.REJECTED or one.evidence.case is not None
        ]
        digests = {one.dossier_id: one.digest for one in entries if one.digest is not None}
        cases = self.cases.of_dossiers(digests)
        made = (_changed(one, cases.get(one.dossier_id, [])) for one in entries)
        return [one for one in made if one is not None]

    def exclude(self, claims: Sequence[Claim], rulings: Mapping[str, Ruling]) -> dict[str, set[str]]:
        """With whom each of these is not compared: the record of its number, which is looked at apart, and whom people
        settled that it is not."""
        known = self.cases.apart([claim.owner for claim in claims if claim.owner is not None])
        exclude: dict[str, set[str]] = {}
        for claim in claims:
            others = set(ruling_of(rulings, claim).apart)
            if claim.own_record is not None:
                others.add(claim.own_record)
            if claim.owner is not None:
                others |= known.get(claim.owner, set())
            if others:
                exclude[claim.person_id] = others
        return exclude

    def open(
        self,
        claims: Sequence[Claim],
        entries: Mapping[str, Entry],
        decided: Mapping[str, Decision],
        rulings: Mapping[str, Ruling],
        called: Callable[[str], str],
        content: ContentStore,
    ) -> dict[str, Entry]:
        """Opens a case for each dossier that is in review, and keeps what people need to see; the entries, which name
        their cases, by person. `called` says by which dossier somebody came in. One that was opened by order stays the
        case of its dossier, where it is about whom the search finds."""
        by_person = {claim.person_id: claim.dossier.dossier_id for claim in claims}
        questions: list[Question] = []
        asked: dict[str, Entry] = {}
        for claim in claims:
            entry = entries[claim.person_id]
            if entry.state is not DossierState.REVIEW or not isinstance(entry.reason, ReviewReason):
                continue
            others = tuple(_others(claim, entry.reason, decided.get(claim.person_id), called))
            kind = kind_of(entry.reason, entry.evidence)
            question = Question(
                kind,
                claim.dossier.dossier_id,
                claim.digest,
                claim.enrolled_as,
                others,
                claim.dossier.entered_by,
                entry.evidence,
            )
            waiting = [one for one in ruling_of(rulings, claim).ordered if not one.settled]
            question = next((one.question for one in waiting if _about(one, question)), question)
            questions.append(question)
            asked[claim.person_id] = replace(entry, evidence=replace(entry.evidence, case=question.case_id))
            here = {
                by_person[other.person_id]: place
                for place, other in enumerate(question.others, 1)
                if other.person_id in by_person
            }
            wanted = {question.dossier_id: 0, **here}
            found = content.read(wanted) if self.kept.keeps else ()
            self.kept.put(question.case_id, {wanted[one.dossier.dossier_id]: one for one in found})
        self.cases.open(questions, self.now())
        return asked

    def set_apart(self, unique: Sequence[Claim], rulings: Mapping[str, Ruling]) -> None:
        """Whom people settled that those who get a card are not, they are not from now on, whoever of them comes
        again."""
        self.cases.set_apart(
            (claim.enrolled_as, other, case_id)
            for claim in unique
            for other, case_id in ruling_of(rulings, claim).apart.items()
        )


def ruling_of(rulings: Mapping[str, Ruling], claim: Claim) -> Ruling:
    """What people settled about a claim's dossier; nothing where that is not among these."""
    return rulings.get(claim.dossier.dossier_id, Ruling())


def _about(case: Case, question: Question) -> bool:
    """Whether a case asks the same, and of the likeliest person among others."""
    found = {other.person_id for other in case.question.others}
    return case.question.kind is question.kind and bool(question.others) and question.others[0].person_id in found


def _changed(entry: Entry, cases: Sequence[Case]) -> Entry | None:
    case = next((one for one in cases if one.case_id == entry.evidence.case), None)
    again = Entry(entry.dossier_id, DossierState.RECEIVED)
    if entry.evidence.case is None and entry.state is DossierState.DUPLICATE:  # as the search decided
        found = ruling(cases)
        if not found.ordered:
            return None
        return again if found.ended is None else ended(entry, found.ended)
    if entry.state is DossierState.REVIEW:
        if entry.evidence.case is None:
            return again
        if case is None or not case.settled:
            return None
        end = ruling(cases).ended
        return again if end is None else ended(entry, end)
    stands = case is not None and case.standing.answer in _ENDS and _ENDS[case.standing.answer][1] is entry.reason
    return None if stands else again


def _others(
    claim: Claim, reason: ReviewReason, decision: Decision | None, called: Callable[[str], str]
) -> Iterable[Other]:
    """Whom a dossier may be, likeliest first."""
    if reason in (ReviewReason.OWN_RECORD_MISMATCH, ReviewReason.OWN_RECORD_REMOVED):
        people = [] if claim.owner is None else [claim.owner]
    elif reason in (ReviewReason.POSSIBLE_DUPLICATE, ReviewReason.TWO_RECORDS) and decision is not None:
        found = [] if decision.of is None else [decision.of]
        people = list(dict.fromkeys([*found, *(match.person_id for match in decision.evidence.matches)]))
    else:
        people = []
    for person_id in people[:_OTHERS_MOST]:
        dossier_id = called(person_id)
        yield Other(person_id, None if dossier_id == person_id else dossier_id)
