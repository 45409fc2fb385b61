"""Whether a chip takes extended length fields, and how long they may be, as the chip itself says.

ISO/IEC 7816-3:2006, 8.2 (answer to reset); ISO/IEC 7816-4:2020, 12.1.1 (historical bytes, card capabilities) and 12.7
(EF.ATR/INFO, extended length information 7F66); Doc 9303-10, 3.11.1.
"""

from __future__ import annotations

from typing import Final

from cccd_core.card.apdu import EXTENDED_NE_MAX
from cccd_core.emrtd.tlv import Reader
from cccd_core.errors import FormatError

EF_ATR_INFO_SFI: Final = 0x01
_TAG_CAPABILITIES: Final = 0x47
_TAG_EXTENDED_LENGTHS: Final = 0x7F66
_COMPACT_CAPABILITIES: Final = 0x7
_EXTENDED_LC_LE: Final = 0x40  # third software function table


def answer_max_of_atr(atr: bytes) -> int | None:
    """The most bytes of a response APDU by the historical bytes: 65,536 where they speak of extended length fields,
    None where they do not."""
    for tag, value in _compact(_historical(atr)):
        if tag == _COMPACT_CAPABILITIES and _speaks_of_extended(value):
            return EXTENDED_NE_MAX
    return None


def answer_max_of_file(content: bytes) -> int | None:
    """The most bytes of a response APDU by EF.ATR/INFO; None where it does not speak of extended length fields."""
    capable = False
    try:
        for found in Reader(content):
            if found.tag == _TAG_EXTENDED_LENGTHS:
                numbers = [int.from_bytes(each.value[:4], "big") for each in found.reader()]
                return min(numbers[1], EXTENDED_NE_MAX) if len(numbers) == 2 else None
            if found.tag == _TAG_CAPABILITIES:
                capable = _speaks_of_extended(found.value)
    except FormatError:
        pass  # what fills the file behind its last data object
    return EXTENDED_NE_MAX if capable else None


def _speaks_of_extended(capabilities: bytes) -> bool:
    return len(capabilities) >= 3 and bool(capabilities[2] & _EXTENDED_LC_LE)


def _historical(atr: bytes) -> bytes:
    """The historical bytes: behind T0 and the interface bytes that each Y announces."""
    if len(atr) < 2:
        return b""
    count, announced, position = atr[1] & 0x0F, atr[1] >> 4, 2
    while announced:
        last = position + announced.bit_count()
        follows = announced & 0x8
        position = last
        if not follows or last > len(atr):
            break
        announced = atr[last - 1] >> 4
    return atr[position : position + count]


def _compact(historical: bytes) -> list[tuple[int, bytes]]:
    """COMPACT-TLV behind a category indicator 00 (three bytes of status at the end) or 80."""
    if historical[:1] not in (b"\x00", b"\x80"):
        return []
    body = historical[1:-3] if historical[0] == 0 else historical[1:]
    objects = []
    position = 0
    while position < len(body):
        size = body[position] & 0x0F
        objects.append((body[position] >> 4, body[position + 1 : position + 1 + size]))
        position += 1 + size
    return objects
