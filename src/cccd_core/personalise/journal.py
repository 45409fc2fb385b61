"""The journal of a personalisation run: which card is bound to which person, and how far it got. Imports errors alone.

An append-only file of checksummed records. A record that decides something (a binding, a finished verification, a
spoiled card) is on the disk before the call returns, so a card is bound to its person before its first byte is
written. One process may hold the journal at a time. What the last interruption tore off is cut; a journal damaged
anywhere else is refused, never repaired by guessing.

File format, version 1, integers big-endian:

    header   8 bytes  "CCCDJRNL", then u32 version, u32 CRC-32 of these 12 bytes
    record   4 bytes  "REC1", u32 payload length (at most 65,536), u64 position up to which the file was known to be on
             the disk when the record was written, u32 CRC-32 of everything of the record but this field,
             then the payload: a JSON object in UTF-8

The disk position makes the rule for a bad record exact: where a later, good record vouches that the bad place had
already reached the disk, the file was damaged (StateError); otherwise writing was interrupted there, and nothing that
follows was ever acted upon.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cccd_core.errors import FileError, StateError

_MAGIC = b"CCCDJRNL"
_VERSION = 1
_HEADER = struct.Struct(">8sII")
_MARK = b"REC1"
_FRAME = struct.Struct(">4sIQ")  # mark, payload length, synced position; the CRC follows
_CRC = struct.Struct(">I")
_PREFIX = _FRAME.size + _CRC.size
_PAYLOAD_LIMIT = 65_536


class Stage(StrEnum):
    """How far a card got; the order is the order of work, `SPOILED` and `SET_ASIDE` end it."""

    BOUND = "bound"  # the card belongs to this person from here on; nothing written yet
    WRITING = "writing"
    WRITTEN = "written"  # every file and secret is on it; the lock may have been sent, its answer may be lost
    LOCKED = "locked"
    VERIFIED = "verified"
    SPOILED = "spoiled"  # was bound, must be destroyed (and revoked, if it was locked)
    SET_ASIDE = "set_aside"  # never bound: it refused our key or was not blank


@dataclass(frozen=True, slots=True)
class CardRecord:
    """What the journal knows of one card.

    `digests` are the SHA-256 of each file of the image last meant for it; `reached` is the file being written and
    how many of its bytes the card has acknowledged; `complete` the files acknowledged whole under these digests.
    `was_locked`: it was seen locked, or it was spoiled when the lock may have been sent.
    """

    serial: str
    stage: Stage
    job_id: str | None = None
    personal_number: str | None = field(default=None, repr=False)
    digests: Mapping[str, str] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    reached: tuple[str, int] | None = None
    was_locked: bool = False
    reason: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def may_be_locked(self) -> bool:
        """Whether the card was seen locked, or the lock may have been sent: if it is spoiled, it must be revoked."""
        return self.was_locked or self.stage is Stage.WRITTEN

    @property
    def live(self) -> bool:
        """Whether the card is its person's card (finished or under way)."""
        return self.stage not in (Stage.SPOILED, Stage.SET_ASIDE)


