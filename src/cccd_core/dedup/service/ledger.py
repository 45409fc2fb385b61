"""The ledger of a service: which requests it took on, and what came of each, in a log that survives any interruption.

The first record says whose it is; then for each request one when it is accepted and one when it is settled, on the disk
before anything is done or told of it where it changes the gallery. It holds references, orders and outcomes, and of
what was sent a digest under a salt of its own: no template, name or number.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from cccd_core.dedup.service.protocol import Operation, Reply, ToldError
from cccd_core.errors import ConflictError, DamagedError
from cccd_core.plain import Json, JsonObject, decode, encode_record
from cccd_core.storage.log import Log, LogKind, LogRecord

LEDGER_FILE: Final = "service.log"
KIND: Final = LogKind(b"CCCDSRVC", 1, "ledger of a service", body_bytes_max=1 << 20, file_bytes_max=1 << 30)
ANSWERS_KEPT: Final = 20_000
ANSWER_BYTES_KEPT: Final = 64 << 20
_REWRITTEN_FROM: Final = 1 << 20  # bytes: a log below is let grow


@dataclass(frozen=True, slots=True, repr=False)
class _Head:
    gallery_id: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that was taken on. `digest` is of what was sent; `after` the gallery's last withdrawal at that time."""

    id: str
    operation: Operation
    digest: bytes = field(repr=False)
    reference: str | None = None
    order: str | None = None
    after: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of it: see `protocol.Reply`."""

    state: Literal["done", "failed"]
    outcome: Json = None
    error: ToldError | None = None
    again: bool = False


@dataclass(slots=True)
class Entry:
    """A request and what came of it; None: it is under way."""

    accepted: Accepted
    settled: Settled | None = None
    bytes_: int = 0

    def reply(self) -> Reply:
        """As it is answered."""
        one, settled = self.accepted, self.settled
        if settled is None:
            return Reply("accepted", one.id, one.operation)
        return Reply(settled.state, one.id, one.operation, settled.outcome, settled.error, settled.again)


class _Requests:
    """The requests that a ledger holds: what its records come to."""

    def __init__(self, most: int) -> None:
        """`most`: how many answers are kept."""
        self.most = most
        self.entries: OrderedDict[str, Entry] = OrderedDict()  # those settled in the order in which they were
        self.settled = self._bytes = 0

    def read(self, body: bytes) -> None:
        """Takes a record that was written. ValueError for what never was."""
        kind = json.loads(body[: body.index(b"\n")])
        said = _said(body, kind)
        if kind == "accepted":
            self.accepted(decode(Accepted, said))
        elif kind == "settled":
            request = said.get("id")
            if not isinstance(request, str) or request not in self.entries:
                raise ValueError
            rest = {name: value for name, value in said.items() if name != "id"}
            self.settle(request, decode(Settled, rest), len(body))
        else:
            raise ValueError

    def accepted(self, accepted: Accepted) -> Entry:
        """A request that was taken on."""
        before = self.entries.pop(accepted.id, None)
        if before is not None and before.settled is not None:
            self._forget(before)
        entry = self.entries[accepted.id] = Entry(accepted)
        return entry

    def settle(self, request: str, settled: Settled, size: int) -> None:
        """What came of one; answers beyond those that are kept are forgotten, the oldest first."""
        entry = self.entries[request]
        if entry.settled is not None:
            raise ValueError("settled twice")
        entry.settled, entry.bytes_ = settled, size
        self.entries.move_to_end(request)
        self.settled += 1
        self._bytes += size
        while self.settled > self.most or self._bytes > ANSWER_BYTES_KEPT:
            oldest = next(name for name, one in self.entries.items() if one.settled is not None)
            self._forget(self.entries.pop(oldest))

    def bodies(self) -> Iterator[bytes]:
        """The records that come to the same."""
        for entry in self.entries.values():
            yield _body("accepted", encode_record(entry.accepted))
            if entry.settled is not None:
                yield _body("settled", {"id": entry.accepted.id, **encode_record(entry.settled)})

    def _forget(self, entry: Entry) -> None:
        self.settled -= 1
        self._bytes -= entry.bytes_


class Ledger:
    """One open ledger, held by this process alone. For one thread at a time."""

    def __init__(self, log: Log, head: _Head, requests: _Requests) -> None:
        """For `open`, which is the door."""
        self._log, self._head, self._requests = log, head, requests
        self._written = log.size_bytes

    @classmethod
    def open(cls, folder: Path, gallery_id: str, *, most: int = ANSWERS_KEPT) -> Ledger:
        """The ledger in a gallery's folder, made where there is none; `most`: how many answers are kept.

        BusyError where another process has it; ConflictError where it is of another gallery; FileError, DamagedError.
        """
        path = folder / LEDGER_FILE
        log, records = Log.open(path, KIND, make=True)
        try:
            if not records:
                head = _Head(gallery_id, secrets.token_bytes(16))
                log.append([_body("head", encode_record(head))], durable=True)
                return cls(log, head, _Requests(most))
            return cls(log, *_replayed(records, gallery_id, path, most))
        except BaseException:
            log.close(durable=False)
            raise

    @property
    def settled(self) -> int:
        """How many answers are kept."""
        return self._requests.settled

    @property
    def most(self) -> int:
        """How many answers are kept at most."""
        return self._requests.most

    def digest(self, *parts: bytes) -> bytes:
        """A digest of what was sent, which says nothing without the ledger and, of an encrypted gallery, its key."""
        mark = hmac.new(self._head.salt, digestmod=hashlib.sha256)
        for part in parts:
            mark.update(len(part).to_bytes(4, "big") + part)
        return mark.digest()

    def get(self, request: str) -> Entry | None:
        """The request of this id."""
        return self._requests.entries.get(request)

    def open_entries(self) -> list[Entry]:
        """Those that are under way."""
        return [entry for entry in self._requests.entries.values() if entry.settled is None]

    def accept(self, accepted: Accepted, *, durable: bool) -> Entry:
        """Takes a request on; one of this id that was settled before is forgotten. FileError, DiskFullError."""
        self._log.append([_body("accepted", encode_record(accepted))], durable=durable)
        return self._requests.accepted(accepted)

    def settle(self, request: str, settled: Settled, *, durable: bool) -> None:
        """Keeps what came of a request. FileError, DiskFullError."""
        body = _body("settled", {"id": request, **encode_record(settled)})
        self._log.append([body], durable=durable)
        self._requests.settle(request, settled, len(body))
        if self._log.size_bytes > max(_REWRITTEN_FROM, 2 * self._written):
            self._log.rewrite(chain([_body("head", encode_record(self._head))], self._requests.bodies()))
            self._written = self._log.size_bytes

    def close(self) -> None:
        """Gives the file back."""
        self._log.close()


def check(folder: Path, gallery_id: str) -> None:
    """Reads the ledger in a gallery's folder, if there is one, whoever has it. DamagedError where it was altered,
    ConflictError where it is of another gallery; FileError."""
    path = folder / LEDGER_FILE
    if path.exists() and (records := Log.read(path, KIND)):
        _replayed(records, gallery_id, path, ANSWERS_KEPT)


def _replayed(records: Sequence[LogRecord], gallery_id: str, path: Path, most: int) -> tuple[_Head, _Requests]:
    """Whose the records of a ledger are, and what they come to. Errors as `check`."""
    requests = _Requests(most)
    try:
        head = decode(_Head, _said(records[0].body, "head"))
        for record in records[1:]:
            requests.read(record.body)
    except (ValueError, RecursionError):
        raise DamagedError("a ledger says what was never written here", path=str(path)) from None
    if head.gallery_id != gallery_id:
        raise ConflictError("the ledger is of another gallery", path=str(path))
    return head, requests


def _body(kind: str, said: JsonObject) -> bytes:
    return b"\n".join(json.dumps(one, separators=(",", ":")).encode() for one in (kind, said))


def _said(body: bytes, kind: str) -> dict[str, object]:
    first, _, rest = body.partition(b"\n")
    said: object = json.loads(rest)
    if json.loads(first) != kind or not isinstance(said, dict):
        raise ValueError
    return said
