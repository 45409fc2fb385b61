"""The making of one card as a state machine: events in, instructions out, no I/O. Imports emrtd, plan, jobs and the
journal's record type.

The runner executes each instruction and hands back what happened; the session never sees a card, a file or a clock,
so every order of events can be tried without any of them. The rules it keeps:

* A card is bound to its person in the journal before its first byte is written, and after it has proved to hold our
  key. Only a blank card that the journal has never seen is bound.
* A bound card that is not locked is rewritten for the same person: files whose digest is unchanged and that the card
  acknowledged whole are left, a half-written one goes on where it was, the rest is written anew.
* A bound card that is locked (also when only the lock's answer was lost) is verified against the digests recorded
  when it was written, never against an image built since.
* A card that left is asked for again. One that refuses a command or our key, or that fails verification, is spoiled
  and the person gets a new one, a few times at most. No key is ever tried twice on a card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from cccd_core.errors import ParameterError, StateError
from cccd_core.personalise.jobs import CardJob, CardResult, CardState, file_digests
from cccd_core.personalise.journal import CardRecord, Stage
from cccd_core.personalise.plan import Lock, Step, WriteBinary, steps

NO_CARD = "no_card"  # the reason of a job that waits because no blank card was to be had


class CardLifeCycle(StrEnum):
    """What a card says of itself when it is put in."""

    BLANK = "blank"  # nothing was ever written
    OPEN = "open"  # something was written; not locked
    LOCKED = "locked"


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


# -- instructions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Take:
    """Put a card in: the one of this serial, or a fresh one. Answer: CardThere, Unusable, CardLeft, NoCard or, for a
    card that is broken for good, Refused."""

    serial: str | None


@dataclass(frozen=True, slots=True)
class Release:
    """Take the card out. Answer: Done."""


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """Open the personalisation channel with the card's own keys, once. Answer: ChannelOpen, KeyRefused, ..."""


@dataclass(frozen=True, slots=True)
class Remember:
    """Append to the journal: the name of one of its writing methods and the arguments. Answer: Remembered."""

    event: str
    arguments: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verify:
    """Read the card through the front door and compare with these digests. Answer: Verified, CardLeft."""

    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finish:
    """The session is over."""

    result: CardResult


Instruction: TypeAlias = Take | Release | OpenChannel | Remember | Step | Verify | Finish


# -- events ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CardThere:
    """A card of our profile answered; `record` is what the journal knows of it."""

    serial: str
    life_cycle: CardLifeCycle
    record: CardRecord | None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A card was put in that is not of our profile, or that cannot say its serial."""


@dataclass(frozen=True, slots=True)
class NoCard:
    """No card came."""


@dataclass(frozen=True, slots=True)
class ChannelOpen:
    """The channel stands; one UPDATE BINARY carries at most `command_bytes`."""

    command_bytes: int


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """Card and host did not prove the same key to each other."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The journal took the record."""

    record: CardRecord


@dataclass(frozen=True, slots=True)
class Done:
    """The card acknowledged the step."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The card ended a step with an error, or the journal knows a reason against binding it; `reason` is a stable word
    with the status word or the error's kind."""

    reason: str


@dataclass(frozen=True, slots=True)
class CardLeft:
    """The card left, or lost power; whether the last command took effect is unknown."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The card was read. `failed` names the first check that did not hold; None when all did."""

    failed: str | None
    evidence: Mapping[str, Any] = field(repr=False)


Event: TypeAlias = (
    CardThere | Unusable | NoCard | ChannelOpen | KeyRefused | Remembered | Done | Refused | CardLeft | Verified
)
_Handler: TypeAlias = Callable[[Event], Instruction]


# -- the machine -------------------------------------------------------------------------------------------------------


