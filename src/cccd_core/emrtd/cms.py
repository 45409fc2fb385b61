"""Signed messages (CMS SignedData) with one or more signers.

RFC 5652 clause 5, in the form that Doc 9303-10 (EF.SOD) and Doc 9303-12 (master lists) ask for, BER included (clause 2:
States write it). Verifies nothing: that is `pki`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from cccd_core.emrtd import ber, tlv
from cccd_core.errors import FormatError

SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"

DATA = "1.2.840.113549.1.7.1"

MAX_SIGNERS = 8
MAX_CERTIFICATES = 1024
MAX_BAG = 10_000
MAX_ATTRIBUTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class Attribute:
    """A signed attribute: its type and its values, each encoded."""

    type: str
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, repr=False)
class SignerInfo:
    """One signature. The signer is named by `issuer` (DER Name) and `serial_number`, or by `subject_key_identifier`.

    `signed_attributes_sent` is the SET OF of the signed attributes with the bytes and in the order of the message
    (None: there are none, and the content itself was signed); what a signature is over is `ber.to_der` of it (RFC 5652
    clause 5.4). `signature_algorithm` is the DER AlgorithmIdentifier.
    """

    issuer: bytes | None
    serial_number: int | None
    subject_key_identifier: bytes | None
    digest_algorithm: str
    signature_algorithm: bytes
    signature: bytes
    signed_attributes: tuple[Attribute, ...]
    signed_attributes_sent: bytes | None

    def attribute(self, kind: str) -> bytes | None:
        """The value of the one signed attribute of this type; None without one. FormatError with two, or where it has
        not one value (RFC 5652 clauses 11.1 to 11.3)."""
        found = [each.values for each in self.signed_attributes if each.type == kind]
        if not found:
            return None
        if len(found) > 1 or len(found[0]) != 1:
            raise FormatError("a signed attribute is there twice, or has not one value", attribute=kind)
        return found[0][0]


@dataclass(frozen=True, slots=True, repr=False)
class SignedData:
    """The parts of a SignedData: the content and its type, certificates and revocation lists (encoded), signers."""

    version: int
    content_type: str
    content: bytes
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]


def parse(data: bytes) -> SignedData:
    """Reads a ContentInfo that holds a SignedData with its content. FormatError with offset for anything else."""
    return ber.read(lambda given: _parse(given, MAX_CERTIFICATES), data)


def parse_bag(data: bytes) -> SignedData:
    """Reads a SignedData that may carry certificates and revocation lists alone, thousands of them, without content
    (empty then) and signers: RFC 5652 clause 5.2, `.p7b` and `.p7c` files. FormatError with offset."""
    return ber.read(lambda given: _parse(given, MAX_BAG, bag=True), data)


def _parse(data: bytes, most: int, *, bag: bool = False) -> SignedData:
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
    content = b""
    if encapsulated.remaining or not bag:
        holder = encapsulated.next(0xA0, what="content").reader()
        content = holder.next(tlv.OCTET_STRING, what="content").value
        holder.finish("content")
    encapsulated.finish("encapsulated content")
    certificates = _listed(parts.optional(0xA0, what="certificates"), most)
    crls = _listed(parts.optional(0xA1, what="revocation lists"), most)
    signers: list[SignerInfo] = []
    for info in parts.next(tlv.SET, what="signers").reader():
        if len(signers) >= MAX_SIGNERS or info.tag != tlv.SEQUENCE:
            raise FormatError("something else than a signer, or too many", offset=info.offset, limit=MAX_SIGNERS)
        signers.append(_signer(info))
    parts.finish("SignedData")
    return SignedData(version, content_type, content, certificates, crls, tuple(signers))


def _listed(holder: tlv.Tlv | None, most: int) -> tuple[bytes, ...]:
    """The certificates or lists in a set of choices; other choices are attribute certificates and forms long obsolete,
    and of lists OCSP answers."""
    found: list[bytes] = []
    for count, each in enumerate(holder.reader() if holder else ()):
        if count >= most:
            raise FormatError("too many certificates or revocation lists", offset=each.offset, limit=most)
        if each.tag == tlv.SEQUENCE:
            found.append(tlv.encode(each.tag, each.value))
    return tuple(found)


def _signer(info: tlv.Tlv) -> SignerInfo:
    parts = info.reader()
    tlv.to_integer(parts.next(tlv.INTEGER, what="version of a signer"))
    identifier = parts.next(tlv.SEQUENCE, 0x80, what="identifier of a signer")
    issuer = serial = key_identifier = None
    if identifier.tag == tlv.SEQUENCE:
        names = identifier.reader()
        name = names.next(tlv.SEQUENCE, what="issuer")
        issuer = tlv.encode(name.tag, name.value)
        serial = tlv.to_number(names.next(tlv.INTEGER, what="serial number"))
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
        if len(attributes) >= MAX_ATTRIBUTES or each.tag != tlv.SEQUENCE:
            raise FormatError(
                "something else than a signed attribute, or too many", offset=each.offset, limit=MAX_ATTRIBUTES
            )
        parts = each.reader()
        kind = tlv.to_oid(parts.next(tlv.OID, what="type of an attribute"))
        values = parts.next(tlv.SET, what="values of an attribute").reader()
        parts.finish("attribute")
        attributes.append(Attribute(kind, tuple(tlv.encode(value.tag, value.value) for value in values)))
    return tuple(attributes)
