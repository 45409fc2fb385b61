"""Who gets a card: the search of a batch, and what the register says of its numbers.

The whole batch is searched in one call, in the order of decision (captured first, then the id), against the gallery
and within itself; nothing is recorded before all is decided, so that an interrupted search simply runs again. People
who are accepted are enrolled under an identifier made from dossier and number: run again, they are found to be in the
batch themselves and not called duplicates of themselves.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Protocol

from cccd_core.dedup import Decision, EnrolledPerson, Gallery, Match, MemoryGallery
from cccd_core.errors import DamagedError
from cccd_core.intake import arrangement
from cccd_core.issuance.decisions.claims import Claim, Claims
from cccd_core.issuance.decisions.reviews import Reviews, ended, ruling_of
from cccd_core.issuance.dossiers.reasons import DuplicateReason, Failure, Holder, Oddity, ReviewReason
from cccd_core.issuance.register.store import Register
from cccd_core.issuance.review.cases import Ruling
from cccd_core.issuance.runs.content import Content, ContentStore
from cccd_core.issuance.runs.evidence import Evidence, FingerEvidence, MatchEvidence, SearchEvidence
from cccd_core.issuance.runs.moves import DossierMoves, refused
from cccd_core.issuance.runs.orders import Orders
from cccd_core.issuance.runs.state import DossierState, Entry, RunState
from cccd_core.plain import JsonObject
from cccd_core.progress import Progress

_MATCHES_KEPT = 5  # in the evidence of one dossier
_ENROLLED_AT_A_TIME = 1000
logger = logging.getLogger(__name__)


class Searcher(Protocol):
    """What a decision asks of `dedup.Deduplicator`."""

    def search(
        self,
        batch: Sequence[EnrolledPerson],
        gallery: Gallery,
        *,
        exclude: Mapping[str, Set[str]] | None = None,
        progress: Progress | None = None,
    ) -> list[Decision]: ...

    def manifest(self) -> JsonObject: ...


@dataclass(frozen=True, slots=True)
class DecideStage:
    """The search stage of one run. `reviews`: what people settled and are to settle; `moves`: its steps in the
    register of dossiers; `lost_run`: a run whose orders
    this one takes over."""

    state: RunState
    content: ContentStore
    register: Register
    orders: Orders
    gallery: Gallery
    searcher: Searcher
    reviews: Reviews
    moves: DossierMoves
    lost_run: str | None = None

    def execute(self, progress: Progress | None = None) -> None:
        """Decides every sound dossier, enrols and reserves those that get a card, and records all of it."""
        start = time.perf_counter()
        self._demand_gallery()
        run = self.state.value("run")
        while not self._decide(run, progress, start):
            logger.info("somebody ended dossiers in the register during the search: it is done again without them")

    def _decide(self, run: str, progress: Progress | None, start: float) -> bool:
        """False, and nothing is decided, where dossiers that would get a card came to an end in the register during the
        search: others may have been called their duplicates."""
        rulings = self.reviews.rulings(self.state.entries(DossierState.SOUND))
        settled, claims = self._claims(run, rulings)
        own = self._own_records(claims)
        claims.sort(key=lambda claim: _rank(claim, own.get(claim.person_id)))
        searchable = [claim for claim in claims if claim.searchable]
        exclude = self.reviews.exclude(searchable, rulings)
        people = [claim.person(claim.person_id) for claim in searchable]
        decisions = self.searcher.search(people, self.gallery, exclude=exclude, progress=progress)
        names = _Names(self.register, {claim.person_id: claim.entry.dossier_id for claim in searchable})
        decided = {claim.person_id: decision for claim, decision in zip(searchable, decisions, strict=True)}
        removed = self.gallery.removed()
        entries = {
            claim.person_id: self._outcome(
                claim, decided.get(claim.person_id), own.get(claim.person_id), ruling_of(rulings, claim), names, removed
            )
            for claim in claims
        }
        unique = [claim for claim in claims if entries[claim.person_id].state is DossierState.UNIQUE]
        gone = self.moves.ended(claim.entry.dossier_id for claim in unique)
        if gone:
            found = (claim.entry for claim in unique if claim.entry.dossier_id in gone)
            self.state.record([refused(entry, gone[entry.dossier_id]) for entry in found])
            return False
        entries.update(self.reviews.open(claims, entries, decided, rulings, names.name, self.content))
        self.reviews.set_apart(unique, rulings)
        self._reserve(unique, run)
        decided_now = [*settled, *entries.values()]
        self.state.record(decided_now, {"search": time.perf_counter() - start})
        if ended_now := self.moves.tell(decided_now):
            self.state.record(ended_now)
        counts = Counter(entry.state for entry in decided_now)
        logger.info("decided %s", ", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
        return True

    def _demand_gallery(self) -> None:
        """Who is accepted was enrolled before: a gallery that knows fewer people than the register has lost some, and
        would find their second dossiers unique. Whom the gallery says it was ordered to give up, it has not lost."""
        wanted = self.register.enrolled() - self.register.enrolled_among(self.gallery.removed())
        found = len(self.gallery)
        if found < wanted:
            raise DamagedError(
                "the gallery has lost people whom the register knows: restore it", found=found, wanted=wanted
            )

    def _reserve(self, unique: Sequence[Claim], run: str) -> None:
        # First the gallery, then the register: someone enrolled and not yet accepted keeps others from being enrolled
        # a second time, someone accepted and not yet enrolled would not. And the order before the register, so that
        # nothing is accepted that no run is known to make.
        enrolled = [
            claim.person(claim.enrolled_as) for claim in unique if claim.own_record is None and claim.searchable
        ]
        for first in range(0, len(enrolled), _ENROLLED_AT_A_TIME):
            self.gallery.add_many(enrolled[first : first + _ENROLLED_AT_A_TIME])
        self.orders.place([claim.order(run) for claim in unique])
        self.register.accept([claim.acceptance() for claim in unique])

    def _claims(self, run: str, rulings: Mapping[str, Ruling]) -> tuple[list[Entry], list[Claim]]:
        """What is settled without a search, and the claims in the order of decision."""
        reader = Claims(self.register, self.orders, run, self.lost_run)
        waiting = {entry.dossier_id: entry for entry in self.state.entries(DossierState.SOUND)}
        settled: list[Entry] = []
        found: list[tuple[Entry, Content, str]] = []
        for content in self.content.read(list(waiting)):
            entry = waiting.pop(content.dossier.dossier_id)
            digest = entry.digest or ""
            known = reader.settled(entry, content.dossier, digest)
            case = rulings.get(entry.dossier_id, Ruling()).ended
            if known is None and case is not None:
                known = ended(entry, case)
            if known is None:
                found.append((entry, replace(content, portrait=b""), digest))
            else:
                settled.append(known)
        # What is called sound and was not kept is checked anew by the next run.
        settled += [
            replace(entry, state=DossierState.FAILED, reason=Failure.BATCH_CHANGED) for entry in waiting.values()
        ]
        found.sort(key=lambda item: item[1].dossier.order_key)
        claimed: set[str] = set()
        claims = []
        for entry, content, digest in found:
            claims.append(reader.claim(entry, content, digest, claimed, self.gallery))
            claimed.add(content.dossier.personal_number)
            if content.dossier.anew and content.dossier.former_number is not None:
                claimed.add(content.dossier.former_number)
        return settled, claims

    def _own_records(self, claims: Sequence[Claim]) -> dict[str, Decision]:
        """The fingers of every exchange and reissue against the record of its number."""
        return {
            claim.person_id: self.searcher.search(
                [claim.person(claim.person_id)], MemoryGallery([self.gallery.get(claim.own_record)])
            )[0]
            for claim in claims
            if claim.own_record is not None and claim.searchable
        }

    def _outcome(
        self,
        claim: Claim,
        decision: Decision | None,
        own: Decision | None,
        ruling: Ruling,
        names: _Names,
        removed: Set[str],
    ) -> Entry:
        holder = _holder(claim, own, removed)
        evidence = replace(
            claim.entry.evidence,
            search=None if decision is None else names.evidence(decision),
            number=None if decision is None else claim.contested,
            holder=holder,
            own_record=None if own is None else names.evidence(own),
        )
        entry = replace(claim.entry, evidence=evidence)
        if decision is not None and decision.outcome == "duplicate":
            if (
                holder in (Holder.SAME, Holder.REARRANGED) and claim.contested is None
            ):  # nobody's second dossier: a matter of the records
                return replace(entry, state=DossierState.REVIEW, reason=ReviewReason.TWO_RECORDS)
            if ruling.ordered:
                return replace(entry, state=DossierState.REVIEW, reason=ReviewReason.POSSIBLE_DUPLICATE)
            return replace(entry, state=DossierState.DUPLICATE, reason=DuplicateReason.DUPLICATE)
        if claim.contested is not None:
            return replace(entry, state=DossierState.REJECTED, reason=claim.contested)
        doubts = _doubts(claim, decision, holder, evidence)
        doubt = next((one for one in doubts if one not in ruling.accepted), None)
        if doubt is not None:
            return replace(entry, state=DossierState.REVIEW, reason=doubt)
        odd = {
            *entry.warnings,
            *([Oddity.CARD_FROM_BEFORE] if claim.from_before else []),
            *([Oddity.NO_OWN_RECORD] if holder is Holder.NO_RECORD else []),
        }
        return replace(entry, state=DossierState.UNIQUE, searched=True, warnings=tuple(sorted(odd)))


def _rank(claim: Claim, own: Decision | None) -> int:
    """Where a claim stands in the search. Holders whose own record says that it is they come first, so that nobody who
    has their fingers, too, comes before them; those whose number is contested, or whose fingers are not the holder's,
    come after all others, so that nobody is called the duplicate of a dossier that is itself refused."""
    if claim.contested is not None or (own is not None and own.outcome != "duplicate"):
        return 2
    return 0 if own is not None else 1


def _holder(claim: Claim, own: Decision | None, removed: Set[str]) -> Holder | None:
    """Whether the fingers are the holder's of its number; None where nobody in the register has it."""
    if own is not None:
        if own.outcome == "duplicate":  # no card has mirrored prints, or fingers at other positions than their own
            best = own.evidence.matches[0]
            if best.mirrored:
                return Holder.MIRRORED
            return Holder.SAME if arrangement(best.laid) is None else Holder.REARRANGED
        return Holder.UNSURE if own.outcome == "review" else Holder.OTHER
    if claim.own_record is not None:
        return Holder.NO_FINGERS
    if claim.enrolled_as in removed:
        return Holder.REMOVED
    return None if claim.owner is None else Holder.NO_RECORD


