"""The personal number, the provinces, the renewal rule."""

from __future__ import annotations

import json
import unicodedata
from datetime import date
from pathlib import Path

import pytest

from cccd_core.country.personal_number import century_sex_digit, compose, parse
from cccd_core.country.provinces import MUNICIPALITIES, PROVINCES
from cccd_core.country.renewal import age_on, birthday, expiry_date


def test_parts_of_a_number() -> None:
    number = parse("079302123456")
    assert number is not None
    assert (number.place, number.sex, number.birth_year, number.place_known) == ("079", "F", 2002, True)


@pytest.mark.parametrize(
    "text", ["", "07930212345", "0793021234567", "07930212345x", "٠٧٩٣٠٢١٢٣٤٥٦", "003302123456", "097302123456",
             "000302123456", "400302123456", "999302123456", "079 02123456"],
)  # fmt: skip
def test_wrong_structure(text: str) -> None:
    assert parse(text) is None


def test_a_country_code_is_taken_but_not_known() -> None:
    number = parse("134302123456")
    assert number is not None
    assert not number.place_known


@pytest.mark.parametrize(
    ("sex", "year", "digit"), [("M", 1999, 0), ("F", 1999, 1), ("M", 2000, 2), ("F", 2099, 3), ("M", 2100, 4)]
)
def test_century_sex_digit(sex: str, year: int, digit: int) -> None:
    assert century_sex_digit(sex, date(year, 1, 1)) == digit  # type: ignore[arg-type]


def test_a_number_is_put_together_as_it_is_taken_apart() -> None:
    number = compose("079", "F", date(2024, 1, 1), 42)
    assert number == "079324000042"
    parts = parse(number)
    assert parts is not None
    assert (parts.place, parts.sex, parts.birth_year) == ("079", "F", 2024)


@pytest.mark.vectors
def test_provinces_are_those_of_the_circular(vectors: Path) -> None:
    published = json.loads((vectors / "vn_cccd_layout.json").read_text(encoding="utf-8"))["province_codes_2016"]
    plain = {
        code: unicodedata.normalize("NFD", name).replace("Đ", "D").replace("đ", "d").encode("ascii", "ignore").decode()
        for code, name in PROVINCES.items()
    }
    assert plain == published
    assert len(PROVINCES) == 63
    assert set(PROVINCES) > MUNICIPALITIES


@pytest.mark.parametrize(
    ("born", "issued", "expires"),
    [
        (date(2015, 6, 1), date(2020, 1, 1), date(2029, 6, 1)),  # a child: to 14
        (date(2000, 6, 1), date(2022, 5, 31), date(2025, 6, 1)),  # the day before the two years
        (date(2000, 6, 1), date(2023, 6, 1), date(2040, 6, 1)),  # on their first day: carried over
        (date(2000, 6, 1), date(2025, 6, 1), date(2040, 6, 1)),
        (date(1980, 3, 3), date(2026, 1, 1), date(2040, 3, 3)),
        (date(1968, 3, 3), date(2026, 3, 2), date(2028, 3, 3)),  # one day short of 58
        (date(1968, 3, 3), date(2026, 3, 3), None),
        (date(1950, 3, 3), date(2026, 3, 3), None),
        (date(2012, 2, 29), date(2020, 3, 3), date(2026, 2, 28)),
    ],
)
def test_expiry_by_the_renewal_ages(born: date, issued: date, expires: date | None) -> None:
    assert expiry_date(born, issued) == expires


def test_birthday_and_age_of_the_29th_of_february() -> None:
    assert birthday(date(2004, 2, 29), 14) == date(2018, 2, 28)
    assert age_on(date(2004, 2, 29), date(2018, 2, 27)) == 13
    assert age_on(date(2004, 2, 29), date(2018, 2, 28)) == 14
