"""Whether what a register holds can be: each dossier's events one life, itself where the last of them left it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from sqlalchemy import RowMapping

from cccd_core.errors import CccdError
from cccd_core.issuance.register.dossier_rows import as_event
from cccd_core.issuance.register.life import BEFORE, demand_move


def broken(rows: Iterable[RowMapping]) -> Iterator[str]:
    """A sentence for each dossier whose events are no life. `rows`: dossiers with their events, by dossier and
    sequence; one dossier's are held at a time."""
    for dossier_id, found in groupby(rows, key=lambda row: row["dossier_id"]):
        why = _why(str(dossier_id), found)
        if why is not None:
            yield f"dossier {dossier_id}: {why}"


def _why(dossier_id: str, rows: Iterable[RowMapping]) -> str | None:
    state, sequence, time = BEFORE, 0, None
    for row in rows:
        if row["sequence"] is None:
            return "it has no event"
        try:
            event = as_event(dossier_id, row)
            demand_move(event.before, event.to, reason=event.reason, order=event.order)
        except CccdError as error:
            return f"event {row['sequence']}: {error.message}"
        if (event.before, event.sequence) != (state, sequence + 1):
            return f"event {event.sequence} does not follow the one before it"
        if time is not None and event.time < time:
            return f"event {event.sequence} is of a time before the one before it"
        state, sequence, time = event.to, event.sequence, event.time
        last = (row["state"], row["last_sequence"], row["last_time_us"], row["time_us"])
    if last[:2] != (state, sequence) or last[2] != last[3]:
        return "it is not where its last event left it"
    return None
