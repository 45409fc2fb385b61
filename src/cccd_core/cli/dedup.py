"""cccd dedup: parses and prints; no logic."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from cccd_core.cli.common import FpirOption, JsonOption, no_stream, options_named, when_interrupted
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import aligned, print_json, say, tell
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, recording

if TYPE_CHECKING:
    from cccd_core.dedup.executors.protocol import Executor
    from cccd_core.dedup.search.report import JoinReport


class ExecutorName(StrEnum):
    """Where the tasks of a join run."""

    LOCAL = "local"
    RAY = "ray"


class _Area(TyperGroup):
    """`cccd dedup GALLERY` is `cccd dedup join GALLERY`."""

    # typer has no public name for the class of contexts that it calls this with
    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["join", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(
        cls=_Area,
        no_args_is_help=True,
        help="Everyone of a gallery against everyone: cccd dedup GALLERY --out FOLDER is cccd dedup join.",
    )
    app.add_typer(area, name="dedup")
    area.command(epilog="Example: cccd dedup ./gallery --out ./joined")(join)
    area.command(epilog="Example: cccd dedup plan --people 100000000 --fingers 10 --cores 64 --nodes 20")(plan)


def join(
    gallery: Annotated[Path, typer.Argument(help="Folder of the gallery.", show_default=False, callback=no_stream)],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder of this join: its state, pairs, persons, report.", callback=no_stream),
    ],
    against: Annotated[
        Path | None,
        typer.Option(help="Another gallery, whose people those of the first are compared with.", callback=no_stream),
    ] = None,
    executor: Annotated[
        ExecutorName, typer.Option(help="Processes of this machine, or a Ray cluster.")
    ] = ExecutorName.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="How many tasks run at a time; one a core without it.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of the Ray cluster, HOST:PORT or auto; one of this machine without it.")
    ] = None,
    cascade: Annotated[
        str | None,
        typer.Option(
            help="The stages: same>any compares everyone; codes:keep=0.001>same>any screens first. Without it "
            "everyone is compared where they are at most 1,000; else so large a share is kept that one in a thousand "
            "is lost.",
            show_default=False,
        ),
    ] = None,
    fpir: FpirOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Finds everyone who is enrolled twice, or in both of two galleries: pairs.csv, persons.csv and report.json.

    Run it again after any interruption and it goes on. The result depends neither on that nor on executor and workers.
    """
    from cccd_core import runtime
    from cccd_core.dedup import Cascade, DedupParameters, open_gallery
    from cccd_core.dedup.codes import FingerCoder
    from cccd_core.dedup.search.join import Join
    from cccd_core.dedup.search.opening import joinable
    from cccd_core.dedup.search.report import REPORT_FILE, JoinReport
    from cccd_core.dedup.search.usual import fingers_of, usual_cascade
    from cccd_core.matching import Matcher
    from cccd_core.storage import whole_file

    when_interrupted("what was compared is kept; run the same command again to go on")
    with options_named(fpir="--fpir", cascade="--cascade"):
        parameters = DedupParameters() if fpir is None else DedupParameters.of_rate(fpir)
        stages = None if cascade is None else Cascade.parse(cascade)
    matcher, coder = Matcher(), FingerCoder.shipped()
    count = runtime.threads() if workers is None else workers
    place = _executor(executor, count, address)
    began, cipher = time.monotonic(), cipher_of(key)
    with ExitStack() as stack, progress("dedup", quiet=as_json) as step:
        folders = [gallery] if against is None else [gallery, against]
        opened = [stack.enter_context(open_gallery(folder, cipher=cipher)) for folder in folders]
        outcome = stack.enter_context(
            recording(
                trail, "search", "join", actor, "administrator", folders=folders, order=order,
                count=sum(map(len, opened)),
            )
        )  # fmt: skip
        ready = [
            joinable(folder, one, matcher, coder, cipher=cipher, threads=count, progress=step)
            for folder, one in zip(folders, opened, strict=True)
        ]
        if stages is None:
            shards = [live for one in ready for live in one.index.shards]
            stages = usual_cascade(max(map(len, opened)), fingers_of(shards))
        work = Join(out, ready, matcher, parameters, stages)
        report = JoinReport.of(work.run(place, progress=step), opened)
        report.write(out)
        outcome.count, outcome.person = len(report.pairs), report.digest
        outcome.reason = ", ".join(f"{name} {count}" for name, count in report.found.items())
        told = {**report.as_dict(), "executor": place.name, "workers": count}
        told["elapsed_s"] = round(time.monotonic() - began, 3)
        whole_file.write(out / REPORT_FILE, (json.dumps(told, indent=2) + "\n").encode(), private=True)
        work.finish()
    if as_json:
        print_json(told)
    else:
        _show(report, out)


