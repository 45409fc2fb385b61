"""Two sets laid beside each other: shapes, quantiles, tails, and several fingers of a person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cccd_core.errors import FileError
from cccd_core.evaluation.likeness import Measure, compare, counterpart, d_prime, picture
from cccd_core.evaluation.samples import Sample, SampleSet
from cccd_core.evaluation.scoring import score_pairs
from cccd_core.matching import Matcher
from cccd_core.synthesis import setting, tenprints

MATCHER = Matcher()


def scored(samples):
    return score_pairs(samples, MATCHER, threads=1)[0]


def a_set(parameters, seed, people=8, positions=(2, 7)):
    sides = [
        list(tenprints(seed, range(people), impressions=k, positions=positions, parameters=parameters)) for k in (0, 1)
    ]
    made = [
        Sample(f"{person}-{position}", str(k), side[person][position])
        for person in range(people)
        for position in positions
        for k, side in enumerate(sides)
    ]
    return SampleSet("somewhere", tuple(made))


@pytest.mark.jit
def test_a_counterpart_has_the_shape_and_the_same_prints_each_time():
    real = a_set(setting(), 1)
    cut = SampleSet(real.path, (*real.samples[1:], Sample("9-1", "0", None, "unreadable")))
    made = counterpart(cut, setting(), 5)
    assert len(made.samples) == len(real.samples) - 1
    assert len(made.fingers) == 16
    assert [s.template for s in made.samples] == [s.template for s in counterpart(cut, setting(), 5).samples]
    assert made.samples[0].template != counterpart(cut, setting(), 6).samples[0].template
    with pytest.raises(FileError):
        counterpart(
            SampleSet("", tuple(Sample(f"1-{k}", "1", real.samples[0].template) for k in range(11))), setting(), 1
        )


@pytest.mark.jit
def test_likes_are_alike_and_worse_prints_are_told():
    one, two = a_set(setting(), 1, people=20), a_set(setting(), 2, people=20)
    worse = a_set(replace(setting(), quality=setting().quality - 2.5), 2, people=20)
    alike, unlike = (compare(one, [other], {"ours": scored}) for other in (two, worse))
    genuine = {
        name: next(m for m in found.measures if m.name == "genuine, ours")
        for name, found in (("a", alike), ("u", unlike))
    }
    assert genuine["u"].gaps()[3] < -0.3 < genuine["a"].gaps()[3] < 0.3
    assert len(alike.separations) == 2
    assert all(found.together > found.one > 1 for found in alike.separations)
    assert [found.fingers for found in alike.separations] == [2, 2]
    record = alike.as_dict()
    assert len(record["measures"]) == len(alike.measures) == 11
    assert picture(alike).axes


def test_gaps_are_shares_of_the_real_range():
    real = np.linspace(0, 100, 10_001)
    measure = Measure("", real, real + 9.8, tail=True)
    assert measure.gaps() == pytest.approx(np.full(7, 0.1), abs=1e-6)
    assert [round(share * 10_001) for share, _, _ in measure.tails()] == [10, 1]
    assert measure.tails()[0][2] - measure.tails()[0][1] == pytest.approx(9.8)
    assert Measure("", real, real).tails() == []
    assert Measure("", np.ones(3), np.ones(3)).gaps().tolist() == [0.0] * 7
    assert Measure("", np.ones(3), np.ones(3) * 2).gaps().tolist() == [1.0] * 7


def test_separation_is_in_standard_deviations():
    random = np.random.default_rng(1)
    assert d_prime(random.normal(3, 1, 40_000), random.normal(0, 1, 40_000)) == pytest.approx(3, abs=0.05)


def test_nothing_to_compare_with():
    real = a_set(setting(), 1, people=1)
    with pytest.raises(FileError):
        compare(SampleSet("x", ()), [real], {})
    with pytest.raises(FileError):
        compare(real, [], {})
