"""The cases of a register: opened, voted on, settled, opened again; rows in, cases out.

They lie in the register's own database. What is there is never changed or taken away: the tables forbid it, as they
forbid a vote that is not to be (`settle.demand_vote` says so first, in words).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Final, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Integer, RowMapping, Table, and_, func, insert, or_, select
from sqlalchemy import cast as cast_to

from cccd_core.errors import ConflictError, DamagedError, ParameterError
from cccd_core.issuance.audit.acts import recorded
from cccd_core.issuance.audit.entry import Actor, Entry, Role
from cccd_core.issuance.audit.entry import Kind as EntryKind
from cccd_core.issuance.audit.trail import Trail
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.members import demand_senior, has_members
from cccd_core.issuance.register.tables import (
    APART,
    CASE_DECISIONS,
    CASE_PEOPLE,
    CASE_REOPENINGS,
    CASE_VOTES,
    CASES,
    DOSSIERS,
)
from cccd_core.issuance.review.cases import Case, Other, Question, Reopening
from cccd_core.issuance.review.settle import Answer, CaseKind, Stage, Vote, demand_vote, name, seen, standing, why
from cccd_core.issuance.runs.evidence import Evidence
from cccd_core.plain import decode
from cccd_core.storage.database import again, repeated

_ASKED_AT_ONCE: Final = 500
_NO_LONGER: Final = (str(State.WITHDRAWN), str(State.CANCELLED))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


class Cases:
    """The cases beside the register at `where`; `where`, and errors, as `open_register`. Several threads and processes
    may use it at a time. What a call writes is kept when it returns, and doing the same again changes nothing."""

    def __init__(self, where: Path | str, *, make: bool = True, trail: Trail | None = None) -> None:
        """`trail`: is told of votes (without the answer, which nobody is to read before two are in), decisions and
        reopenings, as `audit.acts.recorded` does; its errors besides."""
        self._database = open_register(where, make=make)
        self._trail = trail

    def close(self) -> None:
        """Lets go of the database; it can be used again."""
        self._database.close()

    def open(self, questions: Iterable[Question], at: datetime) -> None:
        """Opens cases, all or none; one that is there already stays as it is."""
        self._open(tuple(questions), at)

    @repeated
    def _open(self, questions: Sequence[Question], at: datetime) -> None:
        with self._database.write() as connection:
            for one in questions:
                _put(connection, one, at)

    def open_by_order(self, question: Question, at: datetime) -> Case:
        """Opens a case about what a search had decided, on the order in its evidence; the case as it stands.
        ConflictError where the register has members and who orders is no senior of theirs."""
        said = question.evidence.ordered
        if said is None:
            raise RuntimeError("the case is opened by nobody's order")
        actor, reason = Actor(said.by, Role.ADJUDICATOR), f"case {question.case_id}"
        entry = Entry(EntryKind.REVIEW, "opened", actor, question.dossier_id, order=said.order, reason=reason)
        with recorded(self._trail, entry):
            return self._open_by_order(question, said.by, at)

    @again
    def _open_by_order(self, question: Question, by: str, at: datetime) -> Case:
        with self._database.write() as connection:
            demand_senior(connection, by, senior=True)
            _put(connection, question, at)
            return _one(connection, question.case_id)

    @again
    def on_trust(self) -> bool:
        """Whether the register has no members, so that everybody is who they say they are."""
        with self._database.read() as connection:
            return not has_members(connection)

    @again
    def waiting(self, case_ids: Sequence[str]) -> set[str]:
        """Those of these cases that there are, and that people are to settle."""
        with self._database.read() as connection:
            return {one.case_id for one in _cases(connection, CASES.c.case_id.in_(case_ids)) if one.waits}

    @again
    def find(self, case_id: str) -> Case:
        """The case of this id. ParameterError where there is none."""
        with self._database.read() as connection:
            return _one(connection, case_id)

    @again
    def all(self) -> list[Case]:
        """Every case, in the order in which they were opened."""
        with self._database.read() as connection:
            return _cases(connection)

    def of_dossiers(self, digests: Mapping[str, str]) -> dict[str, list[Case]]:
        """The cases of dossiers as they were handed in; `digests` by dossier. Those without a case are left out."""
        found: dict[str, list[Case]] = {}
        for part in _parts(digests):
            for case in self._of(part):
                asked = case.question
                if digests[asked.dossier_id] == asked.digest:
                    found.setdefault(asked.dossier_id, []).append(case)
        return found

    @again
    def _of(self, dossier_ids: Sequence[str]) -> list[Case]:
        with self._database.read() as connection:
            return _cases(connection, CASES.c.dossier_id.in_(dossier_ids))

    def vote(self, case_id: str, vote: Vote) -> Case:
        """One person's answer, by which the case may be settled; the case as it stands then. The same answer for the
        same reason given again changes nothing. ParameterError, ConflictError as `demand_vote`; ConflictError where the
        dossier was withdrawn or cancelled, or the register has members, and this is nobody who may
        (`members.demand_senior`)."""
        made = Vote(name(vote.adjudicator), vote.senior, vote.answer, why(vote.reason), vote.time)
        if self._trail is None:
            return self._vote(case_id, made)
        before = self.find(case_id)
        actor, dossier = Actor(made.adjudicator, Role.ADJUDICATOR), before.question.dossier_id
        entry = Entry(EntryKind.REVIEW, "vote", actor, dossier, reason=f"case {case_id}")
        with recorded(self._trail, entry):
            case = self._vote(case_id, made)
        if case.settled and not before.settled:
            said = f"case {case_id}: {case.standing.answer}"
            self._trail.append([Entry(EntryKind.REVIEW, "settled", actor, dossier, reason=said)])
        return case

    @again
    def _vote(self, case_id: str, vote: Vote) -> Case:
        with self._database.write() as connection:
            demand_senior(connection, vote.adjudicator, senior=vote.senior)
            case = _one(connection, case_id)
            turn = len(case.reopenings) + 1
            votes = _votes(connection, [case_id]).get((case_id, turn), [])
            if not any(_same(one, vote) for one in votes):
                if case.dossier_ended:
                    raise ConflictError(
                        "the dossier was withdrawn or cancelled: nothing is to be settled", case=case_id
                    )
                demand_vote(case.question.kind, case.question.operator, votes, vote)
                connection.execute(insert(CASE_VOTES).values(_vote_row(case_id, turn, case.votes_in + 1, vote)))
        return self._settle(case_id)

    @repeated
    def _settle(self, case_id: str) -> Case:
        """Keeps what the votes come to, unless it is kept; the case. In a transaction of its own: what the other said
        is for those alone who cannot take back any more what they say."""
        with self._database.write() as connection:
            case = _one(connection, case_id)
            row: dict[str, object] = {"case_id": case_id, "round": len(case.reopenings) + 1}
            there = select(CASE_DECISIONS.c.answer).where(*(CASE_DECISIONS.c[key] == row[key] for key in row))
            if case.standing.stage is Stage.SETTLED and connection.execute(there).first() is None:
                row |= {"answer": case.standing.answer, "time_us": max(_us(vote.time) for vote in case.votes)}
                connection.execute(insert(CASE_DECISIONS).values(row))
            return case

    def reopen(self, case_id: str, *, by: str, order: str, reason: str, at: datetime) -> Case:
        """Opens a settled case again, by order; the case as it stands then. ConflictError where it is not settled, or
        the register has members and this is no senior of theirs."""
        if self._trail is None:
            return self._reopen(case_id, by, order, reason, at)
        dossier, actor = self.find(case_id).question.dossier_id, Actor(name(by), Role.ADJUDICATOR)
        entry = Entry(EntryKind.REVIEW, "reopened", actor, dossier, order=order_number(order), reason=f"case {case_id}")
        with recorded(self._trail, entry):
            return self._reopen(case_id, by, order, reason, at)

    @again
    def _reopen(self, case_id: str, by: str, order: str, reason: str, at: datetime) -> Case:
        self._settle(case_id)
        with self._database.write() as connection:
            demand_senior(connection, name(by), senior=True)
            case = _one(connection, case_id)
            if not case.settled:
                raise ConflictError("the case is not settled", case=case_id)
            row = {
                "case_id": case_id,
                "round": len(case.reopenings) + 1,
                "reopened_by": name(by),
                "ordered_by": order_number(order),
                "reason": why(reason),
                "time_us": _us(at),
            }
            connection.execute(insert(CASE_REOPENINGS).values(row))
            return _one(connection, case_id)

    def set_apart(self, pairs: Iterable[tuple[str, str, str]]) -> None:
        """Keeps of people who are accepted whom they are not: (person, other person, the case that says so).
        ConflictError where the case says nothing of the kind."""
        self._set_apart(tuple(pairs))

    @repeated
    def _set_apart(self, pairs: Sequence[tuple[str, str, str]]) -> None:
        for case_id in {case_id for _, _, case_id in pairs}:
            self._settle(case_id)  # whoever voted last may have been killed before
        with self._database.write() as connection:
            for person_id, other, case_id in pairs:
                row = {
                    "person_id": person_id,
                    "other": other,
                    "case_id": case_id,
                    "round": len(_one(connection, case_id).reopenings) + 1,
                }
                key = [APART.c[column] == value for column, value in row.items()]
                if connection.execute(select(APART.c.case_id).where(*key)).first() is None:
                    connection.execute(insert(APART).values(row))

    def apart(self, person_ids: Iterable[str]) -> dict[str, set[str]]:
        """Of each of these people who they are not, as settled cases say that stand; those of whom nothing was settled
        are left out."""
        found: dict[str, set[str]] = {}
        for part in _parts(set(person_ids)):
            asked = set(part)
            for person, other in self._apart(part):
                if person in asked:
                    found.setdefault(person, set()).add(other)
                if other in asked:
                    found.setdefault(other, set()).add(person)
        return found

    @again
    def _apart(self, person_ids: Sequence[str]) -> list[tuple[str, str]]:
        reopened = select(CASE_REOPENINGS.c.round).where(
            CASE_REOPENINGS.c.case_id == APART.c.case_id, CASE_REOPENINGS.c.round == APART.c.round
        )
        query = select(APART.c.person_id, APART.c.other).where(
            or_(APART.c.person_id.in_(person_ids), APART.c.other.in_(person_ids)), ~reopened.exists()
        )
        with self._database.read() as connection:
            return [(row.person_id, row.other) for row in connection.execute(query)]

    @again
    def set_apart_by(self, case_id: str) -> list[tuple[str, str]]:
        """The pairs of people that a case keeps, or kept, apart in searches."""
        query = select(APART.c.person_id, APART.c.other).where(APART.c.case_id == case_id).distinct()
        with self._database.read() as connection:
            return sorted((row.person_id, row.other) for row in connection.execute(query))


def _put(connection: Connection, one: Question, at: datetime) -> None:
    """A case's rows, unless it is there."""
    case_id = one.case_id
    if connection.execute(select(CASES.c.case_id).where(CASES.c.case_id == case_id)).first() is not None:
        return
    connection.execute(insert(CASES).values(_row(one, at)))
    people = [
        {"case_id": case_id, "place": place, "person_id": other.person_id, "dossier_id": other.dossier_id}
        for place, other in enumerate(one.others, start=1)
    ]
    if people:
        connection.execute(insert(CASE_PEOPLE), people)


