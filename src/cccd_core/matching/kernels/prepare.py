"""Minutiae to the words of a prepared finger: the Numba twin of native/kernels/preparing, bit for bit.

Doubles with +, -, *, / and one square root, each rounded on its own, summed in the order of the minutiae. The packing
of a finger is told in `matching.prepared`. To be read beside finger.ipp: the same names in the same order, which
`tests/unit/matching/test_twin_names.py` holds together.
"""

# numba's types are not those of the annotations, which are for the reader
# mypy: disable-error-code="type-arg, no-any-return"

import math

import numba
import numpy as np
from numpy.typing import NDArray

# --- preparing.hpp

SECTIONS = 6
STEPS = 256

# What finger.ipp has as Tables: numbers, and float64 arrays to look up.
Tables = tuple
RADIUS, THRESHOLD, CROWD_REACH, SPATIAL, REACH2, ANGULAR, COSINES, SINES = range(8)

# --- finger.ipp

SIDE = 8

# The neighbours of all cylinders, int64[n] each: x, y and angle.
Places = tuple
X, Y = range(2)
# How cells lie in the cylinder's frame.
Grid = tuple
CELL, CELLS_A_PX, REACH, OUTER2 = range(4)


@numba.njit(nogil=True, cache=True)
def mean(places: NDArray[np.uint16]) -> float:
    """The mean of whole numbers, which are added up, so that it does not depend on the order of the minutiae."""
    total = np.int64(0)
    for i in range(places.shape[0]):
        total += np.int64(places[i])
    return float(total) / max(len(places), 1)


@numba.njit(nogil=True, cache=True)
def whole_px(place: int, mean: float, scale: float) -> int:
    """A place in whole pixels from the mean."""
    return int(max(-32767.0, min(32767.0, math.floor((place - mean) * scale + 0.5))))


@numba.njit(nogil=True, cache=True)
def sort_by_place(
    px: NDArray[np.int64], py: NDArray[np.int64], angle: NDArray[np.uint16], order: NDArray[np.int64]
) -> None:
    """Sorts minutiae, at most 256, by y, of equals by x, then angle, else leaves them in their order."""
    key = np.empty(order.shape[0], np.int64)
    for k in range(order.shape[0]):
        i = order[k]
        key[k] = ((py[i] + 32768) << 40) | ((px[i] + 32768) << 24) | (np.int64(angle[i]) << 8) | k
    key.sort()
    before = order.copy()
    for k in range(order.shape[0]):
        order[k] = before[key[k] & 0xFF]


