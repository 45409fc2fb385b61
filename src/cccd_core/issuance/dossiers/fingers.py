"""The fingers of a dossier: read, judged, chosen for the chip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cccd_core.errors import Fact, FormatError, ParameterError
from cccd_core.intake import Finding, Limits, examine
from cccd_core.issuance.dossiers.dossier import FingerNote
from cccd_core.issuance.dossiers.raw import FingerFile
from cccd_core.issuance.dossiers.reasons import DossierError, Fault, Oddity
from cccd_core.templates import FORMATS, FingerTemplate, TemplateRecord, read_filling, strongest, write
from cccd_core.templates.nist_file import opened

CHIP_ORDER = (2, 7, 1, 6, 3, 8, 4, 9, 5, 10)
"""Which fingers go on the chip: the index fingers, then thumbs, middle, ring and little fingers, right before left."""

CHIP_FORMAT = "iso-2005"
_MOST_MINUTIAE = 255  # of a record of that format
_MOST_OPENED_BYTES = 64 << 10  # out of a file's wrappers: what CheckPolicy allows the file itself


@dataclass(frozen=True, slots=True)
class ReadFinger:
    """The template in a finger file, under the position of the file's name; which view of the file it is, from 1; the
    warnings that go with it, each with its facts; and what is doubted of it."""

    template: FingerTemplate
    view: int
    warnings: tuple[tuple[Oddity, Mapping[str, Fact]], ...]
    doubts: tuple[Finding, ...]


def read_finger(file: FingerFile, position: int, note: FingerNote, limits: Limits) -> ReadFinger:
    """Reads a finger file and examines what is in it.

    DossierError with the fault `finger_undescribed` (a format that needs what the dossier does not say), `finger_view`
    (several views, none of this finger) or `unreadable_finger`, with the offset where there is one.
    """
    name = note.format or ("xyt" if file.suffix == "xyt" else None)
    if name is not None and name not in FORMATS:
        raise DossierError("no such template format", fault=Fault.UNREADABLE_FINGER, known=" ".join(FORMATS))
    if name == "xyt" and (note.dpi is None or note.height_px is None):
        raise DossierError("an .xyt template needs dpi and height_px", fault=Fault.FINGER_UNDESCRIBED)
    try:
        # A dossier says what its files do not say themselves.
        record, _ = read_filling(
            opened(file.data),
            format=name,
            dpi=note.dpi,
            height_px=note.height_px,
            width_px=note.width_px,
            most_bytes=_MOST_OPENED_BYTES,
        )
    except ParameterError as error:
        if "needs" not in error.facts:
            raise DossierError(error.message, fault=Fault.UNREADABLE_FINGER, why=error.message) from error
        why = "the template needs what the dossier does not say"
        raise DossierError(why, fault=Fault.FINGER_UNDESCRIBED, needs=error.facts["needs"]) from error
    except FormatError as error:
        raise DossierError(
            error.message,
            fault=Fault.UNREADABLE_FINGER,
            why=error.message,
            bytes=len(file.data),
            offset=error.facts.get("offset"),
        ) from error
    view, several = _view_of(record, position)
    warnings: list[tuple[Oddity, Mapping[str, Fact]]] = [
        (Oddity.FINGER_FILE_ODD, {"note": str(notice.word), **notice.facts}) for notice in record.notices
    ]
    if several:
        warnings.append((Oddity.SEVERAL_VIEWS, {"views": several}))
    if view.position not in (0, position):
        warnings.append((Oddity.POSITION_DIFFERS, {"stated": view.position}))
    # Enrolled and put on the chip as ISO/IEC 19794-2:2005, so it must fit into that.
    finger = replace(strongest(view, _MOST_MINUTIAE), position=position, view=0)
    try:
        write(finger, CHIP_FORMAT)
    except ParameterError as error:
        raise DossierError("the template cannot be kept", fault=Fault.UNREADABLE_FINGER) from error
    number = next(number for number, each in enumerate(record.views, start=1) if each is view)
    return ReadFinger(finger, number, tuple(warnings), examine(record, view, limits))


def _view_of(record: TemplateRecord, position: int) -> tuple[FingerTemplate, int]:
    """The view of a finger, and how many there are of it where there is more than one. A view is taken by its own
    position; one alone is taken whatever it says, since the file's name counts."""
    if len(record.views) == 1:
        return record.view, 0
    found = [view for view in record.views if view.position == position]
    if not found:
        raise DossierError(
            "several views, none of this finger",
            fault=Fault.FINGER_VIEW,
            views=len(record.views),
            positions=" ".join(str(view.position) for view in record.views),
        )
    return found[0], len(found) if len(found) > 1 else 0


def on_chip(fingers: Iterable[int], count: int) -> list[int]:
    """Which of these positions go on the chip, at most `count`, in CHIP_ORDER."""
    there = set(fingers)
    return [position for position in CHIP_ORDER if position in there][:count]


def chip_fingers(fingers: Mapping[int, FingerTemplate], images: Mapping[int, bytes], count: int) -> dict[int, bytes]:
    """The fingers for DG3, at most `count`, in CHIP_ORDER: the image records of those that have one (`for_chip` of
    `finger_images`), of the others ISO/IEC 19794-2:2005 records without extended data."""
    return {
        position: images.get(position) or write(replace(fingers[position], extended=b""), CHIP_FORMAT)
        for position in on_chip(fingers, count)
    }
