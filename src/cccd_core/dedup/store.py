"""The gallery on disk: everyone enrolled, in one SQLite file that is the truth of who is.

The file is opened by `storage.sqlite`, durably and as if somebody else had written it. What it holds is distrusted as
well: every block of rows is bounded, and each person's checksum is compared when read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from cccd_core.dedup.gallery import OTHER_TEMPLATES, UNKNOWN
from cccd_core.dedup.person import MAX_FINGERS, EnrolledPerson, is_identifier
from cccd_core.dedup.withdrawal import Clock, Withdrawal, WithdrawalKind, now_utc
from cccd_core.errors import ConflictError, DamagedError, FormatError, ParameterError
from cccd_core.storage.sqlite import SqliteFile, SqliteKind
from cccd_core.templates import FingerTemplate, Tenprint, read, write

KIND = SqliteKind(
    "gallery",
    0x43434744,  # "CCGD"
    2,
    (
        "CREATE TABLE person (sequence INTEGER PRIMARY KEY, person_id TEXT NOT NULL UNIQUE, sha256 BLOB NOT NULL)",
        "CREATE TABLE finger (sequence INTEGER NOT NULL REFERENCES person, place INTEGER NOT NULL,"
        " template BLOB NOT NULL, PRIMARY KEY (sequence, place))",
        "CREATE TABLE withdrawal (sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, person_id TEXT NOT NULL,"
        " ordered_by TEXT NOT NULL, time TEXT NOT NULL, fingers INTEGER NOT NULL, place INTEGER NOT NULL)",
        "CREATE INDEX withdrawn_place ON withdrawal (place)",
    ),
    value_bytes_max=128 * 1024,  # a record with the largest extended data block has 67 KB
    earlier={1: 2},
)
TEMPLATE_FORMAT = "iso-2005"
UNPLACED_FROM = 100  # `place` of the first finger of unknown position
READ_BLOCK = 64  # people held while iterating
ASKED_BLOCK = 500  # identifiers in one question, withdrawals in one answer
_SEQUENCES = 1 << 62

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
_WITHDRAWAL = Table(
    "withdrawal",
    _METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("kind", String),
    Column("person_id", String),
    Column("ordered_by", String),
    Column("time", String),  # ISO 8601, UTC
    Column("fingers", Integer),
    Column("place", Integer),  # the person's sequence, which nobody else gets: an iteration may be under way
)

_PersonRow = tuple[int, str, bytes]


class GalleryStore:
    """A gallery on disk; several threads and processes may read and write at a time.

    Crash-safe: `add`, `add_many`, `remove` and `replace` are each one transaction, on disk when they return. Templates
    are kept as ISO/IEC 19794-2:2005 records: directions to 1.4 degrees, at most 255 minutiae, coordinates to 16,383.

    Nothing of templates that were removed or replaced is left in the file and its log when the call returns (after a
    crash in between: when the gallery is closed next).

    The file is made, for its owner alone, when it is not there. Raises FileError when it cannot be opened, read or
    written, DiskFullError when nothing more fits, BusyError when another writer does not end within a minute,
    DamagedError when it is no gallery, of another version, or contradicts itself, ConflictError for an identifier that
    is unknown or stands for other templates.
    """

    def __init__(self, path: str | Path, *, make: bool = True, clock: Clock = now_utc) -> None:
        """`make`: whether a file that is not there is made, or a FileError; `clock` gives the time of withdrawals."""
        self.path = Path(path)
        self._clock = clock
        self._file = SqliteFile(self.path, KIND, make=make)

    def __repr__(self) -> str:
        return f"GalleryStore({str(self.path)!r})"

    def close(self) -> None:
        """Lets go of the file, whose log is then part of it; the gallery can be used again."""
        self._file.close()

    def __len__(self) -> int:
        with self._file.read() as connection:
            return int(connection.execute(select(func.count()).select_from(_PERSON)).scalar_one())

    def __contains__(self, person_id: object) -> bool:
        return isinstance(person_id, str) and bool(self.known((person_id,)))

    def known(self, person_ids: Iterable[str]) -> set[str]:
        """Those of the identifiers under which somebody is enrolled; 500 are asked for at a time."""
        asked = (person_id for person_id in person_ids if is_identifier(person_id))
        found: set[str] = set()
        with self._file.read() as connection:
            while part := list(islice(asked, ASKED_BLOCK)):
                query = select(_PERSON.c.person_id).where(_PERSON.c.person_id.in_(part))
                found.update(connection.execute(query).scalars())
        return found

    def __iter__(self) -> Iterator[EnrolledPerson]:
        """Everyone in the order of enrolment, up to the last one there when the iteration began."""
        with self._file.read() as connection:
            last = connection.execute(select(func.max(_PERSON.c.sequence))).scalar()
        if last is None:
            return
        done = None
        while True:
            query = select(_PERSON).where(_PERSON.c.sequence <= last).order_by(_PERSON.c.sequence).limit(READ_BLOCK)
            if done is not None:
                query = query.where(_PERSON.c.sequence > done)
            with self._file.read() as connection:
                people = self._load(connection, connection.execute(query).all())
            if not people:
                return
            done = people[-1][0]
            yield from (person for _, person in people)

    def get(self, person_id: str) -> EnrolledPerson:
        """The person of that identifier. Raises ConflictError when there is none."""
        if not is_identifier(person_id):
            raise ConflictError(UNKNOWN)
        with self._file.read() as connection:
            rows = connection.execute(select(_PERSON).where(_PERSON.c.person_id == person_id)).all()
            if not rows:
                raise ConflictError(UNKNOWN)
            return self._load(connection, rows)[0][1]

    def add(self, person: EnrolledPerson) -> bool:
        """Enrols a person; False when the same templates already stand under this identifier.

        Raises ConflictError when other templates stand under it (an entry is never overwritten) and ParameterError for
        a template that the storage format cannot hold.
        """
        return self.add_many((person,)) == 1

    def add_many(self, people: Iterable[EnrolledPerson]) -> int:
        """Enrols all or, when any of them is refused, nobody; returns how many were new. As `add` otherwise."""
        with self._file.write() as connection:
            return sum(self._add(connection, person) for person in people)

    def remove(self, person_id: str, *, order: str) -> Withdrawal:
        """Takes a person out, and returns what the trace says of it; the identifier may be enrolled again.

        `order`: which order or legal ground asks for it, 1 to 64 characters and no personal data. Raises ConflictError
        when nobody of this identifier is enrolled, ParameterError for an order that is none. BusyError, too, where
        another process reads on for a minute: the person is out then, and the templates stay in the file's log until
        the next withdrawal or `close`.
        """
        with self._file.write() as connection:
            sequence = _sequence_of(connection, person_id)
            withdrawal = self._withdraw(connection, WithdrawalKind.REMOVED, person_id, sequence, order)
            connection.execute(delete(_PERSON).where(_PERSON.c.sequence == sequence))
        self._file.erase()
        return withdrawal

    def replace(self, person: EnrolledPerson, *, order: str) -> Withdrawal:
        """Puts these templates in place of those enrolled under the identifier, at the same place in the order of
        enrolment. `order`, result and errors as `remove`; ParameterError, too, for a template that the storage format
        cannot hold."""
        fingers = _encode(person)
        with self._file.write() as connection:
            sequence = _sequence_of(connection, person.person_id)
            withdrawal = self._withdraw(connection, WithdrawalKind.REPLACED, person.person_id, sequence, order)
            digest = _checksum(person.person_id, fingers)
            connection.execute(update(_PERSON).where(_PERSON.c.sequence == sequence).values(sha256=digest))
            _put_fingers(connection, sequence, fingers)
        self._file.erase()
        return withdrawal

    def withdrawals(self) -> Iterator[Withdrawal]:
        """Everyone who was taken out or replaced, in order, up to the last one there when it began."""
        with self._file.read() as connection:
            last = self._last(connection, _WITHDRAWAL.c.sequence)
        done = 0
        while done < last:
            query = select(_WITHDRAWAL).where(_WITHDRAWAL.c.sequence.between(done + 1, last))
            with self._file.read() as connection:
                rows = connection.execute(query.order_by(_WITHDRAWAL.c.sequence).limit(ASKED_BLOCK)).all()
            if not rows:
                return
            found = [self._withdrawal(row) for row in rows]
            done = found[-1].sequence
            yield from found

    def removed(self) -> set[str]:
        """The identifiers that were taken out and are not enrolled now."""
        gone = {one.person_id for one in self.withdrawals() if one.kind is WithdrawalKind.REMOVED}
        return gone - self.known(gone)

    def _add(self, connection: Connection, person: EnrolledPerson) -> int:
        fingers = _encode(person)
        digest = _checksum(person.person_id, fingers)
        known = connection.execute(select(_PERSON.c.sha256).where(_PERSON.c.person_id == person.person_id)).first()
        if known is not None:
            if known[0] != digest:
                raise ConflictError(OTHER_TEMPLATES)
            return 0
        sequence = 1 + max(self._last(connection, _PERSON.c.sequence), self._last(connection, _WITHDRAWAL.c.place))
        connection.execute(insert(_PERSON).values(sequence=sequence, person_id=person.person_id, sha256=digest))
        _put_fingers(connection, sequence, fingers)
        return 1

    def _last(self, connection: Connection, column: ColumnElement[int]) -> int:
        """The largest number that a column holds, 0 where it holds none."""
        found: object = connection.execute(select(func.max(column))).scalar()
        if found is None:
            return 0
        if type(found) is not int or not 0 < found < _SEQUENCES:
            raise DamagedError("the gallery counts as it never does", path=str(self.path))
        return found

    def _withdraw(
        self, connection: Connection, kind: WithdrawalKind, person_id: str, sequence: int, order: str
    ) -> Withdrawal:
        """Deletes a person's fingers and keeps the trace of it."""
        number = 1 + self._last(connection, _WITHDRAWAL.c.sequence)
        gone = connection.execute(delete(_FINGER).where(_FINGER.c.sequence == sequence)).rowcount
        if gone > MAX_FINGERS:
            raise DamagedError("the gallery holds more fingers than its people can have", path=str(self.path))
        one = Withdrawal(number, kind, person_id, order, self._clock(), gone)
        row = {"sequence": one.sequence, "kind": str(kind), "person_id": person_id, "ordered_by": order}
        row |= {"time": one.time.isoformat(), "fingers": gone, "place": sequence}
        connection.execute(insert(_WITHDRAWAL).values(row))
        return one

    def _withdrawal(self, row: Sequence[object]) -> Withdrawal:
        sequence, kind, person_id, order, time, fingers, _ = row
        try:
            if type(sequence) is not int or type(fingers) is not int or not 0 <= fingers <= MAX_FINGERS:
                raise ValueError
            if type(person_id) is not str or type(order) is not str or type(time) is not str or type(kind) is not str:
                raise ValueError
            at = datetime.fromisoformat(time)
            if not is_identifier(person_id) or at.utcoffset() != timedelta(0):
                raise ValueError
            return Withdrawal(sequence, WithdrawalKind(kind), person_id, order, at, fingers)
        except (ValueError, ParameterError):
            raise DamagedError("the gallery holds a withdrawal that was never written", path=str(self.path)) from None

    def _load(
        self, connection: Connection, rows: Sequence[Row[tuple[object, ...]]]
    ) -> list[tuple[int, EnrolledPerson]]:
        """The people of these rows, which stand in order of sequence, with their fingers."""
        people = [self._person_row(row) for row in rows]
        if not people:
            return []
        most = MAX_FINGERS * len(people)
        query = select(_FINGER.c.sequence, _FINGER.c.place, _FINGER.c.template)
        if len(people) == 1:
            query = query.where(_FINGER.c.sequence == people[0][0])
        else:
            query = query.where(_FINGER.c.sequence.between(people[0][0], people[-1][0]))
        fingers: dict[int, list[tuple[int, bytes]]] = {sequence: [] for sequence, _, _ in people}
        found = connection.execute(query.order_by(_FINGER.c.sequence, _FINGER.c.place).limit(most + 1)).all()
        for sequence, place, data in found:
            if sequence not in fingers or type(place) is not int or type(data) is not bytes:
                raise DamagedError("the gallery holds a finger that belongs to nobody", path=str(self.path))
            fingers[sequence].append((place, data))
        if len(found) > most:
            raise DamagedError("the gallery holds more fingers than its people can have", path=str(self.path))
        return [(row[0], self._decode(row, fingers[row[0]])) for row in people]

    def _person_row(self, row: Sequence[object]) -> _PersonRow:
        sequence, person_id, digest = row
        if type(sequence) is not int or type(person_id) is not str or type(digest) is not bytes:
            raise DamagedError("the gallery holds a person of the wrong type", path=str(self.path))
        return sequence, person_id, digest

    def _decode(self, row: _PersonRow, fingers: Sequence[tuple[int, bytes]]) -> EnrolledPerson:
        sequence, person_id, digest = row
        if _checksum(person_id, fingers) != digest:
            raise DamagedError("a person's checksum is wrong", path=str(self.path), sequence=sequence)
        placed: dict[int, FingerTemplate] = {}
        unplaced: list[FingerTemplate] = []
        try:
            for place, data in fingers:
                views = read(data, format=TEMPLATE_FORMAT).views
                if len(views) != 1:
                    raise FormatError("a record of one finger has one view", views=len(views))
                if place == UNPLACED_FROM + len(unplaced):
                    unplaced.append(views[0])
                else:
                    placed[place] = views[0]
            return EnrolledPerson(person_id, Tenprint(placed), tuple(unplaced))
        except (FormatError, ParameterError):  # a right checksum over what was never written here
            raise DamagedError(
                "a person's identifier, finger's place or record is wrong", path=str(self.path), sequence=sequence
            ) from None


def _sequence_of(connection: Connection, person_id: str) -> int:
    """Where a person stands. Raises ConflictError for nobody."""
    if is_identifier(person_id):
        found = connection.execute(select(_PERSON.c.sequence).where(_PERSON.c.person_id == person_id)).scalar()
        if found is not None:
            return int(found)
    raise ConflictError(UNKNOWN)


def _put_fingers(connection: Connection, sequence: int, fingers: Sequence[tuple[int, bytes]]) -> None:
    rows = [{"sequence": sequence, "place": place, "template": data} for place, data in fingers]
    if rows:
        connection.execute(insert(_FINGER), rows)


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
