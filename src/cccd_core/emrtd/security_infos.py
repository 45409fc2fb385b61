"""SecurityInfos: EF.CardAccess, DG14, and the content of EF.CardSecurity.

Doc 9303-11 clause 9.2 (SecurityInfos for PACE, chip and active authentication, terminal authentication); BSI TR-03110-3
clause A.1. What is unknown or cannot be read is kept as it is, beside the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from cccd_core.emrtd import tlv
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.odd import OddPart
from cccd_core.emrtd.public_keys import parse_spki
from cccd_core.errors import FormatError

_BSI = "0.4.0.127.0.7.2.2"
ID_PK = f"{_BSI}.1"
ID_PK_DH = f"{ID_PK}.1"
ID_PK_ECDH = f"{ID_PK}.2"
ID_TA = f"{_BSI}.2"
ID_CA = f"{_BSI}.3"
ID_CA_ECDH_AES_CBC_CMAC_128 = f"{ID_CA}.2.2"
ID_PACE = f"{_BSI}.4"
ID_PACE_ECDH_GM_AES_CBC_CMAC_128 = f"{ID_PACE}.2.2"
ID_ACTIVE_AUTHENTICATION = "2.23.136.1.1.5"
ECDSA_PLAIN_SHA256 = "0.4.0.127.0.7.1.1.4.1.3"
PARAMETER_BRAINPOOL_P256R1 = 13  # standardised domain parameters, Doc 9303-11 table 6

MAX_INFOS = 128
_NUMBER_MAX = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class PaceInfo:
    """PACEInfo: which PACE the chip does. `parameter_id` numbers standardised domain parameters (Doc 9303-11 table 6)
    or those of a PACEDomainParameterInfo; None where the chip has one only.
    """

    protocol: str = ID_PACE_ECDH_GM_AES_CBC_CMAC_128
    version: int = 2
    parameter_id: int | None = PARAMETER_BRAINPOOL_P256R1


@dataclass(frozen=True, slots=True)
class PaceDomainParameterInfo:
    """PACEDomainParameterInfo: the domain parameters of a kind of PACE (its protocol has no cipher), as a DER
    AlgorithmIdentifier that `domain_parameters.parse` reads.
    """

    protocol: str
    algorithm: bytes
    parameter_id: int | None = None


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
    """How an ECDSA active authentication key signs: TR-03111 plain signatures, by the standard."""

    signature_algorithm: str = ECDSA_PLAIN_SHA256
    version: int = 1


@dataclass(frozen=True, slots=True)
class TerminalAuthenticationInfo:
    """TerminalAuthenticationInfo: that the chip asks for terminal authentication, and where version 1 keeps the names
    of its trust points, EF.CVCA (011C, short 1C, where nothing is said).
    """

    version: int = 1
    ef_cvca: int | None = None
    ef_cvca_short: int | None = None
    protocol: str = ID_TA


_Info = TypeVar(
    "_Info",
    PaceInfo,
    PaceDomainParameterInfo,
    ChipAuthenticationInfo,
    ChipAuthenticationPublicKeyInfo,
    TerminalAuthenticationInfo,
)


@dataclass(frozen=True, slots=True)
class SecurityInfos:
    """A SET OF SecurityInfo, sorted by kind. `others` holds those of other protocols: (identifier, whole DER); `odd`
    those that cannot be read, by their protocol's identifier where that could be.
    """

    pace: tuple[PaceInfo, ...] = ()
    chip_authentication: tuple[ChipAuthenticationInfo, ...] = ()
    chip_authentication_public_keys: tuple[ChipAuthenticationPublicKeyInfo, ...] = ()
    active_authentication: ActiveAuthenticationInfo | None = None
    others: tuple[tuple[str, bytes], ...] = ()
    pace_domain_parameters: tuple[PaceDomainParameterInfo, ...] = ()
    terminal_authentication: tuple[TerminalAuthenticationInfo, ...] = ()
    odd: tuple[OddPart, ...] = ()

    def encode(self) -> bytes:
        """The DER SET OF SecurityInfo: the content of EF.CardAccess."""
        infos = [_info(i.protocol, _number(i.version), _number(i.parameter_id)) for i in self.pace]
        infos += [_info(i.protocol, i.algorithm, _number(i.parameter_id)) for i in self.pace_domain_parameters]
        infos += [_info(i.protocol, _number(i.version), _number(i.key_id)) for i in self.chip_authentication]
        infos += [_info(i.protocol, i.public_key, _number(i.key_id)) for i in self.chip_authentication_public_keys]
        infos += [_info(i.protocol, _number(i.version), _file_id(i)) for i in self.terminal_authentication]
        if self.active_authentication:
            algorithm = tlv.oid(self.active_authentication.signature_algorithm)
            infos.append(_info(ID_ACTIVE_AUTHENTICATION, _number(self.active_authentication.version), algorithm))
        return tlv.set_of([*infos, *(der for _, der in self.others), *(each.raw for each in self.odd)])


def for_card_access(*, chip_authentication: bool = True) -> SecurityInfos:
    """What EF.CardAccess of our chip profile says, and that of Vietnam's cards: PACE with generic mapping on
    brainpoolP256r1 and AES-128; on a chip that has a key for it, chip authentication with AES-128 and terminal
    authentication, which is bound to it.
    """
    if not chip_authentication:
        return SecurityInfos(pace=(PaceInfo(),))
    return SecurityInfos(
        pace=(PaceInfo(),),
        chip_authentication=(ChipAuthenticationInfo(),),
        terminal_authentication=(TerminalAuthenticationInfo(),),
    )


def for_dg14(*, ca_public_key: bytes | None, active_authentication: bool, key_id: int | None = None) -> SecurityInfos:
    """What DG14 of our chip profile says: PACE, chip authentication with `ca_public_key` (DER SubjectPublicKeyInfo of
    an EC key) and terminal authentication where one is given, and how active authentication signs where the chip does
    it."""
    if ca_public_key is not None:
        parse_spki(ca_public_key)
    return SecurityInfos(
        pace=(PaceInfo(),),
        chip_authentication=(ChipAuthenticationInfo(key_id=key_id),) if ca_public_key else (),
        chip_authentication_public_keys=(
            (ChipAuthenticationPublicKeyInfo(ca_public_key, key_id),) if ca_public_key else ()
        ),
        active_authentication=ActiveAuthenticationInfo() if active_authentication else None,
        terminal_authentication=(TerminalAuthenticationInfo(),) if ca_public_key else (),
    )


def build_dg14(infos: SecurityInfos) -> bytes:
    """DG14: the SecurityInfos in tag 6E."""
    return tlv.encode(ElementaryFile.DG14.tag, infos.encode())


def parse(data: bytes) -> SecurityInfos:
    """Reads EF.CardAccess (tag 31) or DG14 (tag 6E). FormatError with offset for what is neither, or above 128 infos;
    one info that is not what its kind says costs itself alone.
    """
    whole = tlv.read_one(data, tlv.SET, ElementaryFile.DG14.tag, what="SecurityInfos")
    if whole.tag != tlv.SET:
        reader = whole.reader()
        whole = reader.next(tlv.SET, what="SecurityInfos")
        reader.finish("SecurityInfos")
    found = _Found()
    for count, info in enumerate(whole.reader()):
        if count >= MAX_INFOS:
            raise FormatError("SecurityInfos hold too much", offset=info.offset, limit=MAX_INFOS)
        found.take(info)
    return SecurityInfos(
        tuple(found.pace),
        tuple(found.chip),
        tuple(found.keys),
        found.active,
        tuple(found.others),
        tuple(found.domain_parameters),
        tuple(found.terminal),
        tuple(found.odd),
    )


class _Found:
    """What `parse` gathers, one info after the other."""

    def __init__(self) -> None:
        self.pace: list[PaceInfo] = []
        self.domain_parameters: list[PaceDomainParameterInfo] = []
        self.chip: list[ChipAuthenticationInfo] = []
        self.keys: list[ChipAuthenticationPublicKeyInfo] = []
        self.terminal: list[TerminalAuthenticationInfo] = []
        self.active: ActiveAuthenticationInfo | None = None
        self.others: list[tuple[str, bytes]] = []
        self.odd: list[OddPart] = []

    def take(self, info: tlv.Tlv) -> None:
        """Sorts one info in; whatever is wrong with it stays with it."""
        raw = tlv.encode(info.tag, info.value)
        protocol: str | None = None
        try:
            if info.tag != tlv.SEQUENCE:
                raise FormatError("something else than a SecurityInfo", offset=info.offset, tag=f"{info.tag:X}")
            parts = info.reader()
            protocol = tlv.to_oid(parts.next(tlv.OID, what="protocol of a SecurityInfo"))
            if self._known(protocol, parts):
                parts.finish("SecurityInfo")
            else:
                self.others.append((protocol, raw))
        except FormatError as error:
            self.odd.append(OddPart(protocol or "SecurityInfo", raw, error))

    def _known(self, protocol: str, parts: tlv.Reader) -> bool:
        """Whether the protocol is one of those sorted here; then its info is read."""
        depth = protocol.count(".") - _BSI.count(".")
        if protocol.startswith(ID_PACE + ".") and depth == 3:
            self._add(self.pace, PaceInfo(protocol, _integer(parts), _optional(parts)), parts)
        elif protocol.startswith(ID_PACE + ".") and depth == 2:
            algorithm = _whole(parts, "domain parameters")
            self._add(self.domain_parameters, PaceDomainParameterInfo(protocol, algorithm, _optional(parts)), parts)
        elif protocol.startswith(ID_CA + ".") and depth == 3:
            self._add(self.chip, ChipAuthenticationInfo(protocol, _integer(parts), _optional(parts)), parts)
        elif protocol.startswith(ID_PK + ".") and depth == 2:
            key = _whole(parts, "chip authentication public key")
            self._add(self.keys, ChipAuthenticationPublicKeyInfo(key, _optional(parts), protocol), parts)
        elif protocol == ID_TA:
            self._add(self.terminal, _terminal(parts), parts)
        elif protocol == ID_ACTIVE_AUTHENTICATION:
            version = _integer(parts)
            algorithm_oid = tlv.to_oid(parts.next(tlv.OID, what="signature algorithm"))
            parts.finish("SecurityInfo")
            info = ActiveAuthenticationInfo(algorithm_oid, version)
            if self.active not in (None, info):
                raise FormatError("active authentication is said twice, and differently", offset=parts.offset)
            self.active = info
        else:
            return False
        return True

    @staticmethod
    def _add(gathered: list[_Info], info: _Info, parts: tlv.Reader) -> None:
        parts.finish("SecurityInfo")
        gathered.append(info)


def _terminal(parts: tlv.Reader) -> TerminalAuthenticationInfo:
    version = _integer(parts)
    file = parts.optional(tlv.SEQUENCE, what="file of the trust points")
    if file is None:
        return TerminalAuthenticationInfo(version)
    names = file.reader()
    fid = names.next(tlv.OCTET_STRING, what="file identifier")
    short = names.optional(tlv.OCTET_STRING, what="short file identifier")
    names.finish("file of the trust points")
    if len(fid.value) != 2 or (short is not None and (len(short.value) != 1 or short.value[0] > 30)):
        raise FormatError("a file identifier has two bytes, a short one five bits", offset=fid.offset)
    return TerminalAuthenticationInfo(version, int.from_bytes(fid.value, "big"), short.value[0] if short else None)


def _file_id(info: TerminalAuthenticationInfo) -> bytes:
    if info.ef_cvca is None:
        return b""
    short = b"" if info.ef_cvca_short is None else tlv.octet_string(bytes((info.ef_cvca_short,)))
    return tlv.sequence(tlv.octet_string(info.ef_cvca.to_bytes(2, "big")), short)


def _info(protocol: str, *parts: bytes) -> bytes:
    return tlv.sequence(tlv.oid(protocol), *parts)


def _number(value: int | None) -> bytes:
    return b"" if value is None else tlv.integer(value)


def _whole(parts: tlv.Reader, what: str) -> bytes:
    found = parts.next(tlv.SEQUENCE, what=what)
    return tlv.encode(found.tag, found.value)


def _integer(parts: tlv.Reader) -> int:
    return tlv.to_integer(parts.next(tlv.INTEGER, what="version of a SecurityInfo"))


def _optional(parts: tlv.Reader) -> int | None:
    found = parts.optional(tlv.INTEGER)
    if found is None:
        return None
    value = tlv.to_integer(found)
    if not 0 <= value <= _NUMBER_MAX:
        raise FormatError("a number of a key or of domain parameters is out of range", offset=found.offset)
    return value
