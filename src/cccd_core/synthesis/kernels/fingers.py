"""Fingers and impressions of them, minutia by minutia: the model that `synthesis.fingers` tells of.

Every stream of random numbers is one word of state, a multiply-with-carry generator (G. Marsaglia, 1994; D. B. Thomas,
MWC64X, 2011) of 32 bits a step, so that nothing depends on who else draws. Lengths are pixels at 500 dpi with y up.
"""

# numba's types are not those of the annotations, which are for the reader
# mypy: disable-error-code="type-arg, no-any-return"

import math

import numba
import numpy as np
from numpy.typing import NDArray

MASTER_MOST = 400  # minutiae of a finger
SHOWN_MOST = 255  # minutiae of an impression: what a record can hold

# The fields of FingerParameters in their order, the seven quality knots last.
(
    HALF_WIDTH_PX,
    HALF_HEIGHT_PX,
    MINUTIAE_PER_MM2,
    DENSITY_SPREAD,
    DENSITY_SHARE,
    LEAST_PX,
    APART_PX,
    CORE_DENSITY,
    FLOW_DEG,
    TOGETHER,
    DOWNWARD,
    BIFURCATION_SHARE,
    COMPANIONS,
    COMPANION_PX,
    IMAGE_WIDTH_PX,
    IMAGE_HEIGHT_PX,
    SHIFT_PX,
    ROTATION_DEG,
    CONTACT_HALF_WIDTH_PX,
    CONTACT_HALF_HEIGHT_PX,
    CONTACT_SPREAD,
    DISTORTION_PX,
    DISTORTION_REACH_PX,
    JITTER_PX,
    JITTER_DEG,
    JITTER_WORSE,
    SEEN,
    SEEN_SPREAD,
    SEEN_WORSE,
    INVENTED_PER_MM2,
    INVENTED_WORSE,
    INVENTED_DEG,
    STRAY,
    BROKEN,
    KIND_ERROR,
    KIND_SPREAD,
    TURNED,
    QUALITY,
    LOCAL_SPREAD,
    PERSON_SHARE,
    FINGER_SHARE,
    QUALITY_SEEN,
    QUALITY_KNOTS,
) = range(43)
PARAMETERS = QUALITY_KNOTS + 7
_KNOT_AT = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

# The numbers of an orientation field.
PATTERN, ARCH_HEIGHT, TILT, SINGULAR, CORES, DELTAS = 0, 1, 2, 3, 4, 8
FIELD = 12
LEFT_LOOP, RIGHT_LOOP, WHORL, ARCH, TENTED_ARCH = range(5)

PX_A_MM = 500 / 25.4
TWO_PI = 2 * math.pi
LOW = np.uint64(0xFFFFFFFF)
HIGH = np.uint64(32)
MULTIPLIER = np.uint64(4294883355)
BUMPS = 6
BUMP_PX = 45.0
WAVES = 2


@numba.njit(nogil=True, cache=True)
def uniform(state: NDArray[np.uint64]) -> float:
    """Between 0 and 1, neither of them; `state` uint64[1] moves on."""
    low = state[0] & LOW
    carry = state[0] >> HIGH
    state[0] = low * MULTIPLIER + carry
    return (float(low ^ carry) + 0.5) / 4294967296.0


@numba.njit(nogil=True, cache=True)
def normals(state: NDArray[np.uint64]) -> tuple[float, float]:
    """Two independent standard normal numbers (Box and Muller, 1958)."""
    radius = math.sqrt(-2.0 * math.log(uniform(state)))
    turn = TWO_PI * uniform(state)
    return radius * math.cos(turn), radius * math.sin(turn)


