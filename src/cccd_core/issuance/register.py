"""The register of issued cards: whose number, which dossier, which card. Imports SQLAlchemy, errors and `database`.

It lies beside the gallery and is the one authority on who has a card: a dossier is accepted here before anything is
written on a chip, and a card is issued when it stands here as verified. The database itself holds the rules that
matter: no serial twice, one card under way and one valid card a number.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
    update,
)

from cccd_core.errors import StateError
from cccd_core.issuance.database import Database

ACCEPTED = "accepted"
VERIFIED = "verified"
SUPERSEDED = "superseded"

_METADATA = MetaData()
_IDENTITY = Table("identity", _METADATA, Column("register_id", String, primary_key=True))
_PEOPLE = Table(
    "people",
    _METADATA,
    Column("person_id", String, primary_key=True),  # in the gallery
    Column("dossier_id", String, nullable=False),  # by which the person was enrolled
)
_NUMBERS = Table(
    "numbers",
    _METADATA,
    Column("number", String, primary_key=True),
    Column("person_id", String, ForeignKey("people.person_id"), nullable=False),
)
_CARDS = Table(
    "cards",
    _METADATA,
    Column("card_id", Integer, primary_key=True),
    Column("dossier_id", String, nullable=False),
    Column("number", String, ForeignKey("numbers.number"), nullable=False),
    Column("replaces", String),  # a former number whose card this one replaces
    Column("run", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("state", String, nullable=False),
    Column("serial", String, unique=True),
    Column("issue_date", Date, nullable=False),
    Column("expiry_date", Date),
    UniqueConstraint("dossier_id", "number"),
)
Index("one_card_under_way", _CARDS.c.number, unique=True, sqlite_where=_CARDS.c.state == ACCEPTED)
Index("one_valid_card", _CARDS.c.number, unique=True, sqlite_where=_CARDS.c.state == VERIFIED)


@dataclass(frozen=True, slots=True)
class Card:
    """One card in the register; `serial` once it is verified."""

    dossier_id: str
    number: str
    run: str
    digest: str
    state: str
    serial: str | None
    issue_date: date
    expiry_date: date | None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A dossier found fit to be issued. `person_id` is new, or that of the person whose number it is."""

    dossier_id: str
    number: str
    person_id: str
    run: str
    digest: str
    issue_date: date
    expiry_date: date | None
    replaces: str | None = None


