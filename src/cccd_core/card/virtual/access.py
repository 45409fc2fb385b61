"""The software card's front door: BAC, PACE, Chip Authentication, Active Authentication.

Doc 9303-11, 4.3 (BAC), 4.4 (PACE), 6.1 (AA), 6.2 (CA).
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec as openssl
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from cccd_core.card import bac, ec, pace
from cccd_core.card import status_words as sw
from cccd_core.card.apdu import CommandApdu, ResponseApdu
from cccd_core.card.chip_authentication import KEY_BITS as CA_KEY_BITS
from cccd_core.card.pace import Agreed, Password, Suite
from cccd_core.card.primitives import same
from cccd_core.card.profile import (
    DGI_ACTIVE_AUTHENTICATION_KEY,
    DGI_CAN,
    DGI_CHIP_AUTHENTICATION_KEY,
    DGI_MRZ_INFORMATION,
)
from cccd_core.card.secure_messaging import session_cipher
from cccd_core.card.virtual.channels import ReaderChannel
from cccd_core.card.virtual.session import CardSession, PaceRun, Refusal, Selected
from cccd_core.card.virtual.state import Directory
from cccd_core.emrtd import security_infos
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.tlv import Reader, Tlv, encode, read_one, to_oid
from cccd_core.errors import CccdError, FormatError

_PASSWORD_DGI: Final = {Password.MRZ: DGI_MRZ_INFORMATION, Password.CAN: DGI_CAN}


def get_challenge(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """GET CHALLENGE: the chip's nonce for BAC."""
    session.require_front_door()
    if session.selected is not Selected.APPLICATION or session.channel is not None:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    if command.data or command.ne not in (bac.NONCE_SIZE, 256):
        raise Refusal(sw.WRONG_LENGTH)
    session.challenge = secrets.token_bytes(bac.NONCE_SIZE)
    return ResponseApdu(session.challenge, sw.SUCCESS)


