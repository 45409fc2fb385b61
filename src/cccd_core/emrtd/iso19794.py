"""Image records of ISO/IEC 19794: faces (part 5) and fingers (part 4), editions of 2005 and 2011: reading.

A record is a header, then one block for each image, which begins with its own length. Lengths and counts that are off
are noted; the images are found all the same.

ISO/IEC 19794-5:2005 clauses 5.4 to 5.9, :2011 clause 5; ISO/IEC 19794-4:2005 clause 7, :2011 clause 8.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from cccd_core.emrtd import images
from cccd_core.emrtd.images import StatedImage
from cccd_core.emrtd.odd import OddParts

MAX_BLOCKS = 16
FACE_2005, FACE_2011 = "ISO/IEC 19794-5:2005", "ISO/IEC 19794-5:2011"
FINGER_2005, FINGER_2011 = "ISO/IEC 19794-4:2005", "ISO/IEC 19794-4:2011"
UNKNOWN = "unknown"

_FACE_2005 = struct.Struct(">IHBBB3sH3s3s")  # length, feature points, gender, eyes, hair, mask, expression, pose x2
_IMAGE_2005 = struct.Struct(">BBHHBBHH")  # image type, data type, width, height, colour, source, device, quality
_IMAGE_2011 = struct.Struct(">BBHHBHBB")  # image type, data type, width, height, sampling, processing, cross, colour
_FINGER_2005 = struct.Struct(">IBBBBBHHB")  # length, position, views, view, quality, impression, width, height, -
_FINGER_2011 = struct.Struct(">BBBHHHHBBBHH")  # position, number, units, rates x4, depth, compression, impression, w, h
_POINT_BYTES = 8
_IMAGE_ENDS = (b"\xff\xd9", b"\xff\xa1")  # of JPEG and JPEG 2000, of WSQ
_CAPTURE_BYTES = 19  # of 2011: length, time, device, number of quality blocks
_QUALITY_BYTES = 5
_FACE_2011_BYTES = _CAPTURE_BYTES + 17 + _IMAGE_2011.size + 4
_SEXES = {1: "M", 2: "F"}
_FACE_KINDS = {0: "jpeg", 1: "jpeg2000"}
_FACE_KINDS_2011 = {0: "jpeg", 1: "jpeg2000", 2: "jpeg2000", 3: "png"}
_FINGER_KINDS = {0: "raw", 1: "raw", 2: "wsq", 3: "jpeg", 4: "jpeg2000", 5: "png"}
_FINGER_KINDS_2011 = _FINGER_KINDS | {5: "jpeg2000", 6: "png"}

_BlockReader = Callable[[bytes, bytes, OddParts, str], StatedImage | None]  # header of the record, block


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a record of one part and edition has its numbers, and how one of its blocks is read."""

    standard: str
    header_bytes: int
    length: slice
    count: slice
    block_bytes: int  # the least that a block has
    read: _BlockReader


def read(record: bytes, odd: OddParts, name: str) -> tuple[str, list[StatedImage]]:
    """(the standard, the images) of a record. `name` is what odd parts are called after.

    Where the record is of no known edition the first image in it is found by its first bytes; none where there is
    none. Cost: linear in the record.
    """
    layout = _LAYOUTS.get(record[:8])
    if layout is None:
        odd.add(f"{name}, header", record[:8], "a biometric record of an unknown edition", length=len(record))
        layout = _LAYOUTS.get(record[:4] + b"010\0")
    if layout is None:
        place = images.find(record, 0)
        if place is None:
            odd.add(name, record, "a biometric record of no known kind", length=len(record))
            return UNKNOWN, []
        return UNKNOWN, [StatedImage(record[place:])]
    if len(record) < layout.header_bytes + layout.block_bytes:
        odd.add(name, record, "a biometric record ends inside its header", length=len(record))
        return layout.standard, []
    stated, count = int.from_bytes(record[layout.length], "big"), int.from_bytes(record[layout.count], "big")
    if stated != len(record):
        odd.add(f"{name}, length", record[layout.length], "a record states another length", stated=stated)
    found_images: list[StatedImage] = []
    blocks = _blocks(record, layout, odd, name)
    for number, block in enumerate(blocks, 1):
        image = layout.read(record[: layout.header_bytes], block, odd, name if len(blocks) == 1 else f"{name}.{number}")
        if image is not None:
            found_images.append(image)
    if count != len(blocks):
        odd.add(f"{name}, count", record[layout.count], "the number of images is another", stated=count)
    return layout.standard, found_images


def _blocks(record: bytes, layout: _Layout, odd: OddParts, name: str) -> list[bytes]:
    """The blocks of a record, by their lengths as far as these make sense, else to the record's end. A length that
    leaves bytes over makes sense where an image ends there."""
    blocks: list[bytes] = []
    position = layout.header_bytes
    while position < len(record):
        left = len(record) - position
        if left < layout.block_bytes or len(blocks) == MAX_BLOCKS:
            odd.add(f"rest of {name}", record[position:], "bytes follow the images of a record", offset=position)
            break
        length = int.from_bytes(record[position : position + 4], "big")
        end = position + length
        ends = end == len(record) or _begins_block(record, end, layout) or record[end - 2 : end] in _IMAGE_ENDS
        if length < layout.block_bytes or end > len(record) or not ends:
            odd.add(f"{name}, length of image", record[position : position + 4], "an image states another length",
                    offset=position, stated=length, length=left)  # fmt: skip
            end = len(record)
        blocks.append(record[position:end])
        position = end
    return blocks


