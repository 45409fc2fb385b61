"""How far apart the ridges of an image lie, by its spectrum: what says whether its resolution is what is stated.

Windows of the image are taken one by one. Where ridges run through one, its gradients' power stands at their distance,
across them; a window whose power does not gather at one place says nothing.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

# Pixels of a window, the distances that are looked for in it (several periods, and more than two pixels each), and the
# share of the windows that must show one. The small ones are for small images; in a part of a poor print they find
# pores and noise.
_LARGE, _SMALL = (64, 2.5, 25.0, 0.0), (32, 2.5, 8.0, 0.3)
_CONTRAST = 10.0  # gray levels of standard deviation, in a window with ridges
_GATHERED = 0.25  # of a window's power at one place
_WINDOWS_LEAST = 8
_WINDOWS_MOST = 128  # looked at of a large image
_ALIKE = 0.3  # in octaves: distances of one print
_AGREEING = 0.6  # of the windows, by weight

Float64 = NDArray[np.float64]


def ridge_distance_px(image: NDArray[np.uint8]) -> float:
    """The median distance from ridge to ridge in a gray image, uint8[height, width], in pixels; 0 where too little of
    the image shows ridges, or they do not agree. Finds 2.5 to 25 pixels. 10 to 20 ms."""
    found = _distances(image, *_LARGE) or _distances(image, *_SMALL)
    if found is None:
        return 0.0
    distances, weights = found
    order = np.argsort(distances)
    summed = np.cumsum(weights[order])
    median = float(distances[order][np.searchsorted(summed, summed[-1] / 2)])
    alike = np.abs(np.log2(distances / median)) < _ALIKE
    return median if weights[alike].sum() >= _AGREEING * summed[-1] else 0.0


def _distances(
    image: NDArray[np.uint8], window: int, least_px: float, most_px: float, share: float
) -> tuple[Float64, Float64] | None:
    """The distance in each window that shows one, and how surely; None where too few do."""
    if min(image.shape) < window:
        return None
    step = window // 2
    cut = np.lib.stride_tricks.sliding_window_view(image, (window, window))[::step, ::step]
    cut = cut.reshape(-1, window, window)
    spread = np.array([part.std() for part in cut])
    kept = np.flatnonzero(spread >= _CONTRAST)
    if len(kept) < _WINDOWS_LEAST:
        return None
    kept = kept[:: -(-len(kept) // _WINDOWS_MOST)]
    levels = cut[kept].astype(np.float64)
    levels -= levels.mean(axis=(1, 2), keepdims=True)
    taper, radius = _shape(window)
    power = np.abs(np.fft.rfft2(levels * taper)) ** 2
    steep = power * radius**2  # of the gradients: slow shades count for little
    wanted = (radius >= window / most_px) & (radius <= window / least_px)
    inside = np.where(wanted, steep, 0.0)
    every = np.arange(len(kept))
    y, x = np.unravel_index(inside.reshape(len(kept), -1).argmax(axis=1), wanted.shape)
    gathered, weight, moment = np.zeros(len(kept)), np.zeros(len(kept)), np.zeros(len(kept))
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            row, column = (y + down) % window, np.minimum(np.abs(x + across), window // 2)
            gathered += inside[every, row, column]
            weight += power[every, row, column]
            moment += power[every, row, column] * radius[row, column]
    surely = gathered / np.maximum(steep.sum(axis=(1, 2)), 1e-9)
    sure = surely >= _GATHERED
    if np.count_nonzero(sure) < max(_WINDOWS_LEAST, share * len(kept)):
        return None
    return window * weight[sure] / moment[sure], surely[sure]


@cache
def _shape(window: int) -> tuple[Float64, Float64]:
    """How a window fades to its borders, and the frequency of each place of its spectrum in periods a window."""
    fading = np.hanning(window + 1)[:window]
    down, across = np.fft.fftfreq(window) * window, np.arange(window // 2 + 1)
    return np.outer(fading, fading), np.hypot(down[:, None], across[None, :])
