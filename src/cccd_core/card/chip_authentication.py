"""Chip Authentication version 1, the reader's side, over elliptic curves and finite fields (Doc 9303-11, 6.2; BSI
TR-03110-3, A.4 and B.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cccd_core.card import groups, status_words
from cccd_core.card.apdu import SHORT_NC_MAX, CommandApdu, ResponseApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.groups import Group
from cccd_core.card.pace import INS_GENERAL_AUTHENTICATE, INS_MANAGE_SECURITY_ENVIRONMENT, TAG_DYNAMIC_DATA
from cccd_core.card.secure_messaging import SecureMessaging, session_cipher
from cccd_core.emrtd import dh_groups
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.public_keys import EcPublicKey, parse_spki
from cccd_core.emrtd.security_infos import ID_CA, ChipAuthenticationInfo, ChipAuthenticationPublicKeyInfo, SecurityInfos
from cccd_core.emrtd.tlv import encode, oid
from cccd_core.errors import AuthenticationError, CardError, FormatError, SecureMessagingError, UnavailableError

SET_AT_INTERNAL: Final = (0x41, 0xA4)
SET_KAT: Final = (0x41, 0xA6)
VERSION: Final = 1
_KINDS: Final = {False: f"{ID_CA}.1", True: f"{ID_CA}.2"}  # finite field, curve
_KEY_BITS: Final = {"1": 112, "2": 128, "3": 192, "4": 256}  # 112 is 3DES
_ABOUT_THE_FORM: Final = (
    status_words.REFERENCE_DATA_NOT_USABLE,
    status_words.WRONG_DATA,
    status_words.FUNCTION_NOT_SUPPORTED,
    status_words.INCORRECT_P1_P2,
    status_words.REFERENCE_DATA_NOT_FOUND,
)


@dataclass(frozen=True, slots=True)
class Suite:
    """One way of chip authentication: protocol, cipher, the chip's static key, and the number of the key as the command
    may name it (None: not at all), the likelier form first.
    """

    protocol: str
    key_bits: int
    group: Group
    public_key: bytes
    references: tuple[int | None, ...] = (None,)

    @property
    def rank(self) -> tuple[int, int]:
        """The order of choice: cipher, then group, the strongest highest."""
        return self.key_bits, self.group.strength_bits


@dataclass(frozen=True, slots=True)
class ChipAuthenticated:
    """A chip that has shown its private key. `reader_key` is our ephemeral public key in short, which terminal
    authentication signs (BSI TR-03110-3, B.3).
    """

    suite: Suite
    reader_key: bytes


def key_bits(protocol: str) -> int | None:
    """The cipher of a protocol by its key: 112 is 3DES; None for a protocol that is none of version 1."""
    kind, _, cipher = protocol.rpartition(".")
    return _KEY_BITS.get(cipher) if kind in _KINDS.values() else None


def choose(infos: SecurityInfos) -> Suite:
    """The strongest way that DG14 offers: by cipher, then by key. UnavailableError, which names what is offered, where
    none is done here.

    An info and a key belong together by their number; where one of them has none and there is only one of the other,
    the two do. A key without an info is used with 3DES (Doc 9303-11, 6.2).
    """
    found = suites(infos)
    if found:
        return found[0]
    protocols = {info.protocol for info in infos.chip_authentication}
    protocols |= {key.protocol for key in infos.chip_authentication_public_keys}
    raise UnavailableError(
        "the chip offers no chip authentication that is supported here",
        needs="version 1 with a key on a known curve or in a known group",
        offered=" ".join(sorted(protocols)[:8]),
    )


def suites(infos: SecurityInfos) -> tuple[Suite, ...]:
    """All ways that are done here, the strongest first."""
    found: list[Suite] = []
    for elliptic, kind in _KINDS.items():
        keys = [(key, *known) for key in infos.chip_authentication_public_keys if (known := _key(key, elliptic))]
        ways = [info for info in infos.chip_authentication if info.protocol.startswith(kind + ".")]
        if not infos.chip_authentication:
            ways = [ChipAuthenticationInfo(f"{kind}.1", VERSION, key.key_id) for key, _, _ in keys]
        for info in ways:
            bits = key_bits(info.protocol)
            if bits is None or info.version != VERSION:
                continue
            for key, group, public in keys:
                if _belong(info, key, len(keys)):
                    found.append(Suite(info.protocol, bits, group, public, _references(info, key, len(keys))))
    return tuple(sorted(found, key=lambda suite: suite.rank, reverse=True))


def _key(info: ChipAuthenticationPublicKeyInfo, elliptic: bool) -> tuple[Group, bytes] | None:
    """Group and public key of one of the chip's keys; None for one of the other kind, or that cannot be read."""
    try:
        if dh_groups.is_dh_key(info.public_key):
            number = dh_groups.parse_spki(info.public_key)
            return None if elliptic else (groups.of(number.group), number.y.to_bytes(number.group.size_bytes, "big"))
        key = parse_spki(info.public_key)
    except FormatError:
        return None
    if not elliptic or not isinstance(key, EcPublicKey):
        return None
    return groups.of(key.curve), key.curve.encode_point(key.x, key.y)


