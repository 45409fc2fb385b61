"""What the commands of a gallery share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from cccd_core.cli.common import no_stream

SHOWN = 200  # rows of a table; --json has them all

GalleryFolder: TypeAlias = Annotated[
    Path,
    typer.Argument(help="Folder of the gallery, as for cccd issue --gallery.", show_default=False, callback=no_stream),
]
Person: TypeAlias = Annotated[str, typer.Argument(help="Whom, as the gallery calls the person.", show_default=False)]
Order: TypeAlias = Annotated[
    str, typer.Option(help="Number of the order, or the legal ground; up to 64 characters, no personal data.")
]
