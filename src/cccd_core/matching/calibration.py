"""From a matcher's raw score to −10·log10(FMR).

A calibrated score s says: one impostor pair in 10^(s/10) reaches it. The map is fitted by
`scripts/calibrate_matching.py` on pooled impostor pairs (`evaluation.calibrating`) and shipped as
`data/calibration.json`. Some fingers resemble others by chance more easily than others do. So the raw score is first
levelled by what is known of the two fingers (`levelling`); then a monotone map follows: the empirical distribution in
the body, the fitted tail above it, and a ceiling for fingers of few minutiae.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cccd_core.errors import FormatError
from cccd_core.matching.levelling import BOUNDS, Levelling, Surroundings

FORMAT = "cccd-calibration-3"
MAX_KNOTS = 4096
SHIPPED = "data/calibration.json"
# No pair scores more than this for each of the minutiae of its poorer finger, whatever a tail fitted to pairs of fifty
# says: four minutiae prove nothing.
MOST_PER_MINUTIA = 7.0

FloatArray = npt.NDArray[np.float64]


_NO_CHANCE = np.zeros((0, 256))


def _mapped(values: FloatArray, x: FloatArray, y: FloatArray) -> npt.NDArray[np.float32]:
    mapped = np.interp(values, x, y)
    above = values > x[-1]
    if above.any():
        slope = (y[-1] - y[-2]) / (x[-1] - x[-2])
        mapped = np.where(above, y[-1] + slope * (values - x[-1]), mapped)
    return mapped.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The map from raw scores and surroundings to −10·log10(FMR), and where it comes from.

    A raw score is levelled by the surroundings of the pair (`levelling`, None leaves it as it is). Then `raw_knots`
    and `score_knots` (equal length, at least two, both strictly increasing, the first score is 0) map it piecewise
    linearly: below the first knot to 0, above the last along the last segment. No pair scores more than
    `most_per_minutia` for each prepared minutia of its poorer finger.
    `parameters_digest` names the matcher parameters whose raw scores these are. `impostor_pairs` were measured; above
    the score `extrapolated_from` fewer than ten of them are left and the map rests on the tail fitted (`tail`: a
    generalised Pareto distribution). `sets` are the data sets, `raw_check` the raw scores that the matcher gave a fixed
    set of made-up pairs (`evaluation.calibrating.raw_check`). Raises FormatError for what is not such a map.
    """

    raw_knots: tuple[float, ...]
    score_knots: tuple[float, ...]
    parameters_digest: str
    impostor_pairs: int
    extrapolated_from: float
    levelling: Levelling | None = None
    most_per_minutia: float = MOST_PER_MINUTIA
    sets: tuple[str, ...] = ()
    tail: tuple[tuple[str, float], ...] = ()
    raw_check: tuple[float, ...] = ()
    _raw: FloatArray = field(init=False, repr=False, compare=False)
    _score: FloatArray = field(init=False, repr=False, compare=False)
    _numbers: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 2 <= len(self.raw_knots) == len(self.score_knots) <= MAX_KNOTS:
            raise FormatError("a calibration needs two or more knots", knots=len(self.raw_knots))
        for knots in (self.raw_knots, self.score_knots):
            if not all(map(math.isfinite, knots)) or any(b <= a for a, b in pairwise(knots)):
                raise FormatError("the knots of a calibration must increase")
        if not (math.isfinite(self.extrapolated_from) and self.most_per_minutia > 0.0):
            raise FormatError("a calibration holds a number that is not finite")
        if self.score_knots[0] != 0.0:
            raise FormatError("the first knot of a calibration must be at score 0", score=self.score_knots[0])
        numbers = tuple(self.numbers().values())
        for name, knots in (("_raw", self.raw_knots), ("_score", self.score_knots), ("_numbers", numbers)):
            array = np.array(knots, dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @staticmethod
    def shipped() -> Calibration:
        """The calibration that belongs to the default parameters. Read once."""
        return _shipped()

    @staticmethod
    def identity(parameters_digest: str = "") -> Calibration:
        """Gives raw scores of 0 and up back as they are: for training, where the raw score is what is looked at."""
        return Calibration((0.0, 1.0), (0.0, 1.0), parameters_digest, 0, 0.0, most_per_minutia=1e9)

    @property
    def digest(self) -> str:
        """`sha256:` and the digest of everything in it."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def scores(self, raw: npt.NDArray[np.floating[Any]], around: Surroundings) -> npt.NDArray[np.float32]:
        """Calibrated scores, float32[n], of `raw` scores [n]: −10·log10(FMR), 0 and up.

        `Matcher.scores` has a native twin of it where native kernels run (native/kernels/calibrating), bit for bit.
        No pair scores more than 7 for each minutia of its poorer finger, so one with none scores 0.
        """
        most = np.float32(self.most_per_minutia) * around.minutiae.astype(np.float32)
        return np.asarray(np.minimum(_mapped(self.levelled(raw, around), self._raw, self._score), most))

    def numbers(self) -> dict[str, float]:
        """What the native twin of `scores` takes besides knots and chance, by the names and in the order of
        `enum Number` in native/kernels/calibrating/calibrating.hpp."""
        bounds = self.levelling.bounds() if self.levelling else dict.fromkeys(BOUNDS, 0.0)
        return {**bounds, "most_per_minutia": self.most_per_minutia}

    def arrays(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Raw and score knots, chance and numbers: what the native twin of `scores` takes."""
        return self._raw, self._score, _NO_CHANCE if self.levelling is None else self.levelling.chance, self._numbers

    def levelled(self, raw: npt.NDArray[np.floating[Any]], around: Surroundings) -> FloatArray:
        """Raw scores set against what such pairs reach by chance: float64[n]."""
        levelled = raw.astype(np.float64)
        if self.levelling is not None:
            high = np.flatnonzero(raw > self.levelling.begins)  # a few, of impostors; the others stay as they are
            if len(high):
                levelled[high] = self.levelling.levelled(levelled[high], around[high])
        return levelled

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data, `from_dict` reads it back."""
        return {
            "format": FORMAT,
            "parameters": self.parameters_digest,
            "impostor_pairs": self.impostor_pairs,
            "extrapolated_from": self.extrapolated_from,
            "sets": list(self.sets),
            "levelling": None if self.levelling is None else list(self.levelling.numbers()),
            "most_per_minutia": self.most_per_minutia,
            "tail": dict(self.tail),
            "raw_check": list(self.raw_check),
            "raw": list(self.raw_knots),
            "score": list(self.score_knots),
        }

    @staticmethod
    def from_dict(record: Any) -> Calibration:
        """Reads what `as_dict` wrote. Raises FormatError for anything else."""
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise FormatError("not a calibration", expected=FORMAT)
        try:
            return Calibration(
                tuple(float(value) for value in record["raw"]),
                tuple(float(value) for value in record["score"]),
                str(record["parameters"]),
                int(record["impostor_pairs"]),
                float(record["extrapolated_from"]),
                None if record["levelling"] is None else Levelling.of(record["levelling"]),
                float(record["most_per_minutia"]),
                tuple(str(name) for name in record["sets"]),
                tuple((str(name), float(value)) for name, value in sorted(record["tail"].items())),
                tuple(float(value) for value in record["raw_check"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise FormatError("a calibration with missing or wrong fields", field=str(error)) from error


@cache
def _shipped() -> Calibration:
    return Calibration.from_dict(json.loads(files("cccd_core.matching").joinpath(SHIPPED).read_text("utf-8")))
