"""Point arithmetic against OpenSSL's and against plain affine arithmetic."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.card import dh, ec, groups, ladder
from cccd_core.emrtd import ecdsa
from cccd_core.emrtd.curves import CURVES, Curve, by_name
from cccd_core.emrtd.dh_groups import GROUPS, DhGroup
from cccd_core.errors import FormatError, ParameterError

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
    assert ec.map_generic(curve, 0, point) == point


@given(curves, st.binary(max_size=140))
def test_points_are_read_or_refused(curve: Curve, raw: bytes) -> None:
    for candidate in (raw, b"\x04" + raw.ljust(2 * curve.field_bytes, b"\0")[: 2 * curve.field_bytes]):
        with pytest.raises(FormatError):
            ec.decode_point(curve, candidate)


@settings(max_examples=20)
@given(curves, st.integers(0, 1 << 530), st.integers(1, 1 << 512))
def test_the_ladder(curve: Curve, scalar: int, other: int) -> None:
    """Against plain affine arithmetic, for any number, on every curve."""
    point = ec.Secret(curve, 1 + other % (curve.n - 1)).times_generator()
    reduced = scalar % curve.n
    expected = _affine(curve, reduced, point) if reduced else None
    assert ladder.multiply(curve, scalar, point) == expected


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_numbers_at_the_edge_on_the_ladder(curve: Curve) -> None:
    g = curve.gx, curve.gy
    negative = curve.gx, curve.p - curve.gy
    for scalar, expected in ((0, None), (1, g), (curve.n - 1, negative), (curve.n, None), (curve.n + 1, g)):
        assert ladder.multiply(curve, scalar, g) == expected


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_integrated_mapping_gives_points(curve: Curve) -> None:
    if curve.p % 4 != 3:
        assert curve.name == "secp224r1"
        with pytest.raises(ParameterError):
            ec.map_integrated(curve, 5)
        return
    found = {ec.map_integrated(curve, number) for number in range(2, 40)}
    assert len(found) == 38
    assert all(curve.contains(*point) for point in found)
    for number in (0, 1, curve.p - 1):
        with pytest.raises(FormatError):
            ec.map_integrated(curve, number)


@settings(max_examples=30)
@given(curves, st.sampled_from(("sha1", "sha224", "sha256", "sha384", "sha512")), st.binary(max_size=20))
def test_signatures(curve: Curve, hash_name: str, data: bytes) -> None:
    """What OpenSSL or our own arithmetic signs, both accept; a changed number neither."""
    digest = hashlib.new(hash_name, data).digest()
    secret = ec.Secret.random(curve)
    point = secret.times_generator()
    signature = ec.sign(curve, secret.scalar, hash_name, digest)
    assert ec.verifies(curve, point, signature, hash_name, digest)
    assert ecdsa.verifies(curve, point, signature, digest)
    for wrong in (
        ecdsa.Signature(signature.r, (signature.s + 1) % curve.n),
        ecdsa.Signature(signature.r, curve.n + signature.s),
        ecdsa.Signature(0, signature.s),
        ecdsa.Signature(signature.r, 0),
    ):
        assert not ec.verifies(curve, point, wrong, hash_name, digest)


dh_groups = st.sampled_from(GROUPS)


@settings(max_examples=20)
@given(dh_groups, st.integers(1, 1 << 255), st.integers(1, 1 << 255))
def test_finite_field_agreement(group: DhGroup, one: int, other: int) -> None:
    left, right = (groups.of(group).secret(1 + number % (group.q - 1)) for number in (one, other))
    assert left.agree(right.public()) == right.agree(left.public())
    assert len(left.agree(right.public())) == group.size_bytes
    mapped = groups.of(group).map_generic(one, left.times(right.public()))
    assert left.agree(right.times(mapped)) == right.agree(left.times(mapped))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: str(group.parameter_id))
def test_numbers_outside_a_group(group: DhGroup) -> None:
    outsider = next(y for y in range(2, 100) if pow(y, group.q, group.p) != 1)
    secret = groups.of(group).secret()
    size = group.size_bytes
    for number in (0, 1, group.p - 1, group.p, group.p + 1, group.p + group.g, outsider):
        with pytest.raises(FormatError):
            secret.agree(number.to_bytes(size + 1, "big").lstrip(b"\0"))
    with pytest.raises(FormatError):
        secret.agree(b"\0" + group.g.to_bytes(size, "big"))
    assert secret.agree(group.g.to_bytes(size, "big")) == secret.public().rjust(size, b"\0")
    for exponent in (0, group.q, -1):
        with pytest.raises(ParameterError):
            dh.Secret(group, exponent)
    for number in (0, group.p):
        with pytest.raises(FormatError):
            dh.map_integrated(group, number)


def test_curves_without_a_number() -> None:
    assert groups.of(by_name("brainpoolP320r1")).parameter_id == 14
    assert groups.of(by_name("brainpoolP320t1")).parameter_id is None
