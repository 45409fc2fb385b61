"""Multiplication of a curve's point by a number that is secret, on every curve of `emrtd.curves`: for those alone that
OpenSSL does not have (docs/adr/0067).

A ladder whose row of additions is the same for every number: complete formulas with no special case (J. Renes, C.
Costello, L. Batina, Eurocrypt 2016, section 3; all our curves have an odd order), the number blinded by a random
multiple of the order, the point by a random projective factor. Python's integers themselves take a time that depends
on their values, which the blinding makes random. No input or output. A multiplication costs 3 to 12 ms.
"""

from __future__ import annotations

import secrets

from cccd_core.emrtd.curves import Curve

Point = tuple[int, int]
_Projective = tuple[int, int, int]

_BLINDING_BITS = 64


def multiply(curve: Curve, scalar: int, point: Point) -> Point | None:
    """scalar·point for a point of the curve and a number that is not negative; None is the point at infinity."""
    p = curve.p
    number = scalar % curve.n + (secrets.randbits(_BLINDING_BITS) | 1 << _BLINDING_BITS - 1) * curve.n
    factor = 1 + secrets.randbelow(p - 1)
    low: _Projective = (0, 1 + secrets.randbelow(p - 1), 0)
    high: _Projective = (point[0] * factor % p, point[1] * factor % p, factor)
    for position in range(curve.n.bit_length() + _BLINDING_BITS, -1, -1):
        bit = number >> position & 1
        total = _add(curve, low, high)
        pair = (low, high)
        doubled = _add(curve, pair[bit], pair[bit])
        low, high = ((doubled, total), (total, doubled))[bit]
    x, y, z = low
    if not z:
        return None
    inverse = pow(z, -1, p)
    return x * inverse % p, y * inverse % p


def _add(curve: Curve, left: _Projective, right: _Projective) -> _Projective:
    """The sum of any two points, equal, opposite or at infinity: one formula (W. Bosma, H. W. Lenstra, J. Number Theory
    53, 1995).
    """
    p, a = curve.p, curve.a
    x1, y1, z1 = left
    x2, y2, z2 = right
    xx, yy, zz = x1 * x2 % p, y1 * y2 % p, z1 * z2 % p
    xy = (x1 * y2 + x2 * y1) % p
    xz = (x1 * z2 + x2 * z1) % p
    yz = (y1 * z2 + y2 * z1) % p
    azz = a * zz % p
    b3 = 3 * curve.b
    t = (a * xz + b3 * zz) % p
    minus, plus = yy - t, yy + t
    u = (3 * xx + azz) % p
    v = (a * xx + b3 * xz - a * azz) % p
    return (xy * minus - yz * v) % p, (plus * minus + u * v) % p, (yz * plus + xy * u) % p
