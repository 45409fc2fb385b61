"""What hands cards to a station: the protocol that every feeder keeps, and the card that it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from cccd_core.card import Link
from cccd_core.errors import DamagedError

Ask: TypeAlias = Callable[[str, str], None]
"""`ask(reader, message)` tells the operator of a reader what to do ("put in the card 1A2B...")."""


class CardDamagedError(DamagedError):
    """The file of a software card is damaged: a fact about this one card, and about nothing else."""


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
        Raises TransportError when the reader itself fails, CardDamagedError for a software card whose file is damaged,
        FileError and BusyError where the disk or another process is in the way.
        """
        ...

    def release(self, lane: int, card: FedCard) -> None:
        """Takes the power off and the card out of the way (an operator is asked to). Never raises for a lost card;
        FileError where the disk did not take what a software card had to keep."""
        ...

    def cancel(self) -> None:
        """Ends every wait for a card, from any thread: `take` returns None from now on."""
        ...

    def close(self) -> None:
        """Releases every card and reader and stops what the feeder started. Closing twice does nothing."""
        ...
