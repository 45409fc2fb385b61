"""Real prints are believed, and spoilt ones are not: the counts that docs/explanation/intake.md states."""

from __future__ import annotations

from pathlib import Path

from benchmarks.accuracy import plausibility

NEARLY_ALL = (
    "wrong unit", "one minutia repeated", "minutiae repeated", "one direction and its opposite",
    "two thirds of the angles 0", "2 directions at random", "the nearest of 4 directions", "on 2 lines",
)  # fmt: skip
MOST = ("x and y shuffled", "places exchanged", "78 pixels/cm for 197", "on 3 lines", "on a circle")
BESIDE = "two fingers beside each other"
RANDOM = "random bytes"


def test_real_prints_are_believed_and_spoilt_ones_are_not(fingerprints: Path) -> None:
    counted = plausibility.count(fingerprints, every=32, ways=(*NEARLY_ALL, *MOST, BESIDE, RANDOM))
    assert counted.prints >= 6000
    assert counted.suspected <= counted.prints // 1000
    assert counted.found[RANDOM] == counted.tried[RANDOM]
    for way in NEARLY_ALL:
        assert counted.share(way) >= 0.99, way
    for way in MOST:
        assert counted.share(way) >= 0.98, way
    assert counted.share(BESIDE) >= 0.75
