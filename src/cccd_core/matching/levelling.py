"""What two fingers reach by chance, and raw scores brought to one level for it.

Fingers resemble others by chance more easily where they have few minutiae, where these are crowded, where neighbours
all point the same way, and where both have very many. What is known of a finger stands in its first word
(`matching.prepared`); the levelling is fitted by `evaluation.calibrating`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cccd_core.errors import FormatError

# Between these counts what chance does runs straight over the logarithm, outside it is constant: of each finger's
# effective count, and of the smaller count of the two.
EFFECTIVE_KNOTS = (4, 12, 30, 60)
SMALLER_KNOTS = (8, 20, 40, 60, 120)
# The same for how far scores above the level spread, by the smaller count. It ends sooner: few real fingers have more.
SPREAD_KNOTS = (8, 30, 60)
FIGURES = (len(EFFECTIVE_KNOTS) - 1) + 2 + (len(SMALLER_KNOTS) - 1)
BOUNDS = ("base", "least", "level", "raised_from", "lowered_from")
# A level below the common one is not let come nearer to where levelling begins than this share of the way.
_NEAREST = 0.25

FloatArray = npt.NDArray[np.float64]


def _logs(values: Iterable[float]) -> FloatArray:
    """By the C library, one by one: numpy's own differ in the last bit from one processor to the next."""
    return np.array([math.log(value) for value in values])


def _broken_line(counts: Iterable[float], knots: Sequence[int]) -> FloatArray:
    """Columns whose sums are the functions of a count's logarithm that `knots` allow: float64[n, len(knots) - 1]."""
    logs = _logs(min(max(count, knots[0]), knots[-1]) for count in counts)
    return np.column_stack([np.maximum(logs, math.log(knot)) for knot in knots[:-1]])


_EFFECTIVE = _broken_line((octet / 2.0 for octet in range(256)), EFFECTIVE_KNOTS)
_CROWDING = _logs(octet / 8.0 + 0.5 for octet in range(256))
_ALIKE = np.arange(256) / 255.0
_SMALLER = _broken_line(range(256), SMALLER_KNOTS)
_SPREAD = _broken_line(range(256), SPREAD_KNOTS)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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
        """What chance is taken to depend on: float64[n, 9].

        Of both fingers added: three for the effective count, the logarithm of how many neighbours a minutia has, and
        how alike the directions of neighbours are. Then four for the smaller count: two fingers of many minutiae agree
        more easily than either does with one of few, which no sum over the two can say.
        """
        return np.column_stack([_figures(self.first) + _figures(self.second), _SMALLER[self.minutiae]])

    @property
    def spread_figures(self) -> FloatArray:
        """What the spread of scores above the level is taken to depend on: float64[n, 2], of the smaller count."""
        return _SPREAD[self.minutiae]

    def __getitem__(self, which: npt.NDArray[Any]) -> Surroundings:
        """These pairs alone."""
        alone = [side if len(side) == 1 else side[which] for side in (self.first, self.second)]
        return Surroundings(*alone)


def _figures(octets: npt.NDArray[np.uint8]) -> FloatArray:
    return np.column_stack([_EFFECTIVE[octets[:, 3]], _CROWDING[octets[:, 4]], _ALIKE[octets[:, 5]]])


