"""How well finger codes tell fingers and people apart, by models that were not trained on the set: minutes.

    python -m benchmarks.accuracy.codes [--models DIR] [--out FILE] [--write] [--extract]

For fcj2020, for crossmatch and for the FVC sets together a model is trained without them (`scripts/train_codes.py`;
kept in DIR, where it is taken from if it is there). Genuine pairs: all pairs of impressions; impostor pairs: all pairs
of different fingers or people. People are the four fingers of an impression of fcj2020. A cohort is the other half of
the people. Beyond four fingers there are no real people to measure: those of five to ten are synthetic, of another seed
than the fingers that were trained on, and are named so. `--extract` adds the templates that this library extracts from
the images of fcj2020. `--write` puts what was measured into src/cccd_core/dedup/codes/data/screening.json, for the
shipped coder.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cccd_core import plain, templates
from cccd_core.dedup.codes import FingerCoder, sift
from cccd_core.dedup.codes.coder import BITS, COARSE
from cccd_core.dedup.codes.model import CodeModel
from cccd_core.dedup.codes.screen import COHORT_MOST, FINGERS, SKETCH, Loss, Measured, People, Screen, numbers
from cccd_core.extraction import Extractor
from cccd_core.synthesis import tenprints

ROOT = Path(__file__).resolve().parents[2]
PRINTS = Path(os.environ.get("CCCD_SHARED", ROOT.parent / "shared")) / "data" / "fingerprints"
TRAINING = ROOT / "scripts" / "train_codes.py"
SHIPPED = ROOT / "src/cccd_core/dedup/codes/data/screening.json"
FVC = tuple(sorted(path.name for path in PRINTS.glob("fvc*") if (path / "fjfx").is_dir()))
ROTATION = {"fcj2020": ("fcj2020",), "crossmatch": ("crossmatch",), "fvc": FVC}
EXTRACTORS = ("fjfx", "mindtct", "sourceafis", "secugen")
KEEPS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
ORDER = (1, 6, 2, 7, 0, 5, 3, 8, 4, 9)  # places of ten fingers, those that are taken first in front
STRANGERS, SEED = 3000, 20261201  # synthetic people, of another seed than those trained on
OWN = "our own"  # extracted from the images; never trained on
SYNTHETIC = "synthetic"  # set and extractor of people who are none
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Set:
    """One set and extractor: everyone's impressions, as people of as many fingers as the set has a person.

    `owner` int64[people]: whose they are; `people`: their codes."""

    name: str
    extractor: str
    owner: NDArray[np.int64]
    people: People

    def fingers(self, chosen: tuple[int, ...]) -> Set:
        """With these fingers alone; who lacks one is left out."""
        word = np.uint16(sum(1 << finger for finger in chosen))
        keep = np.flatnonzero((self.people.present & word) == word)
        kept = self.people.take(keep)
        columns = {name: codes.copy() for name, codes in kept.columns.items()}
        for codes in columns.values():
            codes[:, [finger for finger in range(FINGERS) if finger not in chosen]] = 0
        present = np.full(len(keep), word, np.uint16)
        return Set(self.name, self.extractor, self.owner[keep], People(columns, present))


def load(name: str, extractor: str, coder: FingerCoder, *, whole: bool) -> Set:
    """A folder; `whole`: a person's fingers together, else every finger is a person of its own."""
    if extractor == OWN:
        files = sorted((PRINTS.parent / "images" / name).glob("*.png"))
        own = Extractor()
        seen = [own.extract(np.array(Image.open(path).convert("L")), 500.0).template for path in files]
    else:
        files = sorted((PRINTS / name / extractor).glob("*.fmr"))
        seen = [templates.load(path).view for path in files]
    codes = coder.encode(seen)
    labels = [path.stem.rsplit("_", 1) for path in files]
    hands: dict[tuple[str, str], dict[str, int]] = {}
    for index, (finger, impression) in enumerate(labels):
        person, _, which = finger.rpartition("-") if whole else (finger, "", "1")
        hands.setdefault((person, impression), {})[which] = index
    names = sorted({person for person, _ in hands})
    places = {which: place for place, which in enumerate(sorted({which for hand in hands.values() for which in hand}))}
    columns = {key: np.zeros((len(hands), FINGERS, value.shape[1]), np.uint8) for key, value in codes.items()}
    present = np.zeros(len(hands), np.uint16)
    for row, hand in enumerate(hands.values()):
        for which, index in hand.items():
            present[row] |= 1 << places[which]
            for key, value in codes.items():
                columns[key][row, places[which]] = value[index]
    owner = np.array([names.index(person) for person, _ in hands], np.int64)
    return Set(name, extractor, owner, People(columns, present))


