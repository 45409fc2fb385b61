"""cccd batch: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import JsonOption, console, fail_unless, print_json, progress

if TYPE_CHECKING:
    from cccd_core.issuance.dossiers.check import BatchCheck

BatchArgument = Annotated[Path, typer.Argument(help="A folder of dossiers, or one Parquet file.", show_default=False)]
_SHOWN = 200  # rows of the table; --json has them all


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    batch = typer.Typer(no_args_is_help=True, help="Batches of dossiers: what they hold, and what is wrong with one.")
    app.add_typer(batch, name="batch")

    @batch.command()
    def schema() -> None:
        """Prints the JSON Schema of dossier.json, every field explained, with the layout of a batch.

        Example: cccd batch schema > dossier.schema.json
        """
        from cccd_core.issuance.dossiers.schema import json_schema

        print_json(json_schema())

    @batch.command()
    def check(batch: BatchArgument, json: JsonOption = False) -> None:
        """Names every problem of every dossier; exit code 1 when there is one.

        Example: cccd batch check ./batch
        """
        from cccd_core.issuance.dossiers.batch import open_batch
        from cccd_core.issuance.dossiers.check import check_batch

        with progress("check", quiet=json) as step:
            result = check_batch(open_batch(batch), progress=step)
        if json:
            print_json(result)
        else:
            _show(result)
        fail_unless(not result.errors)


def _show(result: BatchCheck) -> None:
    from rich.table import Table

    table = Table("dossier", "field", "reason", "facts")
    for problem in result.problems[:_SHOWN]:
        facts = ", ".join(f"{name} {fact}" for name, fact in problem.facts.items())
        style = "red" if problem.severity == "error" else "yellow"
        table.add_row(problem.dossier_id, problem.field, f"[{style}]{problem.reason}[/]", facts)
    if result.problems:
        console.print(table)
    if len(result.problems) > _SHOWN:
        console.print(f"... and {len(result.problems) - _SHOWN} more: --json has them all")
    console.print(f"{result.received} dossiers, {result.sound} sound, {result.received - result.sound} to be rejected")
