"""The network LEADER in plain NumPy, layer by layer, in float32: slow truth for `cccd_core.extraction`.

Layers and their order: R. Cappelli, M. Ferrara, "LEADER: Lightweight End-to-end Attention-gated Dual
Encoder-decodeR", arXiv 2602.15493. `layers` holds the weights by the names of `cccd_core.extraction.weights`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Layers = Mapping[str, Array]

_ERF = np.vectorize(math.erf, otypes=[np.float64])
_GRID = np.linspace(-8.0, 8.0, 65537)
_PHI = 0.5 * (1.0 + _ERF(_GRID / math.sqrt(2.0)))


def gelu(x: Array) -> Array:
    """x times the normal distribution function, exact but for linear interpolation in a table of steps of 1/4096."""
    return (x * np.interp(x, _GRID, _PHI)).astype(np.float32)


def sigmoid(x: Array) -> Array:
    return (1.0 / (1.0 + np.exp(-x.astype(np.float64)))).astype(np.float32)


def norm(x: Array, gamma: Array, beta: Array) -> Array:
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + np.float32(1e-3)) * gamma + beta


def conv(x: Array, kernel: Array, bias: Array | None = None, dilation: int = 1) -> Array:
    """kernel[size, size, inputs, outputs], zeros around."""
    size, height, width = kernel.shape[0], *x.shape[:2]
    reach = size // 2 * dilation
    padded = np.pad(x, ((reach, reach), (reach, reach), (0, 0)))
    out = np.zeros((height, width, kernel.shape[3]), np.float32)
    for row in range(size):
        for column in range(size):
            y, across = row * dilation, column * dilation
            out += padded[y : y + height, across : across + width] @ kernel[row, column]
    return out if bias is None else out + bias


def depthwise(x: Array, kernel: Array) -> Array:
    """kernel[size, size, channels, 1]."""
    size, height, width = kernel.shape[0], *x.shape[:2]
    padded = np.pad(x, ((size // 2, size // 2), (size // 2, size // 2), (0, 0)))
    out = np.zeros_like(x)
    for row in range(size):
        for column in range(size):
            out += padded[row : row + height, column : column + width] * kernel[row, column, :, 0]
    return out


def _quarters(x: Array) -> Array:
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).transpose(0, 2, 1, 3, 4).reshape(
        height // 2, width // 2, 4, channels
    )  # fmt: skip


def _down(x: Array) -> Array:
    half = x.shape[-1] // 2
    quarters = _quarters(x)
    return np.concatenate([quarters[..., :half].max(axis=2), quarters[..., half:].mean(axis=2)], axis=-1)


def _up(x: Array) -> Array:
    return x.repeat(2, axis=0).repeat(2, axis=1)


def _stem(layers: Layers, name: str, x: Array) -> Array:
    both = [conv(x, layers[f"{name}.conv.kernel"], layers[f"{name}.conv.bias"]),
            conv(x, layers[f"{name}.dilated.kernel"], layers[f"{name}.dilated.bias"], 2)]  # fmt: skip
    y = gelu(norm(np.concatenate(both, axis=-1), layers[f"{name}.norm.gamma"], layers[f"{name}.norm.beta"]))
    return _quarters(y).max(axis=2) if name == "stem0" else _quarters(y).mean(axis=2)


def _separable(layers: Layers, name: str, x: Array) -> Array:
    y = conv(depthwise(x, layers[f"{name}.depthwise"]), layers[f"{name}.kernel"], layers[f"{name}.bias"])
    return gelu(norm(y, layers[f"{name}.norm.gamma"], layers[f"{name}.norm.beta"]))


def _bottleneck(layers: Layers, name: str, x: Array) -> Array:
    y = norm(depthwise(x, layers[f"{name}.depthwise"]), layers[f"{name}.norm.gamma"], layers[f"{name}.norm.beta"])
    y = gelu(conv(y, layers[f"{name}.expand.kernel"], layers[f"{name}.expand.bias"]))
    y = x + conv(y, layers[f"{name}.reduce.kernel"], layers[f"{name}.reduce.bias"])
    return conv(y, layers[f"{name}.adjust.kernel"], layers[f"{name}.adjust.bias"])


def _head(layers: Layers, name: str, x: Array) -> Array:
    y = _up(_bottleneck(layers, name, x))
    y = conv(y, layers[f"{name}.first.kernel"], layers[f"{name}.first.bias"])
    y = norm(y, layers[f"{name}.last_norm.gamma"], layers[f"{name}.last_norm.beta"])
    y = gelu(conv(y, layers[f"{name}.second.kernel"], layers[f"{name}.second.bias"]))
    return conv(y, layers[f"{name}.out.kernel"], layers[f"{name}.out.bias"])


def run(layers: Layers, image: NDArray[np.uint8]) -> Array:
    """float32[height, width, 5] of an image whose sides are multiples of 32: how surely a minutia is here, cosine and
    sine of its direction (of any length), how surely it is a ridge ending, and the first one blurred, 0 where a
    neighbour within 3 pixels has more."""
    pixels = image.astype(np.float32)[:, :, None]
    x, late = _stem(layers, "stem0", pixels), _stem(layers, "stem1", pixels)
    skipped = []
    for step in range(4):
        x = _separable(layers, f"enc0_{step}", x)
        skipped.append(x)
        x = _down(x)
    for step in (3, 2, 1, 0):
        x = np.concatenate([_up(_separable(layers, f"dec0_{step}", x)), skipped[step]], axis=-1)
    seen = [gelu(conv(x, layers[f"attention{d}.kernel"], layers[f"attention{d}.bias"], d)) for d in (1, 3, 6)]
    gate = sigmoid(conv(np.concatenate(seen, axis=-1), layers["gate.kernel"], layers["gate.bias"]))
    x = np.concatenate([x * gate, late], axis=-1)
    skipped = []
    for step in range(4):
        x = _bottleneck(layers, f"enc1_{step}", x)
        skipped.append(x)
        x = _down(x)
    for step in (3, 2, 1, 0):
        x = np.concatenate([_up(_bottleneck(layers, f"dec1_{step}", x)), skipped[step]], axis=-1)
    sure = sigmoid(_head(layers, "place", x))
    direction, kind = _head(layers, "direction", x), sigmoid(_head(layers, "kind", x))
    line = np.array([1, 4, 6, 4, 1], np.float32) / np.float32(16)
    blurred = conv(sure, np.outer(line, line)[:, :, None, None])[:, :, 0]
    padded = np.pad(blurred, 3, constant_values=-1)
    most = np.lib.stride_tricks.sliding_window_view(padded, (7, 7)).max(axis=(2, 3))
    peaks = np.where(blurred == most, blurred, np.float32(0))
    return np.concatenate([sure, direction, kind, peaks[:, :, None]], axis=-1)
