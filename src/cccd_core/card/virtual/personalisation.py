"""The software card's back door: GET DATA, SCP03, STORE DATA, SET STATUS.

GlobalPlatform Card Specification 2.3.1, 11; Amendment D 1.2. A wrong SCP03 key counts, and after ten wrong ones in a
row the channel is closed for good, as real cards do: nothing here ever tries a key twice.
"""

from __future__ import annotations

from typing import Final

from cccd_core.card import scp03, stored_keys
from cccd_core.card import status_words as sw
from cccd_core.card.apdu import CommandApdu, ResponseApdu
from cccd_core.card.card_keys import AES_KEY_BYTES, CHECK_VALUE_BYTES, check_value, diversification_data
from cccd_core.card.primitives import AES_BLOCK, same
from cccd_core.card.profile import (
    DGI_ACTIVE_AUTHENTICATION_KEY,
    DGI_CAN,
    DGI_CHIP_AUTHENTICATION_KEY,
    DGI_MRZ_INFORMATION,
    DGI_TODAY,
    DGI_TRUST_POINT,
    KEY_TYPE_AES,
    PUT_SEVERAL_KEYS,
    STORE_ENCRYPTED_DGI,
    STORE_LAST,
    TAG_CARD_IMAGE_NUMBER,
    TAG_CPLC,
    TAG_LIFE_CYCLE,
    LifeCycle,
)
from cccd_core.card.scp03 import TAG_CARD_DATA, ChannelState, Scp03Keys, SecurityLevel, SessionKeys
from cccd_core.card.stored_keys import AgreementKey
from cccd_core.card.virtual.channels import PersonaliserChannel
from cccd_core.card.virtual.files import ISD_AID
from cccd_core.card.virtual.session import PROTECTED, CardSession, Refusal, Selected
from cccd_core.card.virtual.state import Directory, Trust
from cccd_core.card.virtual.terminal import first_trust
from cccd_core.emrtd.files import EMRTD_APPLICATION_ID, ElementaryFile
from cccd_core.emrtd.tlv import encode
from cccd_core.errors import CccdError, FormatError

CHANNEL_FAILURES_MAX: Final = 10
STORE_BYTES_MAX: Final = 4096
TAG_KEY_INFORMATION: Final = 0x00E0
_I: Final = scp03.I_PSEUDO_RANDOM | scp03.I_RMAC | scp03.I_RENC
_NEEDED: Final = (ElementaryFile.EF_COM, ElementaryFile.EF_SOD, ElementaryFile.DG1)


