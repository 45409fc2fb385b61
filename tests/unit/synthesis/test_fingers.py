"""Synthetic fingers: determinism, geometry, and likeness to real prints."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.errors import ParameterError
from cccd_core.synthesis import FingerParameters, MasterFinger, tenprint
from cccd_core.synthesis.orientation import PATTERN_SHARES, OrientationField
from cccd_core.templates import read, write


def winding(field: OrientationField, center: complex, radius: float) -> float:
    """How many turns the orientation makes along a small circle: 1/2 at a core, -1/2 at a delta (Poincaré index)."""
    turn = np.linspace(0, 2 * np.pi, 721)
    angle = field(center.real + radius * np.cos(turn), center.imag + radius * np.sin(turn))
    step = np.diff(angle)
    return float(np.sum((step + np.pi / 2) % np.pi - np.pi / 2) / (2 * np.pi))


@pytest.mark.parametrize("pattern", PATTERN_SHARES)
@pytest.mark.parametrize("seed", range(6))
def test_fields_have_the_singular_points_of_their_class(pattern, seed):
    field = OrientationField.draw(np.random.default_rng(seed), pattern)
    expected = {"left_loop": 1, "right_loop": 1, "whorl": 2, "arch": 0, "tented_arch": 1}[pattern]
    assert len(field.cores) == len(field.deltas) == expected
    for core in field.cores:
        assert winding(field, core, 1.0) == pytest.approx(0.5, abs=1e-6)
    for delta in field.deltas:
        assert winding(field, delta, 1.0) == pytest.approx(-0.5, abs=1e-6)
        assert delta.imag < min(core.imag for core in field.cores)
    assert winding(field, 0j, 5000.0) == pytest.approx(0.0, abs=1e-6)
    grid = np.linspace(-300, 300, 41)
    x, y = np.meshgrid(grid, grid)
    angle = field(x, y)
    assert np.isfinite(angle).all()
    flat = np.abs(np.sin(field(np.zeros(1), np.array([-2000.0]))))[0]
    assert flat < 0.1  # far below the core the ridges lie across the finger


def test_a_finger_is_always_the_same():
    alone = MasterFinger.make(3, 7, 2).impression(4)
    for person in (6, 7):
        for position in (1, 2):
            for number in (0, 4):
                MasterFinger.make(3, person, position).impression(number)
    assert MasterFinger.make(3, 7, 2).impression(4) == alone
    others = [
        MasterFinger.make(4, 7, 2).impression(4),
        MasterFinger.make(3, 8, 2).impression(4),
        MasterFinger.make(3, 7, 3).impression(4),
        MasterFinger.make(3, 7, 2).impression(5),
    ]
    assert all(other != alone for other in others)
    assert tenprint(3, 7, impression=4, positions=(2, 9))[2] == alone


@given(st.integers(0, 2**31), st.integers(0, 10**8), st.integers(1, 10), st.integers(0, 50), st.floats(0, 1))
def test_impressions_are_templates(seed, person, position, number, quality):
    finger = MasterFinger.make(seed, person, position)
    template = finger.impression(number, quality=quality)
    assert template.position == position
    assert (template.width_px, template.height_px) == (320, 420)
    assert template.count < 256
    assert (template.x_px < 320).all()
    assert (template.y_px < 420).all()
    assert set(template.kind.tolist()) <= {1, 2}
    assert ((template.quality >= 1) & (template.quality <= 100)).all()
    again = read(write(template, "iso-2005")).view
    assert again.count == template.count
    assert (again.x_px == template.x_px).all()


@pytest.mark.parametrize("position", [2, 7])
def test_minutiae_lie_apart_and_along_the_ridges(position):
    for person in range(20):
        finger = MasterFinger.make(1, person, position)
        distance = np.hypot(finger.x_px[:, None] - finger.x_px, finger.y_px[:, None] - finger.y_px)
        np.fill_diagonal(distance, np.inf)
        assert distance.min() >= finger.parameters.spacing_px
        off = np.sin(finger.angle_rad - finger.field(finger.x_px, finger.y_px))
        assert np.abs(off).max() < 1e-9


def test_patterns_come_in_their_shares():
    n = 3000
    found = Counter(MasterFinger.make(5, i, 1 + i % 10).pattern for i in range(n))
    loops = found["left_loop"] + found["right_loop"]
    assert loops / n == pytest.approx(0.655, abs=0.03)
    assert found["whorl"] / n == pytest.approx(0.279, abs=0.03)
    assert found["arch"] / n == pytest.approx(0.037, abs=0.015)
    right = Counter(MasterFinger.make(5, i, 1 + i % 5).pattern for i in range(600))
    assert right["right_loop"] > 8 * right["left_loop"]  # ulnar loops


def test_worse_impressions_show_less_of_the_finger():
    def shown(quality: float) -> tuple[float, float]:
        """Mean share of master minutiae that an upright impression shows, and of its minutiae that are real."""
        calm = FingerParameters(
            rotation_deg=0, shift_px=0, distortion_px=0, jitter_px=0, jitter_deg=0, contact_spread=0
        )
        recall, precision = [], []
        for person in range(40):
            finger = MasterFinger.make(9, person, 2, calm)
            template = finger.impression(0, quality=quality)
            x, y = finger.x_px + 160, 210 - finger.y_px
            near = np.hypot(x[:, None] - template.x_px, y[:, None] - template.y_px) < 1.0
            recall.append(near.any(axis=1).mean())
            precision.append(near.any(axis=0).mean())
        return float(np.mean(recall)), float(np.mean(precision))

    good, fair, bad = shown(1.0), shown(0.5), shown(0.0)
    assert good[0] > fair[0] > bad[0]
    assert good[1] > fair[1] > bad[1]
    assert good[1] > 0.8


@pytest.mark.parametrize(
    "wrong", [{"jitter_px": -1}, {"lost": float("nan")}, {"image_width_px": 10}, {"minutiae_per_mm2": 1e6}]
)
def test_parameters_out_of_range(wrong):
    with pytest.raises(ParameterError):
        FingerParameters(**wrong)


def test_what_is_no_finger_is_refused():
    for seed, person, position in ((-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 11)):
        with pytest.raises(ParameterError):
            MasterFinger.make(seed, person, position)
    finger = MasterFinger.make(0, 0, 1)
    for number, quality in ((-1, None), (0, 1.5), (0, -0.1)):
        with pytest.raises(ParameterError):
            finger.impression(number, quality=quality)
    assert FingerParameters().digest != FingerParameters(jitter_px=3.0).digest
