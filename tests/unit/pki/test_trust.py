"""Path validation and passive authentication: each check fails on its own, and says which it is."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cccd_core import pki
from cccd_core.emrtd import ChipImage, ElementaryFile
from cccd_core.emrtd import sod as sods
from cccd_core.errors import CertificateError, FormatError, ParameterError, SigningError, VerificationError
from cccd_core.pki import issue
from cccd_core.signing import SoftwareSigner
from support import countries, emrtd_samples

NOW = emrtd_samples.NOW
COUNTRY = countries.country()
KEY = ec.generate_private_key(ec.SECP256R1())
SIGNER = COUNTRY.signer(KEY)


def check_of(signer: pki.Certificate, trust: pki.TrustStore, at: dt.datetime = NOW) -> object:
    with pytest.raises(CertificateError) as caught:
        trust.validate(signer, at)
    return caught.value.facts["check"]


def image(**options: object) -> ChipImage:
    signer = SoftwareSigner.load(countries.pem(KEY), SIGNER.der)
    return emrtd_samples.chip_image(signer, **options)


TRUST = pki.TrustStore([COUNTRY.certificate])
IMAGE = image(signing_time=NOW)
SOD = IMAGE[ElementaryFile.EF_SOD]


@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.BrainpoolP384R1()), rsa.generate_private_key(65537, 3072)],
    ids=["brainpool", "rsa-pss"],
)
def test_a_right_path(key: countries.Key, explicit: bool) -> None:
    country = countries.country(key, explicit=explicit)
    path = pki.TrustStore([country.certificate]).validate(country.signer(KEY, explicit=explicit), NOW)
    assert path.csca == country.certificate
    assert path.algorithm == ("ecdsa-sha384" if isinstance(key, ec.EllipticCurvePrivateKey) else "rsa-pss-sha256")


def test_another_country_is_not_trusted() -> None:
    other = countries.country(name="TEST CSCA of elsewhere")
    assert check_of(other.signer(KEY), TRUST) == "issuer"
    assert check_of(SIGNER, pki.TrustStore([])) == "issuer"


def test_a_forger_with_the_same_name_and_key_identifier_fails_by_signature() -> None:
    forger = countries.country()
    authority = issue.Authority(
        forger.authority.name, COUNTRY.authority.key_identifier, forger.authority.algorithm, forger.authority.sign
    )
    assert check_of(forger.signer(KEY), TRUST) == "issuer"  # its key identifier is another
    assert check_of(forger.signer(KEY, authority=authority), TRUST) == "signature"


def test_each_key_of_a_csca_is_tried() -> None:
    older, newer = countries.country(serial=1), countries.country(serial=2)
    trust = pki.TrustStore([older.certificate, newer.certificate, older.certificate])
    assert len(trust) == 2
    for country in (older, newer):
        assert trust.validate(country.signer(KEY), NOW).csca == country.certificate


def test_a_csca_that_was_renamed_is_found_by_its_key() -> None:
    renamed = countries.country(COUNTRY.key, name="TEST CSCA of a new name")
    assert pki.TrustStore([renamed.certificate]).validate(SIGNER, NOW).csca == renamed.certificate


def test_validity_counts_at_both_ends() -> None:
    first, last = SIGNER.not_before, SIGNER.not_after
    TRUST.validate(SIGNER, first)
    TRUST.validate(SIGNER, last)
    second = dt.timedelta(seconds=1)
    assert check_of(SIGNER, TRUST, first - second) == "validity"
    assert check_of(SIGNER, TRUST, last + second) == "validity"
    with pytest.raises(ParameterError, match="time zone"):
        TRUST.validate(SIGNER, NOW.replace(tzinfo=None))


def test_a_csca_that_expired_first() -> None:
    start = countries.START
    short = issue.Validity(start, start + countries.YEAR, start + countries.YEAR)
    country = countries.country(validity=short)
    trust = pki.TrustStore([country.certificate])
    assert trust.validate(country.signer(KEY), NOW)
    assert check_of(country.signer(KEY), trust, NOW + countries.YEAR) == "validity"


def test_signers_that_may_not_sign_documents() -> None:
    assert check_of(COUNTRY.certificate, TRUST) == "usage"
    assert check_of(COUNTRY.signer(KEY, country="XX"), TRUST) == "country"
    store = pki.TrustStore([SIGNER, COUNTRY.certificate])
    assert (store.anchors, len(store.refused)) == ((COUNTRY.certificate,), 1)
    assert store.refused[0].facts["subject"] == SIGNER.subject
    with pytest.raises(CertificateError):
        store.require_whole()


def revocations(country: countries.Country, revoked: dict[int, dt.datetime], number: int = 1) -> pki.RevocationList:
    this = countries.START + dt.timedelta(days=30 * number)
    return pki.parse_crl(issue.revocation_list(country.authority, number, this, this + countries.YEAR / 4, revoked))


def test_revocation() -> None:
    assert TRUST.validate(SIGNER, NOW).revocation.text == "no revocation list"
    empty = revocations(COUNTRY, {})
    listed = revocations(COUNTRY, {SIGNER.serial_number: NOW - dt.timedelta(days=1)}, number=2)
    assert {serial: row.time for serial, row in listed.revoked.items()} == {7: NOW - dt.timedelta(days=1)}
    fresh = pki.TrustStore([COUNTRY.certificate], [empty])
    status = fresh.validate(SIGNER, countries.START + dt.timedelta(days=31)).revocation
    assert (status.revoked, status.fresh, status.next_update) == (False, True, empty.next_update)
    stale = fresh.validate(SIGNER, NOW).revocation
    assert (stale.revoked, stale.fresh) == (False, False)
    assert "out of date" in stale.text
    trust = pki.TrustStore([COUNTRY.certificate], [listed, empty])
    assert check_of(SIGNER, trust) == "revocation"
    assert trust.validate(SIGNER, NOW - dt.timedelta(days=2))
    with pytest.raises(CertificateError, match="no trusted CSCA"):
        pki.TrustStore([COUNTRY.certificate], [revocations(countries.country(name="other"), {})])
    with pytest.raises(CertificateError, match="no trusted CSCA"):
        pki.TrustStore([COUNTRY.certificate], [revocations(countries.country(), {})])


def test_a_signature_dated_back_does_not_save_a_revoked_signer() -> None:
    listed = revocations(COUNTRY, {SIGNER.serial_number: NOW - dt.timedelta(days=1)})
    trust = pki.TrustStore([COUNTRY.certificate], [listed])
    dated_back = image(signing_time=NOW - dt.timedelta(days=9))
    with pytest.raises(CertificateError, match="revoked"):
        pki.passive_authentication(dated_back[ElementaryFile.EF_SOD], dated_back.data_groups, trust, NOW)


def test_a_new_key_of_the_csca_revokes_for_the_old_one() -> None:
    newer = countries.country(serial=2)
    listed = revocations(newer, {SIGNER.serial_number: NOW - dt.timedelta(days=1)})
    assert check_of(SIGNER, pki.TrustStore([COUNTRY.certificate, newer.certificate], [listed])) == "revocation"


def test_passive_authentication_names_every_check() -> None:
    result = pki.passive_authentication(SOD, IMAGE.data_groups, TRUST, NOW)
    assert result.accepted
    assert set(result.rules) == set(pki.Rule)
    unchecked = {rule.value for rule, outcome in result.rules.items() if outcome is not pki.Outcome.HELD}
    # a key that is not RSASSA-PSS's alone, no link, no master list, no revocation list
    assert unchecked == {
        "key_restriction", "link_certificate", "list_signer_purpose", "list_signature", "list_key_usage", "revocation",
        "authority_revocation", "fresh_list",
    }  # fmt: skip
    assert [finding.about for finding in result.findings if finding.rule is pki.Rule.DIGEST] == [
        "DG1", "DG2", "DG3", "DG13", "DG14", "DG15"
    ]  # fmt: skip
    assert result.data_groups == (1, 2, 3, 13, 14, 15)
    assert (result.absent, result.digest_algorithm, result.signing_time) == ((), "sha256", NOW)
    assert result.signature_algorithm == "ecdsa-sha256"
    json.dumps(result.as_dict())


def test_a_group_that_was_not_read_is_named() -> None:
    some = {number: IMAGE.data_groups[number] for number in (1, 14)}
    assert pki.passive_authentication(SOD, some, TRUST, NOW).absent == (2, 3, 13, 15)
    with pytest.raises(VerificationError):
        pki.passive_authentication(SOD, {}, TRUST, NOW)


@pytest.mark.parametrize("number", [1, 2, 3, 13, 14, 15])
def test_one_bit_of_any_data_group(number: int) -> None:
    data = bytearray(IMAGE.data_groups[number])
    data[len(data) // 2] ^= 1
    with pytest.raises(VerificationError) as caught:
        pki.passive_authentication(SOD, IMAGE.data_groups | {number: bytes(data)}, TRUST, NOW)
    assert caught.value.facts == {"check": "digest", "rule": "digest", "about": f"DG{number}", "data_group": number}


def test_a_data_group_that_is_not_listed() -> None:
    with pytest.raises(VerificationError) as caught:
        pki.passive_authentication(SOD, IMAGE.data_groups | {12: b"\x6c\x00"}, TRUST, NOW)
    assert caught.value.facts == {"check": "data_groups", "rule": "data_groups", "about": "DG12", "data_group": 12}


def test_one_bit_of_the_security_object_and_of_the_attributes() -> None:
    parsed = sods.parse(SOD)
    inside = SOD.index(parsed.signed_data.content) + len(parsed.signed_data.content) - 1
    expected = {inside: "message_digest", len(SOD) - 1: "signature"}
    expected[SOD.index(b"261122030405Z") + 11] = "signature"  # the signing time, a signed attribute
    for position, check in expected.items():
        changed = bytearray(SOD)
        changed[position] ^= 1
        with pytest.raises(VerificationError) as caught:
            pki.passive_authentication(bytes(changed), IMAGE.data_groups, TRUST, NOW)
        assert caught.value.facts["check"] == check


def test_no_single_byte_of_a_sod_can_be_changed() -> None:
    """Every position is changed once: nothing that is changed passes with another security object or signer."""
    passed = flagged = 0
    for position in range(len(SOD)):
        changed = bytearray(SOD)
        changed[position] ^= 0x01
        try:
            result = pki.passive_authentication(bytes(changed), IMAGE.data_groups, TRUST, NOW)
        except (FormatError, VerificationError, CertificateError):
            continue
        assert (result.document_signer, result.digest_algorithm) == (SIGNER, "sha256")
        flagged += [finding.rule.value for finding in result.flags] == ["signer_identifier"]
        passed += not result.flags
    # versions and the list of digest algorithms are outside what is signed (RFC 5652 clause 5.4)
    assert passed < 20
    # and so is the name by which the signer is found, whose serial number alone must be right
    assert 0 < flagged < len(SIGNER.issuer) * 2


def test_signing_times() -> None:
    later = image(signing_time=NOW + dt.timedelta(days=1))
    with pytest.raises(VerificationError, match="later than now"):
        pki.passive_authentication(later[ElementaryFile.EF_SOD], later.data_groups, TRUST, NOW)
    before = image(signing_time=SIGNER.not_before - dt.timedelta(seconds=1))
    with pytest.raises(VerificationError, match="outside"):
        pki.passive_authentication(before[ElementaryFile.EF_SOD], before.data_groups, TRUST, NOW)
    none = image()
    result = pki.passive_authentication(none[ElementaryFile.EF_SOD], none.data_groups, TRUST, NOW)
    assert result.signing_time is None
    # long after the signer expired, a stated signing time still carries the card
    long_after = SIGNER.not_after + countries.YEAR
    assert pki.passive_authentication(SOD, IMAGE.data_groups, TRUST, long_after)
    with pytest.raises(CertificateError):
        pki.passive_authentication(none[ElementaryFile.EF_SOD], none.data_groups, TRUST, long_after)


def test_a_sod_of_version_1() -> None:
    newer = image(sod_version=1)
    listed = sods.parse(newer[ElementaryFile.EF_SOD]).security_object
    assert (listed.version, listed.lds_version, listed.unicode_version) == (1, "0108", "040000")
    assert pki.passive_authentication(newer[ElementaryFile.EF_SOD], newer.data_groups, TRUST, NOW)


def test_signers_whose_key_is_not_the_certificates() -> None:
    with pytest.raises(SigningError, match="not the certificate's"):
        SoftwareSigner.load(countries.pem(ec.generate_private_key(ec.SECP256R1())), SIGNER.der)
    with pytest.raises(SigningError) as caught:
        SoftwareSigner.load(b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", SIGNER.der)
    assert "c2VjcmV0" not in str(caught.value)
