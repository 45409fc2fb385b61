"""cccd audit: parses and prints; no logic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cccd_core.cli.common import (
    EXIT_FAULTS,
    EXIT_UNDECIDED,
    JsonOption,
    exit_with,
    no_stream,
    no_stream_place,
    one_stream,
    read_input,
    when_interrupted,
)
from cccd_core.cli.terminal import cell, print_json, say, table, tell
from cccd_core.cli.terminal import show as show_table

if TYPE_CHECKING:
    from cccd_core.issuance.audit.findings import AuditKey, Verification
    from cccd_core.issuance.audit.stores import TrailReader

_ROWS = 1000  # of a table; the next ones are of another


class Language(StrEnum):
    """In which words a trail is told."""

    EN = "en"
    VI = "vi"


TrailArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="WHERE",
        help="The trail: audit.jsonl of a run's output folder or another file, of lines or of SQLite; or "
        "postgresql://USER@HOST/DATABASE; - is standard input.",
    ),
]
HeldTrail: TypeAlias = Annotated[
    str, typer.Argument(metavar="WHERE", help="The trail: as for cccd audit verify.", callback=no_stream_place)
]
CertificateOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--certificate",
        metavar="FILE",
        help="Certificate (DER) of a key that may have signed the trail; given as often as there are keys.",
        callback=one_stream,
    ),
]
PkiOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--pki", metavar="FOLDER", help="A PKI folder: its audit signers may have signed the trail.", callback=no_stream
    ),
]
AnchorOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--anchor", metavar="FILE", help="Add the statement to this file, on another medium.", callback=no_stream
    ),
]
LanguageOption: TypeAlias = Annotated[Language, typer.Option(help="en or vi.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    audit = typer.Typer(
        help="Audit trails: verified, signed, anchored outside, told in words, demanded.", no_args_is_help=True
    )
    app.add_typer(audit, name="audit")
    audit.command(epilog="Example: cccd audit verify out/audit.jsonl --pki pki --anchor /mnt/other/anchors.jsonl")(
        verify
    )
    audit.command(epilog="Example: cccd audit seal postgresql://audit@db.example/cccd --pki pki")(seal)
    audit.command(epilog="Example: cccd audit demand ./gallery --trail postgresql://audit@db.example/cccd")(demand)
    audit.command(epilog="Example: cccd audit anchor out/audit.jsonl --anchor /mnt/other/anchors.jsonl")(anchor)
    audit.command(epilog="Example: cccd audit show out/audit.jsonl --dossier D00017 --language vi")(show)


def verify(
    trail: TrailArgument,
    anchor: Annotated[
        Path | None,
        typer.Option("--anchor", metavar="FILE", help="Anchors of this trail, and of any others.", callback=no_stream),
    ] = None,
    code: Annotated[
        list[str] | None, typer.Option(help="The trail's line in a bulletin, in quotes: see cccd audit anchor.")
    ] = None,
    certificate: CertificateOption = None,
    pki: PkiOption = None,
    about: Annotated[str | None, typer.Option("--of", metavar="RUN", help="Of which run it must be.")] = None,
    language: LanguageOption = Language.EN,
    as_json: JsonOption = False,
) -> None:
    """Verifies a trail, and names the first entry that was altered, taken out, put in, repeated or moved.

    What was cut off the end is told by an anchor or a code alone. Exit code 1 where something is wrong, 4 where no
    certificate was given and so the signatures were not looked at.
    """
    from cccd_core.issuance.audit import anchors
    from cccd_core.issuance.audit import verify as audit
    from cccd_core.issuance.audit.chain import Code

    known = [] if anchor is None else anchors.read(anchor)
    codes = [Code.parse(one) for one in code or []]
    keys = _keys(certificate, pki)
    with _looked_at(trail) as reader:
        found = audit.verify(reader, about=about, keys=keys, anchors=known, codes=codes)
    if as_json:
        print_json({"path": trail, **found.as_dict()})
    else:
        _say(found, language)
    if not found.sound:
        exit_with(EXIT_FAULTS)
    elif not found.keys_given:
        exit_with(EXIT_UNDECIDED)


def anchor(
    trail: HeldTrail,
    anchor: AnchorOption = None,
    certificate: CertificateOption = None,
    pki: PkiOption = None,
    as_json: JsonOption = False,
) -> None:
    """Shows the last statement that a key signed of a trail, and a short line of it that can be printed anywhere.

    The trail is verified first; exit code 1, and nothing is written, where it does not hold. Entries behind the last
    statement are in none: the next run signs for them.
    """
    from cccd_core.errors import ConflictError
    from cccd_core.issuance.audit import anchors
    from cccd_core.issuance.audit import verify as audit
    from cccd_core.issuance.audit.trail import last_statement

    when_interrupted("the file of anchors is as it was, or has the statement")
    keys = _keys(certificate, pki)
    with _looked_at(trail) as reader:
        found = audit.verify(reader, keys=keys)
        statement = last_statement(reader) if found.sound else None
    if not found.sound:
        _say(found, Language.EN)
        exit_with(EXIT_FAULTS)
        return
    if statement is None:
        raise ConflictError("no key has signed this trail: there is nothing to anchor", path=trail)
    if anchor is not None:
        anchors.add(anchor, statement)
    left = found.entries - statement.entries
    if as_json:
        print_json({"code": statement.code, "unsigned": left, **statement.as_dict()})
        return
    say(statement.code)
    tell(
        f"entries {statement.entries}, signed {statement.at.isoformat(timespec='seconds')} by key {statement.key[:16]}"
    )
    if left:
        tell(f"{left} entries behind it are not signed yet")


def show(
    trail: TrailArgument,
    dossier: Annotated[str | None, typer.Option(help="Of this dossier alone.")] = None,
    person: Annotated[
        str | None, typer.Option(help="Of this person alone, as the gallery calls them, or of this digest of fingers.")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Of this account alone.")] = None,
    day: Annotated[
        dt.datetime | None, typer.Option(help="Of this day (in Vietnam) alone.", formats=["%Y-%m-%d"])
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Of this kind alone: dossier, card, review, search, ...")] = None,
    language: LanguageOption = Language.EN,
    as_json: JsonOption = False,
) -> None:
    """Tells what stands in a trail, in words: who did what, on which dossier or card, on whose order, why.

    It does not say that it is true: see cccd audit verify.
    """
    from cccd_core.country.clock import VIETNAM
    from cccd_core.issuance.audit import words
    from cccd_core.issuance.audit.entry import Kind
    from cccd_core.issuance.audit.trail import read

    if kind is not None and kind not in set(Kind):
        raise typer.BadParameter(f"a kind is one of {', '.join(Kind)}", param_hint="--kind")
    with _looked_at(trail) as reader:
        found = (
            one
            for one in read(reader)
            if (dossier is None or one.entry.dossier == dossier)
            and (person is None or one.entry.person == person)
            and (actor is None or (one.entry.actor is not None and one.entry.actor.name == actor))
            and (day is None or one.at.astimezone(VIETNAM).date() == day.date())
            and (kind is None or one.entry.kind == kind)
        )
        if as_json:
            print_json({"path": trail, "entries": [one.as_dict() for one in found]})
            return
        head = words.HEADS[language]
        while part := list(islice(found, _ROWS)):
            rows = table(*head)
            for one in part:
                rows.add_row(*map(cell, words.row(one, language)))
            show_table(rows)


def seal(
    trail: HeldTrail,
    pki: Annotated[
        Path,
        typer.Option("--pki", metavar="FOLDER", help="The PKI folder whose audit signer signs.", callback=no_stream),
    ],
    anchor: AnchorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Signs for the entries that no block covers yet: of a trail to which commands tell what they do, day by day.

    The end of the trail is looked at alone; cccd audit verify looks at all of it.
    """
    from contextlib import ExitStack

    from cccd_core.errors import ConflictError
    from cccd_core.issuance.audit import anchors, places
    from cccd_core.issuance.audit.trail import Trail
    from cccd_core.issuance.means import SystemClock, audit_signer

    when_interrupted("the trail is as it was, or has the block; run the same command again")
    with ExitStack() as stack:
        store = stack.enter_context(places.opened(trail, make=False))
        signer = stack.enter_context(audit_signer(pki, SystemClock()))
        if signer is None:
            raise ConflictError("the PKI folder has no audit signer", path=str(pki), needs="cccd pki audit-signer")
        statement = Trail(store, signer=lambda: signer).seal()
    if statement is None:
        raise ConflictError("there is nothing in this trail to be signed", path=trail)
    if anchor is not None:
        anchors.add(anchor, statement)
    if as_json:
        print_json({"code": statement.code, **statement.as_dict()})
    else:
        say(statement.code)
        tell(f"entries {statement.entries}, signed {statement.at.isoformat(timespec='seconds')}")


