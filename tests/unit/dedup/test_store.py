"""The gallery on disk: round trips, idempotence, and files that are not what they claim."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cccd_core.dedup import EnrolledPerson, GalleryStore, MemoryGallery, store
from cccd_core.errors import CccdError, FileError, ParameterError, StateError
from cccd_core.templates import Tenprint
from support.known_fingers import finger


def person(name: str, identity: int = 1, positions=(2, 7), loose: int = 0) -> EnrolledPerson:
    placed = {p: finger(identity * 16 + p, position=p) for p in positions}
    return EnrolledPerson(name, Tenprint(placed), tuple(finger(identity * 16 + 11 + i) for i in range(loose)))


MAGIC = b"SQLite format 3\x00"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "gallery.sqlite"


@pytest.fixture(params=["memory", "disk"])
def gallery(request, path):
    return MemoryGallery() if request.param == "memory" else GalleryStore(path)


def test_what_goes_in_comes_out(gallery):
    people = [
        person("b", 1),
        person("a", 2, ()),
        person("c", 3, (1, 10), 2),
        person("thẻ số 4", 4, tuple(range(1, 11))),
    ]
    assert [gallery.add(one) for one in people] == [True] * 4
    assert list(gallery) == people  # the order of enrolment
    assert len(gallery) == 4
    for one in people:
        assert one.person_id in gallery
        assert gallery.get(one.person_id) == one
    assert "d" not in gallery
    assert 7 not in gallery
    with pytest.raises(StateError):
        gallery.get("d")


def test_adding_again_is_nothing_and_other_templates_are_refused(gallery):
    assert gallery.add(person("a"))
    assert not gallery.add(person("a"))
    for other in (person("a", 2), person("a", 1, (2,)), person("a", 1, (2, 8)), person("a", 1, (2, 7), 1)):
        with pytest.raises(StateError) as error:
            gallery.add(other)
        assert error.value.facts == {}  # an identifier may be a personal number
    assert list(gallery) == [person("a")]


def test_iteration_sees_those_who_were_there(gallery, monkeypatch):
    monkeypatch.setattr(store, "READ_BLOCK", 4)
    for i in range(11):
        gallery.add(person(f"p{i}", i))
    seen = []
    for one in gallery:
        seen.append(one.person_id)
        gallery.add(person(f"later-{len(seen)}", 50 + len(seen)))
    assert seen == [f"p{i}" for i in range(11)]
    assert len(gallery) == 22


def test_all_or_nobody(path):
    gallery = GalleryStore(path)
    gallery.add(person("c", 3))
    with pytest.raises(StateError):
        gallery.add_many([person("a"), person("b"), person("c", 4)])
    assert [one.person_id for one in gallery] == ["c"]
    assert gallery.add_many([person("a"), person("c", 3), person("b")]) == 2
    assert [one.person_id for one in gallery] == ["c", "a", "b"]
    with pytest.raises(ParameterError):
        gallery.add(EnrolledPerson("d", Tenprint({1: finger(1, minutiae=300)})))
    assert "d" not in gallery


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
    with pytest.raises(StateError):
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
    with pytest.raises((StateError, FileError)):
        GalleryStore(path)


def test_another_programs_database_is_left_alone(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StateError):
        GalleryStore(path)
    assert path.read_bytes() == before


def test_places_that_cannot_be_written(tmp_path):
    for place in (tmp_path, tmp_path / "none" / "gallery.sqlite"):
        with pytest.raises(FileError) as error:
            GalleryStore(place)
        assert error.value.facts["path"] == str(place)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "gallery.sqlite"
    gallery = GalleryStore(path)
    gallery.add_many([person("a"), person("b", 2, (1, 2, 3), 1)])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
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
        people = list(GalleryStore(path))
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
