"""Public keys as SubjectPublicKeyInfo.

Passports give their curves as explicit parameters (Doc 9303-12 clause 4.4.3 asks for it). They are mapped here to the
named curve, every parameter compared; a curve that is not known here is never trusted. RFC 5480, RFC 3279 clause 2.3,
RFC 4055 clause 1.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cccd_core.emrtd import tlv
from cccd_core.emrtd.curves import BY_OID, CURVES, FOREIGN, FOREIGN_PRIMES, PRIME_FIELD, Curve, by_parameter_id
from cccd_core.emrtd.hashes import PssParameters, parse_pss
from cccd_core.errors import FormatError

EC_PUBLIC_KEY = "1.2.840.10045.2.1"
RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
RSA_PSS = "1.2.840.113549.1.1.10"
STANDARDISED_PARAMETERS = "0.4.0.127.0.7.1.2"
MAX_RSA_BITS = 8192
_MAX_NUMBER_BYTES = 67  # of a 521-bit curve, with a byte for the sign

_BY_PRIME = {(curve.p, curve.a): curve for curve in CURVES}


@dataclass(frozen=True, slots=True)
class EcPublicKey:
    """A point of a known curve; `explicit` says that its parameters were spelt out."""

    curve: Curve
    x: int
    y: int
    explicit: bool

    @property
    def name(self) -> str:
        """The curve's name."""
        return self.curve.name

    def spki(self, *, explicit: bool = False) -> bytes:
        """The DER SubjectPublicKeyInfo, with the named curve or with explicit parameters."""
        parameters = self.curve.explicit_parameters() if explicit else tlv.oid(self.curve.oid)
        return tlv.sequence(
            tlv.sequence(tlv.oid(EC_PUBLIC_KEY), parameters), tlv.bit_string(self.curve.encode_point(self.x, self.y))
        )


