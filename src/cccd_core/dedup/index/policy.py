"""Which shards are made one, and when: pure, so that the same index always comes out of the same people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.index.manifest import ShardEntry
from cccd_core.dedup.index.shard import SHARD_PEOPLE

DELTA_PEOPLE: Final = 2048  # sequences that go into one shard while people are added
TIER: Final = 8  # so many shards of about one size are made one
MOST_DEAD: Final = 4  # a shard of which more than one row in so many is dead is written anew


def delta_of(sequence: int) -> int:
    """Which delta a new person belongs to; deltas are counted by sequence, so that no interruption moves their ends."""
    return (sequence - 1) // DELTA_PEOPLE


def delta_end(sequence: int) -> int:
    """The last sequence of the delta that a new person belongs to."""
    return (delta_of(sequence) + 1) * DELTA_PEOPLE


def parts(sequences: Sequence[int]) -> Iterator[Sequence[int]]:
    """People who are read again, as many at a time as a delta has."""
    return (sequences[start : start + DELTA_PEOPLE] for start in range(0, len(sequences), DELTA_PEOPLE))


def cell_of(sequences: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Which shard each person belongs to once the index is compact: 2^17 sequences each."""
    return (sequences.astype(np.int64) - 1) // SHARD_PEOPLE


def merge_due(shards: Sequence[ShardEntry]) -> tuple[ShardEntry, ...]:
    """Shards to be made one while people are added: one alone where too many of its rows are dead; none where there is
    nothing to do.

    Shards whose living people number 8^t to 8^(t + 1) - 1 are of one tier. Where a tier has eight, the smallest of them
    are made one, as many as one shard can hold. A row so is written about six times before its shard is full, and an
    index of n full shards has at most 7 times six others.
    """
    ordered = sorted(shards, key=lambda one: (one.first, one.file))
    for entry in ordered:
        if MOST_DEAD * len(entry.dead) > entry.people:
            return (entry,)
    tiers: dict[int, list[ShardEntry]] = {}
    for entry in ordered:
        tiers.setdefault(_tier(_living(entry)), []).append(entry)
    for tier in sorted(tiers):
        if len(tiers[tier]) < TIER:
            continue
        chosen: list[ShardEntry] = []
        people = 0
        for entry in sorted(tiers[tier], key=lambda one: (_living(one), one.first, one.file)):
            people += _living(entry)
            if people > SHARD_PEOPLE:
                break
            chosen.append(entry)
        if len(chosen) > 1:
            return tuple(chosen)
    return ()


def unclean_cells(cells: Mapping[ShardEntry, Sequence[int]]) -> tuple[int, ...]:
    """Which cells `compact` writes anew, in order; `cells` says in which ones each shard has living rows.

    A cell is clean where one shard alone has rows in it, which has none elsewhere, and no dead ones.
    """
    holders: dict[int, list[ShardEntry]] = {}
    for entry, found in cells.items():
        for cell in found:
            holders.setdefault(cell, []).append(entry)
    return tuple(
        cell
        for cell, entries in sorted(holders.items())
        if len(entries) > 1 or entries[0].dead or len(cells[entries[0]]) > 1
    )


def _living(entry: ShardEntry) -> int:
    return entry.people - len(entry.dead)


def _tier(people: int) -> int:
    return max(0, people.bit_length() - 1) // 3
