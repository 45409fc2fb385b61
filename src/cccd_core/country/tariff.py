"""What a card costs its holder: rates as data, each with the days on which it holds.

None of it was verified: the search of this project's references found no text of these circulars, and what is here is
from memory of them. A programme checks it, or brings its own file. Where memory leaves two amounts possible both are
taken for the tariff, so that nobody is accused of a fee that may be right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from cccd_core.country.grounds import GROUNDS, KINDS
from cccd_core.errors import ParameterError

_RATES_MOST: Final = 1000
_AMOUNTS_MOST: Final = 8
DONG_MOST: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """What is asked for dossiers of one kind on one of these grounds (none: of a kind that has none), from one day to
    another, both included: one of these amounts in dong, before any reduction."""

    kind: str
    grounds: str | None
    dong: tuple[int, ...]
    begins: date
    ends: date | None
    source: str
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Reduction:
    """Days on which so many hundredths of the amount are asked."""

    percent: int
    begins: date
    ends: date
    source: str
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Tariff:
    """Rates and their reductions."""

    rates: tuple[Rate, ...]
    reductions: tuple[Reduction, ...] = ()

    def stretches(self) -> Iterator[Rate]:
        """The rates cut where a reduction begins or ends, each with the amounts that are asked then."""
        for rate in self.rates:
            yield from _cut(rate, self.reductions)

    def amounts(self, kind: str, grounds: str | None, day: date) -> tuple[int, ...] | None:
        """What is asked on a day: one of these amounts in dong; None where the tariff says nothing of it."""
        for rate in self.stretches():
            if (rate.kind, rate.grounds) == (kind, grounds) and rate.begins <= day <= (rate.ends or date.max):
                return rate.dong
        return None


def _cut(rate: Rate, reductions: Iterable[Reduction]) -> Iterator[Rate]:
    start, last = rate.begins, rate.ends or date.max
    for one in sorted(reductions, key=lambda reduction: reduction.begins):
        if one.ends < start or one.begins > last:
            continue
        if one.begins > start:
            yield _of(rate, rate.dong, start, date.fromordinal(one.begins.toordinal() - 1))
            start = one.begins
        end = min(one.ends, last)
        yield _of(rate, tuple(dong * one.percent // 100 for dong in rate.dong), start, end)
        if end == last:
            return
        start = date.fromordinal(end.toordinal() + 1)
    yield _of(rate, rate.dong, start, rate.ends)


def _of(rate: Rate, dong: tuple[int, ...], begins: date, ends: date | None) -> Rate:
    return Rate(rate.kind, rate.grounds, dong, begins, ends, rate.source, rate.verified)


def parse(data: bytes) -> Tariff:
    """The tariff in the bytes of a JSON file, days as YYYY-MM-DD or null:

        {"rates": [{"kind", "grounds", "dong": [AMOUNTS], "begins", "ends", "source"}],
         "reductions": [{"percent", "begins", "ends", "source"}]}

    ParameterError where it is none. What a file brings counts as verified.
    """
    try:
        document = json.loads(data.decode("utf-8-sig"))
        rates, reductions = document["rates"], document.get("reductions", [])
        if not isinstance(rates, list) or not isinstance(reductions, list) or len(rates + reductions) > _RATES_MOST:
            raise ValueError
        return Tariff(tuple(map(_rate, rates)), tuple(map(_reduction, reductions)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ParameterError(
            "the file is no tariff", needs='{"rates": [{"kind": TEXT, "grounds": TEXT, "dong": [AMOUNTS], '
            '"begins": DAY, "ends": DAY, "source": TEXT}], "reductions": [...]}',
        ) from None  # fmt: skip


def _rate(said: dict[str, object]) -> Rate:
    kind, grounds, dong, source = said["kind"], said["grounds"], said["dong"], said["source"]
    if kind not in KINDS or grounds not in GROUNDS.get(str(kind), {None: ""}):
        raise ValueError
    if not isinstance(dong, list) or not 0 < len(dong) <= _AMOUNTS_MOST or not isinstance(source, str) or not source:
        raise ValueError
    if any(not isinstance(one, int) or isinstance(one, bool) or not 0 <= one <= DONG_MOST for one in dong):
        raise ValueError
    begins, ends = _day(said["begins"]), None if said["ends"] is None else _day(said["ends"])
    if ends is not None and ends < begins:
        raise ValueError
    return Rate(str(kind), None if grounds is None else str(grounds), tuple(dong), begins, ends, source, True)


def _reduction(said: dict[str, object]) -> Reduction:
    percent, begins, ends, source = said["percent"], _day(said["begins"]), _day(said["ends"]), said["source"]
    if not isinstance(percent, int) or isinstance(percent, bool) or not 0 <= percent <= 100 or begins > ends:
        raise ValueError
    if not isinstance(source, str) or not source:
        raise ValueError
    return Reduction(percent, begins, ends, source, True)


def _day(value: object) -> date:
    if not isinstance(value, str):
        raise TypeError
    return date.fromisoformat(value)


_FREE: Final = (0,)
_SINCE: Final = date(2019, 10, 16)
_LAW: Final = "Circular 59/2019/TT-BTC articles 4 and 5, from memory"
_FEES: Final[dict[tuple[str, str | None], tuple[int, ...]]] = {
    ("new", None): (0, 30_000),  # 30,000 where it takes the place of an identity card of 9 or 12 digits
    ("exchange", "renewal_age"): _FREE,
    ("exchange", "name_or_birth_changed"): (50_000,),
    ("exchange", "appearance_or_sex_changed"): (50_000,),
    ("exchange", "printed_error"): (0, 50_000),  # free where the office made the mistake
    ("exchange", "unit_rearranged"): _FREE,
    ("exchange", "number_established_anew"): (0, 50_000),
    ("exchange", "holder_request"): (30_000, 50_000),
    ("reissue", "lost"): (70_000,),
    ("reissue", "damaged"): (50_000, 70_000),  # an exchange by the circular, a reissue by the law of 2023
    ("reissue", "nationality_regained"): (70_000,),
}
_HALF: Final = (
    ("112/2020", date(2021, 1, 1), date(2021, 6, 30)),
    ("47/2021", date(2021, 7, 1), date(2021, 12, 31)),
    ("120/2021", date(2022, 1, 1), date(2022, 6, 30)),
    ("44/2023", date(2023, 7, 1), date(2023, 12, 31)),
    ("43/2024", date(2024, 7, 1), date(2024, 12, 31)),
    ("64/2025", date(2025, 7, 1), date(2026, 12, 31)),
)

KNOWN: Final = Tariff(
    tuple(Rate(kind, grounds, dong, _SINCE, None, _LAW) for (kind, grounds), dong in _FEES.items()),
    tuple(Reduction(50, begins, ends, f"Circular {number}/TT-BTC, from memory") for number, begins, ends in _HALF),
)
"""The rates since 16 October 2019, and when half of them was asked. See above: not verified."""
