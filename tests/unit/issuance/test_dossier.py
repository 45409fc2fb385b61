"""dossier.json: the schema, and what the parser makes of it."""

from __future__ import annotations

import json
import unicodedata
from datetime import date
from typing import Any

import jsonschema
import pytest

from cccd_core.issuance.dossiers import schema
from cccd_core.issuance.dossiers.dossier import Dossier, DossierParser, decode
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.reasons import DossierError, Fault, Oddity
from support.dossiers import document

DAY = date(2026, 11, 1)


def parse(fields: dict[str, Any], day: date = DAY) -> tuple[Dossier | None, dict[str, str]]:
    parser = DossierParser("D1", fields, today=day, policy=CheckPolicy())
    dossier = parser.parse()
    return dossier, {problem.field: problem.reason for problem in parser.problems}


def test_the_smallest_dossier_has_four_fields() -> None:
    fields = {name: document()[name] for name in ("personal_number", "full_name", "birth_date", "sex")}
    jsonschema.validate(fields, schema.json_schema())
    dossier, problems = parse(fields)
    assert problems == {}
    assert dossier is not None
    assert (dossier.kind, dossier.nationality, dossier.issue_date) == ("new", "VNM", DAY)
    assert dossier.expiry_date == date(2048, 5, 17)
    assert set(fields) == set(schema.REQUIRED)


def test_the_schemas_own_example_is_sound() -> None:
    example = schema.example()
    jsonschema.validate(example, schema.json_schema())
    assert example["expiry_date"] == "2042-05-17"
    dossier, problems = parse({**example, "dossier_id": "D1"})
    assert dossier is not None
    assert problems == {}


def test_every_field_and_reason_is_explained() -> None:
    said = schema.json_schema()
    jsonschema.Draft202012Validator.check_schema(said)
    assert all(len(rule["description"]) > 10 for rule in said["properties"].values())
    assert set(said["x-reasons"]) == set(Fault)
    assert len(schema.GROUNDS["exchange"]) == 7
    fingers = {f"finger_{what}{i}" for what in ("", "image_") for i in range(1, 11)}
    assert set(said["x-parquet-columns"]) == {*schema.BY_NAME, "portrait", "unplaced", "unplaced_images", *fingers}


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"personal_number": "00108800001"}, "personal_number", "number_structure"),
        ({"personal_number": "003088000001"}, "personal_number", "number_structure"),
        ({"personal_number": 1088000001}, "personal_number", "field_type"),
        ({"personal_number": ""}, "personal_number", "field_missing"),
        ({"personal_number": "001188000001"}, "personal_number", "number_sex"),
        ({"personal_number": "001089000001"}, "personal_number", "number_birth_year"),
        ({"personal_number": "001288000001"}, "personal_number", "number_birth_year"),
        ({"sex": "Nam"}, "sex", "field_value"),
        ({"sex": None}, "sex", "field_missing"),
        ({"full_name": "  "}, "full_name", "field_missing"),
        ({"full_name": "- . -"}, "full_name", "name_text"),
        ({"full_name": "Nguyễn ʗǃ"}, "full_name", "name_text"),
        ({"full_name": "Nguyễn Văn 3"}, "full_name", "name_text"),
        ({"full_name": "Иван Иванов"}, "full_name", "name_text"),
        ({"full_name": "Ðặng Văn An"}, "full_name", "name_text"),
        ({"father": "Ɖặng Văn An"}, "father", "name_text"),
        ({"place_of_origin": "Ðiện Bàn, Quảng Nam"}, "place_of_origin", "text_characters"),
        ({"place_of_residence": "Số ７, Hà Nội"}, "place_of_residence", "text_characters"),
        ({"full_name": "A" * 121}, "full_name", "field_length"),
        ({"full_name": ["Nguyễn"]}, "full_name", "field_type"),
        ({"mother": "Trần\x00Thị"}, "mother", "text_characters"),
        ({"religion": "\ud800"}, "religion", "text_characters"),
        ({"marks": "x\u202ey"}, "marks", "text_characters"),
        ({"birth_date": "1988-02-30"}, "birth_date", "date_value"),
        ({"birth_date": "17/05/1988"}, "birth_date", "date_value"),
        ({"birth_date": "1988-5-17"}, "birth_date", "date_value"),
        ({"birth_date": "２０２０-01-01"}, "birth_date", "date_value"),
        ({"birth_date": "2088-05-17", "personal_number": "001288000001"}, "birth_date", "date_in_future"),
        ({"issue_date": "2026-11-02"}, "issue_date", "date_in_future"),
        ({"issue_date": "1980-01-01"}, "issue_date", "date_order"),
        ({"issue_date": "2026-01-01"}, "issue_date", "date_order"),  # before it was captured
        ({"expiry_date": "2020-01-01"}, "expiry_date", "date_order"),
        ({"captured_at": "yesterday"}, "captured_at", "date_value"),
        ({"captured_at": "0001-01-01T00:00:00+14:00"}, "captured_at", "date_value"),
        ({"captured_at": "2027-01-01T00:00:00+07:00"}, "captured_at", "date_in_future"),
        ({"captured_at": "1987-01-01T00:00:00+07:00"}, "captured_at", "date_order"),
        ({"kind": "renew"}, "kind", "field_value"),
        ({"kind": "exchange"}, "grounds", "grounds"),
        ({"kind": "exchange", "grounds": "lost"}, "grounds", "grounds"),
        ({"grounds": "lost"}, "grounds", "grounds"),
        ({"old_number": "12345678"}, "old_number", "old_number"),
        ({"old_number": "001088000001"}, "old_number", "old_number"),
        ({"nationality": "LAO"}, "nationality", "field_value"),
        ({"fingers": {"11": {}}}, "fingers", "finger_position"),
        ({"fingers": {"2": {"missing": "lost"}}}, "fingers.2.missing", "field_value"),
        ({"fingers": {"2": []}}, "fingers.2", "field_type"),
        ({"fingers": []}, "fingers", "field_type"),
        ({"templates": {"dpi": 5}}, "templates.dpi", "field_value"),
        ({"templates": {"dpi": True}}, "templates.dpi", "field_type"),
        ({"templates": {"dpi": "500"}}, "templates.dpi", "field_type"),
        ({"dossier_id": "D2"}, "dossier_id", "dossier_id"),
    ],
)  # fmt: skip
def test_each_fault_is_named(changes: dict[str, Any], field: str, reason: str) -> None:
    dossier, problems = parse(document(1, **changes) | {k: v for k, v in changes.items() if v == ""})
    assert dossier is None
    assert problems.get(field) == reason
    assert reason in list(Fault)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"shoe_size": 43}, "shoe_size", "unknown_field"),
        ({"operator": "Nguyễn Thị Hạnh"}, "operator", "operator_unknown"),
        ({"full_name": unicodedata.normalize("NFD", "Nguyễn Văn Hòa")}, "full_name", "text_not_nfc"),
        ({"full_name": " Nguyễn  Văn\u00a0Hòa"}, "full_name", "text_spaces"),
        ({"expiry_date": "2030-01-01"}, "expiry_date", "expiry_not_by_rule"),
        ({"personal_number": "134088000001"}, "personal_number", "birthplace_code_unverified"),
        ({"fingers": {"3": {"colour": "red"}}}, "fingers.3.colour", "unknown_field"),
    ],
)
def test_what_is_odd_is_named_and_no_more(changes: dict[str, Any], field: str, reason: str) -> None:
    dossier, problems = parse(document(1, **changes))
    assert dossier is not None
    assert problems == {field: reason}
    assert reason in list(Oddity)


