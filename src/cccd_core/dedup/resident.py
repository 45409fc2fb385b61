"""Searches of batches over the index of a gallery's folder, which is brought up to date before each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Set
from contextlib import closing
from pathlib import Path

from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.decision import Decision
from cccd_core.dedup.deduplicator import Deduplicator
from cccd_core.dedup.gallery.folder import gallery_in
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.index import Index, update
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.person import EnrolledPerson
from cccd_core.dedup.search.enrolled import Indexed
from cccd_core.errors import ConflictError, DamagedError
from cccd_core.matching import Matcher
from cccd_core.plain import JsonObject
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher

_LOG = logging.getLogger("cccd_core.dedup")


class Resident:
    """Searches the gallery of a folder as `Deduplicator` does, exhaustively, and prepares each person enrolled once,
    when the index takes them in; another gallery (of one person, say) it searches without an index."""

    def __init__(
        self,
        folder: Path,
        matcher: Matcher | None = None,
        parameters: DedupParameters | None = None,
        *,
        cipher: Cipher | None = None,
        threads: int | None = None,
    ) -> None:
        """`folder`: of the gallery; the index lies in it."""
        self._folder, self._cipher = folder, cipher
        self._matcher = Matcher() if matcher is None else matcher
        self._deduplicator = Deduplicator(self._matcher, parameters, threads=threads)
        self._of: str | None = None  # the folder's gallery, once it was asked for

    def manifest(self) -> JsonObject:
        """As `Deduplicator.manifest`."""
        return self._deduplicator.manifest()

    def search(
        self,
        batch: Sequence[EnrolledPerson],
        gallery: Gallery,
        *,
        exclude: Mapping[str, Set[str]] | None = None,
        progress: Progress | None = None,
    ) -> list[Decision]:
        """As `Deduplicator.search`. An index that is damaged or of another gallery is made anew, since the gallery is
        the truth. Errors as `index.update`, and as `gallery_in` for the folder's gallery."""
        if self._of is None:
            with closing(gallery_in(self._folder, cipher=self._cipher)) as own:
                self._of = own.gallery_id
        if gallery.gallery_id != self._of:
            return self._deduplicator.search(batch, gallery, exclude=exclude, progress=progress)
        try:
            index = self._index(gallery, False, progress)
        except (DamagedError, ConflictError) as error:
            _LOG.warning("the index is made anew: %s", error.kind)
            index = self._index(gallery, True, progress)
        indexed = Indexed(self._matcher, index)
        return self._deduplicator.search(batch, gallery, index=indexed, exclude=exclude, progress=progress)

    def _index(self, gallery: Gallery, anew: bool, progress: Progress | None) -> Index:
        coder, threads = FingerCoder.shipped(), self._deduplicator.threads
        update(
            gallery, self._folder, self._matcher, coder,
            threads=threads, cipher=self._cipher, wait=True, anew=anew, progress=progress,
        )  # fmt: skip
        return Index.open(self._folder, gallery, self._matcher, coder, cipher=self._cipher)
