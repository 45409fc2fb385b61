"""From the codes of fingers to a score of two people, and who is left to be compared.

A person's score is how far the sum over the fingers that both have lies above what strangers give this probe, in
standard deviations. What strangers give is taken from a cohort, people of the gallery that is searched: probes differ
in it, by quality and number of minutiae, and with it a fifth as many strangers are left. People of the gallery differ
in it as well. What the cohort gives one of them is a sum over their numbers, so that it is off the score if the
cohort's mean is off the probe's numbers: again a fifth as many are left (decision 93). What is said of two people
depends on them and on the cohort alone, not on who else is scanned with them.

Here everyone's numbers are met, which is what `sift` saves. Single fingers are met by their signs, which cannot be
centred, and those that are left by their numbers.

How many strangers are left at which score, and how many mates are lost, was measured with models that were not trained
on the sets measured on: `data/screening.json`, made by `python -m benchmarks.accuracy.codes --write`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cccd_core import plain
from cccd_core.dedup.codes import scan
from cccd_core.dedup.codes.coder import BITS, COARSE
from cccd_core.errors import DamagedError, ParameterError

FINGERS = 10
# The first bytes of each finger's numbers, along the directions that tell most, by which sifting begins.
SKETCH: Final = "sketch"
SKETCH_BYTES: Final = 24
CENTRED_STEPS: Final = 8  # probes less the cohort's mean are whole numbers of eighths
CENTRE_DOUBT: Final = 32  # fingers of which a mean is as much chance as truth; that of fewer counts for little
MEASURED = "data/screening.json"
MEASURED_MOST = 1 << 20
COHORT_MOST = 512  # people; more change the figures by less than a tenth of a deviation
COHORT_LEAST = 16  # of a position; below, all positions together
SIGNS_SHARE = 20.0  # so many times as many strangers are left by the signs as by both
PAIRS_MOST = 1 << 14  # whose four-bit numbers are copied at a time, 47 MB

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Loss:
    """What was lost: of `mates` pairs of a set and extractor that share so many fingers, `lost`, at a kept share of
    strangers; `most` is the upper end of a one-sided 95 % interval of the rate, over people."""

    extractor: str
    sets: str
    fingers: int
    keep: float
    mates: int
    lost: int
    most: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of the shipped coder's kind. `scores[column][fingers - 1]` are the scores that the shares
    `keeps` of strangers reach."""

    coder: str
    keeps: tuple[float, ...]
    scores: Mapping[str, tuple[tuple[float, ...], ...]]
    losses: tuple[Loss, ...]

    @staticmethod
    def shipped() -> Measured:
        """The library's; read once. DamagedError where it cannot be read."""
        return _shipped()

    def score(self, column: str, fingers: int, keep: float) -> float:
        """The score that this share of strangers reaches; between and beyond what was measured along a normal tail. Of
        more fingers than were measured it is that of the most."""
        if not 0.0 < keep <= 1.0:
            raise ParameterError("a share of strangers lies between 0 and 1", keep=keep)
        if keep == 1.0:
            return -math.inf
        known = self.scores[column][min(fingers, len(self.scores[column])) - 1]
        tail = _tail(self.keeps)
        at = math.sqrt(-2.0 * math.log(keep))
        place = min(max(int(np.searchsorted(tail, at)), 1), len(tail) - 1)
        low, high = float(tail[place - 1]), float(tail[place])
        return known[place - 1] + (known[place] - known[place - 1]) * (at - low) / (high - low)

    def losses_of(self, keep: float, *, extractor: str = "", fingers: int = 0) -> tuple[Loss, ...]:
        """What was lost where a share of at most `keep` was kept, at the largest such share that was measured: of that
        extractor and number of fingers, or of all."""
        share = max((loss.keep for loss in self.losses if loss.keep <= keep), default=None)
        return tuple(
            loss
            for loss in self.losses
            if loss.keep == share and extractor in ("", loss.extractor) and fingers in (0, loss.fingers)
        )


@cache
def _tail(keeps: tuple[float, ...]) -> Floats:
    tail: Floats = np.sqrt(-2.0 * np.log(np.array(keeps)))
    return tail


