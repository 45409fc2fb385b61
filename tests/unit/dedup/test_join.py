"""A join finds what comparing pair by pair finds, by every executor, over every gallery, however it is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cccd_core.dedup import MemoryGallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.executors.processes import Processes
from cccd_core.dedup.executors.threads import Threads
from cccd_core.dedup.gallery.sqlite import GalleryStore
from cccd_core.dedup.index import Index, update
from cccd_core.dedup.search import join as join_module
from cccd_core.dedup.search import plan, worker
from cccd_core.dedup.search.join import LEDGER_FILE, SNAPSHOT_FOLDER, Joinable
from cccd_core.dedup.search.ledger import KIND
from cccd_core.errors import BusyError, ConflictError, DamagedError, ParameterError
from cccd_core.storage.lock import exclusive
from cccd_core.storage.log import Log
from support.chaos import computing_s, run_and_kill
from support.joining import MATCHER, join, joinable, population, someone, truth
from support.small_index import small_shards  # noqa: F401

pytestmark = pytest.mark.jit
CODER = FingerCoder.shipped()


@pytest.fixture(scope="module")
def people():
    return population()


@pytest.fixture(scope="module")
def expected(people):
    return truth(enumerate(people, start=1))


@pytest.fixture
def gallery(people, tmp_path):
    return joinable(tmp_path / "gallery", MemoryGallery(people))


def test_it_finds_what_pair_by_pair_is_found(gallery, expected, tmp_path):
    found = join(tmp_path / "out", gallery).run(Threads(1))
    assert found.pairs == tuple(expected)
    named = {(pair.a, pair.b): (pair.outcome, pair.across_positions) for pair in found.pairs}
    assert named == {
        (2, 6): ("duplicate", False),
        (2, 12): ("duplicate", False),
        (6, 12): ("duplicate", False),
        (3, 10): ("duplicate", True),
        (4, 15): ("duplicate", True),
        (5, 18): ("duplicate", False),
    }


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("tile", [1, 3, 100])
@pytest.mark.parametrize("loaded", [2, 5, 2048])
def test_no_cut_changes_a_bit(people, expected, tmp_path, monkeypatch, tile, loaded):
    monkeypatch.setattr(plan, "COMPARED_TILE_PEOPLE", tile)
    monkeypatch.setattr(worker, "LOADED_PEOPLE", loaded)
    monkeypatch.setattr(worker, "PAIRS_MOST", 1 + loaded)
    found = join(tmp_path / "out", joinable(tmp_path / "gallery", MemoryGallery(people))).run(Threads(1))
    assert found.pairs == tuple(expected)
    assert found.work["same"].people_pairs == len(people) * (len(people) - 1) // 2


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("executor", [Threads(3), Processes(2)], ids=["threads", "processes"])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_executors_and_galleries(people, expected, tmp_path, executor, kind):
    gallery = MemoryGallery() if kind == "memory" else GalleryStore(tmp_path / "gallery.sqlite")
    gallery.add_many(people)
    found = join(tmp_path / "out", joinable(tmp_path, gallery)).run(executor)
    assert found.pairs == tuple(expected)
    assert found.ran == found.plan.tiles
    assert found.known == 0


@pytest.mark.usefixtures("small_shards")
def test_who_was_withdrawn_replaced_or_renamed(people, tmp_path):
    gallery = MemoryGallery(people)
    update(gallery, tmp_path, MATCHER, None)
    gallery.remove("again 1", order="1")
    gallery.replace(someone("p000", 6, impression=1), order="2")
    gallery.rename("p006", "known otherwise", order="3")
    found = join(tmp_path / "out", joinable(tmp_path, gallery)).run(Threads(1))
    assert found.pairs == tuple(truth((entry.sequence, entry.person) for entry in gallery.entries()))
    assert (1, 7) in {(pair.a, pair.b) for pair in found.pairs}
    assert not any(6 in (pair.a, pair.b) for pair in found.pairs)


def test_one_gallery_against_another(people, tmp_path):
    other = [someone("x", 1, impression=5), someone("y", 40), someone("z", 2, impression=5)]
    first, second = MemoryGallery(people), MemoryGallery(other)
    galleries = joinable(tmp_path / "1", first), joinable(tmp_path / "2", second)
    found = join(tmp_path / "out", *galleries).run(Threads(1))
    assert found.pairs == tuple(truth(enumerate(people, 1), enumerate(other, 1)))
    assert [(pair.a, pair.b) for pair in found.pairs] == [(2, 1), (3, 3), (6, 1), (10, 3), (12, 1)]
    assert found.plan.pairs == found.work["same"].people_pairs == 3 * len(people)


def test_by_position_alone(gallery, people, tmp_path):
    found = join(tmp_path / "out", gallery, cascade="same").run(Threads(1))
    assert found.pairs == tuple(truth(enumerate(people, 1), any_position=False))
    assert found.work["any"].finger_pairs == 0


def test_nobody_to_join(tmp_path):
    found = join(tmp_path / "out", joinable(tmp_path, MemoryGallery())).run(Threads(1))
    assert found.pairs == ()
    assert found.plan.tiles == found.plan.pairs == 0


def test_work_is_counted_exactly(tmp_path):
    gallery = MemoryGallery([someone(f"{n}", n, positions=(2, 7)) for n in range(7)])
    found = join(tmp_path / "out", joinable(tmp_path, gallery)).run(Threads(1))
    assert found.plan.pairs == 21
    assert found.work["same"].finger_pairs == 21 * 2
    assert found.work["any"].finger_pairs == 21 * 4


@pytest.mark.usefixtures("small_shards")
def test_what_was_done_is_not_done_again(people, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "COMPARED_TILE_PEOPLE", 4)
    gallery = joinable(tmp_path, MemoryGallery(people))

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int, what: str) -> None:
        if done == 10:
            raise StoppedError

    with pytest.raises(StoppedError):
        join(tmp_path / "out", gallery).run(Threads(1), progress=stop)
    told = []
    found = join(tmp_path / "out", gallery).run(Threads(1), progress=lambda *step: told.append(step))
    assert found.pairs == tuple(expected)
    assert found.known == 10
    assert found.ran == found.plan.tiles - 10
    assert told[0] == (10, found.plan.tiles, "join")
    assert told[-1] == (found.plan.tiles, found.plan.tiles, "join")
    again = join(tmp_path / "out", gallery).run(Threads(1))
    assert (again.pairs, again.ran, again.work) == (found.pairs, 0, found.work)


@pytest.mark.usefixtures("small_shards")
def test_enrolment_goes_on_meanwhile(people, expected, tmp_path, monkeypatch):
    """Shards that the gallery merges and deletes stay in the snapshot; who came later is not in this join."""
    monkeypatch.setattr(plan, "COMPARED_TILE_PEOPLE", 4)
    gallery = MemoryGallery(people)
    began = join(tmp_path / "out", joinable(tmp_path, gallery))

    def enrol(done: int, total: int, what: str) -> None:
        if done == 5:
            gallery.add_many(someone(f"late {n}", 100 + n) for n in range(20))
            update(gallery, tmp_path, MATCHER, None)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        began.run(Threads(1), progress=enrol)
    again = join(tmp_path / "out", joinable(tmp_path, gallery))
    found = again.run(Threads(1))
    assert found.pairs == tuple(expected)
    again.finish()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["lock"]
    anew = join(tmp_path / "out", joinable(tmp_path, gallery)).run(Threads(1))
    assert anew.plan.sides[0].people == len(people) + 20


def test_another_join_in_the_folder_is_refused(gallery, tmp_path):
    join(tmp_path / "out", gallery).run(Threads(1))
    with pytest.raises(ConflictError, match="another join"):
        join(tmp_path / "out", gallery, cascade="same").run(Threads(1))
    with exclusive(tmp_path / "out" / "lock", "join"), pytest.raises(BusyError):
        join(tmp_path / "out", gallery).run(Threads(1))


def test_an_index_that_lacks_people_is_refused(people, tmp_path):
    gallery = MemoryGallery(people[:3])
    ready = joinable(tmp_path, gallery)
    gallery.add(people[3])
    assert join(tmp_path / "out", ready).wanted.sides[0].people == 3  # as it was when it was opened
    with pytest.raises(ConflictError, match="lacks people"):
        join(tmp_path / "out", Joinable(tmp_path, Index.open(tmp_path, gallery, MATCHER, None)))


def test_a_join_of_no_gallery(tmp_path):
    with pytest.raises(ParameterError):
        join(tmp_path)


def test_the_ledger_and_the_snapshot_are_there_while_it_lasts(gallery, tmp_path):
    join(tmp_path / "out", gallery).run(Threads(1))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"lock", LEDGER_FILE, SNAPSHOT_FOLDER}
    for path in [tmp_path / "out" / LEDGER_FILE, *Path(tmp_path / "out" / SNAPSHOT_FOLDER).rglob("*.shard")]:
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("small_shards")
def test_killed_at_any_moment_it_goes_on(people, expected, tmp_path, monkeypatch):
    """Twenty times at a random moment; then undisturbed. Each time it has what it had, and no pair is lost or twice."""

    def run(out: str) -> None:
        join(tmp_path / out, gallery).run(Threads(1))

    monkeypatch.setattr(plan, "COMPARED_TILE_PEOPLE", 2)
    gallery = joinable(tmp_path, MemoryGallery(people))
    moments = np.random.default_rng(11)
    whole_s = computing_s(lambda: run("whole"))
    known = 0
    for _ in range(20):
        run_and_kill(lambda: run("out"), float(moments.uniform(0, whole_s / 10)))
        if (tmp_path / "out" / LEDGER_FILE).exists():
            done = len(Log.read(tmp_path / "out" / LEDGER_FILE, KIND)) - 1
            assert done >= known
            known = done
    found = join(tmp_path / "out", gallery).run(Threads(1))
    assert known > 0
    assert found.known == known
    assert found.pairs == tuple(expected)
    assert found.work["same"].people_pairs == len(people) * (len(people) - 1) // 2


def test_a_damaged_ledger_is_said_to_be(gallery, tmp_path):
    join(tmp_path / "out", gallery).run(Threads(1))
    path = tmp_path / "out" / LEDGER_FILE
    sound = path.read_bytes()
    for offset in (3, 12, 40):
        path.write_bytes(sound[:offset] + bytes([sound[offset] ^ 0x20]) + sound[offset + 1 :])
        with pytest.raises(DamagedError) as caught:
            join(tmp_path / "out", gallery).run(Threads(1))
        assert caught.value.facts["path"] == str(path)


def test_a_shard_that_was_altered_is_said_to_be(people, tmp_path):
    gallery = joinable(tmp_path, MemoryGallery(people))
    join(tmp_path / "out", gallery)._ledger().close()
    (shard,) = (tmp_path / "out" / SNAPSHOT_FOLDER).rglob("*.shard")
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.unlink()
    shard.write_bytes(data)
    with pytest.raises(DamagedError):
        join(tmp_path / "out", gallery).run(Threads(1))


SCREENED = "codes:keep=0.02>same>any"


@pytest.fixture(scope="module")
def screened(people, tmp_path_factory):
    """What is left of the pairs when codes come first, in one piece, and who is enrolled."""
    folder = tmp_path_factory.mktemp("screened")
    return join(folder / "out", joinable(folder, MemoryGallery(people), CODER), cascade=SCREENED).run(Threads(1))


def test_a_first_stage_only_removes(screened, expected):
    assert set(screened.pairs) <= set(expected)
    missed = {(pair.a, pair.b) for pair in set(expected) - set(screened.pairs)}
    assert missed <= {(5, 18)}  # who has one finger alone; not those exchanged, or of unknown position
    work = screened.work
    assert work["codes"].people_pairs == screened.plan.pairs
    assert len(expected) <= work["glance"].people_pairs < screened.plan.pairs // 3
    assert len(screened.pairs) <= work["same"].people_pairs <= work["glance"].people_pairs
    assert screened.compared == work["glance"].people_pairs


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("tile", [3, 100])
@pytest.mark.parametrize("executor", [Threads(1), Threads(3), Processes(2)], ids=["thread", "threads", "processes"])
def test_no_cut_and_no_executor_changes_what_is_screened(people, screened, tmp_path, monkeypatch, tile, executor):
    monkeypatch.setattr(plan, "SCREENED_TILE_PEOPLE", tile)
    gallery = joinable(tmp_path, MemoryGallery(people), CODER)
    # the cohort are the first people of the first shard, of whom a small shard has fewer
    monkeypatch.setattr(join_module, "COHORT_MOST", 4)
    found = join(tmp_path / "out", gallery, cascade=SCREENED).run(executor)
    whole = tmp_path / "whole"
    again = join(whole / "out", joinable(whole, MemoryGallery(people), CODER), cascade=SCREENED).run(Threads(1))
    assert found.pairs == again.pairs
    for stage in ("codes", "glance", "same", "any"):
        assert (found.work[stage].people_pairs, found.work[stage].finger_pairs) == (
            again.work[stage].people_pairs,
            again.work[stage].finger_pairs,
        )
    assert {(pair.a, pair.b) for pair in screened.pairs} ^ {(pair.a, pair.b) for pair in found.pairs} <= {(5, 18)}


def test_an_index_without_codes_is_not_screened(gallery, tmp_path):
    with pytest.raises(ParameterError, match="without codes"):
        join(tmp_path / "out", gallery, cascade=SCREENED)
