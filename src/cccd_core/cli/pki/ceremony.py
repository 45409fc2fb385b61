"""cccd pki ceremony, protocol: the making of a CSCA's key by two people. Parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import EXIT_FAULTS, JsonOption, exit_with, no_stream, read_input, when_interrupted
from cccd_core.cli.pki.keys import KeyOption, ModuleOption, TokenOption, token_key
from cccd_core.cli.terminal import aligned, print_json, say, show_error, tell

if TYPE_CHECKING:
    from cccd_core.pki.ceremony import Entry

_SIGNS = 8


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    area.command(
        epilog="Example: cccd pki ceremony out/country --operator 'Nguyen A' --operator 'Tran B' --dry-run",
    )(ceremony)
    area.command(epilog="Example: cccd pki protocol csca/protocol.json --certificate csca/certificate.der")(protocol)


def ceremony(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A folder that is not there yet; or a PKI folder whose CSCA gets its next key.", callback=no_stream
        ),
    ],
    operator: Annotated[list[str], typer.Option(help="An operator's name; at least two, each another person.")],
    module: ModuleOption = None,
    token: TokenOption = None,
    key: KeyOption = None,
    name: Annotated[str | None, typer.Option(help="The CSCA's common name; of the next key, where it changes.")] = None,
    organization: Annotated[str | None, typer.Option(help="The CSCA's organization.")] = None,
    country: Annotated[str, typer.Option(help="Two letters (ISO 3166-1), for certificates.")] = "VN",
    country_code: Annotated[str, typer.Option(help="As in the MRZ.")] = "VNM",
    curve: Annotated[str, typer.Option(help="The key's curve.")] = "secp384r1",
    crl_url: Annotated[
        str | None,
        typer.Option(help="Where the revocation list is to be found.", show_default="the ICAO directory's place"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Everything, with a key in memory and a folder that is thrown away.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Makes the key and certificate of a CSCA, or its next ones, step by step, each confirmed by every operator.

    The key is made in a token, whose PIN is in CCCD_PKCS11_PIN. The protocol lies beside the certificate. Where a step
    is not confirmed nothing is made.
    """
    from cccd_core.errors import ParameterError
    from cccd_core.pki.ceremony import Ceremony, hold

    when_interrupted("nothing was made, and the key in the token was destroyed")
    where = token_key(module, token, key)
    if where is None and not dry_run:
        raise ParameterError("the key of a CSCA is made in a token", needs="--module, --token and --key")
    plan = Ceremony(
        tuple(operator), where, name, organization, country, country_code, curve=curve, crl_url=crl_url, dry_run=dry_run
    )
    made = hold(folder, plan, _confirm)
    if as_json:
        print_json({"protocol": made.as_json().decode("utf-8")})
        return
    for line in made.as_text().splitlines():
        say(line)


def protocol(
    file: Annotated[Path, typer.Argument(help="A protocol.json; - is standard input.")],
    certificate: Annotated[Path, typer.Option(help="The certificate of the CSCA that was made.")],
    as_json: JsonOption = False,
) -> None:
    """Verifies the protocol of a ceremony: every entry as it was written, signed by the key that was made.

    Exit code 1 where it does not prove itself.
    """
    from cccd_core import pki
    from cccd_core.errors import VerificationError
    from cccd_core.pki.ceremony import MAX_BYTES, parse_protocol

    found = parse_protocol(read_input(file, "protocol", MAX_BYTES))
    authority = pki.parse_certificate(read_input(certificate, "certificate", MAX_BYTES))
    try:
        found.verify(authority)
    except VerificationError as error:
        show_error(error.with_facts(path=str(file)), as_json=as_json)
        exit_with(EXIT_FAULTS)
        return
    facts = {
        "operators": list(found.operators), "steps": [entry.step for entry in found.entries],
        "dry_run": found.dry_run, "certificate": authority.fingerprint,
    }  # fmt: skip
    if as_json:
        print_json(facts)
    else:
        say(*aligned(facts))


def _confirm(person: str, entry: Entry) -> bool:
    tell(f"{entry.number}. {entry.step}")
    for name, value in entry.facts.items():
        tell(f"   {name}: {value}")
    tell(f"   digest: {entry.digest}")
    said = typer.prompt(f"{person}: the first {_SIGNS} signs of the digest, to confirm", err=True, default="")
    return bool(said.strip()) and said.strip().lower() == entry.digest[:_SIGNS]
