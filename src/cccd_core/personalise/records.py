"""What a personalisation journal says: one type for each record, what a card is after it, and how it is stored.

A record is stored as a JSON object in UTF-8 whose `record` is a word of `RecordKind`. Session and journal both know
these types, so that nothing is told by a name and a bag of arguments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias, assert_never

from cccd_core import plain
from cccd_core.errors import ConflictError, FormatError
from cccd_core.personalise.evidence import CardEvidence
from cccd_core.personalise.reasons import Reason
from cccd_core.plain import Json, encode_record


class Stage(StrEnum):
    """How far a card got; the order is the order of work, `SPOILED` and `SET_ASIDE` end it."""

    BOUND = "bound"  # the card belongs to this person from here on; nothing written yet
    WRITING = "writing"
    WRITTEN = "written"  # every file and secret is on it; the lock may have been sent, its answer may be lost
    LOCKED = "locked"
    VERIFIED = "verified"
    SPOILED = "spoiled"  # was bound, must be destroyed (and revoked, if it was locked)
    SET_ASIDE = "set_aside"  # never bound: it refused our key or was not blank


class RecordKind(StrEnum):
    """The stored word of each record."""

    BIND = "bind"
    RENEW = "renew"
    REACHED = "reached"
    WRITTEN = "written"
    LOCKED = "locked"
    VERIFIED = "verified"
    SPOILED = "spoiled"
    SET_ASIDE = "set_aside"


# -- the records: `durable` ones are on the disk before anybody acts upon them ---------------------------------------


@dataclass(frozen=True, slots=True)
class Bind:
    """The card is this person's from here on; comes before the first write to it."""

    kind: ClassVar[RecordKind] = RecordKind.BIND
    durable: ClassVar[bool] = True
    serial: str
    job_id: str
    personal_number: str = field(repr=False)
    digests: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Renew:
    """A bound, unlocked card now gets this image, since a re-run builds a new one. With `keep`, files whose digest is
    unchanged keep how far they got; otherwise everything is written again."""

    kind: ClassVar[RecordKind] = RecordKind.RENEW
    durable: ClassVar[bool] = True
    serial: str
    digests: Mapping[str, str] = field(repr=False)
    keep: bool


@dataclass(frozen=True, slots=True)
class Reached:
    """The card acknowledged a file up to `offset` bytes. Not forced: if the last of these are lost, a little is
    written again."""

    kind: ClassVar[RecordKind] = RecordKind.REACHED
    durable: ClassVar[bool] = False
    serial: str
    file: str
    offset: int
    complete: bool

    def __post_init__(self) -> None:
        """ValueError for a place before the file's beginning."""
        if self.offset < 0:
            raise ValueError("not a place in a file")


@dataclass(frozen=True, slots=True)
class Written:
    """Every file and secret is acknowledged; only now may the lock be sent."""

    kind: ClassVar[RecordKind] = RecordKind.WRITTEN
    durable: ClassVar[bool] = True
    serial: str


@dataclass(frozen=True, slots=True)
class Locked:
    """The card was seen locked. Not forced: the card itself says so again."""

    kind: ClassVar[RecordKind] = RecordKind.LOCKED
    durable: ClassVar[bool] = False
    serial: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The card was read back and is as meant."""

    kind: ClassVar[RecordKind] = RecordKind.VERIFIED
    durable: ClassVar[bool] = True
    serial: str
    evidence: CardEvidence = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A bound card that can never be handed out (or a handed-out one that is revoked); frees job and number."""

    kind: ClassVar[RecordKind] = RecordKind.SPOILED
    durable: ClassVar[bool] = True
    serial: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class SetAside:
    """A card that was never bound and shall not be: it refused our key, or was not blank."""

    kind: ClassVar[RecordKind] = RecordKind.SET_ASIDE
    durable: ClassVar[bool] = True
    serial: str
    reason: Reason


JournalRecord: TypeAlias = Bind | Renew | Reached | Written | Locked | Verified | Spoiled | SetAside


