"""cccd pki cv: who may read fingerprints from chips. Parses and prints; no logic."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cccd_core.cli.common import (
    OUT_HELP,
    JsonOption,
    fail_unless,
    no_stream,
    one_stream,
    read_input,
    reports_beside,
    when_interrupted,
    write_output,
)
from cccd_core.cli.pki.keys import KeyOption, ModuleOption, TokenOption, token_key
from cccd_core.cli.terminal import cell, print_json, say, table
from cccd_core.cli.terminal import show as show_table

if TYPE_CHECKING:
    from cccd_core.emrtd.cv import CvCertificate, CvRequest, Right
    from cccd_core.pki.cv import CvFolder


class Asker(StrEnum):
    """Who asks to be certified."""

    DV = "dv"
    IS = "is"


FolderArgument: TypeAlias = Annotated[Path, typer.Argument(help="A CV folder.", callback=no_stream)]
NewFolderArgument: TypeAlias = Annotated[
    Path, typer.Argument(help="A folder that does not exist yet, or is empty.", callback=no_stream)
]
RequestArgument: TypeAlias = Annotated[Path, typer.Argument(help="The request; - is standard input.")]
OutArgument: TypeAlias = Annotated[Path, typer.Argument(help=f"{OUT_HELP}.")]
HolderOption: TypeAlias = Annotated[
    str, typer.Option("--holder", metavar="NAME", help="Country and mnemonic (1 to 9 characters): VNTESTCVCA.")
]
CurveOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--curve", help="The key's curve: brainpoolP256r1 where nothing else is known, secp384r1, ...: see the manual."
    ),
]
RightsOption: TypeAlias = Annotated[
    str, typer.Option("--rights", metavar="DG3,DG4", help="The data groups that may be read; none for no right.")
]
GrantedRightsOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--rights",
        metavar="DG3,DG4",
        help="The data groups that may be read; none for no right. Without it a renewal keeps what it had; a first "
        "certificate must be told.",
    ),
]
FromOption: TypeAlias = Annotated[
    dt.datetime | None,
    typer.Option("--from", help="The first day, today (UTC) without it.", formats=["%Y-%m-%d"]),
]
SequenceOption: TypeAlias = Annotated[
    str | None, typer.Option("--sequence", help="The key's five characters; the next number without it.")
]


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    words = "Who may read fingerprints: CVCA, document verifiers, inspection systems."
    cv = typer.Typer(help=words, no_args_is_help=True)
    area.add_typer(cv, name="cv")
    cv.command(epilog="Example: cccd pki cv init out/cvca --holder VNTESTCVCA")(init)
    cv.command(epilog="Example: cccd pki cv request out/is out/is.cvreq --role is --holder VNBORDER --trust out/dv")(
        request
    )
    cv.command(epilog="Example: cccd pki cv dv out/cvca out/dv.cvreq out/dv.cvcert --rights dg3,dg4")(dv)
    cv.command("is", epilog="Example: cccd pki cv is out/dv out/is.cvreq out/is.cvcert --rights dg3")(inspection_system)
    cv.command(epilog="Example: cccd pki cv add out/is out/is.cvcert")(add)
    cv.command(epilog="Example: cccd pki cv renew out/is out/is-2.cvreq")(renew)
    cv.command(epilog="Example: cccd pki cv link out/cvca out/link.cvcert")(link)
    cv.command(epilog="Example: cccd pki cv show out/is --json")(show)
    cv.command(epilog="Example: cccd pki cv check out/is.cvcert --issuer out/dv")(check)


def init(
    folder: NewFolderArgument,
    holder: HolderOption,
    curve: CurveOption = None,
    module: ModuleOption = None,
    token: TokenOption = None,
    key: KeyOption = None,
    rights: RightsOption = "dg3,dg4",
    days: Annotated[int, typer.Option("--days", min=1, help="For how many days its certificate holds.")] = 1095,
    first_day: FromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a CVCA: its first key and the certificate that chips are given to trust."""
    from cccd_core.pki.cv.authority import begin_cvca

    when_interrupted("no folder is there, or one without a certificate, to be removed")
    made = begin_cvca(
        folder,
        holder[:2],
        holder[2:],
        curve=curve,
        token=token_key(module, token, key),
        rights=_rights(rights),
        days=days,
        start=_day(first_day),
    )
    _show(made, as_json)


