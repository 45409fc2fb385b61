"""The records inside what people hand over: base64 and hexadecimal text, JSON, XML, gzip, CBEFF, vendors' headers.

Layers are opened from outside in until a record is bare; each is named. What is opened is bounded: so many layers, so
many records, and no more bytes in all than a template file may have. Nothing is guessed: a wrapper is opened where what
is inside says itself that it is a record.

Sources: RFC 4648 (base64, base16), RFC 2397 (data URIs), RFC 1952 (gzip), ISO/IEC 19785-3 (CBEFF patron formats; its
clause 19 for the XML one), NIST SP 800-76-2 clause 9 (PIV), ISO/IEC 7816-11 (biometric information templates).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.parsers import expat

from cccd_core.errors import FormatError
from cccd_core.templates import nist_itl
from cccd_core.templates.identify import is_block_39794

MAX_BYTES = 16 << 20
MAX_LAYERS = 6
MAX_RECORDS = 64
MAX_XML_DEPTH = 64
MAX_HEADER_BYTES = 512

RECORD = b"FMR\x00"
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_HEX = re.compile(rb"(?:0[xX])?[0-9A-Fa-f]+")
_DATA_URI = re.compile(rb"data:[^,]{0,200},", re.IGNORECASE)
_BLANKS = b" \t\r\n\f"
_RECORD_START = re.compile(rb"FMR\x00(?: 20|030|035)\x00")


@dataclass(frozen=True, slots=True)
class Inside:
    """A bare record, the names of the wrappers that it came out of, outermost first, and the finger that a wrapper says
    it is of (0: it says none)."""

    data: bytes
    wrappers: tuple[str, ...]
    position: int = 0


def unwrap(data: bytes) -> tuple[Inside, ...]:
    """Every record inside `data`, in order; `data` itself where it is no wrapper that is known here. FormatError for a
    wrapper that is broken, too deep or too large. Linear in the bytes opened."""
    return tuple(_open(data, (), 0, [MAX_BYTES])) or (Inside(data, ()),)


def _open(data: bytes, wrappers: tuple[str, ...], position: int, budget: list[int]) -> Iterator[Inside]:
    if data.startswith(RECORD) or nist_itl.is_file(data):
        yield Inside(data, wrappers, position)
        return
    for name, opener in _OPENERS:
        inside = opener(data)
        if inside is None:
            continue
        if len(wrappers) >= MAX_LAYERS:
            raise FormatError("a template in too many wrappers", layers=len(wrappers) + 1, most=MAX_LAYERS)
        for count, (part, finger) in enumerate(inside, start=1):
            budget[0] -= len(part)
            if budget[0] < 0 or count > MAX_RECORDS:
                raise FormatError("a wrapper holds too much", most_bytes=MAX_BYTES, most_records=MAX_RECORDS)
            yield from _open(part, (*wrappers, name), finger or position, budget)
        return
    if wrappers:  # what was opened and is no record: its reader says what it is
        yield Inside(data, wrappers, position)


_Parts = list[tuple[bytes, int]]


def _gzip(data: bytes) -> _Parts | None:
    if not data.startswith(b"\x1f\x8b"):
        return None
    inflater = zlib.decompressobj(wbits=31)
    try:
        content = inflater.decompress(data, MAX_BYTES + 1)
    except zlib.error:
        raise FormatError("a gzip file that is broken") from None
    if not inflater.eof and len(content) <= MAX_BYTES:
        raise FormatError("a gzip file that is cut")
    return [(content, 0)]


def _data_uri(data: bytes) -> _Parts | None:
    text = data.strip(_BLANKS)
    found = _DATA_URI.match(text)
    return None if found is None else [(text[found.end() :], 0)]


def _json(data: bytes) -> _Parts | None:
    text = data.strip(_BLANKS)
    if text[:1] not in (b'"', b"{", b"["):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [(each, 0) for each in _records_in(document)] or None


def _records_in(document: object) -> Iterator[bytes]:
    stack = [document]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            stack += reversed(list(each.values()))
        elif isinstance(each, list):
            stack += reversed(each)
        elif isinstance(each, str) and each.isascii():
            text = each.encode("ascii")
            if _holds_record(text):
                yield text


def _base64_text(data: bytes) -> _Parts | None:
    content = _decoded_base64(data)
    return None if content is None or not _is_known(content) else [(content, 0)]


def _decoded_base64(data: bytes) -> bytes | None:
    text = data.strip(_BLANKS)
    if text[:4].lower() == b"464d":  # hexadecimal digits are base64, too
        return None
    # A form that was sent without care turns every + into a blank; a blank at a line's end is none of those.
    lines = [line.strip(_BLANKS) for line in text.splitlines()]
    joined = b"".join(lines).replace(b" ", b"+").replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    if not _BASE64.fullmatch(joined) or len(joined) % 4 == 1:
        return None
    try:
        return base64.b64decode(joined + b"=" * (-len(joined) % 4), validate=True)
    except binascii.Error:
        return None


def _hex_text(data: bytes) -> _Parts | None:
    text = re.sub(rb"[\s:,]", b"", data) if len(data) <= 4 * MAX_BYTES else b""
    if not _HEX.fullmatch(text):
        return None
    digits = text[2:] if text[:2] in (b"0x", b"0X") else text
    if len(digits) % 2:
        return None
    content = bytes.fromhex(digits.decode("ascii"))
    return [(content, 0)] if _is_known(content) else None


def _is_known(content: bytes) -> bool:
    """Whether decoded text is something that can hold a record: text of another kind decodes to anything."""
    return (
        content.startswith((RECORD, b"\x1f\x8b", b"\x7f\x60", b"\x7f\x61", b"FIR\x00", b"FAC\x00", b"IIR\x00"))
        or content.lstrip(_BLANKS)[:1] == b"<"
        or nist_itl.is_file(content)
        or is_block_39794(content)
        or _cbeff(content) is not None
        or content[:4] in (b"Rk1S", b"464d", b"464D")
    )


def _holds_record(text: bytes) -> bool:
    return any(opener(text) is not None for _, opener in _TEXTS)


class _Xml:
    """Collects an XML document's elements that can hold a record: BDB of a CBEFF BIR, Bytes of a vendor's Fid or Fmd,
    or any other whose text begins as a record does. Document types, and so entities, are refused."""

    def __init__(self) -> None:
        self.parts: _Parts = []
        self._stack: list[list[bytes]] = []
        self._subtypes: list[str] = []

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise FormatError("XML text that is broken", line=error.lineno, column=error.offset) from None

    def _doctype(self, *_: object) -> None:
        raise FormatError("XML text with a document type, which is not read")

    def _start(self, name: str, _: object) -> None:
        if len(self._stack) >= MAX_XML_DEPTH:
            raise FormatError("XML text that is nested too deep", most=MAX_XML_DEPTH)
        self._stack.append([])
        if _local(name) == "BIR":
            self._subtypes.append("")

    def _characters(self, text: str) -> None:
        if self._stack:
            self._stack[-1].append(text.encode("utf-8"))

    def _end(self, name: str) -> None:
        text = b"".join(self._stack.pop()).strip(_BLANKS)
        kind = _local(name)
        if kind == "Subtype" and self._subtypes:
            self._subtypes[-1] = text.decode("utf-8", "replace")
        elif kind == "BIR" and self._subtypes:
            self._subtypes.pop()
        elif text and (_holds_record(text) or (kind in ("BDB", "Bytes") and _decoded_base64(text))):
            self.parts.append((text, finger_of(self._subtypes[-1]) if self._subtypes else 0))


def _local(name: str) -> str:
    return name.rsplit(" ", 1)[-1]


_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")


def finger_of(subtype: str) -> int:
    """The finger position of a CBEFF subtype ("Left IndexFinger"), 0 for one that names none."""
    words = subtype.replace("Finger", "").split()
    side = {"Right": 0, "Left": 5}.get(words[0] if words else "")
    finger = next((number for number, word in enumerate(_FINGERS, start=1) if word in words), 0)
    return 0 if side is None or not finger else side + finger


def _xml(data: bytes) -> _Parts | None:
    if data.lstrip(b"\xef\xbb\xbf" + _BLANKS)[:1] != b"<" or b"html" in data[:200].lower():
        return None
    document = _Xml()
    document.read(data)
    return document.parts or None


def _cbeff(data: bytes) -> _Parts | None:
    """The records behind headers that are not read: PIV's of 88 bytes, biometric information templates, BioAPI's or a
    vendor's. A record proves itself: its identifier stands near the start, and its length fits what follows."""
    parts: _Parts = []
    position = 1
    while len(parts) <= MAX_RECORDS:
        found = _RECORD_START.search(data, position, position + MAX_HEADER_BYTES)
        if found is None:
            break
        start = found.start()
        rest = data[start : start + 14]
        # the length of ISO's and ANSI's records, and the two forms of the edition of 2004
        stated = (
            int.from_bytes(rest[8:12], "big"),
            int.from_bytes(rest[8:10], "big"),
            int.from_bytes(rest[10:14], "big"),
        )
        length = next((each for each in stated if 24 < each <= len(data) - start), None)
        if length is None:
            break
        parts.append((data[start : start + length], 0))
        position = start + length
    return parts or None


_TEXTS: tuple[tuple[str, Callable[[bytes], _Parts | None]], ...] = (
    ("data URI", _data_uri),
    ("hexadecimal text", _hex_text),
    ("base64 text", _base64_text),
)
_OPENERS: tuple[tuple[str, Callable[[bytes], _Parts | None]], ...] = (
    ("gzip", _gzip),
    ("XML", _xml),
    ("JSON", _json),
    *_TEXTS,
    ("CBEFF or another header", _cbeff),
)
