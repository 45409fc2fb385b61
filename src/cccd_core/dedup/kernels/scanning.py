"""Scan over rows of codes, blocked over probes: the Numba twin of native/kernels/scanning, bit for bit."""

# numba's types are not those of the annotations, which are for the reader
# mypy: disable-error-code="no-any-return"

import numba
import numpy as np
from numpy.typing import NDArray

# --- scanning.hpp

PRESENCES = 1024
WIDTH_STEP = 8
ROWS_AT_ONCE = 8
BLOCK_BYTES = 24576
FINGERS = 10
GROUPS_AT_ONCE = 32
GROUP_PEOPLE = 16
SKETCH_BYTES = 24
SKETCH_STEP = 4


@numba.njit(nogil=True, cache=True)
def block_rows(width: int) -> int:
    """How many rows stay in the cache together; the order of what is found goes by it."""
    return max(1, BLOCK_BYTES // width // ROWS_AT_ONCE) * ROWS_AT_ONCE


# --- scan.ipp


@numba.njit(nogil=True, cache=True, inline="always")
def popcount(v):  # type: ignore[no-untyped-def]
    """Bits of a word, or of each of many. LLVM knows this sum as a population count and makes it the CPU's own."""
    v = v - ((v >> np.uint64(1)) & np.uint64(0x5555555555555555))
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (v * np.uint64(0x0101010101010101)) >> np.uint64(56)


@numba.njit(nogil=True, cache=True)
def sign_value(probe: NDArray[np.uint64], mask: NDArray[np.uint64], row: NDArray[np.uint64]) -> np.int64:
    """What a row is worth: less the bits that differ where the mask looks."""
    differing = np.int64(0)
    for i in range(row.shape[0]):
        differing += np.int64(popcount((probe[i] ^ row[i]) & mask[i]))
    return -differing


@numba.njit(nogil=True, cache=True)
def step_value(lower: NDArray[np.int8], upper: NDArray[np.int8], row: NDArray[np.uint8]) -> np.int64:
    """What a row is worth: the sum of products of its numbers of four bits with the probe's."""
    total = np.int64(0)
    for i in range(row.shape[0]):
        both = np.int64(row[i])
        total += np.int64(lower[i]) * (((both & 15) ^ 8) - 8) + np.int64(upper[i]) * (((both >> 4) ^ 8) - 8)
    return total


@numba.njit(nogil=True, cache=True)
def signs(
    probes: NDArray[np.uint64], floors: NDArray[np.int32], codes: NDArray[np.uint64], present: NDArray[np.uint16],
    out: NDArray[np.uint32],
) -> int:  # fmt: skip
    """Rows of bits that reach their floor: (probe, row, value) into `out`; how many there are in all.

    `codes` [rows, width / 8] and `probes` [probes, width / 4], a code and a mask each.
    """
    words, found = codes.shape[1], 0
    block = block_rows(8 * words)
    for start in range(0, codes.shape[0], block):
        for p in range(probes.shape[0]):
            for row in range(start, min(start + block, codes.shape[0])):
                value = sign_value(probes[p, :words], probes[p, words:], codes[row])
                if value >= floors[p, present[row] % PRESENCES]:
                    if found < out.shape[0]:
                        out[found, 0], out[found, 1], out[found, 2] = p, row, np.uint32(value & 0xFFFFFFFF)
                    found += 1
    return found


@numba.njit(nogil=True, cache=True)
def steps(
    probes: NDArray[np.int8], floors: NDArray[np.int32], codes: NDArray[np.uint8], present: NDArray[np.uint16],
    out: NDArray[np.uint32],
) -> int:  # fmt: skip
    """Rows of four-bit numbers that reach their floor, as `signs`; `probes` [probes, 2 width]."""
    width, found = codes.shape[1], 0
    block = block_rows(width)
    for start in range(0, codes.shape[0], block):
        for p in range(probes.shape[0]):
            for row in range(start, min(start + block, codes.shape[0])):
                value = step_value(probes[p, :width], probes[p, width:], codes[row])
                if value >= floors[p, present[row] % PRESENCES]:
                    if found < out.shape[0]:
                        out[found, 0], out[found, 1], out[found, 2] = p, row, np.uint32(value & 0xFFFFFFFF)
                    found += 1
    return found


@numba.njit(nogil=True, cache=True)
def sketch_number(group: NDArray[np.uint8], r: int, at: int) -> np.int64:
    """Number `at` of person `r` of a group, in the order in which a probe has them."""
    step, half, i = at // (2 * SKETCH_STEP), at // SKETCH_STEP % 2, at % SKETCH_STEP
    return np.int64(group[(step * GROUP_PEOPLE + r) * SKETCH_STEP + i] >> 4 * half & 15) - 8


@numba.njit(nogil=True, cache=True)
def sketch_value(group: NDArray[np.uint8], r: int, probe: NDArray[np.int8]) -> np.int64:
    """What person `r` of a group is worth by the sketch, as the fingers are stated."""
    total = np.int64(0)
    for at in range(2 * FINGERS * SKETCH_BYTES):
        total += np.int64(probe[at]) * sketch_number(group, r, at)
    return total


@numba.njit(nogil=True, cache=True)
def layings_value(group: NDArray[np.uint8], r: int, probe: NDArray[np.int8], laying: int) -> np.int64:
    """The same in the first, second or third of three layings, by halves of sums and differences of the hands."""
    hand, finger = FINGERS * SKETCH_BYTES, 2 * SKETCH_BYTES
    total = np.int64(0)
    for at in range(hand):
        first, second = np.int64(probe[at]), np.int64(probe[hand + at])
        left, right = sketch_number(group, r, at), sketch_number(group, r, hand + at)
        exchanged = laying == 1 or (laying == 2 and at >= finger)
        differing = ((first - second) >> 1) * (left - right)
        total += ((first + second) >> 1) * (left + right) + (-differing if exchanged else differing)
    return total


@numba.njit(nogil=True, cache=True)
def sift(
    sketches: NDArray[np.uint8], slots: NDArray[np.int32], classes: NDArray[np.uint16], step_codes: NDArray[np.uint8],
    probe_sketches: NDArray[np.int8], probe_steps: NDArray[np.int8], sketch_floors: NDArray[np.int32],
    step_floors: NDArray[np.int32], out: NDArray[np.uint32],
) -> int:  # fmt: skip
    """People who reach both floors: (probe, row, laying, value) into `out`; how many there are in all."""
    width, found = step_codes.shape[1], 0
    for start in range(0, len(slots), GROUPS_AT_ONCE):
        for p in range(len(probe_sketches)):
            for laying in range(sketch_floors.shape[0]):
                steps_of = probe_steps[laying, p]
                for g in range(start, min(start + GROUPS_AT_ONCE, len(slots))):
                    kind = classes[g]
                    for r in range(GROUP_PEOPLE):
                        row = slots[g, r]
                        if row < 0:
                            continue
                        if sketch_floors.shape[0] == 1:
                            near = sketch_value(sketches[g], r, probe_sketches[p])
                        else:
                            near = layings_value(sketches[g], r, probe_sketches[p], laying)
                        if near < sketch_floors[laying, p, kind]:
                            continue
                        value = step_value(steps_of[:width], steps_of[width:], step_codes[row])
                        if value >= step_floors[laying, p, kind]:
                            if found < out.shape[0]:
                                out[found, 0], out[found, 1], out[found, 2] = p, row, laying
                                out[found, 3] = np.uint32(value & 0xFFFFFFFF)
                            found += 1
    return found


@numba.njit(nogil=True, cache=True)
def sign_moments(probes: NDArray[np.uint64], rows: NDArray[np.uint64], out: NDArray[np.int64]) -> None:
    """Sum, and sum of squares, of what all rows are worth to each probe: `out` [probes, 2]."""
    words = rows.shape[1]
    for p in range(len(probes)):
        out[p] = 0
        for row in range(len(rows)):
            value = sign_value(probes[p, :words], probes[p, words:], rows[row])
            out[p, 0] += value
            out[p, 1] += value * value


@numba.njit(nogil=True, cache=True)
def step_moments(probes: NDArray[np.int8], rows: NDArray[np.uint8], out: NDArray[np.int64]) -> None:
    """The same of four-bit numbers."""
    width = rows.shape[1]
    for p in range(len(probes)):
        out[p] = 0
        for row in range(len(rows)):
            value = step_value(probes[p, :width], probes[p, width:], rows[row])
            out[p, 0] += value
            out[p, 1] += value * value
