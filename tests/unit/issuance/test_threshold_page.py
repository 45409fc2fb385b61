"""The page on thresholds says of the holder's comparison what it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cccd_core.dedup.judge.fusion import any_position_cost, fuse_same_position, same_position_cost
from cccd_core.issuance.holder import DEFAULT_FMR

_FILE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "choose-a-threshold.md"
PAGE = " ".join(_FILE.read_text("utf-8").split())


def test_the_threshold_of_the_usual_row_is_the_holders() -> None:
    threshold = -10.0 * np.log10(DEFAULT_FMR)
    assert f"| **1 in {1 / DEFAULT_FMR:,.0f}** | **{threshold:.0f}** |" in PAGE


def test_what_a_choice_of_fingers_costs() -> None:
    one = same_position_cost(1, 1)
    assert f"finger pays {one:.1f}, so that 40 asks of its own score {40 + one:.1f}" in PAGE
    assert f"the better alone pays {same_position_cost(2, 1):.1f}" in PAGE
    assert f"of their sum less {same_position_cost(2, 2):.1f}" in PAGE
    assert f"one against two: {any_position_cost(1, 2, 1):.1f})" in PAGE
    fused = fuse_same_position(np.array([[43.02], [43.0]]))[0]
    assert fused.tolist() == pytest.approx([40.01, 39.99], abs=0.01)
