"""Writes an audit trail: append-only, chained, signed in blocks. What is acknowledged is on the disk.

Where a trail is kept is behind `TrailStore`; here it is a file of lines (`FileStore`). What the lines say is
`audit.chain`, whether they hold `audit.verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Final, Protocol

from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import CccdError, DamagedError, FileError
from cccd_core.issuance.audit import chain, earlier
from cccd_core.issuance.audit.chain import Recorded, Statement
from cccd_core.issuance.audit.entry import Entry
from cccd_core.issuance.audit.findings import Verification, key_name
from cccd_core.issuance.audit.verify import verify
from cccd_core.plain import Json
from cccd_core.signing.signer import Signer
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error
from cccd_core.storage.log import LineLog

BLOCK_ENTRIES: Final = 1000
"""After so many entries a block is signed, also in the middle of a run."""
FILE_BYTES_MAX: Final = 1 << 32
_WHAT: Final = "audit trail"


class TrailStore(Protocol):
    """Where the lines of one trail are kept. Errors name the place; nothing in it is ever changed or taken out."""

    @property
    def where(self) -> str:
        """The place, in errors."""

    def load(self) -> list[bytes]:
        """Every whole line, in order; what an interruption tore off is cut. FileError."""

    def append(self, lines: Iterable[bytes]) -> None:
        """Adds lines: all of them, and on the disk at return, or none. FileError."""

    def set_aside(self) -> None:
        """Puts the trail that stands here, one of an earlier version, where `aside` finds it; nothing where there is
        none. FileError."""

    def aside(self) -> list[bytes]:
        """The lines that were put aside; none where there are none. FileError."""


class FileStore:
    """A trail in a file, a line a record. One of an earlier version is put beside it as `NAME.v1.jsonl`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._log = LineLog(path, _WHAT)
        self._aside = path.with_name(f"{path.stem}.v1{path.suffix}")

    @property
    def where(self) -> str:
        """See `TrailStore`."""
        return str(self.path)

    def load(self) -> list[bytes]:
        """See `TrailStore`."""
        return self._log.load(most=FILE_BYTES_MAX)

    def append(self, lines: Iterable[bytes]) -> None:
        """See `TrailStore`."""
        self._log.append(lines)

    def set_aside(self) -> None:
        """See `TrailStore`."""
        if not self.path.exists():
            return
        try:
            self.path.rename(self._aside)
            whole_file.sync_folder(self.path.parent)
        except OSError as error:
            raise file_error("the trail of an earlier version cannot be put aside", error, path=self.where) from None

    def aside(self) -> list[bytes]:
        """See `TrailStore`."""
        return LineLog(self._aside, _WHAT).load(most=FILE_BYTES_MAX)


def _no_signer() -> Signer | None:
    return None


