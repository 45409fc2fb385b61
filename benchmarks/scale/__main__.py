"""What a gallery of many people costs: enrolling, opening cold, looking one up, joining, by executor.

`make scale` (100,000 people; `PEOPLE=1000000` for more) or `python -m benchmarks.scale --people 5000 --out out/scale`:
synthetic people of ten fingers, some of them enrolled twice. Prints a table, writes it as scale.json with a picture of
the look-ups over the number of people. Shares of processor time that others take are not left out: the load stands
beside.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
from benchmarks.index.__main__ import forget
from matplotlib.figure import Figure

from cccd_core import runtime
from cccd_core.dedup import Cascade, DedupParameters, EnrolledPerson, GalleryStore
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.executors.processes import Processes
from cccd_core.dedup.executors.protocol import Executor
from cccd_core.dedup.executors.ray import Ray
from cccd_core.dedup.index import Index, update
from cccd_core.dedup.lookup import Lookup
from cccd_core.dedup.search.estimate import USUAL_KEEP, Rates, estimate
from cccd_core.dedup.search.estimate import measure as measure_rates
from cccd_core.dedup.search.join import Join, Joinable
from cccd_core.dedup.search.report import JoinReport
from cccd_core.errors import UnavailableError
from cccd_core.evaluation import plots
from cccd_core.matching import Matcher
from cccd_core.storage import whole_file
from cccd_core.synthesis import Enrolments, SyntheticRecord, record_id, tenprints

T = TypeVar("T")
SEED = 11
AT_ONCE = 500
PROBES = 100
BATCH = 100
IMPRESSION = 1 << 39  # of the prints that people are looked up by; none that is enrolled has it
FIRST_SIZE = 10_000  # the exponent is fitted from here on


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what was measured, how much, its unit, and the load of the machine then."""

    what: str
    value: float
    unit: str
    load: float = field(default_factory=lambda: os.getloadavg()[0])


