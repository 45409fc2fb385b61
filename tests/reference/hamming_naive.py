"""Slow truth of the Hamming scan: Python integers, one pair at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 256


def distances(probe: NDArray[np.uint64], gallery: NDArray[np.uint64]) -> list[list[int]]:
    """Number of differing bits of every pair."""
    return [
        [sum((int(a) ^ int(b)).bit_count() for a, b in zip(one, other, strict=True)) for other in gallery]
        for one in probe
    ]


def within(probe: NDArray[np.uint64], gallery: NDArray[np.uint64], limit: int) -> list[tuple[int, int, int]]:
    """(probe, row, distance) of the pairs within the limit: by block of gallery rows, then probe, then row."""
    table = distances(probe, gallery)
    hits = []
    for start in range(0, len(gallery), BLOCK_ROWS):
        for p in range(len(probe)):
            for row in range(start, min(start + BLOCK_ROWS, len(gallery))):
                if table[p][row] <= limit:
                    hits.append((p, row, table[p][row]))
    return hits
