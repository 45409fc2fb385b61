"""The lists that a country publishes, signed by the list signers of its PKI directory and counted in their ledgers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from cccd_core.errors import ConflictError
from cccd_core.pki.authority import acting
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.deviation_list import Deviation, write_deviation_list
from cccd_core.pki.directory import LINK_CERTIFICATE, Holder, PkiDirectory
from cccd_core.pki.signed_list import write_master_list
from cccd_core.signing.counted import now_utc
from cccd_core.signing.ledger import Purpose
from cccd_core.signing.signer import Signer
from cccd_core.storage import whole_file


def master_list(path: Path | str, certificates: Iterable[Certificate] = (), *, now: dt.datetime | None = None) -> bytes:
    """A master list of the country's own CSCA certificates, its link certificates, and these of others.

    ConflictError where the folder has no master list signer (`authority.add_list_signer`); errors as
    `PkiDirectory.counted`.
    """
    with acting(path) as directory:
        own = [holder.certificate for holder in directory.authorities]
        for holder in directory.authorities:
            link = directory.file(holder, LINK_CERTIFICATE)
            if link.exists():
                own.append(parse_certificate(whole_file.read(link, "link certificate", most=1 << 16)))

        def write(signer: Signer, authority: Certificate, at: dt.datetime) -> bytes:
            return write_master_list([*own, *certificates], signer, authority, at)

        return _signed(directory, "master_list", Purpose.MASTER_LIST, now, write)


def deviation_list(path: Path | str, deviations: Iterable[Deviation], *, now: dt.datetime | None = None) -> bytes:
    """A deviation list of the country. Errors as `master_list`; ParameterError for a deviation that cannot be."""
    with acting(path) as directory:

        def write(signer: Signer, authority: Certificate, at: dt.datetime) -> bytes:
            return write_deviation_list(deviations, signer, authority, at)

        return _signed(directory, "deviation_list", Purpose.DEVIATION_LIST, now, write)


def _signed(
    directory: PkiDirectory,
    kind: str,
    purpose: Purpose,
    now: dt.datetime | None,
    write: Callable[[Signer, Certificate, dt.datetime], bytes],
) -> bytes:
    when = (now or now_utc()).replace(microsecond=0)
    holder = next((one for one in reversed(directory.list_signers) if one.lists == kind), None)
    if holder is None:
        raise ConflictError("the PKI folder has no signer of such lists", kind=kind, needs="cccd pki list-signer")
    with closing(directory.counted(holder, purpose, lambda: when)) as signer:
        return write(signer, _issuer(directory, holder), when)


def _issuer(directory: PkiDirectory, holder: Holder) -> Certificate:
    wanted = holder.certificate.authority_key_identifier
    for one in directory.authorities:
        if one.certificate.subject_key_identifier == wanted:
            return one.certificate
    raise ConflictError("another CSCA certified the list signer", folder=holder.folder)
