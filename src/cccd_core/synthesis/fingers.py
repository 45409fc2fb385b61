"""Synthetic fingers and impressions of them.

A master finger is everything an impression can show: a ridge orientation field of one of the five pattern classes and
minutiae on it. An impression shows what lies in its contact area, moved, turned, bent as skin bends, with minutiae
lost, invented and misplaced, the more the worse it is. The parameters are set so that counts, distances and the scores
of genuine and impostor pairs come out as on real prints; docs/explanation/synthesis.md has the comparison.

All lengths are pixels at 500 dpi. Every random number comes from a stream of its own for each seed, person, finger and
impression, so that nothing depends on what was made before, in which order, or by how many.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from cccd_core.errors import ParameterError
from cccd_core.synthesis.orientation import PATTERN_SHARES, OrientationField, Pattern
from cccd_core.templates import FULL_TURN, KIND_BIFURCATION, KIND_ENDING, FingerTemplate, Tenprint

Float64 = NDArray[np.float64]

_PATCH_PX = 32.0  # radius of a spot where minutiae are lost together
_MASTER_STREAM, _IMPRESSION_STREAM, _PERSON_STREAM = 0, 1, 2  # last word of the seeds


@dataclass(frozen=True, slots=True)
class FingerParameters:
    """What synthetic fingers and their impressions look like; lengths in pixels at 500 dpi, angles in degrees.

    The finger: `half_width_px`, `half_height_px` of the elliptic fingertip, `minutiae_per_mm2` and its spread between
    fingers, `spacing_px` the least distance of two minutiae, `core_density` how much denser they lie at the cores,
    `bifurcation_share`.

    An impression: the sensor's `image_width_px` and `image_height_px`; standard deviations of shift, rotation and of
    the contact area's size; `distortion_px` of the skin over `distortion_reach_px`; `jitter_px` and `jitter_deg` of a
    minutia; shares lost and invented at quality 1 and how much more at quality 0; `kind_error` the share of minutiae
    whose type is taken for the other. Quality is beta distributed around a mean of the person's own.
    """

    half_width_px: float = 165.0
    half_height_px: float = 225.0
    minutiae_per_mm2: float = 0.27
    density_spread: float = 0.28
    spacing_px: float = 5.0
    core_density: float = 1.0
    bifurcation_share: float = 0.43
    image_width_px: int = 320
    image_height_px: int = 420
    shift_px: float = 18.0
    rotation_deg: float = 9.0
    contact_half_width_px: float = 135.0
    contact_half_height_px: float = 180.0
    contact_spread: float = 0.10
    distortion_px: float = 2.3
    distortion_reach_px: float = 110.0
    jitter_px: float = 0.9
    jitter_deg: float = 3.4
    lost: float = 0.05
    lost_more: float = 0.35
    invented: float = 0.04
    invented_more: float = 0.35
    kind_error: float = 0.12
    quality_mean: float = 0.72
    quality_spread: float = 0.20

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not math.isfinite(value) or value < 0:
                raise ParameterError("a finger parameter must be a number that is not negative", name=item.name)
        if not 64 <= self.image_width_px <= 2000 or not 64 <= self.image_height_px <= 2000:
            raise ParameterError("the image must measure 64 to 2000 pixels each way")
        if self.half_width_px * self.half_height_px * self.minutiae_per_mm2 > 250_000 or self.spacing_px < 1:
            raise ParameterError("a finger of so many minutiae cannot be made")

    @property
    def digest(self) -> str:
        """sha256 of the values, for manifests."""
        return "sha256:" + hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class MasterFinger:
    """A finger as it is on the hand. Origin at the middle of the fingertip, x right, y up.

    `x_px`, `y_px` float64[n]; `angle_rad` float64[n], counter-clockwise from x, along the ridge; `kind` uint8[n].
    """

    seed: int
    person: int
    position: int
    parameters: FingerParameters
    field: OrientationField
    x_px: Float64
    y_px: Float64
    angle_rad: Float64
    kind: NDArray[np.uint8]

    @classmethod
    def make(cls, seed: int, person: int, position: int, parameters: FingerParameters | None = None) -> MasterFinger:
        """The finger of that seed, person and ISO position; always the same. About 2 ms."""
        if seed < 0 or person < 0 or not 1 <= position <= 10:
            raise ParameterError("seed and person must not be negative, a position is 1 to 10", position=position)
        p = FingerParameters() if parameters is None else parameters
        random = np.random.default_rng((seed, person, position, 0, _MASTER_STREAM))
        field = OrientationField.draw(random, _pattern(random, position))
        x, y = _scatter(random, field, p)
        # A ridge may end, or split, in either of its two directions.
        angle = field(x, y) + np.pi * random.integers(0, 2, len(x))
        kind = np.where(random.random(len(x)) < p.bifurcation_share, KIND_BIFURCATION, KIND_ENDING).astype(np.uint8)
        return cls(seed, person, position, p, field, x, y, np.mod(angle, 2 * np.pi), kind)

    @property
    def pattern(self) -> Pattern:
        """The pattern class."""
        return self.field.pattern

    def impression(self, number: int, *, quality: float | None = None) -> FingerTemplate:
        """Impression `number` of the finger, at 500 dpi; always the same. Under a millisecond.

        `quality` 0 (worst) to 1 (best) is drawn around the person's own mean unless given.
        """
        p = self.parameters
        if number < 0 or (quality is not None and not 0 <= quality <= 1):
            raise ParameterError("an impression has a number from 0 and a quality from 0 to 1", number=number)
        random = np.random.default_rng((self.seed, self.person, self.position, number, _IMPRESSION_STREAM))
        drawn = self._draw_quality(random)
        q = drawn if quality is None else quality
        seen = self._contact(random)
        lost = _patchy(random, self.x_px, self.y_px, p.lost + p.lost_more * (1.0 - q))
        keep = np.flatnonzero(seen & ~lost)
        x, y, angle = self.x_px[keep], self.y_px[keep], self.angle_rad[keep]
        kind = self.kind[keep].copy()
        other = random.random(len(keep)) < p.kind_error
        kind[other] = KIND_ENDING + KIND_BIFURCATION - kind[other]

        more = random.poisson((p.invented + p.invented_more * (1.0 - q)) * len(keep))
        new_x, new_y, new_angle, new_kind = self._invent(random, more, np.flatnonzero(seen))
        x, y = np.concatenate((x, new_x)), np.concatenate((y, new_y))
        angle, kind = np.concatenate((angle, new_angle)), np.concatenate((kind, new_kind))
        worse = 1.0 + (1.0 - q)
        minutia_quality = np.clip(100 * (q + random.normal(0.0, 0.12, len(x))), 1, 100)

        x, y, angle = _bend(random, x, y, angle, p)
        x = x + random.normal(0.0, p.jitter_px * worse, len(x))
        y = y + random.normal(0.0, p.jitter_px * worse, len(x))
        angle = angle + np.deg2rad(random.normal(0.0, p.jitter_deg * worse, len(x)))
        turn = math.radians(random.normal(0.0, p.rotation_deg))
        shift_x, shift_y = random.normal(0.0, p.shift_px, 2)
        image_x = math.cos(turn) * x - math.sin(turn) * y + shift_x + p.image_width_px / 2
        image_y = p.image_height_px / 2 - (math.sin(turn) * x + math.cos(turn) * y + shift_y)
        column, row = np.rint(image_x), np.rint(image_y)
        inside = (column >= 0) & (row >= 0) & (column < p.image_width_px) & (row < p.image_height_px)
        order = np.flatnonzero(inside)
        order = order[np.lexsort((column[order], row[order]))]  # top to bottom, as extractors find them
        binary = (
            np.rint(np.mod(angle[order] + turn, 2 * np.pi) * (FULL_TURN / (2 * np.pi))).astype(np.int64) % FULL_TURN
        )
        return FingerTemplate(
            column[order].astype(np.uint16),
            row[order].astype(np.uint16),
            binary.astype(np.uint16),
            kind[order].astype(np.uint8),
            minutia_quality[order].astype(np.uint8),
            width_px=p.image_width_px,
            height_px=p.image_height_px,
            position=self.position,
            capture_quality=max(1, round(100 * q)),
        )

    def _draw_quality(self, random: np.random.Generator) -> float:
        """The impression's quality: half of the variance belongs to the person, half to the moment."""
        p = self.parameters
        person = np.random.default_rng((self.seed, self.person, 0, 0, _PERSON_STREAM)).normal()
        value = p.quality_mean + p.quality_spread * math.sqrt(0.5) * (person + random.normal())
        return float(np.clip(value, 0.05, 1.0))

    def _contact(self, random: np.random.Generator) -> NDArray[np.bool_]:
        """Which minutiae lie where the finger touches: an ellipse around a place of its own."""
        p = self.parameters
        center_x, center_y = random.normal(0.0, p.shift_px, 2)
        size_x, size_y = np.clip(random.normal(1.0, p.contact_spread, 2), 0.6, 1.3)
        across = (self.x_px - center_x) / (p.contact_half_width_px * size_x)
        along = (self.y_px - center_y) / (p.contact_half_height_px * size_y)
        return np.asarray(across**2 + along**2 <= 1.0)

    def _invent(
        self, random: np.random.Generator, count: int, seen: NDArray[np.int64]
    ) -> tuple[Float64, Float64, Float64, NDArray[np.uint8]]:
        """Minutiae that are not on the finger: scars, creases and noise, near others and along the ridges."""
        if not len(seen):
            empty = np.zeros(0)
            return empty, empty, empty, np.zeros(0, np.uint8)
        at = random.choice(seen, count)
        x = self.x_px[at] + random.normal(0.0, 14.0, count)
        y = self.y_px[at] + random.normal(0.0, 14.0, count)
        angle = self.field(x, y) + np.pi * random.integers(0, 2, count)
        kind = np.where(random.random(count) < 0.35, KIND_BIFURCATION, KIND_ENDING).astype(np.uint8)
        return x, y, angle, kind


