"""CV certificates and requests: what is written is read, what the slow truth writes too, anything else is refused."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.emrtd import tlv
from cccd_core.emrtd.cv import CvCertificate, Right, Role, parse_certificate, parse_request
from cccd_core.emrtd.cv.certificate import parse_for_verification
from cccd_core.errors import FormatError
from cccd_core.pki.cv import make_request
from reference import cv_naive as naive
from support.terminals import Hierarchy, pair

names = st.builds(
    lambda country, mnemonic, sequence: country + mnemonic + sequence,
    st.text("ABCXYZ", min_size=2, max_size=2),
    st.text("ABCabc09 -é", min_size=1, max_size=9),
    st.text("0189AZ", min_size=5, max_size=5),
)
day = st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31))


@cache
def _point() -> tuple[int, int]:
    return naive.multiply("brainpoolP256r1", 7)


@given(names, names, st.integers(0, 255), day, day, st.booleans())
def test_what_the_slow_truth_writes(
    authority: str, holder: str, bits: int, one: dt.date, other: dt.date, parameters: bool
) -> None:
    effective, expiration = sorted((one, other))
    key = naive.ec_key("2.3", "brainpoolP256r1", _point(), parameters=parameters)
    body = naive.body(authority, key, holder, bits, f"{effective:%y%m%d}", f"{expiration:%y%m%d}")
    data = naive.certificate(body, bytes(range(64)))
    read = parse_certificate(data)
    said = read.body
    assert (str(said.authority), str(said.holder)) == (authority, holder)
    assert (said.effective, said.expiration) == (effective, expiration)
    assert (said.authorization.role, said.authorization.rights) == (Role(bits >> 6), Right(bits & 0x3F))
    assert (said.public_key.key is not None) == parameters
    assert said.encode() == body
    assert read.encoded == data
    assert parse_for_verification(data[tlv.read_one(data).value_offset :]) == read
    if effective != expiration:
        backwards = naive.body(authority, key, holder, bits, f"{expiration:%y%m%d}", f"{effective:%y%m%d}")
        with pytest.raises(FormatError, match="expires before"):
            parse_certificate(naive.certificate(backwards, bytes(64)))


@cache
def _samples() -> tuple[bytes, ...]:
    country = Hierarchy()
    request = make_request(pair("VNTESTDV00002"), authority=country.cvca.reference, authenticate=country.dv)
    return country.root().encoded, country.verifier().encoded, request.encoded, request.inner


@settings(max_examples=400)
@given(st.integers(0, 3), st.integers(0, 2000), st.integers(1, 255))
def test_a_changed_byte_is_read_or_refused(which: int, position: int, change: int) -> None:
    data = bytearray(_samples()[which])
    data[position % len(data)] ^= change
    parse = parse_certificate if which < 2 else parse_request
    try:
        read = parse(bytes(data))
    except FormatError:
        return
    if isinstance(read, CvCertificate):
        assert read.encoded == bytes(data)


@given(st.binary(max_size=200))
def test_anything(raw: bytes) -> None:
    for parse in (parse_certificate, parse_for_verification, parse_request):
        with pytest.raises(FormatError):
            parse(raw)


def _parts(data: bytes) -> tuple[list[bytes], bytes]:
    reader = tlv.read_one(data).reader()
    body, signature = reader.next(), reader.next()
    return [tlv.encode(one.tag, one.value) for one in body.reader()], signature.value


def _certificate(parts: list[bytes], signature: bytes = bytes(64)) -> bytes:
    return naive.certificate(naive.tlv(0x7F4E, *parts), signature)


@pytest.mark.parametrize("number", range(7))
def test_every_part_is_needed_once_and_in_its_place(number: int) -> None:
    parts, signature = _parts(_samples()[0])
    assert parse_certificate(_certificate(parts, signature))
    for wrong in (
        parts[:number] + parts[number + 1 :],
        [*parts[:number], parts[number], *parts[number:]],
        [*parts[:number], *parts[number + 1 :], parts[number]] if number < 6 else [parts[6], *parts[:6]],
    ):
        with pytest.raises(FormatError):
            parse_certificate(_certificate(wrong, signature))


def test_neighbours_that_are_refused() -> None:
    parts, signature = _parts(_samples()[0])
    whole = _samples()[0]
    for index, wrong in (
        (0, naive.tlv(0x5F29, b"\x01")),
        (0, naive.tlv(0x5F29)),
        (1, naive.tlv(0x42, b"VNCVCA")),
        (4, naive.tlv(0x7F4C, naive.oid("0.4.0.127.0.7.3.1.2.2"), naive.tlv(0x53, bytes(5)))),
        (4, naive.tlv(0x7F4C, naive.oid("0.4.0.127.0.7.3.1.2.1"), naive.tlv(0x53, bytes(2)))),
        (5, naive.tlv(0x5F25, b"260101")),
        (5, naive.tlv(0x5F25, naive.date("260229"))),
        (6, naive.tlv(0x5F24, naive.date("261301"))),
        (2, naive.tlv(0x7F49, naive.oid("0.4.0.127.0.7.2.2.2.2.6"), naive.tlv(0x86, b"\x04" + bytes(64)))),
        (2, naive.tlv(0x7F49, naive.oid("0.4.0.127.0.7.2.2.2.1.2"), naive.tlv(0x81, b"\x03"), naive.tlv(0x82, b"\3"))),
    ):
        with pytest.raises(FormatError):
            parse_certificate(_certificate([*parts[:index], wrong, *parts[index + 1 :]], signature))
    for data in (
        whole + b"\0",
        whole[:-1],
        naive.tlv(0x7F21, whole),
        _certificate(parts, b""),
        _certificate(parts, bytes(2000)),
        _certificate([*parts, naive.tlv(0x65)]),
        _certificate([*parts, naive.tlv(0x65, naive.tlv(0x73, naive.tlv(0x80, b"x")))]),
        _certificate([*parts, naive.tlv(0x65, *[naive.tlv(0x73, naive.oid("1.2.3"))] * 17)]),
        whole.replace(b"\x5f\x29\x01\x00", b"\x5f\x29\x81\x01\x00"),
        bytes(9000),
    ):
        with pytest.raises(FormatError):
            parse_certificate(data)


def test_extensions_are_kept() -> None:
    parts, _ = _parts(_samples()[1])
    extension = naive.tlv(0x73, naive.oid("1.2.3"), naive.tlv(0x80, b"abc"), naive.tlv(0x81))
    data = _certificate([*parts, naive.tlv(0x65, extension)])
    read = parse_certificate(data)
    assert read.body.extensions == (("1.2.3", naive.tlv(0x80, b"abc") + naive.tlv(0x81)),)
    assert read.body.encode() == read.signed


def test_other_domain_parameters_are_refused() -> None:
    """One number changed, and the curve is not the one that it looks like."""
    parts, signature = _parts(_samples()[0])
    key = tlv.read_one(parts[2])
    fields = [(one.tag, one.value) for one in key.reader()]
    for index in range(1, 8):
        tag, value = fields[index]
        changed = [*fields[:index], (tag, value[:-1] + bytes((value[-1] ^ 2,))), *fields[index + 1 :]]
        wrong = naive.tlv(0x7F49, *(naive.tlv(tag, value) for tag, value in changed))
        with pytest.raises(FormatError):
            parse_certificate(_certificate([*parts[:2], wrong, *parts[3:]], signature))
    without_cofactor = naive.tlv(0x7F49, *(naive.tlv(tag, value) for tag, value in fields[:7]))
    assert parse_certificate(_certificate([*parts[:2], without_cofactor, *parts[3:]], signature))
    for missing in range(1, 6):
        some = [field for number, field in enumerate(fields) if number != missing]
        with pytest.raises(FormatError):
            parse_certificate(
                _certificate([*parts[:2], naive.tlv(0x7F49, *(naive.tlv(*one) for one in some)), *parts[3:]])
            )
