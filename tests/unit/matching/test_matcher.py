"""The matcher through its door: edges, galleries, threads, parameters, explanation."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cccd_core.errors import FileError, FormatError, ParameterError
from cccd_core.matching import Matcher, MatcherParameters, PreparedGallery, PreparedTemplate
from cccd_core.matching.weights import FEATURES, Weights
from support.matching_pairs import finger, impression, moved, raw_matcher, template

MATCHER = raw_matcher()
NOTHING = np.zeros(0)


def test_the_same_finger_scores_above_another() -> None:
    probe = MATCHER.prepare(impression(1, 1))
    gallery = MATCHER.gallery([impression(1, 2), impression(2, 2)])
    same, other = MATCHER.scores(probe, gallery, threads=1)
    assert same > 25
    assert other < 18


def test_calibrated_scores_are_decibels_of_the_fmr() -> None:
    matcher = Matcher()
    same, other = matcher.scores(
        matcher.prepare(impression(3, 1)), matcher.gallery([impression(3, 2), impression(4, 2)]), threads=1
    )
    assert same > 40
    assert 0 <= other < 25


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_template_of_hardly_any_minutiae_accepts_nobody(n: int) -> None:
    matcher = Matcher()
    x, y, angle = finger(1)
    tiny = matcher.prepare(template(x[:n], y[:n], angle[:n]))
    assert tiny.count == n
    gallery = matcher.gallery([impression(1, 0), impression(2, 0), template(x[:n], y[:n], angle[:n])])
    assert (matcher.scores(tiny, gallery, threads=1) < 20).all()


def test_no_minutiae_score_zero() -> None:
    nobody = MATCHER.prepare(template(NOTHING, NOTHING, NOTHING))
    assert MATCHER.scores(nobody, MATCHER.gallery([impression(1, 0)]), threads=1).tolist() == [0.0]
    assert MATCHER.score(MATCHER.prepare(impression(1, 0)), nobody) == 0.0


def test_minutiae_that_all_lie_in_one_point_get_a_score() -> None:
    heap = MATCHER.prepare(template(np.full(40, 300.0), np.full(40, 300.0), np.linspace(0, 6, 40)))
    assert np.isfinite(MATCHER.scores(heap, MATCHER.gallery([impression(1, 0)]), threads=1)).all()
    assert np.isfinite(MATCHER.score(heap, heap))


@pytest.mark.jit
def test_255_minutiae_are_cut_to_what_fits() -> None:
    many = MATCHER.prepare(impression(5, 0, n=255))
    assert many.count == 120
    assert many.nbytes == 8 * (1 + 120 + 5 * 64) <= 4096
    assert MATCHER.score(many, MATCHER.prepare(impression(5, 1, n=255))) > 25


def test_types_and_qualities_may_be_missing() -> None:
    x, y, angle = finger(6)
    rng = np.random.default_rng(6)
    full = template(x, y, angle, rng.integers(0, 3, len(x)), rng.integers(1, 101, len(x)))
    second = MATCHER.prepare(impression(6, 1))
    assert MATCHER.score(MATCHER.prepare(full), second) == pytest.approx(
        MATCHER.score(MATCHER.prepare(template(x, y, angle)), second), rel=0.25
    )


def test_resolution_is_brought_to_500_dpi() -> None:
    x, y, angle = finger(7)
    second = MATCHER.prepare(impression(7, 1))
    twice = template(x * 2, y * 2, angle, ppcm=394)
    assert MATCHER.score(MATCHER.prepare(twice), second) == pytest.approx(
        MATCHER.score(MATCHER.prepare(template(x, y, angle)), second), rel=0.12
    )


def test_batches_slices_threads_and_order_change_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = MATCHER.gallery([impression(seed, number, n=25) for seed in range(4) for number in range(3)])
    probe = MATCHER.prepare(impression(1, 5, n=25))
    whole = MATCHER.scores(probe, gallery, threads=1)
    monkeypatch.setattr("cccd_core.matching.matcher.BLOCK_FINGERS", 2)
    assert MATCHER.scores(probe, gallery, threads=3).tolist() == whole.tolist()
    assert MATCHER.scores(probe, gallery[3:9], threads=1).tolist() == whole[3:9].tolist()
    assert [MATCHER.score(probe, candidate) for candidate in gallery] == whole.tolist()
    back = PreparedGallery.pack(list(gallery)[::-1])
    assert MATCHER.scores(probe, back, threads=2).tolist() == whole[::-1].tolist()


def test_chosen_fingers_and_pairs_score_as_all_do() -> None:
    gallery = MATCHER.gallery([impression(seed, number, n=20 + seed) for seed in range(4) for number in range(2)])
    chosen = np.array([5, 0, 0, 7, 2])
    some = gallery.take(chosen)
    assert [finger.words.tolist() for finger in some] == [gallery[int(one)].words.tolist() for one in chosen]
    assert some.counts.tolist() == gallery.counts[chosen].tolist()
    pairs = np.array([[0, 1], [0, 7], [3, 2], [3, 3]])
    expected = [MATCHER.scores(gallery[a], gallery, threads=1)[b] for a, b in pairs.tolist()]
    assert MATCHER.pair_scores(gallery, gallery, pairs).tolist() == expected
    assert len(MATCHER.pair_scores(gallery, gallery[:0], np.zeros((0, 2), np.int64))) == 0
    assert len(gallery.take(np.zeros(0, np.int64))) == 0
    for wrong in ([[0, 8]], [[8, 0]], [[-1, 0]]):
        with pytest.raises(ParameterError):
            MATCHER.pair_scores(gallery, gallery, np.array(wrong))
    with pytest.raises(ParameterError):
        gallery.take(np.array([8]))


def test_galleries_are_packed_cut_and_measured() -> None:
    fingers = [MATCHER.prepare(impression(seed, 0, n=10 + seed)) for seed in range(3)]
    gallery = PreparedGallery.pack(fingers)
    assert len(gallery) == 3
    assert gallery.counts.tolist() == [10, 11, 12]
    assert gallery.words.base is not gallery[1].words
    assert np.shares_memory(gallery.words, gallery[1].words)
    assert np.shares_memory(gallery.words, gallery[1:].words)
    assert len(gallery[2:1]) == 0
    assert gallery.nbytes == sum(f.nbytes for f in fingers) + 4 * 8 + 3
    assert len(PreparedGallery.pack([])) == 0
    assert MATCHER.scores(fingers[0], PreparedGallery.pack([]), threads=1).shape == (0,)
    with pytest.raises(ParameterError):
        gallery[3]
    with pytest.raises(ParameterError):
        gallery[::2]


def test_words_that_are_no_finger_are_refused() -> None:
    good = MATCHER.prepare(impression(1, 0, n=20)).words
    for words in (good[:-1], good[:0], np.array([200], np.uint64)):
        with pytest.raises(FormatError):
            PreparedTemplate(words)


def test_threads_must_be_there() -> None:
    gallery = MATCHER.gallery([impression(1, 0, n=10)])
    with pytest.raises(ParameterError):
        MATCHER.scores(gallery[0], gallery, threads=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("minutiae_max", 121), ("cylinders_max", 0), ("candidates", 129), ("spatial_sigma_px", 0.5),
     ("elastic_reach_px", 0.0), ("bit_threshold", -1.0), ("final_tolerance_px", float("nan")),
     ("pairing_tolerance_rad", 0.01), ("similarity_offset_bits", 0.25)],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ParameterError):
        replace(MatcherParameters(), **{name: value})


def test_digests_tell_parameters_apart_and_matchers_travel() -> None:
    parameters = MatcherParameters()
    assert parameters.digest == MatcherParameters().digest
    assert parameters.digest != replace(parameters, candidates=31).digest
    assert parameters.digest != replace(parameters, weights=replace(parameters.weights, first_exit=0.0)).digest
    matcher = Matcher(parameters)
    assert matcher.manifest()["parameters"] == parameters.digest
    assert pickle.loads(pickle.dumps(matcher)).parameters.digest == parameters.digest


def test_weights_go_through_their_file(tmp_path: Path) -> None:
    shipped = Weights.shipped()
    assert shipped.sets
    assert len(shipped.final) == 1 + len(FEATURES)
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(shipped.as_dict()), encoding="utf-8")
    assert Weights.from_file(path) == shipped
    for broken in (b"", b"[", b"[]", b"{}", json.dumps({**shipped.as_dict(), "final": [1.0]}).encode()):
        path.write_bytes(broken)
        with pytest.raises(FormatError) as raised:
            Weights.from_file(path)
        assert raised.value.facts["path"] == str(path)
    with pytest.raises(FileError):
        Weights.from_file(tmp_path / "none.json")


def test_exits_end_early_and_change_nothing_above_them() -> None:
    never = replace(MATCHER.parameters.weights, first_exit=-1e5, second_exit=-1e5)
    thorough = raw_matcher(replace(MATCHER.parameters, weights=never))
    fingers = [impression(seed, number, n=30) for seed in range(6) for number in (1, 2)]
    gallery = MATCHER.gallery(fingers)
    for probe in gallery:
        quick = MATCHER.scores(probe, gallery, threads=1)
        slow = thorough.scores(probe, gallery, threads=1)
        ended = quick != slow
        assert (quick[ended] <= MATCHER.parameters.weights.second_exit).all()
        assert (quick[~ended] == slow[~ended]).all()


def test_an_explanation_tells_pairs_motion_and_parts() -> None:
    base = finger(9)
    a, b = moved(base, 0.0, 0, 0), moved(base, 0.5, 40, -25)
    why = MATCHER.explain(a, b)
    assert why.probe_indices.tolist() == why.candidate_indices.tolist()
    assert len(why.probe_indices) > 40
    assert why.overlap_probe[why.probe_indices].all()
    assert (why.pair_similarities > 0.5).all()
    assert why.raw_score == MATCHER.score(MATCHER.prepare(a), MATCHER.prepare(b))
    assert sum(why.parts.values()) == pytest.approx(why.raw_score, rel=1e-3)
    c, s = np.cos(why.rotation_rad), np.sin(why.rotation_rad)
    x, y = b.x_px.astype(float), b.y_px.astype(float)
    laid_x = c * x + s * y + why.shift_px[0]
    laid_y = -s * x + c * y + why.shift_px[1]
    assert np.abs(laid_x - a.x_px).max() < 3
    assert np.abs(laid_y - a.y_px).max() < 3


def test_an_explanation_of_nothing_is_empty() -> None:
    why = MATCHER.explain(template(NOTHING, NOTHING, NOTHING), impression(1, 0, n=12))
    assert len(why.probe_indices) == 0
    assert why.score == 0.0
