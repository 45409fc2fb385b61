"""Fits a setting of synthesis to real prints: what their templates hold, and how they are scored.

    python -m scripts.fit_synthesis fjfx --set fcj2020/fjfx [--start fjfx] [--rounds 40] [--sourceafis]
    python -m scripts.fit_synthesis crossmatch --set crossmatch/fjfx --start fjfx --only quality,shift_px,...

Fitted to the people of odd number of the set; those of even number are for the report (benchmarks/peers/likeness.py).
A covariance matrix adaptation (N. Hansen, The CMA evolution strategy: a tutorial, 2016) over the shape parameters, from
a setting that is there. Each round draws other people, so that nothing is fitted to a seed. The image's size and the
percentiles of quality are taken from the set. Without --sourceafis our own scores are fitted alone. Writes
src/cccd_core/synthesis/data/settings.json after each round.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from benchmarks.peers.likeness import PEER, US, half, ours, scored_by
from benchmarks.peers.sourceafis import SourceAfis

from cccd_core.evaluation.likeness import PERCENTILES, Likeness, Score, compare
from cccd_core.evaluation.samples import Sample, SampleSet, read_folder
from cccd_core.evaluation.scoring import PairScores
from cccd_core.storage import whole_file
from cccd_core.synthesis import FingerParameters, settings, tenprints

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared"))
SETTINGS = ROOT / "src" / "cccd_core" / "synthesis" / "data" / "settings.json"

LOGARITHMS = (
    "minutiae_per_mm2", "density_spread", "apart_px", "core_density", "flow_deg", "companion_px", "together",
    "shift_px", "rotation_deg", "contact_half_width_px", "contact_half_height_px", "distortion_px", "jitter_px",
    "jitter_deg", "jitter_worse", "seen_spread", "seen_worse", "invented_per_mm2", "invented_worse", "invented_deg",
    "local_spread", "kind_spread", "half_width_px", "half_height_px",
)  # fmt: skip
SHARES = (
    "stray", "bifurcation_share", "companions", "broken", "kind_error", "turned", "contact_spread", "quality_seen",
)  # fmt: skip
PLAIN = ("seen", "downward", "quality")
# Only when asked for: the size of the fingertip and the mean quality say nothing that others do not, and how densities
# vary between people and towards the core shows in few people's scores, and wrongly (impostors that several fingers of
# one person are alike to): they were set by hand.
BY_HAND = ("half_width_px", "half_height_px", "quality", "density_spread", "core_density")
FREE = tuple(name for name in (*LOGARITHMS, *SHARES, *PLAIN) if name not in BY_HAND)
PEOPLE, IMPRESSIONS, POSITIONS = 60, 3, (2, 3, 7, 8)
DRAWN, KEPT = 12, 6  # candidates of a round, and how many of them count
SMALL = 45  # templates that SourceAFIS compares with each other at a time, and how many such groups
GROUPS = 5
FIRST_SEED = 1000
WEIGHTS = {"minutiae": 1.0, "area, mm2": 1.0, "nearest neighbour, px": 1.0, "fifth neighbour, px": 1.0, "genuine": 3.0}
WEIGHTS |= {"off the flow, degrees": 0.7, "bifurcations": 0.7, "neighbours the same way": 0.4, "impostor": 2.0}
WANTED = 0.12  # gaps above this count thrice more


def loss(likeness: Likeness) -> float:
    """How unlike: gaps of all quantiles, the largest above all, and impostor tails that are too thin."""
    total = 0.0
    for measure in likeness.measures:
        gaps = np.abs(measure.gaps())
        weight = WEIGHTS.get(measure.name.partition(",")[0], WEIGHTS.get(measure.name, 0.5))
        total += weight * (gaps.max() + gaps.mean() + 3 * np.maximum(0.0, gaps - WANTED).sum())
        thin = [max(0.0, 1 - synthetic / real) for _, real, synthetic in measure.tails() if real > 0]
        total += 3 * float(np.max(thin)) if thin else 0.0
    return total


def made(parameters: FingerParameters, seed: int) -> SampleSet:
    """People of four fingers, three impressions each."""
    sides = [
        list(tenprints(seed, range(PEOPLE), impressions=k, positions=POSITIONS, parameters=parameters, threads=1))
        for k in range(IMPRESSIONS)
    ]
    names = [(person, position) for person in range(PEOPLE) for position in POSITIONS]
    return SampleSet(
        "synthetic",
        tuple(
            Sample(f"{person:04}-{position}", str(k), side[person][position])
            for person, position in names
            for k, side in enumerate(sides)
        ),
    )


def in_groups(score: Score, most: int) -> Score:
    """Scores of small groups of fingers alone, as every pair of a set takes SourceAFIS minutes."""

    def grouped(samples: SampleSet) -> PairScores:
        parts: list[list[Sample]] = [[]]
        for finger in samples.fingers:
            if len(parts[-1]) >= SMALL:
                parts.append([])
            parts[-1] += [sample for sample in samples.samples if sample.finger == finger]
        scored = [score(SampleSet(samples.path, tuple(part))) for part in parts[:most]]
        return _Joined(scored)  # type: ignore[return-value]

    return grouped


class _Joined:
    """Genuine and impostor scores of several sets."""

    def __init__(self, parts: list[PairScores]) -> None:
        self.names: tuple[str, ...] = ()
        self._parts = parts

    def genuine(self) -> np.ndarray:
        return np.concatenate([part.genuine() for part in self._parts])

    def impostor(self) -> np.ndarray:
        return np.concatenate([part.impostor() for part in self._parts])


class Space:
    """Parameters as points of a plain space: logarithms, logits, and what may be negative as it is."""

    def __init__(self, base: FingerParameters, names: tuple[str, ...]) -> None:
        self._base, self._names = base, names

    def point(self) -> np.ndarray:
        """Where the base is."""
        return np.array([self._in(name, getattr(self._base, name)) for name in self._names])

    def parameters(self, point: np.ndarray) -> FingerParameters:
        """What a point stands for."""
        return replace(self._base, **{n: self._out(n, float(v)) for n, v in zip(self._names, point, strict=True)})

    def _in(self, name: str, value: float) -> float:
        if name in PLAIN:
            return value
        value = max(value, 1e-4)
        return math.log(value / (1 - value)) if name in SHARES else math.log(value)

    def _out(self, name: str, value: float) -> float:
        if name in PLAIN:
            return value
        value = min(8.0, max(-9.0, value))
        return 1 / (1 + math.exp(-value)) if name in SHARES else math.exp(value)


class Adaptation:
    """The strategy's state; dimensions n."""

    def __init__(self, mean: np.ndarray, step: float) -> None:
        n = len(mean)
        weights = np.log(KEPT + 0.5) - np.log(np.arange(1, KEPT + 1))
        self.weights = weights / weights.sum()
        effective = 1 / (self.weights**2).sum()
        self.mean, self.step, self.covariance = mean, step, np.eye(n)
        self._path_c, self._path_s, self._rounds = np.zeros(n), np.zeros(n), 0
        self._effective = effective
        self._rate_c, self._rate_s = 4 / (n + 4), (effective + 2) / (n + effective + 5)
        self._rate_one = 2 / ((n + 1.3) ** 2 + effective)
        self._rate_many = min(1 - self._rate_one, 2 * (effective - 2 + 1 / effective) / ((n + 2) ** 2 + effective))
        self._usual = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
        self._random = np.random.default_rng(0)

    def draw(self) -> np.ndarray:
        """Candidates, float64[DRAWN, n]."""
        values, self._base = np.linalg.eigh(self.covariance)
        self._scale = np.sqrt(np.maximum(values, 1e-12))
        steps = self._random.standard_normal((DRAWN, len(self.mean))) * self._scale @ self._base.T
        return self.mean + self.step * steps

    def learn(self, candidates: np.ndarray, losses: np.ndarray) -> None:
        """Moves towards the better ones."""
        steps = ((candidates - self.mean) / self.step)[np.argsort(losses)[:KEPT]]
        mean = self.weights @ steps
        self.mean = self.mean + self.step * mean
        self._rounds += 1
        white = self._base @ ((self._base.T @ mean) / self._scale)
        keep = 1 - self._rate_s
        self._path_s = keep * self._path_s + math.sqrt(self._rate_s * (2 - self._rate_s) * self._effective) * white
        length = float(np.linalg.norm(self._path_s))
        calm = length / math.sqrt(1 - keep ** (2 * self._rounds)) / self._usual < 1.4 + 2 / (len(self.mean) + 1)
        grown = calm * math.sqrt(self._rate_c * (2 - self._rate_c) * self._effective) * mean
        self._path_c = (1 - self._rate_c) * self._path_c + grown
        many = sum(w * np.outer(s, s) for w, s in zip(self.weights, steps, strict=True))
        self.covariance = (
            (1 - self._rate_one - self._rate_many) * self.covariance
            + self._rate_one * np.outer(self._path_c, self._path_c)
            + self._rate_many * many
        )
        self.step *= math.exp(self._rate_s / (1 + self._rate_s) * (length / self._usual - 1))


