"""Public keys as SubjectPublicKeyInfo.

Passports give their curves as explicit parameters (Doc 9303-12 clause 4.4.3 asks for it). They are mapped here to the
named curve, every parameter compared; a curve that is not known here is never trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.emrtd.curves import BY_OID, CURVES, PRIME_FIELD, Curve, by_parameter_id
from cccd_core.errors import FormatError

EC_PUBLIC_KEY = "1.2.840.10045.2.1"
RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
RSA_PSS = "1.2.840.113549.1.1.10"
STANDARDISED_PARAMETERS = "0.4.0.127.0.7.1.2"
MAX_RSA_BITS = 8192

_BY_PRIME = {(curve.p, curve.a): curve for curve in CURVES}


@dataclass(frozen=True, slots=True)
class EcPublicKey:
    """A point of a known curve; `explicit` says that its parameters were spelt out."""

    curve: Curve
    x: int
    y: int
    explicit: bool

    def spki(self, *, explicit: bool = False) -> bytes:
        """The DER SubjectPublicKeyInfo, with the named curve or with explicit parameters."""
        parameters = self.curve.explicit_parameters() if explicit else tlv.oid(self.curve.oid)
        return tlv.sequence(
            tlv.sequence(tlv.oid(EC_PUBLIC_KEY), parameters), tlv.bit_string(self.curve.encode_point(self.x, self.y))
        )


@dataclass(frozen=True, slots=True)
class RsaPublicKey:
    """An RSA key; `pss_only` where its identifier is id-RSASSA-PSS."""

    modulus: int
    exponent: int
    pss_only: bool


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
    if identifier in (RSA_ENCRYPTION, RSA_PSS):
        return _rsa(key, pss_only=identifier == RSA_PSS)
    explicit = False
    if identifier == STANDARDISED_PARAMETERS:
        curve = by_parameter_id(tlv.to_integer(algorithm.next(tlv.INTEGER, what="domain parameters")))
    elif identifier == EC_PUBLIC_KEY:
        parameters = algorithm.next(tlv.OID, tlv.SEQUENCE, what="curve")
        explicit = parameters.tag == tlv.SEQUENCE
        curve = _from_explicit(parameters) if explicit else _from_oid(parameters)
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
    square = ((x * x + curve.a) * x + curve.b) % curve.p
    if curve.p % 4 != 3:
        raise FormatError("a compressed point on this curve is not read", offset=offset, curve=curve.name)
    y = pow(square, (curve.p + 1) // 4, curve.p)
    return y if y & 1 == odd else curve.p - y


def _from_oid(found: tlv.Tlv) -> Curve:
    identifier = tlv.to_oid(found)
    if identifier not in BY_OID:
        raise FormatError("a curve that is not known here", offset=found.offset, curve=identifier)
    return BY_OID[identifier]


def _from_explicit(found: tlv.Tlv) -> Curve:
    """The known curve that has exactly these ECParameters (X9.62; a seed is passed over, it proves nothing)."""
    parts = found.reader()
    version = tlv.to_integer(parts.next(tlv.INTEGER, what="ECParameters version"))
    if version not in (1, 2, 3):
        raise FormatError("ECParameters of an unknown version", offset=found.offset, version=version)
    field = parts.next(tlv.SEQUENCE, what="field of the curve").reader()
    kind = tlv.to_oid(field.next(tlv.OID, what="kind of field"))
    if kind != PRIME_FIELD:
        raise FormatError("a curve that is not over a prime field", offset=found.offset, field=kind)
    p = tlv.to_integer(field.next(tlv.INTEGER, what="prime of the field"), maximum_bytes=67)
    coefficients = parts.next(tlv.SEQUENCE, what="coefficients of the curve").reader()
    a = int.from_bytes(coefficients.next(tlv.OCTET_STRING, what="coefficient a").value[:67], "big")
    b = int.from_bytes(coefficients.next(tlv.OCTET_STRING, what="coefficient b").value[:67], "big")
    curve = _BY_PRIME.get((p, a))
    if curve is None:
        raise FormatError(
            "explicit parameters of a curve that is not known here", offset=found.offset, bits=p.bit_length()
        )
    generator = parts.next(tlv.OCTET_STRING, what="generator")
    n = tlv.to_integer(parts.next(tlv.INTEGER, what="order"), maximum_bytes=67)
    cofactor = parts.optional(tlv.INTEGER, what="cofactor")
    if (
        b != curve.b
        or n != curve.n
        or decode_point(curve, generator.value, offset=generator.value_offset) != (curve.gx, curve.gy)
        or (cofactor is not None and tlv.to_integer(cofactor) != curve.h)
    ):
        raise FormatError("explicit parameters differ from those of the curve", offset=found.offset, curve=curve.name)
    return curve


def _rsa(key: tlv.Tlv, *, pss_only: bool) -> RsaPublicKey:
    parts = tlv.Reader(key.value[1:], base=key.value_offset + 1).next(tlv.SEQUENCE, what="RSA public key").reader()
    modulus = tlv.to_integer(parts.next(tlv.INTEGER, what="modulus"), maximum_bytes=MAX_RSA_BITS // 8 + 1)
    exponent = tlv.to_integer(parts.next(tlv.INTEGER, what="exponent"), maximum_bytes=9)
    parts.finish("RSA public key")
    if modulus.bit_length() < 1024 or modulus % 2 == 0 or exponent < 3 or exponent % 2 == 0:
        raise FormatError("an RSA key with impossible numbers", offset=key.offset, bits=modulus.bit_length())
    return RsaPublicKey(modulus, exponent, pss_only)
