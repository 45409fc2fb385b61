"""Verification of signatures by their AlgorithmIdentifier.

ECDSA (RFC 5758), RSA PKCS #1 v1.5 (RFC 4055), RSA-PSS with its parameters (RFC 4055 clause 3.1). MD5 and SHA-1 are
refused: a signature over them proves nothing today.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from cccd_core.emrtd import tlv
from cccd_core.emrtd.algorithms import HASH_NAMES
from cccd_core.emrtd.public_keys import RSA_ENCRYPTION, RSA_PSS, EcPublicKey, RsaPublicKey
from cccd_core.errors import FormatError, VerificationError
from cccd_core.signing.keys import HASHES, to_cryptography

_ECDSA = {
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_PKCS1 = {
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_MGF1 = "1.2.840.113549.1.1.8"
_MAX_SALT_BYTES = 1024


def verify_signature(
    key: EcPublicKey | RsaPublicKey, algorithm: bytes, signature: bytes, data: bytes, *, digest: str | None = None
) -> str:
    """Verifies `signature` over `data` and returns the name of what was used (`ecdsa-sha256`, `rsa-pss-sha384`, ...).

    `algorithm` is the DER AlgorithmIdentifier. `digest` is the hash that a CMS signer names, which counts where the
    algorithm is plain rsaEncryption. VerificationError where the signature is wrong; FormatError where the algorithm
    is unknown, too weak or not the key's.
    """
    parts = tlv.read_one(algorithm, tlv.SEQUENCE, what="signature algorithm").reader()
    identifier = tlv.to_oid(parts.next(tlv.OID, what="signature algorithm"))
    try:
        if identifier in _ECDSA:
            name = _ECDSA[identifier]
            elliptic = _expect_ec(to_cryptography(key), identifier)
            elliptic.verify(signature, data, ec.ECDSA(HASHES[name]))
            return f"ecdsa-{name}"
        if identifier == RSA_PSS:
            hashed, mask, salt = _pss_parameters(parts)
            scheme = padding.PSS(padding.MGF1(HASHES[mask]), salt)
            _expect_rsa(to_cryptography(key), identifier).verify(signature, data, scheme, HASHES[hashed])
            return f"rsa-pss-{hashed}"
        hash_name = _PKCS1.get(identifier) or (digest if identifier == RSA_ENCRYPTION else None)
        if hash_name not in HASHES:
            raise FormatError("a signature algorithm that is unknown or too weak", algorithm=identifier)
        _expect_rsa(to_cryptography(key), identifier).verify(signature, data, padding.PKCS1v15(), HASHES[hash_name])
        return f"rsa-pkcs1-{hash_name}"
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise VerificationError("a signature is wrong", algorithm=identifier) from None


def _expect_ec(key: object, identifier: str) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise FormatError("a signature algorithm of another kind of key", algorithm=identifier)
    return key


def _expect_rsa(key: object, identifier: str) -> rsa.RSAPublicKey:
    if not isinstance(key, rsa.RSAPublicKey):
        raise FormatError("a signature algorithm of another kind of key", algorithm=identifier)
    return key


def _pss_parameters(parts: tlv.Reader) -> tuple[str, str, int]:
    """(hash, hash of MGF1, salt length) of RSASSA-PSS-params; their defaults are SHA-1, and so refused."""
    given = parts.optional(tlv.SEQUENCE, what="RSA-PSS parameters")
    hashed = mask = None
    salt = 20
    for part in given.reader() if given else ():
        inner = part.reader()
        if part.tag == 0xA0:
            hashed = _hash(inner.next(tlv.SEQUENCE, what="hash"))
        elif part.tag == 0xA1:
            generator = inner.next(tlv.SEQUENCE, what="mask generation").reader()
            if tlv.to_oid(generator.next(tlv.OID, what="mask generation")) != _MGF1:
                raise FormatError("an unknown mask generation function", offset=part.offset)
            mask = _hash(generator.next(tlv.SEQUENCE, what="hash"))
        elif part.tag == 0xA2:
            salt = tlv.to_integer(inner.next(tlv.INTEGER, what="salt length"))
        elif part.tag != 0xA3 or tlv.to_integer(inner.next(tlv.INTEGER, what="trailer")) != 1:
            raise FormatError("unknown RSA-PSS parameters", offset=part.offset, tag=f"{part.tag:X}")
    if hashed not in HASHES or mask not in HASHES or not 0 <= salt <= _MAX_SALT_BYTES:
        raise FormatError("RSA-PSS parameters that are unknown or too weak", hash=hashed or "sha1", mask=mask or "sha1")
    return hashed, mask, salt


def _hash(found: tlv.Tlv) -> str:
    identifier = tlv.to_oid(found.reader().next(tlv.OID, what="hash"))
    return HASH_NAMES.get(identifier, identifier)
