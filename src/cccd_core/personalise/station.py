"""The thin runner: takes a session's instructions, does the I/O over a card, gives the events back. May import card,
pki and errors."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

from cccd_core.card import CardConnection, profile
from cccd_core.card.scp03 import Scp03Session, SecurityLevel, derive_card_keys, open_session
from cccd_core.errors import (
    AuthenticationError,
    CardError,
    CardRemovedError,
    CccdError,
    ParameterError,
    SecureMessagingError,
    StateError,
    TransportError,
)
from cccd_core.personalise.feeder import CardDamagedError, FedCard, Feeder
from cccd_core.personalise.jobs import CardJob, CardResult, CardState
from cccd_core.personalise.journal import Journal
from cccd_core.personalise.plan import CreateFile, Lock, OpenDoor, StoreSecrets, WriteBinary
from cccd_core.personalise.session import (
    NO_CARD,
    CardLeft,
    CardLifeCycle,
    CardThere,
    ChannelOpen,
    Done,
    Event,
    Finish,
    Instruction,
    KeyRefused,
    NoCard,
    OpenChannel,
    Refused,
    Release,
    Remember,
    Remembered,
    Session,
    SessionParameters,
    Take,
    Unusable,
    Verified,
    Verify,
)
from cccd_core.personalise.verification import (
    ACTIVE_AUTHENTICATION,
    CHIP_AUTHENTICATION,
    image_flaw,
    verify_card,
)
from cccd_core.pki import TrustStore
from cccd_core.progress import Progress

_LIFE_CYCLES = {
    profile.LifeCycle.BLANK: CardLifeCycle.BLANK,
    profile.LifeCycle.PERSONALISING: CardLifeCycle.OPEN,
    profile.LifeCycle.PERSONALISED: CardLifeCycle.OPEN,
    profile.LifeCycle.LOCKED: CardLifeCycle.LOCKED,
}


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
        card_master_key: bytes,
        trust: TrustStore,
        *,
        parameters: StationParameters | None = None,
    ) -> None:
        self._feeder = feeder
        self._journal = journal
        self._card_master_key = card_master_key
        self._trust = trust
        self._parameters = parameters or StationParameters()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._refusals_in_a_row = 0

    def stop(self) -> None:
        """Ends every session at its next instruction, from any thread; what is half done goes on in the next run."""
        self._stop.set()
        self._feeder.cancel()

    def run(self, job: CardJob, *, lane: int = 0) -> CardResult:
        """Makes one card, or goes on with the one the journal names. Trouble with a card is in the result.

        Raises FileError or StateError when the journal fails, TransportError when the reader itself fails,
        AuthenticationError when several cards in a row refuse the key: these end the run, and it can be run again.
        """
        if not 0 <= lane < len(self._feeder.lanes):
            raise ParameterError("the feeder has no such lane", lane=lane, lanes=len(self._feeder.lanes))
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
        lanes = len(self._feeder.lanes)
        results = self._run_one_lane(jobs) if lanes == 1 else self._run_parallel(jobs, lanes)
        for done, result in enumerate(results, 1):
            if progress is not None:
                progress(done, total, "cards")
            yield result

    def _run_one_lane(self, jobs: Iterable[CardJob]) -> Iterator[CardResult]:
        stocked = True
        for job in jobs:
            result = self._make(job, 0, stocked=stocked)
            stocked = stocked and result.reason != NO_CARD
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
                        continue  # a reader that fails; the others go on
                    self.stop()
                    free.put(lane)  # whoever waits for a lane gets it, and sees the stop
                    raise
                if result.reason != NO_CARD or lane is None:
                    free.put(lane)
                    return result
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
                return CardResult(job.job_id, CardState.REFUSED, None, "under_way_on_another_lane")
            self._under_way |= claims
        try:
            return self._run(job, lane, stocked)
        finally:
            with self._lock:
                self._under_way -= claims

    def _run(self, job: CardJob, lane: int, stocked: bool) -> CardResult:
        known = self._journal.card_of_job(job.job_id)
        session = Session(
            job,
            card_of_job=known,
            card_of_number=self._journal.card_of_number(job.personal_number),
            parameters=self._parameters.session,
        )
        instruction = session.start()
        if isinstance(instruction, Finish):
            return instruction.result
        if known is None and not stocked:
            return CardResult(job.job_id, CardState.WAITING, None, NO_CARD)
        flaw = image_flaw(job.image, self._trust)
        if flaw is not None:
            # No card is touched for an image that no reader would accept.
            return CardResult(job.job_id, CardState.FAILED, None if known is None else known.serial, flaw)
        runner = _Runner(self, job, lane)
        try:
            while not isinstance(instruction, Finish):
                if self._stop.is_set():
                    return self._stopped(job)
                instruction = session.handle(runner.execute(instruction))
            return replace(instruction.result, write_s=runner.write_s, verify_s=runner.verify_s)
        finally:
            runner.release()

    def _stopped(self, job: CardJob) -> CardResult:
        known = self._journal.card_of_job(job.job_id)
        return CardResult(job.job_id, CardState.WAITING, None if known is None else known.serial, "stopped")

    def _key_refused(self, refused: bool) -> None:
        with self._lock:
            self._refusals_in_a_row = self._refusals_in_a_row + 1 if refused else 0

    def _stop_on_refusals(self) -> None:
        if self._refusals_in_a_row >= self._parameters.refusals_before_stop:
            raise AuthenticationError(
                "several cards in a row refuse the key: is this their master key?", cards=self._refusals_in_a_row
            )


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


class _Runner:
    """The hands of one session: one card at a time in one lane."""

    def __init__(self, station: Station, job: CardJob, lane: int) -> None:
        self._station = station
        self._job = job
        self._lane = lane
        self._card: FedCard | None = None
        self._connection: CardConnection | None = None
        self._channel: Scp03Session | None = None
        self._serial = b""
        self._current_file: object = None
        self.write_s = 0.0
        self.verify_s = 0.0

    def execute(self, instruction: Instruction) -> Event:
        """Does what the session asks and says what happened. Errors of journal, disk and reader come through."""
        start = time.perf_counter()
        try:
            return self._execute(instruction)
        except (TransportError, SecureMessagingError):
            # A line that fails and a channel that no longer checks end the same way: the card is put in anew. A card
            # that keeps doing so at one step is spoiled; a reader that is gone fails in the feeder, which is not here.
            if isinstance(instruction, Take | Release):
                raise
            return CardLeft()
        finally:
            spent = time.perf_counter() - start
            if isinstance(instruction, Verify):
                self.verify_s += spent
            elif not isinstance(instruction, Take):
                self.write_s += spent

    def release(self) -> None:
        """Takes the card out, if one is in."""
        card, self._card = self._card, None
        self._connection = self._channel = self._current_file = None
        if card is not None:
            self._station._feeder.release(self._lane, card)

    def _execute(self, instruction: Instruction) -> Event:
        match instruction:
            case Take(serial):
                return self._take(serial)
            case Release():
                self.release()
                return Done()
            case Remember("bind", arguments):
                try:
                    return Remembered(self._station._journal.bind(**arguments))
                except StateError as error:
                    return Refused(_reason(error, instruction))
            case Remember(event, arguments):
                return Remembered(getattr(self._station._journal, event)(**arguments))
            case OpenChannel():
                return self._open_channel()
            case Verify(digests):
                return self._verify(digests)
            case Finish():
                raise StateError("a finished session has no next step")
        try:
            self._write(instruction)
        except (CardError, StateError) as error:
            return Refused(_reason(error, instruction))
        return Done()

    def _take(self, serial: str | None) -> Event:
        station = self._station
        station._stop_on_refusals()
        self.release()
        try:
            self._card = station._feeder.take(self._lane, serial=serial)
        except CardDamagedError as error:
            return Refused(_reason(error, Take(serial)))
        if self._card is None:
            return NoCard()
        self._connection = connection = CardConnection(self._card.link)
        try:
            profile.select_applet(connection)
            self._serial = profile.get_serial(connection)
            life_cycle = _LIFE_CYCLES[profile.get_life_cycle(connection)]
        except TransportError:
            return CardLeft()
        except CardError:
            return Unusable()
        name = self._serial.hex().upper()
        return CardThere(name, life_cycle, station._journal.card(name))

    def _open_channel(self) -> Event:
        keys = derive_card_keys(self._station._card_master_key, self._serial)
        try:
            self._channel = open_session(self._there(), keys, SecurityLevel.ALL)
        except AuthenticationError:
            self._station._key_refused(True)
            return KeyRefused()
        except CardError as error:
            return Refused(_reason(error, OpenChannel()))
        self._station._key_refused(False)
        return ChannelOpen(profile.update_data_max(self._there()))

    def _write(self, step: Instruction) -> None:
        connection = self._there()
        match step:
            case CreateFile(file, length):
                profile.create_file(connection, file, length)
                self._current_file = file
            case WriteBinary(file, offset, data):
                if self._current_file is file:
                    profile.update_current(connection, file, data, offset=offset)
                else:
                    profile.update_binary(connection, file, data, offset=offset)
                    self._current_file = file
            case StoreSecrets():
                if self._channel is None:
                    raise StateError("secrets go through an open channel only")
                secrets = self._job.secrets
                profile.put_secrets(
                    connection,
                    self._channel,
                    can=secrets.can,
                    mrz_information=secrets.mrz_information,
                    ca_private_key=secrets.ca_private_key,
                    aa_private_key=secrets.aa_private_key,
                )
            case OpenDoor():
                profile.finish(connection)
            case Lock():
                profile.lock(connection)
            case _:
                raise StateError("an instruction that no card can follow", instruction=type(step).__name__)

    def _verify(self, digests: Mapping[str, str]) -> Event:
        connection = self._there()
        connection.reset()  # as a reader meets it: no channel, nothing selected
        secrets = self._job.secrets
        card = verify_card(
            connection.link,
            self._station._trust,
            can=secrets.can,
            mrz_information=secrets.mrz_information,
            expected=digests,
        )
        reader = "" if self._card is None else self._card.reader
        checks = card.checks_as_dict()
        evidence = {"reader": reader, "checks": checks, "sod_sha256": digests.get("EF_SOD")}
        # A chip of ours has the keys for both proofs: one that offers less is not what was meant.
        unproved = (name for name in (CHIP_AUTHENTICATION, ACTIVE_AUTHENTICATION) if not checks.get(name))
        return Verified(card.failed or next(unproved, None), evidence)

    def _there(self) -> CardConnection:
        if self._connection is None:
            raise CardRemovedError("no card in hand")
        return self._connection


def _reason(error: CccdError, step: Instruction) -> str:
    what = error.facts.get("sw", error.kind)
    return f"{type(step).__name__}:{what}"
