"""The rows of an index that count, one shard after the other: by their places, as fingers and under their names."""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.blocks import Block
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.index import Index, Shard, ShardBlock, block_of
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.matching import PreparedGallery

Places = NDArray[np.int64]


class LiveRows:
    """Those of an index who are enrolled, but for some. A place is a number among the live rows of all shards."""

    def __init__(self, gallery: Gallery, index: Index, parameters: DedupParameters, without: Set[str]) -> None:
        """`without`: identifiers of those who are left out."""
        self._gallery, self._shards, self._without = gallery, index.shards, without
        self.parameters = parameters
        self._firsts = [0, *accumulate(len(live.rows) for live in index.shards)]  # the place of each shard's first

    def __len__(self) -> int:
        """How many live rows the shards have."""
        return self._firsts[-1]

    def fingers(self, places: Places) -> ShardBlock:
        """The fingers of those at these places, ascending."""
        return block_of(self._chosen(places), least_minutiae=self.parameters.least_minutiae)

    def named(self, places: Places) -> tuple[NDArray[np.bool_], list[str]]:
        """Which of these, ascending, are enrolled now and not left out, bool[n], and their identifiers."""
        sequences = [shard.sequences[rows] for shard, rows in self._chosen(places)]
        numbers = np.concatenate([np.zeros(0, np.uint64), *sequences]).tolist()
        names = self._gallery.identifiers(numbers)
        found = [names.get(number) for number in numbers]  # None: withdrawn since the index was opened
        kept = [name for name in found if name is not None and name not in self._without]
        there = np.array([name is not None and name not in self._without for name in found], np.bool_)
        return there, kept

    def blocks(self, places: Places) -> Iterator[Block[PreparedGallery]]:
        """Those at these places, ascending, without those who are left out, `gallery_block` at a time."""
        for start in range(0, len(places), self.parameters.gallery_block):
            some = places[start : start + self.parameters.gallery_block]
            there, names = self.named(some)
            if names:
                yield self.fingers(some[there]).block(names)

    def _chosen(self, places: Places) -> list[tuple[Shard, Places]]:
        """The shards and rows of these places."""
        ends = np.searchsorted(places, self._firsts)
        return [
            (live.shard, live.rows[places[ends[i] : ends[i + 1]] - self._firsts[i]])
            for i, live in enumerate(self._shards)
            if ends[i] < ends[i + 1]
        ]
