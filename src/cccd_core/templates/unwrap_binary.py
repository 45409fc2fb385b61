"""Records behind binary wrappers: gzip, zlib, byte order marks, CBEFF and other headers; what every wrapper is made of.

Sources: RFC 1952 (gzip), RFC 1950 (zlib), ISO/IEC 19785-3 (CBEFF patron formats), NIST SP 800-76-2 clause 9 (PIV),
ISO/IEC 7816-11 (biometric information templates and their groups).
"""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple, TypeAlias

from cccd_core.errors import FormatError
from cccd_core.templates import nist_file, nist_itl
from cccd_core.templates.identify import is_archive
from cccd_core.templates.notices import Notice, Remark
from cccd_core.templates.subtypes import finger_of_header, names_no_finger

MAX_BYTES = 1 << 20  # what is opened, and what comes out of it
MAX_RECORDS = 64
MAX_HEADER_BYTES = 512

RECORD = b"FMR\x00"
RECORD_START = re.compile(rb"FMR\x00(?: 20|030|035)\x00")
GZIP = b"\x1f\x8b"
BLANKS = b" \t\r\n\f"
FILLING = b"\x00\xff\r\n\t "
MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF32_MARKS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
_HOLDERS = (b"<", b"{", b"[", b"Rk1S", b"464d5200", b"464D5200", GZIP)
_XML_DECLARATION = re.compile(rb"\A\s*<\?xml[^>]{0,200}\?>")
_CODING = re.compile(rb"encoding\s*=\s*[\"']([\w-]{1,20})")
_UNMARKED = 32  # bytes, every other of them zero and the rest printable, that are UTF-16 without a mark
_TEMPLATE, _GROUP = b"\x7f\x60", b"\x7f\x61"


class Part(NamedTuple):
    """What stood in a wrapper: the bytes, the finger that the wrapper names (0: none), what it is in words where it is
    passed over (then without its bytes), and what is odd about the wrapper."""

    data: bytes
    position: int = 0
    passed_over: str = ""
    notices: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        return f"Part(length={len(self.data)}, position={self.position}, passed_over={self.passed_over!r})"


Parts: TypeAlias = list[Part]


def length_of(data: bytes) -> int:
    """The length that the record at the start of `data` states, as ISO or as ANSI; 0 where none fits into `data`."""
    stated = (data[8:12], data[8:10], data[10:14])  # of ISO and ANSI, and the two forms of ANSI's edition of 2004
    return next((n for n in (int.from_bytes(each, "big") for each in stated) if 24 < n <= len(data)), 0)


def gzip(data: bytes) -> Parts | None:
    """The content of all members, which RFC 1952 puts one after the other."""
    if not data.startswith(GZIP):
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
        if not data.strip(FILLING):
            return [Part(content)]
    raise FormatError("a wrapper holds too much", most_bytes=MAX_BYTES, most_members=MAX_RECORDS)


def inflated(data: bytes) -> bytes | None:
    """What a zlib stream holds that begins as a record or text of one; None for any other bytes. FormatError where it
    is cut."""
    if data[:1] != b"\x78" or len(data) < 8 or int.from_bytes(data[:2], "big") % 31:
        return None
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data, MAX_BYTES + 1)
    except zlib.error:
        return None
    if not content.startswith((RECORD, *_HOLDERS)) and not nist_file.is_file(content):
        return None
    if len(content) > MAX_BYTES:
        raise FormatError("a wrapper holds too much", most_bytes=MAX_BYTES)
    if not inflater.eof:
        raise FormatError("a zlib stream that is cut")
    return content


def zlib_stream(data: bytes) -> Parts | None:
    """The content of one stream of zlib, of what holds a record."""
    content = inflated(data)
    return None if content is None else [Part(content)]


def utf32(data: bytes) -> Parts | None:
    """UTF-32 with its mark as UTF-8."""
    if not data.startswith(_UTF32_MARKS):
        return None
    try:
        return [Part(data.decode("utf-32").encode("utf-8"))]
    except UnicodeError:
        return None


