"""The people of a case side by side, field by field."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from cccd_core.country.clock import VIETNAM
from cccd_core.errors import CccdError
from cccd_core.issuance.dossiers import portrait
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.register.store import Card
from cccd_core.issuance.review import page_words as said
from cccd_core.issuance.review import words
from cccd_core.issuance.review.gathered import Side
from cccd_core.issuance.review.page_parts import called, day_of, escaped, listed, text

_UNSAID = "—"


def table(sides: Sequence[Side]) -> Iterator[str]:
    one = " one" if len(sides) == 1 else ""
    yield f'<table class="compare{one}" role="table"><caption>'
    yield text("Hai người cạnh nhau", "Both side by side") if not one else text("Hồ sơ", "The dossier")
    yield '</caption><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">'
    yield text("Mục", "Field") + "</th>"
    yield "".join(f'<th role="columnheader" scope="col">{text(*called(side))}</th>' for side in sides)
    yield '</tr></thead><tbody role="rowgroup">'
    yield _row(("Ảnh chân dung", "Portrait"), [_portrait(side) for side in sides])
    if any(side.content is not None for side in sides):
        for name, label in said.FIELDS.items():
            values = [None if side.content is None else _value(side, name) for side in sides]
            if any(values):
                shown = [_cell(side, value) for side, value in zip(sides, values, strict=True)]
                yield _row(label, shown, _mark(sides, values))
    yield _row(("Trong sổ hồ sơ", "In the register of dossiers"), [_record(side) for side in sides])
    yield _row(("Thẻ", "Cards"), [_cards(side.cards) for side in sides])
    yield "</tbody></table>"


def _row(label: tuple[str, str], cells: Sequence[str], mark: str = "") -> str:
    body = "".join(f'<td role="cell">{cell}</td>' for cell in cells)
    return f'<tr role="row"><th role="rowheader" scope="row">{text(*label)}{mark}</th>{body}</tr>'


def _mark(sides: Sequence[Side], values: Sequence[str | None]) -> str:
    """Whether a field says the same of both, where both are known."""
    if len(sides) < 2 or any(side.content is None for side in sides) or not all(values):
        return ""
    same = values[0] == values[1]
    word = text("giống nhau", "the same", row=True) if same else text("khác nhau", "different", row=True)
    return f'<span class="mark row {"same" if same else "differs"}">{"=" if same else "≠"} {word}</span>'


def _cell(side: Side, value: str | None) -> str:
    if side.content is None:
        return f'<span class="none">{text("không giữ", "not kept")}</span>'
    return value or f'<span class="none" aria-label="không khai, not stated">{_UNSAID}</span>'


def _value(side: Side, name: str) -> str | None:
    """A field of a dossier, escaped; None where it says nothing."""
    value = getattr(side.content.dossier, name) if side.content is not None else None
    if name == "missing_fingers":
        fingers = [words.finger(position) for position in sorted(value or ())]
        return text(", ".join(vi for vi, _ in fingers), ", ".join(en for _, en in fingers)) if fingers else None
    named = said.NAMED.get(name, {})
    if isinstance(value, str) and value in named:
        return text(*named[value])
    if isinstance(value, datetime):
        return f"{value.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
    if isinstance(value, date):
        return day_of(value)
    return None if value is None else escaped(str(value))


def _portrait(side: Side) -> str:
    if side.content is None:
        return f'<span class="none">{text("không có ảnh", "no portrait")}</span>'
    try:
        picture = portrait.for_screen(side.content.portrait, CheckPolicy())
    except CccdError:
        return f'<span class="none">{text("ảnh không đọc được", "the portrait cannot be shown")}</span>'
    vi, en = called(side)
    data = base64.b64encode(picture).decode()
    alt = escaped(f"Ảnh chân dung: {vi} / portrait: {en}")
    return f'<img class="portrait" alt="{alt}" src="data:image/jpeg;base64,{data}">'


def _record(side: Side) -> str:
    one = side.record
    if one is None:
        return f'<span class="none">{text("sổ không có hồ sơ này", "the register does not have it")}</span>'
    kind = said.KINDS[one.kind]
    lines = [
        said.STATES[one.state],
        (f"{kind[0]}, tiếp nhận {day_of(one.received)}", f"{kind[1]}, received {day_of(one.received)}"),
    ]
    if one.due is not None:
        lines.append((f"hạn trả {day_of(one.due)}", f"due {day_of(one.due)}"))
    names = ", ".join(unit.name for unit in side.units) or one.unit_id
    lines.append((f"đơn vị: {names}", f"unit: {names}"))
    return listed(lines)


def _cards(cards: Sequence[Card]) -> str:
    if not cards:
        return f'<span class="none">{text("chưa có thẻ nào", "no card")}</span>'
    lines = []
    for card in cards:
        vi, en = said.CARDS[card.status]
        serial, issued = card.serial or _UNSAID, day_of(card.issue_date)
        vi_end, en_end = ("không thời hạn", "no end") if card.expiry_date is None else 2 * (day_of(card.expiry_date),)
        lines.append(
            (
                f"{serial}: {vi}; số {card.number}; cấp {issued}, hết hạn {vi_end}; hồ sơ {card.dossier_id}",
                f"{en}; number {card.number}; issued {issued}, ends {en_end}; dossier {card.dossier_id}",
            )
        )
    return listed(lines)