@dataclass(frozen=True, slots=True)
class RsaPublicKey:
    """An RSA key. Where its identifier is id-RSASSA-PSS (`pss_only`) it signs with PSS alone, and where that identifier
    has parameters (`pss`) only with those: their hashes, and at least their salt (RFC 4055 clauses 1.2 and 3.3)."""

    modulus: int
    exponent: int
    pss_only: bool
    pss: PssParameters | None = None

    @property
    def name(self) -> str:
        """`RSA-3072`, by the bits of the modulus."""
        return f"RSA-{self.modulus.bit_length()}"


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A key that cannot be used here: of an unknown algorithm or curve, or whose numbers cannot be right. `why` says
    so; whoever needs the key raises it."""

    why: FormatError = field(compare=False)

    @property
    def name(self) -> str:
        """`unknown`, with the curve or algorithm where it has a name or an OID."""
        said = self.why.facts.get("curve") or self.why.facts.get("algorithm")
        return f"unknown ({said})" if said else "unknown"


def parse_spki(der: bytes) -> EcPublicKey | RsaPublicKey:
    """Reads a DER SubjectPublicKeyInfo.

    The curve is named, spelt out, or one of the standardised domain parameters of BSI TR-03110-3 clause A.2.1.1. The
    point must lie on the curve; explicit parameters must equal those of a known curve, all of them. FormatError
    with the offset for anything else, an unknown curve or algorithm included.
    """
    whole = tlv.read_one(der, tlv.SEQUENCE, what="SubjectPublicKeyInfo").reader()
    algorithm = whole.next(tlv.SEQUENCE, what="AlgorithmIdentifier").reader()
    key = whole.next(tlv.BIT_STRING, what="public key")
    whole.finish("SubjectPublicKeyInfo")
    if not key.value or key.value[0] != 0:
        raise FormatError("a public key is not whole bytes", offset=key.offset)
    identifier = tlv.to_oid(algorithm.next(tlv.OID, what="algorithm"))
    if identifier == RSA_ENCRYPTION:
        return _rsa(key, pss_only=False)
    if identifier == RSA_PSS:
        parameters = algorithm.optional(tlv.SEQUENCE, what="RSA-PSS parameters")
        return _rsa(key, pss_only=True, pss=None if parameters is None else parse_pss(parameters))
    explicit = False
    if identifier == STANDARDISED_PARAMETERS:
        curve = by_parameter_id(tlv.to_integer(algorithm.next(tlv.INTEGER, what="domain parameters")))
    elif identifier == EC_PUBLIC_KEY:
        given = algorithm.next(tlv.OID, tlv.SEQUENCE, what="curve")
        explicit = given.tag == tlv.SEQUENCE
        curve = _from_explicit(given) if explicit else _from_oid(given)
    else:
        raise FormatError("a public key of an unknown algorithm", offset=0, algorithm=identifier)
    algorithm.finish("AlgorithmIdentifier")
    x, y = decode_point(curve, key.value[1:], offset=key.value_offset + 1)
    return EcPublicKey(curve, x, y, explicit)


def decode_point(curve: Curve, data: bytes, *, offset: int = 0) -> tuple[int, int]:
    """An uncompressed or compressed point of the curve, not the point at infinity (SEC 1 clause 2.3.4)."""
    size = curve.field_bytes
    if len(data) == 1 + 2 * size and data[0] == 4:
        x, y = int.from_bytes(data[1 : 1 + size], "big"), int.from_bytes(data[1 + size :], "big")
    elif len(data) == 1 + size and data[0] in (2, 3):
        x = int.from_bytes(data[1:], "big")
        y = _square_root(curve, x, data[0] & 1, offset)
    else:
        raise FormatError("a curve point has no known form", offset=offset, length=len(data))
    if not curve.contains(x, y):
        raise FormatError("a point does not lie on its curve", offset=offset, curve=curve.name)
    return x, y


def _square_root(curve: Curve, x: int, odd: int, offset: int) -> int:
    """y of that parity; a number whose square is another where there is none, which `contains` then finds."""
    p = curve.p
    square = ((x * x + curve.a) * x + curve.b) % p
    if p % 4 == 3:
        y = pow(square, (p + 1) // 4, p)
    elif pow(square, (p - 1) // 2, p) in (0, 1):
        y = _tonelli_shanks(square, p)
    else:
        raise FormatError("a point does not lie on its curve", offset=offset, curve=curve.name)
    return y if y & 1 == odd else p - y


def _tonelli_shanks(square: int, p: int) -> int:
    """A root of a square modulo a prime that leaves 1 by 4, as secp224r1's does; some thousand multiplications."""
    if not square:
        return 0
    twos = (p - 1 & 1 - p).bit_length() - 1
    odd = p - 1 >> twos
    other = next(number for number in range(2, 256) if pow(number, (p - 1) // 2, p) == p - 1)
    factor, root, rest = pow(other, odd, p), pow(square, (odd + 1) // 2, p), pow(square, odd, p)
    while rest != 1:
        order, power = 0, rest
        while power != 1:
            power = power * power % p
            order += 1
        step = pow(factor, 1 << twos - order - 1, p)
        twos, factor = order, step * step % p
        root, rest = root * step % p, rest * factor % p
    return root


def _from_oid(found: tlv.Tlv) -> Curve:
    identifier = tlv.to_oid(found)
    if identifier in FOREIGN:
        raise FormatError("a curve that eMRTDs may not use", offset=found.offset, curve=FOREIGN[identifier])
    if identifier not in BY_OID:
        raise FormatError("a curve that is not known here", offset=found.offset, curve=identifier)
    return BY_OID[identifier]


def _from_explicit(found: tlv.Tlv) -> Curve:
    """The known curve that has exactly these ECParameters (X9.62; a seed is passed over, it proves nothing)."""
    parts = found.reader()
    version = tlv.to_integer(parts.next(tlv.INTEGER, what="ECParameters version"))
    if version not in (1, 2, 3):
        raise FormatError("ECParameters of an unknown version", offset=found.offset, version=version)
    field_id = parts.next(tlv.SEQUENCE, what="field of the curve").reader()
    kind = tlv.to_oid(field_id.next(tlv.OID, what="kind of field"))
    if kind != PRIME_FIELD:
        raise FormatError("a curve that is not over a prime field", offset=found.offset, field=kind)
    p = tlv.to_integer(field_id.next(tlv.INTEGER, what="prime of the field"), maximum_bytes=_MAX_NUMBER_BYTES)
    field_id.finish("field of the curve")
    coefficients = parts.next(tlv.SEQUENCE, what="coefficients of the curve").reader()
    a, b = (_coefficient(coefficients.next(tlv.OCTET_STRING, what="coefficient")) for _ in "ab")
    coefficients.optional(tlv.BIT_STRING, what="seed")
    coefficients.finish("coefficients of the curve")
    curve = _BY_PRIME.get((p, a))
    if curve is None:
        if p in FOREIGN_PRIMES:
            raise FormatError("a curve that eMRTDs may not use", offset=found.offset, curve=FOREIGN_PRIMES[p])
        raise FormatError(
            "explicit parameters of a curve that is not known here", offset=found.offset, bits=p.bit_length()
        )
    generator = parts.next(tlv.OCTET_STRING, what="generator")
    n = tlv.to_integer(parts.next(tlv.INTEGER, what="order"), maximum_bytes=_MAX_NUMBER_BYTES)
    cofactor = parts.optional(tlv.INTEGER, what="cofactor")
    parts.optional(tlv.SEQUENCE, what="hash of the seed")
    parts.finish("ECParameters")
    if (
        b != curve.b
        or n != curve.n
        or decode_point(curve, generator.value, offset=generator.value_offset) != (curve.gx, curve.gy)
        or (cofactor is not None and tlv.to_integer(cofactor) != curve.h)
    ):
        raise FormatError("explicit parameters differ from those of the curve", offset=found.offset, curve=curve.name)
    return curve


def _coefficient(found: tlv.Tlv) -> int:
    if len(found.value) > _MAX_NUMBER_BYTES:
        raise FormatError("a coefficient of a curve is too long", offset=found.offset, length=len(found.value))
    return int.from_bytes(found.value, "big")


def _rsa(key: tlv.Tlv, *, pss_only: bool, pss: PssParameters | None = None) -> RsaPublicKey:
    parts = tlv.Reader(key.value[1:], base=key.value_offset + 1).next(tlv.SEQUENCE, what="RSA public key").reader()
    modulus = tlv.to_integer(parts.next(tlv.INTEGER, what="modulus"), maximum_bytes=MAX_RSA_BITS // 8 + 1)
    exponent = tlv.to_integer(parts.next(tlv.INTEGER, what="exponent"), maximum_bytes=9)
    parts.finish("RSA public key")
    possible = 1024 <= modulus.bit_length() <= MAX_RSA_BITS and modulus > 0 and modulus % 2
    if not possible or exponent < 3 or exponent % 2 == 0:
        raise FormatError("an RSA key with impossible numbers", offset=key.offset, bits=modulus.bit_length())
    return RsaPublicKey(modulus, exponent, pss_only, pss)
