"""ISO/IEC 19794-2:2011 finger minutiae record ("FMR", version "030"), clause 8, in the frame of ISO/IEC 19794-1:2011.

Header of 15 bytes: identifier, version, total length (4), number of representations (2), certification flag. Each
representation: its length (4), capture date and time (9), device technology, vendor (2) and type (2), number of quality
blocks and 5 bytes each (score, vendor, algorithm), where the flag is set the number of certification blocks and 3 bytes
each (authority, scheme), position, view number, resolution in x and y, impression type, width, height, a byte with the
length of a minutia (5 or 6) and the ridge ending type, number of minutiae, the minutiae with angles in 1/256 of a turn,
extended data with two bytes of length.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from cccd_core.errors import FormatError
from cccd_core.templates.ansi378_2009 import quality_blocks, reported_quality
from cccd_core.templates.model import CaptureDetails, CertificationBlock, FingerTemplate, QualityBlock, TemplateRecord
from cccd_core.templates.notices import Notice, Remark
from cccd_core.templates.packed import (
    QUALITY_2011,
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

FORMAT = "iso-2011"
MAGIC = b"FMR\x00030\x00"
MAX_VIEWS = 176  # sixteen views of each of eleven positions
STEPS = 256

HEADER = struct.Struct(">8sIHB")
_CAPTURE = struct.Struct(">I9sBHHB")
_QUALITY = struct.Struct(">BHH")
_CERTIFICATION = struct.Struct(">HB")
_VIEW = struct.Struct(">BBHHBHHBB")
MIN_VIEW_BYTES = _CAPTURE.size + _VIEW.size + 2


def read(data: bytes, *, ppcm: int | None = None) -> TemplateRecord:
    """The record in `data`, at `ppcm` pixels per centimetre where that is given. FormatError, with the offset, where a
    minutia is in doubt; what else the edition does not allow is among the record's notices."""
    take(data, 0, HEADER.size, "its header")
    magic, _, view_count, flag = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise FormatError("not an ISO/IEC 19794-2:2011 record", offset=0)
    if not 1 <= view_count <= MAX_VIEWS:
        raise FormatError("the number of views is out of its range", offset=12, value=view_count, most=MAX_VIEWS)
    if flag <= 1:
        return _read(data, ppcm, certified=bool(flag))
    # Another flag says nothing: each view's own length tells whether it has certification blocks.
    found: list[TemplateRecord] = []
    problem: FormatError | None = None
    for certified in (False, True):
        try:
            found.append(_read(data, ppcm, certified=certified))
        except FormatError as error:
            problem = problem or error
    if not found and problem is not None:
        raise problem
    record = min(found, key=lambda each: len(each.notices))
    return replace(record, notices=(Notice(Remark.CERTIFICATION_FLAG, {"value": flag}), *record.notices))


def _read(data: bytes, ppcm: int | None, *, certified: bool) -> TemplateRecord:
    _, length, view_count, _ = HEADER.unpack_from(data)
    offset = HEADER.size
    views = []
    notices: list[Notice] = []
    for number in range(1, view_count + 1):
        view, offset, odd = _read_view(data, offset, ppcm, number, certified=certified, last=number == view_count)
        views.append(view)
        notices += odd
    return TemplateRecord(
        FORMAT, tuple(views), certified=certified, notices=(*notices, *finish(data, offset, length, len(MAGIC)))
    )


