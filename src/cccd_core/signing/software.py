"""A signer whose private key lies in this process's memory: for a test country, and for tests."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cccd_core.emrtd.algorithms import SignatureAlgorithm, default_algorithm
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, parse_spki
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import SigningError
from cccd_core.signing.keys import HASHES


class SoftwareSigner:
    """Signs with a private key of `cryptography`: ECDSA on any curve it knows, or RSA-PSS."""

    __slots__ = ("_algorithm", "_certificate_der", "_key")

    def __init__(
        self,
        private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        certificate_der: bytes,
        algorithm: SignatureAlgorithm | None = None,
    ) -> None:
        """`algorithm` None takes what fits the key: ECDSA with the hash of the curve's size, or RSA-PSS SHA-256."""
        self._key = private_key
        self._certificate_der = bytes(certificate_der)
        self._algorithm = algorithm or default_algorithm(_public(private_key))
        if (self._algorithm.family == "ecdsa") != isinstance(private_key, ec.EllipticCurvePrivateKey):
            raise SigningError("the algorithm does not fit the key", algorithm=self._algorithm.name)

    @classmethod
    def load(cls, private_key: bytes, certificate_der: bytes) -> SoftwareSigner:
        """From an unencrypted PKCS #8 key, PEM or DER. SigningError for a key that cannot be used or is not the
        certificate's."""
        key = load_private_key(private_key)
        if numbers(_public(key)) != numbers(certificate_parts(certificate_der).public_key):
            raise SigningError("the private key is not the certificate's")
        return cls(key, certificate_der)

    def __repr__(self) -> str:
        return f"SoftwareSigner({self._algorithm.name})"

    @property
    def certificate_der(self) -> bytes:
        """See `Signer`."""
        return self._certificate_der

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """See `Signer`."""
        return self._algorithm

    def sign(self, data: bytes) -> bytes:
        """See `Signer`."""
        algorithm = HASHES[self._algorithm.hash_name]
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(data, ec.ECDSA(algorithm))
        return self._key.sign(data, padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH), algorithm)


def _public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> EcPublicKey | RsaPublicKey:
    return parse_spki(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def numbers(key: EcPublicKey | RsaPublicKey) -> tuple[object, ...]:
    """What makes two public keys the same, however they are written."""
    return (key.curve.name, key.x, key.y) if isinstance(key, EcPublicKey) else (key.modulus, key.exponent)


def load_private_key(data: bytes) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """An unencrypted PKCS #8 key, PEM or DER. SigningError, without a word of its content, where it is none."""
    load = serialization.load_pem_private_key if data.startswith(b"-----") else serialization.load_der_private_key
    try:
        key = load(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningError("a private key cannot be read", length=len(data)) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise SigningError("a key of this kind does not sign here", key=type(key).__name__)
    return key
