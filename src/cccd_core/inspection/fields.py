"""The fields of a card as people read them, decoded from its files. No I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields

from cccd_core.emrtd import ElementaryFile, cbeff, com, details, dg1, dg2, dg3, dg13, dg16, displayed
from cccd_core.emrtd.dates import PartialDate
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec, CitizenFields
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


@dataclass(frozen=True, slots=True)
class Decoded:
    """The `fields` by name, the `errors` by file or field name, and what was read of DG1 and DG13, None where there is
    none or it cannot be read."""

    fields: dict[str, Json] = field(repr=False)
    errors: dict[str, FormatError]
    zone: Mrz | None = field(repr=False)
    citizen: CitizenFields | None = field(repr=False)


def decode(files: Mapping[ElementaryFile, bytes], codec: AuthorityCodec = PLAIN) -> Decoded:
    """Reads each file once. Texts stay text, dates become ISO dates, pictures and finger
    records become their kind and size. Names are `DG1.birth_date` etc.

    A part of a file that is odd costs that part: its error stands under `DG13.sex`, and the field shows its text where
    it has one. A file that is none costs its fields, its error stands under `DG13`. A card of ours has no error.
    `codec` is how the authority codes its own fields of DG13; without the right one these are odd.
    """
    decoded: dict[str, Json] = {}
    errors: dict[str, FormatError] = {}
    zone: Mrz | None = None
    citizen: CitizenFields | None = None
    for file in _DECODED_IN_ORDER:
        if file not in files:
            continue
        try:
            if file is ElementaryFile.DG1:
                zone = dg1.parse(files[file])
                shown, odd = _zone(zone, files[file]), zone.odd
            elif file is ElementaryFile.DG13:
                citizen = dg13.parse(files[file], codec=codec)
                shown, odd = _values(citizen), citizen.odd
            else:
                shown, odd = _DECODERS[file](files[file])
        except FormatError as error:
            errors[file.name] = error
            continue
        decoded.update((f"{file.name}.{name}", value) for name, value in shown)
        for part in odd:
            name = f"{file.name}.{part.name}"
            errors.setdefault(name, part.error)
            if part.text and name not in decoded:
                decoded[name] = part.text
    return Decoded(decoded, errors, zone, citizen)


def disagreements(zone: Mrz, person: CitizenFields) -> tuple[str, ...]:
    """The fields that the machine readable zone (DG1) and Vietnam's fields (DG13) tell differently."""
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
_Read = tuple[_Shown, tuple[OddPart, ...]]


def _versions(data: bytes) -> _Read:
    listed = com.parse(data)
    versions = {"lds_version": listed.lds_version, "unicode_version": listed.unicode_version}
    return ((name, version) for name, version in versions.items() if version is not None), listed.odd


def _zone(zone: Mrz, data: bytes) -> _Shown:
    for number, line in enumerate(dg1.lines(data), 1):
        yield f"line_{number}", line
    for name in _MRZ_FIELDS:
        yield name, getattr(zone, name)
    yield "personal_number", zone.personal_number


def _faces(data: bytes) -> _Read:
    faces = dg2.parse(data)
    return _pictures("face", faces), faces.odd


def _pictures(what: str, pictures: Iterable[dg2.FaceImage | displayed.DisplayedImage]) -> _Shown:
    for number, each in enumerate(pictures, 1):
        size = "" if each.width_px is None else f", {each.width_px} x {each.height_px} px"
        yield f"{what}_{number}", f"{each.kind}{size}, {len(each.image)} bytes"


def _fingers(data: bytes) -> _Read:
    fingers = dg3.parse(data)

    def shown() -> _Shown:
        for number, each in enumerate(fingers, 1):
            name = f"finger_{each.position}" if each.position is not None else f"finger_unknown_{number}"
            kind = "" if each.kind == "minutiae" else f", {each.kind}"
            yield name, f"{each.standard}{kind}, {len(each.data)} bytes"

    return shown(), fingers.odd


def _irises(data: bytes) -> _Read:
    irises = cbeff.parse(data, ElementaryFile.DG4.tag, what="DG4")
    shown = ((f"iris_{number}", f"{len(each.data)} bytes") for number, each in enumerate(irises, 1))
    return shown, irises.odd


def _portraits(data: bytes) -> _Read:
    found = displayed.parse_dg5(data)
    return _pictures("portrait", found), found.odd


def _signatures(data: bytes) -> _Read:
    found = displayed.parse_dg7(data)
    return _pictures("signature", found), found.odd


def _person(data: bytes) -> _Read:
    person = details.parse_dg11(data)
    return _values(person), person.odd


def _document(data: bytes) -> _Read:
    document = details.parse_dg12(data)
    return _values(document), document.odd


def _to_notify(data: bytes) -> _Read:
    persons = dg16.parse(data)
    shown = (
        (f"person_{number}.{name}", value)
        for number, person in enumerate(persons, 1)
        for name, value in _values(person)
    )
    return shown, persons.odd


def _values(
    record: details.PersonalDetails | details.DocumentDetails | CitizenFields | dg16.PersonToNotify,
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


_DECODERS: dict[ElementaryFile, Callable[[bytes], _Read]] = {
    ElementaryFile.EF_COM: _versions,
    ElementaryFile.DG2: _faces,
    ElementaryFile.DG3: _fingers,
    ElementaryFile.DG4: _irises,
    ElementaryFile.DG5: _portraits,
    ElementaryFile.DG7: _signatures,
    ElementaryFile.DG11: _person,
    ElementaryFile.DG12: _document,
    ElementaryFile.DG16: _to_notify,
}
DECODED_FILES = frozenset((*_DECODERS, ElementaryFile.DG1, ElementaryFile.DG13))
_DECODED_IN_ORDER = tuple(file for file in ElementaryFile if file in DECODED_FILES)