def request(
    folder: NewFolderArgument,
    out: OutArgument,
    role: Annotated[Asker, typer.Option("--role", help="What asks: a document verifier or an inspection system.")],
    holder: HolderOption,
    trust: Annotated[
        list[Path],
        typer.Option(
            "--trust",
            metavar="FILE|FOLDER",
            help="Certificates above it, the CVCA's too; a CV folder's.",
            callback=one_stream,
        ),
    ],
    curve: CurveOption = None,
    module: ModuleOption = None,
    token: TokenOption = None,
    key: KeyOption = None,
    sequence: SequenceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes the folder of a document verifier or inspection system, its first key, and the request to certify it."""
    from cccd_core.pki.cv import HolderKind
    from cccd_core.pki.cv.authority import begin_request

    reports_beside(out)
    above = _certificates(trust)
    made, asked = begin_request(
        folder, holder[:2], holder[2:], HolderKind(role), above, curve=curve, sequence=sequence,
        token=token_key(module, token, key),
    )  # fmt: skip
    _write_request(out, asked)
    _show(made, as_json)


def renew(
    folder: FolderArgument,
    out: OutArgument,
    curve: CurveOption = None,
    module: ModuleOption = None,
    token: TokenOption = None,
    key: KeyOption = None,
    sequence: SequenceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes the next key of a document verifier or inspection system, and a request for it by the present one."""
    from cccd_core.pki.cv import CvFolder
    from cccd_core.pki.cv.authority import next_request

    reports_beside(out)
    asked = next_request(CvFolder.load(folder), curve=curve, sequence=sequence, token=token_key(module, token, key))
    _write_request(out, asked)
    _show(CvFolder.load(folder), as_json)


def dv(
    folder: FolderArgument,
    asked: RequestArgument,
    out: OutArgument,
    rights: GrantedRightsOption = None,
    foreign: Annotated[
        bool, typer.Option("--foreign", help="A verifier of another State; must be said of one.")
    ] = False,
    days: Annotated[int, typer.Option("--days", min=1, help="For how many days it holds.")] = 90,
    first_day: FromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Certifies a document verifier with the key of a CVCA's folder."""
    from cccd_core.emrtd.cv import Role

    role = Role.DV_FOREIGN if foreign else Role.DV_DOMESTIC
    _grant(folder, asked, out, role, rights, days, first_day, as_json)


def inspection_system(
    folder: FolderArgument,
    asked: RequestArgument,
    out: OutArgument,
    rights: GrantedRightsOption = None,
    days: Annotated[int, typer.Option("--days", min=1, help="For how many days it holds.")] = 30,
    first_day: FromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Certifies an inspection system with the key of a document verifier's folder."""
    from cccd_core.emrtd.cv import Role

    _grant(folder, asked, out, Role.IS, rights, days, first_day, as_json)


def add(
    folder: FolderArgument,
    certificates: Annotated[
        list[Path],
        typer.Argument(help="Certificates, or CV folders, whose certificates are meant.", callback=one_stream),
    ],
    as_json: JsonOption = False,
) -> None:
    """Puts certificates into a folder: those issued to it, those above it, links. Each must be proved by the others."""
    from cccd_core.pki.cv import CvFolder
    from cccd_core.pki.cv.authority import take_in

    _show(take_in(CvFolder.load(folder), _certificates(certificates)), as_json)


def link(
    folder: FolderArgument,
    out: OutArgument,
    curve: CurveOption = None,
    module: ModuleOption = None,
    token: TokenOption = None,
    key: KeyOption = None,
    rights: RightsOption = "dg3,dg4",
    days: Annotated[int, typer.Option("--days", min=1, help="For how many days the next key holds.")] = 1095,
    first_day: FromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Gives a CVCA its next key, and writes the link certificate by which chips that trust the present one learn it."""
    from cccd_core.pki.cv import CvFolder
    from cccd_core.pki.cv.authority import hand_on

    reports_beside(out)
    made, linked = hand_on(
        CvFolder.load(folder), curve=curve, token=token_key(module, token, key), rights=_rights(rights), days=days,
        start=_day(first_day),
    )  # fmt: skip
    write_output(out, linked.encoded, False)
    _show(made, as_json)


def show(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Shows whose folder it is, its certificates, and which keys wait for one."""
    from cccd_core.pki.cv import CvFolder

    _show(CvFolder.load(folder), as_json)


def check(
    file: Annotated[Path, typer.Argument(help="A certificate or request; - is standard input.")],
    issuer: Annotated[
        list[Path] | None,
        typer.Option(
            "--issuer",
            metavar="FILE|FOLDER",
            help="Certificates that lead to its issuer; a CV folder's.",
            callback=one_stream,
        ),
    ] = None,
    at: Annotated[
        dt.datetime | None, typer.Option("--at", help="The day, today (UTC) without it.", formats=["%Y-%m-%d"])
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Says clause by clause what of a certificate or request is not as BSI TR-03110-3 has it.

    Exit code 1 where something is broken; advice, and a signature whose issuer is not given, are only told.
    """
    from cccd_core.pki.cv.check import CLAUSES, CvOutcome
    from cccd_core.pki.cv.check import check as check_clauses

    data = read_input(file, "CV certificate", 1 << 16)
    found = check_clauses(data, _certificates(issuer or []), _day(at))
    if as_json:
        print_json({"path": str(file), "findings": [one.as_dict() for one in found]})
    else:
        styles = {"held": "green", "broken": "bold red", "advised_against": "yellow", "untold": "yellow"}
        rows = table("clause", "what", "outcome", "detail")
        for one in found:
            clause, text = CLAUSES[one.rule]
            rows.add_row(cell(clause), cell(text), cell(one.outcome, styles[one.outcome]), cell(one.detail))
        show_table(rows)
    fail_unless(all(one.outcome is not CvOutcome.BROKEN for one in found))


# -- what they share


def _day(given: dt.datetime | None) -> dt.date:
    return (given or dt.datetime.now(dt.UTC)).date()


def _rights(words: str) -> Right:
    from cccd_core.emrtd.cv import Right

    known = {"dg3": Right.READ_DG3, "dg4": Right.READ_DG4}
    wanted = [word.strip().lower() for word in words.split(",") if word.strip().lower() not in ("", "none")]
    if not set(wanted) <= set(known):
        raise typer.BadParameter("rights are dg3, dg4, both with a comma between, or none", param_hint="--rights")
    rights = Right(0)
    for word in wanted:
        rights |= known[word]
    return rights


def _certificates(paths: list[Path]) -> list[CvCertificate]:
    from cccd_core.emrtd.cv import parse_certificate
    from cccd_core.errors import FileError, FormatError
    from cccd_core.pki.cv import CvFolder
    from cccd_core.pki.cv.folder import INDEX

    found: list[CvCertificate] = []
    for path in paths:
        if path.is_dir():
            if not (path / INDEX).exists():
                raise FileError(
                    "neither a CV folder nor a certificate: give the folder of cv.json, or the files themselves",
                    path=str(path),
                )
            found += CvFolder.load(path).certificates
            continue
        try:
            found.append(parse_certificate(read_input(path, "CV certificate", 1 << 16)))
        except FormatError as error:
            raise error.with_facts(path=str(path)) from None
    return found


def _write_request(out: Path, asked: CvRequest) -> None:
    write_output(out, asked.encoded, False)


def _grant(
    folder: Path,
    asked: Path,
    out: Path,
    role: int,
    rights: str | None,
    days: int,
    first_day: dt.datetime | None,
    as_json: bool,
) -> None:
    from cccd_core.emrtd.cv import Role, parse_request
    from cccd_core.errors import FormatError
    from cccd_core.pki.cv import CvFolder, described
    from cccd_core.pki.cv.authority import grant

    reports_beside(out)
    try:
        read = parse_request(read_input(asked, "certificate request", 1 << 16))
    except FormatError as error:
        raise error.with_facts(path=str(asked)) from None
    wanted = None if rights is None else _rights(rights)
    granted = grant(CvFolder.load(folder), read, role=Role(role), rights=wanted, days=days, start=_day(first_day))
    write_output(out, granted.certificate.encoded, False)
    ends = None if granted.outlives is None else granted.outlives.isoformat()
    facts = described(granted.certificate) | {"authenticated": granted.authenticated, "authority_ends": ends}
    if as_json:
        print_json(facts)
        return
    rights_shown = " ".join(f"DG{number}" for number in granted.certificate.body.authorization.rights.data_groups)
    period = f"from {facts['effective']} to {facts['expiration']}"
    say(f"{facts['holder']}: certified {period}, may read {rights_shown or 'no protected data group'}")
    if ends is not None:
        say(f"it outlives the certificate of {facts['authority']}, which ends on {ends}: no chip is opened after that")
    if not granted.authenticated:
        say("a first request: nothing but your own eyes says who asked")


def _show(folder: CvFolder, as_json: bool) -> None:
    facts = folder.as_dict()
    if as_json:
        print_json(facts)
        return
    test = "TEST " if folder.test else ""
    rows = table("holder", "certified by", "role", "rights", "from", "to", "key", title=f"{test}{folder.holder}")
    for row in folder.listed():
        role = f"{row['role']}{' link' if row['link'] else ''}{', key here' if row['key_here'] else ''}"
        rights = " ".join(map(str, row["rights"])) if isinstance(row["rights"], list) else ""
        rows.add_row(
            cell(row["holder"]), cell(row["authority"]), cell(role), cell(rights), cell(row["effective"]),
            cell(row["expiration"]), cell(row["key"]),
        )  # fmt: skip
    show_table(rows)
    for name in folder.waiting():
        say(f"{name} has no certificate yet")
