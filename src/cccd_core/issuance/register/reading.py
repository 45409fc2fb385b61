"""The register of dossiers as it is read: each answer is of one state of the tables, whoever writes meanwhile, and
streams, however many rows it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import ColumnElement, Connection, Integer, func, literal_column, select, true

from cccd_core.country.clock import VIETNAM
from cccd_core.errors import ConflictError
from cccd_core.issuance.register.checking import broken
from cccd_core.issuance.register.dossier_rows import as_event, as_record
from cccd_core.issuance.register.life import State, moves
from cccd_core.issuance.register.records import DossierRecord, Event, Figure
from cccd_core.issuance.register.tables import DOSSIERS, EVENTS, MOVES, UNITS
from cccd_core.issuance.register.unit_rows import units_of
from cccd_core.issuance.register.units import Unit
from cccd_core.storage.database import Database, again

_READ_BLOCK: Final = 500  # rows held while iterating
_ASKED_AT_ONCE: Final = 500  # values in one question
_DAY_US: Final = 86_400_000_000
_ZONE_US: Final = VIETNAM.utcoffset(None) // timedelta(microseconds=1)
_FIRST: Final = date(1970, 1, 1)
_DAY: Final[ColumnElement[int]] = literal_column(f"(events.time_us + {_ZONE_US}) / {_DAY_US}", Integer)
# As the index says it, letter by letter, which has these dossiers alone.
_OPEN: Final[ColumnElement[bool]] = literal_column(
    "dossiers.state NOT IN ('handed_over', 'rejected', 'withdrawn', 'cancelled')"
)


class DossierReader:
    """What `DossierRegister` reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def where(self) -> str:
        """Where the register is, for errors."""
        return self._database.where

    def close(self) -> None:
        """Lets go of the database; the register can be used again."""
        self._database.close()

    @again
    def get(self, dossier_id: str) -> DossierRecord | None:
        """The dossier of an id as it stands."""
        with self._database.read() as connection:
            query = select(DOSSIERS).where(DOSSIERS.c.dossier_id == dossier_id)
            row = connection.execute(query).mappings().first()
        return None if row is None else as_record(row)

    def last(self, dossier_ids: Iterable[str]) -> dict[str, tuple[DossierRecord, Event]]:
        """Those of these dossiers that are there, each as it stands and with its last step."""
        found: dict[str, tuple[DossierRecord, Event]] = {}
        asked = iter(dict.fromkeys(dossier_ids))
        while part := list(islice(asked, _ASKED_AT_ONCE)):
            found.update(self._last(part))
        return found

    @again
    def _last(self, dossier_ids: Sequence[str]) -> dict[str, tuple[DossierRecord, Event]]:
        own = (EVENTS.c.dossier_no == DOSSIERS.c.dossier_no) & (EVENTS.c.sequence == DOSSIERS.c.last_sequence)
        query = select(DOSSIERS, *(column for column in EVENTS.c if column.name != "dossier_no")).join(EVENTS, own)
        with self._database.read() as connection:
            rows = connection.execute(query.where(DOSSIERS.c.dossier_id.in_(dossier_ids))).mappings()
            return {str(row["dossier_id"]): (as_record(row), as_event(str(row["dossier_id"]), row)) for row in rows}

    @again
    def events(self, dossier_id: str) -> list[Event]:
        """A dossier's steps from the first to the last; none where no dossier has the id."""
        with self._database.read() as connection:
            query = select(EVENTS).join(DOSSIERS, DOSSIERS.c.dossier_no == EVENTS.c.dossier_no)
            query = query.where(DOSSIERS.c.dossier_id == dossier_id).order_by(EVENTS.c.sequence)
            return [as_event(dossier_id, row) for row in connection.execute(query).mappings()]

    def all(self, *, unit_id: str | None = None, state: State | None = None) -> Iterator[DossierRecord]:
        """The dossiers in the order in which they came in: those of a unit and of all units below it, or all; in a
        state, or in any. ConflictError for a unit that is not there."""
        return self._dossiers(unit_id, *([] if state is None else [DOSSIERS.c.state == str(state)]))

    def due(self, day: date, *, unit_id: str | None = None) -> Iterator[DossierRecord]:
        """Those not at an end whose deadline's last day this is. As `all` otherwise."""
        return self._dossiers(unit_id, _OPEN, DOSSIERS.c.due_day == day)

    def overdue(self, day: date, *, unit_id: str | None = None) -> Iterator[DossierRecord]:
        """Those not at an end whose deadline was over before this day. As `all` otherwise."""
        return self._dossiers(unit_id, _OPEN, DOSSIERS.c.due_day < day)

    def without_deadline(self, *, unit_id: str | None = None) -> Iterator[DossierRecord]:
        """Those not at an end of which nobody knows the deadline yet: see `DossierRegister.set_deadlines`. As `all`
        otherwise."""
        return self._dossiers(unit_id, _OPEN, DOSSIERS.c.due_day.is_(None))

    @again
    def units(self) -> list[Unit]:
        """Every unit, by its id."""
        with self._database.read() as connection:
            return list(units_of(connection).values())

    def figures(
        self, first: date | None = None, last: date | None = None, *, unit_id: str | None = None
    ) -> Iterator[Figure]:
        """How many dossiers went to which state on which day, unit by unit: counted over the events of these days,
        Vietnam's, both included. Sorted by day, unit and state. ConflictError for a unit that is not there."""
        query = select(_DAY, DOSSIERS.c.unit, EVENTS.c.to_state, func.count().label("count"))
        query = query.join(DOSSIERS, DOSSIERS.c.dossier_no == EVENTS.c.dossier_no)
        if first is not None:
            query = query.where(EVENTS.c.time_us >= (first - _FIRST).days * _DAY_US - _ZONE_US)
        if last is not None:
            query = query.where(EVENTS.c.time_us < ((last - _FIRST).days + 1) * _DAY_US - _ZONE_US)
        query = query.group_by(_DAY, DOSSIERS.c.unit, EVENTS.c.to_state)
        query = query.order_by(_DAY, DOSSIERS.c.unit, EVENTS.c.to_state)
        with self._database.read() as connection:
            query = query.where(within(connection, unit_id))
            for row in connection.execution_options(yield_per=_READ_BLOCK).execute(query):
                yield Figure(_FIRST + timedelta(days=row[0]), row[1], State(row[2]), row[3])

    def faults(self) -> Iterator[str]:
        """What is wrong with the register, read whole: what the database itself finds, and dossiers whose events are no
        life of a dossier, each named by its id. The database's own rules leave room for none of these; whoever can
        write to its files can break them."""
        yield from self._database.faults()
        with self._database.read() as connection:
            found = {(row[0], row[1]) for row in connection.execute(select(MOVES))}
            if found != {(str(before), str(after)) for before, after in moves()}:
                yield "the table of moves is not the one of this version"
            query = select(DOSSIERS.c.dossier_id, DOSSIERS.c.state, DOSSIERS.c.last_sequence, DOSSIERS.c.last_time_us)
            query = query.add_columns(EVENTS).outerjoin(EVENTS, EVENTS.c.dossier_no == DOSSIERS.c.dossier_no)
            query = query.order_by(DOSSIERS.c.dossier_no, EVENTS.c.sequence)
            yield from broken(connection.execution_options(yield_per=_READ_BLOCK).execute(query).mappings())

    def _dossiers(self, unit_id: str | None, *where: ColumnElement[bool]) -> Iterator[DossierRecord]:
        query = select(DOSSIERS).where(*where).order_by(DOSSIERS.c.dossier_no)
        with self._database.read() as connection:
            query = query.where(within(connection, unit_id))
            for row in connection.execution_options(yield_per=_READ_BLOCK).execute(query).mappings():
                yield as_record(row)


def within(connection: Connection, unit_id: str | None) -> ColumnElement[bool]:
    """Whether a dossier is of a unit or of one below it."""
    if unit_id is None:
        return true()
    if connection.execute(select(UNITS.c.unit_id).where(UNITS.c.unit_id == unit_id)).first() is None:
        raise ConflictError("the register has no such unit", unit=unit_id)
    below = select(UNITS.c.unit_id).where(UNITS.c.unit_id == unit_id).cte("below", recursive=True)
    below = below.union(select(UNITS.c.unit_id).where(UNITS.c.parent == below.c.unit_id))
    return DOSSIERS.c.unit.in_(select(below.c.unit_id))
