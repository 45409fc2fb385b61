"""The rules: what a certificate says of its use binds, what is signed belongs to this document, one rule of
strength."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Callable, Sequence

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cccd_core import pki
from cccd_core.emrtd import cms, times, tlv
from cccd_core.emrtd.hashes import hash_identifier
from cccd_core.errors import CccdError, CertificateError, FormatError, ParameterError
from cccd_core.pki import Outcome, Role, Rule, VerificationPolicy, messages, states
from support import x509_forms as forms

STRICT, LEGACY = VerificationPolicy.STRICT, VerificationPolicy.LEGACY
AT = forms.AT
BASE = forms.Base()
MASTER_LIST_PURPOSE = bytes.fromhex("30110603551D25040A30080606678108010103")
MASTER_LIST_PURPOSE_CRITICAL = bytes.fromhex("30140603551D250101FF040A30080606678108010103")
SHA1_RSA = tlv.sequence(tlv.oid("1.2.840.113549.1.1.5"), tlv.NULL_VALUE)


def purpose(*oids: str, critical: bool = False) -> bytes:
    return forms.extension("2.5.29.37", tlv.sequence(*(tlv.oid(each) for each in oids)), critical=critical)


def store(base: forms.Base, *crls: pki.RevocationList) -> pki.TrustStore:
    return pki.TrustStore([pki.parse_certificate(base.csca.certificate)], crls)


def judge(
    base: forms.Base, policy: VerificationPolicy = STRICT, *, sod: bytes | None = None, **options: object
) -> pki.DocumentReport:
    data = forms.message(base) if sod is None else sod
    return pki.judge_document(data, base.groups, store(base), AT, policy=policy, **options)  # type: ignore[arg-type]


def refused(report: pki.Report) -> set[str]:
    return {finding.rule.value for finding in report.refusals}


def flagged(report: pki.Report) -> set[str]:
    return {finding.rule.value for finding in report.flags}


def check_of(report: pki.Report) -> object:
    with pytest.raises(CccdError) as caught:
        report.require()
    return caught.value.facts["check"]


def test_the_base_is_accepted_without_a_flag() -> None:
    report = judge(BASE)
    assert (report.accepted, report.refusals, report.flags) == (True, (), ())
    assert pki.passive_authentication(forms.message(BASE), BASE.groups, store(BASE), AT).accepted
    assert judge(BASE, LEGACY).accepted


# ---- the signer's own certificate


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        (MASTER_LIST_PURPOSE, {"other_role", "foreign_purpose"}),
        (MASTER_LIST_PURPOSE_CRITICAL, {"other_role", "foreign_purpose"}),
        (purpose("2.23.136.1.1.8"), {"other_role", "foreign_purpose"}),  # deviation list signer
        (purpose("2.23.136.1.1.11.1", critical=True), {"other_role", "foreign_purpose"}),  # bar code signer
        (purpose("2.23.136.1.1.9.8.1"), {"other_role", "foreign_purpose"}),  # travel stamp signer
        (purpose("2.5.29.37.0", "2.23.136.1.1.3"), {"other_role"}),  # any purpose, and a list's all the same
        (purpose("1.3.6.1.5.5.7.3.4"), {"foreign_purpose"}),  # e-mail
        (purpose("2.5.29.37.0"), set()),
    ],
)  # fmt: skip
def test_a_signer_with_another_purpose(more: bytes, rules: set[str]) -> None:
    base = forms.Base(signer_more=[more])
    report = judge(base)
    assert refused(report) == rules
    if rules:
        assert check_of(report) == "usage"
    assert refused(judge(base, LEGACY)) == rules - {"foreign_purpose"}


@pytest.mark.parametrize(
    ("usage", "strict", "legacy"),
    [
        (None, {"signer_key_usage_stated"}, set()),
        ("03020640", {"signer_key_usage"}, {"signer_key_usage"}),  # nonRepudiation alone
        ("030206C0", set(), set()),  # and digitalSignature
        ("03020106", {"signer_key_usage"}, {"signer_key_usage"}),
    ],
)  # fmt: skip
def test_key_usage_of_a_signer(usage: str | None, strict: set[str], legacy: set[str]) -> None:
    base = forms.Base()
    rows = [] if usage is None else [forms.extension("2.5.29.15", bytes.fromhex(usage), critical=True)]
    base.signer.certificate = forms.certificate(
        base.signer, base.csca, [*rows, *forms.identifiers(base.signer, base.csca)]
    )
    assert (refused(judge(base)), refused(judge(base, LEGACY))) == (strict, legacy)


def test_a_signer_that_is_an_authority() -> None:
    base = forms.Base(signer_more=[forms.CA_TRUE])
    assert refused(judge(base)) == refused(judge(base, LEGACY)) == {"signer_no_authority"}
    assert judge(forms.Base(signer_more=[forms.extension("2.5.29.19", tlv.sequence(), critical=True)])).accepted


def test_unknown_critical_extensions_bind_signer_and_csca() -> None:
    odd = forms.extension("1.2.3.4", tlv.NULL_VALUE, critical=True)
    for base in (forms.Base(signer_more=[odd]), forms.Base(csca_more=[odd])):
        assert refused(judge(base)) == refused(judge(base, LEGACY)) == {"critical_extensions"}


# ---- those above it


def csca_of(*extensions: bytes, **parts: object) -> forms.Base:
    """The base with a CSCA of these extensions and its own key identifiers."""
    base = forms.Base()
    rows = [*extensions, *forms.identifiers(base.csca, base.csca)]
    base.csca.certificate = forms.certificate(base.csca, base.csca, rows, **parts)  # type: ignore[arg-type]
    return base


@pytest.mark.parametrize(
    "extensions",
    [
        (forms.KEY_USAGE_CA, bytes.fromhex("300C0603551D130101FF04023000")),  # CA:FALSE beside keyCertSign
        (forms.KEY_USAGE_CA, forms.extension("2.5.29.19", tlv.sequence(tlv.integer(0)))),  # a path length alone
        (bytes.fromhex("300C0603551D130101FF04023000"),),
        (forms.KEY_USAGE_SIGNER, forms.CA_TRUE),  # CA:TRUE, the key may not sign certificates
    ],
)  # fmt: skip
def test_a_trusted_certificate_that_is_no_authority(extensions: Sequence[bytes]) -> None:
    base = csca_of(*extensions)
    trust = store(base)
    assert len(trust) == 0
    assert [error.facts["check"] for error in trust.refused] == ["usage"]
    with pytest.raises(CertificateError) as caught:
        trust.require_whole()
    assert caught.value.facts["check"] == "usage"
    for policy in (STRICT, LEGACY):
        assert not judge(base, policy).accepted


@pytest.mark.parametrize(
    ("extensions", "strict", "flags"),
    [
        ((forms.CA_TRUE,), set(), {"authority_key_usage_stated"}),
        ((forms.KEY_USAGE_CA,), {"authority_stated"}, set()),
        ((), {"authority_stated"}, {"authority_key_usage_stated"}),
    ],
)  # fmt: skip
def test_an_old_csca_that_says_little(extensions: Sequence[bytes], strict: set[str], flags: set[str]) -> None:
    base = csca_of(*extensions)
    report = judge(base)
    assert (refused(report), flagged(report)) == (strict, flags)
    assert (refused(judge(base, LEGACY)), flagged(judge(base, LEGACY))) == (set(), strict | flags)


def test_a_csca_of_version_1_is_for_the_legacy_policy() -> None:
    base = forms.Base()
    base.csca.certificate = forms.certificate(base.csca, base.csca, [], version=b"")
    assert refused(judge(base)) == {"authority_stated"}
    assert judge(base, LEGACY).accepted


def test_one_certificate_that_is_no_authority_does_not_cost_the_store() -> None:
    both = [pki.parse_certificate(party.certificate) for party in (BASE.csca, BASE.signer)]
    trust = pki.TrustStore(both)
    assert trust.anchors == (both[0],)
    assert [error.facts["subject"] for error in trust.refused] == [both[1].subject]
    assert trust.validate(both[1], AT).anchor == both[0]


def test_a_csca_with_a_list_signers_purpose() -> None:
    base = forms.Base(csca_more=[MASTER_LIST_PURPOSE])
    assert refused(judge(base)) == refused(judge(base, LEGACY)) == {"other_role"}


# ---- links between keys of one CSCA


def linked(*, name: bytes = forms.CSCA_NAME, more: Sequence[bytes] = (), constraints: bytes = forms.CA_TRUE) -> tuple[
    forms.Base, pki.Certificate
]:  # fmt: skip
    """A base whose CSCA key is known by a link certificate of an older key alone, which is trusted as `csca`."""
    old, new = forms.party(forms.CSCA_NAME, 1), forms.party(name, 5)
    base = forms.Base(csca=new)
    rows = [forms.KEY_USAGE_CA, constraints, *forms.identifiers(new, old), *more]
    link = pki.parse_certificate(forms.certificate(new, old, rows))
    old.certificate = forms.certificate(old, old, [forms.KEY_USAGE_CA, forms.CA_TRUE, *forms.identifiers(old, old)])
    signer = base.signer
    base.csca = dataclasses.replace(new, certificate=old.certificate)
    assert signer.certificate
    return base, link


def test_a_link_certificate_leads_to_the_trusted_key() -> None:
    base, link = linked()
    assert refused(judge(base)) == {"issuer"}
    report = judge(base, more=(link,))
    assert report.accepted
    assert report.path is not None
    assert (report.path.csca, report.path.anchor.der) == (link, base.csca.certificate)


NEW_NAME = forms.name(("C", "VN"), ("O", "Test"), ("CN", "CSCA of a new name"))
NAME_CHANGE = forms.extension("2.23.136.1.1.6.1", tlv.NULL_VALUE)


def test_a_link_may_change_the_name_where_it_says_so() -> None:
    base, link = linked(name=NEW_NAME, more=[NAME_CHANGE])
    assert judge(base, more=(link,)).accepted
    base, link = linked(name=NEW_NAME)
    # a subordinate authority: no link, and more than the path length of the trusted one allows
    assert refused(judge(base, more=(link,))) == {"link_certificate", "path_length"}


def test_a_link_of_another_country_or_that_is_no_authority() -> None:
    base, link = linked(name=forms.name(("C", "LA"), ("CN", "CSCA")), more=[NAME_CHANGE])
    assert "country" in refused(judge(base, more=(link,)))
    base, link = linked(constraints=forms.extension("2.5.29.19", tlv.sequence(), critical=True))
    assert refused(judge(base, more=(link,))) == {"authority"}


def test_links_that_go_round_in_a_circle_end() -> None:
    base, link = linked()
    back = pki.parse_certificate(BASE.csca.certificate)
    assert not pki.TrustStore([back]).judge(link, AT, more=(link, link, back)).accepted
    assert judge(base, more=(link, link, back)).accepted


# ---- time


def period(start: str | None, end: str | None) -> bytes:
    ends = b"".join(tlv.encode(tag, text.encode()) for tag, text in ((0x80, start), (0x81, end)) if text)
    return forms.extension("2.5.29.16", tlv.sequence(ends))


def signed_at(base: forms.Base, time: dt.datetime) -> bytes:
    extra = forms.signing_time(times.encode(time))
    return forms.message(base, signed=[*forms.attributes(base.content), extra])


SIGNED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("ends", "holds"),
    [
        (("20200101000000Z", "20201001000000Z"), False),
        (("20260102000000Z", None), False),
        ((None, "20251231235959Z"), False),
        ((None, "20260101000000Z"), True),
        (("20260101000000Z", None), True),
    ],
)  # fmt: skip
def test_signed_outside_the_private_keys_period(ends: tuple[str | None, str | None], holds: bool) -> None:
    base = forms.Base(signer_more=[period(*ends)])
    report = judge(base, sod=signed_at(base, SIGNED))
    assert refused(report) == (set() if holds else {"private_key_usage_period"})
    assert flagged(judge(base, LEGACY, sod=signed_at(base, SIGNED))) == (
        set() if holds else {"private_key_usage_period"}
    )
    assert report.rules[Rule.PRIVATE_KEY_USAGE_PERIOD] is (Outcome.HELD if holds else Outcome.FAILED)
    # without a signing time nobody can tell
    assert judge(base).rules[Rule.PRIVATE_KEY_USAGE_PERIOD] is Outcome.NOT_CHECKED
    assert judge(base).accepted


def test_a_signer_issued_outside_its_cscas_key_period() -> None:
    base = forms.Base(csca_more=[period("20200101000000Z", "20210101000000Z")])
    assert judge(base).accepted
    base = forms.Base(csca_more=[period("20180101000000Z", "20191231000000Z")])
    assert refused(judge(base)) == {"signer_issued_in_key_period"}
    assert flagged(judge(base, LEGACY)) == {"signer_issued_in_key_period"}


def test_signing_times_that_cannot_be() -> None:
    for time, rule in (
        (AT + dt.timedelta(seconds=1), "signing_time"),
        (forms.SINCE - dt.timedelta(1), "signing_time_in_validity"),
    ):
        report = judge(BASE, sod=signed_at(BASE, time))
        assert rule in refused(report)
        assert check_of(report) == "signing_time"
        assert not judge(BASE, LEGACY, sod=signed_at(BASE, time)).accepted


# ---- this document


def with_zone(zone: str, *, signer_more: Sequence[bytes] = (), country: str = "VN") -> forms.Base:
    csca, signer = (forms.name(("C", country), ("O", "Test"), ("CN", name)) for name in ("CSCA", "DS 1"))
    return forms.Base(
        csca=forms.party(csca, 1), signer=forms.party(signer, 2), signer_more=signer_more,
        groups={1: forms.dg1(zone), 2: b"\x75\x03two"},
    )  # fmt: skip


def td3(code: str, state: str, nationality: str = "VNM") -> str:
    return f"{code:<<2}{state:<<3}NGUYEN<<VAN<A".ljust(44, "<") + f"099000001<{nationality:<<3}9905016M3905014".ljust(
        88 - 44, "<"
    )


def td2(code: str, state: str) -> str:
    return f"{code:<<2}{state:<<3}NGUYEN<<VAN<A".ljust(36, "<") + "099000001<VNM9905016M3905014".ljust(36, "<")


LAO = "IDLAO0990000017<<<<<<<<<<<<<<<9905016M3905014LAO<<<<<<<<<<<0NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<"


@pytest.mark.parametrize(
    ("zone", "country", "holds"),
    [
        (LAO, "VN", False), (LAO, "LA", True), (LAO, "la", True),
        (forms.ZONE, "DE", False), (forms.ZONE, "VN", True),
        (td3("P", "D"), "DE", True), (td3("P", "D"), "VN", False), (td3("P", "DEU"), "DE", True),
        (td3("P", "UNO"), "UN", True), (td3("P", "UNA"), "UN", True), (td3("P", "EUE"), "EU", True),
        (td3("P", "XOM"), "XO", True), (td3("P", "XPO"), "XP", True), (td3("P", "RKS"), "KS", True),
        (td3("P", "CHN"), "CN", True), (td3("P", "HKG"), "CN", True),
        (td2("I", "LAO"), "LA", True), (td2("I", "LAO"), "VN", False),
        (td3("P", "LAO", nationality="VNM"), "VN", False),  # the issuing State counts, not the nationality
        (td3("P", "VNM", nationality="LAO"), "VN", True),
        (td3("P", "ZZZ"), "ZZ", False), (td3("P", ""), "VN", False),
    ],
)  # fmt: skip
def test_the_issuing_state_is_the_country_of_the_trusted_csca(zone: str, country: str, holds: bool) -> None:
    base = with_zone(zone, country=country)
    report = judge(base)
    assert refused(report) == (set() if holds else {"issuing_state"})
    if not holds:
        assert check_of(report) == "issuing_state"
        assert not judge(base, LEGACY).accepted
        assert judge(base, STRICT.with_(issuing_state="flag")).accepted
    without = {number: data for number, data in base.groups.items() if number != 1}
    report = pki.judge_document(forms.message(base), without, store(base), AT)
    assert (report.accepted, report.rules[Rule.ISSUING_STATE]) == (True, Outcome.NOT_CHECKED)


def test_a_zone_that_cannot_be_read_says_no_state() -> None:
    assert refused(judge(with_zone("IDVN"))) == {"issuing_state"}
    odd = with_zone(forms.ZONE[:5] + "?" * 85)  # what else stands in the zone is not asked here
    assert judge(odd).accepted


def test_every_code_has_its_country() -> None:
    assert len([code for code in states.COUNTRIES_OF if len(code) == 3]) > 249
    for code, found in states.COUNTRIES_OF.items():
        assert found, code
        assert all(len(each) == 2 and each.isupper() for each in found)
    assert not states.issued_by("VNM", None)
    assert not states.issued_by("", "VN")


def types(*codes: str) -> bytes:
    listed = tlv.set_of([tlv.encode(tlv.PRINTABLE_STRING, code.encode()) for code in codes])
    return forms.extension("2.23.136.1.1.6.2", tlv.sequence(tlv.integer(0), listed))


@pytest.mark.parametrize(
    ("zone", "listed", "holds"),
    [
        (forms.ZONE, ("ID",), True), (forms.ZONE, ("P",), False), (forms.ZONE, ("P", "ID"), True),
        (forms.ZONE, ("I",), True), (forms.ZONE, ("IP",), False), (forms.ZONE, (), False),
        (td3("P", "VNM"), ("P",), True), (td3("PD", "VNM"), ("P",), True), (td3("PD", "VNM"), ("PD",), True),
        (td3("P", "VNM"), ("PD",), False), (td3("PM", "VNM"), ("PD",), False), (td3("P", "VNM"), ("ID",), False),
        (td2("I", "VNM"), ("I",), True), (td2("AC", "VNM"), ("A",), True),
    ],
)  # fmt: skip
def test_the_document_type_list(zone: str, listed: tuple[str, ...], holds: bool) -> None:
    base = with_zone(zone, signer_more=[types(*listed)])
    assert refused(judge(base)) == (set() if holds else {"document_type"})
    assert flagged(judge(base, LEGACY)) == (set() if holds else {"document_type"})


def test_a_broken_document_type_list_is_as_absent() -> None:
    broken = bytes.fromhex("301006076781080101060204053003130150")
    base = with_zone(td3("P", "VNM"), signer_more=[broken])
    assert judge(base).rules[Rule.DOCUMENT_TYPE] is Outcome.NOT_CHECKED
    assert judge(base).accepted
    critical = forms.extension("2.23.136.1.1.6.2", bytes.fromhex("3003130150"), critical=True)
    assert refused(judge(with_zone(td3("P", "VNM"), signer_more=[critical]))) == {"critical_extensions"}


# ---- strength


def sha1_ecdsa(private: ec.EllipticCurvePrivateKey) -> forms.Sign:
    return lambda data: private.sign(data, ec.ECDSA(hashes.SHA1()))


def old(*, groups: bool = True, message: bool = True, signature: bool = True, certificates: bool = True) -> tuple[
    forms.Base, bytes
]:  # fmt: skip
    """The base with SHA-1 in the places named."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    csca, signer = forms.party(forms.CSCA_NAME, 1, keys[0]), forms.party(forms.SIGNER_NAME, 2, keys[1])
    weak = tlv.sequence(tlv.oid("1.2.840.10045.4.1"))
    if certificates:
        csca.sign, csca.algorithm = sha1_ecdsa(keys[0]), weak
    base = forms.Base(csca=csca, signer=signer)
    if signature:
        signer.sign, signer.algorithm = sha1_ecdsa(keys[1]), weak
    name = "sha1" if groups else "sha256"
    rows = tlv.sequence(*(
        tlv.sequence(tlv.integer(number), tlv.octet_string(hashlib.new(name, data).digest()))
        for number, data in base.groups.items()
    ))  # fmt: skip
    content = tlv.sequence(tlv.integer(0), hash_identifier(name), rows)
    digest = hashlib.new("sha1" if message else "sha256", content).digest()
    kind, _ = forms.attributes(content)
    signed = [kind, tlv.sequence(tlv.oid(cms.MESSAGE_DIGEST), tlv.encode(tlv.SET, tlv.octet_string(digest)))]
    sod = forms.message(base, content=content, signed=signed)
    if message:  # the digest algorithm of the signer: the second of the two that are named
        at = sod.rindex(hash_identifier("sha256"))
        sod = resized(sod, at, hash_identifier("sha256"), hash_identifier("sha1"))
    return base, sod


