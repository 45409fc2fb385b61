"""The trace of people who were taken out of a gallery, replaced or renamed there: who, by which order, when.

It holds no template, so that it may be kept for as long as somebody can ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from cccd_core.dedup.person import is_identifier
from cccd_core.errors import ParameterError
from cccd_core.plain import JsonObject

Clock: TypeAlias = Callable[[], datetime]


class WithdrawalKind(StrEnum):
    """What became of the templates' owner."""

    REMOVED = "removed"  # out of the gallery
    REPLACED = "replaced"  # still in it, by other templates
    RENAMED = "renamed"  # still in it, under another identifier


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One time that somebody was taken out of a gallery, replaced or renamed in it.

    `sequence` counts from 1 in each gallery; `person_id` is who it was before; `order` names the order or the legal
    ground; `time` is UTC; `fingers` is how many templates went; `place` is the person's own number in the gallery;
    `new_id` is the identifier that somebody renamed has since. Raises ParameterError for an order that is no
    identifier (1 to 64 characters, none of them a control character) and for a time without a zone.
    """

    sequence: int
    kind: WithdrawalKind
    person_id: str
    order: str
    time: datetime
    fingers: int
    place: int
    new_id: str | None = None

    def __post_init__(self) -> None:
        if not is_identifier(self.order):
            raise ParameterError("an order has 1 to 64 characters, none of them a control character")
        if self.time.tzinfo is None:
            raise ParameterError("the time of a withdrawal has a zone")
        object.__setattr__(self, "time", self.time.astimezone(UTC))

    def as_dict(self) -> JsonObject:
        """JSON-ready; the time as RFC 3339."""
        found: JsonObject = {
            "sequence": self.sequence,
            "kind": str(self.kind),
            "person_id": self.person_id,
            "order": self.order,
            "time": self.time.isoformat(),
            "fingers": self.fingers,
            "place": self.place,
        }
        return found if self.new_id is None else {**found, "new_id": self.new_id}


def now_utc() -> datetime:
    """The machine's time, in UTC."""
    return datetime.now(UTC)
