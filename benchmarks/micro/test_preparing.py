"""Preparing, native beside its Numba twin, interleaved: `pytest benchmarks/micro/test_preparing.py`.

Real prints of crossmatch/fjfx, one thread; needs ../shared/data/fingerprints (CCCD_SHARED names another place). The
kernels alone: what the matcher does around them in Python is in `test_matcher.py`.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import numpy as np
import pytest

from cccd_core import runtime, templates
from cccd_core.matching import Matcher
from cccd_core.matching.calibration import Calibration
from cccd_core.matching.kernels import prepare

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared")) / "data" / "fingerprints" / "crossmatch" / "fjfx"
FINGERS, ROUNDS = 40, 60


@pytest.fixture
def calls():
    """What the kernels are called with: fingers of about fifty minutiae, the size that figures are stated for."""
    if not FOLDER.is_dir():
        pytest.skip(f"no real fingerprints at {FOLDER}")
    views = (templates.load(file).view for file in sorted(FOLDER.glob("*.fmr")))
    fingers = [view for view in views if 45 <= view.count <= 55][:FINGERS]
    assert len(fingers) == FINGERS
    matcher = Matcher(calibration=Calibration.identity())
    return [matcher.preparation(finger) for finger in fingers]


def test_native_is_worth_it(calls, capsys):
    """The rule for native code: at least 1.5 times as fast as its twin, measured side by side."""
    levels = runtime.simd_levels()
    if not levels:
        pytest.skip("the native kernels are not built")
    native = runtime.native().preparing_finger
    choices = {"numba": prepare.finger} | {
        f"native-{level}": lambda *arguments, level=level: native(*arguments, level) for level in levels
    }
    seconds: dict[str, list[float]] = {name: [] for name in choices}
    for _ in range(ROUNDS + 1):
        for name, finger in choices.items():
            start = time.perf_counter()
            for arguments, order, words in calls:
                finger(*arguments, order, words)
            seconds[name].append(time.perf_counter() - start)
    twin = np.array(seconds["numba"][1:])
    with capsys.disabled():
        print(f"\n{platform.machine()}, {FINGERS} fingers of 45 to 55 minutiae, {ROUNDS} rounds, one thread")
        for name, values in seconds.items():
            used = np.array(values[1:])
            low, middle, high = np.percentile(twin / used, [10, 50, 90])
            each = 1e6 * np.median(used) / FINGERS
            print(f"{name:15} {each:6.1f} us a finger   x{middle:.2f} of numba ({low:.2f} to {high:.2f})")
    assert np.median(twin / np.array(seconds[f"native-{levels[-1]}"][1:])) > 1.5
