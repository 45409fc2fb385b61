"""One prepared finger against many: the Numba twin of native/kernels/matching, bit for bit.

Imports numba, numpy and math alone. Only +, -, *, / and square root of float32 occur, each rounded on its own, and
every sum has a fixed order (`_sum` where there are many terms), so that both twins give the same bits. The packing
of a finger is told in `matching.prepared`, the order of `settings` and `weights` in `matching.parameters`.
"""

# numba's types are not those of the annotations, which are for the reader
# mypy: disable-error-code="return-value, assignment, arg-type, call-overload, no-any-return"

import numba
import numpy as np
from numpy.typing import NDArray

FIRST = 9  # features known after relaxation
SECOND = 14  # these, and those known after the rigid check
FEATURES = 31  # these, and those known after the elastic check
CODE_WORDS = 5
LANES = 16
NONE = 0xFFFFFFFF
POINTS = 256
PAIRS = 128
PLACINGS = 16
PARTNERS = 16  # minutiae of B within reach of one of A that are looked at

F32 = np.float32
ZERO = F32(0.0)
HALF = F32(0.5)
ONE = F32(1.0)
STEPS = F32(1024.0)
STEP = F32(1.0 / 1024.0)


@numba.njit(nogil=True, cache=True)
def _popcount(v: np.uint64) -> int:
    v = v - ((v >> np.uint64(1)) & np.uint64(0x5555555555555555))
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    v = v + (v >> np.uint64(8))
    v = v + (v >> np.uint64(16))
    v = v + (v >> np.uint64(32))
    return np.int64(v & np.uint64(0x7F))


@numba.njit(nogil=True, cache=True)
def _sum(values: NDArray[np.float32], n: int) -> np.float32:
    """A sum in 16 lanes, then the halves of them onto each other: the one order in which many floats are added up."""
    lane = np.zeros(LANES, np.float32)
    for k in range(n):
        lane[k % LANES] += values[k]
    for half in (8, 4, 2, 1):
        for k in range(half):
            lane[k] += lane[k + half]
    return lane[0]


@numba.njit(nogil=True, cache=True)
def _load(
    words: NDArray[np.uint64],
    cosines: NDArray[np.float32],
    sines: NDArray[np.float32],
    offset: np.float32,
    points: NDArray[np.float32],
    angles: NDArray[np.int64],
    edges: NDArray[np.float32],
    scale: NDArray[np.float32],
) -> tuple[int, int, int]:
    """Unpacks a finger: points float32[6, n], angles, hull edges float32[3, k], scales.

    Of a point: x, y, cos, sin, quality, worth. Worth is how much it counts: one over those it stands among, as spurious
    minutiae come in clusters, times the root of its quality over the print's mean.
    """
    n = np.int64(words[0] & np.uint64(0xFF))
    c = np.int64((words[0] >> np.uint64(8)) & np.uint64(0xFF))
    corners = np.int64((words[0] >> np.uint64(16)) & np.uint64(0xFF))
    at = np.zeros(256, np.int64)
    total = ZERO
    for i in range(n):
        m = words[1 + i]
        points[0, i] = F32(np.int64(m & np.uint64(0xFFFF)) - 32768)
        points[1, i] = F32(np.int64((m >> np.uint64(16)) & np.uint64(0xFFFF)) - 32768)
        angles[i] = np.int64((m >> np.uint64(32)) & np.uint64(0xFF))
        points[2, i] = cosines[angles[i]]
        points[3, i] = sines[angles[i]]
        q = np.int64((m >> np.uint64(48)) & np.uint64(0xFF))
        points[4, i] = F32(q) * F32(0.01) if q > 0 else F32(0.6)
        total += points[4, i]
        order = np.int64(m >> np.uint64(56))
        if 0 < order <= corners:
            at[order - 1] = i
    for i in range(n):
        crowd = np.int64((words[1 + i] >> np.uint64(42)) & np.uint64(63))
        points[5, i] = np.sqrt(points[4, i] * (F32(n) / total)) / F32(1 + crowd)
    for k in range(corners):
        p = at[k]
        q = at[k + 1 if k + 1 < corners else 0]
        dx = points[0, q] - points[0, p]
        dy = points[1, q] - points[1, p]
        length = np.sqrt(dx * dx + dy * dy + F32(1.0e-6))
        edges[0, k] = -dy / length
        edges[1, k] = dx / length
        edges[2, k] = (dy * points[0, p] - dx * points[1, p]) / length
    for i in range(c):
        bits = 0
        for k in range(CODE_WORDS):
            bits += _popcount(words[1 + n + k * c + i])
        scale[i] = ONE / np.sqrt(F32(bits) + offset)
    return n, c, corners


