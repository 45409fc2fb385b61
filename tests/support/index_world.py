"""People of a few synthetic fingers, a coder of a few bytes, and what an index of a gallery must hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cccd_core import synthesis
from cccd_core.dedup import EnrolledPerson, Gallery
from cccd_core.dedup.index import Column, Index
from cccd_core.dedup.index.packing import pack
from cccd_core.matching import Matcher
from cccd_core.matching.prepared import PreparedGallery
from cccd_core.templates import FingerTemplate, Tenprint


class DigestCoder:
    """Codes that are digests of a template: two columns of a few bytes."""

    columns = (Column("bits", 8), Column("int8", 32))

    def __init__(self, salt: str = "") -> None:
        self.digest = "sha256:" + hashlib.sha256(b"digest coder" + salt.encode()).hexdigest()
        self.coded = 0

    def encode(
        self,
        templates: Sequence[FingerTemplate],
        *,
        prepared: Mapping[str, PreparedGallery] | None = None,
        threads: int = 1,
    ) -> Mapping[str, NDArray[np.uint8]]:
        del prepared, threads
        self.coded += len(templates)
        rows = [hashlib.sha256(one.x_px.tobytes() + one.y_px.tobytes()).digest() for one in templates]
        whole = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 32)
        return {"bits": whole[:, :8], "int8": whole}


@cache
def finger(number: int) -> FingerTemplate:
    """One of many synthetic fingers, made once."""
    return synthesis.tenprint(seed=5, person=number, positions=(2,))[2]


def person(name: str, number: int, positions: Sequence[int] = (2, 7), loose: int = 0) -> EnrolledPerson:
    """A person whose fingers are those that follow `number`."""
    placed = {position: finger(number + i) for i, position in enumerate(positions)}
    others = tuple(finger(number + len(positions) + i) for i in range(loose))
    return EnrolledPerson(name, Tenprint(placed), others)


MATCHER = Matcher()
CODER = DigestCoder()


def assert_equal(index: Index, gallery: Gallery) -> None:
    """Everyone of the gallery stands in the index once, with the fingers and codes of the templates."""
    seen: dict[int, tuple[bytes, int, bytes]] = {}
    for live in index.shards:
        shard = live.shard
        codes, bits = shard.codes("int8"), shard.codes("bits")
        assert codes.ctypes.data % 64 == 0
        for row in live.rows.tolist():
            sequence = int(shard.sequences[row])
            assert sequence not in seen
            loose = np.flatnonzero(shard.unplaced == row)
            seen[sequence] = (
                shard.run(row), int(shard.present[row]),
                codes[row].tobytes() + bits[row].tobytes() + shard.unplaced_codes("bits")[loose].tobytes(),
            )  # fmt: skip
    pending = {entry.sequence: entry.person for entry in index.pending()}
    assert not pending.keys() & seen.keys()
    for sequence, someone in ((entry.sequence, entry.person) for entry in gallery.entries()):
        if sequence in pending:
            assert pending[sequence] == someone
            continue
        run, present, codes_ = seen.pop(sequence)
        assert run == pack((p, MATCHER.prepare(t)) for p, t in someone.fingers())
        assert present == sum(1 << p - 1 for p in someone.tenprint)
        placed = np.zeros((10, 32), np.uint8)
        for position, template in someone.tenprint.items():
            placed[position - 1] = CODER.encode([template])["int8"][0]
        loose_bits = b"".join(CODER.encode([t])["bits"].tobytes() for t in someone.unplaced)
        assert codes_ == placed.tobytes() + placed[:, :8].tobytes() + loose_bits
    assert not seen
