"""The hand that puts software cards into a virtual reader: a process of its own, so that card and host do not share
one interpreter.

`python -m cccd_core.personalise.inserter PORT PATIENCE_S` reads commands from standard input, one to a line, and
answers each with one line: `insert PATH` and `remove` with `ok`, or with the kind of the error and what went wrong. Of
the kinds `damaged`, `other_version`, `busy`, `file` and `disk_full` the card's file is meant. The end of the input (its
owner has died) ends it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cccd_core.errors import BusyError, CardRemovedError, CccdError, DiskFullError, FileError, TransportError
from cccd_core.personalise.feeder import CardDamagedError
from cccd_core.personalise.shelf import OPEN_PATIENCE_S, open_card
from cccd_core.storage.log import OtherVersionError

_ANSWER_PATIENCE_S = 30.0
_FILE_ERRORS = {kind.kind: kind for kind in (CardDamagedError, OtherVersionError, BusyError, FileError, DiskFullError)}


class Inserter:
    """Owner's end: starts the process, one to a virtual reader, and tells it what to do. Not for two threads.

    `patience_s`: how long a card that is in other hands is waited for.
    """

    def __init__(self, port: int, *, patience_s: float = OPEN_PATIENCE_S) -> None:
        self.port = port
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cccd_core.personalise.inserter", str(port), str(patience_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is the owner's to handle
        )

    def insert(self, path: Path) -> None:
        """Puts the card of this file in; a card that is in is removed first.

        Raises TransportError; CardDamagedError, BusyError and FileError for the card's file, FileError also for the
        one that was in.
        """
        self._tell(f"insert {path}")

    def remove(self) -> None:
        """Takes the card out, if one is in. Raises TransportError; FileError where its file could not be written."""
        self._tell("remove")

    def close(self) -> None:
        """Takes the card out and ends the process. Closing twice does nothing."""
        process = self._process
        if process.stdin is None or process.stdout is None or process.stdin.closed:
            return
        with suppress(OSError):  # what could not be told to a dead process cannot be flushed either
            process.stdin.close()
        try:
            process.wait(_ANSWER_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        process.stdout.close()

    def kill(self) -> None:
        """Ends the process at once, as a crash would: the card is out, and the next command fails."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tell(self, command: str) -> None:
        process = self._process
        if process.stdin is None or process.stdout is None or process.stdin.closed:
            raise TransportError("the virtual reader's card server was closed", port=self.port)
        try:
            process.stdin.write(command + "\n")
            process.stdin.flush()
            answer = process.stdout.readline().strip()
        except OSError as error:
            raise TransportError("the virtual reader's card server is gone", port=self.port) from error
        word, _, why = answer.partition(" ")
        if word in _FILE_ERRORS:
            raise _FILE_ERRORS[word]("the card's file cannot be used", port=self.port, why=why)
        if answer != "ok":
            raise TransportError("no card can be put into the virtual reader", port=self.port, why=answer or "it ended")


def _serve(port: int, patience_s: float) -> int:
    from cccd_core.card.virtual import VirtualCard
    from cccd_core.card.virtual.server import serve

    inserted: tuple[threading.Thread, threading.Event, VirtualCard] | None = None
    trouble: list[CccdError | OSError] = []

    def work(card: VirtualCard, stop: threading.Event, ready: threading.Event) -> None:
        try:
            serve(card, port, stop=stop, on_connect=lambda _: ready.set())
        except (CccdError, OSError) as error:
            trouble.append(error)
        finally:
            ready.set()

    def remove() -> None:
        nonlocal inserted
        if inserted is not None:
            thread, stop, card = inserted
            stop.set()
            thread.join()
            inserted = None
            card.close()
        found, trouble[:] = list(trouble), []
        for error in found:
            if isinstance(error, FileError):
                raise error

    def insert(path: Path) -> None:
        nonlocal inserted
        remove()
        card = open_card(path, patience_s)
        stop, ready = threading.Event(), threading.Event()
        thread = threading.Thread(target=work, args=(card, stop, ready), daemon=True)
        thread.start()
        inserted = (thread, stop, card)
        if not ready.wait(_ANSWER_PATIENCE_S):
            trouble.append(CardRemovedError("the reader does not answer"))
        if trouble:
            why = str(trouble[0])
            remove()
            raise CardRemovedError("the card does not stay in the reader", why=why)

    for line in sys.stdin:
        command, _, argument = line.rstrip("\n").partition(" ")
        try:
            if command == "insert":
                insert(Path(argument))
            else:
                remove()
            answer = "ok"
        except CccdError as error:
            answer = f"{error.kind} {error}"
        sys.stdout.write(answer.replace("\n", " ") + "\n")
        sys.stdout.flush()
    with suppress(FileError):  # nobody is left to hear of it
        remove()
    return 0


if __name__ == "__main__":
    sys.exit(_serve(int(sys.argv[1]), float(sys.argv[2])))
