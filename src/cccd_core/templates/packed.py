"""The minutia as 5 or 6 bytes, shared by the editions that use it, and the checks every codec makes.

Layout, big-endian: two bits type and 14 bits x; two bits reserved and 14 bits y; the angle; in the 6-byte form the
quality (ISO/IEC 19794-2:2005 table 6 and 8.3, ISO/IEC 19794-2:2011 8.4, ANSI/INCITS 378-2004 6.5, 378-2009 6.5).
Reserved bits are read as 0 and the reserved type 3 as "other".
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from cccd_core.errors import Fact, FormatError, ParameterError
from cccd_core.templates.angles import from_steps, to_steps
from cccd_core.templates.extended import areas
from cccd_core.templates.model import FingerTemplate, Uint8Array, Uint16Array
from cccd_core.templates.notices import Notice, Remark

MAX_MINUTIAE = 255
MAX_COORDINATE = 0x3FFF
MAX_EXTENDED_BYTES = 0xFFFF

UNREPORTED_2011 = 254  # quality codes of the editions of 2009 and 2011
FAILED_2011 = 255

_LAYOUTS = {
    5: np.dtype([("x", ">u2"), ("y", ">u2"), ("angle", "u1")]),
    6: np.dtype([("x", ">u2"), ("y", ">u2"), ("angle", "u1"), ("quality", "u1")]),
}
_KIND = np.array([0, 1, 2, 0], dtype=np.uint8)
_COORDINATE = np.uint16(MAX_COORDINATE)
_KIND_SHIFT = np.uint16(14)
_RESERVED_KIND = np.uint16(3)
_UINT16 = np.dtype(np.uint16)
_UINT8 = np.dtype(np.uint8)
_U16 = struct.Struct(">H")
_FILLING = b"\x00\xff\r\n\t "

# Quality byte -> FingerTemplate.quality. 2004/2005: 0 is "not reported"; 2009/2011: 254 and 255 are, and 0 is the worst
# quality there is, which the lowest reported value stands for.
QUALITY_2005 = np.array([value if value <= 100 else 0 for value in range(256)], dtype=np.uint8)
QUALITY_2011 = np.array([max(value, 1) if value <= 100 else 0 for value in range(256)], dtype=np.uint8)


class Columns(NamedTuple):
    """The columns of n minutiae, the raw quality bytes where `quality` alone would not give them back, and how many
    minutiae are of the reserved type."""

    x_px: Uint16Array
    y_px: Uint16Array
    angle: Uint16Array
    kind: Uint8Array
    quality: Uint8Array
    raw_quality: bytes
    reserved: int

    def __repr__(self) -> str:
        return f"Columns(minutiae={len(self.x_px)})"


def take(data: bytes, offset: int, size: int, what: str) -> int:
    """The end of `size` bytes at `offset`; FormatError where the record is shorter."""
    end = offset + size
    if end > len(data):
        raise FormatError(f"the record ends within {what}", offset=offset, needs=size, left=max(len(data) - offset, 0))
    return end


def read_minutiae(
    data: bytes, offset: int, count: int, *, steps: int, size: int = 6, quality_codes: Uint8Array = QUALITY_2005
) -> Columns:
    """`count` minutiae of `size` bytes at `offset`, angles in `steps` of a turn. FormatError, with the offset."""
    take(data, offset, count * size, "the minutiae")
    rows = np.frombuffer(data, _LAYOUTS[size], count, offset)
    steps_column = rows["angle"]
    if steps != 256 and count and int(steps_column.max()) >= steps:
        first = int(np.argmax(steps_column >= steps))
        raise FormatError("a minutia's angle is out of its range", offset=offset + first * size + 4, most=steps - 1)
    x = rows["x"].astype(_UINT16)
    y = rows["y"].astype(_UINT16)
    stated_kind = x >> _KIND_SHIFT
    kind = _KIND[stated_kind]
    reserved = int(np.count_nonzero(stated_kind == _RESERVED_KIND))
    x &= _COORDINATE
    y &= _COORDINATE
    angle = from_steps(steps_column, steps)
    raw_quality = b""
    if size == 6:
        raw = rows["quality"]
        quality = quality_codes[raw]
        expected = encode_quality(quality, quality_codes)
        if not np.array_equal(expected, raw):
            raw_quality = raw.tobytes()
    else:
        quality = np.zeros(count, _UINT8)
    for column in (x, y, angle, kind, quality):
        column.setflags(write=False)
    return Columns(x, y, angle, kind, quality, raw_quality, reserved)


def encode_quality(quality: Uint8Array, quality_codes: Uint8Array, raw_quality: bytes = b"") -> Uint8Array:
    """uint8[n], the quality bytes of an edition; `raw_quality` where it still means the same."""
    encoded = quality
    if quality_codes is QUALITY_2011:
        encoded = np.where(quality == 0, np.uint8(UNREPORTED_2011), quality)
    if len(raw_quality) == len(quality):
        raw = np.frombuffer(raw_quality, np.uint8)
        encoded = np.where(quality_codes[raw] == quality, raw, encoded)
    return encoded


def write_minutiae(
    view: FingerTemplate, *, steps: int, size: int = 6, quality_codes: Uint8Array = QUALITY_2005
) -> bytes:
    """The bytes of the view's minutiae; ParameterError for more than 255 or a coordinate above 14 bits."""
    require("number of minutiae", view.count, MAX_MINUTIAE)
    if view.count:
        require_place(int(max(view.x_px.max(), view.y_px.max())), MAX_COORDINATE)
    rows = np.empty(view.count, _LAYOUTS[size])
    rows["x"] = view.x_px | (view.kind.astype(np.uint16) << _KIND_SHIFT)
    rows["y"] = view.y_px
    rows["angle"] = to_steps(view.angle, steps)
    if size == 6:
        rows["quality"] = encode_quality(view.quality, quality_codes, view.details.raw_quality)
    return rows.tobytes()


