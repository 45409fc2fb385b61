"""Working days, and the last day of a deadline that is counted in them.

A working day is one from Monday to Friday that is no public holiday (Labour Code 45/2019/QH14 article 112), no day off
in place of one that fell on a weekend (article 111 clause 3) and none that was exchanged for a Saturday, which is
worked instead. The days of Tết, of the Hùng kings and the exchanged ones are announced year by year: a year that is not
here is not known, and is never guessed.

Of 24 November, Vietnam's Day of Culture, the Politburo's Resolution 80-NQ/TW of 2026 wants a paid holiday; whether a
law made it one was not verified, and it counts as worked: so a deadline is a day early at the worst, never late.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from cccd_core.errors import ParameterError, UnavailableError

DEADLINE_WORKING_DAYS: Final = 7
"""Law 26/2023/QH15 article 26: seven working days from the day on which a whole dossier was received."""

_YEARS_MOST: Final = 200
_DAYS_MOST: Final = 366
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class YearOff:
    """One year's days off from Monday to Friday, and the Saturdays and Sundays that are worked; where this is from."""

    off: frozenset[date]
    worked: frozenset[date]
    source: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The years whose days off are known."""

    years: Mapping[int, YearOff]

    def is_working_day(self, day: date) -> bool:
        """Whether offices work. UnavailableError where nobody knows the days off of its year."""
        year = self.years.get(day.year)
        if year is None:
            raise UnavailableError(
                "the public holidays of this year are not known", year=day.year, needs="a file of holidays"
            )
        return day in year.worked or (day.weekday() < _SATURDAY and day not in year.off)

    def deadline(self, received: date, working_days: int = DEADLINE_WORKING_DAYS) -> date:
        """The last day of a deadline of so many working days, the first of which is the one after the day of reception
        (Civil Code 91/2015/QH13 article 147 clause 2). UnavailableError as `is_working_day`."""
        day = received
        while working_days:
            day += timedelta(days=1)
            working_days -= self.is_working_day(day)
        return day

    def deadline_if_known(self, received: date) -> date | None:
        """`deadline`; None where nobody knows the days off."""
        try:
            return self.deadline(received)
        except UnavailableError:
            return None

    def with_years(self, others: Mapping[int, YearOff]) -> Calendar:
        """These years, the others in place of those that are there."""
        return Calendar({**self.years, **others})


def parse(data: bytes) -> dict[int, YearOff]:
    """The years in the bytes of a JSON file: `{"2027": {"off": ["2027-01-01"], "worked": [], "source": "..."}}`.
    ParameterError where it is none."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
        if not isinstance(document, dict) or len(document) > _YEARS_MOST:
            raise ValueError
        return {_year(name): _days(_year(name), year) for name, year in document.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ParameterError("the file of holidays is none", needs='{"YEAR": {"off": [DAYS], "worked": [DAYS], '
                             '"source": TEXT}}') from None  # fmt: skip


def _year(name: str) -> int:
    if len(name) != 4 or not name.isdecimal():
        raise ValueError
    return int(name)


def _days(year: int, document: Mapping[str, object]) -> YearOff:
    found = []
    for name in ("off", "worked"):
        days = document[name]
        if not isinstance(days, list) or len(days) > _DAYS_MOST:
            raise ValueError
        found.append(frozenset(date.fromisoformat(day) for day in days))
    off, worked = found
    source = document["source"]
    if not isinstance(source, str) or not source or any(day.year != year for day in off | worked) or off & worked:
        raise ValueError
    return YearOff(off, worked, source)


def _of(year: int, off: str, worked: str, source: str) -> tuple[int, YearOff]:
    """Days as MM-DD, a range of days as MM-DD/DD."""
    days = set()
    for part in off.split():
        first, _, last = part.partition("/")
        month, day = int(first[:2]), int(first[3:])
        days |= {date(year, month, one) for one in range(day, int(last or day) + 1)}
    return year, YearOff(
        frozenset(days), frozenset(date.fromisoformat(f"{year}-{one}") for one in worked.split()), source
    )


KNOWN: Final = Calendar(
    dict(
        (
            _of(2024, "01-01 02-08/09 02-12/14 04-18 04-29/30 05-01 09-02/03", "05-04",
                "notices of the Ministry of Labour for 2024; Monday 29 April exchanged for Saturday 4 May"),
            _of(2025, "01-01 01-27/31 04-07 04-30 05-01/02 09-01/02", "04-26",
                "notices of the Ministry of Labour for 2025; Friday 2 May exchanged for Saturday 26 April"),
            _of(2026, "01-01/02 02-16/20 04-27 04-30 05-01 08-31 09-01/02", "01-10 08-22",
                "notices of the Ministry of the Interior for 2026; Friday 2 January exchanged for Saturday 10 January, "
                "Monday 31 August for Saturday 22 August"),
        )
    )
)  # fmt: skip
"""The years that were announced when this was written, from memory of the notices: a programme checks them, or brings
its own file."""
