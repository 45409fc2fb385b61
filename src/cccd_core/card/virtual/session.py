"""What the software card knows while it has power, and what it therefore allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cccd_core.card import status_words as sw
from cccd_core.card.apdu import CommandApdu, ResponseApdu
from cccd_core.card.chip_authentication import Suite as ChipSuite
from cccd_core.card.pace_suites import Password, Suite
from cccd_core.card.profile import LifeCycle
from cccd_core.card.virtual.channels import Channel, PersonaliserChannel
from cccd_core.card.virtual.state import CardMemory, Directory
from cccd_core.emrtd.cv.authorization import NO_RIGHT, Right
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.signing.cv import Holder

DELAY_FREE_FAILURES: Final = 3
DELAY_FIRST_S: Final = 0.01
DELAY_MAX_S: Final = 1.0
PROTECTED: Final = {ElementaryFile.DG3.fid: Right.READ_DG3, ElementaryFile.DG4.fid: Right.READ_DG4}


class Refusal(Exception):  # noqa: N818 - a status word, not an error: it never leaves the card
    """A command that ends with this status word. Stays inside the card."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.sw = status


class Selected(Enum):
    """What is selected."""

    MASTER_FILE = "master file"
    APPLICATION = "eMRTD application"
    SECURITY_DOMAIN = "issuer security domain"


@dataclass(slots=True)
class PaceRun:
    """PACE on its way; `step` is the tag that the next GENERAL AUTHENTICATE must bring."""

    suite: Suite
    password: Password
    step: int = 0
    nonce: bytes = field(default=b"", repr=False)
    generator: bytes = b""
    chip_data: int = field(default=0, repr=False)
    reader_key: bytes = b""
    chip_key: bytes = b""
    secret: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class TerminalRun:
    """Terminal authentication in the channel of one chip authentication: what it has come to, and what it allows.

    `chip_id` is what the chip goes by in this session, `reader_key` the reader's compressed ephemeral key of chip
    authentication: both are signed by the terminal.
    """

    chip_id: bytes = field(repr=False)
    reader_key: bytes
    issuer: Holder | None = None  # whose certificates are verified next, by MSE:Set DST
    verifier: Holder | None = None  # the document verifier imported last
    system: Holder | None = None  # the inspection system imported last
    chosen: Holder | None = None  # who is to authenticate, by MSE:Set AT
    challenge: bytes | None = None
    rights: Right = NO_RIGHT


class CardSession:
    """Selections, channel, and the state of half-done protocols, from power on to power off."""

    def __init__(self, memory: CardMemory, wait: Callable[[float], None]) -> None:
        self.memory = memory
        self.wait = wait
        self.selected = Selected.MASTER_FILE
        self.current_file: int | None = None
        self.channel: Channel | None = None
        self.next_channel: Channel | None = None
        self.access_granted = False
        self.chip_id = b""
        self.terminal: TerminalRun | None = None
        self.next_terminal: TerminalRun | None = None
        self.answer_max = 65_536
        self.chain: CommandApdu | None = None
        self.rest: ResponseApdu | None = None  # of an answer that was too long for one
        self.challenge: bytes | None = None
        self.pace: PaceRun | None = None
        self.chip_authentication: ChipSuite | None = None
        self.store_blocks: list[bytes] = []

    @property
    def directory(self) -> Directory:
        """Where files are looked for."""
        return Directory.APPLICATION if self.selected is Selected.APPLICATION else Directory.MASTER_FILE

    @property
    def front_door_open(self) -> bool:
        """Whether readers are served."""
        return self.memory.life_cycle in (LifeCycle.PERSONALISED, LifeCycle.LOCKED)

    @property
    def personalising(self) -> bool:
        """Whether the command came through an authenticated SCP03 channel."""
        return isinstance(self.channel, PersonaliserChannel) and self.channel.authenticated

    def select(self, what: Selected) -> None:
        """Another directory: no file is current in it."""
        self.selected = what
        self.current_file = None

    def drop_channel(self) -> None:
        """The channel ends, with all that it gave access to."""
        self.channel = None
        self.next_channel = None
        self.access_granted = False
        self.chip_id = b""
        self.terminal = None
        self.next_terminal = None
        self.current_file = None
        self.chain = None
        self.rest = None
        self.challenge = None
        self.pace = None
        self.chip_authentication = None
        self.store_blocks = []

    def switch_channel(self) -> None:
        """After an answer: the channel that a protocol has agreed takes over."""
        if self.next_channel is not None:
            self.channel, self.next_channel = self.next_channel, None
            self.terminal, self.next_terminal = self.next_terminal, None

    def grant_access(self, channel: Channel, chip_id: bytes) -> None:
        """A reader has proved itself. `chip_id` is what the chip goes by in terminal authentication: its document
        number with check digit after BAC, its compressed ephemeral key after PACE (TR-03110-3, 3.3)."""
        self.next_channel = channel
        self.next_terminal = None
        self.access_granted = True
        self.chip_id = chip_id

    def chip_proved(self, channel: Channel, reader_key: bytes) -> None:
        """Chip authentication: its channel takes over, and what a terminal was allowed in the one before is gone.
        `reader_key` is the reader's compressed ephemeral key."""
        self.next_channel = channel
        self.next_terminal = TerminalRun(self.chip_id, reader_key)

    def begin_attempt(self) -> None:
        """Before a reader's proof is looked at: the attempt counts as failed, on the card's memory, until it succeeds,
        so that pulling the card wins nothing. After three failures in a row each attempt waits, up to a second. The
        CAN and the MRZ never block (TR-03110-2, 2.3: non-blocking passwords), or anybody could spoil a card.
        """
        failures = self.memory.access_failures
        if failures >= DELAY_FREE_FAILURES:
            self.wait(min(DELAY_MAX_S, DELAY_FIRST_S * 2 ** min(failures - DELAY_FREE_FAILURES, 10)))
        self.memory.set_counters(access_failures=min(failures + 1, 0xFFFF))

    def attempt_succeeded(self) -> None:
        """The proof was right."""
        self.memory.set_counters(access_failures=0)

    def require_front_door(self) -> None:
        """Refuses readers before the chip is personalised."""
        if not self.front_door_open:
            raise Refusal(sw.CONDITIONS_NOT_SATISFIED)

    def require_access(self) -> None:
        """Refuses whoever has not opened BAC or PACE."""
        if not self.access_granted:
            raise Refusal(sw.SECURITY_NOT_SATISFIED)

    def require_right(self, fid: int) -> None:
        """Refuses whoever has not proved by terminal authentication that he may read a file of the application."""
        needed = PROTECTED.get(fid)
        if needed is not None and (self.terminal is None or not self.terminal.rights & needed):
            raise Refusal(sw.SECURITY_NOT_SATISFIED)

    def terminal_run(self) -> TerminalRun:
        """Terminal authentication as far as it is. Refuses it before chip authentication, to which it is bound."""
        self.require_access()
        if self.terminal is None:
            raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
        return self.terminal

    def require_writable(self) -> None:
        """Refuses whoever has no SCP03 channel, and everybody after the lock."""
        if not self.personalising:
            raise Refusal(sw.SECURITY_NOT_SATISFIED)
        if self.memory.life_cycle is LifeCycle.LOCKED:
            raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
