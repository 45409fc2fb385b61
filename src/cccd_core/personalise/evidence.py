"""What is told of a card that was made: which cards it cost, and what reading it back proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cccd_core.inspection import CheckName
from cccd_core.personalise.reasons import Reason
from cccd_core.plain import Json, encode_record


@dataclass(frozen=True, slots=True)
class SpoiledCard:
    """A card that was bound and can never be handed out. `locked`: it may be a valid document, so revoke it."""

    serial: str
    reason: Reason
    locked: bool


@dataclass(frozen=True, slots=True)
class SetAsideCard:
    """A card that was never bound and shall not be."""

    serial: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class CardEvidence:
    """How a job's card came to be.

    `resumed`: an earlier run had begun the card. `spoiled` and `set_aside`: the cards that this run used up for the
    job, in order. `reader`, `checks` (None: the chip does not offer what is checked) and `sod_sha256` (hexadecimal)
    are of the verified card; empty without one. No personal data.
    """

    resumed: bool = False
    spoiled: tuple[SpoiledCard, ...] = ()
    set_aside: tuple[SetAsideCard, ...] = ()
    reader: str = ""
    checks: Mapping[CheckName, bool | None] = field(default_factory=dict)
    sod_sha256: str | None = None

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return encode_record(self)
