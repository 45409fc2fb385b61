"""The weights made whole: what the kernels take, the same on every machine (docs/adr/0027).

A layer's numbers are int16, a real number being the whole one times the channel's step. Steps are powers of two; a
channel's largest magnitude, MOST steps, is at least twice what was seen on images of crossmatch and fcj2020, and what
goes beyond is cut off. Weights take as many bits as a product's sum leaves in 32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cccd_core.extraction.weights import Layers

LANES = 16
_STEP_BITS = 13
_SUM_MOST = 261_000  # times 8191, and half a unit more for each of 876 weights, stays below 2^31
_WEIGHT_MOST = 32_767

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]

# How far a layer's numbers reach, where it is not 4.
_REACH = {
    "dec1_1": 32, "dec1_0": 16, "place": 8, "direction": 16, "kind": 8,
    "dec1_1.middle": 8, "dec1_0.middle": 8, "direction.middle": 8, "kind.middle": 16, "enc1_0.middle": 8,
    "dec1_1.wide": 8,
}  # fmt: skip


def step_of(name: str) -> float:
    """The real number that one stands for in this layer's output."""
    return _REACH.get(name, 4) / float(2**_STEP_BITS)


def padded(channels: int) -> int:
    """A number of channels as the kernels have it: the next multiple of 16."""
    return -(-channels // LANES) * LANES


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the real channels of an image lie, int64[channels] among `total`, and their steps, float64[channels]."""

    places: NDArray[np.int64]
    steps: Float64
    total: int

    @staticmethod
    def of(name: str, channels: int) -> Layout:
        """Of one layer's output."""
        return Layout(np.arange(channels), np.full(channels, step_of(name)), padded(channels))

    def then(self, other: Layout) -> Layout:
        """These channels, then the others."""
        places = np.concatenate([self.places, self.total + other.places])
        return Layout(places, np.concatenate([self.steps, other.steps]), self.total + other.total)


@dataclass(frozen=True, slots=True)
class Product:
    """Weights int16[inputs * outputs] as the kernels read them, scale and bias float32[outputs]."""

    weights: Int16
    scale: Float32
    bias: Float32

    def arrays(self) -> tuple[Int16, Float32, Float32]:
        """As a kernel takes them."""
        return self.weights, self.scale, self.bias


def _rows_added(rows: Float64) -> Float64:
    # One after the other: numpy's own sums depend on the machine.
    total = np.zeros(rows.shape[1])
    for row in rows:
        total += row
    return total


def _whole(weights: Float64, most: int) -> tuple[NDArray[np.int64], Float64]:
    """Whole weights [terms, outputs] and what one of each output stands for."""
    magnitudes = np.abs(weights)
    largest, together = magnitudes.max(axis=0), _rows_added(magnitudes)
    unit = np.maximum(largest / _WEIGHT_MOST, together / most)
    unit = np.where(unit > 0, unit, 1.0)
    return np.rint(weights / unit).astype(np.int64), unit


def product(kernel: Float64, bias: Float64, source: Layout) -> Product:
    """kernel[inputs, outputs] of the channels of `source`."""
    whole, unit = _whole(kernel * source.steps[:, None], _SUM_MOST)
    inputs, outputs = source.total, padded(kernel.shape[1])
    spread = np.zeros((inputs, outputs), np.int16)
    spread[source.places, : kernel.shape[1]] = whole
    tiles = spread.reshape(inputs // 2, 2, outputs // LANES, LANES).transpose(2, 0, 3, 1)
    return Product(np.ascontiguousarray(tiles).ravel(), _column(unit, outputs), _column(bias, outputs))


def _column(values: Float64, total: int) -> Float32:
    out = np.zeros(total, np.float32)
    out[: len(values)] = values
    return out


@dataclass(frozen=True, slots=True)
class Window:
    """A depthwise convolution: its size, weights as the kernels read them, and the scale of each channel."""

    size: int
    weights: Int16
    scale: Float32

    def arrays(self) -> tuple[int, Int16, Float32]:
        """As a kernel takes them."""
        return self.size, self.weights, self.scale


def window(kernel: Float32, source: Layout, step: float) -> Window:
    """kernel[size, size, channels, 1]; sums become numbers of `step`."""
    size, channels = kernel.shape[0], kernel.shape[2]
    whole, unit = _whole(kernel[:, :, :, 0].reshape(size * size, channels).astype(np.float64), _SUM_MOST)
    spread = np.zeros((size + 1, size, source.total), np.int16)
    spread[:size, :, source.places] = whole.reshape(size, size, channels)
    # [pair, row][x][group, lane, half, 4]: a kernel reads both rows of a pair, 0-3 and 8-11 of a group before the rest
    parts = spread.reshape((size + 1) // 2, 2, size, source.total // LANES, 2, 2, 4)
    scale = np.zeros(source.total, np.float32)
    scale[source.places] = unit * source.steps / step
    return Window(size, np.ascontiguousarray(parts.transpose(0, 2, 3, 5, 4, 6, 1)).ravel(), scale)


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation over the channels where `real` is 1."""

    gamma: Float32
    beta: Float32
    real: Float32
    count: float

    def arrays(self) -> tuple[Float32, Float32, Float32, float]:
        """As a kernel takes them."""
        return self.gamma, self.beta, self.real, self.count


def norm(layers: Layers, name: str, layout: Layout, step: float) -> Norm:
    """The numbers that come out are of `step`."""
    columns = np.zeros((3, layout.total), np.float32)
    columns[0, layout.places] = layers[f"{name}.gamma"] / np.float32(step)
    columns[1, layout.places] = layers[f"{name}.beta"] / np.float32(step)
    columns[2, layout.places] = 1
    return Norm(columns[0].copy(), columns[1].copy(), columns[2].copy(), float(len(layout.places)))


def matrix(layers: Layers, name: str) -> tuple[Float64, Float64]:
    """The weights [terms, outputs] and bias of a convolution."""
    kernel = layers[f"{name}.kernel"]
    return kernel.reshape(-1, kernel.shape[3]).astype(np.float64), layers[f"{name}.bias"].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Stem:
    """Two convolutions of the image side by side."""

    product: Product
    norm: Norm
    layout: Layout
    to_out: float


def stem(layers: Layers, name: str) -> Stem:
    """5 x 5 pixels, and 5 x 5 of every second one, as one product of 41 pixels: what both see is one input."""
    close, close_bias = matrix(layers, f"{name}.conv")
    far, far_bias = matrix(layers, f"{name}.dilated")
    count = close.shape[1]
    offsets = [(y, x) for y in range(-2, 3) for x in range(-2, 3)]
    wide = [(y, x) for y in range(-4, 5, 2) for x in range(-4, 5, 2)]
    offsets += [place for place in wide if place not in offsets]
    kernel = np.zeros((len(offsets), 2 * count))
    kernel[:25, :count] = close
    for row, place in zip(far, wide, strict=True):
        kernel[offsets.index(place), count:] = row
    layout = Layout.of(name, 2 * count)
    pixels = Layout(np.arange(len(offsets)), np.ones(len(offsets)), len(offsets) + 1)
    made = product(kernel, np.concatenate([close_bias, far_bias]), pixels)
    return Stem(made, norm(layers, f"{name}.norm", layout, 1.0), layout, 1 / step_of(name))


@dataclass(frozen=True, slots=True)
class Separable:
    """A depthwise convolution and a product, normalised."""

    window: Window
    product: Product
    norm: Norm
    layout: Layout
    to_out: float


def separable(layers: Layers, name: str, source: Layout) -> Separable:
    """The block `name` on an image of this layout."""
    kernel, bias = matrix(layers, name)
    step = step_of(f"{name}.middle")
    middle = Layout(source.places, np.full(len(source.places), step), source.total)
    layout = Layout.of(name, kernel.shape[1])
    return Separable(
        window(layers[f"{name}.depthwise"], source, step),
        product(kernel, bias, middle),
        norm(layers, f"{name}.norm", layout, 1.0),
        layout,
        1 / step_of(name),
    )


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """A depthwise convolution, normalised, a wide product and a narrow one, to which the image itself is added."""

    window: Window
    norm: Norm
    expand: Product
    reduce: Product
    adjust: Product
    layout: Layout
    to_middle: float
    to_out: float


def bottleneck(layers: Layers, name: str, source: Layout) -> Bottleneck:
    """The block `name`; its last two products, with no activation between them, are made one."""
    step, wide_step = step_of(f"{name}.middle"), step_of(f"{name}.wide")
    middle = Layout(source.places, np.full(len(source.places), step), source.total)
    expand, expand_bias = matrix(layers, f"{name}.expand")
    wide = Layout(np.arange(expand.shape[1]), np.full(expand.shape[1], wide_step), padded(expand.shape[1]))
    narrow, narrow_bias = matrix(layers, f"{name}.reduce")
    adjust, adjust_bias = matrix(layers, f"{name}.adjust")
    reduce = np.zeros((narrow.shape[0], adjust.shape[1]))
    bias = adjust_bias.copy()
    for channel in range(narrow.shape[1]):
        reduce += narrow[:, channel : channel + 1] * adjust[channel : channel + 1]
        bias += narrow_bias[channel] * adjust[channel]
    return Bottleneck(
        window(layers[f"{name}.depthwise"], source, 1.0),
        norm(layers, f"{name}.norm", source, step),
        product(expand, expand_bias, middle),
        product(reduce, np.zeros(len(bias)), wide),
        product(adjust, bias, source),
        Layout.of(name, adjust.shape[1]),
        1 / wide_step,
        1 / step_of(name),
    )


@dataclass(frozen=True, slots=True)
class Gate:
    """Three dilated convolutions and the product that weighs them; the first three stacked."""

    seen: Product
    weigh: Product
    to_middle: float


def gate(layers: Layers, source: Layout) -> Gate:
    """The attention gate on an image of 32 channels."""
    step = step_of("gate.middle")
    taps = Layout(np.arange(9 * source.total), np.tile(source.steps, 9), 9 * source.total)
    each = [product(*matrix(layers, f"attention{dilation}"), taps) for dilation in (1, 3, 6)]
    seen = Product(
        np.stack([one.weights for one in each]),
        np.stack([one.scale for one in each]),
        np.stack([one.bias for one in each]),
    )
    middle = Layout(np.arange(48), np.full(48, step), 48)
    return Gate(seen, product(*matrix(layers, "gate"), middle), 1 / step)
