"""A programme in small, for trouble made on purpose: dossiers on their whole way, from the counter to the holder's
hand, by several processes on one register, which are killed, and whose database server is killed under them.

Fingers are variations of a few synthetic ones, and are compared by the toy matcher with those alone that share a
minutia: what is tried here is who is where, not how fingers are compared.
"""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from cccd_core.country.holidays import KNOWN
from cccd_core.dedup import Decision, Deduplicator, EnrolledPerson, Gallery, MemoryGallery
from cccd_core.errors import BusyError, CccdError, ConflictError, FileError
from cccd_core.issuance import Means, Register, issue
from cccd_core.issuance.dossiers.batch import open_batch
from cccd_core.issuance.means import NamedReaders
from cccd_core.issuance.receiving import Counter as Desk
from cccd_core.issuance.receiving import receive
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import Move, event_id
from cccd_core.issuance.register.store import CardStatus
from cccd_core.issuance.review.settle import Answer, Stage, Vote
from cccd_core.issuance.review.store import Cases
from cccd_core.personalise import Journal
from cccd_core.personalise import Stage as CardStage
from cccd_core.progress import Progress
from cccd_core.templates import FingerTemplate, write
from support import dossiers
from support.chaos import struck_after
from support.postgres_server import Server
from support.toy_matcher import ToyMatcher

POSITIONS = (2, 7)
ENDS = (State.HANDED_OVER, State.REJECTED, State.WITHDRAWN, State.CANCELLED)
_PAUSE_S = 0.3
_ERRORS_MOST = 100  # of one worker, by a database that is away


# -- the dossiers ------------------------------------------------------------------------------------------------------


@cache
def _base(position: int) -> FingerTemplate:
    return dossiers.finger(4000 + position)


def finger_of(person: int, position: int) -> FingerTemplate:
    """A finger that nobody else has: one of a few, every minutia of it moved a little."""
    base, noise = _base(position), np.random.default_rng((person, position))
    columns = {name: getattr(base, name).astype(int) for name in ("x_px", "y_px")}
    moved = {name: column + noise.integers(-6, 7, base.count) for name, column in columns.items()}
    return replace(base, **{name: np.clip(column, 1, 399).astype(np.uint16) for name, column in moved.items()})


def _without(finger: FingerTemplate, first: int) -> FingerTemplate:
    names = ("x_px", "y_px", "angle", "kind", "quality")
    return replace(finger, **{name: getattr(finger, name)[first:] for name in names})


@dataclass(frozen=True)
class Planted:
    """One dossier and what it is. `like`: whose fingers it has, all (`duplicate`) or a part of one (`review`)."""

    dossier_id: str
    index: int
    what: str  # sound, duplicate, review, faulty
    like: int | None = None
    withdrawn: bool = False  # somebody will try, at some time


def planted(count: int) -> Iterator[Planted]:
    """The dossiers of a programme: mostly sound ones, and among them each kind of trouble."""
    for index in range(1, count + 1):
        name, want = f"D{index:06d}", index % 33 == 5
        if index % 20 == 7:
            yield Planted(name, index, "duplicate", index - 1, want)
        elif index % 20 == 13:
            yield Planted(name, index, "review", index - 2, want)
        elif index % 25 == 3:
            yield Planted(name, index, "faulty", None, want)
        else:
            yield Planted(name, index, "sound", None, want)


def put_batches(folder: Path, count: int, size: int) -> list[Path]:
    """Writes the dossiers into batches."""
    picture = dossiers.portrait(1)
    found = []
    every = planted(count)
    while part := list(islice(every, size)):
        batch = folder / f"B{len(found):04d}"
        batch.mkdir(parents=True)
        found.append(batch)
        for one in part:
            seconds = f"{one.index // 3600 % 24:02d}:{one.index // 60 % 60:02d}:{one.index % 60:02d}"
            number = "12345" if one.what == "faulty" else f"001088{one.index:06d}"
            document = dossiers.document(
                one.index, personal_number=number, captured_at=f"2026-02-27T{seconds}+07:00", unit="001"
            )
            fingers = {position: finger_of(one.index, position) for position in POSITIONS}
            if one.like is not None and one.what == "duplicate":
                fingers = {position: _without(finger_of(one.like, position), 8) for position in POSITIONS}
            elif one.like is not None:
                fingers[2] = _without(finger_of(one.like, 2), 27)
            files = {f"{position}.fmr": write(finger, "iso-2005") for position, finger in fingers.items()}
            dossiers.put(batch, one.dossier_id, document, fingers=files, picture=picture)
    return found


def _keys(person: EnrolledPerson) -> Iterator[tuple[int, ...]]:
    """By which fingers that are alike are found: the last minutia of each, which every impression here has."""
    for position, finger in person.tenprint.items():
        yield position, int(finger.x_px[-1]), int(finger.y_px[-1]), int(finger.angle[-1])


