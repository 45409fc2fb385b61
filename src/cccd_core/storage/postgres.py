"""Tables in a PostgreSQL server (13 or later) that are the truth of something, in a schema of their own.

Writers come one after the other: each holds a lock from before its first statement until what it wrote is there for
all. So numbers that are given in a transaction become visible in their order. Readers see one state for a whole
transaction and wait for nobody.

A password never passes through here: libpq takes it from PGPASSWORD, PGPASSFILE or ~/.pgpass, or needs none. No error
holds a sentence of the server, which shows values of rows.
"""

from __future__ import annotations

import os
import pwd
import re
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from sqlalchemy import Connection, Table, create_engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from cccd_core.errors import (
    BusyError,
    CccdError,
    ConflictError,
    DamagedError,
    DiskFullError,
    FileError,
    ParameterError,
    UnavailableError,
)
from cccd_core.storage.database import LostConnectionError
from cccd_core.storage.postgres_arrays import array
from cccd_core.storage.postgres_purge import purge
from cccd_core.storage.postgres_rules import columns_of, rules_hold

SCHEME: Final = "postgresql://"
NO_SCHEMA: Final = "no such schema"
"""Why a database that is there was not opened."""
URL_CHARACTERS_MOST: Final = 1024
SERVER_LEAST: Final = 130000
_KEPT_OPEN: Final = 8  # connections kept between transactions; more are opened where more threads ask
_LOCK_TIMEOUT_S: Final = 60
_CONNECT_TIMEOUT_S: Final = 30
_PATIENCE_S: Final = 150.0  # for a server that was there before: gone for a minute, and then starting anew
_PAUSE_S: Final = 0.2
_IN_A_URL: Final = frozenset(
    {
        "application_name", "connect_timeout", "dbname", "host", "hostaddr", "passfile", "port", "sslcert", "sslcrl",
        "sslkey", "sslmode", "sslrootcert", "target_session_attrs", "user",
    }
)  # fmt: skip
_NEEDS: Final = "pip install 'cccd_core[postgres]'"


@dataclass(frozen=True, slots=True)
class PostgresKind:
    """What one kind of tables is. `what` is its name in errors, `name` the schema that holds it alone, `statements`
    make it, `columns` are (table, column, type, whether a value must be there) of what they make. `lock` is the table
    that a writer locks. `personal`: tables of which nothing that was deleted is to stay, each with a statement that
    makes the server forget what it keeps of their values as statistics, and keep none from then on. `earlier`:
    versions that are read too, and how many of the statements each had; the others are run when such a schema is
    opened."""

    what: str
    name: str
    version: int
    lock: str
    statements: tuple[str, ...]
    columns: frozenset[tuple[str, str, str, bool]]
    personal: Mapping[str, str] = field(default_factory=dict)
    earlier: Mapping[int, int] = field(default_factory=dict)


