"""Synthetic prints beside real ones, on impressions that the parameters never saw (scripts/compare_synthesis.py)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

_spec = importlib.util.spec_from_file_location(
    "compare_synthesis", Path(__file__).parents[3] / "scripts" / "compare_synthesis.py"
)
compare = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(compare)

pytestmark = [pytest.mark.data, pytest.mark.jit]


@pytest.fixture(scope="module")
def sides(fingerprints):
    real = compare.real()[::2]
    assert len(real) == 99
    return real, compare.synthetic(2026, len(real))


@pytest.mark.parametrize("measure", [compare.counts, compare.neighbours])
def test_counts_and_distances(sides, measure):
    real, synthetic = (np.percentile(measure(side), (25, 50, 75)) for side in sides)
    assert synthetic == pytest.approx(real, rel=0.25)


@pytest.mark.parametrize("measure", [compare.genuine, compare.impostor])
def test_the_matcher_sees_them_alike(sides, measure):
    real, synthetic = (measure(side) for side in sides)
    # the chance that a synthetic pair scores above a real one is near a half, ties counted half
    above = np.searchsorted(np.sort(real), synthetic, "left") + np.searchsorted(np.sort(real), synthetic, "right")
    assert above.mean() / (2 * len(real)) == pytest.approx(0.5, abs=0.15)
    spread = np.subtract(*np.percentile(synthetic, (90, 10))) / np.subtract(*np.percentile(real, (90, 10)))
    assert 0.6 < spread < 1.6
