"""cccd pki: makes a test country, shows a PKI folder, reads master lists. Parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cccd_core.cli.common import (
    EXIT_FAULTS,
    STREAM,
    JsonOption,
    exit_with,
    fail_unless,
    no_stream,
    read_input,
    when_interrupted,
)
from cccd_core.cli.terminal import aligned, cell, print_json, say, show_error, table
from cccd_core.cli.terminal import show as show_table


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(help="Test country, certificates, master lists.", no_args_is_help=True)
    app.add_typer(area, name="pki")
    area.command(epilog="Example: cccd pki init out/pki")(init)
    area.command(epilog="Example: cccd pki show out/pki --json")(show)
    area.command("master-list", epilog="Example: cccd pki master-list DE_ML.ml --root DE_ROOT_CA.cer")(master_list)


def init(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.", callback=no_stream)],
    explicit_curves: Annotated[
        bool, typer.Option("--explicit-curves", help="Spell out curve parameters, as passports do.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Makes the PKI of a test country: CSCA, document signer, revocation list, card transport key."""
    from cccd_core import pki

    when_interrupted("the folder is there whole or not at all")
    _show(pki.init(folder, explicit_curves=explicit_curves).as_dict(), as_json)


def show(
    folder: Annotated[Path, typer.Argument(help="A PKI folder: see cccd pki init.", callback=no_stream)],
    as_json: JsonOption = False,
) -> None:
    """Shows whose PKI a folder holds, whether its document signer leads to its CSCA, and whether it signs.

    Exit code 1 where it does not.
    """
    import datetime as dt

    from cccd_core import pki
    from cccd_core.errors import CccdError, CertificateError

    loaded = pki.load(folder)
    facts = loaded.as_dict()
    try:
        path = loaded.trust_store().validate(loaded.document_signer_certificate, dt.datetime.now(dt.UTC))
        facts["chain"] = {"valid": True, "signed": path.algorithm, "revocation": path.revocation.text}
    except CertificateError as error:
        facts["chain"] = {"valid": False, "error": error.as_dict()}
    try:
        facts["signer"] = {"ready": True, "algorithm": loaded.document_signer().algorithm.name}
    except CccdError as error:
        facts["signer"] = {"ready": False, "error": error.as_dict()}
    _show(facts, as_json)
    fail_unless(facts["chain"]["valid"] and facts["signer"]["ready"])


def master_list(
    file: Annotated[Path, typer.Argument(help="A CSCA master list (CMS, DER); - is standard input.")],
    root: Annotated[
        Path, typer.Option("--root", help="The CSCA certificate that its signer must lead to; - is standard input.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Verifies the signature of a CSCA master list and counts what is in it.

    Exit code 1 where the list does not prove itself, or a certificate in it cannot be read.
    """
    from cccd_core import pki
    from cccd_core.errors import CertificateError, VerificationError
    from cccd_core.pki.master_list import MAX_BYTES

    if file == root == STREAM:
        raise typer.BadParameter("`-` is standard input, which can be read once: list and root cannot both be it")
    authority = pki.parse_certificate(read_input(root, "certificate", MAX_BYTES))
    data = read_input(file, "master list", MAX_BYTES)
    try:
        found = pki.parse_master_list(data, authority)
    except (CertificateError, VerificationError) as error:
        show_error(error.with_facts(path=str(file)), as_json=as_json)
        exit_with(EXIT_FAULTS)
        return
    countries: dict[str, int] = {}
    curves: dict[str, int] = {}
    for certificate in found.certificates:
        countries[certificate.country or "?"] = countries.get(certificate.country or "?", 0) + 1
        curves[certificate.public_key.name] = curves.get(certificate.public_key.name, 0) + 1
    facts: dict[str, Any] = {
        "signer": found.signer.subject, "signed": found.algorithm,
        "signing_time": found.signing_time.isoformat() if found.signing_time else None,
        "certificates": len(found.certificates), "refused": [error.as_dict() for error in found.refused],
        "countries": len(countries), "keys": dict(sorted(curves.items())),
    }  # fmt: skip
    if as_json:
        print_json(facts | {"by_country": dict(sorted(countries.items()))})
    else:
        say(*aligned(facts))
    fail_unless(not found.refused)


def _show(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    title = f"{'TEST ' if facts['test'] else ''}PKI {facts['country']}"
    rows = table("", "CSCA", "document signer", title=title)
    for name in ("subject", "not_before", "not_after", "key", "serial_number", "sha256"):
        rows.add_row(name, cell(facts["csca"][name]), cell(facts["document_signer"][name]))
    show_table(rows)
    say(f"folder: {facts['path']}")
    if "chain" in facts:
        chain, signer = facts["chain"], facts["signer"]
        said = f"valid, {chain['signed']}, {chain['revocation']}" if chain["valid"] else chain["error"]["message"]
        say(f"document signer to CSCA: {said}")
        say(f"signer: {signer['algorithm'] if signer['ready'] else signer['error']['message']}")