class PostgresDatabase:
    """The tables of one kind in one database; several threads, processes and machines may read and write at a time.

    `url`: `postgresql://[USER@]HOST[:PORT]/DATABASE`, with libpq's parameters for sockets (`?host=/run/postgresql`) and
    certificates (`sslmode`, `sslrootcert`, ...). The tables are made where there are none and `make` lets it.

    ParameterError for a URL that is none, holds a password, or a parameter that is not one of these; UnavailableError
    without the driver, or for an older server. FileError where the database cannot be reached, read or written,
    LostConnectionError where it is lost on the way, DiskFullError where nothing more fits there, BusyError where
    another writer does not end within a minute, ConflictError where a rule of the tables forbids what is written,
    DamagedError where they are of no known version or not what their version says.
    """

    def __init__(self, url: str, kind: PostgresKind, *, make: bool = True, as_it_is: bool = False) -> None:
        """`as_it_is`: tables and triggers are not compared with those of the kind, for whoever looks at evidence."""
        self.where = demand_url(url)
        self.kind = kind
        self._as_it_is = as_it_is
        self._reached = False
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=_KEPT_OPEN,
            max_overflow=-1,
            pool_pre_ping=True,
            use_native_hstore=False,
            hide_parameters=True,
        )
        _OPEN.add(self)
        try:
            self._prepare(make)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that sees one state of the tables, and changes nothing."""
        with self._faults(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, the only one that writes; kept by the server when it ends well, undone when anything is
        raised, but for a LostConnectionError that says otherwise."""
        with self._faults(), self._engine.connect() as connection:
            connection.exec_driver_sql(f"LOCK TABLE {self.kind.lock} IN EXCLUSIVE MODE")
            yield connection
            connection.exec_driver_sql("SELECT 1")  # who is gone already is told of before it is in doubt
            with self._faults(undone=False):
                connection.commit()

    def put(  # type: ignore[explicit-any]  # a table of any columns
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]
    ) -> None:
        """Inserts rows, which have the same columns, in the transaction of `write`: in one statement, so that rules of
        tables look at all of them at once."""
        names = list(rows[0])
        arrays = ", ".join(f"unnest({_given(connection, table, name)})" for name in names)
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {arrays}"
        connection.exec_driver_sql(statement, tuple(array([row[name] for row in rows]) for name in names))

    def among(  # type: ignore[explicit-any]  # a table of any columns
        self, connection: Connection, table: Table, names: Sequence[str], key: str, values: Sequence[str | bytes]
    ) -> Iterator[tuple[object, ...]]:
        """The columns `names` of the rows whose `key` is one of these values, in one statement."""
        among = f"{key} = ANY({_given(connection, table, key)})"
        statement = f"SELECT {', '.join(names)} FROM {table.name} WHERE {among}"  # noqa: S608 - our own names
        yield from connection.exec_driver_sql(statement, (array(values),))

    def erase(self) -> None:
        """Nothing can be done at once: no reader sees what was deleted, and `purge` takes its bytes away."""

    def purge(self) -> None:
        """Leaves nothing of what was deleted before in the server's files of tables, indices and statistics, which are
        written anew; who reads or writes them meanwhile waits. What the log, standbys and backups have is not reached.

        BusyError where a transaction that may still see it does not end within a minute; UnavailableError where this
        user may not: who owns the tables may, and statistics of tables that were made before they were kept from them
        are for the owner of the database.
        """
        with self._faults(), self._engine.connect() as opened:
            purge(
                opened.execution_options(isolation_level="AUTOCOMMIT"), self.kind.name, self.kind.personal,
                where=self.where, patience_s=_LOCK_TIMEOUT_S,
            )  # fmt: skip

    def faults(self) -> list[str]:
        """Nothing: the server's files are the server's, which has checksums of its own (`data_checksums`, amcheck)."""
        return []

    def close(self) -> None:
        """Ends the connections; it can be used again."""
        self._engine.dispose()

    def _connect(self) -> DBAPIConnection:
        import psycopg

        end = time.monotonic() + (_PATIENCE_S if self._reached else 0)
        options = f"-c search_path={self.kind.name} -c lock_timeout={_LOCK_TIMEOUT_S}s -c client_min_messages=error"
        while True:
            try:
                connection = psycopg.connect(
                    self.where, connect_timeout=_CONNECT_TIMEOUT_S, options=options, client_encoding="utf8",
                    application_name="cccd", keepalives_idle=30, keepalives_interval=10, keepalives_count=3,
                )  # fmt: skip
            except psycopg.OperationalError as error:
                if time.monotonic() >= end:
                    raise self._unreached(error) from None
                time.sleep(_PAUSE_S)
            else:
                self._reached = True
                return cast("DBAPIConnection", connection)

    def _unreached(self, error: Exception) -> FileError:
        """libpq's words, of which only the kind is told: they name users and addresses."""
        text = str(error).lower()
        why = next((said for sought, said in _UNREACHED.items() if sought in text), "no connection")
        return FileError(f"the database of the {self.kind.what} cannot be reached", path=self.where, why=why)

    @contextmanager
    def _faults(self, *, undone: bool = True) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._error(error, undone) from None  # its own text shows statements and values

    def _error(self, error: DBAPIError, undone: bool) -> CccdError:
        cause = error.orig
        state = getattr(cause, "sqlstate", None)
        what, facts = self.kind.what, {"path": self.where, "why": f"SQLSTATE {state}"}
        if state is None or state[:2] in _LOST_CLASSES or state in _LOST or error.connection_invalidated:
            why = type(cause).__name__ if state is None else f"SQLSTATE {state}"
            if undone:
                return LostConnectionError(
                    f"the database of the {what} was lost: nothing was changed", undone=True, path=self.where, why=why
                )
            return LostConnectionError(
                f"the database of the {what} was lost while it kept a change: it may have been kept", undone=False,
                path=self.where, why=why, needs="a look whether it was",
            )  # fmt: skip
        if state == "53100":
            return DiskFullError(f"the server's disk is full: the {what} cannot be written", **facts)
        if state in _BUSY:
            return BusyError(f"the database of the {what} is busy, or another process is writing it", **facts)
        if state == "42501":  # a right, or whose rows these are
            return self._no_right()
        if state[:2] == "23":
            rule = getattr(getattr(cause, "diag", None), "constraint_name", None)
            return ConflictError(f"a rule of the {what} would be broken", path=self.where, rule=str(rule))
        if state[:2] in _DAMAGE_CLASSES:
            return DamagedError(f"the database holds no sound {what}", **facts)
        return FileError(f"the {what} cannot be read or written in its database", **facts)

    def _no_right(self) -> ConflictError:
        return ConflictError(f"this account may not do that in the {self.kind.what}", path=self.where, rule="rights")

    def _prepare(self, make: bool) -> None:
        kind = self.kind
        with self._faults(), self._engine.connect() as connection:
            version = connection.exec_driver_sql("SELECT current_setting('server_version_num')::integer").scalar_one()
            if version < SERVER_LEAST:
                raise UnavailableError(
                    "the PostgreSQL server is too old", path=self.where, found=version // 10000,
                    needs=f"PostgreSQL {SERVER_LEAST // 10000}",
                )  # fmt: skip
            for setting in ("fsync", "full_page_writes"):
                if connection.exec_driver_sql(f"SELECT current_setting('{setting}')").scalar_one() != "on":
                    raise ConflictError(
                        f"the server may lose what it says that it keeps: the {kind.what} cannot be there",
                        path=self.where, setting=setting, needs=f"{setting} = on",
                    )  # fmt: skip
            if not self._is_there(connection):
                if not make:
                    raise FileError(f"there is no {kind.what} in the database", path=self.where, why=NO_SCHEMA)
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (kind.name,))
                if not self._is_there(connection):  # nobody else was quicker
                    for statement in self._making():
                        connection.exec_driver_sql(statement)
                    row = (kind.name, kind.version)
                    connection.exec_driver_sql("INSERT INTO about VALUES (%s, %s)", row)
                connection.commit()
            elif self._earlier(connection) is not None:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (kind.name,))
                had = self._earlier(connection)
                if had is not None:  # nobody else was quicker
                    for statement in kind.statements[had:]:
                        connection.exec_driver_sql(statement)
                    connection.exec_driver_sql("UPDATE about SET version = %s", (kind.version,))
                connection.commit()
        if not self._as_it_is:
            with self.read() as connection:
                self._check(connection)

    def _earlier(self, connection: Connection) -> int | None:
        """How many statements made the schema that is there, where it is of an earlier version that is read."""
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = 'about'"
        if not connection.exec_driver_sql(query, (self.kind.name,)).scalar_one():
            return None
        said = connection.exec_driver_sql("SELECT kind, version FROM about LIMIT 2").fetchall()
        return self.kind.earlier.get(said[0][1]) if len(said) == 1 and said[0][0] == self.kind.name else None

    def _making(self) -> Iterator[str]:
        name = self.kind.name
        yield f"CREATE SCHEMA {name}"
        yield f"REVOKE ALL ON SCHEMA {name} FROM PUBLIC"
        yield "CREATE TABLE about (kind text NOT NULL, version integer NOT NULL)"
        yield from self.kind.statements
        yield from self.kind.personal.values()

    def _is_there(self, connection: Connection) -> bool:
        """Whether the schema is there. ConflictError where it is, and nothing of it is for this account."""
        query = "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %s"
        open_to_us: bool | None = connection.exec_driver_sql(query, (self.kind.name,)).scalar()
        if open_to_us is False:
            raise self._no_right()
        return open_to_us is not None

    def _check(self, connection: Connection) -> None:
        """DamagedError where the schema holds anything but the tables of this version."""
        kind = self.kind
        columns = columns_of(connection, kind.name)
        about = {("about", "kind", "text", True), ("about", "version", "integer", True)}
        if not about <= columns:
            raise DamagedError(f"the database holds no sound {kind.what}", path=self.where)
        said = connection.exec_driver_sql("SELECT kind, version FROM about LIMIT 2").fetchall()
        if len(said) != 1 or said[0][0] != kind.name:
            raise DamagedError(f"the database holds no sound {kind.what}", path=self.where)
        if said[0][1] != kind.version:
            raise DamagedError(
                f"the {kind.what} has another schema version", path=self.where, found=said[0][1], known=kind.version
            )
        if columns != kind.columns | about or not rules_hold(connection, kind.name, kind.statements):
            raise DamagedError(f"the {kind.what}'s tables are not those of its version", path=self.where)


