"""A dossier's life: its states, the moves between them, and what a move must say. Pure; the database has the same moves
as a table, which the migration filled and nobody changes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from cccd_core.errors import ConflictError, ParameterError


class State(StrEnum):
    """Where a dossier is."""

    RECEIVED = "received"  # taken at a counter
    CHECKED = "checked"  # what it says is well-formed
    SEARCHED = "searched"  # its fingers were looked for among everyone's
    IN_REVIEW = "in_review"  # people decide
    APPROVED = "approved"  # a card is to be made
    SIGNED = "signed"  # the card's data are built and signed
    WRITTEN = "written"  # they are on a chip
    VERIFIED = "verified"  # and were read back and proved
    DISPATCHED = "dispatched"  # the card is on its way to the unit
    HANDED_OVER = "handed_over"  # the holder has it
    RETURNED = "returned"  # the card came back by post
    REJECTED = "rejected"  # no card: the dossier is at fault
    WITHDRAWN = "withdrawn"  # no card: the person wants none
    CANCELLED = "cancelled"  # no card: somebody ordered so


BEFORE: Final = "none"
"""What stands in place of a state before the first event."""

_UNTIL_SIGNED: Final = (State.WITHDRAWN, State.CANCELLED)

MOVES: Final[Mapping[str, frozenset[State]]] = {
    BEFORE: frozenset({State.RECEIVED}),
    State.RECEIVED: frozenset({State.CHECKED, State.REJECTED, *_UNTIL_SIGNED}),
    State.CHECKED: frozenset({State.SEARCHED, State.IN_REVIEW, State.REJECTED, *_UNTIL_SIGNED}),
    State.SEARCHED: frozenset({State.APPROVED, State.IN_REVIEW, State.REJECTED, *_UNTIL_SIGNED}),
    State.IN_REVIEW: frozenset({State.SEARCHED, State.APPROVED, State.REJECTED, *_UNTIL_SIGNED}),
    State.APPROVED: frozenset({State.SIGNED, State.IN_REVIEW, *_UNTIL_SIGNED}),
    State.SIGNED: frozenset({State.WRITTEN, State.APPROVED, State.CANCELLED}),
    State.WRITTEN: frozenset({State.VERIFIED, State.SIGNED, State.CANCELLED}),
    State.VERIFIED: frozenset({State.DISPATCHED, State.CANCELLED}),
    State.DISPATCHED: frozenset({State.HANDED_OVER, State.RETURNED, State.CANCELLED}),
    State.RETURNED: frozenset({State.DISPATCHED, State.CANCELLED}),
    State.HANDED_OVER: frozenset(),
    State.REJECTED: frozenset({State.RECEIVED}),
    State.WITHDRAWN: frozenset(),
    State.CANCELLED: frozenset(),
}
"""From each state to those that may follow. What was signed may be built anew, and what was written (a spoiled card) be
written again; a card that came back is sent again or cancelled; what was rejected may be handed in again."""

TERMINAL: Final = frozenset({State.HANDED_OVER, State.REJECTED, State.WITHDRAWN, State.CANCELLED})
"""The ends. Of these a rejected dossier alone goes on, where it is handed in again."""

NEEDS_ORDER: Final = frozenset({State.CANCELLED})
NEEDS_REASON: Final = frozenset({State.IN_REVIEW, State.RETURNED, State.REJECTED})
BACK: Final = frozenset(
    {(State.SIGNED, State.APPROVED), (State.WRITTEN, State.SIGNED), (State.REJECTED, State.RECEIVED)}
)
"""Steps back, which need a reason as well."""


def moves() -> frozenset[tuple[str, State]]:
    """Every move there is, from and to."""
    return frozenset((before, after) for before, following in MOVES.items() for after in following)


def demand_move(before: str, after: State, *, reason: str | None, order: str | None) -> None:
    """ConflictError where no dossier goes from the one to the other; ParameterError where the move lacks what it must
    say."""
    if after not in MOVES[before]:
        raise ConflictError("a dossier does not go this way", from_state=str(before), to_state=str(after))
    if after in NEEDS_ORDER and not order:
        raise ParameterError("this move needs an order", from_state=str(before), to_state=str(after))
    if (after in NEEDS_REASON or (before, after) in BACK) and not reason:
        raise ParameterError("this move needs a reason", from_state=str(before), to_state=str(after))
