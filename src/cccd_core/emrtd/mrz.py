"""Machine readable zones TD1, TD2 and TD3, and those of visas: build and parse.

Doc 9303-3 clause 4 (common rules, check digits 4.9), 9303-5 clause 4.2 (TD1), 9303-6 clause 4.2 (TD2), 9303-4 clause
4.2 (TD3), 9303-7 clause 4.2 (visas, MRV-A and MRV-B); the Vietnamese card's TD1 as in `for_card`.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from cccd_core.emrtd.content import CardContent
from cccd_core.emrtd.names import name_field, split_vietnamese
from cccd_core.emrtd.odd import OddPart, OddParts
from cccd_core.errors import FormatError, ParameterError

# How the Vietnamese card codes "Không thời hạn" in its MRZ is not published; readers need six digits there for BAC.
NO_EXPIRY: Final = "991231"

LINES: Final = {"TD1": (3, 30), "TD2": (2, 36), "TD3": (2, 44), "MRV-B": (2, 36), "MRV-A": (2, 44)}
_WEIGHTS = (7, 3, 1)
_ALPHABET = re.compile(r"[A-Z0-9<]*\Z")
_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")
_SEXES = {"M": "M", "F": "F", "X": "<", "<": "<", "": "<"}  # what the visual zone writes as X stands as `<` here
_TYPED = {ord("\u00ab"): "<<", ord("\u2039"): "<", ord("\u2329"): "<", ord("\u3008"): "<", ord("\u27e8"): "<"}


def check_digit(text: str) -> str:
    """The check digit of `text` over weights 7-3-1, modulo 10 (Doc 9303-3 clause 4.9)."""
    if not _ALPHABET.match(text):
        raise ParameterError("a character that is not of the machine readable zone", length=len(text))
    total = 0
    for position, character in enumerate(text):
        value = 0 if character == "<" else int(character, 36)
        total += value * _WEIGHTS[position % 3]
    return str(total % 10)


@dataclass(frozen=True, slots=True)
class MrzInformation:
    """What BAC, and PACE with the MRZ, derive their key from; dates as YYMMDD (Doc 9303-11 clause 9.7.2).

    It is a secret of the card: it is not shown by `repr`.
    """

    document_number: str
    birth_date: str
    expiry_date: str

    def __post_init__(self) -> None:
        for name in ("birth_date", "expiry_date"):
            if not re.fullmatch(r"[0-9<]{6}", getattr(self, name)):
                raise ParameterError("a date of the machine readable zone has six digits", field=name)
        if not 1 <= len(self.document_number) <= 23 or not _ALPHABET.match(self.document_number):
            raise ParameterError("a document number has 1 to 23 characters A-Z, 0-9, <", field="document_number")

    def __repr__(self) -> str:
        return "MrzInformation(...)"

    @property
    def key_source(self) -> str:
        """Number, birth and expiry, each followed by its check digit; a short number is filled with `<` to nine."""
        dates = (self.birth_date, self.expiry_date)
        return self.number_and_check_digit + "".join(part + check_digit(part) for part in dates)

    @property
    def number_and_check_digit(self) -> str:
        """The document number, filled with `<` to nine, and its check digit: what a chip opened by BAC goes by in
        terminal authentication (Doc 9303-11 clause 7.1)."""
        number = self.document_number.ljust(9, "<")
        return number + check_digit(number)


@dataclass(frozen=True, slots=True, repr=False)
class Mrz:
    """The fields of a machine readable zone, without fillers at their ends. `format` is TD1, TD2, TD3, MRV-A or MRV-B.

    Dates are YYMMDD, `<` in unknown places of a birth date. `primary_identifier` and `secondary_identifier` are
    transliterated, components apart by `<`; read from a zone they may be truncated. `optional_data_2` exists in TD1
    alone. `odd` names the fields that are not as they should be (`composite` for the check digit over all); what
    stands in the zone is in the field all the same.
    """

    format: str
    document_code: str
    issuing_state: str
    document_number: str
    birth_date: str
    sex: str
    expiry_date: str
    nationality: str
    primary_identifier: str
    secondary_identifier: str
    optional_data_1: str = ""
    optional_data_2: str = ""
    odd: tuple[OddPart, ...] = ()

    @property
    def information(self) -> MrzInformation:
        """What BAC needs, the check digits computed from the fields, also where the zone has another. ParameterError
        where a field can be no part of a key."""
        return MrzInformation(self.document_number, self.birth_date, self.expiry_date)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines as they are to be written; see `build`. Those that were read: `dg1.lines`."""
        return build(self)

    @property
    def personal_number(self) -> str | None:
        """The twelve-digit number of a Vietnamese card, whose first optional field repeats it with a check digit;
        None for any other document.
        """
        # "079203012345<<7": thirteen characters of fact in a field of fifteen
        found = re.fullmatch(r"([0-9]{12})<<([0-9])", self.optional_data_1)
        if self.format != "TD1" or self.issuing_state != "VNM" or not found:
            return None
        number, digit = found.groups()
        return number if check_digit(number) == digit and number.endswith(self.document_number) else None


