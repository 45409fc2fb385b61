"""The screen: scores against the plain truth, parts and threads that change nothing, and nobody lost among the easy."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest

from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.codes.screen import Measured, People, Screen, numbers
from cccd_core.errors import ParameterError
from cccd_core.synthesis import MasterFinger

BYTES = {"bits": 32, "int4": 32}
WIDE = Measured(
    "",
    (0.1, 0.01, 0.001),
    dict.fromkeys(BYTES, ((1.3, 2.3, 3.1), (1.3, 2.3, 3.1), (1.3, 2.3, 3.1))),
    (),
)


def strangers(count: int, seed: int) -> People:
    """Codes at random; some fingers are missing."""
    random = np.random.default_rng(seed)
    present = random.integers(1, 1024, count).astype(np.uint16)
    present[::2] = 1023
    there = (present[:, None] >> np.arange(10) & 1).astype(np.uint8)[:, :, None]
    columns = {
        name: random.integers(0, 256, (count, 10, wide)).astype(np.uint8) * there for name, wide in BYTES.items()
    }
    return People(columns, present)


def like(people: People, seed: int) -> People:
    """The same people again, a tenth of whose bytes are others."""
    random = np.random.default_rng(seed)
    columns = {}
    for name, codes in people.columns.items():
        other = random.integers(0, 256, codes.shape).astype(np.uint8)
        changed = np.where(random.random(codes.shape) < 0.1, other, codes)
        columns[name] = (
            np.where(people.present[:, None] >> np.arange(10) & 1, 1, 0).astype(np.uint8)[:, :, None] * changed
        )
    return People(columns, people.present)


def truth(first: np.ndarray, second: np.ndarray) -> int:
    """What the signs of two fingers are worth to each other."""
    return -sum((int(a) ^ int(b)).bit_count() for a, b in zip(first, second, strict=True))


def centred(column: str, cohort: People, finger: int, own: np.ndarray) -> tuple[list[float], list[float]]:
    """The numbers of a finger in eighths, less the cohort's mean: the lower ones and the upper."""
    signed = [half - 16 if half > 7 else half for half in range(16)]
    there = [c for c in range(len(cohort)) if cohort.present[c] >> finger & 1]
    believed = len(there) / (len(there) + 32)
    halves: tuple[list[float], list[float]] = ([], [])
    for shift, half in zip((0, 4), halves, strict=True):
        for place, byte in enumerate(own.tolist()):
            mean = np.mean([signed[int(cohort.columns[column][c, finger, place]) >> shift & 15] for c in there])
            half.append(min(127, max(-127, 8 * signed[byte >> shift & 15] - round(8 * believed * float(mean)))))
    return halves


def worth(column: str, cohort: People, finger: int, own: np.ndarray) -> Callable[[np.ndarray], float]:
    """What other fingers are worth to one."""
    if column == "bits":
        return lambda other: truth(own, other)
    lower, upper = centred(column, cohort, finger, own)
    signed = [half - 16 if half > 7 else half for half in range(16)]
    return lambda other: sum(
        a * signed[byte & 15] + b * signed[byte >> 4] for a, b, byte in zip(lower, upper, other.tolist(), strict=True)
    )


def expected(column: str, cohort: People, probes: People, p: int, people: People, r: int) -> float:
    """The score of a pair in plain steps."""
    value = mean = variance = 0.0
    codes = cohort.columns[column]
    for finger in range(10):
        if not (probes.present[p] & people.present[r]) >> finger & 1:
            continue
        own = probes.columns[column][p, finger]
        of = worth(column, cohort, finger, own)
        others = [of(codes[c, finger]) for c in range(len(cohort)) if cohort.present[c] >> finger & 1]
        value += of(people.columns[column][r, finger])
        if column == "int4":  # who is in the cohort has a share in its mean
            seen = numbers(column, codes[[c for c in range(len(cohort)) if cohort.present[c] >> finger & 1], finger])
            believed = len(seen) / (len(seen) + 32)
            spread = 8 * believed * float(((seen - seen.mean(axis=0)) ** 2).sum(axis=1).mean()) / (len(seen) - 1)
        mean += round((float(np.mean(others)) + (spread if column == "int4" else 0)) * 16) / 16
        variance += round(float(np.var(others)) * 16) / 16
    return (value - mean) / math.sqrt(variance)


def test_scores_are_what_they_are_said_to_be():
    cohort, probes, people = strangers(60, 1), strangers(3, 2), strangers(12, 3)
    screen = Screen(cohort, WIDE)
    for column, (probe, row, score) in (
        ("bits", screen.scan(probes, people, keep=1.0, column="bits")),
        ("int4", screen.scan(probes, people, keep=1.0)),
    ):
        met = [(p, r) for p in range(3) for r in range(12) if probes.present[p] & people.present[r]]
        assert list(zip(probe.tolist(), row.tolist(), strict=True)) == met
        for p, r, found in zip(probe.tolist(), row.tolist(), score.tolist(), strict=True):
            assert found == pytest.approx(expected(column, cohort, probes, p, people, r), abs=0.02)


