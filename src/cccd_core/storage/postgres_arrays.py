"""Arrays as PostgreSQL reads them from text, a whole column at a time: the driver's own take each value by itself, and
cost more than all the rest of an import (`docs/explanation/register.md`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import cast


def array(values: Sequence[object]) -> str:
    """The text of an array (PostgreSQL 15, 8.15.6) of texts, whole numbers, bytes, days and None, to be cast to its
    type. TypeError for a value of another kind."""
    kinds = set(map(type, values))
    words: Iterable[str]
    if kinds == {int}:
        words = map(str, values)
    elif kinds == {str} and _plain(found := cast("Sequence[str]", values)):
        words = ('"' + '","'.join(found) + '"',)
    elif kinds == {bytes}:
        words = ('"\\\\x' + '","\\\\x'.join(map(bytes.hex, cast("Sequence[bytes]", values))) + '"',)
    else:
        words = map(_word, values)
    return "{" + ",".join(words) + "}"


def _plain(texts: Sequence[str]) -> bool:
    """Whether none of them has a sign that means something between quotation marks."""
    together = "".join(texts)
    return '"' not in together and "\\" not in together


def _word(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bytes):
        return '"\\\\x' + value.hex() + '"'
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no array is made of {type(value).__name__}")
