"""EF.SOD of real documents of 14 States, each as far as the two published master lists lead."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.emrtd import ber, cms, sod, times, tlv
from cccd_core.errors import CertificateError, VerificationError
from cccd_core.pki.messages import verify_signer
from cccd_core.pki.signatures import parse_scheme, verify
from support.signers import find_signer

pytestmark = pytest.mark.vectors

# How EF.SOD and its signer's certificate are signed. CN writes plain data as content type, MY the parts of its name in
# another order, NZ indefinite lengths, PH and ID a document type list that is none; ID's authority is in no list.
SIGNED = {
    "AT": ("ecdsa-sha256", "ecdsa-sha384"),
    "AU": ("rsa-pkcs1-sha256", "rsa-pkcs1-sha256"),
    "CN": ("rsa-pkcs1-sha256", "rsa-pkcs1-sha256"),
    "DE": ("ecdsa-sha384", "ecdsa-sha512"),
    "FI": ("ecdsa-sha512", "ecdsa-sha512"),
    "FR": ("rsa-pkcs1-sha256", "rsa-pkcs1-sha256"),
    "GB": ("ecdsa-sha256", "ecdsa-sha256"),
    "ID": ("rsa-pss-sha256", None),
    "MY": ("rsa-pss-sha256", "rsa-pss-sha256"),
    "NZ": ("rsa-pkcs1-sha256", "rsa-pkcs1-sha256"),
    "PH": ("rsa-pss-sha256", "rsa-pss-sha256"),
    "SG": ("rsa-pss-sha256", "rsa-pss-sha256"),
    "US": ("rsa-pkcs1-sha256", "rsa-pkcs1-sha256"),
}
ODD_EXTENSIONS = {"ID": ["2.23.136.1.1.6.2"], "PH": ["2.23.136.1.1.6.2"]}


@pytest.fixture(scope="module")
def anchors(vectors: Path) -> Sequence[pki.Certificate]:
    folder = vectors / "master_lists"
    lists = (("DE_ML_2026-05-28-08-28-45.ml", "DE_ROOT_CA_CSCA07.cer"), ("NL_ML_2026-07-22.ml", "NL_ROOT_CA.cer"))
    return [c for file, root in lists for c in pki.load_master_list(folder / file, folder / root).certificates]


def read(vectors: Path, state: str) -> tuple[cms.SignedData, cms.SignerInfo, pki.Certificate, dt.datetime]:
    signed = sod.parse((vectors / "real_sod" / f"{state}.bin").read_bytes()).signed_data
    (info,) = signed.signers
    signer = find_signer(signed, info)
    stated = info.attribute(cms.SIGNING_TIME)
    when = times.decode(stated) if stated else signer.not_before + dt.timedelta(days=1)
    # one State signed its first documents before its certificate began
    return signed, info, signer, max(when, signer.not_before)


def test_every_state_is_there(vectors: Path) -> None:
    assert {path.stem for path in (vectors / "real_sod").glob("*.bin")} == {*SIGNED, "RU"}


@pytest.mark.parametrize("state", SIGNED)
def test_it_verifies_down_to_an_authority(vectors: Path, anchors: Sequence[pki.Certificate], state: str) -> None:
    signed, info, signer, when = read(vectors, state)
    by_signer, by_authority = SIGNED[state]
    assert verify_signer(signed, info, signer) == by_signer
    assert (signer.country, list(signer.broken_extensions)) == (state, ODD_EXTENSIONS.get(state, []))
    trust = pki.TrustStore(anchors)
    if by_authority is None:
        with pytest.raises(CertificateError) as caught:
            trust.validate(signer, when)
        assert caught.value.facts["check"] == "issuer"  # nothing but the authority is missing
        return
    path = trust.validate(signer, when)
    assert (path.algorithm, path.csca.country) == (by_authority, state)
    # and by no other State's authority
    with pytest.raises(CertificateError):
        pki.TrustStore(c for c in anchors if c.country != state).validate(signer, when)


def test_the_one_over_sha1_is_right_by_arithmetic(vectors: Path, anchors: Sequence[pki.Certificate]) -> None:
    signed, info, signer, _ = read(vectors, "RU")
    assert info.attribute(cms.MESSAGE_DIGEST) == tlv.octet_string(hashlib.sha1(signed.content).digest())
    covered = ber.to_der(info.signed_attributes_sent or b"")
    scheme = parse_scheme(info.signature_algorithm, digest="sha1")
    assert scheme.name == "ecdsa-sha1"
    verify(scheme, signer.public_key, info.signature, covered)
    authorities = [c for c in anchors if c.subject_key == signer.issuer_key]
    right = [c for c in authorities if c.subject_key_identifier == signer.authority_key_identifier]
    assert right
    for authority in right:
        verify(parse_scheme(signer.signature_algorithm), authority.public_key, signer.signature, signer.signed_part)


@pytest.mark.parametrize("state", [*SIGNED, "RU"])
def test_every_rule_of_it_holds_but_those_that_are_known_not_to(
    vectors: Path, anchors: Sequence[pki.Certificate], state: str
) -> None:
    """No data group is published with them: that rule fails for all."""
    data, trust = (vectors / "real_sod" / f"{state}.bin").read_bytes(), pki.TrustStore(anchors)
    at = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    refused = {"data_groups"} | {"ID": {"issuer"}, "RU": {"hash_strength"}}.get(state, set())
    flagged = {"MY": {"signer_identifier"}}.get(state, set())
    strict = pki.judge_document(data, {}, trust, at)
    assert {f.rule.value for f in strict.findings if f.refuses} == refused
    assert {f.rule.value for f in strict.findings if f.flags} == flagged
    legacy = pki.judge_document(data, {}, trust, at, policy=pki.VerificationPolicy.LEGACY)
    assert {f.rule.value for f in legacy.findings if f.refuses} == refused - {"hash_strength"}
    assert {f.rule.value for f in legacy.findings if f.flags} == flagged | (refused & {"hash_strength"})


@pytest.mark.parametrize("state", [*SIGNED, "RU"])
def test_what_is_signed_cannot_be_changed(vectors: Path, state: str) -> None:
    """A bit of the content, of the attributes and of the signature: each alone is found."""
    data = (vectors / "real_sod" / f"{state}.bin").read_bytes()
    signed, info, signer, _ = read(vectors, state)
    covered = info.signed_attributes_sent
    assert covered is not None
    digest_name = sod.parse_security_object(signed.content).digest_algorithm
    scheme = parse_scheme(info.signature_algorithm, digest=digest_name)
    for part in (info.signature, covered[2:]):
        at = data.index(part) + len(part) - 1
        changed = sod.parse(data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]).signed_data.signers[0]
        over = ber.to_der(changed.signed_attributes_sent or b"")
        with pytest.raises(VerificationError):
            verify(scheme, signer.public_key, changed.signature, over)
    at = data.index(signed.content) + len(signed.content) - 1
    other = sod.parse(data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]).signed_data
    stated = other.signers[0].attribute(cms.MESSAGE_DIGEST)
    assert stated != tlv.octet_string(hashlib.new(digest_name, other.content).digest())
