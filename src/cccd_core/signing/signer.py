"""The `Signer` protocol: signs without saying where its key lives."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from cccd_core.emrtd.algorithms import SignatureAlgorithm


@runtime_checkable
class Signer(Protocol):
    """A key with its certificate. Safe to call from several threads at a time."""

    @property
    def certificate_der(self) -> bytes:
        """The X.509 certificate of the key, DER."""

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """How `sign` signs."""

    def sign(self, data: bytes) -> bytes:
        """The signature over `data` (hashed here by the algorithm's hash), as X.509 and CMS hold it: DER
        ECDSA-Sig-Value, or the bytes of an RSA-PSS signature. SigningError when the key cannot sign.
        """
