"""ANSI/INCITS 378-2009 finger minutiae record ("FMR", version "030"; "035" for its amendment 1), clause 6.

Header of 21 bytes: identifier, version, total length (4), CBEFF product identifier (4), compliance (1), device (2),
number of views, reserved byte. Each view: position, view number, impression type, quality, the quality algorithm's
vendor (2) and identifier (2), width, height, resolution in x and y, number of minutiae; 6 bytes a minutia, the angle in
units of two degrees; extended data with two bytes of length. Quality 254 is "not reported", 255 "failed".
"""

from __future__ import annotations

import struct

from cccd_core.errors import FormatError
from cccd_core.templates.model import CaptureDetails, FingerTemplate, QualityBlock, TemplateRecord
from cccd_core.templates.packed import (
    QUALITY_2011,
    UNREPORTED_2011,
    finish,
    read_extended,
    read_minutiae,
    require,
    take,
    write_extended,
    write_minutiae,
)

FORMAT = "ansi-2009"
MAGIC = b"FMR\x00030\x00"
MAGIC_AMENDMENT_1 = b"FMR\x00035\x00"
STEPS = 180

_HEADER = struct.Struct(">8sIIBHBB")
_VIEW = struct.Struct(">BBBBHHHHHHB")
_RESOLUTION_OFFSET = 12  # within a view


def read(data: bytes) -> TemplateRecord:
    """The record in `data`. FormatError, with the offset, for anything the edition does not allow."""
    offset = take(data, 0, _HEADER.size, "its header")
    magic, length, product_id, compliance, device_id, view_count, reserved = _HEADER.unpack_from(data)
    if magic not in (MAGIC, MAGIC_AMENDMENT_1):
        raise FormatError("not an ANSI/INCITS 378-2009 record", offset=0)
    if length != len(data):
        raise FormatError("the stated length is not the record's length", offset=8, stated=length, actual=len(data))
    if not view_count:
        raise FormatError("the record has no finger view", offset=_HEADER.size - 2)
    views = []
    for _ in range(view_count):
        view, offset = _read_view(data, offset)
        views.append(view)
    finish(data, offset)
    return TemplateRecord(
        FORMAT,
        tuple(views),
        product_id=product_id,
        compliance=compliance,
        device_id=device_id,
        reserved=reserved,
        amendment=int(magic == MAGIC_AMENDMENT_1),
    )


def _read_view(data: bytes, offset: int) -> tuple[FingerTemplate, int]:
    start = take(data, offset, _VIEW.size, "the header of a view")
    (position, number, impression, score, vendor, algorithm, width, height, res_x, res_y, count) = _VIEW.unpack_from(
        data, offset
    )
    if not res_x or not res_y:
        raise FormatError("the resolution is zero", offset=offset + _RESOLUTION_OFFSET + (0 if not res_x else 2))
    columns = read_minutiae(data, start, count, steps=STEPS, quality_codes=QUALITY_2011)
    extended, end = read_extended(data, start + 6 * count)
    blocks = (QualityBlock(score, vendor, algorithm),)
    view = FingerTemplate(
        columns.x_px,
        columns.y_px,
        columns.angle,
        columns.kind,
        columns.quality,
        width_px=width,
        height_px=height,
        resolution_x_ppcm=res_x,
        resolution_y_ppcm=res_y,
        position=position,
        impression=impression,
        view=number,
        capture_quality=reported_quality(blocks),
        extended=extended,
        details=CaptureDetails(quality_blocks=blocks, raw_quality=columns.raw_quality),
    )
    return view, end


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