def of_the_set(samples: SampleSet, start: FingerParameters) -> FingerParameters:
    """The start with the set's image size and percentiles of quality."""
    templates = [sample.template for sample in samples.samples if sample.template is not None]
    width, height = Counter((template.width_px, template.height_px) for template in templates).most_common(1)[0][0]
    quality = np.percentile(np.concatenate([template.quality for template in templates]), PERCENTILES)
    return replace(start, image_width_px=width, image_height_px=height, quality_knots=tuple(quality))


def keep(name: str, parameters: FingerParameters, fitted_to: str) -> None:
    """Writes the setting beside the others."""
    found: Mapping[str, object] = json.loads(SETTINGS.read_text("utf-8"))["settings"]
    rounded = {
        key: [round(v, 4) for v in value] if isinstance(value, tuple) else round(value, 4)
        for key, value in asdict(parameters).items()
    }
    record = {"settings": {**found, name: {"fitted_to": fitted_to, "parameters": rounded}}}
    whole_file.write(SETTINGS, (json.dumps(record, indent=1) + "\n").encode())


def main() -> None:
    """Fits, and prints each round's least and median loss."""
    options = _options()
    real = half(read_folder(SHARED / "data" / "fingerprints" / options.set), 1)
    space = Space(of_the_set(real, settings()[options.start]), tuple(options.only.split(",")) if options.only else FREE)
    with ExitStack() as stack:
        matchers = {US: ours(1)}
        if options.sourceafis:
            matchers[PEER] = in_groups(scored_by(stack.enter_context(SourceAfis())), GROUPS)
        matchers = {name: _once(score, real) for name, score in matchers.items()}
        search = Adaptation(space.point(), options.step)
        for turn in range(options.rounds):
            candidates = search.draw()
            losses = np.array(
                [loss(compare(real, [made(space.parameters(c), FIRST_SEED + turn)], matchers)) for c in candidates]
            )
            search.learn(candidates, losses)
            print(f"{turn}: {losses.min():.2f} {np.median(losses):.2f}, step {search.step:.3f}", flush=True)
            keep(options.name, space.parameters(search.mean), f"{options.set}, people of odd number")


def _once(score: Score, real: SampleSet) -> Score:
    """The same, the real set scored once."""
    of_real = score(real)
    return lambda samples: of_real if samples is real else score(samples)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the setting")
    parser.add_argument("--set", required=True, help="SET/EXTRACTOR below ../shared/data/fingerprints")
    parser.add_argument("--start", default="fjfx", help="the setting to start from")
    parser.add_argument("--only", help="parameters to fit, divided by commas; all that say something without it")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--step", type=float, default=0.1)
    parser.add_argument("--sourceafis", action="store_true", help="fit to the scores of SourceAFIS as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
