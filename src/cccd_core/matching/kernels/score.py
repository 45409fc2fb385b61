"""One prepared finger against many: the Numba twin of native/kernels/matching, bit for bit.

Only +, -, *, / and square root of float32 occur, each rounded on its own, and every sum has a fixed order (`sum_of`
where there are many terms), so that both twins give the same bits. They divide as C++ does (`error_model`). The packing
of a finger is told in `matching.prepared`.

To be read beside the C++: the same names in the same order, file after file; `tests/unit/matching/test_twin_names.py`
holds them together. Constants name what C++ names by enumerators and by the members of its structs, which are tuples
here: `w[PAIRS][AX, k]` is `w.pairs.ax[k]`. Numba's cache sees no edit of a helper in another file, so the whole call
tree stands here, some 1,300 lines, where C++ has seven files.
"""

# numba's types are not those of the annotations, which are for the reader
# mypy: disable-error-code="return-value, assignment, arg-type, call-overload, no-any-return, type-arg"

import numba
import numpy as np
from numpy.typing import NDArray

F32 = np.float32
ZERO = F32(0.0)
HALF = F32(0.5)
ONE = F32(1.0)

# --- matching.hpp

CYLINDERS_MAX = 64
CODE_WORDS = 5

# enum Setting
(
    SIMILARITY_OFFSET,
    CANDIDATES,
    RELAXATION_ROUNDS,
    LENGTH_TOLERANCE2,
    LENGTH_SLOPE2,
    SIDE_TOLERANCE2,
    SIDE_SLOPE2,
    ROTATION_GATE,
    HYPOTHESES,
    PAIRING_TOLERANCE_PX,
    PAIRING_GATE,
    FINAL_TOLERANCE_PX,
    FINAL_GATE,
    DISSIMILARITY_COST,
    ELASTIC_REACH2,
    ELASTIC_STIFFNESS,
    OVERLAP_MARGIN_PX,
    CHECK_LENGTH_TOLERANCE2,
    CHECK_LENGTH_SLOPE2,
    CHECK_SIDE_TOLERANCE2,
    CHECK_SIDE_SLOPE2,
    CHECK_ROTATION_GATE,
    CHECK_REACH2,
    SETTINGS_COUNT,
) = range(24)

# enum Feature
(
    MEAN_SIMILARITY,
    RMS_SIMILARITY,
    MUTUAL_BY_SIZE,
    PRINCIPAL_EIGENVALUE,
    ROOT_SUPPORT,
    ROOT_LARGEST_SUPPORT,
    FEWER_MINUTIAE,
    LOG_FEWER_MINUTIAE,
    LOG_MORE_EFFECTIVE,
    FIRST_SUPPORT,
    BEST_SUPPORT,
    RIGID_AGREEMENT,
    RIGID_AGREEMENT_BY_SIZE,
    RIGID_PAIRS,
    FINAL_PAIRS,
    PAIRED_WORTH,
    CLOSE_WORTH,
    CLOSE_ALIKE,
    PAIR_SIMILARITY,
    PAIR_DISTANCE,
    PAIR_TURN,
    PAIRED_QUALITY,
    CONSISTENT_PAIRS,
    ROOT_CONSISTENCY,
    CONSISTENCY_BY_NEIGHBOURS,
    ROOT_COMMON_MINUTIAE,
    PAIR_SPREAD,
    CLOSE_ALIKE_WORTH,
    UNPAIRED_WORTH,
    BEST_AGREEMENT,
    BEST_AGREEMENT_BY_SIZE,
    FEATURES_COUNT,
) = range(32)
FIRST_FEATURES = FIRST_SUPPORT
SECOND_FEATURES = FINAL_PAIRS

# enum Weight
FIRST_WEIGHTS = 0
SECOND_WEIGHTS = FIRST_WEIGHTS + 1 + FIRST_FEATURES
FINAL_WEIGHTS = SECOND_WEIGHTS + 1 + SECOND_FEATURES
FIRST_EXIT = FINAL_WEIGHTS + 1 + FEATURES_COUNT
SECOND_EXIT = FIRST_EXIT + 1
WEIGHTS_COUNT = SECOND_EXIT + 1

# Tables, float32 each.
Tables = tuple
SETTINGS, WEIGHTS, COSINES, SINES, LOGARITHMS = range(5)

# --- lanes.ipp

LANES = 16

# --- work.ipp

POINTS_MAX = 128
PAIRS_MAX = 128
PLACINGS_MAX = 16
BANDS = 64
PARTNERS_MAX = 16
NONE = 0xFFFFFFFF
STEPS = F32(1024.0)
STEP = F32(1.0 / 1024.0)

# A finger: the words as they came, uint64; what the first of them counts, int64; a float32 row for each of X, Y, ...;
# one of int64 for ANGLE, SORTED (indices in order of y) and FIRST (where in this order each band begins).
Finger = tuple
WORDS, HEAD, POINTS, WHOLE = range(4)
N, CYLINDERS, EDGES, EFFECTIVE, HEAD_COUNT = range(5)
X, Y, COS, SIN, QUALITY, WORTH, EDGE_X, EDGE_Y, EDGE_D, SCALE, SORTED_X, SORTED_Y, POINTS_COUNT = range(13)
ANGLE, SORTED, FIRST, WHOLE_COUNT = range(4)

# A placing: rotation and shift, A to B, float32.
C, S, TX, TY, PLACING_COUNT = range(5)

# A pairing: its placing; the minutiae of A and of B paired, int64 rows; float32 rows of the pairs' squared distance,
# turn and likeness; those of A's minutiae in B's frame; how many pairs, int64[1].
Pairing = tuple
PLACING, ENDS, FIGURES, PLACED, COUNT = range(5)
END_A, END_B, ENDS_COUNT = range(3)
D2, TURN, LIKENESS, FIGURES_COUNT = range(4)
PX, PY, PLACED_COUNT = range(3)

# The work: two fingers, and what `new_work` makes room for. PAIRS has a float32 row for each of AX, AY, ...; COMPATIBLE
# holds every two pairs, in no ring.
Work = tuple
(
    A,
    B,
    SIMILARITY,
    ROW_BEST,
    COLUMN_BEST,
    KEY,
    PAIRS,
    COMPATIBLE,
    V,
    SUPPORT,
    REACHED,
    COST,
    INSIDE_A,
    INSIDE_B,
    PLACINGS,
    PAIRING,
    OTHER,
) = range(17)
AX, AY, BX, BY, PAIR_COS, PAIR_SIN, ALIKE, PAIRS_COUNT = range(8)


# --- lanes.ipp


