"""cccd evaluate-search: parses and prints; no logic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import (
    JsonOption,
    TemplateOptions,
    ThreadsOption,
    fail_unless,
    no_stream,
    options_named,
    tell_passed_over,
    when_interrupted,
)
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.options import NOTHING_SAID, with_template_options
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import cell, print_json, say, show, table, tell
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, recording
from cccd_core.printable import shown

if TYPE_CHECKING:
    from rich.text import Text

    from cccd_core.dedup.measuring import Measurement, SearchMeasured, Share


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    example = "cccd evaluate-search ./gallery ./probes --cascade 'codes:keep=0.001>same>any' --out ./measured"
    app.command("evaluate-search", epilog=f"Example: {example}")(evaluate_search)


@with_template_options
def evaluate_search(
    gallery: Annotated[Path, typer.Argument(help="Folder of the gallery.", show_default=False, callback=no_stream)],
    probes: Annotated[
        Path,
        typer.Argument(
            help="Folder of PERSON/<position>.<suffix>, or a Parquet file: other prints of people of the gallery, under"
            " their identifiers there, and people who are not enrolled, under other names.",
            show_default=False,
            callback=no_stream,
        ),
    ],
    cascade: Annotated[
        list[str] | None,
        typer.Option(help="Stages to be measured beside same>any; may be given again.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FOLDER", help="Write search.json and search.png here.", callback=no_stream
        ),
    ] = None,
    threads: ThreadsOption = None,
    given: TemplateOptions = NOTHING_SAID,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measures who is found: FNIR against FPIR, how many are compared, at what cost, and where mates are lost.

    Each probe is looked up by itself, by everyone being compared and by each cascade given. Intervals are of 95 %.
    """
    from cccd_core import runtime
    from cccd_core.dedup import Cascade, EnrolledPerson, open_gallery
    from cccd_core.dedup.codes import FingerCoder
    from cccd_core.dedup.index import update
    from cccd_core.dedup.measuring import SearchMeasure, picture
    from cccd_core.evaluation import plots
    from cccd_core.intake.people import People
    from cccd_core.matching import Matcher
    from cccd_core.storage import whole_file

    when_interrupted("nothing is kept of the measurement; run the same command again")
    with options_named(cascade="--cascade"):
        stages = [Cascade.parse(one) for one in cascade or ["codes:keep=0.001>same>any"]]
    with options_named():
        people = People(probes, given.described, fingerless=True)
        read = list(people)
    asked = [one for one in read if isinstance(one, EnrolledPerson)]
    unread = [one for one in read if not isinstance(one, EnrolledPerson)]
    for one in unread:
        tell(f"left out: {shown(one.person_id)} {shown(one.file)}: {one.error}")
    matcher, coder = Matcher(), FingerCoder.shipped()
    cipher, count = cipher_of(key), runtime.threads() if threads is None else threads
    with (
        open_gallery(gallery, cipher=cipher) as opened,
        progress("measuring", quiet=as_json) as step,
        recording(
            trail, "search", "measured", actor, "administrator", folders=[gallery], order=order, count=len(asked)
        ),
    ):
        update(opened, gallery, matcher, coder, threads=count, cipher=cipher, wait=True, progress=step)
        work = SearchMeasure(opened, gallery, matcher, coder, cipher=cipher, threads=count)
        measured = work.measure(asked, stages, progress=step)
    told = {**measured.as_dict(), "unread": len(unread), "passed_over": dict(people.passed_over)}
    if out is not None:
        whole_file.write(out / "search.json", (json.dumps(told, indent=2) + "\n").encode(), private=True, folders=True)
        plots.save(picture(measured), out / "search.png")
    if as_json:
        print_json(told)
    else:
        tell_passed_over(people.passed_over)
        _show(measured)
    fail_unless(not unread)


def _show(measured: SearchMeasured) -> None:
    say(f"{measured.people} people enrolled; probes: {measured.mated} with a mate, {measured.others} without")
    rows = table("cascade", "asked", "score", "FNIR", "FPIR", right=["asked", "score"])
    for one in measured.cascades:
        for place, point in enumerate(one.points):
            name = "" if place else one.cascade
            rows.add_row(
                cell(name), cell(f"{point.asked:g}"), cell(f"{point.score:.1f}"), *map(_share, (point.fnir, point.fpir))
            )
    show(rows)
    names = ["penetration", "codes, s", "fingers, s", "median, ms", "missed"]
    costs = table("cascade", *names, "lost at", right=names)
    for one in measured.cascades:
        costs.add_row(cell(one.cascade), *_costs(one))
    show(costs)


def _share(share: Share) -> Text:
    rate = share.rate
    if rate is None:
        return cell("")
    return cell(f"{100 * rate:.3g} % ({100 * share.low:.2g} to {100 * share.high:.2g})")


def _costs(one: Measurement) -> list[Text]:
    texts = (
        f"{one.penetration:.2g}",
        f"{one.codes_seconds:.2f}",
        f"{one.seconds - one.codes_seconds:.2f}",
        f"{1000 * one.median_seconds:.1f}",
        f"{len(one.missed)}",
        ", ".join(f"{stage} {count}" for stage, count in one.lost_at.items()),
    )
    return [cell(text) for text in texts]