@numba.njit(nogil=True, cache=True)
def draw_field(state: NDArray[np.uint64], pattern: int, field: NDArray[np.float64]) -> None:
    """A field of that pattern, its singular points drawn around their usual places, into `field` float64[FIELD]."""
    a, b = normals(state)
    c, d = normals(state)
    e, f = normals(state)
    g, h = normals(state)
    field[:] = 0.0
    field[PATTERN] = pattern
    height = 60.0 + 12.0 * a
    x = 10.0 * b
    y = 25.0 + 14.0 * c
    if pattern == ARCH:
        field[ARCH_HEIGHT] = min(1.8, max(0.5, 1.1 + 0.25 * d))
        return
    field[SINGULAR] = 1.0
    field[CORES] = x
    field[CORES + 1] = y
    if pattern == TENTED_ARCH:
        field[DELTAS] = x - 4.0 * d
        field[DELTAS + 1] = y - max(50.0, 90.0 + 15.0 * e)
    else:
        drop = max(70.0, 135.0 + 20.0 * d)
        reach = max(50.0, 110.0 + 20.0 * e)
        # the ridges of a left loop leave to the left, its delta is right
        field[DELTAS] = x - reach if pattern != LEFT_LOOP else x + reach
        field[DELTAS + 1] = y - drop
        if pattern == WHORL:
            field[SINGULAR] = 2.0
            field[CORES + 2] = x - 6.0 * g
            field[CORES + 3] = y - max(8.0, 0.5 * height + 8.0 * f)
            field[DELTAS + 2] = x + max(50.0, 110.0 + 20.0 * h)
            field[DELTAS + 3] = y - drop
    # The ridges far below the core lie across the finger.
    field[TILT] = -orientation(field, 0.0, -2000.0)


@numba.njit(nogil=True, cache=True)
def orientation(field: NDArray[np.float64], x: float, y: float) -> float:
    """Ridge orientation at a place, radians, modulo pi."""
    count = int(field[SINGULAR])
    if count == 0:
        across = min(1.0, max(-1.0, x / 260.0))
        rise = field[ARCH_HEIGHT] * math.cos(across * math.pi / 2) * math.sin(math.pi * x / 260.0)
        return math.atan(-rise * max(0.0, 0.75 - abs(y + 20.0) / 500.0))
    # The sum of the arguments from the cores less those from the deltas is the argument of a product.
    real = 1.0
    imaginary = 0.0
    for k in range(count):
        u = (x - field[CORES + 2 * k]) / 100.0
        v = (y - field[CORES + 2 * k + 1]) / 100.0
        real, imaginary = real * u - imaginary * v, real * v + imaginary * u
        u = (x - field[DELTAS + 2 * k]) / 100.0
        v = (field[DELTAS + 2 * k + 1] - y) / 100.0
        real, imaginary = real * u - imaginary * v, real * v + imaginary * u
    return 0.5 * math.atan2(imaginary, real) + field[TILT]


@numba.njit(nogil=True, cache=True)
def nearest2(x: float, y: float, xs: NDArray[np.float64], ys: NDArray[np.float64], n: int) -> float:
    """Squared distance to the nearest of the first n places; a large number where there is none."""
    best = 1e12
    for k in range(n):
        dx = xs[k] - x
        dy = ys[k] - y
        best = min(best, dx * dx + dy * dy)
    return best


@numba.njit(nogil=True, cache=True)
def heading(
    state: NDArray[np.uint64],
    field: NDArray[np.float64],
    waves: NDArray[np.float64],
    p: NDArray[np.float64],
    x: float,
    y: float,
    scatter: float,
) -> float:
    """A direction along the ridge at a place, scattered, in one of its two senses: neighbours tend to the same."""
    angle = orientation(field, x, y)
    lean = p[DOWNWARD]
    for k in range(WAVES):
        lean += p[TOGETHER] * math.cos(waves[k, 0] * x + waves[k, 1] * y + waves[k, 2])
    down = uniform(state) * (1.0 + math.exp(-lean)) < 1.0
    if (math.sin(angle) > 0.0) == down:
        angle += math.pi
    return angle + scatter


