"""The pictures of a report, as PNG in the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cccd_core.issuance.reports import words as said
from cccd_core.issuance.reports.figures import Report, score_of
from cccd_core.issuance.runs.state import DossierState

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(8.5, height), layout="constrained")


def _picture(figure: Figure, alt: str) -> str:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return f'<img alt="{alt}" src="data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}">'


def scores(report: Report) -> str:
    """How alike each dossier is to the person most like it."""
    unique = [score for entry in report.entries if entry.searched and (score := score_of(entry)) is not None]
    groups = [("không trùng / unique", unique)]
    for state in (DossierState.REVIEW, DossierState.DUPLICATE):
        found = [score for entry in report.entries if (score := score_of(entry, state)) is not None]
        groups.append((" / ".join(said.STATES[state]), found))
    figure = _figure(2.8)
    axes = figure.subplots()
    colours = dict(zip([name for name, _ in groups], ("#3b6ea5", "#c58a1a", "#b23a48"), strict=True))
    shown = [(name, scores) for name, scores in groups if scores]
    if shown:
        top = max(max(scores) for _, scores in shown)
        axes.hist(
            [scores for _, scores in shown],
            bins=40,
            range=(0.0, max(1.0, top)),
            stacked=True,
            label=[name for name, _ in shown],
            color=[colours[name] for name, _ in shown],
        )
        axes.set_yscale("symlog")
    threshold = report.figures.scores.duplicate_threshold
    if threshold is not None:
        axes.axvline(threshold, color="#333", linestyle="--", label="ngưỡng trùng / threshold")
    axes.set_xlabel("điểm giống nhau / fused score")
    axes.set_ylabel("hồ sơ / dossiers")
    if shown or threshold is not None:
        axes.legend(loc="upper right")
    return _picture(figure, "biểu đồ điểm / plot of the scores")


def seconds(spent: Mapping[str, float]) -> str:
    """How long each stage took."""
    figure = _figure(2.4)
    axes = figure.subplots()
    bars = axes.barh([" / ".join(said.STAGES[name]) for name in spent], list(spent.values()), color="#5b8c5a")
    axes.bar_label(bars, fmt="%.2f s", padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("giây / seconds")
    axes.margins(x=0.12)
    return _picture(figure, "biểu đồ thời gian / plot of the times")
