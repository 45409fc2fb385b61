"""Names, identifiers and DER of the algorithms that sign on the card side.

Doc 9303-12 clause 4.4 (algorithms), RFC 5758 (identifiers), RFC 4056 (RSA-PSS in CMS).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cccd_core.emrtd import tlv
from cccd_core.emrtd.hashes import HASH_OIDS, HASH_SIZES
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey


def _pss(hash_name: str) -> bytes:
    hashed = tlv.sequence(tlv.oid(HASH_OIDS[hash_name]), tlv.NULL_VALUE)
    mask = tlv.sequence(tlv.oid("1.2.840.113549.1.1.8"), hashed)
    salt = tlv.integer(HASH_SIZES[hash_name])
    parameters = tlv.sequence(tlv.encode(0xA0, hashed), tlv.encode(0xA1, mask), tlv.encode(0xA2, salt))
    return tlv.sequence(tlv.oid("1.2.840.113549.1.1.10"), parameters)


@dataclass(frozen=True, slots=True)
class _Algorithm:
    family: str
    hash_name: str
    identifier: bytes


class SignatureAlgorithm(Enum):
    """A way to sign. `family` is `ecdsa` or `rsa-pss`; `identifier` is the DER AlgorithmIdentifier."""

    ECDSA_SHA256 = _Algorithm("ecdsa", "sha256", tlv.sequence(tlv.oid("1.2.840.10045.4.3.2")))
    ECDSA_SHA384 = _Algorithm("ecdsa", "sha384", tlv.sequence(tlv.oid("1.2.840.10045.4.3.3")))
    ECDSA_SHA512 = _Algorithm("ecdsa", "sha512", tlv.sequence(tlv.oid("1.2.840.10045.4.3.4")))
    RSA_PSS_SHA256 = _Algorithm("rsa-pss", "sha256", _pss("sha256"))
    RSA_PSS_SHA384 = _Algorithm("rsa-pss", "sha384", _pss("sha384"))
    RSA_PSS_SHA512 = _Algorithm("rsa-pss", "sha512", _pss("sha512"))

    @property
    def family(self) -> str:
        """`ecdsa` or `rsa-pss`."""
        return self.value.family

    @property
    def hash_name(self) -> str:
        """`sha256`, `sha384` or `sha512`."""
        return self.value.hash_name

    @property
    def identifier(self) -> bytes:
        """The DER AlgorithmIdentifier for X.509 and CMS."""
        return self.value.identifier


def default_algorithm(key: EcPublicKey | RsaPublicKey) -> SignatureAlgorithm:
    """The algorithm a key signs with when none is named (Doc 9303-12 clause 4.4: a hash as strong as the curve)."""
    if isinstance(key, RsaPublicKey):
        return SignatureAlgorithm.RSA_PSS_SHA256
    if key.curve.bits <= 256:
        return SignatureAlgorithm.ECDSA_SHA256
    return SignatureAlgorithm.ECDSA_SHA384 if key.curve.bits <= 384 else SignatureAlgorithm.ECDSA_SHA512
