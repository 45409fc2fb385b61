"""A signer whose key lies in a PKCS #11 token (a hardware security module), and keys that a token decrypts. The only
file that imports pkcs11.

The key never leaves the token: data are hashed here, the token signs the hash (CKM_ECDSA, CKM_RSA_PKCS_PSS), which any
token can. A PIN is tried once: tokens lock after a few wrong ones.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import pkcs11
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from cccd_core.emrtd import tlv
from cccd_core.emrtd.algorithms import SignatureAlgorithm, default_algorithm
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.hashes import HASH_SIZES
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, decode_point, parse_spki
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import ConflictError, SigningError, UnavailableError
from cccd_core.signing.keys import verifies
from cccd_core.signing.ledger import PROOF

_PSS = {
    "sha256": (pkcs11.Mechanism.SHA256, pkcs11.MGF.SHA256),
    "sha384": (pkcs11.Mechanism.SHA384, pkcs11.MGF.SHA384),
    "sha512": (pkcs11.Mechanism.SHA512, pkcs11.MGF.SHA512),
}


_PIN_FAULTS: dict[type[pkcs11.PKCS11Error], str] = {
    pkcs11.PinIncorrect: "the PIN is not the token's; it was tried once",
    pkcs11.PinInvalid: "the PIN has signs that the token does not take",
    pkcs11.PinLenRange: "the PIN is shorter or longer than the token takes",
    pkcs11.PinLocked: "the token has locked its PIN: somebody with its SO PIN must unlock it",
    pkcs11.PinExpired: "the token's PIN has expired: it must be changed first",
    pkcs11.UserPinNotInitialized: "the token has no user PIN yet",
}
_TRIES = {
    pkcs11.TokenFlag.USER_PIN_LOCKED: "none: locked",
    pkcs11.TokenFlag.USER_PIN_FINAL_TRY: "the next wrong one locks it",
    pkcs11.TokenFlag.USER_PIN_COUNT_LOW: "a wrong one was given before",
}


class Pkcs11Signer:
    """Signs with one private key of a token. Open it with `Pkcs11Signer.open`, close it or use it in a `with`.

    One session, one lock: several threads may call `sign`, one signature is made at a time.
    """

    def __init__(self, session: Any, key: Any, public: EcPublicKey | RsaPublicKey, certificate_der: bytes) -> None:
        """For `open` and `generate`, which are the doors."""
        self._session = session
        self._key = key
        self._lock = threading.Lock()
        self._certificate_der = bytes(certificate_der)
        self._public = public
        self._algorithm = default_algorithm(self._public)

    @classmethod
    def open(
        cls,
        module: Path | str,
        *,
        token: str,
        key: str,
        pin: str,
        certificate_der: bytes | None = None,
        public_key: bytes | None = None,
    ) -> Pkcs11Signer:
        """Opens the private key labelled `key` on the token labelled `token` through the library `module`.

        `certificate_der` None takes the certificate of the same label from the token; `public_key`, a DER
        SubjectPublicKeyInfo, is for a key whose certificate is no X.509 one. UnavailableError where the module or the
        token is not there; SigningError where the PIN is wrong (check `pin`; `tries` is what the token says of those
        left), the key or certificate is missing, or the key is not
        the certificate's (found out by one signature).
        """
        session = _session(module, token, pin)
        try:
            with _errors("the key cannot be found on the token", token=token, key=key):
                private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=key)
                if certificate_der is None and public_key is None:
                    certificate_der = _stored_certificate(session, key)
            known = certificate_der or b""
            public = certificate_parts(known).public_key if public_key is None else parse_spki(public_key)
            signer = cls(session, private, public, known)
            signer._prove()
            return signer
        except BaseException:
            session.close()
            raise

    @classmethod
    def generate(
        cls, module: Path | str, *, token: str, key: str, pin: str, curve: Curve
    ) -> tuple[bytes, Pkcs11Signer]:
        """Makes a key pair labelled `key` inside the token, which it never leaves: (DER SubjectPublicKeyInfo with the
        curve's name, a signer that has no certificate yet).

        Errors as `open`; ConflictError where the token has a key of this label already.
        """
        session = _session(module, token, pin, write=True)
        try:
            with _errors("the token made no key", token=token, key=key):
                if list(session.get_objects({pkcs11.Attribute.LABEL: key})):
                    raise ConflictError("the token has something of this label already", token=token, key=key)
                parameters = session.create_domain_parameters(
                    pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: tlv.oid(curve.oid)}, local=True
                )
                public, private = parameters.generate_keypair(
                    store=True, label=key, id=secrets.token_bytes(8),
                    private_template={pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False},
                )  # fmt: skip
                point = tlv.read_one(bytes(public[pkcs11.Attribute.EC_POINT]), tlv.OCTET_STRING, what="point").value
            x, y = decode_point(curve, point)
            made = EcPublicKey(curve, x, y, explicit=False)
            return made.spki(), cls(session, private, made, b"")
        except BaseException:
            session.close()
            raise

    def discard(self, label: str) -> None:
        """Destroys the key pair of this label in the token, and closes the session. SigningError."""
        with _errors("the key cannot be destroyed in the token", key=label), self._lock:
            for each in list(self._session.get_objects({pkcs11.Attribute.LABEL: label})):
                each.destroy()
            self._session.close()

    def __repr__(self) -> str:
        return f"Pkcs11Signer({self._algorithm.name})"

    def __enter__(self) -> Pkcs11Signer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the session; the signer is of no use after that."""
        with self._lock:
            self._session.close()

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
        name = self._algorithm.hash_name
        digest = hashlib.new(name, data).digest()
        with _errors("the token did not sign"), self._lock:
            if isinstance(self._public, EcPublicKey):
                raw = bytes(self._key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))
                half = len(raw) // 2
                return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
            parameter = (*_PSS[name], HASH_SIZES[name])
            mechanism = pkcs11.Mechanism.RSA_PKCS_PSS
            return bytes(self._key.sign(digest, mechanism=mechanism, mechanism_param=parameter))

    def _prove(self) -> None:
        """One signature over a fixed text, checked with the certificate's key."""
        if not verifies(self._public, self._algorithm, self.sign(PROOF), PROOF):
            raise SigningError("the token's key is not the certificate's")


