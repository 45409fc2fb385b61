"""Whose certificate a signed message names, for tests that look at one signature alone."""

from __future__ import annotations

from cccd_core.emrtd import cms
from cccd_core.pki.certificates import Certificate
from cccd_core.pki.messages import named_certificates
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.report import Judgement


def find_signer(signed: cms.SignedData, info: cms.SignerInfo, *, more: tuple[Certificate, ...] = ()) -> Certificate:
    """The first certificate that a signer names, or CertificateError with check `document_signer`."""
    judgement = Judgement(VerificationPolicy.STRICT)
    for candidate in named_certificates(judgement, signed, info, more):
        return candidate.certificate
    raise judgement.findings[-1].error()