def tenprint(
    seed: int,
    person: int,
    *,
    impression: int = 0,
    positions: Sequence[int] = tuple(range(1, 11)),
    parameters: FingerParameters | None = None,
) -> Tenprint:
    """One impression of each of these fingers of a person, as a Tenprint."""
    return Tenprint(
        {place: MasterFinger.make(seed, person, place, parameters).impression(impression) for place in positions}
    )


def _pattern(random: np.random.Generator, position: int) -> Pattern:
    """A pattern class; nearly all loops open towards the little finger (ulnar), to the left on a left hand's print."""
    at = random.random() * sum(PATTERN_SHARES.values())
    last = len(PATTERN_SHARES) - 1
    pattern = tuple(PATTERN_SHARES)[min(last, int(np.searchsorted(np.cumsum(tuple(PATTERN_SHARES.values())), at)))]
    if pattern in ("left_loop", "right_loop"):
        ulnar: Pattern = "right_loop" if position <= 5 else "left_loop"
        radial: Pattern = "left_loop" if position <= 5 else "right_loop"
        return ulnar if random.random() < 0.94 else radial
    return pattern


def _scatter(random: np.random.Generator, field: OrientationField, p: FingerParameters) -> tuple[Float64, Float64]:
    """Places of minutiae: uniform in the fingertip but denser at the cores, none nearer than the spacing."""
    pixels_per_mm = 500 / 25.4
    area_mm2 = math.pi * p.half_width_px * p.half_height_px / pixels_per_mm**2
    wanted = max(12, round(area_mm2 * p.minutiae_per_mm2 * random.lognormal(0.0, p.density_spread)))
    tries = 8 * wanted
    radius, turn = np.sqrt(random.random(tries)), random.random(tries) * 2 * np.pi
    x, y = p.half_width_px * radius * np.cos(turn), p.half_height_px * radius * np.sin(turn)
    weight = np.ones(tries)
    for core in field.cores:
        distance2 = (x - core.real) ** 2 + (y - core.imag) ** 2
        weight = weight + p.core_density / len(field.cores) * np.exp(-distance2 / (2 * 60.0**2))
    accepted = np.flatnonzero(random.random(tries) * (1.0 + p.core_density) < weight)
    chosen_x, chosen_y, count = np.empty(wanted), np.empty(wanted), 0
    for index in accepted:
        if count == wanted:
            break
        near = (chosen_x[:count] - x[index]) ** 2 + (chosen_y[:count] - y[index]) ** 2 < p.spacing_px**2
        if not near.any():
            chosen_x[count], chosen_y[count] = x[index], y[index]
            count += 1
    return chosen_x[:count], chosen_y[:count]


