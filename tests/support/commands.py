"""Every command of `cccd`, and which of them tell an audit trail what they do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from cccd_core.cli.main import build

_TOLD = "Tell this audit trail"


def telling() -> dict[str, bool]:
    """Every command by its words (`gallery add`), and whether it takes the trail to be told."""
    return dict(_commands(typer.main.get_command(build()), ()))


def _commands(command: Any, before: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    groups = getattr(command, "commands", None)
    if groups is None:
        yield " ".join(before), any((getattr(one, "help", None) or "").startswith(_TOLD) for one in command.params)
        return
    for name, one in groups.items():
        yield from _commands(one, (*before, name))
