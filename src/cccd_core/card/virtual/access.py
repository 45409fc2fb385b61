"""The software card's front door: BAC, Active Authentication, and the commands of PACE and Chip Authentication (Doc
9303-11, 4.3, 6.1; `key_agreement`).
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from cccd_core.card import active_authentication, bac, chip_authentication, ec, pace
from cccd_core.card import status_words as sw
from cccd_core.card.apdu import CommandApdu, ResponseApdu
from cccd_core.card.primitives import same
from cccd_core.card.profile import DGI_ACTIVE_AUTHENTICATION_KEY, DGI_MRZ_INFORMATION
from cccd_core.card.stored_keys import RsaKey
from cccd_core.card.virtual import key_agreement, terminal
from cccd_core.card.virtual.channels import ReaderChannel
from cccd_core.card.virtual.session import CardSession, Refusal, Selected
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.tlv import Reader, Tlv, encode, read_one, to_oid
from cccd_core.errors import FormatError

DATE_AND_CHECK_DIGIT: Final = 7  # birth and expiry stand so behind the document number in the MRZ information


def get_challenge(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """GET CHALLENGE: the chip's nonce for BAC in the clear, for terminal authentication inside its channel."""
    session.require_front_door()
    if session.channel is not None:
        return terminal.challenge(session.terminal_run(), command)
    if session.selected is not Selected.APPLICATION:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    if command.data or command.ne not in (bac.NONCE_SIZE, 256):
        raise Refusal(sw.WRONG_LENGTH)
    session.challenge = secrets.token_bytes(bac.NONCE_SIZE)
    return ResponseApdu(session.challenge, sw.SUCCESS)


