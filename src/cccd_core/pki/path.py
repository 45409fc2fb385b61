"""What a certificate may do in its role, and whether a chain of them holds: the rules of a path, one path at a time.

Doc 9303-12 clauses 5 and 7.1; RFC 5280 clauses 4.2.1 and 6.1. Which paths there are is `trust`'s.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cccd_core.pki.certificates import DEVIATION_LIST_SIGNER, MASTER_LIST_SIGNER, NAME_CHANGE, Certificate
from cccd_core.pki.report import Judgement
from cccd_core.pki.rules import Rule
from cccd_core.pki.signatures import SignatureScheme
from cccd_core.pki.strength import judge_key, judge_signature

ANY_PURPOSE: Final = "2.5.29.37.0"
ICAO_ROLES: Final = "2.23.136.1.1."
AUTHORITY: Final = "CSCA"


class Role(StrEnum):
    """What the certificate at the end of a path is used for."""

    DOCUMENT_SIGNER = "document signer"
    MASTER_LIST_SIGNER = "master list signer"
    DEVIATION_LIST_SIGNER = "deviation list signer"

    @property
    def purpose(self) -> str | None:
        """The extended key usage that the role asks for."""
        return {Role.MASTER_LIST_SIGNER: MASTER_LIST_SIGNER, Role.DEVIATION_LIST_SIGNER: DEVIATION_LIST_SIGNER}.get(
            self
        )


@dataclass(slots=True)
class Times:
    """The time at which certificates must be valid (`at`) and the present (`now`), and every moment that either was
    compared with: between two of them nothing changes, so a result holds until the next one."""

    at: dt.datetime
    now: dt.datetime
    at_marks: list[dt.datetime]
    now_marks: list[dt.datetime]

    @classmethod
    def of(cls, at: dt.datetime, now: dt.datetime) -> Times:
        """Nothing compared yet."""
        return cls(at, now, [], [])

    def within(self, start: dt.datetime | None, end: dt.datetime | None) -> bool:
        """Whether `at` lies between both, ends included; None is open."""
        self.at_marks += [mark for mark in (start, end) if mark is not None]
        return (start is None or start <= self.at) and (end is None or self.at <= end)

    def reached(self, moment: dt.datetime) -> bool:
        """Whether `now` is at or after the moment."""
        self.now_marks.append(moment)
        return moment <= self.now


def judge_signer(judgement: Judgement, signer: Certificate, role: Role, times: Times) -> None:
    """What the signer's own certificate says."""
    about = role.value
    judge_key(judgement, signer.public_key, about)
    judgement.require(
        Rule.SIGNER_VALIDITY, times.within(signer.not_before, signer.not_after), about,
        "the certificate was not valid then", subject=signer.subject,
    )  # fmt: skip
    _critical(judgement, signer, about)
    judgement.require(
        Rule.SIGNER_NO_AUTHORITY,
        not signer.is_ca,
        about,
        "a signer is no certificate authority",
        subject=signer.subject,
    )
    if signer.key_usage is None:
        judgement.unknown(Rule.SIGNER_KEY_USAGE, about, "no key usage is stated")
        judgement.failed(Rule.SIGNER_KEY_USAGE_STATED, about, "no key usage is stated", subject=signer.subject)
    else:
        judgement.require(
            Rule.SIGNER_KEY_USAGE, "digital_signature" in signer.key_usage, about, "the signer may not sign",
            subject=signer.subject,
        )  # fmt: skip
        judgement.held(Rule.SIGNER_KEY_USAGE_STATED, about)
    purposes = signer.extended_key_usage
    _roles(judgement, signer, about, role.purpose)
    if role.purpose is not None:
        judgement.require(
            Rule.LIST_SIGNER_PURPOSE, purposes is not None and role.purpose in purposes, about,
            f"the signer is not stated to be a {role.value}", subject=signer.subject,
        )  # fmt: skip
    elif purposes is not None:
        judgement.require(
            Rule.FOREIGN_PURPOSE, ANY_PURPOSE in purposes, about,
            "the key is meant for something else than documents",
            subject=signer.subject, purposes=" ".join(sorted(purposes))[:120],
        )  # fmt: skip
    else:
        judgement.held(Rule.FOREIGN_PURPOSE, about)


