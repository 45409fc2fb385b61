"""The personalisation commands of our chip profile, host side.

The profile (docs/reference/card.md): SELECT the eMRTD application, open SCP03 with it, create the files, write them,
store the secrets under the DEK, mark the chip personalised, read it back through the front door, lock it. Until the
lock everything may be written again; the lock is one command and for good.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from cccd_core.card import stored_keys
from cccd_core.card.apdu import CommandApdu
from cccd_core.card.card_keys import CHECK_VALUE_BYTES, check_value
from cccd_core.card.connection import CardConnection
from cccd_core.card.primitives import AES_BLOCK
from cccd_core.card.scp03 import CLA_GP, INS_GET_DATA, Scp03Keys, Scp03Session
from cccd_core.emrtd.cv.reference import encode_date
from cccd_core.emrtd.files import EMRTD_APPLICATION_ID, MAX_FILE_BYTES, ElementaryFile
from cccd_core.emrtd.tlv import encode
from cccd_core.errors import CardError, ParameterError

if TYPE_CHECKING:
    from cccd_core.emrtd.mrz import MrzInformation

INS_SELECT: Final = 0xA4
INS_CREATE_FILE: Final = 0xE0
INS_STORE_DATA: Final = 0xE2
INS_UPDATE_BINARY: Final = 0xD6
INS_UPDATE_BINARY_ODD: Final = 0xD7
INS_SET_STATUS: Final = 0xF0
INS_PUT_KEY: Final = 0xD8

MF_FID: Final = 0x3F00
TAG_CARD_IMAGE_NUMBER: Final = 0x0045  # GlobalPlatform Card Specification 2.3.1, 11.3.3.1
TAG_LIFE_CYCLE: Final = 0x9F70
TAG_CPLC: Final = 0x9F7F
OFFSET_MAX_EVEN_INS: Final = 0x7FFF
TAG_OFFSET: Final = 0x54  # ISO/IEC 7816-4, 11.3.3: beyond 32767 the offset stands in a data object, the data in another
TAG_DISCRETIONARY: Final = 0x53

STORE_LAST: Final = 0x80
STORE_ENCRYPTED_DGI: Final = 0x60 | 0x08  # GlobalPlatform 2.3.1, 11.11.2.1: all secrets encrypted, DGI format

PUT_SEVERAL_KEYS: Final = 0x80 | 0x01  # P2 of PUT KEY: a whole set, beginning with key identifier 1
KEY_TYPE_AES: Final = 0x88

DGI_CAN: Final = 0x8201
DGI_MRZ_INFORMATION: Final = 0x8202
DGI_CHIP_AUTHENTICATION_KEY: Final = 0x8203
DGI_ACTIVE_AUTHENTICATION_KEY: Final = 0x8204
DGI_TRUST_POINT: Final = 0x8205
DGI_TODAY: Final = 0x8206


class LifeCycle(IntEnum):
    """Where the chip is in its life; the values of the card's answer."""

    BLANK = 0x07  # nothing written since it left its maker
    PERSONALISING = 0x0B  # something was written, the front door is shut
    PERSONALISED = 0x0F  # the front door is open, the chip can still be written under SCP03
    LOCKED = 0x1F  # finished: nothing can ever be written again


@dataclass(frozen=True, slots=True)
class TerminalTrust:
    """Whom a chip trusts to name the readers of fingerprints: the CVCA's certificate (a data object 7F21, by its own
    key), and the day on which the chip is made, from which it tells what has expired."""

    cvca_certificate: bytes
    today: dt.date


def select_applet(connection: CardConnection) -> None:
    """Selects the eMRTD application in the clear, which ends any channel. Raises CardError (6A82: no such chip)."""
    connection.drop_processors()
    connection.require(
        CommandApdu(0x00, INS_SELECT, 0x04, 0x0C, EMRTD_APPLICATION_ID), "selecting the eMRTD application"
    )


def get_serial(connection: CardConnection) -> bytes:
    """The chip's serial, out of which its keys are derived; before or inside SCP03. 8 bytes on our chips."""
    serial = _get_data(connection, TAG_CARD_IMAGE_NUMBER, "reading the card's serial")
    if not 1 <= len(serial) <= 32:
        raise CardError("the card's serial has an impossible length", length=len(serial))
    return serial


