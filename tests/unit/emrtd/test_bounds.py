"""What is repeated without end ends with an error after a stated number of steps, not with the data."""

from __future__ import annotations

import pytest

from cccd_core.emrtd import cms, dg3, images, tlv
from cccd_core.errors import FormatError
from cccd_core.pki import extensions, names, parse_certificate


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * 60_000,
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 15_000,
        bytes.fromhex("0000000C6A5020200D0A870A") + b"\0\0\0\x08free" * 8_000,
    ],
    ids=["fill bytes", "segments", "boxes"],
)
def test_image_heads(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        images.inspect(data)
    offset = caught.value.facts["offset"]
    assert isinstance(offset, int)
    assert offset < 8 * images.MAX_STEPS + 20


def test_certificates_of_too_many_parts() -> None:
    row = tlv.set_of([tlv.sequence(tlv.oid("2.5.4.3"), tlv.utf8_string("x"))])
    assert names.parse(tlv.sequence(row * 64)).key
    with pytest.raises(FormatError, match="too many"):
        names.parse(tlv.sequence(row * 65))
    with pytest.raises(FormatError, match="too long"):
        names.parse(tlv.sequence(tlv.set_of([tlv.sequence(tlv.oid("2.5.4.3"), tlv.utf8_string("x" * 9000))])))
    many = [tlv.sequence(tlv.oid(f"1.2.{number}"), tlv.octet_string(b"")) for number in range(65)]
    extensions.read(tlv.read_one(tlv.sequence(*many[:64])))
    with pytest.raises(FormatError, match="too many"):
        extensions.read(tlv.read_one(tlv.sequence(*many)))
    purposes = tlv.sequence(tlv.oid("2.5.29.37"), tlv.octet_string(tlv.sequence(tlv.oid("1.2.3") * 129)))
    broken = extensions.read(tlv.read_one(tlv.sequence(purposes))).broken
    assert broken["2.5.29.37"].facts["limit"] == extensions.MAX_ITEMS
    with pytest.raises(FormatError, match="too long"):
        parse_certificate(bytes(40_000))


def message(certificates: bytes, signers: bytes) -> bytes:
    content = tlv.sequence(tlv.oid("1.2.3"), tlv.encode(0xA0, tlv.octet_string(b"x")))
    signed = tlv.sequence(
        tlv.integer(3), tlv.encode(tlv.SET, b""), content, tlv.encode(0xA0, certificates), tlv.encode(tlv.SET, signers)
    )
    return tlv.sequence(tlv.oid(cms.SIGNED_DATA), tlv.encode(0xA0, signed))


def signer(attributes: int) -> bytes:
    attribute = tlv.sequence(tlv.oid("1.2.3"), tlv.set_of([tlv.NULL_VALUE]))
    algorithm = tlv.sequence(tlv.oid("1.2.3"))
    name = tlv.sequence(tlv.sequence(), tlv.integer(1))
    signed = tlv.encode(0xA0, attribute * attributes)
    return tlv.sequence(tlv.integer(1), name, algorithm, signed, algorithm, tlv.octet_string(b"s"))


@pytest.mark.parametrize(
    ("certificates", "signers", "limit"),
    [(tlv.sequence() * 1025, signer(1), 1024), (b"", signer(1) * 9, 8), (b"", signer(33), 32)],
    ids=["certificates", "signers", "attributes"],
)
def test_messages_of_too_many_parts(certificates: bytes, signers: bytes, limit: int) -> None:
    assert len(cms.parse(message(tlv.sequence() * 1024, signer(32) * 8)).signers) == 8
    with pytest.raises(FormatError) as caught:
        cms.parse(message(certificates, signers))
    assert caught.value.facts["limit"] == limit


def test_biometric_headers_of_too_many_parts() -> None:
    for header in (
        b"\x80\x00" * 2,
        b"".join(bytes((0x90 + i, 0)) for i in range(13)) + bytes.fromhex("A000A100A200A300"),
    ):
        block = tlv.encode(0x7F60, tlv.encode(0xA1, header) + tlv.encode(0x5F2E, b"x"))
        found = dg3.parse(tlv.encode(0x63, tlv.encode(0x7F61, tlv.integer(1) + block)))
        assert any("twice" in part.error.message or "too many" in part.error.message for part in found.odd)
