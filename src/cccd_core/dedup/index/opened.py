"""An index as a search holds it: one version of it for as long as it lasts, and what the gallery has done since."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.gallery.protocol import Entry, Gallery
from cccd_core.dedup.index.manifest import Manifest, read_manifest
from cccd_core.dedup.index.shard import Shard
from cccd_core.dedup.index.sources import Coder, Preparer
from cccd_core.dedup.index.updating import blank, demand_not_ahead, index_folder, living, open_shard, withdrawn_places
from cccd_core.errors import ConflictError, FileError
from cccd_core.storage.cipher import Cipher

_TRIES: Final = 16
_ASKED: Final = 500  # people asked of the gallery at a time


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LiveShard:
    """A shard and which of its rows count: `rows` int64, ascending, all others are of withdrawn people."""

    shard: Shard = field(repr=False)
    rows: NDArray[np.int64]

    @property
    def all_live(self) -> bool:
        """Whether every row counts."""
        return len(self.rows) == self.shard.people


class Index:
    """One version of a gallery's index. Safe for several threads; the files that it holds open stay readable when they
    are deleted.

    `shards`: what is to be searched; nobody is in them twice, and nobody who was withdrawn before this was opened.
    `pending` are those enrolled, or given other templates, whom the shards do not have yet.
    """

    def __init__(
        self, manifest: Manifest, shards: tuple[LiveShard, ...], gallery: Gallery, sequence: int, gone: frozenset[int]
    ) -> None:
        """For `open`, which is the door."""
        self.manifest, self.shards = manifest, shards
        self.sequence = sequence
        self._gallery, self._gone = gallery, gone

    @classmethod
    def open(
        cls, folder: Path, gallery: Gallery, preparer: Preparer, coder: Coder | None, *, cipher: Cipher | None = None
    ) -> Index:
        """The index of the gallery in this folder, as it is now; one of nobody where there is none.

        Costs the opening of each shard, and the reading of the withdrawals since the last update. ConflictError where
        the index is of another gallery, knows of more than this one holds, or was made by another preparation or other
        codes; FileError, UnavailableError, DamagedError as `Shard.open`.
        """
        home, wanted = index_folder(folder), blank(gallery, preparer, coder)
        for attempt in range(_TRIES):
            manifest = read_manifest(home, cipher) or wanted
            if not manifest.made_as(wanted):
                raise ConflictError(
                    "the index was made of another gallery, or by other parameters or codes",
                    path=str(home), needs="cccd gallery index",
                )  # fmt: skip
            try:
                opened = [(open_shard(home, entry, cipher), entry) for entry in manifest.shards]
                break
            except FileError:  # merged since, perhaps: then another manifest names others
                if attempt + 1 == _TRIES or read_manifest(home, cipher) == manifest:
                    raise
        # Withdrawals first: who is withdrawn after that is withdrawn after this was opened.
        gone = frozenset(withdrawn_places(gallery.withdrawals(manifest.withdrawal)))
        since = np.array(sorted(gone), np.uint64)
        shards = []
        for shard, entry in opened:
            rows = living(shard, entry)
            if len(since):
                rows = rows[~np.isin(shard.sequences[rows], since, assume_unique=True)]
            if len(rows):
                shards.append(LiveShard(shard, rows))
        last = gallery.last_sequence()
        demand_not_ahead(manifest, last, gallery.last_withdrawal(), home)
        return cls(manifest, tuple(shards), gallery, last, gone)

    def followed(self, withdrawn: Set[int], last: int) -> Index:
        """The same version later on: without those of these numbers, whose templates were taken out since, and with
        whom the gallery enrolled up to number `last`. No file is opened; costs what each shard has of these, and a copy
        of the numbers of its rows where it has any."""
        since = np.array(sorted(withdrawn), np.uint64)
        shards = []
        for live in self.shards:
            sequences = live.shard.sequences
            row = np.searchsorted(sequences, since)
            there = row[sequences[np.minimum(row, len(sequences) - 1)] == since]
            if len(there):
                live = LiveShard(live.shard, np.setdiff1d(live.rows, there, assume_unique=True))
            if len(live.rows):
                shards.append(live)
        return Index(self.manifest, tuple(shards), self._gallery, last, self._gone | withdrawn)

    @property
    def people(self) -> int:
        """How many people are in the shards."""
        return sum(len(live.rows) for live in self.shards)

    @property
    def size_bytes(self) -> int:
        """Size of the shards on the disk."""
        return sum(live.shard.file.size_bytes for live in self.shards)

    def awaited(self, last: int) -> set[int]:
        """The numbers, up to `last`, of those whom the shards do not have: as in `pending`, those who are gone among
        them."""
        again = {place for place in self._gone if place <= self.manifest.sequence}
        return again.union(range(self.manifest.sequence + 1, last + 1))

    def pending(self) -> Iterator[Entry]:
        """Everyone enrolled when this was opened whom the shards do not have: those replaced since the last update,
        then the new ones. Empty where an update has just run."""
        again = sorted(place for place in self._gone if place <= self.manifest.sequence)
        for start in range(0, len(again), _ASKED):
            yield from self._gallery.entries_of(again[start : start + _ASKED])
        if self.manifest.sequence < self.sequence:
            yield from self._gallery.entries(self.manifest.sequence, self.sequence)
