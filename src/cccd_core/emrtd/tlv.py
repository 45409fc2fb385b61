"""Strict BER-TLV reader and DER writer over bytes in memory.

Tags are integers of their raw bytes (0x7F61, 0x5F2E, 0x30), numbers below 31 in two bytes (0x5F01) included, as Doc
9303 has them; offsets in errors count from the start of the outermost buffer. Only definite lengths are read, and
nothing is allocated before a length was checked against the bytes that are there. ISO/IEC 8825-1 (X.690) clauses 8.1
and 10.1; ISO/IEC 7816-4 clause 5.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from cccd_core.errors import FormatError, ParameterError

MAX_TAG_BYTES = 3
MAX_LENGTH_BYTES = 4
MAX_DEPTH = 32

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OID = 0x06
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31


_new = tuple.__new__


class Tlv(NamedTuple):
    """One data object: its tag, the offset of its first tag byte, its value's offset, and its value."""

    tag: int
    offset: int
    value_offset: int
    value: bytes

    def __repr__(self) -> str:
        return f"Tlv(tag={self.tag:X}, offset={self.offset}, length={len(self.value)})"

    @property
    def end(self) -> int:
        """Offset just behind the value."""
        return self.value_offset + len(self.value)

    @property
    def constructed(self) -> bool:
        """Whether the value is itself a row of data objects (bit 6 of the first tag byte)."""
        first = self.tag >> (8 * ((self.tag.bit_length() - 1) // 8)) if self.tag else 0
        return bool(first & 0x20)

    def reader(self, *, der: bool = False) -> Reader:
        """A reader over the value."""
        return Reader(self.value, base=self.value_offset, der=der)


class Reader:
    """Reads data objects one after the other from `data`; `base` is where `data` starts in the outermost buffer.

    With `der` a length must have its shortest form (X.690 clause 10.1); without it a longer definite form passes, as
    chips write them. Raises FormatError with `offset` and, where known, `tag`.
    """

    __slots__ = ("_base", "_data", "_der", "_position")

    def __init__(self, data: bytes, *, base: int = 0, der: bool = False) -> None:
        self._data = data
        self._base = base
        self._der = der
        self._position = 0

    @property
    def offset(self) -> int:
        """Where the next data object starts, in the outermost buffer."""
        return self._base + self._position

    @property
    def remaining(self) -> int:
        """Bytes not yet read."""
        return len(self._data) - self._position

    def peek(self) -> int | None:
        """The tag of the next data object, None at the end."""
        if self._position >= len(self._data):
            return None
        tag = self._data[self._position]
        return tag if tag & 0x1F != 0x1F else read_tag(self._data, self._position, self._base)[0]

    def next(self, *expected: int, what: str = "data object") -> Tlv:
        """Reads one data object, whose tag must be one of `expected` where any are given."""
        data, start = self._data, self._position
        position, available = start + 2, len(data)
        if position <= available:  # by far the most have a tag of one byte and a short length
            tag, length = data[start], data[start + 1]
            if length >= 0x80:
                if length == 0x81 and position < available and not self._der:
                    length = data[position]
                    position += 1
                elif length == 0x82 and position + 1 < available and not self._der:
                    length = data[position] << 8 | data[position + 1]
                    position += 2
                else:
                    return self._next(expected, what)
            end = position + length
            if end <= available and tag & 0x1F != 0x1F and (not expected or tag in expected):
                self._position = end
                base = self._base
                return _new(Tlv, (tag, base + start, base + position, data[position:end]))
        return self._next(expected, what)

    def _next(self, expected: tuple[int, ...], what: str) -> Tlv:
        start = self._position
        if start >= len(self._data):
            raise FormatError(f"{what} is missing", offset=self.offset, expected=_names(expected))
        tag, position = read_tag(self._data, start, self._base)
        if expected and tag not in expected:
            raise FormatError(
                f"another data object stands in place of {what}",
                offset=self._base + start, tag=f"{tag:X}", expected=_names(expected),
            )  # fmt: skip
        length, position = read_length(self._data, position, self._base, self._der)
        if length > len(self._data) - position:
            raise FormatError(
                f"{what} is longer than what holds it",
                offset=self._base + start, tag=f"{tag:X}", length=length, available=len(self._data) - position,
            )  # fmt: skip
        self._position = position + length
        return Tlv(tag, self._base + start, self._base + position, self._data[position : self._position])

    def optional(self, tag: int, *, what: str = "data object") -> Tlv | None:
        """The next data object if its tag is `tag`, else None and nothing is read."""
        data, position = self._data, self._position
        if position < len(data) and data[position] & 0x1F != 0x1F and data[position] != tag:
            return None
        return self.next(tag, what=what) if self.peek() == tag else None

    def finish(self, what: str = "data object") -> None:
        """Raises FormatError where bytes are left over."""
        if self._position != len(self._data):
            raise FormatError(f"bytes follow the end of {what}", offset=self.offset, count=self.remaining)

    def __iter__(self) -> Iterator[Tlv]:
        while self._position < len(self._data):
            yield self.next()


def read_one(data: bytes, *expected: int, what: str = "data object", der: bool = False) -> Tlv:
    """Reads `data` as exactly one data object with nothing behind it."""
    reader = Reader(data, der=der)
    found = reader.next(*expected, what=what)
    reader.finish(what)
    return found


def total_length(start: bytes) -> int:
    """The whole length in bytes of the data object whose first bytes (at most 7 are looked at) are `start`.

    For a reader that must learn from the head of a file how much to read. FormatError when `start` is too short for
    the head, or is no head.
    """
    _, position = read_tag(start, 0, 0)
    length, position = read_length(start, position, 0, der=False)
    return position + length


def check_structure(
    data: bytes, *, what: str, depth: int = MAX_DEPTH, der: bool = False, max_objects: int | None = None
) -> None:
    """Walks every constructed data object of `data` and raises FormatError where one does not fit, is nested deeper
    than `depth`, or is beyond the first `max_objects`.

    Cost: one visit of each data object, nothing copied; done before a lenient ASN.1 library sees foreign bytes.
    """
    end = len(data)
    holders: list[int] = []  # where those that hold the present one end
    position = count = 0
    while True:
        if position == end:
            if not holders:
                return
            end = holders.pop()
            continue
        start = position
        first = data[start]
        count += 1
        position = read_tag(data, start, 0)[1] if first & 0x1F == 0x1F else start + 1
        if position < end and data[position] < 0x80:
            length = data[position]
            position += 1
        else:
            length, position = read_length(data, position, 0, der)
        if length > end - position:
            raise FormatError(
                f"{what} is longer than what holds it",
                offset=start, tag=f"{first:X}", length=length, available=max(0, end - position),
            )  # fmt: skip
        if max_objects is not None and count > max_objects:
            raise FormatError(f"{what} has too many parts", offset=start, limit=max_objects)
        if first & 0x20:
            if len(holders) >= depth:
                raise FormatError(f"{what} is nested too deeply", offset=start, limit=depth)
            holders.append(end)
            end = position + length
        else:
            position += length


def _names(tags: Iterable[int]) -> str:
    return " ".join(f"{tag:X}" for tag in tags)


def read_tag(data: bytes, position: int, base: int = 0) -> tuple[int, int]:
    """The tag at `position`, and where its length stands. `base` is where `data` starts in the outermost buffer."""
    if position >= len(data):
        raise FormatError("the data ends where a tag should stand", offset=base + position)
    tag = data[position]
    start = position
    position += 1
    if tag & 0x1F != 0x1F:
        return tag, position
    while True:
        if position >= len(data):
            raise FormatError("the data ends inside a tag", offset=base + start)
        if position - start >= MAX_TAG_BYTES:
            raise FormatError("a tag is too long", offset=base + start, limit=MAX_TAG_BYTES)
        byte = data[position]
        # Interindustry tags as 5F01 (LDS version) are longer than X.690 would have them; leading zeros no tag may have.
        if position == start + 1 and byte & 0x7F == 0:
            raise FormatError("a tag is not in its shortest form", offset=base + start)
        tag = tag << 8 | byte
        position += 1
        if byte < 0x80:
            return tag, position


def read_length(data: bytes, position: int, base: int = 0, der: bool = False) -> tuple[int, int]:
    """The definite length at `position`, and where the value starts; in its shortest form where `der` asks for it."""
    if position >= len(data):
        raise FormatError("the data ends where a length should stand", offset=base + position)
    first = data[position]
    if first < 0x80:
        return first, position + 1
    count = first & 0x7F
    if count == 0:
        raise FormatError("an indefinite length is not allowed", offset=base + position)
    if count > MAX_LENGTH_BYTES:
        raise FormatError("a length has too many bytes", offset=base + position, limit=MAX_LENGTH_BYTES)
    end = position + 1 + count
    if end > len(data):
        raise FormatError("the data ends inside a length", offset=base + position)
    length = int.from_bytes(data[position + 1 : end], "big")
    if der and (length < 0x80 or length < 1 << (8 * (count - 1))):
        raise FormatError("a length is not in its shortest form", offset=base + position)
    return length, end


# ---- writing


def encode(tag: int, value: bytes) -> bytes:
    """One data object: `tag`, the shortest definite length, `value`."""
    length = len(value)
    if length < 0x80:
        if tag < 0x100:
            return bytes((tag, length)) + value
        head = bytes((length,))
    else:
        size = (length.bit_length() + 7) // 8
        head = bytes((0x80 | size,)) + length.to_bytes(size, "big")
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big") + head + value


def sequence(*parts: bytes) -> bytes:
    """A DER SEQUENCE of encoded parts."""
    return encode(SEQUENCE, b"".join(parts))


def set_of(parts: Iterable[bytes]) -> bytes:
    """A DER SET OF: the encodings in ascending order (X.690 clause 11.6)."""
    return encode(SET, b"".join(sorted(parts)))


def integer(value: int) -> bytes:
    """A DER INTEGER."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octet_string(value: bytes) -> bytes:
    """A DER OCTET STRING."""
    return encode(OCTET_STRING, value)


def bit_string(value: bytes) -> bytes:
    """A DER BIT STRING of whole bytes."""
    return encode(BIT_STRING, b"\0" + value)


def utf8_string(value: str) -> bytes:
    """A DER UTF8String."""
    return encode(UTF8_STRING, value.encode("utf-8"))


@lru_cache(maxsize=256)
def oid(dotted: str) -> bytes:
    """A DER OBJECT IDENTIFIER. ParameterError for what is not one."""
    try:
        arcs = [int(arc) for arc in dotted.split(".")]
    except ValueError:
        raise ParameterError("an object identifier is numbers with dots between", value=dotted) from None
    if len(arcs) < 2 or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39) or min(arcs) < 0:
        raise ParameterError("the first two numbers of an object identifier are out of range", value=dotted)
    body = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        body += bytes(reversed(groups))
    return encode(OID, bytes(body))


NULL_VALUE = encode(NULL, b"")

# ---- values of DER primitives


def to_integer(found: Tlv, *, maximum_bytes: int = 8) -> int:
    """The value of an INTEGER of at most `maximum_bytes`, in its shortest form."""
    value = found.value
    if not value or len(value) > maximum_bytes:
        raise FormatError("an integer has an unexpected size", offset=found.offset, length=len(value))
    if len(value) > 1 and ((value[0] == 0) == (value[1] < 0x80) and value[0] in (0, 0xFF)):
        raise FormatError("an integer is not in its shortest form", offset=found.offset)
    return int.from_bytes(value, "big", signed=True)


def to_number(found: Tlv, *, maximum_bytes: int = 64) -> int:
    """The value of an INTEGER of at most `maximum_bytes`, in whatever form: what is compared by value alone, as serial
    numbers of certificates are, some issuers pad."""
    if not found.value or len(found.value) > maximum_bytes:
        raise FormatError("an integer has an unexpected size", offset=found.offset, length=len(found.value))
    return int.from_bytes(found.value, "big", signed=True)


def to_oid(found: Tlv) -> str:
    """The value of an OBJECT IDENTIFIER in dotted form."""
    value = found.value
    if not value or value[-1] >= 0x80 or len(value) > 64:
        raise FormatError("an object identifier is cut or too long", offset=found.offset)
    dotted = _dotted(value)
    if dotted is None:
        raise FormatError("an object identifier is not in its shortest form", offset=found.offset)
    return dotted


@lru_cache(maxsize=1024)
def _dotted(value: bytes) -> str | None:
    arcs: list[int] = []
    arc = 0
    fresh = True
    for byte in value:
        if fresh and byte == 0x80:
            return None
        arc = arc << 7 | byte & 0x7F
        fresh = byte < 0x80
        if fresh:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def to_text(found: Tlv, *, maximum_bytes: int = 4096) -> str:
    """The value of a UTF8String or PrintableString (read as ASCII). The text never enters an error."""
    if len(found.value) > maximum_bytes:
        raise FormatError("a text is too long", offset=found.offset, length=len(found.value), limit=maximum_bytes)
    try:
        return found.value.decode("ascii" if found.tag == PRINTABLE_STRING else "utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("a text is not in its character set", offset=found.value_offset + error.start) from None