def resized(data: bytes, at: int, before: bytes, after: bytes) -> bytes:
    """`data` with one data object replaced, and the lengths of all that hold it."""

    def again(part: bytes, offset: int) -> bytes:
        rows = []
        for each in tlv.Reader(part):
            start, end = each.offset + offset, each.end + offset
            if start == at and part[each.offset : each.end] == before:
                rows.append(after)
            elif start <= at < end:
                rows.append(tlv.encode(each.tag, again(each.value, offset + each.value_offset)))
            else:
                rows.append(part[each.offset : each.end])
        return b"".join(rows)

    return again(data, 0)


@pytest.mark.parametrize("where", ["groups", "message", "signature", "certificates"])
def test_one_rule_for_hashes_in_every_place(where: str) -> None:
    base, sod = old(**{name: name == where for name in ("groups", "message", "signature", "certificates")})
    report = judge(base, sod=sod)
    assert refused(report) == {"hash_strength"}
    assert check_of(report) == "strength"
    kept = judge(base, LEGACY, sod=sod)
    assert kept.accepted
    assert "hash_strength" in flagged(kept)


def test_old_documents_are_for_the_legacy_policy() -> None:
    base, sod = old()
    assert refused(judge(base, sod=sod)) == {"hash_strength"}
    report = judge(base, LEGACY, sod=sod)
    assert report.accepted
    assert flagged(report) == {"hash_strength"}
    # a wrong digest stays wrong whatever the policy
    broken = dict(base.groups) | {2: b"\x75\x03tow"}
    assert refused(pki.judge_document(sod, broken, store(base), AT, policy=LEGACY)) == {"digest"}


