"""cccd pki: makes a test country, shows a PKI directory, reads master lists. Parses and prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cccd_core.cli.common import JsonOption, console, facts_table, fail_unless, print_json

Folder = Annotated[Path, typer.Argument(help="The PKI directory.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(help="Test country, certificates, master lists.", no_args_is_help=True)
    app.add_typer(area, name="pki")

    @area.command(epilog="Example: cccd pki init out/pki")
    def init(
        folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")],
        explicit_curves: Annotated[
            bool, typer.Option("--explicit-curves", help="Spell out curve parameters, as passports do.")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Makes the PKI of a test country: CSCA, document signer, revocation list, card transport key."""
        from cccd_core import pki

        _show(pki.init(folder, explicit_curves=explicit_curves).as_dict(), as_json)

    @area.command(epilog="Example: cccd pki show out/pki --json")
    def show(folder: Folder, as_json: JsonOption = False) -> None:
        """Shows whose PKI a directory holds, whether its document signer leads to its CSCA, and whether it signs."""
        import datetime as dt

        from cccd_core import pki
        from cccd_core.errors import CccdError, CertificateError

        loaded = pki.load(folder)
        facts = loaded.as_dict()
        try:
            path = loaded.trust_store().validate(loaded.document_signer_certificate, dt.datetime.now(dt.UTC))
            facts["chain"] = {"valid": True, "signed": path.algorithm, "revocation": path.revocation}
        except CertificateError as error:
            facts["chain"] = {"valid": False, "error": error.as_dict()}
        try:
            facts["signer"] = {"ready": True, "algorithm": loaded.document_signer().algorithm.name}
        except CccdError as error:
            facts["signer"] = {"ready": False, "error": error.as_dict()}
        _show(facts, as_json)
        fail_unless(facts["chain"]["valid"] and facts["signer"]["ready"])

    @area.command("master-list", epilog="Example: cccd pki master-list DE_ML.ml --root DE_ROOT_CA.cer")
    def master_list(
        file: Annotated[Path, typer.Argument(help="A CSCA master list (CMS, DER).")],
        root: Annotated[Path, typer.Option("--root", help="The CSCA certificate that its signer must lead to.")],
        as_json: JsonOption = False,
    ) -> None:
        """Verifies the signature of a CSCA master list and counts what is in it."""
        from cccd_core import pki
        from cccd_core.emrtd.public_keys import EcPublicKey

        found = pki.load_master_list(file, root)
        countries: dict[str, int] = {}
        curves: dict[str, int] = {}
        for certificate in found.certificates:
            countries[certificate.country or "?"] = countries.get(certificate.country or "?", 0) + 1
            key = certificate.public_key
            kind = key.curve.name if isinstance(key, EcPublicKey) else f"RSA-{key.modulus.bit_length()}"
            curves[kind] = curves.get(kind, 0) + 1
        facts: dict[str, Any] = {
            "signer": found.signer.subject, "signed": found.algorithm,
            "signing_time": found.signing_time.isoformat() if found.signing_time else None,
            "certificates": len(found.certificates), "refused": [error.as_dict() for error in found.refused],
            "countries": len(countries), "keys": dict(sorted(curves.items())),
        }  # fmt: skip
        if as_json:
            print_json(facts | {"by_country": dict(sorted(countries.items()))})
        else:
            console.print(facts_table(facts), highlight=False)
        fail_unless(not found.refused)


def _show(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    table = Table("", "CSCA", "document signer", title=f"{'TEST ' if facts['test'] else ''}PKI {facts['country']}")
    for name in ("subject", "not_before", "not_after", "key", "serial_number", "sha256"):
        table.add_row(name, facts["csca"][name], facts["document_signer"][name])
    console.print(table)
    console.print(f"folder: {facts['path']}", highlight=False)
    if "chain" in facts:
        chain = facts["chain"]
        said = f"valid, {chain['signed']}, {chain['revocation']}" if chain["valid"] else chain["error"]["message"]
        console.print(f"document signer to CSCA: {said}", highlight=False)
        signer = facts["signer"]
        console.print(
            f"signer: {signer['algorithm'] if signer['ready'] else signer['error']['message']}", highlight=False
        )
