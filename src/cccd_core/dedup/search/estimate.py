"""What a join of so many people would take: a sum over rates that are measured on the machine at hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.codes.screen import COHORT_MOST, FINGERS, People, Screen
from cccd_core.dedup.codes.sift import EXCHANGED_SHARE, Crowd, Known, sift
from cccd_core.dedup.index.packing import fingers_of, pack, unpack
from cccd_core.dedup.judge.thresholds import Thresholds
from cccd_core.dedup.parameters import DedupParameters
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.glance import FEW, GOING_ON, LEAST_SHARED, glanced_fingers
from cccd_core.dedup.search.pairs import fingers_until_given_up
from cccd_core.dedup.search.plan import Piece, count_of_tiles, tile_people
from cccd_core.dedup.search.screening import PROBES_MOST
from cccd_core.dedup.search.worker import GLANCED_PEOPLE, LOADED_PEOPLE
from cccd_core.errors import ParameterError
from cccd_core.matching import Matcher
from cccd_core.synthesis import tenprint

SHARD_PEOPLE: Final = 1 << 17
PEOPLE_MOST: Final = 10**10
_SAMPLE_PEOPLE: Final = 24
_SCANNED_PEOPLE: Final = 1 << 15
# Which part of the share that numbers leave, by shared fingers, is left by sketch and numbers: of synthetic strangers
_LEFT_OF_NOMINAL: Final = (1.0, 1.0, 1.0, 1.0, 0.9, 0.8, 0.65, 0.5, 0.4, 0.35)
_EXCHANGED: Final = 2  # layings beside the one that is stated: hands and slaps
USUAL_KEEP: Final = 3e-4


@dataclass(frozen=True, slots=True)
class Rates:
    """What one core does in a second, and how large a person is: fingers prepared, coded, compared and unpacked, pairs
    of people screened, people of whom it is found what strangers give them; bytes of a finger in the index, prepared
    and as codes."""

    prepared: float
    coded: float
    compared: float
    unpacked: float
    screened: float
    known: float
    finger_bytes: float
    code_bytes: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a join would take. Hours are of the whole, with all cores of all nodes at work; bytes of memory those of one
    worker beside the mapped codes, which all of a node share. `chance_duplicates` and `chance_reviews` are what is to
    be settled by people though nobody is twice, at most."""

    tiles: int
    pairs: int
    compared_pairs: float
    index_bytes: float
    code_bytes: float
    worker_bytes: float
    index_hours: float
    screen_hours: float
    compare_hours: float
    chance_duplicates: float
    chance_reviews: float

    @property
    def hours(self) -> float:
        """All of it, the index included."""
        return self.index_hours + self.screen_hours + self.compare_hours


def estimate(people: int, fingers: int, workers: int, cascade: Cascade, rates: Rates) -> Estimate:
    """The sum for so many people of so many fingers each on so many cores. ParameterError for numbers that are none."""
    if not 2 <= people <= PEOPLE_MOST or not 1 <= fingers <= FINGERS or workers < 1:
        raise ParameterError("people are 2 to 10^10, fingers 1 to 10, cores at least 1", people=people, fingers=fingers)
    parameters = DedupParameters()
    pairs = people * (people - 1) // 2
    kept = 1.0
    if cascade.keep is not None:
        kept = cascade.keep * _LEFT_OF_NOMINAL[fingers - 1]
        kept *= 1 + (_EXCHANGED * EXCHANGED_SHARE if cascade.any_position else 0)
    left = min(float(pairs), pairs * kept)
    thresholds = Thresholds(parameters, people - 1)
    rows = fingers_until_given_up(thresholds, fingers) if cascade.any_position else 0
    finger_pairs = float(fingers + rows * fingers)
    if cascade.keep is not None and fingers >= LEAST_SHARED:
        finger_pairs = glanced_fingers(fingers) + GOING_ON * finger_pairs
    shards = [Piece(0, "", "", min(SHARD_PEOPLE, people - start)) for start in range(0, people, SHARD_PEOPLE)]
    side = tile_people(cascade.keep is not None)
    tiles = count_of_tiles(shards, side)
    speed = workers * 3600.0
    screening = 0.0
    if cascade.keep is not None:
        # each worker finds out what strangers give to the people of a part, once, where it has several tiles of it
        screening = pairs / rates.screened + people * min(float(workers), tiles * side / people) / rates.known
    codes = people * FINGERS * rates.code_bytes
    return Estimate(
        tiles,
        pairs,
        left,
        people * fingers * rates.finger_bytes + codes,
        codes,
        _worker_bytes(fingers, side if cascade.keep is not None else 0),
        people * fingers * (1 / rates.prepared + 1 / rates.coded) / speed,
        screening / speed,
        (left * finger_pairs / rates.compared + _unpacked(left, tiles, side, fingers, cascade) / rates.unpacked)
        / speed,
        people * parameters.duplicate_false_matches / 2,
        people * parameters.review_false_matches / 2,
    )


