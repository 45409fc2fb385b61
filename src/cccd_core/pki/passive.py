"""Passive authentication: is what the chip says what the State signed.

Doc 9303-11 clause 5.1; Doc 9303-12 clause 5.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cccd_core.emrtd import cms, times, tlv
from cccd_core.emrtd import sod as sods
from cccd_core.emrtd.hashes import HASH_NAMES
from cccd_core.errors import CertificateError, FormatError, VerificationError
from cccd_core.pki import names
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.signatures import verify_signature
from cccd_core.pki.trust import TrustStore


@dataclass(frozen=True, slots=True)
class PassiveResult:
    """A chip whose data are authentic. `checks` names everything that was checked and what was found, in order."""

    checks: tuple[tuple[str, str], ...]
    data_groups: tuple[int, ...]
    absent: tuple[int, ...]
    digest_algorithm: str
    document_signer: Certificate
    csca: Certificate
    signing_time: dt.datetime | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: the checks, the data groups that were compared, who signed."""
        return {
            "checks": dict(self.checks), "data_groups": list(self.data_groups), "absent": list(self.absent),
            "digest_algorithm": self.digest_algorithm, "document_signer": self.document_signer.as_dict(),
            "csca": self.csca.as_dict(), "signing_time": self.signing_time.isoformat() if self.signing_time else None,
        }  # fmt: skip


def passive_authentication(
    sod: bytes, data_groups: Mapping[int, bytes], trust: TrustStore, at: dt.datetime
) -> PassiveResult:
    """Checks EF.SOD and every data group that was read against it, down to a trusted CSCA.

    `sod` is the whole EF.SOD, `data_groups` the whole files by number; at least one is needed. `at` (aware) is now:
    revocations count until then, and the certificates must be valid then or, where EF.SOD says when it was signed, at
    that time, which must not lie after `at` (Doc 9303-12 clause 5: validity at the time of signing). A data group that
    EF.SOD lists and that is not given is named in `absent`, since a reader may not be allowed to read it; one that is
    given and not listed is an error.

    FormatError, VerificationError (with `check`, and `data_group` where it is one) or CertificateError.
    """
    parsed = sods.parse(sod)
    signed, listed = parsed.signed_data, parsed.security_object
    signer_info = signed.signers[0]
    certificate = find_signer(signed, signer_info)
    checks = [("document_signer", certificate.subject)]
    checks.append(("sod_signature", verify_signer(signed, signer_info, certificate)))
    signing_time = _signing_time(signer_info)
    if signing_time is None:
        checks.append(("signing_time", "not stated"))
    else:
        if signing_time > at:
            raise VerificationError("EF.SOD says that it was signed later than now", check="signing_time")
        if not certificate.not_before <= signing_time <= certificate.not_after:
            raise VerificationError("EF.SOD was signed outside its signer's validity", check="signing_time")
        checks.append(("signing_time", signing_time.isoformat()))
    path = trust.validate(certificate, signing_time or at, now=at)
    checks.append(("path", f"{path.algorithm} by {path.csca.subject}"))
    checks.append(("revocation", path.revocation))
    if not data_groups:
        raise VerificationError("no data group was read", check="data_groups")
    for number in sorted(data_groups):
        if number not in listed.digests:
            raise VerificationError("EF.SOD does not list a data group", check="data_groups", data_group=number)
        found = hashlib.new(listed.digest_algorithm, data_groups[number]).digest()
        if not hmac.compare_digest(found, listed.digests[number]):
            raise VerificationError("a data group is not what was signed", check="digest", data_group=number)
        checks.append((f"dg{number}", f"{listed.digest_algorithm} equal"))
    absent = tuple(sorted(set(listed.digests) - set(data_groups)))
    return PassiveResult(
        tuple(checks), tuple(sorted(data_groups)), absent, listed.digest_algorithm, certificate, path.csca, signing_time
    )


def find_signer(signed: cms.SignedData, info: cms.SignerInfo, *, more: tuple[Certificate, ...] = ()) -> Certificate:
    """The certificate that a signer names, among those in the message and `more`. CertificateError without one."""
    for candidate in (*(parse_certificate(der) for der in signed.certificates), *more):
        if info.subject_key_identifier is not None:
            if candidate.subject_key_identifier == info.subject_key_identifier:
                return candidate
        elif info.issuer is not None:
            issuer = names.parse(info.issuer)
            if candidate.serial_number == info.serial_number and candidate.issuer_name == issuer:
                return candidate
    raise CertificateError("the signer's certificate is not there", check="document_signer")


def verify_signer(signed: cms.SignedData, info: cms.SignerInfo, certificate: Certificate) -> str:
    """Verifies one signature of a message with the signer's certificate (RFC 5652 clauses 5.4 and 5.6): with signed
    attributes, their content type and message digest must be the content's. Returns the algorithm's name.

    VerificationError with `check`; FormatError for an algorithm that is unknown or too weak.
    """
    digest_name = HASH_NAMES.get(info.digest_algorithm)
    if digest_name is None or digest_name == "sha1":
        raise FormatError("a digest algorithm that is unknown or too weak", algorithm=info.digest_algorithm)
    covered = signed.content
    if info.signed_attributes_der is not None:
        covered = info.signed_attributes_der
        kind = info.attribute(cms.CONTENT_TYPE)
        if kind != tlv.oid(signed.content_type):
            raise VerificationError("the signature is over another type of content", check="content_type")
        digest = hashlib.new(digest_name, signed.content).digest()
        stated = info.attribute(cms.MESSAGE_DIGEST)
        if stated is None or not hmac.compare_digest(stated, tlv.octet_string(digest)):
            raise VerificationError("the signature is over another content", check="message_digest")
    elif signed.content_type != "1.2.840.113549.1.7.1":
        raise VerificationError("signed attributes are missing", check="signed_attributes")
    try:
        return verify_signature(
            certificate.public_key, info.signature_algorithm, info.signature, covered, digest=digest_name
        )
    except VerificationError as error:
        raise error.with_facts(check="signature") from None


def _signing_time(info: cms.SignerInfo) -> dt.datetime | None:
    value = info.attribute(cms.SIGNING_TIME)
    return None if value is None else times.decode(value)
