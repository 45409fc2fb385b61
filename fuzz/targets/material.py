"""Trust material of every kind, LDIF, names, BER and times: the first byte chooses."""

from __future__ import annotations

import base64

from cccd_core.emrtd import ber, times, tlv
from cccd_core.pki import extensions, ldif, material, names, signatures
from fuzz.targets.pki import CRL, CSCA, NOW, SIGNER, SOD, master_list

MODULES = ("cccd_core.emrtd", "cccd_core.pki")

LIST = master_list()
PEM = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(CSCA) + b"-----END CERTIFICATE-----\n"
LDIF = b"".join(
    b"dn: c=%d\n%s:: %s\n\n" % (at, name, base64.b64encode(data))
    for at, (name, data) in enumerate(
        (
            (b"userCertificate;binary", SIGNER),
            (b"certificateRevocationList;binary", CRL),
            (b"pkdMasterListContent", LIST),
        )
    )
)
NAME = tlv.sequence(tlv.set_of([tlv.sequence(tlv.oid("2.5.4.3"), tlv.utf8_string("TEST Đỗ"))]))
PSS = bytes.fromhex(
    "304106092A864886F70D01010A3034A00F300D06096086480165030402010500A11C301A06092A864886F70D010108300D"
    "06096086480165030402010500A203020120"
)
EXTENSIONS = tlv.sequence(
    tlv.sequence(tlv.oid("2.5.29.15"), b"\x01\x01\xff", tlv.octet_string(bytes.fromhex("03020780"))),
    tlv.sequence(tlv.oid("2.5.29.37"), tlv.octet_string(bytes.fromhex("30080606678108010103"))),
    tlv.sequence(tlv.oid("2.5.29.31"), tlv.octet_string(bytes.fromhex("300CA00A300830068604613A2F2F"))),
)


def whole(data: bytes) -> None:
    """Material, and the store that it makes."""
    material.read(data, "fuzz").trust_store(NOW)


READERS = (
    (whole, PEM),
    (whole, LDIF),
    (whole, CSCA + CRL),
    (whole, LIST),
    (lambda data: list(ldif.read(data)), LDIF[:400]),
    (names.parse, NAME),
    (ber.to_definite, b"\x30\x80\x24\x80\x04\x01a\x04\x01b\x00\x00\x00\x00"),
    (ber.to_der, SOD),
    (times.decode, b"\x18\x1320250101000000.123Z"),
    (lambda data: signatures.parse_scheme(data, digest="sha256"), PSS),
    (lambda data: extensions.read(tlv.read_one(data)), EXTENSIONS),
)

SEEDS = tuple(bytes((number,)) + seed for number, (_, seed) in enumerate(READERS))


def large() -> tuple[bytes, ...]:
    """Folded lines, blocks without an end, lengths without an end."""
    return (
        b"\x00" + b"-----BEGIN CERTIFICATE-----\n" * 2300,
        b"\x01dn: a\nuserCertificate::\n" + b" \n" * 30_000,
        b"\x01dn: a\n" + b"userCertificate:x\n" * 3600,
        b"\x02" + b"\x30\x00" * 32_000,
        b"\x02" + b"\x30\x80" * 32_000,
        b"\x06" + b"\x24\x80" * 32_000,
        b"\x07" + tlv.encode(tlv.SET, b"\x05\x00" * 32_000),
        b"\x05" + tlv.sequence(tlv.set_of([tlv.sequence(tlv.oid("2.5.4.3"), tlv.utf8_string("ﷺ" * 2600))])),
    )


def target(data: bytes) -> None:
    """Reads `data[1:]` as what `data[0]` chooses."""
    if data:
        READERS[data[0] % len(READERS)][0](data[1:])
