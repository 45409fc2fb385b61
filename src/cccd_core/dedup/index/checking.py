"""Looks at all of an index, and says what is wrong with it: which file, which part of it, and how many people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.index.manifest import MANIFEST_FILE, ShardEntry, read_manifest
from cccd_core.dedup.index.shard import FINGERS, Shard
from cccd_core.dedup.index.updating import index_folder, living, open_shard, withdrawn_places
from cccd_core.errors import CccdError, DamagedError, FileError
from cccd_core.plain import Json
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher

_ASKED: Final = 4096  # sequences asked of the gallery, and rows unpacked, at a time


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong: `file` and `section`, the `offset` in the file where it begins, and how many people it touches."""

    file: str
    section: str
    offset: int
    people: int
    what: str

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return {name: getattr(self, name) for name in self.__slots__}


def check(
    gallery: Gallery, folder: Path, *, cipher: Cipher | None = None, progress: Progress | None = None
) -> Iterator[Finding]:
    """What is wrong with the index of the gallery in `folder`; nothing where there is none.

    Every byte of every shard is read, every finger unpacked, and the people compared with those of the gallery, by
    their sequences. What is found is mended by `update(..., anew=True)`. UnavailableError where the key is not there.
    """
    home = index_folder(folder)
    try:
        manifest = read_manifest(home, cipher)
    except (DamagedError, FileError) as error:
        yield _of(error, home / MANIFEST_FILE, "manifest", len(gallery))
        return
    if manifest is None:
        return
    if manifest.gallery != gallery.gallery_id:
        yield Finding(str(home / MANIFEST_FILE), "manifest", 0, manifest.people, "the index is of another gallery")
        return
    found: list[int] = []
    unread = 0
    for done, entry in enumerate(manifest.shards):
        if progress is not None:
            progress(done, len(manifest.shards), "verify")
        try:
            shard = open_shard(home, entry, cipher)
        except (DamagedError, FileError) as error:
            yield _of(error, home / entry.file, "header", entry.people)
            unread += entry.people - len(entry.dead)
            continue
        found += shard.sequences[living(shard, entry)].tolist()
        yield from _of_shard(shard, entry)
    yield from _of_people(gallery, home, manifest.sequence, manifest.withdrawal, found, unread)
    if progress is not None:
        progress(len(manifest.shards), len(manifest.shards), "verify")


def _of_shard(shard: Shard, entry: ShardEntry) -> Iterator[Finding]:
    sound = True
    for damage, people in shard.damages():
        sound = False
        yield Finding(str(shard.file.path), damage.section, damage.offset, people, "a block is damaged")
    try:
        sequences = shard.sequences
        if sound and (len(sequences) == 0 or (int(sequences[0]), int(sequences[-1])) != (entry.first, entry.last)):
            raise DamagedError("the people are not those that the manifest tells", section="sequence", offset=0)
        for start in range(0, shard.people if sound else 0, _ASKED):
            shard.block(slice(start, start + _ASKED))
        shard.unplaced  # noqa: B018 - it is read to be checked
    except DamagedError as error:
        yield _of(error, shard.file.path, FINGERS, 1)


def _of_people(
    gallery: Gallery, home: Path, until: int, withdrawal: int, found: list[int], unread: int
) -> Iterator[Finding]:
    """Whether the living rows are those of the gallery's people up to there."""
    gone = withdrawn_places(gallery.withdrawals(withdrawal))
    rows = np.array(sorted(found), np.int64)
    missing = unknown = 0
    twice = int(np.count_nonzero(rows[1:] == rows[:-1]))
    for start in range(1, until + 1, _ASKED):
        stop = min(start + _ASKED, until + 1)
        enrolled = set(gallery.identifiers(range(start, stop))) - gone
        inside = set(rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)].tolist()) - gone
        missing += len(enrolled - inside)
        unknown += len(inside - enrolled)
    unknown += int(np.count_nonzero(rows > until))
    path = str(home / MANIFEST_FILE)
    if missing > unread:
        yield Finding(path, "shards", 0, missing - unread, "enrolled people are not in the index")
    if unknown:
        yield Finding(path, "shards", 0, unknown, "the index holds people who are not enrolled")
    if twice:
        yield Finding(path, "shards", 0, twice, "the index holds people twice")


def _of(error: CccdError, path: Path, section: str, people: int) -> Finding:
    found, offset = error.facts.get("section"), error.facts.get("offset")
    return Finding(str(path), str(found or section), offset if isinstance(offset, int) else 0, people, error.message)
