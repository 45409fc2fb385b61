"""cccd pki: the country's keys, certificates and lists. One file an area; each parses and prints, no logic."""

from __future__ import annotations

import typer

from cccd_core.cli.pki import ceremony, cv, folder, keys, lists


def register(app: typer.Typer) -> None:
    """Adds the commands of this area."""
    area = typer.Typer(help="The country's keys, certificates, lists; a test country.", no_args_is_help=True)
    app.add_typer(area, name="pki")
    for part in (folder, keys, lists, ceremony, cv):
        part.register(area)