class Rows:
    """The figures, told as they come."""

    def __init__(self) -> None:
        self.all: list[Row] = []

    def add(self, what: str, value: float, unit: str) -> None:
        self.all.append(Row(what, value, unit))
        print(f"  {what:<58} {value:>14,.4g} {unit}  (load {self.all[-1].load:.1f})", flush=True)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what came out."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def told(done: int, total: int, what: str) -> None:
    """Progress on standard error, where that is a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{what}: {done:,} of {total:,}\x1b[K" + ("\n" if done == total else ""))


def person(record: SyntheticRecord) -> EnrolledPerson:
    return EnrolledPerson(record.record_id, record.placed, record.unplaced)


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The power of the number of people that seconds grow with: the slope of their logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


class World:
    """A gallery that grows, its index, and what looks people up in it."""

    def __init__(self, folder: Path, duplicates: float, rows: Rows) -> None:
        self.folder, self.rows = folder, rows
        self.plan = Enrolments(SEED, duplicates)
        self.gallery = GalleryStore(folder / "gallery.sqlite")
        self.matcher, self.coder = Matcher(), FingerCoder.shipped()
        self.people = 0
        self.added = 0.0  # people a second, of the last growth
        list(tenprints(SEED, [0]))  # kernels are compiled once

    def grow(self, people: int) -> None:
        """Enrols up to so many, indexed; tells how many a second."""
        making = adding = 0.0
        records = self.plan.records(self.people, people, threads=1)
        new = people - self.people
        while True:
            spent, portion = timed(lambda: list(islice(records, AT_ONCE)))
            making += spent
            if not portion:
                break
            adding += timed(lambda some=portion: self.gallery.add_many([person(one) for one in some]))[0]
            self.people += len(portion)
            told(self.people, people, "enrolled")
        indexing, _ = timed(
            lambda: update(self.gallery, self.folder, self.matcher, self.coder, threads=1, progress=told)
        )
        self.rows.add(f"people made, up to {people:,}, one core", new / making, "people/s")
        self.added = new / (adding + indexing)
        self.rows.add(f"people added and indexed, up to {people:,}, one core", self.added, "people/s")

    def open(self) -> Index:
        return Index.open(self.folder, self.gallery, self.matcher, self.coder)

    def cold(self) -> None:
        """Opens with a cold cache, and says how large everything is."""
        forget(self.folder)
        spent, index = timed(self.open)
        self.rows.add(f"index of {self.people:,} opened, cold cache", spent, "s")
        self.rows.add("index on disk", index.size_bytes / self.people, "bytes a person")
        tracemalloc.start()
        held = self.open()
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        self.rows.add("index in memory, beside what is mapped", taken / held.people, "bytes a person")

    def look_up(self, cascade: Cascade, probes: int, batch: int) -> float:
        """Looks people up who are enrolled, by other prints of them; returns the median seconds of one."""
        lookup = Lookup.over(
            self.gallery, self.folder, self.matcher, self.coder, DedupParameters(), cascade, threads=runtime.threads()
        )
        firsts = [number for number in range(self.people) if not self.plan.truth(number).duplicate]
        drawn = np.random.default_rng(SEED).permutation(firsts)
        count = max(probes + 1, batch)
        mates = list(tenprints(SEED, drawn[:count], impressions=IMPRESSION, parameters=self.plan.parameters))
        given = [EnrolledPerson(record_id(int(number)), one) for number, one in zip(drawn, mates, strict=False)]
        lookup.search(given[:1])  # opens the shards' pages
        spent, found = [], 0
        for one in given[1 : probes + 1]:
            seconds, looked = timed(lambda some=one: lookup.search([some]))
            spent.append(seconds)
            found += looked.answers[0].of == one.person_id
        name = f"1:N, {self.people:,} people, {cascade}"
        self.rows.add(f"{name}: one probe, median", 1000 * median(spent), "ms")
        self.rows.add(f"{name}: found", found / len(spent), "of the mates")
        if batch:
            seconds, _ = timed(lambda: lookup.search(given[:batch]))
            self.rows.add(f"{name}: batch of {batch}", batch / seconds, "probes/s")
        return median(spent)

    def join(self, out: Path, executor: Executor, cascade: Cascade) -> float:
        """Joins the gallery within itself; returns seconds."""
        work = Join(out, [Joinable(self.folder, self.open())], self.matcher, DedupParameters(), cascade)
        seconds, joined = timed(lambda: work.run(executor, progress=told))
        report = JoinReport.of(joined, [self.gallery])
        work.finish()
        called = {(report.names[0, p.a], report.names[0, p.b]) for p in report.pairs if p.outcome == "duplicate"}
        truths = [self.plan.truth(number) for number in range(self.people)]
        mates: dict[int, list[int]] = {}
        for truth in truths:
            mates.setdefault(truth.person, []).append(truth.record)
        planted = {(record_id(a), record_id(b)) for same in mates.values() for a in same for b in same if a < b}
        name = f"N:N, {self.people:,} people, {executor.name}"
        self.rows.add(f"{name}: time", seconds, "s")
        self.rows.add(f"{name}: of {len(planted):,} pairs not called duplicates", len(planted - called), "pairs")
        self.rows.add(f"{name}: wrongly called duplicates", len(called - planted), "pairs")
        wrong = [p.score for p in report.pairs if (report.names[0, p.a], report.names[0, p.b]) not in planted]
        self.rows.add(f"{name}: best score of two strangers who are told of", max(wrong, default=0.0), "")
        self.rows.add(f"{name}: score of a duplicate", joined.thresholds.duplicate_score, "")
        self.rows.add(f"{name}: duplicates by chance, at most", report.expected["duplicate"], "pairs")
        self.rows.add(f"{name}: penetration", report.joined.compared / report.joined.plan.pairs, "")
        return seconds


@dataclass(frozen=True, slots=True)
class Run:
    """Median seconds of a look-up by number of people; rates of one core, and people it enrols a second."""

    looked: list[tuple[int, float]]
    rates: Rates
    added: float


def measure(options: argparse.Namespace, rows: Rows, folder: Path) -> Run:
    """All rows, in order."""
    cascade = Cascade.parse(options.cascade)
    world = World(folder / "gallery", options.duplicates, rows)
    looked = []
    for size in sorted({max(1000, options.people // 4), max(1000, options.people // 2), options.people}):
        world.grow(size)
        looked.append((size, world.look_up(cascade, PROBES, BATCH if size == options.people else 0)))
    world.cold()
    world.look_up(Cascade(), 3, 0)
    large = [(size, seconds) for size, seconds in looked if size >= FIRST_SIZE]
    if len(large) > 1:
        rows.add(f"exponent in N of 1:N, from {large[0][0]:,} people", exponent(*zip(*large, strict=True)), "")
    local = world.join(folder / "local", Processes(runtime.threads()), cascade)
    try:
        executor = Ray(runtime.threads())
        with executor.connected():  # its start and its end are no part of the join
            ray = world.join(folder / "ray", executor, cascade)
        rows.add("N:N, ray beside local, time more", 100 * (ray / local - 1), "%")
    except UnavailableError as error:
        print(f"  ray: {error}")
    world.gallery.close()
    rates = measure_rates(world.matcher, world.coder, 10, keep=cascade.keep or USUAL_KEEP)
    summed = estimate(options.people, 10, runtime.threads(), cascade, rates)
    seconds = 3600 * (summed.screen_hours + summed.compare_hours)
    rows.add(f"N:N, {options.people:,} people, as cccd dedup plan sums it up", seconds, "s")
    return Run(looked, rates, world.added)


def picture(looked: Sequence[tuple[int, float]], path: Path) -> None:
    """The look-ups over the number of people."""
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([size for size, _ in looked], [1000 * seconds for _, seconds in looked], marker="o")
    axes.set(xlabel="people enrolled", ylabel="one probe, median, ms", xscale="log", yscale="log", title="1:N")
    axes.grid(visible=True, which="both", linewidth=0.3, alpha=0.6)
    plots.save(figure, path)


def main() -> int:
    """Measures, prints, writes; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--duplicates", type=float, default=0.01)
    parser.add_argument("--cascade", default="codes:keep=0.0003>same>any")
    parser.add_argument("--out", type=Path, default=Path("out/scale"))
    parser.add_argument("--tmp", type=Path, help="where the gallery is made")
    options = parser.parse_args()
    command = f"python -m benchmarks.scale {shlex.join(sys.argv[1:])}".strip()
    machine = runtime.describe()
    print(
        f"{command}\n{machine['machine']}, {machine['kernels']['simd_active']}, {machine['threads']['active']} threads"
    )
    rows = Rows()
    with tempfile.TemporaryDirectory(dir=options.tmp) as folder:
        (Path(folder) / "gallery").mkdir()
        run = measure(options, rows, Path(folder))
    figures = {"rows": [asdict(row) for row in rows.all], "rates": asdict(run.rates), "added": run.added}
    record = {"command": command, "seed": SEED, "cascade": options.cascade, "machine": machine, **figures}
    whole_file.write(options.out / "scale.json", (json.dumps(record, indent=1) + "\n").encode(), folders=True)
    picture(run.looked, options.out / "one_to_many.png")
    print(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
