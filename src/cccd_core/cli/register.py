"""cccd register: parses and prints; no logic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cccd_core.cli import register_person
from cccd_core.cli.common import JsonOption, fail_unless, no_stream, read_input, when_interrupted
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import aligned, cell, print_json, say, show, table
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, acting, trail_of

if TYPE_CHECKING:
    from datetime import date

    from cccd_core.issuance.audit.acts import Outcome
    from cccd_core.issuance.register.dossiers import DossierRegister
    from cccd_core.issuance.register.life import State
    from cccd_core.issuance.register.records import DossierRecord

_SHOWN = 200  # rows of a table; --json has them all
_KEPT = "what was written is kept; run the same command again, which changes nothing that is there"


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(
        no_args_is_help=True, help="The register of dossiers: what was received where, and every step since."
    )
    app.add_typer(area, name="register")
    register_person.register(area)
    area.command(epilog="Example: cccd register init --register ./gallery/register.sqlite")(init)
    area.command(epilog="Example: cccd register units ./wards.csv --register ./register.sqlite")(units)
    area.command(
        epilog="Example: cccd register receive ./batch --register ./register.sqlite --actor desk-1 --unit 001"
    )(receive)
    area.command(epilog="Example: cccd register move D1 --to checked --register ./register.sqlite --actor check")(move)
    area.command("show", epilog="Example: cccd register show D1 --register ./register.sqlite")(show_dossier)
    area.command("list", epilog="Example: cccd register list --state in_review --register ./register.sqlite")(dossiers)
    area.command(
        epilog="Example: cccd register due --day 2026-11-11 --register ./register.sqlite --holidays 2027.json"
    )(due)
    area.command(epilog="Example: cccd register verify --register postgresql://desk@db.example/cccd")(verify)


def _place(value: str) -> str:
    if value in ("", "-"):
        raise typer.BadParameter("a register is a file or a postgresql:// URL, never a standard stream")
    return value


WhereOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--register",
        metavar="WHERE",
        help="The register: a file, or postgresql://USER@HOST/DATABASE without a password, which libpq takes from"
        " PGPASSWORD, PGPASSFILE or ~/.pgpass.",
        callback=_place,
    ),
]
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
def _opened(where: str, holidays: Path | None = None, *, make: bool = False) -> Iterator[DossierRegister]:
    from cccd_core.country.holidays import KNOWN, parse
    from cccd_core.issuance.register.dossiers import DossierRegister

    calendar = KNOWN
    if holidays is not None:
        calendar = KNOWN.with_years(parse(read_input(holidays, "file of holidays", 1 << 20)))
    with closing(DossierRegister(where, due=calendar.deadline_if_known, make=make)) as opened:
        yield opened


def init(where: WhereOption, as_json: JsonOption = False) -> None:
    """Makes a register with the centre and the provinces of before and after 1 July 2025; one that is there is brought
    up to this version. In a server the database gets an audit trail, which is told what is done with the register."""
    from cccd_core.issuance.audit import places
    from cccd_core.issuance.register.units import national
    from cccd_core.storage.postgres import SCHEME

    when_interrupted(_KEPT)
    if where.startswith(SCHEME):
        with places.opened(where):
            pass
    with _opened(where, make=True) as opened:
        found = {"where": opened.where, "new_units": opened.put_units(national()), "units": len(opened.units())}
    if as_json:
        print_json(found)
    else:
        say(f"register {found['where']}: {found['units']} units, {found['new_units']} of them new")


def units(
    where: WhereOption,
    file: Annotated[
        Path | None,
        typer.Argument(help="Units to put in, CSV or JSON; - is standard input. Without it units are listed."),
    ] = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Puts units into the tree, or lists it. The whole file is taken or nothing of it."""
    from cccd_core.issuance.audit.acts import recorded
    from cccd_core.issuance.audit.entry import Entry, Kind, Role
    from cccd_core.issuance.register.units import FILE_BYTES_MOST, read

    when_interrupted("the tree is as it was, or has all of the file")
    with _opened(where) as opened:
        if file is None:
            found = opened.units()
        else:
            given = read(read_input(file, "file of units", FILE_BYTES_MOST))
            entry = Entry(Kind.CORRECTION, "units_changed", acting(actor, Role.ADMINISTRATOR), order=order)
            with trail_of(trail, register=where) as told, recorded(told, entry) as outcome:
                changed = outcome.count = opened.put_units(given)
    if file is not None:
        if as_json:
            print_json({"new_or_changed": changed})
        else:
            say(f"{changed:,} units new or changed")
    elif as_json:
        print_json([_fields(unit) for unit in found])
    else:
        rows = table("unit", "level", "name", "under", "from", "to", "followed by")
        for unit in found[:_SHOWN]:
            days = [unit.begins or "", unit.ends or ""]
            rows.add_row(*map(cell, (unit.unit_id, unit.level, unit.name, unit.parent or "", *days,
                                     " ".join(unit.successors))))  # fmt: skip
        show(rows)
        _more(len(found))


