"""The WSQ decoder: real files beside the pictures they came from, files of known pixels, damaged and hostile ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cccd_core.errors import FormatError
from cccd_core.extraction import wsq
from support import wsq_writer

MOST = 1_000_000


@pytest.mark.data
@pytest.mark.parametrize("name", ["101_1", "104_3", "110_8"])
def test_a_real_file_is_the_picture_that_was_compressed(name: str, images: Path) -> None:
    decoded = wsq.decode((images / "fvc2000_DB1_B_wsq" / f"{name}.wsq").read_bytes(), most_px=MOST)
    assert decoded.dpi == 0  # PPI -1
    with Image.open(images / "fvc2000_DB1_B" / f"{name}.png") as image:
        truth = np.asarray(image).astype(float)
    # they were compressed with the 15 bytes of a header before the pixels
    off = decoded.pixels.astype(float).ravel()[15:] - truth.ravel()[:-15]
    assert 10 * np.log10(255**2 / np.mean(off**2)) > 44


@given(st.integers(32, 90), st.integers(32, 90), st.integers(-73, 74).filter(bool))
def test_a_smooth_image_has_the_level_of_its_lowest_subband(height: int, width: int, value: int) -> None:
    decoded = wsq.decode(wsq_writer.smooth(height, width, value), most_px=MOST)
    assert decoded.pixels.shape == (height, width)
    assert decoded.dpi == 500
    # five halvings, each of a gain of 2; a step of 1, centres of 0.44 and half a zero bin of 1.2
    level = 128 + np.sign(value) * ((abs(value) - 0.44) + 0.6) / 32
    assert np.abs(decoded.pixels.astype(float) - level).max() <= 0.75


@pytest.mark.data
def test_damaged_files_are_refused_or_read_and_nothing_else(images: Path) -> None:
    good = (images / "fvc2000_DB1_B_wsq" / "101_1.wsq").read_bytes()
    random = np.random.default_rng(5)
    refused = 0
    for round_ in range(60):
        bad = bytearray(good[: random.integers(3, len(good))] if round_ % 3 == 0 else good)
        for place in random.integers(0, min(len(bad), 1000 if round_ % 2 else len(bad)), 1 + round_ % 5):
            bad[place] = random.integers(0, 256)
        try:
            assert wsq.decode(bytes(bad), most_px=MOST).pixels.dtype == np.uint8
        except FormatError:
            refused += 1
    assert 20 < refused < 60


@given(st.data())
def test_a_small_file_spoilt_anywhere_gives_pixels_or_a_format_error(data: st.DataObject) -> None:
    good = bytearray(wsq_writer.smooth(40, 33, 9))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = wsq.decode(bytes(good), most_px=MOST)
    except FormatError:
        return
    assert decoded.pixels.size <= MOST


def test_what_a_file_announces_is_bounded_before_memory_is_taken() -> None:
    good = wsq_writer.smooth(40, 40, 9)
    for height, width in ((65535, 65535), (31, 40), (40, 0), (1001, 1000)):
        with pytest.raises(FormatError, match="pixels"):
            wsq.decode(good.replace(wsq_writer.frame(40, 40), wsq_writer.frame(height, width)), most_px=MOST)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (wsq_writer.filters(), b"", "lacks"),
        (wsq_writer.frame(40, 40), b"", "without its place"),
        (wsq_writer.codes(bytes([189])), b"", "without its codes"),
        (wsq_writer.codes(bytes([189])), wsq_writer.codes(bytes([0])), "unknown code"),
        (wsq_writer.codes(bytes([189])), wsq_writer.codes(bytes([100])), "leaves its block"),
        (
            wsq_writer.codes(bytes([189])),
            wsq_writer.segment(0xFFA6, bytes([0, 3] + [0] * 15 + [1, 2, 3])),
            "more codes",
        ),
        (wsq_writer.frame(40, 40), wsq_writer.frame(40, 40) * 2, "two frames"),
        (wsq_writer.frame(40, 40), wsq_writer.segment(0xFFB5, b"") + wsq_writer.frame(40, 40), "unknown WSQ marker"),
        (b"\xff\xa1", b"", "ends inside|does not end"),
    ],
)
def test_what_is_wrong_is_named(before: bytes, after: bytes, words: str) -> None:
    good = wsq_writer.smooth(40, 40, 9)
    assert before in good
    with pytest.raises(FormatError, match=words):
        wsq.decode(good.replace(before, after), most_px=MOST)


def test_a_resolution_is_read_from_nists_comment_alone() -> None:
    for text, dpi in ((b"NIST_COM 2\nPPI 1000\n", 1000), (b"NIST_COM 2\nPPI -1\n", 0), (b"see PPI 500 there", 0)):
        assert wsq.decode(wsq_writer.smooth(40, 40, 9, text=text), most_px=MOST).dpi == dpi
