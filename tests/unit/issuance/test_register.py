"""The register's rules, and the orders beside it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from cccd_core.errors import ConflictError, DamagedError, FileError
from cccd_core.issuance.register.database import open_register, sqlite_kind
from cccd_core.issuance.register.numbers import clear_person_id
from cccd_core.issuance.register.store import Acceptance, CardStatus, Register
from cccd_core.issuance.register.tables import METADATA
from cccd_core.issuance.runs.orders import Order, Orders
from cccd_core.issuance.runs.state import RunState
from support.postgres_server import Server

FORMATS = Path(__file__).parents[2] / "vectors" / "formats"

DAY = date(2026, 11, 1)


def acceptance(dossier: str = "D1", number: str = "1", **changes: Any) -> Acceptance:
    values: dict[str, Any] = {
        "person_id": clear_person_id(dossier, number),
        "enrolled": True,
        "issue_date": DAY,
        "expiry_date": None,
    }
    return Acceptance(dossier, number, **{**values, **changes})


@pytest.fixture
def register(where: Path | str) -> Iterator[Register]:
    with closing(Register(where)) as made:
        yield made


def test_a_card_from_acceptance_to_its_successor(register: Register) -> None:
    register.accept([acceptance()])
    register.accept([acceptance()])
    (card,) = register.cards()
    assert (card.status, card.serial, card.issue_date, card.expiry_date) == (CardStatus.UNDER_WAY, None, DAY, None)
    assert register.under_way("1") == card
    assert register.person_of("1") == clear_person_id("D1", "1")
    assert register.dossier_of(clear_person_id("D1", "1")) == "D1"
    assert register.enrolled() == 1
    register.verify("D1", "1", "AA")
    register.verify("D1", "1", "AA")
    assert register.under_way("1") is None
    register.accept([acceptance("D2", person_id=clear_person_id("D1", "1"))])
    register.verify("D2", "1", "BB")
    assert [(card.dossier_id, card.status, card.serial) for card in register.cards()] == [
        ("D1", CardStatus.SUPERSEDED, "AA"),
        ("D2", CardStatus.VALID, "BB"),
    ]


def test_what_the_register_forbids(register: Register) -> None:
    register.accept([acceptance(), acceptance("D3", "3")])
    before = register.cards()
    with pytest.raises(ConflictError, match="another person"):
        register.accept([acceptance("D2")])
    with pytest.raises(ConflictError, match="rule"):  # two cards of one number under way
        register.accept([acceptance("D2", person_id=clear_person_id("D1", "1"))])
    with pytest.raises(ConflictError, match="never accepted"):
        register.verify("D9", "1", "AA")
    assert register.cards() == before
    register.verify("D1", "1", "AA")
    with pytest.raises(ConflictError, match="another card"):
        register.verify("D1", "1", "BB")
    with pytest.raises(ConflictError, match="rule"):  # one serial for two people
        register.verify("D3", "3", "AA")


def test_acceptance_is_all_or_nothing(register: Register) -> None:
    register.accept([acceptance()])
    with pytest.raises(ConflictError):
        register.accept([acceptance("D2", "2"), acceptance("D3", "1")])
    assert [card.dossier_id for card in register.cards()] == ["D1"]
    assert register.person_of("2") is None


def test_a_number_re_established_supersedes_the_former_card(register: Register) -> None:
    register.accept([acceptance()])
    register.verify("D1", "1", "AA")
    register.accept([acceptance("D2", "2", person_id=clear_person_id("D1", "1"), replaces="1")])
    register.verify("D2", "2", "BB")
    assert [card.status for card in register.cards()] == [CardStatus.SUPERSEDED, CardStatus.VALID]


def test_the_databases_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    first = Register(path).register_id
    assert Register(path).register_id == first
    with pytest.raises(DamagedError, match="is no run's state"):
        RunState(path)
    (tmp_path / "text").write_text("no database " * 100, encoding="utf-8")
    with pytest.raises(DamagedError):
        Register(tmp_path / "text")
    connection = sqlite3.connect(tmp_path / "foreign.sqlite")
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()
    with pytest.raises(DamagedError):
        Register(tmp_path / "foreign.sqlite")
    with pytest.raises(FileError):
        Register(tmp_path / "text" / "below.sqlite")


def test_an_order_is_one_runs(tmp_path: Path) -> None:
    orders = Orders(tmp_path / "orders.sqlite")
    first, other = Order("D1", "1", "r1", "sha256:a"), Order("D2", "2", "r1", "sha256:b")
    orders.place([first, other])
    orders.place([first])
    assert orders.order("D1", "1") == first
    assert orders.order("D1", "2") is None
    for wrong in (Order("D1", "1", "r2", "sha256:a"), Order("D1", "1", "r1", "sha256:c")):
        with pytest.raises(ConflictError, match="ordered otherwise"):
            orders.place([Order("D3", "3", "r1", "sha256:d"), wrong])
    assert orders.order("D3", "3") is None, "all or none"


def test_a_lost_runs_order_is_taken_over(tmp_path: Path) -> None:
    orders = Orders(tmp_path / "orders.sqlite")
    order = Order("D1", "1", "r1", "sha256:a")
    orders.place([order])
    orders.take_over(order, "r2")
    orders.take_over(order, "r3")  # it is r1's no more
    assert orders.order("D1", "1") == Order("D1", "1", "r2", "sha256:a")


def test_a_register_of_an_earlier_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    Register(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(DamagedError, match="another schema version") as caught:
        Register(path)
    assert (caught.value.facts["found"], caught.value.facts["known"]) == (1, sqlite_kind().version)


@pytest.mark.parametrize("version", sorted(path.name for path in FORMATS.iterdir()))
def test_a_register_of_an_earlier_version_is_brought_up(version: str, tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    shutil.copy(FORMATS / version / "register.sqlite", path)
    with closing(sqlite3.connect(path)) as connection:
        cards = connection.execute("SELECT dossier_id, number, status, serial FROM cards ORDER BY card_id").fetchall()
        (name,) = connection.execute("SELECT register_id FROM identity").fetchone()
    with closing(Register(path)) as register:
        assert [(one.dossier_id, one.number, one.status, one.serial) for one in register.cards()] == cards
        assert register.register_id == name
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (sqlite_kind().version,)
    Register(path, make=False).close()


def test_an_earlier_version_with_another_table_is_not_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    shutil.copy(sorted(FORMATS.iterdir())[0] / "register.sqlite", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE more (x)")
    with pytest.raises(DamagedError):
        Register(path)


def test_the_tables_that_statements_speak_of_are_those_that_migrations_make(tmp_path: Path) -> None:
    """In a server every opening compares them."""
    path = tmp_path / "register.sqlite"
    Register(path).close()
    found = inspect(create_engine(f"sqlite:///{path}"))
    made = {
        (table, column["name"], bool(column["primary_key"]) or not column["nullable"])
        for table in found.get_table_names()
        for column in found.get_columns(table)
    }
    assert made == {
        (table.name, column.name, not column.nullable) for table in METADATA.tables.values() for column in table.columns
    }


def test_a_register_that_must_be_there_is_not_made(where: Path | str) -> None:
    with pytest.raises(FileError):
        Register(where, make=False)
    with closing(Register(where)) as made, closing(Register(where, make=False)) as again:
        assert made.register_id == again.register_id


def test_who_opens_a_register_first_at_the_same_time_as_others_names_it_for_all(where: Path | str) -> None:
    names: list[str] = []
    together = Barrier(4)

    def first() -> None:
        together.wait()
        with closing(Register(where)) as register:
            names.append(register.register_id)

    threads = [Thread(target=first) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 4
    assert len(set(names)) == 1


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE cccd_register.more (x integer)",
        "ALTER TABLE cccd_register.cards DROP COLUMN expiry_date",
        "ALTER TABLE cccd_register.cards ADD COLUMN fee integer",
        "CREATE VIEW cccd_register.seen AS SELECT 1",
        "UPDATE cccd_register.about SET version = 99",
        "ALTER TABLE cccd_register.case_votes DISABLE TRIGGER vote_is_the_next",
        "CREATE FUNCTION cccd_register.quietly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        " CREATE TRIGGER quietly BEFORE INSERT ON cccd_register.cards FOR EACH ROW EXECUTE FUNCTION"
        " cccd_register.quietly()",
    ],
)
def test_other_tables_in_a_server_are_refused(postgres: Server, statement: str) -> None:
    url = postgres.new_database()
    Register(url).close()
    postgres.sql(statement, Server.name(url))
    with pytest.raises(DamagedError):
        Register(url)
    postgres.drop(url)


def test_a_card_goes_one_way_whoever_writes(where: Path | str) -> None:
    with closing(Register(where)) as register:
        register.accept([acceptance(), acceptance("D2", "2")])
        register.verify("D1", "1", "S-1")
    database = open_register(where)
    wrong = {
        "card_goes_one_way": (
            "UPDATE cards SET status = 'under_way' WHERE dossier_id = 'D1'",
            "UPDATE cards SET serial = NULL WHERE dossier_id = 'D1'",
            "UPDATE cards SET serial = 'S-2' WHERE dossier_id = 'D1'",
            "UPDATE cards SET status = 'superseded', serial = 'S-2' WHERE dossier_id = 'D1'",
            "UPDATE cards SET status = 'valid' WHERE dossier_id = 'D2'",
            "UPDATE cards SET status = 'superseded' WHERE dossier_id = 'D2'",
            "UPDATE cards SET serial = 'S-2' WHERE dossier_id = 'D2'",
        ),
        "card_begins_under_way": (
            "INSERT INTO cards (dossier_id, number, status, issue_date)"
            " SELECT 'D3', number, 'superseded', issue_date FROM cards WHERE dossier_id = 'D1'",
            "INSERT INTO cards (dossier_id, number, status, serial, issue_date)"
            " SELECT 'D3', number, 'under_way', 'S-3', issue_date FROM cards WHERE dossier_id = 'D1'",
        ),
        "who_was_enrolled_stays_so": ("UPDATE people SET enrolled = 0",),
    }
    for rule, statements in wrong.items():
        for statement in statements:
            with pytest.raises(ConflictError) as refused, database.write() as connection:
                connection.exec_driver_sql(statement)
            assert refused.value.facts["rule"] == rule, statement
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE cards SET status = 'superseded' WHERE dossier_id = 'D1'")
    with pytest.raises(ConflictError), database.write() as connection:
        connection.exec_driver_sql("UPDATE cards SET status = 'valid' WHERE dossier_id = 'D1'")
    database.close()
