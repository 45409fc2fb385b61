"""Killed at random moments, updating and compacting lose nothing, and what comes out is byte for byte the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cccd_core.dedup import MemoryGallery
from cccd_core.dedup.index import Index, check, compact, update
from support.chaos import computing_s, run_and_kill
from support.index_world import CODER, MATCHER, assert_equal, person
from support.small_index import small_shards

pytestmark = pytest.mark.usefixtures("small_shards")
__all__ = ["small_shards"]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def grown(gallery: MemoryGallery, count: int) -> MemoryGallery:
    first = gallery.last_sequence()
    gallery.add_many(person(f"P{n}", n % 40, (1 + n % 10, 2 + n % 9), loose=n % 2) for n in range(first, first + count))
    return gallery


class Work:
    """The steps of a gallery's life; those that change its index may be killed."""

    def __init__(self, folder: Path, gallery: MemoryGallery) -> None:
        self.folder, self.gallery = folder, gallery

    def update(self) -> None:
        update(self.gallery, self.folder, MATCHER, CODER)

    def compact(self) -> None:
        compact(self.folder)

    def changed(self) -> None:
        for n in (2, 9, 30):
            self.gallery.remove(f"P{n}", order="1")
        self.gallery.replace(person("P5", 7, (3,)), order="2")
        self.gallery.replace(person("P33", 8, (4,)), order="2")
        grown(self.gallery, 20)


def undisturbed(gallery: MemoryGallery, folder: Path) -> tuple[dict[str, bytes], list[float]]:
    work = Work(folder, gallery)
    seconds = []
    for number, step in enumerate((work.update, work.changed, work.update, work.compact)):
        if number == 1:
            step()
        seconds.append(0.0 if number == 1 else computing_s(step))
    return content(folder), seconds


def killed(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    expected: dict[str, bytes] = {}
    seconds: list[float] = []
    done = rounds = 0
    while done < kills:
        gallery = grown(MemoryGallery(), 50)
        gallery._id = "0" * 32
        if not expected:
            expected, seconds = undisturbed(gallery, tmp_path / "undisturbed")
            continue
        rounds += 1
        folder = tmp_path / f"round {rounds}"
        work = Work(folder, gallery)
        for step, whole_s in zip((work.update, work.changed, work.update, work.compact), seconds, strict=True):
            if step == work.changed:
                step()
                continue
            # twice interrupted, and then it ends; a round that is never in time does the same in one go
            for _ in range(2):
                done += not run_and_kill(step, chance.uniform(0, whole_s))
                assert_equal(Index.open(folder, gallery, MATCHER, CODER), gallery)
            assert run_and_kill(step, None)
        assert content(folder) == expected
        assert not list(check(gallery, folder))
        assert rounds < 20 * kills


@pytest.mark.jit
def test_killed_at_a_few_moments(tmp_path: Path) -> None:
    killed(tmp_path, 12)


@pytest.mark.scale
def test_killed_at_a_hundred_moments(tmp_path: Path) -> None:
    killed(tmp_path, 100)
