"""Passive authentication: is what the chip says what the State signed.

Doc 9303-11 clause 5.1; Doc 9303-12 clause 5. One implementation: `judge_document` asks every rule and reports,
`passive_authentication` raises the first refusal of that report.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from cccd_core.arguments import BUFFERS, members, require_type
from cccd_core.emrtd import sod as sods
from cccd_core.emrtd.hashes import UnknownHashError, digest
from cccd_core.errors import FormatError, ParameterError
from cccd_core.pki import states
from cccd_core.pki.certificates import Certificate
from cccd_core.pki.messages import EF_SOD, SignatureReport, judge_message
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.report import Judgement, Report
from cccd_core.pki.revocation import RevocationStatus
from cccd_core.pki.rules import Rule
from cccd_core.pki.strength import judge_hash
from cccd_core.pki.trust import TrustPath, TrustStore
from cccd_core.plain import Json

_GROUPS: Final = tuple(f"DG{number}" for number in range(17))


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReport(Report):
    """What came of judging a chip's data: every rule, and what was found on the way, None where it was not reached.

    `data_groups` are those that were compared, `absent` those that EF.SOD lists and nobody read.
    """

    NEEDED: ClassVar[frozenset[Rule]] = SignatureReport.NEEDED | {Rule.DATA_GROUPS, Rule.DIGEST}

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
    ParameterError, with the `field`, for a time without a zone and an argument of another type."""
    require_type(sod, BUFFERS, "sod")
    require_type(data_groups, Mapping, "data_groups")
    for content in data_groups.values():
        require_type(content, BUFFERS, "data_groups")
    require_type(trust, TrustStore, "trust")
    require_type(at, dt.datetime, "at")
    if at.tzinfo is None:
        raise ParameterError("a time without a time zone", field="at")
    more = members(more, Certificate, "more")
    judgement = Judgement(policy)
    unknown: UnknownHashError | None = None
    listed: sods.LdsSecurityObject | None = None
    try:
        signed = sods.parse_message(bytes(sod))
        listed = sods.parse_security_object(signed.content)
    except UnknownHashError as error:
        unknown = error
    except FormatError as error:
        judgement.failed(Rule.SECURITY_OBJECT, EF_SOD, error.message, **error.facts)
        return DocumentReport(judged=judgement.close())
    judgement.held(Rule.SECURITY_OBJECT, EF_SOD)
    found = judge_message(signed, trust, at, about=EF_SOD, policy=policy, more=more)
    judgement.include(found.judged)
    if listed is not None:
        _data_groups(judgement, listed, data_groups)
    elif unknown is not None:
        judgement.failed(Rule.ALGORITHM, "data groups", unknown.message, **unknown.facts)
        for rule in (Rule.DATA_GROUPS, Rule.DIGEST):
            judgement.unknown(rule, "data groups", "their hash is not known here")
    _belonging(judgement, data_groups.get(1), found.signer, found.path)
    return DocumentReport(
        judged=judgement.close(),
        document_signer=found.signer,
        path=found.path,
        signature_algorithm=found.algorithm,
        digest_algorithm=None if listed is None else listed.digest_algorithm,
        signing_time=found.signing_time,
        data_groups=() if listed is None else tuple(sorted(data_groups)),
        absent=() if listed is None else tuple(sorted(set(listed.digests) - set(data_groups))),
    )


def _data_groups(judgement: Judgement, listed: sods.LdsSecurityObject, data_groups: Mapping[int, bytes]) -> None:
    name = listed.digest_algorithm
    judge_hash(judgement, name, "data groups")
    if not data_groups:
        judgement.failed(Rule.DATA_GROUPS, EF_SOD, "no data group was read")
    unlisted = [number for number in sorted(data_groups) if number not in listed.digests]
    for number in unlisted:
        judgement.failed(Rule.DATA_GROUPS, f"DG{number}", "EF.SOD does not list a data group", data_group=number)
    if data_groups and not unlisted:
        judgement.held(Rule.DATA_GROUPS, EF_SOD)
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
