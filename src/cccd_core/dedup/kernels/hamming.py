"""Blocked Hamming scan over 512-bit codes: the twin of native/kernels/hamming, bit for bit.

Codes are rows of eight uint64. The gallery is visited in blocks that stay in the first-level cache while every probe
passes over them.
"""

# mypy: disable-error-code="no-untyped-def"

import numba
import numpy as np


@numba.njit(nogil=True, cache=True, inline="always")
def _popcount(v):
    # LLVM knows this sum of neighbouring bits as a population count, and makes it the CPU's own, vectors included.
    v = v - ((v >> np.uint64(1)) & np.uint64(0x5555555555555555))
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (v * np.uint64(0x0101010101010101)) >> np.uint64(56)


@numba.njit(nogil=True, cache=True)
def _row_distances(probe, p, gallery, start, count, out):
    """Distances of probe row `p` to `count` gallery rows from `start`, into `out`."""
    p0, p1, p2, p3 = probe[p, 0], probe[p, 1], probe[p, 2], probe[p, 3]
    p4, p5, p6, p7 = probe[p, 4], probe[p, 5], probe[p, 6], probe[p, 7]
    for r in range(count):
        row = start + r
        out[r] = np.uint16(
            _popcount(p0 ^ gallery[row, 0])
            + _popcount(p1 ^ gallery[row, 1])
            + _popcount(p2 ^ gallery[row, 2])
            + _popcount(p3 ^ gallery[row, 3])
            + _popcount(p4 ^ gallery[row, 4])
            + _popcount(p5 ^ gallery[row, 5])
            + _popcount(p6 ^ gallery[row, 6])
            + _popcount(p7 ^ gallery[row, 7])
        )


@numba.njit(nogil=True, cache=True)
def distances(probe, gallery, block_rows, out):
    """Every distance: `probe` uint64[p, 8], `gallery` uint64[g, 8], `out` uint16[p, g]."""
    rows = gallery.shape[0]
    for start in range(0, rows, block_rows):
        count = min(block_rows, rows - start)
        for p in range(probe.shape[0]):
            _row_distances(probe, p, gallery, start, count, out[p, start : start + count])


@numba.njit(nogil=True, cache=True)
def within(probe, gallery, limit, block_rows, out):
    """Pairs no further apart than `limit` bits: (probe, row, distance) into `out` uint32[capacity, 3].

    Ordered by block of gallery rows, then probe, then row. Returns how many there are in all, of which the first
    `capacity` are stored.
    """
    rows = gallery.shape[0]
    capacity = out.shape[0]
    block = np.empty(block_rows, np.uint16)
    found = 0
    for start in range(0, rows, block_rows):
        count = min(block_rows, rows - start)
        for p in range(probe.shape[0]):
            _row_distances(probe, p, gallery, start, count, block)
            for r in range(count):
                if block[r] <= limit:
                    if found < capacity:
                        out[found, 0] = p
                        out[found, 1] = start + r
                        out[found, 2] = block[r]
                    found += 1
    return found
