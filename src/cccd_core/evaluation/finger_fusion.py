"""Several fingers of one person as one score, for error rates of persons; a search fuses by `dedup.fusion`.

Each finger's calibrated score becomes a log-likelihood ratio, ln p(score | same person) / p(score | other person). What
impostors do is known: a score of −10·log10(FMR) is an exponential variable under them. What genuine pairs do was
measured on the sets named in `data/fusion.json` (`scripts/calibrate_matching.py`). The ratios of the fingers at hand
are summed, and the sum is brought back to −10·log10(FMR) through its own distribution under impostors, fingers taken
as independent (Nandakumar, Chen, Dass, Jain, IEEE TPAMI 30(2), 2008, for the likelihood ratio as the best fusion).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cccd_core.errors import FormatError, ParameterError

FORMAT = "cccd-fusion-1"
SHIPPED = "data/fusion.json"
MAX_FINGERS = 10
MAX_KNOTS = 1024
_NATS = math.log(10.0) / 10.0  # one decibel of score, as an exponential variable
_STEP = 0.02  # nats, of the grid on which distributions are added
_HIGHEST = 140.0  # nats, the end of that grid
_TRUSTED = 120.0  # nats (a score of 500); nearer to the end mass is missing, so the slope found here is continued
_LEAST = 1e-300  # nothing is less probable than what a float64 can still say

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fusion:
    """The log-likelihood ratio (nats) of a score, piecewise linear and not falling, and where it was measured.

    `score_knots` increase strictly from 0; `ratio_knots` have the same length and do not fall; above the last knot the
    last segment is continued. `genuine_pairs` of `sets` were measured. Raises FormatError for anything else.
    """

    score_knots: tuple[float, ...]
    ratio_knots: tuple[float, ...]
    parameters_digest: str
    genuine_pairs: int
    sets: tuple[str, ...] = ()
    _tails: tuple[FloatArray, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 2 <= len(self.score_knots) == len(self.ratio_knots) <= MAX_KNOTS:
            raise FormatError("a fusion needs two or more knots", knots=len(self.score_knots))
        if not all(map(math.isfinite, self.score_knots + self.ratio_knots)) or self.score_knots[0] != 0.0:
            raise FormatError("the knots of a fusion must be finite and begin at score 0")
        if any(b <= a for a, b in pairwise(self.score_knots)) or any(b < a for a, b in pairwise(self.ratio_knots)):
            raise FormatError("the knots of a fusion must increase")
        if abs(self.ratio_knots[0]) > 50.0 or not self._last_slope() > 0.0:
            raise FormatError("the ratios of a fusion are out of their range")
        object.__setattr__(self, "_tails", tuple(self._added_up()))

    @staticmethod
    def shipped() -> Fusion:
        """The fusion that belongs to the shipped calibration. Read once."""
        return _shipped()

    def _last_slope(self) -> float:
        return (self.ratio_knots[-1] - self.ratio_knots[-2]) / (self.score_knots[-1] - self.score_knots[-2])

    def ratios(self, scores: npt.NDArray[np.floating[Any]]) -> FloatArray:
        """Log-likelihood ratios in nats, float64 of the shape of `scores`."""
        ratios = np.interp(scores, self.score_knots, self.ratio_knots)
        above = np.maximum(np.asarray(scores, dtype=np.float64) - self.score_knots[-1], 0.0)
        return np.asarray(ratios + self._last_slope() * above)

    def fuse(
        self, scores: npt.NDArray[np.floating[Any]], mask: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.float32]:
        """Fused scores, float32[n], −10·log10(FMR) of a person: `scores` [n, fingers], at most ten fingers.

        `mask` [n, fingers] is True where both sides have the finger; without it all have. A pair with no finger scores
        0, with one finger that finger's score. ParameterError for other shapes, or scores below 0 or not finite.
        """
        scores = np.asarray(scores)
        if scores.ndim != 2 or not 1 <= scores.shape[1] <= MAX_FINGERS:
            raise ParameterError("scores to fuse must be [pairs, fingers] with one to ten fingers")
        present = np.ones(scores.shape, dtype=np.bool_) if mask is None else np.asarray(mask, dtype=np.bool_)
        if present.shape != scores.shape:
            raise ParameterError("the mask must have the shape of the scores")
        used = scores[present]
        if not np.isfinite(used).all() or (used < 0).any():
            raise ParameterError("a score to fuse must be finite and 0 or more")
        fused = np.zeros(len(scores), dtype=np.float32)
        fingers = present.sum(axis=1)
        sums = np.where(present, self.ratios(np.where(present, scores, 0.0)), 0.0).sum(axis=1)
        for count in np.unique(fingers).tolist():
            rows = fingers == count
            if count == 1:
                fused[rows] = np.where(present[rows], scores[rows], 0.0).sum(axis=1)
            elif count > 1:
                fused[rows] = self._calibrated(sums[rows], count)
        return fused

    def _added_up(self) -> list[FloatArray]:
        """For 1 to 10 fingers, ln P(sum >= lowest + step · k) under impostors, on a grid from the lowest sum up."""
        lowest = self.ratio_knots[0]
        # P(score >= s) = exp(-s nats); s at each ratio of the grid, by the inverse of the (not falling) map
        grid = np.arange(0.0, _HIGHEST - min(lowest, 0.0), _STEP)
        scores = self._scores_at(lowest + grid)
        tail = np.exp(-_NATS * scores)
        tail[0] = 1.0
        mass = tail - np.append(tail[1:], 0.0)  # of [k, k + 1): counted at its lower end, corrected below
        tails, total = [np.log(np.maximum(tail, _LEAST))], mass
        for _ in range(1, MAX_FINGERS):
            total = np.convolve(total, mass)[: len(grid)]
            # what fell off the end stays in the tail: sum from the end, never by 1 - sum
            tails.append(np.log(np.maximum(np.cumsum(total[::-1])[::-1], _LEAST)))
        return tails

    def _scores_at(self, ratios: FloatArray) -> FloatArray:
        """The lowest score whose ratio is at least each of `ratios`."""
        knots = np.array(self.ratio_knots) + 1e-12 * np.arange(len(self.ratio_knots))
        scores = np.interp(ratios, knots, self.score_knots)
        return np.asarray(scores + np.maximum(ratios - knots[-1], 0.0) / self._last_slope())

    def _calibrated(self, sums: FloatArray, fingers: int) -> npt.NDArray[np.float32]:
        tail = self._tails[fingers - 1]
        # Each finger's mass was counted at the lower end of its cell: half a step a finger, on the mean.
        place = np.maximum((sums - fingers * self.ratio_knots[0]) / _STEP - 0.5 * (fingers - 1), 0.0)
        last = int(_TRUSTED / _STEP)
        at = np.interp(place, np.arange(last + 1), tail[: last + 1])
        slope = (tail[last] - tail[last - 100]) / 100.0
        at += np.maximum(place - last, 0.0) * slope
        return np.asarray(np.maximum(-at, 0.0) / _NATS, dtype=np.float32)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data, `from_dict` reads it back."""
        return {
            "format": FORMAT,
            "parameters": self.parameters_digest,
            "genuine_pairs": self.genuine_pairs,
            "sets": list(self.sets),
            "score": list(self.score_knots),
            "ratio": list(self.ratio_knots),
        }

    @staticmethod
    def from_dict(record: Any) -> Fusion:
        """Reads what `as_dict` wrote. Raises FormatError for anything else."""
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise FormatError("not a fusion", expected=FORMAT)
        try:
            return Fusion(
                tuple(float(value) for value in record["score"]),
                tuple(float(value) for value in record["ratio"]),
                str(record["parameters"]),
                int(record["genuine_pairs"]),
                tuple(str(name) for name in record["sets"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise FormatError("a fusion with missing or wrong fields", field=str(error)) from error


def fuse(scores: npt.NDArray[np.floating[Any]], mask: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float32]:
    """`Fusion.fuse` of the shipped fusion."""
    return Fusion.shipped().fuse(scores, mask)


@cache
def _shipped() -> Fusion:
    return Fusion.from_dict(json.loads(files("cccd_core.evaluation").joinpath(SHIPPED).read_text("utf-8")))
