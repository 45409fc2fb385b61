"""Ridge orientation fields of the five pattern classes.

The zero-pole model: B. G. Sherlock and D. M. Monro, A model for interpreting fingerprint topology, Pattern Recognition
26(7), 1993: the orientation is half the sum of the arguments from the cores less those from the deltas. Arches without
singular points follow R. Cappelli et al., Synthetic fingerprint-image generation, ICPR 2000: a hump whose height falls
off to the sides. Coordinates are pixels at 500 dpi, x right and y up, the origin at the middle of the fingertip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pattern = Literal["left_loop", "right_loop", "whorl", "arch", "tented_arch"]

# Shares among all fingers (C. L. Wilson, G. T. Candela, C. I. Watson, Neural network fingerprint classification, 1994).
PATTERN_SHARES: dict[Pattern, float] = {
    "left_loop": 0.338,
    "right_loop": 0.317,
    "whorl": 0.279,
    "arch": 0.037,
    "tented_arch": 0.029,
}


@dataclass(frozen=True, slots=True)
class OrientationField:
    """The field of one finger: complex places of cores and deltas, and the height of the arch."""

    pattern: Pattern
    cores: tuple[complex, ...]
    deltas: tuple[complex, ...]
    arch_height: float

    @classmethod
    def draw(cls, random: np.random.Generator, pattern: Pattern) -> OrientationField:
        """A field of that pattern, its singular points drawn around their usual places."""
        side = random.normal(0.0, 1.0, 8)
        height = 60.0 + 12.0 * side[0]
        core = complex(10.0 * side[1], 25.0 + 14.0 * side[2])
        if pattern == "arch":
            return cls(pattern, (), (), float(np.clip(1.1 + 0.25 * side[3], 0.5, 1.8)))
        if pattern == "tented_arch":
            return cls(pattern, (core,), (core - complex(4.0 * side[3], max(50.0, 90.0 + 15.0 * side[4])),), 0.0)
        drop = max(70.0, 135.0 + 20.0 * side[3])
        reach = max(50.0, 110.0 + 20.0 * side[4])
        if pattern == "whorl":
            gap = max(8.0, 0.5 * height + 8.0 * side[5])
            cores = (core, core - complex(6.0 * side[6], gap))
            other = max(50.0, 110.0 + 20.0 * side[7])
            return cls(pattern, cores, (core + complex(-reach, -drop), core + complex(other, -drop)), 0.0)
        sign = (
            1.0 if pattern == "left_loop" else -1.0
        )  # the ridges of a left loop leave to the left, its delta is right
        return cls(pattern, (core,), (core + complex(sign * reach, -drop),), 0.0)

    def __call__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ridge orientation in radians, modulo pi, float64 of the shape of `x`."""
        if not self.cores:
            rise = self.arch_height * np.cos(np.clip(x / 260.0, -1.0, 1.0) * np.pi / 2) * np.sin(np.pi * x / 260.0)
            return np.arctan(-rise * np.clip(0.75 - np.abs(y + 20.0) / 500.0, 0.0, None))
        z = x + 1j * y
        angle = np.zeros(np.shape(x))
        # At a branch cut an argument jumps by a full turn and its half by pi, which is no jump for an orientation.
        for core in self.cores:
            angle = angle + np.angle(z - core)
        for delta in self.deltas:
            angle = angle - np.angle(z - delta)
        return np.mod(0.5 * angle + self._tilt(), np.pi)

    def _tilt(self) -> float:
        """Makes the ridges far below the core lie across the finger."""
        far = complex(0.0, -2000.0)
        angle = sum(np.angle(far - core) for core in self.cores) - sum(np.angle(far - delta) for delta in self.deltas)
        return float(-0.5 * angle)
