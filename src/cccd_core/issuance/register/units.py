"""The tree of units: ward, district, province, centre, each with its days, and what became of those that are no more.

Districts were abolished on 1 July 2025, so a ward may stand under a province. A unit that comes under another one, or
changes its name, is another unit from that day on, which follows it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import cache
from typing import Final

from cccd_core.country.mergers import HUE, HUE_NAME, HUE_ON, LOOKED_UP, MERGED, MERGED_ON
from cccd_core.country.provinces import PROVINCES
from cccd_core.errors import ConflictError, ParameterError

LEVELS: Final = ("centre", "province", "district", "ward")
CENTRE: Final = "centre"
UNITS_MOST: Final = 100_000
FILE_BYTES_MOST: Final = 64 * 1024 * 1024
_LENGTHS: Final = {"unit_id": 64, "name": 256, "parent": 64, "code": 16, "source": 512}
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit. `parent`: the one above it, which every unit has but the centre. `begins` and `ends`: its first and its
    last day, None where it has none that is known. `successors`: which units follow it after its last day. `verified`:
    whether somebody looked it up in `source`."""

    unit_id: str
    level: str
    name: str
    parent: str | None = None
    code: str | None = None
    begins: date | None = None
    ends: date | None = None
    successors: tuple[str, ...] = ()
    source: str | None = None
    verified: bool = False

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ParameterError("a unit's level is none of those there are", known=" ".join(LEVELS))
        for name, most in _LENGTHS.items():
            text = getattr(self, name)
            if text is None and name not in ("unit_id", "name"):
                continue
            if not text or len(text.encode("utf-8", "surrogatepass")) > most or not text.isprintable():
                raise ParameterError("a unit's text is no printable one of its length", field=name, most=most)

    def is_there(self, day: date) -> bool:
        """Whether the unit works on that day."""
        return (self.begins is None or self.begins <= day) and (self.ends is None or day <= self.ends)


UNKNOWN: Final = Unit("unknown", "ward", "không rõ đơn vị", CENTRE)
"""The unit of dossiers that name none, or none that the register has."""


@cache
def national() -> tuple[Unit, ...]:
    """The centre, the 63 provinces until 30 June 2025 and the 34 from 1 July 2025 on, with which became which: see
    `country.mergers`. A unit's id is the province's place code; that of one that came later has the year behind it."""
    part_of = {part: f"{name}-2025" for name, parts in MERGED.items() for part in parts}
    found = [Unit(CENTRE, "centre", "Trung tâm", verified=True)]
    for code, name in PROVINCES.items():
        ends, after = (MERGED_ON - _DAY, (part_of[code],)) if code in part_of else (None, ())
        if code == HUE:
            ends, after = HUE_ON - _DAY, (f"{HUE}-2025",)
        source = "Circular 07/2016/TT-BCA annex 1"
        found.append(Unit(code, "province", name, CENTRE, code, None, ends, after, source, True))
    source = "Resolution 175/2024/QH15"
    found.append(Unit(f"{HUE}-2025", "province", HUE_NAME, CENTRE, None, HUE_ON, None, (), source, True))
    source = "Resolution 202/2025/QH15 article 1"
    found += [
        Unit(f"{code}-2025", "province", PROVINCES[code], CENTRE, None, MERGED_ON, None, (), source, code in LOOKED_UP)
        for code in MERGED
    ]
    return tuple(found)


@cache
def first_units() -> tuple[Unit, ...]:
    """What a register begins with: the country's units, and that of dossiers of none."""
    return *national(), UNKNOWN


def by_id(units: Iterable[Unit]) -> dict[str, Unit]:
    """The units by their id. ConflictError where one stands twice, or there are too many."""
    found: dict[str, Unit] = {}
    for unit in units:
        if found.setdefault(unit.unit_id, unit) is not unit:
            raise _wrong("a unit stands twice", unit)
        if len(found) > UNITS_MOST:
            raise ConflictError("there are too many units", most=UNITS_MOST)
    return found


def with_those_above(units: Mapping[str, Unit], unit_id: str) -> tuple[Unit, ...]:
    """A unit and those above it, as far as they are among these; it first."""
    found: list[Unit] = []
    name: str | None = unit_id
    while name is not None and name in units and units[name] not in found:
        found.append(units[name])
        name = units[name].parent
    return tuple(found)


