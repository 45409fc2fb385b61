"""Chip Authentication version 1, the reader's side (Doc 9303-11, 6.2; BSI TR-03110-3, A.4 and B.2)."""

from __future__ import annotations

from typing import Final

from cccd_core.card import ec, status_words
from cccd_core.card.apdu import CommandApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.pace import INS_GENERAL_AUTHENTICATE, INS_MANAGE_SECURITY_ENVIRONMENT, TAG_DYNAMIC_DATA
from cccd_core.card.secure_messaging import SecureMessaging, session_cipher
from cccd_core.emrtd.public_keys import EcPublicKey, parse_spki
from cccd_core.emrtd.security_infos import ChipAuthenticationInfo, ChipAuthenticationPublicKeyInfo, SecurityInfos
from cccd_core.emrtd.tlv import encode, oid
from cccd_core.errors import AuthenticationError, CardError, SecureMessagingError, UnavailableError

_CA_ECDH: Final = "0.4.0.127.0.7.2.2.3.2"
KEY_BITS: Final = {f"{_CA_ECDH}.1": 112, f"{_CA_ECDH}.2": 128, f"{_CA_ECDH}.3": 192, f"{_CA_ECDH}.4": 256}
ID_CA_ECDH_3DES: Final = f"{_CA_ECDH}.1"


def choose(infos: SecurityInfos) -> tuple[ChipAuthenticationInfo, EcPublicKey]:
    """The strongest protocol of DG14 with its key. UnavailableError where the chip offers none that is supported."""
    best: tuple[int, ChipAuthenticationInfo, EcPublicKey] | None = None
    for info in infos.chip_authentication or _implied(infos.chip_authentication_public_keys):
        bits = KEY_BITS.get(info.protocol)
        if bits is None or info.version != 1:
            continue
        for key_info in infos.chip_authentication_public_keys:
            if info.key_id != key_info.key_id:
                continue
            key = parse_spki(key_info.public_key)
            if isinstance(key, EcPublicKey) and key.curve.name in ec.PARAMETER_IDS and (not best or bits > best[0]):
                best = bits, info, key
    if best is None:
        raise UnavailableError("the chip offers no chip authentication that is supported here", needs="ECDH, version 1")
    return best[1], best[2]


def _implied(keys: tuple[ChipAuthenticationPublicKeyInfo, ...]) -> tuple[ChipAuthenticationInfo, ...]:
    """Doc 9303-11, 6.2.4: a key with no ChipAuthenticationInfo is used with 3DES."""
    return tuple(ChipAuthenticationInfo(ID_CA_ECDH_3DES, 1, key.key_id) for key in keys)


def authenticate(connection: CardConnection, infos: SecurityInfos) -> None:
    """Agrees on a fresh channel with the chip's static key and proves it with one command.

    `infos` are DG14's, whose hash must be one that passive authentication has checked: only then does success mean that
    the chip is genuine. Raises AuthenticationError where the chip does not have the private key, CardError.
    """
    info, key = choose(infos)
    curve = key.curve
    secret = ec.Secret.random(curve)
    mine = curve.encode_point(*secret.times_generator())
    reference = b"" if info.key_id is None else encode(0x84, _unsigned(info.key_id))
    bits = KEY_BITS[info.protocol]
    if bits == 112:
        connection.require(
            CommandApdu(0, INS_MANAGE_SECURITY_ENVIRONMENT, 0x41, 0xA6, encode(0x91, mine) + reference),
            "chip authentication",
        )
    else:
        select = encode(0x80, oid(info.protocol)[2:]) + reference
        connection.require(
            CommandApdu(0, INS_MANAGE_SECURITY_ENVIRONMENT, 0x41, 0xA4, select), "choosing chip authentication"
        )
        body = encode(TAG_DYNAMIC_DATA, encode(0x80, mine))
        connection.require(CommandApdu(0, INS_GENERAL_AUTHENTICATE, 0, 0, body, 256), "chip authentication")
    connection.replace(SecureMessaging(session_cipher(secret.agree((key.x, key.y)), bits)))
    # Only a chip with the private key can answer under the new keys: one command that changes nothing.
    try:
        response = connection.send(CommandApdu(0, 0xB0, 0x9E, 0x00, ne=1))  # READ BINARY of EF.COM, one byte
    except (SecureMessagingError, CardError):
        raise AuthenticationError("the chip does not have the private key of its DG14") from None
    if not response.ok:
        raise status_words.card_error(response.sw, "proving chip authentication")


def _unsigned(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
