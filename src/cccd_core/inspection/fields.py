"""The fields of a card as people read them, decoded from its files. No I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields

from cccd_core.emrtd import ElementaryFile, dg1, dg2, dg3, dg13
from cccd_core.errors import FormatError
from cccd_core.plain import Json

_MRZ_FIELDS = (
    "document_code",
    "issuing_state",
    "document_number",
    "primary_identifier",
    "secondary_identifier",
    "birth_date",
    "sex",
    "expiry_date",
    "nationality",
)


def decode(files: Mapping[ElementaryFile, bytes]) -> tuple[dict[str, Json], dict[str, FormatError]]:
    """(fields by name, errors by file name). Texts stay text, dates become ISO dates, pictures and finger records
    become their kind and size; a file that cannot be read costs its own fields only. Names are `DG1.birth_date` etc.
    """
    decoded: dict[str, Json] = {}
    errors: dict[str, FormatError] = {}
    for file, decoder in _DECODERS.items():
        if file in files:
            try:
                decoded.update((f"{file.name}.{name}", value) for name, value in decoder(files[file]))
            except FormatError as error:
                errors[file.name] = error
    return decoded, errors


def disagreements(files: Mapping[ElementaryFile, bytes]) -> tuple[str, ...]:
    """The fields that the machine readable zone (DG1) and Vietnam's fields (DG13) tell differently.

    Raises FormatError when one of the two cannot be read.
    """
    zone, person = dg1.parse(files[ElementaryFile.DG1]), dg13.parse(files[ElementaryFile.DG13])
    told = {
        "personal_number": (zone.personal_number, person.personal_number),
        "birth_date": (zone.birth_date, person.birth_date.strftime("%y%m%d")),
        "sex": (zone.sex, person.sex),
    }
    if person.expiry_date is not None:
        told["expiry_date"] = (zone.expiry_date, person.expiry_date.strftime("%y%m%d"))
    return tuple(name for name, (first, second) in told.items() if first != second)


def _zone(data: bytes) -> Iterator[tuple[str, Json]]:
    zone = dg1.parse(data)
    for number, line in enumerate(zone.lines, 1):
        yield f"line_{number}", line
    for name in _MRZ_FIELDS:
        yield name, getattr(zone, name)
    yield "personal_number", zone.personal_number


def _face(data: bytes) -> Iterator[tuple[str, Json]]:
    for number, face in enumerate(dg2.parse(data), 1):
        yield f"face_{number}", f"{face.kind}, {face.width_px} x {face.height_px} px, {len(face.image)} bytes"


def _fingers(data: bytes) -> Iterator[tuple[str, Json]]:
    for position, record in dg3.parse(data).items():
        yield f"finger_{position}", f"ISO/IEC 19794-2:2005, {len(record)} bytes"


def _person(data: bytes) -> Iterator[tuple[str, Json]]:
    person = dg13.parse(data)
    for each in fields(person):
        value = getattr(person, each.name)
        if isinstance(value, dt.date):
            yield each.name, value.isoformat()
        elif isinstance(value, str):
            yield each.name, value
        elif each.name == "others" and value:
            yield each.name, ", ".join(str(number) for number in sorted(value))


_DECODERS: dict[ElementaryFile, Callable[[bytes], Iterator[tuple[str, Json]]]] = {
    ElementaryFile.DG1: _zone,
    ElementaryFile.DG2: _face,
    ElementaryFile.DG3: _fingers,
    ElementaryFile.DG13: _person,
}
DECODED_FILES = frozenset(_DECODERS)
