"""The `cccd` command: gathers the commands of each area. The command file of the area that is called is imported (all
for `cccd --help`); these import their libraries only inside a command, so that each loads its own area alone."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from cccd_core.cli import interrupts

if TYPE_CHECKING:
    import typer

# Each file has `register(app)`, which adds the one command, or group of commands, of its name (evaluate_search.py of
# evaluate-search).
AREAS = (
    "doctor",
    "template",
    "extract",
    "match",
    "warmup",
    "evaluate",
    "evaluate-search",
    "pki",
    "card",
    "vcard",
    "batch",
    "issue",
    "review",
    "audit",
    "register",
    "access",
    "gallery",
    "search",
    "ask",
    "dedup",
    "synth",
)


def build(area: str | None = None) -> typer.Typer:
    """The whole command, every area registered; with `area`, that one alone."""
    from cccd_core.cli import options

    app = options.new_app()
    for name in AREAS if area is None else (area,):
        importlib.import_module(f"cccd_core.cli.{name.replace('-', '_')}").register(app)
    return app


def called_area(arguments: list[str]) -> str | None:
    """The area whose command is called, behind the options that stand before it; None where none is."""
    left = iter(arguments)
    for argument in left:
        if argument in ("--log", "--log-level"):
            next(left, None)
        elif not argument.startswith("-"):
            return argument if argument in AREAS else None
        elif not argument.startswith(("--log=", "--log-level=")):
            return None
    return None


def main() -> None:
    """Entry point of the `cccd` script."""
    _streams()
    with interrupts.watched(for_good=True):
        try:
            from cccd_core.cli import log
            from cccd_core.cli.common import run

            log.silence_others()
            code = run(build(called_area(sys.argv[1:])))
            interrupts.settle()
        except KeyboardInterrupt:  # before the command began
            interrupts.settle()
            code = 130
            sys.stderr.write("interrupted: nothing was begun\n")
        _leave_nothing_unwritten()
    if code == 130 and len(sys._current_frames()) > 1:
        # A second Ctrl-C breaks off the wait for threads. Python would take itself down under one that computes in
        # native code, and that ends the process with an abort.
        os._exit(code)
    sys.exit(code)


def _streams() -> None:
    """Takes names of any kind on standard streams, and keeps a closed one's number from the next file opened."""
    for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)):
        if stream is None:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number free, which is this one
            if number:
                setattr(sys, ("stdin", "stdout", "stderr")[number], open(number, "w", closefd=False))  # noqa: SIM115
        elif number:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _leave_nothing_unwritten() -> None:
    """What could not be written was told already; Python would try again when it ends, and tell it with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
