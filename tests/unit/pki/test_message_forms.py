"""EF.SOD in the forms in which States sign it, each beside what looks like it and stays refused."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest

from cccd_core.emrtd import ber, cms, sod, times, tlv
from cccd_core.errors import CccdError, CertificateError, FormatError, VerificationError
from cccd_core.pki import TrustStore, parse_certificate, passive_authentication
from cccd_core.pki.passive import DocumentReport
from support import x509_forms as forms

BASE = forms.Base()
TRUST = TrustStore([parse_certificate(BASE.csca.certificate)])
SIGNED_2026 = forms.signing_time(times.encode(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)))


def check(data: bytes, base: forms.Base = BASE) -> DocumentReport:
    return passive_authentication(data, base.groups, TRUST, forms.AT)


def refused(data: bytes) -> CccdError:
    with pytest.raises((FormatError, VerificationError, CertificateError)) as caught:
        check(data)
    return caught.value


# ---- the content's type


@pytest.mark.parametrize("content_type", sorted(sod.CONTENT_TYPES))
def test_content_types_of_old_issuers(content_type: str) -> None:
    assert check(forms.message(BASE, content_type=content_type)).digest_algorithm == "sha256"
    for other in sod.CONTENT_TYPES - {content_type}:
        signed = forms.attributes(BASE.content, other)
        error = refused(forms.message(BASE, content_type=content_type, signed=signed))
        assert error.facts["check"] == "content_type"
    without = forms.attributes(BASE.content, content_type)[1:]
    assert refused(forms.message(BASE, content_type=content_type, signed=without)).facts["check"] == "content_type"


@pytest.mark.parametrize("content_type", ["2.23.136.1.1.2", "1.2.840.113549.1.7.2", "1.2.3", "2.23.136.1.1.1.1"])
def test_other_content_types(content_type: str) -> None:
    assert refused(forms.message(BASE, content_type=content_type)).facts["content_type"] == content_type


def test_an_lds_security_object_needs_signed_attributes() -> None:
    assert refused(forms.message(BASE, signed=[])).facts["check"] == "signed_attributes"


# ---- signed attributes (RFC 5652 clause 5.4)


def test_signed_attributes_in_any_order_are_signed_in_that_of_der() -> None:
    signed = forms.attributes(BASE.content, sod.LDS_SECURITY_OBJECT, SIGNED_2026)
    for sent in (sorted(signed, reverse=True), signed, sorted(signed)):
        data = forms.message(BASE, signed=signed, sent=sent)
        assert check(data).signing_time == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        info = sod.parse(data).signed_data.signers[0]
        assert info.signed_attributes_sent == tlv.encode(tlv.SET, b"".join(sent))
        assert ber.to_der(info.signed_attributes_sent or b"") == tlv.set_of(signed)


def test_signed_attributes_in_ber_are_signed_as_der() -> None:
    signed = forms.attributes(BASE.content)
    long = [b"\x30\x81" + each[1:] for each in sorted(signed)]
    assert check(forms.message(BASE, signed=signed, sent=long))
    endless = [b"\x30\x80" + each[2:] + b"\0\0" for each in sorted(signed)]
    assert check(forms.message(BASE, signed=signed, sent=endless))


@pytest.mark.parametrize("kind", [cms.CONTENT_TYPE, cms.MESSAGE_DIGEST, cms.SIGNING_TIME])
def test_an_attribute_twice_or_with_two_values(kind: str) -> None:
    signed = forms.attributes(BASE.content, sod.LDS_SECURITY_OBJECT, SIGNED_2026)
    one = next(each for each in signed if tlv.oid(kind) in each)
    value = tlv.read_one(one).value[len(tlv.oid(kind)) :]
    inside = tlv.read_one(value).value
    for odd in (
        [*signed, one],
        [each for each in signed if each != one] + [tlv.sequence(tlv.oid(kind), tlv.encode(tlv.SET, inside * 2))],
        [each for each in signed if each != one] + [tlv.sequence(tlv.oid(kind), tlv.encode(tlv.SET, b""))],
    ):
        assert refused(forms.message(BASE, signed=odd)).facts["rule"] in {"signed_attributes", "signing_time"}


def test_other_attributes_may_have_any_number_of_values() -> None:
    other = tlv.sequence(tlv.oid("1.2.3"), tlv.set_of([tlv.integer(1), tlv.integer(2)]))
    empty = tlv.sequence(tlv.oid("1.2.4"), tlv.encode(tlv.SET, b""))
    signed = forms.attributes(BASE.content, sod.LDS_SECURITY_OBJECT, other, empty)
    assert check(forms.message(BASE, signed=signed))


def test_what_is_signed_is_the_attributes_with_the_tag_of_a_set() -> None:
    signed = forms.attributes(BASE.content)
    wrong = b"\xa0" + tlv.set_of(signed)[1:]
    assert refused(forms.message(BASE, signed=signed, to_sign=wrong)).facts["check"] == "signature"


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("170B323530313031303030305A", (2025, 1, 1, 0, 0)),
        ("181332303235303130313030303030302E3132335A", (2025, 1, 1, 0, 0, 0, 123_000)),
        ("17113235303130313030303030302B30373030", (2024, 12, 31, 17, 0)),
        ("180F32303235303130313030303030305A", (2025, 1, 1)),
    ],
)
def test_signing_times_in_every_form(written: str, time: tuple[int, ...]) -> None:
    signed = forms.attributes(BASE.content, sod.LDS_SECURITY_OBJECT, forms.signing_time(bytes.fromhex(written)))
    assert check(forms.message(BASE, signed=signed)).signing_time == dt.datetime(*time, tzinfo=dt.UTC)


# ---- BER


def endless(data: bytes, depth: int) -> bytes:
    """The outer `depth` levels in indefinite lengths; the octet string of the content in pieces."""
    found = tlv.read_one(data)
    if found.tag == tlv.OCTET_STRING:
        half = len(found.value) // 2
        return b"\x24\x80" + tlv.octet_string(found.value[:half]) + tlv.octet_string(found.value[half:]) + b"\0\0"
    if not found.constructed or not depth:
        return data
    inside = b"".join(endless(tlv.encode(each.tag, each.value), depth - 1) for each in found.reader())
    return data[:1] + b"\x80" + inside + b"\0\0"


@pytest.mark.parametrize("depth", range(1, 16))
def test_indefinite_lengths_to_any_depth(depth: int) -> None:
    """To depth 5 the frame of the message, beyond it the certificate and the signer's part: all that is signed is DER
    again before it is verified."""
    bare = forms.message(BASE, tag=None)
    assert check(tlv.encode(0x77, endless(bare, depth)))
    assert check(b"\x77\x80" + endless(bare, depth) + b"\0\0")


def test_a_content_in_ber_is_hashed_as_it_is() -> None:
    content = b"\x30\x80" + tlv.read_one(BASE.content).value + b"\0\0"
    assert check(forms.message(BASE, content=content))
    digest = hashlib.sha256(BASE.content).digest()
    stated = tlv.sequence(tlv.oid(cms.MESSAGE_DIGEST), tlv.set_of([tlv.octet_string(digest)]))
    signed = [forms.attributes(content)[0], stated]
    assert refused(forms.message(BASE, content=content, signed=signed)).facts["check"] == "message_digest"


def test_a_length_of_more_bytes_than_it_needs() -> None:
    bare = forms.message(BASE, tag=None)
    for length in (b"\x83" + len(bare).to_bytes(3, "big"), b"\x84" + len(bare).to_bytes(4, "big")):
        assert check(b"\x77" + length + bare)
    assert refused(b"\x77\x85" + len(bare).to_bytes(5, "big") + bare)


def test_bytes_behind_are_refused() -> None:
    data = forms.message(BASE)
    bare = forms.message(BASE, tag=None)
    for odd in (data + b"\0", data + b"\0\0", b"\x77\x80" + bare + b"\0\0\0", tlv.encode(0x77, bare + b"\0\0"), bare):
        assert isinstance(refused(odd), FormatError)
    assert isinstance(refused(b"\x77\x80" + bare), FormatError)


# ---- the frame


@pytest.mark.parametrize("version", [1, 3, 4, 5])
def test_versions(version: int) -> None:
    assert check(forms.message(BASE, version=version))
    assert check(forms.message(BASE, signer_version=3 if version > 1 else 1))


def rebuilt(change: dict[int, bytes | None]) -> bytes:
    """The message of the base with the parts of SignedData (0 version, 1 digests, 2 content, 3 certificates, 4
    signers) as `change` says; None leaves one out."""
    outer = tlv.read_one(forms.message(BASE, tag=None)).reader()
    outer.next()
    parts = [tlv.encode(e.tag, e.value) for e in outer.next().reader().next().reader()]
    body = b"".join(change.get(at, part) or b"" for at, part in enumerate(parts))
    whole = tlv.sequence(tlv.oid(cms.SIGNED_DATA), tlv.encode(0xA0, tlv.sequence(body)))
    return tlv.encode(0x77, whole)


def part(number: int) -> bytes:
    outer = tlv.read_one(forms.message(BASE, tag=None)).reader()
    outer.next()
    return [tlv.encode(e.tag, e.value) for e in outer.next().reader().next().reader()][number]


def test_other_choices_beside_the_certificate_are_passed_over() -> None:
    certificate = BASE.signer.certificate
    for tag in (0xA0, 0xA1, 0xA2, 0xA3):
        other = tlv.encode(tag, tlv.sequence(tlv.integer(1)))
        assert check(rebuilt({3: tlv.encode(0xA0, other + certificate)}))
        assert check(rebuilt({3: tlv.encode(0xA0, certificate + other)}))
    assert check(rebuilt({1: tlv.encode(tlv.SET, b"")}))
    crl = tlv.encode(0xA1, tlv.sequence(tlv.integer(1)))
    data = rebuilt({3: tlv.encode(0xA0, certificate) + crl})
    assert check(data)
    assert sod.parse(data).signed_data.crls == (tlv.sequence(tlv.integer(1)),)


def test_no_content_and_no_signer() -> None:
    absent = tlv.sequence(tlv.oid(sod.LDS_SECURITY_OBJECT))
    assert "content is missing" in str(refused(rebuilt({2: absent})))
    assert "no signer" in str(refused(rebuilt({4: tlv.encode(tlv.SET, b"")})))
    assert cms.parse_bag(tlv.read_one(rebuilt({2: absent, 4: tlv.encode(tlv.SET, b"")})).value).certificates
    with pytest.raises(FormatError):
        cms.parse(tlv.read_one(rebuilt({2: absent})).value)


def test_one_right_signature_among_several_is_enough_and_a_wrong_one_is_none() -> None:
    stranger = forms.Base()
    strange = forms.message(stranger, content=BASE.content, tag=None)
    outer = tlv.read_one(strange).reader()
    outer.next()
    other = list(outer.next().reader().next().reader())[-1].value
    mine = tlv.read_one(part(4)).value
    for signers in (other + mine, mine + other):
        assert check(rebuilt({4: tlv.encode(tlv.SET, signers)}))
    assert refused(rebuilt({4: tlv.encode(tlv.SET, other)}))
    assert refused(rebuilt({4: tlv.encode(tlv.SET, other * 2)}))


@pytest.mark.parametrize("version", [0, 1])
def test_the_version_of_the_lds_may_stand_or_be_left_out(version: int) -> None:
    parts = tlv.read_one(BASE.content).reader()
    parts.next()
    rest = b"".join(tlv.encode(e.tag, e.value) for e in parts)
    lds = tlv.sequence(*(tlv.encode(tlv.PRINTABLE_STRING, text) for text in (b"0108", b"040000")))
    for tail, stated in ((b"", None), (lds, "0108")):
        content = tlv.sequence(tlv.integer(version), rest, tail)
        assert check(forms.message(BASE, content=content))
        assert sod.parse_security_object(content).lds_version == stated
    assert refused(forms.message(BASE, content=tlv.sequence(tlv.integer(2), rest)))
    assert refused(forms.message(BASE, content=tlv.sequence(tlv.integer(version), rest, lds, lds)))
