"""One probe, and a batch, among many people whom nobody had to enrol: the fingers of some, dealt anew.

`python -m benchmarks.scale.mixed --people 100000 1000000 --source 2000`. The first people are those who were enrolled,
whole; each further one has ten fingers of ten of them, drawn at random, with their codes. Strangers are as alike in a
finger as strangers are, and independent from finger to finger. Prints medians, the processor time of a search, and the
load of the machine; nothing is said of enrolling, and the gallery keeps no templates.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from benchmarks.scale.__main__ import IMPRESSION, SEED, Rows, World, told
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.dedup import Cascade, Deduplicator, DedupParameters, EnrolledPerson, MemoryGallery
from cccd_core.dedup.codes.coder import BITS, COARSE
from cccd_core.dedup.index import Index, Shard
from cccd_core.dedup.index.manifest import read_manifest, write_manifest
from cccd_core.dedup.index.packing import fingers_of
from cccd_core.dedup.index.rows import write_shard
from cccd_core.dedup.index.shard import FINGERS, Column
from cccd_core.dedup.lookup import Answer, Lookup
from cccd_core.dedup.search.enrolled import Indexed
from cccd_core.dedup.search.screening import CodesFirst
from cccd_core.synthesis import tenprints

STRANGER = 1 << 30  # the first person who is looked up and is not enrolled
PART = 1 << 17


class Source:
    """People of an index, finger by finger."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.codes = {name: np.concatenate([shard.codes(name) for shard in shards]) for name in (BITS, COARSE)}
        self.present = np.concatenate([shard.present for shard in shards])
        self.runs = [shard.run(row) for shard in shards for row in range(shard.people)]
        self.fingers: list[dict[int, bytes]] = []
        for shard in shards:
            data, starts, stops = shard.file.blocks(FINGERS, np.arange(shard.people))
            table = fingers_of(data, starts, stops).table
            of_run = np.searchsorted(table[:, 0], np.arange(shard.people + 1)).tolist()
            for run, stop in enumerate(stops.tolist()):
                rows = table[of_run[run] : of_run[run + 1]]
                ends = [*rows[1:, 2].tolist(), stop]
                found = {int(row[1]): data[int(row[2]) : end].tobytes() for row, end in zip(rows, ends, strict=True)}
                self.fingers.append(found)

    def __len__(self) -> int:
        return len(self.runs)


class Dealt:
    """The people of these places, as rows of a shard."""

    def __init__(self, source: Source, start: int, stop: int) -> None:
        random = np.random.default_rng([SEED, start])
        whose = np.repeat(np.arange(start, stop)[:, None], 10, axis=1)
        mixed = whose[:, 0] >= len(source)
        whose[mixed] = random.integers(0, len(source), (int(mixed.sum()), 10))
        self.sequences = np.arange(start + 1, stop + 1, dtype=np.uint64)
        self.present = (source.present[whose] & (1 << np.arange(10)).astype(np.uint16)).sum(axis=1).astype(np.uint16)
        self.loose = np.zeros(0, np.uint32)
        self._codes = {name: codes[whose, np.arange(10)] for name, codes in source.codes.items()}
        self._runs = [
            self._run(source, row) if other else source.runs[row[0]] for row, other in zip(whose, mixed, strict=True)
        ]
        self.sizes = np.array([len(run) for run in self._runs], np.int64)

    @staticmethod
    def _run(source: Source, row: NDArray[np.int64]) -> bytes:
        found = {p: source.fingers[who][p] for p, who in enumerate(row.tolist(), start=1) if p in source.fingers[who]}
        return bytes([len(found), *found]) + b"".join(found.values())

    def placed(self, column: Column, start: int, stop: int) -> NDArray[np.uint8]:
        return self._codes[column.name][start:stop]

    def unplaced(self, column: Column) -> NDArray[np.uint8]:
        return np.zeros((0, column.bytes_per_finger), np.uint8)

    def run(self, row: int) -> bytes:
        return self._runs[row]


