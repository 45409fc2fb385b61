"""NIST .xyt text as mindtct writes it and bozorth3 reads it (NBIS 5.0).

One minutia a line: x, y, theta and, in mindtct's files, quality, whole numbers parted by blanks. This is the NIST
internal form, mindtct's default: the origin at the bottom left (y = height - row), theta in degrees from the positive x
axis counter-clockwise, pointing the opposite way of ANSI/INCITS 378 and ISO/IEC 19794-2 (theta = direction + 180). The
file `mindtct -m1` writes has its origin at the top left and angles in units of two degrees; it is not this form.
Resolution and height are not in the file, so the caller states them. Type is not there: every minutia is "other".
"""

from __future__ import annotations

import re

import numpy as np

from cccd_core.errors import FormatError, ParameterError
from cccd_core.templates.angles import from_steps, to_steps
from cccd_core.templates.model import CaptureDetails, FingerTemplate, TemplateRecord
from cccd_core.templates.packed import MAX_COORDINATE, require, require_place

FORMAT = "xyt"
MAX_MINUTIAE = 1000  # of a file, as in NBIS (MAX_FILE_MINUTIAE)
MAX_LINES = 2 * MAX_MINUTIAE  # room for empty ones
MAX_BYTES = 64 * 1024
STEPS = 360

_LINE = re.compile(rb"[ \t]*(\d{1,5})[ \t]+(\d{1,5})[ \t]+(-?\d{1,3})(?:[ \t]+(\d{1,3}))?[ \t]*")


def read(data: bytes, *, ppcm: int, height_px: int, width_px: int = 0) -> TemplateRecord:
    """The minutiae in `data`, of an image of `height_px` rows at `ppcm` pixels per centimetre.

    FormatError, with the offset and the line, for anything that is not such a file.
    """
    require("height", height_px, MAX_COORDINATE, 1)
    if len(data) > MAX_BYTES:
        raise FormatError("the text is too long for minutiae", offset=MAX_BYTES, bytes=len(data), most=MAX_BYTES)
    if data.count(b"\n") > MAX_LINES:
        raise FormatError("the text has too many lines for minutiae", offset=0, most=MAX_LINES)
    rows: list[tuple[int, int, int, int]] = []
    columns = set()
    offset = 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        text = line.removesuffix(b"\r")
        if text.strip(b" \t"):
            rows.append(_minutia(text, height_px, offset, number))
            columns.add(len(text.split()))
        if len(rows) > MAX_MINUTIAE:
            raise FormatError("there are too many minutiae", offset=offset, most=MAX_MINUTIAE)
        offset += len(line) + 1
    if len(columns) > 1:
        raise FormatError("some lines have a quality and some have none", offset=0)
    table = np.array(rows, dtype=np.uint16).reshape(len(rows), 4)
    view = FingerTemplate(
        table[:, 0].copy(),
        table[:, 1].copy(),
        from_steps(table[:, 2], STEPS),
        np.zeros(len(rows), np.uint8),
        table[:, 3].astype(np.uint8),
        width_px=width_px,
        height_px=height_px,
        resolution_x_ppcm=ppcm,
        resolution_y_ppcm=ppcm,
        details=CaptureDetails(with_quality=columns != {3}),
    )
    return TemplateRecord(FORMAT, (view,))


def _minutia(text: bytes, height_px: int, offset: int, number: int) -> tuple[int, int, int, int]:
    match = _LINE.fullmatch(text)
    if match is None:
        raise FormatError("a line is not x, y, theta and quality", offset=offset, line=number)
    x, y, theta, quality = (int(group or 0) for group in match.groups())
    if x > MAX_COORDINATE or y > height_px:
        raise FormatError("a minutia lies outside the image", offset=offset, line=number, height_px=height_px)
    if not -360 < theta < 360:
        raise FormatError("an angle is not within a turn", offset=offset, line=number)
    if quality > 100:
        raise FormatError("a quality is above 100", offset=offset, line=number)
    return x, height_px - y, (theta + 180) % 360, quality


def write(record: TemplateRecord) -> bytes:
    """The text of the record's one view; ParameterError where its image height is unknown or too small."""
    require("number of views", len(record.views), 1)
    view = record.view
    require("number of minutiae", view.count, MAX_MINUTIAE)
    if not view.height_px:
        raise ParameterError(".xyt counts rows from the bottom: state the image's height", needs="height_px")
    if view.count:
        if int(view.y_px.max()) > view.height_px:
            raise ParameterError(
                "a minutia lies below the image's last row at the resolution written",
                row=int(view.y_px.max()),
                height_px=view.height_px,
            )
        require_place(int(view.x_px.max()), MAX_COORDINATE)
    theta = (to_steps(view.angle, STEPS) + np.uint16(180)) % np.uint16(360)
    columns = [view.x_px.tolist(), (view.height_px - view.y_px.astype(np.int64)).tolist(), theta.tolist()]
    if view.details.with_quality is not False or view.quality.any():
        columns.append(view.quality.tolist())
    return "".join(" ".join(map(str, row)) + "\n" for row in zip(*columns, strict=True)).encode("ascii")
