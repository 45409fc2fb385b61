"""What one file of trust material holds, whatever it comes in: the walk through its bytes, part by part.

What may be in it is told in `material`, whose door this is behind. A part that cannot be read is named and left out.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cccd_core.emrtd import ber, cms, tlv
from cccd_core.emrtd.sod import CONTENT_TYPES
from cccd_core.errors import CccdError, FormatError
from cccd_core.pki import ldif
from cccd_core.pki.certificates import Certificate, parse_certificate
from cccd_core.pki.crl import RevocationList, parse_crl, read_issuer
from cccd_core.pki.deviation_list import DEVIATION_LIST
from cccd_core.pki.master_list import CSCA_MASTER_LIST

MAX_PARTS: Final = 100_000
MAX_UNREADABLE: Final = 500

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

_LIST_LABELS = frozenset(("X509 CRL", "CRL"))
_LIST_ATTRIBUTES = frozenset(("certificaterevocationlist", "authorityrevocationlist"))

Where = dict[str, str | int]


class Gathered:
    """What has been read so far, each thing once, and what was left out."""

    __slots__ = (
        "certificates", "crls", "in_this_file", "list_expected", "lost_lists", "master_lists", "parts", "refused",
        "taken",
    )  # fmt: skip

    def __init__(self) -> None:
        self.certificates: dict[Certificate, None] = {}
        self.crls: dict[bytes, RevocationList] = {}
        self.master_lists: dict[bytes, None] = {}
        self.refused: list[CccdError] = []
        self.lost_lists: set[str | None] = set()
        """Whose revocation lists were left out: names of issuers, None where not even that can be read."""
        self.list_expected = False
        """Whether what is read now is called a revocation list by what it comes in."""
        self.parts = self.in_this_file = self.taken = 0

    def refuse(self, error: CccdError) -> None:
        """Names what is left out."""
        self.refused.append(error)
        if self.list_expected:
            self.lost_lists.add(None)
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


@contextmanager
def _expecting(gathered: Gathered, a_list: bool) -> Iterator[None]:
    before, gathered.list_expected = gathered.list_expected, a_list
    try:
        yield
    finally:
        gathered.list_expected = before


def read_any(gathered: Gathered, data: bytes, where: Where) -> None:
    """Takes all that the content of one file holds into `gathered`; `where` are facts for what is left out. Never
    raises for what it holds."""
    gathered.in_this_file = gathered.taken = 0
    gathered.list_expected = str(where.get("path", "")).lower().endswith(".crl")
    try:
        _read_some(gathered, data, where)
    except _EndOfPatienceError as error:
        gathered.refused.append(FormatError(str(error), **where))
        return
    if not gathered.taken + gathered.in_this_file:
        gathered.refuse(FormatError("no certificate, revocation list or master list in it", **where))


def _read_some(gathered: Gathered, data: bytes, where: Where) -> None:
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


def _read_pem(gathered: Gathered, data: bytes, where: Where) -> None:
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
            with _expecting(gathered, label in _LIST_LABELS):
                gathered.refuse(FormatError("a PEM block without its end", line=line, **where))
        elif label in _PEM_LABELS:
            with _expecting(gathered, label in _LIST_LABELS):
                _read_base64(gathered, data[body + len(_DASHES) : end], {**where, "line": line})
        elif "PRIVATE KEY" in label:
            gathered.refuse(FormatError("a private key among trust material", line=line, **where))
        else:
            gathered.refuse(FormatError("a PEM block of another kind", label=label[:40], line=line, **where))
        if end < 0:
            return
        start = following if following >= 0 else data.find(_BEGIN, end)


def _read_base64(gathered: Gathered, text: bytes, where: Where) -> None:
    try:
        data = base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        gathered.refuse(FormatError("not base64", **where))
        return
    if not data:
        gathered.refuse(FormatError("nothing between the lines of PEM", **where))
    _read_der(gathered, data, where)


def _read_ldif(gathered: Gathered, data: bytes, where: Where) -> None:
    for found in ldif.read(data):
        if found.attribute not in _LDIF:
            continue
        with _expecting(gathered, found.attribute in _LIST_ATTRIBUTES):
            if found.error is not None:
                gathered.refuse(found.error.with_facts(attribute=found.attribute, **where))
            elif found.value:
                _read_der(gathered, found.value, {**where, "line": found.line})


def _read_der(gathered: Gathered, data: bytes, where: Where) -> None:
    """One or several data objects, one behind the other."""
    if data[1:2] == b"\x80":
        _read_object(gathered, data, where)
        return
    try:
        for found in tlv.Reader(data):
            at: Where = {"offset": found.offset} if found.offset else {}
            _read_object(gathered, data[found.offset : found.end], {**where, **at})
    except FormatError as error:
        gathered.refuse(error.with_facts(**where))


def _read_object(gathered: Gathered, data: bytes, where: Where, *, inside: bool = False) -> None:
    gathered.step()
    kind = ""
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
        if kind != "revocation list":
            gathered.refuse(error.with_facts(**where))
            return
        gathered.lost_lists.add(read_issuer(data))
        with _expecting(gathered, False):
            gathered.refuse(error.with_facts(**where))


def _read_message(gathered: Gathered, data: bytes, where: Where) -> None:
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
