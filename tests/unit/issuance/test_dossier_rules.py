"""The rules of a dossier's life are the database's own: whoever writes statements by hand, as the tables' owner and
with SQLite's keys unheeded, cannot break them."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.errors import CccdError, ConflictError, ParameterError
from cccd_core.issuance.register import life
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.life import BEFORE, MOVES, TERMINAL, State, demand_move, moves
from support.postgres_server import Server
from support.register import PLACES, WAY, opened, places, receipt, steps, with_units

where = pytest.fixture(params=PLACES)(places)
Say = Callable[[str], object]


@pytest.fixture
def register(where: Path | str) -> Iterator[DossierRegister]:
    with_units(where)
    with closing(opened(where)) as made:
        made.receive_many([receipt("D1"), receipt("D2")])
        yield made


@pytest.fixture
def say(where: Path | str, register: DossierRegister) -> Iterator[Say]:
    """Runs a statement as an enemy would."""
    if isinstance(where, Path):
        with closing(sqlite3.connect(where, isolation_level=None)) as connection:
            assert connection.execute("PRAGMA foreign_keys").fetchone() == (0,)
            yield lambda statement: connection.execute(statement).fetchall()
    else:
        import psycopg

        with psycopg.connect(where, autocommit=True, options="-c search_path=cccd_register") as served:
            yield lambda statement: served.execute(statement.encode()).rowcount


def refused(say: Say, statement: str) -> str:
    """The database's own words of why a statement was refused."""
    import psycopg

    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)) as caught:
        say(statement)
    return str(caught.value)


def event(where: Path | str, **changes: object) -> str:
    """A statement that puts the second event of the first dossier in."""
    given = uuid.uuid4().hex
    values: dict[str, object] = {
        "dossier_no": 1, "sequence": 2, "previous": 1, "from_state": "'received'", "to_state": "'checked'",
        "event_id": f"x'{given}'" if isinstance(where, Path) else f"'\\x{given}'", "actor": "'enemy'",
        "time_us": 1 << 51, "behind_us": 0, "reason": "'none'", "ordered_by": "'CV 1'",
    } | changes  # fmt: skip
    return f"INSERT INTO events ({', '.join(values)}) VALUES ({', '.join(map(str, values.values()))})"


def test_the_table_of_moves_is_the_machines(where: Path | str, register: DossierRegister) -> None:
    with register._database.read() as connection:
        found = connection.exec_driver_sql("SELECT from_state, to_state FROM moves").fetchall()
    assert {tuple(row) for row in found} == moves()
    assert len(moves()) == 38