# -- what is known of a card -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CardRecord:
    """What the journal knows of one card.

    `digests` are the SHA-256 of each file of the image last meant for it; `reached` is the file being written and
    how many of its bytes the card has acknowledged; `complete` the files acknowledged whole under these digests.
    `was_locked`: it was seen locked, or it was spoiled when the lock may have been sent. `reason`: why it was spoiled
    or set aside. `evidence`: of a card that was verified.
    """

    serial: str
    stage: Stage
    job_id: str | None = None
    personal_number: str | None = field(default=None, repr=False)
    digests: Mapping[str, str] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    reached: tuple[str, int] | None = None
    was_locked: bool = False
    reason: Reason | None = None
    evidence: CardEvidence | None = None

    @property
    def may_be_locked(self) -> bool:
        """Whether the card was seen locked, or the lock may have been sent: if it is spoiled, it must be revoked."""
        return self.was_locked or self.stage is Stage.WRITTEN

    @property
    def live(self) -> bool:
        """Whether the card is its person's card (finished or under way)."""
        return self.stage not in (Stage.SPOILED, Stage.SET_ASIDE)


def first(record: Bind | SetAside) -> CardRecord:
    """What a card is after its first record."""
    match record:
        case Bind(serial, job_id, personal_number, digests):
            return CardRecord(serial, Stage.BOUND, job_id, personal_number, dict(digests))
        case SetAside(serial, reason):
            return CardRecord(serial, Stage.SET_ASIDE, reason=reason)
        case _:
            assert_never(record)


def next_of(known: CardRecord, record: Renew | Reached | Written | Locked | Verified | Spoiled) -> CardRecord:
    """What a live card is after a further record. ConflictError where it is past that."""
    match record:
        case Spoiled(_, reason):
            return replace(known, stage=Stage.SPOILED, reason=reason, was_locked=known.may_be_locked)
        case Renew(_, digests, keep):
            _demand(known, record.kind, Stage.BOUND, Stage.WRITING, Stage.WRITTEN)
            same = {name for name, digest in digests.items() if keep and digest == known.digests.get(name)}
            reached = known.reached if known.reached is not None and known.reached[0] in same else None
            return replace(
                known, stage=Stage.WRITING, digests=dict(digests), complete=known.complete & same, reached=reached
            )
        case Reached(_, name, offset, complete):
            _demand(known, record.kind, Stage.BOUND, Stage.WRITING)
            if complete:
                return replace(known, stage=Stage.WRITING, complete=known.complete | {name}, reached=None)
            return replace(known, stage=Stage.WRITING, complete=known.complete - {name}, reached=(name, offset))
        case Written():
            _demand(known, record.kind, Stage.BOUND, Stage.WRITING)
            return replace(known, stage=Stage.WRITTEN, reached=None)
        case Locked():
            # The lock's answer, and every record since the binding that was not forced to the disk, may be lost.
            _demand(known, record.kind, Stage.BOUND, Stage.WRITING, Stage.WRITTEN, Stage.LOCKED)
            return replace(known, stage=Stage.LOCKED, was_locked=True)
        case Verified(_, evidence):
            _demand(known, record.kind, Stage.LOCKED)
            return replace(known, stage=Stage.VERIFIED, evidence=evidence)
        case _:
            assert_never(record)


def _demand(known: CardRecord, kind: RecordKind, *stages: Stage) -> None:
    if known.stage not in stages:
        raise ConflictError("the card is past this", serial=known.serial, stage=str(known.stage), record=str(kind))


# -- how a record is stored ------------------------------------------------------------------------------------------


_TYPES: Final[dict[RecordKind, type[JournalRecord]]] = {
    kind.kind: kind for kind in (Bind, Renew, Reached, Written, Locked, Verified, Spoiled, SetAside)
}


def encode(record: JournalRecord) -> bytes:
    """A record as it is stored."""
    said = {"record": record.kind, **encode_record(record)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def decode(body: bytes) -> JournalRecord:
    """The opposite of `encode`. FormatError for anything else."""
    try:
        said = plain.decode(Mapping[str, Json], json.loads(body.decode("utf-8")))  # type: ignore[type-abstract]
        kind = plain.decode(RecordKind, said.get("record"))
        return plain.decode(_TYPES[kind], {name: value for name, value in said.items() if name != "record"})
    except (ValueError, RecursionError):
        raise FormatError("not a journal record") from None
