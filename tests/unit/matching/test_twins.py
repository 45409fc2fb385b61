"""The Numba kernels, the native ones at every SIMD level and the slow reference give the same."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cccd_core import runtime, templates
from cccd_core.matching import PreparedGallery, PreparedTemplate
from cccd_core.matching.tables import tables
from cccd_core.templates import FingerTemplate
from reference import matching_naive
from support.matching_pairs import impression, raw_matcher

MATCHER = raw_matcher()


def measured(
    monkeypatch: pytest.MonkeyPatch, kernels: str, level: str, probes: list[PreparedTemplate], gallery: PreparedGallery
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, kernels)
    monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
    scores = np.array([MATCHER.scores(probe, gallery, threads=1) for probe in probes])
    features = np.array([MATCHER.features(probe, gallery) for probe in probes])
    pairs = np.stack(np.meshgrid(np.arange(len(probes)), np.arange(len(gallery)), indexing="ij"), axis=-1)
    in_pairs = MATCHER.pair_scores(PreparedGallery.pack(probes), gallery, pairs.reshape(-1, 2))
    assert (in_pairs.view(np.uint32) == scores.reshape(-1).view(np.uint32)).all()
    return scores.view(np.uint32), features.view(np.uint32)


def agree(monkeypatch: pytest.MonkeyPatch, probes: list[PreparedTemplate], gallery: PreparedGallery) -> None:
    levels = runtime.simd_levels()
    if not levels:
        pytest.skip("no native kernels are built here")
    scores, features = measured(monkeypatch, "numba", "", probes, gallery)
    for level in levels:
        native_scores, native_features = measured(monkeypatch, "native", level, probes, gallery)
        assert (native_scores == scores).all(), level
        assert (native_features == features).all(), level


def explained(probe: FingerTemplate, candidate: FingerTemplate) -> tuple[list[object], ...]:
    """All that an explanation says, as what compares bit by bit."""
    why = MATCHER.explain(probe, candidate)
    values = [getattr(why, field.name) for field in dataclasses.fields(why)]
    return tuple(each.tolist() if isinstance(each, np.ndarray) else each for each in values)


@pytest.mark.jit
def test_every_level_explains_as_numba_does(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = runtime.simd_levels()
    if not levels:
        pytest.skip("no native kernels are built here")
    fingers = [impression(seed, number, n=n) for seed, n in enumerate((0, 2, 17, 40, 64, 130)) for number in (0, 1)]
    pairs = [(one, other) for one in fingers for other in fingers]
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "numba")
    wanted = [explained(*pair) for pair in pairs]
    assert sum(bool(each[0]) for each in wanted) >= 60
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "native")
    for level in levels:
        monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
        assert [explained(*pair) for pair in pairs] == wanted, level


@pytest.mark.jit
def test_every_level_gives_the_bits_of_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (0, 1, 2, 3, 7, 15, 16, 17, 31, 33, 48, 63, 64, 65, 119, 120, 130)
    gallery = MATCHER.gallery([impression(seed, number, n=n) for seed, n in enumerate(sizes) for number in (0, 1)])
    agree(monkeypatch, list(gallery)[::3], gallery)


@pytest.mark.jit
@pytest.mark.data
def test_every_level_gives_the_bits_of_numba_on_real_fingers(
    monkeypatch: pytest.MonkeyPatch, fingerprints: Path
) -> None:
    files = [
        file
        for folder in ("fvc2004_DB2_B/fjfx", "fvc2002_DB3_B/mindtct", "fcj2020/sourceafis")
        for file in sorted((fingerprints / folder).glob("*.fmr"))[:16]
    ]
    gallery = MATCHER.gallery([templates.load(file).views[0] for file in files])
    agree(monkeypatch, list(gallery)[::4], gallery)


def made_up(random: np.random.Generator) -> PreparedTemplate:
    """Words that pass for a finger, and that no preparation would make: minutiae in no order, corners anywhere."""
    n = int(random.integers(0, 121))
    cylinders, corners = int(random.integers(0, min(n, 64) + 1)), int(random.integers(0, n + 1))
    words = random.integers(0, 1 << 63, 1 + n + 5 * cylinders).astype(np.uint64)
    words[0] = n | cylinders << 8 | corners << 16 | int(random.integers(0, 256)) << 24
    places = 32768 + random.integers(0, random.choice([20, 400, 32768]), (2, n)).astype(np.uint64)
    words[1 : 1 + n] = words[1 : 1 + n] >> np.uint64(32) << np.uint64(32) | places[0] | places[1] << np.uint64(16)
    return PreparedTemplate(words)


@pytest.mark.jit
def test_every_level_gives_the_bits_of_numba_on_what_no_preparation_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    gallery = PreparedGallery.pack([made_up(random) for _ in range(40)])
    agree(monkeypatch, list(gallery), gallery)


def test_the_slow_reference_agrees() -> None:
    pairs = [(1, 1, 1, 2), (2, 1, 2, 3), (3, 0, 4, 0), (5, 1, 6, 1)]
    for one, first, other, second in pairs:
        a, b = impression(one, first, n=26), impression(other, second, n=24)
        probe, candidate = MATCHER.prepare(a), MATCHER.prepare(b)
        codes = matching_naive.cylinders(a, MATCHER.parameters)
        differing = sum((x ^ y).bit_count() for x, y in zip(codes, matching_naive.codes_of(probe), strict=True))
        assert differing <= 6 * len(codes) // 20  # a cell on the threshold may fall either way
        found = matching_naive.features(probe, candidate, MATCHER.parameters, tables(MATCHER.parameters))
        kernel = MATCHER.features(probe, PreparedGallery.pack([candidate]))[0]
        np.testing.assert_allclose(kernel, found, rtol=2e-3, atol=2e-3)
