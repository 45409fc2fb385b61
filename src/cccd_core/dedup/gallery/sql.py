"""A gallery in tables: what SQLite and PostgreSQL have in common. Every row is distrusted, every answer bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import wraps
from itertools import chain, islice
from typing import Final, ParamSpec, TypeAlias, TypeVar

from sqlalchemy import (
    BigInteger,
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

from cccd_core.dedup.gallery.protocol import OTHER_TEMPLATES, TAKEN, UNKNOWN, Entry
from cccd_core.dedup.gallery.records import Fingers, decode, encode
from cccd_core.dedup.gallery.sealing import Sealing
from cccd_core.dedup.gallery.withdrawal import Clock, Withdrawal, WithdrawalKind
from cccd_core.dedup.person import MAX_FINGERS, EnrolledPerson, demand_identifier, is_identifier
from cccd_core.errors import ConflictError, DamagedError, ParameterError, UnavailableError
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.database import Database, LostConnectionError

READ_BLOCK: Final = 64  # people held while iterating
ASKED_BLOCK: Final = 500  # identifiers or numbers in one question, withdrawals in one answer, people in one addition
_NUMBERS: Final = 1 << 62
_ID_DIGITS: Final = 32
_TRIES: Final = 3

_METADATA = MetaData()
_GALLERY = Table("gallery", _METADATA, Column("gallery_id", String))  # one row
_PERSON = Table(
    "person",
    _METADATA,
    Column("sequence", BigInteger, primary_key=True),
    Column("person_id", String),
    Column("sha256", LargeBinary),
)
_FINGER = Table(
    "finger",
    _METADATA,
    Column("sequence", BigInteger, primary_key=True),
    Column("place", Integer, primary_key=True),  # 1..10 the position, 100.. the unplaced fingers in their order
    Column("template", LargeBinary),
)
_WITHDRAWAL = Table(
    "withdrawal",
    _METADATA,
    Column("sequence", BigInteger, primary_key=True),
    Column("kind", String),
    Column("person_id", String),
    Column("ordered_by", String),
    Column("time", String),  # ISO 8601, UTC
    Column("fingers", BigInteger),
    Column("place", BigInteger),  # the person's number, which nobody else gets: an iteration may be under way
)
_RENAMING = Table(
    "renaming", _METADATA, Column("sequence", BigInteger, primary_key=True), Column("new_id", String)
)  # of the withdrawals of that kind: the new identifier

_PersonRow: TypeAlias = tuple[int, str, bytes]
_Coded: TypeAlias = tuple[str, Fingers]


_T = TypeVar("_T")
_P = ParamSpec("_P")


def _again(method: Callable[_P, _T]) -> Callable[_P, _T]:
    """A call that is made again, twice at most, where the database was lost and nothing of it was kept."""

    @wraps(method)
    def call(*args: _P.args, **named: _P.kwargs) -> _T:
        for _ in range(_TRIES - 1):
            try:
                return method(*args, **named)
            except LostConnectionError as error:
                if not error.undone:
                    raise
        return method(*args, **named)

    return call


class SqlGallery:
    """A gallery in tables; several threads and processes may read and write at a time.

    Crash-safe: `add`, `add_many`, `remove`, `replace` and `rename` are each one transaction, kept when they return.
    Templates are kept as ISO/IEC 19794-2:2005 records: directions to 1.4 degrees, at most 255 minutiae, coordinates to
    16,383.

    Errors besides those of each call: FileError where the database cannot be reached, read or written, DiskFullError
    when nothing more fits, BusyError when another writer does not end within a minute, DamagedError when it contradicts
    itself.
    """

    def __init__(self, database: Database, clock: Clock, cipher: Cipher | None = None) -> None:
        """`cipher`: what the templates are encrypted by. UnavailableError where the gallery is encrypted by another
        key, or without it by any, and where with it the gallery is not encrypted."""
        self._database = database
        self._clock = clock
        try:
            self._id = self._read_id()
            self._sealing = Sealing(cipher, self._id)
            self._demand_key()
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Lets go of the database; the gallery can be used again."""
        self._database.close()

    @property
    def where(self) -> str:
        """The file or the database, for errors and reports; without a password."""
        return self._database.where

    @property
    def gallery_id(self) -> str:
        """32 hexadecimal digits, drawn when the gallery was made: what is derived from it names them."""
        return self._id

    @_again
    def __len__(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(_PERSON)).scalar_one())

    def __contains__(self, person_id: object) -> bool:
        return isinstance(person_id, str) and bool(self.known((person_id,)))

    def __iter__(self) -> Iterator[EnrolledPerson]:
        """Everyone in the order of enrolment, up to the last one there when the iteration began."""
        return (entry.person for entry in self.entries())

    def known(self, person_ids: Iterable[str]) -> set[str]:
        """Those of the identifiers under which somebody is enrolled; 500 are asked for at a time."""
        asked = (person_id for person_id in person_ids if is_identifier(person_id))
        found: set[str] = set()
        while part := list(islice(asked, ASKED_BLOCK)):
            found |= self._known(part)
        return found

    @_again
    def get(self, person_id: str) -> EnrolledPerson:
        """The person of that identifier. Raises ConflictError when there is none."""
        if not is_identifier(person_id):
            raise ConflictError(UNKNOWN)
        with self._database.read() as connection:
            rows = connection.execute(select(_PERSON).where(_PERSON.c.person_id == person_id)).all()
            if not rows:
                raise ConflictError(UNKNOWN)
            return self._load(connection, rows)[0].person

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """Everyone numbered from `after` + 1 to `until`, or to the last one there when it began, by number."""
        last = self._last_enrolled()
        last = last if until is None else min(until, last)
        done = after
        while done < last and (people := self._entries(done, last)):
            done = people[-1].sequence
            yield from people

    @_again
    def entries_of(self, sequences: Sequence[int]) -> list[Entry]:
        """The people of these numbers who are still enrolled, by number."""
        asked = iter(sorted(set(sequences)))
        found: list[Entry] = []
        with self._database.read() as connection:
            while part := list(islice(asked, READ_BLOCK)):
                query = select(_PERSON).where(_PERSON.c.sequence.in_(part)).order_by(_PERSON.c.sequence)
                found += self._load(connection, connection.execute(query).all())
        return found

    def identifiers(self, sequences: Iterable[int]) -> dict[int, str]:
        """The identifiers of those of these numbers who are still enrolled; 500 are asked for at a time."""
        asked = iter(sequences)
        found: dict[int, str] = {}
        while part := list(islice(asked, ASKED_BLOCK)):
            found |= self._identifiers(part)
        return found

    @_again
    def last_sequence(self) -> int:
        """The largest number ever given, 0 where nobody was enrolled yet."""
        with self._database.read() as connection:
            return self._last_number(connection)

    @_again
    def last_withdrawal(self) -> int:
        """The number of the last withdrawal, 0 where there is none."""
        with self._database.read() as connection:
            return self._last(connection, _WITHDRAWAL.c.sequence)

    def add(self, person: EnrolledPerson) -> bool:
        """Enrols a person; False when the same templates already stand under this identifier.

        Raises ConflictError when other templates stand under it (an entry is never overwritten) and ParameterError for
        a template that the storage format cannot hold.
        """
        return self.add_many((person,)) == 1

    def add_many(self, people: Iterable[EnrolledPerson]) -> int:
        """Enrols all or, when any of them is refused, nobody; returns how many were new. As `add` otherwise."""
        return self._add_all_again(people) if isinstance(people, Sequence) else self._add_all(people)

    @_again
    def remove(self, person_id: str, *, order: str) -> Withdrawal:
        """Takes a person out, and returns what the trace says of it; the identifier may be enrolled again.

        `order`: which order or legal ground asks for it, 1 to 64 characters and no personal data. Raises ConflictError
        when nobody of this identifier is enrolled, ParameterError for an order that is none. BusyError, too, where
        another process reads on for a minute: the person is out then, and the templates stay in the file's log until
        the next withdrawal or `close`.
        """
        with self._database.write() as connection:
            place = _number_of(connection, person_id)
            withdrawal = self._withdraw(connection, WithdrawalKind.REMOVED, person_id, place, order)
            connection.execute(delete(_PERSON).where(_PERSON.c.sequence == place))
        self._database.erase()
        return withdrawal

    @_again
    def replace(self, person: EnrolledPerson, *, order: str) -> Withdrawal:
        """Puts these templates in place of those enrolled under the identifier, under the same number. `order`, result
        and errors as `remove`; ParameterError, too, for a template that the storage format cannot hold."""
        fingers = encode(person)
        with self._database.write() as connection:
            place = _number_of(connection, person.person_id)
            withdrawal = self._withdraw(connection, WithdrawalKind.REPLACED, person.person_id, place, order)
            digest = self._sealing.checksum(person.person_id, fingers)
            connection.execute(update(_PERSON).where(_PERSON.c.sequence == place).values(sha256=digest))
            self._put_fingers(connection, [(place, fingers)])
        self._database.erase()
        return withdrawal

    @_again
    def rename(self, person_id: str, new_id: str, *, order: str) -> Withdrawal:
        """Gives a person another identifier; number and templates stay. `order`, result and errors as `remove`;
        ConflictError, too, where somebody has the new identifier, ParameterError where it is none."""
        demand_identifier(new_id)
        with self._database.write() as connection:
            place = _number_of(connection, person_id)
            if connection.execute(select(_PERSON.c.sequence).where(_PERSON.c.person_id == new_id)).first() is not None:
                raise ConflictError(TAKEN)
            rows = connection.execute(select(_PERSON).where(_PERSON.c.sequence == place)).all()
            (kept,) = self._fingers(connection, [self._person_row(row) for row in rows])
            withdrawal = self._withdraw(connection, WithdrawalKind.RENAMED, person_id, place, order, new_id)
            values = {"person_id": new_id, "sha256": self._sealing.checksum(new_id, kept)}
            connection.execute(update(_PERSON).where(_PERSON.c.sequence == place).values(values))
        return withdrawal

    def withdrawals(self, after: int = 0) -> Iterator[Withdrawal]:
        """Everyone who was taken out, replaced or renamed, from number `after` + 1 on, in order, up to the last one
        there when it began."""
        last = self.last_withdrawal()
        done = max(0, after)
        while done < last and (found := self._withdrawals(done, last)):
            done = found[-1].sequence
            yield from found

    def removed(self) -> set[str]:
        """The identifiers that were taken out and are not enrolled now."""
        gone = {one.person_id for one in self.withdrawals() if one.kind is WithdrawalKind.REMOVED}
        return gone - self.known(gone)

    def reseal(self, progress: Progress | None = None) -> int:
        """Brings everyone under the cipher's own key, or out of any where there is no cipher; returns how many people
        were not there yet. Interrupted it goes on when it is called again. Nothing of the records as they were is left
        in the files at return. Errors as `remove`."""
        done = changed = 0
        with self._database.read() as connection:
            last = self._last(connection, _PERSON.c.sequence)
        while done < last:
            with self._database.write() as connection:
                query = select(_PERSON).where(_PERSON.c.sequence > done).order_by(_PERSON.c.sequence)
                people = [self._person_row(row) for row in connection.execute(query.limit(ASKED_BLOCK)).all()]
                if not people:
                    break
                changed += self._reseal(connection, people)
                done = people[-1][0]
            if progress is not None:
                progress(done, last, "encrypt")
        self._database.erase()
        return changed

    def _reseal(self, connection: Connection, people: Sequence[_PersonRow]) -> int:
        numbers = [sequence for sequence, _, _ in people]
        query = select(_FINGER.c.sequence, _FINGER.c.template).where(_FINGER.c.sequence.in_(numbers))
        rows = connection.execute(query).all()
        old = {sequence for sequence, stored in rows if not self._sealing.is_current(stored)}
        with_fingers = {sequence for sequence, _ in rows}
        changed = 0
        for (sequence, person_id, digest), fingers in zip(people, self._fingers(connection, people), strict=True):
            if not self._sealing.matches(person_id, fingers, digest):
                raise self._damaged("a person's checksum is wrong").with_facts(sequence=sequence)
            now = self._sealing.checksum(person_id, fingers)
            if sequence in old or (sequence not in with_fingers and now != digest):
                connection.execute(delete(_FINGER).where(_FINGER.c.sequence == sequence))
                self._put_fingers(connection, [(sequence, fingers)])
                connection.execute(update(_PERSON).where(_PERSON.c.sequence == sequence).values(sha256=now))
                changed += 1
        return changed

    @_again
    def _read_id(self) -> str:
        with self._database.read() as connection:
            rows = connection.execute(select(_GALLERY).limit(2)).all()
        found: object = rows[0][0] if len(rows) == 1 else None
        if type(found) is not str or len(found) != _ID_DIGITS or not set(found) <= set("0123456789abcdef"):
            raise self._damaged("the gallery does not say which one it is")
        return found

    @_again
    def _known(self, part: Sequence[str]) -> set[str]:
        query = select(_PERSON.c.person_id).where(_PERSON.c.person_id.in_(part))
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    @_again
    def _identifiers(self, part: Sequence[int]) -> dict[int, str]:
        query = select(_PERSON.c.sequence, _PERSON.c.person_id).where(_PERSON.c.sequence.in_(part))
        found: dict[int, str] = {}
        with self._database.read() as connection:
            for sequence, person_id in connection.execute(query):
                if type(sequence) is not int or type(person_id) is not str:
                    raise self._damaged("the gallery holds a person of the wrong type")
                found[sequence] = person_id
        return found

    @_again
    def _last_enrolled(self) -> int:
        with self._database.read() as connection:
            return self._last(connection, _PERSON.c.sequence)

    @_again
    def _entries(self, done: int, last: int) -> list[Entry]:
        """The next people after number `done`."""
        query = select(_PERSON).where(_PERSON.c.sequence.between(done + 1, last))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_PERSON.c.sequence).limit(READ_BLOCK)).all()
            return self._load(connection, rows)

    @_again
    def _withdrawals(self, done: int, last: int) -> list[Withdrawal]:
        """The next withdrawals after number `done`."""
        both = _WITHDRAWAL.outerjoin(_RENAMING, _WITHDRAWAL.c.sequence == _RENAMING.c.sequence)
        query = select(_WITHDRAWAL, _RENAMING.c.new_id).select_from(both)
        query = query.where(_WITHDRAWAL.c.sequence.between(done + 1, last))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_WITHDRAWAL.c.sequence).limit(ASKED_BLOCK)).all()
        return [self._withdrawal(row) for row in rows]

    def _add_all(self, people: Iterable[EnrolledPerson]) -> int:
        new = 0
        parts = _coded(people)
        first = next(parts, None)  # coded before the others are kept out
        if first is None:
            return 0
        with self._database.write() as connection:
            last = self._last_number(connection)
            for part in chain((first,), parts):
                new += self._add(connection, part, last + new)
        return new

    _add_all_again = _again(_add_all)

    def _add(self, connection: Connection, people: Sequence[_Coded], last: int) -> int:
        """Enrols those of these who are new, numbered from `last` + 1 on."""
        query = select(_PERSON.c.person_id, _PERSON.c.sha256)
        query = query.where(_PERSON.c.person_id.in_([person_id for person_id, _ in people]))
        known: dict[str, bytes] = {row[0]: row[1] for row in connection.execute(query)}
        rows: list[dict[str, object]] = []
        records: list[tuple[int, Fingers]] = []
        for person_id, fingers in people:
            there = known.get(person_id)
            if there is None:
                digest = self._sealing.checksum(person_id, fingers)
                known[person_id] = digest
                number = last + len(rows) + 1
                rows.append({"sequence": number, "person_id": person_id, "sha256": digest})
                records.append((number, fingers))
            elif not self._sealing.matches(person_id, fingers, there):
                raise ConflictError(OTHER_TEMPLATES)
        if rows:
            connection.execute(insert(_PERSON), rows)
            self._put_fingers(connection, records)
        return len(rows)

    def _last_number(self, connection: Connection) -> int:
        return max(self._last(connection, _PERSON.c.sequence), self._last(connection, _WITHDRAWAL.c.place))

    def _last(self, connection: Connection, column: ColumnElement[int]) -> int:
        """The largest number that a column holds, 0 where it holds none."""
        found: object = connection.execute(select(func.max(column))).scalar()
        if found is None:
            return 0
        if type(found) is not int or not 0 < found < _NUMBERS:
            raise self._damaged("the gallery counts as it never does")
        return found

    def _withdraw(
        self,
        connection: Connection,
        kind: WithdrawalKind,
        person_id: str,
        place: int,
        order: str,
        new_id: str | None = None,
    ) -> Withdrawal:
        """Keeps the trace, and deletes the person's fingers but where only the identifier changes."""
        number = 1 + self._last(connection, _WITHDRAWAL.c.sequence)
        gone = 0
        if kind is not WithdrawalKind.RENAMED:
            gone = connection.execute(delete(_FINGER).where(_FINGER.c.sequence == place)).rowcount
        if gone > MAX_FINGERS:
            raise self._damaged("the gallery holds more fingers than its people can have")
        one = Withdrawal(number, kind, person_id, order, self._clock(), gone, place, new_id)
        row = {"sequence": number, "kind": str(kind), "person_id": person_id, "ordered_by": order}
        row |= {"time": one.time.isoformat(), "fingers": gone, "place": place}
        connection.execute(insert(_WITHDRAWAL).values(row))
        if new_id is not None:
            connection.execute(insert(_RENAMING).values(sequence=number, new_id=new_id))
        return one

    def _withdrawal(self, row: Sequence[object]) -> Withdrawal:
        sequence, kind, person_id, order, time, fingers, place, new_id = row
        try:
            if type(sequence) is not int or type(place) is not int or not 0 < place < _NUMBERS:
                raise ValueError
            if type(fingers) is not int or not 0 <= fingers <= MAX_FINGERS:
                raise ValueError
            if type(person_id) is not str or type(order) is not str or type(time) is not str or type(kind) is not str:
                raise ValueError
            at = datetime.fromisoformat(time)
            if not is_identifier(person_id) or at.utcoffset() != timedelta(0):
                raise ValueError
            what = WithdrawalKind(kind)
            if what is WithdrawalKind.RENAMED:
                if type(new_id) is not str or not is_identifier(new_id):
                    raise ValueError
                return Withdrawal(sequence, what, person_id, order, at, fingers, place, new_id)
            return Withdrawal(sequence, what, person_id, order, at, fingers, place)
        except (ValueError, ParameterError):
            raise self._damaged("the gallery holds a withdrawal that was never written") from None

    def _load(self, connection: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> list[Entry]:
        """The people of these rows, which stand in order of number, with their fingers."""
        people = [self._person_row(row) for row in rows]
        entries = []
        for (sequence, person_id, digest), fingers in zip(people, self._fingers(connection, people), strict=True):
            try:
                if not self._sealing.matches(person_id, fingers, digest):
                    raise DamagedError("a person's checksum is wrong")
                entries.append(Entry(sequence, decode(person_id, fingers)))
            except DamagedError as error:
                raise error.with_facts(path=self._database.where, sequence=sequence) from None
        return entries

    def _fingers(self, connection: Connection, people: Sequence[_PersonRow]) -> list[Fingers]:
        """The records of each of these people."""
        if not people:
            return []
        most = MAX_FINGERS * len(people)
        fingers: dict[int, list[tuple[int, bytes]]] = {sequence: [] for sequence, _, _ in people}
        query = select(_FINGER.c.sequence, _FINGER.c.place, _FINGER.c.template)
        query = query.where(_FINGER.c.sequence.in_(list(fingers)))
        found = connection.execute(query.order_by(_FINGER.c.sequence, _FINGER.c.place).limit(most + 1)).all()
        for sequence, place, data in found:
            if sequence not in fingers or type(place) is not int or type(data) is not bytes:
                raise self._damaged("the gallery holds a finger that belongs to nobody")
            try:
                fingers[sequence].append((place, self._sealing.get(sequence, place, data)))
            except (DamagedError, UnavailableError) as error:
                raise error.with_facts(path=self._database.where, sequence=sequence) from None
        if len(found) > most:
            raise self._damaged("the gallery holds more fingers than its people can have")
        return list(fingers.values())

    def _put_fingers(self, connection: Connection, records: Sequence[tuple[int, Fingers]]) -> None:
        rows = [
            {"sequence": sequence, "place": place, "template": self._sealing.put(sequence, place, data)}
            for sequence, fingers in records
            for place, data in fingers
        ]
        if rows:
            connection.execute(insert(_FINGER), rows)

    def _demand_key(self) -> None:
        with self._database.read() as connection:
            stored: object = connection.execute(select(_FINGER.c.template).limit(1)).scalar()
        if stored is not None and type(stored) is not bytes:
            raise self._damaged("the gallery holds a finger of the wrong type")
        try:
            self._sealing.demand(stored)
        except UnavailableError as error:
            raise error.with_facts(path=self._database.where) from None

    def _person_row(self, row: Sequence[object]) -> _PersonRow:
        sequence, person_id, digest = row
        if type(sequence) is not int or type(person_id) is not str or type(digest) is not bytes:
            raise self._damaged("the gallery holds a person of the wrong type")
        return sequence, person_id, digest

    def _damaged(self, message: str) -> DamagedError:
        return DamagedError(message, path=self._database.where)


def _coded(people: Iterable[EnrolledPerson]) -> Iterator[list[_Coded]]:
    """Identifiers and records, so many people at a time."""
    rest = iter(people)
    while part := [(person.person_id, encode(person)) for person in islice(rest, ASKED_BLOCK)]:
        yield part


def _number_of(connection: Connection, person_id: str) -> int:
    """Where a person stands. Raises ConflictError for nobody."""
    if is_identifier(person_id):
        found = connection.execute(select(_PERSON.c.sequence).where(_PERSON.c.person_id == person_id)).scalar()
        if found is not None:
            return int(found)
    raise ConflictError(UNKNOWN)
