"""The records inside what people hand over: base64 and hexadecimal text, JSON, XML, gzip, CBEFF, vendors' headers.

Layers are opened from outside in until a record is bare; each is named. What is opened is bounded: so many layers, so
many records, so many strings looked at, and few bytes. Nothing is guessed: a wrapper is opened where what
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
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

from cccd_core.errors import FormatError
from cccd_core.templates import nist_itl
from cccd_core.templates.identify import is_block_39794
from cccd_core.templates.subtypes import finger_of, finger_of_header

MAX_BYTES = 1 << 20  # what is opened, and what comes out of it
MAX_LAYERS = 6
MAX_RECORDS = 64
MAX_TRIED = 10_000  # strings of JSON, elements of XML
MAX_XML_DEPTH = 64
MAX_HEADER_BYTES = 512

RECORD = b"FMR\x00"
_RECORD_LIST = list(RECORD)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]+={0,2}")
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_HEX_START = re.compile(rb"[0-9A-Fa-fxX\s:,'\\-]{64}")
_DATA_URI = re.compile(rb"data:[^,]{0,200},", re.IGNORECASE)
_BLANKS = b" \t\r\n\f"
_MARK = b"\xef\xbb\xbf"
_XML_DECLARATION = re.compile(rb"\A\s*<\?xml[^>]{0,200}\?>")
_PERCENT = re.compile(rb"(?=[^%]{0,2000}%[0-9A-Fa-f]{2})[A-Za-z0-9+/=_%\r\n-]+")
_LEAST_TEXT = 32  # the characters of the shortest record in base64
_FILLING = b"\x00\xff\r\n\t "
_BASE64_TEXTS = re.compile(rb"[^=,;]+?(?:=+|[,;]|\s(?=Rk1SA)|\Z)")  # one after the other, each ended as base64 ends
_RECORD_START = re.compile(rb"FMR\x00(?: 20|030|035)\x00")


@dataclass(frozen=True, slots=True)
class Inside:
    """A bare record, the names of the wrappers that it came out of, outermost first, and the finger that a wrapper says
    it is of (0: it says none)."""

    data: bytes
    wrappers: tuple[str, ...]
    position: int = 0

    @property
    def is_record(self) -> bool:
        """Whether it begins as a record does."""
        return self.data.startswith(RECORD) or nist_itl.is_file(self.data)


def unwrap(data: bytes, *, most_bytes: int = MAX_BYTES) -> tuple[Inside, ...]:
    """What is inside `data`, in order, records and what stands beside them; `data` itself where it is no wrapper that
    is known here. No more than `most_bytes` come out of the wrappers. FormatError for a wrapper that is broken, too
    deep or too large. Linear in the bytes opened."""
    return tuple(_open(data, (), 0, [min(most_bytes, MAX_BYTES), MAX_RECORDS])) or (Inside(data, ()),)


def _open(data: bytes, wrappers: tuple[str, ...], position: int, budget: list[int]) -> Iterator[Inside]:
    if data.startswith(RECORD):
        for record in _one_after_another(data):
            budget[1] -= 1
            if budget[1] < 0:
                raise _too_much(budget)
            yield Inside(record, wrappers, position)
        return
    if nist_itl.is_file(data):
        yield Inside(data, wrappers, position)
        return
    if len(data) > MAX_BYTES:
        if data.lstrip(b"\xef\xbb\xbf" + _BLANKS)[:1] in (b"<", b"{", b"["):
            raise FormatError("the text is too long for one that holds records", bytes=len(data), most_bytes=MAX_BYTES)
        if not data.startswith(_GZIP):
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
                raise _too_much(budget)
            yield from _open(part, (*wrappers, name), finger or position, budget)
        return
    if wrappers:  # what was opened and is no record: its reader says what it is
        yield Inside(data, wrappers, position)


_GZIP = b"\x1f\x8b"
_Parts = list[tuple[bytes, int]]


def _too_much(budget: list[int]) -> FormatError:
    what = "bytes" if budget[0] < 0 else "records"
    return FormatError("a wrapper holds too much", of=what, most_records=MAX_RECORDS)


def _one_after_another(data: bytes) -> Iterator[bytes]:
    """The records that `data` is a row of, with nothing but filling between. FormatError where a second one begins, but
    not where the one before it ends."""
    start = 0
    while True:
        following = _RECORD_START.search(data, start + len(RECORD))
        if following is None:
            yield data[start:]
            return
        length = _length(data[start : following.start()])
        if not length or data[start + length : following.start()].strip(_FILLING):
            raise FormatError("a second record begins within the one before it", offset=following.start())
        yield data[start : following.start()]
        start = following.start()


def _length(data: bytes) -> int:
    """The length that the record at the start of `data` states, as ISO or as ANSI; 0 where none fits into `data`."""
    stated = (data[8:12], data[8:10], data[10:14])  # of ISO and ANSI, and the two forms of ANSI's edition of 2004
    return next((n for n in (int.from_bytes(each, "big") for each in stated) if 24 < n <= len(data)), 0)


def _gzip(data: bytes) -> _Parts | None:
    """The content of all members, which RFC 1952 puts one after the other."""
    if not data.startswith(_GZIP):
        return None
    content = b""
    for _ in range(MAX_RECORDS):
        inflater = zlib.decompressobj(wbits=31)
        try:
            content += inflater.decompress(data, MAX_BYTES + 1 - len(content))
        except zlib.error:
            raise FormatError("a gzip file that is broken") from None
        if len(content) > MAX_BYTES:
            break
        if not inflater.eof:
            raise FormatError("a gzip file that is cut")
        data = inflater.unused_data
        if not data.strip(_FILLING):
            return [(content, 0)]
    raise FormatError("a wrapper holds too much", most_bytes=MAX_BYTES, most_members=MAX_RECORDS)


def _utf16(data: bytes) -> _Parts | None:
    """UTF-16 with its mark, as UTF-8; XML's declaration, which names the coding, goes."""
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    try:
        text = data.decode("utf-16").encode("utf-8")
    except UnicodeError:
        return None
    return [(_XML_DECLARATION.sub(b"", text), 0)]