def unwrap(module: Path | str, *, token: str, key: str, pin: str, wrapped: bytes) -> bytes:
    """What was encrypted for the RSA key labelled `key` of a token, decrypted inside it: RSAES-OAEP (RFC 8017) with
    SHA-1 and MGF1 over it, the one form that every token can. Errors as `Pkcs11Signer.open`."""
    session = _session(module, token, pin)
    try:
        with _errors("the token did not decrypt", token=token, key=key):
            private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=key)
            return bytes(private.decrypt(wrapped, mechanism=pkcs11.Mechanism.RSA_PKCS_OAEP))
    finally:
        session.close()


def _session(module: Path | str, token: str, pin: str, *, write: bool = False) -> Any:
    with _errors("the PKCS #11 token cannot be opened", module=str(module), token=token):
        try:
            library = pkcs11.lib(str(module))
            slot = library.get_token(token_label=token)
        except (RuntimeError, pkcs11.NoSuchToken) as error:
            raise UnavailableError(
                "no such PKCS #11 module or token", module=str(module), token=token, why=type(error).__name__
            ) from None
        try:
            return slot.open(user_pin=pin, rw=write)
        except pkcs11.UserAlreadyLoggedIn:  # another key of the same token is open in this process
            return slot.open(rw=write)
        except tuple(_PIN_FAULTS) as error:
            words = next(words for kind, words in _PIN_FAULTS.items() if isinstance(error, kind))
            why, tries = type(error).__name__, _tries(library, token)
            raise SigningError(words, check="pin", why=why, module=str(module), token=token, **tries) from None


def _tries(library: Any, token: str) -> dict[str, str]:
    """What the token says of the tries that are left; PKCS #11 has no count of them. Nothing is tried for it."""
    try:
        flags = library.get_token(token_label=token).flags
    except (RuntimeError, pkcs11.PKCS11Error):
        return {}
    for flag, words in _TRIES.items():
        if flag in flags:
            return {"tries": words}
    return {}


def _stored_certificate(session: Any, label: str) -> bytes:
    found = list(
        session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE, pkcs11.Attribute.LABEL: label})
    )
    if len(found) != 1:
        raise SigningError("the token does not hold one certificate of this label", count=len(found))
    return bytes(found[0][pkcs11.Attribute.VALUE])


@contextmanager
def _errors(message: str, **facts: str) -> Iterator[None]:
    try:
        yield
    except pkcs11.PKCS11Error as error:
        raise SigningError(message, why=type(error).__name__, **facts) from None