class Narrowed:
    """A search of the whole gallery that compares with those alone who share a key."""

    def __init__(self) -> None:
        self._search = Deduplicator(ToyMatcher())

    def search(
        self,
        batch: Sequence[EnrolledPerson],
        gallery: Gallery,
        *,
        exclude: Mapping[str, Set[str]] | None = None,
        progress: Progress | None = None,
    ) -> list[Decision]:
        wanted = {key for person in batch for key in _keys(person)}
        near = MemoryGallery([one for one in gallery if wanted & set(_keys(one))])
        return self._search.search(batch, near, exclude=exclude, progress=progress)

    def manifest(self) -> dict[str, Any]:
        return self._search.manifest()


# -- the people who work, each a process that may be killed ------------------------------------------------------------


@dataclass(frozen=True)
class Programme:
    """One programme: where its things are, and how many dossiers it has."""

    folder: Path
    pki: Path
    url: str
    count: int
    size: int
    batches: list[Path] = field(default_factory=list)

    @property
    def gallery(self) -> Path:
        return self.folder / "gallery"

    def out(self, batch: Path) -> Path:
        return self.folder / "out" / batch.name

    def register(self) -> DossierRegister:
        return DossierRegister(self.url, due=KNOWN.deadline_if_known)

    def done(self, what: str) -> Path:
        """The file that says that a part of the work is done, and need not be begun again."""
        return self.folder / f"done-{what}"

    def over(self, register: DossierRegister) -> bool:
        """Whether all dossiers were received, and each is at an end."""
        under_way = (state for state in State if state not in ENDS)
        return self.done("desk").exists() and all(
            next(iter(register.all(state=state)), None) is None for state in under_way
        )

    # Each of these goes on where it was killed, and ends when there is nothing left for it to do.

    def take_in(self) -> None:
        """The counters. A dossier with a fault is sent back at once, and received by the run that rejects it."""
        with closing(self.register()) as register:
            for batch in self.batches:
                receive(open_batch(batch), register, Desk("desk"), now=datetime.now(UTC))
        self.done("desk").touch()

    def make(self, turn: int) -> None:
        """A run after the other, over one gallery that another such process uses as well."""
        usual = Means.usual(self.pki, "memory")
        means = replace(usual, readers=NamedReaders("memory"), searcher=lambda _: Narrowed())
        mine = list(self.batches[turn::2]) + list(self.batches[1 - turn :: 2])
        while not all(self.done(batch.name).exists() for batch in mine):
            for batch in mine:
                if self.done(batch.name).exists():
                    continue
                report = issue(batch, self.gallery, self.out(batch), means, register=self.url, wait=True)
                if report.complete and not report.figures.reviews:
                    self.done(batch.name).touch()
            time.sleep(_PAUSE_S)

    def decide(self) -> None:
        """Two people, who answer every case alike, and now and then a senior between them."""
        with closing(self.register()) as register, closing(Cases(self.url)) as cases:
            while not self.over(register):
                for case in cases.all():
                    odd = int(case.question.dossier_id[1:]) // 20 % 2
                    wanted = Answer.REFUSE if odd else Answer.DIFFERENT_PEOPLE
                    for who, answer in (("an", wanted), ("binh", wanted)):
                        if case.standing.stage is not Stage.SETTLED:
                            with suppress(ConflictError):  # voted before it was killed
                                case = cases.vote(
                                    case.case_id, Vote(who, False, answer, "looked at both", datetime.now(UTC))
                                )
                time.sleep(_PAUSE_S)

    def send(self) -> None:
        """The post, and the counter that hands over; one card in fifty comes back once."""
        with closing(self.register()) as register:
            while not self.over(register):
                for state, to in (
                    (State.VERIFIED, State.DISPATCHED),
                    (State.RETURNED, State.DISPATCHED),
                    (State.DISPATCHED, State.HANDED_OVER),
                ):
                    moves = []
                    for one in register.all(state=state):
                        back = state is State.DISPATCHED and int(one.dossier_id[1:]) % 50 == 1 and one.sequence < 9
                        then = State.RETURNED if back else to
                        step = event_id("post", one.dossier_id, str(one.sequence), then)
                        moves.append(
                            Move(one.dossier_id, then, "post", one.sequence, None, "nobody at home", None, step)
                        )
                    register.move_many(moves)
                time.sleep(_PAUSE_S)

    def withdraw(self, seed: int) -> None:
        """People who think better of it, at any time; too late for some."""
        chooser = random.Random(seed)
        wanted = [one.dossier_id for one in planted(self.count) if one.withdrawn]
        chooser.shuffle(wanted)
        with closing(self.register()) as register:
            for name in wanted:
                while True:
                    record = register.get(name)
                    if record is not None:
                        break
                    time.sleep(_PAUSE_S)
                with suppress(ConflictError):  # signed already
                    register.move_many([Move(name, State.WITHDRAWN, "counter", event_id=event_id("withdrawn", name))])
                time.sleep(chooser.uniform(0, 4 * _PAUSE_S))

    def workers(self) -> dict[str, Callable[[], None]]:
        """Everybody's work by name."""
        return {
            "desk": self.take_in,
            "factory 1": lambda: self.make(0),
            "factory 2": lambda: self.make(1),
            "review": self.decide,
            "post": self.send,
            "people": lambda: self.withdraw(7),
        }


