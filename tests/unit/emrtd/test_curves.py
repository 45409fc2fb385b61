"""The curve table is what its numbers must be; keys are read in every form that is in use."""

from __future__ import annotations

import pytest
from asn1crypto.keys import PublicKeyInfo
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from cccd_core.emrtd import tlv
from cccd_core.emrtd.curves import CURVES, Curve, by_name
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, parse_spki
from cccd_core.errors import FormatError
from support.affine import multiply


def probable_prime(number: int) -> bool:
    """Miller-Rabin with fixed bases: enough against a slip of the pen."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        x = pow(base, odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_the_numbers_are_those_of_a_curve(curve: Curve) -> None:
    assert probable_prime(curve.p)
    assert probable_prime(curve.n)
    assert curve.p.bit_length() == curve.bits
    assert (4 * curve.a**3 + 27 * curve.b**2) % curve.p != 0
    assert curve.contains(curve.gx, curve.gy)
    assert multiply(curve, curve.n) is None
    assert multiply(curve, curve.n - 1) == (curve.gx, curve.p - curve.gy)
    assert abs(curve.h * curve.n - curve.p - 1) <= 2 * (1 << (curve.bits // 2 + 1))  # Hasse


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_keys_by_name_and_by_explicit_parameters_are_one(curve: Curve) -> None:
    key = EcPublicKey(curve, curve.gx, curve.gy, False)
    named, explicit = parse_spki(key.spki()), parse_spki(key.spki(explicit=True))
    assert named == key
    assert explicit == EcPublicKey(curve, curve.gx, curve.gy, True)
    second = PublicKeyInfo.load(key.spki(explicit=True), strict=True)["algorithm"]["parameters"].chosen.native
    assert second["order"] == curve.n
    assert by_name(curve.name) is curve


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP521R1(), ec.BrainpoolP512R1()], ids=lambda c: c.name)
def test_keys_of_cryptography(curve: ec.EllipticCurve) -> None:
    public = ec.generate_private_key(curve).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = parse_spki(der)
    assert isinstance(key, EcPublicKey)
    assert (key.x, key.y) == (public.public_numbers().x, public.public_numbers().y)
    assert key.spki() == der
    compressed = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    short = tlv.sequence(_algorithm(der), tlv.bit_string(compressed))
    assert parse_spki(short) == key


def _algorithm(der: bytes) -> bytes:
    found = tlv.read_one(der).reader().next()
    return tlv.encode(found.tag, found.value)


def test_keys_with_standardised_domain_parameters() -> None:
    for number, name in ((13, "brainpoolP256r1"), (12, "secp256r1"), (18, "secp521r1")):
        curve = by_name(name)
        algorithm = tlv.sequence(tlv.oid("0.4.0.127.0.7.1.2"), tlv.integer(number))
        spki = tlv.sequence(algorithm, tlv.bit_string(curve.encode_point(curve.gx, curve.gy)))
        assert parse_spki(spki) == EcPublicKey(curve, curve.gx, curve.gy, False)
        with pytest.raises(FormatError):
            parse_spki(spki.replace(tlv.integer(number), tlv.integer(2)))  # a finite field's, not a curve's


def test_rsa_keys() -> None:
    public = rsa.generate_private_key(65537, 2048).public_key()
    key = parse_spki(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    assert key == RsaPublicKey(public.public_numbers().n, 65537, False)


def test_what_is_not_trusted() -> None:
    curve = by_name("brainpoolP256r1")
    good = EcPublicKey(curve, curve.gx, curve.gy, False)
    load_der_public_key(good.spki())
    off = EcPublicKey(curve, curve.gx, curve.gy ^ 1, False)
    for der in (off.spki(), off.spki(explicit=True)):
        with pytest.raises(FormatError, match="does not lie"):
            parse_spki(der)
    # the generator of one's own choosing, all else right: the forgery of CVE-2020-0601
    fake = Curve(curve.name, curve.oid, curve.bits, curve.p, curve.a, curve.b, *double(curve), curve.n, curve.h)
    with pytest.raises(FormatError, match="differ"):
        parse_spki(EcPublicKey(fake, curve.gx, curve.gy, True).spki(explicit=True))
    unknown = Curve("x", "1.2.3", 256, curve.p, curve.a + 1, curve.b, curve.gx, curve.gy, curve.n, 1)
    for der in (EcPublicKey(unknown, 1, 1, True).spki(), EcPublicKey(unknown, 1, 1, True).spki(explicit=True)):
        with pytest.raises(FormatError, match="not known"):
            parse_spki(der)
    with pytest.raises(FormatError):
        by_name("secp256r2")


def double(curve: Curve) -> tuple[int, int]:
    point = multiply(curve, 2)
    assert point is not None
    return point


def parameters(curve: Curve, **change: bytes) -> bytes:
    """ECParameters of the curve, a part replaced."""
    size = curve.field_bytes
    parts = {
        "version": tlv.integer(1),
        "field": tlv.sequence(tlv.oid("1.2.840.10045.1.1"), tlv.integer(curve.p)),
        "coefficients": tlv.sequence(
            tlv.octet_string(curve.a.to_bytes(size, "big")), tlv.octet_string(curve.b.to_bytes(size, "big"))
        ),
        "generator": tlv.octet_string(curve.encode_point(curve.gx, curve.gy)),
        "order": tlv.integer(curve.n),
        "cofactor": tlv.integer(curve.h),
    }
    return tlv.sequence(*(parts | change).values())


def explicit_key(curve: Curve, **change: bytes) -> bytes:
    algorithm = tlv.sequence(tlv.oid("1.2.840.10045.2.1"), parameters(curve, **change))
    return tlv.sequence(algorithm, tlv.bit_string(curve.encode_point(curve.gx, curve.gy)))


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_explicit_parameters_in_the_forms_that_are_in_use(curve: Curve) -> None:
    size = curve.field_bytes
    compressed = bytes((2 | curve.gy & 1,)) + curve.gx.to_bytes(size, "big")
    a, b = (tlv.octet_string(number.to_bytes(size, "big")) for number in (curve.a, curve.b))
    short_a, short_b = (tlv.octet_string(number.to_bytes(size, "big").lstrip(b"\0")) for number in (curve.a, curve.b))
    padded = tlv.octet_string(b"\0" + curve.a.to_bytes(size, "big"))
    for change in (
        {},
        {"version": tlv.integer(2)},
        {"version": tlv.integer(3)},
        {"cofactor": b""},
        {"generator": tlv.octet_string(compressed)},
        {"coefficients": tlv.sequence(a, b, tlv.bit_string(b"seed of the curve"))},
        {"coefficients": tlv.sequence(short_a, short_b)},
        {"coefficients": tlv.sequence(padded, b)},
    ):
        assert parse_spki(explicit_key(curve, **change)) == EcPublicKey(curve, curve.gx, curve.gy, True)
    for change in (
        {"cofactor": tlv.integer(curve.h + 1)},
        {"order": tlv.integer(curve.n + 2)},
        {"order": tlv.integer(-curve.n)},
        {"generator": tlv.octet_string(curve.encode_point(curve.gx, curve.p - curve.gy))},
        {"generator": tlv.octet_string(bytes((compressed[0] ^ 1,)) + compressed[1:])},
        {"coefficients": tlv.sequence(a, tlv.octet_string((curve.b ^ 1).to_bytes(size, "big")))},
        {"coefficients": tlv.sequence(tlv.octet_string(((curve.a + 1) % curve.p).to_bytes(size, "big")), b)},
        {"coefficients": tlv.sequence(tlv.octet_string(curve.a.to_bytes(67, "big") + b"\0" * 9), b)},
        {"coefficients": tlv.sequence(a, b, tlv.bit_string(b"seed"), tlv.integer(1))},
        {"field": tlv.sequence(tlv.oid("1.2.840.10045.1.1"), tlv.integer(curve.p + 2))},
        {"field": tlv.sequence(tlv.oid("1.2.840.10045.1.2"), tlv.integer(curve.p))},
        {"version": tlv.integer(4)},
        {"order": tlv.integer(curve.n) + tlv.integer(curve.h)},
    ):
        with pytest.raises(FormatError):
            parse_spki(explicit_key(curve, **change))


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [
        (-(1 << 2048) + 1, 65537),
        ((1 << 2048) + 1, 1),
        ((1 << 2048) + 1, 4),
        ((1 << 2048) + 1, -3),
        (1 << 2048, 3),
        ((1 << 1000) + 1, 3),
        ((1 << 8192) + 1, 3),
        ((1 << 2048) + 1, (1 << 80) + 1),
    ],
    ids=lambda number: f"{number.bit_length()} bits",
)
def test_rsa_keys_that_cannot_be(modulus: int, exponent: int) -> None:
    key = tlv.sequence(tlv.integer(modulus), tlv.integer(exponent))
    with pytest.raises(FormatError):
        parse_spki(tlv.sequence(tlv.sequence(tlv.oid("1.2.840.113549.1.1.1"), tlv.NULL_VALUE), tlv.bit_string(key)))


def test_rsa_keys_to_the_longest() -> None:
    for bits in (1024, 4096, 8192):
        modulus = (1 << bits) - 1
        key = tlv.sequence(tlv.integer(modulus), tlv.integer(65537))
        read = parse_spki(tlv.sequence(tlv.sequence(tlv.oid("1.2.840.113549.1.1.1")), tlv.bit_string(key)))
        assert (read, read.name) == (RsaPublicKey(modulus, 65537, False), f"RSA-{bits}")
