"""The register of dossiers over both databases: what goes in comes out, twice is once, and what must not happen is
refused with its facts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier, Thread

import pytest

from cccd_core.country import grounds
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.issuance.dossiers import schema
from cccd_core.issuance.register import dossiers, life
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import Figure, Move, Receipt
from support.register import DIGEST, NOON, PLACES, WAY, opened, places, receipt, steps, with_units

where = pytest.fixture(params=PLACES)(places)


@pytest.fixture
def register(where: Path | str) -> Iterator[DossierRegister]:
    with_units(where)
    with closing(opened(where)) as made:
        yield made


def test_a_dossier_from_reception_to_its_end(register: DossierRegister) -> None:
    assert register.get("D1") is None
    assert register.events("D1") == []
    given = receipt(kind="reissue", grounds="lost", station="ST1", operator="op 7", shift="2")
    assert register.receive_many([given]) == 1
    found = register.get("D1")
    assert found is not None
    assert (found.kind, found.grounds, found.unit_id, found.station) == ("reissue", "lost", "n1", "ST1")
    assert (found.operator, found.shift, found.digest) == ("op 7", "2", DIGEST)
    assert (found.received, found.due) == (date(2026, 11, 2), date(2026, 11, 9))
    assert (found.state, found.sequence, found.time) == (State.RECEIVED, 1, NOON)
    assert register.move_many(steps("D1", *WAY)) == len(WAY)
    events = register.events("D1")
    assert [event.to for event in events] == [State.RECEIVED, *WAY]
    assert [event.sequence for event in events] == list(range(1, len(WAY) + 2))
    assert [event.before for event in events] == [life.BEFORE, State.RECEIVED, *WAY[:-1]]
    assert {event.actor for event in events[1:]} == {"somebody"}
    after = register.get("D1")
    assert after is not None
    assert (after.state, after.sequence) == (State.HANDED_OVER, len(events))
    assert list(register.faults()) == []


def test_twice_is_once(register: DossierRegister) -> None:
    receipts = [receipt(f"D{number}") for number in range(5)]
    moves = [move for number in range(5) for move in steps(f"D{number}", State.CHECKED, State.SEARCHED)]
    assert register.receive_many(receipts) == 5
    assert register.receive_many([*receipts, receipt("D5")]) == 1
    assert register.move_many(moves) == 10
    before = [register.events(f"D{number}") for number in range(6)]
    assert register.move_many(moves) == 0
    assert register.move_many([*moves, *moves, *steps("D5", State.CHECKED)]) == 1
    assert [register.events(f"D{number}") for number in range(5)] == before[:5]


def test_the_same_name_for_something_else_is_refused(register: DossierRegister) -> None:
    register.receive_many([receipt()])
    for other in (
        receipt(unit_id="n2"),
        receipt(digest="sha256:" + "00" * 32),
        receipt(kind="reissue", grounds="lost"),
    ):
        with pytest.raises(ConflictError, match="another dossier") as caught:
            register.receive_many([receipt("D2"), other])
        assert caught.value.facts["dossier"] == "D1"
    assert register.get("D2") is None, "a block is whole or is not"
    (step,) = steps("D1", State.CHECKED)
    register.move_many([step])
    for changes in ({"actor": "another"}, {"to": State.REJECTED}, {"order": "CV 2"}, {"time": NOON + timedelta(1)}):
        values = {"to": State.CHECKED, "actor": "somebody", "reason": step.reason, "event_id": step.event_id}
        with pytest.raises(ConflictError, match="another step"):
            register.move_many([Move("D1", **{**values, **changes})])  # type: ignore[arg-type]
    assert register.move_many([Move("D1", State.CHECKED, "somebody", reason=step.reason, event_id=step.event_id,
                                    time=NOON)]) == 0  # fmt: skip


def test_what_is_refused_says_why(register: DossierRegister) -> None:
    register.receive_many([receipt()])
    with pytest.raises(ConflictError, match="does not go this way") as caught:
        register.move_many(steps("D1", State.CHECKED, State.SIGNED))
    assert caught.value.facts == {"from_state": "checked", "to_state": "signed", "dossier": "D1"}
    with pytest.raises(ConflictError, match="no dossier"):
        register.move_many(steps("D9", State.CHECKED))
    with pytest.raises(ConflictError, match="no such unit") as caught:
        register.receive_many([receipt("D2", unit_id="n9")])
    assert caught.value.facts["unit"] == "n9"
    with pytest.raises(ConflictError, match="gone on since") as caught:
        register.move_many(steps("D1", State.CHECKED, after=3))
    assert (caught.value.facts["seen"], caught.value.facts["found"]) == (3, 1)
    with pytest.raises(ParameterError, match="order"):
        register.move_many([Move("D1", State.CANCELLED, "somebody", reason="no card")])
    for to in (State.REJECTED, State.IN_REVIEW):
        with pytest.raises(ParameterError, match="reason"):
            register.move_many([Move("D1", State.CHECKED, "a"), Move("D1", to, "somebody")])
    found = register.get("D1")
    assert found is not None
    assert found.sequence == 1
    for unit in ("n9", ""):
        with pytest.raises(ConflictError, match="no such unit"):
            list(register.all(unit_id=unit))


def test_who_saw_less_than_there_is_moves_nothing(register: DossierRegister) -> None:
    register.receive_many([receipt()])
    assert register.move_many(steps("D1", State.CHECKED, after=1)) == 1
    with pytest.raises(ConflictError, match="gone on since"):
        register.move_many(steps("D1", State.SEARCHED, after=1))


def test_a_card_that_came_back_is_sent_again(register: DossierRegister) -> None:
    register.receive_many([receipt()])
    way = [*WAY[:-1], State.RETURNED, State.DISPATCHED, State.RETURNED, State.CANCELLED]
    assert register.move_many(steps("D1", *way)) == len(way)
    last = register.events("D1")[-1]
    assert (last.to, last.order, last.reason) == (State.CANCELLED, "CV 1/2026", "as the test says")
    with pytest.raises(ConflictError):
        register.move_many(steps("D1", State.DISPATCHED))


def test_a_clock_that_was_set_back_says_so(where: Path | str) -> None:
    with_units(where)
    times = iter([NOON + timedelta(hours=1), NOON - timedelta(days=3), NOON + timedelta(hours=2)])
    with closing(opened(where, lambda: next(times))) as register:
        register.receive_many([receipt()])
        register.move_many(steps("D1", State.CHECKED, State.SEARCHED, State.APPROVED))
        found = [(event.time - NOON, event.behind) for event in register.events("D1")]
        hour, nothing = timedelta(hours=1), timedelta()
        assert found == [(nothing, nothing), (hour, nothing), (hour, timedelta(days=3, hours=1)), (2 * hour, nothing)]
        late = Move("D1", State.SIGNED, "x", time=NOON)
        assert register.move_many([late]) == 1
        assert register.move_many([late]) == 0, "the time that was given is known still"


def test_lists_by_state_unit_and_deadline(register: DossierRegister, monkeypatch: pytest.MonkeyPatch) -> None:
    units = ["n1", "n2", "s1"]
    register.receive_many(
        receipt(f"D{number}", unit_id=units[number % 3], received=NOON + timedelta(days=number // 3))
        for number in range(9)
    )
    register.move_many(steps("D0", State.CHECKED))
    register.move_many(steps("D1", State.WITHDRAWN))

    def ids(found: Iterator[object]) -> str:
        return " ".join(record.dossier_id[1:] for record in found)  # type: ignore[attr-defined]

    assert ids(register.all()) == "0 1 2 3 4 5 6 7 8"
    assert ids(register.all(unit_id="north")) == "0 1 3 4 6 7"
    assert ids(register.all(unit_id="centre", state=State.RECEIVED)) == "2 3 4 5 6 7 8"
    assert ids(register.all(unit_id="n1", state=State.CHECKED)) == "0"
    assert ids(register.due(date(2026, 11, 9))) == "0 2"
    assert ids(register.due(date(2026, 11, 10), unit_id="s1")) == "5"
    assert ids(register.overdue(date(2026, 11, 11))) == "0 2 3 4 5"
    assert ids(register.overdue(date(2026, 11, 11), unit_id="north")) == "0 3 4"
    assert ids(register.without_deadline()) == ""
    assert list(register.figures(unit_id="south")) == [
        Figure(date(2026, 11, 2 + day), "s1", State.RECEIVED, 1) for day in range(3)
    ]
    assert list(register.figures(date(2026, 11, 2), date(2026, 11, 2), unit_id="north")) == [
        Figure(date(2026, 11, 2), "n1", State.CHECKED, 1),
        Figure(date(2026, 11, 2), "n1", State.RECEIVED, 1),
        Figure(date(2026, 11, 2), "n2", State.RECEIVED, 1),
        Figure(date(2026, 11, 2), "n2", State.WITHDRAWN, 1),
    ]


def test_a_day_is_vietnams(register: DossierRegister) -> None:
    late, early = datetime(2026, 11, 2, 16, 59, 59, 999999, UTC), datetime(2026, 11, 2, 17, tzinfo=UTC)
    register.receive_many([receipt("D1", received=late), receipt("D2", received=early)])
    assert [(one.day.day, one.count) for one in register.figures()] == [(2, 1), (3, 1)]
    assert [one.day.day for one in register.figures(date(2026, 11, 3))] == [3]
    assert [one.day.day for one in register.figures(last=date(2026, 11, 2))] == [2]
    found = register.get("D2")
    assert found is not None
    assert found.received == date(2026, 11, 3)


def test_deadlines_that_nobody_knew_are_set_once(where: Path | str) -> None:
    with_units(where)
    with closing(opened(where, due=lambda day: None)) as register:
        register.receive_many([receipt("D1"), receipt("D2")])
        assert [one.due for one in register.without_deadline(unit_id="centre")] == [None, None]
        assert list(register.overdue(date(2030, 1, 1))) == []
        assert register.set_deadlines() == 0
    with closing(opened(where)) as register:
        assert register.set_deadlines() == 2
        assert register.set_deadlines() == 0
        assert [one.due for one in register.all()] == [date(2026, 11, 9)] * 2


def test_blocks_are_kept_one_by_one(where: Path | str) -> None:
    with_units(where)
    with closing(opened(where, block=3)) as register:
        many = [receipt(f"D{number}") for number in range(8)]
        with pytest.raises(ConflictError):
            register.receive_many([*many[:7], receipt("D7", unit_id="n9")])
        assert sum(1 for _ in register.all()) == 6
        assert register.receive_many(many) == 2


def test_several_writers_move_each_dossier_once(where: Path | str) -> None:
    with_units(where)
    names = [f"D{number}" for number in range(40)]
    with closing(opened(where, block=7)) as register:
        register.receive_many(map(receipt, names))
        way = (State.CHECKED, State.SEARCHED, State.APPROVED)
        together, moved, refused = Barrier(4), [], []

        def work(shift: int) -> None:
            together.wait()
            with closing(opened(where, block=1)) as mine:
                for name in names[shift * 10 :] + names[: shift * 10]:
                    for seen, to in enumerate(way, 1):
                        try:
                            moved.append(mine.move_many(steps(name, to, after=seen)))
                        except ConflictError as error:
                            refused.append(error.message)

        threads = [Thread(target=work, args=(shift,)) for shift in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(moved) == len(names) * len(way)
        assert set(refused) == {"the dossier has gone on since"}
        assert len(refused) == 3 * len(names) * len(way)
        assert {one.state for one in register.all()} == {State.APPROVED}
        assert list(register.faults()) == []


def test_a_reader_sees_one_state(register: DossierRegister, where: Path | str) -> None:
    register.receive_many(receipt(f"D{number}") for number in range(1200))
    reading = register.all(state=State.RECEIVED)
    next(reading)
    with closing(opened(where)) as other:
        other.move_many(move for number in range(1200) for move in steps(f"D{number}", State.CHECKED))
    assert sum(1 for _ in reading) == 1199
    assert list(register.all(state=State.RECEIVED)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"dossier": ""}, {"dossier": "a b"}, {"dossier": "x" * 65}, {"unit_id": ""}, {"digest": "sha256:00"},
        {"kind": "lost"}, {"kind": "new", "grounds": "lost"}, {"kind": "exchange"},
        {"kind": "exchange", "grounds": "lost"}, {"received": datetime(2026, 11, 2)}, {"actor": ""},
        {"received": datetime(1969, 11, 2, tzinfo=UTC)}, {"station": "x" * 65},
        {"operator": "a\nb"}, {"shift": "x" * 17},
    ],
)  # fmt: skip
def test_a_dossier_that_cannot_be_kept(changes: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        receipt(**changes)


def test_a_step_that_cannot_be_kept() -> None:
    for changes in ({"actor": ""}, {"reason": ""}, {"order": "x" * 65}, {"time": datetime(2026, 1, 1)}):
        with pytest.raises(ParameterError):
            Move("D1", State.CHECKED, **{"actor": "a", **changes})  # type: ignore[arg-type]
    Move("D1", State.CHECKED, "a", time=datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=7))))


def test_the_words_are_the_dossiers_own() -> None:
    assert schema.GROUNDS is grounds.GROUNDS
    for kind, words in grounds.GROUNDS.items():
        for word in words:
            assert receipt(kind=kind, grounds=word).event_id == receipt().event_id
    assert receipt().event_id != receipt("D2").event_id
    assert Receipt("D1", "n1", DIGEST, NOON, "a", event_id=uuid.UUID(int=7)).event_id.int == 7
    assert dossiers.now_utc().utcoffset() == timedelta()
