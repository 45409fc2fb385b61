"""DG13: Vietnam's own fields.

Doc 9303-10 clause 4.7.13 leaves DG13 to the State. Layout as read from published reader code (no public circular gives
it): `6D { SEQUENCE { INTEGER 1, OID 1.0.10646.1.0.8, SET { SEQUENCE { INTEGER n, value } ... } } }`, texts in UTF-8 and
NFC, an absent field left out. What is uncertain, and so chosen here: the order in the SET (DER's, ascending encodings),
fields 15 (old number) and 16 (kept as it is read, never written).

Circular 16/2024 article 6 codes part of the fields by an algorithm of the authority. That part goes through an
`AuthorityCodec`, which the authority replaces by its own.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Protocol

from cccd_core.emrtd import tlv
from cccd_core.emrtd.content import CardContent
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.errors import FormatError

UTF8_CHARACTER_SET = "1.0.10646.1.0.8"
NO_EXPIRY_TEXT = "Không thời hạn"
MAX_FIELDS = 32
MAX_BYTES = 16_384

NUMBER, NAME, BIRTH, SEX, NATIONALITY, ETHNICITY, RELIGION, ORIGIN, RESIDENCE, MARKS = range(1, 11)
ISSUE, EXPIRY, PARENTS, SPOUSE, OLD_NUMBER, UNCONFIRMED = range(11, 17)

# Circular 16/2024 article 6: name, number, nationality, birth, sex, expiry, origin and face are coded as ICAO says;
# all the rest as the authority says.
AUTHORITY_FIELDS = frozenset((ETHNICITY, RELIGION, RESIDENCE, MARKS, ISSUE, PARENTS, SPOUSE, OLD_NUMBER))

_SEXES = {"M": "Nam", "F": "Nữ"}


class AuthorityCodec(Protocol):
    """How the authority codes its own part of DG13, field by field."""

    def encode(self, number: int, value: bytes) -> bytes:
        """`value` is the DER of field `number` (text, or SEQUENCE of texts for 13 and 14); the answer is one data
        object that stands in its place."""

    def decode(self, number: int, data: bytes) -> bytes:
        """The reverse of `encode`. FormatError where `data` is not of this codec."""


class PlainAuthorityCodec:
    """The default: the authority's fields stand in the clear, coded like the others."""

    def encode(self, number: int, value: bytes) -> bytes:
        """See `AuthorityCodec`."""
        del number
        return value

    def decode(self, number: int, data: bytes) -> bytes:
        """See `AuthorityCodec`."""
        del number
        return data


PLAIN = PlainAuthorityCodec()


@dataclass(frozen=True, slots=True)
class CitizenFields:
    """The fields of DG13. Texts are NFC; `expiry_date` None means a card without expiry. `others` keeps the DER of the
    values of fields that are not known here, by number."""

    personal_number: str
    full_name: str
    birth_date: dt.date
    sex: str
    nationality_name: str
    expiry_date: dt.date | None
    issue_date: dt.date | None = None
    ethnicity: str | None = None
    religion: str | None = None
    place_of_origin: str | None = None
    place_of_residence: str | None = None
    marks: str | None = None
    father: str | None = None
    mother: str | None = None
    spouse: str | None = None
    old_number: str | None = None
    others: dict[int, bytes] = field(default_factory=dict)


def of_content(content: CardContent) -> CitizenFields:
    """The fields that DG13 takes of a card's content."""
    return CitizenFields(
        personal_number=content.personal_number, full_name=content.full_name, birth_date=content.birth_date,
        sex=content.sex, nationality_name=content.nationality_name, expiry_date=content.expiry_date,
        issue_date=content.issue_date, ethnicity=content.ethnicity or None, religion=content.religion or None,
        place_of_origin=content.place_of_origin or None, place_of_residence=content.place_of_residence or None,
        marks=content.marks or None, father=content.father or None, mother=content.mother or None,
        spouse=content.spouse or None, old_number=content.old_number or None,
    )  # fmt: skip


def build(fields: CitizenFields, *, codec: AuthorityCodec = PLAIN) -> bytes:
    """DG13 of the fields; what is None is left out."""
    expiry = NO_EXPIRY_TEXT if fields.expiry_date is None else _written(fields.expiry_date)
    issue = None if fields.issue_date is None else _written(fields.issue_date)
    texts: dict[int, str | None] = {
        NUMBER: fields.personal_number, NAME: fields.full_name, BIRTH: _written(fields.birth_date),
        SEX: _SEXES[fields.sex], NATIONALITY: fields.nationality_name, ETHNICITY: fields.ethnicity,
        RELIGION: fields.religion, ORIGIN: fields.place_of_origin, RESIDENCE: fields.place_of_residence,
        MARKS: fields.marks, ISSUE: issue, EXPIRY: expiry, OLD_NUMBER: fields.old_number,
    }  # fmt: skip
    values = {number: _utf8(text) for number, text in texts.items() if text is not None}
    if fields.father is not None or fields.mother is not None:
        values[PARENTS] = tlv.sequence(_utf8(fields.father or ""), _utf8(fields.mother or ""))
    if fields.spouse is not None:
        values[SPOUSE] = tlv.sequence(_utf8(fields.spouse))
    values |= fields.others
    rows = []
    for number, value in values.items():
        coded = codec.encode(number, value) if number in AUTHORITY_FIELDS else value
        rows.append(tlv.sequence(tlv.integer(number), coded))
    whole = tlv.sequence(tlv.integer(1), tlv.oid(UTF8_CHARACTER_SET), tlv.set_of(rows))
    return tlv.encode(ElementaryFile.DG13.tag, whole)


