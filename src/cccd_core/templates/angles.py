"""Angle units: from the steps of a format to binary angles (65536 = full turn) and back.

A step count divides the turn into 64, 180, 256 or 360 parts, each at least 182 binary units wide, so that every step
comes back exactly; a binary angle written in steps is off by at most half a step.
"""

from __future__ import annotations

import numpy as np

from cccd_core.templates.model import FULL_TURN, Uint8Array, Uint16Array


def _table(steps: int) -> Uint16Array:
    table = np.array([(2 * FULL_TURN * step + steps) // (2 * steps) for step in range(steps)], dtype=np.uint16)
    table.setflags(write=False)
    return table


# BINARY[steps][step] is the binary angle nearest to `step` of `steps` in a turn.
BINARY = {steps: _table(steps) for steps in (64, 180, 256, 360)}


def from_steps(values: Uint8Array | Uint16Array, steps: int) -> Uint16Array:
    """uint16[n], binary angles; every value must be below `steps`, which the caller has checked."""
    return BINARY[steps][values]


def to_steps(angle: Uint16Array, steps: int) -> Uint16Array:
    """uint16[n], the nearest of `steps` directions for each binary angle, 0 to steps - 1."""
    nearest = (angle.astype(np.uint32) * np.uint32(steps) + np.uint32(FULL_TURN // 2)) >> np.uint32(16)
    return (nearest % np.uint32(steps)).astype(np.uint16)
