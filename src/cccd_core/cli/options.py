"""The options that stand before the command (`--version`, `--log`, `--log-level`), and those that commands on template
files share."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from cccd_core.cli import log
from cccd_core.cli.common import EXIT_CODES, DpiOption, FormatOption, HeightOption, TemplateOptions, WidthOption
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


NOTHING_SAID: Final = TemplateOptions(None, None, None, None)
"""What a command's `given` is where no option is."""

_TEMPLATE_OPTIONS: Final = tuple(
    inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=option)
    for name, option in (
        ("format", FormatOption), ("dpi", DpiOption), ("height", HeightOption), ("width", WidthOption)
    )
)  # fmt: skip


def with_template_options(command: Callable[..., None]) -> Callable[..., None]:
    """Puts the options of template files, each by its one name, in the place of a command's parameter `given`, which
    then is TemplateOptions."""
    signature = inspect.signature(command, eval_str=True)
    parameters = [
        option
        for parameter in signature.parameters.values()
        for option in (_TEMPLATE_OPTIONS if parameter.name == "given" else (parameter,))
    ]

    @functools.wraps(command)
    def called(**values: object) -> None:
        said = {option.name: values.pop(option.name) for option in _TEMPLATE_OPTIONS}
        command(**values, given=TemplateOptions(**said))  # type: ignore[arg-type]  # typer has made each its type

    vars(called)["__signature__"] = signature.replace(parameters=parameters)
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called
