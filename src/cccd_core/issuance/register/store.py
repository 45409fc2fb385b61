"""The register of issued cards: whose number, which dossier, which card.

It lies beside the gallery and is the one authority on who has a card: a dossier is accepted here before anything is
written on a chip, and a card is issued when it stands here as valid. The database itself holds the rules that matter:
no serial twice, one card under way and one valid card a number. Which run makes a card is not its business.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import islice
from pathlib import Path

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Date,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from cccd_core.errors import ConflictError, DamagedError
from cccd_core.storage.sqlite import SqliteFile, SqliteKind

KIND = SqliteKind(
    what="register",
    application_id=0x43434452,  # "CCDR"
    version=2,
    schema=(
        "CREATE TABLE identity (register_id TEXT PRIMARY KEY)",
        "CREATE TABLE people (person_id TEXT PRIMARY KEY, dossier_id TEXT NOT NULL, enrolled INTEGER NOT NULL)",
        "CREATE TABLE numbers (number TEXT PRIMARY KEY, person_id TEXT NOT NULL REFERENCES people)",
        "CREATE TABLE cards (card_id INTEGER PRIMARY KEY, dossier_id TEXT NOT NULL,"
        " number TEXT NOT NULL REFERENCES numbers, replaces TEXT,"
        " status TEXT NOT NULL CHECK (status IN ('under_way', 'valid', 'superseded')),"
        " serial TEXT UNIQUE, issue_date DATE NOT NULL, expiry_date DATE, UNIQUE (dossier_id, number))",
        "CREATE UNIQUE INDEX one_card_under_way ON cards (number) WHERE status = 'under_way'",
        "CREATE UNIQUE INDEX one_valid_card ON cards (number) WHERE status = 'valid'",
    ),
    value_bytes_max=4096,
)

_ASKED_AT_ONCE = 500

_METADATA = MetaData()
_IDENTITY = Table("identity", _METADATA, Column("register_id", String, primary_key=True))
_PEOPLE = Table(
    "people",
    _METADATA,
    Column("person_id", String, primary_key=True),  # in the gallery
    Column("dossier_id", String),  # by which the person came in
    Column("enrolled", Integer),  # 1 where the gallery has fingers of them
)
_NUMBERS = Table("numbers", _METADATA, Column("number", String, primary_key=True), Column("person_id", String))
_CARDS = Table(
    "cards",
    _METADATA,
    Column("card_id", Integer, primary_key=True),
    Column("dossier_id", String),
    Column("number", String),
    Column("replaces", String),  # a former number whose card this one replaces
    Column("status", String),
    Column("serial", String),
    Column("issue_date", Date),
    Column("expiry_date", Date),
)


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
    """The register in one SQLite file; made where it is not there. Errors as `SqliteFile`."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, KIND)
        with self._file.read() as connection:
            found = connection.execute(select(_IDENTITY.c.register_id)).scalar()
        if found is None:
            with self._file.write() as connection:
                found = connection.execute(select(_IDENTITY.c.register_id)).scalar()
                if found is None:
                    found = uuid.uuid4().hex
                    connection.execute(insert(_IDENTITY).values(register_id=found))
        self.register_id = str(found)

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def card(self, dossier_id: str, number: str) -> Card | None:
        """The card of a dossier, whatever its status."""
        with self._file.read() as connection:
            return _card(connection, _CARDS.c.dossier_id == dossier_id, _CARDS.c.number == number)

    def under_way(self, number: str) -> Card | None:
        """The accepted card of a number that is not proved yet."""
        with self._file.read() as connection:
            return _card(connection, _CARDS.c.number == number, _CARDS.c.status == CardStatus.UNDER_WAY)

    def person_of(self, number: str) -> str | None:
        """Whom a number belongs to, as the gallery calls the person."""
        with self._file.read() as connection:
            return connection.execute(select(_NUMBERS.c.person_id).where(_NUMBERS.c.number == number)).scalar()

    def dossier_of(self, person_id: str) -> str | None:
        """The dossier by which a person of the gallery was enrolled."""
        with self._file.read() as connection:
            return connection.execute(select(_PEOPLE.c.dossier_id).where(_PEOPLE.c.person_id == person_id)).scalar()

    def enrolled(self) -> int:
        """How many people there are of whom the gallery has fingers."""
        with self._file.read() as connection:
            query = select(func.count()).select_from(_PEOPLE).where(_PEOPLE.c.enrolled == 1)
            return connection.execute(query).scalar_one()

    def enrolled_among(self, person_ids: Iterable[str]) -> int:
        """How many of these people, each named once, there are of whom the gallery has had fingers."""
        asked = iter(person_ids)
        found = 0
        with self._file.read() as connection:
            while part := list(islice(asked, _ASKED_AT_ONCE)):
                query = select(func.count()).select_from(_PEOPLE)
                query = query.where(_PEOPLE.c.enrolled == 1, _PEOPLE.c.person_id.in_(part))
                found += connection.execute(query).scalar_one()
        return found

    def accept(self, acceptances: Iterable[Acceptance]) -> None:
        """Accepts all of them or none; what is accepted already stays. ConflictError where a number is another
        person's or has another card under way."""
        with self._file.write() as connection:
            for one in acceptances:
                _accept(connection, one)

    def verify(self, dossier_id: str, number: str, serial: str) -> None:
        """The card of an accepted dossier is proved: it is the number's valid card now, and the former ones are
        superseded. Doing it again changes nothing; another serial is a ConflictError."""
        with self._file.write() as connection:
            row = _row(connection, _CARDS.c.dossier_id == dossier_id, _CARDS.c.number == number)
            if row is None:
                raise ConflictError("the dossier was never accepted", dossier=dossier_id)
            if row["status"] != CardStatus.UNDER_WAY:
                if row["serial"] != serial:
                    raise ConflictError("the dossier has another card", dossier=dossier_id)
                return
            numbers = [number] if row["replaces"] is None else [number, row["replaces"]]
            connection.execute(
                update(_CARDS)
                .where(_CARDS.c.number.in_(numbers), _CARDS.c.status == CardStatus.VALID)
                .values(status=CardStatus.SUPERSEDED)
            )
            connection.execute(
                update(_CARDS).where(_CARDS.c.card_id == row["card_id"]).values(status=CardStatus.VALID, serial=serial)
            )

    def cards(self) -> list[Card]:
        """Every card, in the order of acceptance."""
        with self._file.read() as connection:
            return [_as_card(row) for row in connection.execute(select(_CARDS).order_by(_CARDS.c.card_id)).mappings()]


