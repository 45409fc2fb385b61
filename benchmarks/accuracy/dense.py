"""Whether a score says its FMR of fingers of few and of many minutiae alike: half a minute.

    python -m benchmarks.accuracy.dense

Impostor pairs of real prints, and of synthetic ones of people that nothing was fitted on, both fingers with so many
minutiae: measured FMR over the FMR that the score states; 1 is exact. What fewer than 10 pairs should reach is left
out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cccd_core import templates
from cccd_core.matching import Matcher
from cccd_core.synthesis import tenprints
from cccd_core.templates import FingerTemplate

ROOT = Path(__file__).resolve().parents[2]
PRINTS = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared")) / "data" / "fingerprints"
COUNTS = ((0, 40), (40, 60), (60, 80), (80, 100), (100, 256))
SCORES = (10, 20, 30, 40)
FINGERS_MOST, PAIRS_MOST = 2500, 200_000
SYNTHETIC_PEOPLE, SEED = 900, 901


def rows(name: str, fingers: Sequence[FingerTemplate], owners: Sequence[str]) -> list[str]:
    """A line for each number of minutiae that enough of these have."""
    matcher, random, lines = Matcher(), np.random.default_rng(1), []
    counts, whose = np.array([finger.count for finger in fingers]), np.array(owners)
    for low, high in COUNTS:
        some = random.permutation(np.flatnonzero((counts >= low) & (counts < high)))[:FINGERS_MOST]
        pairs = np.stack(np.triu_indices(len(some), 1), axis=1)
        pairs = pairs[whose[some][pairs[:, 0]] != whose[some][pairs[:, 1]]]
        pairs = random.permutation(pairs)[:PAIRS_MOST]
        if len(pairs) < 1000:
            continue
        packed = matcher.gallery([fingers[one] for one in some])
        scores = matcher.pair_scores(packed, packed, pairs)
        cells = [
            f"{float((scores >= score).mean()) * 10 ** (score / 10):.2f}"
            if len(pairs) >= 10 * 10 ** (score / 10)
            else "–"
            for score in SCORES
        ]
        lines.append(f"| {name} | {low} to {high - 1} | {len(some)} | {len(pairs):,} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Prints the table."""
    print("| prints | minutiae | fingers | pairs | " + " | ".join(f"at {score}" for score in SCORES) + " |")
    print("|---|---|---|---|" + "---|" * len(SCORES))
    for name in ("fcj2020", "crossmatch"):
        for extractor in ("fjfx", "mindtct", "sourceafis"):
            files = sorted((PRINTS / name / extractor).glob("*.fmr"))
            seen = [templates.load(path).view for path in files]
            print("\n".join(rows(f"{name}, {extractor}", seen, [path.stem.rsplit("_", 1)[0] for path in files])))
    made = list(tenprints(SEED, np.arange(SYNTHETIC_PEOPLE)))
    fingers = [hand[position] for hand in made for position in sorted(hand)]
    people = [str(number) for number, hand in enumerate(made) for _ in hand]
    print("\n".join(rows("synthetic", fingers, people)))


if __name__ == "__main__":
    main()
