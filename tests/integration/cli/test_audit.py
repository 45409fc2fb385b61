"""cccd audit, over the trail of a real run."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cccd_core import pki
from cccd_core.cli import common
from cccd_core.cli.main import build
from cccd_core.issuance.audit import places
from cccd_core.issuance.audit.entry import Actor, Entry, Kind, Role
from support.issuing import Office


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, country: Path) -> Path:
    """The folder of a run of two dossiers, one of them with a fault, and its anchor."""
    office = Office(tmp_path_factory.mktemp("audited"), country)
    office.put("A1", 1)
    office.put("A2", 2, sex="F")
    words = [
        "issue", office.batch(), "--gallery", office.gallery, "--pki", country, "--out", office.out(), "--anchor",
        office.folder / "anchors", "--actor", "factory-7", "--order", "118/QĐ", "--trail", office.folder / "acts.jsonl",
        "--json",
    ]  # fmt: skip
    assert common.run(build("issue"), list(map(str, words))) == 0
    return office.folder


@pytest.fixture
def audited(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made, tmp_path / "audited")
    return tmp_path / "audited"


def test_a_sound_trail(audited: Path, country: Path, cccd: Any) -> None:
    trail = audited / "out" / "audit.jsonl"
    run = json.loads((audited / "out" / "report.json").read_text())["run"]["id"]
    verify = ("audit", "verify", trail, "--pki", country, "--anchor", audited / "anchors", "--of", run)
    code, out, _ = cccd(*verify)
    assert code == 0
    assert "the trail holds: 2 entries" in out
    assert "anchor or a code bears out: 2" in out
    code, out, _ = cccd(*verify, "--json")
    found = json.loads(out)
    assert (code, found["sound"], found["signed"], found["anchored"], found["first"]) == (0, True, 2, 2, None)
    certificate = pki.load(country).audit_signers[-1].certificate.der
    (audited / "key.der").write_bytes(certificate)
    assert cccd("audit", "verify", trail, "--certificate", audited / "key.der", "--code", found["code"])[0] == 0
    code, out, _ = cccd("audit", "verify", trail, "--language", "vi")
    assert code == 4
    assert "nhật ký nguyên vẹn: 2 mục" in out
    assert "chưa kiểm tra chữ ký" in out


def test_a_run_is_told_to_the_offices_trail_with_the_state_of_its_own(audited: Path, cccd: Any) -> None:
    shown = json.loads(cccd("audit", "show", audited / "acts.jsonl", "--json")[1])["entries"]
    assert [(one["what"], one["actor"], one.get("order")) for one in shown] == [
        ("issue", "factory-7", "118/QĐ"), ("done", "factory-7", None),
    ]  # fmt: skip
    code = str(shown[1]["reason"]).removeprefix("trail ")
    found = json.loads(cccd("audit", "verify", audited / "out" / "audit.jsonl", "--code", code, "--json")[1])
    assert (shown[1]["count"], found["anchored"]) == (2, 2)


def test_what_is_wrong_is_named(audited: Path, country: Path, cccd: Any) -> None:
    trail = audited / "out" / "audit.jsonl"
    lines = trail.read_bytes().splitlines(keepends=True)
    verify = ("audit", "verify", trail, "--pki", country, "--anchor", audited / "anchors")
    trail.write_bytes(b"".join(lines).replace(b'"A1"', b'"A9"'))
    code, out, _ = cccd(*verify, "--json")
    assert code == 1
    assert [json.loads(out)["first"][name] for name in ("what", "entry")] == ["altered", 2]
    assert "entry 2: the entry was altered" in " ".join(cccd(*verify)[1].split())
    trail.write_bytes(b"".join(lines[:2]))
    code, out, _ = cccd(*verify)
    assert code == 1
    assert "entry 2: an anchor knows of more entries" in " ".join(out.split())
    assert cccd("audit", "verify", trail, "--pki", country)[0] == 0, "without an anchor nobody can tell"
    code, _, err = cccd("audit", "verify", trail, "--anchor", trail)
    assert code == 3
    assert "not an anchor of an audit trail" in err


def test_an_anchor_is_a_line_for_a_bulletin(audited: Path, country: Path, cccd: Any) -> None:
    trail, other = audited / "out" / "audit.jsonl", audited / "other"
    code, out, err = cccd("audit", "anchor", trail, "--anchor", other, "--pki", country)
    assert code == 0
    assert other.read_bytes() == (audited / "anchors").read_bytes()
    assert "entries 2, signed" in err
    assert cccd("audit", "verify", trail, "--pki", country, "--code", out.strip())[0] == 0
    code, _, err = cccd("audit", "verify", trail, "--code", "1234")
    assert code == 3
    assert "not the code of an audit trail" in err
    trail.write_bytes(trail.read_bytes().replace(b'"A2"', b'"A9"'))
    other.unlink()
    assert cccd("audit", "anchor", trail, "--anchor", other)[0] == 1
    assert not other.exists()


def test_a_trail_in_words(audited: Path, cccd: Any) -> None:
    trail = audited / "out" / "audit.jsonl"
    code, out, _ = cccd("audit", "show", trail, "--json")
    entries = json.loads(out)["entries"]
    assert code == 0
    assert [(one["dossier"], one["what"], one["actor"], one["order"]) for one in entries] == [
        ("A2", "rejected", "factory-7", "118/QĐ"),
        ("A1", "verified", "factory-7", "118/QĐ"),
    ]
    day = entries[0]["at"][:10]
    for options, count in (
        (["--dossier", "A1"], 1), (["--actor", "nobody"], 0), (["--kind", "dossier"], 2), (["--kind", "search"], 0),
        (["--day", "2001-01-01"], 0), (["--actor", "factory-7"], 2),
    ):  # fmt: skip
        assert len(json.loads(cccd("audit", "show", trail, "--json", *options)[1])["entries"]) == count, (options, day)
    assert cccd("audit", "show", trail, "--kind", "gossip")[0] == 2
    shown = cccd("audit", "show", trail, "--language", "vi")[1]
    assert "hồ sơ" in shown
    assert "118/QĐ" in shown


def test_without_a_key_there_is_nothing_to_anchor(tmp_path: Path, cccd: Any) -> None:
    trail = tmp_path / "audit.jsonl"
    trail.write_bytes((Path(__file__).parents[2] / "vectors" / "audit_v1.jsonl").read_bytes())
    assert cccd("audit", "verify", trail)[0] == 4
    code, _, err = cccd("audit", "anchor", trail)
    assert code == 3
    assert "nothing to anchor" in err


def test_a_trail_in_a_database_is_named_sealed_and_demanded(tmp_path: Path, country: Path, cccd: Any) -> None:
    gallery, where, anchor = tmp_path / "gallery", tmp_path / "acts.sqlite", tmp_path / "anchors"
    gallery.mkdir()
    assert cccd("audit", "seal", where, "--pki", country)[0] == 3
    code, out, _ = cccd("audit", "demand", gallery, "--trail", where, "--json")
    assert (code, json.loads(out)["trail"]) == (0, str(where))
    code, _, err = cccd("audit", "demand", gallery, "--trail", tmp_path / "other.jsonl")
    assert (code, "another audit trail" in err) == (3, True)
    assert cccd("audit", "demand", gallery, "--trail", "-")[0] == 2
    code, _, err = cccd("audit", "seal", where, "--pki", country)
    assert (code, "nothing in this trail" in err) == (3, True)
    with places.trail_for(None, folder=gallery) as trail:
        assert trail is not None
        trail.append([Entry(Kind.SEARCH, "search", Actor("desk-1", Role.OPERATOR), person="P1", count=2)])
    code, out, _ = cccd("audit", "seal", where, "--pki", country, "--anchor", anchor)
    assert code == 0
    found = json.loads(cccd("audit", "verify", where, "--pki", country, "--anchor", anchor, "--json")[1])
    assert (found["sound"], found["signed"], found["anchored"], found["about"]) == (True, 1, 1, "acts")
    assert cccd("audit", "anchor", where, "--pki", country)[1] == out
    shown = json.loads(cccd("audit", "show", where, "--person", "P1", "--json")[1])["entries"]
    assert [(one["what"], one["count"], one["role"]) for one in shown] == [("search", 2, "operator")]
    assert "tra cứu vân tay" in cccd("audit", "show", where, "--language", "vi")[1]
    with closing(sqlite3.connect(where)) as raw:
        raw.execute("DROP TRIGGER no_change")
        raw.execute("UPDATE lines SET line = replace(line, 'desk-1', 'desk-2') WHERE place = 2")
        raw.commit()
    code, out, _ = cccd("audit", "verify", where, "--pki", country, "--json")
    assert (code, [one["what"] for one in json.loads(out)["findings"]][-1]) == (1, "unguarded")
    assert json.loads(out)["first"]["entry"] == 1
    assert cccd("audit", "verify", tmp_path / "none.jsonl")[0] == 3
