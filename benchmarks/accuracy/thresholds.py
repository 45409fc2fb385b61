"""Which threshold for one against one: the tables of docs/how-to/choose-a-threshold.md.

    python -m benchmarks.accuracy.thresholds

FNMR and measured FMR of one and of two fingers at the thresholds of round stated FMR, as `Matcher.score` and as
`issuance.holder.compare_holder` decide. No row is by weights that were trained on its set: the FVC sets by the shipped
parameters, crossmatch and fcj2020 by the same with weights and calibration from the FVC sets alone. FVC has no persons;
its two fingers are those of made-up ones, each finger with the next. Where a file of crossmatch or fcj2020 is not
there, the pair of fingers is left out; what failed to extract in FVC scores 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
from benchmarks.accuracy import extracted, measure
from benchmarks.accuracy.targets import EXTRACTORS, FVC, LARGE

from cccd_core import runtime
from cccd_core.dedup.judge.fusion import fuse_same_position
from cccd_core.evaluation.calibrating import fit
from cccd_core.evaluation.persons import person_scores
from cccd_core.evaluation.samples import read_folder
from cccd_core.evaluation.scoring import PairScores, score_pairs
from cccd_core.matching import Matcher, MatcherParameters

FMRS = (1e-3, 1e-4, 1e-5, 1e-6)
Scores = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Row:
    """Genuine and impostor scores of some sets, a list of arrays each: rates are means over the arrays."""

    extractor: str
    sets: str
    genuine: list[Scores]
    impostor: list[Scores]

    def rates(self, threshold: float) -> tuple[float, float]:
        """FNMR and FMR at a threshold."""
        missed = [float(np.mean(scores < threshold)) for scores in self.genuine]
        passed = [float(np.mean(scores >= threshold)) for scores in self.impostor]
        return sum(missed) / len(missed), sum(passed) / len(passed)


def fused(scores: Scores, present: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """As `compare_holder` fuses fingers whose positions are stated; -1 where one of them was not taken."""
    both = np.where(present, scores, np.nan).astype(np.float64)
    return np.where(present.all(axis=1), fuse_same_position(both)[0], -1.0).astype(np.float32)


def made_up_persons(scores: PairScores) -> PairScores:
    """Every two fingers after each other as those of one person."""
    names = []
    for name, finger in zip(scores.names, scores.finger_index.tolist(), strict=True):
        names.append(f"{finger // 2}-{finger % 2}_{name.rpartition('_')[2]}")
    return replace(scores, names=tuple(names))


def rows(of_set: dict[tuple[str, str], PairScores], *, persons: bool) -> Iterator[tuple[str, Row]]:
    """For each extractor: one finger by its score, one and two as the holder's."""
    for extractor in EXTRACTORS:
        found = {name: scores for (name, each), scores in of_set.items() if each == extractor}
        if not found:
            continue
        sets = ", ".join(found) if persons else f"mean of {len(found)} FVC sets"
        genuine, impostor = [s.genuine() for s in found.values()], [s.impostor() for s in found.values()]
        yield "one", Row(extractor, sets, genuine, impostor)
        alone = [[fused(s[:, None], np.ones((len(s), 1), bool)) for s in side] for side in (genuine, impostor)]
        yield "holder_one", Row(extractor, sets, *alone)
        sides: list[list[Scores]] = [[], []]
        for scores in found.values():
            named = scores if persons else made_up_persons(scores)
            codes = person_scores(named, fused).fingers
            twos = [person_scores(named, fused, two) for two in combinations(codes, 2)]
            for side, parts in zip(sides, ([two.genuine for two in twos], [two.impostor for two in twos]), strict=True):
                together = np.concatenate(parts)
                side.append(together[together >= 0.0])
        yield "holder_two", Row(extractor, sets, *sides)


def table(title: str, found: Sequence[Row]) -> Iterator[str]:
    """Markdown: FNMR and, in brackets, measured FMR at each stated FMR."""
    yield f"{title}:\n"
    heads = [f"{-10 * np.log10(fmr):.0f} (FMR {100 * fmr:g} %)" for fmr in FMRS]
    yield f"| templates | sets | pairs of one, of different persons | {' | '.join(heads)} |"
    yield f"|{'---|' * (3 + len(FMRS))}"
    for row in found:
        cells = []
        for fmr in FMRS:
            missed, passed = row.rates(-10.0 * float(np.log10(fmr)))
            cells.append(f"**{100 * missed:.2f}** ({100 * passed:.4f})")
        pairs = [sum(map(len, side)) for side in (row.genuine, row.impostor)]
        yield f"| {row.extractor} | {row.sets} | {pairs[0]:,} / {pairs[1]:,} | {' | '.join(cells)} |"
    yield ""


def quiet(done: int, total: int, what: str) -> None:
    """No progress."""


def main() -> None:
    """Measures and prints."""
    matcher, threads = Matcher(), runtime.threads()
    roots = extracted.prints((*FVC, *LARGE), threads=threads)
    shipped = {
        (folder.parent.name, folder.name): score_pairs(
            read_folder(folder, expect=measure.EXPECTED), matcher, threads=threads
        )[0]
        for folder in measure.folders(roots, FVC, EXTRACTORS)
    }
    turned: MatcherParameters = measure.trained(FVC)
    pairs = measure.raw(roots, turned, (*FVC, *LARGE), threads, quiet)
    fitted, _ = fit(measure.fitted_on(pairs, FVC), "")
    held_back = {name: found.calibrated(fitted) for name, found in pairs.items() if name[0] in LARGE}
    found: dict[str, list[Row]] = {}
    for kind, row in rows(shipped, persons=False):
        found.setdefault(kind, []).append(row)
    for name in LARGE:
        for kind, row in rows({key: each for key, each in held_back.items() if key[0] == name}, persons=True):
            found.setdefault(kind, []).append(row)
    print(f"shipped {matcher.manifest()}; held back: weights {turned.weights.digest}\n")
    for kind, title in (
        ("one", "One finger, by its score"),
        ("holder_one", "One finger, by `compare_holder`"),
        ("holder_two", "Two fingers of stated positions, by `compare_holder`"),
    ):
        print("\n".join(table(title, found[kind])))


if __name__ == "__main__":
    main()
