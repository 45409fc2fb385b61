"""Sifting leaves whom the scans leave, less what the sketch takes, on every level and however people are laid out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cccd_core import runtime
from cccd_core.dedup.codes import scan, sift
from cccd_core.dedup.codes.positions import AS_STATED, LAYINGS, relaid
from cccd_core.dedup.codes.screen import Measured, People, Screen
from cccd_core.errors import ParameterError

WIDE = Measured("", (0.1, 0.01), dict.fromkeys(("bits", "int4"), ((1.3, 2.3),)), ())
BYTES = {"bits": 24, "int4": 40}
LEVELS = ["serial", "avx2", "avx512", pytest.param("numba", marks=pytest.mark.jit)]


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs the test with this SIMD level, or with the Numba twin."""
    numba = request.param == "numba"
    if not numba and request.param not in runtime.simd_levels():
        pytest.skip(f"{request.param}: not built, or this CPU lacks it")
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "numba" if numba else "native")
    if not numba:
        monkeypatch.setenv(runtime.SIMD_VARIABLE, request.param)
    return str(request.param)


def people(count: int, seed: int) -> People:
    """Some of whom have all fingers and some have not; zeros where there is none."""
    random = np.random.default_rng(seed)
    present = np.where(np.arange(count) % 3, 1023, random.integers(0, 1024, count)).astype(np.uint16)
    there = (present[:, None] >> np.arange(10) & 1).astype(np.uint8)[:, :, None]
    columns = {
        name: random.integers(0, 256, (count, 10, wide)).astype(np.uint8) * there for name, wide in BYTES.items()
    }
    return People(columns, present)


def near(of: People, seed: int) -> People:
    """The same with some bits changed, laid one person so and the next one so."""
    random = np.random.default_rng(seed)
    changed = {}
    for name, codes in of.columns.items():
        noise = np.packbits(random.random((*codes.shape, 8)) < 0.1, axis=-1)[..., 0]
        changed[name] = np.where(codes.any(axis=2, keepdims=True), codes ^ noise, 0).astype(np.uint8)
    some = People(changed, of.present)
    laid = [relaid(some.take(np.array([row])), LAYINGS[row % 3]) for row in range(len(of))]
    columns = {name: np.concatenate([one.columns[name] for one in laid]) for name in BYTES}
    return People(columns, np.concatenate([one.present for one in laid]))


def sifted(screen: Screen, probes: People, crowd: People, keep: float, exchanged: bool) -> dict[tuple[int, int], int]:
    known = sift.Known.of(screen, probes, exchanged=exchanged)
    parts = sift.sift(
        screen, probes, sift.Crowd.of(crowd), known, keep=keep, exchanged=exchanged, stop=len(crowd)
    )  # fmt: skip
    return {
        (p, r): way & ~sift.CLEARLY for part in parts for p, r, way in zip(*(one.tolist() for one in part), strict=True)
    }


def scanned(screen: Screen, probes: People, crowd: People, keep: float, exchanged: bool) -> dict[tuple[int, int], int]:
    """By the numbers of everyone, laying by laying."""
    found: dict[tuple[int, int], int] = {}
    for number, laying in enumerate(LAYINGS if exchanged else (AS_STATED,)):
        share = keep * sift.EXCHANGED_SHARE if number else keep
        probe, row, _ = screen.scan(relaid(probes, laying), crowd, keep=share)
        for pair in zip(probe.tolist(), row.tolist(), strict=True):
            found[pair] = found.get(pair, 0) | 1 << number
    return found


sift_score = sift._score


def scans_score(screen: Screen, column: str, keep: float, fingers: int) -> float:
    """What is to be reached where there is no sketch."""
    return -math.inf if column == "sketch" else screen.measured.score("int4", fingers, keep)


@pytest.mark.parametrize("exchanged", [False, True])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_without_a_sketch_it_is_the_scan(level, monkeypatch, exchanged, share):
    monkeypatch.setattr(sift, "_score", scans_score)
    monkeypatch.setattr(sift, "EXCHANGED_SHARE", share)
    monkeypatch.setattr(sift, "SEGMENT_PEOPLE", 50)
    crowd, screen = people(131, 1), Screen(people(90, 2), WIDE)
    probes = near(crowd.take(np.arange(0, 131, 4)), 3)
    found = sifted(screen, probes, crowd, 0.004, exchanged)
    assert found == scanned(screen, probes, crowd, 0.004, exchanged)
    assert len(found) > len(probes) // 4
    assert set(found.values()) > {1} if exchanged else set(found.values()) == {1}


def test_the_sketch_takes_strangers_alone(level, monkeypatch):
    monkeypatch.setattr(
        sift, "_score", lambda *asked: scans_score(*asked) if asked[1] != "sketch" else sift_score(*asked)
    )
    crowd, screen = people(300, 4), Screen(people(90, 5), WIDE)
    probes = near(crowd, 6)
    loose, tight = (sifted(screen, probes, crowd, keep, True) for keep in (0.01, 0.0003))
    assert loose.keys() <= scanned(screen, probes, crowd, 0.01, True).keys()
    shared = [int(crowd.present[p]).bit_count() for p in range(300)]
    for found, least in ((loose, 4), (tight, 6)):
        mates = [p for p in range(300) if shared[p] >= least]
        assert all(found.get((p, p), 0) >> p % 3 & 1 for p in mates)