def new_person_id(dossier_id: str, number: str) -> str:
    """What the gallery calls the person that a dossier enrols: the same for the same dossier, and no personal data."""
    return "P" + hashlib.sha256(f"{dossier_id}\0{number}".encode()).hexdigest()[:24]


def demand_unknown(path: Path, person_ids: Iterable[str]) -> None:
    """ConflictError where the register in this file, if there is one, knows any of these people by their identifier.
    Errors of Register."""
    if path.exists():
        with closing(Register(path)) as register:
            if register.enrolled_among(set(person_ids)):
                raise ConflictError("the register of cards knows the person by this identifier", path=str(path))


def _accept(connection: Connection, one: Acceptance) -> None:
    if _row(connection, _CARDS.c.dossier_id == one.dossier_id, _CARDS.c.number == one.number) is not None:
        return
    owner = connection.execute(select(_NUMBERS.c.person_id).where(_NUMBERS.c.number == one.number)).scalar()
    if owner is None:
        if connection.execute(select(_PEOPLE.c.person_id).where(_PEOPLE.c.person_id == one.person_id)).first() is None:
            person = {"person_id": one.person_id, "dossier_id": one.dossier_id, "enrolled": int(one.enrolled)}
            connection.execute(insert(_PEOPLE).values(person))
        connection.execute(insert(_NUMBERS).values(number=one.number, person_id=one.person_id))
    elif owner != one.person_id:
        raise ConflictError("the number belongs to another person", dossier=one.dossier_id)
    connection.execute(
        insert(_CARDS).values(
            dossier_id=one.dossier_id,
            number=one.number,
            replaces=one.replaces,
            status=CardStatus.UNDER_WAY,
            issue_date=one.issue_date,
            expiry_date=one.expiry_date,
        )
    )


def _row(connection: Connection, *where: ColumnElement[bool]) -> RowMapping | None:
    return connection.execute(select(_CARDS).where(*where)).mappings().first()


def _card(connection: Connection, *where: ColumnElement[bool]) -> Card | None:
    row = _row(connection, *where)
    return None if row is None else _as_card(row)


def _as_card(row: RowMapping) -> Card:
    try:
        status = CardStatus(row["status"])
    except ValueError:
        raise DamagedError("the register holds a card of an unknown status") from None
    return Card(row["dossier_id"], row["number"], status, row["serial"], row["issue_date"], row["expiry_date"])