def test_an_event_by_hand_moves_its_dossier(where: Path | str, register: DossierRegister, say: Say) -> None:
    say(event(where))
    found = register.get("D1")
    assert found is not None
    assert (found.state, found.sequence) == (State.CHECKED, 2)
    assert list(register.faults()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"to_state": "'signed'"},  # no such move
        {"to_state": "'received'"},
        {"to_state": "'lost'"},
        {"from_state": "'checked'", "to_state": "'searched'"},  # it is not there
        {"from_state": "'none'", "to_state": "'received'"},
        {"from_state": "'none'", "to_state": "'received'", "sequence": 1, "previous": "NULL"},  # received twice
        {"sequence": 3, "previous": 2},  # a gap
        {"sequence": 3},
        {"sequence": 1, "previous": 0},
        {"sequence": 0, "previous": -1},
        {"previous": "NULL"},
        {"previous": 0},
        {"dossier_no": 99},
        {"dossier_no": "NULL"},
        {"time_us": 1},  # before the one before
        {"time_us": -1},
        {"behind_us": -1},
        {"to_state": "'cancelled'", "ordered_by": "NULL"},
        {"to_state": "'rejected'", "reason": "NULL"},
        {"actor": "''"},
        {"actor": "NULL"},
        {"event_id": "NULL"},
        {"event_id": "(SELECT event_id FROM events WHERE dossier_no = 2)"},  # another dossier's
    ],
    ids=str,
)
def test_an_event_that_cannot_be_is_refused(
    where: Path | str, register: DossierRegister, say: Say, changes: dict[str, object]
) -> None:
    refused(say, event(where, **changes))
    found = register.get("D1")
    assert found is not None
    assert (found.state, found.sequence) == (State.RECEIVED, 1)
    assert list(register.faults()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'somebody else'",
        "UPDATE events SET to_state = 'rejected', reason = 'none'",
        "UPDATE events SET time_us = time_us + 1",
        "DELETE FROM events",
        "UPDATE dossiers SET state = 'approved'",
        "UPDATE dossiers SET last_sequence = 2",
        "UPDATE dossiers SET state = 'checked', last_sequence = 2",
        "UPDATE dossiers SET last_time_us = last_time_us + 1",
        "UPDATE dossiers SET state = 'none', last_sequence = 0, last_time_us = 0",
        "UPDATE dossiers SET unit = 'n2'",
        "UPDATE dossiers SET dossier_id = 'D9' WHERE dossier_no = 1",
        "UPDATE dossiers SET dossier_no = dossier_no + 10",
        "UPDATE dossiers SET kind = 'reissue', grounds = 'lost'",
        "UPDATE dossiers SET due_day = '2030-01-01'",
        "UPDATE dossiers SET due_day = NULL",
        "UPDATE dossiers SET received_day = '2020-01-01'",
        "DELETE FROM dossiers",
        "INSERT INTO moves (from_state, to_state) VALUES ('received', 'signed')",
        "UPDATE moves SET to_state = 'signed' WHERE to_state = 'checked'",
        "DELETE FROM moves",
    ],
)
def test_what_is_kept_is_not_changed(register: DossierRegister, say: Say, statement: str) -> None:
    before = [register.get("D1"), register.get("D2"), register.events("D1"), register.events("D2")]
    refused(say, statement)
    assert [register.get("D1"), register.get("D2"), register.events("D1"), register.events("D2")] == before
    assert list(register.faults()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO events SELECT dossier_no, 1, NULL, 'none', 'received', event_id, 'enemy', 9, 0, NULL,"
        " NULL FROM events",
        "INSERT OR REPLACE INTO dossiers SELECT dossier_no, dossier_id, kind, grounds, unit, station, operator, shift,"
        " received_day, due_day, digest, 'none', 0, 0 FROM dossiers",
        "UPDATE OR REPLACE dossiers SET dossier_no = 2 WHERE dossier_no = 1",
        "UPDATE OR REPLACE events SET dossier_no = 2 WHERE dossier_no = 1",
        "INSERT OR REPLACE INTO moves VALUES ('received', 'signed')",
        "INSERT INTO dossiers SELECT 9, 'D9', kind, grounds, unit, station, operator, shift, received_day, due_day,"
        " digest, 'approved', 5, 9 FROM dossiers LIMIT 1",
        "INSERT INTO dossiers SELECT 9, 'D9', kind, grounds, 'n9', station, operator, shift, received_day, due_day,"
        " digest, 'none', 0, 0 FROM dossiers LIMIT 1",
    ],
)
def test_sqlites_own_ways_round_a_rule_are_closed(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "register.sqlite"
    with_units(path)
    with closing(opened(path)) as register, closing(sqlite3.connect(path, isolation_level=None)) as enemy:
        register.receive_many([receipt("D1"), receipt("D2")])
        refused(lambda one: enemy.execute(one).fetchall(), statement)
        assert list(register.faults()) == []
        assert [one.dossier_id for one in register.all()] == ["D1", "D2"]


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE events CASCADE",
        "TRUNCATE dossiers CASCADE",
        "TRUNCATE moves CASCADE",
        "INSERT INTO dossiers SELECT 9, 'D9', kind, grounds, unit, station, operator, shift, received_day, due_day,"
        " digest, 'none', 0, 0 FROM dossiers LIMIT 1",  # and no event of it
        "INSERT INTO dossiers SELECT 9, 'D9', kind, grounds, unit, station, operator, shift, received_day, due_day,"
        " digest, 'approved', 5, 9 FROM dossiers LIMIT 1",
        "INSERT INTO dossiers SELECT 9, 'D9', kind, grounds, 'n9', station, operator, shift, received_day, due_day,"
        " digest, 'none', 0, 0 FROM dossiers LIMIT 1",
    ],
)
def test_a_servers_own_ways_round_a_rule_are_closed(postgres: Server, statement: str) -> None:
    import psycopg

    url = postgres.new_database()
    with_units(url)
    with closing(opened(url)) as register:
        register.receive_many([receipt("D1"), receipt("D2")])
        with psycopg.connect(url, autocommit=True, options="-c search_path=cccd_register") as enemy:
            refused(lambda one: enemy.execute(one.encode()), statement)
        assert list(register.faults()) == []
    postgres.drop(url)


def test_a_dossier_without_an_event_is_a_fault_that_is_found(tmp_path: Path) -> None:
    """In a file this is a key's rule, which another program may leave unheeded."""
    path = tmp_path / "register.sqlite"
    with_units(path)
    with closing(opened(path)) as register:
        register.receive_many([receipt("D1")])
        with closing(sqlite3.connect(path, isolation_level=None)) as enemy:
            statement = (
                "INSERT INTO dossiers SELECT 9, 'D9', kind, grounds, unit, station, operator, shift, received_day,"
                " due_day, digest, 'none', 0, 0 FROM dossiers LIMIT 1"
            )
            enemy.execute("PRAGMA foreign_keys = ON")
            refused(lambda one: enemy.execute(one), statement)
            enemy.execute("PRAGMA foreign_keys = OFF")
            enemy.execute(statement)
        assert "dossier D9: it has no event" in list(register.faults())


