"""How often wrong names are asked about, and right ones: the counts of docs/how-to/evaluate.md.

    python -m benchmarks.accuracy.labels

Every folder of ../shared/data/fingerprints is scored once and looked at as its files are called; then names are changed
at random, seeded, four times a large folder and twenty times a small one in each of four ways. The least score across
names was chosen on crossmatch and fcj2020; the FVC sets are new to it, and are counted apart.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cccd_core.evaluation.labels import LabelDoubt, label_findings
from cccd_core.evaluation.samples import SampleSet, of_templates, read_folder
from cccd_core.evaluation.scoring import PairScores, score_pairs
from cccd_core.matching import Matcher

SEED = 1
LARGE_FOLDER = 200
CHOSEN_ON = ("crossmatch", "fcj2020")
Names = list[tuple[str, str]]  # finger and impression
# way -> which samples stay, what they are called, what is to be found of which names
Changed = tuple[str, Sequence[int], Names, LabelDoubt, tuple[str, ...]]


@dataclass(slots=True)
class Counts:
    """What was counted of some folders; of each way to change names how often it was tried, found, and what else was
    asked."""

    folders: int = 0
    as_they_are: int = 0
    impostor_pairs: int = 0
    highest: float = 0.0
    tried: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    more: Counter[str] = field(default_factory=Counter)


def square(scores: PairScores) -> npt.NDArray[np.float32]:
    """The score of every two samples, float32[n, n]."""
    count = len(scores.names)
    full = np.zeros((count, count), np.float32)
    full[np.triu_indices(count, 1)] = scores.scores
    return full + full.T


def called(
    samples: SampleSet, full: npt.NDArray[np.float32], kept: Sequence[int], names: Names
) -> tuple[SampleSet, PairScores]:
    """These samples of a scored set under other names."""
    given = of_templates("", [(*name, samples.samples[k].template) for k, name in zip(kept, names, strict=True)])
    at = {f"{finger}_{impression}": k for k, (finger, impression) in zip(kept, names, strict=True)}
    order = [at[each.name] for each in given.samples]
    pairs = full[np.ix_(order, order)][np.triu_indices(len(order), 1)]
    return given, PairScores(tuple(each.name for each in given.samples), given.finger_index, pairs)


def changes(samples: SampleSet, rng: np.random.Generator) -> Iterator[Changed]:
    """Names changed in each way."""
    names: Names = [(each.finger, each.impression) for each in samples.samples]
    fingers = samples.fingers
    every = range(len(names))
    one, other = (fingers[k] for k in rng.choice(len(fingers), 2, replace=False).tolist())
    mine = [k for k in every if names[k][0] == one]
    half = {k: (f"{one}x", names[k][1]) for k in mine[len(mine) // 2 :]}
    split = [half.get(k, names[k]) for k in every]
    yield "a finger under two names", every, split, LabelDoubt.TWO_NAMES, tuple(sorted((one, f"{one}x")))
    moved = int(rng.choice(mine))
    yield (
        "an impression under another finger's name",
        every,
        [(other, "99") if k == moved else names[k] for k in every],
        LabelDoubt.MISFILED,
        (other, one),
    )
    merged = [(one, f"9{impression}") if finger == other else (finger, impression) for finger, impression in names]
    yield "two fingers under one name", every, merged, LabelDoubt.IN_PARTS, (one,)
    three = {fingers[k] for k in rng.choice(len(fingers), 3, replace=False).tolist()}
    rest = [k for k in every if names[k][0] not in three]
    alone = [int(rng.choice([k for k in every if names[k][0] == finger])) for finger in sorted(three)]
    mixed = [names[k] for k in rest] + [("mixed", str(k)) for k in range(len(alone))]
    yield "three fingers under one name", [*rest, *alone], mixed, LabelDoubt.NEVER_ALIKE, ("mixed",)


def main() -> None:
    """Counts and prints."""
    shared = Path(os.environ.get("CCCD_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
    rng, matcher = np.random.default_rng(SEED), Matcher()
    counts = {"chosen on": Counts(), "new to it": Counts()}
    folders = sorted(path for path in (shared / "data" / "fingerprints").glob("*/*") if path.is_dir())
    for folder in folders:
        samples = read_folder(folder)
        scores, _ = score_pairs(samples, matcher)
        group = counts["chosen on" if folder.parent.name in CHOSEN_ON else "new to it"]
        group.folders += 1
        impostors = np.concatenate([row[genuine:] for _, genuine, row in scores.rows()])
        group.impostor_pairs += impostors.size
        group.highest = max(group.highest, float(impostors.max()))
        as_they_are = label_findings(samples, scores)
        group.as_they_are += len(as_they_are)
        for finding in as_they_are:
            print(f"{folder}: {finding}")
        full = square(scores)
        for _ in range(4 if len(samples.samples) > LARGE_FOLDER else 20):
            for way, kept, names, doubt, whose in changes(samples, rng):
                asked = label_findings(*called(samples, full, kept, names))
                right = [each for each in asked if (each.doubt, each.names) == (doubt, whose)]
                group.tried[way] += 1
                group.found[way] += bool(right)
                group.more[way] += len(asked) - len(right)
    print(f"names changed, seed {SEED}")
    for title, each in counts.items():
        print(f"{title}: {each.folders} folders, {each.as_they_are} questions about them as they are;")
        print(f"  {each.impostor_pairs:,} impostor pairs, the highest {each.highest:.1f}")
        for way in each.tried:
            share = f"{each.found[way]} of {each.tried[way]} found ({each.found[way] / each.tried[way]:.0%})"
            print(f"  {way:44} {share}, {each.more[way]} other questions")


if __name__ == "__main__":
    main()
