"""Whether a score says its FMR of fingers of few and of many minutiae alike: five minutes.

    python -m benchmarks.accuracy.dense

Impostor pairs of real prints, and of synthetic ones of people that nothing was fitted on, both fingers with so many
minutiae: measured FMR over the FMR that the score states; 1 is exact. What fewer than 10 pairs should reach is left
out. Then the same of whole synthetic people, ten fingers fused as the deduplication fuses them (a bound, so 1 or less),
by how many minutiae theirs have in the mean: such pairs are what a join of a nation meets, and where many fingers score
too much at once it calls strangers one person.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cccd_core import templates
from cccd_core.dedup.judge.fusion import fuse_same_position
from cccd_core.matching import Matcher
from cccd_core.synthesis import tenprints
from cccd_core.templates import FingerTemplate

ROOT = Path(__file__).resolve().parents[2]
PRINTS = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared")) / "data" / "fingerprints"
COUNTS = ((0, 40), (40, 60), (60, 80), (80, 100), (100, 256))
SCORES = (10, 20, 30, 40)
FINGERS_MOST, PAIRS_MOST = 2500, 200_000
SYNTHETIC_PEOPLE, SEED = 900, 901
WHOLE_PEOPLE, WHOLE_SEED = 100_000, 902
MEANS = ((0, 40), (40, 60), (60, 80), (80, 256))
FUSED_SCORES = (10, 20, 30, 40, 50)


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
        lines.append(f"| {name} | {low} to {high - 1} | {len(some)} | {len(pairs):,} | {cells(scores, SCORES)} |")
    return lines


def cells(reached: npt.NDArray[np.floating[Any]], scores: Sequence[int]) -> str:
    """Measured over stated FMR at each of `scores`."""
    return " | ".join(
        f"{float((reached >= score).mean()) * 10 ** (score / 10):.2f}"
        if len(reached) >= 10 * 10 ** (score / 10)
        else "–"
        for score in scores
    )


def whole(low: int, high: int) -> str:
    """The line of people whose fingers have so many minutiae in the mean."""
    matcher, random = Matcher(), np.random.default_rng(1)
    some: list[list[FingerTemplate]] = []
    for hand in tenprints(WHOLE_SEED, np.arange(WHOLE_PEOPLE)):
        fingers = [hand[position] for position in sorted(hand)]
        if len(fingers) == 10 and low <= np.mean([finger.count for finger in fingers]) < high:
            some.append(fingers)
        if len(some) == FINGERS_MOST:
            break
    pairs = random.permutation(np.stack(np.triu_indices(len(some), 1), axis=1))[:PAIRS_MOST]
    scores = np.empty((len(pairs), 10))
    for place in range(10):
        packed = matcher.gallery([fingers[place] for fingers in some])
        scores[:, place] = matcher.pair_scores(packed, packed, pairs)
    return (
        f"| {low} to {high - 1} | {len(some)} | {len(pairs):,} | {cells(fuse_same_position(scores)[0], FUSED_SCORES)} |"
    )


def main() -> None:
    """Prints both tables."""
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
    print(
        "\n| synthetic people, minutiae a finger | people | pairs | "
        + " | ".join(f"at {s}" for s in FUSED_SCORES)
        + " |"
    )
    print("|---|---|---|" + "---|" * len(FUSED_SCORES))
    for low, high in MEANS:
        print(whole(low, high), flush=True)


if __name__ == "__main__":
    main()