def for_card(content: CardContent, *, no_expiry: str = NO_EXPIRY) -> Mrz:
    """The TD1 zone of the Vietnamese card.

    Line 1 is `IDVNM`, the last nine digits of the number as document number, its check digit, then as optional data
    all twelve digits, `<<` and a check digit over the twelve.
    """
    number = content.personal_number
    primary, secondary = split_vietnamese(content.full_name)
    return Mrz(
        format="TD1",
        document_code="ID",
        issuing_state="VNM",
        document_number=number[-9:],
        birth_date=_yymmdd(content.birth_date),
        sex=content.sex,
        expiry_date=no_expiry if content.expiry_date is None else _yymmdd(content.expiry_date),
        nationality=content.nationality,
        primary_identifier=primary,
        secondary_identifier=secondary,
        optional_data_1=f"{number}<<{check_digit(number)}",
    )


def can(personal_number: str) -> str:
    """The card access number of the Vietnamese card: the last six digits of the twelve-digit number."""
    if not re.fullmatch(r"[0-9]{12}", personal_number):
        raise ParameterError("the personal number has twelve digits", field="personal_number")
    return personal_number[-6:]


def build(mrz: Mrz) -> tuple[str, ...]:
    """The lines of the zone. ParameterError names the field that does not fit, never its value."""
    if mrz.format not in LINES:
        raise ParameterError("a machine readable zone is TD1, TD2, TD3, MRV-A or MRV-B", format=mrz.format)
    if mrz.odd:
        raise ParameterError("a zone with odd fields is not written", field=mrz.odd[0].name)
    code = _fit("document_code", mrz.document_code, 2)
    state = _fit("issuing_state", mrz.issuing_state, 3)
    nationality = _fit("nationality", mrz.nationality, 3)
    if mrz.sex not in _SEXES:
        raise ParameterError("sex is M, F, X or <", field="sex")
    sex = _SEXES[mrz.sex]
    visa = mrz.format in ("MRV-A", "MRV-B")
    if visa != (code[0] == "V"):
        raise ParameterError("the document code of visas alone begins with V", field="document_code")
    for name in ("birth_date", "expiry_date"):
        if not re.fullmatch(r"[0-9<]{6}", getattr(mrz, name)):
            raise ParameterError("a date of the machine readable zone has six digits", field=name)
    birth = mrz.birth_date + check_digit(mrz.birth_date)
    expiry = mrz.expiry_date + check_digit(mrz.expiry_date)
    if visa:
        number = _fit("document_number", mrz.document_number, 9)
        number += check_digit(number)
        width = LINES[mrz.format][1]
        optional = _fit("optional_data_1", mrz.optional_data_1, width - 28)
        names = name_field(mrz.primary_identifier, mrz.secondary_identifier, width - 5)
        return code + state + names, number + nationality + birth + sex + expiry + optional
    if mrz.format == "TD3":
        number = _fit("document_number", mrz.document_number, 9)
        number += check_digit(number)
        optional = _fit("optional_data_1", mrz.optional_data_1, 14)
        optional += check_digit(optional) if mrz.optional_data_1 else "<"
        composite = check_digit(number + birth + expiry + optional)
        names = name_field(mrz.primary_identifier, mrz.secondary_identifier, 39)
        return code + state + names, number + nationality + birth + sex + expiry + optional + composite
    width = 15 if mrz.format == "TD1" else 7
    number, optional = _number_and_optional(mrz.document_number, mrz.optional_data_1, width)
    if mrz.format == "TD2":
        composite = check_digit(number + birth + expiry + optional)
        names = name_field(mrz.primary_identifier, mrz.secondary_identifier, 31)
        return code + state + names, number + nationality + birth + sex + expiry + optional + composite
    second = _fit("optional_data_2", mrz.optional_data_2, 11)
    composite = check_digit(number + optional + birth + expiry + second)
    names = name_field(mrz.primary_identifier, mrz.secondary_identifier, 30)
    return code + state + number + optional, birth + sex + expiry + nationality + second + composite, names