def _one(connection: Connection, case_id: str) -> Case:
    found = _cases(connection, CASES.c.case_id == case_id)
    if not found:
        raise ParameterError("there is no such case", case=case_id[:64])
    return found[0]


def _cases(connection: Connection, *where: ColumnElement[bool]) -> list[Case]:
    try:
        return list(_read(connection, *where))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DamagedError("the register holds a case that no run opened") from None


def _read(connection: Connection, *where: ColumnElement[bool]) -> Iterator[Case]:
    query = select(CASES).where(*where).order_by(CASES.c.time_us, CASES.c.case_id)
    rows = connection.execute(query).mappings().all()
    for part in _parts(rows):
        ids = [row["case_id"] for row in part]
        votes = _votes(connection, ids)
        decided = {(row["case_id"], row["round"]): row["answer"] for row in _rows(connection, CASE_DECISIONS, ids)}
        people = _by_case(_rows(connection, CASE_PEOPLE, ids))
        ended = _ended(connection, {row["dossier_id"] for row in part})
        reopened = _by_case(_rows(connection, CASE_REOPENINGS, ids))
        counts = _votes_in(connection, ids)
        for row in part:
            case_id = row["case_id"]
            case = _case(row, votes, counts[case_id], decided, people.get(case_id, []), reopened.get(case_id, []))
            yield replace(case, dossier_ended=row["dossier_id"] in ended)


