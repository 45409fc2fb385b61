"""An audit trail in a table: a file of SQLite, or the schema `cccd_audit` of a PostgreSQL database.

A row is a line. The tables refuse, by triggers, that a row is changed or taken out, or put in anywhere but at the end;
on a server whoever writes has no right to either (`grants`), and is not the owner. Who owns the tables, or has the
file, can take the triggers away: what is altered then is found by `audit.verify`, which trusts no table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, MetaData, Table, cast, func, insert, select

from cccd_core.errors import ConflictError, DamagedError, FileError
from cccd_core.issuance.audit.chain import LINE_BYTES_MAX
from cccd_core.issuance.audit.stores import Writing
from cccd_core.storage.database import Database
from cccd_core.storage.postgres import NO_SCHEMA, PostgresDatabase, PostgresKind, at_server
from cccd_core.storage.sqlite import SqliteFile, SqliteKind

_WHAT: Final = "audit trail"
_NAME: Final = "cccd_audit"
_READ_BLOCK: Final = 500  # rows held while iterating

SQLITE: Final = SqliteKind(
    what=_WHAT,
    application_id=0x43434155,  # "CCAU"
    version=1,
    schema=(
        f"CREATE TABLE lines (place INTEGER PRIMARY KEY, line BLOB NOT NULL CHECK (length(line) <= {LINE_BYTES_MAX}))",
        "CREATE TRIGGER no_change BEFORE UPDATE ON lines BEGIN SELECT RAISE(ABORT, 'a trail is only added to'); END",
        "CREATE TRIGGER no_removal BEFORE DELETE ON lines BEGIN SELECT RAISE(ABORT, 'a trail is only added to'); END",
        "CREATE TRIGGER at_the_end BEFORE INSERT ON lines"
        " WHEN NEW.place <> (SELECT coalesce(max(place), 0) + 1 FROM lines)"
        " BEGIN SELECT RAISE(ABORT, 'a trail is only added to'); END",
    ),
    value_bytes_max=LINE_BYTES_MAX + (1 << 16),
)
POSTGRES: Final = PostgresKind(
    what=_WHAT,
    name=_NAME,
    version=1,
    lock="writer",
    statements=(
        "CREATE TABLE writer (one integer)",  # locked by whoever writes, who may not lock what may not be changed
        f"CREATE TABLE lines (place bigint PRIMARY KEY,"
        f" line bytea NOT NULL CHECK (octet_length(line) <= {LINE_BYTES_MAX}))",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'a trail is only added to' USING ERRCODE = 'check_violation'; END $$",
        "CREATE FUNCTION at_the_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.place <> (SELECT coalesce(max(place), 0) + 1 FROM cccd_audit.lines) THEN"
        " RAISE EXCEPTION 'a trail is only added to' USING ERRCODE = 'check_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON lines"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse()",
        "CREATE TRIGGER at_the_end BEFORE INSERT ON lines FOR EACH ROW EXECUTE FUNCTION at_the_end()",
    ),
    columns=frozenset({("writer", "one", "integer", False), ("lines", "place", "bigint", True),
                       ("lines", "line", "bytea", True)}),
)  # fmt: skip

_LINES: Final = Table(
    "lines",
    MetaData(),
    Column("place", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("line", LargeBinary, nullable=False),
)

# Whoever alters a file of SQLite may put a text into the place of bytes, or one without an end.
_LINE: Final = func.substr(cast(_LINES.c.line, LargeBinary), 1, LINE_BYTES_MAX + 1, type_=LargeBinary).label("line")


def grants(role: str, *, writes: bool) -> tuple[str, ...]:
    """What an owner of the schema runs so that a role of the server may read the trail, or add to it: nothing else.
    `role` is put in as an identifier."""
    quoted = '"' + role.replace('"', '""') + '"'
    read = (f"GRANT USAGE ON SCHEMA {_NAME} TO {quoted}", f"GRANT SELECT ON ALL TABLES IN SCHEMA {_NAME} TO {quoted}")
    if not writes:
        return read
    return (*read, f"GRANT INSERT ON {_NAME}.lines TO {quoted}", f"GRANT UPDATE ON {_NAME}.writer TO {quoted}")


class SqlStore:
    """A trail in a database: one a database. See `stores.TrailStore`; errors as `SqliteFile` and `PostgresDatabase`."""

    def __init__(self, where: Path | str, *, make: bool = True, as_it_is: bool = False) -> None:
        """`where`: a `postgresql://` URL, or a file's path; the tables are made where there are none and `make` lets
        it. `as_it_is`: tables that are not as they were made are read all the same, and `guarded` says so."""
        self.guarded = True
        try:
            self._database = _opened(where, make, as_it_is=False)
        except DamagedError:
            if not as_it_is:
                raise
            self.guarded = False
            self._database = _opened(where, make, as_it_is=True)
        self._tried: tuple[int, bytes] = (0, b"")

    @property
    def where(self) -> str:
        """See `TrailReader`."""
        return self._database.where

    def close(self) -> None:
        """Lets go of the database."""
        self._database.close()

    def lines(self, skip: int = 0) -> Iterator[bytes]:
        """See `TrailReader`."""
        query = select(_LINE).order_by(_LINES.c.place).offset(skip)
        with (
            self._database.read() as connection,
            closing(connection.execution_options(yield_per=_READ_BLOCK).execute(query)) as rows,
        ):
            for row in rows:
                yield bytes(row.line) + b"\n"

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """See `TrailStore`."""
        with self._database.write() as connection:
            held = _HeldTable(connection)
            yield held
            self._tried = held.tried

    def holds(self, line: bytes) -> bool:
        """See `TrailStore`."""
        with self._database.read() as connection:
            found = connection.execute(select(_LINES.c.line).where(_LINES.c.place == self._tried[0])).scalar()
        return found is not None and bytes(found) == line

    def set_aside(self) -> None:
        """No trail of an earlier version was ever in a database."""

    def aside(self) -> list[bytes]:
        """See `TrailStore`."""
        return []


class _HeldTable:
    """The table of a trail in the transaction of the one who writes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.tried: tuple[int, bytes] = (0, b"")

    def first(self) -> bytes | None:
        query = select(_LINE).order_by(_LINES.c.place).limit(1)
        found = self._connection.execute(query).scalar()
        return None if found is None else bytes(found)

    def back(self) -> Iterator[bytes]:
        query = select(_LINES.c.place, _LINE).order_by(_LINES.c.place.desc()).limit(_READ_BLOCK)
        before: int | None = None
        while rows := self._connection.execute(query if before is None else query.where(_LINES.c.place < before)).all():
            for row in rows:
                yield bytes(row.line)
            before = rows[-1].place

    def append(self, lines: Sequence[bytes]) -> None:
        end = self._connection.execute(select(func.coalesce(func.max(_LINES.c.place), 0))).scalar_one()
        rows = [{"place": place, "line": line} for place, line in enumerate(lines, end + 1)]
        if rows:
            self._connection.execute(insert(_LINES), rows)
            self.tried = (end + len(rows), lines[-1])


def _opened(where: Path | str, make: bool, *, as_it_is: bool) -> Database:
    if at_server(where):
        return PostgresDatabase(str(where), POSTGRES, make=make, as_it_is=as_it_is)
    return SqliteFile(Path(where), SQLITE, make=make, as_it_is=as_it_is)


def has_trail(url: str) -> bool:
    """Whether the database at a URL has the schema of a trail, for whomever. Errors as `PostgresDatabase`."""
    try:
        PostgresDatabase(url, POSTGRES, make=False, as_it_is=True).close()
    except FileError as error:
        if error.facts.get("why") == NO_SCHEMA:
            return False
        raise
    except (DamagedError, ConflictError):
        return True  # of which this user sees nothing
    return True