def parse(text: str) -> Mrz:
    """The fields of a zone given as its lines together (30x3, 36x2 or 44x2 characters; line breaks are ignored).

    A wrong check digit, and anything else that is odd, is in `odd` under the name of the field that it is about, with
    `offset` (in the text without line breaks) and `field`; every field holds what stands in the zone. FormatError for
    what is no zone: of another length, or mostly of other characters.
    """
    flat = text.replace("\r", "").replace("\n", "") if len(text) <= 200 else text
    name = next((name for name, (count, width) in LINES.items() if len(flat) == count * width), None)
    if name is None:
        raise FormatError("a machine readable zone has 90, 72 or 88 characters", offset=0, length=len(flat))
    wrong = [place for place, sign in enumerate(flat) if sign not in _SIGNS]
    if len(wrong) > len(flat) // 2:
        raise FormatError("a character that is not of the machine readable zone", offset=wrong[0])
    if name != "TD1" and flat[0] == "V":
        name = {"TD2": "MRV-B", "TD3": "MRV-A"}[name]
    return _Zone(flat, name).read()


def parse_typed(text: str) -> Mrz:
    """`parse` of a zone as a person types or pastes it: in small letters, with spaces, without the fillers at a line's
    end, with other signs for `<`. FormatError as there."""
    if len(text) > 400:
        raise FormatError("a machine readable zone has 90, 72 or 88 characters", offset=0, length=len(text))
    signs = unicodedata.normalize("NFKC", text).upper().translate(_TYPED)
    signs = "".join(sign for sign in signs if unicodedata.category(sign) != "Cf")
    joined = "".join(signs.split())
    if any(len(joined) == count * width for count, width in LINES.values()):
        return parse(joined)
    lines = ["".join(line.split()) for line in signs.splitlines() if line.strip()]
    width = max(map(len, lines), default=0)
    return parse("".join(line.ljust(width, "<") for line in lines))


