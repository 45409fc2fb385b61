"""Feeders by the name that an operator gives them."""

from __future__ import annotations

from pathlib import Path

from cccd_core.card.card_keys import CardMasterKey
from cccd_core.errors import ParameterError
from cccd_core.personalise.feeder import Ask, Feeder
from cccd_core.personalise.journal import Journal
from cccd_core.personalise.memory_feeder import MemoryFeeder
from cccd_core.personalise.shelf import CardShelf


def open_feeder(
    spec: str,
    cards_dir: Path,
    *,
    card_master_key: CardMasterKey,
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
