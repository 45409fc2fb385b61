"""The register of issued cards: whose number, which dossier, which card.

It lies beside the gallery and is the one authority on who has a card: a dossier is accepted here before anything is
written on a chip, and a card is issued when it stands here as valid. The database itself holds the rules that matter:
no serial twice, one card under way and one valid card a number. Which run makes a card is not its business.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import islice
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, or_, select, update

from cccd_core.errors import ConflictError, DamagedError
from cccd_core.issuance.access.roles import Act
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.members import demand_act
from cccd_core.issuance.register.tables import CARDS, GIVEN_UP, IDENTITY, NUMBERS, PEOPLE
from cccd_core.storage.database import again, repeated

_ASKED_AT_ONCE = 500


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

    def __init__(self, where: Path | str, *, make: bool = True) -> None:
        self._database = open_register(where, make=make)
        try:
            self.register_id = self._identity()
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
    def card(self, dossier_id: str, number: str) -> Card | None:
        """The card of a dossier, whatever its status."""
        with self._database.read() as connection:
            return _card(connection, CARDS.c.dossier_id == dossier_id, CARDS.c.number == number)

    @again
    def cards_of(self, *numbers: str) -> list[Card]:
        """The cards of these numbers and those that replace them by another number, in the order of acceptance."""
        query = select(CARDS).where(or_(CARDS.c.number.in_(numbers), CARDS.c.replaces.in_(numbers)))
        with self._database.read() as connection:
            return [as_card(row) for row in connection.execute(query.order_by(CARDS.c.card_id)).mappings()]

    @again
    def cards_by(self, dossier_id: str) -> list[Card]:
        """The cards that a dossier was accepted for, under whatever number."""
        query = select(CARDS).where(CARDS.c.dossier_id == dossier_id).order_by(CARDS.c.card_id)
        with self._database.read() as connection:
            return [as_card(row) for row in connection.execute(query).mappings()]

    @again
    def under_way(self, number: str) -> Card | None:
        """The accepted card of a number, or one that replaces it by another number, that is not proved yet."""
        own = or_(CARDS.c.number == number, CARDS.c.replaces == number)
        with self._database.read() as connection:
            return _card(connection, own, CARDS.c.status == CardStatus.UNDER_WAY)

    @again
    def replaced_by(self, dossier_id: str, number: str) -> list[Card]:
        """The cards that the proved card of this dossier replaced: of its own number and of the former one it names."""
        with self._database.read() as connection:
            mine = _row(connection, CARDS.c.dossier_id == dossier_id, CARDS.c.number == number)
            if mine is None or mine["serial"] is None:
                return []
            found = []
            for each in filter(None, (number, mine["replaces"])):
                proved = CARDS.c.serial.is_not(None)
                query = select(CARDS).where(proved, CARDS.c.card_id < mine["card_id"])
                query = query.where(or_(CARDS.c.number == each, CARDS.c.replaces == each))
                row = connection.execute(query.order_by(CARDS.c.card_id.desc())).mappings().first()
                # The last one of a former number may have been replaced by another number's already.
                if row is not None and row["number"] == each:
                    found.append(as_card(row))
            return found

    @again
    def successor(self, number: str) -> str | None:
        """The number that replaced this one, as a proved card says, or an act that joined two people."""
        query = select(CARDS.c.number).where(CARDS.c.replaces == number, CARDS.c.serial.is_not(None))
        joined = select(GIVEN_UP.c.successor).where(GIVEN_UP.c.number == number)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(CARDS.c.card_id)).scalars().first()
            return found or connection.execute(joined).scalar()

    @again
    def person_of(self, number: str) -> str | None:
        """Whom a number belongs to, as the gallery calls the person."""
        with self._database.read() as connection:
            return connection.execute(select(NUMBERS.c.person_id).where(NUMBERS.c.number == number)).scalar()

    @again
    def dossier_of(self, person_id: str) -> str | None:
        """The dossier by which a person of the gallery was enrolled."""
        with self._database.read() as connection:
            return connection.execute(select(PEOPLE.c.dossier_id).where(PEOPLE.c.person_id == person_id)).scalar()

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
        with self._database.write() as connection:
            demand_act(connection, Act.ISSUE)
            for one in acceptances:
                _accept(connection, one)

    @repeated
    def verify(self, dossier_id: str, number: str, serial: str) -> None:
        """The card of an accepted dossier is proved: it is the number's valid card now, and the former ones are
        superseded. Doing it again changes nothing; another serial is a ConflictError."""
        with self._database.write() as connection:
            demand_act(connection, Act.ISSUE)
            row = _row(connection, CARDS.c.dossier_id == dossier_id, CARDS.c.number == number)
            if row is None:
                raise ConflictError("the dossier was never accepted", dossier=dossier_id)
            if row["status"] != CardStatus.UNDER_WAY:
                if row["serial"] != serial:
                    raise ConflictError("the dossier has another card", dossier=dossier_id)
                return
            numbers = [number] if row["replaces"] is None else [number, row["replaces"]]
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
        with self._database.read() as connection:
            return [as_card(row) for row in connection.execute(select(CARDS).order_by(CARDS.c.card_id)).mappings()]


def new_person_id(dossier_id: str, number: str) -> str:
    """What the gallery calls the person that a dossier enrols: the same for the same dossier, and no personal data."""
    return "P" + hashlib.sha256(f"{dossier_id}\0{number}".encode()).hexdigest()[:24]


def demand_unknown(where: Path | str, person_ids: Iterable[str]) -> None:
    """ConflictError where the register, if there is one, knows any of these people by their identifier.
    Errors of Register."""
    if isinstance(where, str) or where.exists():
        with closing(Register(where, make=False)) as register:
            if register.enrolled_among(set(person_ids)):
                raise ConflictError("the register of cards knows the person by this identifier", path=str(where))


def _accept(connection: Connection, one: Acceptance) -> None:
    if _row(connection, CARDS.c.dossier_id == one.dossier_id, CARDS.c.number == one.number) is not None:
        return
    owner = connection.execute(select(NUMBERS.c.person_id).where(NUMBERS.c.number == one.number)).scalar()
    if owner is None:
        if connection.execute(select(PEOPLE.c.person_id).where(PEOPLE.c.person_id == one.person_id)).first() is None:
            person = {"person_id": one.person_id, "dossier_id": one.dossier_id, "enrolled": int(one.enrolled)}
            connection.execute(insert(PEOPLE).values(person))
        connection.execute(insert(NUMBERS).values(number=one.number, person_id=one.person_id))
    elif owner != one.person_id:
        raise ConflictError("the number belongs to another person", dossier=one.dossier_id)
    if one.enrolled:  # maybe the first fingers of somebody who came in without
        connection.execute(update(PEOPLE).where(PEOPLE.c.person_id == one.person_id).values(enrolled=1))
    connection.execute(
        insert(CARDS).values(
            dossier_id=one.dossier_id,
            number=one.number,
            replaces=one.replaces,
            status=CardStatus.UNDER_WAY,
            issue_date=one.issue_date,
            expiry_date=one.expiry_date,
        )
    )


def _row(connection: Connection, *where: ColumnElement[bool]) -> RowMapping | None:
    return connection.execute(select(CARDS).where(*where)).mappings().first()


def _card(connection: Connection, *where: ColumnElement[bool]) -> Card | None:
    row = _row(connection, *where)
    return None if row is None else as_card(row)


def as_card(row: RowMapping) -> Card:
    """The card that a row of the table says. DamagedError for a status that there is not."""
    try:
        status = CardStatus(row["status"])
    except ValueError:
        raise DamagedError("the register holds a card of an unknown status") from None
    return Card(row["dossier_id"], row["number"], status, row["serial"], row["issue_date"], row["expiry_date"])
