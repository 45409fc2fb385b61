"""report.html: one file without any other, for people."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from cccd_core.issuance.dossiers.reasons import Holder
from cccd_core.issuance.reports.figures import Duplicate, Figures, Report, score_of
from cccd_core.issuance.runs.evidence import Evidence
from cccd_core.issuance.runs.state import DossierState
from cccd_core.plain import Json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1c2430; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; }
.figure { border: 1px solid #d5dbe3; border-radius: .5rem; padding: .6rem 1rem; min-width: 6.5rem; }
.figure b { display: block; font-size: 1.5rem; }
table { border-collapse: collapse; } td, th { border-bottom: 1px solid #e3e7ec; padding: .25rem .8rem .25rem 0; }
td, th { text-align: left; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } code { font-size: .9em; } .quiet { color: #5d6978; }
"""
_SHOWN = 500  # rows of one table; dossiers.jsonl has every dossier


def render(report: Report) -> str:
    """The page. Holds ids, states, scores and card serials, and nothing of a person."""
    figures = report.figures
    states = figures.states
    boxes = [
        ("received", figures.received),
        ("rejected", states[DossierState.REJECTED]),
        ("duplicates", len(figures.duplicates)),
        ("in review", states[DossierState.REVIEW]),
        ("unique", figures.unique),
        ("written", figures.written),
        ("verified", figures.verified),
        ("failed", states[DossierState.FAILED]),
    ]
    parts = [
        f"<h1>Issue of {html.escape(figures.run['day'])}</h1>",
        f'<p class="quiet">run {html.escape(figures.run["id"])}, reader {html.escape(figures.run["reader"])}</p>',
        '<div class="figures">'
        + "".join(f'<div class="figure">{name}<b>{value}</b></div>' for name, value in boxes)
        + "</div>",
        "<h2>Cards to revoke</h2>",
        _table(
            ["card serial", "of dossier", "why", "replaced by", "what to do"],
            [
                [
                    card.card_serial,
                    card.dossier,
                    (card.reason or "").replace("_", " "),
                    card.replaced_by,
                    card.to_do.text,
                ]
                for card in figures.revoke
            ],
        ),
        "<h2>What became of the dossiers</h2>",
        _picture(_states_plot(figures)),
        "<h2>Scores of the search</h2>",
        "<p>Fused score of each dossier against the person most like it; −10·log10 of the chance that one impostor "
        "reaches it. Between the threshold and the nearest dossier on each side lies the margin.</p>",
        _picture(_scores_plot(report)),
        _table(["", "score"], [[name.replace("_", " "), value] for name, value in asdict(figures.scores).items()]),
        "<h2>Time</h2>",
        _picture(_seconds_plot(figures.seconds)),
        _table(["", ""], [[name.replace("_", " "), value] for name, value in figures.throughput().items()]),
        "<h2>Duplicates</h2>",
        _table(
            ["dossier", "of", "fingers", "score", "its number"],
            [
                [one.dossier, one.of, ", ".join(map(str, one.fingers)), one.score, _number(one)]
                for one in figures.duplicates
            ],
        ),
        "<h2>Rejected, in review, failed</h2>",
        _table(
            ["dossier", "state", "reason", "where"],
            [
                [entry.dossier_id, entry.state, entry.reason, _where(entry.evidence)]
                for entry in report.entries
                if entry.state in (DossierState.REJECTED, DossierState.REVIEW, DossierState.FAILED)
            ],
        ),
        *_quality(figures),
        "<h2>Cards</h2>",
        _table(
            ["dossier", "card serial"],
            [[entry.dossier_id, entry.card_serial] for entry in report.entries if entry.card_serial is not None],
        ),
        "<h2>Signatures</h2>",
        *(f'<p class="quiet">{html.escape(notice)}</p>' for notice in figures.notices),
        _table(
            ["document signer", "signatures"],
            [[serial, count] for serial, count in figures.signers.items() if isinstance(count, int)],
        ),
        "<h2>Manifest</h2>",
        f"<pre>{html.escape(_pretty(figures.manifest))}</pre>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Issue report</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _quality(figures: Figures) -> list[str]:
    """The section on images of fingers; none where there were none."""
    quality = figures.quality
    if not quality.images:
        return []
    return [
        "<h2>Images of fingers</h2>",
        f"<p>{quality.images:,} images, quality {quality.least} to {quality.most}, median {quality.median}, of 100. "
        "Better captured again:</p>",
        _table(
            ["dossier", "finger", "quality", "why"],
            [
                [one.dossier, one.position, one.quality, ", ".join(word.replace("_", " ") for word in one.why)]
                for one in quality.capture_again
            ],
        ),
    ]


def _number(one: Duplicate) -> str:
    """What a duplicate's number says of it, in words."""
    return "; ".join(word.text for word in (one.holder, one.number) if word is not None)


def _where(evidence: Evidence) -> str:
    if evidence.problems:
        return ", ".join(sorted({problem.field for problem in evidence.problems}))
    said = [] if evidence.holder in (None, Holder.SAME) else [evidence.holder.text]
    if evidence.search is not None and evidence.search.of is not None:
        said.append(f"like {evidence.search.of}, score {evidence.search.score}")
    if said:
        return "; ".join(said)
    return "" if evidence.error is None else evidence.error.message


def _table(head: Sequence[str], rows: Sequence[Sequence[str | float | None]]) -> str:
    if not rows:
        return '<p class="quiet">none</p>'
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows[:_SHOWN])
    more = f'<p class="quiet">and {len(rows) - _SHOWN} more in dossiers.jsonl</p>' if len(rows) > _SHOWN else ""
    return f"<table><tr>{cells}</tr>{body}</table>{more}"


