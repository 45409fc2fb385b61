"""Where cards come from: files of software cards, or PC/SC readers. May import card and errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cccd_core.card import Link, MemoryLink
from cccd_core.errors import ParameterError
from cccd_core.personalise.journal import Journal
from cccd_core.personalise.shelf import CardShelf

# ask(reader, message): tells the operator of a reader what to do ("put card 1A2B... in")
Ask = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class FedCard:
    """A card under power: the link to it, the reader's name, and the card's file where it is a software card."""

    link: Link
    reader: str
    path: Path | None = None


class Feeder(Protocol):
    """Hands cards to stations. A lane is one place that holds one card at a time; lanes may be used in parallel,
    one thread to a lane."""

    @property
    def lanes(self) -> tuple[str, ...]:
        """The name of each lane; at least one."""
        ...

    def take(self, lane: int, *, serial: str | None) -> FedCard | None:
        """Puts a card under power: the card of this serial, or with None a card not bound to anyone.

        A feeder that cannot choose its cards (an operator puts them in) asks for the card and gives what comes; the
        station looks at its serial. None when no such card is to be had (waited too long, cancelled, stock empty).
        Raises TransportError when the reader itself fails, StateError for a software card whose file is damaged.
        """
        ...

    def release(self, lane: int, card: FedCard) -> None:
        """Takes the power off and the card out of the way (an operator is asked to); never raises for a lost card."""
        ...

    def cancel(self) -> None:
        """Ends every wait for a card, from any thread: `take` returns None from now on."""
        ...

    def close(self) -> None:
        """Releases every card and reader and stops what the feeder started. Closing twice does nothing."""
        ...


def open_feeder(
    spec: str,
    cards_dir: Path,
    *,
    card_master_key: bytes,
    journal: Journal,
    ask: Ask | None = None,
    wait_s: float = 120.0,
) -> Feeder:
    """A feeder by name.

    `memory`: software cards in this process, one lane. `pcsc`: every PC/SC reader there is, one lane each;
    `pcsc:NAME`: those whose name contains NAME. A virtual reader (vpcd) that holds no card is fed with software cards;
    any other reader, and a virtual one in which somebody's card lies already, is fed by its operator. Every software
    card is a file `<serial>.card` in `cards_dir` and stays there; blank ones get keys derived from `card_master_key`.
    `journal` tells which cards are bound. `ask` reaches the operator, `wait_s` is how long a card is waited for.

    Raises ParameterError for another name, UnavailableError when there is no PC/SC or no such reader.
    """
    kind, name = _parse(spec)
    shelf = CardShelf(cards_dir, card_master_key, journal)
    if kind == "memory":
        return MemoryFeeder(shelf)
    from cccd_core.personalise.pcsc_feeder import PcscFeeder

    return PcscFeeder(name, shelf, ask=ask or _silent, wait_s=wait_s)


def require_reader(spec: str) -> None:
    """Says before any work is done what `open_feeder` would say of `spec`: ParameterError for a name that is none,
    UnavailableError when there is no PC/SC or no such reader."""
    kind, name = _parse(spec)
    if kind == "pcsc":
        from cccd_core.personalise.pcsc_feeder import lanes_of

        lanes_of(name)


def _parse(spec: str) -> tuple[str, str]:
    kind, colon, name = spec.partition(":")
    if spec == "memory" or (kind == "pcsc" and (name or not colon)):
        return kind, name
    raise ParameterError("a reader is `memory`, `pcsc` or `pcsc:NAME`", reader=spec)


def _silent(reader: str, message: str) -> None:
    del reader, message


class MemoryFeeder:
    """Software cards in this process: one lane, no reader, no service."""

    def __init__(self, shelf: CardShelf) -> None:
        self._shelf = shelf
        self._cancelled = False
        self._close_card: Callable[[], None] | None = None

    @property
    def lanes(self) -> tuple[str, ...]:
        """The one lane."""
        return ("memory",)

    def take(self, lane: int, *, serial: str | None) -> FedCard | None:
        """The card of this serial, or a blank one; None where the file is gone."""
        del lane
        if self._cancelled:
            return None
        name = serial or self._shelf.blank()
        card = self._shelf.open(name)
        if card is None:
            return None
        self._close_card = card.close
        return FedCard(MemoryLink(card), "memory", self._shelf.path(name))

    def release(self, lane: int, card: FedCard) -> None:
        """Powers the card off and gives its file back."""
        del lane
        card.link.close()
        self.close()
        if card.path is not None:
            self._shelf.put_back(card.path.stem)

    def cancel(self) -> None:
        """No more cards."""
        self._cancelled = True

    def close(self) -> None:
        """Closes the card that is out."""
        close, self._close_card = self._close_card, None
        if close is not None:
            close()