def test_what_was_broken_with_the_rules_taken_away_is_found(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite"
    with_units(path)
    with closing(opened(path)) as register:
        register.receive_many([receipt(f"D{number}") for number in range(7)])
        register.move_many([step for number in range(7) for step in steps(f"D{number}", *WAY[:3])])
        with closing(sqlite3.connect(path, isolation_level=None)) as enemy:
            names = [row[0] for row in enemy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
            for name in names:
                enemy.execute(f"DROP TRIGGER {name}")
            enemy.execute("DELETE FROM events WHERE dossier_no = 2 AND sequence = 3")
            enemy.execute("UPDATE events SET time_us = 5 WHERE dossier_no = 3 AND sequence = 4")
            enemy.execute("UPDATE dossiers SET state = 'signed' WHERE dossier_no = 4")
            enemy.execute("DELETE FROM events WHERE dossier_no = 5 AND sequence = 4")
            enemy.execute("UPDATE events SET to_state = 'signed' WHERE dossier_no = 6 AND sequence = 2")
            enemy.execute("UPDATE events SET actor = actor, from_state = 'none' WHERE dossier_no = 7 AND sequence = 2")
        found = [one for one in register.faults() if one.startswith("dossier ")]
    assert [one.partition(":")[0] for one in found] == [f"dossier D{number}" for number in range(1, 7)]


def test_the_machine_ends_somewhere_and_every_state_is_reached() -> None:
    assert set(TERMINAL) == {State.HANDED_OVER, State.REJECTED, State.WITHDRAWN, State.CANCELLED}
    reached, found = {BEFORE}, {BEFORE}
    while found:
        found = {str(after) for before in found for after in MOVES[before]} - reached
        reached |= found
    assert reached == {BEFORE, *map(str, State)}
    for before, after in product((BEFORE, *State), State):
        if (before, after) in moves():
            demand_move(before, after, reason="r", order="o")
        else:
            with pytest.raises(ConflictError):
                demand_move(before, after, reason="r", order="o")


def test_a_dossiers_random_walk_is_the_machines(register: DossierRegister) -> None:
    """Every step is taken where the machine has it and refused where it has not, and the figures count the events."""
    walks = iter(range(10**6))
    expected: dict[str, list[State]] = {}

    @settings(max_examples=25)
    @given(st.lists(st.tuples(st.sampled_from(State), st.booleans(), st.booleans()), max_size=12))
    def walk(choices: list[tuple[State, bool, bool]]) -> None:
        name = f"W{next(walks)}"
        register.receive_many([receipt(name, unit_id="s1")])
        way = expected[name] = [State.RECEIVED]
        for to, with_reason, with_order in choices:
            reason, order = "because" if with_reason else None, "CV 1" if with_order else None
            allowed = True
            try:
                demand_move(way[-1], to, reason=reason, order=order)
            except (ConflictError, ParameterError):
                allowed = False
            try:
                register.move_many(steps(name, to, reason=reason, order=order, after=len(way)))
                assert allowed
                way.append(to)
            except CccdError:
                assert not allowed
        assert [one.to for one in register.events(name)] == way
        record = register.get(name)
        assert record is not None
        assert (record.state, record.sequence) == (way[-1], len(way))

    walk()
    counted: dict[State, int] = {}
    for way in expected.values():
        for state in way:
            counted[state] = counted.get(state, 0) + 1
    assert {one.state: one.count for one in register.figures(unit_id="south")} == counted
    assert list(register.faults()) == []
    assert life.moves() == moves()


CLERKS_RIGHTS = """
    CREATE ROLE {name} LOGIN;
    GRANT USAGE ON SCHEMA cccd_register TO {name};
    GRANT SELECT ON ALL TABLES IN SCHEMA cccd_register TO {name};
    GRANT INSERT ON cccd_register.dossiers, cccd_register.events TO {name};
    GRANT UPDATE (due_day) ON cccd_register.dossiers TO {name};
    GRANT UPDATE ON cccd_register.identity TO {name};
"""


@pytest.mark.postgres
def test_who_may_only_add_can_do_the_days_work_and_no_more(postgres: Server) -> None:
    import psycopg

    url = postgres.new_database()
    with_units(url)
    name = f"desk_{uuid.uuid4().hex[:8]}"
    postgres.sql(CLERKS_RIGHTS.format(name=name), Server.name(url))
    mine = postgres.url(Server.name(url), name)
    with closing(opened(mine, make=False)) as register:
        register.receive_many([receipt("D1")])
        register.move_many(steps("D1", State.CHECKED))
        assert register.set_deadlines() == 0
        assert list(register.faults()) == []
    with psycopg.connect(mine, autocommit=True, options="-c search_path=cccd_register") as desk:
        for statement in (
            "UPDATE events SET actor = 'x'", "DELETE FROM events", "UPDATE dossiers SET state = 'approved'",
            "DELETE FROM dossiers", "INSERT INTO moves VALUES ('received', 'signed')",
            "DROP TRIGGER events_move ON events", "ALTER TABLE events DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                desk.execute(statement)
    postgres.drop(url)
    postgres.sql(f"DROP ROLE {name}")
