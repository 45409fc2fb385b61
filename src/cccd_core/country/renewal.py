"""How long a card is valid.

Source: Law 26/2023/QH15 article 21: the card is exchanged at the ages of 14, 25, 40 and 60; one issued within the two
years before such an age is valid to the next of them; one issued from 58 on has no end.
"""

from __future__ import annotations

from datetime import date

RENEWAL_AGES = (14, 25, 40, 60)
CARRY_OVER_YEARS = 2


def birthday(birth_date: date, age: int) -> date:
    """The day on which a person reaches `age`; for 29 February in a common year the day before 1 March."""
    year = birth_date.year + age
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def age_on(birth_date: date, day: date) -> int:
    """Completed years on that day."""
    age = day.year - birth_date.year
    return age if birthday(birth_date, age) <= day else age - 1


def expiry_date(birth_date: date, issue_date: date) -> date | None:
    """The last day of a card issued on `issue_date`; None where it has no end."""
    for age in RENEWAL_AGES:
        if issue_date < birthday(birth_date, age - CARRY_OVER_YEARS):
            return birthday(birth_date, age)
    return None


def longest_validity_years() -> int:
    """The most years that a card with an end is valid: one issued as early as it carries over to an age."""
    begins = [0, *(age - CARRY_OVER_YEARS for age in RENEWAL_AGES[:-1])]
    return max(age - begin for begin, age in zip(begins, RENEWAL_AGES, strict=True))
