"""Fingers taken now against those on a chip: by position where it is said, by every finger where it is not."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from cccd_core import templates
from cccd_core.emrtd import cbeff, dg3, finger_image
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import FormatError, ParameterError, UnavailableError
from cccd_core.extraction import ImageReader, weights
from cccd_core.issuance.holder import compare_holder
from cccd_core.templates import FingerTemplate
from support.matching_pairs import impression

pytestmark = pytest.mark.jit
needs_extractor = pytest.mark.skipif(not weights.found(), reason="the extra cccd_core[extract] is not installed")
PERSON, STRANGER = {2: 1, 7: 2}, {2: 11, 7: 12}  # position -> seed of the finger


def taken(person: dict[int, int], number: int = 2, *, stated: bool = True) -> list[FingerTemplate]:
    return [replace(impression(seed, number), position=position if stated else 0) for position, seed in person.items()]


def on_chip(person: dict[int, int]) -> bytes:
    records = zip(person, taken(person, 1), strict=True)
    return dg3.build({position: templates.write(each, "iso-2005") for position, each in records})


DG3 = on_chip(PERSON)


@pytest.mark.parametrize("stated", [True, False])
def test_the_holder_and_a_stranger(stated: bool) -> None:
    found = compare_holder(DG3, taken(PERSON, stated=stated))
    assert found.matched
    assert [(each.probe, each.position) for each in found.fingers] == [(0, 2), (1, 7)]
    assert found.score > max(each.score for each in found.fingers)
    other = compare_holder(DG3, taken(STRANGER, stated=stated))
    assert not other.matched
    assert other.score < 40.0


def test_one_finger_is_enough_and_pays_for_being_chosen() -> None:
    (index, _) = taken(PERSON)
    stated = compare_holder(DG3, [index])
    unstated = compare_holder(DG3, [replace(index, position=0)])
    assert stated.matched
    assert stated.fingers[0].score == unstated.fingers[0].score > stated.score > unstated.score


def test_a_position_that_the_chip_does_not_have_is_compared_with_every_finger() -> None:
    (index, _) = taken(PERSON)
    found = compare_holder(DG3, [replace(index, position=3)])
    assert found.matched
    assert found.fingers[0].position == 2


def test_hands_taken_for_each_other_are_no_match_by_position() -> None:
    """Two fingers under each other's names: whoever says a position is taken at their word."""
    index, other = taken(PERSON)
    swapped = [replace(index, position=7), replace(other, position=2)]
    assert not compare_holder(DG3, swapped).matched


def test_the_rate_is_the_caller_s() -> None:
    found = compare_holder(DG3, taken(PERSON), fmr=1e-6)
    assert (found.threshold, found.fmr) == (pytest.approx(60.0), 1e-6)
    assert found.as_dict()["fmr"] == 1e-6
    assert not compare_holder(DG3, taken(STRANGER), fmr=1e-6).matched


@pytest.mark.parametrize("fmr", [0.0, 1.0, -1.0, 2.0, float("nan")])
def test_rates_that_are_none(fmr: float) -> None:
    with pytest.raises(ParameterError):
        compare_holder(DG3, taken(PERSON), fmr=fmr)


@pytest.mark.parametrize("count", [0, 11])
def test_numbers_of_fingers_that_are_none(count: int) -> None:
    with pytest.raises(ParameterError):
        compare_holder(DG3, taken(PERSON)[:1] * count)


def jpeg2000(path: Path) -> bytes:
    out = io.BytesIO()
    with Image.open(path) as image:
        image.convert("L").save(out, "JPEG2000", quality_mode="rates", quality_layers=[12])
    return out.getvalue()


