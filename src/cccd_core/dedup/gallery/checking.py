"""Looks at everyone in a gallery, and says whose records are not as they were written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cccd_core.dedup.gallery.protocol import Gallery
from cccd_core.errors import DamagedError
from cccd_core.progress import Progress

_ASKED: Final = 64  # people read at a time


def damaged_people(gallery: Gallery, progress: Progress | None = None) -> Iterator[tuple[int, str]]:
    """The number of everyone whose records are damaged, and what is wrong with them.

    Reads everyone once. DamagedError where it is not people but the whole that is damaged; others as the gallery.
    """
    last = gallery.last_sequence()
    for start in range(1, last + 1, _ASKED):
        stop = min(start + _ASKED, last + 1)
        if progress is not None:
            progress(start - 1, last, "people")
        yield from _among(gallery, range(start, stop))
    if progress is not None:
        progress(last, last, "people")


def _among(gallery: Gallery, sequences: Sequence[int]) -> Iterator[tuple[int, str]]:
    try:
        gallery.entries_of(sequences)
    except DamagedError as error:
        if len(sequences) == 1:
            yield sequences[0], error.message
            return
        half = len(sequences) // 2
        yield from _among(gallery, sequences[:half])
        yield from _among(gallery, sequences[half:])
