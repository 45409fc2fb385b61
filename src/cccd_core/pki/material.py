"""Trust material as people hold it: certificates, revocation lists and master lists out of whatever they come in.

DER and BER, one or several in a file; PEM with text around it (RFC 7468); base64 alone; LDIF of the ICAO public key
directory; CMS with certificates alone (`.p7b`, `.p7c`); folders of these; PKI folders of ours. Each part that cannot be
read is named and left out. Nothing is verified by reading: who hands material over vouches for the certificates in it,
but a master list must prove itself by one of them before a certificate of it counts.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cccd_core.arguments import members
from cccd_core.errors import CccdError, FileError, FormatError
from cccd_core.pki import directory
from cccd_core.pki.certificates import Certificate
from cccd_core.pki.crl import RevocationList
from cccd_core.pki.master_list import MasterList, verify_master_list
from cccd_core.pki.material_forms import Gathered, read_any
from cccd_core.pki.path import no_authority
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.trust import TrustStore, not_trusted
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error

MAX_FILE_BYTES = 256 << 20
MAX_TOTAL_BYTES = 1 << 30
MAX_FILES = 20_000
MAX_DEPTH = 4


_NOT_SAID = "the certificate does not say that it is an authority's, and is not issued by itself"


@dataclass(frozen=True, slots=True)
class Material:
    """What was read. `master_lists` are encoded and not verified; `refused` is what was left out, each with its reason
    and, where known, its path, line and offset; `lost_lists` are the issuers of revocation lists among that, None
    where a list does not even tell its issuer. ParameterError, with the `field`, for members of another type."""

    certificates: tuple[Certificate, ...] = ()
    crls: tuple[RevocationList, ...] = ()
    master_lists: tuple[bytes, ...] = ()
    refused: tuple[CccdError, ...] = ()
    lost_lists: frozenset[str | None] = frozenset()

    def __post_init__(self) -> None:
        members(self.certificates, Certificate, "certificates")
        members(self.crls, RevocationList, "crls")
        members(self.master_lists, bytes, "master_lists")

    def __add__(self, other: Material) -> Material:
        return Material(
            tuple(dict.fromkeys((*self.certificates, *other.certificates))), (*self.crls, *other.crls),
            tuple(dict.fromkeys((*self.master_lists, *other.master_lists))), (*self.refused, *other.refused),
            self.lost_lists | other.lost_lists,
        )  # fmt: skip

    @property
    def authorities(self) -> tuple[Certificate, ...]:
        """The certificates that can be an authority's: those that say so, and self-issued ones that say nothing."""
        return tuple(each for each in self.certificates if _is_authority(each))

    @property
    def signers(self) -> tuple[Certificate, ...]:
        """The other certificates, document signers': not trusted, but of use where a document lacks its signer's."""
        return tuple(each for each in self.certificates if not _is_authority(each))

    def verified_lists(
        self,
        at: dt.datetime | None = None,
        *,
        policy: VerificationPolicy = VerificationPolicy.STRICT,
        roots: Material | None = None,
    ) -> tuple[tuple[MasterList, ...], tuple[CccdError, ...]]:
        """The master lists that one of the authorities, or of `roots`, vouches for, and why the others do not count.

        Only what was handed over vouches: a certificate out of one list proves no other list. The revocation lists of
        both revoke whom they name, the lists' signers and those who vouch.
        """
        more = Material() if roots is None else roots
        known = TrustStore.gather(
            (*self.authorities, *more.authorities),
            (*self.crls, *more.crls),
            lost_lists=self.lost_lists | more.lost_lists,
        )
        lists: list[MasterList] = []
        refused: list[CccdError] = []
        for number, data in enumerate(self.master_lists, 1):
            try:
                lists.append(verify_master_list(data, known, at, policy=policy))
            except CccdError as error:
                refused.append(error.with_facts(master_list=number))
        return tuple(lists), tuple(refused)

    def trust_store(
        self,
        at: dt.datetime | None = None,
        *,
        policy: VerificationPolicy = VerificationPolicy.STRICT,
        roots: Material | None = None,
    ) -> TrustStore:
        """A store of the authorities, of those in the master lists that prove themselves at `at` (now by default), and
        of the revocation lists, those of `roots` included. `roots` prove master lists and are not trusted for anything
        else. What was left out on the way, here or in reading, is in its `refused`, with every certificate that makes
        nobody trusted and that none of the authorities issued: a document signer's without its CSCA, one that says
        CA:FALSE."""
        lists, refused = self.verified_lists(at, policy=policy, roots=roots)
        anchors = [*self.authorities, *(each for found in lists for each in found.certificates)]
        issuers = {each.subject_key for each in anchors}
        useless = [each for each in self.signers if each.self_issued or each.issuer_key not in issuers]
        # one that says that it is no authority's is named by the store, which then knows whose lists are left out too
        anchors += [each for each in useless if no_authority(each) is not None]
        left_out = [
            *self.refused, *refused, *(error for found in lists for error in found.refused),
            *(not_trusted(each, _NOT_SAID) for each in useless if no_authority(each) is None),
        ]  # fmt: skip
        crls = [*self.crls, *(() if roots is None else roots.crls)]
        # a list of somebody who only vouches has had its say
        vouching = {each.subject_key for each in (() if roots is None else roots.authorities)} - issuers
        crls = [crl for crl in crls if crl.issuer_key not in vouching]
        lost = self.lost_lists | (frozenset() if roots is None else roots.lost_lists - vouching)
        return TrustStore.gather(anchors, crls, refused=left_out, lost_lists=lost)