class Rows(NamedTuple):
    """Where the minutiae of a view lie, and what bounds them: `number` of `size` bytes each up to `end`, on an image of
    width and height (0: not stated)."""

    end: int
    number: int
    size: int
    width_px: int
    height_px: int


def read_extended(
    data: bytes, rows: Rows, *, free: bool, stop: int | None = None, stated_end: int | None = None
) -> tuple[bytes, int, tuple[Notice, ...]]:
    """The extended data behind the minutiae (two bytes of length, then that many), verbatim, the offset after it, and
    what is odd. `free`: no other view's place depends on it, and nothing else comes before `stop` (the end of the
    data); then what there is of it is taken. FormatError where the minutiae run over `stop`, where the extended data of
    several views are not all there, and where the number of minutiae is in doubt: these are no areas of extended data,
    and with another number the view would end there or at `stated_end`."""
    offset = rows.end
    stop = len(data) if stop is None else stop
    left = stop - offset
    if left < 0:
        raise FormatError("the minutiae run over the length of their view", offset=stop)
    stated = _U16.unpack_from(data, offset)[0] if left >= 2 else None
    cut = stated is None or stated > left - 2
    start, end = offset + 2, stop if stated is None or cut else offset + 2 + stated
    if free and stated != 0 and (cut or not _is_chain(data[start:end])):
        _refuse_another_number(data, rows, {stop, stop if stated_end is None else stated_end})
    if free and cut:
        facts: dict[str, Fact] = {"left": max(left - 2, 0)} if stated is None else {"stated": stated, "left": left - 2}
        return data[start:stop], stop, (Notice(Remark.EXTENDED_CUT, facts),)
    start = take(data, offset, 2, "the length of the extended data")
    end = take(data, start, stated or 0, "the extended data")
    return data[start:end], end, ()


def _is_chain(extended: bytes) -> bool:
    """Whether these are whole areas of extended data, one or more."""
    try:
        return bool(sum(1 for _ in areas(extended)))
    except FormatError:
        return False


