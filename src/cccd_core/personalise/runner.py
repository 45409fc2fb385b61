"""The hands of one session: takes its instructions, does the I/O over a card, gives the events back.

What may become an event of the card is named here one by one; every other error (of journal, disk and reader, or a
mistake of the program) comes through and ends the run with nothing said against the card.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from cccd_core.card import CardConnection, profile, trace
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.scp03 import Scp03Session, SecurityLevel, open_session
from cccd_core.emrtd import ElementaryFile
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.errors import AuthenticationError, CardError, SecureMessagingError, TransportError
from cccd_core.inspection import Access
from cccd_core.personalise.feeder import CardDamagedError, FedCard, Feeder
from cccd_core.personalise.jobs import CardJob
from cccd_core.personalise.journal import CardKnownError, Journal
from cccd_core.personalise.key_guard import KeyGuard
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
from cccd_core.personalise.plan import CreateFile, Lock, OpenDoor, Step, StoreSecrets, WriteBinary
from cccd_core.personalise.reasons import Reason, StepName, Trouble
from cccd_core.personalise.records import (
    Bind,
    JournalRecord,
    Locked,
    Reached,
    Renew,
    SetAside,
    Spoiled,
    Verified,
    Written,
)
from cccd_core.personalise.verification import prove_card
from cccd_core.pki import TrustStore
from cccd_core.signing.cv import Terminal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What every runner of a station works with."""

    feeder: Feeder
    journal: Journal
    card_master_key: CardMasterKey
    trust: TrustStore
    terminal: Terminal
    guard: KeyGuard
    codec: AuthorityCodec = PLAIN


