"""Whatever the policy: no wrong signature or digest is accepted, and what `strict` accepts `legacy` accepts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools

from hypothesis import given
from hypothesis import strategies as st

from cccd_core import pki
from cccd_core.emrtd import times, tlv
from cccd_core.pki import RULES, Outcome, Rule, VerificationPolicy
from support import x509_forms as forms

STRICT, LEGACY = VerificationPolicy.STRICT, VerificationPolicy.LEGACY
FREE = [rule for rule in Rule if not RULES[rule].fixed]
CSCA, SIGNER = forms.party(forms.CSCA_NAME, 1), forms.party(forms.SIGNER_NAME, 2)

policies = st.builds(
    lambda base, changes: base.with_(**{rule.value: action for rule, action in changes.items()}),
    st.sampled_from([STRICT, LEGACY]),
    st.dictionaries(st.sampled_from(FREE), st.sampled_from(["refuse", "flag", "ignore"])),
)
LAXEST = LEGACY.with_(**{rule.value: "ignore" for rule in FREE})


def row(identifier: str, value: str, *, critical: bool = False) -> bytes:
    return forms.extension(identifier, bytes.fromhex(value), critical=critical)


ODD_SIGNER = (
    row("2.5.29.37", "300806066781080101 03".replace(" ", "")), row("2.5.29.37", "300606042B060102"),
    row("2.5.29.19", "30030101FF", critical=True), row("1.2.3.4", "0500", critical=True),
    row("2.23.136.1.1.6.2", "30080201003103130150"), row("2.23.136.1.1.6.2", "3003130150"),
    row("2.5.29.16", "3022800F32303230303130313030303030305A810F32303231303130313030303030305A"),
)  # fmt: skip
ODD_CSCA = (
    row("2.5.29.16", "3022800F32303135303130313030303030305A810F32303136303130313030303030305A"),
    row("2.5.29.37", "300606042B060102"), row("1.2.3.4", "0500", critical=True),
)  # fmt: skip


@functools.cache
def base(signer_more: tuple[bytes, ...], csca_more: tuple[bytes, ...], stated: bool) -> tuple[forms.Base, bytes]:
    found = forms.Base(
        csca=dataclasses.replace(CSCA), signer=dataclasses.replace(SIGNER), signer_more=signer_more, csca_more=csca_more
    )
    time = forms.signing_time(times.encode(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)))
    signed = [*forms.attributes(found.content), *([time] if stated else [])]
    return found, forms.message(found, signed=signed)


def once(rows: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """No extension twice."""
    return tuple({tlv.read_one(each).reader().next().value: each for each in rows}.values())


documents = st.builds(
    base,
    st.lists(st.sampled_from(ODD_SIGNER), max_size=3).map(tuple).map(once),
    st.lists(st.sampled_from(ODD_CSCA), max_size=2).map(tuple).map(once),
    st.booleans(),
)


def judge(
    document: tuple[forms.Base, bytes], policy: VerificationPolicy, *, sod: bytes | None = None
) -> pki.DocumentReport:
    found, data = document
    trust = pki.TrustStore([pki.parse_certificate(found.csca.certificate)])
    return pki.judge_document(data if sod is None else sod, found.groups, trust, forms.AT, policy=policy)


@given(documents)
def test_what_strict_accepts_legacy_accepts(document: tuple[forms.Base, bytes]) -> None:
    strict, legacy = judge(document, STRICT), judge(document, LEGACY)
    assert legacy.accepted or not strict.accepted
    assert {each.rule for each in legacy.refusals} <= {each.rule for each in strict.refusals}
    for report in (strict, legacy):
        assert set(report.rules) == set(Rule)
        assert report.accepted == (not report.refusals)


@given(documents, policies)
def test_each_rule_has_the_action_of_the_policy(document: tuple[forms.Base, bytes], policy: VerificationPolicy) -> None:
    report = judge(document, policy)
    assert all(finding.action is policy[finding.rule] for finding in report.findings)
    # a rule says the same under every policy that does not ignore it, but for the list that one policy demands
    plain = judge(document, STRICT).rules
    for rule, outcome in report.rules.items():
        if rule is Rule.FRESH_LIST and policy[rule] is pki.Action.REFUSE:
            assert outcome is Outcome.FAILED
            continue
        assert outcome is (Outcome.NOT_CHECKED if policy[rule] is pki.Action.IGNORE else plain[rule])
    assert VerificationPolicy.parse(policy.name) == policy


@given(documents, policies, st.data())
def test_no_policy_accepts_a_changed_document(
    document: tuple[forms.Base, bytes], policy: VerificationPolicy, data: st.DataObject
) -> None:
    found, sod = document
    number = data.draw(st.sampled_from(sorted(found.groups)))
    content = bytearray(found.groups[number])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    trust = pki.TrustStore([pki.parse_certificate(found.csca.certificate)])
    for lax in (policy, LAXEST):
        report = pki.judge_document(sod, found.groups | {number: bytes(content)}, trust, forms.AT, policy=lax)
        assert not report.accepted
        assert report.rules[Rule.DIGEST] is Outcome.FAILED
    # the signature, at the very end, and the signed content
    for position in (len(sod) - 1 - data.draw(st.integers(0, 50)), sod.index(found.content) + 30):
        changed = bytearray(sod)
        changed[position] ^= data.draw(st.integers(1, 255))
        assert not judge(document, LAXEST, sod=bytes(changed)).accepted


@given(documents, policies)
def test_no_policy_accepts_a_signer_of_another_csca(
    document: tuple[forms.Base, bytes], policy: VerificationPolicy
) -> None:
    found, sod = document
    other = forms.Base()  # of the same names and serial numbers
    trust = pki.TrustStore([pki.parse_certificate(other.csca.certificate)])
    for lax in (policy, LAXEST):
        assert not pki.judge_document(sod, found.groups, trust, forms.AT, policy=lax).accepted


@given(st.binary(max_size=400))
def test_bytes_that_are_no_document_are_reported(data: bytes) -> None:
    report = pki.judge_document(data, {1: data}, pki.TrustStore(()), forms.AT)
    assert not report.accepted
