"""Append-only logs: what survives what, and what is damage."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.errors import BusyError, CccdError, DamagedError, DiskFullError, FileError
from cccd_core.storage.log import LineLog, Log, LogKind, OtherVersionError

KIND = LogKind(b"TESTLOG\n", 3, "test log", body_bytes_max=1000, file_bytes_max=100_000)
STRICT = LogKind(b"TESTLOG\n", 3, "test log", 1000, 100_000, interrupted_anywhere=False)
HEADER = 16
FRAME = 28


def bodies(path: Path, kind: LogKind = KIND) -> list[bytes]:
    log, records = Log.open(path, kind)
    log.close()
    return [record.body for record in records]


def made(path: Path, *groups: tuple[list[bytes], bool]) -> bytes:
    """The bytes of a log to which these groups were added, each durable or not."""
    path.unlink(missing_ok=True)
    log, _ = Log.open(path, KIND, make=True)
    for group, durable in groups:
        log.append(group, durable=durable)
    data = path.read_bytes()
    log.close()
    return data


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log, records = Log.open(path, KIND, make=True)
    assert records == []
    log.append([b"one", b""], durable=False)
    log.append([b"two"], durable=True)
    with pytest.raises(BusyError, match="using the test log"):
        Log.open(path, KIND)
    log.close()
    log.close()
    log, records = Log.open(path, KIND)
    assert [(record.offset, record.body) for record in records] == [
        (HEADER, b"one"), (HEADER + FRAME + 3, b""), (HEADER + 2 * FRAME + 3, b"two"),
    ]  # fmt: skip
    log.append([b"three"], durable=True)
    log.close()
    assert bodies(path) == [b"one", b"", b"two", b"three"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_records_are_forced_when_asked_and_at_the_end_unless_not_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    forced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: forced.append(file) or real(file))
    log, _ = Log.open(path, KIND, make=True)
    log.append([b"one"], durable=False)
    assert (forced, log.synced_bytes) == ([], HEADER)
    log.sync()
    log.sync()
    assert (len(forced), log.synced_bytes) == (1, log.size_bytes)
    log.append([b"two"], durable=False)
    log.close(durable=False)
    assert len(forced) == 1
    assert bodies(path) == [b"one", b"two"]


def test_another_version_is_told_from_a_damaged_header(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for version in (2, 4, 1 << 31):
        header = replace(KIND, version=version).header
        path.write_bytes(header)
        with pytest.raises(OtherVersionError) as caught:
            Log.open(path, KIND)
        assert (caught.value.facts["found"], caught.value.facts["known"]) == (version, 3)
        path.write_bytes(header[:-1] + bytes((header[-1] ^ 1,)))
        with pytest.raises(DamagedError, match="or its header is damaged") as damaged:
            Log.open(path, KIND)
        assert type(damaged.value) is DamagedError


def test_an_earlier_magic_is_called_another_version(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"OLDLOG1\n" + bytes(100))
    with pytest.raises(DamagedError, match="not a test log"):
        Log.open(path, KIND)
    with pytest.raises(OtherVersionError, match="a test log of another version"):
        Log.open(path, replace(KIND, earlier=(b"OLDLOG1\n",)))


def test_a_log_is_made_whole_and_never_over_another_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    Log.create(path, KIND, [b"first"]).close()
    assert bodies(path) == [b"first"]
    with pytest.raises(FileError):
        Log.create(path, KIND, [b"second"])
    assert bodies(path) == [b"first"]
    assert [one.name for one in tmp_path.iterdir()] == ["log"]


def test_rewriting_keeps_the_lock_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = Log.create(path, KIND, [b"a" * 500, b"b" * 500])
    log.rewrite([b"short"])
    with pytest.raises(BusyError):
        Log.open(path, KIND)
    log.append([b"more"], durable=True)
    log.close()
    assert bodies(path) == [b"short", b"more"]
    assert [one.name for one in tmp_path.iterdir()] == ["log"]


@pytest.mark.parametrize("kind", [KIND, STRICT])
def test_cut_at_any_length_it_is_the_records_before(tmp_path: Path, kind: LogKind) -> None:
    path = tmp_path / "log"
    data = made(path, ([b"one"], True), ([b"second"], True), ([b"3"], False))
    for length in range(len(data)):
        path.write_bytes(data[:length])
        if 0 < length < HEADER and not kind.header.startswith(data[:length]):
            continue
        log, records = Log.open(path, kind, make=True)
        log.close()
        assert [record.body for record in records] == [b"one", b"second", b"3"][: len(records)]
        assert path.stat().st_size == HEADER + sum(FRAME + len(record.body) for record in records)


@given(st.data())
def test_altered_anywhere_it_is_damage_or_an_end_that_nobody_relied_on(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    whole = made(path, ([b"one", b"two"], True), ([b"three"], True), ([b"four"], False), ([b"five"], False))
    sure = HEADER + FRAME + 3  # vouched for by the record after the first sync
    place = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    altered = bytearray(whole)
    altered[place] ^= 1 << bit
    path.write_bytes(altered)
    try:
        found = bodies(path)
    except DamagedError:
        assert path.read_bytes() == altered, "a damaged file is left as it was found"
        return
    assert place >= sure, "what had reached the disk and was altered must be noticed"
    assert found == [b"one", b"two", b"three", b"four", b"five"][: len(found)]
    assert len(found) < 5
    path.write_bytes(altered)
    last = len(whole) - FRAME - 4
    if place < last:
        with pytest.raises(DamagedError):
            bodies(path, STRICT)


@pytest.mark.parametrize("swap", ["swapped", "repeated", "lost"])
def test_records_cannot_move(tmp_path: Path, swap: str) -> None:
    path = tmp_path / "log"
    data = made(path, ([b"aaa", b"bbb", b"ccc"], True), ([b"ddd"], True))
    size = FRAME + 3
    parts = [data[HEADER + i * size : HEADER + (i + 1) * size] for i in range(4)]
    order = {"swapped": [1, 0, 2, 3], "repeated": [0, 0, 1, 2, 3], "lost": [1, 2, 3]}[swap]
    moved = data[:HEADER] + b"".join(parts[i] for i in order)
    path.write_bytes(moved)
    for kind in (KIND, STRICT):
        with pytest.raises(DamagedError):
            bodies(path, kind)
    assert path.read_bytes() == moved, "a damaged file is left as it was found"


def test_other_kinds_and_versions_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"something else entirely")
    with pytest.raises(DamagedError, match="not a test log"):
        Log.open(path, KIND)
    path.write_bytes(LogKind(KIND.magic, 4, "test log", 1, 1).header)
    with pytest.raises(DamagedError, match="another version") as caught:
        Log.open(path, KIND)
    assert (caught.value.facts["found"], caught.value.facts["known"]) == (4, 3)
    path.write_bytes(bytes(KIND.file_bytes_max + 1))
    with pytest.raises(DamagedError, match="larger than any"):
        Log.open(path, KIND)
    with pytest.raises(FileError, match="cannot be opened"):
        Log.open(tmp_path / "missing", KIND)


def test_a_file_of_millions_of_marks_ends_soon(tmp_path: Path) -> None:
    kind = LogKind(KIND.magic, 3, "test log", 1 << 16, 1 << 23)
    path = tmp_path / "log"
    path.write_bytes(kind.header + b"REC1\0\0\xff\xff" * (1 << 19))
    assert bodies(path, kind) == []


def test_limits_hold_when_writing(tmp_path: Path) -> None:
    log = Log.create(tmp_path / "log", LogKind(KIND.magic, 3, "test log", 10, 60))
    with pytest.raises(FileError, match="too long"):
        log.append([b"x" * 11], durable=False)
    with pytest.raises(FileError, match="full"):
        log.append([b"x" * 10, b"x" * 10], durable=False)
    log.append([b"x" * 10], durable=True)
    log.close()


def test_a_full_disk_leaves_no_half_record_and_ends_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    log = Log.create(path, KIND, [b"before"])
    real = os.pwrite

    def half(descriptor: int, data: memoryview, position: int) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[: len(data) // 2], position)

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(DiskFullError):
        log.append([b"x" * 100], durable=True)
    monkeypatch.undo()
    with pytest.raises(FileError, match="open it again"):
        log.append([b"y"], durable=True)
    log.close()
    assert bodies(path) == [b"before"]


def test_an_fsync_that_fails_ends_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log.create(tmp_path / "log", KIND)

    def fails(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fails)
    with pytest.raises(FileError, match="did not reach the disk"):
        log.append([b"x"], durable=True)
    monkeypatch.undo()
    with pytest.raises(FileError, match="open it again"):
        log.append([b"y"], durable=False)
    log.close()


def test_threads_append_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = Log.create(path, KIND)

    def work(name: int) -> None:
        for number in range(50):
            log.append([f"{name} {number}".encode()], durable=number % 5 == 0)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    found = bodies(path)
    assert len(found) == 200
    for name in range(4):
        mine = [body for body in found if body.startswith(f"{name} ".encode())]
        assert mine == [f"{name} {number}".encode() for number in range(50)]


def test_lines_are_whole_and_a_torn_one_is_cut(tmp_path: Path) -> None:
    log = LineLog(tmp_path / "lines", "trail")
    assert log.load(most=100) == []
    log.append([b"one", b"two"])
    log.append([])
    with (tmp_path / "lines").open("ab") as file:
        file.write(b"half a li")
    assert log.load(most=100) == [b"one", b"two"]
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"
    with pytest.raises(CccdError, match="too large for a trail"):
        log.load(most=3)
    assert stat.S_IMODE((tmp_path / "lines").stat().st_mode) == 0o600
