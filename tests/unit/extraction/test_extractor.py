"""Images to templates: real ones, turned ones, empty ones, and those out of bounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cccd_core.errors import FormatError, ParameterError, UnavailableError
from cccd_core.extraction import ExtractionParameters, Extractor, weights
from cccd_core.extraction.minutiae import binary_angle
from cccd_core.matching import Matcher

pytestmark = pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed")


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return Extractor()


def picture(images: Path, name: str) -> np.ndarray:
    with Image.open(images / name) as image:
        return np.asarray(image)


@pytest.mark.data
@pytest.mark.jit
def test_two_impressions_of_a_finger_match_and_those_of_another_do_not(extractor: Extractor, images: Path) -> None:
    names = ("101_1", "101_2", "102_1")
    made = [extractor.extract(picture(images, f"fvc2002_DB1_B/{name}.png"), 500) for name in names]
    assert not any(each.inverted or each.resampled for each in made)
    one, again, other = (each.template for each in made)
    assert (one.width_px, one.height_px) == (388, 374)
    assert 20 <= one.count <= 60
    assert set(one.kind.tolist()) == {1, 2}
    matcher = Matcher()
    genuine, impostor = matcher.scores(matcher.prepare(one), matcher.gallery([again, other]))
    assert genuine > 40
    assert impostor < 20


@pytest.mark.data
@pytest.mark.jit
def test_light_ridges_on_a_dark_ground_give_the_same_template(extractor: Extractor, images: Path) -> None:
    image = picture(images, "fvc2002_DB1_B/101_1.png")
    turned = extractor.extract(255 - image, 500)
    assert turned.inverted
    assert turned.template == extractor.extract(image, 500).template


@pytest.mark.data
@pytest.mark.jit
def test_an_image_of_another_resolution_is_resampled(extractor: Extractor, images: Path) -> None:
    image = picture(images, "fvc2002_DB1_B/101_1.png")
    large = np.asarray(Image.fromarray(image).resize((776, 748), Image.Resampling.BICUBIC))
    made = extractor.extract(large, 1000)
    assert made.resampled
    assert (made.template.width_px, made.template.height_px, made.template.resolution_x_ppcm) == (388, 374, 197)
    matcher = Matcher()
    score = matcher.scores(matcher.prepare(made.template), matcher.gallery([extractor.extract(image, 500).template]))
    assert score[0] > 60


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_image_is_named(extractor: Extractor, level: int) -> None:
    with pytest.raises(FormatError) as caught:
        extractor.extract(np.full((300, 300), level, np.uint8), 500)
    assert caught.value.facts == {"reason": "empty"}


def test_what_is_out_of_bounds_is_refused_before_memory_is_taken(extractor: Extractor) -> None:
    for shape in ((31, 300), (300, 4097), (3000, 3000)):
        with pytest.raises(ParameterError):
            extractor.extract(np.broadcast_to(np.uint8(0), shape), 500)
    with pytest.raises(ParameterError):
        extractor.extract(np.zeros((300, 300), np.float32), 500)  # type: ignore[arg-type]
    with pytest.raises(ParameterError):
        extractor.extract(np.zeros((300, 300, 3), np.uint8), 500)
    for dpi in (0.0, 99.0, 4001.0, float("nan")):
        with pytest.raises(ParameterError):
            extractor.extract(np.zeros((300, 300), np.uint8), dpi)
    with pytest.raises(ParameterError):
        ExtractionParameters(certain=1.0)


def test_without_the_extra_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    assert not weights.found()
    with pytest.raises(UnavailableError) as caught:
        weights.layers.__wrapped__()
    assert caught.value.facts["needs"] == "cccd_core[extract]"


def test_directions_are_those_of_the_arc_tangent() -> None:
    turn = np.arange(0, 65536, 7)
    radians = turn * (2 * np.pi / 65536)
    across, up = np.cos(radians).astype(np.float32), np.sin(radians).astype(np.float32)
    off = (binary_angle(across, up).astype(np.int64) - turn + 32768) % 65536 - 32768
    assert np.abs(off).max() <= 1
    zero = np.zeros(1, np.float32)
    assert binary_angle(zero, zero)[0] == 0
