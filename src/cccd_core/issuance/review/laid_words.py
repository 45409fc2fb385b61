"""How fingers lie, in Vietnamese, from the English words of the evidence (`intake.arrangement`), which is what a case
keeps: so that those of earlier cases are told as well."""

from __future__ import annotations

import re
from typing import Final

from cccd_core.templates import POSITIONS

_PARTS: Final = (("thumb", "cái"), ("index", "trỏ"), ("middle", "giữa"), ("ring", "áp út"), ("little", "út"))
_ODD: Final = "Ngón tay không đúng vị trí đã khai"
_MIRRORED: Final = re.compile(r"the (.+) given is a mirror image")
_MOVED: Final = re.compile(r"the (.+) given is the (.+) on record")


def vietnamese(arrangement: str) -> str:
    """The same in Vietnamese; that something is odd, where the words are not known."""
    said = [_clause(clause) for clause in arrangement.split("; ")]
    return "; ".join(found for found in said if found is not None) if all(said) else _ODD


def _clause(text: str) -> str | None:
    if text == "the hands are exchanged":
        return "hai bàn tay bị đổi cho nhau"
    if text == "the fingers are mirror images":
        return "các vân tay là ảnh phản chiếu (lật gương)"
    if text.startswith("exchanged: "):
        pairs = [pair.split(" and ") for pair in text.removeprefix("exchanged: ").split(", ")]
        if all(len(pair) == 2 and set(pair) <= _NAMES.keys() for pair in pairs):
            return "đổi chỗ cho nhau: " + ", ".join(f"{_NAMES[one]} và {_NAMES[other]}" for one, other in pairs)
        return None
    mirror = _MIRRORED.fullmatch(text)
    if mirror is not None and mirror[1] in _NAMES:
        return f"{_NAMES[mirror[1]]} đã nộp là ảnh phản chiếu (lật gương)"
    moved = [_MOVED.fullmatch(one) for one in text.split(", ")]
    found = [one for one in moved if one is not None and one[1] in _NAMES and one[2] in _NAMES]
    if len(found) == len(moved):
        return ", ".join(f"{_NAMES[one[1]]} đã nộp là {_NAMES[one[2]]} trong dữ liệu đã lưu" for one in found)
    return None


def _finger(name: str) -> str:
    part = next(vi for en, vi in _PARTS if en in name)
    return f"ngón {part} {'phải' if 'right' in name else 'trái'}"


_NAMES: Final = {name: _finger(name) for position, name in POSITIONS.items() if 1 <= position <= 10}
