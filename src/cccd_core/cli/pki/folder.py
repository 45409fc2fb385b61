"""cccd pki init, show: a PKI folder made and looked at. Parses and prints; no logic."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from cccd_core.cli.common import JsonOption, fail_unless, no_stream, when_interrupted
from cccd_core.cli.terminal import cell, print_json, say, table
from cccd_core.cli.terminal import show as show_table

FolderArgument = Annotated[Path, typer.Argument(help="A PKI folder: see cccd pki init.", callback=no_stream)]


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    area.command(epilog="Example: cccd pki init out/pki --signers 4")(init)
    area.command(epilog="Example: cccd pki show out/pki --json")(show)


def init(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.", callback=no_stream)],
    named_curves: Annotated[
        bool,
        typer.Option("--named-curves", help="Name the curves: more programs read them, and Doc 9303-12 forbids it."),
    ] = False,
    signers: Annotated[int, typer.Option(min=1, max=16, help="How many document signers, one after another.")] = 1,
    signer_days: Annotated[int, typer.Option(min=1, max=92, help="For how many days a signer's key signs.")] = 90,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="How many signatures a signer's key may make.")
    ] = None,
    document_years: Annotated[
        int | None, typer.Option(min=1, max=50, help="The longest card that has an end.", show_default="by law: 22")
    ] = None,
    no_expiry_years: Annotated[
        int | None,
        typer.Option(min=1, max=50, help="How long a card without an end is verified.", show_default="22"),
    ] = None,
    signing_time: Annotated[
        bool, typer.Option("--signing-time", help="Cards state when they were signed (EF.SOD, signed attribute).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Makes the PKI of a test country: CSCA, document signers, revocation list, card transport key."""
    from cccd_core import pki

    when_interrupted("the folder is there whole or not at all")
    usual = pki.ValidityPolicy()
    policy = pki.ValidityPolicy(
        document_years=document_years or usual.document_years,
        no_expiry_years=no_expiry_years or usual.no_expiry_years,
        signer_key_days=signer_days,
        signature_limit=limit,
        signing_time=signing_time,
    )
    made = pki.init(folder, explicit_curves=not named_curves, signers=signers, policy=policy)
    print_folder(made.as_dict(), as_json)


def show(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Shows whose PKI a folder holds, whether the document signer in turn leads to its CSCA and signs, and what ends
    soon.

    Exit code 1 where it does not sign. What ends soon, or is out of date, is said and changes no exit code.
    """
    import datetime as dt

    from cccd_core import pki
    from cccd_core.errors import BusyError, CccdError, CertificateError, ConflictError, SigningError

    loaded = pki.load(folder)
    facts = loaded.as_dict()
    now = dt.datetime.now(dt.UTC)
    facts["document_signer"] = None
    try:
        holder = loaded.in_turn(now)
        facts["document_signer"] = holder.certificate.as_dict()
        path = loaded.trust_store().validate(holder.certificate, now)
        facts["chain"] = {"valid": True, "signed": path.algorithm, "revocation": path.revocation.text}
    except (CertificateError, ConflictError, SigningError) as error:
        facts["chain"] = {"valid": False, "error": error.as_dict()}
    try:
        with closing(loaded.document_signer()) as signer:
            facts["signer"] = {"ready": True, "algorithm": signer.algorithm.name}
    except BusyError:
        facts["signer"] = {"ready": True, "algorithm": "in use by another process"}
    except CccdError as error:
        facts["signer"] = {"ready": False, "error": error.as_dict()}
    facts["notices"] = [notice.as_dict() for notice in pki.outlook(loaded, now)]
    print_folder(facts, as_json)
    fail_unless(facts["chain"]["valid"] and facts["signer"]["ready"])


def print_folder(facts: dict[str, Any], as_json: bool) -> None:
    """The listing of a folder."""
    if as_json:
        print_json(facts)
        return
    rows = table(
        "", "subject", "certificate until", "key signs until", "limit", "serial number",
        title=f"{'TEST ' if facts['test'] else ''}PKI {facts['country']}",
    )  # fmt: skip
    for kind in ("authorities", "document_signers", "list_signers", "audit_signers"):
        for one in facts[kind]:
            rows.add_row(
                cell(one["folder"]), cell(one["subject"]), cell(one["not_after"][:10]),
                cell((one["key_not_after"] or "")[:10]), cell(one["limit"] or ""), cell(one["serial_number"]),
            )  # fmt: skip
    show_table(rows)
    say(f"folder: {facts['path']}")
    for one in facts["revoked"]:
        say(f"revoked: {one['serial_number']}, {one['reason']}, {one['at']}")
    if "chain" in facts:
        chain, signer = facts["chain"], facts["signer"]
        said = f"valid, {chain['signed']}, {chain['revocation']}" if chain["valid"] else chain["error"]["message"]
        say(f"document signer to CSCA: {said}")
        say(f"signer: {signer['algorithm'] if signer['ready'] else 'not ready: ' + signer['error']['message']}")
    for notice in facts.get("notices", []):
        say(f"to be seen to: {notice['text']}")
