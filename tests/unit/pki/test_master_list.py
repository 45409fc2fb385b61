"""Master lists: who may sign one, and what one bad certificate costs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from cccd_core import pki
from cccd_core.emrtd import times, tlv
from cccd_core.errors import CccdError, FormatError
from cccd_core.pki.master_list import CSCA_MASTER_LIST
from support import x509_forms as forms

PURPOSE = bytes.fromhex("30140603551D250101FF040A30080606678108010103")
OTHER_PURPOSE = bytes.fromhex("30140603551D250101FF040A30080606678108010108")
SIGNED = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def master_list(
    base: forms.Base, certificates: Sequence[bytes] | None = None, *, signed: dt.datetime | None = SIGNED
) -> bytes:
    listed = [base.csca.certificate] if certificates is None else certificates
    content = tlv.sequence(tlv.integer(0), tlv.set_of(listed))
    more = [] if signed is None else [forms.signing_time(times.encode(signed))]
    attributes = forms.attributes(content, CSCA_MASTER_LIST, *more)
    inside = [base.signer.certificate, base.csca.certificate]
    return forms.message(
        base, content=content, content_type=CSCA_MASTER_LIST, signed=attributes, tag=None, certificates=inside
    )


def read(base: forms.Base, data: bytes | None = None, **options: object) -> pki.MasterList:
    root = pki.parse_certificate(base.csca.certificate)
    given = master_list(base) if data is None else data
    return pki.parse_master_list(given, root, forms.AT, **options)  # type: ignore[arg-type]


BASE = forms.Base(signer_more=[PURPOSE])


def refusal(base: forms.Base, data: bytes | None = None, **options: object) -> tuple[object, object]:
    with pytest.raises(CccdError) as caught:
        read(base, data, **options)
    return caught.value.facts.get("check"), caught.value.facts.get("rule")


def test_a_list_by_its_signer() -> None:
    found = read(BASE)
    assert [each.der for each in found.certificates] == [BASE.csca.certificate]
    assert (found.signer.der, found.algorithm, found.signing_time) == (BASE.signer.certificate, "ecdsa-sha256", SIGNED)
    assert found.report.accepted
    assert found.report.flags == ()


@pytest.mark.parametrize(
    ("more", "rule"), [([], "list_signer_purpose"), ([OTHER_PURPOSE], "other_role")], ids=["none", "deviation list"]
)
def test_a_signer_of_another_role(more: list[bytes], rule: str) -> None:
    for policy in (pki.VerificationPolicy.STRICT, pki.VerificationPolicy.LEGACY):
        assert refusal(forms.Base(signer_more=more), policy=policy) == ("usage", rule)


def test_a_csca_signs_no_list_itself() -> None:
    csca = forms.party(forms.CSCA_NAME, 1)
    base = forms.Base(csca=csca, signer=csca)
    rows = [forms.KEY_USAGE_CA, forms.CA_TRUE, *forms.identifiers(csca, csca)]
    csca.certificate = forms.certificate(csca, csca, rows)
    assert refusal(base)[0] == "usage"


def test_times_of_a_list() -> None:
    assert refusal(BASE, master_list(BASE, signed=forms.AT + dt.timedelta(seconds=1))) == (
        "signing_time",
        "signing_time",
    )
    assert refusal(BASE, master_list(BASE, signed=forms.SINCE - dt.timedelta(1)))[0] == "signing_time"
    assert read(BASE, master_list(BASE, signed=None)).signing_time is None
    ended = forms.extension("2.5.29.16", tlv.sequence(tlv.encode(0x81, b"20260501000000Z")))
    late = forms.Base(signer_more=[PURPOSE, ended])
    assert refusal(late) == ("key_period", "private_key_usage_period")
    found = read(late, policy=pki.VerificationPolicy.LEGACY)
    assert [finding.rule.value for finding in found.report.flags] == ["private_key_usage_period"]


def test_a_signer_that_was_revoked() -> None:
    part = tlv.sequence(
        tlv.integer(1), BASE.csca.algorithm, BASE.csca.name, times.encode(SIGNED), times.encode(forms.UNTIL),
        tlv.sequence(tlv.sequence(tlv.integer(2), times.encode(SIGNED))),
    )  # fmt: skip
    crl = pki.parse_crl(tlv.sequence(part, BASE.csca.algorithm, tlv.bit_string(BASE.csca.sign(part))))
    roots = pki.TrustStore([pki.parse_certificate(BASE.csca.certificate)], [crl])
    with pytest.raises(CccdError) as caught:
        pki.verify_master_list(master_list(BASE), roots, forms.AT)
    assert caught.value.facts["rule"] == "revocation"


def test_the_root_must_be_an_authority_and_the_signers() -> None:
    other = forms.Base(signer_more=[PURPOSE])
    with pytest.raises(CccdError) as caught:
        pki.parse_master_list(master_list(BASE), pki.parse_certificate(other.csca.certificate), forms.AT)
    assert caught.value.facts["check"] == "issuer"
    with pytest.raises(CccdError) as caught:
        pki.parse_master_list(master_list(BASE), pki.parse_certificate(BASE.signer.certificate), forms.AT)
    assert caught.value.facts["check"] == "usage"


def test_a_certificate_that_is_no_authority_costs_itself_alone() -> None:
    found = read(BASE, master_list(BASE, [BASE.csca.certificate, BASE.signer.certificate, tlv.sequence(b"\x05\x00")]))
    assert len(found.refused) == 1  # what is no certificate at all
    store = pki.TrustStore(found.certificates)
    assert [anchor.der for anchor in store.anchors] == [BASE.csca.certificate]
    assert [error.facts["subject"] for error in store.refused] == [found.signer.subject]


def test_what_is_no_master_list() -> None:
    with pytest.raises(FormatError):
        read(BASE, forms.message(BASE, tag=None))
    data = master_list(BASE)
    changed = bytearray(data)
    changed[data.index(BASE.csca.certificate) + 200] ^= 1
    assert refusal(BASE, bytes(changed))[0] == "message_digest"
