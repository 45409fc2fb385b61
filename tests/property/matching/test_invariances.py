"""What must hold for every pair of templates: symmetry, motion, monotony, a score for anything."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.matching import Matcher, PreparedGallery
from cccd_core.templates import FingerTemplate
from support.matching_pairs import finger, impression, moved, raw_matcher, template

pytestmark = pytest.mark.jit
MATCHER = raw_matcher()
CALIBRATED = Matcher()

# Raw scores are natural log-odds, about 11 for an impostor pair, 25 to 60 for a genuine one.
# Rounding to whole pixels and 256ths of a turn moves bits of the cylinders.
QUANTISATION = 0.12
MONOTONE_DB = 3.0


def score(a: FingerTemplate, b: FingerTemplate) -> float:
    return MATCHER.score(MATCHER.prepare(a), MATCHER.prepare(b))


@given(st.integers(0, 500), st.integers(0, 500))
@settings(max_examples=40)
def test_exchanging_the_sides_changes_nothing(one: int, other: int) -> None:
    a, b = impression(one, 1), impression(other, 2)
    assert score(a, b) == score(b, a)


@given(st.integers(0, 500), st.floats(0, 2 * np.pi), st.integers(-400, 400), st.integers(-400, 400))
@settings(max_examples=40)
def test_a_finger_may_lie_anywhere_and_anyhow(seed: int, turn: float, dx: int, dy: int) -> None:
    base = finger(seed)
    still, second = moved(base, 0.0, 0, 0), impression(seed, 3)
    before = score(still, second)
    after = score(moved(base, turn, dx, dy), second)
    assert before > 25
    assert after == pytest.approx(before, rel=QUANTISATION)


@given(st.integers(0, 500), st.integers(-300, 300), st.integers(-300, 300))
@settings(max_examples=25)
def test_a_whole_pixel_shift_changes_nothing(seed: int, dx: int, dy: int) -> None:
    x, y, angle = finger(seed)
    x, y = np.rint(x), np.rint(y)
    assert score(template(x, y, angle), impression(seed, 1)) == score(
        template(x + dx, y + dy, angle), impression(seed, 1)
    )


@given(st.integers(0, 500))
@settings(max_examples=25)
def test_fewer_matching_minutiae_never_score_higher(seed: int) -> None:
    x, y, angle = finger(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    second = CALIBRATED.prepare(impression(seed, 1))
    found = []
    for n in (45, 32, 20, 10, 4):
        fewer = template(x[order[:n]], y[order[:n]], angle[order[:n]])
        found.append(CALIBRATED.score(CALIBRATED.prepare(fewer), second))
    for more, fewer_still in pairwise(found):
        assert fewer_still <= more + MONOTONE_DB


@given(st.integers(0, 500), st.integers(0, 500))
@settings(max_examples=15)
def test_the_order_of_the_minutiae_does_not_matter(one: int, other: int) -> None:
    a, b = impression(one, 1), impression(other, 1)
    shuffled = np.random.default_rng(one).permutation(a.count)
    again = template(a.x_px[shuffled].astype(float), a.y_px[shuffled].astype(float), a.angle_rad[shuffled])
    assert score(again, b) == score(a, b)


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535)), max_size=255))
@settings(max_examples=60)
def test_any_minutiae_at_all_get_a_score(points: list[tuple[int, int, int]]) -> None:
    columns = np.array(points, np.uint16).reshape(-1, 3)
    for ppcm in (1, 197, 65535):
        odd = FingerTemplate(
            x_px=columns[:, 0],
            y_px=columns[:, 1],
            angle=columns[:, 2],
            kind=np.zeros(len(points), np.uint8),
            quality=np.zeros(len(points), np.uint8),
            resolution_x_ppcm=ppcm,
            resolution_y_ppcm=ppcm,
        )
        prepared = MATCHER.prepare(odd)
        gallery = PreparedGallery.pack([prepared, MATCHER.prepare(impression(1, 0))])
        assert prepared.nbytes <= 4096
        found = MATCHER.scores(prepared, gallery, threads=1)
        assert np.isfinite(found).all()
        assert (found >= 0).all()
