"""Writes CSCA and document signer certificates and revocation lists.

Profiles of Doc 9303-12 clause 7.1 (certificates) and 7.2 (CRL), encoded as DER directly: the key that signs is behind
a function, so it may live anywhere, and a public key may state its curve by name or by explicit parameters.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cccd_core.emrtd import times, tlv
from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.errors import ParameterError
from cccd_core.pki.certificates import DOCUMENT_TYPE_LIST

_ATTRIBUTES = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3"}
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


def key_identifier(spki: bytes) -> bytes:
    """SHA-1 over the bits of the public key (RFC 5280 clause 4.2.1.2, method 1): a name, not a proof."""
    parts = tlv.read_one(spki, tlv.SEQUENCE, what="SubjectPublicKeyInfo").reader()
    parts.next(tlv.SEQUENCE)
    return hashlib.sha1(parts.next(tlv.BIT_STRING).value[1:], usedforsecurity=False).digest()


def csca_certificate(
    authority: Authority, spki: bytes, serial_number: int, validity: Validity, *, country: str, crl_url: str
) -> bytes:
    """A self-signed CSCA certificate (Doc 9303-12 table of profiles, column CSCA)."""
    extensions = [
        _extension("2.5.29.35", tlv.sequence(tlv.encode(0x80, authority.key_identifier))),
        _extension("2.5.29.14", tlv.octet_string(key_identifier(spki))),
        _extension("2.5.29.15", tlv.encode(tlv.BIT_STRING, _KEY_USAGE["certificate_and_crl"]), critical=True),
        _extension("2.5.29.19", tlv.sequence(b"\x01\x01\xff", tlv.integer(0)), critical=True),
        *_shared(validity, country, crl_url),
    ]
    return _certificate(authority, authority.name, spki, serial_number, validity, extensions)


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
        _extension("2.5.29.35", tlv.sequence(tlv.encode(0x80, authority.key_identifier))),
        _extension("2.5.29.14", tlv.octet_string(key_identifier(spki))),
        _extension("2.5.29.15", tlv.encode(tlv.BIT_STRING, _KEY_USAGE["digital_signature"]), critical=True),
        _extension(DOCUMENT_TYPE_LIST, tlv.sequence(tlv.integer(0), types)),
        *_shared(validity, country, crl_url),
    ]
    return _certificate(authority, subject, spki, serial_number, validity, extensions)


def revocation_list(
    authority: Authority,
    number: int,
    this_update: dt.datetime,
    next_update: dt.datetime,
    revoked: Mapping[int, dt.datetime],
) -> bytes:
    """A CRL v2 with its number and the authority's key identifier (Doc 9303-12 clause 7.2)."""
    rows = [
        tlv.sequence(tlv.integer(serial), times.encode(revoked[serial])) for serial in sorted(revoked)
    ]  # without rows the list itself is absent (RFC 5280 clause 5.1.2.6)
    extensions = tlv.sequence(
        _extension("2.5.29.35", tlv.sequence(tlv.encode(0x80, authority.key_identifier))),
        _extension("2.5.29.20", tlv.integer(number)),
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


def _shared(validity: Validity, country: str, crl_url: str) -> list[bytes]:
    # RFC 5280 clause 4.2.1.4 (private key usage period in earlier editions): [0] and [1] IMPLICIT GeneralizedTime
    period = b"".join(
        tlv.encode(tag, f"{time.astimezone(dt.UTC):%Y%m%d%H%M%SZ}".encode("ascii"))
        for tag, time in ((0x80, validity.not_before), (0x81, validity.key_until))
    )
    place = tlv.sequence(tlv.set_of([tlv.sequence(tlv.oid("2.5.4.7"), tlv.utf8_string(country))]))
    alternative = tlv.sequence(tlv.encode(0xA4, place), tlv.encode(0x86, crl_url.encode("ascii")))
    point = tlv.sequence(tlv.encode(0xA0, tlv.encode(0xA0, tlv.encode(0x86, crl_url.encode("ascii")))))
    return [
        _extension("2.5.29.16", tlv.sequence(period)),
        _extension("2.5.29.18", alternative),
        _extension("2.5.29.17", alternative),
        _extension("2.5.29.31", tlv.sequence(point)),
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
