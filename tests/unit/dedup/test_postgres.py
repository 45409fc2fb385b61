"""The gallery in a server: what it survives, what it refuses, and what nobody is told of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from cccd_core.dedup import EnrolledPerson, PostgresGallery
from cccd_core.dedup.gallery import sql
from cccd_core.errors import (
    BusyError,
    CccdError,
    ConflictError,
    DamagedError,
    FileError,
    ParameterError,
    UnavailableError,
)
from cccd_core.storage import postgres as storage
from cccd_core.storage.database import LostConnectionError
from cccd_core.templates import Tenprint
from support.known_fingers import person
from support.postgres_server import CLERK, Server

pytestmark = pytest.mark.postgres
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    made = postgres.new_database()
    yield made
    postgres.drop(made)


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """People are taken one by one: all but the first of an addition within its transaction."""
    monkeypatch.setattr(sql, "ASKED_BLOCK", 1)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://a:secret7@host/db",
        "postgresql://host/db?password=secret7",
        "postgresql://host/db?options=-csecret7",
        "postgresql://host/db?sslpassword=secret7",
        "postgresql://host/db?secret7=1",
        "postgresql://host",
        "postgresql://host/db\n",
        "postgresql://host:port/db%zz",
        "mysql://host/secret7",
        "postgresql://" + "x" * 2000 + "/secret7",
    ],
)
def test_a_url_that_is_none_or_holds_a_secret_is_refused(url):
    with pytest.raises(ParameterError) as error:
        PostgresGallery(url)
    assert "secret7" not in str(error.value)


def test_without_the_driver_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UnavailableError) as error:
        PostgresGallery("postgresql://host/db")
    assert "cccd_core[postgres]" in str(error.value.facts["needs"])


def test_a_gallery_that_must_be_there_is_not_made(postgres, url):
    with pytest.raises(FileError, match="there is no gallery"):
        PostgresGallery(url, make=False)
    assert postgres.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'cccd_gallery'", Server.name(url)) == "0"
    with closing(PostgresGallery(url)) as made, closing(PostgresGallery(url, make=False)) as again:
        assert made.gallery_id == again.gallery_id
        made.add(person("a"))
        assert list(again) == [person("a")]
        assert repr(made) == f"PostgresGallery({url!r})"


def test_nobody_there_is_said(postgres, tmp_path):
    for url, why in (
        (f"postgresql:///d?host={tmp_path}", "nobody listens"),
        (postgres.url("no_such"), "no such database"),
        (postgres.url("postgres", "no_such_user"), "refused"),
    ):
        with pytest.raises(FileError, match="cannot be reached") as error:
            PostgresGallery(url)
        assert why in str(error.value.facts["why"])


def test_a_password_comes_from_the_environment_and_goes_nowhere(postgres, tmp_path, monkeypatch, caplog):
    postgres.sql(f"DROP ROLE IF EXISTS {CLERK}")
    postgres.sql(f"CREATE ROLE {CLERK} LOGIN PASSWORD 'right8horse'")
    postgres.sql(f"CREATE DATABASE of_{CLERK} OWNER {CLERK}")
    url = postgres.url(f"of_{CLERK}", CLERK)
    caplog.set_level("DEBUG")
    with pytest.raises(FileError, match="password"):
        PostgresGallery(url)
    monkeypatch.setenv("PGPASSWORD", "wrong9horse")
    with pytest.raises(FileError, match="password") as error:
        PostgresGallery(url)
    assert "horse" not in str(error.value) + repr(error.value.__context__)
    monkeypatch.setenv("PGPASSWORD", "right8horse")
    with closing(PostgresGallery(url)) as gallery:
        assert gallery.add(person("a"))
        assert "horse" not in repr(gallery) + gallery.where
    monkeypatch.delenv("PGPASSWORD")
    passwords = tmp_path / "passwords"
    passwords.write_text(f"*:*:*:{CLERK}:right8horse\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    with closing(PostgresGallery(url, make=False)) as gallery:
        assert list(gallery) == [person("a")]
    assert "horse" not in caplog.text


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE about SET version = 3",
        "UPDATE about SET version = 1",  # which had fewer tables
        "UPDATE about SET kind = 'other'",
        "DELETE FROM about",
        "DROP TABLE about",
        "DROP TABLE renaming",
        "CREATE TABLE other (x integer)",
        "CREATE VIEW other AS SELECT 1 AS x",
        "ALTER TABLE person ADD x integer",
        "ALTER TABLE withdrawal ALTER place DROP NOT NULL",
        "ALTER TABLE withdrawal ALTER fingers TYPE integer",
        "CREATE RULE r AS ON DELETE TO finger DO INSTEAD NOTHING",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t BEFORE DELETE ON finger FOR EACH ROW EXECUTE FUNCTION f()",
        "ALTER TABLE person ENABLE ROW LEVEL SECURITY",
        "DELETE FROM gallery",
        "UPDATE gallery SET gallery_id = 'x'",
    ],
)
def test_other_tables_are_refused_at_once(postgres, url, statement):
    with closing(PostgresGallery(url)) as gallery:
        gallery.add(person("a"))
    postgres.sql(f"SET search_path = cccd_gallery; {statement}", Server.name(url))
    with pytest.raises(DamagedError) as error:
        PostgresGallery(url)
    assert error.value.facts["path"] == url


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE finger SET template = '\\x00' WHERE place = 2",
        "UPDATE finger SET place = 3 WHERE place = 2",
        "DELETE FROM finger",
        "UPDATE person SET person_id = 'b'",
        "UPDATE person SET sha256 = sha256(sha256)",
        "INSERT INTO finger SELECT 1, 200 + n, '\\x00' FROM generate_series(1, 5000) n",
    ],
)
def test_rows_that_were_changed_are_found_out(postgres, url, statement):
    with closing(PostgresGallery(url)) as gallery:
        gallery.add(person("a"))
        postgres.sql(f"SET search_path = cccd_gallery; {statement}", Server.name(url))
        with pytest.raises(DamagedError):
            list(gallery)


def test_an_earlier_version_becomes_what_is_written_now(postgres, url):
    with closing(PostgresGallery(url)) as gallery:
        gallery.add_many([person("a"), person("b", 2)])
        gallery.remove("a", order="x")
        gallery.rename("b", "c", order="y")
    earlier = "SET search_path = cccd_gallery; DROP TABLE trace; UPDATE about SET version = 1"
    postgres.sql(earlier, Server.name(url))
    with ThreadPoolExecutor(3) as pool:
        opened = list(pool.map(lambda _: PostgresGallery(url, make=False), range(3)))
    for gallery in opened:
        assert [one.order for one in gallery.withdrawals()] == ["x", "y"]
        gallery.close()
    postgres.sql("UPDATE cccd_gallery.withdrawal SET ordered_by = 'z' WHERE sequence = 1", Server.name(url))
    with closing(PostgresGallery(url)) as gallery, pytest.raises(DamagedError):
        list(gallery.withdrawals())


def test_a_broken_rule_shows_no_value(postgres, url):
    with closing(PostgresGallery(url)) as gallery:
        gallery.add(person("079200123456"))
        with pytest.raises(ConflictError) as error, gallery._database.write() as connection:
            connection.exec_driver_sql("INSERT INTO person VALUES (9, '079200123456', sha256(''))")
        assert error.value.facts["rule"] == "one_person"
        assert "079200123456" not in str(error.value)


def test_a_server_that_may_lose_what_it_keeps_is_refused(postgres, url):
    postgres.sql("ALTER SYSTEM SET fsync = off")
    postgres.restart()
    try:
        with pytest.raises(ConflictError, match="may lose") as error:
            PostgresGallery(url)
        assert error.value.facts["setting"] == "fsync"
    finally:
        postgres.sql("ALTER SYSTEM RESET fsync")
        postgres.restart()


def test_an_older_server_is_refused(url, monkeypatch):
    monkeypatch.setattr(storage, "SERVER_LEAST", 990000)
    with pytest.raises(UnavailableError) as error:
        PostgresGallery(url)
    assert error.value.facts["needs"] == "PostgreSQL 99"


def test_a_server_that_comes_back_is_used_again(postgres, url):
    with closing(PostgresGallery(url)) as gallery:
        gallery.add(person("a"))
        postgres.restart()
        assert gallery.add(person("b", 2))
        people = iter(gallery)
        assert next(people) == person("a")
        assert postgres.cut(Server.name(url)) > 0
        assert next(people) == person("b", 2)
        stopped = threading.Thread(target=postgres.restart, args=(signal.SIGQUIT,))  # as after a crash
        stopped.start()
        for i in range(20):
            gallery.add(person(f"p{i}", i))
            time.sleep(0.02)
        stopped.join()
        assert len(gallery) == 22


def test_a_connection_lost_on_the_way_keeps_nothing_and_is_told_or_made_good(postgres, url, one_by_one):
    with closing(PostgresGallery(url)) as gallery:
        cuts = []

        def cutting() -> Iterator[EnrolledPerson]:
            yield person("a")
            cuts.append(postgres.cut(Server.name(url)))

        with pytest.raises(LostConnectionError, match="nothing was changed") as error:
            gallery.add_many(cutting())
        assert error.value.undone
        assert cuts == [1]
        assert list(gallery) == []

        class Cutting(list[EnrolledPerson]):
            def __iter__(self) -> Iterator[EnrolledPerson]:
                yield from super().__iter__()
                if len(cuts) == 1:
                    cuts.append(postgres.cut(Server.name(url)))

        assert gallery.add_many(Cutting([person("a"), person("b", 2)])) == 2
        assert len(cuts) == 2
        assert [entry.sequence for entry in gallery.entries()] == [1, 2]


def test_a_connection_lost_while_a_change_is_kept_is_not_called_undone(postgres, url):
    name = Server.name(url)
    with closing(PostgresGallery(url)) as gallery:
        gallery.add(person("a"))
        postgres.sql(
            "SET search_path = cccd_gallery;"
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END';"
            "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON withdrawal DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION slow()",
            name,
        )
        with ThreadPoolExecutor(1) as pool:
            removal = pool.submit(gallery.remove, "a", order="x")
            waiting = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event = 'PgSleep'"
            while postgres.sql(waiting) == "0":
                assert not removal.done()
            postgres.cut(name)
            error = removal.exception()
        assert isinstance(error, LostConnectionError)
        assert not error.undone
        assert error.facts["needs"]
        assert "a" in gallery  # as it happened this time


def test_who_writes_too_long_keeps_others_out_and_is_told_of(url, monkeypatch, one_by_one):
    monkeypatch.setattr(storage, "_LOCK_TIMEOUT_S", 1)
    with closing(PostgresGallery(url)) as gallery, closing(PostgresGallery(url)) as other:

        def people() -> Iterator[EnrolledPerson]:
            yield person("a")
            with pytest.raises(BusyError):
                other.add(person("b", 2))
            assert list(other) == []  # readers wait for nobody

        assert gallery.add_many(people()) == 1
        assert other.add(person("b", 2))


def test_threads_and_galleries_write_side_by_side(url):
    galleries = [PostgresGallery(url) for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        new = list(pool.map(lambda i: galleries[i % 3].add(person(f"p{i // 2}", i // 2)), range(60)))
        assert sum(new) == 30

        def withdraw(i: int) -> int:
            try:
                galleries[i % 3].remove(f"p{i // 2}", order=f"o{i}")
            except ConflictError:
                return 0
            return 1

        assert sum(pool.map(withdraw, range(40))) == 20
    assert {one.person_id for one in galleries[0]} == {f"p{i}" for i in range(20, 30)}
    assert [one.sequence for one in galleries[1].withdrawals()] == list(range(1, 21))
    for gallery in galleries:
        gallery.close()


_ADD = """
import random, sys, time
from support.known_fingers import person
from cccd_core.dedup import PostgresGallery
from cccd_core.dedup.gallery import sql
sql.ASKED_BLOCK = 1  # people are taken one by one, within the transaction
gallery, name = PostgresGallery(sys.argv[1]), sys.argv[2]
i = len([one for one in gallery if one.person_id.startswith(name)])
chance = random.Random(name)
while True:
    batch = [person(f"{name}{i + n}", i + n, (2,)) for n in range(chance.randint(1, 5))]
    def slowly():
        for one in batch:
            yield one
            time.sleep(chance.random() / 200)
    gallery.add_many(slowly())
    i += len(batch)
    print(i, flush=True)