def _ended(connection: Connection, dossier_ids: Iterable[str]) -> set[str]:
    """Those of these dossiers that were withdrawn or cancelled."""
    query = select(DOSSIERS.c.dossier_id).where(DOSSIERS.c.dossier_id.in_(list(dossier_ids)))
    return set(connection.execute(query.where(DOSSIERS.c.state.in_(_NO_LONGER))).scalars())


def _case(
    row: RowMapping,
    votes: Mapping[tuple[str, int], Sequence[Vote]],
    votes_in: int,
    decided: Mapping[tuple[str, int], str],
    people: Sequence[RowMapping],
    reopened: Sequence[RowMapping],
) -> Case:
    now = votes.get((row["case_id"], len(reopened) + 1), ())
    earlier = tuple(_reopening(one, decided) for one in reopened)
    question = _question(row, people)
    return Case(row["case_id"], question, _time(row["time_us"]), standing(now), votes_in, seen(now), earlier)


def _rows(  # type: ignore[explicit-any]  # a table of any columns
    connection: Connection, table: Table, case_ids: Sequence[str]
) -> list[RowMapping]:
    query = select(table).where(table.c.case_id.in_(case_ids)).order_by(*table.primary_key)
    return list(connection.execute(query).mappings())


def _by_case(rows: Iterable[RowMapping]) -> dict[str, list[RowMapping]]:
    return {case_id: list(found) for case_id, found in groupby(rows, key=lambda row: cast(str, row["case_id"]))}


