"""Trains the matcher's weights: `src/cccd_core/matching/data/weights.json`.

    python -m scripts.train_matching [--sets crossmatch,fcj2020] [--extractors fjfx,mindtct,sourceafis] [--out FILE]

Three logistic regressions on what the kernels measure of a pair (`matching.weights.FEATURES`): after relaxation,
after the rigid check, after the elastic check, the last on the pairs that get there. Every genuine pair and a seeded
sample of the impostor pairs of each set and extractor under ../shared/data/fingerprints (CCCD_SHARED names another
place), every folder with the same weight, genuine and impostor pairs with the same weight. The extractor `ours` is our
own: its templates are made from ../shared/data/images and kept (`--extracted DIR`). The exits are set so that of
impostor pairs of 42 to 60 minutiae the stated shares go on. Deterministic: the same data give the same file. Calibrate
afterwards: `make calibrate`. What `ours` among the extractors does is measured by `python -m benchmarks.accuracy`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from benchmarks.accuracy import extracted, measure
from numpy.typing import NDArray

from cccd_core import templates
from cccd_core.errors import CccdError
from cccd_core.matching import Matcher, MatcherParameters, PreparedGallery, PreparedTemplate
from cccd_core.matching.calibration import Calibration
from cccd_core.matching.weights import ALL, FIRST, SECOND, Weights

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "src" / "cccd_core" / "matching" / "data" / "weights.json"
IMPOSTORS = 20_000  # pairs sampled from each folder
RIDGE = 3.0  # penalty on the squared standardised weights
OFFSET = 16.0  # added to every log-odds, so that raw scores are above 0
GO_ON_FIRST, GO_ON_SECOND = 0.20, 0.13  # shares of impostor pairs of 42 to 60 minutiae that pass each exit

Floats = NDArray[np.float64]


class Folder:
    """The measured pairs of one folder: features float64[n, 31], genuine bool[n], counts int64[n, 2]."""

    def __init__(self, path: Path, matcher: Matcher, seed: int) -> None:
        fingers: list[str] = []
        prepared: list[PreparedTemplate] = []
        for file in sorted(path.glob("*.fmr")):
            try:
                template = templates.load(file).views[0]
            except CccdError:
                continue
            if template.count:
                fingers.append(file.stem.rsplit("_", 1)[0])
                prepared.append(matcher.prepare(template))
        names = np.array(fingers)
        i, j = np.triu_indices(len(names), 1)
        same = names[i] == names[j]
        others = np.flatnonzero(~same)
        if len(others) > IMPOSTORS:
            others = np.sort(np.random.default_rng(seed).choice(others, IMPOSTORS, replace=False))
        pairs = np.sort(np.concatenate([np.flatnonzero(same), others]))
        i, j = i[pairs], j[pairs]
        self.genuine = same[pairs]
        parts = []
        for probe in range(len(names)):
            mates = j[i == probe]
            if len(mates):
                parts.append(matcher.features(prepared[probe], PreparedGallery.pack([prepared[m] for m in mates])))
        self.features = np.concatenate(parts).astype(np.float64)
        counts = np.array([template.count for template in prepared])
        self.counts = np.column_stack([counts[i], counts[j]])
        self.name = f"{path.parent.name}/{path.name}"
        print(
            f"{self.name:28} {self.genuine.sum():>6,} genuine, {(~self.genuine).sum():>7,} impostor pairs", flush=True
        )


def regress(folders: list[Folder], columns: int, reached: NDArray[np.bool_] | None = None) -> tuple[float, ...]:
    """Bias (with the offset) and weights of a ridge logistic regression by Newton's method.

    Only the pairs in `reached` (default: all) are looked at; they keep the weight that they have among all.
    """
    x = np.concatenate([folder.features[:, :columns] for folder in folders])
    y = np.concatenate([folder.genuine for folder in folders]).astype(np.float64)
    share = []
    for folder in folders:
        each = np.where(folder.genuine, 0.5 / folder.genuine.sum(), 0.5 / (~folder.genuine).sum())
        share.append(each * len(y) / len(folders))
    weight = np.concatenate(share)
    if reached is not None:
        weight = weight * reached
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.column_stack([np.ones(len(x)), (x - mean) / spread])
    penalty = np.full(columns + 1, RIDGE)
    penalty[0] = 0.0
    solution = np.zeros(columns + 1)
    for _ in range(100):
        odds = np.clip(z @ solution, -40.0, 40.0)
        p = 1.0 / (1.0 + np.exp(-odds))
        gradient = z.T @ (weight * (p - y)) + penalty * solution
        hessian = (z * (weight * p * (1.0 - p))[:, None]).T @ z + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        size = min(1.0, 5.0 / float(np.abs(step).max()))
        solution -= size * step
        if np.abs(step).max() < 1e-9:
            break
    slopes = solution[1:] / spread
    bias = solution[0] - float(slopes @ mean) + OFFSET
    return tuple(float(np.float32(value)) for value in (bias, *slopes))


def train(folders: list[Folder], sets: tuple[str, ...]) -> Weights:
    """The weights for these folders."""
    first, second = (regress(folders, columns) for columns in (FIRST, SECOND))
    x = np.concatenate([folder.features for folder in folders])
    after_first = first[0] + x[:, :FIRST] @ np.array(first[1:])
    after_second = second[0] + x[:, :SECOND] @ np.array(second[1:])
    counts = np.concatenate([folder.counts for folder in folders])
    genuine = np.concatenate([folder.genuine for folder in folders])
    middling = ~genuine & (counts >= 42).all(axis=1) & (counts <= 60).all(axis=1)
    first_exit = float(np.quantile(after_first[middling], 1.0 - GO_ON_FIRST))
    left = np.sort(after_second[middling & (after_first >= first_exit)])[::-1]
    second_exit = float(left[int(GO_ON_SECOND * middling.sum())])
    final = regress(folders, ALL, (after_first >= first_exit) & (after_second >= second_exit))
    return Weights(first, second, final, float(np.float32(first_exit)), float(np.float32(second_exit)), sets)


def main() -> None:
    """Trains and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="crossmatch,fcj2020")
    parser.add_argument("--extractors", default="fjfx,mindtct,sourceafis")
    parser.add_argument("--extracted", type=Path, default=extracted.KEPT)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args()
    sets, extractors = options.sets.split(","), options.extractors.split(",")
    nothing = Weights((0.0,) * (1 + FIRST), (0.0,) * (1 + SECOND), (0.0,) * (1 + ALL), 0.0, 0.0)
    matcher = Matcher(MatcherParameters(weights=nothing), Calibration.identity())
    roots = extracted.roots(sets, extractors, options.extracted)
    paths = [path for name in sets for path in measure.folders(roots, [name], extractors)]
    folders = [Folder(path, matcher, seed) for seed, path in enumerate(paths)]
    weights = train(folders, tuple(folder.name for folder in folders))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(weights.as_dict(), indent=1) + "\n", encoding="utf-8")
    print(f"{options.out}: {weights.digest}, exits {weights.first_exit:.2f} {weights.second_exit:.2f}")


if __name__ == "__main__":
    main()
