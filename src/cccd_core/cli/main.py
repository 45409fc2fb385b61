"""The `cccd` command: gathers the commands of each area. Imports the command file of the area that is called (all for
`cccd --help`); these import their libraries only inside a command, so that each loads its own area alone."""

from __future__ import annotations

import importlib
import sys

import typer

from cccd_core.cli.common import run

app = typer.Typer(
    name="cccd",
    help="Fingerprint matching and deduplication at national scale, and the personalisation of identity chip cards.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Each file has `register(app)`, which adds the one command, or group of commands, of its name.
AREAS = ("doctor", "template", "match", "warmup", "evaluate", "pki", "vcard", "batch", "issue")


@app.callback()
def _options() -> None:
    """Makes commands of the areas, even where only one is registered."""


def build(area: str | None = None) -> typer.Typer:
    """The whole command, every area registered; with `area`, that one alone."""
    for name in AREAS if area is None else (area,):
        importlib.import_module(f"cccd_core.cli.{name}").register(app)
    return app


def main() -> None:
    """Entry point of the `cccd` script."""
    called = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.exit(run(build(called if called in AREAS else None)))


if __name__ == "__main__":
    main()
