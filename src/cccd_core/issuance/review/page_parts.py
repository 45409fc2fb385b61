"""Pieces of a case's page: texts in both languages, escaped, and what it calls people and fingers."""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import date

from cccd_core.issuance.review import words
from cccd_core.issuance.review.gathered import Side


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
