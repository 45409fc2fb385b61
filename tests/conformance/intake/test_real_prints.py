"""Real prints are believed, and spoilt ones are not: the counts that docs/explanation/intake.md states."""

from __future__ import annotations

from pathlib import Path

from benchmarks.accuracy import plausibility


def test_real_prints_are_believed_and_spoilt_ones_are_not(fingerprints: Path) -> None:
    counted = plausibility.count(fingerprints, every=32)
    assert counted.prints >= 6000
    assert counted.suspected <= counted.prints // 1000
    assert counted.found["random bytes"] == counted.tried["random bytes"]
    for way in ("wrong unit", "one minutia repeated", "minutiae repeated", "one direction and its opposite"):
        assert counted.share(way) >= 0.99, way
    for way in ("two thirds of the angles 0", "2 directions at random", "the nearest of 4 directions", "on 2 lines"):
        assert counted.share(way) >= 0.99, way
    for way in ("x and y shuffled", "places exchanged", "78 pixels/cm for 197", "on 3 lines", "on a circle"):
        assert counted.share(way) >= 0.98, way
    assert counted.share("two fingers beside each other") >= 0.75
