"""The card's file: the records behind the magic, with right checksums, so that what they say is reached."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import CARD_FILE

MODULES = ("cccd_core.storage.log", "cccd_core.card.virtual.state")

_IDENTITY = b"\x01" + b"\x08" + bytes(8) + (b"\x10" + bytes(16)) * 3 + b"\x01\x00\x04\x00\x00\x01"


def _row(*records: bytes) -> bytes:
    return b"".join(len(record).to_bytes(2, "big") + record for record in records)


SEEDS: tuple[bytes, ...] = (
    _row(_IDENTITY),
    _row(_IDENTITY, b"\x02\x01\x01\x01\x01\x00\x08", b"\x03\x01\x01\x01\x00\x02data", b"\x05\x0f"),
    _row(_IDENTITY, b"\x04\x82\x01\x00\x06123456", b"\x06" + bytes(10)),
)


def _file(data: bytes) -> bytes:
    """Rows of (length in two bytes, type and body) as a log of good frames."""
    out = bytearray(CARD_FILE.header)
    position = 0
    while position + 3 <= len(data):
        size = int.from_bytes(data[position : position + 2], "big")
        record = data[position + 2 : position + 2 + size]
        position += 2 + size
        if not record:
            break
        frame = struct.pack(">4sIQQ", b"REC1", len(record), len(out), len(out))
        out += frame + zlib.crc32(record, zlib.crc32(frame)).to_bytes(4, "big") + record
    return bytes(out)


def target(data: bytes) -> None:
    """Opens the file as a card, and has it answer once."""
    descriptor = os.memfd_create("card")
    try:
        os.write(descriptor, _file(data))
        with VirtualCard.open(Path(f"/proc/self/fd/{descriptor}")) as card:
            card.power_on()
            card.process(bytes.fromhex("00A4040C07A0000002471001"))
    finally:
        os.close(descriptor)
