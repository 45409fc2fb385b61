"""A card connection: a link, and a chain of processors that protect each command and check each response; response
chaining and command chaining (ISO/IEC 7816-4:2020, 5.3.3 and 5.3.4).
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from cccd_core.card import status_words
from cccd_core.card.apdu import CLA_CHAINING, SHORT_NC_MAX, SHORT_NE_MAX, CommandApdu, ResponseApdu
from cccd_core.card.link import Link
from cccd_core.errors import CardError, CccdError, FormatError, SecureMessagingError

INS_GET_RESPONSE = 0xC0
RESPONSE_DATA_MAX = 65_536  # one answer gathered by GET RESPONSE
GET_RESPONSE_ROUNDS_MAX = 1_024

# called with each command, as before protection, and its answer, None where there was none; see card.trace
Trace = Callable[[CommandApdu, ResponseApdu | None], None]


class Processor(Protocol):
    """One stage of protection. Stages wrap in the order they were pushed and unwrap in the opposite one."""

    def wrap(self, command: CommandApdu) -> CommandApdu:
        """Protects a command."""

    def unwrap(self, response: ResponseApdu) -> ResponseApdu:
        """Checks and opens a response. Raises SecureMessagingError when it fails its check."""

    def data_max(self, wrapped_max: int) -> int:
        """The most command data whose protected form carries at most `wrapped_max` bytes."""


class CardConnection:
    """Sends commands to one card through a chain of processors.

    `extended_length` says that link and card take extended length fields; it stays off until someone who knows turns
    it on. While it is off, data too long for one command goes by command chaining, and of an answer too long for one
    the card is asked for 256 bytes and gives the rest in pieces (ISO/IEC 7816-4, 5.3.3, 5.3.4). A card that refuses an
    extended command (6700) is asked by short ones from then on. When a check fails, the processors are dead: every
    later call raises SecureMessagingError until `drop_processors` or `reset`.
    """

    def __init__(self, link: Link, *, extended_length: bool = False, trace: Trace | None = None) -> None:
        self.link = link
        self.extended_length = extended_length
        self.trace = trace
        self._processors: tuple[Processor, ...] = ()
        self._dead = False

    @property
    def atr(self) -> bytes:
        """The card's answer to reset."""
        return self.link.atr

    @property
    def protected(self) -> bool:
        """Whether at least one processor is active."""
        return bool(self._processors)

    @property
    def processors(self) -> tuple[Processor, ...]:
        """The active processors, in the order in which they wrap a command."""
        return self._processors

    @property
    def dead(self) -> bool:
        """Whether a check failed: the channel is over, and nothing goes through it any more."""
        return self._dead

    def push(self, processor: Processor) -> None:
        """Adds a stage of protection, next to the link."""
        self._processors += (processor,)

    def replace(self, processor: Processor) -> None:
        """The one channel from now on, as after Chip Authentication: what was there before is gone."""
        self._processors = (processor,)
        self._dead = False

    def drop_processors(self) -> None:
        """Back to plain commands."""
        self._processors = ()
        self._dead = False

    def reset(self) -> None:
        """Power cycles the card and forgets every channel."""
        self.drop_processors()
        self.link.reset()

    def close(self) -> None:
        """Lets go of the card."""
        self.drop_processors()
        self.link.close()

    def __enter__(self) -> CardConnection:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def data_max(self) -> int:
        """The most data one short command carries under the active processors."""
        limit = SHORT_NC_MAX
        for processor in reversed(self._processors):
            limit = processor.data_max(limit)
        return limit

    def send(self, command: CommandApdu) -> ResponseApdu:
        """Sends one command and gathers its whole answer; any status word is returned, not raised.

        Raises CardRemovedError or TransportError (the link), SecureMessagingError (a protected answer that fails its
        check), CardError (an endless or oversized answer).
        """
        if self._dead:
            raise SecureMessagingError("the channel is dead after a failed check; open a new one")
        if self.extended_length or command.extended:
            response = self._send_one(command)
            if response.sw != status_words.WRONG_LENGTH or not command.is_extended or response.data:
                return response
            self.extended_length = False  # nothing was done yet, whatever was said of the card
        if command.ne is not None and command.ne > SHORT_NE_MAX:
            command = CommandApdu(command.cla, command.ins, command.p1, command.p2, command.data, SHORT_NE_MAX)
        limit = self.data_max()
        return self._send_chain(command, limit) if len(command.data) > limit else self._send_one(command)

    def require(self, command: CommandApdu, doing: str) -> bytes:
        """Sends one command that must end with 9000 and returns its data. Raises CardError with the status word."""
        response = self.send(command)
        if response.sw != status_words.SUCCESS:
            raise status_words.card_error(response.sw, doing)
        return response.data

    def _send_chain(self, command: CommandApdu, limit: int) -> ResponseApdu:
        data = command.data
        for start in range(0, len(data) - limit, limit):
            part = CommandApdu(
                command.cla | CLA_CHAINING, command.ins, command.p1, command.p2, data[start : start + limit]
            )
            response = self._send_one(part)
            if not response.ok:
                return response
        last = (len(data) - 1) // limit * limit
        return self._send_one(CommandApdu(command.cla, command.ins, command.p1, command.p2, data[last:], command.ne))

    def _send_one(self, command: CommandApdu) -> ResponseApdu:
        wrapped = command
        try:
            for processor in self._processors:
                wrapped = processor.wrap(wrapped)
            response = self._gather(wrapped)
            for processor in reversed(self._processors):
                response = processor.unwrap(response)
        except CccdError:
            # The counters of the two sides may now differ: nothing more goes through this channel.
            self._dead = bool(self._processors)
            if self.trace is not None:
                self.trace(command, None)
            raise
        if self.trace is not None:
            self.trace(command, response)
        return response

    def _gather(self, command: CommandApdu) -> ResponseApdu:
        response = self._transmit(command)
        if response.sw & 0xFF00 == status_words.WRONG_LE and not self._processors and not response.data:
            # Nothing was done yet (ISO/IEC 7816-4, 5.6): the same command with the Le that the card names. A protected
            # command is never sent twice, since its counter has moved.
            again = CommandApdu(
                command.cla, command.ins, command.p1, command.p2, command.data, response.sw & 0xFF or SHORT_NE_MAX
            )
            response = self._transmit(again)
        if response.sw & 0xFF00 != status_words.MORE_DATA:
            return response
        parts = [response.data]
        size = len(response.data)
        for _ in range(GET_RESPONSE_ROUNDS_MAX):
            response = self._get_response(command.cla & 0x03, response.sw & 0xFF or SHORT_NE_MAX)
            parts.append(response.data)
            size += len(response.data)
            if size > RESPONSE_DATA_MAX:
                raise CardError("the card's answer grows beyond any it may give", length=size)
            if response.sw & 0xFF00 != status_words.MORE_DATA:
                return ResponseApdu(b"".join(parts), response.sw)
        raise CardError("the card promises more data without end", rounds=GET_RESPONSE_ROUNDS_MAX)

    def _get_response(self, cla: int, ne: int) -> ResponseApdu:
        response = self._transmit(CommandApdu(cla, INS_GET_RESPONSE, 0, 0, ne=ne))
        if response.sw & 0xFF00 == status_words.WRONG_LE and not response.data:
            again = response.sw & 0xFF or SHORT_NE_MAX
            response = self._transmit(CommandApdu(cla, INS_GET_RESPONSE, 0, 0, ne=again))
        return response

    def _transmit(self, command: CommandApdu) -> ResponseApdu:
        try:
            return ResponseApdu.from_bytes(self.link.transmit(command.to_bytes()))
        except FormatError as error:
            raise CardError("the card's answer is no response APDU", **error.facts) from None