def plan(
    people: Annotated[int, typer.Option(help="How many people are enrolled.", min=2)],
    fingers: Annotated[int, typer.Option(help="Fingers of each.", min=1, max=10)] = 10,
    cores: Annotated[int, typer.Option(help="Cores of each node.", min=1)] = 1,
    nodes: Annotated[int, typer.Option(help="Machines.", min=1)] = 1,
    cascade: Annotated[str, typer.Option(help="The stages.")] = "codes:keep=0.0003>same>any",
    as_json: JsonOption = False,
) -> None:
    """Says what a join would take: tiles, bytes, hours, memory, cases for people, from rates measured on this machine.

    The rates are of one core at work alone, on synthetic fingers: real prints and a machine that is full are slower.
    """
    from cccd_core.dedup import Cascade
    from cccd_core.dedup.codes import FingerCoder
    from cccd_core.dedup.search.estimate import USUAL_KEEP, estimate, measure
    from cccd_core.matching import Matcher

    with options_named(cascade="--cascade"):
        stages = Cascade.parse(cascade)
    rates = measure(Matcher(), FingerCoder.shipped(), fingers, keep=stages.keep or USUAL_KEEP)
    found = estimate(people, fingers, cores * nodes, stages, rates)
    if as_json:
        print_json({"cascade": str(stages), "rates": asdict(rates), **asdict(found), "hours": found.hours})
        return
    giga = 1e9
    say(
        *aligned(
            {
                "cascade": stages,
                "rates of one core": f"{rates.prepared:,.0f} fingers prepared, {rates.coded:,.0f} coded, "
                f"{rates.compared:,.0f} compared, {rates.unpacked:,.0f} unpacked, "
                f"{rates.screened:,.0f} pairs of people screened a second",
                "tiles": f"{found.tiles:,}",
                "pairs of people": f"{found.pairs:,}, compared {found.compared_pairs:,.0f}",
                "index": f"{found.index_bytes / giga:,.1f} GB, of them codes {found.code_bytes / giga:,.1f} GB",
                "memory of a worker": f"{found.worker_bytes / giga:.2f} GB beside the mapped codes",
                "hours": f"{found.hours:,.2f}: index {found.index_hours:,.2f}, screening {found.screen_hours:,.2f}, "
                f"comparing {found.compare_hours:,.2f}",
                "by chance at most": f"{found.chance_duplicates:,.0f} duplicates, {found.chance_reviews:,.0f} reviews",
            }
        )
    )


def _executor(name: ExecutorName, workers: int, address: str | None) -> Executor:
    if name is ExecutorName.RAY:
        from cccd_core.dedup.executors.ray import Ray

        return Ray(workers, address=address)
    from cccd_core.dedup.executors.processes import Processes

    if address is not None:
        raise typer.BadParameter("an address is of a Ray cluster: give --executor ray", param_hint="--address")
    return Processes(workers)


def _show(report: JoinReport, out: Path) -> None:
    found, expected = report.found, report.expected
    say(
        *aligned(
            {
                "people": " against ".join(str(side.people) for side in report.joined.plan.sides),
                "pairs of people": report.joined.plan.pairs,
                "stages": report.joined.plan.cascade,
                "compared": report.joined.compared,
                "duplicates": found["duplicate"],
                "to be looked at": found["review"],
                "by chance at most": f"{expected['duplicate']:.3g} and {expected['review']:.3g}",
                "persons": f"{len(report.persons)}, {sum(one.doubtful for one in report.persons)} of them doubtful",
            }
        )
    )
    if report.withdrawn_pairs:
        tell(f"{report.withdrawn_pairs} pairs are of people who were taken out since, and are left out")
    say(f"report: {out}")
