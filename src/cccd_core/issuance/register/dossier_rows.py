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
from cccd_core.issuance.register.records import DossierRecord, Event, Move, Receipt, microseconds, time_of

_DIGEST_HEAD: Final = "sha256:"
STANDING: Final = ("dossier_id", "dossier_no", "state", "last_sequence", "last_time_us")
"""The columns of a dossier by which it is moved."""
SAME: Final = ("kind", "grounds", "unit", "digest")
"""Those by which a dossier that is received again is known to be the one that is there."""
RECORDED: Final = ("event_id", "dossier_no", "to_state", "actor", "time_us", "behind_us", "reason", "ordered_by")
"""The columns of an event by which a step that is asked for again is known to be the one that is there."""
_STATES: Final[Mapping[object, State]] = {str(state): state for state in State}
_TIMES_US: Final = 1 << 57  # up to the year 6500


@dataclass(slots=True)
class Standing:
    """Where a dossier stands while steps are being recorded, and as what it was received where this was asked for."""

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


def as_standing(row: tuple[object, ...]) -> tuple[str, Standing]:
    """The id of a dossier, and where it stands: `row` has the columns of `STANDING`, and maybe those of `SAME`."""
    dossier_id, number, state, sequence, time, *same = row
    try:
        return str(dossier_id), Standing(_count(number), _STATES[state], _count(sequence), _count(time), tuple(same))
    except (ValueError, KeyError, TypeError):
        raise DamagedError("the register holds a dossier as it never writes one") from None


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


def same_event(known: Mapping[str, object], standing: Standing, move: Move) -> bool:
    """Whether a step was recorded as it is asked for now, of the dossier that stands there. `known`: the columns of
    `RECORDED`."""
    told = tuple(known[name] for name in ("dossier_no", "to_state", "actor", "reason", "ordered_by"))
    if told != (standing.number, str(move.to), move.actor, move.reason, move.order):
        return False
    try:
        return move.time is None or microseconds(move.time) == _count(known["time_us"]) - _count(known["behind_us"])
    except ValueError:
        raise DamagedError("the register holds an event as it never writes one") from None


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
