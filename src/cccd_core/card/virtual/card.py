"""The software card: power, command dispatch, channels.

A faithful eMRTD (Doc 9303-10, -11) that is personalised over SCP03 by the commands of `card.profile`. It trusts no
byte: `process` answers everything with a status word. Trouble of the disk under its file is no answer of the card: it
comes out as FileError, so that nobody takes the card for a broken one. Not safe for two threads at once, as a card is
not.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import reduce
from operator import xor
from pathlib import Path
from types import TracebackType
from typing import Final

from cccd_core.card import status_words as sw
from cccd_core.card.apdu import CLA_CHAINING, EXTENDED_NC_MAX, EXTENDED_NE_MAX, SHORT_NE_MAX, CommandApdu, ResponseApdu
from cccd_core.card.card_keys import CardMasterKey, diversification_data
from cccd_core.card.profile import LifeCycle
from cccd_core.card.virtual import access, files, personalisation
from cccd_core.card.virtual.channels import Channel, ChannelClosedError, PersonaliserChannel
from cccd_core.card.virtual.session import CardSession, Refusal
from cccd_core.card.virtual.state import CardMemory, Identity
from cccd_core.errors import CardRemovedError, CccdError, FileError, FormatError, ParameterError

SERIAL_BYTES: Final = 8
MEMORY_BYTES: Final = 262_144
CLA_PROPRIETARY: Final = 0x80
_INS_GENERAL_AUTHENTICATE: Final = 0x86
_GET_RESPONSE: Final = bytes((0x00, 0xC0, 0x00, 0x00))

# ISO/IEC 14443 part 4 card as PC/SC part 3 shows one: T=0 and T=1 offered, compact-TLV historical bytes: 73 card
# capabilities (selection by name and identifier, short identifiers; one-byte data units; chaining, extended length).
_HISTORICAL: Final = bytes((0x80, 0x73, 0x94, 0x01, 0xC0))
_ATR_BODY: Final = bytes((0x3B, 0x80 | len(_HISTORICAL), 0x80, 0x01)) + _HISTORICAL
ATR: Final = _ATR_BODY + bytes((reduce(xor, _ATR_BODY[1:]),))

Handler = Callable[[CardSession, CommandApdu], ResponseApdu]


class VirtualCard:
    """One card. Make it with `create` or `open`."""

    def __init__(self, memory: CardMemory, *, wait: Callable[[float], None] = time.sleep) -> None:
        self._memory = memory
        self._powered = False
        self._session = CardSession(memory, wait)

    @classmethod
    def create(
        cls,
        path: Path | None,
        *,
        master_key: CardMasterKey,
        serial: bytes | None = None,
        memory_bytes: int = MEMORY_BYTES,
        select_mf: bool = True,
        wait: Callable[[float], None] = time.sleep,
    ) -> VirtualCard:
        """A blank card with keys derived from `master_key` and its serial (random by default).

        `path` is its file, which must not exist; None keeps the card in this process. `select_mf` False makes it
        answer 6D00 to SELECT MF, as the Vietnamese cards in the field do. `wait` is called with the seconds that the
        card delays an authentication after failures. Raises FileError, ParameterError.
        """
        serial = secrets.token_bytes(SERIAL_BYTES) if serial is None else serial
        if not 1 <= memory_bytes <= 1 << 22:
            raise ParameterError("a card has 1 byte to 4 MiB of memory", memory_bytes=memory_bytes)
        identity = Identity(serial, master_key.keys_of(serial, diversification_data(serial)), memory_bytes, select_mf)
        return cls(CardMemory.create(path, identity), wait=wait)

    @classmethod
    def open(cls, path: Path, *, wait: Callable[[float], None] = time.sleep) -> VirtualCard:
        """The card of a file, as after its last whole command. Raises FileError, BusyError, DamagedError."""
        return cls(CardMemory.open(path), wait=wait)

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return ATR

    @property
    def serial(self) -> bytes:
        """The serial the maker gave it."""
        return self._memory.identity.serial

    @property
    def life_cycle(self) -> LifeCycle:
        """Where it is in its life."""
        return self._memory.life_cycle

    @property
    def memory(self) -> CardMemory:
        """What it remembers: for whoever holds the card's file in hand, never over the wire."""
        return self._memory

    def power_on(self) -> None:
        """Powers up, or resets when powered: every selection and channel is gone."""
        self._session = CardSession(self._memory, self._session.wait)
        self._powered = True

    def power_off(self) -> None:
        """Takes the power away."""
        self._powered = False
        self._session.drop_channel()

    def close(self) -> None:
        """Powers off and gives the card file back."""
        self.power_off()
        self._memory.close()

    def __enter__(self) -> VirtualCard:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def process(self, command: bytes) -> bytes:
        """One APDU in, one answer out. Raises CardRemovedError without power, and nothing else for any bytes.

        FileError where the card's file cannot be written: the card has then lost its power, and must be opened again.
        """
        if not self._powered:
            raise CardRemovedError("the card has no power")
        try:
            parsed = CommandApdu.from_bytes(command)
        except FormatError:
            return sw.WRONG_LENGTH.to_bytes(2, "big")
        try:
            return self._in_pieces(parsed).to_bytes()
        except FileError:
            self.power_off()
            raise

    def _in_pieces(self, command: CommandApdu) -> ResponseApdu:
        """Response chaining (ISO/IEC 7816-4, 5.3.4): an answer longer than the command allows is given by GET RESPONSE,
        which stands outside every channel.
        """
        session = self._session
        rest, session.rest = session.rest, None
        limit = command.ne or SHORT_NE_MAX
        response = rest if rest is not None and command.header == _GET_RESPONSE else self._answer(command)
        left = len(response.data) - limit
        if left <= 0:
            return response
        session.rest = ResponseApdu(response.data[limit:], response.sw)
        return ResponseApdu(response.data[:limit], sw.MORE_DATA | min(left, SHORT_NE_MAX) & 0xFF)

    def _answer(self, command: CommandApdu) -> ResponseApdu:
        session = self._session
        if command.cla & 0x60 or (command.cla & 0x03):
            return ResponseApdu(b"", sw.CHANNEL_NOT_SUPPORTED if command.cla & 0x43 else sw.CLA_NOT_SUPPORTED)
        channel = session.channel
        protection = command.cla & 0x0C
        if channel is not None and protection != channel.cla_bits:
            # A command outside the channel ends it (Doc 9303-11, 9.8.3); it may itself be in order.
            session.drop_channel()
            channel = None
        if protection and channel is None:
            return ResponseApdu(b"", sw.SECURE_MESSAGING_NOT_SUPPORTED)
        if channel is None:
            session.answer_max = EXTENDED_NE_MAX
            response = self._chained(command)
        else:
            response = self._protected(channel, command)
        session.switch_channel()
        return response

    def _protected(self, channel: Channel, command: CommandApdu) -> ResponseApdu:
        session = self._session
        try:
            if isinstance(channel, PersonaliserChannel) and not channel.authenticated:
                # As with readers: counted as failed until it has succeeded, so that pulling the card wins nothing.
                self._memory.set_counters(channel_failures=min(self._memory.channel_failures + 1, 0xFF))
            opened = channel.open_command(command)
        except ChannelClosedError as closed:
            session.drop_channel()
            return ResponseApdu(b"", closed.sw)
        except FileError:
            raise
        except CccdError:
            session.drop_channel()
            return ResponseApdu(b"", sw.MEMORY_FAILURE)
        session.answer_max = channel.answer_max(max(command.ne or 0, SHORT_NE_MAX))
        return channel.seal_response(self._chained(opened))

    def _chained(self, command: CommandApdu) -> ResponseApdu:
        """Command chaining (ISO/IEC 7816-4, 5.3.3): gathers the parts, then carries out the whole. The steps of GENERAL
        AUTHENTICATE carry the bit too, and are commands of their own.
        """
        session = self._session
        pending = session.chain
        chaining = bool(command.cla & CLA_CHAINING) and command.ins != _INS_GENERAL_AUTHENTICATE
        plain = CommandApdu(
            command.cla & ~CLA_CHAINING, command.ins, command.p1, command.p2, command.data, command.ne, command.extended
        )
        if pending is not None:
            session.chain = None
            if pending.header != plain.header:
                return ResponseApdu(b"", sw.LAST_OF_CHAIN_EXPECTED)
            if len(pending.data) + len(plain.data) > EXTENDED_NC_MAX:
                return ResponseApdu(b"", sw.WRONG_LENGTH)
            plain = CommandApdu(
                plain.cla, plain.ins, plain.p1, plain.p2, pending.data + plain.data, plain.ne, plain.extended
            )
        if chaining:
            session.chain = plain
            return ResponseApdu(b"", sw.SUCCESS)
        try:
            return self._dispatch(plain)
        except Refusal as refusal:
            return ResponseApdu(b"", refusal.sw)
        except FileError:
            raise
        except CccdError:
            # Data that no check above caught: nothing was changed.
            return ResponseApdu(b"", sw.MEMORY_FAILURE)

    def _dispatch(self, command: CommandApdu) -> ResponseApdu:
        session = self._session
        table = _PROPRIETARY if command.cla & CLA_PROPRIETARY else _INTERINDUSTRY
        handler = table.get(command.ins)
        if handler is None:
            raise Refusal(sw.INS_NOT_SUPPORTED)
        return handler(session, command)


_INTERINDUSTRY: Final[dict[int, Handler]] = {
    0x22: access.manage_security_environment,
    0x2A: access.perform_security_operation,
    0x82: access.external_authenticate,
    0x84: access.get_challenge,
    0x86: access.general_authenticate,
    0x88: access.internal_authenticate,
    0xA4: files.select,
    0xB0: files.read_binary,
    0xB1: files.read_binary_odd,
    0xCA: personalisation.get_data,
    0xD6: files.update_binary,
    0xD7: files.update_binary_odd,
    0xE0: files.create_file,
}
_PROPRIETARY: Final[dict[int, Handler]] = {
    0x50: personalisation.initialize_update,
    0x82: personalisation.external_authenticate,
    0xCA: personalisation.get_data,
    0xD8: personalisation.put_key,
    0xE2: personalisation.store_data,
    0xF0: personalisation.set_status,
}
