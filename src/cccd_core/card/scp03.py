"""GlobalPlatform Secure Channel Protocol 03, host side, and the arithmetic that both sides share.

Source: GlobalPlatform Card Specification, Amendment D, v1.2 (S8 and S16 modes; AES-128, -192, -256).
A wrong key is never tried twice: cards count failures and then close for good.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
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
    pad,
    same,
    unpad,
)
from cccd_core.emrtd.tlv import encode, oid, read_one, to_oid
from cccd_core.errors import AuthenticationError, CardError, FormatError, ParameterError, SecureMessagingError

INS_INITIALIZE_UPDATE: Final = 0x50
INS_EXTERNAL_AUTHENTICATE: Final = 0x82
INS_GET_DATA: Final = 0xCA
TAG_CARD_DATA: Final = 0x66
GLOBAL_PLATFORM: Final = "1.2.840.114283"
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


KEY_DIVERSIFICATION_BYTES: Final = 10  # with which the answer to INITIALIZE UPDATE begins
_HEAD_BYTES: Final = KEY_DIVERSIFICATION_BYTES + 3  # key version, protocol, i
_OLD_ANSWER_BYTES: Final = 28  # SCP01 and SCP02: GlobalPlatform 2.3.1, D.4.1.4 and E.5.1.4
# GlobalPlatform 2.3.1, 11.3.3.1 and H.2: `scp` of the object identifier {globalPlatform 4 scp i}
_PROTOCOLS: Final = {
    0x01: "SCP01", 0x02: "SCP02", 0x03: "SCP03", 0x10: "SCP10", 0x11: "SCP11", 0x21: "SCP21", 0x22: "SCP22",
    0x80: "SCP80", 0x81: "SCP81",
}  # fmt: skip


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

    def __init__(self, keys: Scp03Keys, state: ChannelState, proof: CardProof) -> None:
        self._dek = keys.dek
        self._state = state
        self.level = SecurityLevel(state.level)
        self.key_version = proof.version
        self.diversification_data = proof.diversification_data
        self.sequence_counter = proof.sequence_counter

    def encrypt_sensitive(self, data: bytes) -> bytes:
        """4.1.4: a secret under the static DEK (AES-CBC, zero vector, padded), inside the channel's own layer."""
        return aes_cbc_encrypt(self._dek, ZERO_IV, pad(data, AES_BLOCK))

    def encrypt_key(self, blocks: bytes) -> bytes:
        """A key for PUT KEY under the static DEK: whole blocks, no padding of their own (Amendment D, 7.2.2)."""
        return aes_cbc_encrypt(self._dek, ZERO_IV, blocks)

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


# the keys of a card by its key version and its key diversification data, asked for before anything is proved
KeySource = Callable[[int, bytes], Scp03Keys]


@dataclass(frozen=True, slots=True)
class CardProof:
    """What a card answered to INITIALIZE UPDATE: which keys it has, and its proof that it has them. The host has proved
    nothing yet, so looking at it costs the card no try."""

    version: int
    diversification_data: bytes
    parameter: int  # i
    host_challenge: bytes = field(repr=False)
    card_challenge: bytes = field(repr=False)
    cryptogram: bytes = field(repr=False)
    sequence_counter: int | None

    @property
    def s16(self) -> bool:
        """Whether the card's mode is S16, else S8."""
        return bool(self.parameter & I_S16)

    def session(self, keys: Scp03Keys) -> SessionKeys | None:
        """The session's keys under these static keys; None where the card does not have them. Costs 6 to 10 CMACs."""
        session = SessionKeys.derive(keys, self.host_challenge, self.card_challenge)
        return session if same(self.cryptogram, session.card_cryptogram) else None


def open_session(
    connection: CardConnection,
    keys: Scp03Keys | KeySource,
    level: SecurityLevel = SecurityLevel.ALL,
    *,
    s16: bool | None = None,
    host_challenge: bytes | None = None,
) -> Scp03Session:
    """INITIALIZE UPDATE and EXTERNAL AUTHENTICATE with the selected application, once; the channel protects the
    connection from then on. `s16` None takes the mode (S8 or S16) that the card has. Costs 12 CMACs.

    Raises AuthenticationError when either side does not know the keys (never try again with the same ones;
    `tries_left` is a fact where the card counts them), CardError when the card refuses for another reason (`sw`:
    6983 closed after too many failures, 6985 locked) or has another secure channel (fact `protocol`: SCP02 …).
    A card whose proof is wrong is sent none: that costs it no try. `host_challenge` is for worked examples alone.
    """
    wanted = keys.version if isinstance(keys, Scp03Keys) else 0
    proof = ask_proof(connection, wanted, s16=s16, host_challenge=host_challenge)
    if (level & 0x10 and not proof.parameter & I_RMAC) or (level & 0x20 and not proof.parameter & I_RENC):
        raise CardError("the card does not offer this security level", i=proof.parameter, level=int(level))
    if wanted not in (0, proof.version):
        raise AuthenticationError("the card answered with another key version", version=proof.version)
    card_keys = keys if isinstance(keys, Scp03Keys) else keys(proof.version, proof.diversification_data)
    session = proof.session(card_keys)
    if session is None:
        raise AuthenticationError(
            "the card does not know the SCP03 keys that it should have: another master key, or another way of deriving "
            "the card's keys from it"
        )
    state = ChannelState(session, int(level), len(proof.host_challenge))
    authenticate = _add_mac(
        state, CommandApdu(CLA_GP, INS_EXTERNAL_AUTHENTICATE, int(level), 0), session.host_cryptogram
    )
    response = connection.send(authenticate)
    if status_words.refuses_proof(response.sw) or response.sw == status_words.SECURITY_NOT_SATISFIED:
        raise status_words.authentication_error(response.sw, "the card does not accept the SCP03 keys")
    if not response.ok:
        raise status_words.card_error(response.sw, "opening a secure channel")
    opened = Scp03Session(card_keys, state, proof)
    connection.push(opened)
    return opened


