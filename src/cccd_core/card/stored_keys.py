"""A chip's private keys as the chip profile stores them (docs/reference/card.md), out of PKCS #8. No input or output.

A key of key agreement or ECDSA: the number of its domain parameters (Doc 9303-11, table 6) in one byte, then the number
as long as the order of the group. An RSA key, for active authentication: 80, the hash's number in the trailer of its
signatures (ISO/IEC 10118), the public exponent in four bytes, the two primes at the same length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cccd_core.card import groups
from cccd_core.emrtd import domain_parameters, tlv
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.domain_parameters import DomainParameters
from cccd_core.emrtd.public_keys import RSA_ENCRYPTION
from cccd_core.errors import FormatError, ParameterError

RSA: Final = 0x80
SHA256_TRAILER: Final = 0x34
_RSA_BITS_MIN, _RSA_BITS_MAX = 1024, 8192
_NUMBER_MAX: Final = 1030


@dataclass(frozen=True, slots=True)
class AgreementKey:
    """A private number in a group or on a curve."""

    parameters: DomainParameters
    number: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class RsaKey:
    """An RSA key, and the number of the hash that its signatures name."""

    trailer: int
    exponent: int
    p: int = field(repr=False)
    q: int = field(repr=False)

    @property
    def modulus(self) -> int:
        """p times q."""
        return self.p * self.q


def encode(pkcs8: bytes, *, trailer: int = SHA256_TRAILER) -> bytes:
    """The stored form of an unencrypted PKCS #8 DER: of a key on a curve or in a group of Doc 9303-11 table 6, or of an
    RSA key of 1024 to 8192 bits. ParameterError for anything else.
    """
    try:
        parts = tlv.read_one(pkcs8, tlv.SEQUENCE, what="PrivateKeyInfo").reader()
        tlv.to_integer(parts.next(tlv.INTEGER, what="version of PrivateKeyInfo"))
        algorithm = parts.next(tlv.SEQUENCE, what="AlgorithmIdentifier")
        key = parts.next(tlv.OCTET_STRING, what="private key").value
        if tlv.to_oid(algorithm.reader().next(tlv.OID, what="algorithm")) == RSA_ENCRYPTION:
            return _encode_rsa(key, trailer)
        parameters = domain_parameters.parse(tlv.encode(algorithm.tag, algorithm.value))
        group = groups.of(parameters)
        if group.parameter_id is None:
            raise ParameterError("a chip's key is on a curve of Doc 9303-11, table 6", curve=group.name)
        number = _number(key, elliptic=group.elliptic)
        group.secret(number)  # ParameterError outside its order
    except FormatError:
        raise ParameterError("not a private key in PKCS #8 DER on a known curve, in a known group, or of RSA") from None
    return bytes((group.parameter_id,)) + number.to_bytes(_order_bytes(parameters), "big")


def decode(value: bytes) -> AgreementKey | RsaKey:
    """Reads a stored key. FormatError for what is none, a number outside its group's order included."""
    if value[:1] == bytes((RSA,)):
        return _decode_rsa(value)
    if not value:
        raise FormatError("no stored key", length=0)
    parameters = domain_parameters.standardised(value[0])
    number = int.from_bytes(value[1:], "big")
    if len(value) != 1 + _order_bytes(parameters) or not 0 < number < _order(parameters):
        raise FormatError("a stored key is outside its group's order", length=len(value))
    return AgreementKey(parameters, number)


def _order(parameters: DomainParameters) -> int:
    return parameters.n if isinstance(parameters, Curve) else parameters.q


def _order_bytes(parameters: DomainParameters) -> int:
    return (_order(parameters).bit_length() + 7) // 8


def _number(key: bytes, *, elliptic: bool) -> int:
    """The number in an ECPrivateKey (RFC 5915) or a Diffie-Hellman PrivateKey (an INTEGER)."""
    if not elliptic:
        return tlv.to_integer(tlv.read_one(key, tlv.INTEGER, what="private number"), maximum_bytes=_NUMBER_MAX)
    parts = tlv.read_one(key, tlv.SEQUENCE, what="ECPrivateKey").reader()
    tlv.to_integer(parts.next(tlv.INTEGER, what="version of ECPrivateKey"))
    return int.from_bytes(parts.next(tlv.OCTET_STRING, what="private number").value[:_NUMBER_MAX], "big")


def _encode_rsa(key: bytes, trailer: int) -> bytes:
    parts = tlv.read_one(key, tlv.SEQUENCE, what="RSAPrivateKey").reader()
    tlv.to_integer(parts.next(tlv.INTEGER, what="version of RSAPrivateKey"))
    n, e, _, p, q = (
        tlv.to_integer(parts.next(tlv.INTEGER, what="number of an RSA key"), maximum_bytes=_NUMBER_MAX)
        for _ in range(5)
    )
    size = (max(p, q).bit_length() + 7) // 8
    if p * q != n or not _RSA_BITS_MIN <= n.bit_length() <= _RSA_BITS_MAX or not 3 <= e < 1 << 32:
        raise FormatError("an RSA key with impossible numbers", bits=n.bit_length())
    return bytes((RSA, trailer)) + e.to_bytes(4, "big") + p.to_bytes(size, "big") + q.to_bytes(size, "big")


def _decode_rsa(value: bytes) -> RsaKey:
    size = (len(value) - 6) // 2
    if len(value) != 6 + 2 * size:
        raise FormatError("a stored RSA key has two primes of one length", length=len(value))
    exponent, p, q = (int.from_bytes(part, "big") for part in (value[2:6], value[6 : 6 + size], value[6 + size :]))
    if not _RSA_BITS_MIN <= (p * q).bit_length() <= _RSA_BITS_MAX or exponent < 3 or not p & q & exponent & 1:
        raise FormatError("a stored RSA key has impossible numbers", length=len(value))
    return RsaKey(value[1], exponent, p, q)
