"""Arithmetic on the elliptic curves of PACE and chip authentication: full points, which `cryptography` does not give.

Every multiplication by a secret is OpenSSL's, in constant time, where it has the curve: k·G as a public key, k·P as the
x coordinates of two Diffie-Hellman agreements (k and k+1), from which y follows (K. Okeya, K. Sakurai, CHES 2001,
section 3). Where it has not (brainpoolP192r1, P224r1, P320r1 of Doc 9303-11 table 6, and twisted curves) it is
`ladder`'s. Python's own integers, whose time depends on their values, else only see the results: one recovery of y and
one point addition for each mapping, both of values that live for one session.
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InternalError, InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from cccd_core.card import ladder
from cccd_core.emrtd import ecdsa
from cccd_core.emrtd.curves import Curve
from cccd_core.errors import FormatError, ParameterError

Point = tuple[int, int]

_OPENSSL: Final[dict[str, ec.EllipticCurve]] = {
    curve.name: curve
    for curve in (
        ec.SECP192R1(),
        ec.SECP224R1(),
        ec.SECP256R1(),
        ec.SECP384R1(),
        ec.SECP521R1(),
        ec.BrainpoolP256R1(),
        ec.BrainpoolP384R1(),
        ec.BrainpoolP512R1(),
    )
}


_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - over a fresh nonce of the reader's
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def private_key(curve: Curve, scalar: int) -> ec.EllipticCurvePrivateKey | None:
    """The key of a scalar; None where OpenSSL lacks the curve. ParameterError for a scalar outside 1 to n-1."""
    if not 0 < scalar < curve.n:
        raise ParameterError("a private scalar is outside its curve's order", curve=curve.name)
    known = _OPENSSL.get(curve.name)
    return None if known is None else ec.derive_private_key(scalar, known)


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
        if self._key is None:
            return self._ladder((self.curve.gx, self.curve.gy))
        numbers = self._key.public_key().public_numbers()
        return numbers.x, numbers.y

    def agree(self, point: Point) -> bytes:
        """The x coordinate of scalar·point, as long as a coordinate: an elliptic-curve Diffie-Hellman agreement."""
        if self._key is None:
            return self._ladder(point)[0].to_bytes(self.curve.field_bytes, "big")
        return _exchange(self._key, self.curve, point)

    def times(self, point: Point) -> Point:
        """scalar·point, for a valid point and 2 ≤ scalar ≤ n-2."""
        curve = self.curve
        if not 2 <= self.scalar <= curve.n - 2:
            raise ParameterError("a scalar outside 2 to n-2", curve=curve.name)
        if self._key is None:
            return self._ladder(point)
        if self._after is None:
            self._after = private_key(curve, self.scalar + 1)
        x, y = point
        x1 = int.from_bytes(_exchange(self._key, curve, point), "big")
        x2 = int.from_bytes(_exchange(self._after, curve, point), "big")
        # From the addition of (x, y) and (x1, y1), whose sum has x2; y is not 0, since the order is an odd prime.
        top = (x * x1 + curve.a) * (x + x1) + 2 * curve.b - (x - x1) * (x - x1) * x2
        y1 = top * pow(2 * y, -1, curve.p) % curve.p
        return _on_curve(curve, (x1, y1))

    def _ladder(self, point: Point) -> Point:
        return _on_curve(self.curve, ladder.multiply(self.curve, self.scalar, point))


def _on_curve(curve: Curve, point: Point | None) -> Point:
    """Every result is checked: a slip, or a fault of the machine, must not give a wrong key away."""
    if point is None or not curve.contains(*point):
        raise FormatError("a multiplication left the curve", curve=curve.name)
    return point


def _exchange(key: ec.EllipticCurvePrivateKey | None, curve: Curve, point: Point) -> bytes:
    if key is None:
        raise ParameterError("a curve that OpenSSL does not have", curve=curve.name)
    try:
        public = ec.EllipticCurvePublicNumbers(point[0], point[1], key.curve).public_key()
        return key.exchange(ec.ECDH(), public)
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


def map_generic(curve: Curve, nonce: int, shared: Point) -> Point:
    """The generator of generic mapping, nonce·G + H (Doc 9303-11, 4.4.3.3.1)."""
    scalar = nonce % curve.n
    return shared if scalar == 0 else add(curve, Secret(curve, scalar).times_generator(), shared)


def map_integrated(curve: Curve, number: int) -> Point:
    """The generator of integrated mapping: the point that a number of the field encodes (Doc 9303-11, 4.4.3.3.2 and
    appendix B; E. Brier et al., Crypto 2010, section 7).

    ParameterError for a curve whose prime leaves 1 behind when divided by 4 (P-224: Doc 9303-11, table 6);
    FormatError for the few numbers that encode no point.
    """
    p, a, b = curve.p, curve.a, curve.b
    if p % 4 != 3:
        raise ParameterError("a curve without integrated mapping", curve=curve.name)
    alpha = -number * number % p
    ratio = (alpha + alpha * alpha) % p
    if not ratio:
        raise FormatError("a number that encodes no point", curve=curve.name)
    x2 = -b * pow(a, -1, p) * (1 + pow(ratio, -1, p)) % p
    x3 = alpha * x2 % p
    h2 = (x2 * x2 * x2 + a * x2 + b) % p
    root = pow(h2, p - 1 - (p + 1) // 4, p)
    if root * root * h2 % p == 1:
        return _on_curve(curve, (x2, root * h2 % p))
    return _on_curve(curve, (x3, root * number * number * number * h2 % p))


def verifies(curve: Curve, point: Point, signature: ecdsa.Signature, hash_name: str, digest: bytes) -> bool:
    """Whether an ECDSA signature over a digest is that of the key `point`: by OpenSSL where it has the curve."""
    known = _OPENSSL.get(curve.name)
    if known is None:
        return ecdsa.verifies(curve, point, signature, digest)
    if not (0 < signature.r < curve.n and 0 < signature.s < curve.n):
        return False
    try:
        ec.EllipticCurvePublicNumbers(point[0], point[1], known).public_key().verify(
            encode_dss_signature(signature.r, signature.s), digest, ec.ECDSA(Prehashed(_HASHES[hash_name]))
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def sign(curve: Curve, scalar: int, hash_name: str, digest: bytes) -> ecdsa.Signature:
    """An ECDSA signature over a digest, as the software card makes it: by OpenSSL where it has the curve."""
    key = private_key(curve, scalar)
    if key is not None:
        return ecdsa.Signature(*decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(_HASHES[hash_name])))))
    n = curve.n
    e = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - n.bit_length())
    while True:
        fresh = Secret.random(curve)
        r = fresh.times_generator()[0] % n
        s = pow(fresh.scalar, -1, n) * (e + r * scalar) % n
        if r and s:
            return ecdsa.Signature(r, s)
