"""An audit trail in a table: a file of SQLite, or the schema `cccd_audit` of a PostgreSQL database.

A row is a line. The tables refuse, by triggers, that a row is changed or taken out, or put in anywhere but at the end;
on a server whoever writes has no right to either (`grants`), and is not the owner. Who owns the tables, or has the
file, can take the triggers away: what is altered then is found by `audit.verify`, which trusts no table.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, func, insert, select

from cccd_core.issuance.audit.chain import LINE_BYTES_MAX
from cccd_core.storage.database import Database
from cccd_core.storage.postgres import SCHEME, PostgresDatabase, PostgresKind
from cccd_core.storage.sqlite import SqliteFile, SqliteKind

_WHAT: Final = "audit trail"
_NAME: Final = "cccd_audit"

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


def grants(role: str, *, writes: bool) -> tuple[str, ...]:
    """What an owner of the schema runs so that a role of the server may read the trail, or add to it: nothing else.
    `role` is put in as an identifier."""
    quoted = '"' + role.replace('"', '""') + '"'
    read = (f"GRANT USAGE ON SCHEMA {_NAME} TO {quoted}", f"GRANT SELECT ON ALL TABLES IN SCHEMA {_NAME} TO {quoted}")
    if not writes:
        return read
    return (*read, f"GRANT INSERT ON {_NAME}.lines TO {quoted}", f"GRANT UPDATE ON {_NAME}.writer TO {quoted}")


class SqlStore:
    """A trail in a database: one a database. See `trail.TrailStore`; errors as `SqliteFile` and `PostgresDatabase`.

    ConflictError where somebody else has added lines since the trail was loaded: open it again.
    """

    def __init__(self, where: Path | str, *, make: bool = True) -> None:
        """`where`: a `postgresql://` URL, or a file's path; the tables are made where there are none and `make` lets
        it."""
        server = isinstance(where, str) and where.startswith(SCHEME)
        self._database: Database = (
            PostgresDatabase(str(where), POSTGRES, make=make) if server else SqliteFile(Path(where), SQLITE, make=make)
        )
        self._end = 0

    @property
    def where(self) -> str:
        """See `TrailStore`."""
        return self._database.where

    def close(self) -> None:
        """Lets go of the database."""
        self._database.close()

    def load(self) -> list[bytes]:
        """See `TrailStore`."""
        with self._database.read() as connection:
            lines = [bytes(row.line) for row in connection.execute(select(_LINES.c.line).order_by(_LINES.c.place))]
            self._end = connection.execute(select(func.coalesce(func.max(_LINES.c.place), 0))).scalar_one()
        return lines

    def append(self, lines: Iterable[bytes]) -> None:
        """See `TrailStore`."""
        rows = [{"place": place, "line": line} for place, line in enumerate(lines, self._end + 1)]
        if rows:
            with self._database.write() as connection:
                connection.execute(insert(_LINES), rows)
            self._end += len(rows)

    def set_aside(self) -> None:
        """No trail of an earlier version was ever in a database."""

    def aside(self) -> list[bytes]:
        """See `TrailStore`."""
        return []

    @property
    def data(self) -> bytes:
        """The trail as bytes: what `verify` and `read` take."""
        return b"".join(line + b"\n" for line in self.load())
