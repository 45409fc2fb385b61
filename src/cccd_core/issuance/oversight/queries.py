"""The questions as statements: each counts in the database, by unit and actor, and gives a row for each that was found.

With days given, events are found by the index of their times, fees by that of theirs; what stands before an event is
one row by its key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
)

from cccd_core.country.clock import VIETNAM
from cccd_core.country.holidays import Calendar
from cccd_core.issuance.oversight.findings import Rules, Scope
from cccd_core.issuance.register.life import State
from cccd_core.issuance.register.tables import CASE_VOTES, CASES, DOSSIERS, EVENTS, FEES

DAY_US: Final = 86_400_000_000
HOUR_US: Final = 3_600_000_000
SECOND_US: Final = 1_000_000
_ZONE_US: Final = VIETNAM.utcoffset(None) // timedelta(microseconds=1)
FIRST: Final = date(1970, 1, 1)
_THURSDAY: Final = 3  # the day of the week of the first day
_BY_PEOPLE: Final = (State.RECEIVED, State.HANDED_OVER, State.RETURNED, State.WITHDRAWN, State.CANCELLED)
_APPROVED: Final = (State.APPROVED, State.SIGNED, State.WRITTEN, State.VERIFIED)
_BACK: Final = (State.IN_REVIEW, State.APPROVED, State.WITHDRAWN, State.CANCELLED)
_BEFORE = EVENTS.alias("before")

Row = Select[tuple[object, ...]]


def start_us(day: date) -> int:
    """When a day begins in Vietnam."""
    return (day - FIRST).days * DAY_US - _ZONE_US


@dataclass(frozen=True, slots=True)
class Where:
    """A scope as conditions. `within`: whether a dossier is of the unit."""

    scope: Scope
    within: ColumnElement[bool]

    def at(self, time_us: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a time is of the days."""
        parts: list[ColumnElement[bool]] = [true()]
        if self.scope.first is not None:
            parts.append(time_us >= start_us(self.scope.first))
        if self.scope.last is not None:
            parts.append(time_us < start_us(self.scope.last + timedelta(days=1)))
        return and_(*parts)

    def received(self) -> ColumnElement[bool]:
        """Whether a dossier was received on one of the days."""
        parts: list[ColumnElement[bool]] = [true()]
        if self.scope.first is not None:
            parts.append(DOSSIERS.c.received_day >= self.scope.first)
        if self.scope.last is not None:
            parts.append(DOSSIERS.c.received_day <= self.scope.last)
        return and_(*parts)


def _local_day(time_us: ColumnElement[int]) -> ColumnElement[int]:
    # Written out, as it is grouped by: a server takes no two parameters for the same.
    return (time_us + literal_column(str(_ZONE_US), BigInteger)) // literal_column(str(DAY_US), BigInteger)


def _events(where: Where, *columns: ColumnElement[int]) -> Row:
    query = select(DOSSIERS.c.unit, EVENTS.c.actor, *columns, func.min(DOSSIERS.c.dossier_id).label("dossier"))
    query = query.select_from(EVENTS).join(DOSSIERS, DOSSIERS.c.dossier_no == EVENTS.c.dossier_no)
    query = query.where(where.within, where.at(EVENTS.c.time_us))
    return query.group_by(DOSSIERS.c.unit, EVENTS.c.actor).order_by(DOSSIERS.c.unit, EVENTS.c.actor)


def _with_before(query: Row) -> Row:
    return query.join(
        _BEFORE, and_(_BEFORE.c.dossier_no == EVENTS.c.dossier_no, _BEFORE.c.sequence == EVENTS.c.previous)
    )


