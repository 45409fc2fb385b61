"""What a search says of people with whom a clerk made a mistake: the table of docs/explanation/deduplication.md.

    python -m benchmarks.accuracy.mistakes [--cascade codes:keep=0.01>same>any]

Real people: fcj2020, whose four fingers are given the positions 2, 3, 7 and 8, by weights and a calibration learned of
the FVC sets alone; the first impression is enrolled among synthetic people, another one is looked up. Synthetic people
have ten fingers; half of them come again, half of these with a mistake, and those are counted whose first record has
none. Everybody is looked up alone.

`found`: the outcome is a duplicate and names the right person; `seen`: that, or a review that has the person among its
candidates. `said`: whom or what the answer names of the mistake: both people of a record of two, exchanged places and
mirror images in words; of the same finger twice what a check of the record alone says. Where there is no mistake it is
what is said all the same, wrongly.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.accuracy import extracted, measure
from benchmarks.accuracy.targets import FVC, HANDED_OUT

from cccd_core import runtime, synthesis
from cccd_core.dedup import Cascade, DedupParameters, EnrolledPerson, create_gallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.index import update
from cccd_core.dedup.lookup import Answer, Lookup
from cccd_core.evaluation.calibrating import fit
from cccd_core.intake import arrangement
from cccd_core.intake.findings import Doubt
from cccd_core.intake.tenprint import check_tenprint
from cccd_core.matching import Matcher
from cccd_core.synthesis import Enrolments, Mistake
from cccd_core.templates import FingerTemplate, Tenprint, load, mirrored

PRINTS = extracted.DATA / "fingerprints"
SET = "fcj2020"
POSITIONS = (2, 3, 7, 8)
SEED = 11
WHOLE_MIRRORED, TWINS_MIRRORED, NONE = "mirrored_all", "mirrored_all_hands_swapped", "none"
Fingers = Mapping[int, FingerTemplate]


@dataclass(frozen=True, slots=True)
class Given:
    """Somebody to look up: what is wrong, who it is, and who else is in it."""

    mistake: str
    person: EnrolledPerson
    of: str
    other: str | None = None


@dataclass(slots=True)
class Counts:
    """What came of the people of one mistake."""

    people: int = 0
    found: int = 0
    seen: int = 0
    said: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


def placed(name: str, fingers: Fingers, unplaced: Sequence[FingerTemplate] = ()) -> EnrolledPerson:
    """A person of these fingers, each of which says the position at which it stands."""
    stated = {position: replace(one, position=position) for position, one in fingers.items()}
    return EnrolledPerson(name, Tenprint(stated), tuple(replace(one, position=0) for one in unplaced))


def real_people(folder: Path) -> dict[str, list[Fingers]]:
    """Impressions of four fingers of each person who has them."""
    found: dict[str, dict[str, dict[str, FingerTemplate]]] = defaultdict(lambda: defaultdict(dict))
    for path in sorted(folder.glob("*.fmr")):
        finger, impression = path.stem.split("_")
        person, code = finger.split("-")
        found[person][impression][code] = load(path).view
    whole: dict[str, list[Fingers]] = {}
    for person, impressions in found.items():
        four = [one for _, one in sorted(impressions.items()) if len(one) == len(POSITIONS)]
        if len(four) > 2:
            whole[person] = [dict(zip(POSITIONS, (one[code] for code in sorted(one)), strict=True)) for one in four]
    return whole


def spoilt(people: Mapping[str, list[Fingers]]) -> Iterator[Given]:
    """Each of them once with each mistake, by their second impression."""
    names = list(people)
    for place, name in enumerate(names):
        _, once, again, *_ = people[name]
        another = names[(place + 1) % len(names)]
        theirs = people[another][1]
        hands = {2: once[7], 3: once[8], 7: once[2], 8: once[3]}
        cases: dict[str, Fingers] = {
            NONE: once,
            Mistake.HANDS_SWAPPED: hands,
            Mistake.NEIGHBOURS_SWAPPED: {**once, 2: once[3], 3: once[2]},
            Mistake.SAME_FINGER_TWICE: {**once, 3: again[2]},
            Mistake.FINGER_OF_ANOTHER: {**once, 7: theirs[7]},
            Mistake.MIRRORED: {**once, 2: mirrored(once[2])},
            Mistake.TWO_PEOPLE: {**once, 7: theirs[7], 8: theirs[8]},
            WHOLE_MIRRORED: {position: mirrored(one) for position, one in once.items()},
            TWINS_MIRRORED: {position: mirrored(one) for position, one in hands.items()},
        }
        for mistake, fingers in cases.items():
            with_another = mistake in (Mistake.FINGER_OF_ANOTHER, Mistake.TWO_PEOPLE)
            yield Given(mistake, placed(name, fingers), name, another if with_another else None)
        yield Given(Mistake.UNKNOWN_POSITIONS, placed(name, {}, list(once.values())), name)


def synthetic(records: int) -> tuple[list[EnrolledPerson], list[Given]]:
    """Who is enrolled of a synthetic people, and who comes again."""
    plan = Enrolments(SEED, duplicates=0.5, mistakes=0.5)
    enrolled: list[EnrolledPerson] = []
    given: list[Given] = []
    for one in plan.records(0, records):
        truth, person = one.truth, EnrolledPerson(one.record_id, one.placed, one.unplaced)
        first = plan.truth(truth.person)
        if not truth.duplicate:
            enrolled.append(person)
        elif first.mistake is None:
            other = None if truth.other is None else synthesis.record_id(truth.other)
            given.append(Given(truth.mistake or NONE, person, synthesis.record_id(truth.person), other))
    return enrolled, given


def says(one: Given, answer: Answer) -> bool:
    """Whether the mistake is named."""
    words = {said for match in answer.candidates if match.person_id == one.of if (said := arrangement(match.laid))}
    match one.mistake:
        case Mistake.HANDS_SWAPPED | Mistake.NEIGHBOURS_SWAPPED:
            return any("exchanged" in said for said in words)
        case Mistake.MIRRORED | "mirrored_all" | "mirrored_all_hands_swapped":
            return any("mirror" in said for said in words)
        case Mistake.FINGER_OF_ANOTHER | Mistake.TWO_PEOPLE:
            return {one.of, one.other} <= {found.person_id for found in answer.candidates}
        case Mistake.SAME_FINGER_TWICE:
            return any(finding.word is Doubt.SAME_FINGER for finding in check_tenprint(one.person.tenprint).findings)
    return bool(words)


def measured(
    enrolled: Sequence[EnrolledPerson], given: Sequence[Given], matcher: Matcher, cascade: Cascade, threads: int
) -> dict[str, Counts]:
    """Looks everybody up, alone, among those enrolled."""
    found: dict[str, Counts] = defaultdict(Counts)
    coder = FingerCoder.shipped()
    with TemporaryDirectory() as folder, closing(create_gallery(Path(folder) / "g")) as gallery:
        gallery.add_many(enrolled)
        update(gallery, Path(folder) / "g", matcher, coder, threads=threads)
        lookup = Lookup.over(gallery, Path(folder) / "g", matcher, coder, DedupParameters(), cascade, threads=threads)
        for one in given:
            answer = lookup.search([one.person]).answers[0]
            counts = found[one.mistake]
            counts.people += 1
            counts.outcomes[answer.outcome] += 1
            counts.found += answer.outcome == "duplicate" and answer.of == one.of
            counts.seen += one.of in {match.person_id for match in answer.candidates if match.outcome != "unique"}
            counts.said += says(one, answer)
    return found


def table(title: str, found: Mapping[str, Counts]) -> None:
    """Prints the counts of one people."""
    print(f"\n{title}\n\n| mistake | people | found | seen | said | outcomes |\n|---|---|---|---|---|---|")
    order = [NONE, *Mistake, WHOLE_MIRRORED, TWINS_MIRRORED]
    for name in sorted(found, key=order.index):
        one = found[name]
        outcomes = ", ".join(f"{outcome} {count}" for outcome, count in sorted(one.outcomes.items()))
        print(f"| {name} | {one.people} | {one.found} | {one.seen} | {one.said} | {outcomes} |", flush=True)


def held_back() -> Matcher:
    """A matcher that has learned nothing of the real people here."""
    turned = measure.trained(FVC)
    pairs = measure.raw([PRINTS], turned, FVC, runtime.threads(), lambda *_: None)
    fitted, _ = fit(measure.fitted_on(pairs, FVC), "")
    return Matcher(turned, fitted)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cascade", default="same>any")
    parser.add_argument("--others", type=int, default=450, help="synthetic people enrolled beside the real ones")
    parser.add_argument("--records", type=int, default=1600, help="records of synthetic people")
    arguments = parser.parse_args()
    cascade, threads = Cascade.parse(arguments.cascade), runtime.threads()
    matcher = held_back()
    others = [
        EnrolledPerson(f"synthetic {number}", one)
        for number, one in enumerate(
            synthesis.tenprint(SEED, 10**6 + number, positions=POSITIONS) for number in range(arguments.others)
        )
    ]
    for extractor in HANDED_OUT:
        folder = PRINTS / SET / extractor
        if not folder.is_dir():
            continue
        people = real_people(folder)
        enrolled = [*others, *(placed(name, impressions[0]) for name, impressions in people.items())]
        found = measured(enrolled, list(spoilt(people)), matcher, cascade, threads)
        table(f"{SET}/{extractor}: {len(people)} people of four fingers among {len(enrolled)}, {cascade}", found)
    enrolled, given = synthetic(arguments.records)
    found = measured(enrolled, given, Matcher(), cascade, threads)
    table(f"synthetic people of ten fingers (seed {SEED}) among {len(enrolled)}, {cascade}", found)


if __name__ == "__main__":
    main()