def test_md5_is_never_taken() -> None:
    md5 = tlv.sequence(tlv.oid("1.2.840.113549.1.1.4"), tlv.NULL_VALUE)
    report = judge(BASE, LEGACY, sod=forms.message(BASE, algorithm=md5))
    assert (refused(report), report.accepted) == ({"algorithm"}, False)
    assert report.rules[Rule.SIGNATURE] is Outcome.NOT_CHECKED


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("1.3.101.112", "Ed25519"),
        ("2.16.840.1.101.3.4.3.10", "ECDSA with SHA3-256"),
        ("1.2.840.113549.1.1.4", "MD5 with RSA"),
        ("1.2.3.4", ""),
    ],
)
def test_an_unknown_algorithm_refuses_by_its_name_and_says_nothing_of_the_signature(algorithm: str, name: str) -> None:
    for policy in (STRICT, LEGACY):
        report = judge(BASE, policy, sod=forms.message(BASE, algorithm=tlv.sequence(tlv.oid(algorithm))))
        assert (refused(report), report.accepted) == ({"algorithm"}, False)
        assert dict(report.refusals[0].facts) == {"algorithm": algorithm, "name": name}
        assert report.rules[Rule.SIGNATURE] is Outcome.NOT_CHECKED


def test_a_known_algorithm_of_another_kind_of_key_is_no_signature_of_that_key() -> None:
    rsa_sha256 = tlv.sequence(tlv.oid("1.2.840.113549.1.1.11"), tlv.NULL_VALUE)
    assert refused(judge(BASE, sod=forms.message(BASE, algorithm=rsa_sha256))) == {"algorithm", "signature"}


