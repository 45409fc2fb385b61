"""How far a run has come: one row a dossier in OUT/run.sqlite.

A dossier's row goes received -> rejected, or sound -> rejected, duplicate, review, or unique -> verified, failed. Every
step is one transaction, so that what was done is never done again and what was not is done by the next run. Rows hold
no personal data but ids and serials.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TypeVar, cast

from sqlalchemy import Boolean, Column, Connection, Integer, MetaData, RowMapping, String, Table, insert, select, update

from cccd_core.errors import ConflictError, DamagedError
from cccd_core.issuance.dossiers.reasons import Oddity, Reason
from cccd_core.issuance.runs.evidence import Evidence, Revocation
from cccd_core.plain import Json, JsonObject, decode, encode
from cccd_core.storage.sqlite import SqliteFile, SqliteKind

KIND = SqliteKind(
    what="run's state",
    application_id=0x43434453,  # "CCDS"
    version=2,
    schema=(
        "CREATE TABLE run (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        "CREATE TABLE seconds (stage TEXT PRIMARY KEY, seconds TEXT NOT NULL)",
        "CREATE TABLE dossiers (place INTEGER PRIMARY KEY, dossier_id TEXT NOT NULL UNIQUE, state TEXT NOT NULL,"
        " reason TEXT, digest TEXT, card_serial TEXT UNIQUE, written INTEGER NOT NULL DEFAULT 0,"
        " searched INTEGER NOT NULL DEFAULT 0, warnings TEXT NOT NULL DEFAULT '[]',"
        " evidence TEXT NOT NULL DEFAULT '{}')",
    ),
    value_bytes_max=1 << 20,
)

_METADATA = MetaData()
_RUN = Table("run", _METADATA, Column("name", String, primary_key=True), Column("value", String))
_SECONDS = Table("seconds", _METADATA, Column("stage", String, primary_key=True), Column("seconds", String))
_DOSSIERS = Table(
    "dossiers",
    _METADATA,
    Column("place", Integer, primary_key=True),  # order in the batch
    Column("dossier_id", String),
    Column("state", String),
    Column("reason", String),
    Column("digest", String),
    Column("card_serial", String),
    Column("written", Boolean),
    Column("searched", Boolean),
    Column("warnings", String),
    Column("evidence", String),
)


_T = TypeVar("_T")
_REASON = cast("type[Reason | None]", Reason | None)


class DossierState(StrEnum):
    """How far a dossier is. The last five are final; `failed` is tried again by the next run."""

    RECEIVED = "received"
    SOUND = "sound"  # checked, not searched yet
    UNIQUE = "unique"  # searched, no card yet
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    REVIEW = "review"
    VERIFIED = "verified"  # its card was written, read back and found as meant
    FAILED = "failed"


FINAL = (
    DossierState.REJECTED,
    DossierState.DUPLICATE,
    DossierState.REVIEW,
    DossierState.VERIFIED,
    DossierState.FAILED,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One dossier's row. `searched` says that the search found nobody: it is unique, whatever became of its card."""

    dossier_id: str
    state: DossierState
    reason: Reason | None = None
    digest: str | None = None
    card_serial: str | None = None
    written: bool = False
    searched: bool = False
    warnings: tuple[Oddity, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)


