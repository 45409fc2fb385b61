"""The personal number (số định danh cá nhân): its structure, what it says, and who may carry it.

Source: Decree 137/2015/NĐ-CP article 13 and Circular 07/2016/TT-BCA article 7 with its annex 1: `PPP C YY RRRRRR`,
three digits of the place of birth registration, one of century and sex, two of the birth year, six random.

Uncertain, and handled as said here: the codes of countries for births abroad are not published in a form that could be
checked, and no source says which province code new numbers carry after the merger to 34 provinces of 1 July 2025. So
a code of the 63 provinces is known, a code from 101 to 399 is taken as a country's and reported as not verified, and
every other code is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from cccd_core.country.provinces import PROVINCES

Sex: TypeAlias = Literal["M", "F"]

COUNTRY_CODES = range(101, 400)
"""Codes taken as a country's (birth abroad): accepted, never verified."""

LENGTH = 12
_FIRST_CENTURY = 1900


@dataclass(frozen=True, slots=True, repr=False)
class PersonalNumber:
    """What the digits of a well-formed number say."""

    place: str
    century: int
    sex: Sex
    year_digits: int

    @property
    def birth_year(self) -> int:
        return self.century + self.year_digits

    @property
    def place_known(self) -> bool:
        """True for a province's code; False for one that is taken as a country's."""
        return self.place in PROVINCES


def parse(number: str) -> PersonalNumber | None:
    """The parts of a personal number, or None where its structure is wrong (length, digits, place code)."""
    if len(number) != LENGTH or not (number.isascii() and number.isdigit()):
        return None
    place = number[:3]
    if place not in PROVINCES and int(place) not in COUNTRY_CODES:
        return None
    century_sex = int(number[3])
    return PersonalNumber(
        place=place,
        century=_FIRST_CENTURY + 100 * (century_sex // 2),
        sex="F" if century_sex % 2 else "M",
        year_digits=int(number[4:6]),
    )


def century_sex_digit(sex: Sex, birth_date: date) -> int:
    """The fourth digit for a person of this sex and birth date: 0/1 for 1900s, 2/3 for 2000s, ..."""
    return 2 * ((birth_date.year - _FIRST_CENTURY) // 100) + (sex == "F")


def compose(place: str, sex: Sex, birth_date: date, rest: int) -> str:
    """The number of a person registered at this place, its last six digits being `rest`."""
    return f"{place}{century_sex_digit(sex, birth_date)}{birth_date.year % 100:02}{rest:06}"
