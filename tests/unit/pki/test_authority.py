"""What the CSCA does: certifies, revokes, writes lists, gets a new key; each act is there or is not."""

from __future__ import annotations

import datetime as dt
import os
from contextlib import suppress
from pathlib import Path

import pytest

from cccd_core import pki
from cccd_core.errors import (
    BusyError,
    CccdError,
    CertificateError,
    ConflictError,
    FormatError,
    ParameterError,
    SigningError,
    VerificationError,
)
from cccd_core.pki import authority, publish
from cccd_core.pki.crl import parse_crl
from cccd_core.pki.deviation_list import (
    TYPES,
    Description,
    Deviation,
    Documents,
    parse_content,
    parse_deviation_list,
    read_deviations,
)
from cccd_core.signing.ledger import Purpose
from support.chaos import run_and_kill

NOW = dt.datetime(2026, 11, 22, 3, 4, 5, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pki.init(tmp_path / "pki", now=NOW).path


def crl(folder: Path, of: str = "csca") -> pki.RevocationList:
    return parse_crl((folder / of / "crl.der").read_bytes())


def serial(folder: Path, place: int = 0) -> int:
    return pki.load(folder).signers[place].certificate.serial_number


def test_revocation_with_reasons(folder: Path) -> None:
    authority.add_signer(folder, now=NOW)
    authority.revoke(folder, serial(folder), "key_compromise", invalid_since=NOW - 3 * DAY, now=NOW + DAY)
    authority.revoke(folder, serial(folder, 1), "unspecified", now=NOW + 2 * DAY)
    found = crl(folder)
    assert found.number == 3
    assert found.this_update == NOW + 2 * DAY
    assert set(found.revoked) == {serial(folder), serial(folder, 1)}
    first = found.revoked[serial(folder)]
    assert (first.time, first.reason, first.invalidity_date) == (NOW + DAY, "key_compromise", NOW - 3 * DAY)
    assert found.revoked[serial(folder, 1)].reason in (None, "unspecified")
    with pytest.raises(CertificateError):
        pki.load(folder).trust_store().validate(pki.load(folder).signers[0].certificate, NOW + 3 * DAY)
    for wrong, error in ((serial(folder), ConflictError), (12345, ConflictError)):
        with pytest.raises(error):
            authority.revoke(folder, wrong, "superseded", now=NOW + 3 * DAY)
    with pytest.raises(ParameterError, match="RFC 5280"):
        authority.revoke(folder, serial(folder), "certificate_hold", now=NOW)
    with pytest.raises(ParameterError, match="future"):
        authority.revoke(folder, serial(folder), "superseded", invalid_since=NOW + DAY, now=NOW)


def test_numbers_of_lists_rise_and_nothing_revoked_is_forgotten(folder: Path) -> None:
    numbers = [crl(folder).number]
    authority.revoke(folder, serial(folder), "superseded", now=NOW)
    for day in range(3):
        authority.renew_crl(folder, bare=day == 1, now=NOW + day * DAY)
        numbers.append(crl(folder).number)
        assert set(crl(folder).revoked) == {serial(folder)}
    assert numbers == [1, 3, 4, 5]
    assert pki.load(folder).crl_number == 5


def test_a_new_key_is_certified_by_the_old_one(folder: Path) -> None:
    old = pki.load(folder).csca_certificate
    rolled = authority.roll_over(folder, new_name="TEST CSCA VNM 2", now=NOW).directory
    new = rolled.csca_certificate
    link = pki.parse_certificate((folder / "csca-2/link.der").read_bytes())
    assert (link.issuer, link.subject) == (old.subject, new.subject)
    assert "TEST CSCA VNM 2" in new.subject
    assert link.public_key == new.public_key
    assert "2.23.136.1.1.6.1" in link.extensions
    assert "2.23.136.1.1.6.1" in new.extensions
    assert link.authority_key_identifier == old.subject_key_identifier
    assert link.not_after <= old.not_after
    pki.TrustStore([old])  # who trusts the old key finds the new one by the link's signature: see the openssl tests
    # Signers of both keys lead to their own, and the new key's list names the CSCA's former name.
    after = authority.add_signer(folder, now=NOW).directory
    trust = after.trust_store()
    assert [trust.validate(one.certificate, NOW).csca for one in after.signers] == [old, new]
    authority.revoke(folder, serial(folder, 0), "superseded", now=NOW)
    assert set(crl(folder).revoked) == set(crl(folder, "csca-2").revoked) == {serial(folder, 0)}
    assert crl(folder).number == crl(folder, "csca-2").number
    second = authority.roll_over(folder, now=NOW).directory
    assert second.csca_certificate.subject == new.subject
    third = pki.parse_certificate((folder / "csca-3/link.der").read_bytes())
    assert "2.23.136.1.1.6.1" not in third.extensions


def test_an_old_key_signs_nothing_more(folder: Path) -> None:
    end = pki.load(folder).authorities[0].period.not_after
    assert end is not None
    with pytest.raises(SigningError, match="is over"):
        authority.roll_over(folder, now=end + DAY)
    with pytest.raises(SigningError, match="is over"):
        authority.renew_crl(folder, now=end + DAY)
    assert len(pki.load(folder).authorities) == 1
    authority.roll_over(folder, now=end - DAY)
    authority.renew_crl(folder, now=end + DAY)
    assert (crl(folder).number, crl(folder, "csca-2").number) == (2, 3)


def test_every_signature_of_the_csca_is_counted(folder: Path) -> None:
    directory = pki.load(folder)
    assert directory.tally(directory.authorities[0]).purposes == {Purpose.CERTIFICATE: 2, Purpose.REVOCATION_LIST: 1}
    authority.add_signer(folder, now=NOW)
    authority.roll_over(folder, now=NOW)
    directory = pki.load(folder)
    old, new = map(directory.tally, directory.authorities)
    assert old.purposes == {Purpose.CERTIFICATE: 4, Purpose.REVOCATION_LIST: 2}
    assert new.purposes == {Purpose.CERTIFICATE: 1, Purpose.REVOCATION_LIST: 1}


@pytest.mark.parametrize("stop", range(1, 14))
def test_an_interrupted_act_has_happened_or_has_not(folder: Path, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    before = pki.load(folder)
    count = [0]
    real = os.fsync

    def interrupt(descriptor: int) -> None:
        count[0] += 1
        if count[0] == stop:
            raise KeyboardInterrupt
        real(descriptor)

    monkeypatch.setattr(os, "fsync", interrupt)
    with suppress(KeyboardInterrupt, CccdError):
        authority.roll_over(folder, now=NOW)
    monkeypatch.undo()
    after = pki.load(folder)
    assert after.authorities[0] == before.authorities[0]
    assert len(after.authorities) in (1, 2)
    authority.revoke(folder, serial(folder), "superseded", now=NOW)
    assert set(crl(folder).revoked) == {serial(folder)}
    assert len(authority.roll_over(folder, now=NOW).directory.authorities) == len(after.authorities) + 1


def test_killed_acts_leave_a_whole_folder(folder: Path) -> None:
    for kill in range(12):
        run_and_kill(lambda: authority.add_signer(folder, now=NOW) and None, 0.002 + 0.003 * kill)
        assert pki.load(folder).trust_store().validate(pki.load(folder).signers[-1].certificate, NOW)
    before = len(pki.load(folder).signers)
    assert len(authority.add_signer(folder, now=NOW).directory.signers) == before + 1


def test_one_act_at_a_time(folder: Path) -> None:
    with authority.acting(folder), pytest.raises(BusyError):
        authority.renew_crl(folder, now=NOW)


# -- signed lists


def test_a_master_list_is_read_back(folder: Path) -> None:
    with pytest.raises(ConflictError, match="no signer of such lists"):
        publish.master_list(folder, now=NOW)
    authority.add_list_signer(folder, "master_list", now=NOW)
    authority.roll_over(folder, new_name="TEST CSCA B", now=NOW)
    root = pki.load(folder).authorities[0].certificate
    other = pki.init(folder.parent / "other", now=NOW).csca_certificate
    data = publish.master_list(folder, [other, other, root], now=NOW + DAY)
    found = pki.parse_master_list(data, root)
    assert (len(found.certificates), found.refused, found.signing_time) == (4, (), NOW + DAY)
    assert {other, root, pki.load(folder).csca_certificate} < set(found.certificates)
    with pytest.raises(CertificateError):
        pki.parse_master_list(data, other)
    changed = bytearray(data)
    changed[-1] ^= 1
    with pytest.raises((VerificationError, FormatError)):
        pki.parse_master_list(bytes(changed), root)
    directory = pki.load(folder)
    assert directory.tally(directory.list_signers[0]).purposes == {Purpose.MASTER_LIST: 1}


KNOWN = (
    Deviation(
        Documents("ID", key_identifier=b"12345678", first_issued=NOW, last_issued=NOW + DAY),
        (Description("lds.dg_hash_wrong", "DG13 of the first batch", data_group=13), Description("chip")),
    ),
    Deviation(
        Documents(certificate_digest=bytes(32), digest_algorithm="sha256", document_numbers=("A1", "B2")),
        (Description("mrz.wrong_data", parameters=b"\x80\x01\x07", national_use=b"\x0c\x01x"),),
    ),
    Deviation(Documents(issuer=bytes.fromhex("300D310B3009060355040613025645"[:-2] + "4E"), serial_number="1F"),
              (Description("1.2.3.4"), Description("lds.dg_malformed", data_group=20))),
)  # fmt: skip


def test_a_deviation_list_is_read_back(folder: Path) -> None:
    authority.add_list_signer(folder, "deviation_list", now=NOW)
    root = pki.load(folder).csca_certificate
    data = publish.deviation_list(folder, KNOWN, now=NOW)
    found = parse_deviation_list(data, root)
    assert found.signing_time == NOW
    wanted = [(one.documents, {*one.descriptions}) for one in KNOWN]
    assert sorted(((one.documents, {*one.descriptions}) for one in found.deviations), key=repr) == sorted(
        wanted, key=repr
    )
    other = pki.init(folder.parent / "other", now=NOW).csca_certificate
    with pytest.raises(CertificateError):
        parse_deviation_list(data, other)
    with pytest.raises(FormatError):
        pki.parse_master_list(data, root)


def test_a_master_list_signer_signs_no_deviation_list(folder: Path) -> None:
    from cccd_core.pki.deviation_list import write_deviation_list

    holder = authority.add_list_signer(folder, "master_list", now=NOW).holder
    assert holder is not None
    directory = pki.load(folder)
    data = write_deviation_list(KNOWN, directory.key(holder), directory.csca_certificate, NOW)
    with pytest.raises(CertificateError):
        parse_deviation_list(data, directory.csca_certificate)


@pytest.mark.parametrize(
    "wrong",
    [
        Deviation(Documents(), (Description("chip"),)),
        Deviation(Documents("ID"), ()),
        Deviation(Documents("IDX"), (Description("chip"),)),
        Deviation(Documents("ID"), (Description("chip", "Không"),)),
        Deviation(Documents("ID"), (Description("chip", data_group=1),)),
        Deviation(Documents("ID"), (Description("lds.dg_malformed", data_group=17),)),
        Deviation(Documents(serial_number="1"), (Description("chip"),)),
        Deviation(Documents(certificate_digest=bytes(20)), (Description("chip"),)),
        Deviation(Documents(certificate_digest=bytes(32), key_identifier=b"1"), (Description("chip"),)),
        Deviation(Documents(first_issued=NOW), (Description("chip"),)),
        Deviation(Documents(first_issued=NOW, last_issued=NOW - DAY), (Description("chip"),)),
        Deviation(Documents("ID"), (Description("no such type"),)),
    ],
)
def test_deviations_that_cannot_be_are_not_written(folder: Path, wrong: Deviation) -> None:
    authority.add_list_signer(folder, "deviation_list", now=NOW)
    with pytest.raises(CccdError):
        publish.deviation_list(folder, [wrong], now=NOW)


@pytest.mark.parametrize("wrong", [b"", b"{}", b'[{"documents": {}}]', b"[1]", b"[" * 100_000])
def test_files_of_deviations_that_cannot_be_read(wrong: bytes) -> None:
    with pytest.raises(FormatError):
        read_deviations(wrong)


@pytest.mark.parametrize("wrong", ["", "3000", "30050201013100", "300702010031020500", "30050201003100FF"])
def test_contents_that_are_none(wrong: str) -> None:
    with pytest.raises(FormatError):
        parse_content(bytes.fromhex(wrong))


def test_the_types_are_those_of_the_doc() -> None:
    assert len(set(TYPES.values())) == len(TYPES) == 15
    assert TYPES["lds.dg_hash_wrong"] == "2.23.136.1.1.7.2.2"
