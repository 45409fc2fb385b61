"""Acts on people over register and gallery: each whole or not begun, whatever interrupts it, and nothing left of who is
removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cccd_core.dedup import Deduplicator, EnrolledPerson, GalleryStore
from cccd_core.errors import CccdError, ConflictError, ParameterError
from cccd_core.issuance import Register
from cccd_core.issuance.audit.entry import Actor, Role
from cccd_core.issuance.audit.stores import FileStore
from cccd_core.issuance.audit.trail import Trail, read
from cccd_core.issuance.correction.acts import ActEnd, Ordered
from cccd_core.issuance.correction.doing import Corrections
from cccd_core.issuance.correction.store import Acts, demand_none_under_way, purge_register
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.numbers import clear_person_id
from cccd_core.issuance.register.store import Acceptance, CardStatus
from cccd_core.templates import Tenprint
from support.dossiers import finger
from support.postgres_server import Server
from support.register import PLACES, places
from support.toy_matcher import ToyMatcher

SEARCH = Deduplicator(ToyMatcher())
ACTOR = Actor("dung.hn", Role.ADMINISTRATOR)
ORDERED = Ordered("QD 12/2026", "dung.hn", "a court's order")
NUMBERS = {name: f"00108800010{index}" for index, name in enumerate(("A", "B", "C"))}
FINGERS = {"A": (2, 7), "B": (2, 3), "C": ()}


@pytest.fixture(params=PLACES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    yield from places(request, tmp_path)


class Office:
    """A register and a gallery of three people: two with fingers, and a child."""

    def __init__(self, where: Path | str, folder: Path) -> None:
        self.where = where
        self.gallery = GalleryStore(folder / "gallery.sqlite")
        self.register = Register(where)
        self.acts = Acts(where)
        self.doing = Corrections(self.acts, self.gallery, lambda: datetime.now(UTC), ACTOR)
        for index, name in enumerate(NUMBERS):
            prints = Tenprint({position: finger(10 * index + position) for position in FINGERS[name]})
            if prints:
                self.gallery.add(EnrolledPerson(self.person(name), prints))
            self.issue(name, name, enrolled=bool(prints))

    def issue(self, dossier: str, name: str, *, enrolled: bool = True, proved: bool = True) -> None:
        day = date(2026, 11, 2)
        self.register.accept([Acceptance(dossier, NUMBERS[name], self.person(name), enrolled, day, None)])
        if proved:
            self.register.verify(dossier, NUMBERS[name], f"SERIAL-{dossier}")

    def person(self, name: str) -> str:
        return clear_person_id(name, NUMBERS[name])

    def positions(self, name: str) -> list[int]:
        return list(self.gallery.get(self.person(name)).tenprint)

    def close(self) -> None:
        for each in (self.acts, self.register, self.gallery):
            each.close()


@pytest.fixture
def office(where: Path | str, tmp_path: Path) -> Iterator[Office]:
    with closing(Office(where, tmp_path)) as found:
        yield found


def remove(office: Office) -> Any:
    return office.doing.remove(office.acts.by_dossier("A"), ORDERED)


def merge(office: Office) -> Any:
    return office.doing.merge(office.acts.by_number(NUMBERS["A"]), office.acts.by_dossier("B"), ORDERED)


def split(office: Office) -> Any:
    return office.doing.split(office.acts.by_dossier("B"), [3], ORDERED, to=office.acts.by_dossier("A"))


def replaced(office: Office) -> Any:
    other = EnrolledPerson("whoever", Tenprint({4: finger(44)}))
    return office.doing.replace(office.acts.by_dossier("A"), other, ORDERED, SEARCH)


def test_a_person_who_is_removed_is_in_neither(office: Office) -> None:
    act = remove(office)
    assert (act.ended, [(one.serial, one.dossier_id, str(one.to_do)) for one in act.cards]) == (
        ActEnd.DONE, [("SERIAL-A", "A", "revoke")],
    )  # fmt: skip
    assert office.person("A") not in office.gallery
    assert [one.order for one in office.gallery.withdrawals()] == ["QD 12/2026"]
    assert office.register.person_of(NUMBERS["A"]) is None
    assert office.register.cards_of(NUMBERS["A"]) == []
    assert office.register.dossier_of(office.person("A")) is None
    assert office.register.enrolled() == len(office.gallery) == 1
    with pytest.raises(ConflictError):
        office.acts.by_dossier("A")
    office.issue("A", "A", proved=False)  # comes again as a new one
    assert office.acts.all() == [act]


def test_two_people_who_are_one(office: Office) -> None:
    act = merge(office)
    assert [one.serial for one in act.cards] == ["SERIAL-B"]
    assert office.positions("A") == [2, 3, 7]
    assert np.array_equal(office.gallery.get(office.person("A")).tenprint[2].x_px, finger(2).x_px)  # its own stays
    assert office.person("B") not in office.gallery
    assert office.register.successor(NUMBERS["B"]) == NUMBERS["A"]
    assert office.register.person_of(NUMBERS["B"]) == office.person("A")
    assert [card.status for card in office.register.cards_of(NUMBERS["B"])] == [CardStatus.SUPERSEDED]
    assert [card.status for card in office.register.cards_of(NUMBERS["A"])] == [CardStatus.VALID]
    assert merge_again(office) == act
    with pytest.raises(ParameterError):
        office.doing.merge(office.acts.by_dossier("A"), office.acts.by_dossier("B"), ORDERED)


def merge_again(office: Office) -> Any:
    return office.acts.find(office.acts.all()[0].act_id)


def test_a_child_that_is_somebody_enrolled(office: Office) -> None:
    act = office.doing.merge(office.acts.by_dossier("C"), office.acts.by_dossier("A"), ORDERED)
    assert (act.ended, office.positions("C"), office.person("A") in office.gallery) == (ActEnd.DONE, [2, 7], False)
    assert office.register.enrolled() == len(office.gallery) == 2


def test_fingers_of_somebody_else_leave_a_record(office: Office) -> None:
    split(office)
    assert (office.positions("B"), office.positions("A")) == ([2], [2, 3, 7])
    again = Ordered("QD 13/2026", "dung.hn", "nobody's that we know")
    office.doing.split(office.acts.by_dossier("A"), [3], again)
    assert office.positions("A") == [2, 7]
    for positions in ([3], [2, 7], [], [11]):
        with pytest.raises(CccdError):
            office.doing.split(office.acts.by_dossier("A"), positions, Ordered("QD 14", "dung.hn", "no"))
    assert office.acts.under_way() is None


def test_other_fingers_take_their_place(office: Office) -> None:
    assert replaced(office).ended is ActEnd.DONE
    assert office.positions("A") == [4]
    with pytest.raises(ConflictError):
        office.doing.replace(
            office.acts.by_dossier("C"), EnrolledPerson("x", Tenprint({4: finger(4)})), ORDERED, SEARCH
        )


def test_fingers_of_somebody_else_are_put_in_nobody_s_place(office: Office) -> None:
    a, b = office.acts.by_dossier("A"), office.acts.by_dossier("B")
    theirs = office.gallery.get(b.person_id)
    with pytest.raises(ConflictError, match="somebody else") as refused:
        office.doing.replace(a, theirs, ORDERED, SEARCH)
    assert (refused.value.facts["of"], refused.value.facts["dossier"]) == (b.person_id, "B")
    with pytest.raises(ConflictError, match="too poor"):
        office.doing.replace(a, EnrolledPerson("x", Tenprint({4: finger(44, 4)})), ORDERED, SEARCH)
    assert office.acts.under_way() is None
    assert office.positions("A") == [2, 7]
    own = office.gallery.get(a.person_id)
    office.doing.replace(a, own, Ordered("QD 13", "dung.hn", "taken again"), SEARCH)
    act = office.doing.replace(a, theirs, ORDERED, SEARCH, although=[b])
    assert (act.ended, office.positions("A")) == (ActEnd.DONE, [2, 3])
    assert office.doing.replace(a, theirs, ORDERED, SEARCH, although=[b]).act_id == act.act_id


class Killed(BaseException):
    """The process ends here."""


STEPS: dict[str, tuple[Callable[[Office], Any], tuple[str, ...]]] = {
    "remove": (remove, ("remove", "end")),
    "merge": (merge, ("replace", "remove", "end")),
    "split": (split, ("replace", "replace", "end")),
    "replaced": (replaced, ("replace", "end")),
}


@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after it"])
@pytest.mark.parametrize(
    ("kind", "step"), [(kind, step) for kind, (_, steps) in STEPS.items() for step in range(len(steps))]
)
def test_interrupted_at_any_step_it_is_finished(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, step: int, after: bool
) -> None:
    act, steps = STEPS[kind]
    passed = 0

    def killing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal passed
            here, passed = passed == step, passed + 1
            if here and not after:
                raise Killed
            result = real(*arguments, **named)
            if here:
                raise Killed
            return result

        return call

    with monkeypatch.context() as patched:
        for name in set(steps):
            owner = Acts if name == "end" else GalleryStore
            patched.setattr(owner, name, killing(name, getattr(owner, name)))
        with pytest.raises(Killed):
            act(office)
    begun = steps[step] != "end" or not after  # else it was done whole
    if begun:
        with pytest.raises(ConflictError, match="interrupted") as stopped:
            demand_none_under_way(office.where)
        assert stopped.value.facts["order"] == "QD 12/2026"
        with pytest.raises(ConflictError):
            office.doing.remove(office.acts.by_dossier("C"), Ordered("other", "dung.hn", "another"))
    told = FileStore(tmp_path / "acts.jsonl")
    finished = replace(office.doing, trail=Trail(told)).resume()
    assert (finished is not None) == begun
    what, whose, other = {"merge": ("merge", "A", "B"), "split": ("split", "B", "A"), "remove": ("remove", "A", None),
                          "replaced": ("replace", "A", None)}[kind]  # fmt: skip
    named = None if other is None else office.person(other)
    found = [(one.entry.what, one.entry.person, one.entry.reason) for one in read(told)]
    assert found == ([(what, office.person(whose), named), ("done", office.person(whose), None)] if begun else [])
    lost = kind == "replaced" and steps[step] == "replace" and not after
    assert office.acts.all()[0].ended is (ActEnd.ABANDONED if lost else ActEnd.DONE)
    demand_none_under_way(office.where)
    state = (sorted(one.person_id for one in office.gallery), office.register.enrolled())
    assert state[1] == len(state[0])
    expected = {"remove": None, "merge": [2, 3, 7], "split": [2, 3, 7], "replaced": [2, 7] if lost else [4]}[kind]
    assert (office.positions("A") if office.person("A") in office.gallery else None) == expected
    assert (
        len(list(office.gallery.withdrawals()))
        == {"remove": 1, "merge": 2, "split": 2, "replaced": int(not lost)}[kind]
    )


def test_a_card_that_is_being_made_is_finished_first(office: Office) -> None:
    office.issue("A2", "A", proved=False)
    for act in (remove, merge):
        with pytest.raises(ConflictError, match="card of this person is being made"):
            act(office)
    assert (office.acts.all(), office.positions("A")) == ([], [2, 7])


def test_acts_stay(office: Office) -> None:
    remove(office)
    database = open_register(office.where)
    for statement in (
        "UPDATE acts SET reason = 'other'",
        "UPDATE acts SET ended = 'abandoned'",
        "UPDATE acts SET ended = NULL, ended_us = NULL",
        "DELETE FROM acts",
        "UPDATE act_cards SET serial = 'X'",
        "DELETE FROM act_cards",
    ):
        with pytest.raises((DBAPIError, CccdError)), database.write() as connection:
            connection.execute(text(statement))
    database.close()
    assert [one.serial for one in office.acts.all()[0].cards] == ["SERIAL-A"]


@pytest.mark.parametrize(
    "words", [("", "a", "why"), ("x" * 65, "a", "why"), ("1\n", "a", "why"), ("1", "", "why"), ("1", "a", " - ")]
)
def test_who_orders_and_why_is_said(words: tuple[str, str, str]) -> None:
    with pytest.raises(ParameterError):
        Ordered(*words)


@pytest.mark.postgres
def test_nothing_is_left_of_who_is_removed_in_a_server_that_is_purged(
    postgres: Server, postgres_url: str, tmp_path: Path
) -> None:
    with closing(Office(postgres_url, tmp_path)) as office:
        merge(office)  # of whom A's number is left, and B's given up
        remove(office)
    oid = postgres.sql("SELECT oid FROM pg_database WHERE datname = current_database()", Server.name(postgres_url))

    def found() -> list[bool]:
        postgres.sql("CHECKPOINT")
        kept = b"".join(path.read_bytes() for path in (postgres.data / "base" / oid).iterdir())
        return [NUMBERS[name].encode() in kept for name in NUMBERS]

    assert found() == [True, True, True]
    purge_register(tmp_path, postgres_url)
    assert found() == [False, False, True]
    purge_register(tmp_path, str(tmp_path / "gallery.sqlite"))  # of files nothing is to be done


def test_nothing_is_left_of_who_is_removed(tmp_path: Path) -> None:
    office = Office(tmp_path / "register.sqlite", tmp_path)
    with closing(sqlite3.connect(tmp_path / "gallery.sqlite")) as raw:
        query = "SELECT f.* FROM finger f JOIN person p USING (sequence) WHERE p.person_id = ?"
        row = raw.execute(query, (office.person("A"),)).fetchone()
    template = max((value for value in row if isinstance(value, bytes)), key=len)
    needles = (NUMBERS["A"].encode(), template[40:72])

    def found() -> list[bool]:
        kept = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()) if path.is_file())
        return [needle in kept for needle in needles]

    assert found() == [True, True]
    remove(office)
    office.close()
    assert found() == [False, False]