class RunState:
    """The state of one OUT folder; made where it is not there. Errors as `SqliteFile`."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, KIND)

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def begin(self, *, day: date, register_id: str, facts: Mapping[str, str]) -> date:
        """Fixes what must be the same in every run of this folder: its identity, its day, its register. Returns the
        day. ConflictError where the folder belongs to another register."""
        with self._file.write() as connection:
            known = _values(connection)
            if not known:
                values = {"run": uuid.uuid4().hex, "day": day.isoformat(), "register": register_id, **facts}
                connection.execute(insert(_RUN), [{"name": name, "value": value} for name, value in values.items()])
            elif known.get("register") != register_id:
                raise ConflictError("the output folder belongs to a run over another gallery")
        return self.day or day

    def fix(self, name: str, value: str) -> None:
        """Fixes a fact of the run, where it is not fixed. ConflictError where it is another."""
        with self._file.write() as connection:
            known = _values(connection).get(name)
            if known is None:
                connection.execute(insert(_RUN).values(name=name, value=value))
            elif known != value:
                raise ConflictError(f"the run was begun with another {name}")

    def value(self, name: str) -> str:
        """A fact of the run, as fixed by `begin`. DamagedError where it has none."""
        with self._file.read() as connection:
            found = _values(connection).get(name)
        if found is None:
            raise DamagedError("the run's state lacks a fact", path=str(self._file.path), name=name)
        return found

    @property
    def day(self) -> date | None:
        """The day of the first run, on which every later run of the folder judges dates too; None before `begin`."""
        with self._file.read() as connection:
            found = _values(connection).get("day")
        return None if found is None else self._taken(lambda: date.fromisoformat(found))

    def finished(self, dossier_ids: Iterable[str]) -> bool:
        """Whether these dossiers, and all that are there, have a final state that no later run would change."""
        done = {state for state in FINAL if state is not DossierState.FAILED}
        return set(dossier_ids) <= self.ids(*done) and not self.ids(*(set(DossierState) - done))

    def add(self, dossier_ids: Iterable[str]) -> None:
        """Adds the dossiers that are not there yet, as received. ConflictError where all that are there have gone."""
        wanted = list(dossier_ids)
        with self._file.write() as connection:
            known = {row.dossier_id for row in connection.execute(select(_DOSSIERS.c.dossier_id))}
            if known and not known & set(wanted):
                raise ConflictError("the output folder belongs to a run of another batch")
            fresh = [
                {"dossier_id": name, "state": DossierState.RECEIVED, "written": False, "searched": False,
                 "warnings": "[]", "evidence": "{}"}
                for name in wanted if name not in known
            ]  # fmt: skip
            if fresh:
                connection.execute(insert(_DOSSIERS), fresh)

    def ids(self, *states: DossierState) -> set[str]:
        """The dossiers in any of these states."""
        with self._file.read() as connection:
            query = select(_DOSSIERS.c.dossier_id).where(_DOSSIERS.c.state.in_(states))
            return {row.dossier_id for row in connection.execute(query)}

    def entries(self, *states: DossierState) -> list[Entry]:
        """The rows in these states (all by default), in the batch's order."""
        query = select(_DOSSIERS).order_by(_DOSSIERS.c.place)
        if states:
            query = query.where(_DOSSIERS.c.state.in_(states))
        with self._file.read() as connection:
            return [self._entry(row) for row in connection.execute(query).mappings()]

    def record(self, entries: Iterable[Entry], seconds: Mapping[str, float] | None = None) -> None:
        """Writes these rows anew and adds to the seconds of stages, in one transaction."""
        with self._file.write() as connection:
            for entry in entries:
                done = connection.execute(
                    update(_DOSSIERS).where(_DOSSIERS.c.dossier_id == entry.dossier_id).values(_row(entry))
                )
                if done.rowcount != 1:
                    raise ConflictError("a dossier that this run never received", dossier=entry.dossier_id)
            for stage, spent in (seconds or {}).items():
                known = connection.execute(select(_SECONDS.c.seconds).where(_SECONDS.c.stage == stage)).scalar()
                if known is None:
                    connection.execute(insert(_SECONDS).values(stage=stage, seconds=repr(spent)))
                else:
                    total = repr(float(known) + spent)
                    connection.execute(update(_SECONDS).where(_SECONDS.c.stage == stage).values(seconds=total))

    def seconds(self) -> dict[str, float]:
        """Seconds spent so far, by stage."""
        with self._file.read() as connection:
            return {row.stage: float(row.seconds) for row in connection.execute(select(_SECONDS))}

    def put_json(self, name: str, value: Json) -> None:
        """Keeps a JSON value under a name, replacing what was there."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        with self._file.write() as connection:
            changed = connection.execute(update(_RUN).where(_RUN.c.name == name).values(value=text))
            if changed.rowcount == 0:
                connection.execute(insert(_RUN).values(name=name, value=text))

    def get_json(self, name: str) -> Json:
        """The JSON value of that name; None where there is none."""
        with self._file.read() as connection:
            text = _values(connection).get(name)
        return None if text is None else self._taken(lambda: cast(Json, json.loads(text)))

    def revoke(self, cards: Iterable[Revocation]) -> None:
        """Keeps which cards are to be destroyed and revoked, in place of those known before."""
        self.put_json("revoke", encode(tuple(cards)))

    def revocations(self) -> tuple[Revocation, ...]:
        """The cards to be destroyed and revoked."""
        found = self.get_json("revoke")
        return () if found is None else self._taken(lambda: decode(tuple[Revocation, ...], found))

    def cancel(self, cards: Iterable[Revocation]) -> None:
        """Keeps which proved cards are of dossiers that were cancelled, in place of those known before."""
        self.put_json("cancelled", encode(tuple(cards)))

    def cancelled(self) -> tuple[Revocation, ...]:
        """The proved cards of dossiers that were cancelled."""
        found = self.get_json("cancelled")
        return () if found is None else self._taken(lambda: decode(tuple[Revocation, ...], found))

    def _entry(self, row: RowMapping) -> Entry:
        return self._taken(
            lambda: Entry(
                dossier_id=row["dossier_id"],
                state=DossierState(row["state"]),
                reason=decode(_REASON, row["reason"]),
                digest=row["digest"],
                card_serial=row["card_serial"],
                written=row["written"],
                searched=row["searched"],
                warnings=decode(tuple[Oddity, ...], json.loads(row["warnings"])),
                evidence=decode(Evidence, json.loads(row["evidence"])),
            )
        )

    def _taken(self, take: Callable[[], _T]) -> _T:
        try:
            return take()
        except (ValueError, TypeError, RecursionError):
            raise DamagedError("the run's state holds what no run wrote", path=str(self._file.path)) from None


def _values(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(_RUN))}


def _row(entry: Entry) -> JsonObject:
    return {
        "state": entry.state,
        "reason": entry.reason,
        "digest": entry.digest,
        "card_serial": entry.card_serial,
        "written": entry.written,
        "searched": entry.searched,
        "warnings": json.dumps(encode(entry.warnings)),
        "evidence": json.dumps(entry.evidence.as_dict(), ensure_ascii=False),
    }