def external_authenticate(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """EXTERNAL AUTHENTICATE: the mutual authentication of BAC in the clear, the terminal's inside its channel. Each
    challenge serves once."""
    if session.channel is not None:
        return terminal.external_authenticate(session.terminal_run(), command)
    challenge, session.challenge = session.challenge, None
    secret = session.memory.secrets.get(DGI_MRZ_INFORMATION)
    if challenge is None or secret is None:
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
    number = secret[: -2 * DATE_AND_CHECK_DIGIT]
    session.grant_access(ReaderChannel(*bac.session(message[16:], mine, challenge, nonce)), number)
    return ResponseApdu(keys.seal(challenge + nonce + mine), sw.SUCCESS)


def manage_security_environment(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """MSE:Set AT for PACE (C1A4) and for Chip Authentication with AES (41A4); MSE:Set KAT for the one with 3DES;
    MSE:Set DST and Set AT of terminal authentication (81B6, 81A4)."""
    session.require_front_door()
    session.pace = None
    session.chip_authentication = None
    purpose = command.p1, command.p2
    if purpose in terminal.PURPOSES:
        return terminal.manage(session.terminal_run(), session.memory, purpose, command.data)
    if purpose not in (pace.SET_AT_MUTUAL, chip_authentication.SET_AT_INTERNAL, chip_authentication.SET_KAT):
        raise Refusal(sw.INCORRECT_P1_P2)
    objects = _objects(command.data)
    reference = int.from_bytes(_value(objects, 0x84), "big") if 0x84 in objects else None
    if purpose == chip_authentication.SET_KAT:
        suite = key_agreement.choose_chip_authentication(session, None, reference)
        key_agreement.agree_chip_authentication(session, suite, _value(objects, 0x91))
        return ResponseApdu(b"", sw.SUCCESS)
    try:
        protocol = to_oid(read_one(encode(0x06, _value(objects, 0x80)), 0x06))
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None
    if purpose == pace.SET_AT_MUTUAL:
        password = int.from_bytes(_value(objects, 0x83), "big")
        session.pace = key_agreement.choose_pace(session, protocol, reference, password)
    else:
        session.chip_authentication = key_agreement.choose_chip_authentication(session, protocol, reference)
    return ResponseApdu(b"", sw.SUCCESS)


def general_authenticate(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """GENERAL AUTHENTICATE: one step of PACE, or Chip Authentication. A step out of order ends the protocol."""
    run, session.pace = session.pace, None
    suite, session.chip_authentication = session.chip_authentication, None
    try:
        inner = list(read_one(command.data, pace.TAG_DYNAMIC_DATA).reader())
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None
    if len(inner) > 1 or (run is None and suite is None):
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED if run is None and suite is None else sw.WRONG_DATA)
    tag, value = (inner[0].tag, inner[0].value) if inner else (0, b"")
    if run is not None:
        answer = key_agreement.pace_step(session, run, tag, value)
        return ResponseApdu(encode(pace.TAG_DYNAMIC_DATA, answer), sw.SUCCESS)
    if tag != 0x80 or suite is None:
        raise Refusal(sw.WRONG_DATA)
    key_agreement.agree_chip_authentication(session, suite, value)
    return ResponseApdu(encode(pace.TAG_DYNAMIC_DATA, b""), sw.SUCCESS)


def perform_security_operation(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """PERFORM SECURITY OPERATION: Verify Certificate of terminal authentication."""
    session.require_front_door()
    return terminal.verify_certificate(session.terminal_run(), session.memory, command)


def internal_authenticate(session: CardSession, command: CommandApdu) -> ResponseApdu:
    """INTERNAL AUTHENTICATE: Active Authentication, a signature over the reader's eight bytes. ECDSA with the hash and
    in the form that DG14 says, plain where it says nothing; RSA with recovery of what the card adds (ISO/IEC 9796-2).
    """
    session.require_access()
    if session.selected is not Selected.APPLICATION:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    if len(command.data) != active_authentication.NONCE_SIZE:
        raise Refusal(sw.WRONG_LENGTH)
    key = key_agreement.chip_key(session, DGI_ACTIVE_AUTHENTICATION_KEY)
    if isinstance(key, RsaKey):
        return ResponseApdu(_sign_rsa(key, command.data), sw.SUCCESS)
    if not isinstance(key.parameters, Curve):
        raise Refusal(sw.REFERENCE_DATA_NOT_USABLE)
    info = key_agreement.infos(session, ElementaryFile.DG14).active_authentication
    named = active_authentication.SIGNATURE_ALGORITHMS.get(info.signature_algorithm) if info else None
    curve = key.parameters
    hash_name, der = named or (active_authentication.default_hash(curve.n.bit_length()), False)
    digest = hashlib.new(hash_name, command.data, usedforsecurity=False).digest()
    signature = ec.sign(curve, key.number, hash_name, digest)
    if der:
        return ResponseApdu(encode_dss_signature(signature.r, signature.s), sw.SUCCESS)
    parts = (number.to_bytes(curve.order_bytes, "big") for number in (signature.r, signature.s))
    return ResponseApdu(b"".join(parts), sw.SUCCESS)


def _sign_rsa(key: RsaKey, nonce: bytes) -> bytes:
    """6A, random bytes, their hash with the nonce, the trailer; raised to the private exponent, blinded."""
    modulus = key.modulus
    size = (modulus.bit_length() + 7) // 8
    name = active_authentication.TRAILERS.get(key.trailer, "sha1")
    trailer = bytes((key.trailer, 0xCC)) if key.trailer in active_authentication.TRAILERS else b"\xbc"
    room = size - 1 - len(trailer) - hashlib.new(name, usedforsecurity=False).digest_size
    added = secrets.token_bytes(room)
    digest = hashlib.new(name, added + nonce, usedforsecurity=False).digest()
    message = int.from_bytes(b"\x6a" + added + digest + trailer, "big")
    exponent = pow(key.exponent, -1, (key.p - 1) * (key.q - 1))
    blinding = 2 + secrets.randbelow(modulus - 3)
    blinded = message * pow(blinding, key.exponent, modulus) % modulus
    return (pow(blinded, exponent, modulus) * pow(blinding, -1, modulus) % modulus).to_bytes(size, "big")


def _objects(data: bytes) -> dict[int, Tlv]:
    try:
        return {found.tag: found for found in Reader(data)}
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None


def _value(objects: dict[int, Tlv], tag: int) -> bytes:
    if tag not in objects:
        raise Refusal(sw.WRONG_DATA)
    return objects[tag].value
