"""Append-only files: framed logs for programs, chained lines for people. Each record is there whole or not at all.

A framed log, integers big-endian:

    header   8 bytes  the kind's magic, then u32 version, u32 CRC-32 of these 12 bytes
    record   4 bytes  "REC1", u32 body length, u64 the record's own position, u64 position up to which the file was
             known to be on the disk when the record was written, u32 CRC-32 over the fields before and the body, then
             the body

The own position means that no record can be moved, repeated or lost unseen. The disk position makes the rule for a bad
record exact: where a later, good record vouches that the bad place had already reached the disk, the file was damaged
(DamagedError); otherwise writing was interrupted there and nothing that follows was ever acted upon: it is cut.
"""

from __future__ import annotations

import os
import secrets
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from cccd_core.errors import DamagedError, Fact, FileError
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error
from cccd_core.storage.lock import hold

_HEADER: Final = struct.Struct(">8sII")
_MARK: Final = b"REC1"
_FRAME: Final = struct.Struct(">4sIQQ")  # mark, body length, own position, position on the disk; the checksum follows
_PREFIX_BYTES: Final = _FRAME.size + 4
_MARKS_MAX: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class LogKind:
    """What one kind of log is. `what` is its name in errors; a larger body or file is refused before it is read.

    `interrupted_anywhere`: whether a power cut may have kept a later record and lost an earlier one that nobody relied
    on (see above). Without it every good record after a bad one means damage, as it should where a record is believed
    before it is forced to the disk. `earlier`: the magics of earlier versions, which had another one; such a file is
    refused by that name.
    """

    magic: bytes
    version: int
    what: str
    body_bytes_max: int
    file_bytes_max: int
    interrupted_anywhere: bool = True
    earlier: tuple[bytes, ...] = ()

    @property
    def header(self) -> bytes:
        """The first bytes of every file of this kind."""
        start = _HEADER.pack(self.magic, self.version, 0)[:-4]
        return start + zlib.crc32(start).to_bytes(4, "big")


class OtherVersionError(DamagedError):
    """A log of a version that this program does not know: nothing is wrong with it, and nothing of it is read."""

    kind = "other_version"


class LogRecord(NamedTuple):
    """A record of a log: where it stands in the file, and what it says."""

    offset: int
    body: bytes

    def __repr__(self) -> str:
        return f"LogRecord(offset={self.offset}, length={len(self.body)})"


