"""X.509 certificates as eMRTDs use them.

RFC 5280 and the profiles of Doc 9303-12 clause 7. Only the frame of a certificate is strict: an odd extension costs
that extension (`extensions`), an unknown key whoever needs it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cccd_core.arguments import BUFFERS, require_type
from cccd_core.emrtd import ber, times, tlv
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, UnknownKey, parse_spki
from cccd_core.errors import FormatError
from cccd_core.pki import extensions, names
from cccd_core.pki.signatures import parse_scheme

DOCUMENT_TYPE_LIST = extensions.DOCUMENT_TYPE_LIST
NAME_CHANGE = extensions.NAME_CHANGE
MASTER_LIST_SIGNER = "2.23.136.1.1.3"
DEVIATION_LIST_SIGNER = "2.23.136.1.1.8"

MAX_CERTIFICATE_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate. Two are equal where their DER is.

    `is_ca` is False too where there are no basic constraints (`has_basic_constraints`). `extensions` has the value of
    each extension by its OID. Of those that cannot be read, `broken_extensions` has the ones that are not critical and
    count as absent, `broken_critical` the critical ones, which stand in `unknown_critical` too: a certificate with any
    of these must not be trusted.
    """

    der: bytes = field(repr=False)
    serial_number: int = field(compare=False)
    issuer_name: names.Name = field(compare=False)
    subject_name: names.Name = field(compare=False)
    not_before: dt.datetime = field(compare=False)
    not_after: dt.datetime = field(compare=False)
    spki: bytes = field(compare=False, repr=False)
    signature_algorithm: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    signed_part: bytes = field(compare=False, repr=False)
    subject_key_identifier: bytes | None = field(compare=False, repr=False)
    authority_key_identifier: bytes | None = field(compare=False, repr=False)
    key_usage: frozenset[str] | None = field(compare=False)
    extended_key_usage: frozenset[str] | None = field(compare=False)
    extended_key_usage_critical: bool = field(compare=False)
    private_key_usage_period: extensions.Period | None = field(compare=False)
    has_basic_constraints: bool = field(compare=False)
    is_ca: bool = field(compare=False)
    path_length: int | None = field(compare=False)
    document_types: frozenset[str] | None = field(compare=False)
    distribution_points: tuple[str, ...] = field(compare=False, repr=False)
    extensions: Mapping[str, bytes] = field(compare=False, repr=False)
    unknown_critical: tuple[str, ...] = field(compare=False)
    broken_critical: Mapping[str, FormatError] = field(compare=False)
    broken_extensions: Mapping[str, FormatError] = field(compare=False)
    _key: EcPublicKey | RsaPublicKey | UnknownKey | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def public_key(self) -> EcPublicKey | RsaPublicKey | UnknownKey:
        """The key, read when it is first asked for: only who needs it pays for one that is unknown here."""
        if self._key is None:
            try:
                key: EcPublicKey | RsaPublicKey | UnknownKey = parse_spki(self.spki)
            except FormatError as error:
                key = UnknownKey(error)
            object.__setattr__(self, "_key", key)  # frozen: nothing that was read changes
            return key
        return self._key

    @property
    def computed_key_identifier(self) -> bytes:
        """SHA-1 over the bits of the key (RFC 5280 clause 4.2.1.2, method 1): what names it where no extension does."""
        return hashlib.sha1(_key_bits(tlv.read_one(self.spki)), usedforsecurity=False).digest()

    @property
    def issuer(self) -> str:
        """The issuer's name for people: `C=VN, O=..., CN=...`, at most 300 characters."""
        return self.issuer_name.shown

    @property
    def subject(self) -> str:
        """The subject's name for people."""
        return self.subject_name.shown

    @property
    def issuer_key(self) -> str:
        """The issuer's name to compare (RFC 5280 clause 7.1)."""
        return self.issuer_name.key

    @property
    def subject_key(self) -> str:
        """The subject's name to compare."""
        return self.subject_name.key

    @property
    def country(self) -> str | None:
        """The subject's country in upper case, at most three letters."""
        return self.subject_name.country

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER, hexadecimal."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are one name."""
        return self.issuer_name == self.subject_name

    def as_dict(self) -> dict[str, Any]:
        """What a listing shows."""
        return {
            "subject": self.subject, "issuer": self.issuer, "serial_number": f"{self.serial_number:X}",
            "not_before": self.not_before.isoformat(), "not_after": self.not_after.isoformat(),
            "key": self.public_key.name, "sha256": self.fingerprint,
        }  # fmt: skip


