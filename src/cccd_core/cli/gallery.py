"""cccd gallery: parses and prints; no logic."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from cccd_core.cli import gallery_index
from cccd_core.cli.common import JsonOption, when_interrupted
from cccd_core.cli.gallery_index import GalleryFolder
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.terminal import aligned, cell, print_json, say, show, table

_SHOWN = 200  # rows of a table; --json has them all


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(no_args_is_help=True, help="Galleries: who is enrolled, and who was taken out by which order.")
    app.add_typer(area, name="gallery")
    area.command(epilog="Example: cccd gallery info ./gallery")(info)
    area.command("list", epilog="Example: cccd gallery list ./gallery --json")(people)
    area.command(epilog="Example: cccd gallery remove ./gallery P0123456789abcdef01234567 --order 'CV 12/2026'")(remove)
    area.command(epilog="Example: cccd gallery withdrawals ./gallery")(withdrawals)
    gallery_index.register(area)


def info(gallery: GalleryFolder, key: KeyOption = None, as_json: JsonOption = False) -> None:
    """Says how many people are enrolled, how many were taken out or replaced, and what the index holds."""
    from cccd_core.dedup import open_gallery
    from cccd_core.dedup.index.manifest import read_manifest
    from cccd_core.dedup.index.updating import index_folder

    cipher = cipher_of(key)
    with open_gallery(gallery, cipher=cipher) as opened:
        found = {
            "people": len(opened),
            "removed": len(opened.removed()),
            "withdrawals": sum(1 for _ in opened.withdrawals()),
        }
    manifest = read_manifest(index_folder(gallery), cipher)
    index = {} if manifest is None else gallery_index.figures(manifest)
    if as_json:
        print_json({**found, "index": index or None, "encrypted": cipher is not None})
    else:
        say(*aligned({**found, **{f"index: {name.replace('_', ' ')}": value for name, value in index.items()}}))


def people(gallery: GalleryFolder, key: KeyOption = None, as_json: JsonOption = False) -> None:
    """Lists everyone enrolled, in the order of enrolment, with the positions of their fingers (0: unknown)."""
    from cccd_core.dedup import open_gallery

    with open_gallery(gallery, cipher=cipher_of(key)) as opened:
        total = len(opened)
        everyone = ((person.person_id, [*person.tenprint, *(0 for _ in person.unplaced)]) for person in opened)
        if as_json:
            print_json([{"person_id": person_id, "positions": positions} for person_id, positions in everyone])
            return
        rows = table("person", "fingers")
        for person_id, positions in islice(everyone, _SHOWN):
            rows.add_row(cell(person_id), cell(" ".join(map(str, positions))))
    show(rows)
    if total > _SHOWN:
        say(f"... and {total - _SHOWN} more: --json has them all")


def remove(
    gallery: GalleryFolder,
    person: Annotated[str, typer.Argument(help="Whom, as the gallery calls the person.", show_default=False)],
    order: Annotated[
        str, typer.Option(help="Number of the order, or the legal ground; up to 64 characters, no personal data.")
    ],
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes a person out of the gallery: templates are gone from its files for good, the order is kept.

    The register still says whose number it is: a dossier of this person goes to review from now on.
    """
    from cccd_core.dedup import open_gallery

    when_interrupted("the person is out of the gallery, or nothing was changed: see cccd gallery withdrawals")
    with open_gallery(gallery, alone=True, cipher=cipher_of(key)) as opened:
        gone = opened.remove(person, order=order)
    if as_json:
        print_json(gone)
    else:
        say(f"{gone.person_id} removed: {gone.fingers} fingers, order {gone.order}, withdrawal {gone.sequence}")


def withdrawals(gallery: GalleryFolder, key: KeyOption = None, as_json: JsonOption = False) -> None:
    """Lists who was taken out of the gallery or given other templates: when, by which order, how many fingers went."""
    from cccd_core.dedup import open_gallery

    with open_gallery(gallery, cipher=cipher_of(key)) as opened:
        found = list(opened.withdrawals())
    if as_json:
        print_json(found)
        return
    rows = table("", "time", "what", "person", "order", "fingers", right=["", "fingers"])
    for one in found[-_SHOWN:]:
        time = one.time.isoformat(timespec="seconds")
        row = (one.sequence, time, one.kind, one.person_id, one.order, one.fingers)
        rows.add_row(*(cell(value) for value in row))
    show(rows)
    if len(found) > _SHOWN:
        say(f"and {len(found) - _SHOWN} before: --json has them all")
