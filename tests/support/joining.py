"""Galleries to be joined, and the plain truth of a join: pair by pair, through the stages of a search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cccd_core.dedup import DedupParameters, EnrolledPerson
from cccd_core.dedup.blocks import Block, Probe, Searchable
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.index import Index, update
from cccd_core.dedup.judge.candidate import best_of_each
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.join import Join, Joinable
from cccd_core.dedup.search.task import PairFound
from cccd_core.dedup.stages import AnyPosition, SamePosition
from cccd_core.matching import Matcher
from cccd_core.synthesis import setting, tenprint
from cccd_core.templates import Tenprint

MATCHER = Matcher()
PARAMETERS = DedupParameters()
# Prints so good that who comes again is found by one finger, and by codes: what is tested here is the way, not chance.
GOOD = replace(setting(), quality=2.5)
FOUR = (2, 3, 7, 8)


def someone(name: str, who: int, impression: int = 0, positions: tuple[int, ...] = FOUR) -> EnrolledPerson:
    """An impression of a synthetic person's fingers."""
    return EnrolledPerson(name, tenprint(7, who, impression=impression, positions=positions, parameters=GOOD))


def swapped(name: str, who: int) -> EnrolledPerson:
    """The same with the hands exchanged."""
    found = tenprint(7, who, impression=3, positions=FOUR, parameters=GOOD)
    return EnrolledPerson(name, Tenprint({2: found[7], 3: found[8], 7: found[2], 8: found[3]}))


def unplaced(name: str, who: int) -> EnrolledPerson:
    """The same with fingers of unknown position alone."""
    found = tenprint(7, who, impression=4, positions=FOUR, parameters=GOOD)
    return EnrolledPerson(name, Tenprint({}), (found[2], found[3], found[7]))


def population(people: int = 26) -> list[EnrolledPerson]:
    """Strangers, and among them people who come again: as they are, exchanged, unplaced, by one finger, by none."""
    found = [someone(f"p{who:03}", who) for who in range(people)]
    found[5] = someone("again 1", 1, impression=1)
    found[11] = someone("again 1 once more", 1, impression=2)
    found[9] = swapped("swapped 2", 2)
    found[14] = unplaced("unplaced 3", 3)
    found[17] = someone("one finger of 4", 4, impression=1, positions=(2,))
    found[20] = EnrolledPerson("nothing", Tenprint({}))
    return found


def joinable(folder: Path, gallery: Gallery, coder: FingerCoder | None = None) -> Joinable:
    """The gallery with its index, up to date, in that folder."""
    update(gallery, folder, MATCHER, coder)
    return Joinable(folder, Index.open(folder, gallery, MATCHER, coder))


def join(out: Path, *galleries: Joinable, cascade: str = "same>any", parameters: DedupParameters = PARAMETERS) -> Join:
    """An exhaustive join of these."""
    return Join(out, galleries, MATCHER, parameters, Cascade.parse(cascade))


def truth(
    first: Iterable[tuple[int, EnrolledPerson]],
    second: Iterable[tuple[int, EnrolledPerson]] | None = None,
    *,
    any_position: bool = True,
) -> list[PairFound]:
    """What a join must find among these people, by the numbers they stand under."""
    earlier = list(first)
    later = earlier if second is None else list(second)
    thresholds = Thresholds(PARAMETERS, len(earlier) - 1 if second is None else max(len(earlier), len(later)))
    same = SamePosition(MATCHER, thresholds, {}, thresholds.by_position_cost)
    across = AnyPosition(MATCHER, thresholds, {}, {})
    found = []
    for b, probe in later:
        ready = Probe.prepare(MATCHER, 0, Searchable.of(probe, PARAMETERS.least_minutiae))
        for a, candidate in earlier:
            if second is None and a >= b:
                continue
            block = Block.pack(MATCHER, "gallery", [Searchable.of(candidate, PARAMETERS.least_minutiae)])
            candidates = same.compare(ready, block).candidates
            if any_position and not any(thresholds.match(one).outcome == "duplicate" for one in candidates):
                candidates = candidates + across.compare(ready, block).candidates
            for one in best_of_each(candidates):
                match = thresholds.match(one)
                if match.outcome != "unique":
                    found.append(PairFound(a, b, match.outcome, one.score, one.across_positions, one.fingers))
    return sorted(found, key=lambda pair: (pair.a, pair.b))
