"""Of random people with planted duplicates and clerks' mistakes a screened join finds whom the exhaustive one finds,
but for those missed: nobody else, and nobody with another score."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cccd_core.dedup import EnrolledPerson, MemoryGallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.executors.threads import Threads
from support.joining import join, joinable, someone, swapped, truth, unplaced

pytestmark = pytest.mark.jit
MADE = {"same": lambda name, who: someone(name, who, impression=1), "swapped": swapped, "unplaced": unplaced}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    people=st.integers(2, 10),
    again=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(sorted(MADE))), max_size=4),
    keep=st.sampled_from([0.3, 0.05, 0.003]),
)
def test_hits_are_the_exhaustive_ones_less_those_missed(people, again, keep):
    enrolled: list[EnrolledPerson] = [someone(f"p{who}", who) for who in range(people)]
    enrolled += [MADE[how](f"again {place}", who % people) for place, (who, how) in enumerate(again)]
    expected = truth(enumerate(enrolled, start=1))
    planted = {(who % people + 1, people + place + 1) for place, (who, _) in enumerate(again)}
    assert planted <= {(pair.a, pair.b) for pair in expected}
    with tempfile.TemporaryDirectory() as folder:
        ready = joinable(Path(folder), MemoryGallery(enrolled), FingerCoder.shipped())
        whole = join(Path(folder) / "whole", ready).run(Threads(1))
        some = join(Path(folder) / "some", ready, cascade=f"codes:keep={keep}>same>any").run(Threads(1))
    assert whole.pairs == tuple(expected)
    assert set(some.pairs) <= set(expected)
    assert some.work["codes"].people_pairs == whole.work["same"].people_pairs == whole.plan.pairs
    assert some.work["same"].people_pairs <= whole.work["same"].people_pairs
    assert some.plan.comparisons == whole.plan.comparisons  # the thresholds go by all, screened or not
