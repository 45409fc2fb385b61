"""What a prepared finger depends on, and what its digest covers."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from cccd_core.matching import MatcherParameters
from cccd_core.matching.parameters import PREPARING
from support.matching_pairs import impression, raw_matcher

SHIPPED = MatcherParameters()
# one other value of every parameter
OTHERS = {
    "minutiae_max": 60,
    "cylinders_max": 20,
    "candidates": 31,
    "relaxation_rounds": 2,
    "hypotheses": 3,
    "weights": replace(SHIPPED.weights, first_exit=0.0),
} | {f.name: f.default * 1.25 for f in fields(SHIPPED) if isinstance(f.default, float)}


def words(parameters: MatcherParameters) -> list[bytes]:
    """Fingers of few and of many minutiae, prepared."""
    matcher = raw_matcher(parameters)
    return [matcher.prepare(impression(seed, 0, n=n)).words.tobytes() for seed, n in ((1, 45), (2, 130))]


def test_every_parameter_is_tried() -> None:
    assert set(OTHERS) == {f.name for f in fields(SHIPPED)} > set(PREPARING)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_the_preparation_digest_changes_with_what_preparing_writes_and_with_nothing_else(name: str) -> None:
    other = replace(SHIPPED, **{name: OTHERS[name]})
    assert other.digest != SHIPPED.digest
    prepares_anew = name in PREPARING
    assert (other.preparation_digest != SHIPPED.preparation_digest) is prepares_anew
    assert (words(other) != words(SHIPPED)) is prepares_anew


def test_equal_parameters_have_equal_preparation_digests() -> None:
    assert replace(SHIPPED, cylinder_radius_px=64).preparation_digest == SHIPPED.preparation_digest
    # kept fingers are found by it: the shipped one changes only together with PREPARATION or a preparing parameter
    assert SHIPPED.preparation_digest[:19] == "sha256:5eee980fb1cc"
