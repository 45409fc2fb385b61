"""GlobalPlatform Secure Channel Protocol 03, host side, and the arithmetic that both sides share.

Source: GlobalPlatform Card Specification, Amendment D, v1.2 (S8 and S16 modes; AES-128, -192, -256).
A wrong key is never tried twice: cards count failures and then close for good.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from cccd_core.card import status_words
from cccd_core.card.apdu import EXTENDED_NC_MAX, SHORT_NC_MAX, CommandApdu, ResponseApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.primitives import (
    AES_BLOCK,
    ZERO_IV,
    AesSession,
    aes_cbc_encrypt,
    aes_cmac,
    counter_kdf,
    pad,
    same,
    unpad,
)
from cccd_core.errors import AuthenticationError, CardError, ParameterError, SecureMessagingError

INS_INITIALIZE_UPDATE: Final = 0x50
INS_EXTERNAL_AUTHENTICATE: Final = 0x82
CLA_GP: Final = 0x80
CLA_SECURE: Final = 0x04

# 4.1.5: the last byte of the label of each derivation
_CARD_CRYPTOGRAM: Final = 0x00
_HOST_CRYPTOGRAM: Final = 0x01
_CARD_CHALLENGE: Final = 0x02
_S_ENC: Final = 0x04
_S_MAC: Final = 0x06
_S_RMAC: Final = 0x07

I_S16: Final = 0x01
I_PSEUDO_RANDOM: Final = 0x10
I_RMAC: Final = 0x20
I_RENC: Final = 0x40


class SecurityLevel(IntEnum):
    """What the channel protects (Amendment D, 7.1.2.1, table 7-7)."""

    C_MAC = 0x01
    C_DECRYPTION_C_MAC = 0x03
    C_MAC_R_MAC = 0x11
    C_DECRYPTION_C_MAC_R_MAC = 0x13
    ALL = 0x33


@dataclass(frozen=True, slots=True)
class Scp03Keys:
    """The three static keys of a card, 16, 24 or 32 bytes each, all of one length; version 0 takes the card's first."""

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    dek: bytes = field(repr=False)
    version: int = 0

    def __post_init__(self) -> None:
        if len(self.enc) not in (16, 24, 32) or not len(self.enc) == len(self.mac) == len(self.dek):
            raise ParameterError("SCP03 keys are three AES keys of one length")
        if not 0 <= self.version <= 0x7F:
            raise ParameterError("a key version number is 0 to 127", version=self.version)


def derive_card_keys(master: bytes, serial: bytes, *, version: int = 1) -> Scp03Keys:
    """The keys of the card with this serial, out of the master key of its batch, as long as the master key.

    NIST SP 800-108r1 counter mode with AES-CMAC (`primitives.counter_kdf`); labels `CCCD-SCP03-ENC`, `-MAC`, `-DEK`,
    context the serial. So a broken card gives away its own keys and no other's.
    """
    if len(master) not in (16, 24, 32):
        raise ParameterError("a card master key has 16, 24 or 32 bytes", length=len(master))
    if not 1 <= len(serial) <= 32:
        raise ParameterError("a card serial has 1 to 32 bytes", length=len(serial))
    bits = 8 * len(master)
    enc, mac, dek = (counter_kdf(master, b"CCCD-SCP03-" + name, serial, bits) for name in (b"ENC", b"MAC", b"DEK"))
    return Scp03Keys(enc, mac, dek, version)


