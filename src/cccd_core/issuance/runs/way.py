"""By which steps a dossier comes to where a run has it, from where the register of dossiers has it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cccd_core.issuance.dossiers.reasons import (
    DuplicateReason,
    Failure,
    Fault,
    Oddity,
    RegisterReason,
    SettledReason,
)
from cccd_core.issuance.register.life import State
from cccd_core.issuance.runs.state import DossierState, Entry

TAKEN_UP: Final = "taken_up_again"
"""Why a rejected dossier is received anew: it was handed in again, or its case was opened again."""
CHANGED: Final = "contents_changed"
"""Why a dossier that nothing was decided about is rejected for a moment: it was handed in again with other contents."""
BUILT_AGAIN: Final = "built_again"
"""Why what was signed or written goes back: an interrupted or failed card is built anew, with other keys."""
_SETTLED: Final = "settled"

_LINE: Final = (
    State.RECEIVED, State.CHECKED, State.SEARCHED, State.APPROVED, State.SIGNED, State.WRITTEN, State.VERIFIED,
)  # fmt: skip
_PROVED: Final = frozenset({State.VERIFIED, State.DISPATCHED, State.RETURNED, State.HANDED_OVER})
_ENDED: Final = {
    State.WITHDRAWN: RegisterReason.WITHDRAWN,
    State.CANCELLED: RegisterReason.CANCELLED,
    State.REJECTED: RegisterReason.REJECTED_BY_HAND,
}
_WORDS: Final = frozenset(
    {str(word) for table in (Fault, Oddity, RegisterReason, DuplicateReason, SettledReason) for word in table}
    | {CHANGED}
) - frozenset(map(str, _ENDED.values()))


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and why."""

    to: State
    reason: str | None = None


def by_a_run(reason: str | None) -> bool:
    """Whether a dossier was rejected by a run, for a reason that the next one looks at anew."""
    return reason in _WORDS


def ended(state: State) -> RegisterReason | None:
    """Why a dossier that stands so gets no card, whatever a run found; None where it may get one."""
    if state in _PROVED:
        return RegisterReason.ALREADY_ISSUED
    return _ENDED.get(state)


def steps(now: State, said: str | None, entry: Entry) -> tuple[Step, ...]:
    """The steps from `now`, which was come to for the reason `said`, to where the entry has the dossier; none where it
    is there or further, or at an end."""
    wanted = _wanted(entry, now)
    if not wanted:
        return ()
    last = wanted[-1]
    if now is State.REJECTED and entry.state is DossierState.SOUND and by_a_run(said):  # by a run in another folder
        return (Step(State.RECEIVED, TAKEN_UP), *wanted)
    if now is State.IN_REVIEW:
        if last.to is State.IN_REVIEW and last.reason == said:
            return ()
        onward = [step for step in wanted if step.to is not State.CHECKED]
        return tuple(Step(step.to, step.reason or _SETTLED) for step in onward[:1]) + tuple(onward[1:])
    if now not in _LINE or now is State.VERIFIED:
        return ()
    place = _LINE.index(now)
    onward = [step for step in wanted if step.to not in _LINE or _LINE.index(step.to) > place]
    if last.to in _LINE or place < _LINE.index(State.APPROVED):
        return tuple(onward)
    doubted = () if last.to is State.IN_REVIEW else (Step(State.IN_REVIEW, last.reason),)
    return (*back_to_approved(now), *doubted, last)


def back_to_approved(now: State) -> tuple[Step, ...]:
    """The steps back of what is to be built again."""
    back = {State.WRITTEN: (State.SIGNED, State.APPROVED), State.SIGNED: (State.APPROVED,)}
    return tuple(Step(state, BUILT_AGAIN) for state in back.get(now, ()))


def to_be_signed(now: State) -> tuple[Step, ...]:
    """The steps of an accepted dossier whose card was built just now."""
    if now in (State.APPROVED, State.SIGNED, State.WRITTEN):
        return (*back_to_approved(now), Step(State.SIGNED))
    if now is State.IN_REVIEW:
        return (Step(State.APPROVED, _SETTLED), Step(State.SIGNED))
    if now not in _LINE or now is State.VERIFIED:
        return ()
    return tuple(Step(state) for state in _LINE[_LINE.index(now) + 1 : _LINE.index(State.SIGNED) + 1])


def _wanted(entry: Entry, now: State) -> list[Step]:
    """The whole way of an entry, from the check on."""
    reason = None if entry.reason is None else str(entry.reason)
    checked, searched = [Step(State.CHECKED)], [Step(State.CHECKED), Step(State.SEARCHED)]
    accepted = [*searched, Step(State.APPROVED)]
    proved = [*accepted, *map(Step, (State.SIGNED, State.WRITTEN, State.VERIFIED))]
    match entry.state:
        case DossierState.SOUND:
            return checked
        case DossierState.UNIQUE:
            return accepted
        case DossierState.VERIFIED:
            return proved
        case DossierState.REVIEW:
            case = entry.evidence.case
            return [*searched, Step(State.IN_REVIEW, reason if case is None else f"{reason} {case}")]
        case DossierState.FAILED:
            if not entry.searched or entry.reason is Failure.IN_OTHER_RUN:
                return []
            return proved[: proved.index(Step(State.WRITTEN)) + 1] if entry.written else accepted
        case DossierState.REJECTED | DossierState.DUPLICATE:
            if entry.reason is RegisterReason.DOSSIER_CHANGED:
                return []
            if entry.reason is RegisterReason.ALREADY_ISSUED and now in (State.APPROVED, State.SIGNED, State.WRITTEN):
                return proved  # the run that proved it did not come to say so
            if entry.evidence.problems:
                return [Step(State.REJECTED, reason)]
            decided = entry.evidence.search is not None and not isinstance(entry.reason, SettledReason)
            return [*(searched if decided else checked), Step(State.REJECTED, reason)]
        case _:
            return []
