"""Pictures of results: DET curves with confidence bands, score histograms, several runs in one.

Curves are drawn from what stands in a result file, so that runs of different days and versions can be laid together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cccd_core.errors import ParameterError
from cccd_core.evaluation.folder import SetResult
from cccd_core.storage import whole_file

DPI = 130
GENUINE, IMPOSTOR = "#1f77b4", "#d62728"
_LOWEST_RATE = 1e-4  # a rate of 0 is drawn here


def label(path: str) -> str:
    """A set's short name: the last two parts of its path, `fcj2020/fjfx`."""
    return "/".join(Path(path).parts[-2:])


def png(figure: Figure) -> bytes:
    """A figure as PNG."""
    FigureCanvasAgg(figure)
    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
    return out.getvalue()


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure as PNG, and its folder where it is missing. FileError where it cannot."""
    whole_file.write(path, png(figure), folders=True)
    return path


def draw_det(axes: Axes, curves: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """DET curves (FNMR over FMR, both logarithmic) of (name, `det` entry of a set); a band where bounds are there."""
    lowest = 1.0
    for name, curve in curves:
        fmr = np.asarray(curve["fmr"], dtype=np.float64)
        fnmr = np.asarray(curve["fnmr"], dtype=np.float64)
        (line,) = axes.plot(fmr, np.maximum(fnmr, _LOWEST_RATE), label=name, linewidth=1.6)
        if "low" in curve and "high" in curve:
            low, high = (np.maximum(np.asarray(curve[key]), _LOWEST_RATE) for key in ("low", "high"))
            axes.fill_between(fmr, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        if len(fmr):
            lowest = min(lowest, float(fmr.min()))
    diagonal = np.logspace(math.log10(_LOWEST_RATE), 0, 2)
    axes.plot(diagonal, diagonal, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(lowest if lowest < 1.0 else 1e-3, 1.0)
    axes.set_ylim(_LOWEST_RATE, 1.0)
    axes.set_xlabel("FMR")
    axes.set_ylabel(f"FNMR (0 drawn at {_LOWEST_RATE:g})")
    axes.grid(visible=True, which="both", linewidth=0.3, alpha=0.6)
    if curves:
        axes.legend(fontsize=8, loc="lower left")


def plot_det(curves: Sequence[tuple[str, Mapping[str, Any]]], title: str, path: Path) -> Path:
    """One DET picture."""
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    axes = figure.add_subplot()
    draw_det(axes, curves)
    axes.set_title(title)
    return save(figure, path)


def plot_scores(result: SetResult, path: Path) -> Path:
    """Histograms of the genuine and impostor scores, as shares of each, on a logarithmic axis."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    genuine, impostor = result.scores.genuine(), result.scores.impostor()
    highest = max([float(scores.max()) for scores in (genuine, impostor) if len(scores)], default=0.0)
    edges = np.linspace(0.0, max(highest, 1.0), 81)
    for name, scores, colour in (("impostor", impostor, IMPOSTOR), ("genuine", genuine, GENUINE)):
        if len(scores):
            share = np.histogram(scores, edges)[0] / len(scores)
            axes.stairs(share, edges, fill=True, alpha=0.45, color=colour, label=f"{name}, {len(scores):,} pairs")
    axes.set_yscale("log")
    axes.set_xlabel("score, −10·log10(FMR)")
    axes.set_ylabel("share of pairs")
    _mark_rates(axes, edges[-1])
    if len(genuine) or len(impostor):
        figure.legend(fontsize=8, loc="outside lower center", ncols=2)
    axes.set_title(f"scores, {label(result.samples.path)}")
    return save(figure, path)


def _mark_rates(axes: Axes, highest: float) -> None:
    """Lines at scores of round FMR, above the bars and each lower than the one before, so that no name meets a line."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.2)
    axes.set_yticks([tick for tick in axes.get_yticks() if low <= tick <= 1.0])
    marks = [mark for mark in ((20, "FMR 1 %"), (30, "0.1 %"), (40, "0.01 %")) if mark[0] < highest]
    for place, (mark, name) in enumerate(marks):
        top = 0.97 - 0.05 * place
        at_edge = mark > 0.85 * highest
        axes.plot(
            [mark, mark], [0.0, top],
            color="0.5", linewidth=0.8, linestyle="--", transform=axes.get_xaxis_transform(),
        )  # fmt: skip
        axes.text(
            mark, top, f"{name} " if at_edge else f" {name}",
            fontsize=7, color="0.3", va="center", ha="right" if at_edge else "left",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def plot_comparison(runs: Sequence[tuple[str, Mapping[str, Any]]], path: Path) -> Path:
    """Several result files in one picture: a panel for each set that stands in any, a curve for each run.

    `runs` are (name, content of a result file). Sets are matched by the last two parts of their paths. ParameterError
    where no run has a curve.
    """
    panels: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for name, record in runs:
        for entry in record["sets"]:
            if entry.get("det"):
                text = f"{name}  EER {100 * entry['eer']:.2f} %" if isinstance(entry.get("eer"), float) else name
                panels.setdefault(label(entry["path"]), []).append((text, entry["det"]))
    if not panels:
        raise ParameterError("no run has a DET curve to compare")
    columns = math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(5.2 * columns, 4.4 * rows), layout="constrained")
    for place, (name, curves) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, place + 1)
        draw_det(axes, curves)
        axes.set_title(name, fontsize=10)
    return save(figure, path)


def plot_sets(results: Sequence[SetResult], folder: Path) -> list[Path]:
    """Every picture of these results into `folder`: DET and histogram of each set, and all sets in one DET picture."""
    written = []
    curves = []
    for result in results:
        name = label(result.samples.path)
        file = name.replace("/", "_").strip("._") or "set"
        record = result.as_dict()
        if "det" in record:
            text = f"{name}  EER {100 * record['eer']:.2f} %"
            curves.append((text, record["det"]))
            band = f", band: {100 * result.bounds.level:g} %, drawn over fingers" if result.bounds else ""
            written.append(plot_det([(text, record["det"])], f"DET {name}{band}", folder / f"{file}_det.png"))
        written.append(plot_scores(result, folder / f"{file}_scores.png"))
    if len(curves) > 1:
        without_bands = [(name, {"fmr": curve["fmr"], "fnmr": curve["fnmr"]}) for name, curve in curves]
        written.append(plot_det(without_bands, "DET, all sets", folder / "all_det.png"))
    return written
