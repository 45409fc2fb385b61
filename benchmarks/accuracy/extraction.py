"""Extraction measured: error rates of what it gives beside other extractors', the choice of its certainty, its speed.

    python -m benchmarks.accuracy.extraction [--threads N] [--out docs/accuracy-extraction.md]

Templates are made of all images of ../shared/data/images, at every certainty of CERTAINTIES; the certainty is looked at
on crossmatch and fcj2020, and the FVC sets are reported. An image that fails scores 0 in all its pairs. Ten minutes on
one core.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
from benchmarks.accuracy import measure, report
from benchmarks.accuracy.extracted import DATA, ROOT
from benchmarks.accuracy.targets import FVC, LARGE
from numpy.typing import NDArray
from PIL import Image

from cccd_core import runtime
from cccd_core.errors import FormatError
from cccd_core.evaluation.folder import evaluate_folder
from cccd_core.extraction import ExtractionParameters, Extractor
from cccd_core.matching import Matcher
from cccd_core.storage import whole_file
from cccd_core.templates import FingerTemplate, write

CERTAINTIES = (0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.60)
OTHERS = ("fjfx", "mindtct", "sourceafis")
SIZES = ((300, 300), (480, 640))
ROUNDS = 9

Rates = dict[tuple[str, str], tuple[float, float, float | None]]


def at_least(view: FingerTemplate, certain: float) -> FingerTemplate:
    """The minutiae of at least this certainty, as the quality has it."""
    kept = np.flatnonzero(view.quality >= round(100 * certain))
    columns = {name: getattr(view, name)[kept] for name in ("x_px", "y_px", "angle", "kind", "quality")}
    return replace(view, **columns)


def make(folder: Path, name: str, certainties: tuple[float, ...], threads: int) -> None:
    """Templates of a set, in a folder for each certainty."""
    extractor = Extractor(ExtractionParameters(certain=min(certainties)))

    def one(path: Path) -> None:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
        try:
            view = extractor.extract(pixels, 500).template
        except FormatError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            view = None
        for certain in certainties:
            kept = None if view is None else at_least(view, certain)
            # what cannot be read counts as failed
            data = write(kept, "iso-2005") if kept is not None and kept.count else b""
            whole_file.write(folder / f"{certain:.2f}" / name / f"{path.stem}.fmr", data, folders=True)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, sorted((DATA / "images" / name).glob("*.png"))))


def rates(folder: Path, matcher: Matcher, threads: int) -> tuple[float, float, float | None]:
    """EER, FNMR at FMR 0.1 % and 0.01 %."""
    result = evaluate_folder(
        folder,
        matcher,
        expect=measure.EXPECTED if folder.parts[-1] in FVC or folder.parts[-2] in FVC else None,
        threads=threads,
        replicates=0,
    ).as_dict()
    fnmr = result["fnmr_at_fmr"]
    return result["eer"], fnmr["0.001"], fnmr.get("0.0001")


def seconds(run: Callable[[], object]) -> float:
    """The median processor time of a call."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        run()
        spent.append(time.process_time() - began)
    return sorted(spent)[ROUNDS // 2]


def speed() -> list[tuple[str, ...]]:
    """A row for each SIMD level: seconds of one core for each size."""
    with Image.open(DATA / "images" / "crossmatch" / "012-3_1.png") as image:
        pixels: NDArray[np.uint8] = np.asarray(image.convert("L"))
    rows = []
    before = os.environ.get(runtime.SIMD_VARIABLE, "")
    extractor = Extractor()
    for level in reversed(runtime.simd_levels()):
        os.environ[runtime.SIMD_VARIABLE] = level
        row = [level]
        for height, width in SIZES:
            room = np.full((height, width), 255, np.uint8)
            part = pixels[: min(height, pixels.shape[0]), : min(width, pixels.shape[1])]
            room[: part.shape[0], : part.shape[1]] = part
            extractor.extract(room, 500)
            row.append(f"{seconds(lambda room=room: extractor.extract(room, 500)):.3f}")
        rows.append(tuple(row))
    os.environ[runtime.SIMD_VARIABLE] = before
    return rows


def pair(found: tuple[float, float, float | None] | None) -> str:
    """EER / FNMR at 0.1 %, percent."""
    return "–" if found is None else f"{report.percent(found[0])} / {report.percent(found[1])}"


def means(found: list[tuple[float, float, float | None]]) -> str:
    """The mean over sets."""
    return f"**{report.percent(mean(each[0] for each in found))} / {report.percent(mean(each[1] for each in found))}**"


def choice(ours: Rates) -> str:
    """The table of certainties, of the sets on which one is chosen."""
    rows = []
    for certain in CERTAINTIES:
        found = [ours[f"{certain:.2f}", name] for name in LARGE]
        rows.append([f"{certain:.2f}", *(f"{pair(each)} / {report.percent(each[2])}" for each in found)])
    return report.table(("certainty", *LARGE), rows)


def sets(ours: Rates, others: Rates, chosen: str) -> str:
    """The table of all sets beside the other extractors."""
    rows = [
        [name, pair(ours[chosen, name]), *(pair(others.get((extractor, name))) for extractor in OTHERS)]
        for name in (*FVC, *LARGE)
    ]
    average = ["mean of FVC", means([ours[chosen, name] for name in FVC])]
    average += [means([others[extractor, name] for name in FVC]) for extractor in OTHERS]
    rows.insert(len(FVC), average)
    return report.table(("set", "ours", *OTHERS), rows)


def main() -> int:
    """Measures and writes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.extraction")
    parser.add_argument("--threads", type=int, default=runtime.threads())
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "accuracy-extraction.md")
    options = parser.parse_args()
    matcher = Matcher()
    chosen = f"{ExtractionParameters().certain:.2f}"
    ours: Rates = {}
    others: Rates = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in (*FVC, *LARGE):
            print(name, file=sys.stderr)
            wanted = CERTAINTIES if name in LARGE else (ExtractionParameters().certain,)
            make(folder, name, wanted, options.threads)
            for certain in wanted:
                at = f"{certain:.2f}"
                ours[at, name] = rates(folder / at / name, matcher, options.threads)
            for extractor in OTHERS:
                others[extractor, name] = rates(DATA / "fingerprints" / name / extractor, matcher, options.threads)
    level = runtime.kernels()
    parts = [
        "# Accuracy of extraction, measured",
        "Made by `python -m benchmarks.accuracy.extraction` on the images of `../shared/data/images`, one setting for "
        "all. EER / FNMR at FMR 0.1 %, percent, by the shipped matcher; an image that failed to extract scores 0 in "
        f"all its pairs. Parameters `{ExtractionParameters().digest}`, kernels {level}.",
        "The training images of the network are not stated, and its laboratory made the FVC sets: their rows may "
        "flatter it. The matcher's own weights were trained on templates of crossmatch and fcj2020 that other "
        "extractors made, so that the two rows below the mean flatter all four columns.",
        sets(ours, others, chosen),
        "## The certainty asked of a minutia",
        "Chosen on these two sets, by the last figure of the larger one. EER / FNMR at FMR 0.1 % / 0.01 %, percent:",
        choice(ours),
        "## Speed",
        f"Seconds of one core for an image, the whole of `Extractor.extract`, median of {ROUNDS}:",
        report.table(("SIMD level", *(f"{width} x {height}" for height, width in SIZES)), speed()),
    ]
    whole_file.write(options.out, ("\n\n".join(parts) + "\n").encode())
    print(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