def utf16(data: bytes) -> Parts | None:
    """UTF-16 as UTF-8, by its mark or as ASCII of two bytes a character; XML's declaration, which names the coding,
    goes."""
    coding = "utf-16" if data.startswith(UTF16_MARKS) else _unmarked(data[:_UNMARKED])
    if not coding:
        return None
    even = data[:-1] if len(data) % 2 and data.endswith(b"\x00\x00") else data  # padded
    try:
        text = even.decode(coding).encode("utf-8")
    except UnicodeError:
        return None
    declaration = _XML_DECLARATION.match(text)
    declared = _CODING.search(declaration[0]) if declaration else None
    is_off = declared is not None and not declared[1].lower().startswith((b"utf-16", b"utf16", b"ucs"))
    odd = (Notice(Remark.CODING_OFF, {"stored": "UTF-16"}),) if is_off else ()
    return [Part(_XML_DECLARATION.sub(b"", text), notices=odd)]


def _unmarked(head: bytes) -> str:
    for coding, zeros, letters in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if (
            len(head) == _UNMARKED
            and not zeros.strip(b"\x00")
            and all(31 < byte < 127 or byte in BLANKS for byte in letters)
        ):
            return coding
    return ""


def marked(data: bytes) -> Parts | None:
    """What follows a byte order mark, or blanks before an ANSI/NIST-ITL file."""
    if data.startswith(MARK):
        return [Part(data[len(MARK) :])]
    text = data.lstrip(BLANKS) if data[:1] in (b" ", b"\t", b"\r", b"\n") else b""
    return [Part(text)] if nist_itl.is_file(text) else None


def cbeff(data: bytes) -> Parts | None:
    """The records behind headers that are not read: PIV's of 88 bytes, biometric information templates, BioAPI's or a
    vendor's. A record proves itself: its identifier stands near the start, and its length fits what follows. An archive
    is none of these, though a record may stand in it as it is: what else it holds would be left out."""
    found = None if is_archive(data) else RECORD_START.search(data, 1, 1 + MAX_HEADER_BYTES)
    parts: Parts = []
    end = 0
    while found is not None and len(parts) <= MAX_RECORDS:
        start = found.start()
        length = length_of(data[start : start + MAX_BYTES])
        if not length:
            raise FormatError("a record behind a header is cut", offset=start, record=len(parts) + 1)
        header = data[end:start]
        odd = (Notice(Remark.SUBTYPE_UNKNOWN),) if names_no_finger(header) else ()
        parts.append(Part(data[start : start + length], finger_of_header(header), notices=odd))
        end = start + length
        found = RECORD_START.search(data, end)
    if parts and data[:2] in (_TEMPLATE, _GROUP):
        parts[0] = parts[0]._replace(notices=(*_as_stated(data, len(parts)), *parts[0].notices))
    return parts or None


def _as_stated(data: bytes, found: int) -> tuple[Notice, ...]:
    """FormatError where a template or a group of ISO/IEC 7816-11 is shorter than it says; a notice where a group holds
    another number of templates than its count, tag 02, says."""
    start, end = _value(data, 0)
    if end > len(data):
        raise FormatError(
            "a biometric information template is cut", needs=end - start, left=len(data) - start, read=found
        )
    if data[:2] != _GROUP or data[start : start + 2] != b"\x02\x01":
        return ()
    stated, templates, at = data[start + 2], 0, start + 3
    while data[at : at + 2] == _TEMPLATE and at < end:
        templates, at = templates + 1, _value(data, at)[1]
    return () if stated == templates else (Notice(Remark.CONTENTS_OFF, {"listed": stated, "found": templates}),)


def _value(data: bytes, at: int) -> tuple[int, int]:
    """Where the value of the data object with a tag of two bytes at `at` starts, and where it ends."""
    first = data[at + 2] if at + 2 < len(data) else 0
    form = first & 0x7F if first & 0x80 else 0
    start = at + 3 + form
    return start, start + (int.from_bytes(data[at + 3 : start], "big") if form else first)