def parse(data: bytes, *, codec: AuthorityCodec = PLAIN) -> CitizenFields:
    """The fields in DG13, in any order, UTF8String or PrintableString. FormatError with offset for what is none, a
    field that is there twice, a required one that is missing, or above 16 KiB."""
    if len(data) > MAX_BYTES:
        raise FormatError("DG13 is too long", length=len(data), limit=MAX_BYTES)
    reader = tlv.read_one(data, ElementaryFile.DG13.tag, what="DG13").reader()
    parts = reader.next(tlv.SEQUENCE, what="content of DG13").reader()
    reader.finish("DG13")
    version = tlv.to_integer(parts.next(tlv.INTEGER, what="version of DG13"))
    character_set = tlv.to_oid(parts.next(tlv.OID, what="character set of DG13"))
    if version != 1 or character_set != UTF8_CHARACTER_SET:
        raise FormatError("DG13 of an unknown kind", version=version, character_set=character_set)
    rows = parts.next(tlv.SET, what="fields of DG13")
    parts.finish("content of DG13")
    values: dict[int, bytes] = {}
    for row in rows.reader():
        entry = row.reader()
        number = tlv.to_integer(entry.next(tlv.INTEGER, what="number of a field"))
        found = entry.next(what="value of a field")
        entry.finish("a field of DG13")
        if row.tag != tlv.SEQUENCE or number in values or len(values) >= MAX_FIELDS or not 1 <= number <= 255:
            raise FormatError("a field of DG13 is out of place", offset=row.offset, field=number)
        value = tlv.encode(found.tag, found.value)
        values[number] = codec.decode(number, value) if number in AUTHORITY_FIELDS else value
    return _from_values(values)


def _from_values(values: dict[int, bytes]) -> CitizenFields:
    def text(number: int) -> str | None:
        return _text(values.pop(number), number) if number in values else None

    def texts(number: int) -> list[str]:
        if number not in values:
            return []
        listed = tlv.read_one(values.pop(number), tlv.SEQUENCE, what=f"field {number} of DG13")
        found = [_text(tlv.encode(each.tag, each.value), number) for each in listed.reader()]
        if len(found) > 4:
            raise FormatError("a field of DG13 lists too many", field=number, count=len(found))
        return found

    def required(number: int) -> str:
        found = text(number)
        if not found:
            raise FormatError("a field of DG13 is missing", field=number)
        return found

    sex = {shown: code for code, shown in _SEXES.items()}.get(required(SEX))
    if sex is None:
        raise FormatError("a field of DG13 is neither Nam nor Nữ", field=SEX)
    expiry, issue = required(EXPIRY), text(ISSUE)
    parents, spouse = texts(PARENTS), texts(SPOUSE)
    return CitizenFields(
        personal_number=required(NUMBER), full_name=required(NAME), birth_date=_date(required(BIRTH), BIRTH), sex=sex,
        nationality_name=required(NATIONALITY), expiry_date=None if expiry == NO_EXPIRY_TEXT else _date(expiry, EXPIRY),
        issue_date=None if issue is None else _date(issue, ISSUE), ethnicity=text(ETHNICITY), religion=text(RELIGION),
        place_of_origin=text(ORIGIN), place_of_residence=text(RESIDENCE), marks=text(MARKS),
        father=(parents[0] if parents else "") or None, mother=(parents[1] if len(parents) > 1 else "") or None,
        spouse=(spouse[0] if spouse else "") or None, old_number=text(OLD_NUMBER), others=values,
    )  # fmt: skip


def _utf8(text: str) -> bytes:
    return tlv.utf8_string(unicodedata.normalize("NFC", text))


def _text(der: bytes, number: int) -> str:
    try:
        found = tlv.read_one(der, tlv.UTF8_STRING, tlv.PRINTABLE_STRING, what="text of a field")
        return unicodedata.normalize("NFC", tlv.to_text(found))
    except FormatError as error:
        error.facts.pop("offset", None)
        raise error.with_facts(field=number) from None


def _written(date: dt.date) -> str:
    return f"{date.day:02d}/{date.month:02d}/{date.year:04d}"


def _date(text: str, number: int) -> dt.date:
    found = re.fullmatch(r"([0-9]{2})/([0-9]{2})/([0-9]{4})", text)
    try:
        if found:
            day, month, year = map(int, found.groups())
            return dt.date(year, month, day)
    except ValueError:
        pass
    raise FormatError("a field of DG13 is no date dd/mm/yyyy", field=number)
