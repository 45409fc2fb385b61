"""How far a trail is as it was written, in one pass and in constant memory.

Whatever is not exactly as it must be ends the pass; what it is is not asked here, but by `audit.walk`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cccd_core.errors import CccdError, FormatError
from cccd_core.issuance.audit import chain
from cccd_core.issuance.audit.chain import BLOCK_ENTRIES_MOST, Statement
from cccd_core.issuance.audit.findings import AuditKey
from cccd_core.plain import JsonObject

_BACK_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Sound:
    """Where a pass stood, all before it as it was written: `lines` were read, `entries` among them, of which `blocks`
    cover `covered`; `expected` is the hash that the next line names."""

    lines: int = 0
    trail: str | None = None
    about: str | None = None
    entries: int = 0
    blocks: int = 0
    block: int = 0
    covered: int = 0
    expected: str = ""
    head: str = ""
    latest: datetime | None = None
    first_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """Entries up to `last` that no block covers yet: the digest of their list, the hash of the last."""

    last: int
    digests: str
    head: str


class Proven:
    """One pass. `sound` is where it may be gone on from when it ended early: the last block, or a stretch of as many
    entries as a block may have. `marks` has the hashes of the entries of the numbers `wanted`."""

    def __init__(self, keys: tuple[AuditKey, ...], about: str | None, wanted: Iterable[int]) -> None:
        self.sound = Sound()
        self.now = Sound()
        self.marks: dict[int, str] = {}
        self.back: dict[int, float] = {}
        self._keys = keys
        self._about = about
        self._wanted = frozenset(wanted)
        self._all = hashlib.sha256()  # what entries say since the last block
        self._part = hashlib.sha256()  # since the last whole part
        self._parts: deque[_Part] = deque()
        self._split = False  # whether a block covered less than all that stood before it

    def take(self, line: bytes) -> bool:
        """The next line, without its end; whether all is as it must be. Behind a False nothing more is to be taken."""
        record = chain.decoded(line)
        if record is None or record.get("hash") != chain.hash_of(record):
            return False
        if not self.now.lines:
            return self._begin(record)
        if record.get("previous") != self.now.expected:
            return False
        taken = self._block(record) if "statement" in record else self._entry(record)
        self.now = replace(self.now, lines=self.now.lines + 1, expected=str(record["hash"])) if taken else self.now
        if taken and ("statement" in record or (self._parts and self._parts[-1].last == self.now.entries)):
            self.sound = self.now
        return taken

    def _begin(self, record: JsonObject) -> bool:
        trail, about = record.get("trail"), record.get("about")
        if (record.get("format"), record.get("version")) != (chain.FORMAT, chain.VERSION):
            return False
        if not isinstance(trail, str) or not isinstance(about, str) or self._about not in (None, about):
            return False
        self.now = Sound(1, trail, about, expected=str(record["hash"]))
        return True

    def _entry(self, record: JsonObject) -> bool:
        now, number = self.now, record.get("seq")
        if not isinstance(number, int) or isinstance(number, bool) or number != now.entries + 1:
            return False
        try:
            at = chain.parse_entry(record, number).at
        except (ValueError, KeyError, TypeError, CccdError):
            return False
        mark = str(record["hash"])
        if number in self._wanted:
            self.marks[number] = mark
        if now.latest is not None and at < now.latest and len(self.back) < _BACK_MOST:
            self.back[number] = (now.latest - at).total_seconds()
        self.now = replace(now, entries=number, head=mark, latest=at, first_at=now.first_at or at)
        digest = chain.content_digest(record).encode()
        self._all.update(digest)
        self._part.update(digest)
        if (number - now.covered) % BLOCK_ENTRIES_MOST == 0:
            self._parts.append(_Part(number, self._part.hexdigest(), mark))
            self._part = hashlib.sha256()
        return True

    def _block(self, record: JsonObject) -> bool:
        now = self.now
        try:
            statement = chain.parse_statement(record)
            chain.digests_of(record, statement)
        except FormatError:
            return False
        follows = (now.trail, now.block + 1, now.covered) == (statement.trail, statement.block, statement.since)
        if not follows or not self._covers(statement) or not self._signed(statement):
            return False
        if statement.entries == now.entries:
            self._all, self._part, self._split = hashlib.sha256(), hashlib.sha256(), False
            self._parts.clear()
        self.now = replace(now, blocks=now.blocks + 1, block=statement.block, covered=statement.entries)
        return True

    def _covers(self, statement: Statement) -> bool:
        """Whether it says what stands there, of all that no block covers yet or of the first part of it."""
        now = self.now
        whole = self._part if self._split else self._all
        if statement.entries == now.entries and statement.head == now.head and not (self._split and self._parts):
            return statement.digests == whole.hexdigest()
        if not self._parts:
            return False
        part = self._parts.popleft()
        self._split = True
        return (statement.entries, statement.digests, statement.head) == (part.last, part.digests, part.head)

    def _signed(self, statement: Statement) -> bool:
        return not self._keys or any(key.name == statement.key and key.signed(statement) for key in self._keys)
