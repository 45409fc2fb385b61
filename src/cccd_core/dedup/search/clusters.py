"""Pairs who are one become persons: groups tied by matches, and what speaks for and against each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cccd_core.dedup.search.task import PairFound

Member = tuple[int, int]  # side, number


@dataclass(frozen=True, slots=True)
class Person:
    """People tied by matches that are duplicates: one person, as far as these say.

    `members` (side, number), the earliest first; `pairs` are the places in the list of pairs that tie them, reviews
    among them too; `complete`: everyone matches everyone; `weakest`: the least score that is needed to tie them.
    `doubtful`: two of them match a third by different fingers and do not match each other, as where a record holds the
    fingers of two people.
    """

    members: tuple[Member, ...]
    pairs: tuple[int, ...]
    complete: bool
    weakest: float
    doubtful: bool


def persons(pairs: Sequence[PairFound], sides: tuple[int, int] = (0, 0)) -> list[Person]:
    """The persons of pairs: in order of their earliest member. `sides`: whose the numbers `a` and `b` are."""
    parent: dict[Member, Member] = {}

    def root(member: Member) -> Member:
        parent.setdefault(member, member)
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    tied = [(place, pair) for place, pair in enumerate(pairs) if pair.outcome == "duplicate"]
    weakest: dict[Member, float] = {}
    for _, pair in sorted(tied, key=lambda one: -one[1].score):  # the strongest first: the last that joins is needed
        a, b = sorted((root((sides[0], pair.a)), root((sides[1], pair.b))))
        if a != b:
            parent[b] = a
            weakest[a] = min(pair.score, weakest.pop(a, pair.score), weakest.pop(b, pair.score))
    groups: dict[Member, list[Member]] = {}
    for member in sorted(parent):
        groups.setdefault(root(member), []).append(member)
    inside: dict[Member, list[int]] = {name: [] for name in groups}
    for place, pair in enumerate(pairs):
        a, b = (sides[0], pair.a), (sides[1], pair.b)
        if a in parent and b in parent and root(a) == root(b):
            inside[root(a)].append(place)
    return [
        _person(pairs, sides, members, inside[name], weakest[name])
        for name, members in sorted(groups.items(), key=lambda item: item[1][0])
    ]


def _person(
    pairs: Sequence[PairFound], sides: tuple[int, int], members: Sequence[Member], places: Sequence[int], weakest: float
) -> Person:
    between = {frozenset({(sides[0], pairs[place].a), (sides[1], pairs[place].b)}) for place in places}
    meetings = sum(sides[0] == sides[1] or one[0] != other[0] for i, one in enumerate(members) for other in members[:i])
    fingers: dict[Member, list[tuple[Member, frozenset[int]]]] = {}
    for place in places:
        pair = pairs[place]
        a, b = (sides[0], pair.a), (sides[1], pair.b)
        fingers.setdefault(a, []).append((b, frozenset(one.candidate_position for one in pair.fingers)))
        fingers.setdefault(b, []).append((a, frozenset(one.position for one in pair.fingers)))
    doubtful = any(
        frozenset({one, other}) not in between and not mine & theirs
        for found in fingers.values()
        for i, (one, mine) in enumerate(found)
        for other, theirs in found[:i]
    )
    return Person(tuple(members), tuple(places), len(between) == meetings, weakest, doubtful)
