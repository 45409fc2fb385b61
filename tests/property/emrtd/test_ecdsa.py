"""ECDSA in own arithmetic says what OpenSSL says on every curve that OpenSSL has, and a slow truth on the others."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cccd_core.emrtd import ecdsa
from cccd_core.emrtd.curves import CURVES, Curve, by_name
from cccd_core.emrtd.public_keys import decode_point
from cccd_core.errors import FormatError
from support.affine import Point, multiply

SHARED: dict[str, ec.EllipticCurve] = {
    "secp192r1": ec.SECP192R1(), "secp224r1": ec.SECP224R1(), "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(), "secp521r1": ec.SECP521R1(), "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(), "brainpoolP512r1": ec.BrainpoolP512R1(),
}  # fmt: skip
DIGESTS = {20: hashes.SHA1(), 28: hashes.SHA224(), 32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}
FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEWER = settings(FEW, max_examples=3)


def key_and_signature(curve: Curve, private: int, k: int, digest: bytes) -> tuple[Point, ecdsa.Signature]:
    """A key and its signature, by the book."""
    public, ephemeral = multiply(curve, private), multiply(curve, k)
    assert public is not None
    assert ephemeral is not None
    e = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.n.bit_length())
    r = ephemeral[0] % curve.n
    return public, ecdsa.Signature(r, pow(k, -1, curve.n) * (e + r * private) % curve.n)


def scalars(curve: Curve) -> st.SearchStrategy[int]:
    edges = [1, 2, 3, 15, 16, 17, 31, 32, 33, curve.n - 1, curve.n - 2, curve.n // 2, 1 << curve.n.bit_length() - 1]
    return st.one_of(st.sampled_from(edges), st.integers(1, curve.n - 1))


@pytest.mark.parametrize("curve", [c for c in CURVES if c.name not in SHARED], ids=lambda c: c.name)
@FEWER
@given(data=st.data())
def test_signatures_by_the_book(curve: Curve, data: st.DataObject) -> None:
    digest = b"\x7f" + data.draw(st.binary(min_size=19, max_size=63))  # not zero: every key signs nothing
    private, k = data.draw(scalars(curve)), data.draw(scalars(curve))
    point, signature = key_and_signature(curve, private, k, digest)
    assert ecdsa.verifies(curve, point, signature, digest)
    assert ecdsa.verifies(curve, point, ecdsa.Signature(signature.r, curve.n - signature.s), digest)
    wrong = bytes((digest[0] ^ 0x80,)) + digest[1:]
    assert not ecdsa.verifies(curve, point, signature, wrong)
    for r, s in (
        (signature.r % (curve.n - 1) + 1, signature.s), (signature.r, signature.s % (curve.n - 2) + 1),
        (0, signature.s), (signature.r, 0), (-signature.r, signature.s), (signature.r, -signature.s),
        (signature.r + curve.n, signature.s), (signature.r, signature.s + curve.n), (curve.n, signature.s), (0, 0),
    ):  # fmt: skip
        if s != curve.n - signature.s:
            assert not ecdsa.verifies(curve, point, ecdsa.Signature(r, s), digest)
    assert not ecdsa.verifies(curve, (point[0], curve.p - point[1]), signature, digest)
    assert not ecdsa.verifies(curve, (point[0], (point[1] + 1) % curve.p), signature, digest)


@pytest.mark.parametrize("name", SHARED)
@FEW
@given(data=st.data())
def test_own_arithmetic_and_openssl_agree(name: str, data: st.DataObject) -> None:
    curve, length = by_name(name), data.draw(st.sampled_from(sorted(DIGESTS)))
    digest = data.draw(st.binary(min_size=length, max_size=length))
    private = data.draw(scalars(curve))
    key = ec.derive_private_key(private, SHARED[name])
    numbers = key.public_key().public_numbers()
    signature = ecdsa.from_der(key.sign(digest, ec.ECDSA(Prehashed(DIGESTS[length]))))
    assert ecdsa.verifies(curve, (numbers.x, numbers.y), signature, digest)
    r = data.draw(st.one_of(st.just(signature.r), st.integers(1, curve.n - 1)))
    s = data.draw(st.one_of(st.just(signature.s), st.integers(1, curve.n - 1)))
    other = data.draw(st.one_of(st.just(digest), st.binary(min_size=length, max_size=length)))
    try:
        key.public_key().verify(encode_dss_signature(r, s), other, ec.ECDSA(Prehashed(DIGESTS[length])))
        right = True
    except InvalidSignature:
        right = False
    assert ecdsa.verifies(curve, (numbers.x, numbers.y), ecdsa.Signature(r, s), other) is right


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_sums_that_meet_infinity_or_one_point_twice(curve: Curve) -> None:
    """u1·G and u2·Q that are each other's negative (no x), the same point (a doubling), or absent."""
    digest = (5).to_bytes(curve.order_bytes, "big")
    shift = max(0, 8 * len(digest) - curve.n.bit_length())
    e = int.from_bytes(digest, "big") >> shift
    for r in (1, 7, curve.n - 1):
        # Q = -(e/r)·G makes u1·G + u2·Q = 0 for every s; Q = (e/r)·G makes both terms one point
        factor = e * pow(r, -1, curve.n) % curve.n
        same = multiply(curve, factor)
        if same is None:
            continue
        for s in (1, 2, curve.n - 1):
            assert not ecdsa.verifies(curve, (same[0], curve.p - same[1]), ecdsa.Signature(r, s), digest)
            doubled = multiply(curve, 2 * e * pow(s, -1, curve.n) % curve.n)
            expected = doubled is not None and doubled[0] % curve.n == r
            assert ecdsa.verifies(curve, same, ecdsa.Signature(r, s), digest) is expected
    zero = bytes(curve.order_bytes)
    point, signature = key_and_signature(curve, 5, 9, zero)
    assert ecdsa.verifies(curve, point, signature, zero)
    assert ecdsa.verifies(curve, point, signature, b"")
    assert not ecdsa.verifies(curve, (0, 0), signature, zero)


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_compressed_points_on_every_curve(curve: Curve) -> None:
    for factor in (1, 2, 3, 5, 12345, curve.n - 1):
        point = multiply(curve, factor)
        assert point is not None
        size = curve.field_bytes
        compressed = bytes((2 | point[1] & 1,)) + point[0].to_bytes(size, "big")
        assert decode_point(curve, compressed) == point
        other = bytes((3 - (point[1] & 1),)) + point[0].to_bytes(size, "big")
        assert decode_point(curve, other) == (point[0], curve.p - point[1])
    off = next(
        x for x in range(1, 100) if pow(x**3 + curve.a * x + curve.b, (curve.p - 1) // 2, curve.p) == curve.p - 1
    )
    for odd in (2, 3):
        for raw in (off.to_bytes(curve.field_bytes, "big"), curve.p.to_bytes(curve.field_bytes, "big")):
            with pytest.raises(FormatError):
                decode_point(curve, bytes((odd,)) + raw)
    for raw in (b"", b"\0", b"\0" * (1 + curve.field_bytes), b"\4" + b"\0" * curve.field_bytes):
        with pytest.raises(FormatError):
            decode_point(curve, raw)


@pytest.mark.parametrize(
    "data",
    ["", "30060201010201", "3006020101020101FF", "300702020001020101", "3081060201010201 01", "3003020101",
     "3006020101040101", "30800201010201010000", "3009020101020101020101"],
)  # fmt: skip
def test_signatures_that_are_not_der(data: str) -> None:
    with pytest.raises(FormatError):
        ecdsa.from_der(bytes.fromhex(data))
    assert ecdsa.from_der(bytes.fromhex("3006020101020102")) == ecdsa.Signature(1, 2)


def test_plain_signatures_have_the_length_of_the_order() -> None:
    for curve in CURVES:
        raw = (3).to_bytes(curve.order_bytes, "big") + (4).to_bytes(curve.order_bytes, "big")
        assert ecdsa.from_plain(raw, curve) == ecdsa.Signature(3, 4)
        for odd in (raw[:-1], raw + b"\0", b"", raw[:-2]):
            with pytest.raises(FormatError):
                ecdsa.from_plain(odd, curve)


@pytest.mark.parametrize("curve", [c for c in CURVES if c.name not in SHARED], ids=lambda c: c.name)
def test_signatures_of_the_openssl_program(curve: Curve, tmp_path: Path) -> None:
    """Curves that `cryptography` lacks and the program has."""
    key, text, signature = (tmp_path / name for name in ("key", "text", "signature"))
    made = subprocess.run(
        ["openssl", "ecparam", "-genkey", "-noout", "-name", curve.name, "-out", str(key)], capture_output=True
    )
    if made.returncode:
        pytest.skip(f"this openssl does not have {curve.name}")
    text.write_bytes(b"a document")
    for digest in ("sha1", "sha256", "sha512"):
        subprocess.run(["openssl", "dgst", f"-{digest}", "-sign", key, "-out", signature, text], check=True)
        der = subprocess.run(
            ["openssl", "ec", "-in", key, "-pubout", "-outform", "DER", "-conv_form", "compressed"],
            check=True, capture_output=True,
        ).stdout  # fmt: skip
        point = decode_point(curve, der[-1 - curve.field_bytes :])
        found = ecdsa.from_der(signature.read_bytes())
        assert ecdsa.verifies(curve, point, found, hashlib.new(digest, b"a document").digest())
        assert not ecdsa.verifies(curve, point, found, hashlib.new(digest, b"a documenT").digest())
