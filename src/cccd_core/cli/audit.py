"""cccd audit: parses and prints; no logic."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cccd_core.cli.common import (
    EXIT_FAULTS,
    EXIT_UNDECIDED,
    JsonOption,
    exit_with,
    no_stream,
    one_stream,
    read_input,
    when_interrupted,
)
from cccd_core.cli.terminal import cell, print_json, say, table, tell
from cccd_core.cli.terminal import show as show_table

if TYPE_CHECKING:
    from cccd_core.issuance.audit.findings import AuditKey, Verification


class Language(StrEnum):
    """In which words a trail is told."""

    EN = "en"
    VI = "vi"


TrailArgument: TypeAlias = Annotated[
    Path, typer.Argument(help="The trail: audit.jsonl of a run's output folder; - is standard input.")
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
LanguageOption: TypeAlias = Annotated[Language, typer.Option(help="en or vi.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    audit = typer.Typer(help="Audit trails: verified, anchored outside, told in words.", no_args_is_help=True)
    app.add_typer(audit, name="audit")
    audit.command(epilog="Example: cccd audit verify out/audit.jsonl --pki pki --anchor /mnt/other/anchors.jsonl")(
        verify
    )
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
    from cccd_core.issuance.audit.trail import FILE_BYTES_MAX

    known = [] if anchor is None else anchors.read(anchor)
    codes = [Code.parse(one) for one in code or []]
    data = read_input(trail, "audit trail", FILE_BYTES_MAX)
    found = audit.verify(data, about=about, keys=_keys(certificate, pki), anchors=known, codes=codes)
    if as_json:
        print_json({"path": str(trail), **found.as_dict()})
    else:
        _say(found, language)
    if not found.sound:
        exit_with(EXIT_FAULTS)
    elif not found.keys_given:
        exit_with(EXIT_UNDECIDED)


def anchor(
    trail: Annotated[Path, typer.Argument(help="The trail: audit.jsonl of a run's output folder.", callback=no_stream)],
    anchor: Annotated[
        Path | None,
        typer.Option(
            "--anchor", metavar="FILE", help="Add the statement to this file, on another medium.", callback=no_stream
        ),
    ] = None,
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
    from cccd_core.issuance.audit.trail import FILE_BYTES_MAX, last_statement

    when_interrupted("the file of anchors is as it was, or has the statement")
    data = read_input(trail, "audit trail", FILE_BYTES_MAX)
    found = audit.verify(data, keys=_keys(certificate, pki))
    statement = last_statement(data)
    if not found.sound:
        _say(found, Language.EN)
        exit_with(EXIT_FAULTS)
        return
    if statement is None:
        raise ConflictError("no key has signed this trail: there is nothing to anchor", path=str(trail))
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
    from cccd_core.issuance.audit.trail import FILE_BYTES_MAX, read

    if kind is not None and kind not in set(Kind):
        raise typer.BadParameter(f"a kind is one of {', '.join(Kind)}", param_hint="--kind")
    found = [
        one
        for one in read(read_input(trail, "audit trail", FILE_BYTES_MAX))
        if (dossier is None or one.entry.dossier == dossier)
        and (actor is None or (one.entry.actor is not None and one.entry.actor.name == actor))
        and (day is None or one.at.astimezone(VIETNAM).date() == day.date())
        and (kind is None or one.entry.kind == kind)
    ]
    if as_json:
        print_json({"path": str(trail), "entries": [one.as_dict() for one in found]})
        return
    head = words.HEADS[language]
    rows = table(*head)
    for one in found:
        rows.add_row(*map(cell, words.row(one, language)))
    show_table(rows)


# -- what they share


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
