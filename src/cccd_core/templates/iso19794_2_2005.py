"""ISO/IEC 19794-2:2005 finger minutiae record ("FMR", version " 20"), clause 7. Imports numpy, errors and the model."""

from __future__ import annotations

import struct

import numpy as np

from cccd_core.errors import FormatError, ParameterError
from cccd_core.templates.model import FingerTemplate, TemplateRecord

FORMAT = "iso-2005"
MAGIC = b"FMR\x00 20\x00"
HEADER_BYTES = 24
VIEW_HEADER_BYTES = 4
MINUTIA_BYTES = 6

_HEADER = struct.Struct(">8sIHHHHHBB")
_MINUTIA = np.dtype([("x", ">u2"), ("y", ">u2"), ("angle", "u1"), ("quality", "u1")])


def read(data: bytes) -> TemplateRecord:
    """The record in `data`. FormatError, with the offset, for anything the edition does not allow."""
    if len(data) < HEADER_BYTES:
        raise FormatError("the record is shorter than its header", offset=len(data), needs=HEADER_BYTES)
    magic, length, device, width, height, res_x, res_y, view_count, reserved = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise FormatError("not an ISO/IEC 19794-2:2005 record", offset=0)
    if length != len(data):
        raise FormatError("the record's length is not the length given", offset=8, stated=length, actual=len(data))
    if not res_x or not res_y:
        raise FormatError("the resolution is zero", offset=18 if not res_x else 20)
    offset = HEADER_BYTES
    views = []
    for _ in range(view_count):
        if len(data) < offset + VIEW_HEADER_BYTES:
            raise FormatError("the record ends within a view header", offset=offset)
        position, numbers, capture_quality, count = data[offset : offset + VIEW_HEADER_BYTES]
        offset += VIEW_HEADER_BYTES
        end = offset + count * MINUTIA_BYTES
        if len(data) < end + 2:
            raise FormatError("the record ends within the minutiae", offset=offset, minutiae=count)
        rows = np.frombuffer(data, _MINUTIA, count, offset)
        extended_end = end + 2 + int.from_bytes(data[end : end + 2], "big")
        if len(data) < extended_end:
            raise FormatError("the record ends within the extended data", offset=end)
        x = rows["x"].astype(np.uint16)
        quality = rows["quality"]
        views.append(
            FingerTemplate(
                x & np.uint16(0x3FFF),
                rows["y"].astype(np.uint16) & np.uint16(0x3FFF),
                rows["angle"].astype(np.uint16) << np.uint16(8),
                (x >> 14).astype(np.uint8) % np.uint8(3),
                np.where(quality > 100, 0, quality),
                width_px=width,
                height_px=height,
                resolution_x_ppcm=res_x,
                resolution_y_ppcm=res_y,
                position=position,
                impression=numbers & 15,
                view=numbers >> 4,
                capture_quality=capture_quality,
                extended=bytes(data[end + 2 : extended_end]),
            )
        )
        offset = extended_end
    if offset != len(data):
        raise FormatError("bytes follow the last view", offset=offset)
    return TemplateRecord(FORMAT, tuple(views), compliance=device >> 12, device_id=device & 0xFFF, reserved=reserved)


def write(record: TemplateRecord) -> bytes:
    """The bytes of `record`; ParameterError for what the edition cannot hold."""
    if len(record.views) > 255:
        raise ParameterError("too many finger views", views=len(record.views), most=255)
    body = bytearray()
    for view in record.views:
        if view.count > 255:
            raise ParameterError("too many minutiae", minutiae=view.count, most=255)
        rows = np.empty(view.count, _MINUTIA)
        rows["x"] = view.x_px | (view.kind.astype(np.uint16) << 14)
        rows["y"] = view.y_px
        rows["angle"] = (view.angle.astype(np.uint32) + 128) >> 8 & 255
        rows["quality"] = view.quality
        body += bytes((view.position, view.view << 4 | view.impression, view.capture_quality, view.count))
        body += rows.tobytes() + len(view.extended).to_bytes(2, "big") + view.extended
    first = record.view
    return _HEADER.pack(
        MAGIC,
        HEADER_BYTES + len(body),
        record.compliance << 12 | record.device_id,
        first.width_px,
        first.height_px,
        first.resolution_x_ppcm,
        first.resolution_y_ppcm,
        len(record.views),
        record.reserved,
    ) + bytes(body)
