"""The audit trail of a run: one line for each final state, each line bound to the one before.

A line is a JSON object with `seq`, `at`, `dossier`, `state`, `reason`, `card_serial`, `previous` (the `hash` of the
line before, or of the run's name for the first) and `hash`, the SHA-256 of the line without its `hash`, keys in order.
So a line that is changed, taken out or put in is noticed by `verify_audit`; whole lines cut off the end are not. A torn
last line (the process was killed while it wrote) is cut when the trail is opened again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cccd_core.errors import DamagedError
from cccd_core.plain import Json, JsonObject
from cccd_core.storage.log import LineLog

_FILE_BYTES_MAX = 1 << 32


@dataclass(frozen=True, slots=True)
class Event:
    """What is told of one dossier."""

    dossier_id: str
    state: str
    reason: str | None
    card_serial: str | None


class Audit:
    """Appends to the trail of one run. Events that stand there already are not written again.

    FileError where it cannot be read or written, DamagedError where it was changed.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._log = LineLog(path, "audit trail")
        self._last = hashlib.sha256(run.encode()).hexdigest()
        self._told: dict[str, Event] = {}  # the last event of each dossier
        self.lines = 0
        for line in self._log.load(most=_FILE_BYTES_MAX):
            self._take(line)

    def append(self, events: Iterable[Event]) -> None:
        """Writes one line for each event that is not the last one told of its dossier; on the disk when it ends."""
        lines = []
        for event in events:
            if self._told.get(event.dossier_id) == event:
                continue
            record: dict[str, Json] = {
                "seq": self.lines,
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "dossier": event.dossier_id,
                "state": event.state,
                "reason": event.reason,
                "card_serial": event.card_serial,
                "previous": self._last,
            }
            record["hash"] = self._last = _hash(record)
            self.lines += 1
            self._told[event.dossier_id] = event
            lines.append(_encode(record))
        self._log.append(lines)

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            stated = record.pop("hash")
            event = Event(record["dossier"], record["state"], record["reason"], record["card_serial"])
            sound = record["previous"] == self._last and record["seq"] == self.lines and _hash(record) == stated
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise DamagedError("the audit trail was changed", path=str(self._log.path), line=self.lines + 1)
        self._last = stated
        self.lines += 1
        self._told[event.dossier_id] = event


def verify_audit(path: Path, run: str) -> int:
    """Checks the whole chain and returns its number of lines. DamagedError where it does not hold."""
    return Audit(path, run).lines


def _encode(record: JsonObject) -> bytes:
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _hash(record: JsonObject) -> str:
    return hashlib.sha256(_encode(record)).hexdigest()
