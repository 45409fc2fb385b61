"""Finger codes: the same bytes from every kernel and level, whatever the finger; files that are none are refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core import runtime
from cccd_core.dedup.codes import CodeColumn, FingerCoder
from cccd_core.dedup.codes import coder as coder_module
from cccd_core.dedup.codes.model import MAGIC, CodeModel, Head, Scale, shipped
from cccd_core.errors import DamagedError, ParameterError
from cccd_core.matching import Matcher, PreparedGallery
from cccd_core.matching.matcher import gallery_at_scales
from cccd_core.synthesis import MasterFinger
from cccd_core.templates import FingerTemplate
from support.matching_pairs import impression

LEVELS = ("serial", "avx2", "avx512")


def anything(seed: int, n: int, span: int, ppcm: tuple[int, int] = (197, 197)) -> FingerTemplate:
    """n minutiae anywhere: many in one place where `span` is small."""
    random = np.random.default_rng(seed)
    return FingerTemplate(
        random.integers(0, span, n).astype(np.uint16),
        random.integers(0, span, n).astype(np.uint16),
        random.integers(0, 65536, n).astype(np.uint16),
        random.integers(0, 3, n).astype(np.uint8),
        random.integers(0, 101, n).astype(np.uint8),
        resolution_x_ppcm=ppcm[0],
        resolution_y_ppcm=ppcm[1],
    )


def model(seed: int = 1, *, scales: int = 2, depth: int = 128, vocabulary: int = 16, outputs: int = 64) -> CodeModel:
    """A small model of random numbers, large enough that shares and steps reach their bounds."""
    random = np.random.default_rng(seed)
    head = Head(
        (Scale(64.0, 8.0), Scale(40.0, 6.0), Scale(100.0, 12.0))[:scales], depth, vocabulary, outputs, 64, 60.0, ()
    )
    arrays = [
        random.integers(-127, 128, shape).astype(np.int8)
        if kind == "|i1"
        else (random.normal(0, 1, shape)).astype(np.float32)
        for shape, kind in head.shapes.values()
    ]
    return CodeModel(head, *arrays)


def agree(monkeypatch: pytest.MonkeyPatch, coder: FingerCoder, fingers: list[FingerTemplate]) -> None:
    """All kernels give the same bytes."""
    levels = runtime.simd_levels()
    if not levels:
        pytest.skip("no native kernels are built here")
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "numba")
    expected = coder.encode(fingers)
    monkeypatch.setenv(runtime.KERNELS_VARIABLE, "native")
    for level in levels:
        monkeypatch.setenv(runtime.SIMD_VARIABLE, level)
        found = coder.encode(fingers)
        assert list(found) == [column.name for column in coder.columns]
        for name, codes in found.items():
            assert codes.tolist() == expected[name].tolist(), (level, name)


def test_every_level_gives_the_codes_of_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    agree(monkeypatch, FingerCoder(model()), [impression(seed, 1, n=n) for seed, n in enumerate((0, 1, 2, 9))])


@pytest.mark.jit
def test_every_level_gives_the_codes_of_numba_for_every_number_of_minutiae(monkeypatch: pytest.MonkeyPatch) -> None:
    fingers = [anything(n, n, 400) for n in range(256)]
    fingers += [anything(n, n, span) for n in (1, 2, 3, 64, 65, 255, 300) for span in (1, 2, 60, 65536)]
    fingers += [anything(n, 60, 400, ppcm) for n, ppcm in enumerate([(1, 65535), (394, 197), (50, 100)])]
    agree(monkeypatch, FingerCoder.shipped(), fingers)


@pytest.mark.jit
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    scales=st.integers(1, 3),
    depth=st.sampled_from([128, 256]),
    vocabulary=st.sampled_from([16, 48]),
    outputs=st.sampled_from([64, 128, 192]),
    counts=st.lists(st.integers(0, 255), min_size=1, max_size=10),
)
def test_kernels_agree_for_any_model(seed, scales, depth, vocabulary, outputs, counts):
    made = model(seed, scales=scales, depth=depth, vocabulary=vocabulary, outputs=outputs)
    with pytest.MonkeyPatch.context() as monkeypatch:
        agree(monkeypatch, FingerCoder(made), [anything(seed + i, n, 300) for i, n in enumerate(counts)])


@pytest.mark.jit
def test_fingers_that_are_prepared_already_are_not_prepared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    coder, matcher = FingerCoder.shipped(), Matcher()
    fingers = [anything(n, n, 300) for n in range(0, 90, 3)]
    expected = coder.encode(fingers)
    prepared = {matcher.parameters.preparation_digest: matcher.gallery(fingers)}
    once: list[int] = []

    def counted(matchers: Sequence[Matcher], some: Sequence[FingerTemplate]) -> PreparedGallery:
        once.append(len(matchers) * len(some))
        return gallery_at_scales(matchers, some)

    monkeypatch.setattr(coder_module, "gallery_at_scales", counted)
    for threads in (1, 3):
        found = coder.encode(fingers, prepared=prepared, threads=threads)
        assert {name: codes.tolist() for name, codes in found.items()} == {
            name: codes.tolist() for name, codes in expected.items()
        }
        assert sum(once) == 2 * len(fingers)  # at the other two radii
        once.clear()
    coder.encode(fingers, prepared={"sha256:another": prepared.popitem()[1]})
    assert sum(once) == 3 * len(fingers)


def test_other_numbers_of_prepared_fingers_are_refused():
    matcher, fingers = Matcher(), [impression(1, 1, n=n) for n in (3, 4)]
    with pytest.raises(ParameterError) as caught:
        FingerCoder.shipped().encode(
            fingers, prepared={matcher.parameters.preparation_digest: matcher.gallery(fingers[:1])}
        )
    assert caught.value.facts == {"templates": 2, "prepared": 1}


def test_a_finger_without_minutiae_has_zeros_and_others_have_not():
    found = FingerCoder.shipped().encode([impression(1, 1, n=0), impression(1, 1, n=30)])
    for codes in found.values():
        assert not codes[0].any()
        assert codes[1].any()
    assert FingerCoder.shipped().encode([])["bits"].shape == (0, FingerCoder.shipped().columns[0].bytes_per_finger)


def test_a_person_takes_what_was_promised():
    columns = {column.name: column for column in FingerCoder.shipped().columns}
    assert columns["bits"] == CodeColumn("bits", 96)
    assert 10 * columns["bits"].bytes_per_finger <= 1000
    assert 10 * columns["int4"].bytes_per_finger <= 3000


@pytest.mark.jit
def test_threads_and_blocks_change_nothing():
    coder = FingerCoder(model())
    fingers = [anything(n, n % 50, 300) for n in range(150)]
    expected = coder.encode(fingers)
    for name, codes in coder.encode(fingers, threads=3).items():
        assert (codes == expected[name]).all()
    for start in (0, 7, 149):
        assert (coder.encode(fingers[start : start + 1])["bits"] == expected["bits"][start]).all()
    with pytest.raises(ParameterError):
        coder.encode(fingers, threads=0)


def test_impressions_of_a_finger_are_nearer_than_fingers():
    """On data that was not trained on: other seeds than the training script's."""
    fingers = [MasterFinger.make(5, person, 2) for person in range(6)]
    codes = FingerCoder.shipped().encode([finger.impression(k, quality=1.0) for k in range(2) for finger in fingers])
    bits = np.unpackbits(codes["bits"], axis=1)
    apart = (bits[:6, None] != bits[None, 6:]).sum(axis=2)
    assert (apart.argmin(axis=1) == np.arange(6)).all()


