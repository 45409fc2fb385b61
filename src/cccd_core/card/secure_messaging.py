"""Secure messaging of Doc 9303-11, 9.8: the ciphers of both sides, and the reader's side as a processor.

AES: ISO/IEC 7816-4 secure messaging with a 16-byte send sequence counter, whose encryption is the initial vector.
3DES: an 8-byte counter, initial vector zero. A check that fails kills the channel.
"""

from __future__ import annotations

from typing import Final, Protocol

from cccd_core.card import status_words
from cccd_core.card.apdu import EXTENDED_NE_MAX, SHORT_NE_MAX, CommandApdu, ResponseApdu
from cccd_core.card.primitives import (
    AES_BLOCK,
    DES_BLOCK,
    KDF_ENC,
    KDF_MAC,
    AesSession,
    RetailMac,
    TdesSession,
    kdf,
    pad,
    same,
    unpad,
)
from cccd_core.emrtd.tlv import Reader, encode
from cccd_core.errors import FormatError, SecureMessagingError

CLA_PROTECTED: Final = 0x0C
TAG_CIPHERED_BER: Final = 0x85  # odd INS: the plain data are data objects themselves
TAG_CIPHERED: Final = 0x87  # 01 (padding indicator), then the cryptogram
TAG_LE: Final = 0x97
TAG_STATUS: Final = 0x99
TAG_MAC: Final = 0x8E
MAC_SIZE: Final = 8
_MAC_OBJECT: Final = 2 + MAC_SIZE
_STATUS_OBJECT: Final = 4


class Cipher(Protocol):
    """Encryption and authentication of one direction-less session; `counter` is the send sequence counter."""

    @property
    def block(self) -> int:
        """The cipher's block in bytes."""

    def encrypt(self, counter: int, data: bytes) -> bytes:
        """Pads and enciphers."""

    def decrypt(self, counter: int, data: bytes) -> bytes:
        """Deciphers and takes the padding off. Raises SecureMessagingError."""

    def mac(self, counter: int, data: bytes) -> bytes:
        """Eight bytes over the counter and data that is padded already."""


class AesCipher:
    """AES-CBC and AES-CMAC cut to eight bytes (9.8.7)."""

    __slots__ = ("_enc", "_mac", "enc", "mac_key")
    block = AES_BLOCK

    def __init__(self, enc: bytes, mac_key: bytes) -> None:
        self.enc = enc
        self.mac_key = mac_key
        self._enc = AesSession(enc)
        self._mac = AesSession(mac_key)

    def encrypt(self, counter: int, data: bytes) -> bytes:
        """Pads and enciphers."""
        iv = self._enc.block(counter.to_bytes(AES_BLOCK, "big"))
        return self._enc.encrypt(iv, pad(data, AES_BLOCK))

    def decrypt(self, counter: int, data: bytes) -> bytes:
        """Deciphers and takes the padding off."""
        iv = self._enc.block(counter.to_bytes(AES_BLOCK, "big"))
        return unpad(self._enc.decrypt(iv, data))

    def mac(self, counter: int, data: bytes) -> bytes:
        """CMAC over counter and data."""
        return self._mac.mac(counter.to_bytes(AES_BLOCK, "big") + data)[:MAC_SIZE]


class TdesCipher:
    """3DES-CBC and retail MAC (9.8.6)."""

    __slots__ = ("_enc", "_mac", "enc", "mac_key")
    block = DES_BLOCK

    def __init__(self, enc: bytes, mac_key: bytes) -> None:
        self.enc = enc
        self.mac_key = mac_key
        self._enc = TdesSession(enc)
        self._mac = RetailMac(mac_key)

    def encrypt(self, counter: int, data: bytes) -> bytes:
        """Pads and enciphers; the counter plays no part."""
        del counter
        return self._enc.encrypt(pad(data, DES_BLOCK))

    def decrypt(self, counter: int, data: bytes) -> bytes:
        """Deciphers and takes the padding off."""
        del counter
        return unpad(self._enc.decrypt(data))

    def mac(self, counter: int, data: bytes) -> bytes:
        """Retail MAC over counter and data."""
        return self._mac.mac((counter & 0xFFFFFFFFFFFFFFFF).to_bytes(DES_BLOCK, "big") + data)


def session_cipher(secret: bytes, key_bits: int) -> Cipher:
    """The session's cipher out of an agreed secret (9.7.1): `key_bits` 112 is 3DES, 128, 192, 256 are AES."""
    enc, mac = kdf(secret, KDF_ENC, key_bits), kdf(secret, KDF_MAC, key_bits)
    return TdesCipher(enc, mac) if key_bits == 112 else AesCipher(enc, mac)


def response_data_max(block: int, wrapped_max: int) -> int:
    """The most plain bytes whose protected answer has at most `wrapped_max` bytes."""
    head = 4 if wrapped_max <= SHORT_NE_MAX else 6
    return (wrapped_max - head - _STATUS_OBJECT - _MAC_OBJECT) // block * block - 1


