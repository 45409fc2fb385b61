"""How well a print will match: a figure of 1 to 100, and when and why the finger is to be captured again.

The figure is of our own making; it is not NFIQ 2. A minutia of certainty c agrees with its mate in another capture only
where both are there, which is about c squared likely: the sum of squares is how much evidence a capture holds. On
crossmatch and fcj2020 no linear mixture with area, clearness, coherence and contrast predicted the matcher better
(docs/accuracy-quality.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cccd_core.extraction.looks import DPI
from cccd_core.templates import FingerTemplate

HALF = 12
"""The evidence of the figure 50, in certain minutiae."""
AGAIN_BELOW = 43
"""Evidence of 9 certain minutiae. 14 of crossmatch's and fcj2020's 1,590 prints are below: of their genuine pairs a
third fails with the templates of other extractors at an FMR of 0.1 %, from a figure of 57 on next to none
(docs/accuracy-quality.md)."""
_FEW = 20  # minutiae: 19 in 20 of fcj2020's prints have more
_SMALL_MM2 = 120.0  # 99 in 100 of fcj2020's prints are larger
_CLEAR_SHARE = 0.5  # of the print's area
_BLOCK_PX = 16
_BLOCK_MM2 = (_BLOCK_PX * 25.4 / DPI) ** 2
_PRINT, _CLEAR = (10, 0), (10, 60)  # gray levels of standard deviation, percent of coherence


class Shortfall(StrEnum):
    """Why a capture is poor, for who captures it."""

    FEW_MINUTIAE = "few_minutiae"
    SMALL = "small"
    SMUDGED = "smudged"

    @property
    def advice(self) -> str:
        """What is to be done about it."""
        return _ADVICE[self]


_ADVICE = {
    Shortfall.FEW_MINUTIAE: "too few minutiae: lay the ball of the finger on the window, not its tip",
    Shortfall.SMALL: "too small a part of the finger: press it flat, in the middle of the window",
    Shortfall.SMUDGED: "ridges run together or break up: clean finger and window; moisten a dry finger, dry a wet one",
}


@dataclass(frozen=True, slots=True)
class Quality:
    """`figure`, 1 to 100; `shortfalls`, at least one where the figure is below AGAIN_BELOW, none otherwise."""

    figure: int
    shortfalls: tuple[Shortfall, ...]

    @property
    def again(self) -> bool:
        """Whether the finger is to be captured again."""
        return bool(self.shortfalls)


def figure(certainties: NDArray[np.uint8]) -> int:
    """The figure of minutiae of these certainties, uint8[n] of 1 to 100 (the `quality` of what Extractor makes).

    100 s / (s + 12) of the evidence s, rounded: never less with a minutia more, and the same on every machine.
    """
    percent = certainties.astype(np.int64)
    evidence = int((percent * percent).sum())
    whole = evidence + HALF * 10_000
    return max(1, (200 * evidence + whole) // (2 * whole))


def quality(template: FingerTemplate, image: NDArray[np.uint8]) -> Quality:
    """Of a template that Extractor made, and of its image: dark ridges on light, at 500 dpi.

    The image is looked at where the figure is low alone, for the reasons. Cost: linear in minutiae, or in pixels.
    """
    found = figure(template.quality)
    if found >= AGAIN_BELOW:
        return Quality(found, ())
    print_mm2, clear_mm2 = areas(image)
    why = [
        shortfall
        for shortfall, holds in (
            (Shortfall.SMALL, print_mm2 < _SMALL_MM2),
            (Shortfall.SMUDGED, clear_mm2 < _CLEAR_SHARE * print_mm2),
            (Shortfall.FEW_MINUTIAE, template.count < _FEW),
        )
        if holds
    ]
    # Enough minutiae, none of which is certain, on an area that is large and clear: they are doubtful for a reason.
    return Quality(found, tuple(why) or (Shortfall.SMUDGED,))


def areas(image: NDArray[np.uint8]) -> tuple[float, float]:
    """Square millimetres of the print, and of its clear ridges: by blocks of 16 x 16 pixels, by their contrast and
    by how far their gradients agree (coherence of the structure tensor), in whole numbers."""
    levels = image.astype(np.int64)
    down, across = np.zeros_like(levels), np.zeros_like(levels)
    down[1:-1] = levels[2:] - levels[:-2]
    across[:, 1:-1] = levels[:, 2:] - levels[:, :-2]
    sums, squares = _blocks(levels), _blocks(levels * levels)
    count = _BLOCK_PX * _BLOCK_PX
    roughness = squares * count - sums * sums
    across2, down2, both = _blocks(across * across), _blocks(down * down), _blocks(across * down)
    agreeing, energy = (across2 - down2) ** 2 + 4 * both * both, (across2 + down2) ** 2

    def area(deviation: int, coherence: int) -> float:
        rough = roughness >= (deviation * count) ** 2
        return float(np.count_nonzero(rough & (10_000 * agreeing >= coherence**2 * energy)) * _BLOCK_MM2)

    return area(*_PRINT), area(*_CLEAR)


def _blocks(values: NDArray[np.int64]) -> NDArray[np.int64]:
    rows, columns = (side // _BLOCK_PX for side in values.shape)
    whole = values[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    out: NDArray[np.int64] = whole.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX).sum(axis=(1, 3))
    return out
