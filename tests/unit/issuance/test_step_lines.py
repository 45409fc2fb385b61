"""Files of steps: every line is a step or says why it is none, and what is refused stops no other."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.errors import CccdError, ConflictError, ParameterError
from cccd_core.issuance import recording
from cccd_core.issuance.access import accounts
from cccd_core.issuance.access.roles import Role
from cccd_core.issuance.recording import Recording, record
from cccd_core.issuance.register import step_lines
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.members import Member, Members
from cccd_core.issuance.register.records import Move
from support.register import NOON, PLACES, opened, places, receipt, with_units

where = pytest.fixture(params=PLACES)(places)
TIME = "2026-11-03T08:00:00+07:00"


@pytest.fixture
def register(where: Path | str) -> Iterator[DossierRegister]:
    with_units(where)
    with closing(opened(where)) as made:
        made.receive_many(receipt(f"D{number}") for number in range(1, 5))
        yield made


def read(text: str | bytes, actor: str | None = "import") -> list[tuple[int, Move | CccdError]]:
    data = text.encode() if isinstance(text, str) else text
    return list(step_lines.read(io.BytesIO(data), actor=actor))


def recorded(register: DossierRegister, text: str) -> Recording:
    return record(read(text), register)


def only(text: str | bytes, actor: str | None = "import") -> Move | CccdError:
    ((_, found),) = read(text, actor)
    return found


def test_both_forms_say_the_same() -> None:
    lines = "\n".join(
        [
            json.dumps({"dossier_id": "D1", "to": "checked", "time": TIME}),
            "",
            json.dumps({"dossier_id": "D2", "to": "rejected", "after": 1, "reason": 'no "face"', "actor": "An"}),
        ]
    )
    table = (
        f'\ufeffdossier_id,to,time,after,reason,actor\r\nD1,checked,{TIME},,,\r\n\r\nD2,rejected,,1,"no ""face""",An'
    )
    by_json, by_csv = read(lines), read(table)
    assert [found for _, found in by_json] == [found for _, found in by_csv]
    assert ([number for number, _ in by_json], [number for number, _ in by_csv]) == ([1, 3], [2, 4])
    last = by_json[1][1]
    assert isinstance(last, Move)
    assert (last.to, last.after, last.reason, last.actor) == (State.REJECTED, 1, 'no "face"', "An")


def test_a_step_is_known_again_by_what_it_says_of_itself() -> None:
    def name(**changes: object) -> uuid.UUID:
        found = only(json.dumps({"dossier_id": "D1", "to": "checked", "time": TIME} | changes))
        assert isinstance(found, Move)
        return found.event_id

    given = "6a1f4f0e-6d0c-5e7b-9d0c-0b5d0a3c7e12"
    assert name() == name(time="2026-11-03T01:00:00Z") == name(actor="another")
    assert name(event_id=given) == uuid.UUID(given)
    different = [name(), name(dossier_id="D2"), name(to="rejected"), name(time=None, after=1), name(time=None, after=2)]
    assert len({*different, name(time="2026-11-03T01:00:00.000001Z")}) == 6


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"to": "checked", "time": TIME}, "names its dossier"),
        ({"dossier_id": "D1", "time": TIME}, "names its dossier"),
        ({"dossier_id": "D1", "to": "lost", "time": TIME}, "none of the states"),
        ({"dossier_id": "D1", "to": "checked"}, "known again"),
        ({"dossier_id": "D1", "to": "checked", "time": "2026-11-03T08:00:00"}, "a time has a zone"),
        ({"dossier_id": "D1", "to": "checked", "time": "1950-11-03T08:00:00Z"}, "before 1970"),
        ({"dossier_id": "D1", "to": "checked", "time": "yesterday"}, "is no step"),
        ({"dossier_id": "D1", "to": "checked", "after": 0}, "after is"),
        ({"dossier_id": "D1", "to": "checked", "after": True}, "after is"),
        ({"dossier_id": "D1", "to": "checked", "after": "x"}, "after is"),
        ({"dossier_id": "D1", "to": "checked", "event_id": "x"}, "is no step"),
        ({"dossier_id": "D1", "to": "checked", "time": 5}, "is no step"),
        ({"dossier_id": "D1", "to": "checked", "time": TIME, "serial": "1"}, "no such field"),
        ({"dossier_id": "a\0b", "to": "checked", "time": TIME}, "dossier's id is"),
        ({"dossier_id": "\ud800", "to": "checked", "time": TIME}, "is no step"),
        ({"dossier_id": "D1", "to": "checked", "time": TIME, "reason": "\ud800"}, "reason is no"),
        ({"dossier_id": "D1", "to": "checked", "time": TIME, "actor": "x" * 129}, "actor is no"),
        ([], "is no step"),
    ],
)
def test_what_is_wrong_with_a_line(line: object, why: str) -> None:
    first = json.dumps({"dossier_id": "D1", "to": "checked", "time": TIME})
    (_, before), (number, found), (_, after) = read(f"{first}\n{json.dumps(line)}\n{first}\n")
    assert isinstance(before, Move)
    assert before == after
    assert number == 2
    assert isinstance(found, ParameterError)
    assert why in found.message


def test_lines_that_are_none_at_all() -> None:
    first = json.dumps({"dossier_id": "D1", "to": "checked", "time": TIME}).encode()
    for line in (b"{", b"\xff\xfe", b"[" * 5000, b"null", b'"\xc3"'):
        found = read(first + b"\n" + line)[1][1]
        assert isinstance(found, ParameterError)
    table = b"dossier_id,to,after\n"
    for line in (b"D1,checked", b"D1,checked,1,2", b'D1,"checked,1', b'D1,che"cked,1', b"D1,\xff,1"):
        assert isinstance(only(table + line), ParameterError)
    assert isinstance(only(first, actor=None), ParameterError), "nobody moves it"


