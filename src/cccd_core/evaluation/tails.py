"""The tail of a distribution of scores.

A generalised Pareto distribution of the excesses over a high threshold (Pickands, Annals of Statistics 3, 1975;
Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, chapter 4), fitted by maximum likelihood along
its profile (Grimshaw, Technometrics 35(2), 1993).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cccd_core.errors import ParameterError

TAIL_FRACTION = 0.01  # the share of impostors that the tail is fitted to

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tail:
    """P(score > threshold + y) = fraction · (1 + shape · y / scale)^(−1/shape), fitted to `excesses` pairs."""

    threshold: float
    fraction: float
    shape: float
    scale: float
    excesses: int

    def raw_at(self, fmr: FloatArray) -> FloatArray:
        """The score that a share `fmr` (at most `fraction`) of impostors exceeds."""
        ratio = np.log(self.fraction / fmr)
        if abs(self.shape) < 1e-9:
            return self.threshold + self.scale * ratio
        return np.asarray(self.threshold + self.scale / self.shape * np.expm1(self.shape * ratio))


def fit_tail(ordered: FloatArray, fraction: float = TAIL_FRACTION) -> Tail:
    """The tail of `ordered` scores (ascending): a generalised Pareto distribution over their top `fraction`."""
    kept = max(2, round(len(ordered) * fraction))
    threshold = float(ordered[-kept - 1])
    excesses = ordered[-kept:] - threshold
    mean = float(excesses.mean())
    if not mean > 0.0:
        raise ParameterError("the highest impostor scores are all equal: no tail can be fitted", pairs=len(ordered))
    excesses = excesses / mean

    def shape_of(theta: float) -> float:
        return float(np.log1p(theta * excesses).mean())

    def loss(theta: float) -> float:
        # -log likelihood a pair, on its profile: for theta = shape / scale the best shape is the mean of log(1 + ...)
        if abs(theta) < 1e-6:
            return 1.0
        shape = shape_of(theta)
        return math.log(shape / theta) + shape + 1.0

    # theta must keep 1 + theta * excess positive; outside -1/max .. 50/mean lies nothing that a score's tail does
    low = -1.0 / float(excesses.max()) * (1.0 - 1e-6)
    grid = np.concatenate([low + (-low) * np.linspace(0.01, 1.0, 50), np.logspace(-3, math.log10(50.0), 60)])
    best = int(np.argmin([loss(theta) for theta in grid]))
    theta = _least(loss, grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)])
    shape = 0.0 if abs(theta) < 1e-6 else shape_of(theta)
    scale = mean if abs(theta) < 1e-6 else mean * shape / float(theta)
    return Tail(threshold, kept / len(ordered), shape, scale, kept)


def _least(loss: Callable[[float], float], low: float, high: float, steps: int = 60) -> float:
    """Golden section search."""
    part = (math.sqrt(5.0) - 1.0) / 2.0
    a, b = high - part * (high - low), low + part * (high - low)
    loss_a, loss_b = loss(a), loss(b)
    for _ in range(steps):
        if loss_a <= loss_b:
            high, b, loss_b = b, a, loss_a
            a = high - part * (high - low)
            loss_a = loss(a)
        else:
            low, a, loss_a = a, b, loss_b
            b = low + part * (high - low)
            loss_b = loss(b)
    return (low + high) / 2.0
