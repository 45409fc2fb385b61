"""Records in the less usual codings: uuencode, base32, base85, quoted-printable, Intel HEX, Motorola S-records, strings
with escapes.

Each is opened where what it says begins as a record does, and is whole: these codings say by checks, an end, or the
record's own length what is missing, and what is missing or too much is refused, never passed over.

Sources: POSIX.1 (uuencode), RFC 4648 clause 6 (base32), RFC 1924 and Adobe's PostScript (base85), RFC 2045 clause 6.7
(quoted-printable), Intel's Hexadecimal Object File Format (1988), Motorola's S-record format (M68000 family).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from cccd_core.errors import FormatError
from cccd_core.templates.unwrap_binary import (
    BLANKS,
    FILLING,
    MAX_BYTES,
    MAX_RECORDS,
    RECORD,
    RECORD_START,
    Part,
    Parts,
    length_of,
)

_HEAD: Final = 64  # blanks may come first
_UU_START: Final = re.compile(rb"(?:\A|[\r\n])begin [0-7]{3,4} [^\r\n]{1,255}\r?\n")
_QP_START: Final = re.compile(rb"FMR=00(?: 20|=2020|030|035)=00")
_QP_SOFT: Final = re.compile(rb"=[ \t]*\r?\n")
_HEX_LINE: Final = re.compile(rb":(?:[0-9A-Fa-f]{2}){5,260}")
_S_LINE: Final = re.compile(rb"S([0-9])((?:[0-9A-Fa-f]{2}){3,260})")
_S_ADDRESS: Final = {1: 2, 2: 3, 3: 4}
_ESCAPED: Final = re.compile(rb"(?:FMR|\\x46\\x4[dD]\\x52|\\106\\115\\122)\\(?:x00|u0000|0)")
_TOKEN: Final = re.compile(
    rb"\\x([0-9A-Fa-f]{2})|\\u00([0-9A-Fa-f]{2})|\\([0-3][0-7]{2}|[0-7]{1,2})|\\([\\'\"/abfnrtv])|([ -\[\]-~])"
)
_SIGNS: Final = dict(zip(b"\\'\"/abfnrtv", b"\\'\"/\a\b\f\n\r\t\v", strict=True))
_NEXT_LITERAL: Final = re.compile(rb"[\"'][ \t]*\\?(?:\r?\n)[ \t]*b?[\"']")
_BASE32: Final = base64.b32encode(RECORD + b"\x00")[:6]
_ASCII85: Final = base64.a85encode(RECORD)
_BASE85: Final = base64.b85encode(RECORD)


def _whole(content: bytes, coding: str, filling: bytes = b"") -> Parts:
    """The record that `content` is, with nothing but `filling` behind it; FormatError where it is shorter or longer
    than it says itself."""
    length = length_of(content)
    if not length or content[length:].strip(filling):
        raise FormatError(f"a record in {coding} is not as long as it says", bytes=len(content))
    return [Part(content)]


def uuencoded(data: bytes) -> Parts | None:
    """The files between `begin` and `end`, of which each is a record."""
    parts: Parts = []
    if b"begin " not in data:
        return None
    for found in _UU_START.finditer(data):
        content = b""
        is_ended = False
        for line in data[found.end() :].splitlines():
            if line.strip() == b"end":
                is_ended = True
                break
            if not line.strip(b"` \r"):
                continue
            if len(line) != 1 + -(-((line[0] - 32) % 64) // 3) * 4:
                raise FormatError("uuencoded text that is broken: a line is not as long as it says")
            try:
                content += binascii.a2b_uu(line)
            except binascii.Error:
                raise FormatError("uuencoded text that is broken") from None
            if len(content) > MAX_BYTES:
                raise FormatError("a wrapper holds too much", most_bytes=MAX_BYTES)
        if not is_ended:
            raise FormatError("uuencoded text that is cut")
        if content.startswith(RECORD):
            parts += _whole(content, "uuencoded text")
    return parts or None


def base32(data: bytes) -> Parts | None:
    """Base32, in lines and without its padding, too."""
    if not data[:_HEAD].lstrip(BLANKS).upper().startswith(_BASE32):
        return None
    text = b"".join(data.split()).upper()
    text = text.rstrip(b"=")
    try:
        content = base64.b32decode(text + b"=" * (-len(text) % 8))
    except binascii.Error:
        raise FormatError("base32 text of a record that is broken") from None
    return _whole(content, "base32 text")


def base85(data: bytes) -> Parts | None:
    """Base85 as PostScript writes it (Ascii85, in its brackets or bare) and with the alphabet of RFC 1924."""
    if not data[:_HEAD].lstrip(BLANKS).startswith((b"<~", _ASCII85, _BASE85)):
        return None
    text = b"".join(data.split())
    is_adobe = text.startswith(b"<~")
    if is_adobe and not text.endswith(b"~>"):
        raise FormatError("Ascii85 text that is cut")
    bare = text[2:-2] if is_adobe else text
    if not bare.startswith((_ASCII85, _BASE85)):
        if is_adobe:
            raise FormatError("Ascii85 text of what is no record")
        return None
    try:
        content = base64.a85decode(bare) if bare.startswith(_ASCII85) else base64.b85decode(bare)
    except ValueError:
        raise FormatError("base85 text of a record that is broken") from None
    return _whole(content, "base85 text")


def quoted_printable(data: bytes) -> Parts | None:
    """Quoted-printable text from where a record begins in it. A bare line end within the record may have been another
    one, so it is refused."""
    found = _QP_START.search(data)
    if found is None:
        return None
    text = _QP_SOFT.sub(b"", data[found.start() :])
    content = binascii.a2b_qp(text.splitlines()[0])
    length = length_of(content)
    if not length:
        raise FormatError("quoted-printable text of a record that is cut, or has line ends in it", offset=found.start())
    return [Part(content[:length])]


def intel_hex(data: bytes) -> Parts | None:
    """The bytes of Intel HEX, whose rows follow each other without a gap."""
    lines = data.strip(BLANKS + b"\x00").split() if data[:_HEAD].lstrip(BLANKS)[:1] == b":" else []
    if not lines or not all(_HEX_LINE.fullmatch(line) for line in lines):
        return None
    rows: list[tuple[int, bytes]] = []
    base = 0
    for number, line in enumerate(lines, start=1):
        row = bytes.fromhex(line[1:].decode("ascii"))
        count, kind, content = row[0], row[3], row[4:-1]
        if len(content) != count or sum(row) % 256:
            raise FormatError("Intel HEX text that is broken: a row's length or check is wrong", line=number)
        if kind == 0:
            rows.append((base + int.from_bytes(row[1:3], "big"), content))
        elif kind in (2, 4):
            base = int.from_bytes(content, "big") << (4 if kind == 2 else 16)
        elif kind == 1:
            return _assembled(rows, "Intel HEX")
    raise FormatError("Intel HEX text that is cut: its last row is missing")


def s_records(data: bytes) -> Parts | None:
    """The bytes of Motorola S-records, whose rows follow each other without a gap."""
    lines = data.strip(BLANKS + b"\x00").split() if data[:_HEAD].lstrip(BLANKS)[:1] == b"S" else []
    found = [match for line in lines if (match := _S_LINE.fullmatch(line)) is not None]
    if not lines or len(found) != len(lines):
        return None
    rows: list[tuple[int, bytes]] = []
    for number, match in enumerate(found, start=1):
        kind, row = int(match[1]), bytes.fromhex(match[2].decode("ascii"))
        if row[0] != len(row) - 1 or sum(row) % 256 != 255:
            raise FormatError("Motorola S-records that are broken: a row's length or check is wrong", line=number)
        address = _S_ADDRESS.get(kind)
        if address is not None:
            rows.append((int.from_bytes(row[1 : 1 + address], "big"), row[1 + address : -1]))
        elif kind >= 7:
            return _assembled(rows, "Motorola S-records")
    raise FormatError("Motorola S-records that are cut: the last one is missing")


def _assembled(rows: list[tuple[int, bytes]], coding: str) -> Parts | None:
    rows.sort()
    for (start, content), (following, _) in pairwise(rows):
        if start + len(content) != following:
            raise FormatError(f"{coding} with a gap, or with bytes twice", address=start + len(content))
    content = b"".join(row for _, row in rows)
    return _whole(content, coding, FILLING) if content.startswith(RECORD) else [Part(content)]


def escaped(data: bytes) -> list[tuple[int, int, bytes]]:
    """Where strings with escapes stand in a program's text, a log or a table that are records: `b'FMR\\x00 20...'` as
    Python prints bytes, C's and JSON's strings, PostgreSQL's escapes. Each with its end and its bytes, which are short
    where the string is; none where it is longer than the record says."""
    found: list[tuple[int, int, bytes]] = []
    at = 0 if b"\\" in data else len(data)
    while len(found) <= MAX_RECORDS and (start := _ESCAPED.search(data, at)) is not None:
        before = data[max(start.start() - 1, 0) : start.start()]
        quote = before if before in (b'"', b"'") else b""
        content, at = _string(data, start.start(), quote)
        at = max(at, start.end())
        if RECORD_START.match(content):
            length = length_of(content)
            found.append((start.start(), at, b"" if quote and len(content) > length else content))
    return found


def _string(data: bytes, at: int, quote: bytes) -> tuple[bytes, int]:
    """The bytes of a string from `at` to its quote, joined with literals that follow on other lines; where it has none,
    to the line's end."""
    content = bytearray()
    while len(content) <= MAX_BYTES:
        if quote and data[at : at + 1] == quote:
            following = _NEXT_LITERAL.match(data, at)
            if following is None:
                break
            at = following.end()
            continue
        token = _TOKEN.match(data, at)
        if token is None:
            break
        code, unicode, octal, sign, plain = token.groups()
        if octal is not None:
            content.append(int(octal, 8))
        elif sign is not None:
            content.append(_SIGNS[sign[0]])
        else:
            content += plain if plain is not None else bytes.fromhex((code or unicode).decode("ascii"))
        at = token.end()
    return bytes(content), at


CODED: Final[tuple[tuple[str, Callable[[bytes], Parts | None]], ...]] = (
    ("uuencoded text", uuencoded),
    ("Intel HEX", intel_hex),
    ("Motorola S-records", s_records),
    ("base32 text", base32),
    ("base85 text", base85),
    ("quoted-printable text", quoted_printable),
)
