"""Prints inside ANSI/NIST-ITL files: the one that is meant is extracted, as from a file of its own."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cccd_core.errors import FormatError
from cccd_core.extraction import ImageReader, weights
from cccd_core.templates.nist_file import prints_alone

pytestmark = [
    pytest.mark.data,
    pytest.mark.jit,
    pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed"),
]
FS, GS, RS, US = "\x1c", "\x1d", "\x1e", "\x1f"


def pixels(images: Path, name: str) -> np.ndarray:
    with Image.open(images / "fvc2002_DB1_B" / f"{name}.png") as image:
        return np.asarray(image.convert("L"))


def png(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")  # states no resolution
    return out.getvalue()


def tagged(kind: int, fields: dict[int, str], data: bytes = b"") -> bytes:
    body = GS.join(f"{kind}.{number:03d}:{value}" for number, value in sorted(fields.items())).encode()
    if data:
        body += f"{GS}{kind}.999:".encode() + data
    length = len(body) + len(f"{kind}.001:{GS}") + 1 + 6
    return f"{kind}.001:{length:06d}{GS}".encode() + body + FS.encode()


def fourteen(image: np.ndarray, position: str, *, compression: str = "PNG", scale: str = "500") -> bytes:
    data = image.tobytes() if compression == "NONE" else png(image)
    height, width = image.shape
    fields = {2: "0", 3: "0", 6: str(width), 7: str(height), 8: "1", 9: scale, 10: scale, 11: compression, 12: "8",
              13: position}  # fmt: skip
    return tagged(14, fields, data)


def four(image: np.ndarray, position: int) -> bytes:
    height, width = image.shape
    head = bytes((0, 0, position, 255, 255, 255, 255, 255, 0)) + width.to_bytes(2, "big") + height.to_bytes(2, "big")
    return (18 + image.size).to_bytes(4, "big") + head + b"\0" + image.tobytes()


def itl(*records: tuple[int, bytes]) -> bytes:
    contents = RS.join((f"1{US}{len(records)}", *(f"{kind}{US}00" for kind, _ in records)))
    first = {2: "0400", 3: contents, 4: "LFFS", 5: "20260101", 7: "A", 8: "B", 9: "1", 11: "19.69", 12: "19.69"}
    return tagged(1, first) + b"".join(record for _, record in records)


def test_the_print_of_a_position_is_extracted_as_from_a_file_of_its_own(images: Path) -> None:
    index, thumb = pixels(images, "101_1"), pixels(images, "102_1")
    reader = ImageReader.shared()
    alone = {2: reader.read(png(index), dpi=500, position=2), 6: reader.read(png(thumb), dpi=500, position=6)}
    file = itl((14, fourteen(index, "2")), (14, fourteen(thumb, "6", compression="NONE")))
    assert [each.positions for each in prints_alone(file)] == [(2,), (6,)]
    for position, expected in alone.items():
        assert reader.read(file, position=position).template == expected.template
    for unclear in (0, 7):
        with pytest.raises(FormatError, match="several prints"):
            reader.read(file, position=unclear)
    single = itl((4, four(thumb, 6)))
    assert reader.read(single).template == alone[6].template  # its own position
    assert reader.read(single, position=1).template.position == 1  # the caller's counts


def test_the_resolution_is_the_record_s_unless_one_is_given(images: Path) -> None:
    index = pixels(images, "101_1")
    file = itl((14, fourteen(index, "2", scale="1000")))
    assert ImageReader.shared().read(file).resampled
    assert not ImageReader.shared().read(file, dpi=500).resampled


def test_slaps_and_broken_prints_are_refused(images: Path) -> None:
    reader = ImageReader.shared()
    with pytest.raises(FormatError, match="several fingers"):
        reader.read(itl((14, fourteen(pixels(images, "101_1"), "13"))), position=2)
    whole = fourteen(pixels(images, "101_1"), "2", compression="NONE")
    for record in (whole.replace(b"14.011:NONE", b"14.011:WSQ2"), whole.replace(b"14.006:388", b"14.006:389")):
        with pytest.raises(FormatError):
            reader.read(itl((14, record)))
    nine = tagged(9, {2: "0", 3: "4", 4: "S"})
    assert prints_alone(itl((14, whole), (9, nine))) == ()
    assert prints_alone(itl((14, whole))[:-40_000]) == ()
