"""PACE with generic mapping over elliptic curves: the reader's side, and the arithmetic of both (Doc 9303-11, 4.4; BSI
TR-03110-3, A.3 and B.1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from cccd_core.card import ec, primitives, status_words
from cccd_core.card.apdu import CLA_CHAINING, CommandApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.primitives import KDF_PASSWORD, ZERO_IV, kdf, same
from cccd_core.card.secure_messaging import Cipher, SecureMessaging, session_cipher
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.security_infos import PaceInfo
from cccd_core.emrtd.tlv import Reader, encode, oid, read_one
from cccd_core.errors import AuthenticationError, CardError, FormatError, UnavailableError

INS_MANAGE_SECURITY_ENVIRONMENT: Final = 0x22
INS_GENERAL_AUTHENTICATE: Final = 0x86
SET_AT_MUTUAL: Final = (0xC1, 0xA4)
TAG_DYNAMIC_DATA: Final = 0x7C
TAG_PUBLIC_KEY: Final = 0x7F49
NONCE_SIZE: Final = 16

_ECDH_GM: Final = "0.4.0.127.0.7.2.2.4.2"
KEY_BITS: Final = {f"{_ECDH_GM}.1": 112, f"{_ECDH_GM}.2": 128, f"{_ECDH_GM}.3": 192, f"{_ECDH_GM}.4": 256}


class Password(IntEnum):
    """Which password; the values of data object 83 (TR-03110-3, B.11.1)."""

    MRZ = 1
    CAN = 2


def password_secret(kind: Password, text: str) -> bytes:
    """The secret of a password before derivation (9.7.3): the CAN's characters, the SHA-1 of the MRZ information."""
    raw = text.encode("ascii")
    return raw if kind is Password.CAN else hashlib.sha1(raw, usedforsecurity=False).digest()


