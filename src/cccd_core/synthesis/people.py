"""Synthetic Vietnamese people.

Nobody in here exists. Names, groups and places follow published shares so that searches, sorting, transliteration and
layouts meet what they will meet in service; the numbers have the structure of Decree 137/2015/ND-CP, article 13.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from random import Random

from cccd_core.country import personal_number
from cccd_core.country.personal_number import Sex
from cccd_core.country.provinces import MUNICIPALITIES, PROVINCES
from cccd_core.country.renewal import expiry_date
from cccd_core.errors import ParameterError
from cccd_core.synthesis import names

AS_OF = date(2026, 7, 1)
MOST_PEOPLE = 1_000_000  # the six random digits are a permutation of the person's index, so no number comes twice
OLDEST = 100


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """One synthetic person: what a dossier says, and the numbers, dates and texts that belong together.

    All text is Vietnamese in NFC. `personal_number` has twelve digits (province of birth registration, century and
    sex, year of birth, six more); `old_number` is the nine-digit number of an earlier card, for some of those born
    before 2002. `expiry_date` None: the card is valid for life.
    """

    personal_number: str
    family_name: str
    middle_name: str
    given_name: str
    sex: Sex
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
        """The name as it is written: family, middle and given name; the clan comes last in the Central Highlands."""
        parts = (self.family_name, self.middle_name, self.given_name)
        if self.ethnicity in names.HIGHLAND_NAMES:
            parts = (self.given_name, self.middle_name, self.family_name)
        return " ".join(part for part in parts if part)


def people(seed: int, n: int, *, as_of: date = AS_OF) -> list[Person]:
    """`n` people whose cards are issued in the ninety days before `as_of`.

    Person i depends on the seed, on i and on `as_of` alone, never on n. Personal and old numbers are unique.
    Raises ParameterError for more than a million people.
    """
    if not 0 <= n <= MOST_PEOPLE:
        raise ParameterError("people are made by the million at most", n=n, most=MOST_PEOPLE)
    shuffle = Random(f"numbers {seed}")
    factor = shuffle.randrange(1_000_000) // 10 * 10 + shuffle.choice((1, 3, 7, 9))  # coprime to 10**6
    offset = shuffle.randrange(1_000_000)
    return [_person(seed, index, (factor * index + offset) % 1_000_000, as_of) for index in range(n)]


def _person(seed: int, index: int, serial: int, as_of: date) -> Person:
    random = Random(f"person {seed} {index}")
    sex: Sex = "F" if random.random() < 0.502 else "M"
    age_days = int(_age_years(random) * 365.2425)
    birth = as_of - timedelta(days=age_days + 90)
    province = random.choices(tuple(PROVINCES), _province_weights())[0]
    ethnicity = _pick(random, names.ETHNICITIES)
    family = _family(random, ethnicity)
    middle, given = _given(random, ethnicity, sex)
    mother_family = _family(random, ethnicity)
    issued = as_of - timedelta(days=random.randrange(90))
    age = (issued - birth).days / 365.2425
    married = age > 22 and random.random() < min(0.9, (age - 20) / 12)
    moved = random.random() < 0.3
    residence_province = random.choices(tuple(PROVINCES), _province_weights())[0] if moved else province
    has_old_number = birth.year < 2002 and random.random() < 0.6
    return Person(
        personal_number=personal_number.compose(province, sex, birth, serial),
        family_name=_text(family),
        middle_name=_text(middle),
        given_name=_text(given),
        sex=sex,
        birth_date=birth,
        birth_province=province,
        ethnicity=_text(ethnicity),
        religion=_text(_pick(random, names.RELIGIONS)),
        place_of_origin=_text(f"{random.choice(names.COMMUNES)}, {PROVINCES[province]}"),
        place_of_residence=_text(_address(random, residence_province)),
        marks=_text(random.choice(names.MARKS)),
        father=_whole_name(random, ethnicity, "M", family),
        mother=_whole_name(random, ethnicity, "F", mother_family),
        spouse=_whole_name(random, ethnicity, "M" if sex == "F" else "F", None) if married else None,
        # seven times the serial and 3, modulo a million, is a permutation again: unique as the serial is
        old_number=f"{random.randrange(10, 390):03}{(serial * 7 + 3) % 1_000_000:06}" if has_old_number else None,
        issue_date=issued,
        expiry_date=expiry_date(birth, issued),
    )


def _age_years(random: Random) -> float:
    """An age at application: cards are given from birth, most of them at the renewal ages."""
    if random.random() < 0.04:
        return random.uniform(0.2, 14.0)
    return min(random.triangular(14.0, OLDEST - 1.0, 26.0), OLDEST - 1.0)


def _family(random: Random, ethnicity: str) -> str:
    if ethnicity in names.HIGHLAND_NAMES:
        return random.choice(names.HIGHLAND_NAMES[ethnicity])
    if ethnicity in names.FAMILY_NAMES_OF:
        return random.choice(names.FAMILY_NAMES_OF[ethnicity])
    return _pick(random, names.FAMILY_NAMES)


def _given(random: Random, ethnicity: str, sex: Sex) -> tuple[str, str]:
    """Middle and given name."""
    if ethnicity in names.HIGHLAND_NAMES:
        return "", random.choice(names.HIGHLAND_GIVEN[sex])
    return _pick(random, names.MIDDLE_NAMES[sex]), random.choice(names.GIVEN_NAMES[sex])


def _whole_name(random: Random, ethnicity: str, sex: Sex, family: str | None) -> str:
    family = family or _family(random, ethnicity)
    middle, given = _given(random, ethnicity, sex)
    parts = (given, middle, family) if ethnicity in names.HIGHLAND_NAMES else (family, middle, given)
    return _text(" ".join(part for part in parts if part))


def _address(random: Random, province: str) -> str:
    commune, name = random.choice(names.COMMUNES), PROVINCES[province]
    if province in MUNICIPALITIES or random.random() < 0.35:
        return f"Số {random.randrange(1, 400)} {random.choice(names.STREETS)}, Phường {commune}, {name}"
    return f"Thôn {random.randrange(1, 15)}, Xã {commune}, {name}"


def _pick(random: Random, weights: Mapping[str, float]) -> str:
    return random.choices(tuple(weights), cum_weights=tuple(accumulate(weights.values())))[0]


@cache
def _province_weights() -> tuple[float, ...]:
    return tuple(names.PROVINCE_WEIGHTS.get(code, 1.2) for code in PROVINCES)


def _text(text: str) -> str:
    return unicodedata.normalize("NFC", text)
