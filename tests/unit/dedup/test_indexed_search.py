"""A search over an index decides as one that prepares everyone anew, bit for bit, whatever the gallery."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from cccd_core.dedup import Deduplicator, DedupParameters, MemoryGallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.gallery.sqlite import GalleryStore
from cccd_core.dedup.index import Index, update
from cccd_core.dedup.resident import Resident
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.enrolled import Indexed
from cccd_core.dedup.search.screened import Kept
from cccd_core.dedup.search.screening import UNPLACED
from support.joining import MATCHER, PARAMETERS, population, someone, swapped
from support.small_index import small_shards  # noqa: F401

pytestmark = [pytest.mark.jit, pytest.mark.usefixtures("small_shards")]


@pytest.fixture(scope="module")
def batch():
    again = [someone("new 1", 1, impression=6), swapped("new 8", 8), someone("stranger", 77)]
    return [*again, someone("p007", 7), someone("new 77", 77, impression=1), someone("new 24", 24, impression=1)]


@pytest.fixture(params=["memory", "sqlite"])
def gallery(request, tmp_path):
    made = MemoryGallery() if request.param == "memory" else GalleryStore(tmp_path / "gallery.sqlite")
    made.add_many(population(22))
    return made


def bare(decisions):
    return [replace(one, evidence=replace(one.evidence, manifest={})) for one in decisions]


def changed(gallery):
    """The index is behind: people came, went and were given other templates and names since."""
    gallery.add_many([someone(f"late {n}", n) for n in (24, 25, 26)])
    gallery.remove("again 1", order="1")
    gallery.replace(someone("p000", 8, impression=2), order="2")
    gallery.rename("p003", "known otherwise", order="3")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("blocks", [1024, 3])
@pytest.mark.parametrize("behind", [False, True])
def test_decisions_are_the_same(gallery, batch, tmp_path, threads, blocks, behind):
    update(gallery, tmp_path, MATCHER, None)
    if behind:
        changed(gallery)
    parameters = DedupParameters(gallery_block=blocks, batch_block=blocks)
    dedup = Deduplicator(MATCHER, parameters, threads=threads)
    index = Indexed(MATCHER, Index.open(tmp_path, gallery, MATCHER, None))
    plain, indexed = bare(dedup.search(batch, gallery)), bare(dedup.search(batch, gallery, index=index))
    assert indexed == plain
    assert [one.outcome for one in indexed[:3]] == ["duplicate", "duplicate", "unique"]
    assert indexed[4].of == "stranger"
    assert all((one.evidence.cascade, one.evidence.miss_rate) == ("same>any", 0.0) for one in indexed)
    assert [one.evidence.screened for one in indexed] == [one.evidence.compared for one in indexed]
    assert indexed[-1].evidence.compared == len(gallery) - 1 + len(batch) - 1  # without p007 itself


def test_who_goes_while_the_index_is_open_is_not_found(gallery, batch, tmp_path):
    update(gallery, tmp_path, MATCHER, None)
    index = Indexed(MATCHER, Index.open(tmp_path, gallery, MATCHER, None))
    gallery.remove("p001", order="1")
    gallery.remove("again 1", order="2")
    (found,) = Deduplicator(MATCHER, PARAMETERS, threads=1).search(batch[:1], gallery, index=index)
    assert found.of == "again 1 once more"


def test_nobody_enrolled_is_prepared_anew(gallery, batch, tmp_path, monkeypatch):
    update(gallery, tmp_path, MATCHER, None)
    changed(gallery)
    opened = Index.open(tmp_path, gallery, MATCHER, None)
    packed, prepared = [], []
    pack, prepare = type(MATCHER).pack, type(MATCHER).prepare
    monkeypatch.setattr(type(MATCHER), "pack", lambda self, found: packed.append(len(found)) or pack(self, found))
    monkeypatch.setattr(type(MATCHER), "prepare", lambda self, one: prepared.append(one) or prepare(self, one))
    Deduplicator(MATCHER, PARAMETERS, threads=1).search(batch[:1], gallery, index=Indexed(MATCHER, opened))
    assert packed == [4 * 4]  # the four whom the index lacks, once for both passes
    assert len(prepared) == 4 * 4 + 4  # and the one who is searched for


class Some:
    """A first stage that leaves those of even number, and none as mirror images."""

    cascade = Cascade(0.5)

    def miss_rate(self, fingers):
        return 0.25 * fingers

    def __init__(self, index):
        self.index = index

    def ready(self, sought):
        self.count = len(sought)
        return self

    def again(self, places, images):
        self.count = len(places)
        return self

    def left(self):
        sequences = np.concatenate([live.shard.sequences[live.rows] for live in self.index.shards])
        even = np.flatnonzero(sequences % 2 == 0)
        kept = Kept(even, np.full(len(even), UNPLACED, np.uint8))
        return [{False: kept, True: Kept(even[:0], kept.ways[:0])} for _ in range(self.count)]


def test_a_first_stage_only_removes_and_is_told_of(gallery, batch, tmp_path):
    update(gallery, tmp_path, MATCHER, None)
    opened = Index.open(tmp_path, gallery, MATCHER, None)
    dedup = Deduplicator(MATCHER, PARAMETERS, threads=1)
    plain = dedup.search(batch[:3], gallery)
    some = dedup.search(batch[:3], gallery, index=Indexed(MATCHER, opened, Some(opened)))
    even = {entry.person.person_id for entry in gallery.entries() if entry.sequence % 2 == 0}
    for all_of_them, left in zip(plain, some, strict=True):
        found = {match.person_id for match in left.evidence.matches if match.source == "gallery"}
        assert found == {m.person_id for m in all_of_them.evidence.matches if m.source == "gallery"} & even
        assert left.evidence.screened == all_of_them.evidence.screened
        assert left.evidence.compared < all_of_them.evidence.compared
        assert left.evidence.comparisons == all_of_them.evidence.comparisons
        assert (left.evidence.cascade, left.evidence.miss_rate) == ("codes:keep=0.5>same>any", 1.0)


def test_a_folder_is_searched_over_its_index_and_another_gallery_without(batch, tmp_path, caplog):
    plain = Deduplicator(MATCHER, PARAMETERS, threads=1)
    resident = Resident(tmp_path, MATCHER, PARAMETERS, threads=1)
    other = MemoryGallery([someone("x", 1, impression=8)])
    with closing(GalleryStore(tmp_path / "gallery.sqlite")) as own:
        own.add_many(population(22))
        assert bare(resident.search(batch, other)) == bare(plain.search(batch, other))  # though it comes first
        assert not (tmp_path / "index").exists()
        assert bare(resident.search(batch, own)) == bare(plain.search(batch, own))
        changed(own)
        assert bare(resident.search(batch, own)) == bare(plain.search(batch, own))
        assert Index.open(tmp_path, own, MATCHER, FingerCoder.shipped()).people == len(own)
        assert bare(resident.search(batch, other)) == bare(plain.search(batch, other))
        manifest = tmp_path / "index" / "manifest.json"
        manifest.write_bytes(manifest.read_bytes().replace(b'"people"', b'"peopel"'))
        assert bare(resident.search(batch, own)) == bare(plain.search(batch, own))
    assert "made anew: damaged" in caplog.text
    assert resident.manifest() == plain.manifest()
