"""report.html: one file without any other, for people, on a screen, a phone or paper. First what is to be done today,
then what became of the batch. Vietnamese and English; nothing in it is a word of the program's."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cccd_core.extraction.quality import Shortfall
from cccd_core.issuance.reports import plots
from cccd_core.issuance.reports import words as said
from cccd_core.issuance.reports.figures import Figures, Report
from cccd_core.issuance.reports.html_parts import Row, heading, table
from cccd_core.issuance.reports.html_today import to_do
from cccd_core.issuance.review import words
from cccd_core.issuance.review.page_parts import document, escaped, languages, paragraph, text
from cccd_core.issuance.runs.state import DossierState
from cccd_core.plain import Json, decode

_MORE_STYLE = """
.figures { display: flex; flex-wrap: wrap; gap: .75rem; }
.figure { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .9rem; min-width: 7rem; }
.figure b { display: block; font-size: 1.5rem; }
.list { border-collapse: collapse; width: 100%; }
.list th, .list td { border-bottom: 1px solid var(--line); padding: .35rem .8rem .35rem 0; text-align: left; }
.list th, .list td { vertical-align: top; overflow-wrap: anywhere; } .list td.n { text-align: right; }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
.sums { padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; }
.sums a { display: block; border: 2px solid var(--go); border-radius: .5rem; padding: .4rem .8rem; }
.sums a { text-decoration: none; } .sums b { font-size: 1.4rem; }
.task { border: 1px solid var(--line); border-left: 5px solid #8a5300; border-radius: .3rem; margin: .6rem 0; }
.task { padding: .5rem .8rem; break-inside: avoid; } .task p, .task ul { margin: .2rem 0; }
.task pre { margin: .3rem 0; }
.task ul { padding-left: 1.1rem; }
.done { border-left: 5px solid #1a7f37; padding: .5rem .8rem; background: var(--soft); }
img { max-width: 100%; height: auto; }
@media (max-width: 40rem) {
  .list thead { display: none; } .list tr { display: block; border-bottom: 1px solid var(--line); padding: .4rem 0; }
  .list td { display: block; border: 0; padding: .1rem 0; } .list td.n { text-align: left; }
  .list td[data-label]::before { content: attr(data-label) ": "; color: var(--quiet); font-size: .9em; }
}
@media print {
  body { font-size: 11pt; } a { color: inherit; } h2, h3 { break-after: avoid; } nav { display: block; }
  .sums a { border-width: 1px; } .task:has(.pair) { break-inside: auto; } figure { break-inside: avoid; }
}
"""


def render(report: Report) -> str:
    """The page. Holds ids, words, scores, card serials and names of units, and nothing of a person."""
    figures = report.figures
    day = f"{figures.run['day'][8:10]}/{figures.run['day'][5:7]}/{figures.run['day'][:4]}"
    parts = [
        f"<header>{languages()}</header>",
        f"<main><h1>{text(f'Báo cáo ca làm việc, lô ngày {day}', f'Shift report of the batch of {day}')}</h1>",
        *to_do(report),
        *_became(report),
        *_quality(figures),
        *_technical(report),
    ]
    return document("Báo cáo ca làm việc / Shift report", f"{''.join(parts)}</main>", more_style=_MORE_STYLE)


def _became(report: Report) -> Iterator[str]:
    """How many dossiers ended how, and the cards that were made."""
    figures, states = report.figures, report.figures.states
    yield heading("Kết quả của lô", "What became of the batch")
    boxes = [
        (("hồ sơ nhận", "received"), figures.received),
        *((said.STATES[state], states[state]) for state in _ENDS),
        *((said.STATES[state], count) for state, count in states.items() if state not in _ENDS and count),
    ]
    yield '<div class="figures">'
    yield from (f'<div class="figure">{text(*name)}<b>{count}</b></div>' for name, count in boxes)
    yield "</div>"
    rows: list[Row] = []
    for state, reasons in (
        (DossierState.REJECTED, figures.rejected),
        (DossierState.REVIEW, figures.reviews),
        (DossierState.FAILED, figures.failed),
    ):
        rows += [[said.STATES[state], said.reason(word), count] for word, count in reasons.items()]
    rows += [[("lưu ý", "notes"), said.reason(word), count] for word, count in figures.warnings.items()]
    yield table([("kết quả", "state"), ("lý do", "reason"), ("hồ sơ", "dossiers")], rows)
    yield heading("Thẻ đã làm", "Cards made")
    made = [[entry.dossier_id, entry.card_serial] for entry in report.entries if entry.card_serial is not None]
    yield table([("hồ sơ", "dossier"), ("số hiệu thẻ", "card serial")], made)


_ENDS = (DossierState.VERIFIED, DossierState.REJECTED, DossierState.DUPLICATE, DossierState.REVIEW, DossierState.FAILED)


def _quality(figures: Figures) -> Iterator[str]:
    """The section on images of fingers; none where there were none."""
    quality = figures.quality
    if not quality.images:
        return
    yield heading("Ảnh vân tay", "Images of fingers")
    yield paragraph(
        f"{words.vi_number(quality.images)} ảnh, chất lượng từ {quality.least} đến {quality.most}, giữa là "
        f"{quality.median}, trên thang 100. Nên thu nhận lại:",
        f"{quality.images:,} images, quality {quality.least} to {quality.most}, median {quality.median}, of 100. "
        "Better captured again:",
    )
    rows: list[Row] = [
        [one.dossier, words.finger(one.position), one.quality, _why(one.why)] for one in quality.capture_again
    ]
    yield table([("hồ sơ", "dossier"), ("ngón", "finger"), ("chất lượng", "quality"), ("vì sao", "why")], rows)


def _why(shortfalls: tuple[str, ...]) -> said.Two:
    found = [said.SHORTFALLS[decode(Shortfall, word)] for word in shortfalls]
    return "; ".join(vi for vi, _ in found), "; ".join(en for _, en in found)


def _technical(report: Report) -> Iterator[str]:
    """What those who run the system look at: scores, times, signatures, the search's manifest."""
    figures = report.figures
    yield heading("Điểm tra cứu", "Scores of the search")
    yield paragraph(
        "Điểm của mỗi hồ sơ so với người giống nhất: −10·log10 của khả năng một người khác tình cờ đạt tới. Giữa "
        "ngưỡng và hồ sơ gần nhất ở mỗi bên là khoảng an toàn.",
        "Fused score of each dossier against the person most like it; −10·log10 of the chance that one impostor "
        "reaches it. Between the threshold and the nearest dossier on each side lies the margin.",
    )
    yield plots.scores(report)
    scores = figures.scores
    yield table(
        [("", ""), ("điểm", "score")],
        [
            [("ngưỡng trùng", "duplicate threshold"), scores.duplicate_threshold],
            [("hồ sơ trùng thấp nhất", "lowest duplicate"), scores.lowest_duplicate],
            [("hồ sơ không trùng cao nhất", "highest unique"), scores.highest_unique],
        ],
    )
    yield heading("Thời gian", "Time")
    yield table(
        [("công đoạn", "stage"), ("giây", "seconds")],
        [[said.STAGES[stage], round(spent, 2)] for stage, spent in figures.seconds.items()],
    )
    through = figures.throughput()
    yield table(
        [("", ""), ("", "")],
        [
            [("giây đã qua", "elapsed seconds"), through["elapsed_seconds"]],
            [("hồ sơ mỗi giây", "dossiers a second"), through["dossiers_per_second"]],
            [("số làn ghi thẻ", "lanes"), through["lanes"]],
        ],
    )
    yield heading("Chữ ký", "Signatures")
    yield table(
        [("chứng thư ký", "document signer"), ("chữ ký", "signatures")],
        [[serial, count] for serial, count in figures.signers.items() if isinstance(count, int)],
    )
    yield heading("Lần chạy và cách tra cứu", "The run and how it searched")
    run = figures.run
    yield table([("", ""), ("", "")], [[("lần chạy", "run"), run["id"]], [("đầu đọc", "reader"), run["reader"]]])
    yield f"<pre>{escaped(_pretty(figures.manifest))}</pre>"


def _pretty(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
