"""The personalisation journal: its records behind good frames, so that what they say is reached."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

from cccd_core.inspection import CheckName
from cccd_core.personalise import CardEvidence, Journal, Reason, SpoiledCard, Trouble
from cccd_core.personalise.journal import JOURNAL_FILE
from cccd_core.personalise.records import (
    Bind,
    JournalRecord,
    Locked,
    Reached,
    Renew,
    SetAside,
    Spoiled,
    Verified,
    Written,
    encode,
)

MODULES = (
    "cccd_core.storage.log",
    "cccd_core.personalise.journal",
    "cccd_core.personalise.records",
    "cccd_core.personalise.reasons",
    "cccd_core.personalise.evidence",
    "cccd_core.plain",
)

_REASON = Reason(Trouble.VERIFICATION_FAILED, check=CheckName.PACE)
_EVIDENCE = CardEvidence(True, (SpoiledCard("B", _REASON, True),), (), "r", {CheckName.PACE: True}, "00")


def _row(*records: JournalRecord) -> bytes:
    bodies = [encode(record) for record in records]
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


SEEDS: tuple[bytes, ...] = (
    _row(Bind("A", "job", "1", {"DG1": "00"}), Reached("A", "DG1", 5, False), Renew("A", {"DG1": "00"}, True)),
    _row(Bind("A", "job", "1", {}), Written("A"), Locked("A"), Verified("A", _EVIDENCE)),
    _row(Bind("A", "job", "1", {}), Spoiled("A", _REASON), SetAside("B", Reason(Trouble.NOT_BLANK))),
)


def _file(data: bytes) -> bytes:
    """Rows of (length in two bytes, body) as a log of good frames."""
    out = bytearray(JOURNAL_FILE.header)
    position = 0
    while position + 3 <= len(data):
        size = int.from_bytes(data[position : position + 2], "big")
        body = data[position + 2 : position + 2 + size]
        position += 2 + size
        frame = struct.pack(">4sIQQ", b"REC1", len(body), len(out), len(out))
        out += frame + zlib.crc32(body, zlib.crc32(frame)).to_bytes(4, "big") + body
    return bytes(out)


def target(data: bytes) -> None:
    """Opens the file as a journal, and asks it for what it knows."""
    descriptor = os.memfd_create("journal")
    try:
        os.write(descriptor, _file(data))
        with Journal(Path(f"/proc/self/fd/{descriptor}")) as journal:
            for card in journal.cards():
                journal.card_of_job(card.job_id or "")
    finally:
        os.close(descriptor)
