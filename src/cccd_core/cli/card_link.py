"""The card that a command is about: in the file of a software card, or in a reader. Parses; no logic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cccd_core.cli.common import no_stream
from cccd_core.cli.terminal import tell

if TYPE_CHECKING:
    from cccd_core.card import Link

CardFile: TypeAlias = Annotated[
    Path | None,
    typer.Argument(help="The file of a software card; without it the card in a reader.", callback=no_stream),
]
ReaderOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--reader", help="The name of a PC/SC reader, or a part of it; the only one there is without it."),
]


@contextmanager
def link_to(file: Path | None, reader: str | None, *, wait_s: float | None = None) -> Iterator[Link]:
    """The card, until the end of the block; in a reader it is waited for where `wait_s` says how long."""
    if file is not None:
        from cccd_core.card.transport.memory import MemoryLink
        from cccd_core.card.virtual import VirtualCard

        if reader is not None:
            raise typer.BadParameter("name either the file of a software card or a reader")
        with VirtualCard.open(file) as card:
            yield MemoryLink(card)
        return
    from cccd_core.card.transport import pcsc

    name = pcsc.find_reader(reader)
    if wait_s is not None and not pcsc.card_present(name):
        tell(f"waiting for a card in {name}")
        pcsc.wait_for_card(name, True, wait_s)
    link = pcsc.PcscLink(name)
    try:
        yield link
    finally:
        link.close()
