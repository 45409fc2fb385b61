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
from cccd_core.errors import BusyError, CccdError, ConflictError, DamagedError, FileError, ParameterError
from cccd_core.storage import sqlite
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
        ("PRAGMA user_version = 1",),  # which had fewer tables
        ("PRAGMA user_version = 2",),
        ("PRAGMA user_version = 3",),
        ("PRAGMA user_version = 5",),
        ("PRAGMA user_version = 0",),
        ("DROP TABLE withdrawal",),
        ("DROP TABLE withdrawal", "PRAGMA user_version = 1", "CREATE TABLE other (x)"),
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
        "DELETE FROM gallery",
        "INSERT INTO gallery VALUES ('0123456789abcdef0123456789abcdef')",
        "UPDATE gallery SET gallery_id = 'x'",
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


# The versions of the file, frozen: what was written once is read for ever.
VERSION_1 = (
    "CREATE TABLE person (sequence INTEGER PRIMARY KEY, person_id TEXT NOT NULL UNIQUE, sha256 BLOB NOT NULL)",
    "CREATE TABLE finger (sequence INTEGER NOT NULL REFERENCES person, place INTEGER NOT NULL, template BLOB NOT NULL,"
    " PRIMARY KEY (sequence, place))",
)
VERSION_2 = (
    *VERSION_1,
    "CREATE TABLE withdrawal (sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, person_id TEXT NOT NULL,"
    " ordered_by TEXT NOT NULL, time TEXT NOT NULL, fingers INTEGER NOT NULL, place INTEGER NOT NULL)",
    "CREATE INDEX withdrawn_place ON withdrawal (place)",
)
VERSION_3 = (
    *VERSION_2,
    "CREATE TABLE renaming (sequence INTEGER PRIMARY KEY REFERENCES withdrawal, new_id TEXT NOT NULL)",
    "CREATE TABLE gallery (gallery_id TEXT NOT NULL)",
    "INSERT INTO gallery VALUES ('0123456789abcdef0123456789abcdef')",
)

VERSION_4 = (
    *VERSION_3,
    "CREATE TABLE trace (sequence INTEGER PRIMARY KEY REFERENCES withdrawal, sha256 BLOB NOT NULL)",
)


def checksum(name: str, fingers: list[tuple[int, bytes]]) -> bytes:
    data = len(name.encode()).to_bytes(4, "big") + name.encode()
    for place, record in fingers:
        data += place.to_bytes(8, "big", signed=True) + len(record).to_bytes(4, "big") + record
    return hashlib.sha256(data).digest()


def write_version(version: int, path: Path, name: str, fingers: list[tuple[int, bytes]]) -> None:
    statements = {1: VERSION_1, 2: VERSION_2, 3: VERSION_3, 4: VERSION_4}[version]
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    for statement in (*statements, f"PRAGMA application_id = {0x43434744}", f"PRAGMA user_version = {version}"):
        connection.execute(statement)
    connection.execute("INSERT INTO person VALUES (1, ?, ?)", (name, checksum(name, fingers)))
    connection.executemany("INSERT INTO finger VALUES (1, ?, ?)", fingers)
    connection.commit()
    connection.close()


