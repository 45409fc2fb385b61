"""cccd match: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cccd_core.cli.common import (
    EXIT_FAULTS,
    EXIT_NOT_RUN,
    STREAM,
    DpiOption,
    FormatOption,
    HeightOption,
    JsonOption,
    TemplateOptions,
    ThreadsOption,
    WidthOption,
    exit_with,
    one_stream,
    reports_beside,
    say_doubts,
    write_output,
)
from cccd_core.cli.terminal import cell, print_json, show, shown, table
from cccd_core.errors import CccdError, ParameterError

if TYPE_CHECKING:
    from cccd_core.templates import TemplateRecord


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(epilog="Example: cccd match 101_1.fmr 101_2.fmr 102_1.fmr --json")(match)


def match(
    probe: Annotated[Path, typer.Argument(help="The template to compare; - is standard input.", show_default=False)],
    candidates: Annotated[
        list[Path],
        typer.Argument(
            metavar="CANDIDATE...",
            help="The templates to compare it with; - is standard input.",
            show_default=False,
            callback=one_stream,
        ),
    ],
    explain: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw why: the pairs, what spoke for and against; - is standard output."),
    ] = None,
    format_: FormatOption = None,
    dpi: DpiOption = None,
    height: HeightOption = None,
    width: WidthOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares one finger with others.

    The score is −10·log10(FMR): 40 means that one pair of different fingers in 10,000 scores as high. Of a record with
    several finger views the first is compared. A candidate that cannot be read is reported, the others are compared.
    """
    from cccd_core.matching import Matcher

    if probe == STREAM and STREAM in candidates:
        raise typer.BadParameter("`-` is standard input, which can be read once: probe and candidate cannot both be it")
    if explain is not None and len(candidates) != 1:
        raise typer.BadParameter("one pair is drawn: give one candidate", param_hint="--explain")
    reports_beside(explain)
    given = TemplateOptions(format_, dpi, height, width)
    matcher = Matcher()
    probe_record = given.load(probe)
    first = probe_record.view
    rows: list[dict[str, Any]] = []
    found = []
    read = {probe: probe_record}
    for path in candidates:
        try:
            read[path] = given.load(path)
            found.append(read[path].view)
            rows.append({"candidate": str(path), "score": None, **_doubts(read[path])})
        except ParameterError:
            raise  # the command line left out what the format needs
        except CccdError as error:
            rows.append({"candidate": str(path), "error": error.as_dict()})
    scores = iter(matcher.scores(matcher.prepare(first), matcher.gallery(found), threads=threads).tolist())
    for row in rows:
        if "score" in row:
            row["score"] = next(scores)
    record: dict[str, Any] = {
        "manifest": matcher.manifest(),
        "probe": str(probe),
        "probe_doubts": _doubts(probe_record),
        "candidates": rows,
    }
    if explain is not None and found:
        from cccd_core.evaluation.explain import picture

        why = matcher.explain(first, found[0])
        title = f"{shown(probe.name)} against {shown(candidates[0].name)}"
        drawn = picture(first, found[0], why, title=title, extrapolated_from=matcher.calibration.extrapolated_from)
        write_output(explain, drawn, True, folders=True)
        record["explanation"] = why.as_dict()
    if as_json:
        print_json(record)
    else:
        _show(rows)
        for path, each in read.items():
            say_doubts(each, shown(path), all_views=False)
    if len(found) < len(candidates):
        exit_with(EXIT_FAULTS if len(candidates) > 1 else EXIT_NOT_RUN)


def _doubts(record: TemplateRecord) -> dict[str, Any]:
    """What was odd about a file, and what is doubted of the view that is compared."""
    from cccd_core.intake import examine

    return {
        "notices": [notice.as_dict() for notice in record.notices],
        "findings": [finding.as_dict() for finding in examine(record)],
        "views": len(record.views),
    }


def _show(rows: list[dict[str, Any]]) -> None:
    scores = table("score", "candidate", right=["score"], frame=None)
    for row in rows:
        if "error" in row:
            scores.add_row("–", cell(f"{row['candidate']}: {row['error']['message']}"))
        else:
            scores.add_row(f"{row['score']:.1f}", cell(row["candidate"]))
    show(scores)
