"""What a nation would take: sums over what `benchmarks.scale` measured at some thousands of people.

`python -m benchmarks.scale.national out/scale/scale.json [--write DOCUMENT]` prints the sums for 100 million people as
tables; they stand in docs/explanation/national-scale.md between two marks.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cccd_core.dedup import Cascade, DedupParameters
from cccd_core.dedup.codes.screen import Measured
from cccd_core.dedup.search.estimate import Estimate, Rates, estimate

FINGERS = 10
BEGIN, END = "<!-- sums: begin -->", "<!-- sums: end -->"


@dataclass(frozen=True, slots=True)
class Nation:
    """What is asked: people, new ones a day, machines and cores of each, the memory of each in bytes."""

    people: int = 100_000_000
    daily: int = 400_000
    machines: int = 20
    cores: int = 64
    memory: float = 256e9


@dataclass(frozen=True, slots=True)
class Sums:
    """What comes out. Hours are with all cores at work.

    `added_hours`: enrolling everyone, by one core's rate. `machine_code_bytes`: of one machine where the codes are
    spread; `network_bytes`: what a join then moves. `daily_hours`: the day's new people against everyone and each
    other; `daily_hours_doubled`: the same where twice as many are enrolled. `duplicates_daily`, `reviews_daily`: cases
    by chance at most in a day's searches."""

    join: Estimate
    added_hours: float
    index_bytes: float
    code_bytes: float
    machine_code_bytes: float
    machines_for_codes: int
    network_bytes: float
    daily_hours: float
    daily_hours_doubled: float
    duplicates_daily: float
    reviews_daily: float
    filling_days: float


def sums(nation: Nation, cascade: Cascade, rates: Rates, added: float) -> Sums:
    """The sums; `added`: people a second and core enrolled and indexed. Pure."""
    workers = nation.machines * nation.cores
    join = estimate(nation.people, FINGERS, workers, cascade, rates)
    p = DedupParameters()
    return Sums(
        join,
        nation.people / (added * workers) / 3600,
        join.index_bytes,
        join.code_bytes,
        join.code_bytes / nation.machines,
        -int(-join.code_bytes // nation.memory),
        # Each machine keeps a share of the people, and meets all others' codes once.
        join.code_bytes * (nation.machines - 1),
        _daily(nation, nation.people, cascade, rates),
        _daily(nation, 2 * nation.people, cascade, rates),
        nation.daily * p.duplicate_false_matches,
        nation.daily * p.review_false_matches,
        nation.people / nation.daily,
    )


def _daily(nation: Nation, enrolled: int, cascade: Cascade, rates: Rates) -> float:
    """Hours that a day's people take where so many are enrolled, from one join's sum: pairs are proportional."""
    workers = nation.machines * nation.cores
    whole = estimate(enrolled, FINGERS, workers, cascade, rates)
    share = nation.daily * (enrolled + nation.daily / 2) / whole.pairs
    return share * (whole.screen_hours + whole.compare_hours) + whole.index_hours * nation.daily / enrolled


def losses(keep: float, duplicates: int) -> list[tuple[str, str, int, float, float]]:
    """(set, extractor, fingers, rate, of so many duplicates lost at most) as measured for the shipped codes, at the
    largest share kept that was measured and is not above `keep`, or the least one measured."""
    measured = Measured.shipped()
    at = max((one for one in measured.keeps if one <= keep), default=min(measured.keeps))
    return [
        (loss.sets, loss.extractor, loss.fingers, loss.lost / loss.mates, loss.most * duplicates)
        for loss in measured.losses_of(at)
    ]


def rows(nation: Nation, found: Sums, cascade: Cascade) -> Mapping[str, str]:
    """What is told, by name."""
    return {
        "cascade": f"`{cascade}`",
        "machines": f"{nation.machines} of {nation.cores} cores, {nation.memory / 1e9:,.0f} GB each",
        "pairs of people of the first join": f"{found.join.pairs:.3g}",
        "enrolling everyone, templates to index": f"{found.added_hours:,.1f} h",
        "the join: screening, comparing, all": f"{found.join.screen_hours:,.1f} h, {found.join.compare_hours:,.1f} h, "
        f"{found.join.screen_hours + found.join.compare_hours:,.1f} h",
        "index on disk; codes of it": f"{found.index_bytes / 1e12:.2f} TB; {found.code_bytes / 1e9:,.0f} GB",
        "codes on each machine, where they are spread": f"{found.machine_code_bytes / 1e9:,.1f} GB",
        "machines whose memory holds all codes": f"{found.machines_for_codes}",
        "codes that cross the network in the join, where they are spread": f"{found.network_bytes / 1e12:,.2f} TB",
        f"a day's {nation.daily:,} people among {nation.people:,}": f"{found.daily_hours:,.2f} h",
        f"the same among {2 * nation.people:,}": f"{found.daily_hours_doubled:,.2f} h",
        "a day's cases by chance at most": f"{found.duplicates_daily:,.0f} called duplicates, "
        f"{found.reviews_daily:,.0f} to be looked at",
        "cases by chance at most in the join": f"{found.join.chance_duplicates:,.0f} called duplicates, "
        f"{found.join.chance_reviews:,.0f} to be looked at",
        f"days until {nation.people:,} are enrolled, by the daily number": f"{found.filling_days:,.0f}",
    }


def tables(record: Mapping[str, object], nation: Nation, cascade: Cascade) -> str:
    """Both tables, of what a run of `benchmarks.scale` wrote. ValueError for what is none."""
    rates, added = record["rates"], record["added"]
    if not isinstance(rates, dict) or not isinstance(added, float) or cascade.keep is None:
        raise ValueError("no record of benchmarks.scale, or a cascade that screens nobody")
    found = sums(nation, cascade, Rates(**rates), added)
    lines = [f"| {nation.people:,} people of {FINGERS} fingers | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows(nation, found, cascade).items()]
    lines += [
        "",
        "| set | extractor | fingers | mates lost | of a million duplicates, at most |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {of} | {extractor} | {fingers} | {100 * rate:.2f} % | {most:,.0f} |"
        for of, extractor, fingers, rate, most in losses(cascade.keep, 1_000_000)
    ]
    return "\n".join(lines)


def measured_rows(record: Mapping[str, object]) -> str:
    """The figures of the run itself as a table."""
    machine, found = record["machine"], record["rows"]
    if not isinstance(machine, dict) or not isinstance(found, list):
        raise ValueError("no record of benchmarks.scale")
    threads = machine["threads"]["active"]
    head = [f"`{record['command']}`, {machine['machine']}, {machine['kernels']['simd_active']}, {threads} threads:", ""]
    head += ["| what | measured | load |", "|---|---|---|"]
    return "\n".join(
        head + [f"| {row['what']} | {row['value']:,.4g} {row['unit']} | {row['load']:.1f} |" for row in found]
    )


def main() -> int:
    """Prints the tables, or writes them between the marks of a document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    parser.add_argument("--cascade", default="codes:keep=0.0003>same>any")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    record = json.loads(options.record.read_text())
    text = f"{measured_rows(record)}\n\n{tables(record, Nation(), Cascade.parse(options.cascade))}"
    if options.write is None:
        print(text)
        return 0
    before, rest = options.write.read_text().split(BEGIN)
    options.write.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
