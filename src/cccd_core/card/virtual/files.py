"""The software card's file system: SELECT, READ BINARY, UPDATE BINARY, CREATE FILE.

ISO/IEC 7816-4:2020, 11.2 (SELECT), 11.3 (binary files); ISO/IEC 7816-9:2017, 8.1 (CREATE FILE); Doc 9303-10, 3.
"""

from __future__ import annotations

from typing import Final

from cccd_core.card import status_words as sw
from cccd_core.card.apdu import EXTENDED_NE_MAX, SHORT_NE_MAX, CommandApdu, ResponseApdu
from cccd_core.card.profile import MF_FID, TAG_DISCRETIONARY, TAG_OFFSET
from cccd_core.card.virtual.session import CardSession, Refusal, Selected
from cccd_core.card.virtual.state import FILE_BYTES_MAX, FILES_MAX, Directory, StoredFile
from cccd_core.card.virtual.terminal import trust_points_file
from cccd_core.emrtd.cv.trust_points import EF_CVCA_FID, EF_CVCA_SFI
from cccd_core.emrtd.files import EMRTD_APPLICATION_ID
from cccd_core.emrtd.tlv import Reader, Tlv, encode, read_one
from cccd_core.errors import FormatError

ISD_AID: Final = bytes.fromhex("A000000151000000")
TAG_FCP: Final = 0x62
_APPLICATIONS: Final = {EMRTD_APPLICATION_ID: Selected.APPLICATION, ISD_AID: Selected.SECURITY_DOMAIN}

# Doc 9303-10, 3.11.1 and 3.11.2: what every card of this make says, readable by all.
EF_ATR_INFO: Final = 0x2F01
EF_DIR: Final = 0x2F00
_EXTENDED_LENGTHS: Final = b"\x02\x03\x01\x00\x00" * 2  # command and response: up to 65,536 bytes
_BUILT_IN: Final = {
    EF_ATR_INFO: StoredFile(
        0x01, bytearray(encode(0x47, b"\x94\x01\xc0") + encode(0x7F66, _EXTENDED_LENGTHS))
    ),
    EF_DIR: StoredFile(0x1E, bytearray(encode(0x61, encode(0x4F, EMRTD_APPLICATION_ID)))),
}  # fmt: skip


