"""Fits the calibration of a matcher's scores and the fusion of several fingers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cccd_core.errors import ParameterError
from cccd_core.evaluation.finger_fusion import Fusion
from cccd_core.evaluation.samples import SampleSet
from cccd_core.evaluation.scoring import PairScores, ScoringMatcher, Timing, score_pairs
from cccd_core.evaluation.tails import Tail, fit_tail
from cccd_core.matching.calibration import MOST_PER_MINUTIA, Calibration
from cccd_core.matching.levelling import Levelling, Surroundings
from cccd_core.progress import Progress
from cccd_core.templates import FingerTemplate

LEAST_PAIRS = 10_000
LEAST_GENUINE = 100
LEVEL_FRACTION = 0.01  # the FMR at which pairs of all surroundings are made equal
# Levelling begins at the score that these shares of levelled impostors reach: of what is raised, and what is lowered.
RAISED_FRACTION, LOWERED_FRACTION = 0.1, 0.025
PAIRS_BEYOND = 10  # with fewer impostor pairs left, a score is extrapolation
HIGHEST_SCORE = 200.0
MISTAKEN = 0.01  # the share of genuine pairs reckoned to be of two fingers: labels, captures and extractions go wrong
_BODY_STEP, _TAIL_STEP = 0.25, 0.5
_RATIO_EDGES = (0, 2, 4, 7, 10, 14, 18, 23, 28, 34, 40, 50, 60, 75, 90, 110, 130, 150)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class Raw:
    """Raw scores float32[n] of pairs, and the surroundings of each."""

    scores: npt.NDArray[np.float32]
    around: Surroundings

    def __len__(self) -> int:
        return len(self.scores)

    @staticmethod
    def pooled(parts: Sequence[Raw]) -> Raw:
        """All pairs of these (one or more), one after the other."""
        around = Surroundings(
            np.concatenate([part.around.first for part in parts]),
            np.concatenate([part.around.second for part in parts]),
        )
        return Raw(np.concatenate([part.scores for part in parts]), around)


@dataclass(frozen=True, slots=True, repr=False)
class RawSet:
    """Raw scores of one set of one extractor. Pairs of a template that failed to extract are not among them.

    `impostor_fingers` are the two fingers of each impostor pair, as places in `fingers`, their names, where they are
    known: bounds are drawn over them.
    """

    set_name: str
    extractor: str
    genuine: Raw
    impostor: Raw
    impostor_fingers: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]] | None = None
    fingers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`set/extractor`."""
        return f"{self.set_name}/{self.extractor}"


@dataclass(frozen=True, slots=True, repr=False)
class RawPairs:
    """Every pair of a set with its raw score, and the first word of each prepared sample, uint64[samples]."""

    pairs: PairScores
    heads: npt.NDArray[np.uint64]
    timing: Timing

    def calibrated(self, calibration: Calibration) -> PairScores:
        """The same pairs with calibrated scores."""
        first, second = np.triu_indices(len(self.heads), 1)
        scores = calibration.scores(self.pairs.scores, Surroundings.of(self.heads[first], self.heads[second]))
        return PairScores(self.pairs.names, self.pairs.finger_index, scores)

    def of_set(self, set_name: str, extractor: str) -> RawSet:
        """The pairs as genuine and impostor ones."""
        first, second = np.triu_indices(len(self.heads), 1)
        finger = self.pairs.finger_index
        same = finger[first] == finger[second]
        genuine, impostor = (
            Raw(self.pairs.scores[which], Surroundings.of(self.heads[first[which]], self.heads[second[which]]))
            for which in (same, ~same)
        )
        fingers = tuple(dict.fromkeys(name.rpartition("_")[0] for name in self.pairs.names))
        return RawSet(set_name, extractor, genuine, impostor, self.pairs.impostor_fingers(), fingers)


