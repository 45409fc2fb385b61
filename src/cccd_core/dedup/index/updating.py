"""What changes an index: new people and withdrawals are brought in, shards are made one, and made anew.

One process at a time holds the index's lock. A step is a shard that is on the disk before the manifest names it, and
files that the manifest no longer names are deleted after it: whatever interrupts, the manifest names whole shards, and
the next to hold the lock sweeps up the rest and goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.gallery.protocol import Entry, Gallery
from cccd_core.dedup.gallery.withdrawal import Withdrawal, WithdrawalKind
from cccd_core.dedup.index.manifest import (
    INDEX_FOLDER,
    MANIFEST_FILE,
    Manifest,
    ShardEntry,
    read_manifest,
    write_manifest,
)
from cccd_core.dedup.index.policy import cell_of, delta_end, delta_of, merge_due, parts, unclean_cells
from cccd_core.dedup.index.rows import MadeRows, TakenRows, write_shard
from cccd_core.dedup.index.shard import Column, Shard
from cccd_core.dedup.index.sources import Coder, Preparer
from cccd_core.errors import ConflictError, DamagedError, ParameterError
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher
from cccd_core.storage.faults import file_error
from cccd_core.storage.lock import exclusive

_LOG = logging.getLogger("cccd_core.dedup.index")
_LOCK_FILE: Final = "lock"


@dataclass(frozen=True, slots=True)
class Updated:
    """What was done: `people` are new rows, `dead` rows that were withdrawn, `written` shards; and the index now."""

    people: int
    dead: int
    written: int
    manifest: Manifest


def blank(gallery: Gallery, preparer: Preparer, coder: Coder | None) -> Manifest:
    """The manifest of an index of nobody, made as one of this gallery by these would be."""
    columns = () if coder is None else tuple(Column(one.name, one.bytes_per_finger) for one in coder.columns)
    digest = "" if coder is None else coder.digest
    return Manifest(gallery.gallery_id, preparer.parameters.preparation_digest, digest, columns)


def index_folder(folder: Path) -> Path:
    """Where the index of the gallery in this folder lies."""
    return folder / INDEX_FOLDER


def update(
    gallery: Gallery,
    folder: Path,
    preparer: Preparer,
    coder: Coder | None,
    *,
    threads: int = 1,
    cipher: Cipher | None = None,
    wait: bool = False,
    anew: bool = False,
    progress: Progress | None = None,
) -> Updated:
    """Brings the index of the gallery in `folder` up to where the gallery is when this begins; makes it where there is
    none.

    Rows of withdrawn people become dead, and go when their shard is next written; people who were replaced get new
    rows. An index that was made by another preparation or other codes, or with `anew` any, is replaced by a new one.
    Interrupted at any moment it goes on where it was when it is called again, and the shards come out byte for byte the
    same, where nothing is encrypted.

    Cost: a finger's preparing and coding for each new one, each row written about six times in all, and 40 MB of memory
    at the most. BusyError where another process changes the index, unless this one is to `wait`; ConflictError where
    the index is of another gallery, or knows of more than this one holds; FileError, DiskFullError, DamagedError.
    """
    if threads < 1:
        raise ParameterError("threads must be at least 1", threads=threads)
    with _alone(folder, wait) as home:
        return _Update(gallery, home, preparer, coder, threads, cipher, progress).run(anew)


def compact(
    folder: Path, *, cipher: Cipher | None = None, wait: bool = False, progress: Progress | None = None
) -> Updated:
    """Makes the shards of each 2^17 sequences one, without the rows of withdrawn people: nothing of those is left in
    any file of the index at return.

    Shards that are so already stay. Also changes keys: shards that are under another key than the cipher's own are
    written anew. What comes out depends on the people alone, not on the order in which they came in, nor on
    interruptions. Memory: 100 bytes a person of one shard. Errors as `update`; ConflictError where there is no index.
    """
    with _alone(folder, wait) as home:
        manifest = read_manifest(home, cipher)
        if manifest is None:
            raise ConflictError("the gallery has no index", path=str(folder))
        return _compact(home, manifest, cipher, progress)


@contextmanager
def _alone(folder: Path, wait: bool) -> Iterator[Path]:
    home = index_folder(folder)
    with exclusive(home / _LOCK_FILE, "index of the gallery", wait=wait):
        yield home


class _Update:
    """One call of `update`."""

    def __init__(
        self,
        gallery: Gallery,
        home: Path,
        preparer: Preparer,
        coder: Coder | None,
        threads: int,
        cipher: Cipher | None,
        progress: Progress | None,
    ) -> None:
        self.gallery, self.home, self.preparer, self.coder = gallery, home, preparer, coder
        self.threads, self.cipher, self.progress = threads, cipher, progress
        self.people = self.dead = self.written = self.done = self.total = 0

    def run(self, anew: bool) -> Updated:
        """All of it."""
        withdrawal, sequence = self.gallery.last_withdrawal(), self.gallery.last_sequence()
        fresh = blank(self.gallery, self.preparer, self.coder)
        found = None if anew else read_manifest(self.home, self.cipher)
        if found is not None and found.gallery != fresh.gallery:
            raise ConflictError("the index is of another gallery", path=str(self.home))
        if found is None or not found.made_as(fresh):
            found = self._commit(fresh)
        manifest = found
        demand_not_ahead(manifest, sequence, withdrawal, self.home)
        sweep(self.home, manifest)
        self.total = sequence - manifest.sequence
        manifest = self._merge(manifest)  # after each step and before the next one, also where it was interrupted
        if withdrawal > manifest.withdrawal:
            manifest = self._merge(self._withdraw(manifest, withdrawal))
        entries = self.gallery.entries(manifest.sequence, sequence)
        for _, group in groupby(entries, lambda entry: delta_of(entry.sequence)):
            part = list(group)
            end = min(sequence, delta_end(part[0].sequence))
            shard = self._write(manifest, part)
            manifest = self._commit(replace(manifest, sequence=end, shards=(*manifest.shards, shard)))
            manifest = self._merge(manifest)
            self._tell(end - sequence + self.total)
        if manifest.sequence != sequence:
            manifest = self._commit(replace(manifest, sequence=sequence))
        sweep(self.home, manifest)
        self._tell(self.total)
        _LOG.info("index updated: people=%d dead=%d shards=%d", self.people, self.dead, len(manifest.shards))
        return Updated(self.people, self.dead, self.written, manifest)

    def _withdraw(self, manifest: Manifest, until: int) -> Manifest:
        """Those who were withdrawn up to there are dead in the shards that there are, and have new rows if they are
        still enrolled."""
        places = withdrawn_places(self.gallery.withdrawals(manifest.withdrawal), until)
        known = sorted(place for place in places if place <= manifest.sequence)
        shards = []
        for entry in manifest.shards:
            rows = _rows_of(self._open(entry), known)
            gone = sorted({*entry.dead, *rows})
            self.dead += len(gone) - len(entry.dead)
            shards.append(replace(entry, dead=tuple(gone)))
        for part in parts(known):
            again = self.gallery.entries_of(part)
            if again:
                shards.append(self._write(manifest, sorted(again, key=lambda entry: entry.sequence)))
        alive = tuple(entry for entry in shards if len(entry.dead) < entry.people)
        return self._commit(replace(manifest, withdrawal=until, shards=alive))

    def _merge(self, manifest: Manifest) -> Manifest:
        while chosen := merge_due(manifest.shards):
            rows = TakenRows([(shard := self._open(entry), living(shard, entry)) for entry in chosen])
            new = write_shard(self.home, manifest, rows, self.cipher)
            self.written += 1
            kept = tuple(entry for entry in manifest.shards if entry not in chosen)
            manifest = self._commit(replace(manifest, shards=(*kept, new)))
            drop(self.home, chosen)
        return manifest

    def _write(self, manifest: Manifest, entries: Sequence[Entry]) -> ShardEntry:
        rows = MadeRows(entries, manifest.columns, self.preparer, self.coder, self.threads)
        self.people += len(entries)
        self.written += 1
        return write_shard(self.home, manifest, rows, self.cipher)

    def _open(self, entry: ShardEntry) -> Shard:
        return open_shard(self.home, entry, self.cipher)

    def _commit(self, manifest: Manifest) -> Manifest:
        write_manifest(self.home, manifest, self.cipher)
        return manifest

    def _tell(self, done: int) -> None:
        if self.progress is not None:
            self.progress(done, self.total, "index")


def _compact(home: Path, manifest: Manifest, cipher: Cipher | None, progress: Progress | None) -> Updated:
    sweep(home, manifest)
    shards = {entry.file: open_shard(home, entry, cipher) for entry in manifest.shards}
    cells = {entry: _cells(shards[entry.file], entry) for entry in manifest.shards}
    wanted = set(unclean_cells(cells))
    if cipher is not None:
        old = [entry for entry in manifest.shards if shards[entry.file].file.key_id != cipher.key_id]
        wanted |= {cell for entry in old for cell in cells[entry]}
    written = dead = 0
    for done, cell in enumerate(sorted(wanted)):
        if progress is not None:
            progress(done, len(wanted), "compact")
        sources: list[tuple[Shard, NDArray[np.int64]]] = []
        kept: list[ShardEntry] = []
        for entry in manifest.shards:
            shard = shards[entry.file]
            start, stop = _cell_rows(shard, cell)
            rows = living(shard, entry)
            inside = rows[(rows >= start) & (rows < stop)]
            if len(inside):
                sources.append((shard, inside))
            if start < stop:
                dead += stop - start - len(inside)
                entry = replace(entry, dead=_dead_too(entry, shard.sequences[start:stop]))
            kept.append(entry)
        if sources:
            new = write_shard(home, manifest, TakenRows(sources), cipher)
            shards[new.file] = open_shard(home, new, cipher)
            kept.append(new)
            written += 1
        left = [entry for entry in kept if len(entry.dead) < entry.people]
        manifest = replace(manifest, shards=tuple(sorted(left, key=lambda entry: (entry.first, entry.file))))
        write_manifest(home, manifest, cipher)
        drop(home, [entry for entry in kept if len(entry.dead) == entry.people])
    if not wanted:
        write_manifest(home, manifest, cipher)  # under the cipher's own key, as the shards are
    sweep(home, manifest)
    if progress is not None:
        progress(len(wanted), len(wanted), "compact")
    _LOG.info("index compacted: shards=%d written=%d dead=%d", len(manifest.shards), written, dead)
    return Updated(0, dead, written, manifest)


def open_shard(home: Path, entry: ShardEntry, cipher: Cipher | None) -> Shard:
    """The shard of this entry. DamagedError, too, where another one stands under its name."""
    shard = Shard.open(home / entry.file, cipher)
    if shard.file.mark != entry.mark or shard.people != entry.people:
        raise DamagedError(
            "not the shard that the manifest names", path=str(shard.file.path), section="header", offset=0
        )
    return shard


def demand_not_ahead(manifest: Manifest, sequence: int, withdrawal: int, home: Path) -> None:
    """ConflictError where an index holds more than its gallery does, as after that was brought back from an earlier
    copy: the numbers that are new to it go to others."""
    if manifest.sequence > sequence or manifest.withdrawal > withdrawal:
        raise ConflictError(
            "the index knows of more people or withdrawals than the gallery holds: it must be made anew",
            path=str(home), indexed=manifest.sequence, enrolled=sequence, needs="cccd gallery index --anew",
        )  # fmt: skip


def living(shard: Shard, entry: ShardEntry) -> NDArray[np.int64]:
    """The rows of a shard that are not dead."""
    if not entry.dead:
        return np.arange(shard.people, dtype=np.int64)
    dead = np.array(entry.dead, np.uint64)
    return np.flatnonzero(~np.isin(shard.sequences, dead, assume_unique=True)).astype(np.int64)


def withdrawn_places(withdrawals: Iterator[Withdrawal], until: int | None = None) -> set[int]:
    """The sequences of those whose templates were taken out, of withdrawals up to that number."""
    return {
        one.place
        for one in withdrawals
        if one.kind is not WithdrawalKind.RENAMED and (until is None or one.sequence <= until)
    }


def sweep(home: Path, manifest: Manifest) -> None:
    """Deletes what an interruption left in the index's folder: all but the lock, the manifest, and what that names."""
    known = {home / _LOCK_FILE, home / MANIFEST_FILE, *(home / entry.file for entry in manifest.shards)}
    try:
        for path in sorted(home.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                with suppress(OSError):
                    path.rmdir()  # where nothing is left in it
            elif path not in known:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise file_error("the index's folder cannot be swept", error, path=str(home)) from None


def drop(home: Path, entries: Sequence[ShardEntry]) -> None:
    """Deletes shards that no manifest names any more."""
    try:
        for entry in entries:
            (home / entry.file).unlink(missing_ok=True)
    except OSError as error:
        raise file_error("a shard that no longer counts cannot be deleted", error, path=str(home)) from None


def _rows_of(shard: Shard, sequences: Sequence[int]) -> list[int]:
    """Those of the sequences that have a row in the shard."""
    wanted = np.array(sequences, np.uint64)
    found = shard.sequences[np.isin(shard.sequences, wanted, assume_unique=True)]
    return [int(one) for one in found]


def _cells(shard: Shard, entry: ShardEntry) -> tuple[int, ...]:
    """The cells in which a shard has rows that are not dead."""
    sequences = shard.sequences[living(shard, entry)]
    return tuple(int(cell) for cell in np.unique(cell_of(sequences)))


def _cell_rows(shard: Shard, cell: int) -> tuple[int, int]:
    """The first row of a cell, and the one after the last."""
    found = np.searchsorted(cell_of(shard.sequences), (cell, cell + 1))
    return int(found[0]), int(found[1])


def _dead_too(entry: ShardEntry, sequences: NDArray[np.uint64]) -> tuple[int, ...]:
    return tuple(sorted({*entry.dead, *sequences.tolist()}))
