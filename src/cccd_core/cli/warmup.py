"""cccd warmup: parses and prints; no logic."""

from __future__ import annotations

import typer

from cccd_core.cli import common


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command("warmup")(warmup)


def warmup(as_json: common.JsonOption = False) -> None:
    """Compiles the matching kernels ahead, into Numba's cache, so that the first comparison in a process is quick.

    Run it once after installing; takes up to a minute. Where native kernels run, only match --explain needs Numba;
    without them every first comparison does, and takes well under two seconds afterwards.

    Example: cccd warmup
    """
    from cccd_core.matching.warm import warm

    with common.progress("compiling", quiet=as_json) as step:
        seconds = warm(step)
    if as_json:
        common.print_json({"seconds": seconds})
    else:
        common.console.print(common.facts_table({name: f"{value:.2f} s" for name, value in seconds.items()}))
