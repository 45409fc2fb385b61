"""How far a run has come: one row a dossier in OUT/run.sqlite. Imports SQLAlchemy, errors and `database`.

A dossier's row goes received -> rejected, or accepted -> rejected, duplicate, review, or unique -> verified, failed.
Every step is one transaction, so that what was done is never done again and what was not is done by the next run.
Rows hold no personal data but ids and serials; the dossiers themselves stay in the batch.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    insert,
    select,
    update,
)

from cccd_core.errors import StateError
from cccd_core.issuance.database import Database

RECEIVED = "received"
ACCEPTED = "accepted"  # sound, not searched yet
UNIQUE = "unique"  # searched, no card yet
REJECTED = "rejected"
DUPLICATE = "duplicate"
REVIEW = "review"
VERIFIED = "verified"
FAILED = "failed"

FINAL = (REJECTED, DUPLICATE, REVIEW, VERIFIED, FAILED)
"""The final states; `failed` is tried again by the next run."""

_METADATA = MetaData()
_RUN = Table("run", _METADATA, Column("name", String, primary_key=True), Column("value", String, nullable=False))
_SECONDS = Table(
    "seconds", _METADATA, Column("stage", String, primary_key=True), Column("seconds", String, nullable=False)
)
_DOSSIERS = Table(
    "dossiers",
    _METADATA,
    Column("place", Integer, primary_key=True),  # order in the batch
    Column("dossier_id", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("reason", String),
    Column("digest", String),
    Column("card_serial", String, unique=True),
    Column("written", Boolean, nullable=False, default=False),
    Column("searched", Boolean, nullable=False, default=False),
    Column("warnings", JSON, nullable=False, default=list),
    Column("evidence", JSON, nullable=False, default=dict),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One dossier's row. `searched` says that the search found nobody: it is unique, whatever became of its card."""

    dossier_id: str
    state: str
    reason: str | None = None
    digest: str | None = None
    card_serial: str | None = None
    written: bool = False
    searched: bool = False
    warnings: list[str] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)


class RunState:
    """The state of one OUT folder; made where it is not there."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _METADATA, application_id=0x43434453, version=1)  # "CCDS"

    def begin(self, *, day: date, register_id: str, facts: Mapping[str, str]) -> None:
        """Fixes what must be the same in every run of this folder: its identity, its day, its register. StateError
        where the folder belongs to another register."""
        with self._database.begin() as connection:
            known = _values(connection)
            if not known:
                values = {"run": uuid.uuid4().hex, "day": day.isoformat(), "register": register_id, **facts}
                connection.execute(insert(_RUN), [{"name": name, "value": value} for name, value in values.items()])
            elif known.get("register") != register_id:
                raise StateError("the output folder belongs to a run over another gallery")

    def value(self, name: str) -> str:
        """A fact of the run, as fixed by `begin`."""
        with self._database.begin() as connection:
            return _values(connection)[name]

    @property
    def day(self) -> date:
        """The day of the first run, on which every later run of the folder judges dates too."""
        return date.fromisoformat(self.value("day"))

    def add(self, dossier_ids: Iterable[str]) -> None:
        """Adds the dossiers that are not there yet, as received. StateError where all that are there have gone."""
        wanted = list(dossier_ids)
        with self._database.begin() as connection:
            known = {row.dossier_id for row in connection.execute(select(_DOSSIERS.c.dossier_id))}
            if known and not known & set(wanted):
                raise StateError("the output folder belongs to a run of another batch")
            fresh = [{"dossier_id": name, "state": RECEIVED} for name in wanted if name not in known]
            if fresh:
                connection.execute(insert(_DOSSIERS), fresh)

    def ids(self, *states: str) -> set[str]:
        """The dossiers in any of these states."""
        with self._database.begin() as connection:
            query = select(_DOSSIERS.c.dossier_id).where(_DOSSIERS.c.state.in_(states))
            return {row.dossier_id for row in connection.execute(query)}

    def entries(self, *states: str) -> list[Entry]:
        """The rows in these states (all by default), in the batch's order."""
        query = select(_DOSSIERS).order_by(_DOSSIERS.c.place)
        if states:
            query = query.where(_DOSSIERS.c.state.in_(states))
        with self._database.begin() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def record(self, entries: Iterable[Entry], seconds: Mapping[str, float] | None = None) -> None:
        """Writes these rows anew and adds to the seconds of stages, in one transaction."""
        with self._database.begin() as connection:
            for entry in entries:
                values = {name: getattr(entry, name) for name in _COLUMNS}
                done = connection.execute(
                    update(_DOSSIERS).where(_DOSSIERS.c.dossier_id == entry.dossier_id).values(**values)
                )
                if done.rowcount != 1:
                    raise StateError("a dossier that this run never received", dossier=entry.dossier_id)
            for stage, spent in (seconds or {}).items():
                known = connection.execute(select(_SECONDS.c.seconds).where(_SECONDS.c.stage == stage)).scalar()
                if known is None:
                    connection.execute(insert(_SECONDS).values(stage=stage, seconds=repr(spent)))
                else:
                    total = repr(float(known) + spent)
                    connection.execute(update(_SECONDS).where(_SECONDS.c.stage == stage).values(seconds=total))

    def seconds(self) -> dict[str, float]:
        """Seconds spent so far, by stage."""
        with self._database.begin() as connection:
            return {row.stage: float(row.seconds) for row in connection.execute(select(_SECONDS))}

    def put_json(self, name: str, value: Any) -> None:
        """Keeps a JSON value under a name, replacing what was there."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        with self._database.begin() as connection:
            changed = connection.execute(update(_RUN).where(_RUN.c.name == name).values(value=text))
            if changed.rowcount == 0:
                connection.execute(insert(_RUN).values(name=name, value=text))

    def get_json(self, name: str) -> Any:
        """The JSON value of that name; None where there is none."""
        with self._database.begin() as connection:
            text = _values(connection).get(name)
        return None if text is None else json.loads(text)


_COLUMNS = ("state", "reason", "digest", "card_serial", "written", "searched", "warnings", "evidence")


def _values(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(_RUN))}


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.dossier_id, *(getattr(row, name) for name in _COLUMNS))
