"""The page of a case, for the two people who settle it: one file that needs no other and no network.

It shows both people side by side: what their dossiers say, their portraits, the fingers that are alike with what fits
in them numbered, what the register says, and the answers there are. No answer of another person stands on it before two
are in. It is personal data from the first line to the last. Everything from a dossier is escaped; a browser that obeys
the page's policy loads and runs nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cccd_core.issuance.review import page_words as said
from cccd_core.issuance.review import words
from cccd_core.issuance.review.drawing import Explainer
from cccd_core.issuance.review.gathered import Gathered, Side, Source
from cccd_core.issuance.review.page_fingers import fingers, own_fingers
from cccd_core.issuance.review.page_parts import called, document, escaped, languages, listed, paragraph, text
from cccd_core.issuance.review.page_table import table
from cccd_core.issuance.review.settle import ANSWERS, Stage
from cccd_core.issuance.runs.evidence import SearchEvidence


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page needs beside what was gathered: who compares fingers, and the words of a command that say where the
    gallery is (`--gallery X`), as they are to be typed again."""

    matcher: Explainer
    where: Sequence[str]


def render(found: Gathered, asked: Asked) -> str:
    """The page as HTML. Cost: the drawing of at most four pairs of fingers for each of at most eight others."""
    case = found.case
    title = f"{case.case_id} · {case.question.dossier_id}"
    mine, *others = found.sides
    parts = [
        *_head(found),
        *_why(found),
        *(part for other in others for part in _against(found, mine, other, asked)),
        *([] if others else _alone(mine)),
        *own_fingers(found, mine, asked.matcher),
        *_standing(found),
        *_answers(found, asked),
    ]
    foot = paragraph("Trang này không tải gì từ mạng.", "This page loads nothing from a network.")
    return document(title, f"{''.join(parts)}</main><footer>{foot}</footer>")


def _head(found: Gathered) -> Iterator[str]:
    case = found.case
    yield '<a class="skip" href="#case">' + text("Đến nội dung", "To the content") + "</a><header>"
    yield f"{languages()}</header>"
    yield f'<main id="case"><h1>{text(*words.kind(case))}</h1>'
    yield f'<p class="row">{text("Vụ việc", "case", row=True)} <code>{escaped(case.case_id)}</code>, '
    yield f"{text('hồ sơ', 'dossier', row=True)} <code>{escaped(case.question.dossier_id)}</code>: "
    yield f"<strong>{text(*words.stage(case), row=True)}</strong></p>"
    yield (
        '<div class="note warn">'
        + text(
            "Trang này có dữ liệu cá nhân. Không gửi đi, không in nếu không cần, và xóa tệp khi vụ việc đã xong.",
            "This page holds personal data. Do not send it on, do not print it without need, and delete the file once "
            "the case is settled.",
        )
        + "</div><nav><ul>"
    )
    yield f'<li><a href="#why">{text("Vì sao hỏi", "Why you are asked", row=True)}</a></li>'
    for side in found.sides[1:] or found.sides:
        yield f'<li><a href="#person-{side.place}">{text(*called(side), row=True)}</a></li>'
    yield f'<li><a href="#answers">{text("Trả lời", "Answers", row=True)}</a></li></ul></nav>'


def _why(found: Gathered) -> Iterator[str]:
    evidence = found.case.question.evidence
    lines = [*words.ordered(found.case), *words.doubts(found.case)]
    if evidence.holder is not None:
        lines.append((said.HOLDERS[evidence.holder], evidence.holder.text))
    if evidence.search is not None:
        lines += [words.likeness(match, evidence.search) for match in evidence.search.matches]
        lines += [_thresholds(evidence.search)] if evidence.search.matches else []
    if found.holder is not None:
        vi = f"Số định danh của hồ sơ này đã thuộc về người của hồ sơ {found.holder}"
        lines.append((vi, f"the number of this dossier is that of the person of dossier {found.holder}"))
    yield f'<section aria-labelledby="why"><h2 id="why">{text("Vì sao hỏi", "Why you are asked")}</h2>'
    yield f"{listed(lines)}</section>"


