"""DG3: the fingers.

Doc 9303-10 clause 4.7.3 and table of biometric subtypes. Doc 9303 foresees finger images in DG3 (ISO/IEC 19794-4 and
39794-4), which are read, and written (19794-4) where images are at hand. Where there are templates alone it holds
ISO/IEC 19794-2:2005 minutiae records, which counters of ours can match. The format type in each header says which, as
CBEFF means it to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cccd_core.emrtd import cbeff, finger_image, images, iso19794, records
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.images import StatedImage
from cccd_core.emrtd.odd import Found, OddParts
from cccd_core.errors import FormatError, ParameterError

MINUTIAE_2005, MINUTIAE_2011 = "ISO/IEC 19794-2:2005", "ISO/IEC 19794-2:2011"

_FORMATS = {
    MINUTIAE_2005: (cbeff.FORMAT_FINGER_MINUTIAE, cbeff.FORMAT_FINGER_MINUTIAE_EXTENDED),
    iso19794.FINGER_2005: (cbeff.FORMAT_FINGER_IMAGE,),
    iso19794.FINGER_2011: (cbeff.FORMAT_FINGER_IMAGE,),
    iso19794.UNKNOWN: (),
}
_RECORD_HEADER_BYTES = 24
_VIEW_HEADER_BYTES = 4
_MINUTIA_BYTES = 6
_MAX_VIEWS = 16


def subtype(position: int) -> int:
    """The CBEFF subtype of an ISO/IEC 19794 finger position 1-10: bits 1-2 right or left, bits 3-5 the finger."""
    if not 1 <= position <= 10:
        raise ParameterError("a finger position is 1 to 10", position=position)
    return ((position - 1) % 5 + 1) << 2 | (1 if position <= 5 else 2)


def _inspect_minutiae(record: bytes) -> tuple[int, int]:
    """(finger position, format type) of a minutiae record."""
    stated, extended = _inspect(record)
    return stated, cbeff.FORMAT_FINGER_MINUTIAE_EXTENDED if extended else cbeff.FORMAT_FINGER_MINUTIAE


_POSITIONS = {subtype(position): position for position in range(1, 11)}


def build(fingers: Mapping[int, bytes]) -> bytes:
    """DG3 of records by finger position, in ascending order of positions: minutiae of ISO/IEC 19794-2:2005 or an image
    of ISO/IEC 19794-4:2005 (`finger_image.build`).

    ParameterError where a record is neither, or says another finger than its position.
    """
    templates = []
    for position in sorted(fingers):
        try:
            if fingers[position].startswith(finger_image.MAGIC):
                stated, kind = finger_image.position_of(fingers[position]), cbeff.FORMAT_FINGER_IMAGE
            else:
                stated, kind = _inspect_minutiae(fingers[position])
        except FormatError as error:
            raise ParameterError(f"fingers: {error.message}", position=position, **error.facts) from None
        if stated not in (0, position):
            raise ParameterError("a finger record says another position", position=position, stated=stated)
        templates.append(
            cbeff.BiometricTemplate(
                cbeff.TYPE_FINGER, subtype(position), cbeff.OWNER_JTC1_SC37, kind, fingers[position]
            )
        )
    return cbeff.build(ElementaryFile.DG3.tag, templates)


@dataclass(frozen=True, slots=True)
class Finger:
    """One finger as it stands in DG3.

    `position` is 1 to 10, None where it is not said or header and record contradict each other; `kind` is `minutiae`
    for a record of ISO/IEC 19794-2, else the image's (`wsq`, `jpeg2000`, ..., `raw`, `unknown`); `data` is that record,
    or that image. `dpi` is what the record states of an image, None where it states nothing.
    """

    position: int | None
    standard: str
    kind: str
    data: bytes = field(repr=False)
    width_px: int | None = None
    height_px: int | None = None
    dpi: float | None = None


def parse(data: bytes) -> Found[Finger]:
    """The fingers of DG3, minutiae records and images of every edition, in their order; none where it says that it
    holds none. What contradicts itself is in `odd` (`finger 1, position`). FormatError where there is no group of
    templates. The minutiae themselves are for `templates` to read.
    """
    odd = OddParts()
    templates = cbeff.parse(data, ElementaryFile.DG3.tag, what="DG3")
    odd.extend(templates.odd)
    fingers: list[Finger] = []
    for number, template in enumerate(templates, 1):
        fingers += _fingers(template, odd, f"finger {number}")
    seen: set[tuple[int | None, bool]] = set()
    for number, finger in enumerate(fingers, 1):
        key = (finger.position, finger.kind == "minutiae")
        if key in seen and finger.position is not None:
            odd.add(f"finger {number}, position", b"", "a finger is there twice", position=finger.position)
        seen.add(key)
    return Found(tuple(fingers), odd.all())


def minutiae(fingers: Iterable[Finger]) -> dict[int, bytes]:
    """The ISO/IEC 19794-2 records among `fingers` by position; the first of each, without those of unknown position."""
    records: dict[int, bytes] = {}
    for finger in fingers:
        if finger.kind == "minutiae" and finger.position is not None:
            records.setdefault(finger.position, finger.data)
    return records


def _fingers(template: cbeff.BiometricTemplate, odd: OddParts, name: str) -> list[Finger]:
    if template.data.startswith(b"FMR\0"):
        standard, found = _minutiae(template.data, odd, name)
    else:
        standard, found = records.read(template.data, odd, name)
    _check_header(template, standard, odd, name)
    told = _POSITIONS.get(template.subtype)
    fingers = []
    for number, each in enumerate(found, 1):
        shown = name if len(found) == 1 else f"{name}.{number}"
        position = each.position if each.position in _POSITIONS.values() else None
        if told is not None and position is not None and told != position:
            odd.add(f"{shown}, position", b"", "header and record name different fingers", told=told, stated=position)
            position = None
        elif position is None:
            position = told if len(found) == 1 else None
        if each.kind == "minutiae":
            fingers.append(Finger(position, standard, "minutiae", each.image))
            continue
        info = images.compared(each, odd, shown)
        kind = info.kind if info is not None else "raw" if each.kind == "raw" else "unknown"
        size = (each.width_px, each.height_px) if info is None else (info.width_px, info.height_px)
        fingers.append(Finger(position, standard, kind, each.image, *size, each.dpi))
    return fingers


def _check_header(template: cbeff.BiometricTemplate, standard: str, odd: OddParts, name: str) -> None:
    known = _FORMATS.get(standard)
    if template.format_owner != cbeff.OWNER_JTC1_SC37 or (known is not None and template.format_type not in known):
        odd.add(
            f"{name}, format", b"", "a header names another format than its data has",
            owner=f"{template.format_owner:04X}", type=f"{template.format_type:04X}", found=standard,
        )  # fmt: skip
    if template.biometric_type not in (0, cbeff.TYPE_FINGER):
        odd.add(f"{name}, type", b"", "a header names another biometric than a finger", type=template.biometric_type)
    if template.subtype not in _POSITIONS and template.subtype & 0x1F:
        odd.add(f"{name}, subtype", b"", "a header names no finger", subtype=template.subtype)


def _minutiae(record: bytes, odd: OddParts, name: str) -> tuple[str, list[StatedImage]]:
    standard = {b" 20\0": MINUTIAE_2005, b"030\0": MINUTIAE_2011}.get(record[4:8], iso19794.UNKNOWN)
    position: int | None = None
    try:
        if standard == MINUTIAE_2005:
            position = _inspect(record)[0] or None
        elif standard == iso19794.UNKNOWN:
            raise FormatError("a minutiae record of an unknown edition", offset=4)
        elif int.from_bytes(record[8:12], "big") != len(record):
            raise FormatError("a finger record states another length", offset=8, length=len(record))
    except FormatError as error:
        odd.caught(name, record, error)
    return standard, [StatedImage(record, "minutiae", position=position)]


def _inspect(record: bytes) -> tuple[int, bool]:
    """(finger position of the first view, whether any view has extended data) of an ISO/IEC 19794-2:2005 record whose
    lengths add up (clauses 7.3 to 7.5)."""
    if record[:8] != b"FMR\0 20\0" or len(record) < _RECORD_HEADER_BYTES + _VIEW_HEADER_BYTES + 2:
        raise FormatError("not an ISO/IEC 19794-2:2005 record", offset=0, length=len(record))
    if int.from_bytes(record[8:12], "big") != len(record):
        raise FormatError("a finger record states another length", offset=8, length=len(record))
    views = record[22]
    if not 1 <= views <= _MAX_VIEWS:
        raise FormatError("a finger record has an impossible number of views", offset=22, count=views)
    position = _RECORD_HEADER_BYTES
    finger = record[position]
    extended = False
    for _ in range(views):
        if position + _VIEW_HEADER_BYTES > len(record) or record[position] != finger:
            raise FormatError("a finger record is cut, or holds several fingers", offset=position)
        position += _VIEW_HEADER_BYTES + record[position + 3] * _MINUTIA_BYTES
        length = int.from_bytes(record[position : position + 2], "big")
        position += 2 + length
        extended = extended or length > 0
    if position != len(record) or finger > 10:
        raise FormatError("a finger record's parts do not add up", offset=min(position, len(record)))
    return finger, extended
