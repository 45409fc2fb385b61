"""What every command shares: the JSON switch, exit codes, errors shown one way, progress. Imports typer and rich."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

from cccd_core.errors import CccdError
from cccd_core.progress import Progress

EXIT_FAILED = 1  # the command ran and not all went well
EXIT_USAGE = 2  # the command line itself is wrong
EXIT_INTERRUPTED = 130  # Ctrl-C: what was finished is kept

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
# What template files do not always say themselves.
FormatOption = Annotated[
    str | None, typer.Option("--format", help="The templates' format, where it cannot be told (card formats).")
]
DpiOption = Annotated[float | None, typer.Option("--dpi", help="Resolution of .xyt templates.")]
HeightOption = Annotated[int | None, typer.Option("--height", help="Image height of .xyt templates, in pixels.")]
WidthOption = Annotated[int | None, typer.Option("--width", help="Image width of .xyt templates, in pixels.")]

# A file may be called `:ok:.fmr`, and is shown so.
console = Console(emoji=False)
errors = Console(stderr=True, emoji=False)


def print_json(value: Any) -> None:
    """Writes `value` as JSON, keys in order, UTF-8 kept."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def show_error(error: CccdError, *, as_json: bool) -> None:
    """One form for every error: a line on standard error, or an `error` object on standard output."""
    if as_json:
        print_json({"error": error.as_dict()})
    else:
        errors.print(f"[bold red]{error.kind}[/]: {_escape(str(error))}", highlight=False, soft_wrap=True)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Progress]:
    """A progress bar with count, rate of passing time and time left, on standard error; silent with `quiet`."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    with Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        disable=quiet,
    ) as bar:
        task = bar.add_task(what, total=None)

        def step(done: int, total: int, now: str = "") -> None:
            bar.update(task, completed=done, total=total, description=f"{what} {now}".rstrip())

        yield step


def run(app: typer.Typer, arguments: list[str] | None = None) -> int:
    """Runs the command line and turns every ending into an exit code: 0 only when all went well."""
    argv = sys.argv[1:] if arguments is None else arguments
    try:
        typer.main.get_command(app).main(args=argv, prog_name="cccd")
    except CccdError as error:
        show_error(error, as_json="--json" in argv)
        return EXIT_FAILED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        errors.print("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_FAILED
    return 0


def fail_unless(went_well: bool) -> None:
    """Ends the command with exit code 1 when something in it did not go well (and was already reported)."""
    if not went_well:
        raise typer.Exit(EXIT_FAILED)


def facts_table(rows: Mapping[str, Any]) -> str:
    """Two aligned columns, for short listings."""
    width = max((len(name) for name in rows), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows.items())
