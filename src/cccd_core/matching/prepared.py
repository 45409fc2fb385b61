"""A template made ready for searching, alone and packed into a gallery.

A finger is a run of uint64 words:

| words | content |
|---|---|
| 1 | bits 0-7 n, the minutiae; 8-15 c, those with a cylinder (the first c); 16-23 corners of the convex hull; |
|   | 24-31 the effective count of minutiae in halves: each counts one over those within 30 px of it, itself among |
|   | them; 32-39 how many neighbours within 64 px a minutia has, in eighths; 40-47 the mean cosine between |
|   | neighbours' directions, in 255ths, 0 below zero |
| n | one a minutia: bits 0-15 x, 16-31 y (pixels at 500 dpi + 32768, y up), 32-39 angle (256ths of a turn), 40-41 |
|   | kind, 42-47 how many others lie within 30 px, 48-55 quality, 56-63 its place along the hull, from 1; 0 where |
|   | it is no corner. The most central have a cylinder and come first; they are sorted by y, and so are the others |
| 5 c | the cylinders, all first words, then all second ones, ...: bit 52 s + k is section s of cell k, of those |
|   | 52 of an 8 x 8 grid in the minutia's own frame that lie within the radius, row by row |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import FormatError, ParameterError
from cccd_core.matching.parameters import CYLINDERS_MAX, MINUTIAE_MAX

CODE_WORDS = 5


def words_of(minutiae: int, cylinders: int) -> int:
    """How many words a finger takes; at most 441, 3,528 bytes."""
    return 1 + minutiae + CODE_WORDS * cylinders


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PreparedTemplate:
    """One finger, prepared by `Matcher.prepare`: `words` uint64[k], read-only. FormatError for other words."""

    words: NDArray[np.uint64]

    def __post_init__(self) -> None:
        head = int(self.words[0]) if len(self.words) else 0
        n, cylinders, corners = head & 0xFF, head >> 8 & 0xFF, head >> 16 & 0xFF
        if (
            len(self.words) != words_of(n, cylinders)
            or n > MINUTIAE_MAX
            or cylinders > min(n, CYLINDERS_MAX)
            or corners > n
        ):
            raise FormatError("not a prepared finger", words=len(self.words))

    @property
    def count(self) -> int:
        """How many minutiae were kept."""
        return int(self.words[0]) & 0xFF

    @property
    def head(self) -> NDArray[np.uint64]:
        """The first word, uint64[1]."""
        return self.words[:1]

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return self.words.nbytes


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PreparedGallery:
    """Many prepared fingers, packed: finger i is `words[offsets[i] : offsets[i + 1]]`.

    `offsets` int64[len + 1], `words` uint64[total], `counts` uint8[len] (minutiae of each), all read-only.
    """

    words: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    counts: NDArray[np.uint8]

    @classmethod
    def pack(cls, templates: Sequence[PreparedTemplate]) -> PreparedGallery:
        """Packs prepared templates, in order."""
        offsets = np.zeros(len(templates) + 1, np.int64)
        np.cumsum([len(template.words) for template in templates], out=offsets[1:])
        words = np.concatenate([t.words for t in templates]) if templates else np.zeros(0, np.uint64)
        counts = np.array([template.count for template in templates], np.uint8)
        for array in (words, offsets, counts):
            array.flags.writeable = False
        return cls(words, offsets, counts)

    @classmethod
    def side_by_side(cls, galleries: Sequence[PreparedGallery]) -> PreparedGallery:
        """Galleries of as many fingers each as one: the first finger of each, then the second of each, and so on,
        copied."""
        words = np.concatenate([one.words[one.offsets[0] : one.offsets[-1]] for one in galleries])
        sizes = np.concatenate([np.diff(one.offsets) for one in galleries])
        offsets = np.zeros(len(sizes) + 1, np.int64)
        np.cumsum(sizes, out=offsets[1:])
        order = np.arange(len(sizes)).reshape(len(galleries), -1).T.ravel()
        return cls(words, offsets, np.concatenate([one.counts for one in galleries])).take(order)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def heads(self) -> NDArray[np.uint64]:
        """The first word of every finger, uint64[len]."""
        return self.words[self.offsets[:-1]]

    @overload
    def __getitem__(self, index: int) -> PreparedTemplate: ...
    @overload
    def __getitem__(self, index: slice) -> PreparedGallery: ...
    def __getitem__(self, index: int | slice) -> PreparedTemplate | PreparedGallery:
        """One finger, or a contiguous range of them; neither copies. ParameterError outside the gallery."""
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ParameterError("a slice of a gallery must be contiguous", step=step)
            stop = max(start, stop)
            return PreparedGallery(self.words, self.offsets[start : stop + 1], self.counts[start:stop])
        if not 0 <= index < len(self):
            raise ParameterError("no such finger in the gallery", index=index, count=len(self))
        return PreparedTemplate(self.words[self.offsets[index] : self.offsets[index + 1]])

    def take(self, fingers: NDArray[np.int64]) -> PreparedGallery:
        """These fingers, copied, in this order. ParameterError outside the gallery."""
        if len(fingers) and not (int(fingers.min()) >= 0 and int(fingers.max()) < len(self)):
            raise ParameterError("no such finger in the gallery", count=len(self))
        sizes = self.offsets[fingers + 1] - self.offsets[fingers]
        offsets = np.zeros(len(fingers) + 1, np.int64)
        np.cumsum(sizes, out=offsets[1:])
        rows = np.repeat(self.offsets[fingers] - offsets[:-1], sizes) + np.arange(offsets[-1])
        words, counts = self.words[rows], self.counts[fingers]
        for array in (words, offsets, counts):
            array.flags.writeable = False
        return PreparedGallery(words, offsets, counts)

    def __iter__(self) -> Iterator[PreparedTemplate]:
        return (self[index] for index in range(len(self)))

    @property
    def nbytes(self) -> int:
        """Size in memory of the fingers in it and their index."""
        return int(self.offsets[-1] - self.offsets[0]) * 8 + self.offsets.nbytes + self.counts.nbytes