@pytest.mark.parametrize(
    "data",
    [b"a,b,c\n", b"dossier_id,to,to\n", b"dossier_id,actor\n", b"\xff\xfe\n", b'"dossier_id,to\n', b"\0" * 99,
     b'{"dossier_id": ' + b" " * step_lines.LINE_BYTES_MOST],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ParameterError) as caught:
        read(data)
    assert caught.value.facts["line"] == 1


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from([b"", b"dossier_id,to,after\n", b'{"to": 1}\n']))
def test_no_bytes_are_more_than_refused(lines: list[bytes], head: bytes) -> None:
    with suppress(ParameterError):
        for _, found in read(head + b"\n".join(lines)):
            assert isinstance(found, Move | CccdError)


def test_what_is_refused_stops_no_other_and_is_named_by_its_line(register: DossierRegister) -> None:
    text = (
        "dossier_id,to,after,reason,order\n"
        "D1,checked,1,,\nD1,searched,2,,\n"  # 2, 3
        "D9,checked,1,,\n"  # 4: no such dossier
        "D2,approved,1,,\nD2,checked,1,,\n"  # 5: no such way
        "D3,rejected,1,,\nD3,checked,1,,\n"  # 7: says no reason
        "D4,cancelled,1,because,\n"  # 9: no order
        "D1,approved,7,,\n"  # 10: not seen
        "D4,lost,1,,\n"  # 11
    )
    found = recorded(register, text)
    assert (found.new, found.known, found.refused) == (4, 0, 6)
    assert [(one.line, one.dossier_id) for one in found.refusals] == [
        (4, "D9"), (5, "D2"), (7, "D3"), (9, "D4"), (10, "D1"), (11, None),
    ]  # fmt: skip
    assert [one.state for one in register.all()] == [State.SEARCHED, State.CHECKED, State.CHECKED, State.RECEIVED]
    again = recorded(register, text)
    assert (again.new, again.known, again.refused) == (0, 4, 6)
    assert list(register.faults()) == []


def test_a_file_that_was_read_in_part_is_read_again(register: DossierRegister, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "BLOCK", 3)
    way = [State.CHECKED, State.SEARCHED, State.APPROVED, State.SIGNED]
    lines = [
        json.dumps({"dossier_id": f"D{number}", "to": to, "time": (NOON + timedelta(hours=hour)).isoformat()})
        for hour, to in enumerate(way)
        for number in range(1, 5)
    ]
    counts: list[int] = []

    def stop(done: int, total: int, what: str) -> None:
        counts.append(done)
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(read("\n".join(lines)), register, progress=stop)
    found = record(read("\n".join(lines)), register, progress=lambda done, total, what: counts.append(done))
    assert (found.new, found.known, found.refused) == (10, 6, 0)
    assert counts == [3, 6, 3, 6, 9, 12, 15, 16]
    assert {one.state for one in register.all()} == {State.SIGNED}


def test_of_very_many_refused_lines_the_first_are_kept(
    register: DossierRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "BLOCK", 4)
    monkeypatch.setattr(recording, "REFUSALS_KEPT", 6)
    text = "dossier_id,to,after\n" + "D9,checked,1\n" * 11
    found = recorded(register, text)
    assert (found.new, found.refused) == (0, 11)
    assert [one.line for one in found.refusals] == [2, 3, 4, 5, 6, 7]


def test_steps_one_by_one_are_as_many_together(register: DossierRegister, where: Path | str) -> None:
    with closing(opened(where, block=2)) as small:
        moves = [Move(f"D{number}", to, "a", 1) for number in (1, 9, 2, 3) for to in (State.CHECKED, State.SIGNED)]
        new, refused = small.move_each(moves)
        assert new == 3
        assert sorted(refused) == [1, 2, 3, 5, 7]
        assert {refused[place].facts["dossier"] for place in (2, 3)} == {"D9"}
        assert small.move_each(moves)[0] == 0


def test_a_step_that_its_actor_may_not_take_is_refused_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "register.sqlite"
    with_units(path)
    with closing(opened(path)) as register:
        register.receive_many(receipt(f"D{number}") for number in range(1, 5))
        monkeypatch.setattr(accounts, "of_this_process", lambda: "chief")
        with closing(Members(path)) as members:
            members.give(Member("chief", Role.ADMINISTRATOR))
            members.give(Member("line", Role.FACTORY, for_others=True))
            members.give(Member("an", Role.ADJUDICATOR))
        monkeypatch.setattr(accounts, "of_this_process", lambda: "line")
        told = [("D1", "line"), ("D2", "an"), ("D3", "nobody"), ("D9", "line"), ("D4", "line")]
        moves = [Move(dossier, State.CHECKED, actor) for dossier, actor in told]
        new, refused = register.move_each(moves)
        assert (new, sorted(refused)) == (2, [1, 2, 3])
        assert [refused[place].facts["dossier"] for place in (1, 2, 3)] == ["D2", "D3", "D9"]
        with pytest.raises(ConflictError, match="may not do this"):
            register.move_many([Move("D2", State.CHECKED, "line"), moves[1]])
        found = [one.state for one in register.all()]
        assert found == [State.CHECKED, State.RECEIVED, State.RECEIVED, State.CHECKED]
