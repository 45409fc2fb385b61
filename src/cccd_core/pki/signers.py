"""Which document signer signs a document: the first in order that may, by date, by count, and for as long as it needs.

The same folder, time and counts give the same signer: a batch that is interrupted goes on with the one in turn.
Doc 9303-12 clauses 4.1.1 (usage and validity) and 7.1 (PrivateKeyUsagePeriod).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from cccd_core.errors import CertificateError, SigningError
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.directory import Holder, PkiDirectory, key_period
from cccd_core.pki.trust import TrustStore
from cccd_core.signing.counted import CountedSigner, close_signer, now_utc
from cccd_core.signing.ledger import NO_RUN, Ledger
from cccd_core.signing.signer import Signer

_TRUSTED_FOR = dt.timedelta(minutes=1)


class SignerTooShortError(CertificateError):
    """Document signers may sign now, and the certificate of none lasts as long as this document."""

    kind = "signer_too_short"


class DocumentSigners(Protocol):
    """Gives the signer of each document."""

    def for_document(self, until: dt.datetime | None = None, *, run: bytes = NO_RUN) -> Signer:
        """The signer in turn, for a document whose signature must stand until then (aware), counted under `run` (16
        bytes). SignerTooShortError where those in turn do not last so long; SigningError where none may sign now,
        CertificateError where readers would refuse those that may: both would be so for every document."""

    def identity(self) -> str:
        """Whose documents these are, whichever key signs: the digest of the country's first CSCA certificate."""

    def used(self, run: bytes, serial_numbers: Collection[str]) -> Mapping[str, int]:
        """How many signatures these signers (serial numbers, hexadecimal) have made under `run`, as far as known."""

    def close(self) -> None:
        """Lets go of ledgers and keys."""


class DirectorySigners:
    """The document signers of a PKI directory, each with its ledger, which is held from the first signature on."""

    def __init__(self, directory: PkiDirectory, *, clock: Callable[[], dt.datetime] = now_utc) -> None:
        """`clock` gives the time, aware."""
        self._directory = directory
        self._trust = directory.trust_store()
        self._clock = clock
        self._open: dict[str, tuple[Ledger, Signer]] = {}
        self._trusted: dict[str, dt.datetime] = {}

    def for_document(self, until: dt.datetime | None = None, *, run: bytes = NO_RUN) -> Signer:
        """See `DocumentSigners`."""
        now = self._clock()
        why: dict[str, str] = {}
        too_short: dict[str, str] = {}
        refused: CertificateError | None = None
        for holder in self._directory.signers:
            serial = f"{holder.certificate.serial_number:X}"
            problem = holder.period.problem(now)
            if problem is None:
                try:
                    self._require_trusted(holder, now)
                except CertificateError as error:
                    refused = refused or error
                    problem = error.message
            if problem is not None:
                why[serial] = problem
            elif until is not None and holder.certificate.not_after < until:
                too_short[serial] = holder.certificate.not_after.isoformat()
            else:
                ledger, key = self._opened(holder)
                if ledger.remaining != 0:
                    return CountedSigner(key, ledger, holder.period, run=run, clock=self._clock)
                why[serial] = "the key has made all the signatures it may"
        if too_short and until is not None:
            raise SignerTooShortError(
                "no document signer that may sign lasts as long as this document",
                until=until.isoformat(), signers=", ".join(f"{one} until {time}" for one, time in too_short.items()),
            )  # fmt: skip
        if refused is not None:
            raise refused
        raise SigningError(
            "no document signer may sign now", at=now.isoformat(timespec="seconds"),
            signers="; ".join(f"{one}: {problem}" for one, problem in why.items()),
        )  # fmt: skip

    def identity(self) -> str:
        """See `DocumentSigners`."""
        return _identity(self._directory.authorities[0].certificate)

    def used(self, run: bytes, serial_numbers: Collection[str]) -> Mapping[str, int]:
        """See `DocumentSigners`."""
        counts = {}
        for holder in self._directory.signers:
            serial = f"{holder.certificate.serial_number:X}"
            if serial in serial_numbers:
                opened = self._open.get(holder.folder)
                counts[serial] = (
                    opened[0].of_run(run) if opened is not None else self._directory.tally(holder).runs[run]
                )
        return counts

    def close(self) -> None:
        """See `DocumentSigners`."""
        for ledger, key in self._open.values():
            ledger.close()
            close_signer(key)
        self._open.clear()

    def _require_trusted(self, holder: Holder, now: dt.datetime) -> None:
        """CertificateError where readers would refuse what the holder signs now; looked at once a minute."""
        seen = self._trusted.get(holder.folder)
        if seen is None or not seen <= now < seen + _TRUSTED_FOR:
            self._trust.validate(holder.certificate, now)
            self._trusted[holder.folder] = now

    def _opened(self, holder: Holder) -> tuple[Ledger, Signer]:
        if holder.folder not in self._open:
            self._open[holder.folder] = self._directory.open_key(holder, self._clock())
        return self._open[holder.folder]


class OneSigner:
    """One signer from elsewhere, which counts for itself where it is counted; its certificate's rules are kept."""

    def __init__(self, signer: Signer, trust: TrustStore, *, clock: Callable[[], dt.datetime] = now_utc) -> None:
        self._signer = signer
        self._trust = trust
        self._clock = clock
        self._certificate = parse_certificate(signer.certificate_der)
        self._period = key_period(self._certificate)

    def for_document(self, until: dt.datetime | None = None, *, run: bytes = NO_RUN) -> Signer:
        """See `DocumentSigners`."""
        del run
        now = self._clock()
        self._period.require(now)
        self._trust.validate(self._certificate, now)
        if until is not None and self._certificate.not_after < until:
            raise SignerTooShortError(
                "no document signer that may sign lasts as long as this document",
                until=until.isoformat(), signers=self._certificate.not_after.isoformat(),
            )  # fmt: skip
        return self._signer

    def identity(self) -> str:
        """See `DocumentSigners`."""
        return _identity(self._trust.validate(self._certificate, self._clock()).csca)

    def used(self, run: bytes, serial_numbers: Collection[str]) -> Mapping[str, int]:
        """Nothing is known of the count."""
        del run, serial_numbers
        return {}

    def close(self) -> None:
        """See `DocumentSigners`."""


def _identity(csca: Certificate) -> str:
    return "sha256:" + hashlib.sha256(csca.der).hexdigest()
