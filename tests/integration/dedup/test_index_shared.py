"""Several processes and one index: those who change it take turns, those who read it have one version each."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cccd_core.dedup import GalleryStore, MemoryGallery
from cccd_core.dedup.index import Index, check, compact, update
from cccd_core.errors import BusyError
from support.chaos import run_and_kill
from support.index_world import CODER, MATCHER, assert_equal, person
from support.small_index import small_shards

pytestmark = pytest.mark.usefixtures("small_shards")
__all__ = ["small_shards"]


def opened(folder: Path, gallery: GalleryStore | MemoryGallery) -> Index:
    return Index.open(folder, gallery, MATCHER, CODER)


def test_a_reader_keeps_its_version(tmp_path: Path) -> None:
    gallery = MemoryGallery(person(f"P{n}", n % 40) for n in range(20))
    update(gallery, tmp_path, MATCHER, CODER)
    index = opened(tmp_path, gallery)
    before = [path.name for path in tmp_path.rglob("*.shard")]
    gallery.remove("P7", order="1")
    gallery.add_many(person(f"Q{n}", n) for n in range(9))
    update(gallery, tmp_path, MATCHER, CODER)
    compact(tmp_path)
    assert not set(before) & {path.name for path in tmp_path.rglob("*.shard")}
    seen = []
    for live in index.shards:
        assert live.all_live
        seen += live.shard.block(live.rows).sequences.tolist()
        assert live.shard.codes("int8").any()
    assert sorted(seen) == list(range(1, 21))
    assert opened(tmp_path, gallery).people == 28


def test_those_who_change_it_take_turns(tmp_path: Path) -> None:
    gallery = GalleryStore(tmp_path / "gallery.sqlite")
    gallery.add_many(person(f"P{n}", n % 40) for n in range(30))
    gallery.close()
    started, go_on = os.pipe(), os.pipe()

    def slow() -> None:
        def told(done: int, total: int, what: str) -> None:
            if done == 4:
                os.write(started[1], b"x")
                os.read(go_on[0], 1)

        update(GalleryStore(tmp_path / "gallery.sqlite"), tmp_path, MATCHER, CODER, progress=told)

    worker = threading.Thread(target=run_and_kill, args=(slow, None))
    worker.start()
    os.read(started[0], 1)
    with pytest.raises(BusyError):
        update(gallery, tmp_path, MATCHER, CODER)
    assert_equal(opened(tmp_path, gallery), gallery)  # whoever reads meanwhile has what counts so far
    os.write(go_on[1], b"x")
    done = update(gallery, tmp_path, MATCHER, CODER, wait=True)
    worker.join()
    assert done.manifest.people == 30
    assert not list(check(gallery, tmp_path))
    for end in (*started, *go_on):
        os.close(end)


def test_an_index_that_changes_all_the_time_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "gallery.sqlite"
    gallery = GalleryStore(path)
    gallery.add_many(person(f"P{n}", n % 40) for n in range(12))
    gallery.close()
    rounds = 25

    started, read = os.pipe(), os.pipe()

    def changes() -> None:
        os.write(started[1], b"x")
        own = GalleryStore(path)
        for n in range(rounds):
            own.add(person(f"Q{n}", n % 40))
            own.remove(f"P{n}" if n < 12 else f"Q{n - 12}", order="1")
            update(own, tmp_path, MATCHER, CODER)
            if n % 3 == 0:
                compact(tmp_path)
            if n == rounds // 2:
                os.read(read[0], 1)  # however slow the reader is, there is something left for it to meet
        own.close()

    worker = threading.Thread(target=run_and_kill, args=(changes, None))
    worker.start()
    os.read(started[0], 1)  # before that a fork would take over what this process does with the gallery
    times = 0
    while worker.is_alive():
        index = opened(tmp_path, gallery)
        known = [sequence for live in index.shards for sequence in live.shard.sequences[live.rows].tolist()]
        known += [entry.sequence for entry in index.pending()]
        assert len(known) == len(set(known))
        assert 10 <= len(known) <= 13
        for live in index.shards:
            live.shard.block(live.rows)
        if not times:
            os.write(read[1], b"x")
        times += 1
    worker.join()
    assert times
    assert_equal(opened(tmp_path, gallery), gallery)
    for end in (*started, *read):
        os.close(end)
