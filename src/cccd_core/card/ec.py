"""Arithmetic on the elliptic curves of PACE: full points, which `cryptography` does not give.

Every multiplication by a secret is OpenSSL's, in constant time: k·G as a public key, k·P as the x coordinates of two
Diffie-Hellman agreements (k and k+1), from which y follows (K. Okeya, K. Sakurai, CHES 2001, section 3). Python's own
integers, whose time depends on their values, only see the results: one recovery of y and one point addition for each
mapping, both of values that live for one session.

Curves: Doc 9303-11, table 6 (the prime curves of at least 256 bits that OpenSSL has; smaller ones are refused).
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

from cccd_core.emrtd import curves
from cccd_core.emrtd.curves import Curve
from cccd_core.errors import FormatError, ParameterError

Point = tuple[int, int]

# standardised domain parameter number -> curve
_CURVES: Final[dict[int, ec.EllipticCurve]] = {
    12: ec.SECP256R1(),
    13: ec.BrainpoolP256R1(),
    15: ec.SECP384R1(),
    16: ec.BrainpoolP384R1(),
    17: ec.BrainpoolP512R1(),
    18: ec.SECP521R1(),
}
PARAMETER_IDS: Final = {known.name: number for number, known in _CURVES.items()}


def curve_by_id(parameter_id: int) -> Curve:
    """The curve of a standardised domain parameter number. ParameterError for one that is not supported."""
    if parameter_id not in _CURVES:
        raise ParameterError("no supported curve has this domain parameter number", number=parameter_id)
    return curves.by_name(_CURVES[parameter_id].name)


def domain_parameter_id(name: str) -> int:
    """The standardised domain parameter number of a curve's name. ParameterError for one that is not supported."""
    if name not in PARAMETER_IDS:
        raise ParameterError("not a supported curve", curve=name)
    return PARAMETER_IDS[name]


def _openssl(curve: Curve) -> ec.EllipticCurve:
    return _CURVES[domain_parameter_id(curve.name)]


def stored_key(pkcs8: bytes) -> bytes:
    """A private key as a chip stores it: domain parameter number (1 byte), then the scalar as long as a coordinate.
    ParameterError for what is no unencrypted PKCS #8 DER of a key on a supported curve.
    """
    try:
        key = load_der_private_key(pkcs8, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ParameterError("not a private key in PKCS #8 DER") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ParameterError("a chip's key must be an elliptic-curve key")
    number = domain_parameter_id(key.curve.name)
    size = curve_by_id(number).field_bytes
    return bytes((number,)) + key.private_numbers().private_value.to_bytes(size, "big")


def private_key(curve: Curve, scalar: int) -> ec.EllipticCurvePrivateKey:
    """The key of a scalar. ParameterError for one outside 1 to n-1."""
    if not 0 < scalar < curve.n:
        raise ParameterError("a private scalar is outside its curve's order", curve=curve.name)
    return ec.derive_private_key(scalar, _openssl(curve))


def decode_point(curve: Curve, raw: bytes) -> Point:
    """Reads an uncompressed point and checks that it lies on the curve, which with cofactor 1 is all there is to
    check. FormatError otherwise.
    """
    size = curve.field_bytes
    if len(raw) != 1 + 2 * size or raw[0] != 4:
        raise FormatError("not an uncompressed point of the curve", length=len(raw), curve=curve.name)
    x, y = int.from_bytes(raw[1 : 1 + size], "big"), int.from_bytes(raw[1 + size :], "big")
    if not curve.contains(x, y):
        raise FormatError("a point that is not on the curve", curve=curve.name)
    return x, y


def public_key(curve: Curve, point: Point) -> ec.EllipticCurvePublicKey:
    """The point as a key of `cryptography`."""
    return ec.EllipticCurvePublicNumbers(point[0], point[1], _openssl(curve)).public_key()


class Secret:
    """A private scalar, its OpenSSL keys made once each."""

    __slots__ = ("_after", "_key", "curve", "scalar")

    def __init__(self, curve: Curve, scalar: int) -> None:
        self.curve = curve
        self.scalar = scalar
        self._key = private_key(curve, scalar)
        self._after: ec.EllipticCurvePrivateKey | None = None

    @classmethod
    def random(cls, curve: Curve) -> Secret:
        """A fresh one, fit for `times`: uniform in 2 to n-2."""
        return cls(curve, 2 + secrets.randbelow(curve.n - 3))

    def times_generator(self) -> Point:
        """scalar·G."""
        numbers = self._key.public_key().public_numbers()
        return numbers.x, numbers.y

    def agree(self, point: Point) -> bytes:
        """The x coordinate of scalar·point, as long as a coordinate: an elliptic-curve Diffie-Hellman agreement."""
        return _exchange(self._key, self.curve, point)

    def times(self, point: Point) -> Point:
        """scalar·point, for a valid point and 2 ≤ scalar ≤ n-2."""
        curve = self.curve
        if not 2 <= self.scalar <= curve.n - 2:
            raise ParameterError("a scalar outside 2 to n-2", curve=curve.name)
        if self._after is None:
            self._after = private_key(curve, self.scalar + 1)
        p = curve.p
        x, y = point
        x1 = int.from_bytes(_exchange(self._key, curve, point), "big")
        x2 = int.from_bytes(_exchange(self._after, curve, point), "big")
        # From the addition of (x, y) and (x1, y1), whose sum has x2; y is not 0, since the order is an odd prime.
        top = (x * x1 + curve.a) * (x + x1) + 2 * curve.b - (x - x1) * (x - x1) * x2
        y1 = top * pow(2 * y, -1, p) % p
        if not curve.contains(x1, y1):
            raise FormatError("a multiplication left the curve", curve=curve.name)
        return x1, y1


def _exchange(key: ec.EllipticCurvePrivateKey, curve: Curve, point: Point) -> bytes:
    try:
        return key.exchange(ec.ECDH(), public_key(curve, point))
    except (ValueError, InternalError):
        raise FormatError("a point with which no key can be agreed", curve=curve.name) from None


def add(curve: Curve, left: Point, right: Point) -> Point:
    """left + right, both valid; FormatError where the sum is the point at infinity, which no message can carry."""
    p = curve.p
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if (y1 + y2) % p == 0:
            raise FormatError("a sum is the point at infinity", curve=curve.name)
        slope = (3 * x1 * x1 + curve.a) * pow(2 * y1, -1, p)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, p)
    x = (slope * slope - x1 - x2) % p
    return x, (slope * (x1 - x) - y1) % p


def map_generator(curve: Curve, nonce: int, shared: Point) -> Point:
    """The generator of generic mapping, nonce·G + H (Doc 9303-11, 4.4.3.3.1)."""
    scalar = nonce % curve.n
    return shared if scalar == 0 else add(curve, Secret(curve, scalar).times_generator(), shared)
