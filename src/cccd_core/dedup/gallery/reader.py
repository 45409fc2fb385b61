"""A gallery in tables, as it is read: every row is distrusted, every answer bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, Row, func, select

from cccd_core.dedup.gallery.protocol import UNKNOWN, Entry
from cccd_core.dedup.gallery.records import Fingers, checksum_of, decode
from cccd_core.dedup.gallery.sealing import Sealing
from cccd_core.dedup.gallery.tables import (
    ASKED_BLOCK,
    FINGER,
    GALLERY,
    ID_DIGITS,
    NUMBERS,
    PERSON,
    READ_BLOCK,
    RENAMING,
    TRACE,
    WITHDRAWAL,
)
from cccd_core.dedup.gallery.withdrawal import Withdrawal, WithdrawalKind
from cccd_core.dedup.person import MAX_FINGERS, EnrolledPerson, is_identifier
from cccd_core.errors import ConflictError, DamagedError, ParameterError, UnavailableError
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.database import Database, again

PersonRow: TypeAlias = tuple[int, str, bytes]


def person_of(row: PersonRow, fingers: Fingers, sealing: Sealing, where: str) -> EnrolledPerson:
    """The person of a row and their records as they were (`Sealing.get`). DamagedError, which names `where`, for a
    checksum that is not theirs, and for records that were never written."""
    sequence, person_id, digest = row
    try:
        if not sealing.matches(person_id, fingers, digest):
            raise DamagedError("a person's checksum is wrong")
        return decode(person_id, fingers)
    except DamagedError as error:
        raise error.with_facts(path=where, sequence=sequence) from None


class SqlReader:
    """Who is enrolled, and what became of others; what `SqlGallery` says holds here as well."""

    def __init__(self, database: Database, cipher: Cipher | None) -> None:
        """`cipher`: what the templates are encrypted by. UnavailableError where the gallery is encrypted by another
        key, or without it by any, and where with it the gallery is not encrypted."""
        self._database = database
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

    def faults(self) -> list[str]:
        """What is wrong with the tables as the database itself sees them, read whole: see `Database.faults`."""
        return self._database.faults()

    @property
    def where(self) -> str:
        """The file or the database, for errors and reports; without a password."""
        return self._database.where

    @property
    def gallery_id(self) -> str:
        """32 hexadecimal digits, drawn when the gallery was made: what is derived from it names them."""
        return self._id

    @again
    def __len__(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(PERSON)).scalar_one())

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

    @again
    def get(self, person_id: str) -> EnrolledPerson:
        """The person of that identifier. Raises ConflictError when there is none."""
        if not is_identifier(person_id):
            raise ConflictError(UNKNOWN)
        with self._database.read() as connection:
            rows = connection.execute(select(PERSON).where(PERSON.c.person_id == person_id)).all()
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

    @again
    def entries_of(self, sequences: Sequence[int]) -> list[Entry]:
        """The people of these numbers who are still enrolled, by number."""
        asked = iter(sorted(set(sequences)))
        found: list[Entry] = []
        with self._database.read() as connection:
            while part := list(islice(asked, READ_BLOCK)):
                query = select(PERSON).where(PERSON.c.sequence.in_(part)).order_by(PERSON.c.sequence)
                found += self._load(connection, connection.execute(query).all())
        return found

    def identifiers(self, sequences: Iterable[int]) -> dict[int, str]:
        """The identifiers of those of these numbers who are still enrolled; 500 are asked for at a time."""
        asked = iter(sequences)
        found: dict[int, str] = {}
        while part := list(islice(asked, ASKED_BLOCK)):
            found |= self._identifiers(part)
        return found

    @again
    def last_sequence(self) -> int:
        """The largest number ever given, 0 where nobody was enrolled yet."""
        with self._database.read() as connection:
            return self._last_number(connection)

    @again
    def last_withdrawal(self) -> int:
        """The number of the last withdrawal, 0 where there is none."""
        with self._database.read() as connection:
            return self._last(connection, WITHDRAWAL.c.sequence)

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

    @again
    def _read_id(self) -> str:
        with self._database.read() as connection:
            rows = connection.execute(select(GALLERY).limit(2)).all()
        found: object = rows[0][0] if len(rows) == 1 else None
        if type(found) is not str or len(found) != ID_DIGITS or not set(found) <= set("0123456789abcdef"):
            raise self._damaged("the gallery does not say which one it is")
        return found

    @again
    def _known(self, part: Sequence[str]) -> set[str]:
        query = select(PERSON.c.person_id).where(PERSON.c.person_id.in_(part))
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    @again
    def _identifiers(self, part: Sequence[int]) -> dict[int, str]:
        query = select(PERSON.c.sequence, PERSON.c.person_id).where(PERSON.c.sequence.in_(part))
        found: dict[int, str] = {}
        with self._database.read() as connection:
            for sequence, person_id in connection.execute(query):
                if type(sequence) is not int or type(person_id) is not str:
                    raise self._damaged("the gallery holds a person of the wrong type")
                found[sequence] = person_id
        return found

    @again
    def _last_enrolled(self) -> int:
        with self._database.read() as connection:
            return self._last(connection, PERSON.c.sequence)

    @again
    def _entries(self, done: int, last: int) -> list[Entry]:
        """The next people after number `done`."""
        query = select(PERSON).where(PERSON.c.sequence.between(done + 1, last))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(PERSON.c.sequence).limit(READ_BLOCK)).all()
            return self._load(connection, rows)

    @again
    def _withdrawals(self, done: int, last: int) -> list[Withdrawal]:
        """The next withdrawals after number `done`."""
        with self._database.read() as connection:
            rows = self._trace(connection, done, last)
        for number, (one, digest) in enumerate(rows, start=done + 1):
            if one.sequence != number or digest != checksum_of(one):
                raise self._damaged("a withdrawal was altered, or one is missing").with_facts(sequence=number)
        if not rows:
            raise self._damaged("a withdrawal was altered, or one is missing").with_facts(sequence=done + 1)
        return [one for one, _ in rows]

    def _trace(self, connection: Connection, done: int, last: int) -> list[tuple[Withdrawal, object]]:
        """The next withdrawals after number `done`, each with the checksum that it has."""
        both = WITHDRAWAL.outerjoin(RENAMING, WITHDRAWAL.c.sequence == RENAMING.c.sequence)
        both = both.outerjoin(TRACE, WITHDRAWAL.c.sequence == TRACE.c.sequence)
        query = select(WITHDRAWAL, RENAMING.c.new_id, TRACE.c.sha256).select_from(both)
        query = query.where(WITHDRAWAL.c.sequence.between(done + 1, last))
        rows = connection.execute(query.order_by(WITHDRAWAL.c.sequence).limit(ASKED_BLOCK)).all()
        return [(self._withdrawal(row[:-1]), row[-1]) for row in rows]

    def _last_number(self, connection: Connection) -> int:
        return max(self._last(connection, PERSON.c.sequence), self._last(connection, WITHDRAWAL.c.place))

    def _last(self, connection: Connection, column: ColumnElement[int]) -> int:
        """The largest number that a column holds, 0 where it holds none."""
        found: object = connection.execute(select(func.max(column))).scalar()
        if found is None:
            return 0
        if type(found) is not int or not 0 < found < NUMBERS:
            raise self._damaged("the gallery counts as it never does")
        return found

    def _withdrawal(self, row: Sequence[object]) -> Withdrawal:
        sequence, kind, person_id, order, time, fingers, place, new_id = row
        try:
            if type(sequence) is not int or type(place) is not int or not 0 < place < NUMBERS:
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
        return [
            Entry(row[0], person_of(row, fingers, self._sealing, self._database.where))
            for row, fingers in zip(people, self._fingers(connection, people), strict=True)
        ]

    def _fingers(self, connection: Connection, people: Sequence[PersonRow]) -> list[Fingers]:
        """The records of each of these people."""
        if not people:
            return []
        most = MAX_FINGERS * len(people)
        fingers: dict[int, list[tuple[int, bytes]]] = {sequence: [] for sequence, _, _ in people}
        query = select(FINGER.c.sequence, FINGER.c.place, FINGER.c.template)
        query = query.where(FINGER.c.sequence.in_(list(fingers)))
        found = connection.execute(query.order_by(FINGER.c.sequence, FINGER.c.place).limit(most + 1)).all()
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

    def _demand_key(self) -> None:
        with self._database.read() as connection:
            stored: object = connection.execute(select(FINGER.c.template).limit(1)).scalar()
        if stored is not None and type(stored) is not bytes:
            raise self._damaged("the gallery holds a finger of the wrong type")
        try:
            self._sealing.demand(stored)
        except UnavailableError as error:
            raise error.with_facts(path=self._database.where) from None

    def _person_row(self, row: Sequence[object]) -> PersonRow:
        sequence, person_id, digest = row
        if type(sequence) is not int or type(person_id) is not str or type(digest) is not bytes:
            raise self._damaged("the gallery holds a person of the wrong type")
        return sequence, person_id, digest

    def _damaged(self, message: str) -> DamagedError:
        return DamagedError(message, path=self._database.where)
