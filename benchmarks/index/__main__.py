"""What the index of a gallery costs: disk and memory a person, adding, opening with a cold cache, touching, keys.

`python -m benchmarks.index [--people 20000] [--set fcj2020/fjfx] [--fingerprints DIR]`: people of ten real fingers
each, drawn from one set, one thread. With --quick each distinct finger is prepared and coded once, which makes large
galleries quick to build and leaves out the figure for adding.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.dedup import EnrolledPerson, MemoryGallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.index import Index, compact, update
from cccd_core.matching import Matcher
from cccd_core.matching.prepared import PreparedGallery
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.storage.cipher import Cipher
from cccd_core.templates import FingerTemplate, Tenprint, read

T = TypeVar("T")
SEED = 1
TOUCHED = 1000  # people whose fingers one search touches


class Once:
    """Prepares and codes each finger once."""

    def __init__(self, matcher: Matcher, coder: FingerCoder, templates: Sequence[FingerTemplate]) -> None:
        self.parameters, self.digest, self.columns = matcher.parameters, coder.digest, coder.columns
        self._place = {id(template): i for i, template in enumerate(templates)}
        self._prepared = matcher.gallery(templates)
        self._codes = coder.encode(templates)

    def gallery(self, templates: Sequence[FingerTemplate]) -> PreparedGallery:
        return self._prepared.take(self._rows(templates))

    def encode(
        self,
        templates: Sequence[FingerTemplate],
        *,
        prepared: Mapping[str, PreparedGallery] | None = None,
        threads: int = 1,
    ) -> Mapping[str, NDArray[np.uint8]]:
        del prepared, threads
        rows = self._rows(templates)
        return {name: codes[rows] for name, codes in self._codes.items()}

    def _rows(self, templates: Sequence[FingerTemplate]) -> NDArray[np.int64]:
        return np.array([self._place[id(template)] for template in templates], np.int64)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds, and what came out."""
    start = time.perf_counter()
    found = work()
    return 1000 * (time.perf_counter() - start), found


def forget(folder: Path) -> None:
    """Takes the files out of the cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def memory_of(work: Callable[[], T]) -> int:
    """Bytes of memory that what comes out holds; what is mapped from files is not among them."""
    tracemalloc.start()
    found = work()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del found
    return held


def measure(folder: Path, gallery: MemoryGallery, once: Once | None, cipher: Cipher | None) -> None:
    """Prints one row of figures for each step."""
    matcher, coder = Matcher(), FingerCoder.shipped()
    people = len(gallery)
    spent = time.process_time()
    added, _ = timed(lambda: update(gallery, folder, once or matcher, once or coder, cipher=cipher))
    spent = time.process_time() - spent
    if once is None:
        print(f"  adding: {1000 * people / added:.0f} people/s ({people / spent:.0f} a second of processor time)")
    compacted, done = timed(lambda: compact(folder, cipher=cipher))
    rows = sum(entry.people for entry in done.manifest.shards)
    print(f"  compacting: {1000 * rows / compacted:.0f} people/s where all is written")
    forget(folder)
    opened, index = timed(lambda: Index.open(folder, gallery, once or matcher, once or coder, cipher=cipher))
    print(f"  on disk: {index.size_bytes / people:.0f} bytes a person, {len(index.shards)} shards")
    held = memory_of(lambda: Index.open(folder, gallery, once or matcher, once or coder, cipher=cipher))
    print(f"  opened with a cold cache in {opened:.0f} ms; {held / people:.0f} bytes a person in memory")
    for column in coder.columns:
        first, _ = timed(lambda name=column.name: [live.shard.codes(name) for live in index.shards])
        size = column.bytes_per_finger
        print(f"  codes {column.name}, {size} bytes a finger, checked or decrypted with a cold cache: {first:.0f} ms")
    chance = np.random.default_rng(SEED)
    shard = index.shards[0].shard
    touched = np.sort(chance.permutation(shard.people)[:TOUCHED])
    cold, _ = timed(lambda: shard.block(touched))
    warm = min(timed(lambda: shard.block(touched))[0] for _ in range(7))
    print(f"  fingers of {len(touched)} people made ready: {cold:.0f} ms cold, {warm:.1f} ms warm (best of 7)")


def main() -> int:
    """Measures plain and encrypted; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--set", default="fcj2020/fjfx")
    parser.add_argument("--fingerprints", type=Path, default=Path("../shared/data/fingerprints"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tmp", type=Path, help="where the index is made")
    options = parser.parse_args()
    templates = [read(path.read_bytes()).view for path in sorted((options.fingerprints / options.set).glob("*.fmr"))]
    chance = np.random.default_rng(SEED)
    drawn = chance.integers(0, len(templates), (options.people, 10))
    gallery = MemoryGallery(
        EnrolledPerson(f"P{n}", Tenprint({position + 1: templates[i] for position, i in enumerate(row)}))
        for n, row in enumerate(drawn.tolist())
    )
    once = Once(Matcher(), FingerCoder.shipped(), templates) if options.quick else None
    machine = runtime.describe()["machine"]
    print(f"{options.people} people, ten fingers of {options.set} ({len(templates)} templates), seed {SEED}, {machine}")
    for name, cipher in (("plain", None), ("encrypted", KeyRing(bytes(32)))):
        with tempfile.TemporaryDirectory(dir=options.tmp) as folder:
            print(name)
            measure(Path(folder), gallery, once, cipher)
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB of memory, the gallery's included")
    return 0


if __name__ == "__main__":
    sys.exit(main())
