"""Signed messages: is a signature that of a signer whom a trusted CSCA made, in the role that the message asks for.

EF.SOD, EF.CardSecurity, master and deviation lists alike. RFC 5652 clauses 5.3 to 5.6; Doc 9303-10 clause 4.6.2; Doc
9303-12 clauses 5 and 9.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

from cccd_core.arguments import require_type
from cccd_core.emrtd import ber, cms, times, tlv
from cccd_core.emrtd.hashes import HASH_NAMES, digest, hash_label
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import CertificateError, FormatError, ParameterError, VerificationError
from cccd_core.pki import names
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.path import Role
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.report import Judgement, Outcome, Report
from cccd_core.pki.rules import Rule
from cccd_core.pki.signatures import SignatureScheme
from cccd_core.pki.strength import judge_hash, judge_signature
from cccd_core.pki.trust import TrustPath, TrustStore

EF_SOD: Final = "EF.SOD"
MAX_CANDIDATE_BYTES: Final = 1 << 16
"""Of the certificates in one message that its signers' identifiers name, each tried; the first one always is."""
_PROOF: Final = (Rule.SIGNATURE, Rule.CERTIFICATE_SIGNATURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureReport(Report):
    """What came of judging a signed message: every rule of its signature and of its signer's path, and what was found
    on the way, None where it was not reached."""

    NEEDED: ClassVar[frozenset[Rule]] = frozenset((Rule.SIGNATURE, Rule.ISSUER, Rule.CERTIFICATE_SIGNATURE))

    signer: Certificate | None = None
    path: TrustPath | None = None
    algorithm: str | None = None
    signing_time: dt.datetime | None = None


def judge_message(
    signed: cms.SignedData,
    trust: TrustStore,
    at: dt.datetime,
    *,
    about: str,
    role: Role = Role.DOCUMENT_SIGNER,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
    more: tuple[Certificate, ...] = (),
) -> SignatureReport:
    """Asks every rule of a message's signature and of its signer down to a trusted CSCA. `about` is what findings call
    the message; `at` (aware) is now, `more` as for `judge_document`. ParameterError for a time without a zone.

    Of several signatures the first that nothing refuses is reported, or the first one: Doc 9303-10 clause 4.6.2.3 only
    recommends a single signer, and one right signature of a trusted one is proof. So it is with certificates of the
    issuer and serial number that a signer names: anybody can lay some beside the right one. Those in the message are
    tried up to 64 KiB of them, which bounds the work. Where each is refused, the first of those that come furthest is
    reported: signature right, certificate signed; where not all were tried, that.
    """
    require_type(signed, cms.SignedData, "signed")
    require_type(trust, TrustStore, "trust")
    require_type(at, dt.datetime, "at")
    if at.tzinfo is None:
        raise ParameterError("a time without a time zone", field="at")
    first: SignatureReport | None = None
    left = MAX_CANDIDATE_BYTES
    for info in signed.signers:
        best: SignatureReport | None = None
        whole = True
        identified = Judgement(policy)
        for count, candidate in enumerate(named_certificates(identified, signed, info, more, about, trust.read)):
            signer = candidate.certificate
            if signer not in more:
                if count and left < len(signer.der):
                    whole = False
                    continue
                left -= len(signer.der)
            judgement = Judgement(policy)
            judgement.include(identified.close())
            judgement.require(Rule.SIGNER_IDENTIFIER, not candidate.sloppy, about, candidate.sloppy)
            judgement.held(Rule.DOCUMENT_SIGNER, about, signer.subject)
            scheme = judge_signed_data(judgement, signed, info, signer, about=about)
            signing_time = judge_signing_time(judgement, info, signer, at, about=about)
            found = trust.judge(signer, signing_time or at, now=at, role=role, policy=policy, more=more)
            judgement.include(found.judged)
            report = SignatureReport(
                judged=judgement.close(), signer=signer, path=found.path,
                algorithm=None if scheme is None else scheme.name, signing_time=signing_time,
            )  # fmt: skip
            if report.accepted:
                return report
            if best is None or _proved(report) > _proved(best):
                best = report
        if not whole:
            best = _not_all_tried(policy, about)
        first = first or best or SignatureReport(judged=identified.close())
    if first is None:
        judgement = Judgement(policy)
        judgement.failed(Rule.DOCUMENT_SIGNER, about, "nobody signed it")
        return SignatureReport(judged=judgement.close())
    return first


def _proved(report: SignatureReport) -> int:
    """How much of what acceptance rests on held."""
    rules = report.rules
    return sum(rules[rule] is Outcome.HELD for rule in _PROOF)


@dataclass(frozen=True, slots=True)
class SignedList:
    """The content of a list whose signature was accepted, who signed it, and the report of every rule."""

    content: bytes
    signer: Certificate
    algorithm: str
    signing_time: dt.datetime | None
    report: SignatureReport


def read_signed_list(
    data: bytes,
    content_type: str,
    role: Role,
    roots: TrustStore,
    at: dt.datetime | None,
    *,
    about: str,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
) -> SignedList:
    """A master or deviation list that a signer of this role made, whom a CSCA in `roots` issued; certificates of the
    message may link a newer key to a root. `at` is now where not given. FormatError for another message,
    VerificationError and CertificateError of the first rule that refuses."""
    signed = cms.parse(data)
    if signed.content_type != content_type or len(signed.signers) != 1:
        raise FormatError(f"not a {about}", content_type=signed.content_type, signers=len(signed.signers))
    time = at or dt.datetime.now(dt.UTC)
    links = tuple(_readable(signed.certificates))
    report = judge_message(signed, roots, time, about=about, role=role, policy=policy, more=links)
    report.require()
    if report.signer is None or report.algorithm is None:
        raise CertificateError("a list without a signer", check="document_signer")
    return SignedList(signed.content, report.signer, report.algorithm, report.signing_time, report)


def _readable(encoded: tuple[bytes, ...]) -> Iterator[Certificate]:
    for der in encoded:
        with suppress(FormatError):
            yield parse_certificate(der)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A certificate that a signer names; `sloppy` says how the identifier is not what it should be."""

    certificate: Certificate
    sloppy: str = ""


def named_certificates(
    judgement: Judgement,
    signed: cms.SignedData,
    info: cms.SignerInfo,
    more: tuple[Certificate, ...],
    about: str = EF_SOD,
    read: Callable[[bytes], Certificate] = parse_certificate,
) -> tuple[Candidate, ...]:
    """The certificates that a signer names, those named rightly first and those in the message before those in `more`;
    none, and found so, where there is none that can be read.

    Certificates beside the signer's are not read further than needed. Where none is named rightly, the only
    certificate of the message is taken if its serial number is the one named: the signature decides (rule
    `signer_identifier`). So it is where the key identifier is one that the certificate does not state, and that is
    computed of its key (RFC 5652 clause 5.3 names the extension's value)."""
    by_key = info.subject_key_identifier
    unreadable: FormatError | None = None
    named: dict[Certificate, None] = {}
    for der in signed.certificates:
        if _bears(read, der, by_key) if by_key is not None else _names(info, der):
            try:
                named[read(der)] = None
            except FormatError as error:
                unreadable = unreadable or error
    for candidate in more:
        if _has_key(candidate, by_key) if by_key is not None else _names(info, candidate.der):
            named[candidate] = None
    if named:
        unstated = "the certificate does not state the key identifier that names it"
        unsaid = {one for one in named if by_key is not None and not one.subject_key_identifier}
        found = [Candidate(one, unstated if one in unsaid else "") for one in named]
        return tuple(sorted(found, key=lambda one: bool(one.sloppy)))
    if unreadable is None and len(signed.certificates) == 1 and info.serial_number is not None:
        try:
            only = read(signed.certificates[0])
        except FormatError as error:
            unreadable = error
        else:
            if only.serial_number == info.serial_number:
                return (Candidate(only, "the issuer is written otherwise than in the certificate"),)
    if unreadable is not None:
        judgement.failed(Rule.DOCUMENT_SIGNER, about, unreadable.message, **unreadable.facts)
    else:
        judgement.failed(Rule.DOCUMENT_SIGNER, about, "the signer's certificate is not there")
    return ()


def _not_all_tried(policy: VerificationPolicy, about: str) -> SignatureReport:
    judgement = Judgement(policy)
    judgement.failed(
        Rule.DOCUMENT_SIGNER, about, "more certificates go by the signer's name than are tried",
        limit_bytes=MAX_CANDIDATE_BYTES,
    )  # fmt: skip
    return SignatureReport(judged=judgement.close())


def _names(info: cms.SignerInfo, der: bytes) -> bool:
    """Whether a signer names this certificate by issuer (RFC 5280 clause 7.1) and serial number; one that cannot be
    read is not named."""
    try:
        issuer, serial = _issuer_and_serial(der)
        if serial != info.serial_number or info.issuer is None:
            return False
        return issuer == info.issuer or names.parse(issuer) == names.parse(info.issuer)
    except FormatError:
        return False


@lru_cache(maxsize=64)
def _issuer_and_serial(der: bytes) -> tuple[bytes, int]:
    parts = certificate_parts(der)
    return parts.issuer, tlv.to_number(tlv.read_one(parts.serial_number, tlv.INTEGER))


def _bears(read: Callable[[bytes], Certificate], der: bytes, key_identifier: bytes) -> bool:
    try:
        return _has_key(read(der), key_identifier)
    except FormatError:
        return False


def _has_key(certificate: Certificate, key_identifier: bytes) -> bool:
    """Whether that names the certificate's key: by its extension or, where it has none, as such a one is computed."""
    return (certificate.subject_key_identifier or certificate.computed_key_identifier) == key_identifier


def judge_signed_data(
    judgement: Judgement, signed: cms.SignedData, info: cms.SignerInfo, certificate: Certificate, *, about: str = EF_SOD
) -> SignatureScheme | None:
    """One signature of a message with the signer's certificate (RFC 5652 clauses 5.4 and 5.6): with signed attributes,
    their content type and message digest must be the content's. The scheme of a right signature, None without one."""
    digest_name = HASH_NAMES.get(info.digest_algorithm)
    if digest_name is None:
        judgement.failed(
            Rule.ALGORITHM, "message digest", "a hash algorithm that is not known here",
            algorithm=info.digest_algorithm, name=hash_label(info.digest_algorithm),
        )  # fmt: skip
        judgement.unknown(Rule.SIGNATURE, about, "its hash is not known here")
        return None
    judge_hash(judgement, digest_name, "message digest")
    orders = [signed.content]
    if info.signed_attributes_sent is not None:
        try:
            # RFC 5652 clause 5.4: the signature is over their DER, however they were sent
            orders = list(dict.fromkeys((ber.to_der(info.signed_attributes_sent), info.signed_attributes_sent)))
            kind, stated = info.attribute(cms.CONTENT_TYPE), info.attribute(cms.MESSAGE_DIGEST)
        except FormatError as error:
            judgement.failed(Rule.SIGNED_ATTRIBUTES, about, error.message, **error.facts)
            return None
        judgement.held(Rule.SIGNED_ATTRIBUTES, about)
        judgement.require(
            Rule.CONTENT_TYPE,
            kind == tlv.oid(signed.content_type),
            about,
            "the signature is over another type of content",
        )
        found = tlv.octet_string(digest(digest_name, signed.content))
        judgement.require(
            Rule.MESSAGE_DIGEST, stated is not None and hmac.compare_digest(stated, found), about,
            "the signature is over another content",
        )  # fmt: skip
    else:
        judgement.require(
            Rule.SIGNED_ATTRIBUTES, signed.content_type == cms.DATA, about, "signed attributes are missing"
        )
    scheme = _signature(judgement, info, certificate, orders, digest_name, about)
    if scheme is not None and scheme.hash_name != digest_name:
        judgement.failed(
            Rule.HASHES_AGREE, about, "the signature is over another hash than named", digest=digest_name,
            scheme=scheme.name,
        )  # fmt: skip
    elif scheme is not None:
        judgement.held(Rule.HASHES_AGREE, about)
    return scheme


def _signature(
    judgement: Judgement,
    info: cms.SignerInfo,
    certificate: Certificate,
    orders: list[bytes],
    digest_name: str,
    about: str,
) -> SignatureScheme | None:
    """Over the first of what it may be over; or, which a rule of its own is about, over another."""
    for data in orders[1:]:
        trial = Judgement(judgement.policy)
        scheme = _signature_over(trial, info, certificate, data, digest_name, about)
        if scheme is not None:
            judgement.include(trial.close())
            judgement.failed(Rule.ATTRIBUTES_AS_SENT, about, "the signature is over attributes out of order")
            return scheme
    scheme = _signature_over(judgement, info, certificate, orders[0], digest_name, about)
    if scheme is not None:
        judgement.held(Rule.ATTRIBUTES_AS_SENT, about)
    return scheme


def _signature_over(
    judgement: Judgement, info: cms.SignerInfo, certificate: Certificate, data: bytes, digest_name: str, about: str
) -> SignatureScheme | None:
    return judge_signature(
        judgement, Rule.SIGNATURE, certificate.public_key, info.signature_algorithm, info.signature, data, about,
        digest=digest_name,
    )  # fmt: skip


def judge_signing_time(
    judgement: Judgement, info: cms.SignerInfo, certificate: Certificate, at: dt.datetime, *, about: str = EF_SOD
) -> dt.datetime | None:
    """The stated signing time, where it can be one; None where none is stated or it is none."""
    rules = (Rule.SIGNING_TIME, Rule.SIGNING_TIME_IN_VALIDITY, Rule.PRIVATE_KEY_USAGE_PERIOD)
    try:
        value = info.attribute(cms.SIGNING_TIME)
        time = None if value is None else times.decode(value)
    except FormatError as error:
        judgement.failed(Rule.SIGNING_TIME, about, error.message)
        return None
    if time is None:
        for rule in rules:
            judgement.unknown(rule, about, "no signing time is stated")
        return None
    if not judgement.require(Rule.SIGNING_TIME, time <= at, about, "it is said to be signed later than now"):
        return None
    judgement.require(
        Rule.SIGNING_TIME_IN_VALIDITY, certificate.not_before <= time <= certificate.not_after, about,
        "it was signed outside its signer's validity", signing_time=time.isoformat(),
    )  # fmt: skip
    period = certificate.private_key_usage_period
    if period is None:
        judgement.unknown(Rule.PRIVATE_KEY_USAGE_PERIOD, about, "no private key usage period is stated")
    else:
        start, end = period
        judgement.require(
            Rule.PRIVATE_KEY_USAGE_PERIOD, (start is None or start <= time) and (end is None or time <= end), about,
            "it was signed outside the period in which its key may sign", signing_time=time.isoformat(),
        )  # fmt: skip
    return time


def verify_signer(
    signed: cms.SignedData,
    info: cms.SignerInfo,
    certificate: Certificate,
    *,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
) -> str:
    """`judge_signed_data` alone: the scheme's name, or the error of the first rule that refuses."""
    judgement = Judgement(policy)
    scheme = judge_signed_data(judgement, signed, info, certificate)
    for finding in judgement.findings:
        if finding.refuses:
            raise finding.error()
    if scheme is None:
        raise VerificationError("a signature that cannot be verified", check="signature")
    return scheme.name
