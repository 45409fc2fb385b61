"""cccd pki master-list, deviation-list, list-signer, write-master-list, write-deviation-list, check: lists read,
written and checked. Parses and prints; no logic."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import (
    EXIT_FAULTS,
    OUT_HELP,
    STREAM,
    JsonOption,
    exit_with,
    fail_unless,
    one_stream,
    read_input,
    reports_beside,
    when_interrupted,
    write_output,
)
from cccd_core.cli.pki.folder import FolderArgument, print_folder
from cccd_core.cli.pki.keys import SIGNER_CURVE, KeyOption, ModuleOption, TokenOption, token_key
from cccd_core.cli.terminal import aligned, cell, print_json, say, show_error, table
from cccd_core.cli.terminal import show as show_table

if TYPE_CHECKING:
    from cccd_core.pki.check_parts import Checked

RootOption = Annotated[
    Path,
    typer.Option(
        "--root",
        help="CSCA certificates, to one of which its signer must lead, and their revocation lists: DER or PEM; - is "
        "standard input.",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", "-o", help=f"{OUT_HELP}.")]


class ListKind(StrEnum):
    """Which lists a signer signs."""

    MASTER_LIST = "master-list"
    DEVIATION_LIST = "deviation-list"


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    area.command("master-list", epilog="Example: cccd pki master-list DE_ML.ml --root DE_ROOT_CA.cer")(master_list)
    area.command("deviation-list", epilog="Example: cccd pki deviation-list VN.dvl --root csca.der")(deviation_list)
    area.command("list-signer", epilog="Example: cccd pki list-signer out/pki --kind master-list")(list_signer)
    area.command("write-master-list", epilog="Example: cccd pki write-master-list out/pki other.der -o VN.ml")(
        write_master_list
    )
    area.command("write-deviation-list", epilog="Example: cccd pki write-deviation-list out/pki known.json -o VN.dvl")(
        write_deviation_list
    )
    area.command(epilog="Example: cccd pki check out/pki/csca/certificate.der --json")(check)


def master_list(
    file: Annotated[
        Path, typer.Argument(help="CSCA master lists: CMS, or LDIF of the ICAO directory; - is standard input.")
    ],
    root: RootOption,
    as_json: JsonOption = False,
) -> None:
    """Verifies the signature of a CSCA master list, or of each in an LDIF file, and counts what is in it.

    Exit code 1 where a list does not prove itself, or a certificate in it cannot be read.
    """
    from cccd_core.pki import material

    _one_stream(file, root)
    roots = material.read(read_input(root, "certificate", material.MAX_FILE_BYTES), str(root))
    lists = material.read(read_input(file, "master list", material.MAX_FILE_BYTES), str(file))
    found, refused = material.prove_master_lists(lists, roots)
    odd = [error.with_facts(path=str(file)) for error in (*lists.refused, *refused)]
    if as_json and len(found) + len(odd) > 1:
        print_json({"lists": [each.as_dict() for each in found], "refused": [error.as_dict() for error in odd]})
    else:
        for each in found:
            facts = each.as_dict()
            if as_json:
                print_json(facts)
            else:
                say(*aligned({name: value for name, value in facts.items() if name != "by_country"}))
        for error in odd:
            show_error(error, as_json=as_json)
    fail_unless(not odd and not any(each.refused for each in found))


def deviation_list(
    file: Annotated[Path, typer.Argument(help="A deviation list (CMS, DER); - is standard input.")],
    root: RootOption,
    as_json: JsonOption = False,
) -> None:
    """Verifies the signature of a deviation list and shows which documents deviate, and how.

    Exit code 1 where the list does not prove itself.
    """
    from cccd_core.errors import CertificateError, FormatError, VerificationError
    from cccd_core.pki import material
    from cccd_core.pki.deviation_list import MAX_BYTES, parse_deviation_list
    from cccd_core.plain import encode, encode_record

    _one_stream(file, root)
    roots = material.read(read_input(root, "certificate", MAX_BYTES), str(root))
    if not roots.certificates:
        raise roots.refused[0] if roots.refused else FormatError("no certificate in it", path=str(root))
    data = read_input(file, "deviation list", MAX_BYTES)
    try:
        found = parse_deviation_list(data, *roots.certificates, crls=roots.crls)
    except (CertificateError, VerificationError) as error:
        show_error(error.with_facts(path=str(file)), as_json=as_json)
        exit_with(EXIT_FAULTS)
        return
    time = found.signing_time.isoformat() if found.signing_time else None
    if as_json:
        print_json(
            {
                "signer": found.signer.subject, "signed": found.algorithm, "signing_time": time,
                "deviations": encode(found.deviations),
            }
        )  # fmt: skip
        return
    say(*aligned({"signer": found.signer.subject, "signed": found.algorithm, "signing_time": time}))
    rows = table("documents", "deviation", "text")
    for one in found.deviations:
        stated = {name: value for name, value in encode_record(one.documents).items() if value}
        documents = ", ".join(f"{name} {value}" for name, value in stated.items())
        for how in one.descriptions:
            group = "" if how.data_group is None else f" DG{how.data_group}"
            rows.add_row(cell(documents), cell(f"{how.type}{group}"), cell(how.text or ""))
    show_table(rows)


def list_signer(
    folder: FolderArgument,
    kind: Annotated[ListKind, typer.Option(help="Which lists it signs.")],
    module: ModuleOption = None,
    token: TokenOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Certifies a signer of master lists or deviation lists, which takes the place of the one before it."""
    from cccd_core.pki import authority
    from cccd_core.pki.new_key import made_in

    when_interrupted("the folder is as it was, or the signer is in it")
    with made_in(token_key(module, token, key), SIGNER_CURVE) as made:
        act = authority.add_list_signer(folder, kind.replace("-", "_"), key=made)
    print_folder(act.directory.as_dict(), as_json)


