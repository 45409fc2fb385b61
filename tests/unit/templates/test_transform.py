"""Another resolution, another order, the best minutiae; and what a conversion makes of the fields."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.errors import FormatError, ParameterError
from cccd_core.templates import CaptureDetails, FingerTemplate, QualityBlock, TemplateRecord
from cccd_core.templates.convert import CAPACITY
from cccd_core.templates.extended import areas, carried


def view(x: list[int], y: list[int], quality: list[int] | None = None, **fields: object) -> FingerTemplate:
    count = len(x)
    made = FingerTemplate(x, y, np.arange(count) * 256, np.zeros(count, np.uint8), quality or [0] * count)  # type: ignore[arg-type]
    return replace(made, **fields)


@pytest.mark.parametrize(("dpi", "ppcm"), [(500, 197), (1000, 394), (508, 200), (254, 100), (2540, 1000)])
def test_pixels_per_centimetre(dpi: float, ppcm: int) -> None:
    assert templates.ppcm(dpi) == ppcm


def test_rescaling_rounds_coordinates_and_keeps_them_inside() -> None:
    scaled = templates.rescale(view([0, 99, 100], [0, 10, 199], width_px=101, height_px=200), 1000)
    assert scaled.x_px.tolist() == [0, 503, 508]
    assert scaled.y_px.tolist() == [0, 51, 1010]
    assert (scaled.width_px, scaled.height_px, scaled.resolution_x_ppcm) == (513, 1016, 1000)
    small = templates.rescale(view([99], [199], width_px=100, height_px=200), 1, 10)
    assert (small.x_px.tolist(), small.width_px) == ([1], 2)
    assert (small.y_px.tolist(), small.height_px) == ([10], 11)
    assert templates.rescale(scaled, 1000) is scaled
    with pytest.raises(ParameterError, match="coordinate"):
        templates.rescale(view([60000], [0]), 1000)
    with pytest.raises(ParameterError, match="at least one"):
        templates.rescale(scaled, 0)


@pytest.mark.parametrize(
    ("by", "descending", "expected"),
    [
        ("xy", False, [3, 2, 1, 0]),
        ("xy", True, [0, 1, 2, 3]),
        ("yx", False, [3, 1, 2, 0]),
        ("angle", True, [3, 2, 1, 0]),
        ("polar", False, [1, 2, 3, 0]),
    ],
)
def test_orders(by: str, descending: bool, expected: list[int]) -> None:
    given = view([9, 5, 3, 1], [9, 4, 5, 1], extended=b"\x00")
    ordered = templates.order(given, by, descending=descending)
    assert ordered.angle.tolist() == [256 * row for row in expected]
    assert ordered.extended == b""


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ParameterError, match="order"):
        templates.order(view([1], [1]), "size")


def test_the_strongest_are_kept_in_their_order() -> None:
    given = view([0, 100, 50, 52], [0, 100, 50, 50], [40, 40, 10, 90], extended=b"\x00")
    assert templates.strongest(given, 3).quality.tolist() == [40, 40, 90]
    assert templates.strongest(given, 2).x_px.tolist() == [100, 52]  # the nearer of two equal ones
    assert templates.strongest(given, 4) is given
    assert templates.strongest(given, 0).count == 0
    with pytest.raises(ParameterError, match="negative"):
        templates.strongest(given, -1)


def test_raw_quality_goes_along() -> None:
    given = view([5, 3], [1, 1], [0, 0], details=CaptureDetails(raw_quality=b"\xff\xfe"))
    assert templates.order(given, "xy").details.raw_quality == b"\xfe\xff"
    assert templates.strongest(given, 1).details.raw_quality in (b"\xff", b"\xfe")


RIDGES = bytes.fromhex("0001000801000102")
VENDOR = bytes.fromhex("010100061234")
ZONES = bytes.fromhex("000300050a")


def test_areas() -> None:
    assert list(areas(RIDGES + VENDOR)) == [(1, bytes.fromhex("01000102")), (0x0101, b"\x12\x34")]
    with pytest.raises(FormatError) as caught:
        list(areas(VENDOR + b"\x00\x01\x00\x03"))
    assert caught.value.facts["offset"] == 6


def test_what_of_the_extended_data_goes_where() -> None:
    core = bytes.fromhex("00020006ffff")
    everything = RIDGES + core + ZONES + VENDOR
    assert carried(everything, same_coding=True) == RIDGES + core + VENDOR
    assert carried(everything, same_coding=False) == RIDGES + VENDOR
    assert carried(everything + b"\x01", same_coding=True) == b""
    record = TemplateRecord("iso-2005", (view([1], [2], extended=everything),))
    assert templates.convert(record, "iso-2011").view.extended == RIDGES + core + VENDOR
    assert templates.convert(record, "iso-2011", dpi=1000).view.extended == RIDGES + VENDOR
    assert templates.convert(record, "ansi-2004").view.extended == RIDGES + VENDOR
    assert templates.convert(record, "iso-2005-card").view.extended == b""


def test_fields_between_the_editions() -> None:
    record = TemplateRecord("iso-2005", (view([1], [2], width_px=9, height_px=8),), compliance=8, device_id=0x123)
    ansi = templates.convert(record, "ansi-2009")
    assert (ansi.compliance, ansi.device_id, ansi.product_id) == (0x80, 0x123, 0x01030000)
    back = templates.convert(ansi, "iso-2005")
    assert (back.compliance, back.device_id, back.product_id) == (8, 0x123, 0)
    iso_2011 = templates.convert(record, "iso-2011")
    assert iso_2011.view.details.device_type == 0x123
    assert templates.convert(iso_2011, "ansi-2004").device_id == 0x123
    assert templates.convert(replace(ansi, device_id=0xFFFF), "iso-2005").device_id == 0


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (8, 8), (20, 0), (21, 1), (27, 1), (29, 0)])
def test_impression_types_of_2011_in_2005(code: int, expected: int) -> None:
    record = TemplateRecord("iso-2011", (view([1], [2], impression=code),))
    assert templates.convert(record, "iso-2005").view.impression == expected
    assert templates.convert(record, "ansi-2009").view.impression == code


def test_an_unknown_impression_type_is_no_reason_to_guess() -> None:
    with pytest.raises(ParameterError, match="impression"):
        templates.convert(TemplateRecord("iso-2011", (view([1], [2], impression=99),)), "iso-2005")


def test_unreported_quality_makes_no_quality_block_in_2011() -> None:
    unreported = view([1], [2], details=CaptureDetails(quality_blocks=(QualityBlock(254),)))
    assert templates.convert(TemplateRecord("ansi-2009", (unreported,)), "iso-2011").view.details.quality_blocks == ()


def test_a_size_that_nobody_stated_is_the_smallest_that_fits() -> None:
    card = TemplateRecord("iso-2005-card", (view([10, 70], [20, 5], resolution_x_ppcm=1000, resolution_y_ppcm=1000),))
    record = templates.convert(card, "iso-2005")
    assert (record.view.width_px, record.view.height_px) == (71, 21)
    stated = templates.convert(card, "iso-2005", width_px=400, height_px=300)
    assert (stated.view.width_px, stated.view.height_px) == (400, 300)
    empty = templates.convert(replace(card, views=(replace(card.view, **_columns(0)),)), "iso-2005")
    assert (empty.view.width_px, empty.view.height_px) == (1, 1)


def _columns(count: int) -> dict[str, np.ndarray]:
    return {name: np.zeros(count, np.uint8) for name in ("x_px", "y_px", "angle", "kind", "quality")}


def test_views_of_several_sizes_in_a_record_with_one() -> None:
    views = (view([1], [2], width_px=300, height_px=200), view([1], [2], width_px=200, height_px=300))
    record = templates.read(templates.write(views, "iso-2005"))
    assert record.image[:2] == (300, 300)
    mixed = (views[0], replace(views[1], resolution_x_ppcm=394))
    with pytest.raises(ParameterError, match="differ"):
        templates.write(mixed, "iso-2005")
    assert templates.read(templates.write(mixed, "iso-2005", dpi=500)).image[2:] == (197, 197)


def test_dpi_asks_for_another_resolution_of_the_same_format() -> None:
    record = TemplateRecord("iso-2005", (view([100], [50], width_px=300, height_px=200),))
    twice = templates.convert(record, "iso-2005", dpi=1000)
    assert (twice.view.x_px[0], twice.view.resolution_x_ppcm) == (200, 394)
    assert templates.convert(twice, "iso-2005", dpi=500) == record


@pytest.mark.parametrize("name", ["iso-2005", "ansi-2004", "ansi-2009", "iso-2011"])
@pytest.mark.parametrize("code", range(30))
def test_no_edition_is_given_a_position_or_an_impression_type_that_it_does_not_know(name: str, code: int) -> None:
    capacity = CAPACITY[name]
    assert capacity.positions is not None
    assert capacity.impressions is not None
    position = {28: 40, 29: 50}.get(code, code)
    impression = min(code, 15) if code < 20 else code
    given = TemplateRecord("nist-itl-378", (view([1], [2], position=position, impression=impression),))
    written = templates.convert(given, name)
    assert written.view.position == (position if position in capacity.positions else 0)
    assert written.view.impression in capacity.impressions
    lost = templates.lost(given, written)
    assert ("position" in lost) == (written.view.position != position)
    # nothing changes in a file of the same edition, whatever stands there
    same = TemplateRecord(name, (view([1], [2], position=position, width_px=9, height_px=9),))
    assert templates.read(templates.write(same, name)).view.position == position
