"""What an act on a person is: what was ordered, by whom, why, and how it ended."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from cccd_core.errors import ParameterError
from cccd_core.issuance.dossiers.reasons import ToDo
from cccd_core.issuance.register.store import Card
from cccd_core.issuance.review.settle import why

_ORDER_MOST: Final = 64  # as a gallery keeps it
_ACTOR_MOST: Final = 128


class ActKind(StrEnum):
    """What is done."""

    REMOVE = "remove"  # the person is taken out of register and gallery
    REPLACE = "replace"  # other fingers in the place of those enrolled
    MERGE = "merge"  # two people are one: one record and one number stay
    SPLIT = "split"  # fingers of somebody else are taken out of a record


class ActEnd(StrEnum):
    """How an act ended."""

    DONE = "done"
    ABANDONED = "abandoned"  # interrupted before anything was changed, and what it needs is not at hand


@dataclass(frozen=True, slots=True)
class Ordered:
    """Who orders an act, and why. ParameterError for what cannot be kept; a reason says no name and no number of a
    person."""

    order: str
    actor: str
    reason: str = field(repr=False)

    def __post_init__(self) -> None:
        for name, text, most in (("order", self.order, _ORDER_MOST), ("actor", self.actor, _ACTOR_MOST)):
            if not 0 < len(text.encode()) <= most or not text.isprintable():
                raise ParameterError("a text of an act is printable and not too long", field=name, most_bytes=most)
        object.__setattr__(self, "reason", why(self.reason))


@dataclass(frozen=True, slots=True)
class EndedCard:
    """A card that an act ended: its serial, the dossier that it was made for, and what is to be done with it."""

    serial: str
    dossier_id: str
    to_do: ToDo


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `other`: who is joined to the person (merge), or whom the fingers go to (split); `positions` of the
    fingers that are taken out (split). `ended` is None while it is under way."""

    act_id: str
    kind: ActKind
    person_id: str
    ordered: Ordered
    begun: datetime
    other: str | None = None
    positions: tuple[int, ...] = ()
    ended: ActEnd | None = None
    cards: tuple[EndedCard, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A person as the register knows them: their identifier in the gallery, the dossiers and cards of all their
    numbers."""

    person_id: str
    cards: tuple[Card, ...] = field(repr=False)
    numbers: tuple[str, ...] = field(repr=False)


def act_id(kind: ActKind, person_id: str, order: str, *more: str) -> str:
    """The same for the same act, so that it is begun once."""
    return "A" + hashlib.sha256("\0".join((kind, person_id, order, *more)).encode()).hexdigest()[:24]
