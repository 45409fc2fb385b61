"""What the software card remembers without power, and the records that change it.

Every change is a record: it is logged first, then applied. A card in memory applies without logging. A record of the
card file is one byte of type and a body (`Kind`); the file is a `storage.log`, in which every good record behind a bad
one means damage, since a card's answer is believed before its record is forced to the disk.

What survives what. A record is one write before the card answers: once the answer is out, killing the process loses
nothing. A power cut of the *host* may lose the last records, since only those that must never be undone (the maker's,
the lock, what terminal authentication has learnt) are forced to the disk; the card then stands where it was some
commands before, as a real card stands after a torn write.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final

from cccd_core.card.profile import LifeCycle
from cccd_core.card.scp03 import Scp03Keys
from cccd_core.emrtd.cv.authorization import Role
from cccd_core.emrtd.cv.certificate import TAG_BODY, CvBody, parse_body
from cccd_core.emrtd.cv.trust_points import TRUST_POINTS_MAX
from cccd_core.emrtd.tlv import read_one
from cccd_core.errors import DamagedError, FormatError
from cccd_core.storage.log import Log, LogKind

FILE_BYTES_MAX: Final = 65_535
FILES_MAX: Final = 64
SECRET_BYTES_MAX: Final = 1_100  # an RSA key of 8192 bits
_COMPACT_SLACK_BYTES: Final = 1 << 18
_FILE: Final = struct.Struct(">BHBH")
_WRITE: Final = struct.Struct(">BHH")
_COUNTERS: Final = struct.Struct(">IHI")
_TRUST: Final = struct.Struct(">IB")

CARD_FILE: Final = LogKind(
    b"CCCDCARD",
    3,
    "card file",
    body_bytes_max=(1 << 17) + 1,
    file_bytes_max=1 << 24,
    interrupted_anywhere=False,
    earlier=(b"CCCDVC1\n",),
)


class Directory(IntEnum):
    """Where a file lies."""

    MASTER_FILE = 0
    APPLICATION = 1


class Kind(IntEnum):
    """Types of records."""

    IDENTITY = 1
    FILE = 2
    WRITE = 3
    SECRETS = 4
    LIFE_CYCLE = 5
    COUNTERS = 6
    TRUST = 7
    KEYS = 8


@dataclass(frozen=True, slots=True)
class Identity:
    """What the maker gave the card."""

    serial: bytes
    keys: Scp03Keys
    memory_bytes: int
    select_mf: bool

    def pack(self) -> bytes:
        """serial, keys, version, memory, options; each variable part with its length."""
        parts = (self.serial, self.keys.enc, self.keys.mac, self.keys.dek)
        head = b"".join(bytes((len(part),)) + part for part in parts)
        return head + struct.pack(">BIB", self.keys.version, self.memory_bytes, self.select_mf)

    def with_keys(self, keys: Scp03Keys) -> Identity:
        """The same card with other keys."""
        return Identity(self.serial, keys, self.memory_bytes, self.select_mf)

    @classmethod
    def unpack(cls, body: bytes) -> Identity:
        """The opposite of `pack`. DamagedError for anything else."""
        parts: list[bytes] = []
        position = 0
        for _ in range(4):
            size = body[position] if position < len(body) else 0
            parts.append(body[position + 1 : position + 1 + size])
            position += 1 + size
        if len(body) != position + 6 or not 1 <= len(parts[0]) <= 32:
            raise DamagedError("the card file's identity is damaged")
        if len(parts[1]) not in (16, 24, 32) or not len(parts[1]) == len(parts[2]) == len(parts[3]):
            raise DamagedError("the card file's keys are damaged")
        version, memory, select_mf = struct.unpack_from(">BIB", body, position)
        if version > 0x7F:
            raise DamagedError("the card file's key version is damaged", version=version)
        return cls(parts[0], Scp03Keys(parts[1], parts[2], parts[3], version), memory, bool(select_mf))


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the card trusts to name inspection systems: the keys of its CVCA, the most recent first, and the day that it
    takes it to be."""

    today: dt.date
    points: tuple[CvBody, ...]

    def pack(self) -> bytes:
        """The day as its ordinal, the number of points, each with its length."""
        rows = [point.encode() for point in self.points]
        return _TRUST.pack(self.today.toordinal(), len(rows)) + b"".join(
            len(row).to_bytes(2, "big") + row for row in rows
        )

    @classmethod
    def unpack(cls, body: bytes) -> Trust:
        """The opposite of `pack`. struct.error, ValueError and FormatError for anything else."""
        ordinal, count = _TRUST.unpack_from(body)
        points: list[CvBody] = []
        position = _TRUST.size
        for _ in range(count):
            size = int.from_bytes(body[position : position + 2], "big")
            row = body[position + 2 : position + 2 + size]
            points.append(parse_body(read_one(row, TAG_BODY)))
            position += 2 + size
        whole = all(point.authorization.role is Role.CVCA and point.public_key.key is not None for point in points)
        if position != len(body) or not 1 <= count <= TRUST_POINTS_MAX or not whole:
            raise ValueError
        return cls(dt.date.fromordinal(ordinal), tuple(points))


