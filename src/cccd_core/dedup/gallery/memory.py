"""The gallery in memory."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence

from cccd_core.dedup.gallery.protocol import OTHER_TEMPLATES, TAKEN, UNKNOWN, Entry
from cccd_core.dedup.gallery.withdrawal import Clock, Withdrawal, WithdrawalKind, now_utc
from cccd_core.dedup.person import EnrolledPerson, demand_identifier
from cccd_core.errors import ConflictError


class MemoryGallery:
    """A gallery that lives as long as its process; behaves as GalleryStore does, but keeps templates as they are."""

    def __init__(self, people: Iterable[EnrolledPerson] = (), *, clock: Clock = now_utc) -> None:
        """`clock` gives the time of withdrawals."""
        self._id = secrets.token_hex(16)
        self._people: dict[int, EnrolledPerson] = {}  # in order of number
        self._numbers: dict[str, int] = {}
        self._last = 0
        self._withdrawals: list[Withdrawal] = []
        self._clock = clock
        self.add_many(people)

    def __repr__(self) -> str:
        return f"MemoryGallery(people={len(self)})"

    @property
    def gallery_id(self) -> str:
        """32 hexadecimal digits, drawn when the gallery was made."""
        return self._id

    def __len__(self) -> int:
        return len(self._people)

    def __contains__(self, person_id: object) -> bool:
        return person_id in self._numbers

    def __iter__(self) -> Iterator[EnrolledPerson]:
        return iter(list(self._people.values()))

    def known(self, person_ids: Iterable[str]) -> set[str]:
        """Those of the identifiers under which somebody is enrolled."""
        return {person_id for person_id in person_ids if person_id in self._numbers}

    def get(self, person_id: str) -> EnrolledPerson:
        """The person of that identifier. Raises ConflictError when there is none."""
        return self._people[self._number(person_id)]

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """Everyone numbered from `after` + 1 to `until`, or to the last one there when it began, by number."""
        last = self._last if until is None else until
        found = [Entry(number, person) for number, person in self._people.items() if after < number <= last]
        return iter(found)

    def entries_of(self, sequences: Sequence[int]) -> list[Entry]:
        """The people of these numbers who are still enrolled, by number."""
        return [Entry(number, self._people[number]) for number in sorted(set(sequences)) if number in self._people]

    def identifiers(self, sequences: Iterable[int]) -> dict[int, str]:
        """The identifiers of those of these numbers who are still enrolled."""
        return {number: self._people[number].person_id for number in sequences if number in self._people}

    def last_sequence(self) -> int:
        """The largest number ever given, 0 where nobody was enrolled yet."""
        return self._last

    def last_withdrawal(self) -> int:
        """The number of the last withdrawal, 0 where there is none."""
        return len(self._withdrawals)

    def add(self, person: EnrolledPerson) -> bool:
        """Enrols a person; False when the same templates already stand under this identifier.

        Raises ConflictError when other templates stand under it: a gallery entry is never overwritten.
        """
        return self.add_many((person,)) == 1

    def add_many(self, people: Iterable[EnrolledPerson]) -> int:
        """Enrols all or, when any of them is refused, nobody; returns how many were new. As `add` otherwise."""
        new: dict[str, EnrolledPerson] = {}
        for person in people:
            number = self._numbers.get(person.person_id)
            known = new.setdefault(person.person_id, person) if number is None else self._people[number]
            if known != person:
                raise ConflictError(OTHER_TEMPLATES)
        for person in new.values():
            self._last += 1
            self._numbers[person.person_id] = self._last
            self._people[self._last] = person
        return len(new)

    def remove(self, person_id: str, *, order: str) -> Withdrawal:
        """Takes a person out, and returns what the trace says of it; the identifier may be enrolled again.

        `order`: which order or legal ground asks for it, 1 to 64 characters and no personal data. Raises ConflictError
        when nobody of this identifier is enrolled, ParameterError for an order that is none.
        """
        withdrawal = self._withdrawal(WithdrawalKind.REMOVED, person_id, order)
        del self._people[self._numbers.pop(person_id)]
        self._withdrawals.append(withdrawal)
        return withdrawal

    def replace(self, person: EnrolledPerson, *, order: str) -> Withdrawal:
        """Puts these templates in place of those enrolled under the identifier, under the same number. `order`, result
        and errors as `remove`."""
        withdrawal = self._withdrawal(WithdrawalKind.REPLACED, person.person_id, order)
        self._people[withdrawal.place] = person
        self._withdrawals.append(withdrawal)
        return withdrawal

    def rename(self, person_id: str, new_id: str, *, order: str) -> Withdrawal:
        """Gives a person another identifier; number and templates stay. `order`, result and errors as `remove`;
        ConflictError, too, where somebody has the new identifier, ParameterError where it is none."""
        demand_identifier(new_id)
        withdrawal = self._withdrawal(WithdrawalKind.RENAMED, person_id, order, new_id)
        if new_id in self._numbers:
            raise ConflictError(TAKEN)
        person = self._people[self._numbers.pop(person_id)]
        self._numbers[new_id] = withdrawal.place
        self._people[withdrawal.place] = EnrolledPerson(new_id, person.tenprint, person.unplaced)
        self._withdrawals.append(withdrawal)
        return withdrawal

    def withdrawals(self, after: int = 0) -> Iterator[Withdrawal]:
        """Everyone who was taken out, replaced or renamed, from number `after` + 1 on, in order, up to the last one
        there when it began."""
        return iter(self._withdrawals[max(0, after) :])

    def removed(self) -> set[str]:
        """The identifiers that were taken out and are not enrolled now."""
        gone = {one.person_id for one in self._withdrawals if one.kind is WithdrawalKind.REMOVED}
        return gone.difference(self._numbers)

    def _number(self, person_id: str) -> int:
        try:
            return self._numbers[person_id]
        except KeyError:
            raise ConflictError(UNKNOWN) from None

    def _withdrawal(self, kind: WithdrawalKind, person_id: str, order: str, new_id: str | None = None) -> Withdrawal:
        place = self._number(person_id)
        fingers = 0 if kind is WithdrawalKind.RENAMED else self._people[place].count
        number = len(self._withdrawals) + 1
        return Withdrawal(number, kind, person_id, order, self._clock(), fingers, place, new_id)
