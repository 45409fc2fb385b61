"""The work of a service: requests are taken on into a ledger, carried out by threads, and answered as often as asked.

Requests begin in the order in which they were taken on. A change of the gallery runs alone: no request behind it begins
before it ends, so that whoever was inserted is found by the next `identify`, and who was deleted by none.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cccd_core.dedup.gallery.folder import alone_with, beside_others_in
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.gallery.records import encode
from cccd_core.dedup.gallery.sealing import Sealing
from cccd_core.dedup.gallery.withdrawal import WithdrawalKind
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.service.ledger import Accepted, Entry, Ledger, Settled
from cccd_core.dedup.service.protocol import Identified, PersonReader, Reply, Request, ToldError
from cccd_core.dedup.service.standing import Standing
from cccd_core.errors import BusyError, CccdError, ConflictError, FormatError, ParameterError
from cccd_core.plain import encode_record
from cccd_core.storage.cipher import Cipher

_LOG = logging.getLogger("cccd_core.dedup.service")
PENDING_MOST: Final = 256  # requests that wait to be carried out
_NOBODY: Final = "-"  # stands for whoever is looked up without a reference
_ENDED: Final = "the service ended before the request was carried out"
_LOST: Final = "the service was interrupted before the request was carried out"


@dataclass(frozen=True, slots=True)
class _Job:
    entry: Entry
    person: EnrolledPerson | None

    @property
    def changes(self) -> bool:
        return self.entry.accepted.operation != "identify"


class Witness(Protocol):
    """Who is told of requests, as an audit trail is. What it raises (CccdError) is the outcome of the request."""

    def begins(self, one: Accepted, person: EnrolledPerson | None, among: int) -> int:
        """A request is about to be carried out, among so many people; a number for `ends`."""

    def ends(self, number: int, one: Accepted, settled: Settled) -> None:
        """What came of it, before anybody is answered."""

    def shown(self, one: Accepted) -> None:
        """The answer of a search is about to be given to somebody who asks for what came of it."""


class Service:
    """Answers requests about one gallery. May be asked by any number of threads.

    After `failed` is set (the ledger cannot be written) it takes nothing on: it is to be closed, and that error told.
    """

    def __init__(
        self,
        gallery: Gallery,
        folder: Path,
        standing: Standing,
        ledger: Ledger,
        read: PersonReader,
        *,
        cipher: Cipher | None = None,
        workers: int = 1,
        witness: Witness | None = None,
    ) -> None:
        """Settles what an interruption left open, and starts so many `workers`. `standing` and `ledger` are of the
        gallery in `folder`, and stay their maker's to close."""
        self._witness = witness
        self._gallery, self._folder, self._standing, self._ledger = gallery, folder, standing, ledger
        self._read, self._sealing = read, Sealing(cipher, gallery.gallery_id)
        self._state = threading.Condition()
        self._queue: deque[_Job] = deque()
        self._running = self._done = 0
        self._changing = self._ending = False
        self.failed: CccdError | None = None
        for entry in ledger.open_entries():
            ledger.settle(entry.accepted.id, self._what_became(entry.accepted), durable=True)
        self._threads = [threading.Thread(target=self._work, name=f"search {n}", daemon=True) for n in range(workers)]
        for thread in self._threads:
            thread.start()

    def ask(self, request: Request) -> Reply:
        """Answers one request, which is sound, at once or after as long as it lets it wait; an error is an answer."""
        try:
            if request.operation == "status":
                return self._status(request)
            entry, new = self._taken_on(request)
            return self._answer(entry, request.wait, new=new)
        except CccdError as error:
            return Reply("refused", request.id, request.operation, error=ToldError.of(error))

    def close(self) -> None:
        """Lets what runs end, and settles what waits as failed, to be asked again."""
        with self._state:
            self._ending = True
            self._state.notify_all()
        for thread in self._threads:
            thread.join()
        with self._state:
            while self._queue and self.failed is None:
                job = self._queue.popleft()
                self._keep(job, Settled("failed", error=ToldError.of(_again(_ENDED)), again=True))
            self._state.notify_all()

    def _taken_on(self, request: Request) -> tuple[Entry, bool]:
        """The request in the ledger, and whether it is new there. ConflictError for an id that stands for another
        request; BusyError."""
        if request.id is None:
            raise ParameterError("a request has an id", field="id")
        person = None
        if request.fingers:
            person = self._read(request.reference or _NOBODY, request)
        digest = self._digest(request.operation, request.reference, request.order, person)
        with self._state:
            entry = self._ledger.get(request.id)
            if entry is not None and entry.accepted.digest != digest:
                raise ConflictError("the id stands for another request", operation=entry.accepted.operation)
            if entry is not None and (entry.settled is None or not entry.settled.again):
                return entry, False
            if self._ending or self.failed is not None:
                raise _again(_ENDED)
            if len(self._queue) >= PENDING_MOST:
                raise BusyError("too many requests wait", most=PENDING_MOST)
            changes = request.operation != "identify"
            after = self._gallery.last_withdrawal() if request.operation == "delete" else 0
            accepted = Accepted(request.id, request.operation, digest, request.reference, request.order, after)
            try:
                entry = self._ledger.accept(accepted, durable=changes)
            except CccdError as error:
                self._fail(error)
                raise
            self._queue.append(_Job(entry, person))
            self._state.notify_all()
            return entry, True

    def _status(self, request: Request) -> Reply:
        if request.id is not None:
            with self._state:
                entry = self._ledger.get(request.id)
            return Reply("unknown", request.id) if entry is None else self._answer(entry, request.wait, new=False)
        people, stands = len(self._gallery), self._standing.told()
        with self._state:
            counts = {"waiting": len(self._queue), "running": self._running, "carried_out": self._done}
            kept = {"answers_kept": self._ledger.settled, "answers_kept_at_most": self._ledger.most}
        return Reply("done", operation="status", outcome={"people": people, **stands, **counts, **kept})

    def _answer(self, entry: Entry, wait_s: float, *, new: bool) -> Reply:
        with self._state:
            self._state.wait_for(lambda: entry.settled is not None or self.failed is not None, timeout=wait_s)
            reply = entry.reply()
        searched = reply.operation == "identify" and reply.state == "done"
        if searched and not new and self._witness is not None:
            self._witness.shown(entry.accepted)
        return reply

    def _digest(self, operation: str, reference: str | None, order: str | None, person: EnrolledPerson | None) -> bytes:
        """The same for the same content, in whatever format it was sent."""
        content = b"" if person is None else self._sealing.checksum(person.person_id, encode(person))
        return self._ledger.digest(operation.encode(), (reference or "").encode(), (order or "").encode(), content)

    def _what_became(self, one: Accepted) -> Settled:
        """Of a request that was under way when the service was interrupted: the gallery says it."""
        with suppress(CccdError):
            if one.operation == "insert" and one.reference is not None:
                person = self._gallery.get(one.reference)  # ConflictError: nobody
                if self._digest(one.operation, one.reference, one.order, person) == one.digest:
                    return Settled("done", {"fingers": person.count})
            if one.operation == "delete":
                for gone in self._gallery.withdrawals(one.after):
                    if (gone.kind, gone.person_id, gone.order) == (WithdrawalKind.REMOVED, one.reference, one.order):
                        return Settled("done", {"fingers": gone.fingers, "withdrawal": gone.sequence})
        return Settled("failed", error=ToldError.of(_again(_LOST)), again=True)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            settled = self._outcome(job)
            with self._state:
                self._running -= 1
                self._done += 1
                self._changing = self._changing and not job.changes
                self._keep(job, settled)
                self._state.notify_all()

    def _next(self) -> _Job | None:
        """The next request, when it may begin; None where the service ends."""
        with self._state:
            self._state.wait_for(lambda: self._stops or (self._queue and not self._changing))
            if self._stops:
                return None
            job = self._queue.popleft()
            self._running += 1
            self._changing = job.changes
            return job

    @property
    def _stops(self) -> bool:
        return self._ending or self.failed is not None

    def _keep(self, job: _Job, settled: Settled) -> None:
        try:
            self._ledger.settle(job.entry.accepted.id, settled, durable=job.changes)
        except CccdError as error:
            self._fail(error)

    def _fail(self, error: CccdError) -> None:
        """What came of a request cannot be kept any more: after a restart the gallery says it."""
        self.failed = error
        _LOG.error("the service stops: %s", error.kind)
        self._state.notify_all()

    def _outcome(self, job: _Job) -> Settled:
        operation = job.entry.accepted.operation
        try:
            settled = self._carried_out(job)
        except CccdError as error:
            _LOG.info("%s: %s", operation, error.kind)
            # The gallery may have kept the change all the same: a reader that did not end, a connection that was lost.
            found = self._what_became(job.entry.accepted)
            for_good = isinstance(error, ConflictError | ParameterError | FormatError)
            return found if found.state == "done" else Settled("failed", None, ToldError.of(error), not for_good)
        except Exception as error:
            # A mistake of the program: it is told to whoever asked, and what others asked is carried out.
            return Settled("failed", error=ToldError.of(mistake(operation, error)))
        _LOG.info("%s: done", operation)
        return settled

    def _carried_out(self, job: _Job) -> Settled:
        if self._witness is None:
            return self._done_for(job)
        one = job.entry.accepted
        number = self._witness.begins(one, job.person, len(self._gallery))
        try:
            settled = self._done_for(job)
        except CccdError as error:
            with suppress(CccdError):  # what is raised says more
                self._witness.ends(number, one, Settled("failed", error=ToldError.of(error)))
            raise
        self._witness.ends(number, one, settled)
        return settled

    def _done_for(self, job: _Job) -> Settled:
        one = job.entry.accepted
        if one.operation == "identify":
            return self._identified(job)
        if one.operation == "delete":
            with alone_with(self._folder):
                gone = self._gallery.remove(one.reference or "", order=one.order or "")
            return Settled("done", {"fingers": gone.fingers, "withdrawal": gone.sequence})
        if job.person is None:
            raise ParameterError("who is inserted has fingers", field="fingers")
        with beside_others_in(self._folder):
            self._gallery.add(job.person)
        return Settled("done", {"fingers": job.person.count})

    def _identified(self, job: _Job) -> Settled:
        reference = job.entry.accepted.reference
        person = self._gallery.get(reference or "") if job.person is None else job.person
        looked = self._standing.lookup().search([person], but_themselves=reference is not None)
        found = Identified(
            looked.answers[0], looked.people, looked.comparisons, looked.fpir, looked.duplicate_score,
            looked.review_score, looked.cascade,
        )  # fmt: skip
        return Settled("done", encode_record(found))


def mistake(operation: str, error: Exception) -> CccdError:
    """A mistake of the program as it is told, after it was logged: of which kind and where, and nothing of any data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    at = f"{Path(frame.filename).name}:{frame.lineno}"
    _LOG.error("%s: a mistake of the program: %s at %s", operation, type(error).__name__, at)
    return CccdError("a mistake of the program", of=type(error).__name__, at=at)


def _again(what: str) -> BusyError:
    return BusyError(what, needs="the same request again")
