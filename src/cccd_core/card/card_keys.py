"""The keys of a batch of cards: one master key, and how each card's own SCP03 keys come out of it.

A wrong method looks like a wrong key. Neither ever costs a card one of its tries: what the card says of itself in its
answer to INITIALIZE UPDATE (key version, key diversification data, its own proof) is looked at before the host proves
anything (docs/reference/card.md, "Card keys").

Sources: NIST SP 800-108r1, 4.1 (counter mode, AES-CMAC); `kdf3`, `emv` and `visa2` as GlobalPlatformPro has them under
these names, which for `emv` is EMV Card Personalization Specification 1.1, 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from cccd_core.card.primitives import AES_BLOCK, aes_cbc_encrypt, aes_cmac, counter_kdf, tdes_ecb_encrypt
from cccd_core.card.scp03 import KEY_DIVERSIFICATION_BYTES, CardProof, Scp03Keys
from cccd_core.errors import AuthenticationError, FormatError, ParameterError

AES_KEY_BYTES: Final = (16, 24, 32)
CHECK_VALUE_BYTES: Final = 3
_ENC, _MAC, _DEK = 1, 2, 3
_USES: Final = (_ENC, _MAC, _DEK)
_LABELS: Final = {_ENC: b"CCCD-SCP03-ENC", _MAC: b"CCCD-SCP03-MAC", _DEK: b"CCCD-SCP03-DEK"}


class KeyDiversification(StrEnum):
    """How a card's keys come out of its master key, by the names under which users know the methods."""

    CCCD = "cccd"  # SP 800-108 with a label for each use, context the serial: this library's own
    KDF3 = "kdf3"  # SP 800-108 with the number of the use, context the key diversification data
    EMV = "emv"  # 3DES of the last six bytes of the key diversification data
    VISA2 = "visa2"  # 3DES of bytes 1, 2 and 5 to 8 of the key diversification data


