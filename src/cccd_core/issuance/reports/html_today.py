"""The head of the report's page: what is to be done today."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator, Sequence

from cccd_core.issuance.reports.figures import Report
from cccd_core.issuance.reports.html_parts import SHOWN_MOST, heading, more, table
from cccd_core.issuance.reports.people import Pair
from cccd_core.issuance.reports.today import Told, unit_words
from cccd_core.issuance.reports.words import Two
from cccd_core.issuance.review.page_parts import escaped, listed, paragraph, text


def to_do(report: Report) -> Iterator[str]:
    """Everything that somebody is to do, the most pressing first."""
    today, notices = report.today, report.figures.notices
    parts: list[tuple[str, Two, int, Iterator[str]]] = [
        ("cases", ("Vụ việc cần quyết định", "Cases to settle"), len(today.cases), _cases(report)),
        ("cards", ("Thẻ phải thu hồi hoặc hủy", "Cards to revoke or destroy"), len(today.cards), _cards(report)),
        ("back", ("Hồ sơ trả lại đơn vị", "Dossiers that go back to their units"), len(today.back), _back(report)),
        ("duplicates", ("Hồ sơ trùng", "Duplicates"), len(today.duplicates), _duplicates(report)),
        ("again", ("Hồ sơ chưa xong", "Not finished"), len(today.again), _again(report)),
        ("notices", ("Khóa và chứng thư", "Keys and certificates"), len(notices), _notices(notices)),
    ]
    parts = [one for one in parts if one[2]]
    if report.people is not None:
        vi = "Trang này có dữ liệu cá nhân. Không gửi đi, và chạy lại lệnh không có --show-people khi đã dùng xong."
        en = "This page holds personal data. Do not send it on; once it was used run again without --show-people."
        yield f'<div class="note warn">{text(vi, en)}</div>'
    yield heading("Việc cần làm hôm nay", "To do today")
    if not parts:
        yield f'<p class="done">{text("Không còn việc gì phải làm với lô này.", "Nothing is left to be done.")}</p>'
        return
    yield '<nav><ul class="sums">'
    for name, words, count, _ in parts:
        yield f'<li><a href="#{name}"><b>{count}</b> {text(*words)}</a></li>'
    yield "</ul></nav>"
    for name, words, _, body in parts:
        yield f"<section>{heading(*words, name)}"
        yield from body
        yield "</section>"


def _cases(report: Report) -> Iterator[str]:
    yield paragraph(
        "Mỗi vụ cần hai người trả lời độc lập; người nhập hồ sơ không được trả lời. Trang của vụ việc đặt hai người "
        "cạnh nhau, có ảnh và vân tay. Sau đó chạy lại lệnh cấp thẻ của lô.",
        "Two people answer each case apart from each other, and not whoever entered the dossier. The page of a case "
        "shows both people, with portraits and fingers. Then issue the batch again.",
    )
    for one in report.today.cases[:SHOWN_MOST]:
        commands = []
        if one.case is not None:
            where = ["--gallery", str(report.gallery)]
            commands = [
                ["cccd", "review", "page", one.case, *where, "--out", f"{one.case}.html"],
                ["cccd", "review", "show", one.case, *where],
            ]
        yield _task(report, one, commands)
    yield more(len(report.today.cases))


def _cards(report: Report) -> Iterator[str]:
    yield table(
        [
            ("số hiệu thẻ", "card serial"),
            ("việc cần làm", "what to do"),
            ("vì sao", "why"),
            ("của hồ sơ", "of dossier"),
            ("thay bằng thẻ của", "replaced by that of"),
            ("đơn vị", "unit"),
        ],
        [
            [
                one.card.card_serial,
                one.to_do,
                one.why,
                one.card.dossier,
                _named(report, one.card.replaced_by),
                unit_words(one.unit),
            ]
            for one in report.today.cards
        ],
    )


def _named(report: Report, dossier: str | None) -> str | None:
    name = None if report.people is None or dossier is None else report.people.names.get(dossier)
    return dossier if name is None else f"{dossier} {name}"


def _back(report: Report) -> Iterator[str]:
    left = SHOWN_MOST
    for unit, found in report.today.by_unit():
        if left <= 0:
            break
        yield f"<h3>{_heading(unit_words(unit))} <small>({len(found)})</small></h3>"
        yield from (_task(report, one, unit=False) for one in found[:left])
        left -= len(found)
    yield more(len(report.today.back))


def _heading(line: Two) -> str:
    return text(*line, row=True) if line[0] != line[1] else escaped(line[0])


def _duplicates(report: Report) -> Iterator[str]:
    yield paragraph(
        "Không cấp thẻ thứ hai. Báo cho đơn vị; nếu đơn vị không đồng ý, hồ sơ gốc ở đơn vị là căn cứ.",
        "No second card is made. Tell the unit; where it does not agree, the file itself at the unit decides.",
    )
    for one in report.today.duplicates[:SHOWN_MOST]:
        yield _task(report, one)
    yield more(len(report.today.duplicates))


def _again(report: Report) -> Iterator[str]:
    yield paragraph(
        "Sửa điều được nêu rồi chạy lại đúng lệnh cấp thẻ của lô: các hồ sơ này được làm tiếp.",
        "See to what is said, then issue the batch again by the same command: it goes on with these.",
    )
    for one in report.today.again[:SHOWN_MOST]:
        yield _task(report, one)
    yield more(len(report.today.again))


def _notices(notices: Sequence[str]) -> Iterator[str]:
    yield "<ul>" + "".join(f'<li lang="en">{escaped(notice)}</li>' for notice in notices) + "</ul>"


def _task(report: Report, one: Told, commands: Sequence[Sequence[str]] = (), *, unit: bool = True) -> str:
    whose = _once(unit_words(one.unit)) if unit else ""
    name = "" if report.people is None else report.people.names.get(one.dossier, "")
    pair = None if report.people is None else report.people.pairs.get(one.dossier)
    shown = "".join(f"<pre>{escaped(shlex.join(command))}</pre>" for command in commands)
    return (
        f'<div class="task"><p><b>{text("Hồ sơ", "Dossier", row=True)} <code>{escaped(one.dossier)}</code> '
        f"{escaped(name)}</b></p>{whose}{listed(one.lines)}{'' if pair is None else _drawn(pair)}{shown}</div>"
    )


def _drawn(pair: Pair) -> str:
    """Portraits and fingers of a duplicate and of whom it is, side by side."""
    pictures = "".join(
        f"<figure>{_portrait(data)}<figcaption>{_once(line)}</figcaption></figure>"
        for data, line in zip((pair.mine, pair.theirs), pair.called, strict=True)
    )
    found = f'<div class="pair">{pictures}</div>'
    if pair.fingers is None:
        return found + paragraph("Không có đủ vân tay để vẽ.", "There are not both fingers to draw.")
    made = pair.fingers
    drawings = "".join(
        f"<figure>{svg}<figcaption>{_once(line)}</figcaption></figure>"
        for svg, line in zip((made.probe, made.candidate), pair.labels, strict=True)
    )
    weight = f'<p class="weight" style="border-color:{made.colour}">{text(*made.weight)}</p>'
    return f'{found}<div class="pair">{drawings}</div>{weight}{listed(made.lines)}'


def _portrait(data: bytes | None) -> str:
    if data is None:
        vi = "Không giữ ảnh: xem hồ sơ gốc ở đơn vị tiếp nhận."
        return f'<p class="none">{text(vi, "No portrait is kept: see the file itself at its unit.")}</p>'
    code = base64.b64encode(data).decode("ascii")
    return f'<img class="portrait" alt="ảnh chân dung / portrait" src="data:image/jpeg;base64,{code}">'


def _once(line: Two) -> str:
    """A text in both languages; once where they are the same, as of names."""
    return text(*line) if line[0] != line[1] else f"<p>{escaped(line[0])}</p>"
