"""Writes certificates of every role of the eMRTD PKI, and revocation lists.

Profiles of Doc 9303-12 clause 7.1 (tables 5 and 6 certificates, 9 and 10 revocation lists), encoded as DER directly:
the key that signs is behind a function, so it may live anywhere, and a public key may state its curve by name or by
explicit parameters.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cccd_core.emrtd import times, tlv
from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.errors import ParameterError
from cccd_core.pki.extensions import (
    AUTHORITY_KEY_IDENTIFIER,
    BASIC_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    DOCUMENT_TYPE_LIST,
    EXTENDED_KEY_USAGE,
    ISSUER_ALTERNATIVE_NAME,
    KEY_USAGE,
    NAME_CHANGE,
    PRIVATE_KEY_USAGE_PERIOD,
    SUBJECT_ALTERNATIVE_NAME,
    SUBJECT_KEY_IDENTIFIER,
)

_ATTRIBUTES = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3"}
CRL_NUMBER = "2.5.29.20"
REASON_CODE = "2.5.29.21"
INVALIDITY_DATE = "2.5.29.24"

_ENUMERATED = 0x0A
_KEY_USAGE = {"digital_signature": bytes((7, 0x80)), "certificate_and_crl": bytes((1, 0x06))}


@dataclass(frozen=True, slots=True)
class Authority:
    """The one who signs: its name (DER), the SHA-1 key identifier of its key, its algorithm and signing function."""

    name: bytes
    key_identifier: bytes
    algorithm: SignatureAlgorithm
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Validity:
    """Validity of a certificate, and until when its private key signs (aware times)."""

    not_before: dt.datetime
    not_after: dt.datetime
    key_until: dt.datetime

    def __post_init__(self) -> None:
        if not self.not_before < self.key_until <= self.not_after:
            raise ParameterError("a validity whose times are out of order")


def name(parts: Mapping[str, str]) -> bytes:
    """A DER Name of `C`, `O`, `OU`, `CN` in the order given; C is printable and upper case, others are UTF-8."""
    rows = []
    for key, text in parts.items():
        if key not in _ATTRIBUTES:
            raise ParameterError("an attribute that is not used in names here", attribute=key)
        value = tlv.encode(tlv.PRINTABLE_STRING, text.upper().encode("ascii")) if key == "C" else tlv.utf8_string(text)
        rows.append(tlv.set_of([tlv.sequence(tlv.oid(_ATTRIBUTES[key]), value)]))
    return tlv.sequence(*rows)


def renamed(name: bytes, common_name: str) -> bytes:
    """The same DER Name with another common name, which comes last where there was none."""
    parts = tlv.read_one(name, tlv.SEQUENCE, what="name").reader()
    kind = tlv.oid(_ATTRIBUTES["CN"])
    rows = [tlv.encode(each.tag, each.value) for each in parts if not each.value[2:].startswith(kind)]
    return tlv.sequence(*rows, tlv.set_of([tlv.sequence(kind, tlv.utf8_string(common_name))]))


def key_identifier(spki: bytes) -> bytes:
    """SHA-1 over the bits of the public key (RFC 5280 clause 4.2.1.2, method 1): a name, not a proof."""
    parts = tlv.read_one(spki, tlv.SEQUENCE, what="SubjectPublicKeyInfo").reader()
    parts.next(tlv.SEQUENCE)
    return hashlib.sha1(parts.next(tlv.BIT_STRING).value[1:], usedforsecurity=False).digest()


def csca_certificate(
    authority: Authority,
    spki: bytes,
    serial_number: int,
    validity: Validity,
    *,
    country: str,
    crl_url: str,
    name_change: bool = False,
) -> bytes:
    """A self-signed CSCA certificate (table 6, column CSCA self-signed root). `name_change`: its key is new and its
    name another than its predecessor's."""
    return _authority_certificate(
        authority, authority.name, spki, serial_number, validity, country, crl_url, name_change=name_change
    )


def link_certificate(
    authority: Authority,
    subject: bytes,
    spki: bytes,
    serial_number: int,
    validity: Validity,
    *,
    country: str,
    crl_url: str,
) -> bytes:
    """A CSCA link certificate (column CSCA link): the new key, and new name where it has one, certified by the old
    key `authority`. The extension NameChange is there where the names differ (clause 7.1.1.5)."""
    return _authority_certificate(
        authority, subject, spki, serial_number, validity, country, crl_url, name_change=subject != authority.name
    )


