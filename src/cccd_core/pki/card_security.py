"""EF.CardSecurity: is it what the State signed. Doc 9303-11 clauses 4.4.3.5.2 and 9.2.11: as EF.SOD is checked."""

from __future__ import annotations

import datetime as dt

from cccd_core.emrtd.card_security import CardSecurity
from cccd_core.pki.certificates import Certificate
from cccd_core.pki.messages import SignatureReport, judge_message
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.trust import TrustStore


def judge_card_security(
    card_security: CardSecurity,
    trust: TrustStore,
    at: dt.datetime,
    *,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
    more: tuple[Certificate, ...] = (),
) -> SignatureReport:
    """Asks every rule of the signature of EF.CardSecurity and of its signer down to a trusted CSCA; arguments as of
    `judge_document`. Nothing that the file says raises; ParameterError for a time without a zone."""
    return judge_message(card_security.signed_data, trust, at, about="EF.CardSecurity", policy=policy, more=more)
