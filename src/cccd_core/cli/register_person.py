"""cccd register person: parses and prints; no logic."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cccd_core.cli.common import (
    JsonOption,
    no_stream,
    no_stream_place,
    read_input,
    tell_passed_over,
    when_interrupted,
)
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.terminal import cell, print_json, say, show, table
from cccd_core.cli.told import ActorOption, TrailOption, acting, recording, trail_of
from cccd_core.errors import ParameterError
from cccd_core.plain import encode

if TYPE_CHECKING:
    from cccd_core.issuance.correction.acts import Act, Known, Ordered
    from cccd_core.issuance.correction.doing import Corrections
    from cccd_core.issuance.correction.store import Acts

_RESUMED = "nothing is half done for good: cccd register person resume finishes what was begun"
_NUMBER_BYTES_MOST = 64
_NUMBER = re.compile(r"[0-9]{9}|[0-9]{12}")

GalleryOption: TypeAlias = Annotated[
    Path, typer.Option(help="Folder of the gallery, as for cccd issue.", show_default=False, callback=no_stream)
]
RegisterOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--register",
        metavar="WHERE",
        help="The register, where it is not in the gallery's folder.",
        callback=no_stream_place,
    ),
]
DossierOption: TypeAlias = Annotated[
    str | None, typer.Option("--dossier", metavar="ID", help="Whom: who got a card by this dossier, or came in by it.")
]
NumberOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--number-file", metavar="FILE", help="Whom: whose personal number stands in this file; - is standard input."
    ),
]
OtherOption: TypeAlias = Annotated[str, typer.Option("--other", metavar="ID", help="The other one, by a dossier.")]
OrderOption: TypeAlias = Annotated[
    str, typer.Option(help="Number of the order, or the legal ground; up to 64 characters, no personal data.")
]
NameOption: TypeAlias = Annotated[str, typer.Option("--as", metavar="NAME", help="Who you are in the system.")]
ReasonOption: TypeAlias = Annotated[str, typer.Option(help="Why, in a line: no names, no numbers of people.")]


def register(parent: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(no_args_is_help=True, help="Acts on a person, in register and gallery together, by order.")
    parent.add_typer(area, name="person")
    said = "--gallery ./gallery --order 'QD 12/2026' --as dung.hn --reason 'court order'"
    area.command("show", epilog="Example: cccd register person show --dossier D1 --gallery ./gallery")(show_person)
    area.command(epilog=f"Example: cccd register person remove --dossier D1 {said}")(remove)
    area.command(epilog=f"Example: cccd register person replace ./recaptured/D1 --dossier D1 {said}")(replace)
    area.command(epilog=f"Example: cccd register person merge --dossier D1 --other D7 {said}")(merge)
    area.command(epilog=f"Example: cccd register person split --dossier D1 --finger 2 --finger 3 {said}")(split)
    area.command(epilog="Example: cccd register person resume --gallery ./gallery")(resume)
    area.command(epilog="Example: cccd register person acts --gallery ./gallery")(acts)


def show_person(
    gallery: GalleryOption,
    dossier: DossierOption = None,
    number_file: NumberOption = None,
    where: RegisterOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Says what register and gallery have of a person: cards, fingers, acts. No name, no number, no template."""
    from cccd_core.dedup import open_gallery
    from cccd_core.issuance.audit.acts import tell
    from cccd_core.issuance.audit.entry import Entry, Kind, Role, named
    from cccd_core.issuance.correction.store import Acts

    cipher, place = cipher_of(key), _where(gallery, where)
    with (
        trail_of(trail, folder=gallery, register=str(place)) as told,
        open_gallery(gallery, cipher=cipher) as opened,
        Acts.opened(place, cipher=cipher) as kept,
    ):
        known = _person(kept, dossier, number_file)
        who = acting(None, Role.ADMINISTRATOR, register=str(place))
        tell(told, [Entry(Kind.READING, "person", who, person=named(known.person_id))])
        positions = None
        if known.person_id in opened:
            record = opened.get(known.person_id)
            positions = [*record.tenprint, *(0 for _ in record.unplaced)]
        done = [act for act in kept.all() if known.person_id in (act.person_id, act.other)]
    cards = [{"serial": card.serial, "status": card.status, "dossier": card.dossier_id} for card in known.cards]
    if as_json:
        listed = [_json(act) for act in done]
        print_json({"person": known.person_id, "fingers": positions, "cards": cards, "acts": listed})
        return
    enrolled = "none enrolled" if positions is None else " ".join(map(str, positions))
    say(f"person {known.person_id}", f"fingers by position: {enrolled}")
    for card in known.cards:
        say(f"card {card.serial or 'not proved yet'}, dossier {card.dossier_id}: {card.status.replace('_', ' ')}")
    for act in done:
        _said(act)