def derive(key: bytes, constant: int, context: bytes, bits: int) -> bytes:
    """4.1.5: label (eleven zeros and the constant) | 00 | L | counter | context, under CMAC."""
    head = bytes(11) + bytes((constant, 0)) + bits.to_bytes(2, "big")
    stream = b"".join(aes_cmac(key, head + bytes((i,)) + context) for i in range(1, -(-bits // 128) + 1))
    return stream[: bits // 8]


def pseudo_random_challenge(keys: Scp03Keys, counter: int, aid: bytes, size: int) -> bytes:
    """6.2.2.1: the card challenge out of the sequence counter and the application's AID."""
    return derive(keys.enc, _CARD_CHALLENGE, counter.to_bytes(3, "big") + aid, 8 * size)


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The keys of one session, and its two cryptograms."""

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    rmac: bytes = field(repr=False)
    host_cryptogram: bytes = field(repr=False)
    card_cryptogram: bytes = field(repr=False)

    @classmethod
    def derive(cls, keys: Scp03Keys, host_challenge: bytes, card_challenge: bytes) -> SessionKeys:
        """6.2.1 and 6.2.2; the challenges' length (8 or 16) sets the mode."""
        context = host_challenge + card_challenge
        bits = 8 * len(keys.enc)
        mac = derive(keys.mac, _S_MAC, context, bits)
        size = 8 * len(host_challenge)
        return cls(
            derive(keys.enc, _S_ENC, context, bits),
            mac,
            derive(keys.mac, _S_RMAC, context, bits),
            derive(mac, _HOST_CRYPTOGRAM, context, size),
            derive(mac, _CARD_CRYPTOGRAM, context, size),
        )


class ChannelState:
    """What both sides keep in step: the MAC chaining value and the encryption counter (6.2.3 to 6.2.7)."""

    __slots__ = ("_counter", "_mac", "_rmac", "chaining", "enc", "keys", "level", "mac_size")

    def __init__(self, keys: SessionKeys, level: int, mac_size: int) -> None:
        self.keys = keys
        self.level = level
        self.mac_size = mac_size
        self.chaining = ZERO_IV
        self._counter = 0
        self.enc = AesSession(keys.enc)
        self._mac = AesSession(keys.mac)
        self._rmac = AesSession(keys.rmac)

    def command_mac(self, command: CommandApdu, data: bytes, *, extended: bool) -> bytes:
        """The full C-MAC over the protected command; also the next chaining value, which the caller keeps."""
        length = len(data) + self.mac_size
        lc = b"\0" + length.to_bytes(2, "big") if extended else bytes((length,))
        head = bytes((command.cla & 0xFC | CLA_SECURE, command.ins, command.p1, command.p2))
        return self._mac.mac(self.chaining + head + lc + data)

    def next_command(self) -> None:
        """6.2.6: the counter moves for every command, with data or without."""
        self._counter += 1

    def command_iv(self) -> bytes:
        """The initial vector of the command's data."""
        return self.enc.block(self._counter.to_bytes(AES_BLOCK, "big"))

    def response_iv(self) -> bytes:
        """6.2.7: the same counter with its first byte 80."""
        return self.enc.block(b"\x80" + self._counter.to_bytes(AES_BLOCK - 1, "big"))

    def response_mac(self, data: bytes, sw: int) -> bytes:
        """6.2.5: over the chaining value of the command, the data as sent and the status word."""
        return self._rmac.mac(self.chaining + data + sw.to_bytes(2, "big"))[: self.mac_size]


def has_response_mac(sw: int) -> bool:
    """6.2.5: only a success or a warning is protected."""
    return sw == status_words.SUCCESS or sw >> 8 in (0x62, 0x63)


class Scp03Session:
    """The host's end of an open channel: a processor of the connection, and the key for sensitive data."""

    def __init__(self, keys: Scp03Keys, state: ChannelState, sequence_counter: int | None) -> None:
        self._dek = keys.dek
        self._state = state
        self.level = SecurityLevel(state.level)
        self.key_version = keys.version
        self.sequence_counter = sequence_counter

    def encrypt_sensitive(self, data: bytes) -> bytes:
        """4.1.4: a secret under the static DEK (AES-CBC, zero vector, padded), inside the channel's own layer."""
        return aes_cbc_encrypt(self._dek, ZERO_IV, pad(data, AES_BLOCK))

    def data_max(self, wrapped_max: int) -> int:
        """What fits beside MAC and padding."""
        room = wrapped_max - self._state.mac_size
        return room // AES_BLOCK * AES_BLOCK - 1 if self.level & 0x02 else room

    def wrap(self, command: CommandApdu) -> CommandApdu:
        """Encrypts the data where the level says so, and adds the C-MAC."""
        state = self._state
        state.next_command()
        data = command.data
        if data and self.level & 0x02:
            data = state.enc.encrypt(state.command_iv(), pad(data, AES_BLOCK))
        return _add_mac(state, command, data)

    def unwrap(self, response: ResponseApdu) -> ResponseApdu:
        """Checks the R-MAC and decrypts, where the level says so."""
        state = self._state
        if not self.level & 0x10 or not has_response_mac(response.sw):
            if response.data and self.level & 0x10:
                raise SecureMessagingError("an unprotected answer with data", sw=response.sw_hex)
            return response
        size = state.mac_size
        if len(response.data) < size:
            raise SecureMessagingError("the answer has no R-MAC", sw=response.sw_hex)
        data, mac = response.data[:-size], response.data[-size:]
        if not same(mac, state.response_mac(data, response.sw)):
            raise SecureMessagingError("the R-MAC of an answer is wrong", sw=response.sw_hex)
        if data and self.level & 0x20:
            data = unpad(state.enc.decrypt(state.response_iv(), data))
        return ResponseApdu(data, response.sw)


def _add_mac(state: ChannelState, command: CommandApdu, data: bytes) -> CommandApdu:
    length = len(data) + state.mac_size
    if length > EXTENDED_NC_MAX:
        raise ParameterError("command data too long for the secure channel", length=len(command.data))
    extended = command.is_extended or length > SHORT_NC_MAX
    state.chaining = state.command_mac(command, data, extended=extended)
    protected = data + state.chaining[: state.mac_size]
    return CommandApdu(
        command.cla | CLA_SECURE, command.ins, command.p1, command.p2, protected, command.ne, extended=extended
    )


def open_session(
    connection: CardConnection,
    keys: Scp03Keys,
    level: SecurityLevel = SecurityLevel.ALL,
    *,
    s16: bool = False,
    host_challenge: bytes | None = None,
) -> Scp03Session:
    """INITIALIZE UPDATE and EXTERNAL AUTHENTICATE with the selected application, once; the channel protects the
    connection from then on. Costs 12 CMACs.

    Raises AuthenticationError when either side does not know the keys (never try again with the same ones;
    `tries_left` is a fact where the card counts them), CardError when the card refuses for another reason (`sw`:
    6983 closed after too many failures, 6985 locked).
    `host_challenge` is for worked examples alone.
    """
    size = 16 if s16 else 8
    challenge = secrets.token_bytes(size) if host_challenge is None else host_challenge
    connection.drop_processors()
    answer = connection.require(
        CommandApdu(CLA_GP, INS_INITIALIZE_UPDATE, keys.version, 0, challenge, 256), "opening a secure channel"
    )
    head = 13  # 10 bytes of key diversification data, key version, protocol, i
    if len(answer) not in (head + 2 * size, head + 2 * size + 3):
        raise CardError("INITIALIZE UPDATE answered with a wrong length", length=len(answer))
    version, protocol, parameter = answer[10:13]
    if protocol != 3:
        raise CardError("the card's secure channel is not SCP03", protocol=protocol)
    if bool(parameter & I_S16) != s16:
        raise CardError("the card speaks the other SCP03 mode", s16=bool(parameter & I_S16))
    if (level & 0x10 and not parameter & I_RMAC) or (level & 0x20 and not parameter & I_RENC):
        raise CardError("the card does not offer this security level", i=parameter, level=int(level))
    if keys.version not in (0, version):
        raise AuthenticationError("the card answered with another key version", version=version)
    card_challenge, cryptogram = answer[head : head + size], answer[head + size : head + 2 * size]
    session = SessionKeys.derive(keys, challenge, card_challenge)
    if not same(cryptogram, session.card_cryptogram):
        raise AuthenticationError("the card does not know the SCP03 keys that it should have")
    state = ChannelState(session, int(level), size)
    authenticate = _add_mac(
        state, CommandApdu(CLA_GP, INS_EXTERNAL_AUTHENTICATE, int(level), 0), session.host_cryptogram
    )
    response = connection.send(authenticate)
    if status_words.refuses_proof(response.sw) or response.sw == status_words.SECURITY_NOT_SATISFIED:
        raise status_words.authentication_error(response.sw, "the card does not accept the SCP03 keys")
    if not response.ok:
        raise status_words.card_error(response.sw, "opening a secure channel")
    counter = int.from_bytes(answer[head + 2 * size :], "big") if len(answer) > head + 2 * size else None
    opened = Scp03Session(keys, state, counter)
    connection.push(opened)
    return opened