def _begins_block(record: bytes, position: int, layout: _Layout) -> bool:
    left = len(record) - position
    return left >= layout.block_bytes and (
        layout.block_bytes <= int.from_bytes(record[position : position + 4], "big") <= left
    )


def _face_2005(_: bytes, block: bytes, odd: OddParts, name: str) -> StatedImage | None:
    _, points, gender = _FACE_2005.unpack_from(block)[:3]
    place = _FACE_2005.size + points * _POINT_BYTES + _IMAGE_2005.size
    place = _image_place(block, place, _FACE_2005.size + _IMAGE_2005.size, odd, name)
    if place > len(block):
        odd.add(name, block, "a face does not fit its record", length=len(block))
        return None
    _, code, width, height = _IMAGE_2005.unpack_from(block, place - _IMAGE_2005.size)[:4]
    return StatedImage(block[place:], _kind(_FACE_KINDS, code, odd, name), width, height, _SEXES.get(gender))


def _face_2011(_: bytes, block: bytes, odd: OddParts, name: str) -> StatedImage | None:
    start = _CAPTURE_BYTES + _QUALITY_BYTES * block[_CAPTURE_BYTES - 1]
    points = int.from_bytes(block[start : start + 2], "big")
    place = start + 17 + points * _POINT_BYTES + _IMAGE_2011.size + 4
    place = _image_place(block, place, _FACE_2011_BYTES, odd, name)
    if place > len(block):
        odd.add(name, block, "a face does not fit its record", length=len(block))
        return None
    _, code, width, height = _IMAGE_2011.unpack_from(block, place - 4 - _IMAGE_2011.size)[:4]
    sex = _SEXES.get(int.from_bytes(block[start + 2 : start + 3], "big"))
    image = _measured(block, place, odd, name)
    return StatedImage(image, _kind(_FACE_KINDS_2011, code, odd, name), width, height, sex)


def _finger_2005(head: bytes, block: bytes, odd: OddParts, name: str) -> StatedImage | None:
    _, position, _, _, _, _, width, height, _ = _FINGER_2005.unpack_from(block)
    kind = _kind(_FINGER_KINDS, head[29], odd, name)
    dpi = _dpi(head[19], *struct.unpack(">HH", head[24:28]))
    return StatedImage(block[_FINGER_2005.size :], kind, width, height, None, position or None, dpi)


def _finger_2011(head: bytes, block: bytes, odd: OddParts, name: str) -> StatedImage | None:
    start = _CAPTURE_BYTES + _QUALITY_BYTES * block[_CAPTURE_BYTES - 1]
    if head[14]:  # certification blocks of three bytes, their number before them
        start += 1 + 3 * int.from_bytes(block[start : start + 1], "big")
    place = start + _FINGER_2011.size + 4
    if place > len(block):
        odd.add(name, block, "a finger does not fit its record", length=len(block))
        return None
    position, _, units, _, _, across, down, _, code, _, width, height = _FINGER_2011.unpack_from(block, start)
    image = _measured(block, place, odd, name)
    kind = _kind(_FINGER_KINDS_2011, code, odd, name)
    return StatedImage(image, kind, width, height, None, position or None, _dpi(units, across, down))


def _dpi(units: int, across: int, down: int) -> float | None:
    """Pixels an inch of an image; None where the record states none, or none that holds both ways."""
    inches = {1: 1.0, 2: 2.54}.get(units)
    return inches * across if inches is not None and across and across == down else None


def _image_place(block: bytes, place: int, least: int, odd: OddParts, name: str) -> int:
    """Where the image begins: at `place` by the header, or where its first bytes are found, not before `least`."""
    if _starts_image(block[place : place + 16]):
        return place
    found = images.find(block, least)
    if found is None:
        return place
    odd.add(f"{name}, header", b"", "an image begins elsewhere than its header says", stated=place, offset=found)
    return found


def _starts_image(data: bytes) -> bool:
    return images.find(data, 0) == 0


def _measured(block: bytes, place: int, odd: OddParts, name: str) -> bytes:
    """The image behind its own length, to the block's end."""
    length = int.from_bytes(block[place - 4 : place], "big")
    if length != len(block) - place:
        odd.add(f"{name}, length of image", block[place - 4 : place], "an image states another length", stated=length)
    return block[place:]


def _kind(kinds: dict[int, str], code: int, odd: OddParts, name: str) -> str | None:
    if code not in kinds:
        odd.add(f"{name}, kind", bytes((code,)), "an unknown kind of image", code=code)
    return kinds.get(code)


_LAYOUTS = {
    b"FAC\x00010\0": _Layout(
        FACE_2005, 14, slice(8, 12), slice(12, 14), _FACE_2005.size + _IMAGE_2005.size, _face_2005
    ),
    b"FAC\x00030\0": _Layout(FACE_2011, 17, slice(8, 12), slice(12, 14), _FACE_2011_BYTES, _face_2011),
    b"FIR\x00010\0": _Layout(FINGER_2005, 32, slice(8, 14), slice(18, 19), _FINGER_2005.size, _finger_2005),
    b"FIR\x00020\0": _Layout(
        FINGER_2011, 16, slice(8, 12), slice(12, 14), _CAPTURE_BYTES + _FINGER_2011.size + 4, _finger_2011
    ),
}
