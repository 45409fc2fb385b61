"""Rows of dossiers and events, to and from what they say. What is read is distrusted: another program may have written
it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import RowMapping

from cccd_core.errors import DamagedError
from cccd_core.issuance.register.life import BEFORE, State
from cccd_core.issuance.register.records import DossierRecord, Event, Move, Receipt, time_of

_DIGEST_HEAD: Final = "sha256:"
_SAME: Final = ("kind", "grounds", "unit", "digest")
_TIMES_US: Final = 1 << 57  # up to the year 6500


@dataclass(slots=True)
class Standing:
    """Where a dossier stands while steps are being recorded, and as what it was received."""

    number: int
    state: str
    sequence: int
    time_us: int
    same: tuple[object, ...]


def kept(receipt: Receipt) -> dict[str, object]:
    """What a dossier keeps of its reception for ever."""
    return {
        "dossier_id": receipt.dossier_id,
        "kind": receipt.kind,
        "grounds": receipt.grounds,
        "unit": receipt.unit_id,
        "station": receipt.station,
        "operator": receipt.operator,
        "shift": receipt.shift,
        "digest": bytes.fromhex(receipt.digest.removeprefix(_DIGEST_HEAD)),
    }


def same(receipt: Receipt) -> tuple[object, ...]:
    """By what a dossier that is received again is known to be the one that is there."""
    row = kept(receipt)
    return tuple(row[name] for name in _SAME)


def as_standing(row: RowMapping) -> Standing:
    """Where the dossier of a row stands."""
    one = as_record(row)
    found = tuple(row[name] for name in _SAME)
    return Standing(row["dossier_no"], one.state, one.sequence, row["last_time_us"], found)


def as_record(row: RowMapping) -> DossierRecord:
    """A dossier as it stands. DamagedError where the row is none that this program writes."""
    try:
        return DossierRecord(
            dossier_id=str(row["dossier_id"]),
            kind=str(row["kind"]),
            grounds=row["grounds"],
            unit_id=str(row["unit"]),
            station=row["station"],
            operator=row["operator"],
            shift=row["shift"],
            received=_day(row["received_day"]),
            due=None if row["due_day"] is None else _day(row["due_day"]),
            digest=_DIGEST_HEAD + bytes(row["digest"]).hex(),
            state=State(row["state"]),
            sequence=_count(row["last_sequence"]),
            time=time_of(_count(row["last_time_us"])),
        )
    except (ValueError, TypeError):
        raise DamagedError("the register holds a dossier as it never writes one") from None


def event_row(
    standing: Standing,
    to: State,
    actor: str,
    time_us: int,
    event_id: uuid.UUID,
    reason: str | None = None,
    order: str | None = None,
) -> dict[str, object]:
    """The row of a dossier's next event; it stands behind it from now on. A clock that was set back does not put the
    event before the one that was there: the event has that one's time, and says how far the clock was behind."""
    behind = max(0, standing.time_us - time_us)
    row: dict[str, object] = {
        "dossier_no": standing.number,
        "sequence": standing.sequence + 1,
        "previous": standing.sequence or None,
        "from_state": str(standing.state),
        "to_state": str(to),
        "event_id": event_id.bytes,
        "actor": actor,
        "time_us": time_us + behind,
        "behind_us": behind,
        "reason": reason,
        "ordered_by": order,
    }
    standing.state, standing.sequence, standing.time_us = to, standing.sequence + 1, time_us + behind
    return row


def as_event(dossier_id: str, row: Mapping[str, object] | RowMapping) -> Event:
    """An event as it was recorded. DamagedError where the row is none that this program writes."""
    try:
        before = str(row["from_state"])
        given = row["event_id"]
        if not isinstance(given, bytes | memoryview):
            raise TypeError
        return Event(
            dossier_id=dossier_id,
            sequence=_count(row["sequence"]),
            before=before if before == BEFORE else State(before),
            to=State(str(row["to_state"])),
            actor=str(row["actor"]),
            time=time_of(_count(row["time_us"])),
            behind=timedelta(microseconds=_count(row["behind_us"])),
            reason=_text(row["reason"]),
            order=_text(row["ordered_by"]),
            event_id=uuid.UUID(bytes=bytes(given)),
        )
    except (ValueError, TypeError):
        raise DamagedError("the register holds an event as it never writes one") from None


def same_event(known: Event, move: Move) -> bool:
    """Whether a step was recorded as it is asked for now."""
    given = None if move.time is None else move.time - known.time + known.behind
    return (
        (known.dossier_id, known.to, known.actor, known.reason, known.order)
        == (move.dossier_id, move.to, move.actor, move.reason, move.order)
    ) and not given


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise TypeError
    return value


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < _TIMES_US:
        raise ValueError
    return value
