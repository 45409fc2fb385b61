"""A station: jobs in, cards made on every lane of a feeder at once, results out in the order of the jobs."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from queue import SimpleQueue

from cccd_core.card.card_keys import CardMasterKey
from cccd_core.emrtd.cv import Right
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.errors import CertificateError, ParameterError, TransportError
from cccd_core.personalise.feeder import Feeder
from cccd_core.personalise.jobs import CardJob, CardResult, JobOutcome
from cccd_core.personalise.journal import Journal
from cccd_core.personalise.key_guard import KeyGuard
from cccd_core.personalise.messages import Finish
from cccd_core.personalise.reasons import Reason, Trouble
from cccd_core.personalise.runner import Means, Runner
from cccd_core.personalise.session import Session, SessionParameters
from cccd_core.personalise.verification import image_flaw
from cccd_core.pki import Certificate, TrustStore
from cccd_core.progress import Progress
from cccd_core.signing.cv import Terminal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StationParameters:
    """`session`: how patient the making of one card is. `refusals_before_stop`: cards in a row that refuse the key
    before the station stops, since the wrong master key would use up the stock. `jobs_ahead`: jobs a lane that
    `run_all` takes before the first of them is done."""

    session: SessionParameters = field(default_factory=SessionParameters)
    refusals_before_stop: int = 3
    jobs_ahead: int = 32

    def __post_init__(self) -> None:
        if self.refusals_before_stop < 1 or self.jobs_ahead < 1:
            raise ParameterError("a station parameter must be at least 1")


class Station:
    """Writes, locks and verifies one card for each job, on every lane of its feeder."""

    def __init__(
        self,
        feeder: Feeder,
        journal: Journal,
        card_master_key: CardMasterKey,
        trust: TrustStore,
        terminal: Terminal,
        *,
        parameters: StationParameters | None = None,
        codec: AuthorityCodec = PLAIN,
    ) -> None:
        """`terminal` is the inspection system as which the finished card's fingers are read back, `codec` the one with
        which the images were built, if the authority has its own."""
        self._parameters = parameters or StationParameters()
        guard = KeyGuard(self._parameters.refusals_before_stop)
        self._means = Means(feeder, journal, card_master_key, trust, terminal, guard, codec)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    def stop(self) -> None:
        """Ends every session at its next instruction, from any thread; what is half done goes on in the next run."""
        if not self._stop.is_set():
            logger.info("the station stops")
        self._stop.set()
        self._means.feeder.cancel()

    def run(self, job: CardJob, *, lane: int = 0) -> CardResult:
        """Makes one card, or goes on with the one the journal names. Trouble with a card is in the result.

        Raises what is no fault of a card, and then nothing is said against the card in hand: FileError, BusyError,
        DamagedError or ConflictError of the journal and the disk, TransportError when the reader itself fails,
        AuthenticationError when several cards in a row refuse the key. The run ends, and can be run again.
        """
        if not 0 <= lane < len(self._means.feeder.lanes):
            raise ParameterError("the feeder has no such lane", lane=lane, lanes=len(self._means.feeder.lanes))
        return self._make(job, lane)

    def run_all(self, jobs: Iterable[CardJob], *, progress: Progress | None = None) -> Iterator[CardResult]:
        """Makes the cards of all jobs, on all lanes at once; results come in the order of the jobs.

        A lane that has no blank card any more, or whose reader fails, is used no further; the others go on with its
        job. When none is left, what remains is `WAITING` (finished jobs are still told) or, where it was a reader that
        failed, TransportError. Other errors as `run`.

        `jobs` is taken lazily, at most `jobs_ahead` a lane ahead. Closing the iterator (or an error that ends the
        run) stops every lane at its next instruction and waits for it.
        """
        total = len(jobs) if isinstance(jobs, Sized) else 0
        lanes = len(self._means.feeder.lanes)
        results = self._run_one_lane(jobs) if lanes == 1 else self._run_parallel(jobs, lanes)
        for done, result in enumerate(results, 1):
            if progress is not None:
                progress(done, total, "cards")
            yield result

    def _run_one_lane(self, jobs: Iterable[CardJob]) -> Iterator[CardResult]:
        stocked = True
        for job in jobs:
            result = self._make(job, 0, stocked=stocked)
            stocked = stocked and not _out_of_cards(result)
            yield result

    def _run_parallel(self, jobs: Iterable[CardJob], lanes: int) -> Iterator[CardResult]:
        free = _Lanes(lanes)

        def work(job: CardJob) -> CardResult:
            while True:
                lane = free.get()
                try:
                    result = self._make(job, lane or 0, stocked=lane is not None)
                except BaseException as error:
                    if isinstance(error, TransportError) and free.retire(lane):
                        logger.warning("lane %s is retired: %s", self._means.feeder.lanes[lane or 0], error)
                        continue  # a reader that fails; the others go on
                    self.stop()
                    free.put(lane)  # whoever waits for a lane gets it, and sees the stop
                    raise
                if not _out_of_cards(result) or lane is None:
                    free.put(lane)
                    return result
                logger.warning("lane %s is retired: it has no blank card", self._means.feeder.lanes[lane])
                if not free.retire(lane):
                    return result

        waiting: deque[Future[CardResult]] = deque()
        with ThreadPoolExecutor(lanes, thread_name_prefix="cccd-lane") as pool:
            try:
                for job in jobs:
                    waiting.append(pool.submit(work, job))
                    if len(waiting) >= lanes * self._parameters.jobs_ahead:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            except BaseException:
                self.stop()
                for future in waiting:
                    future.cancel()
                raise

    def _make(self, job: CardJob, lane: int, *, stocked: bool = True) -> CardResult:
        """One job in one lane; without stock only what needs no blank card is done."""
        claims = {f"job {job.job_id}", f"number {job.personal_number}"}
        with self._lock:
            if claims & self._under_way:
                return _without_card(job, JobOutcome.REFUSED, Trouble.UNDER_WAY_ON_ANOTHER_LANE)
            self._under_way |= claims
        try:
            return self._run(job, lane, stocked)
        finally:
            with self._lock:
                self._under_way -= claims

    def _run(self, job: CardJob, lane: int, stocked: bool) -> CardResult:
        journal = self._means.journal
        known = journal.card_of_job(job.job_id)
        session = Session(
            job,
            card_of_job=known,
            card_of_number=journal.card_of_number(job.personal_number),
            parameters=self._parameters.session,
        )
        instruction = session.start()
        if isinstance(instruction, Finish):
            return instruction.result
        if known is None and not stocked:
            return _without_card(job, JobOutcome.WAITING, Trouble.NO_CARD)
        flaw = image_flaw(job.image, self._means.trust, codec=self._means.codec)
        if flaw is not None:
            # No card is touched for an image that no reader would accept.
            logger.error("job %s: %s", job.job_id, flaw)
            return CardResult(job.job_id, JobOutcome.GIVEN_UP, None if known is None else known.serial, flaw)
        runner = Runner(self._means, job, lane)
        try:
            while not isinstance(instruction, Finish):
                if self._stop.is_set():
                    return self._stopped(job)
                instruction = session.handle(runner.execute(instruction))
            result = instruction.result
            if not result.verified:
                logger.warning("job %s: %s, %s", job.job_id, result.outcome, result.reason)
            return replace(result, write_s=runner.write_s, verify_s=runner.verify_s)
        except Exception as error:
            logger.error("%s breaks off: %r", type(error).__name__, session)
            raise
        finally:
            runner.release()

    def _stopped(self, job: CardJob) -> CardResult:
        known = self._means.journal.card_of_job(job.job_id)
        serial = None if known is None else known.serial
        return CardResult(job.job_id, JobOutcome.WAITING, serial, Reason(Trouble.STOPPED))


def require_means(
    trust: TrustStore, document_signer: Certificate, terminal: Terminal, *, at: datetime | None = None
) -> None:
    """What is wrong for every card, found before the first of them.

    CertificateError where the document signer does not lead to a trusted CSCA at `at`, now by default: it is expired,
    revoked, of another country, or the clock is wrong; or where the terminal may not read fingers at that time.
    """
    when = at or datetime.now(UTC)
    trust.validate(document_signer, when)
    terminal.require_valid(when.astimezone(UTC).date())
    if Right.READ_DG3 not in terminal.rights:
        raise CertificateError("the station's terminal may not read fingers", check="rights", right="DG3")


def _without_card(job: CardJob, outcome: JobOutcome, trouble: Trouble) -> CardResult:
    return CardResult(job.job_id, outcome, None, Reason(trouble))


def _out_of_cards(result: CardResult) -> bool:
    return result.reason is not None and result.reason.trouble is Trouble.NO_CARD


class _Lanes:
    """The lanes that are free. A lane is retired for good, unless it is the last: then all that comes gets None."""

    def __init__(self, count: int) -> None:
        self._queue: SimpleQueue[int | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._live = count
        for lane in range(count):
            self._queue.put(lane)

    def get(self) -> int | None:
        """A free lane, waited for; None when there is none any more."""
        return self._queue.get()

    def put(self, lane: int | None) -> None:
        """The lane is free again."""
        self._queue.put(lane)

    def retire(self, lane: int | None) -> bool:
        """Takes a lane out of use; whether there are others. The last one is put back as None."""
        if lane is None:
            return False
        with self._lock:
            self._live -= 1
            last = self._live == 0
        if last:
            self._queue.put(None)
        return not last
