"""Synthetic fingers: determinism, geometry, and what quality does."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.errors import ParameterError
from cccd_core.synthesis import FingerParameters, MasterFinger, setting, settings, tenprint, tenprints
from cccd_core.synthesis.fingers import PATTERN_SHARES, pattern_shares
from cccd_core.synthesis.kernels import fingers as kernel
from cccd_core.synthesis.orientation import PATTERNS, OrientationField
from cccd_core.synthesis.streams import streams
from cccd_core.templates import mirrored, read, write


def winding(field: OrientationField, center: complex, radius: float) -> float:
    """How many turns the orientation makes along a small circle: 1/2 at a core, -1/2 at a delta (Poincaré index)."""
    turn = np.linspace(0, 2 * np.pi, 721)
    angle = field(center.real + radius * np.cos(turn), center.imag + radius * np.sin(turn))
    step = np.diff(angle)
    return float(np.sum((step + np.pi / 2) % np.pi - np.pi / 2) / (2 * np.pi))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("seed", range(6))
def test_fields_have_the_singular_points_of_their_class(pattern, seed):
    field = OrientationField.draw(int(streams(seed, 0)[0]), pattern)
    assert field.pattern == pattern
    expected = {"left_loop": 1, "right_loop": 1, "whorl": 2, "arch": 0, "tented_arch": 1}[pattern]
    assert len(field.cores) == len(field.deltas) == expected
    for core in field.cores:
        assert winding(field, core, 1.0) == pytest.approx(0.5, abs=1e-6)
    for delta in field.deltas:
        assert winding(field, delta, 1.0) == pytest.approx(-0.5, abs=1e-6)
        assert delta.imag < min(core.imag for core in field.cores)
    assert winding(field, 0j, 5000.0) == pytest.approx(0.0, abs=1e-6)
    if pattern == "left_loop":  # its ridges leave to the left, so its delta is right of the core
        assert field.deltas[0].real > field.cores[0].real
    x, y = np.meshgrid(np.linspace(-300, 300, 9), np.linspace(-300, 300, 9))
    assert np.isfinite(field(x, y)).all()
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


@pytest.mark.jit
@given(st.integers(0, 2**62), st.integers(0, 10**10), st.integers(1, 8), st.integers(1, 3), st.integers(0, 9))
def test_portions_and_threads_change_nothing(seed, first, count, threads, impression):
    who = first + np.arange(count) * 7
    positions = (1, 7)
    many = list(tenprints(seed, who, impressions=impression, positions=positions, threads=threads))
    assert many == [tenprint(seed, int(i), impression=impression, positions=positions) for i in who]
    assert many[-1][7] == MasterFinger.make(seed, int(who[-1]), 7).impression(impression)


@pytest.mark.jit
def test_many_blocks_in_threads_are_those_of_one():
    one, four = (list(tenprints(5, range(300), positions=(3, 8), threads=threads)) for threads in (1, 4))
    assert one == four
    assert list(tenprints(5, range(300), impressions=range(300), positions=(3,), threads=2))[299] == tenprint(
        5, 299, impression=299, positions=(3,)
    )
    assert list(tenprints(5, [], threads=2)) == []


@given(
    st.integers(0, 2**63 - 1),
    st.integers(0, 10**10),
    st.integers(1, 10),
    st.integers(0, 2**41),
    st.floats(0, 1),
    st.sampled_from(sorted(settings())),
)
def test_impressions_are_templates(seed, person, position, number, quality, name):
    p = setting(name)
    template = MasterFinger.make(seed, person, position, p).impression(number, quality=quality)
    assert template.position == position
    assert (template.width_px, template.height_px) == (p.image_width_px, p.image_height_px)
    assert template.count <= 255
    assert (template.x_px < template.width_px).all()
    assert (template.y_px < template.height_px).all()
    assert set(template.kind.tolist()) <= {1, 2}
    assert ((template.quality >= 0) & (template.quality <= 100)).all()
    assert (np.diff(template.y_px.astype(int)) >= 0).all()
    again = read(write(template, "iso-2005")).view
    assert again.count == template.count
    assert (again.x_px == template.x_px).all()
    assert mirrored(mirrored(template)) == template


@pytest.mark.parametrize("position", [2, 7])
def test_minutiae_lie_apart_and_along_the_ridges(position):
    calm = replace(setting(), flow_deg=0.0, companions=0.0)
    for person in range(8):
        finger = MasterFinger.make(1, person, position, calm)
        x, y, angle = finger.minutiae[:3]
        distance = np.hypot(x[:, None] - x, y[:, None] - y)
        np.fill_diagonal(distance, np.inf)
        assert distance.min() >= calm.least_px
        assert ((x / calm.half_width_px) ** 2 + (y / calm.half_height_px) ** 2).max() <= 1
        assert np.abs(np.sin(angle - finger.field(x, y))).max() < 1e-9


@pytest.mark.jit
def test_patterns_come_in_their_shares():
    shares = pattern_shares()[1:]
    assert shares.sum(axis=1) == pytest.approx(np.ones(10))
    assert shares.mean(axis=0)[2:] == pytest.approx([PATTERN_SHARES[name] for name in ("whorl", "arch", "tented_arch")])
    n = 3000
    found = Counter(MasterFinger.make(5, i, 1 + i % 10).pattern for i in range(n))
    for pattern, share in zip(PATTERNS, shares.mean(axis=0), strict=True):
        assert found[pattern] / n == pytest.approx(share, abs=0.03)
    right = Counter(MasterFinger.make(5, i, 1 + i % 5).pattern for i in range(600))
    assert right["right_loop"] > 4 * right["left_loop"]  # ulnar loops


@pytest.mark.jit
def test_worse_impressions_show_less_of_the_finger():
    calm = replace(setting(), rotation_deg=0, shift_px=0, distortion_px=0, jitter_px=0, contact_spread=0)

    def shown(quality: float) -> tuple[float, float]:
        """Mean share of master minutiae that an upright impression shows, and of its minutiae that are real."""
        recall, precision = [], []
        for person in range(40):
            finger = MasterFinger.make(9, person, 2, calm)
            template = finger.impression(0, quality=quality)
            x, y = finger.minutiae[0] + calm.image_width_px / 2, calm.image_height_px / 2 - finger.minutiae[1]
            near = np.hypot(x[:, None] - template.x_px, y[:, None] - template.y_px) < 1.0
            recall.append(near.any(axis=1).mean())
            precision.append(near.any(axis=0).mean())
        return float(np.mean(recall)), float(np.mean(precision))

    good, fair, bad = shown(1.0), shown(0.6), shown(0.3)
    assert good[0] > fair[0] > bad[0]
    assert good[1] > fair[1] > bad[1]
    assert good[1] > 0.8


@pytest.mark.jit
def test_fingers_of_one_person_are_alike_in_quality():
    p = setting()
    found = [[finger.capture_quality for finger in one.values()] for one in tenprints(4, range(400), parameters=p)]
    quality = np.array(found, float)
    between = np.var(quality.mean(axis=1)) - np.mean(np.var(quality, axis=1)) / 9
    assert between / np.var(quality) == pytest.approx(p.person_share, abs=0.1)


@pytest.mark.jit
def test_streams_of_random_numbers_are_uniform_and_apart():
    state = streams(1, np.arange(20000))
    assert len(set(state.tolist())) == 20000
    drawn = np.array([kernel.uniform(state[i : i + 1]) for i in range(20000)])
    assert np.histogram(drawn, 10, (0, 1))[0] / 20000 == pytest.approx(np.full(10, 0.1), abs=0.01)
    one = streams(2, 0)
    row = np.array([kernel.uniform(one) for _ in range(20000)])
    assert row.mean() == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(row[1:], row[:-1])[0, 1]) < 0.03
    pairs = np.array([kernel.normals(one) for _ in range(10000)])
    assert np.cov(pairs.T) == pytest.approx(np.eye(2), abs=0.05)


def test_the_kernel_has_the_parameters_in_their_order():
    names = [item.name for item in fields(FingerParameters)][:-2]
    constants = [getattr(kernel, name.upper()) for name in names]
    assert constants == list(range(len(names)))
    assert names[-1] == "quality_knots"
    assert len(FingerParameters().numbers()) == kernel.PARAMETERS


@pytest.mark.parametrize(
    "wrong",
    [
        {"jitter_px": -1},
        {"seen": float("nan")},
        {"image_width_px": 10},
        {"minutiae_per_mm2": 1e6},
        {"broken": 1.5},
        {"person_share": 0.7, "finger_share": 0.4},
        {"quality_knots": (1, 2, 3)},
        {"quality_knots": (9, 8, 10, 20, 30, 40, 50)},
        {"quality_knots": (1, 2, 3, 4, 5, 6, 101)},
    ],
)
def test_parameters_out_of_range(wrong):
    with pytest.raises(ParameterError):
        FingerParameters(**wrong)


def test_what_is_no_finger_is_refused():
    for seed, person, position in ((-1, 0, 1), (2**63, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 11)):
        with pytest.raises(ParameterError):
            MasterFinger.make(seed, person, position)
    finger = MasterFinger.make(0, 0, 1)
    for number, quality in ((-1, None), (0, 1.5), (0, -0.1)):
        with pytest.raises(ParameterError):
            finger.impression(number, quality=quality)
    with pytest.raises(ParameterError):
        tenprint(0, 0, positions=(11,))
    with pytest.raises(ParameterError, match="no such setting"):
        setting("nothing")
    assert FingerParameters().digest != FingerParameters(jitter_px=3.0).digest
