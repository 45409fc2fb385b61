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
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cccd_core.emrtd import tlv
from cccd_core.emrtd.content import CardContent
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.odd import OddPart, OddParts, counted, objects, raw
from cccd_core.errors import FormatError, ParameterError

UTF8_CHARACTER_SET = "1.0.10646.1.0.8"
NO_EXPIRY_TEXT = "Không thời hạn"
MAX_FIELDS = 32
MAX_BYTES = 16_384

NUMBER, NAME, BIRTH, SEX, NATIONALITY, ETHNICITY, RELIGION, ORIGIN, RESIDENCE, MARKS = range(1, 11)
ISSUE, EXPIRY, PARENTS, SPOUSE, OLD_NUMBER, UNCONFIRMED = range(11, 17)

# Circular 16/2024 article 6: name, number, nationality, birth, sex, expiry, origin and face are coded as ICAO says;
# all the rest as the authority says.
AUTHORITY_FIELDS = frozenset((ETHNICITY, RELIGION, RESIDENCE, MARKS, ISSUE, PARENTS, SPOUSE, OLD_NUMBER))

REQUIRED = (NUMBER, NAME, BIRTH, SEX, NATIONALITY, EXPIRY)

NAMES = {
    NUMBER: "personal_number", NAME: "full_name", BIRTH: "birth_date", SEX: "sex", NATIONALITY: "nationality_name",
    ETHNICITY: "ethnicity", RELIGION: "religion", ORIGIN: "place_of_origin", RESIDENCE: "place_of_residence",
    MARKS: "marks", ISSUE: "issue_date", EXPIRY: "expiry_date", PARENTS: "parents", SPOUSE: "spouse",
    OLD_NUMBER: "old_number",
}  # fmt: skip
_SEXES = {"M": "Nam", "F": "Nữ"}
# UTF8String, and the strings of X.680 that others may use: Numeric, Printable, Teletex, IA5, Visible, Universal, BMP.
_STRINGS = {
    tlv.UTF8_STRING: "utf-8", 0x12: "ascii", tlv.PRINTABLE_STRING: "ascii", 0x14: "latin-1", 0x16: "ascii",
    0x1A: "ascii", 0x1C: "utf-32-be", 0x1E: "utf-16-be",
}  # fmt: skip
_MAX_TEXT_BYTES = 4096
_MAX_TEXTS = 4


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


@dataclass(frozen=True, slots=True, repr=False)
class CitizenFields:
    """The fields of DG13. Texts are NFC; a card that says that it has no expiry is `permanent`. None is what DG13 does
    not say, or not in a form that is known: then `odd` names the field and keeps its text. `others` keeps the DER of
    the values of fields that are not known here, by number."""

    personal_number: str | None = None
    full_name: str | None = None
    birth_date: dt.date | None = None
    sex: str | None = None
    nationality_name: str | None = None
    expiry_date: dt.date | None = None
    permanent: bool = False
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
    others: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    odd: tuple[OddPart, ...] = ()


def of_content(content: CardContent) -> CitizenFields:
    """The fields that DG13 takes of a card's content."""
    return CitizenFields(
        personal_number=content.personal_number, full_name=content.full_name, birth_date=content.birth_date,
        sex=content.sex, nationality_name=content.nationality_name, expiry_date=content.expiry_date,
        permanent=content.expiry_date is None, issue_date=content.issue_date, ethnicity=content.ethnicity or None,
        religion=content.religion or None, place_of_origin=content.place_of_origin or None,
        place_of_residence=content.place_of_residence or None, marks=content.marks or None,
        father=content.father or None, mother=content.mother or None, spouse=content.spouse or None,
        old_number=content.old_number or None,
    )  # fmt: skip


