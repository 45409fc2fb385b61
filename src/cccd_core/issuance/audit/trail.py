"""Writes an audit trail: append-only, chained, signed in blocks. What is acknowledged is on the disk.

Where a trail is kept is behind `audit.stores`; what the lines say is `audit.chain`, whether they hold `audit.verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Final

from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import CccdError, DamagedError
from cccd_core.issuance.audit import chain, earlier
from cccd_core.issuance.audit.chain import BLOCK_ENTRIES_MOST, Recorded, Statement
from cccd_core.issuance.audit.entry import Entry
from cccd_core.issuance.audit.findings import key_name
from cccd_core.issuance.audit.stores import BytesReader, TrailReader, TrailStore, Writing
from cccd_core.issuance.audit.verify import verify
from cccd_core.plain import Json, JsonObject
from cccd_core.signing.signer import Signer
from cccd_core.storage.database import LostConnectionError

BLOCK_ENTRIES: Final = 1000
"""After so many entries a block is signed, also in the middle of a run."""
_TRIES: Final = 3


def _no_signer() -> Signer | None:
    return None


class Trail:
    """A trail that any number of threads, processes and machines add to, at its end: nothing else of it is read.

    `about`: what it tells of; one that is there must be of the same, unless it is None (then one that is begun is of
    `acts`). `signer` is asked for a key when a block is due; None is a trail that stays unsigned.
    """

    def __init__(
        self,
        store: TrailStore,
        about: str | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        signer: Callable[[], Signer | None] = _no_signer,
    ) -> None:
        self._store = store
        self._about = about
        self._clock = clock
        self._signer = signer
        self._continues: tuple[int, str] | None = None
        self._known = (0, "")  # the number and hash of the last entry that was seen
        self._covered: int | None = None  # up to where a block covers, where that is known

    @property
    def where(self) -> str:
        """The place, in errors."""
        return self._store.where

    @property
    def entries(self) -> int:
        """The number of the last entry that was seen or added here."""
        return self._known[0]

    def append(self, entries: Iterable[Entry]) -> range:
        """Adds entries, each with the time by the clock, and returns their numbers; they are on the disk when it ends,
        all of them or none. A block is signed where one is due.

        FileError; DamagedError where the end of the trail is not as it was written, or less than was seen before;
        SigningError and what the signer raises: the entries stand.
        """
        new = list(entries)
        if not new:
            return range(0)
        numbers = self._kept(new)
        if self._due():
            self.seal()
        return numbers

    def seal(self) -> Statement | None:
        """Signs for what no block covers yet, where there is something and a key; the last statement of the trail, None
        where there is none. Errors as `append`."""
        if next(self._store.lines(), None) is None:
            return None
        with self._store.writing() as held:
            end = self._end(held)
            before, digests, marks = _uncovered(held, self._store.where)
            self._covered = 0 if before is None else before.entries
            signer = self._signer() if digests else None
            if signer is None:
                self._signer = self._signer if not digests else _no_signer
                return before
            lines: list[bytes] = []
            last, statement = end.last, before
            while digests:
                now, digests = digests[:BLOCK_ENTRIES_MOST], digests[BLOCK_ENTRIES_MOST:]
                statement = self._statement(signer, statement, end.trail, now, marks[len(now) - 1])
                marks = marks[len(now) :]
                line, last = chain.sealed(chain.block_record(statement, now), last)
                lines.append(line)
            held.append(lines)
        self._covered = end.entries
        return statement

    def _due(self) -> bool:
        """Whether so many entries stand behind the last block that one is to be signed, if there is a key."""
        if self._signer is _no_signer or self.entries < BLOCK_ENTRIES:
            return False
        if self._covered is None:
            with self._store.writing() as held:
                before, _, _ = _uncovered(held, self._store.where)
            self._covered = 0 if before is None else before.entries
        return self.entries - self._covered >= BLOCK_ENTRIES

    def _kept(self, new: Sequence[Entry]) -> range:
        """Adds entries; made again where the database was lost and nothing of them was kept."""
        for tried in range(1, _TRIES + 1):
            lines: list[bytes] = []
            try:
                with self._store.writing() as held:
                    first, lines, known = self._lines(held, new)
                    held.append(lines)
            except LostConnectionError as error:
                if not error.undone and lines and self._store.holds(lines[-1]):
                    break
                if tried == _TRIES:
                    raise
            else:
                break
        self._known = known
        return range(first, first + len(new))

    def _lines(self, held: Writing, new: Sequence[Entry]) -> tuple[int, list[bytes], tuple[int, str]]:
        """The number of the first new entry, the lines to be added, and number and hash of the last."""
        at = self._clock()
        lines: list[bytes] = []
        if held.first() is None:
            lines.append(self._first_line(at))
            number, last = 0, _mark_of(lines[0])
            if self._known[0]:
                raise DamagedError("the audit trail is gone", path=self._store.where, entries=self._known[0])
        else:
            end = self._end(held)
            number, last = end.entries, end.last
        first = number + 1
        for number, entry in enumerate(new, first):
            line, last = chain.sealed({**chain.entry_record(entry, at), "seq": number}, last)
            lines.append(line)
        return first, lines, (number, last)

    def _end(self, held: Writing) -> _End:
        """Where the trail stands, by its first line and its last one."""
        head, tail = chain.decoded(held.first() or b""), chain.decoded(next(held.back(), b""))
        found = None if head is None or tail is None else _end_of(head, tail)
        if found is None:
            raise DamagedError("the end of the audit trail is not as it was written", path=self._store.where,
                               needs="cccd audit verify")  # fmt: skip
        if self._about is not None and found.about != self._about:
            raise DamagedError("this is another audit trail", path=self._store.where, found=found.about)
        known, mark = self._known
        if found.entries < known or (found.entries == known and found.head != mark):
            first = min(known, found.entries + 1)
            raise DamagedError("the audit trail was changed", path=self._store.where, entry=first)
        return found

    def _first_line(self, at: datetime) -> bytes:
        """The line that begins a trail."""
        record: dict[str, Json] = {
            "format": chain.FORMAT, "version": chain.VERSION, "trail": token_hex(16), "about": self._about or "acts",
            "at": chain.time_text(at),
        }  # fmt: skip
        if self._continues is not None:
            record["continues"] = {"entries": self._continues[0], "head": self._continues[1]}
        return chain.sealed(record, None)[0]

    def _statement(
        self, signer: Signer, before: Statement | None, trail: str, digests: Sequence[str], head: str
    ) -> Statement:
        parts = certificate_parts(signer.certificate_der)
        since = 0 if before is None else before.entries
        statement = Statement(
            trail=trail, block=1 if before is None else before.block + 1, since=since, entries=since + len(digests),
            head=head, digests=chain.digest_list(digests), at=chain.told(self._clock()),
            key=key_name(parts.spki, parts.public_key), algorithm=signer.algorithm.name,
        )  # fmt: skip
        return statement.signed_by(signer.sign(statement.to_be_signed()))


class RunTrail(Trail):
    """The trail of one run, which alone adds to it: it is read and verified whole when it is opened, and what stands
    there is not told again. `about` is the run.

    FileError where it cannot be read, DamagedError, with the entry and what is wrong, where it was altered, or is of
    another run.
    """

    def __init__(
        self,
        store: TrailStore,
        about: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        signer: Callable[[], Signer | None] = _no_signer,
    ) -> None:
        super().__init__(store, about, clock=clock, signer=signer)
        self._told: dict[str, Entry] = {}
        first = next(store.lines(), b"")
        before = store.aside()
        self._earlier = earlier.is_line(first.removesuffix(b"\n"))
        if self._earlier:
            before = [line[:-1] for line in store.lines() if line.endswith(b"\n")]
        if before:
            self._demand_sound(BytesReader(b"".join(line + b"\n" for line in before)))
            self._continues = (len(before), _mark_of(before[-1]))
            for line in before:
                self._remember(earlier.parse(chain.decoded(line) or {}, 0).entry)
        if first.endswith(b"\n") and not self._earlier:
            self._demand_sound(store)
            for recorded in read(store):
                self._remember(recorded.entry)

    def tell(self, entries: Iterable[Entry]) -> None:
        """As `append`, of those that are not the last told of their dossier already: called again after an
        interruption it adds what is missing."""
        self.append([entry for entry in entries if self._told.get(entry.dossier or "") != _matter(entry)])

    def append(self, entries: Iterable[Entry]) -> range:
        """As `Trail.append`."""
        new = list(entries)
        if new and self._earlier:
            self._store.set_aside()
            self._earlier = False
        try:
            return super().append(new)
        finally:
            for entry in new:
                self._remember(entry)

    def seal(self) -> Statement | None:
        """As `Trail.seal`."""
        return None if self._earlier else super().seal()

    def _demand_sound(self, reader: TrailReader) -> None:
        found = verify(reader, about=self._about)
        if not found.sound:
            first = found.findings[0]
            raise DamagedError(
                "the audit trail was changed", path=self._store.where, entry=first.number, wrong=first.what.text
            )

    def _remember(self, entry: Entry) -> None:
        if entry.dossier is not None:
            self._told[entry.dossier] = _matter(entry)


def read(trail: bytes | TrailReader) -> Iterator[Recorded]:
    """Every entry of a trail that can be read, of any version, in the order in which they stand, one by one."""
    reader = BytesReader(trail) if isinstance(trail, bytes) else trail
    number = 0
    for line in reader.lines():
        record = chain.decoded(line.removesuffix(b"\n"))
        if record is None or "statement" in record or "format" in record:
            continue
        parse = earlier.parse if earlier.is_line(line.removesuffix(b"\n")) else chain.parse_entry
        with suppress(ValueError, KeyError, TypeError, CccdError):
            found = parse(record, number + 1)
            number += 1
            yield found


def last_statement(trail: bytes | TrailReader) -> Statement | None:
    """The last block's statement in a trail; None where no key has signed."""
    reader = BytesReader(trail) if isinstance(trail, bytes) else trail
    found = None
    for line in reader.lines():
        if line.startswith(_BLOCK):
            record = chain.decoded(line.removesuffix(b"\n"))
            found = record if record is not None and "statement" in record else found
    return None if found is None else chain.parse_statement(found)