def _octets(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(-1, 8)


@dataclass(frozen=True, slots=True)
class Levelling:
    """Brings what pairs reach by chance to one level, whatever their surroundings.

    A pair reaches q = `level` + `slopes` · figures - `centre` as often by chance as pairs in all reach `level`. Its
    raw score there becomes `level`. What is above is divided by exp(`spreads` · spread_figures - `spread_centre`), how
    far such pairs go beyond q, of 1 on average. Below, where q is higher than the level, raw scores up to
    `lowered_from` stay as they are, where it is lower up to `raised_from`; in between it runs straight. Below these,
    pairs are decided wrong so often that an equal FMR for each kind of pair costs more genuine pairs than it is worth.
    `chance` float64[5, 256] follows: what octets 3, 4 and 5 of a finger's first word add to q, what the smaller count
    of minutiae does, and what it multiplies scores above with.
    """

    slopes: tuple[float, ...]
    centre: float
    level: float
    raised_from: float
    lowered_from: float
    spreads: tuple[float, ...]
    spread_centre: float
    chance: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fits = len(self.slopes) == FIGURES and len(self.spreads) == len(SPREAD_KNOTS) - 1
        if not fits or not all(map(math.isfinite, self.numbers())):
            raise FormatError("a levelling needs a finite slope for each figure", slopes=len(self.slopes))
        if not max(self.raised_from, self.lowered_from) < self.level:
            raise FormatError("levelling must begin below its level", level=self.level)
        effective, smaller = len(EFFECTIVE_KNOTS) - 1, len(SMALLER_KNOTS) - 1
        crowding, alike = self.slopes[effective : effective + 2]
        stretch = [
            _stretch(sum(a * b for a, b in zip(row, self.spreads, strict=True)) - self.spread_centre)
            for row in _SPREAD.tolist()
        ]
        chance = np.stack(
            [
                (_EFFECTIVE * np.array(self.slopes[:effective])).sum(axis=1),
                _CROWDING * crowding,
                _ALIKE * alike,
                (_SMALLER * np.array(self.slopes[-smaller:])).sum(axis=1),
                np.array(stretch),
            ]
        )
        chance.flags.writeable = False
        object.__setattr__(self, "chance", chance)

    def numbers(self) -> tuple[float, ...]:
        """All of it in order; `of` reads it back."""
        level = (self.centre, self.level, self.raised_from, self.lowered_from)
        return (*self.slopes, *level, *self.spreads, self.spread_centre)

    @staticmethod
    def of(numbers: Sequence[float]) -> Levelling:
        """From `numbers`. FormatError for anything else."""
        if len(numbers) != FIGURES + 4 + len(SPREAD_KNOTS):
            raise FormatError("a levelling of the wrong length", numbers=len(numbers))
        values = tuple(float(value) for value in numbers)
        centre, level, raised_from, lowered_from = values[FIGURES : FIGURES + 4]
        slopes, spreads = values[:FIGURES], values[FIGURES + 4 : -1]
        return Levelling(slopes, centre, level, raised_from, lowered_from, spreads, values[-1])

    @property
    def _least(self) -> float:
        return self.raised_from + _NEAREST * (self.level - self.raised_from)

    @property
    def begins(self) -> float:
        """Raw scores up to this one stay as they are."""
        return min(self.raised_from, self.lowered_from)

    def _chance_of(self, octets: npt.NDArray[np.uint8]) -> FloatArray:
        effective, crowding, alike = self.chance[:3]
        return np.asarray((effective[octets[:, 3]] + crowding[octets[:, 4]]) + alike[octets[:, 5]])

    def reached(self, around: Surroundings) -> FloatArray:
        """The raw score that such pairs reach by chance as often as pairs in all reach `level`: float64[n]."""
        both = self._chance_of(around.first) + self._chance_of(around.second)
        chance = both + self.chance[3][around.minutiae]
        return np.asarray(np.maximum((self.level - self.centre) + chance, self._least))

    def levelled(self, raw: npt.NDArray[np.floating[Any]], around: Surroundings) -> FloatArray:
        """Raw scores set against what such pairs reach by chance: float64[n]; rises with the raw score."""
        reached = self.reached(around)
        start = np.where(reached < self.level, self.raised_from, self.lowered_from)
        part = np.minimum(np.maximum((raw - start) / (reached - start), 0.0), 1.0)
        above = self.level + (raw - reached) * self.chance[4][around.minutiae]
        return np.asarray(np.where(raw > reached, above, raw - (reached - self.level) * part))

    def bounds(self) -> dict[str, float]:
        """What the native twin takes besides `chance`, by the names of `enum Number` in calibrating.hpp."""
        bounds = (self.level - self.centre, self._least, self.level, self.raised_from, self.lowered_from)
        return dict(zip(BOUNDS, bounds, strict=True))


def _stretch(spread: float) -> float:
    try:
        return math.exp(-spread)
    except OverflowError:
        raise FormatError("a levelling whose spread is out of all bounds", spread=spread) from None