def write_master_list(
    folder: FolderArgument,
    out: OutOption,
    certificates: Annotated[
        list[Path] | None, typer.Argument(help="CSCA certificates of others (DER).", callback=one_stream)
    ] = None,
) -> None:
    """Writes a master list: the country's own CSCA certificates and links, and those given."""
    from cccd_core import pki
    from cccd_core.pki import publish
    from cccd_core.pki.master_list import MAX_BYTES

    reports_beside(out)
    others = [pki.parse_certificate(read_input(path, "certificate", MAX_BYTES)) for path in certificates or []]
    write_output(out, publish.master_list(folder, others), private=False)


def write_deviation_list(
    folder: FolderArgument,
    deviations: Annotated[Path, typer.Argument(help="What deviates, as JSON; - is standard input.")],
    out: OutOption,
) -> None:
    """Writes a deviation list of what a JSON file says."""
    from cccd_core.pki import publish
    from cccd_core.pki.deviation_list import MAX_BYTES, read_deviations

    reports_beside(out)
    known = read_deviations(read_input(deviations, "file of deviations", MAX_BYTES))
    write_output(out, publish.deviation_list(folder, known), private=False)


def check(
    files: Annotated[
        list[Path],
        typer.Argument(help="Certificates or lists (DER, or PEM); - is standard input.", callback=one_stream),
    ],
    inside: Annotated[bool, typer.Option("--inside", help="Also every certificate in a master list.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Says clause by clause what a certificate, revocation list, master list or deviation list breaks of Doc 9303-12.

    Exit code 1 where something is broken, or one of several files is none of these; advice changes no exit code.
    """
    from cccd_core.errors import CccdError
    from cccd_core.pki.check import MAX_BYTES, check_file

    found: list[tuple[str, Checked]] = []
    unread: list[tuple[str, CccdError]] = []
    for path in files:
        try:
            found.append((str(path), check_file(read_input(path, "certificate or list", MAX_BYTES), inside=inside)))
        except CccdError as error:
            unread.append((str(path), error.with_facts(path=str(path))))
    if not found:
        raise unread[0][1]
    if as_json:
        broken = [{"path": name, "error": why.as_dict()} for name, why in unread]
        print_json({"files": [*({"path": name, **one.as_dict()} for name, one in found), *broken]})
    else:
        for name, one in found:
            _show_checked(name, one)
        for _, why in unread:
            show_error(why, as_json=False)
    fail_unless(not unread and all(one.sound for _, one in found))


def _show_checked(path: str, found: Checked) -> None:
    say(f"{path}: {found.kind}, {found.about}: {'nothing is broken' if found.sound else 'BROKEN'}")
    everything = [(found, ""), *((one, f"{one.about}: ") for one in found.inside)]
    for one, about in everything:
        for breach in one.breaches:
            said = breach.as_dict()
            facts = ", ".join(f"{name} {value}" for name, value in breach.facts.items() if value not in (None, ""))
            say(f"  {said['severity']}: {about}{said['text']} ({facts or 'no more is known'}) [{said['clause']}]")


def _one_stream(file: Path, root: Path) -> None:
    if file == root == STREAM:
        raise typer.BadParameter("`-` is standard input, which can be read once: list and root cannot both be it")
