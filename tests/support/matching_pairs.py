"""Fingers and impressions for the matching tests: random minutiae, moved, thinned and shaken, from a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cccd_core.matching import Matcher, MatcherParameters
from cccd_core.matching.calibration import Calibration
from cccd_core.templates import FingerTemplate


def raw_matcher(parameters: MatcherParameters | None = None) -> Matcher:
    """A matcher that gives its raw scores."""
    return Matcher(parameters, Calibration.identity())


def template(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    angle_rad: NDArray[np.float64],
    kind: NDArray[np.int64] | None = None,
    quality: NDArray[np.int64] | None = None,
    ppcm: int = 197,
) -> FingerTemplate:
    """A template of minutiae at float places (pixels, y downwards), rounded."""
    n = len(x)
    return FingerTemplate(
        x_px=np.rint(x).astype(np.uint16),
        y_px=np.rint(y).astype(np.uint16),
        angle=(np.rint(np.asarray(angle_rad) * 65536 / (2 * np.pi)).astype(np.int64) % 65536).astype(np.uint16),
        kind=np.zeros(n, np.uint8) if kind is None else kind.astype(np.uint8),
        quality=np.zeros(n, np.uint8) if quality is None else quality.astype(np.uint8),
        width_px=2000,
        height_px=2000,
        resolution_x_ppcm=ppcm,
        resolution_y_ppcm=ppcm,
    )


def finger(seed: int, n: int = 45) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """n minutiae at least 9 px apart on a patch of some 260 x 300 px around (600, 600), directions that flow."""
    rng = np.random.default_rng(seed)
    places: list[tuple[float, float]] = []
    side = 1.0 + max(0, n - 60) / 100.0
    while len(places) < n:
        x, y = rng.uniform(-130, 130) * side, rng.uniform(-150, 150) * side
        if all((x - u) ** 2 + (y - v) ** 2 > 81 for u, v in places):
            places.append((x, y))
    x, y = np.array(places).reshape(-1, 2).T
    flow = np.sin(x / 90 + seed) + np.cos(y / 110 - seed)
    return x + 600, y + 600, flow + rng.integers(0, 2, n) * np.pi + rng.normal(0, 0.15, n)


def impression(seed: int, number: int, n: int = 45, shake_px: float = 2.0, keep: float = 0.85) -> FingerTemplate:
    """An impression of a finger: some minutiae missing, all a little shaken; number 0 is the finger itself."""
    x, y, angle = finger(seed, n)
    if number == 0:
        return template(x, y, angle)
    rng = np.random.default_rng(1000 * seed + number)
    kept = rng.random(n) < keep
    noise = [rng.normal(0, shake_px, n), rng.normal(0, shake_px, n), rng.normal(0, 0.06, n)]
    return template((x + noise[0])[kept], (y + noise[1])[kept], (angle + noise[2])[kept])


def moved(
    base: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], turn_rad: float, dx: float, dy: float
) -> FingerTemplate:
    """The same minutiae, turned counter-clockwise as seen around (600, 600) and shifted."""
    x, y, angle = base
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    u, v = x - 600, 600 - y
    return template(600 + c * u - s * v + dx, 600 - (s * u + c * v) + dy, angle + turn_rad)