class Session:
    """One job from its first card to its result.

    `card_of_job` and `card_of_number` are what the journal says before the session starts. Call `start` once, then
    `handle` with the answer to each instruction, until it returns `Finish`.
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
        self._handler: _Handler = self._unexpected
        self._serial: str | None = None if card_of_job is None else card_of_job.serial
        self._record = card_of_job  # what the journal says of the card in hand; None while it is unbound
        self._steps: Iterator[Step] = iter(())
        self._step: Step | None = None
        self._piece_bytes = 1
        self._life_cycle = CardLifeCycle.BLANK
        self._insertions = 0
        self._strangers = 0
        self._tears: tuple[object, int] = (None, 0)
        self._spoiled: list[dict[str, Any]] = []
        self._set_aside: list[dict[str, Any]] = []
        self._resumed = card_of_job is not None

    def start(self) -> Instruction:
        """The first instruction."""
        known = self._card_of_job
        if known is not None and known.personal_number != self._job.personal_number:
            return Finish(CardResult(self._job.job_id, CardState.REFUSED, known.serial, "job_has_another_number"))
        if known is not None and known.stage is Stage.VERIFIED:
            return Finish(CardResult(self._job.job_id, CardState.VERIFIED, known.serial, evidence=known.evidence))
        other = self._card_of_number
        if other is not None and other.job_id != self._job.job_id:
            return Finish(CardResult(self._job.job_id, CardState.REFUSED, None, "number_has_another_card"))
        return self._take()

    def handle(self, event: Event) -> Instruction:
        """The instruction that follows from what happened. Raises StateError for an event that cannot be."""
        return self._handler(event)

    # -- getting a card

    def _take(self) -> Instruction:
        if self._record is None:
            self._serial = None  # nothing was written yet: any fresh card will do
        self._insertions += 1
        if self._insertions > self._parameters.insertions_per_card:
            return self._finish(CardState.WAITING, "card_keeps_leaving")
        return self._await(Take(self._serial), self._on_card)

    def _on_card(self, event: Event) -> Instruction:
        match event:
            case NoCard():
                return self._finish(CardState.WAITING, NO_CARD if self._serial is None else "card_not_presented")
            case CardLeft():
                return self._release_then(self._take)
            case Unusable():
                return self._stranger()
            case Refused(reason):
                return self._stranger() if self._record is None else self._spoil(reason)
            case CardThere(serial, life_cycle, record):
                self._life_cycle = life_cycle
                if self._serial is not None and serial != self._serial:
                    return self._stranger()
                if record is None:
                    return self._on_unknown(serial, life_cycle)
                if not record.live or record.job_id != self._job.job_id:
                    return self._stranger()
                return self._on_bound(record, life_cycle)
        return self._unexpected(event)

    def _stranger(self) -> Instruction:
        self._strangers += 1
        if self._strangers > self._parameters.strangers_per_job:
            return self._release_then(lambda: self._finish(CardState.WAITING, "other_cards_presented"))
        self._insertions -= 1
        return self._release_then(self._take)

    def _on_unknown(self, serial: str, life_cycle: CardLifeCycle) -> Instruction:
        self._serial = serial
        if life_cycle is not CardLifeCycle.BLANK:
            return self._put_aside("not_blank")
        return self._await(OpenChannel(), self._on_channel)

    def _on_bound(self, record: CardRecord, life_cycle: CardLifeCycle) -> Instruction:
        self._record = record
        if life_cycle is CardLifeCycle.LOCKED:
            return self._seen_locked()
        if record.was_locked:
            return self._spoil("unlocked_again")
        return self._await(OpenChannel(), self._on_channel)

    # -- writing

    def _on_channel(self, event: Event) -> Instruction:
        match event:
            case ChannelOpen(command_bytes):
                # Whole commands: a piece that is no multiple of what one command carries wastes part of its last one.
                self._piece_bytes = max(1, self._parameters.piece_bytes // command_bytes) * command_bytes
                if self._record is None:
                    bind = {
                        "job_id": self._job.job_id,
                        "personal_number": self._job.personal_number,
                        "digests": self._digests,
                    }
                    return self._await(self._remember("bind", **bind), self._on_begun)
                # A card that says it is blank holds nothing, whatever was noted before.
                renew = {"digests": self._digests, "keep": self._life_cycle is not CardLifeCycle.BLANK}
                return self._await(self._remember("renew", **renew), self._on_begun)
            case KeyRefused():
                return self._bad_card("key_refused")
            case Refused(reason):
                return self._bad_card(reason)
            case CardLeft():
                return self._release_then(self._take)
        return self._unexpected(event)

    def _on_begun(self, event: Event) -> Instruction:
        if isinstance(event, Refused) and self._record is None:
            return self._stranger()  # another card of the same serial was bound in another lane meanwhile
        if not isinstance(event, Remembered):
            return self._unexpected(event)
        self._record = record = event.record
        self._steps = steps(
            self._job.image, piece_bytes=self._piece_bytes, complete=record.complete, reached=record.reached
        )
        return self._next_step()

    def _next_step(self) -> Instruction:
        self._step = next(self._steps)
        if isinstance(self._step, Lock):
            # Noted before the lock is sent: should its answer be lost, what is on the card was complete.
            return self._await(self._remember("written"), self._on_written)
        return self._await(self._step, self._on_step)

    def _on_written(self, event: Event) -> Instruction:
        if not isinstance(event, Remembered):
            return self._unexpected(event)
        self._record = event.record
        return self._await(Lock(), self._on_lock)

    def _on_step(self, event: Event) -> Instruction:
        match event:
            case Done():
                step = self._step
                if isinstance(step, WriteBinary):
                    offset = step.offset + len(step.data)
                    note = self._remember("progress", file=step.file.name, offset=offset, complete=step.last)
                    return self._await(note, self._on_progress)
                return self._next_step()
            case Refused(reason):
                return self._spoil(reason)
            case CardLeft():
                return self._torn()
        return self._unexpected(event)

    def _on_progress(self, event: Event) -> Instruction:
        if not isinstance(event, Remembered):
            return self._unexpected(event)
        self._record = event.record
        return self._next_step()

    def _on_lock(self, event: Event) -> Instruction:
        match event:
            case Done():
                return self._seen_locked()
            case Refused(reason):
                return self._spoil(reason)
            case CardLeft():
                return self._torn()
        return self._unexpected(event)

    def _torn(self) -> Instruction:
        step = self._step
        place = (type(step), step.file, step.offset) if isinstance(step, WriteBinary) else step
        last, count = self._tears
        self._tears = (place, count + 1 if place == last else 1)
        if self._tears[1] >= self._parameters.tears_per_step:
            return self._spoil("leaves_at_the_same_step")
        return self._release_then(self._take)

    # -- verifying

    def _seen_locked(self) -> Instruction:
        return self._await(self._remember("locked"), self._on_locked)

    def _on_locked(self, event: Event) -> Instruction:
        if not isinstance(event, Remembered):
            return self._unexpected(event)
        self._record = event.record
        return self._await(Verify(event.record.digests), self._on_verified)

    def _on_verified(self, event: Event) -> Instruction:
        match event:
            case Verified(None, evidence):
                complete = self._evidence() | dict(evidence)
                return self._await(self._remember("verified", evidence=complete), lambda e: self._on_kept(e, complete))
            case Verified(str(failed), _):
                return self._spoil(f"verification:{failed}")
            case CardLeft():
                return self._release_then(self._take)
        return self._unexpected(event)

    def _on_kept(self, event: Event, evidence: Mapping[str, Any]) -> Instruction:
        if not isinstance(event, Remembered):
            return self._unexpected(event)
        result = CardResult(
            self._job.job_id, CardState.VERIFIED, event.record.serial, evidence=MappingProxyType(dict(evidence))
        )
        return self._release_then(lambda: Finish(result))

    # -- cards that are no good

    def _bad_card(self, reason: str) -> Instruction:
        """A card that failed before anything was written in this insertion."""
        return self._put_aside(reason) if self._record is None else self._spoil(reason)

    def _put_aside(self, reason: str) -> Instruction:
        self._set_aside.append({"serial": self._serial, "reason": reason})
        return self._await(self._remember("set_aside", reason=reason), self._on_given_up)

    def _spoil(self, reason: str) -> Instruction:
        locked = self._record is not None and self._record.may_be_locked
        self._spoiled.append({"serial": self._serial, "reason": reason, "locked": locked})
        return self._await(self._remember("spoil", reason=reason), self._on_given_up)

    def _on_given_up(self, event: Event) -> Instruction:
        if not isinstance(event, Remembered):
            return self._unexpected(event)
        reason = event.record.reason
        self._serial, self._record, self._insertions, self._tears = None, None, 0, (None, 0)
        used_up = len(self._spoiled) + len(self._set_aside)
        if used_up >= self._parameters.cards_per_job:
            return self._release_then(lambda: self._finish(CardState.FAILED, reason))
        return self._release_then(self._take)

    # -- small parts

    def _finish(self, state: CardState, reason: str | None) -> Instruction:
        bound = self._record is not None and self._record.live
        serial = self._record.serial if bound and self._record is not None else None
        return Finish(CardResult(self._job.job_id, state, serial, reason, evidence=self._evidence()))

    def _evidence(self) -> dict[str, Any]:
        return {"resumed": self._resumed, "spoiled": list(self._spoiled), "set_aside": list(self._set_aside)}

    def _remember(self, event: str, **arguments: Any) -> Remember:
        return Remember(event, {"serial": self._serial, **arguments})

    def _await(self, instruction: Instruction, handler: _Handler) -> Instruction:
        self._handler = handler
        return instruction

    def _release_then(self, next_instruction: Callable[[], Instruction]) -> Instruction:
        def after(event: Event) -> Instruction:
            return next_instruction() if isinstance(event, Done) else self._unexpected(event)

        return self._await(Release(), after)

    def _unexpected(self, event: Event) -> Instruction:
        raise StateError("an event that the session does not await", event=type(event).__name__)
