"""Synthetic Vietnamese people. Imports the standard library and errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True)
class Person:
    """One synthetic person: what a dossier says, and the numbers, dates and texts that belong together.

    All text is Vietnamese in NFC. `personal_number` has twelve digits (province of birth registration, century and
    sex, year, six more); `old_number` is the nine-digit number of an earlier card, for some. `expiry_date` None: the
    card is valid for life.
    """

    personal_number: str
    family_name: str
    middle_name: str
    given_name: str
    sex: Literal["M", "F"]
    birth_date: date
    birth_province: str
    ethnicity: str
    religion: str
    place_of_origin: str
    place_of_residence: str
    marks: str
    father: str
    mother: str
    spouse: str | None
    old_number: str | None
    issue_date: date
    expiry_date: date | None

    @property
    def full_name(self) -> str:
        """Family, middle and given name."""
        return " ".join(part for part in (self.family_name, self.middle_name, self.given_name) if part)


AS_OF = date(2026, 7, 1)


def people(seed: int, n: int, *, as_of: date = AS_OF) -> list[Person]:
    """`n` people; person i depends on the seed and i alone."""
    raise NotImplementedError
