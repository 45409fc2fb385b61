"""cccd issue: parses and prints; no logic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import JsonOption, fail_unless, no_stream, no_stream_place, when_interrupted
from cccd_core.cli.gallery_key import KeyOption, cipher_of
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import both, cell, print_json, say, show, table, tell
from cccd_core.cli.told import TrailOption, acting, trail_of

if TYPE_CHECKING:
    from cccd_core.issuance import Report
    from cccd_core.issuance.reports.today import Told
    from cccd_core.progress import Progress

_LINES = 50  # of a kind; the report has every one


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(epilog="Example: cccd issue ./batch --gallery ./gallery --pki ./pki --reader memory --out ./out")(issue)


def issue(
    batch: Annotated[
        Path, typer.Argument(help="A folder of dossiers, or one Parquet file.", show_default=False, callback=no_stream)
    ],
    gallery: Annotated[
        Path, typer.Option(help="Folder of the gallery and the register; made if absent.", callback=no_stream)
    ],
    pki: Annotated[
        Path, typer.Option("--pki", metavar="FOLDER", help="A PKI folder: see cccd pki init.", callback=no_stream)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of this run: state, cards, report.", callback=no_stream)
    ],
    reader: Annotated[str, typer.Option(help="memory, pcsc, or pcsc:NAME for readers whose name has NAME.")] = "memory",
    register_at: Annotated[
        str | None,
        typer.Option(
            "--register",
            metavar="WHERE",
            help="Where people, cards, cases and dossiers are: a file, or postgresql://USER@HOST/DATABASE (see cccd "
            "register). The gallery remembers it; without it a file in the gallery's folder.",
            callback=no_stream_place,
        ),
    ] = None,
    take_over: Annotated[
        str | None,
        typer.Option(help="Run id of a lost output folder: issue its dossiers here; destroy its unfinished cards."),
    ] = None,
    keep_images: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY",
            help="Keep the images of fingers in OUT/images, encrypted by the key in this file (64 hexadecimal digits, "
            "or what a token decrypts to it); without it they are dropped. See cccd batch images.",
            callback=no_stream,
        ),
    ] = None,
    keep_reviews: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY",
            help="Keep the dossiers in review in the gallery's folder until their cases are settled, encrypted by the "
            "key in this file (as --keep-images); without it a case has scores and words alone. See cccd review.",
            callback=no_stream,
        ),
    ] = None,
    show_people: Annotated[
        bool,
        typer.Option(
            "--show-people",
            help="Name people in report.html, and show portraits and fingers of duplicates: personal data, which a "
            "later run without it takes out again.",
        ),
    ] = False,
    anchor: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Add the audit trail's last signed statement to this file, kept where whoever writes OUT cannot: see "
            "cccd audit verify.",
            callback=no_stream,
        ),
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(
            help="Who acts, as the audit trail and the register say it; without it the login at the register's "
            "server, or else the system's account."
        ),
    ] = None,
    order: Annotated[
        str | None, typer.Option(help="On whose order, as the audit trail and the register say it.")
    ] = None,
    trail: TrailOption = None,
    key: KeyOption = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait while another run uses the gallery or OUT, instead of being refused.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Checks, searches, builds, signs, writes and verifies the cards of a batch; the register has every step.

    Run it again after any interruption and it goes on; run it again when it is finished and nothing changes.
    Exit code 1 when a dossier failed; rejected ones, duplicates and reviews are results like any other.
    """
    from cccd_core.issuance import Means
    from cccd_core.issuance import issue as run
    from cccd_core.issuance.audit import places
    from cccd_core.issuance.audit.acts import recorded
    from cccd_core.issuance.audit.entry import Entry, Kind, Role
    from cccd_core.issuance.audit.stores import FileStore
    from cccd_core.issuance.audit.trail import last_statement
    from cccd_core.issuance.runs.place import place

    means = Means.usual(pki, reader, cipher=cipher_of(key))
    means = replace(means, actor=acting(actor, Role.FACTORY, folder=gallery, register=register_at))
    when_interrupted("what was finished is kept; run the same command again to go on")
    entries = [Entry(Kind.DOSSIER, "issue", means.actor, order=order)]
    if show_people:
        entries.append(Entry(Kind.READING, "people_reported", means.actor, order=order))
    with (
        trail_of(trail, folder=gallery, register=register_at) as told,
        recorded(told, *entries) as outcome,
        progress("issue", quiet=as_json) as step,
    ):
        report = run(
            batch,
            gallery,
            out,
            means,
            register=None if register_at is None else place(register_at),
            take_over=take_over,
            keep_images=None if keep_images is None else cipher_of(keep_images),
            keep_reviews=None if keep_reviews is None else cipher_of(keep_reviews),
            show_people=show_people,
            order=order,
            anchor=anchor,
            wait=wait,
            progress=_waiting(step),
            ask=None if as_json else _ask,
        )
        outcome.count = report.figures.received
        if told is not None:  # it anchors the run's own trail, which says what became of each
            statement = last_statement(FileStore(report.out / "audit.jsonl"))
            outcome.reason = None if statement is None else f"trail {statement.code}"
            if keep_images is not None and not (report.out / places.PLACE_FILE).exists():  # who opens them tells it
                places.demand(report.out, told.where)
    if as_json:
        print_json(report)
    else:
        _show(report)
    fail_unless(report.complete)


