"""Person pairs of real prints: how far genuine and impostor fused scores lie apart, and whether the fused score holds
what it says. `python benchmarks/accuracy/dedup.py [--fingers 4] [--set fcj2020]`.

Every dossier is one impression of a person's fingers. All pairs of dossiers, compared by position as the search's first
pass does: genuine pairs are two impressions of one person, impostor pairs two people. "promised" is the number of
impostor pairs that the fused score allows to reach a level: it is a bound, so fewer are right, more are wrong.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from cccd_core.dedup import DedupParameters
from cccd_core.dedup.judge.fusion import fuse_same_position
from cccd_core.matching import Matcher
from cccd_core.templates import FingerTemplate, load

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared"))
LEVELS = (10, 20, 30)
Dossier = dict[str, FingerTemplate]  # finger code -> template


def dossiers(folder: Path, fingers: int) -> dict[tuple[str, str], Dossier]:
    """(person, impression) -> its first `fingers` fingers."""
    found: dict[tuple[str, str], Dossier] = defaultdict(dict)
    for path in sorted(folder.glob("*.fmr")):
        finger, impression = path.stem.split("_")
        person, code = finger.split("-")
        if len(found[person, impression]) < fingers:
            found[person, impression][code] = load(path).view
    return {key: value for key, value in found.items() if len(value) == fingers}


def fused(matcher: Matcher, one: list[Dossier], other: list[Dossier]) -> np.ndarray:
    """Fused scores of every dossier of `one` against every dossier of `other`."""
    limit = DedupParameters().finger_score_limit
    codes = sorted({code for dossier in one for code in dossier})
    scores = np.full((len(one), len(other), len(codes)), np.nan)
    for column, code in enumerate(codes):
        rows = [i for i, dossier in enumerate(other) if code in dossier]
        packed = matcher.gallery([other[i][code] for i in rows])
        for i, dossier in enumerate(one):
            if code in dossier:
                found = matcher.scores(matcher.prepare(dossier[code]), packed, threads=1)
                scores[i, rows, column] = np.minimum(found, limit)
    return np.array([fuse_same_position(row)[0] for row in scores])


def main() -> None:
    """Prints one line for each pair of extractors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fingers", type=int, default=4)
    parser.add_argument("--set", default="fcj2020")
    parser.add_argument("--extractors", nargs="*", default=["fjfx", "mindtct", "sourceafis", "fjfx:mindtct"])
    arguments = parser.parse_args()
    run(Matcher(), arguments.set, arguments.extractors, arguments.fingers)


def run(matcher: Matcher, dataset: str, extractors: list[str], fingers: int) -> None:
    """The table for these extractors; `a:b` holds probes of a against a gallery of b."""
    print(f"{dataset}, {fingers} fingers a person")
    print(
        "| probe:gallery | genuine pairs | worst | 1 % | impostor pairs | best | errors at any one threshold |", end=""
    )
    print("".join(f" reach {level}: found (promised) |" for level in LEVELS))
    print("|---|---|---|---|---|---|---|" + "---|" * len(LEVELS))
    for names in extractors:
        probe, gallery = (names.split(":") * 2)[:2]
        sides = [dossiers(SHARED / "data" / "fingerprints" / dataset / name, fingers) for name in (probe, gallery)]
        keys = [sorted(side) for side in sides]
        scores = fused(matcher, *[[side[key] for key in order] for side, order in zip(sides, keys, strict=True)])
        genuine, impostor = [], []
        for i, (person, impression) in enumerate(keys[0]):
            for j, (other, number) in enumerate(keys[1]):
                if (person, impression) < (other, number):  # each unordered pair once
                    (genuine if person == other else impostor).append(scores[i, j])
        g, n = np.sort(genuine), np.sort(impostor)
        errors = min(np.count_nonzero(g < t) + np.count_nonzero(n >= t) for t in np.append(g, np.inf))
        line = f"| {names} | {len(g)} | {g[0]:.1f} | {np.percentile(g, 1):.1f} | {len(n)} | {n[-1]:.1f} | {errors} |"
        for level in LEVELS:
            line += f" {np.count_nonzero(n >= level)} ({len(n) * 10 ** (-level / 10):.0f}) |"
        print(line, flush=True)


if __name__ == "__main__":
    main()
