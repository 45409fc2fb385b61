"""The quality of images measured: how many genuine pairs fail where the poorest prints are rejected.

    python -m benchmarks.accuracy.quality [--threads N] [--out docs/accuracy-quality.md]

A pair is as good as its poorer print. Quality comes from the image by our extractor; errors are those of our matcher
with the templates of three extractors, at each set's own threshold of FMR 0.1 %. The figure's form and limits were
chosen on crossmatch and fcj2020; the FVC sets are reported. Four minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from benchmarks.accuracy import report
from benchmarks.accuracy.extracted import DATA, ROOT
from benchmarks.accuracy.targets import FVC, LARGE
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from cccd_core import runtime
from cccd_core.errors import FileError, FormatError
from cccd_core.evaluation import plots
from cccd_core.evaluation.rates import error_rates
from cccd_core.evaluation.samples import of_templates
from cccd_core.evaluation.scoring import score_pairs
from cccd_core.extraction import AGAIN_BELOW, ExtractionParameters, Extractor
from cccd_core.extraction.quality import areas
from cccd_core.matching import Matcher
from cccd_core.storage import whole_file
from cccd_core.templates import FingerTemplate, load

TEMPLATES = ("ours", "fjfx", "mindtct")
REJECTED = (0.0, 0.02, 0.05, 0.10, 0.20, 0.30)
BINS = (0, 33, AGAIN_BELOW, 50, 57, 67, 101)
FMR = 0.001

Float64 = NDArray[np.float64]
# What a print is ranked by; the last is what no measure can beat: the pairs that fail first.
MEASURES: dict[str, Callable[[FingerTemplate, NDArray[np.uint8]], float]] = {
    "quality": lambda template, _: float(template.capture_quality),
    "number of minutiae": lambda template, _: float(template.count),
    "mean certainty": lambda template, _: float(template.quality.mean()),
    "area of clear ridges": lambda _, image: areas(image)[1],
}


def made(extractor: Extractor, path: Path) -> tuple[FingerTemplate | None, dict[str, float]]:
    """Our template of an image, and every measure of it; 0 each where there is none."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    try:
        template = extractor.extract(pixels, 500).template
    except FormatError:
        return None, dict.fromkeys(MEASURES, 0.0)
    return template, {name: measure(template, pixels) for name, measure in MEASURES.items()}


def others(name: str, extractor: str, stems: list[str]) -> list[FingerTemplate | None]:
    """Another extractor's templates of a set."""
    found: list[FingerTemplate | None] = []
    for stem in stems:
        try:
            found.append(load(DATA / "fingerprints" / name / extractor / f"{stem}.fmr").view)
        except (FormatError, FileError):  # it failed on this image
            found.append(None)
    return found


def genuine(name: str, stems: list[str], templates: list[FingerTemplate | None], matcher: Matcher) -> NDArray[np.bool_]:
    """Which genuine pairs fail, in the order of `poorer`."""
    named = [(*stem.rsplit("_", 1), each) for stem, each in zip(stems, templates, strict=True)]
    scores, _ = score_pairs(of_templates(name, named), matcher)
    found = error_rates(scores.genuine(), scores.impostor())
    refused = found.thresholds[FMR]
    return np.asarray(scores.genuine() <= (-1.0 if refused is None else refused))


def poorer(stems: list[str], measure: Float64) -> Float64:
    """The measure of the poorer print of each genuine pair."""
    fingers = [stem.rsplit("_", 1)[0] for stem in stems]
    return np.array(
        [
            min(measure[i], measure[j])
            for i in range(len(stems))
            for j in range(i + 1, len(stems))
            if fingers[i] == fingers[j]
        ]
    )


def after(failed: NDArray[np.bool_], rank: Float64, share: float) -> float:
    """FNMR of what is left where this share of the pairs, the poorest, is rejected; ties by their mean."""
    order = np.lexsort((np.arange(len(rank)), rank))
    return float(failed[order[round(share * len(rank)) :]].mean())


