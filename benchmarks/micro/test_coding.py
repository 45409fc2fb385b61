"""Templates to codes, every level beside the Numba twin: `pytest benchmarks/micro/test_coding.py -s`. One thread.

Synthetic fingers of about 55 minutiae; the time of the process, preparing at three radii included.
"""

from __future__ import annotations

import platform
import time
from dataclasses import replace

import numpy as np
import pytest

from cccd_core import runtime
from cccd_core.dedup.codes import FingerCoder
from cccd_core.synthesis import MasterFinger, setting

SEED, FINGERS, ROUNDS = 3, 256, 5


def test_a_finger(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    parameters = replace(setting(), minutiae_per_mm2=0.53)
    templates = [MasterFinger.make(SEED, person, 2, parameters).impression(0) for person in range(FINGERS)]
    coder = FingerCoder.shipped()
    sides = [("numba", ""), *(("native", level) for level in runtime.simd_levels())]
    seconds: dict[str, list[float]] = {}
    found = set()
    for _ in range(ROUNDS):
        for kernels, level in sides:
            monkeypatch.setenv(runtime.KERNELS_VARIABLE, kernels)
            monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
            start = time.process_time()
            codes = coder.encode(templates)
            seconds.setdefault(runtime.kernels(), []).append(time.process_time() - start)
            found.add(codes["bits"].tobytes() + codes["int4"].tobytes())
    assert len(found) == 1
    minutiae = np.mean([template.count for template in templates])
    with capsys.disabled():
        print(f"\n{platform.machine()}, seed {SEED}, {FINGERS} fingers of {minutiae:.0f} minutiae, {ROUNDS - 1} rounds")
        for name, values in seconds.items():
            low, middle, high = np.percentile(np.array(values[1:]) / FINGERS * 1e6, [0, 50, 100])
            print(f"{name:15} {middle:8.0f} us a finger ({low:.0f} to {high:.0f})")
