"""Searches as entries: who was searched for, by a digest of the fingers, and who was found."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from cccd_core.dedup.lookup import Answer
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.service.ledger import Accepted, Settled
from cccd_core.dedup.service.protocol import Reply, identified_in
from cccd_core.issuance.audit.acts import DONE, FAILED
from cccd_core.issuance.audit.entry import Actor, Entry, Kind, named
from cccd_core.issuance.audit.trail import Trail
from cccd_core.templates import FingerTemplate

_WORDS: Final = {"insert": "added", "delete": "removed"}


def digest_of(person: EnrolledPerson) -> str:
    """SHA-256 of somebody's fingers, the same for the same templates in whatever file they came: by it the search is
    found again, and nobody's fingers."""
    digest = hashlib.sha256()
    fingers: list[tuple[int, FingerTemplate]] = [*person.tenprint.items(), *((0, one) for one in person.unplaced)]
    for position, finger in fingers:
        said = (position, finger.count, finger.width_px, finger.height_px, finger.resolution_x_ppcm)
        digest.update(repr(tuple(map(int, said))).encode())
        for column in (finger.x_px, finger.y_px, finger.angle, finger.kind, finger.quality):
            digest.update(column.tobytes())
    return f"sha256:{digest.hexdigest()}"


def searched(person: EnrolledPerson | str, actor: Actor, order: str | None, among: int) -> Entry:
    """What is told before somebody is searched for among so many: a person by the digest of their fingers, or one who
    is enrolled by the identifier."""
    name = named(person) if isinstance(person, str) else digest_of(person)
    return Entry(Kind.SEARCH, "search", actor, order=order, person=name, count=among)


def answers(found: Sequence[Answer], numbers: Sequence[int], actor: Actor) -> list[Entry]:
    """What is told before answers are shown: of each search, by the number of its entry, the outcome and how many
    candidates there are; of each candidate of the gallery an entry."""
    told = []
    for number, answer in zip(numbers, found, strict=True):
        told.append(Entry(Kind.SEARCH, answer.outcome, actor, count=len(answer.candidates), of=number))
        told += [
            Entry(Kind.SEARCH, "candidate", actor, person=named(one.person_id), of=number)
            for one in answer.candidates
            if one.source != "batch"
        ]
    return told


class ToldService:
    """Tells a trail of what a service (`dedup.service`) is asked, before it is carried out, and of what came of it
    before it is answered."""

    def __init__(self, trail: Trail, actor: Actor) -> None:
        self._trail, self._actor = trail, actor

    def begins(self, one: Accepted, person: EnrolledPerson | None, among: int) -> int:
        """A request is about to be carried out; the number of its entry. Errors as `Trail.append`."""
        if one.operation == "identify":
            entry = searched(one.reference or "-" if person is None else person, self._actor, one.order, among)
        else:
            what = _WORDS[one.operation]
            entry = Entry(Kind.CORRECTION, what, self._actor, person=_reference(one), order=one.order)
        return self._trail.append([entry]).start

    def ends(self, number: int, one: Accepted, settled: Settled) -> None:
        """What came of it. Errors as `Trail.append`."""
        kind = Kind.SEARCH if one.operation == "identify" else Kind.CORRECTION
        found = identified_in(Reply(settled.state, one.id, one.operation, settled.outcome))
        if found is not None:
            self._trail.append(answers(found.answers, [number], self._actor))
        elif settled.state == "done":
            self._trail.append([Entry(kind, DONE, self._actor, person=_reference(one), of=number)])
        else:
            reason = None if settled.error is None else settled.error.kind
            self._trail.append([Entry(kind, FAILED, self._actor, person=_reference(one), reason=reason, of=number)])

    def shown(self, one: Accepted) -> None:
        """The answer of a search is about to be given again, or for the first time to whoever did not wait for it.
        Errors as `Trail.append`."""
        said = named(f"request {one.id}")
        entry = Entry(Kind.READING, "answer_shown", self._actor, order=one.order, person=_reference(one), reason=said)
        self._trail.append([entry])


def _reference(one: Accepted) -> str | None:
    return None if one.reference is None else named(one.reference)