@cache
def _shipped() -> Measured:
    data = files("cccd_core.dedup.codes").joinpath(MEASURED).read_bytes()
    try:
        return plain.decode(Measured, json.loads(data))
    except ValueError as error:
        raise DamagedError("what was measured of the finger codes cannot be read", why=type(error).__name__) from None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class People:
    """Codes of people: each column uint8[people, 10, bytes], row p - 1 of position p, zeros where it is absent, and
    `present` uint16[people], bit p - 1 for position p. ParameterError where they do not belong together."""

    columns: Mapping[str, Bytes]
    present: Words

    def __post_init__(self) -> None:
        for name, codes in self.columns.items():
            if codes.dtype != np.uint8 or codes.ndim != 3 or codes.shape[:2] != (len(self.present), FINGERS):
                raise ParameterError("codes must be people x 10 x bytes", column=name, shape=str(codes.shape))
            if not codes.flags.c_contiguous:
                raise ParameterError("codes must be contiguous", column=name)
        if self.present.dtype != np.uint16 or self.present.ndim != 1:
            raise ParameterError("present must be a word for each person")

    def __len__(self) -> int:
        return len(self.present)

    def rows(self, column: str) -> Bytes:
        """A person a row: uint8[people, 10 bytes]; no copy."""
        codes = self.columns[column]
        return codes.reshape(len(self), FINGERS * codes.shape[2])

    def take(self, places: NDArray[np.int64]) -> People:
        """These people, copied."""
        return People({name: codes[places] for name, codes in self.columns.items()}, self.present[places])


class _Against(NamedTuple):
    """Codes of a cohort, uint8[fingers, bytes], and their own share, of numbers."""

    codes: Bytes
    own_share: float

    def __repr__(self) -> str:
        return f"_Against(fingers={len(self.codes)})"

    @classmethod
    def of(cls, column: str, codes: Bytes, part: float) -> _Against:
        """`part`: which of the mean is that of these codes."""
        return cls(codes, 0.0 if column == BITS or not len(codes) else part * _own_share(codes))


