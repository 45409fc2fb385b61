"""The software card's ends of PACE and Chip Authentication (Doc 9303-11, 4.4, 6.2). What it does is what its files say:
EF.CardAccess and DG14, with the keys among its secrets.
"""

from __future__ import annotations

import secrets
from typing import Final

from cccd_core.card import chip_authentication, groups, pace, pace_suites, stored_keys
from cccd_core.card import status_words as sw
from cccd_core.card.groups import EcGroup
from cccd_core.card.pace_suites import Agreed, Mapping, Password
from cccd_core.card.primitives import same
from cccd_core.card.profile import DGI_CAN, DGI_CHIP_AUTHENTICATION_KEY, DGI_MRZ_INFORMATION
from cccd_core.card.secure_messaging import session_cipher
from cccd_core.card.stored_keys import AgreementKey
from cccd_core.card.virtual.channels import ReaderChannel
from cccd_core.card.virtual.session import CardSession, PaceRun, Refusal
from cccd_core.card.virtual.state import Directory
from cccd_core.emrtd import security_infos
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.security_infos import SecurityInfos
from cccd_core.emrtd.tlv import encode
from cccd_core.errors import CccdError, FormatError

_PASSWORD_DGI: Final = {Password.MRZ: DGI_MRZ_INFORMATION, Password.CAN: DGI_CAN}


def infos(session: CardSession, file: ElementaryFile) -> SecurityInfos:
    """What one of the card's files says of its protocols; nothing where there is none."""
    place = Directory.APPLICATION if file.in_application else Directory.MASTER_FILE
    stored = session.memory.files.get((place, file.fid))
    try:
        return security_infos.parse(bytes(stored.content)) if stored else SecurityInfos()
    except FormatError:
        return SecurityInfos()


def chip_key(session: CardSession, dgi: int) -> stored_keys.AgreementKey | stored_keys.RsaKey:
    """One of the card's private keys. Refusal where it has none."""
    value = session.memory.secrets.get(dgi)
    if value is None:
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    return stored_keys.decode(value)


def choose_pace(session: CardSession, protocol: str, reference: int | None, password: int) -> PaceRun:
    """MSE:Set AT of PACE. Refusal for what EF.CardAccess does not offer, or leaves open."""
    offered = [s for s in pace_suites.suites(infos(session, ElementaryFile.EF_CARDACCESS)) if s.protocol == protocol]
    if reference is not None:
        offered = [suite for suite in offered if reference in suite.references]
    if len({suite.group.name for suite in offered}) != 1:
        raise Refusal(sw.WRONG_DATA)
    if password not in _PASSWORD_DGI or _PASSWORD_DGI[Password(password)] not in session.memory.secrets:
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    return PaceRun(offered[0], Password(password))


def pace_step(session: CardSession, run: PaceRun, tag: int, value: bytes) -> bytes:
    """One step of PACE: the data objects of its answer. A step out of order ends the protocol. Raises Refusal."""
    if tag != run.step:
        raise Refusal(sw.CONDITIONS_NOT_SATISFIED)
    try:
        answer = _PACE_STEPS[tag](session, run, value)
    except FormatError:
        raise Refusal(sw.WRONG_DATA) from None
    session.pace = run if run.step != tag else None  # the proof is the last step
    return answer


def _pace_nonce(session: CardSession, run: PaceRun, value: bytes) -> bytes:
    del value
    run.nonce, run.step = secrets.token_bytes(run.suite.nonce_bytes), 0x81
    password = session.memory.secrets[_PASSWORD_DGI[run.password]].decode("ascii")
    key = run.suite.nonce_key(pace_suites.password_secret(run.password, password))
    return encode(0x80, run.suite.encrypt_nonce(key, run.nonce))