def _marked(data: bytes) -> _Parts | None:
    """What follows a byte order mark, or blanks before an ANSI/NIST-ITL file."""
    if data.startswith(_MARK):
        return [(data[len(_MARK) :], 0)]
    text = data.lstrip(_BLANKS) if data[:1] in (b" ", b"\t", b"\r", b"\n") else b""
    return [(text, 0)] if nist_itl.is_file(text) else None


def _percent(data: bytes) -> _Parts | None:
    if not _PERCENT.fullmatch(data):
        return None
    return [(unquote_to_bytes(data), 0)]


def _pem(data: bytes) -> _Parts | None:
    if not data.lstrip(_BLANKS).startswith(b"-----BEGIN "):
        return None
    bodies = data.split(b"-----")[2::4]
    return [(body, 0) for body in bodies[: MAX_RECORDS + 1] if _holds_record(body)] or None


def _data_uri(data: bytes) -> _Parts | None:
    text = data.strip(_BLANKS)
    found = _DATA_URI.match(text)
    return None if found is None else [(unquote_to_bytes(text[found.end() :]), 0)]


def _json(data: bytes) -> _Parts | None:
    text = data.strip(_BLANKS)
    if text[:1] not in (b'"', b"{", b"["):
        return None
    lines = [line for line in text.splitlines() if line.strip()]
    several = 1 < len(lines) <= MAX_TRIED and all(
        line[:1] in (b"{", b"[") and line[-1:] in (b"}", b"]") for line in lines
    )
    try:  # JSON lines are a document each
        document: object = [json.loads(line) for line in lines] if several else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [(each, 0) for each in _records_in(document)] or None


def _records_in(document: object) -> Iterator[bytes]:
    stack = [document]
    tried = 0
    while stack:
        each = stack.pop()
        tried += isinstance(each, (dict, list, str))
        if tried > MAX_TRIED:
            raise FormatError("JSON text of too many strings", most=MAX_TRIED)
        if isinstance(each, dict):
            stack += reversed(list(each.values()))
        elif isinstance(each, list):
            if each[:4] == _RECORD_LIST and all(isinstance(byte, int) and -128 <= byte <= 255 for byte in each):
                yield bytes(byte & 255 for byte in each)
            else:
                stack += reversed(each)
        elif isinstance(each, str) and each.isascii():
            text = each.encode("ascii")
            if _holds_record(text) or (text[:1] in (b"{", b"[") and b"Rk1S" in text):
                yield text


def _base64_text(data: bytes) -> _Parts | None:
    parts: _Parts = []
    for found in _BASE64_TEXTS.finditer(data.strip(_BLANKS + b"\x00")):
        content = _decoded_base64(found[0].rstrip(b",;"))
        if content is None or not _is_known(content):
            if any(part.startswith(RECORD) for part, _ in parts):
                raise FormatError("base64 text of a record and then of none", part=len(parts) + 1)
            return None
        parts.append((content, 0))
        if len(parts) > MAX_RECORDS:
            break
    return parts or None


def _decoded_base64(data: bytes) -> bytes | None:
    text = data.strip(_BLANKS).replace(b"\t", b"")
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
    text = re.sub(rb"[\s:,-]|0x|0X|\\x|[xX]'|'\s*\Z", b"", data) if _HEX_START.match(data) else b""
    if not _HEX.fullmatch(text):
        return None
    if len(text) % 2:
        return None
    content = bytes.fromhex(text.decode("ascii"))
    return [(content, 0)] if _is_known(content) else None


