"""Forged security objects, one test for each kind by its name: none is accepted, and each is refused by the rule that
it breaks. Where a genuine old passport may look so (marked `old`) the legacy policy flags it instead.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from cccd_core import pki
from cccd_core.emrtd import cms, times, tlv
from cccd_core.emrtd import sod as sods
from cccd_core.emrtd.curves import BY_OID
from cccd_core.emrtd.hashes import hash_identifier
from cccd_core.pki import VerificationPolicy, issue
from support import countries
from support import x509_forms as forms

BASE = forms.Base()
FORGER = forms.Base()  # of the same names, serial numbers and dates, with keys of its own
DAY = dt.timedelta(days=1)
GROUPS = dict(BASE.groups)
SOD = forms.message(BASE)


@dataclass(frozen=True)
class Document:
    """What a reader has in hand: all of it genuine, but for what a forgery changes."""

    sod: bytes = SOD
    groups: Mapping[int, bytes] = field(default_factory=lambda: GROUPS)
    anchors: Sequence[bytes] = (BASE.csca.certificate,)
    crls: Sequence[bytes] = ()
    at: dt.datetime = forms.AT
    more: Sequence[bytes] = ()

    def judge(self, policy: VerificationPolicy) -> pki.DocumentReport:
        anchors = [pki.parse_certificate(der) for der in self.anchors]
        trust = pki.TrustStore(anchors, [pki.parse_crl(der) for der in self.crls])
        more = tuple(pki.parse_certificate(der) for der in self.more)
        return pki.judge_document(self.sod, self.groups, trust, self.at, policy=policy, more=more)


def message(base: forms.Base = BASE, **parts: object) -> Document:
    """The base's message with other parts."""
    return Document(forms.message(base, **parts))  # type: ignore[arg-type]


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def with_group(number: int, data: bytes) -> Document:
    return Document(groups=GROUPS | {number: data})


def listing(rows: Sequence[tuple[int, bytes]], name: str = "sha256") -> bytes:
    """An LDSSecurityObject of these digests, whatever they are."""
    listed = (tlv.sequence(tlv.integer(number), tlv.octet_string(digest)) for number, digest in rows)
    return tlv.sequence(tlv.integer(0), hash_identifier(name), tlv.sequence(*listed))


def digests(name: str = "sha256") -> list[tuple[int, bytes]]:
    return [(number, hashlib.new(name, data).digest()) for number, data in sorted(GROUPS.items())]


OTHER_CONTENT = listing([(1, hashlib.sha256(b"another").digest()), *digests()[1:]])
CONTENT_TYPE, DIGEST = forms.attributes(BASE.content)
TIME = forms.signing_time(times.encode(forms.AT - DAY))


def signer_of(*extensions: bytes, issuer: forms.Party | None = None, **parts: object) -> Document:
    """The document of a signer that the State certified with these extensions beside its key identifiers."""
    csca = issuer or BASE.csca
    rows = [*extensions, *forms.identifiers(BASE.signer, csca)]
    inside = forms.certificate(BASE.signer, csca, rows, **parts)  # type: ignore[arg-type]
    return message(certificates=[inside])


def of_key(key: countries.Key, **parts: object) -> forms.Base:
    return forms.Base(csca=dataclasses.replace(BASE.csca), signer=forms.party(forms.SIGNER_NAME, 2, key), **parts)  # type: ignore[arg-type]


def weak_rsa() -> Document:
    base = of_key(rsa.generate_private_key(65537, 1024))
    return Document(forms.message(base))


def restricted() -> Document:
    """A key whose identifier says RSASSA-PSS alone, and a signature by PKCS #1 v1.5."""
    private = rsa.generate_private_key(65537, 2048)
    base = of_key(private)
    parts = tlv.read_one(base.signer.spki).reader()
    parts.next()
    bits = parts.next()
    pss = tlv.sequence(tlv.oid("1.2.840.113549.1.1.10"))
    base.signer.spki = tlv.sequence(pss, tlv.encode(bits.tag, bits.value))
    base.signer.sign = lambda data: private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    base.signer.algorithm = tlv.sequence(tlv.oid("1.2.840.113549.1.1.11"), tlv.NULL_VALUE)
    base.signer.certificate = forms.certificate(
        base.signer, base.csca, [forms.KEY_USAGE_SIGNER, *forms.identifiers(base.signer, base.csca)]
    )
    return Document(forms.message(base))


