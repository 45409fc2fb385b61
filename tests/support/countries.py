"""Certificates of a test country, right or wrong in one chosen way, for tests of signing and of path validation."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cccd_core.emrtd.public_keys import EcPublicKey, parse_spki
from cccd_core.pki import Certificate, issue, parse_certificate
from cccd_core.signing import SoftwareSigner

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)
VALIDITY = issue.Validity(START, START + 10 * YEAR, START + 3 * YEAR)
URL = "http://csca.test.invalid/csca.crl"


def spki(key: Key, *, explicit: bool = False) -> bytes:
    """DER SubjectPublicKeyInfo, curve parameters spelt out where asked."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    parsed = parse_spki(der)
    return parsed.spki(explicit=True) if explicit and isinstance(parsed, EcPublicKey) else der


def pem(key: Key) -> bytes:
    """PKCS #8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class Country:
    """A CSCA whose key is at hand."""

    key: Key
    authority: issue.Authority
    certificate: Certificate

    def signer(
        self,
        key: Key,
        *,
        serial: int = 7,
        validity: issue.Validity = VALIDITY,
        country: str = "VN",
        explicit: bool = False,
        authority: issue.Authority | None = None,
    ) -> Certificate:
        """A document signer of this CSCA."""
        name = issue.name({"C": country, "CN": f"TEST DS {serial}"})
        return parse_certificate(
            issue.document_signer_certificate(
                authority or self.authority, name, spki(key, explicit=explicit), serial, validity,
                country="VNM", crl_url=URL, document_types=["ID"],
            )
        )  # fmt: skip


def country(
    key: Key | None = None, *, name: str = "TEST CSCA", serial: int = 1, explicit: bool = False,
    validity: issue.Validity = VALIDITY,
) -> Country:  # fmt: skip
    """A new CSCA; P-384 unless a key is given."""
    private = key or ec.generate_private_key(ec.SECP384R1())
    public = spki(private, explicit=explicit)
    signer = SoftwareSigner(private, b"")
    authority = issue.Authority(
        issue.name({"C": "VN", "CN": name}), issue.key_identifier(public), signer.algorithm, signer.sign
    )
    der = issue.csca_certificate(authority, public, serial, validity, country="VNM", crl_url=URL)
    return Country(private, authority, parse_certificate(der))


def software_signer(key: Key | None = None) -> SoftwareSigner:
    """A document signer of a new country, P-256 unless a key is given, with its key in memory."""
    private = key or ec.generate_private_key(ec.SECP256R1())
    return SoftwareSigner(private, country().signer(private).der)