def fees(where: Where) -> Row:
    """What was paid: unit, actor, kind, grounds, day (since 1970), dong, whether there is a reason for nothing, how
    many dossiers, one of them. Sorted by unit and actor."""
    of_the_days = select(FEES.c.dossier_no).where(where.at(FEES.c.time_us))
    paid = (
        select(
            FEES.c.dossier_no,
            cast(func.sum(FEES.c.dong), BigInteger).label("dong"),
            func.min(FEES.c.time_us).label("time_us"),
            func.min(FEES.c.actor).label("actor"),
            func.max(case((FEES.c.exemption.is_not(None), 1), else_=0)).label("exempt"),
        )
        .where(FEES.c.dossier_no.in_(of_the_days))
        .group_by(FEES.c.dossier_no)
        .subquery("paid")
    )
    keys = [DOSSIERS.c.unit, paid.c.actor, DOSSIERS.c.kind, DOSSIERS.c.grounds,
            _local_day(paid.c.time_us).label("day"), paid.c.dong, paid.c.exempt]  # fmt: skip
    query = select(*keys, func.count().label("count"), func.min(DOSSIERS.c.dossier_id).label("dossier"))
    query = query.select_from(paid).join(DOSSIERS, DOSSIERS.c.dossier_no == paid.c.dossier_no).where(where.within)
    return query.group_by(*keys).order_by(DOSSIERS.c.unit, paid.c.actor)


def without_fee(where: Where) -> Row:
    """Dossiers handed over for which nothing was recorded, not even why: unit, kind, grounds, day of reception, how
    many, one of them. Sorted by unit."""
    keys = (DOSSIERS.c.unit, DOSSIERS.c.kind, DOSSIERS.c.grounds, DOSSIERS.c.received_day)
    paid = select(FEES.c.dossier_no).where(FEES.c.dossier_no == DOSSIERS.c.dossier_no).exists()
    query = select(*keys, func.count().label("count"), func.min(DOSSIERS.c.dossier_id).label("dossier"))
    query = query.where(where.within, where.received(), DOSSIERS.c.state == State.HANDED_OVER, ~paid)
    return query.group_by(*keys).order_by(DOSSIERS.c.unit)


def out_of_hours(where: Where, rules: Rules, calendar: Calendar) -> Row:
    """Steps that people take at a counter: unit, actor, all, at night, on days off, one dossier of these."""
    hour = (EVENTS.c.time_us + _ZONE_US) % DAY_US // HOUR_US
    if rules.night_from > rules.night_to:
        night = or_(hour >= rules.night_from, hour < rules.night_to)
    else:
        night = and_(hour >= rules.night_from, hour < rules.night_to)
    day = _local_day(EVENTS.c.time_us)
    years = calendar.years.values()
    off = or_(
        and_((day + _THURSDAY) % 7 >= 5, ~_among(day, (one for year in years for one in year.worked))),
        _among(day, (one for year in years for one in year.off)),
    )
    query = _events(
        where,
        func.count().label("all"),
        func.sum(case((night, 1), else_=0)).label("night"),
        func.sum(case((and_(off, ~night), 1), else_=0)).label("off"),
    ).where(EVENTS.c.to_state.in_(_BY_PEOPLE))
    return query.having(func.sum(case((or_(night, off), 1), else_=0)) > 0)


def rejects(where: Where) -> Row:
    """Dossiers received: unit, operator, how many, how many of them were rejected. Sorted by unit."""
    rejected = func.sum(case((DOSSIERS.c.state == State.REJECTED, 1), else_=0))
    query = select(DOSSIERS.c.unit, DOSSIERS.c.operator, func.count().label("count"), rejected.label("rejected"))
    query = query.where(where.within, where.received(), DOSSIERS.c.operator.is_not(None))
    return query.group_by(DOSSIERS.c.unit, DOSSIERS.c.operator).order_by(DOSSIERS.c.unit, DOSSIERS.c.operator)


def after_approval(where: Where) -> Row:
    """Steps by which an approved dossier was taken back, opened again or ended: unit, actor, how many, one dossier."""
    return _events(where, func.count().label("count")).where(
        EVENTS.c.from_state.in_(_APPROVED), EVENTS.c.to_state.in_(_BACK)
    )


def clock_behind(where: Where, rules: Rules) -> Row:
    """Steps that were given an earlier time than the one before: unit, actor, how many, by how much at the most."""
    return _events(where, func.count().label("count"), func.max(EVENTS.c.behind_us).label("most_us")).where(
        EVENTS.c.behind_us > rules.behind_s * SECOND_US
    )


