"""Synthetic prints laid beside a real set: what templates hold, and how matchers score them.

The synthetic set has as many people, fingers and impressions as the real one. Each measure is compared by its
quantiles: how far the synthetic one lies off, as a share of the range between the real 1 % and 99 % quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from cccd_core.errors import FileError
from cccd_core.evaluation.persons import person_scores
from cccd_core.evaluation.samples import Sample, SampleSet
from cccd_core.evaluation.scoring import PairScores
from cccd_core.progress import Progress
from cccd_core.synthesis import FingerParameters, tenprints
from cccd_core.templates import KIND_BIFURCATION, FingerTemplate

Float64: TypeAlias = npt.NDArray[np.float64]
Score: TypeAlias = Callable[[SampleSet], PairScores]

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
TAILS = (1e-3, 1e-4, 1e-5)  # of impostor scores
_NEIGHBOURS = 5  # whose mean direction stands for the ridge flow at a minutia
_LEAST = _NEIGHBOURS + 1
_BINS = 50


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Measure:
    """One measure of both sides, float64 each; `tail` says that what lies far above matters (impostor scores)."""

    name: str
    real: Float64
    synthetic: Float64
    tail: bool = False

    def quantiles(self) -> tuple[Float64, Float64]:
        """PERCENTILES of the real and of the synthetic one."""
        real, synthetic = (np.percentile(side, PERCENTILES) for side in (self.real, self.synthetic))
        return real, synthetic

    def gaps(self) -> Float64:
        """How much the synthetic quantiles are above the real ones, as a share of the real range; 0 where that is."""
        real, synthetic = self.quantiles()
        width = float(real[-1] - real[0])
        return np.asarray((synthetic - real) / width if width else np.sign(synthetic - real), np.float64)

    def tails(self) -> list[tuple[float, float, float]]:
        """(share, real, synthetic) score that so many impostor pairs reach, for TAILS that the pairs can show."""
        if not self.tail:
            return []
        seen = min(len(self.real), len(self.synthetic))
        shares = [share for share in TAILS if share * seen >= 1]
        return [(s, float(np.quantile(self.real, 1 - s)), float(np.quantile(self.synthetic, 1 - s))) for s in shares]


@dataclass(frozen=True, slots=True)
class Separation:
    """d' of one finger and of all that a person has in the set together (their scores added up), of one side."""

    side: str
    matcher: str
    fingers: int
    one: float
    together: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """All measures, and how much better several fingers of a person tell than one where the set has several."""

    measures: tuple[Measure, ...]
    separations: tuple[Separation, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: quantiles, gaps and tails of every measure, and the separations."""
        return {
            "percentiles": list(PERCENTILES),
            "measures": [
                {
                    "name": measure.name,
                    "real": [round(float(v), 4) for v in measure.quantiles()[0]],
                    "synthetic": [round(float(v), 4) for v in measure.quantiles()[1]],
                    "gaps": [round(float(v), 4) for v in measure.gaps()],
                    "count": {"real": len(measure.real), "synthetic": len(measure.synthetic)},
                    "tails": [
                        {"share": share, "real": round(real, 3), "synthetic": round(synthetic, 3)}
                        for share, real, synthetic in measure.tails()
                    ],
                }
                for measure in self.measures
            ],
            "separations": [asdict(one) for one in self.separations],
        }


def counterpart(samples: SampleSet, parameters: FingerParameters, seed: int) -> SampleSet:
    """A synthetic set of the shape of a real one: as many people (what stands before the last `-` of a finger's name,
    or else the finger), fingers of each and impressions of each finger.

    Positions are index, middle, ring, little finger and thumb of the right hand, then of the left one. FileError for
    a person of more than ten fingers.
    """
    found = [sample for sample in samples.samples if sample.template is not None]
    fingers = [list(group) for _, group in groupby(found, lambda sample: sample.finger)]
    people: dict[str, list[list[Sample]]] = {}
    for finger in fingers:
        people.setdefault(_person(finger[0].finger), []).append(finger)
    if any(len(own) > len(_ORDER) for own in people.values()):
        raise FileError("a person in this folder has more than ten fingers", path=samples.path)
    most = max((len(finger) for finger in fingers), default=0)
    positions = _ORDER[: max((len(own) for own in people.values()), default=0)]
    who = np.arange(len(people))
    made: list[Sample] = []
    columns = [
        list(tenprints(seed, who, impressions=number, positions=positions, parameters=parameters))
        for number in range(most)
    ]
    for row, own in enumerate(people.values()):
        for position, finger in zip(positions, own, strict=False):
            made += [
                Sample(f"{row:05}-{position}", str(number), columns[number][row][position])
                for number in range(len(finger))
            ]
    return SampleSet("synthetic", tuple(sorted(made, key=lambda sample: sample.finger)))


def compare(
    real: SampleSet, synthetic: Sequence[SampleSet], matchers: Mapping[str, Score], *, progress: Progress | None = None
) -> Likeness:
    """Measures of the real set and of the synthetic ones, which are drawn together: with more of them chance moves the
    synthetic side less. `matchers` score all pairs of a set. FileError for a side without templates."""
    sides = [
        [sample.template for one in side for sample in one.samples if sample.template is not None]
        for side in ((real,), synthetic)
    ]
    if not all(sides):
        raise FileError("there is no template to compare with", path=real.path)
    measures = [Measure(name, of(sides[0]), of(sides[1])) for name, of in _OF_TEMPLATES.items()]
    separations = []
    for done, (name, score) in enumerate(matchers.items()):
        if progress:
            progress(done, len(matchers), "scores")
        scored = {"real": [score(real)], "synthetic": [score(one) for one in synthetic]}
        for kind in ("genuine", "impostor"):
            first, second = (_joined([getattr(one, kind)() for one in side]) for side in scored.values())
            if len(first) and len(second):
                measures.append(Measure(f"{kind}, {name}", first, second, tail=kind == "impostor"))
        separations += [found for side, several in scored.items() if (found := _separation(side, name, several))]
    if progress:
        progress(len(matchers), len(matchers), "scores")
    return Likeness(tuple(measures), tuple(separations))


def picture(likeness: Likeness) -> Figure:
    """Histograms of every measure, both sides laid over each other."""
    columns = 3
    rows = -(-len(likeness.measures) // columns)
    figure = Figure(figsize=(4 * columns, 2.8 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis, measure in zip(axes.flat, likeness.measures, strict=False):
        edges = np.histogram_bin_edges(np.concatenate((measure.real, measure.synthetic)), _BINS)
        for side, values in (("real", measure.real), ("synthetic", measure.synthetic)):
            axis.hist(values, edges, density=True, histtype="step", linewidth=1.5, label=side)
        axis.set_xlabel(measure.name)
        axis.set_yscale("log" if measure.tail else "linear")
        axis.set_yticks([])
    for axis in axes.flat[len(likeness.measures) :]:
        axis.set_visible(False)
    axes.flat[0].legend()
    return figure


_ORDER = (2, 3, 4, 5, 1, 7, 8, 9, 10, 6)


def _person(finger: str) -> str:
    person, dash, code = finger.rpartition("-")
    return person if dash and person and code else finger


def _separation(side: str, matcher: str, several: Sequence[PairScores]) -> Separation | None:
    names = [name.rpartition("_")[0].rpartition("-") for name in several[0].names]
    codes, people = {code for _, _, code in names}, {person for person, _, _ in names}
    if not all(person and code for person, _, code in names) or not 1 < len(codes) <= len(_ORDER) or len(people) < 2:
        return None
    # Of pairs that share every finger alone: others have fewer scores to add up.
    fused = [
        person_scores(one, lambda each, both: np.where(both.all(1), each.sum(1), np.nan).astype(np.float32))
        for one in several
    ]
    of_one = [_joined([getattr(one, kind)() for one in several]) for kind in ("genuine", "impostor")]
    together = [_joined([getattr(one, kind) for one in fused]) for kind in ("genuine", "impostor")]
    together = [scores[np.isfinite(scores)] for scores in together]
    if not all(len(scores) for scores in (*of_one, *together)):
        return None
    return Separation(side, matcher, len(codes), d_prime(*of_one), d_prime(*together))


def _joined(parts: Sequence[npt.NDArray[np.float32]]) -> Float64:
    return np.concatenate([np.asarray(part, np.float64) for part in parts]) if parts else np.zeros(0)


def d_prime(genuine: npt.NDArray[np.floating], impostor: npt.NDArray[np.floating]) -> float:
    """How far the means lie apart, in standard deviations (the root of the mean variance)."""
    spread = math.sqrt((float(np.var(genuine)) + float(np.var(impostor))) / 2)
    return (float(np.mean(genuine)) - float(np.mean(impostor))) / spread if spread else math.inf


# -- what templates hold


def _counts(templates: list[FingerTemplate]) -> Float64:
    return np.array([template.count for template in templates], np.float64)


def _crowds(templates: list[FingerTemplate]) -> list[tuple[FingerTemplate, npt.NDArray[np.int64], Float64]]:
    """Of templates of six minutiae or more, which five are nearest to each minutia, and how far."""
    found = []
    for template in templates:
        if template.count < _LEAST:
            continue
        x, y = template.x_px.astype(np.float64), template.y_px.astype(np.float64)
        distance = np.hypot(x[:, None] - x, y[:, None] - y)
        np.fill_diagonal(distance, np.inf)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, :_NEIGHBOURS]
        found.append((template, nearest, np.take_along_axis(distance, nearest, 1)))
    return found


def _spacing(templates: list[FingerTemplate]) -> Float64:
    return np.concatenate([distance[:, 0] for _, _, distance in _crowds(templates)] or [np.zeros(0)])


def _fifth(templates: list[FingerTemplate]) -> Float64:
    return np.concatenate([distance[:, -1] for _, _, distance in _crowds(templates)] or [np.zeros(0)])


def _off_flow(templates: list[FingerTemplate]) -> Float64:
    found = [np.zeros(0)]
    for template, nearest, _ in _crowds(templates):
        twice = np.exp(2j * template.angle.astype(np.float64) * (2 * np.pi / 65536))
        flow = twice[nearest].mean(axis=1)
        found.append(np.degrees(np.abs(np.angle(twice * np.conj(flow)))) / 2)
    return np.concatenate(found)


def _same_way(templates: list[FingerTemplate]) -> Float64:
    shares = []
    for template, nearest, _ in _crowds(templates):
        angle = template.angle.astype(np.float64) * (2 * np.pi / 65536)
        shares.append(float(np.mean(np.cos(angle - angle[nearest[:, 0]]) > 0)))
    return np.array(shares)


def _bifurcations(templates: list[FingerTemplate]) -> Float64:
    return np.array([float(np.mean(template.kind == KIND_BIFURCATION)) for template in templates if template.count])


def _qualities(templates: list[FingerTemplate]) -> Float64:
    return np.concatenate([template.quality for template in templates]).astype(np.float64)


def _mean_quality(templates: list[FingerTemplate]) -> Float64:
    return np.array([float(np.mean(template.quality)) for template in templates if template.count])


def _box(templates: list[FingerTemplate]) -> Float64:
    per_mm2 = (500 / 25.4) ** 2
    return np.array(
        [
            float(np.ptp(t.x_px.astype(np.int64))) * float(np.ptp(t.y_px.astype(np.int64))) / per_mm2
            for t in templates
            if t.count
        ]
    )


_OF_TEMPLATES: dict[str, Callable[[list[FingerTemplate]], Float64]] = {
    "minutiae": _counts,
    "area, mm2": _box,
    "nearest neighbour, px": _spacing,
    "fifth neighbour, px": _fifth,
    "off the flow, degrees": _off_flow,
    "neighbours the same way": _same_way,
    "bifurcations": _bifurcations,
    "quality": _qualities,
    "mean quality": _mean_quality,
}