class Register:
    """The register in one SQLite file; made where it is not there."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _METADATA, application_id=0x43434452, version=1)  # "CCDR"
        with self._database.begin() as connection:
            found = connection.execute(select(_IDENTITY.c.register_id)).scalar()
            if found is None:
                found = uuid.uuid4().hex
                connection.execute(insert(_IDENTITY).values(register_id=found))
        self.register_id: str = found

    def card(self, dossier_id: str, number: str) -> Card | None:
        """The card of a dossier, whatever its state."""
        with self._database.begin() as connection:
            return _card(connection, _CARDS.c.dossier_id == dossier_id, _CARDS.c.number == number)

    def under_way(self, number: str) -> Card | None:
        """The accepted card of a number that is not verified yet."""
        with self._database.begin() as connection:
            return _card(connection, _CARDS.c.number == number, _CARDS.c.state == ACCEPTED)

    def person_of(self, number: str) -> str | None:
        """Whom a number belongs to, as the gallery calls the person."""
        with self._database.begin() as connection:
            return connection.execute(select(_NUMBERS.c.person_id).where(_NUMBERS.c.number == number)).scalar()

    def dossier_of(self, person_id: str) -> str | None:
        """The dossier by which a person of the gallery was enrolled."""
        with self._database.begin() as connection:
            return connection.execute(select(_PEOPLE.c.dossier_id).where(_PEOPLE.c.person_id == person_id)).scalar()

    def accept(self, acceptances: Iterable[Acceptance]) -> None:
        """Accepts all of them or none; what is accepted already stays. StateError where a number is another person's,
        has another card under way, or the dossier was accepted with other contents."""
        with self._database.begin() as connection:
            for one in acceptances:
                _accept(connection, one)

    def take_over(self, card: Card, run: str) -> None:
        """Gives an unfinished card of a lost run to another run."""
        with self._database.begin() as connection:
            connection.execute(
                update(_CARDS)
                .where(
                    _CARDS.c.dossier_id == card.dossier_id,
                    _CARDS.c.number == card.number,
                    _CARDS.c.run == card.run,
                    _CARDS.c.state == ACCEPTED,
                )
                .values(run=run)
            )

    def verify(self, dossier_id: str, number: str, serial: str, run: str) -> None:
        """The card of an accepted dossier is proved: it is the number's valid card now, and the former ones are
        superseded. Doing it again changes nothing; another serial, or another run's dossier, is a StateError."""
        with self._database.begin() as connection:
            row = _row(connection, _CARDS.c.dossier_id == dossier_id, _CARDS.c.number == number)
            if row is None:
                raise StateError("the dossier was never accepted", dossier=dossier_id)
            if row.state != ACCEPTED:
                if row.serial != serial:
                    raise StateError("the dossier has another card", dossier=dossier_id)
                return
            if row.run != run:
                raise StateError("the dossier belongs to another run", dossier=dossier_id)
            numbers = [number] if row.replaces is None else [number, row.replaces]
            connection.execute(
                update(_CARDS).where(_CARDS.c.number.in_(numbers), _CARDS.c.state == VERIFIED).values(state=SUPERSEDED)
            )
            connection.execute(
                update(_CARDS).where(_CARDS.c.card_id == row.card_id).values(state=VERIFIED, serial=serial)
            )

    def cards(self) -> list[Card]:
        """Every card, in the order of acceptance."""
        with self._database.begin() as connection:
            rows = connection.execute(select(_CARDS).order_by(_CARDS.c.card_id)).all()
        return [_as_card(row) for row in rows]


def new_person_id(dossier_id: str, number: str) -> str:
    """What the gallery calls the person that a dossier enrols: the same for the same dossier, and no personal data."""
    return "P" + hashlib.sha256(f"{dossier_id}\0{number}".encode()).hexdigest()[:24]


def _accept(connection: Connection, one: Acceptance) -> None:
    row = _row(connection, _CARDS.c.dossier_id == one.dossier_id, _CARDS.c.number == one.number)
    if row is not None:
        if row.digest != one.digest:
            raise StateError("the dossier was accepted with other contents", dossier=one.dossier_id)
        return
    owner = connection.execute(select(_NUMBERS.c.person_id).where(_NUMBERS.c.number == one.number)).scalar()
    if owner is None:
        if connection.execute(select(_PEOPLE.c.person_id).where(_PEOPLE.c.person_id == one.person_id)).first() is None:
            connection.execute(insert(_PEOPLE).values(person_id=one.person_id, dossier_id=one.dossier_id))
        connection.execute(insert(_NUMBERS).values(number=one.number, person_id=one.person_id))
    elif owner != one.person_id:
        raise StateError("the number belongs to another person", dossier=one.dossier_id)
    connection.execute(
        insert(_CARDS).values(
            dossier_id=one.dossier_id,
            number=one.number,
            replaces=one.replaces,
            run=one.run,
            digest=one.digest,
            state=ACCEPTED,
            issue_date=one.issue_date,
            expiry_date=one.expiry_date,
        )
    )


def _row(connection: Connection, *where: Any) -> Row[Any] | None:
    return connection.execute(select(_CARDS).where(*where)).first()


def _card(connection: Connection, *where: Any) -> Card | None:
    row = _row(connection, *where)
    return None if row is None else _as_card(row)


def _as_card(row: Row[Any]) -> Card:
    return Card(row.dossier_id, row.number, row.run, row.digest, row.state, row.serial, row.issue_date, row.expiry_date)
