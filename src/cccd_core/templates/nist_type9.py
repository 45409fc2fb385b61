"""Minutiae in records of Type 9 of ANSI/NIST-ITL files, in the three forms that the standard defines. Every record is a
view.

* `nist-itl-legacy`, fields 9.005 to 9.012 (1-2000, 1-2007): XXXXYYYYTTT in 0.01 mm and degrees, the origin at the
  bottom left and theta opposite to the direction of ANSI/INCITS 378, as in .xyt; type A (ending), B (bifurcation),
  C (compound) or D (not known); quality 2 (best) to 63 (worst), 0 marked by a person, 1 not known.
* `nist-itl-378`, fields 9.126 to 9.137 (1-2007 on): the values of ANSI/INCITS 378, from the top left in pixels, in
  units of two degrees.
* `nist-itl-efs`, fields 9.300 to 9.331 (the extended feature set, 1-2011 on): 0.01 mm from the top left of the region
  of interest, degrees, the direction as in ANSI/INCITS 378 (NIST SP 1151); type E, B or not known.

The legacy form says no image size: the caller's height tells where the rows begin, else that of the print image with
the record's IDC; else they are counted from the highest minutia. Cores, deltas and ridge counts are not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import Fact, FormatError
from cccd_core.templates.angles import from_steps
from cccd_core.templates.ansi378_2009 import reported_quality
from cccd_core.templates.model import (
    KIND_BIFURCATION,
    KIND_ENDING,
    NO_DETAILS,
    CaptureDetails,
    FingerTemplate,
    QualityBlock,
    TemplateRecord,
)
from cccd_core.templates.nist_file import is_file
from cccd_core.templates.nist_file import read as read_file
from cccd_core.templates.nist_itl import RS, Field, File, Image, Record
from cccd_core.templates.notices import Notice, Remark
from cccd_core.templates.packed import UNREPORTED_2011, stated_or_given

LEGACY, INCITS_378, EFS = "nist-itl-legacy", "nist-itl-378", "nist-itl-efs"
STEPS = {LEGACY: 360, INCITS_378: 180, EFS: 360}
PPCM = 1000  # 0.01 mm, the unit of LEGACY and EFS
MAX_VIEWS = 100  # the IDCs of two digits
MAX_MINUTIAE = 999
QUALITY_LEVELS = 62  # of LEGACY, beside "not known"

MAX_ROI = 50_000
MOST = {LEGACY: 9_999, INCITS_378: 0xFFFF, EFS: MAX_ROI - 1}
_BLOCKS = (INCITS_378, EFS, LEGACY)  # from what says most
# One subfield each, up to the next; what follows the items that are read (ridge counts) is passed over.
_ROWS = {
    LEGACY: re.compile(
        rb"\d{0,4}\x1f(\d{4})(\d{4})(\d{3})(?:\x1f(\d{0,2})(?:\x1f([A-D]?)(?:\x1f[^\x1e]*)?)?)?(?=\x1e|\Z)"
    ),
    INCITS_378: re.compile(
        rb"\d{0,4}\x1f(\d{1,5})\x1f(\d{1,5})\x1f(\d{1,3})\x1f(\d)(?:\x1f(\d{0,3})(?:\x1f[^\x1e]*)?)?(?=\x1e|\Z)"
    ),
    EFS: re.compile(
        rb"(\d{1,5})\x1f(\d{1,5})\x1f(\d{1,3})(?:\x1f([A-Z]?)(?:\x1f\d{0,5}(?:\x1f(\d{0,3})(?:\x1f[^\x1e]*)?)?)?)?(?=\x1e|\Z)"
    ),
}
_LETTERS = {b"A": KIND_ENDING, b"B": KIND_BIFURCATION, b"C": 0, b"D": 0}
_EFS_LETTERS = {b"E": KIND_ENDING, b"B": KIND_BIFURCATION}
BEST, WORST = 2, 63
_FROM_LEGACY_QUALITY = np.array(
    [0, 0, *(100 - round((code - BEST) * 99 / (WORST - BEST)) for code in range(BEST, WORST + 1))]
)
_MOST_QUALITY = 100
APPENDIX_F = 8  # of the compliance bits
_THUMBS = {11: 1, 12: 6}  # the codes of plain thumbs beside four fingers
_LAST_FINGER = 12  # of the positions: then come several fingers, palms, soles
_FINGER = {LEGACY: 6, INCITS_378: 134, EFS: 302}  # the field in which each form names the finger
_FEATURES = {LEGACY: (8, 9), INCITS_378: (138, 139, 140, 141), EFS: (315, 320, 321, 333)}
_VENDORS = ((13, 30), (31, 55), (56, 70), (71, 99), (100, 125), (151, 175), (176, 225))

_COLUMNS = ("x", "y", "angle", "type", "quality")

Table: TypeAlias = NDArray[np.int64]


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


def read(
    data: bytes, name: str | None = None, *, ppcm: int | None = None, sizes: Sequence[tuple[int, int]] = ()
) -> TemplateRecord:
    """The records of Type 9 that have minutiae in the form `name` (without it, in that of `format_of`), each a view, at
    `ppcm` pixels per centimetre where that is given and the form counts in pixels. `sizes` are width and height (0: not
    known), in 0.01 mm, of the images that the views of a legacy file are of, the last for all that follow. FormatError,
    with the offset, where a minutia is in doubt or there is none of this form."""
    if not is_file(data):
        raise FormatError("not an ANSI/NIST-ITL file", offset=0)
    file = read_file(data)
    name = _chosen(file) if name is None else name
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
        try:
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
        except FormatError as error:
            if not file.has_offsets:
                error.facts["offset"] = record.offset
            raise
        views.append(_placed(view, record, name, image))
        notices += _contradictions(record, image, number)
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
        "other_records_of_type_9": len(file.minutiae()) - len(records),
    }
    said = {word: value for word, value in facts.items() if value}
    return [Notice(Remark.NOT_READ, said)] if said else []


def _placed(view: FingerTemplate, record: Record, name: str, image: Image | None) -> FingerTemplate:
    """The view with its finger position and impression type. Where the record names no finger, or several that it may
    be, the image of the same IDC is asked."""
    found = _fingers(record, _FINGER[name] if _FINGER[name] in record.fields else _FINGER[LEGACY])
    position = found.pop() if len(found) == 1 else 0
    if not position and image is not None and len(image.positions) == 1 and image.positions[0] <= _LAST_FINGER:
        position = _THUMBS.get(image.positions[0], image.positions[0])
    impression = record.fields[3].number_or(0, 99) if 3 in record.fields else 0
    return replace(view, position=position, impression=impression)


def _fingers(record: Record, number: int) -> set[int]:
    """The finger positions that field `number` names, plain thumbs as thumbs; 0 is unknown."""
    field = record.fields.get(number)
    found = {each.first().number_or(0, 99) for each in field.subfields()} if field else set()
    return {_THUMBS.get(position, position) for position in found}


def _contradictions(record: Record, image: Image | None, view: int) -> list[Notice]:
    """A notice for every two forms of the record that name different fingers; its image of one finger counts as one."""
    named = {name: _fingers(record, _FINGER[name]) - {0} for name in _BLOCKS}
    if image is not None and all(0 < position <= _LAST_FINGER for position in image.positions):
        named["image"] = {_THUMBS.get(position, position) for position in image.positions}
    said = [(name, fingers) for name, fingers in named.items() if fingers]
    return [
        Notice(
            Remark.FINGERS_DIFFER,
            {
                "view": view,
                "form": one,
                "finger": _numbers(mine),
                "other_form": other,
                "other_finger": _numbers(theirs),
            },
        )
        for place, (one, mine) in enumerate(said)
        for other, theirs in said[place + 1 :]
        if not mine & theirs
    ]


def _numbers(fingers: set[int]) -> str:
    return " ".join(map(str, sorted(fingers)))


def _rows(record: Record, name: str, count: int, entries: int) -> list[tuple[bytes | None, ...]]:
    """The items of each subfield of field `entries`. FormatError, with the offset, where one is no minutia of this
    form, where field `count` says another number of them, or where there are too many."""
    field = record.fields.get(entries)
    # Some writers end the last subfield as every other.
    value, start = (b"", record.offset) if field is None else (field.value.removesuffix(RS), field.offset)
    found = value.count(RS) + 1 if value else 0
    if found > MAX_MINUTIAE:
        raise FormatError("there are too many minutiae", offset=start, minutiae=found, most=MAX_MINUTIAE)
    stated = record.fields.get(count)
    if stated is not None and stated.number("number of minutiae", MAX_MINUTIAE) != found:
        raise FormatError("there are not as many minutiae as their record says", offset=stated.offset, found=found)
    rows: list[tuple[bytes | None, ...]] = []
    place = 0
    while len(rows) < found:
        match = _ROWS[name].match(value, place)
        if match is None:
            raise FormatError("a minutia is not as its form says", offset=start + place, minutia=len(rows) + 1)
        rows.append(match.groups())
        place = match.end() + 1
    return rows


def _table(rows: Sequence[tuple[int, ...]], record: Record, entries: int, most: tuple[int, ...]) -> Table:
    """The rows as int64[n, 5]: x, y, angle, kind, quality; FormatError where one is above its `most`."""
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 5)
    beyond = table > np.array(most)
    if beyond.any():
        row, column = (int(index) for index in np.argwhere(beyond)[0])
        raise FormatError(
            f"the {_COLUMNS[column]} of a minutia is out of its range",
            offset=record.fields[entries].offset,
            minutia=row + 1,
            most=most[column],
        )
    return table


def _read_legacy(record: Record, image: Image | None, size: tuple[int, int]) -> FingerTemplate:
    rows = [
        (int(x or 0), int(y or 0), int(theta or 0), _LETTERS[letter or b"D"], int(quality or 1))
        for x, y, theta, quality, letter in _rows(record, LEGACY, 10, 12)
    ]
    table = _table(rows, record, 12, (MOST[LEGACY], MOST[LEGACY], STEPS[LEGACY] - 1, KIND_BIFURCATION, WORST))
    table[:, 2] = (table[:, 2] + 180) % STEPS[LEGACY]
    table[:, 4] = _FROM_LEGACY_QUALITY[table[:, 4]]
    lowest = int(table[:, 1].max(initial=-1)) + 1  # the lowest image that holds them
    width, height = size
    if height and lowest > height:
        raise FormatError("a minutia lies outside the image", offset=record.fields[12].offset, height=height)
    if not height and image is not None and min(image.per_mm) > 0:
        stated = round(100 * image.width_px / image.per_mm[0]), round(100 * image.height_px / image.per_mm[1])
        if lowest <= stated[1] and max(stated) <= 0xFFFF:
            width, height = stated
    height = height or lowest
    table[:, 1] = height - 1 - table[:, 1]
    return _view(table, LEGACY, width_px=width, height_px=height)


def _read_378(record: Record, ppcm: int | None) -> tuple[FingerTemplate, tuple[Notice, ...]]:
    rows = [
        (int(x or 0), int(y or 0), int(angle or 0), int(kind or 0), int(quality or 0))
        for x, y, angle, kind, quality in _rows(record, INCITS_378, 136, 137)
    ]
    most = (MOST[INCITS_378], MOST[INCITS_378], STEPS[INCITS_378] - 1, KIND_BIFURCATION, 255)
    table = _table(rows, record, 137, most)
    table[table[:, 4] > _MOST_QUALITY, 4] = 0  # codes of INCITS 378 itself for what is not reported
    fields = record.fields
    resolution = stated_or_given(_ppcm(fields, 131), _ppcm(fields, 132), ppcm, record.offset)
    block = _quality_block(fields.get(135))
    view = _view(
        table,
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
        APPENDIX_F if device and device[0].value.strip() == b"APPF" else 0,
        device[1].number_or(0) if len(device) > 1 else 0,
    )


def _read_efs(record: Record, number: int) -> tuple[FingerTemplate, tuple[Notice, ...]]:
    found = _rows(record, EFS, -1, 331)
    rows = [
        (int(x or 0), int(y or 0), int(angle or 0), _EFS_LETTERS.get(letter or b"", 0), 0)
        for x, y, angle, letter, _ in found
    ]
    table = _table(rows, record, 331, (MOST[EFS], MOST[EFS], STEPS[EFS] - 1, KIND_BIFURCATION, 0))
    unknown = sum(uncertainty == b"180" for *_, uncertainty in found)
    region = [*record.fields[300].items()] if 300 in record.fields else []
    # The smallest that holds the minutiae, where the file does not say.
    smallest = table[:, :2].max(axis=0, initial=0) + 1
    stated = [item.number_or(0, MAX_ROI) for item in region[:2]]
    width, height = (said or int(least) for said, least in zip([*stated, 0, 0], smallest, strict=False))
    view = _view(table, EFS, width_px=width, height_px=height)
    notice = Notice(Remark.DIRECTION_UNKNOWN, {"minutiae": unknown, "view": number})
    return view, (notice,) if unknown else ()


def _view(
    table: Table,
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
    return FingerTemplate(
        table[:, 0].astype(np.uint16),
        table[:, 1].astype(np.uint16),
        from_steps(table[:, 2].astype(np.uint16), STEPS[name]),
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
