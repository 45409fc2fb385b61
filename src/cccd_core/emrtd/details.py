"""DG11 and DG12: additional details of person and document.

Doc 9303-10 clauses 4.7.11 and 4.7.12. The Vietnamese card keeps such details in DG13; these groups are optional.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from cccd_core.emrtd import dates, tlv
from cccd_core.emrtd.dates import PartialDate
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.odd import MAX_OBJECTS, OddPart, OddParts, counted, objects, raw
from cccd_core.errors import FormatError, ParameterError

MAX_BYTES = 32_768
MAX_NAMES = 16

_LIST = 0x5C
_NAMES = 0xA0  # count (02), then as many names, each under the tag that stands in the list


@dataclass(frozen=True, slots=True, repr=False)
class PersonalDetails:
    """DG11. Names as in the machine readable zone (`<` between parts) but in national characters. A date may be known
    in part. `odd` names what is not as it should be: what could be read of it stands in its field."""

    full_name: str | None = None
    other_names: tuple[str, ...] = ()
    personal_number: str | None = None
    birth_date: dt.date | PartialDate | None = None
    place_of_birth: str | None = None
    address: str | None = None
    telephone: str | None = None
    profession: str | None = None
    title: str | None = None
    summary: str | None = None
    proof_of_citizenship: bytes | None = field(default=None, repr=False)
    other_documents: str | None = None
    custody: str | None = None
    odd: tuple[OddPart, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentDetails:
    """DG12. `personalised` is the local time that the personalisation system wrote, without a zone. Dates and `odd` as
    in DG11."""

    authority: str | None = None
    issue_date: dt.date | PartialDate | None = None
    other_persons: tuple[str, ...] = ()
    endorsements: str | None = None
    exit_requirements: str | None = None
    front_image: bytes | None = field(default=None, repr=False)
    rear_image: bytes | None = field(default=None, repr=False)
    personalised: dt.datetime | None = None
    personalisation_system: str | None = None
    odd: tuple[OddPart, ...] = ()


_PERSONAL = {
    0x5F0E: "full_name", 0x5F0F: "other_names", 0x5F10: "personal_number", 0x5F2B: "birth_date",
    0x5F11: "place_of_birth", 0x5F42: "address", 0x5F12: "telephone", 0x5F13: "profession", 0x5F14: "title",
    0x5F15: "summary", 0x5F16: "proof_of_citizenship", 0x5F17: "other_documents", 0x5F18: "custody",
}  # fmt: skip
_DOCUMENT = {
    0x5F19: "authority", 0x5F26: "issue_date", 0x5F1A: "other_persons", 0x5F1B: "endorsements",
    0x5F1C: "exit_requirements", 0x5F1D: "front_image", 0x5F1E: "rear_image", 0x5F55: "personalised",
    0x5F56: "personalisation_system",
}  # fmt: skip
_LISTS = frozenset(("other_names", "other_persons"))
_DATES = frozenset(("birth_date", "issue_date"))
_TIMES = frozenset(("personalised",))
_IMAGES = frozenset(("proof_of_citizenship", "front_image", "rear_image"))


def build_dg11(details: PersonalDetails) -> bytes:
    """DG11 of the details that are given. ParameterError for odd ones, and for a date known in part."""
    return _build(details, ElementaryFile.DG11, _PERSONAL)


def build_dg12(details: DocumentDetails) -> bytes:
    """DG12 of the details that are given. ParameterError as `build_dg11`."""
    return _build(details, ElementaryFile.DG12, _DOCUMENT)


def parse_dg11(data: bytes) -> PersonalDetails:
    """Reads DG11. FormatError for what is none; what is odd inside it is in `odd`, and the rest is read."""
    values, odd = _parse(data, ElementaryFile.DG11, _PERSONAL)
    return PersonalDetails(**values, odd=odd)  # type: ignore[arg-type]


def parse_dg12(data: bytes) -> DocumentDetails:
    """Reads DG12, as `parse_dg11`."""
    values, odd = _parse(data, ElementaryFile.DG12, _DOCUMENT)
    return DocumentDetails(**values, odd=odd)  # type: ignore[arg-type]


def _build(details: PersonalDetails | DocumentDetails, file: ElementaryFile, tags: Mapping[int, str]) -> bytes:
    if details.odd:
        raise ParameterError("details with odd parts are not written", field=details.odd[0].name)
    listed, content = b"", b""
    for tag, name in tags.items():
        value = getattr(details, name)
        if value is None or value == ():
            continue
        if isinstance(value, PartialDate):
            raise ParameterError("a date that is written is whole", field=name)
        listed += tag.to_bytes(2, "big")
        if isinstance(value, tuple):
            names = b"".join(tlv.encode(tag, each.encode("utf-8")) for each in value)
            content += tlv.encode(_NAMES, tlv.encode(tlv.INTEGER, bytes((len(value),))) + names)
        else:
            content += tlv.encode(tag, _value(value))
    return tlv.encode(file.tag, tlv.encode(_LIST, listed) + content)


def _value(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dt.datetime):
        return f"{value.year:04d}{value:%m%d%H%M%S}".encode("ascii")
    if isinstance(value, dt.date):
        return dates.written(value)
    return str(value).encode("utf-8")


def _parse(data: bytes, file: ElementaryFile, tags: Mapping[int, str]) -> tuple[dict[str, object], tuple[OddPart, ...]]:
    if len(data) > MAX_BYTES:
        raise FormatError("a data group is too long", offset=0, file=file.label, length=len(data), limit=MAX_BYTES)
    whole = tlv.read_one(data, file.tag, what=file.label)
    odd = OddParts()
    listed: set[int] | None = None
    values: dict[str, object] = {}
    found_tags: set[int] = set()
    for found in objects(whole, odd, what=file.label):
        if found.tag == _LIST:
            if listed is None:
                listed = _listed(found, tags, odd)
            else:
                odd.add("list of tags", found.value, "a list of tags is there twice", offset=found.offset)
        elif found.tag == _NAMES:
            _take_names(found, tags, values, found_tags, odd)
        elif found.tag not in tags:
            odd.add(f"tag {found.tag:X}", raw(whole, found), "an unknown data object", offset=found.offset)
        else:
            _take(found, tags[found.tag], values, found_tags, odd)
    if listed is None:
        odd.add("list of tags", b"", "the list of tags is missing", offset=whole.value_offset)
        return values, odd.all()
    for tag, name in tags.items():
        if tag in found_tags and tag not in listed:
            odd.add(name, b"", "a data object is not in the list of tags", tag=f"{tag:X}")
        elif tag in listed and tag not in found_tags:
            odd.add(name, b"", "a data object of the list of tags is not there", tag=f"{tag:X}")
    return values, odd.all()


def _listed(listed: tlv.Tlv, tags: Mapping[int, str], odd: OddParts) -> set[int]:
    """The tags in a list. A0, which some list as well as or instead of what it holds, stands for its names."""
    names = next(tag for tag, name in tags.items() if name in _LISTS)
    seen: set[int] = set()
    position = 0
    while position < len(listed.value) and position < 2 * MAX_OBJECTS:
        size = 2 if listed.value[position] & 0x1F == 0x1F else 1
        part = listed.value[position : position + size]
        tag, place = int.from_bytes(part, "big"), listed.value_offset + position
        position += size
        if tag not in tags and tag != _NAMES:
            odd.add(f"tag {tag:X}", part, "an unknown tag in the list of tags", offset=place, tag=f"{tag:X}")
        elif tag in seen:
            odd.add("list of tags", part, "a tag is listed twice", offset=place, tag=f"{tag:X}")
        seen.add(tag)
    if position < len(listed.value):
        odd.add("list of tags", listed.value[position:], "a list of tags is too long", limit=2 * MAX_OBJECTS)
    return seen | {names} if _NAMES in seen else seen


def _take(found: tlv.Tlv, name: str, values: dict[str, object], seen: set[int], odd: OddParts) -> None:
    """One data object outside A0."""
    if found.tag in seen and name not in _LISTS:
        odd.add(name, found.value, "a data object is there twice", offset=found.offset, tag=f"{found.tag:X}")
        return
    seen.add(found.tag)
    try:
        value = _read(found, name)
    except FormatError as error:
        odd.caught(name, found.value, error)
        return
    if name in _LISTS:
        odd.add(name, found.value, "a name stands outside the object of names", offset=found.offset)
        before = values.get(name)
        value = (*before, value) if isinstance(before, tuple) else (value,)
    values[name] = value


def _take_names(
    holder: tlv.Tlv, tags: Mapping[int, str], values: dict[str, object], seen: set[int], odd: OddParts
) -> None:
    """The object A0: a number, then as many names."""
    wanted, name = next((tag, name) for tag, name in tags.items() if name in _LISTS)
    if wanted in seen:
        odd.add(name, holder.value, "the object of names is there twice", offset=holder.offset)
    seen.add(wanted)
    count: int | None = None
    names: list[str] = []
    for found in objects(holder, odd, what=name, limit=MAX_NAMES + 1):
        if found.tag == tlv.INTEGER and count is None and not names:
            count = counted(found, odd, what=name)
        elif found.tag != wanted:
            odd.add(f"tag {found.tag:X}", raw(holder, found), "another data object among names", offset=found.offset)
        else:
            try:
                names.append(tlv.to_text(found))
            except FormatError as error:
                odd.caught(name, found.value, error)
    if count != len(names):
        odd.add(name, b"", "the number of names is another", offset=holder.offset, stated=count, count=len(names))
    before = values.get(name)
    values[name] = (*(before if isinstance(before, tuple) else ()), *names)


def _read(found: tlv.Tlv, name: str) -> object:
    if name in _IMAGES:
        return found.value
    try:
        if name in _DATES:
            return dates.parse(found.value)
        if name in _TIMES:
            return dates.parse_time(found.value)
    except FormatError as error:
        raise error.with_facts(offset=found.offset, tag=f"{found.tag:X}") from None
    return tlv.to_text(found)
