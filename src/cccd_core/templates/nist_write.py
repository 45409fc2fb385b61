"""ANSI/NIST-ITL files written: a record of Type 1, and one of Type 9 a view, in the form that the format names.

Sources as in `nist_itl` and `nist_type9`, which read what is written here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cccd_core.templates.angles import to_steps
from cccd_core.templates.ansi378_2009 import quality_blocks
from cccd_core.templates.model import FingerTemplate, QualityBlock, TemplateRecord
from cccd_core.templates.nist_itl import FS, GS, MINUTIAE, RS, US
from cccd_core.templates.nist_type9 import (
    APPENDIX_F,
    BEST,
    EFS,
    INCITS_378,
    LEGACY,
    MAX_MINUTIAE,
    MAX_ROI,
    MAX_VIEWS,
    MOST,
    PPCM,
    STEPS,
    WORST,
)
from cccd_core.templates.packed import UNREPORTED_2011, require, require_place

_Fields = list[tuple[int, bytes]]

_LEGACY_QUALITY = [
    b"01",
    *(b"%02d" % (WORST - round((quality - 1) * (WORST - BEST) / 99)) for quality in range(1, 101)),
]
_LEGACY_TYPES = (b"D", b"A", b"B")
_EFS_TYPES = (b"X", b"E", b"B")


def write(record: TemplateRecord) -> bytes:
    """A file of one record of Type 9 for each view, of the form that is the record's format; ParameterError for what
    does not fit."""
    require("number of views", len(record.views), MAX_VIEWS)
    fields_of = {LEGACY: _write_legacy, INCITS_378: _write_378, EFS: _write_efs}[record.format]
    records: list[tuple[int, _Fields]] = []
    for number, view in enumerate(record.views):
        require("number of minutiae", view.count, MAX_MINUTIAE)
        if view.count:
            require_place(int(max(view.x_px.max(), view.y_px.max())), MOST[record.format])
        head: _Fields = [
            (2, b"%02d" % number),
            (3, b"%d" % require("impression type", view.impression, 99)),
            (4, b"S" if record.format == LEGACY else b"U"),
        ]
        records.append((MINUTIAE, [*head, *fields_of(record, view)]))
    return _file("0400" if record.format == LEGACY else "0501", records)


def _write_legacy(_: TemplateRecord, view: FingerTemplate) -> _Fields:
    _demand_hundredths(view)
    height = max(view.height_px, int(view.y_px.max(initial=0)) + 1)
    up = height - 1 - view.y_px.astype(np.int64)
    require_place(int(up.max(initial=0)), MOST[LEGACY], "a minutia's height above the image's last row")
    angles = (to_steps(view.angle, STEPS[LEGACY]) + np.uint16(180)) % np.uint16(360)
    columns = (view.x_px.tolist(), up.tolist(), angles.tolist(), view.quality.tolist(), view.kind.tolist())
    entries = [
        US.join((b"%03d" % number, b"%04d%04d%03d" % (x, y, theta), _LEGACY_QUALITY[quality], _LEGACY_TYPES[kind]))
        for number, (x, y, theta, quality, kind) in enumerate(zip(*columns, strict=True), start=1)
    ]
    fields = [
        (5, US.join((b"UNKNOWN", b"A"))),
        (6, b"%02d" % require("finger position", view.position, 99)),
        (7, US.join((b"T", b"UN"))),
        (10, b"%d" % view.count),
        (11, b"0"),
    ]
    return [*fields, *_entries(12, entries)]


def _write_378(record: TemplateRecord, view: FingerTemplate) -> _Fields:
    blocks = quality_blocks(view)
    block = blocks[0] if blocks else QualityBlock(UNREPORTED_2011)
    score = require("capture quality", block.score, 255)
    product = require("product identifier", record.product_id, 0xFFFFFFFF)
    device = require("device identifier", record.device_id, 0xFFFF)
    columns = (view.x_px, view.y_px, to_steps(view.angle, STEPS[INCITS_378]), view.kind, view.quality)
    entries = [
        US.join(b"%d" % value for value in (number, *row))
        for number, row in enumerate(zip(*(column.tolist() for column in columns), strict=True), start=1)
    ]
    fields = [
        (126, US.join((b"27", b"513", b"%d" % product))),
        (127, US.join((b"APPF" if record.compliance & APPENDIX_F else b"NONE", b"%d" % device))),
        (128, b"%d" % require("width", view.width_px, 0xFFFF)),
        (129, b"%d" % require("height", view.height_px, 0xFFFF)),
        (130, b"2"),
        (131, b"%d" % require("resolution in x", view.resolution_x_ppcm, 0xFFFF, 1)),
        (132, b"%d" % require("resolution in y", view.resolution_y_ppcm, 0xFFFF, 1)),
        (133, b"%d" % require("view number", view.view, 15)),
        (134, b"%d" % require("finger position", view.position, 99)),
        (135, US.join((b"%d" % score, b"%04X" % block.vendor, b"%d" % block.algorithm))),
        (136, b"%d" % view.count),
    ]
    return [*fields, *_entries(137, entries)]


def _write_efs(_: TemplateRecord, view: FingerTemplate) -> _Fields:
    _demand_hundredths(view)
    size = [
        require(what, stated or int(column.max(initial=0)) + 1, MAX_ROI)
        for what, stated, column in (("width", view.width_px, view.x_px), ("height", view.height_px, view.y_px))
    ]
    columns = (view.x_px, view.y_px, to_steps(view.angle, STEPS[EFS]))
    entries = [
        US.join((*(b"%d" % value for value in row), _EFS_TYPES[kind]))
        for *row, kind in zip(*(column.tolist() for column in columns), view.kind.tolist(), strict=True)
    ]
    fields = [
        (300, US.join(b"%d" % value for value in size)),
        (302, b"%d" % require("finger position", view.position, 99)),
    ]
    return [*fields, *(_entries(331, entries) or [(334, b"Y")])]


def _demand_hundredths(view: FingerTemplate) -> None:
    require("resolution in x", view.resolution_x_ppcm, PPCM, PPCM)
    require("resolution in y", view.resolution_y_ppcm, PPCM, PPCM)


def _entries(number: int, entries: Sequence[bytes]) -> _Fields:
    return [(number, RS.join(entries))] if entries else []


def _file(version: str, records: Sequence[tuple[int, _Fields]]) -> bytes:
    """A file of tagged records, each its type and its fields from 2 on, in order; Type 1, the lengths and the list of
    contents are made here.

    The texts of Type 1 that the standard demands and a template does not say are those of nobody: the agency that sends
    the file puts its own in their place.
    """
    contents = RS.join(
        (US.join((b"1", b"%d" % len(records))), *(US.join((b"%d" % kind, fields[0][1])) for kind, fields in records))
    )
    first = (
        (2, version.encode("ascii")),
        (3, contents),
        (4, b"MINUTIAE"),
        (5, b"19700101"),
        (7, b"UNKNOWN"),
        (8, b"UNKNOWN"),
        (9, b"0"),
        (11, b"00.00"),
        (12, b"00.00"),
    )
    return b"".join(_record(kind, fields) for kind, fields in ((1, first), *records))


def _record(kind: int, fields: Sequence[tuple[int, bytes]]) -> bytes:
    """A tagged record; its length counts its own digits."""
    body = GS.join(b"%d.%03d:%s" % (kind, number, value) for number, value in fields) + FS
    tag = b"%d.001:" % kind
    length = len(tag) + len(GS) + len(body)
    digits = next(count for count in range(1, 12) if len(str(length + count)) == count)
    return tag + b"%d" % (length + digits) + GS + body
