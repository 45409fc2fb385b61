"""Who is enrolled: what a search asks of a gallery, and the gallery in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from cccd_core.dedup.person import EnrolledPerson
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


class MemoryGallery:
    """A gallery that lives as long as its process; behaves as GalleryStore does, but keeps templates as they are."""

    def __init__(self, people: Iterable[EnrolledPerson] = ()) -> None:
        self._people: dict[str, EnrolledPerson] = {}
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
