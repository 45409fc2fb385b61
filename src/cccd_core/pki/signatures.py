"""Signatures by their AlgorithmIdentifier: what one says, and whether a signature is a key's.

ECDSA (RFC 5758; plain: BSI TR-03111 clause 5.2), RSA PKCS #1 v1.5 (RFC 8017 clause 8.2.2) and RSA-PSS with its
parameters (RFC 4055 clause 3.1). Whether a scheme is strong enough, and whether a key may be used with it, is another
question: SHA-1 is read and verified here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from cccd_core.emrtd import ecdsa, tlv
from cccd_core.emrtd.hashes import HASH_OIDS, PssParameters, hash_identifier, parse_hash, parse_pss
from cccd_core.emrtd.public_keys import EC_PUBLIC_KEY, RSA_ENCRYPTION, RSA_PSS, EcPublicKey, RsaPublicKey, UnknownKey
from cccd_core.errors import FormatError, UnavailableError, VerificationError
from cccd_core.signing.keys import HASHES, to_cryptography

PublicKey = EcPublicKey | RsaPublicKey | UnknownKey

_ECDSA = {
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_ECDSA_SPECIFIED = "1.2.840.10045.4.3"  # the hash is its parameter (X9.62)
_ECDSA_PLAIN = {
    "0.4.0.127.0.7.1.1.4.1.1": "sha1",
    "0.4.0.127.0.7.1.1.4.1.2": "sha224",
    "0.4.0.127.0.7.1.1.4.1.3": "sha256",
    "0.4.0.127.0.7.1.1.4.1.4": "sha384",
    "0.4.0.127.0.7.1.1.4.1.5": "sha512",
}
_PKCS1 = {
    "1.2.840.113549.1.1.5": "sha1",
    "1.3.14.3.2.29": "sha1",
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_UNREAD = {
    "1.2.840.113549.1.1.2": "MD2 with RSA",
    "1.2.840.113549.1.1.3": "MD4 with RSA",
    "1.2.840.113549.1.1.4": "MD5 with RSA",
    "1.2.840.113549.1.1.15": "SHA-512/224 with RSA",
    "1.2.840.113549.1.1.16": "SHA-512/256 with RSA",
    "1.3.36.3.3.1.2": "RIPEMD-160 with RSA",
    "0.4.0.127.0.7.1.1.4.1.6": "plain ECDSA with RIPEMD-160",
    "1.2.840.10040.4.3": "DSA with SHA-1",
    "2.16.840.1.101.3.4.3.2": "DSA with SHA-256",
    "2.16.840.1.101.3.4.3.9": "ECDSA with SHA3-224",
    "2.16.840.1.101.3.4.3.10": "ECDSA with SHA3-256",
    "2.16.840.1.101.3.4.3.11": "ECDSA with SHA3-384",
    "2.16.840.1.101.3.4.3.12": "ECDSA with SHA3-512",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "1.2.156.10197.1.501": "SM2 with SM3",
}


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """How a signature was made. `family` is `ecdsa`, `rsa-pkcs1` or `rsa-pss`; `pss` is there for the last alone;
    `plain` says that an ECDSA signature is r and s side by side. `identifier` is the OID that named it."""

    family: str
    hash_name: str
    identifier: str
    pss: PssParameters | None = None
    plain: bool = False

    @property
    def name(self) -> str:
        """`ecdsa-sha256`, `rsa-pss-sha384`, ..."""
        return f"{self.family}-{self.hash_name}"


def parse_scheme(algorithm: bytes, *, digest: str | None = None) -> SignatureScheme:
    """Reads a DER AlgorithmIdentifier of a signature. `digest` is the hash that a CMS signer names, which counts where
    the algorithm is that of the key alone (rsaEncryption, id-ecPublicKey). FormatError for one that is not known here,
    by its name where it has one."""
    parts = tlv.read_one(algorithm, tlv.SEQUENCE, what="signature algorithm").reader()
    identifier = tlv.to_oid(parts.next(tlv.OID, what="signature algorithm"))
    if identifier in _ECDSA:
        return SignatureScheme("ecdsa", _ECDSA[identifier], identifier)
    if identifier in _PKCS1:
        return SignatureScheme("rsa-pkcs1", _PKCS1[identifier], identifier)
    if identifier == RSA_PSS:
        pss = parse_pss(parts.optional(tlv.SEQUENCE, what="RSA-PSS parameters"))
        return SignatureScheme("rsa-pss", pss.hash_name, identifier, pss)
    if identifier in _ECDSA_PLAIN:
        return SignatureScheme("ecdsa", _ECDSA_PLAIN[identifier], identifier, plain=True)
    if identifier == _ECDSA_SPECIFIED:
        return SignatureScheme("ecdsa", parse_hash(parts.next(tlv.SEQUENCE, what="hash")), identifier)
    if digest in HASH_OIDS and identifier in (RSA_ENCRYPTION, EC_PUBLIC_KEY):
        return SignatureScheme("rsa-pkcs1" if identifier == RSA_ENCRYPTION else "ecdsa", digest, identifier)
    raise FormatError(
        "a signature algorithm that is not known here", algorithm=identifier, name=_UNREAD.get(identifier, "")
    )


def fits(scheme: SignatureScheme, key: EcPublicKey | RsaPublicKey) -> bool:
    """Whether a key is of the kind that signs so."""
    return isinstance(key, EcPublicKey) is (scheme.family == "ecdsa")


def verify(scheme: SignatureScheme, key: PublicKey, signature: bytes, data: bytes) -> None:
    """Returns where `signature` over `data` is that of `key`. VerificationError where it is not; FormatError where the
    key cannot be used here, or is of another kind than the scheme."""
    if isinstance(key, UnknownKey):
        raise FormatError(key.why.message, **key.why.facts)
    if not fits(scheme, key):
        raise FormatError("a signature algorithm of another kind of key", algorithm=scheme.identifier)
    try:
        if isinstance(key, EcPublicKey):
            right = _verifies_ecdsa(scheme, key, signature, data)
        elif scheme.pss is not None:
            right = _verifies_pss(scheme.pss, key, signature, data)
        else:
            right = _verifies_pkcs1(scheme.hash_name, key, signature, data)
    except UnsupportedAlgorithm:
        raise FormatError("a signature that this OpenSSL does not verify", algorithm=scheme.identifier) from None
    if not right:
        raise VerificationError("a signature is wrong", algorithm=scheme.identifier)


def _verifies_ecdsa(scheme: SignatureScheme, key: EcPublicKey, signature: bytes, data: bytes) -> bool:
    try:
        public = to_cryptography(key)
    except UnavailableError:
        public = None
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            if scheme.plain:
                numbers = ecdsa.from_plain(signature, key.curve)
                signature = encode_dss_signature(numbers.r, numbers.s)
            public.verify(signature, data, ec.ECDSA(HASHES[scheme.hash_name]))
            return True
        numbers = ecdsa.from_plain(signature, key.curve) if scheme.plain else ecdsa.from_der(signature)
    except (InvalidSignature, FormatError):
        return False
    return ecdsa.verifies(key.curve, (key.x, key.y), numbers, hashlib.new(scheme.hash_name, data).digest())


def _verifies_pss(pss: PssParameters, key: RsaPublicKey, signature: bytes, data: bytes) -> bool:
    scheme = padding.PSS(padding.MGF1(HASHES[pss.mask_hash]), pss.salt_bytes)
    try:
        public = to_cryptography(key)
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, data, scheme, HASHES[pss.hash_name])
            return True
    except (InvalidSignature, ValueError):  # ValueError: a key that cannot be, or is too short for these
        pass
    return False


def _verifies_pkcs1(hash_name: str, key: RsaPublicKey, signature: bytes, data: bytes) -> bool:
    """EMSA-PKCS1-v1_5, RFC 8017 clauses 8.2.2 and 9.2: the whole block is made anew and compared, and nothing in what
    the signature opens to is parsed. Two blocks are right: the hash's parameters are NULL, or absent (its note 2)."""
    size = (key.modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= key.modulus:
        return False
    block = pow(number, key.exponent, key.modulus).to_bytes(size, "big")
    digest = tlv.octet_string(hashlib.new(hash_name, data).digest())
    for identifier in (tlv.sequence(tlv.oid(HASH_OIDS[hash_name]), tlv.NULL_VALUE), hash_identifier(hash_name)):
        info = tlv.sequence(identifier, digest)
        if block == b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info and size >= len(info) + 11:
            return True
    return False
