"""How often the ridges of an image deny a right resolution, and a wrong one: the table of docs/explanation/intake.md.

    python -m benchmarks.accuracy.resolutions [--every 1]

Every image of ../shared/data/images has 500 dpi. Each is looked at as such and, every `--every`th, as if another
resolution were stated, as an extractor would see it then: resampled. The limits were chosen on crossmatch and fcj2020;
the FVC sets are new to them, and are counted apart.
"""

from __future__ import annotations

import argparse

import numpy as np
from benchmarks.accuracy.extracted import IMAGES
from benchmarks.accuracy.targets import FVC, LARGE
from PIL import Image

from cccd_core.extraction.looks import looks, resampled
from cccd_core.intake.findings import DEFAULT_LIMITS
from cccd_core.intake.ridges import ridge_distance_px

TRUE_DPI = 500
STATED_DPI = (TRUE_DPI, 1000, 250, 300, 400, 600, 750)
QUANTILES = (0.0, 0.01, 0.5, 0.99, 1.0)


def distances_mm(sets: tuple[str, ...], stated_dpi: int, every: int) -> list[float]:
    """The ridge distance of each image by what is stated of it; 0 where none is found, or no finger."""
    found = []
    for name in sets:
        for path in sorted((IMAGES / name).glob("*.png"))[::every]:
            with Image.open(path) as image:
                seen = resampled(np.asarray(image.convert("L")), stated_dpi)
            apart_px = 0.0 if looks(seen).empty else ridge_distance_px(seen)
            found.append(apart_px * 25.4 / TRUE_DPI)
    return found


def main() -> None:
    """Counts and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    least, most = DEFAULT_LIMITS.least_ridge_mm, DEFAULT_LIMITS.most_ridge_mm
    for title, sets in (("chosen on", LARGE), ("new to it", FVC)):
        print(f"{title}: {' '.join(sets)}; {least} to {most} mm are believed")
        for stated_dpi in STATED_DPI:
            every = 1 if stated_dpi == TRUE_DPI else given.every
            found = np.array(distances_mm(sets, stated_dpi, every))
            told = found[found > 0]
            doubted = int(np.count_nonzero((told < least) | (told > most)))
            spread = " ".join(f"{value:.3f}" for value in np.quantile(told, QUANTILES)) if len(told) else "none"
            print(
                f"  stated {stated_dpi:4}: {doubted} of {len(found)} doubted ({doubted / len(found):.2%}),"
                f" {len(found) - len(told)} without a distance; mm at {QUANTILES}: {spread}",
                flush=True,
            )


if __name__ == "__main__":
    main()
