"""cccd extract: parses and prints; no logic."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cccd_core.cli.common import (
    EXIT_FAULTS,
    FORMATS_HELP,
    DpiOption,
    JsonOption,
    ThreadsOption,
    exit_with,
    no_stream,
    options_named,
    when_interrupted,
)
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import print_json, say, tell

if TYPE_CHECKING:
    from cccd_core.extraction import Outcome

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(epilog="Example: cccd extract ../shared/data/images/fvc2002_DB1_B -o templates --dpi 500")(extract)


def extract(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE|FOLDER...",
            help="Images (WSQ, PNG, TIFF, BMP, JPEG 2000, JPEG, raw), or folders of them.",
            show_default=False,
            callback=no_stream,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Where the templates go: 101_1.png becomes 101_1.fmr.",
            callback=no_stream,
        ),
    ],
    to: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"The format to write: {FORMATS_HELP}.")
    ] = "iso-2005",
    dpi: DpiOption = None,
    raw: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size of .raw files: gray, a byte a pixel. Needs --dpi.")
    ] = None,
    position: Annotated[
        int | None,
        typer.Option(min=1, max=10, help="Which finger it is; of a file of several prints the one to take, 1 to 10."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Make what is there already anew, too.")] = False,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Finds the minutiae in images of fingers, and writes a template for each.

    An image that does not state its resolution needs --dpi; another one than 500 dpi is resampled. Light ridges on a
    dark ground are noticed and turned; an image without a finger is named, and gets no file. Each template states its
    quality, 1 to 100; a finger that is better captured again is named with the reason, and so is what is doubted of
    one: ridges that deny the resolution, several fingers. Run again, the command goes on where it stopped. Exit code 1
    when an image failed.
    """
    from cccd_core import runtime
    from cccd_core.extraction import Extractor, Wanted, extract_all, found
    from cccd_core.intake import examine_extraction

    size = _size(raw)
    if size is not None and dpi is None:
        raise typer.BadParameter("raw pixels state no resolution; give --dpi", param_hint="--raw")
    when_interrupted("every template that was written is whole; run the same command again to go on")
    with progress("extracting", quiet=as_json) as step, options_named(format="--format"):
        extractor = Extractor()
        outcomes = extract_all(
            found(sources, raw is not None),
            out,
            Wanted(to, dpi, size, again, position or 0),
            extractor=extractor,
            examine=examine_extraction,
            threads=threads or runtime.threads(),
            progress=step,
        )
    failed = [each for each in outcomes if each.error is not None]
    if as_json:
        manifest = runtime.manifest(extractor.parameters.digest)
        print_json({"manifest": manifest, "images": [_row(each) for each in outcomes]})
    else:
        _report(outcomes, failed, out)
    exit_with(EXIT_FAULTS if failed else 0)


def _size(raw: str | None) -> tuple[int, int] | None:
    if raw is None:
        return None
    parts = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", raw)
    if parts is None:
        raise typer.BadParameter("a size is WIDTHxHEIGHT, as 300x400", param_hint="--raw")
    return int(parts[1]), int(parts[2])


def _row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {"image": str(outcome.source)}
    if outcome.error is not None:
        return {**row, "error": outcome.error.as_dict()}
    row |= {"template": str(outcome.target), "kept": outcome.kept}
    if not outcome.kept:
        row |= {
            "minutiae": outcome.minutiae, "resampled": outcome.resampled, "inverted": outcome.inverted,
            "findings": [doubt.as_dict() for doubt in outcome.doubts],
        }  # fmt: skip
    if outcome.quality is not None:
        row |= {"quality": outcome.quality.figure, "capture_again": list(outcome.quality.shortfalls)}
    return row


def _report(outcomes: list[Outcome], failed: list[Outcome], out: Path) -> None:
    kept = sum(each.kept for each in outcomes)
    made = len(outcomes) - kept - len(failed)
    there = f", {kept:,} were there already" if kept else ""
    missed = f", {len(failed):,} failed" if failed else ""
    say(f"{made:,} template{'' if made == 1 else 's'} written to {out}{there}{missed}")
    for word, names in (
        ("resampled to 500 dpi", [each.source.name for each in outcomes if each.resampled]),
        ("light ridges on a dark ground, turned", [each.source.name for each in outcomes if each.inverted]),
    ):
        if names:
            more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
            say(f"{word}: {', '.join(names[:3])}{more}")
    _again(outcomes)
    doubtful = [f"doubtful {each.source.name}: {doubt}" for each in outcomes for doubt in each.doubts]
    for line in doubtful[:_SHOWN]:
        say(line)
    if len(doubtful) > _SHOWN:
        say(f"... and {len(doubtful) - _SHOWN:,} more doubts: --json has them all")
    for each in failed[:_SHOWN]:
        tell(f"{each.source}: {_why(each)}")
    if len(failed) > _SHOWN:
        tell(f"... and {len(failed) - _SHOWN:,} more: --json has them all")


def _again(outcomes: list[Outcome]) -> None:
    found = [(each.source.name, each.quality) for each in outcomes if each.quality is not None]
    if not found:
        return
    figures = sorted(quality.figure for _, quality in found)
    say(f"quality: {figures[0]} to {figures[-1]}, median {figures[len(figures) // 2]}")
    poor = [(name, quality) for name, quality in found if quality.again]
    for name, quality in poor[:_SHOWN]:
        why = "; ".join(shortfall.advice for shortfall in quality.shortfalls)
        say(f"capture again {name}: quality {quality.figure}; {why}")
    if len(poor) > _SHOWN:
        say(f"... and {len(poor) - _SHOWN:,} more to capture again: --json has them all")


_GIVE = {"dpi": "--dpi", "raw_size": "--raw WIDTHxHEIGHT and --dpi"}


def _why(outcome: Outcome) -> str:
    error = outcome.error
    if error is None:
        return ""
    option = _GIVE.get(str(error.facts.get("needs")))
    return f"{error.message}; give {option}" if option else str(error)
