"""The card file: an append-only log of records, each whole or not there. Imports the standard library and errors.

Layout: eight bytes of magic, then records `length (4) | checksum (4) | type (1) | body`; the checksum is a CRC-32 over
type and body that starts from the checksum before it, so that records cannot be lost, swapped or repeated unnoticed.

What survives what. A record is one `write` before the card answers: once the answer is out, killing the process loses
nothing. A power cut of the *host* may lose the last records, since they are not forced to the disk one by one (that
would cost milliseconds a command); the torn tail is then discarded and the card stands where it was some commands
before, as a real card stands after a torn write. Records that must never be undone (`durable=True`: the maker's, the
lock) are forced to the disk before the answer.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cccd_core.errors import FileError, StateError

MAGIC: Final = b"CCCDVC1\n"
BODY_BYTES_MAX: Final = 1 << 17
FILE_BYTES_MAX: Final = 1 << 24
_HEAD: Final = struct.Struct(">IIB")

Record = tuple[int, bytes]


class CardLog:
    """One open card file, held by this process alone (an advisory lock)."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._chain = 0
        self.size_bytes = 0

    @classmethod
    def create(cls, path: Path, records: Iterable[Record]) -> CardLog:
        """Makes a new card file, whole and on the disk, or none. FileError where `path` exists."""
        if path.exists():
            raise FileError("a card file is already there", path=str(path))
        draft = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            log = cls._write(draft, records)
            try:
                os.link(draft, path)  # fails where someone else was quicker
            finally:
                draft.unlink()
            _sync_folder(path.parent)
        except OSError as error:
            raise FileError("cannot make a card file", path=str(path), why=error.strerror or "") from None
        log.path = path
        return log

    @classmethod
    def _write(cls, path: Path, records: Iterable[Record]) -> CardLog:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            log = cls(path, descriptor)
            log._put(MAGIC)
            log.append(records, durable=True)
        except BaseException:
            os.close(descriptor)
            raise
        return log

    @classmethod
    def open(cls, path: Path) -> tuple[CardLog, list[Record]]:
        """Reads a card file and takes it for this process.

        A torn tail is cut off. FileError where it cannot be opened or another process has it, StateError where it is
        no card file or damaged elsewhere than at its end.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            raise FileError("cannot open the card file", path=str(path), why=error.strerror or "") from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FileError("another process has this card", path=str(path)) from None
            size = os.fstat(descriptor).st_size
            if size > FILE_BYTES_MAX:
                raise StateError("a card file larger than any can be", path=str(path), size=size)
            data = os.pread(descriptor, size, 0)
            if data[: len(MAGIC)] != MAGIC:
                raise StateError("not a card file", path=str(path))
            log = cls(path, descriptor)
            records = list(log._scan(data))
            if log.size_bytes < len(data):
                os.ftruncate(descriptor, log.size_bytes)
        except BaseException:
            os.close(descriptor)
            raise
        return log, records

    def _scan(self, data: bytes) -> Iterator[Record]:
        position = len(MAGIC)
        while position + _HEAD.size <= len(data):
            length, checksum, kind = _HEAD.unpack_from(data, position)
            end = position + _HEAD.size + length
            if length > BODY_BYTES_MAX:
                if any(data[position:]):
                    raise StateError("the card file is damaged", path=str(self.path), offset=position)
                break
            if end > len(data):
                break  # torn: the last record is not all there (at most one record's bytes are given up)
            body = data[position + _HEAD.size : end]
            chain = zlib.crc32(body, zlib.crc32(bytes((kind,)), self._chain))
            if chain != checksum:
                if end == len(data) or not any(data[position:]):
                    break  # torn: the last record, or blocks that never reached the disk
                raise StateError("the card file is damaged", path=str(self.path), offset=position)
            self._chain = chain
            position = end
            yield kind, body
        self.size_bytes = position

    def append(self, records: Iterable[Record], *, durable: bool = False) -> None:
        """Adds records in one write: all of them or none, unless the disk fails, which raises FileError."""
        chain = self._chain
        parts = []
        for kind, body in records:
            chain = zlib.crc32(body, zlib.crc32(bytes((kind,)), chain))
            parts.append(_HEAD.pack(len(body), chain, kind) + body)
        data = b"".join(parts)
        if self.size_bytes + len(data) > FILE_BYTES_MAX:
            raise FileError("the card file is full", path=str(self.path), size=self.size_bytes)
        try:
            self._put(data)
            if durable:
                os.fdatasync(self._descriptor)
        except OSError as error:
            raise FileError("cannot write the card file", path=str(self.path), why=error.strerror or "") from None
        self._chain = chain

    def _put(self, data: bytes) -> None:
        start = self.size_bytes
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            os.ftruncate(self._descriptor, start)  # a disk that is full: nothing half written stays
            raise
        self.size_bytes = start + written

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replaces the whole log by `records`, at once: the file is the old one or the new one, never a mixture."""
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        try:
            fresh = self._write(draft, records)
            draft.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise FileError("cannot rewrite the card file", path=str(self.path), why=error.strerror or "") from None
        os.close(self._descriptor)
        self._descriptor, self._chain, self.size_bytes = fresh._descriptor, fresh._chain, fresh.size_bytes

    def close(self) -> None:
        """Gives the file back; twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
