"""Sessions in a simulated world where anything may happen at any instruction: the card leaves before or after a
command took effect, refuses it, does not know its key, fails verification, strangers are put in, the process dies and
the journal's unforced tail is lost. The journal is the real one, on the disk.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.card.profile import LifeCycle, TerminalTrust
from cccd_core.emrtd import ChipImage, ElementaryFile, MrzInformation
from cccd_core.inspection import CheckName
from cccd_core.personalise import (
    CardJob,
    CardRecord,
    CardResult,
    ChipSecrets,
    JobOutcome,
    Journal,
    JournalRecord,
    Reason,
    SetAsideCard,
    SpoiledCard,
    Stage,
    StepName,
    Trouble,
    file_digests,
)
from cccd_core.personalise.messages import (
    CardKnown,
    CardLeft,
    CardThere,
    ChannelOpen,
    Done,
    Event,
    Finish,
    Instruction,
    KeyRefused,
    NoCard,
    OpenChannel,
    ReadBack,
    Refused,
    Release,
    Remember,
    Remembered,
    Take,
    Unusable,
    Verify,
)
from cccd_core.personalise.plan import CreateFile, Lock, OpenDoor, StoreSecrets, WriteBinary
from cccd_core.personalise.records import Bind, Locked, Reached, SetAside
from cccd_core.personalise.session import Awaited, Session, SessionParameters


class Mistake(Exception):  # noqa: N818 - stands for any error that is no event: of the program, the journal, the disk
    """The run ends, and nobody may be blamed for it."""


class Killed(Exception):  # noqa: N818 - not an error of the code under test
    """The process died."""


@dataclass
class Chances:
    """How likely each trouble is at one instruction."""

    tear: float = 0.02
    kill: float = 0.02
    refuse: float = 0.002
    wrong_key: float = 0.01
    bad_read: float = 0.01
    stranger: float = 0.02
    nothing: float = 0.005
    mistake: float = 0.01
    known: float = 0.01
    damaged: float = 0.002


NO_TROUBLE = Chances(*[0.0] * 10)


@dataclass
class SimulatedCard:
    """What a card keeps, and what is done to it."""

    serial: str
    files: dict[str, bytearray] = field(default_factory=dict)
    secrets_of: str | None = None
    door_open: bool = False
    locked: bool = False
    written_for: set[str] = field(default_factory=set)
    channel: bool = False
    good_key: bool = True

    @property
    def life_cycle(self) -> LifeCycle:
        if self.locked:
            return LifeCycle.LOCKED
        return LifeCycle.PERSONALISING if self.written_for else LifeCycle.BLANK

    def digests(self) -> dict[str, str]:
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}


def make_job(number: int, run: int) -> CardJob:
    """The same person in every run; what depends on fresh keys and signatures differs, in size too."""
    fixed, fresh = random.Random(number), random.Random(1000 * run + number)
    files = {
        ElementaryFile.EF_CARDACCESS: fixed.randbytes(50),
        ElementaryFile.EF_COM: fixed.randbytes(30),
        ElementaryFile.DG1: fixed.randbytes(93),
        ElementaryFile.DG2: fixed.randbytes(700),
        ElementaryFile.DG14: fresh.randbytes(100),
        ElementaryFile.DG15: fixed.randbytes(40),
        ElementaryFile.EF_SOD: fresh.randbytes(200 + run % 3),
    }
    secrets = ChipSecrets(
        "123456", MrzInformation("1", "900101", "300101"), b"", b"", TerminalTrust(b"", date(2026, 1, 1))
    )
    return CardJob(f"job-{number}", f"number-{number}", ChipImage(files), secrets)


class RecordingJournal(Journal):
    """The real journal; remembers where each binding ends in the file and what was forced before it was closed."""

    def __init__(self, path: Path) -> None:
        self.bound_at: dict[str, int] = {}
        self.forced_at_end = 0
        super().__init__(path)
        for record in self.cards():
            self.bound_at[record.serial] = path.stat().st_size

    def append(self, record: JournalRecord) -> CardRecord:
        card = super().append(record)
        if isinstance(record, Bind):
            self.bound_at[record.serial] = self.path.stat().st_size
        return card

    def close(self) -> None:
        self.forced_at_end = self.synced_bytes
        super().close()


class World:
    """A stock of cards, a journal on the disk, and troubles."""

    def __init__(self, path: Path, seed: int, chances: Chances) -> None:
        self.path = path
        self.random = random.Random(seed)
        self.chances = chances
        self.cards: dict[str, SimulatedCard] = {}
        self.in_hand: SimulatedCard | None = None
        self.job: CardJob | None = None
        self.journal = RecordingJournal(path)
        self.damaged: set[str] = set()

    def happens(self, chance: float) -> bool:
        return self.random.random() < chance

    def faulty(self, serial: str) -> bool:
        """Whether something is wrong with the card itself."""
        return serial in self.damaged or not self.cards[serial].good_key

    def new_card(self) -> SimulatedCard:
        card = SimulatedCard(f"{len(self.cards):016X}", good_key=not self.happens(self.chances.wrong_key))
        self.cards[card.serial] = card
        return card

    def die_and_come_back(self) -> None:
        """SIGKILL, or power loss: what was not forced to the disk may be gone from any point on."""
        if self.in_hand is not None:
            self.in_hand.channel = False
        self.in_hand = None
        self.journal.close()
        if self.happens(0.5):
            os.truncate(self.path, self.random.randint(self.journal.forced_at_end, self.path.stat().st_size))
        self.journal = RecordingJournal(self.path)

    def run(self, job: CardJob) -> CardResult:
        self.job = job
        session = Session(
            job,
            card_of_job=self.journal.card_of_job(job.job_id),
            card_of_number=self.journal.card_of_number(job.personal_number),
            parameters=SessionParameters(piece_bytes=64),
        )
        instruction = session.start()
        for _ in range(5000):
            if isinstance(instruction, Finish):
                return instruction.result
            if self.happens(self.chances.kill):
                raise Killed
            if self.happens(self.chances.mistake):
                raise Mistake
            event = self.execute(instruction)
            if self.happens(self.chances.kill):
                raise Killed
            if self.happens(self.chances.mistake):
                raise Mistake
            instruction = session.handle(event)
        pytest.fail("a session without end")

    def execute(self, instruction: Instruction) -> Event:
        match instruction:
            case Take(serial):
                return self.take(serial)
            case Release():
                if self.in_hand is not None:
                    self.in_hand.channel = False
                self.in_hand = None
                return Done()
            case Remember(record):
                return self.remember(record)
        card = self.in_hand
        assert card is not None, "a card instruction without a card in hand"
        torn = self.happens(self.chances.tear)
        if torn and self.happens(0.5):
            card.channel = False
            return CardLeft()
        event = self.on_card(card, instruction)
        if torn:
            card.channel = False
            return CardLeft()
        return event

    def remember(self, record: JournalRecord) -> Event:
        if isinstance(record, Bind) and self.happens(self.chances.known):
            # Another lane was quicker with a card of this serial.
            self.journal.append(SetAside(record.serial, Reason(Trouble.NOT_BLANK)))
            return CardKnown()
        return Remembered(self.journal.append(record))

    def take(self, serial: str | None) -> Event:
        assert self.in_hand is None, "a second card taken before the first was released"
        if self.happens(self.chances.nothing):
            return NoCard()
        if self.happens(self.chances.nothing):
            self.in_hand = SimulatedCard("??")
            return Unusable()
        if self.happens(self.chances.stranger) and self.cards:
            self.in_hand = self.random.choice(list(self.cards.values()))
        elif serial is None:
            self.in_hand = self.new_card()
        else:
            self.in_hand = self.cards[serial]
            if self.happens(self.chances.damaged):
                self.damaged.add(serial)
            if serial in self.damaged:
                self.in_hand = None
                return Refused(Reason(Trouble.CARD_FILE_DAMAGED, step=StepName.TAKE))
        if self.happens(self.chances.tear):
            return CardLeft()
        return CardThere(self.in_hand.serial, self.in_hand.life_cycle, self.journal.card(self.in_hand.serial))

    def on_card(self, card: SimulatedCard, instruction: Instruction) -> Event:
        assert self.job is not None
        if isinstance(instruction, OpenChannel):
            if not card.good_key:
                return KeyRefused()
            assert not card.locked
            card.channel = True
            return ChannelOpen(24)
        if isinstance(instruction, Verify):
            if self.happens(self.chances.bad_read):
                return ReadBack(CheckName.PASSIVE_AUTHENTICATION, {}, "world")
            assert card.locked
            same = card.digests() == dict(instruction.digests) and card.secrets_of is not None and card.door_open
            return ReadBack(None if same else CheckName.AS_MEANT, {CheckName.AS_MEANT: same}, "world")
        assert card.channel, "a write outside the channel"
        assert not card.locked, "a write to a locked card"
        if self.happens(self.chances.refuse):
            return Refused(Reason(Trouble.CARD_REFUSED, step=instruction.name, sw="6581"))
        bound = self.journal.card(card.serial)
        assert bound is not None, "a write to a card that is bound to nobody"
        assert bound.job_id == self.job.job_id, "a write to a card of somebody else"
        assert self.journal.synced_bytes >= self.journal.bound_at[card.serial], (
            "a write before the binding is on the disk"
        )
        card.written_for.add(self.job.personal_number)
        match instruction:
            case CreateFile(file, length):
                card.files[file.name] = bytearray(length)
            case WriteBinary(file, offset, data):
                assert offset + len(data) <= len(card.files[file.name])
                card.files[file.name][offset : offset + len(data)] = data
            case StoreSecrets():
                card.secrets_of = self.job.personal_number
            case OpenDoor():
                card.door_open = True
            case Lock():
                card.locked = True
            case _:
                pytest.fail(f"an instruction no card follows: {instruction}")
        return Done()


def settle(world: World, people: int, troubled_runs: int) -> Iterator[dict[int, CardResult]]:
    """Runs the whole list again and again, in troubled weather first, then in calm."""
    for run in range(troubled_runs + 4):
        if run == troubled_runs:
            world.chances = NO_TROUBLE
        results: dict[int, CardResult] = {}
        for person in range(people):
            try:
                results[person] = world.run(make_job(person, run))
            except Killed:
                world.die_and_come_back()
                break
            except Mistake:
                # The card is taken out and the run is over; what the next run finds says nothing against the card.
                begun = world.journal.card_of_job(f"job-{person}")
                world.in_hand = None
                chances, world.chances = world.chances, NO_TROUBLE
                results[person] = world.run(make_job(person, run))
                world.chances = chances
                if begun is not None and not results[person].evidence.spoiled:
                    assert results[person].card_serial == begun.serial
                if begun is not None and results[person].evidence.spoiled:
                    assert world.faulty(begun.serial), "a sound card was given up"
                break
        yield results


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32),
    tear=st.sampled_from([0.0, 0.02, 0.1, 0.4]),
    kill=st.sampled_from([0.0, 0.01, 0.05]),
    stranger=st.sampled_from([0.0, 0.2]),
)
def test_whatever_happens_every_person_ends_with_one_card(
    tmp_path_factory: pytest.TempPathFactory, seed: int, tear: float, kill: float, stranger: float
) -> None:
    path = tmp_path_factory.mktemp("world") / "journal"
    world = World(path, seed, Chances(tear=tear, kill=kill, stranger=stranger))
    people = 4
    verified: dict[int, str] = {}
    for results in settle(world, people, troubled_runs=6):
        for person, result in results.items():
            # A card that stands locked is told of, whether it proved itself or not.
            assert result.written or not result.verified
            if not result.written:
                failed = [card for card in result.evidence.spoiled if card.reason.check is not None]
                assert not failed
            if result.verified:
                assert result.card_serial is not None
                # Once verified, the same card for good.
                assert verified.setdefault(person, result.card_serial) == result.card_serial
    assert len(verified) == people
    assert len(set(verified.values())) == people
    for person, serial in verified.items():
        card, record = world.cards[serial], world.journal.card(serial)
        assert record is not None
        assert card.locked
        assert card.door_open
        assert record.stage is Stage.VERIFIED
        assert record.job_id == f"job-{person}"
        assert card.digests() == dict(record.digests)
    for card in world.cards.values():
        # No card was ever written for two people.
        assert len(card.written_for) <= 1
        record = world.journal.card(card.serial)
        if card.written_for:
            assert record is not None
            assert {record.personal_number} == card.written_for
        if card.locked and card.serial not in verified.values():
            # A locked card that is nobody's is on record as spoiled, with a reason.
            assert record is not None
            assert record.stage is Stage.SPOILED
            assert record.reason
    world.journal.close()


def test_a_second_job_for_the_same_number_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    job = make_job(1, 0)
    assert world.run(job).verified
    other = CardJob("another-job", job.personal_number, job.image, job.secrets)
    result = world.run(other)
    assert (result.outcome, result.reason, result.card_serial) == (
        JobOutcome.REFUSED, Reason(Trouble.NUMBER_HAS_ANOTHER_CARD), None,
    )  # fmt: skip
    moved = CardJob(job.job_id, "another-number", job.image, job.secrets)
    assert world.run(moved).reason == Reason(Trouble.JOB_HAS_ANOTHER_NUMBER)
    assert len(world.cards) == 1


def test_a_finished_job_touches_no_card(tmp_path: Path) -> None:
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    first = world.run(make_job(1, 0))
    again = Session(
        make_job(1, 1),
        card_of_job=world.journal.card_of_job("job-1"),
        card_of_number=world.journal.card_of_number("number-1"),
    ).start()
    assert isinstance(again, Finish)
    assert again.result.card_serial == first.card_serial
    assert again.result.evidence == first.evidence


def test_what_was_acknowledged_is_not_written_again(tmp_path: Path) -> None:
    """Killed after DG2: the next run writes what its fresh keys and signature changed, and nothing else."""
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    written: list[tuple[str, int]] = []
    real = world.on_card

    def watch(card: SimulatedCard, instruction: Instruction) -> Event:
        if isinstance(instruction, WriteBinary):
            if instruction.file is ElementaryFile.DG14 and kill:
                raise Killed
            written.append((instruction.file.name, len(instruction.data)))
        return real(card, instruction)

    world.on_card = watch  # type: ignore[method-assign]
    kill = True
    with pytest.raises(Killed):
        world.run(make_job(1, 0))
    assert {name for name, _ in written} == {"EF_CARDACCESS", "EF_COM", "DG1", "DG2"}
    kill = False
    written.clear()
    world.in_hand = None
    assert world.run(make_job(1, 1)).verified
    assert {name for name, _ in written} == {"DG14", "DG15", "EF_SOD"}
    assert sum(length for _, length in written) == 100 + 40 + 201


def test_a_card_that_says_it_is_blank_is_written_from_the_start(tmp_path: Path) -> None:
    """Whatever was noted of it: a chip whose memory is empty holds nothing."""
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    card = world.new_card()
    job = make_job(1, 0)
    world.journal.append(Bind(card.serial, job.job_id, job.personal_number, file_digests(job.image)))
    world.journal.append(Reached(card.serial, "DG1", 93, True))
    world.journal.append(Reached(card.serial, "DG2", 640, False))
    result = world.run(job)
    assert (result.card_serial, result.evidence.spoiled) == (card.serial, ())
    assert card.files["DG2"] == job.image[ElementaryFile.DG2]


def test_a_card_that_was_locked_and_no_longer_says_so_is_spoiled(tmp_path: Path) -> None:
    """No honest chip does that: whatever it is, it is not written again."""
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    card = world.new_card()
    job = make_job(1, 0)
    world.journal.append(Bind(card.serial, job.job_id, job.personal_number, file_digests(job.image)))
    world.journal.append(Locked(card.serial))
    result = world.run(job)
    assert result.verified
    assert result.evidence.spoiled == (SpoiledCard(card.serial, Reason(Trouble.UNLOCKED_AGAIN), True),)
    assert card.written_for == set()


def test_a_card_lost_at_its_lock_is_reported_as_locked(tmp_path: Path) -> None:
    """Its answer never came: it may be a valid document, so it must be revoked like one."""
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    real = world.on_card

    def tear(card: SimulatedCard, instruction: Instruction) -> Event:
        if card.serial == "0" * 16 and isinstance(instruction, Lock):
            return CardLeft()
        return real(card, instruction)

    world.on_card = tear  # type: ignore[method-assign]
    result = world.run(make_job(1, 0))
    assert result.verified
    leaves = Reason(Trouble.LEAVES_AT_THE_SAME_STEP, step=StepName.LOCK)
    assert result.evidence.spoiled == (SpoiledCard("0" * 16, leaves, True),)


def test_a_card_that_always_leaves_at_one_step_is_replaced(tmp_path: Path) -> None:
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    real = world.on_card

    def tear(card: SimulatedCard, instruction: Instruction) -> Event:
        if card.serial == "0" * 16 and isinstance(instruction, WriteBinary) and instruction.file is ElementaryFile.DG14:
            return CardLeft()
        return real(card, instruction)

    world.on_card = tear  # type: ignore[method-assign]
    result = world.run(make_job(1, 0))
    assert result.verified
    assert result.card_serial == "0" * 15 + "1"
    leaves = Reason(Trouble.LEAVES_AT_THE_SAME_STEP, step=StepName.WRITE_BINARY)
    assert result.evidence.spoiled == (SpoiledCard("0" * 16, leaves, False),)


def test_a_job_is_given_up_after_three_bad_cards(tmp_path: Path) -> None:
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    world.chances = replace(NO_TROUBLE, wrong_key=1.0)
    result = world.run(make_job(1, 0))
    refused = Reason(Trouble.KEY_REFUSED)
    assert (result.outcome, result.reason, result.card_serial) == (JobOutcome.GIVEN_UP, refused, None)
    assert result.evidence.set_aside == tuple(SetAsideCard(f"{number:016X}", refused) for number in range(3))
    assert not result.written
    assert not any(card.written_for for card in world.cards.values())
    world.chances = NO_TROUBLE
    assert world.run(make_job(1, 1)).card_serial == "0" * 15 + "3"


def test_a_locked_card_that_fails_verification_is_spoiled_and_reported(tmp_path: Path) -> None:
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    world.chances = replace(NO_TROUBLE, bad_read=1.0)
    result = world.run(make_job(1, 0))
    failed = Reason(Trouble.VERIFICATION_FAILED, check=CheckName.PASSIVE_AUTHENTICATION)
    assert (result.outcome, result.reason, result.written) == (JobOutcome.GIVEN_UP, failed, True)
    assert [card.locked for card in result.evidence.spoiled] == [True] * 3
    assert world.journal.card_of_number("number-1") is None


def test_a_card_whose_file_is_damaged_is_spoiled_with_that_reason(tmp_path: Path) -> None:
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    card = world.new_card()
    job = make_job(1, 0)
    world.journal.append(Bind(card.serial, job.job_id, job.personal_number, file_digests(job.image)))
    world.damaged.add(card.serial)
    result = world.run(job)
    assert result.verified
    assert result.evidence.spoiled == (
        SpoiledCard(card.serial, Reason(Trouble.CARD_FILE_DAMAGED, step=StepName.TAKE), False),
    )


def test_a_card_that_another_lane_was_quicker_with_is_let_go(tmp_path: Path) -> None:
    world = World(tmp_path / "j", 1, replace(NO_TROUBLE, known=1.0))
    result = world.run(make_job(1, 0))
    assert (result.outcome, result.reason) == (JobOutcome.WAITING, Reason(Trouble.OTHER_CARDS_PRESENTED))
    assert result.evidence.set_aside == ()
    assert not any(card.written_for for card in world.cards.values())


def test_a_session_tells_its_story_by_names_alone(tmp_path: Path) -> None:
    world = World(tmp_path / "j", 1, NO_TROUBLE)
    job = make_job(1, 0)
    session = Session(job, card_of_job=None, card_of_number=None)
    assert session.awaited is Awaited.START
    with pytest.raises(RuntimeError, match="not what the session awaits"):
        session.handle(Done())
    world.job = job
    instruction = session.start()
    while not isinstance(instruction, OpenChannel):
        instruction = session.handle(world.execute(instruction))
    assert session.awaited is Awaited.CHANNEL
    assert session.story == (("", "Done"), ("Take", "CardThere"))
    with pytest.raises(RuntimeError, match=r"Done is not .* job 'job-1', card 0{16}, awaits channel .*Take>CardThere"):
        session.handle(Done())
    with pytest.raises(RuntimeError, match="starts once"):
        session.start()
    assert "number-1" not in repr(session)
    while not isinstance(instruction, Finish):
        instruction = session.handle(world.execute(instruction))
    assert session.awaited is Awaited.NOTHING
    assert session.story[-2:] == (("Remember(verified)", "Remembered"), ("Release", "Done"))
    assert len(session.story) <= 64
