"""How the minutiae of a print lie as a whole: on a few curves, along a few directions, as two fingers side by side.

The limits were chosen on the prints of crossmatch and fcj2020; docs/explanation/intake.md has what they find in others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cccd_core.templates import FULL_TURN, FingerTemplate

HALF_TURN = FULL_TURN // 2
LEAST_ON_CONIC = 8  # a conic goes through any five points, a cubic through any nine
LEAST_ON_CUBIC = 20
LEAST_BESIDE = 24
_LEAST_SIDE = 8  # minutiae of one of two fingers
_SPLITS = 6  # the widest gaps, at which two fingers may be told apart
# Of two fingers: how badly one flow fits all, how badly two fit, the gap between them (mm); and where 0 lies. A
# logistic regression on pairs of prints of crossmatch and fcj2020 beside each other, rounded.
_BESIDE = (14.0, -5.2, 6.2, 6.5)

Places = NDArray[np.float64]


def off_curve_mm(places_mm: Places) -> float | None:
    """How far the median minutia lies from the best curve of the third degree (three lines, a circle and a line), with
    fewer than 20 of the second (two lines, a circle, an ellipse). None with fewer than eight.

    The distance is Sampson's, value over gradient (P. D. Sampson, 1982). `places_mm` float64[n, 2]; 0.3 ms.
    """
    if len(places_mm) < LEAST_ON_CONIC:
        return None
    degree = 3 if len(places_mm) >= LEAST_ON_CUBIC else 2
    centred = places_mm - places_mm.mean(axis=0)
    scale = float(np.sqrt((centred**2).sum(axis=1).mean()))
    if scale == 0:
        return 0.0
    x, y = (centred / scale).T
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    terms = np.stack([x**i * y**j for i, j in powers], axis=1)
    size = np.sqrt((terms**2).mean(axis=0)) + 1e-12
    curve = np.linalg.svd(terms / size, full_matrices=False)[2][-1] / size
    slope_x = np.stack([i * x ** max(i - 1, 0) * y**j for i, j in powers], axis=1) @ curve
    slope_y = np.stack([j * x**i * y ** max(j - 1, 0) for i, j in powers], axis=1) @ curve
    away = np.abs(terms @ curve) / np.maximum(np.hypot(slope_x, slope_y), 1e-6)
    return float(np.median(away)) * scale


def directions(view: FingerTemplate) -> tuple[int, int, int]:
    """How many minutiae have the commonest direction, either of the two commonest, or one of the four commonest; a
    direction and its opposite are one. The last is 0 where the four lie close together, as on a flat arch."""
    found, counts = np.unique(view.angle % HALF_TURN, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:4]
    kinds = np.sort(found[most].astype(np.int64))
    gap = int(np.diff(kinds, append=kinds[0] + HALF_TURN).max())
    apart = HALF_TURN - gap > HALF_TURN * 4 // 9  # 80 degrees
    return int(counts[most[0]]), int(counts[most[:2]].sum()), int(counts[most].sum()) if apart else 0


def beside(places_mm: Places, view: FingerTemplate) -> float | None:
    """How much the minutiae lie as those of two fingers beside each other, from left to right: above 0 rather so. None
    with fewer than 24.

    One finger's ridges turn one way from its left to its right. The directions are fitted by one cubic of the places,
    and by two quadratics left and right of each of the widest gaps. 0.5 ms.
    """
    if view.count < LEAST_BESIDE:
        return None
    order = np.argsort(places_mm[:, 0], kind="stable")
    x, y = places_mm[order].T
    flow = np.exp(2j * np.pi * (2 * view.angle[order].astype(np.float64) / FULL_TURN))
    gaps = np.diff(x)
    x, y = (x - x.mean()) / 10, (y - y.mean()) / 10
    quadratic = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    cubic = np.concatenate([quadratic, np.stack([x**3, x * x * y, x * y * y, y**3], axis=1)], axis=1)
    least = max(_LEAST_SIDE, view.count // 4)
    inner = gaps[least - 1 : view.count - least]
    found = [
        (_misfit(quadratic[:split], flow[:split]) + _misfit(quadratic[split:], flow[split:]), float(gaps[split - 1]))
        for split in (np.argsort(-inner, kind="stable")[:_SPLITS] + least).tolist()
    ]
    two, gap = min(found)
    one = _misfit(cubic, flow)
    a, b, c, d = _BESIDE
    return float(a * np.log(one / view.count + 0.05) + b * np.log(two / view.count + 0.05) + c * np.log(gap + 0.3) + d)


def _misfit(terms: NDArray[np.float64], flow: NDArray[np.complex128]) -> float:
    """The sum of squares that a fit by least squares leaves."""
    if len(flow) < 2 * terms.shape[1]:
        terms = terms[:, :3]
    gram = terms.T @ terms + 1e-9 * np.eye(terms.shape[1])
    right = terms.T @ flow
    return max(0.0, float(len(flow) - (right.conj() @ np.linalg.solve(gram, right)).real))