def ask_proof(
    connection: CardConnection, version: int = 0, *, s16: bool | None = None, host_challenge: bytes | None = None
) -> CardProof:
    """INITIALIZE UPDATE alone, in the card's mode where `s16` is None. `version` 0 asks for the card's first keys.

    Raises CardError as `open_session`.
    """
    connection.drop_processors()
    sizes = (8, 16) if s16 is None else (16,) if s16 else (8,)
    if host_challenge is not None:
        sizes = (len(host_challenge),)
    for size in sizes:
        challenge = secrets.token_bytes(size) if host_challenge is None else host_challenge
        response = connection.send(CommandApdu(CLA_GP, INS_INITIALIZE_UPDATE, version, 0, challenge, 256))
        if response.ok:
            proof = _proof(response.data, challenge)
            if proof is not None:
                return proof
        elif response.sw not in (status_words.WRONG_LENGTH, status_words.WRONG_DATA) or size == sizes[-1]:
            raise _no_scp03(connection, response.sw)
        # S16 wants sixteen bytes (Amendment D, 7.1.1.3); nothing was proved yet
    raise CardError("the card speaks the other SCP03 mode", s16=sizes[-1] == 8)


def _proof(answer: bytes, challenge: bytes) -> CardProof | None:
    """A card's answer taken apart; None where it is one to a challenge of the other size. Raises CardError."""
    size = len(challenge)
    protocol = answer[KEY_DIVERSIFICATION_BYTES + 1] if len(answer) >= KEY_DIVERSIFICATION_BYTES + 2 else 0
    if protocol != 3 and (protocol in _PROTOCOLS or len(answer) == _OLD_ANSWER_BYTES):
        raise _other_protocol({protocol})
    if protocol == 3 and len(answer) > _HEAD_BYTES and bool(answer[_HEAD_BYTES - 1] & I_S16) != (size == 16):
        return None
    behind = _HEAD_BYTES + size
    head, card_challenge, cryptogram, rest = (
        answer[:_HEAD_BYTES], answer[_HEAD_BYTES:behind], answer[behind : behind + size], answer[behind + size :]
    )  # fmt: skip
    if protocol != 3 or len(cryptogram) != size or len(rest) not in (0, 3):
        raise CardError("INITIALIZE UPDATE answered with a wrong length", length=len(answer))
    return CardProof(
        version=head[KEY_DIVERSIFICATION_BYTES],
        diversification_data=head[:KEY_DIVERSIFICATION_BYTES],
        parameter=head[-1],
        host_challenge=challenge,
        card_challenge=card_challenge,
        cryptogram=cryptogram,
        sequence_counter=int.from_bytes(rest, "big") if rest else None,
    )


def _other_protocol(protocols: Iterable[int]) -> CardError:
    name = ", ".join(_PROTOCOLS.get(each, f"{each:02X}") for each in sorted(protocols))
    return CardError(f"the card's secure channel is {name}, and SCP03 is spoken here", protocol=name)


def _no_scp03(connection: CardConnection, sw: int) -> CardError:
    """Why INITIALIZE UPDATE was refused: by the card's own word on its secure channels, if it gives one and SCP03 is
    not among them."""
    offered = {protocol for protocol, _ in secure_channels(connection)}
    if offered and 3 not in offered:
        return _other_protocol(offered)
    return status_words.card_error(sw, "opening a secure channel")


def secure_channels(connection: CardConnection) -> tuple[tuple[int, int], ...]:
    """The secure channels that the selected application offers, each with its parameter i, by its card recognition data
    (GET DATA 66; GlobalPlatform 2.3.1, H.2). Empty where it does not say."""
    response = connection.send(CommandApdu(CLA_GP, INS_GET_DATA, 0, TAG_CARD_DATA, ne=256))
    if not response.ok:
        return ()
    found: list[tuple[int, int]] = []
    try:
        recognition = read_one(read_one(response.data, TAG_CARD_DATA).value, 0x73)
        for each in recognition.reader():
            if each.tag == 0x64:
                arcs = to_oid(read_one(each.value, 0x06)).removeprefix(GLOBAL_PLATFORM + ".4.").split(".")
                found.append((int(arcs[0]), int(arcs[1])))
    except (FormatError, ValueError, IndexError):
        return tuple(found)  # what could be read of it
    return tuple(found)


def card_data(parameter: int) -> bytes:
    """The card recognition data of a card with SCP03 and this parameter i."""
    words = (
        oid(GLOBAL_PLATFORM + ".1")
        + encode(0x60, oid(GLOBAL_PLATFORM + ".2.2.3.1"))
        + encode(0x63, oid(GLOBAL_PLATFORM + ".3"))
        + encode(0x64, oid(f"{GLOBAL_PLATFORM}.4.3.{parameter}"))
    )
    return encode(0x73, words)