class Screen:
    """The first stage: who of many people is left for a probe. Immutable; it can be pickled and shared by threads."""

    __slots__ = ("_against", "_centres", "_cohort", "measured")

    def __init__(self, cohort: People, measured: Measured | None = None) -> None:
        """`cohort`: people of the gallery, of whom the first 512 are taken; they are to be the same for all parts of a
        search. ParameterError for none."""
        if not len(cohort):
            raise ParameterError("a cohort has at least one person")
        self._cohort = cohort.take(np.arange(min(len(cohort), COHORT_MOST)))
        self._against: dict[str, tuple[_Against, ...]] = {}  # of each column, laid out when it is first asked for
        self._centres: dict[
            str, NDArray[np.int16]
        ] = {}  # the cohort's mean, int16[2, 10, bytes] as probes are laid out
        self.measured = Measured.shipped() if measured is None else measured

    def scan(
        self, probes: People, people: People, *, keep: float, column: str = COARSE, threads: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Who is left by a column or the sketch of the numbers: (probe, row, score) ordered by probe, then row; about a
        share `keep` of strangers. Two people who share no position are not left: see `positions`."""
        floors, means, deviations = self._floors(column, probes, keep)
        rows = np.ascontiguousarray(sketched(people.columns[_column(column)], column)).reshape(len(people), -1)
        kernel = scan.signs if column == BITS else scan.steps
        probe, row, value = kernel(self.laid(column, probes), floors, rows, people.present, threads=threads)
        word = people.present[row].astype(np.int64)
        return probe, row, (value - means[probe, word]) / deviations[probe, word]

    def scan_fingers(
        self, fingers: Mapping[str, Bytes], people: People, *, keep: float, threads: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Single fingers against every finger of these people: (finger, 10 row + position - 1, score).

        `fingers`: each column uint8[fingers, bytes], of any position.
        """
        present = _there(people.present).astype(np.uint16).ravel()
        rows = {name: codes.reshape(len(present), codes.shape[2]) for name, codes in people.columns.items()}
        laid, floors, mean, deviation = self._finger_floors(BITS, fingers, min(1.0, SIGNS_SHARE * keep))
        probe, place, _ = scan.signs(laid, floors, rows[BITS], present, threads=threads)
        laid, floors, mean, deviation = self._finger_floors(COARSE, fingers, keep)
        left, score = _by_steps(probe, place, laid, floors, mean, deviation, rows[COARSE], present)
        return probe[left], place[left], score

    def laid(self, column: str, probes: People) -> Bytes:
        """Probes for the scan of a column: uint8[probes, 20 bytes], the numbers less the cohort's mean."""
        if column == BITS:
            return scan.sign_probes(probes.rows(BITS), probes.present, FINGERS)
        codes = np.ascontiguousarray(sketched(probes.columns[COARSE], column)).reshape(len(probes), -1)
        return _centred(scan.step_probes(codes, probes.present, FINGERS), self._centres_of(column), probes.present)

    def _centres_of(self, column: str) -> NDArray[np.int16]:
        found = self._centres.get(column)
        if found is None:
            found = np.stack([_centre(against.codes) for against in self._laid_out(column)], axis=1)
            if column == SKETCH:  # one for both hands, so that they can be exchanged
                found = np.tile((found[:, : FINGERS // 2] + found[:, FINGERS // 2 :]) // 2, (1, 2, 1))
            self._centres[column] = found
        return found

    def _finger_floors(
        self, column: str, fingers: Mapping[str, Bytes], keep: float
    ) -> tuple[Bytes, NDArray[np.int32], Floats, Floats]:
        """Single fingers laid out for the scan of fingers, whose presence is 0 or 1, and the same as `_floors`."""
        cohort = np.ascontiguousarray(self._cohort.columns[column][_there(self._cohort.present)])
        one = np.ones(len(fingers[column]), np.uint16)
        laid = (scan.sign_probes if column == BITS else scan.step_probes)(fingers[column], one, 1)
        shift = 0.0
        if column == COARSE and len(cohort):
            laid, shift = _centred(laid, _centre(cohort)[:, None], one), _own_share(cohort)
        floors = np.full((len(one), scan.PRESENCES), scan.NOTHING, np.int32)
        mean, deviation = np.zeros((len(one), 2)), np.ones((len(one), 2))
        if len(one) and len(cohort):
            first, second = _moments(column, laid, cohort)
            mean[:, 1], deviation[:, 1] = (
                _exact(first + shift),
                np.sqrt(np.maximum(_exact(second - first * first), 1.0)),
            )
        score = self.measured.score(column, 1, keep)
        bounds = np.iinfo(np.int32)
        floors[:, 1] = np.ceil(np.clip(mean[:, 1] + score * deviation[:, 1], bounds.min, bounds.max))
        return laid, floors, mean, deviation

    def _floors(self, column: str, probes: People, keep: float) -> tuple[NDArray[np.int32], Floats, Floats]:
        """The least value for each presence of a row, mean and deviation of strangers there: [probes, 1024] each."""
        limits = np.array([math.inf, *(self.measured.score(column, k, keep) for k in range(1, FINGERS + 1))])
        alone = np.bitwise_count(probes.columns[BITS]).sum(axis=2, dtype=np.float64) if column == BITS else None
        presences = np.arange(scan.PRESENCES, dtype=np.uint16)
        return floors(self.strangers((column,), probes)[column], probes.present, limits, presences, alone)

    def strangers(self, columns: Sequence[str], probes: People) -> dict[str, tuple[Floats, Floats]]:
        """By each of these columns, or the sketch of the numbers: mean and variance of what the cohort gives each
        finger of the probes, float64[probes, 10] each."""
        return {column: self._strangers(column, probes) for column in columns}

    def _strangers(self, column: str, probes: People) -> tuple[Floats, Floats]:
        halves = self.laid(column, probes).reshape(len(probes), 2, FINGERS, -1)
        mean, variance = np.zeros((len(probes), FINGERS)), np.ones((len(probes), FINGERS))
        for finger, against in enumerate(self._laid_out(column)):
            here = np.flatnonzero(probes.present >> finger & 1)
            if len(here) and len(against.codes):
                ours = np.ascontiguousarray(halves[here, :, finger]).reshape(len(here), -1)
                first, second = _moments(column, ours, against.codes)
                mean[here, finger] = _exact(first + against.own_share)
                variance[here, finger] = _exact(second - first * first)
        variance = np.maximum(variance, 1.0)
        return mean, variance

    def _laid_out(self, column: str) -> tuple[_Against, ...]:
        """What of the cohort each finger is held against: its position's codes, where there are enough, or all."""
        found = self._against.get(column)
        if found is None:
            seen, there = sketched(self._cohort.columns[_column(column)], column), _there(self._cohort.present)
            own = [np.ascontiguousarray(seen[there[:, finger], finger]) for finger in range(FINGERS)]
            few = [len(one) < COHORT_LEAST for one in own]
            everyone = _Against.of(column, np.ascontiguousarray(seen[there]) if any(few) else seen[:0, 0], 1.0)
            part = 0.5 if column == SKETCH else 1.0
            found = tuple(
                everyone if lacks else _Against.of(column, one, part) for one, lacks in zip(own, few, strict=True)
            )
            self._against[column] = found
        return found


def floors(
    strangers: tuple[Floats, Floats],
    present: Words,
    limits: Floats,
    presences: Words,
    alone: Floats | None,
) -> tuple[NDArray[np.int32], Floats, Floats]:
    """The least value for each of these presences of a row, mean and deviation of strangers there: [probes, presences]
    each. `limits`: the score to be reached by the number of shared fingers, float64[11]; `alone`: of signs, how many
    bits of each finger are set, float64[probes, 10]."""
    mean, variance = strangers
    words = _there(presences).astype(np.float64).T
    mine = _there(present).astype(np.float64)
    means, deviations = (mean * mine) @ words, np.sqrt(np.maximum((variance * mine) @ words, 1e-9))
    if alone is not None:  # where a row has no finger, the probe's own bits stand as different
        means = means - (alone * mine) @ (1 - words)
    limit = limits[(mine @ words).astype(np.int64)]
    finite = np.isfinite(limit)
    floor = np.where(finite, np.ceil(means + np.where(finite, limit, 0) * deviations), limit)
    bounds = np.iinfo(np.int32)
    return np.clip(floor, bounds.min, bounds.max).astype(np.int32), means, deviations


def _by_steps(
    probe: NDArray[np.int64],
    row: NDArray[np.int64],
    laid: Bytes,
    floors: NDArray[np.int32],
    means: Floats,
    deviations: Floats,
    numbers: Bytes,
    present: Words,
) -> tuple[NDArray[np.int64], Floats]:
    """Which of these pairs, ordered by probe, reach the floors of the four-bit numbers, and their scores."""
    kept: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    scores: list[Floats] = [np.empty(0)]
    starts = np.searchsorted(probe, np.arange(len(laid) + 1)).tolist()
    for one in range(len(laid)):
        mine = slice(one, one + 1)
        for start in range(starts[one], starts[one + 1], PAIRS_MOST):
            part = row[start : min(start + PAIRS_MOST, starts[one + 1])]
            _, place, value = scan.steps(laid[mine], floors[mine], numbers[part], present[part])
            word = present[part[place]].astype(np.int64)
            kept.append(start + place)
            scores.append((value - means[one, word]) / deviations[one, word])
    return np.concatenate(kept), np.concatenate(scores)


def _there(present: Words) -> NDArray[np.bool_]:
    """bool[people, 10]"""
    return (present[:, None] >> np.arange(FINGERS, dtype=np.uint16) & 1).astype(np.bool_)


def _exact(values: Floats) -> Floats:
    """In sixteenths, whose sums are the same in any order, and so on every machine."""
    return np.rint(values * 16) / 16


def _column(name: str) -> str:
    """The column of codes that has it."""
    return COARSE if name == SKETCH else name


def sketched(codes: Bytes, column: str) -> Bytes:
    """Of the numbers those that the sketch has, uint8[..., bytes] each; of another column all."""
    return codes[..., :SKETCH_BYTES] if column == SKETCH else codes


def _centre(codes: Bytes) -> NDArray[np.int16]:
    """The mean of fingers by their numbers as far as it is believed, in eighths, laid out as probes: int16[2, bytes],
    zeros of none."""
    if not len(codes):
        return np.zeros((2, codes.shape[1]), np.int16)
    laid = scan.step_probes(codes, np.ones(len(codes), np.uint16), 1).view(np.int8)
    mean = np.rint(laid.sum(axis=0, dtype=np.int64) * (CENTRED_STEPS / (len(codes) + CENTRE_DOUBT)))
    centre: NDArray[np.int16] = mean.astype(np.int16).reshape(2, codes.shape[1])
    return centre


def _own_share(codes: Bytes) -> float:
    """By how much less the fingers of a cohort are worth to a centred probe than others are, since each is in the mean
    that was taken off: what the mean is worth to it, less what that of all others would be. In eighths; exact."""
    seen = scan.step_probes(codes, np.ones(len(codes), np.uint16), 1).view(np.int8).astype(np.int64)
    squares, total = int((seen * seen).sum()), seen.sum(axis=0)
    spread = squares / len(seen) - int((total * total).sum()) / len(seen) ** 2
    return CENTRED_STEPS * spread * len(seen) / (len(seen) + CENTRE_DOUBT) / max(1, len(seen) - 1)


def _centred(laid: Bytes, centres: NDArray[np.int16], present: Words) -> Bytes:
    """Probes as `step_probes` lays them out, less a mean int16[2, fingers, bytes], in eighths; zeros stay where no
    finger is."""
    numbers = laid.view(np.int8).reshape(len(laid), *centres.shape) * np.int16(CENTRED_STEPS) - centres
    there = _there(present)[:, None, : centres.shape[1], None]
    centred: Bytes = (np.clip(numbers, -127, 127).astype(np.int8) * there).view(np.uint8).reshape(laid.shape)
    return centred


def _moments(column: str, laid: Bytes, theirs: Bytes) -> tuple[Floats, Floats]:
    """Mean of what all of theirs are worth to each of our fingers, and of the squares: float64[ours] each. Of whole
    numbers, exact in any order."""
    found = scan.moments("signs" if column == BITS else "steps", laid, theirs) / len(theirs)
    return found[:, 0], found[:, 1]


def numbers(column: str, codes: Bytes) -> NDArray[np.float32]:
    """Codes of a column as numbers: -1 and 1 for the signs, else -7 to 7. float32[fingers, numbers]."""
    if column == BITS:
        return np.unpackbits(codes, axis=1).astype(np.float32) * 2 - 1
    halves = np.stack([codes & 15, codes >> 4], axis=-1).reshape(len(codes), 2 * codes.shape[1])
    return (halves.astype(np.int8) ^ np.int8(8)).astype(np.float32) - 8
