"""cccd batch: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import JsonOption, fail_unless, no_stream, when_interrupted
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import both, cell, counted, print_json, say, show, table
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, recording
from cccd_core.progress import named

if TYPE_CHECKING:
    from cccd_core.issuance.dossiers.check import BatchCheck

_SHOWN = 200  # rows of the table; --json has them all


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(no_args_is_help=True, help="Batches of dossiers: what they hold, and what is wrong with one.")
    app.add_typer(area, name="batch")
    area.command(epilog="Example: cccd batch schema > dossier.schema.json")(schema)
    area.command(epilog="Example: cccd batch check ./batch")(check)
    area.command(epilog="Example: cccd batch images ./out --key images.key --to ./opened")(images)


def schema() -> None:
    """Prints the JSON Schema of dossier.json, every field explained, with the layout of a batch."""
    from cccd_core.issuance.dossiers.schema import json_schema

    print_json(json_schema())


def check(
    batch: Annotated[
        Path, typer.Argument(help="A folder of dossiers, or one Parquet file.", show_default=False, callback=no_stream)
    ],
    as_json: JsonOption = False,
) -> None:
    """Names every problem of every dossier; exit code 1 when one is to be rejected or looked at by a person."""
    from cccd_core.issuance.dossiers.batch import open_batch
    from cccd_core.issuance.dossiers.check import check_batch

    when_interrupted("a check changes nothing; run the same command again")
    with progress("check", quiet=as_json) as step:
        result = check_batch(open_batch(batch), progress=named(step, "check"))
    if as_json:
        print_json(result)
    else:
        _show(result)
    fail_unless(result.well)


def images(
    out: Annotated[
        Path,
        typer.Argument(
            help="The OUT folder of a run of cccd issue --keep-images.", show_default=False, callback=no_stream
        ),
    ],
    key: Annotated[Path, typer.Option(metavar="FILE", help="The key that they are encrypted by.", callback=no_stream)],
    to: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where DOSSIER/POSITION.ENDING is written.", callback=no_stream)
    ],
    dossier: Annotated[list[str] | None, typer.Option(help="Of this dossier alone; may be repeated.")] = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Opens the images of fingers that a run kept."""
    from cccd_core.cli.gallery_key import read_key
    from cccd_core.issuance.dossiers.raw import place_name
    from cccd_core.issuance.runs.images import KeptImages
    from cccd_core.storage import whole_file
    from cccd_core.storage.aes_gcm import KeyRing

    when_interrupted("every image that was written is whole; run the same command again")
    kept = KeptImages(out, KeyRing(read_key(key)))
    written: list[str] = []
    only = dossier[0] if dossier is not None and len(dossier) == 1 else None
    with (
        progress("opening", quiet=as_json) as step,
        recording(
            trail, "reading", "images_opened", actor, "operator", folders=[out], dossier=only, order=order
        ) as outcome,
    ):
        for name in dossier or (None,):
            for image in kept.read(name):
                path = to / image.dossier_id / f"{place_name(image.place)}.{image.ending}"
                whole_file.write(path, image.data, private=True, folders=True)
                written.append(str(path))
                step(len(written), len(written), "images")
        outcome.count = len(written)
    if as_json:
        print_json({"images": written})
    else:
        say(f"{counted(len(written), 'image')} written to {to}")


def _show(result: BatchCheck) -> None:
    from cccd_core.issuance.dossiers.reasons import Oddity
    from cccd_core.issuance.reports import words

    problems = table("dossier", "field", "reason", "facts", "vì sao / why")
    for problem in result.problems[:_SHOWN]:
        facts = ", ".join(f"{name} {fact}" for name, fact in problem.facts.items())
        style = "red" if problem.severity == "error" else "yellow"
        problems.add_row(cell(problem.dossier_id), cell(problem.field), cell(problem.reason, style), cell(facts),
                         cell(both(words.reason(problem.reason))))  # fmt: skip
    if result.problems:
        show(problems)
    if len(result.problems) > _SHOWN:
        say(f"... and {len(result.problems) - _SHOWN} more: --json has them all")
    figures = sorted(figure for of in result.quality.values() for figure in of.values())
    if figures:
        median = figures[len(figures) // 2]
        again = sum(problem.reason is Oddity.CAPTURE_AGAIN for problem in result.problems)
        say(
            f"{len(figures):,} images of fingers, quality {figures[0]} to {figures[-1]}, median {median};"
            f" {again:,} to be captured again"
        )
    looked_at = f" ({result.review} for review)" if result.review else ""
    rejected = result.received - result.sound
    say(f"{counted(result.received, 'dossier')}, {result.sound} sound{looked_at}, {rejected} to be rejected")
