"""By which steps a dossier comes to where a run has it: every step is one that there is, and said once they lead
nowhere any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cccd_core.issuance.dossiers.reasons import DuplicateReason, Failure, Fault, RegisterReason, ReviewReason
from cccd_core.issuance.dossiers.reasons import SettledReason as Settled
from cccd_core.issuance.register.life import State, demand_move
from cccd_core.issuance.runs.evidence import Evidence, ProblemEvidence, SearchEvidence
from cccd_core.issuance.runs.state import DossierState, Entry
from cccd_core.issuance.runs.way import Step, by_a_run, ended, steps, to_be_signed

SEARCHED = Evidence(search=SearchEvidence("unique", None, (), 0.0, 40.0, 30.0, 1, 1, (), (), None, ()))
FAULTY = Evidence(problems=(ProblemEvidence("sex", Fault.NUMBER_SEX, {}),))
ENTRIES = [
    Entry("D", DossierState.RECEIVED),
    Entry("D", DossierState.SOUND),
    Entry("D", DossierState.UNIQUE, searched=True, evidence=SEARCHED),
    Entry("D", DossierState.REVIEW, ReviewReason.POSSIBLE_DUPLICATE, evidence=replace(SEARCHED, case="C1")),
    Entry("D", DossierState.REVIEW, ReviewReason.NOT_SEARCHABLE),
    Entry("D", DossierState.DUPLICATE, DuplicateReason.DUPLICATE, evidence=SEARCHED),
    Entry("D", DossierState.DUPLICATE, Settled.SETTLED_SAME_PERSON, evidence=replace(SEARCHED, case="C1")),
    Entry("D", DossierState.REJECTED, Settled.SETTLED_REFUSED, evidence=Evidence(case="C1")),
    Entry("D", DossierState.REJECTED, Fault.NUMBER_SEX, evidence=FAULTY),
    Entry("D", DossierState.REJECTED, RegisterReason.NUMBER_TAKEN, evidence=SEARCHED),
    Entry("D", DossierState.REJECTED, RegisterReason.NUMBER_UNKNOWN),
    Entry("D", DossierState.REJECTED, RegisterReason.ALREADY_ISSUED),
    Entry("D", DossierState.REJECTED, RegisterReason.DOSSIER_CHANGED),
    Entry("D", DossierState.REJECTED, RegisterReason.WITHDRAWN),
    Entry("D", DossierState.FAILED, Failure.CARD_FAILED, searched=True, written=True, evidence=SEARCHED),
    Entry("D", DossierState.FAILED, Failure.CARD_WAITING, searched=True, evidence=SEARCHED),
    Entry("D", DossierState.FAILED, Failure.IN_OTHER_RUN, searched=True, evidence=SEARCHED),
    Entry("D", DossierState.FAILED, Failure.BATCH_CHANGED),
    Entry("D", DossierState.VERIFIED, searched=True, written=True, evidence=SEARCHED),
]  # fmt: skip
SAID = {State.REJECTED: ("duplicate", "forged"), State.IN_REVIEW: ("possible_duplicate C1", "possible_duplicate C0")}


def walked(now: State, way: tuple[Step, ...]) -> tuple[State, str | None]:
    """Where steps lead, and why; each must be one that there is, and say what it must."""
    said: str | None = None
    for step in way:
        demand_move(now, step.to, reason=step.reason, order=None)
        now, said = step.to, step.reason
    return now, said


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda one: f"{one.state}-{one.reason}")
def test_every_step_is_one_that_there_is_and_nothing_is_said_twice(entry: Entry) -> None:
    for now in State:
        for said in SAID.get(now, (None,)):
            way = steps(now, said, entry)
            then, why = walked(now, way)
            assert steps(then, why if way else said, entry) == (), f"from {now}"
            if ended(now) and now is not State.REJECTED:
                assert way == (), f"nothing moves what is {now}"


@pytest.mark.parametrize(
    ("state", "reason", "searched", "end"),
    [
        (DossierState.UNIQUE, None, True, State.APPROVED),
        (DossierState.VERIFIED, None, True, State.VERIFIED),
        (DossierState.REVIEW, ReviewReason.SAME_FINGER, True, State.IN_REVIEW),
        (DossierState.DUPLICATE, DuplicateReason.DUPLICATE, True, State.REJECTED),
        (DossierState.REJECTED, RegisterReason.NUMBER_TAKEN, True, State.REJECTED),
    ],
)
def test_an_entry_is_come_to_from_wherever_it_may_stand(
    state: DossierState, reason: ReviewReason | None, searched: bool, end: State
) -> None:
    entry = Entry("D", state, reason, searched=searched, evidence=SEARCHED)
    for now in (State.RECEIVED, State.CHECKED, State.SEARCHED, State.IN_REVIEW, State.APPROVED):
        assert walked(now, steps(now, "possible_duplicate C1", entry))[0] is end


def test_what_is_built_again_goes_back_first() -> None:
    assert [step.to for step in to_be_signed(State.APPROVED)] == [State.SIGNED]
    back = to_be_signed(State.WRITTEN)
    assert [step.to for step in back] == [State.SIGNED, State.APPROVED, State.SIGNED]
    for now in State:
        way = to_be_signed(now)
        assert walked(now, way)[0] is (State.SIGNED if way else now)
        assert bool(way) != (ended(now) is not None)


def test_a_rejection_by_hand_is_told_from_a_runs() -> None:
    assert all(by_a_run(word) for word in ("duplicate", "number_sex", "settled_refused", "number_repeated"))
    assert not any(by_a_run(word) for word in ("withdrawn", "cancelled", "rejected_by_hand", "forged", "", None))


def test_another_case_of_a_dossier_in_review_is_told() -> None:
    entry = Entry("D", DossierState.REVIEW, ReviewReason.SAME_FINGER, evidence=replace(SEARCHED, case="C2"))
    assert steps(State.IN_REVIEW, "same_finger C2", entry) == ()
    assert [step.to for step in steps(State.IN_REVIEW, "possible_duplicate C1", entry)] == [
        State.SEARCHED, State.IN_REVIEW,
    ]  # fmt: skip
