"""Image files by decoders in processes of their own: every format, what it states, and files that mean harm."""

from __future__ import annotations

import io
import re
import signal
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from cccd_core.errors import FormatError, ParameterError
from cccd_core.extraction import Decoders, decoding, images
from cccd_core.extraction.looks import looks
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


@pytest.mark.parametrize(("bits", "kind"), [(8, "PNG"), (10, "TIFF"), (12, "PNG"), (16, "TIFF")])
def test_as_many_bits_as_a_scanner_uses_of_16(bits: int, kind: str, decoders: Decoders) -> None:
    levels = (picture() | 1).astype(np.uint16) << (bits - 8)
    assert np.array_equal(decoders.read(saved(Image.fromarray(levels), kind)).pixels, picture() | 1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_an_image_is_put_upright_as_its_exif_says(kind: str, decoders: Decoders) -> None:
    image = Image.fromarray(picture())
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = saved(image, kind, exif=exif)
        with Image.open(io.BytesIO(data)) as again:
            assert np.array_equal(decoders.read(data).pixels, np.asarray(ImageOps.exif_transpose(again)))
    spoilt = data.replace(b"II*\x00", b"II*\x01") if kind == "PNG" else data  # nothing that is known
    assert decoders.read(spoilt).pixels.size == picture().size


def test_a_file_in_no_known_format_is_named(decoders: Decoders) -> None:
    for kind in ("GIF", "WEBP", "PPM", "PDF"):
        with pytest.raises(FormatError, match=r"no image in a format that is read.*WSQ PNG"):
            decoders.read(saved(Image.fromarray(picture()), kind))


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


def bmp(width: int, height: int, compression: int = 0, data: bytes = b"", bits: int = 8) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 256, 0)
    palette = bytes(level for value in range(256) for level in (value, value, value, 0))
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(data), 0, 0, 54 + 1024) + head + palette + data


def jp2(width: int, height: int, tile: int) -> bytes:
    """A codestream whose header announces another image than the one in it, in tiles of another size."""
    good = bytearray(saved(Image.fromarray(picture()), "JPEG2000", no_jp2=True))
    start = good.index(b"\xff\x51") + 6
    good[start : start + 8] = struct.pack(">II", width, height)
    good[start + 16 : start + 24] = struct.pack(">II", tile, tile)
    return bytes(good)


def tables(count: int) -> bytes:
    """A WSQ file of so many empty tables of codes."""
    empty = b"".join(bytes([number % 8]) + bytes(16) for number in range(count))
    return b"\xff\xa0" + wsq_writer.segment(0xFFA6, empty) + wsq_writer.smooth(40, 40, 3)[2:]


def test_rows_of_a_bmp_may_begin_at_the_top_or_be_run_lengths(decoders: Decoders) -> None:
    rows = np.arange(40 * 40, dtype=np.uint8).reshape(40, 40)
    assert np.array_equal(decoders.read(bmp(40, -40, data=rows.tobytes())).pixels, rows)
    assert np.array_equal(decoders.read(bmp(40, 40, data=rows[::-1].tobytes())).pixels, rows)
    runs = b"".join(bytes((40, level)) + b"\0\0" for level in range(40)) + b"\0\1"
    assert np.array_equal(decoders.read(bmp(40, 40, 1, runs)).pixels[::-1, 0], np.arange(40))
    assert not decoders.read(bmp(4000, 4000, 1, b"\0\2\xff\xff" * 50)).pixels.any()  # nothing but leaps


HUGE = (1 << 31) - 1


@pytest.mark.parametrize(
    "data",
    [
        png(HUGE, HUGE, b""), png(HUGE, 1, b""), bmp(HUGE, HUGE), bmp(-40, 40, data=bytes(1600)),
        bmp(40, -HUGE - 1), jp2(HUGE, HUGE, HUGE), jp2(4000, 4000, 1), jp2(80, 60, 0), tables(3000),
    ],
    ids=["png", "png line", "bmp", "bmp negative", "bmp least", "jp2", "jp2 tiles",
         "jp2 no tiles", "wsq tables"],
)  # fmt: skip
def test_what_announces_more_than_it_holds_is_refused_at_once(data: bytes, decoders: Decoders) -> None:
    with pytest.raises(FormatError) as refused:
        decoders.read(data)
    assert "too long" not in str(refused.value)
    assert decoders.read(tables(10)).pixels.shape == (40, 40)


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


def test_a_decoder_that_takes_too_long_or_dies_is_replaced() -> None:
    good = saved(Image.fromarray(picture()), "PNG")
    with Decoders() as decoders:
        for number, said in ((signal.SIGKILL, "ended its decoder"), (signal.SIGXCPU, "too long")):
            decoders.read(good)
            waiting = decoders._idle.get()
            waiting._process.send_signal(number)
            waiting._process.wait()
            decoders._idle.put(waiting)
            with pytest.raises(FormatError, match=said):
                decoders.read(good)
        assert decoders.read(good).pixels.shape == (60, 80)
    with Decoders(patience_s=0.0) as hurried, pytest.raises(FormatError, match="too long"):
        hurried.read(good)


def test_a_decoder_has_little_memory_and_writes_no_file() -> None:
    with Decoders() as decoders:
        decoders.read(wsq_writer.smooth(40, 40, 5))
        waiting = decoders._idle.get()
        limits = dict(re.findall(r"(Max [a-z ]+?)  +(\d+)", Path(f"/proc/{waiting._process.pid}/limits").read_text()))
        decoders._idle.put(waiting)
        assert int(limits["Max address space"]) == decoding.MEMORY_BYTES
        assert int(limits["Max file size"]) == 0
        assert decoding.COMPUTING_S < int(limits["Max cpu time"]) < 2 * decoding.COMPUTING_S
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


def test_a_small_finger_on_a_large_ground_is_no_empty_image() -> None:
    ground = np.full((1900, 1900), 250, np.uint8)
    assert looks(ground).empty
    columns = np.cos(np.arange(176) * 2 * np.pi / 9) * 100 + 120
    ground[600:776, 800:976] = columns.astype(np.uint8)  # 9 mm square: less than a hundredth of the image
    assert not looks(ground).empty
