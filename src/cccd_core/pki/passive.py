"""Passive authentication: is what the chip says what the State signed.

Doc 9303-11 clause 5.1; Doc 9303-12 clause 5. One implementation: `judge_document` asks every rule and reports,
`passive_authentication` raises the first refusal of that report.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

from cccd_core.emrtd import ber, cms, times, tlv
from cccd_core.emrtd import sod as sods
from cccd_core.emrtd.hashes import HASH_NAMES, digest
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import FormatError, ParameterError, VerificationError
from cccd_core.pki import names, states
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.report import Judgement, Report
from cccd_core.pki.revocation import RevocationStatus
from cccd_core.pki.rules import Rule
from cccd_core.pki.signatures import SignatureScheme
from cccd_core.pki.strength import judge_hash, judge_signature
from cccd_core.pki.trust import TrustPath, TrustStore
from cccd_core.plain import Json

_SIGNER: Final = "EF.SOD"
_GROUPS: Final = tuple(f"DG{number}" for number in range(17))


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReport(Report):
    """What came of judging a chip's data: every rule, and what was found on the way, None where it was not reached.

    `data_groups` are those that were compared, `absent` those that EF.SOD lists and nobody read.
    """

    NEEDED: ClassVar[frozenset[Rule]] = frozenset(
        (Rule.SIGNATURE, Rule.ISSUER, Rule.CERTIFICATE_SIGNATURE, Rule.DATA_GROUPS, Rule.DIGEST)
    )

    document_signer: Certificate | None = None
    path: TrustPath | None = None
    signature_algorithm: str | None = None
    digest_algorithm: str | None = None
    signing_time: dt.datetime | None = None
    data_groups: tuple[int, ...] = ()
    absent: tuple[int, ...] = ()

    @property
    def csca(self) -> Certificate | None:
        """The CSCA certificate that issued the document signer."""
        return None if self.path is None else self.path.csca

    @property
    def revocation(self) -> RevocationStatus | None:
        """What the revocation lists say of the document signer."""
        return None if self.path is None else self.path.revocation

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready: verdict, policy, every rule, who signed and when, the data groups."""
        signer, csca, revocation = self.document_signer, self.csca, self.revocation
        return {
            **Report.as_dict(self),
            "document_signer": None if signer is None else signer.as_dict(),
            "csca": None if csca is None else csca.as_dict(),
            "revocation": None if revocation is None else revocation.as_dict(),
            "signature_algorithm": self.signature_algorithm,
            "digest_algorithm": self.digest_algorithm,
            "signing_time": None if self.signing_time is None else self.signing_time.isoformat(),
            "data_groups": list(self.data_groups),
            "absent": list(self.absent),
        }


def passive_authentication(
    sod: bytes,
    data_groups: Mapping[int, bytes],
    trust: TrustStore,
    at: dt.datetime,
    *,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
    more: tuple[Certificate, ...] = (),
) -> DocumentReport:
    """`judge_document`, with the error of the first rule that refuses: FormatError, VerificationError or
    CertificateError with `check` (the topic), `rule` (its word), and `data_group` where it is about one."""
    report = judge_document(sod, data_groups, trust, at, policy=policy, more=more)
    report.require()
    return report


def judge_document(
    sod: bytes,
    data_groups: Mapping[int, bytes],
    trust: TrustStore,
    at: dt.datetime,
    *,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
    more: tuple[Certificate, ...] = (),
) -> DocumentReport:
    """Asks every rule of EF.SOD, of its signer down to a trusted CSCA, and of every data group that was read.

    `sod` is the whole EF.SOD, `data_groups` the whole files by number; at least one is needed. `at` (aware) is now:
    revocations count until then, and the certificates must be valid then or, where EF.SOD says when it was signed, at
    that time (Doc 9303-12 clause 5: validity at the time of signing). `more` are certificates from elsewhere: the
    signer's where EF.SOD has none, links between two keys of a CSCA. Nothing that a document says raises;
    ParameterError for a time without a zone."""
    if at.tzinfo is None:
        raise ParameterError("a time without a time zone")
    judgement = Judgement(policy)
    try:
        parsed = sods.parse(sod)
    except FormatError as error:
        judgement.failed(Rule.SECURITY_OBJECT, _SIGNER, error.message, **error.facts)
        return DocumentReport(judged=judgement.close())
    judgement.held(Rule.SECURITY_OBJECT, _SIGNER)
    signed, listed = parsed.signed_data, parsed.security_object
    found = _any_signer(signed, trust, at, policy, more)
    judgement.include(found.judgement.close())
    _data_groups(judgement, listed, data_groups)
    _belonging(judgement, data_groups.get(1), found.certificate, found.path)
    return DocumentReport(
        judged=judgement.close(),
        document_signer=found.certificate,
        path=found.path,
        signature_algorithm=None if found.scheme is None else found.scheme.name,
        digest_algorithm=listed.digest_algorithm,
        signing_time=found.signing_time,
        data_groups=tuple(sorted(data_groups)),
        absent=tuple(sorted(set(listed.digests) - set(data_groups))),
    )


