"""The whole job under fire: killed at random moments, its cards pulled at random APDUs. After running again every
dossier has one final state, no number two cards, no card two numbers."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from cccd_core.card.profile import LifeCycle
from cccd_core.card.virtual import VirtualCard
from cccd_core.dedup import open_gallery
from cccd_core.issuance import Means
from cccd_core.issuance.audit.verify import verify
from cccd_core.issuance.register.store import CardStatus
from cccd_core.issuance.runs.state import FINAL, DossierState, RunState
from cccd_core.personalise import Feeder
from support import dossiers
from support.chaos import Puller, TearingFeeder, audit, computing_s, number_on_card, run_and_kill
from support.issuing import Office, fingers_of, outcomes

KILLS = 50
PULLS = 50


class Crowd:
    """A batch that grows: people, and among them planted duplicates and faults."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.expected: dict[str, tuple[str, str | None]] = {}
        self.numbers: dict[str, str] = {}

    def grow(self, people: int, *, plants: bool = True) -> None:
        """Adds so many people, one more dossier of the first of them, and one with a fault."""
        first = len(self.numbers) + 1
        for person in range(first, first + people):
            self.office.put(f"P{person:04d}", person)
            self.numbers[f"P{person:04d}"] = dossiers.document(person)["personal_number"]
            self.expected[f"P{person:04d}"] = ("verified", None)
        if plants:
            later = dossiers.document(5000 + first, captured_at="2026-08-01T08:00:00+07:00")
            dossiers.put(self.office.batch(), f"D{first:04d}", later, fingers=fingers_of(first, again=True))
            self.expected[f"D{first:04d}"] = ("duplicate", "duplicate")
            self.office.put(f"X{first:04d}", 7000 + first, personal_number="1")
            self.expected[f"X{first:04d}"] = ("rejected", "number_structure")

    def check(self) -> None:
        """What must hold when the job was run to its end."""
        office = self.office
        report = office.issue()
        assert outcomes(report) == self.expected
        assert all(entry.state in FINAL and entry.state is not DossierState.FAILED for entry in report.entries)
        written = [json.loads(line) for line in (office.out() / "dossiers.jsonl").read_bytes().splitlines()]
        assert Counter(line["id"] for line in written) == Counter(list(self.expected))
        # The register, the run, the journal and the cards themselves tell the same story.
        serials = audit(office.out() / "journal", office.out() / "cards", self.numbers)
        assert {line["id"]: line["card_serial"] for line in written if line["card_serial"]} == serials
        cards = office.register().cards()
        assert {card.dossier_id: (card.serial, card.number) for card in cards} == {
            name: (serials[name], number) for name, number in self.numbers.items()
        }
        assert {card.status for card in cards} == {CardStatus.VALID}
        holders = Counter()
        for path in (office.out() / "cards").glob("*.card"):
            with VirtualCard.open(path) as card:
                if card.life_cycle is LifeCycle.LOCKED:
                    holders[number_on_card(card)] += 1
        assert holders == Counter(list(self.numbers.values()))
        with open_gallery(office.gallery) as gallery:
            assert len(gallery) == len(self.numbers)
        run = RunState(office.out() / "run.sqlite").value("run")
        told = verify((office.out() / "audit.jsonl").read_bytes(), about=run, keys=office.audit_keys())
        assert (told.findings, told.torn, told.unsigned) == ((), False, 0)
        assert told.entries == len(self.expected)


@pytest.fixture
def crowd(office: Office) -> Crowd:
    return Crowd(office)


def test_killed_at_fifty_random_moments(crowd: Crowd) -> None:
    chooser = random.Random(20260718)
    crowd.grow(3)
    crowd.office.issue()  # loads what the children inherit, so that the next run takes as long as theirs
    crowd.grow(3)
    whole_s = computing_s(lambda: _finish(crowd.office))
    kills, stages = 0, Counter[str]()
    crowd.grow(3)
    while kills < KILLS:
        ended = run_and_kill(lambda: _finish(crowd.office), chooser.uniform(0.0, 1.2 * whole_s))
        stage = _stage(crowd.office)
        if not ended:
            kills += 1
            stages[stage] += 1
        if ended or stage == "report":
            crowd.grow(2, plants=kills % 3 == 0)  # more work, so that there is something to kill
    crowd.check()
    assert len(stages) > 2, f"the kills fell into few stages: {stages}"


def test_cards_pulled_at_fifty_random_apdus(crowd: Crowd) -> None:
    puller = Puller()
    means = crowd.office.means(wrap=lambda feeder: TearingFeeder(feeder, puller))
    crowd.grow(1, plants=False)
    crowd.office.issue(means=means)
    people = 20
    puller.at = set(random.Random(20260719).sample(range(puller.count, puller.count * (people + 1)), PULLS))
    crowd.grow(people)
    for _ in range(10):
        if crowd.office.issue(means=means).complete:
            break
    assert len(puller.pulled) == PULLS
    crowd.check()


def test_killed_and_pulled_at_once(crowd: Crowd) -> None:
    chooser = random.Random(20260720)

    def tearing(feeder: Feeder) -> TearingFeeder:
        return TearingFeeder(feeder, Puller(at=set(chooser.sample(range(400), 4))))

    means = crowd.office.means(wrap=tearing)
    crowd.grow(5)
    for _ in range(10):
        run_and_kill(lambda: _finish(crowd.office, means), chooser.uniform(0.1, 1.0))
        chooser.random()
    for _ in range(10):
        if crowd.office.issue(means=means).complete:
            break
    crowd.check()


def _finish(office: Office, means: Means | None = None) -> None:
    assert office.issue(means=means).complete


def _stage(office: Office) -> str:
    """How far the killed run had come: what most of the unfinished dossiers wait for."""
    path: Path = office.out() / "run.sqlite"
    state = RunState(path)
    unfinished = (DossierState.RECEIVED, DossierState.SOUND, DossierState.UNIQUE)
    return next((str(name) for name in unfinished if state.ids(name)), "report")