def test_a_curve_that_is_unknown_refuses_and_says_nothing_of_the_signature() -> None:
    private = ec.generate_private_key(ec.SECP256K1())
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signer = forms.Party(
        spki, lambda data: private.sign(data, ec.ECDSA(hashes.SHA256())), forms.SIGNER_NAME,
        tlv.integer(2),
    )  # fmt: skip
    report = judge(forms.Base(signer=signer))
    assert (refused(report), report.accepted) == ({"algorithm"}, False)
    assert report.rules[Rule.SIGNATURE] is Outcome.NOT_CHECKED


@pytest.mark.parametrize(
    ("identifier", "name", "size"), [("2.16.840.1.101.3.4.2.8", "SHA3-256", 32), ("1.2.840.113549.2.5", "MD5", 16)]
)
def test_an_unknown_hash_of_the_data_groups_refuses_by_its_name(identifier: str, name: str, size: int) -> None:
    rows = [tlv.sequence(tlv.integer(n), tlv.octet_string(bytes(size))) for n in sorted(BASE.groups)]
    listed = tlv.sequence(tlv.integer(0), tlv.sequence(tlv.oid(identifier)), tlv.sequence(*rows))
    report = judge(BASE, sod=forms.message(BASE, content=listed))
    assert (refused(report), report.accepted) == ({"algorithm"}, False)
    assert dict(report.refusals[0].facts)["name"] == name
    assert report.rules[Rule.SIGNATURE] is Outcome.HELD
    assert report.rules[Rule.DIGEST] is Outcome.NOT_CHECKED
    forged = judge(BASE, sod=forms.message(BASE, content=listed, to_sign=b"something else"))
    assert refused(forged) == {"algorithm", "signature"}


