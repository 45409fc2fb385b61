"""The scan over codes: every SIMD level and the Numba twin against the plain truth."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core import runtime
from cccd_core.dedup.codes import scan
from cccd_core.dedup.kernels import scanning as twin
from cccd_core.errors import ParameterError

LEVELS = ["serial", "avx2", "avx512", pytest.param("numba", marks=pytest.mark.jit)]
KINDS = ("signs", "steps")


def choose(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if level == "numba":
        monkeypatch.setenv(runtime.KERNELS_VARIABLE, "numba")
        return
    if level not in runtime.simd_levels():
        pytest.skip(f"{level}: not built, or this CPU lacks it")
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "native")
    monkeypatch.setenv(runtime.SIMD_VARIABLE, level)


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs the test with this SIMD level, or with the Numba twin."""
    choose(request.param, monkeypatch)
    return str(request.param)


def people(rows: int, seed: int, fingers: int = 10, wide: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Codes at random, some near the first one's, and who has which finger; what is missing is zero."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, 256, (rows, fingers, wide), dtype=np.uint8)
    near = random.random(rows) < 0.3
    codes[near] = np.random.default_rng(77).integers(0, 256, (fingers, wide), dtype=np.uint8)
    codes[near] ^= (random.random((int(near.sum()), fingers, wide)) < 0.05).astype(np.uint8)
    present = random.integers(0, 1 << fingers, rows).astype(np.uint16)
    present[::3] = (1 << fingers) - 1
    codes[(present[:, None] >> np.arange(fingers) & 1) == 0] = 0
    return np.ascontiguousarray(codes.reshape(rows, fingers * wide)), present


def floors(probes: int, seed: int, most: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    made = random.integers(-most, most, (probes, scan.PRESENCES)).astype(np.int32)
    made[:, 1::9] = scan.NOTHING
    made[:, ::9] = np.iinfo(np.int32).min
    return made


def truth(kind: str, codes: np.ndarray, present: np.ndarray, row: np.ndarray, fingers: int) -> int:
    """What a row is worth to a person, in Python's integers."""
    there = [present >> finger & 1 for finger in range(fingers) for _ in range(len(codes) // fingers)]
    pairs = [(int(a), int(b)) for a, b, one in zip(codes, row, there, strict=True) if one]
    if kind == "signs":
        return -sum((a ^ b).bit_count() for a, b in pairs)
    signed = [half - 16 if half > 7 else half for half in range(16)]
    return sum(signed[a & 15] * signed[b & 15] + signed[a >> 4] * signed[b >> 4] for a, b in pairs)


def expected(kind, codes, present, rows, row_present, limits, fingers):
    return [
        (p, r, value)
        for p in range(len(codes))
        for r in range(len(rows))
        if (value := truth(kind, codes[p], int(present[p]), rows[r], fingers)) >= limits[p, row_present[r]]
    ]


def run(kind, codes, present, rows, row_present, limits, fingers, **named):
    probes = (scan.sign_probes if kind == "signs" else scan.step_probes)(codes, present, fingers)
    found = (scan.signs if kind == "signs" else scan.steps)(probes, limits, rows, row_present, **named)
    return list(zip(*(column.tolist() for column in found), strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("probes", "rows"), [(0, 0), (0, 5), (5, 0), (1, 1), (1, 7), (3, 8), (2, 9), (3, 170)])
def test_every_level_finds_what_is_there(level, kind, probes, rows):
    codes, present = people(probes, 1)
    gallery, row_present = people(rows, 2)
    limits = floors(probes, 3, 700)
    wanted = expected(kind, codes, present, gallery, row_present, limits, 10)
    assert run(kind, codes, present, gallery, row_present, limits, 10) == wanted


@pytest.mark.jit
@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**32 - 1),
    probes=st.integers(1, 4),
    rows=st.integers(1, 60),
    fingers=st.sampled_from([1, 4, 10]),
    wide=st.sampled_from([8, 24, 64, 72, 96]),
)
def test_levels_agree_for_any_width(kind, seed, probes, rows, fingers, wide):
    codes, present = people(probes, seed, fingers, wide)
    gallery, row_present = people(rows, seed + 1, fingers, wide)
    limits = floors(probes, seed, 40 * wide)
    wanted = expected(kind, codes, present, gallery, row_present, limits, fingers)
    for level in (*runtime.simd_levels(), "numba"):
        with pytest.MonkeyPatch.context() as monkeypatch:
            choose(level, monkeypatch)
            assert run(kind, codes, present, gallery, row_present, limits, fingers) == wanted, level


@pytest.mark.parametrize("kind", KINDS)
def test_extremes(level, kind):
    everyone = np.full(3, 1023, np.uint16)
    codes = np.stack([np.zeros(960, np.uint8), np.full(960, 255, np.uint8), np.full(960, 0x88, np.uint8)])
    limits = np.full((3, scan.PRESENCES), np.iinfo(np.int32).min, np.int32)
    found = {(p, r): value for p, r, value in run(kind, codes, everyone, codes, everyone, limits, 10)}
    assert len(found) == 9
    assert found[0, 1] == (-7680 if kind == "signs" else 0)
    assert found[2, 2] == (0 if kind == "signs" else 2 * 64 * 960)


def test_more_hits_than_the_first_room_and_any_number_of_threads(level, monkeypatch):
    monkeypatch.setattr(scan, "ROWS_A_THREAD", 500)
    monkeypatch.setattr(scan, "_FIRST_CAPACITY", 64)
    codes, present = people(3, 1)
    gallery, row_present = people(1203, 2)
    limits = np.full((3, scan.PRESENCES), np.iinfo(np.int32).min, np.int32)
    found = run("signs", codes, present, gallery, row_present, limits, 10)
    assert [(p, r) for p, r, _ in found] == [(p, r) for p in range(3) for r in range(1203)]
    assert run("signs", codes, present, gallery, row_present, limits, 10, threads=3) == found
    monkeypatch.setattr(scan, "MOST_HITS", 1000)
    with pytest.raises(ParameterError) as error:
        run("signs", codes, present, gallery, row_present, limits, 10)
    assert error.value.facts["found"] == 1500


def test_read_only_and_mapped_rows(level, tmp_path):
    codes, present = people(2, 1)
    gallery, row_present = people(40, 2)
    limits = floors(2, 3, 700)
    wanted = run("signs", codes, present, gallery, row_present, limits, 10)
    gallery.tofile(tmp_path / "codes")
    mapped = np.memmap(tmp_path / "codes", np.uint8, "r", shape=gallery.shape)
    assert run("signs", codes, present, mapped, row_present, limits, 10) == wanted


def test_what_does_not_belong_together_is_refused(level):
    codes, present = people(2, 1)
    gallery, row_present = people(40, 2)
    probes, limits = scan.sign_probes(codes, present, 10), floors(2, 3, 700)
    for bad in (
        (probes[:, :-1], limits, gallery, row_present),
        (probes[:1], limits, gallery, row_present),
        (probes, limits[:, :100], gallery, row_present),
        (probes, limits.astype(np.int64), gallery, row_present),
        (probes, limits, gallery[:, ::2], row_present),
        (probes, limits, gallery.astype(np.int8), row_present),
        (probes, limits, gallery, row_present[:-1]),
        (probes[:, :6].copy(), limits, gallery[:, :3].copy(), row_present),
    ):
        with pytest.raises(ParameterError):
            scan.signs(*bad)
    with pytest.raises(ParameterError):
        scan.signs(probes, limits, gallery, row_present, threads=0)


def test_kernels_store_the_first_hits_and_count_all(level):
    codes, present = people(3, 1)
    gallery, row_present = people(60, 2)
    probes = scan.sign_probes(codes, present, 10)
    limits = np.full((3, scan.PRESENCES), np.iinfo(np.int32).min, np.int32)
    out = np.full((5, 3), 9999, np.uint32)
    if level == "numba":
        found = twin.signs(probes.view(np.uint64), limits, gallery.view(np.uint64), row_present, out[:4])
    else:
        found = runtime.native().scanning_signs(probes, limits, gallery, row_present, out[:4], level)
    assert found == 180
    assert out[:, 1].tolist() == [0, 1, 2, 3, 9999]


def test_the_interpreter_goes_on_during_a_scan(level):
    codes, present = people(400, 4, wide=96)
    gallery, row_present = people({"numba": 400, "serial": 3000}.get(level, 20_000), 3, wide=96)
    probes = scan.sign_probes(codes, present, 10)
    limits = np.full((400, scan.PRESENCES), scan.NOTHING, np.int32)
    scan.signs(probes[:1], limits[:1], gallery[:1], row_present[:1])  # compiled before the watch begins
    steps = 0
    for _ in range(100):  # of a machine that is busy this thread may get nothing for as long as a scan takes
        begun, done = threading.Event(), threading.Event()

        def work(begun: threading.Event = begun, done: threading.Event = done) -> None:
            begun.set()
            scan.signs(probes, limits, gallery, row_present)
            done.set()

        worker = threading.Thread(target=work)
        worker.start()
        begun.wait()
        while not done.is_set():
            steps += 1
        worker.join()
        if steps:
            break
    assert steps > 0
