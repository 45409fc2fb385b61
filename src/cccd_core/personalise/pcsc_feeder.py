"""Cards in PC/SC readers: put in by an operator, or, into virtual readers, by this feeder itself."""

from __future__ import annotations

import re
import threading
import time

from cccd_core.card import profile
from cccd_core.card.connection import CardConnection
from cccd_core.card.transport.pcsc import PcscLink, card_present, readers, wait_for_card
from cccd_core.card.virtual import server
from cccd_core.errors import CardError, ParameterError, TransportError, UnavailableError
from cccd_core.personalise.feeder import Ask, FedCard
from cccd_core.personalise.inserter import Inserter
from cccd_core.personalise.shelf import CardShelf

_VIRTUAL = re.compile(r"Virtual PCD(?: (\d{1,2}))?(?: at (\d{1,5}))? [0-9A-F]{2} ([0-9A-F]{2})")
_INSERTION_PATIENCE_S = 90.0
_ATTEMPT_S = 0.6  # how long the first insertion may take to show; pcscd polls every 0.4 s, where the machine lets it
_ORPHAN_S = 2.0
POLL_S = 0.6  # longer than pcscd takes to notice that a card is gone
_LOOK_S = 0.2  # how long one look at a reader lasts; a cancelled feeder ends within it


def virtual_port(reader: str) -> int | None:
    """The TCP port on which a virtual reader (vpcd) awaits its card; None for any other reader.

    vpcd gives a driver instance two slots with consecutive ports; instance k (`Virtual PCD k`) begins at 35963 + 2k,
    or at the port in its name (`Virtual PCD k at PORT`, scripts/virtual_readers.sh).
    """
    match = _VIRTUAL.fullmatch(reader)
    if match is None:
        return None
    first = int(match[2]) if match[2] else server.DEFAULT_PORT + 2 * int(match[1] or 0)
    return first + int(match[3], 16)


def lanes_of(name: str) -> tuple[str, ...]:
    """The readers whose name contains `name`, in a stable order. UnavailableError where there is none."""
    there = readers()
    lanes = tuple(sorted(reader for reader in there if name in reader))
    if not lanes:
        needs = f"one of: {', '.join(there) or '(no reader)'}"
        raise UnavailableError("no such PC/SC reader", reader=name, needs=needs)
    return lanes


class PcscFeeder:
    """Every reader whose name contains `name`, one lane each, in the order of their names."""

    def __init__(self, name: str, shelf: CardShelf, *, ask: Ask, wait_s: float) -> None:
        self._lanes = lanes_of(name)
        if wait_s <= 0:
            raise ParameterError("the time to wait for a card must be above zero", wait_s=wait_s)
        self._shelf = shelf
        self._ask = ask
        self._wait_s = wait_s
        self._cancelled = threading.Event()
        self._inserters: dict[int, Inserter] = {}
        # A virtual reader in which somebody's card lies already is that somebody's to feed. A card that a killed run
        # left behind goes by itself within a moment.
        self._own_ports: dict[int, int] = {}
        for lane, reader in enumerate(self._lanes):
            port = virtual_port(reader)
            if port is not None and wait_for_card(reader, present=False, timeout_s=_ORPHAN_S):
                self._own_ports[lane] = port

    @property
    def lanes(self) -> tuple[str, ...]:
        """The readers' names."""
        return self._lanes

    def take(self, lane: int, *, serial: str | None) -> FedCard | None:
        """The card of this serial, or one bound to nobody; None after `wait_s` seconds without it."""
        if self._cancelled.is_set():
            return None
        if lane in self._own_ports:
            return self._insert(lane, serial)
        return self._await_operator(self._lanes[lane], serial)

    def release(self, lane: int, card: FedCard) -> None:
        """Lets go of the card; a software card is taken out of its virtual reader."""
        card.link.close()
        if card.path is not None:
            try:
                self._inserters[lane].remove()
            except TransportError:
                self._inserters.pop(lane).close()  # its process died; the next card gets a new one
            self._shelf.put_back(card.path.stem)

    def cancel(self) -> None:
        """Ends every wait for a card."""
        self._cancelled.set()

    def close(self) -> None:
        """Takes every software card out and ends the processes that held them."""
        self.cancel()
        while self._inserters:
            self._inserters.popitem()[1].close()

    # -- software cards in virtual readers

    def inserter(self, lane: int) -> Inserter | None:
        """The hand that holds the software card of a lane; None where an operator feeds it, or no card was put in."""
        return self._inserters.get(lane)

    def _insert(self, lane: int, serial: str | None) -> FedCard | None:
        name = serial or self._shelf.blank()
        path = self._shelf.path(name)
        if not path.exists():
            return None
        reader = self._lanes[lane]
        inserter = self._inserters.get(lane)
        if inserter is None:
            inserter = self._inserters[lane] = Inserter(self._own_ports[lane])
        deadline, attempt_s = time.monotonic() + _INSERTION_PATIENCE_S, _ATTEMPT_S
        while True:
            # No waiting for the reader to show itself empty: a card swapped between two polls of pcscd answers at once.
            inserter.insert(path)
            link = _connect(reader, min(deadline, time.monotonic() + attempt_s))
            if link is not None:
                return FedCard(link, reader, path)
            if time.monotonic() >= deadline or self._cancelled.is_set():
                raise TransportError("a virtual reader does not take its card", reader=reader)
            # After a tear pcscd may not see a card that came back before its next poll, and never does until a poll
            # found the reader empty. On a machine that is busy its polls are further apart: each attempt is longer.
            inserter.remove()
            self._cancelled.wait(max(POLL_S, attempt_s))
            attempt_s *= 2

    # -- cards in the hands of an operator

    def _await_operator(self, reader: str, serial: str | None) -> FedCard | None:
        deadline = time.monotonic() + self._wait_s
        asked = False
        while not self._cancelled.is_set() and time.monotonic() < deadline:
            present = card_present(reader)
            if present:
                card = self._look_at(reader, serial)
                if card is not None:
                    return card
            if not asked:
                self._ask(reader, "put in a blank card" if serial is None else f"put in the card {serial}")
                asked = True
            wait_for_card(reader, present=not present, timeout_s=_LOOK_S)
        return None

    def _look_at(self, reader: str, serial: str | None) -> FedCard | None:
        """The card that is in the reader if it is the one wanted, or, when any will do, one the journal never saw."""
        try:
            link = PcscLink(reader)
        except TransportError:
            return None
        wanted = False
        try:
            connection = CardConnection(link)
            profile.select_applet(connection)
            name = profile.get_serial(connection).hex().upper()
            wanted = name == serial or (serial is None and self._shelf.is_free(name))
        except (TransportError, CardError):
            return None
        finally:
            if not wanted:
                link.close()
        return FedCard(link, reader) if wanted else None


def _connect(reader: str, deadline: float) -> PcscLink | None:
    """A link to a card just put in, proved by an answer of our application; None when there is none in time."""
    while True:
        try:
            link = PcscLink(reader)
            try:
                profile.select_applet(CardConnection(link))
            except BaseException:
                link.close()
                raise
            return link
        except TransportError:
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.002)
