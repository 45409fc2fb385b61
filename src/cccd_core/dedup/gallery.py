"""Who is enrolled: what a search asks of a gallery, and the gallery in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.withdrawal import Clock, Withdrawal, WithdrawalKind, now_utc
from cccd_core.errors import ConflictError

UNKNOWN: Final = "nobody of this identifier is enrolled"
OTHER_TEMPLATES: Final = "other templates are enrolled under this identifier"


class Gallery(Protocol):
    """Everyone enrolled. Iterates in the order of enrolment, and over those alone who were there when it began."""

    def __len__(self) -> int: ...

    def __contains__(self, person_id: object) -> bool: ...

    def __iter__(self) -> Iterator[EnrolledPerson]: ...

    def known(self, person_ids: Iterable[str]) -> set[str]:
        """Those of the identifiers under which somebody is enrolled."""

    def get(self, person_id: str) -> EnrolledPerson:
        """The person of that identifier. Raises ConflictError when there is none."""

    def add(self, person: EnrolledPerson) -> bool:
        """Enrols a person; False when the same templates already stand under this identifier.

        Raises ConflictError when other templates stand under it: a gallery entry is never overwritten.
        """

    def add_many(self, people: Iterable[EnrolledPerson]) -> int:
        """Enrols all or, when any of them is refused, nobody; returns how many were new. As `add` otherwise."""

    def remove(self, person_id: str, *, order: str) -> Withdrawal:
        """Takes a person out, and returns what the trace says of it; the identifier may be enrolled again.

        `order`: which order or legal ground asks for it, 1 to 64 characters and no personal data. Raises ConflictError
        when nobody of this identifier is enrolled, ParameterError for an order that is none.
        """

    def replace(self, person: EnrolledPerson, *, order: str) -> Withdrawal:
        """Puts these templates in place of those enrolled under the identifier, at the same place in the order of
        enrolment. `order`, result and errors as `remove`; ParameterError, too, for a template that cannot be kept."""

    def withdrawals(self) -> Iterator[Withdrawal]:
        """Everyone who was taken out or replaced, in order, up to the last one there when it began."""

    def removed(self) -> set[str]:
        """The identifiers that were taken out and are not enrolled now."""


class MemoryGallery:
    """A gallery that lives as long as its process; behaves as GalleryStore does, but keeps templates as they are."""

    def __init__(self, people: Iterable[EnrolledPerson] = (), *, clock: Clock = now_utc) -> None:
        """`clock` gives the time of withdrawals."""
        self._people: dict[str, EnrolledPerson] = {}
        self._withdrawals: list[Withdrawal] = []
        self._clock = clock
        self.add_many(people)

    def __repr__(self) -> str:
        return f"MemoryGallery(people={len(self)})"

    def __len__(self) -> int:
        return len(self._people)

    def __contains__(self, person_id: object) -> bool:
        return person_id in self._people

    def __iter__(self) -> Iterator[EnrolledPerson]:
        return iter(list(self._people.values()))

    def known(self, person_ids: Iterable[str]) -> set[str]:
        """Those of the identifiers under which somebody is enrolled."""
        return {person_id for person_id in person_ids if person_id in self._people}

    def get(self, person_id: str) -> EnrolledPerson:
        """The person of that identifier. Raises ConflictError when there is none."""
        try:
            return self._people[person_id]
        except KeyError:
            raise ConflictError(UNKNOWN) from None

    def add(self, person: EnrolledPerson) -> bool:
        """Enrols a person; False when the same templates already stand under this identifier.

        Raises ConflictError when other templates stand under it: a gallery entry is never overwritten.
        """
        return self.add_many((person,)) == 1

    def add_many(self, people: Iterable[EnrolledPerson]) -> int:
        """Enrols all or, when any of them is refused, nobody; returns how many were new. As `add` otherwise."""
        new: dict[str, EnrolledPerson] = {}
        for person in people:
            known = self._people.get(person.person_id) or new.setdefault(person.person_id, person)
            if known != person:
                raise ConflictError(OTHER_TEMPLATES)
        self._people.update(new)
        return len(new)

    def remove(self, person_id: str, *, order: str) -> Withdrawal:
        """Takes a person out, and returns what the trace says of it; the identifier may be enrolled again.

        `order`: which order or legal ground asks for it, 1 to 64 characters and no personal data. Raises ConflictError
        when nobody of this identifier is enrolled, ParameterError for an order that is none.
        """
        withdrawal = self._withdrawal(WithdrawalKind.REMOVED, person_id, order)
        del self._people[person_id]
        self._withdrawals.append(withdrawal)
        return withdrawal

    def replace(self, person: EnrolledPerson, *, order: str) -> Withdrawal:
        """Puts these templates in place of those enrolled under the identifier, at the same place in the order of
        enrolment. `order`, result and errors as `remove`."""
        withdrawal = self._withdrawal(WithdrawalKind.REPLACED, person.person_id, order)
        self._people[person.person_id] = person
        self._withdrawals.append(withdrawal)
        return withdrawal

    def withdrawals(self) -> Iterator[Withdrawal]:
        """Everyone who was taken out or replaced, in order, up to the last one there when it began."""
        return iter(list(self._withdrawals))

    def removed(self) -> set[str]:
        """The identifiers that were taken out and are not enrolled now."""
        gone = {one.person_id for one in self._withdrawals if one.kind is WithdrawalKind.REMOVED}
        return gone.difference(self._people)

    def _withdrawal(self, kind: WithdrawalKind, person_id: str, order: str) -> Withdrawal:
        fingers = self.get(person_id).count
        return Withdrawal(len(self._withdrawals) + 1, kind, person_id, order, self._clock(), fingers)
