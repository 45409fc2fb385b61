"""cccd evaluate: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cccd_core.cli import common
from cccd_core.errors import ParameterError

if TYPE_CHECKING:
    from rich.table import Table


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command("evaluate")(evaluate)


def evaluate(
    directories: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Folders of <finger>_<impression>.<ext> templates.", show_default=False),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE.json", help="The result file.")] = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Draw DET curves with confidence bands and histograms.")
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="FINGERS:IMPRESSIONS",
            help="What should be there, as 101-110:1-8: what is missing or unreadable scores 0 in all its pairs.",
        ),
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Keep every pair: probe,candidate,genuine,score.")
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(metavar="OTHER.json", help="Earlier result files to draw beside this run (needs --plots)."),
    ] = None,
    cross: Annotated[
        bool,
        typer.Option("--cross", help="Also every folder's probes against every other folder's gallery."),
    ] = False,
    format_: common.FormatOption = None,
    dpi: common.DpiOption = None,
    height: common.HeightOption = None,
    width: common.WidthOption = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, max=100_000, help="Draws of fingers for confidence bounds; 0 for none.")
    ] = 500,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="Threads; all cores without it.")] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Error rates and speed on folders of templates.

    Genuine pairs are all pairs of impressions of one finger, impostor pairs all pairs of different fingers, each
    unordered pair once. The result file has rates as fractions; FNMR at FMR x is taken at the lowest threshold whose
    FMR is at most x, EER where both meet by linear interpolation. Pairs per second are the matcher's alone.

    Example: cccd evaluate ../shared/data/fingerprints/fvc2002_DB1_B/fjfx --expect 101-110:1-8 --out result.json
    """
    from cccd_core.evaluation import Expectation, evaluate_folder, folder
    from cccd_core.evaluation.cross import cross_tables
    from cccd_core.matching import Matcher
    from cccd_core.storage import whole_file

    if compare and plots is None:
        raise ParameterError("--compare draws: it needs --plots")
    if cross and len(directories) < 2:
        raise ParameterError("--cross needs two folders or more")
    folder.check_distinct(directories)
    expected = Expectation.parse(expect) if expect is not None else None
    others = [(path.stem, folder.read_result_file(path)) for path in compare or []]
    matcher = Matcher()
    results = []
    with common.progress("evaluating", quiet=as_json) as step:
        for directory in directories:

            def within(done: int, total: int, what: str, where: Path = directory) -> None:
                step(done, total, f"{where.parent.name}/{where.name}: {what}")

            results.append(
                evaluate_folder(
                    directory,
                    matcher,
                    expect=expected,
                    format=format_,
                    dpi=dpi,
                    height_px=height,
                    width_px=width,
                    threads=threads,
                    replicates=bootstrap,
                    progress=within,
                )
            )
        record = folder.result_file(matcher, results, threads=threads)
        if cross:
            record["cross"] = cross_tables(results, matcher, threads=threads, progress=step)
    if scores is not None:
        whole_file.write(scores, folder.score_rows(results), folders=True)
    if out is not None:
        folder.write_result_file(out, record)
    if plots is not None:
        from cccd_core.evaluation import plots as pictures

        pictures.plot_sets(results, plots)
        if others:
            pictures.plot_comparison([("this run", record), *others], plots / "compare.png")
    if as_json:
        common.print_json(record)
        return
    common.console.print(_rates_table(record["sets"]))
    common.console.print(_counts_table(record["sets"]))
    common.console.print(_speed_table(record["sets"], record["manifest"]["threads"]))
    if cross:
        common.console.print(_cross_table(record["cross"]))


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.2f}"


def _names(sets: list[dict[str, Any]]) -> list[str]:
    """The last two parts of each path where they tell the sets apart, else the whole paths."""
    short = ["/".join(Path(entry["path"]).parts[-2:]) for entry in sets]
    return short if len(set(short)) == len(sets) else [entry["path"] for entry in sets]


def _table(title: str, *columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=bool(place), overflow="fold")
    return table


def _rates_table(sets: list[dict[str, Any]]) -> Table:
    table = _table("error rates, percent", "set", "EER", "FNMR at FMR 1 %", "0.1 %", "0.01 %", "ZeroFMR")
    for name, entry in zip(_names(sets), sets, strict=True):
        rates = [_percent(rate) for rate in entry["fnmr_at_fmr"].values()]
        table.add_row(name, _percent(entry["eer"]), *rates, _percent(entry["zero_fmr"]))
    return table


def _counts_table(sets: list[dict[str, Any]]) -> Table:
    table = _table("counts", "set", "fingers", "templates", "failed", "genuine pairs", "impostor pairs")
    for name, entry in zip(_names(sets), sets, strict=True):
        keys = ("fingers", "templates", "failed", "genuine_pairs", "impostor_pairs")
        table.add_row(name, *(f"{entry[key]:,}" for key in keys))
    return table


def _speed_table(sets: list[dict[str, Any]], threads: int) -> Table:
    title = f"speed of the matcher alone, threads: {threads}"
    table = _table(title, "set", "impostor pairs/s", "genuine pairs/s", "µs to prepare")
    for name, entry in zip(_names(sets), sets, strict=True):
        table.add_row(
            name,
            f"{entry['impostor_pairs_per_second']:,.0f}",
            f"{entry['genuine_pairs_per_second']:,.0f}",
            f"{1e6 * entry['prepare_seconds_per_template']:,.0f}",
        )
    return table


def _cross_table(rows: list[dict[str, Any]]) -> Table:
    table = _table("interoperability, percent", "probes → gallery", "EER", "FNMR at FMR 1 %", "0.1 %", "0.01 %")
    for entry in rows:
        probes, gallery = ("/".join(Path(entry[key]).parts[-2:]) for key in ("probes", "gallery"))
        rates = [_percent(rate) for rate in entry["fnmr_at_fmr"].values()]
        table.add_row(f"{probes} → {gallery}", _percent(entry["eer"]), *rates)
    return table
