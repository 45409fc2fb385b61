"""Acts that are told: before they are done and behind, by several at a time, to the trail that a folder demands."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from cccd_core.errors import ConflictError, DamagedError, DiskFullError, FileError, ParameterError
from cccd_core.issuance.audit import acts, places
from cccd_core.issuance.audit.chain import Recorded
from cccd_core.issuance.audit.entry import Actor, Entry, Kind, Role
from cccd_core.issuance.audit.stores import FileStore
from cccd_core.issuance.audit.trail import Trail, read
from cccd_core.issuance.audit.verify import verify
from cccd_core.storage.database import LostConnectionError
from support import trails

CLERK = Actor("desk-1", Role.OPERATOR)
PROBE = "sha256:" + "5a" * 32
processes = multiprocessing.get_context("fork")


def removal(person: str = "P1") -> Entry:
    return Entry(Kind.CORRECTION, "removed", CLERK, person=person, order="CV 1/2026")


def told(where: Path | str) -> list[Recorded]:
    with places.looked_at(str(where)) as reader:
        assert verify(reader).sound
        return list(read(reader))


# -- an act and its entry


def test_an_act_is_told_before_it_is_done_and_behind(where: Path | str) -> None:
    with places.opened(str(where)) as store:
        trail = Trail(store)
        with acts.recorded(trail, removal()):
            assert [one.entry for one in read(store)] == [removal()]
        acts.tell(trail, [Entry(Kind.SEARCH, "search", CLERK, person=PROBE, count=3)])
    found = told(where)
    assert [(one.number, one.entry.what, one.entry.of, one.entry.person) for one in found] == [
        (1, "removed", None, "P1"), (2, "done", 1, "P1"), (3, "search", None, PROBE),
    ]  # fmt: skip
    assert found[2].as_dict()["count"] == 3


@pytest.mark.parametrize(
    ("error", "kind"), [(ConflictError("no"), "conflict"), (KeyboardInterrupt(), "KeyboardInterrupt")]
)
def test_an_act_that_fails_is_told_so(tmp_path: Path, error: BaseException, kind: str) -> None:
    trail = Trail(FileStore(tmp_path / "acts.jsonl"))
    with pytest.raises(type(error)), acts.recorded(trail, removal("P1"), removal("P2")):
        raise error
    last = told(tmp_path / "acts.jsonl")[-1].entry
    assert (last.what, last.reason, last.of, last.count) == ("failed", kind, 1, 2)


def test_what_cannot_be_told_is_not_done(tmp_path: Path) -> None:
    trail = Trail(FileStore(tmp_path / "no such folder" / "acts.jsonl"))
    done = []
    with pytest.raises(FileError), acts.recorded(trail, removal()):
        done.append(True)
    assert done == []


def test_killed_between_the_entry_and_the_act_what_was_begun_is_told(tmp_path: Path) -> None:
    path = tmp_path / "acts.jsonl"

    def work() -> None:
        with acts.recorded(Trail(FileStore(path)), removal()):
            os.kill(os.getpid(), signal.SIGKILL)

    child = processes.Process(target=work)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert [one.entry.what for one in told(path)] == ["removed"]
    with acts.recorded(Trail(FileStore(path)), removal()):
        pass
    assert [one.entry.of for one in told(path)] == [None, None, 2]


def test_without_a_trail_an_act_is_done() -> None:
    with acts.recorded(None, removal()):
        pass
    acts.tell(None, [removal()])


@pytest.mark.parametrize("wrong", [{"count": -1}, {"of": -5}, {"person": "a\nb"}, {"person": "x" * 129}])
def test_a_person_is_printable_and_a_number_is_one(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError) as caught:
        Entry(Kind.SEARCH, "search", **wrong)  # type: ignore[arg-type]  # as the test says
    assert caught.value.facts["field"] in wrong


# -- several at a time


def test_processes_that_write_at_a_time_write_one_chain(where: Path | str) -> None:
    with places.opened(str(where)):
        pass

    def work(name: str) -> None:
        with places.opened(str(where)) as store:
            trail = Trail(store)
            for number in range(12):
                with acts.recorded(trail, removal(f"{name}-{number}")):
                    pass

    children = [processes.Process(target=work, args=(name,)) for name in ("a", "b", "c")]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    found = told(where)
    assert len(found) == 3 * 12 * 2
    begun = {one.number: one.entry.person for one in found if one.entry.of is None}
    assert all(begun[one.entry.of] == one.entry.person for one in found if one.entry.of is not None)


def test_an_end_that_was_torn_by_another_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "acts.jsonl"
    trail = Trail(FileStore(path))
    trail.append([removal()])
    with path.open("ab") as file:
        file.write(b'{"actor":"desk-1","at":"20')
    assert trail.append([removal("P2")]) == range(2, 3)
    assert [one.entry.person for one in told(path)] == ["P1", "P2"]


def test_a_trail_that_is_less_than_was_seen_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "acts.jsonl"
    trail = Trail(FileStore(path))
    trail.append([removal(), removal("P2")])
    lines = path.read_bytes().splitlines(keepends=True)
    for less in (lines[:2], [], [lines[0], lines[1].replace(b"P1", b"P9"), lines[2].replace(b"P2", b"P9")]):
        path.write_bytes(b"".join(less))
        with pytest.raises(DamagedError):
            trail.append([removal("P3")])
    path.write_bytes(b"".join(lines))
    trail.append([removal("P3")])


def test_a_full_disk_is_said_before_the_act(tmp_path: Path) -> None:
    class Full(trails.MemoryStore):
        def append(self, lines: object) -> None:
            raise DiskFullError("full", path="x", lines=str(type(lines)))

    with pytest.raises(DiskFullError), acts.recorded(Trail(Full()), removal()):
        raise AssertionError


@pytest.mark.parametrize(("kept", "undone"), [(True, False), (False, False), (False, True)])
def test_a_database_that_was_lost_is_told_once(kept: bool, undone: bool) -> None:
    class Lost(trails.MemoryStore):
        lost = False

        def append(self, lines: object) -> None:
            if not self.lost:
                self.lost = True
                if kept:
                    super().append(lines)  # type: ignore[arg-type]  # as Trail gives them
                raise LostConnectionError("lost", undone=undone)
            super().append(lines)  # type: ignore[arg-type]  # as above

    store = Lost()
    assert Trail(store).append([removal()]) == range(1, 2)
    assert [one.number for one in read(store)] == [1]


# -- blocks of what many wrote


def test_a_key_signs_later_for_what_others_told(where: Path | str) -> None:
    with places.opened(str(where)) as store:
        Trail(store).append(map(trails.entry, range(1, 8)))
        signing = Trail(store, signer=trails.signer)
        assert signing.seal() is not None
        Trail(store).append([trails.entry(8)])
        statement = signing.seal()
        assert statement is not None
        assert (statement.block, statement.since, statement.entries) == (2, 7, 8)
        found = verify(store, keys=[trails.key()], anchors=[statement])
        assert (found.findings, found.signed, found.anchored, found.blocks) == ((), 8, 8, 2)


def test_more_entries_than_a_block_has_are_signed_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("trail", "proven"):
        monkeypatch.setattr(f"cccd_core.issuance.audit.{module}.BLOCK_ENTRIES_MOST", 4)
    for count in (3, 4, 5, 8, 11):
        store = trails.MemoryStore()
        Trail(store).append(map(trails.entry, range(1, count + 1)))
        signing = Trail(store, signer=trails.signer)
        signing.seal()
        signing.append([trails.entry(99)])
        signing.seal()
        found = verify(store, keys=[trails.key()])
        assert (found.findings, found.signed, found.blocks) == ((), count + 1, -(-count // 4) + 1), count
        for row in range(1, count + 1):
            lines = [*store.kept]
            lines[row] = lines[row].replace(b'"verified"', b'"rejected"')
            wrong = verify(b"".join(line + b"\n" for line in lines), keys=[trails.key()])
            assert wrong.findings[0].number == row, (count, row, wrong.findings)


def test_the_end_is_not_sealed_where_it_was_altered(tmp_path: Path) -> None:
    path = tmp_path / "acts.jsonl"
    Trail(FileStore(path)).append(map(trails.entry, range(1, 5)))
    path.write_bytes(path.read_bytes().replace(b"D00002", b"D00009"))
    with pytest.raises(DamagedError):
        Trail(FileStore(path), signer=trails.signer).seal()


# -- in constant memory


def test_nothing_is_held_of_what_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cccd_core.issuance.audit.verify.LOOKED_AT_MOST", 12)
    store = trails.MemoryStore()
    trail = Trail(store, signer=trails.signer)
    for number in range(1, 61):
        trail.append([trails.entry(number)])
        if number % 5 == 0:
            trail.seal()
    statement = trail.seal()
    assert statement is not None
    assert verify(store, keys=[trails.key()], anchors=[statement]).anchored == 60
    rows = {number: row for row, line in enumerate(store.kept) for number in [json.loads(line).get("seq")] if number}
    for number in (3, 31, 58):
        lines = [*store.kept]
        lines[rows[number]] = lines[rows[number]].replace(b'"verified"', b'"rejected"')
        found = verify(b"".join(line + b"\n" for line in lines), keys=[trails.key()], anchors=[statement])
        assert {one.number for one in found.findings} == {number}
        assert (found.left > 0) == (number < 50), "what was not looked at is not called cut off"
        assert found.signed == number - 1


# -- which trail


def test_a_folder_demands_its_trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(places.VARIABLE, raising=False)
    folder, elsewhere = tmp_path / "gallery", tmp_path / "audit"
    folder.mkdir()
    elsewhere.mkdir()
    with places.trail_for(None, folder=folder) as trail:
        assert trail is None
    with places.trail_for(str(elsewhere / "mine.jsonl"), folder=folder) as trail:
        assert trail is not None
    places.demand(folder, str(elsewhere / "acts.sqlite"))
    places.demand(folder, str(elsewhere / "acts.sqlite"))
    for given in (None, str(elsewhere / "." / "acts.sqlite")):
        with places.trail_for(given, folder=folder) as trail:
            assert trail is not None
            trail.append([removal()])
    with places.trail_for(None, register=str(folder / "register.sqlite")) as trail:
        assert trail is not None
        trail.append([removal()])
    assert len(told(elsewhere / "acts.sqlite")) == 3
    with pytest.raises(ConflictError), places.trail_for(str(elsewhere / "mine.jsonl"), folder=folder):
        pass
    monkeypatch.setenv(places.VARIABLE, str(elsewhere / "mine.jsonl"))
    with places.trail_for(None, folder=folder) as trail:
        assert trail is not None
        assert trail.where.endswith("acts.sqlite"), "what is demanded goes before what is in the environment"
    with pytest.raises(ConflictError):
        places.demand(folder, str(elsewhere / "mine.jsonl"))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"format": "cccd-trail-place", "version": 2, "where": "x"}',
             b'{"format": "cccd-trail-place", "version": 1, "where": ""}', b"[" * 8000,
             b'{"format": "cccd-trail-place", "version": 1, "where": "postgresql://a:secret@b/c"}'],
)  # fmt: skip
def test_a_place_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / places.PLACE_FILE).write_bytes(data)
    with pytest.raises(DamagedError) as caught, places.trail_for(None, folder=tmp_path):
        pass
    assert "secret" not in str(caught.value)


@pytest.mark.postgres
def test_a_register_in_a_server_demands_the_trail_beside_it(postgres_url: str) -> None:
    with places.trail_for(None, register=postgres_url) as trail:
        assert trail is None
    with places.opened(postgres_url):
        pass
    with places.trail_for(None, register=postgres_url) as trail:
        assert trail is not None
        assert trail.where == postgres_url


def test_what_is_no_trail_is_not_looked_at(tmp_path: Path) -> None:
    for where in ("none.jsonl", "none.sqlite"):
        with pytest.raises(FileError), places.looked_at(str(tmp_path / where)):
            pass
        with pytest.raises(FileError), places.opened(str(tmp_path / where), make=False):
            pass
