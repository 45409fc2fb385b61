"""Whatever is done to a gallery in whatever order, and whenever the index is updated or compacted: it equals the
gallery, and compacting gives the same bytes as an index made at once.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cccd_core.dedup import EnrolledPerson, MemoryGallery
from cccd_core.dedup.index import Index, compact, policy, update
from cccd_core.dedup.index.manifest import ShardEntry
from cccd_core.storage.aes_gcm import KeyRing
from support.index_world import CODER, MATCHER, assert_equal, person
from support.small_index import small_shards

pytestmark = pytest.mark.usefixtures("small_shards")
__all__ = ["small_shards"]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add many", "remove", "replace", "rename", "update", "update", "compact"]),
        st.integers(0, 2**16),
    ),
    max_size=25,
)


def someone(name: str, number: int) -> EnrolledPerson:
    """A person of few enough fingers that all are made once."""
    positions = tuple(p for p in range(1, 11) if number >> p & 1)[:4]
    return person(name, number % 37, positions, number % 3)


def done(gallery: MemoryGallery, folder: Path, step: str, number: int, cipher: KeyRing | None) -> None:
    enrolled = [one.person_id for one in gallery]
    new = f"P{gallery.last_sequence()}"
    if step in ("add", "add many"):
        for i in range(1 if step == "add" else 1 + number % 11):
            gallery.add(someone(f"{new}-{i}", number + 7 * i))
    elif step == "update":
        update(gallery, folder, MATCHER, CODER, cipher=cipher)
    elif step == "compact" and (folder / "index" / "manifest.json").exists():
        compact(folder, cipher=cipher)
    elif enrolled and step in ("remove", "replace", "rename"):
        chosen = enrolled[number % len(enrolled)]
        if step == "replace":
            gallery.replace(someone(chosen, number), order="1")
        elif step == "rename":
            gallery.rename(chosen, f"{new} {gallery.last_withdrawal()}", order="1")
        else:
            gallery.remove(chosen, order="1")


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "index").rglob("*.shard")}


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS, encrypted=st.booleans())
def test_an_index_equals_its_gallery(tmp_path: Path, steps: list[tuple[str, int]], encrypted: bool) -> None:
    cipher = KeyRing(bytes(32)) if encrypted else None
    folder, once = tmp_path / "steps", tmp_path / "once"
    for old in (folder, once):
        shutil.rmtree(old, ignore_errors=True)
    gallery = MemoryGallery()
    for step, number in steps:
        done(gallery, folder, step, number, cipher)
        assert_equal(Index.open(folder, gallery, MATCHER, CODER, cipher=cipher), gallery)
    update(gallery, folder, MATCHER, CODER, cipher=cipher)
    compact(folder, cipher=cipher)
    index = Index.open(folder, gallery, MATCHER, CODER, cipher=cipher)
    assert_equal(index, gallery)
    assert not list(index.pending())
    assert all(live.all_live for live in index.shards)
    if cipher is None:
        update(gallery, once, MATCHER, CODER)
        compact(once)
        assert shards(folder) == shards(once)


def entry(number: int, people: int, dead: int = 0) -> ShardEntry:
    return ShardEntry(f"{number}", "", people, number, number + people, 0, tuple(range(dead)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sizes=st.lists(st.tuples(st.integers(1, 16), st.integers(0, 3)), max_size=30))
def test_small_shards_are_made_one_until_few_are_left(sizes: list[tuple[int, int]]) -> None:
    left = [entry(i, people, min(dead, people - 1)) for i, (people, dead) in enumerate(sizes)]
    total = sum(one.people - len(one.dead) for one in left)
    steps = 0
    while chosen := policy.merge_due(left):
        assert len(chosen) > 1 or policy.MOST_DEAD * len(chosen[0].dead) > chosen[0].people
        assert len(set(chosen)) == len(chosen)
        people = sum(one.people - len(one.dead) for one in chosen)
        assert people <= policy.SHARD_PEOPLE
        left = [one for one in left if one not in chosen] + [entry(1000 + steps, people)]
        steps += 1
        assert policy.merge_due(list(reversed(left))) == policy.merge_due(left)
    assert sum(one.people - len(one.dead) for one in left) == total
    assert steps < max(1, 2 * len(sizes))
    assert all(policy.MOST_DEAD * len(one.dead) <= one.people for one in left)