class Journal:
    """The one writer of a journal file; safe to use from several threads.

    Opening creates the file where it is missing, reads it whole (memory grows with the number of cards, about 2 kB
    each), cuts a torn tail and takes the lock. Raises FileError when the disk does not obey and StateError for a
    journal held by another process, damaged, or asked for something that contradicts it. After a FileError the
    journal takes no more records: open it again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cards: dict[str, CardRecord] = {}
        self._by_job: dict[str, str] = {}
        self._by_number: dict[str, str] = {}
        self._lock = threading.Lock()  # guards the maps and the end of the file
        self._sync_lock = threading.Lock()  # one fsync at a time; those who wait are carried by it
        self._end = 0
        self._synced = 0
        self._broken = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FileError("the journal cannot be opened", path=str(path), why=error.strerror) from error
        try:
            self._take_lock()
            self._load()
        except BaseException:
            os.close(self._file)
            raise

    # -- reading ---------------------------------------------------------------------------------------------------

    def card(self, serial: str) -> CardRecord | None:
        """What is known of a card; None for one never seen."""
        with self._lock:
            return self._cards.get(serial)

    def card_of_job(self, job_id: str) -> CardRecord | None:
        """The live card of a job, finished or under way."""
        with self._lock:
            serial = self._by_job.get(job_id)
            return None if serial is None else self._cards[serial]

    def card_of_number(self, personal_number: str) -> CardRecord | None:
        """The live card of a person, finished or under way."""
        with self._lock:
            serial = self._by_number.get(personal_number)
            return None if serial is None else self._cards[serial]

    def cards(self) -> tuple[CardRecord, ...]:
        """Every card the journal knows, in the order of first appearance."""
        with self._lock:
            return tuple(self._cards.values())

    # -- writing ---------------------------------------------------------------------------------------------------

    def bind(self, serial: str, job_id: str, personal_number: str, digests: Mapping[str, str]) -> CardRecord:
        """Binds a card to a person, on the disk when this returns; call it before the first write to the card.

        Raises StateError when the card was ever bound or set aside, or the job or the number has a live card.
        """
        return self._append(
            {
                "event": "bind",
                "serial": serial,
                "job": job_id,
                "number": personal_number,
                "digests": dict(digests),
            },
            durable=True,
        )

    def renew(self, serial: str, digests: Mapping[str, str], *, keep: bool) -> CardRecord:
        """Records that a bound, unlocked card now gets this image (a re-run builds a new one); on the disk at return.

        With `keep`, files whose digest is unchanged keep how far they got; otherwise everything is written again.
        """
        return self._append({"event": "renew", "serial": serial, "digests": dict(digests), "keep": keep}, durable=True)

    def progress(self, serial: str, file: str, offset: int, *, complete: bool) -> CardRecord:
        """Records that the card acknowledged `file` up to `offset` bytes. Not forced to the disk: if the last of
        these are lost, a little is written again."""
        return self._append(
            {"event": "progress", "serial": serial, "file": file, "offset": offset, "complete": complete},
            durable=False,
        )

    def written(self, serial: str) -> CardRecord:
        """Every file and secret is acknowledged; the lock may be sent once this is on the disk, as it is at return."""
        return self._append({"event": "written", "serial": serial}, durable=True)

    def locked(self, serial: str) -> CardRecord:
        """The card was seen locked. Not forced to the disk: the card itself says so again."""
        return self._append({"event": "locked", "serial": serial}, durable=False)

    def verified(self, serial: str, evidence: Mapping[str, Any]) -> CardRecord:
        """The card was read back and is as meant; on the disk when this returns. `evidence` is JSON-ready."""
        return self._append({"event": "verified", "serial": serial, "evidence": dict(evidence)}, durable=True)

    def spoil(self, serial: str, reason: str) -> CardRecord:
        """A bound card that can never be handed out (or a handed-out one that is revoked); frees job and number."""
        return self._append({"event": "spoil", "serial": serial, "reason": reason}, durable=True)

    def set_aside(self, serial: str, reason: str) -> CardRecord:
        """A card that was never bound and shall not be: it refused our key, or was not blank."""
        return self._append({"event": "set_aside", "serial": serial, "reason": reason}, durable=True)

    def close(self) -> None:
        """Forces everything to the disk and gives up the lock. Closing twice does nothing."""
        if self._file < 0:
            return
        try:
            if not self._broken:
                self._sync(self._end)
        finally:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- the file --------------------------------------------------------------------------------------------------

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateError("another process holds the journal", path=str(self.path)) from error
        except OSError as error:
            raise FileError("the journal cannot be locked", path=str(self.path), why=error.strerror) from error

    def _load(self) -> None:
        try:
            with open(self._file, "rb", closefd=False) as stream:
                data = stream.read()
        except OSError as error:
            raise FileError("the journal cannot be read", path=str(self.path), why=error.strerror) from error
        header = _HEADER.pack(_MAGIC, _VERSION, zlib.crc32(_HEADER.pack(_MAGIC, _VERSION, 0)[:-4]))
        if len(data) < len(header) and header.startswith(data):
            self._write_header(header)
            return
        if data[: len(_MAGIC)] != _MAGIC:
            raise StateError("this is not a journal", path=str(self.path), offset=0)
        if data[: len(header)] != header:
            raise StateError("the journal has a damaged header or another version", path=str(self.path), offset=8)
        end = len(header)
        for offset, stop, payload in _records(data, end):
            try:
                self._apply(payload)
            except StateError as error:
                raise error.with_facts(path=str(self.path), offset=offset) from None
            end = stop
        if end < len(data):
            self._cut(data, end)
        self._end = self._synced = end

    def _write_header(self, header: bytes) -> None:
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, header, 0)
            os.fsync(self._file)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)  # the new name itself must survive
            finally:
                os.close(folder)
        except OSError as error:
            raise FileError("the journal cannot be written", path=str(self.path), why=error.strerror) from error
        self._end = self._synced = len(header)

    def _cut(self, data: bytes, end: int) -> None:
        vouched = max((synced for _, _, synced in _good_frames(data, end)), default=0)
        if vouched > end:
            raise StateError("the journal is damaged", path=str(self.path), offset=end, good_again_before=vouched)
        try:
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        except OSError as error:
            raise FileError("the journal's torn tail cannot be cut", path=str(self.path), why=error.strerror) from error

    def _append(self, payload: dict[str, Any], *, durable: bool) -> CardRecord:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        if len(body) > _PAYLOAD_LIMIT:
            raise StateError("a journal record is too long", length=len(body), limit=_PAYLOAD_LIMIT)
        with self._lock:
            if self._broken or self._file < 0:
                raise FileError("the journal takes no more records: open it again", path=str(self.path))
            record = self._check(payload)
            frame = _FRAME.pack(_MARK, len(body), self._synced)
            crc = _CRC.pack(zlib.crc32(body, zlib.crc32(frame)))
            self._write(frame + crc + body)
            self._keep(record)
            end = self._end
        if durable:
            self._sync(end)
        return record

    def _write(self, data: bytes) -> None:
        start, view = self._end, memoryview(data)
        try:
            position = start
            while view:
                count = os.pwrite(self._file, view, position)
                position += count
                view = view[count:]
        except OSError as error:
            self._broken = True
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, start)
            raise FileError("the journal cannot be written", path=str(self.path), why=error.strerror) from error
        self._end = position

    def _sync(self, end: int) -> None:
        with self._sync_lock:
            with self._lock:
                if self._broken:
                    raise FileError("the journal takes no more records: open it again", path=str(self.path))
                if self._synced >= end:
                    return
                target = self._end
            try:
                os.fdatasync(self._file)
            except OSError as error:
                # After a failed fsync the kernel may have dropped the pages: nothing since is sure (see fsync(2)).
                with self._lock:
                    self._broken = True
                raise FileError(
                    "the journal did not reach the disk", path=str(self.path), why=error.strerror
                ) from error
            with self._lock:
                self._synced = max(self._synced, target)

    # -- the rules -------------------------------------------------------------------------------------------------

    def _apply(self, payload: Mapping[str, Any]) -> None:
        self._keep(self._check(payload))

    def _keep(self, record: CardRecord) -> None:
        self._cards[record.serial] = record
        if record.job_id is None or record.personal_number is None:
            return
        if record.live:
            self._by_job[record.job_id] = record.serial
            self._by_number[record.personal_number] = record.serial
        elif self._by_job.get(record.job_id) == record.serial:
            del self._by_job[record.job_id]
            del self._by_number[record.personal_number]

    def _check(self, payload: Mapping[str, Any]) -> CardRecord:
        """The record that follows from an event, or StateError where the event contradicts the journal."""
        try:
            event, serial = payload["event"], payload["serial"]
            known = self._cards.get(serial)
            if event == "bind":
                return self._bound(known, payload)
            if event == "set_aside":
                if known is not None:
                    raise StateError("the card is already in the journal", serial=serial, stage=str(known.stage))
                return CardRecord(serial, Stage.SET_ASIDE, reason=payload["reason"])
            if known is None or not known.live:
                raise StateError("the journal has no live card of this serial", serial=serial, event=event)
            return _step(known, event, payload)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StateError("a journal record has an unknown form") from error

    def _bound(self, known: CardRecord | None, payload: Mapping[str, Any]) -> CardRecord:
        serial = payload["serial"]
        if known is not None:
            raise StateError("the card is already in the journal", serial=serial, stage=str(known.stage))
        if payload["job"] in self._by_job:
            raise StateError("the job already has a card", serial=self._by_job[payload["job"]])
        if payload["number"] in self._by_number:
            raise StateError("the person already has a card", serial=self._by_number[payload["number"]])
        return CardRecord(
            serial,
            Stage.BOUND,
            job_id=payload["job"],
            personal_number=payload["number"],
            digests=dict(payload["digests"]),
        )


def _step(known: CardRecord, event: str, payload: Mapping[str, Any]) -> CardRecord:
    if event == "spoil":
        return replace(known, stage=Stage.SPOILED, reason=payload["reason"], was_locked=known.may_be_locked)
    if event == "renew":
        _demand(known, event, Stage.BOUND, Stage.WRITING, Stage.WRITTEN)
        digests = dict(payload["digests"])
        same = {name for name, digest in digests.items() if payload["keep"] and digest == known.digests.get(name)}
        reached = known.reached if known.reached is not None and known.reached[0] in same else None
        return replace(known, stage=Stage.WRITING, digests=digests, complete=known.complete & same, reached=reached)
    if event == "progress":
        _demand(known, event, Stage.BOUND, Stage.WRITING)
        name, offset = payload["file"], int(payload["offset"])
        if payload["complete"]:
            return replace(known, stage=Stage.WRITING, complete=known.complete | {name}, reached=None)
        return replace(known, stage=Stage.WRITING, complete=known.complete - {name}, reached=(name, offset))
    if event == "written":
        _demand(known, event, Stage.BOUND, Stage.WRITING)
        return replace(known, stage=Stage.WRITTEN, reached=None)
    if event == "locked":
        # The lock's answer, and every record since the binding that was not forced to the disk, may be lost.
        _demand(known, event, Stage.BOUND, Stage.WRITING, Stage.WRITTEN, Stage.LOCKED)
        return replace(known, stage=Stage.LOCKED, was_locked=True)
    if event == "verified":
        _demand(known, event, Stage.LOCKED)
        return replace(known, stage=Stage.VERIFIED, evidence=dict(payload["evidence"]))
    raise StateError("a journal record has an unknown event", event=str(event))


def _demand(known: CardRecord, event: str, *stages: Stage) -> None:
    if known.stage not in stages:
        raise StateError("the card is past this", serial=known.serial, stage=str(known.stage), event=event)


def _frame(data: bytes, offset: int) -> tuple[int, int, bytes] | None:
    """The good record at `offset` as (where it ends, synced position, payload); None where there is none."""
    if offset + _PREFIX > len(data):
        return None
    mark, length, synced = _FRAME.unpack_from(data, offset)
    stop = offset + _PREFIX + length
    if mark != _MARK or length > _PAYLOAD_LIMIT or stop > len(data):
        return None
    (crc,) = _CRC.unpack_from(data, offset + _FRAME.size)
    body = data[offset + _PREFIX : stop]
    if zlib.crc32(body, zlib.crc32(data[offset : offset + _FRAME.size])) != crc:
        return None
    return stop, synced, body


def _records(data: bytes, start: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(offset, end, payload) of each good record from `start` up to the first that is not."""
    offset = start
    while (frame := _frame(data, offset)) is not None:
        stop, _, body = frame
        try:
            payload = json.loads(body)
        except ValueError as error:
            raise StateError("a journal record has an unknown form", offset=offset) from error
        if not isinstance(payload, dict):
            raise StateError("a journal record has an unknown form", offset=offset)
        yield offset, stop, payload
        offset = stop


def _good_frames(data: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """(offset, end, synced position) of every good record found anywhere after `start`."""
    offset = data.find(_MARK, start)
    while offset >= 0:
        frame = _frame(data, offset)
        if frame is not None:
            yield offset, frame[0], frame[1]
            offset = data.find(_MARK, frame[0])
        else:
            offset = data.find(_MARK, offset + 1)
