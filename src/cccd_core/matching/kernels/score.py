"""One probe against many candidates. Imports numba, numpy and math alone."""

import math

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def _popcount(v):
    v = v - ((v >> np.uint64(1)) & np.uint64(0x5555555555555555))
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((v * np.uint64(0x0101010101010101)) >> np.uint64(56))


@numba.njit(nogil=True, cache=True)
def _similarity(a, b, cells_min):
    """Local similarity 0..1 of two cylinders over their common valid cells."""
    m = a[6] & b[6]
    if _popcount(m) < cells_min:
        return 0.0
    differing = 0
    bits = 0
    for w in range(6):
        p = a[w] & m
        q = b[w] & m
        differing += _popcount(p ^ q)
        bits += _popcount(p) + _popcount(q)
    if bits == 0:
        return 0.0
    return 1.0 - differing / bits


@numba.njit(nogil=True, cache=True)
def _turn(a, b):
    """Difference of two angles in 256ths of a turn, -128..127."""
    return ((a - b + 128) & 255) - 128


@numba.njit(nogil=True, cache=True)
def _soft(value, centre, slope):
    return 1.0 / (1.0 + math.exp(-slope * (value - centre)))


@numba.njit(nogil=True, cache=True)
def _score(probe, candidate, cells_min, pairs_max, rounds):
    n = probe.shape[0]
    m = candidate.shape[0]
    if n == 0 or m == 0:
        return 0.0
    similarity = np.empty((n, m), np.float64)
    for i in range(n):
        for j in range(m):
            similarity[i, j] = _similarity(probe[i], candidate[j], cells_min)
    size = min(n, m)
    final = 4 + math.floor((pairs_max - 4) * _soft(size, 20.0, 0.4) + 0.5)
    wanted = min(3 * final, size)
    left = np.empty(wanted, np.int64)
    right = np.empty(wanted, np.int64)
    value = np.empty(wanted, np.float64)
    used_left = np.zeros(n, np.bool_)
    used_right = np.zeros(m, np.bool_)
    count = 0
    while count < wanted:
        best = 0.0
        bi = -1
        bj = -1
        for i in range(n):
            if used_left[i]:
                continue
            for j in range(m):
                if not used_right[j] and similarity[i, j] > best:
                    best = similarity[i, j]
                    bi = i
                    bj = j
        if bi < 0:
            break
        used_left[bi] = True
        used_right[bj] = True
        left[count] = bi
        right[count] = bj
        value[count] = best
        count += 1
    if count == 0:
        return 0.0
    px = np.empty(count, np.float64)
    py = np.empty(count, np.float64)
    pa = np.empty(count, np.int64)
    qx = np.empty(count, np.float64)
    qy = np.empty(count, np.float64)
    qa = np.empty(count, np.int64)
    for k in range(count):
        g = probe[left[k], 7]
        px[k] = np.float64(g & np.uint64(0xFFFF))
        py[k] = np.float64((g >> np.uint64(16)) & np.uint64(0xFFFF))
        pa[k] = np.int64((g >> np.uint64(32)) & np.uint64(0xFF))
        g = candidate[right[k], 7]
        qx[k] = np.float64(g & np.uint64(0xFFFF))
        qy[k] = np.float64((g >> np.uint64(16)) & np.uint64(0xFFFF))
        qa[k] = np.int64((g >> np.uint64(32)) & np.uint64(0xFF))
    compatible = np.zeros((count, count), np.float64)
    turn = 2.0 * math.pi / 256.0
    for k in range(count):
        for h in range(count):
            if h == k:
                continue
            dp = math.sqrt((px[k] - px[h]) ** 2 + (py[k] - py[h]) ** 2)
            dq = math.sqrt((qx[k] - qx[h]) ** 2 + (qy[k] - qy[h]) ** 2)
            d1 = abs(dp - dq)
            d2 = abs(_turn(_turn(pa[k], pa[h]), _turn(qa[k], qa[h]))) * turn
            rp = math.atan2(py[h] - py[k], px[h] - px[k]) - pa[k] * turn
            rq = math.atan2(qy[h] - qy[k], qx[h] - qx[k]) - qa[k] * turn
            d3 = rp - rq
            d3 = abs(d3 - 2.0 * math.pi * math.floor(d3 / (2.0 * math.pi) + 0.5))
            compatible[k, h] = (
                _soft(d1, 5.0, -1.6) * _soft(d2, math.pi / 12.0, -30.0) * _soft(d3, math.pi / 12.0, -30.0)
            )
    now = value.copy()
    nxt = np.empty(count, np.float64)
    for _ in range(rounds):
        for k in range(count):
            support = 0.0
            for h in range(count):
                support += compatible[k, h] * now[h]
            nxt[k] = 0.5 * now[k] + 0.5 * support / max(count - 1, 1)
        for k in range(count):
            now[k] = nxt[k]
    efficiency = np.empty(count, np.float64)
    for k in range(count):
        efficiency[k] = now[k] / value[k]
    order = np.argsort(-efficiency)
    total = 0.0
    for k in range(min(final, count)):
        total += now[order[k]]
    return total / final


@numba.njit(nogil=True, cache=True)
def scores(probe, rows, offsets, start, stop, cells_min, pairs_max, rounds, out):
    """Raw scores, 0..1, of `probe` uint64[n, 8] against fingers start..stop of a gallery, into `out` float32."""
    for finger in range(start, stop):
        candidate = rows[offsets[finger] : offsets[finger + 1]]
        out[finger] = np.float32(_score(probe, candidate, cells_min, pairs_max, rounds))
