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
_RIDGED_LEAST = 0.02  # of all blocks: a fingertip in a large image ...
_RIDGED_ENOUGH = 60  # ... and 6 mm of one in any
_DARK_SHARE = 0.9  # of the ground; smudges are dark as well, beside ground that is light


@dataclass(frozen=True, slots=True)
class Looks:
    """`empty`: nowhere does it look like ridges. `inverted`: its ground is darker than where the ridges are."""

    empty: bool
    inverted: bool


def resampled(image: NDArray[np.uint8], dpi: float) -> NDArray[np.uint8]:
    """The image at 500 dpi, by Pillow's bicubic filter in whole numbers; itself where it is within 1 % of that."""
    if abs(dpi / DPI - 1) <= _DPI_SLACK:
        return image
    height, width = (max(1, round(side * DPI / dpi)) for side in image.shape)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def looks(image: NDArray[np.uint8]) -> Looks:
    """By blocks of 16 x 16 pixels. The smoothest tenth of them is the ground or what comes nearest to it, the rougher
    half holds ridges: where nearly all of the ground is darker than these on average, the image is inverted.

    Of the 1,990 images of the seven sets none was turned, and of their negatives all but 30 were.
    """
    rows, columns = (side // _BLOCK_PX for side in image.shape)
    blocks = image[: rows * _BLOCK_PX, : columns * _BLOCK_PX].reshape(rows, _BLOCK_PX, columns, _BLOCK_PX)
    levels = blocks.astype(np.int64)
    count = _BLOCK_PX * _BLOCK_PX
    sums, squares = levels.sum(axis=(1, 3)).ravel(), (levels * levels).sum(axis=(1, 3)).ravel()
    roughness = squares * count - sums * sums
    if np.count_nonzero(roughness >= int((_FLAT * count) ** 2)) < max(
        1, min(_RIDGED_LEAST * roughness.size, _RIDGED_ENOUGH)
    ):
        return Looks(empty=True, inverted=False)
    order = np.argsort(roughness, kind="stable")
    ground = sums[order[: max(1, roughness.size // 10)]]
    ridges = sums[order[roughness.size // 2 :]].mean()
    dark = np.count_nonzero(ground < ridges)
    return Looks(empty=False, inverted=dark >= _DARK_SHARE * ground.size)
