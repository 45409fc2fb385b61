"""A gallery and its index as they stand now, ready to be searched by one request after the other.

The index is a version that was opened a while ago. Before each search the gallery is asked for its last number and its
last withdrawal: who came since is packed and kept (`search.recent`), and the rows of who was withdrawn count no more.
So a search finds whoever was enrolled before it began, by any process, and nobody who was taken out. A thread of its
own brings the index up to date where many came.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final

from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.deduplicator import Deduplicator
from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.index import Index, update
from cccd_core.dedup.index.updating import withdrawn_places
from cccd_core.dedup.lookup import Lookup
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.enrolled import Indexed
from cccd_core.dedup.search.recent import Recent
from cccd_core.dedup.search.screening import CodesFirst
from cccd_core.errors import CccdError, ParameterError
from cccd_core.matching import Matcher
from cccd_core.plain import JsonObject
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher

_LOG = logging.getLogger("cccd_core.dedup.service")
RECENT_MOST: Final = 256  # people whom the index does not have yet: with more it is brought up to date


class Standing:
    """Makes a `Lookup` of the gallery as it is now. May be asked by several threads."""

    def __init__(
        self,
        gallery: Gallery,
        folder: Path,
        matcher: Matcher,
        coder: FingerCoder,
        parameters: DedupParameters,
        cascade: Cascade,
        *,
        cipher: Cipher | None = None,
        threads: int = 1,
        progress: Progress | None = None,
        recent_most: int = RECENT_MOST,
    ) -> None:
        """Brings the index up to date, with so many `threads`, and opens it. `recent_most`: how many people may come or
        go before that is done again. Errors as `Lookup.over` and `index.update`."""
        if not cascade.any_position:
            raise ParameterError("people are looked up across positions too", cascade=str(cascade), needs="…>same>any")
        self._gallery, self._folder, self._matcher, self._coder = gallery, folder, matcher, coder
        self._cascade, self._cipher, self._most = cascade, cipher, recent_most
        self._deduplicator = Deduplicator(matcher, parameters, threads=1)
        update(gallery, folder, matcher, coder, threads=threads, cipher=cipher, wait=True, progress=progress)
        self._lock = threading.Lock()
        self._index: Index | None = None
        self._first: CodesFirst | None = None
        self._recent = Recent(matcher, parameters.least_minutiae)
        self._last = self._withdrawn = 0
        self._trouble = ""
        self._due, self._ended, self._updated = threading.Event(), threading.Event(), threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="index", daemon=True)
        self.lookup()
        self._keeper.start()

    def lookup(self) -> Lookup:
        """Over everyone enrolled now. Costs two questions to the gallery, and the preparing of who is new. Errors as
        `Index.open`."""
        with self._lock:
            withdrawn, last = self._gallery.last_withdrawal(), self._gallery.last_sequence()
            changed: set[int] = set()
            if withdrawn != self._withdrawn:
                changed = withdrawn_places(self._gallery.withdrawals(self._withdrawn), withdrawn)
            fewer = withdrawn < self._withdrawn or last < self._last  # as of a gallery that is another now
            reopened = self._index is None or fewer or self._updated.is_set()
            if self._index is None or reopened:
                self._updated.clear()
                self._index = self._opened()
                self._first = None if self._cascade.exhaustive else CodesFirst(self._coder, self._index, self._cascade)
            elif changed:
                self._index = self._index.followed(changed, last)
                self._first = None if self._first is None else self._first.followed(self._index)
            if reopened or changed or last != self._last:
                self._recent = self._recent.followed(self._gallery, self._index.awaited(last), changed)
            self._withdrawn, self._last = withdrawn, last
            if max(len(self._recent), withdrawn - self._index.manifest.withdrawal) > self._most:
                self._due.set()
            indexed = Indexed(self._matcher, self._index, self._first, self._recent)
            return Lookup(self._gallery, self._deduplicator, indexed)

    def told(self) -> JsonObject:
        """What stands: people in the index and beside it, and the kind of what went wrong when it was last brought up
        to date."""
        with self._lock:
            people = 0 if self._index is None else self._index.people
            return {
                "people_in_index": people,
                "people_beside_index": len(self._recent),
                "index_trouble": self._trouble or "none",
            }

    def close(self) -> None:
        """Ends the thread, after what it is at."""
        self._ended.set()
        self._due.set()
        self._keeper.join()

    def _opened(self) -> Index:
        return Index.open(self._folder, self._gallery, self._matcher, self._coder, cipher=self._cipher)

    def _keep(self) -> None:
        while True:
            self._due.wait()
            if self._ended.is_set():
                return
            self._due.clear()
            try:
                update(self._gallery, self._folder, self._matcher, self._coder, cipher=self._cipher, wait=True)
                self._trouble = ""
            except CccdError as error:  # whom the index does not have is searched beside it, only more slowly
                self._trouble = error.kind
                _LOG.warning("the index was not brought up to date: %s", error.kind)
                self._ended.wait(1)
            self._updated.set()
