"""Round every ordered pair of formats: no more is lost than stated, and a second lap loses nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core import templates
from cccd_core.errors import ParameterError
from cccd_core.templates import FingerTemplate, TemplateRecord
from cccd_core.templates.convert import CAPACITY
from cccd_core.templates.loss import loss
from support.finger_templates import records

NAMES = list(templates.FORMATS)
PAIRS = [(source, target) for source in NAMES for target in NAMES if source != target]
HEIGHT_PX = 0x3FFF
LEGACY_HEIGHT_PX = 10_000  # four digits of 0.01 mm
DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "templates.md"


def away(record: TemplateRecord, name: str) -> TemplateRecord:
    return templates.convert(record, name, height_px=LEGACY_HEIGHT_PX if name == "nist-itl-legacy" else HEIGHT_PX)


def back(record: TemplateRecord, original: TemplateRecord) -> TemplateRecord:
    """In the original's format and, where that states one, its resolution."""
    dpi = None if CAPACITY[original.format].resolution_ppcm else original.view.resolution_x_ppcm * 2.54
    return templates.convert(record, original.format, dpi=dpi, height_px=original.view.height_px or HEIGHT_PX)


def places_mm(view: FingerTemplate) -> np.ndarray:
    return np.stack(
        [view.x_px.astype(float) * 10 / view.resolution_x_ppcm, view.y_px.astype(float) * 10 / view.resolution_y_ppcm]
    )


def sizes_mm(view: FingerTemplate) -> np.ndarray:
    return np.array([view.width_px * 10 / view.resolution_x_ppcm, view.height_px * 10 / view.resolution_y_ppcm])


def assert_no_more_is_lost(before: FingerTemplate, after: FingerTemplate, stated: templates.Loss) -> None:
    assert after.count == before.count
    turn = (before.angle.astype(int) - after.angle.astype(int) + 32768) % 65536 - 32768
    # Both angles are the binary ones nearest to their steps, half a unit each.
    assert np.abs(turn).max(initial=0) * 360 / 65536 <= stated.angle_deg + 360 / 65536
    assert np.abs(places_mm(before) - places_mm(after)).max(initial=0) <= stated.coordinate_mm + 1e-9
    if "kind" not in stated.dropped:
        np.testing.assert_array_equal(after.kind, before.kind)
    if "quality levels" in stated.dropped:
        assert np.abs(after.quality.astype(int) - before.quality).max(initial=0) <= 1
        np.testing.assert_array_equal(after.quality == 0, before.quality == 0)
    elif "quality" not in stated.dropped:
        np.testing.assert_array_equal(after.quality, before.quality)
    if "position" not in stated.dropped:
        for name in ("position", "impression", "view", "capture_quality"):
            if name.replace("_", " ").replace("view", "view number") not in stated.dropped:
                assert getattr(after, name) == getattr(before, name)
    if "size" not in stated.dropped and before.width_px and before.height_px:
        grown = sizes_mm(after) - sizes_mm(before)  # to whole pixels of another resolution
        assert (grown >= -1e-9).all()
        assert (grown <= 2 * stated.coordinate_mm + 1e-9).all()
    if "extended" not in stated.dropped:
        assert after.extended == (b"" if before.extended == b"\x01" else before.extended)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=[f"{source} to {target}" for source, target in PAIRS])
@settings(max_examples=25)
@given(data=st.data())
def test_there_and_back(source: str, target: str, data: st.DataObject) -> None:
    record = data.draw(records(source))
    stated = loss(source, target)
    if len(record.views) > CAPACITY[target].max_views:
        assert "views" in stated.dropped
        with pytest.raises(ParameterError):
            away(record, target)
        return
    if target == "iso-2005-compact" and places_mm(record.view).max(initial=0) >= 25.55:
        with pytest.raises(ParameterError):
            away(record, target)
        return
    there = away(record, target)
    for before, after in zip(record.views, there.views, strict=True):
        assert_no_more_is_lost(before, after, stated)
    home = back(there, record)
    for before, after in zip(record.views, home.views, strict=True):
        if stated.coordinate_mm < 5 / before.resolution_x_ppcm:
            np.testing.assert_array_equal(after.x_px, before.x_px)
            np.testing.assert_array_equal(after.y_px, before.y_px)
        if stated.angle_deg < 180 / CAPACITY[source].angle_steps:
            np.testing.assert_array_equal(after.angle, before.angle)
    second = back(away(home, target), record)
    for one, two in zip(home.views, second.views, strict=True):
        for name in ("x_px", "y_px", "angle", "kind", "quality"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@given(data=st.data())
def test_a_long_way_home(data: st.DataObject) -> None:
    """Through all exact formats in any order a record of 2005 comes home as it was, save for what a format dropped."""
    record = data.draw(records("iso-2005"))
    way = data.draw(st.permutations(["iso-2011", "iso-2005"] * 2))
    here = record
    for name in way:
        here = away(here, name)
    home = away(here, "iso-2005")
    for before, after in zip(record.views, home.views, strict=True):
        for name in ("x_px", "y_px", "angle", "kind", "quality", "width_px", "resolution_x_ppcm", "position"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def table(cell: str) -> str:
    lines = ["| from \\ to | " + " | ".join(f"`{name}`" for name in NAMES) + " |", "|---" * (len(NAMES) + 1) + "|"]
    for source in NAMES:
        cells = ["–" if source == target else _cell(cell, source, target) for target in NAMES]
        lines.append(f"| `{source}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(what: str, source: str, target: str) -> str:
    stated = loss(source, target)
    if what == "angle":
        return f"{stated.angle_deg:.2f}°" if stated.angle_deg else "0"
    if what == "coordinate":
        return f"{stated.coordinate_mm:g} mm" if stated.coordinate_mm else "0"
    return ", ".join(stated.dropped) or "nothing"


@pytest.mark.parametrize("what", ["angle", "coordinate", "dropped"])
def test_the_documentation_states_the_loss_of_every_pair(what: str) -> None:
    assert table(what) in DOCUMENT.read_text(encoding="utf-8")
