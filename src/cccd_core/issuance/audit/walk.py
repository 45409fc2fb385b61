"""What is wrong with a stretch of a trail: each line is laid beside the chain and beside what a key signed, and held.

`audit.verify` comes here where a trail is not as it was written, from the last block on up to which it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cccd_core.errors import CccdError, Fact, FormatError
from cccd_core.issuance.audit import chain
from cccd_core.issuance.audit.chain import Statement
from cccd_core.issuance.audit.findings import AuditKey, Finding, Wrong
from cccd_core.issuance.audit.proven import Proven, Sound
from cccd_core.plain import Json, JsonObject

FINDINGS_MOST: Final = 1000  # a trail of nothing but faults is told by its first ones


@dataclass(frozen=True, slots=True)
class Item:
    """A line that is or was an entry: the digest of what it says, its hash, its time; None where it cannot be read."""

    digest: str | None
    mark: str | None
    at: datetime | None


@dataclass(slots=True)
class Walk:
    """One pass over the lines behind `base` entries of which nothing is wrong. `expected` is the hash that the next
    line must name; None where it cannot be known. `before` finds one of the base by the digest of what it says."""

    keys: tuple[AuditKey, ...]
    version: int = 0
    trail: str | None = None
    about: str | None = None
    entries: list[Item] = field(default_factory=list)
    blocks: int = 0
    signed_to: int = 0
    signed: dict[int, str] = field(default_factory=dict)  # what stood at each number, as a key signed
    back: dict[int, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    expected: str | None = None
    last_number: int = 0
    last_block: int = 0
    covered: int = 0
    latest: datetime | None = None
    unread: list[bytes] = field(default_factory=list, repr=False)
    unsure: int | None = None  # an entry that the next one does not follow: which of the two was altered
    suggested: list[Finding] = field(default_factory=list)  # by the chain alone: what a key signed goes before it
    base: int = 0
    base_head: str | None = None
    first_at: datetime | None = None
    before: Callable[[str], int | None] = lambda _: None
    marks: dict[int, str] = field(default_factory=dict)  # of those numbers of the base that anchors name

    @classmethod
    def behind(
        cls, keys: tuple[AuditKey, ...], proven: Proven, sound: Sound, before: Callable[[str], int | None]
    ) -> Walk:
        """Goes on where a trail was proven sound: at `proven.now` or `proven.sound`."""
        return cls(
            keys, chain.VERSION, sound.trail, sound.about, blocks=sound.blocks, signed_to=sound.covered,
            back={number: by for number, by in proven.back.items() if number <= sound.entries},
            expected=sound.expected, last_number=sound.entries, last_block=sound.block, covered=sound.covered,
            latest=sound.latest, base=sound.entries, base_head=sound.head or None, first_at=sound.first_at,
            before=before,
            marks={number: mark for number, mark in proven.marks.items() if number <= sound.entries},
        )  # fmt: skip

    @property
    def count(self) -> int:
        """The number of the last entry that stands here."""
        return self.base + len(self.entries)

    def numbered(self) -> Iterator[tuple[int, Item]]:
        """The entries behind the base with their numbers."""
        return enumerate(self.entries, self.base + 1)

    def item(self, number: int) -> Item | None:
        """The entry of this number behind the base; None where there is none."""
        return self.entries[number - self.base - 1] if self.base < number <= self.count else None

    @property
    def head(self) -> str | None:
        """The hash of the last entry; None where it cannot be read."""
        return self.entries[-1].mark if self.entries else self.base_head

    def mark(self, number: int) -> str | None:
        """The hash of the entry of this number: of those in the base only where an anchor names it."""
        found = self.item(number)
        return self.marks.get(number) if found is None else found.mark

    def _note(self, finding: Finding) -> None:
        if len(self.findings) < FINDINGS_MOST:
            self.findings.append(finding)

    def begin(self, line: bytes, about: str | None) -> None:
        """The first line: what trail it is. One of version 1 begins with its first entry."""
        record = chain.decoded(line)
        if record is not None and "format" not in record and "state" in record:
            self.version = 1
            self.expected = None if about is None else hashlib.sha256(about.encode()).hexdigest()
            self.about = about
            return
        self.version = chain.VERSION
        if (
            record is None
            or record.get("format") != chain.FORMAT
            or record.get("version") != chain.VERSION
            or record.get("hash") != chain.hash_of(record)
            or not isinstance(record.get("trail"), str)
            or not isinstance(record.get("about"), str)
        ):
            facts: dict[str, Fact] = {"version": _number(record.get("version"))} if record is not None else {}
            self._note(Finding(Wrong.NOT_A_TRAIL, 0, facts))
            return
        self.trail, self.about = str(record["trail"]), str(record["about"])
        self.expected = str(record["hash"])
        if about is not None and about != self.about:
            self._note(Finding(Wrong.OTHER_TRAIL, 0, {"found": self.about, "asked": about}))

    def take(self, line: bytes) -> None:
        """The next line."""
        record = chain.decoded(line)
        if record is None:
            self.unread.append(line)
            return
        if "statement" in record:
            self._block(record)
        else:
            self._entry(record)

    def end(self) -> None:
        """What cannot be read at the end: a block's line is told by its longest part."""
        if self.unsure is not None:
            self._settle_unsure(False)
        for line in self.unread:
            if b'"digests"' in line or b'"statement"' in line:
                self._note(Finding(Wrong.BLOCK_ALTERED, self.last_number + 1))
            else:
                self._lost_line({})
        self.unread = []

    def _lost_line(self, facts: dict[str, Fact]) -> None:
        self.last_number += 1
        self.entries.append(Item(None, None, None))
        self._note(Finding(Wrong.ALTERED, self.last_number, facts))

    def _settle_unread(self, next_number: int, named: Json) -> None:
        """Lines that cannot be read stood before one that follows on entry `next_number - 1`: as many as are missing
        were entries, the others blocks, or never were there."""
        lines, self.unread = self.unread, []
        if not lines:
            return
        missing = max(0, next_number - 1 - self.last_number)
        for place, _ in enumerate(lines):
            if place < missing:
                last = place == len(lines) - 1 and place == missing - 1
                self._lost_line({"hash": str(named)} if last else {})
            else:
                self._note(Finding(Wrong.BLOCK_ALTERED, self.last_number + 1))
        self.expected = None

    def _entry(self, record: JsonObject) -> None:
        number, mark, sound = self._read(record)
        self._settle_unread(number if number is not None else self.last_number + 1, record.get("previous"))
        here = self.last_number + 1
        follows = self.expected is None or record.get("previous") == self.expected
        at = _time(record)
        digest = chain.content_digest(record)
        if not sound:
            self._note(Finding(Wrong.ALTERED, here, self._around(at)))
            number = here
        elif self.unsure is not None:
            self._settle_unsure(follows)
        again = sound and number is not None and number < here  # a line too many: those behind it follow as before
        if sound and number is not None and not (follows and number == here):
            self._out_of_order(number, here, digest, record, follows=follows)
        self.entries.append(Item(digest, mark if sound else None, at))
        if not again:
            self.last_number = number if sound and number is not None else here
            self.expected = mark if sound else None
        if at is not None:
            if self.latest is not None and at < self.latest and len(self.back) < FINDINGS_MOST:
                self.back[self.count] = (self.latest - at).total_seconds()
            self.latest = at
            self.first_at = self.first_at or at

    def _read(self, record: JsonObject) -> tuple[int | None, str | None, bool]:
        """(number from 1, hash, whether the line is by itself as it was written)."""
        number = _number(record.get("seq"))
        mark = record.get("hash")
        sound = isinstance(mark, str) and mark == chain.hash_of(record) and number is not None
        if number is not None and self.version == 1:
            number += 1
        if sound and self.version == chain.VERSION:
            try:
                chain.parse_entry(record, number or 0)
            except (ValueError, KeyError, TypeError, CccdError):
                sound = False
        return number, mark if isinstance(mark, str) else None, sound

    def _out_of_order(self, number: int, here: int, digest: str, record: JsonObject, *, follows: bool) -> None:
        if number > here:
            known: dict[str, Fact] = {"to": number - 1, "hash_of_last": str(record.get("previous"))}
            self._note(Finding(Wrong.MISSING, here, {**self._around(_time(record)), **known}))
        elif number < here:
            few = len(self.findings) < FINDINGS_MOST
            earlier = next((n for n, one in self.numbered() if one.digest == digest), None) if few else None
            if earlier is None and few and number <= self.base:
                earlier = self.before(digest)
            what = Wrong.INSERTED if earlier is None else Wrong.REPEATED
            self._note(Finding(what, here, {} if earlier is None else {"also_at": earlier}))
        elif not follows and here > 1:
            self.unsure = here
        elif not follows:
            self._note(Finding(Wrong.ALTERED, here, self._around(_time(record))))

    def _settle_unsure(self, follows: bool) -> None:
        """An entry did not follow on the one before, each sound by itself: where its own successor follows on it, the
        one before is the altered one."""
        number, self.unsure = self.unsure, None
        if number is not None:
            self.suggested.append(Finding(Wrong.ALTERED, number - 1 if follows else number))

    def _around(self, until: datetime | None) -> dict[str, Fact]:
        """Between which times it was written."""
        facts: dict[str, Fact] = {}
        if self.latest is not None:
            facts["written_after"] = chain.time_text(self.latest)
        if until is not None:
            facts["written_before"] = chain.time_text(until)
        return facts

    def _block(self, record: JsonObject) -> None:
        try:
            statement = chain.parse_statement(record)
            digests = chain.digests_of(record, statement)
            if record.get("hash") != chain.hash_of(record):
                raise FormatError("not as it was written")
        except FormatError:
            self._settle_unread(self.last_number + 1, None)
            self._note(Finding(Wrong.BLOCK_ALTERED, self.last_number + 1))
            self.expected = None
            return
        self._settle_unread(statement.entries + 1, None)
        if self.unsure is not None:
            self._settle_unsure(record.get("previous") == self.expected)
        again = statement.block <= self.last_block  # a line too many: those behind it follow as before
        self._chained_block(record, statement)
        self.blocks += 1
        if not again:
            self.expected = str(record["hash"])
        if not self._signed(statement):
            return
        if statement.since == self.covered or statement.since in self.signed:
            self.signed_to = max(self.signed_to, statement.entries)
        for number, digest in enumerate(digests, statement.since + 1):
            self.signed.setdefault(number, digest)
        last = self.item(statement.entries) if statement.entries == self.count else None
        if last is not None and last.mark is not None and last.mark != statement.head:
            self._note(Finding(Wrong.ALTERED, statement.entries, {"hash": statement.head}))
        self.covered = max(self.covered, statement.entries)

    def _chained_block(self, record: JsonObject, statement: Statement) -> None:
        here = self.last_number + 1
        if statement.since > self.covered:
            self._note(Finding(Wrong.BLOCK_MISSING, statement.since + 1, {"block": self.last_block + 1}))
        elif statement.block != self.last_block + 1 or statement.since != self.covered:
            self._note(Finding(Wrong.BLOCK_ALTERED, here, {"block": statement.block}))
        elif self.expected is not None and record.get("previous") != self.expected:
            self.suggested.append(Finding(Wrong.BLOCK_ALTERED, here))
        if statement.entries > self.last_number:
            known: dict[str, Fact] = {**self._around(statement.at), "to": statement.entries}
            self._note(Finding(Wrong.MISSING, here, known))
            self.last_number = statement.entries
        self.last_block = max(self.last_block, statement.block)

    def _signed(self, statement: Statement) -> bool:
        """Whether a block counts: its signature is that of a key that was given, or none was."""
        here = statement.since + 1
        if statement.trail != self.trail:
            self._note(Finding(Wrong.BLOCK_ALTERED, here, {"of_trail": statement.trail}))
            return False
        if not self.keys:
            return True
        key = next((one for one in self.keys if one.name == statement.key), None)
        if key is None:
            self._note(Finding(Wrong.OTHER_KEY, here, {"block": statement.block, "key": statement.key}))
            return False
        if not key.signed(statement):
            self._note(Finding(Wrong.NOT_SIGNED_SO, here, {"block": statement.block}))
            return False
        return True


