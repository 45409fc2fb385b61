"""BER is brought into definite lengths, and into DER; what is no BER is refused with its offset, within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cccd_core.emrtd import ber, tlv
from cccd_core.errors import FormatError


@pytest.mark.parametrize(
    ("data", "definite"),
    [
        ("3080020101 0000", "3003020101"),
        ("308030800000 0000", "30023000"),
        ("2480 0402AABB 0401CC 0000", "0403AABBCC"),
        ("2407 0402AABB 0401CC", "0403AABBCC"),
        ("2480 2480 0401AA 0000 0401BB 0000", "0402AABB"),
        ("24800000", "0400"),
        ("2380 030300AABB 030204C0 0000", "030404AABBC0"),
        ("2C80 0C0161 0C0162 0000", "0C026162"),
        ("A080 0401AA 0000", "A0030401AA"),
        ("3083000003 020101", "3083000003020101"),  # a long length may be signed so
        ("3005 8103 0201 01", "30058103020101"),
        ("77 80 30 80 0000 0000", "77023000"),
        ("7F6180 0201FF 0000", "7F61030201FF"),
    ],
)
def test_definite(data: str, definite: str) -> None:
    raw = bytes.fromhex(data)
    assert ber.to_definite(raw).hex().upper() == definite
    assert ber.to_definite(ber.to_definite(raw)) == ber.to_definite(raw)


@pytest.mark.parametrize(
    ("data", "der"),
    [
        ("318106040102040101", "3106040101040102"),
        ("3106040102040101", "3106040101040102"),
        ("3180 0401020401010000", "3106040101040102"),
        ("31080403010203020101", "31080201010403010203"),
        ("3003010101", "30030101FF"),
        ("3003010100", "3003010100"),
        ("3083000003020101", "3003020101"),
        ("30 06 04 01 02 04 01 01", "3006040102040101"),  # a SEQUENCE keeps its order
    ],
)
def test_der(data: str, der: str) -> None:
    raw = bytes.fromhex(data)
    assert ber.to_der(raw).hex().upper() == der


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        ("0480AABB0000", 0),  # a primitive data object of indefinite length
        ("3080020101", 5),  # no end of contents
        ("308002010100", 5),
        ("30020000", 2),  # an end of contents where nothing ends
        ("30800000FF", 4),  # bytes behind
        ("30050201", 0),
        ("3003020201", 2),
        ("2480 0201010000", 0),  # a piece that is no string
        ("2380 0300 0302 04C0 0000", 0),
        ("2380 030204C0 030200AA 0000", 0),
        ("", 0),
        ("1F808001", 0),
    ],
)
def test_refused(data: str, offset: int) -> None:
    for convert in (ber.to_definite, ber.to_der):
        with pytest.raises(FormatError) as caught:
            convert(bytes.fromhex(data))
        assert caught.value.facts.get("offset", 0) == offset


def test_depth_and_number_are_bounded() -> None:
    def nest(depth: int) -> bytes:
        return b"\x30\x80" * depth + b"\0\0" * depth

    assert ber.to_definite(nest(ber.MAX_DEPTH))
    for data in (nest(ber.MAX_DEPTH + 2), nest(30_000), b"\x24\x80" * 30_000, b"\x30" * 60_000):
        with pytest.raises(FormatError):
            ber.to_definite(data)
    with pytest.raises(FormatError, match="too many parts"):
        ber.to_definite(tlv.sequence(b"\x05\x00" * (ber.MAX_OBJECTS + 1)))


def test_a_reader_sees_the_second_form_only_where_it_refused_the_first() -> None:
    seen: list[bytes] = []

    def parse(data: bytes) -> int:
        seen.append(data)
        return tlv.to_integer(tlv.read_one(data, tlv.SEQUENCE).reader().next(tlv.INTEGER))

    assert ber.read(parse, bytes.fromhex("3003020105")) == 5
    assert len(seen) == 1
    assert ber.read(parse, bytes.fromhex("30800201050000")) == 5
    assert len(seen) == 3
    for data in ("3003040105", "30030201", "3080040105"):
        with pytest.raises(FormatError):
            ber.read(parse, bytes.fromhex(data))
    assert len(seen) == 6  # what has no other form is not read twice


DATA = st.recursive(
    st.binary(max_size=20).map(tlv.octet_string),
    lambda inner: st.lists(inner, max_size=4).map(lambda parts: tlv.sequence(*parts)),
    max_leaves=20,
)


def indefinite(data: bytes) -> bytes:
    """The same in indefinite lengths, octet strings in pieces of 7."""
    found = tlv.read_one(data)
    if found.tag == tlv.OCTET_STRING:
        pieces = [tlv.octet_string(found.value[at : at + 7]) for at in range(0, len(found.value), 7)]
        return b"\x24\x80" + b"".join(pieces) + b"\0\0"
    return b"\x30\x80" + b"".join(indefinite(tlv.encode(e.tag, e.value)) for e in found.reader()) + b"\0\0"


@given(DATA)
def test_indefinite_forms_come_back(data: bytes) -> None:
    assert ber.to_definite(data) == data
    assert ber.to_definite(indefinite(data)) == data
    assert ber.to_der(indefinite(data)) == data


@given(st.binary(max_size=200))
def test_bytes_are_converted_or_refused(data: bytes) -> None:
    try:
        tlv.read_one(ber.to_definite(data))
        tlv.check_structure(ber.to_der(data), what="data", der=True)
    except FormatError:
        pass


def test_signed_attributes_in_der_are_what_a_walk_makes_of_them() -> None:
    """The glance at what nearly all write, against the walk: every byte of good attributes is changed once."""
    parts = [
        tlv.sequence(tlv.oid("1.2.840.113549.1.9.3"), tlv.encode(tlv.SET, tlv.oid("2.23.136.1.1.1"))),
        tlv.sequence(tlv.oid("1.2.840.113549.1.9.4"), tlv.encode(tlv.SET, tlv.octet_string(bytes(32)))),
    ]
    good = tlv.set_of(parts)
    assert ber.to_der(good) == good
    assert ber.to_der(tlv.encode(tlv.SET, b"".join(sorted(parts, reverse=True)))) == good
    for position in range(len(good)):
        for mask in (0x01, 0x20, 0x80, 0xFF):
            changed = bytearray(good)
            changed[position] ^= mask
            try:
                walked = ber._whole(bytes(changed), canonical=True)
            except FormatError:
                with pytest.raises(FormatError):
                    ber.to_der(bytes(changed))
            else:
                assert ber.to_der(bytes(changed)) == walked
