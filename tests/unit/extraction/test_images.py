"""Image files by decoders in processes of their own: every format, what it states, and files that mean harm."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cccd_core.errors import FormatError, ParameterError
from cccd_core.extraction import Decoders, decoding, images
from support import wsq_writer


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with Decoders() as made:
        yield made


def picture(height: int = 60, width: int = 80) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return ((x * 3 + y * 2) % 256).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "JPEG2000"])
def test_what_is_kept_without_loss_comes_back(kind: str, decoders: Decoders) -> None:
    image = decoders.read(saved(Image.fromarray(picture()), kind))
    assert np.array_equal(image.pixels, picture())
    assert image.dpi in (0, pytest.approx(500, abs=500))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "JPEG"])
def test_a_stated_resolution_is_read(kind: str, decoders: Decoders) -> None:
    image = decoders.read(saved(Image.fromarray(picture()), kind, dpi=(500, 500)))
    assert image.dpi == pytest.approx(500, rel=0.002)
    assert np.abs(image.pixels.astype(int) - picture()).max() < 60


def test_what_an_encoder_writes_that_knows_no_resolution_is_none(decoders: Decoders) -> None:
    for dpi in (72, 96):
        assert decoders.read(saved(Image.fromarray(picture()), "JPEG", dpi=(dpi, dpi))).dpi == 0
    with pytest.raises(FormatError, match="square"):
        decoders.read(saved(Image.fromarray(picture()), "PNG", dpi=(500, 1000)))


def test_other_pixels_become_gray_of_8_bits(decoders: Decoders) -> None:
    wide = Image.fromarray(picture().astype(np.uint16) * 257)
    assert np.array_equal(decoders.read(saved(wide, "PNG")).pixels, picture())
    assert np.array_equal(decoders.read(saved(wide, "TIFF")).pixels, picture())
    gray = Image.fromarray(picture())
    for mode in ("RGB", "P", "LA", "RGBA"):
        assert np.abs(decoders.read(saved(gray.convert(mode), "PNG")).pixels.astype(int) - picture()).max() <= 1
    bits = decoders.read(saved(gray.convert("1"), "PNG")).pixels
    assert set(np.unique(bits)) == {0, 255}
    clear = Image.fromarray(np.dstack([picture()] * 3 + [np.zeros_like(picture())]), "RGBA")
    assert (decoders.read(saved(clear, "PNG")).pixels == 255).all()


def test_a_wsq_image_goes_the_same_way(decoders: Decoders) -> None:
    image = decoders.read(wsq_writer.smooth(70, 50, 20))
    assert image.pixels.shape == (70, 50)
    assert image.dpi == 500


def png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def tiff(width: int, height: int) -> bytes:
    entries = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 4, height),
               (279, 4, 0xFFFFFFF0)]  # fmt: skip
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\x00" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"not an image", b"\xff\xa0", b"\x89PNG\r\n\x1a\n", png(50_000, 50_000, b""), png(70, 70, b"short"),
        tiff(65_000, 65_000), tiff(4000, 4000), b"GIF89a" + bytes(40), wsq_writer.smooth(40, 40, 3)[:200],
    ],
    ids=range(10),
)  # fmt: skip
def test_what_means_harm_is_refused_and_the_next_image_read(data: bytes, decoders: Decoders) -> None:
    with pytest.raises(FormatError):
        decoders.read(data)
    assert decoders.read(saved(Image.fromarray(picture()), "PNG")).pixels.shape == (60, 80)


def test_a_decoder_that_takes_too_long_or_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    good = saved(Image.fromarray(picture()), "PNG")
    with Decoders(patience_s=60) as decoders:
        decoders.read(good)
        waiting = decoders._idle.get()
        waiting._process.kill()
        waiting._process.wait()
        decoders._idle.put(waiting)
        with pytest.raises(FormatError, match="ended its decoder"):
            decoders.read(good)
        assert decoders.read(good).pixels.shape == (60, 80)
    with Decoders(patience_s=0.0) as hurried, pytest.raises(FormatError, match="too long"):
        hurried.read(good)


def test_a_decoder_has_little_memory_and_writes_no_file() -> None:
    with Decoders(patience_s=600) as decoders:
        decoders.read(wsq_writer.smooth(40, 40, 5))
        waiting = decoders._idle.get()
        limits = dict(re.findall(r"(Max [a-z ]+?)  +(\d+)", Path(f"/proc/{waiting._process.pid}/limits").read_text()))
        decoders._idle.put(waiting)
        assert int(limits["Max address space"]) == decoding.MEMORY_BYTES
        assert int(limits["Max file size"]) == 0
        # as many pixels as are taken, eight bytes each in the decoder's arithmetic
        area = decoders.read(wsq_writer.smooth(4000, decoding.AREA_MAX_PX // 4000, 5)).pixels.size
    assert area == decoding.AREA_MAX_PX


def test_raw_pixels_have_the_size_they_are_said_to_have() -> None:
    assert np.array_equal(images.raw(picture().tobytes(), 80, 60).pixels, picture())
    with pytest.raises(FormatError):
        images.raw(picture().tobytes(), 80, 61)
    for width, height in ((0, 60), (-80, -60), (100_000, 100_000)):
        with pytest.raises(ParameterError):
            images.raw(b"", width, height)
