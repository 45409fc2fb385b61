"""Records in XML: BDB of a CBEFF BIR, Bytes of a vendor's Fid or Fmd, any element or attribute that is a record.

A BIR as an identity platform exports it holds faces and irises of megabytes beside the fingers. They are passed over as
they come by: of an element no more than MAX_BYTES are kept, of what holds no record nothing but what it is.

Sources: ISO/IEC 19785-3 clause 19 (CBEFF in XML).
"""

from __future__ import annotations

from xml.parsers import expat

from cccd_core.errors import FormatError
from cccd_core.templates.identify import identify
from cccd_core.templates.notices import Notice, Remark
from cccd_core.templates.subtypes import finger_of
from cccd_core.templates.unwrap_binary import BLANKS, MAX_BYTES, Part, Parts
from cccd_core.templates.unwrap_text import LEAST_TEXT, MAX_TRIED, decoded_base64, holds_record, named, without_uri
from cccd_core.templates.xml_text import MAX_DEPTH, is_xml, local, oddities, parse

_HEAD = 4096  # characters of an element that is too large to be kept: enough to say what it is
_BLOCKS = ("BDB", "BYTES")


class _Text:
    """The text of one element: whole up to MAX_BYTES, else its beginning alone."""

    def __init__(self) -> None:
        self._size = 0
        self._chunks: list[bytes] = []

    @property
    def is_whole(self) -> bool:
        return self._size <= MAX_BYTES

    def add(self, text: bytes) -> None:
        if self._size <= MAX_BYTES:
            self._chunks.append(text)
            self._size += len(text)
            if self._size > MAX_BYTES:
                self._chunks = [b"".join(b"".join(self._chunks).split())[:_HEAD]]

    def joined(self) -> bytes:
        return b"".join(self._chunks).strip(BLANKS)


class _Document:
    """Collects what the elements of a document hold."""

    def __init__(self) -> None:
        self.parts: Parts = []
        self._stack: list[_Text] = []
        self._subtypes: list[str] = []
        self._elements = 0
        self._kept_bytes = 0

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parse(parser, data)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise FormatError("XML text that is nested too deep", most=MAX_DEPTH)
        self._elements += 1 + len(attributes)
        if self._elements > MAX_TRIED:
            raise FormatError("XML text of too many elements", most=MAX_TRIED)
        self._stack.append(_Text())
        for value in attributes.values():
            self._take(value.encode("utf-8"), is_block=False)
        if local(name).upper() == "BIR":
            self._subtypes.append("")

    def _characters(self, text: str) -> None:
        if self._stack:
            self._stack[-1].add(text.encode("utf-8"))

    def _end(self, name: str) -> None:
        element, kind = self._stack.pop(), local(name).upper()
        text = element.joined()
        if kind == "SUBTYPE" and self._subtypes:
            self._subtypes[-1] = text.decode("utf-8", "replace")
        elif kind == "BIR" and self._subtypes:
            self._subtypes.pop()
        else:
            self._take(text, is_block=kind in _BLOCKS, is_whole=element.is_whole)

    def _take(self, text: bytes, *, is_block: bool, is_whole: bool = True) -> None:
        """Keeps a text that holds a record, and of another one, where it has a name or ought to be a record, what it
        is."""
        if not text:
            return
        content = decoded_base64(without_uri(text if is_whole else text[: len(text) // 4 * 4]))
        what = named(content) if content and len(text) >= LEAST_TEXT else None
        if what is None and is_whole and holds_record(text):
            self._kept_bytes += len(text)
            if self._kept_bytes > MAX_BYTES:
                raise FormatError("a wrapper holds too much", most_bytes=MAX_BYTES)
            subtype = self._subtypes[-1] if self._subtypes else ""
            position = finger_of(subtype)
            odd = (Notice(Remark.SUBTYPE_UNKNOWN),) if subtype and not position else ()
            self.parts.append(Part(text, position, notices=odd))
        elif what is not None or (is_block and content):
            self.parts.append(Part(b"", passed_over=what or identify(content or b"")))


def xml(data: bytes) -> Parts | None:
    """What the elements and attributes of a document hold, in order."""
    if not is_xml(data):
        return None
    document = _Document()
    document.read(data)
    odd = oddities(data)
    return [part._replace(notices=(*odd, *part.notices)) for part in document.parts] or None
