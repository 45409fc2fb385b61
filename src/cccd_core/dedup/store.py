"""GalleryStore: the enrolled people in one SQLite file. Imports sqlalchemy, templates, dedup.person and errors.

The file is the truth of who is enrolled, so it is written with full synchronisation, one transaction for each call, and
it is read as if somebody else had written it: application id, schema version and the schema itself are compared before
the first row, every value and every block of rows is bounded, and each person's checksum is compared when read.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, String, Table, create_engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from cccd_core.dedup.person import MAX_FINGERS, EnrolledPerson
from cccd_core.errors import FileError, StateError
from cccd_core.templates import FingerTemplate, Tenprint, read, write

SCHEMA_VERSION = 1
APPLICATION_ID = 0x43434744  # "CCGD"
TEMPLATE_FORMAT = "iso-2005"
BUSY_TIMEOUT_MS = 60_000
MAX_VALUE_BYTES = 128 * 1024  # of any value or SQL text; a record with the largest extended data block has 67 KB
UNPLACED_FROM = 100  # `place` of the first finger of unknown position
READ_BLOCK = 64  # people held while iterating
ASKED_BLOCK = 500  # identifiers in one question

_SQLITE_MAGIC = b"SQLite format 3\x00"

# The schema, word for word: a file whose schema differs in anything is refused.
_DDL = (
    "CREATE TABLE person (sequence INTEGER PRIMARY KEY, person_id TEXT NOT NULL UNIQUE, sha256 BLOB NOT NULL)",
    "CREATE TABLE finger (sequence INTEGER NOT NULL REFERENCES person, place INTEGER NOT NULL, template BLOB NOT NULL,"
    " PRIMARY KEY (sequence, place))",
)
_SCHEMA = {
    ("table", "person", _DDL[0]),
    ("table", "finger", _DDL[1]),
    ("index", "sqlite_autoindex_person_1", None),
    ("index", "sqlite_autoindex_finger_1", None),
}

_METADATA = MetaData()
_PERSON = Table(
    "person",
    _METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("person_id", String),
    Column("sha256", LargeBinary),
)
_FINGER = Table(
    "finger",
    _METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),  # 1..10 the position, 100.. the unplaced fingers in their order
    Column("template", LargeBinary),
)

_PersonRow = tuple[int, str, bytes]


class GalleryStore:
    """A gallery on disk; several threads and processes may read and add at a time.

    Crash-safe: `add` and `add_many` are each one transaction, on disk when they return. Templates are kept as
    ISO/IEC 19794-2:2005 records: directions to 1.4 degrees, at most 255 minutiae, coordinates to 16,383.

    Raises FileError when the file cannot be opened, read or written (disk full included), StateError when it is no
    gallery, of another schema version, or contradicts itself. The file is made when it is not there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        # Nothing is pooled: a store can be handed to threads and survives a fork.
        self._engine = create_engine("sqlite://", creator=lambda: _connect(self.path), poolclass=NullPool)
        self._prepare()

    def __len__(self) -> int:
        with self._connection() as connection:
            return int(connection.execute(select(func.count()).select_from(_PERSON)).scalar_one())

    def __contains__(self, person_id: object) -> bool:
        if not isinstance(person_id, str):
            return False
        query = select(_PERSON.c.sequence).where(_PERSON.c.person_id == person_id)
        with self._connection() as connection:
            return connection.execute(query).first() is not None

    def known(self, person_ids: Iterable[str]) -> set[str]:
        """Those of the identifiers under which somebody is enrolled."""
        asked = iter(person_ids)
        found: set[str] = set()
        with self._connection() as connection:
            while part := list(islice(asked, ASKED_BLOCK)):
                query = select(_PERSON.c.person_id).where(_PERSON.c.person_id.in_(part))
                found.update(connection.execute(query).scalars())
        return found

    def __iter__(self) -> Iterator[EnrolledPerson]:
        """Everyone in the order of enrolment, up to the last one there when the iteration began."""
        with self._connection() as connection:
            last = connection.execute(select(func.max(_PERSON.c.sequence))).scalar()
        if last is None:
            return
        done = None
        while True:
            query = select(_PERSON).where(_PERSON.c.sequence <= last).order_by(_PERSON.c.sequence).limit(READ_BLOCK)
            if done is not None:
                query = query.where(_PERSON.c.sequence > done)
            with self._connection() as connection:
                people = self._load(connection, [_person_row(row) for row in connection.execute(query)])
            if not people:
                return
            done = people[-1][0]
            yield from (person for _, person in people)

    def get(self, person_id: str) -> EnrolledPerson:
        """The person of that identifier. Raises StateError when there is none."""
        with self._connection() as connection:
            row = connection.execute(select(_PERSON).where(_PERSON.c.person_id == person_id)).first()
            if row is None:
                raise StateError("nobody of this identifier is enrolled")
            return self._load(connection, [_person_row(row)])[0][1]

    def add(self, person: EnrolledPerson) -> bool:
        """Enrols a person; False when the same templates already stand under this identifier.

        Raises StateError when other templates stand under it (an entry is never overwritten) and ParameterError for a
        template that the storage format cannot hold.
        """
        return self.add_many((person,)) == 1

    def add_many(self, people: Iterable[EnrolledPerson]) -> int:
        """Enrols all or, when any of them is refused, nobody; returns how many were new. As `add` otherwise."""
        with self._connection(write=True) as connection:
            return sum(self._add(connection, person) for person in people)

    def _add(self, connection: Connection, person: EnrolledPerson) -> int:
        fingers = _encode(person)
        digest = _checksum(person.person_id, fingers)
        known = connection.execute(select(_PERSON.c.sha256).where(_PERSON.c.person_id == person.person_id)).first()
        if known is not None:
            if known[0] != digest:
                raise StateError("other templates are enrolled under this identifier")
            return 0
        inserted = connection.execute(_PERSON.insert().values(person_id=person.person_id, sha256=digest))
        sequence = inserted.lastrowid
        rows = [{"sequence": sequence, "place": place, "template": data} for place, data in fingers]
        if rows:
            connection.execute(_FINGER.insert(), rows)
        return 1

    def _load(self, connection: Connection, people: Sequence[_PersonRow]) -> list[tuple[int, EnrolledPerson]]:
        """The people of these rows, which stand in order of sequence, with their fingers."""
        if not people:
            return []
        most = MAX_FINGERS * len(people)
        query = select(_FINGER.c.sequence, _FINGER.c.place, _FINGER.c.template)
        if len(people) == 1:
            query = query.where(_FINGER.c.sequence == people[0][0])
        else:
            query = query.where(_FINGER.c.sequence.between(people[0][0], people[-1][0]))
        fingers: dict[int, list[tuple[int, bytes]]] = {sequence: [] for sequence, _, _ in people}
        rows = connection.execute(query.order_by(_FINGER.c.sequence, _FINGER.c.place).limit(most + 1)).all()
        for sequence, place, data in rows:
            if sequence not in fingers or type(place) is not int or type(data) is not bytes:
                raise StateError("the gallery holds a finger that belongs to nobody", path=str(self.path))
            fingers[sequence].append((place, data))
        if len(rows) > most:
            raise StateError("the gallery holds more fingers than its people can have", path=str(self.path))
        return [(row[0], self._decode(row, fingers[row[0]])) for row in people]

    def _decode(self, row: _PersonRow, fingers: Sequence[tuple[int, bytes]]) -> EnrolledPerson:
        sequence, person_id, digest = row
        if _checksum(person_id, fingers) != digest:
            raise StateError("a person's checksum is wrong", path=str(self.path), sequence=sequence)
        placed: dict[int, FingerTemplate] = {}
        unplaced: list[FingerTemplate] = []
        for place, data in fingers:
            views = read(data, format=TEMPLATE_FORMAT).views
            if len(views) != 1 or not (1 <= place <= 10 or place == UNPLACED_FROM + len(unplaced)):
                raise StateError("a finger's place or record is wrong", path=str(self.path), sequence=sequence)
            if place < UNPLACED_FROM:
                placed[place] = views[0]
            else:
                unplaced.append(views[0])
        return EnrolledPerson(person_id, Tenprint(placed), tuple(unplaced))

    @contextmanager
    def _connection(self, *, write: bool = False) -> Iterator[Connection]:
        """A connection, in one transaction that is committed at the end with `write`; errors become CccdError."""
        try:
            with self._engine.begin() as connection:
                if write:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        except DBAPIError as error:
            raise self._error(error.orig) from error
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _error(self, error: BaseException | None) -> FileError | StateError:
        # The driver's sentence names no value of a row; the statement, which SQLAlchemy would add, is left out.
        facts = {"path": str(self.path), "why": str(error)}
        if isinstance(error, sqlite3.OperationalError):
            return FileError("the gallery cannot be read or written", **facts)
        return StateError("the file is no sound gallery", **facts)

    def _prepare(self) -> None:
        """Makes the schema in an empty file, checks it in any other."""
        try:
            with self.path.open("rb") as file:
                start = file.read(len(_SQLITE_MAGIC))
        except FileNotFoundError:
            start = b""
        except OSError as error:
            raise FileError("the gallery cannot be read", path=str(self.path), why=error.strerror or "") from error
        if start not in (b"", _SQLITE_MAGIC):  # SQLite itself takes a file of a few bytes for an empty one
            raise StateError("the file is no gallery", path=str(self.path))
        with self._connection() as connection:
            fresh = self._identity(connection) == (0, 0) and not self._schema(connection)
            if fresh:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        if fresh:
            with self._connection(write=True) as connection:
                if not self._schema(connection):  # nobody else was quicker
                    for statement in _DDL:
                        connection.exec_driver_sql(statement)
                    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
        with self._connection() as connection:
            application, version = self._identity(connection)
            if application != APPLICATION_ID:
                raise StateError("the file is no gallery", path=str(self.path))
            if version != SCHEMA_VERSION:
                raise StateError(
                    "the gallery has another schema version", path=str(self.path), found=version, known=SCHEMA_VERSION
                )
            if self._schema(connection) != _SCHEMA:
                raise StateError("the gallery's schema is not the one of its version", path=str(self.path))

    @staticmethod
    def _identity(connection: Connection) -> tuple[int, int]:
        application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
        return int(application), int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())

    @staticmethod
    def _schema(connection: Connection) -> set[tuple[str, str, str | None]]:
        rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master LIMIT 16")
        return {(row[0], row[1], row[2]) for row in rows}


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        # A file from outside may carry functions in views and triggers: they are refused, but not before being read.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _person_row(row: Sequence[object]) -> _PersonRow:
    sequence, person_id, digest = row
    if type(sequence) is not int or type(person_id) is not str or type(digest) is not bytes:
        raise StateError("the gallery holds a person of the wrong type")
    return sequence, person_id, digest


def _encode(person: EnrolledPerson) -> list[tuple[int, bytes]]:
    """(place, record) of every finger, in order of place."""
    placed = [(position, write(template, TEMPLATE_FORMAT)) for position, template in person.tenprint.items()]
    return placed + [(UNPLACED_FROM + i, write(t, TEMPLATE_FORMAT)) for i, t in enumerate(person.unplaced)]


def _checksum(person_id: str, fingers: Iterable[tuple[int, bytes]]) -> bytes:
    """sha256 over identifier, places and records, each with its length before it."""
    digest = hashlib.sha256()
    name = person_id.encode("utf-8", "surrogatepass")
    digest.update(len(name).to_bytes(4, "big") + name)
    for place, data in fingers:
        digest.update(place.to_bytes(8, "big", signed=True) + len(data).to_bytes(4, "big") + data)
    return digest.digest()
