"""What every reader of XML from outside shares: pieces instead of a second copy, no document type, names alone."""

from __future__ import annotations

import re
from xml.parsers import expat

from cccd_core.errors import FormatError
from cccd_core.templates.notices import Notice, Remark

MAX_DEPTH = 64
_CHUNK = 1 << 16
_MARK = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n\f"
_HEAD = 512
_DECLARED = re.compile(
    rb"\A(<\?xml[^>]{0,200}?)\s+encoding\s*=\s*[\"'](?:utf-?16|ucs-?[24]|utf-?32)[^\"'>]{0,9}[\"']", re.I
)

_NO_XML = re.compile(rb"\A<(?:~|Buffer |(?:div|br|span|table|tbody|tr|td|pre|textarea)[\s/>])|<img\s", re.I)


def parse(parser: expat.XMLParserType, data: bytes) -> None:
    """Lets `parser` read `data`, in pieces, so that no text is held twice; FormatError where it is no XML, or has a
    document type."""
    parser.StartDoctypeDeclHandler = _refuse_document_type
    start, end = _bounds(data)
    head = data[start : min(start + _HEAD, end)]
    try:
        parser.Parse(_DECLARED.sub(rb"\1", head), False)  # bytes that stand here are of one a character
        for place in range(start + len(head), end, _CHUNK):
            parser.Parse(data[place : min(place + _CHUNK, end)], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise FormatError("XML text that is broken", line=error.lineno, column=error.offset) from None
    except (ValueError, LookupError):  # of a coding that the parser does not know
        raise FormatError("XML text in a coding that is not read") from None


def oddities(data: bytes) -> tuple[Notice, ...]:
    """What is odd about a document that `parse` reads all the same: a declaration of another coding, zero bytes behind
    it."""
    start, end = _bounds(data)
    found: list[Notice] = []
    declared = _DECLARED.match(data[start : start + _HEAD])
    if declared is not None:
        found.append(Notice(Remark.CODING_OFF, {"stored": "UTF-8"}))
    if end < len(data):
        found.append(Notice(Remark.PADDED, {"bytes": len(data) - end, "offset": end}))
    return tuple(found)


def _bounds(data: bytes) -> tuple[int, int]:
    """Where a document begins and ends, without its mark, blanks before it and zero bytes behind it."""
    start = len(data) - len(data.removeprefix(_MARK).lstrip(_BLANKS))
    return start, len(data.rstrip(b"\x00")) if data.endswith(b"\x00") else len(data)


def _refuse_document_type(*_: object) -> None:
    """Entities could make of little text very much."""
    raise FormatError("XML text with a document type, which is not read")


def local(name: str) -> str:
    """A name without its namespace, which the parser puts before a blank."""
    return name.rsplit(" ", 1)[-1]


def is_xml(data: bytes) -> bool:
    """Whether text begins as XML does, and not as a page of the web or a piece of one, nor as something else in angle
    brackets (Ascii85, a buffer that Node prints)."""
    head = data.removeprefix(_MARK).lstrip(_BLANKS)[:200]
    return head[:1] == b"<" and b"html" not in head.lower() and _NO_XML.search(head) is None
