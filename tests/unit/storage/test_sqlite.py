"""SQLite files of a kind: guards when opening, transactions, errors by what they mean."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cccd_core.errors import BusyError, CccdError, ConflictError, DamagedError, DiskFullError, FileError
from cccd_core.storage import sqlite
from cccd_core.storage.lock import exclusive
from cccd_core.storage.sqlite import SqliteFile, SqliteKind

KIND = SqliteKind(
    "list of things",
    0x54484947,
    2,
    (
        "CREATE TABLE thing (name TEXT PRIMARY KEY, amount INTEGER NOT NULL)",
        "CREATE UNIQUE INDEX one_large ON thing (amount) WHERE amount > 5",
    ),
    value_bytes_max=4096,
)


def put(file: SqliteFile, name: str, amount: int) -> None:
    with file.write() as connection:
        connection.exec_driver_sql("INSERT INTO thing VALUES (?, ?)", (name, amount))


def names(file: SqliteFile) -> list[str]:
    with file.read() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT name FROM thing ORDER BY name")]


@pytest.fixture
def file(tmp_path: Path) -> SqliteFile:
    return SqliteFile(tmp_path / "things.sqlite", KIND)


def test_every_file_of_it_is_its_owners_alone(tmp_path: Path, file: SqliteFile) -> None:
    put(file, "a", 1)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 3  # the file, its log and the log's index
    file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["things.sqlite"]
    assert names(file) == ["a"]


def test_a_transaction_is_all_or_nothing(file: SqliteFile) -> None:
    def mistaken() -> None:
        with file.write() as connection:
            connection.exec_driver_sql("INSERT INTO thing VALUES ('a', 1)")
            raise RuntimeError("a mistake of the program")

    with pytest.raises(RuntimeError):
        mistaken()
    assert names(file) == []


def test_readers_see_one_state_and_lock_nobody_out(file: SqliteFile) -> None:
    put(file, "a", 1)
    with file.read() as first, file.read() as second:
        assert first.exec_driver_sql("SELECT count(*) FROM thing").scalar() == 1
        put(file, "b", 2)  # neither waits for the readers
        assert first.exec_driver_sql("SELECT count(*) FROM thing").scalar() == 1
        assert second.exec_driver_sql("SELECT count(*) FROM thing").scalar() == 2
    assert names(file) == ["a", "b"]


def test_a_broken_rule_is_a_conflict_that_names_no_value(file: SqliteFile) -> None:
    put(file, "secret name", 7)
    with pytest.raises(ConflictError) as caught:
        put(file, "other", 7)
    assert "secret" not in str(caught.value.as_dict())
    assert caught.value.facts["rule"] == "thing.amount"
    with pytest.raises(ConflictError):
        put(file, "secret name", 1)


def test_a_writer_that_does_not_end_is_a_busy_file(file: SqliteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.close()
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_MS", 50)
    with file.write() as connection:
        connection.exec_driver_sql("INSERT INTO thing VALUES ('a', 1)")
        with pytest.raises(BusyError):
            put(file, "b", 2)
    assert names(file) == ["a"]


def test_values_are_bounded(file: SqliteFile) -> None:
    with pytest.raises(DamagedError):
        put(file, "x" * 5000, 1)
    assert names(file) == []


def test_text_that_is_no_text_is_damage_and_is_not_shown(file: SqliteFile) -> None:
    with file.write() as connection:
        connection.exec_driver_sql("INSERT INTO thing VALUES (CAST(x'736563726574ff' AS TEXT), 1)")
    with pytest.raises(DamagedError) as caught:
        names(file)
    assert "secret" not in str(caught.value.as_dict())


def test_a_schema_whose_names_are_no_text_is_damage(tmp_path: Path, file: SqliteFile) -> None:
    file.close()
    with sqlite3.connect(tmp_path / "things.sqlite") as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET name = CAST(x'95ff' AS TEXT), sql = 'CREATE TABLE (' WHERE rowid = 1"
        )
    connection.close()
    with pytest.raises(DamagedError, match="no sound list of things"):
        SqliteFile(tmp_path / "things.sqlite", KIND)


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("PRAGMA application_id = 1", "is no list of things"),
        ("PRAGMA user_version = 3", "another schema version"),
        ("CREATE TABLE more (x)", "schema is not the one"),
        ("DROP INDEX one_large", "schema is not the one"),
        ("CREATE TRIGGER t AFTER INSERT ON thing BEGIN DELETE FROM thing; END", "schema is not the one"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, file: SqliteFile, statement: str, match: str) -> None:
    file.close()
    with sqlite3.connect(tmp_path / "things.sqlite") as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(DamagedError, match=match):
        SqliteFile(tmp_path / "things.sqlite", KIND)


@pytest.mark.parametrize("data", [b"hi", b"x" * 511, b"not a database " * 100, b"SQLite format 3\0" + bytes(496)])
def test_bytes_that_are_no_database_are_refused_and_kept(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "things.sqlite"
    path.write_bytes(data)
    with pytest.raises(DamagedError):
        SqliteFile(path, KIND)
    assert path.read_bytes() == data


def test_pipes_folders_and_missing_folders(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", DamagedError), (tmp_path, DamagedError), (tmp_path / "a" / "b", FileError)):
        with pytest.raises(kind):
            SqliteFile(path, KIND)


def test_two_who_make_it_at_once_make_one(tmp_path: Path) -> None:
    trouble: list[CccdError] = []

    def work(name: str) -> None:
        try:
            put(SqliteFile(tmp_path / "things.sqlite", KIND), name, 1)
        except CccdError as error:
            trouble.append(error)

    threads = [threading.Thread(target=work, args=(f"n{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not trouble
    assert names(SqliteFile(tmp_path / "things.sqlite", KIND)) == sorted(f"n{i}" for i in range(8))


def test_it_survives_a_fork(file: SqliteFile) -> None:
    put(file, "parent", 1)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            put(file, "child", 2)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names(file) == ["child", "parent"]


def test_a_full_disk_is_named_as_such(tmp_path: Path) -> None:
    """On a real file system of 256 kB; SQLite says "full" or "I/O error", whichever part of it met the end."""
    if os.getuid() != 0:
        pytest.skip("only root mounts a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        file = SqliteFile(folder / "things.sqlite", KIND)
        kept = 0

        def fill() -> None:
            nonlocal kept
            while True:
                put(file, f"{kept:05}" + "x" * 3000, 1)
                kept += 1

        with pytest.raises(DiskFullError):
            fill()
        assert kept > 5
        with file.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM thing").scalar() == kept
        file.close()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


KILLED = """
import sys
from pathlib import Path
from cccd_core.storage.sqlite import SqliteFile
sys.path.insert(0, {tests!r})
from unit.storage.test_sqlite import KIND, put
file = SqliteFile(Path({path!r}), KIND)
for number in range(100_000):
    put(file, str(number), 1)
    print(number, flush=True)
