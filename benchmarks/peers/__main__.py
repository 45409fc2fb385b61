"""Us and SourceAFIS on the same templates in one interleaved run: accuracy, pairs per second, ratio and its spread.

    python -m benchmarks.peers [--rounds 3] [--sets crossmatch,fcj2020,...] [--extractor fjfx] [--out FILE.json]

Both read the same files, prepare each probe once, score each unordered pair once on one thread; preparation is outside
both clocks. Rounds alternate (SourceAFIS, we, SourceAFIS, we, ...) so that both meet the same load of the machine; the
first round of each warms up (JIT of both) and is not counted. The counts of pairs of both must be equal.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peers import sourceafis

from cccd_core.errors import CccdError, UnavailableError
from cccd_core.evaluation.rates import error_rates, rates_as_dict
from cccd_core.evaluation.samples import Expectation, SampleSet, read_folder
from cccd_core.evaluation.scoring import Timing, score_pairs
from cccd_core.matching import Matcher
from cccd_core.storage import whole_file

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared"))
SETS = (
    "fvc2000_DB1_B", "fvc2002_DB1_B", "fvc2002_DB3_B", "fvc2004_DB2_B", "fvc2004_DB4_B", "crossmatch", "fcj2020",
)  # fmt: skip
FVC = Expectation.parse("101-110:1-8")
US, PEER = "cccd_core", f"SourceAFIS {sourceafis.VERSION}"


def main() -> int:
    """Runs the comparison and prints it."""
    options = _options()
    folder = SHARED / "data" / "fingerprints"
    if not folder.is_dir():
        print(f"no fingerprints: {folder} is not there", file=sys.stderr)
        return 1
    try:
        with sourceafis.SourceAfis() as peer:
            rows = [
                compare(folder / name / options.extractor, peer, options.rounds)
                for name in options.sets.split(",")
                if (folder / name / options.extractor).is_dir()
            ]
    except UnavailableError as error:
        print(f"no comparison with SourceAFIS: {error}", file=sys.stderr)
        return 0 if options.optional else 1
    except CccdError as error:
        print(f"the comparison failed: {error}", file=sys.stderr)
        return 1
    record = {
        "manifest": {**Matcher().manifest(), "threads": 1},
        "machine": machine(),
        "peer": PEER,
        "rounds": options.rounds,
        "sets": rows,
    }
    whole_file.write(options.out, (json.dumps(record, indent=1) + "\n").encode(), folders=True)
    print(table(record))
    print(f"\nwritten to {options.out}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds of each, after one to warm up")
    parser.add_argument("--sets", default=",".join(SETS), help="names of sets, divided by commas")
    parser.add_argument("--extractor", default="fjfx", help="whose templates")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "peers.json", help="the figures as JSON")
    parser.add_argument("--optional", action="store_true", help="a machine without Java or Maven is no failure")
    return parser.parse_args()


def compare(folder: Path, peer: sourceafis.SourceAfis, rounds: int) -> dict[str, Any]:
    """One set: rounds of both in turn, rates of both, every round's pairs per second."""
    samples = read_folder(folder, expect=FVC if folder.parent.name.startswith("fvc") else None)
    files = {file.stem: file for file in folder.iterdir()}
    peer.load([(s.finger, s.name, files[s.name]) for s in samples.samples if s.template is not None])
    matcher = Matcher()
    theirs, ours = peer.score(), score_pairs(samples, matcher, threads=1)
    first = ours[0].scores
    timings: dict[str, list[Timing]] = {US: [], PEER: []}
    for _ in range(rounds):
        theirs = peer.score()
        timings[PEER].append(theirs[1])
        ours = score_pairs(samples, matcher, threads=1)
        timings[US].append(ours[1])
        if not np.array_equal(ours[0].scores, first):
            raise CccdError("two rounds gave different scores", set=folder.parent.name)
    if any(
        (a.genuine_pairs, a.impostor_pairs) != (b.genuine_pairs, b.impostor_pairs)
        for a, b in zip(timings[US], timings[PEER], strict=True)
    ):
        raise CccdError("the two did not score the same pairs", set=folder.parent.name)
    scored = peer.pair_scores(theirs[0])
    rates = {
        US: error_rates(ours[0].genuine(), ours[0].impostor()),
        PEER: error_rates(*with_failed(samples, scored.genuine(), scored.impostor())),
    }
    found = [sample.template.count for sample in samples.samples if sample.template is not None]
    return {
        "set": folder.parent.name,
        "extractor": folder.name,
        "median_minutiae": statistics.median(found),
        "genuine_pairs": rates[US].genuine_pairs,
        "impostor_pairs": rates[US].impostor_pairs,
        "matchers": {
            name: {
                **rates_as_dict(rates[name]),
                "impostor_pairs_per_second": [timing.impostor_pairs_per_second() for timing in timings[name]],
                "genuine_pairs_per_second": [timing.genuine_pairs_per_second() for timing in timings[name]],
                "prepare_us": [1e6 * timing.prepare_s / timing.templates for timing in timings[name]],
            }
            for name in (US, PEER)
        },
    }


