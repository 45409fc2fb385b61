"""The index equals what the gallery holds, whatever was done in which order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cccd_core.dedup import MemoryGallery
from cccd_core.dedup.blocks import Block, Searchable
from cccd_core.dedup.index import Index, compact, update
from cccd_core.dedup.index.packing import pack
from cccd_core.errors import BusyError, ConflictError
from cccd_core.storage.lock import exclusive
from support.index_world import CODER, MATCHER, assert_equal, person


def opened(folder: Path, gallery: MemoryGallery) -> Index:
    return Index.open(folder, gallery, MATCHER, CODER)


def updated(folder: Path, gallery: MemoryGallery) -> Index:
    update(gallery, folder, MATCHER, CODER)
    index = opened(folder, gallery)
    assert not list(index.pending())
    return index


def some(gallery: MemoryGallery, count: int, start: int = 0) -> MemoryGallery:
    gallery.add_many(
        person(f"P{n}", 4 * n, (2, 7) if n % 3 else (1, 3, 6), loose=n % 2) for n in range(start, start + count)
    )
    return gallery


def test_an_index_equals_its_gallery(tmp_path: Path) -> None:
    gallery = some(MemoryGallery(), 20)
    assert_equal(opened(tmp_path, gallery), gallery)
    assert_equal(updated(tmp_path, gallery), gallery)
    some(gallery, 10, 20)
    gallery.remove("P2", order="1")
    gallery.replace(person("P4", 100, (4,)), order="1")
    gallery.replace(person("P24", 101, (4,)), order="1")
    gallery.rename("P5", "Q5", order="1")
    gallery.remove("P28", order="1")
    index = opened(tmp_path, gallery)
    assert [entry.sequence for entry in index.pending()] == [5, *range(21, 29), 30]
    assert_equal(index, gallery)
    assert index.people == 18
    assert_equal(updated(tmp_path, gallery), gallery)
    compact(tmp_path)
    index = opened(tmp_path, gallery)
    assert len(index.shards) == 1
    assert index.shards[0].all_live
    assert_equal(index, gallery)


def test_blocks_are_those_of_the_search(tmp_path: Path) -> None:
    gallery = some(MemoryGallery(), 12)
    shard = updated(tmp_path, gallery).shards[0].shard
    rows = np.array([9, 2, 5])
    people = [gallery.get(f"P{row}") for row in rows.tolist()]
    for least in (8, 60):
        expected = Block.pack(MATCHER, "gallery", [Searchable.of(one, least) for one in people])
        found = shard.block(rows, least_minutiae=least).block([one.person_id for one in people])
        assert found.person_ids == expected.person_ids
        assert found.labels == expected.labels
        for name in ("places", "person", "slot", "bounds"):
            assert np.array_equal(getattr(found, name), getattr(expected, name))
        for name in ("words", "offsets", "counts"):
            assert np.array_equal(getattr(found.packed, name), getattr(expected.packed, name))
    codes = shard.codes_of("int8", rows)
    assert np.array_equal(codes, shard.codes("int8")[rows])
    assert np.array_equal(codes, shard.codes_of("int8", rows))
    assert shard.block(slice(3, 7)).block("abcd", ordered=True).places.tolist() == [4, 5, 6, 7]
    assert len(shard.block(slice(0, 0)).packed) == 0


def test_threads_and_interruptions_change_no_byte(tmp_path: Path) -> None:
    gallery = some(MemoryGallery(), 15)
    files = []
    for threads in (1, 3):
        folder = tmp_path / str(threads)
        update(gallery, folder, MATCHER, CODER, threads=threads)
        files.append({path.name: path.read_bytes() for path in (folder / "index").rglob("*") if path.is_file()})
    assert files[0] == files[1]


def test_what_was_removed_is_in_no_file_after_compacting(tmp_path: Path) -> None:
    gallery = some(MemoryGallery(), 6)
    update(gallery, tmp_path, MATCHER, CODER)
    gone = gallery.get("P2")
    traces = [pack([(0, MATCHER.prepare(t))])[2:] for _, t in gone.fingers()]
    traces += [code.tobytes() for code in CODER.encode([t for _, t in gone.fingers()])["int8"]]

    def found() -> int:
        files = [path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file()]
        return sum(trace in data for trace in traces for data in files)

    assert found() == len(traces)
    gallery.remove("P2", order="1")
    update(gallery, tmp_path, MATCHER, CODER)
    compact(tmp_path)
    assert found() == 0
    assert_equal(opened(tmp_path, gallery), gallery)


class Restored(MemoryGallery):
    """A gallery of another one's identity, as one that was brought back from an earlier copy."""

    def __init__(self, gallery_id: str) -> None:
        super().__init__()
        self._id = gallery_id


def test_an_index_is_of_one_gallery_and_one_preparation(tmp_path: Path) -> None:
    gallery = some(MemoryGallery(), 2)
    update(gallery, tmp_path, MATCHER, CODER)
    other = some(MemoryGallery(), 2)
    with pytest.raises(ConflictError):
        update(other, tmp_path, MATCHER, CODER)
    with pytest.raises(ConflictError):
        Index.open(tmp_path, other, MATCHER, CODER)
    with pytest.raises(ConflictError):
        Index.open(tmp_path, gallery, MATCHER, None)
    less = some(Restored(gallery.gallery_id), 1)
    with pytest.raises(ConflictError, match="made anew"):
        update(less, tmp_path, MATCHER, CODER)
    with pytest.raises(ConflictError, match="made anew"):
        Index.open(tmp_path, less, MATCHER, CODER)
    assert update(less, tmp_path, MATCHER, CODER, anew=True).manifest.people == 1
    assert update(less, tmp_path, MATCHER, None).manifest.coder == ""
    assert len(Index.open(tmp_path, less, MATCHER, None).shards) == 1


def test_one_process_changes_an_index_at_a_time(tmp_path: Path) -> None:
    gallery = some(MemoryGallery(), 2)
    with exclusive(tmp_path / "index" / "lock", "index of the gallery"), pytest.raises(BusyError, match="index"):
        update(gallery, tmp_path, MATCHER, CODER)
    update(gallery, tmp_path, MATCHER, CODER, wait=True)
    with pytest.raises(ConflictError, match="no index"):
        compact(tmp_path / "elsewhere")
