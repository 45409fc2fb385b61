"""Records as numbers, one a byte, somewhere in text: in a log's line, a table's cell, a trace of a card, a program's
list; and as listings with offsets and the text at the right.

Nothing is guessed: the numbers begin as a record does and are as many as it says.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from cccd_core.templates.unwrap_binary import BLANKS, MAX_BYTES, MAX_RECORDS, RECORD_START, length_of

_HEX_PREFIX: Final = rb"(?:0[xX]|&[hH]|[$#])?"
_GAP: Final = rb"([ \t]{0,9}[,;:_-]?[ \t]{0,9})"
_HEX_BEGINS: Final = re.compile(rb"46(?<![0-9A-Fa-f]46)" + _GAP + _HEX_PREFIX + rb"4[dD](?![0-9A-Fa-f])")
_DECIMAL_BEGINS: Final = re.compile(rb"70(?<![0-9.-]70)" + _GAP + rb"77(?![0-9])")
_PREFIXED: Final = re.compile(rb"(?:0[xX]|&[hH]|[$#])\Z")
_DIGITS: Final = {16: rb"[0-9A-Fa-f]{2}(?![0-9A-Fa-f])", 10: rb"-?[0-9]{1,3}(?![0-9])"}
_LISTED: Final = re.compile(rb"[ \t]*(?:0[xX])?([0-9A-Fa-f]{4,16})[:h]?[ \t]+(?=[0-9A-Fa-f]{2}(?:[ \t-]|\Z))")
_BYTE: Final = re.compile(rb"[ \t-]{0,3}([0-9A-Fa-f]{2})(?=[ \t-]|\Z)")
_HEADING_LINES: Final = 8
_ROW_BYTES_MOST: Final = 64


def numbers(text: bytes) -> list[tuple[int, int, bytes]]:
    """Where a row of numbers stands whose bytes begin as a record does, and these: hexadecimal of two digits or
    decimal, parted by blanks or one mark, which goes on in lines of such numbers alone. Linear in the text."""
    found: list[tuple[int, int, bytes]] = []
    for base, begins in ((16, _HEX_BEGINS), (10, _DECIMAL_BEGINS)):
        at = 0
        while len(found) <= MAX_RECORDS and (start := begins.search(text, at)) is not None:
            gap = start[1]
            is_prefixed = base == 16 and _PREFIXED.search(text, max(start.start() - 2, 0), start.start()) is not None
            first, following = _rows(base, is_prefixed, gap.strip(b" \t"))
            at = start.end()
            row = first.match(text, start.start()) if gap else None
            if row is None:
                continue
            end = row.end()
            while (more := following.match(text, end)) is not None:
                end = more.end()
            content = _values(text[start.start() : end], base)
            if RECORD_START.match(content):
                found.append((start.start(), end, content))
            at = max(at, end)
    return found


@lru_cache(maxsize=64)
def _rows(base: int, is_prefixed: bool, mark: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """A row of numbers that are parted by this mark (or by blanks), and a line of such alone that follows one."""
    number = (_HEX_PREFIX if is_prefixed else b"") + _DIGITS[base]
    gap = rb"[ \t]{0,9}" + re.escape(mark) + rb"[ \t]{0,9}" if mark else rb"[ \t]{1,9}"
    row = number + rb"(?:" + gap + number + rb")*"
    left = rb"[ \t]{0,9}" + (re.escape(mark) + rb"?[ \t]{0,9}" if mark else b"")
    line_end = left + rb"\\?[ \t]{0,9}\r?\n[ \t]{0,40}"
    return re.compile(row), re.compile(line_end + row + rb"(?=" + left + rb"\\?[\])}>;]{0,4}[ \t]*(?:\r?\n|\Z))")


def _values(row: bytes, base: int) -> bytes:
    """The bytes; b"" where a number is none."""
    pattern = rb"(?:0[xX])?([0-9A-Fa-f]{2})" if base == 16 else rb"(-?[0-9]{1,3})"
    values = [int(digits, base) for digits in re.findall(pattern, row)[: MAX_BYTES + 1]]
    return bytes(value & 255 for value in values) if all(-128 <= value <= 255 for value in values) else b""


def listing(data: bytes) -> bytes:
    """The record in a listing of rows that begin with an offset and may end with their text, as PowerShell, certutil
    and Wireshark print it, below a heading or none: a row has as many bytes as the next one's offset says, the last one
    what the record still needs. b"" for any other text."""
    rows: list[tuple[int, bytes]] = []
    for number, line in enumerate(data.strip(BLANKS).splitlines()):
        start = _LISTED.match(line)
        if start is not None:
            rows.append((int(start[1], 16), line[start.end() :]))
        elif line.strip() and (rows or number >= _HEADING_LINES):
            return b""
    content = bytearray()
    for place, (offset, row) in enumerate(rows):
        is_last = place == len(rows) - 1
        count = _ROW_BYTES_MOST if is_last else rows[place + 1][0] - offset
        found = _leading(row, min(count, _ROW_BYTES_MOST))
        if not is_last and len(found) != count:
            return b""
        content += found
    length = length_of(bytes(content)) if RECORD_START.match(content) else 0
    return bytes(content[:length])


def _leading(row: bytes, most: int) -> bytes:
    """The bytes at a row's start, no more than so many."""
    content = bytearray()
    at = 0
    while len(content) < most and (found := _BYTE.match(row, at)) is not None:
        content += bytes.fromhex(found[1].decode("ascii"))
        at = found.end()
    return bytes(content)
