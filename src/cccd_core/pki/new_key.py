"""A key pair that is to be certified: in memory for a test country, in a token for any other."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cccd_core.emrtd.curves import BY_NAME
from cccd_core.emrtd.public_keys import EcPublicKey, parse_spki
from cccd_core.errors import CccdError, ParameterError, SigningError, UnavailableError
from cccd_core.pki.directory import PIN_VARIABLE, TokenKey
from cccd_core.signing.signer import Signer
from cccd_core.signing.software import SoftwareSigner

KEY_CURVES: Final[Mapping[str, ec.EllipticCurve]] = {
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "secp521r1": ec.SECP521R1(),
}
"""By name the curves on which keys are made, a CSCA's and those of CV certificates: those that every reader of Doc
9303-12 clause 4.1.6 must know."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key pair that is to be certified: the public half as DER SubjectPublicKeyInfo, what signs with the private
    half, and the private half as PKCS #8 PEM, or where it lies in a token."""

    spki: bytes
    signer: Signer
    private: bytes | None = field(repr=False)
    pkcs11: TokenKey | None = None

    @classmethod
    def software(cls, curve: ec.EllipticCurve) -> NewKey:
        """A fresh key of this curve in memory: for a test country."""
        key = ec.generate_private_key(curve)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(spki, SoftwareSigner(key, b""), pem)

    def written(self, *, explicit: bool) -> bytes:
        """The public key with its curve spelt out, as Doc 9303-12 clause 4.1.6 asks, or by name."""
        parsed = parse_spki(self.spki)
        return parsed.spki(explicit=explicit) if isinstance(parsed, EcPublicKey) else self.spki

    @classmethod
    def in_token(cls, where: TokenKey, curve: str) -> NewKey:
        """A fresh key of the curve of this name, made inside a token whose PIN is in CCCD_PKCS11_PIN.

        ConflictError where the token has a key of that label, SigningError where it makes none, UnavailableError where
        it or python-pkcs11 is missing, ParameterError for a curve that is not known.
        """
        if curve not in BY_NAME:
            raise ParameterError("a curve that is not known here", curve=curve)
        try:
            module = importlib.import_module("cccd_core.signing.pkcs11")
        except ImportError as error:
            raise UnavailableError("python-pkcs11 is not here", needs="the extra hsm", why=str(error)) from None
        pin = os.environ.get(PIN_VARIABLE, "")
        if not pin:
            raise SigningError("the token's PIN is not given", needs=PIN_VARIABLE)
        spki, signer = module.Pkcs11Signer.generate(
            where.module, token=where.token, key=where.key, pin=pin, curve=BY_NAME[curve]
        )
        return cls(spki, signer, None, where)

    def discard(self) -> None:
        """Destroys what was made of the key outside this process: the pair in its token. SigningError."""
        destroy = getattr(self.signer, "discard", None)
        if self.pkcs11 is not None and destroy is not None:
            destroy(self.pkcs11.key)

    def release(self) -> None:
        """Lets go of the token: the key is used through its certificate from now on."""
        close = getattr(self.signer, "close", None)
        if self.pkcs11 is not None and close is not None:
            close()


@contextmanager
def made_in(where: TokenKey | None, curve: str) -> Iterator[NewKey | None]:
    """A fresh key in a token for as long as it is certified, destroyed where that fails; None where no token is given.
    Errors as `NewKey.in_token`."""
    if where is None:
        yield None
        return
    key = NewKey.in_token(where, curve)
    try:
        yield key
    except BaseException:
        with suppress(CccdError):
            key.discard()
        raise
    key.release()