def select(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """SELECT by name, identifier or path, with or without control information."""
    p1, p2, data = command.p1, command.p2, command.data
    if p2 & 0xF3:
        raise Refusal(sw.INCORRECT_P1_P2)
    if p1 == 0x04:
        return _select_application(session, data, p2)
    if p1 in (0x08, 0x09):
        if not data or len(data) % 2:
            raise Refusal(sw.LC_INCONSISTENT)
        if len(data) != 2:
            raise Refusal(sw.FILE_NOT_FOUND)
        if p1 == 0x08:
            session.select(Selected.MASTER_FILE)
        return _select_file(session, int.from_bytes(data, "big"), p2)
    if p1 == 0x03 or (p1 == 0x00 and data in (b"", MF_FID.to_bytes(2, "big"))):
        if not session.memory.identity.select_mf and not session.personalising:
            raise Refusal(sw.INS_NOT_SUPPORTED)
        session.select(Selected.MASTER_FILE)
        return _control_information(p2, encode(0x6F, encode(0x83, MF_FID.to_bytes(2, "big"))))
    if p1 in (0x00, 0x02):
        if len(data) != 2:
            raise Refusal(sw.LC_INCONSISTENT)
        return _select_file(session, int.from_bytes(data, "big"), p2)
    raise Refusal(sw.INCORRECT_P1_P2)


def _select_application(session: CardSession, name: bytes, p2: int) -> ResponseApdu:
    target = _APPLICATIONS.get(name)
    if target is None:
        raise Refusal(sw.FILE_NOT_FOUND)
    session.select(target)
    return _control_information(p2, encode(0x6F, encode(0x84, name)))


def _select_file(session: CardSession, fid: int, p2: int) -> ResponseApdu:
    stored = _find(session, fid)
    session.current_file = fid
    control = encode(0x80, len(stored.content).to_bytes(2, "big")) + encode(0x82, b"\x01")
    return _control_information(p2, encode(TAG_FCP, control + encode(0x83, fid.to_bytes(2, "big"))))


def _control_information(p2: int, information: bytes) -> ResponseApdu:
    return ResponseApdu(b"" if p2 & 0x0C == 0x0C else information, sw.SUCCESS)


def _find(session: CardSession, fid: int) -> StoredFile:
    """The file of an identifier in the current directory, for someone who may see it."""
    if session.directory is Directory.MASTER_FILE and fid in _BUILT_IN:
        return _BUILT_IN[fid]
    if not session.personalising:
        session.require_front_door()
        if session.directory is Directory.APPLICATION:
            session.require_access()
    trust = session.memory.trust
    if trust is not None and session.directory is Directory.APPLICATION and fid == EF_CVCA_FID:
        return StoredFile(EF_CVCA_SFI, bytearray(trust_points_file(trust)))
    stored = session.memory.files.get((session.directory, fid))
    if stored is None:
        raise Refusal(sw.FILE_NOT_FOUND)
    if session.directory is Directory.APPLICATION and not session.personalising:
        session.require_right(fid)
    return stored


def _find_short(session: CardSession, sfi: int) -> int:
    """The identifier of a short one in the current directory."""
    directory = session.directory
    if directory is Directory.MASTER_FILE:
        for fid, stored in _BUILT_IN.items():
            if stored.sfi == sfi:
                return fid
    elif not session.personalising:
        session.require_front_door()
        session.require_access()
        if session.memory.trust is not None and sfi == EF_CVCA_SFI:
            return EF_CVCA_FID
    for (place, fid), stored in session.memory.files.items():
        if place is directory and stored.sfi == sfi:
            return fid
    raise Refusal(sw.FILE_NOT_FOUND)


def _current(session: CardSession) -> StoredFile:
    if session.current_file is None:
        raise Refusal(sw.NO_CURRENT_EF)
    return _find(session, session.current_file)


def _addressed(session: CardSession, command: CommandApdu) -> tuple[StoredFile, int]:
    """File and offset of an even INS: P1 with a short identifier, or an offset of 15 bits into the current file."""
    if not command.p1 & 0x80:
        return _current(session), command.p1 << 8 | command.p2
    if command.p1 & 0x60 or not command.p1 & 0x1F:
        raise Refusal(sw.INCORRECT_P1_P2)
    session.current_file = _find_short(session, command.p1 & 0x1F)
    return _current(session), command.p2


def _addressed_odd(session: CardSession, command: CommandApdu) -> StoredFile:
    """File of an odd INS: 0000 the current one, a short identifier in five bits, else an identifier."""
    reference = command.p1 << 8 | command.p2
    if reference:
        session.current_file = _find_short(session, reference) if reference <= 30 else reference
    return _current(session)


def _slice(stored: StoredFile, offset: int, ne: int | None, room: int) -> ResponseApdu:
    """Bytes of a file. Ne of 256 in a short or 65,536 in an extended Le means `as much as there is`."""
    if ne is None:
        raise Refusal(sw.WRONG_LENGTH)
    left = len(stored.content) - offset
    if left <= 0:
        raise Refusal(sw.OFFSET_OUTSIDE_FILE)
    data = bytes(stored.content[offset : offset + min(ne, room)])
    short_of = left < ne and ne not in (SHORT_NE_MAX, EXTENDED_NE_MAX)
    return ResponseApdu(data, sw.END_OF_FILE if short_of else sw.SUCCESS)


def read_binary(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """READ BINARY, even INS."""
    stored, offset = _addressed(session, command)
    return _slice(stored, offset, command.ne, session.answer_max)


def read_binary_odd(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """READ BINARY, odd INS: the offset in data object 54, the answer in data object 53."""
    stored = _addressed_odd(session, command)
    offset = _number(_object(command.data, TAG_OFFSET), 4)
    if command.ne is None:
        raise Refusal(sw.WRONG_LENGTH)
    answer = min(command.ne, session.answer_max)
    head = 2 if answer < 130 else 3 if answer < 259 else 4
    if answer <= head:
        raise Refusal(sw.WRONG_LENGTH)
    found = _slice(stored, offset, answer - head, answer - head)
    whole = command.ne in (SHORT_NE_MAX, EXTENDED_NE_MAX)
    return ResponseApdu(encode(TAG_DISCRETIONARY, found.data), sw.SUCCESS if whole else found.sw)


def update_binary(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """UPDATE BINARY, even INS."""
    session.require_writable()
    stored, offset = _addressed(session, command)
    return _write(session, stored, offset, command.data)


def update_binary_odd(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """UPDATE BINARY, odd INS: offset in 54, data in 53."""
    session.require_writable()
    stored = _addressed_odd(session, command)
    try:
        reader = Reader(command.data)
        offset = _number(reader.next(TAG_OFFSET), 4)
        data = reader.next(TAG_DISCRETIONARY).value
        reader.finish()
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None
    return _write(session, stored, offset, data)


def _write(session: CardSession, stored: StoredFile, offset: int, data: bytes) -> ResponseApdu:
    if session.current_file is None or (session.directory, session.current_file) not in session.memory.files:
        raise Refusal(sw.COMMAND_NOT_ALLOWED_FOR_FILE)
    if not data:
        raise Refusal(sw.WRONG_LENGTH)
    if offset >= len(stored.content):
        raise Refusal(sw.OFFSET_OUTSIDE_FILE)
    if offset + len(data) > len(stored.content):
        raise Refusal(sw.NOT_ENOUGH_MEMORY)
    session.memory.write(session.directory, session.current_file, offset, data)
    return ResponseApdu(b"", sw.SUCCESS)


def create_file(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """CREATE FILE: a transparent file in the current directory, in place of one with its identifier."""
    session.require_writable()
    if session.selected is Selected.SECURITY_DOMAIN:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    if command.p1 or command.p2:
        raise Refusal(sw.INCORRECT_P1_P2)
    try:
        objects = {found.tag: found for found in read_one(command.data, TAG_FCP).reader()}
        size = _number(objects[0x80], 2)
        fid = _number(objects[0x83], 2)
    except (FormatError, KeyError):
        raise Refusal(sw.WRONG_DATA) from None
    kind, short = objects.get(0x82), objects.get(0x88)
    sfi = fid & 0x1F if short is None else short.value[0] >> 3 if len(short.value) == 1 else 0
    if (kind is not None and kind.value[:1] != b"\x01") or not 1 <= size <= FILE_BYTES_MAX or sfi == 0x1F:
        raise Refusal(sw.WRONG_DATA)
    memory, directory = session.memory, session.directory
    own = _BUILT_IN if directory is Directory.MASTER_FILE else (EF_CVCA_FID,)  # which the card writes itself
    if fid in (MF_FID, 0x3FFF, 0xFFFF, 0x0000) or fid in own:
        raise Refusal(sw.FILE_EXISTS)
    for (place, other), stored in memory.files.items():
        if place is directory and other != fid and sfi and stored.sfi == sfi:
            raise Refusal(sw.FILE_EXISTS)
    old = memory.files.get((directory, fid))
    used = memory.bytes_used + size - (len(old.content) if old else 0)
    if used > memory.identity.memory_bytes or (old is None and len(memory.files) >= FILES_MAX):
        raise Refusal(sw.NOT_ENOUGH_MEMORY)
    memory.create_file(directory, fid, sfi, size)
    session.current_file = fid
    return ResponseApdu(b"", sw.SUCCESS)


def _object(data: bytes, tag: int) -> Tlv:
    try:
        return read_one(data, tag)
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None


def _number(found: Tlv, size_max: int) -> int:
    if not 1 <= len(found.value) <= size_max:
        raise Refusal(sw.WRONG_DATA)
    return int.from_bytes(found.value, "big")