@dataclass(frozen=True, slots=True)
class CardMasterKey:
    """The master key of a batch of cards: `key` of 16, 24 or 32 bytes (`emv` and `visa2` know 16 alone), the method,
    the version number under which the cards keep the keys (1 to 127), and the master key that takes its place on each
    card as it is personalised, if there is one.
    """

    key: bytes = field(repr=False)
    diversification: KeyDiversification = KeyDiversification.CCCD
    version: int = 1
    replacement: CardMasterKey | None = None

    def __post_init__(self) -> None:
        sizes = AES_KEY_BYTES if self.diversification in (KeyDiversification.CCCD, KeyDiversification.KDF3) else (16,)
        if len(self.key) not in sizes:
            raise ParameterError(
                "a card master key has another length", length=len(self.key), method=str(self.diversification),
                allowed=" or ".join(map(str, sizes)),
            )  # fmt: skip
        if not 1 <= self.version <= 0x7F:
            raise ParameterError("a key version number is 1 to 127", version=self.version)
        if self.replacement is not None and self.replacement.version == self.version:
            raise ParameterError("a key and the one that takes its place have two versions", version=self.version)

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key as it stands in a file: one line, and for a key that is to take its place on each card another one.

        A line is the key in hexadecimal, before it the method where it is not `cccd`, and the key version where it is
        not 1: `404142…`, `kdf3 404142…`, `visa2 48 404142…`. FormatError, which names the line and shows nothing of it.
        """
        lines = text.split("\n")
        while lines and not lines[-1].strip():
            lines.pop()
        if len(lines) not in (1, 2):
            raise FormatError("a card master key is one line, or two with the key that replaces it", lines=len(lines))
        replacement = cls._line(lines[1], 2, None) if len(lines) == 2 else None
        return cls._line(lines[0], 1, replacement)

    @classmethod
    def _line(cls, line: str, number: int, replacement: Self | None) -> Self:
        words = line.split()
        method, version = KeyDiversification.CCCD, 1
        try:
            if len(words) > 1 and not words[0].isdigit():
                method = KeyDiversification(words.pop(0))
            if len(words) > 1:
                version = int(words.pop(0))
            (digits,) = words
            return cls(bytes.fromhex(digits), method, version, replacement)
        except ValueError:
            known = ", ".join(KeyDiversification)
            raise FormatError(
                "a card master key is hexadecimal digits, before them a method and a key version", line=number,
                methods=known,
            ) from None  # fmt: skip
        except ParameterError as error:
            raise FormatError(error.message, **{**error.facts, "line": number}) from None

    @property
    def check_value(self) -> str:
        """Six hexadecimal digits by which people tell keys apart (GlobalPlatform 2.3.1, B.6): 3DES keys over zeros, AES
        keys over ones."""
        if self.diversification in (KeyDiversification.EMV, KeyDiversification.VISA2):
            return tdes_ecb_encrypt(self.key, bytes(8))[:CHECK_VALUE_BYTES].hex().upper()
        return check_value(self.key).hex().upper()

    def keys_of(self, serial: bytes, diversification_data: bytes) -> Scp03Keys:
        """The keys of one card: by its serial (1 to 32 bytes), or the ten bytes with which its answer to INITIALIZE
        UPDATE begins. Costs three to six CMACs, or three 3DES encryptions."""
        if not 1 <= len(serial) <= 32:
            raise ParameterError("a card serial has 1 to 32 bytes", length=len(serial))
        if len(diversification_data) != KEY_DIVERSIFICATION_BYTES:
            raise ParameterError("key diversification data has ten bytes", length=len(diversification_data))
        enc, mac, dek = (self._derive(use, serial, diversification_data) for use in _USES)
        return Scp03Keys(enc, mac, dek, self.version)

    def _derive(self, use: int, serial: bytes, data: bytes) -> bytes:
        match self.diversification:
            case KeyDiversification.CCCD:
                return counter_kdf(self.key, _LABELS[use], serial, 8 * len(self.key))
            case KeyDiversification.KDF3:
                return _kdf3(self.key, use, data)
            case KeyDiversification.EMV:
                return _two_halves(self.key, use, data[4:10])
            case KeyDiversification.VISA2:
                return _two_halves(self.key, use, data[0:2] + data[4:8])

    def methods_of(self, proof: CardProof, serial: bytes) -> tuple[KeyDiversification, ...]:
        """By which methods this key and a card's proof go together: how a card's keys were derived, told without a
        try. Empty where it is another key's card."""
        fitting = []
        for method in KeyDiversification:
            if method in (KeyDiversification.EMV, KeyDiversification.VISA2) and len(self.key) != 16:
                continue
            keys = CardMasterKey(self.key, method, self.version).keys_of(serial, proof.diversification_data)
            if proof.session(keys) is not None:
                fitting.append(method)
        return tuple(fitting)

    def chooser(self, serial: bytes) -> KeyChooser:
        """What `scp03.open_session` asks for the keys of the card with this serial."""
        return KeyChooser(self, serial)


@dataclass(frozen=True, slots=True)
class KeyChooser:
    """The keys of one card by what it says of itself: the master key's, or the replacement's where the card has it."""

    master: CardMasterKey
    serial: bytes

    def __call__(self, version: int, diversification_data: bytes) -> Scp03Keys:
        """AuthenticationError where no key is for the card's key version: nothing was tried."""
        known = [master for master in (self.master.replacement, self.master) if master is not None]
        for master in known:
            if master.version == version:
                return master.keys_of(self.serial, diversification_data)
        versions = " or ".join(str(master.version) for master in known)
        raise AuthenticationError("the card has keys of another version; none was tried", version=version, has=versions)


def diversification_data(serial: bytes) -> bytes:
    """The key diversification data of a software card: the last ten bytes of its serial, zeros before them."""
    return serial[-KEY_DIVERSIFICATION_BYTES:].rjust(KEY_DIVERSIFICATION_BYTES, b"\0")


def check_value(key: bytes) -> bytes:
    """The key check value of an AES key: three bytes (GlobalPlatform 2.3.1, B.6)."""
    return aes_cbc_encrypt(key, bytes(AES_BLOCK), b"\x01" * AES_BLOCK)[:CHECK_VALUE_BYTES]


def _kdf3(key: bytes, use: int, data: bytes) -> bytes:
    """Counter (one byte) | use (four bytes) | 00 | key diversification data; no length behind, unlike the standard."""
    tail = use.to_bytes(4, "big") + b"\0" + data
    return b"".join(aes_cmac(key, bytes((number,)) + tail) for number in (1, 2))[: len(key)]


def _two_halves(key: bytes, use: int, data: bytes) -> bytes:
    return tdes_ecb_encrypt(key, data + bytes((0xF0, use)) + data + bytes((0x0F, use)))
