"""Lays synthetic fingers beside real ones: counts, distances, and the matcher's raw scores of pairs.

    python scripts/compare_synthesis.py [--seed 2026] [--out docs/explanation/synthesis.png]

Real: impressions 3 and 4 of the fingers of fcj2020, as fjfx extracted them. Synthetic: two impressions of as
many fingers. (The parameters were set on impressions 1 and 2.) Prints one table; the picture shows the four
distributions.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np

from cccd_core.matching import Matcher
from cccd_core.matching.calibration import Calibration
from cccd_core.synthesis import FingerParameters, MasterFinger
from cccd_core.templates import FingerTemplate, load

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared"))
PERCENTILES = (5, 25, 50, 75, 95)
Pair = tuple[FingerTemplate, FingerTemplate]


def real(extractor: str = "fjfx", numbers: tuple[int, int] = (3, 4)) -> list[Pair]:
    """These two impressions of every finger of fcj2020 that has both."""
    folder = SHARED / "data" / "fingerprints" / "fcj2020" / extractor
    fingers = sorted({path.stem.split("_")[0] for path in folder.glob("*.fmr")})
    paths = [[folder / f"{finger}_{number}.fmr" for number in numbers] for finger in fingers]
    return [(load(a).view, load(b).view) for a, b in paths if a.exists() and b.exists()]


def synthetic(seed: int, count: int, parameters: FingerParameters | None = None) -> list[Pair]:
    """Two impressions of `count` fingers, four of each person, the positions of fcj2020 as far as they are known."""
    masters = [MasterFinger.make(seed, i // 4, (2, 3, 7, 8)[i % 4], parameters) for i in range(count)]
    return [(master.impression(0), master.impression(1)) for master in masters]


def counts(pairs: list[Pair]) -> np.ndarray:
    """Minutiae of every template."""
    return np.array([template.count for pair in pairs for template in pair])


def neighbours(pairs: list[Pair]) -> np.ndarray:
    """Distance of every minutia to its nearest neighbour, in pixels at 500 dpi."""
    found = []
    for template in (template for pair in pairs for template in pair):
        if template.count > 1:
            x, y = template.x_px.astype(float), template.y_px.astype(float)
            distance = np.hypot(x[:, None] - x, y[:, None] - y)
            np.fill_diagonal(distance, np.inf)
            found.append(distance.min(axis=1))
    return np.concatenate(found)


def genuine(pairs: list[Pair]) -> np.ndarray:
    """Raw scores of the two impressions of every finger."""
    matcher = Matcher(calibration=Calibration.identity())
    return np.array([matcher.score(matcher.prepare(a), matcher.prepare(b)) for a, b in pairs])


def impostor(pairs: list[Pair]) -> np.ndarray:
    """Raw scores of the first impressions of all pairs of different fingers."""
    matcher = Matcher(calibration=Calibration.identity())
    gallery = matcher.gallery([a for a, _ in pairs])
    return np.concatenate([matcher.scores(gallery[i], gallery[i + 1 :]) for i in range(len(pairs) - 1)])


MEASURES: dict[str, tuple[str, Callable[[list[Pair]], np.ndarray]]] = {
    "minutiae": ("minutiae of a template", counts),
    "neighbour_px": ("nearest neighbour, px at 500 dpi", neighbours),
    "genuine": ("raw score, same finger", genuine),
    "impostor": ("raw score, different fingers", impostor),
}


def show(sides: dict[str, dict[str, np.ndarray]], out: Path | None) -> None:
    """The table on standard output, and the picture."""
    print("| measure | side | n | " + " | ".join(f"p{p}" for p in PERCENTILES) + " | p99.9 |")
    print("|---|---|---|" + "---|" * (len(PERCENTILES) + 1))
    for name in MEASURES:
        for side, values in sides.items():
            row = np.percentile(values[name], (*PERCENTILES, 99.9))
            print(f"| {name} | {side} | {len(values[name])} | " + " | ".join(f"{value:.4g}" for value in row) + " |")
    if out is None:
        return
    figure, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
    for axis, (name, (title, _)) in zip(axes.flat, MEASURES.items(), strict=True):
        edges = np.histogram_bin_edges(np.concatenate([values[name] for values in sides.values()]), 40)
        for side, values in sides.items():
            axis.hist(values[name], edges, density=True, histtype="step", linewidth=1.5, label=side)
        axis.set_xlabel(title)
        axis.set_yscale("log" if name == "impostor" else "linear")
        axis.legend()
    figure.savefig(out, dpi=110)


def main() -> None:
    """Runs the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    pairs = real()
    both = {"real": pairs, "synthetic": synthetic(arguments.seed, len(pairs))}
    show(
        {side: {name: measure(p) for name, (_, measure) in MEASURES.items()} for side, p in both.items()}, arguments.out
    )


if __name__ == "__main__":
    main()
