"""Published vectors: two national master lists, Vietnam's CSCA, two German document signers and specimen EF.SODs."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from cccd_core import pki
from cccd_core.emrtd import sod, tlv
from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import CertificateError, FormatError, VerificationError
from cccd_core.pki.messages import verify_signer
from cccd_core.pki.signatures import parse_scheme, verify
from cccd_core.signing.keys import to_cryptography
from support.signers import find_signer

pytestmark = pytest.mark.vectors

LISTS = {
    "DE": ("DE_ML_2026-05-28-08-28-45.ml", "DE_ROOT_CA_CSCA07.cer", 588, 164),
    "NL": ("NL_ML_2026-07-22.ml", "NL_ROOT_CA.cer", 411, 114),
}
IN_FORCE = dt.datetime(2014, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def lists(vectors: Path) -> dict[str, pki.MasterList]:
    folder = vectors / "master_lists"
    return {name: pki.load_master_list(folder / file, folder / root) for name, (file, root, _, _) in LISTS.items()}


@pytest.mark.parametrize("name", LISTS)
def test_every_certificate_of_a_master_list_loads(lists: dict[str, pki.MasterList], name: str) -> None:
    _, _, count, elliptic = LISTS[name]
    certificates = lists[name].certificates
    assert lists[name].refused == ()
    assert len(certificates) == count
    assert sum(isinstance(c.public_key, EcPublicKey) for c in certificates) == elliptic
    # some States' links and one State's CSCAs say CA:FALSE, which no authority may
    store = pki.TrustStore(certificates)
    assert len(store) + len(store.refused) == count
    assert len(store.refused) == {"DE": 7, "NL": 0}[name]
    assert {error.facts["check"] for error in store.refused} <= {"usage"}
    # every key is one that signatures can be verified with
    assert all(to_cryptography(c.public_key).key_size >= 256 for c in certificates)


def test_explicit_parameters_are_what_cryptography_refuses(lists: dict[str, pki.MasterList]) -> None:
    refused = 0
    for certificate in lists["DE"].certificates:
        if not isinstance(certificate.public_key, EcPublicKey):
            continue
        try:
            load_der_public_key(certificate_parts(certificate.der).spki)
        except (ValueError, UnsupportedAlgorithm):
            refused += 1
            assert certificate.public_key.explicit
    counts = Counter(c.public_key.explicit for c in lists["DE"].certificates if isinstance(c.public_key, EcPublicKey))
    assert counts == {True: 160, False: 4}
    assert refused > 80


@pytest.mark.parametrize("name", LISTS)
def test_self_signed_certificates_of_a_master_list_verify(lists: dict[str, pki.MasterList], name: str) -> None:
    """Those with their own key's identifier as authority (others of one name are links between two keys)."""
    verified: Counter[str] = Counter()
    weak: Counter[str] = Counter()
    for certificate in lists[name].certificates:
        if not certificate.self_issued or certificate.authority_key_identifier != certificate.subject_key_identifier:
            continue
        scheme = parse_scheme(certificate.signature_algorithm)
        verify(scheme, certificate.public_key, certificate.signature, certificate.signed_part)
        (weak if scheme.hash_name == "sha1" else verified)[scheme.name] += 1
    assert sum(verified.values()) > LISTS[name][2] * 2 // 5
    assert set(weak) <= {"ecdsa-sha1", "rsa-pkcs1-sha1", "rsa-pss-sha1"}
    assert {"ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512", "rsa-pss-sha256", "rsa-pkcs1-sha256"} <= set(verified)


@pytest.mark.parametrize("name", LISTS)
def test_a_changed_master_list_is_refused(vectors: Path, name: str) -> None:
    file, root_file, _, _ = LISTS[name]
    data = (vectors / "master_lists" / file).read_bytes()
    root = pki.parse_certificate((vectors / "master_lists" / root_file).read_bytes())
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    with pytest.raises(VerificationError):
        pki.parse_master_list(bytes(changed), root)
    other = next(r for _, (_, r, _, _) in LISTS.items() if r != root_file)
    with pytest.raises(CertificateError):
        pki.parse_master_list(data, pki.parse_certificate((vectors / "master_lists" / other).read_bytes()))