def raw(of: Set, column: str) -> tuple[Floats, Floats]:
    """Values of genuine and impostor pairs, without a cohort: the sum of products over the fingers."""
    seen = numbers(column, of.people.rows(column))
    if column == BITS:  # what is absent has no signs
        there = of.people.present[:, None] >> np.arange(FINGERS, dtype=np.uint16) & 1
        seen *= np.repeat(there, seen.shape[1] // FINGERS, axis=1)
    value = seen @ seen.T
    first, second = np.triu_indices(len(value), 1)
    same = of.owner[first] == of.owner[second]
    return value[first[same], second[same]].astype(float), value[first[~same], second[~same]].astype(float)


COLUMNS = (BITS, SKETCH, COARSE)
Scores = dict[str, Floats]  # by column


def scored(of: Set) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Scores]]:
    """Probe, row and scores of every pair, each half of the people with the other as cohort."""
    open_wide = Measured("", (0.5, 0.1), {BITS: ((0.0, 1.0),), COARSE: ((0.0, 1.0),)}, ())
    for half in range(2):
        probes, cohort = (np.flatnonzero(of.owner % 2 == (half + turn) % 2) for turn in range(2))
        if not len(probes) or not len(cohort):
            continue
        screen = Screen(of.people.take(cohort), open_wide)
        searching = of.people.take(probes)
        found = [screen.scan(searching, of.people, keep=1.0, column=column) for column in COLUMNS]
        probe, row, _ = found[0]
        if not all(np.array_equal(probe, again) and np.array_equal(row, other) for again, other, _ in found):
            raise AssertionError("the columns met other pairs")
        kept = probes[probe] != row
        scores = {column: score[kept] for column, (_, _, score) in zip(COLUMNS, found, strict=True)}
        yield probes[probe[kept]], row[kept], scores


def pairs(of: Set, count: int) -> tuple[NDArray[np.int64], Scores, Scores]:
    """Of all choices of so many fingers: whose the genuine pairs are, their scores, and those of impostors."""
    every = int(np.bitwise_or.reduce(of.people.present))
    fingers = [finger for finger in range(FINGERS) if every >> finger & 1]
    whose, genuine, impostor = [], [], []
    for chosen in combinations(fingers, count):
        some = of.fingers(chosen)
        for probe, row, scores in scored(some):
            same = some.owner[probe] == some.owner[row]
            whose.append(some.owner[probe[same]])
            genuine.append({column: values[same] for column, values in scores.items()})
            impostor.append({column: values[~same] for column, values in scores.items()})

    def together(parts: list[Scores]) -> Scores:
        return {column: np.concatenate([part[column] for part in parts]) for column in COLUMNS}

    return np.concatenate(whose), together(genuine), together(impostor)


def eer(genuine: Floats, impostor: Floats) -> float:
    """Where as many genuine pairs lie below as impostors not below."""
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    below = np.searchsorted(genuine, genuine) / len(genuine)
    above = 1 - np.searchsorted(impostor, genuine) / len(impostor)
    place = int(np.argmin(np.abs(below - above)))
    return float(below[place] + above[place]) / 2


def penetration(genuine: Floats, impostor: Floats, miss: float) -> float:
    """Share of impostors that are left where this share of mates is lost."""
    return float((impostor >= np.sort(genuine)[int(miss * len(genuine))]).mean())


def most(whose: NDArray[np.int64], lost: NDArray[np.bool_]) -> float:
    """Upper end of a one-sided 95 % interval of the share lost: people are drawn anew, since a person's pairs go
    together, and one pair more counts as lost than there was, so that nothing lost is no proof of nothing to lose."""
    _, of = np.unique(whose, return_inverse=True)
    mates, missed = np.bincount(of).astype(float), np.bincount(of, weights=lost)
    missed[int(np.argmax(missed))] += 1
    drawn = np.random.default_rng(1).multinomial(len(mates), np.full(len(mates), 1 / len(mates)), 2000)
    return min(1.0, float(np.quantile((drawn @ missed) / (drawn @ mates), 0.95)))


def model(left_out: tuple[str, ...], name: str, folder: Path) -> CodeModel:
    path = folder / f"without-{name}.bin"
    if not path.exists():
        command = [sys.executable, str(TRAINING), "--leave-out", ",".join(left_out), "--out", str(path)]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return CodeModel.from_bytes(path.read_bytes())