def test_a_signature_over_another_hash_than_named_is_flagged() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    signer = forms.party(forms.SIGNER_NAME, 2, private)
    base = forms.Base(signer=signer)
    signer.sign = lambda data: private.sign(data, ec.ECDSA(hashes.SHA384()))
    signer.algorithm = tlv.sequence(tlv.oid("1.2.840.10045.4.3.3"))
    report = judge(base)
    assert (refused(report), flagged(report)) == (set(), {"hashes_agree"})


PSS_SPKI = bytes.fromhex("300B06092A864886F70D01010A")


def rsa_signer(bits: int = 2048) -> tuple[forms.Party, rsa.RSAPrivateKey]:
    private = rsa.generate_private_key(65537, bits)
    return forms.party(forms.SIGNER_NAME, 2, private), private


def restricted(spki: bytes, identifier: bytes = PSS_SPKI) -> bytes:
    """The same key with another AlgorithmIdentifier."""
    parts = tlv.read_one(spki).reader()
    parts.next()
    key = parts.next()
    return tlv.sequence(identifier, tlv.encode(key.tag, key.value))


def pss_algorithm(hash_name: str, mask: str, salt: int, oid: str = "1.2.840.113549.1.1.10") -> bytes:
    generator = tlv.sequence(tlv.oid("1.2.840.113549.1.1.8"), hash_identifier(mask))
    parameters = tlv.sequence(
        tlv.encode(0xA0, hash_identifier(hash_name)), tlv.encode(0xA1, generator), tlv.encode(0xA2, tlv.integer(salt))
    )
    return tlv.sequence(tlv.oid(oid), parameters)


def pss(
    private: rsa.RSAPrivateKey, hash_type: hashes.HashAlgorithm, mask: hashes.HashAlgorithm, salt: int
) -> forms.Sign:
    return lambda data: private.sign(data, padding.PSS(padding.MGF1(mask), salt), hash_type)


def test_a_key_for_pss_alone_signs_nothing_else() -> None:
    signer, private = rsa_signer()
    signer.spki = restricted(signer.spki)
    base = forms.Base(signer=signer)
    assert judge(base).accepted  # PSS
    assert judge(base).rules[Rule.KEY_RESTRICTION] is Outcome.HELD
    signer.sign = lambda data: private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    signer.algorithm = tlv.sequence(tlv.oid("1.2.840.113549.1.1.11"), tlv.NULL_VALUE)
    for policy in (STRICT, LEGACY):
        assert refused(judge(base, policy)) == {"key_restriction"}
    assert check_of(judge(base)) == "usage"
    signer.spki = forms.party(forms.SIGNER_NAME, 2, private).spki
    again = forms.Base(csca=base.csca, signer=signer)
    assert judge(again).accepted  # rsaEncryption restricts nothing


@pytest.mark.parametrize(
    ("hash_name", "mask", "salt", "holds"),
    [
        ("sha256", "sha256", 32, True), ("sha256", "sha256", 40, True), ("sha256", "sha256", 20, False),
        ("sha384", "sha256", 32, False), ("sha256", "sha384", 32, False),
    ],
)  # fmt: skip
def test_parameters_of_a_pss_key_bind(hash_name: str, mask: str, salt: int, holds: bool) -> None:
    signer, private = rsa_signer()
    signer.spki = restricted(signer.spki, pss_algorithm("sha256", "sha256", 32))
    base = forms.Base(signer=signer)
    kinds = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}
    signer.sign = pss(private, kinds[hash_name], kinds[mask], salt)
    signer.algorithm = pss_algorithm(hash_name, mask, salt)
    assert refused(judge(base)) == (set() if holds else {"key_restriction"})


def test_the_hash_of_a_mask_is_a_hash_too() -> None:
    signer, private = rsa_signer()
    base = forms.Base(signer=signer)
    signer.sign = pss(private, hashes.SHA256(), hashes.SHA1(), 32)
    signer.algorithm = pss_algorithm("sha256", "sha1", 32)
    assert refused(judge(base)) == {"hash_strength"}
    assert flagged(judge(base, LEGACY)) == {"hash_strength"}


def test_a_restricted_csca_key_binds_too() -> None:
    private = rsa.generate_private_key(65537, 3072)
    csca = forms.party(forms.CSCA_NAME, 1, private)
    csca.spki = restricted(csca.spki)
    csca.sign = lambda data: private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    csca.algorithm = tlv.sequence(tlv.oid("1.2.840.113549.1.1.11"), tlv.NULL_VALUE)
    assert refused(judge(forms.Base(csca=csca))) == {"key_restriction"}


