"""What a session and its runner say to each other: instructions one way, events the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cccd_core.card.profile import LifeCycle
from cccd_core.inspection import CheckName
from cccd_core.personalise.jobs import CardResult
from cccd_core.personalise.plan import Step
from cccd_core.personalise.reasons import Reason
from cccd_core.personalise.records import CardRecord, JournalRecord

# -- instructions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Take:
    """Put a card in: the one of this serial, or a fresh one. Answer: CardThere, Unusable, CardLeft, NoCard or, for a
    card that is broken for good, Refused."""

    serial: str | None


@dataclass(frozen=True, slots=True)
class Release:
    """Take the card out. Answer: Done."""


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """Open the personalisation channel with the card's own keys, once. Answer: ChannelOpen, KeyRefused, Refused,
    CardLeft."""


@dataclass(frozen=True, slots=True)
class Remember:
    """Append to the journal. Answer: Remembered, or, for a binding, CardKnown."""

    record: JournalRecord


@dataclass(frozen=True, slots=True)
class Verify:
    """Read the card through the front door and compare with these digests. Answer: ReadBack, CardLeft."""

    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finish:
    """The session is over."""

    result: CardResult


Instruction: TypeAlias = Take | Release | OpenChannel | Remember | Step | Verify | Finish


# -- events ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CardThere:
    """A card of our profile answered; `record` is what the journal knows of it."""

    serial: str
    life_cycle: LifeCycle
    record: CardRecord | None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A card was put in that is not of our profile, or that cannot say its serial."""


@dataclass(frozen=True, slots=True)
class NoCard:
    """No card came."""


@dataclass(frozen=True, slots=True)
class ChannelOpen:
    """The channel stands; one UPDATE BINARY carries at most `command_bytes`."""

    command_bytes: int


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """Card and host did not prove the same key to each other."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The journal took the record; this is the card after it."""

    card: CardRecord


@dataclass(frozen=True, slots=True)
class CardKnown:
    """The journal knows the card that was to be bound: it was bound or set aside in another lane meanwhile."""


@dataclass(frozen=True, slots=True)
class Done:
    """The card acknowledged the step."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The card itself ended a step with an error, or its file is damaged. Nothing else may be told by this."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class CardLeft:
    """The card left, or lost power; whether the last command took effect is unknown."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """The card was read. `failed` is the first check that did not hold; None when all did."""

    failed: CheckName | None
    checks: Mapping[CheckName, bool | None]
    reader: str


Event: TypeAlias = (
    CardThere
    | Unusable
    | NoCard
    | ChannelOpen
    | KeyRefused
    | Remembered
    | CardKnown
    | Done
    | Refused
    | CardLeft
    | ReadBack
)
