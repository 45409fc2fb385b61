"""Where cards come from: files of software cards, or PC/SC readers. May import card, pki and errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from cccd_core.card import Link

# ask(reader, message): tells the operator of a reader what to do ("take the card out", "put card 1A2B... in")
Ask = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class FedCard:
    """A card under power: the link to it, the reader's name, and the card's file where it is a software card."""

    link: Link
    reader: str
    path: Path | None = None


@runtime_checkable
class Feeder(Protocol):
    """Hands cards to stations. A lane is one place that holds one card at a time; lanes may be used in parallel,
    one thread to a lane."""

    @property
    def lanes(self) -> tuple[str, ...]:
        """The name of each lane; at least one."""
        ...

    def take(self, lane: int, *, serial: str | None) -> FedCard | None:
        """Puts a card under power: the card of this serial, or with None a card not handed out before.

        A feeder that cannot choose its cards (an operator puts them in) asks for the card and gives what comes; the
        station looks at its serial. None when no such card is to be had (waited too long, cancelled, stock empty).
        Raises TransportError when the reader itself fails.
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
    spec: str, cards_dir: Path, *, card_master_key: bytes, ask: Ask | None = None, wait_s: float = 120.0
) -> Feeder:
    """A feeder by name.

    `memory`: software cards in this process. `pcsc`: every PC/SC reader there is; `pcsc:NAME`: those whose name
    contains NAME. A virtual reader (vpcd) that holds no card is fed with software cards. Every software card is a
    file `<serial>.card` in `cards_dir` and stays there. Blank software cards get keys derived from `card_master_key`.
    `ask` reaches the operator of a real reader, `wait_s` is how long a card is waited for.

    Raises ParameterError for another name, UnavailableError when there is no PC/SC or no such reader.
    """
    raise NotImplementedError
