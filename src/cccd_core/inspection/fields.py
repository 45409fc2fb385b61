"""The fields of a card as people read them, decoded from its files. No I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields

from cccd_core.emrtd import ElementaryFile, cbeff, com, details, dg1, dg2, dg3, dg13, dg16, displayed
from cccd_core.emrtd.dates import PartialDate
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.emrtd.mrz import LINES, Mrz
from cccd_core.emrtd.names import transliterate
from cccd_core.emrtd.odd import OddPart
from cccd_core.errors import FormatError, ParameterError
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


def decode(
    files: Mapping[ElementaryFile, bytes], codec: AuthorityCodec = PLAIN
) -> tuple[dict[str, Json], dict[str, FormatError]]:
    """(fields by name, errors by file or field name). Texts stay text, dates become ISO dates, pictures and finger
    records become their kind and size. Names are `DG1.birth_date` etc.

    A part of a file that is odd costs that part: its error stands under `DG13.sex`, and the field shows its text where
    it has one. A file that is none costs its fields, its error stands under `DG13`. A card of ours has no error.
    `codec` is how the authority codes its own fields of DG13; without the right one these are odd.
    """
    decoded: dict[str, Json] = {}
    errors: dict[str, FormatError] = {}
    for file, decoder in _DECODERS.items():
        if file not in files:
            continue
        try:
            shown, odd = _citizen(files[file], codec) if file is ElementaryFile.DG13 else decoder(files[file])
        except FormatError as error:
            errors[file.name] = error
            continue
        decoded.update((f"{file.name}.{name}", value) for name, value in shown)
        for part in odd:
            name = f"{file.name}.{part.name}"
            errors.setdefault(name, part.error)
            if part.text and name not in decoded:
                decoded[name] = part.text
    return decoded, errors


def disagreements(files: Mapping[ElementaryFile, bytes]) -> tuple[str, ...]:
    """The fields that the machine readable zone (DG1) and Vietnam's fields (DG13) tell differently.

    Raises FormatError when one of the two cannot be read.
    """
    zone, person = dg1.parse(files[ElementaryFile.DG1]), dg13.parse(files[ElementaryFile.DG13])
    told: dict[str, tuple[object, object]] = {
        "personal_number": (zone.personal_number, person.personal_number),
        "birth_date": (zone.birth_date, _short(person.birth_date)),
        "sex": (zone.sex, person.sex),
        "expiry_date": (zone.expiry_date, _short(person.expiry_date)),
        "full_name": (True, None if person.full_name is None else _one_name(zone, person.full_name)),
    }
    return tuple(name for name, (first, second) in told.items() if second is not None and first != second)


def _one_name(zone: Mrz, full_name: str) -> bool | None:
    """Whether the zone's name is this one, or what a zone has room for of it (Doc 9303-5 clause 4.2.3); None where
    either cannot be told. Where a name is parted into identifiers is the issuer's choice."""
    if any(part.name in ("primary_identifier", "secondary_identifier", "name") for part in zone.odd):
        return None
    try:
        whole = transliterate(full_name).split("<")
    except ParameterError:
        return None
    shown = [part for part in f"{zone.primary_identifier}<{zone.secondary_identifier}".split("<") if part]
    if shown == whole:
        return True
    room = len(zone.primary_identifier) + len(zone.secondary_identifier) + 2 * bool(zone.secondary_identifier)
    full = room >= LINES[zone.format][1] - (0 if zone.format == "TD1" else 5)  # where nothing was cut a filler stands
    return (
        full
        and len(shown) <= len(whole)
        and all(given.startswith(part) for part, given in zip(shown, whole, strict=False))
    )


def _short(date: dt.date | None) -> str | None:
    return None if date is None else date.strftime("%y%m%d")


_Shown = Iterator[tuple[str, Json]]
_Decoded = tuple[_Shown, tuple[OddPart, ...]]


def _versions(data: bytes) -> _Decoded:
    listed = com.parse(data)
    versions = {"lds_version": listed.lds_version, "unicode_version": listed.unicode_version}
    return ((name, version) for name, version in versions.items() if version is not None), listed.odd


