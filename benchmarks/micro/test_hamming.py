"""The Hamming scan, native beside its Numba twin, interleaved: `pytest benchmarks/micro/test_hamming.py -s`.

One thread, one core's worth: 64 probes over 100,000 codes of 512 bits (6.4 MB: beyond the second-level cache).
"""

from __future__ import annotations

import platform
import time

import numpy as np
import pytest

from cccd_core import runtime
from cccd_core.dedup import hamming

SEED, PROBES, ROWS, LIMIT, ROUNDS = 1, 64, 100_000, 190, 9


@pytest.fixture
def scan():
    random = np.random.default_rng(SEED)
    probe = random.integers(0, 2**64, (PROBES, 8), dtype=np.uint64)
    gallery = random.integers(0, 2**64, (ROWS, 8), dtype=np.uint64)
    return lambda: hamming.within(probe, gallery, LIMIT)


@pytest.mark.parametrize("kernels", ["native", "numba"])
def test_within(benchmark, scan, monkeypatch, kernels):
    if kernels == "native" and not runtime.simd_levels():
        pytest.skip("the native kernels are not built")
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, kernels)
    scan()
    hits = benchmark(scan)
    benchmark.extra_info["pairs_per_second"] = PROBES * ROWS / benchmark.stats.stats.median
    assert len(hits) == len(scan())


def test_native_is_worth_it(scan, monkeypatch, capsys):
    """The rule for native code: at least 1.5 times as fast as its twin, measured side by side."""
    if not runtime.simd_levels():
        pytest.skip("the native kernels are not built")
    choices = [("numba", None), *(("native", level) for level in runtime.simd_levels())]
    seconds: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for kernels, level in choices:
            monkeypatch.setenv(runtime.KERNELS_VARIABLE, kernels)
            if level:
                monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
            start = time.perf_counter()
            scan()
            seconds.setdefault(runtime.kernels(), []).append(time.perf_counter() - start)
    twin = np.array(seconds["numba"][1:])
    with capsys.disabled():
        print(f"\n{platform.machine()}, seed {SEED}, {PROBES} probes x {ROWS} codes, {ROUNDS - 1} rounds, one thread")
        for name, values in seconds.items():
            rate = PROBES * ROWS / np.array(values[1:]) / 1e9
            ratio = twin / np.array(values[1:])
            low, middle, high = np.percentile(ratio, [10, 50, 90])
            print(f"{name:15} {np.median(rate):6.2f} G pairs/s   x{middle:.2f} of numba ({low:.2f} to {high:.2f})")
    best = np.array(seconds[f"native-{runtime.simd_levels()[-1]}"][1:])
    assert np.median(twin / best) > 1.5