@pytest.mark.parametrize(
    ("key", "strict", "flags"),
    [
        (lambda: rsa.generate_private_key(65537, 1024), {"key_strength"}, set()),
        (lambda: rsa.generate_private_key(65537, 2048), set(), set()),
        (lambda: ec.generate_private_key(ec.SECP192R1()), {"key_strength"}, set()),
        (lambda: ec.generate_private_key(ec.SECP224R1()), set(), set()),
    ],
    ids=["RSA-1024", "RSA-2048", "P-192", "P-224"],
)  # fmt: skip
def test_smallest_keys_of_signers(key: object, strict: set[str], flags: set[str]) -> None:
    base = forms.Base(signer=forms.party(forms.SIGNER_NAME, 2, key()))  # type: ignore[operator]
    assert (refused(judge(base)), flagged(judge(base))) == (strict, flags)
    assert (refused(judge(base, LEGACY)), flagged(judge(base, LEGACY))) == (set(), strict)


def test_smallest_keys_of_cscas() -> None:
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP224R1())):
        base = forms.Base(csca=forms.party(forms.CSCA_NAME, 1, key))
        assert (refused(judge(base)), flagged(judge(base))) == (set(), {"authority_key_strength"})


# ---- the message


def test_attributes_out_of_order() -> None:
    attributes = forms.attributes(BASE.content, forms.sod.LDS_SECURITY_OBJECT, forms.signing_time(times.encode(SIGNED)))
    descending = sorted(attributes, reverse=True)
    in_order = forms.message(BASE, signed=attributes, sent=descending)
    report = judge(BASE, sod=in_order)
    assert (report.accepted, report.flags, report.signing_time) == (True, (), SIGNED)
    as_sent = forms.message(BASE, signed=attributes, sent=descending, to_sign=tlv.encode(tlv.SET, b"".join(descending)))
    assert refused(judge(BASE, sod=as_sent)) == {"attributes_as_sent"}
    assert flagged(judge(BASE, LEGACY, sod=as_sent)) == {"attributes_as_sent"}
    neither = forms.message(BASE, signed=attributes, sent=descending, to_sign=b"something else")
    for policy in (STRICT, LEGACY):
        assert refused(judge(BASE, policy, sod=neither)) == {"signature"}


def test_the_signers_certificate_from_elsewhere() -> None:
    sod = forms.message(BASE, certificates=[])
    signer, csca = (pki.parse_certificate(party.certificate) for party in (BASE.signer, BASE.csca))
    report = judge(BASE, sod=sod)
    assert refused(report) >= {"document_signer"}
    assert check_of(report) == "document_signer"
    assert judge(BASE, sod=sod, more=(csca, signer)).accepted
    assert not judge(BASE, sod=sod, more=(csca,)).accepted
    by_key = forms.message(BASE, certificates=[], identifier=tlv.encode(0x80, BASE.signer.key_identifier))
    assert judge(BASE, sod=by_key, more=(csca, signer)).accepted
    stranger = pki.parse_certificate(forms.Base().signer.certificate)  # of the same names and serial number
    assert not judge(BASE, sod=sod, more=(stranger,)).accepted


def test_a_sloppy_signer_identifier_is_flagged() -> None:
    other = tlv.sequence(forms.name(("C", "VN"), ("CN", "CSCA"), ("O", "Test")), BASE.signer.serial)
    report = judge(BASE, sod=forms.message(BASE, identifier=other))
    assert (report.accepted, flagged(report)) == (True, {"signer_identifier"})
    both = [BASE.signer.certificate, BASE.csca.certificate]
    assert "document_signer" in refused(judge(BASE, sod=forms.message(BASE, identifier=other, certificates=both)))
    serial = tlv.sequence(BASE.csca.name, tlv.integer(3))
    assert "document_signer" in refused(judge(BASE, sod=forms.message(BASE, identifier=serial)))


def test_a_bad_certificate_beside_the_signers_costs_nothing() -> None:
    for odd in (tlv.sequence(b"\x05\x00"), tlv.sequence(), BASE.csca.certificate[:-1] + b"\x00"):
        inside = [odd, BASE.signer.certificate]
        assert judge(BASE, sod=forms.message(BASE, certificates=inside)).accepted


def test_another_certificate_of_the_signers_name_and_number_costs_nothing() -> None:
    right = BASE.signer.certificate
    stranger = forms.Base().signer.certificate  # of the same names and serial number
    signed_wrongly = right[:-1] + bytes((right[-1] ^ 1,))
    for beside in (stranger, signed_wrongly):
        for inside in ([beside, right], [right, beside], [beside, beside, right]):
            assert judge(BASE, sod=forms.message(BASE, certificates=inside)).accepted
        assert not judge(BASE, sod=forms.message(BASE, certificates=[beside])).accepted
        wrong = forms.message(BASE, certificates=[beside, right], to_sign=b"something else")
        assert "signature" in refused(judge(BASE, sod=wrong))
        only = forms.message(BASE, certificates=[beside])
        assert judge(BASE, sod=only, more=(pki.parse_certificate(right),)).accepted
    both = forms.message(BASE, certificates=[stranger, signed_wrongly])
    assert not judge(BASE, sod=both).accepted


def test_of_certificates_that_are_all_refused_the_one_that_signed_is_reported() -> None:
    stranger = forms.Base().signer.certificate
    sod = forms.message(BASE, certificates=[stranger, BASE.signer.certificate])
    late = forms.UNTIL + dt.timedelta(days=1)
    report = pki.judge_document(sod, BASE.groups, store(BASE), late, policy=STRICT)
    assert refused(report) == {"signer_validity", "authority_validity"}


def of_the_signers_name(length: int = 0) -> bytes:
    """A certificate of somebody else that the signer's identifier names too, padded by `length` bytes."""
    more = [forms.extension("1.2.3.4", bytes(length))] if length else []
    return forms.Base(signer_more=more).signer.certificate


