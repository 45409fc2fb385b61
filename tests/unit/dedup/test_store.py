"""The gallery on disk: what it survives, and files that are not what they claim."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cccd_core.dedup import EnrolledPerson, GalleryStore
from cccd_core.errors import CccdError, DamagedError, FileError, ParameterError
from cccd_core.templates import Tenprint, write
from support.known_fingers import finger, person

MAGIC = b"SQLite format 3\x00"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "gallery.sqlite"


def test_what_the_format_cannot_hold_is_refused(path):
    gallery = GalleryStore(path)
    with pytest.raises(ParameterError):
        gallery.add_many([person("a"), EnrolledPerson("d", Tenprint({1: finger(1, minutiae=300)}))])
    assert len(gallery) == 0


def test_it_is_there_after_opening_again(path):
    GalleryStore(path).add(person("a"))
    assert list(GalleryStore(path)) == [person("a")]


def test_threads_and_stores_add_side_by_side(path):
    stores = [GalleryStore(path) for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        new = list(pool.map(lambda i: stores[i % 3].add(person(f"p{i // 2}", i // 2)), range(60)))
    assert sum(new) == 30
    assert {one.person_id for one in stores[0]} == {f"p{i}" for i in range(30)}


def _spoil(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "statements",
    [
        ("PRAGMA application_id = 1",),
        ("PRAGMA user_version = 2",),
        ("PRAGMA user_version = 0",),
        ("CREATE TABLE other (x)",),
        ("CREATE TRIGGER t AFTER INSERT ON person BEGIN DELETE FROM finger; END",),
        ("CREATE VIEW v AS SELECT load_extension('x')",),
        ("DROP TABLE finger",),
        ("DROP TABLE finger", "CREATE VIEW finger AS SELECT 1 AS sequence, 2 AS place, randomblob(9) AS template"),
    ],
)
def test_another_schema_is_refused_at_once(path, statements):
    GalleryStore(path).add(person("a"))
    _spoil(path, *statements)
    with pytest.raises(DamagedError):
        GalleryStore(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE finger SET template = x'00' WHERE place = 2",
        "UPDATE finger SET template = 'text'",
        "UPDATE finger SET template = zeroblob(1000000)",
        "UPDATE finger SET place = 3 WHERE place = 2",
        "UPDATE finger SET place = 'two' WHERE place = 2",
        "UPDATE finger SET place = 9.5 WHERE place = 2",
        "UPDATE finger SET sequence = 9",
        "DELETE FROM finger WHERE place = 2",
        "DELETE FROM finger",
        "UPDATE person SET person_id = 'b'",
        "UPDATE person SET person_id = x'62'",
        "UPDATE person SET person_id = CAST(x'ff62' AS TEXT)",
        "UPDATE person SET sha256 = x'00'",
        "UPDATE person SET sha256 = 5",
        "INSERT INTO finger SELECT 1, 200 + value, x'00' FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL"
        " SELECT value + 1 FROM n LIMIT 5000) SELECT value FROM n)",
    ],
)
def test_rows_that_were_changed_are_found_out(path, statement):
    gallery = GalleryStore(path)
    gallery.add(person("a"))
    _spoil(path, statement)
    with pytest.raises(CccdError):
        list(GalleryStore(path))


@pytest.mark.parametrize("content", [b"x", MAGIC, MAGIC + bytes(5000), b"\x00" * 4096])
def test_what_is_no_database_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        GalleryStore(path)


def test_another_programs_database_is_left_alone(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DamagedError):
        GalleryStore(path)
    assert path.read_bytes() == before


def test_places_that_cannot_be_written(tmp_path):
    for place, kind in ((tmp_path, DamagedError), (tmp_path / "none" / "gallery.sqlite", FileError)):
        with pytest.raises(kind) as error:
            GalleryStore(place)
        assert error.value.facts["path"] == str(place)


def test_the_file_is_its_owners_alone_and_whole_once_closed(path):
    gallery = GalleryStore(path)
    gallery.add(person("a"))
    assert {one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {0o600}
    gallery.close()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert list(gallery) == [person("a")]  # it can be used again


# Version 1 of the file, frozen: what was written once is read for ever.
VERSION_1 = (
    "CREATE TABLE person (sequence INTEGER PRIMARY KEY, person_id TEXT NOT NULL UNIQUE, sha256 BLOB NOT NULL)",
    "CREATE TABLE finger (sequence INTEGER NOT NULL REFERENCES person, place INTEGER NOT NULL, template BLOB NOT NULL,"
    " PRIMARY KEY (sequence, place))",
)


def checksum(name: str, fingers: list[tuple[int, bytes]]) -> bytes:
    data = len(name.encode()).to_bytes(4, "big") + name.encode()
    for place, record in fingers:
        data += place.to_bytes(8, "big", signed=True) + len(record).to_bytes(4, "big") + record
    return hashlib.sha256(data).digest()


def write_version_1(path: Path, name: str, fingers: list[tuple[int, bytes]]) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    for statement in (*VERSION_1, f"PRAGMA application_id = {0x43434744}", "PRAGMA user_version = 1"):
        connection.execute(statement)
    connection.execute("INSERT INTO person VALUES (1, ?, ?)", (name, checksum(name, fingers)))
    connection.executemany("INSERT INTO finger VALUES (1, ?, ?)", fingers)
    connection.commit()
    connection.close()


def records(one: EnrolledPerson) -> list[tuple[int, bytes]]:
    placed = [(position, write(template, "iso-2005")) for position, template in one.tenprint.items()]
    return placed + [(100 + i, write(template, "iso-2005")) for i, template in enumerate(one.unplaced)]


def test_version_1_is_read_and_written_as_it_always_was(path, tmp_path):
    one = person("thẻ số 1", 1, (1, 2, 10), 2)
    write_version_1(tmp_path / "theirs.sqlite", one.person_id, records(one))
    assert list(GalleryStore(tmp_path / "theirs.sqlite")) == [one]
    gallery = GalleryStore(path)
    gallery.add(one)
    gallery.close()
    dumps = []
    for file in (path, tmp_path / "theirs.sqlite"):
        connection = sqlite3.connect(file)
        identity = [connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")]
        dumps.append((identity, list(connection.iterdump())))
        connection.close()
    assert dumps[0] == dumps[1]


@pytest.mark.parametrize(
    ("name", "fingers"),
    [
        ("a\n", []),
        ("x" * 65, []),
        ("a", [(2, b"FMR")]),
        ("a", [(11, write(finger(1), "iso-2005"))]),
        ("a", [(101, write(finger(1), "iso-2005"))]),
        ("a", [(-1, write(finger(1), "iso-2005"))]),
        ("a", [(place, write(finger(1), "iso-2005")) for place in (*range(1, 11), 100)]),
    ],
)
def test_what_was_never_written_here_is_damage_though_its_checksum_is_right(path, name, fingers):
    write_version_1(path, name, fingers)
    with pytest.raises(DamagedError) as error:
        list(GalleryStore(path))
    assert error.value.facts["path"] == str(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "gallery.sqlite"
    gallery = GalleryStore(path)
    gallery.add_many([person("a"), person("b", 2, (1, 2, 3), 1)])
    gallery.close()
    return path.read_bytes()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_damage_is_found_out_or_does_no_harm(sound, tmp_path, data):
    spoilt = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del spoilt[data.draw(st.integers(0, len(spoilt))) :]
    path = tmp_path / "spoilt.sqlite"
    for leftover in tmp_path.glob("spoilt*"):
        leftover.unlink()
    path.write_bytes(spoilt)
    try:
        with closing(GalleryStore(path)) as gallery:
            people = list(gallery)
    except CccdError:
        return
    assert all(one in (person("a"), person("b", 2, (1, 2, 3), 1)) for one in people)


_ADD_FOREVER = """
import sys
from support.known_fingers import finger
from cccd_core.dedup import EnrolledPerson, GalleryStore
from cccd_core.templates import Tenprint
gallery = GalleryStore(sys.argv[1])
i = len(gallery)
while True:
    fingers = {place: finger(i * 16 + place, position=place) for place in (2, 7)}
    gallery.add(EnrolledPerson(f"p{i}", Tenprint(fingers)))
    print(i, flush=True)
    i += 1
