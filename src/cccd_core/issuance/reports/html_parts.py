"""Pieces of the report's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from cccd_core.issuance.reports.words import Two
from cccd_core.issuance.review.page_parts import escaped, text

SHOWN_MOST: Final = 500  # rows of one table, items of one list; dossiers.jsonl has every dossier

Row: TypeAlias = Sequence[Two | str | float | None]


def heading(vi: str, en: str, name: str | None = None) -> str:
    """A section's heading; `name` for links to it."""
    where = "" if name is None else f' id="{name}"'
    return f"<h2{where}>{text(vi, en, row=True)}</h2>"


def table(head: Sequence[Two], rows: Sequence[Row]) -> str:
    """A table, of at most SHOWN_MOST rows; a word where there are none."""
    if not rows:
        return f'<p class="none">{text("không có", "none", row=True)}</p>'
    cells = "".join(f"<th>{text(*name, row=True)}</th>" for name in head)
    body = "".join("<tr>" + "".join(map(_cell, row, head)) + "</tr>" for row in rows[:SHOWN_MOST])
    return f'<table class="list"><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>{more(len(rows))}'


def more(count: int) -> str:
    """That there are more than are shown; nothing where there are not."""
    left = count - SHOWN_MOST
    if left <= 0:
        return ""
    return f'<p class="none">{text(f"và {left} nữa trong dossiers.jsonl", f"and {left} more in dossiers.jsonl")}</p>'


def _cell(value: Two | str | float | None, head: Two) -> str:
    label = f' data-label="{escaped(" / ".join(head))}"' if head[0] else ""  # stands before it on a phone
    if isinstance(value, tuple) and value[0] == value[1]:  # a name
        value = value[0]
    if isinstance(value, tuple):
        return f"<td{label}>{text(*value)}</td>"
    if isinstance(value, int | float):
        return f'<td class="n"{label}>{value:g}</td>'
    return f"<td{label}>{escaped('' if value is None else value)}</td>"