def _zone(data: bytes) -> _Decoded:
    zone = dg1.parse(data)

    def shown() -> _Shown:
        for number, line in enumerate(dg1.lines(data), 1):
            yield f"line_{number}", line
        for name in _MRZ_FIELDS:
            yield name, getattr(zone, name)
        yield "personal_number", zone.personal_number

    return shown(), zone.odd


def _faces(data: bytes) -> _Decoded:
    faces = dg2.parse(data)
    return _pictures("face", faces), faces.odd


def _pictures(what: str, pictures: Iterable[dg2.FaceImage | displayed.DisplayedImage]) -> _Shown:
    for number, each in enumerate(pictures, 1):
        size = "" if each.width_px is None else f", {each.width_px} x {each.height_px} px"
        yield f"{what}_{number}", f"{each.kind}{size}, {len(each.image)} bytes"


def _fingers(data: bytes) -> _Decoded:
    fingers = dg3.parse(data)

    def shown() -> _Shown:
        for number, each in enumerate(fingers, 1):
            name = f"finger_{each.position}" if each.position is not None else f"finger_unknown_{number}"
            kind = "" if each.kind == "minutiae" else f", {each.kind}"
            yield name, f"{each.standard}{kind}, {len(each.data)} bytes"

    return shown(), fingers.odd


def _irises(data: bytes) -> _Decoded:
    irises = cbeff.parse(data, ElementaryFile.DG4.tag, what="DG4")
    shown = ((f"iris_{number}", f"{len(each.data)} bytes") for number, each in enumerate(irises, 1))
    return shown, irises.odd


def _portraits(data: bytes) -> _Decoded:
    found = displayed.parse_dg5(data)
    return _pictures("portrait", found), found.odd


def _signatures(data: bytes) -> _Decoded:
    found = displayed.parse_dg7(data)
    return _pictures("signature", found), found.odd


def _person(data: bytes) -> _Decoded:
    person = details.parse_dg11(data)
    return _values(person), person.odd


def _document(data: bytes) -> _Decoded:
    document = details.parse_dg12(data)
    return _values(document), document.odd


def _citizen(data: bytes, codec: AuthorityCodec = PLAIN) -> _Decoded:
    citizen = dg13.parse(data, codec=codec)
    return _values(citizen), citizen.odd


def _to_notify(data: bytes) -> _Decoded:
    persons = dg16.parse(data)
    shown = (
        (f"person_{number}.{name}", value)
        for number, person in enumerate(persons, 1)
        for name, value in _values(person)
    )
    return shown, persons.odd


def _values(
    record: details.PersonalDetails | details.DocumentDetails | dg13.CitizenFields | dg16.PersonToNotify,
) -> _Shown:
    """The fields that say something, as they are shown."""
    for each in fields(record):
        value = getattr(record, each.name)
        if isinstance(value, dt.date | dt.datetime | PartialDate):
            yield each.name, value.isoformat()
        elif isinstance(value, str) or value is True:
            yield each.name, value
        elif isinstance(value, bytes):
            yield each.name, f"{len(value)} bytes"
        elif each.name == "others" and value:
            yield each.name, ", ".join(str(number) for number in sorted(value))
        elif isinstance(value, tuple) and value and each.name != "odd":
            yield each.name, ", ".join(value)


_DECODERS: dict[ElementaryFile, Callable[[bytes], _Decoded]] = {
    ElementaryFile.EF_COM: _versions,
    ElementaryFile.DG1: _zone,
    ElementaryFile.DG2: _faces,
    ElementaryFile.DG3: _fingers,
    ElementaryFile.DG4: _irises,
    ElementaryFile.DG5: _portraits,
    ElementaryFile.DG7: _signatures,
    ElementaryFile.DG11: _person,
    ElementaryFile.DG12: _document,
    ElementaryFile.DG13: _citizen,
    ElementaryFile.DG16: _to_notify,
}
DECODED_FILES = frozenset(_DECODERS)
