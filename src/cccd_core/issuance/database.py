"""What the register and the run state share: an SQLite file opened durably, and its errors as ours. Imports SQLAlchemy
and errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.pool import NullPool

from cccd_core.errors import FileError, StateError


class Database:
    """One SQLite file under one schema. `begin()` is a transaction that is on the disk when it ends."""

    def __init__(self, path: Path, metadata: MetaData, *, application_id: int, version: int) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError("the folder cannot be made", path=str(path.parent), why=error.strerror or "") from None
        self._engine: Engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": 60})
        event.listen(self._engine, "connect", _durable)
        event.listen(self._engine, "begin", _immediate)
        with self.begin() as connection:
            found = (_pragma(connection, "application_id"), _pragma(connection, "user_version"))
            tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
            if found == (0, 0) and tables == 0:
                metadata.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA application_id = {application_id}")
                connection.exec_driver_sql(f"PRAGMA user_version = {version}")
            elif found != (application_id, version):
                raise StateError("not a database of this kind and version", path=str(path), version=found[1])

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction, kept when it ends well. StateError for a broken rule, FileError for a disk that fails."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError as error:
            raise StateError("a rule of the database would be broken", path=str(self.path), rule=_rule(error)) from None
        except DatabaseError as error:
            why = type(error.orig).__name__ if error.orig is not None else ""
            raise FileError("the database failed", path=str(self.path), why=why) from None


def _durable(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def _rule(error: IntegrityError) -> str:
    # SQLite's text names tables and columns, never values
    return str(error.orig).partition(": ")[2]
