"""CV certificates: read strictly, written exactly (BSI TR-03110-3 C.1, table of the certificate profile; D.2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

from cccd_core.emrtd import tlv
from cccd_core.emrtd.cv.authorization import TAG_TEMPLATE, Authorization, Role
from cccd_core.emrtd.cv.keys import TAG_PUBLIC_KEY, CvPublicKey, parse_key
from cccd_core.emrtd.cv.reference import Reference, encode_date, parse_date
from cccd_core.errors import FormatError

TAG_CERTIFICATE: Final = 0x7F21
TAG_BODY: Final = 0x7F4E
TAG_SIGNATURE: Final = 0x5F37
TAG_PROFILE: Final = 0x5F29
TAG_AUTHORITY: Final = 0x42
TAG_HOLDER: Final = 0x5F20
TAG_EFFECTIVE: Final = 0x5F25
TAG_EXPIRATION: Final = 0x5F24
TAG_EXTENSIONS: Final = 0x65
TAG_EXTENSION: Final = 0x73
PROFILE_1: Final = b"\x00"

MAX_BYTES: Final = 8192
MAX_EXTENSIONS: Final = 16
SIGNATURE_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class CvBody:
    """What a certificate says. `extensions` are (identifier, content behind it), passed on as they are: a chip of
    version 1 knows none."""

    authority: Reference
    public_key: CvPublicKey
    holder: Reference
    authorization: Authorization
    effective: dt.date
    expiration: dt.date
    extensions: tuple[tuple[str, bytes], ...] = ()

    def encode(self) -> bytes:
        """The data object 7F4E: what is signed."""
        return tlv.encode(
            TAG_BODY,
            tlv.encode(TAG_PROFILE, PROFILE_1)
            + tlv.encode(TAG_AUTHORITY, self.authority.encoded)
            + self.public_key.encode()
            + tlv.encode(TAG_HOLDER, self.holder.encoded)
            + self.authorization.encode()
            + tlv.encode(TAG_EFFECTIVE, encode_date(self.effective))
            + tlv.encode(TAG_EXPIRATION, encode_date(self.expiration))
            + encode_extensions(self.extensions),
        )

    @property
    def self_signed(self) -> bool:
        """Whether it names its own key as the authority: a CVCA's own certificate."""
        return self.authority == self.holder

    @property
    def link(self) -> bool:
        """Whether an older key of a CVCA hands on to a newer one."""
        return self.authorization.role is Role.CVCA and not self.self_signed


@dataclass(frozen=True, slots=True)
class CvCertificate:
    """A certificate as read: what it says, the bytes that are signed (the whole data object 7F4E), the signature."""

    body: CvBody
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def encoded(self) -> bytes:
        """The data object 7F21."""
        return tlv.encode(TAG_CERTIFICATE, self.for_verification)

    @property
    def for_verification(self) -> bytes:
        """Body and signature, one behind the other, as PSO: Verify Certificate takes them."""
        return self.signed + tlv.encode(TAG_SIGNATURE, self.signature)


def parse_certificate(data: bytes) -> CvCertificate:
    """Reads a data object 7F21 of at most 8 KiB. FormatError with offset for anything that is no certificate of an
    inspection system's hierarchy: DER, the parts in their order, nothing else. The signature is not looked at."""
    if len(data) > MAX_BYTES:
        raise FormatError("a CV certificate is too long", length=len(data), limit=MAX_BYTES)
    whole = tlv.read_one(data, TAG_CERTIFICATE, what="CV certificate", der=True)
    return _certificate(whole.reader(der=True), data)


def parse_for_verification(data: bytes) -> CvCertificate:
    """Reads body and signature as a chip gets them. FormatError as above."""
    if len(data) > MAX_BYTES:
        raise FormatError("a CV certificate is too long", length=len(data), limit=MAX_BYTES)
    return _certificate(tlv.Reader(data, der=True), data)


def _certificate(reader: tlv.Reader, data: bytes) -> CvCertificate:
    body = reader.next(TAG_BODY, what="certificate body")
    signature = parse_signature(reader)
    reader.finish("CV certificate")
    return CvCertificate(parse_body(body), data[body.offset : body.end], signature)


def parse_signature(reader: tlv.Reader) -> bytes:
    """The signature, of a size that some signature has."""
    found = reader.next(TAG_SIGNATURE, what="signature")
    if not 1 <= len(found.value) <= SIGNATURE_MAX:
        raise FormatError("a signature of an impossible size", offset=found.offset, length=len(found.value))
    return found.value


def parse_body(found: tlv.Tlv) -> CvBody:
    """Reads the data object 7F4E of a certificate."""
    reader = found.reader(der=True)
    parse_profile(reader)
    authority = _reference(reader, TAG_AUTHORITY, "certification authority reference")
    key = parse_key(reader.next(TAG_PUBLIC_KEY, what="public key"))
    holder = _reference(reader, TAG_HOLDER, "certificate holder reference")
    authorization = Authorization.parse(reader.next(TAG_TEMPLATE, what="authorization template"))
    effective = _date(reader, TAG_EFFECTIVE, "effective date")
    expiration = _date(reader, TAG_EXPIRATION, "expiration date")
    extensions = parse_extensions(reader)
    reader.finish("certificate body")
    if expiration < effective:
        raise FormatError("a certificate expires before it is in effect", offset=found.offset)
    return CvBody(authority, key, holder, authorization, effective, expiration, extensions)


def parse_profile(reader: tlv.Reader) -> None:
    """The profile identifier, which must be that of version 1."""
    found = reader.next(TAG_PROFILE, what="certificate profile identifier")
    if found.value != PROFILE_1:
        raise FormatError("a certificate of an unknown profile", offset=found.offset)


def parse_extensions(reader: tlv.Reader) -> tuple[tuple[str, bytes], ...]:
    """The extensions that stand next, if any do."""
    found = reader.optional(TAG_EXTENSIONS, what="extensions")
    if found is None:
        return ()
    extensions: list[tuple[str, bytes]] = []
    rows = found.reader(der=True)
    while rows.remaining:
        row = rows.next(TAG_EXTENSION, what="extension")
        parts = row.reader(der=True)
        name = parts.next(tlv.OID, what="extension")
        extensions.append((tlv.to_oid(name), row.value[name.end - row.value_offset :]))
        for _ in parts:
            pass
    if not 1 <= len(extensions) <= MAX_EXTENSIONS:
        raise FormatError("no extension, or too many", offset=found.offset, limit=MAX_EXTENSIONS)
    return tuple(extensions)


def encode_extensions(extensions: tuple[tuple[str, bytes], ...]) -> bytes:
    """The data object 65, or nothing."""
    if not extensions:
        return b""
    return tlv.encode(TAG_EXTENSIONS, b"".join(tlv.encode(TAG_EXTENSION, tlv.oid(n) + c) for n, c in extensions))


def _reference(reader: tlv.Reader, tag: int, what: str) -> Reference:
    found = reader.next(tag, what=what)
    return Reference.parse(found.value, offset=found.offset)


def _date(reader: tlv.Reader, tag: int, what: str) -> dt.date:
    found = reader.next(tag, what=what)
    return parse_date(found.value, offset=found.offset)
