"""Certificate revocation lists as they are written: read, strictly, into whose, of when, of what, and which numbers.

RFC 5280 clause 5. What they say of a certificate is told in `revocation`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cccd_core.arguments import BUFFERS, require_type
from cccd_core.emrtd import ber, tlv
from cccd_core.emrtd import times as asn1_times
from cccd_core.errors import FormatError
from cccd_core.pki import names
from cccd_core.pki.certificates import Certificate, one_scheme, split_signed

MAX_CRL_BYTES: Final = 8 << 20

_NUMBER, _DELTA, _SCOPE, _AUTHORITY_KEY = "2.5.29.20", "2.5.29.27", "2.5.29.28", "2.5.29.35"
_REASON, _INVALIDITY, _CERTIFICATE_ISSUER = "2.5.29.21", "2.5.29.24", "2.5.29.29"
_ENUMERATED: Final = 0x0A

REASONS: Final = MappingProxyType({
    0: "unspecified", 1: "key_compromise", 2: "ca_compromise", 3: "affiliation_changed", 4: "superseded",
    5: "cessation_of_operation", 6: "certificate_hold", 8: "remove_from_crl", 9: "privilege_withdrawn",
    10: "aa_compromise",
})  # fmt: skip
"""CRLReason (RFC 5280 clause 5.3.1) -> word."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """One row of a list: since when, and, where the list says it, why and from when the key was known to be unsafe."""

    time: dt.datetime
    reason: str | None = None
    invalidity_date: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Of what a list speaks (issuing distribution point, RFC 5280 clause 5.2.5): of everything where all is as here.
    `addresses` is not None where the list is a part: of the certificates that name one of them."""

    user_certificates_only: bool = False
    authority_certificates_only: bool = False
    attribute_certificates_only: bool = False
    some_reasons_only: bool = False
    indirect: bool = False
    addresses: frozenset[str] | None = None

    def speaks_of(self, *, authority: bool) -> bool:
        """Whether the list is about certificates of this kind."""
        if self.attribute_certificates_only:
            return False
        return not (self.user_certificates_only if authority else self.authority_certificates_only)

    def speaks_wholly_of(self, certificate: Certificate) -> bool:
        """Whether a certificate of this kind that the list does not name is not revoked, for any reason."""
        here = self.addresses is None or not self.addresses.isdisjoint(certificate.distribution_points)
        return here and not self.some_reasons_only


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A certificate revocation list: whose, of when, of what it speaks, and what it revokes by serial number.

    `base_number` is set for a delta, which says what changed since the list of that number; `removed` are the serial
    numbers that a delta takes back. Rows about certificates of another issuer (indirect lists) are left out: nothing is
    decided by them here.
    """

    der: bytes = field(repr=False)
    issuer: str
    issuer_key: str = field(repr=False)
    authority_key_identifier: bytes | None = field(repr=False)
    number: int | None
    base_number: int | None
    this_update: dt.datetime
    next_update: dt.datetime | None
    scope: Scope
    revoked: Mapping[int, Revocation] = field(repr=False)
    removed: frozenset[int] = field(repr=False)
    signature_algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    signed_part: bytes = field(repr=False)


def parse_crl(der: bytes) -> RevocationList:
    """Reads one CertificateList of at most 8 MiB, DER or BER. FormatError for anything else, critical extensions that
    are not understood included."""
    require_type(der, BUFFERS, "der")
    if len(der) > MAX_CRL_BYTES:
        raise FormatError("a revocation list is too long", length=len(der), limit=MAX_CRL_BYTES)
    return ber.read(_parse_crl, der)


def _parse_crl(der: bytes) -> RevocationList:
    signed_part, algorithm, signature = split_signed(der, "revocation list")
    parts = tlv.read_one(signed_part, tlv.SEQUENCE, what="revocation list").reader()
    parts.optional(tlv.INTEGER, what="version")
    inner = parts.next(tlv.SEQUENCE, what="signature algorithm")
    if not one_scheme(tlv.encode(inner.tag, inner.value), algorithm):
        raise FormatError("a revocation list names two signature algorithms", offset=inner.offset)
    issuer = names.read(parts.next(tlv.SEQUENCE, what="issuer"))
    times = [_next_time(parts)]
    if parts.peek() in (tlv.UTC_TIME, tlv.GENERALIZED_TIME):
        times.append(_next_time(parts))
    rows = parts.optional(tlv.SEQUENCE, what="revoked certificates")
    explicit = parts.optional(0xA0, what="extensions")
    parts.finish("revocation list")
    extensions = _extensions(
        explicit and explicit.reader().next(tlv.SEQUENCE, what="extensions"), (_NUMBER, _DELTA, _SCOPE, _AUTHORITY_KEY)
    )
    scope = _scope(extensions[_SCOPE]) if _SCOPE in extensions else Scope()
    base = _integer(extensions[_DELTA]) if _DELTA in extensions else None
    revoked, removed = _rows(rows, issuer.key, scope.indirect, delta=base is not None)
    return RevocationList(
        bytes(der), issuer.shown, issuer.key, _authority_key(extensions.get(_AUTHORITY_KEY)),
        _integer(extensions[_NUMBER]) if _NUMBER in extensions else None, base,
        times[0], times[1] if len(times) > 1 else None, scope, revoked, removed, algorithm, signature, signed_part,
    )  # fmt: skip


def read_issuer(der: bytes) -> str | None:
    """The issuer's name, as names are compared, of a list that cannot be read as a whole; None where not even that is
    to be had."""
    try:
        return ber.read(_issuer, der)
    except FormatError:
        return None


def _issuer(der: bytes) -> str:
    outer = tlv.read_one(der, tlv.SEQUENCE, what="revocation list").reader()
    parts = outer.next(tlv.SEQUENCE, what="revocation list").reader()
    parts.optional(tlv.INTEGER, what="version")
    parts.next(tlv.SEQUENCE, what="signature algorithm")
    return names.read(parts.next(tlv.SEQUENCE, what="issuer")).key


def _rows(
    rows: tlv.Tlv | None, issuer_key: str, indirect: bool, *, delta: bool
) -> tuple[dict[int, Revocation], frozenset[int]]:
    revoked: dict[int, Revocation] = {}
    removed: set[int] = set()
    of = issuer_key  # in an indirect list a row without an issuer is of the row before (RFC 5280 clause 5.3.3)
    for found in rows.reader() if rows else ():
        entry = found.reader()
        serial = tlv.to_number(entry.next(tlv.INTEGER, what="serial number"))
        time = _next_time(entry)
        reason = invalidity = None
        if entry.remaining:
            known = (_REASON, _INVALIDITY, _CERTIFICATE_ISSUER) if indirect else (_REASON, _INVALIDITY)
            extensions = _extensions(entry.next(tlv.SEQUENCE, what="extensions"), known)
            entry.finish("revoked certificate")
            if _REASON in extensions:
                reason = REASONS.get(
                    int.from_bytes(tlv.read_one(extensions[_REASON], _ENUMERATED, what="reason").value)
                )
            if _INVALIDITY in extensions:
                invalidity = asn1_times.read(
                    tlv.read_one(extensions[_INVALIDITY], tlv.GENERALIZED_TIME, what="invalidity date")
                )
            if _CERTIFICATE_ISSUER in extensions:
                of = _certificate_issuer(extensions[_CERTIFICATE_ISSUER])
        if of != issuer_key:
            continue
        if reason == "remove_from_crl":
            # means something in a delta alone; in a whole list the certificate is not revoked either
            removed.add(serial)
            revoked.pop(serial, None)
        else:
            revoked[serial] = Revocation(time, reason, invalidity)
            removed.discard(serial)
    return revoked, frozenset(removed) if delta else frozenset()


def _extensions(extensions: tlv.Tlv | None, known: tuple[str, ...]) -> dict[str, bytes]:
    """Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue } (RFC 5280 clause 4.1), those
    known."""
    values: dict[str, bytes] = {}
    for extension in extensions.reader() if extensions else ():
        parts = extension.reader()
        identifier = tlv.to_oid(parts.next(tlv.OID, what="extension"))
        critical = parts.optional(tlv.BOOLEAN, what="critical")
        value = parts.next(tlv.OCTET_STRING, what="extension").value
        if identifier in known:
            if identifier in values:
                raise FormatError("a revocation list has an extension twice", extension=identifier)
            values[identifier] = value
        elif critical is not None and critical.value != b"\0":
            raise FormatError("a revocation list has an unknown critical extension", extension=identifier)
    return values


def _scope(der: bytes) -> Scope:
    """IssuingDistributionPoint ::= SEQUENCE { [0] distributionPoint, [1] .. [5] } (RFC 5280 clause 5.2.5)."""
    flags = {0x81: False, 0x82: False, 0x84: False, 0x85: False}
    addresses: frozenset[str] | None = None
    reasons = False
    for part in tlv.read_one(der, tlv.SEQUENCE, what="issuing distribution point").reader():
        if part.tag in flags:
            flags[part.tag] = part.value != b"\0"
        elif part.tag == 0xA0:
            addresses = _addresses(part)
        elif part.tag == 0x83:
            reasons = True
        else:
            raise FormatError(
                "an unknown part of an issuing distribution point", offset=part.offset, tag=f"{part.tag:X}"
            )
    if sum(flags[tag] for tag in (0x81, 0x82, 0x85)) > 1:
        raise FormatError("a revocation list is of two kinds of certificates alone")
    return Scope(flags[0x81], flags[0x82], flags[0x85], reasons, flags[0x84], addresses)


def _addresses(point: tlv.Tlv) -> frozenset[str]:
    """The addresses in DistributionPointName ::= CHOICE { [0] GeneralNames, [1] a part of a name }."""
    name = point.reader().next(0xA0, 0xA1, what="name of a distribution point")
    found = name.reader() if name.tag == 0xA0 else ()
    return frozenset(each.value.decode("ascii") for each in found if each.tag == 0x86 and each.value.isascii())


def _authority_key(der: bytes | None) -> bytes | None:
    if der is None:
        return None
    found = tlv.read_one(der, tlv.SEQUENCE, what="authority key identifier").reader().optional(0x80)
    return None if found is None else found.value


def _integer(der: bytes) -> int:
    return tlv.to_integer(tlv.read_one(der, tlv.INTEGER, what="number of a revocation list"), maximum_bytes=64)


def _certificate_issuer(der: bytes) -> str:
    """The directory name among GeneralNames."""
    for each in tlv.read_one(der, tlv.SEQUENCE, what="certificate issuer").reader():
        if each.tag == 0xA4:
            return names.read(each.reader().next(tlv.SEQUENCE, what="certificate issuer")).key
    raise FormatError("a certificate issuer without a name")


def _next_time(parts: tlv.Reader) -> dt.datetime:
    return asn1_times.read(parts.next(tlv.UTC_TIME, tlv.GENERALIZED_TIME, what="time"))
