"""The lines of an audit trail: bytes in, bytes out. Each line is bound to the one before by its hash.

A trail is text, a JSON object a line, keys in order, no spaces. The first line says what it is:

    {"about", "at", "format": "cccd-audit", "hash", "trail", "version": 2}   `trail`: 128 random bits; `about`: the run
    {..., "continues": {"entries", "head"}}                                  where it goes on from one of version 1

then entries, numbered from 1, and blocks, in which a key signs for all entries so far:

    {"at", "kind", "what", "actor", "role", "dossier", "card", "order", "reason", "person", "count", "of",
     "seq", "previous", "hash"}
    {"statement": {...}, "signature", "digests", "previous", "hash"}

`hash` is the SHA-256 of the line without it, `previous` the `hash` of the line before; what is not told is left out.
`digests` has eight bytes of the SHA-256 of what each entry since the last block says (of 50,000 at the most), whatever
stands before it: by them an entry that is altered, gone, put in or moved is named, also where somebody made all the
hashes anew.

The statement of a block is what is signed, and is an anchor as it stands: trail, number of the block, entries before
and after, hash of the last one, SHA-256 of `digests`, time, key, algorithm.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from cccd_core.errors import FormatError
from cccd_core.issuance.audit.entry import Actor, Entry, Kind, Role
from cccd_core.plain import Json, JsonObject

FORMAT: Final = "cccd-audit"
VERSION: Final = 2
DIGEST_DIGITS: Final = 16
LINE_BYTES_MAX: Final = 1 << 20
BLOCK_ENTRIES_MOST: Final = 50_000
"""Of so many entries a block's list fits into a line."""

_SIGNED: Final = b"cccd_core audit statement, version 1\n"
_HEX = re.compile(r"[0-9a-f]*")
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing in it is taken for another sign
_CODE_SIGNS = 25
_CODE_GROUP = 5


def encode(record: JsonObject) -> bytes:
    """The one way in which a line is written."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def hash_of(record: JsonObject) -> str:
    """SHA-256 of a line without its `hash`."""
    return hashlib.sha256(encode({name: value for name, value in record.items() if name != "hash"})).hexdigest()


def sealed(record: JsonObject, previous: str | None) -> tuple[bytes, str]:
    """A line that follows on the one with hash `previous` (None: the first), and its hash."""
    whole = record if previous is None else {**record, "previous": previous}
    mark = hash_of(whole)
    return encode({**whole, "hash": mark}), mark


def decoded(line: bytes) -> JsonObject | None:
    """The record of a line; None where it is no JSON object, or not written in the one way."""
    try:
        record = json.loads(line) if len(line) <= LINE_BYTES_MAX else None
        return record if isinstance(record, dict) and encode(record) == line else None
    except (ValueError, RecursionError):
        return None


def time_of(text: object) -> datetime:
    """The time of a line, aware. ValueError."""
    if not isinstance(text, str):
        raise ValueError("no time")
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found


def time_text(at: datetime) -> str:
    """A time as lines hold it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def told(at: datetime) -> datetime:
    """A time as it comes back from a line."""
    return time_of(time_text(at))


# -- entries


def entry_record(entry: Entry, at: datetime) -> JsonObject:
    """What an entry says, without its place in the trail."""
    told: dict[str, Json] = {
        "at": time_text(at),
        "kind": str(entry.kind),
        "what": entry.what,
        "actor": None if entry.actor is None else entry.actor.name,
        "role": None if entry.actor is None else str(entry.actor.role),
        "dossier": entry.dossier,
        "card": entry.card,
        "order": entry.order,
        "reason": entry.reason,
        "person": entry.person,
        "count": entry.count,
        "of": entry.of,
    }
    return {name: value for name, value in told.items() if value is not None}


def content_digest(record: JsonObject) -> str:
    """Eight bytes, hexadecimal, of the digest of what an entry says, wherever it stands."""
    told = {name: value for name, value in record.items() if name not in ("seq", "previous", "hash")}
    return hashlib.sha256(encode(told)).hexdigest()[:DIGEST_DIGITS]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry that stands in a trail: its number from 1, when (by the clock of whoever wrote it)."""

    number: int
    at: datetime
    entry: Entry

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {"number": self.number, **entry_record(self.entry, self.at)}


def parse_entry(record: JsonObject, number: int) -> Recorded:
    """The entry of a record. ValueError, KeyError, TypeError for what is none."""
    actor = record.get("actor")
    role = record.get("role")
    return Recorded(
        number,
        time_of(record["at"]),
        Entry(
            Kind(record["kind"]),  # type: ignore[arg-type]  # ValueError for anything else
            _text(record["what"]),
            None if actor is None else Actor(_text(actor), Role(role)),  # type: ignore[arg-type]  # as above
            **{
                name: None if record.get(name) is None else _text(record[name])
                for name in ("dossier", "card", "order", "reason", "person")
            },
            count=_count(record.get("count")),
            of=_count(record.get("of")),
        ),
    )


def _count(value: Json) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError("no number")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


# -- statements


@dataclass(frozen=True, slots=True)
class Statement:
    """What a key signs of a trail: that after `entries` entries the last one had the hash `head`. `block` numbers the
    statements of a trail from 1; `since` is how many entries the one before covered; `digests` is the SHA-256 of the
    list of this block's entries; `key` the SHA-256 of the SubjectPublicKeyInfo, curve by name."""

    trail: str
    block: int
    since: int
    entries: int
    head: str
    digests: str
    at: datetime
    key: str
    algorithm: str
    signature: bytes = field(default=b"", repr=False)

    def record(self) -> JsonObject:
        """What is signed, as JSON."""
        return {
            "trail": self.trail, "block": self.block, "since": self.since, "entries": self.entries, "head": self.head,
            "digests": self.digests, "at": time_text(self.at), "key": self.key, "algorithm": self.algorithm,
        }  # fmt: skip

    def to_be_signed(self) -> bytes:
        """The bytes that are signed."""
        return _SIGNED + encode(self.record())

    def as_dict(self) -> JsonObject:
        """The statement with its signature: a line of a file of anchors."""
        return {"statement": self.record(), "signature": base64.b64encode(self.signature).decode("ascii")}

    def signed_by(self, signature: bytes) -> Statement:
        """The same statement with its signature."""
        return replace(self, signature=signature)

    @property
    def code(self) -> str:
        """A short line for a bulletin: see `code_of`."""
        return code_of(self.trail, self.entries, self.head)


