"""A gallery that is served: in this process, or in one of its own that can be killed."""

from __future__ import annotations

import os
import signal
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from cccd_core.dedup import Cascade, EnrolledPerson, create_gallery, open_gallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.gallery.records import encode
from cccd_core.dedup.service.ledger import ANSWERS_KEPT, Ledger
from cccd_core.dedup.service.protocol import WAIT_MOST_S, Request, SentFinger, sent
from cccd_core.dedup.service.server import Limits, listening, serve
from cccd_core.dedup.service.service import Service, Witness
from cccd_core.dedup.service.standing import RECENT_MOST, Standing
from cccd_core.intake.sent import sent_person
from cccd_core.storage.cipher import Cipher
from support.joining import MATCHER, PARAMETERS


def made(folder: Path, people: Sequence[EnrolledPerson] = (), cipher: Cipher | None = None) -> Path:
    """A gallery of these people in a folder."""
    with closing(create_gallery(folder, cipher=cipher)) as gallery:
        gallery.add_many(people)
    return folder


def fingers_of(person: EnrolledPerson) -> tuple[SentFinger, ...]:
    """A person's fingers as they are sent."""
    return sent([(place if place <= 10 else 0, data) for place, data in encode(person)])


def insert(id_: str, person: EnrolledPerson, wait: float = WAIT_MOST_S) -> Request:
    return Request("insert", id_, person.person_id, fingers_of(person), wait=wait)


def identify(id_: str, person: EnrolledPerson, wait: float = WAIT_MOST_S) -> Request:
    return Request("identify", id_, None, fingers_of(person), wait=wait)


@contextmanager
def service(
    folder: Path,
    *,
    cascade: str = "same>any",
    most: int = ANSWERS_KEPT,
    workers: int = 2,
    recent_most: int = RECENT_MOST,
    cipher: Cipher | None = None,
    witness: Witness | None = None,
) -> Iterator[Service]:
    """The service of a gallery, in this process."""
    with ExitStack() as stack:
        gallery = stack.enter_context(open_gallery(folder, cipher=cipher))
        ledger = stack.enter_context(closing(Ledger.open(folder, gallery.gallery_id, most=most)))
        standing = Standing(
            gallery, folder, MATCHER, FingerCoder.shipped(), PARAMETERS, Cascade.parse(cascade),
            cipher=cipher, recent_most=recent_most,
        )  # fmt: skip
        stack.enter_context(closing(standing))
        yield stack.enter_context(
            closing(
                Service(gallery, folder, standing, ledger, sent_person, cipher=cipher, workers=workers, witness=witness)
            )
        )


@contextmanager
def at_socket(folder: Path, path: Path, limits: Limits | None = None) -> Iterator[Service]:
    """The same at a socket, served by a thread."""
    stop = threading.Event()
    with listening(path) as listener, service(folder) as one:
        thread = threading.Thread(target=serve, args=(one, listener, stop, limits))
        thread.start()
        try:
            yield one
        finally:
            stop.set()
            thread.join()


class Process:
    """A server in a process of its own, which is forked before this one starts any thread."""

    def __init__(self, folder: Path, path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads at a fork; the child has its own
            self.pid = os.fork()
        if self.pid == 0:
            try:
                stop = threading.Event()
                signal.signal(signal.SIGTERM, lambda *_: stop.set())
                with listening(path) as listener, service(folder, workers=1) as one:
                    serve(one, listener, stop)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        self.code: int | None = None

    def kill_after(self, seconds: float) -> threading.Timer:
        """Kills it later."""
        timer = threading.Timer(seconds, self.end, (signal.SIGKILL,))
        timer.start()
        return timer

    def end(self, number: int) -> None:
        """Sends it a signal."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Waits for its end; its exit code, negative for a signal."""
        _, status = os.waitpid(self.pid, 0)
        self.code = os.waitstatus_to_exitcode(status)
        return self.code
