"""Distinguished names: read, shown, and compared as X.509 says.

RFC 5280 clauses 4.1.2.4 (structure) and 7.1 (comparison: string type, letter case and insignificant spaces do not
count), 7.3 (domain components); RFC 4518 (preparation of strings); ITU-T X.501 clause 9. Imports `emrtd.tlv` alone.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError
from cccd_core.printable import shown

MAX_BYTES = 8192
MAX_PARTS = 64
_MAX_SHOWN = 300

COUNTRY = "2.5.4.6"
_LABELS = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", COUNTRY: "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "T", "2.5.4.17": "POSTALCODE",
    "2.5.4.42": "GN", "2.5.4.46": "DNQUALIFIER", "2.5.4.97": "ORGANIZATIONIDENTIFIER",
    "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "EMAIL",
}  # fmt: skip
_DOMAIN_COMPONENT = "0.9.2342.19200300.100.1.25"

_BYTE_STRINGS = frozenset((tlv.PRINTABLE_STRING, 0x12, 0x14, 0x15, 0x16, 0x19, 0x1A, 0x1B))  # Latin letters in them
_WIDE = {0x1C: "utf-32-be", 0x1E: "utf-16-be"}  # UniversalString, BMPString
# RFC 4518 clause 2.2: mapped to nothing, and to a space
_NOTHING = re.compile(
    "[\u00ad\u034f\u1806\u180b-\u180d\ufe00-\ufe0f\ufffc\u200b\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f"
    "\u06dd\u070f\u180e\u200c-\u200f\u202a-\u202e\u2060-\u2063\u206a-\u206f\ufeff\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
_SPACES = re.compile("[\t-\r\u0085\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name. Two are equal where RFC 5280 clause 7.1 calls them so; `key` is what is compared, `shown`
    (and `str`) is for people to read."""

    key: str = field(repr=False)
    country: str | None = field(compare=False)
    shown: str = field(compare=False)

    def __str__(self) -> str:
        return self.shown


def parse(der: bytes) -> Name:
    """Reads a DER Name. FormatError for what is none, or is too long; text in an unfit character set is read as it is
    in practice (UTF-8, else Latin-1)."""
    return read(tlv.read_one(der, tlv.SEQUENCE, what="name"))


def read(found: tlv.Tlv) -> Name:
    """The Name that was read as one data object."""
    if len(found.value) > MAX_BYTES:
        raise FormatError("a name is too long", offset=found.offset, length=len(found.value), limit=MAX_BYTES)
    keys: list[str] = []
    parts: list[str] = []
    country: str | None = None
    count = 0
    for rdn in found.reader():
        pairs: list[str] = []
        if rdn.tag != tlv.SET:
            raise FormatError("something else than a part of a name", offset=rdn.offset, tag=f"{rdn.tag:X}")
        for each in rdn.reader():
            count += 1
            if each.tag != tlv.SEQUENCE or count > MAX_PARTS:
                raise FormatError("something else than a part of a name, or too many", offset=each.offset)
            attribute = each.reader()
            kind = tlv.to_oid(attribute.next(tlv.OID, what="type of a part of a name"))
            value = attribute.next(what="value of a part of a name")
            attribute.finish("part of a name")
            text = to_text(value)
            if text is None:
                pairs.append(f"{kind}=\0{value.tag:X}:{value.value.hex()}")  # no prepared text has this sign
                text = f"#{value.value.hex()[:40]}"
            else:
                pairs.append(f"{kind}={_domain(text) if kind == _DOMAIN_COMPONENT else prepare(text)}")
                if kind == COUNTRY:
                    country = prepare(text).upper()[:3] or None
            parts.append(f"{_LABELS.get(kind, kind)}={text}")
        keys.append(repr(sorted(pairs)))  # repr: no value can look like two
    line = shown(", ".join(parts)[:_MAX_SHOWN])
    return Name("".join(keys), country, line)


def to_text(value: tlv.Tlv) -> str | None:
    """The text of a value of any string type; None for a value that is no text."""
    raw = value.value
    if value.tag == tlv.UTF8_STRING or value.tag in _BYTE_STRINGS:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("latin-1")  # TeletexString holds it in practice, and so do others
    if value.tag in _WIDE:
        try:
            return raw.decode(_WIDE[value.tag])
        except UnicodeDecodeError:
            return None
    return None


def prepare(text: str) -> str:
    """The form in which two texts are compared without regard to case (RFC 4518 clauses 2.2, 2.3 and 2.6.1)."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _NOTHING.sub("", text).casefold())
        text = unicodedata.normalize("NFKC", text.casefold())
    elif not text.isprintable():
        text = _NOTHING.sub("", text)
    return _SPACES.sub(" ", text.casefold()).strip(" ")


def _domain(text: str) -> str:
    """A label in the form of RFC 5280 clause 7.3: as IDNA has it, where it has one."""
    if text.isascii() or len(text) > 63:
        return prepare(text)
    try:
        return text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return prepare(text)
