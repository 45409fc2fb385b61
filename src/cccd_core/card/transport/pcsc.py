"""PC/SC readers through pyscard: the only file that imports `smartcard`, and only when it is asked for a reader.

What a reader's service does that its manual does not say, seen with pcscd: SCardConnect may block without end, and may
succeed on a card that is gone. So every call runs in a thread of the link, with a time limit, and a new link proves by
a SELECT that a card answers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any, Final, TypeVar

from cccd_core.card.status_words import WRONG_LENGTH
from cccd_core.card.transport.tpdu import for_t0
from cccd_core.errors import CardRemovedError, Fact, TransportError, UnavailableError

CONNECT_TIMEOUT_S: Final = 15.0
TRANSMIT_TIMEOUT_S: Final = 30.0
_LOOK_S: Final = 0.25

_SUCCESS: Final = 0
_TIMEOUT: Final = 0x8010000A
_CANCELLED: Final = 0x80100002
_NO_SERVICE: Final = (0x8010001D, 0x8010001E)
_NO_READERS: Final = 0x8010002E
_UNKNOWN_READER: Final = 0x80100009
_NO_CARD: Final = 0x8010000C
# The card left, lost its power, or was reset under our hands: whatever it was doing, it has forgotten.
_GONE: Final = {
    _NO_CARD: "no card",
    0x80100016: "not transacted",
    0x80100017: "the reader left",
    0x80100066: "the card does not answer",
    0x80100067: "the card has no power",
    0x80100068: "it was reset or changed, and may be another one now",
    0x80100069: "the card was removed",
}
# SELECT MF without an answer: changes nothing on a fresh card, and any status word proves that there is one.
_PROOF: Final = bytes.fromhex("00A4000C023F00")

T = TypeVar("T")


def _scard() -> ModuleType:
    try:
        return import_module("smartcard.scard")
    except ImportError as error:
        raise UnavailableError(
            "no PC/SC here: the package pyscard is missing", needs="pip install cccd_core[pcsc]", why=str(error)
        ) from None


def _check(code: int, doing: str, **facts: str) -> None:
    """Turns a PC/SC result into the error it means."""
    number = code & 0xFFFFFFFF
    if number == _SUCCESS:
        return
    name = f"{number:08X}"
    if number in _GONE:
        raise CardRemovedError(f"the card left while {doing}: {_GONE[number]}", pcsc=name, **facts)
    if number in _NO_SERVICE:
        raise UnavailableError("the PC/SC service does not run", needs="pcscd", pcsc=name)
    if number == _UNKNOWN_READER:
        raise _no_reader(facts.get("reader", ""))
    raise TransportError(f"the reader failed while {doing}", pcsc=name, **facts)


class _Context:
    """One connection to the service; each use has its own, so that threads do not meet."""

    def __init__(self) -> None:
        self.scard = _scard()
        code, self.handle = self.scard.SCardEstablishContext(self.scard.SCARD_SCOPE_USER)
        _check(code, "asking for the PC/SC service")

    def __enter__(self) -> _Context:
        return self

    def __exit__(self, *_: object) -> None:
        self.scard.SCardReleaseContext(self.handle)

    def status(self, reader: str, known: int, timeout_s: float) -> int | None:
        """The reader's state, at once or when it differs from `known`; None when the time is over."""
        wait_ms = max(0, int(timeout_s * 1000))
        code, states = self.scard.SCardGetStatusChange(self.handle, wait_ms, [(reader, known)])
        if code & 0xFFFFFFFF in (_TIMEOUT, _CANCELLED):
            return None
        _check(code, "watching a reader", reader=reader)
        return int(states[0][1])


def readers() -> tuple[str, ...]:
    """The names of the readers there are. UnavailableError without pyscard or a running service."""
    with _Context() as context:
        code, names = context.scard.SCardListReaders(context.handle, [])
        if code & 0xFFFFFFFF == _NO_READERS:
            return ()
        _check(code, "listing readers")
        return tuple(names)


