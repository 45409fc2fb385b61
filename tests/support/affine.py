"""Points of a curve by the book, affine and slow: the truth that faster arithmetic is held against."""

from __future__ import annotations

from cccd_core.emrtd.curves import Curve

Point = tuple[int, int]


def add(curve: Curve, a: Point | None, b: Point | None) -> Point | None:
    """Affine addition by the book; None is the point at infinity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % curve.p == 0:
            return None
        slope = (3 * a[0] * a[0] + curve.a) * pow(2 * a[1], -1, curve.p)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, curve.p)
    x = (slope * slope - a[0] - b[0]) % curve.p
    return x, (slope * (a[0] - x) - a[1]) % curve.p


def multiply(curve: Curve, factor: int, point: Point | None = None) -> Point | None:
    """factor times the point, the generator where none is given."""
    result: Point | None = None
    addend: Point | None = point or (curve.gx, curve.gy)
    while factor:
        if factor & 1:
            result = add(curve, result, addend)
        addend = add(curve, addend, addend)
        factor >>= 1
    return result
