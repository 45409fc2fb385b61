"""The ledger of a join: what was planned, and what came of each task so far, in a log that survives any interruption.

The first record is the plan; each other one a task's id and its result, on the disk before the next is asked for. A
join that is run again reads it and does what is left.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, Generic, TypeVar

from cccd_core.errors import ConflictError, DamagedError
from cccd_core.plain import decode, encode_record
from cccd_core.storage.log import Log, LogKind

# 3: a first stage centred on the cohort; a join that began with another is not gone on with
KIND: Final = LogKind(b"CCCDJOIN", 3, "ledger of a join", body_bytes_max=1 << 28, file_bytes_max=1 << 33)

P = TypeVar("P")
R = TypeVar("R")


class Ledger(Generic[P, R]):
    """One open ledger, held by this process alone. `done` are results by task."""

    def __init__(self, log: Log, plan: P, done: dict[str, R]) -> None:
        """For `open` and `create`, which are the doors."""
        self._log = log
        self.plan = plan
        self.done = done

    @classmethod
    def create(cls, path: Path, plan: P) -> Ledger[P, R]:
        """A new ledger of this plan, on the disk at return. FileError where the name is taken."""
        return cls(Log.create(path, KIND, [_body(encode_record(plan))]), plan, {})

    @classmethod
    def open(cls, path: Path, plan: type[P], result: type[R]) -> Ledger[P, R]:
        """The ledger that is there. BusyError where another process has it; FileError, DamagedError."""
        log, records = Log.open(path, KIND)
        try:
            if not records:
                raise DamagedError("a ledger without a plan", path=str(path), offset=0)
            try:
                planned = decode(plan, json.loads(records[0].body))
                done: dict[str, R] = {}
                for record in records[1:]:
                    entry: object = json.loads(record.body)
                    if not isinstance(entry, dict) or entry.keys() != {"id", "result"} or type(entry["id"]) is not str:
                        raise ValueError
                    done[entry["id"]] = decode(result, entry["result"])
            except (ValueError, RecursionError):
                raise DamagedError("a ledger says what was never written here", path=str(path)) from None
        except BaseException:
            log.close(durable=False)
            raise
        return cls(log, planned, done)

    def add(self, task: str, result: R) -> None:
        """Keeps a result, on the disk at return. FileError, DiskFullError; ConflictError for one that is too large."""
        body = _body({"id": task, "result": encode_record(result)})
        if len(body) > KIND.body_bytes_max:
            raise ConflictError("a task found more than a ledger holds", task=task, bytes=len(body))
        self._log.append([body], durable=True)
        self.done[task] = result

    def close(self) -> None:
        """Gives the file back."""
        self._log.close(durable=False)


def _body(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()
