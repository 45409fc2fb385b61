"""Rows of people, made of templates or taken from other shards, and the shard that is written of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.gallery.protocol import Entry
from cccd_core.dedup.index.manifest import Manifest, ShardEntry
from cccd_core.dedup.index.packing import pack_people
from cccd_core.dedup.index.shard import (
    FINGERS,
    KIND,
    Column,
    Shard,
    ShardFacts,
    facts_bytes,
    sections_of,
)
from cccd_core.dedup.index.sources import Coder, Preparer
from cccd_core.dedup.person import MAX_FINGERS, EnrolledPerson
from cccd_core.storage.block_writer import BlockWriter
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.faults import file_error

_MADE_PEOPLE: Final = 64  # whose templates are prepared and coded in one call
_WRITTEN_ROWS: Final = 1024  # whose codes are in memory at a time

Codes = NDArray[np.uint8]


class Rows(Protocol):
    """Some people in order of sequence, to be written as a shard. `loose`: the row of each finger of unknown position;
    `sizes`: bytes of each row's prepared fingers."""

    sequences: NDArray[np.uint64]
    present: NDArray[np.uint16]
    loose: NDArray[np.uint32]
    sizes: NDArray[np.int64]

    def placed(self, column: Column, start: int, stop: int) -> Codes:
        """Codes of these rows: uint8[stop - start, 10, bytes]."""

    def unplaced(self, column: Column) -> Codes:
        """Codes of the fingers of unknown position: uint8[loose, bytes]."""

    def run(self, row: int) -> bytes:
        """The prepared fingers of a row."""


