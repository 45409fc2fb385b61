"""The software card's end of Terminal Authentication version 1: whom it trusts to read fingerprints, and which day it
takes it to be (BSI TR-03110-3, 2.5, 3.3, B.3; Doc 9303-11, 7.1).

What it learns from a certificate (a new trust point, a later day) is one record of its memory, forced to the disk: a
card that forgot the day would open to terminals that have expired.
"""

from __future__ import annotations

import secrets
from typing import Final

from cccd_core.card import bac
from cccd_core.card import status_words as sw
from cccd_core.card.apdu import CommandApdu, ResponseApdu
from cccd_core.card.terminal_authentication import SET_AT, SET_DST, TAG_REFERENCE, VERIFY_CERTIFICATE
from cccd_core.card.virtual.session import Refusal, TerminalRun
from cccd_core.card.virtual.state import CardMemory, Trust
from cccd_core.emrtd.cv.authorization import Role
from cccd_core.emrtd.cv.certificate import CvCertificate, parse_certificate, parse_for_verification
from cccd_core.emrtd.cv.reference import parse_date
from cccd_core.emrtd.cv.trust_points import TRUST_POINTS_MAX, encode_trust_points
from cccd_core.emrtd.tlv import read_one
from cccd_core.errors import CccdError, FormatError
from cccd_core.signing.cv import Holder, verify

PURPOSES: Final = (SET_DST, SET_AT)


def first_trust(certificate: bytes, today: bytes) -> Trust:
    """What personalisation gives: a CVCA's certificate, the day. Raises what the bytes deserve."""
    holder = Holder.trust_point(parse_certificate(certificate))
    return Trust(parse_date(today), (holder.as_trust_point(),))


def trust_points_file(trust: Trust) -> bytes:
    """EF.CVCA as it stands."""
    return encode_trust_points([point.holder for point in trust.points])


def manage(run: TerminalRun, memory: CardMemory, purpose: tuple[int, int], data: bytes) -> ResponseApdu:
    """MSE:Set DST: whose certificate comes next is certified by whom. MSE:Set AT: who authenticates next."""
    try:
        name = read_one(data, TAG_REFERENCE).value
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None
    if purpose == SET_DST:
        run.issuer = None
        candidates = [Holder.named(point) for point in _trust(memory).points]
        run.issuer = _find([*candidates, *([run.verifier] if run.verifier else [])], name)
    else:
        run.chosen = None
        run.chosen = _find([run.system] if run.system else [], name)
    return ResponseApdu(b"", sw.SUCCESS)


def verify_certificate(run: TerminalRun, memory: CardMemory, command: CommandApdu) -> ResponseApdu:
    """PSO:Verify Certificate. A certificate that is refused changes nothing, and the issuer must be set anew."""
    if (command.p1, command.p2) != VERIFY_CERTIFICATE:
        raise Refusal(sw.INCORRECT_P1_P2)
    issuer, run.issuer = run.issuer, None
    if issuer is None:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    try:
        certificate = parse_for_verification(command.data)
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None
    trust = _trust(memory)
    try:
        holder = issuer.certifies(certificate)
    except CccdError:
        raise Refusal(sw.AUTHENTICATION_FAILED) from None
    link = holder.role is Role.CVCA
    if not link and min(issuer.expiration, holder.expiration) < trust.today:
        # An expired key of a CVCA still hands on to the next one; nothing else outlives its day (TR-03110-3, 2.5).
        raise Refusal(sw.AUTHENTICATION_FAILED)
    _learn(memory, trust, issuer, holder, certificate)
    if link:
        return ResponseApdu(b"", sw.SUCCESS)
    if holder.role is Role.IS:
        run.system = holder
    else:
        run.verifier = holder
    return ResponseApdu(b"", sw.SUCCESS)


def _learn(memory: CardMemory, trust: Trust, issuer: Holder, holder: Holder, certificate: CvCertificate) -> None:
    """The day and the trust points after a valid certificate, in one change."""
    # A terminal's word on the day is taken where an official domestic document verifier stands for it.
    tells_the_day = holder.role is not Role.IS or issuer.role is Role.DV_DOMESTIC
    today = max(trust.today, certificate.body.effective) if tells_the_day else trust.today
    points = trust.points
    if holder.role is Role.CVCA and all(point.holder != holder.reference for point in points):
        points = (holder.as_trust_point(), *points)[:TRUST_POINTS_MAX]
    if (today, points) != (trust.today, trust.points):
        memory.set_trust(Trust(today, points))


def challenge(run: TerminalRun, command: CommandApdu) -> ResponseApdu:
    """GET CHALLENGE: eight bytes that serve once."""
    if command.data or command.ne not in (bac.NONCE_SIZE, 256):
        raise Refusal(sw.WRONG_LENGTH)
    run.challenge = secrets.token_bytes(bac.NONCE_SIZE)
    return ResponseApdu(run.challenge, sw.SUCCESS)


def external_authenticate(run: TerminalRun, command: CommandApdu) -> ResponseApdu:
    """EXTERNAL AUTHENTICATE: the terminal's signature over chip, challenge and channel."""
    nonce, run.challenge = run.challenge, None
    if nonce is None or run.chosen is None:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    chosen = run.chosen
    try:
        verify(chosen.key, chosen.algorithm, command.data, run.chip_id + nonce + run.reader_key)
    except CccdError:
        raise Refusal(sw.AUTHENTICATION_FAILED) from None
    run.rights = chosen.rights
    return ResponseApdu(b"", sw.SUCCESS)


def _trust(memory: CardMemory) -> Trust:
    if memory.trust is None:
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    return memory.trust


def _find(holders: list[Holder], name: bytes) -> Holder:
    for holder in holders:
        if holder.reference.encoded == name:
            return holder
    raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
