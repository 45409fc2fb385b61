"""Revocation lists: each counts for its key, its scope and its time, and none hides another."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from cccd_core import pki
from cccd_core.emrtd import times, tlv
from cccd_core.errors import CertificateError, FormatError
from cccd_core.pki import Outcome, Rule, VerificationPolicy
from support import x509_forms as forms

STRICT, LEGACY = VerificationPolicy.STRICT, VerificationPolicy.LEGACY
AT = forms.AT
DAY = dt.timedelta(days=1)
OCTOBER = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 10, 20, tzinfo=dt.UTC)
SIGNER = 2  # the serial number of the base's signer

USER_ONLY = bytes.fromhex("300F0603551D1C0101FF040530038101FF")
AUTHORITY_ONLY = bytes.fromhex("300F0603551D1C0101FF040530038201FF")


def scope(*parts: bytes) -> bytes:
    return forms.extension("2.5.29.28", tlv.sequence(*parts), critical=True)


def number(value: int) -> bytes:
    return forms.extension("2.5.29.20", tlv.integer(value))


def delta(base: int) -> bytes:
    return forms.extension("2.5.29.27", tlv.integer(base), critical=True)


def reason(code: int) -> bytes:
    return forms.extension("2.5.29.21", tlv.encode(0x0A, bytes((code,))))


def row(serial: int, *extensions: bytes, when: dt.datetime = OCTOBER) -> bytes:
    more = tlv.sequence(*extensions) if extensions else b""
    return tlv.sequence(tlv.integer(serial), times.encode(when), more)


def crl(
    issuer: forms.Party, rows: Sequence[bytes] | Mapping[int, dt.datetime] = (), *extensions: bytes,
    this: dt.datetime = OCTOBER, following: dt.datetime | None = dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
) -> pki.RevocationList:  # fmt: skip
    return pki.parse_crl(crl_der(issuer, rows, *extensions, this=this, following=following))


def crl_der(
    issuer: forms.Party, rows: Sequence[bytes] | Mapping[int, dt.datetime], *extensions: bytes, this: dt.datetime,
    following: dt.datetime | None,
) -> bytes:  # fmt: skip
    entries = [row(serial, when=when) for serial, when in rows.items()] if isinstance(rows, Mapping) else list(rows)
    part = tlv.sequence(
        tlv.integer(1), issuer.algorithm, issuer.name, times.encode(this),
        b"" if following is None else times.encode(following), tlv.sequence(*entries) if entries else b"",
        tlv.encode(0xA0, tlv.sequence(*extensions)) if extensions else b"",
    )  # fmt: skip
    return tlv.sequence(part, issuer.algorithm, tlv.bit_string(issuer.sign(part)))


BASE = forms.Base()
CSCA, DS = (pki.parse_certificate(party.certificate) for party in (BASE.csca, BASE.signer))


def judge(
    *lists: pki.RevocationList, at: dt.datetime = AT, policy: VerificationPolicy = STRICT,
    anchors: Sequence[pki.Certificate] = (CSCA,), signer: pki.Certificate = DS,
) -> pki.PathReport:  # fmt: skip
    return pki.TrustStore(anchors, lists).judge(signer, at, policy=policy)


def refused(report: pki.Report) -> set[str]:
    return {finding.rule.value for finding in report.refusals}


def flagged(report: pki.Report) -> set[str]:
    return {finding.rule.value for finding in report.flags}


def status(report: pki.PathReport) -> pki.RevocationStatus:
    assert report.path is not None
    return report.path.revocation


# ---- of which key


def two_keys(*, since: dt.datetime = forms.SINCE) -> tuple[forms.Party, pki.Certificate]:
    """A second key of the same name, beginning at `since`."""
    other = forms.party(forms.CSCA_NAME, 9)
    rows = [forms.KEY_USAGE_CA, forms.CA_TRUE, *forms.identifiers(other, other)]
    der = forms.certificate(other, other, rows, since=times.encode(since))
    return other, pki.parse_certificate(der)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("since", [forms.SINCE, OCTOBER], ids=["as old", "newer"])
def test_a_newer_list_of_another_key_hides_nothing(turned: bool, since: dt.datetime) -> None:
    other, certificate = two_keys(since=since)
    lists = [crl(BASE.csca, {SIGNER: OCTOBER}), crl(other, this=LATER)]
    anchors = [CSCA, certificate]
    if turned:
        lists.reverse()
        anchors.reverse()
    report = judge(*lists, anchors=anchors)
    assert refused(report) == {"revocation"}
    assert status(report).revoked
    # what the old key says is nothing to who was signed by the new one
    new = forms.Base(csca=other).signer.certificate
    if since > forms.SINCE:
        assert judge(*lists, anchors=anchors, signer=pki.parse_certificate(new)).accepted


def test_the_newest_key_speaks_for_the_older_ones() -> None:
    other, certificate = two_keys(since=OCTOBER)
    report = judge(crl(BASE.csca), crl(other, {SIGNER: LATER}, this=LATER), anchors=[CSCA, certificate])
    assert refused(report) == {"revocation"}
    alone = judge(crl(other, this=LATER), anchors=[CSCA, certificate])
    assert (alone.accepted, status(alone).revoked, status(alone).this_update) == (True, False, LATER)
    # with a list of its own key, that one is what the answer rests on
    own = judge(crl(BASE.csca), crl(other, this=LATER), anchors=[CSCA, certificate])
    assert status(own).this_update == OCTOBER


@pytest.mark.parametrize("since", [forms.SINCE, forms.SINCE - DAY], ids=["as old", "older"])
def test_the_list_of_a_key_that_does_not_follow_is_no_list_of_the_signer(since: dt.datetime) -> None:
    other, certificate = two_keys(since=since)
    anchors = [CSCA, certificate]
    alone = judge(crl(other, this=LATER), anchors=anchors)
    assert (status(alone).revoked, status(alone).text) == (None, "no revocation list")
    strict = pki.VerificationPolicy.STRICT.with_(fresh_list="refuse")
    assert refused(judge(crl(other, this=LATER), anchors=anchors, policy=strict)) == {"fresh_list"}
    assert judge(crl(BASE.csca, this=LATER), crl(other, this=LATER), anchors=anchors, policy=strict).accepted


def test_of_lists_of_one_key_the_newest_counts() -> None:
    held, free = crl(BASE.csca, {SIGNER: OCTOBER}), crl(BASE.csca, this=LATER)
    for lists in ((held, free), (free, held)):
        assert judge(*lists).accepted
        assert refused(judge(*lists, at=LATER - DAY)) == {"revocation"}


def test_of_lists_of_one_time_the_higher_number_counts() -> None:
    first, second = crl(BASE.csca, (), number(1)), crl(BASE.csca, {SIGNER: OCTOBER}, number(2))
    for lists in ((first, second), (second, first)):
        assert refused(judge(*lists)) == {"revocation"}


def test_a_list_of_a_renamed_csca_is_found_by_its_key() -> None:
    renamed = dataclasses.replace(BASE.csca, name=forms.name(("C", "VN"), ("CN", "CSCA of a new name")))
    rows = [forms.KEY_USAGE_CA, forms.CA_TRUE, *forms.identifiers(renamed, renamed)]
    certificate = pki.parse_certificate(forms.certificate(renamed, renamed, rows))
    listed = crl(renamed, {SIGNER: OCTOBER})
    assert refused(judge(listed, anchors=[CSCA, certificate])) == {"revocation"}


def test_lists_that_no_trusted_key_signed() -> None:
    stranger = forms.party(forms.CSCA_NAME, 1)
    with pytest.raises(CertificateError) as caught:
        pki.TrustStore([CSCA], [crl(stranger, {SIGNER: OCTOBER})])
    assert caught.value.facts["check"] == "issuer"
    gathered = pki.TrustStore.gather([CSCA], [crl(stranger, {SIGNER: OCTOBER}), crl(BASE.csca)])
    assert [error.facts["rule"] for error in gathered.refused] == ["list_signature"]
    assert status(gathered.judge(DS, AT)).revoked is False
    assert not flagged(gathered.judge(DS, AT))
    alone = pki.TrustStore.gather([CSCA], [crl(stranger, {SIGNER: OCTOBER})]).judge(DS, AT)
    assert (status(alone).revoked, flagged(alone)) == (None, {"fresh_list"})  # as if there were none, but not silent


@pytest.mark.parametrize("usage", ["03020204", "03020284"])
def test_a_list_of_a_key_that_may_not_sign_lists(usage: str) -> None:
    base = forms.Base()
    rows = [forms.extension("2.5.29.15", bytes.fromhex(usage), critical=True), forms.CA_TRUE]
    base.csca.certificate = forms.certificate(base.csca, base.csca, [*rows, *forms.identifiers(base.csca, base.csca)])
    csca = pki.parse_certificate(base.csca.certificate)
    with pytest.raises(CertificateError) as caught:
        pki.TrustStore([csca], [crl(base.csca)])
    assert (caught.value.facts["check"], caught.value.facts["rule"]) == ("usage", "list_key_usage")
    assert pki.TrustStore([csca]).judge(pki.parse_certificate(base.signer.certificate), AT).accepted


def test_a_list_by_a_weak_hash() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    weak = forms.party(forms.CSCA_NAME, 1, private)
    base = forms.Base(csca=weak)
    csca, signer = (pki.parse_certificate(party.certificate) for party in (base.csca, base.signer))
    old = dataclasses.replace(
        weak, sign=lambda data: private.sign(data, ec.ECDSA(hashes.SHA1())),
        algorithm=tlv.sequence(tlv.oid("1.2.840.10045.4.1")),
    )  # fmt: skip
    trust = pki.TrustStore([csca], [crl(old)])
    assert refused(trust.judge(signer, AT)) == {"hash_strength"}
    assert flagged(trust.judge(signer, AT, policy=LEGACY)) == {"hash_strength"}
    assert "revocation" in refused(pki.TrustStore([csca], [crl(old, {SIGNER: OCTOBER})]).judge(signer, AT))


# ---- of what time


def test_a_list_out_of_date_is_a_field_and_a_rule() -> None:
    ends = dt.datetime(2026, 10, 15, tzinfo=dt.UTC)
    stale = crl(BASE.csca, following=ends)
    report = judge(stale)
    assert (report.accepted, flagged(report)) == (True, {"fresh_list"})
    assert (status(report).fresh, status(report).next_update, status(report).revoked) == (False, ends, False)
    insist = STRICT.with_(fresh_list="refuse")
    assert refused(judge(stale, policy=insist)) == {"fresh_list"}
    assert refused(judge(policy=insist)) == {"fresh_list"}
    assert refused(judge(crl(BASE.csca, (), AUTHORITY_ONLY), policy=insist)) == {"fresh_list"}
    assert judge(crl(BASE.csca), policy=insist).accepted
    assert judge(stale, policy=insist, at=ends).accepted
    assert refused(judge(crl(BASE.csca, following=None), policy=insist)) == {"fresh_list"}
    assert status(judge(crl(BASE.csca, following=None))).fresh is None
    # a list out of date still revokes
    assert refused(judge(crl(BASE.csca, {SIGNER: OCTOBER}, following=ends))) == {"revocation"}


def test_a_list_from_the_future_is_not_there_yet() -> None:
    future = crl(BASE.csca, this=AT + DAY, following=AT + 90 * DAY)
    report = judge(future)
    assert (report.accepted, status(report).revoked) == (True, None)
    assert report.rules[Rule.REVOCATION] is Outcome.NOT_CHECKED
    assert refused(judge(future, crl(BASE.csca, {SIGNER: OCTOBER}))) == {"revocation"}
    assert judge(future, crl(BASE.csca, {SIGNER: OCTOBER}), at=AT + 2 * DAY).accepted


def test_a_revocation_counts_from_its_time_on() -> None:
    listed = crl(BASE.csca, {SIGNER: LATER})
    assert judge(listed, at=LATER - DAY).accepted
    for at in (LATER, AT):
        assert refused(judge(listed, at=at)) == {"revocation"}


def test_reason_and_invalidity_date_are_fields() -> None:
    unsafe = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    date = forms.extension("2.5.29.24", tlv.encode(0x18, b"20260301000000Z"))
    found = status(judge(crl(BASE.csca, [row(SIGNER, reason(1), date)])))
    assert (found.revoked, found.reason, found.invalidity_date) == (True, "key_compromise", unsafe)
    assert found.revoked_at == OCTOBER
    held = judge(crl(BASE.csca, [row(SIGNER, reason(6))]))
    assert (refused(held), status(held).reason) == ({"revocation"}, "certificate_hold")
    assert judge(crl(BASE.csca, [row(SIGNER, reason(8))])).accepted  # removeFromCRL: it is not revoked


# ---- of what scope


def test_lists_of_one_kind_of_certificates() -> None:
    assert refused(judge(crl(BASE.csca, {SIGNER: OCTOBER}, USER_ONLY))) == {"revocation"}
    spoken = judge(crl(BASE.csca, (), USER_ONLY))
    assert (spoken.accepted, status(spoken).revoked) == (True, False)
    for other in (AUTHORITY_ONLY, scope(b"\x85\x01\xff")):
        silent = judge(crl(BASE.csca, (), other))
        assert (silent.accepted, status(silent).revoked) == (True, None)
        assert silent.rules[Rule.REVOCATION] is Outcome.NOT_CHECKED
        # nor does it hide one that speaks of signers
        assert refused(judge(crl(BASE.csca, (), other, this=LATER), crl(BASE.csca, {SIGNER: OCTOBER}))) == {
            "revocation"
        }
        assert judge(crl(BASE.csca, {SIGNER: OCTOBER}, other)).accepted
    with pytest.raises(FormatError):
        crl(BASE.csca, (), scope(b"\x81\x01\xff", b"\x82\x01\xff"))


def test_a_list_of_some_reasons_does_not_say_that_nothing_is_revoked() -> None:
    some = scope(tlv.encode(0x83, b"\x06\x40"))
    assert refused(judge(crl(BASE.csca, {SIGNER: OCTOBER}, some))) == {"revocation"}
    silent = judge(crl(BASE.csca, (), some))
    assert (silent.accepted, status(silent).revoked) == (True, None)
    whole = judge(crl(BASE.csca, (), some, this=LATER), crl(BASE.csca))
    assert (status(whole).revoked, status(whole).this_update) == (False, OCTOBER)


def test_a_part_of_a_list_speaks_of_the_certificates_that_name_it() -> None:
    def point(address: str) -> bytes:
        return tlv.encode(0xA0, tlv.encode(0xA0, tlv.encode(0x86, address.encode())))

    of = forms.extension("2.5.29.31", tlv.sequence(tlv.sequence(point("http://a.invalid/1.crl"))))
    base = forms.Base(csca=BASE.csca, signer_more=[of])
    csca, signer = (pki.parse_certificate(party.certificate) for party in (base.csca, base.signer))
    for address, said in (("http://a.invalid/1.crl", False), ("http://a.invalid/2.crl", None)):
        trust = pki.TrustStore([csca], [crl(BASE.csca, (), scope(point(address)))])
        assert status(trust.judge(signer, AT)).revoked is said
        trust = pki.TrustStore([csca], [crl(BASE.csca, {SIGNER: OCTOBER}, scope(point(address)))])
        assert refused(trust.judge(signer, AT)) == {"revocation"}


def test_rows_of_an_indirect_list_are_of_the_issuer_they_name() -> None:
    other = forms.name(("C", "VN"), ("CN", "another CSCA"))

    def of(name: bytes) -> bytes:
        return forms.extension("2.5.29.29", tlv.sequence(tlv.encode(0xA4, name)), critical=True)

    indirect = scope(b"\x84\x01\xff")
    # a row without an issuer is of the issuer of the row before
    foreign = [row(7, of(other)), row(SIGNER)]
    assert judge(crl(BASE.csca, foreign, indirect)).accepted
    back = [row(7, of(other)), row(SIGNER, of(forms.CSCA_NAME))]
    assert refused(judge(crl(BASE.csca, back, indirect))) == {"revocation"}
    assert refused(judge(crl(BASE.csca, [row(SIGNER)], indirect))) == {"revocation"}
    with pytest.raises(FormatError):  # in a list that is not indirect nobody knows whose the row is
        crl(BASE.csca, [row(SIGNER, of(other))])


def test_deltas() -> None:
    whole, free = crl(BASE.csca, {SIGNER: OCTOBER}, number(1)), crl(BASE.csca, (), number(1))
    more = crl(BASE.csca, {SIGNER: LATER}, number(2), delta(1), this=LATER)
    back = crl(BASE.csca, [row(SIGNER, reason(8))], number(2), delta(1), this=LATER)
    assert refused(judge(free, more)) == {"revocation"}
    assert refused(judge(more)) == {"revocation"}
    alone = judge(crl(BASE.csca, (), number(2), delta(1), this=LATER))
    assert (alone.accepted, status(alone).revoked) == (True, None)
    assert judge(whole, back).accepted
    assert refused(judge(whole, back, at=LATER - DAY)) == {"revocation"}
    # a delta on a list that is not the one at hand takes nothing back
    ahead = crl(BASE.csca, [row(SIGNER, reason(8))], number(9), delta(8), this=LATER)
    assert refused(judge(whole, ahead)) == {"revocation"}
    # nor does one older than the list at hand
    newer = crl(BASE.csca, {SIGNER: OCTOBER}, number(3), this=LATER + DAY)
    assert refused(judge(newer, back)) == {"revocation"}


# ---- the authorities themselves


def test_a_revoked_csca_revokes_what_it_signed() -> None:
    own = crl(BASE.csca, {1: OCTOBER})  # by the key that is revoked: the last list it signs
    report = judge(own)
    assert refused(report) == {"authority_revocation"}
    with pytest.raises(CertificateError) as caught:
        report.require()
    assert caught.value.facts["check"] == "revocation"
    assert refused(judge(crl(BASE.csca, {1: OCTOBER}, AUTHORITY_ONLY))) == {"authority_revocation"}
    assert judge(crl(BASE.csca, {1: OCTOBER}, USER_ONLY)).accepted


def test_what_is_no_list() -> None:
    der = crl_der(BASE.csca, (), this=OCTOBER, following=AT)
    for size in range(0, len(der), 7):
        with pytest.raises(FormatError):
            pki.parse_crl(der[:size])
    for odd in (forms.extension("1.2.3", tlv.NULL_VALUE, critical=True), number(1) + number(2), scope(b"\x99\x00")):
        with pytest.raises(FormatError):
            crl(BASE.csca, (), odd)
    assert crl(BASE.csca, (), forms.extension("1.2.3", tlv.NULL_VALUE)).number is None
