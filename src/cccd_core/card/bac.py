"""Basic Access Control, the reader's side, and the arithmetic of both (Doc 9303-11, 4.3)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from cccd_core.card import status_words
from cccd_core.card.apdu import CommandApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.primitives import KDF_ENC, KDF_MAC, kdf, pad, retail_mac, same, tdes_cbc_decrypt, tdes_cbc_encrypt
from cccd_core.card.secure_messaging import Cipher, SecureMessaging, session_cipher
from cccd_core.errors import AuthenticationError, CardError

INS_GET_CHALLENGE: Final = 0x84
INS_EXTERNAL_AUTHENTICATE: Final = 0x82
KEY_BITS: Final = 112
NONCE_SIZE: Final = 8
SECRET_SIZE: Final = 16
MESSAGE_SIZE: Final = 40


@dataclass(frozen=True, slots=True)
class BacKeys:
    """The document's basic access keys (9.7.2)."""

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)

    @classmethod
    def derive(cls, mrz_information: str) -> BacKeys:
        """From document number, birth and expiry date with their check digits, one after the other."""
        seed = hashlib.sha1(mrz_information.encode("ascii"), usedforsecurity=False).digest()[:16]
        return cls(kdf(seed, KDF_ENC, KEY_BITS), kdf(seed, KDF_MAC, KEY_BITS))

    def seal(self, message: bytes) -> bytes:
        """Cryptogram and MAC of one message of the exchange (32 bytes to 40)."""
        cryptogram = tdes_cbc_encrypt(self.enc, message)
        return cryptogram + retail_mac(self.mac, pad(cryptogram, 8))

    def open(self, sealed: bytes) -> bytes | None:
        """The message, or None where size or MAC is wrong."""
        if len(sealed) != MESSAGE_SIZE or not same(sealed[32:], retail_mac(self.mac, pad(sealed[:32], 8))):
            return None
        return tdes_cbc_decrypt(self.enc, sealed[:32])


def session(reader_secret: bytes, chip_secret: bytes, chip_nonce: bytes, reader_nonce: bytes) -> tuple[Cipher, int]:
    """The session's cipher and its first send sequence counter (9.8.6.3)."""
    seed = bytes(a ^ b for a, b in zip(reader_secret, chip_secret, strict=True))
    return session_cipher(seed, KEY_BITS), int.from_bytes(chip_nonce[4:] + reader_nonce[4:], "big")


def open_channel(
    connection: CardConnection,
    mrz_information: str,
    *,
    reader_nonce: bytes | None = None,
    reader_secret: bytes | None = None,
) -> None:
    """Runs BAC once with the selected application; the connection is protected from then on.

    Raises AuthenticationError where the MRZ information is not the card's. Nonce and secret are for worked examples.
    """
    keys = BacKeys.derive(mrz_information)
    chip_nonce = connection.require(CommandApdu(0, INS_GET_CHALLENGE, 0, 0, ne=NONCE_SIZE), "asking for a challenge")
    if len(chip_nonce) != NONCE_SIZE:
        raise CardError("the card's challenge has a wrong length", length=len(chip_nonce))
    nonce = secrets.token_bytes(NONCE_SIZE) if reader_nonce is None else reader_nonce
    secret = secrets.token_bytes(SECRET_SIZE) if reader_secret is None else reader_secret
    command = CommandApdu(0, INS_EXTERNAL_AUTHENTICATE, 0, 0, keys.seal(nonce + chip_nonce + secret), MESSAGE_SIZE)
    response = connection.send(command)
    if response.sw >> 8 == 0x63 or response.sw in (
        status_words.SECURITY_NOT_SATISFIED,
        status_words.SM_OBJECT_INCORRECT,
        status_words.CONDITIONS_NOT_SATISFIED,
    ):
        raise AuthenticationError("the card does not accept the MRZ information", sw=response.sw_hex)
    if not response.ok:
        raise status_words.card_error(response.sw, "opening basic access")
    message = keys.open(response.data)
    if message is None or not same(message[:16], chip_nonce + nonce):
        raise AuthenticationError("the card did not prove that it knows the MRZ information")
    cipher, counter = session(secret, message[16:], chip_nonce, nonce)
    connection.push(SecureMessaging(cipher, counter))
