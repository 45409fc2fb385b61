"""The picture of a report, as PNG in the page itself."""

from __future__ import annotations

import base64
import io

import numpy as np

from cccd_core.issuance.reports import words as said
from cccd_core.issuance.reports.figures import Report, score_of
from cccd_core.issuance.runs.state import DossierState


def scores(report: Report) -> str:
    """How alike each dossier is to the person most like it."""
    from matplotlib.figure import Figure

    unique = [score for entry in report.entries if entry.searched and (score := score_of(entry)) is not None]
    groups = [("không trùng / unique", unique)]
    for state in (DossierState.REVIEW, DossierState.DUPLICATE):
        found = [score for entry in report.entries if (score := score_of(entry, state)) is not None]
        groups.append((" / ".join(said.STATES[state]), found))
    figure = Figure(figsize=(8.5, 2.8))
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.18, top=0.95)  # to find margins costs most of a picture
    axes = figure.subplots()
    colours = dict(zip([name for name, _ in groups], ("#3b6ea5", "#c58a1a", "#b23a48"), strict=True))
    shown = [(name, scores) for name, scores in groups if scores]
    if shown:
        edges = np.linspace(0.0, max(1.0, *(max(scores) for _, scores in shown)), 41)
        below = np.zeros(40)
        for name, scores in shown:
            above = below + np.histogram(scores, edges)[0]
            axes.stairs(above, edges, baseline=below, fill=True, label=name, color=colours[name])
            below = above
        axes.set_yscale("symlog")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_ylim(0)
    threshold = report.figures.scores.duplicate_threshold
    if threshold is not None:
        axes.axvline(threshold, color="#333", linestyle="--", label="ngưỡng trùng / threshold")
    axes.set_xlabel("điểm giống nhau / fused score")
    axes.set_ylabel("hồ sơ / dossiers")
    if shown or threshold is not None:
        axes.legend(loc="upper right")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    picture = base64.b64encode(out.getvalue()).decode()
    return f'<img alt="biểu đồ điểm / plot of the scores" src="data:image/png;base64,{picture}">'
