"""The index of a gallery: a shard's facts and sections behind good checks, so that what they say is reached; a manifest
with a good check; and either as it comes.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from cccd_core.dedup.index import manifest, shard
from cccd_core.errors import CccdError
from cccd_core.storage.block_layout import Section
from cccd_core.storage.block_writer import BlockWriter

MODULES = (
    "cccd_core.storage.block_file",
    "cccd_core.storage.block_layout",
    "cccd_core.dedup.index.shard",
    "cccd_core.dedup.index.packing",
    "cccd_core.dedup.index.manifest",
    "cccd_core.plain",
)
SHARD, MANIFEST, RAW_SHARD, RAW_MANIFEST = range(4)
NAMES = ("sequence", "present", "loose", "code a", "loose a", "bounds", "fingers")


def _row(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def _facts(people: int, loose: int) -> bytes:
    columns = (shard.Column("a", 2),)
    return shard.facts_bytes(shard.ShardFacts("g", "sha256:p", "sha256:c", columns, people, loose))


def _finger(minutiae: int, masks: bytes, body: bytes) -> bytes:
    head = bytes([minutiae, len(masks) // 5, 0, 0, 0, 0, 0, 0])
    return head + bytes(range(8)) * minutiae + masks + body


def _shard() -> bytes:
    runs = [b"\x01\x02" + _finger(2, b"\x03\0\0\0\0\0\0\0\0\0", b"ab"), b"\x02\x01\x00" + _finger(1, b"", b"") * 2]
    bounds = np.cumsum([0, *map(len, runs)]).astype("<i8").tobytes()
    sequences, present, loose = np.array([3, 7], "<u8"), np.array([2, 1], "<u2"), np.array([1], "<u4")
    parts = (_facts(2, 1), sequences.tobytes(), present.tobytes(), loose.tobytes(), bytes(40), b"xy", bounds)
    return bytes([SHARD]) + _row(*parts, b"".join(runs))


def _manifest() -> bytes:
    entry = manifest.ShardEntry("a/b.shard", "00", 5, 1, 9, 100, (2, 3))
    told = manifest.Manifest("g", "sha256:p", "", (), 9, 1, (entry,))
    return bytes([MANIFEST]) + json.dumps(manifest.encode_record(told)).encode()


_SHARED = Path("/dev/shm")  # no disk to wait for
_FOLDER = Path(tempfile.mkdtemp(prefix="cccd-fuzz-", dir=_SHARED if _SHARED.is_dir() else None))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
SEEDS: tuple[bytes, ...] = (
    _shard(),
    bytes([SHARD]) + _row(_facts(0, 0), b"", b"", b"", b"", b"", bytes(8)),
    _manifest(),
    bytes([RAW_SHARD]) + b"CCCDSHRD\x01" + bytes(120),
    bytes([RAW_MANIFEST]) + b'{"format": "cccd-gallery-index", "version": 1, "key_id": "", "check": ""}',
)


def large() -> list[bytes]:
    """Shards of as many people as fit, and a manifest of many dead."""
    people = 3000
    numbers = np.arange(1, people + 1, dtype="<u8").tobytes()
    dead = ", ".join(map(str, range(9000)))
    return [
        bytes([SHARD]) + _row(_facts(people, 0), numbers, bytes(2 * people), b"", b"", b"", b"", b"\0" * people),
        _manifest().replace(b"[2, 3]", f"[{dead}]".encode()),
        bytes([RAW_MANIFEST]) + b"[" * 60_000,
    ]


def _parts(data: bytes) -> list[bytes]:
    found = []
    at = 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def _built(data: bytes) -> Path:
    """A shard of these facts and sections, with good checks."""
    facts, *parts = [*_parts(data), *([b""] * 8)][:8]
    bounds = np.frombuffer(parts[5][: len(parts[5]) // 8 * 8], "<i8")
    steps = np.diff(bounds) if len(bounds) else np.zeros(0, np.int64)
    cut = bool(len(bounds)) and bounds[0] == 0 and bounds[-1] == len(parts[6]) and bool(np.all(steps >= 0))
    blocks = [parts[6][int(a) : int(b)] for a, b in pairwise(bounds)] if cut else [parts[6]]
    sections = [Section(name, len(part)) for name, part in zip(NAMES[:6], parts[:6], strict=True)]
    sections.append(Section("fingers", len(parts[6]), bounded_by="bounds", blocks=len(blocks)))
    with BlockWriter(_FOLDER, shard.KIND, facts, sections, None) as writer:
        for part in parts[:6]:
            writer.write(part)
            writer.end_section()
        for block in blocks:
            writer.write(block)
        writer.end_section()
        return _FOLDER / writer.finish("one.shard")


def _look(path: Path) -> None:
    opened = shard.Shard.open(path)
    list(opened.damages())
    for column in opened.facts.columns:
        opened.codes(column.name), opened.unplaced_codes(column.name)
    opened.unplaced  # noqa: B018 - it is read to be checked
    opened.block(slice(None), least_minutiae=1)


def target(data: bytes) -> None:
    """Opens it as what its first byte says, and asks it for all that it knows."""
    kind, body = (data[0] % 4 if data else RAW_SHARD), data[1:]
    if kind == SHARD:
        _look(_built(body))
    elif kind == RAW_SHARD:
        (_FOLDER / "raw.shard").write_bytes(body)
        _look(_FOLDER / "raw.shard")
    else:
        if kind == MANIFEST:
            try:
                told = json.loads(body)
            except (ValueError, RecursionError):
                return
            if isinstance(told, dict):
                check = manifest._check(told, None, b"", _FOLDER)
                body = json.dumps(
                    {"format": manifest.FORMAT, "version": 1, "key_id": "", **told, "check": check}
                ).encode()
        (_FOLDER / manifest.MANIFEST_FILE).write_bytes(body)
        found = manifest.read_manifest(_FOLDER, None)
        if found is not None and found.people < 0:
            raise CccdError("fewer than nobody")