def _waiting(step: Progress) -> Progress:
    """The same, and a word when a wait begins, which a log shows as well."""

    def told(done: int, total: int, what: str) -> None:
        if what.startswith("wait") and not said:
            said.append(what)
            tell(f"{what.removeprefix('wait: ')}: waiting for it to end; Ctrl-C gives up")
        step(done, total, what)

    said: list[str] = []
    return told


def _ask(reader: str, text: str) -> None:
    tell(f"{reader}: {text}")


def _show(report: Report) -> None:
    """First what is to be done, then the figures; in words, Vietnamese and English."""
    from cccd_core.issuance.reports import words

    figures = report.figures
    _show_today(report)
    counts = table("", "dossiers", header=False)
    rows = [("received", figures.received)]
    rows += [(f"rejected: {words.reason(reason)[1]}", count) for reason, count in figures.rejected.items()]
    rows.append(("duplicates", len(figures.duplicates)))
    rows += [(f"review: {words.reason(reason)[1]}", count) for reason, count in figures.reviews.items()]
    rows += [("unique", figures.unique), ("written", figures.written), ("verified", figures.verified)]
    rows += [(f"failed: {words.reason(reason)[1]}", count) for reason, count in figures.failed.items()]
    for name, count in rows:
        counts.add_row(cell(name), cell(count))
    show(counts)
    for notice in figures.notices:
        tell(f"to be seen to: {notice}")
    quality = figures.quality
    if quality.images:
        say(
            f"{quality.images:,} images of fingers, quality {quality.least} to {quality.most}, median {quality.median};"
            f" {len(quality.capture_again):,} to be captured again"
        )
    seconds = ", ".join(f"{stage} {spent:.2f} s" for stage, spent in figures.seconds.items())
    say(f"{seconds}; elapsed {figures.elapsed:.1f} s")
    say(f"report: {report.out / 'report.html'}")


def _show_today(report: Report) -> None:
    """What is to be done, a line each: a table might fold a serial."""
    from cccd_core.issuance.reports.today import unit_words

    today = report.today
    say("Không còn việc gì phải làm / nothing is left to be done" if today.nothing else "Việc cần làm / to do:")
    for one in today.cases[:_LINES]:
        say(f"vụ việc / case {one.case}: {_dossier(one)}")
    if today.cases:
        say(f"  cccd review show {today.cases[0].case} --gallery {report.gallery}")
    for end in today.cards[:_LINES]:
        card = end.card
        of = f", of {card.dossier}" if card.dossier else ""
        instead = f", replaced by that of {card.replaced_by}" if card.replaced_by else ""
        say(
            f"thẻ / card {card.card_serial}{of}{instead} ({both(end.why)}): {both(end.to_do)}; "
            f"{both(unit_words(end.unit))}"
        )
    for unit, found in today.by_unit():
        say(f"trả lại / back to {both(unit_words(unit))}: {len(found):,} hồ sơ / dossiers")
        for one in found[:_LINES]:
            say(f"  {one.dossier}: {'; '.join(map(both, one.lines))}")
    for one in today.duplicates[:_LINES]:
        say(f"trùng / duplicate of {one.of}: {_dossier(one)}")
    for one in today.again[:_LINES]:
        say(f"chưa xong / not finished: {_dossier(one)}")
    most = max(map(len, (today.cases, today.cards, today.back, today.duplicates, today.again)))
    if most > _LINES:
        say(f"và những việc khác: xem report.html / and more: see {report.out / 'report.html'}")


def _dossier(one: Told) -> str:
    from cccd_core.issuance.reports.today import unit_words

    return f"{one.dossier}, {both(unit_words(one.unit))}: {'; '.join(map(both, one.lines))}"