def _belong(info: ChipAuthenticationInfo, key: ChipAuthenticationPublicKeyInfo, keys: int) -> bool:
    if info.key_id is None:
        return True  # every key there is: the reference then says which
    return info.key_id == key.key_id or (key.key_id is None and keys == 1)


def _references(
    info: ChipAuthenticationInfo, key: ChipAuthenticationPublicKeyInfo, keys: int
) -> tuple[int | None, ...]:
    number = key.key_id if info.key_id is None else info.key_id
    if number is None:
        return (None,)
    if keys > 1:
        return (number,)
    return (None, number) if info.key_id is None else (number, None)


def authenticate(connection: CardConnection, infos: SecurityInfos) -> ChipAuthenticated:
    """Agrees on a fresh channel with the chip's static key and proves it with one command.

    `infos` are DG14's, whose hash must be one that passive authentication has checked: only then does success mean that
    the chip is genuine. Raises AuthenticationError where the chip does not have the private key, CardError.
    """
    suite = choose(infos)
    secret = suite.group.secret()
    mine = secret.public()
    _agree(connection, suite, mine)
    try:
        shared = secret.agree(suite.public_key)
    except FormatError as error:
        raise CardError("the chip's key gives no key agreement", **error.facts) from None
    connection.replace(SecureMessaging(session_cipher(shared, suite.key_bits)))
    # Only a chip with the private key can answer under the new keys, whatever it answers. DG14 is selected, since it is
    # there for sure, and some chips give up their channel over a file that is not.
    try:
        connection.send(CommandApdu(0, 0xA4, 0x02, 0x0C, ElementaryFile.DG14.fid.to_bytes(2, "big")))
    except (SecureMessagingError, CardError):
        raise AuthenticationError("the chip does not have the private key of its DG14") from None
    return ChipAuthenticated(suite, suite.group.compress(mine))


def _agree(connection: CardConnection, suite: Suite, mine: bytes) -> None:
    """MSE:Set KAT with the key, for 3DES alone, or MSE:Set AT and then GENERAL AUTHENTICATE with the key (6.2.4). What
    the card refuses in one form it is asked for in the next: nothing was agreed yet.
    """
    response = ResponseApdu(b"", status_words.WRONG_DATA)
    for purpose, number in _forms(suite):
        reference = b"" if number is None else encode(0x84, number.to_bytes((number.bit_length() + 7) // 8 or 1, "big"))
        start = encode(0x91, mine) if purpose == SET_KAT else encode(0x80, oid(suite.protocol)[2:])
        response = _send(connection, INS_MANAGE_SECURITY_ENVIRONMENT, purpose, start + reference)
        if response.ok and purpose == SET_AT_INTERNAL:
            body = encode(TAG_DYNAMIC_DATA, encode(0x80, mine))
            response = _send(connection, INS_GENERAL_AUTHENTICATE, (0, 0), body, 256)
            if not response.ok:
                raise status_words.card_error(response.sw, "chip authentication")
        if response.sw not in _ABOUT_THE_FORM:
            break
    if not response.ok:
        raise status_words.card_error(response.sw, "choosing chip authentication")


def _forms(suite: Suite) -> Iterator[tuple[tuple[int, int], int | None]]:
    for purpose in (SET_KAT, SET_AT_INTERNAL) if suite.key_bits == 112 else (SET_AT_INTERNAL,):
        for number in suite.references:
            yield purpose, number


def _send(
    connection: CardConnection, ins: int, purpose: tuple[int, int], data: bytes, ne: int | None = None
) -> ResponseApdu:
    """The keys of 2048-bit groups need extended length, as in PACE."""
    return connection.send(CommandApdu(0, ins, *purpose, data, ne, extended=len(data) > SHORT_NC_MAX))
