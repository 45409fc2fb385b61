"""The register's rules, the run's state, the audit trail, the locks."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cccd_core.errors import BusyError, FileError, StateError
from cccd_core.issuance import runstate
from cccd_core.issuance.audit import Audit, verify_audit
from cccd_core.issuance.register import ACCEPTED, SUPERSEDED, VERIFIED, Acceptance, Register, new_person_id
from cccd_core.issuance.report import write_whole
from cccd_core.issuance.runstate import Entry, RunState
from cccd_core.storage.lock import exclusive

DAY = date(2026, 11, 1)


def acceptance(dossier: str = "D1", number: str = "1", **changes: Any) -> Acceptance:
    values: dict[str, Any] = {
        "person_id": new_person_id(dossier, number),
        "run": "r1",
        "digest": "sha256:a",
        "issue_date": DAY,
        "expiry_date": None,
    }
    return Acceptance(dossier, number, **{**values, **changes})


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(tmp_path / "register.sqlite")


def test_a_card_from_acceptance_to_its_successor(register: Register) -> None:
    register.accept([acceptance()])
    register.accept([acceptance()])
    (card,) = register.cards()
    assert (card.state, card.serial, card.issue_date, card.expiry_date) == (ACCEPTED, None, DAY, None)
    assert register.under_way("1") == card
    assert register.person_of("1") == new_person_id("D1", "1")
    assert register.dossier_of(new_person_id("D1", "1")) == "D1"
    register.verify("D1", "1", "AA", "r1")
    register.verify("D1", "1", "AA", "r1")
    assert register.under_way("1") is None
    register.accept([acceptance("D2", person_id=new_person_id("D1", "1"))])
    register.verify("D2", "1", "BB", "r1")
    assert [(card.dossier_id, card.state, card.serial) for card in register.cards()] == [
        ("D1", SUPERSEDED, "AA"),
        ("D2", VERIFIED, "BB"),
    ]


def test_what_the_register_forbids(register: Register) -> None:
    register.accept([acceptance(), acceptance("D3", "3")])
    before = register.cards()
    with pytest.raises(StateError, match="other contents"):
        register.accept([acceptance(digest="sha256:b")])
    with pytest.raises(StateError, match="another person"):
        register.accept([acceptance("D2")])
    with pytest.raises(StateError, match="rule"):  # two cards of one number under way
        register.accept([acceptance("D2", person_id=new_person_id("D1", "1"))])
    with pytest.raises(StateError, match="never accepted"):
        register.verify("D9", "1", "AA", "r1")
    with pytest.raises(StateError, match="another run"):
        register.verify("D1", "1", "AA", "r2")
    assert register.cards() == before
    register.verify("D1", "1", "AA", "r1")
    with pytest.raises(StateError, match="another card"):
        register.verify("D1", "1", "BB", "r1")
    with pytest.raises(StateError, match="rule"):  # one serial for two people
        register.verify("D3", "3", "AA", "r1")


def test_acceptance_is_all_or_nothing(register: Register) -> None:
    register.accept([acceptance()])
    with pytest.raises(StateError):
        register.accept([acceptance("D2", "2"), acceptance("D3", "1")])
    assert [card.dossier_id for card in register.cards()] == ["D1"]
    assert register.person_of("2") is None


def test_an_unfinished_card_is_taken_over_a_finished_one_is_not(register: Register) -> None:
    register.accept([acceptance(), acceptance("D2", "2")])
    register.verify("D1", "1", "AA", "r1")
    for card in register.cards():
        register.take_over(card, "r2")
    assert [card.run for card in register.cards()] == ["r1", "r2"]


def test_a_number_re_established_supersedes_the_former_card(register: Register) -> None:
    register.accept([acceptance()])
    register.verify("D1", "1", "AA", "r1")
    register.accept([acceptance("D2", "2", person_id=new_person_id("D1", "1"), replaces="1")])
    register.verify("D2", "2", "BB", "r1")
    assert [card.state for card in register.cards()] == [SUPERSEDED, VERIFIED]


def test_the_databases_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    first = Register(path).register_id
    assert Register(path).register_id == first
    with pytest.raises(StateError, match="not a database of this kind"):
        RunState(path)
    (tmp_path / "text").write_text("no database " * 100, encoding="utf-8")
    with pytest.raises(FileError):
        Register(tmp_path / "text")
    connection = sqlite3.connect(tmp_path / "foreign.sqlite")
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()
    with pytest.raises(StateError):
        Register(tmp_path / "foreign.sqlite")
    with pytest.raises(FileError):
        Register(tmp_path / "text" / "below.sqlite")


def test_the_run_state_keeps_what_it_is_told(tmp_path: Path) -> None:
    state = RunState(tmp_path / "run.sqlite")
    state.begin(day=DAY, register_id="g", facts={"reader": "memory"})
    state.begin(day=date(2030, 1, 1), register_id="g", facts={})
    assert state.day == DAY
    with pytest.raises(StateError, match="another gallery"):
        state.begin(day=DAY, register_id="other", facts={})
    state.add(["b", "a"])
    state.add(["a", "b", "c"])
    assert [entry.dossier_id for entry in state.entries()] == ["b", "a", "c"]
    with pytest.raises(StateError, match="another batch"):
        state.add(["x"])
    entry = Entry("a", runstate.REJECTED, "number_sex", "sha256:1", None, False, False, ["w"], {"k": [1, "ế"]})
    state.record([entry], {"check": 1.5})
    state.record([], {"check": 0.25, "search": 1.0})
    again = RunState(tmp_path / "run.sqlite")
    assert again.entries(runstate.REJECTED) == [entry]
    assert again.ids(runstate.RECEIVED) == {"b", "c"}
    assert again.seconds() == {"check": 1.75, "search": 1.0}
    with pytest.raises(StateError, match="never received"):
        state.record([Entry("z", runstate.FAILED)])
    state.record([Entry("b", runstate.VERIFIED, card_serial="AA")])
    with pytest.raises(StateError, match="rule"):
        state.record([Entry("c", runstate.VERIFIED, card_serial="AA")])
    assert state.get_json("m") is None
    state.put_json("m", {"a": 1})
    state.put_json("m", {"a": 2})
    assert state.get_json("m") == {"a": 2}


def test_the_audit_trail_notices_every_change(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    entries = [Entry("a", runstate.VERIFIED, card_serial="AA"), Entry("b", runstate.REJECTED, "number_sex")]
    Audit(path, "r1").append(entries[:1])
    trail = Audit(path, "r1")
    trail.append(entries)
    trail.append(entries)
    assert verify_audit(path, "r1") == 2
    lines = path.read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["dossier"] for line in lines] == ["a", "b"]
    spoiled = [
        [lines[1]],
        [lines[1], lines[0]],
        [lines[0], lines[0]],
        [lines[0].replace(b'"AA"', b'"AB"'), lines[1]],
        [lines[0], b"{}\n"],
        [b"[]\n", lines[1]],
        [b"\xff\n", lines[1]],
    ]
    for change in spoiled:
        path.write_bytes(b"".join(change))
        with pytest.raises(StateError, match="was changed"):
            verify_audit(path, "r1")
    path.write_bytes(b"".join(lines))
    with pytest.raises(StateError):
        verify_audit(path, "r2")


def test_a_torn_last_line_of_the_audit_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    entries = [Entry(name, runstate.VERIFIED, card_serial=name) for name in "abc"]
    Audit(path, "r1").append(entries)
    whole = path.read_bytes()
    start = whole[: whole.rstrip().rfind(b"\n") + 1]
    for cut in range(len(start) + 1, len(whole), 37):
        path.write_bytes(whole[:cut])
        Audit(path, "r1").append(entries)
        assert verify_audit(path, "r1") == 3


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    lock = tmp_path / "x" / "lock"
    with exclusive(lock, "thing"), pytest.raises(BusyError, match="using the thing"), exclusive(lock, "thing"):
        pass
    with exclusive(lock, "thing"):
        pass


def test_a_report_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    write_whole(path, b"first")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    write_whole(path, b"first")  # nothing to do
    with pytest.raises(FileError, match="cannot be written"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"
