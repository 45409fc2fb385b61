"""What each role may do: the one table of it, which the register asks and from which a server's rights are made. Pure.

Domain S9: whoever enters dossiers does not decide about them, whoever decides makes no cards, whoever gives rights
reads nothing of people, and whoever inspects changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cccd_core.errors import ConflictError


class Role(StrEnum):
    """As what somebody acts. An account has one."""

    OPERATOR = "operator"  # takes dossiers in at a counter, and hands cards over
    ADJUDICATOR = "adjudicator"  # settles cases
    FACTORY = "factory"  # checks, searches, makes cards: the account of a run
    INSPECTOR = "inspector"  # looks at what a unit did
    ADMINISTRATOR = "administrator"  # says who has which role, and which units there are
    AUDITOR = "auditor"  # reads the audit trail


class Act(StrEnum):
    """What somebody may do with a register, its gallery and its trail."""

    SEE_DOSSIERS = "see_dossiers"  # of the own unit and those below it, with their events
    MOVE_DOSSIERS = "move_dossiers"  # receive them, or move them to the states of `Rights.moves`
    SEE_CASES = "see_cases"
    SEE_VOTES = "see_votes"  # who voted on which case, once two have; not what a case is about
    SETTLE_CASES = "settle_cases"  # see the people of open cases and vote; as a senior, open cases by order and again
    ISSUE = "issue"  # people, numbers and cards, and the templates of the gallery
    MANAGE = "manage"  # members and units
    READ_TRAIL = "read_trail"
    WRITE_TRAIL = "write_trail"  # what one does oneself


@dataclass(frozen=True, slots=True)
class Rights:
    """What one role may do. `moves`: the states that it moves dossiers to; `of_unit`: whether a member of this role
    must be of a unit."""

    acts: frozenset[Act]
    moves: frozenset[str] = frozenset()
    of_unit: bool = False


RIGHTS: Final[Mapping[Role, Rights]] = {
    Role.OPERATOR: Rights(
        frozenset({Act.SEE_DOSSIERS, Act.MOVE_DOSSIERS, Act.WRITE_TRAIL}),
        frozenset({"received", "rejected", "withdrawn", "cancelled", "handed_over", "returned"}),
        of_unit=True,
    ),
    Role.ADJUDICATOR: Rights(frozenset({Act.SEE_CASES, Act.SETTLE_CASES, Act.WRITE_TRAIL})),
    Role.FACTORY: Rights(
        frozenset({Act.SEE_DOSSIERS, Act.MOVE_DOSSIERS, Act.SEE_CASES, Act.ISSUE, Act.WRITE_TRAIL}),
        frozenset({"received", "checked", "searched", "in_review", "approved", "signed", "written", "verified",
                   "dispatched", "rejected"}),
    ),
    Role.INSPECTOR: Rights(frozenset({Act.SEE_DOSSIERS, Act.SEE_VOTES, Act.WRITE_TRAIL}), of_unit=True),
    Role.ADMINISTRATOR: Rights(frozenset({Act.MANAGE, Act.WRITE_TRAIL})),
    Role.AUDITOR: Rights(frozenset({Act.READ_TRAIL})),
}  # fmt: skip


def demand(role: Role, act: Act, *, account: str, to: str | None = None) -> None:
    """ConflictError where the role may not do this; `to`: the state that a dossier is moved to."""
    rights = RIGHTS[role]
    if act not in rights.acts:
        raise ConflictError("this role may not do this", account=account, role=str(role), act=str(act))
    if to is not None and to not in rights.moves:
        raise ConflictError("this role does not move dossiers there", account=account, role=str(role), to_state=to)
