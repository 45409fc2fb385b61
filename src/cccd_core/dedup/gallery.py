"""The Gallery protocol and the gallery in memory. Imports dedup.person and errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from cccd_core.dedup.person import EnrolledPerson
from cccd_core.errors import StateError


class Gallery(Protocol):
    """Everyone enrolled. Iterates in the order of enrolment, and over those alone who were there when it began."""

    def __len__(self) -> int: ...

    def __contains__(self, person_id: object) -> bool: ...

    def __iter__(self) -> Iterator[EnrolledPerson]: ...

    def known(self, person_ids: Iterable[str]) -> set[str]: ...

    def get(self, person_id: str) -> EnrolledPerson: ...

    def add(self, person: EnrolledPerson) -> bool: ...


class MemoryGallery:
    """A gallery that lives as long as its process; behaves as GalleryStore does."""

    def __init__(self, people: Iterable[EnrolledPerson] = ()) -> None:
        self._people: dict[str, EnrolledPerson] = {}
        for person in people:
            self.add(person)

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
        """The person of that identifier. Raises StateError when there is none."""
        try:
            return self._people[person_id]
        except KeyError:
            raise StateError("nobody of this identifier is enrolled") from None

    def add(self, person: EnrolledPerson) -> bool:
        """Enrols a person; False when the same templates already stand under this identifier.

        Raises StateError when other templates stand under it: a gallery entry is never overwritten.
        """
        known = self._people.get(person.person_id)
        if known is None:
            self._people[person.person_id] = person
            return True
        if known != person:
            raise StateError("other templates are enrolled under this identifier")
        return False