"""


def test_a_reader_misses_nobody_though_writers_are_slow_and_killed(url):
    """Three processes write, and are killed at some moment; what was read as far as a number is all there ever is."""
    seen: list[tuple[int, str]] = []
    acknowledged: dict[str, int] = {}
    with closing(PostgresGallery(url)) as gallery:
        for turn in range(3):
            writers = {
                name: subprocess.Popen(
                    [sys.executable, "-c", _ADD, url, name], stdout=subprocess.PIPE, env=ENVIRONMENT, text=True
                )
                for name in ("a-", "b-", "c-")
            }
            for process in writers.values():
                assert process.stdout is not None
                process.stdout.readline()
            for _ in range(10 + turn):
                last = gallery.last_sequence()
                done = seen[-1][0] if seen else 0
                seen += [(entry.sequence, entry.person.person_id) for entry in gallery.entries(done, last)]
            for name, process in writers.items():
                process.send_signal(signal.SIGKILL)
                assert process.stdout is not None
                lines = process.stdout.read().splitlines(keepends=True)
                process.wait()
                process.stdout.close()
                acknowledged[name] = max([acknowledged.get(name, 0), *(int(x) for x in lines if x.endswith("\n"))])
        everyone = [(entry.sequence, entry.person.person_id) for entry in gallery.entries()]
        assert seen == everyone[: len(seen)]
        assert [number for number, _ in everyone] == list(range(1, len(everyone) + 1))
        for name, count in acknowledged.items():
            mine = [person_id for _, person_id in everyone if person_id.startswith(name)]
            assert mine == [f"{name}{i}" for i in range(len(mine))]
            assert len(mine) >= count


_CHANGE = """
import sys
from support.known_fingers import person
from cccd_core.dedup import PostgresGallery
gallery = PostgresGallery(sys.argv[1])
i = gallery.last_withdrawal() // 3
while True:
    for change in ("replaced", "renamed", "removed"):
        if change == "replaced":
            gallery.replace(person(f"p{i}", 5000 + i), order=f"o{i}")
        elif change == "renamed":
            gallery.rename(f"p{i}", f"q{i}", order=f"o{i}")
        else:
            gallery.remove(f"q{i}", order=f"o{i}")
        print(gallery.last_withdrawal(), flush=True)
    i += 1