def _pace_map(session: CardSession, run: PaceRun, value: bytes) -> bytes:
    group = run.suite.group
    run.step = 0x83
    if run.suite.mapping is Mapping.INTEGRATED:
        if len(value) != run.suite.key_bytes:
            raise Refusal(sw.WRONG_DATA)
        run.generator = group.map_integrated(run.suite.integrated_number(run.nonce, value))
        return encode(0x82, b"")
    number = _mapping_number(session, run)
    secret = group.secret(number)
    run.generator = group.map_generic(int.from_bytes(run.nonce, "big"), secret.times(value))
    return encode(0x82, secret.public())


def _mapping_number(session: CardSession, run: PaceRun) -> int | None:
    """The private mapping key: any, or the one that chip-authentication mapping ties to the static key (4.4.3.5.1)."""
    group = run.suite.group
    if run.suite.mapping is not Mapping.CHIP_AUTHENTICATION:
        return None
    key = chip_key(session, DGI_CHIP_AUTHENTICATION_KEY)
    if not isinstance(group, EcGroup) or not isinstance(key, AgreementKey) or key.parameters is not group.curve:
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    number = 2 + secrets.randbelow(group.curve.n - 3)
    run.chip_data = pow(key.number, -1, group.curve.n) * number % group.curve.n
    return number


def _pace_agree(session: CardSession, run: PaceRun, value: bytes) -> bytes:
    del session
    secret = run.suite.group.secret()
    mine = secret.times(run.generator)
    if mine == value:
        raise Refusal(sw.WRONG_DATA)
    run.secret = secret.agree(value)
    run.reader_key, run.chip_key = value, mine
    run.step = 0x85
    return encode(0x84, mine)


def _pace_prove(session: CardSession, run: PaceRun, value: bytes) -> bytes:
    suite = run.suite
    agreed = Agreed.derive(suite, run.secret)
    session.begin_attempt()
    if not same(value, suite.token(agreed.cipher, agreed.mac_key, run.chip_key)):
        raise Refusal(sw.AUTHENTICATION_FAILED)
    session.attempt_succeeded()
    session.grant_access(ReaderChannel(agreed.cipher), suite.group.compress(run.chip_key))
    answer = encode(0x86, suite.token(agreed.cipher, agreed.mac_key, run.reader_key))
    if suite.mapping is Mapping.CHIP_AUTHENTICATION and isinstance(suite.group, EcGroup):
        data = run.chip_data.to_bytes(suite.group.curve.order_bytes, "big")
        answer += encode(pace.TAG_CHIP_DATA, agreed.seal_chip_data(data))
    return answer


_PACE_STEPS: Final = {0: _pace_nonce, 0x81: _pace_map, 0x83: _pace_agree, 0x85: _pace_prove}


def choose_chip_authentication(
    session: CardSession, protocol: str | None, reference: int | None
) -> chip_authentication.Suite:
    """MSE:Set AT, or Set KAT (no protocol: 3DES), of Chip Authentication. Refusal for what DG14 does not offer, or
    where the card does not have the key.
    """
    session.require_access()
    key = chip_key(session, DGI_CHIP_AUTHENTICATION_KEY)
    for suite in chip_authentication.suites(infos(session, ElementaryFile.DG14)):
        wanted = suite.key_bits == 112 if protocol is None else suite.protocol == protocol
        known = reference is None or reference in suite.references
        if wanted and known and isinstance(key, AgreementKey) and groups.of(key.parameters).name == suite.group.name:
            return suite
    raise Refusal(sw.WRONG_DATA)


def agree_chip_authentication(session: CardSession, suite: chip_authentication.Suite, public_key: bytes) -> None:
    """The new channel, which takes over after this answer."""
    session.require_access()
    key = chip_key(session, DGI_CHIP_AUTHENTICATION_KEY)
    if not isinstance(key, AgreementKey):
        raise Refusal(sw.REFERENCE_DATA_NOT_FOUND)
    try:
        shared = groups.of(key.parameters).secret(key.number).agree(public_key)
    except CccdError:
        raise Refusal(sw.WRONG_DATA) from None
    channel = ReaderChannel(session_cipher(shared, suite.key_bits))
    session.chip_proved(channel, suite.group.compress(public_key))