def test_vietnams_csca(vectors: Path) -> None:
    certificate = pki.parse_certificate((vectors / "master_lists/VN_CSCA_ePassport_from_DE_ML.cer").read_bytes())
    key = certificate.public_key
    assert isinstance(key, EcPublicKey)
    assert (certificate.country, key.curve.name, key.explicit) == ("VN", "brainpoolP512r1", True)
    scheme = parse_scheme(certificate.signature_algorithm)
    verify(scheme, key, certificate.signature, certificate.signed_part)
    assert scheme.name == "ecdsa-sha512"


def test_bsi_specimen_sods_verify_with_their_signers(vectors: Path) -> None:
    known = {pki.parse_certificate(path.read_bytes()) for path in sorted(vectors.glob("dsc_de_*.cer"))}
    cases = json.loads((vectors / "bsi_specimen_sod.json").read_text())["cases"]
    assert len(known) == len(cases) == 2
    signers = set()
    for case in cases:
        signed = sod.parse(bytes.fromhex(case["sod"])).signed_data
        info = signed.signers[0]
        certificate = find_signer(signed, info)
        assert verify_signer(signed, info, certificate) == "rsa-pss-sha256"
        signers.add(certificate)
        for other in known - {certificate}:
            with pytest.raises(VerificationError):
                verify_signer(signed, info, other)
    assert signers <= known


def test_bsi_specimen_data_groups_match_or_not_as_they_should(vectors: Path) -> None:
    """The first specimen's DG1 is its own, its DG14 is not and DG15 is not listed; of the second only DG14 is."""
    cases = json.loads((vectors / "bsi_specimen_sod.json").read_text())["cases"]
    expected = ({1: None, 14: "digest", 15: "data_groups"}, {1: "digest", 14: None, 15: "digest"})
    for case, outcome in zip(cases, expected, strict=True):
        data = bytes.fromhex(case["sod"])
        signed = sod.parse(data).signed_data
        signer = find_signer(signed, signed.signers[0])
        for number, check in outcome.items():
            groups = {number: bytes.fromhex(case["dgs"][str(number)])}
            # the specimens' CSCA is not published: that is what is missing, and nothing else but this
            report = pki.judge_document(data, groups, pki.TrustStore(()), signer.not_before)
            assert report.document_signer == signer
            assert {finding.rule.value for finding in report.refusals} == {"issuer", check} - {None}
            assert report.data_groups == (number,)
            assert set(report.absent) == set(sod.parse(data).security_object.digests) - {number}


def test_the_specimens_csca_is_not_trusted(vectors: Path, lists: dict[str, pki.MasterList]) -> None:
    trust = pki.TrustStore(lists["DE"].certificates)
    case = json.loads((vectors / "bsi_specimen_sod.json").read_text())["cases"][0]
    groups = {1: bytes.fromhex(case["dgs"]["1"])}
    with pytest.raises(CertificateError) as caught:
        pki.passive_authentication(bytes.fromhex(case["sod"]), groups, trust, IN_FORCE)
    assert caught.value.facts["check"] == "issuer"


def test_one_changed_parameter_of_an_explicit_curve_is_refused(vectors: Path) -> None:
    certificate = (vectors / "master_lists/VN_CSCA_ePassport_from_DE_ML.cer").read_bytes()
    spki = certificate_parts(certificate).spki
    assert pki.load_public_key(spki).key_size == 512
    whole = tlv.read_one(spki, tlv.SEQUENCE).reader()
    algorithm = whole.next(tlv.SEQUENCE)
    positions = range(algorithm.value_offset, algorithm.end)
    read = 0
    for position in positions:
        changed = bytearray(spki)
        changed[position] ^= 1
        try:
            pki.load_public_key(bytes(changed))
            read += 1
        except FormatError:
            continue
    # only the version of ECParameters may differ: 1, 2 and 3 are all in use
    assert read <= 1
