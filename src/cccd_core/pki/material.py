"""Trust material as people hold it: certificates, revocation lists and master lists out of whatever they come in.

DER and BER, one or several in a file; PEM with text around it (RFC 7468); base64 alone; LDIF of the ICAO public key
directory; CMS with certificates alone (`.p7b`, `.p7c`); folders of these; PKI folders of ours. Each part that cannot be
read is named and left out. Nothing is verified by reading: who hands material over vouches for the certificates in it,
but a master list must prove itself by one of them before a certificate of it counts.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cccd_core.arguments import members
from cccd_core.emrtd import ber, cms, tlv
from cccd_core.emrtd.sod import CONTENT_TYPES
from cccd_core.errors import CccdError, FileError, FormatError
from cccd_core.pki import directory, ldif
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.deviation_list import DEVIATION_LIST
from cccd_core.pki.master_list import CSCA_MASTER_LIST, MasterList, verify_master_list
from cccd_core.pki.path import no_authority
from cccd_core.pki.policy import VerificationPolicy
from cccd_core.pki.revocation import RevocationList, parse_crl
from cccd_core.pki.trust import TrustStore, not_trusted
from cccd_core.storage import whole_file
from cccd_core.storage.faults import file_error

MAX_FILE_BYTES = 256 << 20
MAX_TOTAL_BYTES = 1 << 30
MAX_FILES = 20_000
MAX_DEPTH = 4
MAX_PARTS = 100_000
MAX_UNREADABLE = 500

_PEM_LABELS = frozenset(
    ("CERTIFICATE", "X509 CERTIFICATE", "X.509 CERTIFICATE", "X509 CRL", "CRL", "CMS", "PKCS7", "PKCS #7 SIGNED DATA")
)
_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]+")
_LDIF = frozenset((
    "usercertificate", "cacertificate", "certificaterevocationlist", "authorityrevocationlist",
    "cscamasterlistdata", "pkdmasterlistcontent",
))  # fmt: skip
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"%PDF", "a PDF document"),
    (b"\xfe\xed\xfe\xed", "a Java key store"),
    (b"<", "XML or a page of the web"),
    (b"{", "JSON"),
    (b"\x77", "an EF.SOD, which is verified, not trusted"),
    (b"\x7f\x21", "a card-verifiable certificate"),
)
_CONTENTS = {
    DEVIATION_LIST: "a deviation list, which makes nobody trusted",
    **dict.fromkeys(CONTENT_TYPES - {cms.DATA}, "the signed data of an EF.SOD, which are verified, not trusted"),
}


_NOT_SAID = "the certificate does not say that it is an authority's, and is not issued by itself"
_Where = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Material:
    """What was read. `master_lists` are encoded and not verified; `refused` is what was left out, each with its reason
    and, where known, its path, line and offset. ParameterError, with the `field`, for members of another type."""

    certificates: tuple[Certificate, ...] = ()
    crls: tuple[RevocationList, ...] = ()
    master_lists: tuple[bytes, ...] = ()
    refused: tuple[CccdError, ...] = ()

    def __post_init__(self) -> None:
        members(self.certificates, Certificate, "certificates")
        members(self.crls, RevocationList, "crls")
        members(self.master_lists, bytes, "master_lists")

    def __add__(self, other: Material) -> Material:
        return Material(
            tuple(dict.fromkeys((*self.certificates, *other.certificates))), (*self.crls, *other.crls),
            tuple(dict.fromkeys((*self.master_lists, *other.master_lists))), (*self.refused, *other.refused),
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
        roots: tuple[Certificate, ...] = (),
    ) -> tuple[tuple[MasterList, ...], tuple[CccdError, ...]]:
        """The master lists that one of the authorities, or of `roots`, vouches for, and why the others do not count.

        Only what was handed over vouches: a certificate out of one list proves no other list.
        """
        known = TrustStore((*self.authorities, *roots))
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
        roots: tuple[Certificate, ...] = (),
    ) -> TrustStore:
        """A store of the authorities, of those in the master lists that prove themselves at `at` (now by default), and
        of the revocation lists. `roots` prove master lists and are not trusted for anything else. What was left out on
        the way, here or in reading, is in its `refused`, with every certificate that makes nobody trusted and that none
        of the authorities issued: a document signer's without its CSCA, one that says CA:FALSE."""
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
        return TrustStore.gather(anchors, self.crls, refused=left_out)


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
    return Material(certificates=roots.certificates, master_lists=lists.master_lists).verified_lists(at, policy=policy)


