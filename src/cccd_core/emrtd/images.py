"""What the head of an image says: kind and size. Decodes nothing.

JPEG: ISO/IEC 10918-1 clause B.2.2 (frame header); JPEG 2000: ISO/IEC 15444-1 clauses A.5.1 (SIZ), I.5.3 (JP2 header);
PNG: ISO/IEC 15948 clause 11.2.2; WSQ: IAFIS-IC-0110 (the frame of JPEG with markers of its own); PGM and PPM: the
netpbm formats P5 and P6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cccd_core.emrtd.odd import OddParts
from cccd_core.errors import FormatError

MAX_SIDE_PX = 8192
MAX_STEPS = 500  # markers, fill bytes or boxes before the header that is looked for
PORTRAIT_KINDS = ("jpeg", "jpeg2000")  # what a portrait of ours may be
_JPEG_START = b"\xff\xd8\xff"
_JP2_SIGNATURE = bytes.fromhex("0000000C6A5020200D0A870A")
_CODESTREAM_START = b"\xff\x4f\xff\x51"
_WSQ_START = b"\xff\xa0\xff"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_STARTS = (_JPEG_START, _JP2_SIGNATURE, _CODESTREAM_START, _WSQ_START, _PNG_SIGNATURE)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WSQ_FRAME = 0xA2
_PNM_HEAD = re.compile(rb"P([56])[ \t\r\n]+([0-9]{1,5})[ \t\r\n]+([0-9]{1,5})[ \t\r\n]+[0-9]{1,5}[ \t\r\n]")


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """`kind` is `jpeg`, `jpeg2000`, `png`, `wsq` or `pnm`; `components` is 1 for grey, 3 for colour."""

    kind: str
    width_px: int
    height_px: int
    components: int


def inspect(data: bytes) -> ImageInfo:
    """Reads kind and size of an image from its head.

    FormatError for what is no JPEG, JPEG 2000 (JP2 file or codestream), PNG, WSQ, PGM or PPM, for a side of 0 or above
    8192 px, and for components other than 1 to 4. Cost: a walk over the markers or boxes before the frame header.
    """
    if data.startswith(_JPEG_START):
        info = _frame(data, "jpeg", _JPEG_FRAMES)
    elif data.startswith(_JP2_SIGNATURE):
        info = _jp2(data)
    elif data.startswith(_CODESTREAM_START):
        info = _codestream(data, 0)
    elif data.startswith(_WSQ_START):
        info = _frame(data, "wsq", frozenset((_WSQ_FRAME,)))
    elif data.startswith(_PNG_SIGNATURE):
        info = _png(data)
    elif head := _PNM_HEAD.match(data[:64]):
        info = ImageInfo("pnm", int(head[2]), int(head[3]), 1 if head[1] == b"5" else 3)
    else:
        raise FormatError("an image of no known kind", offset=0, length=len(data))
    if not (1 <= info.width_px <= MAX_SIDE_PX and 1 <= info.height_px <= MAX_SIDE_PX):
        raise FormatError("an image has an impossible size", width_px=info.width_px, height_px=info.height_px)
    if not 1 <= info.components <= 4:
        raise FormatError("an image has an unexpected number of components", components=info.components)
    return info


def inspect_portrait(data: bytes) -> ImageInfo:
    """`inspect` of a portrait that is to be written: JPEG or JPEG 2000, in grey or colour. FormatError otherwise."""
    info = inspect(data)
    if info.kind not in PORTRAIT_KINDS or info.components == 2:
        raise FormatError("a portrait is neither JPEG nor JPEG 2000", kind=info.kind, components=info.components)
    return info


@dataclass(frozen=True, slots=True)
class StatedImage:
    """An image as it stands in a biometric record, and what the record says of it: its kind (`raw` for pixels without
    a file around them), its size, the person's sex, the finger's position 1 to 10, its pixels an inch; None where it
    says nothing."""

    image: bytes = field(repr=False)
    kind: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    sex: str | None = field(default=None, repr=False)
    position: int | None = None
    dpi: float | None = None


def compared(stated: StatedImage, odd: OddParts, name: str) -> ImageInfo | None:
    """What the image is in truth, None where it is of no known kind; notes where the record says something else."""
    if stated.kind == "raw":
        return None
    try:
        info = inspect(stated.image)
    except FormatError as error:
        odd.caught(name, stated.image, error)
        return None
    if stated.kind is not None and stated.kind != info.kind:
        odd.add(
            f"{name}, kind", b"", "a record contradicts its image: another kind", stated=stated.kind, found=info.kind
        )
    size = (stated.width_px or 0, stated.height_px or 0)
    if any(size) and size != (info.width_px, info.height_px):
        odd.add(
            f"{name}, size", b"", "a record contradicts its image: another size",
            stated_width_px=size[0], stated_height_px=size[1], width_px=info.width_px, height_px=info.height_px,
        )  # fmt: skip
    return info


def find(data: bytes, start: int) -> int | None:
    """Where, from `start` on, the first image by its first bytes begins; None where there is none."""
    places = (data.find(first, start) for first in _STARTS)
    return min((place for place in places if place >= 0), default=None)


def _number(data: bytes, position: int, size: int) -> int:
    if position + size > len(data):
        raise FormatError("an image ends inside its head", offset=len(data))
    return int.from_bytes(data[position : position + size], "big")


def _frame(data: bytes, kind: str, frames: frozenset[int]) -> ImageInfo:
    position = 2
    for _ in range(MAX_STEPS):
        if _number(data, position, 1) != 0xFF:
            raise FormatError("a marker of an image is missing", offset=position)
        marker = _number(data, position + 1, 1)
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in (0x00, 0x01, 0xA0, 0xA1, 0xA3, 0xD8, 0xD9, 0xDA) or 0xD0 <= marker <= 0xD7:
            raise FormatError("an image has no frame header before its data", offset=position, tag=f"FF{marker:02X}")
        length = _number(data, position + 2, 2)
        if length < 2:
            raise FormatError("a segment of an image has an impossible length", offset=position, length=length)
        if marker in frames:
            # precision (JPEG), or black and white (WSQ), then lines, then samples of a line
            skip = 5 if kind == "jpeg" else 6
            height, width = _number(data, position + skip, 2), _number(data, position + skip + 2, 2)
            return ImageInfo(kind, width, height, _number(data, position + 9, 1) if kind == "jpeg" else 1)
        position += 2 + length
    raise FormatError("an image has no frame header among its first segments", offset=position, limit=MAX_STEPS)


def _png(data: bytes) -> ImageInfo:
    if data[12:16] != b"IHDR":
        raise FormatError("a PNG does not begin with its header", offset=8)
    components = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(_number(data, 25, 1), 0)
    return ImageInfo("png", _number(data, 16, 4), _number(data, 20, 4), components)


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
