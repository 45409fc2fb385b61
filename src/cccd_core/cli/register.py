"""cccd register: parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cccd_core.cli import register_oversight, register_person
from cccd_core.cli.common import (
    JsonOption,
    WhereOption,
    fail_unless,
    no_stream,
    opened_input,
    read_input,
    when_interrupted,
)
from cccd_core.cli.gallery_key import KeyOption, cipher_of, read_key
from cccd_core.cli.progress import progress
from cccd_core.cli.register_reading import (
    KEPT,
    SHOWN,
    HolidaysOption,
    dossiers,
    due,
    fields_of,
    opened_register,
    show_dossier,
    state_of,
    tell_more,
    verify,
)
from cccd_core.cli.terminal import both, cause, cell, counted, print_json, say, show, table
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, acting, recording, trail_of


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(
        no_args_is_help=True, help="The register of dossiers: what was received where, and every step since."
    )
    app.add_typer(area, name="register")
    register_oversight.register(area)
    register_person.register(area)
    area.command(epilog="Example: cccd register init --register ./gallery/register.sqlite")(init)
    area.command(epilog="Example: cccd register units ./wards.csv --register ./register.sqlite")(units)
    area.command(
        epilog="Example: cccd register receive ./batch --register ./register.sqlite --actor desk-1 --unit 001"
    )(receive)
    area.command(epilog="Example: cccd register move D1 --to checked --register ./register.sqlite --actor check")(move)
    area.command(epilog="Example: cccd register record ./steps.csv --register ./register.sqlite --actor import")(record)
    area.command("show", epilog="Example: cccd register show D1 --register ./register.sqlite")(show_dossier)
    area.command("list", epilog="Example: cccd register list --state in_review --register ./register.sqlite")(dossiers)
    area.command(
        epilog="Example: cccd register due --day 2026-11-11 --register ./register.sqlite --holidays 2027.json"
    )(due)
    area.command(epilog="Example: cccd register verify --register postgresql://desk@db.example/cccd")(verify)
    area.command(epilog="Example: cccd register rotate --register ./gallery/register.sqlite --to next.hex")(rotate)


def init(where: WhereOption, as_json: JsonOption = False) -> None:
    """Makes a register with the centre and the provinces of before and after 1 July 2025; one that is there is brought
    up to this version. In a server the database gets an audit trail, which is told what is done with the register."""
    from cccd_core.issuance.audit import places
    from cccd_core.issuance.register.units import first_units
    from cccd_core.storage.faults import file_error
    from cccd_core.storage.postgres import SCHEME

    when_interrupted(KEPT)
    if where.startswith(SCHEME):
        with places.opened(where):
            pass
    else:
        try:
            Path(where).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise file_error("the folder of the register cannot be made", error, path=where) from None
    with opened_register(where, make=True) as opened:
        found = {
            "where": opened.where,
            "new_units": opened.put_units(first_units()),
            "units": len(opened.units()),
        }
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
    from cccd_core.issuance.register.units import FILE_BYTES_MOST, read

    when_interrupted("the tree is as it was, or has all of the file")
    with opened_register(where) as opened:
        if file is None:
            found = opened.units()
        else:
            given = read(read_input(file, "file of units", FILE_BYTES_MOST))
            with recording(
                trail, "correction", "units_changed", actor, "administrator", register=where, order=order
            ) as outcome:
                changed = outcome.count = opened.put_units(given)
    if file is not None:
        if as_json:
            print_json({"new_or_changed": changed})
        else:
            say(f"{counted(changed, 'unit')} new or changed")
    elif as_json:
        print_json([fields_of(unit) for unit in found])
    else:
        rows = table("unit", "level", "name", "under", "from", "to", "followed by")
        for unit in found[:SHOWN]:
            days = [unit.begins or "", unit.ends or ""]
            rows.add_row(*map(cell, (unit.unit_id, unit.level, unit.name, unit.parent or "", *days,
                                     " ".join(unit.successors))))  # fmt: skip
        show(rows)
        tell_more(len(found))


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
    trail: TrailOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes a batch into the register: kind, grounds, unit, day and a digest of each dossier, nothing else of it.

    Run it again and nothing changes. One that `cccd issue` rejected and that was corrected since is received again.
    Exit code 1 when a dossier was not taken in.
    """
    from cccd_core.issuance.dossiers.batch import open_batch
    from cccd_core.issuance.dossiers.reasons import RegisterReason
    from cccd_core.issuance.receiving import Counter
    from cccd_core.issuance.receiving import receive as run
    from cccd_core.issuance.register.dossiers import now_utc
    from cccd_core.issuance.reports import words

    when_interrupted(KEPT)
    given = open_batch(batch)
    with (
        opened_register(where, holidays) as opened,
        progress("receive", quiet=as_json) as step,
        recording(
            trail, "dossier", "batch_received", actor, "operator", register=where, order=order, count=len(given.ids())
        ) as outcome,
    ):
        counter = Counter(actor, unit, station, operator, shift)
        result = run(given, opened, counter, now=now_utc(), progress=step)
        outcome.count, outcome.person = result.new, result.digest
        again = f", {result.again} received again" if result.again else ""
        outcome.reason = f"{result.known} were there{again}, {result.left_out} left out"
    if as_json:
        apart = ("without_unit", "unknown_unit", "other_unit", "other_dossier", "by_hand")
        print_json(
            {"new": result.new, "known": result.known, "again": result.again, "refused": result.refused}
            | {name: getattr(result, name) for name in apart}
        )
    else:
        why = [(one.dossier_id, one.field, str(one.reason), words.reason(one.reason)) for one in result.refused]
        why += [(one, "unit", "without_unit", words.WITHOUT_UNIT) for one in result.without_unit]
        why += [(one, "unit", "unknown_unit", words.UNKNOWN_UNIT) for one in result.unknown_unit]
        why += [(one, "unit", "other_unit", words.OTHER_UNIT) for one in result.other_unit]
        for reason, names in (
            (RegisterReason.DOSSIER_CHANGED, result.other_dossier),
            (RegisterReason.REJECTED_BY_HAND, result.by_hand),
        ):
            why += [(one, "dossier_id", str(reason), words.reason(reason)) for one in names]
        rows = table("dossier", "field", "reason", "vì sao / why")
        for name, field, word, said in why[:SHOWN]:
            rows.add_row(cell(name), cell(field), cell(word, "red"), cell(both(said)))
        if why:
            show(rows)
            tell_more(len(why))
        again = f", {result.again:,} received again, corrected" if result.again else ""
        say(f"{counted(result.new, 'dossier')} received, {result.known:,} there already{again}")
    fail_unless(result.well)


