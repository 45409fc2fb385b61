"""The scan over codes beside its twin, a loop by hand and faiss: `pytest benchmarks/micro/test_scanning.py -s`.

One thread, the time of the process, all interleaved in one run; people of ten fingers, 960 bytes of signs and 2,880 of
four-bit numbers each.
faiss is no dependency: it is measured where it can be imported (`pip install faiss-cpu`, or PYTHONPATH to one).
"""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cccd_core import runtime
from cccd_core.dedup.codes import scan

SEED, PEOPLE, ROUNDS, WIDTH = 1, 100_000, 9, 960
LIMIT = 3400  # bits of 7,680 that may differ; at random half do
LOOP = Path(__file__).with_name("scan_loop.cpp")


def codes(rows: int, width: int, seed: int) -> np.ndarray:
    """Codes at random from an address that 64 divides, as in a shard."""
    room = np.empty(rows * width + 64, np.uint8)
    start = -room.ctypes.data % 64
    made = room[start : start + rows * width].reshape(rows, width)
    made[:] = np.random.default_rng(seed).integers(0, 256, (rows, width), dtype=np.uint8)
    return made


def by_hand(folder: Path) -> Callable[[np.ndarray, np.ndarray], int] | None:
    compiler = shutil.which("g++")
    if compiler is None or "avx512" not in runtime.simd_levels():
        return None
    library = folder / "scan_loop.so"
    subprocess.run([compiler, "-O3", "-march=native", "-shared", "-fPIC", "-o", library, LOOP], check=True)
    loop = ctypes.CDLL(str(library)).scan_loop
    loop.restype = ctypes.c_size_t
    room = np.empty((4096, 3), np.uint32)

    def run(probes: np.ndarray, rows: np.ndarray) -> int:
        pointer = [ctypes.c_void_p(array.ctypes.data) for array in (probes, rows, room)]
        sizes = [ctypes.c_size_t(count) for count in (len(probes), len(rows), len(room))]
        return int(loop(pointer[0], sizes[0], pointer[1], sizes[1], LIMIT, pointer[2], sizes[2]))

    return run


def by_faiss(rows: np.ndarray) -> Callable[[np.ndarray], int] | None:
    try:
        import faiss
    except ImportError:
        return None
    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(8 * WIDTH)
    index.add(rows)
    return lambda probes: len(index.range_search(probes, LIMIT + 1)[1])


@pytest.mark.parametrize("count", [1, 16, 64])
def test_signs_beside_others(tmp_path, monkeypatch, capsys, count):
    rows, probes = codes(PEOPLE, WIDTH, SEED), codes(count, WIDTH, SEED + 1)
    present = np.full(PEOPLE, 1023, np.uint16)
    laid = scan.sign_probes(probes, present[:count], 10)
    floors = np.full((count, scan.PRESENCES), -LIMIT, np.int32)

    def ours(kernels: str, level: str) -> int:
        monkeypatch.setenv(runtime.KERNELS_VARIABLE, kernels)
        monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
        return len(scan.signs(laid, floors, rows, present)[0])

    sides: dict[str, Callable[[], int]] = {"numba": lambda: ours("numba", "")}
    for level in runtime.simd_levels():
        sides[f"native-{level}"] = lambda level=level: ours("native", level)
    loop, faiss = by_hand(tmp_path), by_faiss(rows)
    if loop is not None:
        sides["by hand"] = lambda: loop(probes, rows)
    if faiss is not None:
        sides["faiss"] = lambda: faiss(probes)
    measured(sides, count, capsys)


@pytest.mark.parametrize("count", [1, 16])
def test_steps_beside_the_twin(monkeypatch, capsys, count):
    rows, probes = codes(PEOPLE // 4, 2880, SEED), codes(count, 2880, SEED + 1)
    present = np.full(len(rows), 1023, np.uint16)
    laid = scan.step_probes(probes, present[:count], 10)
    floors = np.full((count, scan.PRESENCES), 40_000, np.int32)

    def ours(kernels: str, level: str) -> int:
        monkeypatch.setenv(runtime.KERNELS_VARIABLE, kernels)
        monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
        return len(scan.steps(laid, floors, rows, present)[0])

    sides: dict[str, Callable[[], int]] = {"numba": lambda: ours("numba", "")}
    for level in runtime.simd_levels():
        sides[f"native-{level}"] = lambda level=level: ours("native", level)
    measured(sides, count, capsys, len(rows))


def measured(sides: dict[str, Callable[[], int]], count: int, capsys: object, people: int = PEOPLE) -> None:
    """Runs all sides in turn, checks that they find the same, and prints rates and ratios to the last level."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        found = set()
        for name, side in sides.items():
            start = time.process_time()
            found.add(side())
            seconds[name].append(time.process_time() - start)
        assert len(found) == 1
    ours = next(name for name in reversed(seconds) if name.startswith(("native", "numba")))
    best = np.array(seconds[ours][1:])
    with capsys.disabled():
        print(f"\n{platform.machine()}, seed {SEED}, {count} probes x {people} people, {ROUNDS - 1} rounds, one thread")
        for name, values in seconds.items():
            here = np.array(values[1:])
            low, middle, high = np.percentile(here / best, [10, 50, 90])
            rate = count * people / np.median(here) / 1e6
            print(f"{name:15} {rate:8.1f} M people/s   {ours} is x{middle:.2f} of it ({low:.2f} to {high:.2f})")