def own_generator() -> Document:
    """A curve spelt out whose generator is the forged key itself (CVE-2020-0601)."""
    curve = BY_OID["1.2.840.10045.3.1.7"]
    bits = BASE.signer.spki[-65:]
    spelt = curve.explicit_parameters().replace(curve.encode_point(curve.gx, curve.gy), bits)
    algorithm = tlv.sequence(tlv.oid("1.2.840.10045.2.1"), spelt)
    subject = dataclasses.replace(BASE.signer, spki=tlv.sequence(algorithm, tlv.bit_string(bits)))
    rows = [forms.KEY_USAGE_SIGNER, *forms.identifiers(BASE.signer, BASE.csca)]
    return message(certificates=[forms.certificate(subject, BASE.csca, rows)])


def below_a_signer() -> Document:
    """The forger's key certified by a genuine document signer."""
    last = forms.party(forms.name(("C", "VN"), ("CN", "DS 2")), 9)
    rows = [forms.KEY_USAGE_SIGNER, *forms.identifiers(last, BASE.signer)]
    last.certificate = forms.certificate(last, BASE.signer, rows)
    base = forms.Base(csca=dataclasses.replace(BASE.csca), signer=dataclasses.replace(last))
    base.signer.certificate = last.certificate
    inside = [last.certificate, BASE.signer.certificate]
    identifier = tlv.sequence(BASE.signer.name, last.serial)
    return Document(
        forms.message(base, certificates=inside, identifier=identifier), more=(BASE.signer.certificate,)
    )  # fmt: skip


def naming_the_key() -> Document:
    """A certificate by the forger's CSCA that says that the State's key signed it."""
    subject, csca = FORGER.signer, dataclasses.replace(FORGER.csca, spki=BASE.csca.spki)
    rows = [forms.KEY_USAGE_SIGNER, *forms.identifiers(subject, csca)]
    return message(FORGER, certificates=[forms.certificate(subject, csca, rows)])


def revoked() -> Document:
    csca = BASE.csca
    authority = issue.Authority(csca.name, csca.key_identifier, issue.SignatureAlgorithm.ECDSA_SHA256, csca.sign)
    return Document(
        crls=[issue.revocation_list(authority, 1, forms.AT - DAY, forms.AT + 30 * DAY, {2: forms.AT - DAY})]
    )


def of_another_state(zone: str) -> Document:
    groups = GROUPS | {1: forms.dg1(zone)}
    base = forms.Base(csca=dataclasses.replace(BASE.csca), signer=dataclasses.replace(BASE.signer), groups=groups)
    return Document(forms.message(base), groups)


def for_passports() -> Document:
    types = tlv.sequence(tlv.integer(0), tlv.set_of([tlv.encode(tlv.PRINTABLE_STRING, b"P")]))
    return signer_of(forms.KEY_USAGE_SIGNER, forms.extension("2.23.136.1.1.6.2", types))


def old_hashes() -> Document:
    content = listing(digests("sha1"), "sha1")
    return message(content=content, signed=forms.attributes(content))


def purpose(oid: str) -> bytes:
    return forms.extension("2.5.29.37", tlv.sequence(tlv.oid(oid)))


def csca_that_is_none() -> Document:
    csca = dataclasses.replace(BASE.csca)
    false = bytes.fromhex("300C0603551D130101FF04023000")
    der = forms.certificate(csca, csca, [forms.KEY_USAGE_CA, false, *forms.identifiers(csca, csca)])
    return Document(anchors=[der])


OUT_OF_ORDER = sorted(forms.attributes(BASE.content, sods.LDS_SECURITY_OBJECT, TIME), reverse=True)
SHA384 = tlv.sequence(tlv.oid("1.2.840.10045.4.3.3"))
ZERO = tlv.sequence(tlv.integer(0), tlv.integer(0))
STATE = "IDLAO0990000017<<<<<<<<<<<<<<<9905016M3905014LAO<<<<<<<<<<<0NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<"

