"""Slow truth of the matcher: NumPy in double precision, one stage after the other, no bound on anything.

Written from docs/explanation/matching.md. The kernels round to float32 at each step, so that figures agree to a
thousandth and not to the bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cccd_core.matching.parameters import MatcherParameters
from cccd_core.matching.prepared import PreparedTemplate
from cccd_core.matching.tables import Tables
from cccd_core.templates import FingerTemplate

Floats = NDArray[np.float64]


def cylinders(template: FingerTemplate, parameters: MatcherParameters) -> list[int]:
    """The code, 312 bits, of each of the minutiae nearest to the centre, these by y."""
    p = parameters
    scale = 500 / 2.54
    x = template.x_px * (scale / template.resolution_x_ppcm)
    y = template.y_px * (-scale / template.resolution_y_ppcm)
    x, y = np.floor(x - x.mean() + 0.5), np.floor(y - y.mean() + 0.5)
    angle = ((template.angle.astype(int) + 128) // 256 % 256) * (2 * math.pi / 256)
    order = np.argsort(x**2 + y**2, kind="stable")[: p.cylinders_max]
    order = order[np.lexsort((template.angle[order], x[order], y[order]))]
    cell = p.cylinder_radius_px / 4
    codes = []
    for i in order:
        others = np.arange(len(x)) != i
        code, bit = 0, 1
        for section in range(6):
            for place in range(64):
                u, v = (place % 8 - 3.5) * cell, (place // 8 - 3.5) * cell
                if math.hypot(u, v) > p.cylinder_radius_px:
                    continue
                px = x[i] + math.cos(angle[i]) * u - math.sin(angle[i]) * v
                py = y[i] + math.sin(angle[i]) * u + math.cos(angle[i]) * v
                d2 = (x - px) ** 2 + (y - py) ** 2
                near = others & (d2 <= (3 * p.spatial_sigma_px) ** 2)
                spatial = np.exp(-d2 / (2 * p.spatial_sigma_px**2)) / (p.spatial_sigma_px * math.sqrt(2 * math.pi))
                centre = (section + 0.5) * math.pi / 3 - math.pi
                off = np.angle(np.exp(1j * (angle - angle[i] - centre)))
                norm = p.angular_sigma_rad * math.sqrt(2)
                share = [(math.erf((o + math.pi / 6) / norm) - math.erf((o - math.pi / 6) / norm)) / 2 for o in off]
                if float((spatial * share)[near].sum()) > p.bit_threshold:
                    code |= bit
                bit <<= 1
        codes.append(code)
    return codes


def codes_of(finger: PreparedTemplate) -> list[int]:
    """The codes that a prepared finger holds."""
    n, c = int(finger.words[0]) & 255, int(finger.words[0]) >> 8 & 255
    rows = finger.words[1 + n :].reshape(-1, c)
    return [sum(int(word) << (64 * k) for k, word in enumerate(rows[:, i])) for i in range(c)]


@dataclass
class Side:
    """A prepared finger, unpacked."""

    x: Floats
    y: Floats
    step: NDArray[np.int64]
    quality: Floats
    worth: Floats
    effective: int
    hull: list[int]
    codes: list[int]

    def __init__(self, finger: PreparedTemplate) -> None:
        head = int(finger.words[0])
        n, corners = head & 255, head >> 16 & 255
        minutiae = [int(word) for word in finger.words[1 : 1 + n]]
        self.x = np.array([(m & 0xFFFF) - 32768 for m in minutiae], float)
        self.y = np.array([(m >> 16 & 0xFFFF) - 32768 for m in minutiae], float)
        self.step = np.array([m >> 32 & 255 for m in minutiae])
        self.quality = np.array([(m >> 48 & 255) / 100 or 0.6 for m in minutiae])
        at = self.x + 1j * self.y
        crowd = (np.abs(at[:, None] - at) < 30.0).sum(axis=1)
        self.worth = np.sqrt(self.quality / self.quality.mean()) / crowd
        self.effective = math.floor(2 * float((1 / crowd).sum()) + 0.5)
        places = {m >> 56: i for i, m in enumerate(minutiae)}
        self.hull = [places[k + 1] for k in range(corners)]
        self.codes = codes_of(finger)

    @property
    def rad(self) -> Floats:
        return self.step * (2 * math.pi / 256)

    def inside(self, x: Floats, y: Floats, margin: float) -> NDArray[np.bool_]:
        """Which points lie in the convex hull, widened."""
        found = np.ones(len(x), bool)
        for p, q in zip(self.hull, self.hull[1:] + self.hull[:1], strict=True):
            dx, dy = self.x[q] - self.x[p], self.y[q] - self.y[p]
            distance = (dx * (y - self.y[p]) - dy * (x - self.x[p])) / math.hypot(dx, dy)
            found &= distance >= -margin
        return found


def similarities(a: Side, b: Side, offset: float) -> NDArray[np.int64]:
    """Common bits over the geometric mean of both counts, in whole steps of 1/1024."""
    return np.array(
        [
            [
                int(
                    1024
                    * (one & other).bit_count()
                    / math.sqrt((one.bit_count() + offset) * (other.bit_count() + offset))
                )
                for other in b.codes
            ]
            for one in a.codes
        ]
    )


def candidates(s: NDArray[np.int64], wanted: int) -> tuple[list[tuple[int, int]], int]:
    """Best partners of either side, the most similar where there are too many, and how many choose each other."""
    forth = [(i, int(s[i].argmax())) for i in range(len(s)) if s[i].max() > 0]
    back = [(int(s[:, j].argmax()), j) for j in range(s.shape[1]) if s[:, j].max() > 0]
    pairs = forth + [pair for pair in back if pair not in forth]
    chosen = sorted(range(len(pairs)), key=lambda k: -int(s[pairs[k]]))[:wanted]
    return [pairs[k] for k in sorted(chosen)], len(set(forth) & set(back))


def rank(finger: PreparedTemplate) -> tuple[int, int, list[int]]:
    """What decides which of two fingers is A: more cylinders, more minutiae, then the words."""
    head = int(finger.words[0])
    return -(head >> 8 & 255), -(head & 255), finger.words[1:].tolist()


def compatibility(
    a: Side, b: Side, pairs: list[tuple[int, int]], length: tuple[float, float], side: tuple[float, float], gate: float
) -> Floats:
    """How well each two pairs agree; squared tolerances (at no distance, by squared distance)."""
    found = np.zeros((len(pairs), len(pairs)))
    for k, (i, j) in enumerate(pairs):
        for h, (u, v) in enumerate(pairs):
            if i == u or j == v:
                continue
            along = complex(a.x[u] - a.x[i], a.y[u] - a.y[i])
            beyond = complex(b.x[v] - b.x[j], b.y[v] - b.y[j])
            turn_k = np.exp(1j * (b.rad[j] - a.rad[i]))
            turn_h = np.exp(1j * (b.rad[v] - a.rad[u]))
            product = ((turn_k + turn_h) * along).conjugate() * beyond
            if product.real <= 0:
                continue
            reach = (abs(along) ** 2 + abs(beyond) ** 2) / 2
            radial = abs(along) ** 2 - abs(beyond) ** 2
            off = radial**2 / (4 * reach * (length[0] + length[1] * reach)) + product.imag**2 / (
                4 * reach * (side[0] + side[1] * reach)
            )
            turn = (1 - (turn_k * turn_h.conjugate()).real) * gate
            found[k, h] = max(0.0, 1 - off - turn) ** 2
    return found


def fit(a: NDArray[np.complex128], b: NDArray[np.complex128], weight: Floats) -> tuple[complex, complex]:
    """Rotation and shift of A's points onto B's with least squares."""
    total = weight.sum() + 1e-9
    ma, mb = (weight * a).sum() / total, (weight * b).sum() / total
    product = (weight * (a - ma).conj() * (b - mb)).sum()
    turn = product / abs(product) if abs(product) > 0 else 1.0
    return complex(turn), complex(mb - turn * ma)


@dataclass
class Pairing:
    """Paired minutiae with squared distance, 1 - cos(turn), similarity."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    d2: Floats
    turn: Floats
    s: Floats

    def agreement(self, tolerance: float) -> float:
        return float(((0.3 + self.s) * (1 - self.d2 / (2 * tolerance**2))).sum())


