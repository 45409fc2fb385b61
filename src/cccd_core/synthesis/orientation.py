"""Ridge orientation fields of the five pattern classes, and how often the classes come.

The zero-pole model: B. G. Sherlock and D. M. Monro, A model for interpreting fingerprint topology, Pattern Recognition
26(7), 1993: the orientation is half the sum of the arguments from the cores less those from the deltas. Arches without
singular points follow R. Cappelli et al., Synthetic fingerprint-image generation, ICPR 2000: a hump whose height falls
off to the sides. Coordinates are pixels at 500 dpi, x right and y up, the origin at the middle of the fingertip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cccd_core.synthesis.kernels import fingers as kernel

Pattern: TypeAlias = Literal["left_loop", "right_loop", "whorl", "arch", "tented_arch"]

PATTERNS: tuple[Pattern, ...] = ("left_loop", "right_loop", "whorl", "arch", "tented_arch")  # the kernel's numbers


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OrientationField:
    """The field of one finger; `numbers` float64[12] as the kernel has it, read-only."""

    numbers: NDArray[np.float64]

    @classmethod
    def draw(cls, stream: int, pattern: Pattern) -> OrientationField:
        """A field of that pattern, its singular points drawn around their usual places; `stream` an odd number."""
        numbers = np.empty(kernel.FIELD)
        kernel.draw_field(np.array([stream], np.uint64), PATTERNS.index(pattern), numbers)
        numbers.setflags(write=False)
        return cls(numbers)

    @property
    def pattern(self) -> Pattern:
        """The pattern class."""
        return PATTERNS[int(self.numbers[kernel.PATTERN])]

    @property
    def cores(self) -> tuple[complex, ...]:
        """Where the cores are."""
        return self._places(kernel.CORES)

    @property
    def deltas(self) -> tuple[complex, ...]:
        """Where the deltas are."""
        return self._places(kernel.DELTAS)

    def __call__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ridge orientation in radians, modulo pi, float64 of the shape of `x`."""
        angles = [kernel.orientation(self.numbers, float(a), float(b)) for a, b in zip(x.flat, y.flat, strict=True)]
        return np.asarray(np.mod(np.array(angles).reshape(np.shape(x)), np.pi), np.float64)

    def _places(self, first: int) -> tuple[complex, ...]:
        count = int(self.numbers[kernel.SINGULAR])
        flat = self.numbers[first : first + 2 * count]
        return tuple(complex(flat[2 * k], flat[2 * k + 1]) for k in range(count))
