"""The search and its decisions, with a matcher whose every score is known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from cccd_core.dedup import Deduplicator, DedupParameters, EnrolledPerson, MemoryGallery
from cccd_core.dedup.blocks import Block, Probe, Searchable
from cccd_core.errors import DamagedError, ParameterError
from cccd_core.matching import Matcher
from cccd_core.templates import FingerTemplate, Tenprint, mirrored
from support.known_fingers import KnowingMatcher, finger

ALL = tuple(range(1, 11))


def person(name: str, identity: int, positions=ALL, *, moved=None) -> EnrolledPerson:
    """A person with fingers identity*16 + position; `moved` maps the position as labelled to the true one."""
    moved = moved or {}
    return EnrolledPerson(name, Tenprint({p: finger(identity * 16 + moved.get(p, p), position=p) for p in positions}))


def crowd(n: int, first: int = 1000, positions=ALL) -> list[EnrolledPerson]:
    return [person(f"c{i:04}", first + i, positions) for i in range(n)]


def drawn(name: str, identity: int, positions=(2, 3, 7)) -> EnrolledPerson:
    """A person whose fingers have minutiae all over the place, in images of 200 pixels."""
    fingers = {}
    for p in positions:
        random = np.random.default_rng([identity, p])
        x, y, angle = random.integers(0, 200, 30), random.integers(0, 300, 30), random.integers(0, 65536, 30)
        kind, quality = np.ones(30, np.uint8), np.zeros(30, np.uint8)
        fingers[p] = FingerTemplate(x, y, angle, kind, quality, 200, 300, position=p)
    return EnrolledPerson(name, Tenprint(fingers))


class Prints(list):
    """Packed prints; a slice is packed too."""

    def __getitem__(self, rows):
        return Prints(super().__getitem__(rows)) if isinstance(rows, slice) else super().__getitem__(rows)


class PointMatcher:
    """Two points a finger has in common score two."""

    def prepare(self, template):
        return {*zip(template.x_px.tolist(), template.y_px.tolist(), template.angle.tolist(), strict=True)}

    def pack(self, fingers):
        return Prints(fingers)

    def scores(self, probe, gallery, *, threads=None):
        return np.array([2.0 * len(probe & other) for other in gallery], dtype=np.float32)

    def manifest(self):
        return {}


def search(batch, gallery=(), *, matcher=None, parameters=None, **more):
    dedup = Deduplicator(matcher or KnowingMatcher(), parameters, threads=more.pop("threads", 1))
    return dedup.search(batch, gallery if hasattr(gallery, "get") else MemoryGallery(gallery), **more)


def bare(decisions):
    """Decisions without the manifest, which names threads and parameters."""
    plain = [decision.as_dict() for decision in decisions]
    for one in plain:
        del one["evidence"]["manifest"]
    return plain


def test_strangers_are_unique():
    decisions = search(crowd(30), crowd(40, 5000))  # other identities, and other people's names
    assert [d.outcome for d in decisions] == ["unique"] * 30
    for decision in decisions:
        assert decision.of is None
        assert decision.fingers == ()
        assert decision.evidence.reasons == ()
        assert decision.evidence.matches == ()


def test_a_duplicate_in_the_gallery_and_one_in_the_batch():
    gallery = [person("g", 1), *crowd(20)]
    batch = [person("a", 1, (2, 3, 7)), person("b", 2), person("c", 2, (4, 5)), person("d", 3)]
    a, b, c, d = search(batch, gallery)
    assert (a.outcome, a.of, a.fingers) == ("duplicate", "g", (2, 3, 7))
    assert a.evidence.matches[0].source == "gallery"
    assert [f.score for f in a.evidence.matches[0].fingers] == [60.0, 60.0, 60.0]
    assert a.score == a.evidence.matches[0].score > a.evidence.duplicate_score
    assert (b.outcome, d.outcome) == ("unique", "unique")
    assert (c.outcome, c.of, c.fingers) == ("duplicate", "b", (4, 5))
    assert c.evidence.matches[0].source == "batch"
    assert c.evidence.comparisons == 24  # 21 enrolled, 3 others in the batch


def test_decisions_are_json():
    decisions = search([person("a", 1), person("b", 1)])
    text = json.dumps([d.as_dict() for d in decisions])
    again = json.loads(text)[1]
    assert again["of"] == "a"
    assert again["evidence"]["manifest"]["matcher"] == {"parameters": "known"}
    assert again["evidence"]["manifest"]["parameters"] == DedupParameters().digest


def test_work_is_counted_exactly():
    matcher = KnowingMatcher()
    gallery = [person(f"g{i}", 100 + i, (1, 2, 3)) for i in range(7)]
    batch = [person(f"b{i}", 200 + i, (2, 3, 9)) for i in range(5)]
    decisions = search(batch, gallery, matcher=matcher)
    for index, decision in enumerate(decisions):
        first = 7 * 2 + index * 3
        second = 3 * (7 * 3 + index * 3)
        assert decision.evidence.finger_pairs == first + second + first  # once more by mirror images
    assert matcher.pairs == sum(d.evidence.finger_pairs for d in decisions)


@pytest.mark.parametrize("threads", [1, 3])
def test_fingers_are_prepared_and_packed_as_often_as_the_blocks_say_and_no_more(threads):
    """25 enrolled people and 8 new ones of three fingers each, in blocks of 7 and 5; one new one is enrolled."""
    matcher = KnowingMatcher()
    gallery = [person(f"g{i}", 100 + i, (1, 2, 3)) for i in range(24)] + [person("b7", 207, (1, 2, 3))]
    batch = [person(f"b{i}", 200 + i, (1, 2, 3)) for i in range(8)]
    parameters = DedupParameters(gallery_block=7, batch_block=5)
    search(batch, gallery, matcher=matcher, parameters=parameters, threads=threads)
    # the batch and its mirror images; in each pass those enrolled for each block, and the first block for the second
    assert matcher.prepared == 2 * 8 * 3 + 2 * (2 * 24 * 3 + 5 * 3)
    # each of 2 blocks of the batch meets, in each of 2 passes, 4 blocks of the gallery and 1 of those before its last
    assert matcher.packs == 2 * 2 * (4 + 1)
    assert matcher.packed == 2 * 3 * ((24 + 4) + (24 + 7))
    assert matcher.alive == 1


def test_a_pass_that_nobody_needs_packs_nothing():
    matcher = KnowingMatcher()
    search([person("b", 1)], [person("g", 1), *crowd(3)], matcher=matcher)
    assert (matcher.packs, matcher.packed, matcher.prepared) == (1, 40, 40 + 10)


def test_no_second_pass_for_those_found_in_the_first():
    decision = search([person("b", 1)], [person("g", 1), person("h", 2)])[0]
    assert decision.outcome == "duplicate"
    assert decision.evidence.finger_pairs == 20


@pytest.mark.parametrize(
    "moved",
    [
        {p: (p + 4) % 10 + 1 for p in ALL},  # left and right hand exchanged
        {p: 11 - p for p in ALL},  # from the other side
        {2: 3, 3: 2, 7: 8, 8: 7, 1: 6, 6: 1},  # some fingers exchanged; the others are strange
    ],
)
def test_exchanged_fingers_are_found(moved):
    probe = person("b", 1, tuple(moved), moved=moved)
    decision = search([probe], [person("g", 1), *crowd(50)])[0]
    assert (decision.outcome, decision.of) == ("duplicate", "g")
    match = decision.evidence.matches[0]
    assert match.across_positions
    assert {(f.position, f.candidate_position) for f in match.fingers} == set(moved.items())


def test_fingers_of_unknown_position_are_found_either_way():
    true = [finger(16 + p) for p in (1, 2, 3, 4)]
    loose = EnrolledPerson("loose", Tenprint({}), tuple(true))
    decision = search([loose], [person("g", 1), *crowd(20)])[0]
    assert (decision.outcome, decision.of, decision.fingers) == ("duplicate", "g", (0, 0, 0, 0))
    decision = search([person("b", 1)], [loose, *crowd(20)])[0]
    assert (decision.outcome, decision.of) == ("duplicate", "loose")
    assert {f.position for f in decision.evidence.matches[0].fingers} == {1, 2, 3, 4}


def test_spoilt_and_replaced_fingers_do_not_hide_the_rest():
    strange = dict.fromkeys((1, 4, 5, 6, 8, 9, 10), 0)
    moved = {**{p: p for p in ALL}, **{p: 99_000 + p for p in strange}}
    probe = EnrolledPerson("b", Tenprint({p: finger(16 + moved[p]) for p in ALL}))
    decision = search([probe], [person("g", 1), *crowd(50)])[0]
    assert (decision.outcome, decision.fingers) == ("duplicate", (2, 3, 7))


def test_one_common_finger_is_for_a_person_to_look_at():
    probe = EnrolledPerson("b", Tenprint({p: finger(16 + p if p == 2 else 90_000 + p) for p in (2, 3, 7, 8)}))
    decision = search([probe], [person("g", 1, (2, 3, 7, 8)), *crowd(50)], matcher=KnowingMatcher(75.0))[0]
    assert (decision.outcome, decision.of, decision.fingers) == ("review", "g", (2,))
    assert decision.evidence.reasons == ("single_finger",)


def test_fingers_of_two_enrolled_people_in_one_dossier_are_said_to_be():
    whose = {2: 1, 3: 1, 7: 2, 8: 2}
    probe = EnrolledPerson("b", Tenprint({p: finger(identity * 16 + p) for p, identity in whose.items()}))
    enrolled = [person("g", 1), person("h", 2), *crowd(50)]
    decision = search([probe], enrolled, matcher=KnowingMatcher(75.0))[0]
    assert decision.outcome in ("duplicate", "review")
    assert "several_people" in decision.evidence.reasons
    assert {match.person_id for match in decision.evidence.matches} == {"g", "h"}
    # one person enrolled twice is found by the same fingers, and is one
    twice = search([person("b", 1)], [person("g", 1), person("h", 1), *crowd(50)])[0]
    assert twice.evidence.reasons == ("match",)


def test_one_finger_alone_suffices_when_it_is_overwhelming():
    probe, enrolled = person("b", 1, (2,)), person("g", 1, (2,))
    assert search([probe], [enrolled], matcher=KnowingMatcher(60.0))[0].outcome == "duplicate"
    assert search([probe], [enrolled], matcher=KnowingMatcher(45.0))[0].outcome == "review"
    assert search([probe], [enrolled], matcher=KnowingMatcher(20.0))[0].outcome == "unique"


def test_more_people_ask_for_more_evidence():
    probe, enrolled = person("b", 1, (2,)), person("g", 1, (2,))
    outcomes = [
        search([probe], [enrolled, *crowd(n, positions=(2,))], matcher=KnowingMatcher(55.0))[0].outcome
        for n in (0, 30, 3000)
    ]
    assert outcomes == ["duplicate", "review", "unique"]


def test_scores_beyond_the_calibration_are_not_taken_at_their_word():
    decision = search([person("b", 1, (2,))], [person("g", 1, (2,))], matcher=KnowingMatcher(500.0))[0]
    assert decision.evidence.matches[0].fingers[0].score == DedupParameters().finger_score_limit


def test_three_times_the_same_person():
    decisions = search([person("a", 1), person("b", 1), person("c", 1), person("d", 2)])
    assert [(d.outcome, d.of) for d in decisions] == [
        ("unique", None),
        ("duplicate", "a"),
        ("duplicate", "a"),
        ("unique", None),
    ]
    assert {m.person_id for m in decisions[2].evidence.matches} == {"a", "b"}


def test_a_duplicate_by_way_of_a_duplicate():
    right, left = (1, 2, 3, 4, 5), (6, 7, 8, 9, 10)
    decisions = search([person("a", 1, right), person("b", 1), person("c", 1, left)])
    assert [(d.outcome, d.of) for d in decisions] == [("unique", None), ("duplicate", "a"), ("duplicate", "a")]
    assert decisions[2].evidence.matches[0].person_id == "b"


def test_a_later_dossier_that_ties_two_earlier_ones_together():
    right, left = (1, 2, 3, 4, 5), (6, 7, 8, 9, 10)
    a, b, c = search([person("a", 1, right), person("b", 1, left), person("c", 1)])
    assert (a.outcome, c.outcome, c.of) == ("unique", "duplicate", "a")
    assert (b.outcome, b.of, b.evidence.reasons, b.evidence.linked) == ("review", "a", ("linked",), ("c",))


def test_the_gallery_is_earlier_than_the_batch():
    decisions = search([person("z", 1), person("a", 1)], [person("m", 1)])
    assert [(d.outcome, d.of) for d in decisions] == [("duplicate", "m"), ("duplicate", "m")]


def test_excluded_people_are_not_found():
    gallery, batch = [person("g", 1), *crowd(5)], [person("a", 1), person("b", 1)]
    decisions = search(batch, gallery, exclude={"a": {"g"}})
    assert [(d.outcome, d.of) for d in decisions] == [("unique", None), ("duplicate", "g")]
    decisions = search(batch, gallery, exclude={"a": {"g", "b"}, "b": {"g"}})
    assert [d.outcome for d in decisions] == ["unique", "unique"]


def test_a_batch_half_enrolled_gets_the_same_decisions():
    batch = [person("a", 1), person("b", 2), person("c", 1), *crowd(10)]
    gallery = [person("g", 3), *crowd(10, 4000)[5:]]
    before = search(batch, [p for p in gallery if p.person_id not in {b.person_id for b in batch}])
    gallery = [p for p in gallery if p.person_id not in {b.person_id for b in batch}]
    after = search(batch, [*gallery, batch[1], batch[0], *batch[3:7]])
    assert bare(after) == bare(before)


def test_a_dossier_without_usable_fingers_is_never_unique():
    empty = EnrolledPerson("a", Tenprint({}))
    poor = EnrolledPerson("b", Tenprint({p: finger(p, minutiae=3) for p in (1, 2)}))
    none = EnrolledPerson("c", Tenprint({2: finger(5, minutiae=0)}))
    for decision in search([empty, poor, none], crowd(3), matcher=KnowingMatcher(impostor=False)):
        assert (decision.outcome, decision.of) == ("review", None)
        assert decision.evidence.reasons == ("few_minutiae",)


def test_fingers_of_a_handful_of_minutiae_are_compared_with_nothing():
    matcher = KnowingMatcher(70.0)
    poor = {2: finger(5, minutiae=7), 3: finger(6, minutiae=7), 7: finger(9)}
    enrolled = EnrolledPerson("g", Tenprint({2: finger(5), 3: finger(6), 7: finger(8, minutiae=2), 8: finger(4)}))
    decision = search([EnrolledPerson("a", Tenprint(poor))], [enrolled], matcher=matcher)[0]
    assert decision.outcome == "unique"
    assert decision.evidence.finger_pairs == matcher.pairs == 3  # 7 has no partner of its position; then with 2, 3, 8


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(("gallery_block", "batch_block"), [(1024, 1024), (7, 1024), (1024, 3), (1, 1), (11, 5)])
def test_threads_and_blocks_change_nothing(threads, gallery_block, batch_block):
    gallery = [*crowd(23), person("g", 1), person("h", 2, (2, 3))]
    swapped = person("s", 2, (2, 3, 7), moved={2: 3, 3: 2})
    batch = [*crowd(9, 7000, (1, 2, 3)), person("x", 1), swapped, person("y", 5), person("z", 5, (9, 10))]
    batch = [EnrolledPerson(f"b-{p.person_id}", p.tenprint) for p in batch]
    expected = search(batch, gallery)
    parameters = DedupParameters(gallery_block=gallery_block, batch_block=batch_block)
    found = search(batch, gallery, parameters=parameters, threads=threads)
    assert bare(found) == bare(expected)
    assert sorted(d.outcome for d in found).count("duplicate") == 3


def test_the_order_of_the_gallery_changes_nothing():
    gallery = [*crowd(40), person("g", 1), person("h", 1, (2, 3)), person("i", 1)]
    batch = [person("a", 1), person("b", 9)]
    expected = bare(search(batch, gallery))
    random = np.random.default_rng(3)
    for _ in range(5):
        order = random.permutation(len(gallery))
        assert bare(search(batch, [gallery[i] for i in order])) == expected
    assert expected[0]["of"] == "g"  # equal scores: by identifier
    assert [m["person_id"] for m in expected[0]["evidence"]["matches"]] == ["g", "i", "h"]


def test_a_finger_that_matches_everybody_fills_no_memory():
    gallery = [EnrolledPerson(f"g{i:03}", Tenprint({2: finger(7), 3: finger(8)})) for i in range(200)]
    decision = search([EnrolledPerson("a", Tenprint({2: finger(7), 3: finger(8)}))], gallery)[0]
    assert (decision.outcome, decision.of) == ("duplicate", "g000")
    assert len(decision.evidence.matches) == 64


@pytest.mark.parametrize("side", ["probe", "enrolled"])
def test_mirrored_prints_are_found_and_said_to_be(side):
    image = EnrolledPerson("m", Tenprint({p: mirrored(one) for p, one in drawn("x", 3).tenprint.items()}))
    batch, gallery = (
        ([image], [drawn("g", 3), drawn("h", 4)])
        if side == "probe"
        else ([drawn("m", 3)], [replace(image, person_id="g")])
    )
    decision = search(batch, gallery, matcher=PointMatcher())[0]
    assert (decision.outcome, decision.of, decision.fingers) == ("duplicate", "g", (2, 3, 7))
    assert decision.evidence.reasons == ("match", "mirrored")
    match = decision.evidence.matches[0]
    assert (match.mirrored, match.across_positions) == (True, False)
    assert decision.as_dict()["evidence"]["matches"][0]["mirrored"] is True
    without = search(batch, gallery, matcher=PointMatcher(), parameters=DedupParameters(mirrored_share=0.0))[0]
    assert (without.outcome, without.evidence.finger_pairs) == (
        "unique",
        decision.evidence.finger_pairs - 3 * len(gallery),
    )


def test_mirrored_prints_within_a_batch_and_those_enrolled_already():
    image = EnrolledPerson("m", Tenprint({p: mirrored(one) for p, one in drawn("x", 3).tenprint.items()}))
    a, m = search([drawn("a", 3), image], [drawn("g", 5)], matcher=PointMatcher())
    assert (a.outcome, m.outcome, m.of) == ("unique", "duplicate", "a")
    m, a = search([image, drawn("a", 3)], [drawn("g", 5)], matcher=PointMatcher())
    assert (m.outcome, a.outcome, a.of) == ("unique", "duplicate", "m")
    (twice,) = search([image], [replace(image, person_id="g")], matcher=PointMatcher())  # mirrored both: alike
    assert (twice.outcome, twice.evidence.reasons) == ("duplicate", ("match",))
    (away,) = search([image], [drawn("g", 3)], matcher=PointMatcher(), exclude={"m": {"g"}})
    assert away.outcome == "unique"


def test_mirror_images_cost_no_other_match_a_bit_and_are_nobodys_competitor():
    """The three shares are within the whole allowance: of ten fingers k (k + 1) leaves one eleventh of it."""
    p = DedupParameters()
    shares = (1 - p.cross_position_share) + p.cross_position_share + p.mirrored_share
    assert shares * sum(1 / (k * (k + 1)) for k in ALL) == pytest.approx(1.0)
    gallery = [person("g", 1), *crowd(40)]
    batch = [person("a", 1, (2, 3)), person("b", 2), person("c", 3, (1, 2, 3)), person("d", 4, (7,))]
    found, without = search(batch, gallery), search(batch, gallery, parameters=DedupParameters(mirrored_share=0.0))
    for one, other in zip(bare(found), bare(without), strict=True):
        del one["evidence"]["finger_pairs"], other["evidence"]["finger_pairs"]
        assert one == other


def test_a_mirror_image_of_a_mirror_image_is_the_print_itself():
    one = replace(drawn("a", 3).tenprint[2], width_px=300, extended=b"counts")
    assert mirrored(mirrored(one)) == replace(one, extended=b"")
    image = mirrored(one)
    assert (int(image.x_px[0]), int(image.angle[0])) == (299 - int(one.x_px[0]), (32768 - int(one.angle[0])) % 65536)
    narrow = replace(one, width_px=0)  # a format that does not say
    assert (int(mirrored(narrow).x_px.min()), mirrored(narrow).count) == (0, narrow.count)
    assert mirrored(finger(1, minutiae=0)).count == 0
    edge = FingerTemplate([65535], [0], [0], [1], [0])
    assert (mirrored(edge).x_px.tolist(), mirrored(edge).angle.tolist()) == ([0], [32768])


def test_progress_runs_to_its_end():
    seen = []
    batch = [person("a", 1), person("b", 2), person("c", 1), *crowd(4)]
    search(batch, crowd(6, 3000)[4:], progress=lambda done, total, what: seen.append((done, total, what)),
           parameters=DedupParameters(gallery_block=2, batch_block=3))  # fmt: skip
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert {total for _, total, _ in seen} == {seen[-1][0]}
    assert {what for _, _, what in seen} == {"by position", "across positions"}


def test_nothing_to_search():
    assert search([]) == []
    only = search([person("a", 1)])[0]
    assert (only.outcome, only.evidence.comparisons, only.evidence.finger_pairs) == ("unique", 0, 0)


def test_an_identifier_twice_is_refused_and_the_error_says_where():
    with pytest.raises(ParameterError, match="stands twice") as error:
        search([person("x", 0), person("a", 1), person("b", 2), person("a", 2)])
    assert error.value.facts == {"person_id": "a", "first": 1, "again": 3}


def test_a_gallery_is_asked_once_who_of_the_batch_it_knows():
    class Asked(MemoryGallery):
        questions = 0

        def __contains__(self, person_id):
            raise AssertionError

        def known(self, person_ids):
            self.questions += 1
            return super().known(person_ids)

    gallery = Asked(crowd(3, 5000))
    search([person("a", 1), *crowd(3)], gallery, parameters=DedupParameters(batch_block=2))
    assert gallery.questions == 1


def test_the_log_tells_counts_and_passes_and_nobodys_name(caplog):
    caplog.set_level("INFO", logger="cccd_core.dedup")
    search([person("secret", 1), person("b", 2)], [person("g", 1), *crowd(3)])
    assert [record.getMessage() for record in caplog.records] == [
        "search started: people=2 gallery=4 threads=1",
        "pass by position: people=2 of 2",
        "pass across positions: people=1 of 2",
        "search finished: people=2 gallery=4 finger_pairs=640 unique=1 duplicate=1 review=0",
    ]


def test_no_text_shows_a_template():
    """Identities of 12345 and above stand in the coordinates of these templates."""
    placed = {p: finger(12345 + p, position=p) for p in (1, 2, 3)}
    one = EnrolledPerson("a", Tenprint(placed), (finger(12350), finger(12351)))
    matcher = Matcher()
    searchable = Searchable.of(one, 0)
    shown = [
        repr(one),
        repr(searchable),
        repr(Probe.prepare(matcher, 0, searchable)),
        repr(Block.pack(matcher, "gallery", [searchable])),
        repr(search([one], [EnrolledPerson("b", Tenprint(placed))])),
    ]
    with pytest.raises(ParameterError) as error:
        search([one, one])
    shown += [str(error.value), repr(error.value)]
    assert shown[0] == "EnrolledPerson('a', placed=[1, 2, 3], unplaced=2)"
    for text in shown:
        assert "1234" not in text
        assert "1235" not in text
        assert "px" not in text
        assert "words" not in text


def test_an_error_in_a_thread_comes_out():
    class Broken(KnowingMatcher):
        def scores(self, probe, gallery, *, threads=None):
            raise DamagedError("broken")

    with pytest.raises(DamagedError, match="broken"):
        search(crowd(5), crowd(5, 2000)[1:], matcher=Broken(), threads=3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"duplicate_false_matches": 0.0},
        {"duplicate_false_matches": 0.5, "review_false_matches": 0.1},
        {"review_false_matches": 1.0},
        {"single_finger_false_matches": 1e-3},
        {"cross_position_share": 1.0},
        {"mirrored_share": -0.01},
        {"mirrored_share": 0.11},
        {"mirrored_share": float("inf")},
        {"gallery_block": 0},
        {"gallery_block": 1.5},
        {"agreeing_score": float("nan")},
        {"agreeing_fingers": True},
    ],
)
def test_parameters_out_of_range(wrong):
    with pytest.raises(ParameterError):
        DedupParameters(**wrong)


def test_a_person_has_an_identifier_and_ten_fingers_at_most():
    for name in ("", "x" * 65, "a\nb", "a\x00"):
        with pytest.raises(ParameterError):
            EnrolledPerson(name, Tenprint({}))
    with pytest.raises(ParameterError):
        EnrolledPerson("a", Tenprint({p: finger(p) for p in ALL}), (finger(99),))
    with pytest.raises(ParameterError):
        Deduplicator(KnowingMatcher(), threads=0)
