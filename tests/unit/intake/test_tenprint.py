"""A person's fingers together: the same finger twice, fingers that changed places."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cccd_core import templates
from cccd_core.dedup import LaidFinger
from cccd_core.errors import ParameterError
from cccd_core.intake import Limits, arrangement, check_tenprint
from cccd_core.matching import Matcher
from cccd_core.synthesis import MasterFinger, tenprint
from cccd_core.templates import FingerTemplate, TemplateRecord, mirrored

MATCHER = Matcher()


def impression(person: int, position: int, number: int = 0) -> FingerTemplate:
    return MasterFinger.make(9, person, position).impression(number)


def test_ten_different_fingers_raise_nothing() -> None:
    for person in range(6):
        assert check_tenprint(tenprint(21, person), matcher=MATCHER).together == ()


@pytest.mark.parametrize("number", [0, 1])
def test_one_finger_at_two_positions_is_found_by_the_same_and_another_impression(number: int) -> None:
    found = check_tenprint({2: impression(1, 2), 7: impression(1, 2, number), 8: impression(1, 8)}, matcher=MATCHER)
    assert [(str(each.word), each.facts["position"], each.facts["other_position"]) for each in found.together] == [
        ("same_finger", 2, 7)
    ]
    assert found.as_dict()["together"]
    assert not any(found.fingers.values())


@pytest.mark.parametrize("number", [0, 1])
def test_a_finger_and_its_mirror_image_at_two_positions_are_found(number: int) -> None:
    other = mirrored(impression(1, 2, number))
    for fingers in ({2: impression(1, 2), 7: other}, {2: other, 3: impression(1, 2)}):
        (found,) = check_tenprint({**fingers, 8: impression(1, 8)}, matcher=MATCHER).together
        assert (str(found.word), found.facts["position"]) == ("mirrored_finger", 2)
        assert not check_tenprint(fingers, limits=Limits(mirrored_finger=1e9), matcher=MATCHER).together
    both = {2: other, 7: mirrored(impression(1, 2))}  # both mirrored: one finger twice
    assert [str(each.word) for each in check_tenprint(both, matcher=MATCHER).together] == ["same_finger"]


def test_a_hand_given_mirrored_for_the_other_is_found_finger_by_finger() -> None:
    hand = {place: impression(1, place) for place in (2, 3, 4, 5)}
    both = {**hand, **{place + 5: mirrored(view) for place, view in hand.items()}}
    found = check_tenprint(both, matcher=MATCHER).together
    assert [(str(each.word), each.facts["position"], each.facts["other_position"]) for each in found] == [
        ("mirrored_finger", place, place + 5) for place in hand
    ]


def test_several_fingers_without_flow_are_a_finding_of_their_own() -> None:
    limits = Limits(flow=1e9)
    one = check_tenprint({2: impression(1, 2)}, limits=limits, matcher=MATCHER)
    two = check_tenprint({2: impression(1, 2), 8: impression(1, 8)}, limits=limits, matcher=MATCHER)
    assert [str(each.word) for each in one.findings] == ["no_flow"]
    assert [(str(each.word), each.facts["positions"]) for each in two.together] == [("several_no_flow", "2 8")]


def test_every_pair_of_one_finger_is_named() -> None:
    found = check_tenprint({place: impression(1, 2, place) for place in (2, 3, 7)}, matcher=MATCHER)
    assert len(found.together) == 3


def test_records_and_their_views() -> None:
    record = TemplateRecord(
        "iso-2005", (replace(impression(1, 7), position=7), replace(impression(1, 2), position=2, view=1))
    )
    check = check_tenprint({2: record, 8: templates.read(templates.write(impression(1, 8), "iso-2005"))})
    assert check.findings == ()
    assert check_tenprint({7: record, 8: impression(1, 7)}).together  # the view of position 7 is taken
    with pytest.raises(ParameterError, match="none of this finger"):
        check_tenprint({3: record})
    with pytest.raises(ParameterError):
        check_tenprint({0: impression(1, 2)})
    assert check_tenprint({}).findings == ()


@pytest.mark.parametrize(
    ("pairs", "images", "words"),
    [
        ({2: 2, 7: 7}, (), None),
        ({2: 0, 0: 7}, (0,), None),
        ({2: 7, 7: 2}, (), "the hands are exchanged"),
        ({1: 6, 2: 7, 3: 8}, (), "the hands are exchanged"),
        ({2: 7}, (), "the right index given is the left index on record"),
        ({2: 3, 3: 2, 7: 7}, (), "exchanged: right index and right middle"),
        ({2: 4, 7: 7}, (), "the right index given is the right ring on record"),
        ({2: 2, 7: 7}, (7,), "the left index given is a mirror image"),
        ({2: 2}, (2,), "the right index given is a mirror image"),
        ({2: 2, 7: 7}, (2, 7), "the fingers are mirror images"),
        ({2: 7, 7: 2}, (2, 7), "the hands are exchanged; the fingers are mirror images"),
        (
            {2: 3, 3: 2, 7: 7}, (3,),
            "exchanged: right index and right middle; the right middle given is a mirror image",
        ),
    ],
)  # fmt: skip
def test_what_happened_to_the_fingers_in_words(
    pairs: dict[int, int], images: tuple[int, ...], words: str | None
) -> None:
    laid = [LaidFinger(mine, theirs, 50.0, mine in images) for mine, theirs in pairs.items()]
    assert arrangement(laid) == words


def test_two_templates_are_scored_as_they_are() -> None:
    """The first thing that anyone types."""
    one, other = impression(1, 2), impression(1, 2, 1)
    assert MATCHER.score(one, other) == MATCHER.score(MATCHER.prepare(one), MATCHER.prepare(other))
    assert MATCHER.score(one, MATCHER.prepare(other)) > 60
