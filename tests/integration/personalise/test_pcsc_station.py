"""Personalisation through pcscd and virtual readers: several lanes, cards pulled for real, cards put in by hand."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from cccd_core.card.transport.pcsc import readers, wait_for_card
from cccd_core.card.virtual import VirtualCard
from cccd_core.errors import UnavailableError
from cccd_core.personalise import CardResult, Feeder, JobOutcome, Journal, Station, open_feeder
from cccd_core.personalise.inserter import Inserter
from cccd_core.personalise.pcsc_feeder import PcscFeeder
from support.cards import Country
from support.chaos import Puller, TearingFeeder, audit, run_and_kill
from support.patience import PATIENCE_S
from support.pcsc import VirtualReaders, virtual_readers

__all__ = ["virtual_readers"]
pytestmark = pytest.mark.pcsc

Wrap = Callable[[Feeder], Feeder]


class Works:
    """Journal and cards folder of one test, and runs over the readers."""

    def __init__(self, folder: Path, country: Country) -> None:
        self.folder = folder
        self.country = country
        self.asked: list[tuple[str, str]] = []

    def run(
        self,
        people: range,
        spec: str = "pcsc",
        *,
        wrap: Wrap = lambda feeder: feeder,
        ask: Callable[[str, str], None] | None = None,
        wait_s: float = PATIENCE_S,
    ) -> list[CardResult]:
        country = self.country

        def note(reader: str, message: str) -> None:
            self.asked.append((reader, message))
            if ask is not None:
                ask(reader, message)

        with Journal(self.folder / "journal") as journal:
            feeder = open_feeder(
                spec,
                self.folder / "cards",
                card_master_key=country.card_master_key,
                journal=journal,
                ask=note,
                wait_s=wait_s,
            )
            try:
                station = Station(wrap(feeder), journal, country.card_master_key, country.trust, country.terminal)
                return list(station.run_all([country.job(number) for number in people]))
            finally:
                feeder.close()

    def finish(self, people: range) -> None:
        """Runs once the readers are empty, and demands that every card is verified."""
        for name in readers():
            assert wait_for_card(name, False, PATIENCE_S)
        assert all(result.verified for result in self.run(people))

    def audit(self, people: range) -> dict[str, str]:
        numbers = {f"job-{number:05d}": f"0012{number:08d}" for number in people}
        return audit(self.folder / "journal", self.folder / "cards", numbers)


@pytest.fixture(autouse=True)
def empty_readers(virtual_readers: VirtualReaders) -> None:
    """pcscd sees that a card left only at its next look: what the test before used must be seen empty first."""
    for name in virtual_readers.names:
        assert wait_for_card(name, False, PATIENCE_S)


@pytest.fixture
def works(tmp_path: Path, country: Country) -> Works:
    return Works(tmp_path, country)


def inserter(feeder: Feeder, lane: int) -> Inserter:
    """The hand that holds the software card of a lane."""
    assert isinstance(feeder, PcscFeeder)
    found = feeder.inserter(lane)
    assert found is not None
    return found


def test_every_reader_is_a_lane_and_results_keep_their_order(works: Works, virtual_readers: VirtualReaders) -> None:
    people = range(8)
    results = works.run(people)
    assert [result.job_id for result in results] == [f"job-{number:05d}" for number in people]
    assert all(result.verified for result in results)
    assert {result.evidence.reader for result in results} == set(virtual_readers.names)
    serials = works.audit(people)
    assert [result.card_serial for result in results] == list(serials.values())
    assert len(list((works.folder / "cards").glob("*.card"))) == len(people)
    assert works.asked == []


def test_one_reader_by_name(works: Works, virtual_readers: VirtualReaders) -> None:
    (result,) = works.run(range(1), f"pcsc:{virtual_readers.names[1]}")
    assert result.verified
    assert result.evidence.reader == virtual_readers.names[1]
    with pytest.raises(UnavailableError, match="no such PC/SC reader"):
        works.run(range(1), "pcsc:no reader of this name")


def test_cards_pulled_through_pcscd_are_finished(works: Works, virtual_readers: VirtualReaders) -> None:
    people = range(3)
    puller = Puller(at=set(random.Random(20260717).sample(range(250), 8)))

    torn: list[TearingFeeder] = []

    def wrap(feeder: Feeder) -> Feeder:
        # The card really leaves the reader: its server is told to take it out.
        torn.append(TearingFeeder(feeder, puller, lambda lane, _: inserter(feeder, lane).remove()))
        return torn[0]

    results = works.run(people, f"pcsc:{virtual_readers.names[0]}", wrap=wrap)
    assert len(puller.pulled) == 8
    assert [result.evidence.spoiled for result in results] == [()] * 3
    # Each pull costs one insertion and no more: nothing else was taken for a tear.
    assert torn[0].taken == len(people) + 8
    assert all(result.verified for result in works.run(people, f"pcsc:{virtual_readers.names[0]}"))
    works.audit(people)
    assert len(list((works.folder / "cards").glob("*.card"))) == len(people)


def test_killed_through_pcscd_the_next_run_finishes_the_same_cards(
    works: Works, virtual_readers: VirtualReaders
) -> None:
    """The process dies and its card servers with it; the cards are found again in their folder."""
    people = range(4)
    chooser = random.Random(20260718)
    kills = 0
    while kills < 4:
        if run_and_kill(partial(works.finish, people), chooser.uniform(0.1, 0.5)):
            people = range(len(people) + 2)
        else:
            kills += 1
    works.finish(people)
    works.audit(people)
    assert len(list((works.folder / "cards").glob("*.card"))) - len(people) in (0, 1, 2)  # two lanes


def test_a_card_server_that_dies_is_a_tear_and_is_started_again(works: Works, virtual_readers: VirtualReaders) -> None:
    puller = Puller(at={40})

    (result,) = works.run(
        range(1),
        f"pcsc:{virtual_readers.names[0]}",
        wrap=lambda feeder: TearingFeeder(feeder, puller, lambda lane, _: inserter(feeder, lane).kill()),
    )
    assert puller.pulled == [40]
    assert result.verified
    assert len(list((works.folder / "cards").glob("*.card"))) == 1


def test_an_operator_is_asked_for_each_card(works: Works, virtual_readers: VirtualReaders) -> None:
    """The card that lies in the reader is used; for the next one the operator is asked, and may take the wrong one."""
    reader = virtual_readers.names[0]
    master = works.country.card_master_key
    (works.folder / "mine").mkdir()
    cards = [
        VirtualCard.create(works.folder / "mine" / f"{n}.card", serial=bytes([n] * 8), master_key=master)
        for n in (1, 2)
    ]
    with ExitStack() as stack:
        stack.callback(lambda: [card.close() for card in cards])
        first = stack.enter_context(virtual_readers.insert(cards[0], reader))

        def swap(_: str, message: str) -> None:
            assert message == "put in a blank card"
            first.set()
            stack.enter_context(virtual_readers.insert(cards[1], reader))

        results = works.run(range(2), f"pcsc:{reader}", ask=swap)
    assert [result.card_serial for result in results] == ["01" * 8, "02" * 8]
    assert all(result.verified for result in results)
    assert works.asked == [(reader, "put in a blank card")]
    assert list((works.folder / "cards").glob("*.card")) == []


def test_waiting_for_a_card_ends_and_the_job_can_be_run_again(works: Works, virtual_readers: VirtualReaders) -> None:
    reader = virtual_readers.names[0]
    master = works.country.card_master_key
    path = works.folder / "mine.card"
    with VirtualCard.create(path, serial=b"\x07" * 8, master_key=master) as card, virtual_readers.insert(card, reader):
        (first,) = works.run(range(1), f"pcsc:{reader}")
        assert first.verified
        _, second = works.run(range(2), f"pcsc:{reader}", wait_s=0.5)
        assert (second.outcome, str(second.reason), second.card_serial) == (JobOutcome.WAITING, "no_card", None)
        first_again, _ = works.run(range(2), f"pcsc:{reader}", wait_s=0.5)
        assert first_again.card_serial == first.card_serial


def test_a_station_waiting_for_its_operator_can_be_stopped(works: Works, virtual_readers: VirtualReaders) -> None:
    reader = virtual_readers.names[0]
    country = works.country
    path = works.folder / "mine.card"
    with (
        VirtualCard.create(path, master_key=country.card_master_key) as card,
        virtual_readers.insert(card, reader),
        Journal(works.folder / "journal") as journal,
    ):
        spec = f"pcsc:{reader}"
        feeder = open_feeder(
            spec,
            works.folder / "cards",
            card_master_key=country.card_master_key,
            journal=journal,
            ask=lambda *_: threading.Timer(0.3, station.stop).start(),
            wait_s=PATIENCE_S,
        )
        station = Station(feeder, journal, country.card_master_key, country.trust, country.terminal)
        try:
            assert station.run(country.job(1)).verified
            stopped = station.run(country.job(2))
            assert stopped.outcome is JobOutcome.WAITING
        finally:
            feeder.close()
