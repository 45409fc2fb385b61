"""The register of dossiers: who was received where, and every step since; rows in, rows out.

What is written is written in blocks of `BLOCK`, each one transaction and kept when it ends; a block of which one part
is refused changes nothing. Doing the same again changes nothing either: a dossier is known by its id, a step by its
`event_id`. So a call that was interrupted, or of whose end nobody knows, is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from sqlalchemy import Connection, select, update

from cccd_core.country.clock import VIETNAM
from cccd_core.errors import CccdError, ConflictError, ParameterError
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.dossier_rows import (
    RECORDED,
    SAME,
    STANDING,
    Standing,
    as_standing,
    event_row,
    kept,
    same_event,
)
from cccd_core.issuance.register.life import BEFORE, State, demand_move
from cccd_core.issuance.register.members import demand_moves, has_members, last_number, units_of_dossiers
from cccd_core.issuance.register.reading import DossierReader
from cccd_core.issuance.register.records import Clock, Move, Receipt, microseconds
from cccd_core.issuance.register.tables import DOSSIERS, EVENTS, UNITS
from cccd_core.issuance.register.unit_rows import change_units
from cccd_core.issuance.register.units import Unit
from cccd_core.storage.database import repeated

BLOCK: Final = 1000

DueDay: TypeAlias = Callable[[date], date | None]
_T = TypeVar("_T")


def now_utc() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


class DossierRegister(DossierReader):
    """Takes dossiers in and moves them; several threads, processes and machines may do so at a time, and come one after
    the other.

    Errors besides those of each call: those of `open_register`; LostConnectionError after three tries.
    """

    def __init__(
        self, where: Path | str, *, due: DueDay, make: bool = True, clock: Clock = now_utc, block: int = BLOCK
    ) -> None:
        """`due`: from the day of reception to the last day of the deadline, None where nobody knows."""
        super().__init__(open_register(where, make=make))
        self._due = due
        self._clock = clock
        self._block = block

    def receive_many(self, receipts: Iterable[Receipt]) -> int:
        """Takes dossiers in; how many were not there yet. One that is there stays as it is. ConflictError where another
        dossier (by its digest, kind, grounds or unit) has the id, or the unit is none of the register's."""
        return sum(self._receive(part) for part in _parts(receipts, self._block))

    def move_many(self, moves: Iterable[Move]) -> int:
        """Moves dossiers, each by the steps in their order; how many steps were not recorded yet.

        ConflictError where a dossier is not there, does not go that way, has gone on since `after`, or another step was
        recorded under the `event_id`; ParameterError where the step lacks what it must say. The facts name the dossier.
        """
        return sum(self._move(part, whole=True)[0] for part in _parts(moves, self._block))

    def move_each(self, moves: Sequence[Move]) -> tuple[int, dict[int, CccdError]]:
        """As `move_many`, but each step by itself: how many were not recorded yet, and by its place in `moves` why a
        step was refused, which changes nothing for the others."""
        new, refused = 0, dict[int, CccdError]()
        for start in range(0, len(moves), self._block):
            added, errors = self._move(moves[start : start + self._block], whole=False)
            new += added
            refused |= {start + place: error for place, error in errors.items()}
        return new, refused

    @repeated
    def put_units(self, units: Sequence[Unit]) -> int:
        """Puts units in, or says of those that are there that they came to their end, and by whom they are followed;
        how many are new or changed. ConflictError, and nothing is changed, where the tree would be none
        (`units.demand_sound`) or the register has a unit otherwise."""
        with self._database.write() as connection:
            return change_units(self._database, connection, units)

    @repeated
    def set_deadlines(self) -> int:
        """Gives dossiers that were received while the holidays were not known the deadlines that are known now; how
        many."""
        with self._database.write() as connection:
            query = select(DOSSIERS.c.received_day).where(DOSSIERS.c.due_day.is_(None)).distinct()
            changed = 0
            for day in connection.execute(query).scalars().all():
                due = self._due(day)
                if due is not None:
                    change = update(DOSSIERS).where(DOSSIERS.c.due_day.is_(None), DOSSIERS.c.received_day == day)
                    changed += connection.execute(change.values(due_day=due)).rowcount
            return changed

    @repeated
    def _receive(self, receipts: Sequence[Receipt]) -> int:
        days = {one.received.astimezone(VIETNAM).date() for one in receipts}
        due = {day: self._due(day) for day in days}
        with self._database.write() as connection:
            names = list({one.dossier_id for one in receipts})
            found = self._database.among(connection, DOSSIERS, (*STANDING, *SAME), "dossier_id", names)
            there = dict(map(as_standing, found))
            units = {one.unit_id for one in receipts}
            for actor in sorted({one.actor for one in receipts}):
                demand_moves(connection, actor, (State.RECEIVED,), lambda: units)
            number = last_number(connection)
            self._demand_units(connection, sorted(units))
            dossiers: list[dict[str, object]] = []
            events: list[dict[str, object]] = []
            for one in receipts:
                row = kept(one)
                same = tuple(row[name] for name in SAME)
                known = there.get(one.dossier_id)
                if known is not None:
                    if known.same != same:
                        raise ConflictError("another dossier has this id", dossier=one.dossier_id)
                    continue
                number += 1
                standing = there[one.dossier_id] = Standing(number, BEFORE, 0, 0, same)
                day = one.received.astimezone(VIETNAM).date()
                row |= {"dossier_no": number, "received_day": day, "due_day": due[day]}
                row |= {"state": BEFORE, "last_sequence": 0, "last_time_us": 0}
                dossiers.append(row)
                events.append(event_row(standing, State.RECEIVED, one.actor, microseconds(one.received), one.event_id))
            if dossiers:
                self._database.put(connection, DOSSIERS, dossiers)
                self._database.put(connection, EVENTS, events)
            return len(dossiers)

    @repeated
    def _move(self, moves: Sequence[Move], *, whole: bool) -> tuple[int, dict[int, CccdError]]:
        """One block. `whole`: the first step that is refused is raised, and undoes all of it."""
        names = list({one.dossier_id for one in moves})
        given = list({one.event_id.bytes for one in moves})
        with self._database.write() as connection:
            found = self._database.among(connection, DOSSIERS, STANDING, "dossier_id", names)
            standings = dict(map(as_standing, found))
            recorded: dict[object, Mapping[str, object]] = {
                row[0]: dict(zip(RECORDED, row, strict=True))
                for row in self._database.among(connection, EVENTS, RECORDED, "event_id", given)
            }
            refused = _forbidden(connection, standings, moves, whole=whole)
            rows = []
            for place, one in enumerate(moves):
                if place in refused:
                    continue
                try:
                    row = self._step(standings.get(one.dossier_id), recorded.get(one.event_id.bytes), one)
                except (ConflictError, ParameterError) as error:
                    if whole:
                        raise
                    refused[place] = error
                    continue
                if row is not None:
                    rows.append(row)
                    recorded[one.event_id.bytes] = row
            if rows:
                self._database.put(connection, EVENTS, rows)
        return len(rows), refused

    def _demand_units(self, connection: Connection, names: Sequence[str]) -> None:
        """ConflictError where one is none of the register's."""
        known = {row[0] for row in self._database.among(connection, UNITS, ("unit_id",), "unit_id", names)}
        for name in names:
            if name not in known:
                raise ConflictError("the register has no such unit", unit=name)

    def _step(
        self, standing: Standing | None, known: Mapping[str, object] | None, move: Move
    ) -> dict[str, object] | None:
        """The row of a step, and the dossier stands behind it; None where it is recorded already (`known`)."""
        if standing is None:
            raise ConflictError("no dossier has this id", dossier=move.dossier_id)
        if known is not None:
            if not same_event(known, standing, move):
                raise ConflictError("another step was recorded under this id", dossier=move.dossier_id)
            return None
        if move.after is not None and move.after != standing.sequence:
            raise ConflictError(
                "the dossier has gone on since", dossier=move.dossier_id, seen=move.after, found=standing.sequence
            )
        try:
            demand_move(standing.state, move.to, reason=move.reason, order=move.order)
        except CccdError as error:
            raise error.with_facts(dossier=move.dossier_id) from None
        time = microseconds(self._clock() if move.time is None else move.time)
        return event_row(standing, move.to, move.actor, time, move.event_id, move.reason, move.order)


def _parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _forbidden(
    connection: Connection, standings: Mapping[str, Standing], moves: Sequence[Move], *, whole: bool
) -> dict[int, CccdError]:
    """By place, the steps that their actor may not take. `whole`: the first one is raised."""
    refused: dict[int, CccdError] = {}
    if not has_members(connection):
        return refused

    def demand(actor: str, mine: Sequence[Move]) -> None:
        numbers = {standings[one.dossier_id].number for one in mine}
        demand_moves(connection, actor, {one.to for one in mine}, partial(units_of_dossiers, connection, numbers))

    for actor in sorted({one.actor for one in moves}):
        mine = [(place, one) for place, one in enumerate(moves) if one.actor == actor and one.dossier_id in standings]
        try:
            demand(actor, [one for _, one in mine])
        except ConflictError:
            if whole:
                raise
            for place, one in mine:
                try:
                    demand(actor, [one])
                except ConflictError as error:
                    refused[place] = error.with_facts(dossier=one.dossier_id)
    return refused