def _votes(connection: Connection, case_ids: Sequence[str]) -> dict[tuple[str, int], list[Vote]]:
    """The votes of these cases by case and round, in their order. In a server that of another, while it is the only
    one, is not among them: `_votes_in` counts it."""
    found: dict[tuple[str, int], list[Vote]] = {}
    for row in _rows(connection, CASE_VOTES, case_ids):
        found.setdefault((row["case_id"], row["round"]), []).append(
            Vote(
                row["adjudicator"],
                bool(row["senior"]),
                decode(Answer, row["answer"]),
                row["reason"],
                _time(row["time_us"]),
            )
        )
    return found


def _votes_in(connection: Connection, case_ids: Sequence[str]) -> dict[str, int]:
    """How many votes are in, in the present round of each of these cases."""
    before = select(func.count()).where(CASE_REOPENINGS.c.case_id == CASES.c.case_id).scalar_subquery()
    turn = cast_to(before + 1, Integer)
    here = and_(CASE_VOTES.c.case_id == CASES.c.case_id, CASE_VOTES.c.round == turn)
    count = (
        func.votes_in(CASES.c.case_id, turn)
        if connection.dialect.name == "postgresql"
        else select(func.count()).where(here).scalar_subquery()
    )
    query = select(CASES.c.case_id, count.label("votes")).where(CASES.c.case_id.in_(case_ids))
    return {row.case_id: row.votes for row in connection.execute(query)}


def _question(row: RowMapping, people: Sequence[RowMapping]) -> Question:
    return Question(
        decode(CaseKind, row["kind"]),
        row["dossier_id"],
        row["digest"],
        row["person_id"],
        tuple(Other(one["person_id"], one["dossier_id"]) for one in people),
        row["operator"],
        decode(Evidence, json.loads(row["evidence"])),
    )


def _reopening(row: RowMapping, decided: Mapping[tuple[str, int], str]) -> Reopening:
    answer = decode(Answer, decided[row["case_id"], row["round"]])
    return Reopening(row["reopened_by"], row["ordered_by"], row["reason"], answer, _time(row["time_us"]))


def _row(one: Question, at: datetime) -> dict[str, object]:
    return {
        "case_id": one.case_id,
        "kind": str(one.kind),
        "dossier_id": one.dossier_id,
        "digest": one.digest,
        "person_id": one.person_id,
        "operator": one.operator,
        "evidence": json.dumps(one.evidence.as_dict(), ensure_ascii=False),
        "time_us": _us(at),
    }


def _vote_row(case_id: str, turn: int, place: int, vote: Vote) -> dict[str, object]:
    return {
        "case_id": case_id,
        "round": turn,
        "place": place,
        "adjudicator": vote.adjudicator,
        "senior": int(vote.senior),
        "answer": str(vote.answer),
        "reason": vote.reason,
        "time_us": _us(vote.time),
    }


def _same(one: Vote, other: Vote) -> bool:
    return (one.adjudicator, one.answer, one.reason) == (other.adjudicator, other.answer, other.reason)


def order_number(text: str) -> str:
    """The number of an order as it is kept. ParameterError."""
    found = why(text)
    if len(found) > 64:
        raise ParameterError("the number of an order has 64 characters at the most", length=len(found))
    return found


def _parts(items: Iterable[_T], most: int = _ASKED_AT_ONCE) -> Iterator[list[_T]]:
    left = iter(items)
    while part := list(islice(left, most)):
        yield part


def _us(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