@pytest.mark.data
@needs_extractor
def test_a_finger_is_compared_with_the_image_on_a_chip(images: Path) -> None:
    folder = images / "fvc2002_DB1_B"
    reader = ImageReader.shared()
    mine, other = (
        reader.read((folder / name).read_bytes(), dpi=500, position=2).template for name in ("101_2.png", "102_1.png")
    )
    pictured = finger_image.build(jpeg2000(folder / "101_1.png"), 2)
    found = compare_holder(dg3.build({2: pictured}), [mine])
    assert found.matched
    assert [each.position for each in found.fingers] == [2]
    assert not compare_holder(dg3.build({2: pictured}), [other]).matched
    # of one finger in both forms, the minutiae count
    stranger = templates.write(replace(other, extended=b""), "iso-2005")
    both = [
        cbeff.BiometricTemplate(cbeff.TYPE_FINGER, dg3.subtype(2), cbeff.OWNER_JTC1_SC37, kind, data)
        for kind, data in ((cbeff.FORMAT_FINGER_IMAGE, pictured), (cbeff.FORMAT_FINGER_MINUTIAE, stranger))
    ]
    assert compare_holder(cbeff.build(ElementaryFile.DG3.tag, both), [other]).matched
    # a spoilt image costs its finger alone
    spoilt = finger_image.build(jpeg2000(folder / "103_1.png"), 7)
    data = dg3.build({2: pictured, 7: spoilt}).replace(spoilt[150:], bytes(len(spoilt) - 150))
    assert compare_holder(data, [mine]).matched
    with pytest.raises(FormatError):
        compare_holder(dg3.build({7: spoilt}).replace(spoilt[150:], bytes(len(spoilt) - 150)), [mine])


def test_a_dg3_without_fingers_or_that_is_none() -> None:
    template = cbeff.BiometricTemplate(cbeff.TYPE_FINGER, 9, cbeff.OWNER_JTC1_SC37, cbeff.FORMAT_FINGER_IMAGE, b"image")
    for data in (cbeff.build(ElementaryFile.DG3.tag, [template]), bytes.fromhex("6306 7F6103 020100")):
        with pytest.raises(UnavailableError, match="no finger"):
            compare_holder(data, taken(PERSON))
    with pytest.raises(FormatError):
        compare_holder(b"\x63\x00", taken(PERSON))


def test_a_record_that_cannot_be_matched_costs_its_finger_alone() -> None:
    records = {2: templates.write(taken(PERSON, 1)[0], "iso-2005"), 7: templates.write(taken(PERSON, 1)[1], "iso-2005")}
    without_resolution = bytearray(records[7])
    without_resolution[18:22] = bytes(4)
    assert compare_holder(dg3.build({2: records[2], 7: bytes(without_resolution)}), taken(PERSON)[:1]).matched
    with pytest.raises((FormatError, UnavailableError)):
        compare_holder(dg3.build({7: bytes(without_resolution)}), taken(PERSON)[:1])


def with_two_views(position: int, views: list[FingerTemplate], **more: bytes) -> bytes:
    """DG3 as others write it, with a record of two views: `dg3.build` writes none, and gets one of the same length."""
    both = templates.write(views, "iso-2005")
    single = replace(views[0], position=position)
    room = len(both) - len(templates.write(single, "iso-2005"))
    filled = replace(single, extended=b"\x01\x01" + room.to_bytes(2, "big") + bytes(room - 4))
    placeholder = templates.write(filled, "iso-2005")
    assert len(placeholder) == len(both)
    built = dg3.build({position: placeholder, **{int(name[1:]): record for name, record in more.items()}})
    assert built.count(placeholder) == 1
    return built.replace(placeholder, both)


def test_of_a_record_of_several_views_the_one_of_its_position_is_compared() -> None:
    index, other = taken(PERSON, 1)[0], taken(STRANGER, 1)[1]
    views = [other, index]  # the left index of another, then the right index
    assert compare_holder(with_two_views(2, views), taken(PERSON)[:1]).matched
    assert not compare_holder(with_two_views(7, views), [replace(taken(PERSON)[0], position=7)]).matched
    with pytest.raises(FormatError, match="none of its finger"):
        compare_holder(with_two_views(3, views), taken(PERSON)[:1])
    spare = templates.write(taken(PERSON, 1)[1], "iso-2005")
    assert compare_holder(with_two_views(3, views, p7=spare), taken(PERSON)[1:]).matched
