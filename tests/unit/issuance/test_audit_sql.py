"""An audit trail in a database: only added to, and what raw SQL alters all the same is named."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from cccd_core.errors import CccdError, ConflictError, DamagedError, FileError
from cccd_core.issuance.audit.findings import Wrong
from cccd_core.issuance.audit.sql import SqlStore, grants
from cccd_core.issuance.audit.trail import Trail, read
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
        trail.tell([trails.entry(10), trails.entry(11)])
        trail.seal()
        found = verify(store.data, about="register", keys=[trails.key()])
        assert (found.findings, found.entries, found.unsigned) == ((), 11, 0)
        assert [one.number for one in read(store.data)] == list(range(1, 12))


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
        before = store.data
        with suppress(sqlite3.Error, AssertionError):
            place.sql(statement)
        assert store.data == before


def test_two_that_write_at_a_time_do_not_mix(place: Place) -> None:
    written(place)
    with closing(SqlStore(place.where)) as one, closing(SqlStore(place.where)) as other:
        first, second = (Trail(store, "register", signer=trails.signer) for store in (one, other))
        first.append([trails.entry(20)])
        with pytest.raises(ConflictError):
            second.append([trails.entry(21)])
        with pytest.raises(FileError, match="open it again"):
            second.append([trails.entry(21)])
        again = Trail(other, "register", signer=trails.signer)
        again.append([trails.entry(21)])
        assert verify(other.data, keys=[trails.key()]).sound


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
            line = store.load()[row - 1].replace(b'"verified"', b'"rejected"')
        literal = f"X'{line.hex()}'" if isinstance(place.where, Path) else f"'\\x{line.hex()}'"
        place.altered(f"UPDATE lines SET line = {literal} WHERE place = {row}")
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
        found = verify(store.data, about="register", keys=[trails.key()])
        assert (found.findings[0].what, found.findings[0].number) == (what, entry), found.findings
        with pytest.raises(DamagedError):
            Trail(store, "register")


def test_tables_without_their_triggers_are_refused(place: Place) -> None:
    written(place)
    place.sql(place.disarm[0])
    with pytest.raises(DamagedError):
        SqlStore(place.where)


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
            assert verify(store.data, keys=[trails.key()]).sound
            with pytest.raises(CccdError):
                store.append([b"{}"])
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