def demand(
    folder: Annotated[
        Path, typer.Argument(help="Of a gallery, or in which a register lies.", show_default=False, callback=no_stream)
    ],
    trail: Annotated[
        str,
        typer.Option(
            "--trail", metavar="WHERE", help="The trail; begun there where there is none.", callback=no_stream_place
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Lets a gallery or a register in a file demand its trail: from then on every search, reading and change of it is
    told there before it is done, and what cannot be told is not done. A register in a server demands the trail in its
    own database, where that has one: see cccd register init."""
    from cccd_core.issuance.audit import places

    when_interrupted("the folder demands the trail, or is as it was")
    places.demand(folder, trail)
    if as_json:
        print_json({"folder": str(folder), "trail": places.demanded(folder=folder)})
    else:
        say(f"what is done with {folder} is told to {trail}")


# -- what they share


@contextmanager
def _looked_at(where: str) -> Iterator[TrailReader]:
    from cccd_core.issuance.audit import places
    from cccd_core.issuance.audit.stores import FILE_BYTES_MAX, BytesReader

    if where == "-":
        yield BytesReader(read_input(Path(where), "audit trail", FILE_BYTES_MAX))
        return
    with places.looked_at(where) as reader:
        yield reader


def _keys(certificates: list[Path] | None, pki: Path | None) -> list[AuditKey]:
    from cccd_core.errors import ConflictError, FormatError
    from cccd_core.issuance.audit.findings import AuditKey
    from cccd_core.pki.directory import load

    found = []
    for path in certificates or []:
        try:
            found.append(AuditKey.of_certificate(read_input(path, "certificate", 1 << 16)))
        except FormatError as error:
            raise error.with_facts(path=str(path)) from None
    if pki is not None:
        signers = load(pki).audit_signers
        if not signers:
            raise ConflictError("the PKI folder has no audit signer", path=str(pki), needs="cccd pki audit-signer")
        found += [AuditKey.of_certificate(holder.certificate.der) for holder in signers]
    return found


def _say(found: Verification, language: Language) -> None:
    from cccd_core.issuance.audit import words

    for line in words.verdict(found, language):
        say(line)
