"""What every gallery does: one harness over memory and disk, errors included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from cccd_core.dedup import (
    Deduplicator,
    EnrolledPerson,
    Gallery,
    GalleryStore,
    MemoryGallery,
    PostgresGallery,
    Withdrawal,
    WithdrawalKind,
)
from cccd_core.dedup.gallery.tables import ASKED_BLOCK, READ_BLOCK
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.templates import Tenprint
from support.known_fingers import KnowingMatcher, finger, person

NOON = datetime(2026, 11, 1, 5, tzinfo=UTC)


class Ticking:
    """A clock of another zone that goes on by a minute each time."""

    minutes = -1

    def __call__(self) -> datetime:
        self.minutes += 1
        return NOON.astimezone(timezone(timedelta(hours=7))) + timedelta(minutes=self.minutes)


@pytest.fixture(params=["memory", "disk", pytest.param("server", marks=pytest.mark.postgres)])
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gallery]:
    if request.param == "memory":
        yield MemoryGallery(clock=Ticking())
    elif request.param == "disk":
        with closing(GalleryStore(tmp_path / "gallery.sqlite", clock=Ticking())) as store:
            yield store
    else:
        server = request.getfixturevalue("postgres")
        url = server.new_database()
        with closing(PostgresGallery(url, clock=Ticking())) as served:
            yield served
        server.drop(url)


def test_what_goes_in_comes_out(gallery):
    people = [
        person("b", 1),
        person("a", 2, ()),
        person("c", 3, (1, 10), 2),
        person("thẻ số 4", 4, tuple(range(1, 11))),
    ]
    assert [gallery.add(one) for one in people] == [True] * 4
    assert list(gallery) == people  # the order of enrolment
    assert len(gallery) == 4
    for one in people:
        assert one.person_id in gallery
        assert gallery.get(one.person_id) == one
    assert 7 not in gallery


@pytest.mark.parametrize("name", ["d", "A", "", "a\0", "a'; --", "x" * 1000, "\ud800"])
def test_nobody_of_that_name(gallery, name):
    gallery.add(person("a"))
    assert name not in gallery
    assert gallery.known([name, "a"]) == {"a"}
    with pytest.raises(ConflictError, match="nobody of this identifier is enrolled") as error:
        gallery.get(name)
    assert error.value.facts == {}


def test_known_of_many(gallery):
    assert gallery.known([]) == gallery.known(["a"]) == set()
    gallery.add_many(EnrolledPerson(f"p{i}", Tenprint({})) for i in range(0, 3 * ASKED_BLOCK, 2))
    asked = [f"p{i}" for i in range(2 * ASKED_BLOCK + 1)]
    assert gallery.known(iter(asked)) == set(asked[::2])
    assert gallery.known(["p4", "p4", "p5"]) == {"p4"}


def test_adding_again_is_nothing_and_other_templates_are_refused(gallery):
    assert gallery.add(person("a"))
    assert not gallery.add(person("a"))
    for other in (person("a", 2), person("a", 1, (2,)), person("a", 1, (2, 8)), person("a", 1, (2, 7), 1)):
        with pytest.raises(ConflictError, match="other templates") as error:
            gallery.add(other)
        assert error.value.facts == {}
    assert list(gallery) == [person("a")]


def test_all_or_nobody(gallery):
    gallery.add(person("c", 3))
    for wrong in ([person("a"), person("b"), person("c", 4)], [person("a"), person("a", 2)]):
        with pytest.raises(ConflictError):
            gallery.add_many(wrong)
        assert [one.person_id for one in gallery] == ["c"]
    assert gallery.add_many([person("a"), person("c", 3), person("b"), person("a")]) == 2
    assert [one.person_id for one in gallery] == ["c", "a", "b"]
    assert gallery.add_many([]) == 0


@pytest.mark.parametrize("before", [1, ASKED_BLOCK + 1])
def test_a_mistake_on_the_way_enrols_nobody(gallery, before):
    def people() -> Iterator[EnrolledPerson]:
        for i in range(before):
            yield EnrolledPerson(f"p{i}", Tenprint({}))
        raise RuntimeError("a mistake of the program")

    with pytest.raises(RuntimeError):
        gallery.add_many(people())
    assert len(gallery) == 0
    assert gallery.add(person("a"))


def test_iteration_sees_those_who_were_there(gallery):
    count = 2 * READ_BLOCK + 3
    gallery.add_many(person(f"p{i}", i) for i in range(count))
    seen = []
    for one in gallery:
        seen.append(one.person_id)
        if len(seen) % 50 == 1:
            gallery.add(person(f"later-{len(seen)}", 900 + len(seen)))
    assert seen == [f"p{i}" for i in range(count)]
    assert len(gallery) == count + 3


def test_two_iterations_at_a_time(gallery):
    gallery.add_many(person(f"p{i}", i) for i in range(READ_BLOCK + 2))
    assert [(a.person_id, b.person_id) for a, b in zip(gallery, gallery, strict=True)] == [
        (f"p{i}", f"p{i}") for i in range(READ_BLOCK + 2)
    ]


def test_a_search_finds_the_same_people(gallery):
    gallery.add_many([person("g", 1), person("h", 2), person("b", 3)])
    batch = [person("a", 1), person("b", 3), person("c", 2, (2, 7), 1), person("d", 4)]
    decisions = Deduplicator(KnowingMatcher(), threads=1).search(batch, gallery)
    assert [(d.outcome, d.of) for d in decisions] == [
        ("duplicate", "g"),
        ("unique", None),
        ("duplicate", "h"),
        ("unique", None),
    ]
    assert {d.evidence.comparisons for d in decisions} == {5}  # b is itself


def test_its_text_shows_no_template(gallery):
    gallery.add(EnrolledPerson("a", Tenprint({2: finger(12345)}), (finger(12346),)))
    assert "12345" not in repr(gallery) + str(gallery)
    assert "array" not in repr(gallery)


@pytest.mark.parametrize("position", [-1, 0, 11, 255])
def test_a_position_that_no_finger_has_is_refused_before_it_is_enrolled(position):
    with pytest.raises(ParameterError, match="1 to 10"):
        EnrolledPerson("a", {position: finger(1)})


def test_a_plain_mapping_of_fingers_is_enrolled_as_a_tenprint_is(gallery):
    gallery.add(EnrolledPerson("a", {7: finger(1), 2: finger(2)}))
    assert list(gallery.get("a").tenprint) == [2, 7]


def test_who_is_taken_out_is_gone_at_once_and_traced(gallery):
    gallery.add_many([person("a", 1), person("b", 2, (1, 2, 3), 2), person("c", 3)])
    assert list(gallery.withdrawals()) == []
    gone = gallery.remove("b", order="CV 12/2026")
    assert gone == Withdrawal(1, WithdrawalKind.REMOVED, "b", "CV 12/2026", NOON, 5, 2)
    assert gone.as_dict() == {
        "sequence": 1, "kind": "removed", "person_id": "b", "order": "CV 12/2026",
        "time": "2026-11-01T05:00:00+00:00", "fingers": 5, "place": 2,
    }  # fmt: skip
    assert list(gallery.withdrawals()) == [gone]
    assert [one.person_id for one in gallery] == ["a", "c"]
    assert (len(gallery), "b" in gallery, gallery.known(["a", "b"])) == (2, False, {"a"})
    for again in (gallery.get, lambda name: gallery.remove(name, order="x")):
        with pytest.raises(ConflictError, match="nobody of this identifier"):
            again("b")
    assert gallery.removed() == {"b"}
    assert gallery.add(person("b", 9))  # other fingers, too: nobody stands there
    assert [one.person_id for one in gallery] == ["a", "c", "b"]
    assert gallery.removed() == set()
    assert [one.person_id for one in gallery.withdrawals()] == ["b"]


def test_a_person_is_replaced_at_the_same_place(gallery):
    gallery.add_many([person("a", 1), person("b", 2, (1, 2, 3)), person("c", 3)])
    new = person("b", 7, (2,), 1)
    change = gallery.replace(new, order="recapture")
    assert change == Withdrawal(1, WithdrawalKind.REPLACED, "b", "recapture", NOON, 3, 2)
    assert list(gallery) == [person("a", 1), new, person("c", 3)]
    assert not gallery.add(new)
    with pytest.raises(ConflictError, match="other templates"):
        gallery.add(person("b", 2, (1, 2, 3)))
    assert gallery.removed() == set()
    assert len(gallery) == 3
    gallery.replace(EnrolledPerson("b", Tenprint({})), order="no finger left")
    assert gallery.get("b").count == 0
    assert [(one.sequence, one.fingers) for one in gallery.withdrawals()] == [(1, 3), (2, 2)]


@pytest.mark.parametrize("name", ["nobody", "", "a\0", "x" * 65, "\ud800"])
def test_nobody_can_neither_be_taken_out_nor_replaced(gallery, name):
    gallery.add(person("a"))
    with pytest.raises(ConflictError, match="nobody of this identifier") as error:
        gallery.remove(name, order="x")
    assert error.value.facts == {}
    with pytest.raises(ConflictError, match="nobody of this identifier"):
        gallery.replace(person("b"), order="x")
    assert (list(gallery), list(gallery.withdrawals())) == ([person("a")], [])


@pytest.mark.parametrize("order", ["", "x" * 65, "two\nlines", "\x1b[31m", "\ud800"])
def test_without_an_order_nothing_goes(gallery, order):
    gallery.add(person("a"))
    with pytest.raises(ParameterError, match="order"):
        gallery.remove("a", order=order)
    with pytest.raises(ParameterError, match="order"):
        gallery.replace(person("a", 2), order=order)
    assert (list(gallery), list(gallery.withdrawals())) == ([person("a")], [])


def test_a_clock_without_a_zone_is_refused(gallery, tmp_path):
    def naive() -> datetime:
        return datetime(2026, 11, 1)

    for one in (MemoryGallery([person("a")], clock=naive), GalleryStore(tmp_path / "other.sqlite", clock=naive)):
        one.add(person("a"))
        with pytest.raises(ParameterError, match="zone"):
            one.remove("a", order="x")
        assert (list(one), list(one.withdrawals())) == ([person("a")], [])


def test_people_may_go_while_the_gallery_is_read(gallery):
    count = 2 * READ_BLOCK + 3
    gallery.add_many(person(f"p{i}", i) for i in range(count))
    seen = []
    for one in gallery:
        seen.append(one.person_id)
        if len(seen) == 1:  # the last two, of whom one comes again: not for those who began before
            gallery.remove(f"p{count - 1}", order="x")
            gallery.remove(f"p{count - 2}", order="x")
            gallery.add(person(f"p{count - 1}", 999))
            gallery.replace(person("p0", 998), order="x")
    assert seen[: count - 2] == [f"p{i}" for i in range(count - 2)]
    assert len(seen) <= count  # those taken out meanwhile may have been read before
    assert len(gallery) == count - 1
    assert next(iter(gallery)) == person("p0", 998)


def test_many_withdrawals_are_told_in_order(gallery):
    count = ASKED_BLOCK + 3
    gallery.add(person("a", 1, (2,)))
    for i in range(count):
        gallery.replace(person("a", 2 + i % 2, (2,)), order=f"o{i}")
    assert [(one.sequence, one.order) for one in gallery.withdrawals()] == [(i + 1, f"o{i}") for i in range(count)]


def test_a_search_finds_the_templates_that_stand_now(gallery):
    gallery.add_many([person("g", 1), person("h", 2), person("i", 3)])
    gallery.remove("g", order="x")
    gallery.replace(person("h", 4), order="x")
    batch = [person("a", 1), person("b", 2), person("c", 3), person("d", 4)]
    decisions = Deduplicator(KnowingMatcher(), threads=1).search(batch, gallery)
    assert [(d.outcome, d.of) for d in decisions] == [
        ("unique", None), ("unique", None), ("duplicate", "i"), ("duplicate", "h"),
    ]  # fmt: skip


def numbers(gallery: Gallery, after: int = 0, until: int | None = None) -> list[tuple[int, str]]:
    return [(entry.sequence, entry.person.person_id) for entry in gallery.entries(after, until)]


def test_a_number_is_given_once_in_the_order_of_enrolment(gallery):
    assert (gallery.last_sequence(), gallery.last_withdrawal(), numbers(gallery)) == (0, 0, [])
    gallery.add_many([person("a", 1), person("b", 2), person("c", 3), person("a", 1)])
    gallery.remove("c", order="x")
    assert gallery.last_sequence() == 3  # given, though nobody has it now
    gallery.add(person("d", 4))
    gallery.replace(person("a", 5), order="x")
    assert numbers(gallery) == [(1, "a"), (2, "b"), (4, "d")]
    assert (numbers(gallery, 1), numbers(gallery, 1, 3), numbers(gallery, 4)) == ([(2, "b"), (4, "d")], [(2, "b")], [])
    assert (numbers(gallery, until=9), numbers(gallery, until=0)) == (numbers(gallery), [])
    assert [(one.sequence, one.place) for one in gallery.withdrawals()] == [(1, 3), (2, 1)]
    assert [one.sequence for one in gallery.withdrawals(1)] == [2]
    assert list(gallery.withdrawals(2)) == []
    assert (gallery.last_sequence(), gallery.last_withdrawal()) == (4, 2)


def test_people_are_found_by_their_numbers(gallery):
    gallery.add_many(person(f"p{i}", i, (2,)) for i in range(ASKED_BLOCK + READ_BLOCK))
    gallery.remove("p1", order="x")
    wanted = [3, 2, 1, 3, 0, 10**6, *range(10, 10 + 2 * READ_BLOCK)]
    found = gallery.entries_of(wanted)
    assert [entry.sequence for entry in found] == [1, 3, *range(10, 10 + 2 * READ_BLOCK)]
    assert all(entry.person == person(f"p{entry.sequence - 1}", entry.sequence - 1, (2,)) for entry in found)
    names = gallery.identifiers(iter([5, 2, ASKED_BLOCK + READ_BLOCK, *range(1, ASKED_BLOCK + 9)]))
    assert names == {i + 1: f"p{i}" for i in (*range(ASKED_BLOCK + 8), ASKED_BLOCK + READ_BLOCK - 1) if i != 1}
    assert (gallery.entries_of([]), gallery.identifiers([])) == ([], {})


def test_a_person_gets_another_identifier_and_nothing_else(gallery):
    gallery.add_many([person("a", 1), person("b", 2, (1, 2), 1)])
    change = gallery.rename("a", "thẻ số 9", order="CV 3")
    assert change == Withdrawal(1, WithdrawalKind.RENAMED, "a", "CV 3", NOON, 0, 1, "thẻ số 9")
    assert change.as_dict()["new_id"] == "thẻ số 9"
    assert list(gallery.withdrawals()) == [change]
    assert gallery.get("thẻ số 9") == person("thẻ số 9", 1)
    assert (gallery.known(["a", "b", "thẻ số 9"]), gallery.removed()) == ({"b", "thẻ số 9"}, set())
    assert numbers(gallery) == [(1, "thẻ số 9"), (2, "b")]
    assert gallery.add(person("a", 7))  # the old one is free
    for old, new, kind in (("nobody", "x", ConflictError), ("b", "a", ConflictError), ("b", "", ParameterError)):
        with pytest.raises(kind) as error:
            gallery.rename(old, new, order="x")
        assert error.value.facts == {}
    with pytest.raises(ParameterError, match="order"):
        gallery.rename("b", "c", order="")
    assert gallery.last_withdrawal() == 1
    assert numbers(gallery) == [(1, "thẻ số 9"), (2, "b"), (3, "a")]


def test_each_gallery_says_which_it_is(gallery, tmp_path):
    assert len(gallery.gallery_id) == 32
    assert len({gallery.gallery_id, MemoryGallery().gallery_id, GalleryStore(tmp_path / "o.sqlite").gallery_id}) == 3
