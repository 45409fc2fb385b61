"""Records as programs and their tools print them: rows of a dump, arrays of C and Java, escapes of a string.

Nothing is guessed: bytes of either order within a word are taken only where they begin as a record does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cccd_core.errors import FormatError
from cccd_core.templates.unwrap_binary import BLANKS, MAX_BYTES, MAX_RECORDS, RECORD

MAX_ROWS = 65_536  # sixteen bytes each make what is opened at most

_ROW = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})(:?)(?:[ \t]+\S.*)?")
_RIGHT = re.compile(rb"[|>]")  # before the text at the right, as hexdump and od print it
_TEXT_BEGINS = re.compile(rb"(?<=\S)\s{2,}")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")
_WORD_DIGITS = (4, 8, 16)
_SQUEEZED = b"*"
_ARRAY = re.compile(rb"[\[{]([^\[\]{}]{60,})[\]}]")
_COMMENT = re.compile(rb"/\*[^*]{0,200}\*/|//[^\r\n]{0,200}")
_ITEM = re.compile(
    rb"\s*(?:\(\s*(?:(?:un)?signed )?[A-Za-z_]\w{0,15}\s*\)\s*)?"
    rb"(-?(?:(?:0[xX]|&[hH])[0-9A-Fa-f]{1,2}|0|[1-9][0-9]{0,2}))(?:[uU]8?|\.toByte\(\))?\s*"
)
_ESCAPE = re.compile(rb"\\(?:u00([0-7][0-9A-Fa-f])|([nrt/]))")


def dumps(data: bytes) -> list[bytes]:
    """What digits in rows that are numbered, or say where in the bytes they begin, may stand for: as `xxd`, `hexdump`
    and `od` print them, with or without their text at the right, equal rows left out (`*`). The bytes as they stand,
    and with those of every word turned round; a last row that says the length alone ends the last word."""
    columns: list[bytes] = []
    rows: list[list[bytes]] = []
    text_at: int | None = None
    for line in data.strip(BLANKS).splitlines():
        if not line.strip():
            continue
        if line.strip() == _SQUEEZED:
            columns.append(_SQUEEZED)
            rows.append([])
            continue
        found = _ROW.fullmatch(line.rstrip())
        if found is None or len(columns) >= MAX_ROWS:
            return []
        digits = _RIGHT.split(line[found.end(2) :], maxsplit=1)[0]
        if found[2]:  # the text at the right begins in every row where it does in the first, or after two blanks
            begins = _TEXT_BEGINS.search(digits) if text_at is None else None
            text_at = text_at or (begins.end() if begins else len(digits))
            digits = digits[:text_at]
            if not all(_HEX.fullmatch(group) for group in digits.split()):
                digits = _TEXT_BEGINS.split(digits, maxsplit=1)[0]
        groups = digits.split()
        if not all(_HEX.fullmatch(group) for group in groups):
            return []
        columns.append(found[1])
        rows.append(groups)
    if not rows or (len(rows) == 1 and len(columns[0]) < 4):
        return []
    plain = _assembled(columns, [bytes.fromhex(b"".join(groups).decode("ascii")) for groups in rows], 1)
    everything = [group for groups in rows for group in groups]
    width = word_digits(everything)
    turned = _assembled(columns, [_turned(groups) for groups in rows], width // 2) if width else None
    return [each for each in (plain, turned) if each]


def word_digits(groups: Sequence[bytes]) -> int:
    """How many digits each word has, the last of which may be shorter; 0 where they are no words of one width."""
    width = len(groups[0]) if groups else 0
    same = all(len(group) == width for group in groups[:-1]) and bool(groups) and len(groups[-1]) <= width
    return width if width in _WORD_DIGITS and same else 0


def turned_words(text: bytes) -> bytes:
    """Words of digits as bytes, the last digits of each first; b"" for what does not begin as a record then."""
    groups = text.split()
    if not word_digits(groups) or not all(_HEX.fullmatch(group) for group in groups):
        return b""
    content = _turned(groups)
    return content if content.startswith(RECORD) else b""


def _turned(groups: Sequence[bytes]) -> bytes:
    return b"".join(bytes.fromhex(group.decode("ascii"))[::-1] for group in groups)


def _assembled(columns: Sequence[bytes], rows: Sequence[bytes], word_bytes: int) -> bytes | None:
    """The bytes of all rows, where a column numbers them from 0 or 1, or says where each begins, in a usual base."""
    for base in (16, 10, 8):
        try:
            numbers = [-1 if column == _SQUEEZED else int(column, base) for column in columns]
        except ValueError:
            continue
        if numbers in (list(range(len(rows))), list(range(1, len(rows) + 1))):
            return b"".join(rows)
        content = _placed(numbers, rows, word_bytes)
        if content is not None:
            return content
    return None


def _placed(numbers: Sequence[int], rows: Sequence[bytes], word_bytes: int) -> bytes | None:
    """The bytes of rows that say where they begin; -1 stands for rows like the one before. None where they do not."""
    content = bytearray()
    last, is_squeezed = b"", False
    for place, (start, row) in enumerate(zip(numbers, rows, strict=True)):
        if start < 0:
            if not last or is_squeezed:
                return None
            is_squeezed = True
            continue
        if start > MAX_BYTES:
            return None
        gap = start - len(content)
        if is_squeezed and gap >= 0 and gap % len(last) == 0:
            content += last * (gap // len(last))
        elif not row and place == len(rows) - 1 and 0 < -gap < word_bytes:
            return bytes(content[:start])
        elif gap or is_squeezed:
            return None
        content += row
        last, is_squeezed = row or last, False
    return None if is_squeezed else bytes(content)


def arrays(text: bytes) -> list[tuple[int, int, bytes]]:
    """Where arrays of numbers stand in a program's text whose bytes begin as a record does, and these: hexadecimal or
    decimal numbers, with casts, signed or not. An octal number, which looks like a decimal one, is none."""
    found: list[tuple[int, int, bytes]] = []
    for each in _ARRAY.finditer(text):
        items = _COMMENT.sub(b"", each[1]).strip(b" \t\r\n,").split(b",")
        first = _ITEM.fullmatch(items[0])
        if first is None or _number(first[1]) != RECORD[0]:
            continue
        matches = [_ITEM.fullmatch(item) for item in items]
        numbers = [_number(match[1]) for match in matches if match is not None]
        if len(numbers) == len(items) and all(-128 <= number <= 255 for number in numbers):
            content = bytes(number & 255 for number in numbers)
            if content.startswith(RECORD):
                found.append((each.start(), each.end(), content))
        if len(found) > MAX_RECORDS:
            break
    return found


def _number(text: bytes) -> int:
    digits = text.lower().replace(b"&h", b"0x")
    return int(digits, 16) if b"x" in digits else int(digits)


def unescaped(text: bytes) -> bytes:
    r"""Text in which the escapes of a JSON string still stand as they are (`\n`, `\/`, `\u003d`), without them."""
    if b"\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else _SIGNS[found[2]], text)


_SIGNS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"/": b"/"}


def bytes_of_map(document: Mapping[str, object]) -> bytes | None:
    """The record that an object of JSON is whose names count its bytes from 0, as a typed array of JavaScript becomes;
    None for any other. FormatError where one of its bytes is missing or none."""
    if [document.get(str(place)) for place in range(len(RECORD))] != list(RECORD):
        return None
    count = sum(name.isascii() and name.isdigit() for name in document)
    numbers = [document.get(str(place)) for place in range(count)]
    found = [number & 255 for number in numbers if type(number) is int and -128 <= number <= 255]
    if len(found) != count:
        raise FormatError("the bytes of a record in JSON are not all there", bytes=count, missing=count - len(found))
    return bytes(found)
