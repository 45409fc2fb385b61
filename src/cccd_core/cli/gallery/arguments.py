"""What the commands of a gallery share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

SHOWN = 200  # rows of a table; --json has them all

Person: TypeAlias = Annotated[str, typer.Argument(help="Whom, as the gallery calls the person.", show_default=False)]
Order: TypeAlias = Annotated[
    str, typer.Option(help="Number of the order, or the legal ground; up to 64 characters, no personal data.")
]
