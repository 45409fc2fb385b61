"""What CVCA, document verifier and inspection system do with their folders: begin, ask, certify, hand on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cccd_core.emrtd.cv.authorization import Right, Role
from cccd_core.emrtd.cv.certificate import CvCertificate
from cccd_core.emrtd.cv.reference import Reference
from cccd_core.emrtd.cv.request import CvRequest
from cccd_core.errors import ConflictError, ParameterError
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


@dataclass(frozen=True, slots=True)
class Granted:
    """A certificate that was issued. Where the request was not `authenticated`, somebody must have seen who asks;
    `outlives` is the last day of the authority's own certificate where that comes before this one's."""

    certificate: CvCertificate
    authenticated: bool
    outlives: dt.date | None


def grant(
    folder: CvFolder, request: CvRequest, *, role: Role, rights: Right | None, days: int, start: dt.date
) -> Granted:
    """Certifies the holder of a request with the folder's present key; the certificate is kept in the folder too, so
    that the holder's next request is known. Without `rights` a holder who asks by his present key keeps those of that
    key's certificate.

    ConflictError where the folder is not that of such a holder's authority, the name was certified for another key, or
    a verifier of another country would be certified as a domestic one; ParameterError where nothing says which rights
    are meant; errors of `verify_request` and `certify`.
    """
    _demand(folder, HolderKind.CVCA if role.verifies_documents else HolderKind.DV)
    effective, expiration = validity(start, days)
    if role is Role.DV_DOMESTIC and request.holder.country != folder.country:
        raise ConflictError(
            "a verifier of another country is certified as a foreign one, where that is asked for",
            holder=str(request.holder), authority=folder.holder, option="--foreign",
        )  # fmt: skip
    by = verify_request(request, tuple(folder.holders().values()))
    for known in folder.certificates:
        if known.body.holder == request.holder and known.body.public_key.point != request.public_key.point:
            raise ConflictError("the name was certified for another key", holder=str(request.holder))
    if rights is None:
        rights = _rights_before(folder, request, None if by is None else by.reference)
    own = folder.current().body
    authority = folder.key(own.holder)
    certificate = certify(authority, request, role=role, rights=rights, effective=effective, expiration=expiration)
    folder.add([certificate])
    return Granted(certificate, by is not None, own.expiration if own.expiration < expiration else None)


def take_in(folder: CvFolder, certificates: Iterable[CvCertificate]) -> CvFolder:
    """Puts certificates into a folder, each of them proved by those that are there or come with it. What is no use to
    the holder (another holder's, unless he stands above) is left out; ConflictError where nothing else is given."""
    given = [one for one in certificates if _of_use(folder, one)]
    if not given:
        raise ConflictError("none of these certificates is of use to this folder", path=str(folder.path))
    fresh = [one for one in given if one not in folder.certificates]
    require_known(folder, fresh)
    return folder.add(fresh)


def _rights_before(folder: CvFolder, request: CvRequest, by: Reference | None) -> Right:
    """The rights of the latest certificate of the key that renews itself: only who has shown that key keeps them."""
    before = [
        one.body
        for one in folder.certificates
        if one.body.holder == by and one.body.holder.holder == request.holder.holder
    ]
    if not before:
        raise ParameterError(
            "nothing says which data groups may be read: a first certificate has no rights to keep",
            holder=str(request.holder), option="--rights",
        )  # fmt: skip
    return max(before, key=lambda body: (body.effective, body.expiration)).authorization.rights


def _of_use(folder: CvFolder, certificate: CvCertificate) -> bool:
    role = certificate.body.authorization.role
    above = role is Role.CVCA or (folder.kind is HolderKind.IS and role.verifies_documents)
    return above or (certificate.body.holder in folder.key_names() and folder.kind.fits(role))


def _demand(folder: CvFolder, kind: HolderKind) -> None:
    if folder.kind is not kind:
        raise ConflictError(f"not the folder of a {kind.upper()}", path=str(folder.path), role=str(folder.kind))
