"""Images compressed by Wavelet Scalar Quantization: a bounded decoder.

IAFIS-IC-0110 (V3), "WSQ Gray-scale Fingerprint Image Compression Specification", and the comment in which the encoders
of NIST state the resolution (`NIST_COM`). Sizes are checked before memory is taken; what is read never exceeds the
pixels that the frame announces. FormatError for whatever is no such image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import FormatError

START = b"\xff\xa0"
SIDE_MIN_PX = 32  # five halvings
_END, _FRAME, _BLOCK, _TRANSFORM, _QUANTISATION, _HUFFMAN, _RESTART, _COMMENT = range(0xA1, 0xA9)
_SUBBANDS = 64
_CODED = 60  # the highest quarter is not kept
_BLOCKS = ((0, 19), (19, 52), (52, 60))  # subbands of each block
_SEGMENTS_MAX = 200
_TABLES_MAX = 32  # filters, steps and codes, each of which takes more time than its bytes do; an image has four or five
_CODE_BITS = 16
_NO_CODE = 0
_PPI = re.compile(rb"(?:^|\n)PPI (\d{1,5})(?:\n|$)")

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class Decoded:
    """Pixels uint8[height, width], and the resolution that a comment states, 0 where none does."""

    pixels: NDArray[np.uint8]
    dpi: float


@dataclass(slots=True)
class _Tables:
    low: Float64 = field(default_factory=lambda: np.zeros(0))
    high: Float64 = field(default_factory=lambda: np.zeros(0))
    centre: float = 0.0
    steps: Float64 = field(default_factory=lambda: np.zeros(0))
    zeros: Float64 = field(default_factory=lambda: np.zeros(0))
    codes: dict[int, list[int]] = field(default_factory=dict)
    count: int = 0
    dpi: float = 0.0


@dataclass(frozen=True, slots=True)
class _Frame:
    height: int
    width: int
    shift: float
    scale: float


class _Reader:
    """A cursor that never leaves the data."""

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data, self.position, self.end = data, position, len(data) if end is None else end

    def number(self, size: int) -> int:
        after = self.position + size
        if after > self.end:
            raise FormatError("a WSQ image ends inside a segment", offset=self.position)
        value = int.from_bytes(self.data[self.position : after], "big")
        self.position = after
        return value

    def decimal(self, size: int) -> float:
        """A power of ten, then as many bytes: how a number is written."""
        power = self.number(1)
        return float(self.number(size)) / 10.0 ** min(power, 40)

    def segment(self) -> _Reader:
        start = self.position
        length = self.number(2)
        if length < 2 or start + length > self.end:
            raise FormatError("a WSQ segment does not fit", offset=start, length=length)
        inside = _Reader(self.data, self.position, start + length)
        self.position = start + length
        return inside


def decode(data: bytes, *, most_px: int) -> Decoded:
    """The image of a WSQ file. FormatError, also for more pixels than `most_px`.

    In Python and NumPy: about a microsecond a byte and 0.3 to 0.5 a pixel; memory some 60 bytes a pixel.
    """
    if data[:2] != START:
        raise FormatError("not a WSQ image", offset=0)
    reader, tables, frame = _Reader(data, 2), _Tables(), None
    coefficients: list[NDArray[np.int64]] = []
    layout: list[_Band] = []
    for _ in range(_SEGMENTS_MAX):
        offset = reader.position
        marker = reader.number(2)
        if marker == 0xFF00 | _END:
            break
        if marker >> 8 != 0xFF:
            raise FormatError("a WSQ marker is missing", offset=offset)
        kind, inside = marker & 0xFF, reader.segment()
        if kind == _FRAME:
            if frame is not None:
                raise FormatError("a WSQ image has two frames", offset=offset)
            frame = _frame(inside, most_px)
            layout = list(_bands(frame))
        elif kind == _BLOCK:
            if frame is None or len(coefficients) == len(_BLOCKS):
                raise FormatError("a WSQ block without its place", offset=offset)
            first, last = _BLOCKS[len(coefficients)]
            kept = [band for band in layout[first:last] if _step(tables, band.number)]
            count = sum(band.height * band.width for band in kept)
            codes = tables.codes.get(inside.number(1))
            if codes is None:
                raise FormatError("a WSQ block without its codes", offset=offset)
            values, reader.position = _block(data, reader.position, codes, count)
            coefficients.append(values)
        else:
            _table(kind, inside, tables, offset)
    else:
        raise FormatError("a WSQ image has too many segments", limit=_SEGMENTS_MAX)
    if frame is None or len(coefficients) != len(_BLOCKS) or not len(tables.low):
        raise FormatError("a WSQ image lacks a frame, a table or a block", blocks=len(coefficients))
    image = _picture(frame, tables, layout, coefficients)
    levels = np.clip(np.floor(image * frame.scale + frame.shift + 0.5), 0, 255)
    return Decoded(levels.astype(np.uint8), tables.dpi)


def _table(kind: int, inside: _Reader, tables: _Tables, offset: int) -> None:
    if kind == _TRANSFORM:
        _count(tables, offset)
        tables.low, tables.high = _filters(inside)
    elif kind == _QUANTISATION:
        _count(tables, offset)
        tables.centre = inside.decimal(2)
        pairs = np.array([(inside.decimal(2), inside.decimal(2)) for _ in range(_SUBBANDS)])
        tables.steps, tables.zeros = pairs[:, 0], pairs[:, 1]
    elif kind == _HUFFMAN:
        while inside.position < inside.end:
            number = inside.number(1)
            if number > 7:
                raise FormatError("a WSQ table of codes has an unknown number", offset=offset, table=number)
            _count(tables, offset)
            tables.codes[number] = _codes(inside)
    elif kind == _COMMENT:
        stated = _PPI.search(inside.data[inside.position : inside.end])
        tables.dpi = float(stated[1]) if stated else tables.dpi
    elif kind == _RESTART:
        if inside.number(2):
            raise FormatError("a WSQ image with restarts, which is not read", offset=offset)
    else:
        raise FormatError("an unknown WSQ marker", offset=offset, tag=f"FF{kind:02X}")


def _count(tables: _Tables, offset: int) -> None:
    tables.count += 1
    if tables.count > _TABLES_MAX:
        raise FormatError("a WSQ image has too many tables", offset=offset, most=_TABLES_MAX)


def _frame(inside: _Reader, most_px: int) -> _Frame:
    inside.number(2)  # black and white, which nothing depends on
    height, width = inside.number(2), inside.number(2)
    if min(height, width) < SIDE_MIN_PX or height * width > most_px:
        raise FormatError("a WSQ image has too few or too many pixels", width_px=width, height_px=height, most=most_px)
    return _Frame(height, width, inside.decimal(2), inside.decimal(2))


def _filters(inside: _Reader) -> tuple[Float64, Float64]:
    """The whole filters for analysis, each from its right half, as the synthesis takes them: (-1)^n of the other's."""
    taps = (inside.number(1), inside.number(1))
    if any(count % 2 == 0 or count > 31 for count in taps):
        raise FormatError("a WSQ image has filters of an even or unlikely length", low=taps[0], high=taps[1])
    whole = []
    for count in taps:
        half = []
        for _ in range(count // 2 + 1):
            sign = -1.0 if inside.number(1) else 1.0
            half.append(sign * inside.decimal(4))
        right = np.array(half) * np.where(np.arange(len(half)) % 2, -1.0, 1.0)
        whole.append(np.concatenate([right[:0:-1], right]))
    return whole[1], whole[0]


def _codes(inside: _Reader) -> list[int]:
    """What each 16 bits begin with: symbol << 8 | length; 0 for no code, numbered as in ISO/IEC 10918-1."""
    counts = [inside.number(1) for _ in range(_CODE_BITS)]
    table = [_NO_CODE] * (1 << _CODE_BITS)
    code = 0
    for length, count in enumerate(counts, start=1):
        room = 1 << (_CODE_BITS - length)
        for _ in range(count):
            symbol = inside.number(1)
            if (code + 1) * room > len(table):
                raise FormatError("a WSQ table has more codes than there can be", offset=inside.position)
            table[code * room : (code + 1) * room] = [symbol << 8 | length] * room
            code += 1
        code <<= 1
    return table


def _block(data: bytes, position: int, codes: list[int], count: int) -> tuple[NDArray[np.int64], int]:
    """`count` numbers out of the coded bytes at `position`, and where the next marker stands."""
    end = position
    while True:
        end = data.find(b"\xff", end)
        if end < 0 or end + 1 >= len(data):
            raise FormatError("a WSQ block does not end", offset=position)
        if data[end + 1]:
            break
        end += 2
    coded = data[position:end].replace(b"\xff\x00", b"\xff")
    total = 8 * len(coded)
    source = coded + b"\xff" * 8
    out = np.zeros(count, np.int64)
    at = bit = 0
    while at < count:
        byte = bit >> 3
        window = int.from_bytes(source[byte : byte + 5], "big") >> (8 - (bit & 7))  # 32 bits
        entry = codes[window >> 16 & 0xFFFF]
        length, symbol = entry & 0xFF, entry >> 8
        bit += length
        if symbol > 106:
            out[at] = symbol - 180
            at += 1
        elif symbol <= 100:
            at += symbol
            if not symbol:
                raise FormatError("a WSQ block holds an unknown code", offset=position + byte)
        else:
            wide = 8 if symbol in (101, 102, 105) else 16
            byte = bit >> 3
            value = int.from_bytes(source[byte : byte + 3], "big") >> (24 - (bit & 7) - wide) & ((1 << wide) - 1)
            bit += wide
            if symbol >= 105:
                at += value
                if not value:
                    raise FormatError("a WSQ block holds a run of nothing", offset=position + byte)
            else:
                out[at] = value if symbol in (101, 103) else -value
                at += 1
        if bit > total:
            raise FormatError("a WSQ block ends before its subbands", offset=position)
    if at > count:
        raise FormatError("a WSQ run leaves its block", offset=position)
    return out, end


@dataclass(frozen=True, slots=True)
class _Band:
    """A subband: its number, and where it lies in the whole."""

    number: int
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class _Area:
    """A part of the whole that is split in four. What is high of a high half comes first, by frequency."""

    top: int
    left: int
    height: int
    width: int
    down_first: bool = False  # whether the upper half is the high one
    right_first: bool = False

    def quarters(self) -> tuple[_Area, _Area, _Area, _Area]:
        """Upper left, upper right, lower left, lower right."""
        upper, lower = _halves(self.height, self.down_first)
        near, far = _halves(self.width, self.right_first)
        return (
            _Area(self.top, self.left, upper, near),
            _Area(self.top, self.left + near, upper, far, False, True),
            _Area(self.top + upper, self.left, lower, near, True, False),
            _Area(self.top + upper, self.left + near, lower, far, True, True),
        )


def _halves(length: int, high_first: bool) -> tuple[int, int]:
    low, high = length - length // 2, length // 2
    return (high, low) if high_first else (low, high)


def _splits(frame: _Frame) -> tuple[list[_Area], list[_Area]]:
    """The areas that are split, whole before part, and those that are subbands, in their order."""
    whole = _Area(0, 0, frame.height, frame.width)
    first = whole.quarters()
    second = first[0].quarters()
    lowest = second[0].quarters()
    split = [whole, first[0], first[1], first[2], second[0], second[1], second[2]]
    bands = [*lowest[0].quarters()[0].quarters(), *lowest[0].quarters()[1:]]
    split += [*lowest, lowest[0].quarters()[0]]
    bands += [band for area in lowest[1:] for band in area.quarters()]
    for side in second[1:3]:
        split += side.quarters()
        bands += [band for area in side.quarters() for band in area.quarters()]
    bands += [second[3], *first[1].quarters(), *first[2].quarters()]
    return split, bands


def _bands(frame: _Frame) -> Iterator[_Band]:
    for number, area in enumerate(_splits(frame)[1]):
        yield _Band(number, area.top, area.left, area.height, area.width)


def _step(tables: _Tables, number: int) -> float:
    return float(tables.steps[number]) if len(tables.steps) else 0.0


def _picture(frame: _Frame, tables: _Tables, layout: list[_Band], coefficients: list[NDArray[np.int64]]) -> Float64:
    image = np.zeros((frame.height, frame.width))
    for (first, last), values in zip(_BLOCKS, coefficients, strict=True):
        start = 0
        for band in layout[first:last]:
            step = _step(tables, band.number)
            if not step:
                continue
            count = band.height * band.width
            part = values[start : start + count].reshape(band.height, band.width).astype(np.float64)
            start += count
            sign = np.sign(part)
            real = (part - sign * tables.centre) * step + sign * (tables.zeros[band.number] / 2)
            image[band.top : band.top + band.height, band.left : band.left + band.width] = real
    for area in reversed(_splits(frame)[0]):
        room = image[area.top : area.top + area.height, area.left : area.left + area.width]
        rows = _joined(room, area.down_first, tables)
        room[...] = _joined(rows.T, area.right_first, tables).T
    return image


def _joined(halves: Float64, high_first: bool, tables: _Tables) -> Float64:
    """Two halves one above the other become one signal, column by column, extended by reflection."""
    length = halves.shape[0]
    if length < 2:
        return halves
    low_count, high_count = length - length // 2, length // 2
    low = halves[high_count:] if high_first else halves[:low_count]
    high = halves[:high_count] if high_first else halves[low_count:]
    mixed = np.empty_like(halves)
    mixed[0::2], mixed[1::2] = low, high
    out = np.zeros_like(halves)
    places = np.arange(length)
    for taps, odd in ((tables.low, 0), (tables.high, 1)):
        reach = len(taps) // 2
        for offset in range(-reach, reach + 1):
            source = places - offset
            of_kind = (source % 2) == odd
            folded = np.abs(source) % (2 * length - 2)
            folded = np.where(folded >= length, 2 * length - 2 - folded, folded)
            out[of_kind] += taps[offset + reach] * mixed[folded[of_kind]]
    return out
