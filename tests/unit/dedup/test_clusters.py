"""Pairs become persons, and pairs of a plan each meet once."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.dedup.decision import FingerComparison
from cccd_core.dedup.search.cascade import Cascade
from cccd_core.dedup.search.clusters import Person, persons
from cccd_core.dedup.search.plan import Piece, count_of_tiles, tiles
from cccd_core.dedup.search.task import PairFound
from cccd_core.errors import ParameterError


def pair(a: int, b: int, score: float = 100.0, outcome: str = "duplicate", fingers=((2, 2), (7, 7))) -> PairFound:
    """A pair found; fingers are (of a, of b)."""
    return PairFound(
        a, b, outcome, score, False, tuple(FingerComparison(mine, theirs, 60.0) for theirs, mine in fingers)
    )


def test_two_and_three_and_who_is_only_looked_at():
    found = persons(
        [pair(1, 2, 90), pair(2, 3, 80), pair(1, 3, 30, "review"), pair(5, 9, 99), pair(9, 11, 20, "review")]
    )
    assert found == [
        Person(((0, 1), (0, 2), (0, 3)), (0, 1, 2), True, 80, False),
        Person(((0, 5), (0, 9)), (3,), True, 99, False),
    ]


def test_a_chain_is_not_complete_and_its_weakest_link_is_told():
    (one,) = persons([pair(1, 2, 90), pair(2, 3, 70), pair(3, 4, 80), pair(2, 4, 60)])
    assert (len(one.members), one.complete, one.weakest) == (4, False, 70)


def test_a_record_of_two_peoples_fingers_is_doubtful():
    (one,) = persons([pair(1, 3, fingers=((2, 2),)), pair(2, 3, fingers=((7, 7),))])
    assert one.doubtful
    (one,) = persons([pair(1, 3, fingers=((2, 2),)), pair(2, 3, fingers=((7, 7),)), pair(1, 2, fingers=((3, 3),))])
    assert not one.doubtful
    (one,) = persons([pair(1, 3, fingers=((2, 2), (3, 3))), pair(2, 3, fingers=((7, 7), (2, 2)))])
    assert not one.doubtful


def test_of_two_galleries_the_same_number_is_not_the_same_member():
    (one, other) = persons([pair(1, 1), pair(2, 2)], (0, 1))
    assert (one.members, other.members) == (((0, 1), (1, 1)), ((0, 2), (1, 2)))
    (one,) = persons([pair(1, 1), pair(1, 2)], (0, 1))
    assert one.complete  # people of one gallery are not compared with each other


def test_nobody():
    assert persons([]) == []


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1]), unique=True, max_size=20)
)
def test_persons_are_the_connected_parts_whatever_the_order(links):
    found = persons([pair(a, b) for a, b in links])
    members = [{number for _, number in one.members} for one in found]
    for a, b in links:
        assert sum({a, b} <= group for group in members) == 1
    assert sum(map(len, members)) == len({number for link in links for number in link})
    backwards = persons([pair(a, b) for a, b in reversed(links)])
    assert [one.members for one in backwards] == [one.members for one in found]
    assert all(len(group) - 1 <= len(one.pairs) for group, one in zip(members, found, strict=True))


@given(
    st.lists(st.integers(1, 12), max_size=4),
    st.one_of(st.none(), st.lists(st.integers(1, 12), min_size=1, max_size=3)),
    st.integers(1, 15),
)
def test_every_two_people_meet_in_one_tile(first, second, people):
    sides = [first] if second is None else [first, second]
    pieces = [
        Piece(side, f"{side}-{n}", f"m{side}-{n}", count)
        for side, counts in enumerate(sides)
        for n, count in enumerate(counts)
    ]
    planned = list(tiles(pieces, people))
    assert len(planned) == count_of_tiles(pieces, people) == len({tile.id for tile in planned})
    met: dict[tuple[object, object], int] = {}
    for tile in planned:
        assert tile.first.people <= people
        assert tile.second.people <= people
        one, other = ([(rows.file, row) for row in range(rows.start, rows.stop)] for rows in (tile.first, tile.second))
        for a, b in product(one, other):
            if tile.first != tile.second or a < b:
                met[min(a, b), max(a, b)] = met.get((min(a, b), max(a, b)), 0) + 1
    assert set(met.values()) <= {1}
    total = sum(first)
    assert len(met) == (total * (total - 1) // 2 if second is None else total * sum(second))


@pytest.mark.parametrize("text", ["same>any", "same", "codes:keep=0.001>same>any", "codes:keep=1e-07>same"])
def test_a_cascade_is_printed_as_it_is_parsed(text):
    assert str(Cascade.parse(text)) == text


@given(st.floats(1e-7, 0.999), st.booleans())
def test_any_share_is_printed_to_twelve_digits(keep, across):
    text = str(Cascade(keep, across))
    assert str(Cascade.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "any", "same>same", "codes>same", "codes:keep=2>same>any", "codes:keep=>same", "x>codes:keep=0.1>same",
        "same>any>any", "codes:keep=0.1>any", ">same", "codes:keep=0>same", "codes:keep=1>same", "codes:keep=nan>same",
        "codes:keep=1e-9>same", "codes:keep=0.1>codes:keep=0.1>same", " same>any", "same>any\n",
    ],
)  # fmt: skip
def test_what_is_no_cascade_is_refused(text):
    with pytest.raises(ParameterError):
        Cascade.parse(text)