def test_text_comes_out_in_normal_form_c() -> None:
    dossier, _ = parse(document(1, full_name=unicodedata.normalize("NFD", "Nguyễn Văn Hòa")))
    assert dossier is not None
    assert dossier.full_name == "Nguyễn Văn Hòa"


def test_names_say_where_they_are_wrong() -> None:
    for name, why, place in [
        ("Trần An 7", "a sign that no name has", 8),
        ("Trần ǁ", "no letter of a name or text", 5),
        (" - ", "no letter", None),
    ]:
        parser = DossierParser("D1", document(1, full_name=name), today=DAY, policy=CheckPolicy())
        assert parser.parse() is None
        (problem,) = [problem for problem in parser.problems if problem.severity == "error"]
        assert (problem.facts["why"], problem.facts.get("position")) == (why, place)


@pytest.mark.parametrize("name", ["H'Ƀliă Mlô", "Y Bhăm Ayŭn", "K’Brếu", "Đặng Thị Ươm", "Nguyễn-Lê A."])
def test_names_of_every_people_of_the_country(name: str) -> None:
    dossier, problems = parse(document(1, full_name=name))
    assert dossier is not None
    assert (dossier.full_name, problems) == (name, {})


def test_the_facts_say_what_is_wrong_with_a_number_or_a_text() -> None:
    def facts(**changes: str) -> Any:
        parser = DossierParser("D1", document(**changes), today=DAY, policy=CheckPolicy())
        assert parser.parse() is None
        return parser.problems[0].facts

    assert facts(personal_number="00108800001")["why"] == "another length"
    assert facts(personal_number="٠٠١088000001")["why"] == "not digits alone"
    assert facts(personal_number="999088000001")["why"] == "its first three digits are no place code"
    said = facts(full_name="Nguyễn\u200bAn")
    assert (said["position"], said["character"]) == (6, "U+200B")


def test_problems_hold_no_value_of_the_dossier() -> None:
    secret = {"full_name": "Trần Bí Mật 7", "personal_number": "987654321098", "father": "Mật\x01", "marks": "m" * 300}
    parser = DossierParser("D1", document(1, **secret), today=DAY, policy=CheckPolicy())
    parser.parse()
    said = json.dumps([problem.as_dict() for problem in parser.problems], ensure_ascii=False)
    assert len(parser.problems) == 4
    assert not any(value in said for value in ("Mật", "987654321098", "mmm"))


def test_order_of_decision() -> None:
    times = ["2026-02-27T09:00:00+07:00", "2026-02-27T03:00:00+00:00", None, "2026-02-27T09:00:00+07:00"]
    keys = []
    for name, time in zip("dbac", times, strict=True):
        parser = DossierParser(name, document(1, captured_at=time), today=DAY, policy=CheckPolicy())
        dossier = parser.parse()
        assert dossier is not None
        keys.append((dossier.order_key, name))
    assert [name for _, name in sorted(keys)] == ["c", "d", "b", "a"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "dossier_unreadable"),
        (b"\xff\xfe{}", "dossier_unreadable"),
        (b"[]", "dossier_unreadable"),
        (b'{"a": NaN}', "dossier_unreadable"),
        (b"[" * 60000, "dossier_unreadable"),
        (b'{"a":' * 9000, "dossier_unreadable"),
        (b'{"a": ' + b"9" * 5000 + b"}", "dossier_unreadable"),
        (b'{"sex": "M", "sex": "F"}', "field_repeated"),
        (b'{"fingers": {"1": {"dpi": 500, "dpi": 600}}}', "field_repeated"),
    ],
)
def test_bytes_that_are_no_dossier(data: bytes, reason: str) -> None:
    with pytest.raises(DossierError) as error:
        decode(data)
    assert error.value.fault == reason


def test_a_byte_order_mark_is_let_pass() -> None:
    assert decode(b'\xef\xbb\xbf{"sex": "M"}') == {"sex": "M"}
