"""A finger image as DG3 holds it: the record of ISO/IEC 19794-4:2005 with one finger, written and checked.

ISO/IEC 19794-4:2005 clause 7.1 (general header, 32 bytes) and 7.2 (header of a finger, 14 bytes); Doc 9303-10 clause
4.7.3. The compressions are those that Doc 9303 foresees, WSQ and JPEG 2000. Other records are read by `iso19794`.
"""

from __future__ import annotations

import struct
from typing import Final

from cccd_core.emrtd import images, iso19794
from cccd_core.emrtd.odd import OddParts
from cccd_core.errors import FormatError, ParameterError

MAGIC: Final = b"FIR\x00010\0"
KINDS: Final = ("wsq", "jpeg2000")
_COMPRESSIONS: Final = {"wsq": 2, "jpeg2000": 4}
_GENERAL: Final = struct.Struct(">HHBBHHHHBBH")  # device, level, fingers, units, scan and image rates, depth, coding, -
_FINGER: Final = struct.Struct(">IBBBBBHHB")  # length, position, views, view, quality, impression, width, height, -
# Acquisition settings by resolution, of those levels that claim no certified scanner.
_LEVELS: Final = {500: 30, 1000: 40}
_ONE_FINGER, _INCHES, _DEPTH_BITS = 1, 1, 8
_UNDEFINED_QUALITY: Final = 254
_LARGEST_CODE: Final = 10  # of a single finger


def build(image: bytes, position: int, *, dpi: int = 500, quality: int | None = None, impression: int = 0) -> bytes:
    """The record of one finger image, WSQ or JPEG 2000 in 8-bit gray. `quality` is 0 to 100, None for not known;
    `impression` 0 for a live-scan plain print, 1 for a rolled one.

    ParameterError for another kind of image, a resolution other than 500 and 1000 dpi, and a number out of range.
    """
    try:
        info = images.inspect(image)
    except FormatError as error:
        raise ParameterError(f"a finger image: {error.message}", **error.facts) from None
    if info.kind not in KINDS or info.components != 1:
        raise ParameterError("a finger image is gray, WSQ or JPEG 2000", kind=info.kind, components=info.components)
    if dpi not in _LEVELS:
        raise ParameterError("a finger image on a chip has 500 or 1000 dpi", dpi=dpi)
    if not 1 <= position <= _LARGEST_CODE:
        raise ParameterError("a finger position is 1 to 10", position=position)
    if not (quality is None or 0 <= quality <= 100) or not 0 <= impression <= 255:
        raise ParameterError("quality is 0 to 100, an impression type a byte", impression=impression)
    finger = _FINGER.pack(
        _FINGER.size + len(image), position, 1, 1, _UNDEFINED_QUALITY if quality is None else quality, impression,
        info.width_px, info.height_px, 0,
    )  # fmt: skip
    length = len(MAGIC) + 6 + _GENERAL.size + len(finger) + len(image)
    general = _GENERAL.pack(
        0, _LEVELS[dpi], _ONE_FINGER, _INCHES, dpi, dpi, dpi, dpi, _DEPTH_BITS, _COMPRESSIONS[info.kind], 0
    )
    return MAGIC + length.to_bytes(6, "big") + general + finger + image


def position_of(record: bytes) -> int:
    """The finger position that a record of one WSQ or JPEG 2000 image states, 0 for an unknown one. FormatError where
    the record contradicts itself or its image, or holds more than one."""
    odd = OddParts()
    standard, found = iso19794.read(record, odd, "finger image")
    if standard != iso19794.FINGER_2005 or len(found) != 1:
        raise FormatError("not an ISO/IEC 19794-4:2005 record of one image", standard=standard, images=len(found))
    info = images.compared(found[0], odd, "finger image")
    if info is None or info.kind not in KINDS or odd.all():
        first = odd.all()[0].error.message if odd.all() else "a finger image on a chip is WSQ or JPEG 2000"
        raise FormatError(first, standard=standard)
    return found[0].position or 0
