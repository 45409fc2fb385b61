"""Pieces of a case's page: texts in both languages, escaped, and what it calls people and fingers."""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import date

from cccd_core.issuance.review import words
from cccd_core.issuance.review.gathered import Side
from cccd_core.issuance.review.page_style import STYLE

# A browser that obeys it loads and runs nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def document(title: str, body: str, *, more_style: str = "") -> str:
    """A whole page, which needs no other file and no network. `body` is HTML, `title` a text of whatever origin."""
    return (
        '<!doctype html>\n<html lang="vi"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escaped(title)}</title><style>{STYLE}{more_style}</style></head><body>{body}</body></html>\n"
    )


def languages() -> str:
    """The choice of what the page is read in, which needs no script."""
    choices = "".join(
        f'<label><input type="radio" name="language" id="{name}"{checked}> {label}</label>'
        for name, label, checked in (
            ("both", "Cả hai / both", " checked"),
            ("only-vi", "Tiếng Việt", ""),
            ("only-en", "English", ""),
        )
    )
    return f"<fieldset><legend>{text('Ngôn ngữ', 'Language', row=True)}</legend>{choices}</fieldset>"


def called(side: Side) -> tuple[str, str]:
    """What the page calls one of the people."""
    if side.place == 0:
        return f"Hồ sơ đang xét {side.dossier_id}", f"the dossier in review, {side.dossier_id}"
    if side.dossier_id is None:
        return "Người đã đăng ký, không rõ hồ sơ", "somebody enrolled, by no dossier that is known"
    return f"Người của hồ sơ {side.dossier_id}", f"the person of dossier {side.dossier_id}"


def finger_of(position: int, side: Side) -> tuple[str, str]:
    """What the page calls a finger of one of them."""
    finger, whose = words.finger(position), called(side)
    return f"{finger[0]}, {whose[0]}", f"{finger[1]}, {whose[1]}"


def day_of(day: date) -> str:
    """A day as it is written in Vietnam."""
    return f"{day:%d/%m/%Y}"


def text(vi: str, en: str, *, row: bool = False) -> str:
    """A text in both languages, escaped: below each other, or in a row."""
    both = f'<span lang="vi">{escaped(vi)}</span><span lang="en">{escaped(en)}</span>'
    return f'<span class="t{" row" if row else ""}">{both}</span>'


def listed(lines: Iterable[tuple[str, str]]) -> str:
    """Texts as a list; nothing where there are none."""
    items = "".join(f"<li>{text(*line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def paragraph(vi: str, en: str) -> str:
    """A text in both languages as a paragraph."""
    return f"<p>{text(vi, en)}</p>"


def escaped(found: str) -> str:
    """A text of whatever origin, as HTML."""
    return html.escape(found)
