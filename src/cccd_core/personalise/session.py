"""The making of one card as a state machine: events in, instructions out, no I/O.

The runner executes each instruction and hands back what happened; the session never sees a card, a file or a clock,
so every order of events can be tried without any of them. Its rules, and why: docs/adr/0072-rerun-of-a-card.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from cccd_core.card.profile import LifeCycle
from cccd_core.emrtd import ElementaryFile
from cccd_core.errors import ParameterError
from cccd_core.inspection import CheckName
from cccd_core.personalise.evidence import CardEvidence, SetAsideCard, SpoiledCard
from cccd_core.personalise.jobs import CardJob, CardResult, JobOutcome, file_digests
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
from cccd_core.personalise.plan import Lock, Step, WriteBinary, steps
from cccd_core.personalise.reasons import Reason, Trouble
from cccd_core.personalise.records import (
    Bind,
    CardRecord,
    JournalRecord,
    Locked,
    Reached,
    Renew,
    SetAside,
    Spoiled,
    Stage,
    Verified,
    Written,
)

_STORY_LENGTH = 64


@dataclass(frozen=True, slots=True)
class SessionParameters:
    """How patient a session is.

    `cards_per_job`: cards that may be used up (spoiled) for one job in one run. `insertions_per_card`: how often one
    card is put in in one run. `tears_per_step`: a card that leaves this often at the very same step is defective.
    `strangers_per_job`: cards not meant for the job that are sent away before it gives up waiting.
    `piece_bytes`: how much of a file is written between two notes in the journal, about.
    """

    cards_per_job: int = 3
    insertions_per_card: int = 16
    tears_per_step: int = 8
    strangers_per_job: int = 16
    piece_bytes: int = 4096

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ParameterError("a session parameter must be at least 1", parameter=name)


# -- the machine -------------------------------------------------------------------------------------------------------


class Awaited(StrEnum):
    """What a session waits for: the whole of its state beside the card in hand and the counters."""

    START = "start"
    CARD = "card"
    CHANNEL = "channel"
    BINDING = "binding"  # Bind or Renew in the journal
    STEP = "step"
    NOTE = "note"  # Reached in the journal
    WRITTEN_NOTE = "written_note"
    LOCK = "lock"
    LOCKED_NOTE = "locked_note"
    READ_BACK = "read_back"
    VERIFIED_NOTE = "verified_note"
    GIVEN_UP_NOTE = "given_up_note"  # Spoiled or SetAside in the journal
    RELEASE = "release"
    NOTHING = "nothing"


class Session:
    """One job from its first card to its result.

    `card_of_job` and `card_of_number` are what the journal says before the session starts. Call `start` once, then
    `handle` with the answer to each instruction, until it returns `Finish`. `repr` and `story` tell what happened, by
    names without data.
    """

    def __init__(
        self,
        job: CardJob,
        *,
        card_of_job: CardRecord | None,
        card_of_number: CardRecord | None,
        parameters: SessionParameters | None = None,
    ) -> None:
        self._job = job
        self._card_of_job = card_of_job
        self._card_of_number = card_of_number
        self._parameters = parameters or SessionParameters()
        self._digests = file_digests(job.image)
        self._awaited = Awaited.START
        self._told = ""  # the name of the last instruction
        self._story: deque[tuple[str, str]] = deque(maxlen=_STORY_LENGTH)
        self._serial: str | None = None if card_of_job is None else card_of_job.serial
        self._record = card_of_job  # what the journal says of the card in hand; None while it is unbound
        self._result: CardResult | None = None  # what the job ends with after the release; None: another card is taken
        self._steps: Iterator[Step] = iter(())
        self._step: Step = Lock()
        self._piece_bytes = 1
        self._life_cycle = LifeCycle.BLANK
        self._insertions = 0
        self._strangers = 0
        self._tears: tuple[object, int] = (None, 0)
        self._spoiled: list[SpoiledCard] = []
        self._set_aside: list[SetAsideCard] = []
        self._resumed = card_of_job is not None
        self._written = False

    @property
    def awaited(self) -> Awaited:
        """What the session waits for."""
        return self._awaited

    @property
    def story(self) -> tuple[tuple[str, str], ...]:
        """The last instructions, each with the event that answered it, by name."""
        return tuple(self._story)

    def __repr__(self) -> str:
        steps = " ".join(f"{instruction}>{event}" for instruction, event in self._story)
        return (
            f"<Session of job {self._job.job_id!r}, card {self._serial}, awaits {self._awaited}"
            f" after {self._told or 'nothing'}; before: {steps or 'nothing'}>"
        )

    def start(self) -> Instruction:
        """The first instruction. RuntimeError when called twice."""
        if self._awaited is not Awaited.START:
            raise RuntimeError(f"a session starts once: {self!r}")
        return self._tell(self._begin())

    def handle(self, event: Event) -> Instruction:
        """The instruction that follows from what happened. RuntimeError for an event that cannot be."""
        self._story.append((self._told, type(event).__name__))
        return self._tell(self._follow(event))

    def _tell(self, instruction: Instruction) -> Instruction:
        self._told = type(instruction).__name__
        if isinstance(instruction, Remember):
            self._told += f"({instruction.record.kind})"
        return instruction

    def _begin(self) -> Instruction:
        known, other = self._card_of_job, self._card_of_number
        if known is not None and known.personal_number != self._job.personal_number:
            return self._refuse(known.serial, Trouble.JOB_HAS_ANOTHER_NUMBER)
        if known is not None and known.stage is Stage.VERIFIED:
            evidence = known.evidence or CardEvidence()
            return self._end(
                CardResult(self._job.job_id, JobOutcome.VERIFIED, known.serial, written=True, evidence=evidence)
            )
        if other is not None and other.job_id != self._job.job_id:
            return self._refuse(None, Trouble.NUMBER_HAS_ANOTHER_CARD)
        return self._take()

    def _follow(self, event: Event) -> Instruction:
        match self._awaited:
            case Awaited.CARD:
                return self._on_card(event)
            case Awaited.CHANNEL:
                return self._on_channel(event)
            case Awaited.BINDING:
                return self._on_binding(event)
            case Awaited.STEP | Awaited.LOCK:
                return self._on_step(event)
            case Awaited.NOTE:
                self._record = self._remembered(event)
                return self._next_step()
            case Awaited.WRITTEN_NOTE:
                self._record = self._remembered(event)
                return self._await(Awaited.LOCK, self._step)
            case Awaited.LOCKED_NOTE:
                self._record = record = self._remembered(event)
                self._written = True
                return self._await(Awaited.READ_BACK, Verify(record.digests))
            case Awaited.READ_BACK:
                return self._on_read_back(event)
            case Awaited.VERIFIED_NOTE:
                return self._on_verified(self._remembered(event))
            case Awaited.GIVEN_UP_NOTE:
                return self._on_given_up(self._remembered(event))
            case Awaited.RELEASE:
                if not isinstance(event, Done):
                    raise self._unexpected(event)
                return self._take() if self._result is None else self._end(self._result)
            case Awaited.START | Awaited.NOTHING:
                raise self._unexpected(event)
            case _:
                assert_never(self._awaited)

    # -- getting a card

    def _take(self) -> Instruction:
        if self._record is None:
            self._serial = None  # nothing was written yet: any fresh card will do
        self._insertions += 1
        if self._insertions > self._parameters.insertions_per_card:
            return self._end(self._waiting(Trouble.CARD_KEEPS_LEAVING))
        return self._await(Awaited.CARD, Take(self._serial))

    def _on_card(self, event: Event) -> Instruction:
        match event:
            case NoCard():
                trouble = Trouble.NO_CARD if self._serial is None else Trouble.CARD_NOT_PRESENTED
                return self._end(self._waiting(trouble))
            case CardLeft():
                return self._release()
            case Unusable():
                return self._stranger()
            case Refused(reason):
                return self._stranger() if self._record is None else self._spoil(reason)
            case CardThere(serial, life_cycle, record):
                self._life_cycle = life_cycle
                if self._serial is not None and serial != self._serial:
                    return self._stranger()
                if record is None:
                    return self._on_unknown(serial)
                if not record.live or record.job_id != self._job.job_id:
                    return self._stranger()
                return self._on_bound(record)
        raise self._unexpected(event)

    def _stranger(self) -> Instruction:
        self._strangers += 1
        if self._strangers > self._parameters.strangers_per_job:
            return self._release(self._waiting(Trouble.OTHER_CARDS_PRESENTED))
        self._insertions -= 1
        return self._release()

    def _on_unknown(self, serial: str) -> Instruction:
        self._serial = serial
        if self._life_cycle is not LifeCycle.BLANK:
            return self._put_aside(serial, Reason(Trouble.NOT_BLANK))
        return self._await(Awaited.CHANNEL, OpenChannel())

    def _on_bound(self, record: CardRecord) -> Instruction:
        self._record = record
        if self._life_cycle is LifeCycle.LOCKED:
            return self._seen_locked()
        if record.was_locked:
            return self._spoil(Reason(Trouble.UNLOCKED_AGAIN))
        return self._await(Awaited.CHANNEL, OpenChannel())

    # -- writing

    def _on_channel(self, event: Event) -> Instruction:
        match event:
            case ChannelOpen(command_bytes):
                # Whole commands: a piece that is no multiple of what one command carries wastes part of its last one.
                self._piece_bytes = max(1, self._parameters.piece_bytes // command_bytes) * command_bytes
                serial, job = self._in_hand(), self._job
                if self._record is None:
                    return self._remember(Awaited.BINDING, Bind(serial, job.job_id, job.personal_number, self._digests))
                # A card that says it is blank holds nothing, whatever was noted before.
                keep = self._life_cycle is not LifeCycle.BLANK
                return self._remember(Awaited.BINDING, Renew(serial, self._digests, keep))
            case KeyRefused():
                return self._bad_card(Reason(Trouble.KEY_REFUSED))
            case Refused(reason):
                return self._bad_card(reason)
            case CardLeft():
                return self._release()
        raise self._unexpected(event)

    def _on_binding(self, event: Event) -> Instruction:
        if isinstance(event, CardKnown) and self._record is None:
            return self._stranger()
        self._record = record = self._remembered(event)
        self._steps = steps(
            self._job.image, piece_bytes=self._piece_bytes, complete=record.complete, reached=record.reached
        )
        return self._next_step()

    def _next_step(self) -> Instruction:
        self._step = next(self._steps)
        if isinstance(self._step, Lock):
            # Noted before the lock is sent: should its answer be lost, what is on the card was complete.
            return self._remember(Awaited.WRITTEN_NOTE, Written(self._in_hand()))
        return self._await(Awaited.STEP, self._step)

    def _on_step(self, event: Event) -> Instruction:
        match event:
            case Done():
                return self._done(self._step)
            case Refused(reason):
                return self._spoil(reason)
            case CardLeft():
                return self._torn(self._step)
        raise self._unexpected(event)

    def _done(self, step: Step) -> Instruction:
        if isinstance(step, Lock):
            return self._seen_locked()
        if isinstance(step, WriteBinary):
            reached = Reached(self._in_hand(), step.file.name, step.offset + len(step.data), step.last)
            return self._remember(Awaited.NOTE, reached)
        return self._next_step()

    def _torn(self, step: Step) -> Instruction:
        place = (step.name, step.file, step.offset) if isinstance(step, WriteBinary) else step
        last, count = self._tears
        self._tears = (place, count + 1 if place == last else 1)
        if self._tears[1] >= self._parameters.tears_per_step:
            return self._spoil(Reason(Trouble.LEAVES_AT_THE_SAME_STEP, step=step.name))
        return self._release()

    # -- verifying

    def _seen_locked(self) -> Instruction:
        return self._remember(Awaited.LOCKED_NOTE, Locked(self._in_hand()))

    def _on_read_back(self, event: Event) -> Instruction:
        match event:
            case ReadBack(None, checks, reader):
                digests = {} if self._record is None else self._record.digests
                evidence = self._evidence(reader, checks, digests.get(ElementaryFile.EF_SOD.name))
                return self._remember(Awaited.VERIFIED_NOTE, Verified(self._in_hand(), evidence))
            case ReadBack(failed):
                return self._spoil(Reason(Trouble.VERIFICATION_FAILED, check=failed))
            case CardLeft():
                return self._release()
        raise self._unexpected(event)

    def _on_verified(self, card: CardRecord) -> Instruction:
        return self._release(
            CardResult(
                self._job.job_id,
                JobOutcome.VERIFIED,
                card.serial,
                written=True,
                evidence=card.evidence or CardEvidence(),
            )
        )

    # -- cards that are no good

    def _bad_card(self, reason: Reason) -> Instruction:
        """A card that failed before anything was written in this insertion."""
        return self._put_aside(self._in_hand(), reason) if self._record is None else self._spoil(reason)

    def _put_aside(self, serial: str, reason: Reason) -> Instruction:
        self._set_aside.append(SetAsideCard(serial, reason))
        return self._remember(Awaited.GIVEN_UP_NOTE, SetAside(serial, reason))

    def _spoil(self, reason: Reason) -> Instruction:
        serial = self._in_hand()
        locked = self._record is not None and self._record.may_be_locked
        self._spoiled.append(SpoiledCard(serial, reason, locked))
        return self._remember(Awaited.GIVEN_UP_NOTE, Spoiled(serial, reason))

    def _on_given_up(self, card: CardRecord) -> Instruction:
        self._serial, self._record, self._insertions, self._tears = None, None, 0, (None, 0)
        if len(self._spoiled) + len(self._set_aside) >= self._parameters.cards_per_job:
            return self._release(self._outcome(JobOutcome.GIVEN_UP, card.reason))
        return self._release()

    # -- small parts

    def _outcome(self, outcome: JobOutcome, reason: Reason | None) -> CardResult:
        serial = self._record.serial if self._record is not None and self._record.live else None
        return CardResult(self._job.job_id, outcome, serial, reason, written=self._written, evidence=self._evidence())

    def _waiting(self, trouble: Trouble) -> CardResult:
        return self._outcome(JobOutcome.WAITING, Reason(trouble))

    def _refuse(self, serial: str | None, trouble: Trouble) -> Instruction:
        return self._end(CardResult(self._job.job_id, JobOutcome.REFUSED, serial, Reason(trouble)))

    def _end(self, result: CardResult) -> Instruction:
        return self._await(Awaited.NOTHING, Finish(result))

    def _evidence(
        self, reader: str = "", checks: Mapping[CheckName, bool | None] | None = None, sod_sha256: str | None = None
    ) -> CardEvidence:
        return CardEvidence(
            self._resumed, tuple(self._spoiled), tuple(self._set_aside), reader, dict(checks or {}), sod_sha256
        )

    def _await(self, awaited: Awaited, instruction: Instruction) -> Instruction:
        self._awaited = awaited
        return instruction

    def _remember(self, awaited: Awaited, record: JournalRecord) -> Instruction:
        return self._await(awaited, Remember(record))

    def _release(self, result: CardResult | None = None) -> Instruction:
        """Takes the card out; then the job ends with this result, or another card is taken."""
        self._result = result
        return self._await(Awaited.RELEASE, Release())

    def _in_hand(self) -> str:
        if self._serial is None:
            raise RuntimeError(f"no card is in hand: {self!r}")
        return self._serial

    def _remembered(self, event: Event) -> CardRecord:
        if not isinstance(event, Remembered):
            raise self._unexpected(event)
        return event.card

    def _unexpected(self, event: Event) -> RuntimeError:
        return RuntimeError(f"{type(event).__name__} is not what the session awaits: {self!r}")
