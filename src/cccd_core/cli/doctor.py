"""cccd doctor: what is active on this machine. Parses and prints; asks `runtime`, the PC/SC transport and `signing`."""

from __future__ import annotations

from typing import Any

import typer
from rich.tree import Tree

from cccd_core.cli.common import JsonOption
from cccd_core.cli.terminal import cell, print_json, show


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(epilog="Example: cccd doctor --json")(doctor)


def doctor(as_json: JsonOption = False) -> None:
    """Says what is active here: kernels, SIMD level, threads, PC/SC readers, PKCS#11 modules, the extractor, GPU."""
    facts = gather()
    if as_json:
        print_json(facts)
    else:
        show(_tree(facts))


def gather() -> dict[str, Any]:
    """Everything `cccd doctor` shows. A part that is missing says why; nothing here fails because of it."""
    from cccd_core import runtime
    from cccd_core.card.transport import pcsc
    from cccd_core.errors import CccdError
    from cccd_core.signing import pkcs11_modules

    readers: dict[str, Any] = {"available": True}
    try:
        readers["readers"] = pcsc.readers()
    except CccdError as error:
        readers = {"available": False, "why": str(error)}
    modules = [str(path) for path in pkcs11_modules()]
    return runtime.describe() | {"pcsc": readers, "pkcs11": {"modules": modules}}


def _tree(facts: dict[str, Any], label: str = "cccd doctor") -> Tree:
    tree = Tree(label)
    for name, value in facts.items():
        if isinstance(value, dict):
            tree.add(_tree(value, name))
        elif isinstance(value, list):
            tree.add(cell(f"{name}: {', '.join(map(str, value)) or 'none'}"))
        else:
            tree.add(cell(f"{name}: {value}"))
    return tree
