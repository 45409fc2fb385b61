"""The ledger keeps what was taken on and what came of it, so many answers and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from cccd_core.dedup.service import ledger as module
from cccd_core.dedup.service.ledger import KIND, LEDGER_FILE, Accepted, Ledger, Settled
from cccd_core.dedup.service.protocol import ToldError
from cccd_core.errors import BusyError, ConflictError, DamagedError
from cccd_core.storage.log import Log

DONE = Settled("done", {"fingers": 4})


def kept(ledger: Ledger, count: int, first: int = 0) -> None:
    for n in range(first, first + count):
        ledger.accept(Accepted(f"r{n}", "insert", b"d", f"A-{n}"), durable=False)
        ledger.settle(f"r{n}", DONE, durable=False)


def test_it_says_the_same_when_it_is_opened_again(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, "g")
    failed = Settled("failed", None, ToldError("busy", "wait", {"needs": "time"}), again=True)
    ledger.accept(Accepted("a", "delete", b"\1", "A-1", "order 7", 3), durable=True)
    ledger.accept(Accepted("b", "insert", b"\2", "A-2"), durable=True)
    ledger.settle("b", failed, durable=True)
    mark = ledger.digest(b"x", b"y")
    ledger.close()
    again = Ledger.open(tmp_path, "g")
    assert [entry.accepted for entry in again.open_entries()] == [Accepted("a", "delete", b"\1", "A-1", "order 7", 3)]
    entry = again.get("b")
    assert entry is not None
    assert entry.settled == failed
    assert again.digest(b"x", b"y") == mark != again.digest(b"xy", b"")
    again.accept(Accepted("b", "insert", b"\2", "A-2"), durable=True)  # sent again
    again.settle("b", DONE, durable=True)
    assert again.settled == 1
    again.close()
    assert (tmp_path / LEDGER_FILE).stat().st_mode & 0o777 == 0o600


def test_digests_of_two_ledgers_differ(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    one, other = Ledger.open(tmp_path, "g"), Ledger.open(tmp_path / "b", "g")
    assert one.digest(b"x") != other.digest(b"x")


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REWRITTEN_FROM", 4096)
    ledger = Ledger.open(tmp_path, "g", most=10)
    ledger.accept(Accepted("open", "insert", b"d", "A"), durable=False)
    sizes = []
    for n in range(300):
        kept(ledger, 1, n)
        sizes.append((tmp_path / LEDGER_FILE).stat().st_size)
    assert max(sizes) < 10_000
    ledger.close()
    again = Ledger.open(tmp_path, "g", most=10)
    assert again.settled == 10
    assert [again.get(f"r{n}") is not None for n in (289, 290, 299)] == [False, True, True]
    assert [entry.accepted.id for entry in again.open_entries()] == ["open"]
    again.close()


def test_it_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_BYTES_KEPT", 1000)
    ledger = Ledger.open(tmp_path, "g")
    kept(ledger, 100)
    assert 0 < ledger.settled < 30
    ledger.close()


def test_another_process_and_another_gallery_are_refused(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, "g")
    with pytest.raises(BusyError):
        Ledger.open(tmp_path, "g")
    ledger.close()
    with pytest.raises(ConflictError):
        Ledger.open(tmp_path, "another")
    Ledger.open(tmp_path, "g").close()  # the refused one let go


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b'"head"\n{}', b'"accepted"\n[]', b'"accepted"\n{"id":"a"}', b'"else"\n{}', b"\xff\n{}",
        b'"settled"\n{"id":"nobody","state":"done"}',
        b'"settled"\n{"state":"done"}', b'"settled"\n{"id":"r0","state":"done"}', b"[" * 9999 + b"\n{}",
    ],
)  # fmt: skip
def test_what_was_never_written_here_is_damage(tmp_path: Path, body: bytes) -> None:
    ledger = Ledger.open(tmp_path, "g")
    kept(ledger, 1)
    ledger.close()
    log, _ = Log.open(tmp_path / LEDGER_FILE, KIND)
    log.append([body], durable=True)
    log.close()
    with pytest.raises(DamagedError):
        Ledger.open(tmp_path, "g")


def test_a_torn_end_is_cut(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, "g")
    kept(ledger, 2)
    ledger.close()
    path = tmp_path / LEDGER_FILE
    path.write_bytes(path.read_bytes()[:-1])
    again = Ledger.open(tmp_path, "g")
    assert [entry.accepted.id for entry in again.open_entries()] == ["r1"]
