"""The `cccd` command: gathers the commands of each area. Imports the areas' command files, which import their
libraries only inside a command, so that `cccd --help` stays quick and the card side never loads numba."""

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

# Each file has `register(app)`, which adds its commands.
AREAS = ("doctor", "template", "match", "warmup", "evaluate", "pki", "vcard", "batch", "issue")


def build() -> typer.Typer:
    """The whole command, every area registered."""
    for area in AREAS:
        importlib.import_module(f"cccd_core.cli.{area}").register(app)
    return app


def main() -> None:
    """Entry point of the `cccd` script."""
    sys.exit(run(build()))


if __name__ == "__main__":
    main()
