"""Cards pulled at random APDUs and processes killed at random moments: after running again, every job ends with one
verified card, no number has two cards and no card two numbers."""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path

import pytest

from cccd_core.personalise import CardResult, Journal, Reason, Station, Trouble, open_feeder
from support.cards import Country
from support.chaos import Puller, TearingFeeder, audit, run_and_kill


class Factory:
    """A card factory on a disk: journal and cards folder; each run builds its jobs anew, as a re-run does."""

    def __init__(self, folder: Path, country: Country) -> None:
        self.folder = folder
        self.journal = folder / "cards.journal"
        self.cards = folder / "cards"
        self.country = country

    def run(self, people: range, puller: Puller | None = None) -> list[CardResult]:
        country = self.country
        with Journal(self.journal) as journal:
            feeder = open_feeder(
                "memory",
                self.cards,
                card_master_key=country.card_master_key,
                journal=journal,
            )
            station = Station(
                feeder if puller is None else TearingFeeder(feeder, puller),
                journal,
                country.card_master_key,
                country.trust,
                country.terminal,
            )
            try:
                return list(station.run_all(country.job(number) for number in people))
            finally:
                feeder.close()

    def finish(self, people: range) -> None:
        """Runs, and demands that every card is verified."""
        assert all(result.verified for result in self.run(people))

    def one_card(self) -> tuple[int, float]:
        """(APDUs, seconds of computing) that one card takes when nothing happens, measured in a folder of its own."""
        puller = Puller()
        start = time.process_time()
        assert Factory(self.folder / "measured", self.country).run(range(1), puller)[0].verified
        return puller.count, time.process_time() - start

    def audit(self, people: range) -> dict[str, str]:
        return audit(self.journal, self.cards, {f"job-{n:05d}": f"0012{n:08d}" for n in people})


@pytest.fixture
def factory(tmp_path: Path, country: Country) -> Factory:
    return Factory(tmp_path, country)


def test_a_card_pulled_at_fifty_random_apdus_is_finished(factory: Factory) -> None:
    people = range(25)
    total = factory.one_card()[0] * len(people)
    puller = Puller(at=set(random.Random(20260715).sample(range(total), 50)))
    results = factory.run(people, puller)
    assert len(puller.pulled) == 50
    # A pull spoils nothing: the same cards are finished, at the latest by the next run.
    assert all(not result.evidence.spoiled for result in results)
    assert {result.reason for result in results} <= {None, Reason(Trouble.CARD_KEEPS_LEAVING)}
    factory.finish(people)
    factory.audit(people)
    assert len(list(factory.cards.glob("*.card"))) == 25


def test_a_card_pulled_at_every_apdu_in_turn_is_finished(factory: Factory) -> None:
    people = range(factory.one_card()[0])
    for at in people:
        puller = Puller(at={at})
        (result,) = factory.run(range(at, at + 1), puller)
        assert puller.pulled == [at]
        assert result.verified, f"APDU {at}: {result.reason}"
        assert result.evidence.spoiled == ()
    factory.audit(people)
    assert len(list(factory.cards.glob("*.card"))) == len(people)


def test_killed_at_fifty_random_moments_the_runs_finish_every_job_once(factory: Factory) -> None:
    _, one_card_s = factory.one_card()
    chooser = random.Random(20260716)
    people = range(6)
    kills = 0
    while kills < 50:
        if run_and_kill(partial(factory.finish, people), chooser.uniform(0.0, 2 * one_card_s)):
            people = range(len(people) + 3)  # all done: more work, so that there is something to kill
        else:
            kills += 1
    # What is left is run to its end; from there on a run changes nothing.
    factory.finish(people)
    first = factory.audit(people)
    factory.finish(people)
    assert factory.audit(people) == first
    # A kill wastes no card: whatever was made is somebody's, or blank and next in turn (there is one lane).
    assert len(list(factory.cards.glob("*.card"))) - len(people) in (0, 1)
