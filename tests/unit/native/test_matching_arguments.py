"""What the native scoring is asked for must lie in the arrays that it is given: all else is refused before it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.matching.parameters import MatcherParameters
from cccd_core.matching.tables import tables

pytestmark = pytest.mark.skipif(not runtime.simd_levels(), reason="no native kernels are built here")

HUGE = (1 << 64) - 1


def finger(minutiae: int, cylinders: int, corners: int = 0) -> NDArray[np.uint64]:
    words = np.zeros(1 + minutiae + 5 * cylinders, np.uint64)
    words[0] = minutiae | cylinders << 8 | corners << 16
    return words


def arguments(**changed: Any) -> list[Any]:
    """Those of matching_scores for a probe against fingers 1 and 2 of three, with features."""
    t = tables(MatcherParameters())
    known = {
        "probe": finger(2, 1),
        "words": np.concatenate([finger(3, 2), finger(0, 0), finger(1, 1)]),
        "offsets": np.array([0, 14, 15, 22]),
        "start": 1,
        "stop": 3,
        "settings": t.settings,
        "weights": t.weights,
        "cosines": t.cosines,
        "sines": t.sines,
        "logarithms": t.logarithms,
        "out": np.zeros(2, np.float32),
        "features": np.zeros((2, 31), np.float32),
    }
    assert set(changed) <= set(known)
    return [*(known | changed).values(), runtime.simd_levels()[-1]]


def test_arguments_that_fit() -> None:
    runtime.native().matching_scores(*arguments())
    runtime.native().matching_scores(*arguments(features=np.zeros((0, 31), np.float32)))
    runtime.native().matching_scores(*arguments(start=3, out=np.zeros(0, np.float32), features=np.zeros((0, 31), "f4")))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"start": 4}, "start..stop"),
        ({"stop": 4, "out": np.zeros(3, np.float32)}, "start..stop"),
        ({"start": HUGE, "stop": HUGE, "out": np.zeros(0, np.float32)}, "start..stop"),
        ({"start": HUGE - 2, "stop": HUGE}, "start..stop"),
        ({"out": np.zeros(3, np.float32)}, "start..stop"),
        ({"offsets": np.zeros(0, np.int64)}, "start..stop"),
        ({"settings": np.zeros(22, np.float32)}, "version"),
        ({"weights": np.zeros(3, np.float32)}, "version"),
        ({"sines": np.zeros(255, np.float32)}, "256"),
        ({"features": np.zeros((2, 30), np.float32)}, "31"),
        ({"features": np.zeros((1, 31), np.float32)}, "31"),
        ({"probe": np.zeros(0, np.uint64)}, "probe"),
        ({"probe": finger(2, 1)[:-1]}, "probe"),
        ({"probe": finger(121, 0)}, "probe"),
        ({"probe": finger(100, 65)}, "probe"),
        ({"probe": finger(2, 3)}, "probe"),
        ({"probe": finger(2, 1, corners=3)}, "probe"),
        ({"offsets": np.array([0, 14, 16, 22])}, "gallery"),
        ({"offsets": np.array([0, -1, 15, 22])}, "gallery"),
        ({"offsets": np.array([0, 14, 15, 1 << 62])}, "gallery"),
        ({"offsets": np.array([0, 15, 14, 22])}, "gallery"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        runtime.native().matching_scores(*arguments(**changed))


def pair_arguments(**changed: Any) -> list[Any]:
    """Those of matching_pair_scores for two probes and three candidates."""
    known = dict(zip(("probe", "words", "offsets", "start", "stop"), arguments(), strict=False))
    t = tables(MatcherParameters())
    fitting = {
        "probe_words": np.concatenate([finger(2, 1), finger(3, 0)]),
        "probe_offsets": np.array([0, 8, 12]),
        "words": known["words"],
        "offsets": known["offsets"],
        "pairs": np.array([[0, 0], [0, 2], [1, 1]]),
        "settings": t.settings,
        "weights": t.weights,
        "cosines": t.cosines,
        "sines": t.sines,
        "logarithms": t.logarithms,
        "out": np.zeros(3, np.float32),
    }
    assert set(changed) <= set(fitting)
    return [*(fitting | changed).values(), runtime.simd_levels()[-1]]


def test_pairs_that_fit() -> None:
    runtime.native().matching_pair_scores(*pair_arguments())
    runtime.native().matching_pair_scores(
        *pair_arguments(pairs=np.zeros((0, 2), np.int64), out=np.zeros(0, np.float32))
    )


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"pairs": np.zeros((3, 3), np.int64)}, "n x 2"),
        ({"out": np.zeros(2, np.float32)}, "n x 2"),
        ({"weights": np.zeros(3, np.float32)}, "version"),
        ({"logarithms": np.zeros(255, np.float32)}, "256"),
        ({"pairs": np.array([[0, 0], [2, 2], [1, 1]])}, "no such finger"),
        ({"pairs": np.array([[0, 0], [-1, 2], [1, 1]])}, "no such finger"),
        ({"pairs": np.array([[0, 3], [0, 2], [1, 1]])}, "no such finger"),
        ({"pairs": np.array([[0, HUGE >> 1], [0, 2], [1, 1]])}, "no such finger"),
        ({"probe_offsets": np.zeros(0, np.int64)}, "no such finger"),
        ({"probe_offsets": np.array([0, 9, 12])}, "no prepared finger"),
        ({"offsets": np.array([0, 14, 15, 1 << 62])}, "no prepared finger"),
        ({"offsets": np.array([0, -1, 15, 22])}, "no prepared finger"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        runtime.native().matching_pair_scores(*pair_arguments(**changed))
