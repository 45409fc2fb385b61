"""The picture of a pair: drawn from what the explanation says, also when it says little."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cccd_core.evaluation.explain import _bars, _overlay, _places, _round, draw
from cccd_core.matching.explanation import MatchExplanation
from cccd_core.templates import FingerTemplate
from support.toy_matcher import template

PROBE = template([(50, 60), (120, 90), (200, 150), (80, 220), (150, 260)])


def explanation(pairs: int, probe: FingerTemplate, candidate: FingerTemplate, turn: float = 0.0) -> MatchExplanation:
    return MatchExplanation(
        np.arange(pairs),
        np.arange(pairs),
        np.linspace(0.2, 1.0, pairs),
        np.arange(probe.count) < probe.count - 1,
        np.arange(candidate.count) < candidate.count - 1,
        turn,
        (0.0, 0.0),
        {"paired": 3.0, "missing": -1.0},
        2.0,
        31.0,
    )


def green(path: Path) -> int:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    return int(((pixels[..., 1] - pixels[..., 0] > 60) & (pixels[..., 1] - pixels[..., 2] > 30)).sum())


def test_pairs_are_drawn(tmp_path: Path) -> None:
    few = draw(PROBE, PROBE, explanation(1, PROBE, PROBE), tmp_path / "few.png", title="a")
    many = draw(PROBE, PROBE, explanation(4, PROBE, PROBE), tmp_path / "many.png", title="a")
    assert green(many) > green(few) > 0


@pytest.mark.parametrize("count", [0, 1])
def test_empty_templates_are_drawn(tmp_path: Path, count: int) -> None:
    small = template([(10, 10)][:count])
    assert draw(small, PROBE, explanation(count, small, PROBE), tmp_path / "x.png").stat().st_size > 10_000


def test_the_candidate_is_laid_onto_the_probe() -> None:
    # The candidate is the probe turned clockwise by a quarter turn as seen: turning it back lays them on each other.
    places = _places(PROBE)
    turned = template([(int(400 - y), int(x)) for x, y in zip(PROBE.x_px, PROBE.y_px, strict=True)])
    why = explanation(5, PROBE, turned, math.pi / 2)
    moved = _places(turned) @ np.array([[0.0, -1.0], [1.0, 0.0]])
    shift = (places - moved).mean(axis=0)
    assert np.abs(moved + shift - places).max() < 1e-9
    axes = Figure().add_subplot()
    _overlay(axes, PROBE, turned, places, _places(turned), MatchExplanation(
        why.probe_indices, why.candidate_indices, why.pair_similarities, why.overlap_probe, why.overlap_candidate,
        why.rotation_rad, (float(shift[0]), float(shift[1])), why.parts, why.raw_score, why.score,
    ))  # fmt: skip
    joins = [line for line in axes.lines if line.get_color() == "#1a7f37"]
    assert len(joins) == 5
    for line in joins:
        assert np.ptp(np.asarray(line.get_xdata(), float)) < 1e-6
        assert np.ptp(np.asarray(line.get_ydata(), float)) < 1e-6


def test_smaller_parts_are_drawn_as_one() -> None:
    axes = Figure().add_subplot()
    why = explanation(1, PROBE, PROBE)
    object.__setattr__(why, "parts", {f"part {k}": 40.0 - 2.1 * k for k in range(30)})
    _bars(axes, why)
    assert len(axes.patches) == 16
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "15 smaller parts"
    assert sum(bar.get_width() for bar in axes.patches) == pytest.approx(sum(why.parts.values()))


def test_what_the_explanation_says_as_data() -> None:
    record = explanation(3, PROBE, PROBE).as_dict()
    assert record["paired"] == 3
    assert record["unpaired_in_overlap"] == {"probe": 1, "candidate": 1}
    assert record["parts"] == {"paired": 3.0, "missing": -1.0}


def test_large_numbers_are_said_shortly() -> None:
    assert [_round(number) for number in (1.0, 12.3, 10_000.0, 21_379.0, 3.2e9)] == [
        "1", "12", "10,000", "21,000", "10^10",
    ]  # fmt: skip