class Runner:
    """One card at a time in one lane, for one job."""

    def __init__(self, means: Means, job: CardJob, lane: int) -> None:
        self._means = means
        self._job = job
        self._lane = lane
        self._card: FedCard | None = None
        self._connection: CardConnection | None = None
        self._channel: Scp03Session | None = None
        self._serial = b""
        self._current_file: ElementaryFile | None = None
        self.write_s = 0.0
        self.verify_s = 0.0

    def execute(self, instruction: Instruction) -> Event:
        """Does what the session asks and says what happened. Errors of journal, disk and reader come through, and so
        does AuthenticationError when cards in a row refuse the key."""
        start = time.perf_counter()
        try:
            return self._execute(instruction)
        except (TransportError, SecureMessagingError) as error:
            # A line that fails and a channel that no longer checks end the same way: the card is put in anew. A card
            # that keeps doing so at one step is spoiled; a reader that is gone fails in the feeder, which is not here.
            if isinstance(instruction, Take | Release):
                raise
            logger.warning(
                "card %s left at %s, job %s: %s", self._name, type(instruction).__name__, self._job.job_id, error.kind
            )
            return CardLeft()
        finally:
            spent = time.perf_counter() - start
            if isinstance(instruction, Verify):
                self.verify_s += spent
            elif not isinstance(instruction, Take):
                self.write_s += spent

    def release(self) -> None:
        """Takes the card out, if one is in."""
        card, self._card = self._card, None
        self._connection = self._channel = self._current_file = None
        if card is not None:
            self._means.feeder.release(self._lane, card)

    def _execute(self, instruction: Instruction) -> Event:
        match instruction:
            case Take(serial):
                return self._take(serial)
            case Release():
                self.release()
                return Done()
            case Remember(record):
                return self._remember(record)
            case OpenChannel():
                return self._open_channel()
            case CreateFile() | WriteBinary() | StoreSecrets() | OpenDoor() | Lock():
                return self._carry_out(instruction)
            case Verify(digests):
                return self._verify(digests)
            case Finish():
                raise RuntimeError("a finished session has no next step")
            case _:
                assert_never(instruction)

    def _take(self, serial: str | None) -> Event:
        means = self._means
        means.guard.demand()
        self.release()
        try:
            self._card = means.feeder.take(self._lane, serial=serial)
        except CardDamagedError:
            return Refused(Reason(Trouble.CARD_FILE_DAMAGED, step=StepName.TAKE))
        if self._card is None:
            return NoCard()
        self._connection = connection = CardConnection(self._card.link, trace=trace.for_debugging())
        try:
            profile.select_applet(connection)
            self._serial = profile.get_serial(connection)
            life_cycle = profile.get_life_cycle(connection)
        except TransportError:
            return CardLeft()
        except CardError:
            return Unusable()
        return CardThere(self._name, life_cycle, means.journal.card(self._name))

    def _remember(self, record: JournalRecord) -> Event:
        try:
            card = self._means.journal.append(record)
        except CardKnownError:
            if isinstance(record, Bind):
                return CardKnown()
            raise
        _tell(record, card.job_id or self._job.job_id)
        return Remembered(card)

    def _open_channel(self) -> Event:
        master = self._means.card_master_key
        connection = self._there()
        try:
            self._channel = channel = open_session(connection, master.chooser(self._serial), SecurityLevel.ALL)
        except AuthenticationError as error:
            logger.warning("card %s refuses the key: %s", self._name, error)
            self._means.guard.refused()
            return KeyRefused()
        except CardError as error:
            return Refused(_refusal(error, StepName.OPEN_CHANNEL))
        self._means.guard.proved()
        own = master.replacement
        if own is not None and channel.key_version != own.version:
            # The card itself says by its key version which keys it has: a tear here is no doubt later.
            try:
                profile.put_keys(connection, channel, own.keys_of(self._serial, channel.diversification_data))
            except CardError as error:
                return Refused(_refusal(error, StepName.PUT_KEYS))
            logger.info("card %s has its own keys, version %d", self._name, own.version)
        return ChannelOpen(profile.update_data_max(connection))

    def _carry_out(self, step: Step) -> Event:
        try:
            self._write(step)
        except CardError as error:
            return Refused(_refusal(error, step.name))
        return Done()

    def _write(self, step: Step) -> None:
        connection = self._there()
        match step:
            case CreateFile(file, length):
                profile.create_file(connection, file, length)
                self._current_file = file
            case WriteBinary(file, offset, data):
                if self._current_file is file:
                    profile.update_current(connection, file, data, offset=offset)
                else:
                    profile.update_binary(connection, file, data, offset=offset)
                    self._current_file = file
            case StoreSecrets():
                if self._channel is None:
                    raise RuntimeError("secrets go through an open channel only")
                secrets = self._job.secrets
                profile.put_secrets(
                    connection,
                    self._channel,
                    can=secrets.can,
                    mrz_information=secrets.mrz_information,
                    ca_private_key=secrets.ca_private_key,
                    aa_private_key=secrets.aa_private_key,
                    trust=secrets.trust,
                )
            case OpenDoor():
                profile.finish(connection)
            case Lock():
                profile.lock(connection)
            case _:
                assert_never(step)

    def _verify(self, digests: Mapping[str, str]) -> Event:
        connection = self._there()
        connection.reset()  # as a reader meets it: no channel, nothing selected
        card = prove_card(
            connection.link,
            self._means.trust,
            access=Access(can=self._job.secrets.can, terminal=self._means.terminal),
            expected=digests,
            codec=self._means.codec,
            trace=trace.for_debugging(),
        )
        return ReadBack(card.failed, card.outcomes(), "" if self._card is None else self._card.reader)

    @property
    def _name(self) -> str:
        return self._serial.hex().upper()

    def _there(self) -> CardConnection:
        if self._connection is None:
            raise RuntimeError("an instruction for a card, and none is in hand")
        return self._connection


def _refusal(error: CardError, step: StepName) -> Reason:
    sw = error.facts.get("sw")
    if isinstance(sw, str):
        return Reason(Trouble.CARD_REFUSED, step=step, sw=sw)
    return Reason(Trouble.CARD_REFUSED, step=step, error=error.kind)


def _tell(record: JournalRecord, job_id: str) -> None:
    match record:
        case Bind(serial) | Renew(serial) | Written(serial) | Locked(serial) | Verified(serial):
            logger.info("card %s, job %s: %s", serial, job_id, record.kind)
        case Spoiled(serial, reason) | SetAside(serial, reason):
            logger.warning("card %s, job %s: %s, %s", serial, job_id, record.kind, reason)
        case Reached():
            pass
        case _:
            assert_never(record)
