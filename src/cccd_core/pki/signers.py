"""The document signers of many documents, each the one in turn (`pki.turn`), with keys and ledgers held open.

The same folder, time and counts give the same signer: a batch that is interrupted goes on with the one in turn.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.directory import Holder, PkiDirectory, key_period
from cccd_core.pki.trust import TrustStore
from cccd_core.pki.turn import SignerTooShortError, first_able
from cccd_core.signing.counted import CountedSigner, close_signer, now_utc
from cccd_core.signing.ledger import NO_RUN, Ledger
from cccd_core.signing.signer import Signer

_TRUSTED_FOR = dt.timedelta(minutes=1)


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
        self._used_up: set[str] = set()

    def for_document(self, until: dt.datetime | None = None, *, run: bytes = NO_RUN) -> Signer:
        """See `DocumentSigners`."""
        now = self._clock()
        holder = first_able(
            self._directory.signers, now, until=until, left=self._left,
            require_trusted=lambda one: self._require_trusted(one, now),
        )  # fmt: skip
        ledger, key = self._opened(holder)
        return CountedSigner(key, ledger, holder.period, run=run, clock=self._clock)

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

    def _left(self, holder: Holder) -> int | None:
        """How many documents the holder may still sign; a ledger that is not held is read once."""
        if holder.folder in self._open:
            return self._open[holder.folder][0].remaining
        if holder.folder in self._used_up:
            return 0
        left = self._directory.left(holder)
        if left == 0:
            self._used_up.add(holder.folder)
        return left

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
