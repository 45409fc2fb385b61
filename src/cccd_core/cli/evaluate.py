"""cccd evaluate: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cccd_core.cli.common import (
    EXIT_FAULTS,
    OUT_HELP,
    JsonOption,
    PositionOption,
    TemplateOptions,
    ThreadsOption,
    ViewOption,
    exit_with,
    needs_as_options,
    no_stream,
    one_choice,
    one_stream,
    options_named,
    read_input,
    reports_beside,
    when_interrupted,
    write_output,
)
from cccd_core.cli.options import NOTHING_SAID, with_template_options
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import cell, print_json, say, show, table, tell

if TYPE_CHECKING:
    from rich.table import Table

_REASONS_SHOWN = 5
_LABELS_SHOWN = 20
_NAMES_SHOWN = 8


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    example = "../shared/data/fingerprints/fvc2002_DB1_B/fjfx --expect 101-110:1-8 --out result.json"
    app.command(epilog=f"Example: cccd evaluate {example}")(evaluate)


@with_template_options
def evaluate(
    directories: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...",
            help="Folders of <finger>_<impression>.<ext> templates, or of images alone.",
            show_default=False,
            callback=no_stream,
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE.json", help=f"{OUT_HELP}.")] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Draw DET curves with confidence bands and histograms.", callback=no_stream
        ),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="FINGERS:IMPRESSIONS",
            help="What should be there, as 101-110:1-8: what is missing or unreadable scores 0 in all its pairs.",
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Keep every pair: probe,candidate,genuine,score; - is standard output."),
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="OTHER.json",
            help="Earlier result files to draw beside this run (needs --plots); - is standard input.",
            callback=one_stream,
        ),
    ] = None,
    cross: Annotated[
        bool,
        typer.Option("--cross", help="Also every folder's probes against every other folder's gallery."),
    ] = False,
    given: TemplateOptions = NOTHING_SAID,
    view: ViewOption = None,
    position: PositionOption = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, max=100_000, help="Draws of fingers for confidence bounds; 0 for none.")
    ] = 500,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Error rates and speed on folders of templates, or of images, from which minutiae are extracted.

    Genuine pairs are all pairs of impressions of one finger, impostor pairs all pairs of different fingers, each
    unordered pair once. The result file has rates as fractions; FNMR at FMR x is taken at the lowest threshold whose
    FMR is at most x, EER where both meet by linear interpolation. Pairs per second are the matcher's alone.
    Exit code 1 when a folder has no template that can be read.
    """
    from cccd_core.evaluation import Expectation, evaluate_folder, folder
    from cccd_core.evaluation.cross import cross_tables
    from cccd_core.evaluation.repeats import in_words
    from cccd_core.intake import examine
    from cccd_core.matching import Matcher

    if compare and plots is None:
        raise typer.BadParameter("it draws, and needs --plots", param_hint="--compare")
    if cross and len(directories) < 2:
        raise typer.BadParameter("two folders or more are needed", param_hint="--cross")
    one_choice(view, position)
    reports_beside(out, scores)
    when_interrupted("nothing is kept of the comparisons; run the same command again")
    folder.check_distinct(directories)
    expected = Expectation.parse(expect) if expect is not None else None
    others = [
        (path.stem, folder.parse_result_file(read_input(path, "result file", folder.MAX_RESULT_BYTES), path))
        for path in compare or []
    ]
    matcher = Matcher()
    results = []
    with progress("evaluating", quiet=as_json) as step, options_named():
        for directory in directories:

            def within(done: int, total: int, what: str, where: Path = directory) -> None:
                step(done, total, f"{'/'.join(where.parts[-2:])}: {what}")

            results.append(
                evaluate_folder(
                    directory,
                    matcher,
                    expect=expected,
                    format=given.format,
                    dpi=given.dpi,
                    height_px=given.height,
                    width_px=given.width,
                    view=view,
                    position=position,
                    examine=examine,
                    threads=threads,
                    replicates=bootstrap,
                    progress=within,
                )
            )
        record = folder.result_file(matcher, results, threads=threads)
        for failure in (each for entry in record["sets"] for each in entry["failures"]):
            failure["why"] = needs_as_options(failure["why"])
        if cross:
            record["cross"] = cross_tables(results, matcher, threads=threads, progress=step)
    when_interrupted("no file is left in part, but not all are written; run the same command again")
    if out is not None:
        write_output(out, folder.result_bytes(record), False)
    if scores is not None:
        write_output(scores, folder.score_rows(results), False)
    if plots is not None:
        from cccd_core.evaluation import plots as pictures

        pictures.plot_sets(results, plots)
        if others:
            pictures.plot_comparison([("this run", record), *others], plots / "compare.png")
    if as_json:
        print_json(record)
    else:
        show(_rates_table(record["sets"]))
        show(_counts_table(record["sets"]))
        show(_speed_table(record["sets"], record["manifest"]["threads"]))
        if cross:
            show(_cross_table(record["cross"]))
        for result, entry in zip(results, record["sets"], strict=True):
            _say_images(entry)
            _say_repeats(entry, in_words(result.repeats))
            _say_labels(entry)
            _say_doubts(entry)
            _tell_of_views(entry, chosen=view is not None or position is not None)
    unread = [entry for entry in record["sets"] if not entry["templates"]]
    for entry in unread:
        _tell_why(entry)
    exit_with(EXIT_FAULTS if unread else 0)


def _tell_why(entry: dict[str, Any]) -> None:
    """The first reasons why nothing of a folder could be read."""
    tell(f"{entry['path']}: no template could be read")
    if not entry["failures"]:
        tell(f"  none is named <finger>_<impression>.<ext>; in this folder: {entry['beside']}")
    failures = entry["failures"]
    for failure in failures[:_REASONS_SHOWN]:
        tell(f"  {failure['sample']}: {failure['why']}")
    if len(failures) > _REASONS_SHOWN:
        tell(f"  ... and {len(failures) - _REASONS_SHOWN} more: --json has them all")


