"""The audit trail of a run: one line for each final state, each line bound to the one before. Imports errors alone.

A line is a JSON object with `seq`, `at`, `dossier`, `state`, `reason`, `card_serial`, `previous` (the `hash` of the
line before, or of the run's name for the first) and `hash`, the SHA-256 of the line without its `hash`, keys in order.
So a line that is changed, taken out or put in is noticed by `verify_audit`. A torn last line (the process was killed
while it wrote) is cut when the trail is opened again; a damage anywhere else is a StateError.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cccd_core.errors import FileError, StateError
from cccd_core.issuance.runstate import Entry


class Audit:
    """Appends to the trail of one run. Events that stand there already are not written again."""

    def __init__(self, path: Path, run: str) -> None:
        self.path = path
        self._last = hashlib.sha256(run.encode()).hexdigest()
        self._count = 0
        self._state: dict[str, tuple[str, str | None, str | None]] = {}  # the last event of each dossier
        try:
            data = path.read_bytes() if path.exists() else b""
            whole = data[: data.rfind(b"\n") + 1]
            for line in whole.splitlines():
                self._take(line)
            if len(whole) < len(data):
                os.truncate(path, len(whole))
        except OSError as error:
            raise FileError("the audit trail cannot be read", path=str(path), why=error.strerror or "") from None

    def append(self, entries: Iterable[Entry]) -> None:
        """Writes one line for each dossier whose final state is not the last one written; on the disk when it ends."""
        lines = []
        for entry in entries:
            event = (entry.state, entry.reason, entry.card_serial)
            if self._state.get(entry.dossier_id) == event:
                continue
            record: dict[str, Any] = {
                "seq": self._count,
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "dossier": entry.dossier_id,
                "state": entry.state,
                "reason": entry.reason,
                "card_serial": entry.card_serial,
                "previous": self._last,
            }
            record["hash"] = self._last = _hash(record)
            self._count += 1
            self._state[entry.dossier_id] = event
            lines.append(_encode(record) + b"\n")
        if not lines:
            return
        try:
            with self.path.open("ab") as file:
                file.write(b"".join(lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise FileError(
                "the audit trail cannot be written", path=str(self.path), why=error.strerror or ""
            ) from None

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            stated = record.pop("hash")
            event = (record["state"], record["reason"], record["card_serial"])
            sound = record["previous"] == self._last and record["seq"] == self._count and _hash(record) == stated
            dossier = record["dossier"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise StateError("the audit trail was changed", path=str(self.path), line=self._count + 1)
        self._last = stated
        self._count += 1
        self._state[dossier] = event


def verify_audit(path: Path, run: str) -> int:
    """Checks the whole chain and returns its number of lines. StateError where it does not hold."""
    return Audit(path, run)._count


def _encode(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _hash(record: dict[str, Any]) -> str:
    return hashlib.sha256(_encode(record)).hexdigest()