def load(*paths: Path | str) -> Material:
    """Reads files and folders, folders to a depth of 4, files of at most 256 MiB each and 1 GiB in all.

    FileError for a path that is not there or a folder that holds too much; what a file holds raises nothing.
    """
    gathered = _Gathered()
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
            _read_any(gathered, data, {"path": str(path)})
        if files == before:
            gathered.refused.append(FormatError("a folder without a file of trust material", path=str(given)))
    return gathered.material()


def read(data: bytes, name: str = "") -> Material:
    """Reads the content of one file; `name` stands in the errors. Never raises for what it holds."""
    gathered = _Gathered()
    _read_any(gathered, data, {"path": name} if name else {})
    return gathered.material()


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


def _read_directory(gathered: _Gathered, folder: Path) -> None:
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
            _read_any(gathered, data, {"path": str(path)})


class _Gathered:
    """What has been read so far."""

    __slots__ = ("certificates", "crls", "in_this_file", "master_lists", "parts", "refused", "taken")

    def __init__(self) -> None:
        self.certificates: dict[Certificate, None] = {}
        self.crls: dict[bytes, RevocationList] = {}
        self.master_lists: dict[bytes, None] = {}
        self.refused: list[CccdError] = []
        self.parts = self.in_this_file = self.taken = 0

    def material(self) -> Material:
        return Material(
            tuple(self.certificates), tuple(self.crls.values()), tuple(self.master_lists), tuple(self.refused)
        )

    def refuse(self, error: CccdError) -> None:
        """Names what is left out."""
        self.refused.append(error)
        self.in_this_file += 1
        if self.in_this_file >= MAX_UNREADABLE:
            raise _EndOfPatienceError("too many parts of a file cannot be read: the rest was left out")

    def step(self) -> None:
        """Counts a part."""
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise _EndOfPatienceError("trust material of too many parts: the rest was left out")


class _EndOfPatienceError(Exception):
    """Ends the reading of a file; never leaves this module."""


def _read_any(gathered: _Gathered, data: bytes, where: _Where) -> None:
    gathered.in_this_file = gathered.taken = 0
    try:
        _read_some(gathered, data, where)
    except _EndOfPatienceError as error:
        gathered.refused.append(FormatError(str(error), **where))
        return
    if not gathered.taken + gathered.in_this_file:
        gathered.refuse(FormatError("no certificate, revocation list or master list in it", **where))


