"""The journal: its rules, its file, and what it does when the disk does not obey."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cccd_core.errors import FileError, StateError
from cccd_core.personalise import Journal, Stage

A, B = "A1" * 8, "B2" * 8
DIGESTS = {"DG1": "11" * 32, "DG2": "22" * 32, "EF_SOD": "33" * 32}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cards.journal"


def finish(journal: Journal, serial: str) -> None:
    journal.written(serial)
    journal.locked(serial)
    journal.verified(serial, {"checks": {"pace": True}})


def test_a_card_goes_through_its_stages_and_is_found_again(path: Path) -> None:
    with Journal(path) as journal:
        journal.bind(A, "job-1", "001200000001", DIGESTS)
        journal.progress(A, "DG1", 93, complete=True)
        journal.progress(A, "DG2", 4096, complete=False)
    with Journal(path) as journal:
        record = journal.card_of_job("job-1")
        assert record is not None
        assert record == journal.card(A) == journal.card_of_number("001200000001")
        assert (record.stage, record.complete, record.reached) == (Stage.WRITING, {"DG1"}, ("DG2", 4096))
        assert record.digests == DIGESTS
        journal.progress(A, "DG2", 9000, complete=True)
        finish(journal, A)
    with Journal(path) as journal:
        record = journal.card(A)
        assert record is not None
        assert (record.stage, record.was_locked, record.evidence) == (Stage.VERIFIED, True, {"checks": {"pace": True}})
        assert journal.cards() == (record,)


def test_a_person_and_a_card_meet_once(path: Path) -> None:
    with Journal(path) as journal:
        journal.bind(A, "job-1", "001200000001", DIGESTS)
        with pytest.raises(StateError, match="card is already"):
            journal.bind(A, "job-2", "001200000002", DIGESTS)
        with pytest.raises(StateError, match="job already"):
            journal.bind(B, "job-1", "001200000002", DIGESTS)
        with pytest.raises(StateError, match="person already"):
            journal.bind(B, "job-2", "001200000001", DIGESTS)
        journal.spoil(A, "test")
        journal.bind(B, "job-1", "001200000001", DIGESTS)
        with pytest.raises(StateError, match="card is already"):
            journal.bind(A, "job-2", "001200000002", DIGESTS)
        assert journal.card_of_number("001200000001") == journal.card(B)


def test_a_card_set_aside_is_never_bound(path: Path) -> None:
    with Journal(path) as journal:
        journal.set_aside(A, "key_refused")
        with pytest.raises(StateError):
            journal.bind(A, "job-1", "001200000001", DIGESTS)
        with pytest.raises(StateError):
            journal.set_aside(A, "again")


def test_a_new_image_keeps_what_is_the_same(path: Path) -> None:
    with Journal(path) as journal:
        journal.bind(A, "job-1", "1", DIGESTS)
        journal.progress(A, "DG1", 93, complete=True)
        journal.progress(A, "EF_SOD", 2000, complete=True)
        journal.progress(A, "DG2", 4096, complete=False)
        record = journal.renew(A, DIGESTS | {"EF_SOD": "44" * 32}, keep=True)
        assert (record.complete, record.reached) == ({"DG1"}, ("DG2", 4096))
        record = journal.renew(A, DIGESTS | {"DG2": "55" * 32}, keep=True)
        assert (record.complete, record.reached) == ({"DG1"}, None)
        # Back to the first SOD: what is on the card by now is not known to be it.
        assert "EF_SOD" not in journal.renew(A, DIGESTS, keep=True).complete
        assert journal.renew(A, DIGESTS, keep=False).complete == frozenset()


@pytest.mark.parametrize("event", ["renew", "progress", "written", "verified"])
def test_nothing_is_written_once_a_card_is_verified(path: Path, event: str) -> None:
    calls = {
        "renew": lambda j: j.renew(A, DIGESTS, keep=True),
        "progress": lambda j: j.progress(A, "DG1", 1, complete=False),
        "written": lambda j: j.written(A),
        "verified": lambda j: j.verified(A, {}),
    }
    with Journal(path) as journal:
        journal.bind(A, "job-1", "1", DIGESTS)
        finish(journal, A)
        size = path.stat().st_size
        with pytest.raises(StateError, match="past this"):
            calls[event](journal)
        assert path.stat().st_size == size


def test_events_of_an_unknown_or_spoiled_card_are_refused(path: Path) -> None:
    with Journal(path) as journal:
        with pytest.raises(StateError, match="no live card"):
            journal.written(A)
        journal.bind(A, "job-1", "1", DIGESTS)
        journal.spoil(A, "torn")
        with pytest.raises(StateError, match="no live card"):
            journal.locked(A)


def test_one_process_holds_it(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from cccd_core.personalise import Journal; Journal(Path(sys.argv[1]))"
    )
    with Journal(path):
        other = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
        assert other.returncode != 0
        assert "another process holds the journal" in other.stderr
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == 0


def test_another_file_is_not_touched(path: Path) -> None:
    path.write_bytes(b"something else entirely, and long enough")
    with pytest.raises(StateError, match="not a journal"):
        Journal(path)
    assert path.read_bytes() == b"something else entirely, and long enough"


def test_another_version_is_refused(path: Path) -> None:
    with Journal(path):
        pass
    data = bytearray(path.read_bytes())
    data[11] = 2
    path.write_bytes(data)
    with pytest.raises(StateError, match="another version"):
        Journal(path)


def test_a_full_disk_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)
    journal.bind(A, "job-1", "1", DIGESTS)
    size = path.stat().st_size
    real = os.pwrite

    def short_then_full(file: int, data: memoryview, position: int) -> int:
        if position == size:
            return real(file, data[:7], position)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", short_then_full)
    with pytest.raises(FileError, match="cannot be written") as caught:
        journal.bind(B, "job-2", "2", DIGESTS)
    assert caught.value.facts["why"] == "No space left on device"
    monkeypatch.undo()
    assert path.stat().st_size == size
    assert journal.card(B) is None
    with pytest.raises(FileError, match="no more records"):
        journal.bind(B, "job-2", "2", DIGESTS)
    journal.close()
    with Journal(path) as again:
        assert [card.serial for card in again.cards()] == [A]


def test_a_failed_fsync_ends_the_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)

    def fail(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(FileError, match="did not reach the disk"):
        journal.bind(A, "job-1", "1", DIGESTS)
    monkeypatch.undo()
    with pytest.raises(FileError, match="no more records"):
        journal.progress(A, "DG1", 1, complete=False)
    journal.close()


def test_a_binding_is_on_the_disk_and_progress_need_not_be(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: calls.append(file) or real(file))
    with Journal(path) as journal:
        journal.bind(A, "job-1", "1", DIGESTS)
        assert len(calls) == 1
        for offset in range(10):
            journal.progress(A, "DG1", offset, complete=False)
        assert len(calls) == 1
        journal.written(A)  # the lock comes next: from here on the card may be a valid document
        assert len(calls) == 2
        journal.locked(A)
        assert len(calls) == 2
        journal.verified(A, {})
        assert len(calls) == 3


def test_a_card_spoiled_when_its_lock_may_have_been_sent_counts_as_locked(path: Path) -> None:
    with Journal(path) as journal:
        journal.bind(A, "job-1", "1", DIGESTS)
        assert not journal.written(A).was_locked
        assert journal.spoil(A, "lost").was_locked
        journal.bind(B, "job-1", "1", DIGESTS)
        assert not journal.spoil(B, "lost").was_locked


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    with Journal(path):
        assert path.stat().st_mode & 0o077 == 0


def test_personal_numbers_show_in_no_repr(path: Path) -> None:
    with Journal(path) as journal:
        record = journal.bind(A, "job-1", "001200000001", DIGESTS)
        assert "001200000001" not in repr(record)
        with pytest.raises(StateError) as caught:
            journal.bind(B, "job-2", "001200000001", DIGESTS)
        assert "001200000001" not in str(caught.value)
