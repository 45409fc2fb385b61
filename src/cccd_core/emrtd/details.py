"""DG11 and DG12: additional details of person and document.

Doc 9303-10 clauses 4.7.11 and 4.7.12. The Vietnamese card keeps such details in DG13; these groups are optional.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import FormatError

MAX_BYTES = 32_768
MAX_NAMES = 16

_LIST = 0x5C
_NAMES = 0xA0  # count (02), then as many names, each under the tag that stands in the list


@dataclass(frozen=True, slots=True)
class PersonalDetails:
    """DG11. Names as in the machine readable zone (`<` between parts) but in national characters."""

    full_name: str | None = None
    other_names: tuple[str, ...] = ()
    personal_number: str | None = None
    birth_date: dt.date | None = None
    place_of_birth: str | None = None
    address: str | None = None
    telephone: str | None = None
    profession: str | None = None
    title: str | None = None
    summary: str | None = None
    proof_of_citizenship: bytes | None = None
    other_documents: str | None = None
    custody: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentDetails:
    """DG12. `personalised` is the local time that the personalisation system wrote, without a zone."""

    authority: str | None = None
    issue_date: dt.date | None = None
    other_persons: tuple[str, ...] = ()
    endorsements: str | None = None
    exit_requirements: str | None = None
    front_image: bytes | None = None
    rear_image: bytes | None = None
    personalised: dt.datetime | None = None
    personalisation_system: str | None = None


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
    """DG11 of the details that are given."""
    return _build(details, ElementaryFile.DG11, _PERSONAL)


def build_dg12(details: DocumentDetails) -> bytes:
    """DG12 of the details that are given."""
    return _build(details, ElementaryFile.DG12, _DOCUMENT)


def parse_dg11(data: bytes) -> PersonalDetails:
    """Reads DG11. FormatError with offset for what is none, or does not hold what its list of tags says."""
    return PersonalDetails(**_parse(data, ElementaryFile.DG11, _PERSONAL))  # type: ignore[arg-type]


def parse_dg12(data: bytes) -> DocumentDetails:
    """Reads DG12. FormatError as `parse_dg11`."""
    return DocumentDetails(**_parse(data, ElementaryFile.DG12, _DOCUMENT))  # type: ignore[arg-type]


def _build(details: object, file: ElementaryFile, tags: Mapping[int, str]) -> bytes:
    listed, content = b"", b""
    for tag, name in tags.items():
        value = getattr(details, name)
        if value is None or value == ():
            continue
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
        return f"{value.year:04d}{value:%m%d}".encode("ascii")
    return str(value).encode("utf-8")


def _parse(data: bytes, file: ElementaryFile, tags: Mapping[int, str]) -> dict[str, object]:
    if len(data) > MAX_BYTES:
        raise FormatError("a data group is too long", file=file.label, length=len(data), limit=MAX_BYTES)
    parts = tlv.read_one(data, file.tag, what=file.label).reader()
    listed = parts.next(_LIST, what="list of tags")
    wanted = []
    reader = listed.reader()
    position = 0
    while position < len(listed.value):
        tag = int.from_bytes(listed.value[position : position + 2], "big")
        if tag not in tags or tag in wanted:
            raise FormatError("a tag out of place in a list", offset=reader.offset + position, tag=f"{tag:X}")
        wanted.append(tag)
        position += 2
    values: dict[str, object] = {}
    for found in parts:
        tag, value = _names(found) if found.tag == _NAMES else (found.tag, None)
        name = tags.get(tag, "")
        if name and name not in values and (name in _LISTS) == (found.tag == _NAMES):
            values[name] = _read(found, name) if value is None else value
        else:
            raise FormatError("a data object out of place", offset=found.offset, tag=f"{found.tag:X}")
    if set(values) != {tags[tag] for tag in wanted}:
        raise FormatError("a data group does not hold what its list says", file=file.label, count=len(values))
    return values


def _names(found: tlv.Tlv) -> tuple[int, tuple[str, ...]]:
    parts = found.reader()
    count = tlv.to_integer(parts.next(tlv.INTEGER, what="number of names"))
    if not 1 <= count <= MAX_NAMES:
        raise FormatError("an impossible number of names", offset=found.offset, count=count)
    first = parts.peek() or 0
    names = tuple(tlv.to_text(parts.next(first, what="a name")) for _ in range(count))
    parts.finish("names")
    return first, names


def _read(found: tlv.Tlv, name: str) -> object:
    if name in _IMAGES:
        return found.value
    try:
        if name in _DATES:
            text = found.value.hex() if len(found.value) == 4 else found.value.decode("ascii")  # BCD or characters
            return dt.datetime.strptime(_sized(text, 8), "%Y%m%d").replace(tzinfo=dt.UTC).date()
        if name in _TIMES:
            text = found.value.hex() if len(found.value) == 7 else found.value.decode("ascii")
            return dt.datetime.strptime(_sized(text, 14), "%Y%m%d%H%M%S")
    except ValueError:
        raise FormatError("a date that cannot be read", offset=found.offset, tag=f"{found.tag:X}") from None
    return tlv.to_text(found)


def _sized(text: str, length: int) -> str:
    if len(text) != length or not text.isascii() or not text.isdigit():
        raise ValueError
    return text
