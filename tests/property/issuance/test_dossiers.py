"""Whatever stands in dossier.json, the parser ends with a dossier or with problems that have a word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.country import personal_number
from cccd_core.country.provinces import PROVINCES
from cccd_core.country.renewal import RENEWAL_AGES, age_on, birthday, expiry_date
from cccd_core.issuance.dossiers import schema
from cccd_core.issuance.dossiers.check import check_dossier
from cccd_core.issuance.dossiers.dossier import Dossier, DossierParser, decode
from cccd_core.issuance.dossiers.folder import FingerFile, RawDossier
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.reasons import DossierError, Fault, Oddity
from cccd_core.synthesis import people

DAY = date(2026, 11, 1)
POLICY = CheckPolicy()
SCHEMA = jsonschema.Draft202012Validator(schema.json_schema())

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner))
VALUES = st.one_of(
    JSON,
    st.sampled_from(["M", "F", "new", "exchange", "lost", "VNM", "001088000001", "1988-05-17", "500"]),
    st.dates().map(str),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.fixed_dictionaries({}, optional={"dpi": st.integers(), "height_px": st.integers(), "missing": st.text()}),
    st.dictionaries(st.integers(0, 12).map(str), st.dictionaries(st.sampled_from(["dpi", "missing", "note"]), SCALARS)),
)
DOCUMENTS = st.dictionaries(st.sampled_from([*schema.BY_NAME, "other"]), VALUES)


def parse(fields: Mapping[str, Any]) -> tuple[Dossier | None, DossierParser]:
    parser = DossierParser("D1", fields, today=DAY, policy=POLICY)
    return parser.parse(), parser


@given(DOCUMENTS)
def test_any_document_ends_in_a_dossier_or_in_problems(fields: dict[str, Any]) -> None:
    dossier, parser = parse(fields)
    wrong = [problem for problem in parser.problems if problem.severity == "error"]
    assert (dossier is None) == bool(wrong)
    assert all(problem.reason in list(Fault) for problem in wrong)
    assert all(p.reason in list(Oddity) for p in parser.problems if p.severity == "warning")
    json.dumps([problem.as_dict() for problem in parser.problems]).encode("utf-8")


@given(DOCUMENTS)
def test_the_schema_accepts_every_dossier_that_the_parser_accepts(fields: dict[str, Any]) -> None:
    sound = {"personal_number": "001088000001", "full_name": "An", "birth_date": "1988-05-17", "sex": "M"}
    merged = sound | {name: value for name, value in fields.items() if name not in sound}
    dossier, _ = parse(merged)
    if dossier is not None:
        emptied = {name: value for name, value in merged.items() if value != ""}
        assert SCHEMA.is_valid(emptied), [error.message for error in SCHEMA.iter_errors(emptied)]


@given(st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_decode_to_an_object_or_raise_our_error(data: bytes) -> None:
    try:
        document = decode(data)
    except DossierError as error:
        reason = error.fault
    else:
        reason = None
        assert isinstance(document, dict)
    assert reason is None or reason in list(Fault)


@given(DOCUMENTS, st.binary(max_size=100))
def test_any_raw_dossier_is_checked_without_an_error_of_ours(fields: dict[str, Any], data: bytes) -> None:
    raw = RawDossier("D1", fields, {2: FingerFile("2.fmr", "fmr", data)}, data or None, (), data)
    checked = check_dossier(raw, day=DAY, policy=POLICY)
    assert checked.reason in list(Fault)
    assert checked.sound is None


@given(
    st.sampled_from(sorted(PROVINCES)),
    st.sampled_from("MF"),
    st.dates(date(1900, 1, 1)),
    st.integers(0, 999999),
)
def test_a_number_says_what_it_was_made_from(place: str, sex: Any, born: date, rest: int) -> None:
    if born.year >= 2400:
        return
    text = f"{place}{personal_number.century_sex_digit(sex, born)}{born.year % 100:02d}{rest:06d}"
    number = personal_number.parse(text)
    assert number is not None
    assert (number.place, number.sex, number.birth_year) == (place, sex, born.year)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 36500))
def test_a_card_lasts_to_a_renewal_age_more_than_two_years_away(born: date, days: int) -> None:
    issued = born + timedelta(days=days)
    ends = expiry_date(born, issued)
    if ends is None:
        assert age_on(born, issued) >= 58
        return
    age = next(age for age in RENEWAL_AGES if birthday(born, age) == ends)
    assert issued < birthday(born, age - 2)
    assert all(issued >= birthday(born, earlier - 2) for earlier in RENEWAL_AGES if earlier < age)


def test_synthetic_people_are_sound() -> None:
    for index, person in enumerate(people(7, 300)):
        fields = {
            "personal_number": person.personal_number,
            "full_name": person.full_name,
            "birth_date": person.birth_date.isoformat(),
            "sex": person.sex,
            "ethnicity": person.ethnicity,
            "religion": person.religion,
            "place_of_origin": person.place_of_origin,
            "place_of_residence": person.place_of_residence,
            "marks": person.marks,
            "father": person.father,
            "mother": person.mother,
            "spouse": person.spouse,
            "old_number": person.old_number,
            "issue_date": person.issue_date.isoformat(),
            "expiry_date": None if person.expiry_date is None else person.expiry_date.isoformat(),
        }
        dossier, parser = parse(fields)
        assert parser.problems == [], index
        assert dossier is not None
        assert dossier.expiry_date == person.expiry_date


def test_the_reference_page_names_every_field_and_reason() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "dossier.md").read_text(encoding="utf-8")
    missing = [word for word in [*schema.BY_NAME, *Fault, *Oddity] if f"`{word}`" not in page]
    assert missing == []
