"""SQLite files that are the truth of something: opened durably, and read as if somebody else had written them.

The application id, the schema's version and the schema itself, word for word, are compared before the first row; every
value and statement is bounded; functions that a file brings along are not trusted. A writer is on the disk when its
transaction ends (write-ahead log, full synchronisation); readers see one state of the file for a whole transaction and
wait for nobody.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Date, Table, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from cccd_core.errors import BusyError, CccdError, ConflictError, DamagedError, DiskFullError, Fact, FileError
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error

_BUSY_TIMEOUT_MS: Final = 60_000
_FOLDING_S: Final = 0.005
_SMALLEST_PAGE: Final = 512
_ASKED_AT_ONCE: Final = 1000  # values in one question
_KEPT_OPEN: Final = 8  # connections kept between transactions; more are opened where more threads ask


@dataclass(frozen=True, slots=True)
class SqliteKind:
    """What one kind of file is. `what` is its name in errors, `schema` its statements in the order in which they run.

    A file is of this kind when it has this application id and version, and exactly the tables and indices that these
    statements make. `value_bytes_max` bounds every value and every statement. `earlier`: versions that are read too,
    and how many of the statements each had; the others are run when such a file is opened.
    """

    what: str
    application_id: int
    version: int
    schema: tuple[str, ...]
    value_bytes_max: int = 128 * 1024
    earlier: Mapping[int, int] = field(default_factory=dict)


class SqliteFile:
    """One file of a kind; several threads and processes may read and write at a time, and a fork is survived.

    The file is made, for its owner alone, where it is empty, or where it is not there and `make` lets it. Raises
    FileError where it cannot be opened, read or written, DiskFullError where nothing more fits, BusyError where another
    writer does not end within a minute, ConflictError where a rule of the schema forbids what is written, DamagedError
    where it is no file of its kind, of another version, or contradicts itself. No error holds a value of a row.
    """

    def __init__(self, path: Path, kind: SqliteKind, *, make: bool = True, as_it_is: bool = False) -> None:
        """`as_it_is`: the schema is not compared with that of the kind, for whoever looks at evidence."""
        self.path = path
        self.kind = kind
        self._as_it_is = as_it_is
        self._engine = create_engine(
            "sqlite://", creator=self._connect, poolclass=QueuePool, pool_size=_KEPT_OPEN, max_overflow=-1,
            hide_parameters=True,
        )  # fmt: skip
        _OPEN.add(self)
        try:
            self._prepare(make)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that sees one state of the file, and changes nothing."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, alone with the file; on the disk when it ends well, undone when anything is raised."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def put(  # type: ignore[explicit-any]  # a table of any columns
        self, connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]
    ) -> None:
        """Inserts rows, which have the same columns, in the transaction of `write`."""
        names = list(rows[0])
        columns = [[row[name] for row in rows] for name in names]
        for place, name in enumerate(names):
            if isinstance(table.c[name].type, Date):  # which SQLite has as texts
                columns[place] = [None if day is None else str(day) for day in columns[place]]
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - our own names
        connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))

    def among(  # type: ignore[explicit-any]  # a table of any columns
        self, connection: Connection, table: Table, names: Sequence[str], key: str, values: Sequence[str | bytes]
    ) -> Iterator[tuple[object, ...]]:
        """The columns `names` of the rows whose `key` is one of these values, a statement for each thousand of them."""
        select = f"SELECT {', '.join(names)} FROM {table.name} WHERE {key} IN"  # noqa: S608 - our own names
        for start in range(0, len(values), _ASKED_AT_ONCE):
            part = tuple(values[start : start + _ASKED_AT_ONCE])
            yield from connection.exec_driver_sql(f"{select} ({', '.join('?' * len(part))})", part)

    def erase(self) -> None:
        """Folds the log into the file and empties it, so that nothing is left of what was deleted before: secure
        deletion overwrites it in the file, and the log holds the pages as they were.

        BusyError where somebody reads on for a minute; what was deleted is then in the log until the next `erase`, or
        until the last one lets go of the file.
        """
        end = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
        with self._faults(), self._engine.connect() as connection:
            # SQLite waits for readers and writers, but for nobody who folds the log at the same time
            while busy := connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one():
                if time.monotonic() >= end:
                    break
                time.sleep(_FOLDING_S)
        if busy:
            raise BusyError(
                f"another process reads the {self.kind.what}: what was deleted is out of it, but not out of its log",
                path=str(self.path), needs="the other process to end",
            )  # fmt: skip

    def purge(self) -> None:
        """As `erase`."""
        self.erase()

    def faults(self) -> list[str]:
        """What SQLite finds wrong when it reads all of the file; a hundred faults at the most, which name pages, tables
        and rows by number. Rows that belong to none of another table are one fault for each table."""
        with self.read() as connection:
            said = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(100)")]
            lost = {str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}
        return [one for one in said if one != "ok"] + [f"rows of {name} belong to nothing" for name in sorted(lost)]

    @property
    def where(self) -> str:
        """The file's path, for errors."""
        return str(self.path)

    def close(self) -> None:
        """Lets go of the file; it can be used again."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with self._faults(), self._engine.begin() as connection:
            connection.exec_driver_sql(begin)
            yield connection

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._error(error.orig) from None  # SQLAlchemy's own text shows the statement's values
        except sqlite3.Error as error:
            raise self._error(error) from None
        except UnicodeDecodeError:  # SQLite's own sentence, about a schema whose names are no text
            raise DamagedError(f"the file is no sound {self.kind.what}", path=str(self.path)) from None

    def _error(self, error: BaseException | None) -> CccdError:
        # SQLite names tables and columns, never a value; the driver itself shows the text that is no UTF-8.
        said = hasattr(error, "sqlite_errorcode")
        facts: dict[str, Fact] = {"path": str(self.path), "why": str(error) if said else type(error).__name__}
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return DiskFullError(f"the disk is full: the {self.kind.what} cannot be written", **facts)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return BusyError(f"another process is writing the {self.kind.what}", **facts)
        if code == sqlite3.SQLITE_CONSTRAINT:
            rule = str(error).rpartition(": ")[2]  # a trigger says the rule alone
            return ConflictError(f"a rule of the {self.kind.what} would be broken", path=str(self.path), rule=rule)
        if code in _FILE_TROUBLE:
            if self._full():
                return DiskFullError(f"the disk is full: the {self.kind.what} cannot be written", **facts)
            return FileError(f"the {self.kind.what} cannot be read or written", **facts)
        return DamagedError(f"the file is no sound {self.kind.what}", **facts)

    def _full(self) -> bool:
        """Whether the disk is what failed: SQLite calls a full one an I/O error where the log's index must grow."""
        try:
            return os.statvfs(self.path.parent).f_bavail == 0
        except OSError:
            return False

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self.kind.value_bytes_max)
            # A file from outside may carry functions in views and triggers: they are refused, but not before being read
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # what is deleted is personal data, and gone
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, make: bool) -> None:
        """Makes the schema in an empty file, checks it in any other."""
        self._demand_sqlite(make)
        kind = self.kind
        with self._transaction("BEGIN") as connection:
            fresh = _identity(connection) == (0, 0) and not _schema(connection)
        if fresh:
            with self._faults(), self._engine.connect() as connection:  # outside a transaction, as SQLite wants it
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            with self.write() as connection:
                if not _schema(connection):  # nobody else was quicker
                    for statement in kind.schema:
                        connection.exec_driver_sql(statement)
                    connection.exec_driver_sql(f"PRAGMA application_id = {kind.application_id}")
                    connection.exec_driver_sql(f"PRAGMA user_version = {kind.version}")
        elif self._is_earlier():
            with self.write() as connection:
                version = _identity(connection)[1]
                if version in kind.earlier:  # nobody else was quicker
                    for statement in kind.schema[kind.earlier[version] :]:
                        connection.exec_driver_sql(statement)
                    connection.exec_driver_sql(f"PRAGMA user_version = {kind.version}")
        with self.read() as connection:
            application, version = _identity(connection)
            if application != kind.application_id:
                raise DamagedError(f"the file is no {kind.what}", path=str(self.path))
            if version != kind.version:
                raise DamagedError(
                    f"the {kind.what} has another schema version", path=str(self.path), found=version,
                    known=kind.version,
                )  # fmt: skip
            if not self._as_it_is and _schema(connection) != _schema_of(kind.schema):
                raise DamagedError(f"the {kind.what}'s schema is not the one of its version", path=str(self.path))

    def _is_earlier(self) -> bool:
        """Whether the file is of an earlier version that is read, and sound as that."""
        kind = self.kind
        with self.read() as connection:
            application, version = _identity(connection)
            if application != kind.application_id or version not in kind.earlier:
                return False
            return _schema(connection) == _schema_of(kind.schema[: kind.earlier[version]])

    def _demand_sqlite(self, make: bool) -> None:
        """Makes an empty file of mode 0600 where there is none, as SQLite would not; refuses what it would take for an
        empty one. A file that is there is not opened: closing it again would drop this process's locks on it (POSIX),
        under the hands of another connection."""
        try:
            if make and not self.path.exists():
                with suppress(FileExistsError):  # somebody was quicker
                    whole_file.make_empty(self.path)
            known = self.path.stat()
        except OSError as error:
            raise file_error(f"the {self.kind.what} cannot be opened", error, path=str(self.path)) from None
        if not stat.S_ISREG(known.st_mode) or 0 < known.st_size < _SMALLEST_PAGE:
            raise DamagedError(f"the file is no {self.kind.what}", path=str(self.path))


_FILE_TROUBLE: Final = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def _identity(connection: Connection) -> tuple[int, int]:
    application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    return int(application), int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _schema(connection: Connection) -> frozenset[tuple[str, str, str | None]]:
    rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master LIMIT 256")
    return frozenset((row[0], row[1], row[2]) for row in rows)


def _schema_of(statements: tuple[str, ...]) -> frozenset[tuple[str, str, str | None]]:
    """What SQLite keeps of these statements, the indices that it makes by itself included."""
    with sqlite3.connect(":memory:") as connection:
        for statement in statements:
            connection.execute(statement)
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    connection.close()
    return frozenset((row[0], row[1], row[2]) for row in rows)


def _close_idle() -> None:
    for file in list(_OPEN):
        file.close()


# A connection must not be used after a fork, nor closed by the child: none is there to be inherited.
_OPEN: Final[weakref.WeakSet[SqliteFile]] = weakref.WeakSet()
os.register_at_fork(before=_close_idle)
