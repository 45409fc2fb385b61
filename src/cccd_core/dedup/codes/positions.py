"""Fingers that do not lie where they are said to: what the screen looks for beside the positions as they are stated.

Neighbours that were swapped need nothing: eight fingers of ten still agree. Hands that were swapped are found by laying
the probe anew, in the same pass over the gallery; fingers of unknown position by scanning the gallery finger by finger,
each at the cost of about six scans of people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.codes.screen import FINGERS, Bytes, Floats, People, Screen
from cccd_core.errors import ParameterError

# For each position of a row, 1 to 10, the probe's position that is laid there.
Laying: TypeAlias = tuple[int, ...]
AS_STATED: Laying = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
HANDS_SWAPPED: Laying = (6, 7, 8, 9, 10, 1, 2, 3, 4, 5)
FOURS_SWAPPED: Laying = (1, 7, 8, 9, 10, 6, 2, 3, 4, 5)  # the slaps of four; the thumbs are where they belong
LAYINGS: tuple[Laying, ...] = (AS_STATED, HANDS_SWAPPED, FOURS_SWAPPED)


def relaid(people: People, laying: Laying) -> People:
    """The same people with their fingers at other positions, copied. ParameterError for what is no order of ten."""
    if sorted(laying) != list(AS_STATED):
        raise ParameterError("a laying names each of ten positions once")
    order = np.array(laying) - 1
    there = people.present[:, None] >> order.astype(np.uint16) & 1
    present = (there << np.arange(FINGERS, dtype=np.uint16)).sum(axis=1).astype(np.uint16)
    columns = {name: np.ascontiguousarray(codes[:, order]) for name, codes in people.columns.items()}
    return People(columns, present)


def scan_unplaced(
    screen: Screen, fingers: Mapping[str, Bytes], people: People, *, keep: float, threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]:
    """Fingers of unknown position against every finger: (finger, row, position, score), by finger, row and position.

    `fingers`: each column uint8[fingers, bytes]. About a share `keep` of strangers' fingers is left. One finger tells
    less than ten: `Measured.losses` says what is lost with one.
    """
    finger, place, score = screen.scan_fingers(fingers, people, keep=keep, threads=threads)
    return finger, place // FINGERS, place % FINGERS + 1, score
