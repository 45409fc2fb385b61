"""Fusion: its scale, its order, what it refuses."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cccd_core.errors import FormatError, ParameterError
from cccd_core.evaluation.finger_fusion import Fusion, fuse

FUSION = Fusion((0.0, 5.0, 10.0, 20.0, 40.0), (-3.0, -2.2, -1.0, 1.5, 6.2), "sha256:x", 100, ("a/e",))
NATS = math.log(10.0) / 10.0


def test_one_finger_keeps_its_score_and_none_scores_zero() -> None:
    scores = np.array([[0.0, 7.0], [12.5, 99.0], [300.0, 1.0]], np.float32)
    assert FUSION.fuse(scores, np.array([[True, False]] * 3)).tolist() == [0.0, 12.5, 300.0]
    assert FUSION.fuse(scores, np.array([[False, True]] * 3)).tolist() == [7.0, 99.0, 1.0]
    assert FUSION.fuse(scores, np.zeros((3, 2), bool)).tolist() == [0.0, 0.0, 0.0]
    assert FUSION.fuse(scores[:0]).shape == (0,)


def test_a_straight_ratio_gives_the_sum_of_exponentials() -> None:
    # With the ratio equal to the score in nats, the sum of k fingers is a Gamma(k) variable under impostors.
    straight = Fusion((0.0, 10.0), (0.0, 10.0 * NATS), "", 0)
    for fingers, total in ((2, 20.0), (3, 90.0), (4, 200.0), (10, 450.0), (2, 900.0)):
        nats = total * NATS
        tail = math.exp(-nats) * math.fsum(nats**k / math.factorial(k) for k in range(fingers))
        fused = straight.fuse(np.full((1, fingers), total / fingers))[0]
        assert fused == pytest.approx(-10.0 * math.log10(tail), rel=2e-3, abs=0.02)


@pytest.mark.parametrize("fingers", [2, 4, 10])
def test_fused_scores_say_the_fmr(fingers: int) -> None:
    impostors = np.random.default_rng(4).exponential(1.0 / NATS, (400_000, fingers))
    fused = FUSION.fuse(impostors)
    for score in (1, 3, 10, 20):
        assert (fused >= score).mean() * 10.0 ** (score / 10.0) == pytest.approx(1.0, abs=0.06)
    assert (fused >= 30).mean() * 1e3 == pytest.approx(1.0, abs=0.2)


def test_more_of_a_finger_never_lowers_the_fused_score() -> None:
    scores = np.linspace(0.0, 400.0, 2001)
    fused = FUSION.fuse(np.column_stack([scores, np.full_like(scores, 25.0), np.full_like(scores, 3.0)]))
    assert (np.diff(fused) >= -1e-4).all()
    assert fused[-1] > fused[0] + 300.0


def test_the_order_of_fingers_does_not_matter() -> None:
    scores = np.random.default_rng(3).exponential(10.0, (50, 4)).astype(np.float32)
    assert FUSION.fuse(scores) == pytest.approx(FUSION.fuse(scores[:, ::-1]), abs=1e-4)


@pytest.mark.parametrize(
    ("scores", "mask"),
    [
        (np.zeros(3), None),
        (np.zeros((2, 11)), None),
        (np.zeros((2, 0)), None),
        (np.zeros((2, 2)), np.ones((2, 3), bool)),
        (np.array([[1.0, -1.0]]), None),
        (np.array([[1.0, np.nan]]), None),
        (np.array([[1.0, np.inf]]), None),
    ],
)
def test_what_cannot_be_fused_is_refused(scores: np.ndarray, mask: np.ndarray | None) -> None:  # type: ignore[type-arg]
    with pytest.raises(ParameterError):
        FUSION.fuse(scores, mask)


def test_what_is_masked_is_not_looked_at() -> None:
    assert FUSION.fuse(np.array([[9.0, np.nan, -5.0]]), np.array([[True, False, False]])).tolist() == [9.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"score_knots": (0.0,), "ratio_knots": (0.0,)},
        {"ratio_knots": (0.0, 1.0)},
        {"score_knots": (1.0, 5.0, 10.0, 20.0, 40.0)},
        {"score_knots": (0.0, 5.0, 5.0, 20.0, 40.0)},
        {"ratio_knots": (-3.0, -4.0, 0.0, 1.0, 2.0)},
        {"ratio_knots": (-3.0, -2.0, 0.0, 1.0, 1.0)},  # the last segment must rise
        {"ratio_knots": (-3.0, -2.0, 0.0, 1.0, float("nan"))},
        {"ratio_knots": (-300.0, -2.0, 0.0, 1.0, 2.0)},
    ],
)
def test_what_is_no_fusion_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        replace(FUSION, **changes)


def test_its_file_reads_back() -> None:
    record = json.loads(json.dumps(FUSION.as_dict()))
    assert Fusion.from_dict(record) == FUSION
    for broken in (None, [], {}, {**record, "format": "x"}, {**record, "score": 3}, {**record, "ratio": ["a"] * 5}):
        with pytest.raises(FormatError):
            Fusion.from_dict(broken)


def test_the_shipped_fusion_is_not_fitted_on_the_set_it_is_reported_on() -> None:
    shipped = Fusion.shipped()
    assert shipped.genuine_pairs >= 1000
    assert not any(name.startswith("fcj2020/") for name in shipped.sets)
    assert fuse(np.array([[20.0, 20.0]]))[0] > 23.0
