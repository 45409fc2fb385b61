"""Records written by an independent implementation (tests/vectors/templates) read as they were meant, and come out
of our writers byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cccd_core import templates
from cccd_core.templates.angles import to_steps
from cccd_core.templates.convert import CAPACITY

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "templates" / "records.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS["records"], ids=lambda vector: f"{vector['format']}: {vector['name']}")
def test_a_foreign_record(vector: dict[str, Any]) -> None:
    data, fields = bytes.fromhex(vector["hex"]), vector["fields"]
    assert templates.detect(data) == vector["format"]
    record = templates.read(data)
    assert templates.write(record, vector["format"]) == data
    assert [view.position for view in record.views] == fields["positions"]
    steps = CAPACITY[vector["format"]].angle_steps
    for number, view in enumerate(record.views):
        without_quality = number in fields.get("without_quality", [])
        expected = [
            (x, y, angle, kind, 0 if without_quality else quality)
            for x, y, angle, kind, quality in VECTORS["minutiae"] + fields.get("extra_minutiae", [])
        ]
        columns = (view.x_px, view.y_px, to_steps(view.angle, steps), view.kind, view.quality)
        assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected
        assert (view.width_px, view.height_px) == (fields["width"], fields["height"])
        assert [view.resolution_x_ppcm, view.resolution_y_ppcm] == fields["resolution"]
        assert view.capture_quality == fields["capture_quality"]
        assert view.impression == fields.get("impression", 0)
        details = view.details
        blocks = [[block.score, block.vendor, block.algorithm] for block in details.quality_blocks]
        assert blocks == fields.get("quality_blocks", [])
        certifications = [[block.authority, block.scheme] for block in details.certification_blocks]
        assert certifications == fields.get("certification_blocks", [])
        for name in ("ending_type", "device_vendor", "device_type", "device_technology"):
            assert getattr(details, name) == fields.get(name, 0)
        assert details.captured_at.hex() == fields.get("captured_at", "ff" * 9)
    for name in ("product_id", "device_id", "compliance", "amendment"):
        assert getattr(record, name) == fields.get(name, 0)
