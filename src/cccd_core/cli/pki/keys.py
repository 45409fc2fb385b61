"""cccd pki signer, roll-over, revoke, crl, ledger: what the CSCA does, and what its keys have done. Parses and prints;
no logic."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cccd_core.cli.common import JsonOption, no_stream, when_interrupted
from cccd_core.cli.pki.folder import FolderArgument, print_folder
from cccd_core.cli.terminal import cell, print_json, say, table
from cccd_core.cli.terminal import show as show_table

if TYPE_CHECKING:
    from cccd_core.pki.directory import TokenKey

ModuleOption = Annotated[
    Path | None, typer.Option(help="The PKCS #11 module in whose token the key is made.", callback=no_stream)
]
TokenOption = Annotated[str | None, typer.Option(help="The token's label.")]
KeyOption = Annotated[str | None, typer.Option("--key", help="The new key's label in the token.")]
BareOption = Annotated[
    bool,
    typer.Option(
        "--bare", help="Leave reasons out of the list, as Doc 9303-12 table 10 has it; the folder keeps them."
    ),
]


class Reason(StrEnum):
    """RFC 5280 clause 5.3.1, as a word of the command line."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key-compromise"
    CA_COMPROMISE = "ca-compromise"
    AFFILIATION_CHANGED = "affiliation-changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation-of-operation"
    PRIVILEGE_WITHDRAWN = "privilege-withdrawn"


SIGNER_CURVE = "secp256r1"


def token_key(module: Path | None, token: str | None, key: str | None) -> TokenKey | None:
    """Where a key is made, None for the folder; all three options or none."""
    from cccd_core.pki.directory import TokenKey

    if module is None and token is None and key is None:
        return None
    if module is None or token is None or key is None:
        raise typer.BadParameter("--module, --token and --key go together")
    return TokenKey(str(module), token, key)


def register(area: typer.Typer) -> None:
    """Adds the commands of this file."""
    area.command(epilog="Example: cccd pki signer out/pki --days 90 --limit 100000")(signer)
    area.command("audit-signer", epilog="Example: cccd pki audit-signer out/pki")(audit_signer)
    area.command("roll-over", epilog="Example: cccd pki roll-over out/pki --name 'CSCA VNM 2'")(roll_over)
    area.command(epilog="Example: cccd pki revoke out/pki 5E2A90C4 --reason key-compromise")(revoke)
    area.command(epilog="Example: cccd pki crl out/pki")(crl)
    area.command(epilog="Example: cccd pki ledger out/pki --json")(ledger)


def signer(
    folder: FolderArgument,
    starts: Annotated[
        dt.datetime | None,
        typer.Option(help="When its key begins to sign, UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=92, help="For how many days it signs.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="How many signatures it may make.")] = None,
    module: ModuleOption = None,
    token: TokenOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Certifies the next document signer: it signs when those before it may not any more, by date or by count.

    Its certificate lasts as long as the longest card; where the CSCA's would end first, it is refused. The key is made
    in a token, or for a test country in the folder.
    """
    from cccd_core.pki import authority
    from cccd_core.pki.new_key import made_in

    when_interrupted("the folder is as it was, or the signer is in it")
    begins = None if starts is None else starts.replace(tzinfo=dt.UTC)
    with made_in(token_key(module, token, key), SIGNER_CURVE) as made:
        act = authority.add_signer(folder, starts=begins, key_days=days, limit=limit, key=made)
    print_folder(act.directory.as_dict(), as_json)


def audit_signer(
    folder: FolderArgument,
    module: ModuleOption = None,
    token: TokenOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a key that signs audit trails, with a certificate by itself; it takes the place of the one before it, whose
    certificate stays to verify what it signed."""
    from cccd_core.pki import authority
    from cccd_core.pki.new_key import made_in

    when_interrupted("the folder is as it was, or the signer is in it")
    with made_in(token_key(module, token, key), SIGNER_CURVE) as made:
        act = authority.add_audit_signer(folder, key=made)
    print_folder(act.directory.as_dict(), as_json)


def roll_over(
    folder: FolderArgument,
    name: Annotated[str | None, typer.Option(help="The CSCA's new common name, where it changes.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Gives a test country's CSCA a new key, certified by the old one (link certificate), with a new name if wanted.

    Document signers stay as they are; the next ones are certified by the new key.
    """
    from cccd_core.pki import authority

    when_interrupted("the folder is as it was, or the new key is in it")
    print_folder(authority.roll_over(folder, new_name=name).directory.as_dict(), as_json)


def revoke(
    folder: FolderArgument,
    serial_number: Annotated[str, typer.Argument(help="Serial number of the certificate, hexadecimal.")],
    reason: Annotated[Reason, typer.Option(help="Why (RFC 5280).")],
    invalid_since: Annotated[
        dt.datetime | None,
        typer.Option(help="Since when the key may be misused, UTC.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    ] = None,
    bare: BareOption = False,
    as_json: JsonOption = False,
) -> None:
    """Revokes a signer's certificate and writes the revocation list anew. There is no way back."""
    from cccd_core.pki import authority

    when_interrupted("run cccd pki show: what is revoked stands there; cccd pki crl writes the list anew")
    try:
        number = int(serial_number, 16)
    except ValueError:
        raise typer.BadParameter("a serial number is hexadecimal digits") from None
    since = None if invalid_since is None else invalid_since.replace(tzinfo=dt.UTC)
    act = authority.revoke(folder, number, reason.replace("-", "_"), invalid_since=since, bare=bare)
    print_folder(act.directory.as_dict(), as_json)


def crl(folder: FolderArgument, bare: BareOption = False, as_json: JsonOption = False) -> None:
    """Writes the revocation list anew, of the next number: due every 90 days, also where nothing was revoked."""
    from cccd_core.pki import authority

    when_interrupted("the list is the old one or the new one")
    print_folder(authority.renew_crl(folder, bare=bare).directory.as_dict(), as_json)


def ledger(
    folder: FolderArgument,
    entries: Annotated[
        bool, typer.Option("--entries", help="Every signature: number, time, what for, digest.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Shows how many signatures each key has made, for what, and from when to when."""
    from cccd_core import pki

    directory = pki.load(folder)
    holders = [*directory.authorities, *directory.signers, *directory.list_signers, *directory.audit_signers]
    tallies = [(holder, directory.tally(holder)) for holder in holders]
    if as_json:
        keys = [
            {
                "folder": holder.folder, "serial_number": f"{holder.certificate.serial_number:X}",
                "limit": holder.limit, **tally.as_dict(),
                **({"entries": [one.as_dict() for one in directory.entries(holder)]} if entries else {}),
            }
            for holder, tally in tallies
        ]  # fmt: skip
        print_json({"path": str(folder), "keys": keys})
        return
    rows = table("", "signatures", "unaccounted", "limit", "first", "last", "for", right=["signatures", "unaccounted"])
    for holder, tally in tallies:
        purposes = ", ".join(f"{purpose.word} {count}" for purpose, count in tally.purposes.items())
        times = ["" if time is None else time.isoformat(timespec="seconds") for time in (tally.first, tally.last)]
        rows.add_row(
            cell(holder.folder), cell(tally.signatures), cell(tally.unaccounted), cell(holder.limit or ""),
            *map(cell, times), cell(purposes),
        )  # fmt: skip
    show_table(rows)
    for holder in holders if entries else ():
        for one in directory.entries(holder):
            time = one.time.isoformat()
            say(f"{holder.folder} {one.number} {time} {one.purpose.word} {one.digest.hex()} {one.run.hex()}")
