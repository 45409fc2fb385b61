"""cccd register as it is typed, over both databases."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cccd_core.cli.common import run
from cccd_core.cli.main import build
from cccd_core.issuance.access import accounts
from cccd_core.issuance.access.roles import Role
from cccd_core.issuance.register.members import Member, Members
from support import dossiers
from support.register import PLACES, places

where = pytest.fixture(params=PLACES)(places)


class Typed:
    """Commands on one register, and what they print as JSON."""

    def __init__(self, where: Path | str, capsys: pytest.CaptureFixture[str]) -> None:
        self.where, self.capsys = where, capsys

    def __call__(self, *arguments: str | Path, code: int = 0) -> Any:
        words = ["register", *map(str, arguments), "--register", str(self.where)]
        self.capsys.readouterr()
        assert run(build("register"), [*words, "--json"]) == code
        return json.loads(self.capsys.readouterr().out or "null")

    def text(self, *arguments: str | Path, code: int = 0) -> str:
        """What is printed for people, on either stream."""
        self.capsys.readouterr()
        assert run(build("register"), ["register", *map(str, arguments), "--register", str(self.where)]) == code
        return "".join(self.capsys.readouterr())


@pytest.fixture
def typed(where: Path | str, capsys: pytest.CaptureFixture[str]) -> Typed:
    made = Typed(where, capsys)
    assert made("init")["new_units"] == 89
    return made


def test_a_batch_from_reception_to_its_end(typed: Typed, tmp_path: Path) -> None:
    batch = tmp_path / "batch"
    for number in (1, 2):
        dossiers.put(batch, f"D{number}", dossiers.document(number), seed=number)
    dossiers.put(batch, "D3", dossiers.document(3, kind="reissue", grounds="lost", unit="001"), seed=3)
    dossiers.put(batch, "D4", dossiers.document(4, personal_number="12"), seed=4)
    said = typed("receive", batch, "--actor", "desk 1", code=1)
    assert (said["new"], said["known"], said["without_unit"]) == (1, 0, ["D1", "D2"])
    assert [(one["dossier"], one["reason"]) for one in said["refused"]] == [("D4", "number_structure")]
    told = typed.text("receive", batch, "--actor", "desk 1", "--unit", "027-2025", "--shift", "2", code=1)
    assert "2 dossiers received, 1 there already" in told
    assert "number_structure" in told
    assert [one["dossier_id"] for one in typed("list", "--state", "received")] == ["D3", "D1", "D2"]
    assert [one["dossier_id"] for one in typed("list", "--unit", "027-2025")] == ["D1", "D2"]
    assert typed("move", "D1", "D2", "--to", "checked", "--actor", "check") == {"moved": 2}
    assert typed("move", "D1", "--to", "cancelled", "--actor", "x", "--order", "CV 7", "--after", "2") == {"moved": 1}
    shown = typed("show", "D1")
    assert (shown["dossier"]["unit_id"], shown["dossier"]["shift"]) == ("027-2025", "2")
    assert (shown["dossier"]["received"], shown["dossier"]["due"]) == ("2026-02-27", "2026-03-10")
    assert [(one["to"], one["order"]) for one in shown["events"]][-1] == ("cancelled", "CV 7")
    assert "Nguyễn" not in json.dumps(shown, ensure_ascii=False)
    assert "CV 7" in typed.text("show", "D1")
    assert "reissue: lost" in typed.text("list")
    found = typed("due", "--day", "2026-03-10", "--unit", "027-2025")
    assert {what: [one["dossier_id"] for one in of] for what, of in found.items()} == {
        "overdue": [], "due": ["D2"], "without_deadline": [],
    }  # fmt: skip
    assert "overdue: 1" in typed.text("due", "--day", "2026-03-11", "--unit", "027-2025", code=1)
    assert typed("verify") == {"faults": []}
    assert "nothing is wrong" in typed.text("verify")


def test_a_dossier_of_anothers_unit_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = Typed(tmp_path / "register.sqlite", capsys)
    typed("init")
    monkeypatch.setattr(accounts, "of_this_process", lambda: "chief")
    with closing(Members(tmp_path / "register.sqlite")) as members:
        members.give(Member("chief", Role.ADMINISTRATOR))
        members.give(Member("desk", Role.OPERATOR, "001"))
    monkeypatch.setattr(accounts, "of_this_process", lambda: "desk")
    batch = tmp_path / "batch"
    for number, unit in enumerate(("001", "004", "027", "004", "001"), 1):
        dossiers.put(batch, f"D{number}", dossiers.document(number, unit=unit), seed=number)
    said = typed("receive", batch, "--actor", "desk", code=1)
    assert (said["new"], said["other_unit"], said["other_dossier"]) == (2, ["D2", "D4", "D3"], [])
    assert "not this account's" in typed.text("receive", batch, "--actor", "desk", code=1)


def test_a_dossier_that_cannot_be_taken_in_stops_no_other(typed: Typed, tmp_path: Path) -> None:
    batch = tmp_path / "batch"
    for number in range(1, 6):
        dossiers.put(batch, f"D{number}", dossiers.document(number, unit="001"), seed=number)
    typed("receive", batch, "--actor", "desk 1")
    later = tmp_path / "later"
    dossiers.put(later, "D1", dossiers.document(1, unit="001", marks="Sẹo"), seed=1)  # another one than the register's
    dossiers.put(later, "D2", dossiers.document(2, unit="001"), seed=2)
    dossiers.put(later, "D3", dossiers.document(3, unit="004"), seed=3)
    dossiers.put(later, "D6", dossiers.document(6, unit="W9"), seed=6)
    dossiers.put(later, "D7", dossiers.document(7, unit="001"), seed=7)
    said = typed("receive", later, "--actor", "desk 1", code=1)
    assert (said["new"], said["known"], said["without_unit"]) == (1, 1, [])
    assert (said["unknown_unit"], said["other_dossier"]) == (["D6"], ["D1", "D3"])
    told = typed.text("receive", later, "--actor", "desk 1", code=1)
    assert "Hồ sơ cùng mã đã được nhận trước đây" in told
    assert "give it a new id" in told
    assert "0 dossiers received, 2 there already" in told
    assert "no such unit" in typed.text("receive", later, "--actor", "desk 1", "--unit", "W9", code=3)
    assert typed("verify") == {"faults": []}


def test_the_folders_on_the_way_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Typed(tmp_path / "office" / "gallery" / "register.sqlite", capsys)("init")["units"] == 89
    (tmp_path / "file").touch()
    assert "cannot be made" in Typed(tmp_path / "file" / "register.sqlite", capsys).text("init", code=3)


def test_a_corrected_dossier_comes_in_again(typed: Typed, tmp_path: Path) -> None:
    batch, later = tmp_path / "batch", tmp_path / "later"
    for number in range(1, 5):
        dossiers.put(batch, f"D{number}", dossiers.document(number, unit="001"), seed=number)
    typed("receive", batch, "--actor", "desk 1")
    typed("move", "D1", "D2", "--to", "rejected", "--actor", "run", "--reason", "name_text")
    typed("move", "D3", "--to", "rejected", "--actor", "an.hk", "--reason", "forged")
    for number, said in (1, {"marks": "Sẹo"}), (2, {"kind": "reissue", "grounds": "lost"}), (3, {"marks": "Sẹo"}):
        dossiers.put(later, f"D{number}", dossiers.document(number, unit="001", **said), seed=number)
    dossiers.put(later, "D4", dossiers.document(4, unit="001"), seed=4)
    said = typed("receive", later, "--actor", "desk 2", code=1)
    assert (said["new"], said["known"], said["again"]) == (0, 1, 1)
    assert (said["other_dossier"], said["by_hand"]) == (["D2"], ["D3"])
    shown = typed("show", "D1")
    assert shown["dossier"]["state"] == "received"
    assert shown["events"][-1]["reason"].startswith("taken_up_again sha256:")
    assert shown["events"][-1]["actor"] == "desk 2"
    told = typed.text("receive", later, "--actor", "desk 2", code=1)  # twice is once
    assert "0 dossiers received, 2 there already\n" in told
    assert "Somebody rejected the dossier in the register" in told
    assert typed("show", "D1")["dossier"]["sequence"] == 3
    # what was there first comes again: it is another one than the correction, and nobody rejected that
    assert typed("receive", batch, "--actor", "desk 2", code=1)["other_dossier"] == ["D1"]
    typed("move", "D1", "--to", "checked", "--actor", "run")
    assert typed("receive", later, "--actor", "desk 2", code=1)["known"] == 2
    # the same dossier from a counter of another unit is still the same dossier
    bare = tmp_path / "bare"
    dossiers.put(bare, "B1", dossiers.document(5), seed=5)
    assert typed("receive", bare, "--actor", "desk 2", "--unit", "004")["new"] == 1
    assert typed("receive", bare, "--actor", "desk 2", "--unit", "001")["known"] == 1
    assert [one["unit_id"] for one in typed("list") if one["dossier_id"] == "B1"] == ["004"]
    assert typed("verify") == {"faults": []}


def test_a_file_of_steps(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, path = tmp_path / "batch", tmp_path / "steps.csv"
    for number in (1, 2):
        dossiers.put(batch, f"D{number}", dossiers.document(number, unit="001"), seed=number)
    typed("receive", batch, "--actor", "desk")
    path.write_text("dossier_id,to,after\nD1,checked,1\nD2,checked,1\nD1,signed,2\nD2,searched,2\n")
    said = typed("record", path, "--actor", "import", code=1)
    assert (said["new"], said["known"], said["refused"]) == (3, 0, 1)
    (problem,) = said["problems"]
    assert (problem["line"], problem["dossier"], problem["kind"]) == (4, "D1", "conflict")
    told = typed.text("record", path, "--actor", "import", code=1)
    assert "0 steps recorded, 3 there already, 1 line refused" in told
    assert "a dossier does not go this way" in told
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"dossier_id":"D1","to":"searched","after":2}')))
    assert typed("record", "-", "--actor", "import")["new"] == 1
    path.write_text("who,what\n")
    assert "no header" in typed.text("record", path, code=2)
    assert "cannot be read" in typed.text("record", tmp_path / "none.csv", code=3)
    assert typed("verify") == {"faults": []}


def test_units_from_a_file(typed: Typed, tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("unit_id,level,name,parent\nW1,ward,Phường Một,001\n", encoding="utf-8")
    assert typed("units", path) == {"new_or_changed": 1}
    assert "0 units new or changed" in typed.text("units", path)
    (ward,) = [one for one in typed("units") if one["unit_id"] == "W1"]
    assert (ward["name"], ward["parent"], ward["verified"]) == ("Phường Một", "001", False)
    assert "Bắc Giang" in typed.text("units")
    path.write_text("unit_id,level,name,parent\nW2,ward,Hai,W9\n", encoding="utf-8")
    assert "stands under one that is not there" in typed.text("units", path, code=3)


def test_a_year_that_nobody_announced(typed: Typed, tmp_path: Path) -> None:
    batch, years = tmp_path / "batch", tmp_path / "2023.json"
    dossiers.put(batch, "D1", dossiers.document(1, captured_at="2023-06-01T09:00:00+07:00"), seed=1)
    years.write_text(json.dumps({"2023": {"off": ["2023-06-05"], "worked": [], "source": "a notice"}}))
    typed("receive", batch, "--actor", "desk", "--unit", "001")
    assert "not known" in typed.text("due", "--day", "2023-06-13", code=1)
    found = typed("due", "--day", "2023-06-13", "--holidays", years)
    assert [(one["dossier_id"], one["due"]) for one in found["due"]] == [("D1", "2023-06-13")]
    assert typed("due", "--day", "2023-06-13")["without_deadline"] == []
    years.write_text("{}[")
    assert "file of holidays" in typed.text("due", "--holidays", years, code=2)


def test_what_is_refused(typed: Typed, where: Path | str) -> None:
    assert "a state is one of" in typed.text("list", "--state", "lost", code=2)
    assert "YYYY-MM-DD" in typed.text("due", "--day", "tomorrow", code=2)
    assert "no dossier has this id" in typed.text("show", "D9", code=3)
    assert "no dossier has this id" in typed.text("move", "D9", "--to", "checked", "--actor", "x", code=3)
    assert "no such unit" in typed.text("list", "--unit", "W9", code=3)
    words = ["register", "verify", "--register", "-"]
    assert run(build("register"), words) == 2
    words[-1] = str(where) + "x" if isinstance(where, Path) else where.replace("/d", "/none_d")
    assert run(build("register"), words) == 3


def test_a_register_that_was_broken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "register.sqlite"
    typed = Typed(path, capsys)
    typed("init")
    dossiers.put(tmp_path / "batch", "D1", dossiers.document(1), seed=1)
    typed("receive", tmp_path / "batch", "--actor", "desk", "--unit", "001")
    with closing(sqlite3.connect(path, isolation_level=None)) as enemy:
        (rule,) = enemy.execute("SELECT sql FROM sqlite_master WHERE name = 'events_stay'").fetchone()
        enemy.execute("DROP TRIGGER events_stay")
        enemy.execute("UPDATE events SET time_us = 5")
        enemy.execute(rule)
    assert typed("verify", code=1)["faults"][0].startswith("dossier D1: ")


def test_fees_and_what_an_inspection_finds(typed: Typed, tmp_path: Path) -> None:
    batch = tmp_path / "batch"
    for number in (1, 2):
        dossiers.put(
            batch, f"D{number}", dossiers.document(number, kind="reissue", grounds="lost", unit="001"), seed=number
        )
    typed("receive", batch, "--actor", "desk 1")
    paid = ("fee", "D1", "--dong", "500000", "--receipt", "R1", "--actor", "desk 1")
    assert (typed(*paid), typed(*paid)) == ({"recorded": 1}, {"recorded": 0})
    assert "dong for D2" in typed.text("fee", "D2", "--dong", "0", "--exempt", "poor household", "--actor", "desk 1")
    assert "money has a receipt" in typed.text("fee", "D2", "--dong", "5", "--actor", "desk 1", code=2)
    assert "no dossier has this id" in typed.text("fee", "D9", "--dong", "5", "--receipt", "R9", "--actor", "x", code=3)
    found = typed("inspect", "--unit", "001")
    (one,) = [each for each in found["findings"] if each["kind"] == "fee_off_tariff"]
    assert (one["unit"], one["actor"], one["numbers"]["paid"], one["numbers"]["exempt"]) == ("001", "desk 1", 500000, 1)
    told = typed.text("inspect", "--unit", "001")
    assert "thu sai biểu lệ phí 1 trên 2 hồ sơ" in " ".join(told.split())
    assert "tariff was not verified" in told
    rate = {"kind": "reissue", "grounds": "lost", "dong": [500000], "begins": "2026-01-01", "ends": None, "source": "s"}
    (tmp_path / "tariff.json").write_text(json.dumps({"rates": [rate]}))
    assert "fee_off_tariff" not in str(typed("inspect", "--tariff", tmp_path / "tariff.json"))
    assert "the file is no tariff" in typed.text("inspect", "--tariff", batch / "D1" / "dossier.json", code=2)
    assert "hours are written" in typed.text("inspect", "--night", "dusk", code=2)
    assert typed("inspect", "--from", "2020-01-01", "--to", "2020-01-02")["findings"] == []
    assert "no such unit" in typed.text("inspect", "--unit", "nowhere", code=3)
