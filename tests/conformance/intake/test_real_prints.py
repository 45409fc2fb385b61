"""Real prints are believed, and spoilt ones are not: the counts that docs/explanation/intake.md states."""

from __future__ import annotations

from pathlib import Path

from benchmarks.accuracy import plausibility


def test_real_prints_are_believed_and_spoilt_ones_are_not(fingerprints: Path) -> None:
    counted = plausibility.count(fingerprints, every=8)
    assert counted.prints >= 6000
    assert counted.suspected <= counted.prints // 1000
    assert counted.found["random bytes"] == counted.tried["random bytes"]
    for way in ("wrong unit", "one minutia repeated", "minutiae repeated"):
        assert counted.share(way) >= 0.99, way
    for way in ("x and y shuffled", "places exchanged"):
        assert counted.share(way) >= 0.98, way