def pair_up(
    a: Side, b: Side, s: NDArray[np.int64], placed: NDArray[np.complex128], turn: complex, cost: float,
    tolerance: float, gate: float,
) -> Pairing:  # fmt: skip
    """Minutiae that choose each other as the cheapest partner."""
    at = b.x + 1j * b.y
    d2 = np.abs(placed[:, None] - at[None]) ** 2
    off = 1 - (np.exp(1j * a.rad)[:, None] * turn * np.exp(-1j * b.rad)[None]).real
    alike = np.zeros(d2.shape)
    alike[: s.shape[0], : s.shape[1]] = s / 1024
    price = d2 / tolerance**2 + off * gate + cost * (1 - alike)
    price = np.floor(np.minimum(price, 8.0) * 4096)
    price[(d2 / tolerance**2 >= 1) | (off * gate >= 1)] = np.inf
    chosen = [
        (i, int(price[i].argmin()))
        for i in range(len(price))
        if np.isfinite(price[i].min()) and int(price[:, price[i].argmin()].argmin()) == i
    ]
    i = np.array([pair[0] for pair in chosen], int)
    j = np.array([pair[1] for pair in chosen], int)
    return Pairing(i, j, d2[i, j], off[i, j], alike[i, j])


def features(probe: PreparedTemplate, candidate: PreparedTemplate, p: MatcherParameters, t: Tables) -> Floats:
    """The figures of weights.FEATURES."""
    a, b = (Side(finger) for finger in sorted((probe, candidate), key=rank))
    settings = dict(zip(p.settings(), t.settings.tolist(), strict=True))
    s = similarities(a, b, p.similarity_offset_bits)
    pairs, mutual = candidates(s, p.candidates)
    value = np.array([s[pair] / 1024 for pair in pairs])
    agree = compatibility(
        a, b, pairs, (p.length_tolerance_px**2, p.length_tolerance_share**2),
        (p.side_tolerance_px**2, p.side_tolerance_share**2), settings["rotation_gate"],
    )  # fmt: skip
    v = value.copy()
    for turn_number in range(p.relaxation_rounds):
        u = value * (agree @ v)
        if turn_number == 0:
            support = u.copy()
        eigenvalue = np.linalg.norm(u) / (np.linalg.norm(v) + 1e-9)
        v = u / (np.linalg.norm(u) + 1e-9)
    total, most = support.sum(), support.max()
    low = min(len(a.x), len(b.x))
    size = 1 / math.sqrt(min(a.effective, b.effective) / 2 + 8)

    at_a, at_b = a.x + 1j * a.y, b.x + 1j * b.y
    left, right = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    turns = np.exp(1j * (b.rad[right] - a.rad[left]))
    free = np.ones(len(pairs), bool)
    placings: list[tuple[complex, complex]] = []
    supports: list[float] = []
    for number in range(p.hypotheses):
        order = np.where(free, v if number == 0 else support, 0.0)
        if order.max() <= 0 and number > 0:
            break
        seed = int(order.argmax())
        weight = agree[seed].copy()
        weight[seed] = 1.0
        group = np.flatnonzero(free & (weight > 0.02))
        free[group] = False
        for h in group:
            support -= agree[h] * value[h] * value
        if len(group) < 2:
            placing = (complex(turns[seed]), complex(at_b[right[seed]] - turns[seed] * at_a[left[seed]]))
        else:
            placing = fit(at_a[left[group]], at_b[right[group]], weight[group] * value[group])
        off = np.abs(placing[0] * at_a[left] + placing[1] - at_b[right]) ** 2 / p.pairing_tolerance_px**2
        twist = (1 - (placing[0] * turns.conj()).real) * settings["pairing_gate"]
        placings.append(placing)
        supports.append(float(((0.3 + value) * (1 - off / 2))[(off < 1) & (twist < 1)].sum()))

    def paired(placed: NDArray[np.complex128], turn: complex, tolerance: float, gate: float) -> Pairing:
        return pair_up(a, b, s, placed, turn, p.dissimilarity_cost, tolerance, gate)

    def under(placing: tuple[complex, complex]) -> Pairing:
        return paired(placing[0] * at_a + placing[1], placing[0], p.pairing_tolerance_px, settings["pairing_gate"])

    best = int(np.argmax(supports))
    first = under(placings[best])
    agreements = [under(placing).agreement(p.pairing_tolerance_px) for placing in placings]
    chosen = best if agreements[best] >= max(agreements) else int(np.argmax(agreements))
    f = [
        float(value.sum()) / p.candidates, math.sqrt(float((value**2).sum()) / p.candidates),
        mutual * size, float(eigenvalue), math.sqrt(total), math.sqrt(most), low, math.log(low),
        math.log(max(a.effective, b.effective)), supports[0], supports[best], agreements[best],
        agreements[best] * size, len(first.i),
    ]  # fmt: skip

    (turn, shift), now = placings[chosen], under(placings[chosen])
    for _ in range(2):
        if len(now.i) >= 2:
            weight = (0.2 + now.s) * (1.05 - now.d2 / p.pairing_tolerance_px**2)
            turn, shift = fit(at_a[now.i], at_b[now.j], weight)
        rigid = turn * at_a + shift
        now = paired(rigid, turn, p.pairing_tolerance_px, settings["pairing_gate"])
    for tolerance in ((p.pairing_tolerance_px + p.final_tolerance_px) / 2, p.final_tolerance_px):
        off = at_b[now.j] - rigid[now.i]
        near = 1 / (1 + np.abs(rigid[:, None] - rigid[now.i][None]) ** 2 / p.elastic_reach_px**2)
        near = near**2 * (0.2 + now.s)[None]
        near[now.i, np.arange(len(now.i))] = 0.0
        placed = rigid + (near * off[None]).sum(axis=1) / (p.elastic_stiffness + near.sum(axis=1))
        now = paired(placed, turn, tolerance, settings["final_gate"])
    return np.array([*f, *final(a, b, p, settings["check_rotation_gate"], turn, shift, placed, now), max(agreements),
                     max(agreements) * size])  # fmt: skip


