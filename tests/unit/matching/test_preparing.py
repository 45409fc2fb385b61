"""Preparing: the Numba kernel and the native ones of all levels give the same; hostile arguments do no harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cccd_core import runtime, templates
from cccd_core.errors import ParameterError
from cccd_core.matching import MatcherParameters, PreparedGallery
from cccd_core.matching.matcher import gallery_at_scales
from cccd_core.matching.tables import tables
from cccd_core.templates import FingerTemplate
from support.matching_pairs import impression, raw_matcher

MATCHER = raw_matcher()


def anything(seed: int, n: int, span: int, ppcm: tuple[int, int] = (197, 197), line: bool = False) -> FingerTemplate:
    """n minutiae anywhere: many in one place where `span` is small, all on one line with `line`."""
    random = np.random.default_rng(seed)
    x, y = random.integers(0, span, (2, n)).astype(np.uint16)
    return FingerTemplate(
        x,
        x if line else y,
        random.integers(0, 65536, n).astype(np.uint16),
        random.integers(0, 3, n).astype(np.uint8),
        random.integers(0, 101, n).astype(np.uint8),
        resolution_x_ppcm=ppcm[0],
        resolution_y_ppcm=ppcm[1],
    )


def agree(
    monkeypatch: pytest.MonkeyPatch, fingers: list[FingerTemplate], parameters: MatcherParameters | None = None
) -> None:
    levels = runtime.simd_levels()
    if not levels:
        pytest.skip("no native kernels are built here")
    matcher = raw_matcher(parameters)
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "numba")
    expected = [matcher.prepare_with_order(finger) for finger in fingers]
    packed = matcher.pack([words for words, _ in expected])
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "native")
    for level in levels:
        monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
        together = matcher.gallery(fingers)
        assert together.words.tolist() == packed.words.tolist(), level
        assert (together.offsets.tolist(), together.counts.tolist()) == (
            packed.offsets.tolist(),
            packed.counts.tolist(),
        )
        for (words, order), finger in zip(expected, fingers, strict=True):
            found, found_order = matcher.prepare_with_order(finger)
            assert found.words.tolist() == words.words.tolist(), (level, finger.count)
            assert found_order.tolist() == order.tolist(), (level, finger.count)


def test_every_level_gives_the_words_of_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    agree(monkeypatch, [impression(seed, 1, n=n) for seed, n in enumerate((0, 1, 2, 3, 9, 17))])


@pytest.mark.jit
def test_every_level_gives_the_words_of_numba_for_every_number_of_minutiae(monkeypatch: pytest.MonkeyPatch) -> None:
    agree(monkeypatch, [anything(n, n, 400) for n in (*range(256), 257, 1000)])


@pytest.mark.jit
@pytest.mark.parametrize(
    "parameters",
    [
        MatcherParameters(),
        MatcherParameters(cylinder_radius_px=16.0),
        MatcherParameters(cylinder_radius_px=200.0, spatial_sigma_px=50.0),
        MatcherParameters(cylinder_radius_px=16.0, spatial_sigma_px=50.0),
        MatcherParameters(cylinder_radius_px=70.3, spatial_sigma_px=9.3, bit_threshold=0.0),
        MatcherParameters(minutiae_max=17, cylinders_max=5),
    ],
)
def test_every_level_gives_the_words_of_numba_for_strange_fingers(
    monkeypatch: pytest.MonkeyPatch, parameters: MatcherParameters
) -> None:
    sizes = (0, 1, 2, 3, 8, 50, 64, 65, 119, 120, 121, 255, 256, 300)
    fingers = [anything(n, n, span, line=n % 2 == 1) for n in sizes for span in (1, 2, 60, 400, 65536)]
    fingers += [anything(n, 60, 400, ppcm) for n, ppcm in enumerate([(1, 65535), (394, 197), (50, 100)])]
    agree(monkeypatch, fingers, parameters)


def test_a_sum_that_is_at_the_threshold_is_not_above_it_at_any_level(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.array([100, 116], np.uint16)
    nothing = np.zeros(2, np.uint8)
    finger = FingerTemplate(x, nothing.astype(np.uint16), nothing.astype(np.uint16), nothing, nothing)
    found = tables(MatcherParameters())
    at = float(found.spatial[128] * found.angular[0, 3])  # the other minutia's, to the cells that are nearest to it
    for threshold in (at, np.nextafter(at, 0.0), np.nextafter(at, 1.0), at * (1 + 1e-6), at * (1 - 1e-6)):
        agree(monkeypatch, [finger], MatcherParameters(bit_threshold=float(threshold)))
    monkeypatch.delenv(runtime.SIMD_VARIABLE)
    counted = [
        int(np.bitwise_count(raw_matcher(MatcherParameters(bit_threshold=float(one))).prepare(finger).words[3:]).sum())
        for one in (at, np.nextafter(at, 0.0))
    ]
    assert counted[0] < counted[1]


@pytest.mark.jit
@pytest.mark.data
def test_every_level_gives_the_words_of_numba_on_real_fingers(
    monkeypatch: pytest.MonkeyPatch, fingerprints: Path
) -> None:
    files = [file for folder in sorted(fingerprints.glob("*/*")) for file in sorted(folder.glob("*.fmr"))[:40]]
    assert files
    agree(monkeypatch, [view for file in files for view in templates.load(file).views])


@pytest.fixture
def call() -> Callable[..., None]:
    """Calls the native kernel with the right arguments for a finger, but for those given by their place."""
    if not runtime.simd_levels():
        pytest.skip("no native kernels are built here")
    arguments, order, words = MATCHER.preparation(impression(3, 1, n=70))

    def run(changed: dict[int, Any], level: str = runtime.simd_levels()[-1]) -> None:
        given = [*arguments, order, words]
        for place, value in changed.items():
            given[place] = value
        runtime.native().preparing_finger(*given, level)

    run({})
    return run


def test_fingers_that_do_not_fill_their_arrays_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if not runtime.use_native():
        pytest.skip("no native kernels run here")
    given: list[Any] = []
    real = runtime.native()

    class Caught:
        @staticmethod
        def preparing_gallery(*arguments: Any) -> None:
            given.extend(arguments)
            real.preparing_gallery(*arguments)

    monkeypatch.setattr(runtime, "native", Caught)
    MATCHER.gallery([impression(3, 1, n=70), impression(4, 1, n=9)])
    starts, scales, sizes, settings, spatial, spatial_starts, angular, offsets, words = 5, 6, 7, 8, 9, 10, 11, 14, 15
    changes: list[tuple[int, Any]] = [(place, given[place][:-1]) for place in range(words + 1)]
    changes += [(settings, given[settings].repeat(5, axis=0)), (angular, given[angular][:, :, :7].copy())]
    changes += [(spatial_starts, np.array(wrong)) for wrong in ([0, 1], [-1, 9], [9, 3], [0, 1 << 40])]
    changes += [(spatial, given[spatial][:1].copy())]
    changes += [(starts, given[starts] + shift) for shift in (-1, 1)]
    changes += [(starts, np.array([0, 1 << 40, 79])), (starts, np.array([0, -5, 79]))]
    changes += [(sizes, given[sizes] + 1), (sizes, -given[sizes]), (offsets, given[offsets][::-1].copy())]
    changes += [(scales, np.ones((2, 3))), (scales, np.ones((3, 2)))]
    for place, wrong in changes:
        with pytest.raises((ValueError, TypeError)):
            real.preparing_gallery(*given[:place], wrong, *given[place + 1 :])


def test_fingers_side_by_side_are_taken_in_turn() -> None:
    fingers = [impression(seed, 1, n=n) for seed, n in ((1, 9), (2, 0), (3, 40))]
    one, other = MATCHER.gallery(fingers), MATCHER.gallery(fingers[::-1])
    expected = [words for pair in zip(one, other, strict=True) for words in pair]
    packed, found = PreparedGallery.pack(expected), PreparedGallery.side_by_side([one, other])
    assert found.words.tolist() == packed.words.tolist()
    assert (found.offsets.tolist(), found.counts.tolist()) == (packed.offsets.tolist(), packed.counts.tolist())


def test_a_finger_at_several_scales_is_what_each_makes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fingers = [anything(n, n, 300) for n in (0, 1, 5, 70, 130)]
    matchers = [
        raw_matcher(MatcherParameters(cylinder_radius_px=radius, spatial_sigma_px=sigma, crowd_reach_px=reach))
        for radius, sigma, reach in ((48.0, 7.0, 30.0), (64.0, 8.0, 20.0), (100.0, 12.0, 30.0), (70.3, 9.3, 50.0))
    ]
    expected = PreparedGallery.side_by_side([matcher.gallery(fingers) for matcher in matchers])
    for level in runtime.simd_levels() or ("",):
        monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
        found = gallery_at_scales(matchers, fingers)
        assert found.words.tolist() == expected.words.tolist(), level
        assert (found.offsets.tolist(), found.counts.tolist()) == (expected.offsets.tolist(), expected.counts.tolist())
    assert len(gallery_at_scales(matchers, [])) == 0
    for wrong in ([], [matchers[0]] * 5, [matchers[0], raw_matcher(MatcherParameters(minutiae_max=17))]):
        with pytest.raises(ParameterError):
            gallery_at_scales(wrong, fingers)


ARRAYS = (0, 1, 2, 3, 4, 12, 13, 14, 15, 16, 17)


@pytest.mark.parametrize("place", ARRAYS)
def test_arrays_of_another_shape_or_type_are_refused(call: Callable[..., None], place: int) -> None:
    arguments, order, words = MATCHER.preparation(impression(3, 1, n=70))
    right = [*arguments, order, words][place]
    wrong = [right[:0], right.astype(np.float32), right.astype(f">{right.dtype.str[1:]}"), None, [1, 2]]
    if right.itemsize == 1:
        wrong.pop(2)  # a byte has no order
    if place != 12:  # the spatial table has the length that its parameters give it
        wrong += [right[:-1], np.concatenate([right, right])]
    wrong += [right[:, :-1]] if right.ndim == 2 else [right[::2], right[np.newaxis]]
    for array in wrong:
        with pytest.raises((TypeError, ValueError)):
            call({place: array})


@pytest.mark.parametrize(
    "changed",
    [
        {7: -1},
        {7: 121},
        {7: 2**31},
        {7: 1 << 70},
        {7: 10},
        {8: -1},
        {8: 65},
        {8: 5},
        {8: 2**31 - 1},
        {7: "70"},
        {9: "64"},
    ],
)
def test_counts_out_of_their_bounds_are_refused(call: Callable[..., None], changed: dict[int, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        call(changed)
    with pytest.raises(ValueError, match="level"):
        call({}, "sse9")


@pytest.mark.parametrize("level", ["serial", "avx2", "avx512"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-308, 0.0])
def test_any_numbers_do_no_harm(call: Callable[..., None], value: float, level: str) -> None:
    if level not in runtime.simd_levels():
        pytest.skip(f"{level}: not built, or this CPU lacks it")
    arguments, order, words = MATCHER.preparation(impression(3, 1, n=70))
    for place in (5, 6, 9, 10, 11):
        call({place: value}, level)
    for place in (12, 13, 14, 15):
        call({place: np.full_like(arguments[place], value), 16: order, 17: words}, level)
        assert ((order >= 0) & (order < 70)).all()


def test_overlapping_arrays_do_no_harm(call: Callable[..., None]) -> None:
    arguments, order, words = MATCHER.preparation(impression(3, 1, n=70))
    found = []
    for level in runtime.simd_levels():
        room = np.full(4096, 0xA5, np.uint8)
        lent = room[64 : 64 + words.nbytes]
        places, order = lent[: arguments[0].nbytes].view(np.uint16), lent[: order.nbytes].view(np.int64)
        places[:] = arguments[0]
        call({0: places, 1: places, 16: order, 17: lent.view(np.uint64)}, level)
        assert (np.delete(room, slice(64, 64 + words.nbytes)) == 0xA5).all(), level
        kept, cylinders = int(lent[0]), int(lent[1])
        assert (kept, cylinders) == arguments[7:9], level
        found.append(lent.tobytes())
    assert len(set(found)) == 1