"""


@pytest.mark.parametrize("victim", ["client", "server"])
def test_killed_at_any_moment_a_change_is_whole_or_was_not(postgres, url, victim):
    count = 60
    with closing(PostgresGallery(url)) as gallery:
        gallery.add_many([person(f"p{i}", 1000 + i) for i in range(count)])
    for turn in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", _CHANGE, url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT,
            text=True,
        )  # fmt: skip
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(3 + 2 * turn)]
        if victim == "server":
            postgres.restart(signal.SIGQUIT)
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        process.wait()
        process.stdout.close()
        postgres.settle(Server.name(url))
        with closing(PostgresGallery(url)) as gallery:
            done = gallery.last_withdrawal()
            assert done >= said[-1]
            expected = []
            for i in range(count):
                steps = min(3, max(0, done - 3 * i))
                if steps < 3:
                    name = f"q{i}" if steps == 2 else f"p{i}"
                    expected.append((i + 1, person(name, (5000 if steps else 1000) + i)))
            assert [(entry.sequence, entry.person) for entry in gallery.entries()] == expected
            while gallery.last_withdrawal() % 3:  # the next turn begins with whole people
                i, steps = divmod(gallery.last_withdrawal(), 3)
                if steps == 1:
                    gallery.rename(f"p{i}", f"q{i}", order=f"o{i}")
                else:
                    gallery.remove(f"q{i}", order=f"o{i}")


def test_a_fork_is_survived(url):
    gallery = PostgresGallery(url)
    gallery.add(person("a"))
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if list(gallery) == [person("a")] and gallery.add(person("b", 2)) else 1)
        except CccdError:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert len(gallery) == 2
    gallery.close()


def test_many_people_in_one_addition(url):
    with closing(PostgresGallery(url)) as gallery:
        people = [EnrolledPerson(f"p{i}", Tenprint({})) for i in range(2500)]
        assert gallery.add_many(people) == 2500
        assert gallery.add_many(people) == 0
        assert gallery.last_sequence() == 2500
