"""To which audit trail a command tells what it does, and as whom."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cccd_core.cli.common import no_stream_place

if TYPE_CHECKING:
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
    typer.Option("--actor", help="Who acts, as the audit trail says it; the system's account without it."),
]
OrderOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--order", help="By which order, or on which legal ground, as the audit trail says it."),
]


@contextmanager
def trail_of(given: str | None, *, folder: Path | None = None, register: str | None = None) -> Iterator[Trail | None]:
    """The trail to be told: see `audit.places.trail_for`."""
    if given is None and folder is None and register is None and not os.environ.get("CCCD_TRAIL"):
        yield None  # nothing is loaded for nothing
        return
    from cccd_core.issuance.audit import places

    with places.trail_for(given, folder=folder, register=register) as trail:
        yield trail


def acting(name: str | None, role: Role) -> Actor:
    """Who acts."""
    from cccd_core.issuance.audit.entry import Actor, this_account

    return this_account(role) if name is None else Actor(name, role)
