"""SecurityInfos: EF.CardAccess and DG14.

Doc 9303-11 clause 9.2 (SecurityInfos for PACE, chip authentication, active authentication); BSI TR-03110-3 clause A.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.public_keys import parse_spki
from cccd_core.errors import FormatError

_BSI = "0.4.0.127.0.7.2.2"
ID_PK_ECDH = f"{_BSI}.1.2"
ID_CA_ECDH_AES_CBC_CMAC_128 = f"{_BSI}.3.2.2"
ID_PACE_ECDH_GM_AES_CBC_CMAC_128 = f"{_BSI}.4.2.2"
ID_ACTIVE_AUTHENTICATION = "2.23.136.1.1.5"
ECDSA_PLAIN_SHA256 = "0.4.0.127.0.7.1.1.4.1.3"
PARAMETER_BRAINPOOL_P256R1 = 13  # standardised domain parameters, Doc 9303-11 table 6

MAX_INFOS = 32


@dataclass(frozen=True, slots=True)
class PaceInfo:
    """PACEInfo: which PACE the chip does, over which standardised domain parameters."""

    protocol: str = ID_PACE_ECDH_GM_AES_CBC_CMAC_128
    version: int = 2
    parameter_id: int | None = PARAMETER_BRAINPOOL_P256R1


@dataclass(frozen=True, slots=True)
class ChipAuthenticationInfo:
    """ChipAuthenticationInfo: the protocol, and the key it is done with where there are several."""

    protocol: str = ID_CA_ECDH_AES_CBC_CMAC_128
    version: int = 1
    key_id: int | None = None


@dataclass(frozen=True, slots=True)
class ChipAuthenticationPublicKeyInfo:
    """The chip's static public key, as DER SubjectPublicKeyInfo."""

    public_key: bytes
    key_id: int | None = None
    protocol: str = ID_PK_ECDH


@dataclass(frozen=True, slots=True)
class ActiveAuthenticationInfo:
    """How an ECDSA active authentication key signs; TR-03111 plain signatures."""

    signature_algorithm: str = ECDSA_PLAIN_SHA256


@dataclass(frozen=True, slots=True)
class SecurityInfos:
    """A SET OF SecurityInfo, sorted by kind. `others` holds those of other protocols: (identifier, whole DER)."""

    pace: tuple[PaceInfo, ...] = ()
    chip_authentication: tuple[ChipAuthenticationInfo, ...] = ()
    chip_authentication_public_keys: tuple[ChipAuthenticationPublicKeyInfo, ...] = ()
    active_authentication: ActiveAuthenticationInfo | None = None
    others: tuple[tuple[str, bytes], ...] = ()

    def encode(self) -> bytes:
        """The DER SET OF SecurityInfo: the content of EF.CardAccess."""
        infos = [_info(i.protocol, _number(i.version), _number(i.parameter_id)) for i in self.pace]
        infos += [_info(i.protocol, _number(i.version), _number(i.key_id)) for i in self.chip_authentication]
        infos += [_info(i.protocol, i.public_key, _number(i.key_id)) for i in self.chip_authentication_public_keys]
        if self.active_authentication:
            algorithm = tlv.oid(self.active_authentication.signature_algorithm)
            infos.append(_info(ID_ACTIVE_AUTHENTICATION, tlv.integer(1), algorithm))
        return tlv.set_of(infos + [der for _, der in self.others])


def for_card_access() -> SecurityInfos:
    """What EF.CardAccess of our chip profile says: PACE with generic mapping on brainpoolP256r1 and AES-128.

    No terminal authentication is advertised, since the chip does none.
    """
    return SecurityInfos(pace=(PaceInfo(),))


def for_dg14(*, ca_public_key: bytes | None, active_authentication: bool, key_id: int | None = None) -> SecurityInfos:
    """What DG14 of our chip profile says: PACE, chip authentication with `ca_public_key` (DER SubjectPublicKeyInfo of
    an EC key) where one is given, and how active authentication signs where the chip does it."""
    if ca_public_key is not None:
        parse_spki(ca_public_key)
    return SecurityInfos(
        pace=(PaceInfo(),),
        chip_authentication=(ChipAuthenticationInfo(key_id=key_id),) if ca_public_key else (),
        chip_authentication_public_keys=(
            (ChipAuthenticationPublicKeyInfo(ca_public_key, key_id),) if ca_public_key else ()
        ),
        active_authentication=ActiveAuthenticationInfo() if active_authentication else None,
    )


def build_dg14(infos: SecurityInfos) -> bytes:
    """DG14: the SecurityInfos in tag 6E."""
    return tlv.encode(ElementaryFile.DG14.tag, infos.encode())


def parse(data: bytes) -> SecurityInfos:
    """Reads EF.CardAccess (tag 31) or DG14 (tag 6E). FormatError with offset for what is neither, or above 32 infos."""
    whole = tlv.read_one(data, tlv.SET, ElementaryFile.DG14.tag, what="SecurityInfos")
    if whole.tag != tlv.SET:
        reader = whole.reader()
        whole = reader.next(tlv.SET, what="SecurityInfos")
        reader.finish("SecurityInfos")
    pace: list[PaceInfo] = []
    chip: list[ChipAuthenticationInfo] = []
    keys: list[ChipAuthenticationPublicKeyInfo] = []
    active: ActiveAuthenticationInfo | None = None
    others: list[tuple[str, bytes]] = []
    for count, info in enumerate(whole.reader()):
        if count >= MAX_INFOS or info.tag != tlv.SEQUENCE:
            raise FormatError("SecurityInfos hold something else, or too much", offset=info.offset, limit=MAX_INFOS)
        parts = info.reader()
        protocol = tlv.to_oid(parts.next(tlv.OID, what="protocol of a SecurityInfo"))
        kind = protocol.removeprefix(_BSI + ".").split(".")[0] if protocol.startswith(_BSI + ".") else ""
        if kind == "4" and protocol.count(".") == _BSI.count(".") + 3:
            pace.append(PaceInfo(protocol, _integer(parts), _optional(parts)))
        elif kind == "3" and protocol.count(".") == _BSI.count(".") + 3:
            chip.append(ChipAuthenticationInfo(protocol, _integer(parts), _optional(parts)))
        elif kind == "1":
            key = parts.next(tlv.SEQUENCE, what="chip authentication public key")
            keys.append(ChipAuthenticationPublicKeyInfo(tlv.encode(key.tag, key.value), _optional(parts), protocol))
        elif protocol == ID_ACTIVE_AUTHENTICATION:
            if active or _integer(parts) != 1:
                raise FormatError("active authentication is said twice or in an unknown version", offset=info.offset)
            active = ActiveAuthenticationInfo(tlv.to_oid(parts.next(tlv.OID, what="signature algorithm")))
        else:
            others.append((protocol, tlv.encode(info.tag, info.value)))
            continue
        parts.finish("SecurityInfo")
    return SecurityInfos(tuple(pace), tuple(chip), tuple(keys), active, tuple(others))


def _info(protocol: str, *parts: bytes) -> bytes:
    return tlv.sequence(tlv.oid(protocol), *parts)


def _number(value: int | None) -> bytes:
    return b"" if value is None else tlv.integer(value)


def _integer(parts: tlv.Reader) -> int:
    return tlv.to_integer(parts.next(tlv.INTEGER, what="version of a SecurityInfo"))


def _optional(parts: tlv.Reader) -> int | None:
    found = parts.optional(tlv.INTEGER)
    return None if found is None else tlv.to_integer(found)
