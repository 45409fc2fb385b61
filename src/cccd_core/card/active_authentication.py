"""Active Authentication, the reader's side (Doc 9303-11, 6.1).

ECDSA: the chip signs the reader's eight bytes; the signature is r and s alone (BSI TR-03111, 5.2.1), or, of chips in
the field, their DER (5.2.2). RSA: ISO/IEC 9796-2 digital signature scheme 1 with partial recovery, the hash given by
the trailer. Eight fresh bytes leave no room for a collision: SHA-1 proves a chip as well as any other hash does here.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import Final

from cccd_core.card import ec, status_words
from cccd_core.card.apdu import SHORT_NE_MAX, CommandApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.primitives import same
from cccd_core.emrtd import ecdsa, tlv
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, parse_spki
from cccd_core.emrtd.security_infos import SecurityInfos
from cccd_core.errors import AuthenticationError, FormatError, UnavailableError

INS_INTERNAL_AUTHENTICATE: Final = 0x88
NONCE_SIZE: Final = 8
_SIGNATURE_BYTES_MAX: Final = 144  # of the longest curve, with room for other forms

_PLAIN: Final = "0.4.0.127.0.7.1.1.4.1"  # TR-03111, 5.2.1.1: ecdsa-plain-SHA1, -SHA224, …
_WITH: Final = "1.2.840.10045.4"  # X9.62 and RFC 5758: what DG14 of some chips names instead; the hash is the same
# Doc 9303-11, 9.2.6: the algorithms that DG14 may name, their hash, and whether they stand for DER
SIGNATURE_ALGORITHMS: Final[dict[str, tuple[str, bool]]] = {
    f"{_PLAIN}.1": ("sha1", False),
    f"{_PLAIN}.2": ("sha224", False),
    f"{_PLAIN}.3": ("sha256", False),
    f"{_PLAIN}.4": ("sha384", False),
    f"{_PLAIN}.5": ("sha512", False),
    f"{_WITH}.1": ("sha1", True),
    f"{_WITH}.3.1": ("sha224", True),
    f"{_WITH}.3.2": ("sha256", True),
    f"{_WITH}.3.3": ("sha384", True),
    f"{_WITH}.3.4": ("sha512", True),
}
# ISO/IEC 10118 hash identifiers in the trailer before CC; BC alone is SHA-1
TRAILERS: Final = {0x33: "sha1", 0x34: "sha256", 0x35: "sha512", 0x36: "sha384", 0x38: "sha224"}


def authenticate(connection: CardConnection, public_key: bytes, infos: SecurityInfos | None = None) -> None:
    """Has the chip sign a fresh nonce and checks the signature with the key of DG15 (DER SubjectPublicKeyInfo).

    `infos` are DG14's, which name the hash of an ECDSA key; where they do not, every hash is tried that is not longer
    than the key, as is the key's own. Raises AuthenticationError where the signature is wrong, UnavailableError for an
    algorithm not supported, CardError.
    """
    key = parse_spki(public_key)
    hashes = _hashes(key, infos) if isinstance(key, EcPublicKey) else ()
    nonce = secrets.token_bytes(NONCE_SIZE)
    signature = _ask(connection, key, nonce)
    if isinstance(key, EcPublicKey):
        proved = any(_ecdsa(key, name, nonce, signature) for name in hashes)
    else:
        proved = _iso9796_2(key, nonce, signature)
    if not proved:
        raise AuthenticationError("the chip does not have the private key of its DG15")


def _ask(connection: CardConnection, key: EcPublicKey | RsaPublicKey, nonce: bytes) -> bytes:
    """The signature. An answer longer than a short one comes in pieces, or, from a chip that gives none, in one answer
    of extended length.
    """
    size = 0 if isinstance(key, EcPublicKey) else (key.modulus.bit_length() + 7) // 8
    ne = SHORT_NE_MAX if size <= SHORT_NE_MAX else 65_536
    response = connection.send(CommandApdu(0, INS_INTERNAL_AUTHENTICATE, 0, 0, nonce, ne))
    if response.sw == status_words.WRONG_LENGTH and ne > SHORT_NE_MAX:
        response = connection.send(CommandApdu(0, INS_INTERNAL_AUTHENTICATE, 0, 0, nonce, ne, extended=True))
    if not response.ok:
        raise status_words.card_error(response.sw, "asking for active authentication")
    return response.data


def default_hash(order_bits: int) -> str:
    """The hash of a key whose DG14 names none: the longest of SHA-2 that is not longer than the key (Doc 9303-11,
    6.1.2.3), SHA-224 at the least.
    """
    return next((name for name, bits in _BY_LENGTH if bits <= order_bits), "sha224")


_BY_LENGTH: Final = (("sha512", 512), ("sha384", 384), ("sha256", 256), ("sha224", 224))


def _hashes(key: EcPublicKey, infos: SecurityInfos | None) -> tuple[str, ...]:
    """The hash that DG14 names; without it all that the standard lets the key have, the likeliest first."""
    if infos is not None and infos.active_authentication is not None:
        named = SIGNATURE_ALGORITHMS.get(infos.active_authentication.signature_algorithm)
        if named is None:
            raise UnavailableError(
                "DG14 names a signature algorithm that is not supported here",
                needs="ECDSA with SHA-1 or SHA-2",
                algorithm=infos.active_authentication.signature_algorithm,
            )
        return (named[0],)
    bits = key.curve.n.bit_length()
    allowed = [name for name, length in _BY_LENGTH if length <= bits]
    return tuple(dict.fromkeys((default_hash(bits), *allowed, "sha256", "sha1")))


def _ecdsa(key: EcPublicKey, hash_name: str, nonce: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's, in the plain or the DER form: the numbers decide, not how they stand."""
    digest = hashlib.new(hash_name, nonce, usedforsecurity=False).digest()
    point = key.x, key.y
    return any(ec.verifies(key.curve, point, numbers, hash_name, digest) for numbers in _numbers(signature))


