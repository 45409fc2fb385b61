"""Measures everything that docs/accuracy.md says, and writes it, its pictures and its figures.

python -m benchmarks.accuracy [--threads N] [--sets NAME,...] [--extracted DIR] [--out docs/accuracy.md]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.accuracy import exits, extracted, measure, mixed, report
from benchmarks.accuracy.targets import FVC, LARGE

from cccd_core import runtime
from cccd_core.cli.progress import progress
from cccd_core.matching import Matcher
from cccd_core.storage import whole_file

ROOT = Path(__file__).resolve().parent.parent.parent
HONESTY = (
    "Every row is by weights that were not trained on its sets. The shipped weights were trained on {sets}; the FVC "
    "rows and the interoperability table are theirs. The rows of crossmatch and fcj2020, and the table of several "
    "fingers, are by the same parameters with weights trained by the same script on the FVC sets alone. The "
    "parameters that are not learned, tolerances and sizes, were chosen while looking at figures of all these sets: "
    "held-back sets are the judge of those."
)
ROTATED = (
    "The large sets again, with weights and calibration from the FVC sets alone, percent (the tables above have the "
    "shipped weights, which were trained on these two sets):"
)


def main() -> int:
    """Measures and writes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=runtime.threads())
    parser.add_argument("--sets", default=",".join((*FVC, *LARGE)), help="these sets alone, divided by commas")
    parser.add_argument(
        "--extracted", type=Path, default=extracted.KEPT, help="templates of our own extraction are made and kept here"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "accuracy.md")
    options = parser.parse_args()
    for folder in (extracted.FINGERPRINTS, extracted.IMAGES):
        if not folder.is_dir():
            print(f"no fingerprints: {folder} is not there", file=sys.stderr)
            return 1
    page: Path = options.out
    pictures = page.with_suffix("")
    sets = options.sets.split(",")
    roots = extracted.prints(sets, options.extracted, options.threads)
    matcher = Matcher()
    with progress("accuracy") as step:
        found = measure.results(roots, matcher, sets, options.threads, step)
        pairs = measure.raw(roots, matcher.parameters, sets, options.threads, step)
        slow = measure.raw(roots, exits.without_exits(matcher.parameters), sets, options.threads, step)
        small = [name for name in sets if name in FVC]
        turned = measure.raw(roots, measure.trained(small), sets, options.threads, step)
        record: dict[str, Any] = {
            "manifest": {**matcher.manifest(), "threads": options.threads},
            "honesty": HONESTY.format(sets=", ".join(matcher.parameters.weights.sets)),
            "rotated": {"what": ROTATED, "sets": measure.rotated(turned)},
            "sets": [measure.entry(result) for result in found],
            "calibration": measure.calibration(pairs, pictures),
            "mixed": mixed.learned(roots, pairs, options.extracted, options.threads, step),
            "fusion": measure.fusion(turned, pictures),
            "exits": exits.changed(pairs, slow, matcher.calibration),
            "interoperability": measure.interoperability(roots, matcher, options.threads, step),
        }
    measure.draw_curves(found, pictures)
    whole_file.write(pictures / "figures.json", (json.dumps(record, indent=1) + "\n").encode(), folders=True)
    whole_file.write(page, report.write(record, pictures.name).encode())
    print(f"written: {page}, {pictures}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
