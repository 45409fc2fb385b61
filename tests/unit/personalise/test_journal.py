"""The journal: its rules, its file, and what it does when the disk does not obey."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cccd_core import plain
from cccd_core.errors import ConflictError, DamagedError, DiskFullError, FileError
from cccd_core.inspection import CheckName
from cccd_core.personalise import (
    CardEvidence,
    CardKnownError,
    Journal,
    Reason,
    SetAsideCard,
    SpoiledCard,
    Stage,
    StepName,
    Trouble,
)
from cccd_core.personalise.journal import JOURNAL_FILE
from cccd_core.personalise.records import (
    Bind,
    Locked,
    Reached,
    RecordKind,
    Renew,
    SetAside,
    Spoiled,
    Verified,
    Written,
    decode,
    encode,
)
from cccd_core.storage.log import Log

A, B = "A1" * 8, "B2" * 8
LOST = Reason(Trouble.LOST)
EVIDENCE = CardEvidence(
    resumed=True,
    spoiled=(SpoiledCard(B, Reason(Trouble.CARD_REFUSED, StepName.CREATE_FILE, "6A84"), True),),
    set_aside=(SetAsideCard("C3" * 8, Reason(Trouble.NOT_BLANK)),),
    reader="a reader",
    checks={CheckName.PACE: True, CheckName.CHIP_AUTHENTICATION: None},
    sod_sha256="33" * 32,
)
DIGESTS = {"DG1": "11" * 32, "DG2": "22" * 32, "EF_SOD": "33" * 32}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cards.journal"


def finish(journal: Journal, serial: str) -> None:
    journal.append(Written(serial))
    journal.append(Locked(serial))
    journal.append(Verified(serial, EVIDENCE))


def test_a_card_goes_through_its_stages_and_is_found_again(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(Bind(A, "job-1", "001200000001", DIGESTS))
        journal.append(Reached(A, "DG1", 93, True))
        journal.append(Reached(A, "DG2", 4096, False))
    with Journal(path) as journal:
        record = journal.card_of_job("job-1")
        assert record is not None
        assert record == journal.card(A) == journal.card_of_number("001200000001")
        assert (record.stage, record.complete, record.reached) == (Stage.WRITING, {"DG1"}, ("DG2", 4096))
        assert record.digests == DIGESTS
        journal.append(Reached(A, "DG2", 9000, True))
        finish(journal, A)
    with Journal(path) as journal:
        record = journal.card(A)
        assert record is not None
        assert (record.stage, record.was_locked, record.evidence) == (Stage.VERIFIED, True, EVIDENCE)
        assert journal.cards() == (record,)


def test_a_person_and_a_card_meet_once(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(Bind(A, "job-1", "001200000001", DIGESTS))
        with pytest.raises(CardKnownError, match="card is already"):
            journal.append(Bind(A, "job-2", "001200000002", DIGESTS))
        with pytest.raises(ConflictError, match="job already"):
            journal.append(Bind(B, "job-1", "001200000002", DIGESTS))
        with pytest.raises(ConflictError, match="person already"):
            journal.append(Bind(B, "job-2", "001200000001", DIGESTS))
        journal.append(Spoiled(A, LOST))
        journal.append(Bind(B, "job-1", "001200000001", DIGESTS))
        with pytest.raises(CardKnownError, match="card is already"):
            journal.append(Bind(A, "job-2", "001200000002", DIGESTS))
        assert journal.card_of_number("001200000001") == journal.card(B)


def test_a_card_set_aside_is_never_bound(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(SetAside(A, Reason(Trouble.KEY_REFUSED)))
        with pytest.raises(CardKnownError):
            journal.append(Bind(A, "job-1", "001200000001", DIGESTS))
        with pytest.raises(CardKnownError):
            journal.append(SetAside(A, Reason(Trouble.KEY_REFUSED)))


def test_a_new_image_keeps_what_is_the_same(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(Bind(A, "job-1", "1", DIGESTS))
        journal.append(Reached(A, "DG1", 93, True))
        journal.append(Reached(A, "EF_SOD", 2000, True))
        journal.append(Reached(A, "DG2", 4096, False))
        record = journal.append(Renew(A, DIGESTS | {"EF_SOD": "44" * 32}, True))
        assert (record.complete, record.reached) == ({"DG1"}, ("DG2", 4096))
        record = journal.append(Renew(A, DIGESTS | {"DG2": "55" * 32}, True))
        assert (record.complete, record.reached) == ({"DG1"}, None)
        # Back to the first SOD: what is on the card by now is not known to be it.
        assert "EF_SOD" not in journal.append(Renew(A, DIGESTS, True)).complete
        assert journal.append(Renew(A, DIGESTS, False)).complete == frozenset()


@pytest.mark.parametrize("event", ["renew", "progress", "written", "verified"])
def test_nothing_is_written_once_a_card_is_verified(path: Path, event: str) -> None:
    calls = {
        "renew": lambda j: j.append(Renew(A, DIGESTS, True)),
        "progress": lambda j: j.append(Reached(A, "DG1", 1, False)),
        "written": lambda j: j.append(Written(A)),
        "verified": lambda j: j.append(Verified(A, EVIDENCE)),
    }
    with Journal(path) as journal:
        journal.append(Bind(A, "job-1", "1", DIGESTS))
        finish(journal, A)
        size = path.stat().st_size
        with pytest.raises(ConflictError, match="past this"):
            calls[event](journal)
        assert path.stat().st_size == size


def test_events_of_an_unknown_or_spoiled_card_are_refused(path: Path) -> None:
    with Journal(path) as journal:
        with pytest.raises(ConflictError, match="no live card"):
            journal.append(Written(A))
        journal.append(Bind(A, "job-1", "1", DIGESTS))
        journal.append(Spoiled(A, LOST))
        with pytest.raises(ConflictError, match="no live card"):
            journal.append(Locked(A))


def test_one_process_holds_it(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from cccd_core.personalise import Journal; Journal(Path(sys.argv[1]))"
    )
    with Journal(path):
        other = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
        assert other.returncode != 0
        assert "another process is using the journal" in other.stderr
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == 0


def test_another_file_is_not_touched(path: Path) -> None:
    path.write_bytes(b"something else entirely, and long enough")
    with pytest.raises(DamagedError, match="not a journal"):
        Journal(path)
    assert path.read_bytes() == b"something else entirely, and long enough"


def test_another_version_is_refused(path: Path) -> None:
    with Journal(path):
        pass
    data = bytearray(path.read_bytes())
    assert data[11] == 2
    for version in (1, 3):
        data[11] = version
        path.write_bytes(data)
        with pytest.raises(DamagedError, match="a journal of another version") as caught:
            Journal(path)
        assert (caught.value.facts["found"], caught.value.facts["known"]) == (version, 2)
        assert path.read_bytes() == bytes(data)


def test_a_full_disk_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)
    journal.append(Bind(A, "job-1", "1", DIGESTS))
    size = path.stat().st_size
    real = os.pwrite

    def short_then_full(file: int, data: memoryview, position: int) -> int:
        if position == size:
            return real(file, data[:7], position)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", short_then_full)
    with pytest.raises(DiskFullError, match="cannot be written") as caught:
        journal.append(Bind(B, "job-2", "2", DIGESTS))
    assert caught.value.facts["why"] == "No space left on device"
    monkeypatch.undo()
    assert path.stat().st_size == size
    assert journal.card(B) is None
    with pytest.raises(FileError, match="no more records"):
        journal.append(Bind(B, "job-2", "2", DIGESTS))
    journal.close()
    with Journal(path) as again:
        assert [card.serial for card in again.cards()] == [A]


def test_a_failed_fsync_ends_the_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)

    def fail(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(FileError, match="did not reach the disk"):
        journal.append(Bind(A, "job-1", "1", DIGESTS))
    monkeypatch.undo()
    with pytest.raises(FileError, match="no more records"):
        journal.append(Reached(A, "DG1", 1, False))
    journal.close()


def test_a_binding_is_on_the_disk_and_progress_need_not_be(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: calls.append(file) or real(file))
    with Journal(path) as journal:
        journal.append(Bind(A, "job-1", "1", DIGESTS))
        assert len(calls) == 1
        for offset in range(10):
            journal.append(Reached(A, "DG1", offset, False))
        assert len(calls) == 1
        journal.append(Written(A))  # the lock comes next: from here on the card may be a valid document
        assert len(calls) == 2
        journal.append(Locked(A))
        assert len(calls) == 2
        journal.append(Verified(A, EVIDENCE))
        assert len(calls) == 3


def test_a_card_spoiled_when_its_lock_may_have_been_sent_counts_as_locked(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(Bind(A, "job-1", "1", DIGESTS))
        assert not journal.append(Written(A)).was_locked
        assert journal.append(Spoiled(A, LOST)).was_locked
        journal.append(Bind(B, "job-1", "1", DIGESTS))
        assert not journal.append(Spoiled(B, LOST)).was_locked


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    with Journal(path):
        assert path.stat().st_mode & 0o077 == 0


def test_personal_numbers_show_in_no_repr(path: Path) -> None:
    with Journal(path) as journal:
        record = journal.append(Bind(A, "job-1", "001200000001", DIGESTS))
        assert "001200000001" not in repr(record)
        with pytest.raises(ConflictError) as caught:
            journal.append(Bind(B, "job-2", "001200000001", DIGESTS))
        assert "001200000001" not in str(caught.value)


@pytest.mark.parametrize(
    "record",
    [
        Bind(A, "job-1", "001200000001", DIGESTS),
        Renew(A, DIGESTS, True),
        Reached(A, "DG2", 4096, False),
        Written(A),
        Locked(A),
        Verified(A, EVIDENCE),
        Spoiled(A, Reason(Trouble.VERIFICATION_FAILED, check=CheckName.PASSIVE_AUTHENTICATION)),
        SetAside(A, Reason(Trouble.CARD_REFUSED, step=StepName.OPEN_CHANNEL, error="card")),
    ],
    ids=lambda record: record.kind,
)
def test_a_record_is_stored_and_read_again_and_any_other_form_is_refused(path: Path, record: object) -> None:
    body = encode(record)  # type: ignore[arg-type]
    assert decode(body) == record
    fields = json.loads(body)
    wrong: list[object] = [{**fields, "more": 1}, {**fields, "record": "bound"}, {**fields, "serial": "\ud800"}]
    wrong += [{name: value for name, value in fields.items() if name != missing} for missing in fields]
    wrong += [{**fields, name: value} for name in fields for value in (None, 1.5, -1, [], {"a": 1}, ["a"], [None])]
    for value in wrong:
        path.unlink(missing_ok=True)
        log = Log.create(path, JOURNAL_FILE, [json.dumps(value).encode()])
        log.close()
        with pytest.raises(DamagedError, match="a journal record cannot be") as caught:
            Journal(path)
        assert caught.value.facts["offset"] == 16


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 60_000, b"null", b"{}", b"{" * 9, "{}".encode("utf-16")])
def test_a_record_that_is_no_json_object_is_damage(path: Path, body: bytes) -> None:
    Log.create(path, JOURNAL_FILE, [body]).close()
    with pytest.raises(DamagedError, match="a journal record cannot be"):
        Journal(path)


def test_records_that_contradict_each_other_are_damage(path: Path) -> None:
    bind = encode(Bind(A, "job-1", "1", DIGESTS))
    for second in (bind, encode(Bind(B, "job-1", "2", DIGESTS)), encode(Written(B)), encode(Verified(A, EVIDENCE))):
        path.unlink(missing_ok=True)
        Log.create(path, JOURNAL_FILE, [bind, second]).close()
        with pytest.raises(DamagedError, match="a journal record cannot be") as caught:
            Journal(path)
        assert caught.value.facts["offset"] == 16 + 28 + len(bind)
        assert caught.value.facts["why"]


def test_stored_words_are_these() -> None:
    """Renaming one would make every journal unreadable."""
    words = {
        RecordKind: ("bind renew reached written locked verified spoiled set_aside"),
        Stage: ("bound writing written locked verified spoiled set_aside"),
        Trouble: (
            "no_card card_not_presented card_keeps_leaving other_cards_presented stopped not_blank "
            "unlocked_again key_refused leaves_at_the_same_step card_refused card_file_damaged "
            "verification_failed lost job_has_another_number number_has_another_card "
            "under_way_on_another_lane image_unsound"
        ),
        StepName: ("take open_channel create_file write_binary store_secrets open_door lock"),
        CheckName: (
            "card_access_read pace bac ef_com_read ef_sod_read chip_authentication active_authentication "
            "data_groups_read passive_authentication com_agrees access_agrees decoded fields_agree as_meant"
        ),
    }
    for kind, stored in words.items():
        assert set(stored.split()) <= {str(word) for word in kind}
    assert str(Reason(Trouble.CARD_REFUSED, StepName.CREATE_FILE, "6985")) == "card_refused:create_file:6985"
    failed = Reason(Trouble.VERIFICATION_FAILED, check=CheckName.PASSIVE_AUTHENTICATION)
    assert str(failed) == "verification_failed:passive_authentication"
    assert failed.as_dict() == {"trouble": "verification_failed", "check": "passive_authentication"}
    assert len({name.label for name in CheckName}) == len(CheckName)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"trouble": "no_such"},
        {"trouble": "lost", "step": "Take"},
        {"trouble": "card_refused", "sw": "9"},
        {"trouble": "card_refused", "error": "Not A Word"},
        {"trouble": "lost", "more": ""},
    ],
)
def test_what_is_no_reason(value: object) -> None:
    with pytest.raises(ValueError, match=r"not a|it is missing|does not have"):
        plain.decode(Reason, value)
