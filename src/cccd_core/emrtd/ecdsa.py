"""ECDSA verified with own arithmetic, on every curve of `curves`.

For curves that `cryptography` lacks, and for public data alone: nothing here is constant-time, and nothing secret may
come here. BSI TR-03111 clauses 4.2.1 and 5.2; FIPS 186-5 clause 6.4. One verification costs 1 to 9 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.emrtd.curves import Curve
from cccd_core.errors import FormatError

_WINDOW = 5

_Jacobian = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)


@dataclass(frozen=True, slots=True)
class Signature:
    """The two numbers of a signature."""

    r: int
    s: int


def from_der(data: bytes) -> Signature:
    """Reads ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER } (RFC 5480 appendix A), DER. FormatError."""
    parts = tlv.read_one(data, tlv.SEQUENCE, what="ECDSA signature", der=True).reader(der=True)
    r, s = (tlv.to_integer(parts.next(tlv.INTEGER, what=name), maximum_bytes=67) for name in ("r", "s"))
    parts.finish("ECDSA signature")
    return Signature(r, s)


def from_plain(data: bytes, curve: Curve) -> Signature:
    """Reads r and s as two numbers of the order's length (TR-03111 clause 5.2.1). FormatError."""
    size = curve.order_bytes
    if len(data) != 2 * size:
        raise FormatError("a plain signature has another length than its curve's", length=len(data), expected=2 * size)
    return Signature(int.from_bytes(data[:size], "big"), int.from_bytes(data[size:], "big"))


def verifies(curve: Curve, point: tuple[int, int], signature: Signature, digest: bytes) -> bool:
    """Whether `signature` over `digest` (the leftmost bits of it that the order has) is that of the key `point`, which
    must lie on the curve."""
    r, s, n = signature.r, signature.s, curve.n
    if not (0 < r < n and 0 < s < n) or not curve.contains(*point):
        return False
    e = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - n.bit_length())
    w = pow(s, -1, n)
    x = _sum_of_products(curve, e * w % n, (curve.gx, curve.gy), r * w % n, point)
    return x is not None and x % n == r


def _sum_of_products(curve: Curve, k: int, first: tuple[int, int], m: int, second: tuple[int, int]) -> int | None:
    """x of k·first + m·second; None at infinity. Both numbers are walked at once, in windows of non-adjacent form."""
    rows = [(_windows(number), _odd_multiples(curve, point)) for number, point in ((k, first), (m, second)) if number]
    total = _INFINITY
    for position in range(max((len(digits) for digits, _ in rows), default=0) - 1, -1, -1):
        total = _double(curve, total)
        for digits, multiples in rows:
            digit = digits[position] if position < len(digits) else 0
            if digit > 0:
                total = _add(curve, total, multiples[digit >> 1])
            elif digit < 0:
                x, y, z = multiples[-digit >> 1]
                total = _add(curve, total, (x, -y, z))
    x, _, z = total
    if z % curve.p == 0:
        return None
    return x * pow(z, -2, curve.p) % curve.p


def _windows(number: int) -> list[int]:
    """The digits of the non-adjacent form of that window, the lowest first: zero, or odd and below 2**(_WINDOW - 1)."""
    digits = []
    whole, half = 1 << _WINDOW, 1 << _WINDOW - 1
    while number:
        digit = 0
        if number & 1:
            digit = number & whole - 1
            if digit >= half:
                digit -= whole
            number -= digit
        digits.append(digit)
        number >>= 1
    return digits


def _odd_multiples(curve: Curve, point: tuple[int, int]) -> list[_Jacobian]:
    """point, 3·point, 5·point, ..."""
    multiples: list[_Jacobian] = [(*point, 1)]
    twice = _double(curve, multiples[0])
    for _ in range((1 << _WINDOW - 2) - 1):
        multiples.append(_add(curve, multiples[-1], twice))
    return multiples


def _double(curve: Curve, point: _Jacobian) -> _Jacobian:
    x, y, z = point
    p = curve.p
    if not z or not y % p:
        return _INFINITY
    squared = y * y % p
    s = 4 * x * squared % p
    z2 = z * z % p
    m = (3 * x * x + curve.a * (z2 * z2 % p)) % p
    doubled = (m * m - 2 * s) % p
    return doubled, (m * (s - doubled) - 8 * squared * squared) % p, 2 * y * z % p


def _add(curve: Curve, one: _Jacobian, other: _Jacobian) -> _Jacobian:
    x1, y1, z1 = one
    x2, y2, z2 = other
    p = curve.p
    if not z1:
        return other
    if not z2:
        return one
    z1z1, z2z2 = z1 * z1 % p, z2 * z2 % p
    u1, s1 = x1 * z2z2 % p, y1 * z2z2 * z2 % p
    h, r = (x2 * z1z1 - u1) % p, (y2 * z1z1 * z1 - s1) % p
    if not h:
        return _INFINITY if r else _double(curve, one)
    h2 = h * h % p
    h3, v = h2 * h % p, u1 * h2 % p
    x = (r * r - h3 - 2 * v) % p
    return x, (r * (v - x) - s1 * h3) % p, h * z1 * z2 % p