def remove(
    gallery: GalleryOption,
    order: OrderOption,
    name: NameOption,
    reason: ReasonOption,
    dossier: DossierOption = None,
    number_file: NumberOption = None,
    where: RegisterOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes a person out of gallery and register, and names their cards that are to be revoked.

    Whose the numbers were nothing says afterwards; the person may enrol again as a new one. What the index made of the
    fingers goes with cccd gallery compact.
    """
    ordered = _ordered(order, name, reason)
    with _acting(gallery, where, key, name, trail) as (kept, doing):
        act = doing.remove(_person(kept, dossier, number_file), ordered)
    _told(act, as_json)


def replace(
    person_dir: Annotated[
        Path,
        typer.Argument(
            metavar="PERSON_DIR", help="A folder with the new fingers, <position>.<suffix>.", show_default=False,
            callback=no_stream,
        ),
    ],
    gallery: GalleryOption,
    order: OrderOption,
    name: NameOption,
    reason: ReasonOption,
    although: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="Somebody, by a dossier, whom the order says that the new fingers are not compared with. May be given "
            "again.",
        ),
    ] = None,
    dossier: DossierOption = None,
    number_file: NumberOption = None,
    where: RegisterOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Puts other fingers in the place of those enrolled of a person, unless they are somebody else's. Interrupted
    before it was done, give it again."""
    from cccd_core.dedup.resident import Resident
    from cccd_core.intake.people import read_person

    ordered = _ordered(order, name, reason)
    passed_over: Counter[str] = Counter()
    person = read_person(person_dir, passed_over=passed_over)
    with _acting(gallery, where, key, name, trail) as (kept, doing):
        act = doing.replace(
            _person(kept, dossier, number_file), person, ordered, Resident(gallery, cipher=cipher_of(key)),
            although=[kept.by_dossier(one) for one in although or ()],
        )  # fmt: skip
    if not as_json:
        tell_passed_over(passed_over)
    _told(act, as_json)


def merge(
    gallery: GalleryOption,
    other: OtherOption,
    order: OrderOption,
    name: NameOption,
    reason: ReasonOption,
    dossier: DossierOption = None,
    number_file: NumberOption = None,
    where: RegisterOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Two people are one: the first keeps number and record, the other's number is given up for it."""
    ordered = _ordered(order, name, reason)
    with _acting(gallery, where, key, name, trail) as (kept, doing):
        act = doing.merge(_person(kept, dossier, number_file), kept.by_dossier(other), ordered)
    _told(act, as_json)


def split(
    gallery: GalleryOption,
    finger: Annotated[
        list[int], typer.Option(help="ISO position of a finger that is somebody else's; may be repeated.")
    ],
    order: OrderOption,
    name: NameOption,
    reason: ReasonOption,
    dossier: DossierOption = None,
    number_file: NumberOption = None,
    to: Annotated[
        str | None, typer.Option(metavar="ID", help="Whose the fingers are, by a dossier; else they are in no record.")
    ] = None,
    where: RegisterOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes fingers of somebody else out of a person's record; number and cards stay."""
    ordered = _ordered(order, name, reason)
    with _acting(gallery, where, key, name, trail) as (kept, doing):
        whose = None if to is None else kept.by_dossier(to)
        act = doing.split(_person(kept, dossier, number_file), finger, ordered, to=whose)
    _told(act, as_json)


def resume(
    gallery: GalleryOption,
    where: RegisterOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Finishes the act that was interrupted, if there is one."""
    with _acting(gallery, where, key, None, trail) as (_, doing):
        act = doing.resume()
    if act is not None:
        _told(act, as_json)
    elif as_json:
        print_json(None)
    else:
        say("no act was interrupted")


def acts(
    gallery: GalleryOption,
    order: Annotated[str | None, typer.Option(help="Those of this order alone.")] = None,
    where: RegisterOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lists what was ordered on people, oldest first, with the cards that are to be revoked."""
    from cccd_core.issuance.correction.store import Acts

    place = _where(gallery, where)
    with (
        Acts.opened(place) as kept,
        recording(
            trail, "reading", "acts_listed", actor, "administrator", folders=[gallery], register=str(place), order=order
        ) as outcome,
    ):
        found = kept.all(order)
        outcome.count = len(found)
    if as_json:
        print_json([_json(act) for act in found])
        return
    rows = table("act", "what", "order", "by", "begun", "ended", "cards to revoke")
    for act in found:
        serials = " ".join(card.serial for card in act.cards)
        begun = act.begun.isoformat(timespec="seconds")
        ended = "under way" if act.ended is None else str(act.ended)
        told = (act.act_id, str(act.kind), act.ordered.order, act.ordered.actor, begun, ended, serials)
        rows.add_row(*(cell(text) for text in told))
    show(rows)


@contextmanager
def _acting(
    gallery: Path, where: str | None, key: Path | None, name: str | None, trail: str | None
) -> Iterator[tuple[Acts, Corrections]]:
    from cccd_core.cli.gallery.index import kept_up
    from cccd_core.dedup import open_gallery
    from cccd_core.issuance.audit.entry import Role
    from cccd_core.issuance.correction.doing import Corrections
    from cccd_core.issuance.correction.store import Acts

    when_interrupted(_RESUMED)
    cipher, place = cipher_of(key), _where(gallery, where)
    actor = acting(name, Role.ADMINISTRATOR, register=str(place))
    with (
        trail_of(trail, folder=gallery, register=str(place)) as told,
        open_gallery(gallery, alone=True, cipher=cipher) as opened,
        Acts.opened(place, cipher=cipher) as kept,
    ):
        yield kept, Corrections(kept, opened, lambda: datetime.now(UTC), actor, told)
        kept_up(opened, gallery, cipher, make=False, quiet=True)


def _where(gallery: Path, where: str | None) -> Path | str:
    from cccd_core.issuance.runs.place import place, register_of

    return register_of(gallery, None if where is None else place(where))


def _ordered(order: str, name: str, reason: str) -> Ordered:
    from cccd_core.issuance.correction.acts import Ordered

    return Ordered(order, name, reason)


def _person(kept: Acts, dossier: str | None, number_file: Path | None) -> Known:
    if dossier is not None and number_file is None:
        return kept.by_dossier(dossier)
    if number_file is None or dossier is not None:
        raise ParameterError("a person is named by --dossier or by --number-file")
    if _NUMBER.fullmatch(str(number_file)) is not None and not number_file.exists():
        raise ParameterError("a number stands in a file, and in no command line, where others see it")
    text = read_input(number_file, "file of a number", _NUMBER_BYTES_MOST).decode("ascii", "replace")
    return kept.by_number(text.strip())


def _told(act: Act, as_json: bool) -> None:
    if as_json:
        print_json(_json(act))
    else:
        _said(act)


def _said(act: Act) -> None:
    what = f"{act.kind} of person {act.person_id}" + ("" if act.other is None else f" and {act.other}")
    how = "was interrupted" if act.ended is None else str(act.ended)
    say(f"{what}, order {act.ordered.order}: {how}")
    for card in act.cards:
        say(f"card {card.serial}, of dossier {card.dossier_id}: {card.to_do.text}")


def _json(act: Act) -> dict[str, Any]:
    return {
        "act": act.act_id,
        "kind": act.kind,
        "person": act.person_id,
        "other": act.other,
        "fingers": list(act.positions),
        "order": act.ordered.order,
        "by": act.ordered.actor,
        "reason": act.ordered.reason,
        "begun": encode(act.begun),
        "ended": act.ended,
        "revoke": [{"card_serial": one.serial, "dossier": one.dossier_id, "to_do": one.to_do} for one in act.cards],
    }
