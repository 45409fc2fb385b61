"""The card's ends of the two channels: secure messaging for readers, SCP03 for the personaliser."""

from __future__ import annotations

from typing import Protocol

from cccd_core.card import status_words
from cccd_core.card.apdu import EXTENDED_NE_MAX, SHORT_NE_MAX, CommandApdu, ResponseApdu
from cccd_core.card.primitives import AES_BLOCK, ZERO_IV, aes_cbc_decrypt, pad, same, unpad
from cccd_core.card.scp03 import ChannelState, Scp03Keys, has_response_mac
from cccd_core.card.secure_messaging import (
    TAG_CIPHERED,
    TAG_CIPHERED_BER,
    TAG_LE,
    TAG_MAC,
    TAG_STATUS,
    Cipher,
    ciphered_object,
    command_mac_input,
    cryptogram_of,
    response_data_max,
)
from cccd_core.emrtd.tlv import Reader, encode
from cccd_core.errors import FormatError, SecureMessagingError


class ChannelClosedError(Exception):
    """A protected command that failed: the channel is gone, and this status word says why. Stays inside the card."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


class Channel(Protocol):
    """One end of a channel."""

    @property
    def cla_bits(self) -> int:
        """The bits of the class byte that mark its commands."""

    def open_command(self, command: CommandApdu) -> CommandApdu:
        """Checks and opens a command. Raises ChannelClosedError."""

    def seal_response(self, response: ResponseApdu) -> ResponseApdu:
        """Protects a response."""

    def answer_max(self, wrapped_max: int) -> int:
        """The most plain bytes in a protected answer of at most `wrapped_max`."""


class ReaderChannel:
    """Secure messaging of Doc 9303-11, 9.8, at the chip."""

    cla_bits = 0x0C

    def __init__(self, cipher: Cipher, counter: int = 0) -> None:
        self._cipher = cipher
        self._counter = counter
        self._ins = 0

    def open_command(self, command: CommandApdu) -> CommandApdu:
        """Checks the MAC, deciphers the data, reads the protected Le."""
        self._counter += 1
        self._ins = command.ins
        ciphered: tuple[int, bytes] | None = None
        le = mac = None
        covered = 0
        try:
            for found in (reader := Reader(command.data)):
                if mac is not None:
                    raise ChannelClosedError(status_words.SM_OBJECT_INCORRECT)
                if found.tag in (TAG_CIPHERED, TAG_CIPHERED_BER) and ciphered is None and le is None:
                    ciphered = found.tag, found.value
                elif found.tag == TAG_LE and le is None:
                    le = found.value
                elif found.tag == TAG_MAC:
                    mac = found.value
                    continue
                else:
                    raise ChannelClosedError(status_words.SM_OBJECT_INCORRECT)
                covered = reader.offset
        except FormatError:
            raise ChannelClosedError(status_words.SM_OBJECT_INCORRECT) from None
        if mac is None:
            raise ChannelClosedError(status_words.SM_OBJECT_MISSING)
        objects = command.data[:covered]
        expected = self._cipher.mac(self._counter, command_mac_input(command.header, objects, self._cipher.block))
        if not same(mac, expected):
            raise ChannelClosedError(status_words.SM_OBJECT_INCORRECT)
        try:
            data = b"" if ciphered is None else self._cipher.decrypt(self._counter, cryptogram_of(*ciphered))
        except SecureMessagingError:
            raise ChannelClosedError(status_words.SM_OBJECT_INCORRECT) from None
        ne = None
        if le is not None:
            if len(le) not in (1, 2):
                raise ChannelClosedError(status_words.SM_OBJECT_INCORRECT)
            ne = int.from_bytes(le, "big") or (SHORT_NE_MAX if len(le) == 1 else EXTENDED_NE_MAX)
        cla = command.cla & ~self.cla_bits
        return CommandApdu(cla, command.ins, command.p1, command.p2, data, ne, command.extended)

    def seal_response(self, response: ResponseApdu) -> ResponseApdu:
        """Enciphers the data and authenticates data and status word."""
        self._counter += 1
        objects = b""
        if response.data:
            objects = ciphered_object(self._ins, self._cipher.encrypt(self._counter, response.data))
        objects += encode(TAG_STATUS, response.sw.to_bytes(2, "big"))
        mac = self._cipher.mac(self._counter, pad(objects, self._cipher.block))
        return ResponseApdu(objects + encode(TAG_MAC, mac), response.sw)

    def answer_max(self, wrapped_max: int) -> int:
        """The most plain bytes in a protected answer of at most `wrapped_max`."""
        return response_data_max(self._cipher.block, wrapped_max)


class PersonaliserChannel:
    """SCP03 at the card."""

    cla_bits = 0x04

    def __init__(self, keys: Scp03Keys, state: ChannelState) -> None:
        self._dek = keys.dek
        self._state = state
        self.authenticated = False

    def open_command(self, command: CommandApdu) -> CommandApdu:
        """Checks the C-MAC and deciphers the data as the level says."""
        state = self._state
        size = state.mac_size
        if len(command.data) < size:
            raise ChannelClosedError(status_words.SECURITY_NOT_SATISFIED)
        data, mac = command.data[:-size], command.data[-size:]
        full = state.command_mac(command, data, extended=command.extended)
        if not same(mac, full[:size]):
            raise ChannelClosedError(status_words.SECURITY_NOT_SATISFIED)
        state.chaining = full
        if self.authenticated:
            state.next_command()
            if data and state.level & 0x02:
                try:
                    data = unpad(state.enc.decrypt(state.command_iv(), data))
                except SecureMessagingError:
                    raise ChannelClosedError(status_words.SECURITY_NOT_SATISFIED) from None
        return CommandApdu(
            command.cla & ~self.cla_bits, command.ins, command.p1, command.p2, data, command.ne, command.extended
        )

    def seal_response(self, response: ResponseApdu) -> ResponseApdu:
        """Enciphers and authenticates the answer as the level says; errors go out as they are."""
        state = self._state
        if not self.authenticated or not state.level & 0x10 or not has_response_mac(response.sw):
            return response
        data = response.data
        if data and state.level & 0x20:
            data = state.enc.encrypt(state.response_iv(), pad(data, AES_BLOCK))
        return ResponseApdu(data + state.response_mac(data, response.sw), response.sw)

    def answer_max(self, wrapped_max: int) -> int:
        """The most plain bytes in a protected answer of at most `wrapped_max`."""
        room = wrapped_max - self._state.mac_size
        return room // AES_BLOCK * AES_BLOCK - 1

    def accept(self, level: int) -> None:
        """The host has proved itself: this level from now on."""
        self._state.level = level
        self.authenticated = True

    def host_proves(self, cryptogram: bytes) -> bool:
        """Whether this is the host's cryptogram."""
        return same(cryptogram, self._state.keys.host_cryptogram)

    def decrypt_sensitive(self, data: bytes) -> bytes:
        """A value under the static DEK. Raises SecureMessagingError where it is none."""
        return unpad(self.decrypt_key(data))

    def decrypt_key(self, blocks: bytes) -> bytes:
        """Whole blocks under the static DEK, as PUT KEY brings them. Raises SecureMessagingError."""
        return aes_cbc_decrypt(self._dek, ZERO_IV, blocks)
