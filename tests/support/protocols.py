"""Software cards of any protocol, made directly in their memory; links that change what passes; EF.CardSecurity."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cccd_core.card import CardConnection, ChipReader, MemoryLink, groups, profile
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.profile import LifeCycle
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import Directory
from cccd_core.emrtd import card_security, dg15, dh_groups, domain_parameters, security_infos, tlv
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.hashes import hash_identifier
from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.emrtd.security_infos import (
    ID_CA,
    ID_PACE,
    ID_PK_DH,
    ID_PK_ECDH,
    ChipAuthenticationInfo,
    ChipAuthenticationPublicKeyInfo,
    PaceInfo,
    SecurityInfos,
)
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.signing.signer import Signer
from support.chip import CAN, MRZ

ORDER = dict.fromkeys(range(3), "q") | dict.fromkeys(range(8, 19), "n")
DG1 = tlv.encode(0x61, b"as long as any test needs")


def stored(parameter_id: int, number: int) -> bytes:
    """A chip's private key as it is stored."""
    order = getattr(domain_parameters.standardised(parameter_id), ORDER[parameter_id])
    return bytes((parameter_id,)) + number.to_bytes((order.bit_length() + 7) // 8, "big")


def public_info(parameter_id: int, number: int, key_id: int | None = None) -> ChipAuthenticationPublicKeyInfo:
    """The public key of that private key, as DG14 and EF.CardSecurity have it."""
    parameters = domain_parameters.standardised(parameter_id)
    public = groups.of(parameters).secret(number).public()
    if isinstance(parameters, Curve):
        size = parameters.field_bytes
        x, y = int.from_bytes(public[1 : 1 + size], "big"), int.from_bytes(public[1 + size :], "big")
        return ChipAuthenticationPublicKeyInfo(
            EcPublicKey(parameters, x, y, False).spki(explicit=True), key_id, ID_PK_ECDH
        )
    key = dh_groups.DhPublicKey(parameters, int.from_bytes(public, "big"))
    return ChipAuthenticationPublicKeyInfo(key.spki(), key_id, ID_PK_DH)


def pace_info(kind: int, cipher: int, parameter_id: int | None) -> PaceInfo:
    """A PACEInfo by the last numbers of its protocol."""
    return PaceInfo(f"{ID_PACE}.{kind}.{cipher}", 2, parameter_id)


def ca_info(elliptic: bool, cipher: int, key_id: int | None = None) -> ChipAuthenticationInfo:
    """A ChipAuthenticationInfo by the last numbers of its protocol."""
    return ChipAuthenticationInfo(f"{ID_CA}.{2 if elliptic else 1}.{cipher}", 1, key_id)


def card(
    access: SecurityInfos,
    *,
    dg14: SecurityInfos | None = None,
    dg15_key: bytes | None = None,
    ca_key: bytes | None = None,
    aa_key: bytes | None = None,
    security: bytes | None = None,
) -> VirtualCard:
    """A personalised card with these SecurityInfos and keys."""
    made = VirtualCard.create(None, master_key=CardMasterKey(bytes(16)), serial=bytes(8), wait=lambda _: None)
    files = {ElementaryFile.EF_CARDACCESS: access.encode(), ElementaryFile.DG1: DG1}
    if dg14 is not None:
        files[ElementaryFile.DG14] = security_infos.build_dg14(dg14)
    if dg15_key is not None:
        files[ElementaryFile.DG15] = dg15.build(dg15_key)
    if security is not None:
        files[ElementaryFile.EF_CARDSECURITY] = security
    for file, content in files.items():
        place = Directory.APPLICATION if file.in_application else Directory.MASTER_FILE
        made.memory.create_file(place, file.fid, file.sfi, len(content))
        made.memory.write(place, file.fid, 0, content)
    secrets = {
        profile.DGI_CAN: CAN.encode("ascii"),
        profile.DGI_MRZ_INFORMATION: MRZ.key_source.encode("ascii"),
        profile.DGI_CHIP_AUTHENTICATION_KEY: ca_key,
        profile.DGI_ACTIVE_AUTHENTICATION_KEY: aa_key,
    }
    made.memory.store_secrets({tag: value for tag, value in secrets.items() if value is not None})
    made.memory.set_life_cycle(LifeCycle.PERSONALISED)
    made.power_on()
    return made


def reader(made: VirtualCard) -> ChipReader:
    """A reader in front of it."""
    return ChipReader(CardConnection(MemoryLink(made)))


class ChangingLink:
    """A link that hands every command and every answer to two functions, and counts the commands."""

    def __init__(
        self,
        made: VirtualCard,
        command: Callable[[int, bytes], bytes] = lambda _, raw: raw,
        answer: Callable[[int, bytes], bytes] = lambda _, raw: raw,
    ) -> None:
        self._link = MemoryLink(made)
        self._command = command
        self._answer = answer
        self.commands: list[bytes] = []

    @property
    def atr(self) -> bytes:
        return self._link.atr

    def transmit(self, command: bytes) -> bytes:
        number = len(self.commands)
        self.commands.append(command)
        return self._answer(number, self._link.transmit(self._command(number, command)))

    def reset(self) -> None:
        self._link.reset()

    def close(self) -> None:
        self._link.close()


def signed_card_security(infos: SecurityInfos, signer: Signer) -> bytes:
    """EF.CardSecurity as a State signs it."""
    algorithm = signer.algorithm
    content = infos.encode()
    digest = tlv.octet_string(hashlib.new(algorithm.hash_name, content).digest())
    kind = tlv.sequence(tlv.oid("1.2.840.113549.1.9.3"), tlv.encode(tlv.SET, tlv.oid(card_security.ID_SECURITY_OBJECT)))
    attributes = tlv.set_of([kind, tlv.sequence(tlv.oid("1.2.840.113549.1.9.4"), tlv.encode(tlv.SET, digest))])
    parts = certificate_parts(signer.certificate_der)
    hashed = hash_identifier(algorithm.hash_name)
    info = tlv.sequence(
        tlv.integer(1),
        tlv.sequence(parts.issuer, parts.serial_number),
        hashed,
        b"\xa0" + attributes[1:],
        algorithm.identifier,
        tlv.octet_string(signer.sign(attributes)),
    )
    encapsulated = tlv.sequence(tlv.oid(card_security.ID_SECURITY_OBJECT), tlv.encode(0xA0, tlv.octet_string(content)))
    signed = tlv.sequence(
        tlv.integer(3),
        tlv.encode(tlv.SET, hashed),
        encapsulated,
        tlv.encode(0xA0, signer.certificate_der),
        tlv.encode(tlv.SET, info),
    )
    return tlv.sequence(tlv.oid("1.2.840.113549.1.7.2"), tlv.encode(0xA0, signed))
