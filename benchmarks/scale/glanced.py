"""How far a join's first look goes with strangers whom the codes leave: what `cccd dedup plan` reckons with.

`python -m benchmarks.scale.glanced --people 2000 --keep 0.001`: synthetic people of ten fingers, nobody twice. Prints
how many fingers of a pair are compared and how many pairs go on to be compared across positions.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.scale.__main__ import Rows, World

from cccd_core.dedup import DedupParameters
from cccd_core.dedup.codes.screen import COHORT_MOST, Screen
from cccd_core.dedup.index import block_of
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.search.glance import Glance
from cccd_core.dedup.search.pairs import PairJudge
from cccd_core.dedup.search.screening import CodeScreen, cohort_of
from cccd_core.dedup.search.sides import ShardPart

PAIRS_AT_ONCE = 4096


def measure(world: World, keep: float) -> None:
    """Meets everyone with everyone and prints."""
    parts = [ShardPart(live.shard, live.rows) for live in world.open().shards]
    cohort = cohort_of([parts[0].first(COHORT_MOST).coded().people])
    assert cohort is not None
    screen = CodeScreen(Screen(cohort), keep, True)
    parameters = DedupParameters()
    glance = Glance(PairJudge(world.matcher, Thresholds(parameters, 1_000_000)))
    met = left = few = whole = after_four = after_ten = 0
    for second, probes in enumerate(parts):
        for first, candidates in enumerate(parts[: second + 1]):
            rows, columns, ways = screen.survivors(probes, candidates, in_order=first == second)
            people = len(probes.rows)
            met += people * (people - 1) // 2 if first == second else people * len(candidates.rows)
            left += len(rows)
            blocks = [
                block_of([(one.shard, one.rows)], least_minutiae=parameters.least_minutiae)
                for one in (probes, candidates)
            ]
            for start in range(0, len(rows), PAIRS_AT_ONCE):
                some = slice(start, start + PAIRS_AT_ONCE)
                on, fingers = glance.few(*blocks, rows[some], columns[some], ways[some])
                few, after_four = few + int(fingers.sum()), after_four + int(on.sum())
                on, fingers = glance.whole(*blocks, rows[some][on], columns[some][on], ways[some][on])
                whole, after_ten = whole + int(fingers.sum()), after_ten + int(on.sum())
    print(f"{met:,} pairs of strangers, {left:,} left at {keep:g} ({left / met:.2e})")
    print(f"of each {few / left:.2f} of four fingers compared, {whole / left:.2f} of all ten")
    print(f"{after_four} go on after four fingers, {after_ten} after ten: {after_ten / left:.1e}")


def main() -> None:
    """Enrols, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--keep", type=float, nargs="+", default=[0.001])
    parser.add_argument("--tmp", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.tmp) as folder:
        world = World(Path(folder), 0.0, Rows())
        world.grow(options.people)
        for keep in options.keep:
            measure(world, keep)
        world.gallery.close()


if __name__ == "__main__":
    main()