def command_mac_input(header: bytes, objects: bytes, block: int) -> bytes:
    """What the command's MAC covers: the padded header, then the padded data objects if there are any (9.8.4)."""
    padded = pad(header, block)
    return padded + pad(objects, block) if objects else padded


def ciphered_object(ins: int, cryptogram: bytes) -> bytes:
    """The data object that carries enciphered data: 85 for an odd INS, else 87 with the padding indicator."""
    return encode(TAG_CIPHERED_BER, cryptogram) if ins & 1 else encode(TAG_CIPHERED, b"\x01" + cryptogram)


def cryptogram_of(tag: int, value: bytes) -> bytes:
    """The cryptogram inside a data object 85 or 87. Raises SecureMessagingError."""
    if tag == TAG_CIPHERED_BER:
        return value
    if value[:1] != b"\x01":
        raise SecureMessagingError("an enciphered data object has no padding indicator", tag=f"{tag:X}")
    return value[1:]


class BareStatusError(SecureMessagingError):
    """The card answered a protected command with a status word alone. That ends the channel (Doc 9303-11, 9.8.3), and
    the word says why, though nothing proves who said it."""

    @classmethod
    def of(cls, sw: int) -> BareStatusError:
        """The error for this status word. Facts: `sw`, `tries_left`."""
        if status_words.not_there(sw):
            hint = ", what was asked for is not there"
        elif status_words.lacks_rights(sw):
            hint = ", access needed"
        else:
            hint = ""
        words = status_words.meaning(sw)
        return cls(f"the card gave up the secure channel{hint}: {words}", **status_words.status_facts(sw))

    @property
    def sw(self) -> int:
        """The status word."""
        return int(str(self.facts["sw"]), 16)


class SecureMessaging:
    """The reader's end of a channel. `counter` is the send sequence counter before the first command."""

    def __init__(self, cipher: Cipher, counter: int = 0) -> None:
        self._cipher = cipher
        self._counter = counter
        self._ins = 0

    def data_max(self, wrapped_max: int) -> int:
        """What fits beside MAC, Le and padding."""
        block = self._cipher.block
        return (wrapped_max - _MAC_OBJECT - 3 - 4) // block * block - 1

    def response_data_max(self, wrapped_max: int) -> int:
        """The most plain bytes that an answer of `wrapped_max` bytes can carry."""
        return response_data_max(self._cipher.block, wrapped_max)

    def wrap(self, command: CommandApdu) -> CommandApdu:
        """Enciphers the data and authenticates header, data and Le."""
        self._counter += 1
        self._ins = command.ins
        cla = command.cla | CLA_PROTECTED
        header = bytes((cla, command.ins, command.p1, command.p2))
        objects = b""
        if command.data:
            objects = ciphered_object(command.ins, self._cipher.encrypt(self._counter, command.data))
        if command.ne is not None:
            size = 2 if command.ne > SHORT_NE_MAX else 1
            objects += encode(TAG_LE, (command.ne % (1 << 8 * size)).to_bytes(size, "big"))
        mac = self._cipher.mac(self._counter, command_mac_input(header, objects, self._cipher.block))
        body = objects + encode(TAG_MAC, mac)
        extended = command.is_extended or len(body) > 255
        return CommandApdu(
            cla, command.ins, command.p1, command.p2, body, EXTENDED_NE_MAX if extended else SHORT_NE_MAX, extended
        )

    def unwrap(self, response: ResponseApdu) -> ResponseApdu:
        """Checks the MAC and the status word, then deciphers. Raises SecureMessagingError."""
        self._counter += 1
        if not response.data:
            raise BareStatusError.of(response.sw)
        ciphered: tuple[int, bytes] | None = None
        status = mac = b""
        covered = 0
        try:
            reader = Reader(response.data)
            if reader.peek() in (TAG_CIPHERED, TAG_CIPHERED_BER):
                found = reader.next()
                ciphered = (found.tag, found.value)
            status = reader.next(TAG_STATUS, what="the status data object").value
            covered = reader.offset
            mac = reader.next(TAG_MAC, what="the MAC data object").value
            reader.finish("the protected answer")
        except FormatError as error:
            raise SecureMessagingError("a protected answer is malformed", **error.facts) from None
        expected = self._cipher.mac(self._counter, pad(response.data[:covered], self._cipher.block))
        if not same(mac, expected):
            raise SecureMessagingError("the MAC of an answer is wrong", sw=response.sw_hex)
        if status != response.sw.to_bytes(2, "big"):
            raise SecureMessagingError("the protected status word is another one", sw=response.sw_hex)
        if ciphered is None:
            return ResponseApdu(b"", response.sw)
        return ResponseApdu(self._cipher.decrypt(self._counter, cryptogram_of(*ciphered)), response.sw)