def _is_known(content: bytes) -> bool:
    """Whether decoded text is something that can hold a record: text of another kind decodes to anything."""
    return (
        content.startswith((RECORD, b"\x1f\x8b", b"\x7f\x60", b"\x7f\x61", b"FIR\x00", b"FAC\x00", b"IIR\x00"))
        or content.lstrip(_BLANKS)[:1] == b"<"
        or nist_itl.is_file(content)
        or is_block_39794(content)
        or _cbeff(content) is not None
        or content[:3] in _CODED
        or content.startswith(_IMAGES)
    )


def _coded(starts: frozenset[bytes]) -> frozenset[bytes]:
    """How a text begins that is one of `starts` in base64 or hexadecimal digits."""
    return frozenset(
        text[:3]
        for each in starts
        for text in (base64.b64encode(each), each.hex().encode(), each.hex().upper().encode())
    )


def _coded_again(starts: frozenset[bytes], times: int) -> frozenset[bytes]:
    once = _coded(starts)
    return once if times <= 1 else once | _coded_again(once, times - 1)


_CODED = _coded_again(frozenset((RECORD[:3], b"\x1f\x8b\x08")), MAX_LAYERS - 1)
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xa0\xff", b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")


def _holds_record(text: bytes) -> bool:
    return len(text) >= _LEAST_TEXT and any(opener(text) is not None for _, opener in _TEXTS)


class _Xml:
    """Collects an XML document's elements that can hold a record: BDB of a CBEFF BIR, Bytes of a vendor's Fid or Fmd,
    or any other whose text begins as a record does. Document types, and so entities, are refused."""

    def __init__(self) -> None:
        self.parts: _Parts = []
        self._stack: list[list[bytes]] = []
        self._subtypes: list[str] = []
        self._elements = 0

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
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

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) >= MAX_XML_DEPTH:
            raise FormatError("XML text that is nested too deep", most=MAX_XML_DEPTH)
        self._elements += 1 + len(attributes)
        if self._elements > MAX_TRIED:
            raise FormatError("XML text of too many elements", most=MAX_TRIED)
        self._stack.append([])
        values = (value.encode("utf-8") for value in attributes.values())
        self.parts += [(value, 0) for value in values if _holds_record(value)]
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


def _xml(data: bytes) -> _Parts | None:
    if data.lstrip(b"\xef\xbb\xbf" + _BLANKS)[:1] != b"<" or b"html" in data[:200].lower():
        return None
    document = _Xml()
    document.read(data)
    return document.parts or None


def _cbeff(data: bytes) -> _Parts | None:
    """The records behind headers that are not read: PIV's of 88 bytes, biometric information templates, BioAPI's or a
    vendor's. A record proves itself: its identifier stands near the start, and its length fits what follows."""
    found = _RECORD_START.search(data, 1, 1 + MAX_HEADER_BYTES)
    parts: _Parts = []
    end = 0
    while found is not None and len(parts) <= MAX_RECORDS:
        start = found.start()
        length = _length(data[start : start + MAX_BYTES])
        if not length:
            raise FormatError("a record behind a header is cut", offset=start, record=len(parts) + 1)
        parts.append((data[start : start + length], finger_of_header(data[end:start])))
        end = start + length
        found = _RECORD_START.search(data, end)
    if parts:
        _demand_all(data, len(parts))
    return parts or None


def _demand_all(data: bytes, found: int) -> None:
    """FormatError where a template or a group of ISO/IEC 7816-11 is shorter than it says."""
    if data[:2] not in (b"\x7f\x60", b"\x7f\x61"):
        return
    form = data[2] & 0x7F if data[2] & 0x80 else 0
    length = int.from_bytes(data[3 : 3 + form], "big") if form else data[2]
    if 3 + form + length > len(data):
        raise FormatError(
            "a biometric information template is cut", needs=length, left=len(data) - 3 - form, read=found
        )


_TEXTS: tuple[tuple[str, Callable[[bytes], _Parts | None]], ...] = (
    ("data URI", _data_uri),
    ("PEM", _pem),
    ("percent-encoded text", _percent),
    ("hexadecimal text", _hex_text),
    ("base64 text", _base64_text),
)
_OPENERS: tuple[tuple[str, Callable[[bytes], _Parts | None]], ...] = (
    ("gzip", _gzip),
    ("UTF-16 text", _utf16),
    ("leading blanks or a mark", _marked),
    ("XML", _xml),
    ("JSON", _json),
    *_TEXTS,
    ("CBEFF or another header", _cbeff),
)
