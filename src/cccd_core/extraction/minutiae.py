"""What the network sees becomes minutiae: the last layers of its heads, and the places where a minutia is likeliest.

Whole arrays in NumPy, with +, -, *, / and square root alone, each rounded on its own: the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cccd_core.extraction import quantised
from cccd_core.extraction.weights import HEADS, Layers

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]

_INPUTS = 6
_GELU = (
    3.036335072259533e-11, -3.31458505087312e-09, 1.5909689499959884e-07, -4.4516727939480916e-06,
    8.142450678860769e-05, -0.00103758682962507, 0.009585185907781124, -0.06598462164402008, 0.3987125754356384,
)  # fmt: skip
_EPSILON = np.float32(0.001)
_BLUR = (np.float32(1 / 16), np.float32(4 / 16), np.float32(6 / 16))
_NEIGHBOURS = 3  # pixels around a minutia in which no other is likelier
# The arc tangent of 0 to 1 as a polynomial of odd powers, in full turns; 6e-9 of a turn off at most.
_ATAN = (
    0.1591548373, -0.0530461207, 0.0317459424, -0.0221362576, 0.0153459992, -0.0088986774, 0.0034795669, -0.0006452961,
)  # fmt: skip


def _gelu(x: Float32) -> Float32:
    inner = np.clip(x, np.float32(-4.5), np.float32(4.5))
    square = inner * inner
    total = np.full_like(x, _GELU[0])
    for factor in _GELU[1:]:
        total *= square
        total += np.float32(factor)
    total *= inner
    total += np.float32(0.5)
    total *= x
    return total


def _sigmoid(x: Float32) -> Float32:
    inner = np.clip(x, np.float32(-20), np.float32(20)) * np.float32(-1 / 256)
    power = inner * np.float32(1 / 24) + np.float32(1 / 6)
    for factor in (0.5, 1.0, 1.0):
        power *= inner
        power += np.float32(factor)
    for _ in range(8):
        power *= power
    power += np.float32(1)
    return np.float32(1) / power


@dataclass(frozen=True, slots=True)
class Head:
    """The last layers of a head: 6 numbers to 4, normalised, 4 to 4, and the 5 x 5 pixels that decide."""

    step: np.float32
    first: Float32  # [6, 4]
    first_bias: Float32
    gamma: Float32
    beta: Float32
    second: Float32  # [4, 4]
    second_bias: Float32
    out: Float32  # [5, 5, 4, outputs]
    out_bias: Float32

    @staticmethod
    def of(layers: Layers, name: str) -> Head:
        """The head `name`."""
        return Head(
            np.float32(quantised.step_of(name)),
            layers[f"{name}.first.kernel"][0, 0],
            layers[f"{name}.first.bias"],
            layers[f"{name}.last_norm.gamma"],
            layers[f"{name}.last_norm.beta"],
            layers[f"{name}.second.kernel"][0, 0],
            layers[f"{name}.second.bias"],
            layers[f"{name}.out.kernel"],
            layers[f"{name}.out.bias"],
        )

    def features(self, pixels: Int16) -> Float32:
        """float32[4, ...] of int16[..., 16]."""
        values = [pixels[..., channel].astype(np.float32) * self.step for channel in range(_INPUTS)]
        parts = _weighed(values, self.first, self.first_bias)
        mean = ((parts[0] + parts[1]) + (parts[2] + parts[3])) * np.float32(0.25)
        parts = [part - mean for part in parts]
        squares = [part * part for part in parts]
        spread = ((squares[0] + squares[1]) + (squares[2] + squares[3])) * np.float32(0.25)
        factor = np.float32(1) / np.sqrt(spread + _EPSILON)
        parts = [part * factor * self.gamma[i] + self.beta[i] for i, part in enumerate(parts)]
        return np.stack([_gelu(part) for part in _weighed(parts, self.second, self.second_bias)])


def _weighed(values: Sequence[Float32], weights: Float32, bias: Float32) -> list[Float32]:
    out = []
    for column in range(weights.shape[1]):
        total = np.full_like(values[0], bias[column])
        for row, value in enumerate(values):
            total += value * weights[row, column]
        out.append(total)
    return out


@dataclass(frozen=True, slots=True, repr=False)
class Minutiae:
    """Minutiae in the order of rows, then columns: pixels, binary angles (65536 the turn), ending or not, certainty."""

    x_px: NDArray[np.int64]
    y_px: NDArray[np.int64]
    angle: NDArray[np.uint16]
    ending: NDArray[np.bool_]
    certainty: Float32


@dataclass(frozen=True, slots=True)
class Heads:
    """The last layers of all heads. Immutable."""

    place: Head
    direction: Head
    kind: Head

    @staticmethod
    def of(layers: Layers) -> Heads:
        """Of these weights."""
        place, direction, kind = (Head.of(layers, name) for name in HEADS)
        return Heads(place, direction, kind)

    def minutiae(self, maps: tuple[Int16, Int16, Int16], certain: float) -> Minutiae:
        """The minutiae of at least this certainty, 0 to 1, in an image of twice the maps' sides."""
        blurred = _blurred(_sigmoid(_dense(self.place, maps[0])))
        y, x, certainty = _peaks(blurred, np.float32(certain))
        across, up = _sparse(self.direction, maps[1], y, x)
        (kind,) = _sparse(self.kind, maps[2], y, x)
        return Minutiae(x, y, binary_angle(across, up), kind >= 0, certainty)