def _read_view(
    data: bytes, start: int, ppcm: int | None, number_in_record: int, *, certified: bool, last: bool
) -> tuple[FingerTemplate, int, tuple[Notice, ...]]:
    offset = take(data, start, _CAPTURE.size, "the header of a view")
    length, captured_at, technology, device_vendor, device_type, block_count = _CAPTURE.unpack_from(data, start)
    left = len(data) - start
    if length < MIN_VIEW_BYTES or (length > left and not last):
        raise FormatError("the length of a view is out of its range", offset=start, stated=length)
    end = take(data, offset, block_count * _QUALITY.size, "the quality blocks")
    blocks = tuple(QualityBlock(*block) for block in _QUALITY.iter_unpack(data[offset:end]))
    certifications: tuple[CertificationBlock, ...] = ()
    if certified:
        offset = take(data, end, 1, "the number of certification blocks")
        certification_count = data[end]
        end = take(data, offset, certification_count * _CERTIFICATION.size, "the certification blocks")
        certifications = tuple(CertificationBlock(*block) for block in _CERTIFICATION.iter_unpack(data[offset:end]))
    offset = take(data, end, _VIEW.size, "the header of a view")
    position, number, res_x, res_y, impression, width, height, form, count = _VIEW.unpack_from(data, end)
    resolution = stated_or_given(res_x, res_y, ppcm, end + 2)
    size = form >> 4
    if size not in (5, 6):
        raise FormatError("a minutia has neither 5 nor 6 bytes", offset=offset - 2, value=size)
    columns = read_minutiae(data, offset, count, steps=STEPS, size=size, quality_codes=QUALITY_2011)
    # The view's own length says where its extended data end; the last view's may be off where they end with the file.
    stop = start + min(length, left)
    if last and offset + size * count + 2 + int.from_bytes(data[offset + size * count :][:2], "big") == len(data):
        stop = len(data)
    rows = Rows(offset + size * count, count, size, width, height)
    extended, end, odd = read_extended(data, rows, free=True, stop=stop)
    if end != start + length:
        if not last:
            raise FormatError(
                "the length of a view is not what it holds", offset=start, stated=length, actual=end - start
            )
        odd = (*odd, Notice(Remark.LENGTH_OFF, {"view": number_in_record, "stated": length, "actual": end - start}))
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
        details=CaptureDetails(
            captured_at=captured_at,
            device_technology=technology,
            device_vendor=device_vendor,
            device_type=device_type,
            quality_blocks=blocks,
            certification_blocks=certifications,
            ending_type=form & 0xF,
            with_quality=size == 6,
            raw_quality=columns.raw_quality,
        ),
    )
    return view, end, (*resolution.notices, *reserved_types(columns.reserved, number_in_record), *odd)


def write(record: TemplateRecord) -> bytes:
    """The bytes of `record`; ParameterError for what does not fit."""
    require("number of views", len(record.views), MAX_VIEWS)
    body = b"".join(_write_view(view, certified=record.certified) for view in record.views)
    return HEADER.pack(MAGIC, HEADER.size + len(body), len(record.views), int(record.certified)) + body


def _write_view(view: FingerTemplate, *, certified: bool) -> bytes:
    details = view.details
    size = 6 if details.with_quality or view.quality.any() else 5
    minutiae = write_minutiae(view, steps=STEPS, size=size, quality_codes=QUALITY_2011)
    blocks = quality_blocks(view)
    parts = [
        _QUALITY.pack(
            require("quality score", block.score, 255),
            require("quality vendor", block.vendor, 0xFFFF),
            require("quality algorithm", block.algorithm, 0xFFFF),
        )
        for block in blocks
    ]
    if certified:
        parts.append(bytes((require("number of certification blocks", len(details.certification_blocks), 255),)))
        parts += [
            _CERTIFICATION.pack(
                require("certification authority", block.authority, 0xFFFF),
                require("certification scheme", block.scheme, 255),
            )
            for block in details.certification_blocks
        ]
    parts.append(
        _VIEW.pack(
            require("finger position", view.position, 255),
            require("view number", view.view, 255),
            require("resolution in x", view.resolution_x_ppcm, 0xFFFF, 1),
            require("resolution in y", view.resolution_y_ppcm, 0xFFFF, 1),
            require("impression type", view.impression, 255),
            require("width", view.width_px, 0xFFFF),
            require("height", view.height_px, 0xFFFF),
            size << 4 | require("ridge ending type", details.ending_type, 15),
            view.count,
        )
    )
    parts += [minutiae, write_extended(view)]
    require("length of the capture time", len(details.captured_at), 9, 9)
    capture = _CAPTURE.pack(
        _CAPTURE.size + sum(map(len, parts)),
        details.captured_at,
        require("device technology", details.device_technology, 255),
        require("device vendor", details.device_vendor, 0xFFFF),
        require("device type", details.device_type, 0xFFFF),
        require("number of quality blocks", len(blocks), 255),
    )
    return capture + b"".join(parts)