def get_life_cycle(connection: CardConnection) -> LifeCycle:
    """Where the chip is in its life; before or inside SCP03, and on a locked chip. CardError for an unknown state."""
    answer = _get_data(connection, TAG_LIFE_CYCLE, "reading the card's life cycle")
    try:
        return LifeCycle(int.from_bytes(answer, "big"))
    except ValueError:
        raise CardError("the card is in no known state", state=int.from_bytes(answer[:4], "big")) from None


def create_file(connection: CardConnection, file: ElementaryFile, size: int) -> None:
    """Makes `file`, of `size` bytes, empty; one that is there already goes, whatever it held. Under SCP03, before the
    lock. The new file is then the current one. Raises CardError (6A84 no room, 6982 no channel, 6985 locked).
    """
    if not 1 <= size <= MAX_FILE_BYTES:
        raise ParameterError("a chip file has 1 to 65535 bytes", file=file.label, size=size)
    _enter(connection, file)
    control = (
        encode(0x80, size.to_bytes(2, "big"))
        + encode(0x82, b"\x01")  # transparent
        + encode(0x83, file.fid.to_bytes(2, "big"))
        + encode(0x88, bytes((file.sfi << 3,)))
    )
    connection.require(CommandApdu(0x00, INS_CREATE_FILE, 0, 0, encode(0x62, control)), f"creating {file.label}")


def update_binary(connection: CardConnection, file: ElementaryFile, data: bytes, *, offset: int = 0) -> None:
    """Writes `data` into `file` from `offset` on, in commands of `update_data_max` bytes. Under SCP03, before the lock.

    Raises CardError (6A82 no such file, 6B00 beyond its end). Each command is whole or not at all on the card.
    """
    if offset < 0 or offset + len(data) > MAX_FILE_BYTES:
        raise ParameterError("outside any chip file", file=file.label, offset=offset, length=len(data))
    _enter(connection, file)
    fid = file.fid.to_bytes(2, "big")
    connection.require(CommandApdu(0x00, INS_SELECT, 0x02, 0x0C, fid), f"selecting {file.label}")
    update_current(connection, file, data, offset=offset)


def update_current(connection: CardConnection, file: ElementaryFile, data: bytes, *, offset: int = 0) -> None:
    """`update_binary` into the file that is current already, as `create_file` leaves it: no SELECT. `file` only names
    it in errors.
    """
    doing = f"writing {file.label}"
    step = connection.data_max()
    position = 0
    while position < len(data):
        at = offset + position
        if at <= OFFSET_MAX_EVEN_INS:
            part = data[position : position + step]
            command = CommandApdu(0x00, INS_UPDATE_BINARY, at >> 8, at & 0xFF, part)
        else:
            part = data[position : position + step - 8]
            command = CommandApdu(
                0x00,
                INS_UPDATE_BINARY_ODD,
                0,
                0,
                encode(TAG_OFFSET, at.to_bytes(2, "big")) + encode(TAG_DISCRETIONARY, part),
            )
        connection.require(command, doing)
        position += len(part)


def write_file(connection: CardConnection, file: ElementaryFile, content: bytes) -> None:
    """`create_file` of the content's size and the content into it: three commands fewer than apart."""
    create_file(connection, file, len(content))
    update_current(connection, file, content)


def update_data_max(connection: CardConnection) -> int:
    """The most data of one UPDATE BINARY under the connection's channel."""
    return connection.data_max()


def put_secrets(
    connection: CardConnection,
    session: Scp03Session,
    *,
    can: str,
    mrz_information: MrzInformation,
    ca_private_key: bytes | None = None,
    aa_private_key: bytes | None = None,
    trust: TerminalTrust | None = None,
) -> None:
    """Stores what the chip must know: each value under the DEK inside the channel (STORE DATA, DGIs 8201 to 8206). All
    are taken together or none; a second call replaces them all. Before the lock.

    A chip without `trust` can hold no DG3 or DG4: it would not be opened to readers. The private keys are PKCS #8 DER
    (`stored_keys.encode`): elliptic-curve or Diffie-Hellman keys for chip authentication, elliptic-curve or RSA keys
    for active authentication.
    """
    if not (can.isascii() and can.isdigit() and len(can) == 6):
        raise ParameterError("a card access number has six digits", length=len(can))
    values = [
        (DGI_CAN, can.encode("ascii")),
        (DGI_MRZ_INFORMATION, mrz_information.key_source.encode("ascii")),
        (DGI_CHIP_AUTHENTICATION_KEY, _key_value(ca_private_key)),
        (DGI_ACTIVE_AUTHENTICATION_KEY, _key_value(aa_private_key)),
    ]
    if trust is not None:
        values += [(DGI_TRUST_POINT, trust.cvca_certificate), (DGI_TODAY, encode_date(trust.today))]
    stream = b"".join(_dgi(tag, session.encrypt_sensitive(value)) for tag, value in values if value)
    room = connection.data_max()
    blocks = [stream[start : start + room] for start in range(0, len(stream), room)]
    for number, block in enumerate(blocks):
        p1 = STORE_ENCRYPTED_DGI | (STORE_LAST if number == len(blocks) - 1 else 0)
        connection.require(CommandApdu(CLA_GP, INS_STORE_DATA, p1, number, block), "storing the chip's secrets")