def _given(connection: Connection, table: Table, name: str) -> str:  # type: ignore[explicit-any]  # of any columns
    """A parameter that is an array of a column's values."""
    return f"%s::{table.c[name].type.compile(connection.dialect)}[]"


def at_server(place: Path | str) -> bool:
    """Whether a place, where something may be in a file too, is a URL. ParameterError for what is meant to name a
    database and is no such URL: taken for a file's name it would be shown, whatever secret stands in it."""
    if isinstance(place, Path) or place.startswith(SCHEME):
        return not isinstance(place, Path)
    if _MEANT_AS_DATABASE.search(place) is not None:
        raise ParameterError(f"a database is named as {SCHEME}[USER@]HOST[:PORT]/DATABASE")
    return False


def login(url: str) -> str:
    """As whom a URL is connected to, as libpq has it: who stands in it, else PGUSER, else the account of the system.
    Errors as `demand_url`."""
    demand_url(url)
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(url).get("user") or os.environ.get("PGUSER")
    return str(given) if given else pwd.getpwuid(os.getuid()).pw_name


def demand_url(url: str) -> str:
    """The URL as it is. ParameterError where it names no database, or holds a password or anything else that is not to
    stand in one; UnavailableError without the driver. The error does not show it."""
    if len(url) > URL_CHARACTERS_MOST or not url.isprintable() or not url.startswith(SCHEME):
        raise ParameterError(f"a database is named as {SCHEME}[USER@]HOST[:PORT]/DATABASE")
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise UnavailableError("the driver of PostgreSQL is not installed", needs=_NEEDS) from None
    try:
        given = {name for name, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:
        raise ParameterError(f"a database is named as {SCHEME}[USER@]HOST[:PORT]/DATABASE") from None
    if "password" in given:
        raise ParameterError(
            "a password does not stand in the URL of a database", needs="PGPASSWORD, PGPASSFILE or ~/.pgpass"
        )
    if "dbname" not in given:
        raise ParameterError("the URL names no database")
    if not given <= _IN_A_URL:
        raise ParameterError("the URL of a database has a parameter that it cannot have", known=" ".join(_IN_A_URL))
    return url


_MEANT_AS_DATABASE: Final = re.compile(
    r"^\s*postgres(ql)?:|(^|\s)(host|hostaddr|port|dbname|user|service|password|passfile|sslkey|sslpassword)\s*=", re.I
)
_LOST_CLASSES: Final = frozenset({"08"})
_LOST: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03"})
_BUSY: Final = frozenset({"55P03", "40P01", "40001", "57014", "53300", "55006"})
_DAMAGE_CLASSES: Final = frozenset({"22", "42", "XX"})
_UNREACHED: Final = {
    "password": "the password is refused, or there is none",
    "authentication": "this user is refused",
    "role": "this user is refused",
    "no pg_hba.conf entry": "this user is refused",
    "does not exist": "no such database",
    "certificate": "the certificate is refused",
    "ssl": "no encryption as it was asked for",
    "refused": "nobody listens there",
    "no such file": "nobody listens there",
    "could not translate": "no such host",
    "name or service": "no such host",
    "timeout": "no answer in time",
    "too many": "too many connections",
    "starting up": "the server is starting",
    "shutting down": "the server is ending",
}


def _close_idle() -> None:
    for database in list(_OPEN):
        database.close()


# A connection must not be used by two processes after a fork: none is there to be inherited.
_OPEN: Final[weakref.WeakSet[PostgresDatabase]] = weakref.WeakSet()
os.register_at_fork(before=_close_idle)
