"""Asks a register an inspector's questions, and turns the rows into findings with the numbers that made them.

What is held is one unit's operators and so many findings of each kind, however many events there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, RowMapping, func, select

from cccd_core.country import holidays, tariff
from cccd_core.country.holidays import Calendar
from cccd_core.country.tariff import Tariff
from cccd_core.errors import Fact
from cccd_core.issuance.oversight import queries
from cccd_core.issuance.oversight.findings import Finding, Inspected, Kind, Rules, Scope
from cccd_core.issuance.oversight.queries import FIRST, SECOND_US, Row, Where
from cccd_core.issuance.oversight.statistics import Share, outliers
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.reading import within
from cccd_core.issuance.register.tables import CASE_VOTES, FEES
from cccd_core.storage.database import again

SHOWN_MOST: Final = 100
NO_FEES: Final = "no fee was ever recorded: fees were not asked about"
NOT_VERIFIED: Final = "the tariff was not verified: see country.tariff"
NO_VOTES: Final = "this account does not see votes: they were not asked about"
_READ_BLOCK: Final = 500


class Inspector:
    """The questions asked of the register at `where`; errors as `open_register`. Nothing is changed."""

    def __init__(
        self,
        where: Path | str,
        *,
        rules: Rules | None = None,
        fees: Tariff = tariff.KNOWN,
        calendar: Calendar = holidays.KNOWN,
        most: int = SHOWN_MOST,
    ) -> None:
        """`most`: how many findings of each kind are told; the others are counted."""
        self._database = open_register(where, make=False)
        self._rules = Rules() if rules is None else rules
        self._tariff, self._calendar, self._most = fees, calendar, most

    def close(self) -> None:
        """Lets go of the database; it can be used again."""
        self._database.close()

    @again
    def inspect(self, scope: Scope | None = None) -> Inspected:
        """Everything that is found, of one state of the register. ConflictError for a unit that is not there."""
        scope = Scope() if scope is None else scope
        found: list[Finding] = []
        more: dict[Kind, int] = {}
        with self._database.read() as connection:
            where = Where(scope, within(connection, scope.unit))
            has_fees = connection.execute(select(FEES.c.event_id).limit(1)).first() is not None
            votes = _sees_votes(connection)
            for kind, ask in self._questions(has_fees, votes).items():
                told = ask(connection, where)
                found += islice(told, self._most)
                left = sum(1 for _ in told)
                if left:
                    more[kind] = left
        notes = [] if has_fees else [NO_FEES]
        if not votes:
            notes.append(NO_VOTES)
        if has_fees and not all(rate.verified for rate in self._tariff.rates):
            notes.append(NOT_VERIFIED)
        return Inspected(tuple(found), more, tuple(notes))

    def _questions(self, has_fees: bool, votes: bool) -> dict[Kind, Callable[[Connection, Where], Iterator[Finding]]]:
        found: dict[Kind, Callable[[Connection, Where], Iterator[Finding]]] = {}
        if has_fees:
            found |= {Kind.FEE_OFF_TARIFF: self._fees, Kind.NO_FEE: self._without_fee}
        if votes:
            found |= {Kind.VOTED_ON_OWN: self._voted_on_own, Kind.VOTED_TOGETHER: self._voted_together}
        return found | {
            Kind.REJECTS: self._rejects,
            Kind.AFTER_APPROVAL: self._after_approval,
            Kind.HANDED_OVER_AT_ONCE: self._handed_over_at_once,
            Kind.QUICK_APPROVAL: self._quick_approval,
            Kind.CLOCK_BEHIND: self._clock_behind,
            Kind.OUT_OF_HOURS: self._out_of_hours,
        }

    def _fees(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for (unit, actor), rows in groupby(
            _rows(connection, queries.fees(where)), key=lambda row: (row["unit"], row["actor"])
        ):
            dossiers = wrong = over = exempt = 0
            dossier: str | None = None
            example: dict[str, Fact] = {}
            for row in rows:
                dossiers += row["count"]
                day = FIRST + timedelta(days=row["day"])
                asked = self._tariff.amounts(row["kind"], row["grounds"], day)
                if row["exempt"] and row["dong"] == 0:
                    exempt += row["count"]
                elif asked is not None and row["dong"] not in asked:
                    wrong += row["count"]
                    over += row["count"] * (row["dong"] - min(asked, key=lambda dong: abs(dong - row["dong"])))
                    if dossier is None:
                        dossier = row["dossier"]
                        example = {
                            "day": day.isoformat(), "paid": row["dong"], "tariff": " / ".join(map(str, asked)),
                            "dossier_kind": ": ".join(filter(None, (row["kind"], row["grounds"]))),
                        }  # fmt: skip
            if wrong:
                numbers = {"count": wrong, "of": dossiers, "exempt": exempt, "over_dong": over, **example}
                yield Finding(Kind.FEE_OFF_TARIFF, unit, actor, dossier, numbers)

    def _without_fee(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for unit, rows in groupby(_rows(connection, queries.without_fee(where)), key=lambda row: row["unit"]):
            count, dossier = 0, None
            for row in rows:
                asked = self._tariff.amounts(row["kind"], row["grounds"], row["received_day"])
                if asked is not None and 0 not in asked:
                    count += row["count"]
                    dossier = dossier or row["dossier"]
            if count:
                yield Finding(Kind.NO_FEE, unit, None, dossier, {"count": count})

    def _rejects(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for one in outliers(_shares(_rows(connection, queries.rejects(where))), self._rules.rate):
            numbers: dict[str, Fact] = {
                "rejected": one.share.found, "of": one.share.taken, "others_rejected": one.others_found,
                "of_others": one.others_taken, "than": "more" if one.more else "fewer", "chance": _round(one.chance),
                "adjusted": _round(one.adjusted), "rate": self._rules.rate,
            }  # fmt: skip
            yield Finding(Kind.REJECTS, one.unit, one.share.who, None, numbers)

    def _after_approval(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for row in _rows(connection, queries.after_approval(where)):
            yield Finding(Kind.AFTER_APPROVAL, row["unit"], row["actor"], row["dossier"], {"count": row["count"]})

    def _handed_over_at_once(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for row in _rows(connection, queries.handed_over_at_once(where, self._rules)):
            numbers = {"count": row["count"], "within_s": self._rules.at_once_s}
            yield Finding(Kind.HANDED_OVER_AT_ONCE, row["unit"], row["actor"], row["dossier"], numbers)

    def _quick_approval(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for row in _rows(connection, queries.quick_approval(where, self._rules)):
            numbers = {"count": row["count"], "within_s": self._rules.quick_s, "least_s": _seconds(row["least_us"])}
            yield Finding(Kind.QUICK_APPROVAL, row["unit"], row["actor"], row["dossier"], numbers)

    def _voted_on_own(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for row in _rows(connection, queries.voted_on_own(where)):
            yield Finding(Kind.VOTED_ON_OWN, row["unit"], row["actor"], row["dossier"], {"count": row["count"]})

    def _voted_together(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for row in _rows(connection, queries.voted_together(where, self._rules)):
            numbers = {"count": row["count"], "within_s": self._rules.together_s, "least_s": _seconds(row["least_us"])}
            yield Finding(Kind.VOTED_TOGETHER, row["unit"], f"{row['one']}, {row['other']}", row["dossier"], numbers)

    def _clock_behind(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for row in _rows(connection, queries.clock_behind(where, self._rules)):
            numbers = {"count": row["count"], "most_s": _seconds(row["most_us"]), "over_s": self._rules.behind_s}
            yield Finding(Kind.CLOCK_BEHIND, row["unit"], row["actor"], row["dossier"], numbers)

    def _out_of_hours(self, connection: Connection, where: Where) -> Iterator[Finding]:
        for row in _rows(connection, queries.out_of_hours(where, self._rules, self._calendar)):
            numbers = {
                "night": int(row["night"]), "off": int(row["off"]), "of": row["all"],
                "from_hour": self._rules.night_from, "to_hour": self._rules.night_to,
            }  # fmt: skip
            yield Finding(Kind.OUT_OF_HOURS, row["unit"], row["actor"], None, numbers)


def _shares(rows: Iterable[RowMapping]) -> Iterator[tuple[str, list[Share]]]:
    for unit, of_unit in groupby(rows, key=lambda row: row["unit"]):
        yield unit, [Share(row["operator"], int(row["rejected"]), row["count"]) for row in of_unit]


def _sees_votes(connection: Connection) -> bool:
    """Whether this account may read who voted when: in a server not every role does."""
    if connection.dialect.name == "sqlite":
        return True
    asked = func.has_column_privilege(CASE_VOTES.name, CASE_VOTES.c.adjudicator.name, "SELECT")
    return bool(connection.execute(select(asked)).scalar_one())


def _rows(connection: Connection, query: Row) -> Iterator[RowMapping]:
    with closing(connection.execution_options(yield_per=_READ_BLOCK).execute(query)) as rows:
        yield from rows.mappings()


def _seconds(microseconds: int) -> float:
    return round(microseconds / SECOND_US, 1)


def _round(chance: float) -> float:
    return float(f"{chance:.2g}")