@pytest.mark.jit
def test_every_level_says_the_same_of_any_floors(monkeypatch):
    random = np.random.default_rng(7)
    crowd, probes = people(570, 8), people(15, 9)
    laid = sift.Crowd.of(crowd)
    sieves, _ = sift._sieves(Screen(people(40, 1), WIDE), probes, laid, _known(probes), 0.01, True)
    shape = sieves.sketch_floors.shape
    made = [random.integers(-reach, reach, shape).astype(np.int32) for reach in (9000, 20_000)]
    made[0][:, :, ::5] = np.iinfo(np.int32).min
    made[1][:, ::3] = scan.NOTHING
    by = scan.Sieves(sieves.sketches, sieves.steps, *made)
    seen = []
    for kernels, simd in (("numba", ""), *(("native", one) for one in runtime.simd_levels())):
        monkeypatch.setenv(runtime.KERNELS_VARIABLE, kernels)
        monkeypatch.setenv(runtime.SIMD_VARIABLE, simd)
        monkeypatch.setattr(scan, "_SIFTED_CAPACITY", 3)
        (segment,) = laid.segments
        seen.append(scan.sift(by, segment.groups, segment.numbers))
    assert len(seen[0]) > 20
    assert all(np.array_equal(one, seen[0]) for one in seen)


def test_of_three_layings_each_is_worth_what_it_is_alone(level):
    """Where no half is rounded; the hands, and all but the thumbs, are the probe's exchanged ones."""
    random = np.random.default_rng(12)
    crowd, probes = people(90, 13), people(21, 14)
    (segment,) = sift.Crowd.of(crowd).segments
    hand, finger = 5, 48
    sketches = 2 * random.integers(-63, 64, (len(probes), 10 * finger)).astype(np.int8)
    hands = sketches.reshape(len(probes), 2, hand, finger)
    other = hands[:, ::-1]
    slaps = np.concatenate([hands[:, :, :1], other[:, :, 1:]], axis=2)
    kinds = int(segment.groups.classes.max()) + 1
    floors = random.integers(-9000, 9000, (3, len(probes), kinds)).astype(np.int32)
    steps = np.zeros((3, len(probes), 2 * segment.numbers.shape[1]), np.uint8)
    none = np.full(floors.shape, np.iinfo(np.int32).min, np.int32)
    together = scan.sift(scan.Sieves(sketches, steps, floors, none), segment.groups, segment.numbers)
    assert len(together) > 500
    for laying, laid in enumerate((hands, other, slaps)):
        one = np.ascontiguousarray(laid).reshape(len(probes), -1)
        part = slice(laying, laying + 1)
        alone = scan.sift(scan.Sieves(one, steps[:1], floors[part], none[:1]), segment.groups, segment.numbers)
        assert np.array_equal(alone[:, :2], together[together[:, 2] == laying, :2])


def _known(probes: People) -> sift.Known:
    return sift.Known.of(Screen(people(40, 1), WIDE), probes, exchanged=True)


@pytest.mark.parametrize("name", ["signs", "steps"])
def test_moments_are_those_of_the_values(level, name):
    random = np.random.default_rng(10)
    rows, ours = (random.integers(0, 256, (count, 48), dtype=np.uint8) for count in (21, 5))
    lay, run = (scan.sign_probes, scan.signs) if name == "signs" else (scan.step_probes, scan.steps)
    probes = lay(ours, np.ones(5, np.uint16), 1)
    everything = np.full((5, scan.PRESENCES), np.iinfo(np.int32).min, np.int32)
    _, _, value = run(probes, everything, rows, np.ones(21, np.uint16))
    values = value.reshape(5, 21)
    assert np.array_equal(scan.moments(name, probes, rows), np.stack([values.sum(1), (values * values).sum(1)], axis=1))
    with pytest.raises(ParameterError):
        scan.moments(name, probes[:, :8], rows)


def test_who_is_far_above_what_is_to_be_reached_is_left_clearly(monkeypatch):
    monkeypatch.setattr(sift, "_score", scans_score)
    monkeypatch.setattr(sift, "SEGMENT_PEOPLE", 50)
    crowd = people(120, 15)
    screen, probes = Screen(people(90, 16), WIDE), near(crowd, 17)
    known, everyone = sift.Known.of(screen, probes, exchanged=True), sift.Crowd.of(crowd, crowd)
    parts = list(sift.sift(screen, probes, everyone, known, keep=0.004, exchanged=True, stop=240))
    clearly = {(p, r) for part in parts for p, r, way in zip(*(one.tolist() for one in part), strict=True) if way & 16}
    limit = screen.measured.score
    monkeypatch.setattr(Measured, "score", lambda of, *asked: limit(*asked) + sift.CLEAR_BY)
    wanted = scanned(screen, probes, crowd, 0.004, True)
    assert clearly == {(p, r + part) for p, r in wanted for part in (0, 120)}
    assert clearly


def test_who_comes_behind_is_left_out(monkeypatch):
    monkeypatch.setattr(sift, "SEGMENT_PEOPLE", 10)
    crowd = people(35, 11)
    screen, everyone = Screen(crowd, WIDE), sift.Crowd.of(crowd)
    known = sift.Known.of(screen, crowd, exchanged=False)
    rows = [
        row
        for part in sift.sift(screen, crowd, everyone, known, keep=0.05, exchanged=False, stop=11)
        for row in part[1].tolist()
    ]
    assert 10 <= max(rows) < 20


def test_how_much_is_left_before_the_numbers():
    keep = 0.01 / sift.BEFORE_SHARE
    assert [sift.share_before(keep, count) for count in (10, 1)] == pytest.approx([0.01, 0.01 ** (0.1**1.5)])
    assert sift.share_before(0.5, 4) == 1.0