def table(sets: list[Set], wholes: list[Set]) -> list[str]:
    lines = ["| set | extractor | int4, EER | bits, EER |", "|---|---|---|---|"]
    for of in sets:
        figures = [f"{100 * eer(*raw(of, column)):.2f}" for column in (COARSE, BITS)]
        lines.append(f"| {of.name} | {of.extractor} | {figures[0]} | {figures[1]} |")
    lines += ["", "| four fingers of fcj2020 | EER | left at 1 % lost | at 0.1 % lost |", "|---|---|---|---|"]
    for of in wholes:
        four = of.fingers((0, 1, 2, 3))
        rows = [(f"{column}, no cohort", *raw(four, column)) for column in (COARSE, BITS)]
        _, genuine, impostor = pairs(of, 4)
        rows += [(f"{column}, cohort", genuine[column], impostor[column]) for column in (COARSE, SKETCH, BITS)]
        for name, genuine, impostor in rows:
            left = [penetration(genuine, impostor, miss) for miss in (0.01, 0.001)]
            lines.append(
                f"| {of.extractor}, {name} | {100 * eer(genuine, impostor):.2f} | {left[0]:.1e} | {left[1]:.1e} |"
            )
    return lines


def strangers(coder: FingerCoder, impression: int = 0) -> People:
    """Synthetic people of ten fingers, who stand for a gallery of independent people: a real one is not to be had."""
    columns = {one.name: np.zeros((STRANGERS, FINGERS, one.bytes_per_finger), np.uint8) for one in coder.columns}
    for start in range(0, STRANGERS, 100):
        numbers_of = np.arange(start, start + 100)
        for person, hand in zip(numbers_of.tolist(), tenprints(SEED, numbers_of, impressions=impression), strict=True):
            codes = coder.encode([hand[position] for position in sorted(hand)])
            for name, values in codes.items():
                columns[name][person, np.array(sorted(hand)) - 1] = values
    return People(columns, np.full(STRANGERS, (1 << FINGERS) - 1, np.uint16))


def scores_of(everyone: People) -> dict[str, tuple[tuple[float, ...], ...]]:
    """The scores that strangers reach, by column and number of fingers: those of the hands that are first in each."""
    open_wide = Measured("", (0.5, 0.1), {BITS: ((0.0, 1.0),), COARSE: ((0.0, 1.0),)}, ())
    found: dict[str, list[tuple[float, ...]]] = {BITS: [], COARSE: []}
    for count in range(1, FINGERS + 1):
        some = Set("", "", np.arange(len(everyone)), everyone).fingers(ORDER[:count]).people
        screen = Screen(some.take(np.arange(COHORT_MOST)), open_wide)
        others = some.take(np.arange(COHORT_MOST, len(some)))
        for column, rows in found.items():
            if column == BITS and count > 1:  # single fingers alone are met by their signs
                continue
            probe, row, score = screen.scan(others, others, keep=1.0, column=column)
            quantiles = np.quantile(score[probe != row], 1 - np.array(KEEPS))
            rows.append(tuple(round(float(one), 4) for one in quantiles))
    return {column: tuple(rows) for column, rows in found.items()}


def measured(wholes: list[Set], singles: list[Set], coder: FingerCoder) -> Measured:
    """What synthetic strangers reach; what is lost of fcj2020 by one to four fingers, and of the other sets."""
    found = {(of.extractor, count): pairs(of, count) for of in wholes for count in range(1, 5)}
    made = Measured(coder.digest, KEEPS, scores_of(strangers(coder)), ())
    losses = []
    others = [(of, 1, pairs(of, 1)) for of in singles]
    for of, count, (whose, genuine, _) in [
        *((of, count, found[of.extractor, count]) for of in wholes for count in range(1, 5)),
        *others,
    ]:
        for keep in KEEPS:
            lost = genuine[COARSE] < made.score(COARSE, count, keep)
            lost |= genuine[SKETCH] < sift.sketch_score(keep, count)
            figures = (len(lost), int(lost.sum()))
            upper = round(most(whose, lost), 5)
            losses.append(Loss(of.extractor, of.name, count, keep, *figures, upper))
    return replace(made, losses=tuple(losses))


def synthetic_losses(coder: FingerCoder, made: Measured) -> tuple[Loss, ...]:
    """What is lost of synthetic people of five to ten fingers, each once more; the first are the cohort."""
    first, again = (strangers(coder, impression) for impression in range(2))
    owner = np.arange(STRANGERS)
    found = []
    for count in range(5, FINGERS + 1):
        gallery, probes = (Set("", "", owner, people).fingers(ORDER[:count]).people for people in (first, again))
        screen = Screen(gallery.take(owner[:COHORT_MOST]), made)
        rest = owner[COHORT_MOST:]
        searching, crowd = probes.take(rest), sift.Crowd.of(gallery.take(rest))
        known = sift.Known.of(screen, searching, exchanged=False)
        for keep in KEEPS:
            lost = np.ones(len(rest), np.bool_)
            for probe, row, _ in sift.sift(screen, searching, crowd, known, keep=keep, exchanged=False, stop=len(rest)):
                lost[probe[probe == row]] = False
            upper = round(most(rest, lost), 5)
            found.append(Loss(SYNTHETIC, SYNTHETIC, count, keep, len(lost), int(lost.sum()), upper))
    return tuple(found)


