"""ANSI/INCITS 378-2009 finger minutiae record ("FMR", version "030"; "035" for its amendment 1), clause 6.

Header of 21 bytes: identifier, version, total length (4), CBEFF product identifier (4), compliance (1), device (2),
number of views, reserved byte. Each view: position, view number, impression type, quality, the quality algorithm's
vendor (2) and identifier (2), width, height, resolution in x and y, number of minutiae; 6 bytes a minutia, the angle in
units of two degrees; extended data with two bytes of length. Quality 254 is "not reported", 255 "failed".
"""

from __future__ import annotations

import struct
from dataclasses import replace

from cccd_core.errors import FormatError
from cccd_core.templates.model import CaptureDetails, FingerTemplate, QualityBlock, TemplateRecord
from cccd_core.templates.notices import Notice, Remark
from cccd_core.templates.packed import (
    QUALITY_2011,
    UNREPORTED_2011,
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

FORMAT = "ansi-2009"
MAGIC = b"FMR\x00030\x00"
MAGIC_AMENDMENT_1 = b"FMR\x00035\x00"
STEPS = 180

_HEADER = struct.Struct(">8sIIBHBB")
_HEADER_2007 = struct.Struct(">8sIIHBB")  # compliance (4 bits) and device (12) in two bytes, as in the edition of 2004
_VIEW = struct.Struct(">BBBBHHHHHHB")
_RESOLUTION_OFFSET = 12  # within a view


def read(data: bytes, *, ppcm: int | None = None) -> TemplateRecord:
    """The record in `data`, at `ppcm` pixels per centimetre where that is given. FormatError, with the offset, where a
    minutia is in doubt; what else the edition does not allow is among the record's notices."""
    take(data, 0, len(MAGIC), "its header")
    if data[: len(MAGIC)] not in (MAGIC, MAGIC_AMENDMENT_1):
        raise FormatError("not an ANSI/INCITS 378-2009 record", offset=0)
    try:
        return _read(data, _HEADER, ppcm)
    except FormatError as error:
        # The draft of 2007 has the version of 2009 and one byte less of header: only what cannot be read as 2009 is it.
        try:
            record = _read(data, _HEADER_2007, ppcm)
        except FormatError:
            raise error from None
        return replace(record, notices=(Notice(Remark.HEADER_2007), *record.notices))


def _read(data: bytes, header: struct.Struct, ppcm: int | None) -> TemplateRecord:
    offset = take(data, 0, header.size, "its header")
    if header is _HEADER:
        magic, length, product_id, compliance, device_id, view_count, reserved = header.unpack_from(data)
    else:
        magic, length, product_id, equipment, view_count, reserved = header.unpack_from(data)
        compliance, device_id = equipment >> 12 << 4, equipment & 0xFFF
    if not view_count:
        raise FormatError("the record has no finger view", offset=header.size - 2)
    views = []
    notices: list[Notice] = []
    for number in range(1, view_count + 1):
        view, offset, odd = _read_view(data, offset, ppcm, number, only=view_count == 1, stated_end=length)
        views.append(view)
        notices += odd
    return TemplateRecord(
        FORMAT,
        tuple(views),
        product_id=product_id,
        compliance=compliance,
        device_id=device_id,
        reserved=reserved,
        amendment=int(magic == MAGIC_AMENDMENT_1),
        notices=(*notices, *finish(data, offset, length, len(MAGIC))),
    )


def _read_view(
    data: bytes, offset: int, ppcm: int | None, number_in_record: int, *, only: bool, stated_end: int
) -> tuple[FingerTemplate, int, tuple[Notice, ...]]:
    start = take(data, offset, _VIEW.size, "the header of a view")
    (position, number, impression, score, vendor, algorithm, width, height, res_x, res_y, count) = _VIEW.unpack_from(
        data, offset
    )
    resolution = stated_or_given(res_x, res_y, ppcm, offset + _RESOLUTION_OFFSET)
    columns = read_minutiae(data, start, count, steps=STEPS, quality_codes=QUALITY_2011)
    rows = Rows(start + 6 * count, count, 6, width, height)
    extended, end, odd = read_extended(data, rows, free=only, stated_end=stated_end)
    blocks = (QualityBlock(score, vendor, algorithm),)
    view = FingerTemplate(
        columns.x_px,
        columns.y_px,
        columns.angle,
        columns.kind,
        columns.quality,
        width_px=width,
        height_px=height,
        resolution_x_ppcm=resolution.ppcm[0],
        resolution_y_ppcm=resolution.ppcm[1],
        position=position,
        impression=impression,
        view=number,
        capture_quality=reported_quality(blocks),
        extended=extended,
        details=CaptureDetails(quality_blocks=blocks, raw_quality=columns.raw_quality),
    )
    return view, end, (*resolution.notices, *reserved_types(columns.reserved, number_in_record), *odd)


def write(record: TemplateRecord) -> bytes:
    """The bytes of `record`; ParameterError for what does not fit."""
    body = bytearray()
    for view in record.views:
        minutiae = write_minutiae(view, steps=STEPS, quality_codes=QUALITY_2011)
        blocks = quality_blocks(view)
        block = blocks[0] if blocks else QualityBlock(UNREPORTED_2011)
        body += _VIEW.pack(
            require("finger position", view.position, 255),
            require("view number", view.view, 255),
            require("impression type", view.impression, 255),
            require("capture quality", block.score, 255),
            require("quality vendor", block.vendor, 0xFFFF),
            require("quality algorithm", block.algorithm, 0xFFFF),
            require("width", view.width_px, 0xFFFF),
            require("height", view.height_px, 0xFFFF),
            require("resolution in x", view.resolution_x_ppcm, 0xFFFF, 1),
            require("resolution in y", view.resolution_y_ppcm, 0xFFFF, 1),
            view.count,
        )
        body += minutiae + write_extended(view)
    header = _HEADER.pack(
        MAGIC_AMENDMENT_1 if record.amendment else MAGIC,
        _HEADER.size + len(body),
        require("product identifier", record.product_id, 0xFFFFFFFF),
        require("compliance", record.compliance, 255),
        require("device identifier", record.device_id, 0xFFFF),
        require("number of views", len(record.views), 255),
        require("reserved byte", record.reserved, 255),
    )
    return header + bytes(body)


def reported_quality(blocks: tuple[QualityBlock, ...]) -> int:
    """`FingerTemplate.capture_quality` of a view with these quality blocks: the first score, 0 where none is given."""
    return blocks[0].score if blocks and blocks[0].score <= 100 else 0


def quality_blocks(view: FingerTemplate) -> tuple[QualityBlock, ...]:
    """The view's quality blocks where they still agree with its capture quality, else one made of that."""
    blocks = view.details.quality_blocks
    if reported_quality(blocks) == view.capture_quality:
        return blocks
    return (QualityBlock(view.capture_quality),)
