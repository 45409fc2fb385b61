"""To which audit trail a command tells what it does, and as whom."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cccd_core.cli.common import no_stream_place

if TYPE_CHECKING:
    from cccd_core.issuance.audit.acts import Outcome
    from cccd_core.issuance.audit.entry import Actor, Role
    from cccd_core.issuance.audit.trail import Trail


TrailOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--trail",
        metavar="WHERE",
        help="Tell this audit trail (a file, or a postgresql:// URL) what is done, before it is; CCCD_TRAIL has it"
        " otherwise, and what demands a trail (see cccd audit demand) needs none.",
        callback=no_stream_place,
    ),
]
ActorOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--actor",
        help="Who acts, as the audit trail says it; without it the login at the register's server, or else the system's"
        " account.",
    ),
]
OrderOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--order", help="By which order, or on which legal ground, as the audit trail says it."),
]


@contextmanager
def trail_of(given: str | None, *, folder: Path | None = None, register: str | None = None) -> Iterator[Trail | None]:
    """The trail to be told: see `audit.places.trail_for`; a gallery's folder stands for its register as well,
    and for the server that keeps its people."""
    if _nowhere(given, folder, register):
        yield None
        return
    from cccd_core.issuance.audit import places

    with places.trail_for(given, folder=folder, register=_register(folder, register)) as trail:
        yield trail


@contextmanager
def recording(
    trail: str | None,
    kind: str,
    what: str,
    actor: str | None,
    role: str,
    *,
    folders: Sequence[Path] = (),
    register: str | None = None,
    dossier: str | None = None,
    person: str | None = None,
    count: int | None = None,
    order: str | None = None,
    reason: str | None = None,
) -> Iterator[Outcome]:
    """Tells of one act before the block, which does it, and behind it what came of it (`audit.acts.recorded`), which
    the block says by what it is given. Where an act is on the galleries of several folders that have trails of their
    own, each is told."""
    from cccd_core.issuance.audit.acts import Outcome, recorded
    from cccd_core.issuance.audit.entry import Entry, Kind, Role

    who = acting(actor, Role(role), folder=next(iter(folders), None), register=register)
    entry = Entry(Kind(kind), what, who, dossier, order=order, reason=reason, person=person, count=count)
    if _nowhere(trail, *folders, register):
        yield Outcome()
        return
    from cccd_core.issuance.audit import places

    asked = [(folder, _register(folder, register)) for folder in folders or (None,)]
    apart = dict.fromkeys(places.place_for(trail, folder=folder, register=of) for folder, of in asked)
    with ExitStack() as stack:
        trails = [stack.enter_context(places.trail_at(where)) for where in apart]
        first, *others = [stack.enter_context(recorded(one, entry)) for one in trails]
        try:
            yield first
        finally:
            for other in others:
                other.count, other.person, other.reason = astuple(first)


def acting(name: str | None, role: Role, *, folder: Path | None = None, register: str | None = None) -> Actor:
    """Who acts: who is named, else the login at the server that has the register (of a gallery's `folder`, as in
    `trail_of`), else the account of the system."""
    from cccd_core.issuance.audit.entry import Actor, this_account
    from cccd_core.storage.postgres import at_server, login

    place = _register(folder, register) if name is None else None
    if place is not None and at_server(place):
        name = login(place)
    return this_account(role) if name is None else Actor(name, role)


def _nowhere(trail: str | None, *places: Path | str | None) -> bool:
    """Whether nothing names or could demand a trail: then nothing is loaded for it."""
    return trail is None and not any(places) and not os.environ.get("CCCD_TRAIL")


def _register(folder: Path | None, register: str | None) -> str | None:
    """The register of an act, as what may demand a trail: the one that is named; else, where the folder itself demands
    none, that of the gallery in it, or the server that keeps the gallery's people."""
    if register is not None or folder is None:
        return register
    from cccd_core.dedup.gallery.folder import DATABASE_FILE, database_named
    from cccd_core.issuance.audit.places import PLACE_FILE
    from cccd_core.issuance.runs.place import register_of

    if (folder / PLACE_FILE).exists():
        return None
    known, file = register_of(folder), folder / DATABASE_FILE
    if isinstance(known, Path) and known.parent == folder and file.exists():
        return database_named(file)
    return str(known)
