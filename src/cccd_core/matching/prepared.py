"""A template made ready for searching, alone and packed into a gallery. Imports errors and numpy.

Both hold rows of eight uint64 words, one row a minutia:

| word | content |
|---|---|
| 0-5 | the cylinder: one word for each sixth of a turn, one bit for each cell of an 8 x 8 grid, minutia's own frame |
| 6 | which of the 64 cells are valid |
| 7 | bits 0-15 x, 16-31 y (pixels at 500 dpi + 32768, y up), 32-39 angle (256ths of a turn), 40-47 kind, 48- quality |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import ParameterError

WORDS = 8


@dataclass(frozen=True, slots=True, eq=False)
class PreparedTemplate:
    """One finger, prepared: `rows` is uint64[n, 8], n <= 64, read-only. Made by `Matcher.prepare`."""

    rows: NDArray[np.uint64]

    @property
    def count(self) -> int:
        """How many minutiae were kept."""
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return self.rows.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class PreparedGallery:
    """Many prepared fingers, packed: finger i is `rows[offsets[i] : offsets[i + 1]]`.

    `offsets` int64[len + 1], `rows` uint64[total, 8].
    """

    rows: NDArray[np.uint64]
    offsets: NDArray[np.int64]

    @classmethod
    def pack(cls, templates: Sequence[PreparedTemplate]) -> PreparedGallery:
        """Packs prepared templates, in order."""
        offsets = np.zeros(len(templates) + 1, np.int64)
        np.cumsum([template.count for template in templates], out=offsets[1:])
        rows = np.concatenate([t.rows for t in templates]) if templates else np.zeros((0, WORDS), np.uint64)
        rows.flags.writeable = False
        offsets.flags.writeable = False
        return cls(rows, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

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
            return PreparedGallery(self.rows, self.offsets[start : max(start, stop) + 1])
        if not 0 <= index < len(self):
            raise ParameterError("no such finger in the gallery", index=index, count=len(self))
        return PreparedTemplate(self.rows[self.offsets[index] : self.offsets[index + 1]])

    def __iter__(self) -> Iterator[PreparedTemplate]:
        return (self[index] for index in range(len(self)))

    @property
    def nbytes(self) -> int:
        """Size in memory of the fingers in it and their index."""
        return int(self.offsets[-1] - self.offsets[0]) * WORDS * 8 + self.offsets.nbytes
