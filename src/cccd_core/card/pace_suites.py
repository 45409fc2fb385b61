"""Which PACE a chip offers, and what of it is done here: protocols, domain parameters, the order of choice; the
arithmetic that both sides share (Doc 9303-11, 4.4, 9.2.1, 9.5; BSI TR-03110-3, A.1.1.1 and A.3). No input or output.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final

from cccd_core.card import groups, primitives
from cccd_core.card.groups import Group
from cccd_core.card.primitives import KDF_PASSWORD, ZERO_IV, kdf
from cccd_core.card.secure_messaging import Cipher, session_cipher
from cccd_core.emrtd import domain_parameters
from cccd_core.emrtd.security_infos import ID_PACE, PaceInfo, SecurityInfos
from cccd_core.emrtd.tlv import encode, oid
from cccd_core.errors import CardError, FormatError, ParameterError, UnavailableError

TAG_PUBLIC_KEY: Final = 0x7F49
NONCE_BLOCKS_MAX: Final = 8
VERSION: Final = 2

_KEY_BITS: Final = {"1": 112, "2": 128, "3": 192, "4": 256}  # last number of a protocol: 112 is 3DES, the others AES
_ALL_ONES: Final = (1 << 128) - 1

# Doc 9303-11, 4.4.3.3.2: the constants of the pseudo-random function, by the length of the cipher's key
_CONSTANTS_SHORT: Final = (
    bytes.fromhex("A668892A7C41E3CA739F40B057D85904"),
    bytes.fromhex("A4E136AC725F738B01C1F60217C188AD"),
)
_CONSTANTS_LONG: Final = (
    bytes.fromhex("D463D65234124EF7897054986DCA0A174E28DF758CBAA03F240616414D5A1676"),
    bytes.fromhex("54BD7255F0AAF831BEC3423FCF39D69B6CBF066677D0FAAE5AADD99DF8E53517"),
)


class Password(IntEnum):
    """Which password; the values of data object 83 (BSI TR-03110-3, B.11.1). Doc 9303-11 knows MRZ and CAN."""

    MRZ = 1
    CAN = 2
    PIN = 3
    PUK = 4


def check_password(kind: Password, text: str) -> None:
    """Refuses what cannot be such a password, so that it is never sent and costs no try: a CAN has six digits (Doc
    9303-11, 4.4.1), a PIN or PUK 4 to 16, the MRZ information is that of `MrzInformation.key_source`. ParameterError,
    without the password.
    """
    digits = text.isascii() and text.isdigit()
    if kind is Password.CAN and not (digits and len(text) == 6):
        raise ParameterError("a card access number has six digits", length=len(text))
    if kind in (Password.PIN, Password.PUK) and not (digits and 4 <= len(text) <= 16):
        raise ParameterError(f"a {kind.name} has 4 to 16 digits", length=len(text))
    if kind is Password.MRZ and not (text.isascii() and 22 <= len(text) <= 64):
        raise ParameterError("MRZ information is number, birth and expiry with check digits", length=len(text))


def password_secret(kind: Password, text: str) -> bytes:
    """The secret of a password before derivation (9.7.3): its characters; of the MRZ information the SHA-1."""
    raw = text.encode("ascii")
    return hashlib.sha1(raw, usedforsecurity=False).digest() if kind is Password.MRZ else raw


class Mapping(Enum):
    """How the nonce becomes a generator."""

    GENERIC = "generic mapping"
    INTEGRATED = "integrated mapping"
    CHIP_AUTHENTICATION = "chip-authentication mapping"


# Doc 9303-11, 9.2.1: the number behind id-PACE -> whether on a curve, which mapping.
_KINDS: Final = {
    "1": (False, Mapping.GENERIC),
    "2": (True, Mapping.GENERIC),
    "3": (False, Mapping.INTEGRATED),
    "4": (True, Mapping.INTEGRATED),
    "6": (True, Mapping.CHIP_AUTHENTICATION),
}
# The mapping that also proves the chip comes first; generic, which every chip and reader knows, before integrated.
_PREFERENCE: Final = {Mapping.INTEGRATED: 0, Mapping.GENERIC: 1, Mapping.CHIP_AUTHENTICATION: 2}


@dataclass(frozen=True, slots=True)
class Suite:
    """One protocol with its group. `references`: the domain parameters as MSE:Set AT may name them (None: not at all),
    the likelier form first.
    """

    protocol: str
    mapping: Mapping
    group: Group
    key_bits: int
    references: tuple[int | None, ...] = (None,)

    @property
    def rank(self) -> tuple[int, int, int]:
        """The order of choice: cipher, then mapping, then group, the strongest highest."""
        return self.key_bits, _PREFERENCE[self.mapping], self.group.strength_bits

    @property
    def name(self) -> str:
        """As in messages: `generic mapping, brainpoolP256r1, AES-128`."""
        cipher = "3DES" if self.key_bits == 112 else f"AES-{self.key_bits}"
        return f"{self.mapping.value}, {self.group.name}, {cipher}"

    @property
    def block(self) -> int:
        """Bytes of a block of the cipher."""
        return primitives.DES_BLOCK if self.key_bits == 112 else primitives.AES_BLOCK

    @property
    def key_bytes(self) -> int:
        """Bytes of a key of the cipher; 3DES has two keys of eight."""
        return 16 if self.key_bits == 112 else self.key_bits // 8

    @property
    def nonce_bytes(self) -> int:
        """Length of a chip's nonce: whole blocks, at least as long as a key (4.4.3.3.2)."""
        return 16 if self.key_bytes == 16 else 32

    def nonce_key(self, secret: bytes) -> bytes:
        """K_pi, under which the nonce travels."""
        return kdf(secret, KDF_PASSWORD, self.key_bits)

    def encrypt_nonce(self, key: bytes, nonce: bytes) -> bytes:
        """The nonce, whole blocks, zero initial vector (4.4.3.2)."""
        return self._encrypt(key, nonce)

    def decrypt_nonce(self, key: bytes, encrypted: bytes) -> bytes:
        """The nonce out of what the chip sent: any whole number of blocks up to eight. CardError otherwise."""
        if not encrypted or len(encrypted) % self.block or len(encrypted) > NONCE_BLOCKS_MAX * self.block:
            raise CardError("the PACE nonce is not whole blocks", length=len(encrypted), block=self.block)
        if self.key_bits == 112:
            return primitives.tdes_cbc_decrypt(key, encrypted)
        return primitives.aes_cbc_decrypt(key, ZERO_IV, encrypted)

    def _encrypt(self, key: bytes, data: bytes) -> bytes:
        if self.key_bits == 112:
            return primitives.tdes_cbc_encrypt(key, data)
        return primitives.aes_cbc_encrypt(key, ZERO_IV, data)

    def integrated_number(self, nonce: bytes, reader_nonce: bytes) -> int:
        """R_p(s, t): the number of the field that two nonces give (4.4.3.3.2). CardError for a nonce that is shorter
        than a key of the cipher.
        """
        size = self.key_bytes
        if len(nonce) < size:
            raise CardError("the PACE nonce is too short for integrated mapping", length=len(nonce), least=size)
        next_key, output = _CONSTANTS_SHORT if size == 16 else _CONSTANTS_LONG
        key = self._encrypt(reader_nonce, nonce)[:size]
        stream = b""
        while 8 * len(stream) < self.group.prime.bit_length() + 64:
            stream += self._encrypt(key, output)
            key = self._encrypt(key, next_key)[:size]
        return int.from_bytes(stream, "big") % self.group.prime

    def token(self, cipher: Cipher, mac_key: bytes, public_key: bytes) -> bytes:
        """The authentication token over the other side's public key (4.4.3.4): eight bytes."""
        data = encode(TAG_PUBLIC_KEY, oid(self.protocol) + encode(self.group.value_tag, public_key))
        if self.key_bits == 112:
            return primitives.retail_mac(mac_key, primitives.pad(data, cipher.block))
        return primitives.aes_cmac(mac_key, data)[:8]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides have after the key agreement."""

    cipher: Cipher
    mac_key: bytes = field(repr=False)

    @classmethod
    def derive(cls, suite: Suite, secret: bytes) -> Agreed:
        """Session keys out of the shared secret."""
        return cls(session_cipher(secret, suite.key_bits), kdf(secret, primitives.KDF_MAC, suite.key_bits))

    def seal_chip_data(self, data: bytes) -> bytes:
        """Chip authentication data for the wire (4.4.3.5.2): padded, under the session's key, the initial vector made
        of ones.
        """
        return self.cipher.encrypt(_ALL_ONES, data)

    def open_chip_data(self, sealed: bytes) -> bytes:
        """The opposite. SecureMessagingError for what has no padding."""
        return self.cipher.decrypt(_ALL_ONES, sealed)


def suites(infos: SecurityInfos) -> tuple[Suite, ...]:
    """All that the chip offers and that is done here, the strongest first: by cipher, then mapping, then group."""
    found = [suite for info in infos.pace if (suite := _suite(info, infos)) is not None]
    return tuple(sorted(found, key=lambda suite: suite.rank, reverse=True))


def choose(infos: SecurityInfos) -> Suite:
    """The strongest suite. UnavailableError, which names what the chip offers, where none is done here."""
    found = suites(infos)
    if found:
        return found[0]
    offered = [_offer(info) for info in infos.pace[:8]]
    raise UnavailableError(
        "the card offers no PACE that is supported here" if offered else "the card offers no PACE",
        needs="PACE version 2 on domain parameters 0 to 2 or 8 to 18",
        offered="; ".join(offered),
    )


def _offer(info: PaceInfo) -> str:
    parameter = "domain parameters not numbered" if info.parameter_id is None else f"parameter {info.parameter_id}"
    return f"{info.protocol} version {info.version}, {parameter}"


def _suite(info: PaceInfo, infos: SecurityInfos) -> Suite | None:
    """The suite of one PACEInfo; None where it is one that is not done here."""
    kind, _, cipher = info.protocol.removeprefix(ID_PACE + ".").partition(".")
    if kind not in _KINDS or cipher not in _KEY_BITS or info.version != VERSION:
        return None
    elliptic, mapping = _KINDS[kind]
    bits = _KEY_BITS[cipher]
    group = _group(info, infos, elliptic)
    if group is None or group.elliptic is not elliptic:
        return None
    if mapping is Mapping.CHIP_AUTHENTICATION and bits == 112:
        return None  # it is defined with AES alone
    if mapping is Mapping.INTEGRATED and elliptic and group.prime % 4 != 3:
        return None  # P-224 (Doc 9303-11, table 6)
    return Suite(info.protocol, mapping, group, bits, _references(info, infos, group))


def _group(info: PaceInfo, infos: SecurityInfos, elliptic: bool) -> Group | None:
    """The domain parameters of a PACEInfo: standardised ones by their number, else those that a
    PACEDomainParameterInfo of its kind gives under that number, or alone.
    """
    if info.parameter_id is not None:
        try:
            group = groups.of(domain_parameters.standardised(info.parameter_id))
        except FormatError:
            group = None
        if group is not None and group.elliptic is elliptic:
            return group
    given = [each for each in infos.pace_domain_parameters if info.protocol.startswith(each.protocol + ".")]
    if info.parameter_id is not None and len(given) > 1:
        given = [each for each in given if each.parameter_id == info.parameter_id]
    elif info.parameter_id is not None:
        given = [each for each in given if each.parameter_id in (None, info.parameter_id)]
    if len({each.algorithm for each in given}) != 1:
        return None
    try:
        return groups.of(domain_parameters.parse(given[0].algorithm))
    except FormatError:
        return None


def _references(info: PaceInfo, infos: SecurityInfos, group: Group) -> tuple[int | None, ...]:
    """The reference is needed where the chip has several sets of domain parameters for the protocol (4.4.4.1), and
    allowed else; chips are known that refuse the one form or the other.
    """
    if info.parameter_id is not None:
        alike = [each for each in infos.pace if each.protocol == info.protocol]
        return (info.parameter_id,) if len(alike) > 1 else (info.parameter_id, None)
    given = [
        each.parameter_id
        for each in infos.pace_domain_parameters
        if info.protocol.startswith(each.protocol + ".") and each.parameter_id is not None
    ]
    number = given[0] if given else group.parameter_id
    return (None,) if number is None else (None, number)