def _is_authority(certificate: Certificate) -> bool:
    if no_authority(certificate) is not None:
        return False
    stated = certificate.has_basic_constraints or certificate.key_usage is not None
    return stated or certificate.self_issued


def prove_master_lists(
    lists: Material,
    roots: Material,
    at: dt.datetime | None = None,
    *,
    policy: VerificationPolicy = VerificationPolicy.STRICT,
) -> tuple[tuple[MasterList, ...], tuple[CccdError, ...]]:
    """The master lists of `lists` that a certificate of `roots` vouches for, and why the others do not count. The
    error that says what they are instead, where `lists` holds no list or `roots` no certificate."""
    for material, holds, what in (
        (roots, roots.certificates, "certificate"),
        (lists, lists.master_lists, "master list"),
    ):
        if not holds:
            raise material.refused[0] if material.refused else FormatError(f"no {what} in it")
    own = Material(crls=lists.crls, master_lists=lists.master_lists, lost_lists=lists.lost_lists)
    return own.verified_lists(at, policy=policy, roots=roots)


def load(*paths: Path | str) -> Material:
    """Reads files and folders, folders to a depth of 4, files of at most 256 MiB each and 1 GiB in all.

    FileError for a path that is not there or a folder that holds too much; what a file holds raises nothing.
    """
    gathered = Gathered()
    spent = files = 0
    for given in paths:
        before = files
        for path in _files(Path(given), MAX_DEPTH):
            files += 1
            if path.name == directory.INDEX:
                _read_directory(gathered, path.parent)
                continue
            data = whole_file.read(path, "file of trust material", most=MAX_FILE_BYTES)
            spent += len(data)
            if files > MAX_FILES or spent > MAX_TOTAL_BYTES:
                raise FileError("a folder of trust material holds too much", path=str(given), files=MAX_FILES)
            read_any(gathered, data, {"path": str(path)})
        if files == before:
            gathered.refused.append(FormatError("a folder without a file of trust material", path=str(given)))
    return _material(gathered)


def read(data: bytes, name: str = "") -> Material:
    """Reads the content of one file; `name` stands in the errors. Never raises for what it holds."""
    gathered = Gathered()
    read_any(gathered, data, {"path": name} if name else {})
    return _material(gathered)


def _files(path: Path, depth: int) -> Iterator[Path]:
    """The files of a path in the order of their names; of a PKI folder of ours its index alone. Hidden ones are passed
    over, links to folders not followed."""
    if not path.is_dir():
        yield path
        return
    if (path / directory.INDEX).is_file():
        yield path / directory.INDEX
        return
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise file_error("a folder of trust material cannot be read", error, path=str(path)) from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth:
                yield from _files(Path(entry.path), depth - 1)
        elif entry.is_file():
            yield Path(entry.path)


def _read_directory(gathered: Gathered, folder: Path) -> None:
    """The certificates and the newest revocation list of each key of ours; no private key is looked at."""
    try:
        loaded = directory.load(folder)
    except CccdError as error:
        gathered.refused.append(error.with_facts(path=str(folder)))
        return
    for holder in (*loaded.authorities, *loaded.signers, *loaded.list_signers):
        gathered.certificates[holder.certificate] = None
    for holder in loaded.authorities:
        path = loaded.file(holder, directory.REVOCATION_LIST)
        if path.is_file():
            data = whole_file.read(path, "revocation list", most=MAX_FILE_BYTES)
            read_any(gathered, data, {"path": str(path)})


def _material(gathered: Gathered) -> Material:
    return Material(
        tuple(gathered.certificates), tuple(gathered.crls.values()), tuple(gathered.master_lists),
        tuple(gathered.refused), frozenset(gathered.lost_lists),
    )  # fmt: skip