def records(one: EnrolledPerson) -> list[tuple[int, bytes]]:
    placed = [(position, write(template, "iso-2005")) for position, template in one.tenprint.items()]
    return placed + [(100 + i, write(template, "iso-2005")) for i, template in enumerate(one.unplaced)]


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_every_version_is_read_and_becomes_what_is_written_now(path, tmp_path, version):
    one = person("thẻ số 1", 1, (1, 2, 10), 2)
    theirs = tmp_path / "theirs.sqlite"
    write_version(version, theirs, one.person_id, records(one))
    opened = [GalleryStore(theirs), GalleryStore(theirs)]
    assert [list(each) for each in opened] == [[one], [one]]
    assert opened[0].gallery_id == opened[1].gallery_id
    for each in opened:
        each.close()
    gallery = GalleryStore(path)
    gallery.add(one)
    gallery.close()
    with closing(sqlite3.connect(path)) as connection:  # each draws its own
        connection.execute("UPDATE gallery SET gallery_id = ?", (opened[0].gallery_id,))
        connection.commit()
    dumps = []
    for file in (path, theirs):
        connection = sqlite3.connect(file)
        identity = [connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")]
        dumps.append((identity, list(connection.iterdump())))
        connection.close()
    assert dumps[0] == dumps[1]
    with closing(GalleryStore(theirs)) as again:
        again.remove(one.person_id, order="x")
        assert (len(again), len(list(again.withdrawals()))) == (0, 1)


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
    write_version(4, path, name, fingers)
    with pytest.raises(DamagedError) as error:
        list(GalleryStore(path))
    assert error.value.facts["path"] == str(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "gallery.sqlite"
    gallery = GalleryStore(path)
    gallery.add_many([person("a"), person("c", 3), person("b", 2, (1, 2, 3), 1)])
    gallery.remove("c", order="order 7")
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
            traced = list(gallery.withdrawals())
            gallery.removed()
            gallery.add(person("new", 9))
            gallery.remove("new", order="order 8")
    except CccdError:
        return
    assert len(traced) <= 1
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


def test_a_gallery_that_must_be_there_is_not_made(path):
    with pytest.raises(FileError) as error:
        GalleryStore(path, make=False)
    assert error.value.facts["path"] == str(path)
    assert not list(path.parent.iterdir())
    GalleryStore(path).add(person("a"))
    assert list(GalleryStore(path, make=False)) == [person("a")]


def telling(one: EnrolledPerson) -> list[bytes]:
    """What nobody else's templates hold: the minutiae of each finger, as the storage format writes them."""
    return [record[28:] for _, record in records(one)]


def found_in(folder: Path, sought: list[bytes]) -> int:
    """How many of these stand in a file of the folder."""
    files = [file.read_bytes() for file in folder.iterdir()]
    return sum(any(piece in data for data in files) for piece in sought)


@pytest.mark.parametrize("minutiae", [12, 250])  # the larger record goes over into further pages
def test_templates_that_were_taken_out_are_in_no_byte_of_the_files(path, minutiae):
    def big(name: str, identity: int) -> EnrolledPerson:
        fingers = {p: finger(identity * 16 + p, position=p, minutiae=minutiae) for p in (1, 2, 7)}
        return EnrolledPerson(name, Tenprint(fingers))

    gallery = GalleryStore(path)
    gallery.add_many(big(f"p{i}", 100 + i) for i in range(40))
    others = GalleryStore(path)  # whose connection keeps the log alive
    assert len(others) == 40
    gone, changed = telling(big("p7", 107)), telling(big("p8", 108))
    kept = telling(big("p9", 109))
    assert found_in(path.parent, [*gone, *changed, *kept]) == 9
    gallery.remove("p7", order="x")
    gallery.replace(big("p8", 900), order="x")
    assert found_in(path.parent, [*gone, *changed]) == 0
    assert found_in(path.parent, [*kept, *telling(big("p8", 900))]) == 6
    assert others.get("p9") == big("p9", 109)
    others.close()
    gallery.close()
    assert found_in(path.parent, [*gone, *changed]) == 0


def test_who_reads_on_keeps_the_log_and_is_told_of(path, monkeypatch):
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_MS", 50)
    gallery = GalleryStore(path)
    gallery.add_many([person("a", 3000), person("b", 2)])
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM person").fetchall()
    with pytest.raises(BusyError, match="not out of its log"):
        gallery.remove("a", order="x")
    assert ("a" in gallery, len(list(gallery.withdrawals()))) == (False, 1)  # out it is
    assert found_in(path.parent, telling(person("a", 3000))) == 2
    reader.execute("ROLLBACK")
    reader.close()
    gallery.remove("b", order="x")
    assert found_in(path.parent, telling(person("a", 3000))) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE withdrawal SET kind = 'lost'",
        "UPDATE withdrawal SET person_id = x'61'",
        "UPDATE withdrawal SET person_id = ''",
        "UPDATE withdrawal SET person_id = 'b'",
        "UPDATE withdrawal SET ordered_by = 'y'",
        "UPDATE withdrawal SET kind = 'replaced'",
        "UPDATE withdrawal SET time = '2026-11-01T05:00:01+00:00'",
        "UPDATE withdrawal SET fingers = 3",
        "UPDATE trace SET sha256 = x'00'",
        "DELETE FROM trace WHERE sequence = 2",
        "UPDATE renaming SET new_id = 'd'",
        "DELETE FROM renaming",
        "UPDATE withdrawal SET ordered_by = 'a' || char(10)",
        "UPDATE withdrawal SET time = 'now'",
        "UPDATE withdrawal SET time = '2026-11-01T05:00:00'",
        "UPDATE withdrawal SET time = '2026-11-01T05:00:00+07:00'",
        "UPDATE withdrawal SET fingers = 11",
        "UPDATE withdrawal SET fingers = 'two'",
        "UPDATE withdrawal SET sequence = -1 WHERE sequence = 2",
        "UPDATE withdrawal SET sequence = 9223372036854775807 WHERE sequence = 3",
    ],
)
def test_a_trace_that_was_changed_is_found_out(path, statement):
    gallery = GalleryStore(path)
    gallery.add_many([person("a"), person("b", 2)])
    gallery.remove("a", order="x")
    gallery.rename("b", "c", order="y")
    gallery.rename("c", "b", order="z")
    assert [one.new_id for one in gallery.withdrawals()] == [None, "c", "b"]
    _spoil(path, statement)
    with pytest.raises(DamagedError):
        list(gallery.withdrawals())


