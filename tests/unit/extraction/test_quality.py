"""The figure of quality, and the reasons to capture a finger again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from cccd_core.extraction import AGAIN_BELOW, Extractor, Shortfall, weights
from cccd_core.extraction.quality import areas, figure, quality
from cccd_core.templates import FingerTemplate

CERTAINTIES = st.lists(st.integers(1, 100), max_size=255)


def uint8(values: list[int]) -> np.ndarray:
    return np.array(values, np.uint8)


def template(certainties: list[int]) -> FingerTemplate:
    places = np.arange(len(certainties), dtype=np.uint16)
    none = np.zeros(len(certainties), np.uint16)
    return FingerTemplate(places, none, none, none.astype(np.uint8), uint8(certainties), 300, 300)


def stripes(height: int, width: int, *, ground: int = 0) -> np.ndarray:
    """Ridges of 9 pixels' distance, in the middle of a light ground that is `ground` pixels wide at each side."""
    wave = np.cos(np.arange(width) * 2 * np.pi / 9) * 100 + 96
    image = np.full((height + 2 * ground, width + 2 * ground), 250, np.uint8)
    image[ground : ground + height, ground : ground + width] = wave.astype(np.uint8)
    return image


@pytest.mark.parametrize(
    ("certainties", "expected"), [([], 1), ([100] * 12, 50), ([100] * 36, 75), ([50] * 48, 50), ([100] * 255, 96)]
)
def test_the_figure_is_by_evidence(certainties: list[int], expected: int) -> None:
    assert figure(uint8(certainties)) == expected


@given(CERTAINTIES, st.integers(1, 100))
def test_a_minutia_more_never_makes_it_less(certainties: list[int], more: int) -> None:
    assert 1 <= figure(uint8(certainties)) <= figure(uint8([*certainties, more])) <= 100


def test_capture_again_begins_where_it_says() -> None:
    clear = stripes(320, 320)
    assert quality(template([100] * 9), clear).figure == AGAIN_BELOW
    assert quality(template([100] * 9), clear).shortfalls == ()
    assert quality(template([100] * 8), clear).shortfalls == (Shortfall.FEW_MINUTIAE,)


def test_the_reasons_are_those_of_the_image() -> None:
    few, doubtful = [100] * 8, [30] * 60
    small = stripes(112, 112, ground=96)
    noise = np.random.default_rng(5).integers(0, 256, (320, 320)).astype(np.uint8)
    assert quality(template(few), small).shortfalls == (Shortfall.SMALL, Shortfall.FEW_MINUTIAE)
    assert quality(template(doubtful), noise).shortfalls == (Shortfall.SMUDGED,)
    # doubtful minutiae on a print that looks right are doubtful all the same
    assert quality(template(doubtful), stripes(320, 320)).shortfalls == (Shortfall.SMUDGED,)


def test_areas_are_those_of_the_ridges() -> None:
    ridged, clear = areas(stripes(160, 160, ground=80))
    assert ridged == clear == pytest.approx(100 * (16 * 25.4 / 500) ** 2)
    assert areas(np.full((300, 300), 255, np.uint8)) == (0.0, 0.0)
    assert areas(np.zeros((40, 33), np.uint8)) == (0.0, 0.0)


@pytest.mark.data
@pytest.mark.jit
@pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed")
def test_of_real_prints(images: Path) -> None:
    extractor = Extractor()

    def made(pixels: np.ndarray) -> tuple[FingerTemplate, int, tuple[Shortfall, ...]]:
        found = extractor.extract(pixels, 500)
        assert found.template.capture_quality == found.quality.figure == figure(found.template.quality)
        return found.template, found.quality.figure, found.quality.shortfalls

    with Image.open(images / "fvc2002_DB1_B/101_1.png") as image:
        whole = image.convert("L")
    _, good, none = made(np.asarray(whole))
    assert good >= 60
    assert none == ()
    left, top = whole.width // 2 - 48, whole.height // 2 - 48
    _, part, reasons = made(np.asarray(whole.crop((left, top, left + 96, top + 96))))
    assert part < AGAIN_BELOW
    assert Shortfall.SMALL in reasons
    _, blurred, _ = made(np.asarray(whole.filter(ImageFilter.GaussianBlur(4))))
    assert blurred < good
    with Image.open(images / "fcj2020/142-5_4.png") as image:  # wet: its ridges run together
        _, wet, reasons = made(np.asarray(image))
    assert wet < AGAIN_BELOW
    assert reasons
