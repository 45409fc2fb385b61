"""Minutiae to rows of eight words (see `matching.prepared`). Imports numba, numpy and math alone."""

import math

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def _hull(x, y, hull):
    """Indices of the convex hull, counter-clockwise, by gift wrapping; returns how many."""
    n = x.shape[0]
    start = 0
    for i in range(1, n):
        if x[i] < x[start] or (x[i] == x[start] and y[i] < y[start]):
            start = i
    count = 0
    at = start
    while count < n:
        hull[count] = at
        count += 1
        nxt = -1
        for i in range(n):
            if x[i] == x[at] and y[i] == y[at]:
                continue
            if nxt < 0:
                nxt = i
                continue
            cross = (x[nxt] - x[at]) * (y[i] - y[at]) - (y[nxt] - y[at]) * (x[i] - x[at])
            if cross < 0:
                nxt = i
            elif cross == 0:
                far = (x[i] - x[at]) ** 2 + (y[i] - y[at]) ** 2
                if far > (x[nxt] - x[at]) ** 2 + (y[nxt] - y[at]) ** 2:
                    nxt = i
        if nxt < 0 or (x[nxt] == x[start] and y[nxt] == y[start]):
            break
        at = nxt
    return count


@numba.njit(nogil=True, cache=True)
def _inside(px, py, x, y, hull, count, margin):
    """Whether a point lies in the hull or within `margin` of it."""
    inside = count > 2
    for k in range(count):
        a = hull[k]
        b = hull[(k + 1) % count]
        ex = x[b] - x[a]
        ey = y[b] - y[a]
        dx = px - x[a]
        dy = py - y[a]
        if ex * dy - ey * dx < 0:
            inside = False
        length = ex * ex + ey * ey
        t = ex * dx + ey * dy
        if t < 0 or length == 0:
            d = dx * dx + dy * dy
        elif t > length:
            d = (px - x[b]) ** 2 + (py - y[b]) ** 2
        else:
            c = ex * dy - ey * dx
            d = c * c / length
        if d <= margin * margin:
            return True
    return inside


@numba.njit(nogil=True, cache=True)
def prepare(x, y, angle, kind, quality, keep, radius, spatial_sigma, angular_sigma, threshold, margin, rows):
    """Fills `rows` uint64[len(keep), 8]; x, y float64 px at 500 dpi (y up), angle float64 rad, keep int64 indices."""
    n = x.shape[0]
    hull = np.empty(n, np.int64)
    count = _hull(x, y, hull)
    reach = 3.0 * spatial_sigma
    cell = 2.0 * radius / 8.0
    spatial = 1.0 / (spatial_sigma * math.sqrt(2.0 * math.pi))
    norm = 1.0 / math.sqrt(2.0)
    for k in range(keep.shape[0]):
        i = keep[k]
        c = math.cos(angle[i])
        s = math.sin(angle[i])
        valid = np.uint64(0)
        for w in range(6):
            rows[k, w] = np.uint64(0)
        for row in range(8):
            for column in range(8):
                u = (column - 3.5) * cell
                v = (row - 3.5) * cell
                if u * u + v * v > radius * radius:
                    continue
                px = x[i] + c * u - s * v
                py = y[i] + s * u + c * v
                if not _inside(px, py, x, y, hull, count, margin):
                    continue
                bit = np.uint64(1) << np.uint64(row * 8 + column)
                valid |= bit
                for w in range(6):
                    total = 0.0
                    centre = (w + 0.5) * math.pi / 3.0 - math.pi
                    for t in range(n):
                        if t == i:
                            continue
                        dx = x[t] - px
                        dy = y[t] - py
                        d2 = dx * dx + dy * dy
                        if d2 > reach * reach:
                            continue
                        turn = angle[t] - angle[i] - centre
                        turn -= 2.0 * math.pi * math.floor(turn / (2.0 * math.pi) + 0.5)
                        low = (turn - math.pi / 6.0) / angular_sigma * norm
                        high = (turn + math.pi / 6.0) / angular_sigma * norm
                        share = 0.5 * (math.erf(high) - math.erf(low))
                        total += spatial * math.exp(-d2 / (2.0 * spatial_sigma * spatial_sigma)) * share
                    if total > threshold:
                        rows[k, w] |= bit
        rows[k, 6] = valid
        px = np.int64(math.floor(x[i] + 0.5)) + 32768
        py = np.int64(math.floor(y[i] + 0.5)) + 32768
        a = np.int64(math.floor(angle[i] * 128.0 / math.pi + 0.5)) & 255
        rows[k, 7] = np.uint64(px | (py << 16) | (a << 32) | (np.int64(kind[i]) << 40) | (np.int64(quality[i]) << 48))
