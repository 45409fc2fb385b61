"""Public keys of CV certificates (BSI TR-03110-3 D.3).

A certificate of a CVCA spells its curve out, those below inherit it: a key without domain parameters is a point until
somebody says on which curve. Numbers are read by value; leading zero bytes, which D.2.1.1 forbids, are for
`pki.cv.check` to name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from cccd_core.emrtd import tlv
from cccd_core.emrtd.curves import CURVES, Curve
from cccd_core.emrtd.cv.algorithms import TerminalAlgorithm
from cccd_core.emrtd.public_keys import MAX_RSA_BITS, EcPublicKey, RsaPublicKey, decode_point
from cccd_core.errors import FormatError

TAG_PUBLIC_KEY: Final = 0x7F49
_COORDINATE_MAX: Final = 67
_POINT_MAX: Final = 1 + 2 * _COORDINATE_MAX


@dataclass(frozen=True, slots=True)
class CvPublicKey:
    """A key with its algorithm. `key` is None where the domain parameters are the issuer's; `point` is then all there
    is (04 x y), and empty for RSA."""

    algorithm: TerminalAlgorithm
    key: EcPublicKey | RsaPublicKey | None
    point: bytes = b""

    @classmethod
    def of(
        cls, algorithm: TerminalAlgorithm, key: EcPublicKey | RsaPublicKey, *, domain_parameters: bool
    ) -> CvPublicKey:
        """The key as a certificate holds it, with its curve spelt out or not."""
        if isinstance(key, RsaPublicKey):
            return cls(algorithm, key)
        spelt_out = replace(key, explicit=True) if domain_parameters else None
        return cls(algorithm, spelt_out, key.curve.encode_point(key.x, key.y))

    def resolved(self, curve: Curve | None) -> EcPublicKey | RsaPublicKey:
        """The whole key, on the issuer's curve where it names none. FormatError where there is no curve, or the point
        is not on it."""
        if self.key is not None:
            return self.key
        if curve is None:
            raise FormatError("a key without domain parameters, and no issuer's to inherit")
        x, y = decode_point(curve, self.point)
        return EcPublicKey(curve, x, y, explicit=True)

    def encode(self) -> bytes:
        """The data object 7F49."""
        parts = [tlv.oid(self.algorithm.oid)]
        if isinstance(self.key, RsaPublicKey):
            parts += [tlv.encode(0x81, _unsigned(self.key.modulus)), tlv.encode(0x82, _unsigned(self.key.exponent))]
        elif self.key is None:
            parts.append(tlv.encode(0x86, self.point))
        else:
            curve = self.key.curve
            parts += [
                tlv.encode(0x81, _unsigned(curve.p)),
                tlv.encode(0x82, _unsigned(curve.a)),
                tlv.encode(0x83, _unsigned(curve.b)),
                tlv.encode(0x84, curve.encode_point(curve.gx, curve.gy)),
                tlv.encode(0x85, _unsigned(curve.n)),
                tlv.encode(0x86, self.point),
                tlv.encode(0x87, _unsigned(curve.h)),
            ]
        return tlv.encode(TAG_PUBLIC_KEY, b"".join(parts))


def parse_key(found: tlv.Tlv) -> CvPublicKey:
    """Reads a data object 7F49. The domain parameters are all there (the cofactor may be missing) or none, and must be
    those of a known curve. FormatError otherwise."""
    reader = found.reader(der=True)
    name = reader.next(tlv.OID, what="algorithm of a public key")
    algorithm = TerminalAlgorithm.of(tlv.to_oid(name), offset=name.offset)
    if algorithm.family == "ecdsa":
        return _elliptic(algorithm, reader)
    modulus = _number(reader.next(0x81, what="modulus"), MAX_RSA_BITS // 8 + 1)
    exponent = _number(reader.next(0x82, what="exponent"), 9)
    reader.finish("public key")
    if not 1024 <= modulus.bit_length() <= MAX_RSA_BITS or modulus % 2 == 0 or exponent < 3 or exponent % 2 == 0:
        raise FormatError("an RSA key with impossible numbers", offset=found.offset, bits=modulus.bit_length())
    return CvPublicKey(algorithm, RsaPublicKey(modulus, exponent, pss_only=algorithm.family == "rsa-pss"))


def _elliptic(algorithm: TerminalAlgorithm, reader: tlv.Reader) -> CvPublicKey:
    if reader.peek() == 0x86:
        point = reader.next(0x86, what="public point")
        reader.finish("public key")
        if not 1 < len(point.value) <= _POINT_MAX or point.value[0] != 4 or len(point.value) % 2 == 0:
            raise FormatError("a public point has no known form", offset=point.offset, length=len(point.value))
        return CvPublicKey(algorithm, None, point.value)
    prime = reader.next(0x81, what="prime of the field")
    p = _number(prime, _COORDINATE_MAX)
    a, b = (_number(reader.next(tag, what="coefficient of the curve"), _COORDINATE_MAX) for tag in (0x82, 0x83))
    base = reader.next(0x84, what="base point")
    n = _number(reader.next(0x85, what="order of the base point"), _COORDINATE_MAX)
    point = reader.next(0x86, what="public point")
    cofactor = reader.optional(0x87)
    reader.finish("public key")
    curve = next((curve for curve in CURVES if curve.p == p and curve.a == a), None)
    if curve is None:
        raise FormatError("domain parameters of a curve that is not known here", offset=prime.offset)
    same = (b, n) == (curve.b, curve.n) and decode_point(curve, base.value, offset=base.value_offset) == (
        curve.gx,
        curve.gy,
    )
    if not same or (cofactor is not None and _number(cofactor, 4) != curve.h):
        raise FormatError("domain parameters differ from those of the curve", offset=prime.offset, curve=curve.name)
    if point.value[:1] != b"\x04":
        raise FormatError("a public point is not uncompressed", offset=point.offset)
    x, y = decode_point(curve, point.value, offset=point.value_offset)
    return CvPublicKey(algorithm, EcPublicKey(curve, x, y, explicit=True), point.value)


def _number(found: tlv.Tlv, size_max: int) -> int:
    if not 1 <= len(found.value) <= size_max:
        raise FormatError("a number of an impossible size", offset=found.offset, length=len(found.value))
    return int.from_bytes(found.value, "big")


def _unsigned(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
