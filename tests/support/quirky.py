"""A software card with a quirk: it sees each command as it was meant, inside any channel, and may answer otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cccd_core.card import CardConnection, ChipReader, CommandApdu, MemoryLink, ReaderLimits, ResponseApdu
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.channels import Channel, ChannelClosedError
from cccd_core.emrtd.files import ElementaryFile

SELECT, READ, READ_ODD = 0xA4, 0xB0, 0xB1


@dataclass(frozen=True)
class Bare:
    """A status word outside any protection, which ends the channel."""

    sw: int


Answer = ResponseApdu | Bare
Quirk = Callable[[CommandApdu, Callable[[], ResponseApdu]], Answer]
"""`quirk(command, as_usual)`: the answer to a command; `as_usual()` is what the card would say."""


def status(sw: int) -> ResponseApdu:
    """A status word alone, protected where there is a channel."""
    return ResponseApdu(b"", sw)


class QuirkyCard(VirtualCard):
    """`card` with a quirk. `resets` counts how often it was powered up, `commands` what it was asked, opened."""

    def __init__(self, card: VirtualCard, quirk: Quirk) -> None:
        super().__init__(card.memory, wait=lambda _: None)
        self.quirk = quirk
        self.resets = 0
        self.commands: list[CommandApdu] = []
        self.answer_to_reset = card.atr

    @property
    def atr(self) -> bytes:
        return self.answer_to_reset

    def becomes(self, other: VirtualCard) -> None:
        """Another card lies in the reader from now on."""
        self._memory = other.memory

    def power_on(self) -> None:
        self.resets += 1
        super().power_on()

    def _chained(self, command: CommandApdu) -> ResponseApdu:
        self.commands.append(command)
        answer = self.quirk(command, lambda: VirtualCard._chained(self, command))
        if isinstance(answer, ResponseApdu):
            return answer
        if self._session.channel is not None:
            raise ChannelClosedError(answer.sw)
        return ResponseApdu(b"", answer.sw)

    def _protected(self, channel: Channel, command: CommandApdu) -> ResponseApdu:
        try:
            return super()._protected(channel, command)
        except ChannelClosedError as closed:
            self._session.drop_channel()
            return ResponseApdu(b"", closed.sw)


def reader_of(card: VirtualCard, **limits: int) -> ChipReader:
    """A reader at this card."""
    return ChipReader(CardConnection(MemoryLink(card)), ReaderLimits(**limits))


def selects(command: CommandApdu, file: ElementaryFile) -> bool:
    """Whether this is the SELECT of a file by its identifier."""
    return command.ins == SELECT and command.p1 == 0x02 and command.data == file.fid.to_bytes(2, "big")


def is_read(command: CommandApdu) -> bool:
    """Whether this is READ BINARY."""
    return command.ins in (READ, READ_ODD)
