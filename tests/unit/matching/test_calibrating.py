"""The native twin of Calibration.scores gives its bits; hostile arguments are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.matching.calibration import Calibration
from cccd_core.matching.levelling import Surroundings

pytestmark = pytest.mark.skipif(not runtime.simd_levels(), reason="no native kernels are built here")


def heads(count: int, seed: int) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 1 << 48, count, dtype=np.uint64)


def native(calibration: Calibration, probe: NDArray[np.uint64], words: NDArray[np.uint64], raw: Any) -> Any:
    scores = raw.copy()
    offsets = np.arange(len(words) + 1)
    runtime.native().calibrating_scores(*calibration.arrays(), probe, words, offsets, scores)
    return scores


@pytest.mark.parametrize("calibration", [Calibration.shipped(), Calibration.identity()], ids=["shipped", "identity"])
@pytest.mark.parametrize("count", [0, 1, 7, 40_000])
def test_it_gives_the_bits_of_numpy(calibration: Calibration, count: int) -> None:
    random = np.random.default_rng(count)
    raw = np.maximum(random.normal(14.0, 9.0, count), 0.0).astype(np.float32)
    raw[::9] = random.choice(np.array(calibration.raw_knots, np.float32), len(raw[::9]))
    raw[::50] *= 20.0
    probe, words = heads(1, 1), heads(count, 2)
    expected = calibration.scores(raw, Surroundings.of(probe, words))
    assert (native(calibration, probe, words, raw).view(np.uint32) == expected.view(np.uint32)).all()


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (0, np.zeros(1), "knots"),
        (1, np.zeros(3), "knots"),
        (2, np.zeros((2, 256)), "chance"),
        (3, np.zeros(5), "numbers"),
        (4, np.zeros(0, np.uint64), "probe"),
        (6, np.array([0, 1, 2]), "a score for each"),
        (6, np.array([0, -1, 2, 3]), "no prepared finger"),
        (6, np.array([0, 1 << 40, 2, 3]), "no prepared finger"),
        (7, np.zeros(4, np.float32), "a score for each"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(place: int, value: NDArray[Any], why: str) -> None:
    arguments = [*Calibration.shipped().arrays(), heads(1, 1), heads(3, 2), np.arange(4), np.zeros(3, np.float32)]
    arguments[place] = value
    with pytest.raises(ValueError, match=why):
        runtime.native().calibrating_scores(*arguments)
