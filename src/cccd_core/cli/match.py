"""cccd match: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cccd_core.cli import common
from cccd_core.errors import CccdError, ParameterError


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command("match")(match)


def match(
    probe: Annotated[Path, typer.Argument(help="The template to compare.", show_default=False)],
    candidates: Annotated[
        list[Path],
        typer.Argument(metavar="CANDIDATE...", help="The templates to compare it with.", show_default=False),
    ],
    explain: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw why: the pairs, what spoke for and against.")
    ] = None,
    format_: common.FormatOption = None,
    dpi: common.DpiOption = None,
    height: common.HeightOption = None,
    width: common.WidthOption = None,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="Threads; all cores without it.")] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Compares one finger with others.

    The score is −10·log10(FMR): 40 means that one pair of different fingers in 10,000 scores as high. Of a record with
    several finger views the first is compared. A candidate that cannot be read is reported, the others are compared.

    Example: cccd match 101_1.fmr 101_2.fmr 102_1.fmr --json
    """
    from cccd_core import templates
    from cccd_core.matching import Matcher

    if explain is not None and len(candidates) != 1:
        raise ParameterError("--explain draws one pair: give one candidate", candidates=len(candidates))

    def load(path: Path) -> templates.FingerTemplate:
        return templates.load(path, format=format_, dpi=dpi, height_px=height, width_px=width).views[0]

    matcher = Matcher()
    first = load(probe)
    rows: list[dict[str, Any]] = []
    found = []
    for path in candidates:
        try:
            found.append(load(path))
            rows.append({"candidate": str(path), "score": None})
        except ParameterError:
            raise  # the command line left out what the format needs
        except CccdError as error:
            rows.append({"candidate": str(path), "error": error.as_dict()})
    scores = iter(matcher.scores(matcher.prepare(first), matcher.gallery(found), threads=threads).tolist())
    for row in rows:
        if "score" in row:
            row["score"] = next(scores)
    record: dict[str, Any] = {"manifest": matcher.manifest(), "probe": str(probe), "candidates": rows}
    if explain is not None and found:
        from cccd_core.evaluation.explain import draw

        why = matcher.explain(first, found[0])
        title = f"{probe.name} against {candidates[0].name}"
        draw(first, found[0], why, explain, title=title, extrapolated_from=matcher.calibration.extrapolated_from)
        record["explanation"] = why.as_dict()
    if as_json:
        common.print_json(record)
    else:
        _print(rows)
    common.fail_unless(len(found) == len(candidates))


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("score", justify="right")
    table.add_column("candidate", overflow="fold")
    for row in rows:
        name = escape(row["candidate"])
        if "error" in row:
            table.add_row("–", f"{name}: {escape(row['error']['message'])}")
        else:
            table.add_row(f"{row['score']:.1f}", name)
    common.console.print(table)
