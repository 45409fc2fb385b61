"""Certificates and signed messages byte by byte, in whatever form a test wants: every part may be replaced."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from cccd_core.emrtd import cms, sod, times, tlv
from cccd_core.emrtd.hashes import hash_identifier
from cccd_core.signing import SoftwareSigner
from support import countries

AT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
SINCE, UNTIL = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2040, 1, 1, tzinfo=dt.UTC)
ECDSA_SHA256 = tlv.sequence(tlv.oid("1.2.840.10045.4.3.2"))

KEY_USAGE_CA = bytes.fromhex("300E0603551D0F0101FF040403020106")
KEY_USAGE_SIGNER = bytes.fromhex("300E0603551D0F0101FF040403020780")
CA_TRUE = bytes.fromhex("30120603551D130101FF040830060101FF020100")

Sign = Callable[[bytes], bytes]


def attribute(kind: str, value: str, tag: int = tlv.UTF8_STRING, codec: str = "utf-8") -> bytes:
    """One AttributeTypeAndValue."""
    oids = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8",
            "DC": "0.9.2342.19200300.100.1.25", "EMAIL": "1.2.840.113549.1.9.1"}  # fmt: skip
    return tlv.sequence(tlv.oid(oids.get(kind, kind)), tlv.encode(tag, value.encode(codec)))


def name(*parts: tuple[str, str]) -> bytes:
    """A Name of one attribute a part, C as PrintableString."""
    return tlv.sequence(
        *(tlv.set_of([attribute(k, v, tlv.PRINTABLE_STRING if k == "C" else tlv.UTF8_STRING)]) for k, v in parts)
    )


ZONE = b"IDVNM0990000017001099000001<<89905016M3905014VNM<<<<<<<<<<<2NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<"
DG1 = tlv.encode(0x61, tlv.encode(0x5F1F, ZONE))
CSCA_NAME = name(("C", "VN"), ("O", "Test"), ("CN", "CSCA"))
SIGNER_NAME = name(("C", "VN"), ("O", "Test"), ("CN", "DS 1"))


def extension(identifier: str, value: bytes, *, critical: bool = False) -> bytes:
    """One Extension."""
    return tlv.sequence(tlv.oid(identifier), b"\x01\x01\xff" if critical else b"", tlv.octet_string(value))


def dg1(zone: str) -> bytes:
    """DG1 of a zone, whatever it holds."""
    return tlv.encode(0x61, tlv.encode(0x5F1F, zone.encode("ascii")))


ZONE = "IDVNM0990000017001099000001<<89905016M3905014VNM<<<<<<<<<<<2NGUYEN<<VAN<A<<<<<<<<<<<<<<<<<"


@dataclass
class Party:
    """A key with what its certificate says; `sign` signs with the scheme of `algorithm`."""

    spki: bytes
    sign: Sign
    name: bytes
    serial: bytes
    algorithm: bytes = ECDSA_SHA256
    certificate: bytes = b""

    @property
    def key_identifier(self) -> bytes:
        """SHA-1 of the key's bits."""
        parts = tlv.read_one(self.spki).reader()
        parts.next()
        return hashlib.sha1(parts.next().value[1:]).digest()


def party(name_der: bytes, serial: int, key: countries.Key | None = None) -> Party:
    """Someone with a P-256 key, unless another is given."""
    private = key or ec.generate_private_key(ec.SECP256R1())
    signer = SoftwareSigner(private, b"")
    return Party(countries.spki(private), signer.sign, name_der, tlv.integer(serial), signer.algorithm.identifier)


def certificate(
    subject: Party, issuer: Party, extensions: Iterable[bytes], *, issuer_name: bytes | None = None,
    since: bytes = times.encode(SINCE), until: bytes = times.encode(UNTIL), version: bytes | None = None,
) -> bytes:  # fmt: skip
    """A certificate of `subject` by `issuer`."""
    rows = b"".join(extensions)
    body = tlv.sequence(
        tlv.encode(0xA0, tlv.integer(2)) if version is None else version,
        subject.serial, issuer.algorithm, issuer_name or issuer.name, tlv.sequence(since, until), subject.name,
        subject.spki, tlv.encode(0xA3, tlv.sequence(rows)) if rows else b"",
    )  # fmt: skip
    return tlv.sequence(body, issuer.algorithm, tlv.bit_string(issuer.sign(body)))