def sifted(wholes: list[Set], made: Measured) -> list[str]:
    """Mates lost of all, by a scan of all numbers and by a sift, where so large a share is kept; and how many times the
    share of these strangers is left."""
    shares = (0.003, 0.001, 0.0003)
    heads = " | ".join(f"keep {keep:g}: scan, sift (left)" for keep in shares)
    lines = [f"| set, extractor | fingers | mates | {heads} |"]
    lines.append("|---|---|---|" + "---|" * len(shares))
    for of in wholes:
        every = int(np.bitwise_or.reduce(of.people.present))
        fingers = [finger for finger in range(FINGERS) if every >> finger & 1]
        for count in range(1, 5):
            found = np.zeros((len(shares), 3), np.int64)
            mates = others = 0
            for chosen in combinations(fingers, count):
                some = of.fingers(chosen)
                for half in range(2):
                    probes, cohort = (np.flatnonzero(some.owner % 2 == (half + turn) % 2) for turn in range(2))
                    screen, searching = Screen(some.people.take(cohort), made), some.people.take(probes)
                    same = some.owner[probes][:, None] == some.owner[None]
                    others += int((~same).sum())
                    same[np.arange(len(probes)), probes] = False
                    mates += int(same.sum())
                    crowd, known = sift.Crowd.of(some.people), sift.Known.of(screen, searching, exchanged=False)
                    for place, keep in enumerate(shares):
                        probe, row, _ = screen.scan(searching, some.people, keep=keep)
                        found[place, 0] += int(same[probe, row].sum())
                        for rows, columns, _ in sift.sift(
                            screen, searching, crowd, known, keep=keep, exchanged=False, stop=len(some.people)
                        ):
                            found[place, 1] += int(same[rows, columns].sum())
                            of_others = some.owner[probes[rows]] != some.owner[columns]
                            found[place, 2] += int(of_others.sum())
            cells = [
                f"{100 * (1 - scan / mates):.2f}, {100 * (1 - kept / mates):.2f} ({left / others / keep:.1f})"
                for keep, (scan, kept, left) in zip(shares, found.tolist(), strict=True)
            ]
            lines.append(f"| {of.name}, {of.extractor} | {count} | {mates} | " + " | ".join(cells) + " |")
    return lines


def losses(made: Measured) -> list[str]:
    """Mates lost of all, and the upper end, for some shares that are kept."""
    shares = (0.03, 0.01, 0.001, 0.0003)
    lines = ["| set, extractor | fingers | " + " | ".join(f"keep {keep:g}" for keep in shares) + " |"]
    lines.append("|---|---|" + "---|" * len(shares))
    rows: dict[tuple[str, str, int], dict[float, str]] = {}
    for loss in made.losses:
        cell = f"{100 * loss.lost / loss.mates:.2f} ({100 * loss.most:.1f})"
        rows.setdefault((loss.sets, loss.extractor, loss.fingers), {})[loss.keep] = cell
    for (name, extractor, fingers), cells in rows.items():
        if name in ("fcj2020", "crossmatch", SYNTHETIC):
            lines.append(f"| {name}, {extractor} | {fingers} | " + " | ".join(cells[keep] for keep in shares) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="where trained models are kept")
    parser.add_argument("--out", type=Path, help="the tables, Markdown")
    parser.add_argument("--write", action="store_true", help="write what was measured beside the shipped coder")
    parser.add_argument("--extract", action="store_true", help="measure this library's own templates of fcj2020, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.models or Path(temporary)
        folder.mkdir(exist_ok=True, parents=True)
        sets, wholes = [], []
        for name, left_out in ROTATION.items():
            coder = FingerCoder(model(left_out, name, folder))
            for each in left_out:
                for extractor in (*EXTRACTORS, OWN):
                    wanted = given.extract and each == "fcj2020"
                    if wanted if extractor == OWN else (PRINTS / each / extractor).is_dir():
                        sets.append(load(each, extractor, coder, whole=False))
                        if each == "fcj2020":
                            wholes.append(load(each, extractor, coder, whole=True))
    coder = FingerCoder.shipped()
    made = measured(wholes, [of for of in sets if of.name != "fcj2020"], coder)
    made = replace(made, losses=made.losses + synthetic_losses(coder, made))
    text = "\n".join([*table(sets, wholes), "", *sifted(wholes, made), "", *losses(made)]) + "\n"
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    if given.write:
        SHIPPED.write_text(json.dumps(plain.encode(made), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
