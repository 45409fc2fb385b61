"""ISO/IEC 19794-2:2005 card formats, clause 8: the bare minutiae, as they stand in a card's biometric data template.

Normal size, 5 bytes a minutia: two bits type and 14 bits x, two bits reserved and 14 bits y, in 0.01 mm, the angle in
1/256 of a turn. Compact size, 3 bytes: x and y in 0.1 mm, two bits type and six bits angle in 1/64 of a turn. There is
no header, no quality, no image size and no finger position, and so nothing to detect the format by.
"""

from __future__ import annotations

import numpy as np

from cccd_core.errors import FormatError
from cccd_core.templates.angles import from_steps, to_steps
from cccd_core.templates.model import FingerTemplate, TemplateRecord
from cccd_core.templates.packed import (
    MAX_MINUTIAE,
    read_minutiae,
    require,
    require_place,
    reserved_types,
    write_minutiae,
)

NORMAL = "iso-2005-card"
COMPACT = "iso-2005-compact"
MINUTIA_BYTES = {NORMAL: 5, COMPACT: 3}
RESOLUTION_PPCM = {NORMAL: 1000, COMPACT: 100}  # units of 0.01 mm and of 0.1 mm
NORMAL_STEPS = 256
COMPACT_STEPS = 64
RESERVED_COMPACT = 0xC0  # a last byte from here on is of the reserved type


def read(data: bytes, format: str) -> TemplateRecord:  # noqa: A002 - the door's word
    """The minutiae in `data`, in the card format named. FormatError for a length that is no number of minutiae."""
    size = MINUTIA_BYTES[format]
    count, left = divmod(len(data), size)
    if left:
        raise FormatError("the length is no whole number of minutiae", offset=len(data) - left, minutia_bytes=size)
    if count > MAX_MINUTIAE:
        raise FormatError("there are too many minutiae", offset=0, minutiae=count, most=MAX_MINUTIAE)
    ppcm = RESOLUTION_PPCM[format]
    if format == NORMAL:
        columns = read_minutiae(data, 0, count, steps=NORMAL_STEPS, size=size)
        reserved = columns.reserved
        view = FingerTemplate(
            *columns[:5],
            resolution_x_ppcm=ppcm,
            resolution_y_ppcm=ppcm,
        )
    else:
        rows = np.frombuffer(data, np.uint8).reshape(count, size)
        last = rows[:, 2]
        reserved = int(np.count_nonzero(last >= RESERVED_COMPACT))
        view = FingerTemplate(
            rows[:, 0].astype(np.uint16),
            rows[:, 1].astype(np.uint16),
            from_steps(last & np.uint8(0x3F), COMPACT_STEPS),
            (last >> np.uint8(6)) % np.uint8(3),
            np.zeros(count, np.uint8),
            resolution_x_ppcm=ppcm,
            resolution_y_ppcm=ppcm,
        )
    return TemplateRecord(format, (view,), notices=reserved_types(reserved, 1))


def write(record: TemplateRecord) -> bytes:
    """The bytes of the record's one view, whose resolution is the format's; ParameterError for what does not fit."""
    require("number of views", len(record.views), 1)
    view = record.view
    ppcm = RESOLUTION_PPCM[record.format]
    require("resolution in x", view.resolution_x_ppcm, ppcm, ppcm)
    require("resolution in y", view.resolution_y_ppcm, ppcm, ppcm)
    if record.format == NORMAL:
        return write_minutiae(view, steps=NORMAL_STEPS, size=MINUTIA_BYTES[NORMAL])
    require("number of minutiae", view.count, MAX_MINUTIAE)
    if view.count:
        require_place(int(max(view.x_px.max(), view.y_px.max())), 255, "a minutia's coordinate, in 0.1 mm,")
    rows = np.empty((view.count, MINUTIA_BYTES[COMPACT]), np.uint8)
    rows[:, 0] = view.x_px
    rows[:, 1] = view.y_px
    rows[:, 2] = (view.kind.astype(np.uint16) << np.uint16(6)) | to_steps(view.angle, COMPACT_STEPS)
    return rows.tobytes()
