"""A gallery's folder made ready: its index brought up to date and opened."""

from __future__ import annotations

from pathlib import Path

from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.dedup.index import Coder, Index, update
from cccd_core.dedup.search.join import Joinable
from cccd_core.errors import BusyError
from cccd_core.matching import Matcher
from cccd_core.progress import Progress
from cccd_core.storage.cipher import Cipher

_TRIES = 100


def joinable(
    folder: Path,
    gallery: Gallery,
    matcher: Matcher,
    coder: Coder,
    *,
    cipher: Cipher | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Joinable:
    """The gallery with its index, which holds everyone enrolled a moment ago.

    Where people are enrolled all the while, the index is brought up to them again. BusyError where that never ends;
    errors as `index.update`.
    """
    for _ in range(_TRIES):
        update(gallery, folder, matcher, coder, threads=threads, cipher=cipher, wait=True, progress=progress)
        index = Index.open(folder, gallery, matcher, coder, cipher=cipher)
        if next(iter(index.pending()), None) is None:
            return Joinable(folder, index, cipher)
    raise BusyError("people are enrolled faster than the index takes them in", path=str(folder))
