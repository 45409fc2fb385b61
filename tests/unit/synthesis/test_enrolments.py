"""A people to be enrolled: who is there twice, what is wrong with a record, and that it depends on nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.errors import ParameterError
from cccd_core.synthesis import Enrolments, Mistake, record_id, tenprint
from cccd_core.templates import mirrored

FOUR = (2, 3, 7, 8)


def test_shares_come_out_and_the_truth_says_them():
    plan = Enrolments(5, duplicates=0.1, mistakes=0.2, positions=FOUR)
    truths = [plan.truth(number) for number in range(1500)]
    assert sum(truth.duplicate for truth in truths) / 1500 == pytest.approx(0.1, abs=0.03)
    kinds = Counter(truth.mistake for truth in truths)
    assert kinds[None] / 1500 == pytest.approx(0.8, abs=0.04)
    assert set(kinds) == {None, *Mistake}
    for truth in truths:
        if truth.duplicate:
            assert truth.person < truth.record
            assert not truths[truth.person].duplicate
        if truth.mistake in (Mistake.TWO_PEOPLE, Mistake.FINGER_OF_ANOTHER):
            assert truth.other not in (None, truth.person, truth.record)
            assert not truths[truth.other].duplicate
        else:
            assert truth.other is None
        assert bool(truth.positions) == (truth.mistake is not None)


@pytest.mark.jit
@given(
    st.integers(0, 2**63 - 1),
    st.integers(0, 3000),
    st.integers(1, 4),
    st.sets(st.integers(1, 10), min_size=1),
    st.data(),
)
def test_a_record_depends_on_the_plan_and_its_number_alone(seed, start, count, positions, data):
    plan = Enrolments(seed, 0.3, 0.5, tuple(positions))
    whole = list(plan.records(start, start + count, threads=1))
    assert [record.record_id for record in whole] == [record_id(start + k) for k in range(count)]
    cut = data.draw(st.integers(0, count))
    parts = [*plan.records(start, start + cut, threads=2), *plan.records(start + cut, start + count, threads=1)]
    assert parts == whole
    for record in whole:
        assert len(record.placed) + len(record.unplaced) == len(positions)
        assert all(finger.position == place for place, finger in record.placed.items())
        assert all(finger.position == 0 for finger in record.unplaced)


def moved(finger, position):
    return replace(finger, position=position)


def test_every_mistake_is_what_it_is_called():
    plan = Enrolments(8, duplicates=0.2, mistakes=0.5, positions=FOUR)
    seen = set()
    for number in range(400):
        truth = plan.truth(number)
        if truth.mistake in seen:
            continue
        seen.add(truth.mistake)
        (record,) = plan.records(number, number + 1)
        own = tenprint(8, truth.person, impression=number if truth.duplicate else 0, positions=FOUR)
        at = truth.positions
        untouched = {place: finger for place, finger in own.items() if place not in at}
        assert untouched == {place: record.placed[place] for place in untouched}
        match truth.mistake:
            case Mistake.HANDS_SWAPPED:
                assert dict(record.placed) == {
                    place: moved(own[place + 5 if place < 6 else place - 5], place) for place in FOUR
                }
            case Mistake.NEIGHBOURS_SWAPPED:
                assert record.placed[at[0]] == moved(own[at[1]], at[0])
                assert record.placed[at[1]] == moved(own[at[0]], at[1])
            case Mistake.SAME_FINGER_TWICE:
                assert record.placed[at[0]] == own[at[0]]
                again = record.placed[at[1]]
                assert again.count
                assert again not in (moved(own[at[0]], at[1]), own[at[1]])
            case Mistake.FINGER_OF_ANOTHER | Mistake.TWO_PEOPLE:
                theirs = tenprint(8, truth.other, impression=number, positions=at)
                assert {place: record.placed[place] for place in at} == dict(theirs)
                assert len(at) == (2 if truth.mistake is Mistake.TWO_PEOPLE else 1)
            case Mistake.UNKNOWN_POSITIONS:
                assert record.unplaced == tuple(moved(finger, 0) for finger in own.values())
            case Mistake.MIRRORED:
                assert record.placed[at[0]] == mirrored(own[at[0]])
    assert seen == {None, *Mistake}


def test_what_is_no_people_is_refused():
    for wrong in (
        {"duplicates": 0.6},
        {"mistakes": -0.1},
        {"positions": ()},
        {"positions": (1, 1)},
        {"positions": (0,)},
    ):
        with pytest.raises(ParameterError):
            Enrolments(1, **wrong)
    for seed in (-1, 2**63):
        with pytest.raises(ParameterError):
            Enrolments(seed)
    with pytest.raises(ParameterError):
        Enrolments(1).truth(-1)
    with pytest.raises(ParameterError):
        next(Enrolments(1).records(0, 10**11))
    assert Enrolments(1).digest != Enrolments(2).digest


def test_one_finger_has_the_mistakes_that_one_finger_can_have():
    plan = Enrolments(3, mistakes=0.5, positions=(2,))
    kinds = {plan.truth(number).mistake for number in range(200)}
    assert kinds == {
        None,
        Mistake.HANDS_SWAPPED,
        Mistake.FINGER_OF_ANOTHER,
        Mistake.UNKNOWN_POSITIONS,
        Mistake.MIRRORED,
    }