@dataclass
class Told:
    """What happened: how often each worker was killed and ended by an error that may be, and how often the server was
    killed."""

    killed: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    server: int = 0


def run(
    programme: Programme,
    server: Server,
    *,
    seed: int,
    kills: int,
    lifetime_s: float,
    every: int = 3,
    gone_s: float = 0.0,
    say: Callable[[str], None] = lambda _: None,
) -> Told:
    """Lets everybody work until nothing is left to do. The first `kills` processes die once they have computed for a
    random time around `lifetime_s`; at each death number `every` the database server is killed, too, and starts anew:
    at once, but once, in the middle, only when it has been gone for `gone_s` seconds, while those who work wait for it.

    AssertionError where somebody ends by what is no fault of the database's absence."""
    chooser, told, deaths = random.Random(seed), Told(), 0
    work = programme.workers()
    running: dict[int, str] = {}
    back_at: float | None = None
    try:
        while work or running:
            if back_at is not None and time.monotonic() >= back_at:
                server.start()
                back_at = None
                say("the server is back")
            for name in [name for name in work if name not in running.values()] if back_at is None else []:
                after = chooser.expovariate(1 / lifetime_s) + 0.05 if deaths < kills else None
                running[_start(work[name], after)] = name
            for child in list(running):
                done, status = os.waitpid(child, os.WNOHANG)
                if not done:
                    continue
                name, code = running.pop(child), os.waitstatus_to_exitcode(status)
                say(f"{name} ended: {code}")
                if code == 0:
                    del work[name]
                    continue
                assert code in (3, -signal.SIGPROF), f"{name} ended by itself"
                if code == 3:
                    told.errors[name] += 1
                    assert told.errors[name] < _ERRORS_MOST, f"{name} comes to no end"
                    continue
                told.killed[name] += 1
                deaths += 1
                if deaths % every == 0 and back_at is None:
                    server.stop(signal.SIGQUIT)
                    told.server += 1
                    if gone_s and told.server == kills // every // 2:
                        say(f"the server is gone for {gone_s:.0f} s")
                        back_at = time.monotonic() + gone_s
                    else:
                        server.start()
            time.sleep(0.01)
    finally:
        for child in running:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return told


def _start(work: Callable[[], None], after_s: float | None) -> int:
    child = os.fork()
    if child == 0:
        _work(work, after_s)
    return child


def _work(work: Callable[[], None], after_s: float | None) -> NoReturn:
    code = 1
    try:
        if after_s is not None:
            struck_after(after_s)
        work()
        code = 0
    except (FileError, BusyError):  # the database is away: the same call goes on where it was
        code = 3
    except CccdError as error:
        code = 3 if "reached" in error.message else 1
        if code == 1:
            traceback.print_exc()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


# -- what must hold at the end -----------------------------------------------------------------------------------------


def demand_whole(programme: Programme) -> Counter[State]:
    """Every dossier is at exactly one end, its events are a life, every number has one valid card at the most, and the
    cards that were written are those of the register. How many are at which end."""
    with closing(programme.register()) as register:
        assert list(register.faults()) == []
        records = {record.dossier_id: record for record in register.all()}
        assert set(records) == {one.dossier_id for one in planted(programme.count)}
        assert {record.state for record in records.values()} <= set(ENDS)
        for one in planted(programme.count):
            state = records[one.dossier_id].state
            if one.what == "faulty":
                assert state in (State.REJECTED, State.WITHDRAWN), one
            elif one.what == "sound":
                assert state in (State.HANDED_OVER, *([State.WITHDRAWN] if one.withdrawn else [])), (one, state)
    with closing(Register(programme.url, make=False)) as cards:
        valid = [card for card in cards.cards() if card.status is CardStatus.VALID]
    assert len({card.number for card in valid}) == len({card.serial for card in valid}) == len(valid)
    made = {card.dossier_id: card.serial for card in valid}
    assert set(made) == {name for name, record in records.items() if record.state is State.HANDED_OVER}
    proved: dict[str, str] = {}
    for batch in programme.batches:
        path = programme.out(batch) / "journal"
        if path.exists():
            with Journal(path) as journal:
                for card in journal.cards():
                    if card.stage is CardStage.VERIFIED and card.job_id is not None:
                        assert card.job_id not in proved, "two cards of one dossier"
                        proved[card.job_id] = card.serial
    assert proved == made
    return Counter(record.state for record in records.values())
