"""Packed fingers come back word for word, by the native kernels and by their twins; and runs are distrusted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core import runtime
from cccd_core.dedup.index.packing import fingers_of, pack, pack_people, unpack
from cccd_core.dedup.kernels import unpacking
from cccd_core.errors import FormatError
from cccd_core.matching.prepared import PreparedGallery, PreparedTemplate, words_of
from support.index_world import MATCHER, finger


@pytest.fixture(params=["native", "numba"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test by both kinds of kernels."""
    if request.param == "native" and runtime.native_error():
        pytest.skip("the native kernels are not built")
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, request.param)


def unpacked(runs: Sequence[bytes], least: int = 0) -> PreparedGallery:
    ends = np.cumsum([0, *map(len, runs)])
    data = np.frombuffer(b"".join(runs), np.uint8)
    found = fingers_of(data, ends[:-1].copy(), ends[1:].copy(), least_minutiae=least)
    return unpack(found, np.arange(len(found.run)))


def made_up(seed: int, minutiae: int, cylinders: int) -> PreparedTemplate:
    """Words of every kind that a prepared finger can have."""
    words = np.random.default_rng(seed).integers(0, 2**64, words_of(minutiae, cylinders), np.uint64)
    words[0] = (int(words[0]) & ~0xFFFFFF) | minutiae | cylinders << 8 | minutiae << 16
    words[1 + minutiae + 4 * cylinders :] &= np.uint64(2**56 - 1)  # 312 bits
    words[1 + minutiae :: 3] = 0
    return PreparedTemplate(words)


@pytest.mark.usefixtures("kernels")
def test_packing_loses_nothing() -> None:
    prepared = [MATCHER.prepare(finger(n)) for n in range(12)]
    run = pack(enumerate(prepared[:10]))
    assert len(run) < sum(one.nbytes for one in prepared[:10]) / 1.5
    runs = [run, pack([]), pack([(0, prepared[11])])]
    assert [one.words.tobytes() for one in unpacked(runs)] == [
        one.words.tobytes() for one in (*prepared[:10], prepared[11])
    ]
    assert pack([]) == b"\0"
    assert len(unpacked([])) == len(unpacked([pack([])])) == 0
    least = prepared[11].count
    assert [one.count for one in unpacked(runs, least)] == [
        one.count for one in (*prepared[:10], prepared[11]) if one.count >= least
    ]


def test_people_are_packed_together_as_each_alone() -> None:
    prepared = [MATCHER.prepare(finger(n)) for n in range(5)]
    prepared[2:2] = [made_up(1, 0, 0), made_up(2, 7, 0), made_up(3, 120, 64)]
    positions, bounds = [1, 2, 0, 3, 4, 5, 0, 0], [0, 3, 3, 7, 8]
    gallery = PreparedGallery.pack([made_up(4, 9, 9), *prepared, made_up(5, 9, 9)])[1:-1]
    runs = pack_people(gallery, positions, bounds)
    alone = list(zip(positions, prepared, strict=True))
    assert runs == [pack(alone[start:stop]) for start, stop in pairwise(bounds)]
    assert [one.words.tobytes() for one in unpacked(runs)] == [one.words.tobytes() for one in prepared]


@pytest.mark.usefixtures("kernels")
@given(seed=st.integers(0, 2**32), minutiae=st.integers(0, 120), share=st.floats(0, 1))
def test_any_words_come_back(seed: int, minutiae: int, share: float) -> None:
    one = made_up(seed, minutiae, int(share * min(minutiae, 64)))
    assert unpacked([pack([(10, one)])])[0].words.tobytes() == one.words.tobytes()


@pytest.mark.usefixtures("kernels")
def test_runs_are_distrusted() -> None:
    run = pack([(2, MATCHER.prepare(finger(1))), (0, MATCHER.prepare(finger(2)))])
    for end in range(len(run)):
        with pytest.raises(FormatError) as caught:
            unpacked([run, run[:end]])
        assert caught.value.facts["run"] == 1
    with pytest.raises(FormatError):
        unpacked([run + b"\0"])
    for wrong in (b"\x0b" + run[1:], b"\x02\x0b" + run[2:], b"\x02\x02\x00\x79" + run[4:]):
        with pytest.raises(FormatError):
            unpacked([wrong])


def test_altered_runs_are_found_out_by_both_or_neither() -> None:
    if runtime.native_error():
        pytest.skip("the native kernels are not built")
    native = runtime.native()
    run = pack([(2, MATCHER.prepare(finger(1)))])
    starts, stops = np.zeros(1, np.int64), np.full(1, len(run), np.int64)
    for place in range(0, len(run), 7):
        for flip in (1, 0x80, 0xFF):
            data = np.frombuffer(run, np.uint8).copy()
            data[place] ^= flip
            ours, theirs = np.zeros((10, 5), np.int64), np.zeros((10, 5), np.int64)
            assert unpacking.find(data, starts, stops, ours) == native.unpacking_find(data, starts, stops, theirs)
            assert np.array_equal(ours, theirs)


@pytest.mark.usefixtures("kernels")
def test_fingers_that_changed_since_they_were_found_are_refused() -> None:
    run = pack([(2, MATCHER.prepare(finger(1)))])
    data = np.frombuffer(run, np.uint8).copy()
    found = fingers_of(data, np.zeros(1, np.int64), np.full(1, len(run)))
    data[2] -= 1
    with pytest.raises(FormatError, match="changed"):
        unpack(found, np.arange(1))
