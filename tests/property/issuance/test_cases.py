"""Votes in any order against a model of a few lines: in the tables a case always stands where the model says."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cccd_core.errors import CccdError
from cccd_core.issuance.review.settle import Answer, CaseKind, Vote
from cccd_core.issuance.review.store import Cases
from support.postgres_server import Server
from support.reviewing import question

NOW = datetime(2026, 11, 2, tzinfo=UTC)
PAIR, DOUBT = 0, 1
ALLOWED = (
    {Answer.SAME_PERSON, Answer.DIFFERENT_PEOPLE, Answer.CAPTURE_AGAIN, Answer.REFUSE},
    {Answer.ACCEPT, Answer.CAPTURE_AGAIN, Answer.REFUSE},
)


@dataclass
class Model:
    """What was said of one case, rule by rule."""

    operator: str | None
    votes: list[tuple[str, Answer]] = field(default_factory=list)
    reopened: int = 0

    @property
    def answer(self) -> Answer | None:
        said = [answer for _, answer in self.votes]
        return said[2] if len(said) == 3 else said[0] if len(said) == 2 and said[0] == said[1] else None

    def may(self, who: str, senior: bool) -> bool:
        known = {name for name, _ in self.votes}
        return self.answer is None and who not in known and who != self.operator and (len(known) < 2 or senior)


class Votes(RuleBasedStateMachine):
    """A case about a pair and one about a doubt, of dossiers of their own, in a file or a server; and the model of
    each."""

    numbers = count()

    def __init__(self, url: str | None = None) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.cases = Cases(Path(self.folder.name) / "register.sqlite" if url is None else url)
        number = next(self.numbers)
        doubt = question(f"D{number}", kind=CaseKind.SAME_FINGER, others=(), operator=None)
        self.asked = (question(f"P{number}"), doubt)
        self.cases.open(self.asked, NOW)
        self.models = [Model(one.operator) for one in self.asked]

    def teardown(self) -> None:
        self.cases.close()
        self.folder.cleanup()

    @rule(
        which=st.sampled_from([PAIR, DOUBT]),
        who=st.sampled_from(["an", "binh", "chi", "dung", "hanh"]),
        senior=st.booleans(),
        answer=st.sampled_from(list(Answer)),
        loud=st.booleans(),
    )
    def vote(self, which: int, who: str, senior: bool, answer: Answer, loud: bool) -> None:
        model, case_id = self.models[which], self.asked[which].case_id
        taken = model.may(who, senior) and answer in ALLOWED[which]
        again = (who, answer) in model.votes
        try:
            self.cases.vote(case_id, Vote(who.upper() if loud else who, senior, answer, "seen", NOW))
        except CccdError:
            assert not taken
            assert not again
        else:
            assert taken or again
        if taken:
            model.votes.append((who, answer))

    @rule(which=st.sampled_from([PAIR, DOUBT]))
    def reopen(self, which: int) -> None:
        model, case_id = self.models[which], self.asked[which].case_id
        try:
            self.cases.reopen(case_id, by="dung", order="1/QD", reason="wrong", at=NOW)
        except CccdError:
            assert model.answer is None
        else:
            assert model.answer is not None
            model.votes.clear()
            model.reopened += 1

    @rule()
    def open_again(self) -> None:
        self.cases.open(self.asked, NOW)

    @invariant()
    def as_the_model_says(self) -> None:
        for asked, model in zip(self.asked, self.models, strict=True):
            case = self.cases.find(asked.case_id)
            assert (case.standing.answer, case.votes_in, len(case.reopenings)) == (
                model.answer,
                len(model.votes),
                model.reopened,
            )
            shown = [(vote.adjudicator, vote.answer) for vote in case.votes]
            assert shown == (model.votes if len(model.votes) > 1 else [])


Votes.TestCase.settings = settings(max_examples=12, stateful_step_count=25)
TestVotes = Votes.TestCase


@pytest.mark.postgres
def test_votes_in_a_server(postgres: Server) -> None:
    url = postgres.new_database()
    run_state_machine_as_test(lambda: Votes(url), settings=settings(max_examples=4, stateful_step_count=25))
    postgres.drop(url)
