"""Names of holders and authorities of CV certificates, and their dates (BSI TR-03110-3 A.6.1, C.1.3, D.2.1.3)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from cccd_core.errors import FormatError, ParameterError

MNEMONIC_MAX: Final = 9
SEQUENCE_SIZE: Final = 5
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_MNEMONIC: Final = re.compile(r"[\x20-\x7E\xA0-\xFF]{1,9}")
_SEQUENCE: Final = re.compile(r"[0-9A-Z]{5}")
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of one key: country (ISO 3166-1 alpha-2), the holder's mnemonic (1 to 9 characters of ISO/IEC 8859-1),
    the key's sequence number (5 characters, 0-9 and A-Z). ParameterError for another form."""

    country: str
    mnemonic: str
    sequence: str

    def __post_init__(self) -> None:
        for name, form in (("country", _COUNTRY), ("mnemonic", _MNEMONIC), ("sequence", _SEQUENCE)):
            if not form.fullmatch(getattr(self, name)):
                raise ParameterError("a holder reference of no possible form", field=name)

    def __str__(self) -> str:
        return self.country + self.mnemonic + self.sequence

    @property
    def holder(self) -> str:
        """Country and mnemonic: whose key it is."""
        return self.country + self.mnemonic

    @property
    def encoded(self) -> bytes:
        """The bytes, 8 to 16."""
        return str(self).encode("iso-8859-1")

    @classmethod
    def parse(cls, data: bytes, *, offset: int = 0) -> Reference:
        """Out of a certificate or a chip. FormatError for another form."""
        text = data.decode("iso-8859-1")
        try:
            return cls(text[:2], text[2:-SEQUENCE_SIZE], text[-SEQUENCE_SIZE:])
        except ParameterError as error:
            raise FormatError(error.message, offset=offset, length=len(data), **error.facts) from None

    @classmethod
    def of(cls, text: str) -> Reference:
        """Out of text, as people write it. ParameterError for another form."""
        return cls(text[:2], text[2:-SEQUENCE_SIZE], text[-SEQUENCE_SIZE:])

    def following(self) -> Reference:
        """The same holder's next key: the sequence number and one, in the digits that it has (a number stays one), from
        the beginning again after the last."""
        digits = _DIGITS[:10] if self.sequence.isdigit() else _DIGITS
        base = len(digits)
        number = (sum(digits.index(c) * base**i for i, c in enumerate(reversed(self.sequence))) + 1) % base**5
        text = "".join(digits[number // base**i % base] for i in reversed(range(SEQUENCE_SIZE)))
        return Reference(self.country, self.mnemonic, text)


def encode_date(day: dt.date) -> bytes:
    """Six bytes of one digit each, YYMMDD. ParameterError outside the years 2000 to 2099."""
    if not 2000 <= day.year <= 2099:
        raise ParameterError("a certificate's date lies in the years 2000 to 2099", year=day.year)
    return bytes(map(int, f"{day:%y%m%d}"))


def parse_date(data: bytes, *, offset: int = 0) -> dt.date:
    """A day out of six unpacked digits. FormatError for what is no day."""
    if len(data) != 6 or max(data) > 9:
        raise FormatError("a certificate's date is six digits, one a byte", offset=offset, length=len(data))
    year, month, day = (10 * data[i] + data[i + 1] for i in (0, 2, 4))
    try:
        return dt.date(2000 + year, month, day)
    except ValueError:
        raise FormatError("a certificate's date is no day of the calendar", offset=offset) from None