def parse_statement(record: JsonObject) -> Statement:
    """The statement of a block's line or of an anchor. FormatError for what is none."""
    try:
        told = record["statement"]
        signature = base64.b64decode(_text(record["signature"]), validate=True)
        if not isinstance(told, dict):
            raise TypeError("no statement")
        numbers = [told[name] for name in ("block", "since", "entries")]
        if any(not isinstance(one, int) or isinstance(one, bool) or one < 0 for one in numbers):
            raise ValueError("no number")
        texts = {name: _text(told[name]) for name in ("trail", "head", "digests", "key", "algorithm")}
        if any(not _HEX.fullmatch(texts[name]) for name in ("trail", "head", "digests", "key")):
            raise ValueError("no digits")
        found = Statement(
            block=int(str(numbers[0])), since=int(str(numbers[1])), entries=int(str(numbers[2])),
            at=time_of(told["at"]), signature=signature, **texts,
        )  # fmt: skip
        if found.record() != told or found.since > found.entries:
            raise ValueError("more or less than a statement has")
    except (ValueError, KeyError, TypeError):
        raise FormatError("not a signed statement of an audit trail") from None
    return found


def digest_list(digests: Sequence[str]) -> str:
    """What a statement names a block's list by."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def block_record(statement: Statement, digests: Sequence[str]) -> JsonObject:
    """A block's line, without its place."""
    return {**statement.as_dict(), "digests": "".join(digests)}


def digests_of(record: JsonObject, statement: Statement) -> list[str]:
    """The list of a block's line. FormatError where it is not the one of the statement."""
    text = record.get("digests")
    count = statement.entries - statement.since
    if not isinstance(text, str) or len(text) != DIGEST_DIGITS * count or digest_list([text]) != statement.digests:
        raise FormatError("a block's list of digests is not the one that its statement names")
    return [text[at : at + DIGEST_DIGITS] for at in range(0, len(text), DIGEST_DIGITS)]


# -- the head as a line that can be printed


def code_of(trail: str, entries: int, head: str) -> str:
    """A trail's state in one short line: the first eight digits of its name, how many entries, and 125 bits of a
    digest over both and the last entry's hash, in groups that can be read out. It is as good as the paper it stands
    on: nothing in it is signed."""
    digest = hashlib.sha256(f"cccd_core audit code 1 {trail} {entries} {head}".encode()).digest()
    bits = int.from_bytes(digest, "big") >> (256 - 5 * _CODE_SIGNS)
    signs = "".join(_BASE32[bits >> shift & 31] for shift in range(5 * (_CODE_SIGNS - 1), -1, -5))
    groups = "-".join(signs[at : at + _CODE_GROUP] for at in range(0, _CODE_SIGNS, _CODE_GROUP))
    return f"{trail[:8]} {entries} {groups}"


@dataclass(frozen=True, slots=True)
class Code:
    """A code as it was read off: which trail begins so, how many entries, the digest's signs."""

    trail: str
    entries: int
    signs: str

    @classmethod
    def parse(cls, text: str) -> Code:
        """Reads what `code_of` made, or somebody copied by hand: I and L are taken for 1, O for 0, in either case.
        FormatError."""
        found = re.fullmatch(r"\s*([0-9A-Fa-f]{8})\s+(\d{1,18})\s+([0-9A-Za-z -]+)\s*", text)
        signs = "" if found is None else re.sub(r"[\s-]", "", found[3]).upper()
        signs = signs.replace("I", "1").replace("L", "1").replace("O", "0")
        if found is None or len(signs) != _CODE_SIGNS or not set(signs) <= set(_BASE32):
            raise FormatError("not the code of an audit trail: eight digits, a number, five groups of five signs")
        return cls(found[1].lower(), int(found[2]), signs)

    def fits(self, trail: str, head: str) -> bool:
        """Whether it is the code of that trail, whose entry of this number has that hash."""
        return code_of(trail, self.entries, head).rpartition(" ")[2].replace("-", "") == self.signs