class Log:
    """One open log, held by this process alone; safe to use from several threads.

    After an error of the disk it takes no more records: what reached the disk is then not known. Open it again.
    """

    def __init__(self, path: Path, kind: LogKind, descriptor: int) -> None:
        """For `create` and `open`, which are the doors."""
        self.path = path
        self.kind = kind
        self.size_bytes = 0
        self._descriptor = descriptor
        self._synced = 0
        self._broken = False
        self._lock = threading.Lock()  # guards the end of the file
        self._sync_lock = threading.Lock()  # one fsync at a time; those who wait are carried by it

    @classmethod
    def create(cls, path: Path, kind: LogKind, bodies: Iterable[bytes] = ()) -> Log:
        """A new log with these records, whole and on the disk, or none. FileError where the name is taken."""
        return cls._made(path, kind, bodies, os.link)

    @classmethod
    def open(cls, path: Path, kind: LogKind, *, make: bool = False) -> tuple[Log, list[LogRecord]]:
        """Takes a log for this process and reads it whole; with `make` it is made where it is missing.

        What an interruption tore off is cut. FileError where it cannot be opened, BusyError where another process has
        it, DamagedError where it is no log of this kind, of another version (OtherVersionError), too large, or damaged.
        """
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0)
        while True:
            try:
                descriptor = os.open(path, flags, 0o600)
            except OSError as error:
                raise file_error(f"the {kind.what} cannot be opened", error, path=str(path)) from None
            try:
                hold(descriptor, kind.what, path)
                if not _stands_at(path, descriptor):  # its last holder has just rewritten it
                    os.close(descriptor)
                    continue
                log = cls(path, kind, descriptor)
                return log, log._load()
            except BaseException:
                os.close(descriptor)
                raise

    @classmethod
    def read(cls, path: Path, kind: LogKind) -> list[LogRecord]:
        """The whole records of a log as it stands, whoever holds it; nothing is cut or changed. Errors as `open`."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise file_error(f"the {kind.what} cannot be opened", error, path=str(path)) from None
        log = cls(path, kind, descriptor)
        try:
            data = log._content()
            return [] if data is None else log._parse(data)[0]
        finally:
            os.close(descriptor)

    @classmethod
    def _made(cls, path: Path, kind: LogKind, bodies: Iterable[bytes], put: Callable[[Path, Path], object]) -> Log:
        """Writes a log beside `path`, held from the first byte, and puts it there."""
        data = kind.header + b"".join(_records(bodies, kind, len(kind.header), len(kind.header)))
        draft = path.with_name(f".cccd-{secrets.token_hex(8)}.part")
        try:
            descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                hold(descriptor, kind.what, path)
                log = cls(path, kind, descriptor)
                log._write(data)
                os.fsync(descriptor)
                put(draft, path)
                whole_file.sync_folder(path.parent)
            except BaseException:
                os.close(descriptor)
                raise
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise file_error(f"the {kind.what} cannot be made", error, path=str(path)) from None
        log._synced = log.size_bytes
        return log

    def append(self, bodies: Iterable[bytes], *, durable: bool) -> None:
        """Adds records in one write: all of them or none. With `durable` they, and all before, are on the disk at
        return. FileError when the disk does not obey, or the log is full."""
        with self._lock:
            self._demand_sound()
            data = b"".join(_records(bodies, self.kind, self.size_bytes, self._synced))
            if self.size_bytes + len(data) > self.kind.file_bytes_max:
                raise FileError(f"the {self.kind.what} is full", path=str(self.path), size=self.size_bytes)
            self._write(data)
            end = self.size_bytes
        if durable:
            self._sync(end)

    @property
    def synced_bytes(self) -> int:
        """Up to which position the file is known to be on the disk."""
        return self._synced

    def sync(self) -> None:
        """All records so far are on the disk at return. Those who call while another thread forces the file wait for
        one more force together. FileError when the disk does not obey."""
        self._sync(self.size_bytes)

    def rewrite(self, bodies: Iterable[bytes]) -> None:
        """Replaces the whole log by these records, at once: the file is the old one or the new one."""
        with self._sync_lock, self._lock:
            self._demand_sound()
            fresh = self._made(self.path, self.kind, bodies, os.replace)
            os.close(self._descriptor)
            self._descriptor, self.size_bytes, self._synced = fresh._descriptor, fresh.size_bytes, fresh._synced

    def close(self, *, durable: bool = True) -> None:
        """Forces everything to the disk, unless not `durable`, and gives the file back. Closing twice does nothing."""
        if self._descriptor < 0:
            return
        try:
            if durable and not self._broken:
                self._sync(self.size_bytes)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def _load(self) -> list[LogRecord]:
        data = self._content()
        if data is None:
            try:
                self._begin(self.kind.header)
            except OSError as error:
                raise file_error(f"the {self.kind.what} cannot be read", error, path=str(self.path)) from None
            return []
        records, end = self._parse(data)
        if end < len(data):
            self._cut(end)
        self.size_bytes = self._synced = end
        return records

    def _content(self) -> bytes | None:
        """The whole file; None where not even its header is whole."""
        kind, header = self.kind, self.kind.header
        try:
            size = os.fstat(self._descriptor).st_size
            if size > kind.file_bytes_max:
                raise DamagedError(f"larger than any {kind.what} can be", path=str(self.path), size=size)
            data = os.pread(self._descriptor, size, 0)
            while len(data) < size and (more := os.pread(self._descriptor, size - len(data), len(data))):
                data += more
        except OSError as error:
            raise file_error(f"the {kind.what} cannot be read", error, path=str(self.path)) from None
        return None if len(data) < len(header) and header.startswith(data) else data

    def _parse(self, data: bytes) -> tuple[list[LogRecord], int]:
        """The whole records, and where they end: what follows was torn off by an interruption. DamagedError."""
        kind, header = self.kind, self.kind.header
        if data[: len(kind.magic)] in kind.earlier:
            what = f"a {kind.what} of another version"
            raise OtherVersionError(what, path=str(self.path), offset=0, known=kind.version)
        if data[: len(kind.magic)] != kind.magic:
            raise DamagedError(f"not a {kind.what}", path=str(self.path), offset=0)
        if data[: len(header)] != header:
            version = int.from_bytes(data[8:12], "big")
            facts: dict[str, Fact] = {"path": str(self.path), "offset": 8, "found": version, "known": kind.version}
            if data[: len(header)] == replace(kind, version=version).header:
                raise OtherVersionError(f"a {kind.what} of another version", **facts)
            raise DamagedError(f"a {kind.what} of another version, or its header is damaged", **facts)
        records = []
        end = len(header)
        while (frame := _frame(data, end, kind)) is not None and frame.position == end:
            records.append(LogRecord(end, frame.body))
            end = frame.stop
        for offset, torn in _good_frames(data, end, kind):
            if torn.position != offset or torn.synced > end or not kind.interrupted_anywhere:
                raise DamagedError(f"the {kind.what} is damaged", path=str(self.path), offset=end)
        return records, end

    def _begin(self, header: bytes) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, header, 0)
        os.fsync(self._descriptor)
        whole_file.sync_folder(self.path.parent)  # the new name itself must survive
        self.size_bytes = self._synced = len(header)

    def _cut(self, end: int) -> None:
        try:
            os.ftruncate(self._descriptor, end)
            os.fsync(self._descriptor)
        except OSError as error:
            what = f"the torn end of the {self.kind.what} cannot be cut"
            raise file_error(what, error, path=str(self.path)) from None

    def _demand_sound(self) -> None:
        if self._broken or self._descriptor < 0:
            raise FileError(f"the {self.kind.what} takes no more records: open it again", path=str(self.path))

    def _write(self, data: bytes) -> None:
        start, view = self.size_bytes, memoryview(data)
        try:
            while view:
                count = os.pwrite(self._descriptor, view, self.size_bytes + len(data) - len(view))
                view = view[count:]
        except OSError as error:
            self._broken = True
            with suppress(OSError):
                os.ftruncate(self._descriptor, start)
            raise file_error(f"the {self.kind.what} cannot be written", error, path=str(self.path)) from None
        self.size_bytes = start + len(data)

    def _sync(self, end: int) -> None:
        with self._sync_lock:
            with self._lock:
                self._demand_sound()
                if self._synced >= end:
                    return
                target = self.size_bytes
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                # After a failed fsync the kernel may have dropped the pages: nothing since is sure (see fsync(2)).
                with self._lock:
                    self._broken = True
                raise file_error(f"the {self.kind.what} did not reach the disk", error, path=str(self.path)) from None
            with self._lock:
                self._synced = max(self._synced, target)


class LineLog:
    """An append-only text file of one record a line, as people and other programs read it, held by nobody.

    Opening cuts a torn last line. What a line says, and whether it was altered, is its user's to check.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what

    def load(self, *, most: int) -> list[bytes]:
        """The whole lines, without their ends; none where there is no file. FileError, also for over `most` bytes."""
        if not self.path.exists():
            return []
        data = whole_file.read(self.path, self.what, most=most)
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            try:
                os.truncate(self.path, whole)
            except OSError as error:
                what = f"the torn end of the {self.what} cannot be cut"
                raise file_error(what, error, path=str(self.path)) from None
        return data[:whole].splitlines()

    def append(self, lines: Iterable[bytes]) -> None:
        """Adds lines, on the disk at return. FileError, and then no part of them stays."""
        data = b"".join(line + b"\n" for line in lines)
        if not data:
            return
        try:
            new = not self.path.exists()
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                start = os.fstat(descriptor).st_size
                try:
                    view = memoryview(data)
                    while view:
                        view = view[file.write(view) :]
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(descriptor, start)
                    raise
                os.fsync(descriptor)
            if new:
                whole_file.sync_folder(self.path.parent)
        except OSError as error:
            raise file_error(f"the {self.what} cannot be written", error, path=str(self.path)) from None