def _read_some(gathered: _Gathered, data: bytes, where: _Where) -> None:
    """What the bytes are is seen from how they begin: text of some kind, or DER."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # PEM out of an editor that writes UTF-16
        data = data.decode("utf-16", errors="replace").encode("utf-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data[:1] == b"0" and any(byte < 9 for byte in data[1:32]):  # text may begin with the digit 0 as well
        _read_der(gathered, data, where)
    elif _BEGIN in data[: 1 << 20]:
        _read_pem(gathered, data, where)
    elif ldif.is_ldif(data):
        _read_ldif(gathered, data, where)
    elif data.startswith(b"MI") and _BASE64.fullmatch(data):
        _read_base64(gathered, data, where)
    else:
        gathered.refuse(FormatError(f"not trust material, but {_what(data)}", **where))


def _what(data: bytes) -> str:
    stripped = data.lstrip()[:16]
    if not stripped:
        return "an empty file"
    for start, what in _OTHERS:
        if data.startswith(start) or stripped.startswith(start):
            return what
    return "text" if stripped.isascii() and stripped.decode("ascii").isprintable() else "unknown bytes"


def _read_pem(gathered: _Gathered, data: bytes, where: _Where) -> None:
    """Every block, by one walk through the text."""
    line, counted, end = 1, 0, -1
    start = data.find(_BEGIN)
    while start >= 0:
        line, counted = line + data.count(b"\n", counted, start), start
        body = data.find(_DASHES, start + len(_BEGIN), start + len(_BEGIN) + 64)
        label = data[start + len(_BEGIN) : max(body, 0)].decode("ascii", errors="replace")
        if end < start:
            end = data.find(_END, start)
        following = data.find(_BEGIN, start + 1, max(end, 0))
        if body < 0 or following >= 0 or not data.startswith(label.encode() + _DASHES, end + len(_END)):
            gathered.refuse(FormatError("a PEM block without its end", line=line, **where))
        elif label in _PEM_LABELS:
            _read_base64(gathered, data[body + len(_DASHES) : end], {**where, "line": line})
        elif "PRIVATE KEY" in label:
            gathered.refuse(FormatError("a private key among trust material", line=line, **where))
        else:
            gathered.refuse(FormatError("a PEM block of another kind", label=label[:40], line=line, **where))
        if end < 0:
            return
        start = following if following >= 0 else data.find(_BEGIN, end)


def _read_base64(gathered: _Gathered, text: bytes, where: _Where) -> None:
    try:
        data = base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        gathered.refuse(FormatError("not base64", **where))
        return
    if not data:
        gathered.refuse(FormatError("nothing between the lines of PEM", **where))
    _read_der(gathered, data, where)


def _read_ldif(gathered: _Gathered, data: bytes, where: _Where) -> None:
    for found in ldif.read(data):
        if found.attribute not in _LDIF:
            continue
        if found.error is not None:
            gathered.refuse(found.error.with_facts(attribute=found.attribute, **where))
        elif found.value:
            _read_der(gathered, found.value, {**where, "line": found.line})


def _read_der(gathered: _Gathered, data: bytes, where: _Where) -> None:
    """One or several data objects, one behind the other."""
    if data[1:2] == b"\x80":
        _read_object(gathered, data, where)
        return
    try:
        for found in tlv.Reader(data):
            at: _Where = {"offset": found.offset} if found.offset else {}
            _read_object(gathered, data[found.offset : found.end], {**where, **at})
    except FormatError as error:
        gathered.refuse(error.with_facts(**where))


def _read_object(gathered: _Gathered, data: bytes, where: _Where, *, inside: bool = False) -> None:
    gathered.step()
    try:
        kind = _kind(data)
        if kind == "certificate":
            gathered.certificates[parse_certificate(data)] = None
            gathered.taken += 1
        elif kind == "revocation list":
            gathered.crls[data] = parse_crl(data)
            gathered.taken += 1
        elif kind == "a message" and not inside:
            _read_message(gathered, data, where)
        else:
            gathered.refuse(FormatError(f"not trust material, but {kind}", **where))
    except FormatError as error:
        gathered.refuse(error.with_facts(**where))


def _read_message(gathered: _Gathered, data: bytes, where: _Where) -> None:
    signed = cms.parse_bag(data)
    if signed.content_type == CSCA_MASTER_LIST:
        gathered.master_lists[data] = None
        gathered.taken += 1
    elif signed.content_type in _CONTENTS:
        gathered.refuse(FormatError(f"not trust material, but {_CONTENTS[signed.content_type]}", **where))
    else:
        for each in (*signed.certificates, *signed.crls):
            _read_object(gathered, each, where, inside=True)


def _kind(data: bytes) -> str:
    """What a SEQUENCE is by how it begins."""
    return ber.read(_kind_of_definite, data)


def _kind_of_definite(data: bytes) -> str:
    parts = tlv.read_one(data, tlv.SEQUENCE, what="trust material").reader()
    first = parts.peek()
    if first == tlv.OID:
        kind = tlv.to_oid(parts.next())
        return "a message" if kind == cms.SIGNED_DATA else "a message that is not signed"
    if first == tlv.INTEGER:
        parts.next()
        following = parts.next()
        if following.tag == tlv.INTEGER:
            return "an RSA key"
        if following.tag == tlv.OCTET_STRING or parts.peek() == tlv.OCTET_STRING:
            return "a private key"
        return "a PKCS #12 key store"
    inner = parts.next(tlv.SEQUENCE, what="trust material").reader()
    if inner.peek() == tlv.OID:
        return "a public key"
    inner.optional(0xA0)
    inner.optional(tlv.INTEGER)
    tags = [found.tag for _, found in zip(range(4), inner, strict=False)]
    if tags[2:3] in ([tlv.UTC_TIME], [tlv.GENERALIZED_TIME]):
        return "revocation list"
    if tags[2:3] == [0xA0]:
        return "a certification request"
    return "certificate"
