"""ANSI/INCITS 378-2004 finger minutiae record ("FMR", version " 20"), clause 6.

It differs from the ISO record of 2005 in the length (two bytes; or two zero bytes and then four, from 65,536 on), the
four bytes of CBEFF product identifier after it, and the angle, in units of two degrees (0 to 179).
"""

from __future__ import annotations

import struct

from cccd_core.errors import FormatError
from cccd_core.templates.iso19794_2_2005 import read_views, write_header, write_views
from cccd_core.templates.model import TemplateRecord
from cccd_core.templates.packed import finish, require, stated_or_given, take

FORMAT = "ansi-2004"
MAGIC = b"FMR\x00 20\x00"
SHORT_LENGTH_BYTES = 2
WIDE_LENGTH_BYTES = 6
HEADER_BYTES = 24  # beside the length
STEPS = 180

_FIELDS = struct.Struct(">IHHHHHBB")


def read(data: bytes, *, ppcm: int | None = None) -> TemplateRecord:
    """The record in `data`, at `ppcm` pixels per centimetre where that is given. FormatError, with the offset, where a
    minutia is in doubt; what else the edition does not allow is among the record's notices."""
    start = take(data, 0, len(MAGIC), "its header")
    if data[:start] != MAGIC:
        raise FormatError("not an ANSI/INCITS 378-2004 record", offset=0)
    offset = take(data, start, SHORT_LENGTH_BYTES, "its header")
    length = int.from_bytes(data[start:offset], "big")
    wide = length == 0
    if wide:
        offset = take(data, start, WIDE_LENGTH_BYTES, "its header")
        length = int.from_bytes(data[start + SHORT_LENGTH_BYTES : offset], "big")
    end = take(data, offset, _FIELDS.size, "its header")
    product_id, equipment, width, height, res_x, res_y, view_count, reserved = _FIELDS.unpack_from(data, offset)
    resolution = stated_or_given(res_x, res_y, ppcm, offset + 10)
    image = (width, height, *resolution.ppcm)
    views, end, notices = read_views(data, end, view_count, STEPS, image, count_offset=offset + 14, stated_end=length)
    return TemplateRecord(
        FORMAT,
        views,
        product_id=product_id,
        compliance=equipment >> 12,
        device_id=equipment & 0xFFF,
        reserved=reserved,
        wide_length=wide and length <= 0xFFFF,
        notices=(*resolution.notices, *notices, *finish(data, end, length, start)),
    )


def write(record: TemplateRecord) -> bytes:
    """The bytes of `record`, whose views share one size and resolution; ParameterError for what does not fit."""
    body = write_views(record, STEPS)
    product_id = require("product identifier", record.product_id, 0xFFFFFFFF)
    fields = _FIELDS.pack(product_id, *write_header(record))
    length = HEADER_BYTES + SHORT_LENGTH_BYTES + len(body)
    if record.wide_length or length > 0xFFFF:
        length += WIDE_LENGTH_BYTES - SHORT_LENGTH_BYTES
        return MAGIC + bytes(SHORT_LENGTH_BYTES) + length.to_bytes(4, "big") + fields + body
    return MAGIC + length.to_bytes(SHORT_LENGTH_BYTES, "big") + fields + body