@numba.njit(nogil=True, cache=True, error_model="numpy")
def sum_of(values: NDArray[np.float32], n: int) -> np.float32:
    """A sum in 16 lanes, then the halves of them onto each other: the one order in which many floats are added up."""
    lane = np.zeros(LANES, np.float32)
    for k in range(n):
        lane[k % LANES] += values[k]
    for half in (8, 4, 2, 1):
        for k in range(half):
            lane[k] += lane[k + half]
    return lane[0]


# --- work.ipp


@numba.njit(nogil=True, cache=True, error_model="numpy")
def new_finger() -> Finger:
    """Room for a finger."""
    return (
        np.zeros(1 + POINTS_MAX + CODE_WORDS * CYLINDERS_MAX, np.uint64),
        np.zeros(HEAD_COUNT, np.int64),
        np.zeros((POINTS_COUNT, POINTS_MAX), np.float32),
        np.zeros((WHOLE_COUNT, POINTS_MAX), np.int64),
    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def new_pairing() -> Pairing:
    """Room for a pairing."""
    return (
        np.zeros(PLACING_COUNT, np.float32),
        np.zeros((ENDS_COUNT, POINTS_MAX), np.int64),
        np.zeros((FIGURES_COUNT, POINTS_MAX), np.float32),
        np.zeros((PLACED_COUNT, POINTS_MAX), np.float32),
        np.zeros(1, np.int64),
    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def new_work() -> Work:
    """Room for all that scoring works on. The probe is loaded as A, each candidate as B."""
    return (
        new_finger(),
        new_finger(),
        np.zeros((CYLINDERS_MAX, CYLINDERS_MAX), np.int64),
        np.zeros(CYLINDERS_MAX, np.int64),
        np.zeros(CYLINDERS_MAX, np.int64),
        np.zeros(2 * CYLINDERS_MAX, np.int64),
        np.zeros((PAIRS_COUNT, PAIRS_MAX), np.float32),
        np.zeros((PAIRS_MAX, PAIRS_MAX), np.float32),
        np.zeros(PAIRS_MAX, np.float32),
        np.zeros(PAIRS_MAX, np.float32),
        np.zeros(POINTS_MAX * PARTNERS_MAX, np.int64),
        np.zeros(POINTS_MAX * PARTNERS_MAX, np.int64),
        np.zeros(POINTS_MAX, np.bool_),
        np.zeros(POINTS_MAX, np.bool_),
        np.zeros((PLACINGS_MAX, PLACING_COUNT), np.float32),
        new_pairing(),
        new_pairing(),
    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def load_head(f: Finger, words: NDArray[np.uint64]) -> None:
    """Takes the words over, and what the first of them counts."""
    head = f[HEAD]
    head[N] = np.int64(words[0] & np.uint64(0xFF))
    head[CYLINDERS] = np.int64((words[0] >> np.uint64(8)) & np.uint64(0xFF))
    head[EDGES] = np.int64((words[0] >> np.uint64(16)) & np.uint64(0xFF))
    head[EFFECTIVE] = np.int64((words[0] >> np.uint64(24)) & np.uint64(0xFF))
    own = f[WORDS]
    for k in range(1 + head[N] + CODE_WORDS * head[CYLINDERS]):
        own[k] = words[k]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def band_of(low_y: np.float32, y: np.float32) -> int:
    """The band of y in which a place lies, or the outermost."""
    return np.int64(min(max(ZERO, (y - low_y) * F32(1.0 / 16.0)), F32(BANDS - 1)))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def load_directions(f: Finger, t: Tables) -> None:
    """The cosine and sine of each minutia's angle."""
    points = f[POINTS]
    whole = f[WHOLE]
    cosines = t[COSINES]
    sines = t[SINES]
    for i in range(f[HEAD][N]):
        points[COS, i] = cosines[whole[ANGLE, i]]
        points[SIN, i] = sines[whole[ANGLE, i]]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def load_bands(f: Finger) -> None:
    """Minutiae in order of y: those with a cylinder are so by themselves, and so are the others."""
    n = f[HEAD][N]
    cylinders = f[HEAD][CYLINDERS]
    points = f[POINTS]
    whole = f[WHOLE]
    i = 0
    j = cylinders
    for k in range(n):
        own = j >= n or (i < cylinders and points[Y, i] <= points[Y, j])
        whole[SORTED, k] = i if own else j
        points[SORTED_X, k] = points[X, whole[SORTED, k]]
        points[SORTED_Y, k] = points[Y, whole[SORTED, k]]
        if own:
            i += 1
        else:
            j += 1
    whole[FIRST, : BANDS + 1] = 0
    for k in range(n):
        whole[FIRST, band_of(points[SORTED_Y, 0], points[SORTED_Y, k]) + 1] = k + 1
    for k in range(1, BANDS + 1):
        whole[FIRST, k] = max(whole[FIRST, k - 1], whole[FIRST, k])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def load_worth(f: Finger) -> None:
    """How much each minutia counts: one over those it stands among, as spurious ones come in clusters, times the root
    of its quality over the print's mean."""
    n = f[HEAD][N]
    words = f[WORDS]
    points = f[POINTS]
    total = ZERO
    for i in range(n):
        q = np.int64((words[1 + i] >> np.uint64(48)) & np.uint64(0xFF))
        points[QUALITY, i] = F32(q) * F32(0.01) if q > 0 else F32(0.6)
        total += points[QUALITY, i]
    for i in range(n):
        crowd = np.int64((words[1 + i] >> np.uint64(42)) & np.uint64(63))
        points[WORTH, i] = np.sqrt(points[QUALITY, i] * (F32(n) / total)) / F32(1 + crowd)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def load_hull(f: Finger) -> None:
    """Edges of the convex hull, from the order that preparation wrote into the minutiae: inside is
    edge · point + d >= 0."""
    words = f[WORDS]
    points = f[POINTS]
    edges = f[HEAD][EDGES]
    at = np.zeros(256, np.int64)
    for i in range(f[HEAD][N]):
        order = np.int64(words[1 + i] >> np.uint64(56))
        if 0 < order <= edges:
            at[order - 1] = i
    for k in range(edges):
        p = at[k]
        q = at[k + 1 if k + 1 < edges else 0]
        dx = points[X, q] - points[X, p]
        dy = points[Y, q] - points[Y, p]
        length = np.sqrt(dx * dx + dy * dy + F32(1.0e-6))
        points[EDGE_X, k] = -dy / length
        points[EDGE_Y, k] = dx / length
        points[EDGE_D, k] = (dy * points[X, p] - dx * points[Y, p]) / length


@numba.njit(nogil=True, cache=True, error_model="numpy")
def comes_first(one: Finger, other: Finger) -> bool:
    """Whether `one` comes before `other` as A: more cylinders, more minutiae, then the words. So scores are
    symmetric."""
    if one[HEAD][CYLINDERS] != other[HEAD][CYLINDERS]:
        return one[HEAD][CYLINDERS] > other[HEAD][CYLINDERS]
    if one[HEAD][N] != other[HEAD][N]:
        return one[HEAD][N] > other[HEAD][N]
    p = one[WORDS]
    q = other[WORDS]
    for k in range(1, 1 + one[HEAD][N] + CODE_WORDS * one[HEAD][CYLINDERS]):
        if p[k] != q[k]:
            return p[k] < q[k]
    return False


# --- pairs.ipp


@numba.njit(nogil=True, cache=True, error_model="numpy")
def set_pair(p: NDArray[np.float32], k: int, t: Tables, a: Finger, b: Finger, i: int, j: int, s: np.float32) -> None:
    """Pair k: the places of A's minutia i and B's j, the rotation that they propose, their similarity."""
    p[AX, k] = a[POINTS][X, i]
    p[AY, k] = a[POINTS][Y, i]
    p[BX, k] = b[POINTS][X, j]
    p[BY, k] = b[POINTS][Y, j]
    turn = (b[WHOLE][ANGLE, j] - a[WHOLE][ANGLE, i]) & 255
    p[PAIR_COS, k] = t[COSINES][turn]
    p[PAIR_SIN, k] = t[SINES][turn]
    p[ALIKE, k] = s


@numba.njit(nogil=True, cache=True, error_model="numpy")
def compatibility(
    w: Work, n: int, r0: np.float32, r1: np.float32, t0: np.float32, t1: np.float32, gate: np.float32
) -> None:
    """How well each two of `n` pairs agree, 0..1.

    Same distance between the minutiae on both sides (radial), seen in the same direction (sideways) after the rotation
    that the pairs propose, and about the same rotation. Tolerances grow with the distance. Pairs that share a minutia
    do not agree: nothing lies ahead.
    """
    p = w[PAIRS]
    compatible = w[COMPATIBLE]
    start = ONE - gate
    r0 = r0 * F32(2.0)
    t0 = t0 * F32(2.0)
    for k in range(n):
        for h in range(n):
            ax = p[AX, h] - p[AX, k]
            ay = p[AY, h] - p[AY, k]
            bx = p[BX, h] - p[BX, k]
            by = p[BY, h] - p[BY, k]
            la = ax * ax + ay * ay
            lb = bx * bx + by * by
            reach = la + lb
            radial = la - lb
            mc = p[PAIR_COS, h] + p[PAIR_COS, k]
            ms = p[PAIR_SIN, h] + p[PAIR_SIN, k]
            ux = mc * ax - ms * ay
            uy = ms * ax + mc * ay
            side = ux * by - uy * bx
            ahead = ux * bx + uy * by
            d1 = r0 + r1 * reach  # twice the squared tolerances
            d2 = t0 + t1 * reach
            e = (radial * radial * d2 + side * side * d1) / (reach * d1 * d2 + F32(1.0e-6))
            z = (start + (p[PAIR_COS, h] * p[PAIR_COS, k] + p[PAIR_SIN, h] * p[PAIR_SIN, k]) * gate) - e
            compatible[k, h] = z * z if ahead > ZERO and z > ZERO else ZERO


@numba.njit(nogil=True, cache=True, error_model="numpy")
def supports(w: Work, v: NDArray[np.float32], n: int, out: NDArray[np.float32]) -> None:
    """The compatibilities of `n` pairs times a vector: round a ring, by distance in it, added up in four threads."""
    compatible = w[COMPATIBLE]
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


@numba.njit(nogil=True, cache=True, error_model="numpy")
def relax(w: Work, n: int, rounds: int) -> tuple[np.float32, np.float32]:
    """Power iteration on the compatibilities weighted with the similarities: v, and support after the first round.

    Returns the eigenvalue and the support in all.
    """
    s = w[PAIRS][ALIKE]
    v = w[V]
    support = w[SUPPORT]
    u = np.empty(n, np.float32)
    square = np.empty(n, np.float32)
    for k in range(n):
        v[k] = s[k]
        square[k] = s[k] * s[k]
    norm = np.sqrt(sum_of(square, n))
    eigenvalue = ZERO
    total = ZERO
    for turn in range(rounds):
        supports(w, v, n, u)
        for k in range(n):
            u[k] *= s[k]
            square[k] = u[k] * u[k]
        if turn == 0:
            for k in range(n):
                support[k] = u[k]
            total = sum_of(u, n)
        following = np.sqrt(sum_of(square, n))
        eigenvalue = following / (norm + F32(1.0e-9))
        inverse = ONE / (following + F32(1.0e-9))
        for k in range(n):
            v[k] = u[k] * inverse
        norm = ONE if following > ZERO else ZERO
    return eigenvalue, total


# --- placing.ipp


@numba.njit(nogil=True, cache=True, error_model="numpy")
def fit(
    ax: NDArray[np.float32],
    ay: NDArray[np.float32],
    bx: NDArray[np.float32],
    by: NDArray[np.float32],
    weight: NDArray[np.float32],
    n: int,
    r: NDArray[np.float32],
) -> None:
    """The rotation and shift that brings `n` points of A onto B with least squares, into the placing `r`."""
    per = ONE / (sum_of(weight, n) + F32(1.0e-9))
    value = np.empty(n, np.float32)
    other = np.empty(n, np.float32)
    for k in range(n):
        value[k] = weight[k] * ax[k]
        other[k] = weight[k] * ay[k]
    mx = sum_of(value, n) * per
    my = sum_of(other, n) * per
    for k in range(n):
        value[k] = weight[k] * bx[k]
        other[k] = weight[k] * by[k]
    nx = sum_of(value, n) * per
    ny = sum_of(other, n) * per
    for k in range(n):
        x = ax[k] - mx
        y = ay[k] - my
        u = bx[k] - nx
        v = by[k] - ny
        value[k] = weight[k] * (x * u + y * v)
        other[k] = weight[k] * (x * v - y * u)
    dot = sum_of(value, n)
    cross = sum_of(other, n)
    length = np.sqrt(dot * dot + cross * cross)
    r[C] = dot / length if length > ZERO else ONE
    r[S] = cross / length if length > ZERO else ZERO
    r[TX] = nx - (r[C] * mx - r[S] * my)
    r[TY] = ny - (r[S] * mx + r[C] * my)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def place(a: Finger, r: Pairing) -> None:
    """A's minutiae in B's frame."""
    c, s, tx, ty = r[PLACING][C], r[PLACING][S], r[PLACING][TX], r[PLACING][TY]
    points = a[POINTS]
    placed = r[PLACED]
    for i in range(a[HEAD][N]):
        placed[PX, i] = c * points[X, i] - s * points[Y, i] + tx
        placed[PY, i] = s * points[X, i] + c * points[Y, i] + ty


@numba.njit(nogil=True, cache=True, error_model="numpy")
def alike(similarity: NDArray[np.int64], ca: int, cb: int, i: int, j: int) -> int:
    """The similarity of two minutiae in steps; 0 where one has no cylinder."""
    return similarity[i, j] if i < ca and j < cb else 0


@numba.njit(nogil=True, cache=True, error_model="numpy")
def pair_up(w: Work, t: Tables, tolerance: np.float32, gate: np.float32, r: Pairing) -> None:
    """Pairs each placed minutia of A with its cheapest of B where both choose each other."""
    head_a, head_b = w[A][HEAD], w[B][HEAD]
    a, b = w[A][POINTS], w[B][POINTS]
    similarity = w[SIMILARITY]
    pairs, cost = w[REACHED], w[COST]
    placing, ends, figures, placed = r[PLACING], r[ENDS], r[FIGURES], r[PLACED]
    reached = reachable(w, r, tolerance)
    price(w, t, r, tolerance, gate, reached)
    row_key = np.full(head_a[N], NONE, np.int64)
    column_key = np.full(head_b[N], NONE, np.int64)
    for k in range(reached):
        i = pairs[k] >> 8
        j = pairs[k] & 255
        row_key[i] = min(row_key[i], cost[k] | j)
        column_key[j] = min(column_key[j], cost[k] | i)
    n = 0
    for i in range(head_a[N]):
        if row_key[i] == NONE:
            continue
        j = row_key[i] & 255
        if column_key[j] & 255 != i:
            continue
        dx = b[X, j] - placed[PX, i]
        dy = b[Y, j] - placed[PY, i]
        cx = placing[C] * a[COS, i] - placing[S] * a[SIN, i]
        cy = placing[S] * a[COS, i] + placing[C] * a[SIN, i]
        ends[END_A, n] = i
        ends[END_B, n] = j
        figures[D2, n] = dx * dx + dy * dy
        figures[TURN, n] = ONE - (cx * b[COS, j] + cy * b[SIN, j])
        figures[LIKENESS, n] = F32(alike(similarity, head_a[CYLINDERS], head_b[CYLINDERS], i, j)) * STEP
        n += 1
    r[COUNT][0] = n


@numba.njit(nogil=True, cache=True, error_model="numpy")
def agreement(r: Pairing, tolerance: np.float32) -> np.float32:
    """How alike and how near the minutiae paired are, added up."""
    n = r[COUNT][0]
    figures = r[FIGURES]
    inverse = HALF / (tolerance * tolerance)
    value = np.empty(n, np.float32)
    for k in range(n):
        value[k] = (F32(0.3) + figures[LIKENESS, k]) * (ONE - figures[D2, k] * inverse)
    return sum_of(value, n)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def refit(w: Work, tolerance: np.float32, r: Pairing) -> None:
    """Places A anew by the minutiae paired, the near and alike ones above all."""
    n = r[COUNT][0]
    if n < 2:
        return
    a, b = w[A][POINTS], w[B][POINTS]
    ends, figures = r[ENDS], r[FIGURES]
    inverse = ONE / (tolerance * tolerance)
    ax = np.empty(n, np.float32)
    ay = np.empty(n, np.float32)
    bx = np.empty(n, np.float32)
    by = np.empty(n, np.float32)
    weight = np.empty(n, np.float32)
    for k in range(n):
        ax[k] = a[X, ends[END_A, k]]
        ay[k] = a[Y, ends[END_A, k]]
        bx[k] = b[X, ends[END_B, k]]
        by[k] = b[Y, ends[END_B, k]]
        weight[k] = (F32(0.2) + figures[LIKENESS, k]) * (F32(1.05) - figures[D2, k] * inverse)
    fit(ax, ay, bx, by, weight, n, r[PLACING])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def bend(w: Work, t: Tables, rigid: NDArray[np.float32], r: Pairing) -> None:
    """Moves each minutia from where it lies rigidly by what its paired neighbours (never itself) are off by."""
    n = w[A][HEAD][N]
    b = w[B][POINTS]
    ends, figures, placed = r[ENDS], r[FIGURES], r[PLACED]
    reach = ONE / t[SETTINGS][ELASTIC_REACH2]
    sw = np.full(n, t[SETTINGS][ELASTIC_STIFFNESS], np.float32)
    sx = np.zeros(n, np.float32)
    sy = np.zeros(n, np.float32)
    for k in range(r[COUNT][0]):
        own = ends[END_A, k]
        kx = rigid[PX, own]
        ky = rigid[PY, own]
        vx = b[X, ends[END_B, k]] - kx
        vy = b[Y, ends[END_B, k]] - ky
        weight = F32(0.2) + figures[LIKENESS, k]
        for i in range(n):
            if i == own:
                continue
            dx = rigid[PX, i] - kx
            dy = rigid[PY, i] - ky
            near = ONE / (ONE + (dx * dx + dy * dy) * reach)
            near = near * near * weight
            sw[i] += near
            sx[i] += near * vx
            sy[i] += near * vy
    for i in range(n):
        placed[PX, i] = rigid[PX, i] + sx[i] / sw[i]
        placed[PY, i] = rigid[PY, i] + sy[i] / sw[i]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def align(w: Work, t: Tables, r: Pairing) -> None:
    """Rigid fits, then two rounds of elastic ones, each from the same rigid place."""
    settings = t[SETTINGS]
    wide = settings[PAIRING_TOLERANCE_PX]
    narrow = settings[FINAL_TOLERANCE_PX]
    for _ in range(2):
        refit(w, wide, r)
        place(w[A], r)
        pair_up(w, t, wide, settings[PAIRING_GATE], r)
    rigid = r[PLACED].copy()
    for turn in range(2):
        bend(w, t, rigid, r)
        pair_up(w, t, HALF * (wide + narrow) if turn == 0 else narrow, settings[FINAL_GATE], r)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def supported(w: Work, t: Tables, n: int, r: NDArray[np.float32]) -> np.float32:
    """How well all `n` candidates agree with a placing."""
    p = w[PAIRS]
    tolerance = t[SETTINGS][PAIRING_TOLERANCE_PX]
    gate = t[SETTINGS][PAIRING_GATE]
    inverse = ONE / (tolerance * tolerance)
    value = np.zeros(n, np.float32)
    for k in range(n):
        dx = r[C] * p[AX, k] - r[S] * p[AY, k] + r[TX] - p[BX, k]
        dy = r[S] * p[AX, k] + r[C] * p[AY, k] + r[TY] - p[BY, k]
        d = (dx * dx + dy * dy) * inverse
        e = (ONE - (r[C] * p[PAIR_COS, k] + r[S] * p[PAIR_SIN, k])) * gate
        if d < ONE and e < ONE and p[ALIKE, k] > ZERO:
            value[k] = (F32(0.3) + p[ALIKE, k]) * (ONE - HALF * d)
    return sum_of(value, n)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def pair_under(w: Work, t: Tables, placing: NDArray[np.float32], r: Pairing) -> None:
    """Places A so, and pairs the minutiae up."""
    for k in range(PLACING_COUNT):
        r[PLACING][k] = placing[k]
    place(w[A], r)
    pair_up(w, t, t[SETTINGS][PAIRING_TOLERANCE_PX], t[SETTINGS][PAIRING_GATE], r)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def highest(rank: NDArray[np.float32], n: int) -> int:
    """The first k with the highest rank."""
    first = 0
    for k in range(n):
        if rank[k] > rank[first]:
            first = k
    return first


@numba.njit(nogil=True, cache=True, error_model="numpy")
def propose(
    w: Work, n: int, seed: int, left: NDArray[np.float32], gone: NDArray[np.float32], trial: NDArray[np.float32]
) -> None:
    """The placing that a candidate proposes with all those left that agree with it.

    They go out of `left`, and with their similarity into `gone`.
    """
    p = w[PAIRS]
    compatible = w[COMPATIBLE]
    weight = np.empty(n, np.float32)
    members = 0
    for k in range(n):
        link = ONE if k == seed else compatible[seed, k]
        within = left[k] if link > F32(0.02) else ZERO
        gone[k] = within * p[ALIKE, k]
        weight[k] = gone[k] * link
        left[k] -= within
        members += np.int64(within)
    if members < 2:
        trial[C] = p[PAIR_COS, seed]
        trial[S] = p[PAIR_SIN, seed]
        trial[TX] = p[BX, seed] - (trial[C] * p[AX, seed] - trial[S] * p[AY, seed])
        trial[TY] = p[BY, seed] - (trial[S] * p[AX, seed] + trial[C] * p[AY, seed])
    else:
        fit(p[AX], p[AY], p[BX], p[BY], weight, n, trial)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def place_rigidly(w: Work, t: Tables, n: int, size: np.float32, f: NDArray[np.float32]) -> tuple[int, int]:
    """The rigid placings that `n` candidates propose: the best supported one with all that agree with it, then the same
    among those left over.

    Pairs the minutiae up under the one that most candidates agree with, in w[PAIRING]. Returns how many placings there
    are, and which this one is.
    """
    settings = t[SETTINGS]
    support = w[SUPPORT]
    similarity = w[PAIRS][ALIKE]
    left = np.ones(n, np.float32)
    rank = w[V][:n].copy()
    gone = np.empty(n, np.float32)
    lost = np.empty(n, np.float32)
    f[BEST_SUPPORT] = -ONE
    placings = 0
    placed = 0
    for turn in range(min(np.int64(settings[HYPOTHESES]), PLACINGS_MAX)):
        seed = highest(rank, n)
        if turn > 0 and not rank[seed] > ZERO:
            break
        trial = w[PLACINGS][placings]
        propose(w, n, seed, left, gone, trial)
        agree = supported(w, t, n, trial)
        if turn == 0:
            f[FIRST_SUPPORT] = agree
        if agree > f[BEST_SUPPORT]:
            f[BEST_SUPPORT] = agree
            placed = placings
        placings += 1
        supports(w, gone, n, lost)
        for k in range(n):
            support[k] -= lost[k] * similarity[k]
            rank[k] = support[k] * left[k]
    pair_under(w, t, w[PLACINGS][placed], w[PAIRING])
    f[RIGID_AGREEMENT] = agreement(w[PAIRING], settings[PAIRING_TOLERANCE_PX])
    f[RIGID_AGREEMENT_BY_SIZE] = f[RIGID_AGREEMENT] * size
    f[RIGID_PAIRS] = F32(w[PAIRING][COUNT][0])
    return placings, placed


@numba.njit(nogil=True, cache=True, error_model="numpy")
def take_over(r: Pairing, other: Pairing) -> None:
    """The other pairing instead of this one, but for where it placed A."""
    for k in range(PLACING_COUNT):
        r[PLACING][k] = other[PLACING][k]
    r[COUNT][0] = other[COUNT][0]
    for k in range(other[COUNT][0]):
        for row in range(ENDS_COUNT):
            r[ENDS][row, k] = other[ENDS][row, k]
        for row in range(FIGURES_COUNT):
            r[FIGURES][row, k] = other[FIGURES][row, k]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def place_thoroughly(w: Work, t: Tables, placings: int, placed: int, size: np.float32, f: NDArray[np.float32]) -> None:
    """Pairs the minutiae up under the other placings too; of all, the one with the best agreement stays in
    w[PAIRING]."""
    best = f[RIGID_AGREEMENT]
    for k in range(placings):
        if k == placed:
            continue
        pair_under(w, t, w[PLACINGS][k], w[OTHER])
        agrees = agreement(w[OTHER], t[SETTINGS][PAIRING_TOLERANCE_PX])
        if agrees > best:
            best = agrees
            take_over(w[PAIRING], w[OTHER])
    f[BEST_AGREEMENT] = best
    f[BEST_AGREEMENT_BY_SIZE] = best * size


# --- figures.ipp


@numba.njit(nogil=True, cache=True, error_model="numpy")
def overlap(w: Work, margin: np.float32, r: Pairing) -> None:
    """Which minutiae of either side lie where the other has its fingerprint: inside its convex hull, widened."""
    head_a, head_b = w[A][HEAD], w[B][HEAD]
    a, b = w[A][POINTS], w[B][POINTS]
    inside_a, inside_b = w[INSIDE_A], w[INSIDE_B]
    placing, ends, placed = r[PLACING], r[ENDS], r[PLACED]
    for i in range(head_a[N]):
        inside_a[i] = True
        for k in range(head_b[EDGES]):
            d = b[EDGE_D, k] + margin
            if not b[EDGE_X, k] * placed[PX, i] + b[EDGE_Y, k] * placed[PY, i] + d >= ZERO:
                inside_a[i] = False
    for j in range(head_b[N]):
        x = b[X, j] - placing[TX]
        y = b[Y, j] - placing[TY]
        qx = placing[C] * x + placing[S] * y
        qy = placing[C] * y - placing[S] * x
        inside_b[j] = True
        for k in range(head_a[EDGES]):
            d = a[EDGE_D, k] + margin
            if not a[EDGE_X, k] * qx + a[EDGE_Y, k] * qy + d >= ZERO:
                inside_b[j] = False
    for k in range(r[COUNT][0]):
        inside_a[ends[END_A, k]] = True
        inside_b[ends[END_B, k]] = True


@numba.njit(nogil=True, cache=True, error_model="numpy")
def consistency(w: Work, t: Tables, r: Pairing) -> tuple[np.float32, np.float32]:
    """How well the pairs that lie near each other agree, added up; and how many such twos there are."""
    settings = t[SETTINGS]
    p = w[PAIRS]
    compatible = w[COMPATIBLE]
    ends, figures = r[ENDS], r[FIGURES]
    n = r[COUNT][0]
    for k in range(n):
        set_pair(p, k, t, w[A], w[B], ends[END_A, k], ends[END_B, k], figures[LIKENESS, k])
    compatibility(
        w,
        n,
        settings[CHECK_LENGTH_TOLERANCE2],
        settings[CHECK_LENGTH_SLOPE2],
        settings[CHECK_SIDE_TOLERANCE2],
        settings[CHECK_SIDE_SLOPE2],
        settings[CHECK_ROTATION_GATE],
    )
    ring = (n + LANES - 1) // LANES * LANES
    agree = np.zeros(LANES, np.float32)
    near = np.zeros(LANES, np.float32)
    for d in range(1, ring // 2 + 1):
        share = ONE if 2 * d < ring else HALF  # half round the ring, each two are met twice
        for k in range(n):
            h = k + d if k + d < ring else k + d - ring
            if h >= n:
                continue
            dx = p[AX, h] - p[AX, k]
            dy = p[AY, h] - p[AY, k]
            if dx * dx + dy * dy < settings[CHECK_REACH2]:
                near[k % LANES] += share
                agree[k % LANES] += compatible[k, h] * share
    return sum_of(agree, LANES), sum_of(near, LANES)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def spread(w: Work, r: Pairing) -> np.float32:
    """The mean squared distance of A's paired minutiae from their centre."""
    a = w[A][POINTS]
    own = r[ENDS][END_A]
    n = r[COUNT][0]
    per = ONE / max(F32(n), ONE)
    mx = ZERO
    my = ZERO
    for k in range(n):
        mx += a[X, own[k]]
        my += a[Y, own[k]]
    mx *= per
    my *= per
    total = ZERO
    for k in range(n):
        x = a[X, own[k]] - mx
        y = a[Y, own[k]] - my
        total += x * x + y * y
    return total * per


@numba.njit(nogil=True, cache=True, error_model="numpy")
def final_figures(w: Work, t: Tables, r: Pairing, f: NDArray[np.float32]) -> None:
    """The figures of the aligned pair."""
    a, b = w[A][POINTS], w[B][POINTS]
    inside_a, inside_b = w[INSIDE_A], w[INSIDE_B]
    ends, figures = r[ENDS], r[FIGURES]
    settings = t[SETTINGS]
    overlap(w, settings[OVERLAP_MARGIN_PX], r)
    both = ZERO
    quality = ZERO
    worth = ZERO
    for i in range(w[A][HEAD][N]):
        if inside_a[i]:
            both += ONE
            quality += a[QUALITY, i]
            worth += a[WORTH, i]
    in_a = both
    for j in range(w[B][HEAD][N]):
        if inside_b[j]:
            both += ONE
            quality += b[QUALITY, j]
            worth += b[WORTH, j]
    in_b = both - in_a
    n = F32(r[COUNT][0])
    per = ONE / max(n, ONE)
    inverse = ONE / (settings[FINAL_TOLERANCE_PX] * settings[FINAL_TOLERANCE_PX])
    quality_paired = ZERO
    worth_paired = ZERO
    worth_close = ZERO
    worth_alike = ZERO
    close_alike = ZERO
    likeness = ZERO
    distance = ZERO
    turn = ZERO
    for k in range(r[COUNT][0]):
        i = ends[END_A, k]
        j = ends[END_B, k]
        d2 = figures[D2, k]
        s = figures[LIKENESS, k]
        e = ONE - d2 * inverse
        each = a[WORTH, i] + b[WORTH, j]
        quality_paired += a[QUALITY, i] + b[QUALITY, j]
        worth_paired += each
        worth_close += each * e
        worth_alike += each * e * s
        close_alike += e * s
        likeness += s
        distance += np.sqrt(d2)
        turn += figures[TURN, k]
    consistent, neighbours = consistency(w, t, r)
    root = ONE / np.sqrt(both + F32(10.0))
    worth_root = HALF / np.sqrt(worth + F32(6.0))
    f[FINAL_PAIRS] = n
    f[PAIRED_WORTH] = worth_paired / (worth + F32(4.0))
    f[CLOSE_WORTH] = worth_close * worth_root
    f[CLOSE_ALIKE] = close_alike * root
    f[PAIR_SIMILARITY] = likeness * per
    f[PAIR_DISTANCE] = distance * per
    f[PAIR_TURN] = turn * per
    f[PAIRED_QUALITY] = quality_paired / (quality + F32(3.0))
    f[CONSISTENT_PAIRS] = np.sqrt(consistent) * n / (np.sqrt(in_a * in_b) + F32(2.0))
    f[ROOT_CONSISTENCY] = np.sqrt(consistent)
    f[CONSISTENCY_BY_NEIGHBOURS] = consistent / (neighbours + F32(3.0))
    f[ROOT_COMMON_MINUTIAE] = np.sqrt(both)
    f[PAIR_SPREAD] = np.sqrt(spread(w, r))
    f[CLOSE_ALIKE_WORTH] = worth_alike * worth_root
    f[UNPAIRED_WORTH] = worth - worth_paired


# --- score.ipp


@numba.njit(nogil=True, cache=True, error_model="numpy")
def weigh(t: Tables, start: int, f: NDArray[np.float32], n: int) -> np.float32:
    """The bias at `start` and the first `n` features by the weights that follow it."""
    weights = t[WEIGHTS]
    total = weights[start]
    for k in range(n):
        total += weights[start + 1 + k] * f[k]
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def relaxed_figures(w: Work, t: Tables, size: np.float32, f: NDArray[np.float32]) -> int:
    """The candidates, relaxed, and the figures known then; returns how many there are."""
    settings = t[SETTINGS]
    key, support = w[KEY], w[SUPPORT]
    wanted = min(np.int64(settings[CANDIDATES]), PAIRS_MAX)
    found, mutual = choose(w, wanted)
    if found == 0:
        return 0
    fill(w, t, found)
    total_alike = 0
    squares = 0
    for k in range(found):
        s = key[k] >> 12
        total_alike += s
        squares += s * s
    compatibility(
        w,
        found,
        settings[LENGTH_TOLERANCE2],
        settings[LENGTH_SLOPE2],
        settings[SIDE_TOLERANCE2],
        settings[SIDE_SLOPE2],
        settings[ROTATION_GATE],
    )
    eigenvalue, total = relax(w, found, np.int64(settings[RELAXATION_ROUNDS]))
    most = ZERO
    for k in range(found):
        most = max(most, support[k])
    low = min(w[A][HEAD][N], w[B][HEAD][N])
    f[MEAN_SIMILARITY] = F32(total_alike) * STEP / F32(wanted)
    f[RMS_SIMILARITY] = np.sqrt(F32(squares) * (STEP * STEP) / F32(wanted))
    f[MUTUAL_BY_SIZE] = F32(mutual) * size
    f[PRINCIPAL_EIGENVALUE] = eigenvalue
    f[ROOT_SUPPORT] = np.sqrt(total)
    f[ROOT_LARGEST_SUPPORT] = np.sqrt(most)
    f[FEWER_MINUTIAE] = F32(low)
    f[LOG_FEWER_MINUTIAE] = t[LOGARITHMS][low]
    f[LOG_MORE_EFFECTIVE] = t[LOGARITHMS][max(w[A][HEAD][EFFECTIVE], w[B][HEAD][EFFECTIVE])]
    return found


@numba.njit(nogil=True, cache=True, error_model="numpy")
def score(w: Work, t: Tables, words: NDArray[np.uint64], thorough: bool, f: NDArray[np.float32]) -> np.float32:
    """The raw score of A, loaded, and the candidate of these words. With `thorough` nothing exits early.

    Into `f` go the features, as far as they are reached.
    """
    probe = w[A]
    candidate = w[B]
    f[:] = ZERO
    w[PAIRING][COUNT][0] = 0
    load(candidate, words, t[SETTINGS][SIMILARITY_OFFSET])
    if probe[HEAD][CYLINDERS] == 0 or candidate[HEAD][CYLINDERS] == 0:
        return ZERO
    turned = comes_first(candidate, probe)
    if turned:
        w = (candidate, probe) + w[SIMILARITY:]  # noqa: RUF005 - Numba cannot unpack here
    similarities(w)
    effective = min(w[A][HEAD][EFFECTIVE], w[B][HEAD][EFFECTIVE])
    size = ONE / np.sqrt(HALF * F32(effective) + F32(8.0))
    found = relaxed_figures(w, t, size, f)
    if found == 0:
        return ZERO
    first = weigh(t, FIRST_WEIGHTS, f, FIRST_FEATURES)
    if not thorough and first < t[WEIGHTS][FIRST_EXIT]:
        return max(min(first, t[WEIGHTS][SECOND_EXIT]), ZERO)

    load_directions(candidate, t)
    if not turned:
        load_bands(candidate)
    placings, placed = place_rigidly(w, t, found, size, f)
    second = weigh(t, SECOND_WEIGHTS, f, SECOND_FEATURES)
    if not thorough and second < t[WEIGHTS][SECOND_EXIT]:
        return max(second, ZERO)

    load_hull(candidate)
    load_worth(candidate)
    place_thoroughly(w, t, placings, placed, size, f)
    align(w, t, w[PAIRING])
    final_figures(w, t, w[PAIRING], f)
    return max(weigh(t, FINAL_WEIGHTS, f, FEATURES_COUNT), ZERO)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def load_probe(w: Work, t: Tables, words: NDArray[np.uint64]) -> None:
    """All that a probe may be asked for, whether it is A or B."""
    probe = w[A]
    load(probe, words, t[SETTINGS][SIMILARITY_OFFSET])
    load_directions(probe, t)
    load_bands(probe)
    load_hull(probe)
    load_worth(probe)


@numba.njit(nogil=True, cache=True, error_model="numpy")
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

    With `features` float32[stop - start, FEATURES_COUNT] (training) nothing ends early; an empty one (0 rows) asks for
    none.
    """
    t = (settings, weights, cosines, sines, logarithms)
    w = new_work()
    f = np.zeros(FEATURES_COUNT, np.float32)
    thorough = features.shape[0] > 0
    load_probe(w, t, probe)
    for finger in range(start, stop):
        out[finger - start] = score(w, t, words[offsets[finger] :], thorough, f)
        if thorough:
            for k in range(FEATURES_COUNT):
                features[finger - start, k] = f[k]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def pair_scores(
    probe_words: NDArray[np.uint64],
    probe_offsets: NDArray[np.int64],
    words: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    pairs: NDArray[np.int64],
    settings: NDArray[np.float32],
    weights: NDArray[np.float32],
    cosines: NDArray[np.float32],
    sines: NDArray[np.float32],
    logarithms: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Raw scores of pairs (probe, candidate) into out; fast where pairs of one probe follow each other."""
    t = (settings, weights, cosines, sines, logarithms)
    w = new_work()
    f = np.zeros(FEATURES_COUNT, np.float32)
    loaded = -1
    for k in range(pairs.shape[0]):
        probe = pairs[k, 0]
        if probe != loaded:
            load_probe(w, t, probe_words[probe_offsets[probe] :])
            loaded = probe
        out[k] = score(w, t, words[offsets[pairs[k, 1]] :], False, f)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def explain(
    probe: NDArray[np.uint64],
    candidate: NDArray[np.uint64],
    settings: NDArray[np.float32],
    weights: NDArray[np.float32],
    cosines: NDArray[np.float32],
    sines: NDArray[np.float32],
    logarithms: NDArray[np.float32],
    f: NDArray[np.float32],
    ends: NDArray[np.int64],
    similarity: NDArray[np.float32],
    placing: NDArray[np.float32],
    inside: NDArray[np.uint8],
) -> int:
    """Why one pair, followed to its end, scores what it does; returns how many minutiae it paired.

    Filled: `f` float32[FEATURES_COUNT]; the first of `ends` int64[2, 128], the paired minutiae of probe and candidate,
    and of `similarity` float32[128]; `placing` float32[4] cos, sin, x, y of probe to candidate; `inside` uint8[2, 128]
    which minutiae of probe and candidate lie in the common area. Which of the two is A does not depend on who was
    asked.
    """
    t = (settings, weights, cosines, sines, logarithms)
    w = new_work()
    load_probe(w, t, probe)
    score(w, t, candidate, True, f)
    turned = comes_first(w[B], w[A])
    own = 1 if turned else 0
    r = w[PAIRING]
    n = r[COUNT][0]
    ends[own, :n] = r[ENDS][END_A][:n]
    ends[1 - own, :n] = r[ENDS][END_B][:n]
    similarity[:n] = r[FIGURES][LIKENESS][:n]
    inside[own] = w[INSIDE_A]
    inside[1 - own] = w[INSIDE_B]
    c, s, x, y = r[PLACING][C], r[PLACING][S], r[PLACING][TX], r[PLACING][TY]
    if turned:
        s, x, y = -s, -(c * x + s * y), s * x - c * y
    placing[C] = c
    placing[S] = s
    placing[TX] = x
    placing[TY] = y
    return n


# --- plain.ipp


@numba.njit(nogil=True, cache=True, error_model="numpy")
def popcount(v: np.uint64) -> int:
    """How many bits are set."""
    v = v - ((v >> np.uint64(1)) & np.uint64(0x5555555555555555))
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    v = v + (v >> np.uint64(8))
    v = v + (v >> np.uint64(16))
    v = v + (v >> np.uint64(32))
    return np.int64(v & np.uint64(0x7F))


@numba.njit(nogil=True, cache=True, error_model="numpy")
def load(f: Finger, words: NDArray[np.uint64], offset: np.float32) -> None:
    """Unpacks what relaxation needs of a finger: places, angles, and of each cylinder 1 / sqrt(bits + offset)."""
    load_head(f, words)
    points = f[POINTS]
    whole = f[WHOLE]
    n = f[HEAD][N]
    c = f[HEAD][CYLINDERS]
    for i in range(n):
        m = words[1 + i]
        points[X, i] = F32(np.int64(m & np.uint64(0xFFFF)) - 32768)
        points[Y, i] = F32(np.int64((m >> np.uint64(16)) & np.uint64(0xFFFF)) - 32768)
        whole[ANGLE, i] = np.int64((m >> np.uint64(32)) & np.uint64(0xFF))
    for i in range(c):
        bits = 0
        for k in range(CODE_WORDS):
            bits += popcount(words[1 + n + k * c + i])
        points[SCALE, i] = ONE / np.sqrt(F32(bits) + offset)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def similarities(w: Work) -> None:
    """w[SIMILARITY][i, j]: common bits over the geometric mean of both counts of bits, in steps of 1/1024.

    w[ROW_BEST][i] is similarity << 6 | 63 - j for the best j (the lowest of equals), w[COLUMN_BEST][j] likewise.
    """
    a = w[A][WORDS]
    b = w[B][WORDS]
    na, ca = w[A][HEAD][N], w[A][HEAD][CYLINDERS]
    nb, cb = w[B][HEAD][N], w[B][HEAD][CYLINDERS]
    similarity = w[SIMILARITY]
    row_best, column_best = w[ROW_BEST], w[COLUMN_BEST]
    scale_a, scale_b = w[A][POINTS][SCALE], w[B][POINTS][SCALE]
    column_best[:cb] = 0
    for i in range(ca):
        factor = scale_a[i] * STEPS
        best = 0
        for j in range(cb):
            common = 0
            for k in range(CODE_WORDS):
                common += popcount(a[1 + na + k * ca + i] & b[1 + nb + k * cb + j])
            s = np.int64(F32(common) * factor * scale_b[j])
            similarity[i, j] = s
            best = max(best, (s << 6) | (63 - j))
            column_best[j] = max(column_best[j], (s << 6) | (63 - i))
        row_best[i] = best


@numba.njit(nogil=True, cache=True, error_model="numpy")
def choose(w: Work, wanted: int) -> tuple[int, int]:
    """Candidates: the best partner of every cylinder of A, in order, then that of every cylinder of B unless those two
    chose each other.

    Of more than `wanted` the most similar, of equals the first, still in order. w[KEY]: similarity << 12 | i << 6 | j.
    Returns how many, and how many chose each other.
    """
    row_best, column_best = w[ROW_BEST], w[COLUMN_BEST]
    key = w[KEY]
    every = np.empty(2 * CYLINDERS_MAX, np.int64)
    n = 0
    mutual = 0
    for i in range(w[A][HEAD][CYLINDERS]):
        s = row_best[i] >> 6
        if s > 0:
            every[n] = (s << 12) | (i << 6) | (63 - (row_best[i] & 63))
            n += 1
    for j in range(w[B][HEAD][CYLINDERS]):
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


@numba.njit(nogil=True, cache=True, error_model="numpy")
def fill(w: Work, t: Tables, n: int) -> None:
    """The candidates as pairs."""
    key = w[KEY]
    for k in range(n):
        set_pair(w[PAIRS], k, t, w[A], w[B], (key[k] >> 6) & 63, key[k] & 63, F32(key[k] >> 12) * STEP)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def reachable(w: Work, r: Pairing, tolerance: np.float32) -> int:
    """For each placed minutia i of A, the first PARTNERS_MAX minutiae j of B, in order of y, that are nearer than
    `tolerance`: w[REACHED] takes i << 8 | j; returns how many."""
    b = w[B][POINTS]
    whole = w[B][WHOLE]
    placed = r[PLACED]
    pairs = w[REACHED]
    low_y = b[SORTED_Y, 0]
    inverse = ONE / (tolerance * tolerance)
    n = 0
    for i in range(w[A][HEAD][N]):
        full = n + PARTNERS_MAX
        low = band_of(low_y, placed[PY, i] - tolerance - ONE)
        high = band_of(low_y, placed[PY, i] + tolerance + ONE) + 1
        for k in range(whole[FIRST, low], whole[FIRST, high]):
            dx = b[SORTED_X, k] - placed[PX, i]
            dy = b[SORTED_Y, k] - placed[PY, i]
            if (dx * dx + dy * dy) * inverse < ONE:
                pairs[n] = (i << 8) | whole[SORTED, k]
                n += 1
                if n == full:
                    break
    return n


@numba.njit(nogil=True, cache=True, error_model="numpy")
def price(w: Work, t: Tables, r: Pairing, tolerance: np.float32, gate: np.float32, reached: int) -> None:
    """What each of these pairs costs: distance and turn as shares of what is allowed, and how unlike the cylinders are.

    NONE where the turn is more than allowed. The low 8 bits are free for an index.
    """
    a, b = w[A][POINTS], w[B][POINTS]
    ca, cb = w[A][HEAD][CYLINDERS], w[B][HEAD][CYLINDERS]
    similarity = w[SIMILARITY]
    pairs, cost = w[REACHED], w[COST]
    placing, placed = r[PLACING], r[PLACED]
    unlike = t[SETTINGS][DISSIMILARITY_COST] * STEP
    inverse = ONE / (tolerance * tolerance)
    for k in range(reached):
        i = pairs[k] >> 8
        j = pairs[k] & 255
        dx = b[X, j] - placed[PX, i]
        dy = b[Y, j] - placed[PY, i]
        d = (dx * dx + dy * dy) * inverse
        cx = placing[C] * a[COS, i] - placing[S] * a[SIN, i]
        cy = placing[S] * a[COS, i] + placing[C] * a[SIN, i]
        e = (ONE - (cx * b[COS, j] + cy * b[SIN, j])) * gate
        each = min(d + e + unlike * F32(1024 - alike(similarity, ca, cb, i, j)), F32(8.0))
        cost[k] = np.int64(each * F32(4096.0)) << 8 if e < ONE else NONE
