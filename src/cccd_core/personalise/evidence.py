"""What is told of a card that was made: which cards it cost, and what reading it back proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from cccd_core.personalise.checks import CheckName
from cccd_core.personalise.json_fields import JsonFields
from cccd_core.personalise.reasons import Reason
from cccd_core.plain import Json


@dataclass(frozen=True, slots=True)
class SpoiledCard:
    """A card that was bound and can never be handed out. `locked`: it may be a valid document, so revoke it."""

    serial: str
    reason: Reason
    locked: bool

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return {"serial": self.serial, "reason": self.reason.as_dict(), "locked": self.locked}

    @classmethod
    def from_dict(cls, value: object) -> Self:
        """The opposite of `as_dict`. FormatError for anything else."""
        fields = JsonFields(value, "a spoiled card")
        found = cls(fields.text("serial"), Reason.from_dict(fields.value("reason")), fields.flag("locked"))
        fields.end()
        return found


@dataclass(frozen=True, slots=True)
class SetAsideCard:
    """A card that was never bound and shall not be."""

    serial: str
    reason: Reason

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return {"serial": self.serial, "reason": self.reason.as_dict()}

    @classmethod
    def from_dict(cls, value: object) -> Self:
        """The opposite of `as_dict`. FormatError for anything else."""
        fields = JsonFields(value, "a card set aside")
        found = cls(fields.text("serial"), Reason.from_dict(fields.value("reason")))
        fields.end()
        return found


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
        return {
            "resumed": self.resumed,
            "spoiled": [card.as_dict() for card in self.spoiled],
            "set_aside": [card.as_dict() for card in self.set_aside],
            "reader": self.reader,
            "checks": {str(name): passed for name, passed in self.checks.items()},
            "sod_sha256": self.sod_sha256,
        }

    @classmethod
    def from_dict(cls, value: object) -> Self:
        """The opposite of `as_dict`. FormatError for anything else."""
        fields = JsonFields(value, "the evidence of a card")
        found = cls(
            resumed=fields.flag("resumed"),
            spoiled=tuple(SpoiledCard.from_dict(card) for card in fields.items("spoiled")),
            set_aside=tuple(SetAsideCard.from_dict(card) for card in fields.items("set_aside")),
            reader=fields.text("reader"),
            checks=fields.outcomes("checks", CheckName),
            sod_sha256=fields.text_or_none("sod_sha256"),
        )
        fields.end()
        return found
