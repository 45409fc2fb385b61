"""One word for a chip, and why. A pure function of its checks.

GENUINE asks for all of it: a State that is trusted signed what was read, nothing on the chip contradicts that, every
data group that the State signed was read, DG1 and DG2 among them (fingers and irises may stay shut: they are not for
everybody), and the chip proved that it is no copy. NOT_GENUINE is said for what the chip itself shows to be wrong; for
what could not be found out, UNDECIDED. Whether a genuine document has expired is another question
(`CheckName.IN_FORCE`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from cccd_core.inspection.checks import Check, CheckName, Outcome


class Verdict(StrEnum):
    """Whether a chip is what it claims to be."""

    GENUINE = "genuine"
    NOT_GENUINE = "not_genuine"
    UNDECIDED = "undecided"

    @property
    def label(self) -> str:
        """In words for people."""
        return {"genuine": "genuine", "not_genuine": "NOT GENUINE", "undecided": "could not tell"}[self]


ACCESS: Final = frozenset((CheckName.PACE, CheckName.BAC, CheckName.NO_ACCESS_CONTROL))
PROOFS: Final = frozenset((CheckName.CHIP_MAPPING, CheckName.CHIP_AUTHENTICATION, CheckName.ACTIVE_AUTHENTICATION))
"""By which a chip proves that it is no copy."""

_CONTRADICTIONS: Final = PROOFS | {CheckName.PASSIVE_AUTHENTICATION, CheckName.COM_AGREES, CheckName.ACCESS_AGREES}
_NEEDED: Final = (
    CheckName.EF_SOD_READ,
    CheckName.PASSIVE_AUTHENTICATION,
    CheckName.DATA_GROUPS_READ,
)
_DOUBTS: Final = frozenset(
    (CheckName.MANDATORY_SIGNED, CheckName.FIELDS_AGREE, CheckName.COM_AGREES, CheckName.ACCESS_AGREES)
)
"""For people to look at where they fail, even if they show nothing against the chip."""
_CAME_TO_NOTHING: Final = frozenset(("card", "secure_messaging", "format"))
"""Kinds of errors by which a check fails that a State's own mistake, or a bad contact, explains as well."""


def decide(checks: Sequence[Check]) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict, and the reasons against GENUINE; none for a genuine chip."""
    wrong = tuple(_said(check) for check in checks if _shows_forgery(check))
    if wrong:
        return Verdict.NOT_GENUINE, wrong
    opened = [check for check in checks if check.name in ACCESS]
    if not any(check.held for check in opened):
        return Verdict.UNDECIDED, tuple(_said(check) for check in opened) or ("the chip was not opened",)
    by_name = {check.name: check for check in checks}
    needed = [by_name.get(name, Check(name, Outcome.UNTOLD, "not made")) for name in _NEEDED]
    open_questions = [_said(check) for check in needed if not check.held]
    proofs = [check for check in checks if check.name in PROOFS]
    if not any(check.held for check in proofs):
        told = "; ".join(_said(check) for check in proofs) or "none was asked for"
        open_questions.append(f"nothing proves that the chip is no copy: {told}")
    open_questions += [_said(check) for check in checks if check.name in _DOUBTS and check.outcome is Outcome.FAILED]
    if open_questions:
        return Verdict.UNDECIDED, tuple(open_questions)
    return Verdict.GENUINE, ()


def _shows_forgery(check: Check) -> bool:
    if check.outcome is not Outcome.FAILED or check.name not in _CONTRADICTIONS:
        return False
    # A proof that was refused or broke off is none given: only one given wrong shows a copy. A file that cannot be read
    # contradicts nothing. Of the rules of passive authentication `judging` has said already what they show.
    return check.name is CheckName.PASSIVE_AUTHENTICATION or check.error not in _CAME_TO_NOTHING


def _said(check: Check) -> str:
    return f"{check.label}: {check.detail}" if check.detail else f"{check.label}: {check.outcome}"