def parse_certificate(der: bytes) -> Certificate:
    """Reads one DER certificate of at most 32 KiB. FormatError for anything else; its key is not looked at yet. One
    that came in BER is brought into its DER, which is what was signed."""
    require_type(der, BUFFERS, "der")
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise FormatError("a certificate is too long", length=len(der), limit=MAX_CERTIFICATE_BYTES)
    return ber.read(_parse_certificate, der)


def _parse_certificate(der: bytes) -> Certificate:
    signed_part, algorithm, signature = split_signed(der, "certificate")
    parts = tlv.read_one(signed_part, tlv.SEQUENCE, what="certificate").reader()
    if explicit := parts.optional(0xA0, what="version"):
        version = tlv.to_integer(explicit.reader().next(tlv.INTEGER, what="version"))
        if not 0 <= version <= 2:
            raise FormatError("a certificate of an unknown version", offset=explicit.offset, version=version)
    serial = parts.next(tlv.INTEGER, what="serial number")
    inner = parts.next(tlv.SEQUENCE, what="signature algorithm")
    if not one_scheme(tlv.encode(inner.tag, inner.value), algorithm):
        raise FormatError("a certificate names two signature algorithms", offset=inner.offset)
    issuer = names.read(parts.next(tlv.SEQUENCE, what="issuer"))
    validity = parts.next(tlv.SEQUENCE, what="validity").reader()
    since, until = _next_time(validity), _next_time(validity)
    validity.finish("validity")
    subject = names.read(parts.next(tlv.SEQUENCE, what="subject"))
    key = parts.next(tlv.SEQUENCE, what="SubjectPublicKeyInfo")
    _key_bits(key)
    for tag in (0x81, 0x82):
        parts.optional(tag, what="unique identifier")
    holder = parts.optional(0xA3, what="extensions")
    parts.finish("certificate")
    said = extensions.read(holder and holder.reader().next(tlv.SEQUENCE, what="extensions"))
    broken_critical = {name: error for name, error in said.broken.items() if name in said.critical}
    return Certificate(
        der=bytes(der), serial_number=tlv.to_number(serial), issuer_name=issuer, subject_name=subject,
        not_before=since, not_after=until, spki=tlv.encode(key.tag, key.value),
        signature_algorithm=algorithm, signature=signature, signed_part=signed_part,
        subject_key_identifier=said.subject_key_identifier, authority_key_identifier=said.authority_key_identifier,
        key_usage=said.key_usage, extended_key_usage=said.extended_key_usage,
        extended_key_usage_critical=extensions.EXTENDED_KEY_USAGE in said.critical,
        private_key_usage_period=said.private_key_usage_period,
        has_basic_constraints=said.is_ca is not None, is_ca=bool(said.is_ca), path_length=said.path_length,
        document_types=said.document_types, distribution_points=said.distribution_points, extensions=said.raw,
        unknown_critical=(*said.unknown_critical, *broken_critical), broken_critical=broken_critical,
        broken_extensions={name: error for name, error in said.broken.items() if name not in said.critical},
    )  # fmt: skip


def one_scheme(inside: bytes, outside: bytes) -> bool:
    """Whether both AlgorithmIdentifiers say the same: in their bytes (RFC 5280 clause 4.1.1.2) or, since some issuers
    write NULL in one of them alone, in what they mean."""
    return inside == outside or parse_scheme(inside) == parse_scheme(outside)


def _key_bits(spki: tlv.Tlv) -> bytes:
    """The bits of a SubjectPublicKeyInfo, of whatever algorithm. FormatError where its frame is not one."""
    parts = spki.reader()
    parts.next(tlv.SEQUENCE, what="AlgorithmIdentifier")
    return parts.next(tlv.BIT_STRING, what="public key").value[1:]


def _next_time(parts: tlv.Reader) -> dt.datetime:
    return times.read(parts.next(tlv.UTC_TIME, tlv.GENERALIZED_TIME, what="time"))


def split_signed(der: bytes, what: str) -> tuple[bytes, bytes, bytes]:
    """(signed part, AlgorithmIdentifier, signature) of a certificate or CRL."""
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