def _say_images(entry: dict[str, Any]) -> None:
    """What became of a folder's images."""
    images = entry.get("images")
    if images is None:
        return
    quality = images["quality"]
    figures = f"; quality {quality['least']} at the least, median {quality['median']}" if quality else ""
    say(f"images, {entry['path']}: {images['extracted']:,} extracted, {images['failed']:,} failed{figures}")
    failures = [each for each in entry["failures"] if each["why"].startswith("extraction: ")]
    say(*(f"  {each['sample']}: {each['why'].removeprefix('extraction: ')}" for each in failures[:_REASONS_SHOWN]))
    if len(failures) > _REASONS_SHOWN:
        say(f"  ... and {len(failures) - _REASONS_SHOWN} more: --json has them all")
    if images["capture_again"]:
        say(f"  {len(images['capture_again']):,} better captured again: {_shortly(images['capture_again'])}")


def _say_labels(entry: dict[str, Any]) -> None:
    """The questions about the names of a folder's files."""
    labels = entry["labels"]
    if labels:
        say(f"labels in doubt, {entry['path']}")
        say(*(f"  {each['text']}" for each in labels[:_LABELS_SHOWN]))
    if len(labels) > _LABELS_SHOWN:
        say(f"  ... and {len(labels) - _LABELS_SHOWN} more: --json has them all")


def _say_repeats(entry: dict[str, Any], words: str) -> None:
    """That templates stand there more than once, and which."""
    if not words:
        return
    say(f"the same template twice, {entry['path']}", f"  {words}")
    groups = entry["repeats"]
    say(*(f"  {_shortly(each['samples'])}" for each in groups[:_LABELS_SHOWN]))
    if len(groups) > _LABELS_SHOWN:
        say(f"  ... and {len(groups) - _LABELS_SHOWN} more: --json has them all")


def _say_doubts(entry: dict[str, Any]) -> None:
    """Which templates hardly are fingers."""
    from cccd_core.intake import Doubt

    if entry["doubts"]:
        texts = {str(doubt): doubt.text for doubt in Doubt}
        say(f"templates in doubt, {entry['path']}")
        for word, samples in entry["doubts"].items():
            say(f"  {len(samples):,}: {texts[word]} ({_shortly(samples)})")


def _shortly(names: list[str]) -> str:
    """The first of some names, and how many there are more."""
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return f"{', '.join(names[:_NAMES_SHOWN])}{more}"


def _tell_of_views(entry: dict[str, Any], *, chosen: bool) -> None:
    """That files hold more fingers than the one that was taken."""
    if entry["several_views"] and not chosen:
        files = f"{entry['several_views']:,} file{'s' if entry['several_views'] > 1 else ''}"
        tell(
            f"{entry['path']}: {files} with several finger views, of which the first was taken: --view or --position "
            "chooses another"
        )


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.2f}"


def _names(sets: list[dict[str, Any]]) -> list[str]:
    """The last two parts of each path where they tell the sets apart, else the whole paths."""
    short = ["/".join(Path(entry["path"]).parts[-2:]) for entry in sets]
    return short if len(set(short)) == len(sets) else [entry["path"] for entry in sets]


def _table(title: str, first: str, *figures: str) -> Table:
    from rich.box import SIMPLE_HEAD

    return table(first, *figures, title=title, right=figures, frame=SIMPLE_HEAD)


def _rates_table(sets: list[dict[str, Any]]) -> Table:
    rows = _table("error rates, percent", "set", "EER", "FNMR at FMR 1 %", "0.1 %", "0.01 %", "ZeroFMR")
    for name, entry in zip(_names(sets), sets, strict=True):
        rates = [_percent(rate) for rate in entry["fnmr_at_fmr"].values()]
        rows.add_row(cell(name), _percent(entry["eer"]), *rates, _percent(entry["zero_fmr"]))
    return rows


def _counts_table(sets: list[dict[str, Any]]) -> Table:
    rows = _table("counts", "set", "fingers", "templates", "failed", "passed over", "genuine pairs", "impostor pairs")
    for name, entry in zip(_names(sets), sets, strict=True):
        keys = ("fingers", "templates", "failed", "passed_over", "genuine_pairs", "impostor_pairs")
        rows.add_row(cell(name), *(f"{entry[key]:,}" for key in keys))
    return rows


def _speed_table(sets: list[dict[str, Any]], threads: int) -> Table:
    title = f"speed of the matcher alone, threads: {threads}"
    rows = _table(title, "set", "impostor pairs/s", "genuine pairs/s", "µs to prepare")
    for name, entry in zip(_names(sets), sets, strict=True):
        rows.add_row(
            cell(name),
            f"{entry['impostor_pairs_per_second']:,.0f}",
            f"{entry['genuine_pairs_per_second']:,.0f}",
            f"{1e6 * entry['prepare_seconds_per_template']:,.0f}",
        )
    return rows


def _cross_table(entries: list[dict[str, Any]]) -> Table:
    rows = _table("interoperability, percent", "probes → gallery", "EER", "FNMR at FMR 1 %", "0.1 %", "0.01 %")
    for entry in entries:
        probes, gallery = ("/".join(Path(entry[key]).parts[-2:]) for key in ("probes", "gallery"))
        rates = [_percent(rate) for rate in entry["fnmr_at_fmr"].values()]
        rows.add_row(cell(f"{probes} → {gallery}"), _percent(entry["eer"]), *rates)
    return rows
