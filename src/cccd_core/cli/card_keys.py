"""cccd card keys: whether a blank card and a master key go together. Parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cccd_core.cli.card_link import CardFile, ReaderOption, link_to
from cccd_core.cli.common import JsonOption, fail_unless, no_stream
from cccd_core.cli.terminal import cell, print_json, say, show, table


def register(area: typer.Typer) -> None:
    """Adds the command to the area `card`."""
    area.command("keys", epilog="Example: cccd card keys --reader ACR --pki out/pki")(keys)


def keys(
    pki: Annotated[
        Path,
        typer.Option("--pki", metavar="FOLDER", help="A PKI folder, for its card_master_key.hex.", callback=no_stream),
    ],
    file: CardFile = None,
    reader: ReaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Says whether a blank card's keys come out of the folder's master key, and by which method they do.

    The card is asked for its proof and given none: it costs the card no try. Exit code 1 where the master key, as its
    file says, does not open the card.
    """
    from cccd_core.personalise.keys import card_master_key, examine_keys

    master = card_master_key(pki)
    with link_to(file, reader) as link:
        found = examine_keys(link, master)
    if as_json:
        print_json(found.as_dict())
    else:
        mode = "S16" if found.s16 else "S8"
        say(f"card {found.serial}: SCP03 {mode}, i={found.parameter:02X}, key version {found.version}")
        shown = table("master key", "method", "key version", "the card's keys come out of it by", "opens the card")
        for key in found.keys:
            by = ", ".join(key.methods) or "no method: it is another key's card"
            opens = key.opens(found.version)
            said = ("yes", "green") if opens else ("NO", "bold red")
            shown.add_row(cell(key.check_value), cell(key.method), cell(str(key.version)), cell(by), cell(*said))
        show(shown)
    fail_unless(found.opens)
