"""The register of issued cards: whose number, which dossier, which card.

It lies beside the gallery and is the one authority on who has a card: a dossier is accepted here before anything is
written on a chip, and a card is issued when it stands here as valid. The database itself holds the rules that matter:
no serial twice, one card under way and one valid card a number. Which run makes a card is not its business.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, or_, select, update

from cccd_core.errors import ConflictError, DamagedError
from cccd_core.issuance.access.roles import Act
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.members import demand_act
from cccd_core.issuance.register.numbers import Numbers
from cccd_core.issuance.register.tables import CARDS, GIVEN_UP, IDENTITY, NUMBERS, PEOPLE
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.database import again, repeated

_ASKED_AT_ONCE = 500


_CARDS: Final = select(CARDS, NUMBERS.c.sealed).join(NUMBERS, NUMBERS.c.number == CARDS.c.number)


class CardStatus(StrEnum):
    """What a card in the register is to its number."""

    UNDER_WAY = "under_way"  # accepted, not proved yet
    VALID = "valid"  # proved; the number's one card
    SUPERSEDED = "superseded"  # was valid, until a later one was


@dataclass(frozen=True, slots=True)
class Card:
    """One card in the register; `serial` once it is proved."""

    dossier_id: str
    number: str = field(repr=False)
    status: CardStatus
    serial: str | None
    issue_date: date
    expiry_date: date | None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A dossier found fit to be issued. `person_id` is new, or that of the person whose number it is; `enrolled` says
    whether the gallery has fingers of them."""

    dossier_id: str
    number: str = field(repr=False)
    person_id: str
    enrolled: bool
    issue_date: date
    expiry_date: date | None
    replaces: str | None = field(default=None, repr=False)


