"""CV certificates: signatures against OpenSSL's and against the slow truth, chains, requests, what is refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from cccd_core.emrtd import tlv
from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.emrtd.cv import (
    Reference,
    Right,
    Role,
    TerminalAlgorithm,
    parse_certificate,
    parse_request,
)
from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.errors import CertificateError, FormatError, ParameterError, UnavailableError, VerificationError
from cccd_core.pki.cv import certify, link, make_request, verify_request
from cccd_core.signing.cv import Holder, Terminal, chain, verify
from reference import cv_naive as naive
from support.terminals import ALL, Hierarchy, days, pair

SECRET, NONCE = 0x1234567890ABCDEF, 0xFEDCBA0987654321


@pytest.fixture(scope="module")
def country() -> Hierarchy:
    return Hierarchy()


@pytest.mark.parametrize("curve", ["secp256r1", "brainpoolP256r1"])
@pytest.mark.parametrize("number", ["1", "2", "3", "4", "5"])
def test_ecdsa_certificates_of_the_slow_truth(curve: str, number: str) -> None:
    point = naive.multiply(curve, SECRET)
    key = naive.ec_key(f"2.{number}", curve, point, parameters=True)
    body = naive.body("VNSLOWCVCA0001A", key, "VNSLOWCVCA0001A", 0xC3, "260101", "281231")
    data = naive.certificate(body, naive.ecdsa_sign(curve, naive.HASHES[number], SECRET, NONCE, body))
    certificate = parse_certificate(data)
    assert certificate.encoded == data
    assert certificate.body.encode() == body
    holder = Holder.trust_point(certificate)
    assert (str(holder.reference), holder.role, holder.rights) == ("VNSLOWCVCA0001A", Role.CVCA, ALL)
    assert (holder.effective, holder.expiration) == (dt.date(2026, 1, 1), dt.date(2028, 12, 31))
    assert holder.algorithm.hash_name == naive.HASHES[number]
    tampered = data[:-1] + bytes((data[-1] ^ 1,))
    with pytest.raises(VerificationError):
        Holder.trust_point(parse_certificate(tampered))


def test_a_chain_of_ours_is_the_slow_truths() -> None:
    for curve, made in (("secp256r1", ec.SECP256R1()), ("brainpoolP256r1", ec.BrainpoolP256R1())):
        keys = [ec.generate_private_key(made) for _ in range(3)]
        names = ("VNTESTCVCA00001", "VNTESTDV00001", "VNTESTIS00001")
        country = Hierarchy(*(pair(name, key) for name, key in zip(names, keys, strict=True)))
        points = [(key.public_key().public_numbers().x, key.public_key().public_numbers().y) for key in keys]
        issued = (country.root(), country.verifier(), country.inspector(Right.READ_DG3))
        bits = (0xC3, 0x83, 0x01)
        dates = (("260724", "290419"), ("261022", "270120"), ("261027", "261121"))
        for number, certificate in enumerate(issued):
            issuer = max(0, number - 1)
            key = naive.ec_key("2.3", curve, points[number], parameters=number == 0)
            body = naive.body(names[issuer], key, names[number], bits[number], *dates[number])
            assert certificate.signed == body
            assert certificate.encoded == naive.certificate(body, certificate.signature)
            assert naive.ecdsa_verify(curve, "sha256", points[issuer], certificate.signature, body)


def test_rsa_of_the_slow_truth() -> None:
    key = rsa.generate_private_key(65537, 2048)
    private, public = key.private_numbers(), key.public_key().public_numbers()
    written = naive.rsa_key("1.4", public.n, public.e)
    body = naive.body("VNRSACVCA00001", written, "VNRSACVCA00001", 0xC3, "260101", "281231")
    signature = naive.pss_sign(public.n, private.d, "sha256", bytes(range(32)), body)
    root = parse_certificate(naive.certificate(body, signature))
    assert Holder.trust_point(root).algorithm is TerminalAlgorithm.RSA_PSS_SHA256
    assert root.body.encode() == body
    country = Hierarchy(*(pair(f"VNRSA{name}00001", key) for name in ("CVCA", "DV", "IS")))
    assert country.terminal().rights == ALL
    unusual = pair("VNRSACVCA00001", key, SignatureAlgorithm.RSA_PSS_SHA384)
    with pytest.raises(UnavailableError):
        make_request(unusual)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("padding", ["pkcs1", "pss"])
def test_rsa_signatures_of_openssl(tmp_path: Path, algorithm: str, padding: str) -> None:
    key = _openssl_key(tmp_path, ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
    options = ["-sigopt", f"rsa_padding_mode:{padding}"] if padding == "pss" else []
    options += ["-sigopt", "rsa_pss_saltlen:digest"] if padding == "pss" else []
    signature = _openssl_sign(tmp_path, algorithm, options)
    oid = {"pkcs1": {"sha1": 1, "sha256": 2, "sha512": 5}, "pss": {"sha1": 3, "sha256": 4, "sha512": 6}}
    found = TerminalAlgorithm.of(f"0.4.0.127.0.7.2.2.2.1.{oid[padding][algorithm]}")
    verify(key, found, signature, b"to be signed")
    with pytest.raises(VerificationError):
        verify(key, found, signature, b"something else")
    with pytest.raises(FormatError):
        verify(key, TerminalAlgorithm.ECDSA_SHA256, signature, b"to be signed")


@pytest.mark.parametrize("algorithm", ["sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("curve", ["prime256v1", "brainpoolP384r1", "secp521r1"])
def test_ecdsa_signatures_of_openssl(tmp_path: Path, algorithm: str, curve: str) -> None:
    key = _openssl_key(tmp_path, ["genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}"])
    assert isinstance(key, EcPublicKey)
    der = tlv.read_one(_openssl_sign(tmp_path, algorithm, []), tlv.SEQUENCE).reader()
    size = (key.curve.n.bit_length() + 7) // 8
    plain = b"".join(
        tlv.to_integer(der.next(tlv.INTEGER), maximum_bytes=size + 1).to_bytes(size, "big") for _ in range(2)
    )
    found = next(one for one in TerminalAlgorithm if (one.family, one.hash_name) == ("ecdsa", algorithm))
    verify(key, found, plain, b"to be signed")
    for wrong in (plain[1:], plain + b"\0", plain[:-1] + bytes((plain[-1] ^ 1,)), bytes(2 * size), b""):
        with pytest.raises(VerificationError):
            verify(key, found, wrong, b"to be signed")
    der_form = encode_dss_signature(int.from_bytes(plain[:size], "big"), int.from_bytes(plain[size:], "big"))
    with pytest.raises(VerificationError):
        verify(key, found, der_form, b"to be signed")


def _openssl_key(folder: Path, command: list[str]) -> object:
    from cccd_core.emrtd.public_keys import parse_spki

    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    subprocess.run(["openssl", *command, "-out", folder / "key.pem"], check=True, capture_output=True)
    subprocess.run(
        ["openssl", "pkey", "-in", folder / "key.pem", "-pubout", "-outform", "DER", "-out", folder / "public.der"],
        check=True,
    )
    return parse_spki((folder / "public.der").read_bytes())


def _openssl_sign(folder: Path, algorithm: str, options: list[str]) -> bytes:
    (folder / "data").write_bytes(b"to be signed")
    subprocess.run(
        ["openssl", "dgst", f"-{algorithm}", "-sign", folder / "key.pem", *options, "-out", folder / "signature",
         folder / "data"],
        check=True,
    )  # fmt: skip
    return (folder / "signature").read_bytes()


def test_rights_are_the_and_along_the_chain(country: Hierarchy) -> None:
    root = Holder.trust_point(country.root())
    for upper in range(4):
        verifier = root.certifies(country.verifier(Right(upper)))
        for lower in range(4):
            assert verifier.certifies(country.inspector(Right(lower))).rights == Right(upper & lower)
    narrow = Holder.trust_point(country.root(Right.READ_DG3))
    assert narrow.certifies(country.verifier()).certifies(country.inspector()).rights == Right.READ_DG3
    assert Right.READ_DG3.data_groups == (3,)
    assert ALL.data_groups == (3, 4)


def test_roles_are_in_their_order(country: Hierarchy) -> None:
    root = Holder.trust_point(country.root())
    verifier = root.certifies(country.verifier(role=Role.DV_FOREIGN))
    system = verifier.certifies(country.inspector())
    with pytest.raises(CertificateError, match="may not certify"):
        root.certifies(country.inspector(by=country.cvca))  # a terminal certified by the CVCA itself
    other = dataclasses.replace(country, system=pair("VNTESTDV00002"))
    with pytest.raises(CertificateError, match="may not certify"):
        verifier.certifies(other.inspector(role=Role.DV_DOMESTIC))  # a verifier certifies a verifier
    with pytest.raises(CertificateError, match="may not certify"):
        system.certifies(other.inspector(by=country.system))
    with pytest.raises(CertificateError, match="may not certify"):
        verifier.certifies(link(country.dv, pair("VNTESTDV00009"), rights=ALL, effective=days(0), expiration=days(9)))
    with pytest.raises(CertificateError, match="another authority"):
        root.certifies(country.inspector())
    with pytest.raises(CertificateError, match="certified by its own key"):
        Holder.trust_point(country.linked(pair("VNTESTCVCA00002")))
    with pytest.raises(CertificateError, match="is a CVCA"):
        Holder.trust_point(country.verifier())


def test_a_stranger_with_the_same_names_is_refused(country: Hierarchy) -> None:
    stranger = Hierarchy()
    with pytest.raises(VerificationError):
        Holder.trust_point(country.root()).certifies(stranger.verifier())
    with pytest.raises(VerificationError):
        Terminal(stranger.inspector(), (country.verifier(),), (country.root(),), stranger.system.signer)
    with pytest.raises(CertificateError, match="is not its certificate's"):
        Terminal(country.inspector(), (country.verifier(),), (country.root(),), stranger.system.signer)


def test_chains_are_found_through_links(country: Hierarchy) -> None:
    second, third = pair("VNTESTCVCA00002"), pair("VNTESTCVCA00003")
    to_second = country.linked(second)
    to_third = link(second, third, rights=ALL, effective=days(0), expiration=days(900))
    verifier, terminal = country.verifier(by=third), country.inspector()
    known = [verifier, to_second, country.root(), to_third, country.verifier()]
    of = Reference.of
    assert chain(known, [of("VNTESTCVCA00001")], terminal) == (known[4], terminal)
    assert chain(known, [of("VNTESTCVCA00003")], terminal) == (verifier, terminal)
    assert chain(known[:4], [of("VNTESTCVCA00001")], terminal) == (to_second, to_third, verifier, terminal)
    assert chain(known[:4], [of("VNTESTCVCA00002"), of("VNTESTCVCA00001")], terminal) == (to_third, verifier, terminal)
    for points in ([], [of("VNOTHERCVC00001")]):
        with pytest.raises(CertificateError, match="no chain"):
            chain(known, points, terminal)
    held = Terminal(terminal, known[:4], (country.root(),), country.system.signer)
    assert [str(one.reference) for one in held.holders] == [
        "VNTESTCVCA00001", "VNTESTCVCA00002", "VNTESTCVCA00003", "VNTESTDV00001", "VNTESTIS00001",
    ]  # fmt: skip


def test_a_ring_of_links_is_no_chain(country: Hierarchy) -> None:
    second = pair("VNTESTCVCA00002")
    ring = [country.linked(second), link(second, country.cvca, rights=ALL, effective=days(0), expiration=days(9))]
    with pytest.raises(CertificateError, match="no chain"):
        chain([*ring, country.verifier()], [Reference.of("VNELSECVCA00001")], country.inspector())


def test_the_day_on_which_a_terminal_works(country: Hierarchy) -> None:
    terminal = country.terminal()
    for day in (-5, 0, 20):
        terminal.require_valid(days(day))
    for day in (-6, 21, 5000):
        with pytest.raises(CertificateError) as refused:
            terminal.require_valid(days(day))
        assert refused.value.facts["check"] == "validity"


def test_requests(country: Hierarchy) -> None:
    first = make_request(country.dv, authority=country.cvca.reference)
    again = parse_request(first.encoded)
    assert again == first
    assert verify_request(again) is None
    point = naive.tlv(0x5F37, first.signature)
    assert first.encoded == naive.tlv(0x7F21, first.signed, point)
    newer = pair("VNTESTDV00002")
    renewed = parse_request(make_request(newer, authenticate=country.dv).encoded)
    verifier = Holder.trust_point(country.root()).certifies(country.verifier())
    assert verify_request(renewed, [verifier]) == verifier
    with pytest.raises(CertificateError, match="not known"):
        verify_request(renewed)
    stranger = Hierarchy()
    forged = parse_request(make_request(newer, authenticate=stranger.dv).encoded)
    with pytest.raises(VerificationError):
        verify_request(forged, [verifier])
    other = parse_request(make_request(pair("VNOTHERDV00001"), authenticate=country.dv).encoded)
    with pytest.raises(CertificateError, match="another holder"):
        verify_request(other, [verifier])
    broken = renewed.encoded.replace(renewed.signature, renewed.signature[::-1])
    with pytest.raises(VerificationError):
        verify_request(parse_request(broken), [verifier])


def test_what_is_not_issued(country: Hierarchy) -> None:
    with pytest.raises(ParameterError, match="own key"):
        country.verifier(role=Role.CVCA)
    with pytest.raises(ParameterError, match="same CVCA"):
        link(country.cvca, pair("VNOTHERCVC00001"), rights=ALL, effective=days(0), expiration=days(1))
    with pytest.raises(ParameterError, match="before it is in effect"):
        country.verifier(effective=5, expiration=4)
    elsewhere = make_request(pair("VNTESTDV00001", ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(ParameterError, match="curve"):
        certify(country.cvca, elsewhere, role=Role.DV_DOMESTIC, rights=ALL, effective=days(0), expiration=days(1))


@pytest.mark.parametrize(
    ("text", "after"),
    [("00001", "00002"), ("99999", "00000"), ("0000A", "0000B"), ("VN00Z", "VN010"), ("ZZZZZ", "00000")],
)
def test_sequence_numbers(text: str, after: str) -> None:
    assert Reference("VN", "TESTCVCA", text).following() == Reference("VN", "TESTCVCA", after)


@pytest.mark.parametrize(
    "name", ["", "VN00001", "VN" + "X" * 10 + "00001", "vnTEST00001", "VNTEST0000a", "VNTEST\x1f00001", "V1TEST00001"]
)
def test_references_of_no_possible_form(name: str) -> None:
    with pytest.raises(ParameterError):
        Reference.of(name)
    with pytest.raises(FormatError):
        Reference.parse(name.encode("latin-1"))