def final(
    a: Side, b: Side, p: MatcherParameters, gate: float, turn: complex, shift: complex,
    placed: NDArray[np.complex128], now: Pairing,
) -> list[float]:  # fmt: skip
    """The figures of the aligned pair."""
    back = ((b.x + 1j * b.y) - shift) * turn.conjugate()
    in_a = b.inside(placed.real, placed.imag, p.overlap_margin_px)
    in_b = a.inside(back.real, back.imag, p.overlap_margin_px)
    in_a[now.i] = True
    in_b[now.j] = True
    n, both = len(now.i), int(in_a.sum() + in_b.sum())
    close = 1 - now.d2 / p.final_tolerance_px**2
    x, y = a.x[now.i], a.y[now.i]
    agree = compatibility(
        a, b, list(zip(now.i.tolist(), now.j.tolist(), strict=True)),
        (p.check_length_tolerance_px**2, p.check_length_tolerance_share**2),
        (p.check_side_tolerance_px**2, p.check_side_tolerance_share**2), gate,
    )  # fmt: skip
    near = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2 < p.check_reach_px**2
    np.fill_diagonal(near, False)
    consistent, neighbours = float(agree[near].sum()) / 2, int(near.sum()) / 2
    quality = a.quality[in_a].sum() + b.quality[in_b].sum()
    worth = a.worth[in_a].sum() + b.worth[in_b].sum()
    each = a.worth[now.i] + b.worth[now.j]
    per, root, worth_root = 1 / max(n, 1), 1 / math.sqrt(both + 10), 0.5 / math.sqrt(worth + 6)
    spread = float(((x - x.mean()) ** 2 + (y - y.mean()) ** 2).sum()) if n else 0.0
    return [
        n, each.sum() / (worth + 4), (each * close).sum() * worth_root, (close * now.s).sum() * root, now.s.sum() * per,
        np.sqrt(now.d2).sum() * per, now.turn.sum() * per,
        (a.quality[now.i].sum() + b.quality[now.j].sum()) / (quality + 3),
        math.sqrt(consistent) * n / (math.sqrt(int(in_a.sum()) * int(in_b.sum())) + 2), math.sqrt(consistent),
        consistent / (neighbours + 3), math.sqrt(both), math.sqrt(spread * per),
        (each * close * now.s).sum() * worth_root, worth - each.sum(),
    ]  # fmt: skip