"""


def test_killed_at_any_moment_it_keeps_what_it_acknowledged(path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    acknowledged = -1
    for turn in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _ADD_FOREVER, str(path)], stdout=subprocess.PIPE, env=environment, text=True
        )
        for _ in range(3 + 4 * turn):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.stdout.close()
        process.wait()
        acknowledged = int(rest[-1]) if rest else acknowledged
        people = list(GalleryStore(path))
        assert people == [person(f"p{i}", i) for i in range(len(people))]
        assert acknowledged + 1 <= len(people) <= acknowledged + 2


def test_a_full_disk_is_an_error_and_loses_nothing(path):
    script = textwrap.dedent(
        """
        import resource, signal, sys
        from support.known_fingers import finger
        from cccd_core.dedup import EnrolledPerson, GalleryStore
        from cccd_core.errors import FileError
        from cccd_core.templates import Tenprint
        gallery = GalleryStore(sys.argv[1])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))
        for i in range(10_000):
            try:
                gallery.add(EnrolledPerson(f"p{i}", Tenprint({2: finger(i * 16 + 2, position=2)})))
            except FileError as error:
                assert "p" + str(i) not in str(error)
                print(i)
                break
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    stopped_at = int(done.stdout)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 120_000
    assert stopped_at > 3
    gallery = GalleryStore(path)
    assert list(gallery) == [person(f"p{i}", i, (2,)) for i in range(stopped_at)]
    assert gallery.add(person("after", 900))


def test_no_personal_data_in_errors(path):
    gallery = GalleryStore(path)
    gallery.add(person("079200123456"))
    _spoil(path, "UPDATE finger SET template = x'464d5200' WHERE place = 2")
    with pytest.raises(CccdError) as error:
        gallery.get("079200123456")
    assert "079200123456" not in str(error.value)
