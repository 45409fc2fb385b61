"""The journal of a personalisation run: which card is bound to which person, and how far it got.

The records (`records.py`) lie in a `storage.log`, one process at a time, read whole at opening. A record that decides
something is on the disk before `append` returns. What the last interruption tore off is cut; a journal damaged anywhere
else is refused, never repaired by guessing.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cccd_core.errors import ConflictError, DamagedError, FormatError
from cccd_core.personalise.records import (
    Bind,
    CardRecord,
    JournalRecord,
    SetAside,
    decode,
    encode,
    first,
    next_of,
)
from cccd_core.storage.faults import file_error
from cccd_core.storage.log import Log, LogKind

JOURNAL_FILE: Final = LogKind(b"CCCDJRNL", 2, "journal", body_bytes_max=65_536, file_bytes_max=1 << 32)


class CardKnownError(ConflictError):
    """The card to be bound or set aside is in the journal already: somebody else was quicker with it."""


class Journal:
    """The one writer of a journal file; safe to use from several threads.

    Opening creates the file where it is missing, reads it whole (memory grows with the number of cards, about 2 kB
    each), cuts a torn tail and takes the lock. FileError when the disk does not obey, BusyError where another process
    has it, DamagedError where it is none, of another version, damaged, or contradicts itself. After a FileError the
    journal takes no more records: open it again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cards: dict[str, CardRecord] = {}
        self._by_job: dict[str, str] = {}
        self._by_number: dict[str, str] = {}
        self._lock = threading.Lock()  # guards the maps and the order of the records
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise file_error("the journal cannot be opened", error, path=str(path)) from None
        self._log, found = Log.open(path, JOURNAL_FILE, make=True)
        try:
            for offset, body in found:
                try:
                    self._keep(self._following(decode(body)))
                except (FormatError, ConflictError) as error:
                    raise DamagedError(
                        "a journal record cannot be", **{**error.facts, "path": str(path), "offset": offset},
                        why=error.message,
                    ) from None  # fmt: skip
        except BaseException:
            self._log.close(durable=False)
            raise

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

    def append(self, record: JournalRecord) -> CardRecord:
        """Adds a record and returns what the card is after it. A record whose type is `durable` is on the disk then.

        ConflictError, and nothing is added, where the record contradicts the journal: CardKnownError for a card to be
        bound or set aside that was seen before. FileError when the disk does not obey.
        """
        body = encode(record)
        with self._lock:
            following = self._following(record)
            self._log.append([body], durable=False)
            self._keep(following)
        if record.durable:
            self._log.sync()  # outside the lock: those who wait are carried by one force together
        return following

    @property
    def synced_bytes(self) -> int:
        """Up to which position the file is known to be on the disk."""
        return self._log.synced_bytes

    def close(self) -> None:
        """Forces everything to the disk and gives up the lock. Closing twice does nothing."""
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _following(self, record: JournalRecord) -> CardRecord:
        known = self._cards.get(record.serial)
        if isinstance(record, Bind | SetAside):
            if known is not None:
                raise CardKnownError("the card is already in the journal", serial=record.serial, stage=str(known.stage))
            if isinstance(record, Bind):
                if record.job_id in self._by_job:
                    raise ConflictError("the job already has a card", serial=self._by_job[record.job_id])
                if record.personal_number in self._by_number:
                    raise ConflictError("the person already has a card", serial=self._by_number[record.personal_number])
            return first(record)
        if known is None or not known.live:
            what = str(record.kind)
            raise ConflictError("the journal has no live card of this serial", serial=record.serial, record=what)
        return next_of(known, record)

    def _keep(self, card: CardRecord) -> None:
        self._cards[card.serial] = card
        if card.job_id is None or card.personal_number is None:
            return
        if card.live:
            self._by_job[card.job_id] = card.serial
            self._by_number[card.personal_number] = card.serial
        elif self._by_job.get(card.job_id) == card.serial:
            del self._by_job[card.job_id]
            del self._by_number[card.personal_number]