class Trail:
    """One trail, open for writing; whoever opens it keeps others from writing to it meanwhile.

    `about`: the run (or register) that it tells of. `signer` is asked for a key when the first block is due; None is a
    trail that stays unsigned. FileError where it cannot be read, DamagedError, with the entry and what is wrong, where
    it was altered, or is of another run.
    """

    def __init__(
        self,
        store: TrailStore,
        about: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        signer: Callable[[], Signer | None] = _no_signer,
    ) -> None:
        self._store = store
        self._about = about
        self._clock = clock
        self._signer = signer
        self._earlier: tuple[int, str] | None = None  # entries and head of a trail of version 1, to be put aside
        self._trail = ""
        self._head = ""  # hash of the last entry
        self._last = ""  # hash of the last line
        self._unsigned: list[str] = []
        self._told: dict[str, Entry] = {}
        self._broken = False
        self.entries = 0
        self.statement: Statement | None = None
        self._load()

    def append(self, entries: Iterable[Entry]) -> None:
        """Adds entries, each with the time by the clock; they are on the disk when it ends, all of them or none. A
        block is signed where one is due. FileError; SigningError and what the signer raises: the entries stand."""
        self._demand_sound()
        new = list(entries)
        if not new:
            return
        at = self._clock()
        lines, digests = self._first_line(at), []
        last = self._last if not lines else _mark_of(lines[-1])
        for number, entry in enumerate(new, self.entries + 1):
            record = chain.entry_record(entry, at)
            digests.append(chain.content_digest(record))
            line, last = chain.sealed({**record, "seq": number}, last)
            lines.append(line)
        self._write(lines)
        self.entries += len(new)
        self._head = self._last = last
        self._unsigned += digests
        for entry in new:
            self._remember(entry)
        if len(self._unsigned) >= BLOCK_ENTRIES:
            self.seal()

    def tell(self, entries: Iterable[Entry]) -> None:
        """As `append`, of those that are not the last told of their dossier already: called again after an
        interruption it adds what is missing."""
        self.append([entry for entry in entries if self._told.get(entry.dossier or "") != _matter(entry)])

    def seal(self) -> Statement | None:
        """Signs for what no block covers yet, where there is something and a key; the last statement of the trail, None
        where there is none. What the signer raises."""
        self._demand_sound()
        signer = self._signer() if self._unsigned else None
        if signer is None:
            return self.statement
        parts = certificate_parts(signer.certificate_der)
        before = 0 if self.statement is None else self.statement.entries
        statement = Statement(
            trail=self._trail, block=1 if self.statement is None else self.statement.block + 1, since=before,
            entries=self.entries, head=self._head, digests=chain.digest_list(self._unsigned),
            at=chain.told(self._clock()), key=key_name(parts.spki, parts.public_key), algorithm=signer.algorithm.name,
        )  # fmt: skip
        signed = statement.signed_by(signer.sign(statement.to_be_signed()))
        line, mark = chain.sealed(chain.block_record(signed, self._unsigned), self._last)
        self._write([line])
        self._last, self._unsigned, self.statement = mark, [], signed
        return signed

    def _first_line(self, at: datetime) -> list[bytes]:
        """The line that begins a trail; none where it has begun."""
        if self._trail:
            return []
        if self._earlier is not None:
            self._store.set_aside()
        self._trail = token_hex(16)
        record: dict[str, Json] = {
            "format": chain.FORMAT, "version": chain.VERSION, "trail": self._trail, "about": self._about,
            "at": chain.time_text(at),
        }  # fmt: skip
        if self._earlier is not None:
            record["continues"] = {"entries": self._earlier[0], "head": self._earlier[1]}
        return [chain.sealed(record, None)[0]]

    def _write(self, lines: list[bytes]) -> None:
        try:
            self._store.append(lines)
        except BaseException:
            self._broken = True  # what reached the disk is not known
            raise

    def _demand_sound(self) -> None:
        if self._broken:
            raise FileError("the audit trail takes no more entries: open it again", path=self._store.where)

    def _load(self) -> None:
        lines, before = self._store.load(), self._store.aside()
        if lines and earlier.is_line(lines[0]):
            lines, before = [], lines
        if before:
            self._check(before)
            for line in before:
                self._remember(earlier.parse(chain.decoded(line) or {}, 0).entry)
            self._earlier = (len(before), _mark_of(before[-1]))
        if lines:
            self._trail = self._check(lines).trail or ""
            for line in lines[1:]:
                self._take(line)
            self._last = _mark_of(lines[-1])

    def _check(self, lines: list[bytes]) -> Verification:
        found = verify(b"".join(line + b"\n" for line in lines), about=self._about)
        if not found.sound:
            first = found.findings[0]
            raise DamagedError(
                "the audit trail was changed", path=self._store.where, entry=first.number, wrong=first.what.text
            )
        return found

    def _remember(self, entry: Entry) -> None:
        if entry.dossier is not None:
            self._told[entry.dossier] = _matter(entry)

    def _take(self, line: bytes) -> None:
        record = chain.decoded(line) or {}
        if "statement" in record:
            self.statement = chain.parse_statement(record)
            self._unsigned = []
            return
        told = chain.parse_entry(record, self.entries + 1)
        self.entries, self._head = told.number, str(record["hash"])
        self._unsigned.append(chain.content_digest(record))
        self._remember(told.entry)


def read(data: bytes) -> list[Recorded]:
    """Every entry of a trail that can be read, of any version, in the order in which they stand."""
    found: list[Recorded] = []
    for line in data.split(b"\n"):
        record = chain.decoded(line)
        if record is None or "statement" in record or "format" in record:
            continue
        parse = earlier.parse if earlier.is_line(line) else chain.parse_entry
        with suppress(ValueError, KeyError, TypeError, CccdError):
            found.append(parse(record, len(found) + 1))
    return found


def last_statement(data: bytes) -> Statement | None:
    """The last block's statement in a trail; None where no key has signed."""
    for line in reversed(data.split(b"\n")):
        record = chain.decoded(line)
        if record is not None and "statement" in record:
            return chain.parse_statement(record)
    return None


def _matter(entry: Entry) -> Entry:
    """What is told, whoever tells it."""
    return replace(entry, actor=None, order=None)


def _mark_of(line: bytes) -> str:
    record = chain.decoded(line)
    return "" if record is None else str(record.get("hash"))