@dataclass(frozen=True, slots=True)
class Suite:
    """One protocol with its curve."""

    protocol: str
    curve: Curve
    key_bits: int

    @classmethod
    def of(cls, info: PaceInfo) -> Suite | None:
        """The suite of a PACEInfo; None where it is one that is not supported here."""
        bits = KEY_BITS.get(info.protocol)
        if bits is None or info.parameter_id is None or info.parameter_id not in ec.PARAMETER_IDS.values():
            return None
        return cls(info.protocol, ec.curve_by_id(info.parameter_id), bits)

    def nonce_key(self, secret: bytes) -> bytes:
        """K_pi, under which the nonce travels."""
        return kdf(secret, KDF_PASSWORD, self.key_bits)

    def encrypt_nonce(self, key: bytes, nonce: bytes) -> bytes:
        """The nonce, one or two blocks, zero initial vector (4.4.3.2)."""
        if self.key_bits == 112:
            return primitives.tdes_cbc_encrypt(key, nonce)
        return primitives.aes_cbc_encrypt(key, ZERO_IV, nonce)

    def decrypt_nonce(self, key: bytes, encrypted: bytes) -> bytes:
        """The nonce out of what the chip sent."""
        if self.key_bits == 112:
            return primitives.tdes_cbc_decrypt(key, encrypted)
        return primitives.aes_cbc_decrypt(key, ZERO_IV, encrypted)

    def token(self, cipher: Cipher, mac_key: bytes, public_key: bytes) -> bytes:
        """The authentication token over the other side's public key (4.4.3.4): eight bytes."""
        data = encode(TAG_PUBLIC_KEY, oid(self.protocol) + encode(0x86, public_key))
        if self.key_bits == 112:
            return primitives.retail_mac(mac_key, primitives.pad(data, cipher.block))
        return primitives.aes_cmac(mac_key, data)[:8]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides have after the key agreement."""

    cipher: Cipher
    mac_key: bytes = field(repr=False)

    @classmethod
    def derive(cls, suite: Suite, secret: bytes) -> Agreed:
        """Session keys out of the shared x coordinate."""
        return cls(session_cipher(secret, suite.key_bits), kdf(secret, primitives.KDF_MAC, suite.key_bits))


def choose(infos: tuple[PaceInfo, ...]) -> tuple[Suite, PaceInfo]:
    """The first PACEInfo that is supported here. UnavailableError where there is none."""
    for info in infos:
        suite = Suite.of(info)
        if suite is not None:
            return suite, info
    raise UnavailableError(
        "the card offers no PACE that is supported here",
        needs="ECDH generic mapping on a curve of 256 bits or more",
        offered=" ".join(info.protocol for info in infos[:8]),
    )


def open_channel(
    connection: CardConnection,
    suite: Suite,
    parameter_id: int | None,
    kind: Password,
    password: str,
    *,
    scalars: tuple[int, int] | None = None,
) -> None:
    """Runs PACE once; the connection is protected from then on. Costs about eight multiplications on the curve.

    `parameter_id` is named to the card where it is given. Raises AuthenticationError for a wrong password (never try
    the same again), CardError where the card refuses or answers nonsense. `scalars` are for worked examples.
    """
    reference = b"" if parameter_id is None else encode(0x84, bytes((parameter_id,)))
    data = encode(0x80, oid(suite.protocol)[2:]) + encode(0x83, bytes((kind,))) + reference
    response = connection.send(CommandApdu(0, INS_MANAGE_SECURITY_ENVIRONMENT, *SET_AT_MUTUAL, data))
    if response.sw in (status_words.METHOD_BLOCKED, status_words.REFERENCE_DATA_NOT_USABLE):
        raise AuthenticationError("the card has suspended this password", sw=response.sw_hex)
    if not response.ok and response.sw & 0xFFF0 != 0x63C0:
        raise status_words.card_error(response.sw, "choosing PACE")
    try:
        agreed, token, expected = _agree(connection, suite, kind, password, scalars)
    except FormatError as error:
        raise CardError("the card's PACE answer makes no sense", **error.facts) from None
    response = connection.send(CommandApdu(0, INS_GENERAL_AUTHENTICATE, 0, 0, _dynamic(0x85, token), 256))
    if response.sw >> 8 == 0x63 or response.sw in (status_words.SECURITY_NOT_SATISFIED, status_words.METHOD_BLOCKED):
        raise AuthenticationError("the card does not accept the password", sw=response.sw_hex)
    if not response.ok:
        raise status_words.card_error(response.sw, "finishing PACE")
    try:
        proof = _inner(response.data, 0x86, last=True)
    except FormatError as error:
        raise CardError("the card's PACE answer makes no sense", **error.facts) from None
    if not same(proof, expected):
        raise AuthenticationError("the card did not prove that it knows the password")
    connection.push(SecureMessaging(agreed.cipher))


def _agree(
    connection: CardConnection, suite: Suite, kind: Password, password: str, scalars: tuple[int, int] | None
) -> tuple[Agreed, bytes, bytes]:
    curve = suite.curve
    encrypted = _step(connection, b"", 0x80, "asking for the PACE nonce")
    if len(encrypted) != NONCE_SIZE:
        raise CardError("the PACE nonce has a wrong length", length=len(encrypted))
    key = suite.nonce_key(password_secret(kind, password))
    nonce = int.from_bytes(suite.decrypt_nonce(key, encrypted), "big")
    first, second = (ec.Secret(curve, s) for s in scalars) if scalars else (ec.Secret.random(curve) for _ in range(2))
    mine = first.times_generator()
    theirs = ec.decode_point(
        curve, _step(connection, encode(0x81, curve.encode_point(*mine)), 0x82, "mapping the nonce")
    )
    if theirs == mine:
        raise AuthenticationError("the card mirrors our mapping key")
    generator = ec.map_generator(curve, nonce, first.times(theirs))
    mine = second.times(generator)
    theirs = ec.decode_point(
        curve, _step(connection, encode(0x83, curve.encode_point(*mine)), 0x84, "agreeing on a key")
    )
    if theirs == mine:
        raise AuthenticationError("the card mirrors our public key")
    agreed = Agreed.derive(suite, second.agree(theirs))
    token = suite.token(agreed.cipher, agreed.mac_key, curve.encode_point(*theirs))
    return agreed, token, suite.token(agreed.cipher, agreed.mac_key, curve.encode_point(*mine))


def _dynamic(tag: int, value: bytes) -> bytes:
    return encode(TAG_DYNAMIC_DATA, encode(tag, value))


def _step(connection: CardConnection, content: bytes, answer_tag: int, doing: str) -> bytes:
    command = CommandApdu(CLA_CHAINING, INS_GENERAL_AUTHENTICATE, 0, 0, encode(TAG_DYNAMIC_DATA, content), 256)
    return _inner(connection.require(command, doing), answer_tag)


def _inner(answer: bytes, tag: int, *, last: bool = False) -> bytes:
    """The one data object in 7C; behind the last one a card may name its certification authority (87, 88)."""
    reader: Reader = read_one(answer, TAG_DYNAMIC_DATA, what="dynamic authentication data").reader()
    value = reader.next(tag, what="the step's data object").value
    if last:
        for name in (0x87, 0x88):
            reader.optional(name)
    reader.finish("dynamic authentication data")
    return value
