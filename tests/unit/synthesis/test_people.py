"""Synthetic people: structure of names, numbers, dates."""

from __future__ import annotations

import unicodedata
from collections import Counter
from datetime import timedelta

import pytest

from cccd_core.country.provinces import PROVINCES
from cccd_core.country.renewal import expiry_date
from cccd_core.errors import ParameterError
from cccd_core.synthesis import names, people
from cccd_core.synthesis.people import AS_OF

CROWD = people(11, 4000)


def test_same_seed_same_people_whatever_their_number():
    assert people(11, 50) == CROWD[:50]
    assert people(12, 50) != CROWD[:50]
    assert people(11, 0) == []


def test_numbers_have_their_structure_and_come_once():
    assert len({p.personal_number for p in CROWD}) == len(CROWD)
    for p in CROWD:
        number = p.personal_number
        assert len(number) == 12
        assert number.isascii()
        assert number.isdigit()
        assert number[:3] == p.birth_province in PROVINCES
        century, female = divmod(int(number[3]), 2)
        assert century == p.birth_date.year // 100 - 19
        assert bool(female) == (p.sex == "F")
        assert int(number[4:6]) == p.birth_date.year % 100
    assert len({p.personal_number[6:] for p in CROWD}) == len(CROWD)


def test_old_numbers():
    old = [p.old_number for p in CROWD if p.old_number]
    assert len(set(old)) == len(old)
    assert 0.3 < len(old) / len(CROWD) < 0.7
    assert all(len(number) == 9 and number.isdigit() for number in old)
    assert all(p.birth_date.year < 2002 for p in CROWD if p.old_number)


def test_text_is_vietnamese_in_nfc():
    for p in CROWD:
        for text in (
            p.full_name,
            p.father,
            p.mother,
            p.spouse or "x",
            p.place_of_origin,
            p.place_of_residence,
            p.marks,
        ):
            assert text
            assert text == unicodedata.normalize("NFC", text)
            assert text == " ".join(text.split())
    assert any("ễ" in p.full_name for p in CROWD)


def test_names_follow_their_shares():
    kinh = [p for p in CROWD if p.ethnicity == "Kinh"]
    family = Counter(p.family_name for p in kinh)
    assert family["Nguyễn"] / len(kinh) == pytest.approx(0.384, abs=0.05)
    assert family.most_common(2)[1][0] == "Trần"
    assert len(kinh) / len(CROWD) == pytest.approx(0.87, abs=0.04)
    middle = {sex: Counter(p.middle_name.split(" ")[0] for p in kinh if p.sex == sex) for sex in "MF"}
    assert middle["M"].most_common(1)[0][0] == "Văn"
    assert middle["F"].most_common(1)[0][0] == "Thị"
    assert "Thị" not in middle["M"]
    assert "Văn" not in middle["F"]
    assert sum(p.sex == "F" for p in CROWD) / len(CROWD) == pytest.approx(0.5, abs=0.04)
    assert all(p.father.startswith(p.family_name) for p in kinh)


def test_highland_names_end_with_the_clan():
    highland = [p for p in CROWD if p.ethnicity in names.HIGHLAND_NAMES]
    assert highland
    for p in highland:
        assert p.full_name.endswith(p.family_name)
        assert p.full_name.startswith("Y " if p.sex == "M" else "H'")


def test_dates_fit_together():
    for p in CROWD:
        assert AS_OF - timedelta(days=90) < p.issue_date <= AS_OF
        assert p.birth_date < p.issue_date
        assert p.expiry_date == expiry_date(p.birth_date, p.issue_date)
        assert p.expiry_date is None or p.expiry_date > p.issue_date + timedelta(days=2 * 365)
        if p.spouse:
            assert p.birth_date.year <= AS_OF.year - 18


def test_too_many_people():
    for n in (-1, 1_000_001):
        with pytest.raises(ParameterError):
            people(1, n)
