"""An audit trail in a database: only added to, and what raw SQL alters all the same is named."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from cccd_core.errors import CccdError, DamagedError
from cccd_core.issuance.audit import places
from cccd_core.issuance.audit.findings import Wrong
from cccd_core.issuance.audit.sql import SqlStore, grants
from cccd_core.issuance.audit.trail import RunTrail, Trail, read
from cccd_core.issuance.audit.verify import verify
from support import trails
from support.postgres_server import Server


@dataclass
class Place:
    """Where a trail is, and raw SQL on it."""

    where: Path | str
    sql: Callable[[str], object]
    disarm: tuple[str, ...]
    rearm: tuple[str, ...]

    def altered(self, *statements: str) -> None:
        """Runs statements as whoever owns the tables can: without the triggers."""
        for statement in (*self.disarm, *statements, *self.rearm):
            self.sql(statement)


def _sqlite(path: Path) -> Callable[[str], object]:
    def run(statement: str) -> object:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    return run


@pytest.fixture(params=["file", pytest.param("server", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A database of the test's own."""
    if request.param == "file":
        path = tmp_path / "audit.sqlite"
        triggers = ("no_change", "no_removal", "at_the_end")
        SqlStore(path).close()
        made = [
            str(row[0])
            for row in sqlite3.connect(path).execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        ]
        yield Place(path, _sqlite(path), tuple(f"DROP TRIGGER {name}" for name in triggers), tuple(made))
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.new_database()
    name = Server.name(url)
    yield Place(
        url,
        lambda statement: server.sql(statement.replace(" lines", " cccd_audit.lines"), name),
        ("ALTER TABLE lines DISABLE TRIGGER USER",),
        ("ALTER TABLE lines ENABLE TRIGGER USER",),
    )
    server.drop(url)


def written(place: Place, count: int = 9) -> None:
    """A trail of three blocks and one entry behind them."""
    with closing(SqlStore(place.where)) as store:
        trail = Trail(store, "register", clock=trails.Ticking(), signer=trails.signer)
        for number in range(1, count + 1):
            trail.append([trails.entry(number)])
            if number % 3 == 0:
                trail.seal()
        trail.append([trails.entry(count + 1)])


def test_a_trail_in_a_database_is_a_trail_like_any(place: Place) -> None:
    written(place)
    with closing(SqlStore(place.where, make=False)) as store:
        trail = Trail(store, "register", clock=trails.Ticking(), signer=trails.signer)
        trail.append([trails.entry(11)])
        trail.seal()
        found = verify(store, about="register", keys=[trails.key()])
        assert (found.findings, found.entries, found.unsigned) == ((), 11, 0)
        assert [one.number for one in read(store)] == list(range(1, 12))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lines SET line = line WHERE place = 2",
        "DELETE FROM lines WHERE place = 5",
        "DELETE FROM lines",
        "INSERT INTO lines VALUES (99, 'x')",
        "INSERT INTO lines VALUES (0, 'x')",
    ],
)
def test_the_tables_are_only_added_to(place: Place, statement: str) -> None:
    written(place)
    with closing(SqlStore(place.where)) as store:
        before = list(store.lines())
        with suppress(sqlite3.Error, AssertionError):
            place.sql(statement)
        assert list(store.lines()) == before


def test_two_that_write_at_a_time_write_one_chain(place: Place) -> None:
    written(place)
    with closing(SqlStore(place.where)) as one, closing(SqlStore(place.where)) as other:
        first, second = (Trail(store, "register", signer=trails.signer) for store in (one, other))
        assert first.append([trails.entry(20)]) == range(11, 12)
        assert second.append([trails.entry(21), trails.entry(22)]) == range(12, 14)
        assert first.append([trails.entry(23)]) == range(14, 15)
        second.seal()
        found = verify(other, keys=[trails.key()])
        assert (found.findings, found.entries, found.unsigned) == ((), 14, 0)


