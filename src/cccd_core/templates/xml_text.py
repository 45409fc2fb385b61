"""What every reader of XML from outside shares: pieces instead of a second copy, no document type, names alone."""

from __future__ import annotations

from xml.parsers import expat

from cccd_core.errors import FormatError

MAX_DEPTH = 64
_CHUNK = 1 << 16
_MARK = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n\f"


def parse(parser: expat.XMLParserType, data: bytes) -> None:
    """Lets `parser` read `data`, in pieces, so that no text is held twice; FormatError where it is no XML, or has a
    document type."""
    parser.StartDoctypeDeclHandler = _refuse_document_type
    start = len(data) - len(data.removeprefix(_MARK).lstrip(_BLANKS))
    try:
        for place in range(start, len(data), _CHUNK):
            parser.Parse(data[place : place + _CHUNK], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise FormatError("XML text that is broken", line=error.lineno, column=error.offset) from None


def _refuse_document_type(*_: object) -> None:
    """Entities could make of little text very much."""
    raise FormatError("XML text with a document type, which is not read")


def local(name: str) -> str:
    """A name without its namespace, which the parser puts before a blank."""
    return name.rsplit(" ", 1)[-1]


def is_xml(data: bytes) -> bool:
    """Whether text begins as XML does, and not as a page of the web."""
    return data.removeprefix(_MARK).lstrip(_BLANKS)[:1] == b"<" and b"html" not in data[:200].lower()
