"""From the scores of single fingers to the chance of two people.

A calibrated finger score s says that one impostor finger in 10**(s/10) reaches it, so x = s ln(10)/10 = -ln p is, for
impostors, exponential of mean 1 (or smaller, where scores pile up at 0). The sum of k such x from independent fingers
is Gamma(k) (R. A. Fisher, Statistical Methods for Research Workers, 1925, section 21.1), whose tail is
Q(k, x) = exp(-x) * (1 + x + ... + x**(k-1)/(k-1)!).

Fingers may be missing, spoilt or not the person's own, so the k that speak are chosen after looking, and that choice is
paid for in full (Bonferroni): the tail is multiplied by the number of ways to choose k fingers and by k (k + 1), whose
inverses sum to less than 1 over all k and favour the choices that are likely. What is left, as -10 log10, is the fused
score: at most one impostor in 10**(score/10) reaches it, however many fingers are there and whatever the choice was. No
model of genuine scores is needed.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_DB = 10.0 / math.log(10.0)  # from natural logarithms to scores


def tail_score(count: int, total: Float64) -> Float64:
    """-10 log10 of the chance that `count` impostor fingers sum to `total` (a sum of calibrated scores) or more."""
    x = total / _DB
    term = np.ones_like(x)
    series = np.ones_like(x)
    for j in range(1, count):
        term = term * (x / j)
        series = series + term
    return total - _DB * np.log(series)


@cache
def same_position_cost(fingers: int, chosen: int) -> float:
    """Score to pay for choosing `chosen` of `fingers` pairs laid position by position."""
    return 10.0 * math.log10(chosen * (chosen + 1) * math.comb(fingers, chosen))


@cache
def any_position_cost(fingers: int, candidate_fingers: int, chosen: int) -> float:
    """Score to pay for choosing `chosen` pairs among all one-to-one pairings of the fingers of two people."""
    pairings = math.comb(fingers, chosen) * math.comb(candidate_fingers, chosen) * math.factorial(chosen)
    return 10.0 * math.log10(chosen * (chosen + 1) * pairings)


def fuse_same_position(scores: Float64) -> tuple[Float64, NDArray[np.int64]]:
    """Fused scores of people compared position by position.

    `scores` float64[n, fingers], NaN where a finger is missing on either side. Returns the fused score float64[n], 0
    where no choice is better than chance, and how many of the best fingers make it, int64[n].
    """
    ordered = -np.sort(-scores, axis=1)  # NaN last
    counts = np.count_nonzero(~np.isnan(scores), axis=1)
    totals = np.cumsum(np.nan_to_num(ordered), axis=1)
    best = np.zeros(len(scores))
    chosen = np.zeros(len(scores), dtype=np.int64)
    for fingers in np.unique(counts):
        rows = np.flatnonzero(counts == fingers)
        for k in range(1, int(fingers) + 1):
            fused = tail_score(k, totals[rows, k - 1]) - same_position_cost(int(fingers), k)
            better = fused > best[rows]
            best[rows[better]] = fused[better]
            chosen[rows[better]] = k
    return best, chosen


def bound_any_position(scores: Float64, candidate_fingers: NDArray[np.int64]) -> Float64:
    """An upper bound of `fuse_any_position` for many people at once, from each finger's best partner.

    `scores` float64[n, fingers, slots], NaN where the candidate has no finger in that slot.
    """
    fingers = scores.shape[1]
    best_partner = np.fmax.reduce(scores, axis=2, initial=0.0)
    totals = np.cumsum(-np.sort(-best_partner, axis=1), axis=1)
    bound = np.zeros(len(scores))
    for theirs in np.unique(candidate_fingers):
        rows = np.flatnonzero(candidate_fingers == theirs)
        for k in range(1, min(fingers, int(theirs)) + 1):
            cost = any_position_cost(fingers, int(theirs), k)
            bound[rows] = np.maximum(bound[rows], tail_score(k, totals[rows, k - 1]) - cost)
    return bound


def fuse_any_position(scores: Float64) -> tuple[float, list[tuple[int, int]]]:
    """The best one-to-one pairing of the fingers of two people, each finger with any other.

    `scores` float64[fingers, candidate_fingers], at most ten each way, no NaN. Returns the fused score and the pairs
    (row, column) that make it; 0 and no pair where no choice is better than chance. Exact, by dynamic programming over
    the subsets of columns: `fingers` x 2**`candidate_fingers` x `candidate_fingers` steps.
    """
    rows, columns = scores.shape
    masks = np.arange(1 << columns)
    sizes = np.array([int(mask).bit_count() for mask in masks])
    best = np.full(len(masks), -np.inf)
    best[0] = 0.0
    choices = np.full((rows, len(masks)), -1, dtype=np.int64)
    for row in range(rows):
        following = best.copy()
        for column in range(columns):
            having = masks[(masks >> column) & 1 == 1]
            candidate = best[having ^ (1 << column)] + scores[row, column]
            better = candidate > following[having]
            following[having[better]] = candidate[better]
            choices[row, having[better]] = column
        best = following
    fused, end = 0.0, 0
    for k in range(1, min(rows, columns) + 1):
        of_size = masks[sizes == k]
        mask = int(of_size[np.argmax(best[of_size])])
        score = float(tail_score(k, np.array([best[mask]]))[0]) - any_position_cost(rows, columns, k)
        if score > fused:
            fused, end = score, mask
    pairs = []
    for row in range(rows - 1, -1, -1):
        column = int(choices[row, end])
        if column >= 0:
            pairs.append((row, column))
            end ^= 1 << column
    return fused, pairs[::-1]