def test_any_number_of_certificates_beside_the_signers_costs_nothing_up_to_their_bytes() -> None:
    strangers = [of_the_signers_name() for _ in range(70)]
    right = BASE.signer.certificate
    assert judge(BASE, sod=forms.message(BASE, certificates=[*strangers, right])).accepted
    many = [*strangers, *(of_the_signers_name() for _ in range(130))]
    assert sum(map(len, many)) > messages.MAX_CANDIDATE_BYTES
    flood = forms.message(BASE, certificates=[*many, right])
    report = judge(BASE, sod=flood)
    assert refused(report) == {"document_signer"}
    assert "than are tried" in report.why(Rule.DOCUMENT_SIGNER)
    assert judge(BASE, sod=flood, more=(pki.parse_certificate(right),)).accepted, "what is handed in is always tried"
    assert judge(BASE, sod=forms.message(BASE, certificates=[right, *many])).accepted
    with pytest.raises(FormatError, match="too many certificates"):
        cms.parse(forms.message(BASE, certificates=[tlv.sequence()] * (cms.MAX_CERTIFICATES + 1), tag=None))


def test_a_key_identifier_that_the_certificate_does_not_state_is_flagged() -> None:
    """RFC 5652 clause 5.3: the identifier is the value of the certificate's extension."""
    base = forms.Base()
    stating = base.signer.certificate
    named = tlv.encode(0x80, base.signer.key_identifier)
    authority = forms.extension("2.5.29.35", tlv.sequence(tlv.encode(0x80, base.csca.key_identifier)))
    silent = forms.certificate(base.signer, base.csca, [forms.KEY_USAGE_SIGNER, authority])
    for inside, flags in (([silent], {"signer_identifier"}), ([stating], set()), ([silent, stating], set())):
        for policy in (STRICT, LEGACY):
            report = judge(base, policy, sod=forms.message(base, identifier=named, certificates=inside))
            assert (report.accepted, flagged(report)) == (True, flags)
    strict = STRICT.with_(signer_identifier="refuse")
    only = forms.message(base, identifier=named, certificates=[silent])
    assert refused(judge(base, strict, sod=only)) == {"signer_identifier"}
    other = tlv.encode(0x80, bytes(20))
    assert "document_signer" in refused(judge(base, sod=forms.message(base, identifier=other, certificates=[silent])))


def naming_key(base: forms.Base, key_identifier: bytes) -> bytes:
    """The document of a signer whose certificate says that this key of its CSCA signed it."""
    authority = forms.extension("2.5.29.35", tlv.sequence(tlv.encode(0x80, key_identifier)))
    inside = forms.certificate(base.signer, base.csca, [forms.KEY_USAGE_SIGNER, authority])
    return forms.message(base, certificates=[inside])


def test_the_signature_finds_the_csca_whichever_key_the_signer_names() -> None:
    csca, other = forms.Base().csca, BASE.csca  # of one name
    base = forms.Base(csca=csca)
    both = [pki.parse_certificate(party.certificate) for party in (other, csca)]
    for named in (other.key_identifier, csca.key_identifier, b"nobody's"):
        sod = naming_key(base, named)
        for anchors in (both, both[::-1], both[1:]):
            report = pki.judge_document(sod, base.groups, pki.TrustStore(anchors), AT)
            assert report.accepted
            assert report.csca == both[1]
        # without the key that signed: wrong where the named key is there, without an issuer where it is not
        alone = pki.judge_document(sod, base.groups, pki.TrustStore(both[:1]), AT)
        assert not alone.accepted
        if named == other.key_identifier:
            assert "certificate_signature" in refused(alone)
        else:
            assert alone.why(Rule.ISSUER) == "no trusted CSCA of this name has the key that issued the signer"
    nobody = pki.judge_document(forms.message(base), base.groups, pki.TrustStore([]), AT)
    assert nobody.why(Rule.ISSUER) == "no trusted CSCA issued the signer"


def test_what_a_caller_hands_in_is_read_as_bytes_and_a_policy_is_no_word() -> None:
    sod, trust = forms.message(BASE), store(BASE)
    groups = {number: bytearray(data) for number, data in BASE.groups.items()}
    assert pki.judge_document(bytearray(sod), groups, trust, AT).accepted
    assert pki.judge_document(memoryview(sod), BASE.groups, trust, AT).accepted
    with pytest.raises(ParameterError, match=r"VerificationPolicy\.parse"):
        pki.judge_document(sod, BASE.groups, trust, AT, policy="strict")  # type: ignore[arg-type]


def test_arguments_of_other_types_are_told_by_their_field() -> None:
    csca = pki.parse_certificate(BASE.csca.certificate)
    policy = VerificationPolicy.STRICT
    calls: list[tuple[str, Callable[[], object]]] = [
        ("anchors", lambda: pki.TrustStore([BASE.csca.certificate])),  # type: ignore[list-item]
        ("anchors", lambda: pki.TrustStore(BASE.csca.certificate)),  # type: ignore[arg-type]
        ("anchors", lambda: pki.TrustStore(csca)),  # type: ignore[arg-type]
        ("crls", lambda: pki.TrustStore([csca], [b"list"])),  # type: ignore[list-item]
        ("crls", lambda: pki.TrustStore.gather([csca], [b"list"])),  # type: ignore[list-item]
        ("signer", lambda: store(BASE).judge(BASE.signer.certificate, AT)),  # type: ignore[arg-type]
        ("at", lambda: store(BASE).judge(csca, "2026-11-01")),  # type: ignore[arg-type]
        ("now", lambda: store(BASE).judge(csca, AT, now=5)),  # type: ignore[arg-type]
        ("more", lambda: store(BASE).judge(csca, AT, more=(b"der",))),  # type: ignore[arg-type]
        ("sod", lambda: pki.judge_document("sod", BASE.groups, store(BASE), AT)),  # type: ignore[arg-type]
        ("sod", lambda: pki.judge_document(5, BASE.groups, store(BASE), AT)),  # type: ignore[arg-type]
        ("data_groups", lambda: pki.judge_document(b"", [b"one"], store(BASE), AT)),  # type: ignore[arg-type]
        ("data_groups", lambda: pki.judge_document(b"", {1: "one"}, store(BASE), AT)),  # type: ignore[dict-item]
        ("trust", lambda: pki.judge_document(b"", BASE.groups, [csca], AT)),  # type: ignore[arg-type]
        ("at", lambda: pki.judge_document(b"", BASE.groups, store(BASE), None)),  # type: ignore[arg-type]
        ("policy", lambda: pki.judge_document(b"", BASE.groups, store(BASE), AT, policy="strict")),  # type: ignore[arg-type]
        ("policy", lambda: VerificationPolicy.parse(5)),  # type: ignore[arg-type]
        ("fresh_list", lambda: policy.with_(fresh_list=1)),  # type: ignore[arg-type]
        ("base", lambda: VerificationPolicy(5)),  # type: ignore[arg-type]
        ("certificates", lambda: pki.Material([BASE.csca.certificate]).trust_store()),  # type: ignore[arg-type]
        ("der", lambda: pki.parse_certificate("certificate")),  # type: ignore[arg-type]
        ("der", lambda: pki.parse_crl(5)),  # type: ignore[arg-type]
        ("data", lambda: pki.verify_master_list("list", store(BASE))),  # type: ignore[arg-type]
        ("anchors", lambda: pki.parse_master_list(b"list", BASE.csca.certificate)),  # type: ignore[arg-type]
        ("signed", lambda: pki.judge_message(b"sod", store(BASE), AT, about="it")),  # type: ignore[arg-type]
        ("document_years", lambda: pki.ValidityPolicy(document_years="ten")),  # type: ignore[arg-type]
        ("crl_days", lambda: pki.ValidityPolicy(crl_days=None)),  # type: ignore[arg-type]
    ]  # fmt: skip
    for field, call in calls:
        with pytest.raises(ParameterError) as refused:
            call()
        assert refused.value.facts["field"] == field


