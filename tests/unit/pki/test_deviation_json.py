"""Deviations as people write them: what is wrong is told by its place and field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.errors import FormatError, ParameterError
from cccd_core.pki import authority, publish
from cccd_core.pki.deviation_list import read_deviations
from support.emrtd_samples import NOW

RIGHT = {"first_issued": "2026-01-01T00:00:00+07:00", "last_issued": "2026-02-01T00:00:00+07:00"}
HOW = [{"type": "mrz.wrong_check_digit"}]


def rows(**documents: object) -> bytes:
    sound = {"documents": {"document_type": "ID"}, "descriptions": HOW}
    return json.dumps([sound, {"documents": documents, "descriptions": HOW}]).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = pki.init(tmp_path_factory.mktemp("deviations") / "pki", now=NOW).path
    authority.add_list_signer(path, "deviation_list", now=NOW)
    return path


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"first_issued": "2026-01-01"}, "first_issued"),
        ({"last_issued": "2026-02-01T00:00:00"}, "last_issued"),
        ({"first_issued": "2027-01-01T00:00:00Z"}, "last_issued"),
        ({"first_issued": None}, "first_issued"),
        ({"last_issued": None}, "last_issued"),
    ],
)
def test_times_without_a_zone_or_an_end_name_their_field(changed: dict[str, object], field: str, folder: Path) -> None:
    deviations = read_deviations(rows(**{**RIGHT, **changed}))
    with pytest.raises(ParameterError) as refused:
        publish.deviation_list(folder, deviations, now=NOW)
    assert (refused.value.facts["field"], refused.value.facts["deviation"]) == (field, 1)
    assert publish.deviation_list(folder, read_deviations(rows(**RIGHT)), now=NOW)


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (rows(first_issued="January"), "1.documents.first_issued", "not a time as ISO 8601 has it"),
        (rows(issuer="zz"), "1.documents.issuer", "not a text of hexadecimal digits"),
        (rows(document_numbers=[1]), "1.documents.document_numbers.0", "not a str"),
        (rows(colour="red"), "1.documents", "does not have"),
        (b'[{"documents": {}}]', "0.descriptions", "it is missing"),
        (b"{}", "", "not a list"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_place(data: bytes, field: str, words: str) -> None:
    with pytest.raises(FormatError, match=words) as refused:
        read_deviations(data)
    assert refused.value.facts["field"] == field
    for value in ("January", "zz", "red", "colour"):
        assert value not in str(refused.value)


def test_what_is_no_json() -> None:
    with pytest.raises(FormatError, match="not JSON"):
        read_deviations(b"deviations")
