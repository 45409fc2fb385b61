"""EF.CardSecurity: is it what the State signed. Doc 9303-11 clauses 4.4.3.5.2 and 9.2.11: as EF.SOD is checked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import ClassVar

from cccd_core.emrtd.card_security import CardSecurity
from cccd_core.errors import ParameterError
from cccd_core.pki.certificates import Certificate
from cccd_core.pki.passive import judge_identifier, judge_signed_data, judge_signing_time
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.report import Judgement, Report
from cccd_core.pki.rules import Rule
from cccd_core.pki.trust import TrustStore

_FILE = "EF.CardSecurity"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSecurityReport(Report):
    """What came of judging EF.CardSecurity: every rule of its signature and of its signer's path."""

    NEEDED: ClassVar[frozenset[Rule]] = frozenset((Rule.SIGNATURE, Rule.ISSUER, Rule.CERTIFICATE_SIGNATURE))


def judge_card_security(
    card_security: CardSecurity,
    trust: TrustStore,
    at: dt.datetime,
    *,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
    more: tuple[Certificate, ...] = (),
) -> CardSecurityReport:
    """Asks every rule of the signature of EF.CardSecurity and of its signer down to a trusted CSCA; arguments as of
    `judge_document`. Nothing that the file says raises; ParameterError for a time without a zone."""
    if at.tzinfo is None:
        raise ParameterError("a time without a time zone")
    judgement = Judgement(policy)
    signed = card_security.signed_data
    if len(signed.signers) == 1:
        info = signed.signers[0]
        certificate = judge_identifier(judgement, signed, info, more, read=trust.read)
        if certificate is not None:
            judge_signed_data(judgement, signed, info, certificate)
            signing_time = judge_signing_time(judgement, info, certificate, at)
            path = trust.judge(certificate, signing_time or at, now=at, policy=policy, more=more)
            judgement.include(path.judged)
    else:
        judgement.failed(Rule.DOCUMENT_SIGNER, _FILE, "it has one signer", count=len(signed.signers))
    judged = judgement.close()
    named = (replace(finding, about=_FILE) if finding.about == "EF.SOD" else finding for finding in judged.findings)
    return CardSecurityReport(judged=replace(judged, findings=tuple(named)))
