"""What one file loses is said of that file, whatever step loses it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.templates import CaptureDetails, FingerTemplate, QualityBlock, TemplateRecord

BROKEN_CHAIN = "464d520020323000000000250000012c019000c500c50100020050014064003220500000"[:-4] + "0001ff"
RIDGE_COUNTS = "464d5200203230000000002c0000012c019000c500c501000200500140640032205000080001000801010203"
ODD_QUALITY = "464d520020323000000000240000012c019000c500c50100020065014064003220500000"


def lost(data: bytes, to: str, **options: float) -> tuple[str, ...]:
    record = templates.read(data)
    return templates.lost(record, templates.convert(record, to, **options))


def test_extended_data_that_are_no_chain() -> None:
    assert lost(bytes.fromhex(BROKEN_CHAIN), "iso-2011") == ("extended data",)
    assert lost(bytes.fromhex(BROKEN_CHAIN), "iso-2005") == ()


def test_extended_data_that_an_order_drops() -> None:
    record = templates.read(bytes.fromhex(RIDGE_COUNTS))
    assert lost(bytes.fromhex(RIDGE_COUNTS), "iso-2011") == ()
    ordered = replace(record, views=tuple(templates.order(view, "xy") for view in record.views))
    assert templates.lost(record, templates.convert(ordered, "iso-2005")) == ("extended data",)


@pytest.mark.parametrize("to", ["iso-2011", "ansi-2004", "ansi-2009"])
def test_a_code_in_place_of_a_quality_goes_into_no_other_edition(to: str) -> None:
    data = bytes.fromhex(ODD_QUALITY)
    record = templates.read(data)
    assert record.view.capture_quality == 0
    assert templates.write(record, "iso-2005") == data
    written = templates.read(templates.write(record, to)).view
    assert (written.capture_quality, written.details.quality_code) == (0, 0)
    assert [block.score for block in written.details.quality_blocks if block.score <= 100] == []
    assert "the code in place of a capture quality" in lost(data, to)


def test_a_whole_record_to_each_format() -> None:
    n = np.arange(30)
    details = CaptureDetails(bytes(8) + b"\x01", 3, 4, 5, (QualityBlock(70, 6, 7),), ending_type=1)
    view = FingerTemplate(n, n * 2, n * 300, n % 3, n + 1, 300, 400, 197, 197, 2, 20, 3, 70, bytes(2), details)
    record = templates.read(templates.write(TemplateRecord("iso-2011", (view,)), "iso-2011"))
    said = {to: templates.lost(record, templates.convert(record, to, height_px=400)) for to in templates.FORMATS}
    assert said["iso-2011"] == ()
    assert set(said["iso-2005"]) == {
        "impression type", "extended data", "capture time", "device", "ridge ending type", "quality algorithm",
    }  # fmt: skip
    assert {"kind", "position", "size", "resolution"} <= set(said["xyt"])
    assert {"quality", "position", "size"} <= set(said["iso-2005-card"])
    plain = templates.read(templates.write(FingerTemplate(n, n, n * 256, n % 3, n + 1, 300, 400), "iso-2005"))
    assert templates.lost(plain, templates.convert(plain, "iso-2011")) == ()
    fewer = replace(plain, views=(templates.strongest(plain.view, 5),))
    assert templates.lost(plain, templates.convert(fewer, "iso-2005")) == ("minutiae",)
