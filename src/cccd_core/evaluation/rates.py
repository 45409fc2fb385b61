"""Error rates of a set of genuine and impostor scores.

The words are those of ISO/IEC 19795-1: a pair is accepted at threshold t when its score is at least t; FMR(t) is the
share of impostor pairs accepted, FNMR(t) the share of genuine pairs rejected. Rates are fractions. Nothing is binned:
every figure is exact for the scores given, ties included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cccd_core.errors import ParameterError

FMR_POINTS = (0.01, 0.001, 0.0001)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rates:
    """The figures of one set of scores; a rate that has no pairs to stand on is None.

    `fnmr_at_fmr[x]` is the FNMR at the lowest threshold whose FMR is at most x; `zero_fmr` the one at the lowest
    threshold that no impostor reaches; `eer` the point where FMR and FNMR meet, by linear interpolation between the
    two thresholds around it. `thresholds[x]` is the highest impostor score that must be refused for FMR at most x
    (thresholds lie just above it; None where no impostor need be).
    """

    genuine_pairs: int
    impostor_pairs: int
    eer: float | None
    fnmr_at_fmr: dict[float, float | None]
    zero_fmr: float | None
    thresholds: dict[float, float | None]


def error_rates(
    genuine: npt.ArrayLike, impostor: npt.ArrayLike, *, fmr_points: tuple[float, ...] = FMR_POINTS
) -> Rates:
    """Error rates of `genuine` and `impostor` scores (one dimension each, any order, higher = more alike).

    Raises ParameterError for a score that is not finite and for an FMR outside 0..1. Cost: sorting both.
    """
    g, i = sorted_scores(genuine, "genuine"), sorted_scores(impostor, "impostor")
    for fmr in fmr_points:
        if not 0.0 <= fmr <= 1.0:
            raise ParameterError("an FMR must lie between 0 and 1", fmr=fmr)
    both = bool(len(g) and len(i))
    return Rates(
        len(g),
        len(i),
        equal_error_rate(*curve(g, i)[1:]) if both else None,
        {fmr: _fnmr_at(g, i, fmr) if both else None for fmr in fmr_points},
        _fnmr_at(g, i, 0.0) if both else None,
        {fmr: _refused(i, fmr) if len(i) else None for fmr in fmr_points},
    )


def sorted_scores(scores: npt.ArrayLike, what: str) -> FloatArray:
    """`scores` as float64, ascending; ParameterError unless one-dimensional and finite."""
    array = np.sort(np.asarray(scores, dtype=np.float64), axis=None)
    if np.ndim(scores) != 1:
        raise ParameterError("scores must have one dimension", what=what, dimensions=np.ndim(scores))
    if len(array) and not (np.isfinite(array[0]) and np.isfinite(array[-1])):  # NaN sorts last
        raise ParameterError("a score is not a finite number", what=what)
    return array


def curve(genuine: FloatArray, impostor: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(threshold, FMR, FNMR) at every distinct score, ascending, and past the last (threshold inf).

    `genuine` and `impostor` are ascending and not empty. FMR falls from 1 to 0 while FNMR rises from 0 to 1.
    """
    thresholds = np.append(np.unique(np.concatenate([genuine, impostor])), np.inf)
    fmr = (len(impostor) - np.searchsorted(impostor, thresholds, side="left")) / len(impostor)
    fnmr = np.searchsorted(genuine, thresholds, side="left") / len(genuine)
    return thresholds, fmr, fnmr


def equal_error_rate(fmr: FloatArray, fnmr: FloatArray) -> float:
    """Where the two curves meet: FMR falling to 0 and FNMR rising to 1 along the same thresholds."""
    after = int(np.argmax(fnmr >= fmr))
    if after == 0 or fnmr[after] == fmr[after]:
        return float(fnmr[after])
    gap_before = fmr[after - 1] - fnmr[after - 1]
    gap_after = fnmr[after] - fmr[after]
    part = gap_before / (gap_before + gap_after)
    return float(fnmr[after - 1] + part * (fnmr[after] - fnmr[after - 1]))


def accepted_at_most(fmr: float, pairs: int) -> int:
    """The most impostor pairs of `pairs` that may be accepted for the share to be at most `fmr`, exactly."""
    count = int(fmr * pairs)
    while (count + 1) / pairs <= fmr:
        count += 1
    while count and count / pairs > fmr:
        count -= 1
    return min(count, pairs)


def _refused(impostor: FloatArray, fmr: float) -> float | None:
    """The highest impostor score that must be refused; None where all may be accepted."""
    kept = accepted_at_most(fmr, len(impostor))
    return float(impostor[len(impostor) - kept - 1]) if kept < len(impostor) else None


def _fnmr_at(genuine: FloatArray, impostor: FloatArray, fmr: float) -> float:
    refused = _refused(impostor, fmr)
    if refused is None:
        return 0.0
    return float(np.searchsorted(genuine, refused, side="right") / len(genuine))


def det(genuine: FloatArray, impostor: FloatArray, fmr_grid: FloatArray) -> FloatArray:
    """FNMR at the lowest threshold whose FMR is at most each of `fmr_grid`; inputs ascending and not empty."""
    return np.array([_fnmr_at(genuine, impostor, float(fmr)) for fmr in fmr_grid])


def rates_as_dict(rates: Rates) -> dict[str, Any]:
    """The figures as they stand in a result file: FMR points as decimal text."""
    return {
        "eer": rates.eer,
        "fnmr_at_fmr": {f"{fmr:.12f}".rstrip("0").rstrip("."): value for fmr, value in rates.fnmr_at_fmr.items()},
        "zero_fmr": rates.zero_fmr,
    }
