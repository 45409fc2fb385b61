"""cccd gallery info, list, withdrawals: parses and prints; no logic."""

from __future__ import annotations

from itertools import islice

import typer

from cccd_core.cli.common import JsonOption
from cccd_core.cli.gallery.arguments import SHOWN, GalleryFolder
from cccd_core.cli.gallery.index import figures
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.terminal import aligned, cell, print_json, say, show, table
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, acting, recording, trail_of


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    area.command(epilog="Example: cccd gallery info ./gallery")(info)
    area.command("list", epilog="Example: cccd gallery list ./gallery --json")(people)
    area.command(epilog="Example: cccd gallery withdrawals ./gallery")(withdrawals)


def info(
    gallery: GalleryFolder,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Says how many people are enrolled, how many were taken out, where the people are, and what the index holds."""
    from cccd_core.dedup import open_gallery
    from cccd_core.dedup.index.manifest import read_manifest
    from cccd_core.dedup.index.updating import index_folder

    cipher = cipher_of(key)
    with (
        open_gallery(gallery, cipher=cipher) as opened,
        recording(trail, "reading", "counted", actor, "administrator", folders=[gallery], order=order) as outcome,
    ):
        outcome.count = len(opened)
        found = {
            "people": len(opened),
            "removed": len(opened.removed()),
            "withdrawals": opened.last_withdrawal(),
            "last_sequence": opened.last_sequence(),
            "gallery_id": opened.gallery_id,
            "where": opened.where,
        }
    manifest = read_manifest(index_folder(gallery), cipher)
    index = {} if manifest is None else figures(manifest)
    if as_json:
        print_json({**found, "index": index or None, "encrypted": cipher is not None})
    else:
        say(*aligned({**found, **{f"index: {name.replace('_', ' ')}": value for name, value in index.items()}}))


def people(
    gallery: GalleryFolder,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lists everyone enrolled, in the order of enrolment, with the positions of their fingers (0: unknown)."""
    from cccd_core.dedup import open_gallery
    from cccd_core.issuance.audit.acts import tell
    from cccd_core.issuance.audit.entry import Entry, Kind, Role

    with trail_of(trail, folder=gallery) as told, open_gallery(gallery, cipher=cipher_of(key)) as opened:
        total = len(opened)
        who = acting(actor, Role.ADMINISTRATOR, folder=gallery)
        tell(told, [Entry(Kind.READING, "listed", who, order=order, count=total)])
        everyone = ((person.person_id, [*person.tenprint, *(0 for _ in person.unplaced)]) for person in opened)
        if as_json:
            print_json({"person_id": person_id, "positions": positions} for person_id, positions in everyone)
            return
        rows = table("person", "fingers")
        for person_id, positions in islice(everyone, SHOWN):
            rows.add_row(cell(person_id), cell(" ".join(map(str, positions))))
    show(rows)
    if total > SHOWN:
        say(f"... and {total - SHOWN} more: --json has them all")


def withdrawals(
    gallery: GalleryFolder,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lists who was taken out of the gallery, given other templates or renamed: when, by which order."""
    from cccd_core.dedup import open_gallery

    what = "withdrawals_listed"
    with (
        open_gallery(gallery, cipher=cipher_of(key)) as opened,
        recording(trail, "reading", what, actor, "administrator", folders=[gallery], order=order) as outcome,
    ):
        found = list(opened.withdrawals())
        outcome.count = len(found)
    if as_json:
        print_json(found)
        return
    rows = table("", "time", "what", "person", "now", "order", "fingers", right=["", "fingers"])
    for one in found[-SHOWN:]:
        time = one.time.isoformat(timespec="seconds")
        row = (one.sequence, time, one.kind, one.person_id, one.new_id or "", one.order, one.fingers)
        rows.add_row(*(cell(value) for value in row))
    show(rows)
    if len(found) > SHOWN:
        say(f"and {len(found) - SHOWN} before: --json has them all")