class Register:
    """Whose a number is, and which card is valid; `where`, and errors, as `open_register`.

    Several threads and processes may use it at a time. What a call writes is kept when it returns.
    """

    def __init__(
        self, where: Path | str, *, make: bool = True, cipher: Cipher | None = None, begin: bool = True
    ) -> None:
        """`cipher`: what its numbers are encrypted by, from the first one on; UnavailableError by whatever asks for a
        number where it is another, ConflictError where they stand there as they are. Without `begin` a register that
        has no key yet is read as it is."""
        self._database = open_register(where, make=make)
        try:
            self.register_id = self._identity()
            self.numbers = Numbers(self._database, self.register_id, cipher, begin=begin)
        except BaseException:
            self.close()
            raise

    @repeated
    def _identity(self) -> str:
        """32 hexadecimal digits, drawn by the first who opens the register."""
        with self._database.read() as connection:
            found = connection.execute(select(IDENTITY.c.register_id)).scalar()
        if found is None:
            with self._database.write() as connection:
                found = connection.execute(select(IDENTITY.c.register_id)).scalar()
                if found is None:
                    found = uuid.uuid4().hex
                    connection.execute(insert(IDENTITY).values(register_id=found))
        return str(found)

    def close(self) -> None:
        """Lets go of the database; the register can be used again."""
        self._database.close()

    @again
    def demand_key(self) -> None:
        """UnavailableError where its numbers are under another key, or under one where none was given."""
        with self._reading():
            pass

    @again
    def card(self, dossier_id: str, number: str) -> Card | None:
        """The card of a dossier, whatever its status."""
        with self._reading() as connection:
            return self._card(
                connection, CARDS.c.dossier_id == dossier_id, CARDS.c.number == self.numbers.stored(number)
            )

    @again
    def cards_of(self, *numbers: str) -> list[Card]:
        """The cards of these numbers and those that replace them by another number, in the order of acceptance."""
        marks = [self.numbers.stored(number) for number in numbers]
        query = _CARDS.where(or_(CARDS.c.number.in_(marks), CARDS.c.replaces.in_(marks)))
        with self._reading() as connection:
            return [self._as_card(row) for row in connection.execute(query.order_by(CARDS.c.card_id)).mappings()]

    @again
    def made_by(self, dossier_id: str) -> list[tuple[str | None, CardStatus]]:
        """Serial and status of the cards of a dossier, for which no number is looked at and no key needed."""
        query = select(CARDS.c.serial, CARDS.c.status).where(CARDS.c.dossier_id == dossier_id)
        with self._database.read() as connection:
            return [(row.serial, _status(row.status)) for row in connection.execute(query.order_by(CARDS.c.card_id))]

    @again
    def cards_by(self, dossier_id: str) -> list[Card]:
        """The cards that a dossier was accepted for, under whatever number."""
        query = _CARDS.where(CARDS.c.dossier_id == dossier_id).order_by(CARDS.c.card_id)
        with self._reading() as connection:
            return [self._as_card(row) for row in connection.execute(query).mappings()]

    @again
    def under_way(self, number: str) -> Card | None:
        """The accepted card of a number, or one that replaces it by another number, that is not proved yet."""
        mark = self.numbers.stored(number)
        own = or_(CARDS.c.number == mark, CARDS.c.replaces == mark)
        with self._reading() as connection:
            return self._card(connection, own, CARDS.c.status == CardStatus.UNDER_WAY)

    @again
    def replaced_by(self, dossier_id: str, number: str) -> list[Card]:
        """The cards that the proved card of this dossier replaced: of its own number and of the former one it names."""
        with self._reading() as connection:
            mark = self.numbers.stored(number)
            mine = _row(connection, CARDS.c.dossier_id == dossier_id, CARDS.c.number == mark)
            if mine is None or mine["serial"] is None:
                return []
            found = []
            for each in filter(None, (mark, mine["replaces"])):
                proved = CARDS.c.serial.is_not(None)
                query = _CARDS.where(proved, CARDS.c.card_id < mine["card_id"])
                query = query.where(or_(CARDS.c.number == each, CARDS.c.replaces == each))
                row = connection.execute(query.order_by(CARDS.c.card_id.desc())).mappings().first()
                # The last one of a former number may have been replaced by another number's already.
                if row is not None and row["number"] == each:
                    found.append(self._as_card(row))
            return found

    @again
    def successor(self, number: str) -> str | None:
        """The number that replaced this one, as a proved card says, or an act that joined two people."""
        mark = self.numbers.stored(number)
        query = _CARDS.where(CARDS.c.replaces == mark, CARDS.c.serial.is_not(None)).order_by(CARDS.c.card_id)
        joined = select(NUMBERS.c.number, NUMBERS.c.sealed).join(GIVEN_UP, GIVEN_UP.c.successor == NUMBERS.c.number)
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
            row = row or connection.execute(joined.where(GIVEN_UP.c.number == mark)).mappings().first()
            return None if row is None else self.numbers.number(row["number"], row["sealed"])

    @again
    def person_of(self, number: str) -> str | None:
        """Whom a number belongs to, as the gallery calls the person."""
        with self._reading() as connection:
            query = select(NUMBERS.c.person_id).where(NUMBERS.c.number == self.numbers.stored(number))
            return connection.execute(query).scalar()

    @again
    def dossier_of(self, person_id: str) -> str | None:
        """The dossier by which a person of the gallery was enrolled."""
        with self._database.read() as connection:
            return connection.execute(select(PEOPLE.c.dossier_id).where(PEOPLE.c.person_id == person_id)).scalar()

    @again
    def person_by(self, dossier_id: str) -> str | None:
        """Whom a dossier brought in, as the gallery calls the person; for a senior who opens a case by order, too, who
        sees nothing else of them in a server. Cost: the cards of the dossier."""
        query = select(NUMBERS.c.person_id).join(CARDS, CARDS.c.number == NUMBERS.c.number)
        with self._database.read() as connection:
            found = connection.execute(query.where(CARDS.c.dossier_id == dossier_id)).scalars().first()
            return found or _told(connection, "person_by_order", dossier_id)

    def owner_of(self, number: str) -> str | None:
        """As `person_of`; for a senior who opens a case by order, too."""
        return self.person_of(number) or self._owner_by_order(number)

    @again
    def _owner_by_order(self, number: str) -> str | None:
        with self._reading() as connection:
            return _told(connection, "owner_by_order", self.numbers.stored(number))

    @again
    def enrolled(self) -> int:
        """How many people there are of whom the gallery has fingers."""
        with self._database.read() as connection:
            query = select(func.count()).select_from(PEOPLE).where(PEOPLE.c.enrolled == 1)
            return connection.execute(query).scalar_one()

    def enrolled_among(self, person_ids: Iterable[str]) -> int:
        """How many of these people, each named once, there are of whom the gallery has had fingers."""
        return self._enrolled_among(tuple(person_ids))

    @again
    def _enrolled_among(self, person_ids: Sequence[str]) -> int:
        asked = iter(person_ids)
        found = 0
        with self._database.read() as connection:
            while part := list(islice(asked, _ASKED_AT_ONCE)):
                query = select(func.count()).select_from(PEOPLE)
                query = query.where(PEOPLE.c.enrolled == 1, PEOPLE.c.person_id.in_(part))
                found += connection.execute(query).scalar_one()
        return found

    def accept(self, acceptances: Iterable[Acceptance]) -> None:
        """Accepts all of them or none; what is accepted already stays. ConflictError where a number is another
        person's or has another card under way."""
        self._accept(tuple(acceptances))

    @repeated
    def _accept(self, acceptances: Sequence[Acceptance]) -> None:
        with self._writing() as connection:
            demand_act(connection, Act.ISSUE)
            for one in acceptances:
                _accept(connection, self.numbers, one)

    @repeated
    def verify(self, dossier_id: str, number: str, serial: str) -> None:
        """The card of an accepted dossier is proved: it is the number's valid card now, and the former ones are
        superseded. Doing it again changes nothing; another serial is a ConflictError."""
        with self._writing() as connection:
            demand_act(connection, Act.ISSUE)
            mark = self.numbers.stored(number)
            row = _row(connection, CARDS.c.dossier_id == dossier_id, CARDS.c.number == mark)
            if row is None:
                raise ConflictError("the dossier was never accepted", dossier=dossier_id)
            if row["status"] != CardStatus.UNDER_WAY:
                if row["serial"] != serial:
                    raise ConflictError("the dossier has another card", dossier=dossier_id)
                return
            numbers = [mark] if row["replaces"] is None else [mark, row["replaces"]]
            connection.execute(
                update(CARDS)
                .where(CARDS.c.number.in_(numbers), CARDS.c.status == CardStatus.VALID)
                .values(status=CardStatus.SUPERSEDED)
            )
            connection.execute(
                update(CARDS).where(CARDS.c.card_id == row["card_id"]).values(status=CardStatus.VALID, serial=serial)
            )

    @again
    def cards(self) -> list[Card]:
        """Every card, in the order of acceptance."""
        with self._reading() as connection:
            return [self._as_card(row) for row in connection.execute(_CARDS.order_by(CARDS.c.card_id)).mappings()]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._database.read() as connection:
            self.numbers.demand(connection)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._database.write() as connection:
            self.numbers.demand(connection)
            yield connection

    def _card(self, connection: Connection, *where: ColumnElement[bool]) -> Card | None:
        row = connection.execute(_CARDS.where(*where)).mappings().first()
        return None if row is None else self._as_card(row)

    def _as_card(self, row: RowMapping) -> Card:
        status = _status(row["status"])
        number = self.numbers.number(row["number"], row["sealed"])
        return Card(row["dossier_id"], number, status, row["serial"], row["issue_date"], row["expiry_date"])


