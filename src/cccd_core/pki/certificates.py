"""X.509 certificates and revocation lists as eMRTDs use them.

RFC 5280 and the profiles of Doc 9303-12 clause 7. The structure is walked strictly before asn1crypto sees it, and what
asn1crypto raises becomes FormatError; keys go through `emrtd.public_keys`, so explicit curve parameters are read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from asn1crypto import x509 as asn1_x509

from cccd_core.emrtd import tlv
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, parse_spki
from cccd_core.emrtd.sod import to_time
from cccd_core.errors import FormatError

DOCUMENT_TYPE_LIST = "2.23.136.1.1.6.2"
NAME_CHANGE = "2.23.136.1.1.6.1"
MASTER_LIST_SIGNER = "2.23.136.1.1.3"

MAX_CERTIFICATE_BYTES = 32_768
MAX_CRL_BYTES = 8 << 20
MAX_CERTIFICATE_OBJECTS = 600
MAX_NAME_OBJECTS = 200

_BOOLEAN = 0x01
_CRL_ENTRY_EXTENSIONS = frozenset(("2.5.29.21", "2.5.29.24"))  # reason, invalidity date
_CRL_EXTENSIONS = frozenset(("2.5.29.20", "2.5.29.35"))  # number, authority key identifier

_UNDERSTOOD = frozenset(
    ("key_usage", "basic_constraints", "authority_key_identifier", "key_identifier", "extended_key_usage",
     "private_key_usage_period", "certificate_policies", "subject_alt_name", "issuer_alt_name",
     "crl_distribution_points", DOCUMENT_TYPE_LIST, NAME_CHANGE)
)  # fmt: skip


_SHORT = {
    "country_name": "C", "organization_name": "O", "organizational_unit_name": "OU", "common_name": "CN",
    "serial_number": "SERIALNUMBER", "locality_name": "L",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate. Two are equal where their DER is. Names are `issuer`, `subject` for people to read, and
    `issuer_key`, `subject_key` to compare (RFC 5280 clause 7.1: letter case, spaces and string type do not count)."""

    der: bytes = field(repr=False)
    serial_number: int = field(compare=False)
    issuer: str = field(compare=False)
    subject: str = field(compare=False)
    issuer_key: str = field(compare=False, repr=False)
    subject_key: str = field(compare=False, repr=False)
    country: str | None = field(compare=False)
    not_before: dt.datetime = field(compare=False)
    not_after: dt.datetime = field(compare=False)
    public_key: EcPublicKey | RsaPublicKey = field(compare=False, repr=False)
    signature_algorithm: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    signed_part: bytes = field(compare=False, repr=False)
    subject_key_identifier: bytes | None = field(compare=False, repr=False)
    authority_key_identifier: bytes | None = field(compare=False, repr=False)
    key_usage: frozenset[str] | None = field(compare=False)
    extended_key_usage: frozenset[str] | None = field(compare=False)
    is_ca: bool = field(compare=False)
    path_length: int | None = field(compare=False)
    document_types: frozenset[str] | None = field(compare=False)
    unknown_critical: tuple[str, ...] = field(compare=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER, hexadecimal."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are one name."""
        return self.issuer_key == self.subject_key

    def as_dict(self) -> dict[str, Any]:
        """What a listing shows."""
        key = self.public_key
        shown = key.curve.name if isinstance(key, EcPublicKey) else f"RSA-{key.modulus.bit_length()}"
        return {
            "subject": self.subject, "issuer": self.issuer, "serial_number": f"{self.serial_number:X}",
            "not_before": self.not_before.isoformat(), "not_after": self.not_after.isoformat(), "key": shown,
            "sha256": self.fingerprint,
        }  # fmt: skip


def parse_certificate(der: bytes) -> Certificate:
    """Reads one DER certificate of at most 32 KiB. FormatError for anything else, a key that cannot be trusted (unknown
    curve, point off its curve) included."""
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise FormatError("a certificate is too long", length=len(der), limit=MAX_CERTIFICATE_BYTES)
    signed_part, algorithm, signature = _split(der, "certificate", MAX_CERTIFICATE_OBJECTS)
    with _asn1("a certificate"):
        tbs = asn1_x509.Certificate.load(der, strict=True)["tbs_certificate"]
        spki = tbs["subject_public_key_info"].dump()
        extensions, unknown = _extensions(tbs["extensions"])
        usage = extensions.get("key_usage")
        extended = extensions.get("extended_key_usage")
        constraints = extensions.get("basic_constraints") or {}
        identifier = extensions.get("authority_key_identifier") or {}
        if tbs["signature"].dump() != algorithm:
            raise FormatError("a certificate names two signature algorithms")
        return Certificate(
            der=bytes(der), serial_number=tbs["serial_number"].native,
            issuer=_name(tbs["issuer"]), subject=_name(tbs["subject"]),
            issuer_key=_name_key(tbs["issuer"]), subject_key=_name_key(tbs["subject"]),
            country=_country(tbs["subject"]),
            not_before=_time(tbs["validity"]["not_before"]), not_after=_time(tbs["validity"]["not_after"]),
            public_key=parse_spki(spki), signature_algorithm=algorithm, signature=signature, signed_part=signed_part,
            subject_key_identifier=extensions.get("key_identifier"),
            authority_key_identifier=identifier.get("key_identifier"),
            key_usage=None if usage is None else frozenset(usage),
            extended_key_usage=None if extended is None else frozenset(extended),
            is_ca=bool(constraints.get("ca")), path_length=constraints.get("path_len_constraint"),
            document_types=_document_types(extensions.get(DOCUMENT_TYPE_LIST)), unknown_critical=unknown,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A certificate revocation list: whose, of when, and the serial numbers with the times they were revoked."""

    der: bytes = field(repr=False)
    issuer: str
    issuer_key: str = field(repr=False)
    this_update: dt.datetime
    next_update: dt.datetime | None
    revoked: dict[int, dt.datetime] = field(repr=False)
    signature_algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    signed_part: bytes = field(repr=False)


def parse_crl(der: bytes) -> RevocationList:
    """Reads one DER CertificateList of at most 8 MiB. FormatError for anything else, critical extensions that are not
    understood included."""
    if len(der) > MAX_CRL_BYTES:
        raise FormatError("a revocation list is too long", length=len(der), limit=MAX_CRL_BYTES)
    signed_part, algorithm, signature = _split(der, "revocation list")
    parts = tlv.read_one(signed_part, tlv.SEQUENCE, what="revocation list").reader()
    parts.optional(tlv.INTEGER, what="version")
    inner = parts.next(tlv.SEQUENCE, what="signature algorithm")
    if tlv.encode(inner.tag, inner.value) != algorithm:
        raise FormatError("a revocation list names two signature algorithms", offset=inner.offset)
    issuer_der = parts.next(tlv.SEQUENCE, what="issuer")
    times = [_next_time(parts)]
    if parts.peek() in (tlv.UTC_TIME, tlv.GENERALIZED_TIME):
        times.append(_next_time(parts))
    revoked: dict[int, dt.datetime] = {}
    rows = parts.optional(tlv.SEQUENCE, what="revoked certificates")
    for row in rows.reader() if rows else ():
        entry = row.reader()
        serial = tlv.to_integer(entry.next(tlv.INTEGER, what="serial number"), maximum_bytes=64)
        revoked[serial] = _next_time(entry)
        if entry.remaining:
            _refuse_critical(entry.next(tlv.SEQUENCE, what="extensions"), _CRL_ENTRY_EXTENSIONS)
            entry.finish("revoked certificate")
    explicit = parts.optional(0xA0, what="extensions")
    _refuse_critical(explicit and explicit.reader().next(tlv.SEQUENCE, what="extensions"), _CRL_EXTENSIONS)
    parts.finish("revocation list")
    tlv.check_structure(issuer_der.value, what="issuer", max_objects=MAX_NAME_OBJECTS)
    with _asn1("a revocation list"):
        issuer = asn1_x509.Name.load(tlv.encode(issuer_der.tag, issuer_der.value), strict=True)
        return RevocationList(
            bytes(der), _name(issuer), _name_key(issuer), times[0], times[1] if len(times) > 1 else None,
            revoked, algorithm, signature, signed_part,
        )  # fmt: skip


def _next_time(parts: tlv.Reader) -> dt.datetime:
    return to_time(parts.next(tlv.UTC_TIME, tlv.GENERALIZED_TIME, what="time"))


def _split(der: bytes, what: str, max_objects: int | None = None) -> tuple[bytes, bytes, bytes]:
    """(signed part, AlgorithmIdentifier, signature) of a certificate or CRL, its structure walked."""
    tlv.check_structure(der, what=what, max_objects=max_objects)
    parts = tlv.read_one(der, tlv.SEQUENCE, what=what).reader()
    start = parts.offset
    signed = parts.next(tlv.SEQUENCE, what="signed part")
    algorithm_start = parts.offset
    algorithm = parts.next(tlv.SEQUENCE, what="signature algorithm")
    signature = parts.next(tlv.BIT_STRING, what="signature")
    parts.finish(what)
    if not signature.value or signature.value[0] != 0:
        raise FormatError("a signature is not whole bytes", offset=signature.offset)
    return der[start : signed.end], der[algorithm_start : algorithm.end], signature.value[1:]


@contextmanager
def _asn1(what: str) -> Iterator[None]:
    """asn1crypto decodes late and raises plain errors: all of them mean that the bytes are not what they should be."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise FormatError(f"{what} cannot be read", problem=type(error).__name__) from None


def _extensions(extensions: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    values: dict[str, Any] = {}
    unknown = []
    for extension in extensions if extensions.native is not None else ():
        name = extension["extn_id"].native
        if name in values:
            raise FormatError("a certificate has an extension twice", extension=str(name)[:60])
        if name in _UNDERSTOOD:
            raw = extension["extn_value"]
            values[name] = raw.contents if name in (DOCUMENT_TYPE_LIST, NAME_CHANGE) else raw.parsed.native
        else:
            values[name] = None
            if extension["critical"].native:
                unknown.append(str(name)[:60])
    return values, tuple(unknown)


def _refuse_critical(extensions: tlv.Tlv | None, known: frozenset[str]) -> None:
    """Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue } (RFC 5280 clause 4.1)."""
    for extension in extensions.reader() if extensions else ():
        parts = extension.reader()
        identifier = tlv.to_oid(parts.next(tlv.OID, what="extension"))
        critical = parts.optional(_BOOLEAN, what="critical")
        if critical is not None and critical.value != b"\0" and identifier not in known:
            raise FormatError("a revocation list has an unknown critical extension", extension=identifier)


def _document_types(der: bytes | None) -> frozenset[str] | None:
    """DocumentTypeListSyntax ::= SEQUENCE { version, SET OF PrintableString } (Doc 9303-12 clause 7.1.1.1)."""
    if der is None:
        return None
    parts = tlv.read_one(der, tlv.SEQUENCE, what="document type list").reader()
    parts.next(tlv.INTEGER, what="version of the document type list")
    types = parts.next(tlv.SET, what="document types")
    return frozenset(tlv.to_text(each, maximum_bytes=16) for each in types.reader())


def _name(name: Any) -> str:
    """A name for people: `C=VN, O=..., CN=...` in the order of the certificate, cut at 300 characters."""
    parts = [
        f"{_SHORT.get(entry['type'].native, entry['type'].native)}={entry['value'].native}"
        for rdn in name.chosen
        for entry in rdn
    ]
    return "".join(c if c.isprintable() else "?" for c in ", ".join(parts))[:300]


def _name_key(name: Any) -> str:
    return str(name.hashable)


def _country(name: Any) -> str | None:
    found = name.native.get("country_name")
    return str(found).upper()[:3] if found else None


def _time(value: Any) -> dt.datetime:
    found = value.native
    if not isinstance(found, dt.datetime):
        raise FormatError("a time out of range")
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
