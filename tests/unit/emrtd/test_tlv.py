"""The strict TLV reader and writer."""

from __future__ import annotations

import pytest

from cccd_core.emrtd import tlv
from cccd_core.errors import FormatError, ParameterError


@pytest.mark.parametrize(
    ("data", "tag", "value_offset", "length"),
    [
        ("0500", 0x05, 2, 0),
        ("7F610102", 0x7F61, 3, 1),
        ("5F2E0141", 0x5F2E, 3, 1),
        ("04820001AA", 0x04, 4, 1),  # longer than need be, as chips write it
        ("DF810102AABB", 0xDF8101, 4, 2),
    ],
)
def test_reads(data: str, tag: int, value_offset: int, length: int) -> None:
    found = tlv.read_one(bytes.fromhex(data))
    assert (found.tag, found.value_offset, len(found.value)) == (tag, value_offset, length)
    assert found.end == len(bytes.fromhex(data))
    assert tlv.total_length(bytes.fromhex(data)) == len(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        ("", 0),
        ("7F", 0),
        ("7F81", 0),
        ("DF81818101", 0),  # tag of five bytes
        ("5F1E", 2),  # a length is missing: two bytes for a low number are Doc 9303's own
        ("5F8001", 0),  # leading zero group
        ("04", 1),
        ("0480", 1),  # indefinite
        ("0482FF", 1),
        ("04850000000001AA", 1),
        ("0402AA", 0),
        ("0400FF", 2),  # bytes behind the end
    ],
)
def test_refuses_with_the_offset(data: str, offset: int) -> None:
    with pytest.raises(FormatError) as caught:
        tlv.read_one(bytes.fromhex(data))
    assert caught.value.facts["offset"] == offset


@pytest.mark.parametrize("data", ["048101AA", "04820080" + 128 * "00", "0483000001AA"])
def test_der_wants_the_shortest_length(data: str) -> None:
    tlv.read_one(bytes.fromhex(data))
    with pytest.raises(FormatError, match="shortest"):
        tlv.read_one(bytes.fromhex(data), der=True)


def test_offsets_count_from_the_outermost_buffer() -> None:
    data = bytes.fromhex("300A" + "0401AA" + "300504024142" + "05")
    outer = tlv.read_one(data)
    reader = outer.reader()
    assert reader.next(0x04).offset == 2
    inner = reader.next(0x30)
    assert (inner.offset, inner.value_offset) == (5, 7)
    with pytest.raises(FormatError) as caught:
        inner.reader().next(0x02, what="number")
    assert caught.value.facts == {"offset": 7, "tag": "4", "expected": "2"}


def test_a_long_length_takes_no_memory() -> None:
    with pytest.raises(FormatError, match="longer than what holds it"):
        tlv.read_one(bytes.fromhex("0484FFFFFFFF00"))


def test_structure_is_walked_without_recursion() -> None:
    deep = b""
    for _ in range(3000):
        deep = tlv.encode(0x30, deep)
    with pytest.raises(FormatError, match="nested too deeply"):
        tlv.check_structure(deep, what="data")
    tlv.check_structure(tlv.sequence(tlv.sequence(tlv.integer(1)), tlv.octet_string(b"\x30\x80")), what="data")
    with pytest.raises(FormatError) as caught:
        tlv.check_structure(bytes.fromhex("3005" + "3003" + "040241"), what="data")
    assert caught.value.facts["offset"] == 4


@pytest.mark.parametrize(
    ("length", "head"),
    [(0, "0400"), (127, "047F"), (128, "048180"), (255, "0481FF"), (256, "04820100"), (65536, "0483010000")],
)
def test_writes_the_shortest_length(length: int, head: str) -> None:
    data = tlv.encode(0x04, bytes(length))
    assert data.startswith(bytes.fromhex(head))
    assert len(tlv.read_one(data, der=True).value) == length


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "020100"), (127, "02017F"), (128, "02020080"), (256, "02020100"),
        (-1, "0201FF"), (-128, "020180"), (-129, "0202FF7F"),
    ],
)  # fmt: skip
def test_integers(value: int, encoded: str) -> None:
    if value >= 0:
        assert tlv.integer(value).hex().upper() == encoded
    assert tlv.to_integer(tlv.read_one(bytes.fromhex(encoded))) == value


@pytest.mark.parametrize("data", ["0200", "02020001", "0202FFFF", "0209010000000000000000"])
def test_integers_that_are_none(data: str) -> None:
    with pytest.raises(FormatError):
        tlv.to_integer(tlv.read_one(bytes.fromhex(data)))


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [
        ("2.23.136.1.1.1", "0606678108010101"),
        ("1.2.840.113549.1.7.2", "06092A864886F70D010702"),
        ("0.4.0.127.0.7.2.2.4.2.2", "060A04007F00070202040202"),
        ("2.999.3", "0603883703"),
    ],
)
def test_object_identifiers(dotted: str, encoded: str) -> None:
    assert tlv.oid(dotted).hex().upper() == encoded
    assert tlv.to_oid(tlv.read_one(bytes.fromhex(encoded))) == dotted


@pytest.mark.parametrize("data", ["0600", "060188", "06028001", "0641" + 65 * "01"])
def test_object_identifiers_that_are_none(data: str) -> None:
    with pytest.raises(FormatError):
        tlv.to_oid(tlv.read_one(bytes.fromhex(data)))


@pytest.mark.parametrize("dotted", ["", "1", "3.1", "1.40", "1.x", "1.-2"])
def test_object_identifiers_that_are_not_written(dotted: str) -> None:
    with pytest.raises(ParameterError):
        tlv.oid(dotted)


def test_texts_do_not_enter_errors() -> None:
    with pytest.raises(FormatError) as caught:
        tlv.to_text(tlv.read_one(tlv.encode(tlv.UTF8_STRING, b"geheim\xff")))
    assert "geheim" not in str(caught.value)
    assert caught.value.facts["offset"] == 8
    with pytest.raises(FormatError):
        tlv.to_text(tlv.read_one(tlv.encode(tlv.PRINTABLE_STRING, "Đ".encode())))
    with pytest.raises(FormatError, match="too long"):
        tlv.to_text(tlv.read_one(tlv.utf8_string("x" * 5000)))


def test_set_of_is_in_ascending_order_of_encodings() -> None:
    parts = [tlv.integer(300), tlv.integer(2), tlv.integer(1)]
    assert tlv.set_of(parts) == bytes.fromhex("310A" + "020101" + "020102" + "0202012C")