def demand_sound(units: Mapping[str, Unit]) -> None:
    """ConflictError, which names the unit, where one stands under none or under one that is not there, not of a higher
    level or not as long there, or is followed by one that is not there or begins before its end. As each stands under
    a higher level, there is no circle."""
    for unit in units.values():
        _demand_place(unit, units)
        for name in unit.successors:
            after = units.get(name)
            if after is None:
                raise _wrong("a unit is followed by one that is not there", unit)
            if unit.ends is None or after.begins is None or after.begins <= unit.ends:
                raise _wrong("a unit is followed by one that does not begin after its end", unit)


def _demand_place(unit: Unit, units: Mapping[str, Unit]) -> None:
    if unit.begins is not None and unit.ends is not None and unit.begins > unit.ends:
        raise _wrong("a unit ends before it begins", unit)
    if unit.parent is None:
        if unit.level != CENTRE:
            raise _wrong("a unit stands under none", unit)
        return
    above = units.get(unit.parent)
    if above is None:
        raise _wrong("a unit stands under one that is not there", unit)
    if LEVELS.index(above.level) >= LEVELS.index(unit.level):
        raise _wrong("a unit stands under one of no higher level", unit)
    early = above.begins is not None and (unit.begins is None or unit.begins < above.begins)
    late = above.ends is not None and (unit.ends is None or unit.ends > above.ends)
    if early or late:
        raise _wrong("a unit is there when the one above it is not", unit)


def merged(there: Unit, given: Unit) -> Unit:
    """A unit that is there, with what is new: it may have come to its end, and be followed. ConflictError where
    anything else differs."""
    ends = given.ends if there.ends is None else there.ends
    after = tuple(dict.fromkeys((*there.successors, *given.successors)))
    found = replace(there, ends=ends, successors=after)
    if replace(given, successors=after) != found:
        raise _wrong("the register has the unit otherwise", given)
    return found


def read(data: bytes) -> list[Unit]:
    """The units in the bytes of a file: JSON, an array of objects with the fields of `Unit`, or CSV with these in its
    first row (`successors` with spaces between, days as YYYY-MM-DD, `verified` 1 or 0). ParameterError, with the
    number of the unit, where it is none."""
    number = 0
    found = []
    try:
        for number, row in enumerate(_rows(data), 1):
            found.append(_unit(row))
            if number > UNITS_MOST:
                raise ParameterError("there are too many units", most=UNITS_MOST)
    except ParameterError as error:
        raise error.with_facts(unit_number=number) from None
    except (ValueError, TypeError, csv.Error, RecursionError):
        raise ParameterError("the file of units is neither their JSON nor their CSV", unit_number=number + 1) from None
    return found


def _rows(data: bytes) -> Iterator[Mapping[str, object]]:
    text = data.decode("utf-8-sig")
    if text.lstrip()[:1] in ("[", "{"):
        document = json.loads(text)
        if not isinstance(document, list):
            raise ValueError
        yield from document
    else:
        yield from csv.DictReader(io.StringIO(text, newline=""), strict=True)


_NAMES: Final = frozenset(field.name for field in fields(Unit))


def _unit(row: Mapping[str, object]) -> Unit:
    if not isinstance(row, dict) or not set(row) <= _NAMES:
        raise ValueError
    given = {name: value for name, value in row.items() if value not in (None, "")}
    texts = {name: _text(given[name]) for name in ("unit_id", "level", "name", *_LENGTHS) if name in given}
    if not {"unit_id", "level", "name"} <= set(texts):
        raise ParameterError("a unit has an id, a level and a name")
    after = given.get("successors", ())
    words = after.split() if isinstance(after, str) else after
    if not isinstance(words, Sequence):
        raise TypeError
    return Unit(
        texts["unit_id"], texts["level"], texts["name"], texts.get("parent"), texts.get("code"),
        _day(given.get("begins")), _day(given.get("ends")), tuple(map(_text, words)), texts.get("source"),
        given.get("verified") in (True, 1, "1", "true"),
    )  # fmt: skip


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _day(value: object) -> date | None:
    return None if value is None else date.fromisoformat(_text(value))


def _wrong(what: str, unit: Unit) -> ConflictError:
    return ConflictError(what, unit=unit.unit_id)
