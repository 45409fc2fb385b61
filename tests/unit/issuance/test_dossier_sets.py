"""Many dossiers and steps at a time: what a block costs in statements, and that a statement of many rows is held to
the rules as one of a single row is."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event as listened

from cccd_core.errors import ConflictError, DamagedError
from cccd_core.issuance.register.database import open_register, postgres_kind, sqlite_kind
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import Move
from cccd_core.storage.postgres import PostgresDatabase
from cccd_core.storage.sqlite import SqliteFile, SqliteKind
from support.postgres_server import Server
from support.register import PLACES, opened, places, receipt, steps, with_units

where = pytest.fixture(params=PLACES)(places)


@pytest.fixture
def register(where: Path | str) -> Iterator[DossierRegister]:
    with_units(where)
    with closing(opened(where)) as made:
        yield made


@contextmanager
def counted(register: DossierRegister) -> Iterator[list[str]]:
    """The statements that are sent meanwhile, each of many rows as one."""
    database = register._database
    assert isinstance(database, PostgresDatabase | SqliteFile)
    sent: list[str] = []

    def note(*given: object) -> None:
        sent.append(str(given[2]))

    listened.listen(database._engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        listened.remove(database._engine, "before_cursor_execute", note)


def test_a_block_costs_the_same_few_statements_however_many_rows_it_has(register: DossierRegister) -> None:
    costs = []
    for many in (3, 1000, 1001):
        names = [f"D{many}-{number}" for number in range(many)]
        with counted(register) as received:
            assert register.receive_many(map(receipt, names)) == many
        with counted(register) as moved:
            assert register.move_many(step for name in names for step in steps(name, State.CHECKED)) == many
        with counted(register) as known:
            assert register.receive_many(map(receipt, names)) == 0
        costs.append([len(received), len(moved), len(known)])
    least, thousand, two_blocks = costs
    assert least == thousand
    assert two_blocks == [2 * one for one in thousand]
    assert thousand[0] <= 9, received
    assert thousand[1] <= 6, moved


def rows(where: Path | str, *events: dict[str, object]) -> str:
    """A statement that puts several events in."""
    values = []
    for given in events:
        name = uuid.uuid4().hex
        row: dict[str, object] = {
            "dossier_no": 1, "sequence": 2, "previous": 1, "from_state": "'received'", "to_state": "'checked'",
            "event_id": f"x'{name}'" if isinstance(where, Path) else f"'\\x{name}'", "actor": "'enemy'",
            "time_us": 1 << 51, "behind_us": 0, "reason": "'none'", "ordered_by": "'CV 1'",
        } | given  # fmt: skip
        values.append(f"({', '.join(map(str, row.values()))})")
    return f"INSERT INTO events ({', '.join(row)}) VALUES {', '.join(values)}"


def say(where: Path | str, statement: str) -> None:
    """Runs a statement as the tables' owner, with SQLite's keys unheeded."""
    if isinstance(where, Path):
        with closing(sqlite3.connect(where, isolation_level=None)) as connection:
            connection.execute(statement)
    else:
        import psycopg

        with psycopg.connect(where, autocommit=True, options="-c search_path=cccd_register") as served:
            served.execute(statement.encode())


FIRST: dict[str, object] = {}
SECOND: dict[str, object] = {"sequence": 3, "previous": 2, "from_state": "'checked'", "to_state": "'searched'"}
OTHER: dict[str, object] = {"dossier_no": 2}


def test_a_statement_of_many_rows_by_hand_moves_their_dossiers(where: Path | str, register: DossierRegister) -> None:
    register.receive_many([receipt("D1"), receipt("D2")])
    say(where, rows(where, FIRST, OTHER, SECOND))
    found = [register.get("D1"), register.get("D2")]
    assert [(one.state, one.sequence) for one in found if one] == [(State.SEARCHED, 3), (State.CHECKED, 2)]
    assert list(register.faults()) == []


@pytest.mark.parametrize(
    "events",
    [
        (FIRST, {**SECOND, "from_state": "'searched'", "to_state": "'approved'"}),  # not where the first one led
        (FIRST, {**SECOND, "from_state": "'received'", "to_state": "'checked'"}),
        (FIRST, {**SECOND, "to_state": "'signed'"}),  # no such move
        (FIRST, {**SECOND, "sequence": 4, "previous": 3}),  # a gap
        (FIRST, {**SECOND, "time_us": (1 << 51) - 1}),  # before the one before
        (FIRST, FIRST),  # one place twice
        (SECOND,),
        (OTHER, SECOND),
        (OTHER, {"to_state": "'approved'"}),
        (OTHER, FIRST, {"dossier_no": 3}),  # no such dossier
        (OTHER, {"from_state": "'checked'", "to_state": "'searched'"}),
        (OTHER, {"event_id": "(SELECT event_id FROM events WHERE dossier_no = 1)"}),
        (FIRST, SECOND, {**SECOND, "sequence": 4, "previous": 3, "from_state": "'searched'", "to_state": "'none'"}),
    ],
    ids=str,
)
def test_one_row_that_cannot_be_refuses_all_of_its_statement(
    where: Path | str, register: DossierRegister, events: tuple[dict[str, object], ...]
) -> None:
    import psycopg

    register.receive_many([receipt("D1"), receipt("D2")])
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        say(where, rows(where, *events))
    found = [register.get("D1"), register.get("D2")]
    assert [(one.state, one.sequence) for one in found if one] == [(State.RECEIVED, 1)] * 2
    assert list(register.faults()) == []


def test_names_and_texts_are_data_whatever_stands_in_them(register: DossierRegister) -> None:
    for number, text in enumerate(['"', "\\", "{a,b}", "NULL", "'; --", "Đỗ"]):
        name = f"D{number}"
        register.receive_many([receipt(name, actor=text, station=text), receipt(f"E{number}", operator=text)])
        step = Move(name, State.REJECTED, text, reason=text, order=text)
        assert register.move_many([step, Move(f"E{number}", State.CHECKED, "a")]) == 2
        assert register.move_many([step]) == 0
        last = register.events(name)[-1]
        assert (last.actor, last.reason, last.order) == (text, text, text)
        found = register.get(name)
        assert found is not None
        assert (found.station, found.operator) == (text, None)


def test_a_step_of_another_dossier_does_not_pass_for_this_ones(register: DossierRegister) -> None:
    register.receive_many([receipt("D1"), receipt("D2")])
    name = uuid.uuid4()
    register.move_many([Move("D1", State.CHECKED, "a", event_id=name)])
    with pytest.raises(ConflictError, match="another step"):
        register.move_many([Move("D2", State.CHECKED, "a", event_id=name)])
    twice = uuid.uuid4()
    with pytest.raises(ConflictError, match="another step"):
        register.move_many([Move(one, State.SEARCHED, "a", event_id=twice) for one in ("D1", "D2")])


def made_by_version_5(where: Path | str) -> None:
    """A register as version 5 left it, with a unit and two dossiers, of which the first was checked."""
    lite = isinstance(where, Path)
    kind = sqlite_kind() if isinstance(where, Path) else postgres_kind()
    made = kind.schema if isinstance(kind, SqliteKind) else kind.statements
    digest = f"x'{'5a' * 32}'" if lite else f"'\\x{'5a' * 32}'"
    received: dict[str, object] = {
        "sequence": 1, "previous": "NULL", "from_state": "'none'", "to_state": "'received'", "time_us": 1 << 50,
    }  # fmt: skip
    before = (
        ("PRAGMA journal_mode = WAL", "BEGIN")
        if lite
        else (
            "CREATE SCHEMA cccd_register",
            "CREATE TABLE about (kind text NOT NULL, version integer NOT NULL)",
            "INSERT INTO about VALUES ('cccd_register', 5)",
        )
    )
    rest = (
        "INSERT INTO units (unit_id, level, name, verified) VALUES ('n1', 'centre', 'n1', 1)",
        "INSERT INTO dossiers (dossier_no, dossier_id, kind, unit, received_day, digest, state, last_sequence,"
        f" last_time_us) VALUES (1, 'D1', 'new', 'n1', '2026-11-02', {digest}, 'none', 0, 0),"
        f" (2, 'D2', 'new', 'n1', '2026-11-02', {digest}, 'none', 0, 0)",
        rows(where, received, {**received, "dossier_no": 2}, {"time_us": 1 << 50}),
    )
    statements = (*before, *made[: kind.earlier[5]], *rest)
    if isinstance(where, Path):
        with closing(sqlite3.connect(where, isolation_level=None)) as file:
            for statement in (*statements, "COMMIT", "PRAGMA application_id = 0x43434452", "PRAGMA user_version = 5"):
                file.execute(statement)
    else:
        import psycopg

        with psycopg.connect(where, options="-c search_path=cccd_register") as served:
            for statement in statements:
                served.execute(statement.encode())


def test_a_register_of_version_5_with_its_dossiers_is_brought_up(where: Path | str) -> None:
    made_by_version_5(where)
    with closing(opened(where)) as register:
        assert [one.state for one in register.all()] == [State.CHECKED, State.RECEIVED]
        register.receive_many([receipt("D3")])
        register.move_many([*steps("D1", State.SEARCHED), *steps("D2", State.CHECKED), *steps("D3", State.CHECKED)])
        assert [one.sequence for one in register.all()] == [3, 2, 2]
        assert list(register.faults()) == []


@pytest.mark.postgres
def test_a_servers_rule_that_was_put_back_is_named(postgres: Server) -> None:
    """Whoever makes a rule what it was in an earlier version is told of, when the register is opened."""
    url = postgres.new_database()
    open_register(url).close()
    body = next(one for one in reversed(postgres_kind().statements) if "dossiers_are_moved()" in one)
    postgres.sql(
        "SET search_path = cccd_register; " + body.replace("IS DISTINCT FROM", "IS NOT DISTINCT FROM"), Server.name(url)
    )
    with pytest.raises(DamagedError, match="not those of its version"):
        open_register(url)
    postgres.drop(url)
