"""cccd match: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cccd_core.cli.common import (
    EXIT_FAULTS,
    EXIT_NOT_RUN,
    STREAM,
    JsonOption,
    PositionOption,
    TemplateOptions,
    ThreadsOption,
    ViewOption,
    exit_with,
    one_choice,
    one_stream,
    options_named,
    picture_name,
    reports_beside,
    say_doubts,
    write_output,
)
from cccd_core.cli.options import NOTHING_SAID, with_template_options
from cccd_core.cli.prints import Print, extraction, load_print, say_quality
from cccd_core.cli.terminal import cause, cell, print_json, show, table, tell
from cccd_core.errors import CccdError, ParameterError
from cccd_core.printable import shown

if TYPE_CHECKING:
    from cccd_core.matching import Matcher
    from cccd_core.templates import FingerTemplate

    _Read: TypeAlias = tuple[Path, Print, FingerTemplate]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(epilog="Example: cccd match 101_1.fmr 101_2.fmr 102_1.fmr --json")(match)


@with_template_options
def match(
    probe: Annotated[
        Path, typer.Argument(help="The template or image to compare; - is standard input.", show_default=False)
    ],
    candidates: Annotated[
        list[Path],
        typer.Argument(
            metavar="CANDIDATE...",
            help="The templates or images to compare it with; - is standard input.",
            show_default=False,
            callback=one_stream,
        ),
    ],
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Draw the evidence for an examiner, of several candidates the best eight; - is standard output.",
            callback=picture_name,
        ),
    ] = None,
    given: TemplateOptions = NOTHING_SAID,
    view: ViewOption = None,
    position: PositionOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares one finger with others.

    The score is −10·log10(FMR): 40 means that one pair of different fingers in 10,000 scores as high. Of a file with
    several finger views the first is compared, unless --view or --position says which; a file of one view has no other.
    From an image (WSQ, PNG, TIFF, BMP, JPEG 2000, JPEG) minutiae are extracted, and --explain draws its ridges, too.
    A candidate that cannot be read is reported, the others are compared.
    """
    from cccd_core.matching import Matcher

    if probe == STREAM and STREAM in candidates:
        raise typer.BadParameter("`-` is standard input, which can be read once: probe and candidate cannot both be it")
    one_choice(view, position)
    reports_beside(explain)
    matcher = Matcher()
    mine = load_print(given, probe, position)
    with options_named():
        first = mine.record.select(view, position)
    rows: list[dict[str, Any]] = []
    read = [(probe, mine, first)]
    for path in candidates:
        try:
            other = load_print(given, path, position)
        except ParameterError:
            raise  # the command line left out what the format needs
        except CccdError as error:
            rows.append({"candidate": str(path), "error": error.as_dict()})
            continue
        try:
            with options_named():
                used = other.record.select(view, position)
        except ParameterError as error:  # it fits the other files
            rows.append({"candidate": str(path), "error": error.as_dict()})
            continue
        read.append((path, other, used))
        rows.append({"candidate": str(path), "score": None, **_doubts(other, used)})
    found = [used for _, _, used in read[1:]]
    scores = matcher.scores(matcher.prepare(first), matcher.gallery(found), threads=threads).tolist()
    compared = [row for row in rows if "score" in row]
    for row, score in zip(compared, scores, strict=True):
        row["score"] = score
    result: dict[str, Any] = {
        "manifest": {**matcher.manifest(), **extraction(*(each for _, each, _ in read))},
        "probe": str(probe),
        "probe_doubts": _doubts(mine, first),
        "candidates": rows,
    }
    if explain is not None and found:
        write_output(explain, _explained(matcher, read, compared), True)
    elif explain is not None:
        tell("no picture is written: no candidate could be compared")
    if as_json:
        print_json(result)
    else:
        _show(rows)
        for path, each, used in read:
            say_doubts(each.record, shown(path), used=used, image=each.image)
            say_quality(each, shown(path))
    if len(found) < len(candidates):
        exit_with(EXIT_FAULTS if len(candidates) > 1 else EXIT_NOT_RUN)


def _explained(matcher: Matcher, read: list[_Read], rows: list[dict[str, Any]]) -> bytes:
    """The picture of the best candidates against the probe; puts the evidence into their rows."""
    from cccd_core.evaluation.evidence import evidence
    from cccd_core.evaluation.explain import MOST_CANDIDATES, Candidate, picture

    (path, seen, probe), *others = read
    known_to = matcher.calibration.extrapolated_from
    best = sorted(range(len(rows)), key=lambda place: -rows[place]["score"])[:MOST_CANDIDATES]
    drawn = []
    for place in best:
        other, beside, candidate = others[place]
        why = matcher.explain(probe, candidate)
        drawn.append(Candidate(shown(other.name), candidate, why, beside.image))
        rows[place]["explanation"] = {
            **why.as_dict(),
            "evidence": evidence(probe, candidate, why, extrapolated_from=known_to).as_dict(),
        }
    if len(best) < len(rows):
        tell(f"the best {len(best)} of {len(rows)} candidates are drawn")
    return picture(shown(path.name), probe, drawn, image=seen.image, extrapolated_from=known_to)


def _doubts(found: Print, used: FingerTemplate) -> dict[str, Any]:
    """What was odd about a file, what is doubted of the view that is compared, and what an image was like."""
    from cccd_core.intake import examine

    record = found.record
    return {
        **found.as_dict(),
        "notices": [notice.as_dict() for notice in record.notices],
        "findings": [finding.as_dict() for finding in examine(record, used, image=found.image)],
        "views": len(record.views),
        "view": next(number for number, each in enumerate(record.views, start=1) if each is used),
    }


def _show(rows: list[dict[str, Any]]) -> None:
    scores = table("score", "candidate", right=["score"], frame=None)
    for row in rows:
        if "error" in row:
            scores.add_row("–", cell(f"{row['candidate']}: {cause(row['error'])}"))
        else:
            scores.add_row(f"{row['score']:.1f}", cell(row["candidate"]))
    show(scores)
