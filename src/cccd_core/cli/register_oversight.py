"""cccd register fee and inspect: parses and prints; no logic."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from cccd_core.cli.common import JsonOption, WhereOption, read_input, when_interrupted
from cccd_core.cli.register_reading import HolidaysOption, UnitOption, day_of
from cccd_core.cli.terminal import counted, print_json, say, tell
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, recording

_FILE_MOST = 1 << 20


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    area.command(
        epilog="Example: cccd register fee D1 --dong 35000 --receipt AA-1 --actor desk-1 --register ./r.sqlite"
    )(fee)
    area.command(epilog="Example: cccd register inspect --unit 001 --from 2026-11-01 --register ./register.sqlite")(
        inspect
    )


def fee(
    dossier: Annotated[str, typer.Argument(help="Its id.", show_default=False)],
    where: WhereOption,
    actor: Annotated[str, typer.Option(help="Who took it.")],
    dong: Annotated[int, typer.Option(help="How much, in dong; below 0 for what was paid back.")],
    receipt: Annotated[str | None, typer.Option(help="The receipt's number; money has one.")] = None,
    exempt: Annotated[
        str | None, typer.Option(metavar="REASON", help="With --dong 0: why nothing is asked; no names or numbers.")
    ] = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Records what was paid for a dossier, or why nothing was. The same receipt is recorded once."""
    from cccd_core.issuance.register.fees import Fee, Fees
    from cccd_core.issuance.review.settle import why

    when_interrupted("the fee is recorded or not; run the same command again, which records it once")
    one = Fee(dossier, dong, actor, receipt, None if exempt is None else why(exempt))
    said = f"{dong} dong" if receipt is None else f"{dong} dong, receipt {receipt}"
    with (
        closing(Fees(where, make=False)) as fees,
        recording(trail, "dossier", "fee", actor, "operator", register=where, dossier=dossier, reason=said),
    ):
        new = fees.record([one])
    if as_json:
        print_json({"recorded": new})
    else:
        say(f"{dong:,} dong for {dossier}" if new else f"{dossier}: it was recorded already")


def inspect(
    where: WhereOption,
    unit: UnitOption = None,
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="From this day on.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Up to this day.")] = None,
    night: Annotated[str, typer.Option(metavar="FROM-TO", help="The hours of the night, Vietnam's.")] = "22-5",
    rate: Annotated[
        float,
        typer.Option(help="How often, where all operators are alike, any of them may be named for rejects by chance."),
    ] = 0.01,
    tariff: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='The tariff: {"rates": [{"kind", "grounds", "dong": [AMOUNTS], "begins", "ends", "source"}], '
            '"reductions": [{"percent", "begins", "ends", "source"}]}; without it one that nobody verified.',
        ),
    ] = None,
    holidays: HolidaysOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Finds what a unit does otherwise than others: fees off the tariff, work at night and on days off, one operator's
    rejects, dossiers touched after approval, clocks that were behind, votes on one's own dossiers or by one person with
    two names, cards handed over at once, quick approvals. Each in words, with the numbers that made it.

    What is found is a reason to look, and proves nothing.
    """
    from cccd_core.country import holidays as days
    from cccd_core.country import tariff as fees
    from cccd_core.issuance.oversight import words
    from cccd_core.issuance.oversight.findings import Rules, Scope
    from cccd_core.issuance.oversight.inspecting import Inspector

    scope = Scope(unit, None if first is None else day_of(first), None if last is None else day_of(last))
    begins, ends = _hours(night)
    rules = Rules(begins, ends, rate)
    known = fees.KNOWN if tariff is None else fees.parse(read_input(tariff, "tariff", _FILE_MOST))
    calendar = days.KNOWN
    if holidays is not None:
        calendar = calendar.with_years(days.parse(read_input(holidays, "file of holidays", _FILE_MOST)))
    of = unit and f"unit {unit}"
    with (
        closing(Inspector(where, rules=rules, fees=known, calendar=calendar)) as inspector,
        recording(trail, "reading", "inspected", actor, "inspector", register=where, order=order, reason=of) as outcome,
    ):
        found = inspector.inspect(scope)
        outcome.count = len(found.findings)
    if as_json:
        print_json({**found.as_dict(), "words": [words.line(one) for one in found.findings]})
        return
    for one in found.findings:
        say(*words.line(one), "")
    for kind, count in found.more.items():
        say(f"{count:,} more of {kind}")
    for text in found.notes:
        tell(" / ".join(words.note(text)))
    say(counted(len(found.findings), "finding"))


def _hours(text: str) -> tuple[int, int]:
    begins, dash, ends = text.partition("-")
    if not dash or not begins.isdecimal() or not ends.isdecimal() or max(int(begins), int(ends)) > 24:
        raise typer.BadParameter("hours are written 22-5", param_hint="--night")
    return int(begins), int(ends)