class _Frame(NamedTuple):
    stop: int
    position: int
    synced: int
    body: bytes

    def __repr__(self) -> str:
        return f"_Frame(position={self.position}, length={len(self.body)})"


def _records(bodies: Iterable[bytes], kind: LogKind, offset: int, synced: int) -> Iterator[bytes]:
    for body in bodies:
        if len(body) > kind.body_bytes_max:
            raise FileError(f"a record is too long for a {kind.what}", length=len(body), most=kind.body_bytes_max)
        start = _FRAME.pack(_MARK, len(body), offset, synced)
        yield start + zlib.crc32(body, zlib.crc32(start)).to_bytes(4, "big") + body
        offset += _PREFIX_BYTES + len(body)


def _frame(data: bytes, offset: int, kind: LogKind) -> _Frame | None:
    """The record at `offset` whose checksum is right; None where there is none."""
    if offset + _PREFIX_BYTES > len(data):
        return None
    mark, length, position, synced = _FRAME.unpack_from(data, offset)
    start = offset + _FRAME.size
    stop = offset + _PREFIX_BYTES + length
    if mark != _MARK or length > kind.body_bytes_max or stop > len(data):
        return None
    body = data[offset + _PREFIX_BYTES : stop]
    if zlib.crc32(body, zlib.crc32(data[offset:start])) != int.from_bytes(data[start : start + 4], "big"):
        return None
    return _Frame(stop, position, synced, body)


def _good_frames(data: bytes, start: int, kind: LogKind) -> Iterator[tuple[int, _Frame]]:
    """Every good record found anywhere after `start`, and where; 65,536 marks are looked at: an interrupted file has
    few, and one that was made to have millions must not take an hour."""
    offset = start
    for _ in range(_MARKS_MAX):
        offset = data.find(_MARK, offset)
        if offset < 0:
            return
        frame = _frame(data, offset, kind)
        if frame is not None:
            yield offset, frame
        offset = offset + 1 if frame is None else frame.stop


def _stands_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
