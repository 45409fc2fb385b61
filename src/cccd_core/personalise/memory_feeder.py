"""Software cards in the process of the station: no reader, no service, one card at a time."""

from __future__ import annotations

from collections.abc import Callable

from cccd_core.card import MemoryLink
from cccd_core.personalise.feeder import FedCard
from cccd_core.personalise.shelf import CardShelf


class MemoryFeeder:
    """Software cards of a shelf, in one lane."""

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