def curves(found: dict[str, tuple[NDArray[np.bool_], dict[str, Float64]]], path: Path) -> None:
    """The picture: FNMR over the share rejected, a panel for each extractor's templates."""
    figure = Figure(figsize=(12, 4))
    shares = np.linspace(0, 0.4, 81)
    for panel, extractor in enumerate(TEMPLATES, 1):
        axes = figure.add_subplot(1, 3, panel)
        failed, ranks = found[extractor]
        for name, rank in ranks.items():
            axes.plot(100 * shares, [100 * after(failed, rank, share) for share in shares], label=name)
        axes.plot(100 * shares, [100 * after(failed, -failed.astype(float), share) for share in shares], ":", c="0.5")
        axes.set(title=f"templates of {extractor}, FVC sets", xlabel="pairs rejected, %", ylabel="FNMR, %")
        axes.set_ylim(bottom=0)
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    plots.save(figure, path)


def main() -> int:
    """Measures and writes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.quality")
    parser.add_argument("--threads", type=int, default=runtime.threads())
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "accuracy-quality.md")
    options = parser.parse_args()
    extractor, matcher = Extractor(), Matcher()
    parts: dict[tuple[str, str], list[NDArray[np.bool_]]] = {}
    ranks: dict[tuple[str, str], list[Float64]] = {}
    for name in (*FVC, *LARGE):
        print(name, file=sys.stderr)
        group = "FVC" if name in FVC else "chosen on"
        stems = sorted(path.stem for path in (DATA / "images" / name).glob("*.png"))
        # pairs are counted in the order of their samples: fingers, then impressions
        stems.sort(key=lambda stem: (stem.rsplit("_", 1)[0], int(stem.rsplit("_", 1)[1])))
        with ThreadPoolExecutor(options.threads) as pool:
            both = list(pool.map(partial(made, extractor), [DATA / "images" / name / f"{stem}.png" for stem in stems]))
        for measure in MEASURES:
            ranked = poorer(stems, np.array([each[measure] for _, each in both]))
            ranks.setdefault((group, measure), []).append(ranked)
        for which in TEMPLATES:
            templates = [each for each, _ in both] if which == "ours" else others(name, which, stems)
            parts.setdefault((group, which), []).append(genuine(name, stems, templates, matcher))
    failed = {key: np.concatenate(each) for key, each in parts.items()}
    ranked_by = {key: np.concatenate(each) for key, each in ranks.items()}
    fvc = {which: (failed["FVC", which], {m: ranked_by["FVC", m] for m in MEASURES}) for which in TEMPLATES}
    curves(fvc, options.out.parent / "explanation" / "quality.png")
    rejecting = [
        [which, measure, *(report.percent(after(*pair, share)) for share in REJECTED)]
        for which, (fails, by) in fvc.items()
        for measure, pair in [(m, (fails, rank)) for m, rank in by.items()]
        + [("no measure can be better", (fails, -fails.astype(np.float64)))]
    ]
    bins = []
    for group in ("chosen on", "FVC"):
        quality = ranked_by[group, "quality"]
        for low, high in pairwise(BINS):
            inside = (quality >= low) & (quality < high)
            rates = [
                report.percent(failed[group, which][inside].mean(), 1) if inside.any() else "–" for which in TEMPLATES
            ]
            names = "crossmatch, fcj2020" if group == "chosen on" else "FVC"
            bins.append([names, f"{low} to {high - 1}", str(np.count_nonzero(inside)), *rates])
    text = [
        "# Quality, measured",
        "Made by `python -m benchmarks.accuracy.quality` on the images of `../shared/data/images`. Quality is our own "
        "figure from the image (it is not NFIQ 2), one rule for all; a pair has the quality of its poorer print. "
        "Errors are those of the shipped matcher with the templates of three extractors of the same images, at each "
        "set's threshold of FMR 0.1 %; a print without a template fails in all its pairs. "
        f"Parameters `{ExtractionParameters().digest}`.",
        "The form of the figure and its limits were chosen on crossmatch and fcj2020. The network's training images "
        "are not stated, and its laboratory made the FVC sets.",
        "## Rejecting the poorest",
        "FNMR in percent of what is left of the five FVC sets' genuine pairs where this share of them is rejected:",
        report.table(("templates", "ranked by", *(f"{100 * share:.0f} %" for share in REJECTED)), rejecting),
        "![Error against reject](explanation/quality.png)",
        "## What a figure means",
        f"FNMR in percent by the poorer print's figure. Below {AGAIN_BELOW} the finger is to be captured again.",
        report.table(("sets", "quality", "pairs", *TEMPLATES), bins),
    ]
    whole_file.write(options.out, ("\n\n".join(text) + "\n").encode())
    print(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
