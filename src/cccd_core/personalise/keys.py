"""The key of the blank cards: what opens a card that nobody has written yet."""

from __future__ import annotations

from pathlib import Path

from cccd_core.card.card_keys import CardMasterKey
from cccd_core.errors import FormatError
from cccd_core.pki.directory import CARD_MASTER_KEY
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