def _refuse_another_number(data: bytes, rows: Rows, ends: Collection[int]) -> None:
    """FormatError where the view would end at one of `ends` with fewer minutiae and areas of extended data behind them,
    or with more, all of them on the image. What is cut or claims too much does neither but by chance."""
    for end in sorted(ends):
        for count in range(min(MAX_MINUTIAE, rows.number + (end - rows.end) // rows.size) + 1):
            start = rows.end + (count - rows.number) * rows.size
            if count == rows.number or not 2 <= end - start <= len(data) - start:
                continue
            if _U16.unpack_from(data, start)[0] != end - start - 2:
                continue
            if _are_minutiae(data, rows, count) if count > rows.number else _is_chain(data[start + 2 : end]):
                raise FormatError(
                    "the number of minutiae is in doubt: with another one the view ends as it should",
                    offset=rows.end - rows.number * rows.size - 1,
                    stated=rows.number,
                    fits=count,
                )


def _are_minutiae(data: bytes, rows: Rows, count: int) -> bool:
    """Whether the rows behind the last one, `count` in all, have a known type and lie on the image."""
    found = np.frombuffer(data, _LAYOUTS[rows.size], count - rows.number, rows.end)
    x, y = found["x"], found["y"]
    inside = (x >> _KIND_SHIFT) != _RESERVED_KIND
    inside &= (x & _COORDINATE) < (rows.width_px or MAX_COORDINATE + 1)
    inside &= (y & _COORDINATE) < (rows.height_px or MAX_COORDINATE + 1)
    return bool(inside.all())


class Resolution(NamedTuple):
    """Pixels per centimetre in x and y, and what is odd about them."""

    ppcm: tuple[int, int]
    notices: tuple[Notice, ...]


def stated_or_given(x_ppcm: int, y_ppcm: int, given: int | None, offset: int) -> Resolution:
    """The resolution that a record states at `offset`, or the caller's in its place. FormatError for none at all."""
    if given is not None:
        differs = (x_ppcm, y_ppcm) != (given, given)
        stated: dict[str, Fact] = {"stated_x_ppcm": x_ppcm, "stated_y_ppcm": y_ppcm, "ppcm": given}
        return Resolution((given, given), (Notice(Remark.RESOLUTION_GIVEN, stated),) if differs else ())
    if not x_ppcm or not y_ppcm:
        raise FormatError("the resolution is zero: state it", offset=offset + (2 if x_ppcm else 0), needs="dpi")
    return Resolution((x_ppcm, y_ppcm), ())


def reserved_types(count: int, view: int) -> tuple[Notice, ...]:
    """The notice that `count` minutiae of a view (from 1) are of the reserved type; none where none are."""
    return (Notice(Remark.RESERVED_TYPE, {"minutiae": count, "view": view}),) if count else ()


def write_extended(view: FingerTemplate) -> bytes:
    """The extended data with its two bytes of length."""
    require("length of the extended data", len(view.extended), MAX_EXTENDED_BYTES)
    return _U16.pack(len(view.extended)) + view.extended


def require(what: str, value: int, most: int, least: int = 0) -> int:
    """`value` where it lies in the field's range, else ParameterError."""
    if not least <= value <= most:
        raise ParameterError(f"the {what} does not fit the format", value=value, least=least, most=most)
    return value


def require_place(furthest: int, most: int, what: str = "a minutia's coordinate") -> None:
    """ParameterError where the furthest of the minutiae lies beyond the format; where that is it does not tell."""
    if furthest > most:
        raise ParameterError(f"{what} does not fit the format", most=most)


def finish(data: bytes, end: int, stated: int, stated_at: int) -> tuple[Notice, ...]:
    """What is odd about where a record ends: its views end at `end`, its header (at `stated_at`) says `stated`.

    FormatError where the views run over the stated end into bytes that follow it: then the padding of a cut record may
    pass for minutiae; and where something else than filling stands between the views and the stated end: then a count
    or a length in a view may be wrong.
    """
    if stated < end < len(data):
        raise FormatError("the views run over the record's stated length", offset=stated_at, stated=stated, actual=end)
    if data[end:stated].strip(_FILLING):
        raise FormatError("bytes follow the last view", offset=end, extra=min(stated, len(data)) - end)
    notices = []
    if stated != end:
        notices.append(Notice(Remark.LENGTH_OFF, {"stated": stated, "actual": end}))
    if end < len(data):
        notices.append(Notice(Remark.PADDED, {"bytes": len(data) - end, "offset": end}))
    return tuple(notices)
