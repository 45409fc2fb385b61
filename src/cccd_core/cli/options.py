"""The options that stand before the command: `--version`, `--log`, `--log-level`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from cccd_core.cli import log
from cccd_core.cli.common import EXIT_CODES
from cccd_core.cli.terminal import say

logger = logging.getLogger(__name__)


def new_app() -> typer.Typer:
    """The command `cccd` without any area."""
    app = typer.Typer(
        name="cccd",
        help="Fingerprint matching and deduplication at national scale, and the personalisation of identity chips.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog=EXIT_CODES)(_options)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        import cccd_core

        say(f"cccd {cccd_core.__version__}")
        raise typer.Exit


def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Log to the end of this file; - is standard error. Never data."),
    ] = None,
    log_level: Annotated[log.Level, typer.Option("--log-level", help="How much is logged.")] = log.Level.INFO,
) -> None:
    del version
    if log_file is not None:
        log.start(log_file, log_level)
    logger.info("cccd %s", context.invoked_subcommand)