def judge_authorities(
    judgement: Judgement, signer: Certificate, authorities: tuple[Certificate, ...], times: Times
) -> SignatureScheme | None:
    """The chain above the signer: nearest first, the trusted one last. The scheme by which the signer's certificate was
    signed, None where it was not."""
    scheme = None
    below = signer
    below_about = "signer"
    counted = 0  # authorities below the one looked at, links left out
    for position, authority in enumerate(authorities):
        trusted = position == len(authorities) - 1
        about = AUTHORITY if trusted else "link certificate"
        found = judge_signature(
            judgement, Rule.CERTIFICATE_SIGNATURE, authority.public_key, below.signature_algorithm, below.signature,
            below.signed_part, f"certificate of the {below_about}",
        )  # fmt: skip
        scheme = found if position == 0 else scheme
        _authority(judgement, authority, about, times, trusted=trusted)
        period = authority.private_key_usage_period
        if period is not None:
            start, end = period
            inside = (start is None or start <= below.not_before) and (end is None or below.not_before <= end)
            judgement.require(
                Rule.SIGNER_ISSUED_IN_KEY_PERIOD, inside, about,
                "a certificate was issued outside its issuer's key period",
                subject=below.subject,
            )  # fmt: skip
        else:
            judgement.unknown(Rule.SIGNER_ISSUED_IN_KEY_PERIOD, about, "no private key usage period is stated")
        limit = authority.path_length
        judgement.require(
            Rule.PATH_LENGTH, limit is None or counted <= limit, about,
            "more authorities follow than the path length allows",
            subject=authority.subject, path_length=limit,
        )  # fmt: skip
        judgement.require(
            Rule.COUNTRY, below.country == authority.country, about, "two certificates of a path are of two countries",
            subject=below.subject,
        )  # fmt: skip
        if not trusted:
            link = is_link(authority)
            judgement.require(
                Rule.LINK_CERTIFICATE, link, about, "an authority between signer and trusted CSCA is no link",
                subject=authority.subject,
            )  # fmt: skip
            counted += not link
        below, below_about = authority, about
    return scheme


def is_link(certificate: Certificate) -> bool:
    """Whether a certificate can stand between two keys of one CSCA: of one name, or said to change it."""
    return certificate.self_issued or NAME_CHANGE in certificate.extensions


def no_authority(certificate: Certificate) -> str | None:
    """Why a certificate can be no authority's, whatever the policy; None where it can."""
    if certificate.has_basic_constraints and not certificate.is_ca:
        return "the certificate says that it is no authority's"
    if certificate.key_usage is not None and "key_cert_sign" not in certificate.key_usage:
        return "the certificate's key may not sign certificates"
    return None


def _authority(judgement: Judgement, authority: Certificate, about: str, times: Times, *, trusted: bool) -> None:
    judge_key(judgement, authority.public_key, about, authority=True)
    subject = authority.subject
    judgement.require(
        Rule.AUTHORITY_VALIDITY, times.within(authority.not_before, authority.not_after), about,
        "the certificate was not valid then", subject=subject,
    )  # fmt: skip
    _critical(judgement, authority, about)
    if authority.has_basic_constraints:
        judgement.require(Rule.AUTHORITY, authority.is_ca, about, "the certificate says CA:FALSE", subject=subject)
        judgement.held(Rule.AUTHORITY_STATED, about)
    else:
        if trusted:
            judgement.unknown(Rule.AUTHORITY, about, "no basic constraints are stated")
        else:  # only who is trusted as an authority may leave it unsaid
            judgement.failed(Rule.AUTHORITY, about, "the certificate is not said to be an authority's", subject=subject)
        judgement.failed(Rule.AUTHORITY_STATED, about, "no basic constraints are stated", subject=subject)
    if authority.key_usage is not None:
        judgement.require(
            Rule.AUTHORITY_KEY_USAGE, "key_cert_sign" in authority.key_usage, about,
            "the key may not sign certificates",
            subject=subject,
        )  # fmt: skip
        judgement.held(Rule.AUTHORITY_KEY_USAGE_STATED, about)
    else:
        judgement.unknown(Rule.AUTHORITY_KEY_USAGE, about, "no key usage is stated")
        judgement.failed(Rule.AUTHORITY_KEY_USAGE_STATED, about, "no key usage is stated", subject=subject)
    _roles(judgement, authority, about, None)


def _critical(judgement: Judgement, certificate: Certificate, about: str) -> None:
    judgement.require(
        Rule.CRITICAL_EXTENSIONS, not certificate.unknown_critical, about, "a critical extension is not understood",
        subject=certificate.subject, extension=" ".join(certificate.unknown_critical)[:120],
    )  # fmt: skip


def _roles(judgement: Judgement, certificate: Certificate, about: str, own: str | None) -> None:
    """No purpose among ICAO's roles but the own one."""
    others = sorted(p for p in certificate.extended_key_usage or () if p.startswith(ICAO_ROLES) and p != own)
    judgement.require(
        Rule.OTHER_ROLE, not others, about, "the key is another role's", subject=certificate.subject,
        purposes=" ".join(others)[:120],
    )  # fmt: skip
