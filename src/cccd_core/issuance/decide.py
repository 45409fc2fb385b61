"""Who gets a card: the search of a batch, and what the register says of its numbers. Imports dedup, templates, errors
and the sibling modules.

The whole batch is searched in one call, in the order of decision (captured first, then the id), against the gallery
and within itself; nothing is recorded before all is decided, so that an interrupted search simply runs again. People
who are accepted are enrolled under an identifier made from dossier and number: run again, they are found to be in the
batch themselves and not called duplicates of themselves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cccd_core.dedup import Decision, Deduplicator, EnrolledPerson, GalleryStore, Match, MemoryGallery
from cccd_core.issuance import runstate
from cccd_core.issuance.batch import Batch
from cccd_core.issuance.check import check_dossier
from cccd_core.issuance.dossier import Dossier
from cccd_core.issuance.limits import CheckPolicy
from cccd_core.issuance.register import SUPERSEDED as SUPERSEDED_CARD
from cccd_core.issuance.register import VERIFIED, Acceptance, Card, Register, new_person_id
from cccd_core.issuance.runstate import Entry, RunState
from cccd_core.matching import PreparedGallery, PreparedTemplate
from cccd_core.progress import Progress
from cccd_core.templates import Tenprint

_MATCHES_KEPT = 5  # in the evidence of one dossier
_ENROLLED_AT_A_TIME = 1000


@dataclass(slots=True)
class _Claim:
    """A dossier that is searched: under which identifier, and what its number says."""

    entry: Entry
    dossier: Dossier
    digest: str
    tenprint: Tenprint
    person_id: str
    owner: str | None  # whose number it is in the register, where the dossier may have it
    contested: str | None  # the reason that holds unless the search finds the same person
    own_record: str | None = None  # the gallery entry its fingers must match

    @property
    def replaces(self) -> str | None:
        if self.dossier.grounds != "number_established_anew":
            return None
        return _former_number(self.dossier)


@dataclass(slots=True)
class DecideStage:
    """The search stage of one run."""

    batch: Batch
    state: RunState
    register: Register
    gallery: GalleryStore
    deduplicator: Deduplicator[PreparedTemplate, PreparedGallery]
    run: str
    policy: CheckPolicy
    progress: Progress | None = None
    lost_run: str | None = None
    _settled: list[Entry] = field(default_factory=list)  # decided without a search
    _dossier_of: dict[str, str] = field(default_factory=dict)

    def execute(self) -> None:
        """Decides every accepted dossier, enrols and reserves those that get a card, and records all of it."""
        start = time.perf_counter()
        claims = self._claims()
        searchable = [claim for claim in claims if len(claim.tenprint)]
        exclude = {claim.person_id: {claim.own_record} for claim in searchable if claim.own_record is not None}
        self._dossier_of = {claim.person_id: claim.entry.dossier_id for claim in searchable}
        people = [EnrolledPerson(claim.person_id, claim.tenprint) for claim in searchable]
        decisions = self.deduplicator.search(people, self.gallery, exclude=exclude, progress=self.progress)
        decided = {claim.person_id: decision for claim, decision in zip(searchable, decisions, strict=True)}
        entries = []
        unique: list[_Claim] = []
        for claim in claims:
            entry = self._outcome(claim, decided.get(claim.person_id))
            entries.append(entry)
            if entry.state == runstate.UNIQUE:
                unique.append(claim)
        # First the gallery, then the register: someone enrolled and not yet accepted keeps others from being enrolled
        # a second time, someone accepted and not yet enrolled would not.
        enrolled = [
            EnrolledPerson(claim.owner or claim.person_id, claim.tenprint)
            for claim in unique
            if claim.own_record is None and len(claim.tenprint)
        ]
        for first in range(0, len(enrolled), _ENROLLED_AT_A_TIME):
            self.gallery.add_many(enrolled[first : first + _ENROLLED_AT_A_TIME])
        self.register.accept([self._acceptance(claim) for claim in unique])
        self.state.record([*self._settled, *entries], {"search": time.perf_counter() - start})

    def _acceptance(self, claim: _Claim) -> Acceptance:
        dossier = claim.dossier
        return Acceptance(
            dossier_id=dossier.dossier_id,
            number=dossier.personal_number,
            person_id=claim.owner or claim.person_id,
            run=self.run,
            digest=claim.digest,
            issue_date=dossier.issue_date,
            expiry_date=dossier.expiry_date,
            replaces=claim.replaces,
        )

    def _claims(self) -> list[_Claim]:
        """The dossiers to decide, in the order of decision; those whose number is contested come after all others, so
        that nobody is called the duplicate of a dossier that is itself refused."""
        found: list[tuple[Entry, Dossier, str, Tenprint]] = []
        waiting = {entry.dossier_id: entry for entry in self.state.entries(runstate.ACCEPTED)}
        for entry, dossier, digest, tenprint in self._read(waiting):
            settled = self._settled_by_register(entry, dossier, digest)
            if settled is None:
                found.append((entry, dossier, digest, tenprint))
            else:
                self._settled.append(settled)
        found.sort(key=lambda item: item[1].order_key)
        claimed: set[str] = set()
        claims = []
        for entry, dossier, digest, tenprint in found:
            claims.append(self._claim(entry, dossier, digest, tenprint, claimed))
            claimed.add(dossier.personal_number)
        return sorted(claims, key=lambda claim: claim.contested is not None)

    def _read(self, waiting: Mapping[str, Entry]) -> Iterator[tuple[Entry, Dossier, str, Tenprint]]:
        day = self.state.day
        missing = set(waiting)
        for raw in self.batch.read(waiting):
            entry = waiting[raw.dossier_id]
            missing.discard(raw.dossier_id)
            checked = check_dossier(raw, day=day, policy=self.policy, with_portrait=False)
            if raw.digest != entry.digest or checked.dossier is None or checked.tenprint is None:
                self._settled.append(replace(entry, state=runstate.FAILED, reason="batch_changed"))
            else:
                yield entry, checked.dossier, raw.digest, checked.tenprint
        for dossier_id in sorted(missing):
            self._settled.append(replace(waiting[dossier_id], state=runstate.FAILED, reason="batch_changed"))

    def _settled_by_register(self, entry: Entry, dossier: Dossier, digest: str) -> Entry | None:
        """What the register alone decides: a dossier that it knows already, or whose number is being issued."""
        number = dossier.personal_number
        card = self.register.card(dossier.dossier_id, number)
        if card is None:
            other = self.register.under_way(number)
            return None if other is None or other.run == self.run else _in_other_run(entry, other)
        if card.state in (VERIFIED, SUPERSEDED_CARD):
            evidence = {"card_serial": card.serial}
            return replace(entry, state=runstate.REJECTED, reason="already_issued", evidence=evidence)
        if card.run not in (self.run, self.lost_run):
            return _in_other_run(entry, card)
        if card.digest != digest:
            return replace(entry, state=runstate.REJECTED, reason="dossier_changed")
        if card.run != self.run:
            self.register.take_over(card, self.run)
        return None

    def _claim(self, entry: Entry, dossier: Dossier, digest: str, tenprint: Tenprint, claimed: set[str]) -> _Claim:
        number = dossier.personal_number
        person_id = new_person_id(dossier.dossier_id, number)
        claim = _Claim(entry, dossier, digest, tenprint, person_id, None, None)
        owner = self.register.person_of(number)
        if dossier.kind == "new" and owner is not None and owner != person_id:
            claim.contested = "number_taken"
        elif number in claimed:
            claim.contested = "number_repeated"
        elif dossier.kind != "new":
            if owner is None and dossier.grounds == "number_established_anew":
                former = _former_number(dossier)
                owner = None if former is None else self.register.person_of(former)
            claim.owner = owner
            if owner is not None and owner != person_id and owner in self.gallery:
                claim.own_record = owner
        return claim

    def _outcome(self, claim: _Claim, decision: Decision | None) -> Entry:
        entry = claim.entry
        if decision is None:
            if claim.contested is not None:
                return replace(entry, state=runstate.REJECTED, reason=claim.contested)
            if claim.dossier.notes.missing():
                return replace(entry, state=runstate.REVIEW, reason="not_searchable")
            return replace(entry, state=runstate.UNIQUE, searched=True, evidence={"search": None})
        evidence: dict[str, Any] = {"search": self._evidence(decision)}
        if claim.contested is not None:
            evidence["number"] = claim.contested
        if decision.outcome == "duplicate":
            return replace(entry, state=runstate.DUPLICATE, reason="duplicate", evidence=evidence)
        if claim.contested is not None:
            return replace(entry, state=runstate.REJECTED, reason=claim.contested, evidence=evidence)
        if decision.outcome == "review":
            reason = "not_searchable" if decision.of is None else "possible_duplicate"
            return replace(entry, state=runstate.REVIEW, reason=reason, evidence=evidence)
        if claim.own_record is not None:
            own = self.deduplicator.search(
                [EnrolledPerson(claim.person_id, claim.tenprint)], MemoryGallery([self.gallery.get(claim.own_record)])
            )[0]
            evidence["own_record"] = self._evidence(own)
            if own.outcome != "duplicate":
                return replace(entry, state=runstate.REVIEW, reason="own_record_mismatch", evidence=evidence)
        return replace(entry, state=runstate.UNIQUE, searched=True, evidence=evidence)

    def _evidence(self, decision: Decision) -> dict[str, Any]:
        evidence = decision.evidence
        return {
            "outcome": decision.outcome,
            "of": None if decision.of is None else self._name(decision.of),
            "fingers": list(decision.fingers),
            "score": round(decision.score, 3),
            "duplicate_score": round(evidence.duplicate_score, 3),
            "review_score": round(evidence.review_score, 3),
            "comparisons": evidence.comparisons,
            "finger_pairs": evidence.finger_pairs,
            "reasons": list(evidence.reasons),
            "matches": [self._match(match) for match in evidence.matches[:_MATCHES_KEPT]],
            "best_competitor": None if evidence.best_competitor is None else self._match(evidence.best_competitor),
            "linked": [self._name(name) for name in evidence.linked],
        }

    def _match(self, match: Match) -> dict[str, Any]:
        return {
            "dossier": self._name(match.person_id),
            "source": match.source,
            "outcome": match.outcome,
            "score": round(match.score, 3),
            "expected_false_matches": float(f"{match.expected_false_matches:.3g}"),
            "agreeing": match.agreeing,
            "fingers": [
                {"position": one.position, "other": one.candidate_position, "score": round(one.score, 3)}
                for one in match.fingers
            ],
        }

    def _name(self, person_id: str) -> str:
        """The dossier by which someone came in; the gallery's own word where nobody knows it."""
        return self._dossier_of.get(person_id) or self.register.dossier_of(person_id) or person_id


def _in_other_run(entry: Entry, card: Card) -> Entry:
    return replace(entry, state=runstate.FAILED, reason="in_other_run", evidence={"run": card.run})


def _former_number(dossier: Dossier) -> str | None:
    """The former personal number that an exchange names."""
    old = dossier.old_number
    return old if old is not None and len(old) == 12 else None
