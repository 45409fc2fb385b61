"""The ledger of one private key: every signature counted, in an append-only file.

A record stands in the ledger before the key signs, so there is no signature without a record. What is guaranteed:

* killed at any moment (kill -9 included), the ledger names every signature that was made, in order, and at most one
  a thread that was not: the process ended between record and signature. Signing the same thing again is a second record
  with the same digest;
* after a power cut records may be lost, never the count: numbers are reserved in blocks, a block is forced to the disk
  before its first number is used, and what of it is not accounted for counts as used (`unaccounted`). A run that ends
  well gives back what it did not use.

Bodies of the framed log (`storage.log`), integers big-endian:

    K  32 bytes   SHA-256 of the key's SubjectPublicKeyInfo, curve by name; the first record
    R  u64 first number, u32 how many, 16 bytes boot, u64 microseconds since 1970
    S  u64 number, u64 microseconds, u8 purpose, 32 bytes SHA-256 of what is signed, 16 bytes run (or zeros)
    X  u64 the number from which the rest of the last block is given back
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import struct
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final

from cccd_core.errors import BusyError, ConflictError, DamagedError, SigningError
from cccd_core.plain import JsonObject
from cccd_core.storage.log import Log, LogKind, LogRecord

KIND = LogKind(
    magic=b"CCCDLEDG", version=1, what="signature ledger", body_bytes_max=128, file_bytes_max=1 << 30,
)  # fmt: skip
BLOCK: Final = 2048
"""How many numbers are reserved at a time: one forced write to the disk for so many signatures."""
PROOF: Final = b"cccd_core: does this key belong to its certificate"
"""What a token's key signs when it is opened, to prove that it is the certificate's."""
NO_RUN: Final = bytes(16)
NO_BOOT: Final = bytes(16)

_KEY: Final = struct.Struct(">c32s")
_BLOCK: Final = struct.Struct(">cQI16sQ")
_SIGNATURE: Final = struct.Struct(">cQQB32s16s")
_REST: Final = struct.Struct(">cQ")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_MICROSECONDS: Final = 1_000_000


class Purpose(IntEnum):
    """What a key signed."""

    OTHER = 0
    SECURITY_OBJECT = 1
    CERTIFICATE = 2
    REVOCATION_LIST = 3
    MASTER_LIST = 4
    DEVIATION_LIST = 5
    PROTOCOL = 6
    PROOF = 7
    AUDIT = 8

    @property
    def word(self) -> str:
        """As it is shown."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Entry:
    """One signature: its number from 0, when (aware), what for, SHA-256 of what was signed, the run (16 bytes)."""

    number: int
    time: dt.datetime
    purpose: Purpose
    digest: bytes
    run: bytes

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {
            "number": self.number, "time": self.time.isoformat(), "purpose": self.purpose.word,
            "digest": self.digest.hex(), "run": None if self.run == NO_RUN else self.run.hex(),
        }  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What a ledger adds up to. `used` counts signatures and numbers that are unaccounted for."""

    key: bytes = b""
    used: int = 0
    unaccounted: int = 0
    runs: Counter[bytes] = field(default_factory=Counter)
    first: dt.datetime | None = None
    last: dt.datetime | None = None
    _purposes: list[int] = field(default_factory=lambda: [0] * len(Purpose))
    _reserved: int = 0
    _boot: bytes = b""

    @property
    def purposes(self) -> dict[Purpose, int]:
        """How many signatures for what."""
        return {purpose: self._purposes[purpose] for purpose in Purpose if self._purposes[purpose]}

    @property
    def signatures(self) -> int:
        """The signatures that are recorded."""
        return self.used - self.unaccounted

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {
            "key": self.key.hex(), "used": self.used, "signatures": self.signatures, "unaccounted": self.unaccounted,
            "purposes": {purpose.word: count for purpose, count in self.purposes.items()},
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
        }  # fmt: skip

    def _take(self, record: LogRecord) -> Entry | None:
        """Adds one record; the entry where it is a signature. DamagedError where it contradicts those before."""
        body = record.body
        kind = body[:1]
        try:
            if kind == b"S" and self.key:
                _, number, at, purpose, digest, run = _SIGNATURE.unpack(body)
                if number == self.used < self._reserved:
                    entry = Entry(number, _time(at), Purpose(purpose), digest, run)
                    self._sign(purpose, run, entry.time)
                    return entry
            elif kind == b"R" and self.key:
                _, first, count, boot, _ = _BLOCK.unpack(body)
                if first in (self.used, self._reserved) and count:
                    self._lose(first)
                    self._reserved, self._boot = first + count, boot
                    return None
            elif kind == b"X" and self.key:
                _, rest = _REST.unpack(body)
                if rest == self.used <= self._reserved:
                    self._reserved = rest
                    return None
            elif kind == b"K" and not self.key:
                _, self.key = _KEY.unpack(body)
                return None
        except (struct.error, ValueError, OverflowError):
            pass
        raise DamagedError("the signature ledger contradicts itself", offset=record.offset)

    def _sign(self, purpose: int, run: bytes, at: dt.datetime) -> None:
        self.used += 1
        self._purposes[purpose] += 1
        self.runs[run] += 1
        self.first = self.first or at
        self.last = at

    def _lose(self, first: int) -> None:
        self.unaccounted += first - self.used
        self.used = first

    def _settle(self, boot: bytes) -> None:
        """What is left of a block whose process ended: still unused where this machine has not been started anew
        since (what was written is then all there), used for all that is known otherwise."""
        if boot == NO_BOOT or boot != self._boot:
            self._lose(self._reserved)


class Ledger:
    """The open ledger of one key, held by this process alone; safe to use from several threads.

    `limit` is how many signatures the key may make; None: any number.
    """

    def __init__(self, log: Log, tally: Tally, limit: int | None) -> None:
        """For `open`, which is the door."""
        self._log = log
        self._tally = tally
        self._limit = limit
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, log.close, durable=False)

    @classmethod
    def open(cls, path: Path, key: bytes, *, limit: int | None = None) -> Ledger:
        """Takes the ledger of the key with this SHA-256, made where it is missing. Errors as `Log.open`; ConflictError
        where it is another key's, DamagedError where it contradicts itself."""
        log, records = Log.open(path, KIND, make=True)
        try:
            tally = Tally()
            for record in records:
                tally._take(record)
            if not tally.key:
                log.append([_KEY.pack(b"K", key)], durable=True)
                tally.key = key
            elif tally.key != key:
                raise ConflictError("the ledger is another key's", path=str(path))
            tally._settle(_boot())
        except DamagedError as error:
            log.close(durable=False)
            raise error.with_facts(path=str(path)) from None
        except BaseException:
            log.close(durable=False)
            raise
        return cls(log, tally, limit)

    @property
    def used(self) -> int:
        """How many signatures count: those recorded, and those that may have been."""
        return self._tally.used

    @property
    def remaining(self) -> int | None:
        """How many the key may still make; None: any number."""
        return None if self._limit is None else max(0, self._limit - self._tally.used)

    def of_run(self, run: bytes) -> int:
        """The signatures recorded for this run."""
        return self._tally.runs[run]

    def record(self, digest: bytes, purpose: Purpose, *, run: bytes = NO_RUN, at: dt.datetime) -> int:
        """Records one signature that is to be made now, of what has this SHA-256; its number.

        SigningError where the key has made all it may; FileError where the disk does not obey. Cost: some microseconds,
        and one forced write for every `BLOCK` of them.
        """
        if os.getpid() != self._pid:
            raise BusyError("another process is using the signature ledger", path=str(self._log.path))
        with self._lock:
            tally = self._tally
            number = tally.used
            if self._limit is not None and number >= self._limit:
                raise SigningError("the key has made all the signatures it may", limit=self._limit, used=number)
            if number >= tally._reserved:
                self._reserve()
            micros = int(at.timestamp() * _MICROSECONDS)
            self._log.append([_SIGNATURE.pack(b"S", number, micros, purpose, digest, run)], durable=False)
            tally._sign(purpose, run, at)
            return number

    def close(self) -> None:
        """Gives back the numbers that are reserved and unused, and the file. Closing twice does nothing."""
        with self._lock:
            if not self._finalizer.detach():
                return
            try:
                if self._pid == os.getpid() and self._tally._reserved > self._tally.used:
                    rest = [_REST.pack(b"X", self._tally.used)]
                    self._log.append(rest, durable=True)
                    self._log.append(rest, durable=False)  # vouches that all before it had reached the disk
            finally:
                self._log.close()

    def _reserve(self) -> None:
        tally = self._tally
        count = BLOCK if self._limit is None else min(BLOCK, self._limit - tally.used)
        boot = _boot()
        now = int(time.time() * _MICROSECONDS)
        self._log.append([_BLOCK.pack(b"R", tally.used, count, boot, now)], durable=True)
        tally._reserved, tally._boot = tally.used + count, boot


def read(path: Path) -> Tally:
    """What the ledger at `path` adds up to, whoever holds it, changing nothing. FileError, DamagedError."""
    tally = Tally()
    for _ in _replay(tally, path):
        pass
    tally._settle(_boot())
    return tally


def entries(path: Path) -> Iterator[Entry]:
    """Every signature in the ledger at `path`, in order. FileError, DamagedError."""
    yield from _replay(Tally(), path)


def key_digest(spki: bytes) -> bytes:
    """The name of a key in its ledger: SHA-256 of its SubjectPublicKeyInfo."""
    return hashlib.sha256(spki).digest()


def _replay(tally: Tally, path: Path) -> Iterator[Entry]:
    records: Iterable[LogRecord] = Log.read(path, KIND)
    for record in records:
        try:
            entry = tally._take(record)
        except DamagedError as error:
            raise error.with_facts(path=str(path)) from None
        if entry is not None:
            yield entry


def _boot() -> bytes:
    """Which start of this machine it is; nothing where it does not say, and then no two starts are the same."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text(encoding="ascii").strip().replace("-", ""))[:16].ljust(16, b"\0")
    except (OSError, ValueError):
        return NO_BOOT


def _time(micros: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(micros / _MICROSECONDS, dt.UTC)