def _dense(head: Head, pixels: Int16) -> Float32:
    """The one number of a head for every pixel of the image.

    Each number of the map stands for 2 x 2 pixels, so that 5 x 5 pixels see 3 x 3 of them, in one of four ways.
    """
    height, width = pixels.shape[:2]
    features = np.pad(head.features(pixels), ((0, 0), (1, 1), (1, 1)))
    out = np.empty((2 * height, 2 * width), np.float32)
    for down in (0, 1):
        for right in (0, 1):
            kernel = np.zeros((3, 3, 4), np.float32)
            for row in range(5):
                for column in range(5):
                    kernel[(down + row) // 2, (right + column) // 2] += head.out[row, column, :, 0]
            total = np.full((height, width), head.out_bias[0], np.float32)
            for row in range(3):
                for column in range(3):
                    for part in range(4):
                        total += features[part, row : row + height, column : column + width] * kernel[row, column, part]
            out[down::2, right::2] = total
    return out


def _sparse(head: Head, pixels: Int16, y: NDArray[np.int64], x: NDArray[np.int64]) -> list[Float32]:
    """The numbers of a head at these pixels of the image: float32[len(y)] each."""
    bordered = np.pad(pixels, ((1, 1), (1, 1), (0, 0)))
    height, width = 2 * pixels.shape[0], 2 * pixels.shape[1]
    around = [(y + row, x + column) for row in range(-2, 3) for column in range(-2, 3)]
    rows, columns = (np.stack([place[side] for place in around]) for side in (0, 1))
    features = head.features(bordered[rows // 2 + 1, columns // 2 + 1])
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    features *= inside.astype(np.float32)
    out = []
    for output in range(head.out.shape[3]):
        total = np.full(len(y), head.out_bias[output], np.float32)
        for place in range(len(around)):
            for part in range(4):
                total += features[part, place] * head.out[place // 5, place % 5, part, output]
        out.append(total)
    return out


def _blurred(sure: Float32) -> Float32:
    height, width = sure.shape
    far, near, centre = _BLUR
    bordered = np.pad(sure, ((0, 0), (2, 2)))
    a, b, c, d, e = (bordered[:, start : start + width] for start in range(5))
    across = (a + e) * far + (b + d) * near + c * centre
    bordered = np.pad(across, ((2, 2), (0, 0)))
    a, b, c, d, e = (bordered[start : start + height] for start in range(5))
    out: Float32 = (a + e) * far + (b + d) * near + c * centre
    return out


def _peaks(blurred: Float32, certain: np.float32) -> tuple[NDArray[np.int64], NDArray[np.int64], Float32]:
    """Where no neighbour within 3 pixels has more."""
    y, x = np.nonzero(blurred >= certain)
    bordered = np.pad(blurred, _NEIGHBOURS)
    reach = range(2 * _NEIGHBOURS + 1)
    most = np.zeros(len(y), np.float32)
    for row in reach:
        for column in reach:
            np.maximum(most, bordered[y + row, x + column], out=most)
    certainty = blurred[y, x]
    kept = certainty == most
    return y[kept], x[kept], certainty[kept]


def binary_angle(across: Float32, up: Float32) -> NDArray[np.uint16]:
    """uint16: the direction of (across, up), counter-clockwise, 65536 to the turn; 0 for no direction."""
    a, b = np.abs(across).astype(np.float64), np.abs(up).astype(np.float64)
    longer = np.maximum(np.maximum(a, b), 1e-30)
    ratio = np.minimum(a, b) / longer
    square = ratio * ratio
    turn: Float64 = np.full_like(ratio, _ATAN[-1])
    for factor in reversed(_ATAN[:-1]):
        turn = turn * square + factor
    turn = turn * ratio
    turn = np.where(b > a, 0.25 - turn, turn)
    turn = np.where(across < 0, 0.5 - turn, turn)
    turn = np.where(up < 0, 1.0 - turn, turn)
    steps: NDArray[np.int64] = np.floor(turn * 65536.0 + 0.5).astype(np.int64)
    return (steps % 65536).astype(np.uint16)
