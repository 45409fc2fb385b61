"""Minutiae to the words of a prepared finger: the Numba twin of native/kernels/preparing, bit for bit.

Imports numba, numpy and math alone. Doubles with +, -, *, / and one square root, each rounded on its own, summed in the
order of the minutiae. The packing of a finger is told in `matching.prepared`.
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
def _whole_px(place: int, mean: float, scale: float) -> int:
    return int(max(-32767.0, min(32767.0, math.floor((place - mean) * scale + 0.5))))


@numba.njit(nogil=True, cache=True)
def _crowds(x: NDArray[np.int64], y: NDArray[np.int64], n: int, reach: float, crowd: NDArray[np.int64]) -> int:
    """How many others of the first `n` minutiae lie within `reach` px of each, at most 63, into `crowd` int64[n].

    Returns the effective count of minutiae in halves, rounded: each counts one over those it stands among.
    """
    effective = 0.0
    for i in range(n):
        crowd[i] = 0
        for k in range(n):
            dx = x[k] - x[i]
            dy = y[k] - y[i]
            if k != i and dx * dx + dy * dy < reach * reach and crowd[i] < 63:
                crowd[i] += 1
        effective += 1.0 / (1 + crowd[i])
    return math.floor(2.0 * effective + 0.5)


@numba.njit(nogil=True, cache=True)
def _surroundings(
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    turned: NDArray[np.int64],
    n: int,
    radius: float,
    cosines: NDArray[np.float64],
) -> int:
    """How many neighbours a minutia has, in eighths (bits 0-7), and how alike their directions are (bits 8-15).

    Neighbours lie within `radius`; alike is the mean cosine of the difference of direction, in 255ths, 0 below zero.
    Whole numbers are added up, so that the order of the minutiae does not matter.
    """
    links = 0
    alike = 0
    for i in range(n):
        for t in range(i):
            dx = x[t] - x[i]
            dy = y[t] - y[i]
            if dx * dx + dy * dy <= radius * radius:
                links += 1
                alike += math.floor(cosines[(turned[t] - turned[i]) & 255] * 1024.0 + 0.5)
    if links == 0:
        return 0
    along = (255 * alike) // (1024 * links) if alike > 0 else 0
    return min(255, (16 * links) // n) | (along << 8)


@numba.njit(nogil=True, cache=True)
def _mean(places: NDArray[np.uint16]) -> float:
    total = np.int64(0)  # whole numbers are added up, so that the mean does not depend on the order of the minutiae
    for i in range(places.shape[0]):
        total += np.int64(places[i])
    return float(total) / max(len(places), 1)


@numba.njit(nogil=True, cache=True)
def _sort_by_place(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    angle: NDArray[np.uint16],
    mean_x: float,
    mean_y: float,
    scale_x: float,
    scale_y: float,
    order: NDArray[np.int64],
) -> None:
    """Sorts minutiae, at most 256, by y, of equals by x, then angle, else leaves them in their order."""
    key = np.empty(order.shape[0], np.int64)
    for k in range(order.shape[0]):
        i = order[k]
        row = _whole_px(y[i], mean_y, scale_y) + 32768
        column = _whole_px(x[i], mean_x, scale_x) + 32768
        key[k] = (row << 40) | (column << 24) | (np.int64(angle[i]) << 8) | k
    key.sort()
    before = order.copy()
    for k in range(order.shape[0]):
        order[k] = before[key[k] & 0xFF]


@numba.njit(nogil=True, cache=True)
def finger(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    angle: NDArray[np.uint16],
    kind: NDArray[np.uint8],
    quality: NDArray[np.uint8],
    scale_x: float,
    scale_y: float,
    kept: int,
    cylinders: int,
    radius: float,
    threshold: float,
    crowd_reach: float,
    spatial: NDArray[np.float64],
    angular: NDArray[np.float64],
    cosines: NDArray[np.float64],
    sines: NDArray[np.float64],
    order: NDArray[np.int64],
    words: NDArray[np.uint64],
) -> None:
    """Fills `words` uint64[1 + kept + 5 * cylinders] with a finger and `order` int64[min(n, 255)] with its minutiae.

    The nearest to the centre come first: `cylinders` of them get a cylinder, `kept` of them stay in the finger, the
    rest are neighbours only. Those with a cylinder are sorted by place, and so are the others kept.

    x, y px, which `scale_x` and `scale_y` bring to 500 dpi, y up; binary angles. `spatial` float64[k + 2]: the spatial
    contribution at the squared distance 0 to k px^2, and 0 for all that is further; `angular` float64[256, 8]: what a
    direction difference gives to each of the six sections, and two zeros; `cosines`, `sines` float64[256]. Goes with
    cylinders times neighbours, about 70 us for 50 minutiae.
    """
    found = x.shape[0]
    mean_x = _mean(x)
    mean_y = _mean(y)
    key = np.empty(found, np.int64)
    for i in range(found):
        dx = _whole_px(x[i], mean_x, scale_x)
        dy = _whole_px(y[i], mean_y, scale_y)
        key[i] = ((dx * dx + dy * dy) << 32) | i
    key.sort()
    n = order.shape[0]
    for k in range(n):
        order[k] = key[k] & 0xFFFFFFFF
    _sort_by_place(x, y, angle, mean_x, mean_y, scale_x, scale_y, order[:cylinders])
    _sort_by_place(x, y, angle, mean_x, mean_y, scale_x, scale_y, order[cylinders:kept])
    px = np.empty(n, np.int64)
    py = np.empty(n, np.int64)
    turned = np.empty(n, np.int64)
    for k in range(n):
        i = order[k]
        px[k] = _whole_px(x[i], mean_x, scale_x)
        py[k] = _whole_px(y[i], mean_y, scale_y)
        turned[k] = ((np.int64(angle[i]) + 128) >> 8) & 255
    chain = np.zeros(2 * max(kept, 1), np.int64)
    corners = _hull(px, py, kept, chain)
    crowd = np.empty(kept, np.int64)
    around = _crowds(px, py, kept, crowd_reach, crowd) | (_surroundings(px, py, turned, kept, radius, cosines) << 8)
    words[0] = np.uint64(kept | (cylinders << 8) | (corners << 16) | (around << 24))
    for k in range(kept):
        i = order[k]
        low = (px[k] + 32768) | ((py[k] + 32768) << 16) | (turned[k] << 32)
        high = np.int64(kind[i] & 3) | (crowd[k] << 2) | (np.int64(min(quality[i], 100)) << 8)
        words[1 + k] = np.uint64(low | (high << 40))
    for k in range(corners):
        words[1 + chain[k]] |= np.uint64(k + 1) << np.uint64(56)
    cell = radius / 4.0
    cells_a_px = 4.0 / radius
    reach2 = spatial.shape[0] - 2
    reach = math.sqrt(reach2)
    outer2 = (radius + reach) * (radius + reach)
    total = np.empty((64, 6), np.float64)
    for i in range(cylinders):
        total[:] = 0.0
        c = cosines[turned[i]]
        s = sines[turned[i]]
        for t in range(n):
            dx = px[t] - px[i]
            dy = py[t] - py[i]
            if t == i or dx * dx + dy * dy > outer2:
                continue
            u = c * dx + s * dy
            v = c * dy - s * dx
            turn = (turned[t] - turned[i]) & 255
            first_column = max(0, math.ceil((u - reach) * cells_a_px + 3.5))
            last_column = min(7, math.floor((u + reach) * cells_a_px + 3.5))
            first_row = max(0, math.ceil((v - reach) * cells_a_px + 3.5))
            last_row = min(7, math.floor((v + reach) * cells_a_px + 3.5))
            for row in range(first_row, last_row + 1):
                for column in range(first_column, last_column + 1):
                    du = (column - 3.5) * cell - u
                    dv = (row - 3.5) * cell - v
                    d2 = math.floor(du * du + dv * dv + 0.5)
                    if d2 <= reach2:
                        for section in range(6):
                            total[row * 8 + column, section] += spatial[d2] * angular[turn, section]
        for word in range(1 + kept + i, len(words), cylinders):
            words[word] = np.uint64(0)
        bit = 0
        for section in range(6):
            for place in range(64):
                du = place % 8 - 3.5
                dv = place // 8 - 3.5
                if du * du + dv * dv <= 16.0:  # cells within the radius, which is four of them
                    if total[place, section] > threshold:
                        words[1 + kept + (bit >> 6) * cylinders + i] |= np.uint64(1) << np.uint64(bit & 63)
                    bit += 1