def _cell(value: str | float | None) -> str:
    if isinstance(value, int | float):
        return f'<td class="n">{value:g}</td>'
    return f"<td>{html.escape('' if value is None else str(value))}</td>"


def _pretty(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(8.5, height), layout="constrained")


def _picture(figure: Figure) -> str:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}">'


def _states_plot(figures: Figures) -> Figure:
    rows = [(str(state), figures.states[state]) for state in (DossierState.VERIFIED, DossierState.DUPLICATE)]
    for state, reasons in (
        (DossierState.REJECTED, figures.rejected),
        (DossierState.REVIEW, figures.reviews),
        (DossierState.FAILED, figures.failed),
    ):
        rows += [(f"{state}: {reason}", count) for reason, count in reasons.items()]
    figure = _figure(0.9 + 0.3 * len(rows))
    axes = figure.subplots()
    bars = axes.barh([name for name, _ in rows], [count for _, count in rows], color="#3b6ea5")
    axes.bar_label(bars, padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("dossiers")
    axes.margins(x=0.1)
    return figure


def _scores_plot(report: Report) -> Figure:
    groups = [
        ("unique", [score for entry in report.entries if entry.searched and (score := score_of(entry)) is not None]),
        *(
            (str(state), [score for entry in report.entries if (score := score_of(entry, state)) is not None])
            for state in (DossierState.REVIEW, DossierState.DUPLICATE)
        ),
    ]
    figure = _figure(2.8)
    axes = figure.subplots()
    colours = {"unique": "#3b6ea5", DossierState.REVIEW: "#c58a1a", DossierState.DUPLICATE: "#b23a48"}
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
        axes.axvline(threshold, color="#333", linestyle="--", label="threshold")
    axes.set_xlabel("fused score")
    axes.set_ylabel("dossiers")
    if shown or threshold is not None:
        axes.legend(loc="upper right")
    return figure


def _seconds_plot(seconds: Mapping[str, float]) -> Figure:
    figure = _figure(2.4)
    axes = figure.subplots()
    bars = axes.barh(list(seconds), list(seconds.values()), color="#5b8c5a")
    axes.bar_label(bars, fmt="%.2f s", padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("seconds, all runs of this folder")
    axes.margins(x=0.12)
    return figure