def test_a_model_comes_back_from_its_file():
    made = model()
    again = CodeModel.from_bytes(made.to_bytes())
    assert again.head == made.head
    assert again.digest == made.digest
    assert again.to_bytes() == made.to_bytes()
    assert FingerCoder(again).digest == made.digest


def test_the_shipped_file_is_the_one_that_is_named():
    assert FingerCoder.shipped() is FingerCoder.shipped()
    assert FingerCoder.shipped().digest == shipped().digest
    assert "synthesis" in shipped().head.trained_on


def test_damaged_files_are_refused():
    data = model().to_bytes()
    length = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4], "little")
    start = len(MAGIC) + 4 + length
    head = data[len(MAGIC) + 4 : start]

    def with_head(text: bytes) -> bytes:
        return MAGIC + len(text).to_bytes(4, "little") + text + data[start:]

    for bad in (
        b"",
        data[:-1],
        data + b"\0",
        b"x" + data[1:],
        data[: len(MAGIC)] + b"\xff\xff\xff\xff" + data[len(MAGIC) + 4 :],
        with_head(b"{"),
        with_head(b"[" * 5000),
        with_head(head.replace(b'"depth": 128', b'"depth": 129')),
        with_head(head.replace(b'"depth": 128', b'"depth": 128000000')),
        with_head(head.replace(b'"coarse": 64', b'"coarse": 128')),
        with_head(head.replace(b'"radius_px": 64.0', b'"radius_px": 6400.0')),
        with_head(head.replace(b'"coarse_scale": 60.0', b'"coarse_scale": 1e30')),
        with_head(head.replace(b'"depth"', b'"width"')),
        data[:-4] + np.float32(np.nan).tobytes(),
        data[:-4] + np.float32(1e9).tobytes(),
    ):
        with pytest.raises(DamagedError):
            CodeModel.from_bytes(bad)


