"""Point arithmetic against OpenSSL's and against plain affine arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.card import ec
from cccd_core.emrtd.curves import Curve
from cccd_core.errors import FormatError, ParameterError

CURVES = [ec.curve_by_id(number) for number in ec.PARAMETER_IDS.values()]
curves = st.sampled_from(CURVES)


def _affine(curve: Curve, scalar: int, point: ec.Point) -> ec.Point:
    """scalar·point by doubling and adding, the slow truth."""
    result: ec.Point | None = None
    for bit in bin(scalar)[2:]:
        result = None if result is None else ec.add(curve, result, result)
        if bit == "1":
            result = point if result is None else ec.add(curve, result, point)
    assert result is not None
    return result


@settings(max_examples=40)
@given(curves, st.integers(2, 1 << 512), st.integers(1, 1 << 512))
def test_multiplication(curve: Curve, scalar: int, other: int) -> None:
    scalar = 2 + scalar % (curve.n - 3)
    point = ec.Secret(curve, 1 + other % (curve.n - 1)).times_generator()
    assert ec.Secret(curve, scalar).times(point) == _affine(curve, scalar, point)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_the_smallest_and_largest_scalars(curve: Curve) -> None:
    point = ec.Secret(curve, 5).times_generator()
    assert ec.Secret(curve, 2).times(point) == ec.Secret(curve, 10).times_generator()
    assert ec.Secret(curve, curve.n - 2).times(point) == ec.Secret(curve, curve.n - 10).times_generator()
    for scalar in (0, 1, curve.n - 1, curve.n):
        with pytest.raises(ParameterError):
            ec.Secret(curve, scalar).times(point)
    with pytest.raises(FormatError):
        ec.add(curve, point, (point[0], curve.p - point[1]))
    assert ec.map_generator(curve, 0, point) == point


@given(curves, st.binary(max_size=140))
def test_points_are_read_or_refused(curve: Curve, raw: bytes) -> None:
    for candidate in (raw, b"\x04" + raw.ljust(2 * curve.field_bytes, b"\0")[: 2 * curve.field_bytes]):
        with pytest.raises(FormatError):
            ec.decode_point(curve, candidate)


def test_curves_that_are_not_supported() -> None:
    for number in (0, 8, 10, 14, 255):
        with pytest.raises(ParameterError):
            ec.curve_by_id(number)
    with pytest.raises(ParameterError):
        ec.domain_parameter_id("secp192r1")
