"""Reading the files of a chip: the first byte chooses the file."""

from __future__ import annotations

import datetime as dt
import hashlib

from cccd_core.emrtd import (
    card_security,
    com,
    details,
    dg1,
    dg2,
    dg3,
    dg13,
    dg15,
    dh_groups,
    domain_parameters,
    files,
    images,
    mrz,
    security_infos,
    sod,
    times,
    tlv,
)
from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.emrtd.curves import by_name
from cccd_core.emrtd.public_keys import EcPublicKey, parse_spki

MODULES = ("cccd_core.emrtd",)

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080040003001011100ffd9")
JP2 = (
    bytes.fromhex("0000000c6a5020200d0a870a")
    + bytes.fromhex("0000001e6a7032680000001669686472")
    + bytes.fromhex("0000004000000030000307070000")
)
J2K = bytes.fromhex("ff4fff51002f00000000003000000040000000000000000000000030000000400000000000000000000107 0101")
FINGER = b"FMR\0 20\0" + (36).to_bytes(4, "big") + bytes(2) + bytes.fromhex("012c019000c500c50100")
FINGER += bytes.fromhex("02005001") + bytes.fromhex("40140028153c") + bytes(2)
CURVE = by_name("brainpoolP256r1")
KEY = EcPublicKey(CURVE, CURVE.gx, CURVE.gy, False)
ZONE = mrz.Mrz(
    "TD1", "ID", "VNM", "303012345", "030501", "F", "280501", "VNM", "NGUYEN", "AN",
    "079303012345<<" + mrz.check_digit("079303012345"),
)  # fmt: skip
CITIZEN = dg13.CitizenFields(
    "079303012345", "Nguyễn An", dt.date(2003, 5, 1), "F", "Việt Nam", permanent=True, issue_date=dt.date(2026, 1, 2),
    father="A", mother="B", spouse="C", others={16: tlv.utf8_string("00")},
)  # fmt: skip
PERSON = details.PersonalDetails("A<<B", ("C<<D",), "1", dt.date(1980, 1, 2), proof_of_citizenship=b"x")
DOCUMENT = details.DocumentDetails("A", dt.date(2020, 1, 2), ("B",), personalised=dt.datetime(2020, 1, 2, 3, 4, 5))
CERTIFICATE = tlv.sequence(
    tlv.sequence(tlv.integer(5), tlv.sequence(), tlv.sequence(), tlv.sequence(), tlv.sequence(), KEY.spki())
)  # the parts that a SOD takes of one


def signed() -> bytes:
    """A SOD whose signature is no signature: reading does not verify."""
    writer = sod.SodWriter(CERTIFICATE, SignatureAlgorithm.ECDSA_SHA256)
    digests = {n: hashlib.sha256(bytes((n,))).digest() for n in (1, 2)}
    time = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    return writer.finish(writer.prepare(digests, version=1, signing_time=time), b"signature")


def card_security_file() -> bytes:
    """EF.CardSecurity with no signer."""
    content = tlv.encode(0xA0, tlv.octet_string(security_infos.for_card_access().encode()))
    empty = tlv.encode(tlv.SET, b"")
    encapsulated = tlv.sequence(tlv.oid(card_security.ID_SECURITY_OBJECT), content)
    message = tlv.sequence(tlv.integer(3), empty, encapsulated, empty)
    return tlv.sequence(tlv.oid("1.2.840.113549.1.7.2"), tlv.encode(0xA0, message))


READERS = (
    (dg1.parse, dg1.build(ZONE)),
    (dg2.parse, dg2.build(JPEG)),
    (dg3.parse, dg3.build({2: FINGER})),
    (dg13.parse, dg13.build(CITIZEN)),
    (details.parse_dg11, details.build_dg11(PERSON)),
    (details.parse_dg12, details.build_dg12(DOCUMENT)),
    (
        security_infos.parse,
        security_infos.build_dg14(security_infos.for_dg14(ca_public_key=KEY.spki(), active_authentication=True)),
    ),
    (dg15.parse, dg15.build(KEY.spki(explicit=True))),
    (com.parse, com.build((1, 2, 13))),
    (sod.parse, signed()),
    (images.inspect, JP2),
    (images.inspect, J2K),
    (parse_spki, KEY.spki(explicit=True)),
    (tlv.total_length, b"\x7f\x61\x82\x01\x00"),
    (lambda data: tlv.check_structure(data, what="data"), tlv.sequence(tlv.sequence(tlv.integer(1)))),
    (lambda data: mrz.parse(data.decode("latin-1")), "\n".join(ZONE.lines).encode("ascii")),
    (times.decode, tlv.encode(tlv.UTC_TIME, b"260102030405Z")),
    (lambda data: files.ElementaryFile.for_tag(data[0] if data else 0), b"\x61"),
    (dh_groups.parse_spki, dh_groups.DhPublicKey(dh_groups.GROUPS[0], dh_groups.GROUPS[0].g).spki()),
    (domain_parameters.parse, tlv.sequence(tlv.oid("1.2.840.10045.2.1"), CURVE.explicit_parameters())),
    (card_security.parse, card_security_file()),
)

SEEDS = tuple(bytes((number,)) + seed for number, (_, seed) in enumerate(READERS))


def target(data: bytes) -> None:
    """Reads `data[1:]` as the file that `data[0]` chooses."""
    if data:
        READERS[data[0] % len(READERS)][0](data[1:])
