"""The key of the blank cards: what opens a card that nobody has written yet, and whether it is this card's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cccd_core.card import CardConnection, Link, profile
from cccd_core.card.card_keys import CardMasterKey, KeyDiversification
from cccd_core.card.scp03 import ask_proof
from cccd_core.errors import CardError, FormatError
from cccd_core.pki.directory import CARD_MASTER_KEY
from cccd_core.plain import Json
from cccd_core.storage import whole_file

_FILE_BYTES_MAX = 1024


def card_master_key(path: Path) -> CardMasterKey:
    """The key from which the SCP03 keys of blank cards are derived, and the one that takes its place if there is one,
    out of the file `card_master_key.hex` of a PKI folder (`CardMasterKey.parse`). FileError where it cannot be read,
    FormatError where it holds no key."""
    file = path / CARD_MASTER_KEY
    raw = whole_file.read(file, "card master key", most=_FILE_BYTES_MAX)
    try:
        return CardMasterKey.parse(raw.decode("ascii", errors="replace"))
    except FormatError as error:
        raise error.with_facts(path=str(file)) from None


@dataclass(frozen=True, slots=True)
class KeyExamined:
    """One master key beside a card: `methods` by which the card's keys come out of it, whatever it says of itself."""

    check_value: str
    method: KeyDiversification
    version: int
    methods: tuple[KeyDiversification, ...]

    def opens(self, version: int) -> bool:
        """Whether it opens the card that has keys of this version."""
        return self.version == version and self.method in self.methods


@dataclass(frozen=True, slots=True)
class CardKeys:
    """What a card says of its keys, and each of the master keys beside it."""

    serial: str
    version: int
    s16: bool
    parameter: int
    keys: tuple[KeyExamined, ...]

    @property
    def opens(self) -> bool:
        """Whether one of the master keys, as it says of itself, opens the card."""
        return any(key.opens(self.version) for key in self.keys)

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return {
            "serial": self.serial,
            "secure_channel": "SCP03",
            "mode": "S16" if self.s16 else "S8",
            "i": f"{self.parameter:02X}",
            "key_version": self.version,
            "opens": self.opens,
            "master_keys": [
                {
                    "check_value": key.check_value,
                    "method": str(key.method),
                    "key_version": key.version,
                    "fits_by": [str(method) for method in key.methods],
                    "opens": key.opens(self.version),
                }
                for key in self.keys
            ],
        }


def examine_keys(link: Link, master: CardMasterKey) -> CardKeys:
    """Whether a blank card and a master key go together, by the card's own proof. The card is sent none, so this costs
    it no try, whatever comes out. Raises CardError (no such chip, another secure channel, a chip that is
    locked for good), TransportError."""
    connection = CardConnection(link)
    profile.select_applet(connection)
    serial = profile.get_serial(connection)
    if profile.get_life_cycle(connection) is profile.LifeCycle.LOCKED:
        raise CardError(
            "the card is locked for good: it is finished, and no key opens it again",
            serial=serial.hex().upper(),
        )
    proof = ask_proof(connection)
    masters = (master,) if master.replacement is None else (master, master.replacement)
    examined = tuple(
        KeyExamined(each.check_value, each.diversification, each.version, each.methods_of(proof, serial))
        for each in masters
    )
    return CardKeys(serial.hex().upper(), proof.version, proof.s16, proof.parameter, examined)