def document_signer_certificate(
    authority: Authority,
    subject: bytes,
    spki: bytes,
    serial_number: int,
    validity: Validity,
    *,
    country: str,
    crl_url: str,
    document_types: Sequence[str],
) -> bytes:
    """A document signer's certificate (column Document Signer); `document_types` are the MRZ's document codes."""
    types = tlv.set_of([tlv.encode(tlv.PRINTABLE_STRING, code.encode("ascii")) for code in document_types])
    extensions = [
        *_end_entity(authority, spki),
        _extension(DOCUMENT_TYPE_LIST, tlv.sequence(tlv.integer(0), types)),
        *_shared(validity, country, crl_url),
    ]
    return _certificate(authority, subject, spki, serial_number, validity, extensions)


def list_signer_certificate(
    authority: Authority,
    subject: bytes,
    spki: bytes,
    serial_number: int,
    validity: Validity,
    *,
    country: str,
    crl_url: str,
    usage: str,
) -> bytes:
    """A master list or deviation list signer's certificate (column Master List Signer & Deviation List Signer);
    `usage` is the extended key usage (clause 7.1.1.3)."""
    extensions = [
        *_end_entity(authority, spki),
        _extension(EXTENDED_KEY_USAGE, tlv.sequence(tlv.oid(usage)), critical=True),
        *_shared(validity, country, crl_url),
    ]
    return _certificate(authority, subject, spki, serial_number, validity, extensions)


def audit_certificate(authority: Authority, spki: bytes, serial_number: int, validity: Validity) -> bytes:
    """The self-signed certificate of a key that signs audit trails. It is no profile of Doc 9303 and stands under no
    CSCA, so that nothing which the key signs is ever taken for a document; whoever verifies a trail is given it."""
    period = _extension(PRIVATE_KEY_USAGE_PERIOD, _usage_period(validity))
    constraints = _extension(BASIC_CONSTRAINTS, tlv.sequence(), critical=True)
    extensions = [*_end_entity(authority, spki), constraints, period]
    return _certificate(authority, authority.name, spki, serial_number, validity, extensions)


@dataclass(frozen=True, slots=True)
class EntryDetails:
    """What a row of a revocation list says beside serial number and time: why (CRLReason of RFC 5280 clause 5.3.1),
    and from when on nothing of the key can be relied upon, where that is known."""

    reason: int | None = None
    invalid_since: dt.datetime | None = None


def revocation_list(
    authority: Authority,
    number: int,
    this_update: dt.datetime,
    next_update: dt.datetime,
    revoked: Mapping[int, dt.datetime],
    *,
    details: Mapping[int, EntryDetails] | None = None,
    former_name: bytes | None = None,
) -> bytes:
    """A CRL v2 with its number and the authority's key identifier (tables 9 and 10). `revoked`: the time by serial
    number; `former_name`: the CSCA's DER name before it changed, as issuerAltName says it."""
    rows = [
        tlv.sequence(tlv.integer(serial), times.encode(revoked[serial]), _entry_extensions((details or {}).get(serial)))
        for serial in sorted(revoked)
    ]  # without rows the list itself is absent (RFC 5280 clause 5.1.2.6)
    alternative = []
    if former_name is not None:
        alternative.append(_extension(ISSUER_ALTERNATIVE_NAME, tlv.sequence(tlv.encode(0xA4, former_name))))
    extensions = tlv.sequence(
        _extension(AUTHORITY_KEY_IDENTIFIER, tlv.sequence(tlv.encode(0x80, authority.key_identifier))),
        *alternative,
        _extension(CRL_NUMBER, tlv.integer(number)),
    )
    return _signed(
        authority,
        tlv.sequence(
            tlv.integer(1),
            authority.algorithm.identifier,
            authority.name,
            times.encode(this_update),
            times.encode(next_update),
            tlv.sequence(*rows) if rows else b"",
            tlv.encode(0xA0, extensions),
        ),
    )


