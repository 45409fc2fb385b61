"""Synthetic fingers and impressions of them.

A master finger is everything an impression can show: a ridge orientation field of one of the five pattern classes and
minutiae on it, each more or less sure to be seen. An impression shows what lies in its contact area, moved, turned,
bent as skin bends, with minutiae lost, invented and misplaced, the more the worse it is, and worse in some spots than
in others. Some of the quality is the person's own, some the finger's, the rest the moment's. The settings are fitted to
real prints; docs/explanation/synthesis.md has the comparison.

Every random number comes from a stream of its own for each seed, person, finger and impression, so that nothing depends
on what was made before, in which order, by how many threads, or in what portions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cccd_core import runtime
from cccd_core.errors import ParameterError
from cccd_core.synthesis.kernels import fingers as kernel
from cccd_core.synthesis.orientation import PATTERNS, OrientationField, Pattern
from cccd_core.synthesis.parameters import FingerParameters, setting
from cccd_core.synthesis.streams import streams
from cccd_core.templates import FingerTemplate, Tenprint

Float64 = NDArray[np.float64]

ALL_FINGERS = tuple(range(1, 11))
_BLOCK = 64  # people whose minutiae are in memory beside their templates
_PERSON_STREAM, _FINGER_STREAM, _IMPRESSION_STREAM = 0, 1, 2

# Shares among all fingers (C. L. Wilson, G. T. Candela, C. I. Watson, Neural network fingerprint classification, 1994);
# both kinds of loops are one share here.
PATTERN_SHARES = {"loop": 0.655, "whorl": 0.279, "arch": 0.037, "tented_arch": 0.029}
# How the shares vary from thumb to little finger, about 1: whorls are frequent on ring finger and thumb, arches and
# loops that open towards the thumb (radial ones, of which these are the shares) on the index finger. The order is that
# of every published population; the figures are round ones.
_WHORLS = (1.3, 1.15, 0.65, 1.45, 0.45)
_ARCHES = (0.6, 2.2, 1.4, 0.4, 0.4)
_RADIAL = (0.02, 0.25, 0.04, 0.02, 0.01)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MasterFinger:
    """A finger as it is on the hand. Origin at the middle of the fingertip, x right, y up.

    `minutiae` float64[5, n], read-only: x and y in pixels at 500 dpi; direction in radians, counter-clockwise from x,
    along the ridge; kind; how surely an impression shows it, a standard normal number.
    """

    seed: int
    person: int
    position: int
    parameters: FingerParameters
    field: OrientationField
    minutiae: Float64
    _waves: Float64
    _stays: float

    @classmethod
    def make(cls, seed: int, person: int, position: int, parameters: FingerParameters | None = None) -> MasterFinger:
        """The finger of that seed, person and ISO position; always the same. About 0.1 ms."""
        _demand_positions((position,))
        p = setting() if parameters is None else parameters
        words = _streams(seed, person, position, 0)
        field, waves = np.empty(kernel.FIELD), np.empty((kernel.WAVES, 3))
        minutiae = np.empty((5, kernel.MASTER_MOST))
        common = kernel.draw_person(words[0, 0])
        n, stays = kernel.draw_finger(
            words[0, 1:2].copy(), common, pattern_shares()[position], p.numbers(), field, waves, minutiae
        )
        found = minutiae[:, :n].copy()
        for array in (field, waves, found):
            array.setflags(write=False)
        return cls(seed, person, position, p, OrientationField(field), found, waves, stays)

    @property
    def pattern(self) -> Pattern:
        """The pattern class."""
        return self.field.pattern

    def impression(self, number: int, *, quality: float | None = None) -> FingerTemplate:
        """Impression `number` of the finger, at 500 dpi; always the same. About 0.1 ms.

        `quality` as a template reports it of the capture, a hundredth of it: 0 (worst) to 1 (best). It is drawn around
        the finger's own unless given.
        """
        if quality is not None and not 0 <= quality <= 1:
            raise ParameterError("an impression has a quality from 0 to 1")
        p = self.parameters
        state = _streams(self.seed, self.person, self.position, number)[0, 2:3].copy()
        value = kernel.draw_quality(state, self._stays, p.numbers())
        if quality is not None:
            value = (100 * quality - p.capture_mean) / max(p.capture_spread, 1.0)
        shown = np.empty((5, kernel.MASTER_MOST))
        n = self.minutiae.shape[1]
        count = kernel.draw_impression(
            state, value, p.numbers(), self.field.numbers, self._waves, self.minutiae, n, shown
        )
        shown = shown[:, :count]
        return _template(shown[:3].astype(np.uint16), shown[3:].astype(np.uint8), value, self.position, p)


def tenprint(
    seed: int,
    person: int,
    *,
    impression: int = 0,
    positions: Sequence[int] = ALL_FINGERS,
    parameters: FingerParameters | None = None,
) -> Tenprint:
    """One impression of each of these fingers of a person, as a Tenprint."""
    return next(
        tenprints(seed, (person,), impressions=impression, positions=positions, parameters=parameters, threads=1)
    )


def tenprints(
    seed: int,
    people: ArrayLike,
    *,
    impressions: ArrayLike = 0,
    positions: Sequence[int] = ALL_FINGERS,
    parameters: FingerParameters | None = None,
    threads: int | None = None,
) -> Iterator[Tenprint]:
    """One Tenprint for each of these people, in order; `impressions` their numbers, or one for all.

    The same for any number of threads, and as `MasterFinger` makes them one by one. More than a thousand ten-finger
    people a second on one core; memory for some hundreds of people.
    """
    _demand_positions(positions)
    p = setting() if parameters is None else parameters
    who = np.atleast_1d(np.asarray(people, np.int64))
    which = np.broadcast_to(np.asarray(impressions, np.int64), who.shape)
    workers = runtime.threads() if threads is None else threads
    starts = range(0, len(who), _BLOCK)
    if workers == 1 or len(starts) < 2:
        for start in starts:
            yield from _block(seed, who[start : start + _BLOCK], which[start : start + _BLOCK], tuple(positions), p)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = []
        for start in starts:
            part = slice(start, start + _BLOCK)
            waiting.append(pool.submit(_block, seed, who[part], which[part], tuple(positions), p))
            if len(waiting) > 2 * workers:
                yield from waiting.pop(0).result()
        for left in waiting:
            yield from left.result()


@cache
def pattern_shares() -> Float64:
    """Shares of the five classes by ISO position, float64[11, 5], row 0 for none; nearly all loops open towards the
    little finger (ulnar ones), to the left on a left hand's print."""
    shares = np.zeros((11, len(PATTERNS)))
    for position in ALL_FINGERS:
        finger = (position - 1) % 5
        whorl = PATTERN_SHARES["whorl"] * _WHORLS[finger]
        arch, tented = (PATTERN_SHARES[name] * _ARCHES[finger] for name in ("arch", "tented_arch"))
        loop = 1.0 - whorl - arch - tented
        radial = loop * _RADIAL[finger]
        left, right = (radial, loop - radial) if position <= 5 else (loop - radial, radial)
        shares[position] = left, right, whorl, arch, tented
    shares.setflags(write=False)
    return shares