"""


def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    code = KILLED.format(tests=str(Path(__file__).parents[2]), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(20)]
        process.kill()
        acknowledged += process.stdout.readlines()
    said = {int(line) for line in acknowledged if line.endswith("\n")}
    found = {int(name) for name in names(SqliteFile(path, KIND))}
    assert said <= found <= said | {max(said) + 1}


def test_a_lock_is_one_processs(tmp_path: Path) -> None:
    lock = tmp_path / "a" / "lock"
    with exclusive(lock, "thing"), pytest.raises(BusyError, match="using the thing"), exclusive(lock, "thing"):
        pass
    with exclusive(lock, "thing"):
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileError), exclusive(lock, "thing"):
        time.sleep(0)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be opened"):
        SqliteFile(tmp_path / "things.sqlite", KIND, make=False)
    assert not list(tmp_path.iterdir())


def test_an_earlier_version_is_given_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    first = replace(KIND, version=1, schema=KIND.schema[:1])
    put(SqliteFile(path, first), "a", 1)
    with pytest.raises(DamagedError, match="another schema version"):
        SqliteFile(path, KIND)  # which does not say that it reads it
    grown = replace(KIND, earlier={1: 1})
    opened = [SqliteFile(path, grown) for _ in range(2)]
    assert [names(one) for one in opened] == [["a"], ["a"]]
    put(opened[0], "b", 9)
    with pytest.raises(ConflictError):
        put(opened[1], "c", 9)  # by a rule that the earlier version had not
    with pytest.raises(DamagedError, match="another schema version"):
        SqliteFile(path, replace(first, earlier={}))


def test_an_earlier_version_that_is_not_sound_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    put(SqliteFile(path, replace(KIND, version=1, schema=(*KIND.schema[:1], "CREATE TABLE other (x)"))), "a", 1)
    with pytest.raises(DamagedError):
        SqliteFile(path, replace(KIND, earlier={1: 1}))
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


def test_what_was_deleted_is_in_no_byte_once_it_is_erased(tmp_path: Path, file: SqliteFile) -> None:
    def held() -> bool:
        return any(b"a secret thing" in path.read_bytes() for path in tmp_path.iterdir())

    put(file, "a secret thing", 1)
    assert held()
    with file.write() as connection:
        connection.exec_driver_sql("DELETE FROM thing")
    assert held()  # in the log
    file.erase()
    assert not held()
    put(file, "b", 1)
    assert names(file) == ["b"]
