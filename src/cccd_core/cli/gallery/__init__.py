"""cccd gallery: who is enrolled, who comes in and who goes, and by which order."""

from __future__ import annotations

import typer

from cccd_core.cli.gallery import changes, index, reading, transfer


def register(app: typer.Typer) -> None:
    """Adds the commands of this package."""
    area = typer.Typer(
        no_args_is_help=True,
        help="Galleries: who is enrolled, and who was taken out, changed or renamed by which order.",
    )
    app.add_typer(area, name="gallery")
    changes.register(area)
    transfer.register(area)
    reading.register(area)
    index.register(area)
