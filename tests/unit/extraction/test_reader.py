"""Prints inside ANSI/NIST-ITL files: the one that is meant is extracted, as from a file of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cccd_core.errors import FormatError
from cccd_core.extraction import ImageReader, weights
from cccd_core.intake import examine
from cccd_core.matching import Matcher
from cccd_core.templates import TemplateRecord, read, write
from cccd_core.templates.nist_file import prints_alone
from support.itl_prints import element, four, fourteen, fourteen_xml, itl, itl_xml, png, tagged

pytestmark = [
    pytest.mark.data,
    pytest.mark.jit,
    pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed"),
]


def pixels(images: Path, name: str) -> np.ndarray:
    with Image.open(images / "fvc2002_DB1_B" / f"{name}.png") as image:
        return np.asarray(image.convert("L"))


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


def test_a_print_in_xml_is_extracted_as_in_the_traditional_encoding(images: Path) -> None:
    index, reader = pixels(images, "101_1"), ImageReader.shared()
    expected = reader.read(itl((14, fourteen(index, "2", impression="1")))).template
    assert (expected.position, expected.impression) == (2, 1)
    for compression, name in (("PNG", "BinaryBase64Object"), ("NONE", "Base64BinaryObject")):
        record = fourteen_xml(index, "2", compression=compression, impression="1", name=name)
        assert reader.read(itl_xml(record)).template == expected
    two = itl_xml(fourteen_xml(index, "2"), fourteen_xml(index[::-1], "7"))
    assert reader.read(two, position=2).template.count == expected.count
    with pytest.raises(FormatError, match="several prints"):
        reader.read(two)
    # the fingers of a slap's segments are no positions of the image
    parts = "".join(
        element("FingerprintImageSegmentPositionSquare", element("FingerPositionCode", finger)) for finger in (2, 3)
    )
    with pytest.raises(FormatError, match="several fingers"):
        reader.read(itl_xml(fourteen_xml(index, "13", more=parts)), position=2)
    with pytest.raises(FormatError, match="no image in a format"):
        reader.read(itl_xml(fourteen_xml(index, "2", data=b"A" * 77)))


@pytest.mark.parametrize(("code", "kept"), [(0, 0), (1, 1), (3, 3), (25, 25), (19, 29), (99, 29)])
def test_the_impression_s_type_is_kept(code: int, kept: int, images: Path) -> None:
    index, reader = pixels(images, "102_1"), ImageReader.shared()
    for file in (itl((14, fourteen(index, "2", impression=str(code)))), itl((4, four(index, 2, code)))):
        template = reader.read(file).template
        assert template.impression == kept
        for edition in ("iso-2005", "iso-2011", "ansi-2004", "nist-itl-378"):  # each of which knows fewer
            assert read(write(template, edition)).view.impression == kept or kept > 3


def test_the_position_that_a_file_states_is_told(images: Path) -> None:
    index, reader = pixels(images, "101_1"), ImageReader.shared()
    thumbs = (("11", 0, 1, 1), ("12", 6, 6, 6))  # plain ones on a card of ten rolled fingers
    for stated, asked, template, told in (("2", 0, 2, 2), ("2", 3, 3, 2), *thumbs, ("0", 4, 4, 0)):
        made = reader.read(itl((14, fourteen(index, stated))), position=asked)
        assert (made.template.position, made.stated_position) == (template, told)
    assert reader.read(png(index), dpi=500, position=5).stated_position == 0


def test_a_card_s_rolled_print_of_1000_dpi(images: Path) -> None:
    """A real print, flat, in the size of a rolled one: 1600 x 1500 pixels, a card's space for a finger at 1000 dpi."""
    with Image.open(images / "crossmatch" / "012-3_1.png") as image:
        flat = image.convert("L")
    ground = Image.new("L", (1600, 1500), 255)
    ground.paste(flat.resize((2 * flat.width, 2 * flat.height), Image.Resampling.BICUBIC), (296, 270))
    made = ImageReader.shared().read(itl((14, fourteen(np.asarray(ground), "2", scale="1000", impression="1"))))
    template = made.template
    assert (template.width_px, template.height_px, template.impression, made.resampled) == (800, 750, 1, True)
    assert examine(TemplateRecord("iso-2005", (template,)), template) == ()
    same = ImageReader.shared().read(png(np.asarray(flat)), dpi=500)
    assert abs(made.quality.figure - same.quality.figure) <= 3
    assert Matcher().score(template, same.template) > 200
