"""The real files: read and written byte for byte, every one; and the three extractors agree on directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cccd_core import templates
from cccd_core.templates.convert import CAPACITY
from support.finger_templates import sample

pytestmark = pytest.mark.data


def test_every_real_file_comes_out_as_it_was(fingerprints: Path) -> None:
    paths = sorted(fingerprints.glob("*/*/*.fmr"))
    assert len(paths) == 6280
    for path in paths:
        data = path.read_bytes()
        record = templates.read(data)
        assert record.format == "iso-2005"
        assert templates.write(record, "iso-2005") == data, path
        assert record.view.count == (len(data) - 30) // 6  # header, view header, length of extended data: 30 bytes


@pytest.mark.parametrize("name", [name for name in templates.FORMATS if name != "iso-2005"])
def test_real_files_in_another_format_and_back(fingerprints: Path, name: str) -> None:
    """Nothing but what the format cannot hold changes, and a second lap changes nothing at all."""
    for path in sample(fingerprints, 6):
        record = templates.load(path)
        there = templates.convert(record, name)
        dpi = 500 if CAPACITY[name].resolution_ppcm else None
        back = templates.convert(there, "iso-2005", dpi=dpi)
        view, other = record.view, back.view
        assert other.count == view.count
        exact = name != "iso-2005-compact"
        for before, after in ((view.x_px, other.x_px), (view.y_px, other.y_px)):
            off = np.abs(before.astype(int) - after.astype(int))
            assert int(off.max(initial=0)) <= (0 if exact else 1)
        off = np.abs((view.angle.astype(int) - other.angle.astype(int) + 32768) % 65536 - 32768)
        # An angle in 1/256 of a turn comes back exactly through 256 or 360 steps, within one step through 180, and
        # within two (half of 1/64) through the compact card format.
        most = {"ansi-2004": 256, "ansi-2009": 256, "nist-itl-378": 256, "iso-2005-compact": 512}.get(name, 0)
        assert int(off.max(initial=0)) <= most
        again = templates.convert(templates.convert(back, name), "iso-2005", dpi=dpi)
        np.testing.assert_array_equal(again.view.angle, other.angle)


def test_legacy_fields_are_what_mindtct_writes(fingerprints: Path) -> None:
    """mindtct's records of Type 9 and its .xyt differ in unit alone: of its prints every legacy record points where the
    .xyt text does, stands where it does, from the bottom left, and reads back to the minutiae of its ISO record."""
    for path in sorted((fingerprints / "fvc2002_DB1_B" / "mindtct").glob("*.fmr")):
        record = templates.load(path)
        text = templates.write(record, "xyt").decode().split()
        xyt = np.array(text, dtype=np.int64).reshape(-1, 4)
        entries = templates.write(record, "nist-itl-legacy").partition(b"9.012:")[2].rstrip(b"\x1c").split(b"\x1e")
        places = [entry.split(b"\x1f")[1] for entry in entries]
        nist = np.array([[int(place[:4]), int(place[4:8]), int(place[8:])] for place in places])
        np.testing.assert_array_equal(nist[:, 2], xyt[:, 2])
        assert np.abs(nist[:, 0] * 0.197 - xyt[:, 0]).max() <= 0.1
        assert np.abs((nist[:, 1] + 1) * 0.197 - xyt[:, 1]).max() <= 0.3
        home = templates.convert(templates.convert(record, "nist-itl-legacy"), "iso-2005", dpi=500).view
        for name in ("x_px", "y_px", "angle", "kind"):
            np.testing.assert_array_equal(getattr(home, name), getattr(record.view, name))
        assert np.abs(home.quality.astype(int) - record.view.quality).max() <= 1


def _nearest_directions(one: templates.FingerTemplate, two: templates.FingerTemplate) -> list[float]:
    """Differences of direction, in degrees, between each minutia and the one of the other within 6 pixels."""
    differences = []
    for x, y, angle in zip(one.x_px.astype(int), one.y_px.astype(int), one.angle_rad, strict=True):
        distance = np.hypot(two.x_px.astype(int) - x, two.y_px.astype(int) - y)
        if two.count and distance.min() <= 6:
            turn = float(two.angle_rad[int(distance.argmin())] - angle)
            differences.append(abs(np.rad2deg(np.arctan2(np.sin(turn), np.cos(turn)))))
    return differences


@pytest.mark.parametrize("extractor", ["fjfx", "sourceafis"])
def test_mindtct_points_where_the_others_point(fingerprints: Path, extractor: str) -> None:
    """mindtct's records have the standard's direction, as those of the others; .xyt has the opposite one."""
    differences = []
    for path in sorted((fingerprints / "fvc2002_DB1_B" / "mindtct").glob("*_1.fmr")):
        mindtct = templates.load(path).view
        other = templates.load(path.parents[1] / extractor / path.name).view
        through_xyt = templates.convert(templates.TemplateRecord("iso-2005", (mindtct,)), "xyt").view
        np.testing.assert_array_equal(through_xyt.x_px, mindtct.x_px)
        np.testing.assert_array_equal(through_xyt.y_px, mindtct.y_px)
        differences += _nearest_directions(through_xyt, other)
    assert len(differences) >= 100
    assert np.mean(np.array(differences) < 30) > 0.9
