"""What the head of a portrait's image says: kind and size. Decodes nothing.

JPEG: ISO/IEC 10918-1 clause B.2.2 (frame header); JPEG 2000: ISO/IEC 15444-1 clauses A.5.1 (SIZ), I.5.3 (JP2 header).
"""

from __future__ import annotations

from dataclasses import dataclass

from cccd_core.errors import FormatError

MAX_SIDE_PX = 8192
MAX_STEPS = 500  # markers, fill bytes or boxes before the header that is looked for
_JP2_SIGNATURE = bytes.fromhex("0000000C6A5020200D0A870A")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """`kind` is `jpeg` or `jpeg2000`; `components` is 1 for grey, 3 for colour."""

    kind: str
    width_px: int
    height_px: int
    components: int


def inspect(data: bytes) -> ImageInfo:
    """Reads kind and size of a JPEG or JPEG 2000 (JP2 file or codestream) from its head.

    FormatError for anything else, for a side of 0 or above 8192 px, and for components other than 1, 3 or 4. Cost: a
    walk over the markers or boxes before the frame header.
    """
    if data.startswith(b"\xff\xd8\xff"):
        info = _jpeg(data)
    elif data.startswith(_JP2_SIGNATURE):
        info = _jp2(data)
    elif data.startswith(b"\xff\x4f\xff\x51"):
        info = _codestream(data, 0)
    else:
        raise FormatError("a portrait is neither JPEG nor JPEG 2000", offset=0, length=len(data))
    if not (1 <= info.width_px <= MAX_SIDE_PX and 1 <= info.height_px <= MAX_SIDE_PX):
        raise FormatError("an image has an impossible size", width_px=info.width_px, height_px=info.height_px)
    if info.components not in (1, 3, 4):
        raise FormatError("an image has an unexpected number of components", components=info.components)
    return info


def _number(data: bytes, position: int, size: int) -> int:
    if position + size > len(data):
        raise FormatError("an image ends inside its head", offset=len(data))
    return int.from_bytes(data[position : position + size], "big")


def _jpeg(data: bytes) -> ImageInfo:
    position = 2
    for _ in range(MAX_STEPS):
        if _number(data, position, 1) != 0xFF:
            raise FormatError("a JPEG marker is missing", offset=position)
        marker = _number(data, position + 1, 1)
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in (0x00, 0x01, 0xD8, 0xD9, 0xDA) or 0xD0 <= marker <= 0xD7:
            raise FormatError("a JPEG has no frame header before its data", offset=position, tag=f"FF{marker:02X}")
        length = _number(data, position + 2, 2)
        if length < 2:
            raise FormatError("a JPEG segment has an impossible length", offset=position, length=length)
        if marker in _JPEG_FRAMES:
            height, width = _number(data, position + 5, 2), _number(data, position + 7, 2)
            return ImageInfo("jpeg", width, height, _number(data, position + 9, 1))
        position += 2 + length
    raise FormatError("a JPEG has no frame header among its first segments", offset=position, limit=MAX_STEPS)


def _jp2(data: bytes) -> ImageInfo:
    start, end = _find_box(data, len(_JP2_SIGNATURE), len(data), b"jp2h")
    start, end = _find_box(data, start, end, b"ihdr")
    if end - start != 14:
        raise FormatError("a JP2 image header has an impossible length", offset=start, length=end - start)
    return ImageInfo("jpeg2000", _number(data, start + 4, 4), _number(data, start, 4), _number(data, start + 8, 2))


def _find_box(data: bytes, position: int, end: int, wanted: bytes) -> tuple[int, int]:
    """(start, end) of the content of the first box of this kind between `position` and `end`."""
    for _ in range(MAX_STEPS):
        if position + 8 > end:
            break
        length, kind, head = _number(data, position, 4), data[position + 4 : position + 8], 8
        if length == 1:
            length, head = _number(data, position + 8, 8), 16
        elif length == 0:
            length = end - position
        if length < head or length > end - position:
            raise FormatError("a JP2 box does not fit", offset=position, length=length)
        if kind == wanted:
            return position + head, position + length
        position += length
    raise FormatError("a JP2 box is missing", offset=position, box=wanted.decode("ascii"))


def _codestream(data: bytes, start: int) -> ImageInfo:
    # SOC, SIZ, Lsiz, Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, then four tile numbers and Csiz
    x, y = _number(data, start + 8, 4), _number(data, start + 12, 4)
    x_offset, y_offset = _number(data, start + 16, 4), _number(data, start + 20, 4)
    return ImageInfo("jpeg2000", x - x_offset, y - y_offset, _number(data, start + 40, 2))
