"""The country's keys last as long as its cards: validities, which signer is in turn, what is said ahead."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.country.renewal import expiry_date, longest_validity_years
from cccd_core.errors import CertificateError, FormatError, ParameterError, SigningError
from cccd_core.pki import DirectorySigners, SignerTooShortError, ValidityPolicy, authority
from cccd_core.pki import directory as folders
from cccd_core.pki.outlook import Matter, outlook
from cccd_core.signing import ledger as ledgers

NOW = dt.datetime(2026, 11, 22, 3, 4, 5, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
RUN = bytes(range(16))


def matters(folder: pki.PkiDirectory, at: dt.datetime) -> set[Matter]:
    return {notice.matter for notice in outlook(pki.load(folder.path), at)}


def serial(folder: pki.PkiDirectory, place: int) -> int:
    return pki.load(folder.path).signers[place].certificate.serial_number


def in_turn(signers: DirectorySigners, until: dt.datetime | None = None) -> int:
    return pki.parse_certificate(signers.for_document(until, run=RUN).certificate_der).serial_number


def test_the_longest_card_is_the_one_that_carries_over_to_sixty() -> None:
    found = []
    for age in range(100):
        for day in range(0, 365, 5):
            issued = dt.date(2000 + age, 1, 1) + dt.timedelta(days=day)
            end = expiry_date(dt.date(2000, 1, 1), issued)
            if end is not None:
                found.append((end - issued).days / 365.25)
    assert longest_validity_years() - 0.02 < max(found) <= longest_validity_years() == 22


def test_validities_follow_from_the_longest_card() -> None:
    policy = ValidityPolicy()
    key_until = policy.signer_key_until(NOW)
    assert key_until == NOW + 90 * DAY
    assert policy.signer_until(key_until) == dt.datetime(2049, 2, 20, 3, 4, 5, tzinfo=dt.UTC) + 30 * DAY
    assert policy.csca_key_until(NOW) == NOW.replace(year=2031)
    last = policy.signer_until(policy.signer_key_until(policy.csca_key_until(NOW)))
    assert policy.csca_until(policy.csca_key_until(NOW)) == last + 30 * DAY
    longer = ValidityPolicy(document_years=10, no_expiry_years=25)
    assert longer.signer_until(key_until) == key_until.replace(year=key_until.year + 25) + 30 * DAY
    # The end of the last day in Vietnam; a card without an end has its technical lifetime.
    assert policy.document_until(dt.date(2026, 11, 1), dt.date(2030, 5, 17)) == dt.datetime(
        2030, 5, 17, 17, tzinfo=dt.UTC
    )
    assert policy.document_until(dt.date(2028, 2, 29), None) == dt.datetime(2050, 3, 1, tzinfo=dt.UTC) - dt.timedelta(
        hours=7
    )


@pytest.mark.parametrize(
    "wrong", [{"signer_key_days": 0}, {"signer_key_days": 93}, {"csca_key_years": 6}, {"crl_days": 91}, {"crl_days": 1}]
)
def test_a_policy_that_the_doc_does_not_have_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ParameterError):
        ValidityPolicy(**wrong)
    with pytest.raises(FormatError):
        ValidityPolicy.read(ValidityPolicy().as_dict() | wrong)


def test_no_card_outlives_its_signer_and_no_signer_its_csca(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", signers=3, now=NOW)
    csca = folder.csca_certificate
    start = NOW - DAY
    for holder in folder.signers:
        assert holder.period.not_before == start
        assert holder.period.not_after == start + 90 * DAY
        assert holder.certificate.not_after >= holder.period.not_after.replace(year=holder.period.not_after.year + 22)
        assert holder.certificate.not_after < csca.not_after
        start = holder.period.not_after
    late = folder.authorities[0].period.not_after
    assert late is not None
    with pytest.raises(SigningError, match="is over"):
        authority.add_signer(folder.path, now=late + DAY)
    with pytest.raises(ParameterError, match="CSCA's certificate ends before"):
        authority.add_signer(folder.path, starts=late + 60 * DAY, now=NOW)


def test_the_next_signer_takes_over_by_date(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", signers=2, now=NOW)
    times = [NOW, NOW + 89 * DAY - dt.timedelta(seconds=1), NOW + 89 * DAY, NOW + 89 * DAY + dt.timedelta(seconds=1)]
    wanted = [0, 0, 0, 1]
    for now, place in zip(times, wanted, strict=True):
        signers = DirectorySigners(folder, clock=lambda now=now: now)
        assert in_turn(signers) == serial(folder, place)
        signers.close()
    signers = DirectorySigners(folder, clock=lambda: NOW + 180 * DAY)
    with pytest.raises(SigningError, match="no document signer may sign now"):
        signers.for_document()
    signers = DirectorySigners(folder, clock=lambda: NOW - 2 * DAY)
    with pytest.raises(SigningError, match="has not begun"):
        signers.for_document()


def test_the_next_signer_takes_over_by_count_and_a_new_process_goes_on(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", policy=ValidityPolicy(signature_limit=3), now=NOW)
    folder = authority.add_signer(folder.path, limit=2, now=NOW).directory
    used = []
    for _ in range(5):  # each in a process of its own, so to say
        signers = DirectorySigners(folder, clock=lambda: NOW)
        signer = signers.for_document(run=RUN)
        signer.sign(b"x")
        used.append(pki.parse_certificate(signer.certificate_der).serial_number)
        signers.close()
    assert used == [serial(folder, 0)] * 3 + [serial(folder, 1)] * 2
    signers = DirectorySigners(folder, clock=lambda: NOW)
    with pytest.raises(SigningError, match="no document signer may sign now"):
        signers.for_document()
    names = {f"{serial(folder, place):X}" for place in (0, 1)}
    assert sorted(signers.used(RUN, names).values()) == [2, 3]
    assert set(signers.used(bytes(16), names).values()) == {0}
    signers.close()
    assert [ledgers.read(folder.file(holder, "ledger")).signatures for holder in folder.signers] == [3, 2]


def test_a_card_that_would_outlive_those_in_turn_has_an_error_of_its_own(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", policy=ValidityPolicy(document_years=5, no_expiry_years=5), now=NOW)
    signers = DirectorySigners(folder, clock=lambda: NOW)
    end = folder.signers[0].certificate.not_after
    assert in_turn(signers, end) == serial(folder, 0)
    with pytest.raises(SignerTooShortError) as caught:
        signers.for_document(end + dt.timedelta(seconds=1))
    assert f"{serial(folder, 0):X}" in str(caught.value.facts["signers"])
    signers.close()
    # A longer one that is there already is taken for such a card alone.
    policy = folders.read_index(folder.path)
    policy["policy"]["document_years"] = 4  # type: ignore[index]
    folders.write_index(folder.path, policy)
    folder = authority.add_signer(folder.path, starts=NOW + DAY, now=NOW).directory
    signers = DirectorySigners(folder, clock=lambda: NOW + 2 * DAY)
    assert in_turn(signers, end) == serial(folder, 0)
    signers.close()


def test_a_revoked_signer_is_passed_over(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", now=NOW)
    folder = authority.add_signer(folder.path, now=NOW).directory
    folder = authority.revoke(folder.path, serial(folder, 0), "key_compromise", now=NOW).directory
    signers = DirectorySigners(folder, clock=lambda: NOW)
    assert in_turn(signers) == serial(folder, 1)
    signers.close()
    folder = authority.revoke(folder.path, serial(folder, 1), "superseded", now=NOW).directory
    with pytest.raises(CertificateError):
        DirectorySigners(folder, clock=lambda: NOW).for_document()


def test_a_single_document_is_signed_by_the_same_rule(tmp_path: Path) -> None:
    """Count, then revocation: as many documents, one folder, and no key that may not sign ever does."""
    folder = pki.init(tmp_path / "pki", policy=ValidityPolicy(signature_limit=1)).path
    for _ in range(2):
        authority.add_signer(folder, limit=1)
    used = []
    for count in range(2):
        many = DirectorySigners(pki.load(folder))
        wanted = in_turn(many)
        many.close()
        signer = pki.load(folder).document_signer()
        signer.sign(b"x")
        signer.close()
        used.append(pki.parse_certificate(signer.certificate_der).serial_number)
        assert wanted == used[-1], count
    assert used == [one.certificate.serial_number for one in pki.load(folder).signers[:2]]
    last = pki.load(folder).signers[2].certificate
    assert pki.load(folder).document_signer_certificate == last
    authority.revoke(folder, last.serial_number, "key_compromise")
    with pytest.raises(CertificateError, match="revoked"):
        pki.load(folder).document_signer()
    assert not folder.joinpath("ds-3/ledger").exists(), "nothing was counted for a key that may not sign"


def test_the_proof_that_a_token_makes_counts_when_the_turn_is_asked_for(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", policy=ValidityPolicy(signature_limit=1), now=NOW).path
    folder = authority.add_signer(folder, now=NOW).directory.path
    loaded = pki.load(folder)
    first, second = loaded.signers
    in_token = replace(first, pkcs11=folders.TokenKey("/m.so", "t", "k"))
    assert (loaded.left(first), loaded.left(in_token)) == (1, 0)
    assert replace(loaded, signers=(in_token, second)).in_turn(NOW) == second


def test_who_signs_later_is_no_signer_now(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", now=NOW)
    folder = authority.add_signer(folder.path, starts=NOW + 30 * DAY, now=NOW).directory
    assert matters(folder, NOW) == set()
    authority.revoke(folder.path, serial(folder, 0), "key_compromise", now=NOW)
    assert matters(folder, NOW) == {Matter.NO_SIGNER}
    authority.renew_crl(folder.path, now=NOW + 31 * DAY)
    assert matters(folder, NOW + 31 * DAY) == set()


def test_what_ends_soon_is_said_ahead(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", policy=ValidityPolicy(signature_limit=20), now=NOW)
    assert matters(folder, NOW) == set()
    assert matters(folder, NOW + 74 * DAY) == set()
    assert matters(folder, NOW + 76 * DAY) == {Matter.SIGNER_ENDS, Matter.CRL_ENDS}
    assert matters(folder, NOW + 90 * DAY) == {Matter.NO_SIGNER, Matter.CRL_STALE}
    authority.add_signer(folder.path, starts=NOW + 89 * DAY, now=NOW + 70 * DAY)
    assert matters(folder, NOW + 76 * DAY) == {Matter.CRL_ENDS}
    authority.renew_crl(folder.path, now=NOW + 76 * DAY)
    assert matters(folder, NOW + 100 * DAY) == set()
    assert matters(folder, NOW.replace(year=2031) - 60 * DAY) == {
        Matter.NO_SIGNER, Matter.CRL_STALE, Matter.CSCA_ENDS, Matter.AUDIT_ENDS
    }  # fmt: skip


def test_a_count_that_is_nearly_used_up_is_said_ahead(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", policy=ValidityPolicy(signature_limit=10), now=NOW)
    signers = DirectorySigners(folder, clock=lambda: NOW)
    for count in range(10):
        assert matters(folder, NOW) == ({Matter.SIGNER_COUNT} if count == 9 else set()), count
        signers.for_document().sign(b"x")
    signers.close()
    assert matters(folder, NOW) == {Matter.NO_SIGNER}


def test_a_folder_of_the_first_version_is_read_and_goes_on(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", now=NOW).path
    old = {
        "format": "cccd-pki", "version": 1, "test": True, "country": "VNM", "made": "2026-11-21T03:04:05+00:00",
        "csca": "csca/certificate.der", "document_signer": "ds/certificate.der",
        "revocation_list": "csca/crl.der", "card_master_key": "card_master_key.hex",
    }  # fmt: skip
    (folder / "csca/ledger").unlink()
    (folder / "pki.json").write_text(json.dumps(old))
    loaded = pki.load(folder)
    assert ([one.folder for one in loaded.authorities], [one.folder for one in loaded.signers]) == (["csca"], ["ds"])
    after = authority.add_signer(folder, now=NOW).directory
    assert [one.folder for one in after.signers] == ["ds", "ds-2"]
    token = {"module": "/m.so", "token": "t", "key": "k"}
    (folder / "pki.json").write_text(json.dumps(old | {"pkcs11": token}))
    assert pki.load(folder).signers[0].pkcs11 == folders.TokenKey("/m.so", "t", "k")


def test_the_index_keeps_what_it_does_not_know(tmp_path: Path) -> None:
    folder = pki.init(tmp_path / "pki", now=NOW).path
    index = folders.read_index(folder)
    folders.write_index(folder, index | {"cv": {"folder": "cvca"}})
    authority.add_signer(folder, now=NOW)
    assert folders.read_index(folder)["cv"] == {"folder": "cvca"}