def with_failed(
    samples: SampleSet, genuine: np.ndarray[Any, Any], impostor: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Adds the pairs of failed samples, which score 0."""
    each = np.bincount(samples.finger_index)
    all_pairs = len(samples.samples) * (len(samples.samples) - 1) // 2
    genuine_pairs = int((each * (each - 1) // 2).sum())
    return (
        np.concatenate([genuine, np.zeros(genuine_pairs - len(genuine))]),
        np.concatenate([impostor, np.zeros(all_pairs - genuine_pairs - len(impostor))]),
    )


def machine() -> dict[str, Any]:
    """What ran it."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}


def table(record: dict[str, Any]) -> str:
    """The figures as a Markdown table: rates in percent, medians of the rounds, ratio with its lowest and highest."""
    columns = (
        "set", "minutiae", "EER, we / SourceAFIS", "FNMR at FMR 0.1 %", "FNMR at FMR 0.01 %",
        "impostor pairs/s, we / SourceAFIS", "ratio (lowest-highest)", "genuine pairs/s, we / SourceAFIS", "ratio",
    )  # fmt: skip
    lines = [
        f"{record['machine']['cpu']}, one thread each, {record['rounds']} interleaved rounds, {PEER}.",
        "",
        "| " + " | ".join(columns) + " |",
        "|---" * len(columns) + "|",
    ]
    for row in record["sets"]:
        ours, theirs = row["matchers"][US], row["matchers"][PEER]
        impostor, low, middle, high = _speeds(ours, theirs, "impostor_pairs_per_second")
        genuine, _, genuine_middle, _ = _speeds(ours, theirs, "genuine_pairs_per_second")
        cells = [
            f"{row['set']}/{row['extractor']}",
            f"{row['median_minutiae']:g}",
            _percents(ours["eer"], theirs["eer"]),
            _percents(ours["fnmr_at_fmr"]["0.001"], theirs["fnmr_at_fmr"]["0.001"]),
            _percents(ours["fnmr_at_fmr"]["0.0001"], theirs["fnmr_at_fmr"]["0.0001"])
            if row["impostor_pairs"] >= 10_000
            else "–",
            impostor,
            f"{middle:.1f} ({low:.1f}-{high:.1f})",
            genuine,
            f"{genuine_middle:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _percents(ours: float, theirs: float) -> str:
    return f"{100 * ours:.2f} / {100 * theirs:.2f}"


def _speeds(ours: dict[str, Any], theirs: dict[str, Any], key: str) -> tuple[str, float, float, float]:
    """Medians of the rounds as text; lowest, median and highest ratio of a round."""
    text = f"{statistics.median(ours[key]):,.0f} / {statistics.median(theirs[key]):,.0f}"
    ratios = [a / b for a, b in zip(ours[key], theirs[key], strict=True)]
    return text, min(ratios), statistics.median(ratios), max(ratios)


if __name__ == "__main__":
    sys.exit(main())
