"""What is said to a service and by it: a request and its fingers, a reply; and its ledger, whose records stand behind
good frames, so that what they say is reached.
"""

from __future__ import annotations

import atexit
import json
import shutil
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np

from cccd_core.dedup.service import ledger
from cccd_core.dedup.service.protocol import (
    Reply,
    Request,
    SentFinger,
    ToldError,
    frame_of,
    identified_in,
    reply_of,
    request_of,
    sent,
)
from cccd_core.intake.sent import sent_person
from cccd_core.templates import FingerTemplate, write

MODULES = (
    "cccd_core.dedup.service.protocol",
    "cccd_core.dedup.service.ledger",
    "cccd_core.storage.log",
    "cccd_core.intake.sent",
    "cccd_core.plain",
)
REQUEST, REPLY, LEDGER = range(3)
FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

_ANSWER = {
    "outcome": "duplicate", "of": "A-1", "of_given": None, "score": 90.5, "reasons": ["match"], "candidates": [],
    "best_competitor": None, "screened": 7, "compared": 7, "miss_rate": 0.0, "finger_pairs": 70,
}  # fmt: skip
_FOUND = {
    "answer": _ANSWER, "people": 7, "comparisons": 7, "fpir": 1e-4, "duplicate_score": 48.5, "review_score": 38.5,
    "cascade": "same>any",
}  # fmt: skip


def _finger() -> bytes:
    """A template of twelve minutiae on a grid."""
    number = np.arange(12, dtype=np.uint16)
    low = number.astype(np.uint8)
    return write(
        FingerTemplate(100 + 23 * (number % 8), 100 + 29 * (number // 8), number, low % 3, low, 400, 400), "iso-2005"
    )


def _bodies(*said: tuple[str, object]) -> bytes:
    bodies = [b"\n".join(json.dumps(one).encode() for one in each) for each in said]
    return bytes([LEDGER]) + b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


_ACCEPTED = {"id": "r1", "operation": "insert", "digest": "00", "reference": "A-1", "after": 0}
SEEDS: tuple[bytes, ...] = (
    bytes([REQUEST]) + frame_of(Request("insert", "r1", "A-1", sent([(2, _finger())]), wait=1)),
    bytes([REQUEST]) + frame_of(Request("delete", "r1", "A-1", order="order 7")),
    bytes([REQUEST]) + frame_of(Request("identify", "r1", None, (SentFinger(0, "QUJD"),), format="xyt", dpi=500)),
    bytes([REPLY]) + frame_of(Reply("done", "r1", "identify", _FOUND)),
    bytes([REPLY]) + frame_of(Reply("failed", "r1", "insert", error=ToldError("busy", "wait", {"n": 1}), again=True)),
    _bodies(
        ("head", {"gallery_id": "g", "salt": "00"}),
        ("accepted", _ACCEPTED),
        ("settled", {"id": "r1", "state": "done", "outcome": {"fingers": 1}}),
        ("accepted", _ACCEPTED),
    ),
)


def _file(data: bytes) -> bytes:
    """Rows of (length in two bytes, body) as a log of good frames."""
    out = bytearray(ledger.KIND.header)
    position = 0
    while position + 3 <= len(data):
        size = int.from_bytes(data[position : position + 2], "big")
        body = data[position + 2 : position + 2 + size]
        position += 2 + size
        frame = struct.pack(">4sIQQ", b"REC1", len(body), len(out), len(out))
        out += frame + zlib.crc32(body, zlib.crc32(frame)).to_bytes(4, "big") + body
    return bytes(out)


def target(data: bytes) -> None:
    """Reads it as what its first byte says."""
    which, rest = data[0] % 3 if data else REQUEST, data[1:]
    if which == REQUEST:
        request = request_of(rest)
        if request.fingers:
            sent_person(request.reference or "-", request)
    elif which == REPLY:
        reply = reply_of(rest)
        identified_in(reply)
        if reply.error is not None:
            str(reply.error.again())
    else:
        (FOLDER / ledger.LEDGER_FILE).write_bytes(_file(rest))
        opened = ledger.Ledger.open(FOLDER, "g")
        try:
            if any(entry.settled is not None for entry in opened.open_entries()):
                raise RuntimeError("an open entry is settled")
        finally:
            opened.close()
