"""Signed messages (CMS SignedData) with one or more signers.

RFC 5652 clause 5, in the form that Doc 9303-10 (EF.SOD) and Doc 9303-12 (master lists) ask for. Verifies nothing: that
is `pki`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError

SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"

MAX_SIGNERS = 8
MAX_CERTIFICATES = 64
MAX_ATTRIBUTES = 32


@dataclass(frozen=True, slots=True)
class Attribute:
    """A signed attribute: its type and its only value (DER)."""

    type: str
    value: bytes


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """One signature. The signer is named by `issuer` (DER Name) and `serial_number`, or by `subject_key_identifier`.

    `signed_attributes_der` is the DER SET OF that was signed (None: the content itself was); `signature_algorithm` is
    the DER AlgorithmIdentifier.
    """

    issuer: bytes | None
    serial_number: int | None
    subject_key_identifier: bytes | None
    digest_algorithm: str
    signature_algorithm: bytes
    signature: bytes
    signed_attributes: tuple[Attribute, ...]
    signed_attributes_der: bytes | None

    def attribute(self, kind: str) -> bytes | None:
        """The value of the one signed attribute of this type; None without one, FormatError with two."""
        found = [each.value for each in self.signed_attributes if each.type == kind]
        if len(found) > 1:
            raise FormatError("a signed attribute is there twice", attribute=kind)
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class SignedData:
    """The parts of a SignedData: the content and its type, certificates (DER), signers."""

    version: int
    content_type: str
    content: bytes
    certificates: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]


def parse(data: bytes) -> SignedData:
    """Reads a ContentInfo that holds a SignedData. FormatError with offset for anything else."""
    reader = tlv.read_one(data, tlv.SEQUENCE, what="ContentInfo").reader()
    kind = reader.next(tlv.OID, what="content type")
    if tlv.to_oid(kind) != SIGNED_DATA:
        raise FormatError("a message that is not signed data", offset=kind.offset)
    explicit = reader.next(0xA0, what="signed data").reader()
    reader.finish("ContentInfo")
    parts = explicit.next(tlv.SEQUENCE, what="SignedData").reader()
    explicit.finish("SignedData")
    version = tlv.to_integer(parts.next(tlv.INTEGER, what="version of SignedData"))
    parts.next(tlv.SET, what="digest algorithms")
    encapsulated = parts.next(tlv.SEQUENCE, what="encapsulated content").reader()
    content_type = tlv.to_oid(encapsulated.next(tlv.OID, what="type of the content"))
    holder = encapsulated.next(0xA0, what="content").reader()
    content = holder.next(tlv.OCTET_STRING, what="content").value
    holder.finish("content")
    encapsulated.finish("encapsulated content")
    certificates: list[bytes] = []
    listed = parts.optional(0xA0, what="certificates")
    for count, each in enumerate(listed.reader() if listed else ()):
        if count >= MAX_CERTIFICATES:
            raise FormatError("too many certificates", offset=each.offset, limit=MAX_CERTIFICATES)
        if each.tag == tlv.SEQUENCE:  # others are attribute certificates and forms long obsolete
            certificates.append(tlv.encode(each.tag, each.value))
    parts.optional(0xA1, what="revocation lists")
    signers: list[SignerInfo] = []
    for info in parts.next(tlv.SET, what="signers").reader():
        if len(signers) >= MAX_SIGNERS or info.tag != tlv.SEQUENCE:
            raise FormatError("something else than a signer, or too many", offset=info.offset, limit=MAX_SIGNERS)
        signers.append(_signer(info))
    parts.finish("SignedData")
    return SignedData(version, content_type, content, tuple(certificates), tuple(signers))


def _signer(info: tlv.Tlv) -> SignerInfo:
    parts = info.reader()
    tlv.to_integer(parts.next(tlv.INTEGER, what="version of a signer"))
    identifier = parts.next(tlv.SEQUENCE, 0x80, what="identifier of a signer")
    issuer = serial = key_identifier = None
    if identifier.tag == tlv.SEQUENCE:
        names = identifier.reader()
        name = names.next(tlv.SEQUENCE, what="issuer")
        issuer = tlv.encode(name.tag, name.value)
        serial = tlv.to_integer(names.next(tlv.INTEGER, what="serial number"), maximum_bytes=64)
        names.finish("identifier of a signer")
    else:
        key_identifier = identifier.value
    digest = tlv.to_oid(parts.next(tlv.SEQUENCE, what="digest algorithm").reader().next(tlv.OID, what="algorithm"))
    signed = parts.optional(0xA0, what="signed attributes")
    algorithm = parts.next(tlv.SEQUENCE, what="signature algorithm")
    signature = parts.next(tlv.OCTET_STRING, what="signature").value
    parts.optional(0xA1, what="unsigned attributes")
    parts.finish("signer")
    return SignerInfo(
        issuer, serial, key_identifier, digest, tlv.encode(algorithm.tag, algorithm.value), signature,
        () if signed is None else _attributes(signed),
        None if signed is None else tlv.encode(tlv.SET, signed.value),
    )  # fmt: skip


def _attributes(signed: tlv.Tlv) -> tuple[Attribute, ...]:
    attributes: list[Attribute] = []
    for each in signed.reader():
        if len(attributes) >= MAX_ATTRIBUTES:
            raise FormatError("too many signed attributes", offset=each.offset, limit=MAX_ATTRIBUTES)
        attributes.append(_attribute(each))
    return tuple(attributes)


def _attribute(found: tlv.Tlv) -> Attribute:
    if found.tag != tlv.SEQUENCE:
        raise FormatError("something else than an attribute", offset=found.offset, tag=f"{found.tag:X}")
    parts = found.reader()
    kind = tlv.to_oid(parts.next(tlv.OID, what="type of an attribute"))
    values = parts.next(tlv.SET, what="values of an attribute").reader()
    value = values.next(what="value of an attribute")
    values.finish("an attribute")
    parts.finish("an attribute")
    return Attribute(kind, tlv.encode(value.tag, value.value))
