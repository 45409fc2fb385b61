"""A signer that keeps its key's rules: it signs in the key's usage period alone, and counts in its ledger first."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.errors import SigningError
from cccd_core.signing.ledger import NO_RUN, Ledger, Purpose
from cccd_core.signing.signer import Signer


def now_utc() -> dt.datetime:
    """The machine's time, in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class KeyPeriod:
    """From when until when a private key may sign (Doc 9303-12 clause 7.1, PrivateKeyUsagePeriod); None: no bound."""

    not_before: dt.datetime | None
    not_after: dt.datetime | None

    def problem(self, at: dt.datetime) -> str | None:
        """Why the key may not sign at `at` (aware); None where it may. Both bounds are inside."""
        if self.not_before is not None and at < self.not_before:
            return "the private key's usage period has not begun"
        if self.not_after is not None and at > self.not_after:
            return "the private key's usage period is over"
        return None

    def require(self, at: dt.datetime) -> None:
        """SigningError where the key may not sign at `at`."""
        problem = self.problem(at)
        if problem is not None:
            raise SigningError(
                problem, at=at.isoformat(timespec="seconds"),
                since=self.not_before.isoformat() if self.not_before else None,
                until=self.not_after.isoformat() if self.not_after else None,
            )  # fmt: skip


class CountedSigner:
    """Another signer's key, its period kept and its signatures counted: see `signing.ledger` for what is guaranteed."""

    __slots__ = ("_clock", "_ledger", "_period", "_purpose", "_run", "_signer")

    def __init__(
        self,
        signer: Signer,
        ledger: Ledger,
        period: KeyPeriod,
        *,
        purpose: Purpose = Purpose.SECURITY_OBJECT,
        run: bytes = NO_RUN,
        clock: Callable[[], dt.datetime] = now_utc,
    ) -> None:
        """`run`: 16 bytes that name what is signed for (a run of issuing); `clock` gives the time, aware."""
        self._signer = signer
        self._ledger = ledger
        self._period = period
        self._purpose = purpose
        self._run = run
        self._clock = clock

    def __repr__(self) -> str:
        return f"CountedSigner({self._signer!r})"

    @property
    def certificate_der(self) -> bytes:
        """See `Signer`."""
        return self._signer.certificate_der

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """See `Signer`."""
        return self._signer.algorithm

    def sign(self, data: bytes) -> bytes:
        """See `Signer`. SigningError, and no signature, outside the key's period and where its count is used up;
        FileError where the ledger cannot be written."""
        now = self._clock()
        self._period.require(now)
        self._ledger.record(hashlib.sha256(data).digest(), self._purpose, run=self._run, at=now)
        return self._signer.sign(data)

    def close(self) -> None:
        """Gives back the ledger, and what is reserved in it and unused; closes a token's session."""
        self._ledger.close()
        close_signer(self._signer)


def close_signer(signer: Signer) -> None:
    """Closes a signer that holds something open, as one in a token does."""
    close = getattr(signer, "close", None)
    if close is not None:
        close()
