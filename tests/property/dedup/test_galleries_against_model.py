"""Every gallery against a model of a few lines: any order of changes, refused ones, readers between, opened anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cccd_core.dedup import EnrolledPerson, Gallery, GalleryStore, MemoryGallery, PostgresGallery
from cccd_core.errors import ConflictError
from support.known_fingers import person
from support.postgres_server import Server

NAMES = st.sampled_from(["a", "b", "c", "thẻ số 4", "x" * 64, "'; --"])
FINGERS = st.integers(1, 4)

Open = Callable[[bool], Gallery]  # anew, or as it was


class Galleries(RuleBasedStateMachine):
    """What a gallery must be: people by number, and what was done to them."""

    def __init__(self, opened: Open) -> None:
        super().__init__()
        self._open = opened
        self.people: dict[int, EnrolledPerson] = {}
        self.last = 0
        self.trace: list[tuple[str, str, int, int, str | None]] = []

    @initialize()
    def begin(self) -> None:
        self.gallery = self._open(True)
        self.gallery_id = self.gallery.gallery_id

    def number(self, name: str) -> int | None:
        return next((number for number, one in self.people.items() if one.person_id == name), None)

    @rule(people=st.lists(st.tuples(NAMES, FINGERS), max_size=4))
    def add(self, people: list[tuple[str, int]]) -> None:
        wanted = [person(name, fingers) for name, fingers in people]
        known = {one.person_id: one for one in self.people.values()}
        if any(known.setdefault(one.person_id, one) != one for one in wanted):
            with pytest.raises(ConflictError):
                self.gallery.add_many(wanted)
            return
        new = len(known) - len(self.people)
        assert self.gallery.add_many(wanted) == new
        for one in list(known.values())[len(self.people) :]:
            self.last += 1
            self.people[self.last] = one

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        number = self.number(name)
        if number is None:
            with pytest.raises(ConflictError):
                self.gallery.remove(name, order="o")
            return
        self.gallery.remove(name, order="o")
        self.trace.append(("removed", name, number, self.people.pop(number).count, None))

    @rule(name=NAMES, fingers=FINGERS, loose=st.integers(0, 2))
    def replace(self, name: str, fingers: int, loose: int) -> None:
        number, other = self.number(name), person(name, fingers, (2, 3), loose)
        if number is None:
            with pytest.raises(ConflictError):
                self.gallery.replace(other, order="o")
            return
        self.gallery.replace(other, order="o")
        self.trace.append(("replaced", name, number, self.people[number].count, None))
        self.people[number] = other

    @rule(name=NAMES, new=NAMES)
    def rename(self, name: str, new: str) -> None:
        number = self.number(name)
        if number is None or self.number(new) is not None:
            with pytest.raises(ConflictError):
                self.gallery.rename(name, new, order="o")
            return
        self.gallery.rename(name, new, order="o")
        self.trace.append(("renamed", name, number, 0, new))
        one = self.people[number]
        self.people[number] = EnrolledPerson(new, one.tenprint, one.unplaced)

    @rule()
    def open_again(self) -> None:
        self.gallery = self._open(False)

    @rule(after=st.integers(0, 12), until=st.integers(0, 12), asked=st.lists(st.integers(-1, 14), max_size=5))
    def look(self, after: int, until: int, asked: list[int]) -> None:
        between = [(number, one) for number, one in sorted(self.people.items()) if after < number <= until]
        assert [(entry.sequence, entry.person) for entry in self.gallery.entries(after, until)] == between
        there = {number: self.people[number] for number in sorted(set(asked)) if number in self.people}
        assert {entry.sequence: entry.person for entry in self.gallery.entries_of(asked)} == there
        assert self.gallery.identifiers(asked) == {number: one.person_id for number, one in there.items()}
        assert [one.sequence for one in self.gallery.withdrawals(after)] == list(range(after + 1, len(self.trace) + 1))

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "gallery"):
            return
        everyone = sorted(self.people.items())
        assert [(entry.sequence, entry.person) for entry in self.gallery.entries()] == everyone
        assert list(self.gallery) == [one for _, one in everyone]
        assert (len(self.gallery), self.gallery.last_sequence()) == (len(everyone), self.last)
        told = [(str(w.kind), w.person_id, w.place, w.fingers, w.new_id) for w in self.gallery.withdrawals()]
        assert told == self.trace
        assert self.gallery.last_withdrawal() == len(self.trace)
        names = {one.person_id for one in self.people.values()}
        assert self.gallery.removed() == {name for kind, name, *_ in self.trace if kind == "removed"} - names
        assert self.gallery.known(["a", "b", "nobody"]) == names & {"a", "b"}
        assert self.gallery.gallery_id == self.gallery_id


def run(opened: Open, examples: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Galleries(opened), settings=settings(max_examples=examples, stateful_step_count=25)
    )


def test_in_memory() -> None:
    kept: list[MemoryGallery] = []

    def opened(anew: bool) -> Gallery:
        if anew:
            kept[:] = [MemoryGallery()]
        return kept[0]

    run(opened, 60)


def test_in_a_file(tmp_path: Path) -> None:
    made: list[GalleryStore] = []

    def opened(anew: bool) -> Gallery:
        if made and (anew or len(made) % 2):
            made[-1].close()
        number = sum(path.suffix == ".sqlite" for path in tmp_path.iterdir())
        made.append(GalleryStore(tmp_path / f"{number + 1 if anew else number}.sqlite"))
        return made[-1]

    run(opened, 25)
    for gallery in made:
        gallery.close()


@pytest.mark.postgres
def test_in_a_server(postgres: Server) -> None:
    url = postgres.new_database()
    made: list[PostgresGallery] = []

    def opened(anew: bool) -> Gallery:
        if anew:
            for gallery in made:
                gallery.close()
            made.clear()
            postgres.sql("DROP SCHEMA IF EXISTS cccd_gallery CASCADE", Server.name(url))
        made.append(PostgresGallery(url))
        return made[-1]

    run(opened, 25)
    for gallery in made:
        gallery.close()
    postgres.drop(url)