def _doubts(
    claim: Claim, decision: Decision | None, holder: Holder | None, evidence: Evidence
) -> Iterator[ReviewReason]:
    """Why people must look at a dossier that is no duplicate, and whose number is not contested; gravest first."""
    unsearchable = decision is not None and decision.outcome == "review" and decision.of is None
    if unsearchable or holder is Holder.NO_FINGERS or (decision is None and claim.dossier.missing_fingers):
        yield ReviewReason.NOT_SEARCHABLE
    if holder in (Holder.OTHER, Holder.UNSURE, Holder.MIRRORED, Holder.REARRANGED):
        yield ReviewReason.OWN_RECORD_MISMATCH
    if decision is not None and decision.outcome == "review" and decision.of is not None:
        yield ReviewReason.POSSIBLE_DUPLICATE
    yield from (each.reason for each in evidence.doubts if isinstance(each.reason, ReviewReason))
    if holder is Holder.REMOVED:
        yield ReviewReason.OWN_RECORD_REMOVED


@dataclass(frozen=True, slots=True)
class _Names:
    """Says decisions in the words of a report: dossiers in place of the gallery's identifiers."""

    register: Register
    of_batch: Mapping[str, str]

    def evidence(self, decision: Decision) -> SearchEvidence:
        evidence = decision.evidence
        best = evidence.best_competitor
        return SearchEvidence(
            outcome=decision.outcome,
            of=None if decision.of is None else self.name(decision.of),
            fingers=decision.fingers,
            score=round(decision.score, 3),
            duplicate_score=round(evidence.duplicate_score, 3),
            review_score=round(evidence.review_score, 3),
            comparisons=evidence.comparisons,
            finger_pairs=evidence.finger_pairs,
            reasons=evidence.reasons,
            matches=tuple(self._match(match) for match in evidence.matches[:_MATCHES_KEPT]),
            best_competitor=None if best is None else self._match(best),
            linked=tuple(self.name(name) for name in evidence.linked),
        )

    def _match(self, match: Match) -> MatchEvidence:
        return MatchEvidence(
            dossier=self.name(match.person_id),
            source=match.source,
            outcome=match.outcome,
            score=round(match.score, 3),
            expected_false_matches=float(f"{match.expected_false_matches:.3g}"),
            agreeing=match.agreeing,
            fingers=tuple(
                FingerEvidence(one.position, one.candidate_position, round(one.score, 3)) for one in match.fingers
            ),
            arrangement=arrangement(match.laid),
        )

    def name(self, person_id: str) -> str:
        """The dossier by which someone came in; the gallery's own word where nobody knows it."""
        return self.of_batch.get(person_id) or self.register.dossier_of(person_id) or person_id
