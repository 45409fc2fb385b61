"""PACE, the reader's side: generic, integrated and chip-authentication mapping, over elliptic curves and finite fields
(Doc 9303-11, 4.4; BSI TR-03110-3, A.3 and B.1).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from cccd_core.card import ec, ladder, status_words
from cccd_core.card.apdu import CLA_CHAINING, EXTENDED_NE_MAX, SHORT_NC_MAX, SHORT_NE_MAX, CommandApdu, ResponseApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.groups import EcGroup
from cccd_core.card.pace_suites import Agreed, Mapping, Password, Suite, check_password, password_secret
from cccd_core.card.primitives import same
from cccd_core.card.secure_messaging import SecureMessaging
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.public_keys import EcPublicKey, parse_spki
from cccd_core.emrtd.security_infos import ChipAuthenticationPublicKeyInfo, SecurityInfos
from cccd_core.emrtd.tlv import encode, oid, read_one
from cccd_core.errors import AuthenticationError, CardError, FormatError, SecureMessagingError

INS_MANAGE_SECURITY_ENVIRONMENT: Final = 0x22
INS_GENERAL_AUTHENTICATE: Final = 0x86
SET_AT_MUTUAL: Final = (0xC1, 0xA4)
TAG_DYNAMIC_DATA: Final = 0x7C
TAG_CHIP_DATA: Final = 0x8A
_LAST_TAGS: Final = (0x86, 0x87, 0x88, TAG_CHIP_DATA)  # token, names of certification authorities, chip's proof
_REFUSES_THE_TOKEN: Final = (
    status_words.SECURITY_NOT_SATISFIED,
    status_words.METHOD_BLOCKED,
    status_words.SM_OBJECT_INCORRECT,
    status_words.WRONG_DATA,  # nothing else than the token is in the command
)
_ABOUT_THE_REFERENCE: Final = (status_words.WRONG_DATA, status_words.REFERENCE_DATA_NOT_FOUND)


@dataclass(frozen=True, slots=True)
class ReaderSecrets:
    """The reader's random numbers, fixed for worked examples: private keys of the mapping and of the agreement, and the
    nonce of integrated mapping.
    """

    mapping: int | None = field(default=None, repr=False)
    agreement: int | None = field(default=None, repr=False)
    nonce: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ChipMapping:
    """What chip-authentication mapping has shown: the chip knows the private key that belongs to its mapping key and to
    the static key which `data` ties to it. Whose key that is, EF.CardSecurity says: see `confirm`.
    """

    curve: Curve
    mapping_key: tuple[int, int]
    data: int = field(repr=False)

    def confirm(self, infos: SecurityInfos) -> ChipAuthenticationPublicKeyInfo:
        """The key of the chip among those of EF.CardSecurity, whose signature the caller has checked as that of EF.SOD
        is: only then does this mean that the chip is genuine (Doc 9303-11, 4.4.3.5.2).

        AuthenticationError where the chip has shown none of them. Costs one multiplication a key, 3 to 12 ms.
        """
        for info in infos.chip_authentication_public_keys:
            try:
                key = parse_spki(info.public_key)
            except FormatError:
                continue
            if not isinstance(key, EcPublicKey) or key.curve is not self.curve:
                continue
            if ladder.multiply(self.curve, self.data, (key.x, key.y)) == self.mapping_key:
                return info
        raise AuthenticationError("the chip does not have the private key of its EF.CardSecurity")


@dataclass(frozen=True, slots=True)
class PaceResult:
    """How a channel was opened. `chip_key` is the chip's ephemeral public key in short, which terminal authentication
    signs (BSI TR-03110-3, B.3); `chip_mapping` is there after chip-authentication mapping.
    """

    suite: Suite
    chip_key: bytes
    chip_mapping: ChipMapping | None = None


def open_channel(
    connection: CardConnection,
    suite: Suite,
    kind: Password,
    password: str,
    *,
    reader_secrets: ReaderSecrets | None = None,
) -> PaceResult:
    """Runs PACE once; the connection is protected from then on.

    Costs about eight multiplications on the curve, or six powers in the field. A password that cannot be one of its
    kind is refused before anything is sent (ParameterError). Raises AuthenticationError for a wrong or suspended
    password (never try the same again; `tries_left` and `tries_before` are facts where the card counts them), CardError
    where the card refuses or answers nonsense.
    """
    check_password(kind, password)
    before = _choose(connection, suite, kind)
    run = _Run(connection, suite, reader_secrets or ReaderSecrets())
    try:
        agreed = run.agree(kind, password)
        answer = _finish(connection, run.my_token(agreed), kind, before)
        objects = _objects(answer, _LAST_TAGS)
        if not same(objects.get(0x86, b""), run.their_token(agreed)):
            raise AuthenticationError(f"the card did not prove that it knows the {kind.name}")
        chip_mapping = run.chip_mapping(agreed, objects)
    except FormatError as error:
        raise CardError("the card's PACE answer makes no sense", **error.facts) from None
    connection.push(SecureMessaging(agreed.cipher))
    return PaceResult(suite, suite.group.compress(run.theirs), chip_mapping)


def _choose(connection: CardConnection, suite: Suite, kind: Password) -> int | None:
    """MSE:Set AT; the tries that are left where the card warns that some were lost (BSI TR-03110-3, B.11.1). A card
    that does not take the domain parameters in the one form is asked in the other: nothing was tried yet.
    """
    response = ResponseApdu(b"", status_words.WRONG_DATA)
    for reference in suite.references:
        data = encode(0x80, oid(suite.protocol)[2:]) + encode(0x83, bytes((kind,)))
        if reference is not None:
            data += encode(0x84, reference.to_bytes(max(1, (reference.bit_length() + 7) // 8), "big"))
        response = connection.send(CommandApdu(0, INS_MANAGE_SECURITY_ENVIRONMENT, *SET_AT_MUTUAL, data))
        if response.sw not in _ABOUT_THE_REFERENCE:
            break
    left = status_words.tries_left(response.sw)
    if left == 0 or response.sw in (status_words.METHOD_BLOCKED, status_words.REFERENCE_DATA_NOT_USABLE):
        raise status_words.authentication_error(response.sw, f"the card has suspended the {kind.name}")
    if left == 1 and kind is Password.PIN:
        # The last try of a PIN is the holder's, after the CAN (BSI TR-03110-2, 2.3): it is not spent here.
        raise status_words.authentication_error(response.sw, "the card has suspended the PIN: its CAN comes first")
    if response.sw == status_words.REFERENCE_DATA_NOT_FOUND:
        raise status_words.card_error(response.sw, f"choosing PACE with the {kind.name}, which it may not have")
    if not response.ok and left is None:
        raise status_words.card_error(response.sw, f"choosing PACE with the {kind.name}")
    return left


def _finish(connection: CardConnection, token: bytes, kind: Password, before: int | None) -> bytes:
    response = connection.send(
        CommandApdu(0, INS_GENERAL_AUTHENTICATE, 0, 0, encode(TAG_DYNAMIC_DATA, encode(0x85, token)), 256)
    )
    if status_words.refuses_proof(response.sw) or response.sw in _REFUSES_THE_TOKEN:
        refused = status_words.authentication_error(response.sw, f"the card does not accept the {kind.name}")
        raise refused if before is None else refused.with_facts(tries_before=before)
    if not response.ok:
        raise status_words.card_error(response.sw, "finishing PACE")
    return response.data


class _Run:
    """One run of the key agreement, up to the tokens."""

    def __init__(self, connection: CardConnection, suite: Suite, numbers: ReaderSecrets) -> None:
        self._connection = connection
        self._suite = suite
        self._numbers = numbers
        self._their_mapping_key = b""
        self._mine = b""
        self.theirs = b""

    def agree(self, kind: Password, password: str) -> Agreed:
        """Nonce, mapping, ephemeral keys. FormatError for what makes no sense, AuthenticationError for our own keys."""
        suite = self._suite
        encrypted = self._step(b"", 0x80, "asking for the PACE nonce")
        nonce = suite.decrypt_nonce(suite.nonce_key(password_secret(kind, password)), encrypted)
        generator = self._integrated(nonce) if suite.mapping is Mapping.INTEGRATED else self._generic(nonce)
        secret = suite.group.secret(self._numbers.agreement)
        self._mine = secret.times(generator)
        self.theirs = self._step(encode(0x83, self._mine), 0x84, "agreeing on a key")
        if self.theirs == self._mine:
            raise AuthenticationError("the card mirrors our public key")
        return Agreed.derive(suite, secret.agree(self.theirs))

    def _generic(self, nonce: bytes) -> bytes:
        secret = self._suite.group.secret(self._numbers.mapping)
        mine = secret.public()
        theirs = self._step(encode(0x81, mine), 0x82, "mapping the nonce")
        if theirs == mine:
            raise AuthenticationError("the card mirrors our mapping key")
        self._their_mapping_key = theirs
        return self._suite.group.map_generic(int.from_bytes(nonce, "big"), secret.times(theirs))

    def _integrated(self, nonce: bytes) -> bytes:
        mine = self._numbers.nonce or secrets.token_bytes(self._suite.key_bytes)
        number = self._suite.integrated_number(nonce, mine)
        self._step(encode(0x81, mine), 0x82, "mapping the nonce", optional=True)
        return self._suite.group.map_integrated(number)

    def my_token(self, agreed: Agreed) -> bytes:
        """What proves us: over the card's key."""
        return self._suite.token(agreed.cipher, agreed.mac_key, self.theirs)

    def their_token(self, agreed: Agreed) -> bytes:
        """What proves the card: over our key."""
        return self._suite.token(agreed.cipher, agreed.mac_key, self._mine)

    def chip_mapping(self, agreed: Agreed, objects: dict[int, bytes]) -> ChipMapping | None:
        """The chip's part of chip-authentication mapping (4.4.3.5.2)."""
        group = self._suite.group
        if self._suite.mapping is not Mapping.CHIP_AUTHENTICATION or not isinstance(group, EcGroup):
            return None
        try:
            data = agreed.open_chip_data(objects.get(TAG_CHIP_DATA, b""))
        except SecureMessagingError:
            raise AuthenticationError("the chip authentication data of the card cannot be opened") from None
        number = int.from_bytes(data, "big")
        if len(data) > group.curve.order_bytes or not 0 < number < group.curve.n:
            raise AuthenticationError("the chip authentication data of the card are no number of the curve's order")
        return ChipMapping(group.curve, ec.decode_point(group.curve, self._their_mapping_key), number)

    def _step(self, content: bytes, answer_tag: int, doing: str, *, optional: bool = False) -> bytes:
        body = encode(TAG_DYNAMIC_DATA, content)
        # The keys of 2048-bit groups need extended length: the chain of steps takes no chain of parts (4.4.4.2).
        extended = len(body) > SHORT_NC_MAX
        ne = EXTENDED_NE_MAX if extended else SHORT_NE_MAX
        command = CommandApdu(CLA_CHAINING, INS_GENERAL_AUTHENTICATE, 0, 0, body, ne, extended=extended)
        objects = _objects(self._connection.require(command, doing), (answer_tag,))
        if answer_tag not in objects and not optional:
            raise FormatError("the step's data object is missing", expected=f"{answer_tag:X}")
        return objects.get(answer_tag, b"")


def _objects(answer: bytes, tags: tuple[int, ...]) -> dict[int, bytes]:
    """The data objects in 7C, each of `tags` and once. FormatError."""
    objects: dict[int, bytes] = {}
    for found in read_one(answer, TAG_DYNAMIC_DATA, what="dynamic authentication data").reader():
        if found.tag not in tags or found.tag in objects:
            raise FormatError(
                "another data object stands in the card's answer", offset=found.offset, tag=f"{found.tag:X}"
            )
        objects[found.tag] = found.value
    return objects