@dataclass(slots=True)
class _Signed:
    """What came of one of a message's signatures, from its signer's name to a trusted CSCA."""

    judgement: Judgement
    certificate: Certificate | None = None
    scheme: SignatureScheme | None = None
    signing_time: dt.datetime | None = None
    path: TrustPath | None = None


def _any_signer(
    signed: cms.SignedData,
    trust: TrustStore,
    at: dt.datetime,
    policy: VerificationPolicy,
    more: tuple[Certificate, ...],
) -> _Signed:
    """The first signature that nothing refuses; where there is none, the first one. Doc 9303-10 clause 4.6.2.3 only
    recommends a single signer, and one right signature of a trusted one is proof."""
    first: _Signed | None = None
    for info in signed.signers:
        found = _Signed(Judgement(policy))
        found.certificate = judge_identifier(found.judgement, signed, info, more, read=trust.read)
        if found.certificate is not None:
            found.scheme = judge_signed_data(found.judgement, signed, info, found.certificate)
            found.signing_time = judge_signing_time(found.judgement, info, found.certificate, at)
            report = trust.judge(found.certificate, found.signing_time or at, now=at, policy=policy, more=more)
            found.judgement.include(report.judged)
            found.path = report.path
        if not found.judgement.refused:
            return found
        first = first or found
    return first or _Signed(Judgement(policy))


def judge_identifier(
    judgement: Judgement,
    signed: cms.SignedData,
    info: cms.SignerInfo,
    more: tuple[Certificate, ...],
    *,
    read: Callable[[bytes], Certificate] = parse_certificate,
) -> Certificate | None:
    """The certificate that a signer names, among those in the message and `more`; None, and found so, without one.

    Certificates beside the signer's are not read further than needed. Where none is named rightly, the only
    certificate of the message is taken if its serial number is the one named: the signature decides (rule
    `signer_identifier`)."""
    by_key = info.subject_key_identifier
    try:
        for der in signed.certificates:
            if _bears(read, der, by_key) if by_key is not None else _names(info, der):
                judgement.held(Rule.SIGNER_IDENTIFIER, _SIGNER)
                return _found(judgement, read(der))
        for candidate in more:
            if _has_key(candidate, by_key) if by_key is not None else _names(info, candidate.der):
                judgement.held(Rule.SIGNER_IDENTIFIER, _SIGNER)
                return _found(judgement, candidate)
        if len(signed.certificates) == 1 and info.serial_number is not None:
            only = read(signed.certificates[0])
            if only.serial_number == info.serial_number:
                judgement.failed(
                    Rule.SIGNER_IDENTIFIER, _SIGNER, "the issuer is written otherwise than in the certificate"
                )
                return _found(judgement, only)
    except FormatError as error:
        judgement.failed(Rule.DOCUMENT_SIGNER, _SIGNER, error.message, **error.facts)
        return None
    judgement.failed(Rule.DOCUMENT_SIGNER, _SIGNER, "the signer's certificate is not there")
    return None


