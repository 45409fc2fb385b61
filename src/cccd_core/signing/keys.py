"""Public keys of the card side as keys of `cryptography`, and whether a signature is theirs."""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, parse_spki
from cccd_core.errors import UnavailableError

_CURVES: dict[str, ec.EllipticCurve] = {
    "secp192r1": ec.SECP192R1(),
    "secp224r1": ec.SECP224R1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "secp521r1": ec.SECP521R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
}

HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - old documents are verified with it; no SignatureAlgorithm has it
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def load_public_key(spki_der: bytes) -> PublicKey:
    """A DER SubjectPublicKeyInfo, explicit curve parameters included, as a key of `cryptography`.

    FormatError for bytes that are none; UnavailableError for a curve that `cryptography` does not have.
    """
    return to_cryptography(parse_spki(spki_der))


@lru_cache(maxsize=256)  # a signer's key verifies many documents; making it anew costs a seventh of a verification
def to_cryptography(key: EcPublicKey | RsaPublicKey) -> PublicKey:
    """The same key as a key of `cryptography`. UnavailableError for a curve that it does not have."""
    if isinstance(key, RsaPublicKey):
        return rsa.RSAPublicNumbers(key.exponent, key.modulus).public_key()
    if key.curve.name not in _CURVES:
        raise UnavailableError("cryptography does not have this curve", curve=key.curve.name)
    return ec.EllipticCurvePublicNumbers(key.x, key.y, _CURVES[key.curve.name]).public_key()


def verifies(key: EcPublicKey | RsaPublicKey, algorithm: SignatureAlgorithm, signature: bytes, data: bytes) -> bool:
    """Whether `signature` over `data` is this key's. UnavailableError for a curve that `cryptography` does not have."""
    public, digest = to_cryptography(key), HASHES[algorithm.hash_name]
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, data, ec.ECDSA(digest))
        else:
            public.verify(signature, data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    except InvalidSignature:
        return False
    return True
