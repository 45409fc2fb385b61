"""Trouble for the card side, made on purpose: cards pulled at chosen APDUs, processes killed at chosen moments, and
the audit that must hold afterwards whatever happened.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from cccd_core.card import Link
from cccd_core.card.profile import LifeCycle
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import Directory
from cccd_core.emrtd import ElementaryFile, dg1
from cccd_core.errors import CardRemovedError
from cccd_core.personalise import FedCard, Feeder, Journal, Stage

# -- cards that are pulled ---------------------------------------------------------------------------------------------


@dataclass
class Puller:
    """Counts the APDUs of every card and says at which ones the card is pulled.

    `at` holds APDU numbers, counted over all cards from 0; an even one is pulled before the card sees the command, an
    odd one after it carried it out and before its answer arrives.
    """

    at: Collection[int] = ()
    count: int = 0
    pulled: list[int] = field(default_factory=list)

    def before(self) -> bool:
        return self.count in self.at and self.count % 2 == 0

    def after(self) -> bool:
        return self.count in self.at and self.count % 2 == 1


class TearingLink:
    """A link whose card leaves when the puller says so. `pull` takes the card out where that needs a hand."""

    def __init__(self, link: Link, puller: Puller, pull: Callable[[], None]) -> None:
        self._link = link
        self._puller = puller
        self._pull = pull
        self._gone = False

    @property
    def atr(self) -> bytes:
        return self._link.atr

    def transmit(self, command: bytes) -> bytes:
        if self._gone:
            raise CardRemovedError("no card in this link")
        puller = self._puller
        try:
            if puller.before():
                return self._tear(command)
            answer = self._link.transmit(command)
            if puller.after():
                self._gone = True
                self._pull()
                puller.pulled.append(puller.count)
                raise CardRemovedError("pulled after the command took effect")
            return answer
        finally:
            puller.count += 1

    def _tear(self, command: bytes) -> bytes:
        """The card is out: what the real link says about it is what counts."""
        self._gone = True
        self._puller.pulled.append(self._puller.count)
        self._pull()
        return self._link.transmit(command)

    def reset(self) -> None:
        if self._gone:
            raise CardRemovedError("no card in this link")
        self._link.reset()

    def close(self) -> None:
        self._link.close()


class TearingFeeder:
    """A feeder whose cards are pulled. `pull(lane, card)` takes a card out; by default its link is closed."""

    def __init__(
        self, feeder: Feeder, puller: Puller, pull: Callable[[int, FedCard], None] = lambda _, card: card.link.close()
    ) -> None:
        self._feeder = feeder
        self._puller = puller
        self._pull = pull
        self.taken = 0

    @property
    def lanes(self) -> tuple[str, ...]:
        return self._feeder.lanes

    def take(self, lane: int, *, serial: str | None) -> FedCard | None:
        card = self._feeder.take(lane, serial=serial)
        if card is None:
            return None
        self.taken += 1
        return FedCard(TearingLink(card.link, self._puller, lambda: self._pull(lane, card)), card.reader, card.path)

    def release(self, lane: int, card: FedCard) -> None:
        self._feeder.release(lane, card)

    def cancel(self) -> None:
        self._feeder.cancel()

    def close(self) -> None:
        self._feeder.close()


# -- processes that are killed -----------------------------------------------------------------------------------------


def run_and_kill(work: Callable[[], None], after_s: float | None) -> bool:
    """Runs `work` in a forked child that is killed once it has computed for `after_s` seconds (None: lets it end).

    What counts is the processor's time that the child itself has taken: so a moment lies as deep in the work on a
    machine that is busy, or that stops the child for a while, as on one that is not. Returns whether the work had ended
    well by itself before. AssertionError, with the child's traceback on stderr, when it ended badly.
    """
    return _run(work, after_s)[0]


def computing_s(work: Callable[[], None]) -> float:
    """Runs `work` in a forked child to its end; the seconds that it computed."""
    ended, seconds = _run(work, None)
    assert ended
    return seconds


def _run(work: Callable[[], None], after_s: float | None) -> tuple[bool, float]:
    with warnings.catch_warnings():
        # Python 3.12 warns of threads at a fork; the child starts its own and touches none of the parent's.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _end_child(work, after_s)
    _, status, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGPROF), "the work failed by itself"
    return code == 0, used.ru_utime + used.ru_stime


def struck_after(seconds: float, number: signal.Signals = signal.SIGKILL) -> None:
    """Once this process has computed for so many seconds, it gets the signal; SIGKILL comes as SIGPROF, by which a
    process that does not ask for it ends alike: no line of it runs any more."""
    strike = signal.SIG_DFL if number == signal.SIGKILL else lambda *_: os.kill(os.getpid(), number)
    signal.signal(signal.SIGPROF, strike)
    signal.setitimer(signal.ITIMER_PROF, max(seconds, 1e-6))


def _end_child(work: Callable[[], None], after_s: float | None) -> NoReturn:
    code = 1
    try:
        if after_s is not None:
            struck_after(after_s)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


# -- what must hold afterwards -----------------------------------------------------------------------------------------


def number_on_card(card: VirtualCard) -> str | None:
    """The personal number in the card's DG1; None where there is none, or only a part of it."""
    stored = card.memory.files.get((Directory.APPLICATION, ElementaryFile.DG1.fid))
    content = b"" if stored is None else bytes(stored.content)
    return dg1.parse(content).personal_number if content.strip(b"\0") else None


def audit(journal_path: Path, cards_dir: Path, numbers: Mapping[str, str]) -> dict[str, str]:
    """Opens the journal and every card file and checks them against each other; `numbers` is personal number by job.

    Every job has one verified card; that card is locked and bears its number; no other locked card bears it unless
    the journal calls that one spoiled; no card was touched that the journal does not know. Returns serial by job.
    """
    with Journal(journal_path) as journal:
        records = {record.serial: record for record in journal.cards()}
        verified = {job: journal.card_of_job(job) for job in numbers}
    serials: dict[str, str] = {}
    for job, record in verified.items():
        assert record is not None, f"{job} has no card"
        assert record.stage is Stage.VERIFIED, f"{job} is {record.stage}"
        assert record.personal_number == numbers[job]
        serials[job] = record.serial
    assert len(set(serials.values())) == len(numbers), "a card belongs to two jobs"
    issued: dict[str, str] = {}
    for path in sorted(cards_dir.glob("*.card")):
        with VirtualCard.open(path) as card:
            assert path.stem == card.serial.hex().upper()
            known = records.get(path.stem)
            if card.life_cycle is LifeCycle.BLANK:
                assert known is None or known.stage is not Stage.VERIFIED
                continue
            assert known is not None, "a card was written that the journal does not know"
            if card.life_cycle is not LifeCycle.LOCKED:
                assert known.stage is Stage.SPOILED, f"an unfinished card is {known.stage}"
                continue
            number = number_on_card(card)
            assert number == known.personal_number, "a card bears somebody else's number"
            if known.stage is Stage.VERIFIED:
                assert number is not None
                assert number not in issued, "a person has two cards"
                issued[number] = path.stem
            else:
                assert known.stage is Stage.SPOILED, f"a locked card is {known.stage}"
                assert known.was_locked, "a locked card is not known to be locked"
    assert issued == {numbers[job]: serial for job, serial in serials.items()}
    return serials