def raw_pairs(
    samples: SampleSet,
    matcher: ScoringMatcher[Any, Any],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> RawPairs:
    """Scores a set with a matcher that gives raw scores (`Calibration.identity()`), failed samples left out."""
    found = SampleSet(samples.path, tuple(sample for sample in samples.samples if sample.template is not None))
    pairs, timing = score_pairs(found, matcher, threads=threads, progress=progress)
    gallery = matcher.gallery([sample.template for sample in found.samples if sample.template is not None])
    return RawPairs(pairs, gallery.heads, timing)


def fit_levelling(raw: FloatArray, around: Surroundings, fraction: float = LEVEL_FRACTION) -> Levelling | None:
    """What a share `fraction` of impostors reaches, and how far beyond, by their surroundings; None where all scores
    are much the same.

    Quantile regression (Koenker, Bassett, Econometrica 46(1), 1978) of `raw` on the figures of `around`. The pinball
    loss is rounded at its corner and minimised by Newton's method, the rounding made smaller twice. Scores below the
    highest quarter pull by their number and mean alone. What goes beyond is taken as exponential (`_fit_spread`).
    """
    columns = around.figures
    mean, spread = _standard(columns)
    level = float(np.quantile(raw, 1.0 - fraction))
    unit = float(np.maximum(raw - level, 0.0).mean()) / fraction
    if not unit > 0.0:
        return None
    high = raw > np.quantile(raw, 0.75)
    y = raw[high]
    z = np.column_stack([np.ones(len(y)), (columns[high] - mean) / spread])
    rest = fraction * -z.sum(axis=0)  # standardised columns add up to 0 over all pairs
    rest[0] = fraction * (len(raw) - len(y))
    solution = np.zeros(z.shape[1])
    solution[0] = level
    for width in (unit, unit / 2.0, unit / 5.0):

        def loss(at: FloatArray, width: float = width) -> float:
            left = y - z @ at
            return float(((1.0 - fraction) * left + width * np.logaddexp(0.0, -left / width)).sum() + rest @ at)

        def slope(at: FloatArray, width: float = width) -> tuple[FloatArray, FloatArray]:
            below = 1.0 / (1.0 + np.exp(np.clip((y - z @ at) / width, -50.0, 50.0)))
            gradient = z.T @ (below - (1.0 - fraction)) + rest
            return gradient, (z * (below * (1.0 - below) / width)[:, None]).T @ z

        solution = _minimised(loss, slope, solution, 1e-6 * unit)
    slopes = solution[1:] / spread
    centre = float(slopes @ mean)
    chance = columns @ slopes - centre
    shares = (fraction, RAISED_FRACTION, LOWERED_FRACTION)
    level, *begins = (float(value) for value in np.quantile(raw - chance, 1.0 - np.array(shares)))
    if not max(begins) < level:
        return None
    beyond = raw - (chance + level)
    which = np.flatnonzero(beyond > 0.0)
    spreads = _fit_spread(beyond[which], around[which].spread_figures)
    return Levelling(tuple(slopes.tolist()), centre, level, begins[0], begins[1], *spreads)


def _fit_spread(beyond: FloatArray, columns: FloatArray) -> tuple[tuple[float, ...], float]:
    """Slopes and centre of the logarithm of the mean of `beyond`, positive and taken as exponential, on `columns`: by
    maximum likelihood."""
    mean, spread = _standard(columns)
    z = np.column_stack([np.ones(len(beyond)), (columns - mean) / spread])
    start = np.zeros(z.shape[1])
    start[0] = math.log(float(beyond.mean()))

    def loss(at: FloatArray) -> float:
        logs = np.clip(z @ at, -500.0, 500.0)
        return float((logs + beyond * np.exp(-logs)).sum())

    def slope(at: FloatArray) -> tuple[FloatArray, FloatArray]:
        shares = beyond * np.exp(-np.clip(z @ at, -500.0, 500.0))
        return z.T @ (1.0 - shares), (z * shares[:, None]).T @ z

    slopes = _minimised(loss, slope, start, 1e-9)[1:] / spread
    return tuple(slopes.tolist()), float(slopes @ mean)


def _standard(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and spread of each; infinite where all is the same, so that nothing is learned from it."""
    mean, spread = columns.mean(axis=0), columns.std(axis=0)
    spread[spread < 1e-6] = np.inf
    return mean, spread


def _minimised(
    loss: Callable[[FloatArray], float],
    slope: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    start: FloatArray,
    tolerance: float,
) -> FloatArray:
    """Where a convex loss is least: Newton's method, steps that overshoot halved. `slope`: gradient and Hessian."""
    at = start
    for _ in range(20):
        gradient, hessian = slope(at)
        hessian += np.eye(len(at)) * (1e-6 * np.trace(hessian) + 1e-12)
        step = np.linalg.solve(hessian, gradient)
        before, size = loss(at), 1.0
        while size > 1e-3 and loss(at - size * step) > before:
            size /= 2.0
        at = at - size * step
        if size <= 1e-3 or float(np.abs(size * step).max()) < tolerance:
            break
    return at


def raw_check(matcher: ScoringMatcher[Any, Any]) -> tuple[float, ...]:
    """Raw scores of 16 made-up pairs, some alike: what tells that a matcher is no longer the one calibrated.

    `matcher` gives raw scores. The templates are drawn from a seeded generator, so the scores are the matcher's alone.
    """
    random = np.random.default_rng(20_210_701)
    scores: list[float] = []
    for jitter in (0, 1, 2, 4) * 4:
        count = int(random.integers(12, 60))
        places = random.integers(20, 380, (count, 2))
        angles = random.integers(0, 65536, count)
        kept = random.random(count) < 0.8
        kind = random.integers(0, 3, count)
        moved = places[kept] + random.integers(-jitter, jitter + 1, (int(kept.sum()), 2))
        turned = (angles[kept] + random.integers(-300, 301, int(kept.sum())) * jitter) % 65536
        first, second = (
            FingerTemplate(
                x_px=xy[:, 0].astype(np.uint16),
                y_px=xy[:, 1].astype(np.uint16),
                angle=angle.astype(np.uint16),
                kind=kinds.astype(np.uint8),
                quality=np.full(len(xy), 70, np.uint8),
                width_px=400,
                height_px=400,
            )
            for xy, angle, kinds in ((places, angles, kind), (moved, turned, kind[kept]))
        )
        scores.extend(matcher.scores(matcher.prepare(first), matcher.gallery([second]), threads=1).tolist())
    return tuple(round(score, 6) for score in scores)


def fit(sets: Sequence[RawSet], parameters_digest: str) -> tuple[Calibration, Tail]:
    """The calibration of all impostor pairs of these sets pooled, and its tail.

    ParameterError with fewer than 10,000 pairs. The map follows the pooled impostors up to the score that 1 % of them
    reach and the fitted tail from there. Beyond the last ten pairs the tail may not fall faster than exponentially
    (a bounded fit would claim scores that nobody measured).
    """
    pairs = sum(len(part.impostor) for part in sets)
    if pairs < LEAST_PAIRS:
        raise ParameterError("too few impostor pairs to calibrate on", pairs=pairs, least=LEAST_PAIRS)
    impostors = Raw.pooled([part.impostor for part in sets])
    raw, around = impostors.scores.astype(np.float64), impostors.around
    levelling = fit_levelling(raw, around)
    ordered = np.sort(raw if levelling is None else levelling.levelled(raw, around))
    tail = fit_tail(ordered)
    joint = -10.0 * math.log10(tail.fraction)
    last = 10.0 * math.log10(len(ordered) / PAIRS_BEYOND)

    body = np.arange(0.0, joint, _BODY_STEP)
    accepted = np.minimum(len(ordered), np.ceil(10.0 ** (-body / 10.0) * len(ordered))).astype(np.int64)
    body_raw = ordered[len(ordered) - accepted]
    measured = np.append(np.arange(joint, last, _TAIL_STEP), max(last, joint + _TAIL_STEP))
    measured_raw = tail.raw_at(10.0 ** (-measured / 10.0))
    beyond = np.arange(measured[-1] + _TAIL_STEP, HIGHEST_SCORE, _TAIL_STEP)
    if tail.shape >= 0.0:
        beyond_raw = tail.raw_at(10.0 ** (-beyond / 10.0))
    else:
        per_db = (measured_raw[-1] - measured_raw[-2]) / (measured[-1] - measured[-2])
        beyond_raw = measured_raw[-1] + per_db * (beyond - measured[-1])
    scores, knots = _increasing(
        np.concatenate([body, measured, beyond]), np.concatenate([body_raw, measured_raw, beyond_raw])
    )
    calibration = Calibration(
        tuple(knots),
        tuple(scores),
        parameters_digest,
        len(raw),
        round(last, 2),
        levelling,
        MOST_PER_MINUTIA,
        tuple(sorted(part.name for part in sets)),
        (
            ("excesses", float(tail.excesses)),
            ("fraction", tail.fraction),
            ("scale", tail.scale),
            ("shape", tail.shape),
            ("threshold", tail.threshold),
        ),
    )
    return calibration, tail


def _increasing(scores: FloatArray, raw: FloatArray) -> tuple[list[float], list[float]]:
    """Knots whose raw scores increase: of equal raw scores (ties) the highest score stands, save at the first knot."""
    kept_scores, kept_raw = [float(scores[0])], [float(raw[0])]
    least = 1e-6 * max(1.0, float(raw[-1] - raw[0]))
    for score, value in zip(scores[1:].tolist(), raw[1:].tolist(), strict=True):
        if value > kept_raw[-1] + least:
            kept_scores.append(round(score, 6))
            kept_raw.append(value)
        elif len(kept_raw) > 1:
            kept_scores[-1] = round(score, 6)
    return kept_scores, kept_raw


def fit_fusion(sets: Sequence[RawSet], calibration: Calibration) -> Fusion:
    """The log-likelihood ratio of a calibrated score, from the genuine pairs of `sets` pooled.

    Under impostors the density of a calibrated score is known; under genuine pairs it is counted in bins of growing
    width, a quarter of a pair added to each, and made not to fall (pool adjacent violators, weighted by the counts);
    a share MISTAKEN is reckoned to behave like impostors, so that one bad finger cannot outvote the others. Above the
    last bin genuine scores are taken as exponential. ParameterError with fewer than 100 genuine pairs.
    """
    genuine = np.concatenate([calibration.scores(part.genuine.scores, part.genuine.around) for part in sets])
    if len(genuine) < LEAST_GENUINE:
        raise ParameterError("too few genuine pairs to fit a fusion on", pairs=len(genuine), least=LEAST_GENUINE)
    last = max(20.0, float(np.quantile(genuine, 0.9)))
    edges = np.array([*(float(edge) for edge in _RATIO_EDGES if edge < last - 5.0), last])
    counted = np.histogram(genuine, edges)[0] + 0.25
    nats = math.log(10.0) / 10.0
    chance = np.exp(-nats * edges[:-1]) - np.exp(-nats * edges[1:])
    likelihood = counted / counted.sum() * float((genuine < last).mean()) / chance
    ratios = _not_falling(np.log((1.0 - MISTAKEN) * likelihood + MISTAKEN), counted)
    centres = (edges[:-1] + edges[1:]) / 2.0
    decay = 1.0 / max(float((genuine[genuine >= last] - last).mean()), 1.0)
    slope = max(nats - decay, nats / 2.0)
    scores = [0.0, *centres.tolist(), float(centres[-1]) + 10.0]
    values = [float(ratios[0]), *ratios.tolist(), float(ratios[-1]) + 10.0 * slope]
    return Fusion(
        tuple(round(value, 6) for value in scores),
        tuple(round(value, 6) for value in values),
        calibration.parameters_digest,
        len(genuine),
        tuple(sorted(part.name for part in sets)),
    )


def _not_falling(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The nearest sequence that does not fall, by pooling adjacent violators."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, u, n), (b, v, m) = pools[-2:]
            pools[-2:] = [((a * u + b * v) / (u + v), u + v, n + m)]
    return np.repeat([mean for mean, _, _ in pools], [length for _, _, length in pools])
