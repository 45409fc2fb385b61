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

from cccd_core.errors import DossierError
from cccd_core.issuance import portrait as portraits
from cccd_core.issuance.limits import CheckPolicy
from support.dossiers import portrait

POLICY = CheckPolicy()


def reason_of(data: bytes) -> str:
    with pytest.raises(DossierError) as error:
        portraits.read(data, POLICY)
    return str(error.value.facts["reason"])


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
