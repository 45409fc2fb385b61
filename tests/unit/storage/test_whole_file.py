"""Whole files: every kind of target, what is kept of what was there, and a disk that refuses."""

from __future__ import annotations

import errno
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cccd_core.errors import CccdError, DiskFullError, FileError
from cccd_core.storage import whole_file
from support.patience import PATIENCE_S


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_file_gets_the_mode_that_it_is_for(tmp_path: Path) -> None:
    whole_file.write(tmp_path / "plain", b"a")
    whole_file.write(tmp_path / "private", [b"a", b"b"], private=True)
    assert (mode(tmp_path / "plain"), mode(tmp_path / "private")) == (0o644, 0o600)
    assert (tmp_path / "private").read_bytes() == b"ab"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain", "private"]


def test_mode_and_owner_of_what_was_there_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    target.chmod(0o640)
    if os.getuid() == 0:
        os.chown(target, 1234, 2345)
    before = target.stat()
    whole_file.write(target, b"new", private=True)
    after = target.stat()
    assert target.read_bytes() == b"new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino, "replaced, not written into"


def test_the_same_bytes_leave_the_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "file"
    whole_file.write(target, b"same")
    before = target.stat()
    whole_file.write(target, b"same")
    assert target.stat().st_ino == before.st_ino


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target, link, dangling = tmp_path / "far" / "file", tmp_path / "link", tmp_path / "dangling"
    target.write_bytes(b"old")
    link.symlink_to("far/file")
    dangling.symlink_to(tmp_path / "far" / "new")
    for path in (link, dangling):
        whole_file.write(path, b"through")
        assert path.is_symlink()
    assert target.read_bytes() == (tmp_path / "far" / "new").read_bytes() == b"through"


def test_a_file_of_two_names_keeps_both(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"a longer old content")
    other.hardlink_to(one)
    whole_file.write(one, b"new")
    assert other.read_bytes() == b"new"


def test_a_pipe_with_a_reader_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    data = bytes(range(256)) * 1024  # more than a pipe holds
    whole_file.write(pipe, data)
    reader.join(PATIENCE_S)
    assert got == [data]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_that_nobody_reads_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_file, "_PIPE_PATIENCE_S", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError):
        whole_file.write(tmp_path / "pipe", b"x")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_device_is_written_into_and_stays(tmp_path: Path) -> None:
    null = tmp_path / "null"
    try:
        os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # a node of our own, never the machine's
    except PermissionError:
        null.symlink_to("/dev/null")
    whole_file.write(null, b"gone")
    assert stat.S_ISCHR(null.stat().st_mode)


def test_standard_output_by_its_names_is_not_replaced(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        whole_file.write(name, b"said\n")
    assert capfd.readouterr().out == "said\n" * 3
    assert stat.S_ISLNK(os.lstat("/dev/stdout").st_mode)


def test_folders_and_sockets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name in ("folder", "socket"):
            with pytest.raises(FileError, match=name):
                whole_file.write(tmp_path / name, b"x")
    assert (tmp_path / "folder").is_dir()


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"kept")

    def breaks() -> Iterator[bytes]:
        yield b"half"
        raise CccdError("stopped")

    with pytest.raises(CccdError):
        whole_file.write(target, breaks())
    for path in (target / "below", tmp_path / "no" / "folder"):
        with pytest.raises(FileError):
            whole_file.write(path, b"x")
    with pytest.raises(FileError):
        whole_file.write(target, b"x", replace=False)
    assert target.read_bytes() == b"kept"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_missing_folders_are_made_where_asked(tmp_path: Path) -> None:
    whole_file.write(tmp_path / "a" / "b", b"x", folders=True, private=True)
    assert mode(tmp_path / "a") == 0o700


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def full(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    (tmp_path / "file").write_bytes(b"kept")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match="the disk is full"):
        whole_file.write(tmp_path / "file", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"kept")]


def test_a_real_full_device_is_named_as_such(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this machine has no /dev/full")
    with pytest.raises(DiskFullError):
        whole_file.write("/dev/full", b"x")


def test_a_name_of_the_greatest_length_can_be_written(tmp_path: Path) -> None:
    whole_file.write(tmp_path / ("x" * 255), b"long")
    assert (tmp_path / ("x" * 255)).read_bytes() == b"long"


def test_reading_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    assert whole_file.read(tmp_path / "file", "thing", most=4) == b"1234"
    with pytest.raises(FileError, match="too large for a thing"):
        whole_file.read(tmp_path / "file", "thing", most=3)
    with pytest.raises(FileError, match="too large"):
        whole_file.read("/dev/zero", "thing", most=1000)
    with pytest.raises(FileError, match="the thing cannot be read"):
        whole_file.read(tmp_path, "thing", most=3)


@pytest.mark.parametrize("name", ["none/..", "none/../..", "/none/.."])
def test_a_folder_by_way_of_nothing_is_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match="a folder cannot be written as a file"):
        whole_file.write(tmp_path / name, b"x", folders=True)
    assert list(tmp_path.iterdir()) == []
