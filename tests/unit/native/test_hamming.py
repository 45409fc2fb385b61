"""The Hamming scan: every SIMD level and the Numba twin against the plain truth."""

from __future__ import annotations

import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from cccd_core import runtime
from cccd_core.dedup import hamming
from cccd_core.errors import ParameterError

_spec = importlib.util.spec_from_file_location(
    "hamming_naive", Path(__file__).parents[2] / "reference" / "hamming_naive.py"
)
naive = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

LEVELS = ["serial", "avx2", "avx512", pytest.param("numba", marks=pytest.mark.jit)]


@pytest.fixture(params=LEVELS)
def level(request, monkeypatch):
    """Runs the test with this SIMD level, or with the Numba twin."""
    if request.param == "numba":
        monkeypatch.setenv(runtime.KERNELS_VARIABLE, "numba")
        assert runtime.kernels() == "numba"
        return request.param
    if request.param not in runtime.simd_levels():
        pytest.skip(f"{request.param}: not built, or this CPU lacks it")
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "native")
    monkeypatch.setenv(runtime.SIMD_VARIABLE, request.param)
    assert runtime.kernels() == f"native-{request.param}"
    return request.param


def codes(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, (rows, 8), dtype=np.uint64)


def related(rows: int, seed: int) -> np.ndarray:
    """Codes of which every third differs from the first of the same generator in a few bits."""
    result = codes(rows, seed)
    random = np.random.default_rng(seed + 1)
    base = codes(1, 77)[0]
    for row in range(0, rows, 3):
        result[row] = base
        for bit in random.integers(0, 512, random.integers(0, 40)):
            result[row, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return result


SIZES = [(0, 0), (0, 5), (5, 0), (1, 1), (1, 7), (3, 8), (2, 9), (5, 255), (4, 256), (3, 257), (2, 515)]


@pytest.mark.parametrize(("probes", "rows"), SIZES)
def test_distances_equal_the_plain_count(level, probes, rows):
    probe, gallery = related(probes, 1), related(rows, 2)
    found = hamming.distances(probe, gallery)
    assert found.shape == (probes, rows)
    assert found.dtype == np.uint16
    assert found.tolist() == naive.distances(probe, gallery)


@pytest.mark.parametrize(("probes", "rows"), SIZES)
@pytest.mark.parametrize("limit", [0, 30, 256, 511, 512, 10**12])
def test_within_gives_the_same_pairs_in_the_same_order(level, probes, rows, limit):
    probe, gallery = related(probes, 1), related(rows, 2)
    found = hamming.within(probe, gallery, limit)
    assert [tuple(hit) for hit in found.tolist()] == naive.within(probe, gallery, limit)


def test_extremes(level):
    zero, ones = np.zeros((1, 8), np.uint64), np.full((1, 8), 2**64 - 1, np.uint64)
    assert hamming.distances(zero, ones)[0, 0] == 512
    assert hamming.distances(ones, ones)[0, 0] == 0
    assert len(hamming.within(zero, ones, 511)) == 0
    assert hamming.within(zero, ones, 512).tolist() == [[0, 0, 512]]
    single = np.zeros((512, 8), np.uint64)
    for bit in range(512):
        single[bit, bit // 64] = np.uint64(1) << np.uint64(bit % 64)
    assert (hamming.distances(zero, single) == 1).all()
    assert (hamming.distances(single, single) == 2 * (1 - np.eye(512, dtype=int))).all()


def test_more_hits_than_the_first_room(level):
    gallery = np.zeros((700, 8), np.uint64)
    probe = np.zeros((10, 8), np.uint64)
    found = hamming.within(probe, gallery, 0)
    assert len(found) == 7000  # above the room of the first call
    assert [tuple(hit) for hit in found.tolist()] == naive.within(probe, gallery, 0)
    assert len(hamming.within(probe, gallery, 0, most=7000)) == 7000
    with pytest.raises(ParameterError) as error:
        hamming.within(probe, gallery, 0, most=6999)
    assert error.value.facts["found"] == 7000


def test_kernels_store_the_first_hits_and_count_all(level):
    probe, gallery = np.zeros((3, 8), np.uint64), np.zeros((300, 8), np.uint64)
    out = np.full((5, 3), 9999, np.uint32)
    if level == "numba":
        found = import_module("cccd_core.dedup.kernels.hamming").within(probe, gallery, 0, hamming.BLOCK_ROWS, out[:4])
    else:
        found = runtime.native().hamming_within(probe, gallery, 0, out[:4], level)
    assert found == 900
    assert out.tolist() == [[0, 0, 0], [0, 1, 0], [0, 2, 0], [0, 3, 0], [9999, 9999, 9999]]


def test_read_only_and_mapped_arrays(level, tmp_path):
    gallery = codes(300, 5)
    probe = codes(2, 6)
    expected = hamming.distances(probe, gallery)
    path = tmp_path / "codes"
    gallery.tofile(path)
    mapped = np.memmap(path, np.uint64, "r", shape=(300, 8))
    frozen = np.frombuffer(gallery.tobytes(), np.uint64).reshape(300, 8)
    assert not mapped.flags.writeable
    assert not frozen.flags.writeable
    for one in (mapped, frozen, gallery[:300]):
        assert (hamming.distances(probe, one) == expected).all()
        assert (hamming.within(probe, one, 250) == hamming.within(probe, gallery, 250)).all()


def test_what_is_no_code_is_refused(level):
    good = codes(2, 1)
    for bad in (
        good[:, :7],
        good.astype(np.int64),
        good[::2, ::-1],
        good.ravel(),
        np.asfortranarray(codes(3, 1)),
        good.astype(">u8"),
        [[0] * 8],
    ):
        with pytest.raises(ParameterError):
            hamming.distances(bad, good)
        with pytest.raises(ParameterError):
            hamming.within(good, bad, 3)
    with pytest.raises(ParameterError):
        hamming.within(good, good, -1)


def test_threads_share_a_gallery(level):
    gallery, probes = codes(3000, 8), codes(16, 9)
    expected = hamming.distances(probes, gallery)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: hamming.distances(probes[i : i + 1], gallery), range(16)))
    assert (np.vstack(found) == expected).all()


def test_the_interpreter_goes_on_during_a_scan(level):
    gallery, probe = codes(60_000, 3), codes(1500, 4)
    hamming.within(probe[:1], gallery[:1], 0)  # compiled before the watch begins
    begun, done = threading.Event(), threading.Event()

    def scan() -> None:
        begun.set()
        hamming.within(probe, gallery, 0)
        done.set()

    thread = threading.Thread(target=scan)
    thread.start()
    begun.wait()
    turns = 0
    while not done.wait(0.0005):
        turns += 1
    thread.join()
    assert turns >= 3  # a scan that held the interpreter would leave one turn at most, before it began


def test_native_refuses_unknown_levels():
    if not runtime.simd_levels():
        pytest.skip("the native kernels are not built")
    with pytest.raises(ValueError, match="level"):
        runtime.native().hamming_distances(codes(1, 1), codes(1, 2), np.empty((1, 1), np.uint16), "sse9")
