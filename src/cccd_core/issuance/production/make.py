"""From a decision to a proved card: build, sign, write, verify.

Images are built lazily, a few ahead of the stations; nothing of a card that an interruption loses is missed, since the
station's journal knows every card that was ever bound and the register every one that is issued.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.errors import CccdError, CertificateError, ConflictError, SigningError
from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.dossiers.reasons import Failure
from cccd_core.issuance.production.build import card_job
from cccd_core.issuance.register.store import Register
from cccd_core.issuance.runs.content import Content, ContentStore
from cccd_core.issuance.runs.evidence import ErrorEvidence
from cccd_core.issuance.runs.moves import DossierMoves, refused
from cccd_core.issuance.runs.orders import Orders
from cccd_core.issuance.runs.replaced import replaced
from cccd_core.issuance.runs.state import DossierState, Entry, RunState
from cccd_core.personalise import CardJob, CardResult, JobOutcome, Station
from cccd_core.pki import DocumentSigners, SignerTooShortError, ValidityPolicy, parse_certificate
from cccd_core.progress import Progress
from cccd_core.signing import Signer

_TOLD_AT_A_TIME: Final = 200  # results; what was not told yet is told by the run's end, or by the next call
_TOLD_AFTER_S: Final = 5.0


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0


class _TimedSigner:
    """A signer that adds up the time its signatures take."""

    def __init__(self, signer: Signer, watch: _Stopwatch) -> None:
        self._signer = signer
        self._watch = watch

    @property
    def certificate_der(self) -> bytes:
        """See `Signer`."""
        return self._signer.certificate_der

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """See `Signer`."""
        return self._signer.algorithm

    def sign(self, data: bytes) -> bytes:
        """See `Signer`."""
        start = time.perf_counter()
        try:
            return self._signer.sign(data)
        finally:
            self._watch.seconds += time.perf_counter() - start


class _OtherRunError(Exception):
    """This run was taken for lost, and another one has its dossier now."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self.run = run


