"""Cases: what people may say of them, what settles them, and that the tables themselves hold the rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text

from cccd_core.errors import ConflictError, DamagedError, ParameterError, UnavailableError
from cccd_core.issuance.dossiers.reasons import ReviewReason
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.review.cases import kind_of, ruling
from cccd_core.issuance.review.kept import KeptDossiers, forget_settled
from cccd_core.issuance.review.settle import ANSWERS, ENDING, Answer, CaseKind, Stage, Vote, name, why
from cccd_core.issuance.review.store import Cases
from cccd_core.issuance.runs.evidence import Evidence, SearchEvidence
from cccd_core.storage.aes_gcm import KeyRing
from support.reviewing import content, question

NOW = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
PAIR = question()


def vote(who: str, answer: Answer = Answer.DIFFERENT_PEOPLE, *, senior: bool = False, reason: str = "seen") -> Vote:
    return Vote(who, senior, answer, reason, NOW)


@pytest.fixture
def cases(where: Path | str) -> Iterator[Cases]:
    with closing(Cases(where)) as made:
        yield made


@pytest.fixture
def opened(cases: Cases) -> Cases:
    cases.open([PAIR], NOW)
    return cases


def test_a_case_is_opened_once(opened: Cases) -> None:
    opened.open([replace(PAIR, operator="another"), question("D2")], NOW + timedelta(days=1))
    first, second = opened.all()
    assert (first.question, first.opened, first.standing.stage) == (PAIR, NOW, Stage.OPEN)
    assert second.question.dossier_id == "D2"
    assert opened.find(PAIR.case_id) == first
    with pytest.raises(ParameterError, match="no such case"):
        opened.find("C0")


def test_cases_are_of_a_dossier_as_it_was_handed_in(opened: Cases) -> None:
    opened.open([question("D2"), question("D2", digest="sha256:other")], NOW)
    found = opened.of_dossiers({"D1": PAIR.digest, "D2": "sha256:other", "D3": "sha256:c"})
    assert {one: [case.question.digest for case in many] for one, many in found.items()} == {
        "D1": [PAIR.digest],
        "D2": ["sha256:other"],
    }
    assert opened.of_dossiers({"D1": "sha256:corrected"}) == {}


def test_two_who_say_the_same_settle_a_case(opened: Cases) -> None:
    first = opened.vote(PAIR.case_id, vote("An"))
    assert (first.votes_in, first.votes, first.settled) == (1, (), False)
    settled = opened.vote(PAIR.case_id, vote("binh"))
    assert settled.settled
    assert settled.standing.answer is Answer.DIFFERENT_PEOPLE
    assert [one.adjudicator for one in settled.votes] == ["an", "binh"]
    assert opened.vote(PAIR.case_id, vote("AN")) == settled, "the same again changes nothing"
    with pytest.raises(ConflictError, match="settled"):
        opened.vote(PAIR.case_id, vote("chi", senior=True))


def test_nobody_sees_an_answer_before_two_are_in(opened: Cases) -> None:
    opened.vote(PAIR.case_id, vote("an", reason="the very same scar"))
    for case in (opened.find(PAIR.case_id), *opened.all(), *opened.of_dossiers({"D1": PAIR.digest})["D1"]):
        assert case.votes == ()
        assert case.votes_in == 1
        assert "scar" not in repr(case)


def test_a_senior_decides_where_two_differ(opened: Cases) -> None:
    opened.vote(PAIR.case_id, vote("an"))
    case = opened.vote(PAIR.case_id, vote("binh", Answer.SAME_PERSON))
    assert case.standing.stage is Stage.CONFLICT
    assert [one.answer for one in case.votes] == [Answer.DIFFERENT_PEOPLE, Answer.SAME_PERSON]
    with pytest.raises(ConflictError, match="senior decides"):
        opened.vote(PAIR.case_id, vote("chi"))
    with pytest.raises(ConflictError, match="votes twice"):
        opened.vote(PAIR.case_id, vote("an", Answer.SAME_PERSON, senior=True))
    case = opened.vote(PAIR.case_id, vote("chi", Answer.CAPTURE_AGAIN, senior=True))
    assert case.standing.answer is Answer.CAPTURE_AGAIN


def test_who_may_not_vote(opened: Cases) -> None:
    with pytest.raises(ConflictError, match="entered the dossier"):
        opened.vote(PAIR.case_id, vote("HANH"))
    opened.vote(PAIR.case_id, vote("an"))
    with pytest.raises(ConflictError, match="votes twice"):
        opened.vote(PAIR.case_id, vote(" An ", Answer.SAME_PERSON))
    for wrong in (vote("an b"), vote(""), vote("b", reason=" ... "), vote("b", reason="x" * 501), vote("ế")):
        with pytest.raises(ParameterError):
            opened.vote(PAIR.case_id, wrong)
    with pytest.raises(ParameterError, match="no such answer"):
        opened.vote(PAIR.case_id, vote("b", Answer.ACCEPT))
    assert opened.find(PAIR.case_id).votes_in == 1


@pytest.mark.parametrize("kind", CaseKind)
def test_every_kind_has_answers_and_every_reason_a_kind(kind: CaseKind) -> None:
    assert ENDING & set(ANSWERS[kind])
    assert {Answer.ACCEPT, Answer.DIFFERENT_PEOPLE} & set(ANSWERS[kind])
    assert all(kind_of(reason, Evidence()) == str(reason) for reason in ReviewReason)


def test_fingers_of_two_people_are_a_kind_of_their_own() -> None:
    search = SearchEvidence("review", "D0", (), 1, 2, 1, 1, 1, ("weak_match", "several_people"), (), None, ())
    assert kind_of(ReviewReason.POSSIBLE_DUPLICATE, Evidence(search=search)) is CaseKind.SEVERAL_PEOPLE


def test_names_and_reasons_are_kept_as_they_are_compared() -> None:
    assert name(" Nguyen.An@hn-01 ") == "nguyen.an@hn-01"
    assert why("  another\tscar ") == "another scar"
    for wrong in ("", "-", "x\0y", "is 001088000001", "001 088 000 001", "formerly 024123456"):
        with pytest.raises(ParameterError):
            why(wrong)
    for right in ("D20261128000017 came first", "28.11.2026 14:30", "order 12/QD-2026, page 1234"):
        assert why(right) == right


def test_a_settled_case_is_opened_again_by_order(opened: Cases) -> None:
    with pytest.raises(ConflictError, match="not settled"):
        opened.reopen(PAIR.case_id, by="dung", order="12/QD", reason="a new print", at=NOW)
    for who in ("an", "binh"):
        opened.vote(PAIR.case_id, vote(who))
    opened.set_apart([("P1", "P9", PAIR.case_id)] * 2)
    assert opened.apart(["P1", "P9", "P5"]) == {"P1": {"P9"}, "P9": {"P1"}}
    case = opened.reopen(PAIR.case_id, by="Dung", order="12/QD", reason="a new print", at=NOW)
    assert (case.standing.stage, case.votes_in) == (Stage.OPEN, 0)
    assert [(one.by, one.order, one.answer) for one in case.reopenings] == [("dung", "12/QD", Answer.DIFFERENT_PEOPLE)]
    assert opened.apart(["P1", "P9"]) == {}
    assert opened.set_apart_by(PAIR.case_id) == [("P1", "P9")]
    opened.vote(PAIR.case_id, vote("an", Answer.SAME_PERSON))
    assert opened.vote(PAIR.case_id, vote("binh", Answer.SAME_PERSON)).standing.answer is Answer.SAME_PERSON
    with pytest.raises(ConflictError):
        opened.set_apart([("P1", "P9", PAIR.case_id)])


def test_what_settled_cases_say_together(cases: Cases) -> None:
    asked = [
        question(kind=CaseKind.FINGER_IN_DOUBT, others=()),
        PAIR,
        question(kind=CaseKind.NOT_SEARCHABLE, others=()),
    ]
    cases.open(asked, NOW)
    answers = (Answer.ACCEPT, Answer.DIFFERENT_PEOPLE, Answer.REFUSE)
    for who in ("an", "binh"):
        for one, answer in list(zip(asked, answers, strict=True))[:2]:
            cases.vote(one.case_id, vote(who, answer))
    said = ruling(cases.all())
    assert (said.ended, set(said.accepted), said.apart) == (
        None,
        {ReviewReason.FINGER_IN_DOUBT},
        {"P9": PAIR.case_id, "P8": PAIR.case_id},
    )
    for who in ("an", "binh"):
        cases.vote(asked[2].case_id, vote(who, answers[2]))
    ended = ruling(cases.all()).ended
    assert ended is not None
    assert ended.question.kind is CaseKind.NOT_SEARCHABLE


_VOTE = "INSERT INTO case_votes VALUES ('{case}', {round}, {place}, '{who}', {senior}, '{answer}', 'why', 1)"


def _vote(place: int, who: str, answer: str = "refuse", *, turn: int = 1, senior: int = 0, case: str = "{case}") -> str:
    return _VOTE.format(case=case, round=turn, place=place, who=who, senior=senior, answer=answer)


def _decision(answer: str = "refuse", turn: int = 1) -> str:
    return f"INSERT INTO case_decisions VALUES ('{{case}}', {turn}, '{answer}', 1)"


_DIFFER = (_vote(1, "an"), _vote(2, "binh", "same_person"))
_AGREE = (_vote(1, "an"), _vote(2, "binh"))
_APART = (_vote(1, "an", "different_people"), _vote(2, "binh", "different_people"), _decision("different_people"))


_FORBIDDEN: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    ((), _vote(2, "an")),
    ((), _vote(1, "an", turn=2)),
    ((), _vote(1, "hanh")),
    ((), _vote(1, "an", "maybe")),
    ((), _vote(1, "an", case="C0")),
    ((_vote(1, "an"),), _vote(1, "binh")),
    ((_vote(1, "an"),), _vote(2, "an")),
    ((_vote(1, "an"),), _vote(3, "binh", senior=1)),
    (_AGREE, _vote(3, "chi", senior=1)),
    (_DIFFER, _vote(3, "chi")),
    (_DIFFER, _vote(3, "an", senior=1)),
    ((*_DIFFER, _vote(3, "chi", senior=1)), _vote(4, "dung", senior=1)),
    ((), _decision()),
    ((_vote(1, "an"),), _decision()),
    (_AGREE, _decision("same_person")),
    (_DIFFER, _decision()),
    ((*_DIFFER, _vote(3, "chi", senior=1)), _decision("same_person")),
    ((*_AGREE, _decision()), _decision()),
    (_AGREE, "INSERT INTO case_reopenings VALUES ('{case}', 1, 'x', '1', 'why', 1)"),
    ((*_AGREE, _decision()), "INSERT INTO apart VALUES ('P1', 'P9', '{case}', 1)"),
    (_APART, "INSERT INTO apart VALUES ('P1', 'P7', '{case}', 1)"),
    ((), "INSERT INTO case_people VALUES ('{case}', 1, 'P7', NULL)"),
    ((), "UPDATE cases SET operator = NULL"),
    ((), "DELETE FROM case_people"),
    (_AGREE, "UPDATE case_votes SET answer = 'same_person'"),
    (_AGREE, "DELETE FROM case_votes"),
    ((*_AGREE, _decision()), "UPDATE case_decisions SET answer = 'accept'"),
    ((*_AGREE, _decision()), "DELETE FROM case_decisions"),
)
"""What stands in the tables, and what may not come then."""


def test_the_tables_forbid_what_is_not_to_be(cases: Cases, where: Path | str) -> None:
    asked = [question(f"D{number}") for number, _ in enumerate(_FORBIDDEN)]
    cases.open(asked, NOW)
    with closing(open_register(where)) as database:
        for one, (before, forbidden) in zip(asked, _FORBIDDEN, strict=True):
            for statement in before:  # each in a transaction of its own, as a server demands it
                with database.write() as connection:
                    connection.execute(text(statement.format(case=one.case_id)))
            tried = [forbidden, forbidden.replace("INSERT", "INSERT OR REPLACE")]
            for statement in tried if isinstance(where, Path) else tried[:1]:
                with pytest.raises(ConflictError, match="rule"), database.write() as connection:
                    connection.execute(text(statement.format(case=one.case_id)))


@pytest.mark.postgres
@pytest.mark.parametrize("where", ["server"], indirect=True)
def test_the_tables_are_not_emptied(opened: Cases, where: str) -> None:
    with (
        closing(open_register(where)) as database,
        pytest.raises(ConflictError, match="rule"),
        database.write() as connection,
    ):
        connection.execute(text("TRUNCATE case_votes"))


def test_a_case_that_no_run_opened_is_named(opened: Cases, where: Path | str) -> None:
    with closing(open_register(where)) as database, database.write() as connection:
        row = "('C1', 'same_finger', 'D1', 'x', 'P1', NULL, :evidence, 1)"
        connection.execute(
            text(f"INSERT INTO cases VALUES {row}"),
            {"evidence": json.dumps({"search": "no search"})},
        )
    with pytest.raises(DamagedError, match="no run opened"):
        opened.all()


def test_a_kept_dossier_comes_back_bit_for_bit_and_is_forgotten(tmp_path: Path) -> None:
    ring = KeyRing(bytes(range(32)))
    kept = KeptDossiers(tmp_path, ring)
    mine = content("D1")
    kept.put("C1", {0: mine, 2: content("D2")})
    files = sorted(tmp_path.rglob("*.sealed"))
    assert [str(one.relative_to(tmp_path)) for one in files] == ["review/C1/0.sealed", "review/C1/2.sealed"]
    assert all(one.stat().st_mode & 0o777 == 0o600 for one in files)
    assert not any(mine.dossier.full_name.encode() in one.read_bytes() for one in files)
    again = kept.get("C1")
    assert again is not None
    assert (again.dossier, again.portrait) == (mine.dossier, b"portrait")
    assert again.tenprint == mine.tenprint
    assert kept.get("C1", 1) is None
    assert kept.get("C2") is None
    with pytest.raises(UnavailableError, match="another key"):
        KeptDossiers(tmp_path, KeyRing(bytes(32))).get("C1")
    files[0].write_bytes(files[1].read_bytes())
    with pytest.raises(DamagedError, match="altered"):
        kept.get("C1")
    KeptDossiers(tmp_path, None).forget("C1")
    assert kept.cases() == []


def test_what_is_kept_of_a_settled_case_is_forgotten(cases: Cases, tmp_path: Path) -> None:
    kept = KeptDossiers(tmp_path, KeyRing(bytes(32)))
    asked = [question(), question("D2")]
    cases.open(asked, NOW)
    for case_id in (*(one.case_id for one in asked), "C-of-a-run-that-was-killed"):
        kept.put(case_id, {0: content()})
    for who in ("an", "binh"):
        cases.vote(asked[0].case_id, vote(who))
    forget_settled(kept, cases)
    assert kept.cases() == [asked[1].case_id]
    assert (kept.has(asked[0].case_id), kept.has(asked[1].case_id)) == (False, True)


def test_without_a_key_nothing_is_kept(tmp_path: Path) -> None:
    kept = KeptDossiers(tmp_path, None)
    kept.put("C1", {0: content()})
    assert not list(tmp_path.iterdir())
    assert kept.get("C1") is None
    kept.forget("C1")