def build(fields: CitizenFields, *, codec: AuthorityCodec = PLAIN) -> bytes:
    """DG13 of the fields; what is None is left out. ParameterError for fields with odd parts, and where one that every
    card has is missing."""
    if fields.odd:
        raise ParameterError("fields with odd parts are not written", field=fields.odd[0].name)
    for number in REQUIRED:
        if number != EXPIRY and getattr(fields, NAMES[number]) is None:
            raise ParameterError("a field of DG13 is missing", field=NAMES[number])
    if fields.permanent == (fields.expiry_date is not None):
        raise ParameterError("a card expires on a date or is permanent", field="expiry_date")
    if fields.sex is None or fields.sex not in _SEXES:
        raise ParameterError("sex is M or F", field="sex")
    expiry = NO_EXPIRY_TEXT if fields.expiry_date is None else _written(fields.expiry_date)
    texts: dict[int, str | None] = {
        NUMBER: fields.personal_number, NAME: fields.full_name, BIRTH: _written(fields.birth_date),
        SEX: _SEXES[fields.sex], NATIONALITY: fields.nationality_name, ETHNICITY: fields.ethnicity,
        RELIGION: fields.religion, ORIGIN: fields.place_of_origin, RESIDENCE: fields.place_of_residence,
        MARKS: fields.marks, ISSUE: _written(fields.issue_date), EXPIRY: expiry, OLD_NUMBER: fields.old_number,
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
    """The fields in DG13, in any order, in any of ASN.1's usual strings.

    A field that is missing, there twice or of another form than ours is in `odd`, under its name in `CitizenFields`
    (13 `parents`, a row whose number cannot be read `row N`); all others are read. FormatError with offset for what is
    no DG13, and above 16 KiB.
    """
    if len(data) > MAX_BYTES:
        raise FormatError("DG13 is too long", offset=0, length=len(data), limit=MAX_BYTES)
    whole = tlv.read_one(data, ElementaryFile.DG13.tag, what="DG13")
    reader = whole.reader()
    content = reader.next(tlv.SEQUENCE, what="content of DG13")
    parts = content.reader()
    version = parts.next(tlv.INTEGER, what="version of DG13")
    character_set = parts.next(tlv.OID, what="character set of DG13")
    rows = parts.next(tlv.SET, what="fields of DG13")
    odd = OddParts()
    _head(version, character_set, odd)
    for behind, holder in ((parts, content), (reader, whole)):
        if behind.remaining:
            rest = holder.value[-behind.remaining :]
            odd.add("rest of DG13", rest, "bytes follow the fields of DG13", offset=behind.offset)
    values: dict[int, bytes] = {}
    for place, row in enumerate(objects(rows, odd, what="fields of DG13", limit=MAX_FIELDS), start=1):
        try:
            _row(row, values, odd, codec)
        except FormatError as error:
            odd.caught(f"row {place}", raw(rows, row), error)
    return _Values(values, odd).fields()


def _head(version: tlv.Tlv, character_set: tlv.Tlv, odd: OddParts) -> None:
    if counted(version, odd, what="version") != 1:
        odd.add("version", version.value, "DG13 of an unknown version", offset=version.offset)
    try:
        known = tlv.to_oid(character_set) == UTF8_CHARACTER_SET
    except FormatError:
        known = False
    if not known:
        odd.add("character set", character_set.value, "DG13 of an unknown character set", offset=character_set.offset)


def _row(row: tlv.Tlv, values: dict[int, bytes], odd: OddParts, codec: AuthorityCodec) -> None:
    """Takes one row into `values`. FormatError where it cannot be said which field it is."""
    if row.tag != tlv.SEQUENCE:
        raise FormatError("a field of DG13 is no SEQUENCE", offset=row.offset, tag=f"{row.tag:X}")
    entry = row.reader()
    numbered = entry.next(tlv.INTEGER, what="number of a field")
    number = int.from_bytes(numbered.value, "big", signed=True)
    if not 1 <= len(numbered.value) <= 4 or not 1 <= number <= 255:
        raise FormatError("a field of DG13 has an impossible number", offset=numbered.offset)
    name = NAMES.get(number, f"field {number}")
    counted(numbered, odd, what=name)
    if number in values:
        odd.add(name, row.value, "a field of DG13 is there twice", offset=row.offset, field=number)
        return
    try:
        found = entry.next(what="value of a field")
        if entry.remaining:
            odd.add(name, row.value, "a field of DG13 has more than a value", offset=entry.offset, field=number)
        value = raw(row, found)
        if number in AUTHORITY_FIELDS:
            value = codec.decode(number, value)
            tlv.read_one(value, what="value of a field")
        values[number] = value
    except FormatError as error:
        values[number] = b""  # there, and said to be odd
        odd.caught(name, row.value, FormatError(error.message, **(error.facts | {"field": number})))


class _Values:
    """The values of the rows, being turned into fields; what is not as it should be is noted."""

    def __init__(self, values: dict[int, bytes], odd: OddParts) -> None:
        self.values = values
        self.odd = odd

    def fields(self) -> CitizenFields:
        for number in REQUIRED:
            if number not in self.values:
                self.odd.add(NAMES[number], b"", "a field of DG13 is missing", field=number)
        sex, expiry = self.text(SEX), self.text(EXPIRY)
        if sex is not None and sex not in _SEXES.values():
            self.fault(SEX, "a field of DG13 is neither Nam nor Nữ")
        permanent = expiry == NO_EXPIRY_TEXT
        parents, spouse = self.texts(PARENTS), self.texts(SPOUSE)
        father, mother = (*parents, "", "")[:2]
        return CitizenFields(
            personal_number=self.required(NUMBER), full_name=self.required(NAME),
            birth_date=self.date(BIRTH, self.text(BIRTH)),
            sex={shown: code for code, shown in _SEXES.items()}.get(sex or ""),
            nationality_name=self.required(NATIONALITY), permanent=permanent,
            expiry_date=None if permanent else self.date(EXPIRY, expiry),
            issue_date=self.date(ISSUE, self.text(ISSUE)), ethnicity=self.text(ETHNICITY),
            religion=self.text(RELIGION), place_of_origin=self.text(ORIGIN), place_of_residence=self.text(RESIDENCE),
            marks=self.text(MARKS), father=father or None, mother=mother or None,
            spouse=(spouse[0] if spouse else "") or None, old_number=self.text(OLD_NUMBER),
            others={number: value for number, value in self.values.items() if value and number not in NAMES},
            odd=self.odd.all(),
        )  # fmt: skip

    def fault(self, number: int, message: str) -> None:
        self.odd.add(NAMES[number], tlv.Reader(self.values[number]).next().value, message, field=number)

    def text(self, number: int) -> str | None:
        """The text of a field; None where it is not there, or is none, which is then noted."""
        der = self.values.get(number, b"")
        if not der:
            return None
        found = tlv.Reader(der).next()
        try:
            return _text(found)
        except FormatError as error:
            error.facts.pop("offset", None)
            self.odd.caught(NAMES[number], found.value, FormatError(error.message, **error.facts, field=number))
            return None

    def required(self, number: int) -> str | None:
        """`text` of a field that says something."""
        text = self.text(number)
        if text == "":
            self.fault(number, "a field of DG13 is empty")
        return text or None

    def texts(self, number: int) -> list[str]:
        """The texts of a field that has several; of one that has a single one, that one, which is noted."""
        der = self.values.get(number, b"")
        if not der:
            return []
        holder = tlv.Reader(der).next()
        if holder.tag != tlv.SEQUENCE:
            single = self.text(number)
            if single is not None:
                self.fault(number, "a field of DG13 is no SEQUENCE of texts")
            return [single] if single else []
        found: list[str] = []
        for each in objects(holder, self.odd, what=NAMES[number], limit=_MAX_TEXTS):
            try:
                found.append(_text(each))
            except FormatError as error:
                found.append("")
                self.odd.caught(NAMES[number], each.value, FormatError(error.message, field=number))
        return found

    def date(self, number: int, text: str | None) -> dt.date | None:
        if text is None:
            return None
        found = re.fullmatch(r"([0-9]{2})/([0-9]{2})/([0-9]{4})", text)
        try:
            if found:
                day, month, year = map(int, found.groups())
                return dt.date(year, month, day)
        except ValueError:
            pass
        self.fault(number, "a field of DG13 is no date dd/mm/yyyy")
        return None


def _utf8(text: str) -> bytes:
    return tlv.utf8_string(unicodedata.normalize("NFC", text))


def _text(found: tlv.Tlv) -> str:
    """The text of one string, in NFC. FormatError for what is none."""
    encoding = _STRINGS.get(found.tag)
    if encoding is None:
        raise FormatError("a field of DG13 is no text", tag=f"{found.tag:X}")
    if len(found.value) > _MAX_TEXT_BYTES:
        raise FormatError("a text is too long", length=len(found.value), limit=_MAX_TEXT_BYTES)
    try:
        return unicodedata.normalize("NFC", found.value.decode(encoding))
    except UnicodeDecodeError:
        raise FormatError("a text is not in its character set", length=len(found.value)) from None


def _written(date: dt.date | None) -> str | None:
    return None if date is None else f"{date.day:02d}/{date.month:02d}/{date.year:04d}"