class _Zone:
    """One zone being read."""

    def __init__(self, flat: str, name: str) -> None:
        self.flat = flat
        self.name = name
        self.odd = OddParts()
        self._named: set[str] = set()

    def read(self) -> Mrz:
        first = self.name == "TD1"
        width = LINES[self.name][1]
        code, state = self._code("document_code", 0, 2), self._code("issuing_state", 2, 5)
        optional_2 = ""
        if first:
            number, optional = self._number_and_optional(5, 15, 30)
            birth, expiry = self._date("birth_date", 30), self._date("expiry_date", 38)
            sex, nationality = self._sex(37), self._code("nationality", 45, 48)
            optional_2 = self._field("optional_data_2", 48, 59)
            primary, secondary = self._names(60, 90)
            self._composite(((5, 30), (30, 37), (38, 45), (48, 59)), 59)
        else:
            primary, secondary = self._names(5, width)
            birth, expiry = self._date("birth_date", width + 13), self._date("expiry_date", width + 21)
            sex, nationality = self._sex(width + 20), self._code("nationality", width + 10, width + 13)
            if self.name == "TD2":
                number, optional = self._number_and_optional(width, width + 28, width + 35)
            else:
                number = self._checked("document_number", width, width + 9)
                if self.name == "TD3":
                    optional = self._checked("optional_data_1", width + 28, width + 42)
                else:
                    optional = self._field("optional_data_1", width + 28, len(self.flat))
            if self.name in ("TD2", "TD3"):
                last = len(self.flat) - 1
                self._composite(((width, width + 10), (width + 13, width + 20), (width + 21, last)), last)
        return Mrz(
            self.name, code, state, number, birth, sex, expiry, nationality, primary, secondary, optional, optional_2,
            self.odd.all(),
        )  # fmt: skip

    def _fault(self, name: str, raw: str, message: str, offset: int) -> None:
        """Names a field's first fault."""
        if name not in self._named:
            self._named.add(name)
            self.odd.add(name, raw.encode("latin-1", "replace"), message, offset=offset, field=name)

    def _field(self, name: str, start: int, end: int) -> str:
        text = self.flat[start:end]
        wrong = next((place for place, sign in enumerate(text) if sign not in _SIGNS), None)
        if wrong is not None:
            self._fault(name, text, "a character that is not of the machine readable zone", start + wrong)
        return text.rstrip("<")

    def _code(self, name: str, start: int, end: int) -> str:
        text = self._field(name, start, end)
        if not text:
            self._fault(name, self.flat[start:end], "a field that must say something is empty", start)
        elif name != "document_code" and not text.isalpha():
            self._fault(name, text, "a code of a State is not letters alone", start)
        return text

    def _checked(self, name: str, start: int, end: int) -> str:
        """A field whose check digit stands behind it. A filler may stand there when the field is empty (Doc 9303-4
        clause 4.2.2.2; done for unknown dates, too)."""
        text = self._field(name, start, end)
        if name == "document_number" and not text:
            self._fault(name, self.flat[start : end + 1], "a document number is empty", start)
        self._digit(name, self.flat[start:end], end)
        return text

    def _digit(self, name: str, covered: str, position: int) -> None:
        digit = self.flat[position]
        right = _ALPHABET.match(covered) and (
            digit == check_digit(covered) or (digit == "<" and not covered.strip("<"))
        )
        if not right:
            self._fault(name, covered + digit, "a check digit is wrong", position)

    def _date(self, name: str, start: int) -> str:
        self._checked(name, start, start + 6)
        text = self.flat[start : start + 6]
        if not re.fullmatch(r"[0-9<]{6}", text):
            self._fault(name, text, "a date holds letters", start)
        elif not re.fullmatch(r"(..)(0[1-9]|1[0-2]|<<)(0[1-9]|[12][0-9]|3[01]|<<)", text):
            self._fault(name, text, "no date of a calendar", start)
        return text

    def _sex(self, position: int) -> str:
        sex = self.flat[position]
        if sex not in ("M", "F", "<"):
            self._fault("sex", sex, "sex is M, F or <", position)
        return sex

    def _names(self, start: int, end: int) -> tuple[str, str]:
        text = self.flat[start:end]
        self._field("name", start, end)
        primary, _, secondary = text.strip("<").partition("<<")
        if not primary or any(sign.isdigit() for sign in text):
            self._fault("name", text, "a name field is empty or holds digits", start)
        return primary, secondary.strip("<")

    def _number_and_optional(self, start: int, optional_start: int, optional_end: int) -> tuple[str, str]:
        """The document number, which runs on into the optional field where a filler stands for its check digit, and
        what the optional field holds besides."""
        optional = self._field("optional_data_1", optional_start, optional_end)
        nine = self.flat[start : start + 9]
        if self.flat[start + 9] != "<" or "<" in nine or not optional:
            return self._checked("document_number", start, start + 9), optional
        rest, _, optional = optional.partition("<")
        number = nine + rest[:-1]
        if not _ALPHABET.match(number) or check_digit(number) != rest[-1:]:
            self._fault("document_number", nine + "<" + rest, "a check digit is wrong", start + 9)
        return number, optional

    def _composite(self, covered: tuple[tuple[int, int], ...], position: int) -> None:
        self._digit("composite", "".join(self.flat[start:end] for start, end in covered), position)


def _number_and_optional(number: str, optional: str, width: int) -> tuple[str, str]:
    """(number with check digit, optional field) where a number above nine characters runs on into the optional field:
    its first nine characters, `<` for the check digit, then the rest, the check digit and a filler (TD1 note j)."""
    if len(number) <= 9:
        padded = _fit("document_number", number, 9)
        return padded + check_digit(padded), _fit("optional_data_1", optional, width)
    if not _ALPHABET.match(number):
        raise ParameterError("a field holds A-Z, 0-9 and < alone", field="document_number")
    overflow = number[9:] + check_digit(number) + "<" + optional
    if not optional and len(overflow) == width + 1:
        overflow = overflow[:-1]
    return number[:9] + "<", _fit("document_number", overflow, width)


def _fit(name: str, value: str, width: int) -> str:
    if len(value) > width:
        raise ParameterError("a field of the machine readable zone is too long", field=name, limit=width)
    if not _ALPHABET.match(value):
        raise ParameterError("a field holds A-Z, 0-9 and < alone", field=name)
    return value.ljust(width, "<")


def _yymmdd(date: dt.date) -> str:
    return f"{date.year % 100:02d}{date.month:02d}{date.day:02d}"