def receive(
    batch: Annotated[
        Path, typer.Argument(help="A folder of dossiers, or one Parquet file.", show_default=False, callback=no_stream)
    ],
    where: WhereOption,
    actor: Annotated[str, typer.Option(help="Who takes them in.")],
    unit: Annotated[str | None, typer.Option(metavar="UNIT", help="The unit of dossiers that name none.")] = None,
    station: Annotated[str | None, typer.Option(help="Where they were captured.")] = None,
    operator: Annotated[str | None, typer.Option(help="By whom they were captured.")] = None,
    shift: Annotated[str | None, typer.Option(help="In which shift.")] = None,
    holidays: HolidaysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes a batch into the register: kind, grounds, unit, day and a digest of each dossier, nothing else of it.

    Run it again and nothing changes. Exit code 1 when a dossier was not taken in.
    """
    from cccd_core.issuance.dossiers.batch import open_batch
    from cccd_core.issuance.receiving import Counter
    from cccd_core.issuance.receiving import receive as run
    from cccd_core.issuance.register.dossiers import now_utc

    when_interrupted(_KEPT)
    with _opened(where, holidays) as opened, progress("receive", quiet=as_json) as step:
        counter = Counter(actor, unit, station, operator, shift)
        result = run(open_batch(batch), opened, counter, now=now_utc(), progress=step)
    if as_json:
        apart = ("without_unit", "unknown_unit", "other_dossier")
        print_json(
            {"new": result.new, "known": result.known, "refused": result.refused}
            | {name: getattr(result, name) for name in apart}
        )
    else:
        rows = table("dossier", "field", "reason")
        for problem in result.refused[:_SHOWN]:
            rows.add_row(cell(problem.dossier_id), cell(problem.field), cell(problem.reason, "red"))
        for names, field, why in (
            (result.without_unit, "unit", "names no unit: give --unit"),
            (result.unknown_unit, "unit", "names a unit that the register does not have: see cccd register units"),
            (result.other_dossier, "dossier_id", "another dossier has this id"),
        ):
            for name in names[:_SHOWN]:
                rows.add_row(cell(name), cell(field), cell(why, "red"))
        if not result.well:
            show(rows)
        say(f"{result.new:,} dossiers received, {result.known:,} were there")
    fail_unless(result.well)


def move(
    dossier: Annotated[list[str], typer.Argument(help="Ids of dossiers.", show_default=False)],
    where: WhereOption,
    to: Annotated[str, typer.Option(metavar="STATE", help="The state that they go to: see cccd register list --help.")],
    actor: Annotated[str, typer.Option(help="Who moves them.")],
    reason: Annotated[str | None, typer.Option(help="Why; no personal data.")] = None,
    order: Annotated[str | None, typer.Option(help="By which order; a cancellation needs one.")] = None,
    after: Annotated[
        int | None, typer.Option(min=1, help="The number of the last step that was seen; another one is a conflict.")
    ] = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Moves dossiers on by a step each: all of them (in blocks of 1,000), or none and why."""
    from cccd_core.issuance.audit.acts import recorded
    from cccd_core.issuance.audit.entry import Entry, Kind, Role
    from cccd_core.issuance.register.records import Move

    when_interrupted("see cccd register show for where a dossier stands")
    state = _state(to)
    who = acting(actor, Role.OPERATOR)
    entries = [Entry(Kind.DOSSIER, f"move_to_{to}", who, one, order=order, reason=reason) for one in dossier]
    with _opened(where) as opened, trail_of(trail, register=where) as told, recorded(told, *entries):
        moved = opened.move_many([Move(one, state, actor, after, None, reason, order) for one in dossier])
    if as_json:
        print_json({"moved": moved})
    else:
        say(f"{moved:,} dossiers moved to {to}")


def show_dossier(
    dossier: Annotated[str, typer.Argument(help="Its id.", show_default=False)],
    where: WhereOption,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Shows a dossier and every step of it."""
    from cccd_core.errors import ConflictError

    with _opened(where) as opened, _reading(trail, where, actor, "shown", dossier):
        found, events = opened.get(dossier), opened.events(dossier)
    if found is None:
        raise ConflictError("no dossier has this id", dossier=dossier)
    if as_json:
        print_json({"dossier": _fields(found), "events": [_fields(event) for event in events]})
        return
    say(*aligned({name.replace("_", " "): value for name, value in _fields(found).items() if value is not None}))
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
    wanted = None if state is None else _state(state)
    with _opened(where) as opened, _reading(trail, where, actor, "listed") as outcome:
        outcome.count = _list(opened.all(unit_id=unit, state=wanted), as_json)


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

    when_interrupted(_KEPT)
    with _opened(where, holidays) as opened, _reading(trail, where, actor, "listed") as outcome:
        if holidays is not None:
            opened.set_deadlines()
        on = today() if day is None else _day(day)
        found = {
            "overdue": list(opened.overdue(on, unit_id=unit)),
            "due": list(opened.due(on, unit_id=unit)),
            "without_deadline": list(opened.without_deadline(unit_id=unit)),
        }
        outcome.count = sum(map(len, found.values()))
    if as_json:
        print_json({what: [_fields(one) for one in records] for what, records in found.items()})
    else:
        for what, records in found.items():
            say(f"{what.replace('_', ' ')}: {len(records):,}")
            if records:
                _list(iter(records), as_json=False)
    fail_unless(not found["overdue"] and not found["without_deadline"])


def verify(where: WhereOption, as_json: JsonOption = False) -> None:
    """Reads the whole register and names what cannot be: exit code 1 where something is wrong."""
    when_interrupted("nothing is changed; run the same command again")
    with _opened(where) as opened:
        faults = list(opened.faults())
    if as_json:
        print_json({"faults": faults})
    else:
        say(*(faults or ["nothing is wrong"]))
    fail_unless(not faults)


def _state(text: str) -> State:
    from cccd_core.issuance.register.life import State

    try:
        return State(text)
    except ValueError:
        raise typer.BadParameter(f"a state is one of: {', '.join(State)}") from None


def _day(text: str) -> date:
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a day is written YYYY-MM-DD") from None


@contextmanager
def _reading(
    given: str | None, where: str, actor: str | None, what: str, dossier: str | None = None
) -> Iterator[Outcome]:
    """Tells of a reading before it, and behind it of how many."""
    from cccd_core.issuance.audit.acts import recorded
    from cccd_core.issuance.audit.entry import Entry, Kind, Role

    entry = Entry(Kind.READING, what, acting(actor, Role.OPERATOR), dossier)
    with trail_of(given, register=where) as told, recorded(told, entry) as outcome:
        yield outcome


def _list(found: Iterator[DossierRecord], as_json: bool) -> int:
    """How many they were."""
    if as_json:
        told = [_fields(one) for one in found]
        print_json(told)
        return len(told)
    rows = table("dossier", "kind", "unit", "state", "received", "due")
    for one in islice(found, _SHOWN):
        kind = one.kind if one.grounds is None else f"{one.kind}: {one.grounds}"
        rows.add_row(*map(cell, (one.dossier_id, kind, one.unit_id, one.state, one.received, one.due or "not known")))
    show(rows)
    count = rows.row_count + sum(1 for _ in found)
    _more(count)
    return count


def _fields(one: object) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}  # type: ignore[arg-type]


def _more(count: int) -> None:
    if count > _SHOWN:
        say(f"... and {count - _SHOWN:,} more: --json has them all")
