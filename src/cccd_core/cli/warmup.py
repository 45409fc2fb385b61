"""cccd warmup: parses and prints; no logic."""

from __future__ import annotations

import typer

from cccd_core.cli.common import JsonOption, when_interrupted
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import aligned, print_json, say


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(epilog="Example: cccd warmup")(warmup)


def warmup(as_json: JsonOption = False) -> None:
    """Compiles the matching kernels ahead, into Numba's cache, so that the first comparison in a process is quick.

    Run it once after installing where the native kernels are missing: it takes a minute and more, and a first
    comparison takes well under two seconds afterwards. Native kernels need it for nothing.
    """
    from cccd_core.matching.warm import warm

    when_interrupted("what was compiled is kept; run the same command again to go on")
    with progress("compiling", quiet=as_json) as step:
        seconds = warm(lambda done, total, _: step(done, total, "compiling"))
    if as_json:
        print_json({"seconds": seconds})
    else:
        say(*aligned({name: f"{value:.2f} s" for name, value in seconds.items()}))
