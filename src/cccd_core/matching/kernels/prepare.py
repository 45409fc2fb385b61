"""Minutiae to the words of a prepared finger, laid out as `matching.prepared` tells.

Imports numba, numpy and math alone.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def _hull(x: NDArray[np.int64], y: NDArray[np.int64], n: int, chain: NDArray[np.int64]) -> int:
    """Corners of the convex hull of the first `n` points, counter-clockwise, into `chain` int64[2n]; returns how many.

    Andrew's monotone chain on integers. Fewer than three corners (points on one line) count as none.
    """
    if n < 3:
        return 0
    key = np.empty(n, np.int64)
    for i in range(n):
        key[i] = ((x[i] + 65536) << 34) | ((y[i] + 65536) << 16) | i
    key.sort()
    count = 0
    floor = 0
    for step in range(2 * n - 1):
        place = step if step < n else 2 * n - 2 - step
        if step == n:
            floor = count - 1
        i = key[place] & 0xFFFF
        while count >= floor + 2:
            a = chain[count - 2]
            b = chain[count - 1]
            if (x[b] - x[a]) * (y[i] - y[a]) - (y[b] - y[a]) * (x[i] - x[a]) > 0:
                break
            count -= 1
        chain[count] = i
        count += 1
    count -= 1
    return count if count >= 3 else 0


@numba.njit(nogil=True, cache=True)
def prepare(
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    angle: NDArray[np.int64],
    kind: NDArray[np.uint8],
    quality: NDArray[np.uint8],
    kept: int,
    cylinders: int,
    radius: float,
    threshold: float,
    spatial: NDArray[np.float64],
    angular: NDArray[np.float64],
    cosines: NDArray[np.float64],
    sines: NDArray[np.float64],
    words: NDArray[np.uint64],
) -> None:
    """Fills `words` uint64[1 + kept + 5 * cylinders].

    x, y px at 500 dpi, y up, |x|, |y| < 32768; angle 256ths of a turn, 0..255; all sorted so that the first `kept` are
    kept and the first `cylinders` of these have a cylinder. `spatial` float64[k]: the spatial contribution at the
    squared distance k px^2; `angular` float64[256, 6]: what a direction difference gives to each
    section; `cosines`, `sines` float64[256]. About 100 us for 50 minutiae.
    """
    n = x.shape[0]
    chain = np.zeros(2 * max(kept, 1), np.int64)
    corners = _hull(x, y, kept, chain)
    words[0] = np.uint64(kept | (cylinders << 8) | (corners << 16))
    for i in range(kept):
        low = (x[i] + 32768) | ((y[i] + 32768) << 16) | (angle[i] << 32)
        words[1 + i] = np.uint64(low | (np.int64(kind[i] & 3) << 40) | (np.int64(min(quality[i], 100)) << 48))
    for k in range(corners):
        words[1 + chain[k]] |= np.uint64(k + 1) << np.uint64(56)
    cell = radius / 4.0
    reach2 = spatial.shape[0] - 1
    reach = math.sqrt(reach2)
    outer2 = (radius + reach) * (radius + reach)
    total = np.empty((64, 6), np.float64)
    for i in range(cylinders):
        total[:] = 0.0
        c = cosines[angle[i]]
        s = sines[angle[i]]
        for t in range(n):
            dx = x[t] - x[i]
            dy = y[t] - y[i]
            if t == i or dx * dx + dy * dy > outer2:
                continue
            u = c * dx + s * dy
            v = c * dy - s * dx
            turn = (angle[t] - angle[i]) & 255
            first_column = max(0, math.ceil((u - reach) / cell + 3.5))
            last_column = min(7, math.floor((u + reach) / cell + 3.5))
            first_row = max(0, math.ceil((v - reach) / cell + 3.5))
            last_row = min(7, math.floor((v + reach) / cell + 3.5))
            for row in range(first_row, last_row + 1):
                for column in range(first_column, last_column + 1):
                    du = (column - 3.5) * cell - u
                    dv = (row - 3.5) * cell - v
                    d2 = math.floor(du * du + dv * dv + 0.5)
                    if d2 <= reach2:
                        for section in range(6):
                            total[row * 8 + column, section] += spatial[d2] * angular[turn, section]
        bit = 0
        for section in range(6):
            for place in range(64):
                du = place % 8 - 3.5
                dv = place // 8 - 3.5
                if du * du + dv * dv <= 16.0:  # cells within the radius, which is four of them
                    if total[place, section] > threshold:
                        words[1 + kept + (bit >> 6) * cylinders + i] |= np.uint64(1) << np.uint64(bit & 63)
                    bit += 1
