"""ISO/IEC 19794-2:2005 finger minutiae record ("FMR", version " 20"), clause 7.

Header of 24 bytes: identifier, version, total length (4), capture equipment (4 bits compliance, 12 bits device), width,
height, resolution in x and y in pixels per centimetre, number of views, reserved byte. Each view: position; view number
and impression type, four bits each; quality; number of minutiae; 6 bytes a minutia, the angle in 1/256 of a turn;
extended data with two bytes of length.
"""

from __future__ import annotations

import struct

from cccd_core.errors import FormatError
from cccd_core.templates.model import NO_DETAILS, CaptureDetails, FingerTemplate, TemplateRecord
from cccd_core.templates.notices import Notice
from cccd_core.templates.packed import (
    Rows,
    finish,
    read_extended,
    read_minutiae,
    require,
    reserved_types,
    stated_or_given,
    take,
    write_extended,
    write_minutiae,
)

FORMAT = "iso-2005"
MAGIC = b"FMR\x00 20\x00"
HEADER_BYTES = 24
VIEW_HEADER_BYTES = 4
STEPS = 256
MAX_QUALITY = 100

_HEADER = struct.Struct(">8sIHHHHHBB")


def read(data: bytes, *, ppcm: int | None = None) -> TemplateRecord:
    """The record in `data`, at `ppcm` pixels per centimetre where that is given. FormatError, with the offset, where a
    minutia is in doubt; what else the edition does not allow is among the record's notices."""
    take(data, 0, HEADER_BYTES, "its header")
    magic, length, equipment, width, height, res_x, res_y, view_count, reserved = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise FormatError("not an ISO/IEC 19794-2:2005 record", offset=0)
    resolution = stated_or_given(res_x, res_y, ppcm, 18)
    image = (width, height, *resolution.ppcm)
    views, end, notices = read_views(data, HEADER_BYTES, view_count, STEPS, image, count_offset=22, stated_end=length)
    return TemplateRecord(
        FORMAT,
        views,
        compliance=equipment >> 12,
        device_id=equipment & 0xFFF,
        reserved=reserved,
        notices=(*resolution.notices, *notices, *finish(data, end, length, 8)),
    )


def write(record: TemplateRecord) -> bytes:
    """The bytes of `record`, whose views share one size and resolution; ParameterError for what does not fit."""
    body = write_views(record, STEPS)
    return _HEADER.pack(MAGIC, HEADER_BYTES + len(body), *write_header(record)) + body


def read_views(
    data: bytes,
    offset: int,
    view_count: int,
    steps: int,
    image: tuple[int, int, int, int],
    *,
    count_offset: int,
    stated_end: int,
) -> tuple[tuple[FingerTemplate, ...], int, tuple[Notice, ...]]:
    """The views at `offset`, in the form that ANSI/INCITS 378-2004 shares, the offset after them, and what is odd.

    `image` is width, height, and resolution in x and y, which this form keeps in the header, as it does the number of
    views, at `count_offset`, and where they end.
    """
    width, height, res_x, res_y = image
    if not view_count:
        raise FormatError("the record has no finger view", offset=count_offset)
    views = []
    notices: list[Notice] = []
    for number in range(1, view_count + 1):
        start = take(data, offset, VIEW_HEADER_BYTES, "the header of a view")
        position, numbers, quality_code, count = data[offset:start]
        columns = read_minutiae(data, start, count, steps=steps)
        rows = Rows(start + 6 * count, count, 6, width, height)
        extended, offset, odd = read_extended(data, rows, free=view_count == 1, stated_end=stated_end)
        notices += (*reserved_types(columns.reserved, number), *odd)
        known = quality_code <= MAX_QUALITY
        details = NO_DETAILS
        if columns.raw_quality or not known:
            details = CaptureDetails(raw_quality=columns.raw_quality, quality_code=0 if known else quality_code)
        views.append(
            FingerTemplate(
                columns.x_px,
                columns.y_px,
                columns.angle,
                columns.kind,
                columns.quality,
                width,
                height,
                res_x,
                res_y,
                position,
                numbers & 0xF,
                numbers >> 4,
                quality_code if known else 0,
                extended,
                details,
            )
        )
    return tuple(views), offset, tuple(notices)


def write_views(record: TemplateRecord, steps: int) -> bytes:
    """The bytes of all views, after the header; ParameterError for what does not fit."""
    body = bytearray()
    for view in record.views:
        minutiae = write_minutiae(view, steps=steps)
        body.append(require("finger position", view.position, 255))
        body.append(require("view number", view.view, 15) << 4 | require("impression type", view.impression, 15))
        body.append(require("capture quality", view.capture_quality or view.details.quality_code, 255))
        body.append(view.count)
        body += minutiae + write_extended(view)
    return bytes(body)


def write_header(record: TemplateRecord) -> tuple[int, ...]:
    """The header's fields from the capture equipment on, in order: seven numbers."""
    require("number of views", len(record.views), 255)
    image = record.image
    return (
        require("compliance", record.compliance, 15) << 12 | require("device identifier", record.device_id, 0xFFF),
        require("width", image[0], 0xFFFF),
        require("height", image[1], 0xFFFF),
        require("resolution in x", image[2], 0xFFFF, 1),
        require("resolution in y", image[3], 0xFFFF, 1),
        len(record.views),
        require("reserved byte", record.reserved, 255),
    )