_BLOCK: Final = b'{"digests":'  # names stand in order, and no other line has this one


class _End:
    """Where a trail stands: its name, how many entries, the hash of the last one, and of the last line."""

    def __init__(self, trail: str, about: str, entries: int, head: str, last: str) -> None:
        self.trail, self.about, self.entries, self.head, self.last = trail, about, entries, head, last


def _end_of(head: JsonObject, tail: JsonObject) -> _End | None:
    trail, about, mark = head.get("trail"), head.get("about"), tail.get("hash")
    sound = all(one.get("hash") == chain.hash_of(one) for one in (head, tail))
    if not sound or head.get("version") != chain.VERSION or not isinstance(trail, str) or not isinstance(about, str):
        return None
    if "statement" in tail:
        with suppress(CccdError):
            statement = chain.parse_statement(tail)
            return _End(trail, about, statement.entries, statement.head, str(mark))
        return None
    number = tail.get("seq", 0 if "format" in tail else None)
    if not isinstance(number, int):
        return None
    return _End(trail, about, number, str(mark) if number else "", str(mark))


def _uncovered(held: Writing, where: str) -> tuple[Statement | None, list[str], list[str]]:
    """The last statement, and digests and hashes of the entries behind it, each of which follows on the one before."""
    digests: list[str] = []
    marks: list[str] = []
    statement, following = None, None
    for line in held.back():
        record = chain.decoded(line)
        if record is None or record.get("hash") != chain.hash_of(record) or following not in (None, record["hash"]):
            raise DamagedError("the end of the audit trail is not as it was written", path=where,
                               needs="cccd audit verify")  # fmt: skip
        following = record.get("previous")
        if "statement" in record:
            statement = chain.parse_statement(record)
            break
        if "seq" not in record:
            break
        digests.append(chain.content_digest(record))
        marks.append(str(record["hash"]))
    return statement, digests[::-1], marks[::-1]


def _matter(entry: Entry) -> Entry:
    """What is told, whoever tells it."""
    return replace(entry, actor=None, order=None)


def _mark_of(line: bytes) -> str:
    record = chain.decoded(line)
    return "" if record is None else str(record.get("hash"))