@numba.njit(nogil=True, cache=True)
def _similarities(
    a: NDArray[np.uint64],
    na: int,
    ca: int,
    scale_a: NDArray[np.float32],
    b: NDArray[np.uint64],
    nb: int,
    cb: int,
    scale_b: NDArray[np.float32],
    similarity: NDArray[np.int64],
    row_best: NDArray[np.int64],
    column_best: NDArray[np.int64],
) -> None:
    """similarity[i, j]: common bits over the geometric mean of both counts of bits, in steps of 1/1024.

    row_best[i] is similarity << 6 | 63 - j for the best j (the lowest of equals), column_best[j] likewise.
    """
    column_best[:cb] = 0
    for i in range(ca):
        factor = scale_a[i] * STEPS
        best = 0
        for j in range(cb):
            common = 0
            for k in range(CODE_WORDS):
                common += _popcount(a[1 + na + k * ca + i] & b[1 + nb + k * cb + j])
            s = np.int64(F32(common) * factor * scale_b[j])
            similarity[i, j] = s
            best = max(best, (s << 6) | (63 - j))
            column_best[j] = max(column_best[j], (s << 6) | (63 - i))
        row_best[i] = best


@numba.njit(nogil=True, cache=True)
def _choose(
    ca: int,
    cb: int,
    row_best: NDArray[np.int64],
    column_best: NDArray[np.int64],
    wanted: int,
    key: NDArray[np.int64],
) -> tuple[int, int]:
    """Candidates: the best partner of every cylinder of A, then that of every one of B unless the two chose each other.

    Of more than `wanted` the most similar, of equals the first, still in order. Returns how many were taken into `key`
    (similarity << 12 | i << 6 | j) and how many chose each other.
    """
    every = np.empty(128, np.int64)
    n = 0
    mutual = 0
    for i in range(ca):
        s = row_best[i] >> 6
        if s > 0:
            every[n] = (s << 12) | (i << 6) | (63 - (row_best[i] & 63))
            n += 1
    for j in range(cb):
        s = column_best[j] >> 6
        if s == 0:
            continue
        i = 63 - (column_best[j] & 63)
        if 63 - (row_best[i] & 63) == j:
            mutual += 1
        else:
            every[n] = (s << 12) | (i << 6) | j
            n += 1
    taken = min(n, wanted)
    least = np.sort(every[:n] >> 12)[n - taken] if taken else 0
    equal = taken
    for k in range(n):
        if every[k] >> 12 > least:
            equal -= 1
    found = 0
    for k in range(n):
        same = every[k] >> 12 == least
        if every[k] >> 12 > least or (same and equal > 0):
            key[found] = every[k]
            found += 1
        if same:
            equal -= 1
    return found, mutual


@numba.njit(nogil=True, cache=True)
def _set_pair(
    pairs: NDArray[np.float32],
    k: int,
    cosines: NDArray[np.float32],
    sines: NDArray[np.float32],
    a: NDArray[np.float32],
    angles_a: NDArray[np.int64],
    b: NDArray[np.float32],
    angles_b: NDArray[np.int64],
    i: int,
    j: int,
    s: np.float32,
) -> None:
    """pairs float32[7, k]: a's x, y; b's x, y; cos and sin of the rotation that it proposes; similarity."""
    pairs[0, k] = a[0, i]
    pairs[1, k] = a[1, i]
    pairs[2, k] = b[0, j]
    pairs[3, k] = b[1, j]
    turn = (angles_b[j] - angles_a[i]) & 255
    pairs[4, k] = cosines[turn]
    pairs[5, k] = sines[turn]
    pairs[6, k] = s


@numba.njit(nogil=True, cache=True)
def _compatibility(
    pairs: NDArray[np.float32],
    n: int,
    r0: np.float32,
    r1: np.float32,
    t0: np.float32,
    t1: np.float32,
    gate: np.float32,
    out: NDArray[np.float32],
) -> None:
    """How well two pairs agree, 0..1.

    Same distance between the minutiae on both sides (radial), seen in the same direction (side) after the rotation that
    the pairs propose, and about the same rotation. Tolerances grow with the distance. Pairs that share a minutia do not
    agree: nothing lies ahead.
    """
    start = ONE - gate
    r0 = r0 * F32(2.0)
    t0 = t0 * F32(2.0)
    for k in range(n):
        for h in range(n):
            ax = pairs[0, h] - pairs[0, k]
            ay = pairs[1, h] - pairs[1, k]
            bx = pairs[2, h] - pairs[2, k]
            by = pairs[3, h] - pairs[3, k]
            la = ax * ax + ay * ay
            lb = bx * bx + by * by
            reach = la + lb
            radial = la - lb
            mc = pairs[4, h] + pairs[4, k]
            ms = pairs[5, h] + pairs[5, k]
            ux = mc * ax - ms * ay
            uy = ms * ax + mc * ay
            side = ux * by - uy * bx
            ahead = ux * bx + uy * by
            d1 = r0 + r1 * reach
            d2 = t0 + t1 * reach
            e = (radial * radial * d2 + side * side * d1) / (reach * d1 * d2 + F32(1.0e-6))
            z = (start + (pairs[4, h] * pairs[4, k] + pairs[5, h] * pairs[5, k]) * gate) - e
            out[k, h] = z * z if ahead > ZERO and z > ZERO else ZERO