def test_the_native_kernel_refuses_what_does_not_belong_together():
    if not runtime.simd_levels():
        pytest.skip("no native kernels are built here")
    made = model()
    head = made.head
    prepared = FingerCoder(made)._matchers[0].prepare(impression(1, 1, n=20)).words
    words = np.concatenate([prepared, prepared])
    starts, stops = np.array([[0, len(prepared)]]), np.array([[len(prepared), len(words)]])
    signs, coarse = np.zeros((1, head.outputs // 8), np.uint8), np.zeros((1, head.coarse // 2), np.uint8)

    def call(**changed: object) -> None:
        named = dict(zip(head.shapes, made.arrays(), strict=True))
        arguments = {"scales": 2, **named, "coarse_scale": 60.0, "words": words, "starts": starts, "stops": stops}
        arguments |= {"signs": signs, "coarse": coarse, "level": runtime.simd_levels()[0]} | changed
        runtime.native().coding_codes(**arguments)

    call()
    other = FingerCoder(made)._matchers[0].prepare(impression(1, 1, n=21)).words
    for changed in (
        {"scales": 0},
        {"scales": 1},
        {"starts": starts[:, :1].copy()},
        {"stops": stops.repeat(2, axis=0)},
        {"starts": stops, "stops": starts},
        {"starts": starts - 1},
        {"starts": starts - 1, "stops": stops - 1},
        {"stops": stops + 1},
        {"starts": starts + len(words), "stops": stops + len(words)},
        {"words": words[:-1].copy()},
        {
            "words": np.concatenate([prepared, other]),
            "stops": np.array([[len(prepared), len(prepared) + len(other)]]),
        },
        {"signs": np.zeros((1, 7), np.uint8)},
        {"coarse": np.zeros((1, 64), np.uint8)},
        {"coarse": np.zeros((2, 32), np.uint8)},
        {"centres": made.centres[:8].copy()},
        {"assignment": made.assignment[:, :8].copy()},
        {"projection": made.projection[:, :1024].copy()},
        {"embedding_bias": made.embedding_bias[:16].copy()},
        {"level": "none"},
    ):
        with pytest.raises(ValueError, match=r"must|model|no prepared finger|level"):
            call(**changed)
