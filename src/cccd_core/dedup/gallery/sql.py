"""A gallery in tables: what SQLite and PostgreSQL have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeAlias

from sqlalchemy import Connection, delete, func, insert, select, update

from cccd_core.dedup.gallery.protocol import OTHER_TEMPLATES, TAKEN, UNKNOWN
from cccd_core.dedup.gallery.reader import PersonRow, SqlReader
from cccd_core.dedup.gallery.records import Fingers, checksum_of, encode
from cccd_core.dedup.gallery.tables import ASKED_BLOCK, FINGER, NUMBERS, PERSON, RENAMING, TRACE, WITHDRAWAL
from cccd_core.dedup.gallery.withdrawal import Clock, Withdrawal, WithdrawalKind
from cccd_core.dedup.person import MAX_FINGERS, EnrolledPerson, demand_identifier, is_identifier
from cccd_core.errors import ConflictError
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.database import Database, again

_Coded: TypeAlias = tuple[str, Fingers]


class SqlGallery(SqlReader):
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
        super().__init__(database, cipher)
        self._clock = clock
        try:
            self._sum_up()
        except BaseException:
            database.close()
            raise

    def add(self, person: EnrolledPerson) -> bool:
        """Enrols a person; False when the same templates already stand under this identifier.

        Raises ConflictError when other templates stand under it (an entry is never overwritten) and ParameterError for
        a template that the storage format cannot hold.
        """
        return self.add_many((person,)) == 1

    def add_many(self, people: Iterable[EnrolledPerson]) -> int:
        """Enrols all or, when any of them is refused, nobody; returns how many were new. As `add` otherwise."""
        return self._add_all_again(people) if isinstance(people, Sequence) else self._add_all(people)

    @again
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
            connection.execute(delete(PERSON).where(PERSON.c.sequence == place))
        self._database.erase()
        return withdrawal

    @again
    def replace(self, person: EnrolledPerson, *, order: str) -> Withdrawal:
        """Puts these templates in place of those enrolled under the identifier, under the same number. `order`, result
        and errors as `remove`; ParameterError, too, for a template that the storage format cannot hold."""
        fingers = encode(person)
        with self._database.write() as connection:
            place = _number_of(connection, person.person_id)
            withdrawal = self._withdraw(connection, WithdrawalKind.REPLACED, person.person_id, place, order)
            digest = self._sealing.checksum(person.person_id, fingers)
            connection.execute(update(PERSON).where(PERSON.c.sequence == place).values(sha256=digest))
            self._put_fingers(connection, [(place, fingers)])
        self._database.erase()
        return withdrawal

    @again
    def rename(self, person_id: str, new_id: str, *, order: str) -> Withdrawal:
        """Gives a person another identifier; number and templates stay. `order`, result and errors as `remove`;
        ConflictError, too, where somebody has the new identifier, ParameterError where it is none."""
        demand_identifier(new_id)
        with self._database.write() as connection:
            place = _number_of(connection, person_id)
            if connection.execute(select(PERSON.c.sequence).where(PERSON.c.person_id == new_id)).first() is not None:
                raise ConflictError(TAKEN)
            rows = connection.execute(select(PERSON).where(PERSON.c.sequence == place)).all()
            (kept,) = self._fingers(connection, [self._person_row(row) for row in rows])
            withdrawal = self._withdraw(connection, WithdrawalKind.RENAMED, person_id, place, order, new_id)
            values = {"person_id": new_id, "sha256": self._sealing.checksum(new_id, kept)}
            connection.execute(update(PERSON).where(PERSON.c.sequence == place).values(values))
        return withdrawal

    def reseal(self, progress: Progress | None = None) -> int:
        """Brings everyone under the cipher's own key, or out of any where there is no cipher; returns how many people
        were not there yet. Interrupted it goes on when it is called again. Nothing of the records as they were is left
        in the database's files at return. Errors as `remove` and `purge`."""
        done = changed = 0
        with self._database.read() as connection:
            last = self._last(connection, PERSON.c.sequence)
        while done < last:
            with self._database.write() as connection:
                query = select(PERSON).where(PERSON.c.sequence > done).order_by(PERSON.c.sequence)
                people = [self._person_row(row) for row in connection.execute(query.limit(ASKED_BLOCK)).all()]
                if not people:
                    break
                changed += self._reseal(connection, people)
                done = people[-1][0]
            if progress is not None:
                progress(done, last, "encrypt")
        self._database.purge()
        return changed

    def purge(self) -> None:
        """Leaves nothing of templates that were removed, replaced or encrypted before in the database's files.

        In PostgreSQL tables are written anew, and nobody reads or writes meanwhile: see `PostgresDatabase.purge`, also
        for errors. In SQLite nothing is left already, but where a removal was interrupted in its last step.
        """
        self._database.purge()

    def _reseal(self, connection: Connection, people: Sequence[PersonRow]) -> int:
        numbers = [sequence for sequence, _, _ in people]
        query = select(FINGER.c.sequence, FINGER.c.template).where(FINGER.c.sequence.in_(numbers))
        rows = connection.execute(query).all()
        old = {sequence for sequence, stored in rows if not self._sealing.is_current(stored)}
        with_fingers = {sequence for sequence, _ in rows}
        changed = 0
        for (sequence, person_id, digest), fingers in zip(people, self._fingers(connection, people), strict=True):
            if not self._sealing.matches(person_id, fingers, digest):
                raise self._damaged("a person's checksum is wrong").with_facts(sequence=sequence)
            now = self._sealing.checksum(person_id, fingers)
            if sequence in old or (sequence not in with_fingers and now != digest):
                connection.execute(delete(FINGER).where(FINGER.c.sequence == sequence))
                self._put_fingers(connection, [(sequence, fingers)])
                connection.execute(update(PERSON).where(PERSON.c.sequence == sequence).values(sha256=now))
                changed += 1
        return changed

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

    _add_all_again = again(_add_all)

    def _add(self, connection: Connection, people: Sequence[_Coded], last: int) -> int:
        """Enrols those of these who are new, numbered from `last` + 1 on."""
        query = select(PERSON.c.person_id, PERSON.c.sha256)
        query = query.where(PERSON.c.person_id.in_([person_id for person_id, _ in people]))
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
            connection.execute(insert(PERSON), rows)
            self._put_fingers(connection, records)
        return len(rows)

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
        number = 1 + self._last(connection, WITHDRAWAL.c.sequence)
        gone = 0
        if kind is not WithdrawalKind.RENAMED:
            gone = connection.execute(delete(FINGER).where(FINGER.c.sequence == place)).rowcount
        if gone > MAX_FINGERS:
            raise self._damaged("the gallery holds more fingers than its people can have")
        one = Withdrawal(number, kind, person_id, order, self._clock(), gone, place, new_id)
        row = {"sequence": number, "kind": str(kind), "person_id": person_id, "ordered_by": order}
        row |= {"time": one.time.isoformat(), "fingers": gone, "place": place}
        connection.execute(insert(WITHDRAWAL).values(row))
        if new_id is not None:
            connection.execute(insert(RENAMING).values(sequence=number, new_id=new_id))
        connection.execute(insert(TRACE).values(sequence=number, sha256=checksum_of(one)))
        return one

    @again
    def _sum_up(self) -> None:
        """Gives withdrawals of an earlier version, which are the first ones, their checksums."""
        with self._database.read() as connection:
            if self._without_checksum(connection) == 0:
                return
        with self._database.write() as connection:
            done, last = 0, self._without_checksum(connection)
            while done < last and (rows := self._trace(connection, done, last)):
                sums = [{"sequence": one.sequence, "sha256": checksum_of(one)} for one, _ in rows]
                connection.execute(insert(TRACE), sums)
                done = rows[-1][0].sequence

    def _without_checksum(self, connection: Connection) -> int:
        """How many of the first withdrawals have none."""
        first: object = connection.execute(select(func.min(TRACE.c.sequence))).scalar()
        if first is None:
            return self._last(connection, WITHDRAWAL.c.sequence)
        if type(first) is not int or not 0 < first < NUMBERS:
            raise self._damaged("the gallery counts as it never does")
        return first - 1

    def _put_fingers(self, connection: Connection, records: Sequence[tuple[int, Fingers]]) -> None:
        rows = [
            {"sequence": sequence, "place": place, "template": self._sealing.put(sequence, place, data)}
            for sequence, fingers in records
            for place, data in fingers
        ]
        if rows:
            connection.execute(insert(FINGER), rows)


def _coded(people: Iterable[EnrolledPerson]) -> Iterator[list[_Coded]]:
    """Identifiers and records, so many people at a time."""
    rest = iter(people)
    while part := [(person.person_id, encode(person)) for person in islice(rest, ASKED_BLOCK)]:
        yield part


def _number_of(connection: Connection, person_id: str) -> int:
    """Where a person stands. Raises ConflictError for nobody."""
    if is_identifier(person_id):
        found = connection.execute(select(PERSON.c.sequence).where(PERSON.c.person_id == person_id)).scalar()
        if found is not None:
            return int(found)
    raise ConflictError(UNKNOWN)
