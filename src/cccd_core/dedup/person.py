"""Who is enrolled or handed in, as a search sees it: an identifier and templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cccd_core.errors import ParameterError
from cccd_core.templates import FingerTemplate, Tenprint

MAX_FINGERS = 10
_PERSON_ID = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,64}", re.ASCII)


def is_identifier(text: str) -> bool:
    """Whether this can stand for a person: 1 to 64 characters that UTF-8 can hold, none of them a control character."""
    return _PERSON_ID.fullmatch(text) is not None


def demand_identifier(text: str) -> None:
    """Raises ParameterError where this cannot stand for a person; the error does not show it."""
    if not is_identifier(text):
        raise ParameterError("a person's identifier has 1 to 64 characters, none of them a control character")


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """One person (or one dossier) as deduplication sees it: an identifier and the templates of some fingers.

    `tenprint` holds the fingers whose position is stated (rightly or not: the search also compares across positions),
    `unplaced` those of unknown position. At most ten fingers in all, possibly none.

    Raises ParameterError for an identifier that is empty, longer than 64 characters or holds control characters or
    lone surrogates, for a position outside 1..10 and for more than ten fingers. Templates are personal data: its text
    shows how many there are.
    """

    person_id: str
    tenprint: Tenprint
    unplaced: tuple[FingerTemplate, ...] = ()

    def __post_init__(self) -> None:
        demand_identifier(self.person_id)
        object.__setattr__(self, "tenprint", Tenprint(self.tenprint))  # whoever gave a plain mapping is held to it too
        object.__setattr__(self, "unplaced", tuple(self.unplaced))
        if self.count > MAX_FINGERS:
            raise ParameterError("a person has at most ten fingers", fingers=self.count)

    def __repr__(self) -> str:
        return f"EnrolledPerson({self.person_id!r}, placed={list(self.tenprint)}, unplaced={len(self.unplaced)})"

    @property
    def count(self) -> int:
        """How many fingers there are, whatever their position."""
        return len(self.tenprint) + len(self.unplaced)

    def fingers(self, least_minutiae: int = 0) -> Iterator[tuple[int, FingerTemplate]]:
        """(position, template) of every finger that has so many minutiae: the placed ones in order of position, then
        the unplaced ones as 0."""
        for position, template in self.tenprint.items():
            if template.count >= least_minutiae:
                yield position, template
        for template in self.unplaced:
            if template.count >= least_minutiae:
                yield 0, template