def compare_with_signed(walk: Walk) -> None:
    """Names the first entry that is not what the signed lists say."""
    if not walk.keys:
        walk.signed_to = 0
    stands = {number: one.digest for number, one in walk.numbered()}
    for number in sorted(walk.signed):
        if number > walk.base and stands.get(number) != walk.signed[number]:
            walk.findings.append(_first_difference(walk, stands, number))
            break
    borne_out = {number for number, digest in walk.signed.items() if stands.get(number) == digest}
    explained = {one.number - more for one in walk.findings if one.what is Wrong.BLOCK_MISSING for more in (0, 1)}
    told = bool(walk.findings)
    walk.findings += [one for one in walk.suggested if not told or one.number not in borne_out | explained]


def _first_difference(walk: Walk, stands: dict[int, str | None], number: int) -> Finding:
    was, after = walk.signed[number], walk.signed.get(number + 1)
    here = stands.get(number)
    facts: dict[str, Fact] = {"digest": was}
    before = walk.item(number - 1)
    if before is not None and before.at is not None:
        facts["written_after"] = chain.time_text(before.at)
    now_at = next((place for place, one in stands.items() if one == was and place > number), None)
    if number > walk.count:
        return Finding(Wrong.MISSING, number, facts)
    if here is not None:
        also = next((place for place, one in stands.items() if one == here and place != number), None)
        if also is None and here not in walk.signed.values():
            also = walk.before(here)
        if also is not None:
            return Finding(Wrong.REPEATED, number, {"also_at": also})
    if now_at is None:
        gone = here is not None and here in (after, *(walk.signed.get(number + more) for more in range(2, 64)))
        return Finding(Wrong.MISSING if gone else Wrong.ALTERED, number, facts)
    moved = here is not None and here in walk.signed.values() and now_at != number + 1
    if moved or (here is not None and here == after):
        return Finding(Wrong.REORDERED, number, {**facts, "now_at": now_at})
    return Finding(Wrong.INSERTED, number, {"signed_entry_now_at": now_at})


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _time(record: JsonObject) -> datetime | None:
    try:
        return chain.time_of(record.get("at"))
    except ValueError:
        return None