def find_reader(part: str | None = None) -> str:
    """The reader of this name, or the only one whose name contains it; with None the only reader there is.

    UnavailableError, with the names of those there are, where it is not exactly one.
    """
    names = readers()
    there = ", ".join(names)
    if not names:
        raise UnavailableError("there is no card reader", needs="a PC/SC reader that is plugged in")
    found = [name for name in names if part is None or name == part] or [name for name in names if (part or "") in name]
    if not found:
        raise UnavailableError("no reader has this name", needs=f"one of: {there}", name=part)
    if len(found) > 1:
        raise UnavailableError("there are several readers; name one of them", needs=f"one of: {', '.join(found)}")
    return found[0]


def card_present(reader: str) -> bool:
    """Whether the reader says that a card is in it (which a card torn out a moment ago may still seem to be)."""
    with _Context() as context:
        state = context.status(reader, context.scard.SCARD_STATE_UNAWARE, 0)
        return bool(state is not None and state & context.scard.SCARD_STATE_PRESENT)


def wait_for_card(reader: str, present: bool, timeout_s: float, *, cancelled: threading.Event | None = None) -> bool:
    """Waits until a card is there (or not); False when it did not come about in time, or within a quarter of a second
    after `cancelled` was set. Safe from several threads; an interrupt is heard as soon.

    Raises UnavailableError where there is no such reader, or it was unplugged.
    """
    deadline = time.monotonic() + timeout_s
    with _Context() as context:
        scard = context.scard
        known = scard.SCARD_STATE_UNAWARE
        while cancelled is None or not cancelled.is_set():
            state = context.status(reader, known, min(_LOOK_S, deadline - time.monotonic()))
            if state is not None:
                if state & (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_IGNORE):
                    raise _no_reader(reader)
                if bool(state & scard.SCARD_STATE_PRESENT) == present:
                    return True
                known = state & ~scard.SCARD_STATE_CHANGED
            if time.monotonic() >= deadline:
                return False
    return False


def _no_reader(reader: str) -> UnavailableError:
    try:
        there = ", ".join(readers())
    except (TransportError, UnavailableError):
        there = ""
    return UnavailableError("there is no such reader", needs=f"one of: {there or '(no reader)'}", reader=reader)


