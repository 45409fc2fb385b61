"""cccd issue: parses and prints; no logic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import JsonOption, fail_unless, no_stream, when_interrupted
from cccd_core.cli.gallery_key import cipher_of
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import cell, print_json, say, show, table, tell

if TYPE_CHECKING:
    from cccd_core.issuance import Report


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(epilog="Example: cccd issue ./batch --gallery ./gallery --pki ./pki --reader memory --out ./out")(issue)


def _place(value: str | None) -> str | None:
    if value in ("", "-"):
        raise typer.BadParameter("a register is a file or a postgresql:// URL, never a standard stream")
    return value


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
            callback=_place,
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
        typer.Option(help="Who acts, as the audit trail and the register say it; the system's account without it."),
    ] = None,
    order: Annotated[
        str | None, typer.Option(help="On whose order, as the audit trail and the register say it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Checks, searches, builds, signs, writes and verifies the cards of a batch; the register has every step.

    Run it again after any interruption and it goes on; run it again when it is finished and nothing changes.
    Exit code 1 when a dossier failed; rejected ones, duplicates and reviews are results like any other.
    """
    from cccd_core.issuance import Means
    from cccd_core.issuance import issue as run
    from cccd_core.issuance.audit.entry import Actor, Role
    from cccd_core.issuance.runs.place import place

    means = Means.usual(pki, reader)
    if actor is not None:
        means = replace(means, actor=Actor(actor, Role.FACTORY))
    when_interrupted("what was finished is kept; run the same command again to go on")
    with progress("issue", quiet=as_json) as step:
        report = run(
            batch,
            gallery,
            out,
            means,
            register=None if register_at is None else place(register_at),
            take_over=take_over,
            keep_images=None if keep_images is None else cipher_of(keep_images),
            keep_reviews=None if keep_reviews is None else cipher_of(keep_reviews),
            order=order,
            anchor=anchor,
            progress=step,
            ask=None if as_json else _ask,
        )
    if as_json:
        print_json(report)
    else:
        _show(report)
    fail_unless(report.complete)


def _ask(reader: str, text: str) -> None:
    tell(f"{reader}: {text}")


def _show(report: Report) -> None:
    figures = report.figures
    counts = table("", "dossiers", header=False)
    rows = [("received", figures.received)]
    rows += [(f"rejected: {reason}", count) for reason, count in figures.rejected.items()]
    rows.append(("duplicates", len(figures.duplicates)))
    rows += [(f"review: {reason}", count) for reason, count in figures.reviews.items()]
    rows += [("unique", figures.unique), ("written", figures.written), ("verified", figures.verified)]
    rows += [(f"failed: {reason}", count) for reason, count in figures.failed.items()]
    for name, count in rows:
        counts.add_row(cell(name), cell(count))
    show(counts)
    for notice in figures.notices:
        tell(f"to be seen to: {notice}")
    if figures.duplicates:
        duplicates = table("duplicate", "of", "fingers", "score", right=["score"])
        for one in figures.duplicates[:50]:
            fingers = " ".join(map(str, one.fingers))
            duplicates.add_row(cell(one.dossier), cell(one.of), cell(fingers), cell(f"{one.score:.1f}"))
        show(duplicates)
    for card in figures.revoke[:50]:  # a line each: a table might fold a serial
        of = f", of {card.dossier}" if card.dossier else ""
        instead = f", replaced by that of {card.replaced_by}" if card.replaced_by else ""
        why = f" ({card.reason.replace('_', ' ')})" if card.reason else ""
        say(f"card {card.card_serial}{of}{instead}{why}: {card.to_do.text}")
    if len(figures.revoke) > 50:
        say(f"and {len(figures.revoke) - 50:,} more cards to revoke: see report.json")
    quality = figures.quality
    if quality.images:
        say(
            f"{quality.images:,} images of fingers, quality {quality.least} to {quality.most}, median {quality.median};"
            f" {len(quality.capture_again):,} to be captured again"
        )
    seconds = ", ".join(f"{stage} {spent:.2f} s" for stage, spent in figures.seconds.items())
    say(f"{seconds}; elapsed {figures.elapsed:.1f} s")
    say(f"report: {report.out / 'report.html'}")
