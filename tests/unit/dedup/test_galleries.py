"""What every gallery does: one harness over memory and disk, errors included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cccd_core.dedup import Deduplicator, EnrolledPerson, Gallery, GalleryStore, MemoryGallery
from cccd_core.dedup.store import ASKED_BLOCK, READ_BLOCK
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.templates import Tenprint
from support.known_fingers import KnowingMatcher, finger, person


@pytest.fixture(params=["memory", "disk"])
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gallery]:
    if request.param == "memory":
        yield MemoryGallery()
    else:
        store = GalleryStore(tmp_path / "gallery.sqlite")
        yield store
        store.close()


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


def test_a_mistake_on_the_way_enrols_nobody(gallery):
    def people() -> Iterator[EnrolledPerson]:
        yield person("a")
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
