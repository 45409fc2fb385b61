"""Templates of our own extraction from the images of ../shared/data/images, made once and kept beside each other as
the other extractors' are: `<set>/ours/<finger>_<impression>.fmr`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from cccd_core.errors import FormatError
from cccd_core.extraction import ExtractionParameters, Extractor
from cccd_core.storage import whole_file
from cccd_core.templates import write

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared")) / "data"
FINGERPRINTS, IMAGES = DATA / "fingerprints", DATA / "images"
KEPT = ROOT / "out" / "extracted"  # git ignores it
OURS = "ours"


def prints(sets: Sequence[str], kept: Path = KEPT, threads: int = 1) -> tuple[Path, Path]:
    """Where templates lie, `<set>/<extractor>` in each: those of other extractors, and our own of these sets.

    Our own are made where they are not in `kept` yet (a fifth of a second an image), in a folder with the digest of the
    extraction's parameters: of others none are taken. An image without a finger leaves an empty file, which counts as
    a failed extraction. UnavailableError without the extra that brings the extractor.
    """
    ours = kept / ExtractionParameters().digest
    missing = [
        (image, ours / name / OURS / f"{image.stem}.fmr")
        for name in sets
        for image in sorted((IMAGES / name).glob("*.png"))
    ]
    missing = [(image, out) for image, out in missing if not out.exists()]
    if missing:
        print(f"extracting from {len(missing):,} images into {ours}", file=sys.stderr)
        extractor = Extractor()

        def make(image_out: tuple[Path, Path]) -> None:
            image, out = image_out
            whole_file.write(out, _template(extractor, image), folders=True)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(make, missing))
    return FINGERPRINTS, ours


def roots(sets: Sequence[str], extractors: Sequence[str], kept: Path = KEPT, threads: int = 1) -> tuple[Path, ...]:
    """Where templates of these extractors lie: `prints`, and without OURS among them nothing is extracted."""
    return prints(sets, kept, threads) if OURS in extractors else (FINGERPRINTS,)


def _template(extractor: Extractor, path: Path) -> bytes:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    try:
        return write(extractor.extract(pixels, 500).template, "iso-2005")
    except FormatError:
        return b""
