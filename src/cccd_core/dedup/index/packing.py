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

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from cccd_core.dedup.person import MAX_FINGERS
from cccd_core.errors import FormatError
from cccd_core.matching.parameters import CYLINDERS_MAX, MINUTIAE_MAX
from cccd_core.matching.prepared import CODE_WORDS, PreparedGallery, PreparedTemplate, words_of

CYLINDER_BYTES = 39
MASK_BYTES = 5
RUN_BYTES_MOST = 1 + MAX_FINGERS * (1 + 8 * (1 + MINUTIAE_MAX) + CYLINDERS_MAX * (MASK_BYTES + CYLINDER_BYTES))


Run: TypeAlias = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class PackedFinger:
    """One finger within a run: whose it is, at which position, and its three parts as they lie there."""

    run: int
    position: int
    head: Run = field(repr=False)  # and the minutiae
    masks: Run = field(repr=False)
    body: Run = field(repr=False)

    @property
    def minutiae(self) -> int:
        """How many there are."""
        return len(self.head) // 8 - 1


def pack(fingers: Iterable[tuple[int, PreparedTemplate]]) -> bytes:
    """The run of a person's fingers, (position, prepared)."""
    given = list(fingers)
    parts = [bytes([len(given), *(position for position, _ in given)])]
    for _, finger in given:
        n, cylinders = int(finger.words[0]) & 0xFF, int(finger.words[0]) >> 8 & 0xFF
        parts.append(finger.words[: 1 + n].astype("<u8").tobytes())
        if cylinders:
            rows = finger.words[1 + n :].reshape(CODE_WORDS, cylinders).T.astype("<u8", order="C").view(np.uint8)
            used = np.zeros((cylinders, 8 * MASK_BYTES), np.bool_)
            used[:, :CYLINDER_BYTES] = rows[:, :CYLINDER_BYTES] != 0
            parts += [np.packbits(used, axis=1, bitorder="little").tobytes(), rows[used].tobytes()]
    return b"".join(parts)


def fingers_of(runs: Sequence[Run]) -> list[PackedFinger]:
    """The fingers of these runs, in order. FormatError, with the run's place, for one that was not made by `pack`."""
    return [finger for place, run in enumerate(runs) for finger in _fingers(run, place)]


def unpack(fingers: Sequence[PackedFinger]) -> PreparedGallery:
    """These fingers as what a search takes, in this order."""
    every = np.frombuffer(b"".join(finger.masks for finger in fingers), np.uint8).reshape(-1, MASK_BYTES)
    used = np.unpackbits(every, axis=1, bitorder="little").view(np.bool_)
    rows = np.zeros((len(every), 8 * CODE_WORDS), np.uint8)
    rows[used] = np.frombuffer(b"".join(finger.body for finger in fingers), np.uint8)
    cylinders = rows.view("<u8")
    counts = np.array([finger.minutiae for finger in fingers], np.uint8)
    offsets = np.zeros(len(fingers) + 1, np.int64)
    sizes = [words_of(finger.minutiae, len(finger.masks) // MASK_BYTES) for finger in fingers]
    np.cumsum(sizes, out=offsets[1:])
    words = np.empty(int(offsets[-1]), np.uint64)
    first = 0
    for finger, start, stop in zip(fingers, offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        count = len(finger.masks) // MASK_BYTES
        body = start + 1 + finger.minutiae
        words[start:body] = np.frombuffer(finger.head, "<u8")
        words[body:stop].reshape(CODE_WORDS, count)[:] = cylinders[first : first + count].T
        first += count
    for array in (words, offsets, counts):
        array.flags.writeable = False
    return PreparedGallery(words, offsets, counts)


def _fingers(run: Run, place: int) -> Iterator[PackedFinger]:
    """The fingers of one run."""
    k = run[0] if len(run) else MAX_FINGERS + 1
    if k > MAX_FINGERS or len(run) < 1 + k or any(position > MAX_FINGERS for position in run[1 : 1 + k]):
        raise FormatError("no run of prepared fingers", run=place)
    at = 1 + k
    for position in run[1 : 1 + k]:
        if len(run) < at + 8:
            raise FormatError("a run of prepared fingers ends early", run=place, offset=at)
        n, cylinders, corners = run[at], run[at + 1], run[at + 2]
        masks_at = at + 8 * (1 + n)
        body_at = masks_at + MASK_BYTES * cylinders
        if n > MINUTIAE_MAX or cylinders > min(n, CYLINDERS_MAX) or corners > n or len(run) < body_at:
            raise FormatError("no prepared finger", run=place, offset=at)
        masks = run[masks_at:body_at]
        if any(byte & 0x80 for byte in masks[MASK_BYTES - 1 :: MASK_BYTES]):
            raise FormatError("a mask says more than a cylinder has", run=place, offset=masks_at)
        end = body_at + int.from_bytes(masks, "little").bit_count()
        if len(run) < end:
            raise FormatError("a run of prepared fingers ends early", run=place, offset=body_at)
        yield PackedFinger(place, position, run[at:masks_at], masks, run[body_at:end])
        at = end
    if at != len(run):
        raise FormatError("something follows a run of prepared fingers", run=place, offset=at)
