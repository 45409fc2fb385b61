"""The few parts of an X.509 certificate that a signer's message needs.

Whole certificates are read by `pki.certificates`. RFC 5280 clause 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from cccd_core.emrtd import ber, tlv
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, parse_spki


@dataclass(frozen=True, slots=True)
class CertificateParts:
    """DER Names of issuer and subject, DER INTEGER of the serial number, DER SubjectPublicKeyInfo."""

    issuer: bytes
    serial_number: bytes
    subject: bytes
    spki: bytes

    @property
    def public_key(self) -> EcPublicKey | RsaPublicKey:
        """The key, read."""
        return parse_spki(self.spki)


def certificate_parts(der: bytes) -> CertificateParts:
    """Those parts of a certificate. FormatError with offset for what is none."""
    return ber.read(_parts, der)


def _parts(der: bytes) -> CertificateParts:
    whole = tlv.read_one(der, tlv.SEQUENCE, what="certificate").reader()
    parts = whole.next(tlv.SEQUENCE, what="TBSCertificate").reader()
    parts.optional(0xA0)
    serial = parts.next(tlv.INTEGER, what="serial number")
    parts.next(tlv.SEQUENCE, what="signature algorithm")
    issuer = parts.next(tlv.SEQUENCE, what="issuer")
    parts.next(tlv.SEQUENCE, what="validity")
    subject = parts.next(tlv.SEQUENCE, what="subject")
    spki = parts.next(tlv.SEQUENCE, what="SubjectPublicKeyInfo")
    return CertificateParts(*(tlv.encode(each.tag, each.value) for each in (issuer, serial, subject, spki)))
