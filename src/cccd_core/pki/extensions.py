"""Extensions of certificates: each read by its syntax, one that cannot be read named and left out.

RFC 5280 clause 4.2 and Doc 9303-12 clause 7.1. An extension that is not critical and cannot be read counts as absent;
one that is critical and cannot be read, or is not known here, forbids the use of the certificate. What the values mean
is not said here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from cccd_core.emrtd import times, tlv
from cccd_core.errors import CccdError, FormatError

SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
PRIVATE_KEY_USAGE_PERIOD = "2.5.29.16"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
ISSUER_ALTERNATIVE_NAME = "2.5.29.18"
BASIC_CONSTRAINTS = "2.5.29.19"
CRL_DISTRIBUTION_POINTS = "2.5.29.31"
CERTIFICATE_POLICIES = "2.5.29.32"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
EXTENDED_KEY_USAGE = "2.5.29.37"
NAME_CHANGE = "2.23.136.1.1.6.1"
DOCUMENT_TYPE_LIST = "2.23.136.1.1.6.2"

MAX_EXTENSIONS = 64
MAX_ITEMS = 128

_KEY_USAGES = (
    "digital_signature", "non_repudiation", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip

Period = tuple[dt.datetime | None, dt.datetime | None]


@dataclass(slots=True)
class Extensions:
    """What the extensions of one certificate say. `raw` has the value of each, by its OID; `is_ca` is None where there
    are no basic constraints."""

    raw: dict[str, bytes] = field(default_factory=dict)
    critical: set[str] = field(default_factory=set)
    unknown_critical: list[str] = field(default_factory=list)
    broken: dict[str, FormatError] = field(default_factory=dict)
    subject_key_identifier: bytes | None = None
    authority_key_identifier: bytes | None = None
    key_usage: frozenset[str] | None = None
    extended_key_usage: frozenset[str] | None = None
    private_key_usage_period: Period | None = None
    is_ca: bool | None = None
    path_length: int | None = None
    document_types: frozenset[str] | None = None
    distribution_points: tuple[str, ...] = ()


def read(extensions: tlv.Tlv | None) -> Extensions:
    """Reads Extensions ::= SEQUENCE OF Extension. FormatError where that row itself cannot be read, or names one
    twice (RFC 5280 clause 4.2 forbids it, and which of them counts nobody can know)."""
    found = Extensions()
    for extension in extensions.reader() if extensions else ():
        if extension.tag != tlv.SEQUENCE or len(found.raw) >= MAX_EXTENSIONS:
            raise FormatError("something else than an extension, or too many", offset=extension.offset)
        parts = extension.reader()
        identifier = tlv.to_oid(parts.next(tlv.OID, what="extension"))
        critical = parts.optional(tlv.BOOLEAN, what="critical")
        value = parts.next(tlv.OCTET_STRING, what="value of an extension")
        parts.finish("extension")
        if identifier in found.raw:
            raise FormatError("a certificate has an extension twice", offset=extension.offset, extension=identifier)
        found.raw[identifier] = value.value
        if critical is not None and to_boolean(critical):
            found.critical.add(identifier)
        reader = _READERS.get(identifier)
        if reader is None:
            if identifier in found.critical:
                found.unknown_critical.append(identifier)
            continue
        try:
            reader(found, value)
        except CccdError as error:
            found.broken[identifier] = FormatError(error.message, **error.facts)
    return found


def to_boolean(found: tlv.Tlv) -> bool:
    """The value of a BOOLEAN, any but zero being true (X.690 clause 8.2). FormatError."""
    if len(found.value) != 1:
        raise FormatError("a truth value is not one byte", offset=found.offset)
    return found.value != b"\0"


def _whole(value: tlv.Tlv, *expected: int, what: str) -> tlv.Tlv:
    reader = value.reader()
    found = reader.next(*expected, what=what)
    reader.finish(what)
    return found


def _subject_key_identifier(found: Extensions, value: tlv.Tlv) -> None:
    found.subject_key_identifier = _whole(value, tlv.OCTET_STRING, what="subject key identifier").value


def _authority_key_identifier(found: Extensions, value: tlv.Tlv) -> None:
    """AuthorityKeyIdentifier ::= SEQUENCE { [0] key identifier, [1] GeneralNames, [2] serial number }, all optional."""
    parts = _whole(value, tlv.SEQUENCE, what="authority key identifier").reader()
    identifier = parts.optional(0x80, what="key identifier")
    parts.optional(0xA1, what="issuer of the authority")
    parts.optional(0x82, what="serial number of the authority")
    parts.finish("authority key identifier")
    found.authority_key_identifier = identifier.value if identifier else None


def _key_usage(found: Extensions, value: tlv.Tlv) -> None:
    bits = _whole(value, tlv.BIT_STRING, what="key usage").value
    if not 1 <= len(bits) <= 3 or bits[0] > 7 or (len(bits) == 1 and bits[0]):
        raise FormatError("a key usage of impossible bits", offset=value.offset)
    count = 8 * (len(bits) - 1) - bits[0]
    found.key_usage = frozenset(
        name for at, name in enumerate(_KEY_USAGES) if at < count and bits[1 + at // 8] & 0x80 >> at % 8
    )


def _extended_key_usage(found: Extensions, value: tlv.Tlv) -> None:
    purposes = [
        tlv.to_oid(_expect(each, tlv.OID, "purpose of a key"))
        for each in _items(_whole(value, tlv.SEQUENCE, what="extended key usage"))
    ]
    if not purposes:
        raise FormatError("an extended key usage of no purpose", offset=value.offset)
    found.extended_key_usage = frozenset(purposes)


def _private_key_usage_period(found: Extensions, value: tlv.Tlv) -> None:
    """PrivateKeyUsagePeriod ::= SEQUENCE { [0], [1] IMPLICIT GeneralizedTime }, one of them at least (RFC 3280 clause
    4.2.1.4)."""
    parts = _whole(value, tlv.SEQUENCE, what="private key usage period").reader()
    since, until = (parts.optional(tag, what="end of a period") for tag in (0x80, 0x81))
    parts.finish("private key usage period")
    if since is None and until is None:
        raise FormatError("a private key usage period without ends", offset=value.offset)
    found.private_key_usage_period = (times.read(since) if since else None, times.read(until) if until else None)


def _basic_constraints(found: Extensions, value: tlv.Tlv) -> None:
    parts = _whole(value, tlv.SEQUENCE, what="basic constraints").reader()
    authority = parts.optional(tlv.BOOLEAN, what="CA")
    length = parts.optional(tlv.INTEGER, what="path length")
    parts.finish("basic constraints")
    number = None if length is None else tlv.to_integer(length)
    if number is not None and number < 0:
        raise FormatError("a path length below zero", offset=value.offset)
    found.is_ca, found.path_length = authority is not None and to_boolean(authority), number


def _alternative_name(_found: Extensions, value: tlv.Tlv) -> None:
    if not _items(_whole(value, tlv.SEQUENCE, what="alternative name")):
        raise FormatError("an alternative name without a name", offset=value.offset)


def _certificate_policies(_found: Extensions, value: tlv.Tlv) -> None:
    policies = _items(_whole(value, tlv.SEQUENCE, what="certificate policies"))
    for policy in policies:
        tlv.to_oid(_expect(policy, tlv.SEQUENCE, "policy").reader().next(tlv.OID, what="policy"))
    if not policies:
        raise FormatError("certificate policies without a policy", offset=value.offset)


def _crl_distribution_points(found: Extensions, value: tlv.Tlv) -> None:
    """CRLDistributionPoints ::= SEQUENCE OF { [0] { [0] fullName GeneralNames | [1] }, [1] reasons, [2] issuer }."""
    addresses: list[str] = []
    for point in _items(_whole(value, tlv.SEQUENCE, what="distribution points")):
        parts = _expect(point, tlv.SEQUENCE, "distribution point").reader()
        name = parts.optional(0xA0, what="name of a distribution point")
        full = name.reader().next(0xA0, 0xA1, what="name of a distribution point") if name else None
        for each in _items(full) if full else ():
            if full is not None and full.tag == 0xA0 and each.tag == 0x86 and each.value.isascii():
                addresses.append(each.value.decode("ascii"))
    found.distribution_points = tuple(addresses)


def _document_types(found: Extensions, value: tlv.Tlv) -> None:
    """DocumentTypeListSyntax ::= SEQUENCE { version INTEGER, SET OF PrintableString } (Doc 9303-12 clause 7.1.1.1)."""
    parts = _whole(value, tlv.SEQUENCE, what="document type list").reader()
    tlv.to_integer(parts.next(tlv.INTEGER, what="version of the document type list"))
    types = parts.next(tlv.SET, what="document types")
    parts.finish("document type list")
    found.document_types = frozenset(
        tlv.to_text(_expect(each, tlv.PRINTABLE_STRING, "document type"), maximum_bytes=16) for each in _items(types)
    )


def _name_change(_found: Extensions, _value: tlv.Tlv) -> None:
    """What it says (NULL in Doc 9303-12 clause 7.1.1.2, other things in practice) is its presence."""


def _items(holder: tlv.Tlv) -> list[tlv.Tlv]:
    items: list[tlv.Tlv] = []
    for each in holder.reader():
        if len(items) >= MAX_ITEMS:
            raise FormatError("an extension has too many parts", offset=each.offset, limit=MAX_ITEMS)
        items.append(each)
    return items


def _expect(found: tlv.Tlv, tag: int, what: str) -> tlv.Tlv:
    if found.tag != tag:
        raise FormatError(f"another data object stands in place of {what}", offset=found.offset, tag=f"{found.tag:X}")
    return found


_READERS: dict[str, Callable[[Extensions, tlv.Tlv], None]] = {
    SUBJECT_KEY_IDENTIFIER: _subject_key_identifier,
    AUTHORITY_KEY_IDENTIFIER: _authority_key_identifier,
    KEY_USAGE: _key_usage,
    EXTENDED_KEY_USAGE: _extended_key_usage,
    PRIVATE_KEY_USAGE_PERIOD: _private_key_usage_period,
    BASIC_CONSTRAINTS: _basic_constraints,
    SUBJECT_ALTERNATIVE_NAME: _alternative_name,
    ISSUER_ALTERNATIVE_NAME: _alternative_name,
    CERTIFICATE_POLICIES: _certificate_policies,
    CRL_DISTRIBUTION_POINTS: _crl_distribution_points,
    DOCUMENT_TYPE_LIST: _document_types,
    NAME_CHANGE: _name_change,
}
