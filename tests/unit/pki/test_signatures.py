"""Signature schemes in every form that names them, verified by comparison of whole blocks and by own arithmetic."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from cccd_core.emrtd import tlv
from cccd_core.emrtd.curves import CURVES, Curve, by_name
from cccd_core.emrtd.hashes import HASH_OIDS, HASH_SIZES
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, UnknownKey, parse_spki
from cccd_core.errors import CertificateError, FormatError, VerificationError
from cccd_core.pki import TrustStore, VerificationPolicy, parse_certificate, passive_authentication
from cccd_core.pki.signatures import SignatureScheme, parse_scheme, verify
from support import countries
from support import x509_forms as forms
from support.affine import multiply

RSA = rsa.generate_private_key(65537, 2048)
RSA_KEY = parse_spki(countries.spki(RSA))
CRYPTO = {"sha1": hashes.SHA1(), "sha224": hashes.SHA224(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(),
          "sha512": hashes.SHA512()}  # fmt: skip
DATA = b"what is signed"
PSS = "1.2.840.113549.1.1.10"
SHA256_OID = tlv.oid(HASH_OIDS["sha256"])


def algorithm(identifier: str, parameters: bytes = b"") -> bytes:
    return tlv.sequence(tlv.oid(identifier), parameters)


def hash_info(name: str, *, null: bool = True) -> bytes:
    return tlv.sequence(tlv.oid(HASH_OIDS[name]), tlv.NULL_VALUE if null else b"")


# ---- what an identifier says


@pytest.mark.parametrize(
    ("identifier", "name", "plain"),
    [
        ("1.2.840.10045.4.1", "ecdsa-sha1", False),
        ("1.2.840.10045.4.3.1", "ecdsa-sha224", False),
        ("1.2.840.10045.4.3.2", "ecdsa-sha256", False),
        ("1.2.840.10045.4.3.3", "ecdsa-sha384", False),
        ("1.2.840.10045.4.3.4", "ecdsa-sha512", False),
        ("0.4.0.127.0.7.1.1.4.1.1", "ecdsa-sha1", True),
        ("0.4.0.127.0.7.1.1.4.1.3", "ecdsa-sha256", True),
        ("0.4.0.127.0.7.1.1.4.1.5", "ecdsa-sha512", True),
        ("1.2.840.113549.1.1.5", "rsa-pkcs1-sha1", False),
        ("1.3.14.3.2.29", "rsa-pkcs1-sha1", False),
        ("1.2.840.113549.1.1.14", "rsa-pkcs1-sha224", False),
        ("1.2.840.113549.1.1.11", "rsa-pkcs1-sha256", False),
        ("1.2.840.113549.1.1.12", "rsa-pkcs1-sha384", False),
        ("1.2.840.113549.1.1.13", "rsa-pkcs1-sha512", False),
    ],
)
def test_identifiers_with_and_without_null(identifier: str, name: str, plain: bool) -> None:
    for parameters in (b"", tlv.NULL_VALUE):
        scheme = parse_scheme(algorithm(identifier, parameters))
        assert (scheme.name, scheme.plain, scheme.identifier, scheme.pss) == (name, plain, identifier, None)


def test_identifiers_that_leave_the_hash_to_others() -> None:
    assert parse_scheme(algorithm("1.2.840.10045.4.3", hash_info("sha384"))).name == "ecdsa-sha384"
    for identifier, name in (("1.2.840.113549.1.1.1", "rsa-pkcs1-sha512"), ("1.2.840.10045.2.1", "ecdsa-sha512")):
        assert parse_scheme(algorithm(identifier), digest="sha512").name == name
        for digest in (None, "md5", "sha3_256"):
            with pytest.raises(FormatError):
                parse_scheme(algorithm(identifier), digest=digest)


@pytest.mark.parametrize(
    ("identifier", "name"),
    [("1.2.840.113549.1.1.4", "MD5 with RSA"), ("1.2.840.113549.1.1.2", "MD2 with RSA"), ("1.3.101.112", "Ed25519"),
     ("1.2.3.4", ""), ("1.2.840.113549.1.1.7", "")],
)  # fmt: skip
def test_algorithms_that_are_not_known_here_have_their_name(identifier: str, name: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_scheme(algorithm(identifier), digest="sha256")
    assert caught.value.facts == {"algorithm": identifier, "name": name}


# ---- RSA-PSS


def pss(hashed: bytes | None, mask: bytes | None, salt: int | None, trailer: int | None = None) -> bytes:
    parts = b""
    if hashed is not None:
        parts += tlv.encode(0xA0, hashed)
    if mask is not None:
        parts += tlv.encode(0xA1, tlv.sequence(tlv.oid("1.2.840.113549.1.1.8"), mask))
    if salt is not None:
        parts += tlv.encode(0xA2, tlv.integer(salt))
    if trailer is not None:
        parts += tlv.encode(0xA3, tlv.integer(trailer))
    return algorithm(PSS, tlv.sequence(parts))


@pytest.mark.parametrize("null", [True, False])
@pytest.mark.parametrize(
    ("name", "mask"), [("sha256", "sha256"), ("sha512", "sha512"), ("sha256", "sha1"), ("sha384", "sha256")]
)
@pytest.mark.parametrize("salt", [0, 20, 32, 48])
def test_pss_by_its_parameters(name: str, mask: str, salt: int, null: bool) -> None:
    signature = RSA.sign(DATA, padding.PSS(padding.MGF1(CRYPTO[mask]), salt), CRYPTO[name])
    for trailer in (None, 1):
        given = pss(hash_info(name, null=null), hash_info(mask, null=null), salt, trailer)
        scheme = parse_scheme(given)
        assert scheme.pss is not None
        assert (scheme.hash_name, scheme.pss.mask_hash, scheme.pss.salt_bytes) == (name, mask, salt)
        verify(scheme, RSA_KEY, signature, DATA)
        for wrong in (pss(hash_info(name), hash_info(mask), salt + 1), pss(hash_info(name), hash_info("sha224"), salt)):
            with pytest.raises(VerificationError):
                verify(parse_scheme(wrong), RSA_KEY, signature, DATA)


def test_pss_defaults_are_sha1_and_20_bytes() -> None:
    signature = RSA.sign(DATA, padding.PSS(padding.MGF1(hashes.SHA1()), 20), hashes.SHA1())
    for given in (
        algorithm(PSS),
        pss(None, None, None),
        pss(hash_info("sha1"), None, None),
        pss(None, hash_info("sha1", null=False), 20, 1),
    ):
        scheme = parse_scheme(given)
        assert scheme.name == "rsa-pss-sha1"
        verify(scheme, RSA_KEY, signature, DATA)
    partly = RSA.sign(DATA, padding.PSS(padding.MGF1(hashes.SHA1()), 20), hashes.SHA256())
    verify(parse_scheme(pss(hash_info("sha256"), None, None)), RSA_KEY, partly, DATA)


@pytest.mark.parametrize(
    "given",
    [
        pss(hash_info("sha256"), hash_info("sha256"), 32, 2),
        pss(hash_info("sha256"), hash_info("sha256"), -1),
        pss(hash_info("sha256"), hash_info("sha256"), 5000),
        pss(tlv.sequence(tlv.oid("1.2.3")), None, None),
        pss(None, tlv.sequence(tlv.oid("1.2.840.113549.2.5")), None),
        algorithm(PSS, tlv.sequence(tlv.encode(0xA2, tlv.integer(20)), tlv.encode(0xA0, hash_info("sha256")))),
        algorithm(PSS, tlv.sequence(tlv.encode(0xA0, hash_info("sha256")) * 2)),
        algorithm(PSS, tlv.sequence(tlv.encode(0xA4, tlv.integer(1)))),
        algorithm(PSS, tlv.sequence(tlv.encode(0xA1, algorithm("1.2.3", hash_info("sha256"))))),
    ],
)  # fmt: skip
def test_pss_parameters_that_are_refused(given: bytes) -> None:
    with pytest.raises(FormatError):
        parse_scheme(given)


def test_a_key_keeps_what_its_identifier_restricts_it_to() -> None:
    parts = tlv.read_one(countries.spki(RSA)).reader()
    parts.next()
    found = parts.next()
    bits = tlv.encode(found.tag, found.value)
    bare = parse_spki(tlv.sequence(algorithm(PSS), bits))
    bound = parse_spki(tlv.sequence(pss(hash_info("sha256"), hash_info("sha256"), 32), bits))
    assert isinstance(RSA_KEY, RsaPublicKey)
    assert isinstance(bare, RsaPublicKey)
    assert isinstance(bound, RsaPublicKey)
    assert (RSA_KEY.pss_only, RSA_KEY.pss, bare.pss_only, bare.pss, bound.pss_only) == (False, None, True, None, True)
    assert bound.pss is not None
    assert (bound.pss.hash_name, bound.pss.mask_hash, bound.pss.salt_bytes) == ("sha256", "sha256", 32)


# ---- RSA PKCS #1 v1.5


def sign_block(block: bytes, key: rsa.RSAPrivateKey = RSA) -> bytes:
    """The signature that opens to this block."""
    numbers = key.private_numbers()
    size = (key.key_size + 7) // 8
    return pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")


def block(info: bytes, size: int = 256) -> bytes:
    return b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info


def digest_info(name: str, identifier: bytes) -> bytes:
    return tlv.sequence(identifier, tlv.octet_string(hashlib.new(name, DATA).digest()))


@pytest.mark.parametrize("name", HASH_SIZES)
def test_digest_info_with_and_without_null(name: str) -> None:
    scheme = SignatureScheme("rsa-pkcs1", name, "")
    for null in (True, False):
        verify(scheme, RSA_KEY, sign_block(block(digest_info(name, hash_info(name, null=null)))), DATA)
    verify(scheme, RSA_KEY, RSA.sign(DATA, padding.PKCS1v15(), CRYPTO[name]), DATA)


INFO = digest_info("sha256", hash_info("sha256"))
BARE = digest_info("sha256", hash_info("sha256", null=False))
DIGEST = hashlib.sha256(DATA).digest()
FORGED = {
    "behind the digest": block(INFO + b"\0"),
    "few fill bytes, the rest behind": b"\0\1" + b"\xff" * 8 + b"\0" + INFO + b"\0" * (256 - 11 - len(INFO)),
    "behind, without NULL": b"\0\1" + b"\xff" * 8 + b"\0" + BARE + b"\x11" * (256 - 11 - len(BARE)),
    "parameters that hide bytes": block(digest_info("sha256", tlv.sequence(SHA256_OID, tlv.octet_string(b"x" * 20)))),
    "NULL with a value": block(digest_info("sha256", tlv.sequence(SHA256_OID, b"\5\1\0"))),
    "two NULLs": block(digest_info("sha256", tlv.sequence(SHA256_OID, tlv.NULL_VALUE * 2))),
    "a long length": block(tlv.sequence(hash_info("sha256"), b"\4\x81\x20" + DIGEST)),
    "the digest alone": block(DIGEST),
    "another hash's identifier": block(digest_info("sha256", hash_info("sha1"))),
    "type 0": b"\0\0" + block(INFO)[2:],
    "type 2": b"\0\2" + block(INFO)[2:],
    "first byte": b"\1" + block(INFO)[1:],
    "a fill byte": block(INFO)[:5] + b"\xfe" + block(INFO)[6:],
    "no separator": block(INFO).replace(b"\xff\0", b"\xff\xff", 1),
    "the last byte": block(INFO)[:-1] + bytes((block(INFO)[-1] ^ 1,)),
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED)
def test_blocks_that_are_nearly_right(forged: str) -> None:
    scheme = parse_scheme(algorithm("1.2.840.113549.1.1.11"))
    with pytest.raises(VerificationError):
        verify(scheme, RSA_KEY, sign_block(FORGED[forged]), DATA)


def test_the_signature_has_the_length_of_the_modulus_and_is_below_it() -> None:
    scheme = parse_scheme(algorithm("1.2.840.113549.1.1.11"))
    assert isinstance(RSA_KEY, RsaPublicKey)
    right = sign_block(block(INFO))
    above = int.from_bytes(right, "big") + RSA_KEY.modulus
    for wrong in (b"\0" + right, right[1:], right + b"\0", b"", above.to_bytes(257, "big"), b"\xff" * 256, bytes(256)):
        with pytest.raises(VerificationError):
            verify(scheme, RSA_KEY, wrong, DATA)


@pytest.mark.parametrize(("bits", "exponent"), [(1024, 3), (1031, 65537), (3072, 3), (4096, 65537)])
def test_key_lengths_and_exponents(bits: int, exponent: int) -> None:
    key = rsa.generate_private_key(exponent, bits)
    read = parse_spki(countries.spki(key))
    verify(
        parse_scheme(algorithm("1.2.840.113549.1.1.11")),
        read,
        key.sign(DATA, padding.PKCS1v15(), hashes.SHA256()),
        DATA,
    )
    # with exponent 3 a cube root opens to fill bytes, a digest and whatever lies behind it
    size = (bits + 7) // 8
    target = int.from_bytes(b"\0\1" + b"\xff" * 8 + b"\0" + INFO + b"\x80" + bytes(size - 12 - len(INFO)), "big")
    root = 1
    for bit in range(target.bit_length() // 3 + 1, -1, -1):
        if (root | 1 << bit) ** 3 <= target:
            root |= 1 << bit
    with pytest.raises(VerificationError):
        verify(parse_scheme(algorithm("1.2.840.113549.1.1.11")), read, root.to_bytes(size, "big"), DATA)


def test_a_hash_that_does_not_fit_the_key() -> None:
    """RFC 8017 clause 9.2 asks for eight fill bytes at least: SHA-512 needs 94 bytes and a key of 1024 bits has 128."""
    key = rsa.generate_private_key(65537, 1024)
    read = parse_spki(countries.spki(key))
    verify(
        parse_scheme(algorithm("1.2.840.113549.1.1.13")),
        read,
        key.sign(DATA, padding.PKCS1v15(), hashes.SHA512()),
        DATA,
    )
    with pytest.raises(VerificationError):
        verify(parse_scheme(pss(hash_info("sha512"), hash_info("sha512"), 64)), read, bytes(128), DATA)


@pytest.mark.parametrize("null", [True, False])
def test_documents_whose_digest_info_lacks_null(null: bool) -> None:
    """In the CSCA's certificate, the signer's, and EF.SOD alike; what is nearly so stays refused."""
    keys = [rsa.generate_private_key(65537, 3072) for _ in "12"]

    def party(name: bytes, serial: int, key: rsa.RSAPrivateKey, extra: bytes = b"") -> forms.Party:
        def sign(data: bytes) -> bytes:
            identifier = hash_info("sha256", null=null)
            info = tlv.sequence(identifier, tlv.octet_string(hashlib.sha256(data).digest())) + extra
            return sign_block(block(info, 384), key)

        identifier = algorithm("1.2.840.113549.1.1.11", tlv.NULL_VALUE)
        return forms.Party(countries.spki(key), sign, name, tlv.integer(serial), identifier)

    right = forms.Base(csca=party(forms.CSCA_NAME, 1, keys[0]), signer=party(forms.SIGNER_NAME, 2, keys[1]))
    trust = TrustStore([parse_certificate(right.csca.certificate)])
    assert passive_authentication(forms.message(right), right.groups, trust, forms.AT).accepted
    for wrong in (
        forms.Base(csca=right.csca, signer=party(forms.SIGNER_NAME, 2, keys[1], b"\0")),
        forms.Base(csca=party(forms.CSCA_NAME, 1, keys[0], b"\0"), signer=party(forms.SIGNER_NAME, 2, keys[1])),
    ):
        trust = TrustStore([parse_certificate(wrong.csca.certificate)])
        with pytest.raises((VerificationError, CertificateError)):
            passive_authentication(forms.message(wrong), wrong.groups, trust, forms.AT)


# ---- ECDSA


@pytest.mark.parametrize(
    "curve", [ec.SECP256R1(), ec.SECP384R1(), ec.BrainpoolP512R1(), ec.SECP192R1()], ids=lambda c: c.name
)
@pytest.mark.parametrize("name", HASH_SIZES)
def test_ecdsa_in_der_and_plain(curve: ec.EllipticCurve, name: str) -> None:
    """Hashes longer than the order included."""
    key = ec.generate_private_key(curve)
    read = parse_spki(countries.spki(key))
    assert isinstance(read, EcPublicKey)
    signature = key.sign(DATA, ec.ECDSA(CRYPTO[name]))
    size = read.curve.order_bytes
    plain = b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))
    der_scheme, plain_scheme = SignatureScheme("ecdsa", name, ""), SignatureScheme("ecdsa", name, "", plain=True)
    verify(der_scheme, read, signature, DATA)
    verify(plain_scheme, read, plain, DATA)
    for scheme, wrong in (
        (der_scheme, plain), (plain_scheme, signature), (plain_scheme, plain[:-1]), (plain_scheme, b"\0" + plain),
        (plain_scheme, bytes(2 * size)), (der_scheme, signature + b"\0"), (der_scheme, b""),
    ):  # fmt: skip
        with pytest.raises(VerificationError):
            verify(scheme, read, wrong, DATA)


def own_signer(curve: Curve, name_der: bytes, serial: int) -> forms.Party:
    """Someone with a key on a curve that `cryptography` lacks: key 3, signatures made by the book."""
    public, ephemeral = multiply(curve, 3), multiply(curve, 7)
    assert public is not None
    assert ephemeral is not None

    def sign(data: bytes) -> bytes:
        e = int.from_bytes(hashlib.sha256(data).digest(), "big") >> max(0, 256 - curve.n.bit_length())
        r = ephemeral[0] % curve.n
        s = pow(7, -1, curve.n) * (e + r * 3) % curve.n
        return tlv.sequence(tlv.integer(r), tlv.integer(s))

    spki = EcPublicKey(curve, *public, False).spki(explicit=True)
    return forms.Party(spki, sign, name_der, tlv.integer(serial))


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_documents_on_every_curve(curve: Curve) -> None:
    """Signer, and CSCA, on each, with own arithmetic where `cryptography` lacks it; short ones under the policy for old
    documents alone."""
    policy = VerificationPolicy.STRICT if curve.bits >= 224 else VerificationPolicy.LEGACY
    signer = forms.Base(signer=own_signer(curve, forms.SIGNER_NAME, 2))
    authority = forms.Base(csca=own_signer(curve, forms.CSCA_NAME, 1))
    for base in (signer, authority):
        trust = TrustStore([parse_certificate(base.csca.certificate)])
        report = passive_authentication(forms.message(base), base.groups, trust, forms.AT, policy=policy)
        assert report.data_groups == (1, 2)
        changed = bytearray(forms.message(base))
        changed[-1] ^= 1
        with pytest.raises(VerificationError):
            passive_authentication(bytes(changed), base.groups, trust, forms.AT, policy=policy)


# ---- keys and schemes that do not belong together


def test_another_kind_of_key_and_a_key_that_is_unknown() -> None:
    elliptic = parse_spki(countries.spki(ec.generate_private_key(ec.SECP256R1())))
    for identifier, key in (
        ("1.2.840.113549.1.1.11", elliptic),
        ("1.2.840.10045.4.3.2", RSA_KEY),
        ("1.2.840.113549.1.1.10", elliptic),
    ):
        with pytest.raises(FormatError, match="another kind"):
            verify(parse_scheme(algorithm(identifier)), key, b"x", DATA)
    unknown = UnknownKey(FormatError("a curve that eMRTDs may not use", curve="secp256k1"))
    assert unknown.name == "unknown (secp256k1)"
    with pytest.raises(FormatError) as caught:
        verify(parse_scheme(algorithm("1.2.840.10045.4.3.2")), unknown, b"x", DATA)
    assert caught.value.facts["curve"] == "secp256k1"


def explicit_secp256k1(**change: int) -> bytes:
    p = (1 << 256) - (1 << 32) - 977
    gx = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
    gy = 0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8
    n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    curve = Curve("secp256k1", "1.3.132.0.10", 256, p, 0, 7, gx, gy, n, 1)
    return EcPublicKey(curve, gx, gy, False).spki(explicit=bool(change))


def test_secp256k1_is_refused_by_its_name() -> None:
    for der in (explicit_secp256k1(), explicit_secp256k1(explicit=1)):
        with pytest.raises(FormatError) as caught:
            parse_spki(der)
        assert caught.value.facts["curve"] == "secp256k1"
    with pytest.raises(FormatError, match="not known here"):
        by_name("secp256k1")
