"""The signature algorithms of terminal authentication (BSI TR-03110-3 A.6.4; TR-03111 5.2.1 for plain signatures)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cccd_core.errors import FormatError

ID_TA = "0.4.0.127.0.7.2.2.2"


@dataclass(frozen=True, slots=True)
class _Algorithm:
    oid: str
    family: str
    hash_name: str


class TerminalAlgorithm(Enum):
    """What a certified key signs with. The algorithm belongs to the key: a certificate does not name its signature's,
    the issuer's key does."""

    RSA_V15_SHA1 = _Algorithm(f"{ID_TA}.1.1", "rsa-pkcs1", "sha1")
    RSA_V15_SHA256 = _Algorithm(f"{ID_TA}.1.2", "rsa-pkcs1", "sha256")
    RSA_PSS_SHA1 = _Algorithm(f"{ID_TA}.1.3", "rsa-pss", "sha1")
    RSA_PSS_SHA256 = _Algorithm(f"{ID_TA}.1.4", "rsa-pss", "sha256")
    RSA_V15_SHA512 = _Algorithm(f"{ID_TA}.1.5", "rsa-pkcs1", "sha512")
    RSA_PSS_SHA512 = _Algorithm(f"{ID_TA}.1.6", "rsa-pss", "sha512")
    ECDSA_SHA1 = _Algorithm(f"{ID_TA}.2.1", "ecdsa", "sha1")
    ECDSA_SHA224 = _Algorithm(f"{ID_TA}.2.2", "ecdsa", "sha224")
    ECDSA_SHA256 = _Algorithm(f"{ID_TA}.2.3", "ecdsa", "sha256")
    ECDSA_SHA384 = _Algorithm(f"{ID_TA}.2.4", "ecdsa", "sha384")
    ECDSA_SHA512 = _Algorithm(f"{ID_TA}.2.5", "ecdsa", "sha512")

    @property
    def oid(self) -> str:
        """Its object identifier, dotted."""
        return self.value.oid

    @property
    def family(self) -> str:
        """`ecdsa`, `rsa-pkcs1` or `rsa-pss` (salt as long as the hash, the mask by the same hash)."""
        return self.value.family

    @property
    def hash_name(self) -> str:
        """`sha1`, `sha224`, `sha256`, `sha384` or `sha512`."""
        return self.value.hash_name

    @property
    def label(self) -> str:
        """For people: `ecdsa-sha256`."""
        return f"{self.family}-{self.hash_name}"

    @classmethod
    def of(cls, oid: str, *, offset: int = 0) -> TerminalAlgorithm:
        """The algorithm of an object identifier; FormatError for another one."""
        if oid not in _BY_OID:
            raise FormatError("no algorithm of terminal authentication", offset=offset, algorithm=oid)
        return _BY_OID[oid]


_BY_OID = {algorithm.oid: algorithm for algorithm in TerminalAlgorithm}
