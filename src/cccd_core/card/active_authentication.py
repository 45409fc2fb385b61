"""Active Authentication, the reader's side (Doc 9303-11, 6.1).

ECDSA: the chip signs the reader's eight bytes, the signature is r and s alone (BSI TR-03111, 5.2.1). RSA: ISO/IEC
9796-2 digital signature scheme 1 with partial recovery, the hash given by the trailer.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec as openssl
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from cccd_core.card import ec
from cccd_core.card.apdu import CommandApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.primitives import same
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, parse_spki
from cccd_core.emrtd.security_infos import SecurityInfos
from cccd_core.errors import AuthenticationError, UnavailableError

INS_INTERNAL_AUTHENTICATE: Final = 0x88
NONCE_SIZE: Final = 8

# TR-03111, 5.2.1.1: ecdsa-plain-SHA224 … -SHA512
_PLAIN: Final = "0.4.0.127.0.7.1.1.4.1"
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    f"{_PLAIN}.2": hashes.SHA224(),
    f"{_PLAIN}.3": hashes.SHA256(),
    f"{_PLAIN}.4": hashes.SHA384(),
    f"{_PLAIN}.5": hashes.SHA512(),
}
# ISO/IEC 10118 hash identifiers in the trailer before CC; BC alone is SHA-1
_TRAILERS: Final = {0x33: "sha1", 0x34: "sha256", 0x36: "sha384", 0x35: "sha512", 0x38: "sha224"}


def authenticate(connection: CardConnection, public_key: bytes, infos: SecurityInfos | None = None) -> None:
    """Has the chip sign a fresh nonce and checks the signature with the key of DG15 (DER SubjectPublicKeyInfo).

    `infos` are DG14's, which name the hash of an ECDSA key; without them the hash follows the curve's size. Raises
    AuthenticationError where the signature is wrong, UnavailableError for an algorithm not supported, CardError.
    """
    key = parse_spki(public_key)
    nonce = secrets.token_bytes(NONCE_SIZE)
    ne = 256 if isinstance(key, EcPublicKey) or key.modulus.bit_length() <= 2048 else 65_536
    signature = connection.require(
        CommandApdu(0, INS_INTERNAL_AUTHENTICATE, 0, 0, nonce, ne), "asking for active authentication"
    )
    if not _signed(key, infos, nonce, signature):
        raise AuthenticationError("the chip does not have the private key of its DG15")


def _signed(key: EcPublicKey | RsaPublicKey, infos: SecurityInfos | None, nonce: bytes, signature: bytes) -> bool:
    if isinstance(key, RsaPublicKey):
        return _iso9796_2(key, nonce, signature)
    return _ecdsa(key, infos, nonce, signature)


def _ecdsa(key: EcPublicKey, infos: SecurityInfos | None, nonce: bytes, signature: bytes) -> bool:
    curve = key.curve
    if infos is not None and infos.active_authentication is not None:
        algorithm = _HASHES.get(infos.active_authentication.signature_algorithm)
        if algorithm is None:
            raise UnavailableError(
                "DG14 names a signature algorithm that is not supported here", needs="ecdsa-plain with SHA-2"
            )
    else:
        size = curve.field_bytes
        algorithm = hashes.SHA256() if size <= 32 else hashes.SHA384() if size <= 48 else hashes.SHA512()
    size = (curve.n.bit_length() + 7) // 8
    if len(signature) != 2 * size:
        return False
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    try:
        ec.public_key(curve, (key.x, key.y)).verify(encode_dss_signature(r, s), nonce, openssl.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True


def _iso9796_2(key: RsaPublicKey, nonce: bytes, signature: bytes) -> bool:
    size = (key.modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= key.modulus:
        return False
    opened = pow(number, key.exponent, key.modulus)
    if opened & 0xF != 0xC:
        opened = key.modulus - opened  # the signer may have taken the smaller of s and n-s
    message = opened.to_bytes(size, "big")
    if message[-1] == 0xBC:
        name, trailer = "sha1", 1
    elif message[-1] == 0xCC and message[-2] in _TRAILERS:
        name, trailer = _TRAILERS[message[-2]], 2
    else:
        return False
    digest_size = hashlib.new(name, usedforsecurity=False).digest_size
    start = 1
    if message[0] == 0x4B:  # padding before the recovered part: 4B BB … BB BA
        while start < size and message[start] == 0xBB:
            start += 1
        if start >= size or message[start] != 0xBA:
            return False
        start += 1
    elif message[0] != 0x6A:
        return False
    end = size - trailer - digest_size
    if end < start:
        return False
    expected = hashlib.new(name, message[start:end] + nonce, usedforsecurity=False).digest()
    return same(expected, message[end : size - trailer])
