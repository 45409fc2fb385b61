"""What a join found, for people and programs: pairs and persons as CSV, and the figures of it."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cccd_core import runtime
from cccd_core.dedup.codes.screen import Measured
from cccd_core.dedup.decision import FingerComparison
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.clusters import Person, persons
from cccd_core.dedup.search.glance import join_levels
from cccd_core.dedup.search.join import STAGES, Joined
from cccd_core.dedup.search.screening import miss_rate
from cccd_core.dedup.search.task import PairFound
from cccd_core.plain import Json
from cccd_core.storage import whole_file

PAIRS_FILE: Final = "pairs.csv"
PERSONS_FILE: Final = "persons.csv"
REPORT_FILE: Final = "report.json"
PAIRS_HEAD: Final = ("a", "b", "outcome", "score", "fingers")
PERSONS_HEAD: Final = ("person", "gallery", "identifier", "weakest", "complete", "doubtful")
_ASKED: Final = 500


@dataclass(frozen=True, slots=True)
class JoinReport:
    """What is told of a join. `names` are identifiers by side and number; pairs of people who were taken out since the
    join began are left out of all files, and counted."""

    joined: Joined
    pairs: tuple[PairFound, ...]
    persons: tuple[Person, ...]
    names: Mapping[tuple[int, int], str]
    withdrawn_pairs: int

    @classmethod
    def of(cls, joined: Joined, galleries: Sequence[Gallery]) -> JoinReport:
        """What a join found among these galleries, by the names people have now."""
        first, second = joined.sides
        members = sorted({(first, pair.a) for pair in joined.pairs} | {(second, pair.b) for pair in joined.pairs})
        names: dict[tuple[int, int], str] = {}
        for side, gallery in enumerate(galleries):
            numbers = [number for whose, number in members if whose == side]
            for start in range(0, len(numbers), _ASKED):
                found = gallery.identifiers(numbers[start : start + _ASKED])
                names |= {(side, number): name for number, name in found.items()}
        pairs = tuple(pair for pair in joined.pairs if {(first, pair.a), (second, pair.b)} <= names.keys())
        gone = len(joined.pairs) - len(pairs)
        return cls(joined, pairs, tuple(persons(pairs, joined.sides)), names, gone)

    @property
    def found(self) -> dict[str, int]:
        """Pairs by what they are: `duplicate`, `review`."""
        outcomes = Counter(pair.outcome for pair in self.pairs)
        return {"duplicate": outcomes["duplicate"], "review": outcomes["review"]}

    @property
    def expected(self) -> dict[str, float]:
        """How many pairs are so by chance alone, at most: the allowances of all searches together."""
        plan, p = self.joined.plan, self.joined.thresholds.parameters
        searches = plan.pairs / max(1, plan.comparisons)
        return {"duplicate": searches * p.duplicate_false_matches, "review": searches * p.review_false_matches}

    @property
    def miss_rate(self) -> dict[str, float | None]:
        """Which share of true matches by so many fingers the first stage was measured to lose; of more than four
        fingers of synthetic people."""
        keep, measured = Cascade.parse(self.joined.plan.cascade).keep, Measured.shipped()
        counts = sorted({loss.fingers for loss in measured.losses})
        return {f"{count}": 0.0 if keep is None else miss_rate(measured, keep, count) for count in counts}

    def as_dict(self) -> dict[str, Json]:
        """The figures, JSON-ready. Seconds are of all workers together, and the only part that two runs differ in."""
        joined, plan, work = self.joined, self.joined.plan, self.joined.work
        screened = work["codes"]
        return {
            "manifest": runtime.manifest(plan.parameters),
            "cascade": plan.cascade,
            "first_look": None if Cascade.parse(plan.cascade).exhaustive else join_levels(),
            "matcher": plan.matcher,
            "coder": plan.coder,
            "people": [side.people for side in plan.sides],
            "pairs_of_people": plan.pairs,
            "comparisons": {
                name: {"people": work[name].people_pairs, "fingers": work[name].finger_pairs}
                for name in STAGES
                if name != "loading"
            },
            "penetration": joined.compared / plan.pairs if plan.pairs else 0.0,
            "screened": screened.people_pairs,
            "miss_rate": self.miss_rate,
            "seconds": {name: round(work[name].seconds, 3) for name in STAGES},
            "tiles": plan.tiles,
            "duplicate_score": joined.thresholds.duplicate_score,
            "review_score": joined.thresholds.review_score,
            "expected": self.expected,
            "found": self.found,
            "persons": len(self.persons),
            "people_in_persons": sum(len(person.members) for person in self.persons),
            "doubtful_persons": sum(person.doubtful for person in self.persons),
            "withdrawn_pairs": self.withdrawn_pairs,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the file of pairs."""
        return f"sha256:{hashlib.sha256(b''.join(_csv(PAIRS_HEAD, self.pair_rows()))).hexdigest()}"

    def pair_rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        """A row a pair, as PAIRS_HEAD."""
        first, second = self.joined.sides
        for pair in self.pairs:
            names = self.names[first, pair.a], self.names[second, pair.b]
            yield (*names, pair.outcome, f"{pair.score:.3f}", fingers_text(pair.fingers))

    def person_rows(self) -> Iterator[tuple[str, str, str, str, str, str]]:
        """A row a member of each person, as PERSONS_HEAD."""
        for number, person in enumerate(self.persons, start=1):
            told = f"{person.weakest:.3f}", _yes(person.complete), _yes(person.doubtful)
            for side, sequence in person.members:
                yield (str(number), str(side), self.names[side, sequence], *told)

    def write(self, out: Path) -> None:
        """Writes pairs and persons into the folder, for its owner alone. FileError."""
        whole_file.write(out / PAIRS_FILE, _csv(PAIRS_HEAD, self.pair_rows()), private=True, folders=True)
        whole_file.write(out / PERSONS_FILE, _csv(PERSONS_HEAD, self.person_rows()), private=True)


def fingers_text(fingers: Sequence[FingerComparison]) -> str:
    """Fingers in one cell: `2 7` where both have them at these positions, `2>7` where the finger 2 of the first is the
    finger 7 of the second; 0 is an unknown position."""
    texts = []
    for one in sorted(fingers, key=lambda one: (one.candidate_position, one.position)):
        same = one.position == one.candidate_position
        texts.append(f"{one.candidate_position}" if same else f"{one.candidate_position}>{one.position}")
    return " ".join(texts)


def _csv(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow(row)
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _yes(value: bool) -> str:
    return "yes" if value else "no"