def test_a_trace_of_an_earlier_version_has_its_checksums_once_it_is_opened(path):
    write_version(3, path, "a", records(person("a")))
    with closing(sqlite3.connect(path)) as connection:
        for number in range(1, 1200):
            row = (number, "removed", f"p{number}", "x", "2026-11-01T05:00:00+00:00", 2, 1 + number)
            connection.execute("INSERT INTO withdrawal VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        connection.commit()
    for _ in range(2):
        with closing(GalleryStore(path)) as gallery:
            assert [one.person_id for one in gallery.withdrawals()] == [f"p{number}" for number in range(1, 1200)]
    with closing(GalleryStore(path)) as gallery:
        assert gallery.remove("a", order="x").sequence == 1200
    _spoil(path, "UPDATE withdrawal SET ordered_by = 'y' WHERE sequence = 700")
    with closing(GalleryStore(path)) as gallery, pytest.raises(DamagedError) as error:
        list(gallery.withdrawals())
    assert error.value.facts["sequence"] == 700


@pytest.mark.parametrize("place", ["'last'", "-1", "9223372036854775807", "x'00'"])
def test_a_count_that_was_changed_enrols_nobody(path, place):
    gallery = GalleryStore(path)
    gallery.add_many([person("a"), person("b", 2)])
    gallery.remove("b", order="x")
    _spoil(path, f"UPDATE withdrawal SET place = {place}")
    with pytest.raises(DamagedError):
        gallery.add(person("c", 3))
    assert list(gallery) == [person("a")]


def test_threads_and_stores_take_out_side_by_side(path):
    stores = [GalleryStore(path) for _ in range(3)]
    stores[0].add_many(person(f"p{i}", i) for i in range(30))

    def withdraw(i: int) -> int:
        try:
            stores[i % 3].remove(f"p{i // 2}", order=f"o{i}")
        except ConflictError:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(withdraw, range(40))) == 20
    assert [one.person_id for one in stores[0]] == [f"p{i}" for i in range(20, 30)]
    assert [one.sequence for one in stores[0].withdrawals()] == list(range(1, 21))
    assert stores[1].removed() == {f"p{i}" for i in range(20)}


_CHANGE_FOREVER = """
import sys
from support.known_fingers import person
from cccd_core.dedup import GalleryStore
gallery = GalleryStore(sys.argv[1])
i = len(list(gallery.withdrawals())) // 2
while True:
    gallery.replace(person(f"p{i}", 5000 + i), order=f"o{i}")
    print(f"replaced {i}", flush=True)
    gallery.remove(f"p{i}", order=f"o{i}")
    print(f"removed {i}", flush=True)
    i += 1
"""


def test_killed_at_any_moment_a_withdrawal_is_whole_or_was_not(path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    count = 60
    GalleryStore(path).add_many(person(f"p{i}", 1000 + i) for i in range(count))
    for turn in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", _CHANGE_FOREVER, str(path)], stdout=subprocess.PIPE, env=environment, text=True
        )
        said = [process.stdout.readline().split() for _ in range(3 + 4 * turn)]
        process.send_signal(signal.SIGKILL)
        said += [line.split() for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        process.wait()
        process.stdout.close()
        with closing(GalleryStore(path)) as gallery:
            done = [(str(one.kind), one.person_id) for one in gallery.withdrawals()]
            assert {(kind, f"p{i}") for kind, i in said} <= set(done)
            out = {name for kind, name in done if kind == "removed"}
            changed = {name for kind, name in done if kind == "replaced"} - out
            assert list(gallery) == [
                person(f"p{i}", 5000 + i if f"p{i}" in changed else 1000 + i) for i in range(count)
                if f"p{i}" not in out
            ]  # fmt: skip
        sought = [piece for name in out for piece in telling(person(name, 1000 + int(name[1:])))]
        assert found_in(path.parent, sought) == 0
        if done and len(done) % 2:  # a run begins with whole people
            GalleryStore(path).remove(done[-1][1], order="x")