class Names(MemoryGallery):
    """So many people of whom nothing is known but numbers and identifiers."""

    def __init__(self, gallery_id: str, people: int) -> None:
        super().__init__()
        self._id, self._count = gallery_id, people

    @property
    def gallery_id(self) -> str:
        return self._id

    def __len__(self) -> int:
        return self._count

    def known(self, person_ids: Iterable[str]) -> set[str]:
        return {one for one in person_ids if one.isdigit() and 0 < int(one) <= self._count}

    def identifiers(self, sequences: Iterable[int]) -> dict[int, str]:
        return {one: str(one) for one in sequences}

    def last_sequence(self) -> int:
        return self._count


def deal(world: World, out: Path, people: int) -> Names:
    """An index of so many people in this folder, and their gallery."""
    home = world.folder / "index"
    manifest = read_manifest(home, None)
    assert manifest is not None
    source, entries = Source([Shard.open(home / entry.file) for entry in manifest.shards]), []
    for start in range(0, people, PART):
        stop = min(people, start + PART)
        entries.append(write_shard(out / "index", manifest, Dealt(source, start, stop), None))
        told(stop, people, "dealt")
    write_manifest(out / "index", replace(manifest, sequence=people, shards=tuple(entries)), None)
    return Names(manifest.gallery, people)


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds, and those of the processor."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - used)


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


def look_up(lookup: Lookup, one: EnrolledPerson, answers: list[Answer]) -> None:
    answers += lookup.search([one]).answers


def probes(world: World, numbers: Iterator[int], count: int) -> list[EnrolledPerson]:
    """People by prints that nobody enrolled has; named by the number under which they are enrolled, if they are."""
    drawn = [number for number, _ in zip(numbers, range(count), strict=False)]
    made = tenprints(SEED, np.array(drawn), impressions=IMPRESSION, parameters=world.plan.parameters)
    return [EnrolledPerson(str(number + 1), prints) for number, prints in zip(drawn, made, strict=True)]


def measure(world: World, out: Path, people: int, count: int, cascade: Cascade) -> None:
    """Deals, measures and prints."""
    gallery = deal(world, out, people)
    index = Index.open(out, gallery, world.matcher, world.coder)
    first = CodesFirst(world.coder, index, cascade, threads=runtime.threads())
    lookup = Lookup(gallery, Deduplicator(world.matcher, DedupParameters()), Indexed(world.matcher, index, first))
    mates = probes(world, iter(np.random.default_rng(SEED).permutation(world.people).tolist()), count)
    strangers = probes(world, iter(range(STRANGER, STRANGER + count)), count)
    print(f"{people:,} people: opened, first search: {spent(lambda: lookup.search(mates[:1]))[0]:.0f} ms")
    for name, some in (("enrolled", mates), ("not enrolled", strangers)):
        times, called = [], 0
        for one in some:
            answers: list[Answer] = []
            times.append(spent(partial(look_up, lookup, one, answers)))
            called += answers[0].of == one.person_id if name == "enrolled" else answers[0].outcome != "duplicate"
        each, used = (median(column) for column in zip(*times, strict=True))
        right = f"{called} of {len(some)} answered rightly"
        print(f"{name}: one probe, median {each:.1f} ms, processor {used:.1f} ms, {right} ({load()})")
    each, used = spent(lambda: lookup.search(mates))
    rate = 1000 * len(mates) / each
    print(f"batch of {len(mates)}: {rate:.1f} probes/s, processor {used / len(mates):.1f} ms each ({load()})")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[100_000])
    parser.add_argument("--source", type=int, default=5_000)
    parser.add_argument("--probes", type=int, default=100)
    parser.add_argument("--cascade", default="codes:keep=0.0003>same>any")
    parser.add_argument("--tmp", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.tmp) as folder:
        (Path(folder) / "source").mkdir()
        world = World(Path(folder) / "source", 0.0, Rows())
        world.grow(options.source)
        for people in options.people:
            measure(world, Path(folder) / f"{people}", people, options.probes, Cascade.parse(options.cascade))
        world.gallery.close()


if __name__ == "__main__":
    main()
