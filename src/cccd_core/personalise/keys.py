"""The key of the blank cards: what opens a card that nobody has written yet."""

from __future__ import annotations

import re
from pathlib import Path

from cccd_core.errors import FormatError
from cccd_core.pki.directory import CARD_MASTER_KEY
from cccd_core.storage import whole_file

_FILE_BYTES_MAX = 1024
_KEY = re.compile(rb"(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{48}|[0-9A-Fa-f]{64})")


def card_master_key(path: Path) -> bytes:
    """The key from which the SCP03 keys of blank cards are derived, 16, 24 or 32 bytes, out of the file
    `card_master_key.hex` of a PKI folder. FileError where it cannot be read, FormatError where it holds no key."""
    file = path / CARD_MASTER_KEY
    text = whole_file.read(file, "card master key", most=_FILE_BYTES_MAX).strip()
    if not _KEY.fullmatch(text):
        raise FormatError("a card master key is 32, 48 or 64 hexadecimal digits", path=str(file))
    return bytes.fromhex(text.decode("ascii"))