class MadeRows:
    """The rows of these people, prepared and coded on so many threads, on how many of which they do not depend.

    Memory: about 20 kB a person of ten fingers.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        columns: Sequence[Column],
        preparer: Preparer,
        coder: Coder | None,
        threads: int,
    ) -> None:
        people = [entry.person for entry in entries]
        present = [sum(1 << (position - 1) for position in person.tenprint) for person in people]
        loose = [len(person.unplaced) for person in people]
        self.sequences = np.array([entry.sequence for entry in entries], np.uint64)
        self.present = np.array(present, np.uint16)
        self.loose = np.repeat(np.arange(len(people), dtype=np.uint32), loose)
        self._loose_before = np.concatenate([[0], np.cumsum(loose)])
        self._placed = {
            one.name: np.zeros((len(people), MAX_FINGERS, one.bytes_per_finger), np.uint8) for one in columns
        }
        self._unplaced = {one.name: np.zeros((len(self.loose), one.bytes_per_finger), np.uint8) for one in columns}
        self._preparer, self._coder = preparer, coder
        size = max(1, min(_MADE_PEOPLE, -(-len(people) // threads)))
        starts = range(0, len(people), size)

        def block(start: int) -> list[bytes]:
            return self._make(people[start : start + size], start)

        if threads == 1 or len(starts) < 2:
            made = [block(start) for start in starts]
        else:
            with ThreadPoolExecutor(threads, thread_name_prefix="index") as pool:
                made = list(pool.map(block, starts))
        self._runs = [run for runs in made for run in runs]
        self.sizes = np.array([len(run) for run in self._runs], np.int64)

    def _make(self, people: Sequence[EnrolledPerson], start: int) -> list[bytes]:
        """The runs of these people, whose rows begin at `start`; their codes are laid down."""
        fingers = [finger for person in people for finger in person.fingers()]
        positions, templates = [position for position, _ in fingers], [template for _, template in fingers]
        prepared = self._preparer.gallery(templates)
        counts = [person.count for person in people]
        bounds = np.concatenate([[0], np.cumsum(counts)]).tolist()
        if self._coder is not None and templates:
            placed = np.array(positions) > 0
            rows, places = (start + np.repeat(np.arange(len(people)), counts))[placed], np.array(positions)[placed] - 1
            others = slice(self._loose_before[start], self._loose_before[start + len(people)])
            done = {self._preparer.parameters.preparation_digest: prepared}
            for name, codes in self._coder.encode(templates, prepared=done).items():
                self._placed[name][rows, places] = codes[placed]
                self._unplaced[name][others] = codes[~placed]
        return pack_people(prepared, positions, bounds)

    def placed(self, column: Column, start: int, stop: int) -> Codes:
        """Codes of these rows: uint8[stop - start, 10, bytes]."""
        return self._placed[column.name][start:stop]

    def unplaced(self, column: Column) -> Codes:
        """Codes of the fingers of unknown position: uint8[loose, bytes]."""
        return self._unplaced[column.name]

    def run(self, row: int) -> bytes:
        """The prepared fingers of a row."""
        return self._runs[row]


class TakenRows:
    """Rows of several shards, in order of sequence: of each shard those that are told, int64.

    Memory: 100 bytes a row.
    """

    def __init__(self, sources: Sequence[tuple[Shard, NDArray[np.int64]]]) -> None:
        self._shards = [shard for shard, _ in sources]
        sequences = np.concatenate([shard.sequences[rows] for shard, rows in sources])
        order = np.argsort(sequences, kind="stable")
        self.sequences = sequences[order]
        self.present = np.concatenate([shard.present[rows] for shard, rows in sources])[order]
        self._source = np.concatenate([np.full(len(rows), i, np.int64) for i, (_, rows) in enumerate(sources)])[order]
        self._row = np.concatenate([rows for _, rows in sources])[order]
        sizes = [np.diff(shard.file.bounds(FINGERS))[rows] for shard, rows in sources]
        self.sizes = np.concatenate(sizes)[order]
        loose, taken = [], []
        for i, shard in enumerate(self._shards):
            mine = self._source == i
            places = np.full(shard.people, -1, np.int64)
            places[self._row[mine]] = np.flatnonzero(mine)
            whose = places[shard.unplaced]
            kept = np.flatnonzero(whose >= 0)
            loose.append(whose[kept])
            taken.append(np.stack([np.full(len(kept), i, np.int64), kept], axis=1))
        every = np.concatenate(loose)
        by_row = np.argsort(every, kind="stable")
        self.loose = every[by_row].astype(np.uint32)
        self._loose = np.concatenate(taken)[by_row]

    def placed(self, column: Column, start: int, stop: int) -> Codes:
        """Codes of these rows: uint8[stop - start, 10, bytes]."""
        out = np.empty((stop - start, MAX_FINGERS, column.bytes_per_finger), np.uint8)
        for i, shard in enumerate(self._shards):
            mine = np.flatnonzero(self._source[start:stop] == i)
            if len(mine):
                out[mine] = shard.codes_of(column.name, self._row[start:stop][mine])
        return out

    def unplaced(self, column: Column) -> Codes:
        """Codes of the fingers of unknown position: uint8[loose, bytes]."""
        out = np.empty((len(self.loose), column.bytes_per_finger), np.uint8)
        for i, shard in enumerate(self._shards):
            mine = self._loose[:, 0] == i
            out[mine] = shard.unplaced_codes(column.name)[self._loose[mine, 1]]
        return out

    def run(self, row: int) -> bytes:
        """The prepared fingers of a row."""
        return self._shards[int(self._source[row])].run(int(self._row[row]))


def write_shard(
    folder: Path, manifest: Manifest, rows: Rows, cipher: Cipher | None, step: Callable[[int], None] | None = None
) -> ShardEntry:
    """Writes a shard of these rows into the index's folder, on the disk at return, and says what it is.

    The same rows make the same bytes, where nothing is encrypted. `step` is told of every 1,024 rows or fewer that are
    written. FileError, DiskFullError; and DamagedError where the rows are taken from a shard that is.
    """
    people = len(rows.sequences)
    facts = ShardFacts(
        manifest.gallery, manifest.preparation, manifest.coder, manifest.columns, people, len(rows.loose)
    )  # fmt: skip
    bounds = np.zeros(people + 1, np.int64)
    np.cumsum(rows.sizes, out=bounds[1:])
    home = folder / manifest.folder
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise file_error("the folder of shards cannot be made", error, path=str(home)) from None
    with BlockWriter(home, KIND, facts_bytes(facts), sections_of(facts, int(bounds[-1])), cipher) as writer:
        for array in (rows.sequences.astype("<u8"), rows.present.astype("<u2"), rows.loose.astype("<u4")):
            writer.write(array.tobytes())
            writer.end_section()
        for column in manifest.columns:
            for start in range(0, people, _WRITTEN_ROWS):
                writer.write(rows.placed(column, start, min(start + _WRITTEN_ROWS, people)).tobytes())
            writer.end_section()
            writer.write(rows.unplaced(column).tobytes())
            writer.end_section()
        writer.write(bounds.astype("<i8").tobytes())
        writer.end_section()
        for row in range(people):
            writer.write(rows.run(row))
            if step is not None and (row + 1 == people or (row + 1) % _WRITTEN_ROWS == 0):
                step(row % _WRITTEN_ROWS + 1)
        writer.end_section()
        first, last = int(rows.sequences[0]), int(rows.sequences[-1])
        name = writer.finish(f"{first:012}-{last:012}-{{mark}}.shard")
    return ShardEntry(f"{manifest.folder}/{name}", writer.mark, people, first, last, writer.size_bytes)
