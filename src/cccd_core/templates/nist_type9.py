"""Minutiae in records of Type 9 of ANSI/NIST-ITL files, in the three forms that the standard defines. Every record is a
view.

* `nist-itl-legacy`, fields 9.005 to 9.012 (1-2000, 1-2007): XXXXYYYYTTT in 0.01 mm and degrees, the origin at the
  bottom left and theta opposite to the direction of ANSI/INCITS 378, as in .xyt; type A (ending), B (bifurcation),
  C (compound) or D (not known); quality 2 (best) to 63 (worst), 0 marked by a person, 1 not known.
* `nist-itl-378`, fields 9.126 to 9.137 (1-2007 on): the values of ANSI/INCITS 378, from the top left in pixels, in
  units of two degrees.
* `nist-itl-efs`, fields 9.300 to 9.331 (the extended feature set, 1-2011 on): 0.01 mm from the top left of the region
  of interest, degrees, the direction as in ANSI/INCITS 378 (NIST SP 1151); type E, B or not known.

The legacy form says no image size: where a print image of the file has the record's IDC, its height tells where the
rows begin; else the caller's does; else they are counted from the highest minutia. Cores, deltas and ridge counts are
not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cccd_core.errors import Fact, FormatError
from cccd_core.templates.angles import from_steps, to_steps
from cccd_core.templates.ansi378_2009 import quality_blocks, reported_quality
from cccd_core.templates.model import (
    KIND_BIFURCATION,
    KIND_ENDING,
    NO_DETAILS,
    CaptureDetails,
    FingerTemplate,
    QualityBlock,
    TemplateRecord,
)
from cccd_core.templates.nist_itl import RS, US, Field, File, Image, Record, is_file
from cccd_core.templates.nist_itl import read as read_file
from cccd_core.templates.nist_itl import write as write_file
from cccd_core.templates.notices import Notice, Remark
from cccd_core.templates.packed import UNREPORTED_2011, require, stated_or_given

LEGACY, INCITS_378, EFS = "nist-itl-legacy", "nist-itl-378", "nist-itl-efs"
STEPS = {LEGACY: 360, INCITS_378: 180, EFS: 360}
PPCM = 1000  # 0.01 mm, the unit of LEGACY and EFS
MAX_VIEWS = 100  # the IDCs of two digits
MAX_MINUTIAE = 999
QUALITY_LEVELS = 62  # of LEGACY, beside "not known"

_MOST = {LEGACY: 9_999, INCITS_378: 0xFFFF, EFS: 49_999}
_MAX_ROI = 50_000
_BLOCKS = (INCITS_378, EFS, LEGACY)  # from what says most
_XYT = re.compile(rb"(\d{4})(\d{4})(\d{3})")
_LETTERS = {b"A": KIND_ENDING, b"B": KIND_BIFURCATION, b"C": 0, b"D": 0}
_EFS_LETTERS = {b"E": KIND_ENDING, b"B": KIND_BIFURCATION}
_BEST, _WORST = 2, 63
_APPENDIX_F = 8  # of the compliance bits
_THUMBS = {11: 1, 12: 6}  # the codes of plain thumbs beside four fingers
_FEATURES = {LEGACY: (8, 9), INCITS_378: (138, 139, 140, 141), EFS: (320, 321, 333)}
_VENDORS = ((13, 30), (31, 55), (56, 70), (71, 99), (100, 125), (151, 175), (176, 225))

Row = tuple[int, int, int, int, int]  # x, y, angle in steps, kind, quality


def format_of(data: bytes) -> str:
    """Of the three forms the one that says most and in which every record with minutiae has them. FormatError, which
    says what the file holds, where it holds none."""
    return _chosen(read_file(data))


def _chosen(file: File) -> str:
    forms = [found for record in file.minutiae() if (found := _forms(record))]
    if not forms:
        raise FormatError(f"no template: an ANSI/NIST-ITL file with {_without_minutiae(file)}")
    for name in _BLOCKS:
        if all(name in found for found in forms):
            return name
    raise FormatError("the file holds minutiae of several forms: name one", needs="format", known=" ".join(_BLOCKS))


def _forms(record: Record) -> tuple[str, ...]:
    """The forms in which a record has minutiae, or says that there are none."""
    fields = record.fields
    present = {
        INCITS_378: 137 in fields or 136 in fields,
        EFS: 331 in fields or 334 in fields,
        LEGACY: 12 in fields or 10 in fields,
    }
    return tuple(name for name in _BLOCKS if present[name])


def _without_minutiae(file: File) -> str:
    records = file.minutiae()
    words = "no minutiae"
    if records:
        blocks = sorted({block for record in records for number in record.fields for block in _vendor_of(number)})
        where = ", ".join(f"9.{first:03d} to 9.{last:03d}" for first, last in blocks)
        words = (
            f"minutiae in a vendor's fields alone ({where})" if blocks else "records of Type 9 that hold no minutiae"
        )
    elif file.listed_minutiae:
        words = "no minutiae, though it lists them"
    images = file.images()
    return f"{images} and {words}" if images else words


def _vendor_of(number: int) -> tuple[tuple[int, int], ...]:
    return tuple(block for block in _VENDORS if block[0] <= number <= block[1])


def read(data: bytes, name: str, *, ppcm: int | None = None, sizes: Sequence[tuple[int, int]] = ()) -> TemplateRecord:
    """The records of Type 9 that have minutiae in the form `name`, each a view, at `ppcm` pixels per centimetre where
    that is given and the form counts in pixels. `sizes` are width and height (0: not known), in 0.01 mm, of the images
    that the views of a legacy file are of, the last for all that follow. FormatError, with the offset, where a minutia
    is in doubt or there is none of this form."""
    if not is_file(data):
        raise FormatError("not an ANSI/NIST-ITL file", offset=0)
    file = read_file(data)
    records = [record for record in file.minutiae() if name in _forms(record)]
    if not records:
        raise FormatError(f"no minutiae of this form: an ANSI/NIST-ITL file with {_held(file)}", offset=0, format=name)
    if len(records) > MAX_VIEWS:
        raise FormatError("there are too many records of minutiae", offset=records[MAX_VIEWS].offset, most=MAX_VIEWS)
    notices = list(file.notices)
    views = []
    product_id = compliance = device_id = 0
    for number, record in enumerate(records, start=1):
        image = file.image_of(record)
        if name == LEGACY:
            view = _read_legacy(record, image, sizes[min(number, len(sizes)) - 1] if sizes else (0, 0))
        elif name == EFS:
            view, odd = _read_efs(record, number)
            notices += odd
        else:
            view, odd = _read_378(record, ppcm)
            notices += odd
            if number == 1:
                product_id, compliance, device_id = _equipment(record)
        views.append(_placed(view, record, name, image))
    notices += _not_read(file, records, name)
    return TemplateRecord(
        name,
        tuple(views),
        product_id=product_id,
        compliance=compliance,
        device_id=device_id,
        notices=tuple(notices),
    )


def _held(file: File) -> str:
    forms = {name for record in file.minutiae() for name in _forms(record)}
    if not forms:
        return _without_minutiae(file)
    return f"minutiae as {' and '.join(name for name in _BLOCKS if name in forms)}"


def _not_read(file: File, records: Sequence[Record], name: str) -> list[Notice]:
    features = sorted({number for record in records for number in _FEATURES[name] if number in record.fields})
    facts: dict[str, Fact] = {
        "images": file.images(),
        "fields": " ".join(f"9.{number:03d}" for number in features),
        "records_of_other_forms": len(file.minutiae()) - len(records),
    }
    said = {word: value for word, value in facts.items() if value}
    return [Notice(Remark.NOT_READ, said)] if said else []


def _placed(view: FingerTemplate, record: Record, name: str, image: Image | None) -> FingerTemplate:
    """The view with its finger position and impression type. Where the record names no finger, or several that it may
    be, the image of the same IDC is asked."""
    field = record.fields.get({LEGACY: 6, INCITS_378: 134, EFS: 302}[name]) or record.fields.get(6)
    found = {each.first().number_or(0, 99) for each in field.subfields()} if field else set()
    position = found.pop() if len(found) == 1 else 0
    if not position and image is not None and len(image.positions) == 1:
        position = image.positions[0]
    impression = record.fields[3].number_or(0, 99) if 3 in record.fields else 0
    return replace(view, position=_THUMBS.get(position, position), impression=impression)


def _counted(record: Record, count: int, entries: int, what: str) -> tuple[Field, ...]:
    """The subfields of field `entries`; FormatError where field `count` says another number of them, or where there are
    too many."""
    field = record.fields.get(entries)
    offset = record.offset if field is None else field.offset
    found = 0 if field is None or not field.value else field.value.count(RS) + 1
    if found > MAX_MINUTIAE:
        raise FormatError("there are too many minutiae", offset=offset, minutiae=found, most=MAX_MINUTIAE)
    stated = record.fields.get(count)
    if stated is not None and stated.number("number of minutiae", MAX_MINUTIAE) != found:
        raise FormatError(f"the {what} are not as many as their record says", offset=stated.offset, found=found)
    return () if field is None or not found else tuple(field.subfields())


def _items(subfield: Field, least: int) -> list[Field]:
    items = list(subfield.items())
    if len(items) < least:
        raise FormatError("a minutia has too few items", offset=subfield.offset, items=len(items), least=least)
    return items


def _read_legacy(record: Record, image: Image | None, size: tuple[int, int]) -> FingerTemplate:
    rows: list[Row] = []
    for subfield in _counted(record, 10, 12, "minutiae of field 9.012"):
        items = _items(subfield, 2)
        place = _XYT.fullmatch(items[1].value.strip())
        if place is None or int(place[3]) >= 360:
            raise FormatError("a minutia is not XXXXYYYYTTT", offset=items[1].offset)
        quality = items[2].number("quality of a minutia", _WORST) if len(items) > 2 and items[2].value.strip() else 1
        letter = items[3].value.strip().upper() if len(items) > 3 else b"D"
        if letter not in _LETTERS:
            raise FormatError("a minutia's type is none of A, B, C and D", offset=items[3].offset)
        theta = (int(place[3]) + 180) % 360
        rows.append((int(place[1]), int(place[2]), theta, _LETTERS[letter], _from_legacy_quality(quality)))
    lowest = max((row[1] for row in rows), default=-1) + 1  # the lowest image that holds them
    width, height = size
    if height and lowest > height:
        raise FormatError("a minutia lies outside the image", offset=record.fields[12].offset, height=height)
    if not height and image is not None and min(image.per_mm) > 0:
        stated = round(100 * image.width_px / image.per_mm[0]), round(100 * image.height_px / image.per_mm[1])
        if lowest <= stated[1] and max(stated) <= 0xFFFF:
            width, height = stated
    height = height or lowest
    flipped = [(x, height - 1 - y, theta, kind, quality) for x, y, theta, kind, quality in rows]
    return _view(flipped, LEGACY, width_px=width, height_px=height)


def _from_legacy_quality(code: int) -> int:
    return 0 if code < _BEST else 100 - round((code - _BEST) * 99 / (_WORST - _BEST))


def _legacy_quality(quality: int) -> int:
    return 1 if not quality else _WORST - round((quality - 1) * (_WORST - _BEST) / 99)


def _read_378(record: Record, ppcm: int | None) -> tuple[FingerTemplate, tuple[Notice, ...]]:
    rows: list[Row] = []
    for subfield in _counted(record, 136, 137, "minutiae of field 9.137"):
        items = _items(subfield, 5)
        quality = items[5].number("quality of a minutia", 255) if len(items) > 5 and items[5].value.strip() else 0
        if 100 < quality < UNREPORTED_2011:
            raise FormatError("the quality of a minutia is out of its range", offset=items[5].offset, most=100)
        rows.append(
            (
                items[1].number("place of a minutia", _MOST[INCITS_378]),
                items[2].number("place of a minutia", _MOST[INCITS_378]),
                items[3].number("angle of a minutia", STEPS[INCITS_378] - 1),
                items[4].number("type of a minutia", KIND_BIFURCATION),
                quality if quality <= 100 else 0,
            )
        )
    fields = record.fields
    resolution = stated_or_given(_ppcm(fields, 131), _ppcm(fields, 132), ppcm, record.offset)
    block = _quality_block(fields.get(135))
    view = _view(
        rows,
        INCITS_378,
        width_px=fields[128].number_or(0) if 128 in fields else 0,
        height_px=fields[129].number_or(0) if 129 in fields else 0,
        resolution_x_ppcm=resolution.ppcm[0],
        resolution_y_ppcm=resolution.ppcm[1],
        view=fields[133].number_or(0, 15) if 133 in fields else 0,
        capture_quality=reported_quality((block,)),
        details=CaptureDetails(quality_blocks=(block,)),
    )
    return view, resolution.notices


def _ppcm(fields: Mapping[int, Field], number: int) -> int:
    """Pixels per centimetre of field `number`, whose unit is that of field 9.130; 0 where they say none."""
    scale = fields[130].number_or(0) if 130 in fields else 0
    value = fields[number].number_or(0) if number in fields else 0
    return {1: round(value / 2.54), 2: value}.get(scale, 0)


def _quality_block(field: Field | None) -> QualityBlock:
    items = list(next(field.subfields()).items())[:3] if field is not None else []
    score = items[0].number_or(UNREPORTED_2011, 255) if items else UNREPORTED_2011
    vendor = re.fullmatch(rb"[0-9A-Fa-f]{1,4}", items[1].value) if len(items) > 1 else None
    algorithm = items[2].number_or(0) if len(items) > 2 else 0
    return QualityBlock(score, int(vendor[0], 16), algorithm) if vendor else QualityBlock(score)


def _equipment(record: Record) -> tuple[int, int, int]:
    """CBEFF product identifier, compliance bits and device identifier of fields 9.126 and 9.127; 0 where not said."""
    product, device = ([*field.items()] if (field := record.fields.get(number)) else [] for number in (126, 127))
    return (
        product[2].number_or(0, 0xFFFFFFFF) if len(product) > 2 else 0,
        _APPENDIX_F if device and device[0].value.strip() == b"APPF" else 0,
        device[1].number_or(0) if len(device) > 1 else 0,
    )


def _read_efs(record: Record, number: int) -> tuple[FingerTemplate, tuple[Notice, ...]]:
    rows: list[Row] = []
    unknown = 0
    for subfield in _counted(record, -1, 331, "minutiae of field 9.331"):
        items = _items(subfield, 3)
        rows.append(
            (
                items[0].number("place of a minutia", 0xFFFF),
                items[1].number("place of a minutia", 0xFFFF),
                items[2].number("angle of a minutia", STEPS[EFS] - 1),
                _EFS_LETTERS.get(items[3].value.strip().upper(), 0) if len(items) > 3 else 0,
                0,
            )
        )
        unknown += len(items) > 5 and items[5].number_or(0) == 180
    region = [*record.fields[300].items()] if 300 in record.fields else []
    view = _view(
        rows,
        EFS,
        width_px=region[0].number_or(0) if region else 0,
        height_px=region[1].number_or(0) if len(region) > 1 else 0,
    )
    notice = Notice(Remark.DIRECTION_UNKNOWN, {"minutiae": unknown, "view": number})
    return view, (notice,) if unknown else ()


def _view(
    rows: Sequence[Row],
    name: str,
    *,
    width_px: int,
    height_px: int,
    resolution_x_ppcm: int = PPCM,
    resolution_y_ppcm: int = PPCM,
    view: int = 0,
    capture_quality: int = 0,
    details: CaptureDetails = NO_DETAILS,
) -> FingerTemplate:
    table = np.array(rows, dtype=np.uint16).reshape(len(rows), 5)
    return FingerTemplate(
        table[:, 0].copy(),
        table[:, 1].copy(),
        from_steps(table[:, 2], STEPS[name]),
        table[:, 3].astype(np.uint8),
        table[:, 4].astype(np.uint8),
        width_px=width_px,
        height_px=height_px,
        resolution_x_ppcm=resolution_x_ppcm,
        resolution_y_ppcm=resolution_y_ppcm,
        view=view,
        capture_quality=capture_quality,
        details=details,
    )


def write(record: TemplateRecord) -> bytes:
    """A file of one record of Type 9 for each view, of the form that is the record's format; ParameterError for what
    does not fit."""
    require("number of views", len(record.views), MAX_VIEWS)
    fields_of = {LEGACY: _write_legacy, INCITS_378: _write_378, EFS: _write_efs}[record.format]
    records = []
    for number, view in enumerate(record.views):
        require("number of minutiae", view.count, MAX_MINUTIAE)
        if view.count:
            require("minutia's coordinate", int(max(view.x_px.max(), view.y_px.max())), _MOST[record.format])
        head = [
            (2, b"%02d" % number),
            (3, b"%d" % require("impression type", view.impression, 99)),
            (4, b"S" if record.format == LEGACY else b"U"),
        ]
        records.append((9, [*head, *fields_of(record, view)]))
    return write_file("0400" if record.format == LEGACY else "0501", records)


_Fields = list[tuple[int, bytes]]


def _write_legacy(_: TemplateRecord, view: FingerTemplate) -> _Fields:
    _demand_hundredths(view)
    height = max(view.height_px, int(view.y_px.max(initial=0)) + 1)
    up = height - 1 - view.y_px.astype(np.int64)
    require("minutia's height above the image's last row", int(up.max(initial=0)), _MOST[LEGACY])
    theta = (to_steps(view.angle, STEPS[LEGACY]) + np.uint16(180)) % np.uint16(360)
    columns = (view.x_px.tolist(), up.tolist(), theta.tolist(), view.quality.tolist(), view.kind.tolist())
    entries = [
        US.join((b"%03d" % number, b"%04d%04d%03d" % (x, y, t), b"%02d" % _legacy_quality(quality), b"DAB"[k : k + 1]))
        for number, (x, y, t, quality, k) in enumerate(zip(*columns, strict=True), start=1)
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
        (127, US.join((b"APPF" if record.compliance & _APPENDIX_F else b"NONE", b"%d" % device))),
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
    # The standard wants every minutia inside the region of interest.
    size = [
        require(what, max(stated, int(column.max(initial=0)) + 1), _MAX_ROI)
        for what, stated, column in (("width", view.width_px, view.x_px), ("height", view.height_px, view.y_px))
    ]
    columns = (view.x_px, view.y_px, to_steps(view.angle, STEPS[EFS]))
    entries = [
        US.join((*(b"%d" % value for value in row), b"XEB"[kind : kind + 1]))
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
