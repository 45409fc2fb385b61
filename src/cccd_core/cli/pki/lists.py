"""cccd pki master-list: signed lists. Parses and prints; no logic."""

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
    read_input,
)
from cccd_core.cli.terminal import aligned, print_json, say, show_error


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    area.command("master-list", epilog="Example: cccd pki master-list DE_ML.ml --root DE_ROOT_CA.cer")(master_list)


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