def identifiers(subject: Party, issuer: Party) -> list[bytes]:
    """Both key identifiers."""
    return [
        extension("2.5.29.35", tlv.sequence(tlv.encode(0x80, issuer.key_identifier))),
        extension("2.5.29.14", tlv.octet_string(subject.key_identifier)),
    ]


@dataclass
class Base:
    """The base of the cases: a CSCA and a document signer, both of P-256 unless others are given."""

    csca: Party = field(default_factory=lambda: party(CSCA_NAME, 1))
    signer: Party = field(default_factory=lambda: party(SIGNER_NAME, 2))
    csca_more: Sequence[bytes] = ()
    signer_more: Sequence[bytes] = ()
    groups: Mapping[int, bytes] = field(default_factory=lambda: {1: dg1(ZONE), 2: b"\x75\x03two"})

    def __post_init__(self) -> None:
        csca, signer = self.csca, self.signer
        csca.certificate = certificate(
            csca, csca, [KEY_USAGE_CA, CA_TRUE, *identifiers(csca, csca), *self.csca_more]
        )  # fmt: skip
        signer.certificate = certificate(
            signer, csca, [KEY_USAGE_SIGNER, *identifiers(signer, csca), *self.signer_more]
        )  # fmt: skip

    @property
    def content(self) -> bytes:
        """The LDSSecurityObject of the groups, SHA-256."""
        digests = {number: hashlib.sha256(data).digest() for number, data in self.groups.items()}
        return sod.encode_security_object(sod.LdsSecurityObject(0, "sha256", digests))


def attributes(content: bytes, content_type: str = sod.LDS_SECURITY_OBJECT, *more: bytes) -> list[bytes]:
    """The two signed attributes, and more."""
    digest = tlv.octet_string(hashlib.sha256(content).digest())
    return [
        tlv.sequence(tlv.oid(cms.CONTENT_TYPE), tlv.encode(tlv.SET, tlv.oid(content_type))),
        tlv.sequence(tlv.oid(cms.MESSAGE_DIGEST), tlv.encode(tlv.SET, digest)),
        *more,
    ]


def signing_time(encoded: bytes) -> bytes:
    """The signed attribute with that Time."""
    return tlv.sequence(tlv.oid(cms.SIGNING_TIME), tlv.encode(tlv.SET, encoded))


def message(
    base: Base, *, content: bytes | None = None, content_type: str = sod.LDS_SECURITY_OBJECT,
    signed: Sequence[bytes] | None = None, sent: Sequence[bytes] | None = None, to_sign: bytes | None = None,
    identifier: bytes | None = None, certificates: Sequence[bytes] | None = None, algorithm: bytes | None = None,
    tag: int | None = 0x77, signature: bytes | None = None, signer_version: int = 1, version: int = 3,
) -> bytes:  # fmt: skip
    """EF.SOD (or the message alone, where `tag` is None) of the base; each part may be given.

    `signed` are the signed attributes, `sent` the same in the order of the message, `to_sign` what the signature is
    over where it is not their DER.
    """
    signer = base.signer
    content = base.content if content is None else content
    signed = attributes(content, content_type) if signed is None else signed
    over = tlv.set_of(signed) if to_sign is None else to_sign
    identifier = identifier or tlv.sequence(base.csca.name, signer.serial)
    info = tlv.sequence(
        tlv.integer(signer_version), identifier, hash_identifier("sha256"),
        tlv.encode(0xA0, b"".join(sorted(signed) if sent is None else sent)) if signed else b"",
        algorithm or signer.algorithm,
        tlv.octet_string((signer.sign(over if signed else content)) if signature is None else signature),
    )  # fmt: skip
    inside = [signer.certificate] if certificates is None else certificates
    data = tlv.sequence(
        tlv.integer(version), tlv.encode(tlv.SET, hash_identifier("sha256")),
        tlv.sequence(tlv.oid(content_type), tlv.encode(0xA0, tlv.octet_string(content))),
        tlv.encode(0xA0, b"".join(inside)) if inside else b"", tlv.encode(tlv.SET, info),
    )  # fmt: skip
    whole = tlv.sequence(tlv.oid(cms.SIGNED_DATA), tlv.encode(0xA0, data))
    return whole if tag is None else tlv.encode(tag, whole)
