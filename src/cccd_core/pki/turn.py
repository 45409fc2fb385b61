"""Whose turn it is to sign a document: the one rule, for one document, for many, and for what is said of a PKI folder.

Of a country's document signers the first in order signs whose key's period holds, whose signature readers accept
(revocation, validity), whose certificate lasts for the document, and whose count is not used up. Reads nothing itself.
Doc 9303-12 clauses 4.1.1 (usage and validity) and 7.1 (PrivateKeyUsagePeriod).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from cccd_core.errors import CertificateError, SigningError
from cccd_core.pki.certificates import Certificate
from cccd_core.signing.counted import KeyPeriod


class SignerTooShortError(CertificateError):
    """Document signers may sign now, and the certificate of none lasts as long as this document."""

    kind = "signer_too_short"


class Candidate(Protocol):
    """What the rule looks at of a signer."""

    @property
    def certificate(self) -> Certificate:
        """Its certificate."""

    @property
    def period(self) -> KeyPeriod:
        """When its private key may sign."""


C = TypeVar("C", bound=Candidate)


def first_able(
    candidates: Iterable[C],
    at: dt.datetime,
    *,
    require_trusted: Callable[[C], object],
    left: Callable[[C], int | None],
    until: dt.datetime | None = None,
) -> C:
    """The candidate that signs at that time (aware), for a document whose signature must stand until then.

    `require_trusted` raises CertificateError where readers would refuse what the candidate signs now; `left` is how
    many documents it may still sign (None: any number), and is asked last. SignerTooShortError where those that may
    sign do not last so long, CertificateError where readers would refuse those in their period, else SigningError."""
    why: dict[str, str] = {}
    too_short: dict[str, str] = {}
    refused: CertificateError | None = None
    for one in candidates:
        serial = f"{one.certificate.serial_number:X}"
        problem = one.period.problem(at)
        if problem is None:
            try:
                require_trusted(one)
            except CertificateError as error:
                refused = refused or error
                problem = error.message
        if problem is not None:
            why[serial] = problem
        elif until is not None and one.certificate.not_after < until:
            too_short[serial] = one.certificate.not_after.isoformat()
        elif left(one) == 0:
            why[serial] = "the key has made all the signatures it may"
        else:
            return one
    if too_short and until is not None:
        raise SignerTooShortError(
            "no document signer that may sign lasts as long as this document",
            until=until.isoformat(), signers=", ".join(f"{one} until {time}" for one, time in too_short.items()),
        )  # fmt: skip
    if refused is not None:
        raise refused
    raise SigningError(
        "no document signer may sign now", at=at.isoformat(timespec="seconds"),
        signers="; ".join(f"{one}: {problem}" for one, problem in why.items()),
    )  # fmt: skip
