"""BER brought into forms that the DER readers take: indefinite lengths and strings in pieces made whole.

ITU-T X.690 clauses 8.1.3.6 (indefinite form), 8.7 and 8.23 (strings in pieces), 10 and 11 (DER). Bounded in depth and
in the number of data objects; time and memory grow with the size of the data alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError

MAX_DEPTH = 32
MAX_OBJECTS = 20_000

_INDEFINITE = 0x80
_CONSTRUCTED = 0x20
# Strings that BER may give in pieces: BIT, OCTET, UTF8, ..., BMP (universal class, constructed)
_PIECES = frozenset(
    tag | _CONSTRUCTED for tag in (0x03, 0x04, 0x0C, 0x12, 0x13, 0x14, 0x15, 0x16, 0x1A, 0x1B, 0x1C, 0x1E)
)

T = TypeVar("T")


def read(parse: Callable[[bytes], T], data: bytes) -> T:
    """What `parse` reads of `data`, or of its form with definite lengths where it is refused as it is. Offsets in the
    errors of the second form count there. FormatError of `parse`."""
    try:
        return parse(data)
    except FormatError as error:
        try:
            definite = to_definite(data)
        except FormatError:
            raise error from None
        if definite == data:
            raise
        return parse(definite)


def to_definite(data: bytes) -> bytes:
    """`data`, one data object, with definite lengths and strings in one piece. What has both already stays as it is,
    byte for byte, since it may be signed so. FormatError with offset."""
    return _whole(data, canonical=False)


def to_der(data: bytes) -> bytes:
    """The DER of `data`, one data object: as `to_definite`, with shortest lengths and the parts of every SET in
    ascending order, TRUE as FF. Primitive values stay as they are otherwise. FormatError with offset."""
    return data if _is_plain_der(data) else _whole(data, canonical=True)


def _is_plain_der(data: bytes) -> bool:
    """Whether `data` is surely the DER of signed attributes as nearly all write them: a SET of at most 127 bytes, in
    order, of SEQUENCE { OBJECT IDENTIFIER, SET { one primitive value } }. What is not seen at a glance is walked."""
    size = len(data)
    if size < 2 or data[0] != tlv.SET or data[1] >= 0x80 or size != 2 + data[1]:
        return False
    start, before = 2, b""
    while start < size:
        attribute = data[start : start + 2 + data[start + 1]] if start + 1 < size else b""
        end = len(attribute)
        if end < 8 or attribute[:3] != bytes((tlv.SEQUENCE, end - 2, tlv.OID)) or attribute <= before:
            return False
        values = 4 + attribute[3]
        if values + 4 > end or attribute[values] != tlv.SET or values + 2 + attribute[values + 1] != end:
            return False
        tag = attribute[values + 2]
        if tag & 0x1F == 0x1F or tag & _CONSTRUCTED or tag == tlv.BOOLEAN or values + 4 + attribute[values + 3] != end:
            return False
        before = attribute
        start += end
    return True


def _whole(data: bytes, *, canonical: bool) -> bytes:
    walk = _Walk(data, canonical)
    encoded, position = walk.object(0, len(data), 0)
    if position != len(data):
        raise FormatError("bytes follow the end of the data object", offset=position, count=len(data) - position)
    return encoded


class _Walk:
    """One pass over the data; `object` gives a data object's new encoding and where the next one starts."""

    __slots__ = ("_canonical", "_count", "_data")

    def __init__(self, data: bytes, canonical: bool) -> None:
        self._data = data
        self._canonical = canonical
        self._count = 0

    def object(self, start: int, end: int, depth: int) -> tuple[bytes, int]:
        data = self._data
        self._count += 1
        if self._count > MAX_OBJECTS or depth > MAX_DEPTH:
            raise FormatError("data are nested too deeply or of too many parts", offset=start, limit=MAX_DEPTH)
        tag, position = tlv.read_tag(data, start)
        if tag == 0:
            raise FormatError("an end of contents stands where nothing ends", offset=start)
        constructed = bool(data[start] & _CONSTRUCTED)
        if position < end and data[position] == _INDEFINITE:
            if not constructed:
                raise FormatError("a primitive data object has no length", offset=start, tag=f"{tag:X}")
            parts, position = self._until_end_of_contents(position + 1, end, depth)
            return self._encode(tag, parts), position
        length, position = tlv.read_length(data, position)
        stop = position + length
        if stop > end:
            raise FormatError("a data object is longer than what holds it", offset=start, tag=f"{tag:X}", length=length)
        if not constructed:
            value = data[position:stop]
            if not self._canonical:
                return data[start:stop], stop
            return tlv.encode(tag, b"\xff" if tag == tlv.BOOLEAN and value not in (b"\0", b"") else value), stop
        inside, parts, same = position, [], tag not in _PIECES and not self._canonical
        while inside < stop:
            part, after = self.object(inside, stop, depth + 1)
            same = same and len(part) == after - inside and data.startswith(part, inside)
            parts.append(part)
            inside = after
        return (data[start:stop] if same else self._encode(tag, parts)), stop

    def _until_end_of_contents(self, position: int, end: int, depth: int) -> tuple[list[bytes], int]:
        parts: list[bytes] = []
        while not self._data.startswith(b"\0\0", position, end):
            if position >= end:
                raise FormatError("an end of contents is missing", offset=position)
            part, position = self.object(position, end, depth + 1)
            parts.append(part)
        return parts, position + 2

    def _encode(self, tag: int, parts: list[bytes]) -> bytes:
        if tag in _PIECES:
            return _join(tag & ~_CONSTRUCTED, parts)
        if self._canonical and tag == tlv.SET:
            parts = sorted(parts)
        return tlv.encode(tag, b"".join(parts))


def _join(tag: int, parts: list[bytes]) -> bytes:
    """The string of these pieces. A piece of a BIT STRING begins with its unused bits, none but in the last."""
    pieces = [tlv.read_one(part, tag, what="piece of a string").value for part in parts]
    if tag == tlv.BIT_STRING:
        if any(not piece for piece in pieces) or any(piece[0] for piece in pieces[:-1]):
            raise FormatError("a piece of a bit string is no whole bytes")
        unused = pieces[-1][:1] if pieces else b"\0"
        return tlv.encode(tag, unused + b"".join(piece[1:] for piece in pieces))
    return tlv.encode(tag, b"".join(pieces))