@numba.njit(nogil=True, cache=True)
def _supports(compatible: NDArray[np.float32], v: NDArray[np.float32], n: int, out: NDArray[np.float32]) -> None:
    """The compatibilities times a vector: round a ring, by distance in it, added up in four threads."""
    ring = (n + LANES - 1) // LANES * LANES
    u = np.empty(4, np.float32)
    for k in range(n):
        u[:] = ZERO
        for d in range(1, ring // 2 + 1):
            ahead = k + d if k + d < ring else k + d - ring
            behind = k - d if k >= d else k - d + ring
            thread = (d - 1) & 3
            if ahead < n:
                u[thread] += compatible[k, ahead] * v[ahead]
            if behind < n and 2 * d < ring:
                u[thread] += compatible[k, behind] * v[behind]
        out[k] = (u[0] + u[1]) + (u[2] + u[3])


@numba.njit(nogil=True, cache=True)
def _relax(
    pairs: NDArray[np.float32],
    n: int,
    compatible: NDArray[np.float32],
    rounds: int,
    v: NDArray[np.float32],
    support: NDArray[np.float32],
) -> tuple[np.float32, np.float32]:
    """Power iteration on the compatibilities weighted with the similarities; support after the first round."""
    s = pairs[6]
    u = np.empty(n, np.float32)
    square = np.empty(n, np.float32)
    for k in range(n):
        v[k] = s[k]
        square[k] = s[k] * s[k]
    norm = np.sqrt(_sum(square, n))
    eigenvalue = ZERO
    total = ZERO
    for turn in range(rounds):
        _supports(compatible, v, n, u)
        for k in range(n):
            u[k] *= s[k]
            square[k] = u[k] * u[k]
        if turn == 0:
            for k in range(n):
                support[k] = u[k]
            total = _sum(u, n)
        following = np.sqrt(_sum(square, n))
        eigenvalue = following / (norm + F32(1.0e-9))
        inverse = ONE / (following + F32(1.0e-9))
        for k in range(n):
            v[k] = u[k] * inverse
        norm = ONE if following > ZERO else ZERO
    return eigenvalue, total


@numba.njit(nogil=True, cache=True)
def _fit(
    ax: NDArray[np.float32],
    ay: NDArray[np.float32],
    bx: NDArray[np.float32],
    by: NDArray[np.float32],
    weight: NDArray[np.float32],
    n: int,
    placing: NDArray[np.float32],
) -> None:
    """The rotation and shift (cos, sin, x, y) that brings `n` points of A onto B with least squares."""
    per = ONE / (_sum(weight, n) + F32(1.0e-9))
    value = np.empty(n, np.float32)
    other = np.empty(n, np.float32)
    for k in range(n):
        value[k] = weight[k] * ax[k]
        other[k] = weight[k] * ay[k]
    mx = _sum(value, n) * per
    my = _sum(other, n) * per
    for k in range(n):
        value[k] = weight[k] * bx[k]
        other[k] = weight[k] * by[k]
    nx = _sum(value, n) * per
    ny = _sum(other, n) * per
    for k in range(n):
        x = ax[k] - mx
        y = ay[k] - my
        u = bx[k] - nx
        v = by[k] - ny
        value[k] = weight[k] * (x * u + y * v)
        other[k] = weight[k] * (x * v - y * u)
    dot = _sum(value, n)
    cross = _sum(other, n)
    length = np.sqrt(dot * dot + cross * cross)
    c = dot / length if length > ZERO else ONE
    s = cross / length if length > ZERO else ZERO
    placing[0] = c
    placing[1] = s
    placing[2] = nx - (c * mx - s * my)
    placing[3] = ny - (s * mx + c * my)


@numba.njit(nogil=True, cache=True)
def _place(a: NDArray[np.float32], na: int, placing: NDArray[np.float32], placed: NDArray[np.float32]) -> None:
    """A's minutiae in B's frame: placed float32[2, na]."""
    for i in range(na):
        placed[0, i] = placing[0] * a[0, i] - placing[1] * a[1, i] + placing[2]
        placed[1, i] = placing[1] * a[0, i] + placing[0] * a[1, i] + placing[3]


@numba.njit(nogil=True, cache=True)
def _pair_up(
    a: NDArray[np.float32],
    na: int,
    ca: int,
    b: NDArray[np.float32],
    by_y: NDArray[np.int64],
    cb: int,
    similarity: NDArray[np.int64],
    cost_unlike: np.float32,
    tolerance: np.float32,
    gate: np.float32,
    placing: NDArray[np.float32],
    placed: NDArray[np.float32],
    ends: NDArray[np.int64],
    figures: NDArray[np.float32],
) -> int:
    """Pairs each placed minutia of A with its nearest of B where both choose each other; returns how many.

    Cost: distance and turn as shares of what is allowed, and how unlike the cylinders are; of each minutia of A the
    first 16 of B within reach, in the order `by_y` int64[nb], are looked at. `ends` int64[2, n] gets the pairs,
    `figures` float32[3, n] squared distance, 1 - cos(turn) and similarity of each.
    """
    unlike = cost_unlike * STEP
    inverse = ONE / (tolerance * tolerance)
    row_key = np.full(na, NONE, np.int64)
    column_key = np.full(len(by_y), NONE, np.int64)
    for i in range(na):
        cx = placing[0] * a[2, i] - placing[1] * a[3, i]
        cy = placing[1] * a[2, i] + placing[0] * a[3, i]
        reached = 0
        for j in by_y:
            dx = b[0, j] - placed[0, i]
            dy = b[1, j] - placed[1, i]
            d = (dx * dx + dy * dy) * inverse
            if not d < ONE:
                continue
            reached += 1
            if reached > PARTNERS:
                break
            e = (ONE - (cx * b[2, j] + cy * b[3, j])) * gate
            if not e < ONE:
                continue
            alike = similarity[i, j] if i < ca and j < cb else 0
            cost = min(d + e + unlike * F32(1024 - alike), F32(8.0))
            key = np.int64(cost * F32(4096.0)) << 8
            row_key[i] = min(row_key[i], key | j)
            column_key[j] = min(column_key[j], key | i)
    n = 0
    for i in range(na):
        if row_key[i] == NONE:
            continue
        j = row_key[i] & 255
        if column_key[j] & 255 != i:
            continue
        dx = b[0, j] - placed[0, i]
        dy = b[1, j] - placed[1, i]
        cx = placing[0] * a[2, i] - placing[1] * a[3, i]
        cy = placing[1] * a[2, i] + placing[0] * a[3, i]
        ends[0, n] = i
        ends[1, n] = j
        figures[0, n] = dx * dx + dy * dy
        figures[1, n] = ONE - (cx * b[2, j] + cy * b[3, j])
        figures[2, n] = F32(similarity[i, j]) * STEP if i < ca and j < cb else ZERO
        n += 1
    return n


@numba.njit(nogil=True, cache=True)
def _agreement(figures: NDArray[np.float32], n: int, tolerance: np.float32) -> np.float32:
    inverse = HALF / (tolerance * tolerance)
    value = np.empty(n, np.float32)
    for k in range(n):
        value[k] = (F32(0.3) + figures[2, k]) * (ONE - figures[0, k] * inverse)
    return _sum(value, n)


@numba.njit(nogil=True, cache=True)
def _supported(
    pairs: NDArray[np.float32], n: int, tolerance: np.float32, gate: np.float32, placing: NDArray[np.float32]
) -> np.float32:
    """How well all candidates agree with a placement."""
    inverse = ONE / (tolerance * tolerance)
    value = np.zeros(n, np.float32)
    for k in range(n):
        dx = placing[0] * pairs[0, k] - placing[1] * pairs[1, k] + placing[2] - pairs[2, k]
        dy = placing[1] * pairs[0, k] + placing[0] * pairs[1, k] + placing[3] - pairs[3, k]
        d = (dx * dx + dy * dy) * inverse
        e = (ONE - (placing[0] * pairs[4, k] + placing[1] * pairs[5, k])) * gate
        if d < ONE and e < ONE and pairs[6, k] > ZERO:
            value[k] = (F32(0.3) + pairs[6, k]) * (ONE - HALF * d)
    return _sum(value, n)


@numba.njit(nogil=True, cache=True)
def _refit(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    ends: NDArray[np.int64],
    figures: NDArray[np.float32],
    n: int,
    tolerance: np.float32,
    placing: NDArray[np.float32],
) -> None:
    if n < 2:
        return
    inverse = ONE / (tolerance * tolerance)
    ax = np.empty(n, np.float32)
    ay = np.empty(n, np.float32)
    bx = np.empty(n, np.float32)
    by = np.empty(n, np.float32)
    weight = np.empty(n, np.float32)
    for k in range(n):
        ax[k] = a[0, ends[0, k]]
        ay[k] = a[1, ends[0, k]]
        bx[k] = b[0, ends[1, k]]
        by[k] = b[1, ends[1, k]]
        weight[k] = (F32(0.2) + figures[2, k]) * (F32(1.05) - figures[0, k] * inverse)
    _fit(ax, ay, bx, by, weight, n, placing)


@numba.njit(nogil=True, cache=True)
def _align(
    a: NDArray[np.float32],
    na: int,
    ca: int,
    b: NDArray[np.float32],
    by_y: NDArray[np.int64],
    cb: int,
    similarity: NDArray[np.int64],
    settings: NDArray[np.float32],
    placing: NDArray[np.float32],
    placed: NDArray[np.float32],
    ends: NDArray[np.int64],
    figures: NDArray[np.float32],
    n: int,
) -> int:
    """Rigid fits, then two rounds in which each minutia moves by what its paired neighbours (never itself) were off."""
    wide = settings[9]
    narrow = settings[11]
    for _ in range(2):
        _refit(a, b, ends, figures, n, wide, placing)
        _place(a, na, placing, placed)
        n = _pair_up(
            a, na, ca, b, by_y, cb, similarity, settings[13], wide, settings[10], placing, placed, ends, figures
        )
    rigid = placed[:, :na].copy()
    reach = ONE / settings[14]
    sw = np.empty(na, np.float32)
    sx = np.empty(na, np.float32)
    sy = np.empty(na, np.float32)
    for turn in range(2):
        sw[:] = settings[15]
        sx[:] = ZERO
        sy[:] = ZERO
        for k in range(n):
            own = ends[0, k]
            kx = rigid[0, own]
            ky = rigid[1, own]
            vx = b[0, ends[1, k]] - kx
            vy = b[1, ends[1, k]] - ky
            weight = F32(0.2) + figures[2, k]
            for i in range(na):
                if i == own:
                    continue
                dx = rigid[0, i] - kx
                dy = rigid[1, i] - ky
                near = ONE / (ONE + (dx * dx + dy * dy) * reach)
                near = near * near * weight
                sw[i] += near
                sx[i] += near * vx
                sy[i] += near * vy
        for i in range(na):
            placed[0, i] = rigid[0, i] + sx[i] / sw[i]
            placed[1, i] = rigid[1, i] + sy[i] / sw[i]
        tolerance = HALF * (wide + narrow) if turn == 0 else narrow
        n = _pair_up(
            a, na, ca, b, by_y, cb, similarity, settings[13], tolerance, settings[12], placing, placed, ends, figures
        )
    return n


@numba.njit(nogil=True, cache=True)
def _overlap(
    na: int,
    edges_a: NDArray[np.float32],
    corners_a: int,
    b: NDArray[np.float32],
    nb: int,
    edges_b: NDArray[np.float32],
    corners_b: int,
    margin: np.float32,
    placing: NDArray[np.float32],
    placed: NDArray[np.float32],
    ends: NDArray[np.int64],
    n: int,
    inside_a: NDArray[np.bool_],
    inside_b: NDArray[np.bool_],
) -> None:
    """Which minutiae of either side lie where the other has its fingerprint: inside its convex hull, widened."""
    for i in range(na):
        inside_a[i] = True
        for k in range(corners_b):
            d = edges_b[2, k] + margin
            if not edges_b[0, k] * placed[0, i] + edges_b[1, k] * placed[1, i] + d >= ZERO:
                inside_a[i] = False
    for j in range(nb):
        x = b[0, j] - placing[2]
        y = b[1, j] - placing[3]
        qx = placing[0] * x + placing[1] * y
        qy = placing[0] * y - placing[1] * x
        inside_b[j] = True
        for k in range(corners_a):
            d = edges_a[2, k] + margin
            if not edges_a[0, k] * qx + edges_a[1, k] * qy + d >= ZERO:
                inside_b[j] = False
    for k in range(n):
        inside_a[ends[0, k]] = True
        inside_b[ends[1, k]] = True


@numba.njit(nogil=True, cache=True)
def _final_figures(
    a: NDArray[np.float32],
    angles_a: NDArray[np.int64],
    na: int,
    b: NDArray[np.float32],
    angles_b: NDArray[np.int64],
    nb: int,
    settings: NDArray[np.float32],
    cosines: NDArray[np.float32],
    sines: NDArray[np.float32],
    ends: NDArray[np.int64],
    figures: NDArray[np.float32],
    n: int,
    inside_a: NDArray[np.bool_],
    inside_b: NDArray[np.bool_],
    pairs: NDArray[np.float32],
    compatible: NDArray[np.float32],
    f: NDArray[np.float32],
) -> None:
    """The figures of the aligned pair: f[14..29)."""
    both = ZERO
    quality = ZERO
    paired = ZERO
    worth = ZERO
    worth_paired = ZERO
    for i in range(na):
        if inside_a[i]:
            both += ONE
            quality += a[4, i]
            worth += a[5, i]
    in_a = both
    for j in range(nb):
        if inside_b[j]:
            both += ONE
            quality += b[4, j]
            worth += b[5, j]
    in_b = both - in_a
    count = F32(n)
    per = ONE / max(count, ONE)
    inverse = ONE / (settings[11] * settings[11])
    worth_close = ZERO
    worth_alike = ZERO
    close_alike = ZERO
    alike = ZERO
    distance = ZERO
    turn = ZERO
    mx = ZERO
    my = ZERO
    for k in range(n):
        e = ONE - figures[0, k] * inverse
        each = a[5, ends[0, k]] + b[5, ends[1, k]]
        worth_paired += each
        worth_close += each * e
        worth_alike += each * e * figures[2, k]
        close_alike += e * figures[2, k]
        alike += figures[2, k]
        distance += np.sqrt(figures[0, k])
        turn += figures[1, k]
        mx += a[0, ends[0, k]]
        my += a[1, ends[0, k]]
        paired += a[4, ends[0, k]] + b[4, ends[1, k]]
    mx *= per
    my *= per
    spread = ZERO
    for k in range(n):
        x = a[0, ends[0, k]] - mx
        y = a[1, ends[0, k]] - my
        spread += x * x + y * y
    for k in range(n):
        _set_pair(pairs, k, cosines, sines, a, angles_a, b, angles_b, ends[0, k], ends[1, k], figures[2, k])
    _compatibility(pairs, n, settings[17], settings[18], settings[19], settings[20], settings[21], compatible)
    ring = (n + LANES - 1) // LANES * LANES
    agree = np.zeros(LANES, np.float32)
    near = np.zeros(LANES, np.float32)
    for d in range(1, ring // 2 + 1):
        share = ONE if 2 * d < ring else HALF  # half round the ring, each two are met twice
        for k in range(n):
            h = k + d if k + d < ring else k + d - ring
            if h >= n:
                continue
            dx = pairs[0, h] - pairs[0, k]
            dy = pairs[1, h] - pairs[1, k]
            if dx * dx + dy * dy < settings[22]:
                near[k % LANES] += share
                agree[k % LANES] += compatible[k, h] * share
    consistent = _sum(agree, LANES)
    neighbours = _sum(near, LANES)
    root = ONE / np.sqrt(both + F32(10.0))
    worth_root = HALF / np.sqrt(worth + F32(6.0))
    f[14] = count
    f[15] = worth_paired / (worth + F32(4.0))
    f[16] = worth_close * worth_root
    f[17] = close_alike * root
    f[18] = alike * per
    f[19] = distance * per
    f[20] = turn * per
    f[21] = paired / (quality + F32(3.0))
    f[22] = np.sqrt(consistent) * count / (np.sqrt(in_a * in_b) + F32(2.0))
    f[23] = np.sqrt(consistent)
    f[24] = consistent / (neighbours + F32(3.0))
    f[25] = np.sqrt(both)
    f[26] = np.sqrt(spread * per)
    f[27] = worth_alike * worth_root
    f[28] = worth - worth_paired


@numba.njit(nogil=True, cache=True)
def _weigh(weights: NDArray[np.float32], start: int, f: NDArray[np.float32], n: int) -> np.float32:
    total = weights[start]
    for k in range(n):
        total += weights[start + 1 + k] * f[k]
    return total


@numba.njit(nogil=True, cache=True)
def _comes_first(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> bool:
    """Whether a finger comes before another as A: more cylinders, more minutiae, then the words."""
    n = one[0] & np.uint64(0xFF)
    c = (one[0] >> np.uint64(8)) & np.uint64(0xFF)
    other_n = other[0] & np.uint64(0xFF)
    other_c = (other[0] >> np.uint64(8)) & np.uint64(0xFF)
    if c != other_c:
        return c > other_c
    if n != other_n:
        return n > other_n
    for k in range(1, 1 + np.int64(n) + CODE_WORDS * np.int64(c)):
        if one[k] != other[k]:
            return one[k] < other[k]
    return False


@numba.njit(nogil=True, cache=True)
def pair_score(
    probe: NDArray[np.uint64],
    candidate: NDArray[np.uint64],
    settings: NDArray[np.float32],
    weights: NDArray[np.float32],
    cosines: NDArray[np.float32],
    sines: NDArray[np.float32],
    logarithms: NDArray[np.float32],
    thorough: bool,
    f: NDArray[np.float32],
    ends: NDArray[np.int64],
    similarities: NDArray[np.float32],
    placing: NDArray[np.float32],
    inside_probe: NDArray[np.bool_],
    inside_candidate: NDArray[np.bool_],
) -> tuple[np.float32, int]:
    """The raw score of a pair, and how many minutiae it paired (-1 after an early exit).

    `thorough` keeps it from ending early. Filled: `f` float32[31] the features; `ends` int64[2, 256], `similarities`
    float32[256] the paired minutiae; `placing` float32[4] cos, sin, x, y of probe to candidate; `inside_*` bool[256]
    which minutiae lie in the common area. Symmetric: which of the two is A does not depend on who was asked.
    """
    tables = (settings, weights, cosines, sines, logarithms)
    if not _comes_first(candidate, probe):
        return _ordered_score(
            probe, candidate, *tables, thorough, f, ends, similarities, placing, inside_probe, inside_candidate
        )
    score, n = _ordered_score(
        candidate, probe, *tables, thorough, f, ends, similarities, placing, inside_candidate, inside_probe
    )
    for k in range(max(n, 0)):
        ends[0, k], ends[1, k] = ends[1, k], ends[0, k]
    c, s, x, y = placing
    placing[1] = -s
    placing[2] = -(c * x + s * y)
    placing[3] = s * x - c * y
    return score, n


@numba.njit(nogil=True, cache=True)
def _ordered_score(
    first_words: NDArray[np.uint64],
    second_words: NDArray[np.uint64],
    settings: NDArray[np.float32],
    weights: NDArray[np.float32],
    cosines: NDArray[np.float32],
    sines: NDArray[np.float32],
    logarithms: NDArray[np.float32],
    thorough: bool,
    f: NDArray[np.float32],
    ends: NDArray[np.int64],
    similarities: NDArray[np.float32],
    placing: NDArray[np.float32],
    inside_a: NDArray[np.bool_],
    inside_b: NDArray[np.bool_],
) -> tuple[np.float32, int]:
    a = np.zeros((6, POINTS), np.float32)
    b = np.zeros((6, POINTS), np.float32)
    angles_a = np.zeros(POINTS, np.int64)
    angles_b = np.zeros(POINTS, np.int64)
    edges_a = np.zeros((3, POINTS), np.float32)
    edges_b = np.zeros((3, POINTS), np.float32)
    scale_a = np.zeros(64, np.float32)
    scale_b = np.zeros(64, np.float32)
    na, ca, corners_a = _load(first_words, cosines, sines, settings[0], a, angles_a, edges_a, scale_a)
    nb, cb, corners_b = _load(second_words, cosines, sines, settings[0], b, angles_b, edges_b, scale_b)
    f[:] = ZERO
    if ca == 0 or cb == 0:
        return ZERO, -1
    similarity = np.zeros((64, 64), np.int64)
    row_best = np.zeros(64, np.int64)
    column_best = np.zeros(64, np.int64)
    _similarities(first_words, na, ca, scale_a, second_words, nb, cb, scale_b, similarity, row_best, column_best)
    key = np.zeros(PAIRS, np.int64)
    wanted = min(np.int64(settings[1]), PAIRS)
    found, mutual = _choose(ca, cb, row_best, column_best, wanted, key)
    if found == 0:
        return ZERO, -1
    pairs = np.zeros((7, PAIRS), np.float32)
    total_alike = 0
    squares = 0
    for k in range(found):
        i = (key[k] >> 6) & 63
        j = key[k] & 63
        alike = key[k] >> 12
        total_alike += alike
        squares += alike * alike
        _set_pair(pairs, k, cosines, sines, a, angles_a, b, angles_b, i, j, F32(alike) * STEP)
    compatible = np.zeros((PAIRS, PAIRS), np.float32)
    _compatibility(pairs, found, settings[3], settings[4], settings[5], settings[6], settings[7], compatible)
    v = np.zeros(PAIRS, np.float32)
    support = np.zeros(PAIRS, np.float32)
    eigenvalue, total = _relax(pairs, found, compatible, np.int64(settings[2]), v, support)
    most = ZERO
    for k in range(found):
        most = max(most, support[k])
    low = min(na, nb)
    effective_a = np.int64((first_words[0] >> np.uint64(24)) & np.uint64(0xFF))
    effective_b = np.int64((second_words[0] >> np.uint64(24)) & np.uint64(0xFF))
    size = ONE / np.sqrt(HALF * F32(min(effective_a, effective_b)) + F32(8.0))
    f[0] = F32(total_alike) * STEP / F32(wanted)
    f[1] = np.sqrt(F32(squares) * (STEP * STEP) / F32(wanted))
    f[2] = F32(mutual) * size
    f[3] = eigenvalue
    f[4] = np.sqrt(total)
    f[5] = np.sqrt(most)
    f[6] = F32(low)
    f[7] = logarithms[low]
    f[8] = logarithms[max(effective_a, effective_b)]
    exits = 3 + FIRST + SECOND + FEATURES
    first = _weigh(weights, 0, f, FIRST)
    if not thorough and first < weights[exits]:
        return max(min(first, weights[exits + 1]), ZERO), -1

    # rigid placements: the best supported candidate and all that agree with it, then the same among those left over
    left = np.ones(found, np.float32)
    rank = v[:found].copy()
    gone = np.empty(found, np.float32)
    weight = np.empty(found, np.float32)
    lost = np.empty(found, np.float32)
    placings = np.zeros((PLACINGS, 4), np.float32)
    best_support = -ONE
    first_support = ZERO
    tried = 0
    best = 0
    for turn in range(min(np.int64(settings[8]), PLACINGS)):
        seed = 0
        for k in range(found):
            if rank[k] > rank[seed]:
                seed = k
        if turn > 0 and not rank[seed] > ZERO:
            break
        members = 0
        for k in range(found):
            link = ONE if k == seed else compatible[seed, k]
            within = left[k] if link > F32(0.02) else ZERO
            gone[k] = within * pairs[6, k]
            weight[k] = gone[k] * link
            left[k] -= within
            members += np.int64(within)
        trial = placings[tried]
        if members < 2:
            trial[0] = pairs[4, seed]
            trial[1] = pairs[5, seed]
            trial[2] = pairs[2, seed] - (trial[0] * pairs[0, seed] - trial[1] * pairs[1, seed])
            trial[3] = pairs[3, seed] - (trial[1] * pairs[0, seed] + trial[0] * pairs[1, seed])
        else:
            _fit(pairs[0], pairs[1], pairs[2], pairs[3], weight, found, trial)
        supported = _supported(pairs, found, settings[9], settings[10], trial)
        if turn == 0:
            first_support = supported
        if supported > best_support:
            best_support = supported
            best = tried
        tried += 1
        _supports(compatible, gone, found, lost)
        for k in range(found):
            support[k] -= lost[k] * pairs[6, k]
            rank[k] = support[k] * left[k]
    placed = np.zeros((2, POINTS), np.float32)
    figures = np.zeros((3, POINTS), np.float32)
    placing[:] = placings[best]
    _place(a, na, placing, placed)
    by_y = np.argsort(b[1, :nb], kind="mergesort")
    n = _pair_up(
        a, na, ca, b, by_y, cb, similarity, settings[13], settings[9], settings[10], placing, placed, ends, figures
    )
    agreement = _agreement(figures, n, settings[9])
    f[9] = first_support
    f[10] = best_support
    f[11] = agreement
    f[12] = agreement * size
    f[13] = F32(n)
    second = _weigh(weights, 1 + FIRST, f, SECOND)
    if not thorough and second < weights[exits + 1]:
        return max(second, ZERO), -1

    # the other placements too; of all, the one with the best agreement is followed
    other_placed = np.zeros((2, POINTS), np.float32)
    other_ends = np.zeros((2, POINTS), np.int64)
    other_figures = np.zeros((3, POINTS), np.float32)
    for k in range(tried):
        if k == best:
            continue
        trial = placings[k]
        _place(a, na, trial, other_placed)
        other_n = _pair_up(
            a,
            na,
            ca,
            b,
            by_y,
            cb,
            similarity,
            settings[13],
            settings[9],
            settings[10],
            trial,
            other_placed,
            other_ends,
            other_figures,
        )
        other = _agreement(other_figures, other_n, settings[9])
        if other > agreement:
            agreement = other
            n = other_n
            placing[:] = trial
            ends[:] = other_ends
            figures[:] = other_figures
    f[29] = agreement
    f[30] = agreement * size

    n = _align(a, na, ca, b, by_y, cb, similarity, settings, placing, placed, ends, figures, n)
    _overlap(
        na,
        edges_a,
        corners_a,
        b,
        nb,
        edges_b,
        corners_b,
        settings[16],
        placing,
        placed,
        ends,
        n,
        inside_a,
        inside_b,
    )
    _final_figures(
        a,
        angles_a,
        na,
        b,
        angles_b,
        nb,
        settings,
        cosines,
        sines,
        ends,
        figures,
        n,
        inside_a,
        inside_b,
        pairs,
        compatible,
        f,
    )
    similarities[:n] = figures[2, :n]
    return max(_weigh(weights, 2 + FIRST + SECOND, f, FEATURES), ZERO), n


@numba.njit(nogil=True, cache=True)
def scores(
    probe: NDArray[np.uint64],
    words: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    start: int,
    stop: int,
    settings: NDArray[np.float32],
    weights: NDArray[np.float32],
    cosines: NDArray[np.float32],
    sines: NDArray[np.float32],
    logarithms: NDArray[np.float32],
    out: NDArray[np.float32],
    features: NDArray[np.float32],
) -> None:
    """Raw scores of `probe` against fingers start..stop of a gallery, into out[0 : stop - start].

    With `features` float32[stop - start, 31] (training) nothing ends early; an empty one (0 rows) asks for none.
    """
    f = np.zeros(FEATURES, np.float32)
    ends = np.zeros((2, POINTS), np.int64)
    similarities = np.zeros(POINTS, np.float32)
    placing = np.zeros(4, np.float32)
    inside_a = np.zeros(POINTS, np.bool_)
    inside_b = np.zeros(POINTS, np.bool_)
    thorough = features.shape[0] > 0
    for finger in range(start, stop):
        out[finger - start], _ = pair_score(
            probe,
            words[offsets[finger] :],
            settings,
            weights,
            cosines,
            sines,
            logarithms,
            thorough,
            f,
            ends,
            similarities,
            placing,
            inside_a,
            inside_b,
        )
        if thorough:
            features[finger - start] = f
