"""Angle steps and binary angles."""

from __future__ import annotations

import numpy as np
import pytest

from cccd_core.templates.angles import BINARY, from_steps, to_steps

ALL = np.arange(65536, dtype=np.uint16)


@pytest.mark.parametrize("steps", sorted(BINARY))
def test_every_step_comes_back(steps: int) -> None:
    values = np.arange(steps, dtype=np.uint16)
    assert to_steps(from_steps(values, steps), steps).tolist() == values.tolist()


@pytest.mark.parametrize("steps", sorted(BINARY))
def test_every_binary_angle_is_off_by_at_most_half_a_step(steps: int) -> None:
    back = from_steps(to_steps(ALL, steps), steps)
    off = (back.astype(np.int64) - ALL.astype(np.int64) + 32768) % 65536 - 32768
    assert np.abs(off).max() <= 65536 / steps / 2 + 0.5


@pytest.mark.parametrize(
    ("steps", "step", "binary"), [(256, 64, 16384), (180, 45, 16384), (360, 270, 49152), (64, 1, 1024)]
)
def test_quarters(steps: int, step: int, binary: int) -> None:
    assert int(BINARY[steps][step]) == binary