def test_what_is_no_security_object_is_in_the_report() -> None:
    report = judge(BASE, sod=b"\x77\x03abc")
    assert refused(report) == {"security_object"}
    assert not report.accepted
    with pytest.raises(FormatError):
        report.require()
    assert set(report.rules) == set(Rule)


# ---- roles


@pytest.mark.parametrize(
    ("role", "more", "rules"),
    [
        (Role.MASTER_LIST_SIGNER, [MASTER_LIST_PURPOSE_CRITICAL], set()),
        (Role.MASTER_LIST_SIGNER, [], {"list_signer_purpose"}),
        (Role.MASTER_LIST_SIGNER, [purpose("2.5.29.37.0")], {"list_signer_purpose"}),
        (Role.MASTER_LIST_SIGNER, [purpose("2.23.136.1.1.8")], {"list_signer_purpose", "other_role"}),
        (Role.MASTER_LIST_SIGNER, [purpose("2.23.136.1.1.3", "2.23.136.1.1.8")], {"other_role"}),
        (Role.DEVIATION_LIST_SIGNER, [purpose("2.23.136.1.1.8")], set()),
        (Role.DEVIATION_LIST_SIGNER, [MASTER_LIST_PURPOSE], {"list_signer_purpose", "other_role"}),
    ],
)  # fmt: skip
def test_purposes_by_role(role: Role, more: list[bytes], rules: set[str]) -> None:
    base = forms.Base(signer_more=more)
    signer = pki.parse_certificate(base.signer.certificate)
    for policy in (STRICT, LEGACY):
        assert refused(store(base).judge(signer, AT, role=role, policy=policy)) == rules


# ---- the policy


def test_a_policy_is_made_of_words() -> None:
    insist = STRICT.with_(fresh_list="refuse", document_type="ignore")
    assert insist.name == "strict,fresh_list=refuse,document_type=ignore"
    assert VerificationPolicy.parse(insist.name) == insist
    assert VerificationPolicy.parse(" legacy , issuing_state = flag ") == LEGACY.with_(issuing_state="flag")
    assert insist != STRICT
    assert insist.with_(fresh_list="flag", document_type="refuse") == STRICT
    assert len({STRICT.digest, LEGACY.digest, insist.digest}) == 3
    for text in (
        "",
        "lax",
        "strict,nothing=flag",
        "strict,country=maybe",
        "strict,signature=flag",
        "legacy,digest=ignore",
    ):
        with pytest.raises(ParameterError):
            VerificationPolicy.parse(text)
    with pytest.raises(AttributeError):
        STRICT.base = "legacy"


def test_an_ignored_rule_is_said_to_be_ignored() -> None:
    base = with_zone(LAO)
    report = judge(base, STRICT.with_(issuing_state="ignore"))
    assert report.accepted
    found = [finding for finding in report.findings if finding.rule is Rule.ISSUING_STATE]
    assert [(each.outcome, each.action.value) for each in found] == [(Outcome.NOT_CHECKED, "ignore")]
    assert report.why(Rule.ISSUING_STATE) == "the policy ignores this rule"


def test_strict_is_never_laxer_than_legacy() -> None:
    order = {"refuse": 0, "flag": 1, "ignore": 2}
    for rule in Rule:
        assert order[STRICT[rule].value] <= order[LEGACY[rule].value]
        assert not pki.RULES[rule].fixed or LEGACY[rule] is pki.Action.REFUSE


def test_a_signer_makes_no_signers() -> None:
    """A document signer's key under a certificate of its own making: it is no authority, whatever the policy."""
    forged = forms.party(forms.name(("C", "VN"), ("CN", "DS 2")), 9)
    for usage in ([forms.KEY_USAGE_SIGNER], []):
        base = forms.Base()
        signer = base.signer
        rows = [*usage, *forms.identifiers(signer, base.csca)]
        between = pki.parse_certificate(forms.certificate(signer, base.csca, rows))
        der = forms.certificate(forged, signer, [forms.KEY_USAGE_SIGNER, *forms.identifiers(forged, signer)])
        for policy in (STRICT, LEGACY, LEGACY.with_(link_certificate="ignore", path_length="ignore")):
            report = store(base).judge(pki.parse_certificate(der), AT, policy=policy, more=(between,))
            assert report.rules[Rule.AUTHORITY] is Outcome.FAILED
            assert not report.accepted
