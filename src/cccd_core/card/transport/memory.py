"""A link to a card in this process, which can be pulled away as from a reader."""

from __future__ import annotations

from typing import Protocol

from cccd_core.errors import CardRemovedError


class Card(Protocol):
    """What a software card offers to whatever carries its bytes."""

    @property
    def atr(self) -> bytes:
        """The answer to reset."""

    def power_on(self) -> None:
        """Powers the card up, or resets it when it is powered."""

    def power_off(self) -> None:
        """Takes the power away."""

    def process(self, command: bytes) -> bytes:
        """One APDU in, one answer out; never raises for anything the bytes say, only for what the card lies on."""


class MemoryLink:
    """A `Link` to a card object of this process: no reader, no service, every byte as over a wire."""

    def __init__(self, card: Card) -> None:
        self._card: Card | None = card
        card.power_on()

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._there().atr

    def transmit(self, command: bytes) -> bytes:
        """One APDU. Raises CardRemovedError after `pull` or `close`."""
        return self._there().process(command)

    def reset(self) -> None:
        """Power cycles the card."""
        card = self._there()
        card.power_off()
        card.power_on()

    def pull(self) -> None:
        """Takes the card away as a hand would: its power goes, later calls raise CardRemovedError."""
        card, self._card = self._card, None
        if card is not None:
            card.power_off()

    def close(self) -> None:
        """Powers the card off."""
        self.pull()

    def _there(self) -> Card:
        if self._card is None:
            raise CardRemovedError("no card in this link")
        return self._card