def _found(judgement: Judgement, certificate: Certificate) -> Certificate:
    judgement.held(Rule.DOCUMENT_SIGNER, _SIGNER, certificate.subject)
    return certificate


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
    judgement: Judgement, signed: cms.SignedData, info: cms.SignerInfo, certificate: Certificate
) -> SignatureScheme | None:
    """One signature of a message with the signer's certificate (RFC 5652 clauses 5.4 and 5.6): with signed attributes,
    their content type and message digest must be the content's. The scheme of a right signature, None without one."""
    digest_name = HASH_NAMES.get(info.digest_algorithm)
    if digest_name is None:
        judgement.failed(
            Rule.ALGORITHM, "message digest", "an unknown digest algorithm", algorithm=info.digest_algorithm
        )
        return None
    judge_hash(judgement, digest_name, "message digest")
    orders = [signed.content]
    if info.signed_attributes_sent is not None:
        try:
            # RFC 5652 clause 5.4: the signature is over their DER, however they were sent
            orders = list(dict.fromkeys((ber.to_der(info.signed_attributes_sent), info.signed_attributes_sent)))
            kind, stated = info.attribute(cms.CONTENT_TYPE), info.attribute(cms.MESSAGE_DIGEST)
        except FormatError as error:
            judgement.failed(Rule.SIGNED_ATTRIBUTES, _SIGNER, error.message, **error.facts)
            return None
        judgement.held(Rule.SIGNED_ATTRIBUTES, _SIGNER)
        judgement.require(
            Rule.CONTENT_TYPE,
            kind == tlv.oid(signed.content_type),
            _SIGNER,
            "the signature is over another type of content",
        )
        found = tlv.octet_string(digest(digest_name, signed.content))
        judgement.require(
            Rule.MESSAGE_DIGEST, stated is not None and hmac.compare_digest(stated, found), _SIGNER,
            "the signature is over another content",
        )  # fmt: skip
    else:
        judgement.require(
            Rule.SIGNED_ATTRIBUTES, signed.content_type == cms.DATA, _SIGNER, "signed attributes are missing"
        )
    scheme = _signature(judgement, info, certificate, orders, digest_name)
    if scheme is not None and scheme.hash_name != digest_name:
        judgement.failed(
            Rule.HASHES_AGREE, _SIGNER, "the signature is over another hash than named", digest=digest_name,
            scheme=scheme.name,
        )  # fmt: skip
    elif scheme is not None:
        judgement.held(Rule.HASHES_AGREE, _SIGNER)
    return scheme


def _signature(
    judgement: Judgement, info: cms.SignerInfo, certificate: Certificate, orders: list[bytes], digest_name: str
) -> SignatureScheme | None:
    """Over the first of what it may be over; or, which a rule of its own is about, over another."""
    for data in orders[1:]:
        trial = Judgement(judgement.policy)
        scheme = _signature_over(trial, info, certificate, data, digest_name)
        if scheme is not None:
            judgement.include(trial.close())
            judgement.failed(Rule.ATTRIBUTES_AS_SENT, _SIGNER, "the signature is over attributes out of order")
            return scheme
    scheme = _signature_over(judgement, info, certificate, orders[0], digest_name)
    if scheme is not None:
        judgement.held(Rule.ATTRIBUTES_AS_SENT, _SIGNER)
    return scheme


def _signature_over(
    judgement: Judgement, info: cms.SignerInfo, certificate: Certificate, data: bytes, digest_name: str
) -> SignatureScheme | None:
    return judge_signature(
        judgement, Rule.SIGNATURE, certificate.public_key, info.signature_algorithm, info.signature, data, _SIGNER,
        digest=digest_name,
    )  # fmt: skip