def _numbers(signature: bytes) -> Iterator[ecdsa.Signature]:
    """r and s in each form that the bytes can be: two halves, or an ECDSA-Sig-Value, whose integers some chips write
    without the zero that keeps them positive, or with more of them than DER has.
    """
    half = len(signature) // 2
    if len(signature) <= _SIGNATURE_BYTES_MAX and half * 2 == len(signature):
        yield ecdsa.Signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
    try:
        parts = tlv.read_one(signature, tlv.SEQUENCE, what="ECDSA signature").reader()
        r, s = (parts.next(tlv.INTEGER, what=name).value[:_SIGNATURE_BYTES_MAX] for name in ("r", "s"))
        parts.finish("ECDSA signature")
    except FormatError:
        return
    yield ecdsa.Signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


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
    elif message[-1] == 0xCC and message[-2] in TRAILERS:
        name, trailer = TRAILERS[message[-2]], 2
    else:
        return False
    start = _recovered(message)
    end = size - trailer - hashlib.new(name, usedforsecurity=False).digest_size
    if start is None or end < start:
        return False
    expected = hashlib.new(name, message[start:end] + nonce, usedforsecurity=False).digest()
    return same(expected, message[end : size - trailer])


def _recovered(message: bytes) -> int | None:
    """Where the recovered part begins: behind 6A, or behind padding 6B BB … BB BA (ISO/IEC 9796-2, 8; 4A and 4B, which
    say that the whole message is recovered, are written by some chips all the same). None for another header.
    """
    if message[0] in (0x6A, 0x4A):
        return 1
    if message[0] not in (0x6B, 0x4B):
        return None
    start = 1
    while start < len(message) and message[start] == 0xBB:
        start += 1
    return start + 1 if start < len(message) and message[start] == 0xBA else None