def external_authenticate(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """EXTERNAL AUTHENTICATE: the mutual authentication of BAC. Each challenge serves once."""
    challenge, session.challenge = session.challenge, None
    secret = session.memory.secrets.get(DGI_MRZ_INFORMATION)
    if challenge is None or secret is None or session.channel is not None:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    if len(command.data) != bac.MESSAGE_SIZE:
        raise Refusal(sw.WRONG_LENGTH)
    keys = bac.BacKeys.derive(secret.decode("ascii"))
    session.begin_attempt()
    message = keys.open(command.data)
    if message is None or not same(message[8:16], challenge):
        raise Refusal(sw.AUTHENTICATION_FAILED)
    session.attempt_succeeded()
    nonce, mine = message[:8], secrets.token_bytes(bac.SECRET_SIZE)
    session.grant_access(ReaderChannel(*bac.session(message[16:], mine, challenge, nonce)))
    return ResponseApdu(keys.seal(challenge + nonce + mine), sw.SUCCESS)


def manage_security_environment(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """MSE:Set AT for PACE (C1A4) and for Chip Authentication with AES (41A4); MSE:Set KAT for the one with 3DES."""
    session.require_front_door()
    session.pace = None
    session.chip_authentication_bits = None
    purpose = command.p1, command.p2
    if purpose == (0x41, 0xA6):
        objects = _objects(command.data)
        return _chip_authentication(session, 112, _value(objects, 0x91))
    if purpose not in (pace.SET_AT_MUTUAL, (0x41, 0xA4)):
        raise Refusal(sw.INCORRECT_P1_P2)
    objects = _objects(command.data)
    try:
        protocol = to_oid(read_one(encode(0x06, _value(objects, 0x80)), 0x06))
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None
    if purpose == pace.SET_AT_MUTUAL:
        session.pace = _choose_pace(session, protocol, objects)
        return ResponseApdu(b"", sw.SUCCESS)
    bits = CA_KEY_BITS.get(protocol)
    if bits is None or bits == 112:
        raise Refusal(sw.WRONG_DATA)
    session.require_access()
    _chip_key(session, DGI_CHIP_AUTHENTICATION_KEY)
    session.chip_authentication_bits = bits
    return ResponseApdu(b"", sw.SUCCESS)


def _choose_pace(session: CardSession, protocol: str, objects: dict[int, Tlv]) -> PaceRun:
    wanted = int.from_bytes(_value(objects, 0x84), "big") if 0x84 in objects else None
    stored = session.memory.files.get((Directory.MASTER_FILE, ElementaryFile.EF_CARDACCESS.fid))
    try:
        infos = security_infos.parse(bytes(stored.content)).pace if stored else ()
    except FormatError:
        infos = ()
    for info in infos:
        suite = Suite.of(info)
        if suite and suite.protocol == protocol and wanted in (None, info.parameter_id):
            break
    else:
        raise Refusal(sw.WRONG_DATA)
    number = int.from_bytes(_value(objects, 0x83), "big")
    if number not in (Password.MRZ, Password.CAN) or _PASSWORD_DGI[Password(number)] not in session.memory.secrets:
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    return PaceRun(suite, Password(number))


def general_authenticate(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """GENERAL AUTHENTICATE: one step of PACE, or Chip Authentication. A step out of order ends the protocol."""
    run, session.pace = session.pace, None
    bits, session.chip_authentication_bits = session.chip_authentication_bits, None
    try:
        inner = list(read_one(command.data, pace.TAG_DYNAMIC_DATA).reader())
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None
    if len(inner) > 1 or (run is None and bits is None):
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED if run is None and bits is None else sw.WRONG_DATA)
    tag, value = (inner[0].tag, inner[0].value) if inner else (0, b"")
    if run is None:
        if tag != 0x80 or bits is None:
            raise Refusal(sw.WRONG_DATA)
        return _chip_authentication(session, bits, value)
    if tag != run.step:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    try:
        answer = _PACE_STEPS[tag](session, run, value)
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None
    return ResponseApdu(encode(pace.TAG_DYNAMIC_DATA, answer), sw.SUCCESS)


def _pace_nonce(session: CardSession, run: PaceRun, value: bytes) -> bytes:
    del value
    nonce = secrets.token_bytes(pace.NONCE_SIZE)
    password = session.memory.secrets[_PASSWORD_DGI[run.password]].decode("ascii")
    key = run.suite.nonce_key(pace.password_secret(run.password, password))
    run.nonce, run.step = int.from_bytes(nonce, "big"), 0x81
    session.pace = run
    return encode(0x80, run.suite.encrypt_nonce(key, nonce))


def _pace_map(session: CardSession, run: PaceRun, value: bytes) -> bytes:
    curve = run.suite.curve
    theirs = ec.decode_point(curve, value)
    secret = ec.Secret.random(curve)
    mine = secret.times_generator()
    run.generator = ec.map_generator(curve, run.nonce, secret.times(theirs))
    run.step = 0x83
    session.pace = run
    return encode(0x82, curve.encode_point(*mine))


def _pace_agree(session: CardSession, run: PaceRun, value: bytes) -> bytes:
    curve = run.suite.curve
    theirs = ec.decode_point(curve, value)
    if run.generator is None:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    secret = ec.Secret.random(curve)
    mine = secret.times(run.generator)
    if mine == theirs:
        raise Refusal(sw.WRONG_DATA)
    run.secret = secret.agree(theirs)
    run.reader_key, run.chip_key = value, curve.encode_point(*mine)
    run.step = 0x85
    session.pace = run
    return encode(0x84, run.chip_key)


def _pace_prove(session: CardSession, run: PaceRun, value: bytes) -> bytes:
    suite = run.suite
    agreed = Agreed.derive(suite, run.secret)
    session.begin_attempt()
    if not same(value, suite.token(agreed.cipher, agreed.mac_key, run.chip_key)):
        raise Refusal(sw.AUTHENTICATION_FAILED)
    session.attempt_succeeded()
    session.grant_access(ReaderChannel(agreed.cipher))
    return encode(0x86, suite.token(agreed.cipher, agreed.mac_key, run.reader_key))


_PACE_STEPS: Final = {0: _pace_nonce, 0x81: _pace_map, 0x83: _pace_agree, 0x85: _pace_prove}


def _chip_authentication(session: CardSession, bits: int, raw: bytes) -> ResponseApdu:
    session.require_access()
    curve, scalar = _chip_key(session, DGI_CHIP_AUTHENTICATION_KEY)
    try:
        shared = ec.Secret(curve, scalar).agree(ec.decode_point(curve, raw))
    except CccdError:
        raise Refusal(sw.WRONG_DATA) from None
    session.next_channel = ReaderChannel(session_cipher(shared, bits))
    return ResponseApdu(b"" if bits == 112 else encode(pace.TAG_DYNAMIC_DATA, b""), sw.SUCCESS)


def internal_authenticate(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """INTERNAL AUTHENTICATE: Active Authentication, an ECDSA signature over the reader's eight bytes, r and s alone."""
    session.require_access()
    if session.selected is not Selected.APPLICATION:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    if len(command.data) != 8:
        raise Refusal(sw.WRONG_LENGTH)
    curve, scalar = _chip_key(session, DGI_ACTIVE_AUTHENTICATION_KEY)
    key = ec.private_key(curve, scalar)
    size = curve.field_bytes
    algorithm = hashes.SHA256() if size <= 32 else hashes.SHA384() if size <= 48 else hashes.SHA512()
    r, s = decode_dss_signature(key.sign(command.data, openssl.ECDSA(algorithm)))
    return ResponseApdu(r.to_bytes(size, "big") + s.to_bytes(size, "big"), sw.SUCCESS)


def _chip_key(session: CardSession, dgi: int) -> tuple[Curve, int]:
    value = session.memory.secrets.get(dgi)
    if value is None:
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    return ec.curve_by_id(value[0]), int.from_bytes(value[1:], "big")


def _objects(data: bytes) -> dict[int, Tlv]:
    try:
        return {found.tag: found for found in Reader(data)}
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None


def _value(objects: dict[int, Tlv], tag: int) -> bytes:
    if tag not in objects:
        raise Refusal(sw.WRONG_DATA)
    return objects[tag].value
