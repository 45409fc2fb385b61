"""What an image looks like before a network sees it: its resolution made 500 dpi, its polarity, whether it is empty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DPI = 500.0
_DPI_SLACK = 0.01  # of the resolution: 197 pixels a centimetre are 500.4 dpi
_BLOCK_PX = 16
_FLAT = 6.0  # standard deviation of a block without ridges, in gray levels
_RIDGED_LEAST = 0.02  # of all blocks: a fingertip in a large image
_GROUND_LEAST = 0.05  # of all blocks, before they say how light the ground is
_DARK, _LIGHT = 64.0, 128.0


@dataclass(frozen=True, slots=True)
class Looks:
    """`empty`: nowhere does it look like ridges. `inverted`: its ground is dark, so that its ridges are light."""

    empty: bool
    inverted: bool


def resampled(image: NDArray[np.uint8], dpi: float) -> NDArray[np.uint8]:
    """The image at 500 dpi, by Pillow's bicubic filter in whole numbers; itself where it is within 1 % of that."""
    if abs(dpi / DPI - 1) <= _DPI_SLACK:
        return image
    height, width = (max(1, round(side * DPI / dpi)) for side in image.shape)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def looks(image: NDArray[np.uint8]) -> Looks:
    """By blocks of 16 x 16 pixels: those without contrast are ground."""
    rows, columns = (side // _BLOCK_PX for side in image.shape)
    blocks = image[: rows * _BLOCK_PX, : columns * _BLOCK_PX].reshape(rows, _BLOCK_PX, columns, _BLOCK_PX)
    levels = blocks.astype(np.int64)
    count = _BLOCK_PX * _BLOCK_PX
    sums, squares = levels.sum(axis=(1, 3)), (levels * levels).sum(axis=(1, 3))
    flat = squares * count - sums * sums < int((_FLAT * count) ** 2)
    if np.count_nonzero(~flat) < max(1, _RIDGED_LEAST * flat.size):
        return Looks(empty=True, inverted=False)
    means = sums[flat] / count
    ground = np.count_nonzero(flat) >= _GROUND_LEAST * flat.size
    dark, light = np.count_nonzero(means < _DARK), np.count_nonzero(means > _LIGHT)
    return Looks(empty=False, inverted=bool(ground and dark > 4 * light and 2 * dark > len(means)))