@dataclass(slots=True)
class StoredFile:
    """One elementary file."""

    sfi: int
    content: bytearray = field(repr=False)


class CardMemory:
    """The non-volatile memory. `path` None keeps it in this process alone."""

    def __init__(self, identity: Identity, log: Log | None) -> None:
        self.identity = identity
        self.life_cycle = LifeCycle.BLANK
        self.files: dict[tuple[Directory, int], StoredFile] = {}
        self.secrets: dict[int, bytes] = {}
        self.trust: Trust | None = None
        self.sequence_counter = 0
        self.channel_failures = 0  # SCP03, consecutive
        self.access_failures = 0  # PACE and BAC, consecutive
        self.bytes_used = 0
        self._log = log

    @classmethod
    def create(cls, path: Path | None, identity: Identity) -> CardMemory:
        """A blank card's memory. FileError where `path` exists."""
        log = None if path is None else Log.create(path, CARD_FILE, [_record(Kind.IDENTITY, identity.pack())])
        return cls(identity, log)

    @classmethod
    def open(cls, path: Path) -> CardMemory:
        """The memory of a card file, as after its last whole record. FileError where it cannot be read, BusyError
        where another process has it, DamagedError where it is no card file, damaged, or its records contradict each
        other."""
        log, records = Log.open(path, CARD_FILE)
        try:
            if not records or records[0].body[:1] != bytes((Kind.IDENTITY,)):
                raise DamagedError("the card file has no identity", path=str(path))
            memory = cls(Identity.unpack(records[0].body[1:]), log)
            for offset, body in records[1:]:
                try:
                    memory._apply(body[0] if body else 0, body[1:])
                except DamagedError as error:
                    raise error.with_facts(offset=offset) from None
            memory._compact()
        except DamagedError as error:
            log.close(durable=False)
            raise error.with_facts(path=str(path)) from None
        except BaseException:
            log.close(durable=False)
            raise
        return memory

    def close(self) -> None:
        """Gives the card file back."""
        if self._log is not None:
            self._log.close(durable=False)

    # ---- changes: each is one record, on its way to the disk before it is true

    def create_file(self, directory: Directory, fid: int, sfi: int, size: int) -> None:
        """A new empty file in place of whatever had its identifier."""
        self._change((Kind.FILE, _FILE.pack(directory, fid, sfi, size)))

    def write(self, directory: Directory, fid: int, offset: int, data: bytes) -> None:
        """Bytes into a file that has room for them."""
        self._change((Kind.WRITE, _WRITE.pack(directory, fid, offset) + data))

    def store_secrets(self, values: dict[int, bytes], trust: Trust | None = None) -> None:
        """All secrets at once, and whom the card trusts, in place of all there were."""
        body = b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in values.items())
        self._change((Kind.TRUST, b"" if trust is None else trust.pack()), (Kind.SECRETS, body))

    def set_trust(self, trust: Trust) -> None:
        """A later day, another trust point: one change, forced to the disk, since it must never be undone."""
        self._change((Kind.TRUST, trust.pack()), durable=True)

    def set_keys(self, keys: Scp03Keys) -> None:
        """Other SCP03 keys: the whole identity again, in one record, which is on the disk before the card answers."""
        self._change((Kind.KEYS, self.identity.with_keys(keys).pack()), durable=True)

    def set_life_cycle(self, state: LifeCycle) -> None:
        """The next state; the lock is forced to the disk."""
        self._change((Kind.LIFE_CYCLE, bytes((state,))), durable=state is LifeCycle.LOCKED)

    def set_counters(
        self, *, sequence: int | None = None, channel_failures: int | None = None, access_failures: int | None = None
    ) -> None:
        """Any of the counters; no record where nothing changes."""
        values = (
            self.sequence_counter if sequence is None else sequence,
            self.channel_failures if channel_failures is None else channel_failures,
            self.access_failures if access_failures is None else access_failures,
        )
        if values != (self.sequence_counter, self.channel_failures, self.access_failures):
            self._change((Kind.COUNTERS, _COUNTERS.pack(*values)))

    def _change(self, *records: tuple[Kind, bytes], durable: bool = False) -> None:
        if self._log is not None:
            self._log.append([_record(kind, body) for kind, body in records], durable=durable)
        for kind, body in records:
            self._apply(kind, body)
        if self._log is not None and self._log.size_bytes > 4 * self.bytes_used + 8 * _COMPACT_SLACK_BYTES:
            self._compact()

    # ---- records

    def _apply(self, kind: int, body: bytes) -> None:
        try:
            if kind == Kind.FILE:
                self._apply_file(*_FILE.unpack(body))
            elif kind == Kind.WRITE:
                directory, fid, offset = _WRITE.unpack_from(body)
                self._apply_write(directory, fid, offset, body[_WRITE.size :])
            elif kind == Kind.SECRETS:
                self.secrets = dict(_secrets(body))
                self._touched()
            elif kind == Kind.TRUST:
                self.trust = Trust.unpack(body) if body else None
            elif kind == Kind.LIFE_CYCLE:
                self.life_cycle = LifeCycle(body[0])
            elif kind == Kind.KEYS:
                self.identity = Identity.unpack(body)
            elif kind == Kind.COUNTERS:
                self.sequence_counter, self.channel_failures, self.access_failures = _COUNTERS.unpack(body)
            else:
                raise DamagedError("the card file has a record of an unknown type", type=kind)
        except (struct.error, ValueError, IndexError, KeyError, OverflowError, FormatError):
            raise DamagedError("the card file has a record that cannot be", type=kind, length=len(body)) from None

    def _apply_file(self, directory: int, fid: int, sfi: int, size: int) -> None:
        key = Directory(directory), fid
        old = self.files.get(key)
        if not 1 <= size <= FILE_BYTES_MAX or sfi > 30 or (old is None and len(self.files) >= FILES_MAX):
            raise ValueError
        self.bytes_used += size - (len(old.content) if old else 0)
        self.files[key] = StoredFile(sfi, bytearray(size))
        self._touched()

    def _apply_write(self, directory: int, fid: int, offset: int, data: bytes) -> None:
        content = self.files[Directory(directory), fid].content
        if offset + len(data) > len(content):
            raise ValueError
        content[offset : offset + len(data)] = data

    def _touched(self) -> None:
        if self.life_cycle is LifeCycle.BLANK:
            self.life_cycle = LifeCycle.PERSONALISING

    def _snapshot(self) -> Iterator[bytes]:
        yield _record(Kind.IDENTITY, self.identity.pack())
        for (directory, fid), stored in self.files.items():
            yield _record(Kind.FILE, _FILE.pack(directory, fid, stored.sfi, len(stored.content)))
            yield _record(Kind.WRITE, _WRITE.pack(directory, fid, 0) + stored.content)
        if self.secrets:
            body = b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in self.secrets.items())
            yield _record(Kind.SECRETS, body)
        if self.trust is not None:
            yield _record(Kind.TRUST, self.trust.pack())
        yield _record(Kind.LIFE_CYCLE, bytes((self.life_cycle,)))
        yield _record(Kind.COUNTERS, _COUNTERS.pack(self.sequence_counter, self.channel_failures, self.access_failures))

    def _compact(self) -> None:
        if self._log is not None and self._log.size_bytes > 2 * self.bytes_used + _COMPACT_SLACK_BYTES:
            self._log.rewrite(self._snapshot())


def _record(kind: Kind, body: bytes) -> bytes:
    return bytes((kind,)) + body


def _secrets(body: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(body):
        tag, size = struct.unpack_from(">HH", body, position)
        value = body[position + 4 : position + 4 + size]
        if len(value) != size or size > SECRET_BYTES_MAX:
            raise ValueError
        position += 4 + size
        yield tag, value