def _told(connection: Connection, function: str, asked: str) -> str | None:
    """What a function of a server's register says."""
    if connection.dialect.name != "postgresql":
        return None
    return connection.execute(select(getattr(func, function)(asked))).scalar()


def demand_unknown(where: Path | str, person_ids: Iterable[str]) -> None:
    """ConflictError where the register, if there is one, knows any of these people by their identifier.
    Errors of Register."""
    if isinstance(where, str) or where.exists():
        with closing(Register(where, make=False)) as register:
            if register.enrolled_among(set(person_ids)):
                raise ConflictError("the register of cards knows the person by this identifier", path=str(where))


def _accept(connection: Connection, numbers: Numbers, one: Acceptance) -> None:
    mark = numbers.stored(one.number)
    if _row(connection, CARDS.c.dossier_id == one.dossier_id, CARDS.c.number == mark) is not None:
        return
    owner = connection.execute(select(NUMBERS.c.person_id).where(NUMBERS.c.number == mark)).scalar()
    if owner is None:
        if connection.execute(select(PEOPLE.c.person_id).where(PEOPLE.c.person_id == one.person_id)).first() is None:
            person = {"person_id": one.person_id, "dossier_id": one.dossier_id, "enrolled": int(one.enrolled)}
            connection.execute(insert(PEOPLE).values(person))
        sealed = numbers.sealed(one.number)
        connection.execute(insert(NUMBERS).values(number=mark, person_id=one.person_id, sealed=sealed))
    elif owner != one.person_id:
        raise ConflictError("the number belongs to another person", dossier=one.dossier_id)
    if one.enrolled:  # maybe the first fingers of somebody who came in without
        connection.execute(update(PEOPLE).where(PEOPLE.c.person_id == one.person_id).values(enrolled=1))
    connection.execute(
        insert(CARDS).values(
            dossier_id=one.dossier_id,
            number=mark,
            replaces=None if one.replaces is None else numbers.stored(one.replaces),
            status=CardStatus.UNDER_WAY,
            issue_date=one.issue_date,
            expiry_date=one.expiry_date,
        )
    )


def _row(connection: Connection, *where: ColumnElement[bool]) -> RowMapping | None:
    return connection.execute(select(CARDS).where(*where)).mappings().first()


def as_card(row: RowMapping) -> Card:
    """The card that a row of the table says, with its number as it stands there. DamagedError for a status that there
    is not."""
    status = _status(row["status"])
    return Card(row["dossier_id"], row["number"], status, row["serial"], row["issue_date"], row["expiry_date"])


def _status(word: str) -> CardStatus:
    try:
        return CardStatus(word)
    except ValueError:
        raise DamagedError("the register holds a card of an unknown status") from None
