"""Finger images written for DG3: by the standard's bytes, and refused where they are none."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from cccd_core.emrtd import cbeff, dg3, finger_image
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import ParameterError
from support.emrtd_samples import finger_record

WSQ = bytes.fromhex("FFA0 FFA2 0011 00 FF 0050 0040 00 0000 00 0000 00 0000".replace(" ", "")) + bytes(20) + b"\xff\xa1"


def coded(kind: str, *, mode: str = "L", side: tuple[int, int] = (64, 80)) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(3).integers(0, 256, (side[1], side[0])).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(out, kind)
    return out.getvalue()


JPEG2000 = coded("JPEG2000")


@pytest.mark.parametrize(("image", "kind", "code"), [(WSQ, "wsq", 2), (JPEG2000, "jpeg2000", 4)])
@pytest.mark.parametrize(("dpi", "level"), [(500, 30), (1000, 40)])
def test_an_image_is_written_as_the_standard_has_it(image: bytes, kind: str, code: int, dpi: int, level: int) -> None:
    record = finger_image.build(image, 7, dpi=dpi, quality=66)
    assert len(record) == 46 + len(image)
    assert record[:8] == b"FIR\x00010\0"
    assert int.from_bytes(record[8:14], "big") == len(record)
    assert struct.unpack(">HHBBHHHHBBH", record[14:32]) == (0, level, 1, 1, dpi, dpi, dpi, dpi, 8, code, 0)
    assert struct.unpack(">IBBBBBHHB", record[32:46]) == (14 + len(image), 7, 1, 1, 66, 0, 64, 80, 0)
    data = dg3.build({2: finger_record(2), 7: record})
    found = dg3.parse(data)
    assert found.odd == ()
    assert [(each.position, each.kind) for each in found] == [(2, "minutiae"), (7, kind)]
    assert (found[1].data, found[1].dpi, found[1].width_px, found[1].height_px) == (image, dpi, 64, 80)
    headers = cbeff.parse(data, ElementaryFile.DG3.tag, what="DG3")
    assert [each.format_type for each in headers] == [cbeff.FORMAT_FINGER_MINUTIAE, cbeff.FORMAT_FINGER_IMAGE]


@pytest.mark.parametrize(
    ("image", "more"),
    [
        (coded("PNG"), {}),
        (coded("JPEG2000", mode="RGB"), {}),
        (b"", {}),
        (JPEG2000, {"position": 0}),
        (JPEG2000, {"position": 11}),
        (JPEG2000, {"dpi": 300}),
        (JPEG2000, {"quality": 101}),
        (JPEG2000, {"impression": 256}),
    ],
)
def test_what_is_no_such_image_is_refused(image: bytes, more: dict[str, int]) -> None:
    with pytest.raises(ParameterError):
        finger_image.build(image, **({"position": 2} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "record",
    [
        finger_image.build(JPEG2000, 7),  # of another finger
        finger_image.build(JPEG2000, 2)[:-1],
        finger_image.build(JPEG2000, 2) + b"\0",
        finger_image.build(JPEG2000, 2).replace(b"\x08\x04\x00\x00", b"\x08\x02\x00\x00"),  # says WSQ
        finger_image.build(JPEG2000, 2)[:46] + coded("JPEG2000", side=(32, 32)),
        finger_image.build(JPEG2000, 2)[:46],
        finger_image.MAGIC,
    ],
)
def test_a_record_that_contradicts_itself_goes_on_no_chip(record: bytes) -> None:
    with pytest.raises(ParameterError):
        dg3.build({2: record})