def move(
    dossier: Annotated[list[str], typer.Argument(help="Ids of dossiers.", show_default=False)],
    where: WhereOption,
    to: Annotated[str, typer.Option(metavar="STATE", help="The state that they go to: see cccd register list --help.")],
    actor: Annotated[str, typer.Option(help="Who moves them.")],
    reason: Annotated[str | None, typer.Option(help="Why; no names, no numbers of people.")] = None,
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
    from cccd_core.issuance.review.settle import why

    when_interrupted("see cccd register show for where a dossier stands")
    state, reason = state_of(to), None if reason is None else why(reason)
    who = acting(actor, Role.OPERATOR)
    entries = [Entry(Kind.DOSSIER, f"move_to_{to}", who, one, order=order, reason=reason) for one in dossier]
    with opened_register(where) as opened, trail_of(trail, register=where) as told, recorded(told, *entries):
        moved = opened.move_many([Move(one, state, actor, after, None, reason, order) for one in dossier])
    if as_json:
        print_json({"moved": moved})
    else:
        say(f"{counted(moved, 'dossier')} moved to {to}")


def record(
    file: Annotated[Path, typer.Argument(help="Steps, JSON Lines or CSV; - is standard input.", show_default=False)],
    where: WhereOption,
    actor: Annotated[str | None, typer.Option(help="Who moved the dossiers of lines that name nobody.")] = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Records the steps of a file: of each line that cannot be, why not, and the others.

    A line has dossier_id, to, and time (with a zone), after (the number of the step before it) or event_id, by which it
    is known again; and actor, reason and order where they are needed. Run it again and only what is missing is
    recorded. Exit code 1 when a line was refused.
    """
    from cccd_core.issuance.recording import record as run
    from cccd_core.issuance.register.step_lines import read

    when_interrupted(KEPT)
    with (
        opened_register(where) as opened,
        opened_input(file, "file of steps") as lines,
        progress("record", quiet=as_json) as step,
        recording(trail, "dossier", "steps_recorded", actor, "operator", register=where) as outcome,
    ):
        result = run(read(lines, actor=actor), opened, progress=step)
        outcome.count = result.new
    problems = [{"line": one.line, "dossier": one.dossier_id, **one.error.as_dict()} for one in result.refusals]
    if as_json:
        print_json({"new": result.new, "known": result.known, "refused": result.refused, "problems": problems})
    else:
        rows = table("line", "dossier", "reason", right=["line"])
        for problem in problems[:SHOWN]:
            rows.add_row(*map(cell, (problem["line"], problem["dossier"] or "")), cell(cause(problem), "red"))
        if problems:
            show(rows)
            tell_more(result.refused)
        recorded_now, refused = counted(result.new, "step"), counted(result.refused, "line")
        say(f"{recorded_now} recorded, {result.known:,} there already, {refused} refused")
    fail_unless(not result.refused)


def rotate(
    where: WhereOption,
    to: Annotated[
        Path,
        typer.Option("--to", metavar="FILE", help="The key that takes its place; as --key.", callback=no_stream),
    ],
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encrypts the numbers of people in the register by another key, or by the first; the earlier one opens nothing of
    it from then on. Runs that were begun with the earlier key are ended first. All of it or nothing is done."""
    from cccd_core.issuance.register import numbers
    from cccd_core.storage.aes_gcm import KeyRing

    when_interrupted("the register is under the one key or the other: run the same command again")
    ring, before = KeyRing(read_key(to)), cipher_of(key)
    reason = f"key {ring.key_id.hex()}"
    with recording(
        trail, "access", "key_changed", actor, "administrator", register=where, order=order, reason=reason
    ) as outcome:
        done = outcome.count = numbers.rotate(where, ring, before)
    if as_json:
        print_json({"numbers": done})
    else:
        say(f"{counted(done, 'number')} under the key of {to}")
