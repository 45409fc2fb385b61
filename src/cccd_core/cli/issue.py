"""cccd issue: parses and prints; no logic."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import JsonOption, console, errors, fail_unless, print_json, progress

if TYPE_CHECKING:
    from cccd_core.issuance import Report


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""

    @app.command()
    def issue(
        batch: Annotated[Path, typer.Argument(help="A folder of dossiers, or one Parquet file.", show_default=False)],
        gallery: Annotated[Path, typer.Option(help="Folder of the gallery and the register; made if absent.")],
        pki: Annotated[Path, typer.Option(help="Folder of the PKI: see cccd pki init.")],
        out: Annotated[Path, typer.Option(help="Folder of this run: state, cards, report.")],
        reader: Annotated[
            str, typer.Option(help="memory, pcsc, or pcsc:NAME for readers whose name has NAME.")
        ] = "memory",
        take_over: Annotated[
            str | None,
            typer.Option(help="Run id of a lost output folder: issue its dossiers here; destroy its unfinished cards."),
        ] = None,
        json: JsonOption = False,
    ) -> None:
        """Checks, searches, builds, signs, writes and verifies the cards of a batch.

        Run it again after any interruption and it goes on; run it again when it is finished and nothing changes.
        Exit code 1 when a dossier failed; rejected ones, duplicates and reviews are results like any other.

        Example: cccd issue ./batch --gallery ./gallery --pki ./pki --reader memory --out ./out
        """
        from cccd_core.issuance import Means
        from cccd_core.issuance import issue as run

        with progress("issue", quiet=json) as step:
            report = run(
                batch,
                gallery,
                out,
                Means.usual(pki, reader),
                take_over=take_over,
                progress=_with_rate(step),
                ask=None if json else _ask,
            )
        if json:
            print_json(report)
        else:
            _show(report)
        fail_unless(report.complete)


def _with_rate(step: Callable[[int, int, str], None]) -> Callable[[int, int, str], None]:
    """Shows the rate of the stage at hand beside its name."""
    stage, since, first = "", 0.0, 0

    def shown(done: int, total: int, what: str) -> None:
        nonlocal stage, since, first
        if stage != what:
            stage, since, first = what, time.monotonic(), done
        spent, counted = time.monotonic() - since, done - first
        step(done, total, f"{what} {counted / spent:,.1f}/s" if spent > 0.2 and counted else what)

    return shown


def _ask(reader: str, text: str) -> None:
    errors.print(f"{reader}: {text}", markup=False)


def _show(report: Report) -> None:
    from rich.table import Table

    figures = report.figures
    table = Table("", "dossiers", show_header=False)
    rows = [("received", figures.received)]
    rows += [(f"rejected: {reason}", count) for reason, count in figures.rejected.items()]
    rows.append(("duplicates", len(figures.duplicates)))
    rows += [(f"review: {reason}", count) for reason, count in figures.reviews.items()]
    rows += [("unique", figures.unique), ("written", figures.written), ("verified", figures.verified)]
    rows += [(f"failed: {reason}", count) for reason, count in figures.failed.items()]
    for name, count in rows:
        table.add_row(name, str(count))
    console.print(table)
    if figures.duplicates:
        duplicates = Table("duplicate", "of", "fingers", "score")
        for one in figures.duplicates[:50]:
            duplicates.add_row(one.dossier, one.of, " ".join(map(str, one.fingers)), f"{one.score:.1f}")
        console.print(duplicates)
    seconds = ", ".join(f"{stage} {spent:.2f} s" for stage, spent in figures.seconds.items())
    console.print(f"{seconds}; elapsed {figures.elapsed:.1f} s")
    console.print(f"report: {report.out / 'report.html'}")
