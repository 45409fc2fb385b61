"""cccd gallery create, remove, replace, rename: parses and prints; no logic."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import (
    JsonOption,
    TemplateOptions,
    no_stream,
    options_named,
    tell_passed_over,
    when_interrupted,
)
from cccd_core.cli.gallery.arguments import GalleryFolder, Order, Person
from cccd_core.cli.gallery.index import kept_up
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.options import NOTHING_SAID, with_template_options
from cccd_core.cli.terminal import print_json, say
from cccd_core.cli.told import ActorOption, TrailOption, recording

if TYPE_CHECKING:
    from cccd_core.dedup import Withdrawal
    from cccd_core.issuance.audit.acts import Outcome
    from cccd_core.plain import JsonObject

_CHANGED = "the change was made, or nothing was changed: see cccd gallery withdrawals"


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    area.command(epilog="Example: cccd gallery create ./gallery --at postgresql://enrolment@db.example/gallery")(create)
    area.command(epilog="Example: cccd gallery remove ./gallery P0123456789abcdef01234567 --order 'CV 12/2026'")(remove)
    area.command(epilog="Example: cccd gallery replace ./gallery ./recaptured/P17 --order 'recapture 17'")(replace)
    area.command(epilog="Example: cccd gallery rename ./gallery P17 P71 --order 'CV 13/2026'")(rename)


def create(
    gallery: GalleryFolder,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Keep the people in this PostgreSQL database, not in a file: postgresql://USER@HOST/DATABASE, without"
            " a password, which libpq takes from PGPASSWORD, PGPASSFILE or ~/.pgpass.",
        ),
    ] = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a gallery of nobody in a folder. A database that holds a gallery already is taken as it is."""
    from cccd_core.dedup import create_gallery

    when_interrupted("see cccd gallery info for whether the gallery was made")
    with (
        recording(trail, "access", "gallery_made", actor, "administrator", folders=[gallery], register=at) as outcome,
        closing(create_gallery(gallery, at, cipher=cipher_of(key))) as made,
    ):
        outcome.count = len(made)
        found = {"gallery_id": made.gallery_id, "where": made.where, "people": len(made)}
    if as_json:
        print_json(found)
    else:
        say(f"gallery {found['gallery_id']} in {found['where']}: {found['people']} people")


def remove(
    gallery: GalleryFolder,
    person: Person,
    order: Order,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes a person out of the gallery, and keeps the order: nobody finds them from now on.

    The templates are gone from the gallery's file; what the index made of them goes with cccd gallery compact.
    The register still says whose number it is: a dossier of this person goes to review from now on.
    """
    from cccd_core.dedup import open_gallery

    when_interrupted(_CHANGED)
    cipher = cipher_of(key)
    with (
        open_gallery(gallery, alone=True, cipher=cipher) as opened,
        _changing(gallery, "removed", person, order, trail, actor),
    ):
        gone = opened.remove(person, order=order)
        kept_up(opened, gallery, cipher, make=False, quiet=True)
    _told(gone, f"{gone.person_id} removed: {gone.fingers} fingers", as_json)


@with_template_options
def replace(
    gallery: GalleryFolder,
    person_dir: Annotated[
        Path,
        typer.Argument(
            metavar="PERSON_DIR",
            help="A folder with the new fingers, <position>.<suffix>; its name is whose they are.",
            show_default=False,
            callback=no_stream,
        ),
    ],
    order: Order,
    given: TemplateOptions = NOTHING_SAID,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Puts other templates in the place of a person's, and keeps the order.

    The old ones are gone from the gallery's file; what the index made of them goes with cccd gallery compact.
    """
    from cccd_core.dedup import open_gallery
    from cccd_core.intake.people import read_person

    when_interrupted(_CHANGED)
    passed_over: Counter[str] = Counter()
    with options_named():
        described = given.described
        person = read_person(person_dir, described, passed_over=passed_over)
    cipher = cipher_of(key)
    with (
        open_gallery(gallery, alone=True, cipher=cipher) as opened,
        _changing(gallery, "replaced", person.person_id, order, trail, actor),
    ):
        change = opened.replace(person, order=order)
        kept_up(opened, gallery, cipher, make=False, quiet=True)
    if not as_json:
        tell_passed_over(passed_over)
    what = f"{change.person_id} replaced: {change.fingers} fingers by {person.count}"
    _told(change, what, as_json, passed_over=dict(passed_over))


def rename(
    gallery: GalleryFolder,
    person: Person,
    new: Annotated[str, typer.Argument(help="The new identifier, up to 64 characters.", show_default=False)],
    order: Order,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Gives a person another identifier; templates and number stay, the order is kept.

    Refused for a person whom cccd issue enrolled: the register of cards knows them by the identifier that they have.
    """
    from cccd_core.dedup import open_gallery
    from cccd_core.issuance.register.store import demand_unknown
    from cccd_core.issuance.runs.place import register_of

    when_interrupted(_CHANGED)
    with (
        open_gallery(gallery, alone=True, cipher=cipher_of(key)) as opened,
        _changing(gallery, "renamed", person, order, trail, actor, new=new),
    ):
        demand_unknown(register_of(gallery), (person, new))
        change = opened.rename(person, new, order=order)
    _told(change, f"{change.person_id} is {change.new_id} now", as_json)


def _changing(
    gallery: Path, what: str, person: str, order: str, trail: str | None, actor: str | None, new: str | None = None
) -> AbstractContextManager[Outcome]:
    from cccd_core.issuance.audit.entry import named

    reason, whom = None if new is None else named(new), named(person)
    return recording(
        trail, "correction", what, actor, "administrator", folders=[gallery], person=whom, order=order, reason=reason
    )


def _told(change: Withdrawal, what: str, as_json: bool, **more: JsonObject) -> None:
    if as_json:
        print_json({**change.as_dict(), **more})
    else:
        say(f"{what}, order {change.order}, withdrawal {change.sequence}")
