"""The prepared fingers of a person as one run of bytes, and many such runs as what a search takes.

A cylinder's 312 bits are 39 bytes of which two in three are 0, since few minutiae stand around one and few of them turn
the other way: the bytes that are not are kept, with a mask that says which they are. Nothing is lost: the words come
back bit for bit. A run, integers little-endian:

    1 byte   k, the fingers, at most 10
    k bytes  the position of each: those of known position in order, then 0s
    each     u64 head and u64 a minutia, as `matching.prepared` says
             5 bytes a cylinder: bit b says that byte b of it is not 0
             those bytes, cylinder by cylinder
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from cccd_core import runtime
from cccd_core.dedup.person import MAX_FINGERS
from cccd_core.errors import FormatError
from cccd_core.matching.prepared import CODE_WORDS, PreparedGallery, PreparedTemplate

CYLINDER_BYTES = 39
MASK_BYTES = 5
_RUN, _POSITION, _AT, _MINUTIAE, _CYLINDERS = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class PackedFingers:
    """Fingers of some runs, in order of run: where each lies in `data` uint8[bytes], which `table` int64[n, 5] says."""

    data: NDArray[np.uint8] = field(repr=False)
    table: NDArray[np.int64] = field(repr=False)

    @property
    def run(self) -> NDArray[np.int64]:
        """The place of each one's run: int64[n]."""
        return self.table[:, _RUN]

    @property
    def position(self) -> NDArray[np.int64]:
        """The position of each; 0 where it is unknown: int64[n]."""
        return self.table[:, _POSITION]

    @property
    def minutiae(self) -> NDArray[np.int64]:
        """How many minutiae each has: int64[n]."""
        return self.table[:, _MINUTIAE]


def pack(fingers: Iterable[tuple[int, PreparedTemplate]]) -> bytes:
    """The run of a person's fingers, (position, prepared)."""
    given = list(fingers)
    gallery = PreparedGallery.pack([finger for _, finger in given])
    return pack_people(gallery, [position for position, _ in given], [0, len(given)])[0]


def pack_people(fingers: PreparedGallery, positions: Sequence[int], bounds: Sequence[int]) -> list[bytes]:
    """The runs of several people: person i has the fingers `bounds[i]` to `bounds[i + 1]`, and `positions` is
    that of each."""
    first = fingers.offsets[:-1]
    minutiae = (fingers.heads & np.uint64(0xFF)).astype(np.int64)
    cylinders = (fingers.heads >> np.uint64(8) & np.uint64(0xFF)).astype(np.int64)
    masks_from = first + 1 + minutiae  # the first words of the cylinders
    ends = np.zeros(len(fingers) + 1, np.int64)
    np.cumsum(cylinders, out=ends[1:])
    place = np.arange(ends[-1]) + np.repeat(masks_from - ends[:-1], cylinders)
    words = fingers.words[place[:, None] + np.repeat(cylinders, cylinders)[:, None] * np.arange(CODE_WORDS)]
    rows = words.astype("<u8", copy=False).view(np.uint8)
    used = rows != 0
    used[:, CYLINDER_BYTES:] = False
    masks, kept = np.packbits(used, axis=1, bitorder="little"), rows[used]
    taken = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(np.count_nonzero(used, axis=1), out=taken[1:])
    heads = fingers.words.astype("<u8", copy=False).view(np.uint8).data
    each_mask, each_byte = masks.reshape(-1).data, kept.data
    parts = [
        b"".join((heads[8 * a : 8 * b], each_mask[MASK_BYTES * c : MASK_BYTES * d], each_byte[e:f]))
        for a, b, c, d, e, f in zip(
            first.tolist(), masks_from.tolist(), ends[:-1].tolist(), ends[1:].tolist(),
            taken[ends[:-1]].tolist(), taken[ends[1:]].tolist(), strict=True,
        )
    ]  # fmt: skip
    return [
        b"".join((bytes([stop - start, *positions[start:stop]]), *parts[start:stop]))
        for start, stop in pairwise(bounds)
    ]


def fingers_of(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    *,
    least_minutiae: int = 0,
    positions: Sequence[int] | None = None,
) -> PackedFingers:
    """The fingers of the runs that lie in `data` from `starts` to `stops`, those of fewer minutiae left out, and those
    of other positions than `positions`, if these are told.

    FormatError, with the run's place, for one that was not made by `pack`.
    """
    table = np.empty((MAX_FINGERS * len(starts), 5), np.int64)
    find = runtime.native().unpacking_find if runtime.use_native() else _twin().find
    count = int(find(data, starts, stops, table))
    if count < 0:
        raise FormatError("no run of prepared fingers", run=-1 - count)
    table = table[:count]
    kept = table[:, _MINUTIAE] >= least_minutiae
    if positions is not None:
        kept &= np.isin(table[:, _POSITION], positions)
    return PackedFingers(data, table[kept])


def unpack(fingers: PackedFingers, order: NDArray[np.int64]) -> PreparedGallery:
    """Those of the fingers that `order` numbers, as what a search takes."""
    table = np.ascontiguousarray(fingers.table[order])
    offsets = np.zeros(len(table) + 1, np.int64)
    np.cumsum(1 + table[:, _MINUTIAE] + CODE_WORDS * table[:, _CYLINDERS], out=offsets[1:])
    words = np.empty(int(offsets[-1]), np.uint64)
    expand = runtime.native().unpacking_unpack if runtime.use_native() else _twin().unpack
    if not expand(fingers.data, table, offsets, words):
        raise FormatError("a run of prepared fingers changed while it was read")
    counts = table[:, _MINUTIAE].astype(np.uint8)
    for array in (words, offsets, counts):
        array.flags.writeable = False
    return PreparedGallery(words, offsets, counts)


def _twin() -> ModuleType:
    return import_module("cccd_core.dedup.kernels.unpacking")  # numba is loaded only where it runs
