"""A gallery in memory that numbers its people, a coder of a few bytes, and synthetic people: for the index."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cccd_core import synthesis
from cccd_core.dedup import EnrolledPerson
from cccd_core.dedup.index import Column, Index
from cccd_core.dedup.index.packing import pack
from cccd_core.matching import Matcher
from cccd_core.templates import FingerTemplate, Tenprint


@dataclass(frozen=True)
class Entry:
    sequence: int
    person: EnrolledPerson


@dataclass(frozen=True)
class Gone:
    sequence: int
    kind: str
    place: int


@dataclass
class NumberedGallery:
    """Numbers its people as a gallery does: a number is given once."""

    gallery_id: str = "0123456789abcdef0123456789abcdef"
    people: dict[int, EnrolledPerson] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    last: int = 0

    def add(self, *people: EnrolledPerson) -> None:
        for person in people:
            self.last += 1
            self.people[self.last] = person

    def remove(self, sequence: int) -> None:
        del self.people[sequence]
        self._withdraw("removed", sequence)

    def replace(self, sequence: int, person: EnrolledPerson) -> None:
        assert sequence in self.people
        self.people[sequence] = person
        self._withdraw("replaced", sequence)

    def rename(self, sequence: int) -> None:
        self._withdraw("renamed", sequence)

    def _withdraw(self, kind: str, sequence: int) -> None:
        self.gone.append(Gone(len(self.gone) + 1, kind, sequence))

    def last_sequence(self) -> int:
        return self.last

    def last_withdrawal(self) -> int:
        return len(self.gone)

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        last = self.last if until is None else until
        for sequence in sorted(self.people):
            if after < sequence <= last:
                yield Entry(sequence, self.people[sequence])

    def entries_of(self, sequences: Sequence[int]) -> list[Entry]:
        return [Entry(one, self.people[one]) for one in sequences if one in self.people]

    def withdrawals(self, after: int = 0) -> Iterator[Gone]:
        return iter(self.gone[after:])


class DigestCoder:
    """Codes that are digests of a template: two columns of a few bytes."""

    columns = (Column("bits", 8), Column("int8", 32))

    def __init__(self, salt: str = "") -> None:
        self.digest = "sha256:" + hashlib.sha256(b"digest coder" + salt.encode()).hexdigest()
        self.coded = 0

    def encode(self, templates: Sequence[FingerTemplate], *, threads: int = 1) -> Mapping[str, NDArray[np.uint8]]:
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


def assert_equal(index: Index, gallery: NumberedGallery) -> None:
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
    for sequence, someone in gallery.people.items():
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