FORGED: dict[str, tuple[Callable[[], Document], str]] = {
    # what was signed is not what was read
    "one bit of DG1": (lambda: with_group(1, flipped(GROUPS[1], 30)), "digest"),
    "one bit of DG2": (lambda: with_group(2, flipped(GROUPS[2], -1)), "digest"),
    "two data groups exchanged": (lambda: Document(groups={1: GROUPS[2], 2: GROUPS[1]}), "digest"),
    "an empty data group": (lambda: with_group(2, b""), "digest"),
    "a byte behind a data group": (lambda: with_group(2, GROUPS[2] + b"\0"), "digest"),
    "a data group that is not listed": (lambda: with_group(3, b"\x63\x00"), "data_groups"),
    "no data group": (lambda: Document(groups={}), "data_groups"),
    # the file
    "an empty file": (lambda: Document(b""), "security_object"),
    "cut short": (lambda: Document(SOD[:-1]), "security_object"),
    "a byte behind": (lambda: Document(SOD + b"\0"), "security_object"),
    "another tag": (lambda: message(tag=0x78), "security_object"),
    "a certificate in its place": (lambda: Document(tlv.encode(0x77, BASE.csca.certificate)), "security_object"),
    "no list of digests in it": (lambda: message(content=b"\x04\x02hi"), "security_object"),
    "a digest of another length": (
        lambda: message(content=listing([(1, bytes(31)), *digests()[1:]])), "security_object",
    ),
    "a data group listed twice": (
        lambda: message(content=listing([(1, bytes(32)), *digests()])), "security_object",
    ),
    # what the signature is over
    "another list, the attributes kept": (
        lambda: message(content=OTHER_CONTENT, signed=[CONTENT_TYPE, DIGEST]), "message_digest",
    ),
    "another list, its digest put in": (
        lambda: message(content=OTHER_CONTENT, to_sign=tlv.set_of([CONTENT_TYPE, DIGEST])), "signature",
    ),
    "another type of content": (lambda: message(content_type=cms.DATA, signed=[CONTENT_TYPE, DIGEST]), "content_type"),
    "no signed attributes": (lambda: message(signed=[]), "signed_attributes"),
    "no content type": (lambda: message(signed=[DIGEST]), "content_type"),
    "no message digest": (lambda: message(signed=[CONTENT_TYPE]), "message_digest"),
    "two message digests": (lambda: message(signed=[CONTENT_TYPE, DIGEST, DIGEST]), "signed_attributes"),
    "an attribute added afterwards": (
        lambda: message(signed=[CONTENT_TYPE, DIGEST, TIME], to_sign=tlv.set_of([CONTENT_TYPE, DIGEST])), "signature",
    ),
    "an attribute taken out": (
        lambda: message(to_sign=tlv.set_of([CONTENT_TYPE, DIGEST, TIME])), "signature",
    ),
    "a signing time to come": (
        lambda: message(signed=[CONTENT_TYPE, DIGEST, forms.signing_time(times.encode(forms.AT + DAY))]),
        "signing_time",
    ),
    "signed before its signer was": (
        lambda: message(signed=[CONTENT_TYPE, DIGEST, forms.signing_time(times.encode(forms.SINCE - DAY))]),
        "signing_time_in_validity",
    ),
    # the signature
    "one bit of the signature": (lambda: Document(flipped(SOD, -1)), "signature"),
    "an empty signature": (lambda: message(signature=b""), "signature"),
    "a signature of zeros": (lambda: message(signature=ZERO), "signature"),
    "a signature over something else": (lambda: message(to_sign=b"something else"), "signature"),
    "the signature of another document": (
        lambda: message(signature=BASE.signer.sign(tlv.set_of(forms.attributes(OTHER_CONTENT)))), "signature",
    ),
    "the forger's signature": (
        lambda: message(FORGER, content=BASE.content, certificates=[BASE.signer.certificate]), "signature",
    ),
    "the name of another hash": (lambda: message(algorithm=SHA384), "signature"),
    "the algorithm of another kind of key": (
        lambda: message(algorithm=tlv.sequence(tlv.oid("1.2.840.113549.1.1.11"), tlv.NULL_VALUE)), "algorithm",
    ),
    "MD5": (
        lambda: message(algorithm=tlv.sequence(tlv.oid("1.2.840.113549.1.1.4"), tlv.NULL_VALUE)), "algorithm",
    ),
    "an algorithm that nobody knows": (lambda: message(algorithm=tlv.sequence(tlv.oid("1.2.3.4"))), "algorithm"),
    # who signed
    "no certificate": (lambda: message(certificates=[]), "document_signer"),
    "the forger's certificate": (lambda: message(certificates=[FORGER.signer.certificate]), "signature"),
    "the certificate of another serial number": (
        lambda: message(identifier=tlv.sequence(BASE.csca.name, tlv.integer(3))), "document_signer",
    ),
    "a whole country of the same names": (lambda: Document(forms.message(FORGER)), "issuer"),
    "the forger's CSCA inside": (
        lambda: message(FORGER, certificates=[FORGER.signer.certificate, FORGER.csca.certificate]),
        "issuer",
    ),
    "the forger's CSCA handed in": (
        lambda: dataclasses.replace(message(FORGER), more=(FORGER.csca.certificate,)), "issuer",
    ),
    "a forger who names the CSCA's key": (naming_the_key, "certificate_signature"),
    "a signer signed by itself": (lambda: signer_of(forms.KEY_USAGE_SIGNER, issuer=BASE.signer), "issuer"),
    "one bit of the signer's certificate": (
        lambda: message(certificates=[flipped(BASE.signer.certificate, -1)]), "certificate_signature",
    ),
    "a signer below a signer": (below_a_signer, "link_certificate"),
    "a State that nobody trusts": (lambda: Document(anchors=()), "issuer"),
    "a CSCA that says CA:FALSE": (csca_that_is_none, "issuer"),
    # what they may do, and when
    "a signer out of its time": (
        lambda: signer_of(forms.KEY_USAGE_SIGNER, until=times.encode(forms.AT - DAY)), "signer_validity",
    ),
    "a signer before its time": (
        lambda: signer_of(forms.KEY_USAGE_SIGNER, since=times.encode(forms.AT + DAY)), "signer_validity",
    ),
    "a CSCA out of its time": (lambda: Document(at=forms.UNTIL + DAY), "authority_validity"),
    "a signer that was revoked": (revoked, "revocation"),
    "a signer that is an authority": (
        lambda: signer_of(forms.KEY_USAGE_SIGNER, forms.CA_TRUE), "signer_no_authority",
    ),
    "a signer that may not sign": (
        lambda: signer_of(forms.extension("2.5.29.15", bytes.fromhex("03020520"), critical=True)), "signer_key_usage",
    ),
    "a signer of master lists": (
        lambda: signer_of(forms.KEY_USAGE_SIGNER, purpose("2.23.136.1.1.3")), "other_role",
    ),
    "a web server's certificate (old)": (
        lambda: signer_of(forms.KEY_USAGE_SIGNER, purpose("1.3.6.1.5.5.7.3.1")), "foreign_purpose",
    ),
    "a critical extension that nobody knows": (
        lambda: signer_of(forms.KEY_USAGE_SIGNER, forms.extension("1.2.3.4", b"\x05\x00", critical=True)),
        "critical_extensions",
    ),
    "a signer for passports (old)": (for_passports, "document_type"),
    "a document of another State": (lambda: of_another_state(STATE), "issuing_state"),
    # strength
    "RSA of 1024 bits (old)": (weak_rsa, "key_strength"),
    "SHA-1 (old)": (old_hashes, "hash_strength"),
    "attributes signed out of order (old)": (
        lambda: message(
            signed=OUT_OF_ORDER, sent=OUT_OF_ORDER, to_sign=tlv.encode(tlv.SET, b"".join(OUT_OF_ORDER))
        ), "attributes_as_sent",
    ),
    "PKCS #1 of a key for PSS alone": (restricted, "key_restriction"),
    "a curve with the forger's generator": (own_generator, "algorithm"),
}  # fmt: skip


def test_the_genuine_document_is_accepted() -> None:
    for policy in (VerificationPolicy.STRICT, VerificationPolicy.LEGACY):
        report = Document().judge(policy)
        assert (report.accepted, report.flags) == (True, ())
    assert len(FORGED) >= 39


@pytest.mark.parametrize("name", FORGED)
def test_forged(name: str) -> None:
    make, rule = FORGED[name]
    document = make()
    report = document.judge(VerificationPolicy.STRICT)
    assert not report.accepted
    assert rule in {refusal.rule.value for refusal in report.refusals}
    legacy = document.judge(VerificationPolicy.LEGACY)
    assert legacy.accepted is name.endswith("(old)")
    assert rule in {finding.rule.value for finding in (*legacy.refusals, *legacy.flags)}
