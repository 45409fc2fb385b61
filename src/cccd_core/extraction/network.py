"""LEADER: an image to three maps, by native kernels or their Numba twins, bit for bit the same on every machine.

The graph is that of R. Cappelli, M. Ferrara, arXiv 2602.15493; what the kernels compute is told in
native/kernels/extraction/extraction.hpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.extraction import quantised, weights
from cccd_core.extraction.quantised import Bottleneck, Separable, Stem

SIDE_MULTIPLE = 32  # the network halves an image five times

Int16 = NDArray[np.int16]

_DOWN, _UP = (0, 1, 2, 3), (3, 2, 1, 0)


def _run(name: str, *arguments: object) -> None:
    if runtime.use_native():
        getattr(runtime.native(), f"extraction_{name}")(*arguments, runtime.simd_level())
    else:
        getattr(import_module("cccd_core.extraction.kernels.layers"), name)(*arguments)


def _bordered(parts: Sequence[Int16], border: int) -> Int16:
    """The parts side by side, those of half the size twice in each direction, with zeros around."""
    height, width = (max(part.shape[side] for part in parts) for side in (0, 1))
    out = np.zeros((height + 2 * border, width + 2 * border, sum(part.shape[2] for part in parts)), np.int16)
    first = 0
    for part in parts:
        room = out[border : border + height, border : border + width, first : first + part.shape[2]]
        if part.shape[0] == height:
            room[...] = part
        else:
            for y in (0, 1):
                for x in (0, 1):
                    room[y::2, x::2] = part
        first += part.shape[2]
    return out


def _halved(image: Int16) -> Int16:
    """Of four neighbours the largest in the first half of the channels, the mean in the others."""
    half = image.shape[2] // 2
    out = np.empty((image.shape[0] // 2, image.shape[1] // 2, image.shape[2]), np.int16)
    four = [image[y::2, x::2] for y in (0, 1) for x in (0, 1)]
    a, b, c, d = (part[:, :, :half] for part in four)
    np.maximum(np.maximum(a, b), np.maximum(c, d), out=out[:, :, :half])
    # four times 8191 is within 16 bits
    a, b, c, d = (part[:, :, half:] for part in four)
    np.right_shift(a + b + c + d + np.int16(2), 2, out=out[:, :, half:])
    return out


def _stem(block: Stem, image: Int16, *, largest: bool) -> Int16:
    out = np.empty(((image.shape[0] - 8) // 2, (image.shape[1] - 8) // 2, block.layout.total), np.int16)
    _run("stem", image, *block.product.arrays(), *block.norm.arrays(), largest, block.to_out, out)
    return out


def _separable(block: Separable, *parts: Int16) -> Int16:
    image = _bordered(parts, block.window.size // 2)
    edge = block.window.size - 1
    out = np.empty((image.shape[0] - edge, image.shape[1] - edge, block.layout.total), np.int16)
    _run(
        "separable", image, *block.window.arrays(), *block.product.arrays(), *block.norm.arrays(), block.to_out, out
    )  # fmt: skip
    return out


def _bottleneck(block: Bottleneck, image: Int16) -> Int16:
    edge = block.window.size - 1
    out = np.empty((image.shape[0] - edge, image.shape[1] - edge, block.layout.total), np.int16)
    _run(
        "bottleneck", image, *block.window.arrays(), *block.norm.arrays(), *block.expand.arrays(),
        *block.reduce.arrays(), *block.adjust.arrays(), block.to_middle, block.to_out, out,
    )  # fmt: skip
    return out


def _widened(parts: Sequence[Int16], block: Bottleneck) -> Int16:
    return _bottleneck(block, _bordered(parts, block.window.size // 2))


@dataclass(frozen=True, slots=True)
class Network:
    """The blocks in their order. Immutable, safe to share between threads."""

    stems: tuple[Stem, Stem]
    first_down: tuple[Separable, ...]
    first_up: tuple[Separable, ...]
    gate: quantised.Gate
    second_down: tuple[Bottleneck, ...]
    second_up: tuple[Bottleneck, ...]
    heads: tuple[Bottleneck, Bottleneck, Bottleneck]

    @staticmethod
    def of(layers: weights.Layers) -> Network:
        """Of these weights; a tenth of a second."""
        stems = (quantised.stem(layers, "stem0"), quantised.stem(layers, "stem1"))
        layout, skipped, first_down, first_up = stems[0].layout, [], [], []
        for step in _DOWN:
            first_down.append(quantised.separable(layers, f"enc0_{step}", layout))
            layout = first_down[-1].layout
            skipped.append(layout)
        for step in _UP:
            first_up.append(quantised.separable(layers, f"dec0_{step}", layout))
            layout = first_up[-1].layout.then(skipped[step])
        opened = quantised.gate(layers, layout)
        layout, skipped = layout.then(stems[1].layout), []
        second_down: list[Bottleneck] = []
        second_up: list[Bottleneck] = []
        for step in _DOWN:
            second_down.append(quantised.bottleneck(layers, f"enc1_{step}", layout))
            layout = second_down[-1].layout
            skipped.append(layout)
        for step in _UP:
            second_up.append(quantised.bottleneck(layers, f"dec1_{step}", layout))
            layout = second_up[-1].layout.then(skipped[step])
        place, direction, kind = (quantised.bottleneck(layers, name, layout) for name in weights.HEADS)
        return Network(
            stems, tuple(first_down), tuple(first_up), opened, tuple(second_down), tuple(second_up),
            (place, direction, kind),
        )  # fmt: skip

    def maps(self, image: NDArray[np.uint8]) -> tuple[Int16, Int16, Int16]:
        """int16[height / 2, width / 2, 16] each, of which the first 6 channels are real: what the heads make of an
        image whose sides are multiples of 32, before their last layers. About 34,000 products a pixel."""
        bordered = np.zeros((image.shape[0] + 8, image.shape[1] + 8, 1), np.int16)
        bordered[4:-4, 4:-4, 0] = image
        x = _stem(self.stems[0], bordered, largest=True)
        late = _stem(self.stems[1], bordered, largest=False)
        skipped = []
        for separable in self.first_down:
            x = _separable(separable, x)
            skipped.append(x)
            x = _halved(x)
        parts = [x]
        for separable in self.first_up:
            parts = [_separable(separable, *parts), skipped.pop()]
        x = self._opened(parts)
        parts = [x, late]
        for bottleneck in self.second_down:
            x = _widened(parts, bottleneck)
            skipped.append(x)
            parts = [_halved(x)]
        for bottleneck in self.second_up:
            parts = [_widened(parts, bottleneck), skipped.pop()]
        joined = _bordered(parts, self.heads[0].window.size // 2)
        place, direction, kind = (_bottleneck(head, joined) for head in self.heads)
        return place, direction, kind

    def _opened(self, parts: Sequence[Int16]) -> Int16:
        image = _bordered(parts, 6)
        out = np.empty((image.shape[0] - 12, image.shape[1] - 12, image.shape[2]), np.int16)
        gate = self.gate
        _run("gate", image, *gate.seen.arrays(), *gate.weigh.arrays(), gate.to_middle, out)
        return out