def _patchy(random: np.random.Generator, x: Float64, y: Float64, share: float) -> NDArray[np.bool_]:
    """Which minutiae are lost: half of the share at random, half in patches (dry skin, wrinkles)."""
    lost = random.random(len(x)) < share / 2
    patch = np.zeros(len(x), bool)
    while np.count_nonzero(patch) < share / 2 * len(x):
        center = int(random.integers(len(x)))
        patch |= (x - x[center]) ** 2 + (y - y[center]) ** 2 < _PATCH_PX**2
    return lost | patch


def _bend(
    random: np.random.Generator, x: Float64, y: Float64, angle: Float64, p: FingerParameters
) -> tuple[Float64, Float64, Float64]:
    """Skin distortion: a smooth displacement, the sum of four Gaussian bumps, and the turn it gives to directions."""
    centers = random.uniform(-1.0, 1.0, (4, 2)) * (p.half_width_px, p.half_height_px)
    pulls = random.normal(0.0, p.distortion_px, (4, 2))
    dx, dy = np.zeros(len(x)), np.zeros(len(x))
    cos, sin = np.cos(angle), np.sin(angle)
    along_x, along_y = cos.copy(), sin.copy()
    reach2 = p.distortion_reach_px**2
    for (center_x, center_y), (pull_x, pull_y) in zip(centers, pulls, strict=True):
        offset_x, offset_y = x - center_x, y - center_y
        bump = np.exp(-(offset_x**2 + offset_y**2) / (2 * reach2))
        dx, dy = dx + pull_x * bump, dy + pull_y * bump
        slope = -(cos * offset_x + sin * offset_y) / reach2 * bump  # of the bump along the direction
        along_x, along_y = along_x + pull_x * slope, along_y + pull_y * slope
    return x + dx, y + dy, np.arctan2(along_y, along_x)
