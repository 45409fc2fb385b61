"""A calibration checked on pairs that it was not fitted on: each set left out in turn."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from cccd_core.errors import ParameterError
from cccd_core.evaluation.bootstrap import share_bounds
from cccd_core.evaluation.calibrating import Raw, RawSet, fit
from cccd_core.matching.calibration import Calibration

TOGETHER = "all extractors"
ALIKE = 2  # so many pairs of fingers, of 45 where a set has ten fingers


@dataclass(frozen=True, slots=True)
class Check:
    """Measured FMR at calibrated scores, on pairs that were left out of the calibration.

    `accepted[score]` impostor pairs of `pairs` reach a score; `bounds[score]` are the 95 % bounds of the ratio, from
    draws of fingers, where the fingers of the pairs are known. `alike[score]` says how many of the accepted pairs are
    of the ALIKE two fingers with the most of them, and how many pairs of these fingers there are. `extractor` is
    TOGETHER for a set's extractors pooled.
    """

    set_name: str
    extractor: str
    pairs: int
    accepted: dict[int, int]
    bounds: dict[int, tuple[float, float]]
    alike: dict[int, tuple[int, int]]

    def ratio(self, score: int) -> float:
        """Measured over stated FMR."""
        return self.accepted[score] / self.pairs * math.pow(10.0, score / 10.0)

    def ratio_without_alike(self, score: int) -> float:
        """The same without the pairs of the ALIKE two fingers that most accepted pairs are of."""
        accepted, pairs = self.alike[score]
        return (self.accepted[score] - accepted) / (self.pairs - pairs) * math.pow(10.0, score / 10.0)


def check(calibration: Calibration, part: RawSet, scores: Sequence[int] = (20, 30, 40)) -> Check:
    """How many impostor pairs of `part` reach each of these scores."""
    calibrated = calibration.scores(part.impostor.scores, part.impostor.around)
    reached = {score: calibrated >= score for score in scores}
    bounds: dict[int, tuple[float, float]] = {}
    alike: dict[int, tuple[int, int]] = {}
    if part.impostor_fingers is not None:
        shares = share_bounds(list(reached.values()), part.impostor_fingers)
        for score, (low, high) in zip(scores, shares, strict=True):
            bounds[score] = (low * math.pow(10.0, score / 10.0), high * math.pow(10.0, score / 10.0))
        first, second = part.impostor_fingers
        fingers = first.astype(np.int64) * (1 + int(max(first.max(), second.max()))) + second
        every = np.bincount(fingers)
        for score, which in reached.items():
            counts = np.bincount(fingers[which], minlength=len(every))
            most = np.argsort(-counts, kind="stable")[:ALIKE]
            alike[score] = int(counts[most].sum()), int(every[most].sum())
    accepted = {score: int(which.sum()) for score, which in reached.items()}
    return Check(part.set_name, part.extractor, len(calibrated), accepted, bounds, alike)


def together(parts: Sequence[RawSet]) -> RawSet:
    """A set's extractors as one: the pairs of two fingers stay those of two fingers, whoever found their minutiae.

    ParameterError for parts of several sets, or none.
    """
    if len({part.set_name for part in parts}) != 1:
        raise ParameterError("one set's extractors are pooled", sets=len({part.set_name for part in parts}))
    names = sorted({name for part in parts for name in part.fingers})
    number = {name: place for place, name in enumerate(names)}
    fingers = []
    for part in parts:
        if part.impostor_fingers is not None:
            places = np.array([number[name] for name in part.fingers], np.int32)
            fingers.append([places[side] for side in part.impostor_fingers])
    return RawSet(
        parts[0].set_name,
        TOGETHER,
        Raw.pooled([part.genuine for part in parts]),
        Raw.pooled([part.impostor for part in parts]),
        (np.concatenate([a for a, _ in fingers]), np.concatenate([b for _, b in fingers]))
        if len(fingers) == len(parts)
        else None,
        tuple(names),
    )


def leave_one_set_out(
    sets: Sequence[RawSet], parameters_digest: str, *, fitted_on: Collection[str] | None = None
) -> list[Check]:
    """For each set in turn: calibrates on the other sets and checks on this one, all its extractors together (where it
    has several) and each alone.

    `fitted_on` (`RawSet.name`s, default all) are those to calibrate on.
    """
    checks: list[Check] = []
    for name in dict.fromkeys(part.set_name for part in sets):
        others = [part for part in sets if part.set_name != name and (fitted_on is None or part.name in fitted_on)]
        calibration, _ = fit(others, parameters_digest)
        parts = [part for part in sets if part.set_name == name]
        pooled = [together(parts)] if len(parts) > 1 else []
        checks.extend(check(calibration, part) for part in (*pooled, *parts))
    return checks
