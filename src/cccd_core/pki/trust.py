"""Whom to trust, and the path from a document signer to it.

Doc 9303-12 clauses 5 (path validation) and 7 (profiles); RFC 5280 clause 6 for what Doc 9303 leaves open.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from cccd_core.errors import CertificateError, FormatError, VerificationError
from cccd_core.pki.certificates import Certificate, RevocationList
from cccd_core.pki.signatures import verify_signature


@dataclass(frozen=True, slots=True)
class TrustPath:
    """A validated path: the document signer, the CSCA that issued it, and how the CSCA signed."""

    document_signer: Certificate
    csca: Certificate
    algorithm: str
    revocation: str


class TrustStore:
    """The CSCA certificates that are trusted, and the newest revocation list of each of them.

    What is put in is trusted: authenticate it first (a master list does by its own signature). Some States' CSCAs lack
    basicConstraints or keyUsage; one of the two must say that a certificate is an authority's. A revocation list is
    verified here against the CSCA that issued it; CertificateError where none fits.
    """

    __slots__ = ("_anchors", "_by_key", "_by_subject", "_crls")

    def __init__(self, anchors: Iterable[Certificate], crls: Iterable[RevocationList] = ()) -> None:
        self._anchors = tuple(dict.fromkeys(anchors))
        self._by_subject: dict[str, list[Certificate]] = {}
        self._by_key: dict[bytes, list[Certificate]] = {}
        for anchor in self._anchors:
            if not anchor.is_ca and "key_cert_sign" not in (anchor.key_usage or ()):
                raise CertificateError("a trusted certificate is no certificate authority", subject=anchor.subject)
            self._by_subject.setdefault(anchor.subject_key, []).append(anchor)
            if anchor.subject_key_identifier:
                self._by_key.setdefault(anchor.subject_key_identifier, []).append(anchor)
        self._crls: dict[str, RevocationList] = {}
        for crl in crls:
            self._add(crl)

    def __len__(self) -> int:
        return len(self._anchors)

    @property
    def anchors(self) -> tuple[Certificate, ...]:
        """The trusted certificates."""
        return self._anchors

    def _add(self, crl: RevocationList) -> None:
        for anchor in self._by_subject.get(crl.issuer_key, []):
            try:
                verify_signature(anchor.public_key, crl.signature_algorithm, crl.signature, crl.signed_part)
            except (VerificationError, FormatError):
                continue
            # One list speaks for all keys of a CSCA: after a change of keys the new one signs it.
            known = self._crls.get(crl.issuer_key)
            if known is None or known.this_update < crl.this_update:
                self._crls[crl.issuer_key] = crl
            return
        raise CertificateError("no trusted CSCA signed a revocation list", issuer=crl.issuer)

    def validate(self, signer: Certificate, at: dt.datetime, *, now: dt.datetime | None = None) -> TrustPath:
        """The path from `signer`, as it stood at `at` (aware), to a trusted CSCA. `now` (aware; `at` where not given)
        is until when revocations count: who has a stolen key can date a signature back.

        Checked: the CSCA's name is the issuer's, its key identifier the authority's where both are said, it may sign
        certificates, its signature; both certificates are valid at `at`; the signer is no authority, may sign, has no
        unknown critical extension, and is of the CSCA's country; the CSCA's revocation list, where there is one, does
        not name it with a time at or before `now`. CertificateError with the check that failed.
        """
        _require(at.tzinfo is not None, "time", "a time without a time zone", signer)
        candidates = [c for c in self._by_subject.get(signer.issuer_key, []) if _keys_match(signer, c)]
        if not candidates:
            # Doc 9303-12 clause 7.1.1: the key identifier finds a CSCA that was renamed since.
            by_key = self._by_key.get(signer.authority_key_identifier or b"", [])
            candidates = [c for c in by_key if c.country == signer.country]
        _require(bool(candidates), "issuer", "no trusted CSCA issued the document signer", signer)
        problem: CertificateError | None = None
        for csca in candidates:
            try:
                return self._check(signer, csca, at, now or at)
            except CertificateError as error:
                problem = error
        raise problem or CertificateError("no path to a trusted CSCA")

    def _check(self, signer: Certificate, csca: Certificate, at: dt.datetime, now: dt.datetime) -> TrustPath:
        try:
            algorithm = verify_signature(
                csca.public_key, signer.signature_algorithm, signer.signature, signer.signed_part
            )
        except (VerificationError, FormatError) as error:
            raise CertificateError(
                "the CSCA's signature on the document signer is wrong", check="signature", why=error.message
            ) from None
        for who in (signer, csca):
            _require(who.not_before <= at <= who.not_after, "validity", "a certificate was not valid then", who)
            _require(not who.unknown_critical, "extensions", "a critical extension is not understood", who)
        _require(csca.key_usage is None or "key_cert_sign" in csca.key_usage, "usage", "the CSCA may not sign", csca)
        usage = signer.key_usage
        _require(not signer.is_ca, "usage", "a document signer is no certificate authority", signer)
        _require(usage is not None and "digital_signature" in usage, "usage", "the signer may not sign", signer)
        _require(signer.country == csca.country, "country", "signer and CSCA are of two countries", signer)
        return TrustPath(signer, csca, algorithm, self._revocation(signer, csca, now))

    def _revocation(self, signer: Certificate, csca: Certificate, now: dt.datetime) -> str:
        crl = self._crls.get(csca.subject_key)
        if crl is None:
            return "no revocation list"
        revoked = crl.revoked.get(signer.serial_number)
        if revoked is not None and revoked <= now:
            raise CertificateError(
                "the document signer was revoked", check="revocation", revoked_at=revoked.isoformat()
            )
        stale = crl.next_update is not None and crl.next_update < now
        return f"not revoked by the list of {crl.this_update.isoformat()}{', which is out of date' if stale else ''}"


def _keys_match(signer: Certificate, csca: Certificate) -> bool:
    wanted, has = signer.authority_key_identifier, csca.subject_key_identifier
    return wanted is None or has is None or hmac.compare_digest(wanted, has)


def _require(holds: bool, check: str, message: str, certificate: Certificate) -> None:
    if not holds:
        raise CertificateError(message, check=check, subject=certificate.subject)
