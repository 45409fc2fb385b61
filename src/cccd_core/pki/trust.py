"""Whom to trust, and the paths from a signer to it.

Doc 9303-12 clause 5 (path validation); RFC 5280 clause 6. The rules of one path are `path`'s, those of lists
`revocation`'s."""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from cccd_core.arguments import members, require_type
from cccd_core.errors import CccdError, CertificateError, ParameterError
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.crl import RevocationList
from cccd_core.pki.path import Role, Times, judge_authorities, judge_signer, no_authority
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.report import Judgement, Outcome, Report
from cccd_core.pki.revocation import RevocationLists, RevocationStatus
from cccd_core.pki.rules import Rule

MAX_LINKS: Final = 4
"""Link certificates between a signer's CSCA key and a trusted one."""
MAX_PATHS: Final = 32
MAX_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class TrustPath:
    """A path: the signer, the CSCAs above it (nearest first, the trusted one last), how the signer's certificate was
    signed, and what the revocation lists say of it."""

    signer: Certificate
    authorities: tuple[Certificate, ...]
    algorithm: str | None
    revocation: RevocationStatus

    @property
    def csca(self) -> Certificate:
        """The CSCA certificate that issued the signer."""
        return self.authorities[0]

    @property
    def anchor(self) -> Certificate:
        """The trusted certificate at the end."""
        return self.authorities[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReport(Report):
    """What came of looking for a path; `path` is None where no trusted CSCA issued the signer."""

    NEEDED: ClassVar[frozenset[Rule]] = frozenset((Rule.ISSUER, Rule.CERTIFICATE_SIGNATURE))

    role: Role
    path: TrustPath | None


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A report, and the open intervals of `at` and `now` in which nothing it compared changes."""

    report: PathReport
    at: tuple[dt.datetime, dt.datetime]
    now: tuple[dt.datetime, dt.datetime]

    def holds(self, at: dt.datetime, now: dt.datetime) -> bool:
        return self.at[0] < at < self.at[1] and self.now[0] < now < self.now[1]


class TrustStore:
    """The CSCA certificates that are trusted, and the revocation lists that their keys signed.

    What is put in is trusted: authenticate it first (a master list does by its own signature). A certificate that can
    be no authority's (it says CA:FALSE, or its key usage lacks keyCertSign) is left out and named in `refused`:
    nothing is accepted for lack of it. A revocation list that none of the trusted keys signed, or one that may not
    sign lists, raises CertificateError: to go on without it would accept what it revokes; where its CSCA was left out
    the error says that, and why. `gather` names such lists instead. ParameterError for what is no certificate or list.

    Immutable. Reports of signers are remembered (at most 1024) together with the span of time in which they hold, so
    that the documents of one signer cost its path once; another policy, role, time across a limit or link certificate
    is another report."""

    __slots__ = ("_anchors", "_by_key", "_by_subject", "_left_out", "_lists", "_read", "_remembered", "refused")

    def __init__(self, anchors: Iterable[Certificate], crls: Iterable[RevocationList] = ()) -> None:
        self._left_out: list[tuple[Certificate, CertificateError]] = []
        kept: list[Certificate] = []
        self._by_subject: dict[str, list[Certificate]] = {}
        self._by_key: dict[bytes, list[Certificate]] = {}
        for anchor in dict.fromkeys(members(anchors, Certificate, "anchors")):
            why = no_authority(anchor)
            if why is not None:
                self._left_out.append((anchor, not_trusted(anchor, why)))
                continue
            kept.append(anchor)
            self._by_subject.setdefault(anchor.subject_key, []).append(anchor)
            if anchor.subject_key_identifier:
                self._by_key.setdefault(anchor.subject_key_identifier, []).append(anchor)
        self._anchors = tuple(kept)
        self.refused: tuple[CccdError, ...] = tuple(error for _, error in self._left_out)
        self._lists = RevocationLists()
        self._read: dict[bytes, Certificate] = {}
        self._remembered: dict[tuple[object, ...], list[_Remembered]] = {}
        for crl in members(crls, RevocationList, "crls"):
            self._add(crl)

    @classmethod
    def gather(
        cls,
        anchors: Iterable[Certificate],
        crls: Iterable[RevocationList],
        *,
        refused: Iterable[CccdError] = (),
        lost_lists: Iterable[str | None] = (),
    ) -> TrustStore:
        """A store of whatever can be used of many States' material; what cannot, lists included, is in its `refused`,
        behind what was `refused` before. For collections alone: a list that is left out revokes nothing, and fails the
        rule `fresh_list` (usually a flag) for the signers of its CSCA of whom no other list speaks. So does one that
        could not be read, of which `lost_lists` names the issuer, or None: it may then be anybody's."""
        store = cls(anchors)
        store._lists.unusable.update(lost_lists)
        refused = [*refused, *store.refused]
        for crl in members(crls, RevocationList, "crls"):
            try:
                store._add(crl)
            except CertificateError as error:
                refused.append(error)
                store._lists.unusable.add(crl.issuer_key)
        store.refused = tuple(refused)
        return store

    def __len__(self) -> int:
        return len(self._anchors)

    @property
    def anchors(self) -> tuple[Certificate, ...]:
        """The trusted certificates."""
        return self._anchors

    def require_whole(self) -> TrustStore:
        """The store itself; the first error of `refused` where something was left out."""
        for error in self.refused:
            raise error
        return self

    def read(self, der: bytes) -> Certificate:
        """A signer's certificate, parsed once for as long as it is remembered. FormatError."""
        found = self._read.get(der)
        if found is None:
            found = parse_certificate(der)
            if len(self._read) >= MAX_REMEMBERED:
                self._read.clear()
            self._read[found.der] = found
        return found

    def _add(self, crl: RevocationList) -> None:
        by_key = self._by_key.get(crl.authority_key_identifier or b"", [])
        issuers = list(dict.fromkeys((*self._by_subject.get(crl.issuer_key, []), *by_key)))
        try:
            self._lists.add(crl, issuers)
        except CertificateError:
            for csca, error in self._left_out:
                if csca.subject_key == crl.issuer_key and not issuers:
                    raise CertificateError(
                        f"the CSCA of a revocation list was left out: {error.message}", **error.facts
                    ) from None
            raise

    def validate(
        self,
        signer: Certificate,
        at: dt.datetime,
        *,
        now: dt.datetime | None = None,
        role: Role = Role.DOCUMENT_SIGNER,
        policy: VerificationPolicy = VerificationPolicy.STRICT,
        more: tuple[Certificate, ...] = (),
    ) -> TrustPath:
        """`judge`, with the error of the first rule that refuses: CertificateError or VerificationError with `check`
        and `rule`."""
        report = self.judge(signer, at, now=now, role=role, policy=policy, more=more)
        report.require()
        if report.path is None:
            raise CertificateError("no path to a trusted CSCA", check="issuer", subject=signer.subject)
        return report.path

    def judge(
        self,
        signer: Certificate,
        at: dt.datetime,
        *,
        now: dt.datetime | None = None,
        role: Role = Role.DOCUMENT_SIGNER,
        policy: VerificationPolicy = VerificationPolicy.STRICT,
        more: tuple[Certificate, ...] = (),
    ) -> PathReport:
        """Every rule of the path from `signer`, as it stood at `at` (aware), to a trusted CSCA.

        `now` (aware; `at` where not given) is until when revocations count: who has a stolen key can date a signature
        back. `more` are certificates from elsewhere; links among them may lead from a newer CSCA key to a trusted one.
        Of several paths the accepted one is reported, or the one that comes furthest. ParameterError, with the
        `field`, for a time without a zone and an argument of another type."""
        now = at if now is None else now
        require_type(signer, Certificate, "signer")
        for field, time in (("at", at), ("now", now)):
            require_type(time, dt.datetime, field)
            if time.tzinfo is None:
                raise ParameterError("a time without a time zone", field=field)
        key = (signer, role, policy, more)
        known = self._remembered.get(key, ())
        for remembered in known:
            if remembered.holds(at, now):
                return remembered.report
        times = Times.of(at, now)
        report = self._judge(signer, role, policy, members(more, Certificate, "more"), times)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        spans = _Remembered(report, _span(times.at_marks, at), _span(times.now_marks, now))
        if spans.holds(at, now) and len(known) < 8:
            self._remembered.setdefault(key, []).append(spans)
        return report

    def _judge(
        self, signer: Certificate, role: Role, policy: VerificationPolicy, more: tuple[Certificate, ...], times: Times
    ) -> PathReport:
        best: PathReport | None = None
        for count, authorities in enumerate(self._paths(signer, more)):
            report = self._judge_path(signer, authorities, role, policy, times)
            counts = _named_by_key(signer, authorities) or report.rules[Rule.CERTIFICATE_SIGNATURE] is Outcome.HELD
            if counts and (best is None or _rank(report) > _rank(best)):
                best = report
            if report.accepted or count + 1 >= MAX_PATHS:
                break
        if best is not None:
            return best
        judgement = Judgement(policy)
        why = "no trusted CSCA issued the signer"
        if signer.issuer_key in self._by_subject:
            why = "no trusted CSCA of this name has the key that issued the signer"
        judgement.failed(Rule.ISSUER, role.value, why, subject=signer.subject, issuer=signer.issuer)
        judge_signer(judgement, signer, role, times)
        return PathReport(judged=judgement.close(), role=role, path=None)

    def _judge_path(
        self,
        signer: Certificate,
        authorities: tuple[Certificate, ...],
        role: Role,
        policy: VerificationPolicy,
        times: Times,
    ) -> PathReport:
        judgement = Judgement(policy)
        judgement.held(Rule.ISSUER, role.value, authorities[0].subject)
        scheme = judge_authorities(judgement, signer, authorities, times)
        judge_signer(judgement, signer, role, times)
        status = self._lists.judge(judgement, signer, authorities[0], times, authority=False)
        for authority, issuer in zip(authorities, (*authorities[1:], authorities[-1]), strict=True):
            self._lists.judge(judgement, authority, issuer, times, authority=True)
        path = TrustPath(signer, authorities, None if scheme is None else scheme.name, status)
        return PathReport(judged=judgement.close(), role=role, path=path)

    def _paths(self, signer: Certificate, more: tuple[Certificate, ...]) -> Iterator[tuple[Certificate, ...]]:
        """Chains of issuers whose last is trusted, those of fewer links first; each link is tried once."""
        chains: list[tuple[Certificate, ...]] = [()]
        seen = {signer}
        for _ in range(MAX_LINKS + 1):
            longer: list[tuple[Certificate, ...]] = []
            for links in chains:
                below = links[-1] if links else signer
                for anchor in self._issuers(below):
                    yield (*links, anchor)
                for link in more:
                    if link.subject_key == below.issuer_key and link not in seen and _keys_match(below, link):
                        seen.add(link)
                        longer.append((*links, link))
            chains = longer

    def _issuers(self, below: Certificate) -> list[Certificate]:
        """Those of its issuer's name, whichever key it says, and those of that key: what it says only orders them, the
        signature decides (RFC 5280 clause 4.2.1.1: it helps to find a path)."""
        named = self._by_subject.get(below.issuer_key, [])
        # Doc 9303-12 clause 7.1.1: the key identifier finds a CSCA that was renamed since.
        by_key = self._by_key.get(below.authority_key_identifier or b"", [])
        found = dict.fromkeys((*named, *(c for c in by_key if c.country == below.country)))
        return sorted(found, key=lambda csca: not _keys_match(below, csca))


def not_trusted(certificate: Certificate, why: str) -> CertificateError:
    """What is said of a certificate that was handed over for trust, and is left out."""
    return CertificateError(why, check="usage", subject=certificate.subject, sha256=certificate.fingerprint)


def _named_by_key(signer: Certificate, authorities: tuple[Certificate, ...]) -> bool:
    """Whether no certificate of a path says that another key than the one above it signed it."""
    return all(map(_keys_match, (signer, *authorities), authorities))


def _rank(report: PathReport) -> tuple[bool, int]:
    """Accepted before refused, then by how little refuses; a wrong signature weighs most, then one that cannot be
    verified."""
    wrong = len(report.refusals)
    for finding in report.findings:
        if finding.rule is Rule.CERTIFICATE_SIGNATURE and finding.outcome is not Outcome.HELD:
            wrong += 1000 if finding.outcome is Outcome.FAILED else 100
    return report.accepted, -wrong


def _span(marks: list[dt.datetime], time: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The open interval around `time` that holds none of the marks; empty where `time` is one."""
    if time in marks:
        return (time, time)
    lowest, highest = dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)
    return max((m for m in marks if m < time), default=lowest), min((m for m in marks if m > time), default=highest)


def _keys_match(below: Certificate, csca: Certificate) -> bool:
    wanted, has = below.authority_key_identifier, csca.subject_key_identifier
    return wanted is None or has is None or hmac.compare_digest(wanted, has)
