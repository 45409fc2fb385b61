"""What every way to a card offers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Link(Protocol):
    """One connected card: bytes out, bytes back. Not safe for two threads at once."""

    @property
    def atr(self) -> bytes:
        """The answer to reset."""

    def transmit(self, command: bytes) -> bytes:
        """Sends one APDU as it stands and returns data and status word.

        Raises CardRemovedError when the card left or lost power (whether the command took effect is then unknown),
        TransportError for any other failure of the link.
        """

    def reset(self) -> None:
        """Power cycles the card: every channel and selection is gone."""

    def close(self) -> None:
        """Lets go of the card; twice does no harm."""
