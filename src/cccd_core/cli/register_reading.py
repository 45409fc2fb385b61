"""cccd register: what is read of it, written while it is read; parses and prints, no logic."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

from cccd_core.cli.common import JsonOption, WhereOption, fail_unless, read_input, when_interrupted
from cccd_core.cli.terminal import aligned, cell, print_json, say, show, table
from cccd_core.cli.told import ActorOption, TrailOption, recording

if TYPE_CHECKING:
    from datetime import date

    from rich.table import Table

    from cccd_core.issuance.audit.acts import Outcome
    from cccd_core.issuance.register.dossiers import DossierRegister
    from cccd_core.issuance.register.life import State
    from cccd_core.issuance.register.records import DossierRecord

_T = TypeVar("_T")
SHOWN = 200  # rows of a table; --json has them all
KEPT = "what was written is kept; run the same command again, which changes nothing that is there"


UnitOption: TypeAlias = Annotated[
    str | None, typer.Option("--unit", metavar="UNIT", help="Of this unit and of all units below it.")
]
HolidaysOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help='Public holidays of more years: {"2027": {"off": [DAYS], "worked": [DAYS], "source": TEXT}}.',
    ),
]


@contextmanager
def opened_register(where: str, holidays: Path | None = None, *, make: bool = False) -> Iterator[DossierRegister]:
    from cccd_core.country.holidays import KNOWN, parse
    from cccd_core.issuance.register.dossiers import DossierRegister

    calendar = KNOWN
    if holidays is not None:
        calendar = KNOWN.with_years(parse(read_input(holidays, "file of holidays", 1 << 20)))
    with closing(DossierRegister(where, due=calendar.deadline_if_known, make=make)) as opened:
        yield opened


def show_dossier(
    dossier: Annotated[str, typer.Argument(help="Its id.", show_default=False)],
    where: WhereOption,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Shows a dossier and every step of it."""
    from cccd_core.errors import ConflictError

    with opened_register(where) as opened, _reading(trail, where, actor, "shown", dossier):
        found, events = opened.get(dossier), opened.events(dossier)
    if found is None:
        raise ConflictError("no dossier has this id", dossier=dossier)
    if as_json:
        print_json({"dossier": fields_of(found), "events": [fields_of(event) for event in events]})
        return
    say(*aligned({name.replace("_", " "): value for name, value in fields_of(found).items() if value is not None}))
    rows = table("step", "to", "time", "by", "reason", "order", right=["step"])
    for event in events:
        time = f"{event.time:%Y-%m-%d %H:%M:%S} UTC{', the clock was behind' if event.behind else ''}"
        rows.add_row(*map(cell, (event.sequence, event.to, time, event.actor, event.reason or "", event.order or "")))
    show(rows)


def dossiers(
    where: WhereOption,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help="In this state: received, checked, searched, in_review, approved, signed, written, verified, "
            "dispatched, handed_over, returned, rejected, withdrawn or cancelled.",
        ),
    ] = None,
    unit: UnitOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lists dossiers in the order in which they came in."""
    wanted = None if state is None else state_of(state)
    with opened_register(where) as opened, _reading(trail, where, actor, "listed") as outcome:
        found = _Counted(opened.all(unit_id=unit, state=wanted))
        if as_json:
            print_json(map(fields_of, found))
        else:
            show(_rows(found))
            tell_more(found.count)
        outcome.count = found.count


def due(
    where: WhereOption,
    day: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="The day; today without it.")] = None,
    unit: UnitOption = None,
    holidays: HolidaysOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lists the dossiers not at an end whose deadline is this day, or was before it; exit code 1 where one is overdue,
    or has no deadline because the public holidays of its year are not known. With --holidays these get theirs first."""
    from cccd_core.country.clock import today

    when_interrupted(KEPT)
    with opened_register(where, holidays) as opened, _reading(trail, where, actor, "listed") as outcome:
        if holidays is not None:
            opened.set_deadlines()
        on = today() if day is None else day_of(day)
        found = {
            "overdue": _Counted(opened.overdue(on, unit_id=unit)),
            "due": _Counted(opened.due(on, unit_id=unit)),
            "without_deadline": _Counted(opened.without_deadline(unit_id=unit)),
        }
        if as_json:
            print_json({what: map(fields_of, records) for what, records in found.items()})
        else:
            for what, records in found.items():
                rows = _rows(records)
                say(f"{what.replace('_', ' ')}: {records.count:,}")
                if records.count:
                    show(rows)
                    tell_more(records.count)
        outcome.count = sum(records.count for records in found.values())
    fail_unless(not found["overdue"].count and not found["without_deadline"].count)


def verify(
    where: WhereOption, trail: TrailOption = None, actor: ActorOption = None, as_json: JsonOption = False
) -> None:
    """Reads the whole register and names what cannot be: exit code 1 where something is wrong."""
    when_interrupted("nothing is changed; run the same command again")
    with opened_register(where) as opened, _reading(trail, where, actor, "checked_whole") as outcome:
        faults = _Counted(opened.faults())
        if as_json:
            print_json({"faults": faults})
        else:
            for fault in faults:
                say(fault)
            if not faults.count:
                say("nothing is wrong")
        outcome.count = faults.count
    fail_unless(not faults.count)


def state_of(text: str) -> State:
    from cccd_core.issuance.register.life import State

    try:
        return State(text)
    except ValueError:
        raise typer.BadParameter(f"a state is one of: {', '.join(State)}") from None


def day_of(text: str) -> date:
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a day is written YYYY-MM-DD") from None


def _reading(
    given: str | None, where: str, actor: str | None, what: str, dossier: str | None = None
) -> AbstractContextManager[Outcome]:
    """Tells of a reading before it, and behind it of how many."""
    return recording(given, "reading", what, actor, "operator", register=where, dossier=dossier)


class _Counted(Iterator[_T]):
    """Passes on what comes, and counts it."""

    def __init__(self, found: Iterator[_T]) -> None:
        self._found = found
        self.count = 0

    def __next__(self) -> _T:
        one = next(self._found)
        self.count += 1
        return one


def _rows(found: Iterator[DossierRecord]) -> Table:
    """The first of them as a table, and all are counted."""
    rows = table("dossier", "kind", "unit", "state", "received", "due")
    for one in islice(found, SHOWN):
        kind = one.kind if one.grounds is None else f"{one.kind}: {one.grounds}"
        rows.add_row(*map(cell, (one.dossier_id, kind, one.unit_id, one.state, one.received, one.due or "not known")))
    deque(found, maxlen=0)
    return rows


def fields_of(one: object) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}  # type: ignore[arg-type]


def tell_more(count: int) -> None:
    if count > SHOWN:
        say(f"... and {count - SHOWN:,} more: --json has them all")
