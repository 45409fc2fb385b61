"""The hash algorithms of the card side: names, identifiers, sizes; and the parameters of RSA-PSS, which name two.

Whether one is strong enough is not said here. RFC 5754 clause 2 (identifiers), RFC 4055 clauses 2.1 and 3.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError

HASH_OIDS = {
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_UNREAD = {
    "1.2.840.113549.2.2": "MD2",
    "1.2.840.113549.2.4": "MD4",
    "1.2.840.113549.2.5": "MD5",
    "1.3.36.3.2.1": "RIPEMD-160",
    "2.16.840.1.101.3.4.2.5": "SHA-512/224",
    "2.16.840.1.101.3.4.2.6": "SHA-512/256",
    "2.16.840.1.101.3.4.2.7": "SHA3-224",
    "2.16.840.1.101.3.4.2.8": "SHA3-256",
    "2.16.840.1.101.3.4.2.9": "SHA3-384",
    "2.16.840.1.101.3.4.2.10": "SHA3-512",
    "1.2.156.10197.1.401": "SM3",
}
HASH_SIZES = {"sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
HASH_NAMES = {oid: name for name, oid in HASH_OIDS.items()}

_FUNCTIONS = {
    "sha1": hashlib.sha1,
    "sha224": hashlib.sha224,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}
_MGF1 = "1.2.840.113549.1.1.8"
_MAX_SALT_BYTES = 1024


class UnknownHashError(FormatError):
    """A hash whose identifier was read and is not known here: what it was used for cannot be checked."""


@dataclass(frozen=True, slots=True)
class PssParameters:
    """What RSASSA-PSS-params say: the hash, the hash of MGF1, the salt in bytes."""

    hash_name: str
    mask_hash: str
    salt_bytes: int


def digest(name: str, data: bytes) -> bytes:
    """The hash `name` of `data`."""
    return _FUNCTIONS[name](data).digest()


def hash_identifier(name: str) -> bytes:
    """The DER AlgorithmIdentifier of a hash, parameters absent (RFC 5754 clause 2)."""
    return tlv.sequence(tlv.oid(HASH_OIDS[name]))


def hash_label(identifier: str) -> str:
    """What a hash that is not known here is called; empty where that is not known either."""
    return _UNREAD.get(identifier, "")


def parse_hash(found: tlv.Tlv) -> str:
    """The name of the hash of an AlgorithmIdentifier that was read. UnknownHashError for one that is not known here,
    by its name where it has one."""
    identifier = tlv.to_oid(found.reader().next(tlv.OID, what="hash algorithm"))
    if identifier not in HASH_NAMES:
        raise UnknownHashError(
            "a hash algorithm that is not known here", offset=found.offset, algorithm=identifier,
            name=hash_label(identifier),
        )  # fmt: skip
    return HASH_NAMES[identifier]


def parse_pss(given: tlv.Tlv | None) -> PssParameters:
    """Reads RSASSA-PSS-params; what is absent has its default: SHA-1, MGF1 with SHA-1, 20 bytes of salt, trailer 1.
    FormatError for another mask generation function, trailer or hash."""
    hash_name = mask_hash = "sha1"
    salt_bytes = 20
    last = 0x9F
    for part in given.reader() if given else ():
        inner = part.reader()
        if part.tag <= last:
            raise FormatError("RSA-PSS parameters are out of order", offset=part.offset, tag=f"{part.tag:X}")
        last = part.tag
        if part.tag == 0xA0:
            hash_name = parse_hash(inner.next(tlv.SEQUENCE, what="hash"))
        elif part.tag == 0xA1:
            generator = inner.next(tlv.SEQUENCE, what="mask generation").reader()
            if tlv.to_oid(generator.next(tlv.OID, what="mask generation")) != _MGF1:
                raise FormatError("an unknown mask generation function", offset=part.offset)
            mask_hash = parse_hash(generator.next(tlv.SEQUENCE, what="hash"))
        elif part.tag == 0xA2:
            salt_bytes = tlv.to_integer(inner.next(tlv.INTEGER, what="salt length"))
        elif part.tag != 0xA3 or tlv.to_integer(inner.next(tlv.INTEGER, what="trailer")) != 1:
            raise FormatError("unknown RSA-PSS parameters", offset=part.offset, tag=f"{part.tag:X}")
        inner.finish("RSA-PSS parameters")
    if not 0 <= salt_bytes <= _MAX_SALT_BYTES:
        raise FormatError("RSA-PSS parameters with an impossible salt", salt_bytes=salt_bytes)
    return PssParameters(hash_name, mask_hash, salt_bytes)
