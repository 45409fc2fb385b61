"""cccd gallery add, import, export: parses and prints; no logic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cccd_core.cli.common import (
    JsonOption,
    TemplateOptions,
    fail_unless,
    needs_as_options,
    no_stream,
    tell_passed_over,
    when_interrupted,
)
from cccd_core.cli.gallery.arguments import SHOWN, GalleryFolder
from cccd_core.cli.gallery.index import kept_up
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.options import NOTHING_SAID, with_template_options
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import cell, print_json, say, show, table
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, recording
from cccd_core.progress import named

if TYPE_CHECKING:
    from cccd_core.intake.enrolling import Enrolled
    from cccd_core.intake.people import People

PeopleDir: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="PEOPLE",
        help="A folder of folders PERSON/<position>.<suffix>, position 1 to 10, or 0 for an unknown one (0-1, 0-2, ...)"
        " in any template format, or an image (WSQ, PNG, ...); or a Parquet file, or a folder of these: person_id,"
        " finger_1 to finger_10, unplaced.",
        show_default=False,
        callback=no_stream,
    ),
]


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    area.command(epilog="Example: cccd gallery add ./gallery ./people")(add)
    area.command("import", epilog="Example: cccd gallery import ./gallery ./people.parquet")(bring_in)
    area.command(epilog="Example: cccd gallery export ./gallery --out ./people")(export)


@with_template_options
def add(
    gallery: GalleryFolder,
    people: PeopleDir,
    given: TemplateOptions = NOTHING_SAID,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enrols everyone of a folder or Parquet file. Run it again after any interruption: who is there is counted.

    A person of whom a file cannot be read, or whose name stands for other templates, is named and left out, the others
    go on; the exit code is 1 then. Nobody is searched for: who is enrolled twice is found by a search. The index is
    brought up to date.
    """
    from cccd_core.intake.people import People

    _enrol(gallery, People(people, given.described), key, _Told(trail, actor, order), as_json)


def bring_in(
    gallery: GalleryFolder,
    people: PeopleDir,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enrols everyone whom cccd gallery export wrote, those without a finger too. Else as add."""
    from cccd_core.intake.people import People

    _enrol(gallery, People(people, fingerless=True), key, _Told(trail, actor, order), as_json)


def export(
    gallery: GalleryFolder,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="A folder, or a file NAME.parquet, to write.", callback=no_stream),
    ],
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Writes everyone, as ISO/IEC 19794-2:2005 records, for the owner alone; import reads it.

    Who cannot be the name of a folder is named and left out, with exit code 1; a Parquet file has everyone. A folder
    that is there already is left as it is.
    """
    from cccd_core.dedup import open_gallery
    from cccd_core.intake.enrolling import write_out

    when_interrupted("what is written is whole; run the same command again to go on")
    with (
        open_gallery(gallery, cipher=cipher_of(key)) as opened,
        progress("export", quiet=as_json) as step,
        recording(
            trail, "reading", "exported", actor, "administrator", folders=[gallery], order=order, count=len(opened)
        ),
    ):
        found = write_out(opened, out, named(step, "export"))
    if as_json:
        print_json(found)
    else:
        rows = table("person", "left out")
        for name in found.refused[:SHOWN]:
            rows.add_row(cell(name), cell("no name of a folder"))
        if found.refused:
            show(rows)
        say(f"{found.written} people written, {found.known} were there, {len(found.refused)} left out")
    fail_unless(found.well)


@dataclass(frozen=True, slots=True)
class _Told:
    """To which trail, as whom, by which order."""

    trail: str | None
    actor: str | None
    order: str | None


def _enrol(gallery: Path, people: People, key: Path | None, told: _Told, as_json: bool) -> None:
    from cccd_core.dedup import open_gallery
    from cccd_core.intake.enrolling import enrol

    when_interrupted("who was enrolled stays; run the same command again to go on")
    cipher = cipher_of(key)
    with (
        open_gallery(gallery, enrolling=True, cipher=cipher) as opened,
        recording(
            told.trail, "correction", "added", told.actor, "administrator", folders=[gallery], order=told.order,
            count=len(people),
        ) as outcome,
    ):  # fmt: skip
        with progress("enrol", quiet=as_json) as step:
            found = enrol(opened, people, len(people), named(step, "enrol"))
        outcome.count, outcome.person = found.added, found.digest
        outcome.reason = f"{found.known} were there, {len(found.unread) + len(found.refused)} left out"
        kept_up(opened, gallery, cipher, make=True, quiet=as_json)
    if as_json:
        print_json({**found.as_dict(), "passed_over": dict(people.passed_over)})
    else:
        tell_passed_over(people.passed_over)
        _show(found)
    fail_unless(found.well)


def _show(found: Enrolled) -> None:
    rows = table("person", "file", "left out")
    for one in found.unread[:SHOWN]:
        rows.add_row(cell(one.person_id), cell(one.file), cell(needs_as_options(str(one.error))))
    for name in found.refused[: max(0, SHOWN - len(found.unread))]:
        rows.add_row(cell(name), cell(""), cell("other templates are enrolled under this name"))
    left_out = len(found.unread) + len(found.refused)
    if left_out:
        show(rows)
    if left_out > SHOWN:
        say(f"... and {left_out - SHOWN} more: --json has them all")
    say(f"{found.added} people enrolled, {found.known} were there, {left_out} left out")
