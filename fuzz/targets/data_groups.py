"""Reading data groups of other States: records of every edition, zones as typed, names. The first byte chooses."""

from __future__ import annotations

import struct

from cccd_core.emrtd import cbeff, dates, dg2, dg3, dg16, displayed, mrz, names, records, tlv
from cccd_core.emrtd.odd import OddParts

MODULES = ("cccd_core.emrtd",)

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080040003001011100ffd9")
WSQ = bytes.fromhex("ffa0ffa8000361ffa2001100ff00500040000000000000000000ffa1")
FACE = tlv.sequence(
    tlv.encode(0x80, b"\0")
    + tlv.encode(
        0xA1,
        tlv.encode(
            0xA0,
            tlv.encode(
                0xA0,
                tlv.encode(0x80, JPEG)
                + tlv.encode(0xA1, bytes.fromhex("a003800102") + tlv.encode(0xA7, bytes.fromhex("800130810140"))),
            ),
        ),
    )
    + tlv.encode(0xA8, bytes.fromhex("a005a103800103"))
)
FINGER = tlv.sequence(bytes.fromhex("a003800102a103800100a203800101") + tlv.encode(0x83, WSQ))
VERSION = tlv.encode(0xA0, bytes.fromhex("800103810207e3"))
POINTS = struct.pack(">IHBBB3sH3s3s", 32 + len(JPEG), 0, 1, 0, 0, bytes(3), 0, bytes(3), bytes(3))
FACE_2005 = POINTS + struct.pack(">BBHHBBHH", 1, 0, 48, 64, 1, 0, 0, 0) + JPEG
FACE_2011 = (
    (51 + len(JPEG)).to_bytes(4, "big") + bytes(15) + bytes(17)
    + struct.pack(">BBHHBHBB", 1, 0, 48, 64, 0, 0, 0, 1) + len(JPEG).to_bytes(4, "big") + JPEG
)  # fmt: skip
FINGER_2005 = struct.pack(">IBBBBBHHB", 14 + len(WSQ), 2, 1, 1, 80, 0, 64, 80, 0) + WSQ
FINGER_2011 = (
    (41 + len(WSQ)).to_bytes(4, "big") + bytes(15)
    + struct.pack(">BBBHHHHBBBHH", 7, 0, 1, 500, 500, 500, 500, 8, 2, 0, 64, 80) + len(WSQ).to_bytes(4, "big") + WSQ
)  # fmt: skip


def group(tag: int, kind: int, *blocks: bytes, constructed: bool = False) -> bytes:
    """A data group of templates that hold `blocks`."""
    return cbeff.build(tag, [cbeff.BiometricTemplate(kind, 0, 0x0101, 8, block, constructed) for block in blocks])


def record(magic: bytes, head: bytes, length_bytes: int, *blocks: bytes) -> bytes:
    """A record of ISO/IEC 19794: `head` stands between its length and its blocks."""
    content = head + b"".join(blocks)
    return magic + (len(magic) + length_bytes + len(content)).to_bytes(length_bytes, "big") + content


def face_39794(*faces: bytes) -> bytes:
    """A data block of ISO/IEC 39794-5."""
    return tlv.encode(0xA1, tlv.encode(0x65, VERSION + tlv.encode(0xA1, b"".join(faces))))


RECORD_2005 = record(b"FAC\x00010\0", b"\0\1", 4, FACE_2005)
RECORD_2011 = record(b"FAC\x00030\0", b"\0\1\0\0\0", 4, FACE_2011)
FINGERS_2005 = record(b"FIR\x00010\0", struct.pack(">HHBBHHHHBBH", 0, 31, 1, 1, *[500] * 4, 8, 2, 0), 6, FINGER_2005)
FINGERS_2011 = record(b"FIR\x00020\0", b"\0\1\0\1", 4, FINGER_2011)
PERSON = tlv.encode(0xA1, tlv.encode(0x5F50, b"20260102") + tlv.encode(0x5F51, b"A<<B"))
ZONE = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"

READERS = (
    (dg2.parse, group(0x75, 2, RECORD_2005, RECORD_2011)),
    (dg2.parse, group(0x75, 2, face_39794(FACE), constructed=True)),
    (dg3.parse, group(0x63, 8, FINGERS_2005, FINGERS_2011)),
    (dg3.parse, group(0x63, 8, tlv.encode(0x64, VERSION + tlv.encode(0xA1, FINGER)))),
    (lambda data: cbeff.parse(data, 0x76, what="DG4"), group(0x76, 16, b"iris")),
    (lambda data: records.read(data, OddParts(), "block"), RECORD_2005),
    (displayed.parse_dg5, tlv.encode(0x65, tlv.integer(1) + tlv.encode(0x5F40, JPEG))),
    (displayed.parse_dg7, tlv.encode(0x67, tlv.integer(1) + tlv.encode(0x5F43, JPEG))),
    (dg16.parse, tlv.encode(0x70, tlv.integer(1) + PERSON)),
    (dates.parse, b"19600000"),
    (dates.parse_time, b"20260102030405"),
    (lambda data: mrz.parse_typed(data.decode("utf-8", "replace")), ZONE.encode()),
    (lambda data: names.transliterate(data.decode("utf-8", "replace")), "Ləman Đỗ".encode()),
    (lambda data: names.transliterate(data.decode("utf-8", "replace"), language="uk"), "Їжак".encode()),
)

SEEDS = tuple(bytes((number,)) + seed for number, (_, seed) in enumerate(READERS))


def large() -> tuple[bytes, ...]:
    """As many parts as fit, in each kind of holder."""
    room = 60_000
    return (
        b"\0" + tlv.encode(0x75, tlv.encode(0x7F61, tlv.integer(1) + tlv.encode(0x7F60, b"") * (room // 3))),
        b"\0" + tlv.encode(0x75, tlv.encode(0x7F61, b"\x81\0" * (room // 2))),
        b"\0" + group(0x75, 2, *[RECORD_2005[:14] + b"\0\0\0\x20" * (room // 64)] * 16),
        b"\1" + group(0x75, 2, face_39794(*[FACE] * (room // len(FACE))), constructed=True),
        b"\1" + group(0x75, 2, face_39794(tlv.sequence(b"\x80\0" * (room // 2))), constructed=True),
        b"\3" + group(0x63, 8, tlv.encode(0x64, VERSION + tlv.encode(0xA1, FINGER * (room // len(FINGER))))),
        b"\6" + tlv.encode(0x65, tlv.encode(0x5F40, JPEG) * (room // (len(JPEG) + 3))),
        b"\6" + tlv.encode(0x65, tlv.encode(0x5F40, b"\xff\xd8" + b"\xff\xe0\0\2" * (room // 4))),
        b"\x08" + tlv.encode(0x70, PERSON * (room // len(PERSON))),
        b"\x0c" + "Đ".encode() * 1000,
    )


def target(data: bytes) -> None:
    """Reads `data[1:]` as what `data[0]` chooses."""
    if data:
        READERS[data[0] % len(READERS)][0](data[1:])
