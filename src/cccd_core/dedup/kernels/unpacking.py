"""Runs of packed fingers to the words of prepared ones: the twin of native/kernels/unpacking, bit for bit.

What a run is stands in `dedup.index.packing`.
"""

# mypy: disable-error-code="no-untyped-def"

import numba
import numpy as np

FINGERS_MOST = 10
MINUTIAE_MOST = 120
CYLINDERS_MOST = 64
CODE_WORDS = 5
CYLINDER_BYTES = 39
MASK_BYTES = 5


@numba.njit(nogil=True, cache=True)
def _finger_bytes(data, at, stop):
    """How many bytes the finger at `at` takes; 0 where none is there, or one that none is made like."""
    if stop - at < 8:
        return 0
    minutiae = np.int64(data[at])
    cylinders = np.int64(data[at + 1])
    corners = np.int64(data[at + 2])
    if minutiae > MINUTIAE_MOST or cylinders > minutiae or cylinders > CYLINDERS_MOST or corners > minutiae:
        return 0
    masks = at + 8 * (1 + minutiae)
    end = masks + MASK_BYTES * cylinders
    if stop < end:
        return 0
    for cylinder in range(cylinders):
        for byte in range(MASK_BYTES):
            mask = np.int64(data[masks + MASK_BYTES * cylinder + byte])
            if 8 * byte + 7 >= CYLINDER_BYTES and mask >= 128:
                return 0
            while mask:
                mask &= mask - 1
                end += 1
    return 0 if stop < end else end - at


@numba.njit(nogil=True, cache=True)
def find(data, starts, stops, out):
    """Finds the fingers of the runs data[starts[i]] to data[stops[i]] into `out` int64[10 a run, 5].

    A row is run, position, where the finger begins, minutiae, cylinders. Returns how many there are; or -1 - i where
    run i is none.
    """
    found = 0
    for run in range(starts.shape[0]):
        start, stop = starts[run], stops[run]
        if start == stop or data[start] > FINGERS_MOST or stop - start < 1 + np.int64(data[start]):
            return -1 - run
        count = np.int64(data[start])
        at = start + 1 + count
        for finger in range(count):
            position = np.int64(data[start + 1 + finger])
            size = _finger_bytes(data, at, stop)
            if position > FINGERS_MOST or size == 0:
                return -1 - run
            out[found, 0] = run
            out[found, 1] = position
            out[found, 2] = at
            out[found, 3] = data[at]
            out[found, 4] = data[at + 1]
            found += 1
            at += size
        if at != stop:
            return -1 - run
    return found


@numba.njit(nogil=True, cache=True)
def unpack(data, fingers, offsets, words):
    """The fingers int64[n, 5] that `find` found, in this order, to words[offsets[i]:]. Returns whether each lies there
    still."""
    for i in range(fingers.shape[0]):
        at, minutiae, cylinders = fingers[i, 2], fingers[i, 3], fingers[i, 4]
        if _finger_bytes(data, at, data.shape[0]) == 0 or data[at] != minutiae or data[at + 1] != cylinders:
            return False
        begin = offsets[i]
        for word in range(1 + minutiae):
            value = np.uint64(0)
            for byte in range(8):
                value |= np.uint64(data[at + 8 * word + byte]) << np.uint64(8 * byte)
            words[begin + word] = value
        masks = at + 8 * (1 + minutiae)
        taken = masks + MASK_BYTES * cylinders
        for cylinder in range(cylinders):
            for word in range(CODE_WORDS):
                mask = data[masks + MASK_BYTES * cylinder + word]
                value = np.uint64(0)
                for byte in range(8):
                    if (mask >> byte) & 1:
                        value |= np.uint64(data[taken]) << np.uint64(8 * byte)
                        taken += 1
                words[begin + 1 + minutiae + word * cylinders + cylinder] = value
    return True