def get_data(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """GET DATA: serial, life cycle, production data, key versions; for anybody."""
    identity = session.memory.identity
    tag = command.p1 << 8 | command.p2
    if command.data:
        raise Refusal(sw.WRONG_LENGTH)
    if tag == TAG_CARD_IMAGE_NUMBER:
        value = identity.serial
    elif tag == TAG_LIFE_CYCLE:
        value = bytes((session.memory.life_cycle,))
    elif tag == TAG_CPLC:
        value = bytes(12) + identity.serial[-4:].rjust(4, b"\0") + bytes(26)
    elif tag == TAG_KEY_INFORMATION:
        size = len(identity.keys.enc)
        value = b"".join(encode(0xC0, bytes((i, identity.keys.version, 0x88, size))) for i in (1, 2, 3))
    elif tag == TAG_CARD_DATA:
        value = scp03.card_data(_I)
    else:
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    return ResponseApdu(encode(tag, value), sw.SUCCESS)


def initialize_update(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """INITIALIZE UPDATE: the card's challenge and cryptogram. Refused once the chip is locked."""
    memory, keys = session.memory, session.memory.identity.keys
    if memory.life_cycle is LifeCycle.LOCKED or session.selected is Selected.MASTER_FILE:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    if memory.channel_failures >= CHANNEL_FAILURES_MAX:
        raise Refusal(sw.METHOD_BLOCKED)
    size = len(command.data)
    if size not in (8, 16):
        raise Refusal(sw.WRONG_LENGTH)
    if command.p2 or command.p1 not in (0, keys.version):
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    # Counted before it is used: no challenge is ever given twice, whatever happens to the power.
    memory.set_counters(sequence=memory.sequence_counter + 1 & 0xFFFFFF)
    aid = EMRTD_APPLICATION_ID if session.selected is Selected.APPLICATION else ISD_AID
    challenge = scp03.pseudo_random_challenge(keys, memory.sequence_counter, aid, size)
    derived = SessionKeys.derive(keys, command.data, challenge)
    session.drop_channel()
    session.next_channel = PersonaliserChannel(keys, ChannelState(derived, SecurityLevel.C_MAC, size))
    mode = _I | (scp03.I_S16 if size == 16 else 0)
    head = diversification_data(memory.identity.serial) + bytes((keys.version, 3, mode))
    counter = memory.sequence_counter.to_bytes(3, "big")
    return ResponseApdu(head + challenge + derived.card_cryptogram + counter, sw.SUCCESS)


def external_authenticate(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """EXTERNAL AUTHENTICATE: the host's cryptogram, inside its first protected command."""
    channel = session.channel
    if not isinstance(channel, PersonaliserChannel) or channel.authenticated:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    if command.p2 or command.p1 not in set(SecurityLevel):
        session.drop_channel()
        raise Refusal(sw.INCORRECT_P1_P2)
    if not channel.host_proves(command.data):
        session.drop_channel()
        raise Refusal(sw.AUTHENTICATION_FAILED)
    session.memory.set_counters(channel_failures=0)
    channel.accept(command.p1)
    return ResponseApdu(b"", sw.SUCCESS)


def put_key(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """PUT KEY: three AES keys in place of the card's, all or none; the channel goes on with what it has."""
    session.require_writable()
    channel, old = session.channel, session.memory.identity.keys
    if not isinstance(channel, PersonaliserChannel):
        raise Refusal(sw.SECURITY_NOT_SATISFIED)
    if command.p2 != PUT_SEVERAL_KEYS:
        raise Refusal(sw.INCORRECT_P1_P2)
    if command.p1 != old.version:
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    version, blocks = command.data[:1], command.data[1:]
    enc, blocks = _next_key(channel, blocks)
    mac, blocks = _next_key(channel, blocks)
    dek, blocks = _next_key(channel, blocks)
    if blocks or not 1 <= version[0] <= 0x7F or not len(enc) == len(mac) == len(dek):
        raise Refusal(sw.WRONG_DATA)
    session.memory.set_keys(Scp03Keys(enc, mac, dek, version[0]))
    return ResponseApdu(version + b"".join(map(check_value, (enc, mac, dek))), sw.SUCCESS)


def _next_key(channel: PersonaliserChannel, blocks: bytes) -> tuple[bytes, bytes]:
    """One key, and what follows it: type, length, clear length, cryptogram, length and bytes of the check value."""
    if len(blocks) < 3:
        raise Refusal(sw.WRONG_DATA)
    kind, length, clear = blocks[:3]
    if kind != KEY_TYPE_AES:
        raise Refusal(sw.ALGORITHM_NOT_SUPPORTED)
    end = 2 + length
    behind = end + 1 + CHECK_VALUE_BYTES
    sealed, told = blocks[3:end], blocks[end + 1 : behind]
    whole = clear in AES_KEY_BYTES and len(sealed) == clear + -clear % AES_BLOCK and len(told) == CHECK_VALUE_BYTES
    if not whole or blocks[end] != CHECK_VALUE_BYTES:
        raise Refusal(sw.WRONG_DATA)
    key = channel.decrypt_key(sealed)[:clear]
    if not same(told, check_value(key)):
        raise Refusal(sw.WRONG_CHECK_VALUE)
    return key, blocks[behind:]


def store_data(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """STORE DATA: the chip's secrets as DGIs under the DEK, in one or more blocks; all are taken together."""
    session.require_writable()
    blocks, session.store_blocks = session.store_blocks, []
    if command.p1 & ~STORE_LAST != STORE_ENCRYPTED_DGI or command.p2 != len(blocks):
        raise Refusal(sw.INCORRECT_P1_P2)
    blocks.append(command.data)
    if sum(map(len, blocks)) > STORE_BYTES_MAX or not command.data:
        raise Refusal(sw.WRONG_LENGTH)
    if not command.p1 & STORE_LAST:
        session.store_blocks = blocks
        return ResponseApdu(b"", sw.SUCCESS)
    channel = session.channel
    if not isinstance(channel, PersonaliserChannel):
        raise Refusal(sw.SECURITY_NOT_SATISFIED)
    values = {}
    for tag, sealed in _groupings(b"".join(blocks)).items():
        try:
            values[tag] = channel.decrypt_sensitive(sealed)
        except CccdError:
            raise Refusal(sw.WRONG_DATA) from None
    given = [values.pop(tag, None) for tag in (DGI_TRUST_POINT, DGI_TODAY)]
    if not all(_acceptable(tag, value) for tag, value in values.items()):
        raise Refusal(sw.WRONG_DATA)
    session.memory.store_secrets(values, _trust(*given))
    return ResponseApdu(b"", sw.SUCCESS)


def _trust(certificate: bytes | None, today: bytes | None) -> Trust | None:
    if certificate is None and today is None:
        return None
    try:
        return first_trust(certificate or b"", today or b"")
    except CccdError:
        raise Refusal(sw.WRONG_DATA) from None


def _groupings(stream: bytes) -> dict[int, bytes]:
    """DGI (2 bytes), length (1 byte, or FF and 2), value; each DGI once."""
    values: dict[int, bytes] = {}
    position = 0
    while position < len(stream):
        tag = int.from_bytes(stream[position : position + 2], "big")
        position += 3
        size = stream[position - 1] if position <= len(stream) else 0
        if size == 0xFF:
            size = int.from_bytes(stream[position : position + 2], "big")
            position += 2
        if position + size > len(stream) or not size or tag in values:
            raise Refusal(sw.WRONG_DATA)
        values[tag] = stream[position : position + size]
        position += size
    return values


def _acceptable(tag: int, value: bytes) -> bool:
    if tag == DGI_CAN:
        return len(value) == 6 and value.isdigit()
    if tag == DGI_MRZ_INFORMATION:
        return 24 <= len(value) <= 40 and value.isascii()
    if tag in (DGI_CHIP_AUTHENTICATION_KEY, DGI_ACTIVE_AUTHENTICATION_KEY):
        try:
            key = stored_keys.decode(value)
        except FormatError:
            return False
        return tag == DGI_ACTIVE_AUTHENTICATION_KEY or isinstance(key, AgreementKey)
    return False


def set_status(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """SET STATUS: opens the front door when everything is there, or locks for good."""
    session.require_writable()
    memory = session.memory
    if command.p1 != 0x40 or command.data != EMRTD_APPLICATION_ID:
        raise Refusal(sw.INCORRECT_P1_P2 if command.p1 != 0x40 else sw.WRONG_DATA)
    if command.p2 == LifeCycle.PERSONALISED:
        whole = all((Directory.APPLICATION, file.fid) in memory.files for file in _NEEDED)
        if not whole or DGI_CAN not in memory.secrets or DGI_MRZ_INFORMATION not in memory.secrets:
            raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
        # Fingerprints that nobody could ever be allowed to read are somebody's mistake, and after the lock for good.
        protected = any((Directory.APPLICATION, fid) in memory.files for fid in PROTECTED)
        if protected and (memory.trust is None or DGI_CHIP_AUTHENTICATION_KEY not in memory.secrets):
            raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    elif command.p2 == LifeCycle.LOCKED:
        if memory.life_cycle is not LifeCycle.PERSONALISED:
            raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    else:
        raise Refusal(sw.INCORRECT_P1_P2)
    memory.set_life_cycle(LifeCycle(command.p2))
    return ResponseApdu(b"", sw.SUCCESS)