def test_mates_are_left_and_few_strangers():
    people = strangers(400, 4)
    probe, row, score = Screen(strangers(100, 5), WIDE).scan(like(people, 6), people, keep=0.01)
    found = set(zip(probe.tolist(), row.tolist(), strict=True))
    enough = [p for p in range(400) if int(people.present[p]).bit_count() > 1]
    assert {(p, p) for p in enough} <= found
    assert len(found) < 400 * 400 * 0.02
    assert (score >= 2.3).all()


def test_what_is_said_of_two_people_depends_on_them_alone():
    people, probes = strangers(150, 7), strangers(20, 8)
    screen = Screen(strangers(100, 9), WIDE)
    whole = dict(zip(*pairs_of(screen.scan(probes, people, keep=0.1)), strict=True))
    assert whole
    parts: dict[tuple[int, int], float] = {}
    for start in range(0, 150, 40):
        for first in range(0, 20, 7):
            some, rows = (
                probes.take(np.arange(first, min(first + 7, 20))),
                people.take(np.arange(start, min(start + 40, 150))),
            )
            again = pickle.loads(pickle.dumps(screen))
            for (p, r), score in zip(*pairs_of(again.scan(some, rows, keep=0.1, threads=2)), strict=True):
                parts[p + first, r + start] = score
    assert parts == whole


def pairs_of(found):
    probe, row, score = found
    return list(zip(probe.tolist(), row.tolist(), strict=True)), score.tolist()


def test_a_narrower_share_leaves_no_one_else():
    people, probes = strangers(200, 10), strangers(20, 11)
    screen = Screen(strangers(100, 12), WIDE)
    wide, narrow = (dict(zip(*pairs_of(screen.scan(probes, people, keep=keep)), strict=True)) for keep in (0.1, 0.01))
    assert narrow.items() <= wide.items()
    assert len(narrow) < len(wide)


def test_small_cohorts_and_people_without_fingers():
    nobody = People({name: np.zeros((2, 10, wide), np.uint8) for name, wide in BYTES.items()}, np.zeros(2, np.uint16))
    people = strangers(30, 13)
    for cohort in (people.take(np.arange(3)), nobody):
        screen = Screen(cohort, WIDE)
        assert not len(screen.scan(nobody, people, keep=1.0)[0])
        assert not len(screen.scan(people, nobody, keep=1.0)[0])
        assert len(screen.scan(people, people, keep=1.0)[0])
    with pytest.raises(ParameterError):
        Screen(people.take(np.arange(0)))


def test_codes_of_another_shape_are_refused():
    people = strangers(4, 14)
    with pytest.raises(ParameterError):
        People(people.columns, people.present[:3])
    with pytest.raises(ParameterError):
        People({"bits": people.columns["bits"][:, :, ::2]}, people.present)
    with pytest.raises(ParameterError):
        People(people.columns, people.present.astype(np.int64))


def test_scores_between_and_beyond_what_was_measured():
    shares = np.geomspace(1e-6, 0.9, 40)
    for fingers in (1, 3, 10):
        scores = [WIDE.score("bits", fingers, share) for share in shares]
        assert scores == sorted(scores, reverse=True)
    assert WIDE.score("bits", 2, 0.01) == 2.3
    assert WIDE.score("bits", 2, 1.0) == -math.inf
    for bad in (0.0, -1.0, 1.1, math.nan):
        with pytest.raises(ParameterError):
            WIDE.score("bits", 1, bad)


def test_what_was_measured_belongs_to_the_shipped_coder():
    measured = Measured.shipped()
    assert measured.coder == FingerCoder.shipped().digest
    assert set(measured.scores) == {column.name for column in FingerCoder.shipped().columns}
    for column, rows in measured.scores.items():
        for row in rows:
            assert len(row) == len(measured.keeps)
            assert list(row) == sorted(row), column
    for loss in measured.losses:
        assert 0 <= loss.lost <= loss.mates
        assert loss.lost / loss.mates < loss.most <= 1
    assert {loss.extractor for loss in measured.losses_of(0.001, fingers=4)} >= {"fjfx", "mindtct", "sourceafis"}
    assert {loss.keep for loss in measured.losses_of(0.002)} == {0.001}
    assert {loss.sets for loss in measured.losses if loss.fingers > 4} == {"synthetic"}
    assert {loss.fingers for loss in measured.losses_of(0.001)} == set(range(1, 11))
    assert not measured.losses_of(1e-9)


def test_synthetic_people_are_found():
    """Of other seeds than those trained on."""
    seen = [
        MasterFinger.make(6, person, 2 + slot).impression(k)
        for k in range(2)
        for person in range(40)
        for slot in (0, 1)
    ]
    codes = FingerCoder.shipped().encode(seen)
    sides = []
    for k in range(2):
        columns = {}
        for name, values in codes.items():
            columns[name] = np.zeros((40, 10, values.shape[1]), np.uint8)
            columns[name][:, 1:3] = values.reshape(2, 40, 2, -1)[k]
        sides.append(People(columns, np.full(40, 0b110, np.uint16)))
    probe, row, _ = Screen(sides[1]).scan(sides[0], sides[1], keep=0.03)
    found = set(zip(probe.tolist(), row.tolist(), strict=True))
    assert sum((p, p) in found for p in range(40)) >= 38
    assert len(found) < 40 + 0.1 * 1600
