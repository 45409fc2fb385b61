"""How far apart ridges lie in an image, and the doubt that follows from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cccd_core.errors import ParameterError
from cccd_core.intake import Doubt, Limits, examine
from cccd_core.intake.ridges import ridge_distance_px
from cccd_core.synthesis import tenprint
from cccd_core.templates import FingerTemplate, TemplateRecord

SOUND = tenprint(1, 1)[2]


def ridges(apart_px: float, side_px: int = 320, *, rings: bool = True) -> NDArray[np.uint8]:
    """Rings around a corner, or straight lines, of this distance."""
    y, x = np.mgrid[:side_px, :side_px].astype(np.float64)
    along = np.hypot(x + 40, y + 40) if rings else 0.6 * x + 0.8 * y
    return np.rint(128 + 90 * np.sin(2 * np.pi * along / apart_px)).astype(np.uint8)


@pytest.mark.parametrize("apart_px", [3.5, 4.6, 6.3, 9.0, 12.6, 18.0, 22.0])
@pytest.mark.parametrize("rings", [True, False])
def test_the_distance_is_found(apart_px: float, rings: bool) -> None:
    assert ridge_distance_px(ridges(apart_px, rings=rings)) == pytest.approx(apart_px, rel=0.06)


def test_it_does_not_depend_on_ground_contrast_or_direction() -> None:
    image = np.full((400, 400), 255, np.uint8)
    image[60:300, 90:330] = ridges(9.0, 240) // 3 + 80
    for seen in (image, image.T, image[::-1], 255 - image):
        assert ridge_distance_px(seen) == pytest.approx(9.0, rel=0.06)


def test_small_images_have_a_distance_where_most_of_them_are_ridges() -> None:
    small = ridges(4.5, 120)
    assert ridge_distance_px(small) == pytest.approx(4.5, rel=0.06)
    noise = np.random.default_rng(3).integers(0, 256, (120, 120)).astype(np.uint8)
    noise[:48, :48] = small[:48, :48]
    assert ridge_distance_px(noise) == 0


def test_what_shows_no_ridges_has_none() -> None:
    rng = np.random.default_rng(5)
    for image in (
        np.zeros((10, 10), np.uint8),
        np.full((300, 300), 200, np.uint8),
        rng.integers(0, 256, (300, 300)).astype(np.uint8),
        ridges(9.0, 40),
    ):
        assert ridge_distance_px(image) == 0


def test_ridges_that_do_not_agree_have_none() -> None:
    image = np.vstack(
        [np.hstack([ridges(5.0, 192), ridges(8.0, 192)]), np.hstack([ridges(12.0, 192), ridges(18, 192)])]
    )
    assert ridge_distance_px(image) == 0


def test_a_large_image_is_looked_at_in_part() -> None:
    assert ridge_distance_px(ridges(9.0, 1500)) == pytest.approx(9.0, rel=0.06)


def found(view: FingerTemplate, image: NDArray[np.uint8], limits: Limits | None = None) -> list[Doubt]:
    record = TemplateRecord("iso-2005", (view,))
    return [finding.word for finding in examine(record, view, limits or Limits(), image=image)]


@pytest.mark.parametrize(
    ("apart_px", "doubted"), [(4.4, True), (5.6, False), (9.0, False), (11.8, False), (17.0, True)]
)
def test_ridges_no_finger_has_are_doubted(apart_px: float, doubted: bool) -> None:
    assert found(SOUND, ridges(apart_px)) == ([Doubt.RIDGE_DISTANCE] if doubted else [])


def test_the_finding_says_the_distance_and_the_resolution() -> None:
    (finding,) = examine(TemplateRecord("iso-2005", (SOUND,)), SOUND, image=ridges(18.0))
    assert finding.facts == {"mm": pytest.approx(0.91, abs=0.02), "at_dpi": 500}
    assert "another resolution than stated" in str(finding)


def test_limits_and_the_views_resolution_count() -> None:
    assert found(SOUND, ridges(9.0), Limits(most_ridge_mm=0.4)) == [Doubt.RIDGE_DISTANCE]
    finer = replace(SOUND, resolution_x_ppcm=394, resolution_y_ppcm=394)
    assert Doubt.RIDGE_DISTANCE not in found(finer, ridges(18.0))
    with pytest.raises(ParameterError):
        Limits(least_ridge_mm=0.7)


def test_an_image_without_ridges_is_not_doubted() -> None:
    assert found(SOUND, np.full((300, 300), 255, np.uint8)) == []
