"""Working days and deadlines against days that were worked out by hand."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from cccd_core.country.holidays import KNOWN, Calendar, parse
from cccd_core.errors import ParameterError, UnavailableError


@pytest.mark.parametrize(
    ("received", "last"),
    [
        ("2026-11-02", "2026-11-11"),  # a Monday: the first working day is Tuesday
        ("2026-11-06", "2026-11-17"),  # a Friday
        ("2026-11-07", "2026-11-17"),  # a Saturday
        ("2026-02-10", "2026-02-26"),  # Tết lies between
        ("2025-04-23", "2025-05-06"),  # Saturday 26 April is worked, 30 April, 1 and 2 May are not
        ("2025-08-28", "2025-09-10"),
        ("2026-12-22", "2026-12-31"),
    ],
)
def test_deadlines(received: str, last: str) -> None:
    assert KNOWN.deadline(date.fromisoformat(received)) == date.fromisoformat(last)


def test_a_year_that_nobody_announced_is_named_and_not_guessed() -> None:
    with pytest.raises(UnavailableError) as caught:
        KNOWN.deadline(date(2026, 12, 23))
    assert caught.value.facts["year"] == 2027
    assert KNOWN.deadline_if_known(date(2026, 12, 23)) is None
    assert KNOWN.deadline_if_known(date(2026, 12, 22)) == date(2026, 12, 31)
    more = KNOWN.with_years(parse(json.dumps({"2027": {"off": ["2027-01-01"], "worked": [], "source": "x"}}).encode()))
    assert more.deadline(date(2026, 12, 23)) == date(2027, 1, 4)
    assert more.deadline(date(2026, 12, 22)) == date(2026, 12, 31)


def test_what_stands_in_the_years() -> None:
    for number, year in KNOWN.years.items():
        assert {day.year for day in year.off | year.worked} == {number}
        assert all(day.weekday() < 5 for day in year.off), "a weekend needs no holiday"
        assert all(day.weekday() >= 5 for day in year.worked)
        assert year.source
        days = [date(number, 1, 1) + timedelta(days=one) for one in range(365)]
        assert 245 < sum(map(KNOWN.is_working_day, days)) < 255
        fixed = [date(number, 1, 1), date(number, 4, 30), date(number, 5, 1), date(number, 9, 2)]
        assert not any(map(KNOWN.is_working_day, fixed))


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"[]", b"{", b"\xff", b'{"27": {}}', b'{"2027": {}}', b'{"2027": {"off": [], "worked": []}}',
        b'{"2027": {"off": ["2026-01-01"], "worked": [], "source": "x"}}',
        b'{"2027": {"off": ["2027-01-01"], "worked": ["2027-01-01"], "source": "x"}}',
        b'{"2027": {"off": [1], "worked": [], "source": "x"}}', b'{"2027": {"off": {}, "worked": [], "source": "x"}}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_file_that_is_none(wrong: bytes) -> None:
    with pytest.raises(ParameterError):
        parse(wrong)


def test_nothing_is_known_without_a_year() -> None:
    assert Calendar({}).deadline_if_known(date(2026, 1, 1)) is None
