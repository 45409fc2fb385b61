"""The extended data of a view: a chain of areas, each with type (2 bytes), length with its own four bytes (2 bytes)
and data.

The library reads nothing out of it; it keeps it verbatim. On the way to another edition only those areas go along whose
coding means the same there: ridge counts (type 1) and vendor areas between all records; core and delta (type 2) between
the two ISO or the two ANSI editions and at the same resolution, since its angles and coordinates differ else; zonal
quality (type 3) nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from cccd_core.errors import FormatError

RIDGE_COUNTS = 1
CORE_AND_DELTA = 2
FIRST_VENDOR_TYPE = 0x0100

_AREA_HEADER_BYTES = 4


def areas(extended: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and data of each area in order; FormatError, with the offset, where the chain is broken."""
    offset = 0
    while offset < len(extended):
        kind = int.from_bytes(extended[offset : offset + 2], "big")
        length = int.from_bytes(extended[offset + 2 : offset + 4], "big")
        if length < _AREA_HEADER_BYTES or offset + length > len(extended):
            raise FormatError("an area of the extended data is cut or shorter than its header", offset=offset)
        yield kind, extended[offset + _AREA_HEADER_BYTES : offset + length]
        offset += length


def carried(extended: bytes, *, same_coding: bool) -> bytes:
    """What of a view's extended data goes into a record of another edition; of a broken chain nothing does.

    `same_coding`: the edition codes core and delta alike, and the coordinates stay.
    """
    kept = bytearray()
    try:
        for kind, data in areas(extended):
            if kind == RIDGE_COUNTS or kind >= FIRST_VENDOR_TYPE or (kind == CORE_AND_DELTA and same_coding):
                kept += kind.to_bytes(2, "big") + (len(data) + _AREA_HEADER_BYTES).to_bytes(2, "big") + data
    except FormatError:
        return b""
    return bytes(kept)