def _worker_bytes(fingers: int, side: int) -> float:
    """Of fingers, and of codes where a screen lays out a tile of `side` people: sketches, what is known of two
    parts, and the probes at hand."""
    compared = 2 * LOADED_PEOPLE * fingers * 3000
    if not side:
        return compared
    return (
        max(compared, 2 * GLANCED_PEOPLE * min(fingers, len(FEW)) * 3000) + side * (250 + 2 * 700) + PROBES_MOST * 30000
    )


def _unpacked(left: float, tiles: int, side: int, fingers: int, cascade: Cascade) -> float:
    """How many fingers are made ready to be compared, in windows of people or pair by pair, whichever is less."""
    if cascade.keep is None:
        return 2 * fingers * min(left, tiles * side * max(1.0, side / LOADED_PEOPLE))
    blocks = max(1.0, side / GLANCED_PEOPLE)
    few = min(2 * left, tiles * side * (1 + blocks)) * min(fingers, len(FEW))
    return few + 2 * GOING_ON * left * fingers


def measure(
    matcher: Matcher, coder: FingerCoder, fingers: int, *, keep: float = USUAL_KEEP, seconds: float = 1.0
) -> Rates:
    """The rates of one core of this machine, on synthetic people of so many fingers; about so long for each. `keep`:
    the share of people whom the codes leave."""
    hands = [tenprint(1, person, positions=tuple(range(1, fingers + 1))) for person in range(_SAMPLE_PEOPLE)]
    templates = [finger for hand in hands for finger in hand.values()]
    packed = matcher.gallery(templates)
    places = np.arange(len(templates))
    pairs = np.stack([places.repeat(len(places)), np.tile(places, len(places))], axis=1)
    strangers = pairs[pairs[:, 0] // fingers != pairs[:, 1] // fingers][: 4 * len(templates)]
    random = np.random.default_rng(1)
    screen = Screen(_strangers(coder, fingers, COHORT_MOST, random))
    probes, people = (_strangers(coder, fingers, count, random) for count in (PROBES_MOST, _SCANNED_PEOPLE))
    crowd, known = Crowd.of(people), Known.of(screen, probes, exchanged=True)
    prepared = [pack([(position, matcher.prepare(finger)) for position, finger in hand.items()]) for hand in hands]
    ends = np.cumsum([0, *map(len, prepared)])
    data = np.frombuffer(b"".join(prepared), np.uint8)

    def unpacking() -> None:
        found = fingers_of(data, ends[:-1], ends[1:])
        unpack(found, np.arange(len(templates)))

    def sifting() -> None:
        for _ in sift(screen, probes, crowd, known, keep=keep, exchanged=True, stop=len(people)):
            pass

    return Rates(
        _rate(lambda: matcher.gallery(templates), len(templates), seconds),
        _rate(lambda: coder.encode(templates), len(templates), seconds),
        _rate(lambda: matcher.pair_scores(packed, packed, strangers), len(strangers), seconds),
        _rate(unpacking, len(templates), seconds),
        _rate(sifting, PROBES_MOST * _SCANNED_PEOPLE, seconds),
        _rate(lambda: Known.of(screen, probes, exchanged=True), PROBES_MOST, seconds),
        float(ends[-1]) / len(templates),
        float(sum(one.bytes_per_finger for one in coder.columns)),
    )


def _strangers(coder: FingerCoder, fingers: int, people: int, random: np.random.Generator) -> People:
    """People whose codes are drawn: nobody is like anybody."""
    columns = {}
    for one in coder.columns:
        columns[one.name] = np.zeros((people, FINGERS, one.bytes_per_finger), np.uint8)
        columns[one.name][:, :fingers] = random.integers(0, 256, (people, fingers, one.bytes_per_finger), np.uint8)
    return People(columns, np.full(people, (1 << fingers) - 1, np.uint16))


def _rate(work: Callable[[], object], count: int, seconds: float) -> float:
    """How many a second: the work is done once beforehand, and then again and again."""
    work()
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or not done:
        work()
        done += count
    return done / (time.perf_counter() - began)
