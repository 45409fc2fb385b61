"""EF.SOD: the document security object, written directly as DER and read back.

Doc 9303-10 clause 4.6.2 (EF.SOD V0 and V1), RFC 5652 clauses 5.3 to 5.4. Writing is apart from signing: `SodWriter`
gives what is to be signed, takes the signature, and so knows nothing of keys.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cccd_core.emrtd import ber, cms, times, tlv
from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.emrtd.com import LDS_1_8, UNICODE_4_0_0
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.hashes import HASH_SIZES, hash_identifier, parse_hash
from cccd_core.emrtd.x509 import certificate_parts
from cccd_core.errors import FormatError, ParameterError

LDS_SECURITY_OBJECT = "2.23.136.1.1.1"
CONTENT_TYPES = frozenset((LDS_SECURITY_OBJECT, cms.DATA, "1.3.27.1.1.1", "1.2.528.1.1006.1.20.1"))
"""Content types of EF.SOD: that of Doc 9303-10, and of older issuers: plain data, an early LDS, the Dutch one."""

# What every EF.SOD has in common, encoded once.
_LDS_TYPE = tlv.oid(LDS_SECURITY_OBJECT)
_SIGNED_DATA_TYPE = tlv.oid(cms.SIGNED_DATA)
_MESSAGE_DIGEST_TYPE = tlv.oid(cms.MESSAGE_DIGEST)
_SIGNING_TIME_TYPE = tlv.oid(cms.SIGNING_TIME)
_CONTENT_TYPE = tlv.sequence(tlv.oid(cms.CONTENT_TYPE), tlv.encode(tlv.SET, _LDS_TYPE))
_VERSION_3 = tlv.integer(3)
_VERSIONS = (tlv.integer(0), tlv.integer(1))
_HASHES = {name: hash_identifier(name) for name in HASH_SIZES}


@dataclass(frozen=True, slots=True, repr=False)
class LdsSecurityObject:
    """What EF.SOD signs: the digest of each data group. Version 1 also says the LDS and Unicode versions."""

    version: int
    digest_algorithm: str
    digests: Mapping[int, bytes]
    lds_version: str | None = None
    unicode_version: str | None = None


@dataclass(frozen=True, slots=True)
class Sod:
    """EF.SOD: the whole signed message, and the security object in it."""

    signed_data: cms.SignedData
    security_object: LdsSecurityObject


@dataclass(frozen=True, slots=True, repr=False)
class Unsigned:
    """A security object on its way to be signed: `to_be_signed` goes to the signer, as it is (it hashes)."""

    to_be_signed: bytes
    content: bytes


class SodWriter:
    """Writes the EF.SOD of one document signer. What all of them share (certificate, names, algorithms) is encoded
    once; a SOD then costs one hash and some joining, about 20 µs, beside its signature."""

    __slots__ = ("_algorithm", "_certificate", "_digest_algorithms", "_signer_head", "hash_name")

    def __init__(self, certificate_der: bytes, algorithm: SignatureAlgorithm) -> None:
        self.hash_name = algorithm.hash_name
        identifier = hash_identifier(self.hash_name)
        parts = certificate_parts(certificate_der)
        self._algorithm = algorithm.identifier
        self._certificate = tlv.encode(0xA0, certificate_der)
        self._digest_algorithms = tlv.encode(tlv.SET, identifier)
        self._signer_head = tlv.integer(1) + tlv.sequence(parts.issuer, parts.serial_number) + identifier

    def prepare(
        self, digests: Mapping[int, bytes], *, version: int = 0, signing_time: dt.datetime | None = None
    ) -> Unsigned:
        """The security object over `digests` (by number of the data group, of hash `hash_name`), ready to be signed.

        `signing_time` (aware) adds that signed attribute; it must lie inside the validity of the signer.
        """
        content = encode_security_object(LdsSecurityObject(version, self.hash_name, digests))
        digest = tlv.octet_string(hashlib.new(self.hash_name, content).digest())
        attributes = [_CONTENT_TYPE, tlv.sequence(_MESSAGE_DIGEST_TYPE, tlv.encode(tlv.SET, digest))]
        if signing_time is not None:
            time = times.encode(signing_time)
            attributes.append(tlv.sequence(_SIGNING_TIME_TYPE, tlv.encode(tlv.SET, time)))
        return Unsigned(tlv.set_of(attributes), content)

    def finish(self, unsigned: Unsigned, signature: bytes) -> bytes:
        """EF.SOD with this signature over `unsigned.to_be_signed`."""
        attributes = b"\xa0" + unsigned.to_be_signed[1:]  # [0] IMPLICIT SET OF, RFC 5652 clause 5.4
        signer = tlv.sequence(self._signer_head, attributes, self._algorithm, tlv.octet_string(signature))
        signed = tlv.sequence(
            _VERSION_3,
            self._digest_algorithms,
            tlv.sequence(_LDS_TYPE, tlv.encode(0xA0, tlv.octet_string(unsigned.content))),
            self._certificate,
            tlv.encode(tlv.SET, signer),
        )
        return tlv.encode(ElementaryFile.EF_SOD.tag, tlv.sequence(_SIGNED_DATA_TYPE, tlv.encode(0xA0, signed)))


def encode_security_object(security_object: LdsSecurityObject) -> bytes:
    """The DER LDSSecurityObject. Version 1 states LDS 1.8 unless the object says another."""
    name = security_object.digest_algorithm
    if security_object.version not in (0, 1) or not 2 <= len(security_object.digests) <= 16:
        raise ParameterError(
            "a security object is of version 0 or 1 and of 2 to 16 data groups",
            version=security_object.version, count=len(security_object.digests),
        )  # fmt: skip
    size = HASH_SIZES[name]
    rows = []
    for number, digest in sorted(security_object.digests.items()):
        if not 1 <= number <= 16 or len(digest) != size:
            raise ParameterError(
                "a digest of another length than its hash's, or of no data group",
                data_group=number, length=len(digest),
            )  # fmt: skip
        # SEQUENCE { INTEGER number, OCTET STRING digest }: all lengths fit one byte
        rows.append(bytes((tlv.SEQUENCE, size + 5, tlv.INTEGER, 1, number, tlv.OCTET_STRING, size)) + digest)
    versions = b""
    if security_object.version == 1:
        lds = security_object.lds_version or LDS_1_8
        unicode = security_object.unicode_version or UNICODE_4_0_0
        versions = tlv.sequence(*(tlv.encode(tlv.PRINTABLE_STRING, v.encode("ascii")) for v in (lds, unicode)))
    return tlv.sequence(_VERSIONS[security_object.version], _HASHES[name], tlv.sequence(*rows), versions)


def parse(data: bytes) -> Sod:
    """Reads EF.SOD: tag 77, a SignedData, the security object in it. FormatError with offset, UnknownHashError where
    the digests are of a hash that is not known here."""
    signed = parse_message(data)
    return Sod(signed, parse_security_object(signed.content))


def parse_message(data: bytes) -> cms.SignedData:
    """Reads EF.SOD down to what is signed, which `parse_security_object` reads. FormatError with offset.

    BER is read as well as DER. Doc 9303-10 clause 4.6.2.3 recommends one signer; there may be more.
    """
    whole = ber.read(lambda given: tlv.read_one(given, ElementaryFile.EF_SOD.tag, what="EF.SOD"), data)
    signed = cms.parse(whole.value)
    if signed.content_type not in CONTENT_TYPES:
        raise FormatError("EF.SOD signs something else", content_type=signed.content_type)
    if not signed.signers:
        raise FormatError("EF.SOD has no signer")
    return signed


def parse_security_object(data: bytes) -> LdsSecurityObject:
    """Reads an LDSSecurityObject of version 0 or 1. FormatError with offset."""
    return ber.read(_parse_security_object, data)


def _parse_security_object(data: bytes) -> LdsSecurityObject:
    parts = tlv.read_one(data, tlv.SEQUENCE, what="LDSSecurityObject").reader()
    version = tlv.to_integer(parts.next(tlv.INTEGER, what="version of LDSSecurityObject"))
    if version not in (0, 1):
        raise FormatError("a security object of an unknown version", version=version)
    name = parse_hash(parts.next(tlv.SEQUENCE, what="digest algorithm"))
    digests: dict[int, bytes] = {}
    size = HASH_SIZES[name]
    head = bytes((tlv.OCTET_STRING, size))
    for row in parts.next(tlv.SEQUENCE, what="digests").reader():
        value = row.value
        if len(value) == size + 5 and value[:2] == b"\x02\x01" and value[3:5] == head:  # as nearly all are written
            number, digest = value[2], value[5:]
        else:
            entry = row.reader()
            number = tlv.to_integer(entry.next(tlv.INTEGER, what="number of a data group"))
            digest = entry.next(tlv.OCTET_STRING, what="digest of a data group").value
            entry.finish("digest of a data group")
        if row.tag != tlv.SEQUENCE or not 1 <= number <= 16 or number in digests or len(digest) != size:
            raise FormatError("a digest of a data group is out of place", offset=row.offset, data_group=number)
        digests[number] = digest
    lds = unicode = None
    if info := parts.optional(tlv.SEQUENCE, what="LDS version"):
        versions = info.reader()
        lds, unicode = (
            tlv.to_text(versions.next(tlv.PRINTABLE_STRING, tlv.UTF8_STRING, what=what)) for what in ("LDS", "Unicode")
        )
    parts.finish("LDSSecurityObject")
    return LdsSecurityObject(version, name, digests, lds, unicode)