def judge_signing_time(
    judgement: Judgement, info: cms.SignerInfo, certificate: Certificate, at: dt.datetime
) -> dt.datetime | None:
    """The stated signing time, where it can be one; None where none is stated or it is none."""
    rules = (Rule.SIGNING_TIME, Rule.SIGNING_TIME_IN_VALIDITY, Rule.PRIVATE_KEY_USAGE_PERIOD)
    try:
        value = info.attribute(cms.SIGNING_TIME)
        time = None if value is None else times.decode(value)
    except FormatError as error:
        judgement.failed(Rule.SIGNING_TIME, _SIGNER, error.message)
        return None
    if time is None:
        for rule in rules:
            judgement.unknown(rule, _SIGNER, "no signing time is stated")
        return None
    if not judgement.require(Rule.SIGNING_TIME, time <= at, _SIGNER, "it is said to be signed later than now"):
        return None
    judgement.require(
        Rule.SIGNING_TIME_IN_VALIDITY, certificate.not_before <= time <= certificate.not_after, _SIGNER,
        "it was signed outside its signer's validity", signing_time=time.isoformat(),
    )  # fmt: skip
    period = certificate.private_key_usage_period
    if period is None:
        judgement.unknown(Rule.PRIVATE_KEY_USAGE_PERIOD, _SIGNER, "no private key usage period is stated")
    else:
        start, end = period
        judgement.require(
            Rule.PRIVATE_KEY_USAGE_PERIOD, (start is None or start <= time) and (end is None or time <= end), _SIGNER,
            "it was signed outside the period in which its key may sign", signing_time=time.isoformat(),
        )  # fmt: skip
    return time


def find_signer(signed: cms.SignedData, info: cms.SignerInfo, *, more: tuple[Certificate, ...] = ()) -> Certificate:
    """`judge_identifier` alone: the certificate, or CertificateError with check `document_signer`."""
    judgement = Judgement(VerificationPolicy.STRICT)
    certificate = judge_identifier(judgement, signed, info, more)
    if certificate is None:
        raise judgement.findings[-1].error()
    return certificate


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


def _data_groups(judgement: Judgement, listed: sods.LdsSecurityObject, data_groups: Mapping[int, bytes]) -> None:
    name = listed.digest_algorithm
    judge_hash(judgement, name, "data groups")
    if not data_groups:
        judgement.failed(Rule.DATA_GROUPS, _SIGNER, "no data group was read")
    unlisted = [number for number in sorted(data_groups) if number not in listed.digests]
    for number in unlisted:
        judgement.failed(Rule.DATA_GROUPS, f"DG{number}", "EF.SOD does not list a data group", data_group=number)
    if data_groups and not unlisted:
        judgement.held(Rule.DATA_GROUPS, _SIGNER)
    for number in sorted(listed.digests.keys() & data_groups.keys()):
        if hmac.compare_digest(digest(name, data_groups[number]), listed.digests[number]):
            judgement.held(Rule.DIGEST, _GROUPS[number])
        else:
            judgement.failed(Rule.DIGEST, _GROUPS[number], "a data group is not what was signed", data_group=number)


def _belonging(
    judgement: Judgement, dg1: bytes | None, certificate: Certificate | None, path: TrustPath | None
) -> None:
    """Whether the signer may sign this document: DG1 against the trusted CSCA's country and the signer's document
    types."""
    if dg1 is None or certificate is None:
        for rule in (Rule.ISSUING_STATE, Rule.DOCUMENT_TYPE):
            judgement.unknown(rule, "DG1", "DG1 was not read" if dg1 is None else "the signer is not known")
        return
    types = certificate.document_types
    if types is None:
        judgement.unknown(Rule.DOCUMENT_TYPE, "DG1", "the signer has no document type list")
    try:
        code, state = states.zone_head(dg1)
    except FormatError as error:
        for rule in (Rule.ISSUING_STATE, Rule.DOCUMENT_TYPE) if types is not None else (Rule.ISSUING_STATE,):
            judgement.failed(rule, "DG1", error.message, **error.facts)
        return
    if path is None:
        judgement.unknown(Rule.ISSUING_STATE, "DG1", "no trusted CSCA issued the signer")
    else:
        country = path.csca.country
        if states.issued_by(state, country):
            judgement.held(Rule.ISSUING_STATE, "DG1")
        else:
            judgement.failed(
                Rule.ISSUING_STATE, "DG1", "the issuing State is not the country of the trusted CSCA", country=country,
                known=state in states.COUNTRIES_OF,
            )  # fmt: skip
    if types is not None:
        if states.allowed_type(code, types):
            judgement.held(Rule.DOCUMENT_TYPE, "DG1")
        else:
            judgement.failed(
                Rule.DOCUMENT_TYPE, "DG1", "the signer may not sign documents of this type",
                listed=" ".join(sorted(types))[:80],
            )  # fmt: skip
