"""Slow and plain error rates, with the same names as `cccd_core.evaluation.rates`: loops over pairs and thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise


def fmr(impostor: Sequence[float], threshold: float) -> Fraction:
    """Share of impostor pairs accepted: score at least the threshold."""
    return Fraction(sum(1 for score in impostor if score >= threshold), len(impostor))


def fnmr(genuine: Sequence[float], threshold: float) -> Fraction:
    """Share of genuine pairs rejected: score below the threshold."""
    return Fraction(sum(1 for score in genuine if score < threshold), len(genuine))


def thresholds(genuine: Sequence[float], impostor: Sequence[float]) -> list[float]:
    """Every threshold at which something can change: each distinct score, just above each, and past all of them.

    A threshold just above a score accepts the same pairs as the next score up: so the distinct scores and infinity do.
    """
    return [*sorted({*genuine, *impostor}), math.inf]


def fnmr_at_fmr(genuine: Sequence[float], impostor: Sequence[float], most: float) -> float:
    """FNMR at the lowest threshold whose FMR is at most `most`."""
    for threshold in thresholds(genuine, impostor):
        accepted = sum(1 for score in impostor if score >= threshold)
        if accepted / len(impostor) <= most:
            return float(fnmr(genuine, threshold))
    raise AssertionError("at infinity no impostor is accepted")


def zero_fmr(genuine: Sequence[float], impostor: Sequence[float]) -> float:
    """FNMR at the lowest threshold that no impostor reaches."""
    return fnmr_at_fmr(genuine, impostor, 0.0)


def eer(genuine: Sequence[float], impostor: Sequence[float]) -> float:
    """Where FMR and FNMR meet, by linear interpolation between neighbouring thresholds."""
    points = [(fmr(impostor, t), fnmr(genuine, t)) for t in thresholds(genuine, impostor)]
    for (fmr0, fnmr0), (fmr1, fnmr1) in pairwise(points):
        if fnmr0 <= fmr0 and fnmr1 >= fmr1:
            # fmr0 + a (fmr1 - fmr0) = fnmr0 + a (fnmr1 - fnmr0)
            closing = (fnmr1 - fnmr0) - (fmr1 - fmr0)
            part = (fmr0 - fnmr0) / closing if closing else Fraction(0)
            return float(fnmr0 + part * (fnmr1 - fnmr0))
    raise AssertionError("FMR falls from 1 to 0 while FNMR rises from 0 to 1: they meet")


def pairs(names: Sequence[tuple[str, str]]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(genuine, impostor) unordered pairs of (finger, impression) names, each once, as index pairs."""
    genuine, impostor = [], []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            (genuine if names[a][0] == names[b][0] else impostor).append((a, b))
    return genuine, impostor
