"""What CVCA, document verifier and inspection system do with their folders: begin, ask, certify, hand on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cccd_core.emrtd.cv.authorization import Right, Role
from cccd_core.emrtd.cv.certificate import CvCertificate
from cccd_core.emrtd.cv.request import CvRequest
from cccd_core.errors import ConflictError
from cccd_core.pki.cv.folder import ALL_RIGHTS, CvFolder, HolderKind, require_known, validity
from cccd_core.pki.cv.issue import certify, link, make_request, self_signed, verify_request
from cccd_core.pki.directory import TokenKey

CVCA_DAYS: Final = 1095  # the most that BSI TR-03139 advises: three years, three months, a month
DV_DAYS: Final = 90
IS_DAYS: Final = 30


def begin_cvca(
    path: Path,
    country: str,
    mnemonic: str,
    *,
    curve: str | None = None,
    token: TokenKey | None = None,
    rights: Right = ALL_RIGHTS,
    days: int = CVCA_DAYS,
    start: dt.date,
    test: bool = False,
) -> CvFolder:
    """A new CVCA with its first key and certificate. FileError where the folder holds something, ParameterError."""
    effective, expiration = validity(start, days)
    folder = CvFolder.create(path, country, mnemonic, HolderKind.CVCA, test=test)
    key = folder.new_key(curve=curve, token=token)
    return folder.add([self_signed(key, rights=rights, effective=effective, expiration=expiration)])


def hand_on(
    folder: CvFolder,
    *,
    curve: str | None = None,
    token: TokenKey | None = None,
    rights: Right = ALL_RIGHTS,
    days: int = CVCA_DAYS,
    start: dt.date,
) -> tuple[CvFolder, CvCertificate]:
    """Gives a CVCA its next key: the link by which chips learn it, and its own certificate for chips to come.
    ConflictError for the folder of somebody else."""
    _demand(folder, HolderKind.CVCA)
    effective, expiration = validity(start, days)
    older = folder.key(folder.current().body.holder)
    newer = folder.new_key(curve=curve, token=token)
    linked = link(older, newer, rights=rights, effective=effective, expiration=expiration)
    own = self_signed(newer, rights=rights, effective=effective, expiration=expiration)
    return folder.add([linked, own]), linked


def begin_request(
    path: Path, country: str, mnemonic: str, kind: HolderKind, trusted: Sequence[CvCertificate], *,
    curve: str | None = None, sequence: str | None = None, token: TokenKey | None = None, test: bool = False,
) -> tuple[CvFolder, CvRequest]:  # fmt: skip
    """A new document verifier or inspection system: its folder, first key and first request. `trusted` are the
    certificates above it, the CVCA's first, from which it takes its curve where none is given."""
    if kind is HolderKind.CVCA:
        raise ConflictError("a CVCA asks nobody", role=str(kind))
    folder = CvFolder.create(path, country, mnemonic, kind, test=test)
    folder = take_in(folder, trusted)
    return folder, make_request(folder.new_key(curve=curve, sequence=sequence, token=token))


def next_request(
    folder: CvFolder, *, curve: str | None = None, sequence: str | None = None, token: TokenKey | None = None
) -> CvRequest:
    """The holder's next key and a request for it, authenticated by the present one. ConflictError for a CVCA, and where
    there is no present one."""
    if folder.kind is HolderKind.CVCA:
        raise ConflictError("a CVCA asks nobody; it hands on to its next key by a link", path=str(folder.path))
    present = folder.key(folder.current().body.holder)
    return make_request(folder.new_key(curve=curve, sequence=sequence, token=token), authenticate=present)


def grant(
    folder: CvFolder, request: CvRequest, *, role: Role, rights: Right, days: int, start: dt.date
) -> tuple[CvCertificate, bool]:
    """Certifies the holder of a request with the folder's present key; the certificate is kept in the folder too, so
    that the holder's next request is known. Whether the request was authenticated is the second answer: where it was
    not, somebody must have seen who asks.

    ConflictError where the folder is not that of such a holder's authority, or the name was certified for another key;
    errors of `verify_request` and `certify`.
    """
    _demand(folder, HolderKind.CVCA if role.verifies_documents else HolderKind.DV)
    effective, expiration = validity(start, days)
    authenticated = verify_request(request, tuple(folder.holders().values())) is not None
    for known in folder.certificates:
        if known.body.holder == request.holder and known.body.public_key.point != request.public_key.point:
            raise ConflictError("the name was certified for another key", holder=str(request.holder))
    authority = folder.key(folder.current().body.holder)
    certificate = certify(authority, request, role=role, rights=rights, effective=effective, expiration=expiration)
    folder.add([certificate])
    return certificate, authenticated


def take_in(folder: CvFolder, certificates: Iterable[CvCertificate]) -> CvFolder:
    """Puts certificates into a folder, each of them proved by those that are there or come with it. What is no use to
    the holder (another holder's, unless he stands above) is left out; ConflictError where nothing else is given."""
    given = [one for one in certificates if _of_use(folder, one)]
    if not given:
        raise ConflictError("none of these certificates is of use to this folder", path=str(folder.path))
    fresh = [one for one in given if one not in folder.certificates]
    require_known(folder, fresh)
    return folder.add(fresh)


def _of_use(folder: CvFolder, certificate: CvCertificate) -> bool:
    role = certificate.body.authorization.role
    above = role is Role.CVCA or (folder.kind is HolderKind.IS and role.verifies_documents)
    return above or (certificate.body.holder in folder.key_names() and folder.kind.fits(role))


def _demand(folder: CvFolder, kind: HolderKind) -> None:
    if folder.kind is not kind:
        raise ConflictError(f"not the folder of a {kind.upper()}", path=str(folder.path), role=str(folder.kind))