def _entry_extensions(entry: EntryDetails | None) -> bytes:
    found = []
    if entry is not None and entry.reason is not None:
        found.append(_extension(REASON_CODE, tlv.encode(_ENUMERATED, bytes((entry.reason,)))))
    if entry is not None and entry.invalid_since is not None:
        found.append(_extension(INVALIDITY_DATE, tlv.encode(tlv.GENERALIZED_TIME, _generalized(entry.invalid_since))))
    return tlv.sequence(*found) if found else b""


def _authority_certificate(
    authority: Authority, subject: bytes, spki: bytes, serial_number: int, validity: Validity, country: str,
    crl_url: str, *, name_change: bool,
) -> bytes:  # fmt: skip
    extensions = [
        _extension(AUTHORITY_KEY_IDENTIFIER, tlv.sequence(tlv.encode(0x80, authority.key_identifier))),
        _extension(SUBJECT_KEY_IDENTIFIER, tlv.octet_string(key_identifier(spki))),
        _extension(KEY_USAGE, tlv.encode(tlv.BIT_STRING, _KEY_USAGE["certificate_and_crl"]), critical=True),
        _extension(BASIC_CONSTRAINTS, tlv.sequence(b"\x01\x01\xff", tlv.integer(0)), critical=True),
        *_shared(validity, country, crl_url),
        *([_extension(NAME_CHANGE, tlv.NULL_VALUE)] if name_change else []),
    ]
    return _certificate(authority, subject, spki, serial_number, validity, extensions)


def _end_entity(authority: Authority, spki: bytes) -> list[bytes]:
    return [
        _extension(AUTHORITY_KEY_IDENTIFIER, tlv.sequence(tlv.encode(0x80, authority.key_identifier))),
        _extension(SUBJECT_KEY_IDENTIFIER, tlv.octet_string(key_identifier(spki))),
        _extension(KEY_USAGE, tlv.encode(tlv.BIT_STRING, _KEY_USAGE["digital_signature"]), critical=True),
    ]


def _generalized(time: dt.datetime) -> bytes:
    utc = time.astimezone(dt.UTC)
    return f"{utc.year:04d}{utc:%m%d%H%M%SZ}".encode("ascii")


def _usage_period(validity: Validity) -> bytes:
    # PrivateKeyUsagePeriod (RFC 3280 clause 4.2.1.4): [0] and [1] IMPLICIT GeneralizedTime
    return tlv.sequence(
        *(tlv.encode(tag, _generalized(at)) for tag, at in ((0x80, validity.not_before), (0x81, validity.key_until)))
    )


def _shared(validity: Validity, country: str, crl_url: str) -> list[bytes]:
    place = tlv.sequence(tlv.set_of([tlv.sequence(tlv.oid("2.5.4.7"), tlv.utf8_string(country))]))
    alternative = tlv.sequence(tlv.encode(0xA4, place), tlv.encode(0x86, crl_url.encode("ascii")))
    point = tlv.sequence(tlv.encode(0xA0, tlv.encode(0xA0, tlv.encode(0x86, crl_url.encode("ascii")))))
    return [
        _extension(PRIVATE_KEY_USAGE_PERIOD, _usage_period(validity)),
        _extension(ISSUER_ALTERNATIVE_NAME, alternative),
        _extension(SUBJECT_ALTERNATIVE_NAME, alternative),
        _extension(CRL_DISTRIBUTION_POINTS, tlv.sequence(point)),
    ]


def _extension(identifier: str, value: bytes, *, critical: bool = False) -> bytes:
    return tlv.sequence(tlv.oid(identifier), b"\x01\x01\xff" if critical else b"", tlv.octet_string(value))


def _certificate(
    authority: Authority, subject: bytes, spki: bytes, serial: int, validity: Validity, extensions: list[bytes]
) -> bytes:
    if not 0 < serial < 1 << 159:
        raise ParameterError("a serial number is positive and of at most 20 bytes")
    return _signed(
        authority,
        tlv.sequence(
            tlv.encode(0xA0, tlv.integer(2)),
            tlv.integer(serial),
            authority.algorithm.identifier,
            authority.name,
            tlv.sequence(times.encode(validity.not_before), times.encode(validity.not_after)),
            subject,
            spki,
            tlv.encode(0xA3, tlv.sequence(*extensions)),
        ),
    )


def _signed(authority: Authority, part: bytes) -> bytes:
    return tlv.sequence(part, authority.algorithm.identifier, tlv.bit_string(authority.sign(part)))