def put_keys(connection: CardConnection, session: Scp03Session, keys: Scp03Keys) -> None:
    """Puts new SCP03 keys in place of those that the channel was opened with (PUT KEY, GlobalPlatform 2.3.1, 11.8;
    Amendment D, 7.2). The channel stays as it is; the next one needs the new keys. All three are taken or none.

    Raises CardError (`sw`; or the card confirms other keys than it was given).
    """
    if not 1 <= keys.version <= 0x7F:
        raise ParameterError("new keys have a version of 1 to 127", version=keys.version)
    values = (keys.enc, keys.mac, keys.dek)
    confirmed = bytes((keys.version,)) + b"".join(map(check_value, values))
    data = bytes((keys.version,)) + b"".join(_key_block(session, value) for value in values)
    command = CommandApdu(CLA_GP, INS_PUT_KEY, session.key_version, PUT_SEVERAL_KEYS, data, 256)
    answer = connection.require(command, "changing the card's keys")
    if answer not in (confirmed, confirmed[:1], b""):  # cards that checked the values need not tell them
        raise CardError("the card does not confirm the keys that it was given")


def _key_block(session: Scp03Session, key: bytes) -> bytes:
    """Key type, the key under the DEK behind its own length, check value; what fills the last block is random."""
    filled = key + secrets.token_bytes(-len(key) % AES_BLOCK)
    value = bytes((len(key),)) + session.encrypt_key(filled)
    return bytes((KEY_TYPE_AES, len(value))) + value + bytes((CHECK_VALUE_BYTES,)) + check_value(key)


def finish(connection: CardConnection) -> None:
    """Opens the front door: from PERSONALISING to PERSONALISED. Raises CardError, 6985 when secrets are missing. The
    chip stays writable under SCP03.
    """
    _set_status(connection, LifeCycle.PERSONALISED, "opening the chip to readers")


def lock(connection: CardConnection) -> None:
    """For good: from PERSONALISED to LOCKED, one command; afterwards nothing can be written and SCP03 is refused."""
    _set_status(connection, LifeCycle.LOCKED, "locking the chip")


def _set_status(connection: CardConnection, state: LifeCycle, doing: str) -> None:
    connection.require(CommandApdu(CLA_GP, INS_SET_STATUS, 0x40, state, EMRTD_APPLICATION_ID), doing)


def _get_data(connection: CardConnection, tag: int, doing: str) -> bytes:
    answer = connection.require(CommandApdu(CLA_GP, INS_GET_DATA, tag >> 8, tag & 0xFF, ne=256), doing)
    head = tag.to_bytes(2, "big").lstrip(b"\0")
    size = len(head) + 1
    if answer[: len(head)] != head or len(answer) < size or answer[size - 1] != len(answer) - size:
        raise CardError("the card's data object is not the one asked for", tag=f"{tag:X}", length=len(answer))
    return answer[size:]


def _enter(connection: CardConnection, file: ElementaryFile) -> None:
    """Makes the file's directory current; inside the channel, which it leaves open."""
    if file.in_application:
        command = CommandApdu(0x00, INS_SELECT, 0x04, 0x0C, EMRTD_APPLICATION_ID)
    else:
        command = CommandApdu(0x00, INS_SELECT, 0x00, 0x0C, MF_FID.to_bytes(2, "big"))
    connection.require(command, f"entering the directory of {file.label}")


def _dgi(tag: int, value: bytes) -> bytes:
    size = bytes((len(value),)) if len(value) < 0xFF else b"\xff" + len(value).to_bytes(2, "big")
    return tag.to_bytes(2, "big") + size + value


def _key_value(key: bytes | None) -> bytes:
    return b"" if key is None else stored_keys.encode(key)
