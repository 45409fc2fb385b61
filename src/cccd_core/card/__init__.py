"""Talking to a chip: APDUs, secure channels, transports, the software card."""

from cccd_core.card.apdu import CommandApdu, ResponseApdu
from cccd_core.card.connection import CardConnection
from cccd_core.card.files import FileReading, ReaderLimits, ReadOutcome
from cccd_core.card.link import Link
from cccd_core.card.reader import ChipReader
from cccd_core.card.transport.memory import MemoryLink

__all__ = [
    "CardConnection",
    "ChipReader",
    "CommandApdu",
    "FileReading",
    "Link",
    "MemoryLink",
    "ReadOutcome",
    "ReaderLimits",
    "ResponseApdu",
]
