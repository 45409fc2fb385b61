"""A search behind finger codes: its second pass goes on from the first; what it asks of coder and scan is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cccd_core.dedup import Cascade, Decision, Deduplicator, EnrolledPerson, MemoryGallery
from cccd_core.dedup.blocks import Probe, Searchable
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.codes.positions import HANDS_SWAPPED, LAYINGS, relaid
from cccd_core.dedup.codes.screen import Screen
from cccd_core.dedup.codes.sift import Crowd, Known, sift
from cccd_core.dedup.index import Index, LiveShard, update
from cccd_core.dedup.search.coded import coded_rows
from cccd_core.dedup.search.enrolled import Indexed, Sought
from cccd_core.dedup.search.glance import Glance
from cccd_core.dedup.search.screening import UNPLACED, CodesFirst
from cccd_core.synthesis import tenprint
from cccd_core.templates import Tenprint
from support.joining import GOOD, MATCHER, PARAMETERS

pytestmark = pytest.mark.jit
FEW = (2, 3, 7)
CASCADE = Cascade(0.05)


def person(who: int, impression: int = 0) -> EnrolledPerson:
    return EnrolledPerson(
        f"p{who}/{impression}", tenprint(3, who, impression=impression, positions=FEW, parameters=GOOD)
    )


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder, gallery = tmp_path_factory.mktemp("screened"), MemoryGallery([person(who) for who in range(40)])
    update(gallery, folder, MATCHER, FingerCoder.shipped())
    return gallery, Index.open(folder, gallery, MATCHER, FingerCoder.shipped())


def moved(who: int) -> EnrolledPerson:
    """Someone who comes again with hands exchanged."""
    found = tenprint(3, who, impression=4, positions=FEW, parameters=GOOD)
    hands = {HANDS_SWAPPED.index(position) + 1: finger for position, finger in found.items()}
    return EnrolledPerson(f"moved {who}", Tenprint(dict(sorted(hands.items()))))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_second_pass_finds_as_if_there_had_been_no_first(opened, threads):
    _, index = opened
    people = [person(5, 1), moved(6), person(50), moved(7)]
    first = CodesFirst(FingerCoder.shipped(), index, CASCADE, threads=threads)
    sought = [Sought(place, Searchable.of(one, 8)) for place, one in enumerate(people)]
    (live,) = index.shards
    screen = Screen(coded_rows(live.shard, live.rows).people)
    again = [1, 2, 3]
    left = first.ready(sought).again(again).left()
    for mirrored in (False, True):
        mine = [sought[place].person.mirrored() if mirrored else sought[place].person for place in again]
        layings = LAYINGS[:1] if mirrored else LAYINGS
        enrolled, ways = coded_rows(live.shard, live.rows).people, np.zeros((len(again), len(live.rows)), np.uint8)
        for number, laying in enumerate(layings):
            laid = relaid(first.coded(mine).people, laying)
            known = Known.of(screen, laid, exchanged=False)
            for probe, row, _ in sift(
                screen, laid, Crowd.of(enrolled), known, keep=0.05, exchanged=False, stop=len(enrolled)
            ):
                ways[probe, row] |= 1 << number
        for place, found in enumerate(left):
            np.testing.assert_array_equal(found[mirrored].places, np.flatnonzero(ways[place]))
            np.testing.assert_array_equal(found[mirrored].ways, ways[place][found[mirrored].places])
    assert 6 in left[0][False].places
    assert not left[0][False].ways[list(left[0][False].places).index(6)] & (1 | UNPLACED)


def test_nothing_is_coded_or_scanned_twice(opened, monkeypatch):
    gallery, index = opened
    coded, scanned = [], []
    encode, sifted = FingerCoder.encode, CodesFirst.sifted

    def counted_encode(self, templates, **named):
        coded.append(len(templates))
        return encode(self, templates, **named)

    def counted_sifted(self, lots):
        scanned.append(len(lots.people))
        return sifted(self, lots)

    monkeypatch.setattr(FingerCoder, "encode", counted_encode)
    monkeypatch.setattr(CodesFirst, "sifted", counted_sifted)
    first = CodesFirst(FingerCoder.shipped(), index, CASCADE)
    found = Deduplicator(MATCHER, PARAMETERS, threads=1).search(
        [person(60), person(5, 1)], gallery, index=Indexed(MATCHER, index, first)
    )
    assert [one.outcome for one in found] == ["unique", "duplicate"]
    assert coded == [6, 3]  # both as captured, then the mirror image of the one who was not found
    assert scanned == [2, 3]  # both, then two other layings and the mirror image


def test_whoever_is_met_across_positions_speaks_in_the_laying_that_left_them(opened, monkeypatch):
    gallery, index = opened
    people = [moved(6), person(61), one_of_another(62, 9)]

    def searched():
        first = CodesFirst(FingerCoder.shipped(), index, Cascade(0.9))
        dedup = Deduplicator(MATCHER, PARAMETERS, threads=1)
        return [dedup.search([one], gallery, index=Indexed(MATCHER, index, first))[0] for one in people]

    found = searched()
    assert [one.outcome for one in found] == ["duplicate", "unique", "review"]
    assert [one.of for one in found] == ["p6/0", None, "p9/0"]
    monkeypatch.setattr(Glance, "laid", lambda self, mine, theirs, rows, columns, ways: (np.ones(len(rows), bool), 0))
    everyone = searched()
    assert [one.evidence.matches for one in found] == [one.evidence.matches for one in everyone]
    assert all(a.evidence.finger_pairs < b.evidence.finger_pairs for a, b in zip(found, everyone, strict=True))


def one_of_another(who: int, other: int) -> EnrolledPerson:
    """Someone with one finger of somebody enrolled, where the other hand has it."""
    fingers = dict(tenprint(3, who, positions=(2, 3), parameters=GOOD))
    return EnrolledPerson(
        f"mixed {who}", Tenprint({**fingers, 7: tenprint(3, other, impression=6, positions=(2,), parameters=GOOD)[2]})
    )


def cut(index: Index, gallery: MemoryGallery, *rows: np.ndarray) -> Index:
    """The same index where these rows count, each as if they were a shard of their own."""
    (live,) = index.shards
    shards = tuple(LiveShard(live.shard, some) for some in rows)
    return Index(index.manifest, shards, gallery, index.sequence, frozenset())


def test_who_was_withdrawn_is_in_no_place_of_the_live_rows(opened):
    gallery, index = opened
    (live,) = index.shards
    first, rest = live.rows[live.rows % 3 == 0], live.rows[live.rows % 3 == 2]
    sought = [Sought(place, Searchable.of(one, 8)) for place, one in enumerate([person(5, 1), person(7, 1), moved(6)])]
    everyone = CodesFirst(FingerCoder.shipped(), index, CASCADE)
    some = CodesFirst(FingerCoder.shipped(), cut(index, gallery, first, rest), CASCADE)
    some._screen = everyone._screen  # of one cohort
    all_left, left = (one.ready(sought).again([0, 1, 2]).left() for one in (everyone, some))
    for all_of_them, those in zip(all_left, left, strict=True):
        for mirrored in (False, True):
            wanted = live.rows[all_of_them[mirrored].places]
            expected = np.concatenate([wanted[wanted % 3 == 0], wanted[wanted % 3 == 2]])
            np.testing.assert_array_equal(np.concatenate([first, rest])[those[mirrored].places], expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_shards_are_searched_as_one(opened, threads):
    gallery, index = opened
    (live,) = index.shards
    people = [person(60), person(5, 1), moved(33), one_of_another(62, 9)]

    def searched(of: Index, block: int) -> list[Decision]:
        first = CodesFirst(FingerCoder.shipped(), of, Cascade(0.5), threads=threads)
        first._screen = CodesFirst(FingerCoder.shipped(), index, CASCADE)._screen  # of one cohort
        dedup = Deduplicator(MATCHER, replace(PARAMETERS, gallery_block=block), threads=threads)
        found = dedup.search(people, gallery, index=Indexed(MATCHER, of, first))
        return [replace(one, evidence=replace(one.evidence, manifest={})) for one in found]

    expected = searched(index, 1024)
    assert [one.of for one in expected] == [None, "p5/0", "p33/0", "p9/0"]
    assert searched(cut(index, gallery, live.rows[:17], live.rows[17:18], live.rows[18:]), 1024) == expected
    assert searched(cut(index, gallery, live.rows[:17], live.rows[17:]), 7) == expected


def test_fingers_made_ready_for_the_search_have_the_codes_of_their_templates(opened):
    _, index = opened
    first, one, other = CodesFirst(FingerCoder.shipped(), index, CASCADE), person(5, 1), person(6, 1)
    loose = EnrolledPerson("loose", Tenprint({3: other.tenprint[3]}), (one.tenprint[2],))
    people = [Searchable.of(each, 8) for each in (one, loose, other)]
    probes = [Probe.prepare(MATCHER, place, each) for place, each in enumerate(people)]
    plain, ready = first.coded(people), first.coded(people, probes)
    np.testing.assert_array_equal(ready.whose, plain.whose)
    for name, codes in plain.people.columns.items():
        np.testing.assert_array_equal(ready.people.columns[name], codes)
        np.testing.assert_array_equal(ready.loose[name], plain.loose[name])
