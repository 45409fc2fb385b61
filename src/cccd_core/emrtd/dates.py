"""Dates of the data groups DG11, DG12 and DG16, of which parts may not be known.

Doc 9303-10 clause 4.7.11: yyyymmdd in characters; many documents have four bytes of packed digits, or zeros where month
and day are not known.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from cccd_core.errors import FormatError, ParameterError

_UNKNOWN = "<0Xx-? "  # what stands for a digit that is not known


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date of which only the year, or year and month, are known. ParameterError for an impossible one."""

    year: int
    month: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.year <= 9999 or (self.month is not None and not 1 <= self.month <= 12):
            raise ParameterError("no year and month of a calendar", field="year")

    def isoformat(self) -> str:
        """`1960` or `1960-05` (ISO 8601 with reduced precision)."""
        return f"{self.year:04d}" + ("" if self.month is None else f"-{self.month:02d}")


def digits(value: bytes, count: int) -> str:
    """The characters of a value that has `count` digits, or half as many bytes of packed ones. FormatError else."""
    if len(value) * 2 == count and not (count == 8 and value.isdigit()):
        return value.hex().replace("f", "?")  # F fills packed digits that are not there
    if len(value) > count:
        raise FormatError("a date is too long", length=len(value), limit=count)
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise FormatError("a date holds no digits", length=len(value)) from None


def parse(value: bytes) -> dt.date | PartialDate:
    """The date in characters (yyyymmdd, yyyymm, yyyy) or packed; month and day may be unknown. FormatError for what is
    none, an empty one or a wholly unknown one among them.
    """
    text = digits(value, 8)
    found = re.fullmatch(r"([0-9]{4})([0-9<Xx? -]{2})?([0-9<Xx? -]{2})?", text)
    if found is None or found[1] == "0000":
        raise FormatError("a date that cannot be read", length=len(value))
    month, day = (None if part is None or not part.strip(_UNKNOWN) else part for part in (found[2], found[3]))
    try:
        if (month is None and day is not None) or not f"{month or 0}{day or 0}".isdigit():
            raise ValueError
        if month is None or day is None:
            return PartialDate(int(found[1]), None if month is None else int(month))
        return dt.date(int(found[1]), int(month), int(day))
    except (ValueError, ParameterError):
        raise FormatError("a date that cannot be read", length=len(value)) from None


def parse_time(value: bytes) -> dt.datetime:
    """The date and time in characters, yyyymmddhhmmss, or packed. FormatError for what is none."""
    text = digits(value, 14)
    try:
        if re.fullmatch(r"[0-9]{14}", text):
            return dt.datetime.strptime(text, "%Y%m%d%H%M%S")
    except ValueError:
        pass
    raise FormatError("a time that cannot be read", length=len(value))


def written(value: dt.date) -> bytes:
    """A date as it is to be written: yyyymmdd in characters."""
    return f"{value.year:04d}{value.month:02d}{value.day:02d}".encode("ascii")