@numba.njit(nogil=True, cache=True)
def hull(x: NDArray[np.int64], y: NDArray[np.int64], n: int, chain: NDArray[np.int64]) -> int:
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
def surroundings(places: Places, n: int, t: Tables, crowd: NDArray[np.int64]) -> int:
    """How crowded the first `n` minutiae stand; `crowd` int64[n]: how many others lie within the crowd's reach of each,
    at most 63.

    Returns bits 0-7: the effective count in halves, rounded, each counting one over those it stands among; 8-15:
    neighbours within the radius a minutia, in eighths; 16-23: the mean cosine between neighbours' directions, in
    255ths, 0 below zero. Whole numbers are added up, so that the order of the minutiae does not matter.
    """
    x, y, angle = places
    cosines = t[COSINES]
    crowd2 = t[CROWD_REACH] * t[CROWD_REACH]
    radius2 = t[RADIUS] * t[RADIUS]
    effective = 0.0
    links = 0
    alike = 0
    for i in range(n):
        within = 0
        for k in range(n):
            dx = x[k] - x[i]
            dy = y[k] - y[i]
            squared = dx * dx + dy * dy
            if k != i and squared < crowd2:
                within += 1
            if k < i and squared <= radius2:
                links += 1
                alike += math.floor(cosines[(angle[k] - angle[i]) & (STEPS - 1)] * 1024.0 + 0.5)
        crowd[i] = min(within, 63)
        effective += 1.0 / (1 + crowd[i])
    halves = math.floor(2.0 * effective + 0.5)
    if links == 0:
        return halves
    along = (255 * alike) // (1024 * links) if alike > 0 else 0
    return halves | (min(255, (16 * links) // n) << 8) | (along << 16)


@numba.njit(nogil=True, cache=True)
def grid_of(t: Tables) -> Grid:
    """How cells lie in the cylinder's frame."""
    reach = math.sqrt(t[REACH2])
    return t[RADIUS] / 4.0, 4.0 / t[RADIUS], reach, (t[RADIUS] + reach) * (t[RADIUS] + reach)


@numba.njit(nogil=True, cache=True)
def span(place: float, grid: Grid) -> tuple[int, int]:
    """The rows or columns of the grid that a minutia reaches: the first, and the one after the last."""
    first = math.ceil((place - grid[REACH]) * grid[CELLS_A_PX] + 3.5)
    last = math.floor((place + grid[REACH]) * grid[CELLS_A_PX] + 3.5)
    return max(0, first), min(SIDE - 1, last) + 1


@numba.njit(nogil=True, cache=True)
def spread(u: float, v: float, shares: NDArray[np.float64], grid: Grid, t: Tables, total: NDArray[np.float64]) -> None:
    """Adds what the minutia at (u, v) in the cylinder's frame gives to the sections of each cell; `shares` are its
    parts in them."""
    spatial = t[SPATIAL]
    first_column, end_column = span(u, grid)
    first_row, end_row = span(v, grid)
    for row in range(first_row, end_row):
        for column in range(first_column, end_column):
            du = (column - 3.5) * grid[CELL] - u
            dv = (row - 3.5) * grid[CELL] - v
            squared = math.floor(du * du + dv * dv + 0.5)
            if squared <= t[REACH2]:
                for section in range(SECTIONS):
                    total[row * SIDE + column, section] += spatial[squared] * shares[section]


@numba.njit(nogil=True, cache=True)
def cylinder(
    places: Places, i: int, grid: Grid, t: Tables, total: NDArray[np.float64], words: NDArray[np.uint64], stride: int
) -> None:
    """The code of minutia `i`, every `stride`-th of `words`: one bit for each section and used cell, set above the
    threshold; `total` float64[64, 6] is room to work in."""
    x, y, angle = places
    c = t[COSINES][angle[i]]
    s = t[SINES][angle[i]]
    total[:] = 0.0
    for k in range(x.shape[0]):
        dx = x[k] - x[i]
        dy = y[k] - y[i]
        if k == i or dx * dx + dy * dy > grid[OUTER2]:
            continue
        shares = t[ANGULAR][(angle[k] - angle[i]) & (STEPS - 1)]
        spread(c * dx + s * dy, c * dy - s * dx, shares, grid, t, total)
    words[::stride] = np.uint64(0)
    bit = 0
    for section in range(SECTIONS):
        for place in range(SIDE * SIDE):
            du = place % SIDE - 3.5
            dv = place // SIDE - 3.5
            if du * du + dv * dv <= 16.0:  # cells within the radius, which is four of them
                if total[place, section] > t[THRESHOLD]:
                    words[(bit >> 6) * stride] |= np.uint64(1) << np.uint64(bit & 63)
                bit += 1


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
    t = (radius, threshold, crowd_reach, spatial, spatial.shape[0] - 2, angular, cosines, sines)
    found = x.shape[0]
    mean_x = mean(x)
    mean_y = mean(y)
    px = np.empty(found, np.int64)
    py = np.empty(found, np.int64)
    nearest = np.empty(found, np.int64)
    for i in range(found):
        px[i] = whole_px(x[i], mean_x, scale_x)
        py[i] = whole_px(y[i], mean_y, scale_y)
        nearest[i] = ((px[i] * px[i] + py[i] * py[i]) << 32) | i
    nearest.sort()
    n = order.shape[0]
    for k in range(n):
        order[k] = nearest[k] & 0xFFFFFFFF
    sort_by_place(px, py, angle, order[:cylinders])
    sort_by_place(px, py, angle, order[cylinders:kept])
    turned = np.empty(n, np.int64)
    for k in range(n):
        turned[k] = ((np.int64(angle[order[k]]) + 128) >> 8) & (STEPS - 1)
    places = (px[order], py[order], turned)
    chain = np.zeros(2 * max(kept, 1), np.int64)
    crowd = np.empty(kept, np.int64)
    corners = hull(places[X], places[Y], kept, chain)
    around = surroundings(places, kept, t, crowd)
    words[0] = np.uint64(kept | (cylinders << 8) | (corners << 16) | (around << 24))
    for k in range(kept):
        i = order[k]
        low = (px[i] + 32768) | ((py[i] + 32768) << 16) | (turned[k] << 32)
        high = np.int64(kind[i] & 3) | (crowd[k] << 2) | (np.int64(min(quality[i], 100)) << 8)
        words[1 + k] = np.uint64(low | (high << 40))
    for k in range(corners):
        words[1 + chain[k]] |= np.uint64(k + 1) << np.uint64(56)
    grid = grid_of(t)
    total = np.empty((SIDE * SIDE, SECTIONS), np.float64)
    for i in range(cylinders):
        cylinder(places, i, grid, t, total, words[1 + kept + i :], cylinders)