def _demand_positions(positions: Sequence[int]) -> None:
    for position in positions:
        if not 1 <= position <= 10:
            raise ParameterError("a finger has a position from 1 to 10", position=position)


def _streams(seed: int, person: ArrayLike, position: ArrayLike, impression: ArrayLike) -> NDArray[np.uint64]:
    """Words of person, finger and impression: uint64[n, 3]."""
    of_person = streams(seed, person, 0, 0, _PERSON_STREAM)
    of_finger = streams(seed, person, position, 0, _FINGER_STREAM)
    return np.column_stack(
        np.broadcast_arrays(of_person, of_finger, streams(seed, person, position, impression, _IMPRESSION_STREAM))
    )


def _block(
    seed: int,
    people: NDArray[np.int64],
    impressions: NDArray[np.int64],
    positions: tuple[int, ...],
    p: FingerParameters,
) -> list[Tenprint]:
    place = np.tile(np.array(positions, np.int64), len(people))
    each = len(positions)
    n = len(place)
    if not n:
        return [Tenprint({}) for _ in people]
    words = _streams(seed, np.repeat(people, each), place, np.repeat(impressions, each))
    places = np.empty((3, n * kernel.SHOWN_MOST), np.uint16)
    marks = np.empty((2, n * kernel.SHOWN_MOST), np.uint8)
    counts, qualities = np.empty(n, np.int64), np.empty(n)
    kernel.draw_fingers(words, place, pattern_shares(), p.numbers(), places, marks, counts, qualities)
    ends = np.cumsum(counts).tolist()
    values = qualities.tolist()
    templates = [
        _template(places[:, start:end], marks[:, start:end], value, position, p)
        for start, end, value, position in zip([0, *ends[:-1]], ends, values, positions * len(people), strict=True)
    ]
    return [Tenprint(dict(zip(positions, templates[start : start + each], strict=True))) for start in range(0, n, each)]


def _template(
    places: NDArray[np.uint16], marks: NDArray[np.uint8], quality: float, position: int, p: FingerParameters
) -> FingerTemplate:
    capture = p.capture_mean + p.capture_spread * quality
    return FingerTemplate(
        places[0],
        places[1],
        places[2],
        marks[0],
        marks[1],
        width_px=int(p.image_width_px),
        height_px=int(p.image_height_px),
        position=position,
        capture_quality=min(100, max(1, round(capture))),
    )