def _thresholds(search: SearchEvidence) -> tuple[str, str]:
    vi, en = (
        [f"{value:.1f}".replace(".", ",") for value in (search.score, search.review_score, search.duplicate_score)],
        [f"{value:.1f}" for value in (search.score, search.review_score, search.duplicate_score)],
    )
    return (
        f"Điểm {vi[0]}: từ {vi[1]} thì hỏi người, từ {vi[2]} (và nhiều ngón cùng khớp) thì máy tự kết luận là trùng; "
        "thêm 10 điểm nghĩa là ngẫu nhiên hiếm hơn mười lần",
        f"score {en[0]}: from {en[1]} on people are asked, from {en[2]} on (and where several fingers agree) the "
        "search decides itself; ten more mean that chance does it ten times less often",
    )


def _against(found: Gathered, mine: Side, other: Side, asked: Asked) -> Iterator[str]:
    """The dossier in review beside one other person."""
    name = f"person-{other.place}"
    yield f'<section aria-labelledby="{name}"><h2 id="{name}">{text(*called(other))}</h2>'
    yield from _sources([mine, other])
    yield from table([mine, other])
    yield from fingers(found, mine, other, asked.matcher)
    yield "</section>"


def _alone(mine: Side) -> Iterator[str]:
    yield f'<section aria-labelledby="person-0"><h2 id="person-0">{text(*called(mine))}</h2>'
    yield from _sources([mine])
    yield from table([mine])
    yield "</section>"


def _sources(sides: Sequence[Side]) -> Iterator[str]:
    for side in sides:
        if side.source is not Source.KEPT:
            vi, en = said.SOURCES[side.source]
            whose = called(side)
            yield f'<div class="note">{text(f"{whose[0]}: {vi}", f"{whose[1]}: {en}")}</div>'


def _standing(found: Gathered) -> Iterator[str]:
    case = found.case
    yield f"<section><h2>{text('Đã có ý kiến nào', 'What was said')}</h2>"
    if not case.votes:
        yield paragraph(
            f"Đã có {case.votes_in} trong 2 ý kiến; nội dung chỉ hiện khi đủ hai.",
            f"{case.votes_in} of 2 answers are in; none is shown before two are.",
        )
    lines = [*words.votes(case), *words.reopenings(case)]
    yield listed(lines) + "</section>"


def _answers(found: Gathered, asked: Asked) -> Iterator[str]:
    case = found.case
    yield f'<section aria-labelledby="answers"><h2 id="answers">{text("Trả lời", "Answers")}</h2>'
    base = ["cccd", "review"]
    if case.settled:
        yield paragraph(
            "Vụ việc đã xong. Quyết định sai được mở lại bằng lệnh:", "The case is settled. It is opened again by:"
        )
        order = [*base, "undo", case.case_id, *asked.where, "--as", "TÊN", "--order", "SỐ", "--reason", "LÝ DO"]
        yield f"<pre>{escaped(shlex.join(order))}</pre></section>"
        return
    if not case.waits:
        yield paragraph(*words.stage(case)) + "</section>"
        return
    yield paragraph(
        "Hai người trả lời độc lập, mỗi người bằng tên của mình. Người nhập hồ sơ không được trả lời.",
        "Two people answer, each under their own name and apart from the other. Who entered the dossier does not "
        "answer.",
    )
    senior = ["--senior"] if case.standing.stage is Stage.CONFLICT else []
    for possible in ANSWERS[case.question.kind]:
        yield f"<h3>{text(*words.answer(possible))}</h3>"
        command = [*base, "decide", case.case_id, *asked.where, "--as", "TÊN", *senior]
        yield f"<pre>{escaped(shlex.join([*command, '--answer', str(possible), '--reason', 'LÝ DO']))}</pre>"
    yield "</section>"
