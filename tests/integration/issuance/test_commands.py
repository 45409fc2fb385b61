"""cccd batch and cccd issue as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from cccd_core.cli.common import run
from cccd_core.cli.main import build
from support import dossiers
from support.issuing import Office, fingers_of
from support.parquet import as_parquet


def cccd(*arguments: str | Path) -> int:
    return run(build(), [str(argument) for argument in arguments])


def test_batch_schema_is_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert cccd("batch", "schema") == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(dossiers.document(), schema)
    assert "number_structure" in schema["x-reasons"]
    assert "too_few_fingers" in schema["x-reasons"]


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_batch_check(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    dossiers.put(tmp_path / "batch", "D1", seed=1)
    sound = tmp_path / "batch" if form == "folder" else as_parquet(tmp_path / "batch", tmp_path / "b.parquet")
    assert cccd("batch", "check", sound) == 0
    assert "1 dossier, 1 sound" in capsys.readouterr().out
    dossiers.put(tmp_path / "batch", "D2", dossiers.document(2, personal_number="12", note=1), seed=2)
    spoiled = tmp_path / "batch" if form == "folder" else as_parquet(tmp_path / "batch", tmp_path / "b.parquet")
    assert cccd("batch", "check", spoiled, "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["rejected"] == {"number_structure": 1}
    assert ("D2", "personal_number", "number_structure", "error") in {
        (one["dossier"], one["field"], one["reason"], one["severity"]) for one in said["problems"]
    }
    assert ("D2", "note", "unknown_field", "warning") in {
        (one["dossier"], one["field"], one["reason"], one["severity"]) for one in said["problems"]
    }
    assert cccd("batch", "check", spoiled) == 1
    assert "number_structure" in capsys.readouterr().out


def test_batch_check_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cccd("batch", "check", tmp_path / "nowhere") == 3
    assert "neither a folder nor a Parquet file" in capsys.readouterr().err


def test_issue(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.put("A1", 1)
    office.put("A2", 2, personal_number="12")
    later = dossiers.document(9, captured_at="2026-08-01T08:00:00+07:00")
    dossiers.put(office.batch(), "B1", later, fingers=fingers_of(1, again=True))
    path = as_parquet(office.batch(), office.folder / "batch.parquet")
    given = ("issue", path, "--gallery", office.gallery, "--pki", office.pki, "--out", office.out())
    assert cccd(*given, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads((office.out() / "report.json").read_text(encoding="utf-8"))
    assert (said["verified"], said["rejected"], len(said["duplicates"])) == (1, {"number_structure": 1}, 1)
    assert cccd(*given) == 0
    shown = capsys.readouterr().out
    assert "rejected: The personal number is not 12 digits" in shown
    assert "B1" in shown
    assert cccd(*given, "--reader", "no-such") == 0, "nothing is left to write"


def test_issue_without_a_pki(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.put("A1", 1)
    code = cccd(
        "issue", office.batch(), "--gallery", office.gallery, "--pki", office.folder / "none", "--out", office.out()
    )
    assert code == 3
    assert capsys.readouterr().err