@pytest.mark.parametrize("seed", range(3))
def test_what_raw_sql_alters_is_named(place: Place, seed: int) -> None:
    written(place)
    chosen = random.Random(seed)
    rows = [2, 3, 4, 6, 7, 8, 10, 11, 12]  # the places of entries 1 to 9; blocks stand in between
    entry = chosen.randrange(1, 10)
    row = rows[entry - 1]
    what = (Wrong.ALTERED, Wrong.MISSING, Wrong.REORDERED)[seed]
    if what is Wrong.ALTERED:
        with closing(SqlStore(place.where)) as store:
            line = list(store.lines())[row - 1].rstrip().replace(b'"verified"', b'"rejected"')
        place.altered(f"UPDATE lines SET line = {_literal(place, line)} WHERE place = {row}")
    elif what is Wrong.MISSING:
        place.altered(f"DELETE FROM lines WHERE place = {row}")
    else:
        entry = min(entry, 8)
        row, other = rows[entry - 1], rows[entry]
        place.altered(
            f"UPDATE lines SET place = 1000 WHERE place = {row}",
            f"UPDATE lines SET place = {row} WHERE place = {other}",
            f"UPDATE lines SET place = {other} WHERE place = 1000",
        )
    with closing(SqlStore(place.where)) as store:
        found = verify(store, about="register", keys=[trails.key()])
        assert (found.findings[0].what, found.findings[0].number) == (what, entry), found.findings
        with pytest.raises(DamagedError):
            RunTrail(store, "register")


def test_tables_without_their_triggers_are_refused(place: Place) -> None:
    written(place)
    place.sql(place.disarm[0])
    with pytest.raises(DamagedError):
        SqlStore(place.where)


@pytest.mark.parametrize("seed", range(8))
def test_rows_altered_while_the_triggers_are_off_are_named(place: Place, seed: int) -> None:
    """As who owns the tables, who leaves the triggers off: the commands look all the same."""
    written(place)
    chosen = random.Random(seed)
    with closing(SqlStore(place.where)) as store:
        lines = [line.rstrip() for line in store.lines()]
    rows = [row for row, line in enumerate(lines) if b'"seq"' in line][:9]  # those that a block covers
    row = chosen.choice(rows)
    changed = bytearray(lines[row])
    changed[chosen.randrange(len(changed))] ^= 1 << chosen.randrange(7)
    statement = chosen.choice(
        [
            f"UPDATE lines SET line = {_literal(place, bytes(changed))} WHERE place = {row + 1}",
            f"DELETE FROM lines WHERE place = {row + 1}",
            f"UPDATE lines SET place = 500 WHERE place = {row + 1}",
        ]
    )
    for one in (*place.disarm, statement):
        place.sql(one)
    with places.looked_at(str(place.where)) as reader:
        assert not reader.guarded
        found = verify(reader, about="register", keys=[trails.key()])
    assert found.findings[0].number == rows.index(row) + 1, (statement, found.findings)
    assert found.findings[-1].what is Wrong.UNGUARDED
    with pytest.raises(DamagedError), places.opened(str(place.where)):
        pass


def _literal(place: Place, line: bytes) -> str:
    return f"X'{line.hex()}'" if isinstance(place.where, Path) else f"'\\x{line.hex()}'"


@pytest.mark.postgres
def test_who_writes_on_a_server_can_do_nothing_else(postgres: Server) -> None:
    url = postgres.new_database()
    name = Server.name(url)
    SqlStore(url).close()
    for role, writes in (("auditor_9", False), ("writer_9", True)):
        postgres.sql(f"CREATE ROLE {role} LOGIN")
        for statement in grants(role, writes=writes):
            postgres.sql(statement, name)
    try:
        with closing(SqlStore(url.replace("owner@", "writer_9@"))) as store:
            trail = Trail(store, "register", signer=trails.signer)
            trail.append([trails.entry(1)])
            trail.seal()
        with closing(SqlStore(url.replace("owner@", "auditor_9@"))) as store:
            assert verify(store, keys=[trails.key()]).sound
            with pytest.raises(CccdError):
                Trail(store).append([trails.entry(2)])
        for act in ("UPDATE cccd_audit.lines SET place = 7", "DELETE FROM cccd_audit.lines",
                    "TRUNCATE cccd_audit.lines", "DROP TRIGGER no_change ON cccd_audit.lines",
                    "ALTER TABLE cccd_audit.lines DISABLE TRIGGER ALL"):  # fmt: skip
            for role in ("auditor_9", "writer_9"):
                with pytest.raises(AssertionError):
                    postgres.sql(f"SET ROLE {role}; {act}", name)
    finally:
        postgres.drop(url)
        for role in ("auditor_9", "writer_9"):
            postgres.sql(f"DROP ROLE {role}")
