"""What an inspection asks for, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from cccd_core.errors import Fact, ParameterError
from cccd_core.plain import JsonObject


class Kind(StrEnum):
    """What is found. Words are stable."""

    FEE_OFF_TARIFF = "fee_off_tariff"
    NO_FEE = "no_fee"
    OUT_OF_HOURS = "out_of_hours"
    REJECTS = "rejects"
    AFTER_APPROVAL = "after_approval"
    CLOCK_BEHIND = "clock_behind"
    VOTED_ON_OWN = "voted_on_own"
    VOTED_TOGETHER = "voted_together"
    HANDED_OVER_AT_ONCE = "handed_over_at_once"
    QUICK_APPROVAL = "quick_approval"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is held to be worth a look. Hours are Vietnam's: the night is from `night_from` to `night_to`; `rate` is how
    often, where all operators are alike, chance may name any of them (see `statistics`); the others are seconds."""

    night_from: int = 22
    night_to: int = 5
    rate: float = 0.01
    behind_s: int = 60
    together_s: int = 10
    at_once_s: int = 600
    quick_s: int = 60

    def __post_init__(self) -> None:
        if not (0 <= self.night_from <= 24 and 0 <= self.night_to <= 24):
            raise ParameterError("an hour lies between 0 and 24")
        if not 0.0 < self.rate < 1.0:
            raise ParameterError("a rate lies between 0 and 1, both left out")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where and when is looked: a unit and all below it (None: all), days, both included (None: any)."""

    unit: str | None = None
    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ParameterError("the first day comes after the last", first=str(self.first), last=str(self.last))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: of which unit and whom, an example's dossier, and the numbers that made it."""

    kind: Kind
    unit: str | None
    actor: str | None
    dossier: str | None
    numbers: Mapping[str, Fact] = field(default_factory=dict)

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {
            "kind": self.kind, "unit": self.unit, "actor": self.actor, "dossier": self.dossier,
            "numbers": dict(self.numbers),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found, kind after kind, so many of each at the most; `more`: how many of each were left out; `notes`:
    what could not be asked."""

    findings: tuple[Finding, ...]
    more: Mapping[Kind, int]
    notes: tuple[str, ...]

    def as_dict(self) -> JsonObject:
        """JSON-ready."""
        return {
            "findings": [one.as_dict() for one in self.findings],
            "more": {str(kind): count for kind, count in self.more.items()},
            "notes": list(self.notes),
        }