@numba.njit(nogil=True, cache=True)
def draw_master(
    state: NDArray[np.uint64],
    density: float,
    p: NDArray[np.float64],
    field: NDArray[np.float64],
    waves: NDArray[np.float64],
    minutiae: NDArray[np.float64],
) -> int:
    """The minutiae of a finger into `minutiae` float64[5, MASTER_MOST], rows x, y, angle, kind, firmness; how many.

    `density` is the finger's own, a standard normal number. Firmness is how surely an impression shows a minutia.
    """
    x, y, angle, kind, firm = minutiae[0], minutiae[1], minutiae[2], minutiae[3], minutiae[4]
    for k in range(WAVES):
        turn = TWO_PI * uniform(state)
        number = TWO_PI / (90.0 + 310.0 * uniform(state))
        waves[k, 0] = number * math.cos(turn)
        waves[k, 1] = number * math.sin(turn)
        waves[k, 2] = TWO_PI * uniform(state)
    area = math.pi * p[HALF_WIDTH_PX] * p[HALF_HEIGHT_PX] / PX_A_MM**2
    wanted = int(area * p[MINUTIAE_PER_MM2] * math.exp(p[DENSITY_SPREAD] * density) / (1.0 + p[COMPANIONS]))
    wanted = min(MASTER_MOST // 2, max(10, wanted))
    n = 0
    count = int(field[SINGULAR])
    scatter = math.radians(p[FLOW_DEG])
    for _ in range(12 * wanted):
        if n == wanted:
            break
        u = 2.0 * uniform(state) - 1.0
        v = 2.0 * uniform(state) - 1.0
        if u * u + v * v > 1.0:
            continue
        u *= p[HALF_WIDTH_PX]
        v *= p[HALF_HEIGHT_PX]
        weight = 1.0
        for k in range(count):
            du = u - field[CORES + 2 * k]
            dv = v - field[CORES + 2 * k + 1]
            weight += p[CORE_DENSITY] / count * math.exp(-(du * du + dv * dv) / 7200.0)
        if uniform(state) * (1.0 + p[CORE_DENSITY]) > weight:
            continue
        gap = math.sqrt(nearest2(u, v, x, y, n))
        if gap < p[LEAST_PX] + (p[APART_PX] - p[LEAST_PX]) * uniform(state):
            continue
        turn, surely = normals(state)
        x[n], y[n] = u, v
        angle[n] = heading(state, field, waves, p, u, v, scatter * turn)
        kind[n] = 2.0 if uniform(state) < p[BIFURCATION_SHARE] else 1.0
        firm[n] = surely
        n += 1
    base = n
    for k in range(base):
        if n == MASTER_MOST or uniform(state) >= p[COMPANIONS]:
            continue
        turn = TWO_PI * uniform(state)
        away = p[LEAST_PX] + p[COMPANION_PX] * uniform(state)
        x[n], y[n] = x[k] + away * math.cos(turn), y[k] + away * math.sin(turn)
        first, surely = normals(state)
        angle[n] = angle[k] + scatter * first + (math.pi if uniform(state) < 0.3 else 0.0)
        kind[n] = kind[k] if uniform(state) < 0.4 else 3.0 - kind[k]
        firm[n] = surely - 0.7
        n += 1
    return n


@numba.njit(nogil=True, cache=True)
def local(bumps: NDArray[np.float64], x: float, y: float) -> float:
    """How much better than the whole impression it is at a place."""
    value = 0.0
    for k in range(BUMPS):
        dx = x - bumps[k, 0]
        dy = y - bumps[k, 1]
        value += bumps[k, 2] * math.exp(-(dx * dx + dy * dy) / (2.0 * BUMP_PX * BUMP_PX))
    return value


@numba.njit(nogil=True, cache=True)
def reported(p: NDArray[np.float64], quality: float, noise: float) -> float:
    """The quality that an extractor gives a minutia: by rank, so that all have the extractor's own distribution."""
    share = p[QUALITY_SEEN]
    at = 0.5 * math.erfc(-(share * quality + math.sqrt(1.0 - share * share) * noise) / math.sqrt(2.0))
    if at <= _KNOT_AT[0]:
        return p[QUALITY_KNOTS]
    for k in range(6):
        if at <= _KNOT_AT[k + 1]:
            low, high = p[QUALITY_KNOTS + k], p[QUALITY_KNOTS + k + 1]
            return low + (high - low) * (at - _KNOT_AT[k]) / (_KNOT_AT[k + 1] - _KNOT_AT[k])
    return p[QUALITY_KNOTS + 6]


@numba.njit(nogil=True, cache=True)
def draw_impression(
    state: NDArray[np.uint64],
    quality: float,
    p: NDArray[np.float64],
    field: NDArray[np.float64],
    waves: NDArray[np.float64],
    minutiae: NDArray[np.float64],
    n: int,
    shown: NDArray[np.float64],
) -> int:
    """What an impression of that quality (a standard normal number) shows, into `shown` float64[5, MASTER_MOST]: rows
    column, row, angle in binary units, kind, reported quality, sorted from top to bottom; returns how many."""
    a, b = normals(state)
    c, d = normals(state)
    center_x, center_y = p[SHIFT_PX] * a, p[SHIFT_PX] * b
    half_x = p[CONTACT_HALF_WIDTH_PX] * min(1.4, max(0.5, 1.0 + p[CONTACT_SPREAD] * c))
    half_y = p[CONTACT_HALF_HEIGHT_PX] * min(1.4, max(0.5, 1.0 + p[CONTACT_SPREAD] * d))
    bumps = np.empty((BUMPS, 3))
    pulls = np.empty((4, 4))
    for k in range(BUMPS):
        bumps[k, 0] = center_x + half_x * (2.0 * uniform(state) - 1.0)
        bumps[k, 1] = center_y + half_y * (2.0 * uniform(state) - 1.0)
        bumps[k, 2] = p[LOCAL_SPREAD] * normals(state)[0]
    for k in range(4):
        pulls[k, 0] = p[HALF_WIDTH_PX] * (2.0 * uniform(state) - 1.0)
        pulls[k, 1] = p[HALF_HEIGHT_PX] * (2.0 * uniform(state) - 1.0)
        e, f = normals(state)
        pulls[k, 2], pulls[k, 3] = p[DISTORTION_PX] * e, p[DISTORTION_PX] * f
    e, f = normals(state)
    turn = math.radians(p[ROTATION_DEG]) * e
    # Where ridges run together, as on a wet finger, endings are taken for bifurcations, and the other way on a dry one.
    wet = math.exp(p[KIND_SPREAD] * f)
    dry = 1.0 / wet
    cos, sin = math.cos(turn), math.sin(turn)
    # The finger lies where it was put, so that what it shows is near the middle of the image whichever part that is.
    e, f = normals(state)
    move_x = p[IMAGE_WIDTH_PX] / 2 - 0.7 * (cos * center_x - sin * center_y) + 0.4 * p[SHIFT_PX] * e
    move_y = p[IMAGE_HEIGHT_PX] / 2 + 0.7 * (sin * center_x + cos * center_y) + 0.4 * p[SHIFT_PX] * f
    area = math.pi * half_x * half_y / PX_A_MM**2
    # As many as are invented everywhere, thinned below where the impression is better.
    most = p[INVENTED_PER_MM2] * math.exp(-p[INVENTED_WORSE] * quality)
    tries = int(4.0 * most * area + uniform(state))
    count = 0
    pair_left = False
    last_x = last_y = last_angle = 0.0
    last_kind = 1.0
    reach2 = 2.0 * p[DISTORTION_REACH_PX] * p[DISTORTION_REACH_PX]
    for k in range(n + tries):
        if count == SHOWN_MOST:
            break
        if k < n:
            x, y = minutiae[0, k], minutiae[1, k]
            u, v = (x - center_x) / half_x, (y - center_y) / half_y
            if u * u + v * v > 1.0:
                continue
            here = quality + local(bumps, x, y)
            surely = p[SEEN] + p[SEEN_SPREAD] * minutiae[4, k] + p[SEEN_WORSE] * here
            if uniform(state) * (1.0 + math.exp(-surely)) > 1.0:
                continue
            angle, kind = minutiae[2, k], minutiae[3, k]
            if uniform(state) < p[KIND_ERROR] * (wet if kind == 1.0 else dry):
                kind = 3.0 - kind
            if uniform(state) < p[TURNED]:
                angle += math.pi
        else:
            if pair_left:
                # The other end of a break, or of a bridge between two ridges.
                pair_left = False
                away = 5.0 + 9.0 * uniform(state)
                way = last_angle if uniform(state) < 0.5 else TWO_PI * uniform(state)
                x, y = last_x + away * math.cos(way), last_y + away * math.sin(way)
                angle = last_angle + (math.pi if uniform(state) < 0.4 else 0.0)
                kind = last_kind if uniform(state) < 0.4 else 3.0 - last_kind
            else:
                u = 2.0 * uniform(state) - 1.0
                v = 2.0 * uniform(state) - 1.0
                x, y = center_x + half_x * u, center_y + half_y * v
                here = local(bumps, x, y)
                if u * u + v * v > 1.0 or uniform(state) * 4.0 * (math.pi / 4) > math.exp(-p[INVENTED_WORSE] * here):
                    continue
                scatter = math.radians(p[INVENTED_DEG]) * normals(state)[0]
                angle = heading(state, field, waves, p, x, y, scatter)
                if uniform(state) < p[STRAY]:
                    angle = TWO_PI * uniform(state)
                kind = (
                    2.0
                    if uniform(state) * (wet * p[BIFURCATION_SHARE] + 1.0 - p[BIFURCATION_SHARE])
                    < wet * p[BIFURCATION_SHARE]
                    else 1.0
                )
                pair_left = uniform(state) < p[BROKEN]
                last_x, last_y, last_angle, last_kind = x, y, angle, kind
            here = quality + local(bumps, x, y) - 0.8
        # Skin bends: a sum of Gaussian bumps of displacement, and the turn that it gives to the direction.
        along_x, along_y = math.cos(angle), math.sin(angle)
        turned_x, turned_y, bent_x, bent_y = along_x, along_y, x, y
        for j in range(4):
            dx, dy = x - pulls[j, 0], y - pulls[j, 1]
            bump = math.exp(-(dx * dx + dy * dy) / reach2)
            slope = -2.0 * (along_x * dx + along_y * dy) / reach2 * bump
            bent_x += pulls[j, 2] * bump
            bent_y += pulls[j, 3] * bump
            turned_x += pulls[j, 2] * slope
            turned_y += pulls[j, 3] * slope
        worse = math.exp(-p[JITTER_WORSE] * here)
        e, f = normals(state)
        g, noise = normals(state)
        bent_x += p[JITTER_PX] * worse * e
        bent_y += p[JITTER_PX] * worse * f
        column = math.floor(cos * bent_x - sin * bent_y + move_x + 0.5)
        row = math.floor(move_y - sin * bent_x - cos * bent_y + 0.5)
        if not (0 <= column < p[IMAGE_WIDTH_PX] and 0 <= row < p[IMAGE_HEIGHT_PX]):
            continue
        if nearest2(column, row, shown[0], shown[1], count) < 12.0:
            continue
        angle = math.atan2(turned_y, turned_x) + turn + math.radians(p[JITTER_DEG]) * worse * g
        shown[0, count], shown[1, count] = column, row
        shown[2, count] = math.floor(angle * (65536 / TWO_PI) + 0.5) % 65536
        shown[3, count] = kind
        shown[4, count] = math.floor(reported(p, here, noise) + 0.5)
        count += 1
    sort_from_top(shown, count)
    return count


@numba.njit(nogil=True, cache=True)
def sort_from_top(shown: NDArray[np.float64], n: int) -> None:
    """Sorts the first n columns by row, of equals by column: no two share both."""
    key = np.empty(n)
    for k in range(n):
        key[k] = shown[1, k] * 4096.0 + shown[0, k]
    order = np.argsort(key)
    before = shown[:, :n].copy()
    for k in range(n):
        for j in range(5):
            shown[j, k] = before[j, order[k]]


@numba.njit(nogil=True, cache=True)
def draw_pattern(state: NDArray[np.uint64], shares: NDArray[np.float64]) -> int:
    """A pattern class, `shares` float64[5] of which sum to 1."""
    at = uniform(state)
    for pattern in range(4):
        at -= shares[pattern]
        if at < 0.0:
            return pattern
    return 4


@numba.njit(nogil=True, cache=True)
def draw_person(stream: np.uint64) -> tuple[float, float]:
    """What the fingers of a person have in common, of density and of quality: standard normal numbers."""
    state = np.empty(1, np.uint64)
    state[0] = stream
    return normals(state)


@numba.njit(nogil=True, cache=True)
def draw_finger(
    state: NDArray[np.uint64],
    person: tuple[float, float],
    shares: NDArray[np.float64],
    p: NDArray[np.float64],
    field: NDArray[np.float64],
    waves: NDArray[np.float64],
    minutiae: NDArray[np.float64],
) -> tuple[int, float]:
    """A finger: its field, waves and minutiae, and how many; the share of its quality that stays, a normal number."""
    density, quality = normals(state)
    draw_field(state, draw_pattern(state, shares), field)
    common = p[DENSITY_SHARE]
    density = math.sqrt(common) * person[0] + math.sqrt(1.0 - common) * density
    stays = math.sqrt(p[PERSON_SHARE]) * person[1] + math.sqrt(p[FINGER_SHARE]) * quality
    return draw_master(state, density, p, field, waves, minutiae), stays


@numba.njit(nogil=True, cache=True)
def draw_quality(state: NDArray[np.uint64], stays: float, p: NDArray[np.float64]) -> float:
    """The quality of one impression: a normal number of variance 1 among all."""
    return p[QUALITY] + stays + math.sqrt(max(0.0, 1.0 - p[PERSON_SHARE] - p[FINGER_SHARE])) * normals(state)[0]


@numba.njit(nogil=True, cache=True)
def draw_fingers(
    streams: NDArray[np.uint64],
    positions: NDArray[np.int64],
    shares: NDArray[np.float64],
    p: NDArray[np.float64],
    places: NDArray[np.uint16],
    marks: NDArray[np.uint8],
    counts: NDArray[np.int64],
    qualities: NDArray[np.float64],
) -> None:
    """One impression of each of n fingers.

    `streams` uint64[n, 3] of person, finger and impression; `positions` int64[n], 1 to 10; `shares` float64[11, 5] of
    the patterns by position. Into `places` uint16[3, m] x, y and angle, `marks` uint8[2, m] kind and quality, one
    finger after the other, m at least SHOWN_MOST n; `counts` int64[n] and `qualities` float64[n].
    """
    state = np.empty(1, np.uint64)
    field = np.empty(FIELD)
    waves = np.empty((WAVES, 3))
    minutiae = np.empty((5, MASTER_MOST))
    shown = np.empty((5, MASTER_MOST))
    start = 0
    for i in range(len(positions)):
        person = draw_person(streams[i, 0])
        state[0] = streams[i, 1]
        n, stays = draw_finger(state, person, shares[positions[i]], p, field, waves, minutiae)
        state[0] = streams[i, 2]
        quality = draw_quality(state, stays, p)
        count = draw_impression(state, quality, p, field, waves, minutiae, n, shown)
        for k in range(count):
            for row in range(3):
                places[row, start + k] = np.uint16(shown[row, k])
            marks[0, start + k] = np.uint8(shown[3, k])
            marks[1, start + k] = np.uint8(shown[4, k])
        counts[i] = count
        qualities[i] = quality
        start += count