@dataclass(slots=True)
class ProduceStage:
    """The card stage of one run."""

    state: RunState
    content: ContentStore
    register: Register
    orders: Orders
    moves: DossierMoves
    station: Station
    signers: DocumentSigners
    cvca_certificate: bytes
    validity: ValidityPolicy
    policy: CheckPolicy
    now: Callable[[], datetime]
    codec: AuthorityCodec = PLAIN
    _watch: _Stopwatch = field(default_factory=_Stopwatch)
    _making: dict[str, tuple[Entry, Dossier]] = field(default_factory=dict)  # by job
    _seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _done: int = 0
    _noted: bytes = b""

    def execute(self, progress: Progress | None = None) -> None:
        """Makes the card of every unique dossier. Errors of the reader, the journal, a database or the signer end the
        run; what is done stays done."""
        waiting = {entry.dossier_id: entry for entry in self.state.entries(DossierState.UNIQUE)}
        total = len(waiting)

        def record(entry: Entry) -> None:
            self.state.record([entry], dict(self._seconds))
            self._seconds.clear()
            waiting.pop(entry.dossier_id)
            self._done += 1
            if progress is not None:
                progress(self._done, total, "cards")

        told: list[Entry] = []
        since = time.monotonic()
        for result in self.station.run_all(self._jobs(dict(waiting), record)):
            told.append(self._ended(result))
            record(told[-1])
            if len(told) >= _TOLD_AT_A_TIME or time.monotonic() - since > _TOLD_AFTER_S:
                self.moves.tell(told)
                told, since = [], time.monotonic()
        for entry in list(waiting.values()):
            record(replace(entry, state=DossierState.FAILED, reason=Failure.BATCH_CHANGED, searched=False))

    def _jobs(self, waiting: Mapping[str, Entry], record: Callable[[Entry], None]) -> Iterator[CardJob]:
        """Builds and signs a card when a lane asks for one, and hands it on once the register says that nobody
        withdraws its dossier any more. None is signed ahead: a key makes so many signatures and no more, and whatever
        interrupts the run would lose them."""
        run = self.state.value("run")
        for content in self.content.read(list(waiting)):
            job = self._built(content, waiting[content.dossier.dossier_id], run, record)
            if job is None:
                continue
            why = self.moves.sign(job.job_id)
            if why is None:
                yield job
            else:
                entry, _ = self._making.pop(job.job_id)
                record(refused(entry, why))

    def _built(self, content: Content, entry: Entry, run: str, record: Callable[[Entry], None]) -> CardJob | None:
        start, signed = time.perf_counter(), self._watch.seconds
        evidence = entry.evidence
        try:
            job = self._job(content, run)
        except _OtherRunError as error:
            evidence = replace(evidence, run=error.run)
            record(replace(entry, state=DossierState.FAILED, reason=Failure.IN_OTHER_RUN, evidence=evidence))
            return None
        except SignerTooShortError as error:
            evidence = replace(evidence, error=ErrorEvidence.of(error))
            record(replace(entry, state=DossierState.FAILED, reason=Failure.SIGNER_TOO_SHORT, evidence=evidence))
            return None
        except (SigningError, CertificateError, ConflictError):
            raise  # it would fail for everybody, or what is stored contradicts itself
        except CccdError as error:
            evidence = replace(evidence, error=ErrorEvidence.of(error))
            record(replace(entry, state=DossierState.FAILED, reason=Failure.BUILD_FAILED, evidence=evidence))
            return None
        spent = self._watch.seconds - signed
        self._seconds["sign"] += spent
        self._seconds["build"] += time.perf_counter() - start - spent
        self._making[job.job_id] = (entry, content.dossier)
        return job

    def _job(self, content: Content, run: str) -> CardJob:
        dossier = content.dossier
        order = self.orders.order(dossier.dossier_id, dossier.personal_number)
        card = self.register.card(dossier.dossier_id, dossier.personal_number)
        if order is None or card is None:
            raise ConflictError("the dossier was not accepted", dossier=dossier.dossier_id)
        if order.run != run:
            raise _OtherRunError(order.run)
        until = self.validity.document_until(card.issue_date, card.expiry_date)
        signer = self.signers.for_document(until, run=bytes.fromhex(run))
        self._note(signer)
        signing_time = self.now() if self.validity.signing_time else None
        timed = _TimedSigner(signer, self._watch)
        job = card_job(
            content, card, timed, self.cvca_certificate, self.policy, signing_time=signing_time, codec=self.codec
        )
        # The journal tells people apart by it and needs no more: under a key it has the mark.
        return replace(job, personal_number=self.register.numbers.stored(job.personal_number))

    def _note(self, signer: Signer) -> None:
        """Keeps which signers the run uses, before they sign: what they signed can then be counted whatever happens."""
        if signer.certificate_der != self._noted:
            self._noted = signer.certificate_der
            serial = f"{parse_certificate(signer.certificate_der).serial_number:X}"
            known = self.state.get_json("signers")
            self.state.put_json("signers", {serial: 0, **(known if isinstance(known, dict) else {})})

    def count_signatures(self) -> None:
        """Keeps how many signatures each signer has made for this run, as its ledger has them."""
        known = self.state.get_json("signers")
        if isinstance(known, dict):
            run = bytes.fromhex(self.state.value("run"))
            self.state.put_json("signers", {**known, **self.signers.used(run, known.keys())})

    def _ended(self, result: CardResult) -> Entry:
        entry, dossier = self._making.pop(result.job_id)
        self._seconds["write"] += result.write_s
        self._seconds["verify"] += result.verify_s
        evidence = replace(entry.evidence, card=result.evidence.as_dict())
        if result.outcome is JobOutcome.VERIFIED and result.card_serial is not None:
            self.register.verify(result.job_id, dossier.personal_number, result.card_serial)
            return replace(
                entry,
                state=DossierState.VERIFIED,
                reason=None,
                card_serial=result.card_serial,
                written=True,
                evidence=replace(evidence, replaced=replaced(self.register, dossier)),
            )
        why = result.reason
        told = ErrorEvidence(result.outcome, str(why or ""), {} if why is None else why.as_dict())
        reason = Failure.CARD_WAITING if result.outcome is JobOutcome.WAITING else Failure.CARD_FAILED
        return replace(
            entry,
            state=DossierState.FAILED,
            reason=reason,
            written=result.written,
            evidence=replace(evidence, error=told),
        )