def handed_over_at_once(where: Where, rules: Rules) -> Row:
    """Cards handed over that were not on their way, or so a moment only and by the word of the same actor: unit, actor,
    how many, one dossier."""
    soon = EVENTS.c.time_us - _BEFORE.c.time_us < rules.at_once_s * SECOND_US
    return _with_before(_events(where, func.count().label("count"))).where(
        EVENTS.c.to_state == State.HANDED_OVER,
        or_(_BEFORE.c.to_state != State.DISPATCHED, and_(_BEFORE.c.actor == EVENTS.c.actor, soon)),
    )


def quick_approval(where: Where, rules: Rules) -> Row:
    """Dossiers approved a moment after they came into review: unit, actor, how many, the shortest time, one dossier."""
    took = EVENTS.c.time_us - _BEFORE.c.time_us
    return _with_before(_events(where, func.count().label("count"), func.min(took).label("least_us"))).where(
        EVENTS.c.to_state == State.APPROVED, EVENTS.c.from_state == State.IN_REVIEW, took < rules.quick_s * SECOND_US
    )


def voted_on_own(where: Where) -> Row:
    """Votes of people who entered the dossier, or moved it: unit, adjudicator, how many, one dossier."""
    moved = (
        select(EVENTS.c.dossier_no)
        .where(EVENTS.c.dossier_no == DOSSIERS.c.dossier_no, func.lower(EVENTS.c.actor) == CASE_VOTES.c.adjudicator)
        .exists()
    )
    query = select(
        DOSSIERS.c.unit, CASE_VOTES.c.adjudicator.label("actor"), func.count().label("count"),
        func.min(DOSSIERS.c.dossier_id).label("dossier"),
    )  # fmt: skip
    query = query.select_from(CASE_VOTES).join(CASES, CASES.c.case_id == CASE_VOTES.c.case_id)
    query = query.join(DOSSIERS, DOSSIERS.c.dossier_id == CASES.c.dossier_id)
    query = query.where(
        where.within, where.at(CASE_VOTES.c.time_us),
        or_(func.lower(func.coalesce(DOSSIERS.c.operator, "")) == CASE_VOTES.c.adjudicator, moved),
    )  # fmt: skip
    return query.group_by(DOSSIERS.c.unit, CASE_VOTES.c.adjudicator).order_by(DOSSIERS.c.unit, CASE_VOTES.c.adjudicator)


def voted_together(where: Where, rules: Rules) -> Row:
    """Cases of which the first two votes came a moment apart, as of one person with two names: unit, the two names, how
    many, the shortest time, one dossier."""
    first, second = CASE_VOTES.alias("first"), CASE_VOTES.alias("second")
    apart = second.c.time_us - first.c.time_us
    low = case((first.c.adjudicator < second.c.adjudicator, first.c.adjudicator), else_=second.c.adjudicator)
    high = case((first.c.adjudicator < second.c.adjudicator, second.c.adjudicator), else_=first.c.adjudicator)
    keys = (DOSSIERS.c.unit, low.label("one"), high.label("other"))
    query = select(
        *keys, func.count().label("count"), func.min(apart).label("least_us"),
        func.min(DOSSIERS.c.dossier_id).label("dossier"),
    )  # fmt: skip
    query = query.select_from(second).join(
        first, and_(first.c.case_id == second.c.case_id, first.c.round == second.c.round, first.c.place == 1)
    )
    query = query.join(CASES, CASES.c.case_id == second.c.case_id)
    query = query.join(DOSSIERS, DOSSIERS.c.dossier_id == CASES.c.dossier_id)
    query = query.where(
        where.within, where.at(second.c.time_us), second.c.place == 2, apart < rules.together_s * SECOND_US
    )
    return query.group_by(DOSSIERS.c.unit, low, high).order_by(DOSSIERS.c.unit, low, high)


def _among(day: ColumnElement[int], days: Iterable[date]) -> ColumnElement[bool]:
    numbers = sorted({(one - FIRST).days for one in days})
    return day.in_(numbers) if numbers else false()
