"""Fits the score calibration of the shipped matcher parameters anew: `make calibrate`.

    python -m scripts.calibrate_matching [--sets NAME,...] [--extractors NAME,...] [--threads N] [--check]

Scores every impostor pair of the sets under ../shared/data/fingerprints (CCCD_SHARED names another place) with the
default parameters, fits the map, and writes calibration.json into src/cccd_core/matching/data and, fitted without
fcj2020, fusion.json into src/cccd_core/evaluation/data. Run it whenever the matcher or its parameters change: a test
fails until it was. Prints, for each set, the measured FMR at scores 20, 30 and 40 when that set is left out.
`--check` prints alone and writes nothing. The extractor `ours` is our own, not among the defaults (docs/explanation/
calibration.md says why): its templates are made from ../shared/data/images and kept (`--extracted DIR`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.accuracy import extracted, measure
from benchmarks.accuracy.targets import FVC, HANDED_OUT, LARGE

from cccd_core.errors import CccdError
from cccd_core.evaluation import finger_fusion
from cccd_core.evaluation.calibrating import RawSet, fit, fit_fusion, raw_check, raw_pairs
from cccd_core.evaluation.left_out import Check, leave_one_set_out
from cccd_core.evaluation.samples import read_folder
from cccd_core.matching import Matcher
from cccd_core.matching import calibration as calibrations
from cccd_core.matching.calibration import Calibration
from cccd_core.storage import whole_file

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "cccd_core"
NOT_FOR_FUSION = "fcj2020"  # fusion is reported on this set, so it is fitted without it


def raw_matcher() -> Matcher:
    """The default matcher, giving its raw scores."""
    return Matcher(calibration=Calibration.identity())


def scored(folders: list[Path], threads: int | None) -> Iterator[RawSet]:
    """Raw scores of every folder."""
    matcher = raw_matcher()
    for folder in folders:
        found = raw_pairs(read_folder(folder), matcher, threads=threads)
        raw = found.of_set(folder.parent.name, folder.name)
        speed = f"{found.timing.impostor_pairs_per_second():>9,.0f}/s"
        print(
            f"{raw.name:28} {len(raw.genuine):>6,} genuine, {len(raw.impostor):>9,} impostor pairs, {speed}", flush=True
        )
        yield raw


def report(checks: list[Check]) -> str:
    """The table of the check: measured over stated FMR, with its 95 % bounds by draws of fingers."""
    lines = ["left out, measured/stated FMR      pairs   score 20              score 30              score 40"]
    for row in checks:
        cells = []
        for score in (20, 30, 40):
            low, high = row.bounds[score]
            cells.append(f"{row.ratio(score):5.2f} ({low:5.2f}-{high:6.2f})")
        lines.append(f"{row.set_name + '/' + row.extractor:26} {row.pairs:>10,}   " + "   ".join(cells))
    return "\n".join(lines)


def main() -> int:
    """Fits, checks, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default=",".join((*LARGE, *FVC)), help="these sets, divided by commas")
    parser.add_argument("--extractors", default=",".join(HANDED_OUT), help="these extractors, divided by commas")
    parser.add_argument("--extracted", type=Path, default=extracted.KEPT)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    sets, extractors = options.sets.split(","), options.extractors.split(",")
    roots = extracted.roots(sets, extractors, options.extracted)
    folders = sorted(measure.folders(roots, sets, extractors), key=lambda folder: folder.parts[-2:])
    if not folders:
        print(f"no fingerprints under {extracted.FINGERPRINTS}", file=sys.stderr)
        return 1
    try:
        parts = list(scored(folders, options.threads))
        digest = raw_matcher().parameters.digest
        calibration, tail = fit(parts, digest)
        calibration = replace(calibration, raw_check=raw_check(raw_matcher()))
        print(
            f"{calibration.impostor_pairs:,} pairs; tail over {tail.excesses:,}: shape {tail.shape:.3f}, "
            f"scale {tail.scale:.4g}; extrapolation above {calibration.extrapolated_from}; "
            f"levelling {calibration.levelling}"
        )
        if len({part.set_name for part in parts}) > 1:
            print(report(leave_one_set_out(parts, digest)))
        fusion = fit_fusion([part for part in parts if part.set_name != NOT_FOR_FUSION], calibration)
        print(f"fusion: {fusion.genuine_pairs:,} genuine pairs, ratios {fusion.ratio_knots[0]:.1f} .. in nats")
        if not options.check:
            shipped = {
                SOURCE / "matching" / calibrations.SHIPPED: calibration,
                SOURCE / "evaluation" / finger_fusion.SHIPPED: fusion,
            }
            for path, fitted in shipped.items():
                whole_file.write(path, (json.dumps(fitted.as_dict(), indent=1) + "\n").encode())
                print(f"written: {path.relative_to(ROOT)}")
    except CccdError as error:
        print(f"calibration failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
