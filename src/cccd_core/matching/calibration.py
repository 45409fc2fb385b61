"""From a matcher's raw score to −10·log10(FMR).

A calibrated score s says: one impostor pair in 10^(s/10) reaches it. The map is fitted by
`scripts/calibrate_matching.py` on pooled impostor pairs (`evaluation.calibrating`) and shipped as
`data/calibration.json`. Some fingers resemble others by chance more easily: those with few minutiae, with crowded ones,
and with neighbours that all point the same way. So the raw score is first levelled by what is known of the two fingers;
then a monotone map follows: the empirical distribution in the body, the fitted tail above it, and a ceiling for fingers
of few minutiae.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cccd_core.errors import FormatError

FORMAT = "cccd-calibration-2"
MAX_KNOTS = 4096
SHIPPED = "data/calibration.json"
# Between these effective minutia counts what chance does runs straight over the logarithm, outside it is constant.
COUNT_KNOTS = (4, 12, 30, 60)
FIGURES = len(COUNT_KNOTS) + 1
# No pair scores more than this for each of the minutiae of its poorer finger, whatever a tail fitted to pairs of fifty
# says: four minutiae prove nothing.
MOST_PER_MINUTIA = 7.0
BOUNDS = ("base", "least", "level", "raised_from", "lowered_from")
# A level below the common one is not let come nearer to where levelling begins than this share of the way.
_NEAREST = 0.25

FloatArray = npt.NDArray[np.float64]


def broken_line(counts: npt.NDArray[Any]) -> FloatArray:
    """Columns whose sums are the functions of the logarithm of a count that COUNT_KNOTS allows: float64[n, 3]."""
    logs = np.log(np.clip(counts, COUNT_KNOTS[0], COUNT_KNOTS[-1]))
    return np.column_stack([np.maximum(logs, math.log(knot)) for knot in COUNT_KNOTS[:-1]])


_COUNTS = broken_line(np.arange(256) / 2.0)
_CROWDING = np.log(np.arange(256) / 8.0 + 0.5)
_ALIKE = np.arange(256) / 255.0
_NO_CHANCE = np.zeros((0, 256))


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What is known of n pairs of fingers besides their raw scores.

    `first` and `second` uint8[n, 8], or [1, 8] where all pairs share a finger: the octets of the first words of the
    prepared fingers, lowest first (`matching.prepared`).
    """

    first: npt.NDArray[np.uint8]
    second: npt.NDArray[np.uint8]

    @staticmethod
    def of(first: npt.NDArray[np.uint64], second: npt.NDArray[np.uint64]) -> Surroundings:
        """Of pairs of prepared fingers by their first words, uint64[n] or [1] each."""
        return Surroundings(_octets(first), _octets(second))

    @property
    def minutiae(self) -> npt.NDArray[np.uint8]:
        """The smaller count of each pair: uint8[n]."""
        return np.minimum(self.first[:, 0], self.second[:, 0])

    @property
    def figures(self) -> FloatArray:
        """What chance is taken to depend on, both fingers added: float64[n, 5].

        Three for the effective count (`broken_line`), the logarithm of how many neighbours a minutia has, and how alike
        the directions of neighbours are.
        """
        return _figures(self.first) + _figures(self.second)

    def __getitem__(self, which: npt.NDArray[Any]) -> Surroundings:
        """These pairs alone."""
        alone = [side if len(side) == 1 else side[which] for side in (self.first, self.second)]
        return Surroundings(*alone)


def _figures(octets: npt.NDArray[np.uint8]) -> FloatArray:
    return np.column_stack([_COUNTS[octets[:, 3]], _CROWDING[octets[:, 4]], _ALIKE[octets[:, 5]]])


def _octets(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(-1, 8)


@dataclass(frozen=True, slots=True)
class Levelling:
    """Brings what pairs reach by chance to one level, whatever their surroundings.

    A pair reaches q = `level` + `slopes` · figures - `centre` as often by chance as pairs in all reach `level`. Its
    raw score there becomes `level`, and what is above moves along. Where q is higher, raw scores up to `lowered_from`
    stay as they are, where it is lower up to `raised_from`; in between it runs straight. Below these, pairs are decided
    wrong so often that an equal FMR for each kind of pair costs more genuine pairs than it is worth.
    `chance` float64[3, 256] follows from the slopes: what octets 3, 4 and 5 of a finger's first word add to q.
    """

    slopes: tuple[float, ...]
    centre: float
    level: float
    raised_from: float
    lowered_from: float
    chance: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.slopes) != FIGURES or not all(map(math.isfinite, self.numbers())):
            raise FormatError("a levelling needs a finite slope for each figure", slopes=len(self.slopes))
        if not max(self.raised_from, self.lowered_from) < self.level:
            raise FormatError("levelling must begin below its level", level=self.level)
        counts = (_COUNTS * np.array(self.slopes[:-2])).sum(axis=1)
        chance = np.stack([counts, _CROWDING * self.slopes[-2], _ALIKE * self.slopes[-1]])
        chance.flags.writeable = False
        object.__setattr__(self, "chance", chance)

    def numbers(self) -> tuple[float, ...]:
        """All of it in order; `of` reads it back."""
        return (*self.slopes, self.centre, self.level, self.raised_from, self.lowered_from)

    @staticmethod
    def of(numbers: Sequence[float]) -> Levelling:
        """From `numbers`. FormatError for anything else."""
        if len(numbers) != FIGURES + 4:
            raise FormatError("a levelling of the wrong length", numbers=len(numbers))
        values = tuple(float(value) for value in numbers)
        return Levelling(values[:-4], *values[-4:])

    @property
    def _least(self) -> float:
        return self.raised_from + _NEAREST * (self.level - self.raised_from)

    @property
    def begins(self) -> float:
        """Raw scores up to this one stay as they are."""
        return min(self.raised_from, self.lowered_from)

    def _chance_of(self, octets: npt.NDArray[np.uint8]) -> FloatArray:
        counts, crowding, alike = self.chance
        return np.asarray((counts[octets[:, 3]] + crowding[octets[:, 4]]) + alike[octets[:, 5]])

    def levelled(self, raw: npt.NDArray[np.floating[Any]], around: Surroundings) -> FloatArray:
        """Raw scores set against what such pairs reach by chance: float64[n]; rises with the raw score."""
        reached = (self.level - self.centre) + (self._chance_of(around.first) + self._chance_of(around.second))
        reached = np.maximum(reached, self._least)
        start = np.where(reached < self.level, self.raised_from, self.lowered_from)
        part = np.minimum(np.maximum((raw - start) / (reached - start), 0.0), 1.0)
        return np.asarray(raw - (reached - self.level) * part)

    def bounds(self) -> dict[str, float]:
        """What the native twin takes besides `chance`, by the names of `enum Number` in calibrating.hpp."""
        bounds = (self.level - self.centre, self._least, self.level, self.raised_from, self.lowered_from)
        return dict(zip(BOUNDS, bounds, strict=True))


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
