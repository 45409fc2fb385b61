"""What an inspection finds: each outlier beside its neighbour that is none, over both databases."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, true

from cccd_core.country.holidays import KNOWN as HOLIDAYS
from cccd_core.country.tariff import Rate, Tariff
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.issuance.oversight import queries, words
from cccd_core.issuance.oversight.findings import Finding, Inspected, Kind, Rules, Scope
from cccd_core.issuance.oversight.inspecting import NO_FEES, NOT_VERIFIED, Inspector
from cccd_core.issuance.oversight.queries import Where
from cccd_core.issuance.oversight.statistics import Share, hypergeometric_tails, outliers
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.dossiers import DossierRegister
from cccd_core.issuance.register.fees import Fee, Fees
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.records import Move, Receipt
from cccd_core.issuance.review.settle import Answer, Vote
from cccd_core.issuance.review.store import Cases
from support.register import WAY, opened, receipt, with_units
from support.reviewing import question

MONDAY = datetime(2026, 11, 2, 2, tzinfo=UTC)  # nine in the morning in Vietnam
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
TARIFF = Tariff((Rate("reissue", "lost", (70_000,), date(2026, 1, 1), None, "s", True),
                 Rate("new", None, (0,), date(2026, 1, 1), None, "s", True)))  # fmt: skip


@pytest.fixture
def register(where: Path | str) -> Iterator[DossierRegister]:
    with_units(where)
    with closing(opened(where)) as made:
        yield made


def took(register: DossierRegister, dossier: str, *to: State, start: datetime = MONDAY, apart: timedelta = HOUR,
         actor: str = "clerk", **changes: Any) -> None:  # fmt: skip
    """A dossier that was received and went these ways, a step each hour."""
    register.receive_many([receipt(dossier, received=start, actor=actor, **changes)])
    moves = [
        Move(dossier, state, actor, time=start + apart * number, reason="r", order="o")
        for number, state in enumerate(to, 1)
    ]
    register.move_many(moves)


def inspected(where: Path | str, scope: Scope | None = None, **changes: Any) -> Inspected:
    with closing(Inspector(where, fees=TARIFF, **changes)) as inspector:
        return inspector.inspect(scope)


def found(where: Path | str, kind: Kind, scope: Scope | None = None, **changes: Any) -> list[Finding]:
    return [one for one in inspected(where, scope, **changes).findings if one.kind is kind]


# -- fees


def test_fees_off_the_tariff_are_found_by_clerk(where: Path | str, register: DossierRegister) -> None:
    for number, (unit, actor, dong) in enumerate(
        [("n1", "an", 70_000), ("n1", "an", 70_000), ("n1", "binh", 100_000), ("n1", "binh", 70_000), ("n1", "binh", 0),
         ("s1", "an", 50_000)]
    ):  # fmt: skip
        dossier = f"D{number}"
        took(register, dossier, *WAY, unit_id=unit, kind="reissue", grounds="lost")
        with closing(Fees(where, clock=lambda: MONDAY)) as fees:
            paid = (
                Fee(dossier, dong, actor, f"R{number}") if dong else Fee(dossier, 0, actor, exemption="poor household")
            )
            assert fees.record([paid]) == 1
            assert fees.record([paid]) == 0
    one, other = found(where, Kind.FEE_OFF_TARIFF)
    assert (one.unit, one.actor, one.dossier) == ("n1", "binh", "D2")
    assert dict(one.numbers) == {
        "count": 1, "of": 3, "exempt": 1, "over_dong": 30_000, "day": "2026-11-02", "paid": 100_000, "tariff": "70000",
        "dossier_kind": "reissue: lost",
    }  # fmt: skip
    assert (other.unit, other.actor, other.numbers["over_dong"]) == ("s1", "an", -20_000)
    assert [each.unit for each in found(where, Kind.FEE_OFF_TARIFF, Scope("north"))] == ["n1"]
    assert found(where, Kind.FEE_OFF_TARIFF, Scope(first=date(2026, 11, 3))) == []
    assert found(where, Kind.FEE_OFF_TARIFF, Scope(first=date(2026, 11, 2), last=date(2026, 11, 2))) == [one, other]
    with closing(Fees(where, clock=lambda: MONDAY + HOUR)) as fees:
        fees.record([Fee("D2", -30_000, "chi", "R2b")])
        assert [each.dong for each in fees.of("D2")] == [100_000, -30_000]
    assert [each.unit for each in found(where, Kind.FEE_OFF_TARIFF)] == ["s1"], "what was paid back is no fee"
    vietnamese, english = words.line(one)
    assert "100.000 đồng" in vietnamese
    assert "1 of 3 dossiers" in english
    assert "100,000 dong" in english
    with pytest.raises(ParameterError, match="comes after"):
        Scope(first=date(2026, 11, 3), last=date(2026, 11, 2))


def test_cards_handed_over_without_a_fee_are_found(where: Path | str, register: DossierRegister) -> None:
    took(register, "D1", *WAY, kind="reissue", grounds="lost")
    took(register, "D2", *WAY)
    took(register, "D3", *WAY[:3], kind="reissue", grounds="lost")
    assert inspected(where).notes == (NO_FEES,), "where no fee is recorded at all nobody is accused"
    assert found(where, Kind.NO_FEE) == []
    with closing(Fees(where)) as fees:
        fees.record([Fee("D2", 0, "an", exemption="new")])
    assert found(where, Kind.NO_FEE) == [Finding(Kind.NO_FEE, "n1", None, "D1", {"count": 1})]
    with closing(Inspector(where)) as inspector:
        assert inspector.inspect().notes == (NOT_VERIFIED,)


def test_a_fee_is_recorded_once_and_stays(where: Path | str, register: DossierRegister) -> None:
    register.receive_many([receipt("D1"), receipt("D2")])
    with closing(Fees(where, clock=lambda: MONDAY)) as fees:
        fees.record([Fee("D1", 70_000, "an", "R1")])
        for wrong in (Fee("D2", 70_000, "an", "R1"), Fee("D1", 50_000, "an", "R1"), Fee("D9", 1, "an", "R9")):
            with pytest.raises(ConflictError):
                fees.record([Fee("D2", 5, "an", "R5"), wrong])
        assert fees.of("D2") == []
    database = open_register(where)
    for statement in ("UPDATE fees SET dong = 1", "DELETE FROM fees"):
        with pytest.raises(ConflictError), database.write() as connection:
            connection.exec_driver_sql(statement)
    database.close()
    for wrong_words in ({"dong": 1}, {"dong": 0}, {"dong": 10**9, "receipt": "R"}, {"dong": 1, "receipt": "a\nb"},
                        {"dong": 0, "exemption": ""}):  # fmt: skip
        with pytest.raises(ParameterError):
            Fee("D1", actor="an", **wrong_words)  # type: ignore[arg-type]  # as the test says


# -- rejects


def operators(register: DossierRegister, counts: dict[str, tuple[int, int]], unit: str = "n1") -> None:
    receipts: list[Receipt] = []
    moves: list[Move] = []
    for operator, (everyone, rejected) in counts.items():
        for number in range(everyone):
            dossier = f"{unit}-{operator}-{number}"
            receipts.append(receipt(dossier, operator=operator, unit_id=unit, received=MONDAY))
            if number < rejected:
                moves.append(Move(dossier, State.REJECTED, operator, time=MONDAY + HOUR, reason="r"))
    register.receive_many(receipts)
    register.move_many(moves)


def test_one_operators_rejects_against_the_others(where: Path | str, register: DossierRegister) -> None:
    operators(register, {"an": (60, 25), "binh": (60, 3), "chi": (60, 4)})
    operators(register, {"dung": (60, 6), "em": (60, 3), "giang": (60, 9)}, "n2")
    operators(register, {"alone": (60, 60)}, "s1")
    (one,) = found(where, Kind.REJECTS)
    assert (one.unit, one.actor) == ("n1", "an")
    numbers = dict(one.numbers)
    assert [numbers[name] for name in ("rejected", "of", "others_rejected", "of_others", "than")] == [
        25,
        60,
        7,
        120,
        "more",
    ]
    more, _ = hypergeometric_tails(25, 60, 32, 180)
    assert numbers["chance"] == pytest.approx(more, rel=0.05)
    assert numbers["adjusted"] == pytest.approx(12 * more, rel=0.05), "two questions of each of six operators"
    assert "25 of 60" in words.line(one)[1]
    assert "nhiều hơn" in words.line(one)[0]
    assert found(where, Kind.REJECTS, Scope("n2")) == []


def test_who_rejects_nobody_is_found_too(where: Path | str, register: DossierRegister) -> None:
    operators(register, {"an": (80, 0), "binh": (80, 20), "chi": (80, 22)})
    (one,) = found(where, Kind.REJECTS)
    assert (one.actor, one.numbers["than"]) == ("an", "fewer")


def test_tails_are_those_of_the_distribution() -> None:
    for everyone, marked, taken in ((10, 4, 5), (12, 0, 5), (12, 12, 5), (30, 11, 7), (9, 5, 9)):
        share = {
            x: math.comb(marked, x) * math.comb(everyone - marked, taken - x) / math.comb(everyone, taken)
            for x in range(max(0, taken + marked - everyone), min(taken, marked) + 1)
        }
        for x in share:
            more, fewer = hypergeometric_tails(x, taken, marked, everyone)
            assert more == pytest.approx(sum(chance for at, chance in share.items() if at >= x))
            assert fewer == pytest.approx(sum(chance for at, chance in share.items() if at <= x))
    assert hypergeometric_tails(5000, 5000, 5000, 1_000_000) == (0.0, 1.0)
    with pytest.raises(ParameterError):
        hypergeometric_tails(6, 5, 5, 10)


def test_the_bound_is_on_all_questions_together() -> None:
    alike = [("n1", [Share(f"o{number}", 5, 100) for number in range(10)])]
    assert outliers(alike, 0.01) == []
    odd = [Share("an", 18, 100), *alike[0][1]]
    (one,) = outliers([("n1", odd)], 0.01)
    assert (one.share.who, one.more, one.others_found, one.others_taken) == ("an", True, 50, 1000)
    assert one.adjusted == pytest.approx(22 * one.chance)
    assert outliers([("n1", odd), *((f"u{number}", alike[0][1]) for number in range(1000))], 0.01) == []
    with pytest.raises(ParameterError):
        outliers(alike, 0.0)


def test_where_all_are_alike_chance_names_somebody_as_seldom_as_was_asked() -> None:
    """Drawn 400 times at a rate of 0.2, which leaves 80: 120 are five standard deviations away."""
    drawn = random.Random(26)
    named = 0
    for _ in range(400):
        units = [(str(unit), [Share(str(one), sum(drawn.random() < 0.05 for _ in range(40)), 40) for one in range(3)])
                 for unit in range(4)]  # fmt: skip
        named += bool(outliers(units, 0.2))
    assert named <= 120


# -- steps


def test_dossiers_touched_after_approval(where: Path | str, register: DossierRegister) -> None:
    took(register, "D1", *WAY[:3], State.IN_REVIEW, actor="an")
    took(register, "D2", *WAY[:4], State.APPROVED, actor="an")
    took(register, "D3", *WAY[:2], State.IN_REVIEW, State.APPROVED, State.SIGNED, actor="an")
    took(register, "D4", *WAY[:3], State.CANCELLED, actor="binh")
    assert [(one.actor, one.numbers["count"]) for one in found(where, Kind.AFTER_APPROVAL)] == [("an", 2), ("binh", 1)]


def test_a_clock_that_was_behind(where: Path | str, register: DossierRegister) -> None:
    took(register, "D1", State.CHECKED)
    register.move_many([Move("D1", State.SEARCHED, "an", time=MONDAY - HOUR)])
    took(register, "D2", State.CHECKED)
    register.move_many([Move("D2", State.SEARCHED, "binh", time=MONDAY + HOUR - 30 * SECOND)])
    (one,) = found(where, Kind.CLOCK_BEHIND)
    assert (one.actor, one.dossier, one.numbers["most_s"]) == ("an", "D1", 7200.0)


def test_cards_handed_over_at_once(where: Path | str, register: DossierRegister) -> None:
    took(register, "D1", *WAY, apart=5 * SECOND, actor="an")
    took(register, "D2", *WAY, actor="binh")
    took(register, "D3", *WAY[:-1], apart=5 * SECOND, actor="factory")
    register.move_many([Move("D3", State.HANDED_OVER, "chi", time=MONDAY + 60 * SECOND)])
    (one,) = found(where, Kind.HANDED_OVER_AT_ONCE)
    assert (one.actor, one.dossier, one.numbers["count"]) == ("an", "D1", 1)


def test_quick_approvals(where: Path | str, register: DossierRegister) -> None:
    way = (State.CHECKED, State.SEARCHED, State.IN_REVIEW, State.APPROVED)
    took(register, "D1", *way, apart=4 * SECOND, actor="an")
    took(register, "D2", *way, actor="binh")
    took(register, "D3", *WAY[:3], apart=SECOND, actor="search")
    (one,) = found(where, Kind.QUICK_APPROVAL)
    assert (one.actor, one.numbers["least_s"]) == ("an", 4.0)


def test_work_at_night_and_on_days_off(where: Path | str, register: DossierRegister) -> None:
    day = timedelta(days=1)
    register.receive_many(
        [
            receipt("D1", received=MONDAY + 13 * HOUR, actor="an"),  # 22:00
            receipt("D2", received=MONDAY + 19 * HOUR, actor="an"),  # 04:00
            receipt("D3", received=MONDAY + 12 * HOUR + 59 * 60 * SECOND, actor="binh"),  # 21:59
            receipt("D4", received=MONDAY + 20 * HOUR, actor="binh"),  # 05:00
            receipt("D5", received=MONDAY + 5 * day, actor="an"),  # Saturday
            receipt("D6", received=datetime(2026, 9, 2, 2, tzinfo=UTC), actor="an"),  # National Day, a Wednesday
            receipt("D7", received=datetime(2026, 8, 22, 2, tzinfo=UTC), actor="an"),  # a Saturday that is worked
        ]
    )
    register.move_many([Move("D3", State.CHECKED, "binh", time=MONDAY + 15 * HOUR)])  # by a machine at any time
    (one,) = found(where, Kind.OUT_OF_HOURS)
    assert (one.actor, one.numbers["night"], one.numbers["off"], one.numbers["of"]) == ("an", 2, 2, 5)
    assert [each.actor for each in found(where, Kind.OUT_OF_HOURS, rules=Rules(21, 6))] == ["an", "binh"]
    assert found(where, Kind.OUT_OF_HOURS, Scope(last=date(2026, 8, 31))) == []


def test_votes_on_ones_own_and_of_one_person_with_two_names(where: Path | str, register: DossierRegister) -> None:
    took(register, "D1", State.CHECKED, actor="counter", operator="An.HK")
    took(register, "D2", State.CHECKED, actor="binh.hk")
    took(register, "D3", State.CHECKED, actor="counter")
    with closing(Cases(where)) as cases:
        for number, (one, other, apart) in enumerate(
            [("an.hk", "chi.hk", HOUR), ("chi.hk", "binh.hk", HOUR), ("dung.hk", "chi.hk", 3 * SECOND)], 1
        ):
            asked = question(f"D{number}", operator=None)
            cases.open([asked], MONDAY)
            cases.vote(asked.case_id, Vote(one, False, Answer.REFUSE, "the papers", MONDAY))
            cases.vote(asked.case_id, Vote(other, False, Answer.REFUSE, "the papers", MONDAY + apart))
    assert [(one.actor, one.dossier) for one in found(where, Kind.VOTED_ON_OWN)] == [("an.hk", "D1"), ("binh.hk", "D2")]
    (one,) = found(where, Kind.VOTED_TOGETHER)
    assert (one.actor, one.dossier, one.numbers["least_s"]) == ("chi.hk, dung.hk", "D3", 3.0)


# -- all of them


def test_an_office_that_does_as_it_should_is_not_named(where: Path | str, register: DossierRegister) -> None:
    for number in range(12):
        took(register, f"D{number}", *WAY[:-1], operator=f"clerk {number % 3}", apart=20 * 60 * SECOND)
        register.move_many([Move(f"D{number}", State.HANDED_OVER, "counter", time=MONDAY + 26 * HOUR)])
    said = inspected(where)
    assert (said.findings, said.more) == ((), {})
    with pytest.raises(ConflictError):
        inspected(where, Scope("nowhere"))
    with pytest.raises(ParameterError):
        Rules(rate=1.0)


def test_so_many_findings_are_told_and_the_others_counted(where: Path | str, register: DossierRegister) -> None:
    for number in range(5):
        took(register, f"D{number}", *WAY[:3], State.IN_REVIEW, actor=f"clerk {number}")
    said = inspected(where, most=2)
    assert [one.actor for one in said.findings] == ["clerk 0", "clerk 1"]
    assert said.more == {Kind.AFTER_APPROVAL: 3}
    assert said.as_dict()["more"] == {"after_approval": 3}


def test_every_kind_has_words_in_both_languages() -> None:
    names = """count of exempt over_dong day paid tariff dossier_kind night off from_hour to_hour rejected
    others_rejected of_others than chance adjusted rate most_s over_s within_s least_s"""
    every = dict.fromkeys(names.split(), 1)
    for kind in Kind:
        vietnamese, english = words.line(Finding(kind, "n1", "an", "D1", every))
        assert vietnamese.startswith("đơn vị n1: ")
        assert "{" not in vietnamese + english


DAYS = Where(Scope(None, date(2026, 11, 1), date(2026, 11, 2)), true())
ASKED: dict[str, Callable[[], Select[Any]]] = {
    "fees": lambda: queries.fees(DAYS),
    "after_approval": lambda: queries.after_approval(DAYS),
    "clock_behind": lambda: queries.clock_behind(DAYS, Rules()),
    "handed_over_at_once": lambda: queries.handed_over_at_once(DAYS, Rules()),
    "quick_approval": lambda: queries.quick_approval(DAYS, Rules()),
    "out_of_hours": lambda: queries.out_of_hours(DAYS, Rules(), HOLIDAYS),
}


@pytest.mark.parametrize("name", ASKED)
def test_days_are_found_by_an_index_and_what_stands_before_by_its_key(tmp_path: Path, name: str) -> None:
    """Counted by the plan: no question about some days reads all events or fees."""
    database = open_register(tmp_path / "register.sqlite")
    with database.read() as connection:
        compiled = ASKED[name]().compile(connection, compile_kwargs={"literal_binds": True})
        plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]
    database.close()
    assert any("_of_a_time" in step for step in plan), plan
    scans = [step for step in plan if step.startswith("SCAN") and "paid" not in step]
    assert scans == [], plan


def test_a_units_days_are_found_by_an_index(tmp_path: Path) -> None:
    database = open_register(tmp_path / "register.sqlite")
    with database.read() as connection:
        of_a_unit = Where(Scope("n1", date(2026, 11, 1), date(2026, 11, 2)), queries.DOSSIERS.c.unit == "n1")
        for query in (queries.rejects(of_a_unit), queries.without_fee(of_a_unit)):
            compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
            plan = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]
            assert any("dossiers_of_a_unit" in step or "dossiers_in_state" in step for step in plan), plan
    database.close()
