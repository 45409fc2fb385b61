"""The search agrees with the plain one on small populations of every kind."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.dedup import Deduplicator, DedupParameters, EnrolledPerson, MemoryGallery
from cccd_core.templates import Tenprint
from support.known_fingers import KnowingMatcher, Pack, finger

_spec = importlib.util.spec_from_file_location(
    "dedup_naive", Path(__file__).parents[2] / "reference" / "dedup_naive.py"
)
naive = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

# few fingers and few positions, so that people share some, all, or exchanged ones
FINGERS = st.integers(1, 12)
PERSON = st.tuples(st.dictionaries(st.integers(1, 4), FINGERS, max_size=3), st.lists(FINGERS, max_size=1))
POPULATION = st.tuples(st.lists(PERSON, max_size=4), st.lists(PERSON, min_size=1, max_size=4))


def template(identity: int):
    return finger(identity)


@settings(max_examples=60)
@given(POPULATION, st.sampled_from([30.0, 48.0, 66.0]), st.integers(1, 3), st.integers(1, 3))
def test_the_best_candidate_and_its_score(population, genuine, gallery_block, batch_block):
    enrolled = [(f"g{i}", placed, loose) for i, (placed, loose) in enumerate(population[0])]
    batch = [(f"b{i}", placed, loose) for i, (placed, loose) in enumerate(population[1])]
    matcher = KnowingMatcher(genuine)
    parameters = DedupParameters(gallery_block=gallery_block, batch_block=batch_block)

    def person(name, placed, loose):
        return EnrolledPerson(name, Tenprint({p: template(f) for p, f in placed.items()}), tuple(map(template, loose)))

    decisions = Deduplicator(matcher, parameters, threads=1).search(
        [person(*one) for one in batch], MemoryGallery(person(*one) for one in enrolled)
    )
    expected = naive.search(
        batch,
        enrolled,
        lambda a, b: float(matcher.scores(a, Pack([b]))[0]),
        share=parameters.cross_position_share,
        review=parameters.review_false_matches,
    )
    for decision, (name, score) in zip(decisions, expected, strict=True):
        matches = decision.evidence.matches
        if not matches:
            assert name == ""
            continue
        if matches[0].outcome == "duplicate" and not any(m.across_positions for m in matches):
            # found in the first pass: the second, which might have found a better one, was not needed
            assert matches[0].score <= score + 1e-6
            continue
        assert matches[0].score == pytest.approx(score, abs=1e-6)
        assert matches[0].person_id == name