class _Worker:
    """A thread that makes one link's calls, so that a call without end holds up nobody but itself."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._lost = threading.Event()
        self.when_lost: Callable[[], None] = lambda: None
        threading.Thread(target=self._run, name=f"pcsc {name}", daemon=True).start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                answer: tuple[Any, BaseException | None] = (job(), None)
            except BaseException as error:  # handed to the caller, whatever it is
                answer = None, error
            self._answers.put(answer)
            if self._lost.is_set():
                break
        if self._lost.is_set():
            self.when_lost()  # the call came back after all: nobody wants its card any more

    def call(self, job: Callable[[], T], timeout_s: float, doing: str) -> T:
        """Runs one job. TransportError when it takes too long; the thread then cleans up by itself."""
        if self._lost.is_set():
            raise TransportError("this link was given up after a call without end")
        self._jobs.put(job)
        try:
            value, error = self._answers.get(timeout=timeout_s)
        except Empty:
            self._lost.set()
            self._jobs.put(None)
            raise TransportError(f"the reader does not answer while {doing}", timeout_s=timeout_s) from None
        if error is not None:
            raise error
        result: T = value
        return result

    def stop(self) -> None:
        """Ends the thread after what it does now."""
        self._jobs.put(None)


class PcscLink:
    """A `Link` to the card in a PC/SC reader, held exclusively until `close`: to that card alone. Once it left, or was
    reset or changed, every later call raises CardRemovedError, whatever lies in the reader then.

    Raises UnavailableError (no pyscard, service or reader), CardRemovedError (no card answers), TransportError.
    """

    def __init__(
        self,
        reader: str,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        transmit_timeout_s: float = TRANSMIT_TIMEOUT_S,
    ) -> None:
        self.reader = reader
        self._timeout_s = transmit_timeout_s
        self._scard = _scard()
        self._context: int | None = None
        self._card: int | None = None
        self._control_information: Any = None
        self.protocol = ""  # T=0 or T=1
        self._events = 0
        self._atr = b""
        self._worker = _Worker(reader)
        self._worker.when_lost = self._release
        try:
            self._worker.call(self._connect, connect_timeout_s, "connecting to the card")
        except BaseException:
            self.close()
            raise

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._atr

    def transmit(self, command: bytes) -> bytes:
        """One APDU. Raises CardRemovedError, TransportError."""
        return self._worker.call(lambda: self._exchange(command), self._timeout_s, "the card works")

    def reset(self) -> None:
        """Takes the card's power away and gives it back."""
        self._worker.call(self._reconnect, self._timeout_s, "resetting the card")

    def close(self) -> None:
        """Powers the card down and lets go of it, so that the next holder finds it fresh."""
        with suppress(TransportError):
            self._worker.call(self._release, CONNECT_TIMEOUT_S, "letting go of the card")
        self._worker.stop()

    # ---- in the worker's thread

    def _connect(self) -> None:
        scard = self._scard
        code, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        _check(code, "asking for the PC/SC service")
        code, card, protocol = scard.SCardConnect(
            self._context, self.reader, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        )
        if code & 0xFFFFFFFF == _NO_CARD:
            raise CardRemovedError("there is no card in the reader", reader=self.reader)
        _check(code, "connecting to the card", reader=self.reader)
        self._card = card
        self._events = self._card_events()
        self._became(protocol)

    def _reconnect(self) -> None:
        scard = self._scard
        if self._card_events() != self._events:
            raise self._lost("the card left the reader, and what lies in it now is not known to be the same one")
        code, protocol = scard.SCardReconnect(
            self._there(),
            scard.SCARD_SHARE_EXCLUSIVE,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
            scard.SCARD_UNPOWER_CARD,
        )
        self._working(code, "resetting the card")
        atr = self._atr
        self._became(protocol)
        if self._atr != atr:
            raise self._lost("another card lies in the reader than before")

    def _card_events(self) -> int:
        """How often a card was put in or taken out, as the service counts in the upper half of a reader's state."""
        scard, _ = self._scard, self._there()
        code, states = scard.SCardGetStatusChange(self._context, 0, [(self.reader, scard.SCARD_STATE_UNAWARE)])
        self._working(code, "looking at the reader")
        return int(states[0][1]) >> 16

    def _became(self, protocol: int) -> None:
        scard = self._scard
        t0 = protocol == scard.SCARD_PROTOCOL_T0
        self._control_information = scard.SCARD_PCI_T0 if t0 else scard.SCARD_PCI_T1
        self.protocol = "T=0" if t0 else "T=1"
        code, _, _, _, atr = scard.SCardStatus(self._there())
        _check(code, "reading the card's answer to reset", reader=self.reader)
        self._atr = bytes(atr)
        self._exchange(_PROOF)

    def _exchange(self, command: bytes) -> bytes:
        """One APDU, in the form of the card's protocol; T=0 knows no extended length, as a card says that has none."""
        if self.protocol == "T=0":
            carried = for_t0(command)
            if carried is None:
                return WRONG_LENGTH.to_bytes(2, "big")
            command = carried
        code, answer = self._scard.SCardTransmit(self._there(), self._control_information, list(command))
        if code:
            self._working(code, "the card works")
        if len(answer) < 2:
            raise self._lost("the card left while it works: no status word")
        return bytes(answer)

    def _working(self, code: int, doing: str) -> None:
        """As `_check`; a service or reader that is gone after it was there is the link's fault, not this machine's."""
        try:
            _check(code, doing, reader=self.reader)
        except CardRemovedError as error:
            raise self._lost(error.message, **error.facts) from None
        except UnavailableError as error:
            raise TransportError(f"the link broke while {doing}: {error.message}", **error.facts) from None

    def _lost(self, message: str, **facts: Fact) -> CardRemovedError:
        """The error for a card that is this link's no longer, which from then on has none."""
        self._release()
        return CardRemovedError(message, **{"reader": self.reader, **facts})

    def _there(self) -> int:
        if self._card is None:
            raise CardRemovedError("this link has no card", reader=self.reader)
        return self._card

    def _release(self) -> None:
        card, self._card = self._card, None
        context, self._context = self._context, None
        if card is not None:
            self._scard.SCardDisconnect(card, self._scard.SCARD_UNPOWER_CARD)
        if context is not None:
            self._scard.SCardReleaseContext(context)
