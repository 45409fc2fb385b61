"""What a gallery is, wherever it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cccd_core.dedup.gallery.withdrawal import Withdrawal
from cccd_core.dedup.person import EnrolledPerson

UNKNOWN: Final = "nobody of this identifier is enrolled"
OTHER_TEMPLATES: Final = "other templates are enrolled under this identifier"
TAKEN: Final = "somebody is enrolled under the new identifier"


@dataclass(frozen=True, slots=True)
class Entry:
    """A person, and the number by which derived files know them: from 1, in the order of enrolment, given once."""

    sequence: int
    person: EnrolledPerson


class Gallery(Protocol):
    """Everyone enrolled. Iterates in the order of enrolment, and over those alone who were there when it began.

    Several threads may use it at a time. Nobody who reads up to `last_sequence()` misses one who is enrolled later
    under a smaller number: numbers become visible in their order.
    """

    @property
    def gallery_id(self) -> str:
        """32 hexadecimal digits, drawn when the gallery was made: what is derived from it names them."""

    def __len__(self) -> int: ...

    def __contains__(self, person_id: object) -> bool: ...

    def __iter__(self) -> Iterator[EnrolledPerson]: ...

    def known(self, person_ids: Iterable[str]) -> set[str]:
        """Those of the identifiers under which somebody is enrolled."""

    def get(self, person_id: str) -> EnrolledPerson:
        """The person of that identifier. Raises ConflictError when there is none."""

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """Everyone numbered from `after` + 1 to `until`, or to the last one there when it began, by number."""

    def entries_of(self, sequences: Sequence[int]) -> list[Entry]:
        """The people of these numbers who are still enrolled, by number."""

    def identifiers(self, sequences: Iterable[int]) -> dict[int, str]:
        """The identifiers of those of these numbers who are still enrolled."""

    def last_sequence(self) -> int:
        """The largest number ever given, 0 where nobody was enrolled yet."""

    def last_withdrawal(self) -> int:
        """The number of the last withdrawal, 0 where there is none."""

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
        """Puts these templates in place of those enrolled under the identifier, under the same number. `order`, result
        and errors as `remove`; ParameterError, too, for a template that cannot be kept."""

    def rename(self, person_id: str, new_id: str, *, order: str) -> Withdrawal:
        """Gives a person another identifier; number and templates stay. `order`, result and errors as `remove`;
        ConflictError, too, where somebody has the new identifier, ParameterError where it is none."""

    def withdrawals(self, after: int = 0) -> Iterator[Withdrawal]:
        """Everyone who was taken out, replaced or renamed, from number `after` + 1 on, in order, up to the last one
        there when it began."""

    def removed(self) -> set[str]:
        """The identifiers that were taken out and are not enrolled now."""
