"""Machine readable zones TD1, TD2 and TD3: build and parse.

Doc 9303-3 clause 4 (common rules, check digits 4.9), 9303-5 clause 4.2 (TD1), 9303-6 clause 4.2 (TD2), 9303-4 clause
4.2 (TD3); the Vietnamese card's TD1 as in `for_card`.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from cccd_core.emrtd.content import CardContent
from cccd_core.emrtd.names import name_field, split_vietnamese
from cccd_core.errors import FormatError, ParameterError

# How the Vietnamese card codes "Không thời hạn" in its MRZ is not published; readers need six digits there for BAC.
NO_EXPIRY: Final = "991231"

_LINES = {"TD1": (3, 30), "TD2": (2, 36), "TD3": (2, 44)}
_WEIGHTS = (7, 3, 1)
_ALPHABET = re.compile(r"[A-Z0-9<]*\Z")


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
        if not 1 <= len(self.document_number) <= 22 or not _ALPHABET.match(self.document_number):
            raise ParameterError("a document number has 1 to 22 characters A-Z, 0-9, <", field="document_number")

    def __repr__(self) -> str:
        return "MrzInformation(...)"

    @property
    def key_source(self) -> str:
        """Number, birth and expiry, each followed by its check digit; a short number is filled with `<` to nine."""
        parts = (self.document_number.ljust(9, "<"), self.birth_date, self.expiry_date)
        return "".join(part + check_digit(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Mrz:
    """The fields of a machine readable zone, without fillers at their ends. `format` is TD1, TD2 or TD3.

    Dates are YYMMDD, `<` in unknown places of a birth date. `primary_identifier` and `secondary_identifier` are
    transliterated, components apart by `<`; after `parse` they may be truncated. `optional_data_2` exists in TD1 alone.
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

    @property
    def information(self) -> MrzInformation:
        """What BAC needs."""
        return MrzInformation(self.document_number, self.birth_date, self.expiry_date)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the zone; see `build`."""
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
    if mrz.format not in _LINES:
        raise ParameterError("a machine readable zone is TD1, TD2 or TD3", format=mrz.format)
    code = _fit("document_code", mrz.document_code, 2)
    state = _fit("issuing_state", mrz.issuing_state, 3)
    nationality = _fit("nationality", mrz.nationality, 3)
    sex = mrz.sex if mrz.sex in ("M", "F") else "<"
    for name in ("birth_date", "expiry_date"):
        if not re.fullmatch(r"[0-9<]{6}", getattr(mrz, name)):
            raise ParameterError("a date of the machine readable zone has six digits", field=name)
    birth = mrz.birth_date + check_digit(mrz.birth_date)
    expiry = mrz.expiry_date + check_digit(mrz.expiry_date)
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
    """The fields of a zone given as its lines together (30×3, 36×2 or 44×2 characters; line breaks are ignored).

    Every check digit must be right. FormatError with `offset` (in the text without line breaks) and `field`.
    """
    flat = text.replace("\r", "").replace("\n", "") if len(text) <= 200 else text
    name = next((name for name, (count, width) in _LINES.items() if len(flat) == count * width), None)
    if name is None:
        raise FormatError("a machine readable zone has 90, 72 or 88 characters", length=len(flat))
    if not _ALPHABET.match(flat):
        bad = next(i for i, c in enumerate(flat) if not _ALPHABET.match(c))
        raise FormatError("a character that is not of the machine readable zone", offset=bad)
    return {"TD1": _parse_td1, "TD2": _parse_two_lines, "TD3": _parse_two_lines}[name](flat, name)


def _parse_td1(flat: str, name: str) -> Mrz:
    number, optional = _split_number(flat, 5, 15, 30)
    birth = _checked(flat, 30, 36, "birth_date")
    expiry = _checked(flat, 38, 44, "expiry_date")
    _composite(flat, flat[5:30] + flat[30:37] + flat[38:45] + flat[48:59], 59)
    primary, secondary = _names(flat, 60, 90)
    return Mrz(
        name, flat[:2].rstrip("<"), flat[2:5].rstrip("<"), number, birth, _sex(flat, 37), expiry,
        flat[45:48].rstrip("<"), primary, secondary, optional, flat[48:59].rstrip("<"),
    )  # fmt: skip


def _parse_two_lines(flat: str, name: str) -> Mrz:
    width = _LINES[name][1]
    primary, secondary = _names(flat, 5, width)
    start = width
    birth = _checked(flat, start + 13, start + 19, "birth_date")
    expiry = _checked(flat, start + 21, start + 27, "expiry_date")
    _composite(flat, flat[start : start + 10] + flat[start + 13 : start + 20] + flat[start + 21 : -1], len(flat) - 1)
    if name == "TD3":
        number = _checked(flat, start, start + 9, "document_number").rstrip("<")
        optional = flat[start + 28 : start + 42]
        digit = flat[start + 42]
        if digit != check_digit(optional) and not (digit == "<" and not optional.strip("<")):
            raise FormatError("a check digit is wrong", offset=start + 42, field="optional_data_1")
        optional = optional.rstrip("<")
    else:
        number, optional = _split_number(flat, start, start + 28, start + 35)
    return Mrz(
        name, flat[:2].rstrip("<"), flat[2:5].rstrip("<"), number, birth, _sex(flat, start + 20), expiry,
        flat[start + 10 : start + 13].rstrip("<"), primary, secondary, optional,
    )  # fmt: skip


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


def _split_number(flat: str, start: int, optional_start: int, optional_end: int) -> tuple[str, str]:
    optional = flat[optional_start:optional_end].rstrip("<")
    if flat[start + 9] != "<" or not optional:
        if flat[start + 9] == "<" and not flat[start : start + 9].strip("<"):
            raise FormatError("a document number is empty", offset=start, field="document_number")
        return _checked(flat, start, start + 9, "document_number").rstrip("<"), optional
    rest, _, optional = optional.partition("<")
    number = flat[start : start + 9] + rest[:-1]
    if check_digit(number) != rest[-1:]:
        raise FormatError("a check digit is wrong", offset=start + 9, field="document_number")
    return number, optional


def _checked(flat: str, start: int, end: int, name: str) -> str:
    text = flat[start:end]
    if flat[end] != check_digit(text):
        raise FormatError("a check digit is wrong", offset=end, field=name)
    if name.endswith("date") and not re.fullmatch(r"[0-9<]{6}", text):
        raise FormatError("a date holds letters", offset=start, field=name)
    return text


def _composite(flat: str, covered: str, position: int) -> None:
    if flat[position] != check_digit(covered):
        raise FormatError("a check digit is wrong", offset=position, field="composite")


def _sex(flat: str, position: int) -> str:
    if flat[position] not in "MF<":
        raise FormatError("sex is M, F or <", offset=position, field="sex")
    return flat[position]


def _names(flat: str, start: int, end: int) -> tuple[str, str]:
    primary, _, secondary = flat[start:end].strip("<").partition("<<")
    if not primary or any(c.isdigit() for c in primary + secondary):
        raise FormatError("a name field is empty or holds digits", offset=start, field="name")
    return primary, secondary.strip("<")


def _fit(name: str, value: str, width: int) -> str:
    if len(value) > width:
        raise ParameterError("a field of the machine readable zone is too long", field=name, limit=width)
    if not _ALPHABET.match(value):
        raise ParameterError("a field holds A-Z, 0-9 and < alone", field=name)
    return value.ljust(width, "<")


def _yymmdd(date: dt.date) -> str:
    return f"{date.year % 100:02d}{date.month:02d}{date.day:02d}"
