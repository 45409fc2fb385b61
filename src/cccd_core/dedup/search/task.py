"""The tasks of a join as plain data: which people meet which, and what came of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from cccd_core.dedup.decision import FingerComparison, Outcome
from cccd_core.plain import encode_record


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows `start` to `stop` of a shard: `file` is its path, `mark` what says that it is that one; `side` counts the
    galleries of a join, 0 or 1."""

    side: int
    file: str
    mark: str
    start: int
    stop: int

    @property
    def people(self) -> int:
        """How many rows there are."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Tile:
    """Everyone of `first` against everyone of `second`; each pair once, also where both are the same rows."""

    first: Rows
    second: Rows

    @property
    def id(self) -> str:
        """32 hexadecimal digits of what the tile's result depends on beside the join itself; paths are not part of
        it, so that a gallery may be moved."""
        parts = [(rows.side, rows.mark, rows.start, rows.stop) for rows in (self.first, self.second)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class PairFound:
    """Two people who may be one: their numbers in their galleries, the earlier first, and why.

    `fingers` are of the later one, `candidate_position` in them of the earlier one.
    """

    a: int
    b: int
    outcome: Outcome
    score: float
    across_positions: bool
    fingers: tuple[FingerComparison, ...]


@dataclass(frozen=True, slots=True)
class StageWork:
    """What one stage did: pairs of people it looked at, pairs of fingers it compared, and how long it took."""

    people_pairs: int = 0
    finger_pairs: int = 0
    seconds: float = 0.0

    def __add__(self, other: StageWork) -> StageWork:
        return StageWork(
            self.people_pairs + other.people_pairs,
            self.finger_pairs + other.finger_pairs,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class TileResult:
    """What came of a tile. `pairs` in order of numbers; all but the seconds are the same wherever it ran.

    `glance` is the first look at whom the codes leave, `loading` the reading and unpacking of fingers.
    """

    pairs: tuple[PairFound, ...]
    codes: StageWork
    glance: StageWork
    same: StageWork
    any: StageWork
    loading: StageWork


def digest_of(value: object) -> str:
    """`sha256:` and the digest of a record: what a join's identity is made of."""
    return "sha256:" + hashlib.sha256(json.dumps(encode_record(value), sort_keys=True).encode()).hexdigest()
