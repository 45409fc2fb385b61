"""Portraits: decoded within bounds, made to fit the chip."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cccd_core.issuance.dossiers import portrait as portraits
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.reasons import DossierError
from support.dossiers import portrait

POLICY = CheckPolicy()


def reason_of(data: bytes) -> str:
    with pytest.raises(DossierError) as error:
        portraits.read(data, POLICY)
    return str(error.value.fault)


@pytest.mark.parametrize(("form", "kept"), [("JPEG", True), ("JPEG2000", True), ("PNG", False)])
def test_what_fits_goes_as_it_is(form: str, kept: bool) -> None:
    data = portrait(form=form)
    found = portraits.read(data, POLICY)
    assert (found.width_px, found.height_px, found.for_chip) == (120, 160, kept)
    chip = portraits.for_chip(found, POLICY)
    assert (chip == data) is kept
    assert portraits.for_chip(found, POLICY) == chip
    with Image.open(io.BytesIO(chip)) as image:
        assert image.format in ("JPEG", "JPEG2000")
        assert image.size == (120, 160)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    bands = len(mode)
    pixels = np.random.default_rng(1).integers(0, 255, (height, width, bands)).astype(np.uint8)
    return Image.fromarray(pixels if bands > 1 else pixels[:, :, 0]).convert(mode)


@pytest.mark.parametrize("size", [(3000, 4000), (413, 531), (60, 60), (640, 100)])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "JPEG2000"])
def test_any_sane_size_is_brought_down_to_the_chip(size: tuple[int, int], form: str) -> None:
    if size[0] > 2000 and form != "JPEG":
        size = (1200, 1600)
    out = io.BytesIO()
    noise(*size).save(out, form)
    chip = portraits.for_chip(portraits.read(out.getvalue(), POLICY), POLICY)
    assert len(chip) <= POLICY.chip_portrait_bytes
    with Image.open(io.BytesIO(chip)) as image:
        image.load()
        assert max(image.size) == min(640, max(size))
        assert abs(image.width / image.height - size[0] / size[1]) < 0.02


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1"])
def test_every_mode_becomes_grey_or_colour(mode: str) -> None:
    out = io.BytesIO()
    noise(100, 120).convert(mode).save(out, "JPEG" if mode == "CMYK" else "PNG")
    chip = portraits.for_chip(portraits.read(out.getvalue(), POLICY), POLICY)
    with Image.open(io.BytesIO(chip)) as image:
        assert image.mode in ("L", "RGB")


def test_a_bomb_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    for side in (9000, 100_000):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        body = zlib.compress(b"\0" * 3_000_000)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
        tracemalloc.start()
        assert reason_of(bomb) == "portrait_size"
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
        tracemalloc.stop()


def test_too_few_and_too_many_pixels() -> None:
    out = io.BytesIO()
    Image.new("L", (8000, 6000)).save(out, "PNG")
    assert reason_of(out.getvalue()) == "portrait_size"
    assert reason_of(portrait(size=(59, 80))) == "portrait_size"


@pytest.mark.parametrize("form", ["JPEG", "JPEG2000", "PNG"])
def test_torn_and_foreign_bytes(form: str) -> None:
    whole = portrait(form=form, size=(200, 260))
    assert reason_of(whole[: len(whole) // 3]) == "portrait_unreadable"
    assert reason_of(b"") == "portrait_unreadable"
    gif = io.BytesIO()
    Image.new("L", (100, 100)).save(gif, "GIF")
    assert reason_of(gif.getvalue()) == "portrait_unreadable"


def test_one_that_cannot_fit() -> None:
    tight = replace(POLICY, chip_portrait_bytes=60)
    found = portraits.read(portrait(), tight)
    with pytest.raises(DossierError, match="does not fit"):
        portraits.for_chip(found, tight)


def chip_pixels(image: Image.Image, form: str, **options: object) -> np.ndarray:
    """What is on the chip of a picture that was handed in as a file of this form."""
    out = io.BytesIO()
    image.save(out, form, **options)
    found = portraits.read(out.getvalue(), POLICY)
    assert not found.for_chip
    with Image.open(io.BytesIO(portraits.for_chip(found, POLICY))) as chip:
        return np.asarray(chip).astype(int)


@pytest.mark.parametrize("form", ["PNG", "JPEG2000"])
def test_sixteen_bit_grey_keeps_its_shades(form: str) -> None:
    ramp = np.linspace(0, 65535, 200 * 160).reshape(200, 160).astype(np.uint16)
    pixels = chip_pixels(Image.fromarray(ramp), form)
    assert pixels.shape == ramp.shape
    assert np.abs(pixels - (ramp >> 8)).max() <= 8


@pytest.mark.parametrize(("mode", "clear"), [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))])
def test_transparent_ground_is_white(mode: str, clear: tuple[int, ...]) -> None:
    image = Image.new(mode, (160, 200), clear)
    image.paste((90, 90, 90, 255) if mode == "RGBA" else (90, 255), (40, 50, 120, 150))
    pixels = chip_pixels(image, "PNG")
    assert pixels[:30, :30].min() >= 250
    assert np.abs(pixels[80:120, 60:100] - 90).max() <= 5


def test_a_face_is_upright_on_the_chip() -> None:
    # EXIF orientation n means: the transposition of the table makes the stored picture upright
    marks = np.zeros((200, 160), np.uint8)
    marks[:100, :80], marks[:100, 80:], marks[100:, :80] = 240, 160, 80  # every corner another shade
    undo = (
        (2, Image.Transpose.FLIP_LEFT_RIGHT), (3, Image.Transpose.ROTATE_180), (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE), (6, Image.Transpose.ROTATE_90), (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    )  # fmt: skip
    for orientation, camera in undo:
        exif = Image.Exif()
        exif[0x0112] = orientation
        pixels = chip_pixels(Image.fromarray(marks).transpose(camera), "JPEG", exif=exif, quality=95)
        assert pixels.shape == marks.shape, orientation
        assert np.abs(pixels[20:80:10, 20:60:10] - 240).max() <= 12, orientation
        assert np.abs(pixels[120:180:10, 20:60:10] - 80).max() <= 12, orientation


def test_broken_exif_says_nothing() -> None:
    out = io.BytesIO()
    Image.new("RGB", (100, 120), (90, 120, 150)).save(out, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 40)
    assert portraits.read(out.getvalue(), POLICY).for_chip
