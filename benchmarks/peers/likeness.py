"""Synthetic prints beside real ones, scored by us and by SourceAFIS: the tables of docs/explanation/synthesis.md.

    python -m benchmarks.peers.likeness [--sets fcj2020/fjfx:fjfx,...] [--times 3] [--out FOLDER/NAME] [--ours]

Each entry is a set and the setting laid beside it. Of fcj2020 and crossmatch the people of even number alone are taken:
the settings were fitted to the others. Without Java or Maven, or with --ours, our scores stand alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmarks.peers import sourceafis

from cccd_core.errors import CccdError, UnavailableError
from cccd_core.evaluation import plots
from cccd_core.evaluation.likeness import PERCENTILES, Likeness, Score, compare, counterpart, picture
from cccd_core.evaluation.samples import SampleSet, read_folder
from cccd_core.evaluation.scoring import PairScores, score_pairs
from cccd_core.matching import Matcher
from cccd_core.storage import whole_file
from cccd_core.synthesis import setting
from cccd_core.templates import save, write

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared"))
FINGERPRINTS = SHARED / "data" / "fingerprints"
SETS = "fcj2020/fjfx:fjfx,fcj2020/mindtct:mindtct"
HALVED = ("fcj2020", "crossmatch")
US, PEER = "cccd", "SourceAFIS"
SEED = 2026


def half(samples: SampleSet, rest: int) -> SampleSet:
    """Of people whose number divided by two leaves `rest`."""
    kept = tuple(s for s in samples.samples if int(s.finger.split("-")[0]) % 2 == rest)
    return SampleSet(samples.path, kept)


def ours(threads: int | None = None) -> Score:
    """Our matcher, with its shipped calibration."""
    matcher = Matcher()
    return lambda samples: score_pairs(samples, matcher, threads=threads)[0]


def scored_by(peer: sourceafis.SourceAfis) -> Score:
    """SourceAFIS, of every pair."""

    def score(samples: SampleSet) -> PairScores:
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number, sample in enumerate(samples.samples):
                if sample.template is not None:
                    path = Path(folder) / f"{number}.fmr"
                    save(write(sample.template, "iso-2005"), path)
                    files.append((sample.finger, sample.name, path))
            peer.load(files)
            return peer.pair_scores(peer.score()[0])

    return score


def main() -> int:
    """Runs the comparison and prints it."""
    options = _options()
    if not FINGERPRINTS.is_dir():
        print(f"no fingerprints: {FINGERPRINTS} is not there", file=sys.stderr)
        return 1
    try:
        if options.ours:
            _run(options, {US: ours()})
        else:
            with sourceafis.SourceAfis() as peer:
                _run(options, {US: ours(), PEER: scored_by(peer)})
    except UnavailableError as error:
        print(f"no comparison with SourceAFIS: {error}", file=sys.stderr)
        return 1
    except CccdError as error:
        print(f"the comparison failed: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace, matchers: dict[str, Score]) -> None:
    record = {}
    for entry in options.sets.split(","):
        name, _, used = entry.partition(":")
        real = read_folder(FINGERPRINTS / name)
        if name.startswith(HALVED):
            real = half(real, 0)
        drawn = [counterpart(real, setting(used), SEED + k) for k in range(options.times)]
        likeness = compare(real, drawn, matchers)
        print(f"\n### {name}, setting `{used}`\n\n{table(likeness)}", flush=True)
        record[entry] = likeness.as_dict()
        if options.out:
            plots.save(picture(likeness), options.out.with_name(f"{options.out.name}-{name.replace('/', '-')}.png"))
    if options.out:
        whole_file.write(options.out.with_suffix(".json"), (json.dumps(record, indent=1) + "\n").encode())


def table(likeness: Likeness) -> str:
    """Markdown: the quantiles of both sides, and how far they lie apart in hundredths of the real range."""
    lines = ["| measure | side | n | " + " | ".join(f"{p} %" for p in PERCENTILES) + " | gap |"]
    lines.append("|---" * (len(PERCENTILES) + 4) + "|")
    for measure in likeness.measures:
        gap = f"{100 * np.abs(measure.gaps()).max():.0f}"
        for side, values, quantiles in zip(
            ("real", "synthetic"), (measure.real, measure.synthetic), measure.quantiles(), strict=True
        ):
            row = " | ".join(f"{value:.3g}" for value in quantiles)
            lines.append(f"| {measure.name} | {side} | {len(values)} | {row} | {gap if side == 'synthetic' else ''} |")
    lines += ["", "| impostor score that one pair in so many reaches | real | synthetic |", "|---|---|---|"]
    for measure in likeness.measures:
        for share, real, synthetic in measure.tails():
            lines.append(f"| {measure.name}, {1 / share:,.0f} | {real:.1f} | {synthetic:.1f} |")
    if likeness.separations:
        lines += ["", "| d' | side | one finger | together | times |", "|---|---|---|---|---|"]
        for one in likeness.separations:
            figures = f"{one.one:.2f} | {one.together:.2f} ({one.fingers}) | {one.together / one.one:.2f}"
            lines.append(f"| {one.matcher} | {one.side} | {figures} |")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=SETS, help="set:setting, divided by commas")
    parser.add_argument("--out", type=Path, help="beginning of the names of the pictures and of the result file")
    parser.add_argument("--times", type=int, default=3, help="as many synthetic sets are drawn together")
    parser.add_argument("--ours", action="store_true", help="our matcher alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
